// Epidemics against the master equation of small graphs; reduced levels against what is exact for them.
#include "kits/graph/epidemic.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "kits/graph/reduced.h"
#include "kits/graph/wave.h"
#include "testing/statistics.h"

namespace meso::graph {
namespace {

// A ring of five with a chord: loops of two lengths.
const std::vector<Edge> five{{0, 1}, {1, 2}, {2, 3}, {3, 4}, {0, 4}, {1, 3}};

enum class Method { first_passage, thinning };

/// Means of compartment c at the times, by simulation, against the master equation.
void expect_master(const Compartments& model, const Graph& graph, std::span<const EdgeChange> changes, const std::vector<State>& initial, Method method, double detectable, const char* purpose,
                   std::size_t runs = 40000) {
  const std::vector<double> times{0.3, 1.0, 2.5};
  const Fractions exact = master_equation(model, graph, changes, {{initial}, {1.0}}, times);
  const std::size_t K = model.size();
  std::vector<double> sum(exact.value.size(), 0), square(exact.value.size(), 0);
  FirstPassage passage(method == Method::first_passage ? model : sir(1, 1));
  const auto n = static_cast<double>(graph.nodes());
  for (std::uint64_t k = 0; k < runs; ++k) {
    FastStream random = Stream(7, k, purpose).fast();
    const Course course = method == Method::first_passage ? passage.run(graph, initial, times, times.back(), random) : simulate(model, graph, changes, initial, times, times.back(), random);
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += course.at[i] / n, square[i] += course.at[i] * course.at[i] / (n * n);
  }
  const auto r = static_cast<double>(runs);
  std::vector<MeanCheck> checks;
  for (std::size_t i = 0; i < sum.size(); ++i) {
    const double variance = exact.second[i] - exact.value[i] * exact.value[i];
    checks.push_back({exact.value[i], sum[i] / r, std::sqrt(std::max(variance, 1e-12) / r), model.names[i % K] + " at t = " + std::to_string(times[i / K])});
    checks.push_back({exact.second[i], square[i] / r, std::sqrt(std::max(variance, 1e-12) / r) * 2, "square of " + model.names[i % K]});  // Var(x^2) <= 4 Var(x) on [0,1]
  }
  EXPECT_TRUE(MeansMatch(checks, detectable));
}

TEST(FirstPassage, SirFollowsTheMasterEquation) { expect_master(sir(0.8, 1), Graph(5, five), {}, {1, 0, 0, 0, 0}, Method::first_passage, 0.03, "test/sir"); }
TEST(FirstPassage, SeirFollowsTheMasterEquation) { expect_master(seir(1.5, 2, 0.7), Graph(5, five), {}, {2, 0, 0, 1, 0}, Method::first_passage, 0.03, "test/seir"); }
TEST(FirstPassage, TwoInfectiousTypesFollowTheMasterEquation) {
  // Mild and severe courses after a common incubation; a severe contact leads straight to the severe course.
  const Compartments model = read_compartments({"S", "E", "A", "B", "R"}, {"S + A -> E + A, b", "B + S -> B + B, 2*b", "E -> A, 1.5", "E -> B, 0.5", "A -> R, 1", "A -> B, 0.3", "B -> R, 0.4"}, {{"b", 0.7}});
  ASSERT_TRUE(single_infection(model).has_value());
  expect_master(model, Graph(5, five), {}, {0, 0, 2, 0, 0}, Method::first_passage, 0.03, "test/two-types");
}
TEST(Thinning, SirFollowsTheMasterEquation) { expect_master(sir(0.8, 1), Graph(5, five), {}, {1, 0, 0, 0, 0}, Method::thinning, 0.03, "test/thinning"); }
TEST(Thinning, SisFollowsTheMasterEquation) { expect_master(sis(0.8, 1), Graph(5, five), {}, {1, 0, 1, 0, 0}, Method::thinning, 0.03, "test/sis"); }
TEST(Thinning, RumoursWithContactsOfEqualsFollowTheMasterEquation) {  // both nodes of a contact change, and equals meet
  const Compartments model = read_compartments({"X", "Y", "Z"}, {"X + Y -> Y + Y, 1", "Y + Y -> Z + Y, 0.7", "Y + Z -> Z + X, 0.4", "Z -> X, 0.2"}, {});
  EXPECT_FALSE(single_infection(model).has_value());
  expect_master(model, Graph(5, five), {}, {1, 0, 1, 0, 0}, Method::thinning, 0.03, "test/rumours");
}
TEST(Thinning, EdgesThatChangeFollowTheMasterEquation) {
  const std::vector<EdgeChange> changes{{0.2, false, {1, 2}}, {0.5, true, {0, 2}}, {0.5, false, {3, 4}}, {1.5, true, {1, 2}}, {1.5, true, {0, 3}}};
  expect_master(sis(1.2, 1), Graph(5, five), changes, {1, 0, 0, 0, 0}, Method::thinning, 0.03, "test/temporal", 60000);
}

TEST(MasterEquation, OfAPairHasAClosedForm) {
  // One infected, one susceptible: P(second ever infected by t) = beta/(beta + gamma) (1 - exp(-(beta + gamma) t)).
  const std::vector<double> times{0.5, 2};
  const std::vector<Edge> pair{{0, 1}};
  const Fractions f = master_equation(sir(0.7, 1.3), Graph(2, pair), {}, {{{1, 0}}, {1.0}}, times);
  for (std::size_t i = 0; i < 2; ++i) EXPECT_NEAR(f.value[3 * i], 0.5 * (1 - 0.35 * (1 - std::exp(-2 * times[i]))), 1e-12);
}

TEST(FirstPassage, GivesTheFinalSizeOfAnInfiniteRandomGraph) {
  // n = 2e5, Poisson degrees of mean 5, 1 % infected: the edge-based equations, and the attack rate of the reference program (0.894 to 0.896).
  const std::size_t n = 200000;
  const std::vector<double> initial{0.99, 0.01, 0}, times{1, 2, 4, 100};
  const Fractions exact = edge_based(sir(1, 1), GeneratingFunction(poisson_law(5)), initial, times);
  const Graph g = erdos_renyi(n, 5.0 / (n - 1), Stream(3, 0, "test/graph").fast());
  std::vector<State> state(n, 0);
  for (std::size_t i = 0; i < n / 100; ++i) state[i] = 1;
  FastStream random = Stream(3, 0, "test/epidemic").fast();
  const Course course = FirstPassage(sir(1, 1)).run(g, state, times, 1e300, random);
  for (std::size_t i = 0; i < 4; ++i)
    for (std::size_t c = 0; c < 3; ++c) EXPECT_NEAR(course.at[3 * i + c] / static_cast<double>(n), exact.value[3 * i + c], 0.012) << "t = " << times[i];
  EXPECT_EQ(course.events, 2ULL * (n - course.at[9]) - n / 100);  // each infection and each recovery
}

TEST(EdgeBased, EndsAtTheFinalSize) {
  const std::vector<double> initial{1 - 1e-9, 1e-9, 0}, times{200};
  for (const auto& [kappa, weight] : std::vector<std::pair<std::vector<double>, std::vector<double>>>{{{6}, {1}}, {{2, 18}, {0.75, 0.25}}}) {
    const GeneratingFunction psi(kappa, weight);
    EXPECT_NEAR(edge_based(sir(1, 1), psi, initial, times).value[2], final_size(psi, 1, 1), 2e-7);
  }
  EXPECT_EQ(final_size(GeneratingFunction({2}, {1}), 1, 1), 0);  // R0 = 1
}

TEST(PairApproximation, OfSirOnARegularGraphIsTheEdgeBasedTheory) {
  // On a regular random graph both are exact for n -> infinity (Keeling 1999; Miller, Slim, Volz 2012): the same curve.
  const std::vector<double> initial{0.99, 0.01, 0}, times{0.5, 1, 2, 4, 8};
  DegreeLaw law(5, 0.0);
  law[4] = 1;
  const Fractions pair = pair_approximation(sir(0.6, 1), moments_of(law), initial, times), edge = edge_based(sir(0.6, 1), GeneratingFunction(law), initial, times);
  for (std::size_t i = 0; i < pair.value.size(); ++i) EXPECT_NEAR(pair.value[i], edge.value[i], 1e-6) << i;
}

TEST(MeanField, OfSisHasTheLogisticSolution) {
  const std::vector<double> times{0, 1, 3, 10}, initial{0.9, 0.1};
  const double k = 4, beta = 0.5, gamma = 1, r = beta * k - gamma, limit = 1 - gamma / (beta * k);
  const std::vector<std::pair<double, double>> degree{{0, k}};
  const Fractions f = mean_field(sis(beta, gamma), degree, initial, times);
  DegreeLaw law(5, 0.0);
  law[4] = 1;
  const Fractions g = degree_mean_field(sis(beta, gamma), law, initial, times);
  for (std::size_t i = 0; i < times.size(); ++i) {
    const double exact = limit / (1 + (limit / 0.1 - 1) * std::exp(-r * times[i]));
    EXPECT_NEAR(f.value[2 * i + 1], exact, 1e-7);
    EXPECT_NEAR(g.value[2 * i + 1], exact, 1e-7);  // one degree: the same
  }
  // The degree switches at t = 1: two logistic pieces.
  const std::vector<std::pair<double, double>> switched{{0, k}, {1, 8}};
  const double at1 = limit / (1 + (limit / 0.1 - 1) * std::exp(-r)), limit2 = 0.75;
  EXPECT_NEAR(mean_field(sis(beta, gamma), switched, initial, times).value[5], limit2 / (1 + (limit2 / at1 - 1) * std::exp(-3.0 * 2)), 1e-7);
}

TEST(DegreeMeanField, HasItsThresholdAndItsEndemicState) {
  // Endemic: 1 = (beta/gamma) sum k^2 P/<k> /(1 + lambda k Theta), Pastor-Satorras and Vespignani.
  DegreeLaw law(13, 0.0);
  law[2] = 0.8, law[12] = 0.2;
  const std::vector<double> initial{0.9, 0.1}, times{400};
  const double lambda = 0.5, mean = 4;
  double lo = 1e-9, hi = 1;
  for (int i = 0; i < 200; ++i) {
    const double theta = 0.5 * (lo + hi), f = lambda / mean * (0.8 * 4 / (1 + lambda * 2 * theta) + 0.2 * 144 / (1 + lambda * 12 * theta));
    (f > 1 ? lo : hi) = theta;
  }
  const double exact = 0.8 * lambda * 2 * lo / (1 + lambda * 2 * lo) + 0.2 * lambda * 12 * lo / (1 + lambda * 12 * lo);
  EXPECT_NEAR(degree_mean_field(sis(lambda, 1), law, initial, times).value[1], exact, 1e-7);
}

TEST(Compartments, RefusesWhatItCannotRead) {
  const auto says = [](std::vector<std::string> names, std::vector<std::string> transitions, std::map<std::string, double> constants = {{"beta", 1}, {"gamma", 1}}) {
    try {
      (void)read_compartments(names, transitions, constants, {"study.toml:9"});
    } catch (const ModelError& error) {
      return std::string(error.what());
    }
    return std::string("(accepted)");
  };
#define EXPECT_SAYS(text, part) EXPECT_NE((text).find(part), std::string::npos) << (text)
  EXPECT_SAYS(says({"S", "Inf"}, {"S + Imf -> Inf + Inf, beta"}), "study.toml:9: transition \"S + Imf -> Inf + Inf, beta\": unknown compartment 'Imf'. Did you mean 'Inf'?");
  EXPECT_SAYS(says({"S", "I"}, {"I -> S, gama"}), "unknown constant 'gama' in the rate. Did you mean 'gamma'?");
  EXPECT_SAYS(says({"S", "I"}, {"I -> S"}), "expected \"I -> R, rate\"");
  EXPECT_SAYS(says({"S", "I"}, {"S + I -> I, beta"}), "2 nodes on the left, 1 on the right: nodes neither appear nor vanish");
  EXPECT_SAYS(says({"S", "I"}, {"S + I + I -> I + I + I, beta"}), "3 nodes on the left");
  EXPECT_SAYS(says({"S", "I"}, {"I -> S, -gamma"}), "the rate is -1; it must be finite and not negative");
  EXPECT_SAYS(says({"S", "I"}, {"S + I -> S + I, beta"}), "nothing changes");
  EXPECT_SAYS(says({"S", "S"}, {}), "compartment 'S' is there twice");
  EXPECT_SAYS(says({"S"}, {}), "at least two compartments");
  EXPECT_THROW(FirstPassage(sis(1, 1)), ModelError);
}

}  // namespace
}  // namespace meso::graph
