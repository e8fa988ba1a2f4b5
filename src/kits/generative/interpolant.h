// The stochastic interpolant x_t = alpha(t) x0 + beta(t) x1 + gamma(t) z between x0 ~ rho_0 and x1 ~ rho_1, z ~ N(0, I): its coefficients.
//
// Everything that depends on gamma is given by gamma^2 and by the product gamma gamma' = (gamma^2)'/2: gamma' alone is infinite at the ends for the
// Brownian choice, the product never.
// Source: Albergo, Boffi and Vanden-Eijnden, Stochastic Interpolants (2023), arXiv:2303.08797, section 4.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace meso::generative {

/// The coefficients and their time derivatives at one time.
struct Coefficients {
  double alpha = 1, alpha_rate = 0;
  double beta = 0, beta_rate = 0;
  double gamma = 0, gamma_product = 0;  ///< gamma and gamma gamma'
};

/// What a user writes. With path = "own" the formulas of t, else none of them.
struct InterpolantSpec {
  std::string path = "linear";      ///< see Interpolant::paths()
  std::string latent = "brownian";  ///< see Interpolant::latents()
  double latent_scale = 1;          ///< a of gamma = sqrt(a t (1 - t)), brownian only
  std::string alpha, beta;          ///< path = own: formulas of t
  std::string gamma_squared;        ///< latent = own: formula of t
  /// All of it in a line: part of a trained net's name.
  [[nodiscard]] std::string text() const;
};

/// A choice of alpha, beta, gamma on [0, 1] that starts in x0 and ends in x1. Thread-safe.
///
/// Paths: linear (1 - t, t); trig (sqrt(1 - gamma^2) times cos, sin of pi t/2); encoding-decoding (cos^2(pi t) before, after t = 1/2: through pure noise);
/// one-sided-linear, one-sided-trig (x0 is the Gaussian noise, gamma = 0); mirror (x1 + gamma z: from the data back to the data); own.
/// Latents: none; brownian sqrt(a t (1 - t)); quadratic t (1 - t); sine-squared sin^2(pi t);
/// sigmoid S(10 (t - 1/2) + 1) - S(10 (t - 1/2) - 1), lowered to 0 at the ends, S the logistic function; own.
class Interpolant {
 public:
  /// @throws ParameterError  an unknown name; gamma(0) or gamma(1) not 0; I(0) not x0 or I(1) not x1; trig where gamma reaches 1; one-sided with a latent;
  ///                         encoding-decoding or mirror without one; formulas that are missing, not finite, or given and not used
  explicit Interpolant(const InterpolantSpec& spec, const std::string& owner = "interpolant");

  [[nodiscard]] Coefficients at(double t) const { return at_(t); }
  [[nodiscard]] const InterpolantSpec& spec() const { return spec_; }
  [[nodiscard]] bool one_sided() const;
  [[nodiscard]] bool mirror() const { return spec_.path == "mirror"; }
  /// Times where the coefficients have a kink: the ends, and 1/2 for encoding-decoding. Time grids and quadratures should put a node there.
  [[nodiscard]] std::vector<double> breaks() const;
  [[nodiscard]] static const std::vector<std::string>& paths();
  [[nodiscard]] static const std::vector<std::string>& latents();

 private:
  InterpolantSpec spec_;
  std::function<Coefficients(double)> at_;
};

}  // namespace meso::generative
