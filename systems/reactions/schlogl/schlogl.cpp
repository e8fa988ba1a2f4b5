// Schlögl model: bistable autocatalysis. A preset of the kinetics kit; the physics is in README.md.
#include "kits/kinetics/ladder.h"

namespace meso::systems::schlogl {

System system() {
  return kinetics::network_system({
      .spec = {.species = {"X"},
               .reactions = {"2X -> 3X, k1", "3X -> 2X, k2", "0 -> X, k3", "X -> 0, k4"},
               .constants = {{"k1", 5}, {"k2", 1}, {"k3", 2.25}, {"k4", 6.75}},
               .volume = 10,
               .initial = {{"X", 0}}},
      .name = "schlogl",
      .title = "Schlögl model: bistable autocatalysis",
      .paper = {"moment-closure",
                "Validity conditions for moment closure approximations in stochastic chemical kinetics", "2014-07-31"},
      .doc = "One species that makes itself from pairs and destroys itself in triples. By default the rate equation x' = -(x - 0.5)(x - 1.5)(x - 3) has two stable "
             "states; the master equation has one stationary law with two humps, and switches between them ever more rarely as the volume grows.",
      .parameter_docs = {{"k1", "autocatalysis 2X -> 3X"}, {"k2", "its reverse 3X -> 2X"}, {"k3", "inflow 0 -> X"}, {"k4", "decay X -> 0"}},
  });
}

}  // namespace meso::systems::schlogl
