// The (4,5) Padé approximant of the exponential in partial fractions: L-stable, of order 9, its poles in the right half plane.
#pragma once

#include <array>
#include <complex>

namespace meso::num {

struct PadeTerm {
  std::complex<double> pole, residue;  ///< r(z) = sum of residue / (z - pole); complex ones stand for their conjugate too
};

/// The real pole and the two complex ones with positive imaginary part, found in long double.
[[nodiscard]] const std::array<PadeTerm, 3>& pade45();

}  // namespace meso::num
