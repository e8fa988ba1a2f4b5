// Loops over the points of a field, compiled for 128- and 256-bit registers with the same bits: elementwise additions and
// multiplications only, fused operations are off in every target.
#pragma once

#include <cstddef>

namespace meso::field::kernels {

/// Real even symbol on a ring, between two half-length complex transforms (spectral.cpp): for 2 <= q <= n - 1
/// z[q] <- a[q] z[q] + b[q] z[n + 1 - q], in place; entries 0 and 1 are the pair of wave index 0 and n/2.
void apply_symbol(double* z, const double* a, const double* b, std::size_t n);
/// z_i <- s_i z_i; z_i <- s z_i.
void scale(double* z, const double* s, std::size_t count);
void scale(double* z, double s, std::size_t count);
/// (phi_j - i phi_(j+m)) (c_j - i s_j) -> z_j, and back with the conjugate factor.
void twist(const double* phi, const double* c, const double* s, double* z, std::size_t m);
void untwist(const double* z, const double* c, const double* s, double* phi, std::size_t m);

/// y <- sum_i c[i] x^i (Horner), degree >= 0.
void polynomial(const double* x, const double* c, std::size_t degree, double* y, std::size_t count);
/// y <- amplitude sin(wave x), absolute error of the sine below 3e-16 + 2e-16 |wave x|.
void sine(const double* x, double amplitude, double wave, double* y, std::size_t count);

/// pi += h (lap - slope); then phi += d pi.
void kick_drift(double* phi, double* pi, const double* lap, const double* slope, double h, double d, std::size_t count);
/// pi += h (lap - slope).
void kick(double* pi, const double* lap, const double* slope, double h, std::size_t count);
/// y += h x.
void add(double* y, const double* x, double h, std::size_t count);

}  // namespace meso::field::kernels
