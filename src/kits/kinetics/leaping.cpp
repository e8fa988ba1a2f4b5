#include "kits/kinetics/leaping.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/text.h"
#include "kits/kinetics/observables.h"
#include "kits/kinetics/ssa_level.h"

namespace meso::kinetics {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double fewest_firings = 10;   // of a leap; below, exact steps are cheaper
constexpr int exact_steps = 100;

}  // namespace

Leaping::Leaping(const Network& network, Kind kind, LeapOptions options) : network_(network), propensities_(network_), kind_(kind), options_(options) {
  const char* name = kind == Kind::tau ? "tau-leap" : "cle";
  const std::size_t n = network.species.size();
  laws_of_.resize(n);
  order_.resize(n);
  own_.resize(n);
  reactant_.assign(n, 0);
  for (std::size_t r = 0; r < network.reactions.size(); ++r) {
    const Reaction& reaction = network.reactions[r];
    const auto named = [&] { return fmt::format("{}: {}reaction '{}'", name, reaction.where.empty() ? "" : reaction.where + ": ", reaction.text); };
    if (!reaction.bursts.empty()) throw ModelError(named() + ": bursts are not simulated in leaps; use level 'ssa'");
    if (reaction.law) {
      for (const std::string& variable : reaction.law->variables()) {
        if (variable == "t") throw ModelError(named() + ": the propensity depends on the time t; leaps need rates that do not. Use level 'ssa'");
        laws_of_[network.index(variable)].emplace_back(r, 0);
        reactant_[network.index(variable)] = 1;
      }
      continue;
    }
    for (const auto& [s, count] : reaction.reactants) {
      order_[s].push_back(reaction.order());
      own_[s].push_back(count);
      reactant_[s] = 1;
    }
  }
}

double Leaping::checked(std::size_t r, std::span<const double> x) const {
  const double value = propensities_(r, x);
  if (value >= 0 && value < infinity) return value;
  if (value < 0 && (value > -1e-12 || kind_ == Kind::langevin)) return 0;  // Langevin: between the whole numbers a falling factorial may be negative
  throw ModelError(fmt::format("reaction '{}': the propensity is {} at {}; it must be a number >= 0", network_.reactions[r].text, brief(value, 6), state_text(network_, x)));
}

void Leaping::propensities(State& s) const {
  if (kind_ == Kind::langevin)
    for (std::size_t i = 0; i < s.x.size(); ++i) s.seen[i] = std::max(0.0, s.x[i]);
  const std::span<const double> x = kind_ == Kind::langevin ? s.seen : s.x;
  for (std::size_t r = 0; r < s.a.size(); ++r) s.a[r] = checked(r, x);
}

/// Longest leap over which no propensity of a reaction that is not critical changes much; infinite where nothing changes.
double Leaping::step(State& s) const {
  std::fill(s.mean.begin(), s.mean.end(), 0.0);
  std::fill(s.square.begin(), s.square.end(), 0.0);
  for (std::size_t r = 0; r < s.a.size(); ++r) {
    if (s.critical[r] != 0) continue;
    for (const auto& [i, change] : network_.reactions[r].change) {
      s.mean[i] += std::abs(change) * s.a[r];
      s.square[i] += static_cast<double>(change) * change * s.a[r];
    }
  }
  double tau = infinity;
  for (std::size_t i = 0; i < s.x.size(); ++i) {
    if (reactant_[i] == 0 || s.square[i] == 0) continue;
    const double n = std::max(0.0, s.x[i]);
    double g = 1;
    for (std::size_t k = 0; k < order_[i].size(); ++k) {
      // Table of the paper: order 1: 1; order 2: 2, or 2 + 1/(n - 1) for two of its own; order 3: 3, 3/2 (2 + 1/(n - 1)), or 3 + 1/(n - 1) + 2/(n - 2).
      const double order = order_[i][k];
      double own = order;
      if (own_[i][k] == 2 && n > 1) own = order / 2 * (2 + 1 / (n - 1));
      if (own_[i][k] >= 3 && n > 2) own = order + 1 / (n - 1) + 2 / (n - 2);
      g = std::max(g, own);
    }
    for (const auto& [r, position] : laws_of_[i]) {
      if (!(s.a[r] > 0) || !(n > 0)) continue;
      s.trial = s.x;
      const double h = std::max(1.0, 1e-3 * n);
      s.trial[i] = n + h;
      const double change = propensities_(r, s.trial) - s.a[r];
      if (std::isfinite(change)) g = std::max(g, std::min(64.0, std::abs(change) / h * n / s.a[r]));
    }
    const double allowed = std::max(options_.epsilon * n / g, 1.0);
    tau = std::min(tau, allowed * allowed / s.square[i]);
    tau = std::min(tau, allowed / s.mean[i]);
  }
  return tau;
}

