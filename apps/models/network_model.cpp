#include <fmt/format.h>

#include "apps/models/own_models.h"
#include "base/error.h"
#include "base/text.h"
#include "kits/kinetics/ladder.h"

namespace meso {

/// CONTRACT section 5: species, reactions, volume, initial | initial-concentration, constants, combinatoric.
System own_network(const ModelRequest& request) {
  const TomlNode& node = *request.model;
  const std::string& title = request.title;
  const Section section(node, "[network]");
  section.allow({"species", "reactions", "volume", "initial", "initial-concentration", "constants", "combinatoric"});
  kinetics::NetworkSpec spec;
  spec.species = section.require<std::vector<std::string>>("species");
  spec.reactions = section.require<std::vector<std::string>>("reactions");
  for (const TomlNode& reaction : node.find("reactions")->items()) spec.where.push_back(reaction.where);
  spec.volume = section.optional<double>("volume").value_or(1.0);
  spec.combinatoric = section.optional<bool>("combinatoric").value_or(false);
  const auto numbers = [&](const char* key, std::map<std::string, double>& into) {
    const auto table = section.optional_section(key);
    if (!table) return;
    for (const TomlEntry& entry : table->entries()) into[entry.key] = table->require<double>(entry.key);
  };
  numbers("initial", spec.initial);
  numbers("initial-concentration", spec.initial_concentration);
  numbers("constants", spec.constants);
  try {
    return kinetics::network_system(spec, "network", title.empty() ? "A reaction network of the user's own" : title);
  } catch (const ModelError& error) {
    const std::string text = error.what();
    if (text.find(".toml:") != std::string::npos) throw;
    throw ModelError(node.where + ": " + text);
  }
}

}  // namespace meso
