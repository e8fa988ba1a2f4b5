// Orders of the schemes. Weak orders of linear equations need no sampling: one step maps x to R(h, xi) x with a random
// matrix R, so that moments after n steps are powers of E[R] and E[R (x) R], taken by Gauss-Hermite quadrature of the real step.
#include <gtest/gtest.h>

#include <array>
#include <cmath>

#include "base/error.h"
#include "kits/sde/brownian.h"
#include "kits/sde/description.h"
#include "kits/sde/scheme.h"
#include "kits/sde/sde_fixture.h"
#include "testing/statistics.h"

namespace meso::sde {
namespace {

// Seven-point Gauss-Hermite rule for the standard normal law: exact for polynomials up to degree 13.
constexpr std::array<double, 7> node{-3.750439717725742, -2.366759410734541, -1.154405394739968, 0, 1.154405394739968, 2.366759410734541, 3.750439717725742};
constexpr std::array<double, 7> weight{0.000548268855972, 0.030757123967586, 0.240123178605013, 0.457142857142857, 0.240123178605013, 0.030757123967586, 0.000548268855972};

TEST(Description, ConversionBetweenTheCalculiIsTheNoiseInducedDrift) {
  const StratonovichSde s{{"x", "y"}, 2, {num::Formula::parse("-x"), num::Formula::parse("x*y")},
                          {num::Formula::parse("x*y"), num::Formula::parse("1"), num::Formula::parse("sin(x)"), num::Formula::parse("y^2")}};
  const ItoSde ito = to_ito(s);
  const std::array<std::string, 3> slots{"x", "y", "t"};
  const double x = 0.7, y = -1.3;
  const std::array<double, 3> z{x, y, 0};
  // 1/2 (b_x1 d_x + b_y1 d_y) b_x1 + 1/2 (b_x2 d_x + b_y2 d_y) b_x2, by hand
  EXPECT_NEAR(num::Program(ito.drift[0], slots)(z), -x + 0.5 * (x * y * y + std::sin(x) * x), 1e-14);
  EXPECT_NEAR(num::Program(ito.drift[1], slots)(z), x * y + 0.5 * (x * y * std::cos(x) + y * y * 2 * y), 1e-14);
  const StratonovichSde back = to_stratonovich(ito);
  for (std::size_t i = 0; i < 2; ++i) EXPECT_NEAR(num::Program(back.drift[i], slots)(z), num::Program(s.drift[i], slots)(z), 1e-14);
}

TEST(Description, KnowsTheStructureOfTheNoise) {
  EXPECT_TRUE(scalar("-x", "0.5", 1).bind({}).noise.additive);
  const NoiseStructure own = scalar("-x", "x", 1).bind({}).noise;
  EXPECT_TRUE(!own.additive && own.separate && own.commutative);
  SdeSpec shared;
  shared.variables = {"x", "y"};
  shared.drift = {{"x", "0"}, {"y", "0"}};
  shared.shared_noise = true;
  shared.diffusion = {{"x", {"x", "2*x"}}, {"y", {"3*y", "y"}}};  // diagonal linear maps commute
  shared.initial = {{"x", 1}, {"y", 1}};
  const NoiseStructure commuting = shared.bind({}).noise;
  EXPECT_TRUE(!commuting.separate && commuting.commutative);
  shared.diffusion = {{"x", {"1", "0"}}, {"y", {"0", "x"}}};  // the Heisenberg group
  const NoiseStructure area = shared.bind({}).noise;
  EXPECT_TRUE(!area.separate && !area.commutative);
  EXPECT_THROW(Integrator(shared.bind({}), Scheme::milstein), ModelError);
}

TEST(BrownianTree, KeepsEveryValueWhenRefinedAndHasTheLawOfAWienerProcess) {
  const BrownianTree tree(7, 3, "test/tree", 2.0, 2);
  const std::vector<double> coarse = tree.path(4), fine = tree.path(9);
  for (std::size_t k = 0; k <= 16; ++k)
    for (std::size_t j = 0; j < 2; ++j) EXPECT_EQ(coarse[2 * k + j], fine[2 * k * 32 + j]);
  EXPECT_EQ(tree.at(2.0 * 137 / 512, 9)[1], fine[2 * 137 + 1]);
  EXPECT_EQ(tree.at(2.0, 9)[0], fine[2 * 512]);
  // Quadratic variation over [0, 2] is 2 +- 2 sqrt(2 / n), and increments of different levels do not correlate.
  std::vector<double> quadratic, product;
  for (std::uint64_t k = 0; k < 4000; ++k) {
    const std::vector<double> w = BrownianTree(11, k, "test/tree", 2.0, 1).path(5);
    double q = 0;
    for (std::size_t i = 0; i < 32; ++i) q += (w[i + 1] - w[i]) * (w[i + 1] - w[i]);
    quadratic.push_back(q);
    product.push_back((w[9] - w[8]) * (w[10] - w[9]));
  }
  const auto check = [](const std::vector<double>& x, double exact, const char* what) {
    double sum = 0, square = 0;
    for (const double v : x) sum += v;
    const double mean = sum / static_cast<double>(x.size());
    for (const double v : x) square += (v - mean) * (v - mean);
    return MeanCheck{exact, mean, std::sqrt(square) / static_cast<double>(x.size()), what};
  };
  EXPECT_TRUE(MeansMatch({check(quadratic, 2.0, "quadratic variation")}, 0.07));
  EXPECT_TRUE(MeansMatch({check(product, 0.0, "neighbouring increments")}, 0.01));
}

// Strong error E|X_h - X| at T = 1 on the same 600 Brownian paths at 16 ... 256 steps.
std::vector<double> strong_errors(const SdeSpec& spec, Scheme scheme, double (*exact)(double w), std::vector<double>& steps, std::uint64_t paths = 600) {
  const Process process = spec.bind({});
  const Integrator integrator(process, scheme);
  Integrator::Scratch scratch = integrator.scratch();
  std::vector<double> error(5, 0.0);
  steps.clear();
  for (unsigned l = 4; l <= 8; ++l) steps.push_back(std::pow(0.5, l));
  for (std::uint64_t k = 0; k < paths; ++k) {
    const std::vector<double> w = BrownianTree(5, k, "test/strong", 1.0, 1).path(8);
    for (unsigned l = 4; l <= 8; ++l) {
      const std::size_t n = std::size_t{1} << l, stride = 256 / n;
      std::array<double, 2> z{process.initial[0], 0};
      for (std::size_t i = 0; i < n; ++i) {
        const double dw = w[(i + 1) * stride] - w[i * stride];
        integrator.step(z.data(), 1.0 / static_cast<double>(n), &dw, 0, scratch);
      }
      error[l - 4] += std::abs(z[0] - exact(w[256])) / static_cast<double>(paths);
    }
  }
  return error;
}

double geometric(double w) { return std::exp(1.5 - 0.5 + w); }                // dx = 1.5 x dt + x dW (Itô), x0 = 1
double arcsinh_walk(double w) { return std::sinh(std::asinh(0.5) + w); }     // dx = x/2 dt + sqrt(1 + x^2) dW

TEST(Scheme, StrongOrdersOnScalarMultiplicativeNoise) {
  std::vector<double> h;
  const SdeSpec linear = scalar("1.5*x", "x", 1), nonlinear = scalar("x/2", "sqrt(1 + x^2)", 0.5);
  const auto em = strong_errors(linear, Scheme::euler_maruyama, geometric, h, 4000);
  EXPECT_TRUE(HasOrder("strong order of euler-maruyama on geometric Brownian motion", h, em, 0.5, 0.05));
  const auto milstein = strong_errors(linear, Scheme::milstein, geometric, h, 2000);
  EXPECT_TRUE(HasOrder("strong order of milstein on geometric Brownian motion", h, milstein, 1.0, 0.05));
  const auto heun = strong_errors(nonlinear, Scheme::heun, arcsinh_walk, h, 2000);
  EXPECT_TRUE(HasOrder("strong order of heun on dx = x/2 dt + sqrt(1 + x^2) dW", h, heun, 1.0, 0.06));
  const auto em2 = strong_errors(nonlinear, Scheme::euler_maruyama, arcsinh_walk, h, 2000);
  EXPECT_TRUE(HasOrder("strong order of euler-maruyama on dx = x/2 dt + sqrt(1 + x^2) dW", h, em2, 0.5, 0.06));
  const auto milstein2 = strong_errors(nonlinear, Scheme::milstein, arcsinh_walk, h, 2000);
  EXPECT_TRUE(HasOrder("strong order of milstein on dx = x/2 dt + sqrt(1 + x^2) dW", h, milstein2, 1.0, 0.06));
  const auto platen = strong_errors(linear, Scheme::platen, geometric, h, 2000);
  EXPECT_TRUE(HasOrder("strong order of platen on geometric Brownian motion", h, platen, 1.0, 0.06));
}

TEST(Scheme, EulerMaruyamaHasStrongOrderOneForAdditiveNoise) {
  // Ornstein-Uhlenbeck on a common path: the error of the path against its own refinement to 1024 steps.
  const Process process = scalar("-2*x", "0.7", 1).bind({});
  const Integrator em(process, Scheme::euler_maruyama);
  Integrator::Scratch scratch = em.scratch();
  std::vector<double> h, error(4, 0.0);
  for (unsigned l = 4; l <= 7; ++l) h.push_back(std::pow(0.5, l));
  for (std::uint64_t k = 0; k < 400; ++k) {
    const std::vector<double> w = BrownianTree(5, k, "test/strong", 1.0, 1).path(14);
    double fine = 0;
    for (const unsigned l : {14u, 4u, 5u, 6u, 7u}) {
      const std::size_t n = std::size_t{1} << l, stride = 16384 / n;
      std::array<double, 2> z{1, 0};
      for (std::size_t i = 0; i < n; ++i) {
        const double dw = w[(i + 1) * stride] - w[i * stride];
        em.step(z.data(), 1.0 / static_cast<double>(n), &dw, 0, scratch);
      }
      if (l == 14) fine = z[0];
      else error[l - 4] += std::abs(z[0] - fine) / 400;
    }
  }
  EXPECT_TRUE(HasOrder("strong order of euler-maruyama with additive noise (Ornstein-Uhlenbeck)", h, error, 1.0, 0.05));
}

/// Weak errors of <x> and <x^2> at T = 1 for dx = mu x dt + sigma x dW, exact in the step's own law.
std::array<std::vector<double>, 2> weak_errors_of_geometric(Scheme scheme, std::vector<double>& h) {
  const double mu = 0.8, sigma = 0.6;
  const Process process = scalar("0.8*x", "0.6*x", 1).bind({});
  const Integrator integrator(process, scheme);
  Integrator::Scratch scratch = integrator.scratch();
  std::array<std::vector<double>, 2> error;
  h.clear();
  for (int n = 8; n <= 64; n *= 2) {
    const double dt = 1.0 / n;
    double first = 0, second = 0;
    for (std::size_t q = 0; q < node.size(); ++q) {
      std::array<double, 2> z{1, 0};
      const double dw = std::sqrt(dt) * node[q];
      integrator.step(z.data(), dt, &dw, 0, scratch);
      first += weight[q] * z[0];
      second += weight[q] * z[0] * z[0];
    }
    h.push_back(dt);
    error[0].push_back(std::abs(std::pow(first, n) - std::exp(mu)));
    error[1].push_back(std::abs(std::pow(second, n) - std::exp(2 * mu + sigma * sigma)));
  }
  return error;
}

TEST(Scheme, WeakOrdersOnScalarMultiplicativeNoise) {
  std::vector<double> h;
  for (const auto& [scheme, order] : {std::pair{Scheme::euler_maruyama, 1.0}, {Scheme::milstein, 1.0}, {Scheme::platen, 2.0}}) {
    const auto error = weak_errors_of_geometric(scheme, h);
    for (std::size_t m = 0; m < 2; ++m)
      EXPECT_TRUE(HasOrder("weak order of " + std::string(to_text(scheme)) + " on geometric Brownian motion, moment " + std::to_string(m + 1), h, error[m], order, 0.12)) << to_text(scheme);
  }
  const auto heun = weak_errors_of_geometric(Scheme::heun, h);
  for (std::size_t m = 0; m < 2; ++m) EXPECT_TRUE(HasOrder("weak order of heun on geometric Brownian motion, moment " + std::to_string(m + 1), h, heun[m], 1.0, 0.12));
}

// Two noises that do not commute, dx = A x dt + B1 x dW1 + B2 x dW2: second moments by the 4 x 4 map E[R (x) R].
TEST(Scheme, PlatenHasWeakOrderTwoForNoiseThatDoesNotCommute) {
  SdeSpec spec;
  spec.variables = {"x", "y"};
  spec.drift = {{"x", "-0.5*x + y"}, {"y", "-x - 0.3*y"}};
  spec.shared_noise = true;
  spec.diffusion = {{"x", {"0.4*y", "0.3*x"}}, {"y", {"0.2*x", "-0.5*y + 0.1*x"}}};
  spec.initial = {{"x", 1}, {"y", 0.5}};
  const Process process = spec.bind({});
  ASSERT_FALSE(process.noise.commutative);
  using Map = std::array<double, 16>;
  const auto times = [](const Map& a, const std::array<double, 4>& v) {
    std::array<double, 4> r{};
    for (std::size_t i = 0; i < 4; ++i)
      for (std::size_t j = 0; j < 4; ++j) r[i] += a[4 * i + j] * v[j];
    return r;
  };
  const std::array<double, 4> start{1, 0.5, 0.5, 0.25};  // xx, xy, yx, yy
  // Exact: dS/dt = A S + S A' + B1 S B1' + B2 S B2', integrated by a Taylor series of its 4 x 4 generator.
  const std::array<std::array<double, 4>, 3> m{{{-0.5, 1, -1, -0.3}, {0, 0.4, 0.2, 0}, {0.3, 0, 0.1, -0.5}}};
  Map generator{};
  for (std::size_t i = 0; i < 2; ++i)
    for (std::size_t j = 0; j < 2; ++j)
      for (std::size_t k = 0; k < 2; ++k)
        for (std::size_t l = 0; l < 2; ++l) {
          double& g = generator[4 * (2 * i + j) + 2 * k + l];
          if (j == l) g += m[0][2 * i + k];
          if (i == k) g += m[0][2 * j + l];
          for (const std::size_t b : {1u, 2u}) g += m[b][2 * i + k] * m[b][2 * j + l];
        }
  std::array<double, 4> exact = start, term = start;
  for (int n = 1; n < 60; ++n) {
    term = times(generator, term);
    for (std::size_t i = 0; i < 4; ++i) exact[i] += term[i] /= n;
  }
  for (const auto& [scheme, order] : {std::pair{Scheme::platen, 2.0}, {Scheme::euler_maruyama, 1.0}, {Scheme::heun, 1.0}}) {
    const Integrator integrator(process, scheme);
    Integrator::Scratch scratch = integrator.scratch();
    std::vector<double> h, error;
    for (int n = 8; n <= 64; n *= 2) {
      const double dt = 1.0 / n;
      Map second{};
      for (std::size_t p = 0; p < node.size(); ++p)
        for (std::size_t q = 0; q < node.size(); ++q)
          for (const std::uint64_t sign : {0u, 1u}) {
            const std::array<double, 2> dw{std::sqrt(dt) * node[p], std::sqrt(dt) * node[q]};
            std::array<double, 4> r{};  // columns of R: images of the unit vectors
            for (std::size_t c = 0; c < 2; ++c) {
              std::array<double, 3> z{c == 0 ? 1.0 : 0.0, c == 1 ? 1.0 : 0.0, 0};
              integrator.step(z.data(), dt, dw.data(), sign, scratch);
              r[c] = z[0];
              r[2 + c] = z[1];
            }
            for (std::size_t i = 0; i < 2; ++i)
              for (std::size_t j = 0; j < 2; ++j)
                for (std::size_t k = 0; k < 2; ++k)
                  for (std::size_t l = 0; l < 2; ++l) second[4 * (2 * i + j) + 2 * k + l] += 0.5 * weight[p] * weight[q] * r[2 * i + k] * r[2 * j + l];
          }
      std::array<double, 4> moments = start;
      for (int step = 0; step < n; ++step) moments = times(second, moments);
      double worst = 0;
      for (std::size_t i = 0; i < 4; ++i) worst = std::max(worst, std::abs(moments[i] - exact[i]));
      h.push_back(dt);
      error.push_back(worst);
    }
    EXPECT_TRUE(HasOrder("weak order of " + std::string(to_text(scheme)) + " with two noises that do not commute", h, error, order, 0.15)) << to_text(scheme);
  }
}

}  // namespace
}  // namespace meso::sde
