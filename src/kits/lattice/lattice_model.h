// From the rules of a lattice model to its levels, and to a System made of rules alone.
#pragma once

#include <string>
#include <vector>

#include "kits/lattice/kinetics_level.h"
#include "kits/lattice/rule_text.h"
#include "model/system.h"

namespace meso::lattice {

/// Every level of the model, micro first: kinetic-monte-carlo, pair-approximation (exclusion), rate-equation, pde.
/// All give <s>.density and <s>.slope; with exclusion kinetic-monte-carlo, pair-approximation and rate-equation also <s>.<t>.pairs.
[[nodiscard]] std::vector<Level> levels(const Model& model, const KineticsOptions& options = {});
/// Those below the exact one.
[[nodiscard]] std::vector<Level> reduced_levels(const Model& model);

/// A system whose parameters are the spec's. Its observables are those of kinetics_observables.
/// @throws ModelError if the spec is wrong (checked at once, not when it is first bound)
[[nodiscard]] System lattice_system(LatticeSpec spec, std::string name, std::string title);

}  // namespace meso::lattice
