// Inflow and pair annihilation. A preset of the kinetics kit; the physics is in README.md.
#include "kits/kinetics/ladder.h"

namespace meso::systems::dimer {

System system() {
  return kinetics::network_system({
      .spec = {.species = {"X"}, .reactions = {"0 -> X, k1", "2X -> 0, k2"}, .constants = {{"k1", 1}, {"k2", 1}}, .volume = 10, .initial = {{"X", 0}}},
      .name = "dimer",
      .title = "Inflow and pair annihilation",
      .paper = {"moment-closure",
                "Validity conditions for moment closure approximations in stochastic chemical kinetics", "2014-07-31"},
      .doc = "Molecules flow in and vanish in pairs: the simplest network whose moment equations do not close. Monostable; its stationary law is known exactly.",
      .parameter_docs = {{"k1", "inflow 0 -> X"}, {"k2", "pair annihilation 2X -> 0"}},
  });
}

}  // namespace meso::systems::dimer
