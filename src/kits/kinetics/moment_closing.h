// Closures that give raw moments above the order from those below it, possibly given that 0/1 species are 1.
//
// Everything is worked out in double-double numbers: raw moments of order k at mean N cancel to cumulants N^(k-1) times
// smaller, and of the 32 digits enough are left for the 16 that are passed on.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "kits/kinetics/moments.h"
#include "num/double_double.h"
#include "stat/cumulants.h"

namespace meso::kinetics {

/// Exponents g_j of mu_i = prod_(1 <= |j| <= order) mu_j^(g_j) by derivative matching: C(i, l) = sum_j g_j C(j, l) for every
/// 1 <= |l| <= order, C(i, l) = prod_s binom(i_s, l_s). Solved in closed form by binomial inversion:
/// g_j = sum_(j <= l <= i, |l| <= order) (-1)^(|l| - |j|) C(i, l) C(l, j). All are whole numbers.
/// @returns one exponent per entry of set.size_up_to(order)
/// Source: Singh and Hespanha, IEEE Trans. Autom. Control 56, 414 (2011), doi:10.1109/TAC.2010.2088631.
[[nodiscard]] std::vector<int> matching_exponents(const MultiIndexSet& set, const MultiIndex& i, int order);

/// Which species are 0 or 1, and which of them exclude each other.
struct BinarySpecies {
  std::vector<bool> is_binary;                      ///< per independent species
  std::vector<std::vector<std::size_t>> exclusive;  ///< groups of independent species of which at most one is 1
  [[nodiscard]] bool any() const;
  /// The same moment with every power of a 0/1 species lowered to one.
  [[nodiscard]] MultiIndex reduced(MultiIndex i) const;
  /// True if <n^i> vanishes: two species that exclude each other are in it.
  [[nodiscard]] bool vanishes(const MultiIndex& i) const;
};

/// Moments above the order from those up to it, and the gradient.
class MomentClosing {
 public:
  enum class Rule {
    power_product,  ///< derivative matching of order `rule_order`
    gaussian,       ///< cumulants above order `rule_order` are zero
    gamma           ///< the gamma law with the same means and covariances (close_gamma; not conditional)
  };
  /// @param set         entries up to `lows` are known, those above are closed
  /// @param required    of the entries above `lows`, whether anyone asks for it (others are left at zero)
  /// @param conditional closes given that the 0/1 species in a moment are 1; else 0/1 species only have their powers reduced
  /// @param rule_order  highest order that the rule reads; given A 0/1 species that are 1, that less |A|
  /// @throws ParameterError a moment is asked for of which too little is known: says which order would do
  MomentClosing(const MultiIndexSet& set, std::size_t lows, std::vector<bool> required, const BinarySpecies& binary, bool conditional, Rule rule, int rule_order, const std::string& name);

  /// A CloseFunction (flow.h): cumulants in, cumulants out.
  void operator()(std::span<const double> low, std::span<double> high, std::span<double> gradient) const;

 private:
  using Real = num::DoubleDouble;
  struct Group {                         // all moments with the same 0/1 species at 1
    std::size_t base;                    // position of <g_A>; npos if A is empty
    std::size_t inner;                   // entries of the inner set that the rule reads
    std::vector<std::size_t> position;   // of <g_A p^j> for those
    std::vector<std::vector<int>> exponents;  // per target, of the power product
  };
  struct Target {
    std::size_t position;                // in the set
    enum class Kind { zero, copy, closed, law } kind;
    std::size_t source = 0;              // copy: position; closed: group
    std::size_t entry = 0, rank = 0;     // closed: of the inner set; row of Group::exponents
  };
  void close_group(const Group& group, std::span<const Real> m, std::vector<Real>& c) const;

  MultiIndexSet set_;
  MultiIndexSet inner_set_;              // of the species that are not 0/1
  CumulantTable table_, inner_table_;
  std::size_t lows_, size_, components_;
  std::vector<std::pair<std::size_t, std::size_t>> below_;  // entry = species + lower entry (of degree 1: unused)
  std::vector<bool> binary_;             // g^2 = g has no unit but one
  Rule rule_;
  std::vector<Group> groups_;
  std::vector<Target> targets_;          // ascending
};

}  // namespace meso::kinetics
