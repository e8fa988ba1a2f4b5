#include "kits/kinetics/leaping.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "exec/engine.h"
#include "kits/kinetics/ssa_fixture.h"
#include "testing/statistics.h"

namespace meso::kinetics {
namespace {

Answer run(const Level& level, const std::vector<double>& times, std::vector<std::string> observables, std::uint64_t n, Table options = {}, unsigned threads = 2) {
  Ask ask{.when = Times{times}, .observables = std::move(observables)};
  if (level.info.name == "tau-leap" && !options.contains("offer")) options["offer"] = Value("always");
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

TEST(TauLeap, IsOfferedWhereItIsFasterThanExactSimulation) {
  // The same network with few and with many molecules; the rule is static, so the answer is the same for every seed and machine.
  const auto isomers = [](double n) { return NetworkSpec{.species = {"A", "B"}, .reactions = {"A <-> B, 1; 0.5"}, .initial = {{"A", n}}}.bind({}); };
  const Table offer{{"offer", Value("when-faster")}};
  const Answer refused = run(tau_leap_level(isomers(300)), {1, 5}, {"A.mean"}, 64, offer);
  EXPECT_TRUE(refused.estimates.empty());
  ASSERT_EQ(refused.flags.size(), 1u);
  EXPECT_EQ(refused.flags[0].kind, "not-offered");
  EXPECT_FALSE(refused.flags[0].fatal);
  for (const char* part : {"tau-leap is not offered here: exact simulation is about", "reactions per trajectory, simulated in lanes; a leap would hold", "Use level 'ssa', a larger epsilon, or offer = \"always\""})
    EXPECT_NE(refused.flags[0].text.find(part), std::string::npos) << refused.flags[0].text;
  EXPECT_EQ(run(tau_leap_level(isomers(300)), {1, 5}, {"A.mean"}, 64, {{"offer", Value("always")}}).estimates.size(), 1u);
  EXPECT_EQ(run(tau_leap_level(isomers(1e6)), {1, 5}, {"A.mean"}, 64, offer).estimates.size(), 1u);
  const Level level = tau_leap_level(isomers(300));
  Ask ask{.when = Times{{1, 5}}, .observables = {"A.mean"}};
  ask.options = resolve(level.info.options, {}, level.info.name);
  ASSERT_EQ(level.plan(ask).size(), 1u);
  EXPECT_EQ(level.plan(ask)[0], refused.flags[0].text);
}

bool says(const Answer& answer, const std::string& kind, const std::string& part) {
  return std::any_of(answer.flags.begin(), answer.flags.end(), [&](const Flag& flag) { return flag.kind == kind && flag.text.find(part) != std::string::npos; });
}

TEST(Langevin, WarnsWhereAmountsFallBelowZero) {
  const auto network = [](double birth) { return NetworkSpec{.species = {"X"}, .reactions = {"0 -> X, b", "X -> 0, 1"}, .constants = {{"b", birth}}}.bind({{"X0", std::round(birth)}}); };
  EXPECT_TRUE(says(run(langevin_level(network(1)), {10}, {"X.mean"}, 64), "small-counts", "(X down to -"));
  EXPECT_FALSE(says(run(langevin_level(network(1000)), {10}, {"X.mean"}, 64), "small-counts", ""));
}

NetworkSpec gene() {  // a gene of one copy, many proteins, and dimers that conserve them
  return {.species = {"G", "P", "D"}, .reactions = {"G -> 0, 0.6", "0 -> G, = 0.4*(1 - G)", "2P -> D, 1e-3", "D -> 2P, 1", "G + D -> D, 1e-5"}, .initial = {{"G", 1}, {"P", 4000}}};
}

TEST(Hybrid, LeapsOverFastReactionsAndFiresSlowOnesOneAtATime) {
  const Network network = gene().bind({});
  const Leaping leaping(network, Leaping::Kind::hybrid, {});
  std::vector<double> times;
  for (int i = 0; i <= 20; ++i) times.push_back(0.5 * i);
  std::size_t switched = 0;
  for (std::uint64_t id = 0; id < 20; ++id) {
    LeapTally tally;
    double before = 1;
    (void)leaping.run_path(times, Stream(3, id, "test/hybrid").fast(), [&](std::size_t, std::span<const double> x) {
      EXPECT_TRUE(x[0] == 0 || x[0] == 1) << "the gene is whole";
      EXPECT_NEAR(x[1] + 2 * x[2], 4000, 1e-6) << "the proteins are conserved";
      EXPECT_GT(x[1], 0);
      switched += x[0] != before;
      before = x[0];
    }, 10'000'000, &tally);
    EXPECT_GT(tally.leaped, 10000);
    EXPECT_LT(tally.leaps, 5000u);
    EXPECT_GT(tally.singles + tally.exact, 0u);
  }
  EXPECT_GT(switched, 20u);
}

TEST(Hybrid, IsExactAmongFewMoleculesAndSaysSo) {
  // No species reaches 100 molecules: counts are whole, and the law is that of birth and death.
  const Network network = NetworkSpec{.species = {"X"}, .reactions = {"0 -> X, 20", "X -> 0, 1"}}.bind({});
  const Leaping leaping(network, Leaping::Kind::hybrid, {});
  const std::vector<double> times{0.5, 1, 5};
  for (std::uint64_t id = 0; id < 20; ++id)
    (void)leaping.run_path(times, Stream(3, id, "test/hybrid").fast(), [&](std::size_t, std::span<const double> x) { EXPECT_EQ(x[0], std::floor(x[0])); }, 1000000);
  const Answer answer = run(hybrid_level(network), {8}, {"X.mean", "X.variance"}, 4000);
  const double mean = 20 * (1 - std::exp(-8.0));
  EXPECT_TRUE(MeansMatch({{mean, answer.estimates[0].value[0], std::sqrt(mean / 4000), "mean"}, {mean, answer.estimates[1].value[0], std::sqrt((mean + 2 * mean * mean) / 4000), "variance"}}, 4.5));
  EXPECT_TRUE(says(answer, "note", "no reaction was fast"));
  EXPECT_TRUE(says(run(hybrid_level(gene().bind({})), {5}, {"P.mean"}, 64), "note", "% of the reactions in leaps"));
}

TEST(Hybrid, CrossesItsThresholdWithoutABias) {
  // Decay from 1,000 to 20: the reaction is fast above 100 molecules and exact below, where counts must be whole again.
  const Network network = NetworkSpec{.species = {"X"}, .reactions = {"X -> 0, 1"}, .initial = {{"X", 1000}}}.bind({});
  const Leaping leaping(network, Leaping::Kind::hybrid, {});
  const std::vector<double> times{4};
  (void)leaping.run_path(times, Stream(3, 1, "test/hybrid").fast(), [&](std::size_t, std::span<const double> x) { EXPECT_EQ(x[0], std::floor(x[0])); }, 1000000);
  const double p = std::exp(-4.0), mean = 1000 * p, variance = mean * (1 - p);
  const Answer answer = run(hybrid_level(network), {4}, {"X.mean", "X.variance"}, 20000);
  EXPECT_TRUE(MeansMatch({{mean, answer.estimates[0].value[0], answer.estimates[0].std_error[0], "mean"}, {variance, answer.estimates[1].value[0], answer.estimates[1].std_error[0], "variance"}}, 2));
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
