#include "kits/lattice/phase_ring.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <numbers>

namespace meso::lattice {
namespace {

std::vector<double> rough(std::size_t n, double size, std::uint64_t key) {
  Stream stream(7, key, "test/rough");
  std::vector<double> h(n);
  for (double& x : h) x = size * stream.normal();
  return h;
}

TEST(SineCosine, IsTheSineOfTheLibraryToRounding) {
  Stream stream(1, 0, "test/sine");
  double worst = 0, worst_small = 0;
  for (int i = 0; i < 200000; ++i) {
    const double x = (stream.uniform() - 0.5) * (i % 3 == 0 ? 6.0 : i % 3 == 1 ? 60.0 : 1e6);
    const auto [s, c] = sine_cosine(x);
    const auto wide = static_cast<long double>(x);
    worst = std::max({worst, static_cast<double>(std::abs(s - std::sin(wide))), static_cast<double>(std::abs(c - (std::cos(wide) - 1.0L)))});
    const double small = 1e-3 * (stream.uniform() - 0.5);  // cos x - 1 keeps its digits near 0
    const long double exact = -2.0L * std::pow(std::sin(0.5L * small), 2);
    worst_small = std::max(worst_small, static_cast<double>(std::abs((sine_cosine(small).cosine_minus_one - exact) / exact)));
  }
  EXPECT_LT(worst, 2e-15);
  EXPECT_LT(worst_small, 1e-15);
}

TEST(OscillatorForce, IsTheSumOfTheCouplingsToBothNeighboursForAnyHarmonics) {
  const FourierCoupling coupling{{0.9, -0.2, 0.1}, {0.4, 0.3}};
  for (const std::size_t n : {3u, 8u, 129u, 130u, 1000u}) {  // around the ends of the blocks
    const std::vector<double> h = rough(n, 3.0, n);
    for (const FourierCoupling& gamma : {coupling, FourierCoupling::sakaguchi(1.3, 0.7)}) {
      std::vector<double> force(n);
      OscillatorForce{gamma}(h, force);
      for (std::size_t i = 0; i < n; ++i)
        EXPECT_NEAR(force[i], gamma(h[(i + 1) % n] - h[i]) + gamma(h[(i + n - 1) % n] - h[i]), 1e-14) << n << " " << i;
    }
  }
}

TEST(OscillatorForce, OddCouplingConservesTheMeanPhaseAndAnyCouplingIgnoresACommonRotation) {
  const std::vector<double> h = rough(500, 2.0, 1);
  std::vector<double> force(500), rotated(500), turned = h;
  OscillatorForce odd(FourierCoupling{{1.0, 0.3}, {}});
  odd(h, force);
  EXPECT_NEAR(mean_height(force), 0.0, 1e-14);
  for (double& x : turned) x += 2.0 * std::numbers::pi;
  odd(turned, rotated);
  for (std::size_t i = 0; i < 500; ++i) EXPECT_NEAR(force[i], rotated[i], 1e-13);
}

TEST(FourierCoupling, ExpandsAsTheContinuumSays) {
  const double K = 1.4, delta = 0.6, e = 1e-4;
  const FourierCoupling gamma = FourierCoupling::sakaguchi(K, delta);
  EXPECT_DOUBLE_EQ(gamma.slope(), K * std::cos(delta));
  EXPECT_DOUBLE_EQ(gamma.curvature(), -K * std::sin(delta));
  EXPECT_NEAR(gamma(0.3), K * (std::sin(0.3 + delta) - std::sin(delta)), 1e-15);
  EXPECT_NEAR((gamma(e) - gamma(-e)) / (2 * e), gamma.slope(), 1e-7);
  EXPECT_NEAR((gamma(e) + gamma(-e)) / (e * e), gamma.curvature(), 1e-6);
  EXPECT_DOUBLE_EQ(gamma.steepest(), K);
  // Gaussian averages against quadrature
  double mean = 0, slope = 0, weight = 0;
  for (double z = -9; z <= 9; z += 1e-3) {
    const double w = std::exp(-0.5 * z * z), x = std::sqrt(0.8) * z;
    weight += w;
    mean += w * gamma(x);
    slope += w * K * std::cos(x + delta);
  }
  EXPECT_NEAR(gamma.gaussian_mean(0.8), mean / weight, 1e-10);
  EXPECT_NEAR(gamma.gaussian_slope(0.8), slope / weight, 1e-10);
}

TEST(KpzForce, IsTheGradientFlowPlusATermThatKeepsTheGaussianLaw) {
  // The nonlinear part N_i of Lam and Shin obeys sum_i (h_{i+1} - 2 h_i + h_{i-1}) N_i = 0: with exp(-nu sum a^2 / 2D) as
  // stationary law of the linear part, the term drops out of the Fokker-Planck equation (its divergence vanishes too).
  const std::size_t n = 300;
  const std::vector<double> h = rough(n, 1.0, 2);
  std::vector<double> nonlinear(n), linear(n), both(n);
  KpzForce(0, 3.0)(h, nonlinear);
  KpzForce(0.7, 0)(h, linear);
  KpzForce(0.7, 3.0)(h, both);
  double product = 0, size = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const double laplacian = h[(i + 1) % n] - 2 * h[i] + h[(i + n - 1) % n];
    EXPECT_NEAR(linear[i], 0.7 * laplacian, 1e-13);
    EXPECT_NEAR(both[i], linear[i] + nonlinear[i], 1e-12);
    product += laplacian * nonlinear[i];
    size += std::abs(laplacian * nonlinear[i]);
  }
  EXPECT_LT(std::abs(product), 1e-12 * size);
}

TEST(KpzForce, IsTheSmallSlopeLimitOfTheOscillators) {
  const FourierCoupling gamma = FourierCoupling::sakaguchi(1.0, 0.8);
  const std::size_t n = 64;
  std::vector<double> error;
  for (const double size : {0.04, 0.02, 0.01}) {  // smooth profile; what is left is of third order in its height
    std::vector<double> h(n), micro(n), field(n);
    for (std::size_t i = 0; i < n; ++i) h[i] = size * 64 * std::sin(2 * std::numbers::pi * static_cast<double>(i) / n);
    OscillatorForce{gamma}(h, micro);
    KpzForce(gamma.slope(), 2 * gamma.curvature())(h, field);
    double worst = 0;
    for (std::size_t i = 0; i < n; ++i) worst = std::max(worst, std::abs(micro[i] - field[i]));
    error.push_back(worst);
  }
  EXPECT_GT(error[0] / error[1], 3.9);  // at least second order (the lattice parts of the quadratic term differ), never first
  EXPECT_GT(error[1] / error[2], 3.9);
  EXPECT_LT(error[2], 1e-3);
}

TEST(Rk4, HasOrderFourOnFrozenFrequencies) {
  const OscillatorForce force(FourierCoupling::sakaguchi(1.0, 0.5));
  const std::vector<double> omega = rough(32, 1.0, 3);
  const auto end = [&](int steps) {
    std::vector<double> h(32);
    RingScratch scratch(32);
    for (int i = 0; i < steps; ++i) rk4_step(force, h, omega, 4.0 / steps, scratch);
    return h;
  };
  const std::vector<double> exact = end(4096);
  std::vector<double> error;
  for (const int steps : {80, 160, 320, 640}) {
    const std::vector<double> h = end(steps);
    double worst = 0;
    for (std::size_t i = 0; i < 32; ++i) worst = std::max(worst, std::abs(h[i] - exact[i]));
    error.push_back(worst);
  }
  for (std::size_t i = 1; i < error.size(); ++i) EXPECT_NEAR(std::log2(error[i - 1] / error[i]), 4.0, 0.25) << "halving " << i;
}

// The same Brownian path drives every step size: the noise of a coarse step is the sum of those of its fine steps.
TEST(EulerMaruyama, HasStrongOrderOneWithAdditiveNoise) {
  const std::size_t n = 16, fine = 4096;
  const OscillatorForce force(FourierCoupling::sakaguchi(1.0, 0.5));
  const double horizon = 2.0, D = 0.3;
  std::vector<double> mean_error(4), force_now(n);
  for (std::uint64_t path = 0; path < 60; ++path) {
    std::vector<std::vector<double>> dw(fine, std::vector<double>(n));
    Stream stream(3, path, "test/path");
    for (auto& step : dw)
      for (double& x : step) x = std::sqrt(2 * D * horizon / fine) * stream.normal();
    const auto end = [&](std::size_t steps) {
      std::vector<double> h(n);
      const std::size_t each = fine / steps;
      for (std::size_t k = 0; k < steps; ++k) {
        force(h, force_now);
        for (std::size_t i = 0; i < n; ++i) {
          h[i] += force_now[i] * horizon / static_cast<double>(steps);
          for (std::size_t j = 0; j < each; ++j) h[i] += dw[k * each + j][i];
        }
      }
      return h;
    };
    const std::vector<double> exact = end(fine);
    for (std::size_t level = 0; level < 4; ++level) {
      const std::vector<double> h = end(std::size_t{32} << level);
      for (std::size_t i = 0; i < n; ++i) mean_error[level] += std::abs(h[i] - exact[i]) / (60.0 * n);
    }
  }
  for (std::size_t i = 1; i < 4; ++i) EXPECT_NEAR(std::log2(mean_error[i - 1] / mean_error[i]), 1.0, 0.15) << "halving " << i;
}

// Free sites: both stochastic steps must give exactly the sum of the normals that the stream gives.
TEST(Steps, DrawOneNormalASiteAStepAndApplyTheDrive) {
  const std::size_t n = 9;
  const OscillatorForce none(FourierCoupling{{0.0}, {}});
  const std::vector<double> drive = rough(n, 1.0, 5);
  for (const bool heun : {false, true}) {
    FastStream noise = Stream(5, 1, "test/free").fast(), same = Stream(5, 1, "test/free").fast();
    std::vector<double> h(n), expected(n);
    RingScratch scratch(n);
    for (int step = 0; step < 10; ++step) {
      if (heun) heun_step(none, h, drive, 0.7, 0.1, noise, scratch);
      else euler_maruyama_step(none, h, drive, 0.7, 0.1, noise, scratch);
      for (std::size_t i = 0; i < n; ++i) expected[i] += drive[i] * 0.1 + std::sqrt(2 * 0.7 * 0.1) * same.normal();
    }
    for (std::size_t i = 0; i < n; ++i) EXPECT_NEAR(h[i], expected[i], 1e-12);
  }
}

// The digits of a study must not depend on the processor. Rings of every remainder of the lanes and around the ends of a block,
// steep and flat profiles, phases many turns apart; a ring with noise is run on for long enough that one wrong last bit would spread.
TEST(Registers, TheWideAndTheNarrowLoopsGiveTheSameBits) {
  using detail::Registers;
  if (detail::widest_registers() != Registers::wide) GTEST_SKIP() << "this processor has no 256-bit registers (AVX2)";
  const auto bits = [](std::span<const double> x) {
    std::vector<std::uint64_t> out;
    for (const double v : x) out.push_back(std::bit_cast<std::uint64_t>(v));
    return out;
  };
  const std::vector<FourierCoupling> couplings{{{0.8}, {0.6}}, {{0.9, -0.2, 0.1}, {0.4, 0.3, 0.0}}};
  std::size_t compared = 0;
  for (const std::size_t n : {3u, 4u, 5u, 6u, 7u, 8u, 9u, 127u, 128u, 129u, 130u, 131u, 132u, 257u, 1000u, 4096u})
    for (const double size : {1e-9, 0.1, 3.0, 1e4}) {
      const std::vector<double> h = rough(n, size, n);
      std::vector<double> narrow(n), wide(n);
      for (const FourierCoupling& coupling : couplings) {
        detail::oscillator_force(Registers::narrow, coupling, h, narrow);
        detail::oscillator_force(Registers::wide, coupling, h, wide);
        EXPECT_EQ(bits(narrow), bits(wide)) << "oscillators, n = " << n << ", " << coupling.sine.size() << " harmonics, phases of size " << size;
        compared += n;
      }
      detail::kpz_force(Registers::narrow, 0.7, -1.3, h, narrow);
      detail::kpz_force(Registers::wide, 0.7, -1.3, h, wide);
      EXPECT_EQ(bits(narrow), bits(wide)) << "lattice KPZ, n = " << n << ", heights of size " << size;
      const double cosines[] = {detail::mean_bond_cosine(Registers::narrow, h), detail::mean_bond_cosine(Registers::wide, h)};
      EXPECT_EQ(std::bit_cast<std::uint64_t>(cosines[0]), std::bit_cast<std::uint64_t>(cosines[1])) << "bond cosines, n = " << n;
    }
  EXPECT_GT(compared, 40000u);
  const auto run = [&](Registers registers) {
    const auto force = [&](std::span<const double> h, std::span<double> out) { detail::oscillator_force(registers, couplings[0], h, out); };
    FastStream noise = Stream(3, 1, "test/registers").fast();
    std::vector<double> h(203);
    RingScratch scratch(h.size());
    for (int step = 0; step < 2000; ++step) heun_step(force, h, {}, 0.5, 0.05, noise, scratch);
    return bits(h);
  };
  EXPECT_EQ(run(Registers::narrow), run(Registers::wide)) << "2,000 steps with noise";
}

TEST(Measure, MomentsSlipsAndOrderAreThoseOfTheirDefinitions) {
  std::vector<double> h(8);
  EXPECT_EQ(measure(h).m2, 0.0);
  EXPECT_EQ(measure(h).order, 1.0);
  EXPECT_EQ(measure(h).cosine, 1.0);
  h = {0, 0, 0, 0, 4, 4, 4, 4};  // two slipped bonds, phases 0 and 4
  const RingMoments m = measure(h);
  EXPECT_DOUBLE_EQ(m.mean, 2.0);
  EXPECT_DOUBLE_EQ(m.m2, 4.0) << "phases are not wrapped";
  EXPECT_DOUBLE_EQ(m.m3, 0.0);
  EXPECT_DOUBLE_EQ(m.m4, 16.0);
  EXPECT_DOUBLE_EQ(m.slips, 0.25);
  EXPECT_NEAR(m.cosine, 0.75 + 0.25 * std::cos(4.0), 1e-15);
  EXPECT_NEAR(m.order, std::abs(std::cos(2.0)), 1e-15);
  h = {1, 0, 0, 0, 0, 0, 0, 0, 0, 0};
  const double p = 0.1;
  EXPECT_NEAR(measure(h).m3, p * (1 - p) * (1 - 2 * p), 1e-15);
  const std::vector<double> big = rough(1001, 2.0, 9);
  double cosine = 0;
  for (std::size_t i = 0; i < big.size(); ++i) cosine += std::cos(big[(i + 1) % big.size()] - big[i]) / 1001.0;
  EXPECT_NEAR(measure(big).cosine, cosine, 1e-13);
}

}  // namespace
}  // namespace meso::lattice
