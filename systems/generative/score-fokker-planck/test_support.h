// What the tests of this system share: one level at one question, through the engine.
#pragma once

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "exec/engine.h"
#include "model/system.h"
#include "systems/generative/score-fokker-planck/score_fokker_planck.h"

namespace meso::systems::score_fokker_planck::testing {

/// Where nets trained by these tests are kept: the folder MESO_ARTEFACTS, or one of this process alone, so that a test trains what it judges.
inline const std::filesystem::path& artefacts() {
  struct Folder {
    std::filesystem::path path;
    bool own = false;
    Folder() {
      if (const char* given = std::getenv("MESO_ARTEFACTS")) path = given;
      else path = std::filesystem::temp_directory_path() / ("meso-learned-" + std::to_string(getpid())), own = true;
    }
    ~Folder() {
      std::error_code gone;
      if (own) std::filesystem::remove_all(path, gone);
    }
  };
  static const Folder folder;
  return folder.path;
}

inline Answer run(const Table& parameters, const std::string& level, std::vector<std::string> observables, std::uint64_t trajectories = 0, const Table& options = {}, std::uint64_t seed = 20231127) {
  LevelRun engine({.seed = seed, .threads = 2, .artefacts = artefacts()}, "score-fokker-planck/" + level);
  engine.set_trajectories(trajectories);
  const Case bound = system().bind(parameters);
  const Level& found = bound.level(level);
  Ask ask;
  ask.when = Stationary{};
  ask.observables = std::move(observables);
  ask.options = resolve(found.info.options, options, "level '" + level + "'");
  return found.run(ask, engine);
}

inline double value(const Answer& a, const char* observable) { return a.find(observable)->value.back(); }
inline double error(const Answer& a, const char* observable) { return a.find(observable)->se(0); }
inline double bound(const Answer& a, const char* observable) { return a.find(observable)->bound(0); }

/// The text of the first flag that contains a phrase, or "".
inline std::string flag_with(const Answer& a, const std::string& phrase) {
  for (const Flag& flag : a.flags)
    if (flag.text.find(phrase) != std::string::npos) return flag.text;
  return "";
}

}  // namespace meso::systems::score_fokker_planck::testing
