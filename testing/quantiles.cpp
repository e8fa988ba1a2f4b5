#include "testing/quantiles.h"

#include <cmath>
#include <initializer_list>
#include <limits>

namespace meso::checks {
namespace {

double normal_tail(double z) { return 0.5 * std::erfc(z / std::sqrt(2.0)); }

// Regularised incomplete beta I_x(a, b) by its continued fraction (Lentz; Abramowitz and Stegun 26.5.8), x < (a + 1)/(a + b + 2).
double incomplete_beta(double a, double b, double x) {
  const double log_front = std::lgamma(a + b) - std::lgamma(a) - std::lgamma(b) + a * std::log(x) + b * std::log1p(-x);
  const double tiny = 1e-300;
  double c = 1, d = 1 - (a + b) * x / (a + 1);
  d = 1 / (std::abs(d) < tiny ? tiny : d);
  double f = d;
  for (int m = 1; m < 10000; ++m) {
    for (const double term : {m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)), -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))}) {
      d = 1 + term * d;
      d = 1 / (std::abs(d) < tiny ? tiny : d);
      c = 1 + term / c;
      if (std::abs(c) < tiny) c = tiny;
      f *= c * d;
    }
    if (std::abs(c * d - 1) < 1e-15) break;
  }
  return std::exp(log_front) * f / a;
}

// P(T > t), t > 0: half of I_{dof/(dof + t^2)}(dof/2, 1/2).
double student_tail(double t, double dof) {
  const double x = dof / (dof + t * t), a = 0.5 * dof, b = 0.5;
  if (x < (a + 1) / (a + b + 2)) return 0.5 * incomplete_beta(a, b, x);
  return 0.5 - 0.5 * incomplete_beta(b, a, t * t / (dof + t * t));
}

// Bisection to the last digit: the tails are monotone, and a test helper has time.
template <class Tail>
double invert(Tail tail_of, double tail) {
  double low = 0, high = 1;
  while (tail_of(high) > tail && high < 1e300) high *= 2;
  while (true) {
    const double middle = 0.5 * (low + high);
    if (middle <= low || middle >= high) return middle;
    (tail_of(middle) > tail ? low : high) = middle;
  }
}

}  // namespace

double normal_upper(double tail) {
  if (!(tail > 0 && tail < 1)) return std::numeric_limits<double>::quiet_NaN();
  if (tail > 0.5) return -normal_upper(1 - tail);
  return invert(normal_tail, tail);
}

double student_upper(double tail, double dof) {
  if (!(tail > 0 && tail <= 0.5) || !(dof > 0)) return std::numeric_limits<double>::quiet_NaN();
  if (std::isinf(dof)) return normal_upper(tail);
  if (tail == 0.5) return 0;
  return invert([dof](double t) { return student_tail(t, dof); }, tail);
}

}  // namespace meso::checks
