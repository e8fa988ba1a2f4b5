// Kernel density estimates by simulation: distances to Gaussian data, drawn directly or between vectors, and sums of Boltzmann weights over them.
//
// The estimate is rho_hat(x) = (2 pi h^2)^{-d/2} Z/n, Z = sum exp(-D_i/(2 h^2)), D_i = |x - y_i|^2. For h small every weight underflows: sums are kept relative
// to the largest weight seen (logsumexp, online), and the nearest points in a list.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "kits/learning/random_energy.h"
#include "rng/stream.h"

namespace meso::learning {

/// Draws D = sum_g kappa_g [chi^2_{m-1} + (z + sqrt(delta))^2] without any vector.
class DistanceSampler {
 public:
  explicit DistanceSampler(std::span<const DistanceGroup> groups);
  /// Fills `out` with independent squared distances.
  void draw(FastStream& random, std::span<double> out) const;

 private:
  struct Part {
    double eigenvalue = 1, shift = 0;  // shift = sqrt(delta)
    std::size_t rest = 0;              // m - 1
    double d = 0, c = 0;               // of the gamma law of chi^2_rest/2 (Marsaglia and Tsang 2000)
  };
  std::vector<Part> parts_;
};

/// Sum of the weights of points at given squared distances, one bandwidth.
class WeightSum {
 public:
  /// @param keep   how many of the nearest points are remembered
  /// @param level  squared distance below which the tail of the weights is measured; 0: not at all
  WeightSum(double h, std::size_t keep, double level = 0);
  void add(std::span<const double> squared_distances);

  [[nodiscard]] double ln_sum() const;                        ///< ln Z
  [[nodiscard]] double participation() const;                 ///< sum w^2/Z^2
  [[nodiscard]] double nearest() const { return reference_; } ///< smallest squared distance
  /// Share of the k largest weights together, k <= keep (all of them if there are fewer).
  [[nodiscard]] double top_share(std::size_t k) const;
  /// Smallest squared distances, increasing, at most `keep`.
  [[nodiscard]] std::vector<double> nearest_points() const;
  [[nodiscard]] double beyond() const { return beyond_; }     ///< points nearer than `level`
  [[nodiscard]] double excess() const { return excess_; }     ///< sum over them of ln(weight/weight at `level`)

 private:
  double rate_ = 0, level_ = 0;                               // rate_ = 1/(2 h^2)
  double reference_ = 0, sum_ = 0, squares_ = 0, beyond_ = 0, excess_ = 0;
  std::size_t keep_ = 0;
  double bound_ = 0;                                          // points farther than this are not among the nearest
  mutable std::vector<double> near_;
};

/// Gaussian kernel density estimate of given data, h^2 I for the covariance of the kernel.
class GaussianKernelDensity {
 public:
  /// @param data  n x d, row-major: one point after the other
  /// @throws ParameterError  no data, a size that is no multiple of d, h not above 0
  GaussianKernelDensity(std::vector<double> data, std::size_t d, double h);

  [[nodiscard]] std::size_t size() const { return square_.size(); }
  [[nodiscard]] std::size_t dimensions() const { return d_; }
  /// |x_q - y_i|^2 for points [first, first + count) by one matrix product: out[q * count + i]. Rounding: 1e-16 of |x|^2 + |y|^2.
  /// @throws ParameterError  if the queries do not have d components each
  void squared_distances(std::span<const double> queries, std::size_t first, std::size_t count, std::span<double> out) const;
  /// Calls sink(q, distances) for every query, block by block of the data.
  void for_each_block(std::span<const double> queries, const auto& sink) const {
    const std::size_t m = queries.size() / d_, block = block_size(m);
    std::vector<double> buffer(m * block);
    for (std::size_t first = 0; first < size(); first += block) {
      const std::size_t count = std::min(block, size() - first);
      squared_distances(queries, first, count, buffer);
      for (std::size_t q = 0; q < m; ++q) sink(q, std::span<const double>(&buffer[q * count], count));
    }
  }
  /// ln rho_hat at each query (m x d, row-major).
  [[nodiscard]] std::vector<double> ln_density(std::span<const double> queries) const;

 private:
  [[nodiscard]] static std::size_t block_size(std::size_t queries) { return std::clamp<std::size_t>(65536 / std::max<std::size_t>(1, queries), 256, 4096); }

  std::vector<double> data_, square_;
  std::size_t d_ = 1;
  double h_ = 1;
};

}  // namespace meso::learning
