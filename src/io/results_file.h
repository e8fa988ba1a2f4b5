// results.h5: everything a study leaves behind, in HDF5. Opens with h5py, h5dump or MATLAB without Mesoscope.
//
//   /                              attrs: format = "mesoscope-results", format_version = 1, study (TOML text), seed, title, ...
//   /points/0007                   attrs: every parameter
//     /ssa                         attrs: level, rung, parent, approximation, source, samples, options.<name>, ...
//       /X.mean/value              float64[41], dimension scale -> axes/t; attrs unit, doc
//       /X.mean/std_error  /X.mean/error_bound  /X.mean/axes/t  /X.mean/batches/{weight,replicate}
//       /flags  /steady_states/000  /trajectories/<signal>
//   /verdicts /observables /parameters      one compound table each
//   /orders/0000
//   /provenance                    the only group that may differ between two runs of one study
//
// An array that is absent (std_error of a solved level) means zero, as in Estimate. README.md lists every name.
#pragma once

#include <chrono>
#include <filesystem>

#include "model/results.h"

namespace meso {

inline constexpr int results_format_version = 1;

/// Replaces `path` by a whole file, or leaves what was there untouched. Equal results give equal bytes, /provenance aside.
/// @throws RunError  disk full or not writable (names the path); an estimate whose arrays do not fit its axes (names level and observable)
void write_results(const std::filesystem::path& path, const Results& results);

/// Everything that was written, to the bit. Not kept: the places of values (Value::where), callables.
/// @throws InputError  no such file, not HDF5, truncated or damaged, not a results file, or of another format version (says which and which is understood)
[[nodiscard]] Results read_results(const std::filesystem::path& path);

/// Keeps a results file up to date while a study runs: it is rewritten whole as points are finished, but no more
/// than a tenth of the time goes into writing, so that a sweep of n points does not cost n^2. Only *when* the file
/// is replaced depends on the clock, never what the finished one holds.
class RollingResults {
 public:
  explicit RollingResults(std::filesystem::path path) : path_(std::move(path)) {}
  /// A point is finished: rewrites the file if it is time. @returns whether it did. @throws RunError as write_results
  bool point_done(const Results& so_far);
  /// The study is finished or interrupted: always writes.
  void finish(const Results& results);

 private:
  std::filesystem::path path_;
  std::chrono::steady_clock::time_point next_{};  ///< not before; the first point is written at once
};

}  // namespace meso
