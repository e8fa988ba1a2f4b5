// Long statistical checks of the simulation: published exact values, and whether the errors that are quoted are true.
#include <gtest/gtest.h>

#include <cmath>

#include "exec/engine.h"
#include "kits/kinetics/ssa_fixture.h"
#include "kits/kinetics/ssa_level.h"
#include "testing/measured.h"
#include "testing/statistics.h"

namespace meso::kinetics {
namespace {

using testing::schlogl;

Network brusselator(double volume, std::int64_t initial) {
  NetworkSpec spec{.species = {"X", "Y"}, .reactions = {"2X + Y -> 3X, 0.9", "X -> Y, 2", "0 -> X, 1", "X -> 0, 1"}, .volume = volume};
  return spec.bind({{"X0", static_cast<double>(initial)}, {"Y0", static_cast<double>(initial)}});
}
Answer run(const Network& network, const Ask& ask, std::uint64_t trajectories, std::uint64_t seed) {
  LevelRun engine({.seed = seed, .threads = 2}, "truth/ssa");
  engine.set_trajectories(trajectories);
  return ssa_level(network).run(ask, engine);
}

// Exact values of the Schlögl preset at volume 10 from its master equation (product formula for the stationary law).
struct Exact {
  double t, mean, variance;
};
const std::vector<Exact> transient{{0.5, 4.280827, 10.32861}, {1, 5.664163, 28.60651}, {2, 7.209338, 58.89709}, {5, 8.476591, 82.66835}, {20, 8.63326, 85.39492}};

TEST(SsaTruth, SchloeglFollowsItsMasterEquationToTheStationaryLaw) {
  Ask ask{Times{{}}, {"X.mean", "X.variance"}};
  for (const Exact& exact : transient) std::get<Times>(ask.when).points.push_back(exact.t);
  const Answer answer = run(schlogl(10, 0), ask, 100'000, 20240611);
  std::vector<MeanCheck> means, variances;
  for (std::size_t i = 0; i < transient.size(); ++i) {
    const Estimate &mean = *answer.find("X.mean"), &variance = *answer.find("X.variance");
    const std::string at = " at t = " + std::to_string(transient[i].t).substr(0, 4);
    means.push_back({transient[i].mean, mean.value[i], mean.se(i), "mean" + at, mean.dof});
    variances.push_back({transient[i].variance, variance.value[i], variance.se(i), "variance" + at, variance.dof});
    measured("schlogl", "ssa X.mean" + at + ", volume 10", mean.value[i], mean.se(i), transient[i].mean, "master equation");
    measured("schlogl", "ssa X.variance" + at + ", volume 10", variance.value[i], variance.se(i), transient[i].variance, "master equation");
  }
  EXPECT_TRUE(MeansMatch(means, 0.3));
  EXPECT_TRUE(MeansMatch(variances, 7));
}

TEST(SsaTruth, PullsOverSeedsAreStandardNormal) {
  // (estimate - exact) / error of 20 seeds: chi-square with 20 degrees of freedom for the mean; the variance's error has
  // 61 to 63 degrees of freedom, whose Student law is near enough to the normal one to change the sum by 3 %.
  const Ask ask{Times{{1, 5}}, {"X.mean", "X.variance"}};
  for (const std::size_t i : {0u, 1u}) {
    const Exact& exact = i == 0 ? transient[1] : transient[3];
    double mean_chi2 = 0, variance_chi2 = 0, mean_sum = 0, variance_sum = 0;
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
      const Answer answer = run(schlogl(10, 0), ask, 8192, seed);
      const Estimate &mean = *answer.find("X.mean"), &variance = *answer.find("X.variance");
      const double z_mean = (mean.value[i] - exact.mean) / mean.se(i), z_variance = (variance.value[i] - exact.variance) / variance.se(i);
      mean_chi2 += z_mean * z_mean;
      variance_chi2 += z_variance * z_variance;
      mean_sum += z_mean;
      variance_sum += z_variance;
    }
    // p > 0.01 on either side is 8.26 < chi2(20) < 37.57; an error that is 1.5 times too small or too large (chi2 45 or 9) shows.
    EXPECT_GT(mean_chi2, 8.26) << "errors of the mean are too large, t = " << exact.t;
    EXPECT_LT(mean_chi2, 37.57) << "errors of the mean are too small, t = " << exact.t;
    EXPECT_GT(variance_chi2, 8.26) << "errors of the variance are too large, t = " << exact.t;
    EXPECT_LT(variance_chi2, 37.57 * 1.03) << "errors of the variance are too small, t = " << exact.t;
    EXPECT_LT(std::abs(mean_sum) / std::sqrt(20.0), 3.3) << "all of one sign is a bias";
    EXPECT_LT(std::abs(variance_sum) / std::sqrt(20.0), 3.3) << "all of one sign is a bias";
    const std::string at = " at t = " + std::to_string(static_cast<int>(exact.t));
    measured("schlogl", "chi-square of 20 pulls, X.mean" + at, mean_chi2, std::sqrt(40.0), 20, "chi-square law");
    measured("schlogl", "chi-square of 20 pulls, X.variance" + at, variance_chi2, std::sqrt(40.0), 20, "chi-square law");
  }
}

TEST(SsaTruth, BrusselatorHasItsPublishedMeans) {
  // c = (0.9, 2, 1, 1), volume 20, from one molecule of each: 4,000 trajectories of another program gave <X>(2) = 7.38 +- 0.05,
  // <Y>(5) = 52.4 +- 0.13, <X>(10) = 22.3 +- 0.25 (their errors of one sigma).
  const Answer answer = run(brusselator(20, 1), {Times{{2, 5, 10}}, {"X.mean", "Y.mean"}}, 40'000, 3);
  const Estimate &x = *answer.find("X.mean"), &y = *answer.find("Y.mean");
  EXPECT_TRUE(MeansMatch({{7.38, x.value[0], std::hypot(0.05, x.se(0)), "X(2)"}, {52.4, y.value[1], std::hypot(0.13, y.se(1)), "Y(5)"}, {22.3, x.value[2], std::hypot(0.25, x.se(2)), "X(10)"}}, 2.5));
  measured("brusselator", "ssa X.mean at t = 2, volume 20, c2 = 2", x.value[0], x.se(0), 7.38, "independent program, 4,000 trajectories, +-0.05");
  measured("brusselator", "ssa Y.mean at t = 5, volume 20, c2 = 2", y.value[1], y.se(1), 52.4, "independent program, 4,000 trajectories, +-0.13");
  measured("brusselator", "ssa X.mean at t = 10, volume 20, c2 = 2", x.value[2], x.se(2), 22.3, "independent program, 4,000 trajectories, +-0.25");
}

TEST(SsaTruth, BrusselatorObeysItsExactStationaryIdentity) {
  // For the master equation: <X> = volume c3 / c4, and with c4 = 1: var X + cov(X, Y) = <X>.
  const Answer answer = run(brusselator(10, 0), {Stationary{40, 400}, {"X.mean", "Y.mean", "X.variance", "X.Y.covariance"}}, 512, 5);
  const Estimate &x = *answer.find("X.mean"), &y = *answer.find("Y.mean"), &variance = *answer.find("X.variance"), &covariance = *answer.find("X.Y.covariance");
  for (const Flag& flag : answer.flags) EXPECT_NE(flag.kind, "not-mixed") << flag.text;
  // Their sum's error is at most the sum of both (they draw from the same trajectories).
  EXPECT_TRUE(MeansMatch({{10, x.value[0], x.se(0), "<X>", x.dof},
                          {25.13265, y.value[0], y.se(0), "<Y>", y.dof},
                          {77.2873, variance.value[0], variance.se(0), "var X", variance.dof},
                          {10, variance.value[0] + covariance.value[0], variance.se(0) + covariance.se(0), "var X + cov", variance.dof}}, 8));
  const std::string fsp = "master equation, independent script", identity = "identity of the master equation";
  measured("brusselator", "ssa X.mean, stationary, volume 10, c2 = 2", x.value[0], x.se(0), 10, identity);
  measured("brusselator", "ssa Y.mean, stationary, volume 10, c2 = 2", y.value[0], y.se(0), 25.13265, fsp);
  measured("brusselator", "ssa X.variance, stationary, volume 10, c2 = 2", variance.value[0], variance.se(0), 77.2873, fsp);
  measured("brusselator", "ssa X.variance + X.Y.covariance, stationary, volume 10, c2 = 2", variance.value[0] + covariance.value[0], variance.se(0) + covariance.se(0), 10, identity);
}

TEST(SsaTruth, BistableSchloeglMixesWhenItMay) {
  // Volume 20: gap 0.366653, so the default windows are 27 and 136; stationary mean by the product formula below.
  const double volume = 20;
  const Network network = schlogl(volume, 0);
  const Propensities a(network);
  double weight = 1, total = 1, first = 0, second = 0;
  for (int n = 1; n < 400; ++n) {
    const std::vector<double> here{static_cast<double>(n)}, below{static_cast<double>(n - 1)};
    weight *= (a(0, below) + a(2, below)) / (a(1, here) + a(3, here));
    total += weight;
    first += n * weight;
    second += static_cast<double>(n) * n * weight;
  }
  const double mean = first / total, variance = second / total - mean * mean;
  LevelRun engine({.seed = 9, .threads = 2}, "truth/ssa");
  engine.set_trajectories(1024);
  const Answer answer = ssa_level(network, [] { return 1 / 0.366653; }).run({Stationary{}, {"X.mean", "X.variance"}}, engine);
  const Estimate &m = *answer.find("X.mean"), &v = *answer.find("X.variance");
  for (const Flag& flag : answer.flags) EXPECT_NE(flag.kind, "not-mixed") << flag.text;
  EXPECT_TRUE(MeansMatch({{mean, m.value[0], m.se(0), "mean", m.dof}}, 1.2));
  EXPECT_TRUE(MeansMatch({{variance, v.value[0], v.se(0), "variance", v.dof}}, 40));
  measured("schlogl", "ssa X.mean, stationary, volume 20", m.value[0], m.se(0), mean, "master equation, product formula");
  measured("schlogl", "ssa X.variance, stationary, volume 20", v.value[0], v.se(0), variance, "master equation, product formula");
}

}  // namespace
}  // namespace meso::kinetics
