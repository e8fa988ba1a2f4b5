#include "systems/networks/budgeted-agents/budgeted_agents.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <optional>

#include "base/error.h"
#include "base/text.h"
#include "systems/networks/budgeted-agents/kernels.h"

namespace meso::systems::budgeted_agents {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double most_tree_leaves = 268435456;   // 2^28: ten seconds for 64 trees
constexpr double most_averaged_leaves = 1 << 20;

// Functions and not objects: a system may be made while other files' statics are being initialised.
const Schema<Params>& schema() {
  static const Schema<Params> fields{
      {"b", &Params::b, {.doc = "fan-in: messages a node reads", .min = 2, .max = 255}},
      {"depth", &Params::depth, {.unit = "levels", .doc = "levels of nodes above the leaves; the tree has b^depth leaves", .min = 0, .max = 100}},
      {"N", &Params::N, {.doc = "leaves, a power of b, in place of depth; 0: depth decides", .min = 0}},
      {"rho", &Params::rho, {.doc = "shared failures: probability that all messages of a node are one common copy; in the warm-up, correlation of leaf errors",
                             .min = 0, .max = 1}},
      {"channel", &Params::channel, {.doc = "where the fidelity comes from: gamma itself, 1 - exp(-m/m0), or the table", .allowed = {"gamma", "tokens", "table"}}},
      {"gamma", &Params::gamma, {.doc = "fidelity: a message arrives right with probability (1 + gamma)/2 (channel = gamma)", .min = 0, .max = 1}},
      {"m", &Params::m, {.unit = "tokens", .doc = "tokens of a message", .min = 0, .max = 1e9}},
      {"m0", &Params::m0, {.unit = "tokens", .doc = "message length at which the fidelity reaches 1 - 1/e (channel = tokens)", .min = 0, .max = 1e9, .min_excluded = true}},
      {"m_table", &Params::m_table, {.unit = "tokens", .doc = "measured message lengths m_k, increasing (channel = table)", .min = 0, .max = 1e9}},
      {"gamma_table", &Params::gamma_table, {.doc = "measured fidelities gamma_k at m_k, not decreasing, linear between (channel = table)", .min = 0, .max = 1}},
      {"W", &Params::W, {.unit = "tokens", .doc = "window: tokens a node can read, at least b m", .min = 1, .max = 1e12}},
      {"leaf", &Params::leaf, {.doc = "what is given for a leaf: its bias mu0, its compute x, or the whole budget B", .allowed = {"bias", "compute", "budget"}}},
      {"mu0", &Params::mu0, {.doc = "leaf bias: a leaf is right with probability (1 + mu0)/2 (leaf = bias)", .min = 0, .max = 1}},
      {"x", &Params::x, {.unit = "tokens", .doc = "compute of a leaf (leaf = compute); its bias is min(1, mu_ref x^beta)", .min = 0, .max = 1e15, .min_excluded = true}},
      {"B", &Params::B, {.unit = "tokens", .doc = "compute of the whole tree, leaves and messages (leaf = budget)", .min = 0, .max = 1e15, .min_excluded = true}},
      {"mu_ref", &Params::mu_ref, {.doc = "bias of one agent at compute 1", .min = 0, .max = 1, .min_excluded = true}},
      {"beta", &Params::beta, {.doc = "compute exponent of one agent", .min = 0, .max = 10, .min_excluded = true}},
      {"free_messages", &Params::free_messages, {.doc = "messages cost nothing: B = N x instead of N x + m edges"}},
      {"sigma2", &Params::sigma2, {.doc = "warm-up: variance of a leaf's error", .min = 0, .max = 1e6}},
      {"tau2", &Params::tau2, {.doc = "warm-up: noise variance that each message adds", .min = 0, .max = 1e6}},
  };
  return fields;
}

struct PopulationOptions {
  std::int64_t members = 65536;
};
const Schema<PopulationOptions>& population_options() {
  static const Schema<PopulationOptions> fields{
      {"members", &PopulationOptions::members, {.unit = "votes", .doc = "votes kept per level, a power of two", .min = 1024, .max = 1 << 24}},
  };
  return fields;
}
struct CopulaOptions {
  std::int64_t members = 4096;
};
const Schema<CopulaOptions>& copula_options() {
  static const Schema<CopulaOptions> fields{
      {"members", &CopulaOptions::members, {.unit = "votes", .doc = "nodes per level from which the marginal is taken", .min = 64, .max = 1 << 24}},
  };
  return fields;
}
struct ClippedOptions {
  double delta = 0;
};
const Schema<ClippedOptions>& clipped_options() {
  static const Schema<ClippedOptions> fields{
      {"delta", &ClippedOptions::delta, {.doc = "clipping level, between 0 and mu*; 0: the best one", .min = 0, .max = 1}},
  };
  return fields;
}

/// Estimates of a solved level, those that were asked.
class Reply {
 public:
  explicit Reply(const Ask& ask) : ask_(ask) {}
  void give(const std::string& name, double value, double bound = 0, const std::string& unit = "1") {
    if (ask_.wants(name)) answer.estimates.push_back(solved_estimate(name, unit, {}, {value}, {bound}));
  }
  /// A value that may not exist: then NaN and a fatal flag with the reason.
  template <class F>
  void try_give(const std::string& name, F value, const std::string& unit = "1", const std::string& why_undefined = "") {
    if (!ask_.wants(name)) return;
    double number = nan;
    std::string reason = why_undefined;
    try {
      number = value();
    } catch (const ParameterError& error) {
      reason = error.what();
    }
    if (!std::isfinite(number)) answer.flags.push_back({.kind = "undefined", .observable = name, .text = fmt::format("{} is not defined: {}", name, reason), .fatal = true});
    give(name, std::isfinite(number) ? number : nan, 0, unit);
  }
  void give_levels(const std::vector<double>& mu, const std::vector<double>& bound) {
    if (!ask_.wants("mu.level")) return;
    std::vector<double> level;
    for (std::size_t l = 0; l < mu.size(); ++l) level.push_back(static_cast<double>(l));
    answer.estimates.push_back(solved_estimate("mu.level", "1", {{"level", "levels", level}}, mu, bound));
  }
  void flag(Flag flag) { answer.flags.push_back(std::move(flag)); }
  Answer answer;

