// Evaluates a net for many points: blocks of points, structure of arrays, one kernel for each layer.
#pragma once

#include <span>
#include <vector>

#include "kits/torch/net.h"

namespace meso::learned::detail {

/// Rows of a layer's matrix in groups of four, inputs inside: the order in which the kernel reads them.
template <class T>
struct PackedLayer {
  std::size_t rows = 0, columns = 0;
  std::vector<T> weights;  ///< groups x columns x 4, padded with zero rows
};

template <class T>
struct PackedNet {
  std::vector<PackedLayer<T>> forward;   ///< hidden layers; the first without its columns of time
  std::vector<PackedLayer<T>> backward;  ///< transposes, from the last hidden matrix down to the first layer's state columns
  PackedLayer<T> last;                   ///< the outputs
  std::vector<std::vector<T>> bias;      ///< one for each layer, padded to whole groups
  std::vector<T> time_columns;           ///< of the first layer: rows x time features
};

class Evaluator {
 public:
  explicit Evaluator(Net net);
  [[nodiscard]] const Net& net() const { return net_; }
  /// @param values     n x outputs or empty
  /// @param gradients  n x dimension (scalar nets) or empty
  void evaluate(double t, std::span<const double> points, std::span<double> values, std::span<double> gradients) const;

 private:
  Net net_;
  PackedNet<float> single_;
  PackedNet<double> real_;
};

/// Points that go through the layers together. A constant: no result depends on it.
inline constexpr std::size_t block = 64;

/// out = activation(W in + bias) and, if `slope` is given, the activation's derivative there; rows x block each. `in` is columns x block.
void layer(const PackedLayer<float>& w, const float* bias, const float* in, Activation activation, double beta, float* out, float* slope);
void layer(const PackedLayer<double>& w, const double* bias, const double* in, Activation activation, double beta, double* out, double* slope);
/// out = W in (+ bias) (* factor, element by element); null: without.
void affine(const PackedLayer<float>& w, const float* bias, const float* in, const float* factor, float* out);
void affine(const PackedLayer<double>& w, const double* bias, const double* in, const double* factor, double* out);

}  // namespace meso::learned::detail
