// What sampling with a given score yields on the line, without particles: the law of the reverse diffusion and that of the probability flow, their distances,
// and a bound on the distance of the two by the score's own error.
//
// The reverse diffusion's law moves with the velocity f - g^2 s + g^2/2 grad log p, the flow's with f - g^2 s/2; they differ by g^2/2 times
// e' = grad log p - s. Gronwall's inequality gives
//
//     W_2(flow, diffusion) <= int_{t_min}^T exp(int_{t_min}^t L) g^2/2 |e'|_{L^2(p_t)} dt,   L(t) = sup_x of the largest eigenvalue of -grad(f - g^2 s/2).
//
// Between modes grad s > 0 is large, and the exponential with it: the bound holds, and may say nothing.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "kits/generative/kinetic.h"
#include "kits/generative/potential.h"
#include "stat/piecewise_law.h"

namespace meso::generative {

/// One way of sampling: a score, the law it starts from at time `end`, and where it is read.
struct Sampling {
  const Field* score = nullptr;
  OrnsteinUhlenbeck process;
  std::function<double(double)> start;  ///< distribution function at `end`
  double end = 10, t_min = 0;
};
struct Resolution {
  double low = -7, high = 7;
  std::size_t cells = 1400, steps = 1250;   ///< of the grid; the flow takes half as many steps, by a method of order 4
  double power = 2;                         ///< of the time grid, dense towards t_min
  [[nodiscard]] Resolution halved() const { return {low, high, cells / 2, steps / 2, power}; }
};

struct DiffusionLaw {
  PiecewiseLaw law;
  double lost = 0;    ///< mass that left [low, high]
  double bound = 0;   ///< on W_2 between flow and diffusion, from the same run
};
/// @param each  called at every time with the grid
[[nodiscard]] DiffusionLaw diffusion_law(const Sampling& sampling, const Resolution& resolution, const std::function<void(double t, const GridLaw& law)>& each = {});
[[nodiscard]] PiecewiseLaw flow_law(const Sampling& sampling, const Resolution& resolution);

/// A bound that is above ten times what it bounds: "vacuous".
[[nodiscard]] inline bool is_vacuous(double bound, double distance) { return !(bound <= 10 * distance); }

/// W_2^2 of the two laws, and of each to the truth.
struct GapFigures {
  double gap = 0, ode_truth = 0, sde_truth = 0;
};
[[nodiscard]] GapFigures figures(const PiecewiseLaw& ode, const PiecewiseLaw& sde, const PiecewiseLaw& truth);

/// W_2^2 to the truth on the grid's faces.
[[nodiscard]] PiecewiseLaw on_faces(const std::function<double(double)>& cdf, const Resolution& resolution);

/// Mean W_2^2 of a sample of n points of a law to the law itself, over `repeats` samples: the floor beside every distance made from samples.
[[nodiscard]] double sampling_floor(const PiecewiseLaw& law, std::uint64_t n, Stream stream, std::size_t repeats = 8);

}  // namespace meso::generative
