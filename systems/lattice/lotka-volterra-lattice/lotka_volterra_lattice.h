// The parameters of lotka-volterra-lattice and the lattice model they stand for: what the tests of this folder see.
#pragma once

#include "kits/lattice/ladder.h"

namespace meso::systems::lotka_volterra_lattice {

/// Predators A die at rate mu; prey B breed into an empty neighbour at total rate sigma; A next to B turns it into A at total rate lambda;
/// hops into empty sites and exchanges at rate D per bond. One particle a site.
struct Params {
  std::int64_t L = 128, d = 2;
  std::string boundary = "periodic";
  double mu = 0.5, sigma = 1, lambda = 1.5, D = 0, rhoA = 0.3, rhoB = 0.3;
};

System system();
[[nodiscard]] lattice::Model model_of(const Params& p);
[[nodiscard]] lattice::KineticsOptions options_of(const Params& p);

}  // namespace meso::systems::lotka_volterra_lattice
