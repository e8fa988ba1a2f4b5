#include "kits/learning/single_index.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/error.h"

namespace meso::learning {
namespace {

constexpr std::size_t lanes = 8;

/// Coefficients of z^j in He_k / sqrt(k!).
std::vector<double> hermite_coefficients(std::size_t k) {
  std::vector<double> before{1}, now{0, 1};
  if (k == 0) return before;
  for (std::size_t j = 1; j < k; ++j) {
    std::vector<double> next(j + 2, 0.0);
    for (std::size_t p = 0; p < now.size(); ++p) next[p + 1] += now[p];
    for (std::size_t p = 0; p < before.size(); ++p) next[p] -= static_cast<double>(j) * before[p];
    before = std::move(now);
    now = std::move(next);
  }
  const double root = std::sqrt(std::tgamma(static_cast<double>(k) + 1));
  for (double& c : now) c /= root;
  return now;
}

/// E[t^p] for one coordinate t of a uniform point on the sphere.
double sphere_moment(std::size_t p, std::size_t d) {
  if (p % 2) return 0;
  double moment = 1;
  for (std::size_t j = 0; j < p; j += 2) moment *= static_cast<double>(j + 1) / static_cast<double>(d + j);
  return moment;
}

}  // namespace

double hermite(std::size_t k, double z) {
  double before = 1, now = z, factorial = 1;
  if (k == 0) return 1;
  for (std::size_t j = 1; j < k; ++j) {
    const double next = z * now - static_cast<double>(j) * before;
    before = now;
    now = next;
    factorial *= static_cast<double>(j + 1);
  }
  return now / std::sqrt(factorial);
}

SingleIndexLandscape::SingleIndexLandscape(std::size_t exponent, std::size_t dimension, std::span<const double> x, std::span<const double> y)
    : k_(exponent), d_(dimension), n_(y.size()), stride_((n_ + lanes - 1) / lanes * lanes) {
  if (k_ < 1 || n_ < 1 || x.size() != n_ * d_) throw ModelError(fmt::format("a single-index model of {} samples in {} dimensions needs {} coordinates and an exponent of at least 1; {} and {} were given", n_, d_, n_ * d_, x.size(), k_));
  x_.assign(d_ * stride_, 0.0);
  y_.assign(stride_, 0.0);
  std::copy(y.begin(), y.end(), y_.begin());
  for (std::size_t mu = 0; mu < n_; ++mu)
    for (std::size_t j = 0; j < d_; ++j) x_[j * stride_ + mu] = x[mu * d_ + j];
  z_.assign(stride_, 0.0);
  slope_.assign(stride_, 0.0);
  value_.assign(stride_, 0.0);
}

SingleIndexLandscape SingleIndexLandscape::draw(std::size_t exponent, std::span<const double> direction, std::size_t samples, double label_noise, FastStream& random) {
  const std::size_t d = direction.size();
  std::vector<double> x(samples * d), y(samples);
  for (std::size_t mu = 0; mu < samples; ++mu) {
    double z = 0;
    for (std::size_t j = 0; j < d; ++j) {
      x[mu * d + j] = random.normal();
      z += x[mu * d + j] * direction[j];
    }
    y[mu] = hermite(exponent, z) + (label_noise > 0 ? label_noise * random.normal() : 0.0);
  }
  return {exponent, d, x, y};
}

double SingleIndexLandscape::gradient(const double* theta, double* out) { return gradient(theta, out, 0, n_); }

double SingleIndexLandscape::gradient(const double* theta, double* out, std::size_t first, std::size_t count) {
  const std::size_t from = first / lanes * lanes, to = (first + count + lanes - 1) / lanes * lanes;
  std::fill(z_.begin() + static_cast<std::ptrdiff_t>(from), z_.begin() + static_cast<std::ptrdiff_t>(to), 0.0);
  for (std::size_t j = 0; j < d_; ++j) {
    const double* x = &x_[j * stride_];
    const double t = theta[j];
    for (std::size_t mu = from; mu < to; ++mu) z_[mu] += t * x[mu];
  }
  // He by recurrence for all samples at once; sigma' = sqrt(k) He_{k-1} / sqrt((k-1)!).
  for (std::size_t mu = from; mu < to; ++mu) slope_[mu] = 1, value_[mu] = z_[mu];
  double factorial = 1;
  for (std::size_t j = 1; j < k_; ++j) {
    const double c = static_cast<double>(j);
    factorial *= c + 1;
    for (std::size_t mu = from; mu < to; ++mu) {
      const double next = z_[mu] * value_[mu] - c * slope_[mu];
      slope_[mu] = value_[mu];
      value_[mu] = next;
    }
  }
  const double share = 1 / (static_cast<double>(count) * std::sqrt(factorial)), k = static_cast<double>(k_);
  double energy = 0;
  for (std::size_t mu = from; mu < to; ++mu) {
    const double weight = mu >= first && mu < first + count ? share * y_[mu] : 0.0;
    energy += weight * value_[mu];
    slope_[mu] = weight * k * slope_[mu];
  }
  for (std::size_t j = 0; j < d_; ++j) {
    const double* x = &x_[j * stride_];
    std::array<double, lanes> sum{};
    for (std::size_t mu = from; mu < to; mu += lanes)
      for (std::size_t l = 0; l < lanes; ++l) sum[l] += slope_[mu + l] * x[mu + l];
    out[j] = ((sum[0] + sum[4]) + (sum[2] + sum[6])) + ((sum[1] + sum[5]) + (sum[3] + sum[7]));
  }
  return energy;
}

std::vector<double> SingleIndexLandscape::uniform_mean() const {
  if (k_ % 2 == 0) throw ModelError(fmt::format("a landscape of even exponent ({}) has no mean direction: theta and -theta are alike. Take the second moment", k_));
  const std::vector<double> c = hermite_coefficients(k_);
  std::vector<double> v(d_, 0.0);
  for (std::size_t mu = 0; mu < n_; ++mu) {
    double square = 0;
    for (std::size_t j = 0; j < d_; ++j) square += x_[j * stride_ + mu] * x_[j * stride_ + mu];
    // E[t sigma(r t)] / r with r = |x|: only odd powers of sigma, r^{p-1} even.
    double weight = 0, power = 1;
    for (std::size_t p = 1; p < c.size(); p += 2, power *= square) weight += c[p] * power * sphere_moment(p + 1, d_);
    weight *= y_[mu] / static_cast<double>(n_);
    for (std::size_t j = 0; j < d_; ++j) v[j] += weight * x_[j * stride_ + mu];
  }
  return v;
}

std::vector<double> SingleIndexLandscape::uniform_second_moment() const {
  if (k_ % 2 == 1) throw ModelError(fmt::format("the second moment of a landscape of odd exponent ({}) carries no signal at first order. Take the mean", k_));
  const std::vector<double> c = hermite_coefficients(k_);
  const double d = static_cast<double>(d_);
  std::vector<double> m(d_ * d_, 0.0);
  for (std::size_t mu = 0; mu < n_; ++mu) {
    double square = 0;
    for (std::size_t j = 0; j < d_; ++j) square += x_[j * stride_ + mu] * x_[j * stride_ + mu];
    // Second harmonic of sigma(r t): (theta theta^T - I/d) averages to (x x^T / r^2 - I/d) (d t^2 - 1)/(d - 1); the constant of sigma drops out.
    double weight = 0, power = 1;
    for (std::size_t p = 2; p < c.size(); p += 2, power *= square) weight += c[p] * power * (d * sphere_moment(p + 2, d_) - sphere_moment(p, d_)) / (d - 1);
    weight *= y_[mu] / static_cast<double>(n_);
    for (std::size_t i = 0; i < d_; ++i)
      for (std::size_t j = 0; j < d_; ++j) m[i * d_ + j] += weight * (x_[i * stride_ + mu] * x_[j * stride_ + mu] - (i == j ? square / d : 0.0));
  }
  return m;
}

}  // namespace meso::learning
