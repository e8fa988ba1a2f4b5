#include "kits/field/entropy.h"

#include <cmath>
#include <limits>
#include <vector>

namespace meso::field {

double shannon(std::span<const double> p) {
  double sum = 0;
  for (const double x : p)
    if (x > 0) sum -= x * std::log(x);
  return sum;
}

double renyi(std::span<const double> p, double order) {
  if (order == 1) return shannon(p);
  double sum = 0;
  for (const double x : p)
    if (x > 0) sum += std::pow(x, order);
  return std::log(sum) / (1 - order);
}

double tsallis(std::span<const double> p, double order) {
  if (order == 1) return shannon(p);
  double sum = 0;
  for (const double x : p)
    if (x > 0) sum += std::pow(x, order);
  return (1 - sum) / (order - 1);
}

Entropies entropies(std::span<const double> phi, double cell) {
  double total = 0;
  for (const double x : phi) total += x * x;
  Entropies e;
  if (!(total > 0) || !std::isfinite(total)) {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    return {false, nan, nan, nan, nan, nan, nan, nan, nan, nan};
  }
  std::vector<double> p(phi.size());
  double half = 0, square = 0, tenth = 0;
  for (std::size_t i = 0; i < p.size(); ++i) {
    p[i] = phi[i] * phi[i] / total;
    const double p2 = p[i] * p[i], p4 = p2 * p2;
    half += std::sqrt(p[i]), square += p2, tenth += p4 * p4 * p2;
  }
  e.defined = true;
  e.shannon = shannon(p);
  e.renyi_half = 2 * std::log(half);
  e.renyi_2 = -std::log(square);
  e.renyi_10 = std::log(tenth) / -9;
  e.tsallis_half = 2 * (half - 1);
  e.tsallis_2 = 1 - square;
  e.composite = 0.5 * e.shannon + 0.3 * e.renyi_2 + 0.2 * e.tsallis_2;
  e.shannon_differential = e.shannon + std::log(cell);
  e.shannon_density_sum = e.shannon_differential / cell;
  return e;
}

}  // namespace meso::field
