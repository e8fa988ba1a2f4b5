#include "rng/stream.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <vector>

namespace meso {
namespace {

TEST(Philox, MatchesTheKnownAnswerOfRandom123) {  // kat_vectors of Random123, philox4x32-10, zero counter and key
  EXPECT_EQ(philox4x32({0, 0, 0, 0}, {0, 0}), (std::array<std::uint32_t, 4>{0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u}));
  EXPECT_EQ(philox4x32({0xffffffffu, 0xffffffffu, 0xffffffffu, 0xffffffffu}, {0xffffffffu, 0xffffffffu}),
            (std::array<std::uint32_t, 4>{0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu}));
}

TEST(Stream, IsNamedByItsKeyAndResumesInTheMiddle) {
  Stream a(7, 3, "test/x"), b(7, 3, "test/x"), other(7, 3, "test/y"), next(7, 4, "test/x"), lane = a.lane(1);
  EXPECT_EQ(a.bits(), b.bits());
  EXPECT_NE(a.bits(), other.bits());
  EXPECT_NE(b.bits(), next.bits());
  EXPECT_NE(a.bits(), lane.bits());
  for (int used : {0, 1, 2, 3}) {
    Stream original(1, 2, "test/save");
    for (int i = 0; i < used; ++i) original.bits();
    Stream copy = Stream::load(original.save());
    for (int i = 0; i < 5; ++i) EXPECT_EQ(copy.bits(), original.bits());
  }
}

// Kolmogorov distance of n draws against a cdf; the DKW band at 1e-9 is sqrt(log(2e9)/(2n)).
double kolmogorov(std::vector<double> draws, const std::function<double(double)>& cdf) {
  std::sort(draws.begin(), draws.end());
  double distance = 0;
  const double n = static_cast<double>(draws.size());
  for (std::size_t i = 0; i < draws.size(); ++i) {
    const double f = cdf(draws[i]);
    distance = std::max({distance, std::abs(f - static_cast<double>(i) / n), std::abs(f - static_cast<double>(i + 1) / n)});
  }
  return distance;
}

constexpr std::size_t draws = 400'000;  // the band is 0.0052: a 1 % error of a scale (KS 0.0024 per %) at 2.2 % is seen
const double band = std::sqrt(std::log(2e9) / (2.0 * draws));

TEST(Samplers, ContinuousLawsLieInTheDkwBand) {
  Stream stream(11, 0, "test/samplers");
  FastStream fast = stream.fast();
  std::vector<double> normal(draws), fast_normal(draws), exponential(draws), gamma_half(draws), gamma_3(draws);
  for (std::size_t i = 0; i < draws; ++i) {
    normal[i] = stream.normal();
    fast_normal[i] = fast.normal();
    exponential[i] = stream.exponential();
    gamma_half[i] = fast.gamma(0.5);
    gamma_3[i] = fast.gamma(3.0);
  }
  const auto phi = [](double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); };
  EXPECT_LT(kolmogorov(normal, phi), band);
  EXPECT_LT(kolmogorov(fast_normal, phi), band);
  EXPECT_LT(kolmogorov(exponential, [](double x) { return -std::expm1(-x); }), band);
  EXPECT_LT(kolmogorov(gamma_half, [](double x) { return std::erf(std::sqrt(x)); }), band);
  EXPECT_LT(kolmogorov(gamma_3, [](double x) { return 1 - std::exp(-x) * (1 + x + x * x / 2); }), band);
  // Power: the same draws against a law 3 % wider must fail.
  EXPECT_GT(kolmogorov(normal, [&](double x) { return phi(x / 1.03); }), band);
  // The tail beyond the last layer is hit and two-sided: P(|x| > 3.654) = 2.58e-4, expected 103 of 400,000 (6 sd = 61).
  const auto tail = std::count_if(normal.begin(), normal.end(), [](double x) { return std::abs(x) > 3.6541528853610088; });
  EXPECT_NEAR(static_cast<double>(tail), 103.2, 61);
}

TEST(Samplers, DiscreteLawsHaveTheirDistribution) {
  FastStream fast = Stream(5, 1, "test/discrete").fast();
  for (const double mean : {0.3, 4.0, 9.99, 10.01, 37.0, 2500.0}) {
    std::vector<double> count(static_cast<std::size_t>(mean + 12 * std::sqrt(mean) + 20), 0.0);
    for (std::size_t i = 0; i < draws; ++i) count[static_cast<std::size_t>(std::min<std::int64_t>(fast.poisson(mean), static_cast<std::int64_t>(count.size()) - 1))] += 1.0 / draws;
    double empirical = 0, exact = 0, distance = 0;
    for (std::size_t k = 0; k < count.size(); ++k) {
      empirical += count[k];
      exact += std::exp(-mean + static_cast<double>(k) * std::log(mean) - std::lgamma(static_cast<double>(k) + 1));
      distance = std::max(distance, std::abs(empirical - exact));
    }
    EXPECT_LT(distance, band) << "Poisson " << mean;
  }
  for (const auto& [n, p] : std::vector<std::pair<std::int64_t, double>>{{1, 0.3}, {20, 0.5}, {50, 0.9}, {1000, 0.2}, {100000, 0.013}}) {
    std::vector<double> count(static_cast<std::size_t>(n) + 1, 0.0);
    for (std::size_t i = 0; i < draws; ++i) count[static_cast<std::size_t>(fast.binomial(n, p))] += 1.0 / draws;
    double empirical = 0, exact = 0, distance = 0;
    const double nn = static_cast<double>(n);
    for (std::size_t k = 0; k < count.size(); ++k) {
      const double kk = static_cast<double>(k);
      empirical += count[k];
      exact += std::exp(std::lgamma(nn + 1) - std::lgamma(kk + 1) - std::lgamma(nn - kk + 1) + kk * std::log(p) + (nn - kk) * std::log1p(-p));
      distance = std::max(distance, std::abs(empirical - exact));
    }
    EXPECT_LT(distance, band) << "binomial " << n << " " << p;
  }
  std::vector<double> die(6, 0.0);
  for (std::size_t i = 0; i < draws; ++i) die[fast.below(6)] += 1;
  for (const double face : die) EXPECT_NEAR(face / draws, 1.0 / 6, 6.1 * std::sqrt(5.0 / 36 / draws));
}

}  // namespace
}  // namespace meso
