#include "num/ode.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "base/error.h"

namespace meso {
namespace {

OdeProblem oscillator() {  // y'' = -y, as a system with its exact Jacobian
  return {.size = 2,
          .rhs = [](double, auto y, auto f) { f[0] = y[1], f[1] = -y[0]; },
          .jacobian = [](double, auto, auto j) { j[0] = 0, j[1] = -1, j[2] = 1, j[3] = 0; }};
}

TEST(Ode, BoundCoversTheErrorAndShrinksWithTheTolerance) {
  const std::vector<double> times{0, 0.5, 1, 2, 5, 10};
  double last_bound = 1;
  for (const double tolerance : {1e-5, 1e-7, 1e-9}) {
    const BoundedOdeSolution s = integrate_with_bound(oscillator(), std::vector<double>{1, 0}, 0, times, {.relative = tolerance, .absolute = {tolerance}});
    ASSERT_EQ(s.solution.status, OdeStatus::done);
    double worst_bound = 0;
    for (std::size_t k = 0; k < times.size(); ++k) {
      EXPECT_LE(std::abs(s.solution.path[2 * k] - std::cos(times[k])), s.bound[2 * k] + 1e-15) << "tolerance " << tolerance << ", t = " << times[k];
      worst_bound = std::max(worst_bound, s.bound[2 * k]);
    }
    EXPECT_LT(worst_bound, 0.1 * last_bound);
    last_bound = worst_bound;
  }
}

TEST(Ode, StiffKineticsConserveMass) {  // Robertson (1966): rates over nine decades; published values at t = 40 (CVODE documentation)
  const OdeProblem robertson{.size = 3,
                             .rhs = [](double, auto y, auto f) {
                               f[0] = -0.04 * y[0] + 1e4 * y[1] * y[2];
                               f[2] = 3e7 * y[1] * y[1];
                               f[1] = -f[0] - f[2];
                             },
                             .jacobian = [](double, auto y, auto j) {
                               j[0] = -0.04, j[3] = 1e4 * y[2], j[6] = 1e4 * y[1];
                               j[2] = 0, j[5] = 6e7 * y[1], j[8] = 0;
                               for (int c = 0; c < 3; ++c) j[1 + 3 * c] = -j[3 * c] - j[2 + 3 * c];
                             }};
  const BoundedOdeSolution bounded = integrate_with_bound(robertson, std::vector<double>{1, 0, 0}, 0, std::vector<double>{40.0}, {.relative = 1e-8, .absolute = {1e-14}});
  const OdeSolution& s = bounded.solution;
  ASSERT_EQ(s.status, OdeStatus::done);
  EXPECT_NEAR(s.path[0], 0.7158270687, bounded.bound[0]);
  EXPECT_NEAR(s.path[1], 9.185534765e-6, bounded.bound[1]);
  EXPECT_LT(bounded.bound[0], 1e-5);
  EXPECT_NEAR(s.path[0] + s.path[1] + s.path[2], 1.0, 1e-10);
  EXPECT_LT(s.steps, 2000u);
}

TEST(Ode, FindsTheFirstFallThroughZero) {
  OdeProblem p = oscillator();
  p.n_events = 2;
  p.events = [](double, auto y, auto g) { g[0] = y[0], g[1] = y[0] + 0.5; };
  const OdeSolution s = integrate(p, std::vector<double>{1, 0}, 0, std::vector<double>{20.0}, {.relative = 1e-10, .absolute = {1e-12}});
  ASSERT_EQ(s.events.size(), 2u);
  EXPECT_EQ(s.events[0].index, 0u);
  EXPECT_NEAR(s.events[0].t, std::numbers::pi / 2, 1e-8);
  EXPECT_NEAR(s.events[1].t, 2 * std::numbers::pi / 3, 1e-8);
}

TEST(Ode, ReportsDivergenceWithItsTime) {  // y' = y^2 from 2 ends at t = 1/2
  const OdeProblem p{.size = 1, .rhs = [](double, auto y, auto f) { f[0] = y[0] * y[0]; }, .jacobian = [](double, auto y, auto j) { j[0] = 2 * y[0]; }};
  const std::vector<double> times{0.25, 0.75, 1};
  const OdeSolution s = integrate(p, std::vector<double>{2}, 0, times, {.relative = 1e-9, .absolute = {1e-12}, .divergence = {1e8}});
  EXPECT_EQ(s.status, OdeStatus::diverged);
  EXPECT_NEAR(s.t, 0.5, 1e-6);
  EXPECT_EQ(s.reached, 1u);
  EXPECT_NEAR(s.path[0], 4, 1e-6);
  EXPECT_TRUE(std::isnan(s.path[1]));
}

TEST(Ode, ReportsStepCollapse) {  // y' = -1/y from 1 meets a square-root singularity at t = 1/2
  const OdeProblem p{.size = 1, .rhs = [](double, auto y, auto f) { f[0] = y[0] > 0 ? -1 / y[0] : std::nan(""); }};
  const OdeSolution s = integrate(p, std::vector<double>{1}, 0, std::vector<double>{1.0}, {.relative = 1e-8, .absolute = {1e-12}});
  EXPECT_EQ(s.status, OdeStatus::step_collapse);
  EXPECT_NEAR(s.t, 0.5, 1e-4);
}

TEST(Ode, SameBitsTwice) {
  const std::vector<double> times{1, 2, 3};
  const auto once = [&] { return integrate(oscillator(), std::vector<double>{1, 0}, 0, times, {}).path; };
  EXPECT_EQ(once(), once());
}

TEST(Ode, MisuseThrows) {
  EXPECT_THROW((void)integrate(oscillator(), std::vector<double>{1}, 0, std::vector<double>{1.0}, {}), Error);
  EXPECT_THROW((void)integrate(oscillator(), std::vector<double>{1, 0}, 0, std::vector<double>{1.0, 0.5}, {}), Error);
  EXPECT_THROW((void)integrate(oscillator(), std::vector<double>{1, 0}, 0, std::vector<double>{1.0}, {.relative = 0}), Error);
}

}  // namespace
}  // namespace meso
