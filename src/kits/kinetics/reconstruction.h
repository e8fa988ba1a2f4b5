// Laws on the counts 0, 1, 2, ... reconstructed from a few moments: maximum entropy, gamma, log-normal and normal.
//
// Convention: a continuous law F meets the lattice as P(n) = F(n + 1/2) - F(n - 1/2), the lowest count taking all that lies
// below, so that its distribution function at n is F(n + 1/2) (docs/verdict.md, section 2). Its mean and variance are then
// those of F up to the rounding of the lattice (1/12 in the variance where the law is smooth), and not exactly those asked.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "kits/kinetics/network.h"
#include "model/level.h"

namespace meso::kinetics {

/// Probabilities of the counts first .. first + p.size() - 1; sums to 1 (less at most 1e-12 for tails cut off).
struct LatticeLaw {
  std::int64_t first = 0;
  std::vector<double> p;
  [[nodiscard]] double mean() const;
  [[nodiscard]] double variance() const;
  /// P(n <= k).
  [[nodiscard]] double cdf(std::int64_t k) const;
};
/// Largest |F - G| over all counts.
[[nodiscard]] double kolmogorov_distance(const LatticeLaw& f, const LatticeLaw& g);

/// Counts that a law may take; no highest: all from the lowest on.
struct Counts {
  std::int64_t lowest = 0;
  std::optional<std::int64_t> highest = {};
};

/// A law, or why there is none.
struct Reconstruction {
  std::optional<LatticeLaw> law;
  std::string text;                  ///< what went wrong, or what is to be known of the law; mostly empty
  int iterations = 0;                ///< maximum entropy: Newton steps
  double residual = 0;               ///< maximum entropy: largest error of a moment, in units of sd^k
};

/// The law of largest entropy on `counts` with the first m cumulants given: p(n) = exp(sum_k lambda_k x^k) / Z, x = (n - mean) / sd.
///
/// Newton's method on the convex dual log Z - sum_k lambda_k <x^k>, steps from a QR factorisation of the weighted features (never
/// their Gram matrix), with line search. On unbounded counts the range is widened until the law has no mass at its end.
/// There may be no such law: no law on these counts has the moments (the dual falls without bound), or the supremum of the
/// entropy is not attained (mass runs off to the end of any range). Both are said; in the second case the law on 8 standard deviations
/// about the mean is returned, with a text, if no more than 1e-3 of its mass lies in the tail that rises to the end. Moments at the edge of what is possible
/// (a two-point law) are reached in the limit and returned to 1e-9.
/// Source: Mead and Papanicolaou (1984), doi:10.1063/1.526446; Smadbeck and Kaznessis (2013), doi:10.1073/pnas.1306481110.
/// @param cumulants  mean, variance, ... up to order m >= 1
[[nodiscard]] Reconstruction max_entropy(std::span<const double> cumulants, const Counts& counts = {});

/// Laws with a given mean and variance, brought to the lattice (see above). They fail where mean or variance is not positive.
[[nodiscard]] Reconstruction gamma_law(double mean, double variance, const Counts& counts = {});
[[nodiscard]] Reconstruction log_normal_law(double mean, double variance, const Counts& counts = {});
[[nodiscard]] Reconstruction normal_law(double mean, double variance, const Counts& counts = {});

/// What conservation leaves of a species: from 0 to its total at most.
[[nodiscard]] Counts counts_of(const Network& network, std::size_t species);

/// Level `reconstruction`: answers `<s>.distribution` from the moments that `closure` gives. Options kind (max-entropy, gamma,
/// log-normal, normal), closure (its kind) and order; maximum entropy uses the moments up to the order, four at most.
[[nodiscard]] Level reconstruction_level(SharedNetwork network, const Level& closure);

}  // namespace meso::kinetics
