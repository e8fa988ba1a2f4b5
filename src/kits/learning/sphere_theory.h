// Closed forms for estimation on the sphere: what averages of a Gaussian tensor landscape know at first order in the inverse temperature.
//
// Landscape E = <theta*, theta>^k + n^{-1/2} <Z, theta^{(x) k}>, Cov <Z, theta^k> = (theta . theta')^k. With N_k = d (d+2) ... (d+k-1):
//   k odd   E_0[theta E] is k!!/N_k (theta* + noise), noise of variance N_k / (d k!! n) a component (exact for every d), so that
//           cos(average, theta*) -> [1 + N_k / (k!! n)]^{-1/2}: n ~ d^{(k+1)/2}.
//   k even  E_0[(theta theta^T - I/d) E] is a spike in a symmetric Gaussian matrix: overlap^2 -> 1 - n_c/n above the spectral transition
//           (Baik, Ben Arous, Péché 2005, doi:10.1214/009117905000000233) n_c = d (d+2) ... (d+k) / ((d+2) k (k-1)!!), for k = 4 d(d+4)/12.
// Single-index models of information exponent k have the same leading laws (noise variance of the labels s^2: n -> n/(1 + s^2)).
// Derived from the uniform moments of the sphere; the rate d^{ceil(k/2)} is that of the paper of system langevin-averaging.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <vector>

#include "num/markov.h"

namespace meso::learning {

/// E|theta . e| of a uniform point: Gamma(d/2) / (sqrt(pi) Gamma((d+1)/2)), near sqrt(2/(pi d)).
[[nodiscard]] double uniform_overlap(std::size_t d);
/// N_k = d (d+2) ... (d+k-1) for odd k.
[[nodiscard]] double odd_noise_samples(std::size_t k, std::size_t d);  ///< N_k / k!!: the n at which signal and noise of the average are equal (k odd)
[[nodiscard]] double spectral_samples(std::size_t k, std::size_t d);   ///< n_c (k even)
/// Overlap law of the average at first order in beta; below the transition 0.
[[nodiscard]] double average_overlap_law(std::size_t k, std::size_t d, double n);
/// k odd, tensors: mean of |cos| of the first-order average for finite d, exact: theta* plus isotropic Gaussian noise, by quadrature over its
/// component along theta* and its length across.
[[nodiscard]] double odd_average_overlap(std::size_t k, std::size_t d, double n);
/// n at which the law reaches `overlap`.
[[nodiscard]] double samples_for_overlap(std::size_t k, std::size_t d, double overlap);

/// The overlap m = theta . theta* in the landscape without noise, E = m^k: an autonomous diffusion. In the angle phi = arccos m its law obeys
///     dp/dt = d_phi (p' - p (log w)'),   w(phi) = exp(beta cos^k phi) sin^{d-2} phi,
/// here as a reversible chain on cells of phi (positive, conservative, stationary law exact on the cells; order 2 in their width).
class PlantedOverlap {
 public:
  /// @throws ParameterError  d < 3
  PlantedOverlap(std::size_t k, std::size_t d, double beta, std::size_t cells = 600);
  /// Uniform on the sphere.
  void start();
  void advance(double t);
  void make_stationary();
  [[nodiscard]] double expectation(const std::function<double(double m)>& f) const;
  /// P(m <= x).
  [[nodiscard]] double cdf(double x) const;
  [[nodiscard]] std::span<const double> p() const { return p_; }
  [[nodiscard]] double error() const { return error_; }  ///< 1-norm error of the steps in time, estimated

 private:
  [[nodiscard]] double log_weight(double phi, double beta) const;
  void fill(double beta);
  std::size_t k_, d_;
  double beta_, low_ = 0, h_ = 0, step_ = 0, error_ = 0;
  num::Generator generator_;
  std::vector<double> p_;
};

/// Stationary mean of f(m) under exp(beta m^k) (1 - m^2)^{(d-3)/2}, by quadrature in the angle (error near rounding).
[[nodiscard]] double planted_average(std::size_t k, std::size_t d, double beta, const std::function<double(double m)>& f);
/// P(m <= x) of the same law.
[[nodiscard]] double planted_cdf(std::size_t k, std::size_t d, double beta, double x);

}  // namespace meso::learning
