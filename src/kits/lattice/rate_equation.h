// The rate equation (mean field) of a lattice model: every site sees the mean densities. It is the rate equation of a
// well-mixed network, so the kinetics kit solves it: trajectories, stationary states, eigenvalues.
//
// Densities are particles per site. A pair rule of rate k per bond gives z k x y (x != y) or (z/2) k x^2 reactions per site and
// time, z = 2 d; site rules and reactions on one site are taken as they stand; hops and exchanges change no mean density.
#pragma once

#include <complex>
#include <span>
#include <string>
#include <vector>

#include "kits/kinetics/network.h"
#include "kits/kinetics/steady_state.h"
#include "kits/lattice/rules.h"
#include "model/level.h"

namespace meso::lattice {

/// The network whose rate equation is the lattice model's. With exclusion the empty sites are a species of their own, the last,
/// called `empty` (underscores are added if a species has that name), so that all densities sum to 1.
/// Counts are density * volume; the volume is the smallest number up to 10,000 that makes the initial ones whole, else 10^6
/// (densities are then rounded to 5e-7). It has no other meaning: the rate equation does not depend on it.
[[nodiscard]] kinetics::Network rate_network(const Model& model);

/// A stationary state with its stability.
struct MeanFieldState {
  std::vector<double> density;                    ///< one per species
  std::vector<std::complex<double>> eigenvalues;  ///< conserved directions left out; largest real part first
  bool stable = false;
};
/// The stationary state that Newton's method finds from `guess` (densities of the species).
/// @throws NumericalBreakdown if it finds none
[[nodiscard]] MeanFieldState mean_field_state(const Model& model, std::span<const double> guess);

/// Level `rate-equation`: <s>.density and, with exclusion, <s>.<t>.pairs as products.
/// @param parent  the level above: pair-approximation, or the exact one for bosonic models
[[nodiscard]] Level rate_equation_level(const Model& model, const std::string& parent);

}  // namespace meso::lattice
