// Ornstein-Uhlenbeck process: a preset of the sde kit; the physics is in README.md.
#include "kits/sde/ladder.h"

namespace meso::systems::ornstein_uhlenbeck {

System system() {
  constexpr double top = 1e6;
  return sde::sde_system({
      .spec = {.variables = {"x"},
               .drift = {{"x", "k*(m - x)"}},
               .diffusion = {{"x", {"sigma"}}},
               .constants = {{"k", 1}, {"m", 0}, {"sigma", 1}},
               .initial = {{"x", 2}}},
      .name = "ornstein-uhlenbeck",
      .title = "Ornstein-Uhlenbeck process: noise in a harmonic well",
      .paper = {"ornstein-uhlenbeck", "On the theory of the Brownian motion", "1930-09-01"},
      .doc = "dx = k (m - x) dt + sigma dW: the velocity of a Brownian particle, an overdamped particle in a harmonic trap. Every transition law is Gaussian, so every "
             "description has the exact one to be held against; linear noise is no approximation here.",
      .parameter_docs = {{"k", "relaxation rate"}, {"m", "centre of the well"}, {"sigma", "noise amplitude: D = sigma^2/2"}, {"x0", "start"}},
      .parameter_ranges = {{"k", {1e-6, top}}, {"sigma", {1e-6, top}}},
  });
}

}  // namespace meso::systems::ornstein_uhlenbeck
