#include <fmt/format.h>

#include "apps/models/own_models.h"
#include "base/error.h"
#include "base/files.h"
#include "base/hash.h"
#include "base/text.h"
#include "kits/exchange/bionetgen.h"
#include "kits/exchange/sbml.h"
#include "kits/kinetics/ladder.h"
#include "kits/kinetics/process_system.h"

namespace meso {
namespace {

/// [network] file = "model.xml" (SBML) | "model.net" (BioNetGen). The resolved study names it by its whole path and keeps the hash of what was read.
System network_of_file(const ModelRequest& request, const Section& section) {
  section.allow({"file", "file-hash"});
  const std::filesystem::path path = request.folder / section.require<std::string>("file");
  const std::string extension = path.extension().string();
  if (extension != ".xml" && extension != ".sbml" && extension != ".net")
    throw section.error("file", fmt::format("'{}' is neither an SBML (.xml, .sbml) nor a BioNetGen file (.net)", path.string()));
  try {
    if (!std::filesystem::is_regular_file(path)) throw ModelError(fmt::format("{}: there is no such file", path.string()));
    const std::string hash = hex(fnv1a(read_file(path)));
    const auto expected = section.optional<std::string>("file-hash");
    if (expected && *expected != hash)
      throw ModelError(fmt::format("{} is not what it was when this study was resolved (hash {}, then {}); take file-hash out to use it as it is now", path.string(), hash, *expected));
    kinetics::ProcessSpec spec = extension == ".net" ? exchange::read_bionetgen(path) : exchange::read_sbml(path);
    if (request.stored) {
      request.stored->set("file", std::filesystem::absolute(path).lexically_normal().string());
      request.stored->set("file-hash", hash);
    }
    std::string title = !request.title.empty() ? request.title : !spec.title.empty() ? spec.title : path.stem().string();
    return kinetics::process_system(std::move(spec), "network", std::move(title));
  } catch (const ModelError& error) {
    const std::string text = error.what();
    if (text.starts_with(path.string())) throw;
    throw ModelError(path.string() + ": " + text);
  }
}

/// [[network.event]]: at = 5 | [0, 12, 24], or every = 12 with count = 5 and from = 0, or when = "X > 20"; add and set are tables of numbers or formulas.
kinetics::NetworkSpec::Event event_of(const Section& section) {
  section.allow({"name", "at", "every", "from", "count", "when", "set", "add"});
  kinetics::NetworkSpec::Event event;
  event.where = section.where();
  event.name = section.optional<std::string>("name").value_or("");
  event.when = section.optional<std::string>("when").value_or("");
  if (section.has("at")) event.at = section.node().find("at")->is_array() ? section.require<std::vector<double>>("at") : std::vector<double>{section.require<double>("at")};
  if (section.has("every")) {
    if (section.has("at")) throw section.error("every", "an event has either 'at' or 'every'");
    const double every = section.require<double>("every"), from = section.optional<double>("from").value_or(0.0);
    const auto count = section.require<std::uint64_t>("count");
    if (!(every > 0)) throw section.error("every", fmt::format("every = {}: the time between two doses must be above 0", exact(every)));
    if (count < 1 || count > 10000) throw section.error("count", fmt::format("count = {}: doses are from 1 to 10,000", count));
    for (std::uint64_t k = 0; k < count; ++k) event.at.push_back(from + every * static_cast<double>(k));
  } else if (section.has("from") || section.has("count")) {
    throw section.error(section.has("from") ? "from" : "count", "'from' and 'count' belong to 'every'");
  }
  for (auto [key, into] : {std::pair{"set", &event.set}, std::pair{"add", &event.add}})
    if (const auto table = section.optional_section(key))
      for (const auto& [name, value] : table->values()) {
        const std::string* text = std::get_if<std::string>(&value.data);
        (*into)[name] = text != nullptr ? *text : exact(as_number(value));
      }
  return event;
}

}  // namespace

/// CONTRACT section 5: species, reactions, volume, initial | initial-concentration, initial-law, constants, combinatoric, passage, noise, [[network.event]]; or file.
System own_network(const ModelRequest& request) {
  const TomlNode& node = *request.model;
  const std::string& title = request.title;
  const Section section(node, "[network]");
  if (section.has("file")) {
    if (section.has("species") || section.has("reactions")) throw section.error("file", "[network] needs either a file or species and reactions, and not both");
    return network_of_file(request, section);
  }
  section.allow({"species", "reactions", "volume", "initial", "initial-concentration", "initial-law", "constants", "combinatoric", "passage", "noise", "event"});
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
  if (const auto laws = section.optional_section("initial-law"))
    for (const TomlEntry& entry : laws->entries()) spec.initial_law[entry.key] = laws->require<std::string>(entry.key);
  if (const auto noise = section.optional_section("noise"))
    for (const TomlEntry& entry : noise->entries()) spec.noise[entry.key] = noise->require<std::string>(entry.key);
  for (const Section& event : section.sections("event")) spec.events.push_back(event_of(event));
  if (const auto passages = section.optional_section("passage"))
    for (const TomlEntry& entry : passages->entries()) spec.passages[entry.key] = passages->require<std::string>(entry.key);
  try {
    return kinetics::network_system(spec, "network", title.empty() ? "A reaction network of the user's own" : title);
  } catch (const ModelError& error) {
    const std::string text = error.what();
    if (text.find(".toml:") != std::string::npos) throw;
    throw ModelError(node.where.empty() ? text : node.where + ": " + text);  // a table from Python has no place
  }
}

}  // namespace meso
