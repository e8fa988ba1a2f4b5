#include "report/overview.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>
#include <unordered_map>

#include "base/text.h"

namespace meso::report {
namespace {

void add_once(std::vector<std::string>& names, const std::string& name) {
  if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
}

/// Largest over smallest step between neighbours.
double spread(const std::vector<double>& x) {
  double lo = INFINITY, hi = 0;
  for (std::size_t i = 1; i < x.size(); ++i) {
    lo = std::min(lo, x[i] - x[i - 1]);
    hi = std::max(hi, x[i] - x[i - 1]);
  }
  return hi / lo;
}

bool lies_logarithmically(const std::vector<double>& values) {
  if (values.size() < 3 || values.front() <= 0 || values.back() < 3 * values.front()) return false;
  std::vector<double> logs;
  for (const double v : values) logs.push_back(std::log(v));
  return spread(logs) < spread(values);
}

std::string range_text(double lo, double hi) {
  return brief(lo, 3) == brief(hi, 3) ? brief(lo, 3) : fmt::format("{} to {}", brief(lo, 3), brief(hi, 3));
}

}  // namespace

Overview::Overview(const Results& r) : results(r) {
  for (const PointResult& point : r.points)
    for (const LevelResult& level : point.levels)
      if (level.is_reference) add_once(references, level.label);
  for (const ObservableInfo& observable : r.observables) add_once(observables, observable.name);
  std::set<std::string> judged;
  for (const Verdict& verdict : r.verdicts) {
    judged.insert(verdict.label);
    add_once(observables, verdict.observable);
  }
  // In the order of the study: as the points list them, then what only the verdicts name.
  for (const PointResult& point : r.points)
    for (const LevelResult& level : point.levels)
      if (judged.count(level.label) != 0) add_once(candidates, level.label);
  for (const Verdict& verdict : r.verdicts) add_once(candidates, verdict.label);

  std::unordered_map<std::string, std::size_t> label_at, observable_at;
  for (std::size_t i = 0; i < candidates.size(); ++i) label_at[candidates[i]] = i;
  for (std::size_t i = 0; i < observables.size(); ++i) observable_at[observables[i]] = i;
  index_.assign(r.points.size() * candidates.size() * observables.size(), npos);
  for (std::size_t v = 0; v < r.verdicts.size(); ++v) {
    const Verdict& verdict = r.verdicts[v];
    if (verdict.point >= r.points.size()) continue;
    std::size_t& slot = index_[(verdict.point * candidates.size() + label_at[verdict.label]) * observables.size() + observable_at[verdict.observable]];
    if (slot == npos || badness(verdict.outcome) > badness(r.verdicts[slot].outcome)) slot = v;
  }

  order.resize(r.points.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  if (r.points.size() < 2) return;
  layout = Layout::list;
  std::vector<std::vector<double>> at(r.points.size());
  for (const std::string& name : r.sweep) {
    SweepAxis axis{name, unit_of_parameter(name), {}, false};
    std::set<double> distinct;
    for (std::size_t p = 0; p < r.points.size(); ++p) {
      const auto found = r.points[p].parameters.find(name);
      const double x = found == r.points[p].parameters.end() ? NAN : as_number(found->second);
      at[p].push_back(x);
      if (!std::isfinite(x)) {  // a word: no axis
        axes.clear();
        return;
      }
      distinct.insert(x);
    }
    axis.values.assign(distinct.begin(), distinct.end());
    axis.log = lies_logarithmically(axis.values);
    axes.push_back(std::move(axis));
  }
  if (axes.size() == 1) {
    layout = Layout::line;
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return at[a][0] < at[b][0]; });
  } else if (axes.size() == 2 && 2 * r.points.size() >= axes[0].values.size() * axes[1].values.size()) {
    layout = Layout::grid;
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return at[a] < at[b]; });
    cell.resize(r.points.size());
    for (std::size_t p = 0; p < r.points.size(); ++p)
      for (std::size_t k = 0; k < 2; ++k)
        cell[p].push_back(static_cast<std::size_t>(std::lower_bound(axes[k].values.begin(), axes[k].values.end(), at[p][k]) - axes[k].values.begin()));
  }
}

