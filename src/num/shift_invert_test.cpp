#include "num/shift_invert.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

namespace meso::num {
namespace {

Generator immigration_death(std::size_t n, double birth, double death) {
  Generator g;
  for (std::size_t j = 0; j < n; ++j) {
    g.leak.push_back(j + 1 == n ? birth : 0);
    if (j + 1 < n) {
      g.target.push_back(static_cast<std::uint32_t>(j + 1));
      g.rate.push_back(birth);
    }
    if (j > 0) {
      g.target.push_back(static_cast<std::uint32_t>(j - 1));
      g.rate.push_back(death * static_cast<double>(j));
    }
    g.start.push_back(g.target.size());
  }
  return g;
}

/// All the steps to time t. @returns the estimated error
double advance(ShiftInvert& solver, std::span<double> p, double t, double tolerance, double& step) {
  double done = 0, error = 0;
  while (done < t) {
    const ShiftInvert::Step taken = solver.advance(p, t - done, tolerance / t, step);
    done = taken.taken == t - done ? t : done + taken.taken;
    error += taken.error;
  }
  return error;
}

double distance(std::span<const double> p, double mean) {
  double d = 0;
  for (std::size_t k = 0; k < p.size(); ++k) d += std::abs(p[k] - std::exp(static_cast<double>(k) * std::log(mean) - mean - std::lgamma(static_cast<double>(k) + 1)));
  return d;
}

TEST(ShiftInvert, FollowsThePoissonLawAndItsEstimateCoversTheError) {
  for (const double birth : {20.0, 1000.0}) {
    const auto n = static_cast<std::size_t>(birth + 12 * std::sqrt(birth) + 20);
    const Generator g = immigration_death(n, birth, 1);
    const Dissection order(g);
    double before = 1;
    for (const double tolerance : {1e-4, 1e-7, 1e-10}) {
      std::vector<double> p(n, 0.0);
      p[0] = 1;
      ShiftInvert solver(g, order);
      double step = 0, error = 0, t = 0, worst = 0;
      for (const double h : {0.01, 0.5, 5.0, 100.0}) {
        error += advance(solver, p, h, tolerance, step);
        t += h;
        worst = std::max(worst, distance(p, birth * -std::expm1(-t)));
        EXPECT_LE(worst, error + 1e-11) << "mean " << birth << ", t " << t;  // 1e-11: lgamma of the exact law
        EXPECT_LE(error, 8 * tolerance + 1e-10);
      }
      EXPECT_LT(worst, before);
      before = worst + 1e-11;
      EXPECT_LT(solver.solutions(), 1200u) << "uniformisation would take " << 2e2 * birth;
    }
  }
}

TEST(ShiftInvert, AgreesWithUniformisationInTwoDimensions) {  // no detailed balance, rates over four orders of magnitude, leaks
  const std::int32_t a = 30, b = 24;
  Generator g;
  std::vector<std::int32_t> positions;
  for (std::int32_t x = 0; x < a; ++x)
    for (std::int32_t y = 0; y < b; ++y) {
      positions.insert(positions.end(), {x, y});
      g.leak.push_back(0);
      const auto add = [&](std::int32_t dx, std::int32_t dy, double rate) {
        if (!(rate > 0)) return;
        const std::int32_t to_x = x + dx, to_y = y + dy;
        if (to_x < 0 || to_y < 0 || to_x >= a || to_y >= b) {
          g.leak.back() += rate;
          return;
        }
        g.target.push_back(static_cast<std::uint32_t>(to_x * b + to_y));
        g.rate.push_back(rate);
      };
      add(1, 0, 8.0);
      add(-1, 1, 0.9 * x);
      add(0, -1, 0.5 * y);
      add(-2, 0, 0.05 * x * (x - 1));
      add(1, -1, 30.0 * y);
      g.start.push_back(g.target.size());
    }
  std::vector<double> p(g.size(), 0.0), q;
  p[5 * b + 3] = 1;
  q = p;
  const Dissection order(g, positions, 2);
  ShiftInvert implicit(g, order);
  Uniformised uniformised(g);
  double step = 0;
  for (const double h : {0.02, 0.3, 2.0}) {
    const double error = advance(implicit, p, h, 1e-11, step);
    for (int piece = 0; piece < 10; ++piece) uniformised.advance(q, 0.1 * h, 1e-16);
    double difference = 0;
    for (std::size_t i = 0; i < p.size(); ++i) difference += std::abs(p[i] - q[i]);
    EXPECT_LT(difference, 1e-11 + 1e-12) << h;
    EXPECT_LT(error, 5e-11);
  }
}

TEST(ShiftInvert, ASmallChainIsExact) {  // the Krylov space closes: p(t) of two states
  Generator g;
  g.start = {0, 1, 2};
  g.target = {1, 0};
  g.rate = {3.0, 1e6};
  g.leak = {0, 0};
  const Dissection order(g);
  std::vector<double> p{0, 1};
  double step = 0;
  ShiftInvert solver(g, order);
  EXPECT_LT(advance(solver, p, 1e-6, 1e-12, step), 1e-11);
  const double rate = 3.0 + 1e6, rest = 3.0 / rate;
  EXPECT_NEAR(p[1], rest + (1 - rest) * std::exp(-rate * 1e-6), 2e-12);
  EXPECT_NEAR(p[0] + p[1], 1, 2e-12);
}

}  // namespace
}  // namespace meso::num
