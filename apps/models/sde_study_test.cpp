// The documented studies of users' own stochastic differential equations run and give the right verdicts.
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "apps/models/model_source.h"
#include "io/toml.h"
#include "study/study.h"
#include "study/study_file.h"

namespace meso {
namespace {

std::map<std::string, Outcome> outcomes(const std::string& file, const std::map<std::string, double>& parameters = {}) {
  Study study = read_study(read_toml(std::string(MESO_SOURCE_DIR) + "/docs/" + file), model_source());
  for (const auto& [name, value] : parameters) study.parameters[name] = Value(value);
  std::map<std::string, Outcome> found;
  for (const Verdict& v : run_study(resolved(study), {}).verdicts) found[v.label + " " + v.observable] = v.outcome;
  return found;
}

TEST(OwnSde, TheDocumentedDoubleWellTellsTheDensityFromTheOneWell) {
  const std::map<std::string, Outcome> found = outcomes("own-sde.toml");
  ASSERT_EQ(found.size(), 9u);
  for (const auto& [entry, outcome] : found) EXPECT_EQ(outcome, entry.starts_with("linear-noise") ? Outcome::disagrees : Outcome::agrees) << entry;
  // With weak noise the particle stays in its well for these times, and the expansion holds.
  const std::map<std::string, Outcome> weak = outcomes("own-sde.toml", {{"sigma", 0.05}, {"x0", 1}});
  for (const auto& [entry, outcome] : weak) EXPECT_EQ(outcome, Outcome::agrees) << entry;
}

TEST(OwnSde, OnTheDocumentedLinearProcessEveryLevelMeetsTheExactLaw) {
  const std::map<std::string, Outcome> found = outcomes("own-sde-linear.toml");
  ASSERT_EQ(found.size(), 18u);
  for (const auto& [entry, outcome] : found) EXPECT_EQ(outcome, Outcome::agrees) << entry;
}

}  // namespace
}  // namespace meso
