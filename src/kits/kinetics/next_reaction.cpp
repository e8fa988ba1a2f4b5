#include "kits/kinetics/next_reaction.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <numeric>

#include "base/error.h"
#include "base/text.h"
#include "kits/kinetics/ssa_level.h"

namespace meso::kinetics {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr std::uint64_t check_every = 65536;

std::string named(const Reaction& reaction) { return fmt::format("{}reaction '{}'", reaction.where.empty() ? "" : reaction.where + ": ", reaction.text); }

}  // namespace

IndexedQueue::IndexedQueue(std::vector<double> keys) : keys_(std::move(keys)), heap_(keys_.size()), place_(keys_.size()) {
  std::iota(heap_.begin(), heap_.end(), std::size_t{0});
  std::iota(place_.begin(), place_.end(), std::size_t{0});
  for (std::size_t i = heap_.size() / 2; i-- > 0;) down(i);
}

void IndexedQueue::up(std::size_t place) {
  const std::size_t item = heap_[place];
  const double key = keys_[item];
  while (place > 0) {
    const std::size_t parent = (place - 1) / 2;
    if (!(key < keys_[heap_[parent]])) break;
    heap_[place] = heap_[parent];
    place_[heap_[place]] = place;
    place = parent;
  }
  heap_[place] = item;
  place_[item] = place;
}

void IndexedQueue::down(std::size_t place) {
  const std::size_t item = heap_[place], n = heap_.size();
  const double key = keys_[item];
  for (std::size_t child = 2 * place + 1; child < n; child = 2 * place + 1) {
    if (child + 1 < n && keys_[heap_[child + 1]] < keys_[heap_[child]]) ++child;
    if (!(keys_[heap_[child]] < key)) break;
    heap_[place] = heap_[child];
    place_[heap_[place]] = place;
    place = child;
  }
  heap_[place] = item;
  place_[item] = place;
}

void IndexedQueue::change(std::size_t item, double key) {
  const bool earlier = key < keys_[item];
  keys_[item] = key;
  if (earlier) up(place_[item]);
  else down(place_[item]);
}

NextReaction::NextReaction(SharedNetwork given) : network_(std::move(given)), propensities_(network_) {
  const Network& network = network_;
  for (const Reaction& reaction : network.reactions)
    if (reaction.law) {
      const std::vector<std::string> names = reaction.law->variables();
      if (std::find(names.begin(), names.end(), "t") != names.end())
        throw ModelError(fmt::format("next-reaction: {}: the propensity depends on the time t; rates must be constant between firings. Use level 'ssa'", named(reaction)));
    }
}

double NextReaction::checked(std::size_t r, std::span<const double> x) const {
  const double value = propensities_(r, x);
  if (value >= 0 && value < infinity) return value;
  if (value < 0 && value > -1e-12) return 0;  // rounding of a law that vanishes here
  throw ModelError(fmt::format("{}: the propensity is {} at {}; it must be a number >= 0", named(network_->reactions[r]), brief(value, 6), state_text(network_, x)));
}

