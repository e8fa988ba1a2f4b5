// Gain functions phi of rate networks and their averages over Gaussian fields.
//
// For x = s z, z standard normal, the normalised Hermite components p_m = <phi(s z) He_m(z)>^2 / m! give every average that mean-field
// theory needs (Mehler): for two fields of variance s^2 and covariance r s^2
//     <phi(x) phi(x')> = sum_m p_m r^m,     integral_0^{r s^2} of it = s^2 sum_m p_m r^(m+1)/(m+1)   (Price),     <phi'> = <x phi>/s^2   (Stein).
// A quadrature in two dimensions is never made, steep gains cost more components only, and what the components leave out is known: the
// sum of all p_m is <phi^2>.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "num/formula.h"

namespace meso::neuron {

/// A gain function phi(x): one of the named ones, or a formula in x.
class Gain {
 public:
  enum class Kind { tanh, erf, linear, clipped, sine, threshold_linear, formula };

  Gain() = default;  ///< tanh
  /// "tanh", "erf" (erf(sqrt(pi)/2 x): unit slope), "linear", "clipped" (x within [-1, 1]), "sine", "threshold-linear" (max(x, 0)); anything else
  /// is a formula in x: "x/(1 + abs(x))".
  /// @throws ModelError  a word that is no formula (with the nearest name), other variables than x, not finite at 0
  explicit Gain(const std::string& text);

  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] Kind kind() const { return kind_; }
  [[nodiscard]] double operator()(double x) const;
  /// phi'(x); at a kink the mean of both sides or one of them.
  [[nodiscard]] double slope(double x) const;
  /// phi(-x) = -phi(x) on a grid up to |x| = 20, to round-off.
  [[nodiscard]] bool is_odd() const { return odd_; }
  /// |phi| bounded: phi(x) grows by less than 1e-3 between 1e3 and 1e6 on both sides.
  [[nodiscard]] bool is_bounded() const { return bounded_; }
  /// out[i] = phi(in[i]) in single precision, relative error 4e-7 for the named gains: vector code, the same bits at any width of the registers.
  void apply(std::span<const float> in, std::span<float> out) const;

  [[nodiscard]] static std::vector<std::string> names();

 private:
  void examine();
  Kind kind_ = Kind::tanh;
  std::string text_ = "tanh";
  num::Program value_, slope_;
  bool odd_ = true, bounded_ = true;
};

/// Averages of phi over Gaussian fields of variance `variance` >= 0, from Hermite components.
class GaussianAverages {
 public:
  /// @param components  number of Hermite components kept (m < components)
  GaussianAverages(const Gain& gain, double variance, std::size_t components = 512);

  [[nodiscard]] double variance() const { return variance_; }
  [[nodiscard]] double mean() const { return mean_; }            ///< <phi>
  [[nodiscard]] double square() const { return square_; }        ///< <phi^2>
  [[nodiscard]] double slope() const { return slope_; }          ///< a = <phi'>
  /// <phi(x) phi(x')> at covariance c, |c| <= variance.
  [[nodiscard]] double covariance(double c) const;
  /// d/dc of it, <phi'(x) phi'(x')>.
  [[nodiscard]] double covariance_slope(double c) const;
  /// Integral of it from 0 to c.
  [[nodiscard]] double integral(double c) const;
  /// <phi(s z) he_m(z)> with normalised Hermite polynomials he_m, signed: between fields of two variances the average is sum_m c_m c'_m r^m.
  [[nodiscard]] const std::vector<double>& components() const { return component_; }
  /// What the components leave out of <phi^2>, the largest error of covariance(): zero for smooth gains, about 1e-4 with a kink.
  [[nodiscard]] double missing() const { return missing_; }

 private:
  double variance_ = 0, mean_ = 0, square_ = 0, slope_ = 0, missing_ = 0;
  std::vector<double> power_, component_;  // p_m = c_m^2, trailing negligible ones cut
};

}  // namespace meso::neuron
