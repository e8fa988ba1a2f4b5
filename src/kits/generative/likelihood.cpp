#include "kits/generative/likelihood.h"

#include <algorithm>
#include <memory>

#include "base/error.h"

namespace meso::generative {

Divergence divergence_of(const MixtureField& field) {
  return [field](double t, std::span<const double> points, std::span<double> values) { field.divergence(t, points, values); };
}

Divergence divergence_by_differences(const Field& field, double step) {
  return [&field, step](double t, std::span<const double> points, std::span<double> values) {
    const std::size_t d = field.dimension(), n = values.size();
    std::vector<double> at(points.begin(), points.end()), up(points.size()), down(points.size());
    std::fill(values.begin(), values.end(), 0.0);
    for (std::size_t i = 0; i < d; ++i) {
      for (std::size_t k = 0; k < n; ++k) at[k * d + i] = points[k * d + i] + step;
      field.at(t, at, up);
      for (std::size_t k = 0; k < n; ++k) at[k * d + i] = points[k * d + i] - step;
      field.at(t, at, down);
      for (std::size_t k = 0; k < n; ++k) {
        values[k] += (up[k * d + i] - down[k * d + i]) / (2 * step);
        at[k * d + i] = points[k * d + i];
      }
    }
  };
}

Divergence divergence_by_probes(const Field& field, std::size_t probes, std::uint64_t seed, std::uint64_t first, double step) {
  if (probes == 0) throw ParameterError("a divergence by random probes needs at least one probe; 0 are given");
  return [&field, probes, seed, first, step](double t, std::span<const double> points, std::span<double> values) {
    const std::size_t d = field.dimension(), n = values.size();
    std::vector<double> sign(points.size()), at(points.size()), up(points.size()), down(points.size());
    std::vector<Stream> streams;
    for (std::size_t k = 0; k < n; ++k) streams.emplace_back(seed, first + k, "divergence");
    std::fill(values.begin(), values.end(), 0.0);
    for (std::size_t p = 0; p < probes; ++p) {
      for (std::size_t k = 0; k < n; ++k)
        for (std::size_t i = 0; i < d; ++i) sign[k * d + i] = streams[k].bernoulli(0.5) ? 1 : -1;
      for (std::size_t q = 0; q < at.size(); ++q) at[q] = points[q] + step * sign[q];
      field.at(t, at, up);
      for (std::size_t q = 0; q < at.size(); ++q) at[q] = points[q] - step * sign[q];
      field.at(t, at, down);
      for (std::size_t k = 0; k < n; ++k)
        for (std::size_t i = 0; i < d; ++i) values[k] += sign[k * d + i] * (up[k * d + i] - down[k * d + i]) / (2 * step * static_cast<double>(probes));
    }
  };
}

std::vector<double> flow_with_divergence(const Field& field, const Divergence& divergence, std::span<const double> grid, std::span<double> points) {
  const std::size_t m = points.size(), n = m / field.dimension();
  std::vector<double> total(n, 0.0), k1(m), k2(m), k3(m), k4(m), at(m), d1(n), d2(n), d3(n), d4(n);
  for (std::size_t s = 0; s + 1 < grid.size(); ++s) {
    const double t = grid[s], dt = grid[s + 1] - t, middle = t + 0.5 * dt;
    field.at(t, points, k1);
    divergence(t, points, d1);
    for (std::size_t i = 0; i < m; ++i) at[i] = points[i] + 0.5 * dt * k1[i];
    field.at(middle, at, k2);
    divergence(middle, at, d2);
    for (std::size_t i = 0; i < m; ++i) at[i] = points[i] + 0.5 * dt * k2[i];
    field.at(middle, at, k3);
    divergence(middle, at, d3);
    for (std::size_t i = 0; i < m; ++i) at[i] = points[i] + dt * k3[i];
    field.at(grid[s + 1], at, k4);
    divergence(grid[s + 1], at, d4);
    for (std::size_t i = 0; i < m; ++i) points[i] += dt / 6 * (k1[i] + 2 * (k2[i] + k3[i]) + k4[i]);
    for (std::size_t k = 0; k < n; ++k) total[k] += dt / 6 * (d1[k] + 2 * (d2[k] + d3[k]) + d4[k]);
  }
  return total;
}

std::vector<double> log_likelihood(const Field& field, const Divergence& divergence, std::span<const double> grid, const std::function<void(std::span<const double>, std::span<double>)>& start,
                                   std::span<const double> points) {
  const std::vector<double> back(grid.rbegin(), grid.rend());
  std::vector<double> x(points.begin(), points.end());
  const std::vector<double> integral = flow_with_divergence(field, divergence, back, x);  // = -int_0^1
  std::vector<double> out(integral.size());
  start(x, out);
  for (std::size_t k = 0; k < out.size(); ++k) out[k] += integral[k];
  return out;
}

}  // namespace meso::generative
