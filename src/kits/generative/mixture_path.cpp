#include "kits/generative/mixture_path.h"

#include <fmt/format.h>

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "base/error.h"
#include "base/text.h"

namespace meso::generative {
namespace {

constexpr std::size_t lanes = 16;        // points side by side: the innermost loops run over them, in vector registers
constexpr std::size_t kept_instants = 16;

bool is_multiple_of_identity(std::span<const double> c, std::size_t d) {
  for (std::size_t i = 0; i < d; ++i)
    for (std::size_t j = 0; j < d; ++j)
      if (i == j ? c[i * d + i] != c[0] : c[i * d + j] != 0) return false;
  return true;
}

}  // namespace

MixtureInstant::MixtureInstant(std::size_t d, std::span<const Component> components) : d_(d) {
  for (const Component& c : components) isotropic_ = isotropic_ && is_multiple_of_identity(c.covariance, d) && is_multiple_of_identity(c.covariance_rate, d);
  using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const auto n = static_cast<Eigen::Index>(d);
  for (const Component& c : components) {
    mean_.insert(mean_.end(), c.mean.begin(), c.mean.end());
    mean_rate_.insert(mean_rate_.end(), c.mean_rate.begin(), c.mean_rate.end());
    double log_det = 0;
    if (isotropic_) {
      const double p = 1 / c.covariance[0];
      inverse_.push_back(p);
      half_rate_.push_back(0.5 * c.covariance_rate[0]);
      trace_inverse_.push_back(static_cast<double>(d) * p);
      trace_growth_.push_back(static_cast<double>(d) * 0.5 * c.covariance_rate[0] * p);
      log_det = static_cast<double>(d) * std::log(c.covariance[0]);
    } else {
      const Eigen::Map<const Matrix> covariance(c.covariance.data(), n, n), rate(c.covariance_rate.data(), n, n);
      const Eigen::LLT<Matrix> factor(covariance);
      const Matrix inverse = factor.solve(Matrix::Identity(n, n));
      for (Eigen::Index i = 0; i < n; ++i) log_det += 2 * std::log(factor.matrixLLT()(i, i));
      const Matrix half = 0.5 * rate;
      inverse_.insert(inverse_.end(), inverse.data(), inverse.data() + d * d);
      half_rate_.insert(half_rate_.end(), half.data(), half.data() + d * d);
      trace_inverse_.push_back(inverse.trace());
      trace_growth_.push_back(half.cwiseProduct(inverse).sum());  // both symmetric
    }
    log_factor_.push_back(std::log(c.weight) - 0.5 * log_det - 0.5 * static_cast<double>(d) * std::log(2 * std::numbers::pi));
  }
}

void MixtureInstant::evaluate(std::span<const double> points, Blend blend, const Output& out) const {
  const std::size_t count = components(), d = d_, n = points.size() / d;
  const double v = blend.velocity, s = blend.score;
  const bool wants_value = !out.value.empty(), wants_divergence = !out.divergence.empty(), wants_responsibility = !out.responsibility.empty();
  const bool wants_field = wants_value || wants_divergence;
  // Lane-wise storage: entry (row, lane) at row * lanes + lane.
  std::vector<double> store((d * 4 + count * d + count) * lanes);
  double* const __restrict x = store.data();                 // d: the points
  double* const __restrict total = x + d * lanes;            // d: sum of r f
  double* const __restrict score = total + d * lanes;        // d: sum of r y
  double* const __restrict f = score + d * lanes;            // d: one component's blend
  double* const __restrict y = f + d * lanes;                // count x d: C^-1 (x - M)
  double* const __restrict e = y + count * d * lanes;        // count: log terms, then responsibilities
  double top[lanes], sum[lanes], spread[lanes];
  for (std::size_t first = 0; first < n; first += lanes) {
    const std::size_t used = std::min(lanes, n - first);
    for (std::size_t l = 0; l < lanes; ++l)
      for (std::size_t i = 0; i < d; ++i) x[i * lanes + l] = points[(first + std::min(l, used - 1)) * d + i];
    for (std::size_t l = 0; l < lanes; ++l) {
      top[l] = -1e308;
      sum[l] = spread[l] = 0;
    }
    for (std::size_t k = 0; k < count; ++k) {
      const double* mean = &mean_[k * d];
      double* const __restrict yk = y + k * d * lanes;
      double* const __restrict ek = e + k * lanes;
      for (std::size_t l = 0; l < lanes; ++l) ek[l] = 0;
      if (isotropic_) {
        const double p = inverse_[k];
        for (std::size_t i = 0; i < d; ++i) {
          const double m = mean[i];
          for (std::size_t l = 0; l < lanes; ++l) {
            const double delta = x[i * lanes + l] - m;
            yk[i * lanes + l] = p * delta;
            ek[l] += p * delta * delta;
          }
        }
      } else {
        const double* inverse = &inverse_[k * d * d];
        for (std::size_t i = 0; i < d; ++i)
          for (std::size_t l = 0; l < lanes; ++l) f[i * lanes + l] = x[i * lanes + l] - mean[i];
        for (std::size_t i = 0; i < d; ++i) {
          double acc[lanes] = {};
          for (std::size_t j = 0; j < d; ++j) {
            const double q = inverse[i * d + j];
            for (std::size_t l = 0; l < lanes; ++l) acc[l] += q * f[j * lanes + l];
          }
          for (std::size_t l = 0; l < lanes; ++l) {
            yk[i * lanes + l] = acc[l];
            ek[l] += acc[l] * f[i * lanes + l];
          }
        }
      }
      const double factor = log_factor_[k];
      for (std::size_t l = 0; l < lanes; ++l) {
        const double term = factor - 0.5 * ek[l];
        ek[l] = term;
        top[l] = top[l] < term ? term : top[l];
      }
    }
    std::fill(total, total + d * lanes, 0.0);
    std::fill(score, score + d * lanes, 0.0);
    for (std::size_t k = 0; k < count; ++k) {
      const double* rate = &mean_rate_[k * d];
      const double* const __restrict yk = y + k * d * lanes;
      double* const __restrict ek = e + k * lanes;
      double r[lanes];
      for (std::size_t l = 0; l < lanes; ++l) {
        r[l] = sde::fast_exp(ek[l] - top[l]);
        sum[l] += r[l];
      }
      if (wants_responsibility)
        for (std::size_t l = 0; l < lanes; ++l) ek[l] = r[l];
      if (!wants_field) continue;
      if (isotropic_) {
        const double slope = v * half_rate_[k] - s;
        for (std::size_t i = 0; i < d; ++i) {
          const double m = v * rate[i];
          for (std::size_t l = 0; l < lanes; ++l) f[i * lanes + l] = m + slope * yk[i * lanes + l];
        }
      } else {
        for (std::size_t i = 0; i < d; ++i) {
          const double m = v * rate[i];
          for (std::size_t l = 0; l < lanes; ++l) f[i * lanes + l] = m - s * yk[i * lanes + l];
        }
        if (v != 0) {
          const double* half = &half_rate_[k * d * d];
          for (std::size_t i = 0; i < d; ++i) {
            double acc[lanes] = {};
            for (std::size_t j = 0; j < d; ++j) {
              const double q = v * half[i * d + j];
              for (std::size_t l = 0; l < lanes; ++l) acc[l] += q * yk[j * lanes + l];
            }
            for (std::size_t l = 0; l < lanes; ++l) f[i * lanes + l] += acc[l];
          }
        }
      }
      for (std::size_t q = 0; q < d * lanes; q += lanes)
        for (std::size_t l = 0; l < lanes; ++l) total[q + l] += r[l] * f[q + l];
      if (wants_divergence) {  // div sum r f = sum r [tr grad f - (y + s) . f], for grad log r = -y - s
        const double trace = v * trace_growth_[k] - s * trace_inverse_[k];
        double inner[lanes];
        for (std::size_t l = 0; l < lanes; ++l) inner[l] = trace;
        for (std::size_t q = 0; q < d * lanes; q += lanes)
          for (std::size_t l = 0; l < lanes; ++l) {
            inner[l] -= yk[q + l] * f[q + l];
            score[q + l] += r[l] * yk[q + l];
          }
        for (std::size_t l = 0; l < lanes; ++l) spread[l] += r[l] * inner[l];
      }
    }
    for (std::size_t l = 0; l < used; ++l) {
      const std::size_t at = first + l;
      if (wants_value)
        for (std::size_t i = 0; i < d; ++i) out.value[at * d + i] = total[i * lanes + l] / sum[l];
      if (wants_divergence) {
        double value = spread[l] / sum[l];
        for (std::size_t i = 0; i < d; ++i) value += score[i * lanes + l] / sum[l] * (total[i * lanes + l] / sum[l]);
        out.divergence[at] = value;
      }
      if (!out.log_density.empty()) out.log_density[at] = top[l] + std::log(sum[l]);
      if (wants_responsibility)
        for (std::size_t k = 0; k < count; ++k) out.responsibility[at * count + k] = e[k * lanes + l] / sum[l];
    }
  }
}

MixturePath::MixturePath(sde::GaussianMixture start, sde::GaussianMixture end, Interpolant interpolant, double coupling, const std::string& owner)
    : start_(interpolant.mirror() ? end : std::move(start)), end_(std::move(end)), interpolant_(std::move(interpolant)), coupling_(coupling) {
  if (start_.dimension() != end_.dimension())
    throw ParameterError(fmt::format("{}: rho_0 has {} dimensions and rho_1 has {}; they must agree", owner, start_.dimension(), end_.dimension()));
  if (interpolant_.one_sided()) {
    const std::size_t d = start_.dimension();
    bool standard = start_.components() == 1;
    for (const double m : start_.component_means()) standard = standard && m == 0;
    standard = standard && is_multiple_of_identity(std::span(start_.component_covariances()).first(d * d), d) && start_.component_covariances()[0] == 1;
    if (!standard)
      throw ParameterError(fmt::format("{}: path = \"{}\" is for x0 ~ N(0, I), which is its noise; rho_0 here is {}. Take path = \"{}\" with a latent", owner, interpolant_.spec().path,
                                       start_.components() > 1 ? fmt::format("a mixture of {} Gaussians", start_.components()) : std::string("another Gaussian"), interpolant_.spec().path == "one-sided-trig" ? "trig" : "linear"));
  }
  if (coupling_ != 0) {
    if (dimension() != 1 || start_.components() != 1 || end_.components() != 1)
      throw ParameterError(fmt::format("{}: a coupling of x0 and x1 ({}) is for Gaussian ends in one dimension; here are {} and {} components in {}", owner, exact(coupling_), start_.components(), end_.components(), dimension()));
    const double product = start_.component_covariances()[0] * end_.component_covariances()[0];
    if (!(coupling_ * coupling_ <= product))
      throw ParameterError(fmt::format("{}: Cov(x0, x1) = {} is above sqrt(Var x0 Var x1) = {}; no such pair exists", owner, exact(coupling_), brief(std::sqrt(product), 6)));
    if (interpolant_.mirror()) throw ParameterError(fmt::format("{}: path = \"mirror\" has one end only; leave the coupling at 0", owner));
  }
}

std::vector<MixturePath::Pair> MixturePath::pairs(double t) const {
  const Coefficients c = interpolant_.at(t);
  const std::size_t d = dimension(), n0 = interpolant_.mirror() ? 1 : start_.components(), n1 = end_.components();
  std::vector<Pair> out;
  for (std::size_t i = 0; i < n0; ++i)
    for (std::size_t j = 0; j < n1; ++j) {
      Pair p{interpolant_.mirror() ? end_.weights()[j] : start_.weights()[i] * end_.weights()[j], std::vector<double>(d), std::vector<double>(d), std::vector<double>(d * d), std::vector<double>(d * d)};
      for (std::size_t q = 0; q < d; ++q) {
        const double m = start_.component_means()[i * d + q], n = end_.component_means()[j * d + q];
        p.mean[q] = c.alpha * m + c.beta * n;
        p.mean_rate[q] = c.alpha_rate * m + c.beta_rate * n;
      }
      for (std::size_t q = 0; q < d * d; ++q) {
        const double a = start_.component_covariances()[i * d * d + q], b = end_.component_covariances()[j * d * d + q];
        const double unit = q % (d + 1) == 0 ? 1 : 0;
        p.covariance[q] = c.alpha * c.alpha * a + c.beta * c.beta * b + unit * (c.gamma * c.gamma + 2 * c.alpha * c.beta * coupling_);
        p.covariance_rate[q] = 2 * (c.alpha * c.alpha_rate * a + c.beta * c.beta_rate * b + unit * (c.gamma_product + (c.alpha_rate * c.beta + c.alpha * c.beta_rate) * coupling_));
      }
      out.push_back(std::move(p));
    }
  return out;
}

sde::GaussianMixture MixturePath::law(double t) const {
  std::vector<double> weights, means, covariances;
  for (const Pair& p : pairs(t)) {
    weights.push_back(p.weight);
    means.insert(means.end(), p.mean.begin(), p.mean.end());
    covariances.insert(covariances.end(), p.covariance.begin(), p.covariance.end());
  }
  return sde::GaussianMixture(std::move(weights), std::move(means), std::move(covariances));
}

std::shared_ptr<const MixtureInstant> MixturePath::instant(double t) const {
  {
    const std::lock_guard guard(cache_->lock);
    for (const auto& [at, known] : cache_->kept)
      if (at == t) return known;
  }
  const std::vector<Pair> all = pairs(t);
  std::vector<MixtureInstant::Component> components;
  for (const Pair& p : all) components.push_back({p.weight, p.mean, p.mean_rate, p.covariance, p.covariance_rate});
  auto made = std::make_shared<const MixtureInstant>(dimension(), components);
  const std::lock_guard guard(cache_->lock);
  if (cache_->kept.size() < kept_instants) {
    cache_->kept.emplace_back(t, made);
  } else {
    cache_->kept[cache_->next] = {t, made};
    cache_->next = (cache_->next + 1) % kept_instants;
  }
  return made;
}

void MixturePath::draw(Stream& stream, std::span<double> x0, std::span<double> x1, std::span<double> z) const {
  end_.sample(stream, x1);
  if (interpolant_.mirror()) {
    std::copy(x1.begin(), x1.end(), x0.begin());
  } else if (coupling_ != 0) {
    const double a = start_.component_covariances()[0], b = end_.component_covariances()[0];
    x0[0] = start_.component_means()[0] + coupling_ / b * (x1[0] - end_.component_means()[0]) + std::sqrt(std::max(0.0, a - coupling_ * coupling_ / b)) * stream.normal();
  } else {
    start_.sample(stream, x0);
  }
  for (double& v : z) v = stream.normal();
}

double MixturePath::mean_square(double t, Blend blend) const {
  if (dimension() != 1) throw ModelError(fmt::format("the mean square of a field is integrated in one dimension; this path has {}", dimension()));
  const sde::GaussianMixture mixture = law(t);
  double low = std::numeric_limits<double>::infinity(), high = -low, narrow = low;
  for (std::size_t k = 0; k < mixture.components(); ++k) {
    const double m = mixture.component_means()[k], sd = std::sqrt(mixture.component_covariances()[k]);
    low = std::min(low, m - 10 * sd);
    high = std::max(high, m + 10 * sd);
    narrow = std::min(narrow, sd);
  }
  const auto here = instant(t);
  double before = std::numeric_limits<double>::quiet_NaN();
  for (std::size_t n = std::clamp<std::size_t>(static_cast<std::size_t>(4 * (high - low) / narrow), 64, 1 << 18); n <= std::size_t{1} << 20; n *= 2) {
    const double h = (high - low) / static_cast<double>(n);
    std::vector<double> x(n + 1), f(n + 1), log_density(n + 1);
    for (std::size_t i = 0; i <= n; ++i) x[i] = low + h * static_cast<double>(i);
    here->evaluate(x, blend, {.value = f, .log_density = log_density});
    double sum = 0;
    for (std::size_t i = 0; i <= n; ++i) sum += std::exp(log_density[i]) * f[i] * f[i];
    sum *= h;
    if (std::abs(sum - before) <= 1e-10 * std::abs(sum)) return sum;
    before = sum;
  }
  throw NumericalBreakdown(fmt::format("the mean square of the field at t = {} does not settle: components from {} to {} wide {}", exact(t), brief(low), brief(high), brief(narrow)));
}

MixtureField velocity_field(std::shared_ptr<const MixturePath> path) {
  return MixtureField(std::move(path), [](double) { return Blend{1, 0}; });
}
MixtureField score_field(std::shared_ptr<const MixturePath> path) {
  return MixtureField(std::move(path), [](double) { return Blend{0, 1}; });
}
MixtureField denoiser_field(std::shared_ptr<const MixturePath> path) {
  const Interpolant interpolant = path->interpolant();
  return MixtureField(std::move(path), [interpolant](double t) {
    const Coefficients c = interpolant.at(t);
    return Blend{0, interpolant.one_sided() ? -c.alpha : -c.gamma};
  });
}
MixtureField interpolant_velocity_field(std::shared_ptr<const MixturePath> path) {
  const Interpolant interpolant = path->interpolant();
  return MixtureField(std::move(path), [interpolant](double t) { return Blend{1, interpolant.at(t).gamma_product}; });
}

SumField::SumField(std::shared_ptr<const Field> first, std::function<double(double)> a, std::shared_ptr<const Field> second, std::function<double(double)> b, std::vector<double> shift)
    : first_(std::move(first)), second_(std::move(second)), a_(std::move(a)), b_(std::move(b)), shift_(std::move(shift)) {
  const std::size_t d = first_->dimension();
  if (second_ && second_->dimension() != d) throw ModelError(fmt::format("fields of {} and {} dimensions cannot be added", d, second_->dimension()));
  if (!shift_.empty() && shift_.size() != d) throw ModelError(fmt::format("a shift of {} components for a field of {} dimensions", shift_.size(), d));
}

void SumField::at(double t, std::span<const double> points, std::span<double> values) const {
  first_->at(t, points, values);
  const double a = a_(t), b = second_ ? b_(t) : 0;
  for (double& v : values) v *= a;
  if (b != 0) {
    std::vector<double> other(values.size());
    second_->at(t, points, other);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] += b * other[i];
  }
  const std::size_t d = shift_.size();
  if (d > 0)
    for (std::size_t i = 0; i < values.size(); ++i) values[i] += shift_[i % d];
}