template <class Stop, class Held>
SsaResult Leaping::run(FastStream& rng, double end, Stop&& stop_after, Held&& held, std::uint64_t max_events) const {
  const std::size_t n_reactions = network_.reactions.size();
  State s;
  s.x.assign(network_.initial.begin(), network_.initial.end());
  s.seen = s.mean = s.square = s.trial = s.x;
  s.a.assign(n_reactions, 0.0);
  s.counts.assign(n_reactions, 0.0);
  s.critical.assign(n_reactions, 0);
  SsaResult result;
  double t = 0;
  const auto choose = [&](double total, const auto& counts_in) {
    double target = rng.uniform() * total;
    std::size_t last = n_reactions;
    for (std::size_t r = 0; r < n_reactions; ++r) {
      if (!counts_in(r) || !(s.a[r] > 0)) continue;
      last = r;
      if (target < s.a[r]) return r;
      target -= s.a[r];
    }
    return last;
  };
  const auto fire = [&](std::size_t r) {
    for (const auto& [i, change] : network_.reactions[r].change) {
      s.x[i] += change;
      if (s.x[i] < 0)
        throw ModelError(fmt::format("reaction '{}': fired although {} had too few molecules: {} after it; the law must vanish there", network_.reactions[r].text, network_.species[i], state_text(network_, s.x)));
    }
  };
  while (t < end) {
    if (++result.events >= max_events) {
      result.runaway = true;
      break;
    }
    propensities(s);
    double total = 0;
    for (const double a : s.a) total += a;
    const double stop = stop_after(t);  // next time at which somebody looks
    if (!(total > 0)) {
      result.absorbed = true;
      held(s.x, t, stop);
      t = stop;
      continue;
    }
    if (kind_ == Kind::langevin) {
      const double longest = step(s), tau = std::min(longest, stop - t);
      for (std::size_t r = 0; r < n_reactions; ++r) s.counts[r] = s.a[r] * tau + std::sqrt(s.a[r] * tau) * rng.normal();
      held(s.x, t, t + tau);
      for (std::size_t r = 0; r < n_reactions; ++r)
        for (const auto& [i, change] : network_.reactions[r].change) s.x[i] += change * s.counts[r];
      if (options_.reflected)
        for (double& x : s.x) x = std::abs(x);
      const bool vanishing = longest < 1e-15 * t;
      t = tau == stop - t ? stop : t + tau;
      if (vanishing || !std::all_of(s.x.begin(), s.x.end(), [](double x) { return std::isfinite(x); })) {
        result.runaway = true;
        break;
      }
      continue;
    }
    double critical_total = 0;
    for (std::size_t r = 0; r < n_reactions; ++r) {
      double possible = infinity;
      for (const auto& [i, change] : network_.reactions[r].change)
        if (change < 0) possible = std::min(possible, std::floor(s.x[i] / -change));
      s.critical[r] = s.a[r] > 0 && possible < options_.critical ? 1 : 0;
      if (s.critical[r] != 0) critical_total += s.a[r];
    }
    double longest = step(s);
    if (longest < fewest_firings / total) {
      // Exact: the direct method for a while.
      for (int k = 0; k < exact_steps && t < end; ++k) {
        if (k > 0) {
          propensities(s);
          total = 0;
          for (const double a : s.a) total += a;
          if (!(total > 0)) break;
          ++result.events;
        }
        const double t_next = t + detail::negative_log(rng.uniform()) / total, limit = stop_after(t);
        if (t_next > limit) {
          held(s.x, t, limit);
          t = limit;
          continue;
        }
        held(s.x, t, t_next);
        t = t_next;
        fire(choose(total, [](std::size_t) { return true; }));
      }
      continue;
    }
    while (true) {
      const double wait = critical_total > 0 ? detail::negative_log(rng.uniform()) / critical_total : infinity;
      const double tau = std::min({longest, wait, stop - t});
      s.trial = s.x;
      for (std::size_t r = 0; r < n_reactions; ++r) {
        if (s.critical[r] != 0 || !(s.a[r] > 0)) continue;
        const auto firings = static_cast<double>(rng.poisson(s.a[r] * tau));
        for (const auto& [i, change] : network_.reactions[r].change) s.trial[i] += change * firings;
      }
      const bool one_critical = wait == tau;
      std::size_t chosen = n_reactions;
      if (one_critical) {
        chosen = choose(critical_total, [&](std::size_t r) { return s.critical[r] != 0; });
        for (const auto& [i, change] : network_.reactions[chosen].change) s.trial[i] += change;
      }
      if (std::any_of(s.trial.begin(), s.trial.end(), [](double x) { return x < 0; })) {
        longest = tau / 2;
        continue;
      }
      held(s.x, t, t + tau);
      std::swap(s.x, s.trial);
      t = tau == stop - t ? stop : t + tau;
      break;
    }
  }
  result.t = t;
  return result;
}

