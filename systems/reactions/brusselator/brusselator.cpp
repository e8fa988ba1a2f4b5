// Brusselator: a chemical oscillator. A preset of the kinetics kit; the physics is in README.md.
#include "kits/kinetics/ladder.h"

namespace meso::systems::brusselator {

System system() {
  return kinetics::network_system({
      .spec = {.species = {"X", "Y"},
               .reactions = {"2X + Y -> 3X, c1", "X -> Y, c2", "0 -> X, c3", "X -> 0, c4"},
               .constants = {{"c1", 0.9}, {"c2", 3}, {"c3", 1}, {"c4", 1}},
               .volume = 10,
               .initial = {{"X", 0}, {"Y", 0}}},
      .name = "brusselator",
      .title = "Brusselator: a chemical oscillator",
      .paper = {"moment-closure",
                "Validity conditions for moment closure approximations in stochastic chemical kinetics", "2014-07-31"},
      .doc = "Two species, one autocatalytic step. The rate equation has the fixed point x = c3/c4, y = c2 c4/(c1 c3) and a limit cycle iff c2 > c4 + c1 (c3/c4)^2; "
             "the means of the master equation always relax.",
      .parameter_docs = {{"c1", "autocatalysis 2X + Y -> 3X"}, {"c2", "conversion X -> Y"}, {"c3", "inflow 0 -> X"}, {"c4", "outflow X -> 0"}},
  });
}

}  // namespace meso::systems::brusselator
