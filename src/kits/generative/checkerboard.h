// The interpolant from N(0, I) to a checkerboard in the plane: eight squares of side 2 in [-4, 4]^2, uniform. No mixture of Gaussians, but its fields are
// closed too: x_t = beta x1 + sigma Z with sigma^2 = alpha^2 + gamma^2, so that each square is a product of two differences of normal distribution functions.
//     s = sum r grad log rho_square,   E[x1 | x] = (x + sigma^2 s)/beta,   b = beta' E[x1 | x] - (alpha alpha' + gamma gamma') s.
// Source: the released set-up of arXiv:2303.08797 (checker notebooks); the closed form is derived here.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "kits/generative/field.h"
#include "kits/generative/interpolant.h"
#include "rng/stream.h"

namespace meso::generative {

class Checkerboard {
 public:
  /// @throws ParameterError  for mirror: its start is not N(0, I)
  explicit Checkerboard(Interpolant interpolant, const std::string& owner = "checkerboard");
  [[nodiscard]] const Interpolant& interpolant() const { return interpolant_; }
  /// Lower left corners of the eight squares.
  [[nodiscard]] static const std::array<std::array<double, 2>, 8>& squares();
  static void sample_target(Stream& stream, std::span<double> x1);
  [[nodiscard]] static bool covers(double x, double y);
  [[nodiscard]] static constexpr double variance() { return 16.0 / 3; }  ///< of each coordinate of x1; mean 0
  /// Velocity and score (n x 2 each; empty: not wanted) and log density (n or empty) at t.
  /// @throws ParameterError  where sigma = 0: the density has edges and no score
  void evaluate(double t, std::span<const double> points, std::span<double> velocity, std::span<double> score, std::span<double> log_density) const;

 private:
  Interpolant interpolant_;
};

class CheckerboardField : public Field {
 public:
  enum class What { velocity, score };
  CheckerboardField(std::shared_ptr<const Checkerboard> law, What what) : law_(std::move(law)), what_(what) {}
  [[nodiscard]] std::size_t dimension() const override { return 2; }
  void at(double t, std::span<const double> points, std::span<double> values) const override {
    if (what_ == What::velocity) law_->evaluate(t, points, values, {}, {});
    else law_->evaluate(t, points, {}, values, {});
  }

 private:
  std::shared_ptr<const Checkerboard> law_;
  What what_;
};

}  // namespace meso::generative
