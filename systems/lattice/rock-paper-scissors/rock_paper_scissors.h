// The parameters of rock-paper-scissors and the lattice model they stand for: what the tests of this folder see.
#pragma once

#include "kits/lattice/ladder.h"

namespace meso::systems::rock_paper_scissors {

/// A + B -> 2A, B + C -> 2B, C + A -> 2C at total rate s; neighbours exchange places, eps attempts per individual and time. Every site is
/// occupied unless the initial densities say otherwise; the number of particles is conserved.
struct Params {
  std::int64_t L = 128, d = 2;
  std::string boundary = "periodic";
  double s = 1, eps = 0, rhoA = 1.0 / 3.0, rhoB = 1.0 / 3.0, rhoC = 1.0 / 3.0;
};

System system();
[[nodiscard]] lattice::Model model_of(const Params& p);
[[nodiscard]] lattice::KineticsOptions options_of(const Params& p);

}  // namespace meso::systems::rock_paper_scissors
