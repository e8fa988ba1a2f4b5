// Langevin, Fokker-Planck and linear noise against the exact Gaussian law: the verdicts of the studies must be the right ones.
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <string>

#include "base/error.h"
#include "io/toml.h"
#include "model/system.h"
#include "study/study_file.h"
#include "testing/measured.h"

namespace meso::systems::ornstein_uhlenbeck {
System system();
namespace {

Results run(const std::string& file, std::uint64_t trajectories = 0, unsigned threads = 2) {
  Study study = resolved(read_study(read_toml(std::string(MESO_SOURCE_DIR "/systems/stochastic/ornstein-uhlenbeck/studies/") + file), [](const ModelRequest&) { return system(); }));
  if (trajectories) study.budget.first = study.budget.max = trajectories;
  return run_study(study, {.threads = threads});
}

std::map<std::string, Verdict> verdicts(const Results& results) {
  std::map<std::string, Verdict> found;
  for (const Verdict& v : results.verdicts) found[v.label + " " + v.observable] = v;
  return found;
}

TEST(OrnsteinUhlenbeck, ExactLevelIsTheTransitionLaw) {
  const Results results = run("relaxation.toml", 64);
  const Answer& exact = results.points.at(0).reference()->answer;
  const std::vector<double> times{0, 0.25, 0.5, 1, 2, 4};
  for (std::size_t i = 0; i < times.size(); ++i) {
    EXPECT_NEAR(exact.find("x.mean")->value[i], 2 * std::exp(-times[i]), 1e-8);
    EXPECT_NEAR(exact.find("x.variance")->value[i], 0.5 * (1 - std::exp(-2 * times[i])), 1e-8);
  }
}

TEST(OrnsteinUhlenbeck, EveryLevelAgreesWithTheExactLaw) {
  const auto found = verdicts(run("relaxation.toml"));
  ASSERT_EQ(found.size(), 9u);
  for (const auto& [entry, v] : found) {
    EXPECT_EQ(v.outcome, Outcome::agrees) << entry << ": " << v.reason;
    measured("ornstein-uhlenbeck", "study relaxation, largest discrepancy over margin: " + entry, v.high, 0, "at most 1: agrees with the exact Gaussian law");
  }
}

TEST(OrnsteinUhlenbeck, LongEulerStepsAreToldWrongOrUndecidedAndShortOnesAgree) {
  const Results results = run("coarse-steps.toml");
  const auto found = verdicts(results);
  EXPECT_EQ(found.at("euler-0.01 x.variance").outcome, Outcome::agrees) << found.at("euler-0.01 x.variance").reason;
  EXPECT_EQ(found.at("platen x.variance").outcome, Outcome::agrees) << found.at("platen x.variance").reason;
  EXPECT_EQ(found.at("euler-0.5 x.variance").outcome, Outcome::disagrees);
  EXPECT_EQ(found.at("euler-0.5 x.distribution").outcome, Outcome::agrees) << "a wider Gaussian is nearer than 10 % in distribution";
  // The same scheme with its step error as a bound knows that it does not know.
  EXPECT_EQ(found.at("euler-0.25-bounded x.variance").outcome, Outcome::undecided);
  EXPECT_NE(found.at("euler-0.25-bounded x.variance").reason, "");
  // The chain's own variance: (1 - q^{2n}) s / (1 - q^2) with q = 1 - s, s the step.
  const Estimate& e = *results.points.at(0).find("euler-0.5")->answer.find("x.variance");
  const double chain = 0.5 * (1 - std::pow(0.5, 32)) / (1 - 0.25);
  EXPECT_NEAR(e.value[2], chain, 6.5 * e.std_error[2]);
  measured("ornstein-uhlenbeck", "variance at t = 8 of Euler-Maruyama with step 0.5", e.value[2], e.std_error[2], chain, "variance of the discrete chain; the process has 0.5");
}

TEST(OrnsteinUhlenbeck, SameBitsOnOneTwoAndThreeThreads) {
  const Results one = run("relaxation.toml", 300, 1);
  for (const unsigned threads : {2u, 3u}) {
    const Results many = run("relaxation.toml", 300, threads);
    EXPECT_EQ(many.points[0].find("langevin")->answer.find("x.variance")->value, one.points[0].find("langevin")->answer.find("x.variance")->value);
  }
}

TEST(OrnsteinUhlenbeck, RefusesANoiseBelowItsRange) {
  try {
    (void)system().bind({{"sigma", Value(-1.0)}});
    ADD_FAILURE() << "accepted";
  } catch (const ParameterError& error) {
    EXPECT_NE(std::string(error.what()).find("sigma"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace meso::systems::ornstein_uhlenbeck
