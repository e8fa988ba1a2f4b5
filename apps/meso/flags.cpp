#include "flags.h"

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"

namespace meso::app {

Table read_set(const std::vector<std::string>& set) {
  Table parameters;
  for (const std::string& text : set) {
    const auto equals = text.find('=');
    if (equals == std::string::npos) throw InputError(fmt::format("--set {}: expected name=value", text));
    parameters[std::string(trim(text.substr(0, equals)))] = value_from_text(text.substr(equals + 1), "--set");
  }
  return parameters;
}

Request read_flags(const Flags& flags) {
  Request request;
  request.parameters = read_set(flags.set);
  if (!flags.times.empty()) request.when = Times{parse_times(flags.times, "--times")};
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
    request.when = window;
  }
  if (flags.against.ends_with(".csv")) request.data = read_own_data(flags.against);
  else if (!flags.against.empty()) request.reference = parse_level(flags.against, "--against");
  for (const std::string& text : flags.levels) request.levels.push_back(parse_level(text, "--level"));
  request.observables = flags.observables;
  for (const std::string& text : flags.margins) {
    const auto equals = text.find('=');
    Request::Margin margin;
    if (!parse_margin(equals == std::string::npos ? text : text.substr(equals + 1), margin))
      throw InputError(fmt::format("--margin {}: expected 5% (of the scale), 0.01 (absolute) or X.mean=5%", text));
    if (equals != std::string::npos) margin.observable = text.substr(0, equals);
    request.margins.push_back(margin);
  }
  if (!flags.relative_to.empty()) request.relative_to = flags.relative_to == "value" ? Criterion::RelativeTo::value : flags.relative_to == "sd" ? Criterion::RelativeTo::sd : Criterion::RelativeTo::scale;
  if (!flags.bounds.empty()) request.certified_only = flags.bounds == "certified";
  for (const std::string& text : flags.over) {
    const auto equals = text.find('=');
    if (equals == std::string::npos) throw InputError(fmt::format("--over {}: expected name=log:from:to:count", text));
    request.sweep.push_back(parse_sweep(text.substr(0, equals), text.substr(equals + 1), "--over"));
  }
  if (!flags.mode.empty()) request.mode = flags.mode == "list" ? SweepMode::list : flags.mode == "boundary" ? SweepMode::boundary : SweepMode::grid;
  request.max_points = flags.max_points;
  request.tolerance = flags.tolerance;
  request.trajectories = flags.trajectories;
  request.max_trajectories = flags.max_trajectories;
  request.seed = flags.seed;
  request.confidence = flags.confidence;
  return request;
}

}  // namespace meso::app
