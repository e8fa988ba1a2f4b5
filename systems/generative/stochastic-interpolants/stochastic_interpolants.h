// Stochastic interpolants: a preset of the generative kit (src/kits/generative). The physics is in README.md.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "kits/generative/bridge_levels.h"
#include "model/system.h"

namespace meso::systems::stochastic_interpolants {

struct Params {
  std::string laws = "card";
  std::string start = "as-laws";
  std::int64_t d = 2;
  std::int64_t modes0 = 1, modes1 = 3;
  std::int64_t law_seed = 1;
  double var0 = 1, var1 = 0.25, mean1 = 0;
  double coupling = 0;
  std::vector<double> weights0, means0, covariances0, weights1, means1, covariances1;
  std::string path = "linear", latent = "brownian";
  double latent_scale = 1;
  std::string alpha, beta, gamma_squared;
  double epsilon = 1;
  double velocity_error = 0, score_error = 0;
  double t_cut = 0;
  std::string fields = "exact";
  std::int64_t training = 5000, batch = 1024, width = 64, layers = 3;
  double rate = 2e-2;
};

/// The two ends and the interpolant as a path of mixtures; null for the checkerboard.
/// @throws ParameterError  everything that the kit refuses, and parameters that do not go together
[[nodiscard]] std::shared_ptr<const generative::MixturePath> mixture_path(const Params& p);
[[nodiscard]] generative::Bridge bridge(const Params& p);
[[nodiscard]] System system();

}  // namespace meso::systems::stochastic_interpolants
