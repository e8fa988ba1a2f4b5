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
  explicit Registry(std::vector<Entry> entries) : entries_(std::move(entries)) {}
  [[nodiscard]] std::vector<std::string> names() const;
  /// @throws InputError with the nearest name
  [[nodiscard]] System make(const std::string& name) const;

 private:
  std::vector<Entry> entries_;
};

/// Every system under systems/, in alphabetical order.
const Registry& builtin_registry();

}  // namespace meso
