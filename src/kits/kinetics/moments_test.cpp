#include "kits/kinetics/moments.h"

#include <random>

#include "base/text.h"
#include "kits/kinetics/closure_fixture.h"
#include "kits/kinetics/flow.h"
#include "kits/kinetics/linear_noise.h"
#include "stat/cumulants.h"

namespace meso::kinetics {
namespace {

using namespace testing;

double evaluate(const MomentEquations& e, std::size_t row, std::span<const double> moments, std::span<const double> laws = {}) {
  double sum = 0;
  for (const auto& [monomial, coefficient] : e.equations[row].terms) {
    double product = coefficient;
    for (const std::uint32_t id : monomial) product *= id >= law_symbols ? laws[id - law_symbols] : moments[id];
    sum += product;
  }
  return sum;
}

// An explicit law on the lattice gives every moment and, by the master equation, every derivative: d<f>/dt = sum_r <a_r (f(n + nu_r) - f(n))>.
struct Lattice {
  std::vector<std::vector<double>> points;
  std::vector<double> weight;
};

Lattice some_law(std::size_t species) {
  Lattice law;
  std::mt19937 generator(7);
  double total = 0;
  for (int k = 0; k < 40; ++k) {
    std::vector<double> n(species);
    for (double& x : n) x = static_cast<double>(generator() % 7);
    law.points.push_back(n);
    law.weight.push_back(1.0 + static_cast<double>(generator() % 100));
    total += law.weight.back();
  }
  for (double& w : law.weight) w /= total;
  return law;
}

double power(const std::vector<double>& n, const MultiIndex& i) {
  double value = 1;
  for (std::size_t s = 0; s < n.size(); ++s) value *= std::pow(n[s], i[s]);
  return value;
}

// d<n^i>/dt by the master equation itself.
std::vector<double> exact_raw_derivatives(const Network& network, const Lattice& law, const MultiIndexSet& set) {
  const Propensities propensities(network);
  std::vector<double> derivative(set.size(), 0.0);
  for (std::size_t k = 0; k < law.points.size(); ++k) {
    for (std::size_t r = 0; r < network.reactions.size(); ++r) {
      std::vector<double> after = law.points[k];
      for (const auto& [species, change] : network.reactions[r].change) after[species] += change;
      for (std::size_t p = 0; p < set.size(); ++p) derivative[p] += law.weight[k] * propensities(r, law.points[k]) * (power(after, set[p]) - power(law.points[k], set[p]));
    }
  }
  return derivative;
}

std::vector<double> raw_moments(const Lattice& law, const MultiIndexSet& set) {
  std::vector<double> raw(set.size(), 0.0);
  for (std::size_t k = 0; k < law.points.size(); ++k)
    for (std::size_t p = 0; p < set.size(); ++p) raw[p] += law.weight[k] * power(law.points[k], set[p]);
  return raw;
}

void expect_forms_agree(const Network& network, int order) {
  const ReducedNetwork reduced = reduce(network, Convention::stochastic);
  const Lattice law = some_law(reduced.size());
  const RawMomentEquations raw = raw_moment_equations(reduced, order);
  const std::vector<double> m = raw_moments(law, raw.columns);
  const std::vector<double> truth = exact_raw_derivatives(network, law, raw.rows);
  std::vector<double> d_raw(raw.rows.size(), 0.0);
  for (const auto& entry : raw.entries) d_raw[entry.row] += entry.coefficient * (entry.column == MultiIndexSet::npos ? 1.0 : m[entry.column]);
  for (std::size_t p = 0; p < raw.rows.size(); ++p) EXPECT_NEAR(d_raw[p], truth[p], 1e-10 * (1 + std::abs(truth[p]))) << "raw, entry " << p;

  // Cumulant and central forms: move along the exact derivative for a small time and compare, by the complex-step-free central difference.
  const MomentEquations kappa = cumulant_equations(reduced, order), central = central_moment_equations(reduced, order);
  const std::vector<double> k = cumulants_from_raw(kappa.set, raw_moments(law, kappa.set)), c = central_from_cumulants(central.set, cumulants_from_raw(central.set, raw_moments(law, central.set)));
  const double h = 1e-4;
  std::vector<std::vector<double>> shifted_kappa, shifted_central;
  for (const double step : {-2 * h, -h, h, 2 * h}) {
    std::vector<double> shifted = raw_moments(law, raw.rows);
    for (std::size_t p = 0; p < shifted.size(); ++p) shifted[p] += step * truth[p];
    shifted_kappa.push_back(cumulants_from_raw(raw.rows, shifted));
    shifted_central.push_back(central_from_cumulants(raw.rows, shifted_kappa.back()));
  }
  const auto difference = [&](const std::vector<std::vector<double>>& s, std::size_t p) { return (s[0][p] - 8 * s[1][p] + 8 * s[2][p] - s[3][p]) / (12 * h); };
  for (std::size_t p = 0; p < raw.rows.size(); ++p) {
    double scale = 1;
    for (const double t : truth) scale = std::max(scale, std::abs(t));
    EXPECT_NEAR(evaluate(kappa, p, k), difference(shifted_kappa, p), 1e-6 * scale) << "cumulants, entry " << p;
    EXPECT_NEAR(evaluate(central, p, c), difference(shifted_central, p), 1e-6 * scale) << "central, entry " << p;
  }
}

TEST(MomentEquations, RawCentralAndCumulantFormsAreTheMasterEquation) {
  expect_forms_agree(schlogl(2), 5);
  expect_forms_agree(brusselator(1.5, 2), 4);
  expect_forms_agree(mrna_protein(), 3);
  const NetworkSpec three{.species = {"A", "B", "C"}, .reactions = {"A + B -> C, 0.3", "2C -> A + 2B, 0.1", "0 -> A, 2", "B -> 0, = 0.5*B^2", "C -> 0, 1", "A -> 2A + B, 0.2"}, .volume = 1.3};
  expect_forms_agree(three.bind({}), 3);
}

TEST(MomentEquations, SchloglFirstTwoByHand) {  // d mu = k3 O - k4 mu + k1/O <n(n-1)> - k2/O^2 <n(n-1)(n-2)>
  const MomentEquations e = cumulant_equations(reduce(schlogl(10), Convention::stochastic), 2);
  const double mu = 3, v = 5, s = 7, t = 11;  // cumulants 1..4
  const double f2 = mu * mu + v - mu, m3 = s + 3 * mu * v + mu * mu * mu, f3 = m3 - 3 * (mu * mu + v) + 2 * mu;
  const std::vector<double> k{mu, v, s, t};
  EXPECT_NEAR(evaluate(e, 0, k), 22.5 - 6.75 * mu + 0.5 * f2 - 0.01 * f3, 1e-12);
}

TEST(MomentEquations, TaylorFormIsExactForAPolynomialInDisguise) {
  // k X exp(0 t) style: a law that Formula cannot call polynomial, but whose third derivatives vanish: (X^2 + sqrt(X^2)^2) / 2 = X^2 for X >= 0.
  const NetworkSpec plain{.species = {"X"}, .reactions = {"0 -> X, 3", "X -> 0, = 0.5*X^2"}, .volume = 1};
  const NetworkSpec disguised{.species = {"X"}, .reactions = {"0 -> X, 3", "X -> 0, = 0.25*(X^2 + exp(2*log(X)))"}, .volume = 1};
  const Flow a(cumulant_equations(reduce(plain.bind({{"X0", 1}}), Convention::stochastic), 3, 3, 3));
  const Flow b(cumulant_equations(reduce(disguised.bind({{"X0", 1}}), Convention::stochastic), 3, 3, 3));
  const std::vector<double> z{2.5, 1.7, 0.4};
  std::vector<double> fa(3), fb(3), ja(9), jb(9);
  a.rhs(0, z, fa), b.rhs(0, z, fb), a.jacobian(0, z, ja), b.jacobian(0, z, jb);
  for (int i = 0; i < 3; ++i) EXPECT_NEAR(fa[i], fb[i], 1e-10);
  for (int i = 0; i < 9; ++i) EXPECT_NEAR(ja[i], jb[i], 1e-9);
}

void expect_jacobian(const Flow& flow, std::vector<double> z) {
  const std::size_t n = flow.size();
  std::vector<double> j(n * n), up(n), down(n);
  flow.jacobian(0.3, z, j);
  for (std::size_t c = 0; c < n; ++c) {
    const double h = 1e-5 * (1 + std::abs(z[c])), keep = z[c];
    z[c] = keep + h;
    flow.rhs(0.3, z, up);
    z[c] = keep - h;
    flow.rhs(0.3, z, down);
    z[c] = keep;
    for (std::size_t r = 0; r < n; ++r) EXPECT_NEAR(j[r + n * c], (up[r] - down[r]) / (2 * h), 2e-6 * (1 + std::abs(j[r + n * c]))) << r << "," << c;
  }
}

TEST(Flow, AnalyticJacobianIsTheDerivative) {
  const auto state = [](std::size_t n) {
    std::vector<double> z;
    for (std::size_t i = 0; i < n; ++i) z.push_back(0.7 + 0.3 * std::sin(1.0 + 2.0 * static_cast<double>(i)));
    return z;
  };
  const Flow closed(cumulant_equations(reduce(brusselator(3, 2), Convention::stochastic), 4, 4));
  expect_jacobian(closed, state(closed.size()));
  const NetworkSpec toggle{.species = {"U", "V"},
                           .reactions = {"0 -> U, = 10/(1 + V^2)", "U -> 0, 1", "0 -> V, = 10*(1 + 0.5*sin(t))/(1 + U^2)", "V -> 0, 1"},
                           .volume = 2,
                           .initial = {{"U", 3}, {"V", 1}}};
  const Flow hill(cumulant_equations(reduce(toggle.bind({}), Convention::stochastic), 3, 3, 3));
  expect_jacobian(hill, state(hill.size()));
  const Flow noise(linear_noise_equations(reduce(toggle.bind({}), Convention::macroscopic)));
  expect_jacobian(noise, state(noise.size()));
}

TEST(Reduction, EliminatesConservedSpecies) {
  const NetworkSpec gene{.species = {"G", "Gb", "P"},
                         .reactions = {"G + P -> Gb, 0.004", "Gb -> G + P, 0.25", "G -> G + P, 60", "Gb -> Gb + P, 25", "P -> 0, 1"},
                         .volume = 1,
                         .initial = {{"G", 1}}};
  const ReducedNetwork reduced = reduce(gene.bind({}), Convention::stochastic);
  ASSERT_EQ(reduced.species, (std::vector<std::string>{"G", "P"}));
  EXPECT_EQ(reduced.eliminated(), (std::vector<std::string>{"Gb = 1 - G"}));
  // Conserved after a change of both kinds: A + B, with 2A -> C: A + B + 2C.
  const NetworkSpec ring{.species = {"A", "B", "C"}, .reactions = {"A <-> B, 1; 2", "2A <-> C, 1; 3"}, .volume = 1, .initial = {{"A", 4}, {"C", 3}}};
  const ReducedNetwork r = reduce(ring.bind({}), Convention::stochastic);
  ASSERT_EQ(r.species, (std::vector<std::string>{"A", "B"}));
  EXPECT_EQ(r.eliminated(), (std::vector<std::string>{"C = 5 - 0.5 A - 0.5 B"}));
}

// The equations of conserved and of eliminated form are one physics: integrate the reversible isomerisation, whose law is binomial.
TEST(Reduction, IsomerisationIsBinomial) {
  const NetworkSpec spec{.species = {"A", "B"}, .reactions = {"A <-> B, 1; 2"}, .volume = 1, .initial = {{"A", 30}}};
  const Flow flow(cumulant_equations(reduce(spec.bind({}), Convention::stochastic), 4, 4));
  const OdeSolution s = integrate(flow.problem(), flow.start(std::vector<double>{30.0}), 0, std::vector<double>{0.7}, {.relative = 1e-11, .absolute = {1e-13}});
  const double p = 2.0 / 3 + 1.0 / 3 * std::exp(-3 * 0.7), q = 1 - p;
  EXPECT_NEAR(s.path[0], 30 * p, 1e-7);
  EXPECT_NEAR(s.path[1], 30 * p * q, 1e-7);
  EXPECT_NEAR(s.path[2], 30 * p * q * (q - p), 1e-7);
  EXPECT_NEAR(s.path[3], 30 * p * q * (1 - 6 * p * q), 1e-7);
}

// The digits claim: at volume 1000 order 4, the equations of a linear network give cumulants to near rounding.
TEST(Flow, KeepsItsDigitsAtLargeVolume) {
  const double volume = 1000;
  const NetworkSpec spec{.species = {"X"}, .reactions = {"0 -> X, 3", "X -> 0, 1"}, .volume = volume, .initial = {}};
  const Flow flow(cumulant_equations(reduce(spec.bind({}), Convention::stochastic), 4, 4));
  const OdeSolution s = integrate(flow.problem(), flow.start(std::vector<double>{0.0}), 0, std::vector<double>{1.0}, {.relative = 1e-12, .absolute = {1e-15}});
  const double mean = 3 * (1 - std::exp(-1.0));  // Poisson: every cumulant is the mean
  for (std::size_t k = 0; k < 4; ++k) EXPECT_NEAR(s.path[k], mean, 1e-9 * mean) << "cumulant " << k + 1;
}

}  // namespace
}  // namespace meso::kinetics
