// A system from a coupling matrix of the user's own: the ladder of rate_network.h on it, with scale, drive, start and step as parameters.
#pragma once

#include <string>

#include "kits/neuron/rate_network.h"
#include "model/system.h"

namespace meso::neuron {

struct OwnCouplings {
  Couplings couplings;         ///< J at scale 1
  std::string gain = "tanh";
  Clock clock = Clock::continuous;
  double scale = 1, sigma = 0, start = 1, dt = 0.05;  ///< defaults of the parameters
  std::string title;
};

/// Parameters: scale (J = scale times the matrix), sigma, start, and dt in continuous time.
/// @throws ModelError      gain that does not read
/// @throws ParameterError  a default out of range
[[nodiscard]] System own_couplings_system(const OwnCouplings& own);

}  // namespace meso::neuron
