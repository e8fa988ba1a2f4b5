// [sde] in a study file: wrong tables are refused with their place. The documented studies run in sde_study_test.cpp.
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "apps/models/own_model_fixture.h"

namespace meso {
namespace {

using namespace testing;

const char* const good = R"toml([study]
title = "test"
[sde]
variables = ["x", "v"]
interpretation = "ito"
drift = { x = "v", v = "-k*x - g*v" }
diffusion = { x = 0, v = "sqrt(2*g)" }
constants = { k = 1, g = 0.5 }
initial = { x = 1 }
initial-sd = { v = 0.5 }
domain = { x = [-50, inf] }
[times]
from = 0
to = 1
count = 2
[reference]
level = "fokker-planck"
[[candidate]]
level = "linear-noise"
[compare]
observables = ["x.mean"]
relative = 0.1
)toml";

std::string with(const std::string& line, const std::string& instead) { return changed(good, line, instead); }

TEST(OwnSde, WrongTablesAreRefusedWithTheirPlace) {
  EXPECT_EQ(refusal(good), "");
  for (const auto& [line, instead, place, expected] : std::vector<std::array<std::string, 4>>{
           {"variables = [\"x\", \"v\"]", "", "my.toml:3", "variables"},
           {"variables = [\"x\", \"v\"]", "variables = []", "my.toml:4", "no variables"},
           {"variables = [\"x\", \"v\"]", "variables = [\"x\", \"t\"]", "my.toml:4", "'t' is the time"},
           {"variables = [\"x\", \"v\"]", "variables = [\"x\", \"x\", \"v\"]", "my.toml:4", "'x' is given twice"},
           {"variables = [\"x\", \"v\"]", "variables = [\"2x\", \"v\"]", "my.toml:4", "'2x' is not a name"},
           {"interpretation = \"ito\"", "", "my.toml:3", "interpretation"},
           {"interpretation = \"ito\"", "interpretation = \"stratonovitch\"", "my.toml:5", "Did you mean 'stratonovich'?"},
           {"v = \"-k*x - g*v\"", "v = \"-k*y - g*v\"", "my.toml:6", "'y' in '-k*y - g*v' is neither a variable nor a constant"},
           {"v = \"-k*x - g*v\"", "v = \"-k*x - g*\"", "my.toml:6", "drift.v"},
           {"v = \"-k*x - g*v\"", "v = \"log(v)\"", "my.toml:6", "not finite at the initial point"},
           {", v = \"-k*x - g*v\"", "", "my.toml:6", "no drift is given for variable 'v'"},
           {"x = \"v\"", "x = \"v\", vv = \"1\"", "my.toml:6", "drift is given for 'vv', which is not a variable. Did you mean 'v'?"},
           {"x = 0, v = \"sqrt(2*g)\"", "v = \"sqrt(2*g)\"", "my.toml:7", "no diffusion is given for variable 'x'"},
           {"x = 0, v = \"sqrt(2*g)\"", "x = 0, v = [\"1\", \"2\"]", "my.toml:7", "mixes single amplitudes"},
           {"x = 0, v = \"sqrt(2*g)\"", "x = [\"1\"], v = [\"1\", \"2\"]", "my.toml:7", "diffusion.v has 2 amplitudes, that of 'x' has 1"},
           {"constants = { k = 1", "constants = { x = 1, k = 1", "my.toml:8", "constant 'x' has the name of a variable"},
           {"constants = { k = 1", "constants = { x0 = 1, k = 1", "my.toml:8", "has the name of the initial value of 'x'"},
           {"initial = { x = 1 }", "initial = { y = 1 }", "my.toml:9", "initial is given for 'y'"},
           {"initial-sd = { v = 0.5 }", "initial-sd = { v = -0.5 }", "my.toml:10", "a standard deviation is not negative"},
           {"x = [-50, inf]", "x = [50, -50]", "my.toml:11", "domain.x = [50, -50] is empty"},
           {"x = [-50, inf]", "x = [2, inf]", "my.toml:", "x starts at 1, outside its domain [2, inf]"},
           {"x = [-50, inf]", "x = [-50]", "my.toml:11", "expected two numbers"},
           {"domain = { x = [-50, inf] }", "domains = { x = [-50, 50] }", "my.toml:11", "Did you mean 'domain'?"},
           {"observables = [\"x.mean\"]", "observables = [\"x.median\"]", "", "x.median"},
           {"level = \"fokker-planck\"", "level = \"langevin\"\nscheme = \"heum\"", "my.toml:", "heun"},
           {"level = \"fokker-planck\"", "level = \"langevin\"\nstep = -1", "my.toml:", "step"},
       }) {
    const std::string message = refusal(with(line, instead));
    EXPECT_NE(message.find(place), std::string::npos) << instead << " -> " << message;
    EXPECT_NE(message.find(expected), std::string::npos) << instead << " -> " << message;
  }
}

TEST(OwnSde, ConstantsAndInitialValuesAreParameters) {
  const Study study = read_study(parse_toml(good, "my.toml"), model_source());
  std::vector<std::string> names;
  for (const ParameterInfo& p : study.system.parameters) names.push_back(p.name);
  EXPECT_EQ(names, (std::vector<std::string>{"g", "k", "x0", "v0", "v0_sd"}));
}

TEST(OwnSde, MoreThanTwoVariablesHaveNoFokkerPlanckLevel) {
  std::string text = with("variables = [\"x\", \"v\"]", "variables = [\"x\", \"v\", \"w\"]");
  text.replace(text.find("x = \"v\""), 7, "w = \"-w\", x = \"v\"");
  text.replace(text.find("x = 0,"), 6, "w = 0, x = 0,");
  EXPECT_NE(refusal(text).find("fokker-planck"), std::string::npos);
}

}  // namespace
}  // namespace meso
