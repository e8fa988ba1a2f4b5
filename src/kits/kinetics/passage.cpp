#include "kits/kinetics/passage.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <memory>

#include "base/error.h"
#include "base/text.h"
#include "kits/kinetics/condition.h"

namespace meso::kinetics {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity(), nan = std::numeric_limits<double>::quiet_NaN();
using Kind = PassageName::Kind;
constexpr std::array<std::pair<const char*, Kind>, 5> words{
    {{"probability", Kind::probability}, {"restricted-mean", Kind::restricted_mean}, {"conditional-mean", Kind::conditional_mean}, {"mean", Kind::mean}, {"variance", Kind::variance}}};

bool is_number(Kind kind) { return kind == Kind::mean || kind == Kind::variance; }

struct Asked {
  std::string name, unit;
  PassageName what;
  std::size_t event = 0;  ///< index into the distinct events
};

/// What of the ask is about passages, with the distinct events in their order.
std::vector<Asked> asked_of(const Network& network, const Ask& ask, std::vector<PassageName>& events) {
  std::vector<Asked> asked;
  if (ask.is_stationary()) return asked;
  for (const std::string& name : ask.observables) {
    const auto what = parse_passage(network, name);
    if (!what || std::any_of(asked.begin(), asked.end(), [&](const Asked& a) { return a.name == name; })) continue;
    std::size_t event = 0;
    while (event < events.size() && events[event].event != what->event) ++event;
    if (event == events.size()) events.push_back(*what);
    asked.push_back({name, passage_info(network, name)->unit, *what, event});
  }
  return asked;
}

/// The estimate at its last time, as a number.
Estimate at_the_end(const Estimate& path) {
  Estimate e = path;
  const std::size_t n = path.size(), last = n - 1;
  e.axes.clear();
  const auto keep = [&](std::vector<double>& values) {
    if (!values.empty()) values = {values[last]};
  };
  for (std::vector<double>* values : {&e.value, &e.std_error, &e.error_bound, &e.skewness, &e.no_variation, &e.signal_range, &e.exact}) keep(*values);
  if (path.batches) {
    e.batches->replicate.clear();
    for (std::size_t b = 0; b < path.batches->count(); ++b) e.batches->replicate.push_back(path.batches->replicate[b * n + last]);
  }
  return e;
}

std::string advice(const std::string& event) { return fmt::format("ask for later times, or for {0}.probability, {0}.restricted-mean or {0}.conditional-mean", event); }

}  // namespace

std::optional<PassageName> parse_passage(const Network& network, const std::string& name) {
  const std::vector<std::string> parts = split(name, '.');
  if (parts.size() != 3) return std::nullopt;
  for (const auto& [word, kind] : words) {
    if (parts[2] != word) continue;
    if (parts[1] == "extinction" && std::find(network.species.begin(), network.species.end(), parts[0]) != network.species.end())
      return PassageName{kind, parts[0] + ".extinction", Formula::call("le", {Formula::variable(parts[0]), Formula::constant(0)})};
    if (parts[1] == "passage")
      for (const Passage& passage : network.passages)
        if (passage.name == parts[0]) return PassageName{kind, parts[0] + ".passage", passage.condition};
  }
  return std::nullopt;
}

std::optional<ObservableInfo> passage_info(const Network& network, const std::string& name) {
  const auto what = parse_passage(network, name);
  if (!what) return std::nullopt;
  ObservableInfo info;
  info.name = name;
  info.by_default = false;
  const bool extinction = what->event.ends_with(".extinction");
  const std::string when = extinction ? fmt::format("there are no molecules of {}", split(name, '.')[0]) : fmt::format("{} holds", what->condition.text());
  const std::string time = fmt::format("T, the first time at which {}", when);
  const std::string unit = network.time_unit;
  switch (what->kind) {
    case Kind::probability:
      info.unit = "1";
      info.doc = fmt::format("P(T <= t) of {}", time);
      break;
    case Kind::restricted_mean:
      info.unit = unit;
      info.doc = fmt::format("<min(T, t)> of {}", time);
      break;
    case Kind::conditional_mean:
      info.unit = unit;
      info.doc = fmt::format("<T | T <= t> of {}; undefined where the probability is zero", time);
      break;
    case Kind::mean:
      info.unit = unit;
      info.doc = fmt::format("mean of {}; known only if all trajectories arrive by the last time", time);
      break;
    case Kind::variance:
      info.unit = unit;
      if (unit != "1") info.unit += "^2";
      info.doc = fmt::format("variance of {}; known only if all trajectories arrive by the last time", time);
      break;
  }
  return info;
}

