// The parameters of sir-lattice and the lattice model they stand for: what the tests of this folder see.
#pragma once

#include "kits/lattice/ladder.h"

namespace meso::systems::sir_lattice {

/// Every site holds one individual: S susceptible, I infected, R immune for good. I -> R at rate 1; an I infects at total rate lambda, each neighbour
/// at lambda/z if it is susceptible; neighbours of different kinds change places at rate D per bond.
struct Params {
  std::int64_t L = 200, d = 2;
  std::string boundary = "periodic";
  double lambda = 6, D = 0;
  std::string start = "mixed";
  double rhoI = 0.01;
};

System system();
[[nodiscard]] lattice::Model model_of(const Params& p);
[[nodiscard]] lattice::KineticsOptions options_of(const Params& p);

}  // namespace meso::systems::sir_lattice
