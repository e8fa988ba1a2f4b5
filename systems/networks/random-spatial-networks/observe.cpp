#include <algorithm>
#include <cmath>
#include <complex>
#include <limits>
#include <numbers>

#include "num/fft.h"
#include "systems/networks/random-spatial-networks/random_spatial_networks.h"

namespace meso::systems::random_spatial_networks {

std::vector<double> arrival_points(double half) {
  std::vector<double> x;
  for (int k = 0; k < 16; ++k) x.push_back(half * (0.125 + 0.05 * k));
  return x;
}

Realisation realise(const World& world, std::span<const double> times, double until, bool epidemic, std::uint64_t seed, const std::string& purpose, std::uint64_t trajectory) {
  Realisation r;
  r.network = graph::spatial_graph(world.network, Stream(seed, trajectory, purpose + "/graph").fast());
  const std::size_t n = r.network.x.size();
  r.seeded.assign(n, 0);
  if (world.single) {
    std::size_t nearest = 0;
    double best = std::numeric_limits<double>::infinity();
    for (std::size_t i = 0; i < n; ++i) {
      const double d = std::hypot(r.network.x[i] - world.half(), world.network.dimension == 2 ? r.network.y[i] - world.half() : 0.0);
      if (d < best) best = d, nearest = i;
    }
    r.seeded[nearest] = 1;
  } else {
    for (std::size_t i = 0; i < n; ++i) r.seeded[i] = std::abs(r.network.x[i] - world.half()) < world.w;
  }
  if (!epidemic) return r;
  std::vector<graph::State> initial(n, 0);
  for (std::size_t i = 0; i < n; ++i) initial[i] = static_cast<graph::State>(r.seeded[i]);
  graph::FirstPassage passage(graph::sir(world.beta, world.gamma));
  passage.keep_ends = true;
  FastStream random = Stream(seed, trajectory, purpose + "/epidemic").fast();
  r.course = passage.run(r.network.graph, initial, times, until, random);
  r.infected_at = passage.infected_at();
  r.ended_at = passage.ended_at();
  for (std::size_t i = 0; i < n; ++i) r.reached += !r.seeded[i] && std::isfinite(r.infected_at[i]);
  return r;
}

std::vector<double> arrivals(const Realisation& r, std::span<const double> distance) {
  const double half = 0.5 * r.network.side;
  std::vector<std::vector<double>> found(distance.size());
  for (std::size_t i = 0; i < r.network.x.size(); ++i) {
    const double d = std::abs(r.network.x[i] - half);
    for (auto k = static_cast<std::size_t>(std::lower_bound(distance.begin(), distance.end(), d - arrival_window) - distance.begin()); k < distance.size() && distance[k] < d + arrival_window; ++k)
      found[k].push_back(r.infected_at[i]);
  }
  std::vector<double> median;
  for (std::vector<double>& times : found) {
    if (times.empty()) {
      median.push_back(std::numeric_limits<double>::infinity());
      continue;
    }
    const auto middle = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2);
    std::nth_element(times.begin(), middle, times.end());
    median.push_back(*middle);
  }
  return median;
}

Hops hops(const Realisation& r, double t, double median) {
  const double side = r.network.side, density = static_cast<double>(r.network.x.size()) / side;
  const auto bins = static_cast<std::size_t>(std::max(3.0, std::floor(side / std::max(median, 20 / density))));
  const double width = side / static_cast<double>(bins), gap = 10 * median;
  std::vector<std::uint32_t> nodes(bins, 0), infected(bins, 0);
  const auto bin = [&](double x) { return std::min(bins - 1, static_cast<std::size_t>(x / width)); };
  for (std::size_t i = 0; i < r.network.x.size(); ++i) {
    ++nodes[bin(r.network.x[i])];
    infected[bin(r.network.x[i])] += r.infected_at[i] <= t;
  }
  const auto reached = [&](std::size_t b) { return nodes[b] > 0 && 10 * infected[b] >= nodes[b]; };
  // From the centre outwards in both directions; positions run over half the box each way.
  const std::size_t centre = bin(0.5 * side);
  const auto allowed = static_cast<std::size_t>(std::ceil(gap / width));
  Hops result;
  double mass = 0, beyond = 0;
  for (const std::uint32_t count : infected) mass += count;
  for (const int direction : {1, -1}) {
    std::size_t empty = 0, edge = 0;
    bool main = true, inside = true;
    for (std::size_t step = 0; step <= bins / 2 - (direction < 0 && bins % 2 == 0 ? 1 : 0); ++step) {
      const std::size_t b = (centre + bins + (direction > 0 ? step : bins - step)) % bins;
      if (reached(b)) {
        if (main && empty > allowed) main = false, inside = false;
        if (main) {
          edge = step;
        } else if (!inside) {
          ++result.foci;
          inside = true;
        }
        empty = 0;
      } else if (++empty > allowed) {
        inside = main;
      }
    }
    for (std::size_t step = edge + allowed + 1; step <= bins / 2 - (direction < 0 && bins % 2 == 0 ? 1 : 0); ++step)
      beyond += infected[(centre + bins + (direction > 0 ? step : bins - step)) % bins];
  }
  result.hop = mass > 0 ? beyond / mass : 0;
  return result;
}

double triangle_integral(const graph::Kernel& kernel, double side) {
  const int d = kernel.dimension();
  const double volume = std::pow(side, d), scale = kernel.smallest_range();
  if (scale > 1e300) return 1 / volume;
  if (kernel.parts().size() <= 2 && kernel.parts()[0].kind == graph::Kernel::Kind::gaussian && side > 12 * scale) {
    const double m = kernel.parts()[0].weight;  // three Gaussians at the origin
    return m * m * m * std::pow(6 * std::numbers::pi * scale * scale, -0.5 * d) + (1 - m * m * m) / volume;
  }
  // A box of its own, fine enough for the kernel: cell averages would only add O(dx^2).
  const double box = std::min(side, (d == 1 ? 4000 : 40) * scale);
  const std::size_t n = d == 1 ? 1 << 19 : 2048;
  const double dx = box / static_cast<double>(n);
  const num::RealFft fft(std::vector<std::size_t>(static_cast<std::size_t>(d), n));
  num::FftVector<double> f(fft.real_size());
  num::FftVector<std::complex<double>> transform(fft.complex_size());
  double mass = 0;
  for (std::size_t j = 0; j < f.size(); ++j) {
    const double x = dx * static_cast<double>(std::min(j % n, n - j % n)), y = d == 1 ? 0 : dx * static_cast<double>(std::min(j / n, n - j / n));
    f[j] = kernel.local(std::hypot(x, y)) * std::pow(dx, d);
    mass += f[j];
  }
  fft.forward(f, transform);
  const std::size_t half = n / 2 + 1;
  double sum = 0;
  for (std::size_t k = 0; k < transform.size(); ++k) {
    const double v = transform[k].real();  // even kernel: the transform is real
    sum += (k % half == 0 || k % half == half - 1 ? 1 : 2) * v * v * v;
  }
  return sum / std::pow(box, d) + (1 - mass * mass * mass) / volume;
}

}  // namespace meso::systems::random_spatial_networks
