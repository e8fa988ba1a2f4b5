// What given fields of an interpolant, exact or learned, make of the start's law on the line, without particles; and how far that is from the truth, beside
// what the fields' own error allows:
//     diffusion, drift b + epsilon s:  KL(rho || rho_hat) <= 1/(4 epsilon) int E|b_hat + epsilon s_hat - (b + epsilon s)|^2 dt;
//     flow:                            no such bound: KL = int E[(s - score of rho_hat) . (b - b_hat)] dt.
// Source: Albergo, Boffi and Vanden-Eijnden (2023), arXiv:2303.08797, lemmas 2.21 and 2.22.
#pragma once

#include <functional>
#include <vector>

#include "kits/generative/field.h"
#include "kits/generative/kinetic.h"
#include "kits/generative/mixture_path.h"
#include "stat/piecewise_law.h"

namespace meso::generative {

/// Box of the whole path: the means of all components at all times, and `sds` standard deviations of their own beyond.
[[nodiscard]] Cells cells_of(const MixturePath& path, std::size_t count, double sds = 9);

/// E|field - exact|^2 at time t over the exact law, in one dimension by the trapezoidal rule; relative 1e-6.
[[nodiscard]] double mean_square_error(const MixturePath& path, double t, const Field& field, const Field& exact);
/// The same and E|exact|^2, integrated over `times` (midpoints of n equal steps from `from` to `to`): relative L^2 errors and bounds.
struct FieldError {
  double error = 0, size = 0;   ///< int E|field - exact|^2 dt, int E|exact|^2 dt
  [[nodiscard]] double relative() const;
};
[[nodiscard]] FieldError field_error(const MixturePath& path, const Field& field, const Field& exact, double from, double to, std::size_t n = 100);

struct LawOptions {
  double from = 1e-3, to = 1 - 1e-3;
  std::size_t cells = 4000, steps = 2000;  ///< steps of all of [0, 1] (bridge_grid)
};
/// Law at `to` of the diffusion with drift v (of rising t) and noise sqrt(2 epsilon) dW, from the exact law at `from`. Falling (to < from): the backward equation.
[[nodiscard]] PiecewiseLaw diffusion_of(const MixturePath& path, const Field& v, double epsilon, const LawOptions& options = {});
/// Law at `to` of the flow along v, by its quantiles.
[[nodiscard]] PiecewiseLaw flow_of(const MixturePath& path, const Field& v, const LawOptions& options = {});
/// The exact law at t, at the points of another.
[[nodiscard]] PiecewiseLaw exact_on(const MixturePath& path, double t, const PiecewiseLaw& like);

/// Figures of one pair of fields at one epsilon.
struct FieldFigures {
  double ks_flow = 0, ks_diffusion = 0;
  double kl_flow = 0, kl_diffusion = 0;
  double bound = 0;              ///< on kl_diffusion, from the measured error of b + epsilon s between `from` and `to`
};
[[nodiscard]] FieldFigures judge_fields(const std::shared_ptr<const MixturePath>& path, std::shared_ptr<const Field> velocity, std::shared_ptr<const Field> score, double epsilon, const LawOptions& options = {});

}  // namespace meso::generative
