#include "kits/sde/line.h"

#include <algorithm>
#include <cmath>

namespace meso::sde {
namespace {

/// Bernoulli's function z / (e^z - 1).
double bernoulli(double z) {
  if (std::abs(z) < 1e-5) return 1 - z / 2 + z * z / 12;
  return z / std::expm1(z);
}

}  // namespace

std::array<double, 2> face_rates(double v, double d, double h) {
  if (!(d > 1e-14 * std::abs(v) * h)) return {std::max(v, 0.0) / h, std::max(-v, 0.0) / h};
  const double peclet = v * h / d, scale = d / (h * h), down = scale * bernoulli(peclet);
  return {scale * bernoulli(-peclet), down};
}

LineStepper::LineStepper(std::size_t cells) : line_{std::vector<double>(cells + 1), std::vector<double>(cells + 1)}, stage_(cells), ratio_(cells) {}

void LineStepper::solve(const Line& line, double h, std::span<double> x) {
  // 1 - h A is column diagonally dominant with columns summing to 1 or more: elimination without pivoting is stable, and nothing is subtracted from a
  // pivot but what stands in its own column.
  const std::size_t n = x.size();
  double pivot = 1 + h * (line.down[0] + line.up[1]);
  ratio_[0] = h * line.down[1] / pivot;  // minus the entry above the diagonal, over the pivot
  x[0] /= pivot;
  for (std::size_t k = 1; k < n; ++k) {
    const double below = h * line.up[k];
    pivot = 1 + h * (line.down[k] + line.up[k + 1]) - below * ratio_[k - 1];
    const double inverse = 1 / pivot;
    ratio_[k] = h * line.down[k + 1] * inverse;
    x[k] = (x[k] + below * x[k - 1]) * inverse;
  }
  for (std::size_t k = n - 1; k-- > 0;) x[k] += ratio_[k] * x[k + 1];
}

void LineStepper::step(std::span<double> p, double dt, const std::function<void(double c, Line& line)>& rates) {
  // p1 = p + g dt A1 p1;  p2 = p + (1 - g) dt A1 p1 + g dt A2 p2, with dt A1 p1 = (p1 - p) / g.
  constexpr double other = (1 - gamma) / gamma;
  std::copy(p.begin(), p.end(), stage_.begin());
  rates(gamma, line_);
  solve(line_, gamma * dt, stage_);
  for (std::size_t k = 0; k < p.size(); ++k) p[k] += other * (stage_[k] - p[k]);
  rates(1, line_);
  solve(line_, gamma * dt, p);
}

void LineStepper::step(std::span<double> p, double dt, const Line& line) {
  constexpr double other = (1 - gamma) / gamma;
  std::copy(p.begin(), p.end(), stage_.begin());
  solve(line, gamma * dt, stage_);
  for (std::size_t k = 0; k < p.size(); ++k) p[k] += other * (stage_[k] - p[k]);
  solve(line, gamma * dt, p);
}

}  // namespace meso::sde
