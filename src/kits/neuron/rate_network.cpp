#include "kits/neuron/rate_network.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/error.h"
#include "base/text.h"
#include "kits/neuron/instance.h"

namespace meso::neuron {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
const char* const paper = "Linear equivalence of nonlinear recurrent neural networks (2026)";

/// Estimates of a solved level for a stationary question; names that were not asked are left out.
class Giver {
 public:
  Giver(const Ask& ask, Answer& answer) : ask_(ask), answer_(answer) {}
  void scalar(const char* name, double value, double bound = 0) {
    if (ask_.wants(name)) answer_.estimates.push_back(solved_estimate(name, "1", {}, {value}, {bound}));
  }
  void array(const char* name, std::vector<Axis> axes, std::vector<double> value, double bound = 0) {
    if (!ask_.wants(name)) return;
    std::vector<double> bounds(value.size(), bound);
    answer_.estimates.push_back(solved_estimate(name, "1", std::move(axes), std::move(value), std::move(bounds)));
  }

 private:
  const Ask& ask_;
  Answer& answer_;
};

/// A level that has no answer: what it would have given is NaN and the entries are broken for the reason.
void refuse(const Ask& ask, Answer& answer, const char* kind, const std::string& why, std::initializer_list<const char*> names) {
  answer.flags.push_back({.kind = kind, .text = why, .fatal = true});
  Giver give(ask, answer);
  for (const char* name : names) give.scalar(name, nan);
}

void only_stationary(const Ask& ask, Answer& answer, const char* level) {
  if (!ask.is_stationary()) answer.flags.push_back({.kind = "note", .text = fmt::format("'{}' speaks of the stationary state; ask with [stationary]", level)});
}

/// Warnings that concern every use of mean-field theory on this matrix.
void remark(Instance& instance, Answer& answer, bool ensemble) {
  const MeanField& m = *instance.mean_field().value;
  if (m.active && m.model.sigma == 0 && m.gap() < 0.02)
    answer.flags.push_back({.kind = "slow", .text = fmt::format("close to the transition to chaos: 1 - g^2 a^2 = {}, activity forgets over tau = {} and finite networks may sit in a fixed point or a cycle", brief(m.gap(), 3), brief(1 / std::sqrt(m.gap()), 3))});
  if (!m.active) answer.flags.push_back({.kind = "note", .text = fmt::format("g phi'(0) = {} is not above 1 and nothing drives: the quiet state x = 0", brief(m.model.g * m.slope))});
  if (m.others > 0) answer.flags.push_back({.kind = "note", .text = fmt::format("{} other self-consistent state(s); the one with the largest variance was taken", m.others)});
  const Structure& s = instance.structure();
  if (s.structured)
    answer.flags.push_back({.kind = "structured", .text = fmt::format("the couplings are not independent: {}. {}", s.text,
                                                                      ensemble ? "Mean-field theory and its participation ratio are those of independent couplings of the same mean square" : "The formula for one matrix is used outside its derivation")});
}

constexpr double longest_transient = 75;

/// Variances over continuous time from a random start, with steps h and 2 h; the difference bounds the error.
void follow_transient(const RateNetwork& p, const Ask& ask, Answer& answer) {
  const double end = ask.times().back(), step = std::clamp(end / 300, 0.05, 0.25);
  if (end > longest_transient) {
    answer.flags.push_back({.kind = "note", .text = fmt::format("mean-field theory of two times is followed until t = {}, and {} was asked; the stationary state has no such limit", brief(longest_transient), brief(end))});
    return;
  }
  const auto steps = static_cast<std::size_t>(std::ceil(end / step)) + 2;
  const Transient fine = transient(p.model, p.start * p.start, step, steps), coarse = transient(p.model, p.start * p.start, 2 * step, steps / 2 + 2);
  answer.why = fmt::format("two times, step {}", brief(step));
  const auto give = [&](const char* name, const std::vector<double>& values, const std::vector<double>& rough) {
    if (!ask.wants(name)) return;
    std::vector<double> value, bound;
    for (const double t : ask.times()) {
      value.push_back(fine.at(values, t));
      bound.push_back(std::abs(value.back() - coarse.at(rough, t)));  // three times the error of a second-order scheme
    }
    answer.estimates.push_back(solved_estimate(name, "1", {{"t", "1", ask.times()}}, std::move(value), std::move(bound)));
  };
  give("x.variance", fine.x_variance, coarse.x_variance);
  give("phi.variance", fine.phi_variance, coarse.phi_variance);
  give("gain.mean", fine.slope, coarse.slope);
}

Level dmft_level(const std::shared_ptr<Instance>& instance) {
  Level level;
  level.info = {.name = "dmft",
                .rung = Rung::mean_field,
                .doc = "dynamical mean-field theory: a unit as a Gaussian process driven by its own statistics, and the covariance matrix of a typical J",
                .parent = "linear-equivalent",
                .approximation = "N -> infinity: the matrix enters by g alone",
                .small_parameter = "1/N",
                .expected_order = 1,
                .source = "Sompolinsky, Crisanti, Sommers (1988), doi:10.1103/PhysRevLett.61.259; Schuecker, Goedeke, Helias (2018), doi:10.1103/PhysRevX.8.041029"};
  level.run = [instance](const Ask& ask, Context& context) {
    Answer answer;
    const RateNetwork& p = instance->p;
    const Solved<MeanField>& solved = instance->mean_field();
    context.progress(1);
    if (!ask.is_stationary()) {
      if (!p.model.gain.is_odd()) {
        answer.flags.push_back({.kind = "no-law", .text = solved.why, .fatal = true});
        return answer;
      }
      if (p.model.clock == Clock::continuous) {
        follow_transient(p, ask, answer);
        return answer;
      }
      std::vector<double> x, phi, slope;
      const std::vector<double> path = variance_path(p.model, p.start * p.start, static_cast<std::size_t>(std::max(0.0, std::floor(ask.times().back()))));
      for (const double t : ask.times()) {
        const GaussianAverages a(p.model.gain, path[static_cast<std::size_t>(t)], 4);
        x.push_back(a.variance());
        phi.push_back(a.square());
        slope.push_back(a.slope());
      }
      const std::vector<Axis> axes{{"t", "1", ask.times()}};
      Giver give(ask, answer);
      give.array("x.variance", axes, x);
      give.array("phi.variance", axes, phi);
      give.array("gain.mean", axes, slope);
      return answer;
    }
    if (!solved.value) {
      refuse(ask, answer, p.model.gain.is_odd() ? "no-stable-state" : "no-law", solved.why, {"x.variance", "phi.variance", "gain.mean", "residual.variance", "participation", "covariance.rms", "half.width"});
      return answer;
    }
    const MeanField& m = *solved.value;
    const double n = static_cast<double>(p.n);
    const MeanField::Participation pr = m.participation();
    answer.why = m.active ? fmt::format("Delta_0 = {}, a = {}", brief(m.x_variance), brief(m.slope)) : "the trivial branch";
    Giver give(ask, answer);
    give.scalar("x.variance", m.x_variance, m.error * m.x_variance);
    give.scalar("phi.variance", m.phi_variance, m.error * m.phi_variance);
    give.scalar("gain.mean", m.slope, m.error);
    give.scalar("residual.variance", m.residual_variance(), m.error * m.phi_variance);
    give.scalar("residual.rms", 0);
    if (m.active) {
      give.scalar("participation", pr.value, pr.error);
      give.scalar("participation.long", m.long_window_participation(), m.error);
      // PR/N = C^2/(C^2 + (N - 1) rms^2): the diagonal does not scatter at leading order.
      give.scalar("covariance.rms", m.phi_variance * std::sqrt((1 / pr.value - 1) / (n - 1)), m.phi_variance * pr.error / pr.value);
    }
    give.scalar("stability", m.model.g * m.slope, m.error);
    if (m.model.clock == Clock::continuous && m.active) give.scalar("half.width", m.half_width, 1e-6 * m.half_width);
    const Axis lags = lag_axis(m.model.clock);
    std::vector<double> x, phi;
    for (const double lag : lags.points) {
      x.push_back(m.x_at(lag));
      phi.push_back(m.phi_at(lag));
    }
    give.array("x.autocovariance", {lags}, x, m.error * m.x_variance + 1e-7);
    give.array("phi.autocovariance", {lags}, phi, m.error * m.phi_variance + 1e-7);
    remark(*instance, answer, true);
    return answer;
  };
  level.equations = [](const Table&, bool latex) -> std::string {
    return latex ? "\\Delta_0 = g^2 \\langle\\phi^2\\rangle + \\sigma^2 \\quad\\text{or}\\quad (1-\\partial_\\tau^2)\\Delta = g^2 C_\\phi + 2\\sigma^2\\delta(\\tau)"
                 : "discrete:   Delta_0 = g^2 <phi^2> + sigma^2\ncontinuous: (1 - d^2/dtau^2) Delta = g^2 C_phi + 2 sigma^2 delta(tau)\naverages over a Gaussian x of variance Delta_0";
  };
  return level;
}

/// linear-equivalent and naive-closure: a covariance matrix of this J.
Level matrix_level(const std::shared_ptr<Instance>& instance, bool naive) {
  Level level;
  if (naive)
    level.info = {.name = "naive-closure",
                  .rung = Rung::moments,
                  .doc = "Gaussian closure of the covariances without the terms between a unit's residual and its field; known to be wrong in continuous time",
                  .parent = "network",
                  .approximation = "residuals of one unit independent of the fields of the others",
                  .source = paper};
  else
    level.info = {.name = "linear-equivalent",
                  .rung = Rung::moments,
                  .doc = "covariance matrix of this J: that of a linear network with the same J, mean slope and drive from mean-field theory",
                  .parent = "network",
                  .approximation = "N -> infinity for the statistics of single units; residuals independent between units",
                  .small_parameter = "1/N",
                  .expected_order = 0.5,
                  .source = paper};
  level.run = [instance, naive](const Ask& ask, Context& context) {
    Answer answer;
    const char* name = naive ? "naive-closure" : "linear-equivalent";
    if (!ask.is_stationary()) {
      only_stationary(ask, answer, name);
      context.progress(1);
      return answer;
    }
    const RateNetwork& p = instance->p;
    const auto names = {"phi.variance", "participation", "covariance.rms", "match.slope", "match.correlation", "match.agreement", "match.error", "wick.slope", "phi.covariance", "x.covariance", "x.participation"};
    const Solved<MeanField>& solved = instance->mean_field();
    if (!solved.value) {
      refuse(ask, answer, p.model.gain.is_odd() ? "no-stable-state" : "no-law", solved.why, names);
      return answer;
    }
    const MeanField& m = *solved.value;
    const Solved<LinearEquivalent>& linear = instance->linear();
    if (!linear.value) {
      refuse(ask, answer, "no-linear-equivalent", linear.why, names);
      remark(*instance, answer, false);
      return answer;
    }
    const LinearEquivalent own = naive ? naive_closure(instance->couplings(), m) : LinearEquivalent{};
    context.progress(1);
    const LinearEquivalent& l = naive ? own : *linear.value;
    const std::size_t n = p.n;
    Giver give(ask, answer);
    double trace = 0, difference = 0, square = 0;
    for (std::size_t i = 0; i < n; ++i) trace += l.covariance[i + n * i] / static_cast<double>(n);
    give.scalar("phi.variance", trace, l.error * trace);
    give.scalar("stability", linear.value->stability, 1e-4 * linear.value->stability);
    answer.why = fmt::format("a rho(J) = {}", brief(linear.value->stability));
    if (m.active) {
      const double pr = participation_ratio(l.covariance, n) / static_cast<double>(n);
      give.scalar("participation", pr, 2 * l.error * pr);
      const double rms = std::sqrt(pair_statistics(l.covariance, n).square);
      give.scalar("covariance.rms", rms, l.error * rms);
      if (!naive) give.scalar("residual.rms", 0);
      const PairMatch match = naive ? pair_match(l.covariance, linear.value->covariance, n) : PairMatch{1, 1};
      give.scalar("match.slope", match.slope, l.error);
      give.scalar("match.correlation", match.correlation, l.error);
      give.scalar("match.agreement", match.correlation, l.error);
      for (std::size_t i = 0; i < n * n; ++i) {
        const double exact = linear.value->covariance[i];
        difference += (l.covariance[i] - exact) * (l.covariance[i] - exact);
        square += exact * exact;
      }
      give.scalar("match.error", std::sqrt(difference / square), l.error);
      if (!naive) give.scalar("wick.slope", 1);
      give.array("phi.covariance", unit_axes(n), shown(l.covariance, n), l.error * trace);
      if (!naive && (ask.wants("x.covariance") || ask.wants("x.participation"))) {
        const Dense fields = field_covariance(instance->couplings(), m);
        const double dimension = participation_ratio(fields, n) / static_cast<double>(n);
        give.scalar("x.participation", dimension, 2 * l.error * dimension);
        give.array("x.covariance", unit_axes(n), shown(fields, n), l.error * m.x_variance);
      }
      // Two signs that this J is beyond the theory at this N: modes that hardly decay, and more variance than mean-field theory says there is.
      double carried = 0;
      for (std::size_t i = 0; i < n; ++i) carried += linear.value->covariance[i + n * i] / static_cast<double>(n);
      if (linear.value->stability > 0.96 || std::abs(carried / m.phi_variance - 1) > 0.05)
        answer.flags.push_back({.kind = "near-instability", .text = fmt::format("a rho(J) = {} is close to 1 (typical: a g = {}), the mean variance of the linear equivalent is {} where mean-field theory says {}: the covariances of this matrix are carried "
                                                                                "by few slow modes, and the linear equivalent may be far off at N = {}",
                                                                                brief(linear.value->stability), brief(m.slope * m.model.g), brief(carried), brief(m.phi_variance), n)});
      if (ask.portraits)
        answer.portraits.push_back(naive ? matrix_portrait(l.covariance, linear.value->covariance, n, "covariances: naive closure below the diagonal, linear equivalent above")
                                         : matrix_portrait(l.covariance, l.covariance, n, "covariances of the linear equivalent"));
    }
    remark(*instance, answer, false);
    return answer;
  };
  if (!naive)
    level.equations = [](const Table&, bool latex) -> std::string {
      return latex ? "C(\\omega) = N(\\omega)\\,[1-S(\\omega)J]^{-1}[1-S(\\omega)J]^{-\\dagger},\\quad N = C_\\phi(\\omega)\\,(1-g^2|S(\\omega)|^2)"
                   : "C(w) = N(w) [1 - S(w) J]^-1 [1 - S(w) J]^-dagger,  N(w) = C_phi(w) (1 - g^2 |S(w)|^2)\nS(w) = a e^{-i w} (discrete) or a/(1 + i w) (continuous)";
    };
  return level;
}

}  // namespace

