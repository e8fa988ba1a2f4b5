// One row of cells: exponentially fitted fluxes through its faces, and steps in time of the chain that they make.
//
//     dp/dt = -d/dx (v p - D dp/dx),   flux through a face between cells of width h: up p_left - down p_right,
//     up = D/h^2 B(-v h/D), down = D/h^2 B(v h/D), B(z) = z/(e^z - 1).
//
// Rates are never negative and what leaves one cell enters the next; the grids of fokker_planck.h (formulas, a sparse chain in two
// dimensions) and of kits/generative (any drift, rates that change at every step) are made of these faces.
// Source: Scharfetter and Gummel (1969), doi:10.1109/T-ED.1969.16566; Chang and Cooper (1970), doi:10.1016/0021-9991(70)90001-X.
#pragma once

#include <array>
#include <functional>
#include <span>
#include <vector>

namespace meso::sde {

/// Rates forwards and backwards through a face with velocity v and diffusion D >= 0 between cells of width h. D = 0: upwinding.
[[nodiscard]] std::array<double, 2> face_rates(double v, double d, double h);

/// The chain of a row of n cells with rates through its n + 1 faces. The two outer faces lead out of the row: rates there are a loss.
struct Line {
  std::vector<double> up, down;  ///< n + 1 each: through face k from cell k - 1 to k, and back
  [[nodiscard]] std::size_t cells() const { return up.size() - 1; }
};

/// Steps p' = A(t) p over dt by the L-stable two-stage method SDIRK2 (gamma = 1 - 1/sqrt 2, order 2): two tridiagonal solves. Mass is kept to rounding
/// but for what leaves through the outer faces; entries may be negative by the size of the error of the step.
/// Source: Alexander (1977), doi:10.1137/0714068.
class LineStepper {
 public:
  explicit LineStepper(std::size_t cells);
  /// @param rates  writes the faces of A(t0 + c dt), asked once for c = gamma and once for c = 1
  void step(std::span<double> p, double dt, const std::function<void(double c, Line& line)>& rates);
  /// The same for an A that does not depend on time within the step.
  void step(std::span<double> p, double dt, const Line& line);

  static constexpr double gamma = 0.29289321881345247560;

 private:
  void solve(const Line& line, double h, std::span<double> x);  // x <- (1 - h A)^-1 x
  Line line_;
  std::vector<double> stage_, ratio_;
};

}  // namespace meso::sde
