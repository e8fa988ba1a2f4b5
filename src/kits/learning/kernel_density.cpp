#include "kits/learning/kernel_density.h"

#include <fmt/format.h>

#include <Eigen/Core>
#include <cmath>
#include <limits>
#include <numbers>

#include "base/error.h"
#include "base/text.h"

namespace meso::learning {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

/// Gamma(d + 1/3) as in Samplers::gamma, with the squeeze that spares two logarithms in 97 of 100 draws: this loop is what a replica consists of.
double gamma_draw(FastStream& random, double d, double c) {
  while (true) {
    const double x = random.normal(), v1 = 1 + c * x;
    if (v1 <= 0) continue;
    const double v = v1 * v1 * v1, u = random.uniform(), square = x * x;
    if (u < 1 - 0.0331 * square * square) return d * v;
    if (std::log(u) < 0.5 * square + d - d * v + d * std::log(v)) return d * v;
  }
}

}  // namespace

DistanceSampler::DistanceSampler(std::span<const DistanceGroup> groups) {
  for (const DistanceGroup& g : groups) {
    Part part{.eigenvalue = g.eigenvalue, .shift = std::sqrt(g.noncentrality), .rest = g.dimensions - 1};
    if (part.rest > 2) {
      part.d = 0.5 * static_cast<double>(part.rest) - 1.0 / 3;
      part.c = 1 / std::sqrt(9 * part.d);
    }
    parts_.push_back(part);
  }
}

void DistanceSampler::draw(FastStream& random, std::span<double> out) const {
  bool first = true;
  for (const Part& g : parts_) {
    const auto fill = [&](const auto& central) {
      for (double& u : out) {
        const double z = random.normal() + g.shift, part = g.eigenvalue * (z * z + central());
        u = first ? part : u + part;
      }
    };
    if (g.rest == 0) fill([] { return 0.0; });
    else if (g.rest == 1) fill([&] { const double z = random.normal(); return z * z; });
    else if (g.rest == 2) fill([&] { return 2 * random.exponential(); });
    else fill([&] { return 2 * gamma_draw(random, g.d, g.c); });
    first = false;
  }
}

WeightSum::WeightSum(double h, std::size_t keep, double level) : rate_(0.5 / (h * h)), level_(level), reference_(infinity), keep_(keep), bound_(infinity) {}

void WeightSum::add(std::span<const double> squared_distances) {
  if (squared_distances.empty()) return;
  const double least = *std::min_element(squared_distances.begin(), squared_distances.end());
  if (least < reference_) {
    const double factor = std::exp(-rate_ * (reference_ - least));
    sum_ *= factor;
    squares_ *= factor * factor;
    reference_ = least;
  }
  // Below e^{-60} of the largest, 1e9 weights together are still below the rounding of the sum.
  const double farthest = reference_ + 60 / rate_;
  double sum = 0, squares = 0;
  for (const double u : squared_distances) {
    if (!(u < farthest)) continue;
    const double w = std::exp(-rate_ * (u - reference_));
    sum += w;
    squares += w * w;
  }
  sum_ += sum;
  squares_ += squares;
  if (least < level_)
    for (const double u : squared_distances)
      if (u < level_) beyond_ += 1, excess_ += rate_ * (level_ - u);
  if (keep_ == 0 || !(least < bound_)) return;
  for (const double u : squared_distances)
    if (u < bound_) near_.push_back(u);
  if (near_.size() >= 4 * keep_) {
    std::nth_element(near_.begin(), near_.begin() + static_cast<std::ptrdiff_t>(keep_ - 1), near_.end());
    near_.resize(keep_);
    bound_ = near_[keep_ - 1];
  }
}

double WeightSum::ln_sum() const { return std::log(sum_) - rate_ * reference_; }
double WeightSum::participation() const { return squares_ / (sum_ * sum_); }

std::vector<double> WeightSum::nearest_points() const {
  std::sort(near_.begin(), near_.end());
  if (near_.size() > keep_) near_.resize(keep_);
  return near_;
}

double WeightSum::top_share(std::size_t k) const {
  std::vector<double> near = nearest_points();
  double top = 0;
  for (std::size_t i = 0; i < std::min(k, near.size()); ++i) top += std::exp(-rate_ * (near[i] - reference_));
  return std::min(1.0, top / sum_);
}

GaussianKernelDensity::GaussianKernelDensity(std::vector<double> data, std::size_t d, double h) : data_(std::move(data)), d_(d), h_(h) {
  if (!(h > 0) || !std::isfinite(h)) throw ParameterError(fmt::format("the bandwidth h is {}; it must be above 0", exact(h)));
  if (d == 0 || data_.empty() || data_.size() % d != 0) throw ParameterError(fmt::format("{} numbers are no set of points in d = {} dimensions", data_.size(), d));
  square_.resize(data_.size() / d);
  for (std::size_t i = 0; i < square_.size(); ++i) {
    double sum = 0;
    for (std::size_t j = 0; j < d; ++j) sum += data_[i * d + j] * data_[i * d + j];
    square_[i] = sum;
  }
}

void GaussianKernelDensity::squared_distances(std::span<const double> queries, std::size_t first, std::size_t count, std::span<double> out) const {
  if (queries.empty() || queries.size() % d_ != 0) throw ParameterError(fmt::format("the queries have {} numbers, the data have d = {} dimensions", queries.size(), d_));
  using Rows = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const auto m = static_cast<Eigen::Index>(queries.size() / d_), n = static_cast<Eigen::Index>(count), d = static_cast<Eigen::Index>(d_);
  const Eigen::Map<const Rows> x(queries.data(), m, d), y(&data_[first * d_], n, d);
  Eigen::Map<Rows> product(out.data(), m, n);
  product.noalias() = x * y.transpose();
  for (Eigen::Index q = 0; q < m; ++q) {
    const double square = x.row(q).squaredNorm();
    double* row = &out[static_cast<std::size_t>(q) * count];
    for (std::size_t i = 0; i < count; ++i) row[i] = std::max(0.0, square + square_[first + i] - 2 * row[i]);
  }
}

std::vector<double> GaussianKernelDensity::ln_density(std::span<const double> queries) const {
  const double volume = std::log(static_cast<double>(size())) + 0.5 * static_cast<double>(d_) * std::log(2 * std::numbers::pi * h_ * h_);
  std::vector<double> all;
  constexpr std::size_t at_once = 64;
  for (std::size_t from = 0; from < queries.size(); from += at_once * d_) {
    const std::span<const double> some = queries.subspan(from, std::min(at_once * d_, queries.size() - from));
    std::vector<WeightSum> sums(some.size() / d_, WeightSum(h_, 0));
    for_each_block(some, [&](std::size_t q, std::span<const double> distances) { sums[q].add(distances); });
    for (const WeightSum& s : sums) all.push_back(s.ln_sum() - volume);
  }
  return all;
}

}  // namespace meso::learning
