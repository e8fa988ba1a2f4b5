// Direct solution of large sparse Markov chains: states are eliminated ("censored") one after another in nested-dissection order, in dense fronts.
//
// Everything is a sum of positive terms. Eliminating a state m turns paths through it into direct rates between the states that are left,
//     w(i, j) += w(i, m) w(m, j) / d(m),     d(m) = excess(m) + sum over the remaining i of w(i, m),
// with w(i, j) the rate from j to i and the diagonal never stored: it is the sum of a column (Grassmann, Taksar and Heyman 1985, doi:10.1287/opre.33.5.1107).
// So stationary laws, and solutions for non-negative right-hand sides, have a relative accuracy near rounding in *every* entry, however small and however
// slow the chain mixes (O'Cinneide 1993, doi:10.1007/BF01385729; Alfa, Xue and Ye 2002, doi:10.1090/S0025-5718-01-01325-4), and no pivot is ever searched.
//
// The order is by bisection at the median of one coordinate of the states (George 1973, doi:10.1137/0710032); the fronts are those of Duff and Reid (1983,
// doi:10.1145/356044.356047). n states of two species cost about 10 n^1.5 multiplications and 8 n log2 n numbers, of three n^2 and n^(4/3) times a larger factor.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "num/markov.h"

namespace meso::num {

/// The order of elimination and what it will cost: a function of the pattern of transitions alone.
class Dissection {
 public:
  /// @param positions  n x dimensions, row-major, no two states alike: where each state sits (its counts); empty: the index is the position
  /// @param last       a state to be eliminated last: for group_inverse() a likely one
  explicit Dissection(const Generator& generator, std::span<const std::int32_t> positions = {}, std::size_t dimensions = 1, std::optional<std::size_t> last = {});
  [[nodiscard]] std::size_t size() const { return order_.size(); }
  /// Multiplications of one elimination.
  [[nodiscard]] double work() const { return work_; }
  /// Bytes that an elimination needs at its peak, this order included. @param solver  with both factors, else one
  [[nodiscard]] double bytes(bool solver) const;
  /// Numbers kept of one factor.
  [[nodiscard]] double entries() const { return entries_; }

 private:
  friend class Elimination;
  struct Node {
    std::uint32_t first, pivots, children;
    std::size_t edge, edges;  // what stands around the node's subtree: places in `around_`, ascending
  };
  std::vector<std::uint32_t> order_, place_;  // place -> state, state -> place
  std::vector<Node> nodes_;                   // children before parents
  std::vector<std::uint32_t> around_;
  double work_ = 0, entries_ = 0;
  std::size_t largest_ = 0;
  double stack_ = 0;  // most numbers waiting for their parents at once
};

/// Factors of shift I - A.
class Elimination {
 public:
  enum class Leaks { ignored, counted };
  /// @param shift     >= 0. With shift 0 and no leak counted the matrix is singular: stationary() and group_inverse() are for that case.
  /// @param solver    keep what solve() and group_inverse() need: twice the memory
  /// @param progress  called now and then with the fraction done; may throw
  /// @throws NumericalBreakdown if a state has no way out of it: the chain is not irreducible
  Elimination(const Generator& generator, const Dissection& order, double shift, Leaks leaks, bool solver, const std::function<void(double)>& progress = {});
  /// Stationary law, summing to 1; every entry to a few n times 1e-16 of itself at worst.
  [[nodiscard]] std::vector<double> stationary() const;
  /// x <- (shift I - A)^-1 x.
  void solve(std::span<double> x) const;
  /// y with A y = x and sum(y) = 0, for sum(x) = 0 (the group inverse of A; singular case). The last state of the order should be a likely one: y is found
  /// relative to it, and what x misses of sum 0 by rounding is multiplied by the time to find that state.
  [[nodiscard]] std::vector<double> group_inverse(std::span<const double> x, std::span<const double> stationary) const;
  [[nodiscard]] bool singular() const { return singular_; }

 private:
  void back(std::vector<double>& y, bool free_scale) const;
  const Dissection* order_;
  bool singular_ = false, solver_ = false;
  std::vector<double> upper_, lower_, diagonal_;  // node after node: shares pivots x front; rates front x pivots; d
};

/// Slowest non-zero decay rate min(-Re lambda) of an irreducible generator, by Arnoldi on its group inverse.
/// @param factors singular, with solver
/// @param starts  vectors that should contain slow modes, e.g. (n - <n>) pi; made zero-sum inside
/// @returns nothing if no Ritz value settled to 1e-8 within 80 steps
[[nodiscard]] std::optional<double> spectral_gap(const Elimination& factors, std::span<const double> stationary, const std::vector<std::vector<double>>& starts);

}  // namespace meso::num
