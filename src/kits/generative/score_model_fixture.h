// What tests of score models share: a model with its exact or another score, one level at one question.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "exec/engine.h"
#include "kits/generative/score_model.h"

namespace meso::generative::testing {

/// A model of the data; without a score the exact one.
inline ScoreModel with_score(const DataLaw& data, std::shared_ptr<const Field> score = nullptr) {
  ScoreModel m;
  m.data = data;
  if (!score) score = std::make_shared<MixturePotential>(*data.mixture, m.process);
  m.score = [score](Context&) { return score; };
  return m;
}

inline Answer run(const ScoreModel& model, const std::string& level, std::vector<std::string> observables, std::uint64_t trajectories = 0, const Table& options = {}) {
  LevelRun engine({.seed = 20231127, .threads = 2}, "test/" + level);
  engine.set_trajectories(trajectories);
  for (const Level& one : levels(std::make_shared<const ScoreModel>(model))) {
    if (one.info.name != level) continue;
    Ask ask;
    ask.when = Stationary{};
    ask.observables = std::move(observables);
    ask.options = resolve(one.info.options, options, "level '" + level + "'");
    return one.run(ask, engine);
  }
  return {};
}

inline double value(const Answer& a, const char* observable) { return a.find(observable)->value.back(); }

/// The text of the first flag that contains a phrase, or "".
inline std::string flag_with(const Answer& a, const std::string& phrase) {
  for (const Flag& flag : a.flags)
    if (flag.text.find(phrase) != std::string::npos) return flag.text;
  return "";
}

}  // namespace meso::generative::testing
