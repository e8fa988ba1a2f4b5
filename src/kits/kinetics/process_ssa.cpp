#include "kits/kinetics/process_ssa.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <queue>

#include "base/error.h"
#include "base/text.h"

namespace meso::kinetics {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr std::uint64_t check_every = 65536;
constexpr double hazard_tolerance = 1e-9;

}  // namespace

ProcessSsa::ProcessSsa(std::shared_ptr<const CompiledProcess> model) : model_(std::move(model)), flow_(*model_, false) {
  const Process& p = model_->process();
  if (!p.not_counts.empty()) throw ModelError(fmt::format("ssa: {}", p.not_counts));
  std::vector<char> jumps(p.n_states, 0);
  for (const auto& r : p.reactions) {
    for (const auto& [s, amount] : r.change) {
      jumps[s] = 1;
      if (amount != std::floor(amount))
        throw ModelError(fmt::format("ssa: {}: a firing changes '{}' by {}; exact simulation needs whole numbers of molecules (level 'rate-equation' does not)", r.text, p.names[s], exact(amount)));
    }
    for (const auto& [s, amount] : r.varying) jumps[s] = 1;
  }
  for (std::size_t s = 0; s < p.n_states; ++s)
    if (jumps[s] != 0 && (p.initial[s] != std::floor(p.initial[s]) || p.initial[s] < 0))
      throw ModelError(fmt::format("ssa: '{}' starts with {}; exact simulation needs whole numbers of molecules (level 'rate-equation' does not)", p.names[s], exact(p.initial[s])));

  std::vector<std::vector<std::size_t>> needs;
  const auto add = [&](const Process::Reaction& r, const std::string& text, const Formula& rate, double sign) {
    Channel c;
    c.text = text;
    c.rate = Program(rate, p.names);
    c.bounds = num::IntervalProgram(p.inlined(rate), p.names);
    for (const auto& [s, amount] : r.change) c.change.emplace_back(s, sign * amount);
    for (const auto& [s, formula] : r.varying) c.varying.emplace_back(s, Program(formula, p.names));
    c.sign = sign;
    needs.push_back(p.dependencies(rate));
    c.timed = std::find(needs.back().begin(), needs.back().end(), p.time_slot()) != needs.back().end();
    c.delay = r.delay;
    if (c.timed) timed_.push_back(channels_.size());
    channels_.push_back(std::move(c));
  };
  for (const auto& r : p.reactions) {
    const auto both = r.reversible ? split_reversible(p.inlined(r.rate)) : std::nullopt;
    if (!both) {
      add(r, r.text, r.rate, 1);
      continue;
    }
    add(r, r.text + " (forward)", both->first, 1);
    add(r, r.text + " (backward)", both->second, -1);
  }
  for (Channel& c : channels_) {
    std::vector<char> touched(p.slots(), 0);
    for (const auto& [s, amount] : c.change) touched[s] = 1;
    for (const auto& [s, amount] : c.varying) touched[s] = 1;
    const auto touch = [&](std::vector<std::size_t>& dependents) {
      for (std::size_t k = 0; k < channels_.size(); ++k)
        if (std::any_of(needs[k].begin(), needs[k].end(), [&](std::size_t s) { return touched[s] != 0; })) dependents.push_back(k);
    };
    touch(c.dependents);
    if (!c.delay) continue;
    std::fill(touched.begin(), touched.end(), 0);
    for (const auto& [s, amount] : c.delay->at_end) touched[s] = 1;
    touch(c.dependents_at_end);
  }
  for (std::size_t e = 0; e < p.events.size(); ++e)
    if (const auto& condition = model_->conditions()[e]; condition.timed && condition.needs.size() > 1) flips_of_time_alone_ = false;
  flows_ = !flow_.empty();
  for (const Formula& f : p.assigned) {
    const auto needed = p.dependencies(f);
    flows_ = flows_ || std::find(needed.begin(), needed.end(), p.time_slot()) != needed.end();
  }
}

bool ProcessSsa::may_drop() const {
  return std::any_of(channels_.begin(), channels_.end(), [](const Channel& c) { return c.delay && std::any_of(c.delay->at_end.begin(), c.delay->at_end.end(), [](const auto& one) { return one.second < 0; }); });
}

