// Numbers of about 32 digits as unevaluated sums of two doubles, for short sums of large terms that cancel.
//
// Only +, -, * and / are here: what moment closures need, which are rational. No fused multiply-add is used, so the bits are
// the same on every machine.
// Source: Dekker, Numer. Math. 18, 224 (1971), doi:10.1007/BF01397083; Knuth, The Art of Computer Programming 2, 4.2.2.
#pragma once

#include <cstdlib>

namespace meso::num {

struct DoubleDouble {
  double high = 0, low = 0;  ///< |low| <= half a unit in the last place of high

  constexpr DoubleDouble() = default;
  constexpr DoubleDouble(double value) : high(value) {}  // NOLINT: a double is one
  constexpr DoubleDouble(double a, double b) : high(a), low(b) {}
  explicit constexpr operator double() const { return high + low; }

  /// a + b exactly.
  [[nodiscard]] static constexpr DoubleDouble sum(double a, double b) {
    const double s = a + b, t = s - a;
    return {s, (a - (s - t)) + (b - t)};
  }
  /// a * b exactly (if nothing overflows or is below 1e-290).
  [[nodiscard]] static constexpr DoubleDouble product(double a, double b) {
    constexpr double split = 134217729.0;  // 2^27 + 1
    const double ca = split * a, cb = split * b;
    const double ah = ca - (ca - a), al = a - ah, bh = cb - (cb - b), bl = b - bh, p = a * b;
    return {p, ((ah * bh - p) + ah * bl + al * bh) + al * bl};
  }

  constexpr DoubleDouble operator-() const { return {-high, -low}; }
  friend constexpr DoubleDouble operator+(DoubleDouble a, DoubleDouble b) {
    const DoubleDouble s = sum(a.high, b.high), t = sum(a.low, b.low);
    const DoubleDouble u = quick(s.high, s.low + t.high);
    return quick(u.high, u.low + t.low);
  }
  friend constexpr DoubleDouble operator-(DoubleDouble a, DoubleDouble b) { return a + (-b); }
  friend constexpr DoubleDouble operator*(DoubleDouble a, DoubleDouble b) {
    const DoubleDouble p = product(a.high, b.high);
    return quick(p.high, p.low + (a.high * b.low + a.low * b.high));
  }
  friend constexpr DoubleDouble operator*(DoubleDouble a, double b) {
    const DoubleDouble p = product(a.high, b);
    return quick(p.high, p.low + a.low * b);
  }
  friend constexpr DoubleDouble operator/(DoubleDouble a, DoubleDouble b) {
    const double q1 = a.high / b.high;
    DoubleDouble rest = a - b * q1;
    const double q2 = rest.high / b.high;
    rest = rest - b * q2;
    const DoubleDouble q = quick(q1, q2);
    return q + DoubleDouble(rest.high / b.high);
  }
  constexpr DoubleDouble& operator+=(DoubleDouble b) { return *this = *this + b; }
  constexpr DoubleDouble& operator-=(DoubleDouble b) { return *this = *this - b; }
  constexpr DoubleDouble& operator*=(DoubleDouble b) { return *this = *this * b; }

 private:
  [[nodiscard]] static constexpr DoubleDouble quick(double a, double b) {  // |a| >= |b|
    const double s = a + b;
    return {s, b - (s - a)};
  }
};

/// x^n, n any sign.
[[nodiscard]] constexpr DoubleDouble power(DoubleDouble x, int n) {
  DoubleDouble value = 1, base = x;
  for (int k = n < 0 ? -n : n; k > 0; k >>= 1) {
    if ((k & 1) != 0) value *= base;
    base *= base;
  }
  return n < 0 ? DoubleDouble(1) / value : value;
}

}  // namespace meso::num
