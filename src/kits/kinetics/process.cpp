#include "kits/kinetics/process.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <string_view>
#include <unordered_map>

#include "base/error.h"
#include "base/text.h"

namespace meso::kinetics {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

bool is_number(const Formula& f, double* value = nullptr) {
  if (f.root()->op != Op::number) return false;
  if (value != nullptr) *value = f.root()->value;
  return true;
}

bool contains(const std::vector<std::string>& names, const std::string& name) { return std::find(names.begin(), names.end(), name) != names.end(); }

/// Comparisons inside a formula: the places where it has a kink or jumps.
void collect_conditions(const Formula& f, std::vector<Formula>& found) {
  const Formula::Node& n = *f.root();
  for (const Formula& argument : n.args) collect_conditions(argument, found);
  if (n.op != Op::less && n.op != Op::less_equal && n.op != Op::equal) return;
  for (const Formula& known : found)
    if (known.text() == f.text()) return;
  found.push_back(f);
}

}  // namespace

std::vector<ParameterInfo> ProcessSpec::parameters() const {
  std::vector<ParameterInfo> infos;
  for (const Quantity& q : quantities) {
    double value = 0;
    if (q.parameter.empty() || !q.initial || !is_number(*q.initial, &value)) continue;
    ParameterInfo info{.name = q.parameter, .unit = q.unit, .doc = q.doc, .fallback = Value(value)};
    if (q.counted) info.min = std::min(0.0, value);
    infos.push_back(std::move(info));
  }
  return infos;
}