std::string ProcessSsa::state_text(std::span<const double> slots) const {
  const Process& p = model_->process();
  std::vector<std::string> parts;
  for (std::size_t s = 0; s < p.n_states && s < 12; ++s) parts.push_back(fmt::format("{} = {}", p.names[s], exact(slots[s])));
  return fmt::format("t = {}, {}", brief(slots[p.time_slot()], 8), join(parts));
}

double ProcessSsa::checked(std::size_t c, std::span<const double> slots) const {
  const double value = channels_[c].rate(slots);
  if (value >= 0 && value < infinity) return value;
  if (value < 0 && value > -1e-12) return 0;  // rounding of a law that vanishes here
  throw ModelError(fmt::format("{}: the propensity is {} at {}; it must be a number >= 0", channels_[c].text, brief(value, 6), state_text(slots)));
}

void ProcessSsa::observe(std::span<const double> slots, std::vector<double>& values) const {
  const auto& observed = model_->process().observed;
  values.resize(observed.size());
  for (std::size_t k = 0; k < observed.size(); ++k) values[k] = observed[k].slot == Process::npos ? observed[k].value : slots[observed[k].slot];
}

std::vector<double> ProcessSsa::start(std::uint64_t seed, const std::string& purpose, std::uint64_t id) const {
  const Process& p = model_->process();
  if (p.start_laws.empty() && p.drawn.empty()) return {};
  std::vector<double> states = p.initial;
  if (!p.start_laws.empty()) {
    Stream counts(seed, id, purpose + "/initial");
    for (std::size_t s = 0; s < p.start_laws.size(); ++s)
      if (p.start_laws[s].kind != CountLaw::Kind::point) states[s] = static_cast<double>(p.start_laws[s].draw(counts));
  }
  if (!p.drawn.empty()) {
    Stream extrinsic(seed, id, purpose + "/extrinsic");
    for (const auto& [s, law] : p.drawn) states[s] = law.draw(extrinsic);
  }
  return states;
}

