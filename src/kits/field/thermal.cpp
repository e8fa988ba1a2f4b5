#include "kits/field/thermal.h"

#include <fmt/format.h>

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "base/error.h"

namespace meso::field {

Propagator propagator(double w2, double damping, double t) {
  const double g = 0.5 * damping, disc = w2 - g * g, z = disc * t * t;
  // cos(sqrt z) and sin(sqrt z)/sqrt z times t, for either sign; e^(-g t) is taken inside so that strong damping does not overflow.
  double c, h;
  if (std::abs(z) < 1e-6) {
    const double e = std::exp(-g * t);
    c = e * (1 - z / 2 + z * z / 24), h = e * t * (1 - z / 6 + z * z / 120);
  } else if (disc > 0) {
    const double w = std::sqrt(disc), e = std::exp(-g * t);
    c = e * std::cos(w * t), h = e * std::sin(w * t) / w;
  } else {
    const double r = std::sqrt(-disc), slow = std::exp((r - g) * t), fast = std::exp(-(r + g) * t);
    c = 0.5 * (slow + fast), h = 0.5 * (slow - fast) / r;
  }
  return {c + g * h, h, -w2 * h, c - g * h};
}

ModeMoments damped_mode(double w2, double damping, double temperature, double t) {
  if (temperature == 0 || damping == 0) return {0, 0};
  if (std::isinf(t)) return {w2 > 0 ? temperature / w2 : std::numeric_limits<double>::infinity(), temperature};
  if (w2 == 0) {
    const double u = damping * t, e = std::exp(-u);
    const double spread = u < 1e-3 ? u * u * u * (2.0 / 3 - u / 2) : 2 * u - 3 + 4 * e - e * e;
    return {temperature / (damping * damping) * spread, temperature * (1 - e * e)};
  }
  // Equilibrium minus what is still remembered of it: Sigma(t) = Sigma - M Sigma M^T.
  const Propagator m = propagator(w2, damping, t);
  return {temperature * ((1 - m.m11 * m.m11) / w2 - m.m12 * m.m12), temperature * (1 - m.m21 * m.m21 / w2 - m.m22 * m.m22)};
}

double relaxing_mode(double w2, double temperature, double t) {
  if (std::isinf(t)) return w2 > 0 ? temperature / w2 : std::numeric_limits<double>::infinity();
  return w2 == 0 ? 2 * temperature * t : temperature * -std::expm1(-2 * w2 * t) / w2;
}

Hartree hartree(const Potential& potential, const Spectral& spectral, double stiffness, double temperature, double start) {
  const double volume = spectral.grid().volume();
  const auto variance_of = [&](double m2) {
    double sum = 0;
    for (std::size_t i = 0; i < spectral.modes(); ++i) sum += spectral.weight()[i] * temperature / (volume * (stiffness * spectral.k_squared()[i] + m2));
    return sum;
  };
  // Gaussian averages by the trapezoid rule over 8 standard deviations: exponentially accurate for smooth V.
  const auto average = [&](double mean, double variance, bool second) {
    const double sigma = std::sqrt(variance);
    double sum = 0, mass = 0;
    for (int i = -80; i <= 80; ++i) {
      const double s = 0.1 * i, w = std::exp(-0.5 * s * s), x = mean + sigma * s;
      mass += w;
      sum += w * (second ? potential.curvature(x) : potential.slope(x));
    }
    return sum / mass;
  };
  Hartree h;
  bool found = false;
  h.mean = potential.minimum_near(start, found);
  h.mass2 = potential.curvature(h.mean);
  if (!found || !(h.mass2 > 0)) return h;
  for (h.iterations = 1; h.iterations <= 2000; ++h.iterations) {
    h.variance = variance_of(h.mass2);
    const double force = average(h.mean, h.variance, false), mass2 = average(h.mean, h.variance, true);
    if (!(mass2 > 0) || !std::isfinite(force)) return h;  // the Gaussian melts: no self-consistent state near here
    const double mean = h.mean - force / mass2;
    const double moved = std::abs(mean - h.mean) + std::abs(mass2 - h.mass2);
    h.mean = 0.5 * (h.mean + mean), h.mass2 = 0.5 * (h.mass2 + mass2);
    if (moved < 1e-13 * (1 + h.mass2)) {
      h.found = true;
      break;
    }
  }
  h.variance = variance_of(h.mass2);
  return h;
}

namespace {

TransferOperator diagonalise(const Potential& potential, double temperature, double length, double stiffness, double lo, double hi, int n) {
  const double h = (hi - lo) / (n - 1), kinetic = temperature * temperature / (2 * stiffness) / (h * h);
  Eigen::MatrixXd matrix(n, n);
  std::vector<double> x(static_cast<std::size_t>(n));
  for (int i = 0; i < n; ++i) {
    x[static_cast<std::size_t>(i)] = lo + h * i;
    for (int j = 0; j < n; ++j) {
      const double d = i - j;
      matrix(i, j) = i == j ? kinetic * std::numbers::pi * std::numbers::pi / 3 + potential.value(lo + h * i) : kinetic * ((i - j) % 2 == 0 ? 2.0 : -2.0) / (d * d);
    }
  }
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(matrix);
  TransferOperator t;
  const double e0 = solver.eigenvalues()(0);
  double z = 0;
  for (int s = 0; s < n; ++s) {
    const double gap = solver.eigenvalues()(s) - e0;
    const double weight = s == 0 ? 1.0 : std::exp(-length * gap / temperature);
    if (s < 8) t.levels.push_back(solver.eigenvalues()(s));
    if (weight < 1e-17 && s >= 8) break;
    double m1 = 0, m2 = 0, m4 = 0;
    for (int i = 0; i < n; ++i) {
      const double p = solver.eigenvectors()(i, s) * solver.eigenvectors()(i, s), at = x[static_cast<std::size_t>(i)];
      m1 += p * at, m2 += p * at * at, m4 += p * at * at * at * at;
    }
    z += weight, t.mean += weight * m1, t.phi2 += weight * m2, t.phi4 += weight * m4;
  }
  t.mean /= z, t.phi2 /= z, t.phi4 /= z;
  t.correlation_length = temperature / (t.levels[1] - t.levels[0]);
  return t;
}

}  // namespace

TransferOperator transfer_operator(const Potential& potential, double temperature, double length, double stiffness) {
  if (!(temperature > 0)) throw ParameterError("the transfer operator needs a temperature above 0");
  bool found = false;
  const double centre = potential.minimum_near(0.01, found), bottom = [&] {
    double least = potential.value(centre);
    for (int i = -400; i <= 400; ++i) least = std::min(least, potential.value(centre + 0.05 * i));
    return least;
  }();
  // The wave function has died out where the action under the barrier reaches 40, and no other well lies behind.
  const auto rises_from = [&](double x, double direction) {
    for (int i = 0; i < 100; ++i)
      if (!(potential.value(x + direction * 0.1 * (i + 1)) > potential.value(x + direction * 0.1 * i))) return false;
    return true;
  };
  const auto edge = [&](double direction) {
    double x = centre, action = 0;
    const double step = 0.005 * std::max(1.0, std::sqrt(temperature));
    for (int i = 0; i < 2000000; ++i) {
      x += direction * step;
      const double above = potential.value(x) - bottom;
      action = above > 0 ? action + std::sqrt(2 * stiffness * above) / temperature * step : 0;
      if (action > 40 && rises_from(x, direction)) return x;
      if (std::abs(x - centre) > 200 * (1 + std::sqrt(temperature))) break;
    }
    throw ModelError(fmt::format("the potential '{}' does not confine phi: at T = {} its law spreads for ever and the transfer operator gives no <phi^2>", potential.text(), temperature));
  };
  const double hi = edge(+1), lo = edge(-1);
  // Points a shortest wavelength: kinetic energy up to 40 T-actions above the bottom; at low temperature the width is sqrt(T).
  const int n = std::clamp(static_cast<int>(60 * (hi - lo) / std::sqrt(temperature / std::sqrt(std::max(1.0, potential.curvature(centre) * stiffness))) / 8), 96, 420);
  TransferOperator fine = diagonalise(potential, temperature, length, stiffness, lo, hi, n);
  const TransferOperator coarse = diagonalise(potential, temperature, length, stiffness, lo, hi, 2 * n / 3);
  fine.error = std::abs(fine.phi2 - coarse.phi2) + 1e-12 * fine.phi2;
  return fine;
}

}  // namespace meso::field
