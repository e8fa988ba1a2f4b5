#include "model/system.h"

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"
#include "model/registry.h"

namespace meso {

const Level* Case::find_level(std::string_view name) const {
  for (const Level& level : levels)
    if (level.info.name == name) return &level;
  return nullptr;
}

const Level& Case::level(const std::string& name) const {
  if (const Level* level = find_level(name)) return *level;
  std::vector<std::string> names;
  for (const Level& level : levels) names.push_back(level.info.name);
  throw StudyError(fmt::format("unknown level '{}'.{}\n  known: {}", name, did_you_mean(name, names), join(names)));
}

ObservableInfo Case::observable(const std::string& name) const {
  for (const ObservableInfo& info : observables)
    if (info.name == name) return info;
  if (knows)
    if (const auto info = knows(name)) return *info;
  std::vector<std::string> names;
  for (const ObservableInfo& info : observables) names.push_back(info.name);
  throw StudyError(fmt::format("unknown observable '{}'.{}\n  known: {}", name, did_you_mean(name, names), join(names)));
}

std::vector<std::string> Registry::own_names() const {
  std::vector<std::string> names;
  for (const Entry& entry : entries_) names.emplace_back(entry.name);
  return names;
}

std::vector<std::string> Registry::names() const {
  std::vector<std::string> names = own_names();
  for (const Card& card : cards_) names.emplace_back(card.name);
  return names;
}

System Registry::make(const std::string& name) const {
  for (const Entry& entry : entries_)
    if (name == entry.name) return entry.make();
  for (const Card& card : cards_)
    if (name == card.name) return load_(card);
  const std::vector<std::string> known = names();
  throw InputError(fmt::format("unknown system '{}'.{}\n  known: {}", name, did_you_mean(name, known), join(known)));
}

System Registry::describe(const std::string& name) const {
  for (const Card& card : cards_)
    if (name == card.name) {
      System system;
      system.name = card.name;
      system.title = card.title;
      system.family = card.family;
      system.needs = card.needs;
      system.paper = card.paper;
      return system;
    }
  return make(name);
}

}  // namespace meso
