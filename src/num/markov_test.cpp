#include "num/markov.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "base/error.h"

namespace meso::num {
namespace {

/// A chain from a rule: visit(j, add) with add(i, rate); targets outside 0..n-1 leak.
template <class Rule>
Generator chain(std::size_t n, Rule rule) {
  Generator g;
  for (std::size_t j = 0; j < n; ++j) {
    g.leak.push_back(0);
    rule(j, [&](std::ptrdiff_t i, double rate) {
      if (rate <= 0) return;
      if (i < 0 || i >= static_cast<std::ptrdiff_t>(n)) g.leak.back() += rate;
      else {
        g.target.push_back(static_cast<std::uint32_t>(i));
        g.rate.push_back(rate);
      }
    });
    g.start.push_back(g.target.size());
  }
  return g;
}

/// Immigration `birth`, death `death` per head: Poisson with mean m(t) from an empty start.
Generator immigration_death(std::size_t n, double birth, double death) {
  return chain(n, [=](std::size_t j, auto add) {
    add(static_cast<std::ptrdiff_t>(j) + 1, birth);
    add(static_cast<std::ptrdiff_t>(j) - 1, death * static_cast<double>(j));
  });
}

double poisson(double mean, std::size_t k) { return std::exp(static_cast<double>(k) * std::log(mean) - mean - std::lgamma(static_cast<double>(k) + 1)); }

double distance(const std::vector<double>& p, double mean) {
  double d = 0;
  for (std::size_t k = 0; k < p.size(); ++k) d += std::abs(p[k] - poisson(mean, k));
  return d;
}

TEST(PoissonWindow, HoldsAllButTheCut) {
  for (const double mean : {1e-6, 0.3, 1.0, 7.5, 400.0, 1e5}) {
    const PoissonWindow w = poisson_window(mean, 1e-12);
    EXPECT_NEAR(std::accumulate(w.weight.begin(), w.weight.end(), 0.0), 1, 2e-12) << mean;
    double first = 0;
    for (std::size_t k = 0; k < w.weight.size(); ++k) first += w.weight[k] * static_cast<double>(w.first + k);
    EXPECT_NEAR(first, mean, 1e-9 * mean) << mean;
  }
}

TEST(Uniformised, FollowsThePoissonLawAndLosesOnlyWhatLeaks) {
  std::vector<double> p(80, 0.0), leaked(80, 0.0);
  p[0] = 1;
  Uniformised(immigration_death(80, 20, 1)).advance(p, 1.5, 1e-15, leaked);
  EXPECT_LT(distance(p, 20 * (1 - std::exp(-1.5))), 1e-13);
  // A set that is too small: the certificate is the mass that is missing, and every entry is a lower bound.
  std::vector<double> q(25, 0.0), out(25, 0.0);
  q[0] = 1;
  Uniformised(immigration_death(25, 20, 1)).advance(q, 1.5, 1e-15, out);
  const double kept = std::accumulate(q.begin(), q.end(), 0.0);
  double beyond = 0;
  for (std::size_t k = 0; k < 25; ++k) {
    EXPECT_LE(q[k], p[k] * (1 + 1e-12));
    beyond += p[k] - q[k];
  }
  EXPECT_GT(1 - kept, 1e-3);
  EXPECT_LE(beyond, 1 - kept + 1e-14);
  EXPECT_NEAR(out[24], 1 - kept, 1e-12) << "all that is missing left through the last state";
}

TEST(BandedExponential, FollowsThePoissonLawWhereExplicitStepsAreStiff) {
  for (const double birth : {20.0, 1000.0}) {
    const auto n = static_cast<std::size_t>(birth + 12 * std::sqrt(birth) + 20);
    std::vector<double> p(n, 0.0);
    p[0] = 1;
    BandedExponential solver(immigration_death(n, birth, 1));
    double step = 0, error = 0;
    double t = 0;
    for (const double h : {0.01, 0.5, 5.0, 100.0}) {
      error += solver.advance(p, h, 1e-12, step);
      t += h;
      EXPECT_LT(distance(p, birth * -std::expm1(-t)), 1e-10) << "mean " << birth << " t " << t;
    }
    EXPECT_LT(error, 1e-10);
  }
}

TEST(BandedExponential, AgreesWithUniformisationOnAWideUnsymmetricBand) {
  const Generator g = chain(60, [](std::size_t j, auto add) {
    const double x = static_cast<double>(j);
    const auto i = static_cast<std::ptrdiff_t>(j);
    add(i + 3, 4.0);
    add(i - 1, 0.7 * x);
    add(i - 2, 0.02 * x * (x - 1));
  });
  std::vector<double> p(60, 0.0), q;
  p[5] = 1;
  q = p;
  BandedExponential banded(g);
  Uniformised uniformised(g);
  double step = 0;
  (void)banded.advance(p, 2.0, 1e-12, step);
  uniformised.advance(q, 2.0, 1e-15);
  for (std::size_t k = 0; k < 60; ++k) EXPECT_NEAR(p[k], q[k], 1e-12) << k;
}

TEST(BandedExponential, EstimatedErrorCoversTheTrueOneAtEveryTolerance) {
  const double birth = 50;
  double before = 1;
  for (const double tolerance : {1e-4, 1e-6, 1e-8, 1e-10}) {
    std::vector<double> p(160, 0.0);
    p[0] = 1;
    BandedExponential solver(immigration_death(160, birth, 1));
    double step = 0;
    const double estimate = solver.advance(p, 3.0, tolerance, step);
    const double error = distance(p, birth * -std::expm1(-3.0));
    EXPECT_LE(error, estimate + 1e-12) << tolerance;
    EXPECT_LE(estimate, tolerance + 1e-11);
    EXPECT_LT(error, before);
    before = error;
  }
}

TEST(Stationary, GthKeepsEveryDigitOfTheTails) {
  const Generator g = immigration_death(200, 3, 1);
  const std::vector<double> p = stationary_gth(g);
  for (std::size_t k = 0; k < 170; ++k) EXPECT_NEAR(p[k] / poisson(3, k), 1, 1e-12) << k;  // down to 1e-220
  EXPECT_THROW((void)stationary_gth(chain(3, [](std::size_t, auto) {})), NumericalBreakdown);
}

TEST(ClosedClasses, AreFoundAndTransientStatesAreNot) {
  const Generator g = chain(7, [](std::size_t j, auto add) {
    const int to[7][2] = {{1, 1}, {0, 0}, {1, 3}, {2, 4}, {5, 5}, {4, 4}, {6, 6}};
    for (const int i : to[j])
      if (i != static_cast<int>(j)) add(i, 1.0);
  });
  const auto classes = closed_classes(g);
  ASSERT_EQ(classes.size(), 3u);
  EXPECT_EQ(classes[0], (std::vector<std::uint32_t>{0, 1}));
  EXPECT_EQ(classes[1], (std::vector<std::uint32_t>{4, 5}));
  EXPECT_EQ(classes[2], (std::vector<std::uint32_t>{6}));
}

// Linear birth and death below criticality: geometric with ratio birth/death, decaying at death - birth.
TEST(QuasiStationary, OfALinearBirthDeathChainIsGeometric) {
  for (const auto& [birth, death] : {std::pair{0.5, 1.0}, {0.1, 2.0}, {0.6, 1.0}}) {
    const double b = birth, d = death;
    const Generator g = chain(80, [=](std::size_t j, auto add) {  // state j holds j + 1 heads; 0 heads is beyond
      const auto n = static_cast<double>(j + 1);
      if (j + 1 < 80) add(static_cast<std::ptrdiff_t>(j) + 1, b * n);
      add(static_cast<std::ptrdiff_t>(j) - 1, d * n);
    });
    const QuasiStationary q = quasi_stationary(g);
    EXPECT_NEAR(q.decay_rate, d - b, 1e-11);
    for (std::size_t j = 0; j < 20; ++j) EXPECT_NEAR(q.law[j], (1 - b / d) * std::pow(b / d, static_cast<double>(j)), 1e-11) << j;
    EXPECT_LT(q.correction, 1e-10);
  }
}

TEST(QuasiStationary, TinyLeaksKeepTheirDigits) {
  // Two states that exchange fast and leak at e: decay rate e p_0 to first order.
  for (const double e : {1e-3, 1e-9, 1e-100}) {
    const Generator g = chain(2, [=](std::size_t j, auto add) {
      if (j == 0) add(1, 3.0), add(-1, e);
      else add(0, 1.0);
    });
    const double trace = 4 + e, exact = 2 * e / (trace + std::sqrt(trace * trace - 4 * e));  // the smaller root of x^2 - trace x + e
    EXPECT_NEAR(quasi_stationary(g).decay_rate / exact, 1, 1e-12) << e;
  }
  const Generator closed = chain(2, [](std::size_t j, auto add) { add(j == 0 ? 1 : 0, 1.0); });
  EXPECT_THROW((void)quasi_stationary(closed), NumericalBreakdown);
}

}  // namespace
}  // namespace meso::num
