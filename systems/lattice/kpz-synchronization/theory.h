// What is known exactly, or nearly, about a ring of phase oscillators read as a growing interface. No randomness here.
//
// Convention: l_k = 4 nu sin^2(pi k / N), nu = Gamma'(0), lattice spacing 1, all phases equal at t = 0; W^2 is the mean over
// sites of (phi_i - phibar)^2, with phibar of the same realisation (hence the factors 1 - 1/N).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "kits/lattice/phase_ring.h"

namespace meso::systems::kpz_synchronization {

enum class Scheme { euler_maruyama, heun, rk4 };

/// Randomness of the ring: white in time with strength D, or frozen with standard deviation s.
struct Randomness {
  bool columnar = false;
  double D = 0, s = 0;
};

/// Number of equal steps, each at most dt, in which every integrator of this system crosses an interval between asked times.
[[nodiscard]] std::size_t steps_in(double span, double dt);

/// Second moments of a linear (Gaussian) ring at each time.
struct LinearPath {
  std::vector<double> w2;             ///< W^2
  std::vector<double> bond_variance;  ///< <(phi_{i+1} - phi_i)^2>
  std::vector<double> displacement;   ///< mean phase since t = 0, only from `statistically_linearised`
  std::vector<std::vector<double>> structure;  ///< S(q_k) = <|phi_q|^2>/N, q_k = 2 pi k/N, k = 1..N/2, for each time; if asked for
};

/// Separations at which G2 is given: 1, 2, 3, 4, 6, 8, 12, ..., two an octave, up to N/2.
[[nodiscard]] std::vector<std::size_t> separations(std::size_t N);

/// Bins of wavenumbers in which S is given: k = 1, 2, 3, 4 alone, then two bins an octave, (4, 6], (6, 8], (8, 12], ..., up to N/2. S of a bin
/// is the mean over its modes, k and N - k both counted, so that W^2 = (1/N) sum over bins of modes * S.
struct WaveBins {
  std::vector<double> q;           ///< mean wavenumber of the modes
  std::vector<std::size_t> first;  ///< smallest k of each bin; one more at the end
  std::vector<double> modes;       ///< modes in the bin, 2 for each k < N/2
  explicit WaveBins(std::size_t N);
  /// @param s  S(q_k), k = 1..N/2
  [[nodiscard]] std::vector<double> average(std::span<const double> s) const;

 private:
  std::size_t N_;
};

/// G2(l) = <(phi_{i+l} - phi_i)^2> = (2/N) sum_k S(q_k) (1 - cos(q_k l)) over all modes, for each separation.
/// @param s  S(q_k), k = 1..N/2
[[nodiscard]] std::vector<double> height_differences(std::size_t N, std::span<const double> s, std::span<const std::size_t> separations);

/// Edwards-Wilkinson ring, exact mode sums:
///   noise     W^2 = (1/N) sum_k D (1 - e^{-2 l_k t}) / l_k,
///   columnar  W^2 = (s^2/N) sum_k ((1 - e^{-l_k t}) / l_k)^2.
/// nu = 0 gives independent oscillators. Error: rounding of the sums, about 1e-14 relative.
[[nodiscard]] LinearPath edwards_wilkinson(std::size_t N, double nu, const Randomness& random, std::span<const double> times, bool with_structure = false);

/// The same as an integrator sees it that goes from time to time in steps of at most dt: exact law of the discrete scheme
/// (amplification factor G and noise factor H of each mode), so that the difference is the error of the time step.
[[nodiscard]] LinearPath edwards_wilkinson_stepped(std::size_t N, double nu, const Randomness& random, Scheme scheme, double dt, std::span<const double> times, bool with_structure = false);

/// Gaussian closure of the ring (statistical linearisation) in the time steps of the simulation: bond differences are taken as
/// Gaussian with their current variance v, Gamma acts through its mean slope <Gamma'>_v (softer bonds) and its mean 2 <Gamma>_v
/// moves the frame. Cost O(N) per time step.
[[nodiscard]] LinearPath statistically_linearised(std::size_t N, const lattice::FourierCoupling& coupling, const Randomness& random, Scheme scheme, double dt,
                                                  std::span<const double> times, bool with_structure = false);

/// Saturation of the Edwards-Wilkinson ring: D (N^2 - 1) / (12 nu N), or s^2 (N^2 - 1)(N^2 + 11) / (720 nu^2 N).
[[nodiscard]] double saturation_w2(std::size_t N, double nu, const Randomness& random);
/// Relaxation time of W^2 towards it: 1/(2 l_1), or 1/l_1 (columnar); infinite for nu = 0. KPZ rings saturate sooner (N^{3/2}).
[[nodiscard]] double slow_time(std::size_t N, double nu, const Randomness& random);

/// Equilibrium mean of cos(bond difference) for an odd coupling with noise D: the ring is a gradient system and, N large, bonds
/// are independent with density exp(-V/D), V' = Gamma. For Gamma = K sin x that is I_1(K/D) / I_0(K/D) (von Mises).
[[nodiscard]] double equilibrium_bond_cosine(const lattice::FourierCoupling& coupling, double D);

/// Smallest K at which a chain of frozen frequencies with Gamma = K sin x locks (delta = 0): open ends, max |S_i| with
/// S_i = sum_{j <= i} (omega_j - mean).
[[nodiscard]] double locking_threshold_open(std::span<const double> omega);
/// The same for the ring with winding number 0: there must be a c with |S_i + c| <= K and sum_i arcsin((S_i + c)/K) = 0.
/// By bisection to 1e-12 relative.
[[nodiscard]] double locking_threshold_ring(std::span<const double> omega);

/// Growth of a flat Kardar-Parisi-Zhang front at late times on an infinite line (noise): with A = D/nu the mean squared slope and
/// Gamma = |lambda| A^2 / 2, phi - v t = (Gamma t)^(1/3) chi, chi of the law of Tracy and Widom for GOE (times 2^(-2/3)), turned over for
/// lambda < 0. Exact for the lattice of Lam and Shin as t -> infinity; corrections to W^2 are of relative order t^(-2/3).
/// Source: Takeuchi (2018), doi:10.1016/j.physa.2018.03.009, sections 2 and 3 (there A = D/(2 nu), for a noise of half this strength).
struct KpzGrowth {
  static constexpr double variance = 0.63805;    ///< of chi
  static constexpr double skewness = 0.29346;    ///< for lambda > 0
  static constexpr double kurtosis = 0.16524;    ///< excess
  double rate = 0;                               ///< Gamma
  double sign = 1;                               ///< of lambda
  [[nodiscard]] double w2(double t) const;
};
/// Dimensionless strength of the KPZ term, lattice spacing 1: lambda^2 D / nu^3 with noise, lambda^2 s^2 / nu^4 columnar.
[[nodiscard]] double kpz_coupling(double nu, double lambda, const Randomness& random);
/// lambda = 0 gives rate 0: no such growth.
[[nodiscard]] KpzGrowth kpz_growth(double nu, double lambda, double D);

/// Local exponent d ln W / d ln t at each time from W^2 at its neighbours (one-sided at the ends and next to t = 0). At t = 0 it is
/// the limit: 1/2 for noise, 1 columnar. NaN where W^2 is not positive. Every level uses it, so that the word means the same.
[[nodiscard]] std::vector<double> local_slope(std::span<const double> times, std::span<const double> w2, bool columnar);

}  // namespace meso::systems::kpz_synchronization
