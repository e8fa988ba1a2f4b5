// Approximate trajectories of a network in leaps over many reactions. One engine, three levels: tau-leaping (Poisson numbers of firings), the
// chemical Langevin equation (normal ones) and the hybrid (normal ones for fast reactions, slow ones exact, one at a time).
//
// Leap: the weak trapezoidal method, theta = 1/2. With a the propensities at the start, firings over the first half have rates a; at the state y that they
// lead to, firings over the second half have rates (2 a(y) - a)^+. Weak order 2: Anderson and Koyama 2012, doi:10.1137/110849699, for Poisson
// numbers; Anderson and Mattingly 2011, doi:10.4310/CMS.2011.v9.n1.a15, for normal ones. Reactions that fire one at a time do so when
// the integral of the same piecewise constant rates reaches a unit exponential, and end the leap, which is then drawn anew for that time.
//
// Step: no propensity may change by more than about `epsilon` relative to itself during a leap. With mu_i and sigma_i^2 the drift and variance of the
// change of reactant i per time, f_i its turnover sum_r |nu_ir| a_r, and g_i the highest order in which it reacts,
//   tau = min_i { max(epsilon n_i / g_i, 1) / |mu_i|, max(epsilon n_i / g_i, 1)^2 / sigma_i^2, max(min(8 epsilon, 1) n_i / g_i, 1) / f_i }.
// The first two are Cao, Gillespie and Petzold 2006, doi:10.1063/1.2159468, eqs 27 and 33. Near equilibrium, where mu vanishes, they alone let leaps
// grow to the relaxation time; the third holds them to h = k tau <= 4 epsilon there, where the variance is wrong by h^3 / 8 (a death rate k).
// Rate laws that are formulas count with their local order |d log a / d log n_i|.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "kits/kinetics/network.h"
#include "kits/kinetics/ssa.h"
#include "model/level.h"

namespace meso::kinetics {

struct LeapOptions {
  double epsilon = 0.1;
  /// Tau-leaping: a reaction that could exhaust a reactant within this many firings is critical and fires one at a time.
  int critical = 10;
  /// Langevin: what is done about amounts below zero. `truncated-rates`: they may be negative, propensities see max(n, 0);
  /// `reflected`: they are reflected at zero after each step (conservation laws may break).
  bool reflected = false;
  /// Hybrid: a reaction is fast while every species that it changes has at least `fast_count` molecules, and a leap holds at least
  /// `fast_firings` of its firings (Salis and Kaznessis 2005, doi:10.1063/1.1835951, eqs 10 and 11).
  double fast_count = 100, fast_firings = 10;
};

/// What trajectories were made of.
struct LeapTally {
  std::uint64_t leaps = 0;     ///< leaps that stand
  std::uint64_t redrawn = 0;   ///< leaps that would have made an amount negative
  std::uint64_t singles = 0;   ///< firings one at a time within leaps
  std::uint64_t exact = 0;     ///< firings of the direct method, between leaps
  double leaped = 0;           ///< firings in leaps: their number, or its mean where it is a real one
  double time = 0, time_below = 0;  ///< simulated; with some amount below zero (Langevin)
  std::size_t lowest_species = 0;   ///< where it was lowest
  double lowest = 0;
  [[nodiscard]] double firings() const { return leaped + static_cast<double>(singles + exact); }
};

/// Trajectories by leaps; const calls only, one object serves all threads.
class Leaping {
 public:
  enum class Kind { tau, langevin, hybrid };
  /// @throws ModelError  rates that depend on the time, bursts
  Leaping(SharedNetwork network, Kind kind, LeapOptions options);
  using At = std::function<void(std::size_t, std::span<const double>)>;
  using Hold = std::function<void(std::span<const double>, double)>;
  /// As Ssa::run_path. `events` counts leaps and single firings.
  ///
  /// Tau-leaping and the hybrid never make an amount negative: a leap that would is drawn again at half the length. Where fewer than 10 firings
  /// are expected before a leap ends, 100 exact ones are simulated instead (direct method).
  /// The hybrid's amounts are real numbers where fast reactions change them. When one stops being fast, the number of its firings is rounded up or
  /// down at random, with the same mean: conservation laws hold, and counts of a network without fast reactions are whole.
  SsaResult run_path(std::span<const double> times, FastStream rng, const At& at, std::uint64_t max_events, LeapTally* tally = nullptr) const;
  /// Time-weighted: half of a leap with the state at its start, half with the one at its end.
  SsaResult run_window(double burn_in, double window, FastStream rng, const Hold& hold, std::uint64_t max_events) const;

 private:
  struct State;
  enum class Role : char { leaped, single };
  void propensities(State& s, const std::vector<double>& at, std::vector<double>& a) const;
  [[nodiscard]] double step(State& s) const;
  [[nodiscard]] std::size_t choose(const State& s, const std::vector<double>& rates, double total, bool singles_only, FastStream& rng) const;
  void fire(std::size_t r, std::vector<double>& x) const;
  void round_extents(State& s, bool all, FastStream& rng) const;
  void assign_roles(State& s) const;
  template <class Stop, class Held>
  SsaResult run(FastStream& rng, double end, Stop&& stop_after, Held&& held, std::uint64_t max_events, LeapTally& tally) const;
  [[nodiscard]] double checked(std::size_t r, std::span<const double> x) const;

  SharedNetwork network_;
  Propensities propensities_;
  Kind kind_;
  LeapOptions options_;
  std::vector<std::size_t> change_begin_;                     ///< per reaction: its net changes in changes_
  std::vector<std::pair<std::size_t, double>> changes_;
  std::vector<std::vector<std::size_t>> laws_of_;             ///< per species: reactions with a formula of it
  std::vector<double> order_;                                 ///< per species: highest order of mass-action reactions with one of it (0: none)
  std::vector<std::vector<std::pair<int, int>>> own_orders_;  ///< per species: (order, own molecules) of those with two or more of it
  std::vector<char> reactant_;
};

/// Level `tau-leap`. Options: epsilon, critical, offer.
///
/// Offered where it pays: one trajectory with a fixed stream tells how many leaps it takes for how many reactions, and a fixed table of costs (leaping.cpp,
/// measured by bench/network_bench) whether that is at least 1.25 times faster than exact simulation. Where it is not, the answer holds no estimates and one flag
/// `not-offered` that says why; `offer = "always"` leaps anyway.
[[nodiscard]] Level tau_leap_level(SharedNetwork network, std::function<double()> slow_time = {});
/// Level `cle`: chemical Langevin equation (Gillespie 2000, doi:10.1063/1.481811), with the leaps and the step control above. Options: epsilon,
/// positivity = "truncated-rates" | "reflected". Warns (flag `small-counts`) where amounts fall below zero.
[[nodiscard]] Level langevin_level(SharedNetwork network, std::function<double()> slow_time = {});
/// Level `hybrid`. Options: epsilon, fast-count, fast-firings. The partition follows the state, by the two thresholds alone; says what share of the
/// reactions was leaped over, and that all were exact where none was fast.
[[nodiscard]] Level hybrid_level(SharedNetwork network, std::function<double()> slow_time = {});

}  // namespace meso::kinetics
