#include "model/results.h"

#include <fmt/format.h>

#include "base/error.h"

namespace meso {

const char* to_text(Outcome outcome) {
  switch (outcome) {
    case Outcome::agrees: return "agrees";
    case Outcome::disagrees: return "disagrees";
    case Outcome::undecided: return "undecided";
    case Outcome::broken: return "broken";
    case Outcome::absent: return "absent";
  }
  return "";
}

Outcome outcome_from_text(const std::string& text) {
  for (const Outcome outcome : {Outcome::agrees, Outcome::disagrees, Outcome::undecided, Outcome::broken, Outcome::absent})
    if (text == to_text(outcome)) return outcome;
  throw InputError(fmt::format("unknown outcome '{}'; known: agrees, disagrees, undecided, broken, absent", text));
}

const LevelResult* PointResult::find(const std::string& label) const {
  for (const LevelResult& level : levels)
    if (level.label == label) return &level;
  return nullptr;
}

const LevelResult* PointResult::reference() const {
  for (const LevelResult& level : levels)
    if (level.is_reference) return &level;
  return nullptr;
}

}  // namespace meso
