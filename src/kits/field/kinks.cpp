#include "kits/field/kinks.h"

#include <algorithm>
#include <cmath>

namespace meso::field {

std::vector<Zero> zeros(const Grid& grid, std::span<const double> phi) {
  std::vector<Zero> found;
  const auto n = static_cast<std::ptrdiff_t>(phi.size());
  const double seam = grid.boundary == Boundary::antiperiodic ? -1.0 : 1.0;
  const auto at = [&](std::ptrdiff_t j) { return j < 0 ? seam * phi[static_cast<std::size_t>(j + n)] : j >= n ? seam * phi[static_cast<std::size_t>(j - n)] : phi[static_cast<std::size_t>(j)]; };
  for (std::ptrdiff_t j = 0; j < n; ++j) {
    const double p0 = at(j), p1 = at(j + 1);
    if (!((p0 < 0 && p1 >= 0) || (p0 > 0 && p1 <= 0) || (p0 == 0 && j == 0 && p1 != 0))) continue;
    const double pm = at(j - 1), p2 = at(j + 2);
    const auto cubic = [&](double s) {  // Lagrange through s = -1, 0, 1, 2
      return -s * (s - 1) * (s - 2) / 6 * pm + (s + 1) * (s - 1) * (s - 2) / 2 * p0 - (s + 1) * s * (s - 2) / 2 * p1 + (s + 1) * s * (s - 1) / 6 * p2;
    };
    double low = 0, high = 1;
    for (int i = 0; i < 52; ++i) {
      const double middle = 0.5 * (low + high);
      if ((cubic(middle) > 0) == (p1 > p0)) high = middle;
      else low = middle;
    }
    found.push_back({grid.coordinate(0, static_cast<std::size_t>(j)) + 0.5 * (low + high) * grid.spacing(), p1 > p0});
  }
  return found;
}

double half_separation(const Grid& grid, std::span<const double> phi) {
  const std::vector<Zero> all = zeros(grid, phi);
  return all.size() < 2 ? 0.0 : 0.5 * (all.back().x - all.front().x);
}

void CrossingCounter::watch(double t, double value) {
  if (started_ && value_ > 0 && value <= 0) times_.push_back(t_ + (t - t_) * value_ / (value_ - value));
  started_ = true;
  t_ = t, value_ = value;
}

std::size_t CrossingCounter::count(double t) const { return static_cast<std::size_t>(std::upper_bound(times_.begin(), times_.end(), t) - times_.begin()); }

Escape escape_of(std::span<const double> t, std::span<const double> a, double far, double window) {
  Escape result;
  if (t.size() < 3 || !(a.back() > far)) return result;
  std::size_t nearest = 0;  // the closest approach: before it they fall towards each other
  for (std::size_t i = 0; i < a.size(); ++i)
    if (a[i] <= a[nearest]) nearest = i;
  std::size_t first = a.size() - 1;
  while (first > 0 && a[first - 1] > far) --first;
  if (first <= nearest && a[nearest] > far) return result;  // they never met
  const double end = t[first] + window;
  std::size_t last = first;
  while (last + 1 < t.size() && t[last + 1] <= end * (1 + 1e-12)) ++last;
  if (t[last] - t[first] < 0.25 * window) return result;
  result.speed = (a[last] - a[first]) / (t[last] - t[first]);
  result.escaped = result.speed > 0;
  if (!result.escaped) result.speed = 0;
  return result;
}

}  // namespace meso::field
