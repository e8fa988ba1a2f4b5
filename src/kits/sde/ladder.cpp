#include "kits/sde/ladder.h"

#include <fmt/format.h>

#include <memory>

#include "base/text.h"
#include "kits/sde/fokker_planck.h"
#include "kits/sde/langevin.h"
#include "kits/sde/moments.h"
#include "kits/sde/observables.h"
#include "kits/sde/stationary.h"

namespace meso::sde {

std::vector<Level> ladder(const Process& process) {
  std::vector<Level> levels{langevin_level(process)};
  if (process.size() <= 2) levels.push_back(fokker_planck_level(process));
  levels.push_back(linear_noise_level(process));
  if (is_solvable(process)) levels.push_back(exact_level(process));
  if (process.size() == 1 && !process.time_dependent) levels.push_back(stationary_law_level(process));
  return levels;
}

System sde_system(SdeSystem description) {
  description.spec.check();
  System system;
  system.name = description.name;
  system.title = description.title;
  system.family = description.family;
  system.paper = description.paper;
  system.doc = description.doc;
  system.parameters = description.spec.parameters();
  for (ParameterInfo& info : system.parameters) {
    if (const auto doc = description.parameter_docs.find(info.name); doc != description.parameter_docs.end()) info.doc = doc->second;
    if (const auto range = description.parameter_ranges.find(info.name); range != description.parameter_ranges.end()) {
      info.min = range->second[0];
      info.max = range->second[1];
    }
  }
  system.bind = [spec = std::move(description.spec), infos = system.parameters, owner = "system '" + system.name + "'"](const Table& given) {
    Case bound;
    bound.parameters = resolve(infos, given, owner);
    std::map<std::string, double> values;
    for (const auto& [name, value] : bound.parameters) values[name] = as_number(value);
    Process process = spec.bind(values);
    bound.time_unit = process.time_unit;
    bound.observables = default_observables(process);
    bound.levels = ladder(process);
    for (std::size_t i = 0; i < process.size(); ++i) {
      std::string noise;
      for (std::size_t k = 0; k < process.ito.noises; ++k)
        if (double v = 1; !(process.ito.b(i, k).is_constant(&v) && v == 0)) noise += fmt::format(" + ({}) dW{}", process.ito.b(i, k).text(), process.ito.noises > 1 ? std::to_string(k + 1) : "");
      bound.notes.push_back(fmt::format("Itô: d{} = ({}) dt{}{}", process.ito.variables[i], process.ito.drift[i].text(), noise,
                                        process.written == Interpretation::stratonovich ? " (converted from Stratonovich)" : ""));
    }
    bound.knows = [shared = std::make_shared<const Process>(std::move(process))](const std::string& name) { return observable_info(*shared, name); };
    return bound;
  };
  return system;
}

}  // namespace meso::sde
