// A network for the tests of the simulation.
#pragma once

#include <cstdint>

#include "kits/kinetics/network.h"

namespace meso::kinetics::testing {

/// The Schlögl preset's reactions and constants, from `initial` molecules.
inline Network schlogl(double volume, std::int64_t initial) {
  NetworkSpec spec{.species = {"X"},
                   .reactions = {"2X -> 3X, k1", "3X -> 2X, k2", "0 -> X, k3", "X -> 0, k4"},
                   .constants = {{"k1", 5}, {"k2", 1}, {"k3", 2.25}, {"k4", 6.75}},
                   .volume = volume};
  return spec.bind({{"X0", static_cast<double>(initial)}});
}

}  // namespace meso::kinetics::testing
