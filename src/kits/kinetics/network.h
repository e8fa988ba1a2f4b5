// A reaction network, described once: species, reactions, propensities. Every level of the kinetics ladder reads this.
//
// Convention: falling-factorial mass action without 1/s!. For sum_i s_i X_i with macroscopic constant k the propensity is
//   a(n) = k volume prod_i n_i (n_i - 1) ... (n_i - s_i + 1) / volume^(s_i),
// `combinatoric` divides by prod_i s_i! as in Gillespie (1977), doi:10.1021/j100540a008. Amounts are molecules.
#pragma once

#include <cmath>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "kits/kinetics/count_law.h"
#include "kits/kinetics/delay.h"
#include "num/formula.h"
#include "model/schema.h"

namespace meso::kinetics {

using num::Formula;
using num::Op;
using num::Program;

/// One direction of one reaction with its numbers put in.
struct Reaction {
  std::string text;                                      ///< as the user wrote it, for messages; one direction of "<->" says which
  std::string where;                                     ///< its place ("my.toml:7"), may be empty
  std::vector<std::pair<std::size_t, int>> reactants;    ///< (species, count), species ascending
  std::vector<std::pair<std::size_t, int>> products;
  std::vector<std::pair<std::size_t, int>> change;       ///< net change, zero entries and bursts left out
  std::vector<std::pair<std::size_t, double>> bursts;    ///< (species, mean b) of products drawn anew at each firing: P(m) = b^m / (1 + b)^(m+1)
  bool mass_action = true;
  double rate = 0;       ///< mass action: macroscopic constant k
  double stochastic = 0; ///< mass action: k volume^(1 - order) [/ prod s!]: a(n) = stochastic * prod falling(n_i, s_i)
  std::optional<Formula> law;  ///< otherwise: the whole propensity in molecules per time; variables are species names and t
  std::optional<Formula> open = {};  ///< the propensity with the open constants (Network::open_constants) left in by name, if it has any
  std::optional<Delay> delay = {};  ///< products come later; `change` is then the sum of both halves
  [[nodiscard]] int order() const;
  /// A product of at most three counts and whole changes: what the kernels without branches take.
  [[nodiscard]] bool simple() const { return mass_action && order() <= 3 && bursts.empty(); }
  /// Net change of a firing whose every burst brings one molecule: a step that can happen.
  [[nodiscard]] std::vector<std::pair<std::size_t, int>> unit_change() const;
};

/// A number drawn from the geometric law of mean b > 0, P(m) = b^m / (1 + b)^(m+1), out of negative_log_u = -log(uniform).
[[nodiscard]] inline double burst_size(double b, double negative_log_u) { return std::floor(negative_log_u / std::log1p(1 / b)); }

/// A condition of the state whose first time is asked for (passage.h).
struct Passage {
  std::string name;
  Formula condition;  ///< of species names, 1 or 0
};

/// A constant that keeps its name: it is drawn per trajectory, or events set it.
struct OpenConstant {
  std::string name;
  double value = 0;            ///< as given
  std::optional<Law> law = {}; ///< drawn per trajectory (extrinsic noise)
};

/// Something done to the state from outside: a dose at a time, a pulse when a condition turns true.
struct NetworkEvent {
  std::string name;
  Formula trigger;             ///< of species, open constants and t: happens whenever it turns true, also at t = 0
  std::vector<std::pair<std::string, Formula>> assignments;  ///< species or open constant, its new value; all at once
};

/// Bound network: all constants are numbers.
struct Network {
  std::vector<std::string> species;
  std::vector<Reaction> reactions;
  double volume = 1;
  bool combinatoric = false;
  std::vector<std::int64_t> initial;        ///< molecules, one per species
  std::vector<CountLaw> start_laws = {};    ///< one per species: initial counts are drawn per trajectory (`initial` holds the means, rounded); empty: none
  std::vector<OpenConstant> open_constants = {};
  std::vector<NetworkEvent> events = {};
  std::vector<Passage> passages = {};
  std::string time_unit = "1", rate_doc;
  std::vector<std::string> notes;           ///< to be said in the log: rounded counts, idle species, doubled reactions

