#include "kits/sde/mixture.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <numbers>
#include <numeric>

#include "base/error.h"
#include "base/text.h"

namespace meso::sde {

GaussianMixture::GaussianMixture(std::vector<double> weights, std::vector<double> means, std::vector<double> covariances)
    : weight_(std::move(weights)), mean_(std::move(means)), covariance_(std::move(covariances)) {
  const std::size_t count = weight_.size();
  if (count == 0 || mean_.empty() || mean_.size() % count != 0)
    throw ModelError(fmt::format("a mixture of {} weights needs as many means of equal dimension: {} numbers are given", count, mean_.size()));
  d_ = mean_.size() / count;
  if (covariance_.size() != count * d_ * d_)
    throw ModelError(fmt::format("a mixture of {} components in {} dimensions needs {} covariance entries: {} are given", count, d_, count * d_ * d_, covariance_.size()));
  double total = 0;
  for (std::size_t k = 0; k < count; ++k) {
    if (!(weight_[k] > 0)) throw ModelError(fmt::format("weight {} of the mixture is {}; weights are above 0", k + 1, exact(weight_[k])));
    total += weight_[k];
  }
  if (!(std::abs(total - 1) <= 1e-9)) throw ModelError(fmt::format("the weights of the mixture sum to {}, not to 1", exact(total)));
  lower_.assign(covariance_.size(), 0.0);
  for (std::size_t k = 0; k < count; ++k) {
    const double* c = &covariance_[k * d_ * d_];
    double* l = &lower_[k * d_ * d_];
    double log_det = 0;
    for (std::size_t i = 0; i < d_; ++i)
      for (std::size_t j = 0; j <= i; ++j) {
        if (!(std::abs(c[i * d_ + j] - c[j * d_ + i]) <= 1e-12 * (std::abs(c[i * d_ + j]) + std::abs(c[j * d_ + i])))) throw ModelError(fmt::format("covariance {} of the mixture is not symmetric", k + 1));
        double sum = c[i * d_ + j];
        for (std::size_t q = 0; q < j; ++q) sum -= l[i * d_ + q] * l[j * d_ + q];
        if (i == j) {
          if (!(sum > 0)) throw ModelError(fmt::format("covariance {} of the mixture is not positive definite", k + 1));
          l[i * d_ + i] = std::sqrt(sum);
          log_det += std::log(l[i * d_ + i]);
        } else {
          l[i * d_ + j] = sum / l[j * d_ + j];
        }
      }
    log_factor_.push_back(std::log(weight_[k]) - log_det - 0.5 * static_cast<double>(d_) * std::log(2 * std::numbers::pi));
  }
}

GaussianMixture GaussianMixture::isotropic(std::vector<double> weights, std::vector<double> means, std::span<const double> sd) {
  if (weights.empty() || sd.size() != weights.size()) throw ModelError(fmt::format("a mixture of {} weights needs as many standard deviations: {} are given", weights.size(), sd.size()));
  const std::size_t d = means.size() / weights.size();
  std::vector<double> covariances(weights.size() * d * d, 0.0);
  for (std::size_t k = 0; k < weights.size(); ++k)
    for (std::size_t i = 0; i < d; ++i) covariances[(k * d + i) * d + i] = sd[k] * sd[k];
  return GaussianMixture(std::move(weights), std::move(means), std::move(covariances));
}

double GaussianMixture::score(std::span<const double> x, std::span<double> out) const {
  // y_k = L_k^-1 (x - mu_k), log N_k = log_factor - |y|^2 / 2, C^-1 (mu - x) = -L^-T y. A running maximum keeps the sum in range.
  constexpr std::size_t small = 16;
  std::array<double, small> store{};
  std::vector<double> large(d_ > small ? d_ : 0);
  const std::span<double> y = d_ > small ? std::span<double>(large) : std::span<double>(store.data(), d_);
  double top = -std::numeric_limits<double>::infinity(), sum = 0;
  std::fill(out.begin(), out.end(), 0.0);
  for (std::size_t k = 0; k < components(); ++k) {
    const double* l = &lower_[k * d_ * d_];
    double square = 0;
    for (std::size_t i = 0; i < d_; ++i) {
      double v = x[i] - mean_[k * d_ + i];
      for (std::size_t q = 0; q < i; ++q) v -= l[i * d_ + q] * y[q];
      y[i] = v / l[i * d_ + i];
      square += y[i] * y[i];
    }
    const double log_term = log_factor_[k] - 0.5 * square;
    if (!out.empty())
      for (std::size_t i = d_; i-- > 0;) {
        double v = y[i];
        for (std::size_t q = i + 1; q < d_; ++q) v -= l[q * d_ + i] * y[q];
        y[i] = v / l[i * d_ + i];
      }
    if (log_term > top) {
      const double shrink = std::exp(top - log_term);
      sum *= shrink;
      for (double& v : out) v *= shrink;
      top = log_term;
    }
    const double r = std::exp(log_term - top);
    sum += r;
    for (std::size_t i = 0; i < out.size(); ++i) out[i] -= r * y[i];
  }
  for (double& v : out) v /= sum;
  return top + std::log(sum);
}

double GaussianMixture::log_density(std::span<const double> x) const { return score(x, {}); }

void GaussianMixture::sample(Stream& stream, std::span<double> out) const {
  double u = stream.uniform();
  std::size_t k = 0;
  for (; k + 1 < components() && u >= weight_[k]; ++k) u -= weight_[k];
  const double* l = &lower_[k * d_ * d_];
  for (std::size_t i = 0; i < d_; ++i) out[i] = mean_[k * d_ + i];
  for (std::size_t j = 0; j < d_; ++j) {
    const double z = stream.normal();
    for (std::size_t i = j; i < d_; ++i) out[i] += l[i * d_ + j] * z;
  }
}

std::vector<double> GaussianMixture::mean() const {
  std::vector<double> m(d_, 0.0);
  for (std::size_t k = 0; k < components(); ++k)
    for (std::size_t i = 0; i < d_; ++i) m[i] += weight_[k] * mean_[k * d_ + i];
  return m;
}

std::vector<double> GaussianMixture::covariance() const {
  const std::vector<double> m = mean();
  std::vector<double> c(d_ * d_, 0.0);
  for (std::size_t k = 0; k < components(); ++k)
    for (std::size_t i = 0; i < d_; ++i)
      for (std::size_t j = 0; j < d_; ++j) c[i * d_ + j] += weight_[k] * (covariance_[(k * d_ + i) * d_ + j] + (mean_[k * d_ + i] - m[i]) * (mean_[k * d_ + j] - m[j]));
  return c;
}

double GaussianMixture::cdf(double x) const {
  if (d_ != 1) throw ModelError(fmt::format("a distribution function is given in one dimension; this mixture has {}", d_));
  double sum = 0;
  for (std::size_t k = 0; k < components(); ++k) sum += weight_[k] * 0.5 * std::erfc((mean_[k] - x) / (lower_[k] * std::numbers::sqrt2));
  return sum;
}

double GaussianMixture::quantile(double u) const {
  if (!(u > 0 && u < 1)) throw ModelError(fmt::format("the quantile at {} was asked; levels lie between 0 and 1", exact(u)));
  double low = cdf(0) < u ? 0 : -1, high = low + 1;
  for (double step = 1; cdf(low) >= u; step *= 2) low -= step;
  for (double step = 1; cdf(high) < u; step *= 2) high += step;
  while (true) {
    const double middle = 0.5 * (low + high);
    if (middle <= low || middle >= high) return high;
    (cdf(middle) < u ? low : high) = middle;
  }
}

GaussianMixture GaussianMixture::diffused(double scale, double sd) const {
  std::vector<double> means(mean_), covariances(covariance_);
  for (double& m : means) m *= scale;
  for (double& c : covariances) c *= scale * scale;
  for (std::size_t k = 0; k < components(); ++k)
    for (std::size_t i = 0; i < d_; ++i) covariances[(k * d_ + i) * d_ + i] += sd * sd;
  return GaussianMixture(weight_, std::move(means), std::move(covariances));
}

MixtureScore1d::MixtureScore1d(const GaussianMixture& mixture) : count_(mixture.components()) {
  if (mixture.dimension() != 1) throw ModelError(fmt::format("MixtureScore1d is for one dimension; this mixture has {}", mixture.dimension()));
  if (count_ > max_components) throw ModelError(fmt::format("MixtureScore1d holds at most {} components; this mixture has {}", max_components, count_));
  // Component parameters from the mixture's own density: log N_k(x) up to a constant needs mean, precision and factor only.
  mean_ = mixture.component_means();
  precision_ = mixture.component_covariances();
  for (std::size_t k = 0; k < count_; ++k) {
    precision_[k] = 1 / precision_[k];
    log_factor_.push_back(std::log(mixture.weights()[k]) + 0.5 * std::log(precision_[k]));
  }
}

void MixtureScore1d::operator()(std::span<const double> x, std::span<double> score) const {
  // Blocks of points, the innermost loop over the points of a block: no dependence between them, so that it runs in vector registers.
  constexpr std::size_t block = 16;
  std::array<double, block * max_components> log_term;
  std::array<double, block> at, top, sum, weighted;
  for (std::size_t first = 0; first < x.size(); first += block) {
    const std::size_t n = std::min(block, x.size() - first);
    for (std::size_t i = 0; i < block; ++i) {
      at[i] = x[first + std::min(i, n - 1)];
      top[i] = -1e308;
      sum[i] = weighted[i] = 0;
    }
    for (std::size_t k = 0; k < count_; ++k) {
      const double m = mean_[k], q = -0.5 * precision_[k], f = log_factor_[k];
      for (std::size_t i = 0; i < block; ++i) {
        const double d = at[i] - m, e = f + q * d * d;
        log_term[k * block + i] = e;
        top[i] = top[i] < e ? e : top[i];
      }
    }
    for (std::size_t k = 0; k < count_; ++k) {
      const double m = mean_[k], precision = precision_[k];
      for (std::size_t i = 0; i < block; ++i) {
        const double r = fast_exp(log_term[k * block + i] - top[i]);
        sum[i] += r;
        weighted[i] += r * precision * (m - at[i]);
      }
    }
    for (std::size_t i = 0; i < n; ++i) score[first + i] = weighted[i] / sum[i];
  }
}

}  // namespace meso::sde