Process bind(const ProcessSpec& spec, const std::map<std::string, double>& values) {
  Process process;
  process.time_unit = spec.time_unit;
  process.notes = spec.notes;
  process.not_counts = spec.not_counts;

  std::map<std::string, const ProcessSpec::Quantity*> known;
  std::set<std::string> parameters;
  for (const auto& q : spec.quantities) {
    if (!known.emplace(q.name, &q).second) throw ModelError(fmt::format("'{}' names two quantities", q.name));
    if (!q.parameter.empty()) parameters.insert(q.parameter);
  }
  for (const auto& [name, value] : values)
    if (!parameters.contains(name)) {
      const std::vector<std::string> list(parameters.begin(), parameters.end());
      throw ModelError(fmt::format("unknown parameter '{}'.{}\n  known: {}", name, did_you_mean(name, list), join(list)));
    }
  std::map<std::string, Formula> rule_of;
  for (const auto& rule : spec.assignments)
    if (!rule_of.emplace(rule.quantity, rule.value).second) throw ModelError(fmt::format("'{}' has two assignment rules", rule.quantity));

  // Which quantities vary, and how.
  std::set<std::string> states;
  for (const auto& reaction : spec.reactions)
    for (const auto& change : reaction.changes) states.insert(change.quantity);
  for (const auto& rule : spec.rates) states.insert(rule.quantity);
  for (const auto& event : spec.events)
    for (const auto& assignment : event.assignments) states.insert(assignment.quantity);
  const auto check_known = [&](const std::string& name, const std::string& where) {
    if (known.contains(name) || name == time_name) return;
    std::vector<std::string> list;
    for (const auto& [other, q] : known) list.push_back(other);
    throw ModelError(fmt::format("{}: unknown name '{}'.{}\n  known: {}", where, name, did_you_mean(name, list), join(list)));
  };
  for (const std::string& name : states) {
    check_known(name, "the model");
    if (rule_of.contains(name)) throw ModelError(fmt::format("'{}' is given by an assignment rule and changed by a reaction, a rate rule or an event as well", name));
  }

  // Values at t = 0, each from those it depends on.
  std::map<std::string, double> at_start;
  std::vector<std::string> path;
  const auto value_of = [&](const auto& self, const std::string& name) -> double {
    if (name == time_name) return 0;
    if (const auto found = at_start.find(name); found != at_start.end()) return found->second;
    check_known(name, "initial values");
    if (contains(path, name)) throw ModelError(fmt::format("initial values and assignment rules depend on each other in a circle: {} -> {}", join(path, " -> "), name));
    path.push_back(name);
    const ProcessSpec::Quantity& q = *known[name];
    double value = std::numeric_limits<double>::quiet_NaN();
    const auto given = q.parameter.empty() ? values.end() : values.find(q.parameter);
    const auto rule = rule_of.find(name);
    if (rule == rule_of.end() && given != values.end()) {
      value = given->second;
    } else if (rule != rule_of.end() || q.initial) {
      const Formula& formula = rule != rule_of.end() ? rule->second : *q.initial;
      std::map<std::string, double> inputs;
      for (const std::string& input : formula.variables()) inputs[input] = self(self, input);
      (void)formula.substitute(inputs).is_constant(&value);
    }
    path.pop_back();
    return at_start[name] = value;
  };
  for (const auto& q : spec.quantities) (void)value_of(value_of, q.name);

  // Constants are put in; assigned quantities that are made of constants alone become constants too.
  std::map<std::string, double> constants;
  for (const auto& q : spec.quantities)
    if (!states.contains(q.name) && !rule_of.contains(q.name)) constants[q.name] = at_start[q.name];
  std::vector<std::string> order, visiting;
  std::map<std::string, Formula> assigned;
  const auto place = [&](const auto& self, const std::string& name) -> void {
    if (assigned.contains(name) || constants.contains(name)) return;
    const auto rule = rule_of.find(name);
    if (rule == rule_of.end()) return;
    if (contains(visiting, name)) throw ModelError(fmt::format("assignment rules depend on each other in a circle: {} -> {}", join(visiting, " -> "), name));
    visiting.push_back(name);
    for (const std::string& input : rule->second.variables()) {
      check_known(input, fmt::format("assignment rule of '{}'", name));
      self(self, input);
    }
    visiting.pop_back();
    const Formula bound = rule->second.substitute(constants);
    double value = 0;
    if (bound.is_constant(&value)) {
      constants[name] = value;
      return;
    }
    assigned.emplace(name, bound);
    order.push_back(name);
  };
  for (const auto& rule : spec.assignments) {
    check_known(rule.quantity, "assignment rule");
    place(place, rule.quantity);
  }

  for (const auto& q : spec.quantities)
    if (states.contains(q.name)) {
      process.names.push_back(q.name);
      process.initial.push_back(at_start[q.name]);
      process.counted.push_back(q.counted ? 1 : 0);
    }
  process.n_states = process.names.size();
  for (const std::string& name : order) {
    process.names.push_back(name);
    process.assigned.push_back(assigned.at(name));
  }
  process.n_assigned = order.size();
  process.names.emplace_back(time_name);
  process.rates.resize(process.n_states);
  std::unordered_map<std::string_view, std::size_t> slots;
  for (std::size_t s = 0; s < process.names.size(); ++s) slots.emplace(process.names[s], s);
  const auto slot_of = [&](const std::string& name) {
    const auto found = slots.find(name);
    return found == slots.end() ? Process::npos : found->second;
  };

  std::map<std::string, Formula> numbers;
  for (const auto& [name, value] : constants) numbers.emplace(name, Formula::constant(value));
  std::set<std::string> used;
  const auto bound = [&](const Formula& formula, const std::string& where) {
    for (const std::string& name : formula.variables()) {
      check_known(name, where);
      used.insert(name);
      if (const auto constant = constants.find(name); constant != constants.end() && std::isnan(constant->second) && !rule_of.contains(name))
        throw ModelError(fmt::format("{}: '{}' has no value: give it one in the model{}", where, name,
                                     known[name]->parameter.empty() ? "" : fmt::format(" or set the parameter {}", known[name]->parameter)));
    }
    return formula.substitute(numbers);
  };
  for (const auto& rule : spec.assignments) (void)bound(rule.value, fmt::format("assignment rule of '{}'", rule.quantity));
  for (const auto& rule : spec.rates) {
    const std::size_t slot = slot_of(rule.quantity);
    if (process.rates[slot]) throw ModelError(fmt::format("'{}' has two rate rules", rule.quantity));
    process.rates[slot] = bound(rule.value, fmt::format("rate rule of '{}'", rule.quantity));
  }
  for (const auto& r : spec.reactions) {
    Process::Reaction reaction{r.text, {}, {}, bound(r.rate, r.text), r.reversible};
    std::map<std::size_t, double> change;
    for (const auto& c : r.changes) {
      const std::size_t slot = slot_of(c.quantity);
      if (process.rates[slot]) throw ModelError(fmt::format("{}: '{}' is changed by a reaction and by a rate rule", r.text, c.quantity));
      const Formula amount = bound(c.amount, r.text);
      double value = 0;
      if (amount.is_constant(&value)) {
        if (!std::isfinite(value)) throw ModelError(fmt::format("{}: the stoichiometry of '{}' is {}", r.text, c.quantity, exact(value)));
        change[slot] += value;
      } else {
        reaction.varying.emplace_back(slot, amount);
      }
    }
    for (const auto& [slot, value] : change)
      if (value != 0) reaction.change.emplace_back(slot, value);
    if (r.macroscopic) reaction.macroscopic = bound(*r.macroscopic, r.text);
    process.reactions.push_back(std::move(reaction));
  }
  for (const auto& e : spec.events) {
    const std::string where = fmt::format("event '{}'", e.name);
    Process::Event event{e.name, bound(e.trigger, where), e.initially, e.persistent, e.values_from_trigger, {}, {}, {}};
    if (e.delay) event.delay = bound(*e.delay, where);
    if (e.priority) event.priority = bound(*e.priority, where);
    for (const auto& assignment : e.assignments) event.assignments.emplace_back(slot_of(assignment.quantity), bound(assignment.value, where));
    process.events.push_back(std::move(event));
  }
  for (std::size_t s = 0; s < process.n_states; ++s) {
    const std::string& name = process.names[s];
    if (std::isfinite(process.initial[s])) continue;
    const bool missing = std::isnan(process.initial[s]) && !known[name]->initial;
    if (missing && !used.contains(name) && !process.rates[s]) continue;  // set by an event before anything reads it
    throw ModelError(fmt::format("'{}' {}", name, missing ? "has no initial value" : fmt::format("starts at {}; it must be a finite number", exact(process.initial[s]))));
  }
  for (const auto& q : spec.quantities) {
    if (!q.observed) continue;
    Process::Observed observed{q.name, q.unit, slot_of(q.name), 0, q.counted, true};
    if (observed.slot == Process::npos) {
      observed.value = constants[q.name];
      observed.varies = false;
    }
    process.observed.push_back(std::move(observed));
  }
  return process;
}

