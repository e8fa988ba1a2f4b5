// Thresholds, optimal bandwidth, exact moments, shares of the limit law; the law of the distance against closed forms.
#include "kits/learning/random_energy.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "base/error.h"
#include "kits/learning/distance_law.h"
#include "rng/stream.h"
#include "stat/quantile.h"

namespace meso::learning {
namespace {

constexpr double pi = std::numbers::pi;

RandomEnergy typical(double alpha, std::vector<double> spectrum = {}) { return {distance_groups(20, spectrum), alpha}; }

TEST(RandomEnergy, Thresholds) {  // check 1 of kde-high-dim
  struct Case {
    double alpha, lambda, glass, clt;
  };
  for (const Case& c : {Case{0.1, 0.53218, 1.37078, 1.93858}, {0.5, 2.35132, 0.65215, 0.92227}, {1.0, 7.22214, 0.37211, 0.52624}}) {
    const RandomEnergy r = typical(c.alpha);
    EXPECT_NEAR(r.lambda_c(), c.lambda, 1e-4 * c.lambda);
    EXPECT_NEAR(r.h_glass(), c.glass, 1e-4 * c.glass);
    EXPECT_NEAR(r.h_clt(), c.clt, 1e-4 * c.clt);
    EXPECT_NEAR(r.rate(r.lambda_c()), c.alpha, 1e-13 * c.alpha);
    EXPECT_NEAR(0.5 * (std::log1p(r.lambda_c()) - r.lambda_c() / std::pow(1 + r.lambda_c(), 2)), c.alpha, 1e-12);
  }
  const RandomEnergy mixed = typical(0.5, {1, 4});
  EXPECT_NEAR(mixed.lambda_c(), 1.07882, 1e-4);
  EXPECT_NEAR(mixed.h_glass(), 0.96278, 1e-4);
  EXPECT_NEAR(typical(1e-7).rate(typical(1e-7).lambda_c()), 1e-7, 1e-18);  // no cancellation where lambda is small
}

TEST(RandomEnergy, ScalesWithTheData) {  // y -> s y, h -> s h changes nothing but the density's unit
  const RandomEnergy one = typical(0.7), scaled = typical(0.7, {9});
  EXPECT_NEAR(scaled.h_glass(), 3 * one.h_glass(), 1e-12);
  EXPECT_NEAR(scaled.divergence(1.5), one.divergence(0.5), 1e-12);
  EXPECT_NEAR(scaled.ln_density(1.5), one.ln_density(0.5) - std::log(3.0), 1e-12);
}

TEST(RandomEnergy, RateIsTheLegendreTransform) {
  const RandomEnergy r({{0.5, 3, 1.0}, {2.0, 5, 9.0}}, 0.4);  // neither isotropic nor typical
  for (const double lambda : {0.01, 0.3, 2.0, 40.0}) {
    const double step = 1e-5 * lambda, slope = (r.phi(lambda + step) - r.phi(lambda - step)) / (2 * step);
    EXPECT_NEAR(r.energy(lambda), -slope, 1e-8 * r.energy(lambda));
    EXPECT_NEAR(r.rate(lambda), -lambda * r.energy(lambda) - r.phi(lambda), 1e-12);
  }
}

TEST(RandomEnergy, OptimalBandwidthIsCondensed) {  // check 2, the headline
  const RandomEnergy r = typical(0.5), low = typical(0.1);
  EXPECT_NEAR(r.h_optimal(), 0.62244, 1e-4);
  EXPECT_NEAR(r.least_divergence(), 0.02589, 1e-4);
  EXPECT_NEAR(r.divergence(r.h_glass()), 0.02799, 1e-4);
  EXPECT_NEAR(r.divergence(r.h_clt()), 0.07794, 1e-4);
  EXPECT_NEAR(low.h_optimal(), 1.03857, 1e-4);
  EXPECT_NEAR(low.least_divergence(), 0.13785, 1e-4);
  EXPECT_NEAR(low.mu(low.h_optimal()), 0.574, 5e-4);
  EXPECT_NEAR(r.mu(r.h_optimal()), 0.911, 5e-4);
  EXPECT_NEAR(typical(1.0).mu(typical(1.0).h_optimal()), 0.985, 5e-4);
  for (const std::vector<double>& spectrum : {std::vector<double>{}, {1, 4}, {0.1, 1, 10, 100}})
    for (double alpha = 0.05; alpha <= 3.001; alpha += 0.05) {
      const RandomEnergy one(distance_groups(20, spectrum), alpha);
      const double h = one.h_optimal();
      EXPECT_LT(one.mu(h), 1) << alpha;
      for (const double factor : {0.8, 0.95, 0.999, 1.001, 1.05, 1.3, 3.0}) EXPECT_LT(one.divergence(h), one.divergence(factor * h)) << alpha << " " << factor;
      EXPECT_NEAR(one.divergence(one.h_glass() * (1 - 1e-9)), one.divergence(one.h_glass() * (1 + 1e-9)), 1e-7);
    }
  EXPECT_NEAR(r.least_divergence(), 0.5 * std::log(2 * r.nearest()) + 0.5, 1e-13);
}

TEST(RandomEnergy, MomentsAreExact) {
  // d = 1 by quadrature; and the closed form of the card for |x|^2 = r d, C = I.
  const std::vector<DistanceGroup> line{{1.7, 1, 0.9}};
  const double x = std::sqrt(1.7 * 0.9), lambda = 0.8;
  double sum = 0;
  for (int i = -4000; i < 4000; ++i) {
    const double y = i * 0.005;
    sum += 0.005 * std::exp(-y * y / 3.4 - lambda * (x - y) * (x - y) / 2) / std::sqrt(2 * pi * 1.7);
  }
  EXPECT_NEAR(ln_mean_weight(line, lambda), std::log(sum), 1e-12);
  EXPECT_NEAR(std::exp(ln_mean_density(line, 1 / std::sqrt(lambda))), std::exp(-x * x / (2 * (1.7 + 1 / lambda))) / std::sqrt(2 * pi * (1.7 + 1 / lambda)), 1e-14);
  EXPECT_NEAR(ln_mean_weight(distance_groups(7, {}, 0.6), 1.3), -3.5 * std::log(2.3) - 1.3 * 0.6 * 7 / (2 * 2.3), 1e-13);
  // Check 3: relative variance at n = 1000.
  EXPECT_NEAR(relative_variance(distance_groups(5, {}), 1, 1000), 3.7234e-3, 5e-8);
  EXPECT_NEAR(relative_variance(distance_groups(10, {}), 1.5, 1000), 2.3915e-3, 5e-8);
}

TEST(RandomEnergy, RefusesWhatIsNoCovariance) {
  const auto said = [](const auto& f) {
    try {
      f();
    } catch (const ParameterError& error) {
      return std::string(error.what());
    }
    return std::string("accepted");
  };
  EXPECT_NE(said([] { (void)distance_groups(4, std::vector<double>{1, -0.5}); }).find("the covariance is not positive definite: eigenvalue -0.5"), std::string::npos);
  EXPECT_NE(said([] { (void)distance_groups(5, std::vector<double>{1, 4}); }).find("a spectrum of 2 eigenvalues does not fill d = 5 dimensions"), std::string::npos);
  EXPECT_NE(said([] { (void)distance_groups(4, {}, std::vector<double>{1, 2, 3}); }).find("the query has 3 components, the data have d = 4 dimensions"), std::string::npos);
  EXPECT_NE(said([] { (void)RandomEnergy(distance_groups(4, {}), 0); }).find("alpha = (ln n)/d is 0; it must be above 0"), std::string::npos);
}

TEST(PoissonDirichlet, SharesAddUpAndMatchDraws) {
  for (const double mu : {0.1, 0.5, 0.9}) {
    double sum = 0;
    for (std::size_t j = 1; j <= 10; ++j) sum += poisson_dirichlet_mean(mu, j);
    EXPECT_NEAR(poisson_dirichlet_share(mu, 10), sum, 1e-10) << mu;
    EXPECT_NEAR(poisson_dirichlet_share(mu, 1), poisson_dirichlet_mean(mu, 1), 1e-12);
    EXPECT_GT(poisson_dirichlet_mean(mu, 1), 1 - mu);  // the largest is at least sum V^2
    EXPECT_LE(sum, 1);
  }
  EXPECT_NEAR(poisson_dirichlet_share(0.3, 1000000), 1, 1e-5);
  EXPECT_EQ(poisson_dirichlet_share(1.2, 3), 0);
  // Points of a Poisson process of intensity mu w^{-1-mu}: w_j = Gamma_j^{-1/mu}. mu = 0.4: the points beyond 2000 carry less than 1e-5.
  FastStream random = Stream(5, 0, "test/poisson-dirichlet").fast();
  double first = 0, first_square = 0, second = 0, second_square = 0;
  constexpr int draws = 4000;
  for (int i = 0; i < draws; ++i) {
    double arrival = 0, total = 0, largest = 0, next = 0;
    for (int j = 0; j < 2000; ++j) {
      arrival += random.exponential();
      const double w = std::pow(arrival, -2.5);
      total += w;
      if (j == 0) largest = w;
      if (j == 1) next = w;
    }
    first += largest / total / draws, first_square += largest / total * (largest / total) / draws;
    second += next / total / draws, second_square += next / total * (next / total) / draws;
  }
  const double z = 6.5;
  EXPECT_NEAR(first, poisson_dirichlet_mean(0.4, 1), z * std::sqrt((first_square - first * first) / draws));
  EXPECT_NEAR(second, poisson_dirichlet_mean(0.4, 2), z * std::sqrt((second_square - second * second) / draws));
}

double normal_below(double x) { return 0.5 * std::erfc(-x / std::numbers::sqrt2); }

TEST(DistanceLaw, OneDimension) {  // (x - y)^2, y ~ N(0, kappa)
  const double kappa = 2.5, delta = 1.3, x = std::sqrt(delta);
  const DistanceLaw law({{kappa, 1, delta}});
  for (const double u : {1e-8, 0.01, 0.5, 3.0, 20.0, 90.0}) {
    const double r = std::sqrt(u / kappa);
    const double density = (std::exp(-0.5 * (r - x) * (r - x)) + std::exp(-0.5 * (r + x) * (r + x))) / std::sqrt(2 * pi) / (2 * std::sqrt(u * kappa));
    EXPECT_NEAR(law.ln_density(u), std::log(density), 1e-11) << u;
    if (u >= 0.01) { EXPECT_NEAR(law.ln_below(u), std::log(normal_below(x + r) - normal_below(x - r)), 1e-11) << u; }
    EXPECT_NEAR(law.ln_above(u), std::log(normal_below(x - r) + normal_below(-x - r)), 1e-11) << u;
  }
}

TEST(DistanceLaw, ThreeDimensions) {  // f = e^{-(u+delta)/2} sinh(sqrt(delta u)) / sqrt(2 pi delta)
  const double delta = 4;
  const DistanceLaw law({{1, 3, delta}});
  for (const double u : {1e-6, 0.1, 1.0, 7.0, 40.0, 400.0}) {
    const double z = std::sqrt(delta * u), sinh = z > 20 ? z - std::log(2.0) : std::log(std::sinh(z));
    EXPECT_NEAR(law.ln_density(u), -0.5 * (u + delta) + sinh - 0.5 * std::log(2 * pi * delta), 2e-12 * std::max(1.0, u)) << u;
  }
}

TEST(DistanceLaw, CentralIsAGammaLawFarIntoBothTails) {
  for (const std::size_t d : {2, 20, 200}) {
    const DistanceLaw law({{3, d, 0}});
    const double half = 0.5 * static_cast<double>(d);
    for (const double factor : {1e-3, 0.2, 0.9, 1.0, 1.1, 3.0}) {
      const double u = 3 * static_cast<double>(d) * factor, z = u / 6;
      EXPECT_NEAR(law.ln_density(u), (half - 1) * std::log(z) - z - std::lgamma(half) - std::log(6.0), 1e-11 * std::max(1.0, std::abs(law.ln_density(u)))) << d << " " << u;
      if (gamma_below(half, z) > 1e-290) { EXPECT_NEAR(law.ln_below(u), std::log(gamma_below(half, z)), 1e-11 * std::max(1.0, half)) << d << " " << u; }
      if (gamma_above(half, z) > 1e-290) { EXPECT_NEAR(law.ln_above(u), std::log(gamma_above(half, z)), 1e-11 * std::max(1.0, half)) << d << " " << u; }
    }
  }
}

TEST(DistanceLaw, MixedSpectrumIsConsistent) {
  const DistanceLaw law({{1, 3, 2.0}, {4, 2, 1.0}});
  for (const double u : {0.3, 5.0, 16.0, 60.0}) {
    const double below = std::exp(law.ln_below(u)), above = std::exp(law.ln_above(u)), step = 1e-4 * u;
    EXPECT_NEAR(below + above, 1, 1e-12) << u;
    EXPECT_NEAR((std::exp(law.ln_below(u + step)) - std::exp(law.ln_below(u - step))) / (2 * step), std::exp(law.ln_density(u)), 1e-7 * std::exp(law.ln_density(u))) << u;
  }
  // Convolution of the parts: chi^2_3(2) with 4 chi^2_2(1), at one point.
  const DistanceLaw a({{1, 3, 2.0}}), b({{4, 2, 1.0}});
  double sum = 0;
  constexpr int n = 4000;
  for (int i = 1; i < n; ++i) {
    const double x = static_cast<double>(i) / n, rest = 1 - x;  // u and 10 - u leave their ends as x^3: the trapezoidal rule sees a smooth function
    const double u = 10 * x * x * x * (10 - x * (15 - 6 * x)), other = 10 * rest * rest * rest * (10 - rest * (15 - 6 * rest));
    sum += 300 * x * x * rest * rest / n * std::exp(a.ln_density(u) + b.ln_density(other));
  }
  EXPECT_NEAR(law.ln_density(10), std::log(sum), 1e-10);
  for (const double ln_p : {-200.0, -10.0, -1.0, -0.01}) EXPECT_NEAR(law.ln_below(law.quantile(ln_p)), ln_p, 1e-10 * std::abs(ln_p)) << ln_p;
  for (const double ln_p : {-50.0, -1.0, -0.1}) EXPECT_NEAR(law.ln_above(law.upper_quantile(ln_p)), ln_p, 1e-9 * std::max(1.0, std::abs(ln_p))) << ln_p;
}

}  // namespace
}  // namespace meso::learning
