#include "stat/wasserstein.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/error.h"
#include "rng/stream.h"
#include "stat/quantile.h"
#include "testing/statistics.h"

namespace meso {
namespace {

TEST(Wasserstein, OfSmallSamplesIsTheMonotonePlanByHand) {
  const std::vector<double> a{3, 0, 1}, b{5, 6, 8};
  EXPECT_NEAR(wasserstein(a, b, 1), 5.0, 1e-14);                        // sorted pairs 0-5, 1-6, 3-8
  EXPECT_NEAR(wasserstein(a, b, 2), 5.0, 1e-14);
  const std::vector<double> c{0, 1}, d{0, 0, 3};                         // quantiles: [0,1/2): 0, then 1; [0,2/3): 0, then 3
  EXPECT_NEAR(wasserstein(c, d, 1), 1.0 / 6 * 1 + 1.0 / 3 * 2, 1e-14);
  EXPECT_NEAR(wasserstein(c, d, 2), std::sqrt(1.0 / 6 * 1 + 1.0 / 3 * 4), 1e-14);
  EXPECT_EQ(wasserstein(a, a, 2), 0);
}

TEST(Wasserstein, IsAMetricThatScalesAndIgnoresRepetition) {
  Stream s(3, 0, "test/wasserstein");
  std::vector<double> a, b, c, twice;
  for (int i = 0; i < 40; ++i) a.push_back(s.normal());
  for (int i = 0; i < 27; ++i) b.push_back(2 * s.normal() + 1);
  for (int i = 0; i < 33; ++i) c.push_back(s.exponential());
  for (const double x : a) twice.insert(twice.end(), {x, x});
  for (const int p : {1, 2}) {
    const double ab = wasserstein(a, b, p), bc = wasserstein(b, c, p), ac = wasserstein(a, c, p);
    EXPECT_LE(ac, ab + bc);
    EXPECT_NEAR(wasserstein(b, a, p), ab, 1e-14);
    EXPECT_NEAR(wasserstein(twice, b, p), ab, 1e-13);
    std::vector<double> a2 = a, b2 = b;
    for (double& x : a2) x = -3 * x + 7;
    for (double& x : b2) x = -3 * x + 7;
    EXPECT_NEAR(wasserstein(a2, b2, p), 3 * ab, 1e-12);
  }
  EXPECT_LE(wasserstein(a, b, 1), wasserstein(a, b, 2));
}

TEST(Wasserstein, OfASampleToALawAgreesWithClosedForms) {
  // One point at c against the uniform law on [0,1]: W_1 = (c^2 + (1-c)^2)/2, W_2^2 = 1/12 + (c - 1/2)^2.
  const std::vector<double> point{0.3};
  const auto uniform = [](double x) { return std::clamp(x, 0.0, 1.0); };
  EXPECT_NEAR(wasserstein_1(point, uniform, 0, 1), (0.09 + 0.49) / 2, 1e-12);
  EXPECT_NEAR(wasserstein_2(point, [](double u) { return u; }), std::sqrt(1.0 / 12 + 0.04), 1e-12);
  // Quantile midpoints of the normal law, shifted by 2 and against a law of twice the width: W_2^2 -> (shift)^2 + (2 - 1)^2.
  std::vector<double> grid;
  constexpr int n = 20000;
  for (int i = 0; i < n; ++i) grid.push_back(2 - normal_tail_quantile((i + 0.5) / n));
  EXPECT_NEAR(wasserstein_2(grid, [](double u) { return -2 * normal_tail_quantile(u); }), std::sqrt(5.0), 2e-3);
  EXPECT_NEAR(wasserstein_1(grid, [](double x) { return 0.5 * std::erfc(-(x) / std::sqrt(2.0)); }, -9, 11), 2.0, 1e-3);
}

TEST(Wasserstein, OfAnEmpiricalLawFallsAsTheRootOfTheSampleSize) {
  // For the uniform law E W_1 -> n^(-1/2) int E|B(u)| du = n^(-1/2) sqrt(2/pi) pi/8 with the Brownian bridge B.
  constexpr int n = 1000, repeats = 600;
  double sum = 0, square = 0;
  for (std::uint64_t k = 0; k < repeats; ++k) {
    Stream s(9, k, "test/wasserstein");
    std::vector<double> u(n);
    for (double& x : u) x = s.uniform();
    const double w = wasserstein_1(u, [](double x) { return std::clamp(x, 0.0, 1.0); }, 0, 1) * std::sqrt(static_cast<double>(n));
    sum += w / repeats;
    square += w * w / repeats;
  }
  EXPECT_TRUE(MeansMatch({{std::sqrt(2 / M_PI) * M_PI / 8, sum, std::sqrt((square - sum * sum) / repeats), "sqrt(n) E W_1"}}, 0.06));
}

TEST(Wasserstein, RefusesWhatHasNoDistance) {
  const std::vector<double> a{1, 2}, none, bad{1, NAN};
  EXPECT_THROW(static_cast<void>(wasserstein(a, none, 1)), InputError);
  EXPECT_THROW(static_cast<void>(wasserstein(bad, a, 1)), InputError);
  EXPECT_THROW(static_cast<void>(wasserstein(a, a, 3)), InputError);
}

}  // namespace
}  // namespace meso
