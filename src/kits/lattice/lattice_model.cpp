#include "kits/lattice/lattice_model.h"

#include "kits/lattice/ladder.h"

namespace meso::lattice {

System lattice_system(LatticeSpec spec, std::string name, std::string title) {
  spec.check();
  System system;
  system.name = std::move(name);
  system.title = std::move(title);
  system.family = "lattice";
  system.doc = "Particles on a lattice that hop and react with their neighbours by the rules of the study file.";
  system.parameters = spec.parameters();
  system.bind = [spec = std::move(spec), infos = system.parameters, owner = "system '" + system.name + "'"](const Table& given) {
    Case bound;
    bound.parameters = resolve(infos, given, owner);
    std::map<std::string, double> values;
    for (const auto& [parameter, value] : bound.parameters) values[parameter] = as_number(value);
    const Model model = spec.bind(values);
    bound.observables = kinetics_observables(model);
    bound.levels = ladder(model);
    for (const std::string& law : model.conserves) bound.notes.push_back("conserved by every rule: " + law);
    return bound;
  };
  return system;
}

}  // namespace meso::lattice