std::vector<std::size_t> Process::dependencies(const Formula& formula) const {
  std::set<std::size_t> found;
  const auto visit = [&](const auto& self, const Formula& f) -> void {
    for (const std::string& name : f.variables()) {
      const auto slot = static_cast<std::size_t>(std::find(names.begin(), names.end(), name) - names.begin());
      if (slot >= n_states && slot < n_states + n_assigned) self(self, assigned[slot - n_states]);
      else found.insert(slot);
    }
  };
  visit(visit, formula);
  return {found.begin(), found.end()};
}

Formula Process::inlined(const Formula& formula) const {
  Formula result = formula;
  for (std::size_t k = n_assigned; k-- > 0;) result = result.substitute(std::map<std::string, Formula>{{names[n_states + k], assigned[k]}});
  return result;
}

bool Process::has_rate_rules() const {
  return std::any_of(rates.begin(), rates.end(), [](const auto& rate) { return rate.has_value(); });
}

std::string beyond_network(const Process& process) {
  if (!process.not_counts.empty()) return process.not_counts;
  if (!process.events.empty()) return fmt::format("it has events ('{}')", process.events.front().name);
  for (std::size_t s = 0; s < process.n_states; ++s)
    if (process.rates[s]) return fmt::format("'{}' follows a rate rule", process.names[s]);
  if (process.reactions.empty()) return "it has no reactions";
  for (const auto& reaction : process.reactions) {
    if (!reaction.varying.empty()) return fmt::format("{}: the stoichiometry of '{}' varies", reaction.text, process.names[reaction.varying.front().first]);
    for (const auto& [s, amount] : reaction.change)
      if (amount != std::floor(amount) || std::abs(amount) > 1000) return fmt::format("{}: a firing changes '{}' by {}, which is no whole number of molecules", reaction.text, process.names[s], exact(amount));
  }
  for (std::size_t s = 0; s < process.n_states; ++s) {
    const double n = process.initial[s];
    if (!(n >= 0 && n == std::floor(n) && n < 9007199254740992.0)) return fmt::format("'{}' starts with {}, which is no whole number of molecules", process.names[s], exact(n));
  }
  return "";
}