  /// S x R net changes, row-major; bursts are not in it.
  [[nodiscard]] std::vector<int> stoichiometry() const;
  /// Left null space of the stoichiometry in small integers, non-negative where possible: sum_i law[i] n_i is conserved.
  /// As many laws as there are independent ones, those with the fewest species first; none where the elimination would be too large
  /// (thousands of species that no single reaction ties to each other).
  [[nodiscard]] std::vector<std::vector<int>> conservation_laws() const;
  /// True if an initial count is drawn.
  [[nodiscard]] bool random_start() const { return !start_laws.empty(); }
  /// Initial counts of one trajectory. Rng: Stream or FastStream.
  template <class Rng>
  [[nodiscard]] std::vector<std::int64_t> start(Rng& rng) const {
    std::vector<std::int64_t> counts = initial;
    for (std::size_t s = 0; s < start_laws.size(); ++s)
      if (start_laws[s].kind != CountLaw::Kind::point) counts[s] = start_laws[s].draw(rng);
    return counts;
  }
  /// Why only trajectories of a process (process_ssa.h) can have this network: delays, constants that are drawn, events; "" if others can.
  [[nodiscard]] std::string beyond_reactions() const;
  /// The first reaction with a delay, or none.
  [[nodiscard]] const Reaction* delayed() const;
  /// True if t stands in a rate law.
  [[nodiscard]] bool time_dependent() const;
  /// @throws ModelError unknown species with the nearest name
  [[nodiscard]] std::size_t index(const std::string& name) const;
  /// "G + Gb = 1" for conservation_laws()[i] at the initial state.
  [[nodiscard]] std::string law_text(const std::vector<int>& law) const;
};

/// A network that levels and simulators hold together: made from a network it copies it once, copies of itself share it.
class SharedNetwork {
 public:
  SharedNetwork() : SharedNetwork(Network{}) {}
  SharedNetwork(const Network& network) : shared_(std::make_shared<const Network>(network)) {}
  SharedNetwork(Network&& network) : shared_(std::make_shared<const Network>(std::move(network))) {}
  SharedNetwork(std::shared_ptr<const Network> network) : shared_(std::move(network)) {}
  operator const Network&() const { return *shared_; }
  const Network& operator*() const { return *shared_; }
  const Network* operator->() const { return shared_.get(); }
  [[nodiscard]] const std::shared_ptr<const Network>& pointer() const { return shared_; }

 private:
  std::shared_ptr<const Network> shared_;
};

/// Propensities of one network, compiled. Thread-safe: const calls only.
class Propensities {
 public:
  explicit Propensities(const Network& network);
  [[nodiscard]] std::size_t size() const { return kinds_.size(); }
  /// a_r(n, t), molecules per time. Falling factorials are plain products n (n - 1) ...: zero for counts below the order,
  /// and defined for real n too.
  [[nodiscard]] double operator()(std::size_t r, std::span<const double> n, double t = 0) const {
    const Kind& k = kinds_[r];
    switch (k.type) {
      case Type::constant: return k.c;
      case Type::x: return k.c * n[k.s0];
      case Type::xy: return k.c * n[k.s0] * n[k.s1];
      case Type::xx: return k.c * n[k.s0] * (n[k.s0] - 1);
      case Type::xxx: return k.c * n[k.s0] * (n[k.s0] - 1) * (n[k.s0] - 2);
      case Type::xxy: return k.c * n[k.s0] * (n[k.s0] - 1) * n[k.s1];
      default: return slow(k, n, t);
    }
  }
  /// Reactions whose propensity changes when reaction r fires, ascending.
  [[nodiscard]] std::span<const std::size_t> dependents(std::size_t r) const {
    return std::span(dependents_).subspan(offsets_[r], offsets_[r + 1] - offsets_[r]);
  }

