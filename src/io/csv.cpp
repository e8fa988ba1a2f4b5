#include "io/csv.h"

#include <algorithm>
#include <cmath>

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

}  // namespace

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
