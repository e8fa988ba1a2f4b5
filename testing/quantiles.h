// Quantiles for the tests, written apart from src/stat on purpose: the two are checked against each other.
#pragma once

namespace meso::checks {

/// z with P(Z > z) = tail for a standard normal Z, 0 < tail < 1; accurate far into the tail (1e-300).
[[nodiscard]] double normal_upper(double tail);

/// t with P(T > t) = tail for Student's t with `dof` degrees of freedom (infinity: normal). dof > 0, 0 < tail <= 1/2.
[[nodiscard]] double student_upper(double tail, double dof);

}  // namespace meso::checks
