// Grids: rings (one dimension, periodic or antiperiodic) and periodic tori (two dimensions).
//
// n points x_j = x_min + j L/n, j = 0..n-1: the far end is the near end and is not stored twice. An antiperiodic ring,
// phi(x + L) = -phi(x), carries one kink: its wavenumbers are 2 pi (m + 1/2)/L.
#pragma once

#include <cstddef>
#include <vector>

namespace meso::field {

enum class Boundary { periodic, antiperiodic };

struct Grid {
  std::vector<double> x_min{-50.0};    ///< one entry a dimension
  std::vector<double> length{100.0};
  std::vector<std::size_t> n{1024};    ///< even; powers of two are fastest
  Boundary boundary = Boundary::periodic;

  [[nodiscard]] std::size_t dimensions() const { return n.size(); }
  [[nodiscard]] std::size_t size() const;                  ///< points in all
  [[nodiscard]] double spacing(std::size_t axis = 0) const { return length[axis] / static_cast<double>(n[axis]); }
  [[nodiscard]] double cell() const;                       ///< dx, or dx dy
  [[nodiscard]] double volume() const;
  [[nodiscard]] double coordinate(std::size_t axis, std::size_t j) const { return x_min[axis] + static_cast<double>(j) * spacing(axis); }
  [[nodiscard]] std::vector<double> coordinates(std::size_t axis = 0) const;
  /// sqrt(sum over axes of (pi n/L)^2), the largest wavenumber of the spectral Laplacian.
  [[nodiscard]] double k_max() const;
  /// Index of the point nearest to the middle of the box.
  [[nodiscard]] std::size_t centre() const;
  /// @throws ParameterError: dimensions other than 1 or 2, n odd or below 8, a length that is not positive, antiperiodic in two dimensions
  void check() const;
};

/// A ring of n points centred on 0.
[[nodiscard]] Grid ring(double length, std::size_t n, Boundary boundary = Boundary::periodic);

}  // namespace meso::field
