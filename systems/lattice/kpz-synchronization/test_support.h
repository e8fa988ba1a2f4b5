// What the three test programs of this folder share: an answer of one level through the real engine.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "exec/engine.h"
#include "systems/lattice/kpz-synchronization/kpz_synchronization.h"
#include "testing/statistics.h"

namespace meso::systems::kpz_synchronization::tests {

inline const std::vector<std::string> everything{"W2", "W", "slope", "growth_exponent", "skewness", "kurtosis", "cos_delta", "slip_fraction", "kuramoto_r", "velocity", "velocity_identity",
                                                 "frequency_spread", "G2", "S", "locked_fraction", "locking_threshold", "locking_threshold_open", "W_sat", "t_sat", "phase_class"};

struct Question {
  Table parameters;
  std::variant<Times, Stationary> when = {};
  std::string level = "oscillators";
  std::uint64_t trajectories = 1;
  Table options = {};
  std::uint64_t seed = 20260401;
  unsigned threads = 2;
  bool portraits = false;
};

inline Answer answer_of(const Question& q) {
  const Case bound = system().bind(q.parameters);
  const Level& level = bound.level(q.level);
  LevelRun run({.seed = q.seed, .threads = q.threads}, "kpz-synchronization/" + q.level);
  run.set_trajectories(q.trajectories);
  return level.run({.when = q.when, .observables = everything, .options = resolve(level.info.options, q.options, "level '" + q.level + "'"), .portraits = q.portraits}, run);
}

inline const Estimate& get(const Answer& answer, const std::string& observable) {
  const Estimate* found = answer.find(observable);
  if (found == nullptr) throw std::runtime_error("no " + observable);
  return *found;
}

/// Estimates over their exact values, beside 1: one relative power for points of different size.
inline MeanCheck relative_check(const Estimate& e, std::size_t i, double exact, const std::string& what) { return {1.0, e.value[i] / exact, e.se(i) / exact, what, e.dof}; }

inline std::vector<double> log_times(double from, double to, std::size_t count) {
  std::vector<double> times;
  for (std::size_t i = 0; i < count; ++i) times.push_back(from * std::pow(to / from, static_cast<double>(i) / static_cast<double>(count - 1)));
  return times;
}

inline std::string flag_text(const Answer& answer, const std::string& kind) {
  std::string text;
  for (const Flag& flag : answer.flags)
    if (flag.kind == kind) text += flag.text + "\n";
  return text;
}

}  // namespace meso::systems::kpz_synchronization::tests
