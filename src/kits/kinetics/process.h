// A process: what a reaction network becomes when a model has more than reactions - quantities that follow rules, rates that depend
// on the time, events, amounts that are not whole numbers. Model files (kits/exchange) are read into a ProcessSpec; bind() puts
// the numbers in. A process that turns out to be reactions only is a Network (plain_network) and has the whole ladder; any other
// has its exact trajectories (process_ssa.h) and its rate equation (process_ode.h).
//
// Every name in a formula is the value of that quantity, `time_name` the time. Conditions are 1 or 0.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "kits/kinetics/network.h"
#include "num/interval.h"

namespace meso::kinetics {

/// The time in formulas of a process; the same word as in rate laws of a network.
inline constexpr const char* time_name = "t";

/// The description, with names; numbers may still be changed where `parameter` says so.
struct ProcessSpec {
  struct Quantity {
    std::string name, unit = "1", doc;
    std::optional<Formula> initial;  ///< value at t = 0, of other quantities too; nothing: never given
    bool observed = false;           ///< has observables of its own (<name>.mean, ...)
    bool counted = false;            ///< an amount of a species: exact simulation needs it whole
    std::string parameter;           ///< name under which its initial number may be set (`initial` is then a number); "": cannot
  };
  struct Change {
    std::string quantity;
    Formula amount;                  ///< added at each firing
  };
  struct Reaction {
    std::string text;                ///< for messages: "reaction 'r1': 2 S1 -> S2"
    std::vector<Change> changes;
    Formula rate;                    ///< firings per time
    bool reversible = false;         ///< a rate may be a difference, forward minus backward
    std::optional<Formula> macroscopic = {};  ///< the rate equation's rate, if it is another: n^2 for n (n - 1)
  };
  struct Assign {
    std::string quantity;
    Formula value;
  };
  struct Event {
    std::string name;
    Formula trigger;                 ///< fires when it turns from 0 to another value
    bool initially = true;           ///< its value before t = 0: false lets it fire at t = 0
    bool persistent = true;          ///< false: cancelled if the trigger turns false before it is executed
    bool values_from_trigger = true; ///< assigned values are those of the moment of the trigger, not of the execution
    std::optional<Formula> delay, priority;
    std::vector<Assign> assignments; ///< all at once
  };
  std::vector<Quantity> quantities;
  std::vector<Reaction> reactions;
  std::vector<Assign> assignments;   ///< hold at every time, in any order
  std::vector<Assign> rates;         ///< dx/dt
  std::vector<Event> events;
  std::string title, time_unit = "1";
  std::vector<std::string> notes;
  std::string not_counts;            ///< why amounts are no numbers of molecules ("amounts are in mole"), or ""

  [[nodiscard]] std::vector<ParameterInfo> parameters() const;
};

/// A process with its numbers put in. States come first in `names`, then what assignments give, in the order of evaluation, then the time.
struct Process {
  struct Reaction {
    std::string text;
    std::vector<std::pair<std::size_t, double>> change;        ///< (state, amount), constant ones
    std::vector<std::pair<std::size_t, Formula>> varying;      ///< stoichiometries that depend on the state
    Formula rate;
    bool reversible = false;
    std::optional<Formula> macroscopic = {};
    std::optional<Delay> delay = {};                           ///< `change` happens at the start, delay->at_end at the completion
  };
  struct Event {
    std::string name;
    Formula trigger;
    bool initially, persistent, values_from_trigger;
    std::optional<Formula> delay, priority;
    std::vector<std::pair<std::size_t, Formula>> assignments;  ///< (state, value)
  };
  struct Observed {
    std::string name, unit;
    std::size_t slot = 0;
    double value = 0;       ///< of a constant (slot is npos)
    bool counted = false, varies = true;
  };
  static constexpr std::size_t npos = static_cast<std::size_t>(-1);

  std::vector<std::string> names;                              ///< one per slot
  std::size_t n_states = 0, n_assigned = 0;
  std::vector<double> initial;                                 ///< of the states
  std::vector<CountLaw> start_laws = {};                       ///< of the states: Network::start_laws; empty: none
  std::vector<std::pair<std::size_t, Law>> drawn = {};         ///< states that are drawn per trajectory: extrinsic noise
  std::vector<char> counted;                                   ///< of the states: amounts of species
  std::vector<Formula> assigned;
  std::vector<std::optional<Formula>> rates;                   ///< of the states: rate rules
  std::vector<Reaction> reactions;
  std::vector<Event> events;
  std::vector<Observed> observed;
  std::vector<Passage> passages = {};                          ///< of observed quantities
  std::string time_unit = "1";
  std::vector<std::string> notes;
  std::string not_counts;

