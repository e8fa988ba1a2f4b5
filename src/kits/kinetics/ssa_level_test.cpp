#include "kits/kinetics/ssa_level.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "exec/engine.h"
#include "kits/kinetics/ladder.h"
#include "kits/kinetics/observables.h"
#include "kits/kinetics/ssa_fixture.h"
#include "testing/statistics.h"

namespace meso::kinetics {
namespace {

using testing::schlogl;

Network cascade() { return NetworkSpec{.species = {"M", "P"}, .reactions = {"0 -> M, 2", "M -> 0, 1", "M -> M + P, 5", "P -> 0, 0.2"}}.bind({}); }
Network birth_death(double birth, std::int64_t initial) {
  return NetworkSpec{.species = {"X"}, .reactions = {"0 -> X, b", "X -> 0, 1"}, .constants = {{"b", birth}}}.bind({{"X0", static_cast<double>(initial)}});
}

Answer run(const Network& network, const Ask& ask, std::uint64_t trajectories, unsigned threads = 1, std::function<double()> slow_time = {}) {
  LevelRun engine({.seed = 11, .threads = threads}, "test/ssa");
  engine.set_trajectories(trajectories);
  return ssa_level(network, std::move(slow_time)).run(ask, engine);
}
const Flag* flag_of(const Answer& answer, const std::string& kind) {
  for (const Flag& flag : answer.flags)
    if (flag.kind == kind) return &flag;
  return nullptr;
}

TEST(Observables, AreDefinedOnceWithUnitFormulaAndScale) {
  const Network network = cascade();
  std::vector<std::string> names;
  for (const ObservableInfo& info : default_observables(network)) names.push_back(info.name);
  EXPECT_EQ(names, (std::vector<std::string>{"M.mean", "M.variance", "P.mean", "P.variance"}));
  const auto covariance = observable_info(network, "P.M.covariance");
  ASSERT_TRUE(covariance);
  EXPECT_EQ(covariance->scale.kind, Scale::Kind::sqrt_product);
  EXPECT_EQ(covariance->scale.of, (std::vector<std::string>{"P.variance", "M.variance"}));
  const auto third = observable_info(network, "M.cumulant3");
  EXPECT_EQ(third->scale.kind, Scale::Kind::power);
  EXPECT_EQ(third->scale.power, 1.5);
  EXPECT_EQ(third->unit, "molecules^3");
  for (const char* none : {"M", "Q.mean", "M.men", "M.M.covariance", "M.Q.covariance", "M.P.mean", ""}) EXPECT_FALSE(observable_info(network, none)) << none;
}

TEST(SsaLevel, GivesEveryObservableOfAPoissonLawAndMarksTheStartExact) {
  // Immigration and death from nothing: X(t) is Poisson with mean 8 (1 - e^-t), all its cumulants are the mean.
  Ask ask{Times{{0, 0.5, 3}}, {"X.mean", "X.variance", "X.cumulant3", "X.cumulant4", "X.fano", "X.cv", "X.distribution", "X.nothing"}};
  const Answer answer = run(birth_death(8, 0), ask, 40000, 2);
  ASSERT_EQ(answer.estimates.size(), 7u);
  std::vector<MeanCheck> checks;
  for (const auto& [name, f] : std::vector<std::pair<std::string, std::function<double(double)>>>{{"X.mean", [](double m) { return m; }},
                                                                                                  {"X.variance", [](double m) { return m; }},
                                                                                                  {"X.fano", [](double) { return 1.0; }},
                                                                                                  {"X.cv", [](double m) { return 1 / std::sqrt(m); }}}) {
    const Estimate& estimate = *answer.find(name);
    EXPECT_EQ(estimate.samples, 40000u);
    EXPECT_TRUE(estimate.is_exact(0));
    EXPECT_FALSE(estimate.is_exact(1));
    for (const std::size_t i : {1u, 2u}) checks.push_back({f(8 * (1 - std::exp(-ask.times()[i]))), estimate.value[i], estimate.se(i), name, estimate.dof});
  }
  EXPECT_TRUE(MeansMatch(checks, 0.8));
  const Estimate& third = *answer.find("X.cumulant3");
  EXPECT_TRUE(MeansMatch({{8 * (1 - std::exp(-0.5)), third.value[1], third.se(1), "cumulant3", third.dof}}, 1));
  const Estimate& fourth = *answer.find("X.cumulant4");
  EXPECT_TRUE(MeansMatch({{8 * (1 - std::exp(-0.5)), fourth.value[1], fourth.se(1), "cumulant4", fourth.dof}}, 5));
  for (const char* name : {"X.mean", "X.variance", "X.cumulant3", "X.cumulant4"}) {
    EXPECT_EQ(answer.find(name)->value[0], 0) << name;
    EXPECT_EQ(answer.find(name)->se(0), 0) << name;
  }

  const Estimate& law = *answer.find("X.distribution");
  EXPECT_TRUE(law.is_distribution);
  const std::size_t width = law.axes.back().points.size();
  ASSERT_EQ(law.value.size(), 3 * width);
  double cdf = 0, exact = 0, distance = 0;
  const double mean = 8 * (1 - std::exp(-3.0));
  for (std::size_t n = 0; n < width; ++n) {
    cdf += law.value[2 * width + n];
    exact += std::exp(-mean + static_cast<double>(n) * std::log(mean) - std::lgamma(static_cast<double>(n) + 1));
    distance = std::max(distance, std::abs(cdf - exact));
  }
  EXPECT_NEAR(cdf, 1, 1e-12);
  EXPECT_LT(distance, std::sqrt(std::log(2e9) / (2.0 * 40000)));  // Dvoretzky-Kiefer-Wolfowitz at 1e-9
  EXPECT_EQ(flag_of(answer, "truncated"), nullptr);
  ASSERT_FALSE(answer.paths.empty());
  EXPECT_EQ(answer.paths[0].signal, "X");
}

TEST(SsaLevel, GivesTheSameBitsForAnyThreadsAndForOneTrajectoryAlone) {
  const Ask ask{Times{{0, 1, 5}}, {"X.mean", "X.variance", "X.distribution"}};
  const Answer one = run(schlogl(10, 0), ask, 3000, 1);
  for (const unsigned threads : {2u, 3u}) {
    const Answer other = run(schlogl(10, 0), ask, 3000, threads);
    for (std::size_t e = 0; e < one.estimates.size(); ++e) {
      EXPECT_EQ(one.estimates[e].value, other.estimates[e].value);
      EXPECT_EQ(one.estimates[e].std_error, other.estimates[e].std_error);
    }
  }
  for (const Path& path : one.paths) {
    LevelRun engine({.seed = 11}, "test/ssa");
    engine.set_solo(path.trajectory);
    const Answer alone = ssa_level(schlogl(10, 0)).run(ask, engine);
    ASSERT_FALSE(alone.paths.empty());
    EXPECT_EQ(alone.paths[0].value, path.value) << path.trajectory;
  }
}

TEST(SsaLevel, ConservedAndIdleSpeciesAreExact) {
  const Network network = NetworkSpec{.species = {"A", "B", "E"}, .reactions = {"A + E <-> B + E, 1; 2"}}.bind({{"A0", 12}, {"E0", 2}});
  const Answer answer = run(network, {Times{{0, 1}}, {"A.mean", "E.mean", "E.variance", "A.E.covariance", "A.B.covariance", "A.variance"}}, 2000);
  EXPECT_EQ(answer.find("E.mean")->value, (std::vector<double>{2, 2}));
  EXPECT_TRUE(answer.find("E.mean")->is_exact(1));
  EXPECT_TRUE(answer.find("A.E.covariance")->is_exact(1));
  EXPECT_FALSE(answer.find("A.mean")->is_exact(1));
  EXPECT_NEAR(answer.find("A.B.covariance")->value[1], -answer.find("A.variance")->value[1], 1e-9) << "A + B = 12";
  EXPECT_EQ(answer.find("A.mean")->signal_range[1], 12) << "conservation bounds the signal";
}

TEST(SsaLevel, StationaryAveragesAreThoseOfTheLawAndBothGroupsAgree) {
  const Ask ask{Stationary{}, {"M.mean", "P.mean", "M.variance", "P.variance", "M.P.covariance", "P.fano"}};
  const Answer answer = run(cascade(), ask, 512, 2, [] { return 5.0; });  // slow time: the protein's lifetime
  const auto check = [&](const std::string& name, double exact) {
    const Estimate& e = *answer.find(name);
    return MeanCheck{exact / e.se(0), e.value[0] / e.se(0), 1, name, e.dof};
  };
  // In units of each one's own error, which must itself be small: below 3 % of the value.
  EXPECT_TRUE(MeansMatch({check("M.mean", 2), check("P.mean", 50), check("M.variance", 2), check("P.variance", 258.3333333333333), check("M.P.covariance", 8.333333333333333),
                          check("P.fano", 5.166666666666667)}, 12));
  for (const Estimate& estimate : answer.estimates) {
    EXPECT_LT(estimate.se(0), 0.03 * estimate.value[0]) << estimate.observable;
    EXPECT_TRUE(estimate.axes.empty());
  }
  EXPECT_EQ(flag_of(answer, "not-mixed"), nullptr);
  EXPECT_NE(flag_of(answer, "note"), nullptr) << "the windows chosen by default are said";
}

TEST(SsaLevel, ABistableNetworkThatCannotCrossIsReportedAsNotMixed) {
  // Schlögl at volume 100 leaves its basin once in about 528 time units; 15 are far too few.
  const Answer answer = run(schlogl(100, 0), {Stationary{5, 10}, {"X.mean"}}, 64);
  const Flag* flag = flag_of(answer, "not-mixed");
  ASSERT_NE(flag, nullptr);
  EXPECT_FALSE(flag->fatal);
  EXPECT_NE(flag->text.find("from X = 0 and"), std::string::npos) << flag->text;
  EXPECT_NE(flag->text.find("from X = 3"), std::string::npos) << "the other stable state lies near 300: " << flag->text;
  // At volume 5 (gap 1.27) the same question is mixed.
  EXPECT_EQ(flag_of(run(schlogl(5, 0), {Stationary{10, 40}, {"X.mean"}}, 256), "not-mixed"), nullptr);
}

TEST(SsaLevel, DispersedStartsKeepWhatIsConserved) {
  const Network gene = NetworkSpec{.species = {"G", "Gb", "P"},
                                   .reactions = {"G + P -> Gb, 0.004", "Gb -> G + P, 0.25", "G -> G + P, 60", "Gb -> Gb + P, 25", "P -> 0, 1"},
                                   .initial = {{"G", 1}}}.bind({});
  const std::vector<double> typical{0.5, 0.5, 44};
  const auto start = dispersed_state(gene, typical);
  EXPECT_EQ(start[0] + start[1], 1);
  EXPECT_GT(start[2], 100);
  const auto pairs = dispersed_state(NetworkSpec{.species = {"X"}, .reactions = {"0 -> 2X, 10", "2X -> 0, 1"}}.bind({{"X0", 1}}), std::vector<double>{4});
  EXPECT_EQ(pairs[0] % 2, 1) << "parity is conserved";
}

TEST(SsaLevel, AnExplosiveNetworkIsFlaggedWithItsTime) {
  const Network network = NetworkSpec{.species = {"X"}, .reactions = {"2X -> 3X, 1"}}.bind({{"X0", 5}});
  const Answer answer = run(network, {Times{{0, 0.01, 10}}, {"X.mean"}}, 8);
  const Flag* flag = flag_of(answer, "diverged");
  ASSERT_NE(flag, nullptr);
  EXPECT_TRUE(flag->fatal);
  EXPECT_EQ(flag->where.at("t"), 10);
  EXPECT_TRUE(std::isnan(answer.find("X.mean")->value[2]));
  EXPECT_GT(answer.find("X.mean")->value[1], 5);
}

TEST(SsaLevel, ATruncatedDistributionSaysSo) {
  // A rare path: 1 in 200 trajectories bursts to 3000 molecules, which 16 pilot trajectories are unlikely to see (fixed stream: they do not).
  const Network network = NetworkSpec{.species = {"A", "X"}, .reactions = {"A -> 1000X, 0.001", "A -> 0, 0.2", "0 -> X, 5", "X -> 0, 1"}}.bind({{"A0", 1}});
  const Answer answer = run(network, {Times{{1, 2}}, {"X.distribution"}}, 4000);
  const Flag* flag = flag_of(answer, "truncated");
  ASSERT_NE(flag, nullptr);
  EXPECT_FALSE(flag->fatal);
  EXPECT_EQ(flag->observable, "X.distribution");
}

TEST(SsaLevel, TheMeasuredSlowTimeIsTheRelaxationTime) {
  // Immigration-death relaxes at rate 1. The integrated autocorrelation time of 100 of them has an error of about 20 %.
  const SlowTime slow = measured_slow_time(Ssa(birth_death(20, 0)));
  EXPECT_TRUE(slow.resolved);
  EXPECT_NEAR(slow.value, 1, 0.35);
  // The protein's lifetime dominates the cascade, also from a start far away. The sum over lags of its correlation is
  // 5.2: the mRNA adds its own memory.
  EXPECT_NEAR(measured_slow_time(Ssa(cascade())).value, 5.2, 2);
  EXPECT_FALSE(measured_slow_time(Ssa(NetworkSpec{.species = {"X"}, .reactions = {"X -> 0, 1"}}.bind({{"X0", 3}}))).resolved);
}

TEST(SsaLevel, SimulatesRatesThatDependOnTheTime) {
  // 0 -> X at rate 1 + sin(t): X(t) is Poisson with mean t + 1 - cos(t).
  const Network clock = NetworkSpec{.species = {"X"}, .reactions = {"0 -> X, = 1 + sin(t)"}}.bind({});
  const Level level = ssa_level(clock);
  LevelRun engine({}, "test/ssa");
  engine.set_trajectories(4000);
  const std::vector<double> times{0.5, 2, 5};
  const Answer answer = level.run({Times{times}, {"X.mean", "X.variance"}}, engine);
  std::vector<MeanCheck> checks;
  for (std::size_t i = 0; i < times.size(); ++i) {
    const double mean = times[i] + 1 - std::cos(times[i]);
    checks.push_back({mean, answer.estimates[0].value[i], std::sqrt(mean / 4000), "mean"});
    checks.push_back({mean, answer.estimates[1].value[i], std::sqrt((mean + 2 * mean * mean) / 4000), "variance"});
  }
  EXPECT_TRUE(MeansMatch(checks, 1.2));
}

TEST(SsaLevel, DrawsInitialCountsWhereALawIsGiven) {
  // Decay from a Poisson number stays Poisson; from a fixed one it is binomial. Every level that draws sees the former.
  const NetworkSpec spec{.species = {"X", "Y"}, .reactions = {"X -> 0, 1"}, .initial = {{"X", 60}, {"Y", 9}}, .initial_law = {{"X", "poisson"}}};
  const std::vector<double> times{0, 0.7};
  for (const Level& level : ladder(spec.bind({}))) {
    Ask ask{.when = Times{times}, .observables = {"X.mean", "X.variance", "Y.variance"}};
    ask.options = resolve(level.info.options, {}, level.info.name);
    LevelRun engine({.seed = 21, .threads = 2}, "test/" + level.info.name);
    engine.set_trajectories(4000);
    const Answer answer = level.run(ask, engine);
    if (level.info.name == "tau-leap" && answer.estimates.empty()) continue;  // not offered where exact steps are cheaper
    std::vector<MeanCheck> checks;
    for (std::size_t i = 0; i < times.size(); ++i) {
      const double mean = 60 * std::exp(-times[i]);
      if (!level.info.sampled || level.info.name == "exact") {  // solved, from the law or its moments
        ASSERT_NE(answer.find("X.mean"), nullptr) << level.info.name;
        EXPECT_NEAR(answer.find("X.mean")->value[i], mean, 1e-4) << level.info.name;
        if (const Estimate* variance = answer.find("X.variance")) EXPECT_NEAR(variance->value[i], mean, 1e-3) << level.info.name;
        EXPECT_FALSE(answer.find("X.mean")->is_exact(i)) << level.info.name;
        continue;
      }
      ASSERT_EQ(answer.estimates.size(), 3u) << level.info.name;
      // Leaps and real amounts leave errors below 3 %, which the power of the check covers.
      const double slack = level.info.name == "ssa" ? 0 : 0.01;
      checks.push_back({mean, answer.estimates[0].value[i], std::sqrt(mean / 4000) + slack * mean / 6.8, "mean"});
      checks.push_back({mean, answer.estimates[1].value[i], std::sqrt((mean + 2 * mean * mean) / 4000) + 3 * slack * mean / 6.8, "variance"});
      EXPECT_EQ(answer.estimates[0].exact[i], 0) << level.info.name;
      EXPECT_EQ(answer.estimates[2].value[i], 0) << level.info.name;
    }
    if (!checks.empty()) { EXPECT_TRUE(MeansMatch(checks, 15)) << level.info.name; }
  }
}

TEST(SsaLevel, NamesItsAlgorithmWithTheReasonAndObeysTheOption) {
  const Level level = ssa_level(cascade());
  const auto answer_of = [&](const char* algorithm) {
    Ask ask{.when = Times{{3}}, .observables = {"P.mean"}};
    if (algorithm != nullptr) ask.options = {{"algorithm", Value(algorithm)}};
    ask.options = resolve(level.info.options, ask.options, "level 'ssa'");
    LevelRun engine({.seed = 5}, "test/algorithm");
    engine.set_trajectories(4000);
    return level.run(ask, engine);
  };
  const double exact = 50 * (1 - std::exp(-0.6)) - 12.5 * (std::exp(-0.6) - std::exp(-3.0));  // dP/dt = 10 (1 - e^-t) - P/5
  const Answer chosen = answer_of(nullptr), direct = answer_of("direct");
  EXPECT_EQ(chosen.why, "direct method in vector lanes: 4 reactions of 2 species (up to 64 of 64)");
  EXPECT_EQ(chosen.find("P.mean")->value, direct.find("P.mean")->value);
  for (const char* other : {"dependency-graph", "composition-rejection"}) {
    const Answer answer = answer_of(other);
    EXPECT_EQ(answer.why, std::string(other) + ": asked for");
    const Estimate& mean = *answer.find("P.mean");
    if (std::string(other) == "composition-rejection") {
      EXPECT_NE(mean.value, chosen.find("P.mean")->value) << "it draws other trajectories";
    }
    EXPECT_TRUE(MeansMatch({MeanCheck{exact, mean.value[0], mean.se(0), other, mean.dof}}, 2));
  }
  EXPECT_THROW((void)answer_of("fast"), ParameterError);
}

TEST(SsaLevel, StationaryAveragesOfALawHaveTheBitsOfEachTrajectoryAlone) {
  // The ensemble runs in lanes; a trajectory that is run alone takes the scalar kernel.
  const Network network = NetworkSpec{.species = {"X"}, .reactions = {"0 -> X, = 20/(1 + (X/10)^2)", "X -> 0, 1"}}.bind({});
  const Ask ask{Stationary{2, 20}, {"X.mean", "X.distribution"}};
  const Level level = ssa_level(network);
  LevelRun all({.seed = 6}, "test/alone");
  all.set_trajectories(64);
  const Answer together = level.run(ask, all);
  double sum = 0;
  for (std::uint64_t k = 0; k < 64; ++k) {
    LevelRun one({.seed = 6}, "test/alone");
    one.set_solo(k);
    sum += level.run(ask, one).find("X.mean")->value[0];
  }
  EXPECT_NEAR(sum / 64, together.find("X.mean")->value[0], 1e-12 * sum);
}

TEST(SsaLevel, PropensitiesThatOverflowAreStoppedOrRefusedWithTheState) {
  // Mass action beyond the largest double: time stands still, the trajectory is given up and says when.
  const Network huge = NetworkSpec{.species = {"X"}, .reactions = {"3X -> 4X, 1e290"}, .initial = {{"X", 1e9}}}.bind({});
  const Answer answer = run(huge, Ask{Times{{1, 2}}, {"X.mean"}}, 16);
  const Flag* flag = flag_of(answer, "diverged");
  ASSERT_NE(flag, nullptr);
  EXPECT_TRUE(flag->fatal);
  EXPECT_EQ(flag->where.at("t"), 1);
  EXPECT_NE(flag->text.find("100 % of the trajectories were stopped before t = 1"), std::string::npos) << flag->text;
  EXPECT_TRUE(std::isnan(answer.find("X.mean")->value[0]));
  // A law that overflows is an error that names reaction and state.
  try {
    (void)run(NetworkSpec{.species = {"X"}, .reactions = {"0 -> X, = exp(100*X)"}, .initial = {{"X", 5}}}.bind({}, false), Ask{Times{{1}}, {"X.mean"}}, 16);
    ADD_FAILURE();
  } catch (const ModelError& error) {
    EXPECT_NE(std::string(error.what()).find("reaction '0 -> X, = exp(100*X)'"), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find("inf"), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find("X = 8"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace meso::kinetics
