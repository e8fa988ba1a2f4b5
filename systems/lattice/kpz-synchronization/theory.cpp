#include "systems/lattice/kpz-synchronization/theory.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

namespace meso::systems::kpz_synchronization {
namespace {

// Modes k and N - k are equal: k = 1 .. N/2 with their number, and 4 sin^2(pi k / N).
struct Modes {
  std::vector<double> count, laplacian;
  explicit Modes(std::size_t N) {
    for (std::size_t k = 1; k <= N / 2; ++k) {
      const double sine = std::sin(std::numbers::pi * static_cast<double>(k) / static_cast<double>(N));
      count.push_back(2 * k == N ? 1.0 : 2.0);
      laplacian.push_back(4.0 * sine * sine);
    }
  }
  [[nodiscard]] std::size_t size() const { return count.size(); }
};

// One step of a linear mode x' = -l x + w + sqrt(2 D) xi: x -> G x + (1 - G)/l w + sqrt(2 D dt) H xi.
struct Factors {
  double G = 1, H = 1, push = 0;  // push = (1 - G)/l
};
Factors factors(Scheme scheme, double l, double dt) {
  const double a = l * dt;
  if (scheme == Scheme::euler_maruyama) return {1.0 - a, 1.0, dt};
  if (scheme == Scheme::heun) return {1.0 - a * (1.0 - 0.5 * a), 1.0 - 0.5 * a, dt * (1.0 - 0.5 * a)};
  return {1.0 - a * (1.0 - 0.5 * a * (1.0 - a / 3.0 * (1.0 - 0.25 * a))), 1.0, dt * (1.0 - 0.5 * a * (1.0 - a / 3.0 * (1.0 - 0.25 * a)))};
}

// Sums over modes of second moments x[k].
void collect(const Modes& modes, std::span<const double> x, std::size_t N, LinearPath& path, bool with_structure) {
  double w2 = 0, bonds = 0;
  for (std::size_t k = 0; k < modes.size(); ++k) {
    w2 += modes.count[k] * x[k];
    bonds += modes.count[k] * modes.laplacian[k] * x[k];
  }
  path.w2.push_back(w2 / static_cast<double>(N));
  path.bond_variance.push_back(bonds / static_cast<double>(N));
  if (with_structure) path.structure.emplace_back(x.begin(), x.end());
}

// 1, 2, 3, 4, 6, 8, 12, ... up to `last`, which closes the list.
std::vector<std::size_t> half_octaves(std::size_t last) {
  std::vector<std::size_t> values;
  for (std::size_t power = 1; power < last; power *= 2) {
    values.push_back(power);
    if (power > 1 && power + power / 2 < last) values.push_back(power + power / 2);
  }
  values.push_back(last);
  return values;
}

}  // namespace

std::size_t steps_in(double span, double dt) { return span <= 0 ? 0 : static_cast<std::size_t>(std::max(1.0, std::ceil(span / dt - 1e-9))); }

std::vector<std::size_t> separations(std::size_t N) { return half_octaves(N / 2); }

WaveBins::WaveBins(std::size_t N) : N_(N) {
  std::size_t k = 1;
  for (const std::size_t last : half_octaves(N / 2)) {
    first.push_back(k);
    double sum = 0, count = 0;
    for (; k <= last; ++k) {
      const double weight = 2 * k == N ? 1.0 : 2.0;
      sum += weight * 2.0 * std::numbers::pi * static_cast<double>(k) / static_cast<double>(N);
      count += weight;
    }
    q.push_back(sum / count);
    modes.push_back(count);
  }
  first.push_back(k);
}

std::vector<double> WaveBins::average(std::span<const double> s) const {
  std::vector<double> mean(q.size());
  for (std::size_t bin = 0; bin < q.size(); ++bin) {
    for (std::size_t k = first[bin]; k < first[bin + 1]; ++k) mean[bin] += (2 * k == N_ ? 1.0 : 2.0) * s[k - 1];
    mean[bin] /= modes[bin];
  }
  return mean;
}

std::vector<double> height_differences(std::size_t N, std::span<const double> s, std::span<const std::size_t> separations) {
  std::vector<double> g2;
  for (const std::size_t l : separations) {
    double sum = 0;
    for (std::size_t k = 1; k <= s.size(); ++k) {
      const double half = std::sin(std::numbers::pi * static_cast<double>(k * l % N) / static_cast<double>(N));  // 1 - cos x = 2 sin^2(x/2)
      sum += (2 * k == N ? 1.0 : 2.0) * s[k - 1] * 2.0 * half * half;
    }
    g2.push_back(2.0 * sum / static_cast<double>(N));
  }
  return g2;
}

LinearPath edwards_wilkinson(std::size_t N, double nu, const Randomness& random, std::span<const double> times, bool with_structure) {
  const Modes modes(N);
  LinearPath path;
  std::vector<double> x(modes.size());
  for (const double t : times) {
    for (std::size_t k = 0; k < modes.size(); ++k) {
      const double l = nu * modes.laplacian[k];
      if (random.columnar) {
        const double amplitude = l > 0 ? -std::expm1(-l * t) / l : t;
        x[k] = random.s * random.s * amplitude * amplitude;
      } else {
        x[k] = l > 0 ? random.D * -std::expm1(-2.0 * l * t) / l : 2.0 * random.D * t;
      }
    }
    collect(modes, x, N, path, with_structure);
  }
  return path;
}

LinearPath edwards_wilkinson_stepped(std::size_t N, double nu, const Randomness& random, Scheme scheme, double dt, std::span<const double> times, bool with_structure) {
  const Modes modes(N);
  LinearPath path;
  std::vector<double> x(modes.size()), amplitude(modes.size());
  double now = 0;
  for (const double t : times) {
    const std::size_t steps = steps_in(t - now, dt);
    const double h = steps > 0 ? (t - now) / static_cast<double>(steps) : 0.0;
    for (std::size_t k = 0; k < modes.size() && steps > 0; ++k) {
      const Factors f = factors(scheme, nu * modes.laplacian[k], h);
      const double n = static_cast<double>(steps), l = nu * modes.laplacian[k];
      if (random.columnar) {
        const double power = std::pow(f.G, n);
        amplitude[k] = l > 0 ? power * amplitude[k] + (1.0 - power) / l : amplitude[k] + n * h;
        x[k] = random.s * random.s * amplitude[k] * amplitude[k];
      } else {
        const double per_step = 2.0 * random.D * h * f.H * f.H, left = 1.0 - f.G * f.G;
        const double power = std::pow(f.G * f.G, n);
        x[k] = left != 0 ? power * x[k] + per_step * (1.0 - power) / left : x[k] + n * per_step;
      }
    }
    collect(modes, x, N, path, with_structure);
    now = t;
  }
  return path;
}

LinearPath statistically_linearised(std::size_t N, const lattice::FourierCoupling& coupling, const Randomness& random, Scheme scheme, double dt,
                                    std::span<const double> times, bool with_structure) {
  const Modes modes(N);
  LinearPath path;
  std::vector<double> x(modes.size());  // noise: variance of the mode; columnar: amplitude per unit frequency
  double now = 0, variance = 0, displacement = 0;
  std::vector<double> second(modes.size());
  const auto moments = [&] {
    for (std::size_t k = 0; k < modes.size(); ++k) second[k] = random.columnar ? random.s * random.s * x[k] * x[k] : x[k];
  };
  for (const double t : times) {
    const std::size_t steps = steps_in(t - now, dt);
    const double h = steps > 0 ? (t - now) / static_cast<double>(steps) : 0.0;
    for (std::size_t step = 0; step < steps; ++step) {
      const double nu = coupling.gaussian_slope(variance);
      displacement += 2.0 * coupling.gaussian_mean(variance) * h;
      double bonds = 0;
      for (std::size_t k = 0; k < modes.size(); ++k) {
        const Factors f = factors(scheme, nu * modes.laplacian[k], h);
        double moment;
        if (random.columnar) {
          x[k] = f.G * x[k] + f.push;
          moment = random.s * random.s * x[k] * x[k];
        } else {
          x[k] = f.G * f.G * x[k] + 2.0 * random.D * h * f.H * f.H;
          moment = x[k];
        }
        bonds += modes.count[k] * modes.laplacian[k] * moment;
      }
      variance = bonds / static_cast<double>(N);
    }
    moments();
    collect(modes, second, N, path, with_structure);
    path.displacement.push_back(displacement);
    now = t;
  }
  return path;
}

double saturation_w2(std::size_t N, double nu, const Randomness& random) {
  const double n = static_cast<double>(N), n2 = n * n;
  if (nu <= 0) return std::numeric_limits<double>::infinity();
  return random.columnar ? random.s * random.s * (n2 - 1.0) * (n2 + 11.0) / (720.0 * nu * nu * n) : random.D * (n2 - 1.0) / (12.0 * nu * n);
}

double slow_time(std::size_t N, double nu, const Randomness& random) {
  if (nu <= 0) return std::numeric_limits<double>::infinity();
  const double sine = std::sin(std::numbers::pi / static_cast<double>(N)), l1 = 4.0 * nu * sine * sine;
  return random.columnar ? 1.0 / l1 : 0.5 / l1;
}

double equilibrium_bond_cosine(const lattice::FourierCoupling& coupling, double D) {
  // Trapezium rule on a periodic analytic integrand: error exponentially small once the width of the law is resolved.
  const auto potential = [&](double x) {  // V(x) with V(0) = 0
    double v = 0;
    for (std::size_t m = 1; m <= coupling.sine.size(); ++m) v += coupling.sine[m - 1] / static_cast<double>(m) * (1.0 - std::cos(static_cast<double>(m) * x));
    return v;
  };
  const auto points = static_cast<std::size_t>(256 + 64 * std::sqrt(coupling.steepest() / D));
  double lowest = 0, weight = 0, sum = 0;
  for (std::size_t i = 0; i < points; ++i) lowest = std::min(lowest, potential(2.0 * std::numbers::pi * static_cast<double>(i) / static_cast<double>(points)));
  for (std::size_t i = 0; i < points; ++i) {
    const double x = 2.0 * std::numbers::pi * static_cast<double>(i) / static_cast<double>(points);
    const double w = std::exp(-(potential(x) - lowest) / D);
    weight += w;
    sum += w * std::cos(x);
  }
  return sum / weight;
}

namespace {
std::vector<double> partial_sums(std::span<const double> omega) {
  double mean = 0;
  for (const double w : omega) mean += w;
  mean /= static_cast<double>(omega.size());
  std::vector<double> sums;
  double sum = 0;
  for (const double w : omega) sums.push_back(sum += w - mean);
  return sums;
}
}  // namespace

double locking_threshold_open(std::span<const double> omega) {
  double largest = 0;
  for (const double s : partial_sums(omega)) largest = std::max(largest, std::abs(s));
  return largest;
}

double locking_threshold_ring(std::span<const double> omega) {
  // In a locked state the current K sin(phi_{i+1} - phi_i) = -(S_i + c): its constant c is free, the differences must sum to 0.
  const std::vector<double> sums = partial_sums(omega);
  const auto [low, high] = std::minmax_element(sums.begin(), sums.end());
  const double half = 0.5 * (*high - *low);
  if (half == 0) return 0;
  const auto total = [&](double K, double c) {
    double sum = 0;
    for (const double s : sums) sum += std::asin(std::clamp((s + c) / K, -1.0, 1.0));
    return sum;
  };
  // At given K, c may range over [-K - low, K - high]; the sum grows with c, so a zero exists iff it changes sign over the range.
  const auto locks = [&](double K) { return total(K, -K - *low) <= 0 && total(K, K - *high) >= 0; };
  double below = half, above = 2 * half;
  if (locks(half)) return half;
  while (!locks(above)) above *= 2;
  while (above - below > 1e-12 * above) {
    const double middle = 0.5 * (below + above);
    (locks(middle) ? above : below) = middle;
  }
  return above;
}

double kpz_coupling(double nu, double lambda, const Randomness& random) {
  const double strength = random.columnar ? random.s * random.s / nu : random.D;
  return lambda * lambda * strength / (nu * nu * nu);
}

KpzGrowth kpz_growth(double nu, double lambda, double D) {
  const double slope = D / nu;
  return {.rate = 0.5 * std::abs(lambda) * slope * slope, .sign = lambda < 0 ? -1.0 : 1.0};
}

double KpzGrowth::w2(double t) const { return variance * std::cbrt(rate * t) * std::cbrt(rate * t); }

std::vector<double> local_slope(std::span<const double> times, std::span<const double> w2, bool columnar) {
  const std::size_t n = times.size();
  std::vector<double> slope(n, std::numeric_limits<double>::quiet_NaN());
  const std::size_t first = n > 0 && times[0] == 0 ? 1 : 0;
  if (first == 1) slope[0] = columnar ? 1.0 : 0.5;
  for (std::size_t i = first; i < n; ++i) {
    const std::size_t a = i > first ? i - 1 : i, b = i + 1 < n ? i + 1 : i;
    if (a != b && w2[a] > 0 && w2[b] > 0) slope[i] = 0.5 * std::log(w2[b] / w2[a]) / std::log(times[b] / times[a]);
  }
  return slope;
}

}  // namespace meso::systems::kpz_synchronization