const Couplings& Instance::couplings() {
  std::call_once(drawn_, [&] { couplings_ = p.own ? *p.own : draw_couplings(p.law, p.n, Stream(p.realisation, 0, "neuron/couplings")); });
  return couplings_;
}

const std::shared_ptr<const PackedMatrix<float>>& Instance::single() {
  std::call_once(packed_, [&] { single_ = packed(couplings()); });
  return single_;
}

const Solved<MeanField>& Instance::mean_field() {
  std::call_once(solved_, [&] {
    try {
      mean_field_.value = solve_mean_field(p.model);
    } catch (const Error& error) {
      mean_field_.why = error.what();
    }
  });
  return mean_field_;
}

const Solved<LinearEquivalent>& Instance::linear() {
  std::call_once(linear_once_, [&] {
    const Solved<MeanField>& m = mean_field();
    if (!m.value) {
      linear_.why = m.why;
      return;
    }
    try {
      linear_.value = linear_equivalent(couplings(), *m.value);
    } catch (const NumericalBreakdown& error) {
      linear_.why = error.what();
    }
  });
  return linear_;
}

const Structure& Instance::structure() {
  std::call_once(looked_, [&] { structure_ = neuron::structure(couplings()); });
  return structure_;
}

Axis lag_axis(Clock clock) {
  Axis axis{"tau", "1", {}};
  for (int k = 0; k <= (clock == Clock::discrete ? 20 : 40); ++k) axis.points.push_back(clock == Clock::discrete ? k : 0.5 * k);
  return axis;
}

