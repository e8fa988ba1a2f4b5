// [neuron] in a study file: wrong tables are refused with their place.
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
[neuron]
matrix = [[0, 0.5], [-0.5, 0]]
time = "discrete"
gain = "erf"
sigma = 1
[stationary]
burn-in = 10
window = 100
[reference]
level = "network"
[[candidate]]
level = "linear-equivalent"
[compare]
observables = ["phi.covariance"]
relative = 0.1
)";

std::string with(const std::string& line, const std::string& instead) { return changed(good, line, instead); }

TEST(OwnNeuron, WrongTablesAreRefusedWithTheirPlace) {
  EXPECT_EQ(refusal(good), "");
  const std::string matrix = "matrix = [[0, 0.5], [-0.5, 0]]";
  for (const auto& [line, instead, place, expected] : std::vector<std::array<std::string, 4>>{
           {matrix, "", "my.toml:", "needs either couplings = \"file\" or matrix"},
           {matrix, matrix + "\ncouplings = \"own-couplings.csv\"", "my.toml:4", "and not both"},
           {matrix, "matrix = [[0, 0.5], [-0.5]]", "my.toml:4", "row 2 of the coupling matrix has 1 entries, row 1 has 2"},
           {matrix, "matrix = [[0, 0.5]]", "my.toml:4", "not square: 1 rows of 2"},
           {matrix, "matrix = [[1]]", "my.toml:", "N = 1"},
           {matrix, "matrix = [[0, \"a\"], [1, 2]]", "my.toml:4", "row 1, entry 2 of matrix is"},
           {matrix, "matrix = 3", "my.toml:4", "expected rows of numbers"},
           {matrix, "couplings = \"no-such.csv\"", "my.toml:4", "no-such.csv"},
           {matrix, "couplings = \"own-sde.toml\"", "my.toml:4", "is no number"},
           {matrix, matrix + "\nscales = 2", "my.toml:5", "Did you mean 'scale'?"},
           {"\"discrete\"", "\"discret\"", "my.toml:5", "Did you mean 'discrete'?"},
           {"gain = \"erf\"", "gain = \"ef\"", "my.toml:6", "has the variable 'ef'"},
           {"gain = \"erf\"", "gain = \"erf\"\ndt = 0.1", "my.toml:7", "discrete time has steps of 1"},
           {"sigma = 1", "sigma = -1", "my.toml:7", "sigma is -1; it must be at least 0"}}) {
    const std::string said = refusal(with(line, instead));
    EXPECT_NE(said.find(expected), std::string::npos) << instead << ": " << said;
    EXPECT_NE(said.find(place), std::string::npos) << instead << ": " << said;
  }
}

TEST(OwnNeuron, AFileThatHasChangedSinceTheStudyWasResolvedIsRefused) {
  const std::string text = changed(good, "matrix = [[0, 0.5], [-0.5, 0]]", "couplings = \"own-couplings.csv\"\ncouplings-hash = \"0\"");
  EXPECT_NE(refusal(text).find("is not what it was when this study was resolved"), std::string::npos);
  EXPECT_EQ(refusal(changed(text, "couplings-hash = \"0\"\n", "")), "");
}

}  // namespace
}  // namespace meso
