// A system's own study files, run to their verdicts by its slow tests. (A header only: it needs the study floor, which other tests do not link.)
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <string>

#include "io/toml.h"
#include "study/study_file.h"
#include "testing/measured.h"

namespace meso {

/// Runs systems/<folder>/studies/<file>.toml, two threads. @param folder  with the family: "learning/kde-high-dim"
inline Results study_results(const std::function<System()>& system, const std::string& folder, const std::string& file) {
  return run_study(resolved(read_study(read_toml(MESO_SOURCE_DIR "/systems/" + folder + "/studies/" + file + ".toml"), [&](const ModelRequest&) { return system(); })), {.threads = 2});
}

/// The same: outcomes by "label observable value of the swept parameter" ("label observable" where none is swept). Records how many of the entries that were
/// answered are decided, and expects at least half: a study that leaves most of its questions open is no study to ship.
inline std::map<std::string, Outcome> study_outcomes(const std::function<System()>& system, const std::string& folder, const std::string& file, const std::string& swept = "") {
  const Results results = study_results(system, folder, file);
  std::map<std::string, Outcome> found;
  int decided = 0, answered = 0;
  for (const Verdict& v : results.verdicts) {
    found[v.label + " " + v.observable + (swept.empty() ? "" : " " + to_text(results.points[v.point].parameters.at(swept)))] = v.outcome;
    if (v.outcome == Outcome::absent) continue;
    ++answered;
    decided += v.outcome == Outcome::agrees || v.outcome == Outcome::disagrees;
  }
  EXPECT_GE(2 * decided, answered) << file;
  measured(folder.substr(folder.find('/') + 1), "study " + file + ": decided entries", decided, 0, "of " + std::to_string(answered));
  return found;
}

}  // namespace meso
