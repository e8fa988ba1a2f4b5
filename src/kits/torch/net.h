// Nets of one kind, multilayer perceptrons of time and state: what they are, their weights, and their fields.
//
// A net is a value: a shape and its weights. Reading it needs no network library: fields are evaluated by our own kernels (net_kernels.h), with the
// points in the lanes of vector registers, so that the value at a point does not depend on the points it is asked with.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kits/generative/field.h"

namespace meso::learned {

enum class Activation { softplus, tanh, silu, relu };
/// The functions of time that a net is given.
enum class TimeFeature { t, decay, centred };  // t, e^-t, 2t - 1
enum class Precision { single, real };         // float, double

[[nodiscard]] const char* to_text(Activation activation);
/// @throws ParameterError with the nearest name
[[nodiscard]] Activation activation_of(const std::string& name, const std::string& where);

/// Inputs are the time features, then the state divided by `state_scale`; hidden layers of the given widths; linear outputs.
struct NetShape {
  std::size_t dimension = 1;                       ///< of the state
  std::size_t outputs = 1;                         ///< 1: a scalar, whose gradient is a field; `dimension`: a field itself
  std::vector<TimeFeature> time = {TimeFeature::t};
  double state_scale = 1;
  std::vector<std::size_t> widths = {64, 64};
  Activation activation = Activation::silu;
  double beta = 1;                                 ///< softplus: log(1 + exp(beta z)) / beta
  double baseline = 0;                             ///< scalar nets: -baseline |x|^2 is added
  Precision precision = Precision::single;

  [[nodiscard]] std::size_t inputs() const { return time.size() + dimension; }
  /// Sizes from the inputs to the outputs.
  [[nodiscard]] std::vector<std::size_t> sizes() const;
  [[nodiscard]] std::size_t parameters() const;
  /// Everything above as text: part of an artefact's key.
  [[nodiscard]] std::string text() const;
  /// @throws ParameterError  no widths, sizes out of range, a baseline on a net that is no scalar
  void validate(const std::string& where) const;
};

/// Value of a time feature.
[[nodiscard]] double value_of(TimeFeature feature, double t);

/// A shape with its weights: layer by layer the matrix (outputs x inputs, row-major), then the biases.
struct Net {
  NetShape shape;
  std::vector<double> weights;

  /// Weights and biases uniform in +-1/sqrt(inputs of the layer), from the stream (seed, 0, purpose).
  /// Source: LeCun et al., Efficient BackProp (1998); what the authors' code of both cards starts from.
  [[nodiscard]] static Net initialised(const NetShape& shape, std::uint64_t seed, std::string_view purpose);
};

namespace detail {
class Evaluator;
}

/// The outputs of a net as a field (outputs = dimension).
class NetField final : public generative::Field {
 public:
  /// @throws ParameterError  the net has other outputs than the state has coordinates
  explicit NetField(Net net);
  ~NetField() override;
  [[nodiscard]] std::size_t dimension() const override;
  void at(double t, std::span<const double> points, std::span<double> values) const override;

 private:
  std::unique_ptr<const detail::Evaluator> evaluator_;
};

/// The gradient of a scalar net: a score that is one by construction. Forward and back-propagation in closed form.
class GradientField final : public generative::Field {
 public:
  /// @throws ParameterError  the net is not a scalar
  explicit GradientField(Net net);
  ~GradientField() override;
  [[nodiscard]] std::size_t dimension() const override;
  void at(double t, std::span<const double> points, std::span<double> values) const override;
  /// The scalar itself: a log-density up to a function of time.
  void potential(double t, std::span<const double> points, std::span<double> values) const;

 private:
  std::unique_ptr<const detail::Evaluator> evaluator_;
};

}  // namespace meso::learned
