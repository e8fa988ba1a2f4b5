// Assertions for numbers that carry errors: GoogleTest helpers with a stated false-failure rate and a power check.
//
// A tolerance picked by hand is either flaky or blind. Here the tolerance comes from the standard error and from the
// probability of a false alarm (1e-9 by default: with 2,000 such tests a correct library then fails about once in
// 500,000 re-seedings), and a test that could not have seen the stated error fails as underpowered.
//
// The quantiles are this folder's own (testing/quantiles.h) and not those of src/stat: a library must not be the judge of itself.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <initializer_list>
#include <limits>
#include <span>
#include <string>

namespace meso::checks {

/// One estimated mean beside its exact value.
struct MeanCheck {
  double exact = 0, estimate = 0;
  double std_error = 0;  ///< sampling sigma of `estimate`; 0: compared to round-off (1e-12 of the scale of `exact`)
  std::string what;      ///< "t = 2": printed on failure
  double dof = std::numeric_limits<double>::infinity();  ///< degrees of freedom of std_error: batches - 1 for delete-a-batch errors
};

/// Probability with which an error of the size `detectable` must be caught; part of every power check below.
inline constexpr double power = 0.99;

/// Every |z| <= z_max with P(any false failure) <= false_failure over all checks (Bonferroni; Student where `dof` is finite).
/// Fails as underpowered if a bias of `detectable` in any one check could hide: (z_max + z_power) std_error > detectable
/// with z_power = 2.33 (power 0.99), so that neither a lucky nor a blind test passes.
/// No checks, a NaN or a negative error fail too. On failure all z-scores are printed: one sign is a bias, one huge is a bug there.
/// @param detectable  smallest bias that matters, in the unit of the means
[[nodiscard]] ::testing::AssertionResult MeansMatch(std::span<const MeanCheck> checks, double detectable, double false_failure = 1e-9);
[[nodiscard]] ::testing::AssertionResult MeansMatch(std::initializer_list<MeanCheck> checks, double detectable, double false_failure = 1e-9);

/// Kolmogorov distance between an independent sample and a law, against the Dvoretzky-Kiefer-Wolfowitz band
/// sqrt(log(2 / alpha) / (2 n)) (Massart 1990, doi:10.1214/aop/1176990746), valid for every n and every law.
/// @param cdf         right-continuous P(X <= x); jumps are fine (the left limit is taken at the next double below)
/// @param detectable  Kolmogorov distance that must be caught with power 0.99; fails as underpowered if it could hide
[[nodiscard]] ::testing::AssertionResult DistributionMatches(std::span<const double> sample, const std::function<double(double)>& cdf,
                                                             double detectable, double false_failure = 1e-9);

/// errors ~ steps^expected: the least-squares slope of log(error) over log(step) lies within `tolerance` of `expected`, and
/// every slope between neighbours within 3 `tolerance` (a plateau of round-off or of another error source is seen).
/// Needs at least three different positive steps and positive finite errors: an error of exactly zero has no order.
[[nodiscard]] ::testing::AssertionResult OrderIs(std::span<const double> steps, std::span<const double> errors, double expected, double tolerance);

}  // namespace meso::checks

namespace meso {
using checks::DistributionMatches;
using checks::MeanCheck;
using checks::MeansMatch;
using checks::OrderIs;
}  // namespace meso