 private:
  const Ask& ask_;
};

using Run = std::function<Answer(const Ask&, Context&)>;

/// Rounding of the recursion: a few units in the last place of each level, carried on by F'. Estimated, not certified.
std::vector<double> rounding(const Node& node, const std::vector<double>& mu) {
  std::vector<double> bound{0};
  for (std::size_t l = 1; l < mu.size(); ++l)
    bound.push_back(node.slope(mu[l - 1]) * bound.back() + 4e-16 * (node.b + 8) * std::abs(mu[l]));
  return bound;
}

void give_ratio(Reply& reply, const Tree& t, double mu, double bound) {
  if (t.mu_single > 0) reply.give("synergy.ratio", mu / t.mu_single, bound / t.mu_single);
  else reply.try_give("synergy.ratio", [] { return nan; }, "1", "the single agent has no bias (mu0 = 0)");
}

void give_constants(Reply& reply, const Tree& t) {
  const Node& node = t.node;
  reply.give("alpha", node.alpha(), 1e-15 * node.alpha());
  reply.give("gamma.critical", node.critical_gamma());
  reply.give("mu.single", t.mu_single);
  reply.try_give("s", [&] { return node.organization_exponent(); });
}

Run recursion(const Tree& t) {
  return [t](const Ask& ask, Context&) {
    Reply reply(ask);
    const std::vector<double> mu = t.node.levels(t.mu0, t.depth), bound = rounding(t.node, mu);
    const double error = t.node.error_levels(0.5 * (1 - t.mu0), t.depth).back();
    reply.give("mu.root", mu.back(), bound.back());
    reply.give("error.root", error, std::min(bound.back(), 1e-13 * error * (t.depth + 1)));
    reply.give_levels(mu, bound);
    give_ratio(reply, t, mu.back(), bound.back());
    give_constants(reply, t);
    reply.try_give("mixing.depth", [&] { return saturation_depth(t.node, t.mu0); }, "levels", "growth to a plateau needs alpha > 1 and mu0 > 0");
    const double alpha = t.node.alpha(), fixed = t.node.fixed_point();
    const Regime label = regime(t.node, t.mu0, t.depth);
    reply.flag({.kind = "regime", .observable = "mu.root",
                .text = label == Regime::collapse
                            ? fmt::format("collapse: alpha = {} <= 1, the signal is washed out (critical gamma {})", brief(alpha, 6), brief(t.node.critical_gamma(), 6))
                            : fmt::format("{}: alpha = {} > 1, root bias {} of the plateau mu* = {}", to_text(label), brief(alpha, 6), brief(mu.back(), 6), brief(fixed, 6))});
    if (error > 0 && mu.back() == 1)
      reply.flag({.kind = "note", .observable = "mu.root", .text = fmt::format("1 - mu.root = {} is lost in rounding; error.root keeps it", brief(2 * error))});
    return reply.answer;
  };
}

Run linear(const Tree& t) {
  return [t](const Ask& ask, Context&) {
    Reply reply(ask);
    std::vector<double> mu{t.mu0};
    for (int l = 0; l < t.depth; ++l) mu.push_back(t.node.alpha() * mu.back());
    reply.give("mu.root", mu.back());
    reply.give("error.root", 0.5 * (1 - mu.back()));
    reply.give_levels(mu, {});
    give_ratio(reply, t, mu.back(), 0);
    give_constants(reply, t);
    reply.try_give("mixing.depth", [&] { return mixing_depth(t.node, t.mu0); }, "levels", "growth to a plateau needs alpha > 1 and mu0 > 0");
    if (mu.back() > 1) {
      reply.flag({.kind = "not-realisable", .observable = "", .text = fmt::format("alpha^depth mu0 = {} exceeds 1: no vote has such a bias", brief(mu.back()))});
      reply.flag({.kind = "negative-mean", .observable = "error.root", .text = fmt::format("error probability {} < 0", brief(0.5 * (1 - mu.back()))), .fatal = true});
    }
    return reply.answer;
  };
}

Run plateau(const Tree& t, bool near_threshold) {
  return [t, near_threshold](const Ask& ask, Context&) {
    Reply reply(ask);
    const double fixed = near_threshold ? t.node.fixed_point_near_threshold() : t.node.fixed_point();
    const double reached = t.mu0 > 0 ? fixed : 0;
    const double bound = near_threshold ? 0 : 1e-15 / std::max(1e-15, 1 - t.node.slope(fixed));  // a root is as sharp as F crosses the diagonal
    reply.give("mu.star", fixed, std::min(bound, 1.0));
    reply.give("slope.star", t.node.slope(fixed));
    reply.give("mu.root", reached, std::min(bound, 1.0));
    reply.give("error.root", 0.5 * (1 - reached), std::min(0.5 * bound, 1.0));
    give_ratio(reply, t, reached, bound);
    give_constants(reply, t);
    return reply.answer;
  };
}

Run clipped(const Tree& t) {
  return [t](const Ask& ask, Context&) {
    Reply reply(ask);
    const double delta = clipped_options().read(ask.options, "level 'clipped'").delta;
    reply.try_give("mu.root", [&] { return delta > 0 ? clipped_predictor(t.node, t.mu0, t.depth, delta) : best_clipped_predictor(t.node, t.mu0, t.depth); });
    reply.try_give("error.root", [&] { return 0.5 * (1 - (delta > 0 ? clipped_predictor(t.node, t.mu0, t.depth, delta) : best_clipped_predictor(t.node, t.mu0, t.depth))); });
    return reply.answer;
  };
}

Run upper(const Tree& t) {
  return [t](const Ask& ask, Context&) {
    Reply reply(ask);
    const double mu = upper_predictor(t.node, t.mu0, t.depth);
    reply.give("mu.root", mu);
    reply.give("error.root", 0.5 * (1 - mu));
    return reply.answer;
  };
}

Run budget_law(const Tree& t) {
  return [t](const Ask& ask, Context&) {
    Reply reply(ask);
    give_constants(reply, t);
    const auto unsaturated = [&](auto value) {
      return [&t, value] {
        (void)synergy_sign(t.node, t.depth, t.beta, t.mu_single);  // throws where the exponent test does not apply
        return value();
      };
    };
    if (t.mu_single > 0) {
      reply.try_give("synergy.sign", [&] { return static_cast<double>(synergy_sign(t.node, t.depth, t.beta, t.mu_single)); });
      reply.try_give("synergy.ratio", unsaturated([&] {
                       const double leaf_share = t.budget > 0 ? 1 - t.message_cost / t.budget : 1;  // messages eat the rest
                       return std::pow(leaf_share, t.beta) * budget_law_ratio(t.node, t.depth, t.beta);
                     }));
    } else {
      for (const char* name : {"synergy.sign", "synergy.ratio"}) reply.try_give(name, [] { return nan; }, "1", "the single agent has no bias (mu0 = 0)");
    }
    reply.try_give("N.best", [&] { return best_leaf_count(t.node, t.beta, t.mu_single); });
    reply.try_give("budget.breakeven", [&] { return break_even_budget(t.node, t.depth, t.beta, t.message_cost); }, "tokens",
                   t.depth == 0 ? "a tree of one leaf is the single agent" : "s <= beta: no budget makes the tree better than one agent");
    return reply.answer;
  };
}

Run copula_recursion(const Tree& t) {
  return [t](const Ask& ask, Context&) {
    Reply reply(ask);
    std::vector<double> mu{t.mu0}, bound{0};
    for (int l = 0; l < t.depth; ++l) {
      double quadrature = 0;
      const double next = copula_next(t.node, mu.back(), &quadrature);
      const double slope = (copula_next(t.node, mu.back() + 1e-4) - copula_next(t.node, mu.back() - 1e-4)) / 2e-4;
      bound.push_back(slope * bound.back() + quadrature);
      mu.push_back(next);
    }
    reply.give("mu.root", mu.back(), bound.back());
    reply.give("error.root", 0.5 * (1 - mu.back()), 0.5 * bound.back());
    reply.give_levels(mu, bound);
    give_ratio(reply, t, mu.back(), bound.back());
    if (ask.wants("alpha")) reply.give("alpha", copula_alpha(t.node), 1e-6);
    return reply.answer;
  };
}

Run risk(double value, std::optional<std::string> note) {
  return [value, note](const Ask& ask, Context&) {
    Reply reply(ask);
    reply.give("risk", value);
    if (note) reply.flag({.kind = "note", .observable = "risk", .text = *note});
    return reply.answer;
  };
}

/// Places of the signals in the plan of a voting level.
struct Slots {
  static constexpr std::size_t absent = ~std::size_t{0};
  std::size_t root = absent, wrong = absent, ratio = absent, level = absent;
  explicit Slots(const Plan& plan) {
    for (std::size_t s = 0; s < plan.signals.size(); ++s) {
      if (plan.signals[s].name == "root") root = s;
      if (plan.signals[s].name == "wrong") wrong = s;
      if (plan.signals[s].name == "ratio") ratio = s;
      if (plan.signals[s].name == "level") level = s;
    }
  }
  void record(Tape& tape, double mu, double mu_single) const {
    if (root != absent) tape.record(root, 0, mu);
    if (wrong != absent) tape.record(wrong, 0, 0.5 * (1 - mu));
    if (ratio != absent) tape.record(ratio, 0, mu / mu_single);
  }
};

/// Every signal is bounded, so that a sample without any variation still has an exact binomial bound.
Plan vote_plan(const Ask& ask, const Tree& t) {
  Plan plan;
  const auto add = [&](const char* name, double lo, double hi, const char* observable) {
    if (!ask.wants(observable)) return;
    plan.signals.push_back({.name = name, .lo = lo, .hi = hi});
    plan.derived.push_back({.observable = observable, .unit = "1", .signals = {plan.signals.size() - 1}});
  };
  add("root", -1, 1, "mu.root");
  add("wrong", 0, 1, "error.root");
  if (t.mu_single > 0) add("ratio", -1 / t.mu_single, 1 / t.mu_single, "synergy.ratio");
  return plan;
}

/// The bias profile has an axis of its own, so it is a second ensemble, of the same trajectories.
Plan profile_plan(const Tree& t) {
  Axis axis{"level", "levels", {}};
  for (int l = 0; l <= t.depth; ++l) axis.points.push_back(l);
  Plan plan;
  plan.axes = {axis};
  plan.signals = {{.name = "level", .lo = -1, .hi = 1}};
  plan.derived = {{.observable = "mu.level", .unit = "1", .signals = {0}}};
  return plan;
}

/// A voting level: its scalars through the engine, then its profile if that is asked.
template <BatchSampledLevel L>
Run voting(L level, std::uint64_t grain, std::function<void(const Ask&, Answer&)> finish = {}) {
  return [level, grain, finish, scalars = sampled(level, grain)](const Ask& ask, Context& context) {
    Answer answer;
    if (!level.plan(ask).signals.empty()) answer = scalars(ask, context);
    if (ask.wants("mu.level")) {
      const Plan plan = profile_plan(level.t);
      EnsembleResult result = context.ensemble("profile", plan, grain, [&](std::uint64_t first, std::span<Tape> tapes) {
        level.sample_batch(ask, plan, context.seed(), context.purpose(), first, tapes);
      });
      for (Estimate& estimate : result.estimates) {
        estimate.stream = context.purpose();
        answer.estimates.push_back(std::move(estimate));
      }
    }
    if (ask.wants("synergy.ratio") && !(level.t.mu_single > 0))
      answer.flags.push_back({.kind = "undefined", .observable = "synergy.ratio", .text = "synergy.ratio is not defined: the single agent has no bias (mu0 = 0)", .fatal = true});
    if (finish) finish(ask, answer);
    return answer;
  };
}

/// Full trees, 64 to a word: trajectory k is bit k % 64 of group k / 64, so it is the same in any batch.
struct TreesLevel {
  Tree t;
  [[nodiscard]] Plan plan(const Ask& ask) const {
    if (t.leaves > most_tree_leaves)
      throw ParameterError(fmt::format("level 'trees' draws every leaf, and b = {}, depth = {} has {} of them a tree; it takes at most {}. Use level 'population', "
                                       "which reaches any depth",
                                       t.node.b, t.depth, brief(t.leaves), with_commas(static_cast<unsigned long long>(most_tree_leaves))));
    return vote_plan(ask, t);
  }
  void sample_batch(const Ask&, const Plan& plan, std::uint64_t seed, const std::string& purpose, std::uint64_t first, std::span<Tape> tapes) const {
    const Slots slots(plan);
    const bool profile = slots.level != Slots::absent;
    TreeKernel kernel(t.node, t.mu0, t.depth);
    std::vector<double> nodes;
    for (int l = 0; l <= t.depth; ++l) nodes.push_back(leaf_count(t.node.b, t.depth - l));
    const std::uint64_t end = first + tapes.size();
    for (std::uint64_t group = first / 64; group * 64 < end; ++group) {
      FastStream rng = Stream(seed, group, purpose).fast();
      std::vector<LaneCounter> right(profile ? nodes.size() : 0);
      const std::uint64_t root = kernel(rng, right);
      for (std::uint64_t k = std::max(first, group * 64); k < std::min(end, group * 64 + 64); ++k) {
        const int lane = static_cast<int>(k % 64);
        Tape& tape = tapes[k - first];
        slots.record(tape, (root >> lane & 1) != 0 ? 1.0 : -1.0, t.mu_single);
        for (std::size_t l = 0; l < right.size(); ++l) tape.record(slots.level, l, 2 * static_cast<double>(right[l].count(lane)) / nodes[l] - 1);
      }
    }
  }
};

struct PopulationLevel {
  Tree t;
  [[nodiscard]] static std::uint64_t members(const Ask& ask) {
    const auto members = static_cast<std::uint64_t>(population_options().read(ask.options, "level 'population'").members);
    if (!std::has_single_bit(members))
      throw ParameterError(fmt::format("members = {} of level 'population' must be a power of two; nearest are {} and {}", members, std::bit_floor(members), std::bit_ceil(members)));
    return members;
  }
  [[nodiscard]] Plan plan(const Ask& ask) const {
    (void)members(ask);
    return vote_plan(ask, t);
  }
  void sample_batch(const Ask& ask, const Plan& plan, std::uint64_t seed, const std::string& purpose, std::uint64_t first, std::span<Tape> tapes) const {
    const Slots slots(plan);
    PopulationKernel kernel(t.node, t.mu0, t.depth, members(ask));
    std::vector<double> mu(static_cast<std::size_t>(t.depth) + 1);
    for (std::size_t i = 0; i < tapes.size(); ++i) {
      FastStream rng = Stream(seed, first + i, purpose).fast();
      kernel(rng, mu);
      slots.record(tapes[i], mu.back(), t.mu_single);
      for (std::size_t l = 0; slots.level != Slots::absent && l < mu.size(); ++l) tapes[i].record(slots.level, l, mu[l]);
    }
  }
  /// The finite population shifts the mean: that shift is a numerical error of this level, said as such.
  void bound(const Ask& ask, Answer& answer) const {
    std::vector<double> bias = population_bias(t.node, t.mu0, t.depth, members(ask));
    for (double& shift : bias) shift = std::abs(shift);
    for (Estimate& estimate : answer.estimates) {
      if (estimate.observable == "mu.root") estimate.error_bound = {bias.back()};
      if (estimate.observable == "error.root") estimate.error_bound = {0.5 * bias.back()};
      if (estimate.observable == "synergy.ratio") estimate.error_bound = {bias.back() / t.mu_single};
      if (estimate.observable == "mu.level") estimate.error_bound = bias;
    }
  }
};

struct CopulaLevel {
  Tree t;
  [[nodiscard]] Plan plan(const Ask& ask) const {
    (void)copula_options().read(ask.options, "level 'copula'");
    return vote_plan(ask, t);
  }
  void sample_batch(const Ask& ask, const Plan& plan, std::uint64_t seed, const std::string& purpose, std::uint64_t first, std::span<Tape> tapes) const {
    const Slots slots(plan);
    const auto members = static_cast<std::uint64_t>(copula_options().read(ask.options, "level 'copula'").members);
    const CopulaKernel kernel(t.node, t.mu0, t.depth, members);
    std::vector<double> mu(static_cast<std::size_t>(t.depth) + 1);
    for (std::size_t i = 0; i < tapes.size(); ++i) {
      FastStream rng = Stream(seed, first + i, purpose).fast();
      kernel(rng, mu);
      slots.record(tapes[i], mu.back(), t.mu_single);
      for (std::size_t l = 0; slots.level != Slots::absent && l < mu.size(); ++l) tapes[i].record(slots.level, l, mu[l]);
    }
  }
};

enum class Shape { star, tree, chain };

struct AveragingLevel {
  Tree t;
  Shape shape;
  [[nodiscard]] Plan plan(const Ask& ask) const {
    if (t.leaves > most_averaged_leaves)
      throw ParameterError(fmt::format("the averaging levels draw every leaf, and N = {}; they take at most {}", brief(t.leaves),
                                       with_commas(static_cast<unsigned long long>(most_averaged_leaves))));
    Plan plan;
    plan.signals.push_back({.name = "squared-error", .lo = 0});
    if (ask.wants("risk")) plan.derived.push_back({.observable = "risk", .unit = "1", .signals = {0}});
    return plan;
  }
  void sample(const Ask&, const Plan&, std::uint64_t seed, const std::string& purpose, std::uint64_t trajectory, Tape& tape) const {
    FastStream rng = Stream(seed, trajectory, purpose).fast();
    const Averaging averaging{t.node.rho, t.sigma2, t.tau2};
    const auto n = static_cast<std::uint64_t>(t.leaves);
    double error = 0;
    switch (shape) {
      case Shape::star: error = averaging.star(rng, n); break;
      case Shape::tree: error = averaging.tree(rng, t.node.b, t.depth); break;
      case Shape::chain: error = averaging.chain(rng, n); break;
    }
    tape.record(0, 0, error * error);
  }
};

/// A star may need more tokens than a node can read; then its numbers are those of a machine that cannot be built.
std::optional<std::string> star_note(const Tree& t) {
  if (t.leaves * t.m <= t.window) return std::nullopt;
  return fmt::format("a star of {} leaves reads {} tokens, the window W holds {}: depth {} is forced", brief(t.leaves), brief(t.leaves * t.m), brief(t.window),
                     t.m > 0 && t.window >= 2 * t.m ? forced_depth(t.leaves, t.window, t.m) : t.depth);
}

std::string polynomial(const Node& node, bool latex) {  // c * integral of (1 - x^2)^n, term by term
  const int n = (node.b - 1) / 2;
  double coefficient = majority_gain(node.b);
  std::string text;
  for (int k = 0; k <= n; ++k) {
    const double term = coefficient / (2 * k + 1);
    text += fmt::format("{}{} x{}", k == 0 ? "" : term < 0 ? " - " : " + ", brief(std::abs(term), 8),
                        k == 0 ? "" : latex ? fmt::format("^{{{}}}", 2 * k + 1) : fmt::format("^{}", 2 * k + 1));
    coefficient *= -static_cast<double>(n - k) / (k + 1);
  }
  return text;
}

std::string recursion_equations(const Node& node, bool latex) {
  const std::string f = node.b <= 15 ? polynomial(node, latex) : latex ? "2 \\sum_{k > b/2} \\binom{b}{k} p^k (1-p)^{b-k} - 1,\\; p = (1+x)/2" : "2 sum_{k > b/2} C(b,k) p^k (1-p)^(b-k) - 1, p = (1+x)/2";
  if (latex)
    return fmt::format("\\mu_{{\\ell+1}} = \\rho \\gamma \\mu_\\ell + (1-\\rho) f_{{{}}}(\\gamma \\mu_\\ell), \\quad f_{{{}}}(x) = {}, \\quad \\rho = {}, \\; \\gamma = {}", node.b, node.b, f,
                       brief(node.rho, 8), brief(node.gamma, 8));
  return fmt::format("mu' = rho gamma mu + (1 - rho) f(gamma mu)\nf(x) = {}\nrho = {}, gamma = {}", f, brief(node.rho, 8), brief(node.gamma, 8));
}

std::vector<Level> ladder(const Params& params) {
  const Tree t = build(params);
  const std::string paper = "arXiv 2601.17311";
  std::vector<Level> levels;
  const auto add = [&](LevelInfo info, Run run) -> Level& { return levels.emplace_back(Level{std::move(info), std::move(run)}); };

  const std::uint64_t tree_grain = t.leaves <= 1 << 20 ? 1024 : 64;  // of the order of 0.1 s at most; by size alone
  add({.name = "trees", .rung = Rung::micro, .doc = "every leaf vote, flipped message and shared failure of independent trees, 64 trees to a word", .source = paper,
       .sampled = true, .grain = tree_grain},
      voting(TreesLevel{t}, tree_grain))
      .plan = [t](const Ask&) {
        return std::vector<std::string>{fmt::format("{} leaf votes a tree, about 0.5 ns each on one core", brief(t.leaves))};
      };
  const PopulationLevel population{t};
  add({.name = "population", .rung = Rung::master, .doc = "population dynamics: each level of votes resampled from the one below, any depth; one trajectory is one population",
       .parent = "trees", .approximation = "subtrees drawn with replacement from a finite population of votes", .small_parameter = "1/members", .expected_order = 1,
       .source = "derived: exact in mean given the level below, bias of order depth/members", .options = population_options().infos(), .sampled = true, .grain = 1},
      voting(population, 1, [population](const Ask& ask, Answer& answer) { population.bound(ask, answer); }));
  add({.name = "recursion", .rung = Rung::master, .doc = "exact bias of every level", .parent = "trees",
       .approximation = "none: siblings of a tree are independent, so the biases of its levels obey a closed recursion, exact for the mixture of shared and independent messages",
       .source = paper + ", level map"},
      recursion(t))
      .equations = [node = t.node](const Table&, bool latex) { return recursion_equations(node, latex); };
  add({.name = "linear", .rung = Rung::mean_field, .doc = "weak-signal theory: alpha^depth mu0", .parent = "recursion", .approximation = "majority linearised at zero bias",
       .small_parameter = "mu0", .expected_order = 3, .source = paper + ", alpha_rho = gamma (rho + (1 - rho) f_b'(0))"},
      linear(t))
      .equations = [node = t.node](const Table&, bool latex) {
        return latex ? fmt::format("\\mu_L = \\alpha_\\rho^L \\mu_0, \\quad \\alpha_\\rho = {}", brief(node.alpha(), 10)) : fmt::format("mu_L = alpha^L mu0, alpha = {}", brief(node.alpha(), 10));
      };
  add({.name = "fixed-point", .rung = Rung::mean_field, .doc = "the plateau mu* of deep trees", .parent = "recursion", .approximation = "depth -> infinity",
       .small_parameter = "1/depth", .source = paper},
      plateau(t, false));
  add({.name = "near-threshold", .rung = Rung::mean_field, .doc = "the plateau just above the threshold, sqrt((alpha - 1)/A)", .parent = "fixed-point",
       .approximation = "majority to third order in the bias", .small_parameter = "alpha - 1", .source = "derived: A = -F'''(0)/6"},
      plateau(t, true));
  add({.name = "clipped", .rung = Rung::mean_field, .doc = "conservative clipped predictor, a lower bound of the recursion", .parent = "recursion",
       .approximation = "growth at the secant rate F(delta)/delta up to delta", .source = "derived from concavity; " + paper + " has one of this name", .options = clipped_options().infos()},
      clipped(t));
  add({.name = "upper-predictor", .rung = Rung::mean_field, .doc = "min(max(mu*, mu0), alpha^depth mu0), an upper bound of the recursion", .parent = "linear",
       .approximation = "growth at rate alpha until the plateau", .source = "derived from concavity"},
      upper(t));
  add({.name = "budget-law", .rung = Rung::mean_field, .doc = "synergy by exponents: N^(s - beta), best number of leaves, break-even budget", .parent = "linear",
       .approximation = "neither the tree nor the single agent is saturated", .source = paper + ", synergy if and only if s > beta; break-even budget derived"},
      budget_law(t));
  add({.name = "copula", .rung = Rung::micro, .doc = "equicorrelated siblings by a Gaussian copula in place of common copies; one trajectory is one population", .source = "derived; latent correlation sin(pi rho/2)",
       .options = copula_options().infos(), .sampled = true, .grain = 1},
      voting(CopulaLevel{t}, 1, [t](const Ask&, Answer& answer) {
        answer.flags.push_back({.kind = "note", .observable = "",
                                .text = fmt::format("alpha_rho = {} is only approximate here: the gain of a node with these correlated siblings is {}", brief(t.node.alpha(), 6),
                                                    brief(copula_alpha(t.node), 6))});
      }));
  add({.name = "copula-recursion", .rung = Rung::master, .doc = "level map of the copula by quadrature", .parent = "copula", .approximation = "members -> infinity",
       .small_parameter = "1/members", .expected_order = 1, .source = "derived"},
      copula_recursion(t));

  const std::uint64_t averaging_grain = 1024;
  struct Warmup {
    const char *name, *doc, *approximation;
    Shape shape;
    double value;
  };
  const Node& node = t.node;
  for (const Warmup& warmup : {Warmup{"star", "one centre averages all leaves", "none: variances add", Shape::star, star_risk(t.leaves, node.rho, t.sigma2, t.tau2)},
                               Warmup{"tree", "a b-ary tree of means", "none: variances add level by level", Shape::tree, tree_risk(node.b, t.depth, node.rho, t.sigma2, t.tau2)},
                               Warmup{"chain", "a chain of running means", "none: variances add along the chain", Shape::chain, chain_risk(t.leaves, node.rho, t.sigma2, t.tau2)}}) {
    const std::optional<std::string> note = warmup.shape == Shape::star ? star_note(t) : std::nullopt;
    add({.name = std::string(warmup.name) + "-average", .rung = Rung::micro, .doc = fmt::format("warm-up: real-valued estimates, {}", warmup.doc), .source = paper + ", warm-up",
         .sampled = true, .grain = averaging_grain},
        sampled(AveragingLevel{t, warmup.shape}, averaging_grain, [note](const Ask&, const EnsembleResult&, Answer& answer) {
          if (note) answer.flags.push_back({.kind = "note", .observable = "risk", .text = *note});
        }));
    add({.name = std::string(warmup.name) + "-risk", .rung = Rung::moments, .doc = fmt::format("warm-up: risk in closed form, {}", warmup.doc), .parent = std::string(warmup.name) + "-average",
         .approximation = warmup.approximation, .source = "derived"},
        risk(warmup.value, note));
  }
  return levels;
}

}  // namespace

