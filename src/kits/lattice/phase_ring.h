// A field h_i on a ring of n sites, each coupled to its two neighbours: phase oscillators with any 2 pi-periodic coupling,
// and the lattice Kardar-Parisi-Zhang equation beside them, with the same time steps.
//
// Convention: phases are never wrapped. Their spread is the observable (it grows like the width of an interface), and
// wrapping would bound it; only differences of neighbours are reduced, inside the sine.
// The lattice spacing is 1: nu, lambda and D below are those of the field equation in sites and the model's own time.
#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "rng/stream.h"

namespace meso::lattice {

struct SineCosine {
  double sine, cosine_minus_one;
};
/// sin x and cos x - 1 from one half-angle pair; what the kernels of this file use, in the same bits.
/// Error below 2e-15 (absolute) for |x| < 1e6; no cancellation in cos x - 1 near 0. Own polynomial (Taylor to the 20th order
/// on [-pi/2, pi/2]), since the sine of the C library takes other instructions, and other bits, on other processors.
[[nodiscard]] SineCosine sine_cosine(double x);

/// Coupling Gamma(x) = sum_m sine[m-1] sin(m x) + cosine[m-1] (cos(m x) - 1), m = 1, 2, ...: the force on a site from a
/// neighbour that is x ahead. The -1 makes Gamma(0) = 0, which only fixes the rotating frame. Unit: 1/time.
struct FourierCoupling {
  std::vector<double> sine, cosine;

  /// Kuramoto-Sakaguchi: K [sin(x + delta) - sin delta].
  [[nodiscard]] static FourierCoupling sakaguchi(double K, double delta);
  [[nodiscard]] std::size_t harmonics() const { return std::max(sine.size(), cosine.size()); }
  [[nodiscard]] double operator()(double x) const;
  /// Gamma'(0) = nu of the continuum.
  [[nodiscard]] double slope() const;
  /// Gamma''(0) = lambda / 2 of the continuum.
  [[nodiscard]] double curvature() const;
  /// sum_m m sqrt(sine^2 + cosine^2): a bound of |Gamma'|, for the choice of a time step.
  [[nodiscard]] double steepest() const;
  /// Mean of Gamma' for a Gaussian x of mean 0: the slope of the statistical linearisation.
  [[nodiscard]] double gaussian_slope(double variance) const;
  /// Mean of Gamma for a Gaussian x of mean 0.
  [[nodiscard]] double gaussian_mean(double variance) const;
};

/// Force on every site of a ring: F_i = Gamma(h_{i+1} - h_i) + Gamma(h_{i-1} - h_i). One sine and cosine per bond: the
/// even and odd part of Gamma serve both ends.
class OscillatorForce {
 public:
  explicit OscillatorForce(FourierCoupling coupling);
  /// @param h, force  size n >= 3; force is overwritten
  void operator()(std::span<const double> h, std::span<double> force) const;
  [[nodiscard]] const FourierCoupling& coupling() const { return coupling_; }

 private:
  FourierCoupling coupling_;
};

/// Lattice KPZ: F_i = nu (a - b) + (lambda / 6) (a^2 + a b + b^2), a = h_{i+1} - h_i, b = h_i - h_{i-1}.
///
/// This form of (lambda/2) h_x^2 conserves the Gaussian stationary law of the linear equation exactly and is stable where
/// the squared central difference is not. Source: Lam and Shin (1998), doi:10.1103/PhysRevE.58.5592.
class KpzForce {
 public:
  KpzForce(double nu, double lambda) : nu_(nu), lambda_(lambda) {}
  void operator()(std::span<const double> h, std::span<double> force) const;

