// Epidemic waves in space: linear dispersion of the front, and the edge-based partial integro-differential equation for SIR.
//
//   d_t Theta(x) = -beta Theta + beta int f(x - y) S0(y) Psi'(Theta(y))/<kappa> dy + gamma (1 - Theta),   S = S0 Psi(Theta)
// exact for N -> infinity at a fixed degree law and an ever denser network. Fronts are plane: only the first coordinate matters.
#pragma once

#include <limits>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "kits/graph/reduced.h"
#include "kits/graph/spatial.h"

namespace meso::graph {

/// Front ahead of which Theta = 1 - eps exp(-s (x - c t)): c(s) = (beta R M(s) - beta - gamma)/s, R = <kappa^2>/<kappa>.
struct Dispersion {
  double s = 0, speed = 0;      ///< the minimum: s*, c*
  double curvature = 0;         ///< c''(s*)
  /// Approach from a compact start, c(t) = c* - 3/(2 s* t). Source: Bramson (1983); Ebert and van Saarloos (2000), doi:10.1016/S0167-2789(00)00068-3.
  [[nodiscard]] double at_time(double t) const { return speed - 1.5 / (s * t); }
  /// At density rho the front is cut off where less than one node is infected: c* - pi^2 s*^2 c''(s*)/(2 ln^2 rho).
  /// Source: Brunet and Derrida (1997), doi:10.1103/PhysRevE.56.2597. Overestimates the slowing at moderate rho.
  [[nodiscard]] double cut_off(double rho) const;
};
/// Nothing if the kernel has no exponential moment (fronts accelerate) or if beta R <= beta + gamma (no front).
[[nodiscard]] std::optional<Dispersion> dispersion(const Kernel& kernel, double excess, double beta, double gamma);

struct WaveSpec {
  Kernel kernel{1, {Kernel::Part{}}};
  std::vector<double> kappa{6}, kappa_weight{1};
  double side = 100, beta = 1, gamma = 1;
  double seed_half_width = 2;   ///< infected at t = 0: |x - side/2| < this
  double dx = 0.1, dt = 0.01;
};

/// Fields on the half box: distance X from the seed's centre, X = i dx, mirror images beyond both ends.
struct WavePath {
  std::vector<double> position;           ///< X
  std::vector<double> susceptible, infected;  ///< times x positions
  std::vector<double> arrival;            ///< time at which half of the nodes at X have been infected; infinite if not by the end
  std::vector<double> mean_susceptible, mean_infected;  ///< over the box, per time
  double end = 0;
  std::string method;                     ///< "direct, support 10" or "Fourier"
};

/// Integrates by RK4 in u = 1 - Theta, with expm1 for 1 - Psi', so that the exponentially small front keeps its digits. Kernels with an exponential moment: direct
/// convolution on a finite support, because round-off of a Fourier transform ahead of a pulled front would be amplified at the rate beta R - beta - gamma.
/// Kernels without: Fourier transform; their tail is far above round-off everywhere.
/// @param until_arrival  go on (to at most `latest`) until the front has reached this distance
[[nodiscard]] WavePath integrate_wave(const WaveSpec& spec, std::span<const double> times, double until_arrival, double latest);

/// Speed from arrival times: 1/slope of the least-squares line T(X). NaN with fewer than 3 finite points or a slope that is not positive.
[[nodiscard]] double front_speed(std::span<const double> distance, std::span<const double> arrival);

}  // namespace meso::graph