std::vector<Passage> bind_passages(const NetworkSpec& spec, const std::map<std::string, double>& numbers) {
  std::vector<Passage> passages;
  for (const auto& [name, text] : spec.passages) {
    const std::string what = fmt::format("passage '{}'", name);
    if (name.empty() || name.find('.') != std::string::npos) throw ModelError(what + ": a name is one word without '.'");
    Formula condition = Formula::constant(0);
    try {
      condition = parse_condition(text).substitute(numbers);
    } catch (const ModelError& error) {
      throw ModelError(fmt::format("{}: {}", what, error.what()));
    }
    std::vector<std::string> known = spec.species;
    for (const auto& [constant, value] : spec.constants) known.push_back(constant);
    for (const std::string& variable : condition.variables()) {
      if (variable == "t") throw ModelError(fmt::format("{}: '{}' depends on the time t; a passage is a condition of the state", what, text));
      if (std::find(spec.species.begin(), spec.species.end(), variable) == spec.species.end())
        throw ModelError(fmt::format("{}: unknown name '{}' in '{}'.{}\n  known: {}", what, variable, text, did_you_mean(variable, known), join(known)));
    }
    passages.push_back({name, condition});
  }
  return passages;
}

void add_passages(const Watched& watched, const Ask& ask, Context& context, Answer& answer) {
  std::vector<PassageName> events;
  const std::vector<Asked> asked = asked_of(watched.names, ask, events);
  if (asked.empty() || ask.times().empty()) return;
  if (!watched.run) {
    for (const Asked& a : asked)
      answer.flags.push_back({.kind = "not-offered", .observable = a.name,
                              .text = fmt::format("{} is not given: a passage within a leap, or while a quantity moves with the time, would not be seen. Levels that see every reaction: ssa, next-reaction; fsp has it without trajectories", a.name)});
    return;
  }
  const std::vector<double>& times = ask.times();
  std::vector<Program> conditions;
  for (const PassageName& event : events) conditions.emplace_back(event.condition, watched.names->species);

  // Per event: has arrived, min(T, t), T and T^2 of those that have. A stopped trajectory that has not arrived is unknown from there on.
  Plan plan;
  plan.axes.push_back({"t", watched.names->time_unit, times});
  const double end = times.back();
  for (const PassageName& event : events) {
    plan.signals.push_back({.name = event.event + " arrived", .lo = 0, .hi = 1});
    plan.signals.push_back({.name = event.event + " min(T, t)", .lo = 0, .hi = end});
    plan.signals.push_back({.name = event.event + " T if arrived", .lo = 0, .hi = end});
    plan.signals.push_back({.name = event.event + " T^2 if arrived", .lo = 0, .hi = end * end});
  }
  const std::size_t runaway = plan.signals.size();
  plan.signals.push_back({.name = "runaway", .lo = 0, .hi = 1});
  for (const Asked& a : asked) {
    const std::size_t first = 4 * a.event;
    Derived d{.observable = a.name, .unit = a.unit};
    switch (a.what.kind) {
      case Kind::probability: d.signals = {first}; break;
      case Kind::restricted_mean: d.signals = {first + 1}; break;
      case Kind::mean: d.signals = {first + 2}; break;  // of all, once all have arrived
      case Kind::conditional_mean:
        d.signals = {first, first + 2};
        d.f = [](std::span<const double> m) { return m[1] / m[0]; };
        break;
      case Kind::variance:
        d.signals = {first + 2, first + 3};
        d.f = [](std::span<const double> m) { return m[1] - m[0] * m[0]; };
        break;
    }
    const bool at_start_known = !watched.random_start && (a.what.kind == Kind::probability || a.what.kind == Kind::restricted_mean);
    for (const double t : times) d.exact.push_back(at_start_known && t == 0 ? 1 : 0);
    plan.derived.push_back(std::move(d));
  }

  const std::uint64_t seed = context.seed();
  const std::string purpose = context.purpose();
  const EnsembleResult result = context.ensemble("passage", plan, watched.grain(), one_by_one([&, seed, purpose](std::uint64_t id, Tape& tape) {
    std::vector<double> arrival(events.size(), infinity);
    std::size_t open = events.size();
    const SsaResult path = watched.run(seed, purpose, id, end, false, [&](double t, std::span<const double> x) {
      for (std::size_t e = 0; e < events.size(); ++e)
        if (arrival[e] == infinity && conditions[e](x) != 0) {
          arrival[e] = t;
          --open;
        }
      return open == 0;
    });
    for (std::size_t i = 0; i < times.size(); ++i) {
      const bool lost = path.runaway && times[i] > path.t;
      tape.record(runaway, i, lost && open > 0 ? 1 : 0);
      for (std::size_t e = 0; e < events.size(); ++e) {
        const double T = arrival[e], here = T <= times[i] ? 1 : 0;
        const bool unknown = lost && T == infinity;
        tape.record(4 * e, i, unknown ? nan : here);
        tape.record(4 * e + 1, i, unknown ? nan : std::min(T, times[i]));
        tape.record(4 * e + 2, i, unknown ? nan : here != 0 ? T : 0);
        tape.record(4 * e + 3, i, unknown ? nan : here != 0 ? T * T : 0);
      }
    }
  }));

  const std::size_t stride = plan.signals.size();
  const auto mean = [&](std::size_t signal, std::size_t i) { return result.signal_mean[i * stride + signal]; };
  const std::size_t last = times.size() - 1;
  for (const Estimate& estimate : result.estimates) {
    const auto a = std::find_if(asked.begin(), asked.end(), [&](const Asked& one) { return one.name == estimate.observable; });
    if (!is_number(a->what.kind)) {
      answer.estimates.push_back(estimate);
      continue;
    }
    Estimate number = at_the_end(estimate);
    const double arrived = mean(4 * a->event, last);
    if (!(arrived > 1 - 0.5 / static_cast<double>(result.trajectories))) {
      for (std::vector<double>* values : {&number.value, &number.std_error}) values->assign(1, nan);
      if (number.batches) std::fill(number.batches->replicate.begin(), number.batches->replicate.end(), nan);
      const double t_mean = mean(4 * a->event + 2, last) / arrived;
      std::string seen = arrived > 0 ? fmt::format("; of those that have, the mean time is {}", brief(t_mean, 4)) : "";
      answer.flags.push_back({.kind = "censored", .observable = a->name,
                              .text = fmt::format("{} % of {} trajectories have not arrived by t = {}, so that it is not known{}. To know more, {}", brief(100 * (1 - arrived), 3), with_commas(result.trajectories),
                                                  brief(end, 6), seen, advice(a->what.event)),
                              .fatal = true});
    }
    answer.estimates.push_back(std::move(number));
  }
  for (std::size_t i = 0; i < times.size(); ++i)
    if (const double share = mean(runaway, i); share > 0) {
      answer.flags.push_back({.kind = "diverged", .where = {{"t", times[i]}},
                              .text = fmt::format("{} % of the trajectories were stopped before t = {} and had not arrived: counts of an explosive network, or the limit of events (max-events)", brief(100 * share, 3), brief(times[i], 6)),
                              .fatal = true});
      break;
    }
}

