// Second-order fields: phi_tt + eta phi_t - Lap phi + V'(phi) = sqrt(2 eta T) xi, pi = phi_t.
//
// H = sum over points of cell * [pi^2/2 - phi (Lap phi)/2 + V(phi)]: the same spectral Laplacian in the energy as in the force, so
// that the scheme integrates the Hamiltonian whose drift is reported. P = -sum of dx pi phi_x. c = hbar = 1.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "kits/field/potential.h"
#include "kits/field/spectral.h"
#include "rng/stream.h"

namespace meso::field {

/// Symmetric compositions of velocity Verlet. `suzuki4`: five of them with weights p, p, 1 - 4p, p, p, p = 1/(4 - 4^(1/3)),
/// order 4 (Suzuki 1990, doi:10.1016/0375-9601(90)90962-N), five forces a step.
enum class Scheme { verlet, suzuki4 };
/// fixed: the given dt. cfl: dt = 0.5/k_max, constant. adaptive: dt in [0.1, 0.5]/k_max by the energy error, every 20 steps: it drifts
/// (a change of dt inside Verlet breaks symplecticity) and is there to compare with.
enum class Stepping { fixed, cfl, adaptive };

/// One realisation of the field and its integrator. Not thread-safe: one per trajectory.
class WaveField {
 public:
  /// @param phi, pi  initial values on the grid. @throws ParameterError if a size is wrong or a value is not finite (names the point)
  WaveField(Spectral spectral, Potential potential, std::span<const double> phi, std::span<const double> pi);

  [[nodiscard]] std::span<const double> phi() const { return phi_; }
  [[nodiscard]] std::span<const double> pi() const { return pi_; }
  [[nodiscard]] const Grid& grid() const { return spectral_.grid(); }
  [[nodiscard]] double time() const { return time_; }
  [[nodiscard]] std::uint64_t steps_made() const { return steps_; }

  /// `count` steps of dt (negative: backwards). The half kicks of neighbouring steps are made as one.
  /// @param each  called after every step's drift with phi (pi is half a step behind there); may be empty
  void advance(double dt, std::size_t count, Scheme scheme = Scheme::verlet, const std::function<void(std::span<const double>)>& each = {});
  /// BAOAB splitting of the Langevin equation: half kick, half drift, exact Ornstein-Uhlenbeck step of pi (stationary variance T/cell a point), half drift,
  /// half kick. Positions of a linear field are sampled without step error. Leimkuhler and Matthews (2013), doi:10.1093/amrx/abs010.
  void langevin(double dt, std::size_t count, double damping, double temperature, FastStream& noise);
  /// The adaptive rule up to `end`: see Stepping. @returns steps made
  std::size_t adaptive(double end, double energy_tolerance, double& dt, const std::function<void(std::span<const double>)>& each = {});
  /// pi -> -pi: the same orbit backwards.
  void reverse();

  [[nodiscard]] double energy();
  [[nodiscard]] double momentum();
  [[nodiscard]] double kinetic() const;
  /// False if a value is no longer finite; @param largest  max |phi|
  [[nodiscard]] bool finite(double* largest = nullptr) const;
  [[nodiscard]] Spectral& spectral() { return spectral_; }
  [[nodiscard]] const Potential& potential() const { return potential_; }

 private:
  void force();  // lap_ and slope_ at phi_
  Spectral spectral_;
  Potential potential_;
  FieldVector phi_, pi_, lap_, slope_;
  bool current_ = false;  // lap_ and slope_ belong to phi_
  double time_ = 0, reference_energy_ = 0;
  bool has_reference_ = false;
  std::uint64_t steps_ = 0;
};

/// Largest stable dt: 2/omega for velocity Verlet, found from the trace of the step on a harmonic oscillator for compositions;
/// omega^2 = stiffness k_max^2 + largest V''.
[[nodiscard]] double stability_limit(Scheme scheme, double omega);
/// Weights of the composition.
[[nodiscard]] std::span<const double> weights_of(Scheme scheme);

}  // namespace meso::field
