// Linear-noise approximation: Gaussian fluctuations of order volume^(-1/2) around the rate equation.
#pragma once

#include <span>
#include <vector>

#include "kits/kinetics/flow.h"
#include "model/level.h"

namespace meso::kinetics {

/// Mean and covariance along a path, in concentrations.
struct MomentPath {
  std::size_t times = 0, species = 0;
  std::vector<double> mean, mean_bound;              ///< T x S
  std::vector<double> covariance, covariance_bound;  ///< T x S x S
};

/// Linear-noise approximation: Gaussian fluctuations of order volume^(-1/2) around the rate equation.
///
/// Integrates, for concentrations phi (size S) and their covariance C (S x S, symmetric),
///     dphi/dt = N f(phi),    dC/dt = A C + C A^T + N diag(f) N^T / volume,    A = N df/dphi,
/// with N the S x R stoichiometry. Times in the unit of the rate constants; C in concentration squared.
///
/// Valid while fluctuations stay within one basin: near a saddle-node C grows as 1/distance, and across a bistable region
/// the result is wrong rather than inaccurate. `solve` then still answers; the verdict tells. Where N has dependent rows
/// (conservation laws) the independent species are integrated and the others follow.
///
/// Source: van Kampen, Stochastic Processes in Physics and Chemistry, 3rd ed., ch. X.
class LinearNoise {
 public:
  /// The network's initial counts fix the conserved totals. @throws ParameterError if the volume is not positive
  explicit LinearNoise(const Network& network);

  /// @param phi0   initial concentrations, size S
  /// @param times  increasing output times, size T
  /// @param tol    relative tolerance of the integrator
  /// @returns mean and covariance, bounds from comparing tol with tol / 100
  /// @throws NumericalBreakdown  if the rate equation cannot be followed to the last time (names the time)
  [[nodiscard]] MomentPath solve(std::span<const double> phi0, std::span<const double> times, double tol) const;

 private:
  ReducedNetwork reduced_;
  Flow flow_;
};

/// d mean/dt and d cov/dt as polynomials in molecules. @param macroscopic  reduced with Convention::macroscopic
[[nodiscard]] MomentEquations linear_noise_equations(const ReducedNetwork& macroscopic);

/// Level `lna`.
[[nodiscard]] Level linear_noise_level(SharedNetwork network);

}  // namespace meso::kinetics
