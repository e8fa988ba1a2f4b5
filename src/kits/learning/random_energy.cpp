#include "kits/learning/random_energy.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/error.h"
#include "base/text.h"
#include "stat/quantile.h"

namespace meso::learning {
namespace {

std::vector<DistanceGroup> joined(std::size_t d, std::span<const double> spectrum, const auto& noncentrality_of) {
  const std::vector<double> one{1.0};
  const std::span<const double> all = spectrum.empty() ? std::span<const double>(one) : spectrum;
  for (const double kappa : all)
    if (!(kappa > 0) || !std::isfinite(kappa))
      throw ParameterError(fmt::format("the covariance is not positive definite: eigenvalue {} in the spectrum; all must be above 0", exact(kappa)));
  if (d == 0 || d % all.size() != 0)
    throw ParameterError(fmt::format("a spectrum of {} eigenvalues does not fill d = {} dimensions; d must be a multiple of their number", all.size(), d));
  std::vector<DistanceGroup> groups;
  for (std::size_t i = 0; i < d; ++i) {
    const double kappa = all[i % all.size()];
    auto found = std::find_if(groups.begin(), groups.end(), [&](const DistanceGroup& g) { return g.eigenvalue == kappa; });
    if (found == groups.end()) found = groups.insert(groups.end(), {kappa, 0, 0.0});
    found->dimensions += 1;
    found->noncentrality += noncentrality_of(i, kappa);
  }
  return groups;
}

double dimensions(std::span<const DistanceGroup> groups) {
  double d = 0;
  for (const DistanceGroup& g : groups) d += static_cast<double>(g.dimensions);
  return d;
}

}  // namespace

std::vector<DistanceGroup> distance_groups(std::size_t d, std::span<const double> spectrum, double r) {
  std::vector<DistanceGroup> groups = joined(d, spectrum, [](std::size_t, double) { return 0.0; });
  for (DistanceGroup& g : groups) g.noncentrality = r * static_cast<double>(g.dimensions);
  return groups;
}

std::vector<DistanceGroup> distance_groups(std::size_t d, std::span<const double> spectrum, std::span<const double> query) {
  if (query.size() != d) throw ParameterError(fmt::format("the query has {} components, the data have d = {} dimensions", query.size(), d));
  return joined(d, spectrum, [&](std::size_t i, double kappa) { return query[i] * query[i] / kappa; });
}

double ln_mean_weight(std::span<const DistanceGroup> groups, double lambda) {
  double sum = 0;
  for (const DistanceGroup& g : groups) {
    const double y = lambda * g.eigenvalue;
    sum -= 0.5 * (static_cast<double>(g.dimensions) * std::log1p(y) + g.noncentrality * y / (1 + y));
  }
  return sum;
}

double ln_mean_density(std::span<const DistanceGroup> groups, double h) {
  return ln_mean_weight(groups, 1 / (h * h)) - 0.5 * dimensions(groups) * std::log(2 * std::numbers::pi * h * h);
}

double ln_true_density(std::span<const DistanceGroup> groups) {
  double sum = 0;
  for (const DistanceGroup& g : groups) sum -= 0.5 * (static_cast<double>(g.dimensions) * std::log(2 * std::numbers::pi * g.eigenvalue) + g.noncentrality);
  return sum;
}

double relative_variance(std::span<const DistanceGroup> groups, double h, double n) {
  const double lambda = 1 / (h * h), growth = ln_mean_weight(groups, 2 * lambda) - 2 * ln_mean_weight(groups, lambda);
  return growth < 30 ? std::expm1(growth) / n : std::exp(growth - std::log(n));
}

RandomEnergy::RandomEnergy(std::vector<DistanceGroup> groups, double alpha) : groups_(std::move(groups)), alpha_(alpha), d_(dimensions(groups_)) {
  if (!(alpha > 0) || !std::isfinite(alpha)) throw ParameterError(fmt::format("alpha = (ln n)/d is {}; it must be above 0", exact(alpha)));
  // I grows from 0 to infinity with ln lambda: bracket, then halve until the doubles meet.
  double low = -60, high = 60;
  while (rate(std::exp(high)) < alpha) high += 60;
  for (int i = 0; i < 200 && high - low > 1e-15 * std::max(1.0, std::abs(high)); ++i) {
    const double middle = 0.5 * (low + high);
    (rate(std::exp(middle)) < alpha ? low : high) = middle;
  }
  lambda_c_ = std::exp(0.5 * (low + high));
  energy_c_ = energy(lambda_c_);
}

double RandomEnergy::phi(double lambda) const { return ln_mean_weight(groups_, lambda) / d_; }

double RandomEnergy::energy(double lambda) const {
  double sum = 0;
  for (const DistanceGroup& g : groups_) {
    const double q = 1 + lambda * g.eigenvalue;
    sum += 0.5 * g.eigenvalue * (static_cast<double>(g.dimensions) / q + g.noncentrality / (q * q));
  }
  return sum / d_;
}

double RandomEnergy::rate(double lambda) const {
  double sum = 0;
  for (const DistanceGroup& g : groups_) {
    const double y = lambda * g.eigenvalue, s = y / (1 + y);
    // ln(1+y) - s cancels for small y: both are y - ..., their difference y^2/2 - 2 y^3/3 + ...
    const double bent = y < 1e-4 ? y * y * (0.5 - y * (2.0 / 3 - y * 0.75)) : std::log1p(y) - s;
    sum += 0.5 * (static_cast<double>(g.dimensions) * bent + g.noncentrality * s * s);
  }
  return sum / d_;
}

double RandomEnergy::h_glass() const { return 1 / std::sqrt(lambda_c_); }
double RandomEnergy::h_clt() const { return std::sqrt(2 / lambda_c_); }

double RandomEnergy::ln_density(double h) const {
  const double volume = 0.5 * std::log(2 * std::numbers::pi * h * h);
  return (mu(h) >= 1 ? phi(1 / (h * h)) : -energy_c_ / (h * h) - alpha_) - volume;
}

double RandomEnergy::divergence(double h) const { return ln_true_density(groups_) / d_ - ln_density(h); }
double RandomEnergy::h_optimal() const { return std::sqrt(2 * energy_c_); }
double RandomEnergy::participation(double h) const { return std::max(0.0, 1 - mu(h)); }

namespace {

/// int_0^inf e^{-t} s(t) dt with t = e^y: the integrand falls double-exponentially on the right and as e^y on the left; the trapezoidal rule converges geometrically.
double exponential_average(const auto& s) {
  constexpr double step = 1.0 / 32;
  double sum = 0;
  for (int i = -40 * 32; i <= 5 * 32; ++i) {
    const double t = std::exp(step * i);
    sum += t * std::exp(-t) * s(t);
  }
  return step * sum;
}

struct PitmanYor {
  double mu, gamma = std::tgamma(1 - mu);
  [[nodiscard]] double phi(double t) const {
    const double p = std::pow(t, mu) * gamma;
    return std::max(0.0, std::exp(-t) - p * gamma_above(1 - mu, t));
  }
  [[nodiscard]] double psi(double t) const { return std::exp(-t) + std::pow(t, mu) * gamma * gamma_below(1 - mu, t); }
};

void check_index(double mu) {
  if (!(mu > 0) || !(mu < 1)) throw ParameterError(fmt::format("the index of a Poisson-Dirichlet law is {}; it must lie between 0 and 1", exact(mu)));
}

}  // namespace

double poisson_dirichlet_mean(double mu, std::size_t j) {
  check_index(mu);
  if (j == 0) throw ParameterError("shares are counted from 1: the largest is V_1");
  const PitmanYor law{mu};
  return exponential_average([&](double t) { return std::pow(law.phi(t) / law.psi(t), static_cast<double>(j - 1)) / law.psi(t); });
}

double poisson_dirichlet_share(double mu, std::size_t k) {
  if (mu >= 1) return 0;
  check_index(mu);
  const PitmanYor law{mu};
  // The geometric sum of the k terms: (1 - q^k)/(psi - phi), q = phi/psi.
  return exponential_average([&](double t) {
    const double rest = std::pow(t, mu) * law.gamma;
    return -std::expm1(static_cast<double>(k) * std::log1p(-std::min(1.0, rest / law.psi(t)))) / rest;
  });
}

}  // namespace meso::learning
