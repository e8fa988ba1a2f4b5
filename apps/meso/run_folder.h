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

class RunFolder {
 public:
  /// Opens the folder for a study. An unfinished run of the same study is gone on with; anything else is started anew.
  /// @throws InputError not writable
  RunFolder(std::filesystem::path folder, const Study& resolved_study);

  /// @throws InputError  no run in the folder; its study.toml was changed since the run began (names the lines)
  [[nodiscard]] static bool holds_unfinished_run(const std::filesystem::path& folder);

  [[nodiscard]] bool continues() const { return continues_; }
  [[nodiscard]] const Results* known() const { return known_ ? &*known_ : nullptr; }
  [[nodiscard]] std::filesystem::path point_file() const { return folder_ / "checkpoint" / "point.bin"; }

  void point_done(const Results& so_far);
  void interrupted(const Results& so_far);
  void finished(const Results& results);  ///< results, verdicts, report; then the checkpoint goes

 private:
  std::filesystem::path folder_;
  RollingResults file_;
  bool continues_ = false;
  std::optional<Results> known_;
};

}  // namespace meso::app
