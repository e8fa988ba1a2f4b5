// Coupling matrices, products, and the linear equivalent: exact in the linear limit, equal to sums over frequencies, refused where it must be.
#include <gtest/gtest.h>

#include <cmath>
#include <complex>
#include <cstring>
#include <numbers>
#include <string>
#include <vector>

#include "base/error.h"
#include "kits/neuron/coupling.h"
#include "kits/neuron/linear_equivalent.h"
#include "kits/neuron/product.h"

namespace meso::neuron {
namespace {

Couplings gaussian(std::size_t n, double g, std::uint64_t number = 0) { return draw_couplings({.g = g}, n, Stream(5, number, "test/couplings")); }

TEST(Product, IsTheSumInOrderForAnyNumberOfColumns) {
  for (const std::size_t n : {1u, 5u, 64u, 77u, 130u}) {
    const std::size_t columns = 7;
    const Couplings j = gaussian(n, 1);
    const std::vector<float> a(j.entry.begin(), j.entry.end());
    std::vector<float> x(n * columns), y(n * columns), one(n);
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = std::sin(static_cast<float>(i));
    const PackedMatrix<float> packed(n, n, a.data());
    packed.multiply(x.data(), y.data(), columns);
    for (std::size_t c = 0; c < columns; ++c) {
      packed.multiply(&x[c * n], one.data(), 1);
      EXPECT_EQ(std::memcmp(one.data(), &y[c * n], n * sizeof(float)), 0) << n << " column " << c;
      for (std::size_t i = 0; i < n; ++i) {
        float sum = 0;
        for (std::size_t k = 0; k < n; ++k) sum = sum + a[i + n * k] * x[c * n + k];
        ASSERT_EQ(sum, y[c * n + i]) << n << ", " << i;
      }
    }
  }
}

TEST(Couplings, HaveTheLawsMoments) {
  const std::size_t n = 300;
  const auto moments = [n](const Couplings& j) {
    double mean = 0, square = 0, cross = 0, zeros = 0;
    for (std::size_t c = 0; c < n; ++c)
      for (std::size_t r = 0; r < n; ++r) {
        mean += j(r, c), square += j(r, c) * j(r, c), zeros += j(r, c) == 0;
        if (r != c) cross += j(r, c) * j(c, r);
      }
    const double size = static_cast<double>(n * n);
    return std::array<double, 4>{mean / size, square / size * static_cast<double>(n), cross / square, zeros / size};
  };
  const double tolerance = 6.2 * std::sqrt(2.0) / 300;  // of the relative variance: 6.2 deviations
  for (const auto& [law, zeros] : std::vector<std::pair<CouplingLaw, double>>{{{.g = 2}, 0}, {{.kind = CouplingLaw::Kind::signs, .g = 2}, 0}, {{.g = 2, .symmetry = -0.4}, 0}, {{.kind = CouplingLaw::Kind::sparse, .g = 2, .connectivity = 0.2}, 0.8}}) {
    const auto m = moments(draw_couplings(law, n, Stream(1, 2, "test/law")));
    EXPECT_NEAR(m[0], 0, 6.2 * 2 / std::sqrt(300.0) / 300);
    EXPECT_NEAR(m[1] / 4, 1, tolerance * (zeros > 0 ? 3 : 1));
    EXPECT_NEAR(m[2], law.symmetry, tolerance * (zeros > 0 ? 3 : 1));
    EXPECT_NEAR(m[3], zeros, 6.2 * 0.4 / 300);
  }
  const Couplings without = draw_couplings({.g = 2, .self = false}, n, Stream(1, 2, "test/law"));
  for (std::size_t i = 0; i < n; ++i) EXPECT_EQ(without(i, i), 0);
}

TEST(Couplings, SpectralRadiusIsGelfands) {
  // Rotation by 90 degrees times 1.5, a Jordan block, a nilpotent matrix, and the circular law.
  EXPECT_NEAR(spectral_radius(couplings_of({{0, -1.5}, {1.5, 0}}, "test")), 1.5, 1e-4);
  EXPECT_NEAR(spectral_radius(couplings_of({{0.5, 100}, {0, 0.5}}, "test")), 0.5, 1e-4);
  EXPECT_EQ(spectral_radius(couplings_of({{0, 1}, {0, 0}}, "test")), 0);
  EXPECT_NEAR(spectral_radius(gaussian(400, 2)) / 2, 1, 0.1);
}

TEST(Couplings, StructureIsTold) {
  EXPECT_FALSE(structure(gaussian(200, 2)).structured) << structure(gaussian(200, 2)).text;
  EXPECT_FALSE(structure(draw_couplings({.kind = CouplingLaw::Kind::signs}, 200, Stream(1, 1, "test"))).structured);
  const Structure symmetric = structure(draw_couplings({.symmetry = 0.5}, 200, Stream(1, 1, "test")));
  EXPECT_NE(symmetric.text.find("J_ij and J_ji are correlated"), std::string::npos);
  Couplings low = gaussian(200, 2);
  for (double& x : low.entry) x += 6.0 / 200;  // rank one: an outlier singular value of 6
  EXPECT_NE(structure(low).text.find("low rank"), std::string::npos);
  Couplings uneven = gaussian(200, 2);
  for (std::size_t c = 0; c < 200; ++c)
    for (std::size_t r = 0; r < 100; ++r) uneven.entry[r + 200 * c] *= 0.2;
  EXPECT_NE(structure(uneven).text.find("strength of their inputs"), std::string::npos);
}

TEST(Couplings, AreReadFromText) {
  const Couplings j = parse_couplings("# rows: inputs\n1, 2.5 ,-3\n0 ; 0;0.25\n\n4 5\t6  # last\n", "J.csv");
  ASSERT_EQ(j.n, 3u);
  EXPECT_EQ(j(0, 1), 2.5);
  EXPECT_EQ(j(1, 2), 0.25);
  EXPECT_EQ(j(2, 0), 4);
  EXPECT_NEAR(j.g * j.g, (1 + 6.25 + 9 + 0.0625 + 16 + 25 + 36) / 3, 1e-12);
  for (const auto& [text, expected] : std::vector<std::pair<std::string, std::string>>{{"", "has no rows"},
                                                                                       {"1 2\n3", "row 2 of the coupling matrix has 1 entries, row 1 has 2"},
                                                                                       {"1 2 3\n4 5 6", "not square: 2 rows of 3"},
                                                                                       {"1 2\n3 x4", "J.csv:2: entry 2 of the row, 'x4', is no number"},
                                                                                       {"1,,2\n1,2", "is no number"},
                                                                                       {"1 2\n3 nan", "row 2, column 2"}}) {
    try {
      (void)parse_couplings(text, "J.csv");
      ADD_FAILURE() << text << " is accepted";
    } catch (const ModelError& error) {
      EXPECT_NE(std::string(error.what()).find(expected), std::string::npos) << error.what();
      EXPECT_NE(std::string(error.what()).find("J.csv"), std::string::npos) << error.what();
    }
  }
}

TEST(LinearEquivalent, OfALinearMapIsItsLyapunovEquation) {
  const std::size_t n = 60;
  const Couplings j = gaussian(n, 0.5);
  const MeanField m = solve_mean_field({.gain = Gain("linear"), .clock = Clock::discrete, .g = 0.5, .sigma = 1});
  EXPECT_NEAR(m.phi_variance, 4.0 / 3, 1e-10);
  EXPECT_NEAR(m.phi_variance * m.gap(), 1, 1e-10);
  const LinearEquivalent l = linear_equivalent(j, m);
  double worst = 0;  // Sigma - J Sigma J^T - 1, entry by entry
  for (std::size_t r = 0; r < n; ++r)
    for (std::size_t c = 0; c < n; ++c) {
      double sum = r == c ? 1.0 : 0.0;
      for (std::size_t u = 0; u < n; ++u)
        for (std::size_t v = 0; v < n; ++v) sum += j(r, u) * l.covariance[u + n * v] * j(c, v);
      worst = std::max(worst, std::abs(sum - l.covariance[r + n * c]));
    }
  EXPECT_LT(worst, 1e-10);
}

TEST(LinearEquivalent, OfALinearFlowIsItsLyapunovEquation) {
  // dx = (-x + J x) dt + sqrt(2) sigma dW: (J - 1) S + S (J - 1)^T + 2 sigma^2 = 0.
  const std::size_t n = 40;
  const Couplings j = gaussian(n, 0.6);
  const MeanField m = solve_mean_field({.gain = Gain("linear"), .clock = Clock::continuous, .g = 0.6, .sigma = 0.8});
  const LinearEquivalent l = linear_equivalent(j, m);
  double worst = 0;
  for (std::size_t r = 0; r < n; ++r)
    for (std::size_t c = 0; c < n; ++c) {
      double sum = (r == c ? 2 * 0.64 : 0.0) - 2 * l.covariance[r + n * c];
      for (std::size_t u = 0; u < n; ++u) sum += j(r, u) * l.covariance[u + n * c] + j(c, u) * l.covariance[r + n * u];
      worst = std::max(worst, std::abs(sum));
    }
  EXPECT_LT(worst, 1e-6);
}

TEST(LinearEquivalent, IsTheSumOfItsSpectrum) {
  const std::size_t n = 24;
  for (const double sigma : {0.0, 0.7}) {
    const MeanField m = solve_mean_field({.clock = Clock::continuous, .g = 2.5, .sigma = sigma});
    Couplings j = gaussian(n, 2.5);
    const double keep = 0.9 / (m.slope * spectral_radius(j));  // small matrices scatter: put the radius inside
    for (double& x : j.entry) x *= keep;
    const LinearEquivalent l = linear_equivalent(j, m);
    EXPECT_NEAR(l.stability, 0.9, 1e-3);
    Dense sum(n * n, 0.0);
    const std::size_t nodes = 600;
    for (std::size_t k = 0; k < nodes; ++k) {
      const double t = std::tan(0.5 * (2 * (static_cast<double>(k) + 0.5) / static_cast<double>(nodes) - 1) * std::numbers::pi);
      const auto c = covariance_spectrum(j, m, t);
      for (std::size_t i = 0; i < n * n; ++i) sum[i] += 0.5 * (1 + t * t) / static_cast<double>(nodes) * c[i].real();
    }
    for (std::size_t i = 0; i < n * n; ++i) ASSERT_NEAR(sum[i], l.covariance[i], 2e-5) << sigma;
  }
}

TEST(LinearEquivalent, FieldsAreThoseOfTheSumOverFrequencies) {
  // C_x = |H|^2 [J R R^dagger J^T (N - 2 a^2 sigma^2 |H|^2) + 2 sigma^2 R R^dagger], H = 1/(1 + i w), R = [1 - S J]^(-1) = response/S.
  const std::size_t n = 20, nodes = 800;
  const MeanField m = solve_mean_field({.clock = Clock::continuous, .g = 1.8, .sigma = 0.6});
  Couplings j = gaussian(n, 1.8);
  const double keep = 0.85 / (m.slope * spectral_radius(j));
  for (double& x : j.entry) x *= keep;
  const Dense fields = field_covariance(j, m);
  Dense sum(n * n, 0.0);
  for (std::size_t k = 0; k < nodes; ++k) {
    const double w = std::tan(0.5 * (2 * (static_cast<double>(k) + 0.5) / static_cast<double>(nodes) - 1) * std::numbers::pi), h2 = 1 / (1 + w * w);
    const auto r = response(j, m, w);
    std::vector<std::complex<double>> direct(n * n), through(n * n, 0.0);
    for (std::size_t i = 0; i < n * n; ++i) direct[i] = r[i] * std::complex<double>(1, w) / m.slope;
    for (std::size_t c = 0; c < n; ++c)
      for (std::size_t u = 0; u < n; ++u)
        for (std::size_t i = 0; i < n; ++i) through[i + n * c] += j(i, u) * direct[u + n * c];
    const double noise = 2 * 0.36, own = m.drive_spectrum(w) - m.slope * m.slope * noise * h2, weight = 0.5 * (1 + w * w) / static_cast<double>(nodes) * h2;
    for (std::size_t c = 0; c < n; ++c)
      for (std::size_t a = 0; a < n; ++a)
        for (std::size_t b = 0; b < n; ++b)
          sum[a + n * b] += weight * (own * (through[a + n * c] * std::conj(through[b + n * c])).real() + noise * (direct[a + n * c] * std::conj(direct[b + n * c])).real());
  }
  for (std::size_t i = 0; i < n * n; ++i) ASSERT_NEAR(sum[i], fields[i], 5e-5);
  // Linear gain: fields are the activity. Discrete: J Sigma J^T + sigma^2.
  for (const Clock clock : {Clock::discrete, Clock::continuous}) {
    const MeanField line = solve_mean_field({.gain = Gain("linear"), .clock = clock, .g = 0.5, .sigma = 1});
    const Couplings weak = gaussian(n, 0.5);
    const Dense x = field_covariance(weak, line), phi = linear_equivalent(weak, line).covariance;
    for (std::size_t i = 0; i < n * n; ++i) ASSERT_NEAR(x[i], phi[i], 1e-6);
  }
}

TEST(LinearEquivalent, InDiscreteTimeIsTheSumOfItsSpectrum) {
  const std::size_t n = 16, nodes = 256;
  const MeanField m = solve_mean_field({.clock = Clock::discrete, .g = 1.5, .sigma = 1});
  const Couplings j = gaussian(n, 1.5);
  const LinearEquivalent l = linear_equivalent(j, m);
  Dense sum(n * n, 0.0);
  for (std::size_t k = 0; k < nodes; ++k) {
    const auto c = covariance_spectrum(j, m, 2 * std::numbers::pi * static_cast<double>(k) / static_cast<double>(nodes));
    for (std::size_t i = 0; i < n * n; ++i) sum[i] += c[i].real() / static_cast<double>(nodes);
  }
  for (std::size_t i = 0; i < n * n; ++i) ASSERT_NEAR(sum[i], l.covariance[i], 1e-10);
}

TEST(LinearEquivalent, OfNoCouplingIsIndependentUnits) {
  Couplings none = gaussian(5, 1);
  for (double& x : none.entry) x = 0;
  for (const Clock clock : {Clock::discrete, Clock::continuous}) {
    const MeanField m = solve_mean_field({.clock = clock, .g = 0, .sigma = 0.9});
    const LinearEquivalent l = linear_equivalent(none, m);
    for (std::size_t i = 0; i < 25; ++i) EXPECT_NEAR(l.covariance[i], i % 6 == 0 ? m.phi_variance : 0, 1e-9);
    EXPECT_NEAR(participation_ratio(l.covariance, 5), 5, 1e-6);
  }
}

TEST(LinearEquivalent, ParticipationOfTypicalMatricesIsThatOfTheEnsemble) {
  const MeanField m = solve_mean_field({.clock = Clock::discrete, .g = 1.5, .sigma = 1});
  const std::size_t n = 300;
  EXPECT_NEAR(participation_ratio(linear_equivalent(gaussian(n, 1.5), m).covariance, n) / n, m.participation().value, 0.02);
}

TEST(LinearEquivalent, ResponsesAreThoseOfTheLoop) {
  // One unit with coupling j onto itself: S/(1 - S j).
  const Couplings one = couplings_of({{0.5}}, "test");
  const MeanField m = solve_mean_field({.clock = Clock::continuous, .g = 1.2, .sigma = 0.5});
  const std::complex<double> s = m.slope / std::complex<double>(1, 0.7), expected = s / (1.0 - 0.5 * s);
  EXPECT_NEAR(std::abs(response(one, m, 0.7)[0] - expected), 0, 1e-14);
}

TEST(LinearEquivalent, IsRefusedWithTheTwoNumbersWhereItDoesNotExist) {
  const MeanField m = solve_mean_field({.g = 3});
  Couplings j = gaussian(30, 3);
  const double up = 3.6 / spectral_radius(j);
  for (double& x : j.entry) x *= up;
  for (const auto f : {linear_equivalent, naive_closure}) {
    try {
      (void)f(j, m);
      ADD_FAILURE() << "accepted";
    } catch (const NumericalBreakdown& error) {
      EXPECT_NE(std::string(error.what()).find("a rho(J) = 1.15"), std::string::npos) << error.what();
      EXPECT_NE(std::string(error.what()).find("rho(J) = 3.6,"), std::string::npos) << error.what();
    }
  }
}

TEST(NaiveClosure, MissesTheCrossTermsInContinuousTimeOnly) {
  const std::size_t n = 150;
  const MeanField map = solve_mean_field({.clock = Clock::discrete, .g = 1.5, .sigma = 1});
  const Couplings j = gaussian(n, 1.5);
  const LinearEquivalent a = linear_equivalent(j, map), b = naive_closure(j, map);
  EXPECT_NEAR(pair_match(b.covariance, a.covariance, n).slope, 1, 1e-12);
  const MeanField flow = solve_mean_field({.clock = Clock::continuous, .g = 1.5, .sigma = 0.7});
  const PairMatch match = pair_match(naive_closure(j, flow).covariance, linear_equivalent(j, flow).covariance, n);
  EXPECT_LT(match.correlation, 0.9);
}

}  // namespace
}  // namespace meso::neuron
