// Spherical Langevin steps: weak orders by quadrature, stationary law of a planted landscape, the law of the overlap over time.
#include "kits/learning/sphere.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "base/error.h"
#include "kits/learning/sphere_theory.h"
#include "kits/learning/tensor.h"
#include "rng/stream.h"
#include "testing/measured.h"
#include "testing/statistics.h"

namespace meso::learning {
namespace {

struct Flat {  // no landscape
  std::size_t d;
  [[nodiscard]] std::size_t dimension() const { return d; }
  double gradient(const double*, double* g) { return std::fill_n(g, d, 0.0), 0.0; }
};
struct Planted {  // E = m^k, m = theta_0
  std::size_t d, k;
  [[nodiscard]] std::size_t dimension() const { return d; }
  double gradient(const double* theta, double* g) {
    std::fill_n(g, d, 0.0);
    g[0] = static_cast<double>(k) * std::pow(theta[0], static_cast<double>(k) - 1);
    return std::pow(theta[0], static_cast<double>(k));
  }
};

/// E[cos phi] and E[harmonic 2] of one noise step of the scheme, by quadrature over the length of the tangent normal (chi with d - 1 degrees).
std::array<double, 2> one_step(std::size_t d, SphereScheme scheme, double dt) {
  Flat flat{d};
  SphereLangevin<Flat> langevin(flat, 0, scheme);
  const double n = static_cast<double>(d) - 1;
  double norm = 0, first = 0, second = 0;
  const int points = 4000;
  for (int q = 0; q < points; ++q) {
    const double r = (q + 0.5) * (std::sqrt(n) + 12) / points, w = std::exp((n - 1) * std::log(r) - 0.5 * r * r);
    std::vector<double> theta(d, 0.0), w1(d, 0.0), w2(d, 0.0);
    theta[0] = 1;
    if (scheme == SphereScheme::projected) w1[1] = std::sqrt(dt) * r;  // all of the increment at once
    else w1[1] = std::sqrt(0.5 * dt) * r;                              // one half step; the other half is independent and multiplies the eigenvalue
    langevin.step(theta.data(), dt, w1.data(), w2.data());
    norm += w;
    first += w * theta[0];
    second += w * (static_cast<double>(d) * theta[0] * theta[0] - 1) / n;
  }
  first /= norm;
  second /= norm;
  return scheme == SphereScheme::projected ? std::array{first, second} : std::array{first * first, second * second};
}

TEST(SphereLangevin, BrownianMotionHasItsWeakOrders) {
  // Harmonics of degree l decay as exp(-l (l + d - 2) t): exact for l = 1, 2 in the law of the step itself, no sampling.
  const std::size_t d = 20;
  const double t = 0.05;
  for (const auto& [scheme, order, name] : {std::tuple{SphereScheme::projected, 1.0, "projected"}, {SphereScheme::geodesic, 2.0, "geodesic"}}) {
    for (const std::size_t l : {1u, 2u}) {
      std::vector<double> h, error;
      for (const int steps : {16, 32, 64, 128}) {
        const double dt = t / steps, eigenvalue = one_step(d, scheme, dt)[l - 1];
        h.push_back(dt);
        error.push_back(std::abs(std::pow(eigenvalue, steps) - std::exp(-static_cast<double>(l) * (static_cast<double>(l + d) - 2) * t)));
      }
      EXPECT_TRUE(OrderIs(h, error, order, 0.15)) << name << ", harmonic " << l;
      const double slope = std::log2(error[0] / error[3]) / 3;
      measured("langevin-averaging", std::string("weak order of scheme ") + name + ", harmonic " + std::to_string(l) + " of Brownian motion", slope, 0.15, order, "theory: sphere.h");
    }
  }
}

TEST(SphereLangevin, DriftHasOrderTwo) {
  // dm/dt = beta k m^{k-1} (1 - m^2), k = 2: logit(m^2) moves at 4 beta.
  Planted planted{5, 2};
  std::vector<double> h, error;
  for (const int steps : {20, 40, 80, 160}) {
    SphereLangevin<Planted> langevin(planted, 1.5, SphereScheme::geodesic);
    std::vector<double> theta{0.3, std::sqrt(1 - 0.09), 0, 0, 0};
    for (int s = 0; s < steps; ++s) langevin.drift(theta.data(), 0.5 / steps);
    const double odds = 0.09 / 0.91 * std::exp(4 * 1.5 * 0.5);
    h.push_back(0.5 / steps);
    error.push_back(std::abs(theta[0] - std::sqrt(odds / (1 + odds))));
  }
  EXPECT_TRUE(OrderIs(h, error, 2.0, 0.1));
}

TEST(PlantedOverlap, HasTheUniformStartAndItsHarmonicsDecay) {
  for (const std::size_t d : {3u, 10u, 30u}) {
    PlantedOverlap law(3, d, 0.0, 800);
    EXPECT_NEAR(law.expectation([](double m) { return m * m; }), 1.0 / static_cast<double>(d), 3e-5);
    EXPECT_NEAR(law.expectation([](double m) { return std::abs(m); }), uniform_overlap(d), 1e-4);
  }
  // Without landscape from a non-uniform start: the first harmonic of the law with beta decays at d - 1 when beta is taken away is the chain's gap; here by
  // time reversal the other way round: <m>(t) of the planted law against small-beta response beta E_0[m m^k] (1 - exp(-(d-1) t)).
  const std::size_t d = 8;
  const double beta = 1e-4, response = beta * 3.0 / (8 * 10);
  std::vector<double> h, error;
  for (const std::size_t cells : {100, 200, 400}) {
    PlantedOverlap law(3, d, beta, cells);
    law.advance(0.1);
    h.push_back(1.0 / static_cast<double>(cells));
    // m^3 = (m^3 - 3m/(d+2)) + 3m/(d+2): only the first harmonic reaches <m>, and it relaxes at d - 1.
    error.push_back(std::abs(law.expectation([](double m) { return m; }) / (response * (1 - std::exp(-7 * 0.1))) - 1));
  }
  EXPECT_TRUE(OrderIs(h, error, 2.0, 0.3));
  EXPECT_LE(error.back(), 1e-3);
}

TEST(PlantedOverlap, StationaryLawIsGibbsAndIsReached) {
  const double exact = planted_average(3, 10, 20, [](double m) { return m; });
  EXPECT_NEAR(exact, 0.90618, 5e-6);  // card, by quadrature
  std::vector<double> h, error;
  for (const std::size_t cells : {100, 200, 400, 800}) {
    PlantedOverlap law(3, 10, 20, cells);
    law.make_stationary();
    h.push_back(1.0 / static_cast<double>(cells));
    double worst = 0;
    for (const double x : {0.7, 0.85, 0.9, 0.95}) worst = std::max(worst, std::abs(law.cdf(x) - planted_cdf(3, 10, 20, x)));
    error.push_back(worst);
  }
  EXPECT_LE(error.back(), 1e-4);
  EXPECT_LT(error.back(), 0.1 * error.front());
  PlantedOverlap law(3, 10, 20, 400);
  law.advance(30);
  EXPECT_NEAR(law.expectation([](double m) { return m; }), exact, 1e-4);
  double total = 0, lowest = 0;
  for (const double p : law.p()) total += p, lowest = std::min(lowest, p);
  EXPECT_NEAR(total, 1, 1e-12);
  EXPECT_LE(law.error(), 1e-8);  // what the steps in time and rounding did to the mass, before it is restored
  EXPECT_GE(lowest, -1e-12);
  EXPECT_THROW(PlantedOverlap(3, 2, 1.0), ParameterError);
}

TEST(SphereTheory, LawsOfTheCard) {
  // k = 3: [1 + d(d+2)/(3n)]^{-1/2}, n_50 = d(d+2)/9; k = 4: n_c = d(d+4)/12, the card's d^2/12 up to 1/d.
  EXPECT_NEAR(average_overlap_law(3, 20, 400), 0.855, 5e-4);
  EXPECT_NEAR(average_overlap_law(3, 20, 100), 0.637, 1e-3);
  EXPECT_NEAR(average_overlap_law(3, 30, 300), 0.696, 1e-3);
  EXPECT_NEAR(average_overlap_law(3, 30, 2700), 0.946, 1e-3);
  EXPECT_NEAR(samples_for_overlap(3, 20, 0.5), 440.0 / 9, 1e-9);
  EXPECT_NEAR(spectral_samples(4, 20), 20.0 * 24 / 12, 1e-9);
  EXPECT_NEAR(spectral_samples(2, 20), 10, 1e-9);  // Baik-Ben Arous-Péché for a symmetrised matrix
  EXPECT_NEAR(average_overlap_law(4, 16, samples_for_overlap(4, 16, 0.5)), 0.5, 1e-12);
  EXPECT_EQ(average_overlap_law(4, 16, 20), 0);
  // The exact mean tends to the law as d grows at fixed n / (d (d + 2)), with an error of order 1/d.
  std::vector<double> inverse, error;
  for (const std::size_t d : {20u, 40u, 80u, 160u}) {
    const double n = static_cast<double>(d * (d + 2)) / 3;
    inverse.push_back(1.0 / static_cast<double>(d));
    error.push_back(std::abs(odd_average_overlap(3, d, n) - average_overlap_law(3, d, n)));
  }
  EXPECT_TRUE(OrderIs(inverse, error, 1.0, 0.1));
  EXPECT_NEAR(uniform_overlap(20), std::sqrt(2 / (std::numbers::pi * 20)), 0.003);
}

}  // namespace
}  // namespace meso::learning
