// Sweeps that look: edges between verdicts along the lines of a sweep, and where a boundary sweep goes next.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "study/study.h"

namespace meso {

/// Flips of verdicts between neighbouring points of every line of the sweep along its last axis, for sweeps over one or two
/// parameters. Points may be in any order.
[[nodiscard]] std::vector<Edge> edges_of(const Study& study, const Results& results);

/// The next points of a boundary sweep: the middle of every bracket that is wider than the tolerance (and, for an integer
/// parameter, still has a whole number inside), the widest first, no more than max-points in all. Empty: finished.
[[nodiscard]] std::vector<Table> refine(const Study& study, const Results& so_far);

/// Whether an order of a closure is borne out by the next two in the same study: "consistent" if it lies within the margin of both,
/// "inconsistent" if it does not lie within the margin of one of them (or that one breaks down); nothing if there are none.
/// Never a verdict: orders can agree and all be wrong (docs/verdict.md).
void check_orders(const Study& study, const PointResult& point, std::vector<Verdict>& verdicts);

}  // namespace meso
