// Integrals at finite n and d: the figures of the card, limits that are known in closed form, and draws; the stable law against closed forms.
#include "kits/learning/random_energy_finite.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/error.h"
#include "kits/learning/stable_law.h"
#include "rng/stream.h"

namespace meso::learning {
namespace {

FiniteRandomEnergy typical(std::size_t d, double alpha) { return {distance_groups(d, {}), alpha * static_cast<double>(d)}; }

double ln_volume(std::size_t d, double h) { return 0.5 * static_cast<double>(d) * std::log(2 * std::numbers::pi * h * h); }

TEST(FiniteRandomEnergy, OnePointIsTheLawOfTheDistance) {
  const FiniteRandomEnergy one({{1, 7, 3.0}, {2, 2, 1.0}}, 0);
  for (const double h : {0.5, 5.0, 50.0}) {
    const double scale = 1 / (2 * h * h);
    EXPECT_NEAR(one.ln_sum(h).mean, -one.law().mean() * scale, 1e-10 * std::max(1.0, one.law().mean() * scale)) << h;
    EXPECT_NEAR(one.ln_sum(h).variance, one.law().variance() * scale * scale, 1e-9 * std::max(1.0, one.law().variance() * scale * scale)) << h;
    EXPECT_NEAR(one.participation(h), 1, 1e-10) << h;
    EXPECT_NEAR(one.top_shares(h, {1})[0], 1, 1e-10) << h;
  }
  EXPECT_NEAR(one.nearest(), one.law().mean(), 1e-10 * one.law().mean());
}

TEST(FiniteRandomEnergy, TwoPointsByADoubleSum) {
  // Exponential distances (d = 2, no noncentrality, kappa = 1/2: f = e^{-u}): their difference x >= 0 is exponential, the smaller one has rate 2.
  //     E Y2 = E (1 + q^2)/(1 + q)^2, largest share E 1/(1 + q), E ln Z = -1/(4 h^2) + E ln(1 + q), q = e^{-x/(2 h^2)}.
  const FiniteRandomEnergy two({{0.5, 2, 0.0}}, std::log(2.0));
  for (const double h : {0.2, 0.6, 2.0}) {
    double y2 = 0, share = 0, ln_z = 0;
    constexpr int cells = 200000;
    for (int i = 0; i < cells; ++i) {
      const double r = (i + 0.5) / cells, q = std::pow(r, 5 / (h * h)), part = 10 * std::pow(r, 9) / cells;  // e^{-x} = r^10 is uniform
      y2 += part * (1 + q * q) / ((1 + q) * (1 + q));
      share += part / (1 + q);
      ln_z += part * std::log1p(q);
    }
    EXPECT_NEAR(two.participation(h), y2, 1e-9) << h;
    EXPECT_NEAR(two.top_shares(h, {1, 2})[0], share, 1e-9) << h;
    EXPECT_NEAR(two.top_shares(h, {1, 2})[1], 1, 1e-9) << h;
    EXPECT_NEAR(two.ln_sum(h).mean, ln_z - 1 / (4 * h * h), 1e-9 * std::max(1.0, 1 / (4 * h * h))) << h;
  }
  EXPECT_NEAR(two.nearest(), 0.5, 1e-10);
}

TEST(FiniteRandomEnergy, HasTheFiguresOfTheCard) {  // checks 4 and 6
  const FiniteRandomEnergy e = typical(20, 0.5);
  const RandomEnergy limit(distance_groups(20, {}), 0.5);
  const double mu[] = {0.5, 1, 2}, y2[] = {0.6314, 0.3193, 0.0406}, density[] = {-1.6993, -1.4845, -1.4982}, index[] = {0.3963, 0.7927, 1.5854};
  for (int i = 0; i < 3; ++i) {
    const double h = std::sqrt(mu[i]) * limit.h_glass();
    EXPECT_NEAR(e.participation(h), y2[i], 1e-4) << mu[i];
    EXPECT_NEAR((e.ln_sum(h).mean - 10 - ln_volume(20, h)) / 20, density[i], 1e-4) << mu[i];
    EXPECT_NEAR(e.tail_index(h), index[i], 1e-4) << mu[i];
  }
}

TEST(FiniteRandomEnergy, ApproachesTheLimitOfLargeDimension) {  // check 5
  const double half[] = {0.6314, 0.5817, 0.5485, 0.5278}, more[] = {0.4957, 0.4256, 0.3769, 0.3452};
  for (int i = 0; i < 4; ++i) {
    const std::size_t d = std::size_t{20} << i;
    const FiniteRandomEnergy e = typical(d, 0.5);
    const RandomEnergy limit(distance_groups(d, {}), 0.5);
    EXPECT_NEAR(e.participation(std::sqrt(0.5) * limit.h_glass()), half[i], 1e-4) << d;
    EXPECT_NEAR(e.participation(std::sqrt(0.7) * limit.h_glass()), more[i], 1e-4) << d;
  }
}

TEST(FiniteRandomEnergy, WideKernelsObeyTheCentralLimit) {
  // Var ln Z -> relative variance of Z, E ln Z -> ln n E w - variance/2, participation -> (1 + n variance)/n, to the next order in 1/n.
  for (const std::size_t d : {2, 20, 100}) {
    const auto groups = distance_groups(d, std::vector<double>{1, 4});
    const double ln_n = 14, h = 6 * std::sqrt(static_cast<double>(d)), n = std::exp(ln_n);
    const FiniteRandomEnergy e(groups, ln_n);
    const double v = relative_variance(groups, h, n);
    const LnSum sum = e.ln_sum(h);
    EXPECT_NEAR(sum.mean, ln_n + ln_mean_weight(groups, 1 / (h * h)) - 0.5 * v, 1e-11) << d;
    EXPECT_NEAR(sum.variance, v, 1e-11) << d;
    EXPECT_NEAR(n * e.participation(h), 1 + n * v, 1e-5) << d;
  }
}

TEST(FiniteRandomEnergy, NarrowKernelsHangOnTheNearestPoint) {
  // h -> 0: ln Z = -D_min/(2 h^2), and the largest share tends to one linearly in h^2: 1 - share ~ 2 h^2 ln 2 n E f(D_2 = D_1).
  const FiniteRandomEnergy e = typical(10, 0.7);
  const double h = 0.1, scale = 1 / (2 * h * h);
  EXPECT_NEAR(e.ln_sum(h).mean / scale, -e.nearest(), 3e-2 * e.nearest());
  const double far = 1 - e.top_shares(h, {1})[0], near = 1 - e.top_shares(0.5 * h, {1})[0];
  EXPECT_NEAR(far / near, 4, 0.15);
  EXPECT_NEAR(e.top_shares(h, {1000})[0], 1, 1e-8);
  EXPECT_NEAR(e.ln_sum(0.01).mean * 2e-4, -e.nearest(), 3e-4 * e.nearest());
  try {
    (void)e.ln_sum(1e-6);
    ADD_FAILURE() << "accepted";
  } catch (const ParameterError& error) {
    EXPECT_NE(std::string(error.what()).find("the bandwidth h = 1e-06 is too narrow for the integrals"), std::string::npos) << error.what();
  }
}

TEST(FiniteRandomEnergy, SharesAreOrderedAndBoundParticipation) {
  const FiniteRandomEnergy e({{1, 10, 10.0}, {4, 10, 10.0}}, std::log(22026.0));
  for (const double h : {0.3, 0.96, 2.5}) {
    const std::vector<double> shares = e.top_shares(h, {1, 2, 5, 100, 30000});
    for (std::size_t i = 1; i < shares.size(); ++i) EXPECT_GE(shares[i], shares[i - 1]) << h;
    EXPECT_NEAR(shares.back(), 1, 1e-8) << h;  // all 22026 of them
    EXPECT_GE(shares[0], e.participation(h)) << h;          // sum p^2 <= p_max
    EXPECT_LE(shares[0] * shares[0], e.participation(h)) << h;  // E p_max^2 <= E sum p^2
  }
}

TEST(FiniteRandomEnergy, TailIndexIsThePowerOfPureTails) {
  // One dimension at a distance-law u^{1/2} near zero: P(D <= u) ~ u^{1/2}, d ln P/d ln u = 1/2, Hill's mean excess u (1 - ...)/... = u/(1 + 1/2).
  const FiniteRandomEnergy e({{1, 1, 0.0}}, 20);
  const double h = 1e-3, u = e.level(1);
  EXPECT_NEAR(e.tail_index(h, 1), 2 * h * h * 0.5 / u, 1e-6 * e.tail_index(h, 1));
  EXPECT_NEAR(e.hill_index(h, 1), 2 * h * h * 1.5 / u, 1e-6 * e.hill_index(h, 1));
  // Bent tails: Hill at k points is the local exponent near k/e.
  const FiniteRandomEnergy bent = typical(20, 0.5);
  EXPECT_NEAR(bent.hill_index(0.65, std::numbers::e) / bent.tail_index(0.65, 1), 1, 0.03);
  EXPECT_GT(bent.hill_index(0.65, 1) / bent.tail_index(0.65, 1), 1.08);
}

TEST(FiniteRandomEnergy, MatchesDraws) {
  // A small case by brute force, d = 3, n = 8, one z for each number.
  const double x = std::sqrt(0.7), h = 0.5;
  const FiniteRandomEnergy e({{1, 3, 3 * x * x}}, std::log(8.0));
  FastStream random = Stream(3, 0, "test/finite-random-energy").fast();
  constexpr int draws = 40000;
  double s[5] = {}, q[5] = {};
  for (int i = 0; i < draws; ++i) {
    double z = 0, z2 = 0, nearest = 1e300;
    std::vector<double> w;
    for (int j = 0; j < 8; ++j) {
      double u = 0;
      for (int k = 0; k < 3; ++k) u += std::pow(random.normal() - x, 2);
      nearest = std::min(nearest, u);
      w.push_back(std::exp(-u / (2 * h * h)));
      z += w.back(), z2 += w.back() * w.back();
    }
    std::sort(w.rbegin(), w.rend());
    const double one[5] = {std::log(z), z2 / (z * z), w[0] / z, (w[0] + w[1]) / z, nearest};
    for (int k = 0; k < 5; ++k) s[k] += one[k] / draws, q[k] += one[k] * one[k] / draws;
  }
  const double exact[5] = {e.ln_sum(h).mean, e.participation(h), e.top_shares(h, {1})[0], e.top_shares(h, {2})[0], e.nearest()};
  for (int k = 0; k < 5; ++k) EXPECT_LT(std::abs(s[k] - exact[k]), 6.5 * std::sqrt((q[k] - s[k] * s[k]) / draws)) << k << ": " << s[k] << " " << exact[k];
  EXPECT_NEAR(e.ln_sum(h).variance / (q[0] - s[0] * s[0]), 1, 0.1);
}

TEST(FiniteRandomEnergy, HugeNumbersOfPoints) {
  const FiniteRandomEnergy e = typical(200, 0.4);  // n = 5e34
  const RandomEnergy limit(distance_groups(200, {}), 0.4);
  const double h = std::sqrt(0.5) * limit.h_glass();
  EXPECT_GT(e.participation(h), 0.5);
  EXPECT_LT(e.participation(h), 0.54);
  EXPECT_NEAR((e.ln_sum(h).mean - 80 - ln_volume(200, h)) / 200, limit.ln_density(h), 0.05);
  EXPECT_THROW(FiniteRandomEnergy(distance_groups(200, {}), 800), ParameterError);
  EXPECT_THROW((void)e.participation(0), ParameterError);
}

TEST(SkewedStable, HalfIsTheLevyLaw) {
  // E e^{-s X} = exp(-sqrt(pi s)): P(X <= x) = erfc(sqrt(pi/x)/2).
  const SkewedStable law(0.5);
  for (const double x : {0.01, 0.3, 1.0, 5.0, 100.0, 1e6}) EXPECT_NEAR(law.below(x), std::erfc(0.5 * std::sqrt(std::numbers::pi / x)), 1e-11) << x;
  EXPECT_EQ(law.below(0), 0);
}

TEST(SkewedStable, HasItsTransformItsMomentsAndItsTail) {
  for (const double mu : {0.2, 0.5, 0.8, 0.95, 1.05, 1.3, 1.6, 1.95}) {
    const SkewedStable law(mu);
    // E e^{-s X} = int e^{-s x} dF = s int e^{-s x} F dx, at s = 1/2, on a fine grid that grows geometrically from x0.
    const double s = 0.5;
    double sum = 0;
    if (mu < 1) {
      for (double z = -200; z <= 8; z += 0.05) {  // x = e^z: analytic, falls on both sides
        const double x = std::exp(z);
        sum += 0.05 * s * x * std::exp(-s * x) * law.below(x);
      }
    } else {
      for (double x = -60; x <= 120; x += 0.05) sum += 0.05 * s * std::exp(-s * x) * law.below(x);
    }
    const double exact = std::exp(-std::tgamma(1 - mu) * std::pow(s, mu));
    EXPECT_NEAR(sum, exact, 1e-8 * std::max(1.0, exact)) << mu;
    // Tail: P(X > x) ~ x^{-mu}.
    const double x = 1e5;
    EXPECT_NEAR((1 - law.below(x)) * std::pow(x, mu), 1, mu < 1 ? 1.5 * std::pow(x, -mu) * std::abs(std::tgamma(1 - mu)) * std::abs(std::tgamma(1 - mu)) + 0.03 : 0.05) << mu;
    double before = 0;
    for (double y = mu < 1 ? 0.01 : -20; y < 50; y += 0.37) {
      const double f = law.below(y);
      EXPECT_GE(f, before - 1e-12) << mu << " " << y;
      before = f;
    }
  }
  EXPECT_NEAR(SkewedStable(1.5).below(1e-9), SkewedStable(1.5).below(-1e-9), 1e-8);
  // ln X of mu < 1, with (0.5): X = pi/(2 N^2), E ln N^2 = -gamma - ln 2, Var ln N^2 = pi^2/2.
  EXPECT_NEAR(SkewedStable(0.5).ln_mean(), std::log(std::numbers::pi) + std::numbers::egamma, 1e-12);
  EXPECT_NEAR(SkewedStable(0.5).ln_variance(), std::numbers::pi * std::numbers::pi / 2, 1e-12);
  EXPECT_THROW(SkewedStable(1.0), ParameterError);
  EXPECT_THROW(SkewedStable(2.5), ParameterError);
}

}  // namespace
}  // namespace meso::learning
