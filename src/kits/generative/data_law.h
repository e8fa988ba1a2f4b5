// Laws of data: what a generative model is to reproduce. Mixtures have everything in closed form; rings and squares are samplers.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "kits/sde/mixture.h"
#include "rng/stream.h"

namespace meso::generative {

struct DataLaw {
  std::string name;
  std::size_t dimension = 1;
  std::optional<sde::GaussianMixture> mixture;                    ///< if it is one
  bool singular = false;                                          ///< no score at t = 0: points, or densities that jump
  std::function<void(FastStream&, std::span<double>)> draw;       ///< one point
  std::vector<double> modes;                                      ///< modes x dimension: centres, for mode weights
  std::vector<double> mean, variance;                             ///< per coordinate
  [[nodiscard]] std::size_t mode_count() const { return modes.size() / dimension; }
  /// The mode whose centre is nearest.
  [[nodiscard]] std::size_t nearest_mode(std::span<const double> x) const;
};

/// A mixture on the line; sd may be one for all, and 0 (points; the mixture then has sd 1e-9).
/// @throws ModelError  sizes that do not match, weights that do not sum to 1, sd < 0
[[nodiscard]] DataLaw mixture_law(const std::vector<double>& weights, const std::vector<double>& means, const std::vector<double>& sd);
/// Nine equal Gaussians: centres 0.65 times {(+-2, +-2), (0, 0), (+-4, 0), (0, +-4)}, covariance 0.0845 I.
[[nodiscard]] DataLaw blob();
/// Two rings: 2 r (cos a, sin a), r ~ N(0.65, 0.1^2) or N(1.4, 0.1^2) with equal probability. Modes: none but the whole.
[[nodiscard]] DataLaw circles2();
/// Eight squares of side 1.5: 6 times those of side 1/4 with lower corners (-0.5, -0.5) + {(0,0), (.5,0), (.25,.25), (.75,.25), (0,.5), (.5,.5), (.25,.75), (.75,.75)}.
[[nodiscard]] DataLaw checker();
// Source of the three: github.com/teojd/ODESDEGap (the authors' code), as the card quotes it.

/// By name: "blob", "circles2", "checker". @throws ModelError  another name
[[nodiscard]] DataLaw data_law(const std::string& name);

}  // namespace meso::generative
