// Kernel density estimation in large dimension, and the levels of its ladder.
//
//   vectors        data sets of n points in d dimensions, distances to the queries by a matrix product
//   distances      the same law without vectors: squared distances drawn directly
//   finite-n       exact averages over data sets at finite n and d by integrals in one dimension (random_energy_finite.h)
//   moments        mean and variance of the estimate in closed form, exact at finite n and d
//   clt            a normal law with these two moments
//   stable         the law of a sum with a pure power tail, of the exponent that the weights have at their 1/n quantile
//   random-energy  the limit of large d at fixed alpha: free energy, condensation, Kullback-Leibler divergence
//
// A trajectory is one data set, at one query that is fixed or drawn from the law of the data. The law of the data is N(0, C); the kernel is isotropic, so that
// C may be taken diagonal: the query is given in its eigenbasis.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "kits/learning/random_energy.h"
#include "model/level.h"
#include "model/system.h"

namespace meso::learning {

struct DensityEstimation {
  std::size_t d = 20;
  double n = 22026;                  ///< points of a data set, a whole number
  double alpha = 0.5;                ///< (ln n)/d as the limit of large d takes it
  double h = 0.65;                   ///< bandwidth
  std::vector<double> spectrum{1};   ///< eigenvalues of C, repeated until d are filled
  bool random_query = false;         ///< x ~ N(0, C), a new one for each data set
  double r = 1;                      ///< fixed query: |x_g|^2 = r kappa m in each eigenspace, 1 is typical
  std::vector<double> query;         ///< fixed query by its components along the eigenvectors; empty: r decides
  double tail_points = 2.718281828459045;  ///< points of a data set, on average, beyond the level of the Hill estimate

  [[nodiscard]] double ln_n() const;
  /// Groups of the fixed query, or of a typical one.
  [[nodiscard]] std::vector<DistanceGroup> groups() const;
  [[nodiscard]] RandomEnergy limit() const { return {groups(), alpha}; }
};

inline constexpr double most_distances = 1e9;       ///< points of a data set of level `distances`
inline constexpr double data_memory_limit = 1e9;    ///< bytes of a data set of level `vectors`
inline constexpr std::size_t most_query_groups = 4; ///< distinct eigenvalues that the average over random queries is made for

[[nodiscard]] std::vector<ObservableInfo> observables(const DensityEstimation& problem);
/// @throws ParameterError  a spectrum that is not positive or does not fill d, a query that does not fit, n out of range
void check(const DensityEstimation& problem, const std::string& owner);
[[nodiscard]] std::vector<Level> ladder(const DensityEstimation& problem);

}  // namespace meso::learning
