#include "kits/kinetics/ladder.h"

#include <memory>

#include "kits/kinetics/closure.h"
#include "kits/kinetics/fsp.h"
#include "kits/kinetics/linear_noise.h"
#include "kits/kinetics/observables.h"
#include "kits/kinetics/rate_equation.h"
#include "kits/kinetics/ssa_level.h"

namespace meso::kinetics {
namespace {

// `exact` is fsp where that is cheap and sure, else ssa; which one, and why, is in the answer.
Level exact_level(const std::shared_ptr<const Network>& network, const Level& fsp, const Level& ssa) {
  Level level;
  level.info = {.name = "exact",
                .rung = Rung::master,
                .doc = "fsp or ssa, by a static rule that is reported: fsp where its set of states is small enough, else ssa",
                .source = "Gillespie (1977), doi:10.1021/j100540a008; Munsky and Khammash (2006), doi:10.1063/1.2145882",
                .sampled = true,
                .grain = ssa.info.grain};
  level.run = [network, fsp, ssa](const Ask& ask, Context& context) {
    const ExactRule rule = exact_rule(*network, ask);
    Answer answer = (rule.level == "fsp" ? fsp : ssa).run(ask, context);
    answer.why = rule.why;
    return answer;
  };
  level.plan = [network, fsp, ssa](const Ask& ask) {
    const ExactRule rule = exact_rule(*network, ask);
    std::vector<std::string> lines{rule.why};
    const Level& chosen = rule.level == "fsp" ? fsp : ssa;
    if (chosen.plan)
      for (std::string& line : chosen.plan(ask)) lines.push_back(std::move(line));
    return lines;
  };
  return level;
}

}  // namespace

std::vector<Level> ladder(const Network& network) {
  const auto shared = std::make_shared<const Network>(network);
  const Level ssa = ssa_level(network, [shared] { return slow_time(*shared).value_or(0.0); });
  const Level fsp = fsp_level(network);
  return {ssa, fsp, closure_level(network), linear_noise_level(network), rate_equation_level(network), exact_level(shared, fsp, ssa)};
}

System network_system(NetworkSystem description) {
  description.spec.check();
  System system;
  system.name = description.name;
  system.title = description.title;
  system.family = description.family;
  system.paper = description.paper;
  system.doc = description.doc;
  system.parameters = description.spec.parameters();
  system.parameters.push_back({.name = "combinatoric",
                               .unit = "1",
                               .doc = "divide mass-action propensities by the factorials of the reactant counts, as in Gillespie (1977)",
                               .type = ParameterInfo::Type::boolean,
                               .fallback = Value(description.spec.combinatoric)});
  for (ParameterInfo& info : system.parameters) {
    const auto found = description.parameter_docs.find(info.name);
    if (found != description.parameter_docs.end()) info.doc = found->second;
  }
  system.bind = [spec = std::move(description.spec), infos = system.parameters, owner = "system '" + system.name + "'", time_unit = description.time_unit](const Table& given) {
    Case bound;
    bound.parameters = resolve(infos, given, owner);
    std::map<std::string, double> values;
    for (const auto& [name, value] : bound.parameters) {
      const bool* flag = std::get_if<bool>(&value.data);
      values[name] = flag != nullptr ? (*flag ? 1.0 : 0.0) : as_number(value);
    }
    Network network = spec.bind(values);
    network.time_unit = time_unit;
    bound.time_unit = time_unit;
    bound.observables = default_observables(network);
    bound.levels = ladder(network);
    bound.notes = network.notes;
    for (const std::vector<int>& law : network.conservation_laws()) bound.notes.push_back("conserved: " + network.law_text(law));
    bound.knows = [shared = std::make_shared<const Network>(std::move(network))](const std::string& name) { return observable_info(*shared, name); };
    return bound;
  };
  return system;
}

System network_system(NetworkSpec spec, std::string name, std::string title) {
  return network_system(NetworkSystem{.spec = std::move(spec), .name = std::move(name), .title = std::move(title)});
}

}  // namespace meso::kinetics
