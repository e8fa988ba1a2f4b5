#include <fmt/format.h>

#include "apps/models/own_models.h"
#include "base/error.h"
#include "base/text.h"
#include "kits/lattice/lattice_model.h"

namespace meso {

/// [lattice]: species, size, boundary, occupation, rules, initial, exact-count, conserves, constants (src/kits/lattice/rule_text.h).
System own_lattice(const ModelRequest& request) {
  const Section section(*request.model, "[lattice]");
  section.allow({"species", "dimension", "size", "boundary", "occupation", "rules", "initial", "exact-count", "conserves", "constants"});
  lattice::LatticeSpec spec;
  spec.species = section.require<std::vector<std::string>>("species");
  spec.rules = section.require<std::vector<std::string>>("rules");
  for (const TomlNode& rule : section.node().find("rules")->items()) spec.where.push_back(rule.where);

  // size = 256 with dimension = 2, or size = [256, 128].
  std::vector<double> lengths;
  const TomlNode* size = section.node().find("size");
  if (size == nullptr) throw section.error("size", "[lattice] has no size: give one length and a dimension (size = 256, dimension = 2), or a list (size = [256, 128])");
  const bool list = size->is_array();
  if (list) lengths = section.require<std::vector<double>>("size");
  else lengths = {section.require<double>("size")};
  const auto dimension = section.optional<std::int64_t>("dimension");
  if (dimension && (*dimension < 1 || *dimension > 3)) throw section.error("dimension", fmt::format("dimension = {}; a lattice has 1 to 3 dimensions", *dimension));
  if (dimension && !list) lengths.assign(static_cast<std::size_t>(*dimension), lengths.front());
  if (dimension && lengths.size() != static_cast<std::size_t>(*dimension))
    throw section.error("dimension", fmt::format("dimension = {}, but size has {} lengths", *dimension, lengths.size()));
  spec.size.clear();
  for (const double length : lengths) {
    if (!(length >= 1 && length <= 1e9) || length != static_cast<double>(static_cast<std::int64_t>(length)))
      throw section.error("size", fmt::format("size has the length {}; lengths are whole numbers of sites from 1 on", brief(length)));
    spec.size.push_back(static_cast<std::int64_t>(length));
  }
  const auto word = [&](const char* key, const std::vector<std::string>& allowed) {
    const std::string given = section.optional<std::string>(key).value_or(allowed.front());
    for (const std::string& a : allowed)
      if (given == a) return given;
    throw section.error(key, fmt::format("{} = '{}'.{} Allowed: {}", key, given, did_you_mean(given, allowed), join(allowed)));
  };
  spec.boundary = word("boundary", {"periodic", "reflecting"}) == "periodic" ? lattice::Boundary::periodic : lattice::Boundary::reflecting;
  spec.occupation = word("occupation", {"exclusion", "bosonic"}) == "exclusion" ? lattice::Occupation::exclusion : lattice::Occupation::bosonic;

  const auto numbers = [&](const char* key, std::map<std::string, double>& into) {
    const auto table = section.optional_section(key);
    if (!table) return;
    for (const TomlEntry& entry : table->entries()) into[entry.key] = table->require<double>(entry.key);
  };
  const TomlNode* initial = section.node().find("initial");
  if (initial == nullptr) throw section.error("initial", "[lattice] has no initial: a table of densities ({ A = 0.5 }), \"full A\", \"seed A\" or \"seed A in B\"");
  if (std::holds_alternative<std::string>(initial->data)) spec.initial_text = section.require<std::string>("initial");
  else numbers("initial", spec.initial);
  spec.exact_count = section.optional<bool>("exact-count").value_or(false);
  spec.conserves = section.optional<std::vector<std::string>>("conserves").value_or(std::vector<std::string>{});
  numbers("constants", spec.constants);
  try {
    return lattice::lattice_system(spec, "lattice", request.title.empty() ? "A lattice model of the user's own" : request.title);
  } catch (const ModelError& error) {
    const std::string text = error.what();
    if (text.find(".toml:") != std::string::npos) throw;
    throw ModelError(section.where() + ": " + text);
  }
}

}  // namespace meso
