// Delayed reactions against exact laws: what is completed is Poisson with a known mean for every law of the delay (M/G/infinity), an Erlang
// delay is a chain of steps, delayed degradation follows its delay equation.
#include "kits/kinetics/delay.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "kits/kinetics/level_fixture.h"
#include "testing/statistics.h"

namespace meso::kinetics {
namespace {

Answer run(const std::string& level, const Network& network, const Ask& ask, std::uint64_t trajectories = 20000, unsigned threads = 2) {
  return testing::run_level(network, level, ask, {.seed = 17, .threads = threads}, "test/delay", trajectories);
}
Network network(std::vector<std::string> species, std::vector<std::string> reactions, std::map<std::string, double> initial = {}) {
  return NetworkSpec{.species = std::move(species), .reactions = std::move(reactions), .initial = std::move(initial)}.bind({});
}
double integral(const std::function<double(double)>& f, double t) {
  constexpr int n = 4000;
  double sum = 0;
  for (int k = 0; k <= n; ++k) sum += (k == 0 || k == n ? 1 : k % 2 == 1 ? 4 : 2) * t / n / 3 * f(k * t / n);
  return sum;
}

TEST(Delay, CompletionsArePoissonForEveryLawOfTheDelay) {
  // 0 -> D, 4 after T: D(t) is Poisson with mean 4 int_0^t P(T <= s) ds.
  const auto normal_cdf = [](double z) { return std::erfc(-z / std::sqrt(2.0)) / 2; };
  const std::vector<std::pair<std::string, std::function<double(double)>>> laws{
      {"1.5", [](double s) { return s >= 1.5 ? 1.0 : 0.0; }},
      {"exponential(0.8)", [](double s) { return 1 - std::exp(-s / 0.8); }},
      {"gamma(2, 1)", [](double s) { return 1 - std::exp(-2 * s) * (1 + 2 * s); }},
      {"erlang(3, 1.5)", [](double s) { return 1 - std::exp(-2 * s) * (1 + 2 * s + 2 * s * s); }},
      {"uniform(0.5, 2)", [](double s) { return std::clamp((s - 0.5) / 1.5, 0.0, 1.0); }},
      {"log-normal(1, 0.5)",
       [&](double s) {
         const double s2 = std::log(1.25);
         return s > 0 ? normal_cdf((std::log(s) + s2 / 2) / std::sqrt(s2)) : 0;
       }},
      {"normal(1, 0.7)", [&](double s) { return (normal_cdf((s - 1) / 0.7) - normal_cdf(-1 / 0.7)) / (1 - normal_cdf(-1 / 0.7)); }},
      {"two-point(0.5, 2, 0.25)", [](double s) { return s >= 2 ? 1 : s >= 0.5 ? 0.25 : 0.0; }}};
  for (const auto& [law, cdf] : laws) {
    const Ask ask{Times{{0, 1, 3}}, {"D.mean", "D.variance", "D.distribution"}};
    const Answer answer = run("ssa", network({"D"}, {"0 -> D, 4 after " + law}), ask);
    std::vector<MeanCheck> checks, variances;
    for (const std::size_t i : {1u, 2u}) {
      const double mean = 4 * integral(cdf, ask.times()[i]);
      const Estimate &m = *answer.find("D.mean"), &v = *answer.find("D.variance");
      if (mean < 1e-9) {
        EXPECT_EQ(m.value[i], 0) << law;
        continue;
      }
      checks.push_back({mean, m.value[i], m.se(i), law});
      variances.push_back({mean, v.value[i], v.se(i), law + " variance", v.dof});
    }
    EXPECT_TRUE(MeansMatch(checks, 0.2)) << law;
    EXPECT_TRUE(MeansMatch(variances, 1.2)) << law;
    const Estimate& p = *answer.find("D.distribution");
    const double mean = 4 * integral(cdf, 3), width = static_cast<double>(p.axes[1].points.size());
    EXPECT_TRUE(MeansMatch({{std::exp(-mean), p.value[static_cast<std::size_t>(2 * width)], p.se(static_cast<std::size_t>(2 * width)) + 1e-4, law + " nothing yet"}}, 0.05));
  }
}

TEST(Delay, AnErlangDelayIsAChainOfSteps) {
  // 30 molecules leave A one by one and arrive in B after three steps of mean 1/2: the chain is solved by the master equation's means (linear).
  const Network delayed = network({"A", "B"}, {"A -> B, 1 after erlang(3, 1.5)", "B -> 0, 0.3"}, {{"A", 30}});
  const Network chain = network({"A", "S1", "S2", "S3", "B"}, {"A -> S1, 1", "S1 -> S2, 2", "S2 -> S3, 2", "S3 -> B, 2", "B -> 0, 0.3"}, {{"A", 30}});
  const Ask ask{Times{{0.5, 2, 5}}, {"A.mean", "B.mean", "B.variance", "A.B.covariance"}};
  const Answer ssa = run("ssa", delayed, ask), exact = run("lna", chain, ask);  // linear: exact in both moments
  std::vector<MeanCheck> means, seconds;
  for (std::size_t i = 0; i < 3; ++i) {
    for (const char* name : {"A.mean", "B.mean"}) means.push_back({exact.find(name)->value[i], ssa.find(name)->value[i], ssa.find(name)->se(i), name});
    for (const char* name : {"B.variance", "A.B.covariance"}) seconds.push_back({exact.find(name)->value[i], ssa.find(name)->value[i], ssa.find(name)->se(i), name, ssa.find(name)->dof});
  }
  EXPECT_TRUE(MeansMatch(means, 0.2));
  EXPECT_TRUE(MeansMatch(seconds, 1.2));
}

TEST(Delay, ConventionsDifferInWhatIsGoneMeanwhile) {
  // One E, busy while it works: rounds of mean 1/2 + 2, seen after a long time as (share idle) = 0.5 / 2.5. Free: idle always, P grows at the rate 2.
  const Ask ask{Times{{60}}, {"E.mean", "P.mean"}};
  const Answer busy = run("ssa", network({"E", "P"}, {"E -> E + P, 2 after exponential(2) consuming"}, {{"E", 1}}), ask, 10000);
  const Answer free = run("ssa", network({"E", "P"}, {"E -> E + P, 2 after 2"}, {{"E", 1}}), ask, 10000);
  EXPECT_TRUE(MeansMatch({{0.2, busy.find("E.mean")->value[0], busy.find("E.mean")->se(0), "idle"}}, 0.05));
  EXPECT_EQ(free.find("E.mean")->value[0], 1);
  EXPECT_TRUE(MeansMatch({{2 * 58, free.find("P.mean")->value[0], free.find("P.mean")->se(0), "P"}}, 1.2));
  // A -> 0 with a delay: consuming takes it at the start, non-consuming at the end.
  const Ask short_ask{Times{{0.5, 1.5}}, {"A.mean"}};
  const Answer at_once = run("ssa", network({"A"}, {"A -> 0, 1 after 1 consuming"}, {{"A", 10}}), short_ask), later = run("ssa", network({"A"}, {"A -> 0, 1 after 1 non-consuming"}, {{"A", 40}}), short_ask);
  EXPECT_TRUE(MeansMatch({{10 * std::exp(-0.5), at_once.find("A.mean")->value[0], at_once.find("A.mean")->se(0), "t = 0.5"}, {10 * std::exp(-1.5), at_once.find("A.mean")->value[1], at_once.find("A.mean")->se(1), "t = 1.5"}}, 0.1));
  EXPECT_EQ(later.find("A.mean")->value[0], 40);
  EXPECT_TRUE(MeansMatch({{40 - 40 * 0.5, later.find("A.mean")->value[1], later.find("A.mean")->se(1), "t = 1.5"}}, 0.3));  // 40 starts a time during [0, 0.5]
}

TEST(Delay, DelayedDegradationFollowsItsDelayEquationAndSaysWhatDidNotHappen) {
  // Bratsun et al. (2005): dm/dt = k - c m(t - tau) as long as nothing runs out; from x0 by the method of steps on [0, 2 tau].
  const double k = 100, c = 0.5, tau = 1, x0 = 400;
  const Network degrading = network({"X"}, {"0 -> X, 100", "X -> 0, 0.5 after 1 non-consuming"}, {{"X", x0}});
  const auto first = [&](double t) { return x0 + k * t; };                        // t <= tau
  const auto second = [&](double t) { return first(tau) + k * (t - tau) - c * (x0 * (t - tau) + k * (t - tau) * (t - tau) / 2); };
  const Ask ask{Times{{0.7, 1.6, 2}}, {"X.mean"}};
  const Answer answer = run("ssa", degrading, ask, 10000);
  const Estimate& m = *answer.find("X.mean");
  EXPECT_TRUE(MeansMatch({{first(0.7), m.value[0], m.se(0), "0.7"}, {second(1.6), m.value[1], m.se(1), "1.6"}, {second(2), m.value[2], m.se(2), "2"}}, 3));
  EXPECT_TRUE(answer.flags.empty());
  const Answer few = run("ssa", network({"X"}, {"X -> 0, 1 after 5 non-consuming"}, {{"X", 1}}), Ask{Times{{30}}, {"X.mean"}}, 200);
  ASSERT_EQ(few.flags.size(), 1u);
  EXPECT_NE(few.flags[0].text.find("completions of non-consuming delayed reactions that lacked molecules did not happen"), std::string::npos);
}

TEST(Delay, SameBitsForThreadsAndOneByOneAndConservationCountsWhatIsOnItsWay) {
  const Network delayed = network({"A", "B", "C"}, {"A -> B, 1 after gamma(2.5, 1)", "B -> A, 1", "C -> C + A, 0.1 after 1"}, {{"A", 20}, {"C", 1}});
  const Ask ask{Times{{1, 4}}, {"A.mean", "B.variance"}};
  const Answer one = run("ssa", delayed, ask, 300, 1), three = run("ssa", delayed, ask, 300, 3);
  for (const char* name : {"A.mean", "B.variance"}) EXPECT_EQ(one.find(name)->value, three.find(name)->value);
  ASSERT_EQ(delayed.conservation_laws().size(), 1u);  // C alone; not A + B
  EXPECT_EQ(delayed.law_text(delayed.conservation_laws()[0]), "C = 1");
  // In a window, too: on average 30 of 0 -> D, 5 after 2; D -> 0, 1: five.
  const Answer window = run("ssa", network({"D"}, {"0 -> D, 5 after 2", "D -> 0, 1"}), Ask{Stationary{10.0, 20.0}, {"D.mean", "D.variance", "D.extinction.mean"}}, 2000);
  EXPECT_TRUE(MeansMatch({{5, window.find("D.mean")->value[0], window.find("D.mean")->se(0), "mean"}}, 0.2));
  EXPECT_EQ(window.find("D.extinction.mean"), nullptr);
}

TEST(Delay, OtherLevelsRefuseByNameAndExactIsSsa) {
  const Network delayed = network({"A", "B"}, {"A -> B, 1 after 2"}, {{"A", 3}});
  const Ask ask{Times{{1}}, {"A.mean"}};
  for (const char* level : {"next-reaction", "tau-leap", "cle", "hybrid", "fsp", "closure", "lna", "rate-equation"}) {
    try {
      (void)run(level, delayed, ask, 16, 1);
      ADD_FAILURE() << level;
    } catch (const ModelError& error) {
      EXPECT_EQ(std::string(error.what()), std::string(level) + ": reaction 'A -> B, 1 after 2' has a delay: what is on its way is part of the state, which this level does not hold. Levels that have delays: ssa");
    }
  }
  EXPECT_EQ(run("exact", delayed, ask, 16, 1).why, "ssa: reaction 'A -> B, 1 after 2' has a delay");
}

TEST(Delay, WrongLawsAreRefusedWithTheirPlace) {
  const auto refused = [](const std::string& reaction) {
    try {
      (void)NetworkSpec{.species = {"A", "B"}, .reactions = {reaction}, .constants = {{"k", 1}, {"L", 3}}}.bind({});
    } catch (const ModelError& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_EQ(refused("A -> B, k after gamma(2, L/k) consuming"), "");
  EXPECT_EQ(refused("A <-> B, k after 2; = k*B after exponential(L)"), "");
  EXPECT_EQ(refused("A -> B, k after gama(2, 3)"),
            "reaction 1 'A -> B, k after gama(2, 3)': the delay after 'after': unknown law 'gama' in 'gama(2, 3)'. Did you mean 'gamma'?\n  known: fixed(value), exponential(mean), gamma(shape, mean), erlang(steps, mean), "
            "uniform(low, high), log-normal(mean, cv), normal(mean, sd), two-point(a, b, p)");
  EXPECT_EQ(refused("A -> B, k after gamma(2)"), "reaction 1 'A -> B, k after gamma(2)': the delay after 'after': law 'gamma(2)': 1 number given, it is written gamma(shape, mean)");
  EXPECT_EQ(refused("A -> B, k after gamma(0, 2)"), "reaction 'A -> B, k after gamma(0, 2)': the delay: law 'gamma(0, 2)': shape is 0; it must be a number above 0");
  EXPECT_EQ(refused("A -> B, k after -1"), "reaction 'A -> B, k after -1': the delay: law '-1': value is -1; it must be a number >= 0");
  EXPECT_NE(refused("A -> B, k after 2*A").find("reaction 1 'A -> B, k after 2*A': the delay depends on 'A', which is no constant."), std::string::npos);
  EXPECT_NE(refused("A -> B, k after erlang(1.5, 2)").find("steps is 1.5; it must be a whole number above 0"), std::string::npos);
  EXPECT_NE(refused("A -> B, k after ").find("A -> B, k after"), std::string::npos);
  std::string both;
  try {
    (void)NetworkSpec{.species = {"A", "B"}, .reactions = {"A -> A + burst(3) B, 1", "B -> A, 1 after 2"}}.bind({});
  } catch (const ModelError& error) {
    both = error.what();
  }
  EXPECT_EQ(both, "reaction 'B -> A, 1 after 2' has a delay and reaction 'A -> A + burst(3) B, 1' has a burst; no level has both in one network");
}

}  // namespace
}  // namespace meso::kinetics
