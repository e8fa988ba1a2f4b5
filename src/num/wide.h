// Loops compiled for two widths of registers, and the series that such loops need in place of library calls.
//
// One source, two instruction sets: elementwise additions and multiplications give the same bits in registers of any width (fused
// operations are off in every target). A loop is written once as a MESO_INLINE function and called from one function for each target.
#pragma once

#include <cmath>
#include <cstddef>

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define MESO_WIDE __attribute__((target("avx2")))
#define MESO_INLINE inline __attribute__((always_inline))
#else
#define MESO_WIDE
#define MESO_INLINE inline
#endif

namespace meso::num {

/// True if functions marked MESO_WIDE may be called on this machine.
inline bool wide_registers() {
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
  static const bool found = __builtin_cpu_supports("avx2");
  return found;
#else
  return false;
#endif
}

/// The nearest integer, ties to even, for |x| < 2^51: no call, so that a loop may be vectorised.
MESO_INLINE double nearest_integer(double x) {
  constexpr double round = 0x1.8p52;  // adding and subtracting it rounds to the nearest integer
  return (x + round) - round;
}

/// u - half_turns pi, with pi in two parts: the first has 33 bits, so that its product with an integer below 2^20 is exact.
MESO_INLINE double off_half_turns(double u, double half_turns) {
  constexpr double pi_high = 0x1.921fb544p+1, pi_low = 0x1.0b4611a626331p-33;
  return (u - half_turns * pi_high) - half_turns * pi_low;
}

/// 1/n!, negative where n mod 4 is 2 or 3: the coefficients of sine and cosine.
template <int N>
constexpr double series_coefficient() {
  double product = 1;
  for (int k = 2; k <= N; ++k) product *= k;
  return (N % 4 < 2 ? 1 : -1) / product;
}

/// Horner's rule from the coefficient of h^N down to that of h^Last, q = h^2.
template <int N, int Last>
MESO_INLINE double series(double sum, double q) {
  constexpr double c = series_coefficient<N>();
  sum = sum * q + c;
  if constexpr (N > Last) {
    return series<N - 2, Last>(sum, q);
  } else {
    return sum;
  }
}

/// sin h on [-pi/2, pi/2] by its series up to h^N, N odd: the first term left out is below (pi/2)^(N + 2) / (N + 2)!.
template <int N>
MESO_INLINE double sine_series(double h) {
  static_assert(N % 2 == 1 && N >= 5 && N <= 21);
  constexpr double top = series_coefficient<N>();
  const double q = h * h;
  return h + h * (q * series<N - 2, 3>(top, q));
}

/// cos h likewise, up to h^N, N even.
template <int N>
MESO_INLINE double cosine_series(double h) {
  static_assert(N % 2 == 0 && N >= 4 && N <= 20);
  constexpr double top = series_coefficient<N>();
  const double q = h * h;
  return 1.0 + q * series<N - 2, 2>(top, q);
}

}  // namespace meso::num
