// Mean field and pair approximation of lattice models: what is known in closed form, and limits in which they are exact.
#include "kits/lattice/rate_equation.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "kits/kinetics/closure_fixture.h"
#include "kits/lattice/pair_approximation.h"
#include "testing/measured.h"

namespace meso::lattice {
namespace {

using kinetics::testing::at_times;
using kinetics::testing::stationary;
using kinetics::testing::value;

Box box_of(std::size_t dimension, std::int64_t L = 64) { return {std::vector<std::int64_t>(dimension, L), Boundary::periodic}; }

Model contact(std::size_t d, double lambda, double density = 1) {
  Model m{.species = {"A"}, .box = box_of(d)};
  m.sites = {{1, 0, 1.0, "", ""}};
  m.pairs = {{{1, 0}, {1, 1}, lambda / (2.0 * static_cast<double>(d)), "", ""}};
  m.initial = {.kind = Initial::Kind::product, .density = {density}};
  return m;
}
Model lotka_volterra(double lambda, double mu = 0.5, double sigma = 1) {  // A eats B
  Model m{.species = {"A", "B"}, .box = box_of(2)};
  m.sites = {{1, 0, mu, "", ""}};
  m.pairs = {{{2, 0}, {2, 2}, sigma / 4, "", ""}, {{1, 2}, {1, 1}, lambda / 4, "", ""}};
  m.hop = {1, 1};
  m.initial = {.kind = Initial::Kind::product, .density = {0.3, 0.3}};
  return m;
}
Model may_leonard(double s, double u) {
  Model m{.species = {"A", "B", "C"}, .box = box_of(2)};
  for (State i = 1; i <= 3; ++i) {
    const State prey = i % 3 + 1;
    m.pairs.push_back({{i, prey}, {i, 0}, s / 4, "", ""});
    m.pairs.push_back({{i, 0}, {i, i}, u / 4, "", ""});
  }
  m.initial = {.kind = Initial::Kind::product, .density = {0.25, 0.24, 0.26}};
  return m;
}

TEST(RateEquation, LotkaVolterraRestsWhereItMust) {
  for (const double lambda : {1.0, 4.0, 0.9, 0.6}) {
    const double mu = 0.5, sigma = 1, b = mu / lambda, a = sigma * (1 - b) / (lambda + sigma);
    const MeanFieldState state = mean_field_state(lotka_volterra(lambda), std::vector<double>{a * 1.05, b * 0.97});
    EXPECT_NEAR(state.density[0], a, 1e-10);
    EXPECT_NEAR(state.density[1], b, 1e-10);
    ASSERT_EQ(state.eigenvalues.size(), 2u);
    const std::complex<double> root = std::sqrt(std::complex<double>(std::pow(sigma * b / 2, 2) - lambda * (lambda + sigma) * a * b));
    for (const double sign : {1.0, -1.0}) {
      const std::complex<double> exact = -sigma * b / 2 + sign * root;
      EXPECT_LT(std::min(std::abs(state.eigenvalues[0] - exact), std::abs(state.eigenvalues[1] - exact)), 1e-9) << lambda;
    }
    EXPECT_TRUE(state.stable);
  }
  const MeanFieldState one = mean_field_state(lotka_volterra(1), std::vector<double>{0.25, 0.5}), four = mean_field_state(lotka_volterra(4), std::vector<double>{0.17, 0.13});
  EXPECT_NEAR(std::abs(one.eigenvalues[0].imag()), 0.433013, 1e-6);
  EXPECT_NEAR(one.eigenvalues[0].real(), -0.25, 1e-9);
  EXPECT_NEAR(std::abs(four.eigenvalues[0].imag()), 0.658478, 1e-6);
  EXPECT_NEAR(four.eigenvalues[0].real(), -0.0625, 1e-9);
  measured("lotka-volterra-lattice", "rate-equation Lotka-Volterra frequency, lambda = 1", std::abs(one.eigenvalues[0].imag()), 1e-9, 0.433013, "closed form");
  measured("lotka-volterra-lattice", "rate-equation Lotka-Volterra frequency, lambda = 4", std::abs(four.eigenvalues[0].imag()), 1e-9, 0.658478, "closed form");
  // Node below, focus above: the discriminant changes sign at 0.683013.
  double low = 0.6, high = 0.9;
  for (int i = 0; i < 40; ++i) {
    const double lambda = 0.5 * (low + high), b = 0.5 / lambda;
    const MeanFieldState s = mean_field_state(lotka_volterra(lambda), std::vector<double>{(1 - b) / (lambda + 1), b});
    (std::abs(s.eigenvalues[0].imag()) > 1e-12 ? high : low) = lambda;
  }
  EXPECT_NEAR(low, 0.683013, 1e-6);
  measured("lotka-volterra-lattice", "rate-equation Lotka-Volterra node to focus", low, 1e-6, 0.683013, "closed form");
  // Coexistence if and only if lambda > mu: predators survive at 0.55, not at 0.45.
  EXPECT_NEAR(value(stationary(rate_equation_level(lotka_volterra(0.55), ""), {"A.density"}), "A.density"), (1 - 0.5 / 0.55) / 1.55, 1e-8);
  EXPECT_NEAR(value(stationary(rate_equation_level(lotka_volterra(0.45), ""), {"A.density"}), "A.density"), 0, 1e-6);
}

TEST(RateEquation, MayLeonardHasItsEigenvalues) {
  for (const auto& [s, u] : {std::pair{1.0, 1.0}, {0.4, 1.3}}) {
    const double a = u / (s + 3 * u);
    const MeanFieldState state = mean_field_state(may_leonard(s, u), std::vector<double>{a, a * 1.02, a});
    for (const double x : state.density) EXPECT_NEAR(x, a, 1e-10);
    ASSERT_EQ(state.eigenvalues.size(), 3u);
    EXPECT_NEAR(state.eigenvalues[2].real(), -u, 1e-9);
    for (int i = 0; i < 2; ++i) {
      EXPECT_NEAR(state.eigenvalues[static_cast<std::size_t>(i)].real(), u * s / (2 * (3 * u + s)), 1e-9);
      EXPECT_NEAR(std::abs(state.eigenvalues[static_cast<std::size_t>(i)].imag()), std::sqrt(3.0) * u * s / (2 * (3 * u + s)), 1e-9);
    }
    EXPECT_FALSE(state.stable);
    if (s == 1 && u == 1) {
      measured("may-leonard", "rate-equation May-Leonard growth rate", state.eigenvalues[0].real(), 1e-9, 0.125, "closed form");
      measured("may-leonard", "rate-equation May-Leonard frequency", std::abs(state.eigenvalues[0].imag()), 1e-9, 0.216506, "closed form");
    }
  }
}

TEST(RateEquation, IsTheKineticsOfItsRules) {
  // 2A -> 0 on one site: a' = -2 k a^2. On contact: (A, A) -> (0, 0) at 2 D a bond, a' = -z 2 D a^2.
  Model on_site{.species = {"A"}, .box = box_of(3), .occupation = Occupation::bosonic};
  on_site.reactions = {{{2}, {0}, 0.7, "", ""}};
  on_site.initial = {.kind = Initial::Kind::poisson, .density = {1.5}};
  const std::vector<double> times{0, 0.5, 3};
  Answer a = at_times(rate_equation_level(on_site, "micro"), times, {"A.density"});
  for (std::size_t i = 0; i < 3; ++i) EXPECT_NEAR(value(a, "A.density", i), 1.5 / (1 + 2 * 0.7 * 1.5 * times[i]), 1e-7);
  Model on_contact{.species = {"A"}, .box = box_of(1)};
  on_contact.contacts = {{1, 1, 0, "", ""}};
  on_contact.hop = {1};
  on_contact.initial = {.kind = Initial::Kind::full, .species = 1};
  a = at_times(rate_equation_level(on_contact, "micro"), times, {"A.density", "A.0.pairs", "A.A.pairs"});
  for (std::size_t i = 0; i < 3; ++i) {
    const double x = 1 / (1 + 4 * times[i]);
    EXPECT_NEAR(value(a, "A.density", i), x, 1e-7);
    EXPECT_NEAR(value(a, "A.0.pairs", i), x * (1 - x), 1e-7);
    EXPECT_NEAR(value(a, "A.A.pairs", i), x * x, 1e-7);
  }
  const kinetics::Network network = rate_network(contact(1, 3));
  EXPECT_EQ(network.species, (std::vector<std::string>{"A", "empty"}));
  EXPECT_EQ(network.volume, 1.0);
  // Contact process: a = 1 - 1/lambda above 1 in any dimension.
  for (const std::size_t d : {1u, 2u, 3u})
    for (const double lambda : {1.25, 3.0}) EXPECT_NEAR(value(stationary(rate_equation_level(contact(d, lambda), ""), {"A.density"}), "A.density"), 1 - 1 / lambda, 1e-8);
}

// The empty lattice loses its stability at lambda = z/(z - 1): 2, 4/3, 6/5; above it the stationary density is known too.
TEST(PairApproximation, ContactProcessHasItsThresholdInEveryDimension) {
  for (const std::size_t d : {1u, 2u, 3u}) {
    const double z = 2.0 * static_cast<double>(d), critical = z / (z - 1);
    double low = 1, high = 3;
    for (int i = 0; i < 24; ++i) {  // does a thin, already correlated gas grow?
      const double lambda = 0.5 * (low + high);
      const PairApproximation pairs(contact(d, lambda, 1e-16));
      const OdeSolution s = integrate(pairs.problem(), pairs.initial(), 0, std::vector<double>{14, 15}, {.relative = 1e-10, .absolute = {1e-40}});
      const double before = pairs.density({&s.path[0], pairs.size()}, 1), after = pairs.density({&s.path[pairs.size()], pairs.size()}, 1);
      (after > before ? high : low) = lambda;
    }
    EXPECT_NEAR(low, critical, 1e-4) << d;
    measured("contact-process", "pair-approximation contact threshold, d = " + std::to_string(d), low, 1e-4, critical, "z/(z - 1)");
    // Stationary: q = P(empty | beside A) = 1/lambda; then a = ((z - 1) lambda - z)/((z - 1) lambda - 1).
    for (const double lambda : {critical + 0.3, 4.0}) {
      const Answer a = stationary(pair_approximation_level(contact(d, lambda, 0.8), "micro"), {"A.density", "A.0.pairs"});
      const double x = value(a, "A.density");
      EXPECT_NEAR(x, ((z - 1) * lambda - z) / ((z - 1) * lambda - 1), 1e-8) << d << " " << lambda;
      EXPECT_NEAR(value(a, "A.0.pairs") / x, 1 / lambda, 1e-8);
      ASSERT_EQ(a.steady_states.size(), 1u);
      EXPECT_TRUE(a.steady_states[0].stable);
    }
  }
}

TEST(PairApproximation, IsExactWhereSitesDoNotInteractAndForAnExclusionGas) {
  // A -> 0 and 0 -> A: independent sites, so pairs are products for ever, whatever the dimension.
  Model model{.species = {"A", "B"}, .box = box_of(2)};
  model.sites = {{1, 0, 0.7, "", ""}, {0, 1, 0.4, "", ""}, {1, 2, 0.2, "", ""}, {2, 0, 1.1, "", ""}};
  model.initial = {.kind = Initial::Kind::product, .density = {0.5, 0.1}};
  const std::vector<double> times{0, 0.3, 1, 5};
  const std::vector<std::string> names{"A.density", "B.density", "A.B.pairs", "0.0.pairs"};
  const Answer pair = at_times(pair_approximation_level(model, "micro"), times, names), mean = at_times(rate_equation_level(model, "micro"), times, names);
  for (const std::string& name : names)
    for (std::size_t i = 0; i < times.size(); ++i) EXPECT_NEAR(value(pair, name, i), value(mean, name, i), 1e-8) << name << i;
  // Hops and exchanges of a product measure leave it alone.
  Model gas{.species = {"A", "B"}, .box = box_of(3)};
  gas.hop = {1.0, 0.3};
  gas.exchanges = {{1, 2, 0.9, "", ""}};
  gas.initial = {.kind = Initial::Kind::product, .density = {0.3, 0.2}};
  const PairApproximation pairs(gas);
  std::vector<double> p = pairs.initial(), f(pairs.size());
  pairs.rhs(p, f);
  for (const double x : f) EXPECT_NEAR(x, 0, 1e-15);
  p[pairs.index(1, 1)] += 0.01, p[pairs.index(1, 2)] -= 0.01;  // and relax whatever is correlated, densities kept
  pairs.rhs(p, f);
  EXPECT_LT(f[pairs.index(1, 1)], 0);
  double a = f[pairs.index(1, 0)] + f[pairs.index(1, 1)] + f[pairs.index(1, 2)];
  EXPECT_NEAR(a, 0, 1e-15);
}

// Random sequential adsorption of pairs, (0, 0) -> (A, A), never ends in mean field; the pair approximation of the ring is
// exact (sites beside an empty site shield each other): it jams at 1 - exp(-2).
TEST(PairApproximation, DimersOnARingJamExactly) {
  Model model{.species = {"A"}, .box = box_of(1)};
  model.pairs = {{{0, 0}, {1, 1}, 1.0, "", ""}};
  model.initial = {.kind = Initial::Kind::product, .density = {0}};
  const std::vector<double> times{0.2, 1, 3, 40};
  const Answer a = at_times(pair_approximation_level(model, "micro"), times, {"A.density"}, {}, 1e-8);
  for (std::size_t i = 0; i < times.size(); ++i) EXPECT_NEAR(value(a, "A.density", i), 1 - std::exp(-2 * (1 - std::exp(-times[i]))), 1e-8);
}

// Fast stirring: the pair approximation tends to the rate equation as 1/D.
TEST(PairApproximation, TendsToMeanFieldWhenStirred) {
  std::vector<double> gap;
  for (const double D : {10.0, 100.0, 1000.0}) {
    Model model = contact(1, 3, 0.5);
    model.hop = {D};
    gap.push_back(2.0 / 3 - value(stationary(pair_approximation_level(model, "micro"), {"A.density"}), "A.density"));
  }
  EXPECT_NEAR(gap[0] / gap[1], 10, 1);
  EXPECT_NEAR(gap[1] / gap[2], 10, 0.2);
}

TEST(PairApproximation, RefusesBosonicModels) {
  Model model{.species = {"A"}, .box = box_of(1), .occupation = Occupation::bosonic};
  model.reactions = {{{2}, {0}, 1, "", ""}};
  model.initial = {.kind = Initial::Kind::poisson, .density = {1}};
  EXPECT_THROW(PairApproximation{model}, ModelError);
}

}  // namespace
}  // namespace meso::lattice
