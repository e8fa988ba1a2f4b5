// The parameters of branching-annihilation and the lattice model they stand for: what the tests of this folder see.
#pragma once

#include "kits/lattice/ladder.h"

namespace meso::systems::branching_annihilation {

/// A -> 2A at rate sigma, A -> 0 at rate mu, 2A -> A (or 0) at the rate lambda n (n - 1) on each site, any number on a site; hops at rate D.
struct Params {
  std::int64_t L = 1000, d = 1;
  std::string boundary = "periodic";
  double sigma = 1.5, mu = 1, lambda = 1, D = 1, rho0 = 0.5;
};

System system();
[[nodiscard]] lattice::Model model_of(const Params& p);

}  // namespace meso::systems::branching_annihilation
