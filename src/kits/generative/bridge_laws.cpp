#include "kits/generative/bridge_laws.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/text.h"

namespace meso::generative {
namespace {

struct Extent {
  double low = std::numeric_limits<double>::infinity(), high = -std::numeric_limits<double>::infinity(), narrow = std::numeric_limits<double>::infinity();
  void take(const sde::GaussianMixture& law, double sds) {
    for (std::size_t k = 0; k < law.components(); ++k) {
      const double m = law.component_means()[k], sd = std::sqrt(law.component_covariances()[k]);
      low = std::min(low, m - sds * sd);
      high = std::max(high, m + sds * sd);
      narrow = std::min(narrow, sd);
    }
  }
};

void require_line(const MixturePath& path) {
  if (path.dimension() != 1) throw ModelError(fmt::format("laws of flows and diffusions are computed on the line; this path has {} dimensions", path.dimension()));
}

/// int rho f dx, relative 1e-6 or below `floor`.
double integral(const MixturePath& path, double t, const std::function<void(std::span<const double>, std::span<double>)>& square, double floor = 0) {
  require_line(path);
  const sde::GaussianMixture law = path.law(t);
  Extent e;
  e.take(law, 8);
  double before = std::numeric_limits<double>::quiet_NaN();
  for (auto n = static_cast<std::size_t>(std::max(64.0, std::ceil(3 * (e.high - e.low) / e.narrow))); n <= 400000; n *= 2) {
    const double h = (e.high - e.low) / static_cast<double>(n);
    std::vector<double> x(n + 1), f(n + 1), log_density(n + 1);
    for (std::size_t i = 0; i <= n; ++i) x[i] = e.low + h * static_cast<double>(i);
    path.instant(t)->evaluate(x, {}, {.log_density = log_density});
    square(x, f);
    double sum = 0;
    for (std::size_t i = 0; i <= n; ++i) sum += h * std::exp(log_density[i]) * f[i];
    if (std::abs(sum - before) <= 1e-6 * std::abs(sum) + floor) return sum;
    before = sum;
  }
  throw NumericalBreakdown(fmt::format("the error of a field at t = {} does not settle on 400,000 nodes: is it smooth?", exact(t)));
}

}  // namespace

Cells cells_of(const MixturePath& path, std::size_t count, double sds) {
  require_line(path);
  Extent e;
  for (int i = 0; i <= 64; ++i) e.take(path.law(i / 64.0), sds);
  return {e.low, e.high, count};
}

namespace {

double mean_square(const MixturePath& path, double t, const Field& exact) {
  return integral(path, t, [&](std::span<const double> x, std::span<double> f) {
    exact.at(t, x, f);
    for (double& v : f) v *= v;
  }, 1e-300);
}

double mean_square_error(const MixturePath& path, double t, const Field& field, const Field& exact, double size) {
  return integral(path, t, [&](std::span<const double> x, std::span<double> out) {
    std::vector<double> other(x.size());
    field.at(t, x, out);
    exact.at(t, x, other);
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = (out[i] - other[i]) * (out[i] - other[i]);
  }, 1e-20 * size);  // two roundings of one field differ by less
}

}  // namespace

double mean_square_error(const MixturePath& path, double t, const Field& field, const Field& exact) { return mean_square_error(path, t, field, exact, mean_square(path, t, exact)); }

double FieldError::relative() const { return std::sqrt(error / size); }

FieldError field_error(const MixturePath& path, const Field& field, const Field& exact, double from, double to, std::size_t n) {
  FieldError out;
  const double dt = (to - from) / static_cast<double>(n);
  for (std::size_t k = 0; k < n; ++k) {
    const double t = from + (static_cast<double>(k) + 0.5) * dt;
    const double size = mean_square(path, t, exact);
    out.error += dt * mean_square_error(path, t, field, exact, size);
    out.size += dt * size;
  }
  return out;
}

PiecewiseLaw diffusion_of(const MixturePath& path, const Field& v, double epsilon, const LawOptions& options) {
  if (!(epsilon >= 0)) throw ParameterError(fmt::format("epsilon = {}; a diffusion needs epsilon >= 0", exact(epsilon)));
  const sde::GaussianMixture start = path.law(options.from);
  GridLaw law(cells_of(path, options.cells), [&](double x) { return start.cdf(x); });
  diffuse(law, drift_of(v), [epsilon](double) { return epsilon; }, bridge_grid(options.from, options.to, static_cast<double>(options.steps)));
  return law.law();
}

PiecewiseLaw flow_of(const MixturePath& path, const Field& v, const LawOptions& options) {
  const sde::GaussianMixture start = path.law(options.from);
  const Cells box = cells_of(path, options.cells);
  Extent e;
  e.take(start, 8);
  return flow_law(drift_of(v), bridge_grid(options.from, options.to, static_cast<double>(options.steps)), [&](double x) { return start.cdf(x); }, e.low, e.high, {.nodes = options.cells / 2, .widest = 2 * (box.high - box.low) / static_cast<double>(options.cells)});
}

PiecewiseLaw exact_on(const MixturePath& path, double t, const PiecewiseLaw& like) {
  const sde::GaussianMixture law = path.law(t);
  return PiecewiseLaw::of([&](double x) { return law.cdf(x); }, like.x);
}

FieldFigures judge_fields(const std::shared_ptr<const MixturePath>& path, std::shared_ptr<const Field> velocity, std::shared_ptr<const Field> score, double epsilon, const LawOptions& options) {
  FieldFigures out;
  const PiecewiseLaw flowed = flow_of(*path, *velocity, options), flow_truth = exact_on(*path, options.to, flowed);
  out.ks_flow = kolmogorov(flowed, flow_truth);
  out.kl_flow = kullback_leibler(flow_truth, flowed);
  const SumField drift(std::move(velocity), [](double) { return 1.0; }, std::move(score), [epsilon](double) { return epsilon; });
  const PiecewiseLaw diffused = diffusion_of(*path, drift, epsilon, options), truth = exact_on(*path, options.to, diffused);
  out.ks_diffusion = kolmogorov(diffused, truth);
  out.kl_diffusion = kullback_leibler(truth, diffused);
  const MixtureField exact(path, [epsilon](double) { return Blend{1, epsilon}; });
  out.bound = field_error(*path, drift, exact, options.from, options.to).error / (4 * epsilon);
  return out;
}

}  // namespace meso::generative
