// Particles against the laws they should have: weak and strong orders, the card's mixture by flow and by noise, both ways in time, bits.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/error.h"
#include "kits/generative/card_laws.h"
#include "kits/generative/mixture_path.h"
#include "kits/generative/sample.h"
#include "stat/wasserstein.h"
#include "testing/measured.h"
#include "testing/statistics.h"

namespace meso::generative {
namespace {

const char* const card = "stochastic-interpolants";

std::shared_ptr<const MixturePath> path_of(sde::GaussianMixture a, sde::GaussianMixture b, InterpolantSpec spec = {}) { return std::make_shared<const MixturePath>(std::move(a), std::move(b), Interpolant(spec)); }

MixtureField drift_of(std::shared_ptr<const MixturePath> path, double epsilon) {
  return MixtureField(std::move(path), [epsilon](double) { return Blend{1, epsilon}; });
}

double kolmogorov(std::vector<double> x, const sde::GaussianMixture& law) {
  std::sort(x.begin(), x.end());
  double worst = 0;
  const double n = static_cast<double>(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double f = law.cdf(x[i]);
    worst = std::max({worst, f - static_cast<double>(i) / n, static_cast<double>(i + 1) / n - f});
  }
  return worst;
}

std::vector<double> stratified(const sde::GaussianMixture& law, std::size_t n) {
  std::vector<double> x(n);
  for (std::size_t i = 0; i < n; ++i) x[i] = law.quantile((static_cast<double>(i) + 0.5) / static_cast<double>(n));
  return x;
}

TEST(Flow, HasItsOrder) {  // one particle through the card's fields, against a much finer path
  const auto path = path_of(two_modes(), three_modes());
  const auto b = velocity_field(path);
  for (const auto& [scheme, order] : {std::pair{Scheme::euler, 1.0}, {Scheme::heun, 2.0}, {Scheme::rk4, 4.0}}) {
    std::vector<double> start{-3.4, -2.9, 2.2}, fine = start, steps, errors;
    flow(b, Scheme::rk4, uniform_grid(0, 1, 20000), fine);
    for (const std::size_t n : {800u, 1600u, 3200u}) {
      std::vector<double> x = start;
      flow(b, scheme, uniform_grid(0, 1, n), x);
      double worst = 0;
      for (std::size_t i = 0; i < 3; ++i) worst = std::max(worst, std::abs(x[i] - fine[i]));
      steps.push_back(1.0 / static_cast<double>(n));
      errors.push_back(worst);
    }
    EXPECT_TRUE(OrderIs(steps, errors, order, 0.1)) << order;
  }
}

TEST(Flow, BackwardsUndoesForwards) {
  const auto path = path_of(random_mixture(3, 2, 1), random_mixture(3, 3, 2));
  const auto b = velocity_field(path);
  std::vector<double> x{0.1, -1, 2, 1, 3, -0.5}, y = x;
  flow(b, Scheme::rk4, uniform_grid(0, 1, 1000), y);
  flow(b, Scheme::rk4, uniform_grid(1, 0, 1000), y);
  for (std::size_t i = 0; i < 6; ++i) EXPECT_NEAR(y[i], x[i], 1e-6);
}

TEST(Noise, HasItsWeakOrderOnALinearField) {
  // dX = -X dt + sqrt(2 epsilon) dW: Var after n steps of size h in closed form for both schemes; the sampler must reproduce that recursion, and the recursion
  // has order 1 (Euler) and 2 (Heun) in h.
  class Linear : public Field {
    [[nodiscard]] std::size_t dimension() const override { return 1; }
    void at(double, std::span<const double> x, std::span<double> y) const override {
      for (std::size_t i = 0; i < x.size(); ++i) y[i] = -x[i];
    }
  };
  const Linear field;
  const double epsilon = 0.7, exact = epsilon * (1 - std::exp(-2.0));
  for (const auto& [scheme, order] : {std::pair{Scheme::euler, 1.0}, {Scheme::heun, 2.0}}) {
    std::vector<double> steps, errors;
    for (const std::size_t n : {8u, 16u, 32u}) {
      const double h = 1.0 / static_cast<double>(n), decay = scheme == Scheme::euler ? 1 - h : 1 - h + h * h / 2, kick = scheme == Scheme::euler ? 1 : 1 - h / 2;
      double variance = 0;
      for (std::size_t k = 0; k < n; ++k) variance = decay * decay * variance + 2 * epsilon * h * kick * kick;
      steps.push_back(h);
      errors.push_back(std::abs(variance - exact));
      const std::size_t m = 40000;
      std::vector<double> x(m, 0.0);
      std::vector<FastStream> noise = noise_streams(4, 0, m, "test/weak");
      diffuse(field, [&](double) { return epsilon; }, scheme, uniform_grid(0, 1, n), x, noise);
      double square = 0, fourth = 0;
      for (const double v : x) {
        square += v * v / static_cast<double>(m);
        fourth += v * v * v * v / static_cast<double>(m);
      }
      EXPECT_TRUE(MeansMatch({{variance, square, std::sqrt((fourth - square * square) / static_cast<double>(m)), "variance"}}, 0.04));
    }
    EXPECT_TRUE(OrderIs(steps, errors, order, 0.2)) << order;
  }
}

TEST(Noise, CoupledGridsDifferByTheStepAlone) {  // additive noise: strong order 1
  const auto path = path_of(two_modes(), three_modes());
  const auto drift = drift_of(path, 0.5);
  std::vector<double> steps, errors;
  for (const std::size_t n : {800u, 1600u, 3200u}) {
    std::vector<double> fine = stratified(path->start(), 400), coarse = fine, alone = fine;
    std::vector<FastStream> noise = noise_streams(4, 0, fine.size(), "test/coupled"), again = noise;
    const std::vector<double> grid = uniform_grid(0, 1, n);
    diffuse_coupled(drift, [](double) { return 0.5; }, Scheme::euler, grid, fine, coarse, noise);
    diffuse(drift, [](double) { return 0.5; }, Scheme::euler, grid, alone, again);
    EXPECT_EQ(std::memcmp(fine.data(), alone.data(), fine.size() * sizeof(double)), 0);
    std::vector<double> gap;
    for (std::size_t i = 0; i < fine.size(); ++i) gap.push_back(std::abs(fine[i] - coarse[i]));
    std::nth_element(gap.begin(), gap.begin() + 200, gap.end());
    steps.push_back(1.0 / static_cast<double>(n));
    errors.push_back(gap[200]);  // the median: a path that falls to another side of a saddle tells nothing of the order
  }
  EXPECT_TRUE(OrderIs(steps, errors, 1.0, 0.2));
}

TEST(Samplers, OdeReachesTheTarget) {  // check 4
  const auto path = path_of(two_modes(), three_modes());
  const std::size_t n = 20000;
  std::vector<double> x = stratified(path->start(), n);
  flow(velocity_field(path), Scheme::rk4, uniform_grid(0, 1, 400), x);
  const double w = wasserstein_2(x, [&](double u) { return path->end().quantile(u); });
  EXPECT_LT(w * w, 1.5e-3);
  EXPECT_LT(kolmogorov(x, path->end()), 1e-3);  // stratified: no sampling noise beyond 1/n
  measured(card, "check 4: W2^2 of the flow, RK4, 400 steps, 20000 stratified points", w * w, 0, "below 1.5e-3 (card; its script 4.3e-4)");
}

TEST(Samplers, SdeReachesTheTargetForwardsAndBackwards) {  // check 4
  const auto path = path_of(two_modes(), three_modes());
  const std::size_t n = 20000;
  for (const double epsilon : {0.5, 2.0})
    for (const bool forwards : {true, false}) {
      const sde::GaussianMixture &from = forwards ? path->start() : path->end(), &to = forwards ? path->end() : path->start();
      std::vector<double> x(n);
      for (std::size_t k = 0; k < n; ++k) {
        Stream stream(20230315, k, "test/sde/start");
        from.sample(stream, std::span(&x[k], 1));
      }
      std::vector<FastStream> noise = noise_streams(20230315, 0, n, "test/sde/noise");
      diffuse(drift_of(path, forwards ? epsilon : -epsilon), [epsilon](double) { return epsilon; }, Scheme::heun, uniform_grid(forwards ? 0 : 1, forwards ? 1 : 0, 1000), x, noise);
      const double ks = kolmogorov(x, to);
      const std::string what = std::string("check 4: KS of the ") + (forwards ? "forward" : "backward") + " SDE, epsilon " + std::to_string(epsilon).substr(0, 3) + ", 1000 steps, 20000 particles";
      measured(card, what, ks, 0, "below 0.0115 (card: 99 % band; its script .004-.006)");
      EXPECT_TRUE(DistributionMatches(x, [&](double y) { return to.cdf(y); }, 0.06)) << what;
      // Mode weights: chi^2 with (modes - 1) degrees of freedom; nearest mode is certain to 1e-4 here.
      const std::size_t modes = to.components();
      std::vector<double> seen(modes, 0.0), share(modes, 0.0);
      for (std::size_t j = 0; j < modes; ++j) {
        const auto edge = [&](std::size_t k) { return 0.5 * (to.component_means()[k - 1] + to.component_means()[k]); };
        const double low = j == 0 ? -std::numeric_limits<double>::infinity() : edge(j), high = j + 1 == modes ? std::numeric_limits<double>::infinity() : edge(j + 1);
        for (const double v : x) seen[j] += v > low && v <= high ? 1 : 0;
        share[j] = (j + 1 == modes ? 1 : to.cdf(high)) - (j == 0 ? 0 : to.cdf(low));
      }
      std::vector<MeanCheck> checks;
      double chi = 0;
      for (std::size_t j = 0; j < modes; ++j) {
        const double p = share[j], got = seen[j] / static_cast<double>(n);
        checks.push_back({p, got, std::sqrt(p * (1 - p) / static_cast<double>(n)), "mode " + std::to_string(j)});
        chi += static_cast<double>(n) * (got - p) * (got - p) / p;
      }
      EXPECT_TRUE(MeansMatch(checks, 0.035)) << what;
      measured(card, "check 4: chi^2 of mode weights" + what.substr(what.find(" of the ")), chi, 0, std::to_string(modes - 1) + " degrees of freedom");
    }
}

TEST(Samplers, SeeAWrongScore) {  // the power of the test above: half the score is missing
  const auto path = path_of(two_modes(), three_modes());
  std::vector<double> x = stratified(path->start(), 4000);
  std::vector<FastStream> noise = noise_streams(1, 0, x.size(), "test/wrong");
  diffuse(drift_of(path, 1.0), [](double) { return 2.0; }, Scheme::euler, uniform_grid(0, 1, 400), x, noise);
  EXPECT_GT(kolmogorov(x, path->end()), 0.03);
}

TEST(Samplers, KlOfConstantErrorsInClosedForm) {  // check 6, particles
  const auto path = path_of(standard_normal(1), standard_normal(1), {.path = "one-sided-trig", .latent = "none"});
  const std::size_t n = 100000;
  struct Row {
    double c, d, epsilon, kl;
  };
  for (const Row& row : std::vector<Row>{{0.3, 0, 0, 0.045}, {0.3, 0, 1, 0.017981}, {0.3, 0, 5, 0.00177583}, {0.3, 0.3, 0.25, 0.055045}, {0.3, 0.3, 1, 0.071924}, {0.3, 0.3, 5, 0.063930}}) {
    const double m = row.epsilon == 0 ? row.c : (row.c + row.epsilon * row.d) * -std::expm1(-row.epsilon) / row.epsilon;
    EXPECT_NEAR(m * m / 2, row.kl, 6e-7);
    const SumField drift(std::make_shared<MixtureField>(drift_of(path, row.epsilon)), [](double) { return 1.0; }, nullptr, {}, {row.c + row.epsilon * row.d});
    std::vector<double> x(n);
    for (std::size_t k = 0; k < n; ++k) x[k] = Stream(20230315, k, "test/kl/start").normal();
    std::vector<FastStream> noise = noise_streams(20230315, 0, n, "test/kl/noise");
    diffuse(drift, [&](double) { return row.epsilon; }, Scheme::heun, uniform_grid(0, 1, 200), x, noise);
    double mean = 0, square = 0;
    for (const double v : x) {
      mean += v / static_cast<double>(n);
      square += v * v / static_cast<double>(n);
    }
    const double error = std::sqrt((square - mean * mean) / static_cast<double>(n));
    EXPECT_TRUE(MeansMatch({{m, mean, error, "m"}}, 0.03));
    // KL of N(m, 1), unbiased: (mean^2 - error^2)/2; its error |m| sigma.
    const std::string what = "check 6: KL of particles, c = 0.3, d = " + std::to_string(row.d).substr(0, 3) + ", epsilon = " + std::to_string(row.epsilon).substr(0, 4);
    measured(card, what, (mean * mean - error * error) / 2, m * error, row.kl, "card, N = 1e5, 3 sigma");
    EXPECT_TRUE(MeansMatch({{row.kl, (mean * mean - error * error) / 2, m * error, what}}, 0.012));
  }
}

TEST(Samplers, HighDimensions) {  // 32 dimensions, 1 -> 3 modes: mean and responsibilities of the target
  const std::size_t d = 32, n = 1000;
  const auto path = path_of(random_mixture(d, 1, 3), random_mixture(d, 3, 4));
  for (const double epsilon : {0.0, 1.0}) {
    std::vector<double> x(n * d), share(n * 3);
    for (std::size_t k = 0; k < n; ++k) {
      Stream stream(5, k, "test/high");
      path->start().sample(stream, std::span(x).subspan(k * d, d));
    }
    std::vector<FastStream> noise = noise_streams(5, 0, n, "test/high/noise");
    diffuse(drift_of(path, epsilon), [&](double) { return epsilon; }, Scheme::heun, uniform_grid(0, 1, 100), x, noise);
    path->instant(1)->evaluate(x, {}, {.responsibility = share});
    std::vector<MeanCheck> checks;
    const auto check = [&](const auto& value, double exact, std::string what) {
      double mean = 0, square = 0;
      for (std::size_t k = 0; k < n; ++k) {
        mean += value(k) / static_cast<double>(n);
        square += value(k) * value(k) / static_cast<double>(n);
      }
      checks.push_back({exact, mean, std::sqrt((square - mean * mean) / static_cast<double>(n)), std::move(what)});
    };
    for (std::size_t j = 0; j < 3; ++j) check([&](std::size_t k) { return share[k * 3 + j]; }, 1.0 / 3, "weight of mode " + std::to_string(j));
    const std::vector<double> mean = path->end().mean();
    for (const std::size_t i : {0u, 7u, 31u}) check([&](std::size_t k) { return x[k * d + i]; }, mean[i], "mean of x" + std::to_string(i + 1));
    EXPECT_TRUE(MeansMatch(checks, 0.7));
  }
}

TEST(Samplers, AParticleDoesNotDependOnItsBatch) {
  const auto path = path_of(random_mixture(2, 2, 1), random_mixture(2, 3, 2));
  const auto drift = drift_of(path, 1);
  const auto run = [&](std::uint64_t first, std::size_t n) {
    std::vector<double> x(2 * n);
    for (std::size_t k = 0; k < n; ++k) {
      Stream stream(7, first + k, "test/batch");
      path->start().sample(stream, std::span(x).subspan(2 * k, 2));
    }
    std::vector<FastStream> noise = noise_streams(7, first, n, "test/batch/noise");
    diffuse(drift, [](double t) { return 1 + t; }, Scheme::heun, uniform_grid(0, 1, 50), x, noise);
    return x;
  };
  const std::vector<double> whole = run(0, 40), part = run(13, 5), one = run(39, 1);
  EXPECT_EQ(std::memcmp(&whole[26], part.data(), part.size() * sizeof(double)), 0);
  EXPECT_EQ(std::memcmp(&whole[78], one.data(), one.size() * sizeof(double)), 0);
}

template <class F>
std::string refusal(F f) {
  try {
    f();
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

TEST(BadInput, OfSamplers) {
  const auto path = path_of(two_modes(), three_modes());
  std::vector<double> x{0.5};
  std::vector<FastStream> noise = noise_streams(1, 0, 1, "x");
  const auto grid = uniform_grid(0, 1, 4);
  EXPECT_NE(refusal([&] { diffuse(drift_of(path, 1), [](double) { return -0.5; }, Scheme::euler, grid, x, noise); }).find("epsilon = -0.5 at t = 0; the noise needs epsilon >= 0"), std::string::npos);
  EXPECT_NE(refusal([&] { diffuse(drift_of(path, 1), [](double) { return 0.5; }, Scheme::rk4, grid, x, noise); }).find("'rk4' is for equations without noise"), std::string::npos);
  EXPECT_NE(refusal([&] { (void)scheme_from_text("hune"); }).find("unknown scheme 'hune'. Did you mean 'heun'?"), std::string::npos);
  class Wild : public Field {
    [[nodiscard]] std::size_t dimension() const override { return 1; }
    void at(double, std::span<const double> p, std::span<double> y) const override { y[0] = p[0] * p[0] * 1e200; }
  };
  EXPECT_NE(refusal([&] { flow(Wild(), Scheme::euler, grid, x); }).find("particle 0 left every bound before t = "), std::string::npos);
}

}  // namespace
}  // namespace meso::generative
