#include "kits/kinetics/process_ode.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/text.h"
#include "kits/kinetics/observables.h"

namespace meso::kinetics {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

}  // namespace

ContinuousPart::ContinuousPart(const CompiledProcess& model, bool reactions) : model_(model), reactions_(reactions) {
  const Process& p = model.process();
  std::vector<char> moves(p.names.size(), 0);
  for (std::size_t s = 0; s < p.n_states; ++s) moves[s] = p.rates[s] ? 1 : 0;
  if (reactions)
    for (const auto& r : p.reactions) {
      for (const auto& [s, amount] : r.change) moves[s] = 1;
      for (const auto& [s, formula] : r.varying) moves[s] = 1;
    }
  for (std::size_t s = 0; s < p.n_states; ++s)
    if (moves[s] != 0) moving_.push_back(s);
  for (std::size_t c = 0; c < model.conditions().size(); ++c) {
    const auto& needs = model.conditions()[c].needs;
    const bool continuous = std::any_of(needs.begin(), needs.end(), [&](std::size_t s) { return moves[s] != 0; });
    if (continuous) roots_.push_back(c);
    else if (model.conditions()[c].timed) timed_.push_back(c);
  }
}

double ContinuousPart::next_flip(std::span<const double> slots, double stop, bool kinks, std::vector<std::size_t>& changed) const {
  changed.clear();
  static thread_local std::vector<double> scratch;
  const std::size_t time = model_.process().time_slot();
  for (const std::size_t c : timed_) {
    if (!kinks && c >= model_.process().events.size()) continue;
    scratch.assign(slots.begin(), slots.end());
    const auto& condition = model_.conditions()[c];
    const auto flip = num::first_change(condition.value, condition.bounds, scratch, time, slots[time], stop);
    if (!flip) continue;
    if (*flip < stop) changed.clear();
    stop = *flip;
    changed.push_back(c);
  }
  return stop;
}

OdeStatus ContinuousPart::advance(std::vector<double>& slots, double stop, std::span<const double> times, std::size_t& next,
                                  const std::function<void(std::size_t, std::span<const double>)>& at, double relative, std::vector<std::size_t>& risen, double* hazard,
                                  const std::function<double(std::span<const double>)>& intensity) const {
  const Process& p = model_.process();
  const std::size_t n = moving_.size(), size = n + (hazard != nullptr ? 1 : 0), n_rates = p.reactions.size();
  const double t0 = slots.back();
  risen.clear();
  std::vector<double> work = slots, slope(p.n_states);
  const auto put = [&](double t, std::span<const double> y) {
    for (std::size_t i = 0; i < n; ++i) work[moving_[i]] = y[i];
    work.back() = t;
    model_.assign(work);
  };
  OdeProblem problem;
  problem.size = size;
  problem.rhs = [&](double t, std::span<const double> y, std::span<double> dydt) {
    put(t, y);
    std::fill(slope.begin(), slope.end(), 0.0);
    if (reactions_)
      for (std::size_t r = 0; r < n_rates; ++r) {
        const double rate = model_.rate(r, work);
        for (const auto& [s, amount] : p.reactions[r].change) slope[s] += amount * rate;
        for (const auto& [s, amount] : model_.varying(r)) slope[s] += amount(work) * rate;
      }
    for (std::size_t i = 0; i < n; ++i) dydt[i] = p.rates[moving_[i]] ? model_.rate_rule(moving_[i])(work) : slope[moving_[i]];
    if (hazard != nullptr) dydt[n] = intensity(work);
  };
  const double left = hazard != nullptr ? *hazard : 0;
  const auto margins = [&](double t, std::span<const double> y, std::span<double> g) {
    put(t, y);
    for (std::size_t k = 0; k < roots_.size(); ++k) g[k] = model_.conditions()[roots_[k]].margin(work);
    if (hazard != nullptr) g[roots_.size()] = left - y[n];
  };
  const std::size_t n_margins = roots_.size() + (hazard != nullptr ? 1 : 0);
  problem.n_events = 2 * n_margins;  // the solver sees falls only: both signs of each
  problem.events = [&](double t, std::span<const double> y, std::span<double> g) {
    margins(t, y, g);
    for (std::size_t k = 0; k < n_margins; ++k) g[n_margins + k] = -g[k];
  };

  std::vector<double> y0(size, 0.0), before(n_margins), after(n_margins);
  double scale = infinity;
  for (std::size_t i = 0; i < n; ++i) {
    y0[i] = slots[moving_[i]];
    if (y0[i] != 0) scale = std::min(scale, std::abs(y0[i]));
  }
  if (!(scale < 1)) scale = 1;
  margins(t0, y0, before);
  OdeOptions options{.relative = relative};
  options.absolute.assign(size, 0.0);
  for (std::size_t i = 0; i < size; ++i) options.absolute[i] = std::max(1e-300, 1e-3 * relative * (i < n && y0[i] != 0 ? std::abs(y0[i]) : scale));
  options.divergence.assign(size, 1e200);
  options.on_step = [&](const OdeStep& step) {
    margins(step.t1, step.y1, after);
    for (std::size_t k = 0; k < n_margins; ++k) {
      const bool turned = before[k] < 0 ? after[k] >= 0 : before[k] > 0 ? after[k] <= 0 : after[k] != 0;
      if (turned) return false;
    }
    return true;
  };
  std::vector<double> outputs;
  for (std::size_t i = next; i < times.size() && times[i] < stop; ++i) outputs.push_back(times[i]);
  outputs.push_back(stop);
  OdeSolution solution;
  try {
    solution = integrate(problem, y0, t0, outputs, options);
  } catch (const ModelError&) {
    throw;
  } catch (const Error&) {
    return OdeStatus::step_collapse;  // the right-hand side is no number here
  }
  for (std::size_t k = 0; k + 1 < outputs.size() && k < solution.reached && outputs[k] < solution.t; ++k) {
    put(outputs[k], std::span(&solution.path[k * size], size));
    at(next++, work);
  }
  put(solution.t, solution.last);
  slots = work;
  if (hazard != nullptr) *hazard = left - solution.last[n];
  if (solution.status == OdeStatus::stopped || solution.reached == outputs.size()) {
    margins(solution.t, solution.last, after);
    for (std::size_t k = 0; k < roots_.size(); ++k)
      if (before[k] <= 0 && after[k] >= 0 && (before[k] < 0 || after[k] > 0)) risen.push_back(roots_[k]);
    if (hazard != nullptr && after[roots_.size()] <= 0) *hazard = 0;
    slots = work;
  }
  return solution.status;
}

