// Reduced levels of compartment models on graphs: master equation, pair approximation, degree-based and homogeneous mean field,
// edge-based compartmental equations; final sizes.
//
// Every function returns fractions of nodes by compartment at the asked times, with an estimated bound of the solver's error.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "kits/graph/compartments.h"
#include "kits/graph/graph.h"

namespace meso::graph {

/// value[i * compartments + c] at times[i].
struct Fractions {
  std::vector<double> value, bound;
  std::string trouble;                ///< what the solver said if it did not reach the end; "" otherwise
  std::vector<double> second = {};    ///< master equation only: mean of the squared fraction
};

/// Probability generating function of a degree law and its first two derivatives.
class GeneratingFunction {
 public:
  explicit GeneratingFunction(DegreeLaw law) : law_(std::move(law)) {}
  /// Mixed Poisson: sum_i weight_i exp(-kappa_i (1 - x)).
  GeneratingFunction(std::vector<double> kappa, std::vector<double> weight) : kappa_(std::move(kappa)), weight_(std::move(weight)) {}
  /// n-th derivative at x, n = 0, 1, 2.
  [[nodiscard]] double operator()(double x, int derivative = 0) const;
  [[nodiscard]] double mean() const { return (*this)(1.0, 1); }

 private:
  DegreeLaw law_;
  std::vector<double> kappa_, weight_;
};

/// Homogeneous mean field: every node has the mean degree, neighbours are independent. Edges that change: mean degree piecewise in time.
/// @param degree  (time from which it holds, mean degree); the first at 0
[[nodiscard]] Fractions mean_field(const Compartments& model, std::span<const std::pair<double, double>> degree, std::span<const double> initial, std::span<const double> times);

/// Degree-based mean field: nodes of equal degree are alike, a neighbour's degree is drawn with weight k.
/// Source: Pastor-Satorras and Vespignani (2001), doi:10.1103/PhysRevLett.86.3200.
[[nodiscard]] Fractions degree_mean_field(const Compartments& model, const DegreeLaw& law, std::span<const double> initial, std::span<const double> times);

/// Pair approximation [BAC] = zeta [AB][AC]/[A], zeta = <k (k - 1)>/<k>^2 ((k - 1)/k on a regular graph, 1 for Poisson degrees). Degrees enter by
/// zeta alone: that nodes of high degree are infected first is not seen. Source: Keeling (1999), doi:10.1098/rspb.1999.0716.
[[nodiscard]] Fractions pair_approximation(const Compartments& model, const DegreeMoments& degrees, std::span<const double> initial, std::span<const double> times);

/// Edge-based compartmental equations: exact for infinite configuration graphs of a single-infection model.
/// Source: Miller, Slim and Volz (2012), doi:10.1098/rsif.2011.0403.
/// @throws ModelError if the model is not of that kind
[[nodiscard]] Fractions edge_based(const Compartments& model, const GeneratingFunction& degrees, std::span<const double> initial, std::span<const double> times);

/// Master equation over all compartments^nodes states, by uniformisation; edges may change.
/// @param initial  probability of each compartment of each node, nodes independent (size nodes x compartments); or `states` with weights
/// @throws ParameterError for more than 2^20 states
struct InitialLaw {
  std::vector<std::vector<State>> states;
  std::vector<double> weight;
};
[[nodiscard]] Fractions master_equation(const Compartments& model, const Graph& graph, std::span<const EdgeChange> changes, const InitialLaw& initial, std::span<const double> times);
/// compartments^nodes, or nothing beyond the limit.
[[nodiscard]] std::optional<std::size_t> master_states(std::size_t compartments, std::size_t nodes, std::size_t limit = 1 << 16);

/// Final size of an SIR outbreak of infinitesimal seed: 1 - Psi(Th), Th = (gamma + beta Psi'(Th)/<k>)/(beta + gamma); 0 below the threshold.
[[nodiscard]] double final_size(const GeneratingFunction& degrees, double beta, double gamma);
/// beta/(beta + gamma) Psi''(1)/Psi'(1).
[[nodiscard]] double reproduction_number(const GeneratingFunction& degrees, double beta, double gamma);

}  // namespace meso::graph
