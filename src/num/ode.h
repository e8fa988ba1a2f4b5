// Stiff ordinary differential equations: SUNDIALS CVODE, BDF with a dense Jacobian, or without a matrix for many equations. The solver's headers stay in ode.cpp.
//
// What goes wrong in a solution (it diverges, the step collapses) is a status with the time, not an exception: for a
// moment closure that is a result. Exceptions are for misuse only.
#pragma once

#include <cstddef>
#include <functional>
#include <limits>
#include <span>
#include <string>
#include <vector>

namespace meso {

constexpr std::size_t ode_matrix_free_from = 500;

/// dy/dt = f(t, y), y in R^size.
struct OdeProblem {
  std::size_t size = 0;
  std::function<void(double t, std::span<const double> y, std::span<double> dydt)> rhs;
  /// df/dy, size x size, column-major: J[i + size * j] = df_i/dy_j. Empty: difference quotients, beyond ode_matrix_free_from equations
  /// without a matrix (GMRES with directional differences).
  std::function<void(double t, std::span<const double> y, std::span<double> jacobian)> jacobian = {};
  /// Scalar functions of which falling through zero is an event; a value that is zero or below at the start is no event until it has risen.
  std::size_t n_events = 0;
  std::function<void(double t, std::span<const double> y, std::span<double> g)> events = {};
};

/// The solution through one step just made, for hooks: cubic Hermite data.
struct OdeStep {
  double t0, t1;
  std::span<const double> y0, y1;
};

struct OdeOptions {
  double relative = 1e-8;
  std::vector<double> absolute = {1e-12};   ///< one for all, or one per component
  std::size_t max_steps = 200000;           ///< in all
  std::vector<double> divergence = {};      ///< |y_i| above this is divergence; empty: never
  double first_step = 0;                    ///< 0: chosen by the solver
  std::function<bool(const OdeStep&)> on_step = {};  ///< after each step; false stops (status `stopped`)
};

enum class OdeStatus { done, stopped, diverged, step_collapse, too_many_steps };
[[nodiscard]] const char* to_text(OdeStatus status);

/// First time an event function fell through zero.
struct OdeEvent {
  std::size_t index = 0;
  double t = 0;
  std::vector<double> y;
};

struct OdeSolution {
  OdeStatus status = OdeStatus::done;
  double t = 0;                   ///< where the integration ended
  std::size_t reached = 0;        ///< output times reached
  std::vector<double> path;       ///< T x size, row-major; NaN from `reached` on
  std::vector<double> last;       ///< y at t
  std::vector<OdeEvent> events;   ///< the first of each function, in order of time
  std::size_t steps = 0, evaluations = 0;
  std::string message;            ///< what the solver said when it gave up
};

/// Integrates from (t0, y0) through increasing `times` (>= t0; t0 itself is allowed). The same input gives the same bits.
/// Source: Hindmarsh et al., ACM TOMS 31, 363 (2005), doi:10.1145/1089014.1089020.
/// @throws Error for misuse: sizes that do not match, times not increasing, a first right-hand side that is not finite
[[nodiscard]] OdeSolution integrate(const OdeProblem& problem, std::span<const double> y0, double t0, std::span<const double> times, const OdeOptions& options);

/// A solution with an estimated bound of its error: solved with `relative` and `relative / 100`; the bound is ten times
/// the difference (docs/verdict.md, section 3), the values are those of the finer solution.
struct BoundedOdeSolution {
  OdeSolution solution;
  std::vector<double> bound;      ///< T x size; NaN where a solution ended before
};
[[nodiscard]] BoundedOdeSolution integrate_with_bound(const OdeProblem& problem, std::span<const double> y0, double t0, std::span<const double> times, OdeOptions options);

}  // namespace meso
