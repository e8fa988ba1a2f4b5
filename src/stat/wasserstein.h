// Wasserstein distances in one dimension, where the optimal plan is the monotone one:
//
//     W_p^p = int_0^1 |F^-1(u) - G^-1(u)|^p du,   and W_1 = int |F(x) - G(x)| dx.
//
// Source: Villani, Topics in Optimal Transportation (2003), theorem 2.18; Bobkov and Ledoux, Mem. AMS 261 (2019), no. 1259.
// A sample's distance to its own law is not zero: W_1 is of order n^(-1/2) (for laws with int sqrt(F (1 - F)) finite).
#pragma once

#include <functional>
#include <span>

#include "stat/piecewise_law.h"

namespace meso {

/// Distance of order p = 1 or 2 between two samples of any sizes (they need not be sorted).
/// @throws InputError  an empty sample, a value that is not finite, another p
[[nodiscard]] double wasserstein(std::span<const double> a, std::span<const double> b, int p);

/// W_1 between a sample and a law, with the integral of |F_n - F| over [low, high] by Gauss-Legendre quadrature between the points of the
/// sample and the places where F_n and F cross; the mass outside must be negligible.
/// @param cdf  P(X <= x), non-decreasing and smooth inside (low, high): a kink there costs digits (1e-6 of the interval)
[[nodiscard]] double wasserstein_1(std::span<const double> sample, const std::function<double(double)>& cdf, double low, double high);

/// W_2 between a sample and a law given by its quantile function on (0, 1): each sample point meets its 1/n of the law, by five-point
/// Gauss-Legendre quadrature (the open rule never asks for the quantiles 0 and 1; its error in the two outermost cells falls as n^-1 for light tails).
[[nodiscard]] double wasserstein_2(std::span<const double> sample, const std::function<double(double)>& quantile);

/// W_2 between two laws with piecewise linear quantile functions, exact: the squared difference is a parabola between the union of their levels.
[[nodiscard]] double wasserstein_2(const PiecewiseLaw& a, const PiecewiseLaw& b);

}  // namespace meso
