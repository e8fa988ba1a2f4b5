// Laws on grids and along characteristics against Gaussians and mixtures in closed form, orders, and what is refused.
#include "kits/generative/kinetic.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "base/error.h"
#include "kits/generative/potential.h"
#include "stat/wasserstein.h"
#include "testing/statistics.h"

namespace meso::generative {
namespace {

const OrnsteinUhlenbeck forward{};

double normal_cdf(double x, double sd) { return 0.5 * std::erfc(-x / (sd * std::numbers::sqrt2)); }

sde::GaussianMixture card_mixture() { return sde::GaussianMixture::isotropic({0.3, 0.3, 0.4}, {-2, 0.5, 2}, std::vector<double>{0.3, 0.3, 0.3}); }

/// Score -(1 + delta) x / v(t) of a Gaussian law with variance v0, wrong by a factor: acceptance check 1.
struct WrongGaussian {
  double v0, delta, end = 10;
  [[nodiscard]] double v(double t) const { return 0.5 + (v0 - 0.5) * std::exp(-2 * t); }
  [[nodiscard]] Drift drift(double part) const {
    return [*this, part](double t, std::span<const double> x, std::span<double> out) {
      for (std::size_t i = 0; i < x.size(); ++i) out[i] = -x[i] + part * (1 + delta) * x[i] / v(t);
    };
  }
  [[nodiscard]] double ode_variance() const {  // card: (1/2) e^{2T} (v0 / (e^{2T}/2 + v0 - 1/2))^{1 + delta}
    const double grown = 0.5 * std::exp(2 * end);
    return grown * std::pow(v0 / (grown + v0 - 0.5), 1 + delta);
  }
};

TEST(GridLaw, ReverseDiffusionWithAWrongScoreHasOrderTwo) {
  const WrongGaussian wrong{0.25, 0.1};
  std::vector<double> steps, errors;
  for (const std::size_t n : {100, 200, 400}) {
    GridLaw law({-5, 5, n}, [](double x) { return normal_cdf(x, std::sqrt(0.5)); });
    diffuse(law, wrong.drift(1), [](double) { return 0.5; }, time_grid(10, 0, n, 0));
    steps.push_back(1.0 / static_cast<double>(n));
    errors.push_back(std::abs(law.law().variance() - 0.25 / 1.2));
    EXPECT_LT(law.lost(), 1e-10);
  }
  EXPECT_TRUE(OrderIs(steps, errors, 2, 0.2));
  EXPECT_LT(errors.back(), 1e-3 * 0.25 / 1.2);
}

TEST(FlowLaw, ProbabilityFlowWithAWrongScore) {
  for (const WrongGaussian& wrong : {WrongGaussian{0.25, 0.1}, {0.25, -0.1}, {2, 0.1}}) {
    const PiecewiseLaw law = flow_law(wrong.drift(0.5), time_grid(10, 0, 200, 0), [](double x) { return normal_cdf(x, std::sqrt(0.5)); }, -6, 6);
    EXPECT_NEAR(law.variance() / wrong.ode_variance(), 1, 1e-4) << wrong.v0 << " " << wrong.delta;
    EXPECT_NEAR(law.mean(), 0, 1e-9);
  }
}

TEST(GridLaw, ForwardsItFollowsAMixture) {
  const MixturePotential truth(card_mixture(), forward);
  GridLaw law({-6, 6, 1200}, [&](double x) { return truth.law(0).cdf(x); });
  const Drift drift = [](double, std::span<const double> x, std::span<double> v) { std::transform(x.begin(), x.end(), v.begin(), [](double y) { return -y; }); };
  std::size_t calls = 0;
  diffuse(law, drift, [](double) { return 0.5; }, time_grid(0, 2, 400, 0), [&](std::size_t k, const GridLaw& at) {
    ++calls;
    if (k % 100 != 0) return;
    const double t = 2 * std::pow(static_cast<double>(k) / 400, 2);
    const PiecewiseLaw seen = at.law(), exact = PiecewiseLaw::of([&](double x) { return truth.law(t).cdf(x); }, seen.x);
    EXPECT_LT(kolmogorov(seen, exact), 5e-5) << t;
    EXPECT_LT(l1_distance(seen, exact), 4e-4) << t;
  });
  EXPECT_EQ(calls, 401u);
}

TEST(GridLaw, BackwardsTheExactScoreReturnsTheDataByBothRoads) {
  const MixturePotential score(card_mixture(), forward);
  const auto start = [&](double x) { return score.law(3).cdf(x); };
  const ReverseDrift reverse(score, forward, ReverseDrift::Kind::diffusion), flowing(score, forward, ReverseDrift::Kind::probability_flow);
  GridLaw law({-6, 6, 1200}, start);
  diffuse(law, drift_of(reverse), [](double) { return 0.5; }, time_grid(3, 0, 600, 0));
  const PiecewiseLaw sde = law.law(), exact = PiecewiseLaw::of([&](double x) { return score.law(0).cdf(x); }, sde.x);
  const PiecewiseLaw ode = flow_law(drift_of(flowing), time_grid(3, 0, 200, 0), start, -6, 6, {.widest = 0.005});
  EXPECT_LT(kolmogorov(sde, exact), 1e-3);
  EXPECT_LT(std::pow(wasserstein_2(sde, exact), 2), 1e-5);
  EXPECT_LT(kolmogorov(ode, PiecewiseLaw::of([&](double x) { return score.law(0).cdf(x); }, ode.x)), 1e-7);
  EXPECT_LT(kolmogorov(ode, exact), 1.4e-5);  // the grid's pieces: width^2 max|p'|/8 = 1.35e-5
  EXPECT_LT(std::pow(wasserstein_2(ode, exact), 2), 1e-8);
  EXPECT_LT(kullback_leibler(sde, exact), 1e-5);
}

TEST(GridLaw, WithoutDiffusionItIsUpwinding) {  // a pure shift, first order: positive and conservative
  GridLaw law({-4, 6, 400}, [](double x) { return normal_cdf(x, 0.5); });
  diffuse(law, [](double, std::span<const double>, std::span<double> v) { std::fill(v.begin(), v.end(), 1.0); }, [](double) { return 0.0; }, time_grid(0, 1.5, 300, 0, 1));
  EXPECT_NEAR(law.law().mean(), 1.5, 1e-6);
  EXPECT_NEAR(law.law().variance(), 0.25 + 1.5 * law.width() + law.width() * law.width() / 12, 1e-3);  // upwinding spreads by v h/2 a unit of time
}

TEST(PlaneLaw, ReturnsAMixtureInThePlane) {
  const sde::GaussianMixture data({0.35, 0.65}, {-1, 0.4, 0.8, -0.3}, {0.3, 0.1, 0.1, 0.2, 0.15, -0.05, -0.05, 0.4});
  const MixturePotential score(data, forward);
  const ReverseDrift reverse(score, forward, ReverseDrift::Kind::diffusion);
  std::vector<double> steps, errors;
  for (const std::size_t n : {32, 64, 128}) {
    const Cells axis{-5, 5, n};
    const sde::GaussianMixture last = score.law(2);
    PlaneLaw law(axis, axis, [&](double x, double y) { return std::exp(last.log_density(std::vector<double>{x, y})); });
    diffuse(law, reverse, [](double) { return 0.5; }, time_grid(2, 0, n, 0));
    double l1 = 0;
    for (std::size_t j = 0; j < n; ++j)
      for (std::size_t i = 0; i < n; ++i) l1 += std::abs(law.mass()[j * n + i] - std::exp(data.log_density(std::vector<double>{law.centre(0, i), law.centre(1, j)})) * law.width(0) * law.width(1));
    steps.push_back(1.0 / static_cast<double>(n));
    errors.push_back(l1);
    EXPECT_LT(law.lost(), 1e-6);
  }
  EXPECT_TRUE(OrderIs(steps, errors, 2, 0.25));
  EXPECT_LT(errors.back(), 0.01);
}

TEST(TimeGrid, IsDenseWhereAsked) {
  const std::vector<double> t = time_grid(5, 0.01, 100, 0.01);
  EXPECT_EQ(t.front(), 5);
  EXPECT_EQ(t.back(), 0.01);
  EXPECT_NEAR(t[50], 0.01 + 4.99 / 4, 1e-12);
  EXPECT_NEAR(time_grid(0, 2, 4, 0, 1)[1], 0.5, 1e-15);
}

TEST(Kinetic, RefusesWhatItCannotDo) {
  const auto refusal = [](const auto& f) {
    try {
      f();
    } catch (const std::exception& e) {
      return std::string(e.what());
    }
    return std::string();
  };
  const auto flat = [](double x) { return std::clamp(x, 0.0, 1.0); };
  EXPECT_EQ(refusal([&] { GridLaw({1, 1, 100}, flat); }), "a grid of a law needs an interval: [1, 1] is given");
  EXPECT_EQ(refusal([&] { GridLaw({0, 1, 3}, flat); }), "a grid of a law needs at least 4 cells: 3 are given");
  const Drift breaks = [](double t, std::span<const double> x, std::span<double> v) { std::transform(x.begin(), x.end(), v.begin(), [t](double y) { return y > 0.5 ? std::log(t - 10) : 0.0; }); };
  const std::vector<double> times = time_grid(0, 1, 4, 0, 1);
  GridLaw law({0, 1, 10}, flat);
  EXPECT_NE(refusal([&] { diffuse(law, breaks, [](double) { return 1.0; }, times); }).find("the drift is"), std::string::npos);
  EXPECT_NE(refusal([&] { diffuse(law, breaks, [](double) { return -1.0; }, times); }).find("the diffusion is -1 at t = "), std::string::npos);
  const Drift fast = [](double, std::span<const double> x, std::span<double> v) { std::transform(x.begin(), x.end(), v.begin(), [](double y) { return -40 * std::sin(20 * y); }); };
  EXPECT_NE(refusal([&] { (void)flow_law(fast, time_grid(0, 1, 2, 0, 1), flat, 0, 1); }).find("quantiles cross"), std::string::npos);
  const MixturePotential plane(sde::GaussianMixture({1}, {0, 0}, {1, 0, 0, 1}), forward);
  EXPECT_NE(refusal([&] { (void)drift_of(plane); }).find("one dimension; this one has 2"), std::string::npos);
}

}  // namespace
}  // namespace meso::generative
