// Dynamical mean-field theory (DMFT) of random rate networks with independent couplings of variance g^2/N, N -> infinity.
//
// Each unit is a Gaussian process x with autocovariance Delta(tau), driven by its peers' C_phi(tau) = <phi(x(t)) phi(x(t + tau))>:
//   discrete    Delta_0 = g^2 <phi^2> + sigma^2,  no memory: C_phi(tau != 0) = 0
//   continuous  (1 - d^2/dtau^2) Delta = g^2 C_phi + 2 sigma^2 delta(tau)        (time in units of the membrane time constant)
// The continuous equation is Newton's in a potential; on the branch that forgets (Delta -> 0) its energy gives
//   Delta' = -(Delta^2 - 2 g^2 F(Delta))^(1/2),  F(Delta) = integral of C_phi from 0 to Delta,  and Delta_0^2 = 2 g^2 F(Delta_0) + sigma^4.
// Sources: Sompolinsky, Crisanti, Sommers (1988), doi:10.1103/PhysRevLett.61.259 (sigma = 0); Schuecker, Goedeke, Helias (2018),
// doi:10.1103/PhysRevX.8.041029 (driven).
#pragma once

#include <cstddef>
#include <vector>

#include "kits/neuron/gain.h"

namespace meso::neuron {

enum class Clock { discrete, continuous };

/// x(t+1) = J phi(x(t)) + sigma z(t), or dx = (-x + J phi(x)) dt + sqrt(2) sigma dW.
struct RateModel {
  Gain gain;
  Clock clock = Clock::continuous;
  double g = 3;       ///< couplings have variance g^2/N
  double sigma = 0;   ///< strength of the independent drive
};

struct MeanField {
  RateModel model;
  double x_variance = 0;     ///< Delta_0
  double phi_variance = 0;   ///< C_phi(0)
  double slope = 0;          ///< a = <phi'(x)>
  bool active = false;       ///< false: the trivial branch, x = 0
  double error = 0;          ///< relative, estimated: components left out of the gain, step of the integration
  std::size_t others = 0;    ///< further self-consistent variances found (the largest is the one taken)
  // Continuous time, on tau = 0, step, 2 step, ... until Delta is 1e-10 of its start.
  double step = 0;
  std::vector<double> x_autocovariance, phi_autocovariance, drive_autocovariance;
  double half_width = 0;     ///< tau at which Delta(tau) = Delta_0/2
  double kink = 0;           ///< -C_phi'(0+), of white drive

  /// Variance of phi - a x, the part of a unit's activity that is no linear response: C_phi(0) - a^2 Delta_0.
  [[nodiscard]] double residual_variance() const { return phi_variance - slope * slope * x_variance; }
  /// 1 - g^2 a^2: distance of the linear equivalent from instability for N -> infinity.
  [[nodiscard]] double gap() const { return 1 - model.g * model.g * slope * slope; }
  /// C_phi(omega) = integral of C_phi(tau) e^{-i omega tau}; discrete: the constant C_phi(0).
  [[nodiscard]] double spectrum(double omega) const;
  /// |S(omega)|^2 g^2, S = a/(1 + i omega) or a e^{-i omega}.
  [[nodiscard]] double loop(double omega) const;
  /// Spectrum of the effective independent drive, C_phi(omega) (1 - g^2 |S|^2).
  [[nodiscard]] double drive_spectrum(double omega) const { return spectrum(omega) * (1 - loop(omega)); }
  /// Autocovariances at a lag (whole in discrete time), cubic between grid points.
  [[nodiscard]] double x_at(double lag) const;
  [[nodiscard]] double phi_at(double lag) const;

  /// Participation ratio (Tr S)^2/Tr S^2 over N of the equal-time covariance matrix, typical J, N -> infinity; from
  /// (1/N) Tr C(w) C(w')^dagger = C_phi(w) C_phi(w')/|1 - g^2 S(w) S*(w')|^2. Discrete: 1 - (g a)^4.
  struct Participation {
    double value = 0, error = 0;  ///< error estimated: half as many nodes
  };
  [[nodiscard]] Participation participation() const;
  /// The same of activity averaged over long windows: (1 - g^2 a^2)^2.
  [[nodiscard]] double long_window_participation() const { return gap() * gap(); }
};

/// Solves the self-consistency. The trivial branch (x = 0) is returned as such when nothing drives and g phi'(0) <= 1.
/// @throws ModelError          a gain that is not odd (its mean would need an equation of its own), g or sigma negative
/// @throws NumericalBreakdown  no self-consistent variance (an unbounded gain with too strong couplings), or a branch that does not
///                             forget (Delta does not go to 0)
[[nodiscard]] MeanField solve_mean_field(const RateModel& model);

/// Continuous time from x_i ~ N(0, variance0) independent of the couplings: single units at t = 0, step, ..., from the equation of two times
///     (1 + d/dt)(1 + d/ds) Delta(t, s) = g^2 <phi(x(t)) phi(x(s))> + 2 sigma^2 delta(t - s),
/// the leak and the white drive exactly, the field linear over a step: errors of order step^2. Work grows with the square of the steps.
struct Transient {
  double step = 0;
  std::vector<double> x_variance, phi_variance, slope;
  /// One of them at a time on or between the steps (third order).
  [[nodiscard]] double at(const std::vector<double>& values, double t) const;
};
/// @throws ModelError  a gain that is not odd
[[nodiscard]] Transient transient(const RateModel& model, double variance0, double step, std::size_t steps);

/// Discrete time from x_i ~ N(0, variance0): Delta(t) of times 0..steps.
[[nodiscard]] std::vector<double> variance_path(const RateModel& model, double variance0, std::size_t steps);

}  // namespace meso::neuron
