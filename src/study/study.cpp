#include "study/study.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "base/error.h"
#include "base/hash.h"
#include "base/text.h"
#include "exec/engine.h"
#include "stat/quantile.h"
#include "study/study_parts.h"

namespace meso {
namespace {

std::string place(const std::string& where) { return where.empty() ? "" : where + ": "; }

std::vector<double> spaced(double from, double to, std::int64_t count, bool log) {
  std::vector<double> values;
  for (std::int64_t i = 0; i < count; ++i) {
    const double fraction = count == 1 ? 0.0 : static_cast<double>(i) / static_cast<double>(count - 1);
    values.push_back(log ? from * std::pow(to / from, fraction) : from + (to - from) * fraction);
  }
  if (count > 1) values.back() = to;
  return values;
}

std::vector<double> parse_range(const std::string& text, const std::string& what, const std::string& where, bool& log) {
  std::vector<std::string> parts = split(text, ':');
  log = false;
  if (!parts.empty() && (parts[0] == "log" || parts[0] == "linear")) {
    log = parts[0] == "log";
    parts.erase(parts.begin());
  } else if (!parts.empty() && parts[0] == "list") {
    std::vector<double> values;
    for (const std::string& part : split(parts.size() > 1 ? parts[1] : "", ',')) {
      double value = 0;
      if (!parse_number(part, value)) throw StudyError(fmt::format("{}{}: '{}' is no number", place(where), what, part));
      values.push_back(value);
    }
    if (values.empty()) throw StudyError(fmt::format("{}{}: the list is empty", place(where), what));
    return values;
  }
  double from = 0, to = 0, count = 0;
  if (parts.size() != 3 || !parse_number(parts[0], from) || !parse_number(parts[1], to) || !parse_number(parts[2], count) || count != std::floor(count) || count < 1 ||
      count > 1e7 || !std::isfinite(from) || !std::isfinite(to))
    throw StudyError(fmt::format("{}{}: '{}' is not from:to:count, log:from:to:count or list:a,b,c", place(where), what, text));
  if (log && !(from > 0 && to > 0)) throw StudyError(fmt::format("{}{}: a logarithmic grid needs both ends above 0, not '{}'", place(where), what, text));
  if (count > 1 && from == to) throw StudyError(fmt::format("{}{}: both ends of '{}' are equal", place(where), what, text));
  if (!std::isfinite(log ? to / from : to - from)) throw StudyError(fmt::format("{}{}: the ends of '{}' are too far apart for numbers of 64 bits", place(where), what, text));
  return spaced(from, to, static_cast<std::int64_t>(count), log);
}

}  // namespace

SweepAxis parse_sweep(const std::string& parameter, const std::string& text, const std::string& where) {
  SweepAxis axis{parameter, {}, false, where};
  axis.values = parse_range(text, "sweep over " + parameter, where, axis.log);
  return axis;
}

std::vector<double> parse_times(const std::string& text, const std::string& where) {
  bool log = false;
  return parse_range(text, "times", where, log);
}

LevelRequest parse_level(const std::string& text, const std::string& where) {
  LevelRequest request;
  const auto colon = text.find(':');
  request.level = std::string(trim(text.substr(0, colon)));
  request.where = where;
  if (colon == std::string::npos) return request;
  for (const std::string& part : split(text.substr(colon + 1), ',')) {
    const auto equals = part.find('=');
    if (equals == std::string::npos) throw StudyError(fmt::format("{}level '{}': '{}' is not name=value", place(where), text, part));
    const std::string name(trim(part.substr(0, equals)));
    if (name == "label") request.label = std::string(trim(part.substr(equals + 1)));
    else request.options[name] = value_from_text(part.substr(equals + 1), where);
  }
  return request;
}

namespace {

LevelRequest resolved_level(LevelRequest request, const Case& bound) {
  const Level* found = bound.find_level(request.level);
  if (!found) {
    std::vector<std::string> names;
    for (const Level& level : bound.levels) names.push_back(level.info.name);
    throw StudyError(fmt::format("{}unknown level '{}'.{}\n  known: {}", place(request.where), request.level, did_you_mean(request.level, names), join(names)));
  }
  request.options = resolve(found->info.options, request.options, "level '" + request.level + "'");
  if (request.label.empty()) {
    const auto kind = request.options.find("kind"), order = request.options.find("order");
    if (kind != request.options.end() && order != request.options.end()) request.label = to_text(kind->second) + "-" + to_text(order->second);
    else request.label = request.level;
  }
  return request;
}

}  // namespace

Table parameters_at(const Study& study, const Table& point) {
  Table all = study.parameters;
  for (const auto& [name, value] : point) all[name] = value;
  return all;
}

/// Observables asked of the levels: those of the study and those that the scales need.
static std::vector<std::string> asked(const Study& study, const Case& bound) {
  std::vector<std::string> names = study.observables;
  const auto add = [&](const std::string& name) {
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  };
  if (study.reference)
    for (const std::string& observable : study.observables) {
      const auto found = study.overrides.find(observable);
      for (const std::string& name : needed_for(bound.observable(observable), found == study.overrides.end() ? study.criterion : found->second)) add(name);
    }
  return names;
}

Ask ask_of(const Study& study, const Case& bound, const LevelRequest& request) {
  Ask ask;
  ask.when = *study.when;
  ask.observables = asked(study, bound);
  ask.options = request.options;
  if (study.reference) {
    double relative = study.criterion.relative > 0 ? study.criterion.relative : 0.05;
    for (const auto& [name, criterion] : study.overrides)
      if (criterion.relative > 0) relative = std::min(relative, criterion.relative);
    ask.target_error = 0.01 * relative;  // numerical bounds of at most 1 % of the margin (VERDICT section 3)
  }
  return ask;
}

std::vector<Table> points_of(const Study& study) {
  std::vector<Table> points{Table{}};
  if (study.sweep_mode == SweepMode::list && !study.sweep.empty()) {  // one point per place in the lists
    points.assign(study.sweep.front().values.size(), Table{});
    for (const SweepAxis& axis : study.sweep)
      for (std::size_t i = 0; i < points.size() && i < axis.values.size(); ++i) points[i][axis.parameter] = Value(axis.values[i], axis.where);
    return points;
  }
  for (const SweepAxis& axis : study.sweep) {
    std::vector<Table> next;
    for (const Table& point : points)
      for (const double value : axis.values) {
        Table extended = point;
        extended[axis.parameter] = Value(value, axis.where);
        next.push_back(std::move(extended));
      }
    points = std::move(next);
  }
  return points;
}

std::size_t entries_of(const Study& study) {
  std::size_t points = 1;
  if (study.sweep_mode == SweepMode::boundary) points = study.refine.max_points;  // declared before the first look
  else if (study.sweep_mode == SweepMode::list) points = study.sweep.empty() ? 1 : study.sweep.front().values.size();
  else
    for (const SweepAxis& axis : study.sweep) points *= axis.values.size();
  return std::max<std::size_t>(1, points * study.levels.size() * study.observables.size());
}

namespace {

/// What the modes ask of the axes. @throws StudyError
void check_sweep(const Study& study, std::size_t points) {
  if (study.sweep_mode == SweepMode::list)
    for (const SweepAxis& axis : study.sweep)
      if (axis.values.size() != study.sweep.front().values.size())
        throw StudyError(fmt::format("{}mode = \"list\" walks along its lists together: '{}' has {} values, '{}' has {}", place(axis.where), study.sweep.front().parameter,
                                     study.sweep.front().values.size(), axis.parameter, axis.values.size()));
  if (study.sweep_mode != SweepMode::boundary) return;
  if (study.sweep.empty() || study.sweep.size() > 2) throw StudyError(fmt::format("mode = \"boundary\" refines along one parameter, or along the last of two; the sweep has {}", study.sweep.size()));
  if (!study.reference) throw StudyError("mode = \"boundary\" looks for flips of a verdict, and a study without [reference] has none");
  const SweepAxis& along = study.sweep.back();
  if (along.values.size() < 2) throw StudyError(fmt::format("{}mode = \"boundary\" needs a grid of at least 2 values of '{}' to begin with", place(along.where), along.parameter));
  for (std::size_t i = 1; i < along.values.size(); ++i)
    if (!(along.values[i] > along.values[i - 1])) throw StudyError(fmt::format("{}mode = \"boundary\" needs increasing values of '{}'", place(along.where), along.parameter));
  for (const ParameterInfo& info : study.system.parameters)
    if (info.name == along.parameter && !std::holds_alternative<double>(info.fallback.data) && !std::holds_alternative<std::int64_t>(info.fallback.data))
      throw StudyError(fmt::format("{}'{}' is not a number that can be refined", place(along.where), along.parameter));
  if (study.refine.max_points < points)
    throw StudyError(fmt::format("the grid of the boundary sweep has {} points, more than max-points = {}", points, study.refine.max_points));
  if (!(study.refine.tolerance > 0 && study.refine.tolerance < 1)) throw StudyError(fmt::format("the tolerance of the boundary sweep is {}; it must lie between 0 and 1", brief(study.refine.tolerance)));
}

}  // namespace

Study resolved(Study study) {
  if (study.levels.empty()) throw StudyError("the study names no level to " + std::string(study.kind == Study::Kind::run ? "run" : "judge"));
  if (study.kind != Study::Kind::run && !study.reference) throw StudyError("the study names no reference level: what should the others be judged against?");

  double count = 1;
  for (const SweepAxis& axis : study.sweep) count = study.sweep_mode == SweepMode::list ? static_cast<double>(axis.values.size()) : count * static_cast<double>(axis.values.size());
  if (count > max_sweep_points) throw StudyError(fmt::format("{}the sweep has {} points; it may have {} at most", place(study.sweep.back().where), brief(count), max_sweep_points));

  // Integers swept as reals (N = 8, 16, 32) are given back as integers by the schema; the first point checks names.
  const std::vector<Table> points = points_of(study);
  for (const SweepAxis& axis : study.sweep) {
    std::vector<std::string> names;
    for (const ParameterInfo& info : study.system.parameters) names.push_back(info.name);
    if (std::find(names.begin(), names.end(), axis.parameter) == names.end())
      throw StudyError(fmt::format("{}unknown parameter '{}' in the sweep.{}\n  known: {}", place(axis.where), axis.parameter, did_you_mean(axis.parameter, names), join(names)));
    if (axis.values.empty()) throw StudyError(fmt::format("{}the sweep over '{}' has no values", place(axis.where), axis.parameter));
    if (study.parameters.contains(axis.parameter))
      throw StudyError(fmt::format("{}'{}' is both set and swept; remove one of the two", place(axis.where), axis.parameter));
  }
  check_sweep(study, points.size());
  std::optional<Case> first;
  for (const Table& point : points) {
    Case bound = study.system.bind(parameters_at(study, point));
    if (!first) first = std::move(bound);
  }

  if (!study.when) {
    if (study.system.has_time) throw StudyError("the study asks for no times: give times (from, to, count) or ask for the stationary state");
    study.when = Stationary{};
  }
  if (auto* times = std::get_if<Times>(&*study.when)) {
    if (!study.system.has_time) throw StudyError(fmt::format("'{}' has no time: leave the times out", study.system.name));
    if (times->points.empty()) throw StudyError("the list of times is empty");
    for (std::size_t i = 0; i < times->points.size(); ++i) {
      if (!std::isfinite(times->points[i]) || times->points[i] < 0) throw StudyError(fmt::format("time {} is {}; times must be finite and not negative", i + 1, brief(times->points[i])));
      if (i > 0 && !(times->points[i] > times->points[i - 1])) throw StudyError(fmt::format("times must increase: {} is followed by {}", brief(times->points[i - 1]), brief(times->points[i])));
    }
  } else {
    const auto& window = std::get<Stationary>(*study.when);
    if ((window.burn_in && !(*window.burn_in >= 0)) || (window.window && !(*window.window > 0))) throw StudyError("stationary: burn-in must not be negative and the window must be above 0");
  }

  if (study.reference) study.reference = resolved_level(*study.reference, *first);
  std::set<std::string> labels;
  if (study.reference) labels.insert(study.reference->label);
  for (LevelRequest& request : study.levels) {
    request = resolved_level(request, *first);
    if (!labels.insert(request.label).second)
      throw StudyError(fmt::format("{}the label '{}' is used twice; give one of them a label of its own", place(request.where), request.label));
  }

  if (study.observables.empty())
    for (const ObservableInfo& info : first->observables)
      if (info.by_default) study.observables.push_back(info.name);
  std::set<std::string> seen;
  for (const std::string& name : study.observables) {
    (void)first->observable(name);
    if (!seen.insert(name).second) throw StudyError(fmt::format("the observable '{}' is named twice", name));
  }
  const auto check = [](const Criterion& criterion, const std::string& name) {
    if (!std::isfinite(criterion.relative) || !std::isfinite(criterion.absolute) || criterion.relative < 0 || criterion.absolute < 0)
      throw StudyError(fmt::format("the margin of '{}' must be finite and not negative", name));
    if (!(criterion.relative + criterion.absolute > 0)) throw StudyError(fmt::format("the margin of '{}' is zero: give a relative or an absolute margin above 0", name));
  };
  for (const std::string& name : study.observables)
    if (study.reference) check(study.overrides.contains(name) ? study.overrides.at(name) : study.criterion, name);
  for (const auto& [name, criterion] : study.overrides)
    if (!seen.contains(name)) throw StudyError(fmt::format("the margin of '{}' is overridden, but it is not among the observables.{}\n  asked: {}", name, did_you_mean(name, study.observables), join(study.observables)));
  if (!(study.confidence > 0 && study.confidence < 1)) throw StudyError(fmt::format("confidence is {}; it must lie between 0 and 1, e.g. 0.99", brief(study.confidence)));
  if (study.budget.first < 1 || study.budget.max < study.budget.first)
    throw StudyError(fmt::format("budget: first = {} and max = {} trajectories; first must be at least 1 and max at least first", study.budget.first, study.budget.max));
  if (study.title.empty()) study.title = study.system.title;
  if (study.reference && study.reference->level == "data")  // rows are there for every point and time, before anything is run
    for (const Table& point : points) {
      const Case bound = study.system.bind(parameters_at(study, point));
      (void)bound.level("data").plan(ask_of(study, bound, *study.reference));
    }
  return study;
}

std::vector<std::string> describe(const Study& given) {
  const Study study = resolved(given);
  const std::vector<Table> points = points_of(study);
  std::vector<std::string> lines;
  const std::string refined = study.sweep_mode == SweepMode::boundary ? fmt::format(" (at most {} when flips are refined)", study.refine.max_points) : "";
  lines.push_back(fmt::format("{}: {} point{}{}, {} level{}{}", study.system.name, points.size(), points.size() == 1 ? "" : "s", refined, study.levels.size(), study.levels.size() == 1 ? "" : "s",
                              study.reference ? " against '" + study.reference->label + "'" : ""));
  if (study.reference) {
    const std::size_t entries = entries_of(study);
    Judgement how{.confidence = study.confidence, .entries = entries, .adaptive = study.budget.max > study.budget.first};
    const auto* times = std::get_if<Times>(&*study.when);
    const double per_entry = times ? static_cast<double>(times->points.size()) : 1.0;
    lines.push_back(fmt::format("{} comparisons, {} points each, {} % simultaneous: quantile {} to agree, {} to disagree (normal; Student's at run time)", entries, per_entry,
                                brief(100 * study.confidence), brief(normal_tail_quantile(alpha_of(how) / 2)), brief(normal_tail_quantile(alpha_of(how) / 2 / per_entry))));
  }
  std::vector<LevelRequest> requests = study.levels;
  if (study.reference) requests.insert(requests.begin(), *study.reference);
  for (const Table& point : points.size() > 1 ? std::vector<Table>{points.front(), points.back()} : points) {
    const Case bound = study.system.bind(parameters_at(study, point));
    if (!point.empty()) lines.push_back(to_text(point));
    for (const LevelRequest& request : requests) {
      const Level& level = bound.level(request.level);
      std::string line = fmt::format("  {}: ", request.label);
      if (level.info.sampled)
        line += study.budget.max > study.budget.first ? fmt::format("{} to {} trajectories", with_commas(study.budget.first), with_commas(study.budget.max))
                                                      : fmt::format("{} trajectories", with_commas(study.budget.first));
      else line += "solved";
      if (level.plan)
        for (const std::string& more : level.plan(ask_of(study, bound, request))) line += "; " + more;
      lines.push_back(line);
    }
  }
  return lines;
}

Answer run_trajectory(const Study& given, std::uint64_t trajectory) {
  const Study study = resolved(given);
  const Case bound = study.system.bind(parameters_at(study, points_of(study).front()));
  const LevelRequest& request = study.levels.front();
  const Level& level = bound.level(request.level);
  if (!level.info.sampled) throw StudyError(fmt::format("level '{}' has no trajectories: it is solved", request.level));
  std::uint64_t seed = study.seed;
  if (study.independent_points) seed = mix64(seed ^ fnv1a(to_text(bound.parameters)));
  LevelRun run({.seed = seed}, study.system.name + "/" + request.level);
  run.set_solo(trajectory);
  return level.run(ask_of(study, bound, request), run);
}

}  // namespace meso
