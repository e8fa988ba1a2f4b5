#include "systems/networks/budgeted-agents/theory.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "base/error.h"
#include "base/text.h"

namespace meso::systems::budgeted_agents {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

/// C(b, k0) p^k0 q^(b - k0) at k0 = floor(b/2) + 1, the smallest strict majority; each partial product stays near 1.
double first_majority_term(int b, double p, double q) {
  const int k0 = b / 2 + 1, losers = b - k0;
  double term = 1;
  for (int i = 1; i <= losers; ++i) term *= static_cast<double>(k0 + i) / i * p * q;
  for (int i = losers; i < k0; ++i) term *= p;
  return term;
}

double normal_cdf(double x) { return 0.5 * std::erfc(-x * std::numbers::sqrt2 / 2); }

/// Decreasing g with g(lo) >= 0 >= g(hi): bisection down to neighbouring doubles.
template <class G>
double bisect(G g, double lo, double hi) {
  while (true) {
    const double mid = 0.5 * (lo + hi);
    if (mid <= lo || mid >= hi) return mid;
    (g(mid) > 0 ? lo : hi) = mid;
  }
}

/// Probability that b messages, each + with probability p, have a + majority minus that they have a - majority.
double majority_of(int b, double p) { return majority(b, 2 * p - 1); }

double copula_trapezoid(const Node& node, double mu, int intervals) {
  const double p = 0.5 * (1 + node.gamma * mu), r = std::sin(0.5 * std::numbers::pi * node.rho);
  if (p >= 1 || p <= 0 || r >= 1) return node.gamma * mu;  // all messages equal
  const double h = -bisect([p](double z) { return normal_cdf(-z) - p; }, -40, 40);
  constexpr double edge = 9;  // 2e-19 of the weight lies beyond
  const double step = 2 * edge / intervals;
  double sum = 0;
  for (int i = 0; i <= intervals; ++i) {
    const double z = -edge + i * step;
    sum += std::exp(-0.5 * z * z) * majority_of(node.b, normal_cdf((h + std::sqrt(r) * z) / std::sqrt(1 - r)));
  }
  return sum * step / std::sqrt(2 * std::numbers::pi);
}

int copula_intervals(double rho) {  // the integrand's step has width sqrt((1 - r) / r): ten points across it
  const double r = std::sin(0.5 * std::numbers::pi * rho);
  return static_cast<int>(std::clamp(180 * std::sqrt(r / std::max(1 - r, 1e-9)), 400.0, 2e5));
}

}  // namespace

double majority(int b, double x) {
  const double p = 0.5 * (1 + x), q = 0.5 * (1 - x);
  if (x < 0) return -majority(b, -x);
  if (q <= 0) return 1;
  const double log_odds = -2 * std::atanh(x);  // ln(q / p)
  double term = first_majority_term(b, p, q), sum = 0;
  for (int k = b / 2 + 1; k <= b; ++k) {
    sum -= term * std::expm1((2 * k - b) * log_odds);
    term *= static_cast<double>(b - k) / (k + 1) * (p / q);
  }
  return std::min(sum, 1.0);
}

double majority_gain(int b) {
  const int n = (b - 1) / 2;  // an even b has the gain of b - 1
  double gain = 1;            // (2n + 1) C(2n, n) / 4^n = prod (2i + 1) / (2i)
  for (int i = 1; i <= n; ++i) gain *= (2.0 * i + 1) / (2.0 * i);
  return gain;
}

double majority_slope(int b, double x) { return majority_gain(b) * std::pow((1 - x) * (1 + x), (b - 1) / 2); }

double majority_error(int b, double q) {
  if (q > 0.5) return 1 - majority_error(b, 1 - q);
  if (q <= 0) return 0;
  const double p = 1 - q;
  double term = first_majority_term(b, q, p);  // `wrong` is the majority
  double sum = 0;
  if (b % 2 == 0) sum += 0.5 * term * (p / q) * (b / 2 + 1.0) / (b / 2.0);
  for (int k = b / 2 + 1; k <= b; ++k) {
    sum += term;
    term *= static_cast<double>(b - k) / (k + 1) * (q / p);
  }
  return sum;
}

double Node::next(double mu) const { return rho * gamma * mu + (1 - rho) * majority(b, gamma * mu); }

double Node::slope(double mu) const { return gamma * (rho + (1 - rho) * majority_slope(b, gamma * mu)); }

double Node::curvature(double mu) const {
  const int n = (b - 1) / 2;
  if (n == 0) return 0;
  const double x = gamma * mu;
  return -(1 - rho) * gamma * gamma * majority_gain(b) * 2 * n * x * std::pow((1 - x) * (1 + x), n - 1);
}

double Node::next_error(double error) const {
  const double q = 0.5 * (1 - gamma) + gamma * error;  // error of one message
  return rho * q + (1 - rho) * majority_error(b, q);
}

