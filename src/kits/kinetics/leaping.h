// Approximate trajectories of a network in leaps over many reactions: tau-leaping (Poisson numbers of firings) and the chemical Langevin
// equation (normal ones), with one step control.
//
// Step: every propensity may change by about `epsilon` relative to itself during a leap. With f_i = sum_r |nu_ir| a_r the turnover of
// reactant i and sigma_i^2 the variance of its change per time,
//   tau = min_i { max(epsilon n_i / g_i, 1) / f_i,  max(epsilon n_i / g_i, 1)^2 / sigma_i^2 },
// g_i the highest order in which i reacts (Cao, Gillespie and Petzold 2006, doi:10.1063/1.2159468, eqs 27 and 33). The paper has the net drift
// where f_i stands; near equilibrium that vanishes, leaps grow to the relaxation time h = k tau and the variance comes out too
// large by 1/(1 - h/2): 28 % for 1,000 molecules at epsilon = 0.03. With the turnover the error is of order epsilon there too.
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
  double epsilon = 0.05;
  /// Tau-leaping: a reaction that could exhaust a reactant within this many firings is critical and fires one at a time.
  int critical = 10;
  /// Langevin: what is done about amounts below zero. `truncated-rates`: they may be negative, propensities see max(n, 0);
  /// `reflected`: they are reflected at zero after each step (conservation laws may break).
  bool reflected = false;
};

/// Trajectories by leaps; const calls only, one object serves all threads.
class Leaping {
 public:
  enum class Kind { tau, langevin };
  /// @throws ModelError  rates that depend on the time, bursts
  Leaping(const Network& network, Kind kind, LeapOptions options);
  using At = std::function<void(std::size_t, std::span<const double>)>;
  using Hold = std::function<void(std::span<const double>, double)>;
  /// As Ssa::run_path. `events` counts leaps and single firings.
  ///
  /// Tau-leaping never makes an amount negative: a leap that would is drawn again at half the length, and where a leap would hold fewer
  /// than 10 firings, 100 exact ones are simulated instead (direct method).
  SsaResult run_path(std::span<const double> times, FastStream rng, const At& at, std::uint64_t max_events) const;
  /// Time-weighted: the state at the start of a leap holds over it.
  SsaResult run_window(double burn_in, double window, FastStream rng, const Hold& hold, std::uint64_t max_events) const;

 private:
  struct State {
    std::vector<double> x, seen, a, mean, square, trial, counts;
    std::vector<char> critical;
  };
  void propensities(State& s) const;
  [[nodiscard]] double step(State& s) const;
  template <class Stop, class Held>
  SsaResult run(FastStream& rng, double end, Stop&& stop_after, Held&& held, std::uint64_t max_events) const;
  [[nodiscard]] double checked(std::size_t r, std::span<const double> x) const;

  Network network_;
  Propensities propensities_;
  Kind kind_;
  LeapOptions options_;
  std::vector<std::vector<std::pair<std::size_t, std::size_t>>> laws_of_;  ///< per species: (law, its position)
  std::vector<std::vector<int>> order_, own_;   ///< per species: orders of mass-action reactions it takes part in, and its own molecules in them
  std::vector<char> reactant_;
};

/// Level `tau-leap`. Options: epsilon, critical.
[[nodiscard]] Level tau_leap_level(const Network& network);
/// Level `cle`: chemical Langevin equation (Gillespie 2000, doi:10.1063/1.481811), Euler-Maruyama with the step control above. Options: epsilon,
/// positivity = "truncated-rates" | "reflected".
[[nodiscard]] Level langevin_level(const Network& network);

}  // namespace meso::kinetics
