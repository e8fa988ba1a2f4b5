#include "kits/kinetics/leaping.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <mutex>
#include <optional>

#include "base/error.h"
#include "base/text.h"
#include "kits/kinetics/ssa_lanes.h"
#include "kits/kinetics/ssa_level.h"

namespace meso::kinetics {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double fewest_firings = 10;   // of a leap; below, exact steps are cheaper
constexpr int exact_steps = 100;

const char* name_of(Leaping::Kind kind) { return kind == Leaping::Kind::tau ? "tau-leap" : kind == Leaping::Kind::langevin ? "cle" : "hybrid"; }

}  // namespace

struct Leaping::State {
  std::vector<double> x, y, seen;    // at the start of the leap, within it, and as truncated rates see it
  std::vector<double> a, b;          // rates in the first and the second half
  std::vector<double> drift, turnover, square;
  std::vector<Role> role;
  std::vector<double> extent;        // hybrid: fraction of a firing that each reaction is ahead of a whole number
};

Leaping::Leaping(SharedNetwork given, Kind kind, LeapOptions options) : network_(std::move(given)), propensities_(network_), kind_(kind), options_(options) {
  const Network& network = network_;
  const std::size_t n = network.species.size();
  laws_of_.resize(n);
  order_.assign(n, 0);
  own_orders_.resize(n);
  reactant_.assign(n, 0);
  change_begin_.push_back(0);
  for (std::size_t r = 0; r < network.reactions.size(); ++r) {
    const Reaction& reaction = network.reactions[r];
    const auto named = [&] { return fmt::format("{}: {}reaction '{}'", name_of(kind), reaction.where.empty() ? "" : reaction.where + ": ", reaction.text); };
    if (!reaction.bursts.empty()) throw ModelError(named() + ": bursts are not simulated in leaps; use level 'ssa'");
    for (const auto& [s, change] : reaction.change) changes_.emplace_back(s, change);
    change_begin_.push_back(changes_.size());
    if (reaction.law) {
      for (const std::string& variable : reaction.law->variables()) {
        if (variable == "t") throw ModelError(named() + ": the propensity depends on the time t; leaps need rates that do not. Use level 'ssa'");
        laws_of_[network.index(variable)].push_back(r);
        reactant_[network.index(variable)] = 1;
      }
      continue;
    }
    for (const auto& [s, count] : reaction.reactants) {
      if (count == 1) order_[s] = std::max(order_[s], static_cast<double>(reaction.order()));
      else if (std::find(own_orders_[s].begin(), own_orders_[s].end(), std::pair(reaction.order(), count)) == own_orders_[s].end()) own_orders_[s].emplace_back(reaction.order(), count);
      reactant_[s] = 1;
    }
  }
}

double Leaping::checked(std::size_t r, std::span<const double> x) const {
  const double value = propensities_(r, x);
  if (value >= 0 && value < infinity) return value;
  if (value < 0 && (value > -1e-12 || kind_ != Kind::tau)) return 0;  // between the whole numbers a falling factorial may be negative
  throw ModelError(fmt::format("reaction '{}': the propensity is {} at {}; it must be a number >= 0", network_->reactions[r].text, brief(value, 6), state_text(network_, x)));
}

void Leaping::propensities(State& s, const std::vector<double>& at, std::vector<double>& a) const {
  std::span<const double> x = at;
  if (kind_ == Kind::langevin) {
    for (std::size_t i = 0; i < at.size(); ++i) s.seen[i] = std::max(0.0, at[i]);
    x = s.seen;
  }
  for (std::size_t r = 0; r < a.size(); ++r) a[r] = checked(r, x);
}

