// Random rate networks and the levels of their ladder: what does the large-N description of one given coupling matrix say at my N?
//
//   network            simulation; one trajectory is one start and one noise on THE coupling matrix of the case
//   linear-equivalent  covariance matrix of that J as that of a linear network (linear_equivalent.h)
//   naive-closure      the same without the terms between residual and field: a Gaussian closure
//   dmft               single units and the typical matrix for N -> infinity (mean_field.h)
//
// The matrix belongs to the case, not to the trajectory: it is drawn by its number `realisation`, or is the user's own. Sampling errors are those at
// this J; sweep `realisation` for the scatter between matrices.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "kits/neuron/coupling.h"
#include "kits/neuron/mean_field.h"
#include "model/level.h"
#include "model/system.h"

namespace meso::neuron {

struct RateNetwork {
  RateModel model;
  std::size_t n = 400;
  CouplingLaw law;                         ///< law.g is model.g
  std::uint64_t realisation = 1;
  std::shared_ptr<const Couplings> own;    ///< instead of a law
  double dt = 0.05;                        ///< continuous time
  double start = 1;                        ///< standard deviation of x at t = 0
};

inline constexpr double memory_limit = 4e9;  ///< bytes of covariance sums of one batch of trajectories
inline constexpr std::size_t shown_units = 48;  ///< of `phi.covariance` and of pictures

/// Longest step of the simulation that is accepted.
inline constexpr double largest_step = 0.25;

[[nodiscard]] std::vector<ObservableInfo> observables(const RateNetwork& problem);
/// @throws ParameterError  N < 2, dt above the largest step, a law that cannot be drawn
void check(const RateNetwork& problem, const std::string& owner);
[[nodiscard]] std::vector<Level> ladder(const RateNetwork& problem);
/// Said when the case is bound: structure of the matrix, distance from the transition.
[[nodiscard]] std::vector<std::string> notes(const RateNetwork& problem);

}  // namespace meso::neuron
