// What keeps names in a bound network: constants that are drawn per trajectory (extrinsic noise) and events.
#pragma once

#include <map>
#include <string>

#include "kits/kinetics/network.h"

namespace meso::kinetics {

/// Fills open_constants and events. `numbers`: the value of every constant and of `volume`.
/// @returns `numbers` without the open constants
/// @throws ModelError  unknown names with the nearest one; a law, a condition or a formula that is wrong; an open constant in a place that needs a number
std::map<std::string, double> bind_open_constants(const NetworkSpec& spec, const std::map<std::string, double>& numbers, Network& network);

/// Refuses open constants in the formula of something (`what`) that must be a number from the start.
void refuse_open(const Network& network, const Formula& formula, const std::string& what);

}  // namespace meso::kinetics
