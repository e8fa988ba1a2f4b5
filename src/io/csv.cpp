#include "io/csv.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "base/error.h"
#include "base/files.h"
#include "base/text.h"

namespace meso {
namespace {

std::string field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + "\"";
}

std::string number(double value) { return std::isfinite(value) ? exact(value) : ""; }

std::string row(const std::vector<std::string>& cells) {
  std::vector<std::string> fields;
  for (const std::string& cell : cells) fields.push_back(field(cell));
  return join(fields, ",") + "\r\n";
}

/// One record from `at` on: cells of a line, or of several where a quoted cell holds line ends. Moves `at` behind it and counts `line`.
std::vector<std::string> record(std::string_view text, std::size_t& at, std::size_t& line, const std::string& name) {
  std::vector<std::string> cells;
  const std::size_t first = line;
  while (true) {
    while (at < text.size() && (text[at] == ' ' || text[at] == '\t')) ++at;
    std::string cell;
    if (at < text.size() && text[at] == '"') {
      for (++at;; ++at) {
        if (at >= text.size()) throw InputError(fmt::format("{}:{}: a quote does not end", name, first));
        if (text[at] == '"') {
          if (at + 1 < text.size() && text[at + 1] == '"') ++at;  // "" is one quote
          else break;
        }
        if (text[at] == '\n') ++line;
        cell += text[at];
      }
      ++at;
      while (at < text.size() && (text[at] == ' ' || text[at] == '\t')) ++at;
      if (at < text.size() && text[at] != ',' && text[at] != '\n' && text[at] != '\r') throw InputError(fmt::format("{}:{}: text behind the quoted cell \"{}\"", name, line, cell));
    } else {
      const std::size_t end = std::min(text.find_first_of(",\r\n", at), text.size());
      cell = std::string(trim(text.substr(at, end - at)));
      at = end;
    }
    cells.push_back(std::move(cell));
    if (at < text.size() && text[at] == ',') {
      ++at;
      continue;
    }
    if (at < text.size() && text[at] == '\r') ++at;
    if (at < text.size() && text[at] == '\n') ++at;
    ++line;
    return cells;
  }
}

}  // namespace

CsvTable parse_csv(std::string_view text, const std::string& name) {
  CsvTable table;
  table.name = name;
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  std::size_t at = 0, line = 1;
  while (at < text.size()) {
    const std::size_t place = line, begin = at;
    const std::vector<std::string> cells = record(text, at, line, name);
    if ((cells.size() == 1 && cells.front().empty()) || text[begin] == '#') {
      if (text[begin] == '#') {  // a comment ends with its line, whatever quotes stand in it
        at = std::min(text.find('\n', begin), text.size());
        at += at < text.size();
        line = place + 1;
      }
      continue;
    }
    if (table.columns.empty()) {
      std::set<std::string> seen;
      for (const std::string& column : cells) {
        if (column.empty()) throw InputError(fmt::format("{}:{}: column {} has no name", name, place, &column - cells.data() + 1));
        if (!seen.insert(column).second) throw InputError(fmt::format("{}:{}: the column '{}' stands there twice", name, place, column));
      }
      table.columns = cells;
      continue;
    }
    if (cells.size() != table.columns.size())
      throw InputError(fmt::format("{}:{}: {} cell{}, but the head names {} columns: {}", name, place, cells.size(), cells.size() == 1 ? "" : "s", table.columns.size(), join(table.columns)));
    table.rows.push_back(cells);
    table.where.push_back(fmt::format("{}:{}", name, place));
  }
  if (table.columns.empty()) throw InputError(fmt::format("{}: the table is empty; its first line names the columns", name));
  return table;
}

CsvTable read_csv(const std::filesystem::path& path) {
  std::error_code unreadable;
  const std::uintmax_t bytes = std::filesystem::file_size(path, unreadable);
  if (!unreadable && bytes > max_csv_bytes) throw InputError(fmt::format("{}: {} bytes; a table may have {}", path.string(), with_commas(bytes), with_commas(max_csv_bytes)));
  return parse_csv(read_file(path), path.filename().string());
}

std::string verdicts_csv(const Results& results) {
  const std::vector<std::string> fixed{"level", "label",    "observable",        "outcome", "low",    "high",   "where",   "margin",     "scale",
                                       "confidence", "quantile", "quantile_disagree", "look",    "needed", "reason", "remarks", "order_check"};
  std::vector<std::string> head{"point"};
  for (const std::string& name : results.sweep)
    head.push_back(name == "point" || std::find(fixed.begin(), fixed.end(), name) != fixed.end() ? "parameter." + name : name);
  head.insert(head.end(), fixed.begin(), fixed.end());
  std::string out = row(head);
  for (const Verdict& v : results.verdicts) {
    std::vector<std::string> cells{std::to_string(v.point)};
    for (const std::string& name : results.sweep) {
      const Table& parameters = results.points.at(v.point).parameters;
      const auto found = parameters.find(name);
      cells.push_back(found == parameters.end() ? "" : to_text(found->second));
    }
    std::vector<std::string> where;
    for (const auto& [axis, value] : v.where) where.push_back(axis + " = " + exact(value));
    for (const std::string& cell :
         {v.level, v.label, v.observable, std::string(to_text(v.outcome)), number(v.low), number(v.high), join(where), number(v.margin), number(v.scale),
          number(v.confidence), number(v.quantile), number(v.quantile_disagree), std::to_string(v.look), v.needed ? number(*v.needed) : "", v.reason,
          join(v.remarks, "; "), v.order_check.value_or("")})
      cells.push_back(cell);
    out += row(cells);
  }
  return out;
}

void write_verdicts_csv(const std::filesystem::path& path, const Results& results) { write_file_atomically(path, verdicts_csv(results)); }

}  // namespace meso
