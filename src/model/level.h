// Level: one description of a case, with ONE callable. No step, no state in the shared interface.
#pragma once

#include <complex>
#include <concepts>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "model/ask.h"
#include "model/ensemble.h"
#include "model/schema.h"
#include "stat/estimate.h"

namespace meso {

enum class Rung { micro, master, moments, mean_field, surrogate };
[[nodiscard]] const char* to_text(Rung rung);

/// Everything optional is a field with a default, never a virtual.
struct LevelInfo {
  std::string name;
  Rung rung = Rung::micro;
  std::string doc;                       ///< one sentence for `meso info`
  std::string parent, approximation;     ///< empty for micro: the level above on the ladder, and what was given up on that step
  std::string small_parameter;           ///< parameter in which the error should vanish, e.g. "1/volume"
  double expected_order = 0;             ///< expected order in it; 0: none stated
  std::string source;                    ///< paper, equation
  std::vector<ParameterInfo> options;    ///< the level's own options
  bool sampled = false;                  ///< needs trajectories
  std::uint64_t grain = 1;               ///< sampled: trajectories computed together, a power of two
};

/// Something the reader must know about an answer. Fatal: the entry is `broken` (VERDICT section 5).
/// Kinds in use: negative-mean, negative-variance, covariance-not-psd, diverged, no-stable-state, step-collapse,
/// undamped-oscillation, several-stable-states, no-law (fatal); not-realisable, not-mixed, bimodal, truncated, note (warnings).
struct Flag {
  std::string kind;
  std::string observable;                ///< "" touches every observable of the level
  std::map<std::string, double> where;   ///< e.g. {"t", 3.21}
  std::string text;                      ///< the equation and the time: "Var(X) = -4.7 < 0 at t = 3.21"
  bool fatal = false;
};

/// A stationary state of a solved level.
struct SteadyState {
  std::map<std::string, double> value;   ///< observable -> value
  bool reached = false;                  ///< the one reached from the study's initial condition
  bool stable = false, physical = true;
  std::vector<std::complex<double>> eigenvalues;  ///< of the Jacobian there, largest real part first
};

struct Answer {
  std::vector<Estimate> estimates;
  std::vector<Flag> flags;
  std::vector<SteadyState> steady_states;
  std::vector<Path> paths;               ///< a few sample paths, for the report
  std::vector<Portrait> portraits;       ///< if the ask wants them; at most 250,000 values each
  std::string why;                       ///< for level `exact`: which level answered and by which rule; "61 states"
  [[nodiscard]] const Estimate* find(std::string_view observable) const;
};

/// A steady state on a branch, at one value of the continuation parameter.
struct BranchPoint {
  double parameter = 0;
  std::map<std::string, double> value;   ///< observable -> value; NaN where the state defines none (Fano factor of a zero mean)
  bool stable = false, physical = true;
  std::complex<double> leading;          ///< eigenvalue of the Jacobian with the largest real part (of a pair: the one with positive imaginary part)
};

/// A point where a branch changes its nature, located to `error`.
struct SpecialPoint {
  std::string kind;                      ///< "fold", "hopf", "branch-point", "unphysical" (physicality changes), "end" (the branch ends inside the range)
  double parameter = 0, error = 0;       ///< error: absolute, estimated
  std::map<std::string, double> value;
  double frequency = 0;                  ///< hopf: angular frequency of the critical pair
  std::string text = {};                 ///< what changes there: "loses stability", "Var(X) turns negative", ...
};

/// A curve of steady states, points in order along it: the parameter need not be monotone.
struct Branch {
  std::vector<BranchPoint> points;
  std::vector<SpecialPoint> special;     ///< in order along the branch
  std::string text;                      ///< where it was found and how it ends
};

/// Asks for the branches of steady states of a level over a range of one of the system's real parameters.
struct BranchAsk {
  std::string parameter;
  double from = 0, to = 0;               ///< from < to
  bool log = false;                      ///< steps in the logarithm of the parameter; from > 0
  std::vector<std::string> observables;  ///< those the level does not have are left out
  Table options;                         ///< the level's own options
  std::function<void()> between = {};    ///< called now and then; may throw Cancelled
};

struct Level {
  LevelInfo info;
  /// @throws Cancelled from context.progress. Anything numerical that goes wrong is a Flag, not an exception.
  std::function<Answer(const Ask&, Context&)> run;
  /// Cost estimate for --dry-run: free text lines ("states 1,200", "expected events 4.4e4 per trajectory"); may be empty.
  std::function<std::vector<std::string>(const Ask&)> plan = {};
  /// Closed equations as text or LaTeX for `meso equations`; may be empty.
  std::function<std::string(const Table& options, bool latex)> equations = {};
  /// Branches of steady states, for bifurcation diagrams; empty for levels that have none.
  /// @throws ParameterError  a parameter that is unknown, not real or out of range
  std::function<std::vector<Branch>(const BranchAsk&)> branches = {};
};

/// A level's author gives one of these shapes; level_of() wraps it.
/// Sampled: declares its plan for an ask, and one trajectory.
template <class L>
concept SampledLevel = requires(const L level, const Ask& ask, const Plan& plan, std::uint64_t trajectory, std::uint64_t seed, const std::string& purpose, Tape& tape) {
  { level.plan(ask) } -> std::same_as<Plan>;
  { level.sample(ask, plan, seed, purpose, trajectory, tape) } -> std::same_as<void>;
};
/// Sampled in batches: trajectories [first, first + tapes.size()) at once, e.g. in the lanes of one register.
template <class L>
concept BatchSampledLevel = requires(const L level, const Ask& ask, const Plan& plan, std::uint64_t first, std::uint64_t seed, const std::string& purpose, std::span<Tape> tapes) {
  { level.plan(ask) } -> std::same_as<Plan>;
  { level.sample_batch(ask, plan, seed, purpose, first, tapes) } -> std::same_as<void>;
};
/// A sampled level that can draw: runs trajectory 0 (its streams, its bits) once more and keeps the picture.
template <class L>
concept DrawsPortraits = requires(const L level, const Ask& ask, const Plan& plan, std::uint64_t seed, const std::string& purpose) {
  { level.portraits(ask, plan, seed, purpose) } -> std::same_as<std::vector<Portrait>>;
};
/// Solved: deterministic or self-averaging; gives estimates itself.
template <class L>
concept SolvedLevel = std::invocable<L, const Ask&, Context&> && std::same_as<std::invoke_result_t<L, const Ask&, Context&>, Answer>;

/// The callable of a sampled level: its ensemble through the engine, as an Answer. `finish` may look at the result and add flags.
template <class L>
[[nodiscard]] std::function<Answer(const Ask&, Context&)> sampled(L level, std::uint64_t grain, std::function<void(const Ask&, const EnsembleResult&, Answer&)> finish = {}) {
  static_assert(SampledLevel<L> || BatchSampledLevel<L>);
  return [level = std::move(level), grain, finish = std::move(finish)](const Ask& ask, Context& context) {
    const Plan plan = level.plan(ask);
    const std::uint64_t seed = context.seed();
    const std::string purpose = context.purpose();
    BatchSample batch;
    if constexpr (BatchSampledLevel<L>)
      batch = [&](std::uint64_t first, std::span<Tape> tapes) { level.sample_batch(ask, plan, seed, purpose, first, tapes); };
    else
      batch = one_by_one([&](std::uint64_t k, Tape& tape) { level.sample(ask, plan, seed, purpose, k, tape); });
    EnsembleResult result = context.ensemble("", plan, grain, batch);
    Answer answer;
    answer.estimates = result.estimates;
    answer.paths = result.paths;
    if constexpr (DrawsPortraits<L>)
      if (ask.portraits) answer.portraits = level.portraits(ask, plan, seed, purpose);
    if (finish) finish(ask, result, answer);
    return answer;
  };
}

}  // namespace meso
