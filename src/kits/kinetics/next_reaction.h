// The next-reaction method: exact trajectories in which every reaction keeps the time at which it would fire next, in an indexed priority queue,
// and a firing touches only the reactions that depend on it (Gibson and Bruck 2000, doi:10.1021/jp993732q).
//
// Each reaction holds what is left of a unit exponential, worked off at the speed of its propensity (Anderson 2007, doi:10.1063/1.2799998): when the
// propensity changes, the rest stays and the firing time is the time plus the rest over the new propensity. That is Gibson and Bruck's rescaling, and
// also right through times at which the propensity is zero. One random number per firing; cost per firing O(dependents * log R).
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <utility>
#include <vector>

#include "kits/kinetics/network.h"
#include "kits/kinetics/ssa.h"
#include "kits/kinetics/watched.h"
#include "model/level.h"

namespace meso::kinetics {

/// Numbers 0 .. size - 1 with a key each, smallest key at the front: a binary heap that knows where each number sits.
class IndexedQueue {
 public:
  explicit IndexedQueue(std::vector<double> keys);
  [[nodiscard]] std::size_t front() const { return heap_.front(); }
  [[nodiscard]] double key(std::size_t item) const { return keys_[item]; }
  [[nodiscard]] std::size_t size() const { return heap_.size(); }
  void change(std::size_t item, double key);

 private:
  void up(std::size_t place);
  void down(std::size_t place);
  std::vector<double> keys_;         // by item
  std::vector<std::size_t> heap_, place_;  // items in heap order; where each item is
};

/// Simulates one network; const calls only, one object serves all threads.
class NextReaction {
 public:
  /// @throws ModelError  a rate law depends on the time t
  explicit NextReaction(SharedNetwork network);
  using At = std::function<void(std::size_t, std::span<const double>)>;
  using Hold = std::function<void(std::span<const double>, double)>;
  /// As Ssa::run_path, with initial counts of Network::start.
  SsaResult run_path(std::span<const double> times, FastStream rng, const At& at, std::uint64_t max_events = Ssa::default_max_events) const;
  /// As Ssa::run_window.
  SsaResult run_window(double burn_in, double window, FastStream rng, const Hold& hold, std::uint64_t max_events = Ssa::default_max_events) const;
  /// As Ssa::run_watch.
  SsaResult run_watch(double end, FastStream rng, const Watch& watch, std::uint64_t max_events = Ssa::default_max_events) const;

 private:
  template <class Held>
  SsaResult run(FastStream& rng, double end, Held&& held, std::uint64_t max_events) const;
  [[nodiscard]] double checked(std::size_t r, std::span<const double> x) const;
  SharedNetwork network_;
  Propensities propensities_;
};

/// Level `next-reaction`: exact, the law of `ssa`. Its only option is max-events.
[[nodiscard]] Level next_reaction_level(SharedNetwork network, std::function<double()> slow_time = {});

}  // namespace meso::kinetics
