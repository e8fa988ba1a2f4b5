// The rate equation dx/dt = sum_r nu_r a_r(x volume) / volume, with n (n - 1) -> n^2: the limit volume -> infinity.
#pragma once

#include <span>
#include <vector>

#include "kits/kinetics/flow.h"
#include "kits/kinetics/steady_state.h"
#include "model/level.h"

namespace meso::kinetics {

/// @param macroscopic  reduced with Convention::macroscopic
[[nodiscard]] MomentEquations rate_equations(const ReducedNetwork& macroscopic);
[[nodiscard]] Flow rate_equation_flow(const ReducedNetwork& macroscopic);
/// Its stable physical states: all of them for one species with polynomial rates, those found by many starts otherwise.
/// @param initial  molecules of the independent species, one of the starts
[[nodiscard]] std::vector<FixedPoint> rate_equation_states(const Flow& flow, const ReducedNetwork& macroscopic, std::span<const double> initial);

/// Level `rate-equation`: means only.
[[nodiscard]] Level rate_equation_level(SharedNetwork network);

}  // namespace meso::kinetics
