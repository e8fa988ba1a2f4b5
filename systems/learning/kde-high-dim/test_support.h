// What the tests of this system share: one level at one question, through the engine.
#pragma once

#include <limits>
#include <string>
#include <vector>

#include "exec/engine.h"
#include "model/system.h"
#include "systems/learning/kde-high-dim/kde_high_dim.h"

namespace meso::systems::kde_high_dim::testing {

inline Answer run(const Table& parameters, const std::string& level, std::vector<std::string> observables, std::uint64_t trajectories = 1, unsigned threads = 2, const Table& options = {}, std::uint64_t seed = 20240811) {
  Ask ask;
  ask.when = Stationary{};
  ask.observables = std::move(observables);
  ask.options = options;
  LevelRun engine({.seed = seed, .threads = threads}, "kde-high-dim/" + level);
  engine.set_trajectories(trajectories);
  return system().bind(parameters).level(level).run(ask, engine);
}

inline double value(const Answer& a, const char* observable) {
  const Estimate* e = a.find(observable);
  return e ? e->value.back() : std::numeric_limits<double>::quiet_NaN();
}
inline double error(const Answer& a, const char* observable) { return a.find(observable)->se(0); }
inline double dof(const Answer& a, const char* observable) { return a.find(observable)->dof; }
inline const Flag* flag(const Answer& a, const std::string& kind) {
  for (const Flag& f : a.flags)
    if (f.kind == kind) return &f;
  return nullptr;
}

}  // namespace meso::systems::kde_high_dim::testing
