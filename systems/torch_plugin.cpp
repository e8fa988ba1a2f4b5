// The plugin's only door (systems/plugin.cpp opens it).
#include <fmt/format.h>

#include <string_view>

#include "base/version.h"
#include "model/registry.h"

namespace meso {
const Registry& torch_registry();  // written by systems/CMakeLists.txt
}

/// The plugin's systems, or null for a program built from another version: values of C++ types cross here.
extern "C" [[gnu::visibility("default")]] const meso::Registry* meso_plugin(const char* program) {
  return std::string_view(program) == fmt::format("{} {}", meso::version, meso::revision) ? &meso::torch_registry() : nullptr;
}
