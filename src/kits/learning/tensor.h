// Symmetric tensors and their homogeneous landscapes E(theta) = <T, theta^{(x) k}> on the sphere: tensor PCA.
//
// Only the symmetric part of a tensor matters for E, its gradient and its partial traces, so a tensor is stored packed: one entry for each
// multiset i_1 <= ... <= i_k, C(d + k - 1, k) of them instead of d^k. The symmetric part of a tensor with iid N(0, 1) entries has independent
// entries of variance 1/p, p = k!/(m_1! m_2! ...) the number of distinct orders of the multiset (a mean of p independent normals), and is
// drawn as such: exactly the law of the full tensor symmetrised, without its memory.
#pragma once

#include <cmath>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace meso::learning {

class SymmetricTensor {
 public:
  /// Zero. @throws ParameterError  order < 1, dimension < 1
  SymmetricTensor(std::size_t order, std::size_t dimension);
  /// The symmetric part (mean over the k! orders of the indices) of a full row-major tensor of d^k entries. @throws ModelError  wrong size
  [[nodiscard]] static SymmetricTensor from_full(std::size_t order, std::size_t dimension, std::span<const double> full);
  /// direction^{(x) order}.
  [[nodiscard]] static SymmetricTensor spike(std::size_t order, std::span<const double> direction);
  /// Symmetric part of iid N(0, 1) entries; draws in packed order.
  template <class Random>
  [[nodiscard]] static SymmetricTensor gaussian(std::size_t order, std::size_t dimension, Random& random) {
    SymmetricTensor t(order, dimension);
    t.for_each([&](std::span<const std::size_t> index, std::size_t at) { t.entry_[at] = random.normal() / std::sqrt(distinct_orders(index)); });
    return t;
  }

  [[nodiscard]] std::size_t order() const { return k_; }
  [[nodiscard]] std::size_t dimension() const { return d_; }
  [[nodiscard]] std::span<const double> packed() const { return entry_; }
  /// Entry at indices in any order.
  [[nodiscard]] double at(std::span<const std::size_t> index) const;
  /// this += scale * other. @throws ModelError  other order or dimension
  void add(const SymmetricTensor& other, double scale);
  /// <T, theta^{(x) k}>.
  [[nodiscard]] double value(std::span<const double> theta) const;
  /// sum_a T_{... a a}: order k - 2. @throws ModelError  order < 3
  [[nodiscard]] SymmetricTensor trace() const;
  /// E[theta E(theta)] over the uniform sphere, k odd: k!! T_{j aa bb ...} / (d (d+2) ... (d+k-1)). @throws ModelError  k even
  [[nodiscard]] std::vector<double> uniform_mean() const;
  /// E[(theta theta^T - I/d) E(theta)] over the uniform sphere, k even: the traceless part of k (k-1)!! T_{ij aa ...} / (d (d+2) ... (d+k)),
  /// d x d row-major. @throws ModelError  k odd
  [[nodiscard]] std::vector<double> uniform_second_moment() const;

  /// f(indices ascending, packed position) in packed (lexicographic) order.
  template <class F>
  void for_each(F&& f) const {
    std::vector<std::size_t> index(k_, 0);
    for (std::size_t at = 0; at < entry_.size(); ++at) {
      f(std::span<const std::size_t>(index), at);
      std::size_t place = k_;
      while (place > 0 && index[place - 1] + 1 == d_) --place;
      if (place == 0) break;
      const std::size_t next = index[place - 1] + 1;
      for (std::size_t p = place - 1; p < k_; ++p) index[p] = next;
    }
  }
  /// Packed position of ascending indices.
  [[nodiscard]] std::size_t position(std::span<const std::size_t> ascending) const;
  /// k!/(m_1! m_2! ...) for ascending indices.
  [[nodiscard]] static double distinct_orders(std::span<const std::size_t> ascending);

 private:
  std::size_t k_, d_;
  std::vector<double> entry_;
  std::vector<std::vector<std::size_t>> before_;  // before_[r][v]: multisets of r elements >= u, summed over u < v
};

/// C(d + k - 1, k) as a double (no overflow).
[[nodiscard]] double packed_size(std::size_t order, std::size_t dimension);
/// Bytes of the packed tensor and of the matrix that TensorLandscape builds.
[[nodiscard]] double landscape_bytes(std::size_t order, std::size_t dimension);
/// @throws ParameterError  if landscape_bytes is above `limit`; states d^k * 8 bytes, what packing needs, and the limit
void check_memory(std::size_t order, std::size_t dimension, double limit, const std::string& owner);

/// E and its Euclidean gradient k T theta^{k-1} at C(d + k - 2, k - 1) d multiplications, as a matrix times the monomials of degree k - 1.
/// Sums run over lanes of eight rows in a fixed order: the bits do not depend on the width of the registers.
class TensorLandscape {
 public:
  explicit TensorLandscape(const SymmetricTensor& tensor);
  [[nodiscard]] std::size_t dimension() const { return d_; }
  /// Writes the gradient, returns E. Not for two threads at once (scratch).
  double gradient(const double* theta, double* out);
  /// theta <- normalised T theta^{k-1}, `steps` times: tensor power iterations. Nothing happens where that is zero.
  void power_iterations(std::span<double> theta, int steps);

 private:
  std::size_t k_, d_, blocks_, monomials_;
  std::vector<double> matrix_;                 // block b of 8 rows, monomial J, row: k T_{i J} orders(J)
  std::vector<std::vector<std::size_t>> tail_; // tail_[r][i]: first monomial of degree r whose smallest index is >= i
  std::vector<std::size_t> count_;             // monomials of degree r
  std::vector<double> a_, b_;                  // monomials of the degree at hand and the one before
};

}  // namespace meso::learning
