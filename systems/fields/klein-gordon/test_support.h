// What the three test programs of this folder share: an answer of one level through the real engine.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "exec/engine.h"
#include "kits/field/wave.h"
#include "systems/fields/klein-gordon/klein_gordon.h"
#include "testing/measured.h"
#include "testing/statistics.h"

namespace meso::systems::klein_gordon::tests {

struct Question {
  Table parameters;
  std::variant<Times, Stationary> when = {};
  std::string level = "field";
  std::vector<std::string> observables = {};
  std::uint64_t trajectories = 1;
  std::uint64_t seed = 20251201;
  unsigned threads = 2;
};

inline Answer answer_of(const Question& q) {
  const Case bound = system().bind(q.parameters);
  const Level& level = bound.level(q.level);
  LevelRun run({.seed = q.seed, .threads = q.threads}, "klein-gordon/" + q.level);
  run.set_trajectories(q.trajectories);
  return level.run({.when = q.when, .observables = q.observables, .options = resolve(level.info.options, {}, "level '" + q.level + "'")}, run);
}

inline const Estimate& get(const Answer& answer, const std::string& observable) {
  const Estimate* found = answer.find(observable);
  if (found == nullptr) throw std::runtime_error("no " + observable);
  return *found;
}

inline std::vector<double> linear_times(double to, std::size_t count) {
  std::vector<double> times;
  for (std::size_t i = 0; i < count; ++i) times.push_back(to * static_cast<double>(i) / static_cast<double>(count - 1));
  return times;
}

inline double mean(const std::vector<double>& values) {
  double sum = 0;
  for (const double x : values) sum += x / static_cast<double>(values.size());
  return sum;
}

inline field::WaveField field_of(const Params& p) {
  const field::Model m = model_of(p);
  return field::WaveField(field::Spectral(m.grid), m.potential, m.phi0, m.pi0);
}

/// Records a figure beside its reference and requires it within a tolerance.
inline void expect_figure(const std::string& check, double value, double reference, double tolerance, const std::string& source) {
  measured("klein-gordon", check, value, 0, reference, source);
  EXPECT_NEAR(value, reference, tolerance) << check;
}

}  // namespace meso::systems::klein_gordon::tests
