// Score models whose ODE and SDE samples differ: a preset of the generative kit (src/kits/generative). The physics is in README.md.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kits/generative/score_model.h"
#include "model/system.h"

namespace meso::systems::score_fokker_planck {

struct Params {
  std::string data = "mixture";
  std::vector<double> w{0.3, 0.3, 0.4}, m{-2, 0.5, 2}, sd{0.3};
  std::string score = "exact";
  double delta = 0.1, lag = 1.2;
  std::vector<double> other_m{-1.5, 0, 1.5};
  std::string u;
  double w_R = 0;
  std::string loss = "weighted";
  std::int64_t training = 3000, batch = 384, width = 48, layers = 3;
  double rate = 2e-3;
  std::string activation = "automatic";
  bool baseline = true;
  double T = 10, t_min = 0;
  std::string prior = "normal";
  double low = -7, high = 7;
};

/// @throws ParameterError, ModelError  whatever cannot be sampled or has no score
[[nodiscard]] generative::ScoreModel model(const Params& p);
[[nodiscard]] System system();

}  // namespace meso::systems::score_fokker_planck
