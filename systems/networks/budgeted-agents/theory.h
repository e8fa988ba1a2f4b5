// Closed-form and exact theory of noisy majority trees: level recursion, threshold, fixed point, predictors, budget law.
//
// The bias of a +-1 vote X with truth +1 is mu = E[X]; its error probability is (1 - mu) / 2. Even fan-ins break ties by a
// fair coin. Majority functions are summed in pairs of equal sign, so that small biases keep their relative accuracy and
// small error probabilities are not lost in 1 - mu.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace meso::systems::budgeted_agents {

/// Bias of the majority of b independent votes of bias x in [-1, 1]: f_b(x) = sum_{k > b/2} C(b,k) (p^k q^(b-k) - q^k p^(b-k)),
/// p = (1 + x) / 2, q = 1 - p. f_3 = (3x - x^3) / 2, f_5 = (15x - 10x^3 + 3x^5) / 8; f_b = f_(b-1) for even b.
[[nodiscard]] double majority(int b, double x);
/// f_b'(x) = f_b'(0) (1 - x^2)^((b-1)/2) for odd b; that of b - 1 for even b.
[[nodiscard]] double majority_slope(int b, double x);
/// f_b'(0) = b C(b-1, (b-1)/2) / 2^(b-1), about sqrt(2 b / pi): 1.5, 1.875, 2.1875 for b = 3, 5, 7.
[[nodiscard]] double majority_gain(int b);
/// Probability that the majority of b independent voters, each wrong with probability q in [0, 1], is wrong (ties: 1/2).
/// Keeps its relative accuracy however small it is.
[[nodiscard]] double majority_error(int b, double q);

/// What one level of the tree does: fan-in b, message fidelity gamma, shared-failure probability rho.
/// F(mu) = rho gamma mu + (1 - rho) f_b(gamma mu): exact for the mixture (with probability rho all b messages are one common copy).
struct Node {
  int b = 5;
  double gamma = 0.9, rho = 0.2;

  [[nodiscard]] double next(double mu) const;          ///< F(mu)
  [[nodiscard]] double slope(double mu) const;         ///< F'(mu)
  [[nodiscard]] double curvature(double mu) const;     ///< F''(mu)
  [[nodiscard]] double next_error(double error) const; ///< the same map for the error probability (1 - mu) / 2
  /// alpha_rho = F'(0) = gamma (rho + (1 - rho) f_b'(0)): amplification above 1, collapse at and below (arXiv 2601.17311).
  [[nodiscard]] double alpha() const;
  /// gamma at which alpha = 1: 1 / (rho + (1 - rho) f_b'(0)); above 1 (for b = 2 or rho = 1: exactly 1) no fidelity is enough.
  [[nodiscard]] double critical_gamma() const;
  /// mu*: the positive root of F(mu) = mu if alpha > 1, else 0; unique because F is concave on [0, 1].
  [[nodiscard]] double fixed_point() const;
  /// Weak-signal form of mu* near the threshold: sqrt((alpha - 1) / A), A = -F'''(0) / 6; 0 below it.
  [[nodiscard]] double fixed_point_near_threshold() const;
  /// Biases of levels 0..depth from leaves of bias mu0.
  [[nodiscard]] std::vector<double> levels(double mu0, int depth) const;
  /// Error probabilities of levels 0..depth from leaves with error probability error0.
  [[nodiscard]] std::vector<double> error_levels(double error0, int depth) const;
  /// s = ln alpha / ln b, the organization exponent. @throws ParameterError if alpha <= 0 (gamma = 0)
  [[nodiscard]] double organization_exponent() const;
};

/// Levels that weak-signal growth needs to reach `fraction` of mu*: ln(fraction mu* / mu0) / ln alpha; NaN unless
/// alpha > 1 and mu0 > 0; 0 if mu0 is already there.
[[nodiscard]] double mixing_depth(const Node& node, double mu0, double fraction = 0.9);
/// The first level whose exact bias is at least `fraction` of mu*; NaN unless alpha > 1 and mu0 > 0.
[[nodiscard]] double saturation_depth(const Node& node, double mu0, double fraction = 0.9);

