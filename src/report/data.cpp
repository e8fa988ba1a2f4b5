#include "report/data.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "base/text.h"
#include "report/overview.h"
#include "report/markup.h"

namespace meso::report {
namespace {

std::string numbers(const std::vector<double>& values) {
  std::string out = "[";
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i > 0) out += ',';
    out += json_number(values[i]);
  }
  return out + "]";
}

bool any_nonzero(const std::vector<double>& values) {
  return std::any_of(values.begin(), values.end(), [](double v) { return v != 0; });
}

/// Texts and axes occur at hundreds of points: stored once, named by index.
template <class T>
class Pool {
 public:
  std::size_t of(const T& item) {
    const auto [at, added] = index_.try_emplace(item, items_.size());
    if (added) items_.push_back(item);
    return at->second;
  }
  [[nodiscard]] const std::vector<T>& items() const { return items_; }

 private:
  std::map<T, std::size_t> index_;
  std::vector<T> items_;
};

template <class T>
std::size_t position(const std::vector<T>& items, const T& item) {
  return static_cast<std::size_t>(std::find(items.begin(), items.end(), item) - items.begin());
}

std::string list(const std::vector<std::string>& parts) { return "[" + join(parts, ",") + "]"; }

/// A picture with at most 400 x 400 cells: of a field the mean of what falls into a cell, of categories the first.
std::string portrait_json(const Portrait& portrait) {
  constexpr std::size_t most = 400;
  const std::vector<double>&rows = portrait.axes[0].points, &columns = portrait.axes[1].points;
  const std::size_t sr = (rows.size() + most - 1) / most, sc = (columns.size() + most - 1) / most;
  const auto thinned = [](const std::vector<double>& points, std::size_t step) {
    std::vector<double> out;
    for (std::size_t i = 0; i < points.size(); i += step) out.push_back(points[i]);
    return out;
  };
  std::vector<std::string> z;
  for (std::size_t i = 0; i < rows.size(); i += sr) {
    std::string line = "[";
    for (std::size_t j = 0; j < columns.size(); j += sc) {
      double sum = 0;
      std::size_t n = 0;
      for (std::size_t a = i; a < std::min(i + sr, rows.size()); ++a)
        for (std::size_t b = j; b < std::min(j + sc, columns.size()); ++b, ++n) sum += portrait.value[a * columns.size() + b];
      if (j > 0) line += ',';
      line += portrait.categories.empty() ? json_number(sum / static_cast<double>(n), 4) : json_number(portrait.value[i * columns.size() + j], 4);
    }
    z.push_back(line + "]");
  }
  std::vector<std::string> categories, axes;
  for (const std::string& name : portrait.categories) categories.push_back(json_string(name));
  for (std::size_t a = 0; a < 2; ++a)
    axes.push_back(fmt::format("{{\"name\":{},\"unit\":{},\"x\":{}}}", json_string(portrait.axes[a].name), json_string(portrait.axes[a].unit), numbers(thinned(portrait.axes[a].points, a == 0 ? sr : sc))));
  return fmt::format("{{\"name\":{},\"title\":{},\"unit\":{},\"a\":{},\"c\":{},\"z\":{}}}", json_string(portrait.name), json_string(portrait.title), json_string(portrait.unit), list(axes), list(categories), list(z));
}

/// One branch: points and special points, an array of values for each observable.
std::string branch_json(const Branch& branch) {
  std::vector<double> x;
  std::string kind;  // s stable, u unstable, n unphysical
  std::map<std::string, std::vector<double>> values;
  for (const BranchPoint& point : branch.points) {
    for (const auto& [name, value] : point.value) values[name].resize(branch.points.size(), NAN);
    for (const auto& [name, value] : point.value) values[name][x.size()] = value;
    x.push_back(point.parameter);
    kind += !point.physical ? 'n' : point.stable ? 's' : 'u';
  }
  std::vector<std::string> parts, special;
  for (const auto& [name, list_of] : values) parts.push_back(json_string(name) + ":" + numbers(list_of));
  for (const SpecialPoint& point : branch.special) {
    std::vector<std::string> at;
    for (const auto& [name, value] : point.value) at.push_back(json_string(name) + ":" + json_number(value));
    special.push_back(fmt::format("{{\"k\":{},\"x\":{},\"e\":{},\"w\":{},\"v\":{{{}}},\"t\":{}}}", json_string(point.kind), json_number(point.parameter, 9), json_number(point.error, 3), json_number(point.frequency),
                                  join(at, ","), json_string(point.text)));
  }
  return fmt::format("{{\"x\":{},\"k\":\"{}\",\"v\":{{{}}},\"s\":{}}}", numbers(x), kind, join(parts, ","), list(special));
}

}  // namespace

