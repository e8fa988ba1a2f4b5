// Multi-indices and their combinatorics: the one table behind moments, cumulants, Taylor terms and closures.
//
// A multi-index i = (i_1 .. i_S) names a joint moment <n_1^i_1 ... n_S^i_S>; |i| is the sum of its entries.
#pragma once

#include <cstddef>
#include <functional>
#include <limits>
#include <map>
#include <vector>

namespace meso {

using MultiIndex = std::vector<int>;

/// |i|.
[[nodiscard]] int degree(const MultiIndex& i);
/// n choose k, exact in double up to 2^53; 0 for k outside [0, n].
[[nodiscard]] double binomial(int n, int k);
/// prod_s binomial(i_s, j_s).
[[nodiscard]] double binomial(const MultiIndex& i, const MultiIndex& j);
/// prod_s i_s!.
[[nodiscard]] double factorial(const MultiIndex& i);
/// i + e_s, the index one higher in component s.
[[nodiscard]] MultiIndex raised(MultiIndex i, std::size_t s);
/// Calls f(j) for every j with 0 <= j_s <= i_s (i itself included), in lexicographic order.
void for_each_below(const MultiIndex& i, const std::function<void(const MultiIndex&)>& f);

/// All multi-indices with 1 <= |i| <= order, by |i| and then with the first components highest:
/// (1,0) (0,1) (2,0) (1,1) (0,2) ...  So the first S entries are the unit indices, in order of the components.
class MultiIndexSet {
 public:
  static constexpr std::size_t npos = std::numeric_limits<std::size_t>::max();

  /// @param components  S >= 1;  @param order  >= 1
  MultiIndexSet(std::size_t components, int order);

  /// binomial(S + order, order) - 1, without building the set.
  [[nodiscard]] static double count(std::size_t components, int order);

  [[nodiscard]] std::size_t size() const { return index_.size(); }
  [[nodiscard]] std::size_t components() const { return components_; }
  [[nodiscard]] int order() const { return order_; }
  [[nodiscard]] const MultiIndex& operator[](std::size_t p) const { return index_[p]; }
  /// |i| of entry p.
  [[nodiscard]] int degree_of(std::size_t p) const { return degree_[p]; }
  /// Position of i, or npos if |i| is 0 or above the order.
  [[nodiscard]] std::size_t find(const MultiIndex& i) const;
  /// Position of (entry p) + e_s, or npos above the order.
  [[nodiscard]] std::size_t next(std::size_t p, std::size_t s) const { return next_[p * components_ + s]; }
  /// Entries with |i| <= lower_order: they come first.
  [[nodiscard]] std::size_t size_up_to(int lower_order) const;

 private:
  std::size_t components_;
  int order_;
  std::vector<MultiIndex> index_;
  std::vector<int> degree_;
  std::map<MultiIndex, std::size_t> position_;
  std::vector<std::size_t> next_;
};

}  // namespace meso
