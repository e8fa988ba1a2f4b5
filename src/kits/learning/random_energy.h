// A kernel density estimate in d dimensions as a random energy model.
//
// Data y_1 ... y_n ~ N(0, C), n = e^{alpha d}, query x, Gaussian kernel of width h. With D_i = |x - y_i|^2 and lambda = 1/h^2
//     rho_hat(x) = (2 pi h^2)^{-d/2} Z/n,    Z = sum_i w_i,    w_i = exp(-lambda D_i/2):
// n independent Boltzmann weights. In the eigenbasis of C the distance is a sum over its distinct eigenvalues kappa,
//     D = sum_g kappa_g chi^2_{m_g}(delta_g),   delta_g = |x_g|^2/kappa_g,
// and everything below follows from one function, exact for every d,
//     d phi(lambda) = ln E w = -1/2 sum_g [m_g ln(1 + lambda kappa_g) + delta_g lambda kappa_g/(1 + lambda kappa_g)].
// Points at D/(2d) = e = -phi'(lambda) have density e^{-d I}, I = lambda phi' - phi; the nearest of n lies where I(lambda_c) = alpha.
//     h_G = lambda_c^{-1/2}, h_CLT = sqrt(2) h_G, mu = (h/h_G)^2: index of the tail of the weights.
// mu > 2: central limit theorem; 1 < mu < 2: one-sided stable law about the mean; mu < 1: condensed, a few nearest points carry the sum.
// Source: Derrida (1981), doi:10.1103/PhysRevB.24.2613 (random energy model); Ben Arous, Bogachev, Molchanov (2005), doi:10.1007/s00440-004-0406-3
// (sums of random exponentials); for kernel densities the paper of system kde-high-dim. A typical query has delta_g = m_g.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace meso::learning {

/// Directions that share one eigenvalue of C: `dimensions` of them, and the squared length of the query's part in units of the eigenvalue.
struct DistanceGroup {
  double eigenvalue = 1;
  std::size_t dimensions = 1;
  double noncentrality = 1;  ///< delta_g = |x_g|^2/kappa_g; `dimensions` for a typical query
};

/// Groups for a spectrum that repeats: d is a multiple of its length, equal eigenvalues are joined, delta = r m.
/// @throws ParameterError  an eigenvalue <= 0 (covariance not positive definite), or d not a multiple of the length
[[nodiscard]] std::vector<DistanceGroup> distance_groups(std::size_t d, std::span<const double> spectrum, double r = 1);
/// The same for a query given by its components along the eigenvectors: component i belongs to spectrum[i mod length].
/// @throws ParameterError  also if the query has not d components
[[nodiscard]] std::vector<DistanceGroup> distance_groups(std::size_t d, std::span<const double> spectrum, std::span<const double> query);

/// ln E w at this lambda = 1/h^2, exact for every d.
[[nodiscard]] double ln_mean_weight(std::span<const DistanceGroup> groups, double lambda);
/// ln of E[rho_hat(x)] = density of N(0, C + h^2 I) at x; ln of the density rho(x) itself.
[[nodiscard]] double ln_mean_density(std::span<const DistanceGroup> groups, double h);
[[nodiscard]] double ln_true_density(std::span<const DistanceGroup> groups);
/// Var(rho_hat)/E[rho_hat]^2 = (E w^2/(E w)^2 - 1)/n over data sets, exact; may be infinite as a double.
[[nodiscard]] double relative_variance(std::span<const DistanceGroup> groups, double h, double n);

/// The limit d -> infinity at fixed alpha. Rates are per dimension.
class RandomEnergy {
 public:
  /// @throws ParameterError  alpha not above 0
  RandomEnergy(std::vector<DistanceGroup> groups, double alpha);

  [[nodiscard]] double phi(double lambda) const;
  /// I(lambda) = lambda phi' - phi = 1/2 <ln(1+y) - y/(1+y) + (delta/m) y^2/(1+y)^2>, y = lambda kappa; for a typical query 1/2 <ln(1+y) - y/(1+y)^2>.
  [[nodiscard]] double rate(double lambda) const;
  /// e(lambda) = -phi'(lambda): half the squared distance per dimension of the points that dominate at lambda.
  [[nodiscard]] double energy(double lambda) const;

  [[nodiscard]] double lambda_c() const { return lambda_c_; }
  [[nodiscard]] double h_glass() const;                       ///< h_G
  [[nodiscard]] double h_clt() const;                         ///< h_CLT
  [[nodiscard]] double nearest() const { return energy_c_; }  ///< e*: 2 e* d is the squared distance to the nearest point
  [[nodiscard]] double mu(double h) const { return lambda_c_ * h * h; }

  /// lim (1/d) ln rho_hat.
  [[nodiscard]] double ln_density(double h) const;
  /// lim (1/d) [ln rho - ln rho_hat]; for a typical query the Kullback-Leibler divergence D(h)/d.
  [[nodiscard]] double divergence(double h) const;
  /// Bandwidth of least divergence, (2 e*)^{1/2}, and D there: ln(2 e*)/2 + alpha for C = I. For a typical query D grows with h above h_G, so that the
  /// optimum lies in the condensed phase; for another query see divergence().
  [[nodiscard]] double h_optimal() const;
  [[nodiscard]] double least_divergence() const { return divergence(h_optimal()); }
  /// lim E sum w^2/(sum w)^2 = 1 - mu below mu = 1, else 0.
  [[nodiscard]] double participation(double h) const;

 private:
  std::vector<DistanceGroup> groups_;
  double alpha_ = 0, d_ = 0, lambda_c_ = 0, energy_c_ = 0;
};

/// Mean share of the j-th largest weight in the limit law of the shares, the Poisson-Dirichlet law PD(mu, 0), 0 < mu < 1:
///     E V_j = int_0^inf e^{-t} phi^{j-1}/psi^j dt,  phi = e^{-t} - t^mu Gamma(1-mu, t),  psi = phi + t^mu Gamma(1-mu).
/// Source: Pitman and Yor (1997), doi:10.1214/aop/1024404422, proposition 11. Relative error 1e-10.
[[nodiscard]] double poisson_dirichlet_mean(double mu, std::size_t j);
/// Mean share of the k largest together; 0 for mu >= 1.
[[nodiscard]] double poisson_dirichlet_share(double mu, std::size_t k);

}  // namespace meso::learning
