#include "kits/kinetics/moment_level.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "kits/kinetics/observables.h"
#include "kits/kinetics/rate_equation.h"
#include "kits/kinetics/steady_state.h"

namespace meso::kinetics {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
using Kind = ObservableName::Kind;

// k-th cumulant of species a of the network: cumulants are multilinear, n_a = const + sum_c map_c n_c.
double cumulant_of(const MomentModel& m, std::span<const double> z, std::size_t a, int k) {
  const std::size_t n = m.flow.species();
  const MultiIndexSet& set = m.flow.set();
  double factorial_k = 1, sum = 0;
  for (int j = 2; j <= k; ++j) factorial_k *= j;
  for (std::size_t p = set.size_up_to(k - 1); p < set.size_up_to(k); ++p) {
    double weight = factorial_k / factorial(set[p]);
    for (std::size_t c = 0; c < n; ++c)
      for (int j = 0; j < set[p][c]; ++j) weight *= m.reduced.map[a * n + c];
    if (weight != 0) sum += weight * m.flow.volume() * z[p];
  }
  return sum;
}

double evaluate(const MomentModel& m, const ObservableName& o, std::span<const double> z) {
  switch (o.kind) {
    case Kind::mean: return mean_of(m.flow, z, m.reduced, o.a);
    case Kind::variance: return covariance_of(m.flow, z, m.reduced, o.a, o.a);
    case Kind::covariance: return covariance_of(m.flow, z, m.reduced, o.a, o.b);
    case Kind::cumulant3: return cumulant_of(m, z, o.a, 3);
    case Kind::cumulant4: return cumulant_of(m, z, o.a, 4);
    case Kind::fano: return covariance_of(m.flow, z, m.reduced, o.a, o.a) / mean_of(m.flow, z, m.reduced, o.a);
    case Kind::cv: return std::sqrt(covariance_of(m.flow, z, m.reduced, o.a, o.a)) / mean_of(m.flow, z, m.reduced, o.a);
    case Kind::distribution: break;
  }
  return nan;
}

// First-order bound of an observable from the bounds of the variables.
double evaluate_bound(const MomentModel& m, const ObservableName& o, std::span<const double> z, std::span<const double> bound, double value) {
  double sum = 0;
  std::vector<double> shifted(z.begin(), z.end());
  for (std::size_t p = 0; p < shifted.size(); ++p) {
    if (bound[p] == 0) continue;
    shifted[p] = z[p] + bound[p];
    const double up = std::abs(evaluate(m, o, shifted) - value);
    shifted[p] = z[p] - bound[p];
    const double down = std::abs(evaluate(m, o, shifted) - value);
    sum += std::fmax(up, down);
    shifted[p] = z[p];
  }
  return sum;
}

// What a fault of these species touches.
bool touches(const Unphysical& fault, const ObservableName& o) {
  const bool hit = std::find(fault.species.begin(), fault.species.end(), o.a) != fault.species.end() ||
                   (o.kind == Kind::covariance && std::find(fault.species.begin(), fault.species.end(), o.b) != fault.species.end());
  if (!hit) return false;
  const bool second_order = o.kind == Kind::variance || o.kind == Kind::fano || o.kind == Kind::cv;
  if (fault.kind == "negative-mean") return o.kind == Kind::mean || o.kind == Kind::fano || o.kind == Kind::cv;
  if (fault.kind == "negative-variance") return second_order;
  return second_order || o.kind == Kind::covariance;
}

struct Asked {
  ObservableName what;
  Estimate estimate;
};

// Those of the asked observables that moments up to the flow's order give.
std::vector<Asked> asked_of(const MomentModel& m, const Ask& ask, const std::vector<Axis>& axes) {
  std::vector<Asked> result;
  for (const std::string& name : ask.observables) {
    const auto what = parse_observable(m.network, name);
    if (!what || what->kind == Kind::distribution || what->order() > m.flow.order()) continue;
    Estimate e;
    e.observable = name;
    e.unit = observable_info(m.network, name)->unit;
    e.axes = axes;
    result.push_back({*what, std::move(e)});
  }
  return result;
}

// Margin index (steady_state.h) to the fault it stands for.
Unphysical fault_of(const MomentModel& m, const OdeEvent& event) {
  const std::size_t all = m.reduced.all_species.size();
  if (event.index < all) return {"negative-mean", {event.index}, fmt::format("<{}>", m.reduced.all_species[event.index])};
  if (event.index < 2 * all) return {"negative-variance", {event.index - all}, fmt::format("Var({})", m.reduced.all_species[event.index - all])};
  Unphysical u{"covariance-not-psd", {}, "the smallest eigenvalue of the covariance matrix"};
  for (std::size_t a = 0; a < all; ++a)
    if (std::any_of(&m.reduced.map[a * m.flow.species()], &m.reduced.map[(a + 1) * m.flow.species()], [](double c) { return c != 0; })) u.species.push_back(a);
  return u;
}

void flag_unrealisable(const MomentModel& m, const Ask& ask, std::span<const double> z, std::optional<double> t, std::vector<bool>& said, Answer& answer) {
  if (m.flow.order() < 2) return;
  for (std::size_t a = 0; a < m.reduced.all_species.size(); ++a) {
    const std::string name = m.reduced.all_species[a];
    if (said[a] || !(ask.wants(name + ".variance") || ask.wants(name + ".fano") || ask.wants(name + ".cv"))) continue;
    const double mean = mean_of(m.flow, z, m.reduced, a), variance = covariance_of(m.flow, z, m.reduced, a, a), f = mean - std::floor(mean);
    if (!(mean > 0) || variance < 0 || variance >= f * (1 - f) - 1e-6) continue;
    said[a] = true;
    answer.flags.push_back({"not-realisable", name + ".variance", t ? std::map<std::string, double>{{"t", *t}} : std::map<std::string, double>{},
                            fmt::format("Var({}) = {} < f(1-f) = {} with f the fractional part of <{}> = {}: no law on the natural numbers has these{}", name, brief(variance),
                                        brief(f * (1 - f)), name, brief(mean), t ? " (t = " + brief(*t) + ")" : "")});
  }
}

SteadyState steady_state_of(const MomentModel& m, const Ask& ask, const FixedPoint& point, bool reached) {
  SteadyState state;
  state.reached = reached;
  state.stable = point.stable;
  state.physical = point.physical;
  state.eigenvalues = point.eigenvalues;
  const auto put = [&](const std::string& name) {
    const auto what = parse_observable(m.network, name);
    if (what && what->kind != Kind::distribution && what->order() <= m.flow.order()) state.value[name] = evaluate(m, *what, point.z);
  };
  for (const std::string& species : m.network.species) {
    put(species + ".mean");
    put(species + ".variance");
  }
  for (const std::string& name : ask.observables) put(name);
  return state;
}

// "X.mean = 26.48, Y.mean = 3" of a state.
std::string means_text(const MomentModel& m, const FixedPoint& point) {
  std::vector<std::string> parts;
  for (std::size_t a = 0; a < m.network.species.size(); ++a)
    parts.push_back(fmt::format("{}.mean = {}", m.network.species[a], brief(mean_of(m.flow, point.z, m.reduced, a))));
  return join(parts);
}

void answer_times(const MomentModel& m, const Ask& ask, Context& context, Answer& answer) {
  const std::vector<double>& times = ask.times();
  const std::size_t n = m.flow.size(), points = times.size();
  std::vector<Asked> asked = asked_of(m, ask, {{"t", m.network.time_unit, times}});
  if (asked.empty()) return;

  OdeProblem problem = m.flow.problem();
  problem.n_events = n_margins(m.flow, m.reduced);
  problem.events = [&](double, std::span<const double> z, std::span<double> g) { margins(m.flow, z, m.reduced, g); };
  std::vector<double> z0 = m.flow.start(m.reduced.initial);
  if (m.network.random_start())  // independent laws: the cumulants of each species alone
    for (std::size_t k = 0; k < m.flow.species(); ++k) {
      const std::vector<double> kappa = m.network.start_laws[m.reduced.position[k]].cumulants();
      for (int order = 1; order <= std::min(m.flow.order(), 4); ++order) {
        MultiIndex index(m.flow.species(), 0);
        index[k] = order;
        z0[m.flow.set().find(index)] = kappa[static_cast<std::size_t>(order - 1)] / m.flow.volume();
      }
    }
  double largest = 1 / m.flow.volume();
  for (const double v : z0) largest = std::max(largest, v);
  std::vector<double> divergence(n);
  for (std::size_t p = 0; p < n; ++p) {
    const int degree = m.flow.set().degree_of(p);
    divergence[p] = std::pow(1e12 * (1 + largest), degree) * std::pow(std::max(1.0, m.flow.volume()), degree - 1);  // honest exponential growth stays far below
  }

  const double target = ask.target_error > 0 ? ask.target_error : 1e-6;
  double relative = std::clamp(1e-3 * target, 1e-10, 1e-6);
  BoundedOdeSolution solved;
  for (int round = 0; round < 4; ++round) {
    context.progress(0.2 * round);
    OdeOptions options{.relative = relative, .absolute = {relative * 1e-2 * std::min(1.0, 1 / m.flow.volume())}, .divergence = divergence};
    solved = integrate_with_bound(problem, z0, 0, times, options);
    double worst = 0;
    for (Asked& a : asked) {
      a.estimate.value.assign(points, nan);
      a.estimate.error_bound.assign(points, nan);
      a.estimate.exact.assign(points, 0.0);
      double peak = 0, bound = 0;
      for (std::size_t i = 0; i < solved.solution.reached; ++i) {
        const std::span<const double> z{&solved.solution.path[i * n], n}, b{&solved.bound[i * n], n};
        a.estimate.value[i] = evaluate(m, a.what, z);
        const bool initial = times[i] == 0 && !m.network.random_start();
        a.estimate.exact[i] = initial ? 1 : 0;
        a.estimate.error_bound[i] = initial ? 0 : evaluate_bound(m, a.what, z, b, a.estimate.value[i]);
        peak = std::fmax(peak, std::abs(a.estimate.value[i]));
        bound = std::fmax(bound, a.estimate.error_bound[i]);
      }
      if (peak > 0) worst = std::fmax(worst, bound / peak);
    }
    if (solved.solution.status == OdeStatus::step_collapse && relative < 1e-8) {
      relative = 1e-7;  // perhaps the tolerance asked for more digits than there are
      continue;
    }
    if (worst <= target || relative <= 1e-10) break;
    relative = std::max(relative / 100, 1e-10);
  }

  const OdeSolution& s = solved.solution;
  for (const OdeEvent& event : s.events) {
    const Unphysical fault = fault_of(m, event);
    std::string text = fmt::format("{} falls below 0 at t = {}", fault.text, brief(event.t));
    for (std::size_t i = 0; i < s.reached; ++i) {
      if (times[i] <= event.t) continue;
      for (const Unphysical& u : unphysical(m.flow, {&s.path[i * n], n}, m.reduced))
        if (u.kind == fault.kind && (u.species == fault.species || u.kind == "covariance-not-psd")) text += fmt::format("; {} at t = {}", u.text, brief(times[i]));
      break;
    }
    for (Asked& a : asked) {
      if (!touches(fault, a.what)) continue;
      answer.flags.push_back({fault.kind, a.estimate.observable, {{"t", event.t}}, m.label + ": " + text, true});
      for (std::size_t i = 0; i < points; ++i)
        if (times[i] > event.t) a.estimate.value[i] = a.estimate.error_bound[i] = nan;
    }
  }
  if (s.status != OdeStatus::done) {
    double size0 = largest, size = 0;
    for (std::size_t k = 0; k < m.flow.species(); ++k) size = std::max(size, std::abs(s.last[k]));
    const bool diverged = s.status == OdeStatus::diverged || (s.status == OdeStatus::step_collapse && size > 1e4 * (1 + size0));
    const std::string text = diverged ? fmt::format("{}: the equations diverge at t = {}", m.label, brief(s.t, 5))
                             : s.status == OdeStatus::too_many_steps
                                 ? fmt::format("{}: gave up at t = {} after {} steps", m.label, brief(s.t, 5), with_commas(s.steps))
                                 : fmt::format("{}: the step size collapses at t = {}", m.label, brief(s.t, 5));
    answer.flags.push_back({diverged ? "diverged" : "step-collapse", "", {{"t", s.t}}, text, true});
  }
  std::vector<bool> said(m.reduced.all_species.size(), false);
  for (std::size_t i = 0; i < s.reached; ++i)
    if (times[i] > 0) flag_unrealisable(m, ask, {&s.path[i * n], n}, times[i], said, answer);
  for (Asked& a : asked) answer.estimates.push_back(std::move(a.estimate));
}

void answer_stationary(const MomentModel& m, const Ask& ask, Context& context, Answer& answer) {
  std::vector<Asked> asked = asked_of(m, ask, {});
  if (asked.empty()) return;
  for (Asked& a : asked) {
    a.estimate.value = {nan};
    a.estimate.error_bound = {nan};
  }
  const auto finish = [&] {
    for (Asked& a : asked) answer.estimates.push_back(std::move(a.estimate));
  };
  if (m.reduced.time_dependent) {
    answer.flags.push_back({"no-stable-state", "", {}, m.label + ": the rates depend on time, so there is no stationary state", true});
    return finish();
  }
  const auto between = [&] { context.progress(0.5); };
  const Relaxation reached = relax(m.flow, m.flow.start(m.reduced.initial), m.reduced, {.between = between});

  std::vector<std::vector<double>> seeds{m.reduced.initial};
  if (m.flow.order() > 1) {
    const Flow rate = rate_equation_flow(reduce(m.network, Convention::macroscopic));
    for (const FixedPoint& point : rate_equation_states(rate, reduce(m.network, Convention::macroscopic), m.reduced.initial)) {
      seeds.emplace_back();
      for (std::size_t s = 0; s < rate.species(); ++s) seeds.back().push_back(rate.volume() * point.z[s]);
    }
  }
  std::vector<FixedPoint> known;
  const bool settled = reached.outcome == Relaxation::Outcome::settled;
  if (settled) known.push_back(reached.state);
  const std::vector<FixedPoint> states = stable_states(m.flow, known, seeds, m.reduced, between);
  for (std::size_t k = 0; k < states.size(); ++k) answer.steady_states.push_back(steady_state_of(m, ask, states[k], settled && k == 0));

  std::string others;  // for messages
  for (std::size_t k = settled ? 1 : 0; k < states.size(); ++k) others += (others.empty() ? "" : "; ") + means_text(m, states[k]);
  switch (reached.outcome) {
    case Relaxation::Outcome::settled: break;
    case Relaxation::Outcome::oscillates: {
      std::vector<std::string> ranges;
      for (std::size_t s = 0; s < m.flow.species(); ++s)
        ranges.push_back(fmt::format("<{}> between {} and {}", m.reduced.species[s], brief(m.flow.volume() * reached.low[s]), brief(m.flow.volume() * reached.high[s])));
      answer.flags.push_back({"undamped-oscillation", "", {{"t", reached.t}},
                              fmt::format("{}: the means oscillate for ever from this initial condition, {}{}", m.label, join(ranges),
                                          m.is_closure ? "; those of the master equation relax" : ""), true});
      break;
    }
    case Relaxation::Outcome::diverged:
      answer.flags.push_back({"diverged", "", {{"t", reached.t}}, fmt::format("{}: the equations diverge at t = {}", m.label, brief(reached.t, 5)), true});
      break;
    case Relaxation::Outcome::collapsed:
      answer.flags.push_back({"step-collapse", "", {{"t", reached.t}}, fmt::format("{}: the step size collapses at t = {}", m.label, brief(reached.t, 5)), true});
      break;
    case Relaxation::Outcome::drifts:
      answer.flags.push_back({"no-stable-state", "", {{"t", reached.t}}, fmt::format("{}: nothing stationary is reached until t = {}{}", m.label, brief(reached.t), reached.message.empty() ? "" : ": " + reached.message), true});
      break;
  }
  for (const OdeEvent& event : reached.passages) {
    const Unphysical fault = fault_of(m, event);
    answer.flags.push_back({"note", "", {{"t", event.t}}, fmt::format("{}: {} fell below 0 on the way, at t = {}", m.label, fault.text, brief(event.t))});
  }
  if (!settled) {
    if (!others.empty())
      answer.flags.push_back({"note", "", {}, fmt::format("{}: a stable physical state exists ({}), but not from this initial condition", m.label, others)});
    else if (reached.outcome != Relaxation::Outcome::drifts)
      answer.flags.push_back({"no-stable-state", "", {}, m.label + ": no stable physical state was found", true});
    return finish();
  }

  const FixedPoint& state = reached.state;
  for (Asked& a : asked) {
    const double value = evaluate(m, a.what, state.z);
    a.estimate.value = {value};
    a.estimate.error_bound = {evaluate_bound(m, a.what, state.z, state.bound, value)};
  }
  for (const Unphysical& fault : unphysical(m.flow, state.z, m.reduced)) {
    for (Asked& a : asked) {
      if (!touches(fault, a.what)) continue;
      answer.flags.push_back({fault.kind, a.estimate.observable, {}, fmt::format("{}: {} in the stationary state", m.label, fault.text), true});
      a.estimate.value = a.estimate.error_bound = {nan};
    }
  }
  const bool reached_physical = state.physical;
  if (!others.empty() && reached_physical) {
    answer.flags.push_back({"several-stable-states", "", {},
                            fmt::format("{}: {} stable physical states, {} (reached from this initial condition); {}: {}", m.label, states.size(), means_text(m, state), others,
                                        m.is_closure ? "the master equation has one stationary law" : "a stationary mean is not defined by them"), true});
  } else if (!reached_physical) {
    if (others.empty()) answer.flags.push_back({"no-stable-state", "", {}, m.label + ": no stable physical state was found", true});
    else answer.flags.push_back({"note", "", {}, fmt::format("{}: a stable physical state exists ({}), but not from this initial condition", m.label, others)});
  }
  std::vector<bool> said(m.reduced.all_species.size(), false);
  flag_unrealisable(m, ask, state.z, std::nullopt, said, answer);
  finish();
}

}  // namespace

