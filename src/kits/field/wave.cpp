#include "kits/field/wave.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/error.h"
#include "base/text.h"
#include "kits/field/kernels.h"

namespace meso::field {

std::span<const double> weights_of(Scheme scheme) {
  static const double p = 1.0 / (4.0 - std::cbrt(4.0));
  static const std::array<double, 5> suzuki{p, p, 1.0 - 4.0 * p, p, p};
  static const std::array<double, 1> one{1.0};
  return scheme == Scheme::suzuki4 ? std::span<const double>(suzuki) : std::span<const double>(one);
}

double stability_limit(Scheme scheme, double omega) {
  if (scheme == Scheme::verlet) return 2.0 / omega;
  const auto stable = [&](double z) {  // z = omega dt; the step is a 2 x 2 matrix of determinant 1
    double a = 1, b = 0, c = 0, d = 1;
    for (const double w : weights_of(scheme)) {
      const double h = w * z, cosine = 1 - h * h / 2, up = h, down = -h * (1 - h * h / 4);
      const double a2 = cosine * a + up * c, b2 = cosine * b + up * d, c2 = down * a + cosine * c, d2 = down * b + cosine * d;
      a = a2, b = b2, c = c2, d = d2;
    }
    return std::abs(a + d) < 2.0;
  };
  double z = 0;
  while (z < 4 && stable(z + 1e-4)) z += 1e-4;
  return z / omega;
}

WaveField::WaveField(Spectral spectral, Potential potential, std::span<const double> phi, std::span<const double> pi)
    : spectral_(std::move(spectral)), potential_(std::move(potential)), phi_(phi.begin(), phi.end()), pi_(pi.begin(), pi.end()), lap_(phi.size()), slope_(phi.size()) {
  const std::size_t n = spectral_.grid().size();
  if (phi.size() != n || pi.size() != n) throw ParameterError(fmt::format("a field on {} points was given {} values and {} momenta", n, phi.size(), pi.size()));
  for (std::size_t i = 0; i < n; ++i)
    if (!std::isfinite(phi[i]) || !std::isfinite(pi[i])) throw ParameterError(fmt::format("the initial field is not finite at point {}: phi = {}, pi = {}", i, phi[i], pi[i]));
}

void WaveField::force() {
  if (current_) return;
  spectral_.laplacian(phi_, lap_);
  potential_.slopes(phi_, slope_);
  current_ = true;
}

void WaveField::advance(double dt, std::size_t count, Scheme scheme, const std::function<void(std::span<const double>)>& each) {
  if (count == 0) return;
  const std::span<const double> w = weights_of(scheme);
  const std::size_t n = phi_.size();
  double pending = 0.5 * dt * w[0];  // kick that is due before the next drift
  for (std::size_t step = 0; step < count; ++step) {
    for (std::size_t i = 0; i < w.size(); ++i) {
      force();
      kernels::kick_drift(phi_.data(), pi_.data(), lap_.data(), slope_.data(), pending, dt * w[i], n);
      current_ = false;
      const double next = i + 1 < w.size() ? w[i + 1] : w[0];
      pending = 0.5 * dt * (w[i] + next);
    }
    if (each) each(phi_);
  }
  force();
  kernels::kick(pi_.data(), lap_.data(), slope_.data(), 0.5 * dt * w[w.size() - 1], n);
  time_ += dt * static_cast<double>(count);
  steps_ += count;
}

void WaveField::langevin(double dt, std::size_t count, double damping, double temperature, FastStream& noise) {
  if (count == 0) return;
  const std::size_t n = phi_.size();
  const double keep = std::exp(-damping * dt);
  const double shake = std::sqrt(temperature / grid().cell() * -std::expm1(-2 * damping * dt));
  double pending = 0.5 * dt;
  for (std::size_t step = 0; step < count; ++step) {
    force();
    kernels::kick_drift(phi_.data(), pi_.data(), lap_.data(), slope_.data(), pending, 0.5 * dt, n);
    if (temperature > 0) {
      for (std::size_t i = 0; i < n; ++i) pi_[i] = keep * pi_[i] + shake * noise.normal();
    } else {
      kernels::scale(pi_.data(), keep, n);
    }
    kernels::add(phi_.data(), pi_.data(), 0.5 * dt, n);
    current_ = false;
    pending = dt;
  }
  force();
  kernels::kick(pi_.data(), lap_.data(), slope_.data(), 0.5 * dt, n);
  time_ += dt * static_cast<double>(count);
  steps_ += count;
}

std::size_t WaveField::adaptive(double end, double energy_tolerance, double& dt, const std::function<void(std::span<const double>)>& each) {
  const double shortest = 0.1 / grid().k_max(), longest = 0.5 / grid().k_max();
  if (!has_reference_) reference_energy_ = energy(), has_reference_ = true;
  std::size_t made = 0;
  while (end - time_ > 1e-9 * longest) {
    dt = std::clamp(dt, shortest, longest);
    const double left = end - time_;
    const auto wanted = static_cast<std::size_t>(std::ceil(left / dt - 1e-9));
    if (wanted <= 20) {
      advance(left / static_cast<double>(wanted), wanted, Scheme::verlet, each);
      return made + wanted;
    }
    advance(dt, 20, Scheme::verlet, each);
    made += 20;
    const double scale = std::max(std::abs(reference_energy_), 1e-300), error = std::abs(energy() - reference_energy_) / scale;
    if (!std::isfinite(error)) return made;
    if (error > 10 * energy_tolerance) dt *= 0.7;
    else if (error > 2 * energy_tolerance) dt *= 0.9;
    else if (error < energy_tolerance / 3) dt *= 1.05;
  }
  return made;
}

void WaveField::reverse() {
  for (double& p : pi_) p = -p;
}

double WaveField::kinetic() const {
  double sum = 0;
  for (const double p : pi_) sum += p * p;
  return 0.5 * grid().cell() * sum;
}

double WaveField::energy() {
  force();
  double gradient = 0;
  for (std::size_t i = 0; i < phi_.size(); ++i) gradient -= phi_[i] * lap_[i];
  return kinetic() + grid().cell() * (0.5 * gradient + potential_.sum(phi_));
}

double WaveField::momentum() {
  FieldVector slope(phi_.size());
  spectral_.derivative(phi_, 0, slope);
  double sum = 0;
  for (std::size_t i = 0; i < phi_.size(); ++i) sum -= pi_[i] * slope[i];
  return grid().cell() * sum;
}

bool WaveField::finite(double* largest) const {
  double most = 0, sum = 0;
  for (const double x : phi_) most = std::max(most, std::abs(x)), sum += x;
  if (largest != nullptr) *largest = most;
  return std::isfinite(sum);
}

}  // namespace meso::field