void DenoiserScore::at(double t, std::span<const double> points, std::span<double> values) const {
  const Coefficients c = interpolant_.at(t);
  const double divisor = interpolant_.one_sided() ? c.alpha : c.gamma;
  if (!(divisor > 0))
    throw ParameterError(fmt::format("the score -eta/{} has no value at t = {}, where {} = 0: leave the ends out by a cut, for example t from 1e-4 to 1 - 1e-4", interpolant_.one_sided() ? "alpha" : "gamma", exact(t),
                                     interpolant_.one_sided() ? "alpha" : "gamma"));
  denoiser_->at(t, points, values);
  for (double& v : values) v *= -1 / divisor;
}

std::size_t count_modes(const sde::GaussianMixture& mixture) {
  const std::size_t d = mixture.dimension(), count = mixture.components();
  if (d == 1) {
    double low = std::numeric_limits<double>::infinity(), high = -low, narrow = low;
    for (std::size_t k = 0; k < count; ++k) {
      low = std::min(low, mixture.component_means()[k]);
      high = std::max(high, mixture.component_means()[k]);
      narrow = std::min(narrow, std::sqrt(mixture.component_covariances()[k]));
    }
    const sde::MixtureScore1d score(mixture);  // every maximum lies between the outermost means
    const std::size_t n = std::min<std::size_t>(4'000'000, static_cast<std::size_t>(64 * (high - low) / narrow) + 16);
    const double pad = 0.01 * narrow;
    std::vector<double> x(n + 1), s(n + 1);
    for (std::size_t i = 0; i <= n; ++i) x[i] = low - pad + (high - low + 2 * pad) * static_cast<double>(i) / static_cast<double>(n);
    score(x, s);
    std::size_t modes = 0;
    bool rising = true;
    for (const double v : s) {
      if (rising && v < 0) ++modes;
      if (v != 0) rising = v > 0;
    }
    return modes;
  }
  using Matrix = Eigen::MatrixXd;
  using Vector = Eigen::VectorXd;
  const auto n = static_cast<Eigen::Index>(d);
  std::vector<Matrix> inverse;
  std::vector<Vector> mean;
  std::vector<double> log_factor;
  double narrow = std::numeric_limits<double>::infinity();
  for (std::size_t k = 0; k < count; ++k) {
    const Eigen::Map<const Matrix> c(&mixture.component_covariances()[k * d * d], n, n);  // symmetric: either order
    const Eigen::LLT<Matrix> factor(c);
    inverse.emplace_back(factor.solve(Matrix::Identity(n, n)));
    mean.emplace_back(Eigen::Map<const Vector>(&mixture.component_means()[k * d], n));
    double log_det = 0;
    for (Eigen::Index i = 0; i < n; ++i) log_det += 2 * std::log(factor.matrixLLT()(i, i));
    log_factor.push_back(std::log(mixture.weights()[k]) - 0.5 * log_det);
    narrow = std::min(narrow, 1 / std::sqrt(inverse.back().trace()));
  }
  std::vector<Vector> found;
  const auto ascend = [&](Vector x) {
    for (int step = 0; step < 100000; ++step) {
      std::vector<double> term(count);
      double top = -std::numeric_limits<double>::infinity();
      for (std::size_t k = 0; k < count; ++k) {
        const Vector delta = x - mean[k];
        term[k] = log_factor[k] - 0.5 * delta.dot(inverse[k] * delta);
        top = std::max(top, term[k]);
      }
      Matrix left = Matrix::Zero(n, n);
      Vector right = Vector::Zero(n);
      for (std::size_t k = 0; k < count; ++k) {
        const double r = std::exp(term[k] - top);
        left += r * inverse[k];
        right += r * (inverse[k] * mean[k]);
      }
      const Vector next = left.llt().solve(right);
      const double move = (next - x).norm();
      x = next;
      if (move < 1e-10 * narrow) break;
    }
    for (const Vector& old : found)
      if ((old - x).norm() < 1e-3 * narrow) return;
    found.push_back(std::move(x));
  };
  for (std::size_t k = 0; k < count; ++k) {
    ascend(mean[k]);
    for (std::size_t q = 0; q < k; ++q) ascend(0.5 * (mean[k] + mean[q]) + 1e-3 * narrow * Vector::Ones(n));
  }
  return found.size();
}

}  // namespace meso::generative
