#include "kits/learning/stable_law.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "base/error.h"
#include "base/text.h"

namespace meso::learning {
namespace {
constexpr double pi = std::numbers::pi;
}

SkewedStable::SkewedStable(double mu) : mu_(mu) {
  if (!(mu > 0) || !(mu < 2) || mu == 1) throw ParameterError(fmt::format("the index of a skewed stable law is {}; it must lie between 0 and 2 and not be 1", exact(mu)));
  strength_ = std::tgamma(1 - mu);
  scale_ = std::pow(strength_ * std::cos(0.5 * pi * mu), 1 / mu);  // sigma of E e^{-s X} = exp(-sigma^mu s^mu/cos(pi mu/2))
}

/// (1/pi) int_{-theta0}^{pi/2} exp(-x^{a/(a-1)} V(theta)) dtheta for x > 0. V runs from 0 to infinity (a < 1: from V0 > 0 or so, growing; a > 1: falling): the
/// integrand is a smooth step, found by bisection and integrated on both sides of it with a double-exponential rule.
double SkewedStable::zolotarev(double x, double theta0) const {
  const double a = mu_, power = a / (a - 1), front = std::log(std::cos(a * theta0)) / (a - 1) + power * std::log(x);
  const auto exponent = [&](double theta) {  // ln of x^{a/(a-1)} V
    return front + power * (std::log(std::cos(theta)) - std::log(std::sin(a * (theta0 + theta)))) + std::log(std::cos(a * theta0 + (a - 1) * theta)) - std::log(std::cos(theta));
  };
  const double low = -theta0, high = 0.5 * pi;
  double left = low, right = high;
  const double middle = 0.5 * (low + high);
  const bool falls = exponent(middle + 0.25 * (high - middle)) < exponent(middle);
  for (int i = 0; i < 60; ++i) {
    const double at = 0.5 * (left + right);
    ((exponent(at) < 0) != falls ? left : right) = at;
  }
  const double cut = 0.5 * (left + right);
  const auto integral = [&](double from, double to) {  // tanh-sinh
    if (!(to - from > 1e-14)) return 0.0;
    constexpr double step = 1.0 / 32;
    double sum = 0;
    for (int i = -120; i <= 120; ++i) {
      const double u = step * i, s = 0.5 * pi * std::sinh(u), part = 1 / (1 + std::exp(-2 * s));
      const double theta = from + (to - from) * part, weight = 0.5 * pi * std::cosh(u) / (2 * std::cosh(s) * std::cosh(s));
      if (!(theta > low) || !(theta < high)) continue;
      const double e = exponent(theta);
      if (std::isfinite(e)) sum += weight * std::exp(-std::exp(e));
      else if (e < 0) sum += weight;
    }
    return (to - from) * step * sum;
  };
  return (integral(low, cut) + integral(cut, high)) / pi;
}

double SkewedStable::below(double x) const {
  x /= scale_;
  if (std::isnan(x)) return x;
  if (mu_ < 1) return x <= 0 ? 0 : std::isinf(x) ? 1 : std::clamp(zolotarev(x, 0.5 * pi), 0.0, 1.0);
  if (std::isinf(x)) return x > 0 ? 1 : 0;
  // beta = 1 on the right, and the mirror image, beta = -1, on the left; theta0 = atan(beta tan(pi mu/2))/mu.
  const double theta0 = std::atan(std::tan(0.5 * pi * mu_)) / mu_;
  if (x > 0) return std::clamp(1 - zolotarev(x, theta0), 0.0, 1.0);
  if (x < 0) return std::clamp(zolotarev(-x, -theta0), 0.0, 1.0);
  return (0.5 * pi - theta0) / pi;
}

double SkewedStable::ln_mean() const {
  if (mu_ > 1) return std::numeric_limits<double>::quiet_NaN();
  return -std::numbers::egamma + (std::numbers::egamma + std::log(strength_)) / mu_;  // ln E - ln X has survival function exp(-Gamma(1-mu) e^{mu t})
}

double SkewedStable::ln_variance() const {
  if (mu_ > 1) return std::numeric_limits<double>::quiet_NaN();
  return pi * pi / 6 * (1 / (mu_ * mu_) - 1);
}

}  // namespace meso::learning
