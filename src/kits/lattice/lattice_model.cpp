#include "kits/lattice/lattice_model.h"

#include <algorithm>
#include <cmath>
#include <memory>

#include "base/error.h"
#include "kits/lattice/observables.h"
#include "kits/lattice/pair_approximation.h"
#include "kits/lattice/pde.h"
#include "kits/lattice/rate_equation.h"

namespace meso::lattice {
namespace {

// Lets a solved level give <s>.slope too: from its densities, with the bound of each of them carried through.
Level with_slopes(Level level, const std::vector<std::string>& species) {
  level.run = [run = std::move(level.run), species](const Ask& ask, Context& context) {
    Ask inner = ask;
    for (const std::string& s : species)
      if (ask.wants(s + ".slope") && !ask.wants(density_name(s))) inner.observables.push_back(density_name(s));
    Answer answer = run(inner, context);
    if (ask.is_stationary()) return answer;
    for (const std::string& s : species) {
      const Estimate* density = answer.find(density_name(s));
      if (density == nullptr) continue;
      if (ask.wants(s + ".slope")) {
        Estimate slope = *density;
        slope.observable = s + ".slope";
        slope.unit = "1";
        slope.value = effective_exponent(ask.times(), density->value);
        slope.error_bound.assign(slope.value.size(), 1e-14);
        std::vector<double> y = density->value;
        for (std::size_t j = 0; j < y.size(); ++j) {
          if (!(density->bound(j) > 0)) continue;
          y[j] += density->bound(j);
          const std::vector<double> moved = effective_exponent(ask.times(), y);
          for (std::size_t i = 0; i < y.size(); ++i) slope.error_bound[i] += std::abs(moved[i] - slope.value[i]);
          y[j] = density->value[j];
        }
        for (std::size_t i = 0; i < slope.exact.size(); ++i) slope.exact[i] = ask.times()[i] == 0 ? 1.0 : 0.0;
        answer.estimates.push_back(std::move(slope));
      }
    }
    std::erase_if(answer.estimates, [&](const Estimate& e) { return !ask.wants(e.observable); });
    return answer;
  };
  return level;
}

}  // namespace

std::vector<Level> reduced_levels(const Model& model) {
  std::vector<Level> all;
  const bool exclusion = model.occupation == Occupation::exclusion;
  if (exclusion) all.push_back(pair_approximation_level(model, micro_level));
  all.push_back(pde_level(model, exclusion ? "pair-approximation" : micro_level));
  all.push_back(rate_equation_level(model, "pde"));
  for (Level& level : all) level = with_slopes(std::move(level), model.species);
  return all;
}

std::vector<Level> levels(const Model& model, const KineticsOptions& options) {
  std::vector<Level> all{kinetics_level(model, options)};
  for (Level& level : reduced_levels(model)) all.push_back(std::move(level));
  return all;
}

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
    bound.levels = levels(model);
    for (const std::string& law : model.conserves) bound.notes.push_back("conserved by every rule: " + law);
    return bound;
  };
  return system;
}

}  // namespace meso::lattice
