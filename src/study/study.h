// Study: system x parameter points x levels x observables x criterion x budget x seed. The only thing the engine runs:
// `run`, `compare`, `sweep`, TOML and Python all build one. It holds a System and knows none.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "exec/progress.h"
#include "exec/ranks.h"
#include "io/toml.h"
#include "model/results.h"
#include "study/verdict.h"

namespace meso {

/// A level as asked: its name, its options, its label (empty: `<kind>-<order>` where a level has both, else its name).
struct LevelRequest {
  std::string level, label;
  Table options;
  std::string where;  ///< place in the study file, for messages
};

/// One swept parameter; the sweep is the grid of all of them, the last one fastest.
struct SweepAxis {
  std::string parameter;
  std::vector<double> values;
  bool log = false;    ///< spaced evenly in the logarithm: drawn on such an axis
  std::string where;
};

/// "log:0.1:10:7", "linear:6:7.5:7", "list:1,2,5" or "0.1:10:7" (linear). @throws StudyError
[[nodiscard]] SweepAxis parse_sweep(const std::string& parameter, const std::string& text, const std::string& where);

/// "0:20:41" (both ends), or "log:0.1:100:31". @throws StudyError
[[nodiscard]] std::vector<double> parse_times(const std::string& text, const std::string& where);

/// "closure:kind=normal,order=2". @throws StudyError
[[nodiscard]] LevelRequest parse_level(const std::string& text, const std::string& where);

struct Budget {
  std::uint64_t first = 2048;   ///< trajectories of the first look
  std::uint64_t max = 262144;   ///< looks double up to here; equal to `first`: one look, no alpha is kept back
  double pause_after = 0;       ///< seconds after which the run stops, resumable; it never ends a verdict. 0: never
};

/// How the points of a sweep are chosen: all combinations; the lists side by side; a grid whose flips of a verdict are refined.
enum class SweepMode { grid, list, boundary };

/// Of a boundary sweep.
struct Refine {
  std::size_t max_points = 200;  ///< all points, the grid's included: declared first, because every comparison counts in the verdict
  double tolerance = 1e-3;       ///< width of a finished bracket: relative on a logarithmic axis, a fraction of the range on a linear one
};

/// Points that a sweep may have at most: each is a group in the results and a row in the report.
inline constexpr int max_sweep_points = 100000;

struct Study {
  enum class Kind { run, compare, sweep };
  Kind kind = Kind::run;
  std::string title;
  System system;
  TomlNode model;                        ///< the user's own model as it stood in the study file (e.g. {network = ...}), repeated in the resolved study; empty for a built-in system
  TomlNode data;                         ///< measurements that stand as the reference (own_data.h), repeated in the resolved study; empty: the reference is a level
  std::uint64_t seed = 1;
  bool independent_points = false;       ///< mix the parameters into the key: neighbouring points of a sweep share no noise
  Table parameters;                      ///< as given
  std::optional<std::variant<Times, Stationary>> when;  ///< empty: stationary for systems without time, else an error
  std::optional<LevelRequest> reference;
  std::vector<LevelRequest> levels;      ///< candidates (or the levels to run)
  std::vector<std::string> observables;  ///< empty: the system's defaults
  Criterion criterion;
  std::map<std::string, Criterion> overrides;  ///< by observable
  double confidence = 0.99;
  bool certified_only = false;
  std::vector<SweepAxis> sweep;
  SweepMode sweep_mode = SweepMode::grid;
  Refine refine;
  Budget budget;
};

struct RunOptions {
  unsigned threads = 1;
  ProgressSink progress;
  std::filesystem::path artefacts;
  std::function<void(const Results&)> on_point;  ///< results so far, after each finished point
  std::filesystem::path checkpoint;      ///< file that keeps the point in work; of several points at once, each has its own beside it. Empty: none
  double checkpoint_every = 30;          ///< seconds between two savings of it
  const Results* known = nullptr;        ///< finished points of an interrupted run of the same study: not computed again
  Ranks* ranks = nullptr;                ///< this process is rank 0 of these; the others serve (serve.h). Null: alone
};

/// Checks names, options, margins and every point's parameters; fills defaults. Nothing is run.
/// @throws StudyError, ParameterError, ModelError: one error, naming place, what was given and the nearest right name
[[nodiscard]] Study resolved(Study study);

/// Parameter points of the sweep, in order: the last axis fastest. One point without a sweep. The grid, of a boundary sweep.
[[nodiscard]] std::vector<Table> points_of(const Study& study);

/// Entries that are judged at once: candidates x observables x points (max-points of a boundary sweep).
[[nodiscard]] std::size_t entries_of(const Study& study);

/// What would be run (`--dry-run`): points, comparisons, quantiles, each level's own plan. Text lines for people.
[[nodiscard]] std::vector<std::string> describe(const Study& study);

/// Runs a study. @throws Cancelled (results so far were given to on_point), anything `resolved` throws
[[nodiscard]] Results run_study(const Study& study, const RunOptions& options);

/// One trajectory of one sampled level, by its id, alone: signals as paths (label -> signals at the asked times).
[[nodiscard]] Answer run_trajectory(const Study& study, std::uint64_t trajectory);

}  // namespace meso
