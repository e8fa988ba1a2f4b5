// What is made of W^2 on a time axis, the same for every level: local slope, growth exponent, saturation, phase class.
#pragma once

#include <optional>
#include <string>

#include "systems/lattice/kpz-synchronization/kpz_synchronization.h"

namespace meso::systems::kpz_synchronization {

/// d ln W / d ln t (`local_slope`) of W^2 and of each of its delete-a-batch replicates, as the observable `slope`.
[[nodiscard]] Estimate slope_estimate(const Estimate& w2, bool columnar);

/// Exponent of W over from <= t <= to as the observable `growth_exponent`.
[[nodiscard]] Estimate exponent_estimate(const std::vector<double>& times, const Estimate& w2, double from, double to);

/// Plateau of W and the time at which the growth law fitted below it would reach it.
struct Saturation {
  bool seen = false;
  std::string why;                    ///< no plateau, or no t_sat, and what would be needed
  double w2 = 0;                      ///< plateau: mean of W^2 over the last factor 2 of time
  Estimate W_sat;                     ///< if seen
  std::optional<Estimate> t_sat;      ///< if seen, and a decade of growth lies below 0.2 of the plateau
};
/// Seen if W grows by less than t^0.05 over the last factor 2 of time and no bonds slip.
[[nodiscard]] Saturation saturation_of(const Params& p, const Estimate& w2, double largest_slips);

/// Time after which W can be expected on its plateau: five relaxation times of the linear ring, or five times the crossing of the
/// Kardar-Parisi-Zhang growth law with the plateau if that is sooner.
[[nodiscard]] double time_to_saturate(const Params& p);

/// The class as a number, for maps and comparisons: 0 synchronous-EW, 1 synchronous-KPZ, 2 slips, 3 desynchronised; an undecided
/// exponent gives 0.5 with an error of 0.5.
[[nodiscard]] Estimate class_estimate(const PhaseClass& c, const Estimate& w2);

}  // namespace meso::systems::kpz_synchronization
