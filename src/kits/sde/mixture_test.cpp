#include "kits/sde/mixture.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "base/error.h"
#include "stat/wasserstein.h"
#include "testing/statistics.h"

namespace meso::sde {
namespace {

GaussianMixture tilted() {
  return GaussianMixture({0.3, 0.7}, {1, -1, 0.5, -2, 0, 1}, {1, 0.3, 0, 0.3, 0.8, 0.1, 0, 0.1, 0.5, 0.6, -0.2, 0.1, -0.2, 0.9, 0, 0.1, 0, 1.2});
}

GaussianMixture six() {
  return GaussianMixture::isotropic({0.1, 0.2, 0.15, 0.25, 0.2, 0.1}, {-4, -2.5, -0.5, 1, 2, 4.5}, std::vector<double>{0.5, 0.3, 0.6, 0.4, 0.3, 0.7});
}

TEST(GaussianMixture, ScoreIsTheGradientOfTheLogDensity) {
  const GaussianMixture m = tilted();
  const std::vector<double> x{0.3, 0.2, -0.7};
  std::vector<double> score(3);
  EXPECT_EQ(m.score(x, score), m.log_density(x));
  for (std::size_t i = 0; i < 3; ++i) {
    std::vector<double> error, step;
    for (double h = 0.1; h > 0.01; h /= 2) {
      std::vector<double> up = x, down = x;
      up[i] += h;
      down[i] -= h;
      step.push_back(h);
      error.push_back(std::abs((m.log_density(up) - m.log_density(down)) / (2 * h) - score[i]));
    }
    EXPECT_TRUE(OrderIs(step, error, 2.0, 0.05)) << i;  // difference quotients converge to the score
  }
}

TEST(GaussianMixture, OneComponentIsLinearAndTailsStayFinite) {
  const GaussianMixture one({1.0}, {2, 1}, {2, 0.5, 0.5, 1});
  std::vector<double> s(2);
  const std::vector<double> x{3, -1};
  one.score(x, s);  // -C^-1 (x - mu), C^-1 = [[1, -0.5], [-0.5, 2]] / 1.75
  EXPECT_NEAR(s[0], -(1.0 * 1 - 0.5 * -2) / 1.75, 1e-14);
  EXPECT_NEAR(s[1], -(-0.5 * 1 + 2 * -2) / 1.75, 1e-14);
  const GaussianMixture m = six();
  const std::vector<double> far{1e4};
  std::vector<double> t(1), fast(1);
  m.score(far, t);
  EXPECT_NEAR(t[0], (4.5 - 1e4) / 0.49, 1e-9);  // the widest component alone
  MixtureScore1d{m}(far, fast);
  EXPECT_NEAR(fast[0], t[0], 1e-12 * std::abs(t[0]));
}

TEST(GaussianMixture, FastScoreAgreesWithTheGeneralOne) {
  const GaussianMixture m = six();
  const MixtureScore1d score(m);
  std::vector<double> x, fast(1001), exact(1);
  for (int i = 0; i < 1001; ++i) x.push_back(-10 + 0.02 * i);
  score(x, fast);
  for (std::size_t i = 0; i < x.size(); ++i) {
    m.score({&x[i], 1}, exact);
    ASSERT_NEAR(fast[i], exact[0], 1e-12 * (1 + std::abs(exact[0]))) << x[i];
  }
  for (double y = 0; y > -700; y -= 0.37) ASSERT_NEAR(fast_exp(y) / std::exp(y), 1, 1e-15 + 3e-16) << y;
}

TEST(GaussianMixture, SamplesHaveItsMomentsAndItsLaw) {
  const GaussianMixture m = tilted();
  const std::vector<double> mean = m.mean(), covariance = m.covariance();
  constexpr std::size_t n = 40000;
  std::vector<double> sum(3, 0.0), square(3, 0.0), cross;
  std::vector<double> x(3);
  Stream s(4, 0, "test/mixture");
  for (std::size_t k = 0; k < n; ++k) {
    m.sample(s, x);
    for (std::size_t i = 0; i < 3; ++i) sum[i] += x[i];
    cross.push_back((x[0] - mean[0]) * (x[1] - mean[1]));
  }
  std::vector<MeanCheck> checks;
  for (std::size_t i = 0; i < 3; ++i) checks.push_back({mean[i], sum[i] / n, std::sqrt(covariance[4 * i] / n), "mean"});
  double c = 0, c2 = 0;
  for (const double v : cross) {
    c += v / n;
    c2 += v * v / n;
  }
  checks.push_back({covariance[1], c, std::sqrt((c2 - c * c) / n), "covariance"});
  EXPECT_TRUE(MeansMatch(checks, 0.1));
  const GaussianMixture one = six();
  std::vector<double> draws;
  for (std::size_t k = 0; k < n; ++k) {
    double v = 0;
    one.sample(s, {&v, 1});
    draws.push_back(v);
  }
  const auto cdf = [&](double v) { return one.cdf(v); };
  EXPECT_TRUE(DistributionMatches(draws, cdf, 0.04));
  // W_1 of a sample is of order n^-1/2, and of a sample shifted by 1/4 close to 1/4.
  EXPECT_LT(wasserstein_1(draws, cdf, -12, 12), 10 * 2.7 / std::sqrt(n));
  for (double& v : draws) v += 0.25;
  EXPECT_NEAR(wasserstein_1(draws, cdf, -12, 12), 0.25, 10 * 2.7 / std::sqrt(n));
}

TEST(GaussianMixture, DiffusesByTheHeatEquation) {
  // p_s of X + s Z: d p / d(s^2) = p'' / 2, and the cumulative law of a diffused mixture is that of its parts.
  const GaussianMixture m = six();
  const double x = 0.7, s2 = 0.3, d = 1e-4, h = 1e-2;
  const auto density = [&](double at, double variance) { return std::exp(m.diffused(1, std::sqrt(variance)).log_density({&at, 1})); };
  const double in_time = (density(x, s2 + d) - density(x, s2 - d)) / (2 * d), curvature = (density(x + h, s2) - 2 * density(x, s2) + density(x - h, s2)) / (h * h);
  EXPECT_NEAR(in_time, 0.5 * curvature, 1e-4 * std::abs(in_time) + 1e-6);
  EXPECT_NEAR(m.diffused(0.5, 0).cdf(0.4), m.cdf(0.8), 1e-14);
}

TEST(GaussianMixture, WrongDescriptionsAreRefused) {
  const auto said = [](auto make) -> std::string {
    try {
      make();
    } catch (const ModelError& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_NE(said([] { GaussianMixture({0.5, 0.6}, {0, 1}, {1, 1}); }).find("sum to 1.1"), std::string::npos);
  EXPECT_NE(said([] { GaussianMixture({0.5, -0.5}, {0, 1}, {1, 1}); }).find("weight 2"), std::string::npos);
  EXPECT_NE(said([] { GaussianMixture({1.0}, {0, 1}, {1, 2, 2, 1}); }).find("not positive definite"), std::string::npos);
  EXPECT_NE(said([] { GaussianMixture({1.0}, {0, 1}, {1, 0.2, 0.1, 1}); }).find("not symmetric"), std::string::npos);
  EXPECT_NE(said([] { GaussianMixture({0.5, 0.5}, {0, 1, 2}, {1, 1}); }).find("as many means"), std::string::npos);
  EXPECT_NE(said([] { GaussianMixture({0.5, 0.5}, {0, 1}, {1}); }).find("needs 2 covariance entries"), std::string::npos);
  EXPECT_NE(said([] { static_cast<void>(MixtureScore1d{tilted()}); }).find("one dimension"), std::string::npos);
}

TEST(GaussianMixture, QuantilesInvertTheDistributionFunction) {
  const GaussianMixture mixture({0.5, 0.5}, {-30, 3}, {0.25, 4});
  for (const double u : {1e-12, 0.01, 0.3, 0.6, 0.999, 1 - 1e-12}) {
    const double x = mixture.quantile(u);
    EXPECT_NEAR(mixture.cdf(x), u, 1e-14 + 1e-12 * u);
    EXPECT_LT(mixture.cdf(x - 1e-6), u);
  }
  EXPECT_NEAR(GaussianMixture({1}, {2}, {9}).quantile(0.975), 2 + 3 * 1.959963984540054, 1e-12);
  EXPECT_THROW((void)mixture.quantile(1), ModelError);
}

}  // namespace
}  // namespace meso::sde