std::optional<std::pair<Formula, Formula>> split_reversible(const Formula& rate) {
  using Pair = std::pair<Formula, Formula>;
  const Formula zero = Formula::constant(0);
  const auto split = [&](const auto& self, const Formula& f) -> Pair {
    const Formula::Node& n = *f.root();
    double value = 0;
    if (is_number(f, &value) && value < 0) return {zero, Formula::constant(-value)};
    switch (n.op) {
      case Op::negate: {
        const Pair a = self(self, n.args[0]);
        return {a.second, a.first};
      }
      case Op::add: {
        const Pair a = self(self, n.args[0]), b = self(self, n.args[1]);
        return {a.first + b.first, a.second + b.second};
      }
      case Op::subtract: {
        if (n.args[1].variables().empty() || n.args[0].variables().empty()) return {f, zero};  // n - 1, 1 - n/K: one factor
        const Pair a = self(self, n.args[0]), b = self(self, n.args[1]);
        return {a.first + b.second, a.second + b.first};
      }
      case Op::multiply: {
        const Pair a = self(self, n.args[0]), b = self(self, n.args[1]);
        return {a.first * b.first + a.second * b.second, a.first * b.second + a.second * b.first};
      }
      case Op::divide: {
        const Pair a = self(self, n.args[0]);
        return {a.first / n.args[1], a.second / n.args[1]};
      }
      default: return {f, zero};
    }
  };
  const Pair result = split(split, rate);
  double value = 0;
  if (is_number(result.second, &value) && value == 0) return std::nullopt;
  return result;
}

namespace {

/// A law of falling factorials whose rate equation has powers is mass action, if it vanishes before a reactant could fall below zero.
void make_mass_action(const Network& network, Reaction& reaction, const Formula& macroscopic) {
  const auto product = falling_product(*reaction.law);
  if (!product) return;
  const std::vector<std::string> names = reaction.law->variables();
  std::map<std::vector<int>, double> difference;
  if (!(product->powers() - macroscopic).polynomial(names, difference)) return;
  for (const auto& [exponents, coefficient] : difference)
    if (std::abs(coefficient) > 1e-12 * product->c) return;
  std::map<std::size_t, int> left, right;
  for (const auto& [name, count] : product->factors) left[network.index(name)] = count;
  right = left;
  for (const auto& [s, change] : reaction.change) right[s] += change;
  if (std::any_of(right.begin(), right.end(), [](const auto& term) { return term.second < 0; })) return;
  std::erase_if(right, [](const auto& term) { return term.second == 0; });
  reaction.mass_action = true;
  reaction.law.reset();
  reaction.rate = reaction.stochastic = product->c;
  reaction.reactants.assign(left.begin(), left.end());
  reaction.products.assign(right.begin(), right.end());
}

}  // namespace

