// Verdicts as text for a terminal: what people paste into a message.
#pragma once

#include <cstddef>
#include <string>

#include "model/results.h"

namespace meso {

/// The study in one paragraph that names every observable asked: "Against fsp, within 5 % of the scale at 99 % confidence:
/// normal-2: X.mean agrees, X.variance broken; lna: ...". Along one swept parameter it tells where; else it counts.
[[nodiscard]] std::string summary(const Results& results);

/// Table of verdicts, no line longer than `width` characters (at least 60 are taken), ASCII but for the study's own names.
///
/// One point: a row per level and observable with the interval of |discrepancy| / margin, the worst point and what would
/// decide it. A sweep: a map with one letter per point, then a row per level, observable and outcome with its worst point.
[[nodiscard]] std::string verdict_table(const Results& results, std::size_t width = 100);

/// Where verdicts change along a boundary sweep, one row an edge: the bracket and the reference's means at its ends; "" if nothing was refined.
[[nodiscard]] std::string edge_table(const Results& results, std::size_t width = 100);

}  // namespace meso
