// The preset: what its solved levels answer, what it refuses and says, pictures, and that threads change nothing.
#include "systems/generative/stochastic-interpolants/stochastic_interpolants.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "base/error.h"
#include "systems/generative/stochastic-interpolants/test_support.h"
#include "testing/measured.h"

namespace meso::systems::stochastic_interpolants {
namespace {

using testing::flag;
using testing::run;
using testing::value;

const char* const name = "stochastic-interpolants";

const Table stationary{{"laws", "gaussians"}, {"var1", 1.0}, {"path", "one-sided-trig"}, {"latent", "none"}};
Table with(Table base, std::initializer_list<std::pair<const char*, Value>> more) {
  for (const auto& [key, v] : more) base.insert_or_assign(key, v);
  return base;
}

TEST(Exact, ActionModesAndMomentsOfTheCard) {  // checks 2 and 8
  const Answer a = run({}, "exact", {"action", "x.mean", "x.variance", "mode.count", "mode.weights", "kl"}, {0, 0.5, 1});
  EXPECT_NEAR(value(a, "action", 2), 19.6086, 1e-3);
  EXPECT_EQ(value(a, "action", 0), 0);
  EXPECT_LT(a.find("action")->bound(2), 0.01);
  EXPECT_NEAR(value(a, "x.variance", 1), 26.02 / 3, 1e-12);
  EXPECT_NEAR(value(a, "x.mean", 1), 0, 1e-12);
  EXPECT_EQ(a.find("mode.count")->value, (std::vector<double>{2, 4, 3}));
  for (const double w : a.find("mode.weights")->value) EXPECT_NEAR(w, 1.0 / 3, 1e-15);
  const Answer silent = run({{"latent", "none"}}, "exact", {"action", "mode.count"}, {0.5, 1});
  EXPECT_NEAR(value(silent, "action", 1), 22.5389, 1e-3);
  EXPECT_EQ(value(silent, "mode.count"), 4);
  const Answer moments = run({}, "moments", {"x.mean", "x.variance", "x.distribution"}, {0, 0.5, 1});
  EXPECT_EQ(moments.estimates.size(), 2u);
  EXPECT_EQ(moments.find("x.variance")->value, a.find("x.variance")->value);
  measured(name, "level exact: action at t = 1, gamma brownian", value(a, "action", 2), a.find("action")->bound(2), 19.6086, "card, 0.5 %");
}

TEST(FokkerPlanck, KeepsTheExactLaw) {
  const std::vector<double> times{0, 0.3, 1};
  const Table options{{"cells", std::int64_t{1200}}, {"steps", 500.0}};
  const Answer exact = run({}, "exact", {"x.mean", "x.variance", "x.distribution", "mode.count"}, times);
  for (const char* direction : {"forward", "backward"}) {
    const Answer a = run({}, "fokker-planck", {"x.mean", "x.variance", "x.distribution", "kl", "mode.count"}, times, 1, with(options, {{"direction", direction}}));
    for (std::size_t i = 0; i < 3; ++i) {
      EXPECT_NEAR(value(a, "x.variance", i), value(exact, "x.variance", i), 1.5 * a.find("x.variance")->bound(i) + 1e-4) << direction;
      EXPECT_LT(value(a, "kl", i), 1e-5);
      EXPECT_EQ(value(a, "mode.count", i), value(exact, "mode.count", i)) << direction << " " << times[i];
    }
    double below = 0, below_exact = 0, worst = 0;
    const std::size_t width = a.find("x.distribution")->axes.back().points.size();
    for (std::size_t b = 0; b < width; ++b) {
      const std::size_t at = (std::string(direction) == "forward" ? 2 : 0) * width + b;
      below += value(a, "x.distribution", at);
      below_exact += value(exact, "x.distribution", at);
      worst = std::max(worst, std::abs(below - below_exact));
    }
    EXPECT_LT(worst, 2e-4) << direction;
  }
  const Answer flown = run({}, "transport", {"x.mean", "x.variance", "kl", "mode.count"}, times, 1, {{"steps", 400.0}});
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_NEAR(value(flown, "x.variance", i), value(exact, "x.variance", i), 1e-4);
    EXPECT_LT(value(flown, "kl", i), 1e-5);
  }
}

TEST(FieldErrors, NoiseForgivesAFlowDoesNot) {  // check 6, by the levels
  const Table options{{"cells", std::int64_t{1200}}, {"steps", 400.0}};
  for (const auto& row : std::vector<std::array<double, 4>>{{0.3, 0, 1, 0.017981}, {0.3, 0, 5, 0.00177583}, {0.3, 0.3, 0.25, 0.055045}, {0.3, 0.3, 1, 0.071924}, {0.3, 0.3, 5, 0.063930}}) {
    const Table p = with(stationary, {{"velocity_error", row[0]}, {"score_error", row[1]}, {"epsilon", row[2]}});
    const Answer a = run(p, "fokker-planck", {"kl"}, {1}, 1, options);
    EXPECT_NEAR(value(a, "kl"), row[3], 1e-3 * row[3]);
    const double bound = std::pow(row[0] + row[2] * row[1], 2) / (4 * row[2]);
    EXPECT_LT(value(a, "kl"), bound);
    const bool said = std::any_of(a.flags.begin(), a.flags.end(), [](const Flag& f) { return f.text.find("KL at the end is at most (c + epsilon d)^2/(4 epsilon) = ") != std::string::npos; });
    EXPECT_TRUE(said);
  }
  EXPECT_NEAR(value(run(with(stationary, {{"velocity_error", 0.3}}), "transport", {"kl"}, {1}, 1, {{"steps", 400.0}}), "kl"), 0.045, 4.5e-5);
}

TEST(SchroedingerBridge, IsTheInterpolantWithTheRightCoupling) {  // check 7
  const Table p{{"laws", "gaussians"}, {"epsilon", 0.5}};
  const Answer best = run(p, "schroedinger-bridge", {"x.variance", "x.mean", "x.distribution"}, {0.25, 0.5}), independent = run(p, "exact", {"x.variance"}, {0.25, 0.5});
  EXPECT_NEAR(value(best, "x.variance", 0), 0.843290, 2e-6);
  EXPECT_NEAR(value(best, "x.variance", 1), 0.666053, 2e-6);
  EXPECT_NEAR(value(independent, "x.variance", 1), 0.5625, 1e-12);
  ASSERT_NE(flag(independent, "bridge-not-sb"), nullptr);
  EXPECT_NE(flag(independent, "bridge-not-sb")->text.find("bridge, not SB: gamma^2 = 2 epsilon t (1 - t) with Cov(x0, x1) = 0; the Schrödinger bridge has 0.207107. Var(1/2) is 0.5625 here and 0.666053 there"), std::string::npos)
      << flag(independent, "bridge-not-sb")->text;
  const Answer coupled = run(with(p, {{"coupling", 0.207107}}), "exact", {"x.variance", "control"}, {0.5, 1});
  EXPECT_NEAR(value(coupled, "x.variance"), 0.666053, 1e-6);
  EXPECT_EQ(flag(coupled, "bridge-not-sb"), nullptr);
  const double energy = value(run(p, "schroedinger-bridge", {"control"}, {1}), "control");
  EXPECT_NEAR(value(coupled, "control", 1), energy, 1e-4 * energy);
  EXPECT_GT(value(run(p, "exact", {"control"}, {1}), "control"), 1.01 * energy);
  ASSERT_NE(flag(run({{"latent_scale", 2.0}}, "exact", {"x.mean"}, {1}), "bridge-not-sb"), nullptr);  // mixtures, independent, epsilon = 1
  EXPECT_EQ(flag(run({}, "exact", {"x.mean"}, {1}), "bridge-not-sb"), nullptr);                       // another gamma: no such claim
  const Answer sharp = run({{"epsilon", 1e-5}}, "schroedinger-bridge", {"x.variance"}, {0.5});
  ASSERT_NE(flag(sharp, "step-collapse"), nullptr);
  EXPECT_TRUE(flag(sharp, "step-collapse")->fatal);
}

TEST(Particles, GiveTheSameBitsOnOneTwoAndThreeThreads) {
  const std::vector<std::string> all{"x1.mean", "x1.variance", "x2.distribution", "action", "control", "mode.weights", "kl"};
  for (const Table& p : {Table{{"laws", "random"}}, Table{{"laws", "checkerboard"}, {"t_cut", 0.01}}})
    for (const char* level : {"interpolant", "sde", "ode"}) {
      std::vector<Answer> answers;
      for (const unsigned threads : {1u, 2u, 3u}) answers.push_back(run(p, level, all, {0.5, 1}, 530, {{"steps", 8.0}}, threads));
      ASSERT_GE(answers[0].estimates.size(), 5u) << level;
      for (const std::size_t k : {1u, 2u})
        for (std::size_t e = 0; e < answers[0].estimates.size(); ++e) {
          const Estimate &a = answers[0].estimates[e], &b = answers[k].estimates[e];
          ASSERT_EQ(a.value.size(), b.value.size());
          EXPECT_EQ(std::memcmp(a.value.data(), b.value.data(), a.value.size() * sizeof(double)), 0) << level << ": " << a.observable;
        }
    }
}

TEST(Particles, SayWhereTheyCutTime) {
  const Answer a = run({{"t_cut", 1e-4}}, "sde", {"x.mean"}, {1}, 8, {{"steps", 20.0}, {"score", "denoiser"}});
  const bool said = std::any_of(a.flags.begin(), a.flags.end(), [](const Flag& f) { return f.text.find("time cut: the dynamics run from t = 0.0001 to 0.9999") != std::string::npos; });
  EXPECT_TRUE(said);
}

TEST(Pictures, ShowTheBridgeAndItsPaths) {
  const Answer exact = run({}, "exact", {"x.mean"}, {1}, 1, {}, 1, 1, true);
  ASSERT_EQ(exact.portraits.size(), 1u);
  const Portrait& density = exact.portraits[0];
  const std::size_t rows = density.axes[0].points.size(), columns = density.axes[1].points.size();
  ASSERT_EQ(density.value.size(), rows * columns);
  for (std::size_t r = 0; r < rows; r += 20) {
    double sum = 0;
    for (std::size_t c = 0; c < columns; ++c) sum += density.value[r * columns + c] * (density.axes[1].points[1] - density.axes[1].points[0]);
    EXPECT_NEAR(sum, 1, 1e-3);
  }
  for (const char* level : {"sde", "ode"}) {
    const Answer a = run({}, level, {"x.mean"}, {1}, 4, {}, 1, 1, true);
    ASSERT_EQ(a.portraits.size(), 1u);
    double sum = 0;
    for (const double v : a.portraits[0].value) sum += v;
    EXPECT_GT(sum, 0.95 * 64 * static_cast<double>(a.portraits[0].axes[0].points.size())) << level;
  }
}

std::string refusal(const Table& parameters) {
  try {
    (void)system().bind(parameters);
  } catch (const InputError& error) {
    return error.what();
  }
  return "accepted";
}
std::string refusal(const Table& parameters, const char* level, std::vector<double> times = {1}, const Table& options = {}) {
  try {
    (void)run(parameters, level, {"x.mean", "x1.mean"}, std::move(times), 2, options);
  } catch (const InputError& error) {
    return error.what();
  }
  return "accepted";
}
void expect_parts(const std::string& said, std::initializer_list<const char*> parts) {
  for (const char* part : parts) EXPECT_NE(said.find(part), std::string::npos) << said << "\n  lacks: " << part;
}
Table own(std::vector<double> weights, std::vector<double> means, std::vector<double> covariances, std::int64_t d = 1) {
  return {{"laws", "own"}, {"d", d}, {"start", "normal"}, {"weights1", std::move(weights)}, {"means1", std::move(means)}, {"covariances1", std::move(covariances)}};
}

TEST(BadInput, PathsThatDoNotBridge) {
  expect_parts(refusal({{"latent", "own"}, {"gamma_squared", "0.5 - t + t^2"}}), {"system 'stochastic-interpolants'", "gamma(0)^2 = 0.5", "must be 0"});
  expect_parts(refusal({{"latent", "own"}, {"gamma_squared", "t^2"}}), {"gamma(1)^2 = 1", "does not end in x1"});
  expect_parts(refusal({{"path", "own"}, {"alpha", "0.9 - 0.9*t"}, {"beta", "t"}}), {"alpha(0) = 0.9", "it must be 1, or I(0) is not x0"});
  expect_parts(refusal({{"path", "trig"}, {"latent_scale", 4.0}}), {"system 'stochastic-interpolants'", "gamma = 1 at t = 0.5", "stay below 1"});
  expect_parts(refusal({{"path", "mirror"}, {"latent", "none"}}), {"system 'stochastic-interpolants'", "\"mirror\" with gamma = 0"});
  expect_parts(refusal({{"path", "one-sided-linear"}, {"latent", "none"}}), {"x0 ~ N(0, I)", "rho_0 here is a mixture of 2 Gaussians"});
  EXPECT_EQ(refusal({{"path", "one-sided-linear"}, {"latent", "none"}, {"start", "normal"}}), "accepted");
  EXPECT_EQ(refusal({{"path", "own"}, {"alpha", "(1 - t)^2"}, {"beta", "t*(2 - t)"}, {"latent", "own"}, {"gamma_squared", "t*(1 - t)^2"}}), "accepted");
}

TEST(BadInput, LawsThatAreNone) {
  expect_parts(refusal(own({0.5, 0.4}, {0, 1}, {1, 1})), {"rho_1", "weights of the mixture sum to 0.9, not to 1"});
  expect_parts(refusal(own({1.5, -0.5}, {0, 1}, {1, 1})), {"rho_1", "weight 2 of the mixture is -0.5"});
  expect_parts(refusal(own({1}, {0, 0}, {1, 2, 2, 1}, 2)), {"rho_1", "covariance 1", "not positive definite"});
  expect_parts(refusal(own({1}, {0, 0}, {1, 0.2, 0.3, 1}, 2)), {"rho_1", "covariance 1", "not symmetric"});
  expect_parts(refusal(own({1}, {0}, {-1})), {"rho_1", "not positive definite"});
  expect_parts(refusal(own({1}, {0}, {1}, 2)), {"means1 has 1 numbers; 1 components in d = 2 need 2"});
  expect_parts(refusal(own({1}, {0, 0}, {1, 1}, 2)), {"covariances1 has 2 numbers; 1 components need 1 (one variance each) or 4 (d x d each)"});
  expect_parts(refusal({{"laws", "own"}}), {"weights1 is empty"});
  expect_parts(refusal({{"weights0", std::vector<double>{1}}}), {"laws = \"card\"", "set laws = \"own\""});
  expect_parts(refusal({{"coupling", 0.1}}), {"a coupling of x0 and x1 (0.1)", "Gaussian ends in one dimension"});
  expect_parts(refusal({{"laws", "gaussians"}, {"coupling", 0.6}}), {"Cov(x0, x1) = 0.6 is above", "= 0.5;"});
  EXPECT_EQ(refusal(own({0.3, 0.7}, {0, 1, 2, 3}, {1, 0.5, 0.5, 1, 2, 0, 0, 2}, 2)), "accepted");
}

TEST(BadInput, NoiseAndSingularEnds) {
  expect_parts(refusal({{"epsilon", -0.5}}), {"epsilon of system 'stochastic-interpolants' is -0.5", "0"});
  for (const char* level : {"sde", "fokker-planck"})
    expect_parts(refusal({}, level, {1}, {{"score", "denoiser"}}), {"-eta/gamma is singular at t = 0 and t = 1 and t_cut = 0", "set t_cut, for example to 1e-4 (then the dynamics run on [1e-4, 0.9999])"});
  EXPECT_EQ(refusal({{"t_cut", 1e-4}}, "sde", {1}, {{"score", "denoiser"}, {"steps", 4.0}}), "accepted");
  expect_parts(refusal({{"latent", "none"}, {"t_cut", 1e-4}}, "sde", {1}, {{"score", "denoiser"}}), {"leaves no z to predict"});
  expect_parts(refusal({{"laws", "checkerboard"}}), {"\"checkerboard\" has edges", "t_cut = 0", "1e-3"});
  expect_parts(refusal({{"epsilon", 0.0}}, "schroedinger-bridge"), {"needs epsilon > 0; it is 0"});
  expect_parts(refusal({}, "exact", {0.5, 1.5}), {"goes from t = 0 to t = 1; t = 1.5 was asked"});
}

}  // namespace
}  // namespace meso::systems::stochastic_interpolants