Network plain_network(const Process& process) {
  Network network;
  network.time_unit = process.time_unit;
  network.notes = process.notes;
  std::vector<std::size_t> species_of(process.n_states, Process::npos);
  for (const auto& observed : process.observed) {
    if (observed.slot != Process::npos && observed.slot >= process.n_states) continue;  // a rule's variable
    if (observed.slot == Process::npos && (!observed.counted || !(observed.value >= 0) || observed.value != std::floor(observed.value))) continue;
    if (observed.slot != Process::npos) species_of[observed.slot] = network.species.size();
    network.species.push_back(observed.name);
    network.initial.push_back(static_cast<std::int64_t>(observed.slot == Process::npos ? observed.value : process.initial[observed.slot]));
  }
  for (std::size_t s = 0; s < process.n_states; ++s)
    if (species_of[s] == Process::npos) {
      species_of[s] = network.species.size();
      network.species.push_back(process.names[s]);
      network.initial.push_back(static_cast<std::int64_t>(process.initial[s]));
    }
  const auto add = [&](const Process::Reaction& r, const std::string& text, const Formula& law, double sign) {
    Reaction reaction;
    reaction.text = text;
    reaction.mass_action = false;
    reaction.law = law;
    for (const auto& [s, amount] : r.change) reaction.change.emplace_back(species_of[s], static_cast<int>(sign * amount));
    std::sort(reaction.change.begin(), reaction.change.end());
    for (const auto& [s, amount] : reaction.change) (amount < 0 ? reaction.reactants : reaction.products).emplace_back(s, std::abs(amount));
    if (r.macroscopic) make_mass_action(network, reaction, process.inlined(*r.macroscopic));
    network.reactions.push_back(std::move(reaction));
  };
  for (const auto& r : process.reactions) {
    const Formula law = process.inlined(r.rate);
    const auto both = r.reversible ? split_reversible(law) : std::nullopt;
    if (!both) {
      add(r, r.text, law, 1);
      continue;
    }
    add(r, r.text + " (forward)", both->first, 1);
    add(r, r.text + " (backward)", both->second, -1);
  }
  return network;
}

Process process_of(const Network& network) {
  Process process;
  const std::size_t n_species = network.species.size();
  process.names = network.species;
  process.initial.assign(network.initial.begin(), network.initial.end());
  process.counted.assign(n_species, 1);
  for (const OpenConstant& constant : network.open_constants) {  // states that stand still between events
    if (constant.law) process.drawn.emplace_back(process.names.size(), *constant.law);
    process.names.push_back(constant.name);
    process.initial.push_back(constant.value);
    process.counted.push_back(0);
  }
  process.n_states = process.names.size();
  process.names.emplace_back(time_name);
  process.start_laws = network.start_laws;
  const auto state_of = [&](const std::string& name) { return static_cast<std::size_t>(std::find(process.names.begin(), process.names.end(), name) - process.names.begin()); };
  process.passages = network.passages;
  process.rates.resize(process.n_states);
  process.time_unit = network.time_unit;
  std::vector<char> varies(process.n_states, 0);
  for (const Reaction& r : network.reactions) {
    if (!r.bursts.empty()) throw ModelError(fmt::format("reaction '{}': bursts are not part of a process", r.text));
    Formula rate = r.open ? *r.open : Formula::constant(r.stochastic), macroscopic = rate;
    if (r.law) rate = r.open ? *r.open : *r.law;
    else
      for (const auto& [s, count] : r.reactants)
        for (int k = 0; k < count; ++k) {
          rate = rate * (Formula::variable(network.species[s]) - Formula::constant(k));
          macroscopic = macroscopic * Formula::variable(network.species[s]);
        }
    Process::Reaction reaction{fmt::format("{}reaction '{}'", r.where.empty() ? "" : r.where + ": ", r.text), {}, {}, rate, false, {}};
    if (!r.law) reaction.macroscopic = macroscopic;
    for (const auto& [s, change] : r.delay ? r.delay->at_start : r.change) {
      reaction.change.emplace_back(s, change);
      varies[s] = 1;
    }
    reaction.delay = r.delay;
    if (r.delay)
      for (const auto& [s, change] : r.delay->at_end) varies[s] = 1;
    process.reactions.push_back(std::move(reaction));
  }
  for (const NetworkEvent& e : network.events) {
    Process::Event event{e.name, e.trigger, false, true, false, std::nullopt, std::nullopt, {}};
    for (const auto& [name, value] : e.assignments) {
      event.assignments.emplace_back(state_of(name), value);
      if (state_of(name) < n_species) varies[state_of(name)] = 1;
    }
    process.events.push_back(std::move(event));
  }
  for (std::size_t s = 0; s < n_species; ++s) process.observed.push_back({network.species[s], "molecules", s, 0, true, varies[s] != 0});
  return process;
}

