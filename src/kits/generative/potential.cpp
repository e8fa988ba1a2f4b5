#include "kits/generative/potential.h"

#include <fmt/format.h>

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/error.h"
#include "base/text.h"

namespace meso::generative {

double OrnsteinUhlenbeck::scale(double t) const { return std::exp(-decay * t); }
double OrnsteinUhlenbeck::variance(double t) const { return -stationary_variance() * std::expm1(-2 * decay * t); }

std::vector<double> residual(const Potential& u, const OrnsteinUhlenbeck& process, double t, std::span<const double> points) {
  const std::size_t d = u.dimension(), n = points.size() / d;
  const Potential::Derivatives all = u.derivatives(t, points);
  std::vector<double> r(n);
  for (std::size_t i = 0; i < n; ++i) {
    double square = 0, along = 0;
    for (std::size_t j = 0; j < d; ++j) {
      const double g = all.gradient[i * d + j];
      square += g * g;
      along += points[i * d + j] * g;
    }
    r[i] = all.in_time[i] - process.decay * (static_cast<double>(d) + along) - process.diffusion() * (square + all.laplacian[i]);
  }
  return r;
}

MixturePotential::MixturePotential(sde::GaussianMixture data, OrnsteinUhlenbeck process) : data_(std::move(data)), process_(process) {
  const auto d = static_cast<Eigen::Index>(dimension());
  for (std::size_t k = 0; k < data_.components(); ++k) {
    using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
    const Matrix c = Eigen::Map<const Matrix>(&data_.component_covariances()[k * dimension() * dimension()], d, d);
    const Eigen::SelfAdjointEigenSolver<Matrix> solver(c);
    for (Eigen::Index j = 0; j < d; ++j) {
      eigenvalue_.push_back(solver.eigenvalues()[j]);
      for (Eigen::Index i = 0; i < d; ++i) axes_.push_back(solver.eigenvectors()(i, j));
    }
    log_weight_.push_back(std::log(data_.weights()[k]));
  }
}

sde::GaussianMixture MixturePotential::law(double t) const { return data_.diffused(process_.scale(t), std::sqrt(process_.variance(t))); }

void MixturePotential::at(double t, std::span<const double> points, std::span<double> values) const {
  if (dimension() == 1 && data_.components() <= sde::MixtureScore1d::max_components) {
    sde::MixtureScore1d(law(t))(points, values);
    return;
  }
  const std::size_t d = dimension(), n = points.size() / d, m = data_.components();
  const double s = process_.scale(t), v = process_.variance(t);
  // Component constants once, then the points one by one with two passes over the components.
  std::vector<double> mean(m * d), precision(m * d), factor(m), e(m), y(m * d);
  for (std::size_t k = 0; k < m; ++k) {
    factor[k] = log_weight_[k];
    for (std::size_t j = 0; j < d; ++j) {
      const double lambda = s * s * eigenvalue_[k * d + j] + v;
      precision[k * d + j] = 1 / lambda;
      factor[k] -= 0.5 * std::log(lambda);
      double along = 0;
      for (std::size_t i = 0; i < d; ++i) along += axes_[(k * d + j) * d + i] * data_.component_means()[k * d + i];
      mean[k * d + j] = s * along;
    }
  }
  for (std::size_t i = 0; i < n; ++i) {
    const double* x = &points[i * d];
    double* out = &values[i * d];
    double top = -1e308;
    for (std::size_t k = 0; k < m; ++k) {
      double square = 0;
      for (std::size_t j = 0; j < d; ++j) {
        double along = -mean[k * d + j];
        for (std::size_t q = 0; q < d; ++q) along += axes_[(k * d + j) * d + q] * x[q];
        y[k * d + j] = -along * precision[k * d + j];
        square -= along * y[k * d + j];
      }
      e[k] = factor[k] - 0.5 * square;
      top = std::max(top, e[k]);
    }
    double sum = 0;
    std::fill(out, out + d, 0.0);
    for (std::size_t k = 0; k < m; ++k) {
      const double r = sde::fast_exp(e[k] - top);
      sum += r;
      for (std::size_t j = 0; j < d; ++j)
        for (std::size_t q = 0; q < d; ++q) out[q] += r * y[k * d + j] * axes_[(k * d + j) * d + q];
    }
    for (std::size_t q = 0; q < d; ++q) out[q] /= sum;
  }
}

Potential::Derivatives MixturePotential::derivatives(double t, std::span<const double> points) const {
  // With y = C^-1 (m - x): grad log N = y, Laplace N / N = |y|^2 - tr C^-1, d_t log N = (y . C' y - tr C^-1 C') / 2 - y . m'; p = sum w N gives
  // each of log p as an average with the responsibilities, Laplace log p = <Laplace N / N> - |grad log p|^2.
  const std::size_t d = dimension(), n = points.size() / d, m = data_.components();
  const double s = process_.scale(t), v = process_.variance(t), s_rate = -process_.decay * s, v_rate = process_.noise * process_.noise - 2 * process_.decay * v;
  Derivatives all{std::vector<double>(n), std::vector<double>(n), std::vector<double>(n), std::vector<double>(n * d)};
  std::vector<double> e(m), in_time(m), second(m), y(m * d);
  for (std::size_t i = 0; i < n; ++i) {
    double top = -1e308;
    for (std::size_t k = 0; k < m; ++k) {
      e[k] = log_weight_[k] - 0.5 * static_cast<double>(d) * std::log(2 * std::numbers::pi);
      in_time[k] = second[k] = 0;
      for (std::size_t j = 0; j < d; ++j) {
        const double* axis = &axes_[(k * d + j) * d];
        double along = 0, mean = 0;
        for (std::size_t q = 0; q < d; ++q) {
          along += axis[q] * points[i * d + q];
          mean += axis[q] * data_.component_means()[k * d + q];
        }
        const double lambda = s * s * eigenvalue_[k * d + j] + v, lambda_rate = 2 * s * s_rate * eigenvalue_[k * d + j] + v_rate, z = (s * mean - along) / lambda;
        y[k * d + j] = z;
        e[k] -= 0.5 * (std::log(lambda) + z * z * lambda);
        in_time[k] += 0.5 * lambda_rate * (z * z - 1 / lambda) - z * s_rate * mean;
        second[k] += z * z - 1 / lambda;
      }
      top = std::max(top, e[k]);
    }
    double sum = 0, square = 0;
    double* g = &all.gradient[i * d];
    for (std::size_t k = 0; k < m; ++k) {
      const double r = std::exp(e[k] - top);
      sum += r;
      all.in_time[i] += r * in_time[k];
      all.laplacian[i] += r * second[k];
      for (std::size_t j = 0; j < d; ++j)
        for (std::size_t q = 0; q < d; ++q) g[q] += r * y[k * d + j] * axes_[(k * d + j) * d + q];
    }
    for (std::size_t q = 0; q < d; ++q) {
      g[q] /= sum;
      square += g[q] * g[q];
    }
    all.in_time[i] /= sum;
    all.laplacian[i] = all.laplacian[i] / sum - square;
    all.value[i] = top + std::log(sum);
  }
  return all;
}

ChangedPotential::ChangedPotential(std::shared_ptr<const Potential> base, double factor, double clock) : base_(std::move(base)), factor_(factor), clock_(clock) {
  if (!(clock_ > 0)) throw ModelError(fmt::format("the clock of a score is {}; it must be above 0", exact(clock)));
}

void ChangedPotential::at(double t, std::span<const double> points, std::span<double> values) const {
  base_->at(clock_ * t, points, values);
  if (factor_ != 1)
    for (double& v : values) v *= factor_;
}

Potential::Derivatives ChangedPotential::derivatives(double t, std::span<const double> points) const {
  Derivatives all = base_->derivatives(clock_ * t, points);
  for (auto* part : {&all.value, &all.laplacian, &all.gradient})
    for (double& v : *part) v *= factor_;
  for (double& v : all.in_time) v *= factor_ * clock_;
  return all;
}

FormulaPotential::FormulaPotential(const std::string& formula, std::size_t dimension) {
  std::vector<std::string> names;
  if (dimension == 1) names = {"x"};
  else if (dimension == 2) names = {"x", "y"};
  else
    for (std::size_t i = 1; i <= dimension; ++i) names.push_back("x" + std::to_string(i));
  std::vector<std::string> slots = names;
  slots.emplace_back("t");
  const num::Formula u = num::Formula::parse(formula);
  value_and_time_.emplace_back(u, slots);
  value_and_time_.emplace_back(u.derivative("t"), slots);
  for (const std::string& name : names) {
    const num::Formula first = u.derivative(name);
    gradient_.emplace_back(first, slots);
    second_.emplace_back(first.derivative(name), slots);
  }
}

void FormulaPotential::at(double t, std::span<const double> points, std::span<double> values) const {
  const std::size_t d = dimension();
  std::vector<double> z(d + 1, t);
  for (std::size_t i = 0; i < points.size() / d; ++i) {
    std::copy_n(&points[i * d], d, z.begin());
    for (std::size_t j = 0; j < d; ++j) values[i * d + j] = gradient_[j](z);
  }
}

Potential::Derivatives FormulaPotential::derivatives(double t, std::span<const double> points) const {
  const std::size_t d = dimension(), n = points.size() / d;
  Derivatives all{std::vector<double>(n), std::vector<double>(n), std::vector<double>(n), std::vector<double>(n * d)};
  at(t, points, all.gradient);
  std::vector<double> z(d + 1, t);
  for (std::size_t i = 0; i < n; ++i) {
    std::copy_n(&points[i * d], d, z.begin());
    all.value[i] = value_and_time_[0](z);
    all.in_time[i] = value_and_time_[1](z);
    for (const num::Program& part : second_) all.laplacian[i] += part(z);
  }
  return all;
}

void ReverseDrift::at(double t, std::span<const double> points, std::span<double> values) const {
  score_.at(t, points, values);
  const double g = process_.noise, part = kind_ == Kind::diffusion ? g * g : 0.5 * g * g;
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = -process_.decay * points[i] - part * values[i];
}

Curl curl(const Field& field, double t, std::span<const double> points, double step) {
  const std::size_t d = field.dimension(), n = points.size() / d;
  std::vector<double> moved(points.begin(), points.end()), up(points.size()), down(points.size()), jacobian(n * d * d);
  for (std::size_t j = 0; j < d; ++j) {
    for (std::size_t i = 0; i < n; ++i) moved[i * d + j] = points[i * d + j] + step;
    field.at(t, moved, up);
    for (std::size_t i = 0; i < n; ++i) moved[i * d + j] = points[i * d + j] - step;
    field.at(t, moved, down);
    for (std::size_t i = 0; i < n; ++i) {
      moved[i * d + j] = points[i * d + j];
      for (std::size_t q = 0; q < d; ++q) jacobian[(i * d + q) * d + j] = (up[i * d + q] - down[i * d + q]) / (2 * step);
    }
  }
  Curl result;
  double sum = 0;
  for (std::size_t i = 0; i < n; ++i) {
    double odd = 0, even = 0;
    for (std::size_t j = 0; j < d; ++j)
      for (std::size_t q = 0; q < d; ++q) {
        const double a = jacobian[(i * d + q) * d + j], b = jacobian[(i * d + j) * d + q];
        odd += (a - b) * (a - b);
        even += (a + b) * (a + b);
      }
    sum = std::max(sum, std::sqrt(even));
    if (std::sqrt(odd) >= result.largest) {
      result.largest = std::sqrt(odd);
      result.where.assign(&points[i * d], &points[i * d] + d);
    }
  }
  result.relative = sum > 0 ? result.largest / sum : 0;
  return result;
}

void require_gradient(const Field& field, double t, std::span<const double> points, double tolerance) {
  const Curl c = curl(field, t, points);
  if (c.relative <= tolerance) return;
  std::vector<std::string> at;
  for (const double x : c.where) at.push_back(brief(x));
  throw ModelError(fmt::format("the score is no gradient: |J - J^T| is {} at ({}), t = {}, {} of |J + J^T|; up to {} is allowed. The Fokker-Planck residual is defined for s = grad u only: "
                               "make the score the gradient of a scalar, or compare the laws of both samplers directly",
                               brief(c.largest), join(at), brief(t), brief(c.relative), brief(tolerance)));
}

}  // namespace meso::generative
