// The documented studies that judge leaps (tau-leap, cle, hybrid) against exact simulation run and give the right verdicts, at reduced cost.
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "apps/models/model_source.h"
#include "io/toml.h"
#include "study/study.h"
#include "study/study_file.h"

namespace meso {
namespace {

Study study_of(const std::string& network) { return read_study(read_toml(std::string(MESO_SOURCE_DIR) + "/docs/leaps-" + network + ".toml"), model_source()); }

/// Fewer trajectories resolve wider margins.
std::map<std::string, Outcome> outcomes(Study study, std::uint64_t trajectories, double margin_of_means, double margin_of_variances) {
  study.budget = {trajectories, trajectories};
  study.criterion = {.relative = margin_of_means};
  for (const std::string& observable : study.observables)
    if (observable.ends_with(".variance")) study.overrides[observable] = {.relative = margin_of_variances};
  std::map<std::string, Outcome> found;
  for (const Verdict& v : run_study(resolved(study), {.threads = 2}).verdicts) found[v.label + " " + v.observable] = v.outcome;
  return found;
}

TEST(LeapStudies, EveryLevelOfLeapsAgreesOnTheDimerisingDecay) {
  const std::map<std::string, Outcome> found = outcomes(study_of("stochkit-dimer"), 4096, 0.05, 0.3);
  ASSERT_EQ(found.size(), 24u);
  for (const auto& [entry, outcome] : found) {  // the variances need the study's 131,072 trajectories at its 5 %
    if (entry.ends_with(".mean")) { EXPECT_EQ(outcome, Outcome::agrees) << entry; }
    else { EXPECT_NE(outcome, Outcome::disagrees) << entry; }
  }
}

TEST(LeapStudies, TauLeapIsOfferedOnTheDimerisingDecayWhereItIsFaster) {
  // At the default epsilon exact simulation in lanes is as fast; leaps of 0.2 give the same verdicts (above) and pay.
  Study study = study_of("stochkit-dimer");
  study.budget = {64, 64};
  study.observables = {"S1.mean"};
  for (LevelRequest& level : study.levels) level.options.erase("offer");
  const Results results = run_study(resolved(study), {});
  std::map<std::string, std::size_t> answered;
  for (const LevelResult& level : results.points[0].levels) answered[level.label] = level.answer.estimates.size();
  EXPECT_EQ(answered.at("tau-leap"), 0u);
  EXPECT_EQ(answered.at("tau-leap-0.2"), 1u);
  for (const Verdict& v : results.verdicts)
    if (v.label == "tau-leap") { EXPECT_EQ(v.outcome, Outcome::absent); }
}

TEST(LeapStudies, TauLeapIsNotOfferedOnTheHeatShockResponse) {
  Study study = study_of("stochkit-hs");
  study.kind = Study::Kind::run;
  study.reference.reset();
  study.overrides.clear();
  study.budget = {16, 16};
  study.observables = {"S1.mean"};
  study.levels = {LevelRequest{"tau-leap"}, LevelRequest{"hybrid"}};
  const Results results = run_study(resolved(study), {});
  const Answer &tau = results.points[0].levels[0].answer, &hybrid = results.points[0].levels[1].answer;
  EXPECT_TRUE(tau.estimates.empty());
  ASSERT_EQ(tau.flags.size(), 1u);
  EXPECT_EQ(tau.flags[0].kind, "not-offered");
  EXPECT_NE(tau.flags[0].text.find("no leap would hold 10 of them"), std::string::npos) << tau.flags[0].text;
  EXPECT_EQ(hybrid.estimates.size(), 1u);
  ASSERT_FALSE(hybrid.flags.empty());
  EXPECT_NE(hybrid.flags.back().text.find("this level is 'ssa' here"), std::string::npos) << hybrid.flags.back().text;
}

TEST(LeapStudies, LeapsAgreeOnTheTwoBasinsOfTheSchloeglModel) {
  const std::map<std::string, Outcome> found = outcomes(study_of("stochkit-schlogl"), 4096, 0.2, 0.3);  // 2,848 are what the skewness of the variance's signal asks for
  ASSERT_EQ(found.size(), 8u);
  for (const auto& [entry, outcome] : found) EXPECT_EQ(outcome, Outcome::agrees) << entry;
}

}  // namespace
}  // namespace meso
