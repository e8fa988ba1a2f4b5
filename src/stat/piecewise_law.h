// Laws on the line given by their distribution function at points, linear between: what a histogram, a finite-volume grid and a transported
// set of quantiles have in common. All distances below are exact for such laws; the width of the pieces is the only error.
#pragma once

#include <functional>
#include <vector>

namespace meso {

/// P(X <= x[k]) = below[k], linear between; x strictly increasing, below from 0 to 1. The mass between x[k] and x[k + 1] is kept beside them: in the upper
/// tail the differences of `below` are lost in the rounding of numbers near 1.
struct PiecewiseLaw {
  std::vector<double> x, below, mass;

  /// Checks what was given, takes numbers outside [0, 1] or falling by rounding (1e-9) back, and shares what is missing from 1 among all pieces.
  /// @throws InputError  fewer than two points, points that do not increase, no mass, values that fall by more than 1e-6
  [[nodiscard]] static PiecewiseLaw make(std::vector<double> x, std::vector<double> below);
  /// The same from the masses of the pieces, small ones kept to their own rounding. Negative ones (down to -1e-6 of all) count as none.
  [[nodiscard]] static PiecewiseLaw of_masses(std::vector<double> x, std::vector<double> mass);
  /// A distribution function at the points given.
  [[nodiscard]] static PiecewiseLaw of(const std::function<double(double)>& cdf, std::vector<double> x);

  [[nodiscard]] double cdf(double at) const;
  [[nodiscard]] double quantile(double u) const;
  [[nodiscard]] double density(double at) const;
  [[nodiscard]] double mean() const;
  [[nodiscard]] double variance() const;
};

/// sup |F - G|, taken at a point of one of the two.
[[nodiscard]] double kolmogorov(const PiecewiseLaw& a, const PiecewiseLaw& b);
/// int |p - q| dx.
[[nodiscard]] double l1_distance(const PiecewiseLaw& a, const PiecewiseLaw& b);
/// int p log(p/q) dx; infinite where p has mass and q none (masses of p below 1e-14 of a piece are rounding of distribution functions).
[[nodiscard]] double kullback_leibler(const PiecewiseLaw& p, const PiecewiseLaw& q);

}  // namespace meso
