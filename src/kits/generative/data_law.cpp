#include "kits/generative/data_law.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <numbers>

#include "base/error.h"
#include "base/text.h"

namespace meso::generative {
namespace {

/// Draws from a mixture by the fast generator: the component by its weight, then the Cholesky factor's image of normals.
void use(DataLaw& law, sde::GaussianMixture mixture) {
  const std::size_t d = mixture.dimension(), m = mixture.components();
  law.dimension = d;
  law.mean = mixture.mean();
  const std::vector<double> c = mixture.covariance();
  for (std::size_t i = 0; i < d; ++i) law.variance.push_back(c[i * d + i]);
  law.modes = mixture.component_means();
  std::vector<double> sd;  // isotropic components only: what the laws below are
  for (std::size_t k = 0; k < m; ++k) sd.push_back(std::sqrt(mixture.component_covariances()[k * d * d]));
  law.draw = [weights = mixture.weights(), means = mixture.component_means(), sd, d](FastStream& random, std::span<double> x) {
    double u = random.uniform();
    std::size_t k = 0;
    for (; k + 1 < weights.size() && u >= weights[k]; ++k) u -= weights[k];
    for (std::size_t i = 0; i < d; ++i) x[i] = means[k * d + i] + sd[k] * random.normal();
  };
  law.mixture = std::move(mixture);
}

}  // namespace

std::size_t DataLaw::nearest_mode(std::span<const double> x) const {
  std::size_t best = 0;
  double least = 1e300;
  for (std::size_t k = 0; k < mode_count(); ++k) {
    double square = 0;
    for (std::size_t i = 0; i < dimension; ++i) square += std::pow(x[i] - modes[k * dimension + i], 2);
    if (square < least) {
      least = square;
      best = k;
    }
  }
  return best;
}

DataLaw mixture_law(const std::vector<double>& weights, const std::vector<double>& means, const std::vector<double>& sd) {
  if (means.size() != weights.size()) throw ModelError(fmt::format("a mixture on the line has one mean a weight: w has {} entries and m has {}", weights.size(), means.size()));
  if (sd.size() != 1 && sd.size() != weights.size()) throw ModelError(fmt::format("sd has {} entries; one for all, or {}, one a weight, is allowed", sd.size(), weights.size()));
  DataLaw law;
  law.name = "mixture";
  std::vector<double> widths;
  for (std::size_t k = 0; k < weights.size(); ++k) {
    const double s = sd[sd.size() == 1 ? 0 : k];
    if (!(s >= 0)) throw ModelError(fmt::format("sd = {} of component {}; it must be at least 0", exact(s), k + 1));
    law.singular = law.singular || s == 0;
    widths.push_back(std::max(s, 1e-9));
  }
  // Modes in order along the line, so that their weights are read from left to right.
  std::vector<std::size_t> order(weights.size());
  for (std::size_t k = 0; k < order.size(); ++k) order[k] = k;
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return means[a] < means[b]; });
  std::vector<double> w, m, s;
  for (const std::size_t k : order) {
    w.push_back(weights[k]);
    m.push_back(means[k]);
    s.push_back(widths[k]);
  }
  use(law, sde::GaussianMixture::isotropic(w, m, s));
  return law;
}

DataLaw blob() {
  std::vector<double> means;
  for (const auto& [x, y] : {std::pair{-2, -2}, {2, -2}, {-2, 2}, {2, 2}, {0, 0}, {-4, 0}, {4, 0}, {0, -4}, {0, 4}}) means.insert(means.end(), {0.65 * x, 0.65 * y});
  DataLaw law;
  law.name = "blob";
  use(law, sde::GaussianMixture::isotropic(std::vector<double>(9, 1.0 / 9), means, std::vector<double>(9, std::sqrt(0.65 * 0.65 * 0.2))));
  return law;
}

DataLaw circles2() {
  DataLaw law;
  law.name = "circles2";
  law.dimension = 2;
  law.draw = [](FastStream& random, std::span<double> x) {
    const double r = 2 * ((random.bernoulli(0.5) ? 0.65 : 1.4) + 0.1 * random.normal()), a = 2 * std::numbers::pi * random.uniform();
    x[0] = r * std::cos(a);
    x[1] = r * std::sin(a);
  };
  law.modes = {0, 0};
  law.mean = {0, 0};
  const double square = 4 * 0.5 * (0.65 * 0.65 + 1.4 * 1.4 + 2 * 0.01);  // E r^2
  law.variance = {square / 2, square / 2};
  return law;
}

DataLaw checker() {
  DataLaw law;
  law.name = "checker";
  law.dimension = 2;
  law.singular = true;  // its density jumps at the edges
  static const std::vector<double> corners{0, 0, .5, 0, .25, .25, .75, .25, 0, .5, .5, .5, .25, .75, .75, .75};
  law.draw = [](FastStream& random, std::span<double> x) {
    const std::uint64_t k = random.below(8);
    for (std::size_t i = 0; i < 2; ++i) x[i] = 6 * (corners[2 * k + i] - 0.5 + 0.25 * random.uniform());
  };
  law.mean.assign(2, 0.0);
  law.variance.assign(2, 0.0);
  for (std::size_t i = 0; i < 2; ++i) {
    double square = 0;
    for (std::size_t k = 0; k < 8; ++k) {
      const double centre = 6 * (corners[2 * k + i] - 0.5 + 0.125);
      law.mean[i] += centre / 8;
      square += (centre * centre + 1.5 * 1.5 / 12) / 8;
    }
    law.variance[i] = square - law.mean[i] * law.mean[i];
  }
  for (std::size_t k = 0; k < 16; ++k) law.modes.push_back(6 * (corners[k] - 0.5 + 0.125));
  return law;
}

DataLaw data_law(const std::string& name) {
  if (name == "blob") return blob();
  if (name == "circles2") return circles2();
  if (name == "checker") return checker();
  throw ModelError(fmt::format("there is no data law '{}'; known: blob, circles2, checker", name));
}

}  // namespace meso::generative
