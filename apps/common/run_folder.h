// The folder of a run: what is in it while it runs, after it was interrupted, and when it is finished.
//
//   study.toml        the resolved study, written first
//   checkpoint/       only while the run is unfinished: study.toml as it was started, point.bin (the point in work)
//   results.h5        finished points, always whole
//   verdicts.csv, report/
#pragma once

#include <filesystem>
#include <optional>

#include "io/results_file.h"
#include "study/study.h"

namespace meso::app {

/// Writes what a finished run leaves in its folder but the study and the results file: verdicts.csv, if there are verdicts, and report/.
void write_pages(const Results& results, const std::filesystem::path& folder);

class RunFolder {
 public:
  /// Opens the folder for a study. An unfinished run of the same study is gone on with; anything else is started anew.
  /// @throws InputError not writable
  RunFolder(std::filesystem::path folder, const Study& resolved_study);

  /// @throws InputError  no run in the folder; its study.toml was changed since the run began (names the lines)
  [[nodiscard]] static bool holds_unfinished_run(const std::filesystem::path& folder);

  [[nodiscard]] bool continues() const { return continues_; }
  [[nodiscard]] std::size_t finished_points() const { return finished_points_; }

  /// Runs the study, keeping in the folder what going on with it needs; when it is finished, results, verdicts and report, and no checkpoint.
  /// @param options  threads, progress, checkpoint_every, on_point; the rest is the folder's
  /// @throws Cancelled  the finished points are in the file, the point in work in the checkpoint
  [[nodiscard]] Results run(RunOptions options);

 private:
  std::filesystem::path folder_;
  Study study_;
  RollingResults file_;
  bool continues_ = false;
  std::size_t finished_points_ = 0;
  std::optional<Results> known_;
};

}  // namespace meso::app
