// The Fokker-Planck equation in one and two dimensions on a positive, conservative finite-volume grid:
//
//     dp/dt = - sum_i d_i (a_i p) + sum_ij d_i d_j (D_ij p),   a the Itô drift, D = b b^T / 2.
//
// Fluxes through cell faces are exponentially fitted (Scharfetter and Gummel 1969, doi:10.1109/T-ED.1969.16566; Chang and Cooper 1970,
// doi:10.1016/0021-9991(70)90001-X), so that the grid is a Markov chain: rates are never negative, columns sum to zero but for
// the flux through the open ends of the box, which is booked as lost. Second order in the cell width where D > 0; plain upwinding,
// first order, where D = 0. With a mixed D_12 the diagonal neighbours take part, and drift and D are taken at the source cell
// (a jump process with the right first and second moments).
//
// Time goes by the exponential of the chain: by uniformisation (positive term by term) or, where that would take too many terms, in one
// dimension by the L-stable Padé approximant (negative by at most its error, 1e-12). Coefficients that depend on t are frozen at midpoints of steps.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <vector>

#include "kits/sde/description.h"
#include "kits/sde/observables.h"
#include "model/level.h"
#include "num/markov.h"

namespace meso::sde {

/// Where the density is looked for. A side that coincides with a wall of the domain reflects, the others are open.
struct Box {
  std::vector<double> low, high;
};

class FokkerPlanckGrid {
 public:
  /// @param cells  along the longest direction: cells of one dimension; in two, of each
  /// @throws ModelError  for three or more dimensions
  /// @throws NumericalBreakdown  a drift or diffusion that is not finite in the box, D < 0, |D_12| too large for a positive stencil; says where
  FokkerPlanckGrid(const Process& process, const Box& box, std::size_t cells);

  [[nodiscard]] std::size_t size() const { return p_.size(); }
  [[nodiscard]] std::size_t cells(std::size_t axis) const { return axis < count_.size() ? count_[axis] : 1; }
  [[nodiscard]] double width(std::size_t axis) const { return h_[axis]; }
  [[nodiscard]] double centre(std::size_t axis, std::size_t k) const { return first_[axis] + h_[axis] * static_cast<double>(k); }

  /// The initial law: a point (one cell, or split linearly between two neighbours), or Gaussians by their cell masses.
  void start();
  /// The law from time t0 to t1. `substeps`: for coefficients that depend on time.
  void advance(double t0, double t1, std::size_t substeps = 64);
  /// The stationary law of the chain with all ends reflecting. @throws NumericalBreakdown
  void make_stationary();

  /// Cell probabilities, first axis fastest.
  [[nodiscard]] std::span<const double> p() const { return p_; }
  /// Probability that left through the open ends.
  [[nodiscard]] double lost() const { return lost_; }
  /// Probability in the cells at the open ends.
  [[nodiscard]] double at_open_ends() const;
  [[nodiscard]] double mean(std::size_t i) const;
  [[nodiscard]] double covariance(std::size_t i, std::size_t j) const;
  /// P(x_i <= x), linear within cells.
  [[nodiscard]] std::vector<double> cdf(std::size_t i, std::span<const double> x) const;
  [[nodiscard]] std::vector<double> marginal(std::size_t i) const;
  [[nodiscard]] const num::Generator& generator() const { return generator_; }
  /// Work of a unit of time, in sparse multiplications.
  [[nodiscard]] double work_rate() const;
  /// 1 / spectral gap of the chain (after make_stationary), if it is found.
  [[nodiscard]] std::optional<double> slow_time() const;

 private:
  void build(double t);
  [[nodiscard]] std::size_t cell(std::size_t i, std::size_t j) const { return j * count_[0] + i; }
  [[nodiscard]] std::vector<std::int32_t> positions() const;  // of the cells: their places along two axes

  Process process_;
  std::vector<num::Program> drift_, velocity_, tensor_;  // a_i; a_i - d_i D_ii; D_11 or D_11 D_12 D_22
  bool mixed_ = false;
  std::vector<std::size_t> count_;
  std::vector<double> h_, first_;
  std::vector<std::array<bool, 2>> wall_;
  num::Generator generator_;
  std::vector<double> p_;
  double lost_ = 0;
};

/// A box that keeps the law: the pilot's reach (observables.h), widened until less than `loss` is lost or stands at its open ends.
/// @param end  time until which the law is wanted; nothing: the stationary law
[[nodiscard]] Box box_for(const Process& process, const Reach& reach, std::optional<double> end, double loss, double* lost = nullptr);

/// 1 / spectral gap on a coarse grid; nothing for three or more dimensions, coefficients that depend on time, or no stationary law.
[[nodiscard]] std::optional<double> slow_time(const Process& process);

/// The level `fokker-planck`, for one and two dimensions. Options: max-cells.
[[nodiscard]] Level fokker_planck_level(const Process& process);

}  // namespace meso::sde
