// Moment closures: the exact hierarchy of order m, with every cumulant above m given by those up to it.
//
// A closure family is one small function (closure_families.cpp, linear_mapping.cpp): it makes closed equations of a network.
// `normal`, `normal-isserlis`, `zero` and `poisson` put polynomials of the cumulants, so that their equations are closed
// symbolically; the others are rational and leave a CloseFunction (flow.h) with its exact gradient.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "kits/kinetics/flow.h"
#include "model/level.h"

namespace meso::kinetics {

/// Moment equations, and what gives their symbols above the order (none: there are none).
struct ClosedEquations {
  MomentEquations equations;
  CloseFunction close = {};
};

/// One way to close.
struct ClosureFamily {
  std::string name, doc, source;
  CloseFunction close = {};            ///< a function of the cumulants alone; or:
  std::function<ClosedEquations(const ReducedNetwork&, int order, int taylor)> build = {};  ///< neither: cumulants above the order are zero
  std::vector<std::string> aliases = {};
  bool raw_moments = false;            ///< defined through raw moments: a Taylor order must be asked for where a rate is no polynomial
  enum class Divides { nothing, switches, means } divides = Divides::nothing;  ///< by means of 0/1 species, or of all: 0/0 where one starts with none
  bool depends_on_elimination = false; ///< with a conservation law the result depends on which species is eliminated
};
/// Families that level `closure` offers.
[[nodiscard]] const std::vector<ClosureFamily>& closure_families();
/// By name or alias. @throws ParameterError unknown kind (nearest name)
[[nodiscard]] const ClosureFamily& closure_family(const std::string& name);

/// Taylor order that is used when none is given: propensities that are no polynomials are expanded as far as moments are kept.
[[nodiscard]] inline int default_taylor(int order) { return order < 2 ? 2 : order; }

/// Moment equations of `network` (reduced with Convention::stochastic), closed.
/// @throws ParameterError order above 8 with more than 4 species: says how many equations that would be; a family that does
/// not apply to the network (no 0/1 species, a reaction that cannot be mapped)
[[nodiscard]] ClosedEquations closed_equations(const ReducedNetwork& network, const ClosureFamily& family, int order, int taylor);
/// The same as a flow. Cheap (well below 50 ms up to order 4 in two species), so that a new parameter value simply builds a new one.
[[nodiscard]] Flow closed_flow(const ReducedNetwork& network, const ClosureFamily& family, int order, int taylor = 0);

/// Level `closure`; options kind, order, taylor, seed-value. Answers Times and Stationary from the deterministic initial counts.
[[nodiscard]] Level closure_level(SharedNetwork network);

/// Label of a closure by default: "normal-2"; aliases are written out.
[[nodiscard]] std::string closure_label(const Table& options);

/// A state that the network can reach and never leaves (no reaction can fire), if a short search finds one.
[[nodiscard]] std::optional<std::vector<double>> absorbing_state(const Network& network);

}  // namespace meso::kinetics
