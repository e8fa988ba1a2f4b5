// Brownian paths that look the same at every step size: a binary tree of bridges with one keyed stream a node.
#pragma once

#include <cmath>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "rng/stream.h"

namespace meso::sde {

/// m independent Wiener processes on [0, T]. Node (level, k) holds the midpoint of the k-th of 2^level equal intervals: given the
/// ends, W there is Gaussian with the mean of both and variance (interval / 4) (Lévy's construction). Its normals come from the
/// stream with lane 2^level + k, so that a path refined from 2^l to 2^(l + 1) steps keeps every value it had.
class BrownianTree {
 public:
  static constexpr unsigned max_level = 30;

  BrownianTree(std::uint64_t seed, std::uint64_t trajectory, std::string_view purpose, double length, std::size_t noises)
      : base_(seed, trajectory, purpose), length_(length), noises_(noises) {}

  /// Values at the 2^level + 1 points k T / 2^level, row-major (points x noises); W(0) = 0.
  /// @throws Error for a level above `max_level`
  [[nodiscard]] std::vector<double> path(unsigned level) const {
    if (level > max_level) throw Error("a Brownian tree has at most 30 levels");
    const std::size_t steps = std::size_t{1} << level;
    std::vector<double> w((steps + 1) * noises_, 0.0);
    Stream root = base_.lane(0);
    for (std::size_t j = 0; j < noises_; ++j) w[steps * noises_ + j] = std::sqrt(length_) * root.normal();
    for (unsigned l = 0; l < level; ++l) {
      const std::size_t width = steps >> l;
      const double sd = std::sqrt(length_ / static_cast<double>(std::size_t{1} << l) / 4);
      for (std::size_t k = 0; k < (std::size_t{1} << l); ++k) {
        Stream node = base_.lane(static_cast<std::uint32_t>((std::size_t{1} << l) + k));
        const double* a = &w[k * width * noises_];
        const double* b = &w[(k + 1) * width * noises_];
        double* middle = &w[(k * width + width / 2) * noises_];
        for (std::size_t j = 0; j < noises_; ++j) middle[j] = 0.5 * (a[j] + b[j]) + sd * node.normal();
      }
    }
    return w;
  }

  /// W at one point t in [0, T], to the tree's depth `level` (rounded down to its grid): a walk from the root, O(level).
  [[nodiscard]] std::vector<double> at(double t, unsigned level) const {
    const std::size_t steps = std::size_t{1} << level;
    const auto target = static_cast<std::size_t>(t / length_ * static_cast<double>(steps));
    std::vector<double> left(noises_, 0.0), right(noises_), middle(noises_);
    Stream root = base_.lane(0);
    for (double& r : right) r = std::sqrt(length_) * root.normal();
    if (target >= steps) return right;
    std::size_t first = 0, width = steps, k = 0;
    for (unsigned l = 0; l < level && first != target; ++l, width /= 2) {
      Stream node = base_.lane(static_cast<std::uint32_t>((std::size_t{1} << l) + k));
      const double sd = std::sqrt(length_ / static_cast<double>(std::size_t{1} << l) / 4);
      for (std::size_t j = 0; j < noises_; ++j) middle[j] = 0.5 * (left[j] + right[j]) + sd * node.normal();
      const bool upper = target >= first + width / 2;
      (upper ? left : right) = middle;
      if (upper) first += width / 2;
      k = 2 * k + (upper ? 1 : 0);
    }
    return left;
  }

 private:
  Stream base_;
  double length_;
  std::size_t noises_;
};

/// W at a time between two known values (the Brownian bridge).
inline double bridge(double t0, double w0, double t1, double w1, double t, Stream& noise) {
  const double u = (t - t0) / (t1 - t0);
  return w0 + u * (w1 - w0) + std::sqrt((t - t0) * (1 - u)) * noise.normal();
}

}  // namespace meso::sde
