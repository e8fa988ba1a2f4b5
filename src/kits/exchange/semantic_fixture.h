// Cases of the SBML Test Suite as they lie in tests/data: settings, expected results.
#pragma once

#include <algorithm>
#include <filesystem>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/text.h"

namespace meso::exchange::testing {

struct SuiteCase {
  std::string id;
  std::map<std::string, std::string> settings;
  std::vector<std::string> columns;              ///< without the time
  std::vector<double> times;
  std::vector<std::vector<double>> rows;         ///< per time, one value per column
  std::filesystem::path folder;
  [[nodiscard]] std::filesystem::path model(const char* version) const { return folder / (id + "-sbml-" + version + ".xml"); }
  [[nodiscard]] std::size_t column(const std::string& name) const { return static_cast<std::size_t>(std::find(columns.begin(), columns.end(), name) - columns.begin()); }
  [[nodiscard]] double number(const char* key) const {
    double value = 0;
    (void)parse_number(settings.at(key), value);
    return value;
  }
};

inline std::vector<std::string> lines_of(const std::filesystem::path& file) {
  std::vector<std::string> lines;
  std::istringstream in(read_file(file));
  for (std::string line; std::getline(in, line);)
    if (!trim(line).empty()) lines.emplace_back(trim(line));
  return lines;
}

inline SuiteCase suite_case(const std::filesystem::path& suite, const std::string& id) {
  SuiteCase c{id, {}, {}, {}, {}, suite / id};
  for (const std::string& line : lines_of(c.folder / (id + "-settings.txt"))) {
    const auto colon = line.find(':');
    c.settings[std::string(trim(line.substr(0, colon)))] = std::string(trim(line.substr(colon + 1)));
  }
  const std::vector<std::string> lines = lines_of(c.folder / (id + "-results.csv"));
  c.columns = split(lines[0], ',');
  c.columns.erase(c.columns.begin());
  for (std::size_t i = 1; i < lines.size(); ++i) {
    std::vector<double> row;
    for (const std::string& cell : split(lines[i], ',')) {
      double value = 0;
      (void)parse_number(cell, value);
      row.push_back(value);
    }
    c.times.push_back(row[0]);
    c.rows.emplace_back(row.begin() + 1, row.end());
  }
  return c;
}

/// Ids of all cases of a suite, from its index.
inline std::vector<std::string> suite_ids(const std::filesystem::path& suite) {
  std::vector<std::string> ids;
  for (const std::string& line : lines_of(suite / "INDEX.tsv"))
    if (line.size() > 5 && line[0] >= '0' && line[0] <= '9') ids.push_back(line.substr(0, 5));
  return ids;
}

}  // namespace meso::exchange::testing
