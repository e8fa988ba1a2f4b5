// Quantiles and exact bounds that the verdict stands on. Boost.Math underneath; tails are given as tail probabilities so
// that 1e-12 keeps its digits.
#pragma once

#include <cstdint>

namespace meso {

/// z with P(Z > z) = tail, 0 < tail < 1.
[[nodiscard]] double normal_tail_quantile(double tail);

/// t with P(T > t) = tail for Student's law; dof may be infinite or fractional (>= 0.5).
[[nodiscard]] double student_tail_quantile(double tail, double dof);

/// Largest distance of the mean of a signal in an interval of width `range` from the one value seen in all of n
/// independent trajectories, at error probability alpha: range * (1 - alpha^(1/n)) (the exact binomial bound for 0 of n).
[[nodiscard]] double no_variation_bound(double range, std::uint64_t n, double alpha);

/// Half-width of the Dvoretzky-Kiefer-Wolfowitz band, sqrt(log(2/alpha) / (2 n)); Massart (1990), doi:10.1214/aop/1176990746.
[[nodiscard]] double dkw_band(std::uint64_t n, double alpha);

/// Smallest k with P(Binomial(n, p) > k) <= alpha.
[[nodiscard]] std::uint64_t binomial_upper_count(std::uint64_t n, double p, double alpha);

/// P(X <= x) and P(X > x) of the gamma law with this shape and scale 1, x >= 0: regularised incomplete gamma functions.
[[nodiscard]] double gamma_below(double shape, double x);
[[nodiscard]] double gamma_above(double shape, double x);

}  // namespace meso
