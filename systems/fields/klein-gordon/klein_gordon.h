// Nonlinear Klein-Gordon field in one dimension: waves, kinks, breathers, collisions, and the same field at a temperature. The physics is in
// README.md; this file is what the tests and the benchmark see of it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kits/field/collective.h"
#include "kits/field/kinks.h"
#include "kits/field/ladder.h"
#include "model/system.h"

namespace meso::systems::klein_gordon {

/// phi_tt - phi_xx + V'(phi) = 0 on a ring, c = hbar = 1. Zeros of L, n, dt and "auto" take the case's own value.
struct Params {
  std::string kind = "collision";       ///< parameter `case`
  std::string potential = "auto";
  double m = 1, lambda = 1, v = 1;
  double amplitude = 1, width = 2;      // linear
  double boost = 0;                     // kink
  double omega = 0.5;                   // breather
  double velocity = 0.3, separation = 20;  // collision
  double temperature = 0.1, damping = 0.2; // thermal
  double L = 0;
  std::int64_t n = 0;
  double dt = 0;
  std::string boundary = "auto", stepping = "fixed", scheme = "verlet";
  double energy_tol = 1e-5;
};

System system();

/// The description that every level derives from. @throws ParameterError
[[nodiscard]] field::Model model_of(const Params& p);

// Exact and effective solutions, in the notation of README.md.
[[nodiscard]] double kink_width(double lambda, double v);           ///< xi = sqrt(2/lambda)/v
[[nodiscard]] double kink_mass(double lambda, double v);            ///< (2 sqrt 2/3) sqrt(lambda) v^3
[[nodiscard]] field::KinkShape kink_shape(double lambda, double v);
[[nodiscard]] double breather(double omega, double x, double t);
[[nodiscard]] double breather_momentum(double omega, double x, double t);

/// What becomes of a kink-antikink pair (case collision).
struct Encounter {
  std::vector<double> bounces;  ///< times of the downward crossings of phi(0, t)
  field::Escape escape;
};
[[nodiscard]] Encounter collide(const Params& p, double t_end);

}  // namespace meso::systems::klein_gordon
