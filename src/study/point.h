// Work at one point of a study: its levels, looks and verdicts; kept and gone on with; shared with other ranks. Inside the study floor only.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/archive.h"
#include "exec/engine.h"
#include "study/study.h"

namespace meso {

struct PointJob {
  Table point;             ///< swept parameters
  bool portraits = false;  ///< pictures are wanted
};

void put_job(ArchiveWriter& out, const PointJob& job);
[[nodiscard]] PointJob get_job(ArchiveReader& in);

struct PointOutcome {
  PointResult result;
  std::vector<Verdict> verdicts;
  std::vector<std::string> notes;
};

/// Who works at a point, and what becomes of unfinished work.
struct PointSetting {
  unsigned threads = 1;
  std::filesystem::path artefacts;
  std::function<void(double, const std::string&)> report;  ///< fraction done, level; may throw Cancelled
  std::function<void(const std::string&)> keep;            ///< takes a checkpoint; null: none are made
  double keep_every = 30;                                  ///< seconds
  std::string kept;                                        ///< a checkpoint to go on from, if it is of this point, study and build; empty: none
  Ranks* ranks = nullptr;                                  ///< that share the grains of this point; null: none
};

class PointRunner {
 public:
  explicit PointRunner(Study resolved_study);
  [[nodiscard]] const Study& study() const { return study_; }
  /// The levels of the study, the reference first.
  [[nodiscard]] const std::vector<LevelRequest>& requests() const { return requests_; }
  [[nodiscard]] Case bound(const PointJob& job) const;

  /// @throws Cancelled  from the report, after `keep`; RunError  a damaged checkpoint
  [[nodiscard]] PointOutcome run(const PointJob& job, const PointSetting& setting) const;
  /// The part of another rank in one level at a point: its grains of every ensemble. @throws Released
  void help(const PointJob& job, std::size_t request, std::uint64_t trajectories, const PointSetting& setting) const;

  /// A finished point as a checkpoint, which `run` goes on from at once: it travels between ranks, and is kept while an earlier point is not finished.
  [[nodiscard]] std::string finished(const PointOutcome& outcome) const;

 private:
  /// Where the work at a point stands: everything that a checkpoint must bring back.
  struct Work {
    bool finished = false;
    int look = 1;
    std::uint64_t n = 0;
    std::size_t current = 0;  ///< the level in work; those before it are done at this look
    std::vector<std::optional<Verdict>> settled;
  };
  using Runs = std::vector<std::unique_ptr<LevelRun>>;

  [[nodiscard]] std::uint64_t seed_of(const Case& bound) const;
  [[nodiscard]] std::string purpose(std::size_t request) const { return study_.system.name + "/" + requests_[request].level; }
  [[nodiscard]] PointResult empty_result(const Case& bound) const;
  [[nodiscard]] std::string signature() const;
  [[nodiscard]] std::string save(const PointResult& point, const Work& work, const Runs& runs) const;
  void load(ArchiveReader in, PointResult& point, Work& work, const Runs& runs) const;
  [[nodiscard]] bool judge_all(const Case& bound, const PointResult& point, bool adaptive, Work& work) const;

  Study study_;
  std::vector<LevelRequest> requests_;
};

}  // namespace meso
