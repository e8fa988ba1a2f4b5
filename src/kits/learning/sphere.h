// Langevin dynamics on the unit sphere S^{d-1} in a landscape E:
//
//     dtheta = beta grad_S E dt + sqrt(2) dB_S,   stationary law ~ exp(beta E) (E is maximised),
//
// B_S Brownian motion on the sphere, grad_S the gradient projected onto the tangent space. Free diffusion relaxes the direction at rate d - 1.
//
// Schemes
//   projected  normalise(theta + P (beta grad E dt + sqrt(2 dt) z)), P the projection at theta: weak order 1. The arc is atan of a step that
//              should be an arc, so that dt (d - 1) must be small: at 0.1 the diffusion is some 7 % too slow.
//   geodesic   half a step of noise, a step of drift, half a step of noise: weak order 2 at two gradients a step. Noise goes along the
//              great circle of sqrt(2 tau) z_perp by the arc |.| sqrt(1 - (d-2) tau/3), which has the second moment of Brownian motion on the
//              sphere up to tau^2: d<phi^2>/dt = 2(d-1) - (2/3)(d-2)<phi^2> + ... ; drift by Heun's rule, renormalised.
#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace meso::learning {

/// E on R^d with its Euclidean gradient; on the sphere only its restriction matters.
template <class L>
concept SphereLandscape = requires(L landscape, const double* theta, double* gradient) {
  { landscape.dimension() } -> std::convertible_to<std::size_t>;
  { landscape.gradient(theta, gradient) } -> std::same_as<double>;
};

enum class SphereScheme { projected, geodesic };

namespace detail {

inline double dot(const double* a, const double* b, std::size_t d) {
  double sum = 0;
  for (std::size_t i = 0; i < d; ++i) sum += a[i] * b[i];
  return sum;
}

/// theta <- theta / |theta|; false if that is not finite.
inline bool normalise(double* theta, std::size_t d) {
  const double norm = std::sqrt(dot(theta, theta, d));
  const double inverse = 1 / norm;
  for (std::size_t i = 0; i < d; ++i) theta[i] *= inverse;
  return norm > 0 && std::isfinite(norm);
}

}  // namespace detail

/// A uniform point on the sphere.
template <class Random>
void uniform_on_sphere(std::span<double> theta, Random& random) {
  do {
    for (double& x : theta) x = random.normal();
  } while (!detail::normalise(theta.data(), theta.size()));
}

/// One step of Brownian motion on the sphere along a great circle. @param w  d normals of variance tau, overwritten
inline void sphere_noise_step(double* theta, double* w, std::size_t d, double tau) {
  const double along = detail::dot(theta, w, d);
  double square = 0;
  for (std::size_t i = 0; i < d; ++i) {
    w[i] -= along * theta[i];
    square += w[i] * w[i];
  }
  const double length = std::sqrt(square);
  if (!(length > 0)) return;
  const double shrink = std::sqrt(std::max(0.0, 1 - (static_cast<double>(d) - 2) * tau / 3));
  const double arc = std::sqrt(2.0) * length * shrink, c = std::cos(arc), s = std::sin(arc) / length;
  for (std::size_t i = 0; i < d; ++i) theta[i] = c * theta[i] + s * w[i];
}

template <SphereLandscape Landscape>
class SphereLangevin {
 public:
  SphereLangevin(Landscape& landscape, double beta, SphereScheme scheme) : landscape_(landscape), beta_(beta), scheme_(scheme), g_(landscape.dimension()), h_(g_.size()), x_(g_.size()) {}

  /// One step. @param w1, w2  d normals each, of variance dt/2, independent (their sum drives a step of `projected`); overwritten
  /// @returns false if theta is no longer finite
  bool step(double* theta, double dt, double* w1, double* w2) {
    const std::size_t d = g_.size();
    if (scheme_ == SphereScheme::projected) {
      landscape_.gradient(theta, g_.data());
      const double root = std::sqrt(2.0);
      for (std::size_t i = 0; i < d; ++i) g_[i] = beta_ * dt * g_[i] + root * (w1[i] + w2[i]);
      const double along = detail::dot(theta, g_.data(), d);
      for (std::size_t i = 0; i < d; ++i) theta[i] += g_[i] - along * theta[i];
      return detail::normalise(theta, d);
    }
    sphere_noise_step(theta, w1, d, 0.5 * dt);
    const bool fine = drift(theta, dt);
    sphere_noise_step(theta, w2, d, 0.5 * dt);
    return fine && detail::normalise(theta, d);
  }

  /// Gradient ascent on the sphere, dtheta/dt = beta grad_S E, by Heun's rule.
  bool drift(double* theta, double dt) {
    const std::size_t d = g_.size();
    tangent(theta, g_.data());
    for (std::size_t i = 0; i < d; ++i) x_[i] = theta[i] + dt * g_[i];
    if (!detail::normalise(x_.data(), d)) return false;
    tangent(x_.data(), h_.data());
    for (std::size_t i = 0; i < d; ++i) theta[i] += 0.5 * dt * (g_[i] + h_[i]);
    return detail::normalise(theta, d);
  }

 private:
  void tangent(const double* theta, double* g) {
    const std::size_t d = g_.size();
    landscape_.gradient(theta, g);
    const double along = detail::dot(theta, g, d);
    for (std::size_t i = 0; i < d; ++i) g[i] = beta_ * (g[i] - along * theta[i]);
  }

  Landscape& landscape_;
  double beta_;
  SphereScheme scheme_;
  std::vector<double> g_, h_, x_;
};

}  // namespace meso::learning
