#include "report/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "report/overview.h"
#include "report/markup.h"

namespace meso {
namespace {

using namespace report;

std::string pad(const std::string& text, std::size_t width) {
  const std::size_t n = length(text);
  return n >= width ? text : text + std::string(width - n, ' ');
}

std::string trimmed_right(std::string line) {
  while (!line.empty() && line.back() == ' ') line.pop_back();
  return line;
}

/// Rows of cells in columns as wide as their content; the last column wraps, with a hanging indent, to the full width.
/// Every column but the last is capped, so that a long name cannot push the rest out.
struct Columns {
  std::vector<std::string> head;
  std::vector<std::vector<std::string>> rows;

  [[nodiscard]] std::string text(std::size_t width) const {
    const std::size_t n = head.size();
    std::vector<std::size_t> w(n);
    const auto measure = [&](const std::vector<std::string>& row) {
      for (std::size_t c = 0; c + 1 < n; ++c) w[c] = std::max(w[c], length(row[c]));
    };
    measure(head);
    for (const auto& row : rows) measure(row);
    const std::size_t last_at_least = 18;
    const auto used = [&] {
      std::size_t sum = 2;
      for (std::size_t c = 0; c + 1 < n; ++c) sum += w[c] + 2;
      return sum;
    };
    while (used() + last_at_least > width) {  // take from the widest
      const auto widest = std::max_element(w.begin(), w.end() - 1);
      if (*widest <= 8) break;
      --*widest;
    }
    std::string out;
    const auto put = [&](const std::vector<std::string>& row) {
      std::vector<std::vector<std::string>> cells;
      std::size_t height = 1;
      for (std::size_t c = 0; c < n; ++c) {
        cells.push_back(wrap(row[c], c + 1 < n ? w[c] : width > used() ? width - used() : last_at_least));
        height = std::max(height, cells.back().size());
      }
      for (std::size_t k = 0; k < height; ++k) {
        std::string line = "  ";
        for (std::size_t c = 0; c < n; ++c) {
          const std::string cell = k < cells[c].size() ? cells[c][k] : "";
          line += c + 1 < n ? pad(cell, w[c]) + "  " : cell;
        }
        out += trimmed_right(line) + "\n";
      }
    };
    put(head);
    for (const auto& row : rows) put(row);
    return out;
  }
};

/// Lines of a paragraph; those after the first begin with `indent`. Blanks at the start of the text are kept.
std::string wrapped(const std::string& text, std::size_t width, const std::string& indent = "  ") {
  const std::string start(std::min(text.find_first_not_of(' '), text.size()), ' ');
  std::string out;
  for (const std::string& line : wrap(text, width - std::max(indent.size(), start.size()))) out += (out.empty() ? start : indent) + line + "\n";
  return out;
}

/// Remarks shared by many rows stand once below the table; rows carry their number.
class Footnotes {
 public:
  std::string marks(const std::vector<std::string>& remarks) {
    std::vector<std::string> numbers;
    for (const std::string& remark : remarks) {
      auto found = std::find(texts_.begin(), texts_.end(), remark);
      if (found == texts_.end()) found = texts_.insert(texts_.end(), remark);
      numbers.push_back(std::to_string(found - texts_.begin() + 1));
    }
    return numbers.empty() ? "" : "(" + join(numbers, ",") + ")";
  }
  [[nodiscard]] std::string text(std::size_t width) const {
    std::string out;
    const std::size_t most = 12;
    for (std::size_t i = 0; i < std::min(most, texts_.size()); ++i) out += wrapped(fmt::format("  ({}) {}", i + 1, texts_[i]), width, "      ");
    if (texts_.size() > most) out += fmt::format("  and {} more remarks, all in the report\n", texts_.size() - most);
    return out;
  }

