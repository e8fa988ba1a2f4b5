// Local potentials V(phi): the usual three, or any formula. Slope and curvature are derived symbolically.
//
// Polynomials of any degree and a sin(b phi) slopes run through vectorised loops; everything else through the compiled formula,
// point by point. The two roads give the same numbers to rounding (potential_test.cpp).
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "num/formula.h"

namespace meso::field {

class Potential {
 public:
  Potential() : Potential(num::Formula::constant(0.0)) {}
  /// @param v  formula in `phi` alone (constants put in). @throws ModelError for any other name (nearest name)
  explicit Potential(const num::Formula& v);
  /// @param constants  values of the other names. @throws ModelError: syntax, unknown names (nearest name)
  [[nodiscard]] static Potential formula(const std::string& text, const std::map<std::string, double>& constants = {});
  /// V = m^2 phi^2/2
  [[nodiscard]] static Potential linear(double m);
  /// V = (lambda/4)(phi^2 - v^2)^2. @throws ParameterError unless lambda > 0 and v > 0
  [[nodiscard]] static Potential phi4(double lambda, double v);
  /// V = 1 - cos phi
  [[nodiscard]] static Potential sine_gordon();
  /// The same potential without its fast loops: what the tests compare with.
  [[nodiscard]] Potential interpreted() const;

  [[nodiscard]] double value(double phi) const { return v_.run(&phi); }
  [[nodiscard]] double slope(double phi) const { return dv_.run(&phi); }
  [[nodiscard]] double curvature(double phi) const { return d2v_.run(&phi); }
  /// out_j = V'(phi_j).
  void slopes(std::span<const double> phi, std::span<double> out) const;
  /// Sum over points of V(phi_j).
  [[nodiscard]] double sum(std::span<const double> phi) const;
  /// Largest V'' on [lo, hi] (scanned at 2001 points), at least 0.
  [[nodiscard]] double stiffest(double lo, double hi) const;
  /// A minimum near `start` (Newton on V', falling back to descent); `found` is false if there is none within reach.
  [[nodiscard]] double minimum_near(double start, bool& found) const;
  /// True if V' is c1 phi + c0: the field is linear.
  [[nodiscard]] bool is_quadratic() const { return kind_ == Kind::polynomial && coefficients_.size() <= 2; }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  enum class Kind { polynomial, sine, program };
  Kind kind_ = Kind::program;
  std::vector<double> coefficients_;  // of V', from the constant up
  double amplitude_ = 0, wave_ = 0;   // V' = amplitude sin(wave phi)
  num::Program v_, dv_, d2v_;
  std::string text_;
};

}  // namespace meso::field
