// Fits of exponents and orders with honest errors: one place for all kits (VERDICT section 6 in docs/verdict.md).
#pragma once

#include <span>
#include <string>
#include <vector>

#include "stat/estimate.h"

namespace meso {

/// Straight line by weighted least squares.
struct LineFit {
  double slope = 0, intercept = 0;
  double slope_error = 0, intercept_error = 0;  ///< if the weights are 1/sigma^2 of independent points; else of no meaning
};
/// @param weight  one per point, or empty: all alike
/// @throws InputError for fewer than 2 points or sizes that differ; the slope is NaN if all x are alike
[[nodiscard]] LineFit fit_line(std::span<const double> x, std::span<const double> y, std::span<const double> weight = {});

/// y = prefactor * x^exponent over a window, from log-log regression.
struct PowerFit {
  double exponent = 0, std_error = 0, prefactor = 0;
  double dof = 0;
  double from = 0, to = 0;  ///< window used
  std::size_t points = 0;
  double decades = 0;       ///< width of the window; below 1 quote the exponent with care
};

/// Fits y(x) over from <= x <= to with weights 1/(relative error)^2; the error is delete-a-batch over whole trajectories,
/// so correlation along x does no harm. Solved estimates: equal weights, zero error.
/// @param x  positive, one per value of y
/// @throws InputError for fewer than 2 positive points in the window
[[nodiscard]] PowerFit fit_power(std::span<const double> x, const Estimate& y, double from, double to);

/// d = c * x^order, signed and weighted, from independent differences (one per sweep point).
struct OrderEstimate {
  bool resolved = false;  ///< |difference| > 3 errors at three or more points, all of one sign
  double order = 0, std_error = 0, prefactor = 0;
  std::size_t used = 0;
  std::string text;       ///< why not, when it is not resolved
};

/// Fit of log|d| on log x over the resolved points, weighted by (d / error)^2; errors below 1e-6 of the difference count as 1e-6 (solved levels).
[[nodiscard]] OrderEstimate fit_order(std::span<const double> x, std::span<const double> difference, std::span<const double> error);

}  // namespace meso
