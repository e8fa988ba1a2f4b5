#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "base/error.h"
#include "rng/stream.h"
#include "stat/fit.h"
#include "stat/jackknife.h"
#include "stat/quantile.h"

namespace meso {
namespace {

TEST(Quantile, MatchesPublishedTables) {
  EXPECT_NEAR(normal_tail_quantile(0.025), 1.959963984540054, 1e-13);
  EXPECT_NEAR(normal_tail_quantile(1e-9), 5.997807015008182, 1e-10);
  EXPECT_NEAR(student_tail_quantile(0.005, 63), 2.656145, 1e-6);     // NIST/SEMATECH e-Handbook, 1.3.6.7.2 (63 dof: 2.656)
  EXPECT_NEAR(student_tail_quantile(0.05, 1), 6.313751514675043, 1e-10);
  EXPECT_EQ(student_tail_quantile(0.1, std::numeric_limits<double>::infinity()), normal_tail_quantile(0.1));
}

TEST(Quantile, BoundsAreTheExactBinomialOnes) {
  const double bound = no_variation_bound(1.0, 100, 0.01);  // (1 - p)^100 = 0.01
  EXPECT_NEAR(std::pow(1 - bound, 100), 0.01, 1e-12);
  EXPECT_NEAR(dkw_band(1000, 0.05), std::sqrt(std::log(40.0) / 2000), 1e-15);
  EXPECT_EQ(binomial_upper_count(10, 0.5, 0.06), 7u);  // P(X > 7) = 56/1024 = 0.0547, P(X > 6) = 0.172
}

TEST(DeleteBatch, OfAMeanIsTheTextbookStandardError) {  // an identity, for equal and for unequal batches
  Stream rng(3, 0, "test/jackknife");
  std::vector<double> x(60);
  for (double& v : x) v = rng.normal();
  const double mean = std::accumulate(x.begin(), x.end(), 0.0) / 60;
  double ss = 0;
  for (const double v : x) ss += (v - mean) * (v - mean);
  std::vector<double> replicate, weight(60, 1.0);
  for (const double v : x) replicate.push_back((60 * mean - v) / 59);
  EXPECT_NEAR(delete_batch_error(mean, replicate, weight), std::sqrt(ss / 59 / 60), 1e-12);
  // Unequal batches: mean square error over many data sets equals 1/n within its error (power: sees 5 %).
  const std::vector<std::size_t> size{5, 5, 5, 5, 5, 5, 5, 5, 5, 2};
  double square = 0;
  const int sets = 4000;
  for (int s = 0; s < sets; ++s) {
    std::vector<double> w, sum;
    double total = 0;
    for (const std::size_t m : size) {
      double batch = 0;
      for (std::size_t i = 0; i < m; ++i) batch += rng.normal();
      sum.push_back(batch);
      w.push_back(static_cast<double>(m));
      total += batch;
    }
    std::vector<double> r;
    for (std::size_t j = 0; j < w.size(); ++j) r.push_back((total - sum[j]) / (47 - w[j]));
    const double e = delete_batch_error(total / 47, r, w);
    square += e * e / sets;
  }
  EXPECT_NEAR(square * 47, 1.0, 0.05);  // sd of the mean of 4,000 chi^2_9/9: 0.0075, so 6.6 sd
}

TEST(FitPower, FindsTheExponentOfCorrelatedCurvesWithTheRightError) {
  // Curves a_k t^0.4 with a common random factor: perfectly correlated along t, so the exponent is exact.
  Estimate y;
  const std::vector<double> t{1, 2, 4, 8, 16, 32};
  y.batches.emplace();
  std::vector<double> factor(8);
  Stream rng(1, 0, "test/fit");
  for (double& f : factor) f = 1 + 0.1 * rng.normal();
  const double sum = std::accumulate(factor.begin(), factor.end(), 0.0);
  for (const double ti : t) {
    y.value.push_back(sum / 8 * std::pow(ti, 0.4));
    y.std_error.push_back(0.03 * std::pow(ti, 0.4));
  }
  for (const double f : factor) {
    y.batches->weight.push_back(1);
    for (const double ti : t) y.batches->replicate.push_back((sum - f) / 7 * std::pow(ti, 0.4));
  }
  const PowerFit fit = fit_power(t, y, 1.5, 40);
  EXPECT_NEAR(fit.exponent, 0.4, 1e-12);
  EXPECT_NEAR(fit.std_error, 0, 1e-12);
  EXPECT_EQ(fit.points, 5u);
  EXPECT_NEAR(fit.decades, std::log10(16.0), 1e-12);
  EXPECT_THROW((void)fit_power(t, y, 30, 31), InputError);
}

// A weighted line by hand, and its errors from their definition: the weights are 1/sigma^2.
TEST(Fits, AWeightedLine) {
  const std::vector<double> x{0, 1, 3}, y{1, 2, 7}, w{1, 4, 2};
  const LineFit fit = fit_line(x, y, w);
  // Normal equations: sum w = 7, sum wx = 10, sum wxx = 22, sum wy = 23, sum wxy = 50.
  EXPECT_NEAR(fit.slope, (7.0 * 50 - 10 * 23) / (7.0 * 22 - 100), 1e-14);
  EXPECT_NEAR(fit.intercept, (22.0 * 23 - 10 * 50) / (7.0 * 22 - 100), 1e-14);
  EXPECT_NEAR(fit.slope_error, std::sqrt(7.0 / 54), 1e-14);
  EXPECT_NEAR(fit.intercept_error, std::sqrt(22.0 / 54), 1e-14);
  const LineFit alike = fit_line(x, std::vector<double>{2, 5, 11});
  EXPECT_NEAR(alike.slope, 3, 1e-14);
  EXPECT_NEAR(alike.intercept, 2, 1e-14);
  EXPECT_THROW((void)fit_line(x, std::vector<double>{1, 2}), InputError);
  EXPECT_THROW((void)fit_line(std::vector<double>{1}, std::vector<double>{1}), InputError);
}

TEST(FitOrder, IsReportedOnlyWhenTheDifferenceIsResolvedAtThreeSizes) {
  const std::vector<double> x{0.1, 0.05, 0.025, 0.0125};
  std::vector<double> d, e(4, 1e-6);
  for (const double v : x) d.push_back(-0.3 * v * v);
  const OrderEstimate fit = fit_order(x, d, e);
  EXPECT_TRUE(fit.resolved);
  EXPECT_NEAR(fit.order, 2.0, 1e-6);
  EXPECT_NEAR(fit.prefactor, -0.3, 1e-4);
  EXPECT_FALSE(fit_order(x, d, std::vector<double>{1, 1, 1e-6, 1e-6}).resolved);
  d[0] = 0.1;
  EXPECT_FALSE(fit_order(x, d, e).resolved) << "sign change";
}

}  // namespace
}  // namespace meso
