// Closed forms and exact recursion against tabulated values, identities and independent sums.
#include "systems/networks/budgeted-agents/theory.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "base/error.h"
#include "rng/stream.h"

namespace meso::systems::budgeted_agents {
namespace {

constexpr Node reference{.b = 5, .gamma = 0.9, .rho = 0.2};

template <class F>
std::string message_of(F f) {
  try {
    f();
  } catch (const ParameterError& error) {
    return error.what();
  }
  return "(no error)";
}

TEST(Majority, GainAtZeroMatchesTheTable) {
  const std::vector<std::pair<int, double>> table{{3, 1.5}, {5, 1.875}, {7, 2.1875}, {9, 2.4609375}, {11, 2.70703125}, {15, 3.14208984}, {21, 3.70013809}};
  for (const auto& [b, gain] : table) {
    EXPECT_NEAR(majority_gain(b), gain, 1e-8) << "b = " << b;
    EXPECT_NEAR(majority(b, 1e-9) / 1e-9, majority_gain(b), 1e-12 * gain) << "small biases keep their relative accuracy, b = " << b;
  }
  EXPECT_NEAR(majority_gain(255) / std::sqrt(2 * 255 / std::numbers::pi), 1, 0.002) << "sqrt(2 b / pi)";
}

TEST(Majority, EqualsItsPolynomialsAndTheIntegralOfItsSlope) {
  for (const double x : {-1.0, -0.7, -1e-5, 0.0, 1e-12, 0.1, 0.5, 0.99, 1.0}) {
    EXPECT_NEAR(majority(3, x), 0.5 * x * (3 - x * x), 1e-15);
    EXPECT_NEAR(majority(5, x), x * (15 - 10 * x * x + 3 * x * x * x * x) / 8, 1e-15);
    EXPECT_NEAR(majority(1, x), x, 1e-16);
    for (const int b : {7, 12, 101, 255}) {  // Simpson's rule on f_b'
      const int n = 2000;
      double integral = majority_slope(b, 0) + majority_slope(b, x);
      for (int i = 1; i < n; ++i) integral += (i % 2 == 1 ? 4 : 2) * majority_slope(b, x * i / n);
      EXPECT_NEAR(majority(b, x), integral * x / n / 3, 1e-10) << "b = " << b << ", x = " << x;
    }
  }
}

TEST(Majority, ErrorProbabilityAgreesAndKeepsItsAccuracyWhereOneMinusBiasIsLost) {
  for (const int b : {3, 4, 5, 6, 21})
    for (const double q : {0.0, 0.01, 0.3, 0.5, 0.8, 1.0}) EXPECT_NEAR(majority_error(b, q), 0.5 * (1 - majority(b, 1 - 2 * q)), 1e-15) << b << ", " << q;
  EXPECT_NEAR(majority_error(21, 1e-6) / (352716 * 1e-66), 1, 1.1e-5) << "C(21,11) q^11 (1 - 10 * 11/12 q + ...)";
  EXPECT_EQ(majority(21, 1 - 2e-6), 1.0);
}

TEST(Majority, EvenFanInWithFairTiesEqualsTheOddOneBelow) {  // acceptance 10, level by level
  for (const int b : {4, 6, 12, 40}) {
    const Node even{.b = b, .gamma = 0.9, .rho = 0.2}, odd{.b = b - 1, .gamma = 0.9, .rho = 0.2};
    const auto mu_even = even.levels(0.02, 12), mu_odd = odd.levels(0.02, 12);
    for (std::size_t l = 0; l < mu_even.size(); ++l) EXPECT_NEAR(mu_even[l], mu_odd[l], 1e-12) << "b = " << b << ", level " << l;
    EXPECT_EQ(even.alpha(), odd.alpha());
  }
}

TEST(Threshold, ConstantsOfTheReferenceCase) {  // acceptance 2
  EXPECT_NEAR(reference.alpha(), 1.53, 1e-12);
  EXPECT_NEAR(reference.organization_exponent(), 0.264234, 1e-6);
  EXPECT_NEAR(reference.fixed_point(), 0.971187, 1e-6);
  EXPECT_NEAR(reference.slope(reference.fixed_point()), 0.255192, 1e-6);
  EXPECT_NEAR(reference.critical_gamma(), 0.588235, 1e-6);
  EXPECT_NEAR(reference.next(reference.fixed_point()), reference.fixed_point(), 1e-15);
}

TEST(Threshold, DerivativesMatchDifferences) {
  const double h = 1e-5;
  for (const int b : {2, 3, 5, 8, 21})
    for (const double mu : {0.05, 0.4, 0.9}) {
      const Node node{.b = b, .gamma = 0.8, .rho = 0.3};
      EXPECT_NEAR(node.slope(mu), (node.next(mu + h) - node.next(mu - h)) / (2 * h), 1e-8) << b << ", " << mu;
      EXPECT_NEAR(node.curvature(mu), (node.slope(mu + h) - node.slope(mu - h)) / (2 * h), 1e-7) << b << ", " << mu;
    }
}

TEST(Recursion, ReproducesTheReferenceLevels) {  // acceptance 3
  const std::vector<double> expected{0.02, 0.030594, 0.046788, 0.071511, 0.109146, 0.166048, 0.250739, 0.372314, 0.533284};
  const auto mu = reference.levels(0.02, 8);
  for (std::size_t l = 0; l < expected.size(); ++l) EXPECT_NEAR(mu[l], expected[l], 1e-6) << "level " << l;
  EXPECT_NEAR(reference.levels(0.1, 4).back(), 0.497159, 1e-6);
  const auto error = reference.error_levels(0.49, 8);
  for (std::size_t l = 0; l < mu.size(); ++l) EXPECT_NEAR(error[l], 0.5 * (1 - mu[l]), 1e-15) << "level " << l;
}

TEST(Recursion, CollapsesBelowTheThreshold) {  // acceptance 7
  const Node node{.b = 5, .gamma = 0.5, .rho = 0.2};
  EXPECT_NEAR(node.alpha(), 0.85, 1e-12);
  EXPECT_EQ(node.fixed_point(), 0);
  const auto mu = node.levels(0.8, 12);
  EXPECT_NEAR(mu[1], 0.619072, 1e-6);
  EXPECT_NEAR(mu[2], 0.497406, 1e-6);
  EXPECT_NEAR(mu[4], 0.338178, 1e-6);
  EXPECT_NEAR(mu[8], 0.169144, 1e-6);
  EXPECT_NEAR(mu[12], 0.087333, 1e-6);
}

TEST(FixedPoint, PlateauAboveTheThresholdAndItsSquareRootLaw) {  // acceptance 5, the exact half
  const auto at = [](double gamma) { return Node{.b = 5, .gamma = gamma, .rho = 0.2}; };
  EXPECT_NEAR(at(0.60).fixed_point(), 0.305839, 1e-6);
  EXPECT_NEAR(at(0.62).fixed_point(), 0.482525, 1e-6);
  EXPECT_NEAR(at(0.65).fixed_point(), 0.634757, 1e-6);
  EXPECT_NEAR(at(0.59).fixed_point() / std::sqrt(at(0.59).alpha() - 1), 2.208, 1e-3);
  const double critical = at(1).critical_gamma();
  const double limit = 1 / std::sqrt(critical * critical * critical);  // A = (1 - rho) (10/8) gamma^3 = gamma^3
  EXPECT_NEAR(limit, 2.2165, 1e-4);
  double last = 1;
  for (const double distance : {1e-3, 1e-4, 1e-5, 1e-6}) {  // the error of the law is linear in alpha - 1
    const Node node = at(critical * (1 + distance));
    const double error = std::abs(node.fixed_point() / std::sqrt(node.alpha() - 1) - limit);
    EXPECT_LT(error, 5 * distance);
    EXPECT_LT(error, last);
    last = error;
    EXPECT_NEAR(node.fixed_point_near_threshold() / node.fixed_point(), 1, 5 * distance);
  }
  EXPECT_EQ(at(critical).fixed_point(), 0) << "alpha <= 1 collapses";
  EXPECT_EQ(at(1).fixed_point(), 1) << "perfect messages keep truth";
}

TEST(FixedPoint, DeepRecursionReachesIt) {
  for (const double gamma : {0.62, 0.7, 0.9, 0.99})
    for (const int b : {3, 5, 6, 21}) {
      const Node node{.b = b, .gamma = gamma, .rho = 0.1};
      EXPECT_NEAR(node.levels(0.3, 20000).back(), node.fixed_point(), 1e-12) << b << ", " << gamma;
    }
}

TEST(Predictors, BoundTheRecursionFromBothSides) {  // acceptance 8, over all regimes
  Stream rng(8, 0, "test/predictors");
  int amplifying = 0, collapsing = 0, from_above = 0;
  for (int i = 0; i < 3000; ++i) {
    const Node node{.b = 2 + static_cast<int>(rng.below(40)), .gamma = rng.uniform(), .rho = rng.uniform()};
    const double mu0 = rng.uniform() < 0.5 ? rng.uniform() : 0.1 * rng.uniform();
    const int depth = static_cast<int>(rng.below(31));
    const double exact = node.levels(mu0, depth).back(), fixed = node.fixed_point(), room = 1e-12;
    const std::string where = "b " + std::to_string(node.b) + " gamma " + std::to_string(node.gamma) + " rho " + std::to_string(node.rho) + " mu0 " + std::to_string(mu0) + " L " + std::to_string(depth);
    EXPECT_LE(exact, upper_predictor(node, mu0, depth) + room) << where;
    const double best = best_clipped_predictor(node, mu0, depth);
    EXPECT_GE(exact, best - room) << where;
    if (fixed > 0) {
      ++amplifying;
      const double delta = fixed * rng.uniform(), lower = clipped_predictor(node, mu0, depth, delta);
      EXPECT_GE(exact, lower - room) << where << " delta " << delta;
      EXPECT_GE(best, lower - room) << where << " delta " << delta << ": the best delta is not the best";
      if (mu0 <= fixed) EXPECT_LE(exact, std::min(fixed, std::pow(node.alpha(), depth) * mu0) + room) << where;
      else ++from_above;
    } else {
      ++collapsing;
    }
  }
  EXPECT_GT(amplifying, 1000);
  EXPECT_GT(collapsing, 200);
  EXPECT_GT(from_above, 100);
  // From above the plateau (always so in the collapse phase) min(mu*, alpha^L mu0) is no bound.
  const Node collapse{.b = 5, .gamma = 0.5, .rho = 0.2};
  EXPECT_GT(collapse.levels(0.8, 12).back(), collapse.fixed_point() + 0.08);
}

TEST(Predictors, MixingDepthFromTheLogarithmAndFromTheRecursion) {  // acceptance 8
  EXPECT_NEAR(mixing_depth(reference, 0.02), 8.88, 0.005);
  EXPECT_EQ(saturation_depth(reference, 0.02), 11);
  EXPECT_TRUE(std::isnan(mixing_depth({.b = 5, .gamma = 0.5, .rho = 0.2}, 0.02)));
  EXPECT_EQ(saturation_depth(reference, 0.95), 0);
  EXPECT_STREQ(to_text(regime(reference, 0.02, 10)), "amplify");
  EXPECT_STREQ(to_text(regime(reference, 0.02, 11)), "saturated");
  EXPECT_STREQ(to_text(regime({.b = 5, .gamma = 0.5, .rho = 0.2}, 0.8, 1)), "collapse");
}

TEST(BudgetLaw, SynergyFollowsTheSignOfSMinusBeta) {  // acceptance 6, the exact half
  const double s = reference.organization_exponent();
  const auto ratio = [](double beta, int depth) { return reference.levels(0.05 * std::pow(leaf_count(5, depth), -beta), depth).back() / 0.05; };
  const std::vector<double> above{1.10822, 1.22834, 1.36154, 1.50917, 1.67271, 1.85379};
  for (int depth = 1; depth <= 6; ++depth) {
    EXPECT_NEAR(ratio(0.20, depth), above[depth - 1], 1e-5) << "L = " << depth;
    for (const double beta : {0.05, 0.2, 0.26, 0.27, 0.35, 0.6}) {
      if (0.05 * budget_law_ratio(reference, depth, beta) > 0.3) continue;  // saturating
      EXPECT_EQ(std::log(budget_law_ratio(reference, depth, beta)) > 0, s > beta);
      if (std::abs(s - beta) > 0.03) EXPECT_EQ(std::log(ratio(beta, depth)) > 0, s > beta) << beta << ", " << depth;
    }
  }
  EXPECT_NEAR(ratio(0.35, 1), 0.87073, 1e-5);
  EXPECT_NEAR(ratio(0.35, 6), 0.43676, 1e-5);
  EXPECT_EQ(synergy_sign(reference, 6, 0.20, 0.05), 1);
  EXPECT_EQ(synergy_sign(reference, 6, 0.35, 0.05), -1);
  EXPECT_EQ(synergy_sign(reference, 6, s, 0.05), 0);
}

TEST(BudgetLaw, BestSizeAndBreakEvenSolveTheirEquations) {
  const double beta = 0.2, s = reference.organization_exponent(), single = 0.05, cost = 780 * 8.0;
  EXPECT_NEAR(std::pow(best_leaf_count(reference, beta, single), s - beta) * single / reference.fixed_point(), 1, 1e-12);
  EXPECT_EQ(best_leaf_count(reference, 0.35, single), 1);
  const double budget = break_even_budget(reference, 4, beta, cost), gain = std::pow(625, s - beta);
  EXPECT_NEAR(std::pow(budget - cost, beta) * gain / std::pow(budget, beta), 1, 1e-12);
  EXPECT_GT(std::pow(1.01 * budget - cost, beta) * gain, std::pow(1.01 * budget, beta));
  EXPECT_LT(std::pow(0.99 * budget - cost, beta) * gain, std::pow(0.99 * budget, beta));
  EXPECT_TRUE(std::isinf(break_even_budget(reference, 4, 0.35, cost)));
}

TEST(BudgetLaw, WherItDoesNotApplyItSaysSo) {
  EXPECT_EQ(message_of([] { (void)Node{.b = 5, .gamma = 0, .rho = 0.2}.organization_exponent(); }),
            "the organization exponent s = ln alpha / ln b needs alpha > 0, but alpha = 0 (gamma = 0): no message carries anything; raise gamma or the tokens m");
  EXPECT_NE(message_of([] { (void)synergy_sign(reference, 6, 0.2, 1.0); }).find("does not apply: the single agent is saturated"), std::string::npos);
  EXPECT_NE(message_of([] { (void)synergy_sign(reference, 20, 0.2, 0.9); }).find("does not apply: the tree is saturated"), std::string::npos);
  EXPECT_NE(message_of([] { (void)clipped_predictor(reference, 0.02, 5, 0.98); }).find("delta = 0.98"), std::string::npos);
}

TEST(Copula, LimitsSymmetryAndThreeVotesInClosedForm) {
  for (const double mu : {0.05, 0.4, 0.9}) {
    EXPECT_NEAR(copula_next({.b = 5, .gamma = 0.9, .rho = 0}, mu), majority(5, 0.9 * mu), 1e-12) << "independent siblings";
    EXPECT_NEAR(copula_next({.b = 5, .gamma = 0.9, .rho = 1}, mu), 0.9 * mu, 1e-12) << "one common message";
    EXPECT_NEAR(copula_next(reference, -mu), -copula_next(reference, mu), 1e-12);
  }
  // Three messages: dF/dmu at 0 = gamma (3 - dE[M1 M2 M3]/dm) / 2. By Sheppard's formula, P(+++ or ---) and its slope follow from
  // the bivariate law of two latent normals given the third at zero: slope = 3 (2/pi) asin(r/(1+r)) with r the latent correlation.
  const double r = std::sin(0.5 * std::numbers::pi * 0.2);
  const double slope_of_triple = 3 * (2 / std::numbers::pi) * std::asin(r / (1 + r));
  EXPECT_NEAR(copula_alpha({.b = 3, .gamma = 0.9, .rho = 0.2}), 0.9 * 0.5 * (3 - slope_of_triple), 1e-6);
  double error = 1;
  (void)copula_next({.b = 5, .gamma = 0.9, .rho = 0.97}, 0.3, &error);
  EXPECT_LT(error, 1e-9);
}

TEST(Window, ForcesDepth) {
  EXPECT_EQ(forced_depth(625, 40, 8), 4);
  EXPECT_EQ(forced_depth(626, 40, 8), 5);
  EXPECT_EQ(forced_depth(625, 8 * 625, 8), 1);
  EXPECT_EQ(forced_depth(1, 40, 8), 0);
  EXPECT_EQ(message_of([] { (void)forced_depth(10, 15, 8); }), "a window of W = 15 tokens holds 1 messages of m = 8 tokens; a node needs at least two: W must be at least 16");
}

TEST(Fidelity, TokensAndTable) {
  EXPECT_NEAR(token_fidelity(8, 8), 1 - std::exp(-1.0), 1e-15);
  EXPECT_EQ(token_fidelity(0, 8), 0);
  const std::vector<double> m{1, 4, 16}, gamma{0.2, 0.5, 0.9};
  EXPECT_DOUBLE_EQ(table_fidelity(1, m, gamma), 0.2);
  EXPECT_DOUBLE_EQ(table_fidelity(4, m, gamma), 0.5);
  EXPECT_DOUBLE_EQ(table_fidelity(10, m, gamma), 0.7);
  EXPECT_DOUBLE_EQ(table_fidelity(16, m, gamma), 0.9);
}

TEST(WarmUp, ClosedFormsAndFloors) {  // acceptance 9, the formula half
  EXPECT_NEAR(tree_risk(5, 3, 0.1, 1, 0.05), 0.1196, 1e-12);
  EXPECT_NEAR(star_risk(125, 0.1, 1, 0.05), 0.1076, 1e-12);
  EXPECT_NEAR(chain_risk(125, 0.1, 1, 0.05), 2.1656, 1e-12);
  EXPECT_NEAR(star_risk(1e12, 0.1, 1, 0.05), 0.1, 1e-9);
  EXPECT_NEAR(tree_risk(5, 30, 0.1, 1, 0.05), 0.1 + 0.05 / 4, 1e-9);
  EXPECT_NEAR(chain_risk(1e9, 0.1, 1, 0.05) / (0.05 * 1e9 / 3), 1, 1e-7);
}

}  // namespace
}  // namespace meso::systems::budgeted_agents
