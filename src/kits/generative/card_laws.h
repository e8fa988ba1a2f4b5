// Laws that the papers of this kit are told with: presets of systems, and what tests and benches take.
#pragma once

#include <cstdint>

#include "kits/sde/mixture.h"

namespace meso::generative {

/// Means +-3, variance 1/4, equal weights: the start of the released one-dimensional set-up of arXiv:2303.08797.
[[nodiscard]] sde::GaussianMixture two_modes();
/// Means -6, 0, 6, variances 0.5, 0.33, 0.5, equal weights: its end.
[[nodiscard]] sde::GaussianMixture three_modes();
[[nodiscard]] sde::GaussianMixture standard_normal(std::size_t d);
/// n components of equal weight: means of random direction with radius 4 sqrt(U), covariances A A^T/(2 d) + I/4 with A of
/// standard normal entries. A function of (d, n, seed) alone.
[[nodiscard]] sde::GaussianMixture random_mixture(std::size_t d, std::size_t n, std::uint64_t seed);

}  // namespace meso::generative
