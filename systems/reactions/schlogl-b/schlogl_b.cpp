// Schlögl model with rate-equation roots 1, 2, 4. A preset of the kinetics kit; the physics is in README.md.
#include "kits/kinetics/ladder.h"

namespace meso::systems::schlogl_b {

System system() {
  return kinetics::network_system({
      .spec = {.species = {"X"},
               .reactions = {"2X -> 3X, k1", "3X -> 2X, k2", "0 -> X, k3", "X -> 0, k4"},
               .constants = {{"k1", 7}, {"k2", 1}, {"k3", 8}, {"k4", 14}},
               .volume = 10,
               .initial = {{"X", 0}}},
      .name = "schlogl-b",
      .title = "Schlögl model with states at 1 and 4",
      .paper = {"moment-closure",
                "Validity conditions for moment closure approximations in stochastic chemical kinetics", "2014-07-31"},
      .doc = "The Schlögl model with a second set of constants: x' = -(x - 1)(x - 2)(x - 4), stable at 1 and 4.",
      .parameter_docs = {{"k1", "autocatalysis 2X -> 3X"}, {"k2", "its reverse 3X -> 2X"}, {"k3", "inflow 0 -> X"}, {"k4", "decay X -> 0"}},
  });
}

}  // namespace meso::systems::schlogl_b
