// Estimation of a hidden direction on the sphere by Langevin dynamics, and the levels of its ladder.
//
//   langevin         theta follows exp(beta E) on the sphere, E a spiked tensor or the correlation landscape of a single-index model, beta = c sqrt(n);
//                    estimators: last iterate, time average (k odd) or leading eigenvector of the averaged theta theta^T (k even), and power
//                    iterations from there. One trajectory is one draw of hidden direction, disorder, start and noise.
//   sgd              mini-batches in place of thermal noise (single-index models): the conjecture of the paper
//   partial-trace    the time average at first order in beta, for the drawn disorder: with u = E_0[theta E] (sphere_theory.h) and a = d - 1
//                    beta u [1 - (1 - e^{-a t})/(a t)] + Gaussian, E|.|^2 = 2/(a t) [1 - (1 - e^{-a t})/(a t)];
//                    for k even the same for theta theta^T - I/d and a = 2 d, the relaxation rate of the second harmonic
//   overlap-law      its overlap for large d
//   planted-law      the law of the overlap m of the last iterate in the landscape without noise (n -> infinity at fixed beta)
//   population-flow  m' = beta k m^{k-1} (1 - m^2) - (d - 1) m: planted-law without fluctuations
//
// Over times t the average is that over [0, t], from a uniform start. A stationary question averages over a window after a burn-in; even
// trajectories start uniformly, odd ones at the hidden direction, so that a chain that stays where it was put is told (not-mixed).
// Every trajectory is run with steps dt and 2 dt on one Brownian path; the difference bounds the error of the step.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kits/learning/sphere.h"
#include "model/level.h"
#include "model/system.h"

namespace meso::learning {

struct SphereEstimation {
  enum class Model { tensor, single_index };
  Model model = Model::tensor;
  std::size_t k = 3, d = 20, n = 400;
  double c = 0.5;            ///< beta = c sqrt(n)
  double noise_scale = 1;    ///< tensor: T = theta*^k + noise_scale n^{-1/2} Z
  double label_noise = 0;    ///< single index: standard deviation of the noise of the labels
  double dt = 0;             ///< 0: 0.25 / fastest rate
  SphereScheme scheme = SphereScheme::geodesic;

  [[nodiscard]] double beta() const { return c * std::sqrt(static_cast<double>(n)); }
  /// d - 1, and the steepest slope of the drift: k beta for the signal, 2 k c sqrt(d) for the noise (largest value of a Gaussian landscape near 2 sqrt(d)).
  [[nodiscard]] double fastest_rate() const;
  [[nodiscard]] double step() const { return dt > 0 ? dt : 0.25 / fastest_rate(); }
  [[nodiscard]] double mixing_time() const { return 20.0 / (static_cast<double>(d) - 1); }
};

/// Largest dt (d - 1) that is accepted, and largest dt k beta (the drift would overshoot).
inline constexpr double largest_diffusion_step = 0.3, largest_drift_step = 1.0;
inline constexpr double memory_limit = 1e9;  ///< bytes of one trajectory's landscape

/// What can be asked; `k` decides which words describe the average.
[[nodiscard]] std::vector<ObservableInfo> observables(const SphereEstimation& problem);
/// @throws ParameterError  k < 2, d < 3, memory, dt too long (says which bound and what to use)
void check(const SphereEstimation& problem, const std::string& owner);
[[nodiscard]] std::vector<Level> ladder(const SphereEstimation& problem);

/// Leading eigenvector (largest eigenvalue) of a symmetric d x d matrix, row-major.
[[nodiscard]] std::vector<double> leading_eigenvector(std::span<const double> matrix, std::size_t d);

}  // namespace meso::learning