template <class Held>
SsaResult NextReaction::run(FastStream& rng, double end, Held&& held, std::uint64_t max_events) const {
  const std::vector<std::int64_t> start = network_->start(rng);
  std::vector<double> x(start.begin(), start.end());
  const std::size_t n = network_->reactions.size();
  std::vector<double> a(n), rest(n), since(n, 0.0), first(n);  // propensity, what is left of the exponential and when that was so
  for (std::size_t r = 0; r < n; ++r) {
    a[r] = checked(r, x);
    rest[r] = detail::negative_log(rng.uniform());
    first[r] = a[r] > 0 ? rest[r] / a[r] : infinity;
  }
  IndexedQueue queue(std::move(first));
  SsaResult result;
  double t = 0, t_checked = 0;
  while (true) {
    const std::size_t fired = n > 0 ? queue.front() : 0;
    const double t_next = n > 0 ? queue.key(fired) : infinity;
    result.absorbed = t_next == infinity;
    if (held(x, t, t_next) || result.absorbed) break;
    t = t_next;
    for (const auto& [s, change] : network_->reactions[fired].change) {
      x[s] += change;
      if (x[s] < 0)
        throw ModelError(fmt::format("{}: fired although {} had too few molecules: {} after it; the law must vanish there", named(network_->reactions[fired]), network_->species[s], state_text(network_, x)));
    }
    for (const auto& [s, mean] : network_->reactions[fired].bursts) x[s] += burst_size(mean, detail::negative_log(rng.uniform()));
    rest[fired] = detail::negative_log(rng.uniform());
    since[fired] = t;
    bool own = false;  // whether it depends on itself
    for (const std::size_t r : propensities_.dependents(fired)) {
      own = own || r == fired;
      const double value = checked(r, x);
      if (r != fired) {
        if (value == a[r]) continue;
        if (a[r] > 0) rest[r] = std::max(0.0, rest[r] - a[r] * (t - since[r]));
        since[r] = t;
      }
      a[r] = value;
      queue.change(r, value > 0 ? t + rest[r] / value : infinity);
    }
    if (!own) queue.change(fired, t + rest[fired] / a[fired]);
    if (++result.events % check_every == 0 || result.events >= max_events) {
      // At the pace of the last events, more than 1e13 lie ahead: as in Ssa.
      const double ahead = (end - t) / (t - t_checked) * static_cast<double>(check_every);
      if (result.events >= max_events || ahead > 1e13) {
        result.runaway = true;
        break;
      }
      t_checked = t;
    }
  }
  result.t = result.runaway ? t : end;
  return result;
}

SsaResult NextReaction::run_path(std::span<const double> times, FastStream rng, const At& at, std::uint64_t max_events) const {
  if (times.empty()) return {};
  std::size_t next = 0;
  return run(rng, times.back(), [&](std::span<const double> x, double, double until) {
    while (next < times.size() && times[next] < until) at(next++, x);
    return next == times.size();
  }, max_events);
}

SsaResult NextReaction::run_window(double burn_in, double window, FastStream rng, const Hold& hold, std::uint64_t max_events) const {
  const double end = burn_in + window;
  return run(rng, end, [&](std::span<const double> x, double from, double until) {
    const double begin = std::max(from, burn_in), stop = std::min(until, end);
    if (stop > begin) hold(x, stop - begin);
    return until >= end;
  }, max_events);
}

SsaResult NextReaction::run_watch(double end, FastStream rng, const Watch& watch, std::uint64_t max_events) const {
  return run(rng, end, [&](std::span<const double> x, double from, double until) { return watch(from, x) || until >= end; }, max_events);
}

Level next_reaction_level(SharedNetwork network, std::function<double()> slow_time) {
  LevelInfo info{.name = "next-reaction", .rung = Rung::micro, .doc = "exact trajectories, each reaction with its own next firing time in a priority queue: the law of ssa",
                 .source = "Gibson and Bruck (2000), doi:10.1021/jp993732q; Anderson (2007), doi:10.1063/1.2799998"};
  return trajectories_level(std::move(info), [network](const Ask&) {
    const auto simulator = std::make_shared<const NextReaction>(network);
    Trajectories t = trajectories_of(network);
    t.path = [simulator](std::span<const double> times, FastStream rng, const NextReaction::At& at, std::uint64_t max_events) { return simulator->run_path(times, rng, at, max_events); };
    t.window = [simulator](double burn_in, double window, FastStream rng, const NextReaction::Hold& hold, std::uint64_t max_events) { return simulator->run_window(burn_in, window, rng, hold, max_events); };
    t.watch = [simulator](double end, FastStream rng, const Watch& watch, std::uint64_t max_events) { return simulator->run_watch(end, rng, watch, max_events); };
    return t;
  }, std::move(slow_time));
}

}  // namespace meso::kinetics
