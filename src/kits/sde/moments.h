// Levels that carry mean m and covariance C only:
//
//   exact         a affine and b b^T a polynomial of degree 2 at most: the moment equations close,
//                     dm/dt = <a>,   dC/dt = A C + C A^T + <b b^T>;  with constant b the law is the Gaussian of these.
//   linear-noise  any process, linearised around the deterministic path: dm/dt = a(m), dC/dt = A(m) C + C A(m)^T + b(m) b(m)^T.
//
// Sources: Gardiner, Handbook of Stochastic Methods, 3rd ed., sections 4.4 and 6.2; van Kampen, Stochastic Processes in Physics and
// Chemistry, 3rd ed., ch. X.
#pragma once

#include "kits/sde/description.h"
#include "model/level.h"

namespace meso::sde {

/// True if the moment equations close at order 2: affine drift, quadratic b b^T, no t, no wall that is felt.
[[nodiscard]] bool is_solvable(const Process& process);

/// The level `exact`. @throws Error if the process is not solvable
[[nodiscard]] Level exact_level(const Process& process);
[[nodiscard]] Level linear_noise_level(const Process& process);

}  // namespace meso::sde