  [[nodiscard]] std::size_t slots() const { return names.size(); }
  [[nodiscard]] std::size_t time_slot() const { return names.size() - 1; }
  /// States (and the time slot) on which a formula depends, through assignments too; ascending.
  [[nodiscard]] std::vector<std::size_t> dependencies(const Formula& formula) const;
  /// The formula with every assigned quantity replaced by what it is made of.
  [[nodiscard]] Formula inlined(const Formula& formula) const;
  [[nodiscard]] bool has_rate_rules() const;
};

/// @param values  any of spec.parameters() by name
/// @throws ModelError  a quantity used without a value, values or rules that depend on each other in a circle (all names), an initial value that is not finite
[[nodiscard]] Process bind(const ProcessSpec& spec, const std::map<std::string, double>& values);

/// Why a process is no plain network, in words that name the first reason; "" if it is one.
[[nodiscard]] std::string beyond_network(const Process& process);
/// The network of a process for which beyond_network() is "": every propensity as a law, reversible ones split into two directions. A reaction whose
/// rate equation has powers for the falling factorials of its propensity is mass action (`Process::Reaction::macroscopic`).
[[nodiscard]] Network plain_network(const Process& process);
/// A network as a process: for laws that depend on the time. @throws ModelError for bursts
[[nodiscard]] Process process_of(const Network& network);
/// True if a law has comparisons: its right-hand side jumps or has kinks, which an integrator must be told of.
[[nodiscard]] bool has_conditions(const Network& network);
/// A network without reactions that carries the names, units and (rounded) initial amounts of the observed quantities: for observables.
[[nodiscard]] Network observed_network(const Process& process);

/// Splits forward - backward at the signs of the tree's own terms (k1*A - k2*B -> k1*A, k2*B); `n - 1` and other differences with a constant
/// are kept whole. Nothing if there is no difference to split.
[[nodiscard]] std::optional<std::pair<Formula, Formula>> split_reversible(const Formula& rate);

/// A continuous function that is positive where the condition holds and negative where not (min for and, max for or, b - a for a < b):
/// what a root finder follows. Conditions that are no comparisons are +1 or -1.
[[nodiscard]] Formula condition_margin(const Formula& condition);

/// Right-hand sides and events compiled. Thread-safe: const calls only.
class CompiledProcess {
 public:
  explicit CompiledProcess(Process process);
  [[nodiscard]] const Process& process() const { return process_; }
  /// Fills the assigned quantities from states and time.
  void assign(std::span<double> slots) const {
    for (std::size_t k = 0; k < assigned_.size(); ++k) slots[process_.n_states + k] = assigned_[k](slots);
  }
  /// Of the rate equation.
  [[nodiscard]] double rate(std::size_t r, std::span<const double> slots) const { return rates_[r](slots); }
  [[nodiscard]] std::vector<double> start() const;  ///< all slots at t = 0, before any event

  struct Condition {
    Program value, margin;
    num::IntervalProgram bounds;                 ///< of the value
    std::vector<std::size_t> needs;              ///< states, and the time slot if it depends on it
    bool timed = false, of_continuous = false;   ///< depends on t; on a state that moves between jumps of the rate equation
  };
  /// Triggers first (one per event), then the conditions inside rates at which right-hand sides have a kink or a jump.
  [[nodiscard]] const std::vector<Condition>& conditions() const { return conditions_; }
  [[nodiscard]] const Program& delay(std::size_t e) const { return delays_[e]; }
  [[nodiscard]] const Program& priority(std::size_t e) const { return priorities_[e]; }
  [[nodiscard]] const std::vector<Program>& event_values(std::size_t e) const { return values_[e]; }
  [[nodiscard]] const std::vector<std::pair<std::size_t, Program>>& varying(std::size_t r) const { return varying_[r]; }
  [[nodiscard]] const Program& rate_rule(std::size_t state) const { return rate_rules_[state]; }

 private:
  Process process_;
  std::vector<Program> assigned_, rates_, delays_, priorities_, rate_rules_;
  std::vector<std::vector<Program>> values_;
  std::vector<std::vector<std::pair<std::size_t, Program>>> varying_;
  std::vector<Condition> conditions_;
};

/// What happens at one moment of one trajectory: triggers that turn true, delays, cancellations, executions in the order of priority.
/// Ties of priority are drawn from `choose` (uniform below n).
class EventQueue {
 public:
  EventQueue(const CompiledProcess& model, std::function<std::size_t(std::size_t)> choose);
  /// All slots; assign() is kept up to date.
  std::vector<double>& slots() { return slots_; }
  [[nodiscard]] double time() const { return slots_.back(); }
  /// Time of the next execution that is already due; infinity if there is none.
  [[nodiscard]] double next_pending() const;
  /// A margin of this condition was seen to rise through zero here: the trigger counts as true even if rounding says otherwise.
  void rise(std::size_t condition) { held_[condition] = 1; }
  /// Looks at the triggers and executes what is due now, until nothing is left to do. True if any quantity was changed.
  /// @throws ModelError  events that go on for ever at one moment, a delay that is negative or not a number
  bool settle();

 private:
  [[nodiscard]] bool holds(std::size_t e);
  void look();
  struct Pending {
    std::size_t event;
    double time;
    std::vector<double> values;
  };
  const CompiledProcess& model_;
  std::function<std::size_t(std::size_t)> choose_;
  std::vector<double> slots_;
  std::vector<char> true_, held_;
  std::vector<Pending> pending_;
};

}  // namespace meso::kinetics
