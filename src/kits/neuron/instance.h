// One case's coupling matrix and what theory says of it, made when first needed and shared by the levels of the case.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "kits/neuron/linear_equivalent.h"
#include "kits/neuron/network.h"
#include "kits/neuron/rate_network.h"

namespace meso::neuron {

/// A result, or why there is none.
template <class T>
struct Solved {
  std::optional<T> value;
  std::string why;
};

class Instance {
 public:
  explicit Instance(RateNetwork problem) : p(std::move(problem)) {}
  const RateNetwork p;

  const Couplings& couplings();
  const std::shared_ptr<const PackedMatrix<float>>& single();  ///< for the simulation
  const Solved<MeanField>& mean_field();
  const Solved<LinearEquivalent>& linear();
  const Structure& structure();

 private:
  std::once_flag drawn_, packed_, solved_, linear_once_, looked_;
  Couplings couplings_;
  std::shared_ptr<const PackedMatrix<float>> single_;
  Solved<MeanField> mean_field_;
  Solved<LinearEquivalent> linear_;
  Structure structure_;
};

/// Lags of autocovariances: 0..20 steps, or 0..20 time constants in steps of 1/2.
[[nodiscard]] Axis lag_axis(Clock clock);
/// Axes of the covariance matrix of the first units.
[[nodiscard]] std::vector<Axis> unit_axes(std::size_t n);
/// The shown part of a covariance matrix, row-major.
[[nodiscard]] std::vector<double> shown(const Dense& covariance, std::size_t n);
/// A picture of `below` under the diagonal and `above` over it, of the units with the strongest covariances in `above`; the diagonal is left white (0).
[[nodiscard]] Portrait matrix_portrait(const Dense& below, const Dense& above, std::size_t n, const std::string& title);

[[nodiscard]] Level network_level(const std::shared_ptr<Instance>& instance);

}  // namespace meso::neuron
