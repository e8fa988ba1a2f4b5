#include "kits/generative/sample.h"

#include <fmt/format.h>

#include <cmath>

#include "base/error.h"
#include "base/text.h"

namespace meso::generative {
namespace {

void check_finite(std::span<const double> points, std::size_t d, double t) {
  for (std::size_t i = 0; i < points.size(); ++i)
    if (!std::isfinite(points[i])) throw NumericalBreakdown(fmt::format("particle {} left every bound before t = {}: the field is too steep for this step there. Take more steps, or leave the ends out", i / d, brief(t, 6)));
}

struct Scratch {
  std::vector<double> a, b, c, sum, at;
  explicit Scratch(std::size_t n) : a(n), b(n), c(n), sum(n), at(n) {}
};

void flow_step(const Field& field, Scheme scheme, double t, double next, std::span<double> x, Scratch& s) {
  const double dt = next - t;
  const std::size_t n = x.size();
  field.at(t, x, s.a);
  if (scheme == Scheme::euler) {
    for (std::size_t i = 0; i < n; ++i) x[i] += dt * s.a[i];
    return;
  }
  if (scheme == Scheme::heun) {
    for (std::size_t i = 0; i < n; ++i) s.at[i] = x[i] + dt * s.a[i];
    field.at(next, s.at, s.b);
    for (std::size_t i = 0; i < n; ++i) x[i] += 0.5 * dt * (s.a[i] + s.b[i]);
    return;
  }
  const double middle = t + 0.5 * dt;
  for (std::size_t i = 0; i < n; ++i) {
    s.sum[i] = s.a[i];
    s.at[i] = x[i] + 0.5 * dt * s.a[i];
  }
  field.at(middle, s.at, s.a);
  for (std::size_t i = 0; i < n; ++i) {
    s.sum[i] += 2 * s.a[i];
    s.at[i] = x[i] + 0.5 * dt * s.a[i];
  }
  field.at(middle, s.at, s.a);
  for (std::size_t i = 0; i < n; ++i) {
    s.sum[i] += 2 * s.a[i];
    s.at[i] = x[i] + dt * s.a[i];
  }
  field.at(next, s.at, s.a);
  for (std::size_t i = 0; i < n; ++i) x[i] += dt / 6 * (s.sum[i] + s.a[i]);
}

/// One step with the noise already drawn into `kick`: both stages of Heun see the same.
void noisy_step(const Field& drift, Scheme scheme, double t, double next, std::span<double> x, std::span<const double> kick, Scratch& s) {
  const double dt = next - t;
  const std::size_t n = x.size();
  drift.at(t, x, s.a);
  if (scheme == Scheme::euler) {
    for (std::size_t i = 0; i < n; ++i) x[i] += dt * s.a[i] + kick[i];
    return;
  }
  for (std::size_t i = 0; i < n; ++i) s.at[i] = x[i] + dt * s.a[i] + kick[i];
  drift.at(next, s.at, s.b);
  for (std::size_t i = 0; i < n; ++i) x[i] += 0.5 * dt * (s.a[i] + s.b[i]) + kick[i];
}

/// sqrt of the variance 2 epsilon |dt| of one step.
double step_sd(const std::function<double(double)>& epsilon, double t, double next) {
  const double a = epsilon(t), b = epsilon(next);
  for (const auto& [value, at] : {std::pair{a, t}, std::pair{b, next}})
    if (!(value >= 0) || !std::isfinite(value)) throw ParameterError(fmt::format("epsilon = {} at t = {}; the noise needs epsilon >= 0", exact(value), brief(at, 6)));
  return std::sqrt((a + b) * std::abs(next - t));
}

void draw(std::span<FastStream> noise, double sd, std::size_t d, std::span<double> kick) {
  if (sd == 0) {  // the streams stay where they are: epsilon = 0 is the equation without noise
    std::fill(kick.begin(), kick.end(), 0.0);
    return;
  }
  for (std::size_t k = 0; k < noise.size(); ++k)
    for (std::size_t i = 0; i < d; ++i) kick[k * d + i] = sd * noise[k].normal();
}

void check_noise(Scheme scheme, std::size_t points, std::size_t streams) {
  if (scheme == Scheme::rk4) throw ParameterError("scheme 'rk4' is for equations without noise; with noise take 'euler' or 'heun'");
  if (points != streams) throw ModelError(fmt::format("{} particles need as many streams of noise; {} are given", points, streams));
}

}  // namespace

Scheme scheme_from_text(const std::string& text) {
  const std::vector<std::string> known{"euler", "heun", "rk4"};
  if (text == "euler") return Scheme::euler;
  if (text == "heun") return Scheme::heun;
  if (text == "rk4") return Scheme::rk4;
  throw ParameterError(fmt::format("unknown scheme '{}'.{}\n  known: {}", text, did_you_mean(text, known), join(known)));
}

double order_of(Scheme scheme, bool) { return scheme == Scheme::euler ? 1 : scheme == Scheme::heun ? 2 : 4; }

std::vector<double> uniform_grid(double from, double to, std::size_t steps) {
  std::vector<double> grid(steps + 1);
  for (std::size_t i = 0; i <= steps; ++i) grid[i] = i == steps ? to : from + (to - from) * (static_cast<double>(i) / static_cast<double>(steps));
  return grid;
}

void flow(const Field& field, Scheme scheme, std::span<const double> grid, std::span<double> points) {
  Scratch s(points.size());
  for (std::size_t i = 0; i + 1 < grid.size(); ++i) {
    flow_step(field, scheme, grid[i], grid[i + 1], points, s);
    check_finite(points, field.dimension(), grid[i + 1]);
  }
}

std::vector<FastStream> noise_streams(std::uint64_t seed, std::uint64_t first, std::size_t n, const std::string& purpose) {
  std::vector<FastStream> out;
  out.reserve(n);
  for (std::size_t k = 0; k < n; ++k) out.push_back(Stream(seed, first + k, purpose).fast());
  return out;
}

void diffuse(const Field& drift, const std::function<double(double)>& epsilon, Scheme scheme, std::span<const double> grid, std::span<double> points, std::span<FastStream> noise) {
  const std::size_t d = drift.dimension();
  check_noise(scheme, points.size() / d, noise.size());
  Scratch s(points.size());
  for (std::size_t i = 0; i + 1 < grid.size(); ++i) {
    draw(noise, step_sd(epsilon, grid[i], grid[i + 1]), d, s.c);
    noisy_step(drift, scheme, grid[i], grid[i + 1], points, s.c, s);
    check_finite(points, d, grid[i + 1]);
  }
}

void diffuse_coupled(const Field& drift, const std::function<double(double)>& epsilon, Scheme scheme, std::span<const double> grid, std::span<double> fine, std::span<double> coarse, std::span<FastStream> noise,
                     const std::function<void(double)>& between) {
  const std::size_t d = drift.dimension();
  check_noise(scheme, fine.size() / d, noise.size());
  if (grid.size() % 2 == 0 || coarse.size() != fine.size()) throw ModelError(fmt::format("two coupled grids need an even number of steps and as many points on each; {} steps are given", grid.size() - 1));
  Scratch s(fine.size());
  std::vector<double> both(fine.size());
  for (std::size_t i = 0; i + 2 < grid.size(); i += 2) {
    std::fill(both.begin(), both.end(), 0.0);
    for (std::size_t half = i; half < i + 2; ++half) {
      draw(noise, step_sd(epsilon, grid[half], grid[half + 1]), d, s.c);
      for (std::size_t q = 0; q < both.size(); ++q) both[q] += s.c[q];
      noisy_step(drift, scheme, grid[half], grid[half + 1], fine, s.c, s);
      if (half == i && between) between(grid[half + 1]);
    }
    noisy_step(drift, scheme, grid[i], grid[i + 2], coarse, both, s);
    check_finite(fine, d, grid[i + 2]);
    check_finite(coarse, d, grid[i + 2]);
  }
}

}  // namespace meso::generative
