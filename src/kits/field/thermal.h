// Statistical mechanics of a field at temperature T: exact linear modes, self-consistent Gaussian, transfer operator.
//
// Equilibrium is exp(-H/T), H = int [pi^2/2 + K phi_x^2/2 + V]. Mode k of a linear field, phi_k = (1/n) sum_j phi_j exp(-i k x_j), has
// <|phi_k|^2> = T/(volume w_k^2), w_k^2 = K k^2 + V''.
#pragma once

#include <span>
#include <vector>

#include "kits/field/potential.h"
#include "kits/field/spectral.h"

namespace meso::field {

/// Second moments of one mode of a linear field.
struct ModeMoments {
  double phi2 = 0, pi2 = 0;
};
/// Damped oscillator phi'' + eta phi' + w2 phi = noise with equilibrium <pi^2> = temperature (of this mode: T/volume), time t after a start at
/// rest in 0. w2 = 0 and t = infinity are allowed (a free mode spreads for ever).
[[nodiscard]] ModeMoments damped_mode(double w2, double damping, double temperature, double t);
/// The propagator of the same oscillator without noise: phi(t) = m11 phi(0) + m12 pi(0), pi(t) = m21 phi(0) + m22 pi(0). w2 may be negative.
struct Propagator {
  double m11 = 1, m12 = 0, m21 = 0, m22 = 1;
};
[[nodiscard]] Propagator propagator(double w2, double damping, double t);
/// Overdamped: <phi^2> of phi' = -w2 phi + sqrt(2 temperature) noise, started at 0.
[[nodiscard]] double relaxing_mode(double w2, double temperature, double t);

/// Self-consistent Gaussian (Hartree) equilibrium: mean field phi0 and one mass^2 with <V'(phi)> = 0 and m2 = <V''(phi)> over the Gaussian of variance
/// sigma2 = sum over modes of T/(volume (K k^2 + m2)). Starts from the minimum of V near `start`.
struct Hartree {
  bool found = false;
  double mean = 0, mass2 = 0, variance = 0;
  int iterations = 0;
};
[[nodiscard]] Hartree hartree(const Potential& potential, const Spectral& spectral, double stiffness, double temperature, double start);

/// Static statistics of a ring by the transfer operator -(T^2/(2K)) d^2/dphi^2 + V (sinc discrete variable representation), exact for
/// any confining V: <f> = sum_i exp(-L e_i/T) <i|f|i>/Z. Source: Scalapino, Sears and Ferrell (1972), doi:10.1103/PhysRevB.6.3409; the basis: Colbert and Miller
/// (1992), doi:10.1063/1.462100.
struct TransferOperator {
  std::vector<double> levels;      ///< lowest eigenvalues
  double mean = 0, phi2 = 0, phi4 = 0;
  double correlation_length = 0;   ///< T/(e1 - e0)
  double error = 0;                ///< difference of phi2 from a basis half as dense
};
/// @param length  of the ring; infinity for the ground state alone
/// @throws ModelError if V does not confine (sine-Gordon): the statistics of phi do not exist
[[nodiscard]] TransferOperator transfer_operator(const Potential& potential, double temperature, double length, double stiffness = 1);

}  // namespace meso::field
