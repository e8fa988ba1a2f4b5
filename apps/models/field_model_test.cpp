// [field] in a study file: the documented study runs and judges, and wrong tables are refused with their place.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "apps/models/own_model_fixture.h"

namespace meso {
namespace {

using namespace testing;

const char* const good = R"toml([study]
title = "test"
[field]
potential = "g*phi^4/4 + phi^2/2"
box = 20
n = 64
initial = "height*exp(-x^2)"
constants = { g = 1, height = 0.3 }
[times]
from = 0
to = 1
count = 2
[reference]
level = "field"
[[candidate]]
level = "linearised"
[compare]
observables = ["phi_centre"]
relative = 0.1
)toml";

std::string with(const std::string& line, const std::string& instead) { return changed(good, line, instead); }

TEST(OwnField, WrongTablesAreRefusedWithTheirPlace) {
  EXPECT_EQ(refusal(good), "");
  EXPECT_EQ(refusal(with("box = 20\nn = 64", "box = [20, 10]\nn = [32, 16]")), "");
  for (const auto& [line, instead, expected] : std::vector<std::array<std::string, 3>>{
           {"g*phi^4/4", "gg*phi^4/4", "names 'gg', which is neither phi nor a constant (known: phi, g, height)"},
           {"height*exp", "heigt*exp", "Did you mean 'height'?"},
           {"potential", "potencial", "Did you mean 'potential'?"},
           {"n = 64", "n = 63", "n = 63 points: a field needs an even number"},
           {"n = 64", "n = [64, 64]", "box has 1 lengths and n 2 numbers"},
           {"n = 64", "n = 64\nboundary = \"open\"", "boundary = 'open' is not one of periodic, antiperiodic"},
           {"n = 64", "n = 64\ndt = 1", "dt = 1 is too long: the scheme is stable below 0.19"},
           {"n = 64", "n = 64\ntemperature = 0.1", "without damping"},
           {"height*exp(-x^2)", "height*x", "at the seam"}}) {
    const std::string said = refusal(with(line, instead));
    EXPECT_NE(said.find(expected), std::string::npos) << instead << ": " << said;
    EXPECT_NE(said.find("my.toml:"), std::string::npos) << instead << ": " << said;
  }
}

TEST(OwnField, TheDocumentedStudyRunsAndJudges) {
  Study study = read_study(read_toml(MESO_SOURCE_DIR "/docs/own-potential.toml"), model_source());
  study.budget.max = 512;
  const Results results = run_study(resolved(study), {});
  ASSERT_EQ(results.verdicts.size(), 3u);
  for (const Verdict& verdict : results.verdicts) {
    EXPECT_NE(verdict.outcome, Outcome::broken) << verdict.observable;
    EXPECT_NE(verdict.outcome, Outcome::absent) << verdict.observable;
  }
  // The equilibrium levels cannot describe a field that is still cold.
  EXPECT_GE(std::count_if(results.verdicts.begin(), results.verdicts.end(), [](const Verdict& v) { return v.outcome == Outcome::disagrees; }), 2);
}

}  // namespace
}  // namespace meso
