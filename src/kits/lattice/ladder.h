// The ladder of one lattice model: exact kinetics, pair approximation (exclusion), reaction-diffusion and rate equations; and a
// system made of a model.
#pragma once

#include <functional>
#include <vector>

#include "kits/lattice/kinetics_level.h"
#include "model/system.h"

namespace meso::lattice {

/// Exact level first; every level answers densities, and <s>.slope, <s>.exponent made from them in the same way.
[[nodiscard]] std::vector<Level> ladder(const Model& model, const KineticsOptions& options = {});

/// <s>.slope and <s>.exponent for a solved level that gives densities over time.
[[nodiscard]] Level with_slopes(Level level, const Model& model);

/// Adds ladder and observables of a model to a system: .extend(lattice::levels_and_observables<Params>(model_of, options_of)).
template <class P>
[[nodiscard]] std::function<void(const P&, Case&)> levels_and_observables(Model (*model_of)(const P&), KineticsOptions (*options_of)(const P&) = nullptr) {
  return [model_of, options_of](const P& p, Case& bound) {
    const Model model = model_of(p);
    const KineticsOptions options = options_of != nullptr ? options_of(p) : KineticsOptions{};
    for (Level& level : ladder(model, options)) bound.levels.push_back(std::move(level));
    for (ObservableInfo& info : kinetics_observables(model, options)) bound.observables.push_back(std::move(info));
  };
}

}  // namespace meso::lattice
