// The Schrödinger bridge on the line: among all processes from rho_0 at t = 0 to rho_1 at t = 1 with noise sqrt(2 epsilon) dW, the one with the least
// int_0^1 E|u|^2 dt; d_t rho + d_x(u rho) = epsilon d_xx rho. It is a Brownian motion whose ends are coupled anew,
//     pi(x, y) = f(x) K(x, y) g(y),   K the normal law of variance 2 epsilon,   f, g so that the marginals are rho_0 and rho_1,
// found by iterated proportional fitting (Fortet, Sinkhorn). Between the ends it is a Brownian bridge of variance 2 epsilon t (1 - t): the interpolant with
// alpha = 1 - t, beta = t, gamma^2 = 2 epsilon t (1 - t) and the *optimal* coupling of x0 and x1. With independent ends the same interpolant is a bridge, not this one.
// Source: Léonard (2014), doi:10.3934/dcds.2014.34.1533; Chen, Georgiou and Pavon (2021), doi:10.1137/20M1339982.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "kits/generative/field.h"
#include "kits/sde/mixture.h"
#include "stat/piecewise_law.h"

namespace meso::generative {

/// Gaussian ends N(., a) and N(., b) in closed form: Cov(x0, x1) = (sqrt(s^4 + 4 a b) - s^2)/2, s^2 = 2 epsilon.
struct GaussianBridge {
  double a = 1, b = 1, epsilon = 1, shift = 0;  ///< variances; E x1 - E x0
  [[nodiscard]] double coupling() const;
  [[nodiscard]] double variance(double t) const;
  /// 4 epsilon KL to Brownian motion from rho_0, of Brownian bridges between ends with covariance c; least at c = coupling(), where it is int E|u|^2 dt.
  [[nodiscard]] double energy(double c) const;
};

struct BridgeOptions {
  double nodes_per_sd = 8;       ///< nodes per standard deviation of the narrowest component of the ends
  std::size_t most_nodes = 3000;
  double tolerance = 1e-10;      ///< 1-norm of the start's marginal
  std::size_t most_iterations = 100000;
};

class SchroedingerBridge {
 public:
  /// @throws ParameterError      ends that are not one-dimensional, epsilon not above 0
  /// @throws NumericalBreakdown  an epsilon so small that the kernel between the ends is zero in doubles, or iterations that do not settle; says what would do
  SchroedingerBridge(const sde::GaussianMixture& start, const sde::GaussianMixture& end, double epsilon, const BridgeOptions& options = {});

  [[nodiscard]] double epsilon() const { return epsilon_; }
  [[nodiscard]] std::size_t iterations() const { return iterations_; }
  [[nodiscard]] double marginal_error() const { return marginal_error_; }
  [[nodiscard]] double coupling() const { return coupling_; }  ///< Cov(x0, x1)
  [[nodiscard]] double mean(double t) const;
  [[nodiscard]] double variance(double t) const;
  /// int_0^1 E|u|^2 dt = 4 epsilon KL(pi || rho_0 K).
  [[nodiscard]] double energy() const { return energy_; }
  [[nodiscard]] PiecewiseLaw law(double t) const;
  [[nodiscard]] std::span<const double> nodes() const { return x_; }
  /// The drift u(t, x) = (E[x1 | x_t = x] - x)/(1 - t) under g, t < 1.
  [[nodiscard]] double drift(double t, double x) const;

 private:
  [[nodiscard]] std::vector<double> spread(std::span<const double> f, double variance) const;
  double epsilon_ = 1, h_ = 0, marginal_error_ = 0, coupling_ = 0, energy_ = 0;
  double mean0_ = 0, mean1_ = 0, var0_ = 0, var1_ = 0;
  std::size_t iterations_ = 0;
  std::vector<double> x_, density0_, density1_, f_, g_;
};

}  // namespace meso::generative