/// Longest leap over which no propensity changes much by the reactions that are leaped over; infinite where nothing changes.
double Leaping::step(State& s) const {
  std::fill(s.drift.begin(), s.drift.end(), 0.0);
  std::fill(s.turnover.begin(), s.turnover.end(), 0.0);
  std::fill(s.square.begin(), s.square.end(), 0.0);
  for (std::size_t r = 0; r < s.a.size(); ++r) {
    if (s.role[r] == Role::single || !(s.a[r] > 0)) continue;
    for (std::size_t q = change_begin_[r]; q < change_begin_[r + 1]; ++q) {
      const auto [i, change] = changes_[q];
      const double flow = change * s.a[r];
      s.drift[i] += flow;
      s.turnover[i] += std::abs(flow);
      s.square[i] += change * flow;
    }
  }
  double tau = infinity;
  for (std::size_t i = 0; i < s.x.size(); ++i) {
    if (reactant_[i] == 0 || s.square[i] == 0) continue;
    const double n = std::max(0.0, s.x[i]);
    // Table of the paper: order 1: 1; order 2: 2, or 2 + 1/(n - 1) for two of its own; order 3: 3, 3/2 (2 + 1/(n - 1)), or 3 + 1/(n - 1) + 2/(n - 2).
    double g = std::max(1.0, order_[i]);
    for (const auto& [order, count] : own_orders_[i]) {
      double own = order;
      if (count == 2 && n > 1) own = order / 2.0 * (2 + 1 / (n - 1));
      if (count >= 3 && n > 2) own = order + 1 / (n - 1) + 2 / (n - 2);
      g = std::max(g, own);
    }
    for (const std::size_t r : laws_of_[i]) {
      if (!(s.a[r] > 0) || !(n > 0)) continue;
      const double h = std::max(1.0, 1e-3 * n), kept = s.x[i];
      s.x[i] = n + h;
      const double change = propensities_(r, s.x) - s.a[r];
      s.x[i] = kept;
      if (std::isfinite(change)) g = std::max(g, std::min(64.0, std::abs(change) / h * n / s.a[r]));
    }
    const double allowed = std::max(options_.epsilon * n / g, 1.0), turned = std::max(std::min(8 * options_.epsilon, 1.0) * n / g, 1.0);
    tau = std::min({tau, allowed / std::abs(s.drift[i]), allowed * allowed / s.square[i], turned / s.turnover[i]});
  }
  return tau;
}

std::size_t Leaping::choose(const State& s, const std::vector<double>& rates, double total, bool singles_only, FastStream& rng) const {
  double target = rng.uniform() * total;
  std::size_t last = rates.size();
  for (std::size_t r = 0; r < rates.size(); ++r) {
    if ((singles_only && s.role[r] != Role::single) || !(rates[r] > 0)) continue;
    last = r;
    if (target < rates[r]) break;
    target -= rates[r];
  }
  return last;
}

void Leaping::fire(std::size_t r, std::vector<double>& x) const {
  for (std::size_t q = change_begin_[r]; q < change_begin_[r + 1]; ++q) {
    const auto [i, change] = changes_[q];
    x[i] += change;
    if (x[i] < 0)
      throw ModelError(fmt::format("reaction '{}': fired although {} had too few molecules: {} after it; the law must vanish there", network_->reactions[r].text, network_->species[i], state_text(network_, x)));
  }
}

/// Ends the fractions of firings of reactions that are fast no longer (or of all): up with the fraction as the probability, else down.
void Leaping::round_extents(State& s, bool all, FastStream& rng) const {
  bool any = false;
  for (std::size_t r = 0; r < s.extent.size(); ++r) {
    if (s.extent[r] == 0 || (!all && s.role[r] == Role::leaped)) continue;
    const double missing = rng.uniform() < s.extent[r] ? 1 - s.extent[r] : -s.extent[r];
    for (std::size_t q = change_begin_[r]; q < change_begin_[r + 1]; ++q) s.x[changes_[q].first] += changes_[q].second * missing;
    s.extent[r] = 0;
    any = true;
  }
  if (!any) return;
  for (double& x : s.x)  // whole where no fraction is left, but for the rounding of sums
    if (const double whole = std::round(x); std::abs(x - whole) < 1e-6) x = std::max(0.0, whole);
  propensities(s, s.x, s.a);
}

