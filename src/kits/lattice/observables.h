// Names that the levels of a lattice model share: where they meet.
//
//   <s>.density         particles of species s per site
//   <s>.<t>.pairs       exclusion: probability that the two ends of a bond are s and t in this order (s, t may be 0: empty); symmetric,
//                       and sum_t <s>.<t>.pairs = <s>.density on a periodic lattice
//   <s>.slope           effective exponent d ln <s>.density / d ln t from the asked times within a factor 2 either side
//   <s>.exponent        -d ln <s>.density / d ln t fitted over the window fit-from..fit-to
#pragma once

#include <span>
#include <string>
#include <vector>

namespace meso::lattice {

/// Name of the exact level, the parent of every reduction.
inline constexpr const char* micro_level = "kinetic-monte-carlo";

[[nodiscard]] inline std::string density_name(const std::string& species) { return species + ".density"; }
[[nodiscard]] inline std::string pairs_name(const std::string& first, const std::string& second) { return first + "." + second + ".pairs"; }

/// Effective exponent d ln y / d ln t at each time: least squares over the asked times within [t/2, 2 t] (at least the neighbours on
/// either side). At t = 0 it is 0 by definition; NaN where y is not positive. Every level uses it, so that the word means the same.
[[nodiscard]] std::vector<double> effective_exponent(std::span<const double> times, std::span<const double> y);

}  // namespace meso::lattice
