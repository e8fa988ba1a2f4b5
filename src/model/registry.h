// Registry: names to systems. The built-in one is a table that the build writes (systems/CMakeLists.txt).
#pragma once

#include <string>
#include <vector>

#include "model/system.h"

namespace meso {

class Registry {
 public:
  struct Entry {
    const char* name;
    System (*make)();
  };
  /// A system of a plugin: what is said of it without loading the plugin.
  struct Card {
    const char *name, *title, *family, *needs;
    Paper paper;
  };
  /// Opens the plugin that a card needs and makes the system. @throws InputError  if it is not there
  using Load = System (*)(const Card&);

  explicit Registry(std::vector<Entry> entries, std::vector<Card> cards = {}, Load load = nullptr) : entries_(std::move(entries)), cards_(std::move(cards)), load_(load) {}
  [[nodiscard]] std::vector<std::string> names() const;
  /// Names of systems that no plugin is needed for.
  [[nodiscard]] std::vector<std::string> own_names() const;
  /// @throws InputError with the nearest name
  [[nodiscard]] System make(const std::string& name) const;
  /// The system, or what its card says of it: name, title, family, paper, needs; nothing is loaded. @throws InputError as `make`
  [[nodiscard]] System describe(const std::string& name) const;

 private:
  std::vector<Entry> entries_;
  std::vector<Card> cards_;
  Load load_;
};

/// Every system under systems/, in alphabetical order; those of a plugin behind the others.
const Registry& builtin_registry();

}  // namespace meso
