// First-passage and extinction times against closed forms: linear birth-death (Kendall 1948), pure death, gambler's ruin.
#include "kits/kinetics/passage.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "kits/kinetics/condition.h"
#include "kits/kinetics/level_fixture.h"
#include "kits/kinetics/observables.h"
#include "kits/kinetics/ssa_level.h"
#include "testing/statistics.h"

namespace meso::kinetics {
namespace {

Network linear(double birth, double death, std::int64_t n0) {
  return NetworkSpec{.species = {"X"}, .reactions = {"X -> 2X, b", "X -> 0, d"}, .constants = {{"b", birth}, {"d", death}}, .initial = {{"X", static_cast<double>(n0)}}}.bind({});
}
/// P(extinct by t), Kendall (1948), doi:10.1214/aoms/1177730285.
double extinct(double b, double d, double n0, double t) { return std::pow(b == d ? b * t / (1 + b * t) : d * (std::exp((b - d) * t) - 1) / (b * std::exp((b - d) * t) - d), n0); }

Answer run(const std::string& level, const Network& network, const Ask& ask, std::uint64_t trajectories = 4000, unsigned threads = 1) {
  return testing::run_level(network, level, ask, {.seed = 5, .threads = threads}, "test/passage", trajectories);
}
const Flag* censored(const Answer& answer, const std::string& observable) {
  for (const Flag& flag : answer.flags)
    if (flag.kind == "censored" && flag.observable == observable) return &flag;
  return nullptr;
}

TEST(Condition, IsReadAsItIsWritten) {
  const auto value = [](const char* text, double x, double y) { return num::Program(parse_condition(text), std::vector<std::string>{"X", "Y"})(std::vector<double>{x, y}); };
  EXPECT_EQ(value("X >= 20", 20, 0), 1);
  EXPECT_EQ(value("X > 20", 20, 0), 0);
  EXPECT_EQ(value("X + Y < 3 or X == 7 and Y != 1", 7, 2), 1);
  EXPECT_EQ(value("X + Y < 3 or X == 7 and Y != 1", 7, 1), 0);
  EXPECT_EQ(value("(X < 3 or X == 7) and Y <= 1", 7, 2), 0);
  EXPECT_EQ(value("(X + 1)*2 <= Y", 1, 4), 1);
  EXPECT_EQ(value("le(X, Y)", 1, 4), 1);
  const auto refused = [](const char* text) {
    try {
      (void)parse_condition(text);
    } catch (const ModelError& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_EQ(refused("X + 2"), "condition 'X + 2': 'X + 2' compares nothing; write it like 'X >= 20'");
  EXPECT_EQ(refused("1 < X < 3"), "condition '1 < X < 3': '1 < X < 3' has 2 comparisons; join them by 'and' or 'or'");
  EXPECT_EQ(refused("X = 3"), "condition 'X = 3': '=' is no comparison; known: < <= > >= == !=");
  EXPECT_EQ(refused("X > 3 and"), "condition 'X > 3 and': something is missing beside 'and' or 'or', or all of it");
  EXPECT_EQ(refused("X >"), "condition 'X >': nothing stands on one side of '>'");
}

TEST(Extinction, OfALinearBirthDeathProcessIsTheClosedFormOnBothLevels) {
  for (const auto& [b, d, n0] : {std::tuple{1.0, 2.0, 3}, {1.0, 1.0, 2}, {1.5, 1.0, 4}}) {
    const Ask ask{Times{{0, 0.5, 1, 2, 4}}, {"X.extinction.probability", "X.extinction.restricted-mean"}};
    const Answer fsp = run("fsp", linear(b, d, n0), ask), ssa = run("ssa", linear(b, d, n0), ask);
    const Estimate &pf = *fsp.find("X.extinction.probability"), &ps = *ssa.find("X.extinction.probability");
    EXPECT_EQ(pf.bound_kind, BoundKind::certified);
    EXPECT_TRUE(pf.is_exact(0) && ps.is_exact(0));
    std::vector<MeanCheck> checks, times;
    double integral = 0;  // of the survival, by Simpson
    const std::vector<double>& at = ask.times();
    for (std::size_t i = 1; i < at.size(); ++i) {
      const double exact = extinct(b, d, n0, at[i]);
      EXPECT_NEAR(pf.value[i], exact, 1e-8) << at[i];
      EXPECT_LE(std::abs(pf.value[i] - exact), pf.bound(i) + 1e-12) << at[i];
      checks.push_back({exact, ps.value[i], ps.se(i), "t = " + std::to_string(at[i])});
      constexpr int n = 400;
      const double h = (at[i] - at[i - 1]) / n;
      for (int k = 0; k <= n; ++k) integral += (k == 0 || k == n ? 1 : k % 2 == 1 ? 4 : 2) * h / 3 * (1 - extinct(b, d, n0, at[i - 1] + k * h));
      EXPECT_NEAR(fsp.find("X.extinction.restricted-mean")->value[i], integral, 1e-7);
      times.push_back({integral, ssa.find("X.extinction.restricted-mean")->value[i], ssa.find("X.extinction.restricted-mean")->se(i), "restricted mean"});
    }
    EXPECT_TRUE(MeansMatch(checks, 0.08));
    EXPECT_TRUE(MeansMatch(times, 0.3));
  }
}

TEST(Extinction, TimeOfPureDeathHasHarmonicMean) {
  // The last of n independent exponential lives: mean H_n / d, variance sum 1 / (k d)^2.
  const Network death = NetworkSpec{.species = {"X"}, .reactions = {"X -> 0, 2"}, .initial = {{"X", 5}}}.bind({});
  double mean = 0, variance = 0;
  for (int k = 1; k <= 5; ++k) {
    mean += 1 / (2.0 * k);
    variance += 1 / (4.0 * k * k);
  }
  const Ask ask{Times{{0, 10, 20}}, {"X.extinction.mean", "X.extinction.variance", "X.extinction.conditional-mean"}};
  const Answer fsp = run("fsp", death, ask), ssa = run("ssa", death, ask, 20000, 2);
  for (const Answer* answer : {&fsp, &ssa}) {
    const Estimate& m = *answer->find("X.extinction.mean");
    EXPECT_TRUE(m.axes.empty());
    EXPECT_EQ(m.size(), 1u);
    EXPECT_TRUE(answer->flags.empty());
    EXPECT_TRUE(std::isnan(answer->find("X.extinction.conditional-mean")->value[0]));
  }
  EXPECT_NEAR(fsp.find("X.extinction.mean")->value[0], mean, 1e-8);
  EXPECT_NEAR(fsp.find("X.extinction.variance")->value[0], variance, 1e-7);
  EXPECT_LE(std::abs(fsp.find("X.extinction.mean")->value[0] - mean), fsp.find("X.extinction.mean")->bound(0));
  const Estimate &m = *ssa.find("X.extinction.mean"), &v = *ssa.find("X.extinction.variance");
  EXPECT_TRUE(MeansMatch({{mean, m.value[0], m.se(0), "mean"}}, 0.05));
  EXPECT_TRUE(MeansMatch({{variance, v.value[0], v.se(0), "variance", v.dof}}, 0.1));
}

TEST(Extinction, OfAGrowingPopulationIsCensoredAndNeverABareMean) {
  // Birth 2, death 1: extinct for ever with probability 1/2; those that are, are so like a process with the two rates exchanged.
  const Network growing = linear(2, 1, 1);
  const Ask ask{Times{{2, 5}}, {"X.extinction.mean", "X.extinction.variance", "X.extinction.conditional-mean", "X.extinction.probability"}};
  const auto integral = [](double t) {  // of the probability up to t, by Simpson
    constexpr int n = 2000;
    double sum = 0;
    for (int k = 0; k <= n; ++k) sum += (k == 0 || k == n ? 1 : k % 2 == 1 ? 4 : 2) * t / n / 3 * extinct(2, 1, 1, k * t / n);
    return sum;
  };
  for (const char* level : {"fsp", "ssa"}) {
    const Answer answer = run(level, growing, ask, 2000);
    for (const char* name : {"X.extinction.mean", "X.extinction.variance"}) {
      EXPECT_TRUE(std::isnan(answer.find(name)->value[0])) << level;
      ASSERT_NE(censored(answer, name), nullptr) << level;
      EXPECT_TRUE(censored(answer, name)->fatal);
      EXPECT_NE(censored(answer, name)->text.find("arriv"), std::string::npos);
      EXPECT_NE(censored(answer, name)->text.find("by t = 5"), std::string::npos);
    }
    const Estimate& c = *answer.find("X.extinction.conditional-mean");
    for (const std::size_t i : {0u, 1u}) {
      const double t = ask.times()[i], exact = t - integral(t) / extinct(2, 1, 1, t);
      if (c.std_error.empty()) EXPECT_NEAR(c.value[i], exact, 1e-6);
      else EXPECT_TRUE(MeansMatch({{exact, c.value[i], c.se(i), "conditional mean", c.dof}}, 0.25));
    }
  }
}

TEST(Passage, GamblersRuinHasItsProbabilityAndItsDuration) {
  // A walk with rates p up and q down that stops at 0: wins (reaches N) with probability (1 - r^x) / (1 - r^N), r = q / p, and plays for
  // (x - N win) / (q - p); Feller, An Introduction to Probability Theory, vol. 1, ch. XIV.
  const double p = 1, q = 1.3, N = 8, x0 = 5, r = q / p;
  NetworkSpec spec{.species = {"X"}, .reactions = {"X -> 2X, = p*min(X, 1)", "X -> 0, = q*min(X, 1)"}, .constants = {{"p", p}, {"q", q}, {"N", N}}, .initial = {{"X", x0}}, .passages = {{"win", "X >= N"}, {"end", "X <= 0 or X >= N"}}};
  const double win = (1 - std::pow(r, x0)) / (1 - std::pow(r, N)), duration = (x0 - N * win) / (q - p);
  const Network network = spec.bind({});
  const Ask ask{Times{{0, 400}}, {"win.passage.probability", "end.passage.mean", "win.passage.mean"}};
  const Answer fsp = run("fsp", network, ask), ssa = run("ssa", network, ask, 20000, 2), next = run("next-reaction", network, ask, 20000, 2);
  EXPECT_NEAR(fsp.find("win.passage.probability")->value[1], win, 1e-7);
  EXPECT_NEAR(fsp.find("end.passage.mean")->value[0], duration, 1e-6 * duration);
  for (const Answer* answer : {&ssa, &next}) {
    const Estimate &w = *answer->find("win.passage.probability"), &d = *answer->find("end.passage.mean");
    EXPECT_TRUE(MeansMatch({{win, w.value[1], w.se(1), "win"}}, 0.03));
    EXPECT_TRUE(MeansMatch({{duration, d.value[0], d.se(0), "duration"}}, 0.6));
  }
  EXPECT_NE(censored(ssa, "win.passage.mean"), nullptr);
  EXPECT_NE(censored(fsp, "win.passage.mean"), nullptr);
  // A passage that holds at the start has happened at t = 0.
  const Answer at_once = run("ssa", spec.bind({{"N", 5}}), ask, 100);
  EXPECT_EQ(at_once.find("win.passage.mean")->value[0], 0);
}

TEST(Passage, IsSeenInProcessesTooWithTheSameBitsOnAnyNumberOfThreads) {
  // Deaths at the rate t: the time of the first is Rayleigh with mean sqrt(pi / 2).
  const Network rayleigh = NetworkSpec{.species = {"X"}, .reactions = {"X -> 0, = t*X"}, .initial = {{"X", 1}}}.bind({});
  const Ask ask{Times{{0, 1, 12}}, {"X.extinction.mean", "X.extinction.probability", "X.mean"}};
  const Answer one = run("ssa", rayleigh, ask, 10000), three = run("ssa", rayleigh, ask, 10000, 3);
  const Estimate &m = *one.find("X.extinction.mean"), &p = *one.find("X.extinction.probability");
  EXPECT_TRUE(MeansMatch({{std::sqrt(std::acos(-1.0) / 2), m.value[0], m.se(0), "Rayleigh mean"}}, 0.06));
  EXPECT_TRUE(MeansMatch({{1 - std::exp(-0.5), p.value[1], p.se(1), "P(T <= 1)"}}, 0.05));
  // The same trajectories as those of the mean: extinct is to have none.
  EXPECT_NEAR(1 - p.value[1], one.find("X.mean")->value[1], 1e-12);
  EXPECT_EQ(m.value, three.find("X.extinction.mean")->value);
  EXPECT_EQ(m.std_error, three.find("X.extinction.mean")->std_error);
}

TEST(Passage, IsRefusedWhereALeapWouldStepOverIt) {
  const Network network = NetworkSpec{.species = {"X"}, .reactions = {"0 -> X, 400", "X -> 0, 2"}, .initial = {{"X", 150}}, .passages = {{"up", "X >= 220"}}}.bind({});
  for (const char* level : {"tau-leap", "cle", "hybrid"}) {
    Ask ask{Times{{0, 1, 2}}, {"up.passage.probability", "X.extinction.mean", "X.mean"}};
    if (std::string(level) == "tau-leap") ask.options["offer"] = Value("always");
    const Answer answer = run(level, network, ask, 16);
    EXPECT_NE(answer.find("X.mean"), nullptr) << level;
    EXPECT_EQ(answer.find("up.passage.probability"), nullptr) << level;
    std::vector<std::string> texts;
    for (const Flag& flag : answer.flags)
      if (flag.kind == "not-offered") texts.push_back(flag.observable + ": " + flag.text);
    ASSERT_EQ(texts.size(), 2u) << level;
    EXPECT_EQ(texts[0], "up.passage.probability: up.passage.probability is not given: a passage within a leap, or while a quantity moves with the time, would not be seen. Levels that see every reaction: ssa, next-reaction; "
                        "fsp has it without trajectories");
  }
}

TEST(Passage, WrongConditionsAreRefusedByName) {
  const auto refused = [](const char* name, const char* text) {
    try {
      NetworkSpec{.species = {"Xa"}, .reactions = {"Xa -> 0, k"}, .constants = {{"k", 1}}, .passages = {{name, text}}}.check();
    } catch (const ModelError& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_EQ(refused("up", "Xb > 3"), "passage 'up': unknown name 'Xb' in 'Xb > 3'. Did you mean 'Xa'?\n  known: Xa, k");
  EXPECT_EQ(refused("up", "t > 3"), "passage 'up': 't > 3' depends on the time t; a passage is a condition of the state");
  EXPECT_EQ(refused("up", "Xa + 3"), "passage 'up': condition 'Xa + 3': 'Xa + 3' compares nothing; write it like 'X >= 20'");
  EXPECT_EQ(refused("u.p", "Xa > 3"), "passage 'u.p': a name is one word without '.'");
  EXPECT_EQ(refused("up", "Xa > 3*k"), "");
  const Network network = NetworkSpec{.species = {"X"}, .reactions = {"X -> 0, 1"}, .passages = {{"up", "X > 3"}}}.bind({});
  for (const char* none : {"down.passage.mean", "X.passage.mean", "up.extinction.mean", "up.passage.median", "up.mean"}) EXPECT_FALSE(observable_info(network, none)) << none;
  EXPECT_EQ(observable_info(network, "up.passage.mean")->unit, "1");
}

}  // namespace
}  // namespace meso::kinetics
