// The linear equivalent of a random rate network: for one given J, the covariance of activity is that of a linear network with the same J, whose
// transfer function S and independent drive N are order parameters of mean-field theory (mean_field.h):
//     C(w) = N(w) [1 - S(w) J]^(-1) [1 - S(w) J]^(-dagger),   S = a/(1 + i w)  or  a e^{-i w},   N = C_phi (1 - g^2 |S|^2).
// Source: Linear equivalence of nonlinear recurrent neural networks (2026), two-site cavity method.
//
// Equal times need no sum over frequencies. Discrete: Sigma = a^2 J Sigma J^T + N. Continuous: with A = a J - 1 and the drive's autocovariance n,
//     Sigma = n(0) + aJ G + (aJ G)^T + aJ P (aJ)^T,   G = integral_0^inf e^{A s} n(s) ds,   A P + P A^T + G + G^T = 0,
// because [1 - S J]^(-1) = 1 + aJ (i w - A)^(-1).
#pragma once

#include <complex>
#include <cstddef>
#include <span>
#include <vector>

#include "kits/neuron/coupling.h"
#include "kits/neuron/mean_field.h"

namespace meso::neuron {

/// Dense n x n, column-major.
using Dense = std::vector<double>;

struct LinearEquivalent {
  Dense covariance;        ///< of phi at equal times
  double radius = 0;       ///< spectral radius of J
  double stability = 0;    ///< a rho(J), below 1
  double error = 0;        ///< relative, estimated
};

/// @throws NumericalBreakdown  a rho(J) >= 1: the linear equivalent of this J does not exist (says both numbers)
[[nodiscard]] LinearEquivalent linear_equivalent(const Couplings& j, const MeanField& m);

/// Covariance matrix of the fields x at equal times, from x = (J phi + zeta)/(1 + i w), or J phi + zeta one step later: J Sigma J^T + sigma^2 in discrete time. In
/// continuous time with (1 + i w)^(-1) [1 - J S]^(-1) = (i w - A)^(-1) it is J P J^T + P', where A P + P A^T + G + G^T = 0 with the residuals' autocovariance
/// n - a^2 sigma^2 e^{-s} in place of n, and A P' + P' A^T + 2 sigma^2 = 0: white drive reaches x directly, residuals through J.
/// @throws NumericalBreakdown  as linear_equivalent
[[nodiscard]] Dense field_covariance(const Couplings& j, const MeanField& m);

/// Covariance spectrum at one frequency; n x n, Hermitian, column-major. Used where frequencies are asked, and to check the above.
[[nodiscard]] std::vector<std::complex<double>> covariance_spectrum(const Couplings& j, const MeanField& m, double omega);
/// Response of the activity of unit i to a small field into unit k at frequency omega: [1 - S J]^(-1) S, entry (i, k) at i + n k.
[[nodiscard]] std::vector<std::complex<double>> response(const Couplings& j, const MeanField& m, double omega);

/// Gaussian closure without the terms between a unit's residual and its field: C(w) = |S|^2 J C(w) J^T off the diagonal, C_phi on it. The linear equivalent
/// also has S J C + h.c.; at equal times in discrete time these vanish by causality, and the closure is then the linear equivalent off the diagonal.
[[nodiscard]] LinearEquivalent naive_closure(const Couplings& j, const MeanField& m);

/// X = F X F^T + Q for symmetric Q and spectral radius of F below 1, by doubling.
/// @throws NumericalBreakdown  if it does not converge
[[nodiscard]] Dense discrete_lyapunov(Dense f, Dense q, std::size_t n);

/// (Tr S)^2/Tr S^2.
[[nodiscard]] double participation_ratio(std::span<const double> covariance, std::size_t n);

/// Of entries above the diagonal.
struct PairStatistics {
  double mean = 0, square = 0;
};
[[nodiscard]] PairStatistics pair_statistics(std::span<const double> covariance, std::size_t n);
/// Regression of the entries a_ij on b_ij, i < j.
struct PairMatch {
  double slope = 0, correlation = 0;
};
[[nodiscard]] PairMatch pair_match(std::span<const double> a, std::span<const double> b, std::size_t n);

}  // namespace meso::neuron
