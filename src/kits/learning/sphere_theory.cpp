#include "kits/learning/sphere_theory.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/error.h"

namespace meso::learning {
namespace {

double double_factorial(std::size_t n) {
  double product = 1;
  for (; n > 1; n -= 2) product *= static_cast<double>(n);
  return product;
}

double log_weight_of(std::size_t k, std::size_t d, double beta, double phi) {
  const double s = std::sin(phi);
  return beta * std::pow(std::cos(phi), static_cast<double>(k)) + (static_cast<double>(d) - 2) * std::log(std::max(s, 1e-300));
}

/// Mean of f(phi) under w on a fine midpoint grid of the angle: exponentially accurate, since w continues as an even periodic function (or falls to zero).
double angular_average(std::size_t k, std::size_t d, double beta, const std::function<double(double)>& f) {
  constexpr int n = 20000;
  double top = -1e300, norm = 0, sum = 0;
  for (int i = 0; i < n; ++i) top = std::max(top, log_weight_of(k, d, beta, std::numbers::pi * (i + 0.5) / n));
  for (int i = 0; i < n; ++i) {
    const double phi = std::numbers::pi * (i + 0.5) / n, w = std::exp(log_weight_of(k, d, beta, phi) - top);
    norm += w;
    sum += w * f(phi);
  }
  return sum / norm;
}

}  // namespace

double uniform_overlap(std::size_t d) {
  const double half = 0.5 * static_cast<double>(d);
  return std::exp(std::lgamma(half) - std::lgamma(half + 0.5)) / std::sqrt(std::numbers::pi);
}

double odd_noise_samples(std::size_t k, std::size_t d) {
  double product = 1 / double_factorial(k);
  for (std::size_t j = 0; j < k; j += 2) product *= static_cast<double>(d + j);
  return product;
}

double spectral_samples(std::size_t k, std::size_t d) {
  double product = 1 / (static_cast<double>(d + 2) * static_cast<double>(k) * double_factorial(k - 1));
  for (std::size_t j = 0; j <= k; j += 2) product *= static_cast<double>(d + j);
  return product;
}

double average_overlap_law(std::size_t k, std::size_t d, double n) {
  if (k % 2) return 1 / std::sqrt(1 + odd_noise_samples(k, d) / n);
  return std::sqrt(std::max(0.0, 1 - spectral_samples(k, d) / n));
}

double odd_average_overlap(std::size_t k, std::size_t d, double n) {
  const double sigma = std::sqrt(odd_noise_samples(k, d) / (static_cast<double>(d) * n)), degrees = static_cast<double>(d) - 1;
  constexpr int points = 400;
  double norm = 0, sum = 0;
  for (int i = 0; i < points; ++i) {
    const double z = -9 + 18 * (i + 0.5) / points, along = std::abs(1 + sigma * z);
    for (int j = 0; j < points; ++j) {
      const double r = (std::sqrt(degrees) + 9) * (j + 0.5) / points, w = std::exp(-0.5 * z * z + (degrees - 1) * std::log(r) - 0.5 * (r * r - degrees));
      norm += w;
      sum += w * along / std::hypot(along, sigma * r);
    }
  }
  return sum / norm;
}

double samples_for_overlap(std::size_t k, std::size_t d, double overlap) {
  const double square = overlap * overlap;
  return k % 2 ? odd_noise_samples(k, d) * square / (1 - square) : spectral_samples(k, d) / (1 - square);
}

double PlantedOverlap::log_weight(double phi, double beta) const { return log_weight_of(k_, d_, beta, phi); }

PlantedOverlap::PlantedOverlap(std::size_t k, std::size_t d, double beta, std::size_t cells) : k_(k), d_(d), beta_(beta) {
  if (d < 3) throw ParameterError(fmt::format("the law of the overlap needs a sphere in d >= 3 dimensions; d = {} was given", d));
  // The range of angles in which the uniform or the stationary law lives: beyond it both are below exp(-46) of their peaks.
  constexpr int probe = 4000;
  double low = std::numbers::pi, high = 0;
  for (const double b : {0.0, beta}) {
    double top = -1e300;
    for (int i = 0; i < probe; ++i) top = std::max(top, log_weight(std::numbers::pi * (i + 0.5) / probe, b));
    for (int i = 0; i < probe; ++i) {
      const double phi = std::numbers::pi * (i + 0.5) / probe;
      if (log_weight(phi, b) > top - 46) {
        low = std::min(low, std::numbers::pi * i / probe);
        high = std::max(high, std::numbers::pi * (i + 1) / probe);
      }
    }
  }
  low_ = low;
  h_ = (high - low) / static_cast<double>(cells);
  // Rates by the weight at the face over that at the centre: detailed balance with w at the centres.
  generator_.leak.assign(cells, 0.0);
  for (std::size_t i = 0; i < cells; ++i) {
    const double centre = log_weight(low_ + h_ * (static_cast<double>(i) + 0.5), beta_);
    const auto rate = [&](double face) { return std::exp(log_weight(face, beta_) - centre) / (h_ * h_); };
    if (i > 0) {
      generator_.target.push_back(static_cast<std::uint32_t>(i - 1));
      generator_.rate.push_back(rate(low_ + h_ * static_cast<double>(i)));
    }
    if (i + 1 < cells) {
      generator_.target.push_back(static_cast<std::uint32_t>(i + 1));
      generator_.rate.push_back(rate(low_ + h_ * static_cast<double>(i + 1)));
    }
    generator_.start.push_back(generator_.target.size());
  }
  start();
}

void PlantedOverlap::fill(double beta) {
  p_.assign(generator_.size(), 0.0);
  double top = -1e300, norm = 0;
  for (std::size_t i = 0; i < p_.size(); ++i) top = std::max(top, p_[i] = log_weight(low_ + h_ * (static_cast<double>(i) + 0.5), beta));
  for (double& p : p_) norm += p = std::exp(p - top);
  for (double& p : p_) p /= norm;
  error_ = 0;
}

void PlantedOverlap::start() { fill(0); }
void PlantedOverlap::make_stationary() { fill(beta_); }

void PlantedOverlap::advance(double t) {
  if (!(t > 0)) return;
  num::BandedExponential exponential(generator_);
  error_ += exponential.advance(p_, t, 1e-10, step_);
  // The chain keeps its mass; the rounding of many stiff solves does not, by some 1e-10 in long times.
  double total = 0;
  for (const double p : p_) total += p;
  error_ += std::abs(total - 1);
  for (double& p : p_) p /= total;
}

double PlantedOverlap::expectation(const std::function<double(double)>& f) const {
  double sum = 0;
  for (std::size_t i = 0; i < p_.size(); ++i) sum += p_[i] * f(std::cos(low_ + h_ * (static_cast<double>(i) + 0.5)));
  return sum;
}

double PlantedOverlap::cdf(double x) const {
  if (x >= 1) return 1;
  if (x <= -1) return 0;
  const double phi = std::acos(x);  // m <= x is phi >= arccos x
  double sum = 0;
  for (std::size_t i = 0; i < p_.size(); ++i) {
    const double left = low_ + h_ * static_cast<double>(i);
    sum += p_[i] * std::clamp((left + h_ - phi) / h_, 0.0, 1.0);
  }
  return sum;
}

double planted_average(std::size_t k, std::size_t d, double beta, const std::function<double(double)>& f) {
  return angular_average(k, d, beta, [&](double phi) { return f(std::cos(phi)); });
}

double planted_cdf(std::size_t k, std::size_t d, double beta, double x) {
  if (x >= 1) return 1;
  if (x <= -1) return 0;
  // A table once would do for many x; this is for tests and single numbers: Simpson between the ends.
  const double from = std::acos(x);
  constexpr int n = 4000;
  double top = -1e300;
  for (int i = 1; i < n; ++i) top = std::max(top, log_weight_of(k, d, beta, std::numbers::pi * i / n));
  const auto integral = [&](double a, double b) {
    double sum = 0;
    for (int i = 0; i <= n; ++i) sum += (i == 0 || i == n ? 1 : i % 2 ? 4 : 2) * std::exp(log_weight_of(k, d, beta, a + (b - a) * i / n) - top);
    return sum * (b - a) / (3 * n);
  };
  return integral(from, std::numbers::pi) / (integral(0, from) + integral(from, std::numbers::pi));
}

}  // namespace meso::learning
