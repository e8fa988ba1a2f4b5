// Reaction-diffusion equations of a lattice model: mean densities that vary in space, neighbours uncorrelated.
//
// A site sees sum_j y_j = z y + lap y over its neighbours j, so that an ordered bond rule K(x, y -> u, v) changes its first end by
// x -> u at the rate K x (z y + lap y). Hops of bosonic particles give D lap a; with exclusion D ((1 - rho) lap a + a lap rho).
// The site spacing is 1. On a grid of one point a site with the second-order Laplacian this is the mean field of every site of
// the lattice, exactly; finer grids tend to the continuum equation with an error of order spacing^2. Time by the classical
// Runge-Kutta method (order 4) at a third of its stability limit.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "kits/lattice/rules.h"
#include "model/level.h"

namespace meso::lattice {

class DensityFields {
 public:
  /// @param points_per_site  grid points along one site spacing
  explicit DensityFields(const Model& model, std::size_t points_per_site = 1);
  [[nodiscard]] std::size_t points() const { return points_; }
  [[nodiscard]] const std::vector<std::size_t>& extent() const { return extent_; }
  [[nodiscard]] double spacing() const { return spacing_; }
  [[nodiscard]] double largest_step() const { return largest_step_; }
  /// Densities of species s (from 1), row-major.
  [[nodiscard]] std::span<double> field(State s) { return {&fields_[(s - std::size_t{1}) * points_], points_}; }
  [[nodiscard]] std::span<const double> field(State s) const { return {&fields_[(s - std::size_t{1}) * points_], points_}; }
  [[nodiscard]] double mean(State s) const;
  /// The model's own initial condition: a seed is the box of one site.
  void start();
  /// Lets `time` pass in equal steps of at most `largest_step()`.
  void advance(double time);
  void rhs(std::span<const double> fields, std::span<double> out) const;

 private:
  struct Channel {
    State x, y, u;
    double rate;
  };
  const Model model_;
  std::vector<std::size_t> extent_;
  std::size_t points_ = 1, species_ = 0, per_site_ = 1;
  double spacing_ = 1, z_ = 2, largest_step_ = 1;
  std::vector<Channel> bonds_;
  std::vector<double> diffusion_;  // bosonic
  std::vector<double> fields_, stage_, slope_, sum_;
  mutable std::vector<double> states_, laplacian_;
};

/// Level `pde`: <s>.density. Homogeneous initial conditions stay so, and give the rate equation.
[[nodiscard]] Level pde_level(const Model& model, const std::string& parent);

}  // namespace meso::lattice
