// A reaction network, described once: species, reactions, propensities. Every level of the kinetics ladder reads this.
//
// Convention: falling-factorial mass action without 1/s!. For sum_i s_i X_i with macroscopic constant k the propensity is
//   a(n) = k volume prod_i n_i (n_i - 1) ... (n_i - s_i + 1) / volume^(s_i),
// `combinatoric` divides by prod_i s_i! as in Gillespie (1977), doi:10.1021/j100540a008. Amounts are molecules.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "kits/kinetics/formula.h"

namespace meso::kinetics {

/// One direction of one reaction with its numbers put in.
struct Reaction {
  std::string text;                                      ///< as the user wrote it, for messages
  std::vector<std::pair<std::size_t, int>> reactants;    ///< (species, count), species ascending
  std::vector<std::pair<std::size_t, int>> products;
  std::vector<std::pair<std::size_t, int>> change;       ///< net change, zero entries left out
  bool mass_action = true;
  double rate = 0;       ///< mass action: macroscopic constant k
  double stochastic = 0; ///< mass action: k volume^(1 - order) [/ prod s!]: a(n) = stochastic * prod falling(n_i, s_i)
  std::optional<Formula> law;  ///< otherwise: the whole propensity in molecules per time; variables are species names and t
  [[nodiscard]] int order() const;
};

/// Bound network: all constants are numbers.
struct Network {
  std::vector<std::string> species;
  std::vector<Reaction> reactions;
  double volume = 1;
  bool combinatoric = false;
  std::vector<std::int64_t> initial;        ///< molecules, one per species
  std::string time_unit = "1", rate_doc;

  /// S x R net changes, row-major.
  [[nodiscard]] std::vector<int> stoichiometry() const;
  /// Left null space of the stoichiometry in small integers, non-negative where possible: sum_i law[i] n_i is conserved.
  [[nodiscard]] std::vector<std::vector<int>> conservation_laws() const;
  [[nodiscard]] bool time_dependent() const;
  /// @throws ModelError unknown species with the nearest name
  [[nodiscard]] std::size_t index(const std::string& name) const;
};

/// Propensities of one network, compiled. Thread-safe: const calls only.
class Propensities {
 public:
  explicit Propensities(const Network& network);
  [[nodiscard]] std::size_t size() const { return kinds_.size(); }
  /// a_r(n, t), molecules per time; n may be real (rate equations and FSP use the same code). Falling factorials are
  /// clamped at 0 for integer n below the order, as they are zero there.
  [[nodiscard]] double operator()(std::size_t r, std::span<const double> n, double t = 0) const;
  /// Reactions whose propensity changes when reaction r fires.
  [[nodiscard]] std::span<const std::size_t> dependents(std::size_t r) const;

 private:
  struct Kind {
    int type;
    double c;
    std::size_t s0, s1;
    int program;
  };
  std::vector<Kind> kinds_;
  std::vector<std::vector<std::pair<std::size_t, int>>> generic_;
  std::vector<Program> programs_;
  std::vector<std::size_t> dependents_, offsets_;
};

/// The description as a user gives it (CONTRACT section 5): text with named constants, to be bound to parameter values.
struct NetworkSpec {
  std::vector<std::string> species;
  std::vector<std::string> reactions;             ///< "2X + Y -> 3X, c1", "X <-> Y, 1; 0.5", "X -> 0, = vmax*X/(K + X)"
  std::map<std::string, double> constants;        ///< defaults of the named constants: parameters
  double volume = 1;
  std::map<std::string, double> initial;          ///< molecules
  std::map<std::string, double> initial_concentration;
  bool combinatoric = false;
  std::vector<std::string> where;                 ///< place of each reaction ("my.toml:7"), may be empty

  /// Parses everything once and checks names. @throws ModelError (place, what, nearest name)
  void check() const;
  /// Puts the numbers in: constants, volume and initial counts from `values` (a resolved parameter table).
  /// @throws ModelError negative or NaN rates, fractional counts, a propensity negative at or near the initial state
  [[nodiscard]] Network bind(const std::map<std::string, double>& values) const;
};

}  // namespace meso::kinetics