 private:
  enum class Type { constant, x, xy, xx, xxx, xxy, generic, law, law_of_time };
  struct Kind {
    Type type = Type::constant;
    double c = 0;
    std::size_t s0 = 0, s1 = 0;  ///< species
    std::size_t index = 0;       ///< into generic_ or programs_
  };
  [[nodiscard]] double slow(const Kind& kind, std::span<const double> n, double t) const;
  std::vector<Kind> kinds_;
  std::vector<std::vector<std::pair<std::size_t, int>>> generic_;
  std::vector<Program> programs_;
  std::vector<std::size_t> dependents_, offsets_;
};

/// c prod_i n_i (n_i - 1) ... (n_i - s_i + 1): mass action written out as a formula.
struct FallingProduct {
  double c = 1;
  std::vector<std::pair<std::string, int>> factors;  ///< names and how often each stands there (s_i), sorted by name
  /// c prod_i n_i^s_i: the rate equation's rate.
  [[nodiscard]] Formula powers() const;
};
/// The formula as such a product with c > 0, to 1e-12 of c; nothing if it is none, or one of the time or of more than four names or factors.
[[nodiscard]] std::optional<FallingProduct> falling_product(const Formula& law);

/// Where a species stands, by its name (views of the network's own names).
using SpeciesPlaces = std::unordered_map<std::string_view, std::size_t>;
[[nodiscard]] SpeciesPlaces places_of(const Network& network);
/// A law that is c prod_i n_i (n_i - 1) ... (n_i - s_i + 1) with s_i at most 3 in all, and that vanishes before a count could fall below
/// zero, is mass action in other words: as such it runs in the fast kernels. Model files write every propensity as a formula.
[[nodiscard]] std::optional<Reaction> as_mass_action(const Reaction& reaction, const SpeciesPlaces& places);

/// A state that the network's own reactions lead to from its initial state and that breaks a rate law.
struct LawFault {
  std::size_t reaction = 0;
  std::vector<double> state;
  double t = 0, propensity = 0;
  std::string text;  ///< which reaction, which state, what is wrong
};
/// Looks for a reachable state where a law is negative or not a number, or lets a reaction fire that lacks molecules (a count
/// would go below zero). Breadth-first from the initial state and from the ends of walks towards none and many of each
/// species; only states that reactions with positive propensity lead to are looked at, so whatever is found is a true fault.
[[nodiscard]] std::optional<LawFault> find_law_fault(const Network& network);

/// "X = 3, Y = 0".
[[nodiscard]] std::string state_text(const Network& network, std::span<const double> state);

/// The description as a user gives it: text with named constants, to be bound to parameter values.
///
/// A reaction is "<reactants> -> <products>, <rate>" with terms like "2X" joined by "+" and 0 for nothing; "<->" takes two rates,
/// "forward; backward". A product "burst(b) P" is a number of P drawn at each firing from the geometric law of mean b
/// (constants and `volume`): "M -> M + burst(b) P, k". A rate is a number, a name or an expression of constants and `volume` (macroscopic mass-action
/// constant); with a leading '=' it is the whole propensity, any formula of species, constants, `volume` and the time `t`. A delay follows
/// the rate: "A -> B, k after gamma(2, 3)" (delay.h).
struct NetworkSpec {
  std::vector<std::string> species;
  std::vector<std::string> reactions;             ///< "2X + Y -> 3X, c1", "X <-> Y, 1; 0.5", "X -> 0, = vmax*X/(K + X)", "0 -> burst(b) P, k"
  std::map<std::string, double> constants;        ///< defaults of the named constants: parameters
  double volume = 1;
  std::map<std::string, double> initial;          ///< molecules; species that are not named start with none
  std::map<std::string, double> initial_concentration;
  std::map<std::string, std::string> initial_law;  ///< count_law.h: "poisson", "variance(40)", "mixture(0, 0.3, 50, 0.7)": drawn per trajectory
  std::map<std::string, std::string> passages = {};  ///< name -> condition of species and constants, "X + Y >= K": its first time may be asked for
  std::map<std::string, std::string> noise = {};     ///< constant -> law (law.h), drawn per trajectory: "gamma(4, k)", k there being the value given
  /// What happens at times or when a condition turns true (condition.h).
  struct Event {
    std::string name, where;                         ///< for messages
    std::vector<double> at;                          ///< times, or
    std::string when;                                ///< a condition of species, constants and t
    std::map<std::string, std::string> set, add;     ///< species or constant -> formula
  };
  std::vector<Event> events = {};
  bool combinatoric = false;
  std::vector<std::string> where;                 ///< place of each reaction ("my.toml:7"), may be empty

  /// Parses everything once and checks names. @throws ModelError (place, what, nearest name)
  void check() const;
  /// Parameters of the network with their defaults: `volume`, the constants, and `<species>0` in molecules for every species
  /// (`<species>0_per_volume` for those given by concentration, so that a swept volume keeps the concentration).
  [[nodiscard]] std::vector<ParameterInfo> parameters() const;
  /// Puts the numbers in: any of parameters() and `combinatoric` (0 or 1); what is not in `values` keeps its default.
  /// @param try_laws  false: without the search of find_law_fault, for values near others that passed it
  /// @throws ModelError negative or NaN rates, fractional counts, unknown names, a law that find_law_fault refutes
  [[nodiscard]] Network bind(const std::map<std::string, double>& values, bool try_laws = true) const;
};

}  // namespace meso::kinetics
