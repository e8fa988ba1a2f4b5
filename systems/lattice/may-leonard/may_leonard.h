// The parameters of may-leonard and the lattice model they stand for: what the tests of this folder see.
#pragma once

#include "kits/lattice/ladder.h"

namespace meso::systems::may_leonard {

/// A + B -> A, B + C -> B, C + A -> C at total rate s; X + empty -> 2X at total rate u; neighbours exchange places, empty sites included,
/// eps attempts per individual and time. Mobility M = eps/(2 L^2).
struct Params {
  std::int64_t L = 128, d = 2;
  std::string boundary = "periodic";
  double s = 1, u = 1, M = 0, eps = 0, rho0 = 0.25;
};

System system();
/// eps: exchanges that an individual attempts per time, from eps or M or the default mobility 1e-5.
[[nodiscard]] double exchange_attempts(const Params& p);
[[nodiscard]] lattice::Model model_of(const Params& p);
[[nodiscard]] lattice::KineticsOptions options_of(const Params& p);

}  // namespace meso::systems::may_leonard