double Node::alpha() const { return gamma * (rho + (1 - rho) * majority_gain(b)); }

double Node::critical_gamma() const { return 1 / (rho + (1 - rho) * majority_gain(b)); }

double Node::fixed_point() const {
  if (alpha() <= 1) return 0;
  if (gamma >= 1) return 1;
  return bisect([this](double mu) { return next(mu) / mu - 1; }, 1e-9, 1);  // F(mu) / mu falls: F is concave and F(0) = 0
}

double Node::fixed_point_near_threshold() const {
  const int n = (b - 1) / 2;
  const double a = (1 - rho) * gamma * gamma * gamma * n * majority_gain(b) / 3;
  return alpha() > 1 ? std::sqrt((alpha() - 1) / a) : 0;
}

std::vector<double> Node::levels(double mu0, int depth) const {
  std::vector<double> mu{mu0};
  for (int level = 0; level < depth; ++level) mu.push_back(next(mu.back()));
  return mu;
}

std::vector<double> Node::error_levels(double error0, int depth) const {
  std::vector<double> error{error0};
  for (int level = 0; level < depth; ++level) error.push_back(next_error(error.back()));
  return error;
}

double Node::organization_exponent() const {
  if (!(alpha() > 0))
    throw ParameterError(fmt::format("the organization exponent s = ln alpha / ln b needs alpha > 0, but alpha = {} (gamma = {}): "
                                     "no message carries anything; raise gamma or the tokens m",
                                     brief(alpha()), brief(gamma)));
  return std::log(alpha()) / std::log(b);
}

double mixing_depth(const Node& node, double mu0, double fraction) {
  const double alpha = node.alpha();
  if (!(alpha > 1) || !(mu0 > 0)) return nan;
  return std::max(0.0, std::log(fraction * node.fixed_point() / mu0) / std::log(alpha));
}

double saturation_depth(const Node& node, double mu0, double fraction) {
  if (!(node.alpha() > 1) || !(mu0 > 0)) return nan;
  const double goal = fraction * node.fixed_point();
  double mu = mu0;
  for (int level = 0; level < 100'000; ++level) {
    if (mu >= goal) return level;
    const double next = node.next(mu);
    if (next <= mu) break;  // rounding has stopped the growth: alpha is 1 to the last digits
    mu = next;
  }
  return nan;
}

Regime regime(const Node& node, double mu0, int depth) {
  if (!(node.alpha() > 1)) return Regime::collapse;
  return node.levels(mu0, depth).back() >= 0.9 * node.fixed_point() ? Regime::saturated : Regime::amplify;
}

const char* to_text(Regime regime) {
  switch (regime) {
    case Regime::collapse: return "collapse";
    case Regime::amplify: return "amplify";
    case Regime::saturated: return "saturated";
  }
  return "";
}

double clipped_predictor(const Node& node, double mu0, int depth, double delta) {
  const double fixed = node.fixed_point();
  if (!(delta > 0) || !(delta < fixed))
    throw ParameterError(fmt::format("delta = {} of the clipped predictor must lie strictly between 0 and mu* = {}{}", brief(delta), brief(fixed, 6),
                                     fixed == 0 ? " (alpha <= 1: no delta fits; leave it at 0 for the bound of the collapse phase)" : ""));
  return std::min(delta, std::pow(node.next(delta) / delta, depth) * mu0);
}

double best_clipped_predictor(const Node& node, double mu0, int depth, double* delta) {
  const double fixed = node.fixed_point();
  const auto report = [&](double best, double bound) {
    if (delta != nullptr) *delta = best;
    return bound;
  };
  if (mu0 <= 0) return report(0, 0);
  if (fixed == 0) return report(mu0, std::pow(node.next(mu0) / mu0, depth) * mu0);
  if (mu0 >= fixed) return report(fixed, fixed);
  const double best = bisect([&](double d) { return std::pow(node.next(d) / d, depth) * mu0 - d; }, 1e-300, fixed);
  return report(best, std::min(best, std::pow(node.next(best) / best, depth) * mu0));
}

double upper_predictor(const Node& node, double mu0, int depth) {
  return std::min(std::max(node.fixed_point(), mu0), std::pow(node.alpha(), depth) * mu0);
}

double copula_next(const Node& node, double mu, double* error_bound) {
  const int intervals = copula_intervals(node.rho);
  const double value = copula_trapezoid(node, mu, 2 * intervals);
  if (error_bound != nullptr) *error_bound = std::abs(value - copula_trapezoid(node, mu, intervals)) + 1e-14;
  return value;
}

double copula_alpha(const Node& node) {
  // The map is odd: a symmetric difference has error (step^2 / 6) F''', removed by one Richardson step.
  const double coarse = copula_next(node, 0.02) / 0.02, fine = copula_next(node, 0.01) / 0.01;
  return (4 * fine - coarse) / 3;
}

