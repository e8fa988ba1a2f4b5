// One collective coordinate for a kink-antikink pair: L = g(a) adot^2/2 - U(a), a the half separation.
//
// The ansatz phi = K(x + a) - K(x - a) - v gives g(a) = int phi_a^2 dx and U(a) = int [phi_x^2/2 + V(phi)] dx, by trapezoid quadrature (the
// integrands decay exponentially: the rule converges exponentially). One degree of freedom cannot radiate or store energy in a shape
// mode: the level predicts attraction and one bounce, and no capture. Qualitative. Source: Sugiyama (1979), doi:10.1143/PTP.61.1550.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "kits/field/potential.h"

namespace meso::field {

/// A static kink, odd about 0, and its first two derivatives.
struct KinkShape {
  std::function<double(double)> value, first, second;
  double asymptote = 1;  ///< K(+inf) = -K(-inf)
  double width = 1;      ///< decays as exp(-|x|/width) or faster
};

class PairCoordinate {
 public:
  PairCoordinate(KinkShape kink, Potential potential);
  struct Terms {
    double g = 0, dg = 0, u = 0, du = 0;
  };
  [[nodiscard]] Terms at(double a) const;
  [[nodiscard]] double energy(double a, double speed) const;

  struct Path {
    std::vector<double> a, speed, bound;  ///< per time; bound of a (numerical)
  };
  /// @param times  increasing, >= 0. @throws NumericalBreakdown if the integrator gives up
  [[nodiscard]] Path solve(double a0, double speed0, std::span<const double> times, double tolerance = 1e-8) const;
  [[nodiscard]] const KinkShape& kink() const { return kink_; }

 private:
  KinkShape kink_;
  Potential potential_;
};

}  // namespace meso::field
