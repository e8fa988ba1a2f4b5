// The parameters of contact-process and the lattice model they stand for: what the tests of this folder see.
#pragma once

#include "kits/lattice/ladder.h"

namespace meso::systems::contact_process {

/// A -> 0 at rate 1; A makes a copy on a random neighbour at total rate lambda, if that is empty; hops at rate D to each empty neighbour.
struct Params {
  std::int64_t L = 10000, d = 1;
  std::string boundary = "periodic";
  double lambda = 3.297848, D = 0;
  std::string start = "full";
};

System system();
[[nodiscard]] lattice::Model model_of(const Params& p);

}  // namespace meso::systems::contact_process
