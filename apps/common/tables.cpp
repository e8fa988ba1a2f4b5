#include "tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "base/error.h"
#include "base/text.h"

namespace meso::app {
namespace {

/// Columns padded to their widest cell; numbers are already text.
std::string columns(const std::vector<std::vector<std::string>>& rows, const std::string& indent = "") {
  std::vector<std::size_t> width;
  for (const auto& row : rows)
    for (std::size_t c = 0; c < row.size(); ++c) {
      width.resize(std::max(width.size(), c + 1), 0);
      width[c] = std::max(width[c], row[c].size());
    }
  std::string text;
  for (const auto& row : rows) {
    std::string line = indent;
    for (std::size_t c = 0; c < row.size(); ++c) line += c + 1 < row.size() ? fmt::format("{:<{}}  ", row[c], width[c]) : row[c];
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return text;
}

std::string range_text(const ParameterInfo& info) {
  if (!info.allowed.empty()) return join(info.allowed, " | ");
  const std::string low = std::isfinite(info.min) ? fmt::format("{} {}", info.min_excluded ? ">" : ">=", brief(info.min, 6)) : "";
  const std::string high = std::isfinite(info.max) ? fmt::format("<= {}", brief(info.max, 6)) : "";
  return low.empty() ? high : high.empty() ? low : low + ", " + high;
}

std::string wrapped(const std::string& text, std::size_t width, const std::string& indent) {
  std::string result, line = indent;
  for (const std::string& word : split(text, ' ')) {
    if (line.size() > indent.size() && line.size() + 1 + word.size() > width) {
      result += line + "\n";
      line = indent;
    }
    line += (line.size() > indent.size() ? " " : "") + word;
  }
  return result + line + "\n";
}

std::string with_error(double value, double se, double bound) {
  if (!std::isfinite(value)) return "-";
  if (se > 0) {
    const int digits = std::clamp(static_cast<int>(std::ceil(std::log10(std::max(std::abs(value), se) / se))) + 2, 2, 12);
    return fmt::format("{} +- {}", brief(value, digits), brief(se, 2));
  }
  if (bound > 0) {
    const int digits = std::clamp(static_cast<int>(std::ceil(std::log10(std::max(std::abs(value), bound) / bound))) + 1, 2, 9);
    return brief(value, digits);
  }
  return brief(value, 9);
}

}  // namespace

std::string list_table(const Registry& registry, const std::string& family, bool papers) {
  std::vector<std::vector<std::string>> rows;
  std::vector<std::string> families;
  std::map<std::string, std::pair<Paper, std::vector<std::string>>> by_paper;
  for (const std::string& name : registry.names()) {
    const System system = registry.describe(name);
    families.push_back(system.family);
    if (!family.empty() && system.family.find(family) == std::string::npos) continue;
    rows.push_back({system.name, system.family, system.title + (system.needs.empty() ? "" : " (needs " + system.needs + ")")});
    auto& entry = by_paper[system.paper.slug];
    entry.first = system.paper;
    entry.second.push_back(system.name);
  }
  if (rows.empty()) {
    std::sort(families.begin(), families.end());
    families.erase(std::unique(families.begin(), families.end()), families.end());
    throw InputError(fmt::format("--family {}: no system of that family.{}\n  known: {}", family, did_you_mean(family, families), join(families)));
  }
  if (!papers) return columns(rows);
  std::vector<std::vector<std::string>> lines;
  for (const auto& [slug, entry] : by_paper) lines.push_back({slug, entry.first.date, entry.first.title, "(" + join(entry.second) + ")"});
  return columns(lines);
}

std::string card_text(const System& system, bool markdown) {
  std::string text = (markdown ? "# " : "") + fmt::format("{}: {}\n", system.name, system.title);
  if (!system.paper.title.empty()) text += fmt::format("  {} ({})\n", system.paper.title, system.paper.date);
  return text;
}

std::string info_text(const System& system, const std::string& level_name, bool markdown) {
  const Case bound = system.bind({});
  const auto heading = [&](const std::string& text) { return markdown ? "\n## " + text + "\n\n" : "\n" + text + "\n"; };
  const auto table = [&](const std::vector<std::string>& head, const std::vector<std::vector<std::string>>& rows) {
    if (!markdown) return columns(rows, "  ");
    std::string text = "| " + join(head, " | ") + " |\n|";
    for (std::size_t i = 0; i < head.size(); ++i) text += "---|";
    text += "\n";
    for (const auto& row : rows) {
      std::vector<std::string> cells = row;
      cells.resize(head.size());
      for (std::string& cell : cells)
        for (std::size_t at = 0; (at = cell.find('|', at)) != std::string::npos; at += 2) cell.insert(at, "\\");
      text += "| " + join(cells, " | ") + " |\n";
    }
    return text;
  };
  const auto parameter_rows = [](const std::vector<ParameterInfo>& infos) {
    std::vector<std::vector<std::string>> rows;
    for (const ParameterInfo& info : infos) rows.push_back({info.name, to_text(info.fallback), info.unit == "1" ? "" : info.unit, range_text(info), info.doc});
    return rows;
  };
  if (!level_name.empty()) {
    const Level& level = bound.level(level_name);
    std::string text = (markdown ? "# " : "") + fmt::format("{} of {}: {}\n", level.info.name, system.name, to_text(level.info.rung));
    if (!level.info.doc.empty()) text += wrapped(level.info.doc, 100, "  ");
    if (!level.info.parent.empty()) text += fmt::format("  below '{}': {}\n", level.info.parent, level.info.approximation);
    if (!level.info.small_parameter.empty()) text += fmt::format("  small parameter {}{}\n", level.info.small_parameter, level.info.expected_order > 0 ? ", expected order " + brief(level.info.expected_order) : "");
    if (!level.info.source.empty()) text += "  source: " + level.info.source + "\n";
    if (!level.info.options.empty()) text += heading("Options") + table({"option", "default", "unit", "range", "what"}, parameter_rows(level.info.options));
    return text;
  }
  std::string text = card_text(system, markdown);
  if (!system.doc.empty()) text += wrapped(system.doc, 100, "  ");
  text += heading("Parameters") + table({"parameter", "default", "unit", "range", "what"}, parameter_rows(system.parameters));
  std::vector<std::vector<std::string>> levels, observables;
  for (const Level& level : bound.levels)
    levels.push_back({level.info.name, to_text(level.info.rung), level.info.sampled ? "sampled" : "solved", level.info.parent.empty() ? level.info.doc : "below " + level.info.parent + ": " + level.info.approximation});
  for (const ObservableInfo& info : bound.observables) observables.push_back({info.name, info.unit, info.doc});
  text += heading("Levels") + table({"level", "rung", "how", "what"}, levels);
  text += heading("Observables") + table({"observable", "unit", "definition"}, observables);
  if (!bound.notes.empty()) {
    text += heading("Notes");
    for (const std::string& note : bound.notes) text += "  " + note + "\n";
  }
  return text;
}

std::string answer_table(const Results& results, std::size_t) {
  std::string text;
  for (const PointResult& point : results.points) {
    if (!results.sweep.empty()) {
      std::vector<std::string> parts;
      for (const std::string& name : results.sweep) parts.push_back(name + " = " + to_text(point.parameters.at(name)));
      text += join(parts) + "\n";
    }
    for (const LevelResult& level : point.levels) {
      text += level.label + (level.samples ? fmt::format(" ({} trajectories)", with_commas(level.samples)) : "") + (level.answer.why.empty() ? "" : " (" + level.answer.why + ")") + "\n";
      std::vector<const Estimate*> scalars, paths;
      for (const ObservableInfo& info : results.observables) {
        const Estimate* e = level.answer.find(info.name);
        if (!e) text += fmt::format("  {}: not given by this level\n", info.name);
        else if (e->axes.empty()) scalars.push_back(e);
        else if (e->axes.size() == 1) paths.push_back(e);
        else text += fmt::format("  {}: {} values (see the results file)\n", info.name, e->size());
      }
      std::vector<std::vector<std::string>> rows;
      for (const Estimate* e : scalars) rows.push_back({e->observable, with_error(e->value[0], e->se(0), e->bound(0)), e->unit == "1" ? "" : e->unit});
      if (!rows.empty()) text += columns(rows, "  ");
      while (!paths.empty()) {  // observables on the same axis share a table
        const Axis axis = paths.front()->axes.front();
        std::vector<std::vector<std::string>> table{{axis.name + (axis.unit.empty() || axis.unit == "1" ? "" : " (" + axis.unit + ")")}};
        for (const double x : axis.points) table.push_back({brief(x, 6)});
        for (const Estimate* e : paths)
          if (e->axes.front() == axis) {
            table[0].push_back(e->observable);
            for (std::size_t i = 0; i < e->size(); ++i) table[i + 1].push_back(with_error(e->value[i], e->se(i), e->bound(i)));
          }
        std::erase_if(paths, [&](const Estimate* e) { return e->axes.front() == axis; });
        text += columns(table, "  ");
      }
      for (const SteadyState& state : level.answer.steady_states) {
        std::vector<std::string> parts;
        for (const auto& [name, value] : state.value) parts.push_back(name + " = " + brief(value, 7));
        text += fmt::format("  steady state{}: {}{}{}\n", state.reached ? " reached" : "", join(parts), state.stable ? ", stable" : ", unstable", state.physical ? "" : ", not physical");
      }
      for (const Flag& flag : level.answer.flags) text += fmt::format("  {}: {}\n", flag.fatal ? "BROKEN" : "note", flag.text);
    }
  }
  return text;
}

std::string trajectory_table(const Answer& answer) {
  std::vector<std::vector<std::string>> table;
  const std::vector<double>* times = nullptr;
  for (const Estimate& e : answer.estimates)
    if (!e.axes.empty()) times = &e.axes.front().points;
  table.push_back({times ? "t" : ""});
  std::size_t rows = 0;
  for (const Path& path : answer.paths) rows = std::max(rows, path.value.size());
  for (std::size_t i = 0; i < rows; ++i) table.push_back({times && i < times->size() ? brief((*times)[i], 6) : ""});
  for (const Path& path : answer.paths) {
    table[0].push_back(path.signal);
    for (std::size_t i = 0; i < path.value.size(); ++i) table[i + 1].push_back(exact(path.value[i]));
  }
  return columns(table);
}

}  // namespace meso::app
