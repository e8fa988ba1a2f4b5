// Draws of distances against their law, sums of weights against plain sums, the estimate by matrix products against plain loops and other libraries.
#include "kits/learning/kernel_density.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/error.h"
#include "kits/learning/distance_law.h"
#include "testing/statistics.h"

namespace meso::learning {
namespace {

TEST(DistanceSampler, DrawsTheLawOfTheDistance) {
  // Every branch of the chi-squared law: one to four dimensions in a group, central or not, and several groups.
  const std::vector<std::vector<DistanceGroup>> cases{{{1, 1, 2.0}}, {{2, 2, 0.5}}, {{1, 3, 0.0}}, {{0.5, 4, 4.0}}, {{1, 20, 20.0}}, {{1, 10, 10.0}, {4, 10, 3.0}, {0.1, 1, 9.0}}};
  for (std::size_t c = 0; c < cases.size(); ++c) {
    const DistanceLaw law(cases[c]);
    FastStream random = Stream(11, c, "test/distances").fast();
    std::vector<double> sample(20000);
    DistanceSampler(cases[c]).draw(random, sample);
    // The distribution function on 500 points, linear between: to 1e-4, except near zero, where one dimension has u^{1/2}.
    std::vector<double> at, below;
    for (int i = 0; i <= 500; ++i) {
      at.push_back((law.mean() + 9 * std::sqrt(law.variance())) * std::pow(i / 500.0, 4));
      below.push_back(i ? 1 - std::exp(law.ln_above(at.back())) : 0.0);
    }
    const auto cdf = [&](double u) {
      const auto k = static_cast<std::size_t>(std::upper_bound(at.begin(), at.end(), u) - at.begin());
      if (k == 0 || k == at.size()) return k ? 1.0 : 0.0;
      return below[k - 1] + (below[k] - below[k - 1]) * (u - at[k - 1]) / (at[k] - at[k - 1]);
    };
    EXPECT_TRUE(DistributionMatches(sample, cdf, 0.05, 1e-10)) << "case " << c;
  }
}

TEST(WeightSum, EqualsPlainSums) {
  FastStream random = Stream(12, 0, "test/weights").fast();
  std::vector<double> u(5000);
  DistanceSampler(std::vector<DistanceGroup>{{1, 10, 10.0}}).draw(random, u);
  std::vector<double> sorted = u;
  std::sort(sorted.begin(), sorted.end());
  for (const double h : {0.02, 0.3, 1.0, 30.0}) {  // at h = 0.02 every weight underflows
    WeightSum sum(h, 30, 4.0);
    for (std::size_t first = 0; first < u.size(); first += 700) sum.add(std::span<const double>(u).subspan(first, std::min<std::size_t>(700, u.size() - first)));
    long double z = 0, z2 = 0, top = 0, excess = 0;
    int beyond = 0;
    for (std::size_t i = 0; i < sorted.size(); ++i) {
      const long double w = std::exp(-static_cast<long double>(sorted[i] - sorted[0]) / (2 * h * h));
      z += w, z2 += w * w;
      if (i < 7) top += w;
      if (sorted[i] < 4) ++beyond, excess += (4 - sorted[i]) / (2 * h * h);
    }
    EXPECT_NEAR(sum.ln_sum(), static_cast<double>(std::log(z)) - sorted[0] / (2 * h * h), 1e-12 * std::max(1.0, sorted[0] / (2 * h * h))) << h;
    EXPECT_NEAR(sum.participation() / static_cast<double>(z2 / (z * z)), 1, 1e-12) << h;
    EXPECT_NEAR(sum.top_share(7), static_cast<double>(top / z), 1e-12) << h;
    EXPECT_EQ(sum.nearest(), sorted[0]);
    EXPECT_EQ(sum.nearest_points(), std::vector<double>(sorted.begin(), sorted.begin() + 30));
    EXPECT_EQ(sum.beyond(), beyond);
    EXPECT_NEAR(sum.excess(), static_cast<double>(excess), 1e-12 * static_cast<double>(excess)) << h;
  }
  WeightSum few(0.5, 30);
  few.add(std::vector<double>{3, 1});
  EXPECT_EQ(few.top_share(30), 1);
}

double plain_ln_density(const std::vector<double>& data, const double* x, std::size_t d, double h) {
  long double z = 0;
  for (std::size_t i = 0; i < data.size() / d; ++i) {
    long double u = 0;
    for (std::size_t j = 0; j < d; ++j) u += static_cast<long double>(x[j] - data[i * d + j]) * (x[j] - data[i * d + j]);
    z += std::exp(-u / (2 * h * h));
  }
  return static_cast<double>(std::log(z / static_cast<long double>(data.size() / d))) - 0.5 * static_cast<double>(d) * std::log(2 * std::numbers::pi * h * h);
}

TEST(GaussianKernelDensity, EqualsThePlainSum) {
  for (const std::size_t d : {1, 3, 20}) {
    FastStream random = Stream(13, d, "test/kernel-density").fast();
    std::vector<double> data(1500 * d), queries(70 * d);
    for (double& y : data) y = random.normal();
    for (double& x : queries) x = random.normal();
    const GaussianKernelDensity estimate(data, d, 0.6);
    const std::vector<double> ln = estimate.ln_density(queries);
    ASSERT_EQ(ln.size(), 70u);
    for (std::size_t q = 0; q < ln.size(); ++q) EXPECT_NEAR(ln[q], plain_ln_density(data, &queries[q * d], d, 0.6), 1e-12) << d << " " << q;  // 1e-12 of rho_hat
  }
}

TEST(GaussianKernelDensity, GivesTheNumbersOfOtherLibraries) {
  // scipy 1.10.1 gaussian_kde.logpdf with kernel covariance h^2 I, and scikit-learn 1.2.1 KernelDensity(bandwidth=h, rtol=0).score_samples, the same to 1e-15.
  constexpr int n = 40, d = 3;
  std::vector<double> data, queries;
  for (int i = 0; i < n; ++i)
    for (int j = 0; j < d; ++j) data.push_back(std::sin(1.3 * i + 0.7 * j * j + i * j / 5.0));
  for (int q = 0; q < 4; ++q)
    for (int j = 0; j < d; ++j) queries.push_back(std::cos(0.9 * q + 0.4 * j));
  const std::vector<double> theirs{-3.460040355587035, -2.91671856458365, -3.071286204930736, -3.740506964492584}, ours = GaussianKernelDensity(data, d, 0.5).ln_density(queries);
  for (std::size_t q = 0; q < 4; ++q) EXPECT_NEAR(ours[q], theirs[q], 1e-12);
}

TEST(GaussianKernelDensity, RefusesWhatDoesNotFit) {
  const auto said = [](const auto& f) {
    try {
      f();
    } catch (const ParameterError& error) {
      return std::string(error.what());
    }
    return std::string("accepted");
  };
  EXPECT_EQ(said([] { GaussianKernelDensity({1, 2, 3, 4}, 2, 0); }), "the bandwidth h is 0; it must be above 0");
  EXPECT_EQ(said([] { GaussianKernelDensity({1, 2, 3}, 2, 1); }), "3 numbers are no set of points in d = 2 dimensions");
  EXPECT_EQ(said([] { (void)GaussianKernelDensity({1, 2, 3, 4}, 2, 1).ln_density(std::vector<double>{1, 2, 3}); }), "the queries have 3 numbers, the data have d = 2 dimensions");
}

}  // namespace
}  // namespace meso::learning
