// Text tables of the program: systems, a system, answers of a run.
#pragma once

#include <string>

#include "model/registry.h"
#include "model/results.h"

namespace meso::app {

[[nodiscard]] std::string list_table(const Registry& registry, const std::string& family, bool papers);
/// Name, title and paper: how `info_text` begins, and all that is known of a system whose plugin is not here.
[[nodiscard]] std::string card_text(const System& system, bool markdown);
[[nodiscard]] std::string info_text(const System& system, const std::string& level, bool markdown);
/// Values of every level at every point: value +- standard error, at the asked times.
[[nodiscard]] std::string answer_table(const Results& results, std::size_t width);
/// Signals of one trajectory at the asked times.
[[nodiscard]] std::string trajectory_table(const Answer& answer);

}  // namespace meso::app
