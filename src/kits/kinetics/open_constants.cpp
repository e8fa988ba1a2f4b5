#include "kits/kinetics/open_constants.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/error.h"
#include "base/text.h"
#include "kits/kinetics/condition.h"

namespace meso::kinetics {
namespace {

constexpr std::size_t most_events = 10000;

}  // namespace

void refuse_open(const Network& network, const Formula& formula, const std::string& what) {
  for (const std::string& name : formula.variables())
    for (const OpenConstant& open : network.open_constants)
      if (open.name == name)
        throw ModelError(fmt::format("{} depends on '{}', which {}; it must be a number from the start", what, name, open.law ? "is drawn per trajectory" : "events change"));
}

std::map<std::string, double> bind_open_constants(const NetworkSpec& spec, const std::map<std::string, double>& numbers, Network& network) {
  std::vector<std::string> constants;
  for (const auto& [name, value] : spec.constants) constants.push_back(name);
  std::map<std::string, double> closed = numbers;
  const auto is_species = [&](const std::string& name) { return std::find(spec.species.begin(), spec.species.end(), name) != spec.species.end(); };
  for (const auto& [name, text] : spec.noise) {
    if (!spec.constants.contains(name)) throw ModelError(fmt::format("noise: '{}' is no constant of the network.{}\n  constants: {}", name, did_you_mean(name, constants), join(constants)));
    OpenConstant open{name, numbers.at(name)};
    try {
      open.law = bind_law(parse_law(text), numbers);
    } catch (const ModelError& error) {
      throw ModelError(fmt::format("noise of '{}': {}", name, error.what()));
    }
    network.notes.push_back(fmt::format("'{}' is drawn per trajectory: {}, mean {}", name, text, brief(open.law->mean(), 6)));
    network.open_constants.push_back(std::move(open));
    closed.erase(name);
  }
  for (const NetworkSpec::Event& event : spec.events)
    for (const auto* table : {&event.set, &event.add})
      for (const auto& [name, text] : *table) {
        if (is_species(name) || !closed.contains(name) || name == "volume") continue;
        network.open_constants.push_back({name, numbers.at(name)});
        closed.erase(name);
      }

  std::size_t number = 0, total = 0;
  for (const NetworkSpec::Event& event : spec.events) {
    ++number;
    const std::string name = event.name.empty() ? fmt::format("event {}", number) : fmt::format("event '{}'", event.name), label = event.where.empty() ? name : event.where + ": " + name;
    const auto read = [&](const std::string& text, bool condition) {
      Formula formula = Formula::constant(0);
      try {
        formula = (condition ? parse_condition(text) : Formula::parse(text)).substitute(closed);
      } catch (const ModelError& error) {
        throw ModelError(fmt::format("{}: {}", label, error.what()));
      }
      std::vector<std::string> known = spec.species;
      known.insert(known.end(), constants.begin(), constants.end());
      known.insert(known.end(), {"t", "volume"});
      for (const std::string& variable : formula.variables())
        if (std::find(known.begin(), known.end(), variable) == known.end())
          throw ModelError(fmt::format("{}: unknown name '{}' in '{}'.{}\n  known: {}", label, variable, text, did_you_mean(variable, known), join(known)));
      return formula;
    };
    NetworkEvent bound{event.name.empty() ? std::to_string(number) : event.name, Formula::constant(0), {}};
    for (const bool add : {false, true})
      for (const auto& [target, text] : add ? event.add : event.set) {
        if (!is_species(target) && !spec.constants.contains(target)) {
          std::vector<std::string> known = spec.species;
          known.insert(known.end(), constants.begin(), constants.end());
          throw ModelError(fmt::format("{}: '{}' is neither a species nor a constant.{}\n  known: {}", label, target, did_you_mean(target, known), join(known)));
        }
        if (add && event.set.contains(target)) throw ModelError(fmt::format("{}: '{}' is set and added to; choose one", label, target));
        const Formula value = read(text, false);
        bound.assignments.emplace_back(target, add ? Formula::variable(target) + value : value);
      }
    if (bound.assignments.empty()) throw ModelError(fmt::format("{}: it changes nothing; give 'add' or 'set'", label));
    if (event.at.empty() == event.when.empty()) throw ModelError(fmt::format("{}: give either times ('at', or 'every' and 'count') or a condition ('when')", label));
    if (!event.when.empty()) {
      bound.trigger = read(event.when, true);
      network.events.push_back(bound);
    }
    for (const double t : event.at) {
      if (!(t >= 0) || !std::isfinite(t)) throw ModelError(fmt::format("{}: the time {} must be a number >= 0", label, exact(t)));
      bound.trigger = Formula::call("le", {Formula::constant(t), Formula::variable("t")});
      network.events.push_back(bound);
    }
    if ((total = network.events.size()) > most_events) throw ModelError(fmt::format("{}: {} events and more; at most {} are simulated", label, with_commas(total), with_commas(most_events)));
  }
  return closed;
}

}  // namespace meso::kinetics
