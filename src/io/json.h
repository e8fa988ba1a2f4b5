// JSON for programs (docs: `--json`): one document as text, ending in a newline. What is not finite is null; texts that
// are not UTF-8 get U+FFFD. Formats and names are fixed; what is added later keeps what is there.
#pragma once

#include <span>
#include <string>

#include "model/results.h"
#include "model/system.h"

namespace meso {

/// `mesoscope-answers`, version 1: study, points, levels, observables and verdicts of `run`, `compare` and `sweep`.
/// Arrays are flat and row-major beside their `shape`; an estimate without axes has numbers in their place. An error that
/// is zero by nature (std_error of a solved level) is given as zeros.
/// @throws InputError  if `results.study` is not the TOML of a study
[[nodiscard]] std::string answers_json(const Results& results);

/// `meso list --json`: {"systems":[{"name","title","family","paper","needs"}]}; paper is the slug, "" without one.
[[nodiscard]] std::string list_json(std::span<const System> systems);

/// `meso list --papers --json`: {"papers":[{"slug","title","date","systems":[..]}]}, by slug.
[[nodiscard]] std::string papers_json(std::span<const System> systems);

/// `meso info --json`: what a system is, its parameters (with defaults and ranges), and observables and levels of one case of it.
[[nodiscard]] std::string info_json(const System& system, const Case& example);

}  // namespace meso
