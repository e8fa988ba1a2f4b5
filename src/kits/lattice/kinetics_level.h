// The exact level of a lattice model: trajectories of its kinetics through the engine, with what is read off them.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "kits/lattice/exclusion.h"
#include "kits/lattice/rules.h"
#include "model/system.h"

namespace meso::lattice {

/// What a system may say about its kinetics; the defaults fit any model.
struct KineticsOptions {
  State inert_first = empty_state;        ///< the state that should cost nothing, if it can (exclusion)
  Picking picking = Picking::automatic;   ///< exclusion
  std::vector<State> alive = {};          ///< `survival` counts trajectories in which all of these are left; empty: any particle is left
  State spreads = 0;                      ///< with a seed: the species whose number, spread and reach are measured; 0: the seed's
  bool stop_when_dead = false;            ///< what follows the end of survival is of no interest: the trajectory stops there, frozen
};

/// Level `kinetic-monte-carlo`. Observables: see `kinetics_observables`.
///
/// Times: every observable at each asked time. Stationary (burn-in and window must be given): densities and pairs averaged over the
/// window at `samples` equal spaces, and the power spectrum of the global density. With the option `quasi-stationary` all of this is conditioned on
/// survival: where it ends, the trajectory goes on from one of `stored` configurations of its own past, picked at random and renewed at random, which tends to the law
/// given that nothing has died (the leading eigenvector of the sub-generator) for long runs and large stores; `extinction-rate` is then the decay rate of survival.
/// Source: de Oliveira and Dickman (2005), doi:10.1103/PhysRevE.71.016129.
[[nodiscard]] Level kinetics_level(const Model& model, const KineticsOptions& options = {});

/// Observables of the exact level with their definitions: densities, slopes, exponents, pairs, survival, lifetime, number fluctuations;
/// correlation functions and structure factors (periodic boxes); with a seed: number, spread, reach.
[[nodiscard]] std::vector<ObservableInfo> kinetics_observables(const Model& model, const KineticsOptions& options = {});

/// What must be said about a question before its answer is read: the box beside the length that fluctuations have spread over,
/// logarithms at the upper critical dimension, unequal densities of an annihilating pair.
[[nodiscard]] std::vector<Flag> kinetics_warnings(const Model& model, double t_end);

/// Largest distance that correlations can have spread diffusively by time t: sqrt(2 D t), D the largest rate at which a particle hops
/// to, or makes a particle on, one neighbour.
[[nodiscard]] double spreading_length(const Model& model, double t);

}  // namespace meso::lattice
