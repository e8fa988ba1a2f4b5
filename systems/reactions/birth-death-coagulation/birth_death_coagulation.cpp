// Branching, death and coagulation: a population that lives long and dies out for sure. The physics is in README.md.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <memory>

#include "base/error.h"
#include "kits/kinetics/fsp_space.h"
#include "kits/kinetics/ladder.h"
#include "kits/kinetics/ssa.h"
#include "num/markov.h"

namespace meso::systems::birth_death_coagulation {
namespace {

using kinetics::Network;

const char* const mean_name = "A.survivor_mean";
const char* const variance_name = "A.survivor_variance";
const char* const decay_name = "decay_rate";

/// Law of n >= 1 given survival, on 1 .. size.
struct Survivors {
  num::QuasiStationary q;
  double mean = 0, variance = 0, mean_bound = 0, variance_bound = 0;
};

// States 1 .. top of the master equation; what leads to 0 leaks, what leads beyond top is left out (reflecting).
num::Generator survivors_generator(const kinetics::MasterEquation& master, std::int32_t top) {
  num::Generator g;
  for (std::int32_t n = 1; n <= top; ++n) {
    double leak = 0;
    master.transitions(std::array{n}, [&](std::size_t, std::span<const std::int32_t> to, double rate) {
      if (to[0] <= 0) leak += rate;
      else if (to[0] <= top) {
        g.target.push_back(static_cast<std::uint32_t>(to[0] - 1));
        g.rate.push_back(rate);
      }
    });
    g.leak.push_back(leak);
    g.start.push_back(g.target.size());
  }
  return g;
}

Survivors survivors_of(const Network& network) {
  const kinetics::MasterEquation master(network);
  const auto solve = [&](std::int32_t top) {
    Survivors s{.q = num::quasi_stationary(survivors_generator(master, top))};
    for (std::size_t j = 0; j < s.q.law.size(); ++j) s.mean += static_cast<double>(j + 1) * s.q.law[j];
    for (std::size_t j = 0; j < s.q.law.size(); ++j) s.variance += std::pow(static_cast<double>(j + 1) - s.mean, 2) * s.q.law[j];
    return s;
  };
  for (std::int32_t top = 64; top <= 1 << 20; top *= 2) {
    const Survivors s = solve(top);
    if (s.q.law.back() * top * top > 1e-14) continue;
    Survivors fine = solve(2 * top);  // the bound: a set twice as large, and what the iteration left
    const double left = fine.q.correction * 4 * fine.mean;
    fine.mean_bound = 10 * std::abs(fine.mean - s.mean) + left + 1e-13 * fine.mean;
    fine.variance_bound = 10 * std::abs(fine.variance - s.variance) + left * 4 * fine.mean + 1e-12 * fine.variance;
    return fine;
  }
  throw NumericalBreakdown("the quasi-stationary law reaches beyond a million molecules");
}

std::vector<Axis> axes_of(const Ask& ask) { return ask.is_stationary() ? std::vector<Axis>{} : std::vector<Axis>{{"t", "1", ask.times()}}; }

Level quasi_stationary_level(const Network& network) {
  Level level;
  level.info = {.name = "quasi-stationary",
                .rung = Rung::master,
                .doc = "leading eigenvector of the master equation on n >= 1: the law of the survivors once the start is forgotten, and the rate of extinction",
                .parent = "survivors",
                .approximation = "t -> infinity given survival: the start is forgotten",
                .source = "Méléard and Villemonais (2012), doi:10.1214/11-PS191"};
  const auto shared = std::make_shared<const Network>(network);
  level.run = [shared](const Ask& ask, Context&) {
    Answer answer;
    if (!ask.wants(mean_name) && !ask.wants(variance_name) && !ask.wants(decay_name)) return answer;
    Survivors s;
    try {
      s = survivors_of(*shared);
    } catch (const NumericalBreakdown& error) {
      answer.flags.push_back({.kind = "note", .text = std::string("no quasi-stationary law: ") + error.what()});
      return answer;
    }
    answer.why = fmt::format("{} states", s.q.law.size());
    const std::size_t points = ask.is_stationary() ? 1 : ask.times().size();
    const auto give = [&](const char* name, const char* unit, double value, double bound) {
      if (ask.wants(name)) answer.estimates.push_back(solved_estimate(name, unit, axes_of(ask), std::vector<double>(points, value), std::vector<double>(points, bound)));
    };
    give(mean_name, "molecules", s.mean, s.mean_bound);
    give(variance_name, "molecules^2", s.variance, s.variance_bound);
    give(decay_name, "1/time", s.q.decay_rate, s.q.decay_rate * (10 * s.q.correction + 1e-12));
    return answer;
  };
  return level;
}

// Trajectories that are alive at t, t/2 ago too: conditional averages are ratios of means over all trajectories.
struct SurvivorTrajectories {
  std::shared_ptr<const kinetics::Ssa> ssa;

