// Moment closures: the exact hierarchy of order m, with every cumulant above m given by those up to m.
//
// A closure family is one CloseFunction (flow.h); `normal` is the one without any: cumulants above the order are zero.
#pragma once

#include <string>
#include <vector>

#include "kits/kinetics/flow.h"
#include "model/level.h"

namespace meso::kinetics {

/// One way to close.
struct ClosureFamily {
  std::string name, doc, source;
  CloseFunction close;      ///< none: cumulants above the order are zero
};
/// Families that level `closure` offers. @throws ParameterError unknown kind (nearest name)
[[nodiscard]] const std::vector<ClosureFamily>& closure_families();
[[nodiscard]] const ClosureFamily& closure_family(const std::string& name);

/// Taylor order that is used when none is given: propensities that are no polynomials are expanded as far as moments are kept.
[[nodiscard]] inline int default_taylor(int order) { return order < 2 ? 2 : order; }

/// Moment equations of `network` (reduced with Convention::stochastic), closed: equations of a Flow.
/// @throws ParameterError order above 8 with more than 4 species: says how many equations that would be
[[nodiscard]] MomentEquations closed_equations(const ReducedNetwork& network, const ClosureFamily& family, int order, int taylor);
[[nodiscard]] Flow closed_flow(const ReducedNetwork& network, const ClosureFamily& family, int order, int taylor = 0);

/// Level `closure`; options kind, order, taylor. Answers Times and Stationary from the deterministic initial counts.
[[nodiscard]] Level closure_level(const Network& network);

/// Label of a closure by default: "normal-2".
[[nodiscard]] std::string closure_label(const Table& options);

}  // namespace meso::kinetics