bool has_conditions(const Network& network) {
  std::vector<Formula> found;
  for (const Reaction& r : network.reactions)
    if (r.law) collect_conditions(*r.law, found);
  return !found.empty();
}

Network observed_network(const Process& process) {
  Network network;
  network.time_unit = process.time_unit;
  network.passages = process.passages;
  for (const auto& observed : process.observed) {
    network.species.push_back(observed.name);
    const double value = observed.slot == Process::npos ? observed.value : observed.slot < process.n_states ? process.initial[observed.slot] : 0;
    network.initial.push_back(std::isfinite(value) && std::abs(value) < 9e15 ? static_cast<std::int64_t>(std::llround(value)) : 0);
  }
  return network;
}

Formula condition_margin(const Formula& condition) {
  const Formula::Node& n = *condition.root();
  double value = 0;
  switch (n.op) {
    case Op::number: return Formula::constant(n.value != 0 ? 1 : -1);
    case Op::less:
    case Op::less_equal: return n.args[1] - n.args[0];
    case Op::min:
    case Op::max: return Formula::call(n.op == Op::min ? "min" : "max", {condition_margin(n.args[0]), condition_margin(n.args[1])});
    case Op::subtract:
      if (is_number(n.args[0], &value) && value == 1) return -condition_margin(n.args[1]);
      break;
    case Op::select: return Formula::call("if", {n.args[0], condition_margin(n.args[1]), condition_margin(n.args[2])});
    default: break;
  }
  return Formula::call("if", {condition, Formula::constant(1), Formula::constant(-1)});
}

// -------------------------------------------------------------------------------------------------------- compiled

CompiledProcess::CompiledProcess(Process given) : process_(std::move(given)) {
  const Process& p = process_;
  const std::span<const std::string> slots = p.names;
  std::vector<char> moves(p.names.size(), 0);  // states that the rate equation changes continuously
  for (std::size_t s = 0; s < p.n_states; ++s) {
    if (p.rates[s]) moves[s] = 1;
    rate_rules_.push_back(p.rates[s] ? Program(*p.rates[s], slots) : Program());
  }
  for (const Formula& f : p.assigned) assigned_.emplace_back(f, slots);
  std::vector<Formula> kinks;
  for (const auto& r : p.reactions) {
    rates_.emplace_back(r.macroscopic ? *r.macroscopic : r.rate, slots);
    varying_.emplace_back();
    for (const auto& [s, f] : r.varying) {
      varying_.back().emplace_back(s, Program(f, slots));
      moves[s] = 1;
    }
    for (const auto& [s, amount] : r.change) moves[s] = 1;
    collect_conditions(p.inlined(r.rate), kinks);
  }
  for (const auto& rate : p.rates)
    if (rate) collect_conditions(p.inlined(*rate), kinks);
  const auto condition = [&](const Formula& f) {
    const Formula whole = p.inlined(f), margin = condition_margin(whole);
    Condition c{Program(whole, slots), Program(margin, slots), num::IntervalProgram(whole, slots), p.dependencies(f)};
    for (const std::size_t s : c.needs) {
      if (s == p.time_slot()) c.timed = true;
      else if (moves[s] != 0) c.of_continuous = true;
    }
    conditions_.push_back(std::move(c));
  };
  for (const auto& e : p.events) {
    condition(e.trigger);
    delays_.push_back(e.delay ? Program(*e.delay, slots) : Program());
    priorities_.push_back(e.priority ? Program(*e.priority, slots) : Program());
    values_.emplace_back();
    for (const auto& [s, f] : e.assignments) values_.back().emplace_back(f, slots);
  }
  for (const Formula& kink : kinks) condition(kink);
}

