#include "kits/kinetics/ladder.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <set>

#include "base/error.h"
#include "base/text.h"
#include "kits/kinetics/closure.h"
#include "kits/kinetics/described.h"
#include "kits/kinetics/fsp.h"
#include "kits/kinetics/leaping.h"
#include "kits/kinetics/linear_noise.h"
#include "kits/kinetics/next_reaction.h"
#include "kits/kinetics/observables.h"
#include "kits/kinetics/process_ode.h"
#include "kits/kinetics/rate_equation.h"
#include "kits/kinetics/reconstruction.h"
#include "kits/kinetics/ssa_level.h"

namespace meso::kinetics {
namespace {

// `exact` is fsp where that is cheap and sure, else ssa; which one, and why, is in the answer.
Level exact_level(const SharedNetwork& network, const Level& fsp, const Level& ssa) {
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

// A level that this network cannot have, and that says why when it is asked.
Level refused(Level level, const std::string& why) {
  level.run = [text = level.info.name + ": " + why](const Ask&, Context&) -> Answer { throw ModelError(text); };
  level.plan = {};
  level.equations = {};
  level.branches = {};
  return level;
}

// The flows of the moment levels, for continuation.
std::shared_ptr<const FlowAt> flow_at(const Network& network, Convention convention, const std::function<Flow(const ReducedNetwork&)>& make) {
  ReducedNetwork reduced = reduce(network, convention);
  if (reduced.size() == 0) return nullptr;
  Flow flow = make(reduced);
  return std::make_shared<const FlowAt>(FlowAt{network, std::move(reduced), std::move(flow)});
}

std::shared_ptr<const FlowAt> closure_at(const Network& network, const Table& options) {
  const auto integer = [&](const char* name) { return static_cast<int>(std::get<std::int64_t>(options.find(name)->second.data)); };
  return flow_at(network, Convention::stochastic, [&](const ReducedNetwork& reduced) {
    return closed_flow(reduced, closure_family(std::get<std::string>(options.find("kind")->second.data)), integer("order"), integer("taylor"));
  });
}

std::shared_ptr<const FlowAt> linear_noise_at(const Network& network, const Table&) {
  return flow_at(network, Convention::macroscopic, [](const ReducedNetwork& reduced) { return Flow(linear_noise_equations(reduced)); });
}

std::shared_ptr<const FlowAt> rate_equation_at(const Network& network, const Table&) { return flow_at(network, Convention::macroscopic, rate_equation_flow); }

}  // namespace

std::vector<Level> ladder(const SharedNetwork& shared, const Rebuild& rebuild) {
  const Network& network = *shared;
  const auto slow = [shared] { return slow_time(*shared).value_or(0.0); };
  const Level ssa = ssa_level(shared, slow);
  const Level fsp = fsp_level(shared);
  Level closure = closure_level(shared), lna = linear_noise_level(shared), rate = rate_equation_level(shared);
  const bool bursts = std::any_of(network.reactions.begin(), network.reactions.end(), [](const Reaction& r) { return !r.bursts.empty(); });
  if (network.time_dependent() && has_conditions(network) && !bursts) {  // pulses: no step may pass over them
    const LevelInfo info = rate.info;
    rate = process_rate_equation_level(std::make_shared<const CompiledProcess>(process_of(network)));
    rate.info.parent = info.parent;
    rate.info.approximation = info.approximation;
  } else if (network.species.size() > ode_matrix_free_from && !bursts && network.beyond_reactions().empty()) {  // no dense algebra of that size
    rate.run = [shared](const Ask& ask, Context& context) {
      if (ask.is_stationary()) throw StudyError("rate-equation: a network of " + with_commas(shared->species.size()) + " species is solved over times; ask for --times");
      return process_rate_equation_level(std::make_shared<const CompiledProcess>(process_of(*shared))).run(ask, context);
    };
    rate.plan = [n = network.species.size()](const Ask&) { return std::vector<std::string>{with_commas(n) + " equations, without a matrix"}; };
  } else if (rebuild) {
    rate.branches = branches_of(rebuild, rate_equation_at, rate.info.options, "level 'rate-equation'");
  }
  if (rebuild) {
    closure.branches = branches_of(rebuild, closure_at, closure.info.options, "level 'closure'");
    lna.branches = branches_of(rebuild, linear_noise_at, lna.info.options, "level 'lna'");
  }
  std::vector<Level> levels{ssa};
  if (const std::string beyond = network.beyond_reactions(); !beyond.empty()) {
    const bool events_alone = network.delayed() == nullptr && std::none_of(network.open_constants.begin(), network.open_constants.end(), [](const OpenConstant& c) { return c.law.has_value(); });
    const std::string why = beyond + (network.delayed() != nullptr ? ": what is on its way is part of the state, which this level does not hold. Levels that have delays: ssa"
                                      : events_alone               ? ", which this level does not have. Levels that have them: ssa, rate-equation"
                                                                   : "; this level has one value for all. Levels that draw: ssa");
    for (const Level& level : {next_reaction_level(shared, slow), tau_leap_level(shared, slow), langevin_level(shared, slow), hybrid_level(shared, slow), fsp, closure, reconstruction_level(shared, closure), lna}) levels.push_back(refused(level, why));
    if (events_alone) {
      const LevelInfo info = rate.info;
      rate = process_rate_equation_level(std::make_shared<const CompiledProcess>(process_of(network)));
      rate.info.parent = info.parent;
      rate.info.approximation = info.approximation;
      levels.push_back(rate);
    } else {
      levels.push_back(refused(rate, why));
    }
    levels.push_back(exact_level(shared, fsp, ssa));
    return levels;
  }
  if (!network.time_dependent()) levels.push_back(next_reaction_level(shared, slow));
  if (!network.time_dependent() && !bursts)
    for (Level (*level)(SharedNetwork, std::function<double()>) : {tau_leap_level, langevin_level, hybrid_level}) levels.push_back(level(shared, slow));
  if (network.random_start()) {
    // Moments start from the moments of the law, fsp from the law; conserved totals and long times would differ between trajectories.
    std::string total;
    for (const std::vector<int>& law : network.conservation_laws())
      for (std::size_t s = 0; s < law.size(); ++s)
        if (law[s] != 0 && network.start_laws[s].kind != CountLaw::Kind::point) total = network.species[s];
    const std::string conserved = fmt::format("the initial count of {} is drawn, so that a conserved total differs between trajectories. Levels that draw: ssa, next-reaction, tau-leap, cle, hybrid, fsp over times", total);
    const auto guarded = [](Level level, const std::function<std::string(const Ask&)>& wrong) {
      level.run = [run = level.run, wrong, name = level.info.name](const Ask& ask, Context& context) {
        if (const std::string why = wrong(ask); !why.empty()) throw ModelError(name + ": " + why);
        return run(ask, context);
      };
      level.branches = {};
      return level;
    };
    levels.push_back(guarded(fsp, [](const Ask& ask) { return ask.is_stationary() ? std::string("initial counts are drawn; ask for times, or give counts") : std::string(); }));
    for (const Level& level : {closure, lna})
      levels.push_back(total.empty() ? guarded(level, [](const Ask& ask) {
        const auto kind = ask.options.find("kind");
        return kind != ask.options.end() && kind->second == Value(std::string("linear-mapping")) ? std::string("kind linear-mapping starts from given counts, and these are drawn") : std::string();
      }) : refused(level, conserved));
    const bool whole = std::all_of(network.start_laws.begin(), network.start_laws.end(), [](const CountLaw& law) { return law.mean == std::floor(law.mean); });
    levels.push_back(total.empty() || whole ? rate : refused(rate, conserved));
    levels.push_back(exact_level(shared, fsp, ssa));
    return levels;
  }
  for (Level level : {fsp, closure, reconstruction_level(shared, closure), lna, rate, exact_level(shared, fsp, ssa)}) levels.push_back(std::move(level));
  return levels;
}

namespace {

// What is known of the system before it is bound: long where the network is large, and held by every case and level.
struct Description {
  NetworkSpec spec;
  std::vector<ParameterInfo> infos;
  std::string owner, time_unit;
};

// The network at another value of one real parameter, the others as bound.
Rebuild rebuild_of(std::shared_ptr<const Description> description, std::map<std::string, double> given, bool conserves) {
  return [description = std::move(description), bound = std::make_shared<const std::map<std::string, double>>(std::move(given)), conserves](const std::string& name, double value) {
    const auto& [spec, infos, owner, time_unit] = *description;
    std::vector<std::string> real;
    const ParameterInfo* info = nullptr;
    for (const ParameterInfo& p : infos) {
      if (p.type == ParameterInfo::Type::real) real.push_back(p.name);
      if (p.name == name) info = &p;
    }
    if (info == nullptr) throw ParameterError("branches: unknown parameter '" + name + "' of " + owner + "." + did_you_mean(name, real) + "\n  known: " + join(real));
    if (info->type != ParameterInfo::Type::real)
      throw ParameterError("branches: parameter '" + name + "' of " + owner + " is no real number, so that states cannot be followed in it\n  real ones: " + join(real));
    if (conserves && !spec.initial_concentration.empty() && (name == "volume" || name.ends_with("0_per_volume")))
      throw ParameterError("branches: conserved totals of " + owner + " are counted in whole molecules and jump with '" + name + "'; follow the states in another parameter, or give initial counts");
    (void)resolve(std::span(info, 1), {{name, Value(value)}}, owner);  // its range
    std::map<std::string, double> changed = *bound;
    changed[name] = value;
    return spec.bind(changed, false);
  };
}

}  // namespace

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
  // A constant that is a mass-action rate by itself may not be negative: its range says so, where one in an expression is checked when bound.
  std::set<std::string> rates;
  for (const std::string& reaction : description.spec.reactions)
    if (const std::size_t comma = reaction.find(','); comma != std::string::npos)
      for (const std::string& rate : split(std::string_view(reaction).substr(comma + 1), ';')) rates.insert(rate);
  for (ParameterInfo& info : system.parameters)
    if (info.type == ParameterInfo::Type::real && rates.contains(info.name)) info.min = 0;
  for (ParameterInfo& info : system.parameters) {
    const auto found = description.parameter_docs.find(info.name);
    if (found != description.parameter_docs.end()) info.doc = found->second;
  }
  const auto known = std::make_shared<const Description>(Description{std::move(description.spec), system.parameters, "system '" + system.name + "'", description.time_unit});
  system.bind = [known](const Table& given) {
    const auto& [spec, infos, owner, time_unit] = *known;
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
    const SharedNetwork shared(std::move(network));
    bound.observables = default_observables(shared);
    const std::vector<std::vector<int>> laws = shared->conservation_laws();
    bound.levels = ladder(shared, rebuild_of(known, std::move(values), !laws.empty()));
    bound.notes = shared->notes;
    for (const std::vector<int>& law : laws) bound.notes.push_back("conserved: " + shared->law_text(law));
    bound.knows = Described{.network = shared.pointer()};
    return bound;
  };
  return system;
}

System network_system(NetworkSpec spec, std::string name, std::string title) {
  return network_system(NetworkSystem{.spec = std::move(spec), .name = std::move(name), .title = std::move(title)});
}

}  // namespace meso::kinetics
