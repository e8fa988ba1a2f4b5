// Joint moments and cumulants: conversions in both directions, any number of components, any order.
//
// All tables are indexed by a MultiIndexSet. Entries of order 1 are the means in every form (a central moment of order 1
// would be zero and carry nothing). Recursion: m_(i+e_s) = sum_(j<=i) binom(i,j) kappa_(j+e_s) m_(i-j), with m_0 = 1.
// Source: P. J. Smith, Am. Stat. 49, 217 (1995), doi:10.1080/00031305.1995.10476146 (univariate and joint recursions).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "stat/multi_index.h"

namespace meso {

/// The combinatorics of one set, worked out once: every way to split a multi-index in two. Conversions through it run over
/// numbers of any kind with + and * (doubles, double-doubles, polynomials).
class CumulantTable {
 public:
  static constexpr std::uint32_t none = 0xffffffffu;
  /// i = j + rest with j > 0.
  struct Split {
    std::uint32_t j, rest;  ///< positions in the set; rest: none if j = i
    double binomial;        ///< binom(i, j): dm_i/dkappa_j = binom(i, j) m_rest
    double recursion;       ///< weight of kappa_j m_rest in the recursion for m_i; 0 if it does not occur there
  };
  explicit CumulantTable(const MultiIndexSet& set);
  [[nodiscard]] std::size_t size() const { return offset_.size() - 1; }
  [[nodiscard]] std::span<const Split> splits(std::size_t p) const { return std::span(splits_).subspan(offset_[p], offset_[p + 1] - offset_[p]); }

  /// m_i - kappa_i = sum over the true splits of i of weight kappa_j m_rest. `central`: order-1 cumulants count as zero.
  template <class T>
  [[nodiscard]] T lower_part(std::size_t p, std::span<const T> kappa, std::span<const T> m, bool central = false) const {
    T sum(0.0);
    for (const Split& s : splits(p)) {
      if (s.recursion == 0 || s.rest == none) continue;
      if (central && (s.j < components_ || s.rest < components_)) continue;
      sum += kappa[s.j] * m[s.rest] * s.recursion;
    }
    return sum;
  }
  /// Moments of entries [from, to) from the cumulants (and moments below `from`).
  template <class T>
  void moments(std::span<const T> kappa, std::span<T> m, std::size_t from, std::size_t to, bool central = false) const {
    for (std::size_t p = from; p < to; ++p) m[p] = kappa[p] + lower_part<T>(p, kappa, m, central && p >= components_);
  }
  /// Cumulants of entries [from, to) from the moments (and cumulants below `from`).
  template <class T>
  void cumulants(std::span<const T> m, std::span<T> kappa, std::size_t from, std::size_t to, bool central = false) const {
    for (std::size_t p = from; p < to; ++p) kappa[p] = m[p] - lower_part<T>(p, kappa, m, central && p >= components_);
  }

 private:
  std::size_t components_;
  std::vector<std::size_t> offset_;
  std::vector<Split> splits_;
};

/// Raw moments <n^i> from cumulants.
[[nodiscard]] std::vector<double> raw_from_cumulants(const MultiIndexSet& set, std::span<const double> cumulants);
/// Cumulants from raw moments. Loses about log10(mean^|i| / cumulant) digits: use for checks, not inside solvers.
[[nodiscard]] std::vector<double> cumulants_from_raw(const MultiIndexSet& set, std::span<const double> raw);
/// Central moments <(n - mean)^i> (means at order 1) from cumulants (means at order 1).
[[nodiscard]] std::vector<double> central_from_cumulants(const MultiIndexSet& set, std::span<const double> cumulants);
[[nodiscard]] std::vector<double> cumulants_from_central(const MultiIndexSet& set, std::span<const double> central);

}  // namespace meso