std::vector<Axis> unit_axes(std::size_t n) {
  Axis axis{"i", "unit", {}};
  for (std::size_t k = 1; k <= std::min(n, shown_units); ++k) axis.points.push_back(static_cast<double>(k));
  Axis other = axis;
  other.name = "j";
  return {axis, other};
}

std::vector<double> shown(const Dense& c, std::size_t n) {
  const std::size_t m = std::min(n, shown_units);
  std::vector<double> out(m * m);
  for (std::size_t i = 0; i < m; ++i)
    for (std::size_t j = 0; j < m; ++j) out[i * m + j] = c[i + n * j];
  return out;
}

Portrait matrix_portrait(const Dense& below, const Dense& above, std::size_t n, const std::string& title) {
  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), std::size_t{0});
  // Units along the leading eigenvector of the off-diagonal part, so that a pattern is seen and not noise: those with the largest weights, in order of them.
  std::vector<double> v(n), u(n);
  double norm = 0;
  for (std::size_t i = 0; i < n; ++i) norm = std::max(norm, std::abs(above[i + n * i]));
  for (std::size_t i = 0; i < n; ++i) v[i] = std::cos(1.0 + 2.3 * static_cast<double>(i * i % 1009));
  for (int step = 0; step < 200; ++step) {
    double length = 0;
    std::fill(u.begin(), u.end(), 0.0);
    for (std::size_t j = 0; j < n; ++j)
      for (std::size_t i = 0; i < n; ++i) u[i] += above[i + n * j] * v[j];
    for (const double x : u) length += x * x;
    if (!(length > 0)) break;
    for (std::size_t i = 0; i < n; ++i) v[i] = u[i] / std::sqrt(length);
  }
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return std::abs(v[a]) > std::abs(v[b]); });
  order.resize(std::min(n, shown_units));
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return v[a] < v[b]; });
  const std::size_t m = order.size();
  Portrait out{.name = "covariances", .title = title, .unit = "covariance of phi", .axes = unit_axes(m), .value = std::vector<double>(m * m, 0.0), .categories = {}};
  out.axes[0].unit = out.axes[1].unit = "rank in the leading mode";
  for (std::size_t i = 0; i < m; ++i)
    for (std::size_t j = 0; j < m; ++j)
      if (i != j) out.value[i * m + j] = (i < j ? below : above)[order[i] + n * order[j]];
  return out;
}

