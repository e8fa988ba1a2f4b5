// Steady states of moment equations: the one reached from an initial condition, and all other stable physical ones.
//
// A Newton root is never reported without its eigenvalues and its physicality (mean >= 0, variance >= 0, covariance
// positive semidefinite). Numbers of states found by many starts are lower bounds; for one species at order 2 with
// propensities up to cubic the variance is eliminated and all roots of one polynomial are taken: complete.
#pragma once

#include <complex>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "kits/kinetics/flow.h"

namespace meso::kinetics {

/// What is unphysical about a state, first found; empty text: nothing.
struct Unphysical {
  std::string kind;                        ///< negative-mean, negative-variance, covariance-not-psd
  std::vector<std::size_t> species;        ///< of the whole network: whose observables are touched
  std::string text;                        ///< "Var(X) = -4.7 < 0", amounts in molecules
};
/// Everything unphysical about z, with room for rounding: 1e-7 molecules for means, 1e-6 of the variances.
[[nodiscard]] std::vector<Unphysical> unphysical(const Flow& flow, std::span<const double> z, const ReducedNetwork& network);
/// Margins to the edge of physicality, positive inside, of all species of the network (eliminated ones too): means, then
/// variances, then for two and more independent species the smallest eigenvalue of the covariance. Event functions of the integrator.
[[nodiscard]] std::size_t n_margins(const Flow& flow, const ReducedNetwork& network);
void margins(const Flow& flow, std::span<const double> z, const ReducedNetwork& network, std::span<double> g);
/// Mean and variance of species a of the network, covariance of a and b, in molecules.
[[nodiscard]] double mean_of(const Flow& flow, std::span<const double> z, const ReducedNetwork& network, std::size_t a);
[[nodiscard]] double covariance_of(const Flow& flow, std::span<const double> z, const ReducedNetwork& network, std::size_t a, std::size_t b);

struct FixedPoint {
  std::vector<double> z;
  std::vector<double> bound;               ///< rounding error of z: |J^-1| eps sum|terms|, ten-fold
  std::vector<std::complex<double>> eigenvalues;  ///< largest real part first
  bool stable = false, physical = true;
};
/// Eigenvalues, rounding and physicality of a state; no eigenvalues if the Jacobian is not finite there, infinite bounds if it is singular.
[[nodiscard]] FixedPoint describe(const Flow& flow, std::span<const double> z, const ReducedNetwork& network);
/// Damped Newton from `guess`. @returns nothing if it does not converge
[[nodiscard]] std::optional<FixedPoint> newton(const Flow& flow, std::span<const double> guess, const ReducedNetwork& network);

struct Relaxation {
  enum class Outcome { settled, oscillates, diverged, collapsed, drifts };
  Outcome outcome = Outcome::drifts;
  FixedPoint state;                        ///< if settled
  double t = 0;                            ///< time integrated, or of the divergence
  std::vector<double> z;                   ///< at t
  std::vector<double> low, high;           ///< range of each variable over the last window
  double decay_rate = 0;                   ///< of the peak-to-peak range between the last two windows
  std::vector<OdeEvent> passages;          ///< first time each margin fell below zero on the way
  std::string message;
};
struct RelaxOptions {
  double relative = 1e-9;
  std::size_t max_steps = 400000;
  bool watch = true;                       ///< look for oscillations and unphysical passages
  std::function<void()> between = {};      ///< called between blocks; may throw (cancelling)
};
/// Integrates in blocks of doubling length until one of these is seen:
/// - settled: Newton from the end finds a stable state next to it (within 1e-4); or the oscillation about a stable state decays, in two blocks
///   running, at rates d = |Re lambda| + a r^2 with lambda the leading eigenvalue there (r^2 from peak-to-peak over the halves of each block; within 5 %);
/// - oscillates: in two blocks running, with at least ten maxima in each half, peak-to-peak changes by less than 0.2 % and by ever less,
///   over at least 20 slow times of the state inside the oscillation if that is stable (1 / |real part of its leading eigenvalue|).
/// An oscillation that decays more slowly than the integration can tell (|real part| above 1e-6 of the frequency, but 20 slow times out
/// of reach) is neither: `drifts`, with a message. Below 1e-6 of the frequency an eigenvalue counts as that of a centre.
[[nodiscard]] Relaxation relax(const Flow& flow, std::span<const double> z0, const ReducedNetwork& network, const RelaxOptions& options = {});

/// All stable physical states found, different ones only, `known` (may be empty) first.
/// @param seeds  amounts (molecules per species) worth starting from: states of the rate equation
[[nodiscard]] std::vector<FixedPoint> stable_states(const Flow& flow, std::span<const FixedPoint> known, std::span<const std::vector<double>> seeds,
                                                    const ReducedNetwork& network, const std::function<void()>& between = {});

/// Physical states, stable or not, different ones only: all of them where `eliminate` applies, else those that Newton's method
/// finds from the seeds and a grid around them (`complete` is then set to false).
[[nodiscard]] std::vector<FixedPoint> steady_states(const Flow& flow, std::span<const std::vector<double>> seeds, const ReducedNetwork& network, bool* complete = nullptr);

/// True if a and b are the same state to 1e-5 of their size.
[[nodiscard]] bool same_state(const FixedPoint& a, const FixedPoint& b);

/// Roots of c[0] + c[1] x + ... (leading zeros allowed), by the companion matrix.
[[nodiscard]] std::vector<std::complex<double>> polynomial_roots(std::span<const double> coefficients);

/// Candidates for one species: all real roots of the order-1 flow, or of the order-2 flow whose first equation is linear in
/// the variance; nullopt where elimination does not apply.
[[nodiscard]] std::optional<std::vector<std::vector<double>>> eliminate(const Flow& flow);

}  // namespace meso::kinetics