namespace {

/// P(T <= t) at some times, and what of it is not known.
struct Arrival {
  std::vector<double> probability, lost;
  std::optional<double> truncated_at;
  std::size_t states = 0;
  bool certified = true;
};

// Gauss-Legendre on [0, 1], 8 points.
constexpr std::array<double, 8> gauss_x{0.019855071751231884, 0.10166676129318664, 0.2372337950418355, 0.4082826787521751, 0.5917173212478249, 0.7627662049581645, 0.8983332387068134, 0.9801449282487681};
constexpr std::array<double, 8> gauss_w{0.05061426814518813, 0.11119051722668724, 0.15685332293894363, 0.1813418916891810, 0.1813418916891810, 0.15685332293894363, 0.11119051722668724, 0.05061426814518813};

}  // namespace

void add_passages(const MasterEquation& equation, const Ask& ask, const FspOptions& options, Answer& answer) {
  const Network& network = equation.network();
  std::vector<PassageName> events;
  const std::vector<Asked> asked = asked_of(network, ask, events);
  if (asked.empty() || ask.times().empty()) return;
  const std::vector<double>& times = ask.times();
  for (std::size_t e = 0; e < events.size(); ++e) {
    const auto condition = std::make_shared<const Program>(events[e].condition, network.species);
    const auto arrived = [condition](std::span<const std::int32_t> state) {
      thread_local std::vector<double> x;
      x.assign(state.begin(), state.end());
      return (*condition)(x) != 0;
    };
    MasterEquation absorbing(network);
    absorbing.absorb(arrived);
    const auto arrival_at = [&](const std::vector<double>& at) {
      Arrival a;
      const FspSummary summary = fsp_transient(absorbing, at, options, [&](const FspState& s) {
        double sum = 0;
        for (std::size_t i = 0; i < s.p.size(); ++i)
          if (arrived((*s.space)[i])) sum += s.p[i];
        a.probability.push_back(sum);
        a.lost.push_back(s.lost + s.solver_error);
      });
      a.truncated_at = summary.truncated_at;
      a.states = summary.states;
      a.certified = summary.certified;
      return a;
    };
    const Arrival path = arrival_at(times);
    const std::size_t reached = path.probability.size();
    if (answer.why.empty()) answer.why = fmt::format("{} states", with_commas(path.states));
    if (path.truncated_at)
      answer.flags.push_back({.kind = "truncated", .where = {{"t", *path.truncated_at}},
                              .text = fmt::format("fsp: {}: on {} states more probability than the tolerance {} is lost at t = {}. Raise max-states, or use level 'ssa'", events[e].event, with_commas(path.states),
                                                  brief(options.tolerance, 2), brief(*path.truncated_at)),
                              .fatal = true});

    // Integrals of S = 1 - P(T <= t) and of 2 t S from 0 to every time. Panels double in length away from 0, as S varies on the scale of t, and are
    // halved until they agree.
    std::vector<double> edges(times.begin(), times.begin() + static_cast<std::ptrdiff_t>(reached));
    for (int j = 1; j <= 10 && reached > 0; ++j) edges.push_back(std::ldexp(times[reached - 1], -j));
    std::sort(edges.begin(), edges.end());
    edges.erase(std::unique(edges.begin(), edges.end()), edges.end());
    std::vector<double> first(times.size(), nan), second(times.size(), nan), first_error(times.size(), nan), second_error(times.size(), nan);
    double rate = nan;  // at which S decays at the end
    const bool integrals = reached > 0 && std::any_of(asked.begin(), asked.end(), [&](const Asked& a) { return a.event == e && a.what.kind != Kind::probability; });
    for (std::size_t panels = 1; integrals && panels <= 16; panels *= 2) {
      std::vector<double> nodes, weights;
      std::vector<std::size_t> upto;  // nodes before each time
      double from = 0;
      for (const double edge : edges) {
        const double width = (edge - from) / static_cast<double>(panels);
        for (std::size_t k = 0; k < panels && width > 0; ++k)
          for (std::size_t g = 0; g < gauss_x.size(); ++g) {
            nodes.push_back(from + width * (static_cast<double>(k) + gauss_x[g]));
            weights.push_back(width * gauss_w[g]);
          }
        if (edge == times[upto.size()]) upto.push_back(nodes.size());
        from = edge;
      }
      const Arrival inner = arrival_at(nodes);
      if (inner.probability.size() < nodes.size()) break;
      double sum = 0, moment = 0, worst = 0;
      std::size_t n = 0;
      for (std::size_t i = 0; i < reached; ++i) {
        for (; n < upto[i]; ++n) {
          const double survival = 1 - inner.probability[n];
          sum += weights[n] * survival;
          moment += weights[n] * 2 * nodes[n] * survival;
        }
        if (panels > 1) {
          first_error[i] = std::abs(sum - first[i]) + path.lost[i] * times[i];
          second_error[i] = std::abs(moment - second[i]) + path.lost[i] * times[i] * times[i];
          if (sum > 0) worst = std::max(worst, std::abs(sum - first[i]) / sum);
        }
        first[i] = sum;
        second[i] = moment;
      }
      for (std::size_t b = nodes.size(); b-- > 4;) {
        const double early = 1 - inner.probability[b - 4], late = 1 - inner.probability[b];
        if (!(late > 1e-11) || !(early > late)) continue;  // below: rounding
        rate = std::log(early / late) / (nodes[b] - nodes[b - 4]);
        break;
      }
      if (panels > 1 && worst < 1e-9) break;
    }

    const Axis axis{"t", network.time_unit, times};
    for (const Asked& a : asked) {
      if (a.event != e) continue;
      std::vector<double> value(times.size(), nan), bound(times.size(), nan), exact(times.size(), 0.0);
      BoundKind kind = BoundKind::estimated;
      switch (a.what.kind) {
        case Kind::probability:
          for (std::size_t i = 0; i < reached; ++i) {
            value[i] = path.probability[i];
            bound[i] = path.lost[i];
            exact[i] = times[i] == 0 && !network.random_start() ? 1 : 0;
          }
          if (path.certified) kind = BoundKind::certified;
          break;
        case Kind::restricted_mean:
          value = first;
          bound = first_error;
          for (std::size_t i = 0; i < reached; ++i) exact[i] = times[i] == 0 ? 1 : 0;
          break;
        case Kind::conditional_mean:
          for (std::size_t i = 0; i < reached; ++i) {  // <T; T <= t> = t F - integral of F
            const double F = path.probability[i];
            if (!(F > 0)) continue;
            value[i] = times[i] - (times[i] - first[i]) / F;
            bound[i] = (first_error[i] + path.lost[i] * times[i]) / F;
          }
          break;
        case Kind::mean:
        case Kind::variance: {
          double number = nan, error = nan;
          const double left = reached == times.size() ? std::max(0.0, 1 - path.probability[reached - 1]) : 1;
          if (left > 1e-6) {
            answer.flags.push_back({.kind = "censored", .observable = a.name,
                                    .text = fmt::format("with probability {} there is no arrival by t = {}, so that it is not known; {}", brief(left, 4), brief(times.back(), 6), advice(a.what.event)), .fatal = true});
          } else {
            // What is left decays at `rate`: its share of the integrals is added, and counted whole as their error.
            const double t = times.back(), tail = left > 0 ? left / rate : 0, tail2 = left > 0 ? left * (2 * t / rate + 2 / (rate * rate)) : 0;
            const double m = first[reached - 1] + tail, m2 = second[reached - 1] + tail2, e1 = first_error[reached - 1] + tail, e2 = second_error[reached - 1] + tail2;
            number = a.what.kind == Kind::mean ? m : m2 - m * m;
            error = a.what.kind == Kind::mean ? e1 : e2 + 2 * std::abs(m) * e1;
          }
          answer.estimates.push_back(solved_estimate(a.name, a.unit, {}, {number}, {error}));
          continue;
        }
      }
      Estimate estimate = solved_estimate(a.name, a.unit, {axis}, std::move(value), std::move(bound), kind);
      if (std::any_of(exact.begin(), exact.end(), [](double x) { return x != 0; })) estimate.exact = std::move(exact);
      answer.estimates.push_back(std::move(estimate));
    }
  }
}

}  // namespace meso::kinetics
