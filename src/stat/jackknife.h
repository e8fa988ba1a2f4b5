// Delete-a-batch (jackknife) errors over whole trajectories: the one way to the error of anything derived or fitted.
// Source: Busing, Meijer, van der Leeden (1999), doi:10.1023/A:1008800423698 (delete-m_j, batches of unequal size).
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "stat/estimate.h"

namespace meso {

/// Standard error of a number whose value on all data is `full` and with batch j left out `replicate[j]`.
/// @param weight  trajectories in batch j; equal weights give the ordinary delete-one jackknife
/// @returns NaN for fewer than 2 batches. Degrees of freedom: batches - 1.
[[nodiscard]] double delete_batch_error(double full, std::span<const double> replicate, std::span<const double> weight);

/// A number derived from estimates that share their batches (same ensemble).
struct Jackknifed {
  double value = 0, std_error = 0, dof = 0;
};

/// f receives, for each estimate, its whole value array. Solved estimates (no batches) enter as constants.
/// @throws Error if two estimates with batches do not share them
[[nodiscard]] Jackknifed jackknife(std::span<const Estimate* const> estimates, const std::function<double(const std::vector<std::vector<double>>&)>& f);

}  // namespace meso
