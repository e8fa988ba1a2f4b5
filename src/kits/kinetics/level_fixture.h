// Runs one level of a network's ladder through the engine, for the tests of levels.
#pragma once

#include <cstdint>
#include <string>

#include "exec/engine.h"
#include "kits/kinetics/ladder.h"

namespace meso::kinetics::testing {

/// The level's answer with its options filled in; an empty one if the ladder has no such level.
inline Answer run_level(const Network& network, const std::string& level, const Ask& ask, const EngineOptions& options, const std::string& purpose, std::uint64_t trajectories) {
  LevelRun engine(options, purpose);
  engine.set_trajectories(trajectories);
  for (const Level& one : ladder(network))
    if (one.info.name == level) {
      Ask with = ask;
      with.options = resolve(one.info.options, ask.options, level);
      return one.run(with, engine);
    }
  return {};
}

}  // namespace meso::kinetics::testing
