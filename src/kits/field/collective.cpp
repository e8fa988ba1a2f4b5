#include "kits/field/collective.h"

#include <fmt/format.h>

#include <cmath>

#include "base/error.h"
#include "num/ode.h"

namespace meso::field {

PairCoordinate::PairCoordinate(KinkShape kink, Potential potential) : kink_(std::move(kink)), potential_(std::move(potential)) {}

PairCoordinate::Terms PairCoordinate::at(double a) const {
  const double reach = std::abs(a) + 20 * kink_.width;
  const int points = static_cast<int>(std::ceil(2 * reach / (0.125 * kink_.width)));
  const double h = 2 * reach / points;
  Terms sum;
  for (int i = 0; i <= points; ++i) {
    const double x = -reach + h * i, w = i == 0 || i == points ? 0.5 * h : h;
    const double k1 = kink_.first(x + a), k2 = kink_.first(x - a), s1 = kink_.second(x + a), s2 = kink_.second(x - a);
    const double phi = kink_.value(x + a) - kink_.value(x - a) - kink_.asymptote;
    const double phi_a = k1 + k2, phi_x = k1 - k2, phi_aa = s1 - s2, phi_xa = s1 + s2;
    sum.g += w * phi_a * phi_a;
    sum.dg += w * 2 * phi_a * phi_aa;
    sum.u += w * (0.5 * phi_x * phi_x + potential_.value(phi));
    sum.du += w * (phi_x * phi_xa + potential_.slope(phi) * phi_a);
  }
  return sum;
}

double PairCoordinate::energy(double a, double speed) const {
  const Terms t = at(a);
  return 0.5 * t.g * speed * speed + t.u;
}

PairCoordinate::Path PairCoordinate::solve(double a0, double speed0, std::span<const double> times, double tolerance) const {
  OdeProblem problem{.size = 2, .rhs = [this](double, std::span<const double> y, std::span<double> d) {
                       const Terms t = at(y[0]);
                       d[0] = y[1];
                       d[1] = -(0.5 * t.dg * y[1] * y[1] + t.du) / t.g;
                     }};
  OdeOptions options;
  options.relative = tolerance;
  options.absolute = {1e-3 * tolerance};
  const std::vector<double> y0{a0, speed0};
  const BoundedOdeSolution solved = integrate_with_bound(problem, y0, 0.0, times, options);
  if (solved.solution.status != OdeStatus::done)
    throw NumericalBreakdown(fmt::format("the collective coordinate could not be followed beyond t = {}: {}", solved.solution.t, to_text(solved.solution.status)));
  Path path;
  for (std::size_t i = 0; i < times.size(); ++i) {
    path.a.push_back(solved.solution.path[2 * i]);
    path.speed.push_back(solved.solution.path[2 * i + 1]);
    path.bound.push_back(solved.bound[2 * i]);
  }
  return path;
}

}  // namespace meso::field