const Verdict* Overview::verdict(std::size_t point, const std::string& label, const std::string& observable) const {
  const auto l = std::find(candidates.begin(), candidates.end(), label);
  const auto o = std::find(observables.begin(), observables.end(), observable);
  if (l == candidates.end() || o == observables.end()) return nullptr;
  const std::size_t v = verdict_index(point, static_cast<std::size_t>(l - candidates.begin()), static_cast<std::size_t>(o - observables.begin()));
  return v == npos ? nullptr : &results.verdicts[v];
}

bool Overview::judged(const std::string& label, const std::string& observable) const {
  for (std::size_t p = 0; p < results.points.size(); ++p)
    if (verdict(p, label, observable) != nullptr) return true;
  return false;
}

std::string Overview::unit_of_parameter(const std::string& name) const {
  for (const ParameterInfo& info : results.parameters)
    if (info.name == name) return info.unit;
  return "1";
}

std::string Overview::unit_of_observable(const std::string& name) const {
  for (const ObservableInfo& info : results.observables)
    if (info.name == name) return info.unit;
  return "1";
}

std::string Overview::place(std::size_t point) const {
  std::vector<std::string> parts;
  for (const std::string& name : results.sweep) {
    const auto found = results.points[point].parameters.find(name);
    if (found == results.points[point].parameters.end()) continue;
    const double x = as_number(found->second);
    parts.push_back(name + "=" + (std::isnan(x) ? to_text(found->second) : brief(x, 4)));
  }
  return join(parts);
}

std::vector<Stretch> Overview::stretches(const std::string& label, const std::string& observable) const {
  std::vector<Stretch> out;
  for (std::size_t i = 0; i < order.size(); ++i) {
    const Verdict* v = verdict(order[i], label, observable);
    if (v == nullptr) continue;
    if (!out.empty() && out.back().outcome == v->outcome) out.back().last = i;
    else out.push_back({v->outcome, i, i});
  }
  return out;
}

std::string Overview::margin() const {
  // The study states it relative to the scale, or absolutely; the verdicts hold the product. Say what is common to them.
  std::vector<std::string> names;
  std::vector<std::string> texts;
  bool relative_everywhere = true;
  for (const std::string& name : observables) {
    double rel_lo = INFINITY, rel_hi = -INFINITY, abs_lo = INFINITY, abs_hi = -INFINITY;
    for (const Verdict& v : results.verdicts) {
      if (v.observable != name || !std::isfinite(v.margin)) continue;
      abs_lo = std::min(abs_lo, v.margin);
      abs_hi = std::max(abs_hi, v.margin);
      const double ratio = v.margin / v.scale;
      if (std::isfinite(ratio)) { rel_lo = std::min(rel_lo, ratio); rel_hi = std::max(rel_hi, ratio); }
    }
    if (abs_lo > abs_hi) continue;
    const bool absolute = abs_hi - abs_lo <= 1e-9 * abs_hi, relative = rel_lo <= rel_hi && rel_hi - rel_lo <= 1e-6 * rel_hi;
    // With one verdict both hold: a round percentage is a relative margin.
    const double percent = 100 * rel_lo;
    const bool round_percent = relative && std::abs(percent * 10 - std::round(percent * 10)) < 1e-6 * std::max(1.0, percent);
    names.push_back(name);
    if (relative && (!absolute || round_percent)) texts.push_back(brief(percent, 3) + " %");
    else {
      relative_everywhere = false;
      const std::string unit = unit_of_observable(name);
      texts.push_back(absolute ? brief(abs_lo, 3) + (unit.empty() || unit == "1" ? "" : " " + unit) : fmt::format("{} to {}", brief(abs_lo, 3), brief(abs_hi, 3)));
    }
  }
  if (texts.empty()) return "see each verdict";
  std::string text;
  if (std::all_of(texts.begin(), texts.end(), [&](const std::string& t) { return t == texts.front(); })) text = texts.front();
  else {
    std::vector<std::string> parts;
    for (std::size_t i = 0; i < texts.size(); ++i) parts.push_back(fmt::format("{} ({})", texts[i], names[i]));
    text = join(parts);
  }
  return relative_everywhere ? text + " of the scale" : text;
}

