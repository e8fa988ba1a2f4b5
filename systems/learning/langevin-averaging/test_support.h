// What the tests of this system share: one level at one question, through the engine.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "exec/engine.h"
#include "model/system.h"
#include "systems/learning/langevin-averaging/langevin_averaging.h"

namespace meso::systems::langevin_averaging::testing {

inline Ask at(std::vector<double> times, std::vector<std::string> observables, bool step_bound = true) {
  Ask ask;
  ask.when = Times{std::move(times)};
  ask.observables = std::move(observables);
  if (!step_bound) ask.options["step-bound"] = Value(false);
  return ask;
}

inline Answer run(const Table& parameters, const std::string& level, const Ask& ask, std::uint64_t trajectories, std::uint64_t seed = 20260306) {
  LevelRun engine({.seed = seed, .threads = 2}, "langevin-averaging/" + level);
  engine.set_trajectories(trajectories);
  return system().bind(parameters).level(level).run(ask, engine);
}

inline double value(const Answer& a, const char* observable) { return a.find(observable)->value.back(); }
inline double error(const Answer& a, const char* observable) { return a.find(observable)->std_error.back(); }

}  // namespace meso::systems::langevin_averaging::testing
