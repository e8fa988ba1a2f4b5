// Laws of positive numbers as people write them: delays of reactions, constants that differ between cells.
//
//   2.5, k*L            that number (a formula of constants)
//   exponential(mean)   gamma(shape, mean)   erlang(steps, mean)   uniform(low, high)
//   log-normal(mean, cv)    cv: standard deviation / mean
//   normal(mean, sd)        cut off at 0: drawn again until it is positive, so that its mean lies above the `mean` given
//   two-point(a, b, p)      a with probability p, else b
#pragma once

#include <cmath>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "num/formula.h"

namespace meso::kinetics {

/// A law with its numbers.
struct Law {
  enum class Kind { fixed, exponential, gamma, uniform, log_normal, normal, two_point };
  Kind kind = Kind::fixed;
  double a = 0, b = 0, p = 0;  ///< in the order of the text
  [[nodiscard]] double mean() const;
  /// Rng: Stream or FastStream.
  template <class Rng>
  [[nodiscard]] double draw(Rng& rng) const {
    switch (kind) {
      case Kind::fixed: return a;
      case Kind::exponential: return a * rng.exponential();
      case Kind::gamma: return rng.gamma(a) * (b / a);
      case Kind::uniform: return a + (b - a) * rng.uniform();
      case Kind::log_normal: {
        const double s2 = std::log1p(b * b);
        return a * std::exp(std::sqrt(s2) * rng.normal() - s2 / 2);
      }
      case Kind::normal:
        while (true)
          if (const double x = a + b * rng.normal(); x > 0) return x;
      case Kind::two_point: return rng.uniform() < p ? a : b;
    }
    return a;
  }
};

/// A law with names in it.
struct LawText {
  std::string text;
  std::string name = "fixed";
  std::vector<num::Formula> arguments;
};
/// @throws ModelError unknown law with the nearest name, wrong number of arguments
[[nodiscard]] LawText parse_law(std::string_view text);
/// @throws ModelError an argument out of its range, with its value
[[nodiscard]] Law bind_law(const LawText& law, const std::map<std::string, double>& numbers);

}  // namespace meso::kinetics
