// Progress on the terminal, and interruption.
#pragma once

#include <string>

#include "exec/progress.h"

namespace meso::app {

/// A sink for `bar` (standard error, only if it is a terminal or after two seconds as plain lines), `json` (one line each) or `none`.
[[nodiscard]] ProgressSink progress_sink(const std::string& kind);

/// Erases the bar, if one is shown.
void end_progress();

/// From now on SIGINT and SIGTERM make the next progress call throw Cancelled; a second one ends the program at once.
void catch_interrupts();

/// Columns of the terminal on standard output, 100 if it is none.
[[nodiscard]] std::size_t terminal_width();

}  // namespace meso::app
