// The law of an interpolant between two Gaussian mixtures, exact at every time and in any dimension, with every field that a sampler or a network
// would need.
//
// Component (i, j) of x_t = alpha x0 + beta x1 + gamma z has weight p_i q_j, mean M = alpha m_i + beta n_j and covariance C = alpha^2 C_i + beta^2 D_j +
// gamma^2 I (+ 2 alpha beta K, if x0 and x1 are coupled with covariance K). With the responsibilities r_ij(x):
//     velocity     b = E[x_t' | x_t = x] = sum r [M' + C'/2 C^-1 (x - M)]
//     score        s = grad log rho      = -sum r C^-1 (x - M)
//     denoiser     E[z | x_t = x] = -gamma s,   and   E[dI/dt | x_t = x] = b + gamma gamma' s.
// All are blends of b and s, and so are the drifts b + epsilon s (forward) and b - epsilon s (backward) of the stochastic samplers: one loop gives them all.
// Source: Albergo, Boffi and Vanden-Eijnden (2023), arXiv:2303.08797, theorem 2.6 and appendix A.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

#include "kits/generative/field.h"
#include "kits/generative/interpolant.h"
#include "kits/sde/mixture.h"
#include "rng/stream.h"

namespace meso::generative {

/// velocity * b + score * s.
struct Blend {
  double velocity = 0, score = 0;
};

/// What all points share at one time: means, inverse covariances, log factors. Thread-safe.
class MixtureInstant {
 public:
  struct Component {
    double weight = 0;
    std::span<const double> mean, mean_rate, covariance, covariance_rate;  ///< d, d, d x d, d x d
  };
  MixtureInstant(std::size_t d, std::span<const Component> components);

  [[nodiscard]] std::size_t dimension() const { return d_; }
  [[nodiscard]] std::size_t components() const { return log_factor_.size(); }

  /// Where results of `evaluate` go; an empty span is not computed.
  struct Output {
    std::span<double> value;             ///< n x d: the blend
    std::span<double> divergence;        ///< n: of the blend
    std::span<double> log_density;       ///< n
    std::span<double> responsibility;    ///< n x components()
  };
  /// At n points (n x d, row-major). Each point's bits do not depend on the others.
  void evaluate(std::span<const double> points, Blend blend, const Output& out) const;

 private:
  std::size_t d_ = 0;
  bool isotropic_ = true;               // every covariance and its rate is a multiple of the identity
  std::vector<double> log_factor_, mean_, mean_rate_;
  std::vector<double> inverse_, half_rate_;  // C^-1 and C'/2: d x d each, or one number if isotropic
  std::vector<double> trace_inverse_, trace_growth_;  // tr C^-1, tr C'/2 C^-1
};

/// Two mixtures and an interpolant between them. Thread-safe.
class MixturePath {
 public:
  /// @param coupling  Cov(x0, x1) in one dimension, both ends Gaussian; 0: independent
  /// @throws ParameterError  dimensions that differ; one-sided with an x0 that is not Gaussian; a coupling that is no covariance or in the wrong place
  MixturePath(sde::GaussianMixture start, sde::GaussianMixture end, Interpolant interpolant, double coupling = 0, const std::string& owner = "interpolant");

  [[nodiscard]] std::size_t dimension() const { return end_.dimension(); }
  [[nodiscard]] const sde::GaussianMixture& start() const { return start_; }  ///< rho_0; for mirror the same as rho_1
  [[nodiscard]] const sde::GaussianMixture& end() const { return end_; }      ///< rho_1
  [[nodiscard]] const Interpolant& interpolant() const { return interpolant_; }
  [[nodiscard]] double coupling() const { return coupling_; }

  /// The law at time t, as a mixture of all pairs (i, j), j fastest.
  [[nodiscard]] sde::GaussianMixture law(double t) const;
  /// The same with all fields; the last few times are kept and shared by all callers.
  [[nodiscard]] std::shared_ptr<const MixtureInstant> instant(double t) const;

  /// One draw of (x0, x1, z), d numbers each.
  void draw(Stream& stream, std::span<double> x0, std::span<double> x1, std::span<double> z) const;

