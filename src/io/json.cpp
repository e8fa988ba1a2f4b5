#include "io/json.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <map>

#include "io/toml.h"

namespace meso {
namespace {

using Json = nlohmann::ordered_json;

// JSON has no nan and no infinity.
Json number(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

Json numbers(const std::vector<double>& values) {
  Json list = Json::array();
  for (const double value : values) list.push_back(number(value));
  return list;
}

Json or_null(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

Json json(const Value& value) {
  return std::visit(
      [](const auto& v) -> Json {
        using T = std::decay_t<decltype(v)>;
        if constexpr (std::is_same_v<T, double>) return number(v);
        else if constexpr (std::is_same_v<T, std::vector<double>>) return numbers(v);
        else return v;
      },
      value.data);
}

Json json(const Table& table) {
  Json object = Json::object();
  for (const auto& [name, value] : table) object[name] = json(value);
  return object;
}

Json json(const std::map<std::string, double>& where) {
  Json object = Json::object();
  for (const auto& [name, value] : where) object[name] = number(value);
  return object;
}

Json json(const TomlNode& node) {
  return std::visit(
      [](const auto& v) -> Json {
        using T = std::decay_t<decltype(v)>;
        if constexpr (std::is_same_v<T, double>) {
          return number(v);
        } else if constexpr (std::is_same_v<T, TomlNode::Array>) {
          Json list = Json::array();
          for (const TomlNode& item : v) list.push_back(json(item));
          return list;
        } else if constexpr (std::is_same_v<T, TomlNode::Entries>) {
          Json object = Json::object();
          for (const TomlEntry& entry : v) object[entry.key] = json(entry.value);
          return object;
        } else {
          return v;
        }
      },
      node.data);
}

/// A number for a scalar, a flat array else; absent errors are zeros.
Json values(const Estimate& estimate, const std::vector<double>& array) {
  const bool scalar = estimate.axes.empty() && estimate.value.size() == 1;
  if (array.empty()) return scalar ? Json(0.0) : numbers(std::vector<double>(estimate.value.size(), 0.0));
  return scalar ? number(array[0]) : numbers(array);
}

Json json(const Estimate& estimate) {
  Json axes = Json::object(), shape = Json::array();
  for (const Axis& axis : estimate.axes) {
    axes[axis.name] = numbers(axis.points);
    shape.push_back(axis.points.size());
  }
  return {{"unit", estimate.unit},
          {"axes", axes},
          {"shape", shape},
          {"value", values(estimate, estimate.value)},
          {"std_error", values(estimate, estimate.std_error)},
          {"error_bound", values(estimate, estimate.error_bound)},
          {"bound_kind", estimate.bound_kind == BoundKind::certified ? "certified" : "estimated"}};
}

Json json(const Flag& flag) {
  return {{"kind", flag.kind}, {"observable", flag.observable}, {"where", json(flag.where)}, {"text", flag.text}, {"fatal", flag.fatal}};
}

Json json(const SteadyState& state) {
  Json eigenvalues = Json::array();
  for (const auto& eigenvalue : state.eigenvalues) eigenvalues.push_back(Json::array({number(eigenvalue.real()), number(eigenvalue.imag())}));
  return {{"value", json(state.value)}, {"reached", state.reached}, {"stable", state.stable}, {"physical", state.physical}, {"eigenvalues", eigenvalues}};
}

Json json(const LevelResult& level) {
  Json out{{"level", level.info.name}, {"label", level.label}, {"samples", level.samples}};
  out["flags"] = Json::array();
  for (const Flag& flag : level.answer.flags) out["flags"].push_back(json(flag));
  if (!level.answer.steady_states.empty()) {
    out["steady_states"] = Json::array();
    for (const SteadyState& state : level.answer.steady_states) out["steady_states"].push_back(json(state));
  }
  out["observables"] = Json::object();
  for (const Estimate& estimate : level.answer.estimates) out["observables"][estimate.observable] = json(estimate);
  return out;
}

Json json(const Verdict& v) {
  return {{"level", v.level},
          {"label", v.label},
          {"observable", v.observable},
          {"outcome", to_text(v.outcome)},
          {"low", number(v.low)},
          {"high", number(v.high)},
          {"where", json(v.where)},
          {"margin", number(v.margin)},
          {"scale", number(v.scale)},
          {"confidence", number(v.confidence)},
          {"quantile", number(v.quantile)},
          {"needed", v.needed ? number(*v.needed) : Json(nullptr)},
          {"reason", or_null(v.reason)},
          {"order_check", v.order_check ? Json(*v.order_check) : Json(nullptr)}};
}

Json json(const ParameterInfo& info) {
  static constexpr const char* types[] = {"real", "integer", "boolean", "text", "list"};
  return {{"name", info.name},
          {"unit", info.unit},
          {"doc", info.doc},
          {"type", types[static_cast<int>(info.type)]},
          {"default", json(info.fallback)},
          {"min", number(info.min)},
          {"max", number(info.max)},
          {"min_excluded", info.min_excluded},
          {"allowed", info.allowed}};
}

std::string text(const Json& document) { return document.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n"; }

}  // namespace

std::string answers_json(const Results& results) {
  Json out{{"format", "mesoscope-answers"}, {"version", 1}, {"system", results.system}, {"study", json(parse_toml(results.study, "study.toml"))}};
  out["points"] = Json::array();
  for (std::size_t n = 0; n < results.points.size(); ++n) {
    const PointResult& from = results.points[n];
    Json point{{"parameters", json(from.parameters)}};
    point["reference"] = nullptr;
    if (const LevelResult* reference = from.reference())
      point["reference"] = {{"level", reference->info.name}, {"label", reference->label}, {"why", or_null(reference->answer.why)}};
    point["levels"] = Json::array();
    for (const LevelResult& level : from.levels) point["levels"].push_back(json(level));
    point["verdicts"] = Json::array();
    for (const Verdict& verdict : results.verdicts)
      if (verdict.point == n) point["verdicts"].push_back(json(verdict));
    out["points"].push_back(std::move(point));
  }
  return text(out);
}

std::string list_json(std::span<const System> systems) {
  Json list = Json::array();
  for (const System& s : systems) list.push_back({{"name", s.name}, {"title", s.title}, {"family", s.family}, {"paper", s.paper.slug}, {"needs", s.needs}});
  return text({{"systems", list}});
}

std::string papers_json(std::span<const System> systems) {
  std::map<std::string, Json> papers;
  for (const System& s : systems) {
    if (s.paper.slug.empty()) continue;
    const auto [paper, fresh] = papers.try_emplace(s.paper.slug);
    if (fresh) paper->second = {{"slug", s.paper.slug}, {"title", s.paper.title}, {"date", s.paper.date}, {"systems", Json::array()}};
    paper->second["systems"].push_back(s.name);
  }
  Json list = Json::array();
  for (const auto& [slug, paper] : papers) list.push_back(paper);
  return text({{"papers", list}});
}

std::string info_json(const System& system, const Case& example) {
  Json parameters = Json::array(), observables = Json::array(), levels = Json::array();
  for (const ParameterInfo& info : system.parameters) parameters.push_back(json(info));
  for (const ObservableInfo& info : example.observables)
    observables.push_back({{"name", info.name}, {"unit", info.unit}, {"doc", info.doc}, {"by_default", info.by_default}});
  for (const Level& level : example.levels) {
    const LevelInfo& info = level.info;
    Json options = Json::array();
    for (const ParameterInfo& option : info.options) options.push_back(json(option));
    levels.push_back({{"name", info.name},
                      {"rung", to_text(info.rung)},
                      {"doc", info.doc},
                      {"parent", or_null(info.parent)},
                      {"approximation", or_null(info.approximation)},
                      {"small_parameter", or_null(info.small_parameter)},
                      {"expected_order", info.expected_order == 0 ? Json(nullptr) : number(info.expected_order)},
                      {"source", info.source},
                      {"sampled", info.sampled},
                      {"options", options}});
  }
  Json paper = nullptr;
  if (!system.paper.slug.empty()) paper = {{"slug", system.paper.slug}, {"title", system.paper.title}, {"date", system.paper.date}};
  return text({{"name", system.name},
               {"title", system.title},
               {"family", system.family},
               {"paper", paper},
               {"needs", system.needs},
               {"doc", system.doc},
               {"has_time", system.has_time},
               {"time_unit", example.time_unit},
               {"parameters", parameters},
               {"observables", observables},
               {"levels", levels},
               {"notes", example.notes}});
}

}  // namespace meso
