#include "study/study_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "study/own_data.h"

namespace meso {
namespace {

LevelRequest read_level(const Section& section) {
  LevelRequest request;
  request.level = section.require<std::string>("level");
  request.label = section.optional<std::string>("label").value_or("");
  request.where = section.where("level");
  request.options = section.values({"level", "label"});
  return request;
}

Criterion::RelativeTo relative_to(const Section& section, Criterion::RelativeTo fallback) {
  const auto word = section.optional<std::string>("relative-to");
  if (!word) return fallback;
  if (*word == "scale") return Criterion::RelativeTo::scale;
  if (*word == "value") return Criterion::RelativeTo::value;
  if (*word == "sd") return Criterion::RelativeTo::sd;
  const std::vector<std::string> known{"scale", "value", "sd"};
  throw section.error("relative-to", fmt::format("unknown relative-to '{}'.{}\n  known: {}", *word, did_you_mean(*word, known), join(known)));
}

const char* relative_to_text(Criterion::RelativeTo word) {
  return word == Criterion::RelativeTo::scale ? "scale" : word == Criterion::RelativeTo::value ? "value" : "sd";
}

Criterion read_criterion(const Section& section, Criterion criterion) {
  criterion.relative_to = relative_to(section, criterion.relative_to);
  const auto relative = section.optional<double>("relative"), absolute = section.optional<double>("absolute");
  if (relative) criterion.relative = *relative;
  if (absolute) {
    criterion.absolute = *absolute;
    if (!relative) criterion.relative = 0;  // an absolute margin alone means just that
  }
  if (criterion.relative < 0 || criterion.absolute < 0) throw section.error(criterion.relative < 0 ? "relative" : "absolute", "a margin must not be negative");
  return criterion;
}

std::vector<double> grid(const Section& section, const char* key, std::int64_t count) {
  const auto ends = section.require<std::vector<double>>(key);
  if (ends.size() != 2) throw section.error(key, fmt::format("'{}' needs its two ends, [from, to]", key));
  return parse_sweep("", fmt::format("{}:{}:{}:{}", key, exact(ends[0]), exact(ends[1]), count), section.where(key)).values;
}

SweepAxis read_axis(const std::string& name, const TomlNode& node, const std::string& where) {
  SweepAxis axis{name, {}, false, where};
  if (node.is_array()) {
    const Value list = to_value(node);
    const auto* values = std::get_if<std::vector<double>>(&list.data);
    if (!values || values->empty()) throw StudyError(fmt::format("{}: the sweep over '{}' needs numbers", where, name));
    axis.values = *values;
    return axis;
  }
  const Section section(node, "[sweep] " + name);
  section.allow({"log", "linear", "count"});
  const auto count = section.require<std::int64_t>("count");
  if (count < 1) throw section.error("count", "a grid needs a count of at least 1");
  if (section.has("log") == section.has("linear")) throw section.error("count", fmt::format("the sweep over '{}' needs either log = [from, to] or linear = [from, to]", name));
  axis.log = section.has("log");
  axis.values = grid(section, axis.log ? "log" : "linear", count);
  return axis;
}

/// "20 min", "90 s", "1.5 h" in seconds.
double read_duration(const Section& section, const char* key, const std::string& text) {
  const std::size_t unit = text.find_first_not_of("0123456789.+-eE ");
  const std::string name = unit == std::string::npos ? "" : std::string(trim(text.substr(unit)));
  const double factor = name == "s" ? 1 : name == "min" ? 60 : name == "h" ? 3600 : 0;
  double value = 0;
  if (factor == 0 || !parse_number(trim(text.substr(0, unit)), value) || !(value > 0))
    throw section.error(key, fmt::format("'{}' is no duration: write \"90 s\", \"20 min\" or \"2 h\"", text));
  return value * factor;
}

}  // namespace

Study read_study(const TomlNode& document, const ModelSource& models, const std::filesystem::path& folder) {
  const Section root(document, "the study");
  std::vector<std::string> known{"study", "parameters", "times", "stationary", "reference", "candidate", "level", "compare", "sweep", "budget", "rng"};
  known.insert(known.end(), models.kinds.begin(), models.kinds.end());
  root.allow(known);
  Study study;
  std::optional<OwnData> measured;

  const Section head = root.section("study");
  head.allow({"title", "system", "seed", "observables"});
  study.title = head.optional<std::string>("title").value_or("");
  study.seed = head.optional<std::uint64_t>("seed").value_or(1);
  if (const auto names = head.optional<std::vector<std::string>>("observables")) study.observables = *names;
  ModelRequest model;
  model.system = head.optional<std::string>("system").value_or("");
  model.where = head.where("system");
  model.title = study.title;
  model.folder = folder;
  for (const std::string& kind : models.kinds) {
    const TomlNode* table = document.find(kind);
    if (!table) continue;
    if (model.model) throw root.error(kind, fmt::format("the study brings a [{}] and a [{}]; remove one of the two", model.kind, kind));
    if (!model.system.empty()) throw head.error("system", fmt::format("the study names a system and brings a [{}] of its own; remove one of the two", kind));
    model.kind = kind;
    model.model = table;
  }
  if (!model.model && model.system.empty()) throw head.error("system", fmt::format("the study names no system: give system = \"...\" or a model of your own: [{}]", join(models.kinds, "], [")));
  TomlNode stored;
  if (model.model) stored = *model.model;
  model.stored = &stored;
  study.system = models.make(model);
  if (model.model) study.model.set(model.kind, std::move(stored));

  if (const auto parameters = root.optional_section("parameters")) study.parameters = parameters->values();

  if (root.has("times") && root.has("stationary")) throw root.error("stationary", "the study asks for times and for the stationary state; remove one of the two");
  if (const auto times = root.optional_section("times")) {
    times->allow({"from", "to", "count", "spacing", "points"});
    if (const auto points = times->optional<std::vector<double>>("points")) {
      if (times->has("from") || times->has("to") || times->has("count")) throw times->error("points", "give either points or from, to and count");
      study.when = Times{*points};
    } else {
      const std::string spacing = times->optional<std::string>("spacing").value_or("linear");
      if (spacing != "linear" && spacing != "log") throw times->error("spacing", fmt::format("unknown spacing '{}'; known: linear, log", spacing));
      study.when = Times{parse_times(fmt::format("{}:{}:{}:{}", spacing, exact(times->require<double>("from")), exact(times->require<double>("to")), times->require<std::int64_t>("count")),
                                     times->where("from"))};
    }
  } else if (const auto stationary = root.optional_section("stationary")) {
    stationary->allow({"burn-in", "window"});
    study.when = Stationary{stationary->optional<double>("burn-in"), stationary->optional<double>("window")};
  }

  if (const auto reference = root.optional_section("reference")) {
    if (const TomlNode* data = reference->node().find("data")) {
      reference->allow({"data", "level", "label"});
      if (reference->optional<std::string>("level").value_or("data") != "data") throw reference->error("level", "the reference names a level and brings data of its own; remove one of the two");
      study.reference = LevelRequest{"data", reference->optional<std::string>("label").value_or(""), {}, reference->where("data")};
      measured = data->is_table() ? own_data(*data) : read_own_data(folder / reference->require<std::string>("data"));
    } else {
      study.reference = read_level(*reference);
    }
  }
  for (const Section& candidate : root.sections("candidate")) study.levels.push_back(read_level(candidate));
  for (const Section& level : root.sections("level")) study.levels.push_back(read_level(level));
  if (root.has("candidate") && !study.reference) throw root.error("candidate", "there are candidates but no [reference] to judge them against");
  if (root.has("level") && study.reference) throw root.error("level", "a study with a [reference] judges [[candidate]]s; [[level]] is for a study that only runs");

  if (const auto compare = root.optional_section("compare")) {
    compare->allow({"observables", "relative", "absolute", "relative-to", "bounds", "confidence", "override"});
    if (!study.reference) throw root.error("compare", "there is a [compare] but no [reference]");
    if (const auto names = compare->optional<std::vector<std::string>>("observables")) study.observables = *names;
    study.criterion = read_criterion(*compare, study.criterion);
    study.confidence = compare->optional<double>("confidence").value_or(study.confidence);
    const std::string bounds = compare->optional<std::string>("bounds").value_or("any");
    if (bounds != "any" && bounds != "certified") throw compare->error("bounds", fmt::format("unknown bounds '{}'; known: any, certified", bounds));
    study.certified_only = bounds == "certified";
    if (const auto overrides = compare->optional_section("override"))
      for (const TomlEntry& entry : overrides->entries()) {
        const Section section(entry.value, fmt::format("[compare.override.\"{}\"]", entry.key));
        section.allow({"relative", "absolute", "relative-to"});
        study.overrides[entry.key] = read_criterion(section, study.criterion);
      }
  }

  if (const auto sweep = root.optional_section("sweep")) {
    const std::string mode = sweep->optional<std::string>("mode").value_or("grid");
    const std::vector<std::string> modes{"grid", "list", "boundary"};
    const auto found = std::find(modes.begin(), modes.end(), mode);
    if (found == modes.end()) throw sweep->error("mode", fmt::format("unknown sweep mode '{}'.{}\n  known: {}", mode, did_you_mean(mode, modes), join(modes)));
    study.sweep_mode = static_cast<SweepMode>(found - modes.begin());
    const std::vector<std::string> own{"mode", "max-points", "tolerance"};
    for (const std::string& key : {own[1], own[2]})
      if (sweep->has(key.c_str()) && study.sweep_mode != SweepMode::boundary) throw sweep->error(key.c_str(), fmt::format("'{}' belongs to mode = \"boundary\"", key));
    if (const auto most = sweep->optional<std::uint64_t>("max-points")) study.refine.max_points = static_cast<std::size_t>(*most);
    study.refine.tolerance = sweep->optional<double>("tolerance").value_or(study.refine.tolerance);
    for (const TomlEntry& entry : sweep->entries())
      if (std::find(own.begin(), own.end(), entry.key) == own.end()) study.sweep.push_back(read_axis(entry.key, entry.value, entry.where));
  }

  if (const auto budget = root.optional_section("budget")) {
    budget->allow({"trajectories", "pause-after"});
    if (const auto text = budget->optional<std::string>("pause-after")) study.budget.pause_after = read_duration(*budget, "pause-after", *text);
    const TomlNode* node = budget->node().find("trajectories");
    if (node && node->is_table()) {
      const Section both = budget->section("trajectories");
      both.allow({"first", "max"});
      study.budget.first = both.require<std::uint64_t>("first");
      study.budget.max = both.optional<std::uint64_t>("max").value_or(study.budget.first);
    } else if (node) {
      study.budget.first = study.budget.max = budget->require<std::uint64_t>("trajectories");
    }
  }
  if (const auto rng = root.optional_section("rng")) {
    rng->allow({"independent-points"});
    study.independent_points = rng->optional<bool>("independent-points").value_or(false);
  }
  if (measured) set_reference(study, std::move(*measured));
  study.kind = !study.sweep.empty() ? Study::Kind::sweep : study.reference ? Study::Kind::compare : Study::Kind::run;
  if (study.kind == Study::Kind::sweep && !study.reference) study.kind = Study::Kind::run;
  return study;
}

TomlNode study_document(const Study& study) {
  TomlNode document;
  TomlNode& head = document.table("study");
  head.set("title", study.title);
  if (study.model.entries().empty()) head.set("system", study.system.name);
  head.set("seed", static_cast<std::int64_t>(study.seed));
  if (!study.reference) head.set("observables", study.observables);

  TomlNode& parameters = document.table("parameters");
  for (const ParameterInfo& info : study.system.parameters) {
    const bool swept = std::any_of(study.sweep.begin(), study.sweep.end(), [&](const SweepAxis& axis) { return axis.parameter == info.name; });
    if (swept) continue;
    const auto given = study.parameters.find(info.name);
    const Value& value = given == study.parameters.end() ? info.fallback : given->second;
    if (const auto* number = std::get_if<double>(&value.data); number && !std::isfinite(*number)) continue;  // "derived from others" stays so
    parameters.set(info.name, TomlNode(value));
  }

  if (study.when && std::holds_alternative<Times>(*study.when)) document.table("times").set("points", std::get<Times>(*study.when).points);
  else if (study.system.has_time) {
    TomlNode& stationary = document.table("stationary");
    const Stationary window = study.when ? std::get<Stationary>(*study.when) : Stationary{};
    if (window.burn_in) stationary.set("burn-in", *window.burn_in);
    if (window.window) stationary.set("window", *window.window);
  }

  const auto write_level = [](TomlNode& table, const LevelRequest& request) {
    table.set("level", request.level);
    table.set("label", request.label);
    for (const auto& [name, value] : request.options) table.set(name, TomlNode(value));
  };
  if (study.reference) {
    TomlNode& reference = document.table("reference");
    write_level(reference, *study.reference);
    if (study.reference->level == "data") reference.set("data", study.data);
  }
  for (const LevelRequest& request : study.levels) write_level(document.append_table(study.reference ? "candidate" : "level"), request);

  if (study.reference) {
    const auto write_criterion = [](TomlNode& table, const Criterion& criterion) {
      table.set("relative", criterion.relative);
      table.set("absolute", criterion.absolute);
      table.set("relative-to", relative_to_text(criterion.relative_to));
    };
    TomlNode& compare = document.table("compare");
    compare.set("observables", study.observables);
    write_criterion(compare, study.criterion);
    compare.set("bounds", study.certified_only ? "certified" : "any");
    compare.set("confidence", study.confidence);
    for (const auto& [name, criterion] : study.overrides) write_criterion(compare.table("override").table(name), criterion);
  }
  if (!study.sweep.empty()) {
    TomlNode& sweep = document.table("sweep");
    sweep.set("mode", study.sweep_mode == SweepMode::grid ? "grid" : study.sweep_mode == SweepMode::list ? "list" : "boundary");
    if (study.sweep_mode == SweepMode::boundary) {
      sweep.set("max-points", static_cast<std::int64_t>(study.refine.max_points));
      sweep.set("tolerance", study.refine.tolerance);
    }
    for (const SweepAxis& axis : study.sweep) {
      if (!axis.log) {
        sweep.set(axis.parameter, axis.values);
        continue;
      }
      TomlNode grid = TomlNode::inline_table();  // gives the same values again, and keeps the axis logarithmic
      grid.set("log", std::vector<double>{axis.values.front(), axis.values.back()});
      grid.set("count", static_cast<std::int64_t>(axis.values.size()));
      sweep.set(axis.parameter, std::move(grid));
    }
  }
  TomlNode budget = TomlNode::inline_table();
  budget.set("first", static_cast<std::int64_t>(study.budget.first));
  budget.set("max", static_cast<std::int64_t>(study.budget.max));
  document.table("budget").set("trajectories", std::move(budget));
  if (study.budget.pause_after > 0) document.table("budget").set("pause-after", exact(study.budget.pause_after) + " s");
  document.table("rng").set("independent-points", study.independent_points);
  for (const TomlEntry& entry : study.model.entries()) document.set(entry.key, entry.value);
  return document;
}

}  // namespace meso
