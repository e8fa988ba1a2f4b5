// What one closure family needs from another, and the tests of each.
#pragma once

#include "kits/kinetics/closure.h"
#include "kits/kinetics/moment_closing.h"

namespace meso::kinetics {

/// Species that a conservation law keeps at 0 or 1.
[[nodiscard]] BinarySpecies binary_species(const ReducedNetwork& network);

/// Raw moments of the entries of `set` up to position `count` as polynomials of the cumulants.
[[nodiscard]] std::vector<Polynomial> raw_moment_polynomials(const MultiIndexSet& set, std::size_t count);

/// Cumulants of the many-species gamma law with the given means and covariances: n_i = sum_j (b_i / b_ij) Y_ij with independent
/// Y_ij = Y_ji ~ Gamma(alpha_ij, b_ij), b_i = C_ii / mu_i. Cumulants of such sums are the sums of cumulants, so that
/// kappa_(k e_q) = (k-1)! b_q^(k-1) mu_q and, for two species, kappa = (k-1)! b_q^(k_q - 1) b_r^(k_r - 1) C_qr with k = k_q + k_r;
/// those of three and more species vanish. No variance is divided by.
/// Source: Lakatos, Ale, Kirk, Stumpf, J. Chem. Phys. 143, 094107 (2015), doi:10.1063/1.4929837 (the law; given there by its raw moments).
void close_gamma(const MultiIndexSet& set, std::span<const double> low, std::span<double> high, std::span<double> gradient);

/// Linear mapping: see linear_mapping.h.
[[nodiscard]] ClosedEquations linear_mapping_equations(const ReducedNetwork& network, int order, int taylor);

}  // namespace meso::kinetics
