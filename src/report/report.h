// The report of a study: one HTML file that opens offline, made from a Results value alone.
#pragma once

#include <filesystem>
#include <string>

#include "model/results.h"

namespace meso {

/// The whole page as text: data, styles and scripts (Plotly among them) are inside it; a content security policy
/// forbids it to load anything from anywhere. Arrays keep every point, as numbers of 7 significant digits; what is not
/// finite becomes a gap. The exact numbers are in the results file.
[[nodiscard]] std::string report_html(const Results& results);

/// Writes `folder`/index.html, whole or not at all, making the folder if needed.
/// @throws InputError if the folder cannot be made or written to, RunError if the disk is full
void write_report(const Results& results, const std::filesystem::path& folder);

}  // namespace meso