SsaResult ProcessSsa::run(FastStream rng, Sink& sink, std::span<const double> times, std::size_t& next, const At& at, std::uint64_t max_events, std::span<const double> start) const {
  const Process& p = model_->process();
  const std::size_t n_channels = channels_.size(), time = p.time_slot();
  const bool events = !p.events.empty(), assigned = p.n_assigned > 0;
  SsaResult result;
  EventQueue queue(*model_, [&rng](std::size_t n) { return static_cast<std::size_t>(rng.below(n)); });
  std::vector<double>& x = queue.slots();
  std::vector<double> a(n_channels, 0.0);
  std::vector<num::Interval> box(p.slots());
  std::vector<std::size_t> flips, risen;
  double total = 0, window = infinity, t_checked = 0;
  std::uint64_t next_check = std::min(check_every, max_events);

  struct Completion {
    double time;
    std::uint64_t number;  // ties: in the order of the starts
    std::size_t channel;
    bool operator>(const Completion& other) const { return time != other.time ? time > other.time : number > other.number; }
  };
  std::priority_queue<Completion, std::vector<Completion>, std::greater<>> under_way;

  const auto refresh = [&](std::size_t c) { a[c] = checked(c, x); };
  const auto refresh_all = [&] {
    if (assigned) model_->assign(x);
    for (std::size_t c = 0; c < n_channels; ++c) refresh(c);
  };
  const auto sum = [&] {
    total = 0;
    for (const double v : a) total += v;
  };
  const auto settle = [&] {
    if (!events || !queue.settle()) return;
    for (std::size_t s = 0; s < p.n_states; ++s)
      if (p.counted[s] != 0 && (!(x[s] >= 0) || x[s] != std::floor(x[s])))
        throw ModelError(fmt::format("an event makes '{}' {} at t = {}; exact simulation needs whole numbers of molecules", p.names[s], exact(x[s]), brief(x[time], 8)));
    refresh_all();
  };
  const auto fire = [&] {
    double target = rng.uniform() * total;
    std::size_t c = 0, last = n_channels;
    for (; c < n_channels; ++c) {
      if (a[c] > 0) last = c;
      if (target < a[c]) break;
      target -= a[c];
    }
    if (c == n_channels) c = last;  // rounding led beyond the last one
    const Channel& channel = channels_[c];
    const auto change = [&](std::size_t s, double amount) {
      x[s] += amount;
      if (x[s] < 0)
        throw ModelError(fmt::format("{}: fired although {} had too few molecules: {} after it; the law must vanish there", channel.text, p.names[s], state_text(x)));
    };
    if (!channel.varying.empty()) {
      std::vector<double> amounts;
      for (const auto& [s, program] : channel.varying) {
        amounts.push_back(channel.sign * program(x));
        if (amounts.back() != std::floor(amounts.back()))
          throw ModelError(fmt::format("{}: the stoichiometry of '{}' is {} at {}; exact simulation needs whole numbers of molecules", channel.text, p.names[s], brief(amounts.back(), 8), state_text(x)));
      }
      for (std::size_t k = 0; k < amounts.size(); ++k) change(channel.varying[k].first, amounts[k]);
    }
    for (const auto& [s, amount] : channel.change) change(s, amount);
    if (assigned) model_->assign(x);
    for (const std::size_t k : channel.dependents) refresh(k);
    ++result.events;
    if (channel.delay) under_way.push({x[time] + channel.delay->law.draw(rng), result.events, c});
  };
  const auto complete = [&](double until) {
    while (!under_way.empty() && under_way.top().time <= until) {
      const Channel& channel = channels_[under_way.top().channel];
      under_way.pop();
      const auto& change = channel.delay->at_end;
      if (std::any_of(change.begin(), change.end(), [&](const auto& one) { return x[one.first] + one.second < 0; })) {
        ++result.dropped;
        continue;
      }
      for (const auto& [s, amount] : change) x[s] += amount;
      if (assigned) model_->assign(x);
      for (const std::size_t k : channel.dependents_at_end) refresh(k);
    }
  };
  // True if the trajectory has to be given up.
  const auto runaway = [&] {
    if (result.events != next_check) return false;
    const double ahead = (sink.end - x[time]) / (x[time] - t_checked) * static_cast<double>(check_every);
    if (result.events >= max_events || ahead > 1e13) return result.runaway = true;
    t_checked = x[time];
    next_check = std::min(result.events + check_every, max_events);
    return false;
  };

  std::copy(start.begin(), start.end(), x.begin());
  if (assigned) model_->assign(x);
  refresh_all();
  settle();
  sink.settled(x);
  double flip = infinity;
  bool flip_known = false;

  if (!flow_.empty()) {
    // Rate rules: they and the hazard are integrated up to the next jump.
    const auto intensity = [&](std::span<const double> slots) {
      double value = 0;
      for (std::size_t c = 0; c < n_channels; ++c) value += std::max(0.0, channels_[c].rate(slots));
      return value;
    };
    double hazard = detail::negative_log(rng.uniform());
    while (x[time] < sink.end) {
      double stop = std::min(sink.end, queue.next_pending());
      stop = flow_.next_flip(x, stop, true, flips);
      const OdeStatus status = flow_.advance(x, stop, times, next, [&](std::size_t i, std::span<const double> slots) { at(i, slots); }, hazard_tolerance, risen,
                                             n_channels > 0 ? &hazard : nullptr, intensity);
      if (status != OdeStatus::done && status != OdeStatus::stopped) {
        result.runaway = true;  // a rule diverges
        break;
      }
      for (const std::size_t c : risen) queue.rise(c);
      if (hazard == 0 && n_channels > 0) {
        refresh_all();
        sum();
        if (total > 0) fire();
        hazard = detail::negative_log(rng.uniform());
        if (runaway()) break;
      }
      if (events) queue.settle();
      if (assigned) model_->assign(x);
      sink.settled(x);
    }
    result.t = x[time];
    return result;
  }

  while (true) {
    const double t = x[time];
    if (events && !flip_known) {
      flip = flow_.next_flip(x, sink.end, false, flips);
      flip_known = true;
    }
    const double stop = std::min({sink.end, queue.next_pending(), events ? flip : infinity, under_way.empty() ? infinity : under_way.top().time});
    double t_next = infinity;
    bool fires = false;
    if (timed_.empty()) {
      sum();
      if (total > 0) {
        t_next = t + detail::negative_log(rng.uniform()) / total;
        fires = t_next <= stop;
      } else if (!(stop < sink.end)) {
        result.absorbed = true;
      }
    } else {
      // Thinning over [t, t + window] under a bound that no rate exceeds there.
      for (const std::size_t c : timed_) refresh(c);
      sum();
      double bound = 0;
      window = std::min(window, stop - t);
      for (int halving = 0;; ++halving) {
        for (std::size_t s = 0; s < x.size(); ++s) box[s] = {x[s], x[s]};
        box[time] = {t, t + window};
        bound = total;
        for (const std::size_t c : timed_) bound += std::max(0.0, channels_[c].bounds(box).hi) * (1 + 1e-12) - a[c];
        if (bound <= 2 * total || bound * window <= 0.5) break;
        if (halving > 300) throw ModelError(fmt::format("{}: the propensity has no bound after {}", channels_[timed_.front()].text, state_text(x)));
        window /= 2;
      }
      const double limit = std::min(stop, t + window);
      t_next = bound > 0 ? t + detail::negative_log(rng.uniform()) / bound : infinity;
      if (t_next <= limit) {
        sink.span(t, t_next, x);
        x[time] = t_next;
        if (assigned) model_->assign(x);
        for (const std::size_t c : timed_) refresh(c);
        sum();
        if (rng.uniform() * bound < total) {
          fire();
          settle();
          flip_known = flip_known && flips_of_time_alone_;
          if (runaway()) break;
        }
        window *= 1.5;
        continue;
      }
      if (limit < stop) {
        sink.span(t, limit, x);
        x[time] = limit;
        if (assigned) model_->assign(x);
        window *= 2;
        continue;
      }
      window *= 2;
    }
    if (fires) {
      sink.span(t, t_next, x);
      x[time] = t_next;
      fire();
      if (events) {
        settle();
        flip_known = flip_known && flips_of_time_alone_;  // else a condition may read what has just changed
      }
      if (runaway()) break;
      continue;
    }
    sink.span(t, stop, x);
    x[time] = stop;
    complete(stop);
    if (assigned || !timed_.empty()) refresh_all();
    settle();
    flip_known = false;
    sink.settled(x);
    if (!(stop < sink.end)) break;
  }
  result.t = x[time];
  return result;
}