void Leaping::assign_roles(State& s) const {
  for (std::size_t r = 0; r < s.a.size(); ++r) {
    bool single = false;
    if (kind_ == Kind::tau) {
      if (s.a[r] > 0)
        for (std::size_t q = change_begin_[r]; q < change_begin_[r + 1]; ++q)
          if (changes_[q].second < 0 && s.x[changes_[q].first] < -changes_[q].second * options_.critical) single = true;
    } else if (kind_ == Kind::hybrid) {
      single = change_begin_[r] == change_begin_[r + 1];
      for (std::size_t q = change_begin_[r]; q < change_begin_[r + 1]; ++q)
        if (s.x[changes_[q].first] < options_.fast_count * std::abs(changes_[q].second)) single = true;
    }
    s.role[r] = single ? Role::single : Role::leaped;
  }
}

template <class Stop, class Held>
SsaResult Leaping::run(FastStream& rng, double end, Stop&& stop_after, Held&& held, std::uint64_t max_events, LeapTally& tally) const {
  const std::size_t n_reactions = network_->reactions.size();
  State s;
  const std::vector<std::int64_t> start = network_->start(rng);
  s.x.assign(start.begin(), start.end());
  s.y = s.seen = s.drift = s.turnover = s.square = s.x;
  s.a.assign(n_reactions, 0.0);
  s.b = s.a;
  s.role.assign(n_reactions, Role::leaped);
  if (kind_ == Kind::hybrid) s.extent.assign(n_reactions, 0.0);
  SsaResult result;
  double t = 0;
  const auto sum = [](const std::vector<double>& rates) {
    double total = 0;
    for (const double a : rates) total += a;
    return total;
  };
  const auto total_of = [&](const std::vector<double>& rates, Role role) {
    double total = 0;
    for (std::size_t r = 0; r < n_reactions; ++r)
      if (s.role[r] == role) total += rates[r];
    return total;
  };
  // Firings of the reactions that are leaped over, within `length` at `rates`, onto s.y.
  const auto leap = [&](const std::vector<double>& rates, const std::vector<double>* drifts, double length) {
    for (std::size_t r = 0; r < n_reactions; ++r) {
      const double mean = rates[r] * length;
      if (s.role[r] == Role::single || (!(mean > 0) && drifts == nullptr)) continue;
      double firings;
      if (kind_ == Kind::tau) firings = mean < 1e15 ? static_cast<double>(rng.poisson(mean)) : std::round(mean + std::sqrt(mean) * rng.normal());  // beyond whole numbers
      else firings = (drifts != nullptr ? (*drifts)[r] * length : mean) + (mean > 0 ? std::sqrt(mean) * rng.normal() : 0.0);
      for (std::size_t q = change_begin_[r]; q < change_begin_[r + 1]; ++q) s.y[changes_[q].first] += changes_[q].second * firings;
      if (kind_ == Kind::hybrid) s.extent[r] += firings;
    }
  };
  const auto negative = [&] { return kind_ != Kind::langevin && std::any_of(s.y.begin(), s.y.end(), [](double x) { return x < 0; }); };
  std::vector<double> drifts(kind_ == Kind::tau ? 0 : n_reactions), extent_kept;

  while (t < end) {
    if (++result.events >= max_events) {
      result.runaway = true;
      break;
    }
    propensities(s, s.x, s.a);
    double total = sum(s.a);
    const double stop = stop_after(t);  // next time at which somebody looks
    if (!(total > 0)) {
      result.absorbed = true;
      held(s.x, t, stop);
      tally.time += stop - t;
      t = stop;
      continue;
    }
    if (kind_ != Kind::langevin) assign_roles(s);
    double longest = step(s), leaped_total = total;
    if (kind_ == Kind::hybrid && longest < infinity) {
      for (std::size_t r = 0; r < n_reactions; ++r)
        if (s.a[r] * longest < options_.fast_firings) s.role[r] = Role::single;
      round_extents(s, false, rng);
    }
    if (kind_ != Kind::langevin) {
      const double single_total = total_of(s.a, Role::single);
      leaped_total = total_of(s.a, Role::leaped);
      const double expected = leaped_total > 0 ? leaped_total * std::min(longest, 1 / single_total) : 0;
      if (expected < fewest_firings) {  // the direct method for a while
        if (kind_ == Kind::hybrid) round_extents(s, true, rng);
        total = sum(s.a);
        for (int k = 0; k < exact_steps && t < end && total > 0; ++k) {
          if (k > 0) ++result.events;
          const double t_next = t + detail::negative_log(rng.uniform()) / total, limit = stop_after(t);
          if (t_next > limit) {
            held(s.x, t, limit);
            tally.time += limit - t;
            t = limit;
            continue;
          }
          held(s.x, t, t_next);
          tally.time += t_next - t;
          t = t_next;
          const std::size_t fired = choose(s, s.a, total, false, rng);
          fire(fired, s.x);
          ++tally.exact;
          for (const std::size_t r : propensities_.dependents(fired)) {
            const double value = checked(r, s.x);
            total += value - s.a[r];
            s.a[r] = value;
          }
        }
        continue;
      }
    }

    extent_kept = s.extent;
    const bool has_singles = kind_ != Kind::langevin && std::find(s.role.begin(), s.role.end(), Role::single) != s.role.end();
    const double single_a = has_singles ? total_of(s.a, Role::single) : 0;
    double length = std::min(longest, stop - t), leaped = 0, single_b = 0;
    // Both halves of a leap onto s.y, unless the hazard of single firings adds up to `exponential` before its end: the time of that, else `length`.
    // Below zero: NaN.
    const auto halves = [&](double span, double exponential) {
      const double half = span / 2;
      s.y = s.x;
      s.extent = extent_kept;
      leap(s.a, nullptr, half);
      if (negative()) return std::numeric_limits<double>::quiet_NaN();
      propensities(s, s.y, s.b);
      double leaped_b = 0;
      single_b = 0;
      for (std::size_t r = 0; r < n_reactions; ++r) {
        const double rate = 2 * s.b[r] - s.a[r];
        if (!drifts.empty()) drifts[r] = rate;
        s.b[r] = std::max(0.0, rate);
        (s.role[r] == Role::single ? single_b : leaped_b) += s.b[r];
      }
      if (exponential < single_a * half) return exponential / single_a;
      if (exponential < (single_a + single_b) * half) return half + (exponential - single_a * half) / single_b;
      leap(s.b, drifts.empty() ? nullptr : &drifts, half);
      if (negative()) return std::numeric_limits<double>::quiet_NaN();
      leaped = (leaped_total + leaped_b) * half;
      return span;
    };
    std::size_t single = n_reactions;
    double elapsed = 0;
    while (true) {
      single = n_reactions;
      elapsed = halves(length, has_singles ? detail::negative_log(rng.uniform()) : infinity);
      if (elapsed < length) {  // the leap is drawn anew, as long as it lasts: both halves, so that what it holds has the order of a whole one
        elapsed = halves(elapsed, infinity);
        single = single_b > 0 ? choose(s, s.b, single_b, true, rng) : choose(s, s.a, single_a, true, rng);
        for (std::size_t q = change_begin_[single]; q < change_begin_[single + 1]; ++q) s.y[changes_[q].first] += changes_[q].second;
        if (negative()) elapsed = std::numeric_limits<double>::quiet_NaN();
      }
      if (!std::isnan(elapsed)) break;
      ++tally.redrawn;
      length /= 2;
    }
    if (options_.reflected)
      for (double& x : s.y) x = std::abs(x);
    for (double& extent : s.extent) extent -= std::floor(extent);
    const bool whole = single == n_reactions && length == stop - t;
    const double t_next = whole ? stop : t + elapsed, middle = t + elapsed / 2;
    held(s.x, t, middle);
    held(s.y, middle, t_next);
    std::swap(s.x, s.y);
    ++tally.leaps;
    tally.leaped += leaped;
    tally.singles += single < n_reactions ? 1 : 0;
    tally.time += t_next - t;
    if (kind_ == Kind::langevin) {
      const auto least = std::min_element(s.x.begin(), s.x.end());
      if (*least < 0) tally.time_below += t_next - t;
      if (*least < tally.lowest) {
        tally.lowest = *least;
        tally.lowest_species = static_cast<std::size_t>(least - s.x.begin());
      }
      if (longest < 1e-15 * t || !std::all_of(s.x.begin(), s.x.end(), [](double x) { return std::isfinite(x); })) {
        result.runaway = true;
        t = t_next;
        break;
      }
    }
    t = t_next;
  }
  result.t = t;
  return result;
}