Tree build(const Params& p) {
  Tree t;
  t.node.b = static_cast<int>(p.b);
  t.node.rho = p.rho;
  t.depth = static_cast<int>(p.depth);
  t.sigma2 = p.sigma2;
  t.tau2 = p.tau2;
  t.m = p.m;
  t.window = p.W;
  if (p.N > 0) {
    t.depth = 0;
    std::int64_t reach = 1;
    for (; reach < p.N; reach *= p.b) ++t.depth;
    if (reach != p.N)
      throw ParameterError(fmt::format("N = {} leaves is not a power of b = {}; nearest are {} (depth {}) and {} (depth {})", p.N, p.b, reach / p.b, t.depth - 1, reach, t.depth));
  }
  if (static_cast<double>(p.b) * p.m > p.W) {
    const double largest = std::floor(p.W / p.m);
    throw ParameterError(fmt::format("b = {} messages of m = {} tokens need {}, but the window W holds {} tokens: {}", p.b, brief(p.m, 12), brief(static_cast<double>(p.b) * p.m, 12),
                                     brief(p.W, 12), largest >= 2 ? fmt::format("the largest allowed b is {}", brief(largest, 12)) : fmt::format("no b fits; W must be at least {}", brief(2 * p.m, 12))));
  }
  t.node.gamma = p.channel == "tokens" ? token_fidelity(p.m, p.m0) : p.channel == "table" ? table_fidelity(p.m, p.m_table, p.gamma_table) : p.gamma;

  t.leaves = leaf_count(t.node.b, t.depth);
  t.edges = edge_count(t.node.b, t.depth);
  t.message_cost = p.free_messages ? 0 : p.m * t.edges;
  t.beta = p.beta;
  const auto bias = [&](double compute) { return std::min(1.0, p.mu_ref * std::pow(compute, p.beta)); };
  if (p.leaf == "budget") {
    if (!(p.B > t.message_cost))
      throw ParameterError(fmt::format("the budget B = {} tokens does not pay for the messages: {} edges of m = {} tokens cost {}; raise B, lower m or depth, or set free_messages = true",
                                       brief(p.B, 12), brief(t.edges, 12), brief(p.m, 12), brief(t.message_cost, 12)));
    t.x = (p.B - t.message_cost) / t.leaves;
    t.budget = p.B;
    t.mu0 = bias(t.x);
  } else {
    t.x = p.leaf == "compute" ? p.x : std::pow(p.mu0 / p.mu_ref, 1 / p.beta);  // the compute that buys this bias
    t.budget = t.leaves * t.x + t.message_cost;
    t.mu0 = p.leaf == "compute" ? bias(p.x) : p.mu0;
  }
  t.mu_single = t.mu0 > 0 ? bias(t.budget) : 0;
  return t;
}

