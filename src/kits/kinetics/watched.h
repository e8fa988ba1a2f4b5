// Trajectories seen at every event: what first-passage times and correlations in time are made from.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "kits/kinetics/network.h"
#include "kits/kinetics/ssa.h"

namespace meso::kinetics {

/// Called for every state in its order, with the time at which it was entered; true ends the trajectory.
using Watch = std::function<bool(double t, std::span<const double> x)>;

/// A way to draw whole trajectories by their id, with the streams (and so the trajectories) of the level itself.
struct Watched {
  SharedNetwork names;               ///< species, time unit, passages
  bool random_start = false;   ///< the initial state differs between trajectories
  double events = 0;           ///< expected per trajectory
  std::vector<double> center;  ///< whole numbers near the means
  /// One trajectory from 0 to `end`, from its own start or, for stationary questions, from the dispersed one. Empty where not every event is seen.
  std::function<SsaResult(std::uint64_t seed, const std::string& purpose, std::uint64_t id, double end, bool dispersed, const Watch& watch)> run;
  /// One trajectory at increasing times: of levels that leap, which know no more of it.
  std::function<SsaResult(std::uint64_t seed, const std::string& purpose, std::uint64_t id, std::span<const double> times, const std::function<void(std::size_t, std::span<const double>)>& at)> look = {};

  /// Trajectories computed together: about 50 ms of work.
  [[nodiscard]] std::uint64_t grain() const {
    std::uint64_t n = 1;
    while (n < 1024 && static_cast<double>(n) * events < 1e6) n *= 2;
    return n;
  }
};

}  // namespace meso::kinetics
