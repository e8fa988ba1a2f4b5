// A time-dependent vector field on R^d: a score, a velocity, a drift; given in closed form or learned.
#pragma once

#include <cstddef>
#include <span>

namespace meso::generative {

/// Evaluated for many points at once, as networks and vector units want it. Several threads may call one field.
class Field {
 public:
  virtual ~Field() = default;
  [[nodiscard]] virtual std::size_t dimension() const = 0;
  /// @param points  n x dimension(), row-major
  /// @param values  of the same shape: the field at each point
  virtual void at(double t, std::span<const double> points, std::span<double> values) const = 0;
};

}  // namespace meso::generative
