// Gaussian mixtures with their exact score, in any dimension: the density that a diffusion of a mixture has at every time.
//
//     p(x) = sum_k w_k N(x; mu_k, C_k),   score = grad log p = sum_k r_k(x) C_k^-1 (mu_k - x),   r_k = w_k N_k / p.
//
// Under linear drift and additive noise a mixture stays a mixture, with other means and covariances:
// `diffused` gives it, so that scores along a noise schedule are exact. Responsibilities are formed with the largest exponent taken out,
// so that far tails neither overflow nor give 0/0.
#pragma once

#include <bit>
#include <cstdint>
#include <span>
#include <vector>

#include "rng/stream.h"

namespace meso::sde {

/// Weights w_k > 0 with sum 1, means mu_k (K x d), covariances C_k (K x d x d, symmetric positive definite). Thread-safe.
class GaussianMixture {
 public:
  /// @throws ModelError  shapes that do not match, weights not positive or not summing to 1 (1e-9), a covariance that is not symmetric positive definite
  GaussianMixture(std::vector<double> weights, std::vector<double> means, std::vector<double> covariances);
  /// Isotropic: C_k = sd_k^2 I.
  [[nodiscard]] static GaussianMixture isotropic(std::vector<double> weights, std::vector<double> means, std::span<const double> sd);

  [[nodiscard]] std::size_t components() const { return weight_.size(); }
  [[nodiscard]] std::size_t dimension() const { return d_; }
  [[nodiscard]] const std::vector<double>& weights() const { return weight_; }
  [[nodiscard]] const std::vector<double>& component_means() const { return mean_; }              ///< K x d
  [[nodiscard]] const std::vector<double>& component_covariances() const { return covariance_; }  ///< K x d x d
  [[nodiscard]] double log_density(std::span<const double> x) const;
  /// grad log p at x, into `out` (size d). @returns log p(x)
  double score(std::span<const double> x, std::span<double> out) const;
  /// One draw, into `out` (size d).
  void sample(Stream& stream, std::span<double> out) const;
  [[nodiscard]] std::vector<double> mean() const;
  [[nodiscard]] std::vector<double> covariance() const;  ///< d x d
  /// P(X <= x) of a one-dimensional mixture. @throws ModelError in higher dimensions
  [[nodiscard]] double cdf(double x) const;
  /// x with P(X <= x) = u, 0 < u < 1, of a one-dimensional mixture, by bisection down to rounding. @throws ModelError in higher dimensions, for another u
  [[nodiscard]] double quantile(double u) const;
  /// The law of scale X + sd Z with Z standard normal and independent: means scale mu_k, covariances scale^2 C_k + sd^2 I.
  [[nodiscard]] GaussianMixture diffused(double scale, double sd) const;

 private:
  std::size_t d_ = 0;
  std::vector<double> weight_, mean_, covariance_;
  std::vector<double> lower_;       // Cholesky factors L_k, K x d x d
  std::vector<double> log_factor_;  // log w_k - log det L_k - d/2 log 2 pi
};

/// The score of a one-dimensional mixture for hot loops: many points at once, no allocation.
class MixtureScore1d {
 public:
  static constexpr std::size_t max_components = 64;
  /// @throws ModelError  for another dimension or more than `max_components`
  explicit MixtureScore1d(const GaussianMixture& mixture);
  /// score[i] = d log p / dx at x[i]; sizes equal. Relative error below 1e-13 of the largest term (see fast_exp).
  void operator()(std::span<const double> x, std::span<double> score) const;

 private:
  std::size_t count_ = 0;
  std::vector<double> mean_, precision_, log_factor_;
};

/// exp(x) for x <= 0, without a library call or a branch, so that loops over it run in vector registers; below -708 it is exp(-708).
/// x = n log 2 + r, |r| <= log(2)/2, exp(r) by its Taylor polynomial of degree 13; relative error below 1e-15.
[[nodiscard]] inline double fast_exp(double x) {
  x = x < -708.0 ? -708.0 : x;
  constexpr double shift = 0x1.8p52;  // adding it rounds to an integer, which then stands in the low bits
  const double shifted = x * 1.4426950408889634 + shift, n = shifted - shift;
  const double r = (x - n * 0x1.62e42fee00000p-1) - n * 0x1.a39ef35793c76p-33;  // log 2 in two parts
  double p = 1.0 / 6227020800.0;  // Horner, written out: a loop here would keep the loop around it scalar
  p = p * r + 1.0 / 479001600.0;
  p = p * r + 1.0 / 39916800.0;
  p = p * r + 1.0 / 3628800.0;
  p = p * r + 1.0 / 362880.0;
  p = p * r + 1.0 / 40320.0;
  p = p * r + 1.0 / 5040.0;
  p = p * r + 1.0 / 720.0;
  p = p * r + 1.0 / 120.0;
  p = p * r + 1.0 / 24.0;
  p = p * r + 1.0 / 6.0;
  p = p * r + 0.5;
  p = p * r + 1.0;
  p = p * r + 1.0;
  const std::uint64_t power = (std::bit_cast<std::uint64_t>(shifted) + 1023) << 52;  // 2^n
  return p * std::bit_cast<double>(power);
}

}  // namespace meso::sde
