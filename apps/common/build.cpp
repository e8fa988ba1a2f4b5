#include "build.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "apps/models/model_source.h"
#include "base/error.h"
#include "base/files.h"
#include "base/text.h"
#include "kits/exchange/sbml.h"
#include "model/registry.h"

namespace meso::app {

bool parse_margin(std::string_view text, Request::Margin& margin) {
  text = trim(text);
  double value = 0;
  const bool percent = !text.empty() && text.back() == '%';
  if (!parse_number(percent ? text.substr(0, text.size() - 1) : text, value)) return false;
  if (percent) margin.relative = value / 100;
  else margin.absolute = value;
  return true;
}

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

Study build_study(Study study, const Request& request, Study::Kind kind) {
  const auto called = [&](std::string name) {
    if (request.flags) return "--" + name;
    std::replace(name.begin(), name.end(), '-', '_');
    return name;
  };
  for (const auto& [name, value] : request.parameters) study.parameters[name] = value;
  if (request.when) study.when = request.when;
  if (request.reference) study.reference = request.reference;
  if (request.data) {
    study.reference.reset();
    set_reference(study, *request.data);
  }
  if (!request.levels.empty()) study.levels = request.levels;
  if (!request.observables.empty()) {
    study.observables = request.observables;
    std::erase_if(study.overrides, [&](const auto& item) { return std::find(request.observables.begin(), request.observables.end(), item.first) == request.observables.end(); });
  }
  for (const Request::Margin& margin : request.margins) {
    Criterion criterion = study.criterion;
    criterion.relative = margin.relative.value_or(0);
    criterion.absolute = margin.absolute.value_or(0);
    if (margin.observable.empty()) study.criterion = criterion;
    else study.overrides[margin.observable] = criterion;
  }
  if (request.relative_to) study.criterion.relative_to = *request.relative_to;
  if (request.certified_only) study.certified_only = *request.certified_only;
  for (const SweepAxis& axis : request.sweep) {
    std::erase_if(study.sweep, [&](const SweepAxis& other) { return other.parameter == axis.parameter; });
    study.sweep.push_back(axis);
  }
  if (request.mode) study.sweep_mode = *request.mode;
  if ((request.max_points || request.tolerance) && study.sweep_mode != SweepMode::boundary)
    throw InputError(fmt::format("{} and {} belong to {} boundary", called("max-points"), called("tolerance"), called("mode")));
  if (request.max_points) study.refine.max_points = static_cast<std::size_t>(*request.max_points);
  if (request.tolerance) study.refine.tolerance = *request.tolerance;
  if (request.trajectories) study.budget = {*request.trajectories, *request.trajectories};
  if (request.max_trajectories) study.budget.max = *request.max_trajectories;
  if (request.seed) study.seed = *request.seed;
  if (request.confidence) study.confidence = *request.confidence;

  // A study file says itself whether it compares; `run STUDY.toml` runs it as it is, unless other levels are named.
  if (kind == Study::Kind::run && study.reference && request.levels.empty()) kind = Study::Kind::compare;
  if (kind == Study::Kind::run) {
    study.reference.reset();
    study.overrides.clear();
  } else if (!study.reference) throw InputError(called("against") + " LEVEL is missing: against which level should the others be judged?");
  if (study.levels.empty()) throw InputError(called("level") + " LEVEL is missing: which level should be run? (meso info " + study.system.name + " lists them)");
  study.kind = kind == Study::Kind::run ? kind : study.sweep.empty() ? Study::Kind::compare : Study::Kind::sweep;
  if (kind == Study::Kind::run && study.budget.max != study.budget.first) study.budget.max = study.budget.first;
  return study;
}

std::string sbml_of(const Study& study) {
  const std::string& title = study.title.empty() ? study.system.title : study.title;
  return exchange::write_sbml(study.system.bind(study.parameters), study.system.name, title);
}

void export_sbml(const Study& study, const std::filesystem::path& file) {
  if (const std::string extension = file.extension().string(); extension != ".xml" && extension != ".sbml")
    throw InputError(fmt::format("{}: SBML is written to a file that ends in .xml or .sbml", file.string()));
  write_file_atomically(file, sbml_of(study));
}

}  // namespace meso::app
