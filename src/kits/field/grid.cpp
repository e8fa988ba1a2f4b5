#include "kits/field/grid.h"

#include <fmt/format.h>

#include <cmath>
#include <numbers>

#include "base/error.h"
#include "base/text.h"

namespace meso::field {

std::size_t Grid::size() const {
  std::size_t total = 1;
  for (const std::size_t points : n) total *= points;
  return total;
}

double Grid::cell() const { return volume() / static_cast<double>(size()); }

double Grid::volume() const {
  double total = 1;
  for (const double l : length) total *= l;
  return total;
}

std::vector<double> Grid::coordinates(std::size_t axis) const {
  std::vector<double> x(n[axis]);
  for (std::size_t j = 0; j < x.size(); ++j) x[j] = coordinate(axis, j);
  return x;
}

double Grid::k_max() const {
  double sum = 0;
  for (std::size_t a = 0; a < n.size(); ++a) {
    const double k = std::numbers::pi / spacing(a);
    sum += k * k;
  }
  return std::sqrt(sum);
}

std::size_t Grid::centre() const {
  std::size_t index = 0;
  for (std::size_t a = 0; a < n.size(); ++a) index = index * n[a] + n[a] / 2;
  return index;
}

void Grid::check() const {
  if (n.empty() || n.size() > 2) throw ParameterError(fmt::format("a field lives in 1 or 2 dimensions, not {}", n.size()));
  if (x_min.size() != n.size() || length.size() != n.size())
    throw ParameterError(fmt::format("a grid of {} dimensions needs as many lengths and origins; {} and {} were given", n.size(), length.size(), x_min.size()));
  for (std::size_t a = 0; a < n.size(); ++a) {
    if (n[a] < 8 || n[a] % 2 != 0) throw ParameterError(fmt::format("n = {} points: a field needs an even number of points, at least 8 (a power of two is not required)", n[a]));
    if (n[a] > (std::size_t{1} << 24)) throw ParameterError(fmt::format("n = {} points: at most 2^24 = 16777216", n[a]));
    if (!(length[a] > 0) || !std::isfinite(length[a])) throw ParameterError(fmt::format("the box length {} must be positive and finite", exact(length[a])));
  }
  if (boundary == Boundary::antiperiodic && n.size() > 1) throw ParameterError("an antiperiodic boundary is there for rings only (one dimension)");
}

Grid ring(double length, std::size_t n, Boundary boundary) { return {{-length / 2}, {length}, {n}, boundary}; }

}  // namespace meso::field
