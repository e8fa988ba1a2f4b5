// Exact trajectories of a process: reactions jump, rate rules flow between the jumps, events happen when their condition says so
// (piecewise-deterministic Markov process, Davis 1984, doi:10.1111/j.2517-6161.1984.tb01308.x).
//
// Between jumps nothing is approximated where it can be avoided:
// - rates that do not depend on the time: exponential waits (direct method);
// - delayed reactions: completions wait in a queue; a wait that a completion cuts short is drawn again, as the exponential law has no
//   memory (Cai 2007, doi:10.1063/1.2710253: the direct method with delays has the same law);
// - rates that depend on the time: thinning under bounds from interval arithmetic, so that no rate can exceed its bound
//   (Lewis and Shedler 1979, doi:10.1002/nav.3800260304);
// - conditions of the time: the first double at which they change (num/interval.h);
// - rate rules: the integrated hazard is solved together with them until it reaches an exponential number, relative tolerance 1e-9.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "kits/kinetics/process.h"
#include "kits/kinetics/process_ode.h"
#include "kits/kinetics/ssa.h"
#include "kits/kinetics/watched.h"

namespace meso::kinetics {

class ProcessSsa {
 public:
  /// @throws ModelError  amounts that are no counts: in mole, not whole at the start, changed by fractions
  explicit ProcessSsa(std::shared_ptr<const CompiledProcess> model);
  using At = std::function<void(std::size_t, std::span<const double>)>;
  using Hold = std::function<void(std::span<const double>, double)>;
  /// States at t = 0 of a trajectory: counts from the stream "<purpose>/initial", constants from "<purpose>/extrinsic". Empty if nothing is drawn.
  [[nodiscard]] std::vector<double> start(std::uint64_t seed, const std::string& purpose, std::uint64_t id) const;
  /// One trajectory, from `start` or from the initial state if that is empty; at(i, observed) with the values at times[i], after the events of that moment. Errors as Ssa::run_path.
  SsaResult run_path(std::span<const double> times, FastStream rng, const At& at, std::uint64_t max_events = Ssa::default_max_events, std::span<const double> start = {}) const;
  /// One trajectory over burn_in + window; hold(observed, dt) within the window. For processes that only jump.
  SsaResult run_window(double burn_in, double window, FastStream rng, const Hold& hold, std::uint64_t max_events = Ssa::default_max_events, std::span<const double> start = {}) const;
  /// One trajectory up to `end`: watch(t, observed) for every state with the time at which it was entered; true ends it. For processes that only jump.
  SsaResult run_watch(double end, FastStream rng, const Watch& watch, std::uint64_t max_events = Ssa::default_max_events, std::span<const double> start = {}) const;
  /// True if something moves between jumps (rate rules, or rules of the time): no time averages then.
  [[nodiscard]] bool flows() const { return flows_; }
  [[nodiscard]] const CompiledProcess& model() const { return *model_; }
  /// True if completions of delayed reactions may lack molecules (SsaResult::dropped).
  [[nodiscard]] bool may_drop() const;

 private:
  struct Channel {
    std::string text;
    Program rate;
    num::IntervalProgram bounds;
    std::vector<std::pair<std::size_t, double>> change;
    std::vector<std::pair<std::size_t, Program>> varying;
    double sign = 1;                       ///< of the varying ones
    bool timed = false;
    std::vector<std::size_t> dependents;   ///< channels whose rate changes when this one fires
    std::optional<Delay> delay = {};
    std::vector<std::size_t> dependents_at_end = {};  ///< ... when it completes
  };
  struct Sink {
    double end = 0;
    std::function<void(double from, double to, std::vector<double>& slots)> span;   ///< the state holds on [from, to)
    std::function<void(std::vector<double>& slots)> settled;                        ///< at `time()` nothing more happens
  };
  SsaResult run(FastStream rng, Sink& sink, std::span<const double> times, std::size_t& next, const At& at, std::uint64_t max_events, std::span<const double> start) const;
  [[nodiscard]] double checked(std::size_t c, std::span<const double> slots) const;
  [[nodiscard]] std::string state_text(std::span<const double> slots) const;
  void observe(std::span<const double> slots, std::vector<double>& values) const;

  std::shared_ptr<const CompiledProcess> model_;
  ContinuousPart flow_;
  std::vector<Channel> channels_;
  std::vector<std::size_t> timed_;
  bool flows_ = false, flips_of_time_alone_ = true;
};

}  // namespace meso::kinetics
