// Ranks other than 0: they hold the study and do what rank 0 orders (exec/ranks.h).
#pragma once

#include <functional>

#include "exec/ranks.h"
#include "study/study_file.h"

namespace meso {

/// Serves rank 0 until it says `end`. Reads no file of a run and writes none; files that a study names must be readable here too.
/// @param poll  called some thousand times a second at most; may throw Cancelled: rank 0 then ends the run as if it had been asked itself
void serve(Ranks& ranks, const ModelSource& models, const std::function<void()>& poll);

}  // namespace meso
