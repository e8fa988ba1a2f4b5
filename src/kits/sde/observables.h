// What can be asked of a drift-diffusion process, defined once for all levels:
//
//   <x>.mean  <x>.variance  <x>.distribution  <a>.<b>.covariance
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "kits/sde/description.h"
#include "model/ask.h"
#include "model/system.h"

namespace meso::sde {

struct ObservableName {
  enum class Kind { mean, variance, covariance, distribution };
  Kind kind = Kind::mean;
  std::size_t a = 0, b = 0;  ///< variables; b differs from a for a covariance only
};

[[nodiscard]] std::optional<ObservableName> parse_observable(const Process& process, const std::string& name);
[[nodiscard]] std::optional<ObservableInfo> observable_info(const Process& process, const std::string& name);
/// Every <x>.mean and <x>.variance, asked when the user names none.
[[nodiscard]] std::vector<ObservableInfo> default_observables(const Process& process);

/// Where trajectories go: what a fixed stream of 64 pilot trajectories visits between the start and the last asked time.
/// A function of process and question alone, so that all levels of a study put their bins and boxes at the same places.
struct Reach {
  std::vector<double> low, high;  ///< per variable, within the domain
  double step = 0;                ///< Euler step that the pilot took (nothing moved by more than a twentieth of the reach in one)
  bool escaped = false;           ///< a trajectory left every bound: the process, or the pilot's step, explodes
};
[[nodiscard]] Reach reach_of(const Process& process, double end);
/// The end of the question: last time, or burn-in and window; with empty durations, `otherwise`.
[[nodiscard]] double end_of(const Ask& ask, double otherwise);

/// Bins of `<x>.distribution`: 130 points; the probability at point i is that of (point i-1, point i], the first of everything below.
/// The last point lies beyond the largest reach and stands for all above.
[[nodiscard]] Axis law_axis(const Process& process, const Reach& reach, std::size_t variable);

}  // namespace meso::sde
