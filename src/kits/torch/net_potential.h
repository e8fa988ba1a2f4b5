// A learned log-density with its derivatives: a scalar net as a potential of the generative kit, so that residuals, gaps and bounds read it like any other.
#pragma once

#include "kits/generative/potential.h"
#include "kits/torch/net.h"

namespace meso::learned {

/// As a field the gradient by our kernels; derivatives by libtorch, in double.
class NetPotential final : public generative::Potential {
 public:
  /// @throws ParameterError  the net is not a scalar: it has no log-density (a curl tells how far its field is from a gradient)
  explicit NetPotential(Net net);
  ~NetPotential() override;
  [[nodiscard]] std::size_t dimension() const override { return field_.dimension(); }
  void at(double t, std::span<const double> points, std::span<double> values) const override { field_.at(t, points, values); }
  [[nodiscard]] Derivatives derivatives(double t, std::span<const double> points) const override;

 private:
  struct Graph;
  GradientField field_;
  std::unique_ptr<const Graph> graph_;
};

}  // namespace meso::learned
