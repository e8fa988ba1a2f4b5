// Level `fsp`: the chemical master equation on a finite set of states that grows where probability leaks (finite state
// projection), over time and at stationarity, with the bound that belongs to each number.
//
// What is certified and what is not: the mass that was lost on the way bounds every transient probability and sum of
// probabilities (Munsky and Khammash 2006, doi:10.1063/1.2145882); it bounds no mean, because lost mass may sit at any
// count, and a stationary law on a finite set has no lost mass at all. So moments are compared with a coarser run or a
// smaller set (`estimated`), except for one-step one-species networks of mass action, whose product formula has a
// geometric tail bound.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kits/kinetics/fsp_space.h"
#include "model/level.h"

namespace meso::kinetics {

enum class FspSolver {
  automatic,       ///< implicit where its multiplications, counted beforehand, are below a third of those of uniformisation; else uniformisation
  uniformisation,  ///< probabilities certified
  implicit         ///< Krylov spaces of the resolvent (num/shift_invert.h), solver error estimated
};

struct FspOptions {
  std::size_t max_states = 1000000;
  double max_memory = 4e9;  ///< bytes; a set that would need more is refused as if it had more than max_states
  double tolerance = 1e-9;  ///< mass that may be lost over a whole transient; relative change of moments at stationarity
  FspSolver solver = FspSolver::automatic;
  std::function<void(double)> progress = {};  ///< fraction done; may throw
  const StateSpace* known = nullptr;          ///< a set that a transient of this network has been found to need: implicit steps start from it
};

/// Bytes that a transient needs per state, apart from the factors of implicit steps: counts, index, generator twice, vectors.
[[nodiscard]] double transient_bytes(const Network& network);

/// Moments of a law: mean (S), covariance (S x S), third and fourth cumulants (S) and one marginal per species, on
/// counts first[s] .. first[s] + marginal[s].size() - 1. All of the normalised law.
struct LawMoments {
  std::vector<double> mean, covariance, cumulant3, cumulant4;
  std::vector<std::int32_t> first;
  std::vector<std::vector<double>> marginal;  ///< not normalised: lower bounds where the law is one
};
[[nodiscard]] LawMoments law_moments(const StateSpace& space, std::span<const double> p);

/// What is known at one output time.
struct FspState {
  double time = 0;
  const StateSpace* space = nullptr;
  std::span<const double> p;  ///< sums to 1 - (what was lost)
  double lost = 0;            ///< certified bound of the 1-norm error, if solver_error is 0
  double solver_error = 0;    ///< estimated 1-norm error of the implicit solver; 0 for uniformisation
};

struct FspSummary {
  std::size_t states = 0;     ///< largest set used
  double lost = 0;
  bool certified = true;      ///< uniformisation throughout
  std::optional<double> truncated_at;  ///< time at which the lost mass passed the tolerance and the set could not grow
  std::string limit;          ///< which limit stopped it: "1,000 states (max-states)" or "..., 12 MB of 10 MB (max-memory)"
  std::string method;         ///< "uniformisation, 2,300 products", "implicit, 96 solutions (uniformisation: about 1.1e+05 products)"
  std::shared_ptr<const StateSpace> set;  ///< of the last implicit steps, see FspOptions::known
};

/// Law of the network at each of `times` (increasing, >= 0) from its initial counts or their law; `visit` is called once per time until
/// the set would have to exceed max_states or max_memory.
/// @throws ModelError a propensity that is negative, not finite or depends on time
FspSummary fsp_transient(const MasterEquation& equation, std::span<const double> times, const FspOptions& options,
                         const std::function<void(const FspState&)>& visit);
/// The same from a law. @throws ModelError  no states, counts that are not S or negative, probabilities negative or above 1 in all
FspSummary fsp_transient(const MasterEquation& equation, const StartLaw& start, std::span<const double> times, const FspOptions& options,
                         const std::function<void(const FspState&)>& visit);

/// Stationary law of the closed class that the initial state leads to.
struct FspStationary {
  enum class Status { found, absorbing, several_classes, truncated };
  Status status = Status::found;
  std::string text;             ///< what is wrong, with states named
  StateSpace space;             ///< states of the closed class, truncated
  std::vector<double> p;
  LawMoments moments;
  LawMoments error;             ///< bound of each number of `moments` (marginals: one bound per entry)
  bool certified = false;       ///< product formula with a geometric tail bound
  double boundary = 0;          ///< largest marginal probability at the edge of the truncated set
  std::string method;           ///< "product formula", "elimination", ...
  /// Slowest non-zero relaxation rate on this set.
  [[nodiscard]] std::optional<double> gap() const;

  std::function<std::optional<double>()> gap_;  ///< how; set by fsp_stationary
};
[[nodiscard]] FspStationary fsp_stationary(const MasterEquation& equation, const FspOptions& options);

/// 1 / spectral gap of the master equation, in the network's time unit: the default burn-in and window of stationary
/// questions are 10 and 50 of these. Nothing if the truncated set would exceed max_states (4000 in two species take about
/// 0.1 s; one-step one-species networks are taken up to 100 times as many), or the network has no unique stationary law.
[[nodiscard]] std::optional<double> slow_time(const Network& network, std::size_t max_states = 4000);

/// Modes of a marginal law that a reader should know about.
struct Bimodality {
  std::vector<std::int32_t> modes;  ///< at least two, ascending
};
/// Peaks count as different modes if the law between them falls below 3/4 of the lower peak and each of their basins (cut at
/// the lowest point between) holds at least 1 % of the probability. Counts that the law cannot take (odd ones of a network that makes pairs) are left out.
[[nodiscard]] std::optional<Bimodality> bimodality(std::int32_t first, std::span<const double> marginal);

/// States that a solution is expected to need, from 16 pilot trajectories of at most 20,000 events (fixed streams), their
/// ranges widened by half. For --dry-run and for the rule of level `exact`; the solver itself does not use it.
struct FspPlan {
  double states = 0;
  double uniformised_steps = 0;  ///< largest exit rate times duration; 0 for stationary questions
  bool one_step = false;         ///< one species, net changes of +-1
  std::size_t dimensions = 1;    ///< species minus conservation laws
};
[[nodiscard]] FspPlan fsp_plan(const Network& network, const Ask& ask);

/// The static rule of the pseudo level `exact`: fsp where it is cheap and sure, else ssa.
struct ExactRule {
  std::string level;  ///< "fsp" or "ssa"
  std::string why;    ///< "fsp: about 61 states (limit 300,000)"
};
[[nodiscard]] ExactRule exact_rule(const Network& network, const Ask& ask);

/// The level as the waist wants it. Options: max-states, tolerance, solver.
[[nodiscard]] Level fsp_level(SharedNetwork network);

}  // namespace meso::kinetics
