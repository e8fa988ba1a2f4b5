// Covariance matrices of simulated networks in discrete time against the linear equivalent of the same matrix: the headline checks.
#include <gtest/gtest.h>

#include <array>
#include <cmath>

#include "stat/fit.h"
#include "systems/neural/rnn-covariance/test_support.h"
#include "testing/measured.h"
#include "testing/statistics.h"

namespace meso::systems::rnn_covariance {
namespace {

using namespace testing;

const char* const name = "rnn-covariance";

TEST(Headline, DrivenNetworkInDiscreteTime) {
  const Table p{{"time", "discrete"}, {"g", 1.5}, {"sigma", 1.0}, {"N", 400}};
  const Answer a = run(p, "network", stationary({"phi.variance", "match.correlation", "match.ceiling", "match.agreement", "match.slope", "participation", "x.participation", "wick.slope"}, 60000));
  const Answer l = run(p, "linear-equivalent", stationary({"participation", "x.participation"}, 100));
  EXPECT_GE(value(a, "match.correlation"), 0.98);
  EXPECT_NEAR(value(a, "match.slope"), 1, 0.02);
  EXPECT_NEAR(value(a, "participation"), 0.766, 0.01);
  EXPECT_NEAR(value(a, "participation"), value(l, "participation"), 0.01);
  EXPECT_NEAR(value(a, "x.participation"), value(l, "x.participation"), 0.01);
  EXPECT_NEAR(value(a, "phi.variance"), 0.53747, 0.02 * 0.53747);
  measured(name, "discrete, g = 1.5, sigma = 1, N = 400: participation of x", value(a, "x.participation"), 0, value(l, "x.participation"), "linear equivalent of this J");
  EXPECT_GE(value(a, "match.agreement"), 0.995);       // what is missing from 1 is sampling noise:
  EXPECT_NEAR(value(a, "match.correlation"), value(a, "match.ceiling"), 0.003);
  EXPECT_NEAR(value(a, "wick.slope"), 1, 0.15);        // sampling error 0.03 and corrections of order N^(-1/2)
  measured(name, "discrete, g = 1.5, sigma = 1, N = 400: correlation of S_ij", value(a, "match.correlation"), 0, "at least 0.98 (0.9883 by script)");
  measured(name, "discrete, g = 1.5, sigma = 1, N = 400: its sampling ceiling", value(a, "match.ceiling"), 0, "noise 0.0022 against rms 0.0148: 0.989");
  measured(name, "discrete, g = 1.5, sigma = 1, N = 400: slope of S_ij", value(a, "match.slope"), 0, 1, "0.9934 by script");
  measured(name, "discrete, g = 1.5, sigma = 1, N = 400: participation", value(a, "participation"), 0, value(l, "participation"), "linear equivalent of this J; 0.766 +- 0.01");
  measured(name, "discrete, g = 1.5, sigma = 1, N = 400: slope on Wick pairings", value(a, "wick.slope"), 0.03, 1, "N -> infinity");
}

TEST(Headline, ChaosInDiscreteTime) {
  const Table p{{"time", "discrete"}, {"g", 2.0}, {"N", 800}};
  const Answer l = run(p, "linear-equivalent", stationary({"participation", "stability"}, 100));
  const Answer a = run(p, "network", stationary({"match.correlation", "match.slope", "participation"}, 30000));
  EXPECT_LT(value(l, "stability"), 0.96) << "a realisation near instability says little";
  EXPECT_GE(value(a, "match.correlation"), 0.97);
  EXPECT_NEAR(value(a, "match.slope"), 1, 0.06);
  EXPECT_NEAR(value(a, "participation"), value(l, "participation"), 0.05 * value(l, "participation"));
  measured(name, "discrete chaos, g = 2, N = 800: correlation of S_ij", value(a, "match.correlation"), 0, "at least 0.97 (0.9869 by script)");
  measured(name, "discrete chaos, g = 2, N = 800: slope of S_ij", value(a, "match.slope"), 0, 1, "1.027 by script");
  measured(name, "discrete chaos, g = 2, N = 800: participation", value(a, "participation"), 0, value(l, "participation"), "linear equivalent of this J; 0.2217 typical");
  measured(name, "discrete chaos, g = 2, N = 800: a rho(J)", value(l, "stability"), 0, 0.9393, "a g, N -> infinity");
}

TEST(Residuals, AreIndependentBetweenUnits) {
  std::vector<double> size, rms;
  for (const int n : {100, 200, 400}) {
    const Answer a = run({{"time", "discrete"}, {"g", 1.5}, {"sigma", 1.0}, {"N", n}}, "network", stationary({"residual.variance", "residual.rms", "covariance.rms"}, 100000));
    const std::string at = ", N = " + std::to_string(n);
    EXPECT_NEAR(value(a, "residual.variance"), 0.065, 0.002) << n;
    EXPECT_LT(value(a, "residual.rms"), 1e-4) << n;
    size.push_back(n);
    rms.push_back(value(a, "covariance.rms"));
    measured(name, "residuals: variance" + at, value(a, "residual.variance"), 0, 0.065, "+- 0.002");
    measured(name, "residuals: rms covariance of pairs" + at, value(a, "residual.rms"), 0, "below 1e-4");
    measured(name, "activity: rms covariance of pairs" + at, rms.back(), 0, "0.0148 at N = 400");
  }
  EXPECT_NEAR(rms.back(), 0.0148, 0.03 * 0.0148);
  EXPECT_TRUE(OrderIs(size, rms, -0.5, 0.1));
}

TEST(LinearNetwork, MeetsItsLyapunovEquationEntryByEntry) {
  // Gain x, where the linear equivalent is exact at any N: every entry, with errors from many windows.
  const double window = 400;
  const Table p{{"time", "discrete"}, {"gain", "linear"}, {"g", 0.6}, {"sigma", 1.0}, {"N", 24}};
  const Answer a = run(p, "network", stationary({"phi.covariance", "participation", "match.slope"}, window, 50), 512);
  const Answer l = run(p, "linear-equivalent", stationary({"phi.covariance", "participation"}, 100));
  const Estimate &s = *a.find("phi.covariance"), &t = *l.find("phi.covariance");
  std::vector<MeanCheck> checks;
  for (std::size_t i = 0; i < 24; ++i)
    for (std::size_t j = 0; j <= i; ++j) {
      const std::size_t k = i * 24 + j;
      checks.push_back({t.value[k], s.value[k], s.std_error[k], "entry " + std::to_string(i) + ", " + std::to_string(j), s.dof});
    }
  EXPECT_TRUE(MeansMatch(checks, 0.1));
  EXPECT_NEAR(value(a, "match.slope"), 1, 0.05);
  EXPECT_NEAR(value(a, "participation"), value(l, "participation"), 0.02 * value(l, "participation"));
}

TEST(SmallStep, TheBiasOfTheContinuousStepIsBelowOnePercentAtTwiceTheDefault) {
  // A driven network that forgets fast; independent runs at dt = 0.05 and 0.1.
  std::vector<MeanCheck> checks;
  std::array<Answer, 2> a;
  for (const std::size_t k : {0u, 1u})
    a[k] = run({{"g", 1.2}, {"sigma", 1.0}, {"N", 100}, {"dt", k == 0 ? 0.05 : 0.1}}, "network", stationary({"phi.variance", "x.variance"}, 300, 30), 48, 77 + k);
  for (const char* o : {"phi.variance", "x.variance"})
    checks.push_back({value(a[0], o), value(a[1], o), std::hypot(error(a[0], o), error(a[1], o)), o, 47});
  EXPECT_TRUE(MeansMatch(checks, 0.05));
  measured(name, "phi.variance at dt = 0.1 over that at 0.05", value(a[1], "phi.variance") / value(a[0], "phi.variance"), checks[0].std_error / value(a[0], "phi.variance"), 1, "bias below 1 %");
}

}  // namespace
}  // namespace meso::systems::rnn_covariance
