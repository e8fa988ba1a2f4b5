// Derivatives of mixtures against symbolic ones, the residual of exact, scaled and shifted log-densities, and fields that are no gradient.
#include "kits/generative/potential.h"

#include <gtest/gtest.h>

#include <fmt/format.h>

#include <cmath>

#include "base/error.h"
#include "rng/stream.h"

namespace meso::generative {
namespace {

const OrnsteinUhlenbeck forward{};

sde::GaussianMixture card_mixture() { return sde::GaussianMixture::isotropic({0.3, 0.3, 0.4}, {-2, 0.5, 2}, std::vector<double>{0.3, 0.3, 0.3}); }
/// Two components in the plane with unequal, tilted covariances.
sde::GaussianMixture tilted() { return sde::GaussianMixture({0.35, 0.65}, {-1, 0.4, 0.8, -0.3}, {0.3, 0.1, 0.1, 0.2, 0.15, -0.05, -0.05, 0.4}); }

/// (1 + delta) log p_t of the mixture as a formula in x (and y) and t, written out: differentiated by num/formula.h, which knows no mixtures.
std::string text(const sde::GaussianMixture& m, double factor) {
  const std::size_t d = m.dimension();
  std::string sum;
  for (std::size_t k = 0; k < m.components(); ++k) {
    const double* mu = &m.component_means()[k * d];
    const double* c = &m.component_covariances()[k * d * d];
    const auto entry = [&](double v, bool diagonal) { return diagonal ? fmt::format("({:.17g}*exp(-2*t) + 0.5*(1 - exp(-2*t)))", v) : fmt::format("({:.17g}*exp(-2*t))", v); };
    const auto away = [&](const char* x, double at) { return fmt::format("({} - {:.17g}*exp(-t))", x, at); };
    std::string det, form;
    if (d == 1) {
      det = entry(c[0], true);
      form = fmt::format("{}^2/{}", away("x", mu[0]), det);
    } else {
      const std::string a = entry(c[0], true), b = entry(c[1], false), e = entry(c[3], true), x = away("x", mu[0]), y = away("y", mu[1]);
      det = fmt::format("({}*{} - {}^2)", a, e, b);
      form = fmt::format("({0}*{3}^2 - 2*{1}*{3}*{4} + {2}*{4}^2)/{5}", e, b, a, x, y, det);
    }
    sum += fmt::format("{}{:.17g}*exp(-0.5*({}))/sqrt({})", k ? " + " : "", m.weights()[k] / std::pow(2 * M_PI, 0.5 * static_cast<double>(d)), form, det);
  }
  return fmt::format("{:.17g}*log({})", factor, sum);
}

std::vector<double> random_points(std::size_t n, std::size_t d, std::uint64_t k) {
  Stream random(20231127, k, "test/residual");
  std::vector<double> x(n * d);
  for (double& v : x) v = 7 * random.uniform() - 3.5;
  return x;
}

TEST(Residual, OfAScaledLogDensityByAutomaticDifferentiation) {  // check 5, a thousand random (x, t) in one and two dimensions
  for (const auto& mixture : {card_mixture(), tilted()}) {
    const std::size_t d = mixture.dimension();
    const auto exact = std::make_shared<MixturePotential>(mixture, forward);
    for (const double delta : {0.0, 0.1, -0.3}) {
      const ChangedPotential scaled(exact, 1 + delta, 1);
      const FormulaPotential automatic(text(mixture, 1 + delta), d);
      double worst = 0, apart = 0;
      for (std::uint64_t k = 0; k < 1000; ++k) {
        const double t = 0.01 + 5 * Stream(1, k, "test/t").uniform();
        const std::vector<double> x = random_points(1, d, k);
        const Potential::Derivatives a = exact->derivatives(t, x);
        double square = 0;
        for (const double g : a.gradient) square += g * g;
        const double closed = delta * (static_cast<double>(d) - 0.5 * (1 + delta) * square), size = 1 + std::abs(closed) + square;
        worst = std::max(worst, std::abs(residual(scaled, forward, t, x)[0] - closed) / size);
        apart = std::max(apart, std::abs(residual(automatic, forward, t, x)[0] - closed) / size);
      }
      EXPECT_LT(worst, 1e-11) << "closed form, d = " << d << ", delta = " << delta;
      EXPECT_LT(apart, 1e-6) << "symbolic, d = " << d << ", delta = " << delta;
    }
  }
}

TEST(Residual, OfAFunctionOfTimeAloneIsItsRate) {  // u = log p_t + c(t): R = c'
  const FormulaPotential u(text(card_mixture(), 1) + " + sin(3*t) + t^2", 1);
  for (std::uint64_t k = 0; k < 100; ++k) {
    const double t = 0.01 + 5 * Stream(2, k, "test/t").uniform();
    EXPECT_NEAR(residual(u, forward, t, random_points(1, 1, k))[0], 3 * std::cos(3 * t) + 2 * t, 1e-6) << t;
  }
}

TEST(Residual, VanishesForTheLogDensityOfAnotherMixture) {  // check 3: consistent, but wrong
  const MixturePotential other(sde::GaussianMixture::isotropic({0.3, 0.3, 0.4}, {-1.5, 0, 1.5}, std::vector<double>{0.3, 0.3, 0.3}), forward);
  for (const double t : {0.01, 0.1, 1.0, 5.0})
    for (const double r : residual(other, forward, t, random_points(1000, 1, 3))) ASSERT_NEAR(r, 0, 1e-9) << t;
}

TEST(Residual, OfOtherRatesOfTheProcess) {  // div f, f . grad u and g^2 each with its own constant
  const OrnsteinUhlenbeck process{0.7, 1.3};
  const MixturePotential u(tilted(), process);
  for (const double t : {0.05, 0.5, 2.0})
    for (const double r : residual(u, process, t, random_points(200, 2, 4))) ASSERT_NEAR(r, 0, 1e-9) << t;
  EXPECT_GT(std::abs(residual(u, OrnsteinUhlenbeck{0.7, 1.2}, 0.5, std::vector<double>{0.3, 0.2})[0]), 0.01);
}

TEST(MixturePotential, ScoreIsThatOfTheMixtureAtThatTime) {
  for (const auto& mixture : {card_mixture(), tilted()}) {
    const MixturePotential u(mixture, forward);
    const std::size_t d = mixture.dimension();
    for (const double t : {0.0, 0.3, 4.0}) {
      const sde::GaussianMixture law = u.law(t);
      const std::vector<double> x = random_points(50, d, 5);
      std::vector<double> s(x.size()), expected(d);
      u.at(t, x, s);
      const Potential::Derivatives all = u.derivatives(t, x);
      for (std::size_t i = 0; i < 50; ++i) {
        const double log_p = law.score(std::span(x).subspan(i * d, d), expected);
        EXPECT_NEAR(all.value[i], log_p, 1e-11 * (1 + std::abs(log_p)));
        for (std::size_t j = 0; j < d; ++j) {
          EXPECT_NEAR(s[i * d + j], expected[j], 1e-11 * (1 + std::abs(expected[j])));
          EXPECT_NEAR(all.gradient[i * d + j], expected[j], 1e-11 * (1 + std::abs(expected[j])));
        }
      }
    }
  }
}

TEST(ChangedPotential, ALateClockEntersTheRate) {  // d_t u(c t, x) = c u_t, by differences
  const ChangedPotential late(std::make_shared<MixturePotential>(card_mixture(), forward), 1.3, 1.2);
  const std::vector<double> x{-1.2, 0.1, 2.2};
  const double t = 0.4, h = 1e-5;
  const auto here = late.derivatives(t, x), up = late.derivatives(t + h, x), down = late.derivatives(t - h, x);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_NEAR(here.in_time[i], (up.value[i] - down.value[i]) / (2 * h), 1e-7 * (1 + std::abs(here.in_time[i])));
  EXPECT_THROW(ChangedPotential(std::make_shared<MixturePotential>(card_mixture(), forward), 1, 0), ModelError);
}

/// A score with a rotation added.
class Turning final : public Field {
 public:
  Turning(const Field& base, double rate) : base_(base), rate_(rate) {}
  [[nodiscard]] std::size_t dimension() const override { return 2; }
  void at(double t, std::span<const double> x, std::span<double> v) const override {
    base_.at(t, x, v);
    for (std::size_t i = 0; i < x.size(); i += 2) {
      v[i] -= rate_ * x[i + 1];
      v[i + 1] += rate_ * x[i];
    }
  }

 private:
  const Field& base_;
  double rate_;
};

TEST(Curl, SeesARotationAndNoneInAGradient) {
  const MixturePotential u(tilted(), forward);
  const std::vector<double> x = random_points(100, 2, 6);
  EXPECT_LT(curl(u, 0.5, x).relative, 1e-7);
  EXPECT_NO_THROW(require_gradient(u, 0.5, x));
  const Curl seen = curl(Turning(u, 0.25), 0.5, x);
  EXPECT_NEAR(seen.largest, 2 * 0.25 * std::sqrt(2.0), 1e-6);  // J - J^T = 2 rate [[0, -1], [1, 0]]
  try {
    require_gradient(Turning(u, 0.25), 0.5, x);
    FAIL() << "a rotation passes for a gradient";
  } catch (const ModelError& e) {
    EXPECT_NE(std::string(e.what()).find("the score is no gradient: |J - J^T| is 0.707"), std::string::npos) << e.what();
    EXPECT_NE(std::string(e.what()).find("compare the laws of both samplers directly"), std::string::npos) << e.what();
  }
  EXPECT_EQ(curl(MixturePotential(card_mixture(), forward), 0.5, random_points(10, 1, 7)).largest, 0);
}

}  // namespace
}  // namespace meso::generative