std::string data_json(const Overview& facts) {
  const Results& r = facts.results;
  Pool<std::string> texts, axes;

  std::vector<std::string> labels;
  std::vector<const LevelResult*> first;
  for (const PointResult& point : r.points)
    for (const LevelResult& level : point.levels)
      if (position(labels, level.label) == labels.size()) {
        labels.push_back(level.label);
        first.push_back(&level);
      }
  for (const std::string& label : facts.candidates)
    if (position(labels, label) == labels.size()) {
      labels.push_back(label);
      first.push_back(nullptr);
    }
  std::vector<std::string> levels;
  for (std::size_t i = 0; i < labels.size(); ++i)
    levels.push_back(fmt::format("{{\"label\":{},\"ref\":{},\"sampled\":{}}}", json_string(labels[i]), position(facts.references, labels[i]) < facts.references.size(),
                                 first[i] != nullptr && first[i]->samples > 0));

  std::vector<std::string> names = facts.observables;
  std::vector<std::string> points;
  for (std::size_t p = 0; p < r.points.size(); ++p) {
    std::vector<std::string> level_parts;
    for (const LevelResult& level : r.points[p].levels) {
      std::vector<std::string> estimates, paths, flags, states;
      for (const Estimate& e : level.answer.estimates) {
        if (position(names, e.observable) == names.size()) names.push_back(e.observable);
        std::vector<std::string> ax;
        for (const Axis& axis : e.axes) {
          std::vector<std::string> x;
          for (const double v : axis.points) x.push_back(std::isfinite(v) ? exact(v) : "null");
          ax.push_back(std::to_string(axes.of(fmt::format("{{\"name\":{},\"unit\":{},\"x\":{}}}", json_string(axis.name), json_string(axis.unit), list(x)))));
        }
        std::string text = fmt::format("{{\"o\":{},\"v\":{}", position(names, e.observable), numbers(e.value));
        if (!ax.empty()) text += ",\"a\":" + list(ax);
        if (any_nonzero(e.std_error)) text += ",\"s\":" + numbers(e.std_error);
        if (any_nonzero(e.error_bound)) text += fmt::format(",\"b\":{},\"c\":{}", numbers(e.error_bound), e.bound_kind == BoundKind::certified ? 1 : 0);
        if (e.samples > 0) text += fmt::format(",\"n\":{}", e.samples);
        if (e.is_distribution) text += ",\"d\":1";
        estimates.push_back(text + "}");
      }
      for (const Path& path : level.answer.paths) paths.push_back(fmt::format("[{},{},{}]", texts.of(path.signal), path.trajectory, numbers(path.value)));
      for (const Flag& flag : level.answer.flags) {
        std::vector<std::string> where;
        for (const auto& [name, value] : flag.where) where.push_back(json_string(name) + ":" + json_number(value));
        flags.push_back(fmt::format("[{},{},{},{{{}}},{}]", texts.of(flag.kind), texts.of(flag.observable), texts.of(flag.text), join(where, ","), flag.fatal ? 1 : 0));
      }
      for (const SteadyState& state : level.answer.steady_states) {
        std::vector<std::string> values;
        for (const auto& [name, value] : state.value) values.push_back(json_string(name) + ":" + json_number(value));
        states.push_back(fmt::format("[{{{}}},{},{},{}]", join(values, ","), state.reached ? 1 : 0, state.stable ? 1 : 0, state.physical ? 1 : 0));
      }
      std::string text = fmt::format("{{\"l\":{},\"e\":{}", position(labels, level.label), list(estimates));
      std::vector<std::string> portraits;
      for (const Portrait& portrait : level.answer.portraits) portraits.push_back(portrait_json(portrait));
      if (!portraits.empty()) text += ",\"pt\":" + list(portraits);
      if (!paths.empty()) text += ",\"p\":" + list(paths);
      if (!flags.empty()) text += ",\"f\":" + list(flags);
      if (!states.empty()) text += ",\"ss\":" + list(states);
      if (!level.answer.why.empty()) text += fmt::format(",\"why\":{}", texts.of(level.answer.why));
      level_parts.push_back(text + "}");
    }
    std::vector<std::string> swept;
    for (const std::string& name : r.sweep) {
      const auto found = r.points[p].parameters.find(name);
      const double x = found == r.points[p].parameters.end() ? NAN : as_number(found->second);
      swept.push_back(std::isfinite(x) ? exact(x) : found == r.points[p].parameters.end() ? "null" : json_string(to_text(found->second)));
    }
    points.push_back(fmt::format("{{\"x\":{},\"l\":{}}}", list(swept), list(level_parts)));
  }

  std::vector<std::string> observables;
  for (const std::string& name : names) {
    std::string doc;
    std::string unit = facts.unit_of_observable(name);
    bool asked = false;
    for (const ObservableInfo& info : r.observables)
      if (info.name == name) { doc = info.doc; asked = true; }
    if (!asked)  // the estimate knows its unit
      for (const PointResult& point : r.points)
        for (const LevelResult& level : point.levels)
          if (const Estimate* e = level.answer.find(name); e != nullptr && !e->unit.empty()) unit = e->unit;
    observables.push_back(fmt::format("{{\"name\":{},\"unit\":{},\"doc\":{}}}", json_string(name), json_string(unit), json_string(doc)));
  }

  std::vector<std::string> verdicts;
  for (const Verdict& v : r.verdicts) {
    std::vector<std::string> remarks;
    for (const std::string& remark : v.remarks) remarks.push_back(std::to_string(texts.of(remark)));
    verdicts.push_back(fmt::format("[{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}]", v.point, position(labels, v.label), position(names, v.observable), static_cast<int>(v.outcome),
                                   json_number(v.low, 4), json_number(v.high, 4), texts.of(place_text(v.where)), json_number(v.margin), json_number(v.scale), json_number(v.quantile),
                                   json_number(v.quantile_disagree), v.look, v.needed ? json_number(*v.needed) : "null", texts.of(v.reason), list(remarks),
                                   v.order_check ? std::to_string(texts.of(*v.order_check)) : "null"));
  }

  std::vector<std::string> orders;
  for (const OrderFit& fit : r.orders)
    orders.push_back(fmt::format("{{\"label\":{},\"observable\":{},\"parameter\":{},\"order\":{},\"se\":{},\"expected\":{},\"x\":{},\"d\":{},\"dse\":{},\"text\":{}}}", json_string(fit.label),
                                 json_string(fit.observable), json_string(fit.parameter), json_number(fit.order), json_number(fit.std_error), json_number(fit.expected), numbers(fit.x),
                                 numbers(fit.difference), numbers(fit.difference_se), json_string(fit.text)));

  std::vector<std::string> diagrams;
  for (const Diagram& diagram : r.diagrams) {
    std::vector<std::string> branches;
    for (const Branch& branch : diagram.branches) branches.push_back(branch_json(branch));
    diagrams.push_back(fmt::format("{{\"l\":{},\"parameter\":{},\"log\":{},\"b\":{}}}", position(labels, diagram.label), json_string(diagram.parameter), diagram.log, list(branches)));
  }

  std::vector<std::string> sweep;
  for (std::size_t k = 0; k < r.sweep.size(); ++k)
    sweep.push_back(fmt::format("{{\"name\":{},\"unit\":{},\"log\":{}}}", json_string(r.sweep[k]), json_string(facts.unit_of_parameter(r.sweep[k])),
                                k < facts.axes.size() && facts.axes[k].log));
  std::vector<std::string> order, outcomes, text_parts;
  for (const std::size_t p : facts.order) order.push_back(std::to_string(p));
  for (const Look& l : looks) outcomes.push_back(fmt::format("{{\"word\":\"{}\",\"glyph\":\"{}\",\"fill\":\"{}\",\"ink\":\"{}\"}}", l.word, l.glyph, l.fill, l.ink));
  for (const std::string& text : texts.items()) text_parts.push_back(json_string(text));
  const char* layout = facts.layout == Layout::single ? "single" : facts.layout == Layout::line ? "line" : facts.layout == Layout::grid ? "grid" : "list";
  return fmt::format("{{\"layout\":\"{}\",\"timeUnit\":{},\"confidence\":{},\"sweep\":{},\"order\":{},\"outcomes\":{},\"levels\":{},\n\"observables\":{},\n\"axes\":{},\n\"points\":{},\n"
                     "\"verdicts\":{},\n\"orders\":{},\n\"diagrams\":{},\n\"texts\":{}}}",
                     layout, json_string(r.time_unit), json_number(r.confidence), list(sweep), list(order), list(outcomes), list(levels), list(observables), list(axes.items()),
                     "[" + join(points, ",\n") + "]", "[" + join(verdicts, ",\n") + "]", list(orders), list(diagrams), list(text_parts));
}

}  // namespace meso::report
