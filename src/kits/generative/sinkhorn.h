// W_2^2 between histograms on a grid in the plane, by the debiased Sinkhorn divergence
//
//     S(a, b) = OT(a, b) - OT(a, a)/2 - OT(b, b)/2,   OT(a, b) = min_pi <pi, |x - y|^2> + eps KL(pi | a x b).
//
// The cost is a sum over the two axes, so that an application of the kernel on n x n nodes costs 2 n^3 and not n^4; potentials are kept in the log domain and
// eps is annealed from the size of the box to what is asked. S is zero for a = b, exact for translates, and off by O(eps^2) for smooth densities.
// Source: Feydy et al. (2019), arXiv:1810.08278; Peyré and Cuturi (2019), Computational Optimal Transport, sections 4.3 and 4.4; Schmitzer (2019), doi:10.1137/16M1106018.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "rng/stream.h"

namespace meso::generative {

/// Nodes of a grid in the plane, even along each axis, ends included.
struct PlaneNodes {
  double low_x = -4, high_x = 4, low_y = -4, high_y = 4;
  std::size_t nx = 64, ny = 64;
  [[nodiscard]] double x(std::size_t i) const { return low_x + (high_x - low_x) * static_cast<double>(i) / static_cast<double>(nx - 1); }
  [[nodiscard]] double y(std::size_t j) const { return low_y + (high_y - low_y) * static_cast<double>(j) / static_cast<double>(ny - 1); }
};

/// Shares of a sample at its nearest nodes (row by row, x fastest), and of what lies more than half a spacing outside.
struct PlaneHistogram {
  std::vector<double> mass;   ///< of the sample: sums to 1 - outside
  double outside = 0;
  std::size_t count = 0;
};
/// @param points  n x 2
[[nodiscard]] PlaneHistogram histogram(std::span<const double> points, const PlaneNodes& nodes);
/// @throws ModelError  if more than `allowed` of a sample lies outside its box: distances would be of what is left; says the share
void require_inside(const PlaneHistogram& histogram, const PlaneNodes& nodes, double allowed = 1e-3);

struct SinkhornOptions {
  double epsilon = 0.01, from = 4;   ///< squared lengths
  double tolerance = 1e-4;           ///< 1-norm by which the plan's second marginal may be off
  std::size_t most = 20000;          ///< iterations of a stage
};
struct Transport {
  double squared = 0;          ///< W_2^2
  double error = 0;            ///< estimated: the regularisation's, by eps against 2 eps (order eps^2), and what the marginals are off
  double marginal = 0;         ///< the latter
  std::size_t iterations = 0;
};
/// @throws ModelError  sizes that do not match, masses that are negative or not equal (1e-6 of them); says both
[[nodiscard]] Transport sinkhorn(const PlaneNodes& nodes, std::span<const double> a, std::span<const double> b, const SinkhornOptions& options = {});

/// W_2^2 between two independent samples of n points of the law `mass` on the nodes: what no comparison of such samples can go below.
/// @returns the mean of `pairs` of them
[[nodiscard]] double sampling_floor(const PlaneNodes& nodes, std::span<const double> mass, std::uint64_t n, Stream stream, std::size_t pairs = 1, const SinkhornOptions& options = {});

}  // namespace meso::generative
