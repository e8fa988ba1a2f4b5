// From the rules of a lattice model to its levels, and to a System made of rules alone.
#pragma once

#include <string>
#include <vector>

#include "kits/lattice/rule_text.h"
#include "model/system.h"

namespace meso::lattice {

/// The levels below the exact one: pair-approximation (exclusion), rate-equation, pde. Their first parent is `parent`.
[[nodiscard]] std::vector<Level> reduced_levels(const Model& model, const std::string& parent);

/// Densities (asked by default) and, with exclusion, nearest-neighbour pairs (known by name); observables.h.
[[nodiscard]] std::optional<ObservableInfo> observable_info(const Model& model, const std::string& name);

/// What a reader should know before the first run: unequal densities in a two-species annihilation, lattices that nothing moves on.
[[nodiscard]] std::vector<std::string> model_notes(const Model& model);

/// A system whose parameters are the spec's. @throws ModelError if the spec is wrong (checked at once)
[[nodiscard]] System lattice_system(LatticeSpec spec, std::string name, std::string title);

}  // namespace meso::lattice