  /// int E|v b + s score|^2 ... of a blend at time t in one dimension: int rho f^2 dx, by the trapezoidal rule (spectral for such integrands), relative 1e-10.
  [[nodiscard]] double mean_square(double t, Blend blend) const;

 private:
  struct Pair {
    double weight;
    std::vector<double> mean, mean_rate, covariance, covariance_rate;
  };
  [[nodiscard]] std::vector<Pair> pairs(double t) const;

  sde::GaussianMixture start_, end_;
  Interpolant interpolant_;
  double coupling_ = 0;
  struct Cache {
    std::mutex lock;
    std::vector<std::pair<double, std::shared_ptr<const MixtureInstant>>> kept;
    std::size_t next = 0;
  };
  std::shared_ptr<Cache> cache_ = std::make_shared<Cache>();
};

/// A blend of velocity and score, with coefficients that may depend on time, as a Field.
class MixtureField : public Field {
 public:
  MixtureField(std::shared_ptr<const MixturePath> path, std::function<Blend(double)> blend) : path_(std::move(path)), blend_(std::move(blend)) {}
  [[nodiscard]] std::size_t dimension() const override { return path_->dimension(); }
  void at(double t, std::span<const double> points, std::span<double> values) const override { path_->instant(t)->evaluate(points, blend_(t), {.value = values}); }
  void divergence(double t, std::span<const double> points, std::span<double> values) const { path_->instant(t)->evaluate(points, blend_(t), {.divergence = values}); }
  [[nodiscard]] const MixturePath& path() const { return *path_; }

 private:
  std::shared_ptr<const MixturePath> path_;
  std::function<Blend(double)> blend_;
};

[[nodiscard]] MixtureField velocity_field(std::shared_ptr<const MixturePath> path);
[[nodiscard]] MixtureField score_field(std::shared_ptr<const MixturePath> path);
/// E[z | x_t = x] = -gamma s; for one-sided paths E[x0 | x_t = x] about x0's law N(0, I): -alpha s.
[[nodiscard]] MixtureField denoiser_field(std::shared_ptr<const MixturePath> path);
/// E[dI/dt | x_t = x], the velocity without the latent's part.
[[nodiscard]] MixtureField interpolant_velocity_field(std::shared_ptr<const MixturePath> path);

/// (weight a) * first + (weight b) * second + shift: drifts b + epsilon s of any two fields, exact or learned, and constant errors of one.
class SumField : public Field {
 public:
  SumField(std::shared_ptr<const Field> first, std::function<double(double)> a, std::shared_ptr<const Field> second, std::function<double(double)> b, std::vector<double> shift = {});
  [[nodiscard]] std::size_t dimension() const override { return first_->dimension(); }
  void at(double t, std::span<const double> points, std::span<double> values) const override;

 private:
  std::shared_ptr<const Field> first_, second_;
  std::function<double(double)> a_, b_;
  std::vector<double> shift_;
};

/// Score from a denoiser: s = -eta/gamma (one-sided: -eta/alpha), as a network that learns E[z | x] gives it.
class DenoiserScore : public Field {
 public:
  DenoiserScore(std::shared_ptr<const Field> denoiser, Interpolant interpolant) : denoiser_(std::move(denoiser)), interpolant_(std::move(interpolant)) {}
  [[nodiscard]] std::size_t dimension() const override { return denoiser_->dimension(); }
  /// @throws ParameterError  where gamma = 0: at the ends the quotient has no value
  void at(double t, std::span<const double> points, std::span<double> values) const override;

 private:
  std::shared_ptr<const Field> denoiser_;
  Interpolant interpolant_;
};

/// Local maxima of a mixture's density: ascents from every component's mean and from midpoints of pairs, by the fixed-point map
/// x <- (sum r C^-1)^-1 sum r C^-1 mu, which never lowers the density (Carreira-Perpinan 2000, doi:10.1109/34.888716); equal ends are counted once.
/// In one dimension the sign changes of the derivative on a grid that resolves the narrowest component are counted instead: none is missed.
[[nodiscard]] std::size_t count_modes(const sde::GaussianMixture& mixture);

}  // namespace meso::generative
