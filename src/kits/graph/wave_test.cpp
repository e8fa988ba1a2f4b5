// Fronts: the linear theory's published numbers, and the equation's own limits.
#include "kits/graph/wave.h"

#include <gtest/gtest.h>

#include <cmath>

namespace meso::graph {
namespace {

const Kernel gaussian(1, {{1, Kernel::Kind::gaussian, 1, 0}}), laplace(1, {{1, Kernel::Kind::laplace, 1, 0}});

TEST(Dispersion, HasItsMinimum) {
  const auto g = dispersion(gaussian, 6, 1, 1), l = dispersion(laplace, 6, 1, 1), h = dispersion(gaussian, 8, 0.5, 1);
  ASSERT_TRUE(g && l && h);
  EXPECT_NEAR(g->speed, 7.769437, 1e-6);
  EXPECT_NEAR(g->s, 0.87954, 1e-5);
  EXPECT_NEAR(l->speed, 8.462370, 1e-6);
  EXPECT_NEAR(l->s, 0.74151, 1e-5);
  EXPECT_NEAR(h->speed, 4.988112, 1e-6);
  EXPECT_NEAR(h->s, 0.86088, 1e-5);
  EXPECT_NEAR(g->cut_off(1000), 6.34, 0.005);
  EXPECT_NEAR(g->cut_off(100), 4.56, 0.005);
  EXPECT_NEAR(l->cut_off(1000), 6.26, 0.005);
  EXPECT_FALSE(dispersion(Kernel(1, {{1, Kernel::Kind::power, 1, 3}}), 6, 1, 1));
  EXPECT_FALSE(dispersion(gaussian, 2, 1, 1));
  // An isotropic Gaussian in two dimensions moves a plane front as in one.
  EXPECT_NEAR(dispersion(Kernel(2, {{1, Kernel::Kind::gaussian, 1, 0}}), 6, 1, 1)->speed, g->speed, 1e-9);
}

TEST(Wave, OfAUniformKernelIsTheWellMixedTheory) {  // to 1e-8 (the grid's seed share is exact: its edge lies midway between points)
  WaveSpec spec;
  spec.kernel = Kernel(1, {{1, Kernel::Kind::uniform, 1, 0}});
  spec.side = 100, spec.dx = 0.5, spec.dt = 0.005, spec.seed_half_width = 1.25;
  const std::vector<double> times{0.5, 1, 2, 5, 20}, initial{0.975, 0.025, 0};
  const WavePath path = integrate_wave(spec, times, 0, 0);
  const Fractions mixed = edge_based(sir(1, 1), GeneratingFunction({6}, {1}), initial, times);
  for (std::size_t i = 0; i < times.size(); ++i) {
    EXPECT_NEAR(path.mean_susceptible[i], mixed.value[3 * i], 1e-8) << times[i];
    EXPECT_NEAR(path.mean_infected[i], mixed.value[3 * i + 1], 1e-8) << times[i];
  }
}

TEST(Wave, StaysAFractionAndNeverClipsItsFoot) {
  WaveSpec spec;
  spec.side = 60, spec.dt = 0.02;
  const std::vector<double> times{0, 1, 2};
  const WavePath path = integrate_wave(spec, times, 0, 0);
  for (const double v : path.susceptible) EXPECT_TRUE(v >= -1e-12 && v <= 1 + 1e-12);
  for (const double v : path.infected) EXPECT_TRUE(v >= -1e-12 && v <= 1 + 1e-12);
  EXPECT_NEAR(path.mean_susceptible[0], 1 - 4.0 / 60, 1e-12);
}

TEST(Wave, OfAMixtureIsTheSameDirectlyAndByFourierTransform) {
  // A trace of a heavy tail (weight 1e-12) switches the method and changes nothing else that could be seen at these times.
  WaveSpec direct;
  direct.side = 40, direct.dt = 0.02, direct.dx = 0.2;
  direct.kernel = Kernel(1, {{0.9, Kernel::Kind::laplace, 1, 0}, {0.1, Kernel::Kind::uniform, 1, 0}});
  WaveSpec fourier = direct;
  fourier.kernel = Kernel(1, {{0.9, Kernel::Kind::laplace, 1, 0}, {0.1 - 1e-12, Kernel::Kind::uniform, 1, 0}, {1e-12, Kernel::Kind::power, 1, 3}});
  const std::vector<double> times{1, 2, 4};
  const WavePath a = integrate_wave(direct, times, 0, 0), b = integrate_wave(fourier, times, 0, 0);
  EXPECT_NE(a.method, b.method);
  double worst = 0;
  for (std::size_t i = 0; i < a.susceptible.size(); ++i) worst = std::max(worst, std::abs(a.susceptible[i] - b.susceptible[i]));
  EXPECT_LT(worst, 1e-8);
}

TEST(FrontSpeed, IsThatOfALine) {
  const std::vector<double> x{1, 2, 3, 4}, t{1.5, 2.0, 2.5, 3.0};
  EXPECT_NEAR(front_speed(x, t), 2, 1e-14);
  const std::vector<double> never(4, INFINITY);
  EXPECT_TRUE(std::isnan(front_speed(x, never)));
}

}  // namespace
}  // namespace meso::graph
