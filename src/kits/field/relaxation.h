// First-order fields: phi_t = K Lap phi - V'(phi) + sqrt(2 T) xi (gradient descent with noise: Allen-Cahn, Edwards-Wilkinson, model A).
//
// Exponential time differencing: the linear part c_k = -K k^2 - V''(0) is exact, so that the largest wavenumber does not
// limit the step. Without noise ETDRK4 (order 4); with noise exponential Euler, whose noise is the exact Ornstein-Uhlenbeck one:
// a linear field has no step error at all, a nonlinear one a weak error of order dt.
#pragma once

#include "kits/field/potential.h"
#include "kits/field/spectral.h"
#include "rng/stream.h"

namespace meso::field {

class RelaxationField {
 public:
  /// @throws ParameterError for wrong sizes or values that are not finite
  RelaxationField(Spectral spectral, Potential potential, std::span<const double> phi, double stiffness = 1);

  /// ETDRK4 with coefficients from contour integrals. Cox and Matthews (2002), doi:10.1006/jcph.2002.6995; Kassam and Trefethen (2005), doi:10.1137/S1064827502410633.
  void advance(double dt, std::size_t count);
  /// Exponential Euler with noise of temperature T: equilibrium exp(-H/T), H = sum of cell * [K (grad phi)^2/2 + V].
  void langevin(double dt, std::size_t count, double temperature, FastStream& noise);

  [[nodiscard]] std::span<const double> phi() const { return phi_; }
  [[nodiscard]] const Grid& grid() const { return spectral_.grid(); }
  [[nodiscard]] double time() const { return time_; }
  /// The energy that the field descends.
  [[nodiscard]] double energy();
  [[nodiscard]] bool finite(double* largest = nullptr) const;
  [[nodiscard]] Spectral& spectral() { return spectral_; }

 private:
  void coefficients(double dt);
  void nonlinear(std::span<const std::complex<double>> modes, std::span<std::complex<double>> out);  // of -(V' - V''(0) phi)
  Spectral spectral_;
  Potential potential_;
  double stiffness_, linear_ = 0, time_ = 0, dt_ = 0;
  FieldVector phi_, slope_, work_;
  ModeVector modes_, n0_, na_, nb_, nc_, a_, b_;
  std::vector<double> c_, e_, e2_, q_, f1_, f2_, f3_;
};

}  // namespace meso::field
