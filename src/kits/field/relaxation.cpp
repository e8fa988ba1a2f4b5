#include "kits/field/relaxation.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/error.h"

namespace meso::field {

RelaxationField::RelaxationField(Spectral spectral, Potential potential, std::span<const double> phi, double stiffness)
    : spectral_(std::move(spectral)), potential_(std::move(potential)), stiffness_(stiffness), phi_(phi.begin(), phi.end()), slope_(phi.size()), work_(phi.size()) {
  if (phi.size() != spectral_.grid().size()) throw ParameterError(fmt::format("a field on {} points was given {} values", spectral_.grid().size(), phi.size()));
  for (std::size_t i = 0; i < phi.size(); ++i)
    if (!std::isfinite(phi[i])) throw ParameterError(fmt::format("the initial field is not finite at point {}: phi = {}", i, phi[i]));
  const double at_zero = potential_.curvature(0);
  linear_ = std::isfinite(at_zero) ? at_zero : 0;
  for (const double k2 : spectral_.k_squared()) c_.push_back(-stiffness_ * k2 - linear_);
  for (ModeVector* v : {&modes_, &n0_, &na_, &nb_, &nc_, &a_, &b_}) v->resize(spectral_.modes());
  spectral_.set_stiffness(stiffness_);
}

void RelaxationField::coefficients(double dt) {
  if (dt == dt_) return;
  dt_ = dt;
  for (std::vector<double>* v : {&e_, &e2_, &q_, &f1_, &f2_, &f3_}) v->resize(c_.size());
  constexpr int points = 32;  // on a circle of radius 1 about c dt: exact for entire functions up to 1e-15
  for (std::size_t i = 0; i < c_.size(); ++i) {
    const double z0 = c_[i] * dt;
    std::complex<double> q = 0, f1 = 0, f2 = 0, f3 = 0;
    for (int j = 0; j < points; ++j) {
      const std::complex<double> z = z0 + std::polar(1.0, 2 * std::numbers::pi * (j + 0.5) / points), e = std::exp(z), z3 = z * z * z;
      q += (std::exp(z / 2.0) - 1.0) / z;
      f1 += (-4.0 - z + e * (4.0 - 3.0 * z + z * z)) / z3;
      f2 += (2.0 + z + e * (z - 2.0)) / z3;
      f3 += (-4.0 - 3.0 * z - z * z + e * (4.0 - z)) / z3;
    }
    e_[i] = std::exp(z0), e2_[i] = std::exp(z0 / 2);
    q_[i] = dt * q.real() / points, f1_[i] = dt * f1.real() / points, f2_[i] = dt * f2.real() / points, f3_[i] = dt * f3.real() / points;
  }
}

void RelaxationField::nonlinear(std::span<const std::complex<double>> modes, std::span<std::complex<double>> out) {
  spectral_.from_modes(modes, work_);
  potential_.slopes(work_, slope_);
  for (std::size_t i = 0; i < slope_.size(); ++i) slope_[i] = linear_ * work_[i] - slope_[i];
  spectral_.to_modes(slope_, out);
}

void RelaxationField::advance(double dt, std::size_t count) {
  if (count == 0) return;
  coefficients(dt);
  const std::size_t m = c_.size();
  spectral_.to_modes(phi_, modes_);
  for (std::size_t step = 0; step < count; ++step) {
    nonlinear(modes_, n0_);
    for (std::size_t i = 0; i < m; ++i) a_[i] = e2_[i] * modes_[i] + q_[i] * n0_[i];
    nonlinear(a_, na_);
    for (std::size_t i = 0; i < m; ++i) b_[i] = e2_[i] * modes_[i] + q_[i] * na_[i];
    nonlinear(b_, nb_);
    for (std::size_t i = 0; i < m; ++i) b_[i] = e2_[i] * a_[i] + q_[i] * (2.0 * nb_[i] - n0_[i]);
    nonlinear(b_, nc_);
    for (std::size_t i = 0; i < m; ++i) modes_[i] = e_[i] * modes_[i] + f1_[i] * n0_[i] + 2.0 * f2_[i] * (na_[i] + nb_[i]) + f3_[i] * nc_[i];
  }
  spectral_.from_modes(modes_, phi_);
  time_ += dt * static_cast<double>(count);
}

void RelaxationField::langevin(double dt, std::size_t count, double temperature, FastStream& noise) {
  if (count == 0) return;
  const std::size_t m = c_.size();
  // Exact over a step: mode -> e^(c dt) mode + ((e^(c dt) - 1)/c) N + sqrt((e^(2 c dt) - 1)/(2 c)) sqrt(2 T) white.
  std::vector<double> grow(m), feed(m), shake(m);
  for (std::size_t i = 0; i < m; ++i) {
    const double c = c_[i];
    grow[i] = std::exp(c * dt);
    feed[i] = c == 0 ? dt : std::expm1(c * dt) / c;
    shake[i] = std::sqrt(2 * temperature / grid().cell() * (c == 0 ? dt : std::expm1(2 * c * dt) / (2 * c)));
  }
  spectral_.to_modes(phi_, modes_);
  const bool linear = potential_.is_quadratic() && potential_.slope(0) == 0;
  std::fill(n0_.begin(), n0_.end(), 0.0);
  for (std::size_t step = 0; step < count; ++step) {
    if (!linear) nonlinear(modes_, n0_);
    for (double& x : work_) x = noise.normal();
    spectral_.to_modes(work_, na_);
    for (std::size_t i = 0; i < m; ++i) modes_[i] = grow[i] * modes_[i] + feed[i] * n0_[i] + shake[i] * na_[i];
  }
  spectral_.from_modes(modes_, phi_);
  time_ += dt * static_cast<double>(count);
}

double RelaxationField::energy() {
  spectral_.laplacian(phi_, work_);
  double gradient = 0;
  for (std::size_t i = 0; i < phi_.size(); ++i) gradient -= phi_[i] * work_[i];
  return grid().cell() * (0.5 * gradient + potential_.sum(phi_));
}

bool RelaxationField::finite(double* largest) const {
  double most = 0, sum = 0;
  for (const double x : phi_) most = std::max(most, std::abs(x)), sum += x;
  if (largest != nullptr) *largest = most;
  return std::isfinite(sum);
}

}  // namespace meso::field
