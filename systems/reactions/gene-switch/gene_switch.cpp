// A gene that its own protein represses. A preset of the kinetics kit; the physics is in README.md.
#include "kits/kinetics/ladder.h"

namespace meso::systems::gene_switch {

System system() {
  return kinetics::network_system({
      .spec = {.species = {"G", "Gb", "P"},
               .reactions = {"G + P -> Gb, sb", "Gb -> G + P, su", "G -> G + P, ru", "Gb -> Gb + P, rb", "P -> 0, d"},
               .constants = {{"sb", 0.004}, {"su", 0.25}, {"rb", 25}, {"ru", 60}, {"d", 1}},
               .volume = 1,
               .initial = {{"G", 1}, {"Gb", 0}, {"P", 0}}},
      .name = "gene-switch",
      .title = "Gene switch: a promoter with negative feedback",
      .paper = {"moment-closure",
                "Validity conditions for moment closure approximations in stochastic chemical kinetics", "2014-07-31"},
      .doc = "One promoter, free (G) or with a protein bound (Gb); it makes protein faster when free. Switching is as slow as the protein's decay, so the protein's law has two "
             "humps. The promoter is 0 or 1: closures that condition on it, and the linear mapping, are made for this.",
      .parameter_docs = {{"sb", "binding G + P -> Gb"}, {"su", "unbinding Gb -> G + P"}, {"rb", "production while bound"}, {"ru", "production while free"}, {"d", "decay of protein"}},
  });
}

}  // namespace meso::systems::gene_switch
