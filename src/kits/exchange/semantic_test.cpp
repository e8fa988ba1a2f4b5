// The semantic cases of the SBML Test Suite (tests/data/sbml-semantic) through the level `rate-equation`, each within its own tolerances:
// |value - expected| <= absolute + relative |expected| at every point of every variable, as the suite judges.
#include <gtest/gtest.h>

#include "exec/engine.h"
#include "kits/exchange/sbml.h"
#include "kits/exchange/semantic_fixture.h"
#include "kits/kinetics/process_system.h"

namespace meso::exchange {
namespace {

class Semantic : public ::testing::TestWithParam<std::string> {};

TEST_P(Semantic, CaseIsWithinItsTolerances) {
  const auto suite = std::filesystem::path(MESO_TEST_DATA) / "sbml-semantic";
  const testing::SuiteCase expected = testing::suite_case(suite, GetParam());
  for (const char* version : {"l3v1", "l3v2"}) {
    SCOPED_TRACE(version);
    const System system = kinetics::process_system(read_sbml(expected.model(version)), "model", "case");
    const Case model = system.bind({});
    const Level& level = model.level("rate-equation");
    Ask ask{.when = Times{expected.times}};
    std::vector<std::size_t> column;
    for (std::size_t k = 0; k < expected.columns.size(); ++k)
      if (model.knows(expected.columns[k] + ".mean")) {
        ask.observables.push_back(expected.columns[k] + ".mean");
        column.push_back(k);
      }
    // What is no observable is a constant: a parameter or compartment, compared as it stands.
    for (std::size_t k = 0; k < expected.columns.size(); ++k) {
      if (std::find(column.begin(), column.end(), k) != column.end()) continue;
      const auto constant = model.parameters.find(expected.columns[k]);
      ASSERT_NE(constant, model.parameters.end()) << expected.columns[k];
      for (const auto& row : expected.rows) EXPECT_NEAR(as_number(constant->second), row[k], 1e-12 * std::abs(row[k]));
    }
    LevelRun run({.seed = 1, .threads = 1}, "test");
    const Answer answer = level.run(ask, run);
    EXPECT_TRUE(answer.flags.empty()) << answer.flags.front().text;
    ASSERT_EQ(answer.estimates.size(), column.size());
    double worst = 0;
    for (std::size_t j = 0; j < column.size(); ++j)
      for (std::size_t i = 0; i < expected.times.size(); ++i) {
        const std::string& name = expected.columns[column[j]];
        const double value = answer.estimates[j].value[i];  // an amount; case 00467 asks for concentrations, in a compartment of size 1
        const double wanted = expected.rows[i][column[j]], allowed = expected.number("absolute") + expected.number("relative") * std::abs(wanted);
        worst = std::max(worst, std::abs(value - wanted) / allowed);
        EXPECT_NEAR(value, wanted, allowed) << name << " at t = " << expected.times[i];
      }
    RecordProperty(std::string("worst_") + version, std::to_string(worst));
  }
}

INSTANTIATE_TEST_SUITE_P(Suite, Semantic, ::testing::ValuesIn(testing::suite_ids(std::filesystem::path(MESO_TEST_DATA) / "sbml-semantic")));

}  // namespace
}  // namespace meso::exchange