SsaResult Leaping::run_path(std::span<const double> times, FastStream rng, const At& at, std::uint64_t max_events, LeapTally* tally) const {
  if (times.empty()) return {};
  // A time of observation ends a leap, and the state is seen where the next one starts; the last one is a leap of one bit beyond the end.
  std::size_t next = 0;
  const double end = std::nextafter(times.back(), infinity);
  const auto stop_after = [&](double t) {
    std::size_t i = next;
    while (i < times.size() && times[i] <= t) ++i;
    return i < times.size() ? times[i] : end;
  };
  LeapTally own;
  return run(rng, end, stop_after, [&](std::span<const double> x, double from, double) {
    while (next < times.size() && times[next] <= from) at(next++, x);
  }, max_events, tally != nullptr ? *tally : own);
}

SsaResult Leaping::run_window(double burn_in, double window, FastStream rng, const Hold& hold, std::uint64_t max_events) const {
  const double end = burn_in + window;
  LeapTally own;
  return run(rng, end, [&](double t) { return t < burn_in ? burn_in : end; }, [&](std::span<const double> x, double from, double to) {
    const double begin = std::max(from, burn_in);
    if (to > begin) hold(x, to - begin);
  }, max_events, own);
}

namespace {

LeapOptions options_of(const Ask& ask) {
  LeapOptions options;
  const auto number = [&](const char* name, double fallback) {
    const auto given = ask.options.find(name);
    return given != ask.options.end() ? as_number(given->second) : fallback;
  };
  options.epsilon = number("epsilon", options.epsilon);
  options.critical = static_cast<int>(number("critical", options.critical));
  options.fast_count = number("fast-count", options.fast_count);
  options.fast_firings = number("fast-firings", options.fast_firings);
  if (const auto given = ask.options.find("positivity"); given != ask.options.end()) options.reflected = std::get<std::string>(given->second.data) == "reflected";
  return options;
}

// Nanoseconds on one core (bench/network_bench); only their ratios count. They decide whether `tau-leap` is offered, so they are constants and never timed.
constexpr double leap_cost = 120, firing_cost = 50;             // a leap, and each of its Poisson numbers: two per reaction
constexpr double exact_cost = 40, exact_cost_of_reaction = 1;   // a firing between leaps
constexpr double least_gain = 1.25;
/// Of one firing in level `ssa`.
double ssa_cost(const Network& network, bool stationary) {
  const auto reactions = static_cast<double>(network.reactions.size());
  if (SsaLanes::fits(network)) return stationary ? 6 + 0.6 * reactions : 2 + 0.5 * reactions;
  return Ssa::is_dense(network) ? 22 : 80;
}

/// One trajectory with a fixed stream: what leaps are worth here, known before the ensemble starts and the same for every seed.
struct LeapPilot {
  LeapTally tally;
  double gain = 0;  ///< cost of exact simulation over that of leaps; 0 where nothing fires
};

LeapPilot pilot_of(const Network& network, const Leaping& leaping, const Ask& ask) {
  constexpr std::uint64_t pilot_events = 50'000;
  double end = 0;
  if (!ask.is_stationary()) {
    end = ask.times().empty() ? 0 : ask.times().back();
  } else if (ask.stationary().burn_in && ask.stationary().window) {
    end = *ask.stationary().burn_in + *ask.stationary().window;
  } else {  // a million reactions at the pace of the start
    const Propensities propensities(network);
    const std::vector<double> start(network.initial.begin(), network.initial.end());
    double total = 0;
    for (std::size_t r = 0; r < propensities.size(); ++r) total += propensities(r, start);
    end = total > 0 ? 1e6 / total : 1;
  }
  LeapPilot pilot;
  const std::vector<double> times{end};
  (void)leaping.run_path(times, Stream(0, 0, "kinetics/leaping/pilot").fast(), [](std::size_t, std::span<const double>) {}, pilot_events, &pilot.tally);
  const LeapTally& t = pilot.tally;
  const auto reactions = static_cast<double>(network.reactions.size());
  const double leaps = static_cast<double>(t.leaps + t.redrawn), looks = ask.is_stationary() ? 0 : static_cast<double>(ask.times().size());
  const double cost = (leaps + looks) * (leap_cost + 2 * firing_cost * reactions) + static_cast<double>(t.exact) * (exact_cost + exact_cost_of_reaction * reactions);
  pilot.gain = cost > 0 ? t.firings() * ssa_cost(network, ask.is_stationary()) / cost : 0;
  return pilot;
}

std::vector<Flag> flags_of(const Network& network, Leaping::Kind kind, const LeapTally& tally) {
  std::vector<Flag> flags;
  const double firings = tally.firings(), share = firings > 0 ? tally.leaped / firings : 0;
  if (kind == Leaping::Kind::langevin) {
    if (tally.time_below > 0 && tally.time_below > 1e-3 * tally.time)
      flags.push_back({.kind = "small-counts",
                       .text = fmt::format("some amount is below zero for {} % of the time ({} down to {} in a pilot trajectory): few molecules, where normal numbers of firings are no approximation",
                                           brief(100 * tally.time_below / tally.time, 3), network.species[tally.lowest_species], brief(tally.lowest, 3))});
    return flags;
  }
  if (!(firings > 0)) return flags;
  if (tally.leaped == 0) {
    flags.push_back({.kind = "note", .text = kind == Leaping::Kind::tau ? "no leap would hold 10 reactions: every reaction of a pilot trajectory was simulated exactly, so that this level is 'ssa' here"
                                                                        : "no reaction was fast (or none fired 10 times between slow ones): every reaction of a pilot trajectory was simulated exactly, so that this level is 'ssa' here"});
    return flags;
  }
  flags.push_back({.kind = "note", .text = fmt::format("{} reactions per leap; {} % of the reactions in leaps, the others exact (one pilot trajectory)",
                                                       brief(tally.leaped / static_cast<double>(tally.leaps), 3), brief(100 * share, 3))});
  if (static_cast<double>(tally.redrawn) > 0.1 * static_cast<double>(tally.leaps))
    flags.push_back({.kind = "small-counts", .text = fmt::format("{} % of the leaps would have led below zero and were drawn again at half the length: the kept ones are biased upwards. Use a smaller epsilon",
                                                                 brief(100 * static_cast<double>(tally.redrawn) / static_cast<double>(tally.leaps + tally.redrawn), 3))});
  return flags;
}

std::string refusal(const Network& network, const LeapPilot& pilot) {
  const LeapTally& t = pilot.tally;
  const bool lanes = SsaLanes::fits(network);
  const std::string leaps = t.leaps == 0 ? std::string("no leap would hold 10 of them") : fmt::format("a leap would hold {} of them", brief(t.leaped / static_cast<double>(t.leaps), 3));
  const std::string against = pilot.gain == 0 ? std::string("nothing fires") : pilot.gain < 1 ? fmt::format("exact simulation is about {} times faster", brief(1 / pilot.gain, 2)) : fmt::format("it would be only {} times faster than exact simulation", brief(pilot.gain, 3));
  return fmt::format("tau-leap is not offered here: {} ({} reactions per trajectory{}; {}). Use level 'ssa', a larger epsilon, or offer = \"always\"", against, brief(t.firings(), 3),
                     lanes ? ", simulated in lanes" : "", leaps);
}

Level leaping_level(const SharedNetwork& network, Leaping::Kind kind, LevelInfo info, std::function<double()> slow_time) {
  info.rung = Rung::micro;
  ParameterInfo epsilon{.name = "epsilon", .unit = "1", .doc = "relative change of a propensity that one leap may bring", .fallback = Value(LeapOptions{}.epsilon)};
  epsilon.min = 1e-4;
  epsilon.max = 0.5;
  info.options.push_back(epsilon);
  if (kind == Leaping::Kind::tau) {
    ParameterInfo critical{.name = "critical", .unit = "1", .doc = "a reaction that could exhaust a reactant within this many firings fires one at a time", .type = ParameterInfo::Type::integer, .fallback = Value(std::int64_t{LeapOptions{}.critical})};
    critical.min = 1;
    critical.max = 1000;
    info.options.push_back(critical);
    info.options.push_back({.name = "offer", .unit = "", .doc = "when-faster: no answer where exact simulation would be faster, by a static estimate; always: leap anyway",
                            .type = ParameterInfo::Type::text, .fallback = Value("when-faster"), .allowed = {"when-faster", "always"}});
  } else if (kind == Leaping::Kind::langevin) {
    info.options.push_back({.name = "positivity", .unit = "", .doc = "truncated-rates: amounts may be negative, propensities see max(n, 0); reflected: amounts are reflected at zero",
                            .type = ParameterInfo::Type::text, .fallback = Value("truncated-rates"), .allowed = {"truncated-rates", "reflected"}});
  } else {
    ParameterInfo count{.name = "fast-count", .unit = "molecules", .doc = "a reaction is fast only while every species that it changes has at least this many molecules (times the change)", .fallback = Value(LeapOptions{}.fast_count)};
    count.min = 10;
    count.max = 1e9;
    info.options.push_back(count);
    ParameterInfo firings{.name = "fast-firings", .unit = "1", .doc = "a reaction is fast only while a leap holds at least this many of its firings", .fallback = Value(LeapOptions{}.fast_firings)};
    firings.min = 1;
    firings.max = 1e6;
    info.options.push_back(firings);
  }
  Level level = trajectories_level(std::move(info), [network, kind](const Ask& ask) {
    const auto leaping = std::make_shared<const Leaping>(network, kind, options_of(ask));
    Trajectories t = trajectories_of(network);
    t.path = [leaping](std::span<const double> times, FastStream rng, const Leaping::At& at, std::uint64_t max_events) { return leaping->run_path(times, rng, at, max_events); };
    t.window = [leaping](double burn_in, double window, FastStream rng, const Leaping::Hold& hold, std::uint64_t max_events) { return leaping->run_window(burn_in, window, rng, hold, max_events); };
    return t;
  }, std::move(slow_time));

  struct Judged {  // the pilot of the last question: adaptive rounds ask the same again
    std::mutex mutex;
    std::optional<Ask> ask;
    LeapPilot pilot;
  };
  const auto judged = std::make_shared<Judged>();
  const auto pilot = [network, kind, judged](const Ask& ask) {
    const std::lock_guard lock(judged->mutex);
    const auto same = [&](const Ask& other) {
      if (other.is_stationary() != ask.is_stationary() || other.options != ask.options) return false;
      if (!ask.is_stationary()) return other.times() == ask.times();
      return other.stationary().burn_in == ask.stationary().burn_in && other.stationary().window == ask.stationary().window;
    };
    if (!judged->ask || !same(*judged->ask)) {
      judged->pilot = pilot_of(network, Leaping(network, kind, options_of(ask)), ask);
      judged->ask = ask;
    }
    return judged->pilot;
  };
  const auto refused = [kind](const LeapPilot& pilot, const Ask& ask) {
    if (kind != Leaping::Kind::tau || pilot.gain >= least_gain) return false;
    const auto offer = ask.options.find("offer");
    return offer == ask.options.end() || std::get<std::string>(offer->second.data) == "when-faster";
  };
  level.run = [network, kind, pilot, refused, run = level.run](const Ask& ask, Context& context) {
    const LeapPilot known = pilot(ask);
    if (refused(known, ask)) {
      Answer none;
      none.why = "not offered: exact simulation is as fast";
      none.flags.push_back({.kind = "not-offered", .text = refusal(network, known)});
      return none;
    }
    Answer answer = run(ask, context);
    for (Flag& flag : flags_of(network, kind, known.tally)) answer.flags.push_back(std::move(flag));
    return answer;
  };
  level.plan = [network, kind, pilot, refused, plan = level.plan](const Ask& ask) {
    const LeapPilot known = pilot(ask);
    if (refused(known, ask)) return std::vector<std::string>{refusal(network, known)};
    std::vector<std::string> lines = plan(ask);
    for (const Flag& flag : flags_of(network, kind, known.tally)) lines.push_back(flag.text);
    return lines;
  };
  return level;
}

}  // namespace

