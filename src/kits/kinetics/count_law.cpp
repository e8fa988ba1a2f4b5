#include "kits/kinetics/count_law.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"
#include "base/text.h"

namespace meso::kinetics {
namespace {

/// Numbers within the parentheses of "name(a, b, ...)". @throws ModelError
std::vector<double> arguments(const std::string& text, const std::map<std::string, double>& numbers) {
  if (text.back() != ')') throw ModelError(fmt::format("'{}' has no closing parenthesis", text));
  std::vector<double> values;
  const std::size_t open = text.find('(');
  for (const std::string& part : split(text.substr(open + 1, text.size() - open - 2), ',')) {
    const num::Formula formula = num::Formula::parse(part).substitute(numbers);
    double value = 0;
    if (!formula.is_constant(&value)) throw ModelError(fmt::format("'{}': '{}' is no constant", text, formula.variables().front()));
    values.push_back(value);
  }
  return values;
}

double log_probability(const CountLaw& law, double n, std::size_t part) {
  switch (law.kind) {
    case CountLaw::Kind::poisson: return law.mean > 0 ? n * std::log(law.mean) - law.mean - std::lgamma(n + 1) : (n == 0 ? 0 : -INFINITY);
    case CountLaw::Kind::negative_binomial: {
      const double shape = law.mean * law.mean / (law.variance - law.mean), p = law.mean / law.variance;
      return std::lgamma(n + shape) - std::lgamma(shape) - std::lgamma(n + 1) + shape * std::log(p) + n * std::log1p(-p);
    }
    case CountLaw::Kind::binomials: {
      const double size = law.parts[part].first, p = law.mean / size;
      if (n > size) return -INFINITY;
      if (p >= 1) return n == size ? 0 : -INFINITY;
      return std::lgamma(size + 1) - std::lgamma(n + 1) - std::lgamma(size - n + 1) + n * std::log(p) + (size - n) * std::log1p(-p);
    }
    default: return -INFINITY;
  }
}

}  // namespace

std::vector<double> CountLaw::probabilities(double cut, std::int64_t& first) const {
  if (kind == Kind::point) {
    first = static_cast<std::int64_t>(mean);
    return {1.0};
  }
  if (kind == Kind::mixture) {
    double low = parts[0].first, high = low;
    for (const auto& [n, w] : parts) {
      low = std::min(low, n);
      high = std::max(high, n);
    }
    first = static_cast<std::int64_t>(low);
    std::vector<double> p(static_cast<std::size_t>(high - low) + 1, 0.0);
    for (const auto& [n, w] : parts) p[static_cast<std::size_t>(n - low)] += w;
    return p;
  }
  const auto at = [&](double n) {
    if (kind != Kind::binomials) return std::exp(log_probability(*this, n, 0));
    double sum = 0;
    for (std::size_t k = 0; k < parts.size(); ++k) sum += parts[k].second * std::exp(log_probability(*this, n, k));
    return sum;
  };
  // Outwards from the mean until what a geometric tail would still hold is below the cut.
  const auto middle = static_cast<std::int64_t>(mean);
  std::vector<double> up, down;
  for (std::int64_t n = middle;; ++n) {
    up.push_back(at(static_cast<double>(n)));
    const double here = up.back(), ratio = up.size() > 1 && up[up.size() - 2] > 0 ? here / up[up.size() - 2] : 1;
    if (n > middle && (here == 0 || (ratio < 1 && here * ratio / (1 - ratio) < cut / 2))) break;
  }
  for (std::int64_t n = middle - 1; n >= 0; --n) {
    down.push_back(at(static_cast<double>(n)));
    if (down.back() * static_cast<double>(n) < cut / 2) break;  // falling towards 0
  }
  first = middle - static_cast<std::int64_t>(down.size());
  std::vector<double> p(down.rbegin(), down.rend());
  p.insert(p.end(), up.begin(), up.end());
  return p;
}

std::vector<double> CountLaw::cumulants() const {
  if (kind == Kind::point) return {mean, 0, 0, 0};
  if (kind == Kind::poisson) return {mean, mean, mean, mean};
  if (kind == Kind::negative_binomial) {
    const double f = variance / mean;
    return {mean, variance, mean * f * (2 * f - 1), mean * f * (6 * f * f - 6 * f + 1)};
  }
  std::int64_t first = 0;
  const std::vector<double> p = probabilities(1e-17, first);
  double second = 0, third = 0, fourth = 0;
  for (std::size_t i = 0; i < p.size(); ++i) {
    const double d = static_cast<double>(first) + static_cast<double>(i) - mean;
    second += p[i] * d * d;
    third += p[i] * d * d * d;
    fourth += p[i] * d * d * d * d;
  }
  return {mean, second, third, fourth - 3 * second * second};
}

CountLaw parse_count_law(const std::string& given, double mean, const std::map<std::string, double>& numbers) {
  const std::string text = given.substr(std::min(given.find_first_not_of(' '), given.size()), given.find_last_not_of(' ') + 1);
  const std::string name = text.substr(0, text.find('('));
  CountLaw law;
  law.mean = law.variance = mean;
  using Kind = CountLaw::Kind;
  if (text == "point") {
    law.variance = 0;
    return law;
  }
  if (text == "poisson") {
    law.kind = Kind::poisson;
    return law;
  }
  if (text == "variance" || text == "mixture") throw ModelError(fmt::format("'{}' needs its numbers: variance(v), mixture(n1, w1, n2, w2, ...)", text));
  if (name == "variance") {
    const std::vector<double> values = arguments(text, numbers);
    if (values.size() != 1) throw ModelError(fmt::format("'{}' takes one number, the variance", text));
    const double v = values[0], fraction = mean - std::floor(mean), least = fraction * (1 - fraction);
    if (!(v >= least - 1e-12 && std::isfinite(v))) throw ModelError(fmt::format("'{}': no law on the natural numbers has the mean {} and a variance below {}", text, exact(mean), exact(least)));
    if (mean == 0 && v > 0) throw ModelError(fmt::format("'{}': the mean is 0, so that the variance is 0 too; give an initial amount", text));
    law.variance = v;
    if (v == mean) {
      law.kind = Kind::poisson;
    } else if (v > mean) {
      law.kind = Kind::negative_binomial;
    } else if (v == 0) {
      law.kind = Kind::point;
    } else {
      // Binomial laws of the same mean have variances mean - mean^2 / size: mixing two neighbouring sizes mixes the variances.
      law.kind = Kind::binomials;
      const double size = mean * mean / (mean - v), low = std::max(std::ceil(mean), std::floor(size)), high = low + 1;
      const double v_low = mean - mean * mean / low, v_high = mean - mean * mean / high, share = std::clamp((v - v_low) / (v_high - v_low), 0.0, 1.0);
      law.parts = {{low, 1 - share}, {high, share}};
    }
    return law;
  }
  if (name == "mixture") {
    const std::vector<double> values = arguments(text, numbers);
    if (values.empty() || values.size() % 2 != 0) throw ModelError(fmt::format("'{}' takes pairs: a count and its weight, mixture(0, 0.3, 50, 0.7)", text));
    law.kind = Kind::mixture;
    double total = 0;
    for (std::size_t k = 0; k < values.size(); k += 2) {
      if (!(values[k] >= 0 && values[k] < 1e15) || values[k] != std::floor(values[k])) throw ModelError(fmt::format("'{}': {} is no number of molecules", text, exact(values[k])));
      if (!(values[k + 1] >= 0 && std::isfinite(values[k + 1]))) throw ModelError(fmt::format("'{}': the weight {} must be a number >= 0", text, exact(values[k + 1])));
      law.parts.emplace_back(values[k], values[k + 1]);
      total += values[k + 1];
    }
    if (!(total > 0)) throw ModelError(fmt::format("'{}': all weights are 0", text));
    law.mean = law.variance = 0;
    for (auto& [n, w] : law.parts) law.mean += (w /= total) * n;
    for (const auto& [n, w] : law.parts) law.variance += w * (n - law.mean) * (n - law.mean);
    return law;
  }
  const std::vector<std::string> known{"point", "poisson", "variance", "mixture"};
  throw ModelError(fmt::format("unknown law '{}'.{}\n  known: point, poisson, variance(v), mixture(n1, w1, n2, w2, ...)", name, did_you_mean(name, known)));
}

}  // namespace meso::kinetics
