#include <fmt/format.h>

#include "apps/models/own_models.h"
#include "base/error.h"
#include "kits/field/ladder.h"

namespace meso {

/// potential, constants; box, n, x-min, boundary; dynamics, initial, momentum; damping, temperature, stiffness, dt, scheme, stepping, vacuum.
System own_field(const ModelRequest& request) {
  const TomlNode& node = *request.model;
  const Section section(node, "[field]");
  section.allow({"potential", "constants", "box", "n", "x-min", "boundary", "dynamics", "initial", "momentum", "damping", "temperature", "stiffness", "dt", "scheme", "stepping", "vacuum"});
  field::FieldSpec spec;
  spec.potential = section.require<std::string>("potential");
  // One number for a ring, a list for a torus.
  const auto numbers = [&](const char* key, std::vector<double>& into) {
    const TomlNode* found = node.find(key);
    if (found == nullptr) return;
    if (found->is_array()) into = section.require<std::vector<double>>(key);
    else into = {section.require<double>(key)};
  };
  numbers("box", spec.length);
  numbers("n", spec.n);
  numbers("x-min", spec.x_min);
  const auto text = [&](const char* key, std::string& into) { into = section.optional<std::string>(key).value_or(into); };
  text("boundary", spec.boundary);
  text("dynamics", spec.dynamics);
  text("initial", spec.initial);
  text("momentum", spec.momentum);
  text("scheme", spec.scheme);
  text("stepping", spec.stepping);
  const auto number = [&](const char* key, double& into) { into = section.optional<double>(key).value_or(into); };
  number("damping", spec.damping);
  number("temperature", spec.temperature);
  number("stiffness", spec.stiffness);
  number("dt", spec.dt);
  number("vacuum", spec.vacuum);
  if (const auto table = section.optional_section("constants"))
    for (const TomlEntry& entry : table->entries()) spec.constants[entry.key] = table->require<double>(entry.key);
  try {
    return field::field_system(std::move(spec), "field", request.title.empty() ? "A field of the user's own" : request.title);
  } catch (const InputError& error) {
    const std::string said = error.what();
    if (said.find(".toml:") != std::string::npos) throw;
    throw ModelError(node.where + ": " + said);
  }
}

}  // namespace meso
