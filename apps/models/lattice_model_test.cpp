// [lattice] in a study file: the documented study runs and judges, and wrong tables are refused with their place.
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "apps/models/own_model_fixture.h"

namespace meso {
namespace {

using namespace testing;

const char* const good = R"([study]
title = "test"
[lattice]
species = ["A"]
dimension = 1
size = 64
rules = ["A + 0 -> A + A, lambda/z", "A -> 0, 1"]
initial = { A = 1 }
constants = { lambda = 3 }
[times]
from = 0
to = 1
count = 2
[reference]
level = "rate-equation"
[[candidate]]
level = "pair-approximation"
[compare]
observables = ["A.density"]
relative = 0.1
)";

std::string with(const std::string& line, const std::string& instead) { return changed(good, line, instead); }

TEST(OwnLattice, WrongTablesAreRefusedWithTheirPlace) {
  EXPECT_EQ(refusal(good), "");
  for (const auto& [line, instead, place, expected] : std::vector<std::array<std::string, 4>>{
           {"size = 64", "", "my.toml:", "has no size"},
           {"size = 64", "size = 6.5", "my.toml:6", "length 6.5"},
           {"size = 64", "size = [64, 64]", "my.toml:5", "dimension = 1, but size has 2 lengths"},
           {"dimension = 1", "dimension = 4", "my.toml:5", "1 to 3 dimensions"},
           {"size = 64", "size = 64\nboundary = \"periodc\"", "my.toml:7", "Did you mean 'periodic'?"},
           {"size = 64", "size = 64\noccupation = \"many\"", "my.toml:7", "Allowed: exclusion, bosonic"},
           {"size = 64", "size = 64\nrates = 3", "my.toml:7", "rates"},
           {"initial = { A = 1 }", "", "my.toml:", "has no initial"},
           {"initial = { A = 1 }", "initial = \"lots\"", "my.toml:", "does not read"},
           {"initial = { A = 1 }", "initial = { A = 1.5 }", "my.toml:", "1.5"},
           {"initial = { A = 1 }", "initial = { B = 1 }", "my.toml:", "'B' is no species"},
           {"\"A -> 0, 1\"", "\"A -> 0, mu\"", "my.toml:7", "unknown name 'mu'"},
           {"\"A -> 0, 1\"", "\"A -> A + A, 1\"", "my.toml:7", "Write 0 for an empty one"},
           {"size = 64", "size = 64\nconserves = [\"A\"]", "my.toml:", "A"},
           {"lambda = 3", "lambda = -3", "my.toml:7", "-1.5"}}) {
    const std::string said = refusal(with(line, instead));
    EXPECT_NE(said.find(expected), std::string::npos) << instead << ": " << said;
    EXPECT_NE(said.find(place), std::string::npos) << instead << ": " << said;
  }
}

TEST(OwnLattice, TheDocumentedStudyRunsAndJudges) {
  Study study = read_study(read_toml(MESO_SOURCE_DIR "/docs/own-lattice.toml"), model_source());
  study.budget.max = 32;
  const Results results = run_study(resolved(study), {});
  ASSERT_EQ(results.points.size(), 4u);
  bool disagrees = false;
  ASSERT_EQ(results.verdicts.size(), 16u);
  for (const Verdict& verdict : results.verdicts) {
    EXPECT_NE(verdict.outcome, Outcome::broken) << verdict.observable;
    EXPECT_NE(verdict.outcome, Outcome::absent) << verdict.observable;
    disagrees = disagrees || verdict.outcome == Outcome::disagrees;
  }
  EXPECT_TRUE(disagrees);  // mean field does not survive a lattice at beta = 3
}

}  // namespace
}  // namespace meso
