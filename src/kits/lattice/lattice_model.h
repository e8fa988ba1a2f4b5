// A System made of rules alone: a lattice model of the user's own.
#pragma once

#include <string>

#include "kits/lattice/rule_text.h"
#include "model/system.h"

namespace meso::lattice {

/// A system whose parameters are the spec's, with the levels of ladder() and the observables of kinetics_observables().
/// @throws ModelError if the spec is wrong (checked at once, not when it is first bound)
[[nodiscard]] System lattice_system(LatticeSpec spec, std::string name, std::string title);

}  // namespace meso::lattice
