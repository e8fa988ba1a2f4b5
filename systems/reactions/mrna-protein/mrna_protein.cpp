// Two-stage gene expression. A preset of the kinetics kit; the physics is in README.md.
#include "kits/kinetics/ladder.h"

namespace meso::systems::mrna_protein {

System system() {
  return kinetics::network_system({
      .spec = {.species = {"M", "P"},
               .reactions = {"0 -> M, a", "M -> 0, g", "M -> M + P, b", "P -> 0, d"},
               .constants = {{"a", 2}, {"g", 1}, {"b", 5}, {"d", 0.2}},
               .volume = 1,
               .initial = {{"M", 0}, {"P", 0}}},
      .name = "mrna-protein",
      .title = "Two-stage gene expression: mRNA and protein",
      .paper = {"moment-closure",
                "Validity conditions for moment closure approximations in stochastic chemical kinetics", "2014-07-31"},
      .doc = "Transcription, translation, decay of both. Every propensity is linear, so moment equations close by themselves and every level but the rate equation must be "
             "exact in mean and covariance: a check of the whole ladder.",
      .parameter_docs = {{"a", "transcription 0 -> M"}, {"g", "decay of mRNA"}, {"b", "translation M -> M + P"}, {"d", "decay of protein"}},
  });
}

}  // namespace meso::systems::mrna_protein
