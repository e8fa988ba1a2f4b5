// Many particles that follow a field: along dX = f(t, X) dt, or dX = f(t, X) dt + sqrt(2 epsilon(t)) dW, forwards or backwards in time, on any grid of times.
//
// The noise of a particle comes from its own stream and a field gives each point its own bits, so that a particle does not depend on the batch it is in.
// Backwards (a falling grid) the same functions give the backward equation: dt < 0 in the drift, |dt| in the noise; the drift that belongs there is
// b - epsilon s. Where a field is singular at an end (a learned score -eta/gamma), the grid must leave the end out; whoever makes it says so.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "kits/generative/field.h"
#include "rng/stream.h"

namespace meso::generative {

/// Euler (order 1), Heun (2), classical Runge-Kutta (4; equations without noise only).
enum class Scheme { euler, heun, rk4 };
/// @throws ParameterError for another word
[[nodiscard]] Scheme scheme_from_text(const std::string& text);
[[nodiscard]] double order_of(Scheme scheme, bool noise);  ///< weak order, for smooth fields

/// steps + 1 times from `from` to `to`, both included; from > to is a falling grid.
[[nodiscard]] std::vector<double> uniform_grid(double from, double to, std::size_t steps);

/// Moves n points (n x d, row-major) along dX = f dt through the grid, in place.
/// @throws NumericalBreakdown  a point that is no longer finite (names it and the time)
void flow(const Field& field, Scheme scheme, std::span<const double> grid, std::span<double> points);

/// One stream of noise for each of the particles first ... first + n - 1 of a run.
[[nodiscard]] std::vector<FastStream> noise_streams(std::uint64_t seed, std::uint64_t first, std::size_t n, const std::string& purpose);

/// Moves n points along dX = f dt + sqrt(2 epsilon) dW, in place; additive noise. Euler-Maruyama: weak and strong order 1; Heun: weak order 2.
/// @param epsilon  >= 0 on the grid; a step takes the mean of both its ends
/// @throws ParameterError  a negative epsilon (names the time), Scheme::rk4
/// @throws NumericalBreakdown  a point that is no longer finite
void diffuse(const Field& drift, const std::function<double(double)>& epsilon, Scheme scheme, std::span<const double> grid, std::span<double> points, std::span<FastStream> noise);

/// The same on two grids at once, driven by one path of the noise: `coarse` takes every second time of the grid (an even number of steps). The difference
/// of the two tells the error of the step without the noise's own scatter.
/// @param between  called at every odd time of the grid, where only `fine` stands
void diffuse_coupled(const Field& drift, const std::function<double(double)>& epsilon, Scheme scheme, std::span<const double> grid, std::span<double> fine, std::span<double> coarse, std::span<FastStream> noise,
                     const std::function<void(double t)>& between = {});

}  // namespace meso::generative
