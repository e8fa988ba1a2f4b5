// Kernel density estimation in large dimension: a preset of the learning kit (src/kits/learning). The physics is in README.md.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kits/learning/density_estimation.h"
#include "model/system.h"

namespace meso::systems::kde_high_dim {

struct Params {
  std::int64_t d = 20;
  std::string points = "alpha";
  double alpha = 0.5;
  std::int64_t n = 0;
  double h = 0.65;
  std::string h_unit = "data";
  std::vector<double> spectrum{1};
  std::string query = "fixed";
  double r = 1;
  std::vector<double> x;
  double tail_points = 2.718281828459045;
};

/// @throws ParameterError  n and alpha that do not agree, and whatever the kit refuses
[[nodiscard]] learning::DensityEstimation problem(const Params& p);
[[nodiscard]] System system();

}  // namespace meso::systems::kde_high_dim
