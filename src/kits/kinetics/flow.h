// Moment equations ready to be integrated: dz/dt with its analytic Jacobian, in scaled cumulants z = kappa / volume.
#pragma once

#include <complex>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "kits/kinetics/moments.h"
#include "num/ode.h"

namespace meso::kinetics {

/// Cumulants above the order from those up to it, in molecules; `gradient` is H x N row-major, d high_h / d low_l, or empty if not asked.
/// `set` holds all of them: the first N entries are `low`, the next H are `high`. If the equations name extra symbols, their
/// values (and gradients) follow those cumulants in `high`.
using CloseFunction = std::function<void(const MultiIndexSet& set, std::span<const double> low, std::span<double> high, std::span<double> gradient)>;

/// One per thread: evaluation uses scratch inside.
class Flow {
 public:
  /// @param equations  polynomials in cumulants (molecules), for the first equations.equations.size() entries of its set
  /// @param close      gives the cumulants of the set above the equations; none are needed if no equation names one
  explicit Flow(const MomentEquations& equations, CloseFunction close = {});

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::size_t species() const { return set_.components(); }
  [[nodiscard]] int order() const { return order_; }
  [[nodiscard]] const MultiIndexSet& set() const { return set_; }
  [[nodiscard]] double volume() const { return volume_; }
  [[nodiscard]] std::size_t n_terms() const { return terms_.size(); }

  void rhs(double t, std::span<const double> z, std::span<double> dzdt) const;
  /// Column-major, size x size.
  void jacobian(double t, std::span<const double> z, std::span<double> jacobian) const;
  /// Sum of |terms| of each equation: what rounding errors scale with.
  void magnitude(double t, std::span<const double> z, std::span<double> sum) const;

  /// The flow as an ODE problem; refers to this object.
  [[nodiscard]] OdeProblem problem() const;
  /// Deterministic initial counts (molecules, per species of the flow): every cumulant above the mean is zero.
  [[nodiscard]] std::vector<double> start(std::span<const double> counts) const;
  /// Smallest amounts that start() gives each species (molecules): above zero where a closure divides by its mean.
  void set_floor(std::vector<double> molecules) { floor_ = std::move(molecules); }

  /// dz/dt as polynomials of z alone (order-2, one-species elimination reads them); nullopt if laws or a closure function are involved.
  [[nodiscard]] const std::optional<std::vector<Polynomial>>& polynomials() const { return polynomials_; }

 private:
  struct Term {
    std::uint32_t row, column;  // column: of the gradient; unused for the right-hand side
    double coefficient;
    std::uint32_t first, last;  // factors
  };
  [[nodiscard]] std::uint32_t slot(std::uint32_t id) const;  // of a symbol, in values_
  void compile(std::uint32_t row, std::uint32_t column, const Polynomial& p, std::vector<Term>& into);
  void prepare(double t, std::span<const double> z, bool gradient) const;
  [[nodiscard]] double product(const Term& term) const {
    double value = term.coefficient;
    for (std::uint32_t f = term.first; f < term.last; ++f) value *= values_[factors_[f]];
    return value;
  }

  MultiIndexSet set_;
  int order_;
  std::size_t size_, high_ = 0, cumulants_ = 0;  // high_: given by close_, of which the first cumulants_ are cumulants
  double volume_;
  std::vector<double> floor_;
  CloseFunction close_;
  std::vector<Term> terms_, gradient_;
  std::vector<std::uint32_t> factors_;
  std::vector<Program> programs_;       // one per law symbol
  std::vector<double> program_scale_;
  std::optional<std::vector<Polynomial>> polynomials_;
  mutable std::vector<double> values_;  // low | high | laws
  mutable std::vector<double> amounts_, kappa_, high_gradient_;
};

}  // namespace meso::kinetics
