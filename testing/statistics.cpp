#include "testing/statistics.h"

#include <algorithm>
#include <cmath>
#include <iomanip>
#include <sstream>
#include <vector>

#include "testing/quantiles.h"

namespace meso::checks {
namespace {

using ::testing::AssertionFailure;
using ::testing::AssertionResult;
using ::testing::AssertionSuccess;

bool valid_rate(double p) { return p > 0 && p < 0.5; }

}  // namespace

AssertionResult MeansMatch(std::span<const MeanCheck> checks, double detectable, double false_failure) {
  if (checks.empty()) return AssertionFailure() << "no checks given: this proves nothing";
  if (!(detectable > 0) || std::isinf(detectable)) return AssertionFailure() << "`detectable` must be a positive finite bias, got " << detectable;
  if (!valid_rate(false_failure)) return AssertionFailure() << "false_failure must lie in (0, 0.5), got " << false_failure;

  const double tail = false_failure / (2.0 * static_cast<double>(checks.size()));
  std::ostringstream table;
  bool biased = false, blind = false, invalid = false;
  double sum_z = 0, normal_z = normal_upper(tail);
  std::size_t with_error = 0;
  for (const MeanCheck& check : checks) {
    const double difference = check.estimate - check.exact;
    table << "\n  " << std::left << std::setw(20) << check.what << std::setprecision(8) << " exact " << check.exact << "  estimate " << check.estimate << " +- "
          << std::setprecision(3) << check.std_error;
    if (!std::isfinite(difference) || !(check.std_error >= 0) || std::isinf(check.std_error) || !(check.dof > 0)) {
      invalid = true;
      table << "  NOT A NUMBER";
      continue;
    }
    if (check.std_error == 0) {
      const double allowed = 1e-12 * std::max(1.0, std::abs(check.exact));
      if (std::abs(difference) > allowed) {
        biased = true;
        table << "  difference " << difference << " without any sampling error  FAILS";
      }
      continue;
    }
    const double z_max = std::isinf(check.dof) ? normal_z : student_upper(tail, check.dof);
    const double z = difference / check.std_error;
    sum_z += z;
    ++with_error;
    table << "  z = " << z;
    if (std::abs(z) > z_max) {
      biased = true;
      table << "  FAILS (|z| > " << z_max << ")";
    }
    const double needed = (z_max + student_upper(1 - power, check.dof)) * check.std_error;
    if (needed > detectable) {
      blind = true;
      const double factor = needed / detectable;
      table << "  UNDERPOWERED: sees a bias of " << needed << " only, about " << factor * factor << " times the samples are needed";
    }
  }
  if (!biased && !blind && !invalid) return AssertionSuccess();
  AssertionResult failure = AssertionFailure();
  if (invalid) failure << "a mean or its error is not a number";
  else if (biased) failure << "means do not match (P of a false failure " << false_failure << " over " << checks.size() << " checks)";
  else failure << "underpowered: a bias of " << detectable << " could hide";
  if (with_error > 1) failure << "; sum of z / sqrt(checks) = " << sum_z / std::sqrt(static_cast<double>(with_error));
  return failure << table.str();
}

AssertionResult MeansMatch(std::initializer_list<MeanCheck> checks, double detectable, double false_failure) {
  return MeansMatch(std::span<const MeanCheck>(checks.begin(), checks.size()), detectable, false_failure);
}

AssertionResult DistributionMatches(std::span<const double> sample, const std::function<double(double)>& cdf, double detectable, double false_failure) {
  if (sample.empty()) return AssertionFailure() << "the sample is empty: this proves nothing";
  if (!(detectable > 0 && detectable < 1)) return AssertionFailure() << "`detectable` is a Kolmogorov distance in (0, 1), got " << detectable;
  if (!valid_rate(false_failure)) return AssertionFailure() << "false_failure must lie in (0, 0.5), got " << false_failure;
  std::vector<double> x(sample.begin(), sample.end());
  for (std::size_t i = 0; i < x.size(); ++i)
    if (std::isnan(x[i])) return AssertionFailure() << "sample[" << i << "] is not a number";
  std::sort(x.begin(), x.end());

  const auto n = static_cast<double>(x.size());
  double distance = 0, worst = x.front(), empirical_there = 0, exact_there = 0;
  const auto look = [&](double at, double empirical, double exact) {
    if (std::abs(empirical - exact) > distance || std::isnan(exact)) {
      distance = std::isnan(exact) ? exact : std::abs(empirical - exact);
      worst = at;
      empirical_there = empirical;
      exact_there = exact;
    }
  };
  // Between two neighbouring sample values the empirical law is flat and the exact one monotone, so both ends are enough.
  for (std::size_t i = 0; i < x.size() && !std::isnan(distance);) {
    std::size_t j = i;
    while (j < x.size() && x[j] == x[i]) ++j;
    look(x[i], static_cast<double>(i) / n, cdf(std::nextafter(x[i], -std::numeric_limits<double>::infinity())));
    if (!std::isnan(distance)) look(x[i], static_cast<double>(j) / n, cdf(x[i]));
    i = j;
  }
  if (std::isnan(distance)) return AssertionFailure() << "the exact distribution function is not a number at " << worst;

  const double band = std::sqrt(std::log(2.0 / false_failure) / (2.0 * n));
  // A law at distance `detectable` is seen at more than `detectable` minus its own band at level 1 - power.
  const double needed = band + std::sqrt(std::log(2.0 / (1.0 - power)) / (2.0 * n));
  if (distance > band)
    return AssertionFailure() << "distributions do not match: Kolmogorov distance " << distance << " > band " << band << " (n = " << x.size()
                              << ", P of a false failure " << false_failure << "), worst at " << worst << ": empirical " << empirical_there << ", exact "
                              << exact_there;
  if (needed > detectable)
    return AssertionFailure() << "underpowered: n = " << x.size() << " sees a Kolmogorov distance of " << needed << " only, " << detectable
                              << " could hide; about " << std::ceil(n * (needed / detectable) * (needed / detectable)) << " samples are needed";
  return AssertionSuccess();
}

AssertionResult OrderIs(std::span<const double> steps, std::span<const double> errors, double expected, double tolerance) {
  if (steps.size() != errors.size()) return AssertionFailure() << steps.size() << " steps but " << errors.size() << " errors";
  if (steps.size() < 3) return AssertionFailure() << "an order needs at least three steps, got " << steps.size();
  if (!(tolerance > 0)) return AssertionFailure() << "tolerance must be positive, got " << tolerance;
  const std::size_t n = steps.size();
  std::vector<std::size_t> order(n);
  for (std::size_t i = 0; i < n; ++i) order[i] = i;
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return steps[a] > steps[b]; });
  std::vector<double> u(n), v(n);
  std::ostringstream table;
  bool invalid = false;
  for (std::size_t i = 0; i < n; ++i) {
    const double h = steps[order[i]], e = errors[order[i]];
    table << "\n  step " << std::setw(12) << std::left << h << " error " << std::setw(12) << e;
    if (!(h > 0) || std::isinf(h) || !(e > 0) || std::isinf(e) || (i > 0 && h == steps[order[i - 1]])) {
      invalid = true;
      table << "  NOT USABLE";
      continue;
    }
    u[i] = std::log(h);
    v[i] = std::log(e);
    if (i > 0 && !invalid) table << "  order " << (v[i - 1] - v[i]) / (u[i - 1] - u[i]);
  }
  if (invalid) return AssertionFailure() << "an order needs different positive steps and positive finite errors" << table.str();
  double mean_u = 0, mean_v = 0, uu = 0, uv = 0;
  for (std::size_t i = 0; i < n; ++i) mean_u += u[i] / static_cast<double>(n), mean_v += v[i] / static_cast<double>(n);
  for (std::size_t i = 0; i < n; ++i) uu += (u[i] - mean_u) * (u[i] - mean_u), uv += (u[i] - mean_u) * (v[i] - mean_v);
  const double slope = uv / uu;
  bool fits = std::abs(slope - expected) <= tolerance;
  for (std::size_t i = 1; i < n; ++i) fits = fits && std::abs((v[i - 1] - v[i]) / (u[i - 1] - u[i]) - expected) <= 3 * tolerance;
  if (fits) return AssertionSuccess();
  return AssertionFailure() << "measured order " << slope << ", expected " << expected << " +- " << tolerance << " (each neighbouring pair within "
                            << 3 * tolerance << ")" << table.str();
}

}  // namespace meso::checks
