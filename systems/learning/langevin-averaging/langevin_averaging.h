// Langevin dynamics with iterate averaging: a preset of the learning kit (src/kits/learning). The physics is in README.md.
#pragma once

#include <cstdint>
#include <string>

#include "kits/learning/sphere_estimation.h"
#include "model/system.h"

namespace meso::systems::langevin_averaging {

struct Params {
  std::string model = "tensor";
  std::int64_t k = 3, d = 20, n = 400;
  double c = 0.5;
  double noise_scale = 1, label_noise = 0;
  double dt = 0;
  std::string scheme = "geodesic";
};

[[nodiscard]] learning::SphereEstimation problem(const Params& p);
[[nodiscard]] System system();

}  // namespace meso::systems::langevin_averaging
