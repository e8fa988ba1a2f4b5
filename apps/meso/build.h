// Flags build a Study, TOML builds a Study: one road.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "study/study.h"

namespace meso::app {

/// What the flags of run, compare and sweep said, as text.
struct Flags {
  std::string target;                    ///< system name or STUDY.toml
  std::vector<std::string> levels, set, over, observables, margins;
  std::string against, times, bounds, relative_to, mode;
  std::optional<std::string> stationary; ///< "" or "burn-in:window"
  std::optional<std::uint64_t> trajectories, max_trajectories, seed, max_points;
  std::optional<double> confidence, tolerance;
};

/// @throws InputError and its kin
[[nodiscard]] Study build_study(const Flags& flags, Study::Kind kind);

/// "NAME" or a study file: only its system (info, equations).
[[nodiscard]] Study base_study(const std::string& target);

}  // namespace meso::app
