// Comparing samples: distances and rank statistics of two or more groups, their errors by block bootstrap, kernel densities.
//
// Points of one snapshot of a field (or of one trajectory) are strongly correlated: p-values for independent draws say nothing about
// them. So the statistics come without p-values; their sampling error and their null law come from resampling whole blocks.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "rng/stream.h"

namespace meso {

/// Two-sample Kolmogorov-Smirnov distance max |F_a - F_b| of the empirical laws; ties are handled. @throws InputError if a sample is empty or holds a NaN
[[nodiscard]] double kolmogorov_smirnov(std::span<const double> a, std::span<const double> b);

/// Mann-Whitney U of `a` (pairs with a > b, ties one half), its z score for independent draws with the tie correction, and
/// Cliff's delta = P(a > b) - P(a < b) = 2 U/(n m) - 1 in [-1, 1].
struct MannWhitney {
  double u = 0, z = 0, cliffs_delta = 0;
};
[[nodiscard]] MannWhitney mann_whitney(std::span<const double> a, std::span<const double> b);

/// Kruskal-Wallis H over two or more groups, with the tie correction; chi-squared with groups - 1 degrees of freedom for independent draws.
/// @throws InputError for fewer than two groups, an empty group or when all values are equal
[[nodiscard]] double kruskal_wallis(std::span<const std::vector<double>> groups);

/// What a statistic of two groups of blocks is worth.
struct BlockBootstrap {
  double value = 0;                 ///< on all blocks
  double std_error = 0;             ///< over resamples of each group's own blocks
  double low = 0, high = 0;         ///< percentile interval at `confidence`
  double null_quantile = 0;         ///< |statistic| exceeded with probability 1 - confidence if both groups were drawn from the pooled blocks
  std::size_t resamples = 0;
};
/// Statistic of (all values of group a, all values of group b); a block is one snapshot or trajectory, kept whole.
/// Source: Kuensch (1989), doi:10.1214/aos/1176347265 (blocks); Efron and Tibshirani (1993), ch. 13 and 16.
/// @throws InputError for fewer than two blocks in a group or a confidence outside (0,1)
[[nodiscard]] BlockBootstrap block_bootstrap(std::span<const std::vector<double>> a, std::span<const std::vector<double>> b,
                                             const std::function<double(std::span<const double>, std::span<const double>)>& statistic, std::size_t resamples, double confidence,
                                             Stream stream);

/// Gaussian kernel density estimate; bandwidth by Scott's rule, sigma n^(-1/5) (sigma with n - 1), unless given.
class KernelDensity {
 public:
  /// @throws InputError for fewer than two values or no spread without a bandwidth
  explicit KernelDensity(std::vector<double> sample, double bandwidth = 0);
  [[nodiscard]] double operator()(double x) const;
  [[nodiscard]] double bandwidth() const { return bandwidth_; }

 private:
  std::vector<double> sample_;  // sorted
  double bandwidth_ = 0;
};

}  // namespace meso