std::vector<double> CompiledProcess::start() const {
  std::vector<double> slots(process_.slots(), 0.0);
  std::copy(process_.initial.begin(), process_.initial.end(), slots.begin());
  assign(slots);
  return slots;
}

// ---------------------------------------------------------------------------------------------------------- events

EventQueue::EventQueue(const CompiledProcess& model, std::function<std::size_t(std::size_t)> choose) : model_(model), choose_(std::move(choose)), slots_(model.start()) {
  for (const auto& e : model.process().events) true_.push_back(e.initially ? 1 : 0);
  held_.assign(model.conditions().size(), 0);
}

double EventQueue::next_pending() const {
  double next = infinity;
  for (const Pending& p : pending_) next = std::min(next, p.time);
  return next;
}

bool EventQueue::holds(std::size_t e) {
  const auto& condition = model_.conditions()[e];
  if (condition.value(slots_) != 0) {
    held_[e] = 0;
    return true;
  }
  if (held_[e] == 0) return false;
  // Seen to rise through zero, but not yet beyond rounding: true as long as it has not fallen back.
  double scale = 1;
  for (const std::size_t s : condition.needs) scale = std::max(scale, std::abs(slots_[s]));
  if (condition.margin(slots_) >= -1e-9 * scale) return true;
  held_[e] = 0;
  return false;
}

void EventQueue::look() {
  const Process& p = model_.process();
  for (std::size_t e = 0; e < p.events.size(); ++e) {
    const bool now = holds(e), before = true_[e] != 0;
    true_[e] = now ? 1 : 0;
    if (!now && before && !p.events[e].persistent) std::erase_if(pending_, [e](const Pending& pending) { return pending.event == e; });
    if (!now || before) continue;
    double delay = 0;
    if (p.events[e].delay) {
      delay = model_.delay(e)(slots_);
      if (!(delay >= 0)) throw ModelError(fmt::format("event '{}': its delay is {} at t = {}; it must not be negative", p.events[e].name, brief(delay, 6), brief(time(), 8)));
    }
    Pending pending{e, time() + delay, {}};
    if (p.events[e].values_from_trigger)
      for (const Program& value : model_.event_values(e)) pending.values.push_back(value(slots_));
    pending_.push_back(std::move(pending));
  }
}

bool EventQueue::settle() {
  const Process& p = model_.process();
  if (p.events.empty()) return false;
  bool changed = false;
  std::vector<std::size_t> best;
  for (std::size_t round = 0;; ++round) {
    model_.assign(slots_);
    look();
    best.clear();
    double highest = -infinity;
    for (std::size_t k = 0; k < pending_.size(); ++k) {
      if (pending_[k].time > time()) continue;
      const std::size_t e = pending_[k].event;
      double priority = p.events[e].priority ? model_.priority(e)(slots_) : -infinity;
      if (std::isnan(priority)) priority = -infinity;
      if (best.empty() || priority > highest) {
        best.assign(1, k);
        highest = priority;
      } else if (priority == highest) {
        best.push_back(k);
      }
    }
    if (best.empty()) return changed;
    if (round >= 100000) throw ModelError(fmt::format("event '{}' and others go on for ever at t = {}: each sets off the next", p.events[pending_[best[0]].event].name, brief(time(), 8)));
    const std::size_t k = best[best.size() > 1 ? choose_(best.size()) : 0];
    Pending pending = std::move(pending_[k]);
    pending_.erase(pending_.begin() + static_cast<std::ptrdiff_t>(k));
    const std::size_t e = pending.event;
    if (!p.events[e].values_from_trigger)
      for (const Program& value : model_.event_values(e)) pending.values.push_back(value(slots_));
    for (std::size_t i = 0; i < pending.values.size(); ++i) slots_[p.events[e].assignments[i].first] = pending.values[i];
    changed = true;
  }
}

}  // namespace meso::kinetics
