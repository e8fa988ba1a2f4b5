#include "kits/kinetics/birth_death.h"

#include <cmath>

namespace meso::kinetics {

std::vector<double> birth_death_law(std::span<const double> birth, std::span<const double> death) {
  const std::size_t n = birth.size();
  std::vector<double> p(n, 0.0);
  if (n == 0) return p;
  // Blocks of a common scale 1e200^k: `scale[i]` says in which an entry was written.
  std::vector<int> scale(n, 0);
  p[0] = 1;
  int current = 0;
  for (std::size_t i = 1; i < n; ++i) {
    double x = p[i - 1] * birth[i - 1] / death[i];
    if (x > 1e200) { x *= 1e-200; ++current; }
    else if (x < 1e-200) { x *= 1e200; --current; }
    p[i] = x;
    scale[i] = current;
  }
  int top = scale[0];
  for (const int s : scale) top = s > top ? s : top;
  double sum = 0;
  for (std::size_t i = 0; i < n; ++i) {
    if (scale[i] == top - 1) p[i] *= 1e-200;
    else if (scale[i] < top - 1) p[i] = 0;
    sum += p[i];
  }
  // The largest entry may be as small as 1e-200 in its own block; dividing twice keeps what lies 1e-300 below it.
  for (double& x : p) x /= sum;
  return p;
}

RelaxationRate birth_death_gap(std::span<const double> birth, std::span<const double> law) {
  // Only states that carry weight: beyond them the kernel would be 0/0.
  std::size_t first = 0, last = law.size();
  while (first < last && law[first] < 1e-280) ++first;
  while (last > first && law[last - 1] < 1e-280) --last;
  const std::size_t n = last - first;
  RelaxationRate out;
  if (n < 2) return out;
  const std::size_t m = n - 1;  // differences g[i] = f[i+1] - f[i]
  std::vector<double> below(m), above(m), weight(m), h(m, 1.0), g(m);
  double sum = 0;
  for (std::size_t i = 0; i < m; ++i) below[i] = (sum += law[first + i]);
  sum = 0;
  for (std::size_t i = m; i-- > 0;) above[i] = (sum += law[first + i + 1]);
  const double total = below[m - 1] + law[last - 1];
  for (std::size_t i = 0; i < m; ++i) weight[i] = law[first + i] * birth[first + i] * total;  // `total` normalises the kernel
  double previous = 0;
  for (out.iterations = 1; out.iterations <= 2000; ++out.iterations) {
    // g = M^-1 h: g[i] = (above[i] sum_{l <= i} h[l] below[l] + below[i] sum_{l > i} h[l] above[l]) / (pi_i birth_i)
    double left = 0;
    for (std::size_t i = 0; i < m; ++i) g[i] = above[i] * (left += h[i] * below[i]);
    double right = 0;
    for (std::size_t i = m; i-- > 0;) {
      g[i] = (g[i] + below[i] * right) / weight[i];
      right += h[i] * above[i];
    }
    double gh = 0, gg = 0;
    for (std::size_t i = 0; i < m; ++i) {
      gh += weight[i] * g[i] * h[i];
      gg += weight[i] * g[i] * g[i];
    }
    out.rate = gh / gg;  // Rayleigh quotient: its error is the square of the vector's
    const double norm = 1 / std::sqrt(gg);
    for (std::size_t i = 0; i < m; ++i) h[i] = g[i] * norm;
    if (std::abs(out.rate - previous) <= 1e-13 * out.rate) {
      out.settled = true;
      break;
    }
    previous = out.rate;
  }
  return out;
}

}  // namespace meso::kinetics
