// Averages of gains over Gaussian fields against closed forms, and the single-precision gains against the library's.
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <string>
#include <tuple>
#include <vector>

#include "base/error.h"
#include "kits/neuron/gain.h"

namespace meso::neuron {
namespace {

TEST(GaussianAverages, AreThoseOfTheClosedForms) {
  for (const double v : {0.1, 1.0, 7.0}) {
    // sin: <sin sin'> = e^{-v} sinh(c); linear: c; erf(sqrt(pi)/2 x): (2/pi) asin(k c/(1 + k v)) with k = pi/2 (Williams 1998).
    const GaussianAverages sine(Gain("sine"), v), line(Gain("linear"), v), erf(Gain("erf"), v);
    for (const double r : {-1.0, -0.5, 0.0, 0.3, 0.9, 1.0}) {
      const double c = r * v, k = std::numbers::pi / 2;
      EXPECT_NEAR(sine.covariance(c), std::exp(-v) * std::sinh(c), 1e-12);
      EXPECT_NEAR(sine.covariance_slope(c), std::exp(-v) * std::cosh(c), 1e-11);
      EXPECT_NEAR(sine.integral(c), std::exp(-v) * (std::cosh(c) - 1), 1e-12);
      EXPECT_NEAR(line.covariance(c), c, 1e-12);
      EXPECT_NEAR(line.integral(c), 0.5 * c * c, 1e-11);
      EXPECT_NEAR(erf.covariance(c), 2 / std::numbers::pi * std::asin(k * c / (1 + k * v)), 1e-10) << "v " << v << ", r " << r;
    }
    EXPECT_NEAR(sine.slope(), std::exp(-v / 2), 1e-13);
    EXPECT_NEAR(line.slope(), 1, 1e-13);
    EXPECT_NEAR(erf.slope(), 1 / std::sqrt(1 + v * std::numbers::pi / 2), 1e-13);
    EXPECT_EQ(sine.missing(), 0);
  }
}

TEST(GaussianAverages, OfAKinkAreRightToWhatIsMissing) {
  // threshold-linear: arc-cosine kernel of degree one (Cho and Saul 2009): v/(2 pi) (sqrt(1-r^2) + r (pi - acos r)).
  const double v = 2;
  const GaussianAverages relu(Gain("threshold-linear"), v);
  EXPECT_NEAR(relu.mean(), std::sqrt(v / (2 * std::numbers::pi)), 1e-3);
  EXPECT_GT(relu.missing(), 0);
  EXPECT_LT(relu.missing(), 1e-3);
  for (const double r : {-0.9, -0.2, 0.0, 0.5, 0.99, 1.0}) {
    const double exact = v / (2 * std::numbers::pi) * (std::sqrt(1 - r * r) + r * (std::numbers::pi - std::acos(r)));
    EXPECT_NEAR(relu.covariance(r * v), exact, relu.missing() + 2e-4) << r;
  }
}

TEST(GaussianAverages, AgreeWithAQuadratureInTwoDimensionsForSteepGains) {
  const Gain gain;
  const double v = 16.964, s = std::sqrt(v);
  const GaussianAverages averages(gain, v);
  for (const double r : {0.2, 0.7, 0.98}) {
    double sum = 0;
    const int n = 800;
    const double h = 16.0 / n;
    for (int i = 0; i <= n; ++i)
      for (int j = 0; j <= n; ++j) {
        const double y = -8 + h * i, z = -8 + h * j;
        sum += h * h / (2 * std::numbers::pi) * std::exp(-0.5 * (y * y + z * z)) * gain(s * y) * gain(s * (r * y + std::sqrt(1 - r * r) * z));
      }
    EXPECT_NEAR(averages.covariance(r * v), sum, 1e-8) << r;
  }
  EXPECT_LT(averages.missing(), 1e-7);
}

TEST(GaussianAverages, SlopesAreDerivatives) {
  const GaussianAverages a(Gain("tanh"), 2.0);
  const double c = 1.3, h = 1e-5;
  EXPECT_NEAR((a.covariance(c + h) - a.covariance(c - h)) / (2 * h), a.covariance_slope(c), 1e-9);
  EXPECT_NEAR((a.integral(c + h) - a.integral(c - h)) / (2 * h), a.covariance(c), 1e-9);
}

TEST(Gain, InSinglePrecisionIsThatOfTheLibrary) {
  std::vector<float> x, y;
  for (int k = -4000; k <= 4000; ++k) x.push_back(0.004f * static_cast<float>(k));
  for (const float tiny : {0.0f, 1e-30f, -1e-10f, 1e-5f, 1e-3f, 50.0f, -1e20f}) x.push_back(tiny);
  y.resize(x.size());
  for (const std::string& name : Gain::names()) {
    const Gain gain(name);
    gain.apply(x, y);
    for (std::size_t i = 0; i < x.size(); ++i) {
      if (name == "sine" && std::abs(x[i]) > 100) continue;
      const double exact = gain(static_cast<double>(x[i]));
      ASSERT_NEAR(y[i], exact, 4e-7 * std::abs(exact)) << name << "(" << x[i] << ")";
    }
  }
}

TEST(Gain, AFormulaIsTheNamedGain) {
  for (const auto& [name, formula] : std::vector<std::pair<std::string, std::string>>{{"tanh", "tanh(x)"}, {"clipped", "max(-1, min(1, x))"}, {"sine", "sin(x)"}}) {
    const Gain a(name), b(formula);
    EXPECT_EQ(a.is_odd(), b.is_odd()) << name;
    for (const double x : {-2.3, -0.4, 0.0, 0.9, 5.0}) {
      EXPECT_NEAR(a(x), b(x), 1e-15);
      EXPECT_NEAR(a.slope(x), b.slope(x), 1e-15);
    }
  }
  EXPECT_FALSE(Gain("threshold-linear").is_odd());
  EXPECT_FALSE(Gain("x + 0.1").is_odd());
  EXPECT_TRUE(Gain("tanh").is_bounded());
  EXPECT_FALSE(Gain("linear").is_bounded());
}

TEST(Gain, WrongOnesAreRefused) {
  for (const auto& [text, expected] : std::vector<std::pair<std::string, std::string>>{
           {"tanhh", "Did you mean 'tanh'?"}, {"y + 1", "has the variable 'y'"}, {"tanh(", "does not read as a formula"}, {"", "is empty"}, {"1/x", "not finite at x = 0"}}) {
    try {
      (void)Gain(text);
      ADD_FAILURE() << text << " is accepted";
    } catch (const ModelError& error) {
      EXPECT_NE(std::string(error.what()).find(expected), std::string::npos) << error.what();
    }
  }
}

}  // namespace
}  // namespace meso::neuron
