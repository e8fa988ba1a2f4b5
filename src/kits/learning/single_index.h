// Single-index models: y_mu = sigma(theta* . x_mu) + noise, x_mu ~ N(0, I_d), sigma = He_k / sqrt(k!) of information exponent k, and the
// correlation landscape E(theta) = (1/n) sum_mu y_mu sigma(theta . x_mu), whose mean over the data is (theta . theta*)^k.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "rng/stream.h"

namespace meso::learning {

class SingleIndexLandscape {
 public:
  /// @param x  n x d samples, row-major; y  n labels; exponent k >= 1. @throws ModelError  sizes that do not match
  SingleIndexLandscape(std::size_t exponent, std::size_t dimension, std::span<const double> x, std::span<const double> y);
  /// Draws x and y for a hidden direction. @param label_noise  standard deviation of the noise of y
  [[nodiscard]] static SingleIndexLandscape draw(std::size_t exponent, std::span<const double> direction, std::size_t samples, double label_noise, FastStream& random);

  [[nodiscard]] std::size_t dimension() const { return d_; }
  [[nodiscard]] std::size_t samples() const { return n_; }
  /// Writes the Euclidean gradient, returns E. Not for two threads at once (scratch).
  double gradient(const double* theta, double* out);
  /// E and gradient over samples [first, first + count) only, as means over these: mini-batches.
  double gradient(const double* theta, double* out, std::size_t first, std::size_t count);
  /// E[theta E(theta)] over the uniform sphere, k odd; for k = 3: sum_mu y_mu x_mu (|x_mu|^2/(d+2) - 1) 3 / (n d sqrt 6). @throws ModelError  k even
  [[nodiscard]] std::vector<double> uniform_mean() const;
  /// E[(theta theta^T - I/d) E(theta)] over the uniform sphere, k even; d x d row-major. @throws ModelError  k odd
  [[nodiscard]] std::vector<double> uniform_second_moment() const;

 private:
  std::size_t k_, d_, n_, stride_;
  std::vector<double> x_;        // by coordinate: x_[j * stride + mu], padded with zeros to lanes of eight
  std::vector<double> y_;
  std::vector<double> z_, slope_, value_;
};

/// He_k(z) / sqrt(k!).
[[nodiscard]] double hermite(std::size_t k, double z);

}  // namespace meso::learning
