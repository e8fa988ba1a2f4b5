// Studies as TOML: reading, and the resolved form that is stored with the results and runs again to the same bits.
//
//   [study] title, system | model, seed        [parameters] name = value        [times] from, to, count, spacing | points
//   [stationary] burn-in, window               [reference] level, options       [[candidate]] level, label, options
//   (or [reference] data = "growth.csv": measured values, own_data.h)
//   [compare] observables, relative, absolute, relative-to, bounds, confidence, override."X.mean" = {...}
//   [sweep] mode = "grid" | "list" | "boundary" (max-points, tolerance), name = { log = [a, b], count = n } | { linear = ... } | [values]
//   [budget] trajectories = n | { first, max }, pause-after = "20 min"  [rng] independent-points        [network], [lattice], ... the user's own
// A study without [reference] runs its [[level]]s; [study] observables says what is asked then.
#pragma once

#include <concepts>
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
  std::string kind;                  ///< key of the user's own model: "network", "lattice", ...; "" for a built-in system
  const TomlNode* model = nullptr;   ///< its table, or null
  TomlNode* stored = nullptr;        ///< the table as the resolved study keeps it: a reader of files makes their paths absolute here, so that it runs again from anywhere
  std::string title;                 ///< of the study: names a user's own model
  std::filesystem::path folder;      ///< of the study file: paths in the model are relative to it
};

/// Makes the system: the program knows the registry and the kits that read files, a study does not.
struct ModelSource {
  std::function<System(const ModelRequest&)> make;
  std::vector<std::string> kinds = {"network"};  ///< tables that bring a model of the user's own
  template <class F>
    requires std::invocable<F, const ModelRequest&>
  ModelSource(F f) : make(std::move(f)) {}  // NOLINT: a function is a source that knows [network]
  ModelSource(std::function<System(const ModelRequest&)> f, std::vector<std::string> known) : make(std::move(f)), kinds(std::move(known)) {}
};

/// @throws StudyError, ParameterError, ModelError with file and line
[[nodiscard]] Study read_study(const TomlNode& document, const ModelSource& models, const std::filesystem::path& folder = {});

/// The study with everything that was left to defaults filled in.
[[nodiscard]] TomlNode study_document(const Study& resolved_study);

}  // namespace meso
