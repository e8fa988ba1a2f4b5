// Synchronisation of phase oscillators on a ring, read as a growing interface: Edwards-Wilkinson, Kardar-Parisi-Zhang and
// random deposition. The physics is in README.md; this file is what the tests and the benchmark see of it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/system.h"
#include "systems/lattice/kpz-synchronization/theory.h"

namespace meso::systems::kpz_synchronization {

/// dphi_i/dt = omega_i + Gamma(phi_{i+1} - phi_i) + Gamma(phi_{i-1} - phi_i) + sqrt(2 D) xi_i(t), i = 1..N on a ring, phi_i(0) = 0,
/// Gamma(x) = K [sin(x + delta) - sin delta + sum_{m >= 2} b_m sin(m x) + c_m (cos(m x) - 1)].
struct Params {
  std::int64_t N = 4096;
  double K = 1, delta = 0;
  std::string kind = "noise";
  double D = 0.05, s = 0.1;
  std::string omega_law = "gaussian";
  std::string scheme = "auto";
  double dt = 0;
  std::vector<double> sine_harmonics, cosine_harmonics;
};

System system();

[[nodiscard]] bool is_columnar(const Params& p);
[[nodiscard]] lattice::FourierCoupling coupling_of(const Params& p);
[[nodiscard]] Randomness randomness_of(const Params& p);
/// `auto` is Euler-Maruyama with noise and RK4 for frozen frequencies.
[[nodiscard]] Scheme scheme_of(const Params& p);
/// dt = 0 is the default: 0.05 / max(K, 1) with noise (0.02 from D = 0.3 on), 0.1 / max(K, 1) for frozen frequencies.
[[nodiscard]] double time_step_of(const Params& p);

/// The natural frequencies of one realisation; empty with noise. Drawn from the stream "<purpose>/frequencies".
[[nodiscard]] std::vector<double> frequencies(const Params& p, std::uint64_t seed, const std::string& purpose, std::uint64_t trajectory);

/// Class of one point of the dynamical phase diagram.
struct PhaseClass {
  std::string name;              ///< synchronous-EW, synchronous-KPZ, synchronous (exponent undecided), slips, desynchronised
  double exponent = 0, error = 0;  ///< of W over [from, to]; NaN if it could not be fitted
  double from = 0, to = 0;
  double late_exponent = 0;      ///< of W over the last factor 2 of time
  double slips = 0;              ///< largest slip fraction seen
  bool saturated = false;
};

/// Slip fraction from which bonds are said to slip.
inline constexpr double slip_threshold = 1e-3;

/// From W2 and slip_fraction of an ensemble on a time axis.
/// Slips seen: `desynchronised` if at the end W still grows at least as a free site would (late exponent > 0.4 with noise, 0.9
/// columnar) with more than 5 % of the bonds slipped, else `slips`. No slips: EW or KPZ by the exponent beside the middle of the two
/// values (1/4 | 1/3 with noise, 3/4 | 0.86 columnar), undecided if its error reaches over the middle.
/// @param from, to  fit window; to is cut where W2 passes 0.4 of the Edwards-Wilkinson saturation
[[nodiscard]] PhaseClass classify(const Params& p, const Estimate& w2, const Estimate& slips, double from, double to);

/// Default window of the growth exponent: [t_max / 20, t_max].
[[nodiscard]] std::pair<double, double> default_window(const std::vector<double>& times);

}  // namespace meso::systems::kpz_synchronization