 private:
  double nu_, lambda_;
};

template <class F>
concept RingForce = requires(const F force, std::span<const double> h, std::span<double> out) { force(h, out); };

namespace detail {
/// The loops over sites exist twice: for 256-bit registers (AVX2) and for 128-bit ones. Which runs is a matter of speed only; that
/// both give the same bits is tested by calling either. `wide` needs a processor for which widest_registers() is `wide`.
enum class Registers { narrow, wide };
[[nodiscard]] Registers widest_registers();
/// @param coupling  as many sine as cosine coefficients, at least one of each
void oscillator_force(Registers registers, const FourierCoupling& coupling, std::span<const double> h, std::span<double> force);
void kpz_force(Registers registers, double nu, double lambda, std::span<const double> h, std::span<double> force);
[[nodiscard]] double mean_bond_cosine(Registers registers, std::span<const double> h);
void add_scaled(std::span<double> y, std::span<const double> x, double a);                                // y += a x
void set_sum(std::span<double> y, std::span<const double> x, std::span<const double> z, double a);        // y = x + a z
void fill_normal(std::span<double> out, double amplitude, FastStream& noise);                             // amplitude N(0,1)
}  // namespace detail

/// Buffers of the steps below; reused, so that no step allocates.
struct RingScratch {
  explicit RingScratch(std::size_t n) : a(n), b(n), y(n), noise(n) {}
  std::vector<double> a, b, y, noise;
};

/// dh_i = (F_i + drive_i) dt + sqrt(2 D) dW_i, one Euler-Maruyama step: weak and (additive noise) strong order 1.
/// @param drive  frozen drive of every site, or empty
/// @param D      noise strength >= 0; nothing is drawn if 0
template <RingForce F>
void euler_maruyama_step(const F& force, std::span<double> h, std::span<const double> drive, double D, double dt, FastStream& noise, RingScratch& s) {
  force(h, s.a);
  detail::add_scaled(h, s.a, dt);
  if (!drive.empty()) detail::add_scaled(h, drive, dt);
  if (D > 0) {
    detail::fill_normal(s.noise, std::sqrt(2.0 * D * dt), noise);
    detail::add_scaled(h, s.noise, 1.0);
  }
}

/// The same by Heun's step with one noise for both stages: weak order 2, strong order 1.
/// Source: Honeycutt (1992), doi:10.1103/PhysRevA.45.600, method SRKII.
template <RingForce F>
void heun_step(const F& force, std::span<double> h, std::span<const double> drive, double D, double dt, FastStream& noise, RingScratch& s) {
  force(h, s.a);
  if (!drive.empty()) detail::add_scaled(s.a, drive, 1.0);
  detail::set_sum(s.y, h, s.a, dt);
  if (D > 0) {
    detail::fill_normal(s.noise, std::sqrt(2.0 * D * dt), noise);
    detail::add_scaled(s.y, s.noise, 1.0);
  }
  force(s.y, s.b);
  if (!drive.empty()) detail::add_scaled(s.b, drive, 1.0);
  detail::add_scaled(h, s.a, 0.5 * dt);
  detail::add_scaled(h, s.b, 0.5 * dt);
  if (D > 0) detail::add_scaled(h, s.noise, 1.0);
}

/// The classical fourth-order Runge-Kutta step of dh_i/dt = F_i + drive_i (no noise).
template <RingForce F>
void rk4_step(const F& force, std::span<double> h, std::span<const double> drive, double dt, RingScratch& s) {
  const auto stage = [&](std::span<const double> at, std::span<double> k) {
    force(at, k);
    if (!drive.empty()) detail::add_scaled(k, drive, 1.0);
  };
  stage(h, s.a);  // s.b collects k1 + 2 k2 + 2 k3 + k4
  std::copy(s.a.begin(), s.a.end(), s.b.begin());
  for (const auto& [ahead, weight] : {std::pair{0.5, 2.0}, std::pair{0.5, 2.0}, std::pair{1.0, 1.0}}) {
    detail::set_sum(s.y, h, s.a, ahead * dt);
    stage(s.y, s.a);
    detail::add_scaled(s.b, s.a, weight);
  }
  detail::add_scaled(h, s.b, dt / 6.0);
}

/// Averages over the sites of one configuration.
struct RingMoments {
  double mean = 0;                    ///< of h
  double m2 = 0, m3 = 0, m4 = 0;      ///< central moments over sites; m2 = W^2 of this configuration
  double cosine = 1;                  ///< mean of cos(h_{i+1} - h_i) over the n bonds
  double slips = 0;                   ///< share of bonds with |h_{i+1} - h_i| > pi
  double order = 1;                   ///< Kuramoto order |mean of exp(i h)|
};
[[nodiscard]] RingMoments measure(std::span<const double> h);
/// Mean of cos(h_{i+1} - h_i) alone: cheap enough for every few steps.
[[nodiscard]] double mean_bond_cosine(std::span<const double> h);
/// Mean of h, summed as in `measure`.
[[nodiscard]] double mean_height(std::span<const double> h);

}  // namespace meso::lattice
