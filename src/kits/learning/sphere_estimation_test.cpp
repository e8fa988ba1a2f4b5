// The levels of spherical estimation: exact limits, bounds, flags, bits, pictures.
#include "kits/learning/sphere_estimation.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "exec/engine.h"
#include "kits/learning/sphere_theory.h"
#include "testing/statistics.h"

namespace meso::learning {
namespace {

const Level& level(const std::vector<Level>& levels, const std::string& name) {
  for (const Level& l : levels)
    if (l.info.name == name) return l;
  throw Error("no level " + name);
}

Answer run(const SphereEstimation& p, const std::string& name, const Ask& ask, std::uint64_t trajectories = 1, unsigned threads = 2) {
  LevelRun engine({.seed = 20250202, .threads = threads}, "test/learning/" + name);
  engine.set_trajectories(trajectories);
  return level(ladder(p), name).run(ask, engine);
}

Ask at(std::vector<double> times, std::vector<std::string> observables) {
  Ask ask;
  ask.when = Times{std::move(times)};
  ask.observables = std::move(observables);
  return ask;
}

TEST(SphereEstimation, IterateInTheLandscapeWithoutNoiseFollowsItsFokkerPlanckLaw) {
  for (const std::size_t k : {2u, 3u, 4u}) {
    const SphereEstimation p{.k = k, .d = 6, .n = 100, .c = 0.6, .noise_scale = 0};
    const Ask ask = at({0, 0.1, 0.4}, {"m.mean", "m.variance", "last.overlap", "m.distribution"});
    const Answer sampled = run(p, "langevin", ask, 3000), exact = run(p, "planted-law", ask);
    std::vector<MeanCheck> checks;
    for (const char* name : {"m.mean", "m.variance", "last.overlap"})
      for (std::size_t i = 0; i < 3; ++i)
        checks.push_back({exact.find(name)->value[i], sampled.find(name)->value[i], std::hypot(sampled.find(name)->se(i), sampled.find(name)->bound(i)), std::string(name) + " " + std::to_string(i), sampled.find(name)->dof});
    EXPECT_TRUE(MeansMatch(checks, 0.16)) << k;
    const Estimate &a = *sampled.find("m.distribution"), &b = *exact.find("m.distribution");
    ASSERT_EQ(a.axes, b.axes);
    for (std::size_t i = 0; i < 3; ++i) {
      double f = 0, g = 0, worst = 0;
      for (std::size_t q = 0; q < 40; ++q) worst = std::max(worst, std::abs((f += a.value[40 * i + q]) - (g += b.value[40 * i + q])));
      EXPECT_LE(worst, std::sqrt(std::log(2 / 1e-9) / (2 * 3000)) + b.error_bound[40 * i]) << k << " at " << i;
      EXPECT_NEAR(f, 1, 1e-12);
      EXPECT_NEAR(g, 1, 1e-12);
    }
  }
}

TEST(SphereEstimation, AverageTendsToThePartialTraceAtHighTemperature) {
  // |average| / (beta |u|) -> 1 and its direction -> that of u, for tensors and single-index models; small d, very hot, very long.
  for (const auto model : {SphereEstimation::Model::tensor, SphereEstimation::Model::single_index}) {
    for (const std::size_t k : {3u, 4u}) {
      const SphereEstimation p{.model = model, .k = k, .d = 4, .n = 50, .c = 0.12};
      const Answer a = run(p, "langevin", at({6000}, {"average.alignment", "norm.ratio"}), 4);
      EXPECT_GT(a.find("average.alignment")->value[0], 0.95) << k;
      EXPECT_NEAR(a.find("norm.ratio")->value[0], 1, 0.2) << k;
    }
  }
}

TEST(SphereEstimation, OverlapLawGivesTheNormOfThePartialTrace) {
  // The mean square length is exact for every d in both parities: E|v|^2.
  for (const std::size_t k : {3u, 4u}) {
    const SphereEstimation p{.k = k, .d = 12, .n = 60};
    const Answer trace = run(p, "partial-trace", at({1e9}, {"average.norm", "average.overlap"}), 600), law = run(p, "overlap-law", at({1}, {"average.norm", "average.overlap"}));
    EXPECT_NEAR(trace.find("average.norm")->value[0] / law.find("average.norm")->value[0], 1, 0.03) << k;
    if (k == 3) {
      const Estimate& e = *trace.find("average.overlap");
      EXPECT_TRUE(MeansMatch({{odd_average_overlap(3, 12, 60), e.value[0], e.se(0), "overlap"}}, 0.06));
    }
  }
}

TEST(SphereEstimation, PartialTraceKnowsWhatAFiniteTimeLeavesOfTheStart) {
  // Free diffusion (beta -> 0): the length of the average is that of the noise alone, at every time, in both parities.
  for (const std::size_t k : {3u, 4u}) {
    const SphereEstimation p{.k = k, .d = 5, .n = 4, .c = 1e-3};
    const Ask ask = at({0.1, 1, 10}, {"average.norm"});
    const Answer free = run(p, "langevin", ask, 1500), theory = run(p, "partial-trace", ask, 6000);
    for (std::size_t i = 0; i < 3; ++i) {
      const Estimate &a = *free.find("average.norm"), &b = *theory.find("average.norm");
      // The theory takes a Gaussian of the same mean square: its mean length differs by a few per cent while the average is hardly one.
      EXPECT_NEAR(a.value[i], b.value[i], (i == 0 ? 0.1 : 0.03) * b.value[i] + 5 * std::hypot(a.se(i), b.se(i))) << "k = " << k << " at " << ask.times()[i];
    }
  }
  // Hot with a signal: the overlap grows with time as the level says.
  const SphereEstimation p{.k = 3, .d = 8, .n = 200, .c = 0.2};
  const Ask ask = at({3, 30}, {"average.overlap"});
  const Answer warm = run(p, "langevin", ask, 600), theory = run(p, "partial-trace", ask, 4000);
  for (std::size_t i = 0; i < 2; ++i) EXPECT_NEAR(warm.find("average.overlap")->value[i], theory.find("average.overlap")->value[i], 0.04 + 4 * warm.find("average.overlap")->se(i)) << i;
  EXPECT_GT(theory.find("average.overlap")->value[1], theory.find("average.overlap")->value[0] + 0.2);
}

TEST(SphereEstimation, PopulationFlowHasTheFixedPointsOfItsCubic) {
  // k = 3: 3 beta m (1 - m^2) = d - 1: two roots above a threshold beta; the upper one is stable, and not reached from the equator.
  const SphereEstimation p{.k = 3, .d = 20, .n = 400, .c = 1};
  Ask ask;
  ask.when = Stationary{};
  ask.observables = {"last.overlap"};
  const Answer a = run(p, "population-flow", ask);
  ASSERT_EQ(a.steady_states.size(), 3u);
  for (const SteadyState& s : a.steady_states) {
    const double m = s.value.at("last.overlap");
    EXPECT_NEAR(60 * m * m * (1 - m * m) - 19 * m, 0, 1e-10);
  }
  EXPECT_TRUE(a.steady_states[0].stable && a.steady_states[0].reached);
  EXPECT_FALSE(a.steady_states[1].stable);
  EXPECT_TRUE(a.steady_states[2].stable);
  EXPECT_EQ(a.find("last.overlap")->value[0], 0);
  const SphereEstimation cold{.k = 3, .d = 20, .n = 400, .c = 4};
  EXPECT_GT(run(cold, "population-flow", ask).find("last.overlap")->value[0], 0.9);  // 3 beta m0 > d - 1: escapes
  EXPECT_GT(run(cold, "population-flow", at({1}, {"last.overlap"})).find("last.overlap")->value[0], 0.9);
}

TEST(SphereEstimation, StepErrorIsBoundedByCoupledPathsInBothSchemes) {
  // A long step in the landscape without noise: the bound covers the distance to the exact law.
  for (const auto scheme : {SphereScheme::projected, SphereScheme::geodesic}) {
    const SphereEstimation p{.k = 3, .d = 10, .n = 400, .c = 0.6, .noise_scale = 0, .dt = 0.02, .scheme = scheme};
    const Ask ask = at({4}, {"last.overlap"});
    const Answer a = run(p, "langevin", ask, 1000), exact = run(p, "planted-law", ask);
    const Estimate& e = *a.find("last.overlap");
    EXPECT_GT(e.bound(0), 0);
    EXPECT_LE(std::abs(e.value[0] - exact.find("last.overlap")->value[0]), e.bound(0) + 5 * e.se(0));
    Ask unbounded = ask;
    unbounded.options["step-bound"] = Value(false);
    const Answer b = run(p, "langevin", unbounded, 1000);
    EXPECT_EQ(b.find("last.overlap")->value, e.value);  // the fine path does not depend on whether the coarse one is run
    EXPECT_TRUE(b.find("last.overlap")->error_bound.empty());
  }
}

TEST(SphereEstimation, SameBitsOnOneTwoAndThreeThreads) {
  for (const auto model : {SphereEstimation::Model::tensor, SphereEstimation::Model::single_index}) {
    const SphereEstimation p{.model = model, .k = 3, .d = 7, .n = 60};
    const Ask ask = at({0.2, 2}, {"average.overlap", "last.overlap", "refined.overlap", "average.overlap.spread", "m.distribution"});
    const Answer one = run(p, "langevin", ask, 21, 1);
    for (const unsigned threads : {2u, 3u}) {
      const Answer many = run(p, "langevin", ask, 21, threads);
      ASSERT_EQ(one.estimates.size(), many.estimates.size());
      for (std::size_t e = 0; e < one.estimates.size(); ++e) {
        EXPECT_EQ(one.estimates[e].value, many.estimates[e].value);
        EXPECT_EQ(one.estimates[e].std_error, many.estimates[e].std_error);
        EXPECT_EQ(one.estimates[e].error_bound, many.estimates[e].error_bound);
      }
    }
  }
}

TEST(SphereEstimation, PicturesShowTheAverageInTheHiddenDirection) {
  const SphereEstimation p{.k = 3, .d = 8, .n = 2000, .c = 0.5};
  Ask ask = at({60}, {"average.overlap"});
  ask.portraits = true;
  const Answer a = run(p, "langevin", ask, 2);
  ASSERT_EQ(a.portraits.size(), 2u);
  for (const Portrait& picture : a.portraits) {
    const std::size_t rows = picture.axes[0].points.size();
    ASSERT_EQ(picture.value.size(), rows * 8);
    EXPECT_GE(rows, 50u);
    for (std::size_t r = 0; r < rows; ++r) {  // rotated unit vectors
      double square = 0;
      for (std::size_t j = 0; j < 8; ++j) square += picture.value[r * 8 + j] * picture.value[r * 8 + j];
      EXPECT_NEAR(square, 1, 1e-9);
    }
  }
  // The last row of the average is the estimate of trajectory 0: its first component is the overlap.
  const Portrait& average = a.portraits[0];
  EXPECT_GT(average.value[average.value.size() - 8], 0.8);
  Ask alone = at({60}, {"average.overlap"});
  EXPECT_NEAR(average.value[average.value.size() - 8], run(p, "langevin", alone, 1).find("average.overlap")->value[0], 1e-12);
}

TEST(SphereEstimation, TellsAverageThatEndBeforeTheStartIsForgotten) {
  const SphereEstimation p{.k = 3, .d = 10, .n = 100};
  const Answer a = run(p, "langevin", at({1}, {"average.overlap", "last.overlap"}), 4);
  bool told = false;
  for (const Flag& f : a.flags) {
    if (f.kind != "not-mixed") continue;
    EXPECT_EQ(f.observable, "average.overlap");
    EXPECT_NE(f.text.find("Ask for times of at least 20/(d - 1) = 2.222"), std::string::npos) << f.text;
    told = true;
  }
  EXPECT_TRUE(told);
  Ask ask;
  ask.when = Stationary{0.0, 1.0};
  ask.observables = {"average.overlap"};
  try {
    static_cast<void>(run(p, "langevin", ask, 4));
    ADD_FAILURE() << "accepted";
  } catch (const StudyError& error) {
    EXPECT_NE(std::string(error.what()).find("Take a window of at least 20/(d - 1) = 2.222"), std::string::npos) << error.what();
  }
}

TEST(SphereEstimation, AColdChainIsToldToBeTrapped) {
  // c = 30: the chain freezes near where it starts, at the hidden direction or in one of the many maxima of the noise.
  const SphereEstimation p{.k = 3, .d = 10, .n = 30, .c = 30};
  Ask ask;
  ask.when = Stationary{0.5, 2.3};
  ask.observables = {"average.overlap", "average.overlap.spread"};
  const Answer a = run(p, "langevin", ask, 96);
  std::string said;
  for (const Flag& f : a.flags)
    if (f.kind == "not-mixed") said = f.text;
  EXPECT_NE(said.find("trapped where it starts"), std::string::npos) << said;
  EXPECT_GT(a.find("average.overlap.spread")->value[0], 0.1);
  // Warm, the two groups agree.
  const Answer warm = run({.k = 3, .d = 10, .n = 60, .c = 0.5}, "langevin", ask, 48);
  for (const Flag& f : warm.flags) EXPECT_NE(f.kind, "not-mixed") << f.text;
}

TEST(SphereEstimation, MiniBatchesAverageToo) {
  const SphereEstimation p{.model = SphereEstimation::Model::single_index, .k = 3, .d = 8, .n = 400};
  const Answer a = run(p, "sgd", at({400}, {"average.overlap", "last.overlap"}), 8);
  EXPECT_GT(a.find("average.overlap")->value[0], a.find("last.overlap")->value[0] + 0.1);
}

}  // namespace
}  // namespace meso::learning
