// What the tests of lattice systems share: an answer of one level through the real engine. For tests only.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <cstring>
#include <ctime>
#include <string>
#include <vector>

#include "exec/engine.h"
#include "io/toml.h"
#include "kits/lattice/observables.h"
#include "model/system.h"
#include "study/study_file.h"
#include "testing/measured.h"
#include "testing/statistics.h"

namespace meso::lattice::testing {

struct Question {
  Table parameters;
  std::variant<Times, Stationary> when = {};
  std::vector<std::string> observables;
  std::string level = micro_level;
  std::uint64_t trajectories = 1;
  Table options = {};
  std::uint64_t seed = 20180703;
  unsigned threads = 2;
  bool portraits = false;
};

inline Answer answer_of(const Level& level, const std::string& purpose, const Question& q) {
  LevelRun run({.seed = q.seed, .threads = q.threads}, purpose);
  run.set_trajectories(q.trajectories);
  return level.run({.when = q.when, .observables = q.observables, .options = resolve(level.info.options, q.options, "level '" + level.info.name + "'"), .portraits = q.portraits}, run);
}

inline Answer answer_of(const System& system, const Question& q) {
  const Case bound = system.bind(q.parameters);
  return answer_of(bound.level(q.level), system.name + "/" + q.level, q);
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
  times.back() = to;
  return times;
}

inline std::string flag_text(const Answer& answer) {
  std::string text;
  for (const Flag& flag : answer.flags) text += flag.text + "\n";
  return text;
}

inline bool same_bits(const Answer& a, const Answer& b) {
  if (a.estimates.size() != b.estimates.size()) return false;
  for (std::size_t i = 0; i < a.estimates.size(); ++i) {
    const auto &x = a.estimates[i], &y = b.estimates[i];
    if (x.value.size() != y.value.size() || std::memcmp(x.value.data(), y.value.data(), x.value.size() * sizeof(double)) != 0) return false;
    if (x.std_error.size() != y.std_error.size() || std::memcmp(x.std_error.data(), y.std_error.data(), x.std_error.size() * sizeof(double)) != 0) return false;
  }
  return true;
}

inline void expect_same_bits_on_any_threads(const System& system, Question q) {
  q.threads = 1;
  const Answer one = answer_of(system, q);
  for (const unsigned threads : {2u, 3u}) {
    q.threads = threads;
    EXPECT_TRUE(same_bits(one, answer_of(system, q))) << system.name << " on " << threads << " threads";
  }
}

inline std::string refusal(const System& system, const Table& parameters) {
  try {
    (void)system.bind(parameters);
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

}  // namespace meso::lattice::testing
