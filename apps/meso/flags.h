// What the flags of run, compare and sweep say, as text, and what it means.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "apps/common/build.h"

namespace meso::app {

struct Flags {
  std::string target;                    ///< system name, study or model file
  std::vector<std::string> levels, set, over, observables, margins;
  std::string against, times, bounds, relative_to, mode;
  std::optional<std::string> stationary; ///< "" or "burn-in:window"
  std::optional<std::uint64_t> trajectories, max_trajectories, seed, max_points;
  std::optional<double> confidence, tolerance;
};

/// @throws InputError, StudyError: one message that names the flag
[[nodiscard]] Request read_flags(const Flags& flags);

/// --set name=value, each. @throws InputError
[[nodiscard]] Table read_set(const std::vector<std::string>& set);

}  // namespace meso::app