ProcessPath solve_process(const CompiledProcess& model, std::span<const double> times, double relative) {
  const Process& p = model.process();
  const ContinuousPart part(model, true);
  ProcessPath path;
  const std::size_t width = p.observed.size();
  path.value.assign(times.size() * width, nan);
  if (times.empty()) return path;
  EventQueue queue(model, [](std::size_t) { return std::size_t{0}; });
  const auto write = [&](std::size_t i, std::span<const double> slots) {
    for (std::size_t k = 0; k < width; ++k) path.value[i * width + k] = p.observed[k].slot == Process::npos ? p.observed[k].value : slots[p.observed[k].slot];
    path.reached = i + 1;
  };
  std::vector<double>& slots = queue.slots();
  std::vector<std::size_t> flips, risen;
  std::size_t next = 0, stuck = 0;
  const double end = times.back();
  try {
    queue.settle();
    model.assign(slots);
    while (true) {
      while (next < times.size() && times[next] <= slots.back()) write(next++, slots);
      if (next == times.size()) return path;
      const double t = slots.back();
      double stop = std::min(end, queue.next_pending());
      stop = part.next_flip(slots, stop, true, flips);
      if (part.empty()) {
        while (next < times.size() && times[next] < stop) {
          slots.back() = times[next];
          model.assign(slots);
          write(next++, slots);
        }
        slots.back() = stop;
        model.assign(slots);
      } else {
        path.status = part.advance(slots, stop, times, next, write, relative, risen);
        if (path.status != OdeStatus::done && path.status != OdeStatus::stopped) {
          path.t = slots.back();
          return path;
        }
        for (const std::size_t c : risen) queue.rise(c);
      }
      queue.settle();
      model.assign(slots);
      stuck = slots.back() > t + 1e-13 * std::abs(t) ? 0 : stuck + 1;
      if (stuck > 1000) {
        path.status = OdeStatus::step_collapse;
        path.t = slots.back();
        path.message = "conditions change without end at one moment";
        return path;
      }
      path.t = slots.back();
    }
  } catch (const ModelError& error) {
    path.status = OdeStatus::step_collapse;
    path.t = slots.back();
    path.message = error.what();
  }
  return path;
}

std::optional<ObservableInfo> observed_info(const Process& process, const std::string& name) { return observed_info(process, observed_network(process), name); }

std::optional<ObservableInfo> observed_info(const Process& process, const Network& network, const std::string& name) {
  auto info = observable_info(network, name);
  if (!info) return info;
  const auto parsed = parse_observable(network, name);
  if (!parsed) return info;
  const auto &a = process.observed[parsed->a], &b = process.observed[parsed->b];
  if (a.unit == "molecules" && b.unit == "molecules") return info;
  using Kind = ObservableName::Kind;
  const auto power = [](const std::string& unit, int k) { return unit == "1" ? unit : fmt::format("{}^{}", unit, k); };
  switch (parsed->kind) {
    case Kind::mean:
      info->unit = a.unit;
      info->doc = fmt::format("mean of {0}: <{0}>", a.name);
      break;
    case Kind::fano: info->unit = a.unit; break;
    case Kind::variance: info->unit = power(a.unit, 2); break;
    case Kind::cumulant3: info->unit = power(a.unit, 3); break;
    case Kind::cumulant4: info->unit = power(a.unit, 4); break;
    case Kind::covariance: info->unit = a.unit == b.unit ? power(a.unit, 2) : a.unit == "1" ? b.unit : b.unit == "1" ? a.unit : a.unit + " " + b.unit; break;
    case Kind::cv:
    case Kind::distribution: break;
  }
  if (parsed->kind == Kind::distribution && !a.counted) return std::nullopt;  // of counts only
  return info;
}

