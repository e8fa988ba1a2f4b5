// Estimate: a labelled array with its errors. Never a bare double crosses the waist.
//
// Kept apart, because they mean different things: `std_error` is the sampling sigma (shrinks with trajectories),
// `error_bound` the numerical bound of a solver (truncation, tolerance, step), whose kind says whether a theorem
// stands behind it (VERDICT section 3 in docs/verdict.md).
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace meso {

/// One axis of an estimate: strictly increasing points with a unit.
struct Axis {
  std::string name, unit;
  std::vector<double> points;
  bool operator==(const Axis&) const = default;
};

enum class BoundKind { certified, estimated };

/// Delete-a-batch replicates over whole trajectories, in trajectory order: what any derived or fitted number needs.
/// replicate[b * size + i] is the estimate of element i with batch b left out; weight[b] trajectories are in batch b.
struct Batches {
  std::vector<double> weight;
  std::vector<double> replicate;
  [[nodiscard]] std::size_t count() const { return weight.size(); }
};

/// How the margin's scale is made from the reference (VERDICT section 1). Names other observables of the same level.
struct Scale {
  enum class Kind { peak, sqrt_product, power };
  Kind kind = Kind::peak;          ///< peak |value|; sqrt(peak a * peak b); (peak a)^power
  std::vector<std::string> of;     ///< observables whose peak is taken; empty: the observable itself
  double power = 1;
};

/// Shape of `value` is the product of the axes' lengths, row-major; a scalar has no axes and one value.
struct Estimate {
  std::string observable, unit;
  std::vector<Axis> axes;
  std::vector<double> value;
  std::vector<double> std_error;    ///< sampling sigma, one per value; empty means zero (solved level)
  std::vector<double> error_bound;  ///< numerical bound, one per value; empty means zero
  BoundKind bound_kind = BoundKind::estimated;
  std::uint64_t samples = 0;        ///< independent trajectories; 0 for a solved level
  double dof = std::numeric_limits<double>::infinity();  ///< degrees of freedom of std_error (batches - 1, n - 1)
  std::vector<double> skewness;     ///< of the per-trajectory signal whose mean is taken; empty: unknown, not guarded
  std::vector<double> no_variation; ///< 1 where n trajectories showed no variation at all; empty: none
  std::vector<double> signal_range; ///< width of a bounded signal (hi - lo) per value, NaN if unbounded; empty: unbounded
  std::vector<double> exact;        ///< 1 where the value is exact by construction (initial state, conserved); empty: none
  std::optional<Batches> batches;
  std::string stream;               ///< purpose of the stream it drew from; equal ones may be correlated
  bool is_distribution = false;     ///< last axis is the support, values are probabilities: Kolmogorov distance is compared

  [[nodiscard]] std::size_t size() const { return value.size(); }
  [[nodiscard]] double se(std::size_t i) const { return std_error.empty() ? 0.0 : std_error[i]; }
  [[nodiscard]] double bound(std::size_t i) const { return error_bound.empty() ? 0.0 : error_bound[i]; }
  [[nodiscard]] bool is_exact(std::size_t i) const { return !exact.empty() && exact[i] != 0; }
};

/// Scalar or path estimate of a solved level.
[[nodiscard]] Estimate solved_estimate(std::string observable, std::string unit, std::vector<Axis> axes, std::vector<double> value,
                                       std::vector<double> error_bound = {}, BoundKind kind = BoundKind::estimated);

}  // namespace meso
