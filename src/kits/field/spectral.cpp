#include "kits/field/spectral.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/error.h"
#include "kits/field/kernels.h"

namespace meso::field {
namespace {

constexpr double two_pi = 2 * std::numbers::pi;

// An array of doubles read as complex numbers, which the standard allows for the reverse; both are what FFTW expects.
std::span<const std::complex<double>> as_complex(std::span<const double> x) { return {reinterpret_cast<const std::complex<double>*>(x.data()), x.size() / 2}; }
std::span<std::complex<double>> as_complex(std::span<double> x) { return {reinterpret_cast<std::complex<double>*>(x.data()), x.size() / 2}; }
double* as_real(ModeVector& z) { return reinterpret_cast<double*>(z.data()); }

}  // namespace

Spectral::Spectral(Grid grid) : grid_(std::move(grid)) {
  grid_.check();
  const std::size_t n = grid_.n[0];
  const bool one = grid_.dimensions() == 1, anti = grid_.boundary == Boundary::antiperiodic;
  if (one) half_.emplace(std::vector<std::size_t>{n / 2});
  if (!anti) real_.emplace(grid_.n);
  if (anti) {
    cosine_.resize(n / 2), sine_.resize(n / 2);
    for (std::size_t j = 0; j < n / 2; ++j) {
      const double angle = std::numbers::pi * static_cast<double>(j) / static_cast<double>(n);
      cosine_[j] = std::cos(angle), sine_[j] = std::sin(angle);
    }
    for (std::size_t p = 0; p < n / 2; ++p) {  // modes 2p + 1/2, signed
      const double m = 2 * p < n / 2 ? 2.0 * static_cast<double>(p) + 0.5 : 2.0 * static_cast<double>(p) + 0.5 - static_cast<double>(n);
      const double k = two_pi * m / grid_.length[0];
      k2_.push_back(k * k), weight_.push_back(2);
    }
  } else if (one) {
    for (std::size_t j = 0; j <= n / 2; ++j) {
      const double k = two_pi * static_cast<double>(j) / grid_.length[0];
      k2_.push_back(k * k), weight_.push_back(j == 0 || j == n / 2 ? 1 : 2);
    }
  } else {
    const std::size_t rows = grid_.n[0], columns = grid_.n[1];
    for (std::size_t r = 0; r < rows; ++r)
      for (std::size_t c = 0; c <= columns / 2; ++c) {
        const double kr = two_pi * static_cast<double>(num::wave_index(r, rows)) / grid_.length[0], kc = two_pi * static_cast<double>(c) / grid_.length[1];
        k2_.push_back(kr * kr + kc * kc), weight_.push_back(c == 0 || c == columns / 2 ? 1 : 2);
      }
  }
  const std::size_t buffer = std::max(k2_.size(), n / 2);
  z_.resize(buffer);
  y_.resize(buffer);
  set_stiffness(1);
}

void Spectral::set_stiffness(double stiffness) {
  stiffness_ = stiffness;
  const std::size_t n = grid_.n[0], m = n / 2;
  if (grid_.dimensions() > 1) {
    a_.resize(2 * k2_.size());
    for (std::size_t i = 0; i < k2_.size(); ++i) a_[2 * i] = a_[2 * i + 1] = -stiffness * k2_[i] / static_cast<double>(grid_.size());
    return;
  }
  a_.resize(n), b_.resize(n);
  if (grid_.boundary == Boundary::antiperiodic) {
    for (std::size_t p = 0; p < m; ++p) a_[2 * p] = a_[2 * p + 1] = -stiffness * k2_[p] / static_cast<double>(m);
    return;
  }
  for (std::size_t k = 0; k < m; ++k) {
    const double here = -stiffness * k2_[k] / static_cast<double>(m), mirror = -stiffness * k2_[m - k] / static_cast<double>(m);
    const double s = 0.5 * (here + mirror), d = 0.5 * (here - mirror), angle = two_pi * static_cast<double>(k) / static_cast<double>(n);
    a_[2 * k] = a_[2 * k + 1] = s - d * std::sin(angle);
    b_[2 * k] = b_[2 * k + 1] = d * std::cos(angle);
  }
}

void Spectral::laplacian(std::span<const double> phi, std::span<double> out) {
  const std::size_t n = grid_.n[0];
  if (grid_.dimensions() > 1) {
    real_->forward(phi, z_);
    kernels::scale(as_real(z_), a_.data(), 2 * z_.size());
    real_->backward(z_, out);
    return;
  }
  const std::span<std::complex<double>> z(z_.data(), n / 2);
  if (grid_.boundary == Boundary::antiperiodic) {
    const std::span<std::complex<double>> y(y_.data(), n / 2);
    kernels::twist(phi.data(), cosine_.data(), sine_.data(), as_real(y_), n / 2);
    half_->forward(y, z);
    kernels::scale(as_real(z_), a_.data(), n);
    half_->backward(z, y);
    kernels::untwist(as_real(y_), cosine_.data(), sine_.data(), out.data(), n / 2);
    return;
  }
  half_->forward(as_complex(phi), z);
  kernels::apply_symbol(as_real(z_), a_.data(), b_.data(), n);
  half_->backward(z, as_complex(out));
}

double Spectral::wavenumber(std::size_t i) const { return std::sqrt(k2_[i]); }

void Spectral::to_modes(std::span<const double> phi, std::span<std::complex<double>> modes) {
  const double norm = 1.0 / static_cast<double>(grid_.size());
  if (grid_.boundary == Boundary::antiperiodic) {
    kernels::twist(phi.data(), cosine_.data(), sine_.data(), as_real(y_), phi.size() / 2);
    half_->forward({y_.data(), phi.size() / 2}, z_);
  } else {
    real_->forward(phi, {z_.data(), k2_.size()});
  }
  for (std::size_t i = 0; i < k2_.size(); ++i) modes[i] = z_[i] * norm;
}

void Spectral::from_modes(std::span<const std::complex<double>> modes, std::span<double> phi) {
  std::copy(modes.begin(), modes.end(), z_.begin());
  if (grid_.boundary == Boundary::antiperiodic) {
    half_->backward({z_.data(), phi.size() / 2}, {y_.data(), phi.size() / 2});
    for (std::size_t j = 0; j < phi.size() / 2; ++j) y_[j] *= 2.0;  // one of each pair of modes stands for both
    kernels::untwist(as_real(y_), cosine_.data(), sine_.data(), phi.data(), phi.size() / 2);
  } else {
    real_->backward({z_.data(), k2_.size()}, phi);
  }
}

void Spectral::derivative(std::span<const double> phi, std::size_t axis, std::span<double> out) {
  if (axis >= grid_.dimensions()) throw Error("a derivative along an axis that the grid does not have");
  ModeVector modes(k2_.size());
  to_modes(phi, modes);
  if (grid_.dimensions() == 1) {
    const std::size_t n = grid_.n[0];
    const bool anti = grid_.boundary == Boundary::antiperiodic;
    for (std::size_t i = 0; i < modes.size(); ++i) {
      double k = std::sqrt(k2_[i]);
      if (anti && 2 * i >= n / 2) k = -k;
      modes[i] *= std::complex<double>(0, !anti && i == n / 2 ? 0.0 : k);
    }
  } else {
    const std::size_t rows = grid_.n[0], half = grid_.n[1] / 2 + 1;
    for (std::size_t r = 0; r < rows; ++r)
      for (std::size_t c = 0; c < half; ++c) {
        const double kr = r == rows / 2 ? 0.0 : two_pi * static_cast<double>(num::wave_index(r, rows)) / grid_.length[0];
        const double kc = c + 1 == half ? 0.0 : two_pi * static_cast<double>(c) / grid_.length[1];
        modes[r * half + c] *= std::complex<double>(0, axis == 0 ? kr : kc);
      }
  }
  from_modes(modes, out);
}

}  // namespace meso::field
