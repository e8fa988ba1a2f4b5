// Comma-separated tables (RFC 4180): tables of the user's own are read, verdicts.csv is written.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "model/results.h"

namespace meso {

/// Text cells under a head of names, with the place of every row ("growth.csv:7"). Rows are as long as the head.
struct CsvTable {
  std::string name;  ///< of the file, as messages say it
  std::vector<std::string> columns;
  std::vector<std::vector<std::string>> rows;
  std::vector<std::string> where;  ///< of each row
};

/// Largest table that is read, in bytes.
inline constexpr std::uintmax_t max_csv_bytes = 64u << 20;

/// Cells are trimmed unless they are quoted; lines that are empty or begin with '#' are passed over; a byte order mark and any line ends are taken.
/// @throws InputError  file and line: no head, a column without a name or named twice, a row of another length, a quote that does not end, a file above `max_csv_bytes`
[[nodiscard]] CsvTable read_csv(const std::filesystem::path& path);
/// The same from text. @param name  stands for the file's name in every place
[[nodiscard]] CsvTable parse_csv(std::string_view text, const std::string& name);

/// verdicts.csv, one row per verdict, for spreadsheets and data frames (CRLF, quotes where needed). Columns: point, the swept parameters by name, level, label, observable, outcome, low, high, where, margin, scale,
/// confidence, quantile, quantile_disagree, look, needed, reason, remarks, order_check. Numbers are exact; what is not
/// finite or not there is an empty field. `where` is "t = 2"; remarks are joined by "; ". A swept parameter with the name
/// of a column is called parameter.<name>.
[[nodiscard]] std::string verdicts_csv(const Results& results);

/// @throws RunError as write_file_atomically
void write_verdicts_csv(const std::filesystem::path& path, const Results& results);

}  // namespace meso
