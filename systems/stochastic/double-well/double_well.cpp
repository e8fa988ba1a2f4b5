// Double well: a preset of the sde kit; the physics is in README.md.
#include "kits/sde/ladder.h"

namespace meso::systems::double_well {

System system() {
  constexpr double top = 1e6;
  return sde::sde_system({
      .spec = {.variables = {"x"},
               .drift = {{"x", "a*x - b*x^3 + h"}},
               .diffusion = {{"x", {"sigma"}}},
               .constants = {{"a", 1}, {"b", 1}, {"h", 0}, {"sigma", 0.7}},
               .initial = {{"x", 0.5}}},
      .name = "double-well",
      .title = "Double well: noise across a barrier",
      .paper = {"kramers-double-well", "Brownian motion in a field of force and the diffusion model of chemical reactions", "1940-04-01"},
      .doc = "dx = (a x - b x^3 + h) dt + sigma dW in the potential V = b x^4/4 - a x^2/2 - h x. Two wells at +-sqrt(a/b), a barrier of a^2/(4b) between them, and a "
             "stationary law exp(-2V/sigma^2) that fills both: an expansion around one well knows nothing of the other.",
      .parameter_docs = {{"a", "slope of the drift at 0; two wells for a > 0 (and |h| small)"}, {"b", "cubic restoring force"}, {"h", "tilt"}, {"sigma", "noise amplitude: D = sigma^2/2"}, {"x0", "start"}},
      .parameter_ranges = {{"a", {-top, top}}, {"b", {1e-6, top}}, {"sigma", {1e-6, top}}},
  });
}

}  // namespace meso::systems::double_well
