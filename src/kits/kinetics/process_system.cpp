#include "kits/kinetics/process_system.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <mutex>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "kits/kinetics/described.h"
#include "kits/kinetics/ladder.h"
#include "kits/kinetics/observables.h"
#include "kits/kinetics/process_ode.h"
#include "kits/kinetics/ssa_level.h"

namespace meso::kinetics {

System process_system(ProcessSpec spec, std::string name, std::string title) {
  (void)bind(spec, {});
  System system;
  system.name = std::move(name);
  system.title = std::move(title);
  system.family = "reactions";
  system.doc = fmt::format("A model file: {} reaction{}, {} rule{}, {} event{}.", spec.reactions.size(), spec.reactions.size() == 1 ? "" : "s", spec.assignments.size() + spec.rates.size(),
                           spec.assignments.size() + spec.rates.size() == 1 ? "" : "s", spec.events.size(), spec.events.size() == 1 ? "" : "s");
  system.parameters = spec.parameters();
  system.bind = [spec = std::make_shared<const ProcessSpec>(std::move(spec)), infos = system.parameters, owner = "system '" + system.name + "'"](const Table& given) {
    Case bound;
    bound.parameters = resolve(infos, given, owner);
    std::map<std::string, double> values;
    for (const auto& [parameter, value] : bound.parameters) values[parameter] = as_number(value);
    Process process = kinetics::bind(*spec, values);
    bound.time_unit = process.time_unit;
    bound.notes = process.notes;
    const SharedNetwork seen(observed_network(process));
    if (std::all_of(process.observed.begin(), process.observed.end(), [](const auto& observed) { return observed.unit == "molecules"; })) bound.observables = default_observables(seen);
    else
      for (const auto& observed : process.observed)
        for (const char* what : {".mean", ".variance"}) bound.observables.push_back(*observed_info(process, seen, observed.name + what));
    const auto shared = std::make_shared<const Process>(process);
    bound.knows = Described{.process = shared, .seen = seen.pointer()};
    // Compiled when a level first needs it: a plain network may never.
    const auto compiled = [shared, made = std::make_shared<std::pair<std::once_flag, std::shared_ptr<const CompiledProcess>>>()] {
      std::call_once(made->first, [&] { made->second = std::make_shared<const CompiledProcess>(*shared); });
      return made->second;
    };
    const std::string more = beyond_network(process);
    if (more.empty()) {
      const SharedNetwork network(plain_network(process));
      if (const auto fault = find_law_fault(*network)) throw ModelError(fault->text);
      const bool macroscopic = std::count_if(process.reactions.begin(), process.reactions.end(), [](const auto& r) { return r.macroscopic.has_value(); }) >
                               std::count_if(network->reactions.begin(), network->reactions.end(), [](const auto& r) { return r.mass_action; });
      const bool rule_variables = std::any_of(process.observed.begin(), process.observed.end(), [&](const auto& o) { return o.slot != Process::npos && o.slot >= process.n_states; });
      bound.levels = ladder(network, [spec, values](const std::string& parameter, double value) {
        std::map<std::string, double> changed = values;
        if (!changed.contains(parameter)) throw ParameterError(fmt::format("branches: unknown parameter '{}'", parameter));
        changed[parameter] = value;
        const Process other = kinetics::bind(*spec, changed);
        if (const std::string why = beyond_network(other); !why.empty()) throw ParameterError(fmt::format("branches: with {} = {} the model is no plain network: {}", parameter, exact(value), why));
        return plain_network(other);
      });
      bound.notes.insert(bound.notes.end(), network->notes.begin(), network->notes.end());
      for (const std::vector<int>& law : network->conservation_laws()) bound.notes.push_back("conserved: " + network->law_text(law));
      // Variables of rules, and rates of the rate equation that are others, are known to the process alone.
      for (Level& level : bound.levels) {
        if (level.info.name == "ssa" && rule_variables) level = process_ssa_level(compiled());
        if (level.info.name == "rate-equation" && (rule_variables || macroscopic)) {
          const LevelInfo info = level.info;
          level = process_rate_equation_level(compiled);
          level.info.parent = info.parent;
          level.info.approximation = info.approximation;
        }
      }
      return bound;
    }
    const auto model = compiled();
    bound.levels.push_back(process_ssa_level(model));
    bound.levels.push_back(process_rate_equation_level(model));
    bound.notes.push_back(fmt::format("levels ssa and rate-equation; fsp, closure, reconstruction and lna are not offered: {}", more));
    return bound;
  };
  return system;
}

}  // namespace meso::kinetics
