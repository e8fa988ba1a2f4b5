// Pictures without JavaScript: the verdict map and the ladder as SVG, for the page and for use elsewhere.
#pragma once

#include <string>

#include "model/results.h"

namespace meso {

/// The verdict map as a stand-alone SVG document: levels and observables against the sweep, outcomes by colour (Okabe and
/// Ito), hatching and letter, with a legend and tooltips. One heat map per level and observable over a sweep in two
/// parameters; a matrix of levels and observables for one point. Every verdict is drawn: nothing is thinned out.
[[nodiscard]] std::string verdict_map_svg(const Results& results);

/// The ladder of levels as a stand-alone SVG: each level under its parent, the approximation written on the edge between
/// them, coloured by its worst verdict. Levels that are parents but were not asked are drawn dashed.
[[nodiscard]] std::string ladder_svg(const Results& results);

namespace report {
struct Overview;

/// The map's <svg> element as the page embeds it: cells carry data-v (index of the verdict) in place of tooltips.
[[nodiscard]] std::string map_element(const Overview& facts);
[[nodiscard]] std::string ladder_element(const Overview& facts);
/// <svg> with the hatchings, to be put once into the page, so that legends and tables use them too.
[[nodiscard]] std::string pattern_definitions();
/// A small <svg> of one outcome's cell, for tables and legends on the page.
[[nodiscard]] std::string swatch(Outcome outcome);
}  // namespace report

}  // namespace meso
