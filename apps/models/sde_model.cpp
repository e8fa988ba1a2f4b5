#include <cmath>
#include <limits>

#include "apps/models/own_models.h"
#include "base/error.h"
#include "base/text.h"
#include "kits/sde/ladder.h"

namespace meso {

/// [sde]: variables, drift, diffusion, interpretation, constants, initial, initial-sd, domain, time-unit (src/kits/sde/README.md).
System own_sde(const ModelRequest& request) {
  const TomlNode& node = *request.model;
  const Section section(node, "[sde]");
  section.allow({"variables", "drift", "diffusion", "interpretation", "constants", "initial", "initial-sd", "domain", "time-unit"});
  sde::SdeSpec spec;
  spec.variables = section.require<std::vector<std::string>>("variables");
  spec.where["variables"] = section.where("variables");
  const std::string interpretation = section.require<std::string>("interpretation");
  const std::vector<std::string> words{"ito", "stratonovich"};
  if (interpretation != words[0] && interpretation != words[1])
    throw section.error("interpretation", "'interpretation' is '" + interpretation + "'; allowed are ito and stratonovich." + did_you_mean(interpretation, words));
  spec.interpretation = interpretation == "ito" ? sde::Interpretation::ito : sde::Interpretation::stratonovich;
  spec.time_unit = section.optional<std::string>("time-unit").value_or("1");

  const auto formula = [](const Section& table, const std::string& key) {
    const TomlNode& value = *table.node().find(key);
    if (const double* number = std::get_if<double>(&value.data)) return exact(*number);
    if (const std::int64_t* number = std::get_if<std::int64_t>(&value.data)) return std::to_string(*number);
    return table.require<std::string>(key);
  };
  const Section drift = section.section("drift");
  spec.where["drift"] = section.where("drift");
  for (const TomlEntry& entry : drift.entries()) {
    spec.drift[entry.key] = formula(drift, entry.key);
    spec.where["drift." + entry.key] = entry.where;
  }
  const Section diffusion = section.section("diffusion");
  spec.where["diffusion"] = section.where("diffusion");
  bool single = false;
  for (const TomlEntry& entry : diffusion.entries()) {
    spec.where["diffusion." + entry.key] = entry.where;
    if (entry.value.is_array()) {
      spec.shared_noise = true;
      spec.diffusion[entry.key] = diffusion.require<std::vector<std::string>>(entry.key);
    } else {
      single = true;
      spec.diffusion[entry.key] = {formula(diffusion, entry.key)};
    }
  }
  if (single && spec.shared_noise)
    throw section.error("diffusion", "diffusion mixes single amplitudes (each variable's own noise) and lists (amplitudes of the shared noises W_1, W_2, ...); write one or the other for all variables");

  const auto numbers = [&](const char* key, std::map<std::string, double>& into) {
    const auto table = section.optional_section(key);
    if (!table) return;
    for (const TomlEntry& entry : table->entries()) {
      into[entry.key] = table->require<double>(entry.key);
      spec.where[std::string(key) + "." + entry.key] = entry.where;
    }
  };
  numbers("constants", spec.constants);
  numbers("initial", spec.initial);
  numbers("initial-sd", spec.initial_sd);
  if (const auto domain = section.optional_section("domain"))
    for (const TomlEntry& entry : domain->entries()) {
      const bool ends = entry.value.is_array() && entry.value.items().size() == 2;
      std::array<double, 2> walls{};
      for (std::size_t k = 0; ends && k < 2; ++k) {
        const TomlNode& end = entry.value.items()[k];
        const double* number = std::get_if<double>(&end.data);
        const std::int64_t* whole = std::get_if<std::int64_t>(&end.data);
        walls[k] = number != nullptr ? *number : whole != nullptr ? static_cast<double>(*whole) : std::numeric_limits<double>::quiet_NaN();
      }
      if (!ends || std::isnan(walls[0]) || std::isnan(walls[1]))
        throw domain->error(entry.key, "the domain of '" + entry.key + "' is " + entry.value.description() + "; expected two numbers, e.g. [0, inf]");
      spec.domain[entry.key] = walls;
      spec.where["domain." + entry.key] = entry.where;
    }
  try {
    return sde::sde_system({.spec = spec,
                            .name = "sde",
                            .title = request.title.empty() ? "A stochastic differential equation of the user's own" : request.title});
  } catch (const ModelError& error) {
    const std::string text = error.what();
    if (text.find(".toml:") != std::string::npos) throw;
    throw ModelError(node.where + ": " + text);
  }
}

}  // namespace meso
