// Continuous-time Markov chains on a finite set: transient laws, stationary laws, closed classes, spectral gap.
//
// Convention: dp/dt = A p with A = Q^T, so a *column* of A is a source state. `leak` is the rate at which a state leaves
// the set for ever; the columns of A sum to -leak. Probabilities are column vectors of length n.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace meso::num {

/// Sparse generator by source: transitions of state j are [start[j], start[j + 1]) of `target` and `rate` (rates > 0,
/// target != j). The diagonal is implied: exit(j) = sum of rates + leak.
struct Generator {
  std::vector<std::size_t> start{0};
  std::vector<std::uint32_t> target;
  std::vector<double> rate;
  std::vector<double> leak;
  [[nodiscard]] std::size_t size() const { return leak.size(); }
  [[nodiscard]] double exit(std::size_t j) const;
  /// Largest |target - source|.
  [[nodiscard]] std::size_t bandwidth() const;
};

/// Closed communicating classes (strongly connected components without a transition out of them; a leak does not count
/// as one, because what lies beyond a truncated set is unknown). Tarjan (1972), doi:10.1137/0201010, without recursion.
/// @returns each class as ascending state indices; classes by their first state
[[nodiscard]] std::vector<std::vector<std::uint32_t>> closed_classes(const Generator& generator);

/// The part of a generator on `states` (ascending): transitions to others are dropped (reflecting), not leaked.
[[nodiscard]] Generator restricted(const Generator& generator, std::span<const std::uint32_t> states);

/// exp(h A) p by uniformisation: p(h) = sum_k Poisson(k; rate h) P^k p with P = I + A / rate.
///
/// Every term is non-negative and the series is cut on both sides, so that each entry is a lower bound of the exact one
/// (up to rounding) and the whole error in the 1-norm is the mass that is missing afterwards. Cost: about
/// (rate h + 8 sqrt(rate h)) sparse products.
/// Source: Grassmann (1977), doi:10.1016/0305-0548(77)90007-7; Fox and Glynn (1988), doi:10.1145/42404.42409.
class Uniformised {
 public:
  explicit Uniformised(const Generator& generator);
  /// Uniformisation rate: the largest exit rate.
  [[nodiscard]] double rate() const { return rate_; }
  /// @param p        in: law at the start; out: law after time h (what leaked is missing)
  /// @param cut      Poisson mass that may be cut off
  /// @param leaked   if not empty: += probability that left through each state (integral of leak_j p_j)
  void advance(std::span<double> p, double h, double cut, std::span<double> leaked = {});

 private:
  double rate_ = 0;
  std::vector<double> stay_, leak_, weight_;
  // By target, in blocks of rows: entry e of row r of block b at block_[b] + e rows + r, so that rows are independent sums. Short rows end in zeros.
  std::vector<std::size_t> block_;
  std::vector<std::uint32_t> source_;
  std::vector<double> value_;             // rate / rate_
  std::vector<double> x_, y_;
};

/// Poisson probabilities k = first .. first + size - 1 with at most `cut` of the mass outside.
struct PoissonWindow {
  std::size_t first = 0;
  std::vector<double> weight;
};
[[nodiscard]] PoissonWindow poisson_window(double mean, double cut);

/// exp(t A) p for a banded stiff generator: the (4,5) Padé approximant of the exponential (L-stable, order 9) in partial
/// fractions, steps chosen by step doubling. All five poles lie in the right half plane, where the resolvent of a
/// generator is bounded in the 1-norm, and I - h A / z is column diagonally dominant, so that the band is factorised
/// without pivoting. Because exp(t A) contracts the 1-norm, local errors simply add up.
/// Source: Ehle (1969); Hairer and Wanner, Solving Ordinary Differential Equations II, IV.3 and IV.13.
class BandedExponential {
 public:
  explicit BandedExponential(const Generator& generator);
  /// @param p          in: law at the start, out: after time t. Entries may be negative by the size of the error.
  /// @param tolerance  1-norm error allowed over the whole of t
  /// @param step       in: first step to try (0: 1 / largest exit rate); out: last good one
  /// @returns estimated 1-norm error
  double advance(std::span<double> p, double t, double tolerance, double& step);
  [[nodiscard]] std::size_t solves() const { return solves_; }

 private:
  void apply(std::span<const double> p, double h, std::vector<double>& out);
  std::size_t n_ = 0, lower_ = 0, upper_ = 0, solves_ = 0;
  double rate_ = 0;
  std::vector<double> band_;              // band_[j * (lower + upper + 1) + (i - j + upper)] = A(i, j)
  std::vector<double> re_, im_, xr_, xi_, full_, half_, twice_;
};

/// Stationary law of an irreducible generator (leaks ignored) by the Grassmann-Taksar-Heyman elimination: no subtraction,
/// so every entry, however small, has a relative accuracy near rounding. Cost n bandwidth^2.
/// Source: Grassmann, Taksar, Heyman (1985), doi:10.1287/opre.33.5.1107; O'Cinneide (1993), doi:10.1007/BF01385729.
[[nodiscard]] std::vector<double> stationary_gth(const Generator& generator);

/// Quasi-stationary law of a leaking generator: the leading eigenvector, A law = -decay_rate law, law > 0, summing to 1. The law given that
/// nothing has leaked tends to it, whatever the (irreducible) chain started from.
struct QuasiStationary {
  std::vector<double> law;
  double decay_rate = 0;       ///< sum of leak_j law_j: all terms positive, so that tiny rates keep their digits
  double correction = 0;       ///< 1-norm of the last step's change, divided by 1 - (its ratio to the one before): what is left of the error
  std::size_t iterations = 0;
};
/// Inverse iteration: law <- -A^-1 law is a positive map that contracts by decay_rate / (next decay rate).
/// Source: Méléard and Villemonais (2012), doi:10.1214/11-PS191, theorem 8.
/// @throws NumericalBreakdown if nothing leaks (the law is stationary then), or if 10,000 steps do not settle it to 1e-10
[[nodiscard]] QuasiStationary quasi_stationary(const Generator& generator);

}  // namespace meso::num
