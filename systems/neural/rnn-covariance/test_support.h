// What the tests of this system share: one level at one question, through the engine.
#pragma once

#include <string>
#include <vector>

#include "exec/engine.h"
#include "model/system.h"
#include "systems/neural/rnn-covariance/rnn_covariance.h"

namespace meso::systems::rnn_covariance::testing {

inline Ask stationary(std::vector<std::string> observables, double window, double burn_in = 100) {
  Ask ask;
  ask.when = Stationary{burn_in, window};
  ask.observables = std::move(observables);
  return ask;
}

inline Answer run(const Table& parameters, const std::string& level, const Ask& ask, std::uint64_t trajectories = 1, std::uint64_t seed = 20260423) {
  LevelRun engine({.seed = seed, .threads = 2}, "rnn-covariance/" + level);
  engine.set_trajectories(trajectories);
  return system().bind(parameters).level(level).run(ask, engine);
}

inline double value(const Answer& a, const char* observable) {
  const Estimate* e = a.find(observable);
  return e ? e->value.back() : std::numeric_limits<double>::quiet_NaN();
}
inline double error(const Answer& a, const char* observable) { return a.find(observable)->std_error.back(); }
inline const Flag* flag(const Answer& a, const std::string& kind) {
  for (const Flag& f : a.flags)
    if (f.kind == kind) return &f;
  return nullptr;
}

}  // namespace meso::systems::rnn_covariance::testing