void check(const RateNetwork& p, const std::string& owner) {
  if (p.n < 2) throw ParameterError(fmt::format("{}: N = {}; covariances need at least 2 units", owner, p.n));
  if (p.model.clock == Clock::continuous && !(p.dt > 0 && p.dt <= largest_step))
    throw ParameterError(fmt::format("{}: dt = {}; the step is above 0 and at most {} membrane time constants", owner, exact(p.dt), brief(largest_step)));
  if (!p.own) {
    if (p.law.symmetry != 0 && p.law.kind != CouplingLaw::Kind::gaussian)
      throw ParameterError(fmt::format("{}: symmetry = {}: only Gaussian couplings are drawn with a symmetric part; use couplings = gaussian or symmetry = 0", owner, exact(p.law.symmetry)));
    if (!(p.law.connectivity > 0)) throw ParameterError(fmt::format("{}: connectivity = {}: a fraction of couplings above 0 and at most 1", owner, exact(p.law.connectivity)));
  }
}

std::vector<std::string> notes(const RateNetwork& p) {
  std::vector<std::string> out;
  if (!p.model.gain.is_odd()) out.push_back(fmt::format("the gain '{}' is not odd: 'network' subtracts means over time, mean-field theory is not offered", p.model.gain.text()));
  if (p.own) out.push_back(fmt::format("own coupling matrix of {} units: root mean square of a row's length g = {}", p.n, brief(p.model.g)));
  return out;
}

