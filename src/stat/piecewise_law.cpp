#include "stat/piecewise_law.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "base/error.h"

namespace meso {
namespace {

/// Calls f(x0, x1, p, q) for the pieces of the union of both supports, with the densities there.
void for_each_piece(const PiecewiseLaw& a, const PiecewiseLaw& b, const auto& f) {
  std::vector<double> x(a.x.size() + b.x.size());
  std::merge(a.x.begin(), a.x.end(), b.x.begin(), b.x.end(), x.begin());
  std::size_t i = 0, j = 0;  // x[k] lies in piece i of a and j of b
  const auto slope = [](const PiecewiseLaw& l, std::size_t k) { return l.mass[k] / (l.x[k + 1] - l.x[k]); };
  for (std::size_t k = 0; k + 1 < x.size(); ++k) {
    if (!(x[k + 1] > x[k])) continue;
    while (i + 1 < a.x.size() && a.x[i + 1] <= x[k]) ++i;
    while (j + 1 < b.x.size() && b.x[j + 1] <= x[k]) ++j;
    const double p = x[k] < a.x.front() || i + 1 >= a.x.size() ? 0.0 : slope(a, i), q = x[k] < b.x.front() || j + 1 >= b.x.size() ? 0.0 : slope(b, j);
    f(x[k], x[k + 1], p, q);
  }
}

void check_points(const std::vector<double>& x, std::size_t values, std::size_t needed) {
  if (x.size() < 2 || values != needed) throw InputError("a piecewise law needs two or more points with a value each: " + std::to_string(x.size()) + " points and " + std::to_string(values) + " values are given");
  for (std::size_t k = 0; k + 1 < x.size(); ++k)
    if (!(x[k + 1] > x[k])) throw InputError("the points of a piecewise law increase: point " + std::to_string(k + 2) + " is " + std::to_string(x[k + 1]) + " after " + std::to_string(x[k]));
}

}  // namespace

PiecewiseLaw PiecewiseLaw::make(std::vector<double> x, std::vector<double> below) {
  check_points(x, below.size(), x.size());
  const double first = below.front(), mass = below.back() - first;
  if (!(mass > 0)) throw InputError("a piecewise law has no mass: its distribution function rises by " + std::to_string(mass));
  double top = 0;
  for (double& v : below) {
    v = (v - first) / mass;
    if (!(v >= top - 1e-6)) throw InputError("a distribution function falls by " + std::to_string(top - v) + "; up to 1e-6 is taken for rounding");
    top = v = std::clamp(v, top, 1.0);
  }
  below.back() = 1;
  std::vector<double> pieces(below.size() - 1);
  for (std::size_t k = 0; k < pieces.size(); ++k) pieces[k] = below[k + 1] - below[k];
  return {std::move(x), std::move(below), std::move(pieces)};
}

PiecewiseLaw PiecewiseLaw::of_masses(std::vector<double> x, std::vector<double> mass) {
  check_points(x, mass.size() + 1, x.size());
  double all = 0;
  for (const double m : mass) all += std::max(m, 0.0);
  if (!(all > 0) || !std::isfinite(all)) throw InputError("a piecewise law has no mass: its pieces add up to " + std::to_string(all));
  std::vector<double> below{0};
  for (double& m : mass) {
    if (!(m >= -1e-6 * all)) throw InputError("a piece of a law has the mass " + std::to_string(m) + "; down to -1e-6 is taken for rounding");
    m = std::max(m, 0.0) / all;
    below.push_back(std::min(below.back() + m, 1.0));
  }
  below.back() = 1;
  return {std::move(x), std::move(below), std::move(mass)};
}

PiecewiseLaw PiecewiseLaw::of(const std::function<double(double)>& cdf, std::vector<double> x) {
  std::vector<double> below;
  for (const double v : x) below.push_back(cdf(v));
  return make(std::move(x), std::move(below));
}

double PiecewiseLaw::cdf(double at) const {
  if (at <= x.front()) return 0;
  if (at >= x.back()) return 1;
  const auto k = static_cast<std::size_t>(std::upper_bound(x.begin(), x.end(), at) - x.begin());
  return below[k - 1] + (below[k] - below[k - 1]) * (at - x[k - 1]) / (x[k] - x[k - 1]);
}

double PiecewiseLaw::quantile(double u) const {
  if (u <= 0) return x[static_cast<std::size_t>(std::upper_bound(below.begin(), below.end(), 0.0) - below.begin()) - 1];
  const auto k = static_cast<std::size_t>(std::lower_bound(below.begin(), below.end(), std::min(u, 1.0)) - below.begin());
  return x[k - 1] + (x[k] - x[k - 1]) * (std::min(u, 1.0) - below[k - 1]) / (below[k] - below[k - 1]);
}

double PiecewiseLaw::density(double at) const {
  if (at < x.front() || at >= x.back()) return 0;
  const auto k = static_cast<std::size_t>(std::upper_bound(x.begin(), x.end(), at) - x.begin());
  return mass[k - 1] / (x[k] - x[k - 1]);
}

double PiecewiseLaw::mean() const {
  double sum = 0;
  for (std::size_t k = 0; k + 1 < x.size(); ++k) sum += mass[k] * 0.5 * (x[k] + x[k + 1]);
  return sum;
}

double PiecewiseLaw::variance() const {
  const double m = mean();
  double sum = 0;
  for (std::size_t k = 0; k + 1 < x.size(); ++k) {
    const double a = x[k] - m, b = x[k + 1] - m;
    sum += mass[k] * (a * a + a * b + b * b) / 3;
  }
  return sum;
}

double kolmogorov(const PiecewiseLaw& a, const PiecewiseLaw& b) {
  double worst = 0;
  for (std::size_t k = 0; k < a.x.size(); ++k) worst = std::max(worst, std::abs(a.below[k] - b.cdf(a.x[k])));
  for (std::size_t k = 0; k < b.x.size(); ++k) worst = std::max(worst, std::abs(b.below[k] - a.cdf(b.x[k])));
  return worst;
}

double l1_distance(const PiecewiseLaw& a, const PiecewiseLaw& b) {
  double sum = 0;
  for_each_piece(a, b, [&](double x0, double x1, double p, double q) { sum += std::abs(p - q) * (x1 - x0); });
  return sum;
}

double kullback_leibler(const PiecewiseLaw& a, const PiecewiseLaw& b) {
  double sum = 0;
  // p log(p/q) - p + q >= 0 piece by piece: with equal masses the sum is the same, and small distances are not lost among terms of both signs.
  for_each_piece(a, b, [&](double x0, double x1, double p, double q) {
    if (p > 0 && !(q > 0) && p * (x1 - x0) < 1e-14) return;
    if (p > 0 && !(q > 0)) sum = std::numeric_limits<double>::infinity();
    else sum += (p > 0 ? p * std::log(p / q) - p + q : q) * (x1 - x0);
  });
  return sum;
}

}  // namespace meso