 private:
  std::vector<std::string> texts_;
};

std::string needs(const Verdict& v) {
  return v.needed && std::isfinite(*v.needed) && *v.needed > 0
             ? fmt::format("needs about {} trajectories", *v.needed < 1e15 ? with_commas(static_cast<unsigned long long>(std::ceil(*v.needed))) : brief(*v.needed, 2))
             : "";
}

std::string explanation(const Verdict& v, Footnotes& notes) {
  std::vector<std::string> parts;
  if (!v.reason.empty()) parts.push_back(v.reason);
  // A reason often says already what is needed.
  if (const std::string n = needs(v); !n.empty() && v.reason.find(" needed") == std::string::npos && v.reason.find("needs ") == std::string::npos) parts.push_back(n);
  if (v.order_check) parts.push_back("order check: " + *v.order_check);
  const std::string marks = notes.marks(v.remarks);
  std::string text = join(parts, "; ");
  if (!marks.empty()) text += (text.empty() ? "" : " ") + marks;
  return text;
}

/// How many points an entry has: of the reference's estimates, per observable.
std::string sizes(const Overview& facts) {
  const Results& r = facts.results;
  std::vector<std::string> parts{fmt::format("{} {}", facts.candidates.size(), facts.candidates.size() == 1 ? "level" : "levels"),
                                 fmt::format("{} {}", facts.observables.size(), facts.observables.size() == 1 ? "observable" : "observables")};
  if (r.points.size() > 1) parts.push_back(fmt::format("{} points", r.points.size()));
  if (!r.points.empty() && r.points[0].reference() != nullptr)
    for (const Estimate& estimate : r.points[0].reference()->answer.estimates)
      if (estimate.axes.size() == 1 && estimate.axes[0].name == "t") {
        parts.push_back(fmt::format("{} times", estimate.axes[0].points.size()));
        break;
      }
  return join(parts, " x ");
}

/// Parameters that differ from their default and are not swept, so that the head tells which case this is.
std::string given_parameters(const Results& r) {
  std::vector<std::string> parts;
  if (r.points.empty()) return "";
  for (const ParameterInfo& info : r.parameters) {
    const auto found = r.points[0].parameters.find(info.name);
    if (found == r.points[0].parameters.end() || std::find(r.sweep.begin(), r.sweep.end(), info.name) != r.sweep.end()) continue;
    const double given = as_number(found->second), fallback = as_number(info.fallback);
    const bool same = std::isnan(given) || std::isnan(fallback) ? found->second == info.fallback : given == fallback;  // 5 and 5.0
    if (!same) parts.push_back(info.name + "=" + to_text(found->second));
  }
  return join(parts, " ");
}

char letter(const Verdict* v) { return v == nullptr ? ' ' : look(v->outcome).letter; }

std::string letters_legend(std::size_t width) {
  std::vector<std::string> parts;
  for (const Look& l : looks) parts.push_back(fmt::format("{} {}", l.letter, l.word));
  return wrapped("  " + join(parts), width);
}

std::string with_unit_if_any(const SweepAxis& axis) {
  return axis.unit.empty() || axis.unit == "1" ? axis.name : with_unit(axis.name, axis.unit);
}

double axis_value(const Overview& facts, std::size_t point, std::size_t axis) {
  return as_number(facts.results.points[point].parameters.find(facts.axes[axis].name)->second);
}

/// One letter per point. Long sweeps go on in further blocks: nothing is left out.
std::string map_by_order(const Overview& facts, std::size_t width) {
  std::size_t label_width = 5, name_width = 10;
  for (const std::string& label : facts.candidates) label_width = std::max(label_width, length(label));
  for (const std::string& name : facts.observables) name_width = std::max(name_width, length(name));
  label_width = std::min<std::size_t>(label_width, 22);
  name_width = std::min<std::size_t>(name_width, 22);
  const std::size_t left = 2 + label_width + 2 + name_width + 2, room = width > left + 20 ? width - left : 20, n = facts.order.size();
  std::string out;
  for (std::size_t first = 0; first < n; first += room) {
    const std::size_t last = std::min(n, first + room);
    std::string range;
    if (facts.layout == Layout::line) {
      const std::string lo = brief(axis_value(facts, facts.order[first], 0), 3), hi = brief(axis_value(facts, facts.order[last - 1], 0), 3);
      range = lo + (lo.size() + hi.size() + 3 <= last - first ? std::string(last - first - lo.size() - hi.size(), '.') : " .. ") + hi;
    } else {
      range = fmt::format("points {} .. {}", first + 1, last);
    }
    out += "  " + pad(facts.layout == Layout::line ? shorten("over " + with_unit_if_any(facts.axes[0]), left - 3) : "", left - 2) + range + "\n";
    for (const std::string& label : facts.candidates)
      for (const std::string& name : facts.observables) {
        if (!facts.judged(label, name)) continue;
        std::string line = "  " + pad(shorten(label, label_width), label_width) + "  " + pad(shorten(name, name_width), name_width) + "  ";
        for (std::size_t i = first; i < last; ++i) line += letter(facts.verdict(facts.order[i], label, name));
        out += trimmed_right(line) + "\n";
      }
  }
  return out;
}

std::string map_grid(const Overview& facts, std::size_t width) {
  const SweepAxis &x = facts.axes[0], &y = facts.axes[1];
  std::vector<std::vector<std::size_t>> at(y.values.size(), std::vector<std::size_t>(x.values.size(), Overview::npos));
  for (std::size_t p = 0; p < facts.cell.size(); ++p) at[facts.cell[p][1]][facts.cell[p][0]] = p;
  std::vector<std::string> ticks;
  std::size_t tick_width = 0;
  for (const double v : y.values) {
    ticks.push_back(brief(v, 4));
    tick_width = std::max(tick_width, ticks.back().size());
  }
  // Panels beside each other as far as they fit.
  std::vector<std::vector<std::string>> panels;
  std::size_t panel_width = 0;
  for (const std::string& label : facts.candidates)
    for (const std::string& name : facts.observables) {
      if (!facts.judged(label, name)) continue;
      std::vector<std::string> lines{label + "  " + name};
      for (std::size_t j = y.values.size(); j-- > 0;) {
        std::string line(tick_width - ticks[j].size(), ' ');
        line += ticks[j] + " ";
        for (std::size_t i = 0; i < x.values.size(); ++i) line += letter(at[j][i] == Overview::npos ? nullptr : facts.verdict(at[j][i], label, name));
        lines.push_back(line);
      }
      lines.push_back(std::string(tick_width + 1, ' ') + brief(x.values.front(), 3) + " .. " + brief(x.values.back(), 3));
      for (const std::string& line : lines) panel_width = std::max(panel_width, length(line));
      panels.push_back(std::move(lines));
    }
  const std::size_t across = std::max<std::size_t>(1, (width - 2 + 3) / (panel_width + 3));
  std::string out = wrapped(fmt::format("  {} to the right, {} upwards", with_unit_if_any(x), with_unit_if_any(y)), width);
  for (std::size_t first = 0; first < panels.size(); first += across) {
    const std::size_t last = std::min(panels.size(), first + across);
    for (std::size_t k = 0; k < panels[first].size(); ++k) {
      std::string line = "  ";
      for (std::size_t p = first; p < last; ++p) line += pad(shorten(panels[p][k], width - 2), panel_width) + (p + 1 < last ? "   " : "");
      out += trimmed_right(line) + "\n";
    }
    if (last < panels.size()) out += "\n";
  }
  return out;
}

/// Stretches of equal outcome, for sweeps too long for letters.
std::string map_by_stretches(const Overview& facts, std::size_t width) {
  std::string out;
  for (const std::string& label : facts.candidates)
    for (const std::string& name : facts.observables) {
      if (!facts.judged(label, name)) continue;
      std::vector<std::string> parts;
      for (const Stretch& s : facts.stretches(label, name)) {
        const auto end = [&](std::size_t i) { return facts.layout == Layout::line ? brief(axis_value(facts, facts.order[i], 0), 4) : std::to_string(i + 1); };
        parts.push_back(fmt::format("{} {} to {} ({})", to_text(s.outcome), end(s.first), end(s.last), s.last - s.first + 1));
      }
      out += wrapped(fmt::format("  {}  {}: {}", label, name, join(parts, "; ")), width, "      ");
    }
  return out;
}

/// The row to show for an outcome: the verdict furthest from comfort.
const Verdict& worst_of(const std::vector<const Verdict*>& same) {
  const auto key = [](const Verdict& v) {
    if (v.outcome == Outcome::disagrees) return std::isfinite(v.low) ? v.low : -1.0;
    return std::isfinite(v.high) ? v.high : -1.0;
  };
  const Verdict* worst = same.front();
  for (const Verdict* v : same)
    if (key(*v) > key(*worst)) worst = v;
  return *worst;
}

}  // namespace

std::string summary(const Results& results) {
  const Overview facts(results);
  if (results.verdicts.empty()) {
    std::vector<std::string> labels;
    for (const PointResult& point : results.points)
      for (const LevelResult& level : point.levels)
        if (std::find(labels.begin(), labels.end(), level.label) == labels.end()) labels.push_back(level.label);
    return fmt::format("{} of {}; no comparison was asked.", labels.empty() ? "No level" : join(labels), join(facts.observables));
  }
  std::vector<std::string> levels;
  for (const std::string& label : facts.candidates) {
    std::vector<std::string> findings;
    for (const std::string& name : facts.observables)
      if (facts.judged(label, name)) findings.push_back(facts.finding(label, name));
    levels.push_back(label + ": " + join(findings, facts.results.points.size() > 1 ? " | " : ", "));
  }
  return fmt::format("Against {}, within {} at {} % confidence: {}.", facts.reference(), facts.margin(), brief(100 * results.confidence, 6), join(levels, "; "));
}

std::string verdict_table(const Results& r, std::size_t width) {
  width = std::max<std::size_t>(width, 60);
  const Overview facts(r);
  const std::string given = given_parameters(r);
  std::string out = wrapped(fmt::format("{}{} | {} against", r.system, given.empty() ? "" : " " + given, facts.reference()), width);
  if (r.verdicts.empty()) return wrapped(fmt::format("{}{}: {}", r.system, given.empty() ? "" : "  " + given, summary(r)), width);
  out += wrapped(fmt::format("  margin {}, {} % simultaneous over {}; {}", facts.margin(), brief(100 * r.confidence, 6), sizes(facts), facts.quantiles()), width);
  Footnotes notes;
  if (r.points.size() == 1) {
    Columns table{{"level", "observable", "verdict", "discrepancy/margin", "worst at", ""}, {}};
    for (const std::string& label : facts.candidates)
      for (const std::string& name : facts.observables)
        if (const Verdict* v = facts.verdict(0, label, name))
          table.rows.push_back({label, name, to_text(v->outcome), interval(*v), place_text(v->where), explanation(*v, notes)});
    return out + table.text(width) + notes.text(width);
  }

  const std::size_t n = r.points.size();
  out += letters_legend(width);
  if (facts.layout == Layout::grid && facts.axes[0].values.size() <= width - 14 && facts.axes[1].values.size() * facts.candidates.size() * facts.observables.size() <= 400)
    out += map_grid(facts, width);
  else if (n <= 4 * width) out += map_by_order(facts, width);
  else out += map_by_stretches(facts, width);

  Columns table{{"level", "observable", "verdict", "points", "worst", "there"}, {}};
  for (const std::string& label : facts.candidates)
    for (const std::string& name : facts.observables)
      for (const Outcome outcome : {Outcome::agrees, Outcome::disagrees, Outcome::undecided, Outcome::broken, Outcome::absent}) {
        std::vector<const Verdict*> same;
        for (std::size_t p = 0; p < n; ++p)
          if (const Verdict* v = facts.verdict(p, label, name); v != nullptr && v->outcome == outcome) same.push_back(v);
        if (same.empty()) continue;
        const Verdict& v = worst_of(same);
        std::vector<std::string> there;
        if (outcome != Outcome::absent) {
          there.push_back(facts.place(v.point));
          if (const std::string at = place_text(v.where); !at.empty()) there.push_back(at);
        }
        std::string text = join(there);
        if (const std::string more = explanation(v, notes); !more.empty()) text += (text.empty() ? "" : more.front() == '(' ? " " : ": ") + more;
        table.rows.push_back({label, name, to_text(outcome), std::to_string(same.size()), interval(v), text});
      }
  return out + table.text(width) + notes.text(width);
}

std::string edge_table(const Results& r, std::size_t width) {
  width = std::max<std::size_t>(width, 60);
  Columns table{{"level", "observable", "verdict changes", "between", "reference there"}, {}};
  for (const Edge& edge : r.edges) {
    if (!edge.refined) continue;
    std::vector<std::string> between{fmt::format("{} = {} .. {}", edge.parameter, brief(edge.low, 5), brief(edge.high, 5))}, means;
    for (const auto& [name, value] : edge.others) between.push_back(name + " = " + brief(value, 5));
    for (const auto& [name, ends] : edge.reference) means.push_back(fmt::format("{} = {} .. {}", name, brief(ends.first, 5), brief(ends.second, 5)));
    table.rows.push_back({edge.label, edge.observable, fmt::format("{} -> {}", to_text(edge.below), to_text(edge.above)), join(between), join(means)});
  }
  return table.rows.empty() ? "" : table.text(width);
}

}  // namespace meso
