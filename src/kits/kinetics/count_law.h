// Laws of initial counts.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "kits/kinetics/law.h"

namespace meso::kinetics {

/// A law on the natural numbers.
///
///   point        the mean itself
///   poisson      of the mean
///   variance(v)  mean and variance given: negative binomial for v > mean, Poisson for v = mean; below, the mixture of the two binomial laws of
///                neighbouring sizes that has both moments (one binomial law where its size mean^2 / (mean - v) is whole)
///   mixture(n1, w1, n2, w2, ...)   n_i molecules with probability w_i / (w1 + w2 + ...); it has its own mean
struct CountLaw {
  enum class Kind { point, poisson, negative_binomial, binomials, mixture };
  Kind kind = Kind::point;
  double mean = 0, variance = 0;
  std::vector<std::pair<double, double>> parts;  ///< mixture: (count, probability); binomials: (size, probability of the size)
  /// Rng: Stream or FastStream.
  template <class Rng>
  [[nodiscard]] std::int64_t draw(Rng& rng) const {
    switch (kind) {
      case Kind::point: return static_cast<std::int64_t>(mean);
      case Kind::poisson: return rng.poisson(mean);
      case Kind::negative_binomial: {  // a Poisson law whose mean is gamma-distributed
        const double shape = mean * mean / (variance - mean);
        return rng.poisson(rng.gamma(shape) * (mean / shape));
      }
      case Kind::binomials:
      case Kind::mixture: {
        double u = rng.uniform();
        std::size_t k = 0;
        while (k + 1 < parts.size() && u >= parts[k].second) u -= parts[k++].second;
        const auto n = static_cast<std::int64_t>(parts[k].first);
        return kind == Kind::mixture ? n : rng.binomial(n, mean / static_cast<double>(n));
      }
    }
    return 0;
  }
  /// P(n) for n = first .. first + size - 1; what lies outside has less than `cut`.
  [[nodiscard]] std::vector<double> probabilities(double cut, std::int64_t& first) const;
  /// Cumulants 1 to 4.
  [[nodiscard]] std::vector<double> cumulants() const;
};

/// @param text     as above; @param mean  the initial amount
/// @throws ModelError  unknown law with the nearest name, a variance that no law on the natural numbers has, weights that are none
[[nodiscard]] CountLaw parse_count_law(const std::string& text, double mean, const std::map<std::string, double>& numbers);

}  // namespace meso::kinetics
