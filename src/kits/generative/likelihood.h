// Log density of a law that is carried along dX = f(t, X) dt: d log rho / dt = -div f along the path. No kernel, no grid, any dimension.
//
// Source: Chen, Rubanova, Bettencourt and Duvenaud (2018), arXiv:1806.07366, theorem 1; random probes for the divergence: Hutchinson (1990),
// doi:10.1080/03610919008812866, Grathwohl et al. (2019), arXiv:1810.01367.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "kits/generative/field.h"
#include "kits/generative/mixture_path.h"
#include "kits/generative/sample.h"

namespace meso::generative {

/// div f at n points (n x d), into n values.
using Divergence = std::function<void(double t, std::span<const double> points, std::span<double> values)>;

/// In closed form.
[[nodiscard]] Divergence divergence_of(const MixtureField& field);
/// Central differences of every component: 2 d evaluations; error of order step^2 + 1e-16/step. `field` must outlive the result.
[[nodiscard]] Divergence divergence_by_differences(const Field& field, double step = 1e-5);
/// Mean over `probes` of v . (grad f) v with random signs v: unbiased, 2 evaluations a probe. The signs of point k are those of trajectory `first` + k and
/// stay the same along its path, so that the estimate is a smooth function of time.
[[nodiscard]] Divergence divergence_by_probes(const Field& field, std::size_t probes, std::uint64_t seed, std::uint64_t first, double step = 1e-5);

/// Moves the points along the grid, in place, and returns int div f dt along each path (negative dt on a falling grid).
/// With the law rho_a at the grid's start: log rho_b(x_b) = log rho_a(x_a) - the integral. The same scheme for both, order 4.
[[nodiscard]] std::vector<double> flow_with_divergence(const Field& field, const Divergence& divergence, std::span<const double> grid, std::span<double> points);

/// log density at given points at time grid.back(), of the law that the flow makes of `start` at grid.front(): the points go back to the start.
/// @param start  log density at n points (n x d)
[[nodiscard]] std::vector<double> log_likelihood(const Field& field, const Divergence& divergence, std::span<const double> grid, const std::function<void(std::span<const double>, std::span<double>)>& start,
                                                 std::span<const double> points);

}  // namespace meso::generative
