// The simulation: exact laws of linear networks, measured order of the step, columns that do not know their company.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <vector>

#include "kits/neuron/linear_equivalent.h"
#include "kits/neuron/network.h"
#include "testing/statistics.h"

namespace meso::neuron {
namespace {

std::vector<FastStream> streams(std::size_t first, std::size_t count) {
  std::vector<FastStream> out;
  for (std::size_t k = 0; k < count; ++k) out.push_back(Stream(3, first + k, "test/network").fast());
  return out;
}

TEST(Network, AColumnDoesNotKnowItsCompany) {
  const Couplings j = draw_couplings({.g = 2}, 90, Stream(1, 0, "test/J"));
  for (const Clock clock : {Clock::discrete, Clock::continuous}) {
    const RateModel model{.clock = clock, .g = 2, .sigma = 0.3};
    NetworkColumns all(packed(j), model, 0.1, 4);
    auto s = streams(0, 4);
    all.start(1, s);
    for (int t = 0; t < 20; ++t) all.step(s);
    for (std::size_t c = 0; c < 4; ++c) {
      NetworkColumns one(packed(j), model, 0.1, 1);
      auto own = streams(c, 1);
      one.start(1, own);
      for (int t = 0; t < 20; ++t) one.step(own);
      EXPECT_EQ(std::memcmp(one.x(0).data(), all.x(c).data(), 90 * sizeof(float)), 0) << c;
    }
  }
}

TEST(Network, TheStepHasOrderTwo) {
  // Without noise, against a run with steps too short to matter.
  const Couplings j = draw_couplings({.g = 1.5}, 40, Stream(1, 1, "test/J"));
  const RateModel model{.g = 1.5};
  const auto after = [&](int steps) {
    NetworkColumns net(packed(j), model, 4.0 / steps, 1);
    auto s = streams(0, 1);
    net.start(1, s);
    for (int t = 0; t < steps; ++t) net.step(s);
    return std::vector<double>(net.x(0).begin(), net.x(0).end());
  };
  const std::vector<double> exact = after(2000);
  std::vector<double> step, error;
  for (const int steps : {10, 20, 40}) {
    const std::vector<double> x = after(steps);
    double square = 0;
    for (std::size_t i = 0; i < x.size(); ++i) square += (x[i] - exact[i]) * (x[i] - exact[i]);
    step.push_back(4.0 / steps);
    error.push_back(std::sqrt(square));
  }
  EXPECT_TRUE(OrderIs(step, error, 2, 0.15));
}

TEST(Network, WithoutCouplingsIsAnOrnsteinUhlenbeckProcessAtAnyStep) {
  Couplings none{.n = 512, .entry = std::vector<double>(512 * 512, 0.0)};
  const RateModel model{.gain = Gain("linear"), .g = 0, .sigma = 0.8};
  const double dt = 0.5;
  NetworkColumns net(packed(none), model, dt, 1);
  auto s = streams(9, 1);
  net.start(0, s);
  std::vector<MeanCheck> checks;
  for (int t = 1; t <= 6; ++t) {
    net.step(s);
    double square = 0;
    for (const float x : net.x(0)) square += static_cast<double>(x) * x / 512;
    const double exact = 0.64 * (1 - std::exp(-2 * dt * t));
    checks.push_back({exact, square, exact * std::sqrt(2.0 / 512), "t = " + std::to_string(t)});
  }
  EXPECT_TRUE(MeansMatch(checks, 0.4));
}

TEST(CovarianceSums, AreTheCovariancesOfTheSamples) {
  const std::size_t n = 70, count = 301, first = 140;
  CovarianceSums sums(n, first);
  std::vector<std::vector<float>> samples;
  FastStream random = Stream(1, 1, "test/samples").fast();
  for (std::size_t k = 0; k < count; ++k) {
    std::vector<float> x(n);
    for (float& v : x) v = static_cast<float>(0.3 + random.normal());
    for (std::size_t i = 1; i < n; ++i) x[i] += 0.5f * x[i - 1];
    sums.add(x);
    samples.push_back(std::move(x));
  }
  sums.close();
  const auto mean = [&](std::size_t half, std::size_t i) {
    double sum = 0;
    for (std::size_t k = half == 0 ? 0 : first; k < (half == 0 ? first : count); ++k) sum += samples[k][i];
    return sum / static_cast<double>(half == 0 ? first : count - first);
  };
  const auto direct = [&](std::size_t from, std::size_t to, std::size_t i, std::size_t j) {
    double sum = 0;
    for (std::size_t k = from; k < to; ++k) sum += static_cast<double>(samples[k][i]) * samples[k][j];
    return sum / static_cast<double>(to - from) - 0.5 * (mean(0, i) * mean(1, j) + mean(1, i) * mean(0, j));
  };
  const auto whole = sums.whole(), one = sums.half(0), two = sums.half(1);
  for (std::size_t i = 0; i < n; i += 3)
    for (std::size_t j = 0; j < n; j += 5) {
      EXPECT_NEAR(whole[i + n * j], direct(0, count, i, j), 2e-6);
      EXPECT_NEAR(one[i + n * j], direct(0, first, i, j), 2e-6);
      EXPECT_NEAR(two[i + n * j], direct(first, count, i, j), 2e-6);
    }
}

TEST(Network, OfALinearMapHasTheCovarianceOfItsLyapunovEquation) {
  const std::size_t n = 40;
  const Couplings j = draw_couplings({.g = 0.6}, n, Stream(1, 4, "test/J"));
  const RateModel model{.gain = Gain("linear"), .clock = Clock::discrete, .g = 0.6, .sigma = 1};
  NetworkColumns net(packed(j), model, 0, 4);
  auto s = streams(20, 4);
  net.start(1, s);
  for (int t = 0; t < 60; ++t) net.step(s);
  const std::size_t samples = 20000;
  std::vector<CovarianceSums> sums(4, CovarianceSums(n, samples / 2));
  for (std::size_t t = 0; t < samples; ++t) {
    net.step(s);
    for (std::size_t c = 0; c < 4; ++c) sums[c].add(net.phi(c));
  }
  const LinearEquivalent exact = linear_equivalent(j, solve_mean_field(model));
  std::vector<MeanCheck> checks;
  std::vector<std::vector<double>> half;
  for (auto& sum : sums) {
    sum.close();
    half.push_back(sum.half(0));
    half.push_back(sum.half(1));
  }
  for (std::size_t i = 0; i < n; i += 3)
    for (std::size_t k = 0; k <= i; k += 4) {
      double mean = 0, square = 0;
      for (const auto& h : half) mean += h[i + n * k] / 8, square += h[i + n * k] * h[i + n * k] / 8;
      checks.push_back({exact.covariance[i + n * k], mean, std::sqrt(std::max(0.0, square - mean * mean) / 7), "entry " + std::to_string(i) + ", " + std::to_string(k), 7});
    }
  // Eight halves a check: Student's quantile at 1e-9 with 7 degrees of freedom is about 60.
  EXPECT_TRUE(MeansMatch(checks, 1.0));
}

}  // namespace
}  // namespace meso::neuron
