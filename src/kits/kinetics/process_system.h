// A System made of a process: the whole ladder if it is a plain network, exact trajectories and the rate equation if it is more.
#pragma once

#include <string>

#include "kits/kinetics/process.h"
#include "model/system.h"

namespace meso::kinetics {

/// Parameters are the numbers of the spec that may be set. Observables by default are the mean and variance of every observed quantity: species
/// and what rules and events change. What a level cannot do with such a model is said in the notes, by name.
/// @throws ModelError if the spec is wrong (checked at once)
[[nodiscard]] System process_system(ProcessSpec spec, std::string name, std::string title);

}  // namespace meso::kinetics
