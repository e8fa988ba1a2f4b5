#include "stat/wasserstein.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <vector>

#include "base/error.h"

namespace meso {
namespace {

std::vector<double> sorted(std::span<const double> sample) {
  if (sample.empty()) throw InputError("a Wasserstein distance needs a sample: an empty one was given");
  std::vector<double> x(sample.begin(), sample.end());
  for (const double v : x)
    if (!std::isfinite(v)) throw InputError("a Wasserstein distance needs finite values: " + std::to_string(v) + " was given");
  std::sort(x.begin(), x.end());
  return x;
}

constexpr std::array<double, 5> gauss{-0.9061798459386640, -0.5384693101056831, 0, 0.5384693101056831, 0.9061798459386640};
constexpr std::array<double, 5> gauss_weight{0.2369268850561891, 0.4786286704993665, 0.5688888888888889, 0.4786286704993665, 0.2369268850561891};

}  // namespace

double wasserstein(std::span<const double> a, std::span<const double> b, int p) {
  if (p != 1 && p != 2) throw InputError("Wasserstein distances of order 1 and 2 are computed; order " + std::to_string(p) + " was asked");
  const std::vector<double> x = sorted(a), y = sorted(b);
  // Both quantile functions are steps: walk over the union of their jumps, in units of 1 / (n m) so that nothing is rounded.
  const std::size_t n = x.size(), m = y.size();
  double sum = 0;
  std::size_t i = 0, j = 0, done = 0;
  while (i < n && j < m) {
    const std::size_t next = std::min((i + 1) * m, (j + 1) * n);
    const double d = std::abs(x[i] - y[j]), weight = static_cast<double>(next - done);
    sum += weight * (p == 1 ? d : d * d);
    done = next;
    if (next == (i + 1) * m) ++i;
    if (next == (j + 1) * n) ++j;
  }
  const double mean = sum / static_cast<double>(n) / static_cast<double>(m);
  return p == 1 ? mean : std::sqrt(mean);
}

double wasserstein_1(std::span<const double> sample, const std::function<double(double)>& cdf, double low, double high) {
  const std::vector<double> x = sorted(sample);
  if (!(low < high)) throw InputError("wasserstein_1: the interval [low, high] is empty");
  const double n = static_cast<double>(x.size());
  double sum = 0;
  // |F_n - F| is smooth between the sample's points but for one kink where they cross: cut there, found by bisection.
  const auto smooth = [&](double from, double to, double level) {
    const double fa = level - cdf(from), fb = level - cdf(to);
    const auto gap = [&](double a, double b) {
      double s = 0;
      for (std::size_t q = 0; q < gauss.size(); ++q) s += gauss_weight[q] * std::abs(level - cdf(0.5 * (a + b) + 0.5 * (b - a) * gauss[q]));
      return 0.5 * (b - a) * s;
    };
    if (fa * fb >= 0) return gap(from, to);
    double a = from, b = to;
    for (int k = 0; k < 60 && b - a > 1e-15 * (std::abs(a) + std::abs(b)); ++k) {
      const double middle = 0.5 * (a + b);
      ((level - cdf(middle)) * fa > 0 ? a : b) = middle;
    }
    return gap(from, a) + gap(a, to);
  };
  const double longest = (high - low) / 256;
  const auto stretch = [&](double from, double to, double level) {
    from = std::clamp(from, low, high);
    to = std::clamp(to, low, high);
    const auto parts = static_cast<std::size_t>(std::ceil((to - from) / longest));
    for (std::size_t k = 0; k < parts; ++k)
      sum += smooth(from + (to - from) * static_cast<double>(k) / static_cast<double>(parts), from + (to - from) * static_cast<double>(k + 1) / static_cast<double>(parts), level);
  };
  stretch(low, x.front(), 0);
  for (std::size_t i = 0; i + 1 < x.size(); ++i) stretch(x[i], x[i + 1], static_cast<double>(i + 1) / n);
  stretch(x.back(), high, 1);
  return sum;
}

double wasserstein_2(std::span<const double> sample, const std::function<double(double)>& quantile) {
  const std::vector<double> x = sorted(sample);
  const double n = static_cast<double>(x.size());
  double sum = 0;
  for (std::size_t i = 0; i < x.size(); ++i)
    for (std::size_t q = 0; q < gauss.size(); ++q) {
      const double u = (static_cast<double>(i) + 0.5 + 0.5 * gauss[q]) / n, d = x[i] - quantile(u);
      sum += 0.5 * gauss_weight[q] * d * d / n;
    }
  return std::sqrt(sum);
}

double wasserstein_2(const PiecewiseLaw& a, const PiecewiseLaw& b) {
  // Walk through the levels u of both; a stretch without mass is a jump of the quantile function, passed at once.
  double sum = 0, u = 0;
  std::size_t i = 0, j = 0;
  const auto at = [](const PiecewiseLaw& l, std::size_t k, double v) { return l.x[k] + (l.x[k + 1] - l.x[k]) * (v - l.below[k]) / (l.below[k + 1] - l.below[k]); };
  while (true) {
    while (i + 1 < a.x.size() && a.below[i + 1] <= u) ++i;
    while (j + 1 < b.x.size() && b.below[j + 1] <= u) ++j;
    if (i + 1 >= a.x.size() || j + 1 >= b.x.size()) break;
    const double next = std::min(a.below[i + 1], b.below[j + 1]), d0 = at(a, i, u) - at(b, j, u), d1 = at(a, i, next) - at(b, j, next);
    sum += (next - u) * (d0 * d0 + d0 * d1 + d1 * d1) / 3;
    u = next;
  }
  return std::sqrt(sum);
}

}  // namespace meso