System system() {
  return Define<Params>("budgeted-agents", "Majority trees of noisy agents under a compute budget", "networks", schema())
      .paper("budgeted-agents", "Phase Transition for Budgeted Multi-Agent Synergy", "2026-01-24")
      .doc("N = b^depth noisy agents vote on a yes/no question through a b-ary tree of majority nodes. Messages are lossy (fidelity gamma), siblings share failures "
           "(rho), each node reads a limited window, the total compute is fixed. One number, alpha = gamma (rho + (1 - rho) f_b'(0)), decides: above 1 a weak leaf "
           "signal is amplified to a plateau, at and below 1 it is washed out to a coin toss. In the amplifying phase the tree beats one agent of the same "
           "budget exactly when its organization exponent s = ln alpha / ln b exceeds the agents' compute exponent beta, as long as neither is saturated.")
      .no_time()
      .observe({"mu.root", "1", "bias of the root vote, mu_L = E[X_root], truth +1; its sampling error over T trees is sqrt((1 - mu^2)/T)"})
      .observe({.name = "error.root", .unit = "1", .doc = "probability that the root vote is wrong, (1 - mu_L)/2", .by_default = false})
      .observe({.name = "mu.level", .unit = "1", .doc = "bias of the votes of each level, mu_l = E[X] over the nodes of level l; level 0 are the leaves", .by_default = false})
      .observe({.name = "synergy.ratio", .unit = "1", .doc = "mu_tree(B)/mu_single(B): root bias over the bias min(1, mu_ref B^beta) of one agent with the whole budget B", .by_default = false})
      .observe({.name = "synergy.sign", .unit = "1", .doc = "exponent test: sign(s - beta); +1 if the tree beats one agent of the same budget (unsaturated, messages free)", .by_default = false})
      .observe({.name = "mu.single", .unit = "1", .doc = "bias of one agent with the whole budget, min(1, mu_ref B^beta), B = N x + m edges (N x with free messages)", .by_default = false})
      .observe({.name = "alpha", .unit = "1", .doc = "gain of a node for weak signals, alpha = d mu_(l+1)/d mu_l at 0", .by_default = false})
      .observe({.name = "s", .unit = "1", .doc = "organization exponent, s = ln alpha / ln b: weak signals grow as N^s", .by_default = false})
      .observe({.name = "gamma.critical", .unit = "1", .doc = "fidelity at which alpha = 1: 1/(rho + (1 - rho) f_b'(0))", .by_default = false})
      .observe({.name = "mu.star", .unit = "1", .doc = "plateau: positive root of F(mu) = mu, 0 if alpha <= 1", .by_default = false})
      .observe({.name = "slope.star", .unit = "1", .doc = "F'(mu*): factor by which a deviation from the plateau shrinks per level", .by_default = false})
      .observe({.name = "mixing.depth", .unit = "levels", .doc = "levels until mu_l >= 0.9 mu*; by linear growth ln(0.9 mu*/mu0)/ln alpha", .by_default = false})
      .observe({.name = "N.best", .unit = "1", .doc = "leaves at which growth meets saturation, N^(s - beta) mu_single = mu*, not rounded to a power of b; 1 if s <= beta", .by_default = false})
      .observe({.name = "budget.breakeven", .unit = "tokens", .doc = "budget above which the tree beats one agent: (B - m edges)^beta N^(s - beta) = B^beta", .by_default = false})
      .observe({.name = "risk", .unit = "1", .doc = "warm-up: mean squared error E[(estimate - truth)^2] of the final estimate", .by_default = false})
      .check([](const Params& p) { (void)build(p); })
      .levels(ladder)
      .extend([](const Params& p, Case& bound) {
        const Tree t = build(p);
        bound.notes.push_back(fmt::format("{} leaves, {} messages, fidelity {}, alpha {} (critical fidelity {}), leaf bias {}", brief(t.leaves, 6), brief(t.edges, 6), brief(t.node.gamma, 6),
                                          brief(t.node.alpha(), 6), brief(t.node.critical_gamma(), 6), brief(t.mu0, 6)));
        if (t.mu0 >= 1) bound.notes.push_back("leaves are saturated: mu_ref x^beta reaches 1");
        if (t.mu_single >= 1) bound.notes.push_back("the single agent is saturated (mu_ref B^beta reaches 1): exponents do not tell synergy here");
      });
}

}  // namespace meso::systems::budgeted_agents
