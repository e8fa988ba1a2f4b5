// Ensembles: what one trajectory writes (Tape), what is kept of many (Ensemble), and the service that runs them (Context).
//
// A level declares *signals*, raw numbers per trajectory (x, x^2, x_a x_b, an indicator), and *derived* observables,
// functions of the signals' means (identity, variance, cumulant, ratio). The engine does ensembles, threads, errors.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "model/ask.h"
#include "rng/stream.h"
#include "stat/estimate.h"

namespace meso {

/// A raw number (or `width` of them, e.g. histogram bins) that each trajectory writes at every point of the plan.
struct Signal {
  std::string name;
  std::size_t width = 1;
  double lo = -std::numeric_limits<double>::infinity();  ///< bounds of the signal, if it has any: [0,1] for an indicator
  double hi = std::numeric_limits<double>::infinity();
  bool path = false;  ///< a curve worth drawing: the first trajectories of it are kept as sample paths
};

/// An observable made from the means of signals, at each point separately: value = f(means of `signals`).
/// Its std_error comes from delete-a-batch over whole trajectories; for the identity from the n trajectories themselves.
struct Derived {
  std::string observable, unit;
  std::vector<std::size_t> signals;                            ///< indices into Plan::signals
  std::function<double(std::span<const double>)> f = nullptr;  ///< null: the mean of the one signal (of each of its bins)
  std::vector<double> exact = {};                              ///< 1 at points that are exact by construction
  std::optional<Axis> support = {};                            ///< for one signal of width > 1: the axis of its bins
  bool is_distribution = false;
};

/// What a sampled level writes and what is made from it.
struct Plan {
  std::vector<Axis> axes;       ///< axes common to all signals: usually the times; empty for one number per trajectory
  std::vector<Signal> signals;
  std::vector<Derived> derived;
  [[nodiscard]] std::size_t points() const {
    std::size_t n = 1;
    for (const Axis& axis : axes) n *= axis.points.size();
    return n;
  }
  /// Offset of signal s at point i in a tape: all signals of a point lie together.
  [[nodiscard]] std::size_t tape_size() const {
    std::size_t width = 0;
    for (const Signal& s : signals) width += s.width;
    return width * points();
  }
};

/// What ONE trajectory writes. Zeroed before the trajectory starts; no allocation while it runs.
class Tape {
 public:
  Tape(const Plan& plan, std::span<double> data);
  /// Sets signal s at point i (bin b).
  void record(std::size_t s, std::size_t i, double value, std::size_t b = 0) { data_[i * stride_ + offset_[s] + b] = value; }
  /// Adds value * weight to signal s at point i (bin b): time-weighted averages, histograms.
  void accumulate(std::size_t s, std::size_t i, double value, double weight, std::size_t b = 0) { data_[i * stride_ + offset_[s] + b] += value * weight; }
  [[nodiscard]] double at(std::size_t s, std::size_t i, std::size_t b = 0) const { return data_[i * stride_ + offset_[s] + b]; }
  [[nodiscard]] std::span<double> data() const { return data_; }
  void rebind(std::span<double> data) { data_ = data; }

 private:
  std::span<double> data_;
  std::size_t stride_ = 0;
  std::vector<std::size_t> offset_;
};

/// One trajectory: reads its own streams (made from seed, trajectory id and purpose), writes its tape. Called from many threads.
using Sample = std::function<void(std::uint64_t trajectory, Tape& tape)>;
/// A batch of consecutive trajectories [first, first + tapes.size()); each result must not depend on the batch it was in.
using BatchSample = std::function<void(std::uint64_t first, std::span<Tape> tapes)>;

/// A sample path of one `path` signal.
struct Path {
  std::uint64_t trajectory = 0;
  std::string signal;
  std::vector<double> value;  ///< one per point
};

/// A picture of one trajectory (or of a solved field): a space-time plot, a snapshot. People look before they read; never judged.
struct Portrait {
  std::string name;                     ///< identifier, unique in an answer: "phi", "spiral"
  std::string title, unit;              ///< of the values
  std::vector<Axis> axes;               ///< two: rows (drawn upwards, e.g. t or y), then columns (x)
  std::vector<double> value;            ///< row-major; with categories: their indices
  std::vector<std::string> categories;  ///< names of the values 0, 1, ...; empty: a continuous field
};

/// What the engine returns: estimates of the derived observables over trajectories [0, n).
struct EnsembleResult {
  std::uint64_t trajectories = 0;
  std::vector<Estimate> estimates;
  std::vector<double> signal_mean;  ///< per tape element
  std::vector<double> signal_se;    ///< per tape element
  std::vector<Path> paths;
};

/// Services of the engine to a level. Called per level or per trajectory, never per event.
class Context {
 public:
  virtual ~Context() = default;
  [[nodiscard]] virtual std::uint64_t seed() const = 0;
  /// Purpose prefix of this (system, level): streams are named "<purpose>[/<use>]".
  [[nodiscard]] virtual const std::string& purpose() const = 0;
  /// Runs (or continues) the ensemble of this level; incremental: only trajectories that are new are computed.
  /// @param name   distinguishes several ensembles of one level
  /// @param grain  trajectories computed together: a constant of the level, a power of two; bits never depend on it
  [[nodiscard]] virtual EnsembleResult ensemble(const std::string& name, const Plan& plan, std::uint64_t grain, const BatchSample& sample) = 0;
  /// Fraction done of this level's work in [0,1]. @throws Cancelled
  virtual void progress(double fraction) = 0;
  /// A folder for artefacts (trained weights, ...) keyed by their inputs; kept with the results.
  [[nodiscard]] virtual std::filesystem::path artefact(const std::string& key) = 0;
  /// Threads a solved level may use. Results must not depend on it.
  [[nodiscard]] virtual unsigned threads() const = 0;
};

/// A batch sampler from a one-trajectory sampler.
[[nodiscard]] BatchSample one_by_one(Sample sample);

}  // namespace meso
