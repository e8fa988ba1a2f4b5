// The judges are judged: each helper must pass on the truth, fail on an error of the stated size, and fail when blind.
#include "testing/statistics.h"

#include <cmath>
#include <vector>

#include "rng/stream.h"
#include "testing/quantiles.h"

namespace meso {
namespace {

std::string said(const ::testing::AssertionResult& result) { return result.message(); }

TEST(Quantiles, AreThoseOfTheTables) {
  using checks::normal_upper, checks::student_upper;
  EXPECT_NEAR(normal_upper(0.025), 1.959963984540054, 1e-13);
  EXPECT_NEAR(normal_upper(5e-10), 6.109410204869, 1e-9);  // two-sided 1e-9
  EXPECT_NEAR(normal_upper(0.975), -1.959963984540054, 1e-13);
  EXPECT_NEAR(student_upper(0.025, 1), std::tan(M_PI * 0.475), 1e-9);  // Cauchy law in closed form
  for (const double p : {0.3, 0.01, 1e-6}) EXPECT_NEAR(student_upper(p, 2), (1 - 2 * p) / std::sqrt(2 * p * (1 - p)), 1e-9 / std::sqrt(p));  // closed form
  EXPECT_NEAR(student_upper(0.005, 63), 2.656, 5e-4);  // table value
  EXPECT_NEAR(student_upper(1e-4, 1e7), normal_upper(1e-4), 1e-5);
}

/// Means of n normals with the given true mean and deviation 2, one check per lane.
std::vector<MeanCheck> sampled_means(double truth, double claimed, int n, std::size_t lanes) {
  std::vector<MeanCheck> checks;
  for (std::size_t lane = 0; lane < lanes; ++lane) {
    Stream rng(20240611, lane, "testing/means");
    double sum = 0, squares = 0;
    for (int i = 0; i < n; ++i) {
      const double x = truth + 2 * rng.normal();
      sum += x;
      squares += x * x;
    }
    const double mean = sum / n, variance = (squares - n * mean * mean) / (n - 1);
    checks.push_back({claimed, mean, std::sqrt(variance / n), "lane " + std::to_string(lane)});
  }
  return checks;
}

TEST(MeansMatchTest, PassesOnTheTruth) { EXPECT_TRUE(MeansMatch(sampled_means(3, 3, 40000, 5), 0.1)); }

TEST(MeansMatchTest, FailsOnABiasOfTheDetectableSize) {  // (6.4 + 2.33) * 0.01 = 0.087 < 0.1: it must be seen
  const auto result = MeansMatch(sampled_means(3, 3.1, 40000, 5), 0.1);
  EXPECT_FALSE(result);
  EXPECT_NE(said(result).find("means do not match"), std::string::npos) << said(result);
  auto one = sampled_means(3, 3, 40000, 5);
  one[3].exact += 0.1;
  EXPECT_FALSE(MeansMatch(one, 0.1)) << "one biased check among five";
}

TEST(MeansMatchTest, FailsWhenTheBiasCouldHide) {
  const auto result = MeansMatch(sampled_means(3, 3, 400, 5), 0.1);
  EXPECT_FALSE(result);
  EXPECT_NE(said(result).find("underpowered"), std::string::npos) << said(result);
}

TEST(MeansMatchTest, KeepsItsFalseFailureRateAndItsPower) {  // at a rate that can be counted
  const int studies = 4000, m = 4;
  const double rate = 0.05, sigma = 1, detectable = (checks::normal_upper(rate / (2 * m)) + checks::normal_upper(1 - checks::power)) * sigma * 1.0001;
  int false_failures = 0, caught = 0;
  for (int s = 0; s < studies; ++s) {
    Stream rng(7, static_cast<std::uint64_t>(s), "testing/rate");
    std::vector<MeanCheck> truth, biased;
    for (int i = 0; i < m; ++i) {
      const double x = rng.normal();
      truth.push_back({0, x, sigma, ""});
      biased.push_back({i == 2 ? detectable : 0, x, sigma, ""});
    }
    false_failures += !MeansMatch(truth, detectable, rate);
    caught += !MeansMatch(biased, detectable, rate);
  }
  // Six binomial standard deviations: 1e-9 for one side. Bonferroni is nearly sharp for independent checks (0.0491).
  const double exact = 1 - std::pow(1 - rate / m, m);
  EXPECT_NEAR(false_failures / double(studies), exact, 6.1 * std::sqrt(exact * (1 - exact) / studies));
  EXPECT_GE(caught / double(studies), checks::power - 6.1 * std::sqrt(checks::power * (1 - checks::power) / studies));
}

TEST(MeansMatchTest, RefusesWhatProvesNothing) {
  EXPECT_FALSE(MeansMatch(std::vector<MeanCheck>{}, 0.1));
  EXPECT_FALSE(MeansMatch({{1.0, std::nan(""), 0.01, "nan"}}, 0.1));
  EXPECT_FALSE(MeansMatch({{1.0, 1.0, std::nan(""), "nan error"}}, 0.1));
  EXPECT_FALSE(MeansMatch({{1.0, 1.0, -0.01, "negative error"}}, 0.1));
  EXPECT_FALSE(MeansMatch({{1.0, 1.0, 0.01, "no bias stated"}}, 0.0));
  EXPECT_FALSE(MeansMatch({{1.0, 1.0, 0.01, "rate"}}, 0.1, 0.0));
}

TEST(MeansMatchTest, AnExactEstimateIsComparedToRoundOff) {
  EXPECT_TRUE(MeansMatch({{0.3, 0.1 + 0.2, 0.0, "round-off"}}, 0.1));
  EXPECT_FALSE(MeansMatch({{0.3, 0.3 + 1e-9, 0.0, "no sampling error excuses this"}}, 0.1));
}

TEST(MeansMatchTest, FewDegreesOfFreedomAreJudgedByStudent) {
  EXPECT_FALSE(MeansMatch({{0.0, 6.5, 1.0, "normal"}}, 100));
  EXPECT_TRUE(MeansMatch({{0.0, 6.5, 1.0, "64 batches", 63}}, 100));
}

std::vector<double> normals(double shift, int n) {
  std::vector<double> x;
  Stream rng(11, 0, "testing/dkw");
  for (int i = 0; i < n; ++i) x.push_back(rng.normal() + shift);
  return x;
}
double normal_cdf(double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); }

TEST(DistributionMatchesTest, PassesOnTheTruthAndFailsOnADistanceOfTheDetectableSize) {
  // A shift by s moves the normal law by 2 Phi(s/2) - 1 in Kolmogorov distance.
  const double detectable = 0.03, shift = 2 * 0.0376;  // 2 Phi(0.0376) - 1 = 0.03
  ASSERT_NEAR(2 * normal_cdf(shift / 2) - 1, detectable, 1e-4);
  EXPECT_TRUE(DistributionMatches(normals(0, 40000), normal_cdf, detectable));
  const auto result = DistributionMatches(normals(shift, 40000), normal_cdf, detectable);
  EXPECT_FALSE(result);
  EXPECT_NE(said(result).find("do not match"), std::string::npos) << said(result);
}

TEST(DistributionMatchesTest, FailsWhenTheDistanceCouldHide) {
  const auto result = DistributionMatches(normals(0, 1000), normal_cdf, 0.03);
  EXPECT_FALSE(result);
  EXPECT_NE(said(result).find("underpowered"), std::string::npos) << said(result);
}

TEST(DistributionMatchesTest, TakesLatticeLaws) {
  const double mean = 4.2;
  const auto poisson_cdf = [](double m) {
    return [m](double x) {
      double p = std::exp(-m), sum = 0;
      for (int k = 0; k <= x; ++k, p *= m / k) sum += p;
      return sum;
    };
  };
  std::vector<double> x;
  Stream rng(12, 0, "testing/poisson");
  for (int i = 0; i < 40000; ++i) x.push_back(static_cast<double>(rng.poisson(mean)));
  EXPECT_TRUE(DistributionMatches(x, poisson_cdf(mean), 0.03));
  EXPECT_FALSE(DistributionMatches(x, poisson_cdf(mean + 0.3), 0.03));
}

TEST(DistributionMatchesTest, SeesAnAtomAndABrokenLaw) {
  EXPECT_FALSE(DistributionMatches(std::vector<double>(4000, 0.0), normal_cdf, 0.3)) << "half of the law lies beside the atom";
  EXPECT_FALSE(DistributionMatches(normals(0, 4000), [](double) { return std::nan(""); }, 0.3));
  EXPECT_FALSE(DistributionMatches(std::vector<double>{}, normal_cdf, 0.3));
  EXPECT_FALSE(DistributionMatches(std::vector<double>{std::nan("")}, normal_cdf, 0.3));
}

TEST(OrderIsTest, PassesOnTheOrderAndFailsOnAnother) {
  const std::vector<double> h{0.1, 0.05, 0.025, 0.0125};
  std::vector<double> second, first, plateau;
  for (const double s : h) {
    second.push_back(3 * s * s + 0.1 * s * s * s);
    first.push_back(s);
    plateau.push_back(s * s + 2e-4);
  }
  EXPECT_TRUE(OrderIs(h, second, 2, 0.05));
  EXPECT_FALSE(OrderIs(h, first, 2, 0.05));
  EXPECT_FALSE(OrderIs(h, second, 2.2, 0.05));
  EXPECT_FALSE(OrderIs(h, plateau, 2, 0.3)) << "a plateau must be seen";
  const std::vector<double> shuffled_h{0.025, 0.1, 0.0125, 0.05}, shuffled_e{second[2], second[0], second[3], second[1]};
  EXPECT_TRUE(OrderIs(shuffled_h, shuffled_e, 2, 0.05));
}

TEST(OrderIsTest, RefusesWhatHasNoOrder) {
  EXPECT_FALSE(OrderIs(std::vector<double>{0.1, 0.05}, std::vector<double>{0.1, 0.05}, 1, 0.1));
  EXPECT_FALSE(OrderIs(std::vector<double>{0.1, 0.05, 0.025}, std::vector<double>{0, 0, 0}, 1, 0.1));
  EXPECT_FALSE(OrderIs(std::vector<double>{0.1, 0.1, 0.025}, std::vector<double>{0.1, 0.1, 0.025}, 1, 0.1));
  EXPECT_FALSE(OrderIs(std::vector<double>{0.1, 0.05, 0.025}, std::vector<double>{0.1, 0.05}, 1, 0.1));
  EXPECT_FALSE(OrderIs(std::vector<double>{0.1, 0.05, 0.025}, std::vector<double>{0.1, std::nan(""), 0.02}, 1, 0.1));
}

}  // namespace
}  // namespace meso
