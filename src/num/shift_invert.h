// The law of a stiff chain over time in a Krylov space of its resolvent.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "num/elimination.h"

namespace meso::num {

/// exp(t A) p by shift-and-invert Arnoldi: in the space of p, Z p, Z^2 p, ... with Z = (I - gamma A)^-1, the generator is a small matrix whose exponential costs
/// nothing. Fast modes are squeezed together at 0 by Z, so that some 20 to 30 solutions with one elimination cross times much longer than 1 / (fastest rate).
///
/// A step is accepted where 4 more vectors change the law by less than what is allowed (1-norm); the change is the error estimate. As exp(t A) contracts the
/// 1-norm, the errors of the steps add up; each also rounds at about 1e-12. Entries may be negative by the size of the error.
/// Source: van den Eshof and Hochbruck (2006), doi:10.1137/040605461; Moret and Novati (2004), doi:10.1023/B:BITN.0000046805.27551.3b.
class ShiftInvert {
 public:
  /// Both must outlive this.
  ShiftInvert(const Generator& generator, const Dissection& order) : generator_(&generator), order_(&order) {}
  struct Step {
    double taken = 0;  ///< time that was crossed
    double error = 0;  ///< estimated 1-norm error
  };
  /// One step of at most t.
  /// @param p          in: law at the start, out: after the time taken (what leaked is missing)
  /// @param tolerance  1-norm error allowed per unit of time
  /// @param step       in: what to try (0: t); out: what the next call should try
  /// @param progress   called once per solution; may throw
  Step advance(std::span<double> p, double t, double tolerance, double& step, const std::function<void()>& progress = {});
  [[nodiscard]] std::size_t solutions() const { return solutions_; }
  [[nodiscard]] std::size_t eliminations() const { return eliminations_; }
  /// Vectors kept at most.
  static constexpr std::size_t most_vectors = 40;

 private:
  const Generator* generator_;
  const Dissection* order_;
  std::optional<Elimination> factors_;
  double gamma_ = 0;
  std::vector<std::vector<double>> basis_;
  std::size_t solutions_ = 0, eliminations_ = 0;
};

}  // namespace meso::num
