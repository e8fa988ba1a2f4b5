// The Ising model E = -sum_bonds s_i s_j - h sum_i s_i on periodic square lattices, solved: exactly on small ones and on large
// ones without field, in the infinite lattice, on the Bethe lattice and in mean field. J = k_B = 1.
//
// Observables, the same in every function (N sites, M = sum_i s_i, m = M/N; infinite lattices: their limit N -> infinity):
//   energy <E>/N, specific heat (<E^2> - <E>^2)/(N T^2), <|m|>, susceptibility N (<m^2> - <|m|>^2)/T, Binder cumulant
//   1 - <m^4>/(3 <m^2>^2). Without field and order m is Gaussian for large N: the limit of this susceptibility is (1 - 2/pi) dm/dh.
#pragma once

#include <cstddef>
#include <limits>
#include <vector>

namespace meso::lattice {

/// NaN: not given by this theory.
struct IsingState {
  double energy = std::numeric_limits<double>::quiet_NaN();
  double specific_heat = std::numeric_limits<double>::quiet_NaN();
  double abs_magnetisation = std::numeric_limits<double>::quiet_NaN();
  double susceptibility = std::numeric_limits<double>::quiet_NaN();
  double binder = std::numeric_limits<double>::quiet_NaN();
};

/// What the exact law of a finite lattice gives: P(M = 2 k - N) for k = 0..N, and the averages.
struct IsingLaw {
  IsingState state;
  std::vector<double> magnetisation;
};
/// Transfer matrix that keeps count of the magnetisation and of two derivatives by 1/T: every observable, any field.
/// @param d, L  d = 1: L <= 4096; d = 2 (L x L): L <= 8, cost about 2^(2 L) L^3. Any L >= 3.
/// @throws ParameterError for larger lattices
[[nodiscard]] IsingLaw ising_exact(int d, std::size_t L, double T, double h);

/// Energy and specific heat of the L x L torus without field, any L up to 1e6.
/// Source: Kaufman (1949), doi:10.1103/PhysRev.76.1232; Ferdinand and Fisher (1969), doi:10.1103/PhysRev.185.832, eq. 2.2.
[[nodiscard]] IsingState ising_torus(std::size_t L, double T);

/// Infinite lattice: d = 1 with any field, all; d = 2 without field energy, specific heat, order and Binder cumulant.
/// Everything else is NaN. Source: Onsager (1944), doi:10.1103/PhysRev.65.117; Yang (1952), doi:10.1103/PhysRev.85.808.
[[nodiscard]] IsingState ising_infinite(int d, double T, double h);

/// Bethe lattice of coordination z: the pair approximation. Exact for z = 2. Source: Bethe (1935), doi:10.1098/rspa.1935.0122.
[[nodiscard]] IsingState ising_bethe(int z, double T, double h);
/// Mean field m = tanh((z m + h)/T).
[[nodiscard]] IsingState ising_mean_field(int z, double T, double h);

/// 2/log((z)/(z - 2)): where the Bethe lattice orders (0 for z = 2).
[[nodiscard]] double bethe_temperature(int z);

}  // namespace meso::lattice
