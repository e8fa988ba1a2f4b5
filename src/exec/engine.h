// The engine: ensembles over threads, with results that do not depend on them.
//
// Trajectories are computed in grains by whichever thread or rank is free and merged in a binary tree over the trajectory index,
// so that threads, ranks, grains, rounds and resumes change the speed and never the digits: the sum over the aligned range
// [a, a + 2m) is the sum over [a, a + m) plus the sum over [a + m, a + 2m), always.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/archive.h"
#include "exec/ranks.h"
#include "model/ensemble.h"

namespace meso {

/// Sums of the tape's monomials over an aligned, power-of-two range of trajectories.
struct SumNode {
  std::uint64_t first = 0, count = 0;
  std::vector<double> sum;        ///< per monomial
  std::vector<double> low, high;  ///< per tape element: smallest and largest value seen
};

/// The products of signals whose sums are needed: every signal, and for each derived observable all pairs and triples of
/// its signals (variance and skewness of its influence function).
class Monomials {
 public:
  explicit Monomials(const Plan& plan);
  [[nodiscard]] std::size_t size() const { return per_point_ * points_; }
  void add(std::span<const double> tape, std::span<double> sum) const;
  /// Index within a point of the mean of signal s, bin b; of the product of two or three signals of width 1.
  [[nodiscard]] std::size_t first_order(std::size_t s, std::size_t b = 0) const { return offset_[s] + b; }
  [[nodiscard]] std::size_t second_order(std::size_t s, std::size_t t) const;
  [[nodiscard]] std::size_t square_of_bin(std::size_t s, std::size_t b) const;
  [[nodiscard]] std::size_t third_order(std::size_t s, std::size_t t, std::size_t u) const;
  [[nodiscard]] std::size_t per_point() const { return per_point_; }
  [[nodiscard]] std::size_t stride() const { return stride_; }

 private:
  std::size_t points_ = 1, stride_ = 0, per_point_ = 0;
  std::vector<std::size_t> offset_;
  struct Product {
    std::size_t a, b, c;  // tape offsets; c == npos for pairs
  };
  std::vector<Product> products_;
  std::map<std::array<std::size_t, 3>, std::size_t> index_;
};

/// Sums over trajectories [0, n), kept as at most 64 whole batches of equal power-of-two size and a shorter last one.
class Accumulator {
 public:
  static constexpr std::uint64_t max_batches = 64;
  /// Batch size for n trajectories: the smallest power of two with at most 64 batches.
  [[nodiscard]] static std::uint64_t batch_size(std::uint64_t n);

  [[nodiscard]] std::uint64_t trajectories() const { return n_; }
  /// Prepares for a total of n trajectories: merges neighbouring batches.
  void grow_to(std::uint64_t n);
  /// Appends the next node in order of index; equal neighbours merge up to the batch size.
  void push(SumNode node);
  [[nodiscard]] const std::vector<SumNode>& nodes() const { return nodes_; }
  /// Whole batches (the trailing partial nodes merged into one).
  [[nodiscard]] std::vector<SumNode> batches() const;
  void save(ArchiveWriter& out) const;
  void load(ArchiveReader& in);

 private:
  std::uint64_t n_ = 0, size_ = 1;
  std::vector<SumNode> nodes_;
};

/// Estimates of a plan's derived observables from sums (VERDICT sections 2 and 4).
[[nodiscard]] EnsembleResult estimates_from(const Plan& plan, const Monomials& monomials, const Accumulator& sums, const std::string& stream);

struct EngineOptions {
  std::uint64_t seed = 1;
  unsigned threads = 1;
  std::filesystem::path artefacts;         ///< folder for artefacts; empty: a temporary one
  std::function<void()> on_consistent;     ///< called now and then while trajectories run, when save() would give a consistent state; null: never
  std::function<void(double)> on_progress; ///< fraction of the running ensemble or level in [0,1]; may throw Cancelled
  Ranks* ranks = nullptr;                  ///< the processes that share the grains; null: this one alone
  std::function<void()> on_ensemble;       ///< rank 0, before each ensemble is shared: tells the others which level to be in
};

/// Context of one (point, level): holds its ensembles between rounds. `set_trajectories` decides how many the next run has.
class LevelRun final : public Context {
 public:
  LevelRun(EngineOptions options, std::string purpose);
  void set_trajectories(std::uint64_t n) { target_ = n; }
  /// Only this trajectory is computed: signals as one-sample estimates and paths. For re-running one of a batch by its id.
  void set_solo(std::uint64_t trajectory) { solo_ = trajectory; }
  /// Trajectories computed so far, the largest over ensembles.
  [[nodiscard]] std::uint64_t trajectories() const;

  /// Sums and sample paths of every ensemble so far; a run that loads them goes on to the bits of one that never stopped.
  void save(ArchiveWriter& out) const;
  /// @throws RunError damaged
  void load(ArchiveReader& in);

  [[nodiscard]] std::uint64_t seed() const override { return options_.seed; }
  [[nodiscard]] const std::string& purpose() const override { return purpose_; }
  [[nodiscard]] EnsembleResult ensemble(const std::string& name, const Plan& plan, std::uint64_t grain, const BatchSample& sample) override;
  void progress(double fraction) override;
  [[nodiscard]] std::filesystem::path artefact(const std::string& key) override;
  [[nodiscard]] unsigned threads() const override { return options_.threads; }

 private:
  struct State {
    Accumulator sums;
    std::vector<Path> paths;
  };
  struct Round;
  [[nodiscard]] std::string stream(const std::string& name) const;
  [[nodiscard]] EnsembleResult solo(const std::string& name, const Plan& plan, const BatchSample& sample) const;
  void gather(State& state, const Round& round, const Plan& plan, const Monomials& monomials, const BatchSample& sample, Ranks* ranks);
  [[nodiscard]] EnsembleResult help(const std::string& name, const Plan& plan, std::uint64_t grain, const BatchSample& sample);
  EngineOptions options_;
  std::string purpose_;
  std::uint64_t target_ = 1;
  std::optional<std::uint64_t> solo_;
  std::map<std::string, State> states_;
};

/// Sample paths kept for the report.
inline constexpr std::uint64_t kept_paths = 5;

}  // namespace meso
