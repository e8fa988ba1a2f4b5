// Where the systems of studies come from: the registry of built-in ones, or the user's own model in the study file.
#pragma once

#include "study/study_file.h"

namespace meso {

/// Built-in systems by name; tables such as [network] through the kit that knows them (own_models.h).
[[nodiscard]] ModelSource model_source();

}  // namespace meso
