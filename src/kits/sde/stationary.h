// The exact stationary law of a process in one dimension, by quadrature:
//
//     p(x) ~ exp(Phi(x)) / D(x),   Phi(x) = int a(y) / D(y) dy,   a the Itô drift, D = b^2 / 2,
//
// the law without probability flux; for constant b it is Gibbs' law exp(-V / D) of the potential V = -int a.
// Source: Gardiner, Handbook of Stochastic Methods, 3rd ed., section 5.2.2 (zero current).
#pragma once

#include <functional>
#include <vector>

#include "kits/sde/description.h"
#include "model/level.h"

namespace meso::sde {

/// p on [low, high] by Gauss-Legendre panels; moments and probabilities to near rounding where a and D are smooth.
class StationaryLaw {
 public:
  /// @param panels  equal panels of 8 nodes between the ends, which are where p has fallen by exp(-40) from its peak (or a wall)
  /// @throws NumericalBreakdown  D not positive inside, or no ends: p does not fall off, there is no stationary law
  /// @throws ModelError  more than one dimension, or coefficients that depend on time
  explicit StationaryLaw(const Process& process, std::size_t panels = 512);

  [[nodiscard]] double low() const { return edge_.front(); }
  [[nodiscard]] double high() const { return edge_.back(); }
  [[nodiscard]] double expectation(const std::function<double(double)>& f) const;
  [[nodiscard]] double mean() const;
  [[nodiscard]] double variance() const;
  /// P(X <= x).
  [[nodiscard]] double cdf(double x) const;

 private:
  std::function<double(double)> drift_, diffusion_;
  std::vector<double> edge_, phi_, below_;  ///< panel edges, Phi there (largest value of Phi - ln D taken off; not at the two ends), P(X <= edge)
  std::vector<double> node_, weight_;       ///< of the whole range, weights times p
  double norm_ = 1;
  [[nodiscard]] double phi_between(double from, double to) const;
  [[nodiscard]] double phi_at(std::size_t panel, double x) const;
};

/// The level `stationary-law`: mean, variance and distribution of stationary questions. Questions over time it leaves alone.
/// @throws ModelError  more than one dimension, or coefficients that depend on time
[[nodiscard]] Level stationary_law_level(const Process& process);

}  // namespace meso::sde
