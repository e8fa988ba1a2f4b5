// Sums of many independent positive numbers with a power tail: the totally skewed stable law, and its distribution function.
//
// Points of a Poisson process with tail c x^{-mu}, 0 < mu < 2, mu != 1, summed (mu < 1) or summed and centred by their mean (mu > 1), give X with
//     E e^{-s X} = exp(-c Gamma(1 - mu) s^mu):   X > 0 for mu < 1; Gamma(1 - mu) < 0 and a left tail that falls faster than a Gaussian for mu > 1.
// Z/W of n weights with P(w > W) = 1/n has this law with c = 1, as far as the tail of the weights is a power where it matters.
// Source: Samorodnitsky and Taqqu (1994), Stable Non-Gaussian Random Processes, 1.2; distribution function by Nolan (1997),
// doi:10.1080/15326349708807450, theorem 1 (Zolotarev's integral).
#pragma once

namespace meso::learning {

class SkewedStable {
 public:
  /// @throws ParameterError  mu outside (0, 2) or 1 (there the sum needs a logarithm of its size as centre)
  explicit SkewedStable(double mu);
  [[nodiscard]] double mu() const { return mu_; }
  /// P(X <= x), absolute error below 1e-10 for |mu - 1| > 0.02.
  [[nodiscard]] double below(double x) const;
  /// E ln X and Var ln X for mu < 1; NaN else, where X may be negative.
  [[nodiscard]] double ln_mean() const;
  [[nodiscard]] double ln_variance() const;

 private:
  [[nodiscard]] double zolotarev(double x, double theta0) const;
  double mu_ = 0, scale_ = 0, strength_ = 0;
};

}  // namespace meso::learning
