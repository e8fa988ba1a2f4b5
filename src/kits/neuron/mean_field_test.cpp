// Dynamical mean-field theory against closed forms, limits and the reference values of the problem.
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <string>
#include <vector>

#include "base/error.h"
#include "kits/neuron/mean_field.h"
#include "testing/statistics.h"

namespace meso::neuron {
namespace {

constexpr Clock steps = Clock::discrete, flow = Clock::continuous;

TEST(MeanField, OfChaoticNetworksHasTheReferenceValues) {
  struct Row {
    double g, delta, c, a, width;
  };
  // Independent quadrature: trapezoid in two dimensions, 401^2 nodes, and splines.
  for (const Row& row : {Row{1.5, 0.74769, 0.34209, 0.65791, 7.846}, Row{2, 1.92481, 0.51318, 0.48682, 5.361}, Row{3, 5.44633, 0.68058, 0.31942, 4.084}, Row{5, 16.964, 0.81075, 0.18925, 3.455}}) {
    const MeanField m = solve_mean_field({.g = row.g});
    EXPECT_TRUE(m.active);
    EXPECT_NEAR(m.x_variance, row.delta, row.g == 5 ? 1e-3 : 1e-4) << row.g;
    EXPECT_NEAR(m.phi_variance, row.c, 1e-4) << row.g;
    EXPECT_NEAR(m.slope, row.a, 1e-4) << row.g;
    EXPECT_NEAR(m.half_width, row.width, 1e-2) << row.g;
    EXPECT_LT(m.error, 1e-6);
    // tanh: <phi^2> + <phi'> = 1.
    EXPECT_NEAR(m.phi_variance + m.slope, 1, 1e-10);
  }
}

TEST(MeanField, EnsembleParticipationHasTheReferenceValues) {
  for (const auto& [g, value, windows] : std::vector<std::array<double, 3>>{{2, 0.0197, 0.00271}, {3, 0.0447, 0.00668}, {5, 0.0741, 0.01095}, {10, 0.1007, 0.01395}}) {
    const MeanField m = solve_mean_field({.g = g});
    const MeanField::Participation p = m.participation();
    EXPECT_NEAR(p.value, value, 0.02 * value) << g;
    EXPECT_LT(p.error, 1e-4 * value) << g;
    EXPECT_NEAR(m.long_window_participation(), windows, 0.02 * windows) << g;
  }
}

TEST(MeanField, InDiscreteTimeHasTheReferenceValues) {
  for (const auto& [g, sigma, delta, c, a, pr] : std::vector<std::array<double, 6>>{{2, 0, 2.12147, 0.53037, 0.46963, 0.22170}, {1.5, 1, 2.20930, 0.53747, 0.46253, 0.76830}}) {
    const MeanField m = solve_mean_field({.clock = steps, .g = g, .sigma = sigma});
    EXPECT_NEAR(m.x_variance, delta, 1e-4);
    EXPECT_NEAR(m.phi_variance, c, 1e-4);
    EXPECT_NEAR(m.slope, a, 1e-4);
    EXPECT_NEAR(m.participation().value, pr, 1e-4);
    EXPECT_NEAR(m.residual_variance(), c - a * a * delta, 1e-4);
  }
}

TEST(MeanField, OfLinearNetworksIsExact) {
  const MeanField map = solve_mean_field({.gain = Gain("linear"), .clock = steps, .g = 0.5, .sigma = 1});
  EXPECT_NEAR(map.phi_variance, 4.0 / 3, 1e-12);
  EXPECT_NEAR(map.phi_variance * map.gap(), 1, 1e-12);
  // Continuous: Delta(w) (1 + w^2 - g^2) = 2 sigma^2, so Delta(tau) = sigma^2 e^{-k tau}/k with k^2 = 1 - g^2; the drive is the filtered noise.
  const double g = 0.6, sigma = 0.7, k = std::sqrt(1 - g * g);
  const MeanField m = solve_mean_field({.gain = Gain("linear"), .clock = flow, .g = g, .sigma = sigma});
  EXPECT_NEAR(m.x_variance, sigma * sigma / k, 1e-12);
  for (const double tau : {0.0, 0.02, 0.5, 1.234, 7.0}) {
    EXPECT_NEAR(m.x_at(tau), sigma * sigma / k * std::exp(-k * tau), 1e-8) << tau;
  }
  for (std::size_t i = 0; i < m.drive_autocovariance.size(); i += 50) EXPECT_NEAR(m.drive_autocovariance[i], sigma * sigma * std::exp(-m.step * static_cast<double>(i)), 1e-8);
  for (const double w : {0.0, 0.3, 2.0, 30.0, 100.0}) EXPECT_NEAR(m.spectrum(w), 2 * sigma * sigma / (w * w + k * k), 1e-6) << w;
  EXPECT_NEAR(m.half_width, std::log(2) / k, 1e-7);
  EXPECT_NEAR(m.residual_variance(), 0, 1e-12);
}

TEST(MeanField, WithAnErrorFunctionIsAnArcSine) {
  // Discrete: Delta = g^2 (2/pi) asin(k Delta/(1 + k Delta)) + sigma^2, k = pi/2.
  const double g = 1.7, sigma = 0.4, k = std::numbers::pi / 2;
  const MeanField m = solve_mean_field({.gain = Gain("erf"), .clock = steps, .g = g, .sigma = sigma});
  EXPECT_NEAR(m.x_variance, g * g / k * std::asin(k * m.x_variance / (1 + k * m.x_variance)) + sigma * sigma, 1e-11);
}

TEST(MeanField, ObeysItsEquation) {
  // (1 - d^2/dtau^2) Delta = g^2 C_phi by central differences, and its slope at 0 is -sigma^2.
  for (const double sigma : {0.0, 0.5, 1.0}) {
    const MeanField m = solve_mean_field({.clock = flow, .g = 2, .sigma = sigma});
    const auto& d = m.x_autocovariance;
    for (std::size_t k = 1; k + 1 < d.size(); k += 37) {
      const double second = (d[k + 1] - 2 * d[k] + d[k - 1]) / (m.step * m.step);
      EXPECT_NEAR(d[k] - second, 4 * m.phi_autocovariance[k], 2e-3 * m.step * m.x_variance + 1e-6) << sigma << " at " << k;
    }
    EXPECT_NEAR((-11 * d[0] + 18 * d[1] - 9 * d[2] + 2 * d[3]) / (6 * m.step), -sigma * sigma, 1e-4);
    for (double w = 0; w < 12; w += 0.25) EXPECT_GT(m.drive_spectrum(w), -1e-8) << w;
    // Sum rules: spectra integrate to variances.
    double phi = 0;
    for (double w = 0.005; w < 40; w += 0.01) phi += 2 * 0.01 * m.spectrum(w) / (2 * std::numbers::pi);
    phi += 2 * m.kink / (std::numbers::pi * 40);  // tail of 2 kink/w^2
    EXPECT_NEAR(phi, m.phi_variance, 2e-4) << sigma;
  }
}

TEST(MeanField, BelowTheTransitionIsTheTrivialBranch) {
  for (const double g : {0.0, 0.8, 1.0}) {
    const MeanField m = solve_mean_field({.g = g});
    EXPECT_FALSE(m.active);
    EXPECT_EQ(m.x_variance, 0);
    EXPECT_EQ(m.phi_variance, 0);
    EXPECT_EQ(m.slope, 1);
    EXPECT_EQ(m.participation().value, 0);
  }
  // Just above: Delta_0 = (g - 1) + O((g-1)^2) (Sompolinsky, Crisanti, Sommers 1988: Delta of order the distance).
  const double epsilon = 0.02;
  const MeanField m = solve_mean_field({.g = 1 + epsilon});
  EXPECT_NEAR(m.x_variance / epsilon, 1, 0.1);
}

TEST(MeanField, OfNoCouplingIsAnOrnsteinUhlenbeckProcess) {
  const MeanField m = solve_mean_field({.clock = flow, .g = 0, .sigma = 1.5});
  EXPECT_NEAR(m.x_variance, 2.25, 1e-10);
  EXPECT_NEAR(m.x_at(1), 2.25 * std::exp(-1.0), 1e-7);
  EXPECT_NEAR(m.participation().value, 1, 1e-4);
}

TEST(MeanField, VariancePathsGoToTheFixedPoint) {
  const RateModel model{.clock = steps, .g = 2, .sigma = 0.3};
  const std::vector<double> path = variance_path(model, 1, 60);
  EXPECT_NEAR(path.back(), solve_mean_field(model).x_variance, 1e-9);
  const std::vector<double> quiet = variance_path({.clock = steps, .g = 0.5}, 1, 60);
  EXPECT_LT(quiet.back(), 1e-30);
}

TEST(Transients, OfLinearNetworksAreExact) {
  // x(t) = e^{-t} e^{Jt} x(0): Delta(t, t) = v e^{-2t} I_0(2 g t), and white drive adds 2 sigma^2 times the integral of e^{-2u} I_0(2 g u).
  const double g = 0.8, v = 1.5, sigma = 0.6, end = 2;
  const auto bessel = [](double z) {
    double sum = 1, term = 1;
    for (int k = 1; k < 60; ++k) sum += term *= z * z / 4 / (k * k);
    return sum;
  };
  double driven = 0;
  const int nodes = 4000;  // midpoint rule
  for (int k = 0; k < nodes; ++k) {
    const double u = end * (k + 0.5) / nodes;
    driven += end / nodes * std::exp(-2 * u) * bessel(2 * g * u);
  }
  const double exact = v * std::exp(-2 * end) * bessel(2 * g * end) + 2 * sigma * sigma * driven;
  std::vector<double> step, error;
  for (const std::size_t steps : {10u, 20u, 40u}) {
    const Transient t = transient({.gain = Gain("linear"), .g = g, .sigma = sigma}, v, end / static_cast<double>(steps), steps);
    step.push_back(t.step);
    error.push_back(std::abs(t.x_variance.back() - exact));
  }
  EXPECT_TRUE(OrderIs(step, error, 2, 0.1));
  EXPECT_LT(error.back(), 1e-3);
}

TEST(Transients, GoToTheStationaryState) {
  // Chaos at g = 2 relaxes with a time of about 9: at t = 60 it lacks 2e-4, as much as the step of 1/2 adds; white drive needs half that step.
  for (const double sigma : {0.0, 0.8}) {
    const RateModel model{.g = 2, .sigma = sigma};
    const Transient t = transient(model, 1, sigma > 0 ? 0.25 : 0.5, 120);
    const MeanField m = solve_mean_field(model);
    EXPECT_NEAR(t.x_variance.back(), m.x_variance, 1e-3 * m.x_variance) << sigma;
    EXPECT_NEAR(t.phi_variance.back(), m.phi_variance, 1e-3 * m.phi_variance) << sigma;
  }
}

TEST(MeanField, IsRefusedWhereThereIsNone) {
  const auto said = [](const RateModel& model) -> std::string {
    try {
      (void)solve_mean_field(model);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_NE(said({.gain = Gain("threshold-linear")}).find("is not odd"), std::string::npos);
  EXPECT_NE(said({.gain = Gain("linear"), .clock = flow, .g = 1.2, .sigma = 1}).find("grows without bound"), std::string::npos);
  EXPECT_NE(said({.gain = Gain("linear"), .clock = steps, .g = 1.0, .sigma = 0.1}).find("grows without bound"), std::string::npos);
  EXPECT_NE(said({.g = -1}).find("at least 0"), std::string::npos);
  EXPECT_NE(said({.sigma = -1}).find("at least 0"), std::string::npos);
}

}  // namespace
}  // namespace meso::neuron
