// The stationary law by quadrature against closed forms, against the Fokker-Planck grid, and what it refuses.
#include "kits/sde/stationary.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "base/error.h"
#include "exec/engine.h"
#include "kits/sde/fokker_planck.h"
#include "kits/sde/ladder.h"

namespace meso::sde {
namespace {

SdeSpec scalar(const std::string& drift, const std::string& diffusion, double x0) {
  SdeSpec spec;
  spec.variables = {"x"};
  spec.drift["x"] = drift;
  spec.diffusion["x"] = {diffusion};
  spec.initial["x"] = x0;
  return spec;
}

Answer run(const Level& level, const Ask& ask) {
  LevelRun engine({.seed = 1, .threads = 1}, "test/stationary");
  return level.run(ask, engine);
}

Ask stationary(std::vector<std::string> observables) {
  Ask ask;
  ask.when = Stationary{};
  ask.observables = std::move(observables);
  return ask;
}

TEST(StationaryLaw, OfAnOrnsteinUhlenbeckProcessIsGaussian) {
  const StationaryLaw law(scalar("2*(3 - x)", "0.8", 1).bind({}));
  EXPECT_NEAR(law.mean(), 3, 1e-12);
  EXPECT_NEAR(law.variance(), 0.16, 1e-13);
  for (const double x : {2.0, 2.7, 3.0, 3.9}) EXPECT_NEAR(law.cdf(x), 0.5 * std::erfc((3 - x) / (0.4 * std::numbers::sqrt2)), 1e-12) << x;
}

TEST(StationaryLaw, OfADoubleWellHasTheMomentsOfGibbs) {
  // Gibbs' weight exp(-(x^4/2 - x^2)) (sigma = 1): <x^2> by parabolic cylinder functions is the ratio of two integrals, here by the trapezoidal
  // rule, which converges faster than any power for an analytic integrand that falls off.
  double norm = 0, second = 0;
  for (int k = -4000; k <= 4000; ++k) {
    const double x = 1e-3 * k, p = std::exp(x * x - 0.5 * x * x * x * x);
    norm += p;
    second += x * x * p;
  }
  const StationaryLaw law(scalar("x - x^3", "1", 0.5).bind({}));
  EXPECT_NEAR(law.mean(), 0, 1e-13);
  EXPECT_NEAR(law.variance(), second / norm, 1e-12);
  EXPECT_NEAR(law.cdf(0), 0.5, 1e-13);
  // The identity <x V'(x)> = D, from integration by parts.
  EXPECT_NEAR(law.expectation([](double x) { return x * (x * x * x - x); }), 0.5, 1e-12);
}

TEST(StationaryLaw, OfMultiplicativeNoiseIsTheItoLaw) {
  // dx = (2 - x) dt + sqrt(x) dW on x > 0: Gamma with shape 4 and scale 1/2 (Cox, Ingersoll and Ross 1985); D vanishes at the wall.
  SdeSpec spec = scalar("2 - x", "sqrt(x)", 1);
  spec.domain["x"] = {0, INFINITY};
  const StationaryLaw law(spec.bind({}));
  EXPECT_NEAR(law.mean(), 2, 1e-10);
  EXPECT_NEAR(law.variance(), 1, 1e-10);
  const auto gamma4 = [](double y) { return 1 - std::exp(-y) * (1 + y + y * y / 2 + y * y * y / 6); };
  for (const double x : {0.3, 1.0, 4.0}) EXPECT_NEAR(law.cdf(x), gamma4(2 * x), 1e-10) << x;
}

TEST(StationaryLaw, LevelMeetsTheFokkerPlanckGridAndItsBoundCoversTheRest) {
  const Process process = scalar("x - x^3 + 0.2", "0.8", 0.5).bind({});
  const Ask ask = stationary({"x.mean", "x.variance", "x.distribution"});
  const Answer law = run(stationary_law_level(process), ask), grid = run(fokker_planck_level(process), ask);
  for (const char* name : {"x.mean", "x.variance"}) {
    EXPECT_NEAR(law.find(name)->value[0], grid.find(name)->value[0], grid.find(name)->error_bound[0] + 1e-9) << name;
    EXPECT_LE(law.find(name)->error_bound[0], 1e-10);
  }
  ASSERT_EQ(law.find("x.distribution")->axes, grid.find("x.distribution")->axes);
  double f = 0, g = 0, worst = 0;
  for (std::size_t b = 0; b < law.find("x.distribution")->size(); ++b)
    worst = std::max(worst, std::abs((f += law.find("x.distribution")->value[b]) - (g += grid.find("x.distribution")->value[b])));
  EXPECT_LE(worst, grid.find("x.distribution")->error_bound[0] + 1e-9);
  EXPECT_NEAR(f, 1, 1e-12);
}

TEST(StationaryLaw, RefusesWhatHasNone) {
  const auto told = [](const SdeSpec& spec) {
    const Answer answer = run(stationary_law_level(spec.bind({})), stationary({"x.mean"}));
    return answer.flags.size() == 1 && answer.flags[0].fatal && answer.flags[0].kind == "no-law" ? answer.flags[0].text : std::string();
  };
  EXPECT_NE(told(scalar("0", "1", 0)).find("does not fall off"), std::string::npos);
  EXPECT_NE(told(scalar("x", "1", 0)).find("does not fall off"), std::string::npos);
  EXPECT_NE(told(scalar("-x", "0", 1)).find("needs noise everywhere"), std::string::npos);
  EXPECT_THROW(static_cast<void>(stationary_law_level(scalar("cos(t) - x", "1", 0).bind({}))), ModelError);
  Ask over_time;
  over_time.when = Times{{1.0}};
  over_time.observables = {"x.mean"};
  const Answer none = run(stationary_law_level(scalar("-x", "1", 0).bind({})), over_time);
  EXPECT_TRUE(none.estimates.empty());
  ASSERT_EQ(none.flags.size(), 1u);
  EXPECT_FALSE(none.flags[0].fatal);
}

}  // namespace
}  // namespace meso::sde