  [[nodiscard]] Plan plan(const Ask& ask) const {
    if (ask.is_stationary()) throw StudyError("level 'survivors' answers at times: every population dies out, and a window would see it empty. Give times of several 1/(k1 - k2)");
    Plan plan;
    plan.axes = axes_of(ask);
    plan.signals = {{.name = "alive", .lo = 0, .hi = 1}, {.name = "n", .lo = 0, .path = true}, {.name = "n2", .lo = 0}, {.name = "alive at t/2", .lo = 0, .hi = 1}};
    std::vector<double> at_start;
    for (const double t : ask.times()) at_start.push_back(t == 0 ? 1.0 : 0.0);
    const auto ratio = [](double a, double b) { return b > 0 ? a / b : std::numeric_limits<double>::quiet_NaN(); };
    plan.derived = {{mean_name, "molecules", {0, 1}, [=](std::span<const double> s) { return ratio(s[1], s[0]); }, at_start},
                    {variance_name, "molecules^2", {0, 1, 2}, [=](std::span<const double> s) { return ratio(s[2], s[0]) - std::pow(ratio(s[1], s[0]), 2); }, at_start}};
    if (std::none_of(ask.times().begin(), ask.times().end(), [](double t) { return t == 0; })) {  // no rate over a span of 0
      // f sees means only, not the time: the rate times t/2 is formed there, and divided in `finish`.
      plan.derived.push_back({decay_name, "1/time", {0, 3}, [](std::span<const double> s) { return s[0] > 0 ? std::log(s[1] / s[0]) : std::numeric_limits<double>::quiet_NaN(); }});
    }
    return plan;
  }
  void sample(const Ask& ask, const Plan&, std::uint64_t seed, const std::string& purpose, std::uint64_t trajectory, Tape& tape) const {
    struct Stop {
      double t;
      std::size_t point;
      bool half;
    };
    std::vector<Stop> stops;
    for (std::size_t i = 0; i < ask.times().size(); ++i) stops.push_back({0.5 * ask.times()[i], i, true}), stops.push_back({ask.times()[i], i, false});
    std::stable_sort(stops.begin(), stops.end(), [](const Stop& a, const Stop& b) { return a.t < b.t; });
    std::vector<double> times;
    for (const Stop& s : stops)
      if (times.empty() || s.t > times.back()) times.push_back(s.t);
    std::size_t next = 0;
    const auto result = ssa->run_path(times, ssa->network().initial, Stream(seed, trajectory, purpose + "/survivors").fast(), [&](std::size_t i, std::span<const double> x) {
      for (; next < stops.size() && stops[next].t == times[i]; ++next) {
        const double alive = x[0] > 0 ? 1.0 : 0.0;
        if (stops[next].half) {
          tape.record(3, stops[next].point, alive);
          continue;
        }
        tape.record(0, stops[next].point, alive);
        tape.record(1, stops[next].point, x[0]);
        tape.record(2, stops[next].point, x[0] * x[0]);
      }
    });
    (void)result;
  }
};

Level survivors_level(const Network& network) {
  Level level;
  level.info = {.name = "survivors",
                .rung = Rung::micro,
                .doc = "exact trajectories, averaged over those that are alive at the time asked",
                .source = "Gillespie (1977), doi:10.1021/j100540a008",
                .sampled = true,
                .grain = 64};
  level.run = sampled(SurvivorTrajectories{std::make_shared<const kinetics::Ssa>(network)}, 64, [](const Ask& ask, const EnsembleResult&, Answer& answer) {
    for (Estimate& e : answer.estimates) {
      if (e.observable != decay_name) continue;
      for (std::size_t i = 0; i < e.value.size(); ++i) {
        const double span = 0.5 * ask.times()[i];
        e.value[i] /= span;
        if (!e.std_error.empty()) e.std_error[i] /= span;
        if (e.batches)
          for (std::size_t b = 0; b < e.batches->count(); ++b) e.batches->replicate[b * e.value.size() + i] /= span;
      }
    }
    std::erase_if(answer.estimates, [&](const Estimate& e) { return !ask.wants(e.observable); });
  });
  return level;
}

}  // namespace

System system() {
  const kinetics::NetworkSpec spec{.species = {"A"},
                                   .reactions = {"A -> 2A, k1", "A -> 0, k2", "2A -> A, k3"},
                                   .constants = {{"k1", 1.5}, {"k2", 1}, {"k3", 1}},
                                   .volume = 10,
                                   .initial = {{"A", 5}}};
  System system = kinetics::network_system({
      .spec = spec,
      .name = "birth-death-coagulation",
      .title = "Branching, death and coagulation: quasi-stationary populations",
      .paper = {"reaction-diffusion", "Fluctuations and correlations in chemical reaction kinetics and population dynamics", "2018-07-03"},
      .doc = "Molecules branch, die and coagulate. The rate equation is logistic and lives for ever above k1 = k2; the true population dies out for sure, after a "
             "time exponential in the volume. Until then it is quasi-stationary: conditioned on survival its law does not change.",
      .parameter_docs = {{"k1", "branching A -> 2A"}, {"k2", "death A -> 0"}, {"k3", "coagulation 2A -> A, propensity k3 n (n - 1)/volume"}},
  });
  system.bind = [inner = system.bind, spec](const Table& given) {
    Case bound = inner(given);
    std::map<std::string, double> values;
    for (const auto& [name, value] : bound.parameters) {
      const bool* flag = std::get_if<bool>(&value.data);
      values[name] = flag != nullptr ? (*flag ? 1.0 : 0.0) : as_number(value);
    }
    const Network network = spec.bind(values);
    bound.observables.push_back({.name = mean_name, .unit = "molecules", .doc = "<n | n > 0>, the mean of those that are not extinct", .by_default = false});
    bound.observables.push_back({.name = variance_name, .unit = "molecules^2", .doc = "<n^2 | n > 0> - <n | n > 0>^2", .by_default = false});
    bound.observables.push_back({.name = decay_name, .unit = "1/time", .doc = "2 ln(P(t/2)/P(t))/t with P(t) the probability of n > 0; at late times the rate of extinction", .by_default = false});
    bound.levels.push_back(survivors_level(network));
    bound.levels.push_back(quasi_stationary_level(network));
    return bound;
  };
  return system;
}

}  // namespace meso::systems::birth_death_coagulation
