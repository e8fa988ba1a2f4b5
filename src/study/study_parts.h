// Pieces of a study that checking, describing and running share. Inside the study floor only.
#pragma once

#include "study/study.h"

namespace meso {

/// Parameters as given, with those of one point of the sweep.
[[nodiscard]] Table parameters_at(const Study& study, const Table& point);

/// The question to one level.
[[nodiscard]] Ask ask_of(const Study& study, const Case& bound, const LevelRequest& request);

}  // namespace meso