Level process_rate_equation_level(const std::shared_ptr<const CompiledProcess>& model) {
  return process_rate_equation_level([model] { return model; });
}

Level process_rate_equation_level(const std::function<std::shared_ptr<const CompiledProcess>()>& compiled) {
  Level level;
  level.info = {.name = "rate-equation",
                .rung = Rung::mean_field,
                .doc = "rules and reactions as ordinary differential equations, events located by root finding; no fluctuations",
                .parent = "ssa",
                .approximation = "no fluctuations: volume -> infinity",
                .small_parameter = "1/volume",
                .expected_order = 1,
                .source = "Hucka et al. (2019), SBML Level 3 Core, doi:10.1515/jib-2019-0021, section 4; Kurtz (1972), doi:10.1063/1.1678692"};
  level.run = [compiled](const Ask& ask, Context& context) {
    Answer answer;
    const std::shared_ptr<const CompiledProcess> model = compiled();
    const Process& p = model->process();
    if (ask.is_stationary()) throw StudyError("rate-equation: a model with rules, events or amounts that are not whole is solved over times; ask for --times");
    const std::vector<double>& times = ask.times();
    const Network network = observed_network(p);
    const std::size_t width = p.observed.size();
    std::vector<std::size_t> column;
    std::vector<Estimate> asked;
    for (const std::string& name : ask.observables) {
      const auto what = parse_observable(network, name);
      if (!what || what->kind != ObservableName::Kind::mean) continue;
      Estimate e;
      e.observable = name;
      e.unit = p.observed[what->a].unit;
      e.axes = {{"t", p.time_unit, times}};
      asked.push_back(std::move(e));
      column.push_back(what->a);
    }
    if (asked.empty()) return answer;
    const double target = ask.target_error > 0 ? ask.target_error : 1e-6;
    double relative = std::clamp(1e-2 * target, 1e-8, 1e-6);
    ProcessPath fine;
    for (int round = 0; round < 3; ++round) {
      context.progress(0.3 * round);
      const ProcessPath coarse = solve_process(*model, times, relative);
      fine = solve_process(*model, times, relative / 100);
      if (fine.status != OdeStatus::done && fine.status != OdeStatus::stopped && (coarse.status == OdeStatus::done || coarse.status == OdeStatus::stopped)) fine = coarse;
      double worst = 0;
      for (std::size_t k = 0; k < asked.size(); ++k) {
        Estimate& e = asked[k];
        e.value.assign(times.size(), nan);
        e.error_bound.assign(times.size(), nan);
        e.exact.assign(times.size(), 0.0);
        double peak = 0, bound = 0;
        for (std::size_t i = 0; i < fine.reached; ++i) {
          e.value[i] = fine.value[i * width + column[k]];
          e.error_bound[i] = times[i] == 0 || i >= coarse.reached ? 0 : 10 * std::abs(e.value[i] - coarse.value[i * width + column[k]]);
          e.exact[i] = times[i] == 0 || !p.observed[column[k]].varies ? 1 : 0;
          peak = std::max(peak, std::abs(e.value[i]));
          bound = std::max(bound, e.error_bound[i]);
        }
        if (peak > 0) worst = std::max(worst, bound / peak);
      }
      if (worst <= target || relative <= 1e-10) break;
      relative /= 10;
    }
    if (fine.reached < times.size()) {
      Flag flag{.kind = fine.status == OdeStatus::diverged ? "diverged" : "step-collapse",
                .text = fmt::format("the rate equation ends at t = {}: {}", brief(fine.t, 6), fine.message.empty() ? to_text(fine.status) : fine.message.c_str()), .fatal = true};
      flag.where["t"] = fine.t;
      answer.flags.push_back(std::move(flag));
    }
    for (Estimate& e : asked) answer.estimates.push_back(std::move(e));
    context.progress(1);
    return answer;
  };
  level.plan = [compiled](const Ask&) {
    const std::shared_ptr<const CompiledProcess> model = compiled();
    std::size_t moving = ContinuousPart(*model, true).moving().size();
    return std::vector<std::string>{fmt::format("equations {}, events {}", moving, model->process().events.size())};
  };
  return level;
}

}  // namespace meso::kinetics
