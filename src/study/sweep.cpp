#include "study/sweep.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <tuple>

namespace meso {
namespace {

/// A line of the sweep: its points in order along the last axis.
struct Line {
  std::map<std::string, double> others;
  std::vector<std::pair<double, std::size_t>> points;  ///< value of the axis, index of the point
};

std::vector<Line> lines_of(const Study& study, const Results& results) {
  const std::string& along = study.sweep.back().parameter;
  std::map<std::vector<double>, Line> lines;  // by the value of the other axis
  for (std::size_t p = 0; p < results.points.size(); ++p) {
    std::vector<double> key;
    std::map<std::string, double> others;
    for (std::size_t a = 0; a + 1 < study.sweep.size(); ++a) {
      key.push_back(as_number(results.points[p].parameters.at(study.sweep[a].parameter)));
      others[study.sweep[a].parameter] = key.back();
    }
    Line& line = lines[key];
    line.others = std::move(others);
    line.points.emplace_back(as_number(results.points[p].parameters.at(along)), p);
  }
  std::vector<Line> sorted;
  for (auto& [key, line] : lines) {
    std::sort(line.points.begin(), line.points.end());
    sorted.push_back(std::move(line));
  }
  return sorted;
}

/// Width of a bracket in units of the tolerance's measure.
double width(const SweepAxis& axis, double low, double high) {
  if (axis.log) return std::log(high / low);
  return (high - low) / (axis.values.back() - axis.values.front());
}

bool is_integer(const Study& study, const std::string& parameter) {
  for (const ParameterInfo& info : study.system.parameters)
    if (info.name == parameter) return std::holds_alternative<std::int64_t>(info.fallback.data);
  return false;
}

/// The value in the middle of a bracket; nothing if there is none strictly inside.
std::optional<double> middle(const Study& study, double low, double high) {
  const SweepAxis& axis = study.sweep.back();
  double value = axis.log ? std::sqrt(low * high) : 0.5 * (low + high);
  if (is_integer(study, axis.parameter)) value = std::round(value);
  if (!(value > low && value < high)) return std::nullopt;
  return value;
}

/// (point, label, observable) -> outcome.
std::map<std::tuple<std::size_t, std::string, std::string>, Outcome> outcomes_of(const Results& results) {
  std::map<std::tuple<std::size_t, std::string, std::string>, Outcome> outcomes;
  for (const Verdict& verdict : results.verdicts) outcomes[{verdict.point, verdict.label, verdict.observable}] = verdict.outcome;
  return outcomes;
}

}  // namespace

std::vector<Edge> edges_of(const Study& study, const Results& results) {
  std::vector<Edge> edges;
  if (study.sweep.empty() || study.sweep.size() > 2 || study.sweep_mode == SweepMode::list || !study.reference) return edges;
  const auto outcomes = outcomes_of(results);
  const auto lines = lines_of(study, results);
  for (const LevelRequest& request : study.levels)
    for (const std::string& observable : study.observables)
      for (const Line& line : lines)
        for (std::size_t i = 1; i < line.points.size(); ++i) {
          const auto [low, below] = line.points[i - 1];
          const auto [high, above] = line.points[i];
          const auto a = outcomes.find({below, request.label, observable}), b = outcomes.find({above, request.label, observable});
          if (a == outcomes.end() || b == outcomes.end() || a->second == b->second || a->second == Outcome::absent || b->second == Outcome::absent) continue;
          Edge edge{request.label, observable, study.sweep.back().parameter, line.others, low, high, a->second, b->second, false, {}};
          edge.refined = width(study.sweep.back(), low, high) <= study.refine.tolerance || !middle(study, low, high);
          const LevelResult *first = results.points[below].reference(), *last = results.points[above].reference();
          if (first && last)
            for (const Estimate& e : first->answer.estimates) {
              const Estimate* other = last->answer.find(e.observable);
              if (!e.observable.ends_with(".mean") || !other || e.value.empty() || other->value.empty() || e.is_distribution) continue;
              edge.reference[e.observable] = {e.value.back(), other->value.back()};
            }
          edges.push_back(std::move(edge));
        }
  return edges;
}

std::vector<Table> refine(const Study& study, const Results& so_far) {
  if (study.sweep_mode != SweepMode::boundary || so_far.points.size() >= study.refine.max_points) return {};
  const SweepAxis& axis = study.sweep.back();
  struct Gap {
    double width, value;
    std::map<std::string, double> others;
  };
  std::vector<Gap> gaps;
  std::set<std::pair<std::map<std::string, double>, double>> seen;  // several levels may flip in one gap
  for (const Edge& edge : edges_of(study, so_far)) {
    const double w = width(axis, edge.low, edge.high);
    const auto value = middle(study, edge.low, edge.high);
    if (w <= study.refine.tolerance || !value || !seen.emplace(edge.others, *value).second) continue;
    gaps.push_back({w, *value, edge.others});
  }
  std::sort(gaps.begin(), gaps.end(), [](const Gap& a, const Gap& b) { return std::tie(b.width, a.value, a.others) < std::tie(a.width, b.value, b.others); });
  gaps.resize(std::min(gaps.size(), study.refine.max_points - so_far.points.size()));
  std::vector<Table> points;
  for (const Gap& gap : gaps) {
    Table point;
    for (const auto& [name, other] : gap.others) point[name] = Value(other);
    point[axis.parameter] = Value(gap.value, axis.where);
    points.push_back(std::move(point));
  }
  return points;
}

void check_orders(const Study& study, const PointResult& point, std::vector<Verdict>& verdicts) {
  const auto order_of = [](const Table& options) -> std::optional<std::int64_t> {
    const auto found = options.find("order");
    const auto* order = found == options.end() ? nullptr : std::get_if<std::int64_t>(&found->second.data);
    return order ? std::optional(*order) : std::nullopt;
  };
  const auto rest_of = [](Table options) {
    options.erase("order");
    return options;
  };
  for (Verdict& verdict : verdicts) {
    const LevelResult* own = point.find(verdict.label);
    const auto order = own ? order_of(own->options) : std::nullopt;
    const Estimate* mine = own ? own->answer.find(verdict.observable) : nullptr;
    if (!order || !mine || mine->is_distribution || verdict.outcome == Outcome::broken) continue;
    const auto found = study.overrides.find(verdict.observable);
    const Criterion& criterion = found == study.overrides.end() ? study.criterion : found->second;
    int agreeing = 0;
    bool apart = false;
    for (const LevelResult& other : point.levels) {
      const auto next = order_of(other.options);
      if (other.info.name != own->info.name || !next || (*next != *order + 1 && *next != *order + 2) || rest_of(other.options) != rest_of(own->options)) continue;
      const Estimate* theirs = other.answer.find(verdict.observable);
      const bool broke = std::any_of(other.answer.flags.begin(), other.answer.flags.end(), [&](const Flag& flag) { return flag.fatal && (flag.observable.empty() || flag.observable == verdict.observable); });
      if (!theirs && !broke) continue;
      if (broke || theirs->size() != mine->size()) {
        apart = true;
        continue;
      }
      double peak = 0, largest = 0;
      for (std::size_t i = 0; i < mine->size(); ++i) {
        peak = std::max(peak, std::abs(theirs->value[i]));
        const double difference = std::abs(theirs->value[i] - mine->value[i]);
        if (!(difference <= largest)) largest = difference;  // keeps NaN
      }
      const double margin = std::isfinite(verdict.margin) ? verdict.margin : criterion.absolute + criterion.relative * peak;
      if (largest <= margin) ++agreeing;
      else apart = true;
    }
    if (apart) verdict.order_check = "inconsistent";
    else if (agreeing == 2) verdict.order_check = "consistent";
  }
}

}  // namespace meso
