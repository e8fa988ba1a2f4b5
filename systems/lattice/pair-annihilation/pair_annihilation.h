// The parameters of pair-annihilation and the lattice model they stand for: what the tests of this folder see.
#pragma once

#include "kits/lattice/ladder.h"

namespace meso::systems::pair_annihilation {

/// A + A -> 0 or A: on contact, when a hop meets a particle (exclusion), or at the rate lambda among the particles of one site (bosonic).
struct Params {
  std::int64_t L = 100000, d = 1;
  std::string boundary = "periodic";
  double D = 1, rho0 = 1, lambda = 0;
  bool contact = true;
  std::string product = "nothing";
};

System system();
[[nodiscard]] lattice::Model model_of(const Params& p);
/// Density of the infinite chain, full at t = 0, with reaction on contact: e^{-4Dt} I0(4Dt) (annihilation), e^{-4Dt} [I0 + I1](4Dt) (coagulation).
[[nodiscard]] double exact_chain_density(const Params& p, double t);

}  // namespace meso::systems::pair_annihilation
