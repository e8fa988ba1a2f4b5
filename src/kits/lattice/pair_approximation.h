// The pair (Bethe) approximation of a model with exclusion, in any dimension: densities and nearest-neighbour pairs, with the third
// site of a chain r - s - t seen through its neighbour alone, P(r, s, t) = P(r, s) P(s, t)/P(s).
//
// With ordered pairs P(s, t) = P(t, s), K(x, y -> a, b) the rate of an ordered bond and k(x -> a) that of a site,
//   dP(a, b)/dt = sum K(x, y -> a, b) P(x, y) - P(a, b) sum K(a, b -> ., .)
//               + sum_x [k(x -> a) + (z - 1) w(x -> a)] P(x, b) - P(a, b) sum_x [k(a -> x) + (z - 1) w(a -> x)]  + the same for b,
//   w(s -> s') = sum_r P(s, r)/P(s) sum_r' K(s, r -> s', r'):
// a site of the bond changes by one of its z - 1 other bonds. Exact where sites never interact and on a tree as far as the closure is.
// Source: Matsuda, Ogita, Sasaki, Sato (1992), doi:10.1143/ptp/88.6.1035; ben-Avraham and Köhler (1992), doi:10.1103/PhysRevA.45.8358.
#pragma once

#include <complex>
#include <optional>
#include <span>
#include <vector>

#include "kits/lattice/rules.h"
#include "model/level.h"
#include "num/ode.h"

namespace meso::lattice {

class PairApproximation {
 public:
  /// @throws ModelError for a bosonic model
  explicit PairApproximation(const Model& model);
  /// Unordered pairs s <= t in the order (0,0), (0,1), ..., (0,S), (1,1), ...: the variables P(s, t).
  [[nodiscard]] std::size_t size() const { return states_ * (states_ + 1) / 2; }
  [[nodiscard]] std::size_t states() const { return states_; }
  [[nodiscard]] std::size_t index(State s, State t) const;
  [[nodiscard]] double density(std::span<const double> p, State s) const;
  /// Pairs of independent sites of these densities (of the species).
  [[nodiscard]] std::vector<double> independent(std::span<const double> density) const;
  /// The model's own initial condition.
  [[nodiscard]] std::vector<double> initial() const;
  void rhs(std::span<const double> p, std::span<double> dpdt) const;
  [[nodiscard]] OdeProblem problem() const;

  struct Stationary {  ///< a stationary state
    std::vector<double> p;
    std::vector<std::complex<double>> eigenvalues;  ///< without the zeros of conserved quantities; largest real part first; none if a state died out
    bool stable = false;
    double bound = 0;                               ///< |rhs| there, times the slowest time
  };
  /// Follows the equations from `start` until nothing moves (|dp/dt| < 1e-12 of the fastest rate).
  /// @returns nothing if something still moves after 1e7 of the fastest times
  [[nodiscard]] std::optional<Stationary> settle(std::span<const double> start) const;

 private:
  struct Channel {
    std::size_t from, to;  // ordered pairs x * states + y
    double rate;
  };
  std::size_t states_ = 0;
  double z_ = 2, fastest_ = 0;
  std::vector<Channel> bonds_;
  std::vector<double> site_;  // k(x -> a), [x * states + a]
  std::vector<double> start_;
};

/// Level `pair-approximation`: <s>.density and <s>.<t>.pairs.
[[nodiscard]] Level pair_approximation_level(const Model& model, const std::string& parent);

}  // namespace meso::lattice