Level tau_leap_level(SharedNetwork network, std::function<double()> slow_time) {
  return leaping_level(network, Leaping::Kind::tau,
                       {.name = "tau-leap", .doc = "trajectories in leaps with Poisson numbers of firings, adaptive, never negative; exact steps where leaps are short; offered where it is faster than ssa",
                        .parent = "ssa", .approximation = "propensities follow a two-stage rule during a leap (weak order 2)", .small_parameter = "epsilon", .expected_order = 2,
                        .source = "Anderson and Koyama (2012), doi:10.1137/110849699; Cao, Gillespie and Petzold (2006), doi:10.1063/1.2159468; (2005), doi:10.1063/1.1992473"}, std::move(slow_time));
}

Level langevin_level(SharedNetwork network, std::function<double()> slow_time) {
  return leaping_level(network, Leaping::Kind::langevin,
                       {.name = "cle", .doc = "chemical Langevin equation: normal numbers of firings, amounts are real numbers",
                        .parent = "ssa", .approximation = "Poisson jumps replaced by Gaussian ones", .small_parameter = "1/volume", .expected_order = 1,
                        .source = "Gillespie (2000), J. Chem. Phys. 113, 297, doi:10.1063/1.481811; steps: Anderson and Mattingly (2011), doi:10.4310/CMS.2011.v9.n1.a15"}, std::move(slow_time));
}

Level hybrid_level(SharedNetwork network, std::function<double()> slow_time) {
  return leaping_level(network, Leaping::Kind::hybrid,
                       {.name = "hybrid", .doc = "slow reactions exact, one at a time; fast ones (many molecules, many firings) by the chemical Langevin equation; all exact where none is fast",
                        .parent = "ssa", .approximation = "fast reactions: Poisson jumps replaced by Gaussian ones; slow ones see their path", .small_parameter = "1/fast-count", .expected_order = 0,
                        .source = "Salis and Kaznessis (2005), doi:10.1063/1.1835951; Haseltine and Rawlings (2002), doi:10.1063/1.1505860"}, std::move(slow_time));
}

}  // namespace meso::kinetics