std::string Overview::reference() const {
  std::vector<std::string> parts;
  for (const std::string& label : references) {
    std::uint64_t lo = std::numeric_limits<std::uint64_t>::max(), hi = 0;
    for (const PointResult& point : results.points)
      if (const LevelResult* level = point.find(label); level != nullptr && level->is_reference) {
        lo = std::min(lo, level->samples);
        hi = std::max(hi, level->samples);
      }
    if (hi == 0) parts.push_back(label);
    else if (lo == hi) parts.push_back(fmt::format("{} ({} trajectories)", label, with_commas(hi)));
    else parts.push_back(fmt::format("{} ({} to {} trajectories)", label, with_commas(lo), with_commas(hi)));
  }
  return parts.empty() ? "no reference" : join(parts, " or ");
}

std::string Overview::finding(const std::string& label, const std::string& observable) const {
  const std::vector<Stretch> runs = stretches(label, observable);
  if (runs.empty()) return observable + " not asked";
  std::size_t judged = 0;
  std::map<int, std::pair<Outcome, std::size_t>> counts;  // the most frequent are not sought: good news first
  for (std::size_t i = 0; i < order.size(); ++i)
    if (const Verdict* v = verdict(order[i], label, observable)) {
      ++judged;
      auto& count = counts[badness(v->outcome)];
      count.first = v->outcome;
      ++count.second;
    }
  if (counts.size() == 1) return fmt::format("{} {}{}", observable, to_text(runs.front().outcome), judged > 1 ? fmt::format(" at all {} points", judged) : "");
  std::vector<std::string> parts;
  if (layout == Layout::line && runs.size() <= 4) {
    const auto value = [&](std::size_t i) { return as_number(results.points[order[i]].parameters.find(axes[0].name)->second); };
    for (const Stretch& run : runs)
      parts.push_back(fmt::format("{} at {}{}", to_text(run.outcome), parts.empty() ? axes[0].name + " " : "", range_text(value(run.first), value(run.last))));
    return observable + " " + join(parts);
  }
  for (const auto& [bad, count] : counts) parts.push_back(fmt::format("{} at {}", to_text(count.first), count.second));
  return fmt::format("{} {} of {} points", observable, join(parts), judged);
}

std::string Overview::quantiles() const {
  const auto range = [&](double Verdict::*of) {
    double lo = INFINITY, hi = 0;
    for (const Verdict& v : results.verdicts) {
      if (!(v.*of > 0) || !std::isfinite(v.*of)) continue;
      lo = std::min(lo, v.*of);
      hi = std::max(hi, v.*of);
    }
    return hi == 0 ? std::string() : range_text(lo, hi);
  };
  const std::string agree = range(&Verdict::quantile), disagree = range(&Verdict::quantile_disagree);
  return agree.empty() ? "no sampling error" : fmt::format("quantiles {} to agree, {} to disagree", agree, disagree);
}

std::string with_unit(const std::string& name, const std::string& unit) {
  return fmt::format("{} ({})", name, unit.empty() || unit == "1" ? "dimensionless" : unit);
}

std::string place_text(const std::map<std::string, double>& where) {
  std::vector<std::string> parts;
  for (const auto& [name, value] : where) parts.push_back(name + "=" + brief(value, 4));
  return join(parts);
}

std::string interval(const Verdict& v) {
  if (!std::isfinite(v.low) && !std::isfinite(v.high)) return "";
  const auto end = [](double x) { return std::isfinite(x) ? brief(x, std::abs(x) >= 100 ? 3 : 2) : std::string("?"); };
  return fmt::format("[{}, {}]", end(v.low), end(v.high));
}

}  // namespace meso::report