SsaResult ProcessSsa::run_path(std::span<const double> times, FastStream rng, const At& at, std::uint64_t max_events, std::span<const double> start) const {
  if (times.empty()) return {};
  const Process& p = model_->process();
  std::size_t next = 0;
  std::vector<double> values, work;
  const At write = [&](std::size_t i, std::span<const double> slots) {
    observe(slots, values);
    at(i, values);
  };
  Sink sink;
  sink.end = times.back();
  sink.span = [&](double, double to, std::vector<double>& x) {
    if (next >= times.size() || !(times[next] < to)) return;
    const double now = x[p.time_slot()];
    while (next < times.size() && times[next] < to) {
      if (p.n_assigned > 0) {  // rules of the time
        x[p.time_slot()] = times[next];
        model_->assign(x);
      }
      write(next, x);
      ++next;
    }
    x[p.time_slot()] = now;
    if (p.n_assigned > 0) model_->assign(x);
  };
  sink.settled = [&](std::vector<double>& x) {
    while (next < times.size() && times[next] <= x[p.time_slot()]) {
      write(next, x);
      ++next;
    }
  };
  return run(rng, sink, times, next, write, max_events, start);
}

SsaResult ProcessSsa::run_window(double burn_in, double window, FastStream rng, const Hold& hold, std::uint64_t max_events, std::span<const double> start) const {
  std::vector<double> values;
  std::size_t next = 0;
  Sink sink;
  sink.end = burn_in + window;
  sink.span = [&](double from, double to, std::vector<double>& x) {
    const double begin = std::max(from, burn_in);
    if (!(to > begin)) return;
    observe(x, values);
    hold(values, to - begin);
  };
  sink.settled = [](std::vector<double>&) {};
  return run(rng, sink, {}, next, [](std::size_t, std::span<const double>) {}, max_events, start);
}

SsaResult ProcessSsa::run_watch(double end, FastStream rng, const Watch& watch, std::uint64_t max_events, std::span<const double> start) const {
  std::vector<double> values;
  std::size_t next = 0;
  Sink sink;
  sink.end = end;
  bool stopped = false;
  sink.span = [&](double from, double to, std::vector<double>& x) {
    if (stopped) return;
    observe(x, values);
    if (!watch(from, values)) return;
    stopped = true;
    sink.end = to;  // the next step ends at once
  };
  sink.settled = [](std::vector<double>&) {};
  return run(rng, sink, {}, next, [](std::size_t, std::span<const double>) {}, max_events, start);
}

}  // namespace meso::kinetics