SsaResult Leaping::run_path(std::span<const double> times, FastStream rng, const At& at, std::uint64_t max_events) const {
  if (times.empty()) return {};
  // A time of observation ends a leap, and the state is seen where the next one starts; the last one is a leap of one bit beyond the end.
  std::size_t next = 0;
  const double end = std::nextafter(times.back(), infinity);
  const auto stop_after = [&](double t) {
    std::size_t i = next;
    while (i < times.size() && times[i] <= t) ++i;
    return i < times.size() ? times[i] : end;
  };
  return run(rng, end, stop_after, [&](std::span<const double> x, double from, double) {
    while (next < times.size() && times[next] <= from) at(next++, x);
  }, max_events);
}

SsaResult Leaping::run_window(double burn_in, double window, FastStream rng, const Hold& hold, std::uint64_t max_events) const {
  const double end = burn_in + window;
  return run(rng, end, [&](double t) { return t < burn_in ? burn_in : end; }, [&](std::span<const double> x, double from, double to) {
    const double begin = std::max(from, burn_in);
    if (to > begin) hold(x, to - begin);
  }, max_events);
}

namespace {

Level leaping_level(const Network& network, Leaping::Kind kind, LevelInfo info) {
  const auto shared = std::make_shared<const Network>(network);
  info.rung = Rung::micro;
  ParameterInfo epsilon{.name = "epsilon", .unit = "1", .doc = "relative change of a propensity that one leap may bring", .fallback = Value(0.05)};
  epsilon.min = 1e-4;
  epsilon.max = 0.5;
  info.options.push_back(epsilon);
  if (kind == Leaping::Kind::tau) {
    ParameterInfo critical{.name = "critical", .unit = "1", .doc = "a reaction that could exhaust a reactant within this many firings fires one at a time", .type = ParameterInfo::Type::integer, .fallback = Value(std::int64_t{10})};
    critical.min = 1;
    critical.max = 1000;
    info.options.push_back(critical);
  } else {
    info.options.push_back({.name = "positivity", .unit = "", .doc = "truncated-rates: amounts may be negative, propensities see max(n, 0); reflected: amounts are reflected at zero",
                            .type = ParameterInfo::Type::text, .fallback = Value("truncated-rates"), .allowed = {"truncated-rates", "reflected"}});
  }
  return trajectories_level(std::move(info), [shared, kind](const Ask& ask) {
    LeapOptions options;
    if (const auto given = ask.options.find("epsilon"); given != ask.options.end()) options.epsilon = as_number(given->second);
    if (const auto given = ask.options.find("critical"); given != ask.options.end()) options.critical = static_cast<int>(as_number(given->second));
    if (const auto given = ask.options.find("positivity"); given != ask.options.end()) options.reflected = std::get<std::string>(given->second.data) == "reflected";
    const auto leaping = std::make_shared<const Leaping>(*shared, kind, options);
    Trajectories t;
    t.names = *shared;
    t.fixed.assign(shared->species.size(), 1);
    for (const Reaction& reaction : shared->reactions)
      for (const auto& [s, change] : reaction.change) t.fixed[s] = 0;
    t.largest.assign(shared->species.size(), infinity);
    t.unit = [shared](const std::string& observable) { return observable_info(*shared, observable)->unit; };
    t.path = [leaping](std::span<const double> times, FastStream rng, const Leaping::At& at, std::uint64_t max_events) { return leaping->run_path(times, rng, at, max_events); };
    t.window = [leaping](double burn_in, double window, FastStream rng, const Leaping::Hold& hold, std::uint64_t max_events) { return leaping->run_window(burn_in, window, rng, hold, max_events); };
    return t;
  });
}

}  // namespace

Level tau_leap_level(const Network& network) {
  return leaping_level(network, Leaping::Kind::tau,
                       {.name = "tau-leap", .doc = "trajectories in leaps with Poisson numbers of firings, adaptive, never negative; exact steps where leaps are short",
                        .parent = "ssa", .approximation = "propensities constant during a leap", .small_parameter = "epsilon", .expected_order = 1,
                        .source = "Cao, Gillespie and Petzold (2006), doi:10.1063/1.2159468; (2005), doi:10.1063/1.1992473"});
}

Level langevin_level(const Network& network) {
  return leaping_level(network, Leaping::Kind::langevin,
                       {.name = "cle", .doc = "chemical Langevin equation: normal numbers of firings, amounts are real numbers",
                        .parent = "ssa", .approximation = "Poisson jumps replaced by Gaussian ones", .small_parameter = "1/volume", .expected_order = 1,
                        .source = "Gillespie (2000), J. Chem. Phys. 113, 297, doi:10.1063/1.481811"});
}

}  // namespace meso::kinetics
