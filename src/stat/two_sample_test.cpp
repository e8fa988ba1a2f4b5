#include "stat/two_sample.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"

namespace meso {
namespace {

// The definitions, without any cleverness.
double slow_delta(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (const double x : a)
    for (const double y : b) sum += (x > y) - (x < y);
  return sum / static_cast<double>(a.size() * b.size());
}
double slow_distance(const std::vector<double>& a, const std::vector<double>& b) {
  const auto cdf = [](const std::vector<double>& s, double x) {
    double below = 0;
    for (const double y : s) below += y <= x;
    return below / static_cast<double>(s.size());
  };
  double most = 0;
  for (const auto* s : {&a, &b})
    for (const double x : *s) most = std::max(most, std::abs(cdf(a, x) - cdf(b, x)));
  return most;
}

TEST(TwoSample, AgreesWithTheDefinitionsWithAndWithoutTies) {
  Stream stream(1, 0, "test/two-sample");
  for (int round = 0; round < 30; ++round) {
    std::vector<double> a(20 + stream.below(30)), b(20 + stream.below(30));
    for (double& x : a) x = round % 2 ? stream.normal() : static_cast<double>(stream.below(6));
    for (double& x : b) x = round % 2 ? stream.normal() + 0.5 : static_cast<double>(stream.below(7));
    EXPECT_NEAR(kolmogorov_smirnov(a, b), slow_distance(a, b), 1e-14);
    EXPECT_NEAR(mann_whitney(a, b).cliffs_delta, slow_delta(a, b), 1e-14);
    EXPECT_NEAR(mann_whitney(a, b).cliffs_delta, -mann_whitney(b, a).cliffs_delta, 1e-14);
    // For two groups the Kruskal-Wallis statistic is the square of the Mann-Whitney z.
    EXPECT_NEAR(kruskal_wallis(std::vector<std::vector<double>>{a, b}), std::pow(mann_whitney(a, b).z, 2), 1e-10);
  }
}

TEST(TwoSample, KnownSmallCases) {
  const std::vector<double> low{1, 2, 3}, high{4, 5, 6};
  EXPECT_EQ(kolmogorov_smirnov(low, high), 1.0);
  EXPECT_EQ(mann_whitney(high, low).u, 9.0);
  EXPECT_EQ(mann_whitney(high, low).cliffs_delta, 1.0);
  EXPECT_EQ(kolmogorov_smirnov(low, low), 0.0);
  // H of ranks {1,2,3}, {4,5,6}, {7,8,9}: 12/(9 10) (36 + 225 + 576)/3 - 30 = 7.2.
  EXPECT_NEAR(kruskal_wallis(std::vector<std::vector<double>>{low, high, {7, 8, 9}}), 7.2, 1e-12);
}

TEST(TwoSample, RefusesWhatHasNoAnswer) {
  const std::vector<double> none, some{1, 2}, bad{1, std::nan("")};
  EXPECT_THROW((void)kolmogorov_smirnov(none, some), InputError);
  EXPECT_THROW((void)mann_whitney(some, bad), InputError);
  EXPECT_THROW((void)kruskal_wallis(std::vector<std::vector<double>>{some}), InputError);
  EXPECT_THROW((void)kruskal_wallis(std::vector<std::vector<double>>{{1, 1}, {1, 1}}), InputError);
  EXPECT_THROW((void)KernelDensity({3, 3}), InputError);
  const std::vector<std::vector<double>> one{some}, two{some, some};
  EXPECT_THROW((void)block_bootstrap(one, two, kolmogorov_smirnov, 10, 0.9, Stream(1, 0, "x")), InputError);
}

// Blocks of equal values: 40 independent numbers dressed up as 4000. The mean's error must be that of 40.
TEST(BlockBootstrap, SeesBlocksAndNotPoints) {
  Stream stream(2, 0, "test/two-sample");
  std::vector<std::vector<double>> a, b;
  for (int i = 0; i < 40; ++i) a.emplace_back(100, stream.normal()), b.emplace_back(100, stream.normal());
  const auto difference = [](std::span<const double> x, std::span<const double> y) {
    double mx = 0, my = 0;
    for (const double v : x) mx += v / static_cast<double>(x.size());
    for (const double v : y) my += v / static_cast<double>(y.size());
    return mx - my;
  };
  const BlockBootstrap result = block_bootstrap(a, b, difference, 2000, 0.95, Stream(3, 0, "test/bootstrap"));
  double va = 0, vb = 0, ma = 0, mb = 0;  // the error that 2 x 40 numbers give, computed from them
  for (int i = 0; i < 40; ++i) ma += a[i][0] / 40, mb += b[i][0] / 40;
  for (int i = 0; i < 40; ++i) va += std::pow(a[i][0] - ma, 2) / 40, vb += std::pow(b[i][0] - mb, 2) / 40;
  const double error = std::sqrt(va / 40 + vb / 40);
  EXPECT_NEAR(result.std_error, error, 0.1 * error);  // 2000 resamples: 1.6 %, 6 of its errors
  EXPECT_NEAR(result.null_quantile, 1.96 * error, 0.25 * error);
  EXPECT_LT(result.low, result.value);
  EXPECT_GT(result.high, result.value);
}

TEST(KernelDensity, IsADensityWithScottsBandwidth) {
  Stream stream(4, 0, "test/two-sample");
  std::vector<double> sample(4000);
  for (double& x : sample) x = stream.normal();
  const KernelDensity density(sample);
  EXPECT_NEAR(density.bandwidth(), std::pow(4000.0, -0.2), 0.05 * density.bandwidth());
  double mass = 0;
  for (double x = -8; x <= 8; x += 0.01) mass += 0.01 * density(x);
  EXPECT_NEAR(mass, 1.0, 1e-9);
  // Smoothed by the bandwidth h the normal law at 0 is 1/sqrt(2 pi (1 + h^2)); the estimate's error there is sqrt(f R(K)/(n h)) = 0.012.
  EXPECT_NEAR(density(0), 1 / std::sqrt(2 * M_PI * (1 + std::pow(density.bandwidth(), 2))), 6 * 0.012);
}

}  // namespace
}  // namespace meso