/// What a tree of this depth does: collapse (alpha <= 1: the signal is washed out), amplify (alpha > 1, still below 0.9 mu*) or
/// saturated (alpha > 1, within a tenth of the plateau or above it).
enum class Regime { collapse, amplify, saturated };
[[nodiscard]] Regime regime(const Node& node, double mu0, int depth);
[[nodiscard]] const char* to_text(Regime regime);

/// Conservative clipped predictor: mu_L >= min(delta, (F(delta) / delta)^L mu0) for any 0 < delta < mu* (concavity of F).
/// @throws ParameterError if delta is not in (0, mu*)
[[nodiscard]] double clipped_predictor(const Node& node, double mu0, int depth, double delta);
/// The best of them over delta, where delta = (F(delta) / delta)^L mu0; mu* if mu0 >= mu* > 0. In the collapse phase
/// (mu* = 0) concavity gives (F(mu0) / mu0)^L mu0 instead, which holds because the bias never rises above mu0.
[[nodiscard]] double best_clipped_predictor(const Node& node, double mu0, int depth, double* delta = nullptr);
/// mu_L <= min(max(mu*, mu0), alpha^L mu0). The often quoted min(mu*, alpha^L mu0) is a bound only from mu0 <= mu*: from
/// above the bias falls to mu* and is larger than it all the way.
[[nodiscard]] double upper_predictor(const Node& node, double mu0, int depth);

/// One level of the equicorrelated variant: the b messages have a Gaussian copula with latent correlation sin(pi rho / 2),
/// which makes their correlation rho at zero signal. Integral over the common factor by the trapezoidal rule.
/// @param error_bound  if given: change on halving the step
[[nodiscard]] double copula_next(const Node& node, double mu, double* error_bound = nullptr);
/// d copula_next / d mu at 0: the copula's own alpha, of which alpha_rho is only an approximation.
[[nodiscard]] double copula_alpha(const Node& node);

// Compute budget. Amounts in tokens. Leaf bias mu0(x) = min(1, mu_ref x^beta).

/// Leaves b^depth, as a double (exact below 2^53).
[[nodiscard]] double leaf_count(int b, int depth);
/// Messages of a tree: b + b^2 + ... + b^depth.
[[nodiscard]] double edge_count(int b, int depth);
/// Least depth for n_leaves when a node reads at most floor(window / m) messages: ceil(ln N / ln floor(W / m)).
/// @throws ParameterError if the window holds fewer than two messages
[[nodiscard]] int forced_depth(double n_leaves, double window, double m);
/// Ratio mu_tree / mu_single at equal budget and free messages while unsaturated: N^(s - beta).
[[nodiscard]] double budget_law_ratio(const Node& node, int depth, double beta);
/// Smallest budget above which the tree beats one agent although it pays for its messages:
/// (B - c)^beta N^(s - beta) > B^beta  <=>  B > c / (1 - N^(1 - s / beta)), c the message cost. Infinite if s <= beta.
[[nodiscard]] double break_even_budget(const Node& node, int depth, double beta, double message_cost);
/// Leaves at which growth meets saturation: N^(s - beta) mu_single = mu*, at least 1; 1 if s <= beta.
[[nodiscard]] double best_leaf_count(const Node& node, double beta, double mu_single);
/// The synergy verdict of the exponent test: +1 if s > beta, -1 if s < beta, 0 at equality.
/// @throws ParameterError if the tree or the single agent is saturated: the test does not apply there
[[nodiscard]] int synergy_sign(const Node& node, int depth, double beta, double mu_single);

/// Fidelity of an m-token message, 1 - exp(-m / m0).
[[nodiscard]] double token_fidelity(double m, double m0);
/// Fidelity from measured points (m_k, gamma_k), linear between them.
/// @throws ParameterError unless m_k increases strictly, gamma_k in [0, 1] does not decrease, and m lies within
[[nodiscard]] double table_fidelity(double m, std::span<const double> m_k, std::span<const double> gamma_k);

/// Warm-up: estimates averaged instead of voted. Leaf errors have variance sigma2 and pairwise correlation rho, each message adds
/// noise of variance tau2. Mean squared error of the final estimate.
[[nodiscard]] double star_risk(double n, double rho, double sigma2, double tau2);
[[nodiscard]] double tree_risk(int b, int depth, double rho, double sigma2, double tau2);
[[nodiscard]] double chain_risk(double n, double rho, double sigma2, double tau2);

}  // namespace meso::systems::budgeted_agents
