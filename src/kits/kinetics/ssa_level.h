// The level `ssa`: exact trajectories of a network, as an ensemble.
//
// Transient questions record raw signals x, (x - c)^2, (x_a - c_a)(x_b - c_b), ... at the asked times; c is a constant near the mean, so
// that high moments keep their digits. Variances and cumulants are functions of the ensemble means of these: <x^2> - <x>^2,
// whose bias -Var/n (n trajectories) is far below its error sqrt(2/n) Var.
//
// Stationary questions: each trajectory gives time averages of the same raw signals over the window, after the burn-in; the
// moments are formed from the ensemble of these, never as the variance of time averages. Trajectories start from two
// dispersed groups: those with even id at the study's initial state, those with odd id at dispersed_state(). If the groups'
// means differ beyond four of their errors, the answer carries the flag `not-mixed` with both values.
#pragma once

#include <functional>
#include <memory>

#include "kits/kinetics/process.h"
#include "kits/kinetics/ssa.h"
#include "kits/kinetics/watched.h"
#include "model/level.h"

namespace meso::kinetics {

/// @param slow_time  the network's slow time (1 / spectral gap), asked only for stationary questions without burn-in or window;
///                   where it is empty or gives nothing positive and finite, measured_slow_time() is taken instead
/// Initial counts that are drawn (Network::start_laws) come from the stream "<purpose>/initial".
/// Laws that depend on the time are simulated as a process (process_ssa.h), by exact thinning.
/// Option `max-events`: events per trajectory at which a run is stopped and flagged `diverged` (explosive networks).
[[nodiscard]] Level ssa_level(SharedNetwork network, std::function<double()> slow_time = {});

/// Any way to draw trajectories, for an ensemble of them as a level: what approximate and general simulations hand over.
struct Trajectories {
  SharedNetwork names;                  ///< names, time unit and (rounded) initial amounts of what is observed
  std::vector<char> fixed;        ///< per observed quantity: 1 if it never changes
  std::vector<double> largest;    ///< its upper bound, or infinity
  bool random_start = false;      ///< initial amounts are drawn per trajectory
  bool may_drop = false;          ///< SsaResult::dropped may be above zero: the answer says how often
  std::function<std::string(const std::string& observable)> unit;
  /// As Ssa::run_path: values at the times.
  std::function<SsaResult(std::span<const double> times, FastStream rng, const std::function<void(std::size_t, std::span<const double>)>& at, std::uint64_t max_events)> path;
  /// As Ssa::run_window. @throws StudyError where there are no time averages
  std::function<SsaResult(double burn_in, double window, FastStream rng, const std::function<void(std::span<const double>, double)>& hold, std::uint64_t max_events)> window;
  /// As Ssa::run_watch; empty where not every event is seen (then there are no first-passage times and no spectra).
  std::function<SsaResult(double end, FastStream rng, const Watch& watch, std::uint64_t max_events)> watch = {};
  /// Where trajectories start from drawn values: these very trajectories, from the start that belongs to the id.
  std::function<Trajectories(std::uint64_t seed, const std::string& purpose, std::uint64_t id)> drawn = {};
};
/// What a network says of them: all but `path` and `window`.
[[nodiscard]] Trajectories trajectories_of(const SharedNetwork& network);
/// @param make  the trajectories for a question (its options)
[[nodiscard]] Level trajectories_level(LevelInfo info, std::function<Trajectories(const Ask&)> make, std::function<double()> slow_time = {});

/// Level `ssa` of a process: process_ssa.h.
[[nodiscard]] Level process_ssa_level(const std::shared_ptr<const CompiledProcess>& model);

/// Longest integrated autocorrelation time of the species, from one trajectory with a fixed stream (Sokal's window,
/// 5 autocorrelation times), lengthened until it covers 100 of them or 2^23 events. A lower bound where the trajectory has
/// not seen all basins; `resolved` tells whether the length sufficed.
struct SlowTime {
  double value = 1;
  bool resolved = true;
};
[[nodiscard]] SlowTime measured_slow_time(const Ssa& ssa);

/// A start far from the initial state that the network's own reactions lead to (conservation laws hold). One species: the
/// stable state of the drift sum_r nu_r a_r(n) farthest from it in ratio, if there is another; else, and for
/// every species of several, three times the typical count, or a third of it where the initial count lies above it.
[[nodiscard]] std::vector<std::int64_t> dispersed_state(const Network& network, std::span<const double> typical);

}  // namespace meso::kinetics
