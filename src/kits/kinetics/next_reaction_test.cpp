#include "kits/kinetics/next_reaction.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "exec/engine.h"
#include "kits/kinetics/fsp.h"
#include "kits/kinetics/ssa_fixture.h"
#include "kits/kinetics/ssa_level.h"
#include "testing/statistics.h"

namespace meso::kinetics {
namespace {

Answer run(const Level& level, const Ask& question, std::uint64_t n, unsigned threads = 2) {
  Ask ask = question;
  ask.options = resolve(level.info.options, {}, level.info.name);
  LevelRun engine({.seed = 21, .threads = threads}, "test/" + level.info.name);
  if (n > 0) engine.set_trajectories(n);
  return level.run(ask, engine);
}

TEST(IndexedQueue, HasTheSmallestKeyInFrontAfterAnyChanges) {
  Stream rng(1, 0, "test/queue");
  for (const std::size_t n : {1u, 2u, 3u, 17u, 200u}) {
    std::vector<double> keys(n);
    for (double& key : keys) key = rng.uniform();
    IndexedQueue queue(keys);
    for (int k = 0; k < 2000; ++k) {
      EXPECT_EQ(queue.key(queue.front()), *std::min_element(keys.begin(), keys.end()));
      const std::size_t item = k % 3 == 0 ? queue.front() : rng.below(n);
      const double key = k % 7 == 0 ? std::numeric_limits<double>::infinity() : k % 11 == 0 ? keys[rng.below(n)] : rng.uniform();
      keys[item] = key;
      queue.change(item, key);
      EXPECT_EQ(queue.key(item), key);
    }
  }
}

struct Example {
  const char* name;
  NetworkSpec spec;
  std::vector<double> times;
  std::string observed;
};

std::vector<Example> examples() {
  return {{"dimer", {.species = {"X"}, .reactions = {"0 -> X, 1", "2X -> 0, 1"}, .volume = 10, .initial = {{"X", 30}}}, {0.02, 0.3, 4}, "X"},
          // Propensities vanish and come back: the rest of an exponential must survive that.
          {"telegraph", {.species = {"G", "P"}, .reactions = {"G <-> 0, 0.7; 0", "0 -> G, = 0.5*(1 - G)", "G -> G + P, 8", "P -> 0, 1", "P + G -> G, 0.3"}}, {0.5, 2, 6}, "P"},
          {"bursts", {.species = {"M", "P"}, .reactions = {"0 -> M, 2", "M -> 0, 1", "M -> M + burst(3) P, 0.5", "P -> 0, 0.5"}}, {1, 4}, "P"}};
}

TEST(NextReaction, HasTheLawOfTheMasterEquation) {
  // Mean and variance at several times, and the whole distribution at the last one, in three networks; false failures 3e-9.
  for (const Example& e : examples()) {
    const Network network = e.spec.bind({});
    const Ask moments{.when = Times{e.times}, .observables = {e.observed + ".mean", e.observed + ".variance", e.observed + ".distribution"}, .target_error = 1e-8};
    const Answer exact = run(fsp_level(network), moments, 0);
    const std::uint64_t n = 20000;
    const Answer got = run(next_reaction_level(network), moments, n);
    std::vector<MeanCheck> checks;
    for (std::size_t k = 0; k < 2; ++k)
      for (std::size_t i = 0; i < e.times.size(); ++i)
        checks.push_back({exact.estimates[k].value[i] / exact.estimates[k].value.back(), got.estimates[k].value[i] / exact.estimates[k].value.back(),
                          got.estimates[k].std_error[i] / exact.estimates[k].value.back(), std::string(e.name) + (k == 0 ? " mean" : " variance") + " at " + std::to_string(e.times[i])});
    EXPECT_TRUE(MeansMatch(checks, 0.3)) << e.name;
    const Estimate &law = exact.estimates[2], &counted = got.estimates[2];
    const std::size_t width = law.axes.back().points.size(), other = counted.axes.back().points.size(), last = e.times.size() - 1;
    double distance = 0, p = 0, q = 0;
    for (std::size_t m = 0; m < std::max(width, other); ++m) {
      if (m < width) p += law.value[last * width + m];
      if (m < other) q += counted.value[last * other + m];
      distance = std::max(distance, std::abs(p - q));
    }
    EXPECT_LT(distance, std::sqrt(std::log(2 / 1e-9) / (2.0 * static_cast<double>(n)))) << e.name;  // the band is 0.023: larger errors are seen
  }
}

TEST(NextReaction, HasTheTimeAveragesOfTheDirectMethod) {
  // Stationary dimer: both levels over the same window, from the same law.
  const Network network = examples()[0].spec.bind({});
  const Ask ask{.when = Stationary{2, 20}, .observables = {"X.mean", "X.variance"}};
  const Answer a = run(next_reaction_level(network), ask, 2000), b = run(ssa_level(network), ask, 2000);
  std::vector<MeanCheck> checks;
  for (std::size_t k = 0; k < 2; ++k) checks.push_back({b.estimates[k].value[0], a.estimates[k].value[0], std::hypot(a.estimates[k].std_error[0], b.estimates[k].std_error[0]), k == 0 ? "mean" : "variance"});
  EXPECT_TRUE(MeansMatch(checks, 0.3));
}

TEST(NextReaction, EndsWhereNothingCanHappenAndStopsWhatExplodes) {
  const std::vector<double> times{0, 1, 50};
  std::vector<double> seen;
  const auto see = [&](std::size_t, std::span<const double> x) { seen.push_back(x[0]); };
  const SsaResult dead = NextReaction(NetworkSpec{.species = {"X"}, .reactions = {"X -> 0, 1"}, .initial = {{"X", 5}}}.bind({})).run_path(times, Stream(1, 0, "test").fast(), see);
  EXPECT_TRUE(dead.absorbed);
  EXPECT_EQ(dead.events, 5u);
  EXPECT_EQ(seen.size(), 3u);
  EXPECT_EQ(seen.front(), 5);
  EXPECT_EQ(seen.back(), 0);
  const SsaResult explosion = NextReaction(NetworkSpec{.species = {"X"}, .reactions = {"2X -> 3X, 1"}, .initial = {{"X", 10}}}.bind({})).run_path(times, Stream(1, 0, "test").fast(), see);
  EXPECT_TRUE(explosion.runaway);
  EXPECT_LT(explosion.t, 1);
  const SsaResult cut = NextReaction(testing::schlogl(10, 30)).run_path(times, Stream(1, 0, "test").fast(), see, 1000);
  EXPECT_TRUE(cut.runaway);
  EXPECT_EQ(cut.events, 1000u);
}

TEST(NextReaction, ShowsEveryEventToWhoWatches) {
  // Pure death of five: six states, and the time of the last one is a maximum of five exponentials, of mean 1 + 1/2 + ... + 1/5.
  const Network network = NetworkSpec{.species = {"X"}, .reactions = {"X -> 0, 1"}, .initial = {{"X", 5}}}.bind({});
  const NextReaction simulator(network);
  std::vector<double> seen;
  (void)simulator.run_watch(1000, Stream(1, 0, "test").fast(), [&](double, std::span<const double> x) {
    seen.push_back(x[0]);
    return false;
  });
  EXPECT_EQ(seen, (std::vector<double>{5, 4, 3, 2, 1, 0}));
  const Answer answer = run(next_reaction_level(network), {.when = Times{{1, 60}}, .observables = {"X.extinction.mean"}}, 20000);
  ASSERT_EQ(answer.estimates.size(), 1u);
  EXPECT_TRUE(MeansMatch({{1 + 0.5 + 1.0 / 3 + 0.25 + 0.2, answer.estimates[0].value.back(), answer.estimates[0].std_error.back(), "extinction"}}, 0.1));
}

TEST(NextReaction, GivesTheSameBitsForAnyThreadsAndRefusesRatesOfTheTime) {
  const Ask ask{.when = Times{{0.5, 1}}, .observables = {"X.mean", "X.variance"}};
  const Level level = next_reaction_level(testing::schlogl(10, 30));
  const Answer one = run(level, ask, 100, 1), three = run(level, ask, 100, 3);
  EXPECT_EQ(one.estimates[0].value, three.estimates[0].value);
  EXPECT_EQ(one.estimates[1].value, three.estimates[1].value);
  try {
    const NextReaction refused(NetworkSpec{.species = {"X"}, .reactions = {"0 -> X, = 1 + sin(t)"}}.bind({}));
    FAIL() << "accepted";
  } catch (const ModelError& error) {
    EXPECT_NE(std::string(error.what()).find("next-reaction: reaction '0 -> X, = 1 + sin(t)': the propensity depends on the time t"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace meso::kinetics
