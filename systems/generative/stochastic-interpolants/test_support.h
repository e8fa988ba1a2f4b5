// What the tests of this system share: one level at one question, through the engine.
#pragma once

#include <limits>
#include <string>
#include <vector>

#include "exec/engine.h"
#include "model/system.h"
#include "systems/generative/stochastic-interpolants/stochastic_interpolants.h"

namespace meso::systems::stochastic_interpolants::testing {

inline Answer run(const Table& parameters, const std::string& level, std::vector<std::string> observables, std::vector<double> times, std::uint64_t trajectories = 1, const Table& options = {}, unsigned threads = 2,
                  std::uint64_t seed = 20230315, bool portraits = false) {
  Ask ask;
  ask.when = Times{std::move(times)};
  ask.observables = std::move(observables);
  ask.options = options;
  ask.portraits = portraits;
  LevelRun engine({.seed = seed, .threads = threads}, "stochastic-interpolants/" + level);
  engine.set_trajectories(trajectories);
  return system().bind(parameters).level(level).run(ask, engine);
}

inline double value(const Answer& a, const char* observable, std::size_t i = 0) {
  const Estimate* e = a.find(observable);
  return e ? e->value[i] : std::numeric_limits<double>::quiet_NaN();
}
inline const Flag* flag(const Answer& a, const std::string& kind) {
  for (const Flag& f : a.flags)
    if (f.kind == kind) return &f;
  return nullptr;
}

}  // namespace meso::systems::stochastic_interpolants::testing
