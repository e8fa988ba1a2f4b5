// Studies as TOML: reading, and the resolved form that is stored with the results and runs again to the same bits.
//
//   [study] title, system | model, seed        [parameters] name = value        [times] from, to, count, spacing | points
//   [stationary] burn-in, window               [reference] level, options       [[candidate]] level, label, options
//   [compare] observables, relative, absolute, relative-to, bounds, confidence, override."X.mean" = {...}
//   [sweep] mode = "grid", name = { log = [a, b], count = n } | { linear = ... } | [values]
//   [budget] trajectories = n | { first, max }  [rng] independent-points        [network] the user's own (docs/networks.md)
// A study without [reference] runs its [[level]]s; [study] observables says what is asked then.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "io/toml.h"
#include "study/study.h"

namespace meso {

/// What a study file says about its model.
struct ModelRequest {
  std::string system;                ///< name of a built-in system, or ""
  std::string where;                 ///< place of that name
  const TomlNode* network = nullptr; ///< the [network] table, or null
  std::string title;                 ///< of the study: names a user's own model
};

/// Makes the system: the program knows the registry and the kits that read files, a study does not.
using ModelSource = std::function<System(const ModelRequest&)>;

/// @throws StudyError, ParameterError, ModelError with file and line
[[nodiscard]] Study read_study(const TomlNode& document, const ModelSource& models);

/// The study with everything that was left to defaults filled in.
[[nodiscard]] TomlNode study_document(const Study& resolved_study);

}  // namespace meso
