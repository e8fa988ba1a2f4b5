// Zeros of a field on a line: kink positions, bounces of a pair, escape speeds.
#pragma once

#include <span>
#include <vector>

#include "kits/field/grid.h"

namespace meso::field {

struct Zero {
  double x = 0;
  bool rising = false;  ///< phi goes from below to above with growing x: a kink; falling: an antikink
};

/// Zeros of phi between neighbouring points of a ring, ordered by x. Linear interpolation refined by the cubic through four points where
/// they exist: error of order dx^4. On an antiperiodic ring the pair across the seam counts with its sign turned.
[[nodiscard]] std::vector<Zero> zeros(const Grid& grid, std::span<const double> phi);

/// Half the distance between the first rising and the last falling zero (or the reverse); 0 if the field has fewer than two.
[[nodiscard]] double half_separation(const Grid& grid, std::span<const double> phi);

/// Counts downward crossings of zero of one value watched step by step, with the times interpolated.
class CrossingCounter {
 public:
  void watch(double t, double value);
  [[nodiscard]] const std::vector<double>& times() const { return times_; }
  /// Crossings up to and including t.
  [[nodiscard]] std::size_t count(double t) const;

 private:
  bool started_ = false;
  double t_ = 0, value_ = 0;
  std::vector<double> times_;
};

/// What became of a pair, from its half separation a(t) and its bounces.
struct Escape {
  bool escaped = false;
  double speed = 0;  ///< mean da/dt over the window that follows the moment a passes `far` for the last time; 0 if captured
};
/// @param far     half separation beyond which the two no longer feel each other
/// @param window  time over which the speed is taken (the whole rest if it is shorter; at least a quarter of it is needed)
[[nodiscard]] Escape escape_of(std::span<const double> t, std::span<const double> a, double far, double window);

}  // namespace meso::field
