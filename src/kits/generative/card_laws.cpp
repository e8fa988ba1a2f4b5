#include "kits/generative/card_laws.h"

#include <cmath>

#include "rng/stream.h"

namespace meso::generative {

sde::GaussianMixture two_modes() { return sde::GaussianMixture({0.5, 0.5}, {-3, 3}, {0.25, 0.25}); }

sde::GaussianMixture three_modes() { return sde::GaussianMixture({1.0 / 3, 1.0 / 3, 1.0 / 3}, {-6, 0, 6}, {0.5, 0.33, 0.5}); }

sde::GaussianMixture standard_normal(std::size_t d) { return sde::GaussianMixture::isotropic({1}, std::vector<double>(d, 0.0), std::vector<double>{1}); }

sde::GaussianMixture random_mixture(std::size_t d, std::size_t n, std::uint64_t seed) {
  std::vector<double> means, covariances;
  for (std::size_t k = 0; k < n; ++k) {
    Stream stream(seed, k, "generative/random-mixture");
    std::vector<double> direction(d), a(d * d);
    double norm = 0;
    for (double& v : direction) {
      v = stream.normal();
      norm += v * v;
    }
    const double radius = 4 * std::sqrt(stream.uniform());
    for (const double v : direction) means.push_back(radius * v / std::sqrt(norm));
    for (double& v : a) v = stream.normal();
    for (std::size_t i = 0; i < d; ++i)
      for (std::size_t j = 0; j < d; ++j) {
        double sum = 0;
        const std::size_t p = std::min(i, j), q = std::max(i, j);  // the same sum on both sides: symmetric to the bit
        for (std::size_t r = 0; r < d; ++r) sum += a[p * d + r] * a[q * d + r];
        covariances.push_back(0.5 * sum / static_cast<double>(d) + (i == j ? 0.25 : 0.0));
      }
  }
  return sde::GaussianMixture(std::vector<double>(n, 1 / static_cast<double>(n)), std::move(means), std::move(covariances));
}

}  // namespace meso::generative
