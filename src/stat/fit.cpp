#include "stat/fit.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "base/error.h"
#include "stat/jackknife.h"

namespace meso {

LineFit fit_line(std::span<const double> x, std::span<const double> y, std::span<const double> weight) {
  if (x.size() < 2 || y.size() != x.size() || (!weight.empty() && weight.size() != x.size()))
    throw InputError("a line through " + std::to_string(x.size()) + " points x, " + std::to_string(y.size()) + " values y and " + std::to_string(weight.size()) +
                     " weights: it needs 2 points at least, and one value and one weight (or no weights) for each");
  const auto w = [&](std::size_t i) { return weight.empty() ? 1.0 : weight[i]; };
  double sw = 0, sx = 0, sy = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    sw += w(i);
    sx += w(i) * x[i];
    sy += w(i) * y[i];
  }
  const double mx = sx / sw, my = sy / sw;
  double sxx = 0, sxy = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    sxx += w(i) * (x[i] - mx) * (x[i] - mx);
    sxy += w(i) * (x[i] - mx) * (y[i] - my);
  }
  const double slope = sxy / sxx;
  return {slope, my - slope * mx, 1.0 / std::sqrt(sxx), std::sqrt(1 / sw + mx * mx / sxx)};
}

PowerFit fit_power(std::span<const double> x, const Estimate& y, double from, double to) {
  std::vector<std::size_t> used;
  for (std::size_t i = 0; i < x.size() && i < y.size(); ++i)
    if (x[i] >= from && x[i] <= to && x[i] > 0 && y.value[i] > 0) used.push_back(i);
  if (used.size() < 2) throw InputError("a power-law fit needs at least 2 positive points in its window");
  std::vector<double> lx, weight;
  for (const std::size_t i : used) {
    lx.push_back(std::log(x[i]));
    const double relative = y.se(i) / y.value[i];
    weight.push_back(relative > 0 ? 1.0 / (relative * relative) : 1.0);
  }
  const auto line_of = [&](const std::vector<double>& value) {
    std::vector<double> ly;
    for (const std::size_t i : used) ly.push_back(std::log(value[i]));
    return fit_line(lx, ly, weight);
  };
  const LineFit line = line_of(y.value);
  PowerFit fit;
  const Estimate* one[] = {&y};
  const Jackknifed slope = jackknife(one, [&](const std::vector<std::vector<double>>& values) { return line_of(values[0]).slope; });
  fit.exponent = line.slope;
  fit.std_error = slope.std_error;
  fit.dof = slope.dof;
  fit.prefactor = std::exp(line.intercept);
  fit.from = x[used.front()];
  fit.to = x[used.back()];
  fit.points = used.size();
  fit.decades = std::log10(fit.to / fit.from);
  return fit;
}

OrderEstimate fit_order(std::span<const double> x, std::span<const double> difference, std::span<const double> error) {
  OrderEstimate result;
  std::vector<double> lx, ld, weight;
  int positive = 0, negative = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (!(x[i] > 0) || !std::isfinite(difference[i]) || !(std::abs(difference[i]) > 3.0 * error[i]) || difference[i] == 0) continue;
    (difference[i] > 0 ? positive : negative)++;
    lx.push_back(std::log(x[i]));
    ld.push_back(std::log(std::abs(difference[i])));
    const double relative = std::max(error[i] / std::abs(difference[i]), 1e-6);
    weight.push_back(1.0 / (relative * relative));
  }
  result.used = lx.size();
  if (positive > 0 && negative > 0) {
    result.text = "the difference changes sign over the sweep: no single order";
    return result;
  }
  if (lx.size() < 3) {
    result.text = "the difference is resolved at fewer than three sizes";
    return result;
  }
  const LineFit line = fit_line(lx, ld, weight);
  // Lack of fit (curvature, higher orders) widens the error: chi^2 per degree of freedom, never below one.
  double chi2 = 0;
  for (std::size_t i = 0; i < lx.size(); ++i) chi2 += weight[i] * std::pow(ld[i] - line.intercept - line.slope * lx[i], 2);
  const double widen = std::sqrt(std::max(1.0, chi2 / static_cast<double>(lx.size() - 2)));
  result.resolved = true;
  result.order = line.slope;
  result.std_error = line.slope_error * widen;
  result.prefactor = std::copysign(std::exp(line.intercept), positive > 0 ? 1.0 : -1.0);
  return result;
}

}  // namespace meso
