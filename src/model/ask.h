// Ask: the question of a study, the same for every level.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "model/value.h"

namespace meso {

/// A grid of output times, increasing; the first may be 0 (the initial state).
struct Times {
  std::vector<double> points;
};

/// A stationary question. Durations in the system's time unit; empty: by slow time (10 and 50 of them), or no time at all
/// in systems that have none (a tree).
struct Stationary {
  std::optional<double> burn_in, window;
};

struct Ask {
  std::variant<Times, Stationary> when;
  std::vector<std::string> observables;  ///< a level answers those it has, the rest is `absent`
  double target_error = 0;               ///< what a solver should aim at, relative to the peak; 0: the level's own default
  Table options;                         ///< the level's own options, resolved by its schema
  bool portraits = false;                ///< pictures are wanted too

  [[nodiscard]] bool is_stationary() const { return std::holds_alternative<Stationary>(when); }
  [[nodiscard]] const std::vector<double>& times() const { return std::get<Times>(when).points; }
  [[nodiscard]] const Stationary& stationary() const { return std::get<Stationary>(when); }
  [[nodiscard]] bool wants(std::string_view observable) const {
    for (const std::string& name : observables)
      if (name == observable) return true;
    return false;
  }
};

}  // namespace meso
