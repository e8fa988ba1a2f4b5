// Lattice models as text: rules that people write, with named constants.
//
//   "A -> 0, 1"                    a site in state A empties at rate 1 (0 is the empty site)
//   "A + 0 -> A + A, lambda/z"     a bond with ends A and 0; the rate is PER BOND, z = 2 d bonds meet at a site
//   "A + B -> 0 + 0, instant"      on contact: when one hops onto the other (they must hop); on the right at most one particle
//   "hop A, D"                     to each neighbour at rate D
//   "exchange A B, eps"            each bond with these two swaps them
//   "2A -> A, k"                   bosonic occupation: a reaction among the particles of one site, any numbers on either side
// With exclusion both sides of an arrow name the same one or two sites, in order. A rate is a number, a name or a formula of constants,
// of z, d and (where the box has one length) L.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "kits/lattice/rules.h"
#include "model/schema.h"

namespace meso::lattice {

/// The description as a user gives it, to be bound to parameter values.
struct LatticeSpec {
  std::vector<std::string> species;
  std::vector<std::string> rules, where;      ///< places ("my.toml:7"), may be empty
  std::vector<std::int64_t> size{256};        ///< one length per dimension
  Boundary boundary = Boundary::periodic;
  Occupation occupation = Occupation::exclusion;
  std::map<std::string, double> initial;      ///< densities; species that are not named start with none
  std::string initial_text;                   ///< instead: "full A", "seed A", "seed A in B"
  bool exact_count = false;                   ///< exactly density * sites particles (random places) instead of independent sites
  std::vector<std::string> conserves;
  std::map<std::string, double> constants;    ///< defaults of the named constants: parameters

  /// Reads everything once with the defaults. @throws ModelError (place, what, nearest name)
  void check() const;
  /// `L` if all lengths are equal, `<species>0` for densities, and the constants.
  [[nodiscard]] std::vector<ParameterInfo> parameters() const;
  /// @param values  any of parameters(); what is missing keeps its default. @throws ModelError as check(), Model::check
  [[nodiscard]] Model bind(const std::map<std::string, double>& values) const;
};

}  // namespace meso::lattice
