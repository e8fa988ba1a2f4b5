// The law of a one-dimensional flow or diffusion, forwards or backwards in time, without particles:
//
//     forwards   dX = v(X,t) dt + sqrt(2 D(t)) dW:       d_t p + d_x (v p) =  D d_xx p,   t rising;
//     backwards  the same from t1 down to t0 < t1:       d_t p + d_x (v p) = -D d_xx p,   t falling.
//
// Convention: v has the sign of *rising* t in both directions. A reverse diffusion with drift f - g^2 s and noise g has v = f - g^2 s and D = g^2/2;
// with v = f - g^2 s/2 and D = 0 it is the probability flow.
//
// Diffusions go on a positive, conservative grid (kits/sde/line.h), flows by their characteristics: the quantile at level u moves with the velocity, so
// that the law at the end is known wherever the quantiles are dense, and without a grid's spreading.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <vector>

#include "kits/generative/field.h"
#include "stat/piecewise_law.h"

namespace meso::generative {

/// A drift in one dimension at many points.
using Drift = std::function<void(double t, std::span<const double> x, std::span<double> v)>;

/// A field as a drift. The field must outlive it. @throws ModelError  unless it is one-dimensional
[[nodiscard]] Drift drift_of(const Field& field);

struct Cells {
  double low = 0, high = 0;
  std::size_t count = 0;
};

/// Masses of cells of one width; both ends are open, and what leaves is lost.
class GridLaw {
 public:
  /// @throws ModelError  no interval, fewer than four cells
  GridLaw(const Cells& cells, const std::function<double(double)>& cdf);

  [[nodiscard]] std::size_t size() const { return p_.size(); }
  [[nodiscard]] double width() const { return h_; }
  [[nodiscard]] double centre(std::size_t k) const { return low_ + h_ * (static_cast<double>(k) + 0.5); }
  [[nodiscard]] double face(std::size_t k) const { return low_ + h_ * static_cast<double>(k); }
  [[nodiscard]] std::span<const double> mass() const { return p_; }
  [[nodiscard]] double density(std::size_t k) const { return p_[k] / h_; }
  /// Mass that lies outside: at the start, or because it left.
  [[nodiscard]] double lost() const;
  [[nodiscard]] PiecewiseLaw law() const;

 private:
  friend void diffuse(GridLaw&, const Drift&, const std::function<double(double)>&, std::span<const double>, const std::function<void(std::size_t, const GridLaw&)>&);
  double low_ = 0, h_ = 0;
  std::vector<double> p_;
};

/// Takes the law along `times` (rising or falling, one step from each to the next), order 2 in the step and in the cell width.
/// @param diffusion  D(t) >= 0
/// @param each       called with k and the law at times[k], k = 0 at the start
/// @throws NumericalBreakdown  a drift that is not finite, D < 0; says where
void diffuse(GridLaw& law, const Drift& v, const std::function<double(double)>& diffusion, std::span<const double> times, const std::function<void(std::size_t k, const GridLaw& law)>& each = {});

struct FlowOptions {
  std::size_t nodes = 1000;        ///< at the start, evenly over [low, high]
  double widest = 0.01;            ///< images of neighbours that are further apart get new nodes between them
  std::size_t most = 400000;       ///< nodes in all
};
/// Moves points along dx/dt = v from times.front() to times.back() by Runge-Kutta of order 4, one step from each time to the next.
void flow(const Drift& v, std::span<const double> times, std::span<double> x);
/// The law of a flow: distribution function `cdf` at times.front(), moved by its quantiles to times.back(). [low, high] holds all but a negligible mass.
/// @throws NumericalBreakdown  quantiles that cross (a step that is too long) or leave every bound
[[nodiscard]] PiecewiseLaw flow_law(const Drift& v, std::span<const double> times, const std::function<double(double)>& cdf, double low, double high, const FlowOptions& options = {});

/// Times from `from` to `to` in n steps, denser towards `dense` (one of the two) as the power given: 2 is quadratic, 1 even.
[[nodiscard]] std::vector<double> time_grid(double from, double to, std::size_t n, double dense, double power = 2);

/// Times between two points of [0, 1], denser towards 0 and 1 as the latent sqrt(t (1 - t)) of a bridge vanishes there: steps of one length of the angle with
/// t = sin^2(angle/2), `steps` of them for all of [0, 1]. Learned scores -eta/gamma grow like 1/sqrt(t), and even steps of 5e-4 leave the tails of a law unresolved.
[[nodiscard]] std::vector<double> bridge_grid(double from, double to, double steps);

/// Cell masses in the plane, both axes alike; ends open.
class PlaneLaw {
 public:
  /// @param density  at (x, y), taken at cell centres and normalised. @throws ModelError  no interval, fewer than four cells, no mass
  PlaneLaw(const Cells& along_x, const Cells& along_y, const std::function<double(double x, double y)>& density);
  [[nodiscard]] std::size_t cells(std::size_t axis) const { return n_[axis]; }
  [[nodiscard]] double width(std::size_t axis) const { return h_[axis]; }
  [[nodiscard]] double centre(std::size_t axis, std::size_t k) const { return low_[axis] + h_[axis] * (static_cast<double>(k) + 0.5); }
  /// Row by row: x fastest.
  [[nodiscard]] std::span<const double> mass() const { return p_; }
  [[nodiscard]] double lost() const;

 private:
  friend void diffuse(PlaneLaw&, const Field&, const std::function<double(double)>&, std::span<const double>, const std::function<void(std::size_t, const PlaneLaw&)>&);
  double low_[2] = {0, 0}, h_[2] = {0, 0};
  std::size_t n_[2] = {0, 0};
  std::vector<double> p_;
};
/// The same in the plane: rows, columns and rows again (Strang 1968, doi:10.1137/0705041), drift and D taken in the middle of a step.
void diffuse(PlaneLaw& law, const Field& v, const std::function<double(double)>& diffusion, std::span<const double> times, const std::function<void(std::size_t k, const PlaneLaw& law)>& each = {});

}  // namespace meso::generative
