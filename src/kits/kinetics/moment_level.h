// What closures, linear noise and rate equation share: from a Flow to an Answer, with flags and error bounds.
#pragma once

#include <functional>
#include <string>

#include "kits/kinetics/flow.h"
#include "kits/kinetics/observables.h"
#include "model/level.h"

namespace meso::kinetics {

/// One deterministic description of a network by moments.
struct MomentModel {
  const Network& network;
  const ReducedNetwork& reduced;
  const Flow& flow;
  std::string label;        ///< "normal-2", for messages
  bool is_closure = false;  ///< several states are then an artefact that the master equation cannot have
};

/// An observable (no distribution, at most the flow's order) of the state z.
[[nodiscard]] double value_of(const MomentModel& model, const ObservableName& observable, std::span<const double> z);

/// Answers an ask. Times: integrated from the deterministic initial counts, with the error from comparing tolerances.
/// Stationary: the state reached from there (Newton, eigenvalues), and every other stable physical state found.
/// Numerical trouble is a flag; values after a fatal flag are NaN, except for several-stable-states, where the value is the state reached.
[[nodiscard]] Answer answer_by_moments(const MomentModel& model, const Ask& ask, Context& context);

/// Answer for a network none of whose species ever changes.
[[nodiscard]] Answer constant_answer(const Network& network, const Ask& ask);

}  // namespace meso::kinetics
