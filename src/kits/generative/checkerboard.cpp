#include "kits/generative/checkerboard.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "base/error.h"
#include "base/text.h"

namespace meso::generative {
namespace {

/// exp(x^2) erfc(x), x >= 0; beyond 25 by its asymptotic series (relative error below 1e-11 there).
double scaled_erfc(double x) {
  if (x < 25) return std::exp(x * x) * std::erfc(x);
  const double q = 1 / (2 * x * x);
  return (1 - q * (1 - 3 * q * (1 - 5 * q))) / (x * std::sqrt(std::numbers::pi));
}

/// log of the mass of N(0, 1) in [a, b], a < b, divided by its width, and the derivative of that when both ends move together.
struct Slice {
  double log_mean = 0, slope = 0;
};
Slice slice(double a, double b) {
  if (a + b < 0) {  // mirrored: the side where tails are small
    const Slice other = slice(-b, -a);
    return {other.log_mean, -other.slope};
  }
  const double width = b - a, half_log = 0.5 * std::log(2 * std::numbers::pi);
  if (width < 1e-4) {
    const double m = 0.5 * (a + b);
    return {-0.5 * m * m - half_log, -m};
  }
  // Everything in units of exp(-e^2/2), e the end nearest to 0 from above (or 0 inside).
  double mass, low, high;  // mass, densities at a and b, in that unit
  const double e = std::max(a, 0.0), drop = 0.5 * (e * e - b * b);
  if (a > 0) {
    mass = 0.5 * (scaled_erfc(a / std::numbers::sqrt2) - scaled_erfc(b / std::numbers::sqrt2) * std::exp(drop));
    low = std::exp(-half_log);
  } else {
    mass = 1 - 0.5 * std::erfc(b / std::numbers::sqrt2) - 0.5 * std::erfc(-a / std::numbers::sqrt2);
    low = std::exp(-half_log - 0.5 * a * a);
  }
  high = std::exp(-half_log + drop);
  return {std::log(mass / width) - 0.5 * e * e, (high - low) / mass};
}

}  // namespace

Checkerboard::Checkerboard(Interpolant interpolant, const std::string& owner) : interpolant_(std::move(interpolant)) {
  if (interpolant_.mirror()) throw ParameterError(fmt::format("{}: path = \"mirror\" starts from the checkerboard itself, and its fields are known from N(0, I); take another path", owner));
}

const std::array<std::array<double, 2>, 8>& Checkerboard::squares() {
  static const std::array<std::array<double, 2>, 8> corners = [] {
    std::array<std::array<double, 2>, 8> out{};
    std::size_t k = 0;
    for (int i = 0; i < 4; ++i)
      for (int j = 0; j < 4; ++j)
        if ((i + j) % 2 == 0) out[k++] = {-4.0 + 2 * i, -4.0 + 2 * j};
    return out;
  }();
  return corners;
}

void Checkerboard::sample_target(Stream& stream, std::span<double> x1) {
  const auto& corner = squares()[stream.below(8)];
  for (std::size_t i = 0; i < 2; ++i) x1[i] = corner[i] + 2 * stream.uniform();
}

bool Checkerboard::covers(double x, double y) {
  return std::any_of(squares().begin(), squares().end(), [&](const auto& c) { return x >= c[0] && x <= c[0] + 2 && y >= c[1] && y <= c[1] + 2; });
}

void Checkerboard::evaluate(double t, std::span<const double> points, std::span<double> velocity, std::span<double> score, std::span<double> log_density) const {
  const Coefficients c = interpolant_.at(t);
  const double variance = c.alpha * c.alpha + c.gamma * c.gamma, sigma = std::sqrt(variance);
  if (!(sigma > 0)) throw ParameterError(fmt::format("the checkerboard has edges and no score at t = {}, where alpha = gamma = 0: leave the end out by a cut, for example t up to 1 - 1e-3", exact(t)));
  const std::size_t n = points.size() / 2;
  for (std::size_t k = 0; k < n; ++k) {
    // A column and a row of squares each: four slices along each axis serve all eight squares.
    std::array<std::array<Slice, 4>, 2> cut;
    for (std::size_t i = 0; i < 2; ++i)
      for (std::size_t q = 0; q < 4; ++q) {
        const double corner = -4.0 + 2.0 * static_cast<double>(q), x = points[2 * k + i];
        cut[i][q] = slice((x - c.beta * (corner + 2)) / sigma, (x - c.beta * corner) / sigma);
      }
    double top = -std::numeric_limits<double>::infinity(), sum = 0, s[2] = {0, 0};
    for (std::size_t p = 0; p < 4; ++p)
      for (std::size_t q = p % 2; q < 4; q += 2) top = std::max(top, cut[0][p].log_mean + cut[1][q].log_mean);
    for (std::size_t p = 0; p < 4; ++p)
      for (std::size_t q = p % 2; q < 4; q += 2) {
        const double r = std::exp(cut[0][p].log_mean + cut[1][q].log_mean - top);
        sum += r;
        s[0] += r * cut[0][p].slope / sigma;
        s[1] += r * cut[1][q].slope / sigma;
      }
    for (std::size_t i = 0; i < 2; ++i) {
      s[i] /= sum;
      if (!score.empty()) score[2 * k + i] = s[i];
      if (!velocity.empty()) {
        const double target = c.beta > 1e-8 ? (points[2 * k + i] + variance * s[i]) / c.beta : 0.0;
        velocity[2 * k + i] = c.beta_rate * target - (c.alpha * c.alpha_rate + c.gamma_product) * s[i];
      }
    }
    if (!log_density.empty()) log_density[k] = top + std::log(sum / 8) - 2 * std::log(sigma);
  }
}

}  // namespace meso::generative
