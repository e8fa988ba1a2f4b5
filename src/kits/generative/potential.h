// Scores that are gradients: u(t, x) with the derivatives that the Fokker-Planck equation of the noising process asks for.
//
// The noising process is Ornstein-Uhlenbeck, dX = -decay X dt + noise dW from the data at t = 0, so that X_t given x_0 is N(x_0 e^(-decay t), variance(t) I).
// The log-density of its law obeys R[u] = 0 with
//
//     R[u] = d_t u + div f + f . grad u - g^2/2 (|grad u|^2 + Laplace u),   f = -decay x, g = noise.
//
// A score s = grad u need not be right for R = 0: any solution of the equation gives a reverse diffusion and a probability flow that share their law, if they
// start from exp(u(T)): e = log p_SDE - u obeys a linear equation with the source -R.
// Source: Deveney, Stanczuk, Kreusser, Budd, Schoenlieb, "Closing the ODE-SDE gap in score-based diffusion models through the Fokker-Planck equation" (2023).
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "kits/generative/field.h"
#include "kits/sde/mixture.h"
#include "num/formula.h"

namespace meso::generative {

struct OrnsteinUhlenbeck {
  double decay = 1, noise = 1;
  [[nodiscard]] double scale(double t) const;     ///< e^(-decay t)
  [[nodiscard]] double variance(double t) const;  ///< of X_t given x_0, per coordinate
  [[nodiscard]] double stationary_variance() const { return noise * noise / (2 * decay); }
  [[nodiscard]] double diffusion() const { return 0.5 * noise * noise; }
};

/// u(t, x); as a field, its gradient.
class Potential : public Field {
 public:
  struct Derivatives {
    std::vector<double> value, in_time, laplacian;  ///< n
    std::vector<double> gradient;                   ///< n x d
  };
  /// Of many points at one time.
  [[nodiscard]] virtual Derivatives derivatives(double t, std::span<const double> points) const = 0;
};

/// R[u] at many points.
[[nodiscard]] std::vector<double> residual(const Potential& u, const OrnsteinUhlenbeck& process, double t, std::span<const double> points);

/// log p_t of a Gaussian mixture under the process, with derivatives in closed form (covariances of components keep their axes).
class MixturePotential final : public Potential {
 public:
  MixturePotential(sde::GaussianMixture data, OrnsteinUhlenbeck process);
  [[nodiscard]] std::size_t dimension() const override { return data_.dimension(); }
  void at(double t, std::span<const double> points, std::span<double> values) const override;
  [[nodiscard]] Derivatives derivatives(double t, std::span<const double> points) const override;
  /// The law at time t.
  [[nodiscard]] sde::GaussianMixture law(double t) const;

 private:
  sde::GaussianMixture data_;
  OrnsteinUhlenbeck process_;
  std::vector<double> eigenvalue_, axes_, log_weight_;  // K x d; K x d x d, rows are axes; K
};

/// factor u(clock t, x): a score that is too strong or weak, or that runs late. (1 + delta) log p_t: R = delta (decay d - g^2/2 (1 + delta) |grad log p_t|^2).
class ChangedPotential final : public Potential {
 public:
  ChangedPotential(std::shared_ptr<const Potential> base, double factor, double clock);
  [[nodiscard]] std::size_t dimension() const override { return base_->dimension(); }
  void at(double t, std::span<const double> points, std::span<double> values) const override;
  [[nodiscard]] Derivatives derivatives(double t, std::span<const double> points) const override;

 private:
  std::shared_ptr<const Potential> base_;
  double factor_, clock_;
};

/// A formula in t and the coordinates (x; x, y; x1 ... xd), differentiated symbolically.
class FormulaPotential final : public Potential {
 public:
  /// @throws ModelError  a formula that does not read, with its place; a name that is no coordinate
  FormulaPotential(const std::string& formula, std::size_t dimension);
  [[nodiscard]] std::size_t dimension() const override { return gradient_.size(); }
  void at(double t, std::span<const double> points, std::span<double> values) const override;
  [[nodiscard]] Derivatives derivatives(double t, std::span<const double> points) const override;

 private:
  std::vector<num::Program> gradient_, second_;
  std::vector<num::Program> value_and_time_;
};

/// The drifts of sampling, in the sign of rising t: reverse diffusion f - g^2 s, probability flow f - g^2 s / 2. The score must outlive them.
class ReverseDrift final : public Field {
 public:
  enum class Kind { diffusion, probability_flow };
  ReverseDrift(const Field& score, OrnsteinUhlenbeck process, Kind kind) : score_(score), process_(process), kind_(kind) {}
  [[nodiscard]] std::size_t dimension() const override { return score_.dimension(); }
  void at(double t, std::span<const double> points, std::span<double> values) const override;

 private:
  const Field& score_;
  OrnsteinUhlenbeck process_;
  Kind kind_;
};

/// Is a field a gradient? The antisymmetric part of its Jacobian by central differences, sup over the points of |J - J^T| / |J + J^T| (Frobenius; 0 for a gradient,
/// and in one dimension). A residual R means something only where this is near the error of the differences.
struct Curl {
  double largest = 0;              ///< sup |J - J^T|
  double relative = 0;             ///< sup |J - J^T| / sup |J + J^T|
  std::vector<double> where;       ///< the point of the largest
};
[[nodiscard]] Curl curl(const Field& field, double t, std::span<const double> points, double step = 1e-4);

/// @throws ModelError  if the field is a gradient to no better than `tolerance` at the points: R is not defined; says where and how large its curl is
void require_gradient(const Field& field, double t, std::span<const double> points, double tolerance = 1e-4);

}  // namespace meso::generative