std::vector<ObservableInfo> observables(const RateNetwork& p) {
  const bool flow = p.model.clock == Clock::continuous;
  std::vector<ObservableInfo> all{
      {"phi.variance", "1", "(1/N) sum_i var phi(x_i): over time, each unit's lasting mean subtracted (as the product of its means over two halves of the window; stationary), or (1/N) sum_i <phi_i^2> over starts and noise (at times t)"},
      {"x.variance", "1", "the same of x: Delta_0 of mean-field theory"},
      {"gain.mean", "1", "(1/N) sum_i <phi'(x_i)>: the mean slope a", {}, false},
      {"participation", "1", "participation ratio over N of the covariance matrix S at equal times: (Tr S)^2/(N Tr S^2); measured without the bias of finite windows from two halves, Tr S_1 Tr S_2/(N Tr S_1 S_2)"},
      {"covariance.rms", "1", "root mean square of S_ij over pairs i < j; measured from the products of two halves", {}, false},
      {"match.slope", "1", "slope of the regression of this level's S_ij on the linear equivalent's, i < j, same J"},
      {"match.agreement", "1", "their correlation freed from sampling noise: cov(S, L)/(cov(S_1, S_2) var L)^(1/2) over pairs i < j"},
      {"match.correlation", "1", "their plain correlation, one trajectory's window", {}, false},
      {"match.ceiling", "1", "what sampling noise leaves of a perfect match.correlation: (2r/(1 + r))^(1/2) with r the correlation between halves", {}, false},
      {"match.error", "1", "|S - L|/|L| (Frobenius), L of the linear equivalent; measured without sampling noise from two halves", {}, false},
      {"residual.variance", "1", "variance of the residuals xi_i = phi_i - a x_i, a of mean-field theory", {}, false},
      {"residual.rms", "1", "root mean square of the covariances of xi_i and xi_j, i < j; from the products of two halves (0 where their mean is negative)", {}, false},
      {"wick.slope", "1", "slope of <phi_i phi_j phi_k phi_l> on the sum of Wick pairings of the linear equivalent, over quadruples of 160 pairs drawn at random", {}, false},
      {"phi.covariance", "1", fmt::format("covariance matrix of phi, the first {} units", std::min(p.n, shown_units)), {}, false},
      {"x.covariance", "1", "the same of x", {}, false},
      {"x.participation", "1", "participation ratio over N of the covariance matrix of x", {}, false},
      {"phi.autocovariance", "1", "(1/N) sum_i cov(phi_i(t), phi_i(t + tau))", {}, false},
      {"x.autocovariance", "1", "the same of x: Delta(tau)", {}, false},
      {"stability", "1", "a rho(J): spectral radius of J times the mean slope; mean-field theory: a g. The linear equivalent exists below 1", {}, false},
      {"participation.long", "1", "participation ratio over N of activity averaged over long windows, (1 - g^2 a^2)^2 for typical J", {}, false},
  };
  if (flow) all.push_back({"half.width", "1", "lag at which Delta(tau) has fallen to one half", {}, false});
  return all;
}

std::vector<Level> ladder(const RateNetwork& problem) {
  const auto instance = std::make_shared<Instance>(problem);
  return {network_level(instance), matrix_level(instance, false), matrix_level(instance, true), dmft_level(instance)};
}

}  // namespace meso::neuron
