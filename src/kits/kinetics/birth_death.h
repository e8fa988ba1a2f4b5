// One-step processes on the integers (birth and death): everything about them is a sum of positive terms.
//
// Convention: index i stands for the i-th state of one closed interval; birth[i] leads to i + 1, death[i] to i - 1.
// death[0] and birth[size - 1] lead out of the interval and are ignored (reflecting ends).
#pragma once

#include <span>
#include <vector>

namespace meso::kinetics {

/// Stationary law P(i) = P(0) prod_{j <= i} birth(j-1) / death(j), normalised; sizes equal, birth > 0 and death > 0 inside.
/// Products are rescaled as they run, so that laws over hundreds of orders of magnitude neither overflow nor lose digits:
/// the relative error of each entry is a few size * 1e-16; entries below 1e-300 of the largest are 0.
/// Source: van Kampen, Stochastic Processes in Physics and Chemistry, 3rd ed., eq. VI.3.8.
[[nodiscard]] std::vector<double> birth_death_law(std::span<const double> birth, std::span<const double> death);

/// Slowest non-zero relaxation rate of a reversible one-step process with stationary law `law`.
struct RelaxationRate {
  double rate = 0;
  int iterations = 0;
  bool settled = false;  ///< two iterations agree to 1e-13
};

/// The differences of right eigenvectors obey a tridiagonal M-matrix whose inverse is a kernel of positive terms in the
/// cumulative law, so that inverse iteration subtracts nothing: a switching rate of 1e-30 has as many digits as a rate of 1
/// (bisection on the symmetrised tridiagonal matrix stops at 1e-16 of the *largest* rate). O(size) per iteration.
/// Source: Karlin and McGregor (1957), doi:10.1090/S0002-9947-1957-0094854-8; Chen (2001), doi:10.1007/s101140000088.
[[nodiscard]] RelaxationRate birth_death_gap(std::span<const double> birth, std::span<const double> law);

}  // namespace meso::kinetics
