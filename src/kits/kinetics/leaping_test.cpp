#include "kits/kinetics/leaping.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "exec/engine.h"
#include "kits/kinetics/ssa_fixture.h"
#include "testing/statistics.h"

namespace meso::kinetics {
namespace {

Answer run(const Level& level, const std::vector<double>& times, std::vector<std::string> observables, std::uint64_t n, Table options = {}, unsigned threads = 2) {
  Ask ask{.when = Times{times}, .observables = std::move(observables)};
  ask.options = resolve(level.info.options, options, level.info.name);
  LevelRun engine({.seed = 11, .threads = threads}, "test/" + level.info.name);
  engine.set_trajectories(n);
  return level.run(ask, engine);
}

TEST(TauLeap, KeepsCountsWholeAndNotNegativeAndConservesWhatTheReactionsDo) {
  // Few molecules of A meet many of B: critical reactions, rejected leaps and exact steps all happen.
  const Network network = NetworkSpec{.species = {"A", "B", "C"}, .reactions = {"A + B -> C, 1e-4", "C -> A + B, 0.5", "2A -> A, 0.01"}, .initial = {{"A", 200}, {"B", 20000}}}.bind({});
  const Leaping leaping(network, Leaping::Kind::tau, {});
  std::vector<double> times;
  for (int i = 0; i <= 40; ++i) times.push_back(0.25 * i);
  for (std::uint64_t id = 0; id < 40; ++id) {
    std::size_t seen = 0;
    (void)leaping.run_path(times, Stream(3, id, "test/leap").fast(), [&](std::size_t i, std::span<const double> x) {
      EXPECT_EQ(i, seen++);
      for (const double n : x) {
        EXPECT_GE(n, 0);
        EXPECT_EQ(n, std::floor(n));
      }
      EXPECT_EQ(x[1] + x[2], 20000);
    }, 1000000);
    EXPECT_EQ(seen, times.size());
  }
}

TEST(TauLeap, LeapsOverManyReactionsWhereManyMoleculesAre) {
  const Network network = NetworkSpec{.species = {"X"}, .reactions = {"0 -> X, 100000", "X -> 0, 1"}, .initial = {{"X", 100000}}}.bind({});
  const Leaping leaping(network, Leaping::Kind::tau, {});
  const std::vector<double> times{10};
  const SsaResult result = leaping.run_path(times, Stream(3, 0, "test/leap").fast(), [](std::size_t, std::span<const double>) {}, 10000000);
  EXPECT_LT(result.events, 50000u);  // two million reactions
  EXPECT_FALSE(result.runaway);
}

TEST(TauLeap, FallsBackToExactStepsAmongFewMolecules) {
  // Twenty molecules: no leap pays, so the law is exact; birth and death, Poisson at the end.
  const Level level = tau_leap_level(NetworkSpec{.species = {"X"}, .reactions = {"0 -> X, 5", "X -> 0, 1"}}.bind({}));
  const Answer answer = run(level, {0, 1, 8}, {"X.mean", "X.variance"}, 4000);
  std::vector<MeanCheck> checks;
  for (const std::size_t i : {1u, 2u}) {
    const double mean = 5 * (1 - std::exp(-std::vector<double>{0, 1, 8}[i]));
    checks.push_back({mean, answer.estimates[0].value[i], std::sqrt(mean / 4000), "mean"});
    checks.push_back({mean, answer.estimates[1].value[i], std::sqrt((mean + 2 * mean * mean) / 4000), "variance"});
  }
  EXPECT_TRUE(MeansMatch(checks, 1.5));
}

TEST(Langevin, HasTheMeansAndVariancesOfLinearNetworks) {
  // With linear rates the chemical Langevin equation has the exact first two moments; the step control leaves an error of its own, below 1 %.
  const Level level = langevin_level(NetworkSpec{.species = {"X"}, .reactions = {"0 -> X, 1000", "X -> 0, 1"}}.bind({}));
  for (const char* positivity : {"truncated-rates", "reflected"}) {
    const Answer answer = run(level, {0.5, 6}, {"X.mean", "X.variance"}, 4000, {{"positivity", Value(positivity)}});
    for (const std::size_t i : {0u, 1u}) {
      const double mean = 1000 * (1 - std::exp(-std::vector<double>{0.5, 6}[i]));
      EXPECT_NEAR(answer.estimates[0].value[i], mean, 0.01 * mean + 6.5 * std::sqrt(mean / 4000)) << positivity;
      EXPECT_NEAR(answer.estimates[1].value[i], mean, 0.03 * mean + 6.5 * mean * std::sqrt(2.0 / 4000)) << positivity;
    }
  }
}

TEST(Leaping, GivesTheSameBitsForAnyThreadsAndRefusesWhatItCannotDo) {
  const Level level = tau_leap_level(testing::schlogl(100, 300));
  const Answer one = run(level, {0.5, 1}, {"X.mean", "X.variance"}, 100, {}, 1), three = run(level, {0.5, 1}, {"X.mean", "X.variance"}, 100, {}, 3);
  EXPECT_EQ(one.estimates[0].value, three.estimates[0].value);
  EXPECT_EQ(one.estimates[1].value, three.estimates[1].value);
  const auto message = [](const NetworkSpec& spec) -> std::string {
    try {
      const Leaping leaping(spec.bind({}), Leaping::Kind::tau, {});
    } catch (const ModelError& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_NE(message({.species = {"X"}, .reactions = {"0 -> X, = 1 + sin(t)"}}).find("tau-leap: reaction '0 -> X, = 1 + sin(t)': the propensity depends on the time t"), std::string::npos);
  EXPECT_NE(message({.species = {"X"}, .reactions = {"0 -> burst(2) X, 1"}}).find("bursts are not simulated in leaps"), std::string::npos);
}

}  // namespace
}  // namespace meso::kinetics