double value_of(const MomentModel& model, const ObservableName& observable, std::span<const double> z) { return evaluate(model, observable, z); }

Answer constant_answer(const Network& network, const Ask& ask) {
  Answer answer;
  std::vector<Axis> axes;
  if (!ask.is_stationary()) axes.push_back({"t", network.time_unit, ask.times()});
  const std::size_t points = ask.is_stationary() ? 1 : ask.times().size();
  for (const std::string& name : ask.observables) {
    const auto what = parse_observable(network, name);
    if (!what || what->kind == Kind::distribution) continue;
    const double value = what->kind == Kind::mean ? static_cast<double>(network.initial[what->a]) : 0.0;
    answer.estimates.push_back(solved_estimate(name, observable_info(network, name)->unit, axes, std::vector<double>(points, value), std::vector<double>(points, 0.0)));
    answer.estimates.back().exact.assign(points, 1.0);
  }
  answer.why = "nothing ever changes";
  return answer;
}

Answer answer_by_moments(const MomentModel& model, const Ask& ask, Context& context) {
  Answer answer;
  answer.why = fmt::format("{} equation{}", model.flow.size(), model.flow.size() == 1 ? "" : "s");
  if (ask.is_stationary()) answer_stationary(model, ask, context, answer);
  else answer_times(model, ask, context, answer);
  context.progress(1);
  return answer;
}

}  // namespace meso::kinetics
