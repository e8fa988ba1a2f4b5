// A kernel density estimate at finite n and d, exactly: one-dimensional integrals over the law of one distance (random_energy.h, distance_law.h).
//
// With w = e^{-v}, v = D/(2 h^2), and L(s) = E e^{-s w}, the sum Z of n independent weights has E e^{-s Z} = L(s)^n. Put s = e^t. As a function of t, L^n is
// the survival function of T = ln E - ln Z with E exponential, so that mean and variance of ln Z follow from those of T; and
//     E sum w^2/Z^2 = n int s L''(s) L(s)^{n-1} ds,
//     E (w_(1) + ... + w_(k))/Z = n int dt int f(v) dv s w e^{-s w} sum_{j<k} C(n-1, j) A^j B^{n-1-j},   A, B = E[e^{-s w}; nearer], E[e^{-s w}; farther than v]
// (condition on the distance of one of the k nearest). In t the integrands are analytic in a strip of half-width pi/2, |L| <= 1 for Re s > 0: the trapezoidal
// rule at step 1/4 is exact to 1e-16. In v each panel carries 16 Gauss-Legendre points, which also give the running integrals A and B to full order.
// n is a real number: e^{alpha d} up to 1e300.
// Source: the card of system kde-high-dim, level 5; the identity 1/Z^2 = int s e^{-s Z} ds.
#pragma once

#include <cstddef>
#include <vector>

#include "kits/learning/distance_law.h"

namespace meso::learning {

/// Mean and variance of ln Z over data sets.
struct LnSum {
  double mean = 0, variance = 0;
};

class FiniteRandomEnergy {
 public:
  /// @param ln_n  logarithm of the number of points, 0 <= ln_n <= 690
  /// @throws ParameterError  ln_n out of range, or a law that DistanceLaw refuses
  FiniteRandomEnergy(std::vector<DistanceGroup> groups, double ln_n);

  [[nodiscard]] const DistanceLaw& law() const { return law_; }
  /// At bandwidth h > 0, all to relative errors near 1e-10. @throws ParameterError  h not above 0, or so narrow that 3e5 panels do not resolve a weight
  [[nodiscard]] LnSum ln_sum(double h) const;
  [[nodiscard]] double participation(double h) const;
  /// Mean share of the k largest weights together, for each k asked.
  [[nodiscard]] std::vector<double> top_shares(double h, const std::vector<std::size_t>& k) const;

  /// Local exponent of the tail of the weights, -d ln P(w > W)/d ln W = 2 h^2 f(u)/P(D <= u), at the level that `points` of the n exceed on average.
  [[nodiscard]] double tail_index(double h, double points = 1) const;
  /// What Hill's estimator over all weights beyond that level gives on average, 2 h^2 P(D <= u)/int_0^u P(D <= x) dx: the mean of 1/exponent below u. Where
  /// ln P is bent it is the local exponent not at `points` but near points/e, the mean of ln P there.
  [[nodiscard]] double hill_index(double h, double points) const;
  /// Squared distance below which `points` of the n lie on average.
  [[nodiscard]] double level(double points) const;
  /// Mean squared distance to the nearest point, int (1 - P(D <= u))^n du.
  [[nodiscard]] double nearest() const;

 private:
  struct Grid;
  [[nodiscard]] Grid grid(double h) const;
  [[nodiscard]] double ln_density(double u) const;

  std::vector<DistanceGroup> groups_;
  DistanceLaw law_;
  double ln_n_ = 0, n_ = 1;
  double low_ = 0, high_ = 0;       // ln u: beyond them n P is below e^{-44} and P below e^{-40}
  double panel_ = 0;                // ln u
  std::vector<double> table_;       // ln f at the Chebyshev points of each panel
};

}  // namespace meso::learning
