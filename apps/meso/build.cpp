#include "build.h"

#include <fmt/format.h>

#include <filesystem>

#include "apps/models/model_source.h"
#include "base/error.h"
#include "base/text.h"
#include "model/registry.h"
#include "study/own_data.h"

namespace meso::app {
namespace {

/// "5%" is relative, "0.01" absolute. Returns false if it is neither.
bool parse_margin(std::string_view text, Criterion& criterion) {
  text = trim(text);
  double value = 0;
  if (!text.empty() && text.back() == '%') {
    if (!parse_number(text.substr(0, text.size() - 1), value)) return false;
    criterion.relative = value / 100;
    criterion.absolute = 0;
    return true;
  }
  if (!parse_number(text, value)) return false;
  criterion.relative = 0;
  criterion.absolute = value;
  return true;
}

}  // namespace

Study base_study(const std::string& target) {
  const std::filesystem::path path(target);
  if (path.extension() == ".toml") return read_study(read_toml(path), model_source(), path.parent_path());
  if (path.extension() == ".xml" || path.extension() == ".sbml" || path.extension() == ".net") {
    // The same road as a study with [network] file = "...".
    TomlNode document;
    document.table("study").set("title", "");
    document.table("network").set("file", path.filename().string());
    return read_study(document, model_source(), path.parent_path());
  }
  if (target.find('/') != std::string::npos || std::filesystem::is_directory(path)) throw InputError(fmt::format("{}: is neither a system's name nor a study (.toml), an SBML model (.xml) or a BioNetGen network (.net)", target));
  Study study;
  study.system = builtin_registry().make(target);
  return study;
}

Study build_study(const Flags& flags, Study::Kind kind) {
  Study study = base_study(flags.target);
  for (const std::string& text : flags.set) {
    const auto equals = text.find('=');
    if (equals == std::string::npos) throw InputError(fmt::format("--set {}: expected name=value", text));
    study.parameters[std::string(trim(text.substr(0, equals)))] = value_from_text(text.substr(equals + 1), "--set");
  }
  if (!flags.times.empty()) study.when = Times{parse_times(flags.times, "--times")};
  if (flags.stationary) {
    if (!flags.times.empty()) throw InputError("--stationary: --times is given too; ask for one of the two");
    Stationary window;
    const std::vector<std::string> parts = split(*flags.stationary, ':');
    double burn_in = 0, length = 0;
    if (!parts.empty()) {
      if (parts.size() != 2 || !parse_number(parts[0], burn_in) || !parse_number(parts[1], length)) throw InputError(fmt::format("--stationary={}: expected burn-in:window", *flags.stationary));
      window.burn_in = burn_in;
      window.window = length;
    }
    study.when = window;
  }
  if (std::filesystem::path(flags.against).extension() == ".csv") {
    study.reference.reset();
    set_reference(study, read_own_data(flags.against));
  } else if (!flags.against.empty()) {
    study.reference = parse_level(flags.against, "--against");
  }
  if (!flags.levels.empty()) {
    study.levels.clear();
    for (const std::string& text : flags.levels) study.levels.push_back(parse_level(text, "--level"));
  }
  if (!flags.observables.empty()) {
    study.observables = flags.observables;
    std::erase_if(study.overrides, [&](const auto& item) { return std::find(flags.observables.begin(), flags.observables.end(), item.first) == flags.observables.end(); });
  }
  for (const std::string& text : flags.margins) {
    const auto equals = text.find('=');
    Criterion criterion = study.criterion;
    if (!parse_margin(equals == std::string::npos ? text : text.substr(equals + 1), criterion))
      throw InputError(fmt::format("--margin {}: expected 5% (of the scale), 0.01 (absolute) or X.mean=5%", text));
    if (equals == std::string::npos) study.criterion = criterion;
    else study.overrides[text.substr(0, equals)] = criterion;
  }
  if (!flags.relative_to.empty()) study.criterion.relative_to = flags.relative_to == "value" ? Criterion::RelativeTo::value : flags.relative_to == "sd" ? Criterion::RelativeTo::sd : Criterion::RelativeTo::scale;
  if (!flags.bounds.empty()) study.certified_only = flags.bounds == "certified";
  for (const std::string& text : flags.over) {
    const auto equals = text.find('=');
    if (equals == std::string::npos) throw InputError(fmt::format("--over {}: expected name=log:from:to:count", text));
    const SweepAxis axis = parse_sweep(text.substr(0, equals), text.substr(equals + 1), "--over");
    std::erase_if(study.sweep, [&](const SweepAxis& other) { return other.parameter == axis.parameter; });
    study.sweep.push_back(axis);
  }
  if (!flags.mode.empty()) study.sweep_mode = flags.mode == "list" ? SweepMode::list : flags.mode == "boundary" ? SweepMode::boundary : SweepMode::grid;
  if ((flags.max_points || flags.tolerance) && study.sweep_mode != SweepMode::boundary) throw InputError("--max-points and --tolerance belong to --mode boundary");
  if (flags.max_points) study.refine.max_points = static_cast<std::size_t>(*flags.max_points);
  if (flags.tolerance) study.refine.tolerance = *flags.tolerance;
  if (flags.trajectories) study.budget = {*flags.trajectories, *flags.trajectories};
  if (flags.max_trajectories) study.budget.max = *flags.max_trajectories;
  if (flags.seed) study.seed = *flags.seed;
  if (flags.confidence) study.confidence = *flags.confidence;

  // A study file says itself whether it compares; `run STUDY.toml` runs it as it is, unless other levels are named.
  if (kind == Study::Kind::run && study.reference && flags.levels.empty()) kind = Study::Kind::compare;
  if (kind == Study::Kind::run) {
    study.reference.reset();
    study.overrides.clear();
  } else if (!study.reference) throw InputError("--against LEVEL is missing: against which level should the others be judged?");
  if (study.levels.empty()) throw InputError("--level LEVEL is missing: which level should be run? (meso info " + study.system.name + " lists them)");
  study.kind = kind == Study::Kind::run ? kind : study.sweep.empty() ? Study::Kind::compare : Study::Kind::sweep;
  if (kind == Study::Kind::run && study.budget.max != study.budget.first) study.budget.max = study.budget.first;
  return study;
}

}  // namespace meso::app
