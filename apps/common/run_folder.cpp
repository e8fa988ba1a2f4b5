#include "run_folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "base/error.h"
#include "base/files.h"
#include "io/csv.h"
#include "io/toml.h"
#include "report/report.h"
#include "study/study_file.h"

namespace meso::app {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

/// The first lines in which two texts differ.
std::string difference(const std::string& before, const std::string& now) {
  const auto a = lines_of(before), b = lines_of(now);
  std::string text;
  int shown = 0;
  for (std::size_t i = 0; i < std::max(a.size(), b.size()) && shown < 5; ++i) {
    const std::string was = i < a.size() ? a[i] : "(nothing)", is = i < b.size() ? b[i] : "(nothing)";
    if (was == is) continue;
    text += fmt::format("\n  line {}: was {}\n  {:>{}}is  {}", i + 1, was, "", std::to_string(i + 1).size() + 7, is);
    ++shown;
  }
  return text;
}

/// Files that a killed run was in the middle of writing.
void remove_parts(const fs::path& folder) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored))
    if (entry.path().extension() == ".part" && entry.path().filename().string().starts_with(".")) fs::remove(entry.path(), ignored);
}

}  // namespace

void write_pages(const Results& results, const fs::path& folder) {
  if (!results.verdicts.empty()) write_verdicts_csv(folder / "verdicts.csv", results);
  write_report(results, folder / "report");
}

RunFolder::RunFolder(fs::path folder, const Study& study) : folder_(std::move(folder)), study_(study), file_(folder_ / "results.h5") {
  require_writable_folder(folder_);
  const std::string text = write_toml(study_document(study));
  const fs::path started = folder_ / "checkpoint" / "study.toml";
  continues_ = fs::exists(started) && read_file(started) == text;
  if (continues_) {
    remove_parts(folder_);
    remove_parts(folder_ / "checkpoint");
    if (fs::exists(folder_ / "results.h5")) {
      Results results = read_results(folder_ / "results.h5");
      if (results.study == text) known_ = std::move(results);
      finished_points_ = known_ ? known_->points.size() : 0;
    }
    return;
  }
  std::error_code ignored;
  fs::remove_all(folder_ / "checkpoint", ignored);
  fs::create_directories(folder_ / "checkpoint", ignored);
  write_file_atomically(folder_ / "study.toml", text);
  write_file_atomically(started, text);
}

bool RunFolder::holds_unfinished_run(const fs::path& folder) {
  const fs::path started = folder / "checkpoint" / "study.toml";
  if (!fs::is_directory(folder)) throw InputError(fmt::format("{}: is no folder of a run", folder.string()));
  if (!fs::exists(started)) {
    if (fs::exists(folder / "results.h5")) return false;
    throw InputError(fmt::format("{}: holds no run: neither results.h5 nor a checkpoint", folder.string()));
  }
  const std::string before = read_file(started), now = read_file(folder / "study.toml");
  if (before != now)
    throw InputError(fmt::format("{}: the study was changed since the run began; a run can only go on with the study it began with{}", (folder / "study.toml").string(), difference(before, now)));
  return true;
}

Results RunFolder::run(RunOptions options) {
  options.artefacts = folder_ / "artefacts";
  options.checkpoint = folder_ / "checkpoint" / "point.bin";
  options.known = known_ ? &*known_ : nullptr;
  Results so_far;
  options.on_point = [this, &so_far, then = std::move(options.on_point)](const Results& results) {
    so_far = results;
    finished_points_ = results.points.size();
    file_.point_done(results);
    if (then) then(results);
  };
  Results results;
  try {
    results = run_study(study_, options);
  } catch (const Cancelled&) {
    if (!so_far.points.empty()) file_.finish(so_far);
    throw;
  }
  file_.finish(results);
  write_pages(results, folder_);
  std::error_code ignored;
  fs::remove_all(folder_ / "checkpoint", ignored);
  return results;
}

}  // namespace meso::app
