// Reaction-diffusion equations against exact solutions, their order, and the speed of fronts.
#include "kits/lattice/pde.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "kits/kinetics/closure_fixture.h"
#include "kits/lattice/rate_equation.h"
#include "testing/measured.h"
#include "testing/statistics.h"

namespace meso::lattice {
namespace {

using kinetics::testing::at_times;
using kinetics::testing::value;

TEST(Pde, ModesOfTheHeatEquationDecayWithOrderTwoInTheSpacing) {
  Model model{.species = {"A"}, .box = {{8, 8}, Boundary::periodic}, .occupation = Occupation::bosonic};
  model.reactions = {{{1}, {0}, 0.1, "", ""}};
  model.hop = {1.3};
  model.initial = {.kind = Initial::Kind::poisson, .density = {0}};
  std::vector<double> steps, errors;
  for (const std::size_t r : {1u, 2u, 4u}) {
    DensityFields f(model, r);
    const std::size_t n = f.extent()[0];
    const double k = 2 * std::numbers::pi / 8, h = f.spacing();
    for (std::size_t i = 0; i < f.points(); ++i) f.field(1)[i] = 1 + std::cos(k * h * static_cast<double>(i % n)) * std::cos(k * h * static_cast<double>(i / n));
    f.advance(1);
    const double exact = std::exp(-0.1) * (1 + std::exp(-2 * 1.3 * k * k));
    steps.push_back(h);
    errors.push_back(std::abs(f.field(1)[0] - exact));
    EXPECT_NEAR(f.mean(1), std::exp(-0.1), 1e-9);
    // On the lattice itself the eigenvalue is known: 2 (cos(k h) - 1)/h^2 per direction.
    EXPECT_NEAR(f.field(1)[0], std::exp(-0.1) * (1 + std::exp(2 * 1.3 * 2 * (std::cos(k * h) - 1) / (h * h))), 1e-6);
  }
  EXPECT_TRUE(OrderIs(steps, errors, 2, 0.1));
}

TEST(Pde, AHomogeneousStartIsTheRateEquation) {
  Model model{.species = {"A", "B"}, .box = {{40, 40}, Boundary::periodic}};
  model.sites = {{1, 0, 0.5, "", ""}};
  model.pairs = {{{2, 0}, {2, 2}, 0.25, "", ""}, {{1, 2}, {1, 1}, 0.5, "", ""}, {{2, 2}, {0, 2}, 0.1, "", ""}};
  model.hop = {1, 0.2};
  model.initial = {.kind = Initial::Kind::product, .density = {0.3, 0.2}};
  const std::vector<double> times{0, 1, 5, 20};
  const Answer pde = at_times(pde_level(model, "rate-equation"), times, {"A.density", "B.density"}), ode = at_times(rate_equation_level(model, "micro"), times, {"A.density", "B.density"});
  for (const char* name : {"A.density", "B.density"})
    for (std::size_t i = 0; i < times.size(); ++i) EXPECT_NEAR(value(pde, name, i), value(ode, name, i), 2e-6) << name << i;
}

TEST(Pde, ExclusionGasDiffusesAsOneAndKeepsItsParticles) {
  // Equal hop rates: the total density obeys the plain diffusion equation; A and B alone do not.
  Model model{.species = {"A", "B"}, .box = {{32}, Boundary::reflecting}};
  model.hop = {1, 1};
  model.initial = {.kind = Initial::Kind::product, .density = {0, 0}};
  DensityFields f(model);
  Model alone = model;
  alone.species = {"A"};
  alone.hop = {1};
  alone.initial.density = {0};
  DensityFields total(alone);
  for (std::size_t i = 0; i < 32; ++i) {
    f.field(1)[i] = i < 10 ? 0.8 : 0.1;
    f.field(2)[i] = i > 20 ? 0.6 : 0.1;
    total.field(1)[i] = f.field(1)[i] + f.field(2)[i];
  }
  const double a = f.mean(1), b = f.mean(2);
  f.advance(30);
  total.advance(30);
  EXPECT_NEAR(f.mean(1), a, 1e-13);
  EXPECT_NEAR(f.mean(2), b, 1e-13);
  for (std::size_t i = 0; i < 32; ++i) EXPECT_NEAR(f.field(1)[i] + f.field(2)[i], total.field(1)[i], 1e-9);
  EXPECT_GT(f.field(1)[0], f.field(1)[31] + 0.01);
}

// A -> 2A at r, 2A -> A, hop D: a pulled front. On a grid of spacing h its speed is min over q of (r + 2 D (cosh(q h) - 1)/h^2)/q, and
// approaches it as v(t) = v - 3/(2 q t) + 3 sqrt(pi/(q^4 D_q))/(2 t^(3/2)), D_q = D cosh(q h).
// Source: Bramson (1983), doi:10.1090/memo/0285; Ebert and van Saarloos (2000), doi:10.1016/S0167-2789(00)00068-3.
TEST(Pde, PulledFrontsHaveFishersSpeedWithBramsonsDelay) {
  const double r = 1, D = 1;
  for (const std::size_t per_site : {1u, 2u}) {
    Model model{.species = {"A"}, .box = {{1000}, Boundary::reflecting}, .occupation = Occupation::bosonic};
    model.reactions = {{{1}, {2}, r, "", ""}, {{2}, {1}, r, "", ""}};
    model.hop = {D};
    model.initial = {.kind = Initial::Kind::poisson, .density = {0}};
    DensityFields f(model, per_site);
    const double h = f.spacing();
    for (std::size_t i = 0; i < f.points(); ++i) f.field(1)[i] = static_cast<double>(i) * h < 60 ? 1 : 0;
    const auto position = [&] {
      double area = 0;
      for (const double x : f.field(1)) area += x * h;
      return area;
    };
    const double t = 400, dt = 20;
    f.advance(t - dt);
    const double before = position();
    f.advance(2 * dt);
    const double speed = (position() - before) / (2 * dt);
    double q = 0.05, best = 1e300;
    for (double x = 0.05; x < 2; x += 1e-5)
      if (const double v = (r + 2 * D * (std::cosh(x * h) - 1) / (h * h)) / x; v < best) best = v, q = x;
    const double predicted = best - 3 / (2 * q * t) + 1.5 * std::sqrt(std::numbers::pi / (std::pow(q, 4) * D * std::cosh(q * h))) * std::pow(t, -1.5);
    EXPECT_NEAR(speed, predicted, 3e-4);  // next term of order log(t)/t^2
    EXPECT_LT(speed, best - 0.002);       // it sees the delay
    measured("branching-annihilation", "pde front speed at t = 400, " + std::to_string(per_site) + " points a site", speed, 3e-4, predicted, "Fisher speed with Bramson's delay");
    if (per_site == 2) { EXPECT_NEAR(best, 2 * std::sqrt(r * D), 0.03); }
  }
}

TEST(Pde, ASeedSpreadsAndTellsItsError) {
  Model model{.species = {"A"}, .box = {{64}, Boundary::periodic}, .occupation = Occupation::bosonic};
  model.reactions = {{{1}, {0}, 0.05, "", ""}};
  model.hop = {1};
  model.initial = {.kind = Initial::Kind::seed, .species = 1};
  const Answer a = at_times(pde_level(model, "rate-equation"), {0, 1, 10}, {"A.density"});
  for (std::size_t i = 0; i < 3; ++i) EXPECT_NEAR(value(a, "A.density", i), std::exp(-0.05 * std::vector<double>{0, 1, 10}[i]) / 64, 1e-9);
  Model dp{.species = {"A"}, .box = {{64}, Boundary::periodic}};
  dp.sites = {{1, 0, 1, "", ""}};
  dp.pairs = {{{1, 0}, {1, 1}, 2, "", ""}};
  dp.initial = {.kind = Initial::Kind::seed, .species = 1};
  const Level level = pde_level(dp, "rate-equation");
  const Answer one = at_times(level, {0, 4}, {"A.density"}), four = at_times(level, {0, 4}, {"A.density"}, {{"points-per-site", Value(4)}});
  const double v1 = value(one, "A.density", 1), b1 = one.find("A.density")->bound(1), v4 = value(four, "A.density", 1), b4 = four.find("A.density")->bound(1);
  EXPECT_LT(std::abs(v1 - v4), b1 + b4);
  EXPECT_LT(b4, 0.3 * b1);
}

}  // namespace
}  // namespace meso::lattice
