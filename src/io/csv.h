// verdicts.csv: one row per verdict, for spreadsheets and data frames (RFC 4180: CRLF, quotes where needed).
#pragma once

#include <filesystem>
#include <string>

#include "model/results.h"

namespace meso {

/// Columns: point, the swept parameters by name, level, label, observable, outcome, low, high, where, margin, scale,
/// confidence, quantile, quantile_disagree, look, needed, reason, remarks, order_check. Numbers are exact; what is not
/// finite or not there is an empty field. `where` is "t = 2"; remarks are joined by "; ". A swept parameter with the name
/// of a column is called parameter.<name>.
[[nodiscard]] std::string verdicts_csv(const Results& results);

/// @throws RunError as write_file_atomically
void write_verdicts_csv(const std::filesystem::path& path, const Results& results);

}  // namespace meso
