// The documented study of the heat-shock response over its first tenth of a second: leaps judged against exact simulation where none is long.
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "apps/models/model_source.h"
#include "io/toml.h"
#include "study/study.h"
#include "study/study_file.h"

namespace meso {
namespace {

TEST(LeapStudies, OnTheHeatShockResponseExactFallbacksAgreeAndTheLangevinEquationDoesNot) {
  Study study = read_study(read_toml(std::string(MESO_SOURCE_DIR) + "/docs/leaps-stochkit-hs.toml"), model_source());
  study.when = Times{{0, 0.1}};
  study.budget = {4096, 4096};
  std::map<std::string, Outcome> found;
  for (const Verdict& v : run_study(resolved(study), {.threads = 2}).verdicts) found[v.label + " " + v.observable] = v.outcome;
  ASSERT_EQ(found.size(), 3 * study.observables.size());
  for (const auto& [entry, outcome] : found)
    if (!entry.starts_with("cle")) { EXPECT_EQ(outcome, Outcome::agrees) << entry; }
  EXPECT_EQ(found.at("cle S1.mean"), Outcome::disagrees) << "free sigma factor: a tenth of a molecule, which the Langevin equation keeps far from zero";
}

}  // namespace
}  // namespace meso
