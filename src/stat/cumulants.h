// Joint moments and cumulants: conversions in both directions, any number of components, any order.
//
// All tables are indexed by a MultiIndexSet. Entries of order 1 are the means in every form (a central moment of order 1
// would be zero and carry nothing). Recursion: m_(i+e_s) = sum_(j<=i) binom(i,j) kappa_(j+e_s) m_(i-j), with m_0 = 1.
// Source: P. J. Smith, Am. Stat. 49, 217 (1995), doi:10.1080/00031305.1995.10476146 (univariate and joint recursions).
#pragma once

#include <span>
#include <vector>

#include "stat/multi_index.h"

namespace meso {

/// Raw moments <n^i> from cumulants.
[[nodiscard]] std::vector<double> raw_from_cumulants(const MultiIndexSet& set, std::span<const double> cumulants);
/// Cumulants from raw moments. Loses about log10(mean^|i| / cumulant) digits: use for checks, not inside solvers.
[[nodiscard]] std::vector<double> cumulants_from_raw(const MultiIndexSet& set, std::span<const double> raw);
/// Central moments <(n - mean)^i> (means at order 1) from cumulants (means at order 1).
[[nodiscard]] std::vector<double> central_from_cumulants(const MultiIndexSet& set, std::span<const double> cumulants);
[[nodiscard]] std::vector<double> cumulants_from_central(const MultiIndexSet& set, std::span<const double> central);

}  // namespace meso
