// Nets as functions of tensors that libtorch differentiates: what training needs. Only this kit's units and its tests include this header.
#pragma once

#include <functional>
#include <vector>

#include "kits/torch/net.h"
#include "kits/torch/torch_headers.h"

namespace meso::learned {

/// Once for each process: deterministic algorithms, one thread inside operations (libtorch's own and that of its BLAS), so that digits depend on neither.
void prepare_torch();
/// libtorch, its instruction set and the kernels of its BLAS, in words: what decides digits beside the inputs.
[[nodiscard]] std::string arithmetic();

struct DerivativesOf {
  at::Tensor value, in_time, gradient, laplacian;  ///< n x 1, but the gradient n x d; all differentiable
};

/// A net whose weights are leaves of the graph.
class Module {
 public:
  explicit Module(const Net& net);
  /// @param t  n x 1, @param x  n x dimension. @returns n x outputs
  [[nodiscard]] at::Tensor operator()(const at::Tensor& t, const at::Tensor& x) const;
  /// A scalar net with its derivatives, carried forward through the layers beside the values (d + 3 rows for one): for evaluation, where no graph is kept.
  /// Under a gradient by the weights nested differentiation is a quarter faster (bench/torch_bench.cpp). Without `second` only value and gradient.
  [[nodiscard]] DerivativesOf derivatives(const at::Tensor& t, const at::Tensor& x, bool second) const;
  [[nodiscard]] const std::vector<at::Tensor>& leaves() const { return leaves_; }
  [[nodiscard]] const NetShape& shape() const { return shape_; }
  [[nodiscard]] at::ScalarType type() const { return shape_.precision == Precision::single ? at::kFloat : at::kDouble; }
  /// The weights in a net's order.
  [[nodiscard]] std::vector<double> weights() const;
  void set_weights(std::span<const double> weights);

 private:
  NetShape shape_;
  std::vector<at::Tensor> leaves_;  // matrix and bias of each layer
};

/// A scalar function of (t, x): tensors n x 1 and n x d to n x 1.
using ScalarOf = std::function<at::Tensor(const at::Tensor& t, const at::Tensor& x)>;

/// The gradient by x, n x d; x must require gradients. The graph is kept, so that it can be differentiated again.
[[nodiscard]] at::Tensor gradient(const at::Tensor& u, const at::Tensor& x);

[[nodiscard]] DerivativesOf derivatives_of(const ScalarOf& u, const at::Tensor& t, const at::Tensor& x);

/// The log-Fokker-Planck residual of u for dX = -X dt + g dW,
///     R[u] = du/dt - d - x.grad u - g^2/2 (|grad u|^2 + laplacian u),
/// which vanishes if exp(u) is a law of the process up to a factor. @returns n x 1, differentiable
/// Source: score-fokker-planck card, level 3; Lai et al. (2023), arXiv:2210.04296, eq. (5).
[[nodiscard]] at::Tensor fokker_planck_residual(const ScalarOf& u, const at::Tensor& t, const at::Tensor& x, double g);

/// The same from derivatives at hand.
[[nodiscard]] at::Tensor fokker_planck_residual(const DerivativesOf& of, const at::Tensor& x, double g);

/// A tensor n x columns of the given type from numbers of ours.
[[nodiscard]] at::Tensor tensor_of(std::span<const double> values, std::size_t columns, at::ScalarType type);

}  // namespace meso::learned