double leaf_count(int b, int depth) {
  double n = 1;
  for (int level = 0; level < depth; ++level) n *= b;
  return n;
}

double edge_count(int b, int depth) {
  double edges = 0;
  for (int level = 0; level < depth; ++level) edges = b * (edges + 1);
  return edges;
}

int forced_depth(double n_leaves, double window, double m) {
  const double fan_in = m > 0 ? std::floor(window / m) : infinity;
  if (fan_in < 2)
    throw ParameterError(fmt::format("a window of W = {} tokens holds {} messages of m = {} tokens; a node needs at least two: W must be at least {}",
                                     brief(window, 12), brief(fan_in), brief(m, 12), brief(2 * m, 12)));
  int depth = 0;
  for (double reach = 1; reach < n_leaves; reach *= fan_in) ++depth;
  return depth;
}

double budget_law_ratio(const Node& node, int depth, double beta) {
  return std::exp(depth * std::log(node.b) * (node.organization_exponent() - beta));
}

double break_even_budget(const Node& node, int depth, double beta, double message_cost) {
  const double s = node.organization_exponent();
  if (depth == 0) return nan;  // a tree of one agent is the agent
  if (s <= beta) return infinity;
  return message_cost / -std::expm1(depth * std::log(node.b) * (1 - s / beta));
}

double best_leaf_count(const Node& node, double beta, double mu_single) {
  const double s = node.organization_exponent(), fixed = node.fixed_point();
  if (s <= beta || !(mu_single > 0) || fixed <= mu_single) return 1;
  return std::pow(fixed / mu_single, 1 / (s - beta));
}

int synergy_sign(const Node& node, int depth, double beta, double mu_single) {
  const double s = node.organization_exponent();
  if (mu_single >= 1)
    throw ParameterError("the exponent test s > beta does not apply: the single agent is saturated (mu_single = 1); lower B or mu_ref");
  const double grown = mu_single * budget_law_ratio(node, depth, beta), fixed = node.fixed_point();
  if (s > 0 && grown >= 0.9 * fixed)
    throw ParameterError(fmt::format("the exponent test s > beta does not apply: the tree is saturated (weak-signal growth would give mu = {}, "
                                     "the plateau is mu* = {}); lower B, mu_ref or depth",
                                     brief(grown), brief(fixed)));
  return s > beta ? 1 : s < beta ? -1 : 0;
}

double token_fidelity(double m, double m0) { return -std::expm1(-m / m0); }

double table_fidelity(double m, std::span<const double> m_k, std::span<const double> gamma_k) {
  if (m_k.size() < 2 || m_k.size() != gamma_k.size())
    throw ParameterError(fmt::format("the fidelity table needs at least two points and as many gamma_table as m_table; given {} and {}", gamma_k.size(), m_k.size()));
  for (std::size_t k = 0; k < m_k.size(); ++k) {
    if (!(gamma_k[k] >= 0 && gamma_k[k] <= 1))
      throw ParameterError(fmt::format("gamma_table[{}] = {} must lie in [0, 1]", k, brief(gamma_k[k])));
    if (k == 0) continue;
    if (!(m_k[k] > m_k[k - 1]))
      throw ParameterError(fmt::format("m_table must increase strictly, but m_table[{}] = {} follows {}", k, brief(m_k[k]), brief(m_k[k - 1])));
    if (gamma_k[k] < gamma_k[k - 1])
      throw ParameterError(fmt::format("gamma_table must not decrease (more tokens cannot lose signal), but gamma_table[{}] = {} at m = {} follows {} at m = {}", k,
                                       brief(gamma_k[k]), brief(m_k[k]), brief(gamma_k[k - 1]), brief(m_k[k - 1])));
  }
  if (m < m_k.front() || m > m_k.back())
    throw ParameterError(fmt::format("m = {} lies outside the fidelity table, which was measured from m = {} to {}", brief(m, 12), brief(m_k.front()), brief(m_k.back())));
  const std::size_t k = std::max<std::size_t>(1, static_cast<std::size_t>(std::lower_bound(m_k.begin(), m_k.end(), m) - m_k.begin()));
  const double weight = (m - m_k[k - 1]) / (m_k[k] - m_k[k - 1]);
  return (1 - weight) * gamma_k[k - 1] + weight * gamma_k[k];
}

double star_risk(double n, double rho, double sigma2, double tau2) { return rho * sigma2 + (1 - rho) * sigma2 / n + tau2 / n; }

double tree_risk(int b, int depth, double rho, double sigma2, double tau2) {
  const double n = leaf_count(b, depth);
  return rho * sigma2 + (1 - rho) * sigma2 / n + tau2 * (1 - 1 / n) / (b - 1);
}

double chain_risk(double n, double rho, double sigma2, double tau2) {
  return rho * sigma2 + (1 - rho) * sigma2 / n + tau2 * (n - 1) * (2 * n - 1) / (6 * n);
}

}  // namespace meso::systems::budgeted_agents
