#include "kits/learning/distance_law.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <complex>
#include <numbers>

#include "base/error.h"
#include "base/text.h"

namespace meso::learning {

DistanceLaw::DistanceLaw(std::vector<DistanceGroup> groups) : groups_(std::move(groups)) {
  if (groups_.empty()) throw ParameterError("the law of a distance needs at least one dimension");
  for (const DistanceGroup& g : groups_) {
    if (!(g.eigenvalue > 0)) throw ParameterError(fmt::format("the covariance is not positive definite: eigenvalue {}", exact(g.eigenvalue)));
    if (!(g.noncentrality >= 0)) throw ParameterError(fmt::format("the squared length of a query is {}; it must not be negative", exact(g.noncentrality)));
    const double m = static_cast<double>(g.dimensions);
    mean_ += g.eigenvalue * (m + g.noncentrality);
    variance_ += 2 * g.eigenvalue * g.eigenvalue * (m + 2 * g.noncentrality);
    widest_ = std::max(widest_, g.eigenvalue);
  }
}

/// tail = 0: f(u); 1: P(D <= u), with 1/s in the integrand; -1: P(D > u), with -1/s on the other side of the pole.
double DistanceLaw::invert(double u, int tail) const {
  using Complex = std::complex<double>;
  if (!(u > 0)) throw ParameterError(fmt::format("a squared distance is {}; it must be above 0", exact(u)));
  // Exponent Psi(s) = s u + ln M(s) - |tail| ln(+-s): slope, and second and third derivative.
  const auto derivatives = [&](double s) {
    double first = u, second = 0, third = 0;
    for (const DistanceGroup& g : groups_) {
      const double k = g.eigenvalue, m = static_cast<double>(g.dimensions), q = 1 / (1 + 2 * k * s), c = k * q;
      first -= c * (m + g.noncentrality * q);
      second += 2 * c * c * (m + 2 * g.noncentrality * q);
      third -= 8 * c * c * c * (m + 3 * g.noncentrality * q);
    }
    if (tail != 0) {
      first -= 1 / s;
      second += 1 / (s * s);
      third -= 2 / (s * s * s);
    }
    return std::array<double, 3>{first, second, third};
  };
  // The slope grows along the interval on which M (and the sign of s) is defined: bracket the saddle, then Newton within the bracket.
  const double edge = -0.5 / widest_;
  double low = tail == 1 ? 0 : edge, high = tail == -1 ? 0 : std::max(1.0, -edge);
  if (tail != -1)
    while (derivatives(high)[0] < 0) low = high, high *= 4;
  double s0 = tail == 0 && low < 0 && derivatives(0)[0] > 0 ? 0.5 * edge : 0.5 * (low + high);
  for (int i = 0; i < 200; ++i) {
    const auto [slope, bend, third] = derivatives(s0);
    (slope < 0 ? low : high) = s0;
    double next = s0 - slope / bend;
    if (!(next > low && next < high)) next = 0.5 * (low + high);
    if (std::abs(next - s0) <= 1e-14 * std::abs(s0) || high - low <= 1e-15 * std::abs(high)) break;
    s0 = next;
  }
  const auto [slope, bend, third] = derivatives(s0);
  // Opens to the left. Above the pole's other side, s0 < 0, the pole would bend the contour to the right, where e^{s u} grows: there M alone bends it.
  const double b = (tail == -1 ? third + 2 / (s0 * s0 * s0) : third) / (6 * bend);
  const auto exponent = [&](Complex s) {
    Complex sum = s * u;
    for (const DistanceGroup& g : groups_) {
      const Complex q = 1.0 + 2 * g.eigenvalue * s;
      sum -= 0.5 * static_cast<double>(g.dimensions) * std::log(q) + g.eigenvalue * g.noncentrality * s / q;
    }
    return tail == 0 ? sum : sum - std::log(tail > 0 ? s : -s);
  };
  const double top = exponent(s0).real(), step = 0.1 / std::sqrt(bend);
  double sum = 0.5;  // t = 0: e^{Psi - top} (i + 2 b t)/i = 1
  int small = 0;
  for (int i = 1; i < 4000 && small < 3; ++i) {
    const double t = step * i;
    const Complex value = std::exp(exponent({s0 + b * t * t, t}) - top) * Complex(1, -2 * b * t);
    sum += value.real();
    small = std::abs(value) < 1e-17 * sum ? small + 1 : 0;
  }
  return top + std::log(sum * step / std::numbers::pi);
}

double DistanceLaw::quantile(double ln_p) const {
  if (!(ln_p < 0)) throw ParameterError(fmt::format("the logarithm of a probability is {}; it must be below 0", exact(ln_p)));
  // ln P is concave and grows with ln u: Newton in ln u, with d ln P/d ln u = u f/P, kept in a bracket.
  double low = std::log(mean_) - 1, high = std::log(mean_);
  while (ln_below(std::exp(low)) > ln_p) low -= 2;
  while (ln_below(std::exp(high)) < ln_p) high += 0.5 * std::sqrt(variance_) / mean_;
  double x = 0.5 * (low + high);
  for (int i = 0; i < 100; ++i) {
    const double p = ln_below(std::exp(x)), slope = std::exp(x + ln_density(std::exp(x)) - p);
    (p < ln_p ? low : high) = x;
    double next = x - (p - ln_p) / slope;
    if (!(next > low && next < high)) next = 0.5 * (low + high);
    if (std::abs(next - x) < 1e-13 * std::max(1.0, std::abs(x))) return std::exp(next);
    x = next;
  }
  return std::exp(x);
}

double DistanceLaw::upper_quantile(double ln_p) const {
  if (!(ln_p < 0)) throw ParameterError(fmt::format("the logarithm of a probability is {}; it must be below 0", exact(ln_p)));
  const double sd = std::sqrt(variance_);
  double low = mean_, high = mean_;
  while (low > 0.05 * mean_ && ln_above(low) < ln_p) low *= 0.7;
  while (ln_above(high) > ln_p) high += 2 * sd;
  for (int i = 0; i < 200 && high - low > 1e-13 * high; ++i) {
    const double middle = 0.5 * (low + high);
    (ln_above(middle) > ln_p ? low : high) = middle;
  }
  return 0.5 * (low + high);
}

}  // namespace meso::learning
