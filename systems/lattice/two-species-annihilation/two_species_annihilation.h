// The parameters of two-species-annihilation and the lattice model they stand for: what the tests of this folder see.
#pragma once

#include "kits/lattice/ladder.h"

namespace meso::systems::two_species_annihilation {

/// A + B -> 0 on contact; any number of particles of one kind on a site.
struct Params {
  std::int64_t L = 100000, d = 1;
  std::string boundary = "periodic";
  double D = 1, rhoA = 0.5, rhoB = 0.5;
};

System system();
[[nodiscard]] lattice::Model model_of(const Params& p);

}  // namespace meso::systems::two_species_annihilation
