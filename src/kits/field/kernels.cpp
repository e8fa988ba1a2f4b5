#include "kits/field/kernels.h"

#include <numbers>

#include "num/wide.h"

namespace meso::field::kernels {
namespace {

using num::wide_registers;

// Each kernel: the loop (inlined twice), its wide and plain form, and the choice.
#define MESO_KERNEL(name, parameters, arguments)                       \
  MESO_WIDE void name##_wide parameters { name##_loop arguments; }     \
  void name##_plain parameters { name##_loop arguments; }

MESO_INLINE void apply_symbol_loop(double* __restrict z, const double* __restrict a, const double* __restrict b, std::size_t n) {
  const double z0 = z[0], z1 = z[1];
  z[0] = a[0] * z0 + b[0] * z1;
  z[1] = a[1] * z1 + b[1] * z0;
  // Pairs (q, n + 1 - q) from both ends; n is even, so that they meet between n/2 and n/2 + 1.
  double* __restrict low = z + 2;
  double* __restrict high = z + n / 2 + 1;
  const std::size_t pairs = n / 2 - 1;
  const double *al = a + 2, *bl = b + 2, *ah = a + n / 2 + 1, *bh = b + n / 2 + 1;
  for (std::size_t i = 0; i < pairs; ++i) {
    const std::size_t j = pairs - 1 - i;
    const double x = low[i], y = high[j];
    low[i] = al[i] * x + bl[i] * y;
    high[j] = ah[j] * y + bh[j] * x;
  }
}
MESO_KERNEL(apply_symbol, (double* z, const double* a, const double* b, std::size_t n), (z, a, b, n))

MESO_INLINE void scale_loop(double* __restrict z, const double* __restrict s, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) z[i] *= s[i];
}
MESO_KERNEL(scale, (double* z, const double* s, std::size_t count), (z, s, count))

MESO_INLINE void twist_loop(const double* __restrict phi, const double* __restrict c, const double* __restrict s, double* __restrict z, std::size_t m) {
  for (std::size_t j = 0; j < m; ++j) {
    const double re = phi[j], im = -phi[j + m];
    z[2 * j] = re * c[j] + im * s[j];
    z[2 * j + 1] = im * c[j] - re * s[j];
  }
}
MESO_KERNEL(twist, (const double* phi, const double* c, const double* s, double* z, std::size_t m), (phi, c, s, z, m))

MESO_INLINE void untwist_loop(const double* __restrict z, const double* __restrict c, const double* __restrict s, double* __restrict phi, std::size_t m) {
  for (std::size_t j = 0; j < m; ++j) {
    const double re = z[2 * j], im = z[2 * j + 1];
    phi[j] = re * c[j] - im * s[j];
    phi[j + m] = -(im * c[j] + re * s[j]);
  }
}
MESO_KERNEL(untwist, (const double* z, const double* c, const double* s, double* phi, std::size_t m), (z, c, s, phi, m))

MESO_INLINE void polynomial_loop(const double* __restrict x, const double* __restrict c, std::size_t degree, double* __restrict y, std::size_t count) {
  if (degree == 3) {
    const double c0 = c[0], c1 = c[1], c2 = c[2], c3 = c[3];
    for (std::size_t i = 0; i < count; ++i) y[i] = ((c3 * x[i] + c2) * x[i] + c1) * x[i] + c0;
    return;
  }
  const double top = c[degree];
  for (std::size_t i = 0; i < count; ++i) y[i] = top;
  for (std::size_t d = degree; d-- > 0;) {
    const double next = c[d];
    for (std::size_t i = 0; i < count; ++i) y[i] = y[i] * x[i] + next;
  }
}
MESO_KERNEL(polynomial, (const double* x, const double* c, std::size_t degree, double* y, std::size_t count), (x, c, degree, y, count))

// sin on [-pi/2, pi/2] after taking off the nearest multiple of pi; the first term left out is (pi/2)^23/23! < 2e-18.
MESO_INLINE void sine_loop(const double* __restrict x, double amplitude, double wave, double* __restrict y, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    const double u = wave * x[i];
    const double turns = num::nearest_integer(u * std::numbers::inv_pi);
    const double half = turns * 0.5;
    const double parity = half - num::nearest_integer(half);  // 0 for an even number of half turns, +-1/2 for an odd one
    const double sign = 1.0 - 8.0 * parity * parity;
    y[i] = amplitude * (sign * num::sine_series<21>(num::off_half_turns(u, turns)));
  }
}
MESO_KERNEL(sine, (const double* x, double amplitude, double wave, double* y, std::size_t count), (x, amplitude, wave, y, count))

MESO_INLINE void kick_drift_loop(double* __restrict phi, double* __restrict pi, const double* __restrict lap, const double* __restrict slope, double h, double d,
                                 std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    const double p = pi[i] + h * (lap[i] - slope[i]);
    pi[i] = p;
    phi[i] += d * p;
  }
}
MESO_KERNEL(kick_drift, (double* phi, double* pi, const double* lap, const double* slope, double h, double d, std::size_t count), (phi, pi, lap, slope, h, d, count))

MESO_INLINE void kick_loop(double* __restrict pi, const double* __restrict lap, const double* __restrict slope, double h, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) pi[i] += h * (lap[i] - slope[i]);
}
MESO_KERNEL(kick, (double* pi, const double* lap, const double* slope, double h, std::size_t count), (pi, lap, slope, h, count))

MESO_INLINE void add_loop(double* __restrict y, const double* __restrict x, double h, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) y[i] += h * x[i];
}
MESO_KERNEL(add, (double* y, const double* x, double h, std::size_t count), (y, x, h, count))

}  // namespace

void apply_symbol(double* z, const double* a, const double* b, std::size_t n) { wide_registers() ? apply_symbol_wide(z, a, b, n) : apply_symbol_plain(z, a, b, n); }
void scale(double* z, const double* s, std::size_t count) { wide_registers() ? scale_wide(z, s, count) : scale_plain(z, s, count); }
void scale(double* z, double s, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) z[i] *= s;
}
void twist(const double* phi, const double* c, const double* s, double* z, std::size_t m) { wide_registers() ? twist_wide(phi, c, s, z, m) : twist_plain(phi, c, s, z, m); }
void untwist(const double* z, const double* c, const double* s, double* phi, std::size_t m) { wide_registers() ? untwist_wide(z, c, s, phi, m) : untwist_plain(z, c, s, phi, m); }
void polynomial(const double* x, const double* c, std::size_t degree, double* y, std::size_t count) {
  wide_registers() ? polynomial_wide(x, c, degree, y, count) : polynomial_plain(x, c, degree, y, count);
}
void sine(const double* x, double amplitude, double wave, double* y, std::size_t count) {
  wide_registers() ? sine_wide(x, amplitude, wave, y, count) : sine_plain(x, amplitude, wave, y, count);
}
void kick_drift(double* phi, double* pi, const double* lap, const double* slope, double h, double d, std::size_t count) {
  wide_registers() ? kick_drift_wide(phi, pi, lap, slope, h, d, count) : kick_drift_plain(phi, pi, lap, slope, h, d, count);
}
void kick(double* pi, const double* lap, const double* slope, double h, std::size_t count) { wide_registers() ? kick_wide(pi, lap, slope, h, count) : kick_plain(pi, lap, slope, h, count); }
void add(double* y, const double* x, double h, std::size_t count) { wide_registers() ? add_wide(y, x, h, count) : add_plain(y, x, h, count); }

}  // namespace meso::field::kernels
