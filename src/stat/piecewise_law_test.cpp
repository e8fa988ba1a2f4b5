// Piecewise linear laws: distances of uniform laws in closed form, Gaussians by refinement, what is refused.
#include "stat/piecewise_law.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numbers>

#include "base/error.h"
#include "stat/wasserstein.h"
#include "testing/statistics.h"

namespace meso {
namespace {

PiecewiseLaw gaussian(double mean, double sd, std::size_t pieces) {
  std::vector<double> x;
  for (std::size_t k = 0; k <= pieces; ++k) x.push_back(mean + sd * (-9 + 18.0 * static_cast<double>(k) / static_cast<double>(pieces)));
  return PiecewiseLaw::of([&](double v) { return 0.5 * std::erfc((mean - v) / (sd * std::numbers::sqrt2)); }, x);
}

TEST(PiecewiseLaw, UniformLawsInClosedForm) {
  const PiecewiseLaw a = PiecewiseLaw::make({0, 1}, {0, 1}), b = PiecewiseLaw::make({0.5, 1, 2.5}, {0, 0.25, 1});  // U(0,1), U(1/2, 5/2)
  EXPECT_DOUBLE_EQ(a.mean(), 0.5);
  EXPECT_DOUBLE_EQ(a.variance(), 1.0 / 12);
  EXPECT_DOUBLE_EQ(b.variance(), 4.0 / 12);
  EXPECT_DOUBLE_EQ(b.quantile(0.5), 1.5);
  EXPECT_NEAR(wasserstein_2(a, b), std::sqrt(1 + 1.0 / 12), 1e-15);  // Q_a = u, Q_b = 1/2 + 2u: int (1/2 + u)^2 du
  EXPECT_NEAR(kolmogorov(a, b), 0.75, 1e-15);
  EXPECT_NEAR(l1_distance(a, b), 0.5 + 0.25 + 0.75, 1e-15);
  EXPECT_TRUE(std::isinf(kullback_leibler(a, b)));
  EXPECT_NEAR(kullback_leibler(PiecewiseLaw::make({1, 2}, {0, 1}), b), std::log(2), 1e-15);
}

TEST(PiecewiseLaw, AtomsAndGapsAreJumpsOfTheQuantileFunction) {
  // Half the mass at [0,1], half at [10,11], against the same with 0.4 and 0.6: a tenth of the mass moves.
  const PiecewiseLaw a = PiecewiseLaw::make({0, 1, 10, 11}, {0, 0.5, 0.5, 1}), b = PiecewiseLaw::make({0, 1, 10, 11}, {0, 0.4, 0.4, 1});
  // u < 0.4: 2u and 2.5u; 0.4..0.5: 2u and 10 + (u - 0.4)/0.6; above: 10 + 2(u - 0.5) and the same.
  const auto integral = [](double from, double to, double d0, double d1) { return (to - from) * (d0 * d0 + d0 * d1 + d1 * d1) / 3; };
  EXPECT_NEAR(std::pow(wasserstein_2(a, b), 2), integral(0, 0.4, 0, 0.2) + integral(0.4, 0.5, 9.2, 10 + 1.0 / 6 - 1) + integral(0.5, 1, 1.0 / 6, 0), 1e-14);
  EXPECT_EQ(a.quantile(0), 0);
  EXPECT_EQ(a.quantile(1), 11);
}

TEST(PiecewiseLaw, GaussiansConvergeWithOrderTwo) {
  const double w2 = std::hypot(0.3, 0.2), kl = std::log(1.2) + (1 + 0.09) / (2 * 1.44) - 0.5;  // N(0,1) and N(0.3, 1.2^2)
  std::vector<double> steps, distance, divergence, spread;
  for (const std::size_t n : {100, 200, 400}) {
    const PiecewiseLaw a = gaussian(0, 1, n), b = gaussian(0.3, 1.2, n);
    steps.push_back(1.0 / static_cast<double>(n));
    distance.push_back(std::abs(wasserstein_2(a, b) - w2));
    divergence.push_back(std::abs(kullback_leibler(a, b) - kl));
    spread.push_back(std::abs(b.variance() - 1.44));
  }
  EXPECT_TRUE(OrderIs(steps, distance, 2, 0.1));
  EXPECT_TRUE(OrderIs(steps, divergence, 2, 0.1));
  EXPECT_TRUE(OrderIs(steps, spread, 2, 0.1));
  EXPECT_LT(distance.back(), 1e-4);
}

TEST(PiecewiseLaw, MassesOfTheUpperTailAreNotLostInRounding) {
  // Two laws that differ in their upper tails only: 1e-10 beside 1e-30. Differences of distribution functions near 1 would make the second one 0.
  const PiecewiseLaw a = PiecewiseLaw::of_masses({0, 1, 2}, {1 - 1e-10, 1e-10}), b = PiecewiseLaw::of_masses({0, 1, 2}, {1, 1e-30});
  EXPECT_EQ(b.mass[1], 1e-30);
  EXPECT_EQ(b.density(1.5), 1e-30);
  EXPECT_NEAR(kullback_leibler(a, b), 1e-10 * (std::log(1e20) - 1), 1e-16);
  EXPECT_EQ(kullback_leibler(a, PiecewiseLaw::of_masses({0, 1, 2}, {1, 0})), std::numeric_limits<double>::infinity());
  // A negative piece is none, and the law has mass 1.
  const PiecewiseLaw c = PiecewiseLaw::of_masses({0, 1, 2, 3}, {2, -1e-9, 2});
  EXPECT_EQ(c.below, (std::vector<double>{0, 0.5, 0.5, 1}));
  EXPECT_EQ(c.mean(), 1.5);
}

TEST(PiecewiseLaw, RefusesWhatIsNoLaw) {
  const auto refusal = [](std::vector<double> x, std::vector<double> f) {
    try {
      (void)PiecewiseLaw::make(std::move(x), std::move(f));
    } catch (const InputError& e) {
      return std::string(e.what());
    }
    return std::string();
  };
  EXPECT_NE(refusal({0}, {1}).find("two or more points"), std::string::npos);
  EXPECT_NE(refusal({0, 0}, {0, 1}).find("increase"), std::string::npos);
  EXPECT_NE(refusal({0, 1}, {1, 1}).find("no mass"), std::string::npos);
  EXPECT_NE(refusal({0, 1, 2, 3}, {0, 0.5, 0.4, 1}).find("falls by"), std::string::npos);
  EXPECT_THROW((void)PiecewiseLaw::of_masses({0, 1, 2}, {1, -0.1}), InputError);
  EXPECT_THROW((void)PiecewiseLaw::of_masses({0, 1, 2}, {0, 0}), InputError);
  EXPECT_THROW((void)PiecewiseLaw::of_masses({0, 1, 2}, {1}), InputError);
}

}  // namespace
}  // namespace meso
