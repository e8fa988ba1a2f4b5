// Entropies of a field read as a law on its points: p_i = phi_i^2 / sum_j phi_j^2, sum p = 1.
//
// Two normalisations are in use. With unit sum, S = -sum p ln p is at most ln n and S + ln dx tends to the differential entropy of the
// density phi^2/int phi^2 dx. A library that divides by the integral and sums without dx reports -sum rho ln rho, rho = p/dx, that is (S + ln dx)/dx.
#pragma once

#include <span>

namespace meso::field {

/// -sum p ln p, ln(sum p^a)/(1 - a) (a = 1: Shannon), (1 - sum p^q)/(q - 1) (q = 1: Shannon); 0 ln 0 = 0.
[[nodiscard]] double shannon(std::span<const double> p);
[[nodiscard]] double renyi(std::span<const double> p, double order);
[[nodiscard]] double tsallis(std::span<const double> p, double order);

struct Entropies {
  bool defined = false;  ///< false for a field that is zero everywhere (or not finite): p is 0/0, all entries are NaN
  double shannon = 0, renyi_half = 0, renyi_2 = 0, renyi_10 = 0, tsallis_half = 0, tsallis_2 = 0;
  double composite = 0;             ///< 0.5 S + 0.3 H_2 + 0.2 S_2 (Tsallis)
  double shannon_differential = 0;  ///< S + ln cell
  double shannon_density_sum = 0;   ///< (S + ln cell)/cell: normalised by the integral, summed without the cell
};
[[nodiscard]] Entropies entropies(std::span<const double> phi, double cell);

}  // namespace meso::field
