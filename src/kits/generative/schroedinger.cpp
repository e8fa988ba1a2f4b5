#include "kits/generative/schroedinger.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "base/error.h"
#include "base/text.h"

namespace meso::generative {

double GaussianBridge::coupling() const {
  const double s2 = 2 * epsilon;
  return 2 * a * b / (s2 + std::sqrt(s2 * s2 + 4 * a * b));  // = (sqrt(s^4 + 4 a b) - s^2)/2 without cancellation
}

double GaussianBridge::variance(double t) const { return (1 - t) * (1 - t) * a + t * t * b + 2 * t * (1 - t) * coupling() + 2 * epsilon * t * (1 - t); }

double GaussianBridge::energy(double c) const {
  // The process is a mixture of Brownian bridges: 4 epsilon KL of the coupling of the ends against Brownian motion from rho_0, where
  // KL = -log(det Sigma / a)/2 - 1/2 + log(2 epsilon)/2 + E|x1 - x0|^2/(4 epsilon), det Sigma = a b - c^2. (Not Markov unless c is optimal: u is then
  // the drift given the past. Its projection, the drift b + epsilon s of the interpolant, has no more energy.)
  const double rest = b - c * c / a;
  return 4 * epsilon * (-0.5 * std::log(rest / (2 * epsilon)) - 0.5 + (shift * shift + a + b - 2 * c) / (4 * epsilon));
}

SchroedingerBridge::SchroedingerBridge(const sde::GaussianMixture& start, const sde::GaussianMixture& end, double epsilon, const BridgeOptions& options) : epsilon_(epsilon) {
  if (start.dimension() != 1 || end.dimension() != 1) throw ParameterError(fmt::format("the Schrödinger bridge is computed in one dimension; the ends have {} and {}", start.dimension(), end.dimension()));
  if (!(epsilon > 0) || !std::isfinite(epsilon)) throw ParameterError(fmt::format("the Schrödinger bridge needs epsilon > 0; it is {}. Without noise it is optimal transport, the monotone map", exact(epsilon)));
  double low = std::numeric_limits<double>::infinity(), high = -low, narrow = std::sqrt(2 * epsilon);
  for (const sde::GaussianMixture* law : {&start, &end})
    for (std::size_t k = 0; k < law->components(); ++k) {
      const double m = law->component_means()[k], sd = std::sqrt(law->component_covariances()[k]);
      low = std::min(low, m - 8 * sd);
      high = std::max(high, m + 8 * sd);
      narrow = std::min(narrow, sd);
    }
  const double wanted = std::ceil((high - low) / narrow * options.nodes_per_sd) + 1;
  if (!(wanted <= static_cast<double>(options.most_nodes)))
    throw NumericalBreakdown(fmt::format("the Schrödinger bridge at epsilon = {} would take {} nodes from {} to {}, {} a standard deviation of the narrowest scale {}; the limit is {}. Raise epsilon", brief(epsilon), brief(wanted), brief(low), brief(high),
                                         brief(options.nodes_per_sd), brief(narrow), options.most_nodes));
  const auto n = static_cast<std::size_t>(wanted);
  h_ = (high - low) / static_cast<double>(n - 1);
  for (std::size_t i = 0; i < n; ++i) {
    x_.push_back(low + h_ * static_cast<double>(i));
    density0_.push_back(std::exp(start.log_density(std::span(&x_[i], 1))));
    density1_.push_back(std::exp(end.log_density(std::span(&x_[i], 1))));
  }
  mean0_ = start.mean()[0];
  mean1_ = end.mean()[0];
  var0_ = start.covariance()[0];
  var1_ = end.covariance()[0];

  f_.assign(n, 0.0);
  g_.assign(n, 1.0);
  const auto divide = [&](std::span<const double> density, std::span<const double> by, std::vector<double>& out, const char* where) {
    for (std::size_t i = 0; i < n; ++i) {
      if (!(by[i] > 1e-280) && density[i] > 1e-14)
        throw NumericalBreakdown(fmt::format("the Schrödinger bridge at epsilon = {}: from x = {} no {} is reached in doubles. Take epsilon above about {} (a thousandth of the squared distance)", brief(epsilon_), brief(x_[i]), where,
                                             brief((x_.back() - x_.front()) * (x_.back() - x_.front()) / 1000)));
      out[i] = by[i] > 1e-280 ? density[i] / by[i] : 0.0;
      if (!std::isfinite(out[i])) throw NumericalBreakdown(fmt::format("the Schrödinger bridge at epsilon = {}: its potentials overflow at x = {}; raise epsilon", brief(epsilon_), brief(x_[i])));
    }
  };
  std::vector<double> kg = spread(g_, 2 * epsilon);
  for (iterations_ = 1;; ++iterations_) {
    divide(density0_, kg, f_, "end");
    divide(density1_, spread(f_, 2 * epsilon), g_, "start");
    kg = spread(g_, 2 * epsilon);
    marginal_error_ = 0;
    for (std::size_t i = 0; i < n; ++i) marginal_error_ += h_ * std::abs(f_[i] * kg[i] - density0_[i]);
    if (marginal_error_ <= options.tolerance) break;
    if (iterations_ >= options.most_iterations)
      throw NumericalBreakdown(fmt::format("the Schrödinger bridge at epsilon = {}: after {} iterations the marginal is still off by {} (asked: {}). Raise epsilon", brief(epsilon_), iterations_, brief(marginal_error_), brief(options.tolerance)));
  }
  // E x0 x1 = sum f x K (g y), and the energy from the logarithms of the potentials.
  std::vector<double> gy(n);
  for (std::size_t i = 0; i < n; ++i) gy[i] = g_[i] * (x_[i] - mean1_);
  const std::vector<double> kgy = spread(gy, 2 * epsilon);
  double kl = 0;
  for (std::size_t i = 0; i < n; ++i) {
    coupling_ += h_ * f_[i] * (x_[i] - mean0_) * kgy[i];
    if (density1_[i] > 1e-300 && g_[i] > 0) kl += h_ * density1_[i] * std::log(g_[i]);
    if (density0_[i] > 1e-300 && kg[i] > 0) kl -= h_ * density0_[i] * std::log(kg[i]);
  }
  energy_ = 4 * epsilon * kl;
}

std::vector<double> SchroedingerBridge::spread(std::span<const double> f, double variance) const {
  // sum_j h N(x_i - x_j; variance) f_j: a symmetric Toeplitz matrix, of which one row is made. Where the kernel is narrower than the nodes its sum is normalised.
  const std::size_t n = f.size();
  std::vector<double> row, out(n, 0.0);
  double total = 0;
  for (std::size_t k = 0; k < n; ++k) {
    const double z = h_ * static_cast<double>(k), value = variance > 0 ? h_ * std::exp(-0.5 * z * z / variance) / std::sqrt(2 * std::numbers::pi * variance) : (k == 0 ? 1 : 0);
    if (value < 1e-300) break;
    row.push_back(value);
    total += k == 0 ? value : 2 * value;
  }
  if (variance < 2.25 * h_ * h_ && variance > 0)
    for (double& v : row) v /= total;
  const std::size_t reach = row.size();
  for (std::size_t i = 0; i < n; ++i) {
    double sum = row[0] * f[i];
    const std::size_t left = std::min(reach - 1, i), right = std::min(reach - 1, n - 1 - i);
    for (std::size_t k = 1; k <= left; ++k) sum += row[k] * f[i - k];
    for (std::size_t k = 1; k <= right; ++k) sum += row[k] * f[i + k];
    out[i] = sum;
  }
  return out;
}

double SchroedingerBridge::mean(double t) const { return (1 - t) * mean0_ + t * mean1_; }
double SchroedingerBridge::variance(double t) const { return (1 - t) * (1 - t) * var0_ + t * t * var1_ + 2 * t * (1 - t) * coupling_ + 2 * epsilon_ * t * (1 - t); }

PiecewiseLaw SchroedingerBridge::law(double t) const {
  std::vector<double> density;
  if (t <= 0) density = density0_;
  else if (t >= 1) density = density1_;
  else {
    density = spread(f_, 2 * epsilon_ * t);
    const std::vector<double> ahead = spread(g_, 2 * epsilon_ * (1 - t));
    for (std::size_t i = 0; i < density.size(); ++i) density[i] *= ahead[i];
  }
  // Masses around the nodes, from the density there and its curvature (order 4): a distribution function at the middles between them.
  std::vector<double> x, below{0};
  for (std::size_t i = 0; i < x_.size(); ++i) x.push_back(x_[i] - h_ / 2);
  x.push_back(x_.back() + h_ / 2);
  for (std::size_t i = 0; i < density.size(); ++i) {
    const double left = i > 0 ? density[i - 1] : 0, right = i + 1 < density.size() ? density[i + 1] : 0;
    below.push_back(below.back() + h_ * (22 * density[i] + left + right) / 24);
  }
  for (double& b : below) b /= below.back();
  return PiecewiseLaw::make(std::move(x), std::move(below));
}

double SchroedingerBridge::drift(double t, double x) const {
  const double variance = 2 * epsilon_ * (1 - t);
  double top = -std::numeric_limits<double>::infinity(), sum = 0, weighted = 0;
  for (std::size_t j = 0; j < x_.size(); ++j)
    if (g_[j] > 0) top = std::max(top, std::log(g_[j]) - 0.5 * (x - x_[j]) * (x - x_[j]) / variance);
  for (std::size_t j = 0; j < x_.size(); ++j)
    if (g_[j] > 0) {
      const double w = std::exp(std::log(g_[j]) - 0.5 * (x - x_[j]) * (x - x_[j]) / variance - top);
      sum += w;
      weighted += w * x_[j];
    }
  return (weighted / sum - x) / (1 - t);
}

}  // namespace meso::generative
