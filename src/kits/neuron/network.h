// Simulation of rate networks: several trajectories on one coupling matrix, as columns.
//
//   discrete     x(t+1) = J phi(x(t)) + sigma z(t)
//   continuous   dx = (-x + J phi(x)) dt + sqrt(2) sigma dW, by an exponential Heun step: with E = e^{-dt}, h(x) = J phi(x)
//                y = E x + (1 - E) h(x) + sigma (1 - E^2)^(1/2) z,   x' = y + (1 - (1 - E)/dt) (h(y) - h(x))
//                exact for the leak and for white noise without couplings, of second order in the couplings
//                (Cox and Matthews 2002, doi:10.1006/jcph.2002.6995, ETD2RK, with the additive noise of both stages alike).
// States and couplings are in single precision.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "kits/neuron/coupling.h"
#include "kits/neuron/mean_field.h"
#include "kits/neuron/product.h"
#include "rng/stream.h"

namespace meso::neuron {

/// n units times `columns` trajectories; column c is at x[c n].
class NetworkColumns {
 public:
  /// @param j   packed couplings, shared by all columns
  /// @param dt  continuous time only
  NetworkColumns(std::shared_ptr<const PackedMatrix<float>> j, RateModel model, double dt, std::size_t columns);

  [[nodiscard]] std::size_t units() const { return n_; }
  [[nodiscard]] std::size_t columns() const { return columns_; }
  /// x_i ~ N(0, spread^2), column by column from its own stream.
  void start(double spread, std::span<FastStream> streams);
  /// One step of every column; column c draws its noise from streams[c] (nothing is drawn if sigma = 0).
  void step(std::span<FastStream> streams);
  [[nodiscard]] std::span<const float> x(std::size_t column) const { return {&x_[column * n_], n_}; }
  /// Another step of continuous time from here on.
  void set_step(double dt);
  /// phi(x) of the present state.
  [[nodiscard]] std::span<const float> phi(std::size_t column) const;
  [[nodiscard]] std::span<float> set_x(std::size_t column);

 private:
  void refresh() const;
  std::shared_ptr<const PackedMatrix<float>> j_;
  RateModel model_;
  float keep_ = 0, add_ = 0, correct_ = 0, noise_ = 0;
  std::size_t n_, columns_;
  num::FftVector<float> x_, h_, y_, h2_;
  mutable num::FftVector<float> phi_;
  mutable bool fresh_ = false;
};

/// Couplings as the simulation wants them.
[[nodiscard]] std::shared_ptr<const PackedMatrix<float>> packed(const Couplings& j);

/// Sums of outer products of samples in two halves of a window: covariance matrices with their split-half partner.
/// What is subtracted is the product of one half's means with the other's, symmetrised: a mean that lasts is in both, slow wandering is not. Subtracting
/// the mean of the same samples would take 1/(effective samples) off every covariance.
class CovarianceSums {
 public:
  /// @param halves  samples of the first half; later ones belong to the second
  CovarianceSums(std::size_t n, std::uint64_t first_half);
  void add(std::span<const float> sample);
  /// Covariance matrix of a half; n x n.
  [[nodiscard]] std::vector<double> half(std::size_t which) const;
  /// Of the whole window.
  [[nodiscard]] std::vector<double> whole() const;
  /// Products of samples, averaged over the window; nothing is subtracted.
  [[nodiscard]] std::vector<double> second_moments() const;
  void close();

 private:
  void flush();
  [[nodiscard]] std::vector<double> without_means(std::vector<double> second) const;
  std::size_t n_, filled_ = 0;
  std::uint64_t first_half_, samples_ = 0;
  std::uint64_t count_[2]{0, 0};
  std::vector<double> sum_[2], mean_[2];
  std::vector<float> block_, rows_, product_;
};

}  // namespace meso::neuron
