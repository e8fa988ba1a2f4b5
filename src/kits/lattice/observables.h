// Names that the levels of a lattice model share: where they meet.
//
//   <s>.density         particles of species s per site
//   <s>.<t>.pairs       exclusion: probability that the two ends of a bond are s and t in this order (s, t may be 0: empty); symmetric,
//                       and sum_t <s>.<t>.pairs = <s>.density on a periodic lattice
//   <s>.slope           local exponent d ln <s>.density / d ln t between neighbouring asked times
//   <s>.exponent        -d ln <s>.density / d ln t fitted over the window fit-from..fit-to
#pragma once

#include <string>

namespace meso::lattice {

/// Name of the exact level, the parent of every reduction.
inline constexpr const char* micro_level = "kinetic-monte-carlo";

[[nodiscard]] inline std::string density_name(const std::string& species) { return species + ".density"; }
[[nodiscard]] inline std::string pairs_name(const std::string& first, const std::string& second) { return first + "." + second + ".pairs"; }

}  // namespace meso::lattice
