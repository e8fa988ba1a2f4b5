// The micro levels against the exact recursion, through the engine: acceptance of the statistical half of this system.
#include <gtest/gtest.h>

#include <cmath>

#include "exec/engine.h"
#include "study/study.h"
#include "systems/networks/budgeted-agents/budgeted_agents.h"
#include "systems/networks/budgeted-agents/kernels.h"
#include "testing/measured.h"
#include "testing/statistics.h"

namespace meso::systems::budgeted_agents {
namespace {

Answer run(const Table& parameters, const std::string& level, const std::vector<std::string>& observables, std::uint64_t n, const Table& options = {}) {
  static const System agents = system();
  const Case bound = agents.bind(parameters);
  const Level& found = bound.level(level);
  LevelRun context({.seed = 20260124, .threads = 2}, "budgeted-agents/" + level);
  context.set_trajectories(n);
  Ask ask;
  ask.when = Stationary{};
  ask.observables = observables;
  ask.options = resolve(found.info.options, options, "level '" + level + "'");
  return found.run(ask, context);
}

MeanCheck check_of(const Estimate& estimate, std::size_t i, double exact, const std::string& what) {
  return {exact, estimate.value[i], estimate.std_error[i], what, estimate.dof};
}

void record(const std::string& what, const Estimate& estimate, double exact, const std::string& source) {
  measured("budgeted-agents", what, estimate.value.back(), estimate.se(estimate.size() - 1), exact, source);
}

TEST(Trees, AgreeWithTheExactRecursion) {  // acceptance 4
  const Answer answer = run({{"mu0", 0.1}}, "trees", {"mu.root", "error.root"}, 1 << 21);
  const Estimate& root = *answer.find("mu.root");
  EXPECT_TRUE(MeansMatch({check_of(root, 0, 0.497159, "mu.root"), check_of(*answer.find("error.root"), 0, 0.5 * (1 - 0.497159), "error.root")}, /*detectable=*/0.006));
  EXPECT_LT(std::abs(root.value[0] - 0.497159), 3 * root.std_error[0] + 1e-6);
  record("mu.root of 2,097,152 trees, b = 5, gamma = 0.9, rho = 0.2, mu0 = 0.1, L = 4", root, 0.497159, "exact recursion");

  Study judged;
  judged.kind = Study::Kind::compare;
  judged.system = system();
  judged.seed = 4;
  judged.parameters = {{"mu0", 0.1}};
  judged.reference = LevelRequest{.level = "trees"};
  judged.levels = {LevelRequest{.level = "recursion"}, LevelRequest{.level = "linear"}};
  judged.criterion = {.relative = 0, .absolute = 0.01};
  judged.budget = {1 << 19, 1 << 19};
  const Results results = run_study(judged, {.threads = 2});
  EXPECT_EQ(results.verdicts.at(0).outcome, Outcome::agrees) << results.verdicts[0].reason;
  EXPECT_EQ(results.verdicts.at(1).outcome, Outcome::disagrees) << "1.53^4 * 0.1 = 0.548";
}

TEST(Trees, EveryLevelOfManyTreesFollowsTheRecursion) {  // acceptance 10 among them: even fan-in against the odd one below
  struct Shape {
    int b, depth;
    double gamma, rho;
  };
  std::vector<MeanCheck> checks;
  for (const Shape& shape : {Shape{3, 5, 0.95, 0.0}, {4, 4, 0.9, 0.1}, {6, 4, 0.9, 0.2}, {7, 3, 0.6, 0.5}, {2, 6, 1.0, 0.3}, {21, 2, 0.7, 0.2}, {5, 3, 0.9, 1.0}}) {
    const Table parameters{{"b", shape.b}, {"depth", shape.depth}, {"gamma", shape.gamma}, {"rho", shape.rho}, {"mu0", 0.15}};
    const Answer answer = run(parameters, "trees", {"mu.level"}, 1 << 18);
    const Estimate& profile = *answer.find("mu.level");
    const Node odd{.b = shape.b % 2 == 0 ? shape.b - 1 : shape.b, .gamma = shape.gamma, .rho = shape.rho};
    const std::vector<double> exact = odd.levels(0.15, shape.depth);
    for (std::size_t l = 0; l < exact.size(); ++l) checks.push_back(check_of(profile, l, exact[l], "b " + std::to_string(shape.b) + " level " + std::to_string(l)));
    if (shape.b == 6) record("mu.root of 262,144 trees with b = 6 (fair ties), gamma = 0.9, rho = 0.2, mu0 = 0.15, L = 4", profile, exact.back(), "exact recursion with b = 5");
  }
  EXPECT_TRUE(MeansMatch(checks, /*detectable=*/0.02));
}

TEST(Population, AgreesWithFullTreesAndReachesFiftyLevels) {
  const Table parameters{{"mu0", 0.1}};
  const Answer trees = run(parameters, "trees", {"mu.level"}, 1 << 18), population = run(parameters, "population", {"mu.level"}, 512);
  const Estimate &full = *trees.find("mu.level"), &resampled = *population.find("mu.level");
  std::vector<MeanCheck> checks;
  for (std::size_t l = 0; l < full.size(); ++l)
    checks.push_back({full.value[l], resampled.value[l], std::hypot(full.std_error[l], resampled.std_error[l]), "level " + std::to_string(l), 511});
  EXPECT_TRUE(MeansMatch(checks, /*detectable=*/0.025));

  const Node node{.b = 5, .gamma = 0.65, .rho = 0.2};
  const Answer deep = run({{"depth", 50}, {"gamma", 0.65}}, "population", {"mu.root"}, 64);
  const double exact = node.levels(0.05, 50).back();
  EXPECT_NEAR(exact, node.fixed_point(), 0.01) << "fifty levels all but reach the plateau";
  EXPECT_TRUE(MeansMatch({check_of(*deep.find("mu.root"), 0, exact + population_bias(node, 0.05, 50, 65536).back(), "L = 50")}, /*detectable=*/0.01));
  record("mu.root of 64 populations of 65,536, b = 5, gamma = 0.65, rho = 0.2, mu0 = 0.05, L = 50", *deep.find("mu.root"), exact, "exact recursion");
}

TEST(Population, ItsBiasIsTheCurvatureOverTheFluctuations) {  // so the error bound of the level is the right one
  const Node node{.b = 5, .gamma = 0.7, .rho = 0.2};
  const std::uint64_t members = 2048;
  const Answer answer = run({{"depth", 10}, {"gamma", 0.7}}, "population", {"mu.root"}, 1 << 15, {{"members", 2048}});
  const double exact = node.levels(0.05, 10).back(), shift = population_bias(node, 0.05, 10, members).back();
  const Estimate& root = *answer.find("mu.root");
  EXPECT_DOUBLE_EQ(root.error_bound.at(0), std::abs(shift));
  EXPECT_TRUE(MeansMatch({{1, (root.value[0] - exact) / shift, root.std_error[0] / std::abs(shift), "shift over predicted shift"}}, /*detectable=*/0.5));
}

TEST(Transition, RootBiasCrossesTheLeafBiasAtTheCriticalFidelity) {  // acceptance 5
  std::vector<MeanCheck> checks;
  double last_below = 0, first_above = 1;
  for (int i = 0; i <= 20; ++i) {
    const double gamma = 0.50 + 0.01 * i;
    const Answer answer = run({{"depth", 12}, {"gamma", gamma}}, "population", {"mu.root"}, 256);
    const Estimate& root = *answer.find("mu.root");
    const Node node{.b = 5, .gamma = gamma, .rho = 0.2};
    checks.push_back(check_of(root, 0, node.levels(0.05, 12).back() + population_bias(node, 0.05, 12, 65536).back(), "gamma " + std::to_string(gamma)));
    const double z = (root.value[0] - 0.05) / root.std_error[0];
    if (z < -6.5) last_below = gamma;
    if (z > 6.5 && first_above == 1) first_above = gamma;
    if (i == 8 || i == 9 || i == 10)
      measured("budgeted-agents", "mu.root over mu0 at gamma = " + std::to_string(gamma).substr(0, 4) + ", b = 5, rho = 0.2, mu0 = 0.05, L = 12", root.value[0] / 0.05, root.std_error[0] / 0.05,
               node.levels(0.05, 12).back() / 0.05, "exact recursion; crosses 1 at gamma_c = 0.5882");
  }
  EXPECT_TRUE(MeansMatch(checks, /*detectable=*/0.05));
  EXPECT_NEAR(last_below, 0.58, 1e-9);
  EXPECT_NEAR(first_above, 0.60, 1e-9);
}

TEST(Synergy, MicroRatiosFollowTheRecursionAndTheSignOfSMinusBeta) {  // acceptance 6
  struct Case {
    double beta, exact;
  };
  for (const Case& c : {Case{0.20, 1.50917}, Case{0.35, Node({.b = 5, .gamma = 0.9, .rho = 0.2}).levels(0.05 * std::pow(625, -0.35), 4).back() / 0.05}}) {
    const Table parameters{{"leaf", "budget"}, {"B", 1}, {"mu_ref", 0.05}, {"beta", c.beta}, {"free_messages", true}};
    const Answer answer = run(parameters, "trees", {"synergy.ratio"}, 1 << 21);
    const Estimate& ratio = *answer.find("synergy.ratio");
    EXPECT_TRUE(MeansMatch({check_of(ratio, 0, c.exact, "beta " + std::to_string(c.beta))}, /*detectable=*/0.15));
    EXPECT_LT(std::abs(ratio.value[0] - c.exact), 3 * ratio.std_error[0]);
    const double s = 0.264234;
    EXPECT_GT((ratio.value[0] - 1) * (s - c.beta > 0 ? 1 : -1), 6.5 * ratio.std_error[0]) << "sign of ln(ratio) is the sign of s - beta";
    EXPECT_NEAR(run(parameters, "recursion", {"synergy.ratio"}, 1).find("synergy.ratio")->value[0], c.exact, 1e-5);
    EXPECT_EQ(run(parameters, "budget-law", {"synergy.sign"}, 1).find("synergy.sign")->value[0], s > c.beta ? 1 : -1);
    record("synergy ratio of 2,097,152 trees at beta = " + std::to_string(c.beta).substr(0, 4) + ", b = 5, gamma = 0.9, rho = 0.2, mu_single = 0.05, L = 4", ratio, c.exact, "exact recursion");
  }
}

TEST(WarmUp, SimulatedRisksAreTheClosedForms) {  // acceptance 9
  const Table parameters{{"rho", 0.1}, {"depth", 3}};
  std::vector<MeanCheck> checks;
  for (const auto& [shape, exact] : {std::pair<std::string, double>{"tree", 0.1196}, {"star", 0.1076}, {"chain", 2.1656}}) {
    const Answer answer = run(parameters, shape + "-average", {"risk"}, 1'000'000);
    const Estimate& risk = *answer.find("risk");
    checks.push_back({1, risk.value[0] / exact, risk.std_error[0] / exact, shape});
    EXPECT_NEAR(risk.value[0] / exact, 1, 0.01) << shape;
    EXPECT_NEAR(run(parameters, shape + "-risk", {"risk"}, 1).find("risk")->value[0], exact, 1e-9);
    record("risk of the " + shape + ", 10^6 replicas, sigma2 = 1, rho = 0.1, tau2 = 0.05, b = 5, L = 3", risk, exact, "closed form");
  }
  EXPECT_TRUE(MeansMatch(checks, /*detectable=*/0.015));
}

TEST(Copula, SampledSiblingsFollowTheirOwnRecursionAndNotThatOfTheMixture) {
  const Table parameters{{"mu0", 0.1}, {"rho", 0.4}};
  const Answer sampled = run(parameters, "copula", {"mu.root"}, 1024, {{"members", 16384}});
  const double own = run(parameters, "copula-recursion", {"mu.root"}, 1).find("mu.root")->value[0];
  const double mixture = run(parameters, "recursion", {"mu.root"}, 1).find("mu.root")->value[0];
  EXPECT_TRUE(MeansMatch({check_of(*sampled.find("mu.root"), 0, own, "copula")}, /*detectable=*/0.01));
  EXPECT_GT(std::abs(own - mixture), 0.015) << "alpha_rho is only approximate for the copula";
  bool said = false;
  for (const Flag& flag : sampled.flags) said = said || flag.text.find("only approximate") != std::string::npos;
  EXPECT_TRUE(said);
}

}  // namespace
}  // namespace meso::systems::budgeted_agents
