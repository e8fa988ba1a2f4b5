// Random recurrent networks: covariance matrix from a linear equivalent. A preset of the neuron kit (src/kits/neuron). The physics is in README.md.
#pragma once

#include <cstdint>
#include <string>

#include "kits/neuron/rate_network.h"
#include "model/system.h"

namespace meso::systems::rnn_covariance {

struct Params {
  std::string time = "continuous";
  std::string gain = "tanh";
  double g = 3;
  double sigma = 0;
  std::int64_t N = 800;
  std::int64_t realisation = 1;
  std::string couplings = "gaussian";
  double symmetry = 0;
  double connectivity = 0.1;
  bool self = true;
  double start = 1;
  double dt = 0.05;
};

[[nodiscard]] neuron::RateNetwork problem(const Params& p);
[[nodiscard]] System system();

}  // namespace meso::systems::rnn_covariance
