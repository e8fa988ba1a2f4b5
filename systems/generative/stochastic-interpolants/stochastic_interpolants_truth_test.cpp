// Particle levels against the closed law, through the engine.
#include <gtest/gtest.h>

#include <cmath>

#include "systems/generative/stochastic-interpolants/test_support.h"
#include "testing/measured.h"
#include "testing/statistics.h"

namespace meso::systems::stochastic_interpolants {
namespace {

using testing::run;
using testing::value;

const char* const name = "stochastic-interpolants";

/// Every value of the observables against `exact`, errors of the step added to the statistical ones.
void expect_match(const Answer& a, const Answer& exact, const std::vector<const char*>& observables, double detectable, const std::string& where) {
  for (const char* observable : observables) {
    const Estimate *e = a.find(observable), *truth = exact.find(observable);
    ASSERT_NE(e, nullptr) << where << observable;
    ASSERT_NE(truth, nullptr) << where << observable;
    std::vector<MeanCheck> checks;
    for (std::size_t i = 0; i < e->size(); ++i)
      if (!e->is_exact(i)) checks.push_back({truth->value[i], e->value[i], std::hypot(e->se(i), e->bound(i)), std::string(observable) + " " + std::to_string(i), e->dof});
    EXPECT_TRUE(MeansMatch(checks, detectable)) << where << observable;
  }
}

TEST(Levels, AgreeOnTheCardMixture) {
  const std::vector<double> times{0.25, 0.5, 1};
  const std::vector<std::string> asked{"x.mean", "x.variance", "mode.weights", "action", "control"};
  const Answer exact = run({}, "exact", asked, times);
  for (const char* level : {"interpolant", "sde", "ode"}) {  // control at t < 1 tells b + epsilon s from b: their energies agree at t = 1 only
    const Answer a = run({}, level, asked, times, 6000, {{"steps", 200.0}});
    expect_match(a, exact, {"x.mean"}, 0.9, level);
    expect_match(a, exact, {"x.variance"}, 4, level);
    expect_match(a, exact, {"mode.weights"}, 0.09, level);
    expect_match(a, exact, {"action", "control"}, std::string(level) == "sde" ? 30 : 12, level);
    measured(name, std::string("level ") + level + ": action at t = 1, gamma brownian", value(a, "action", 2), a.find("action")->se(2), 19.6086, "card");
  }
}

TEST(Levels, BackwardsReturnToTheStart) {
  const std::vector<double> times{0, 0.5};
  const Answer exact = run({}, "exact", {"x.mean", "x.variance", "mode.weights"}, times);
  for (const char* level : {"sde", "ode"}) {
    const Answer a = run({}, level, {"x.mean", "x.variance", "mode.weights"}, times, 4000, {{"steps", 200.0}, {"direction", "backward"}});
    expect_match(a, exact, {"x.mean"}, 0.9, level);
    expect_match(a, exact, {"x.variance"}, 4, level);
  }
}

TEST(Levels, AgreeInEightDimensionsAndOnTheCheckerboard) {
  const std::vector<double> times{0.5, 1};
  const Answer exact = run({{"laws", "random"}, {"d", 8}}, "exact", {"x1.mean", "x3.variance", "mode.weights"}, times);
  const Answer moments = run({{"laws", "checkerboard"}, {"t_cut", 0.002}}, "moments", {"x1.mean", "x2.variance"}, {0.5, 0.998});
  for (const char* level : {"interpolant", "sde", "ode"}) {
    const Answer a = run({{"laws", "random"}, {"d", 8}}, level, {"x1.mean", "x3.variance", "mode.weights"}, times, 2000, {{"steps", 60.0}});
    expect_match(a, exact, {"x1.mean", "mode.weights"}, 0.6, level);
    expect_match(a, exact, {"x3.variance"}, 4, level);
    const Answer squares = run({{"laws", "checkerboard"}, {"t_cut", 0.002}}, level, {"x1.mean", "x2.variance"}, {0.5, 0.998}, 1000, {{"steps", 400.0}});
    expect_match(squares, moments, {"x1.mean"}, 1, level);
    expect_match(squares, moments, {"x2.variance"}, 2.5, level);
  }
}

TEST(Levels, KlOfTheFlowByLikelihood) {  // check 6: 0.045 from particles, and nothing where the fields are exact
  const Table stationary{{"laws", "gaussians"}, {"var1", 1.0}, {"path", "one-sided-trig"}, {"latent", "none"}, {"velocity_error", 0.3}};
  const Answer a = run(stationary, "ode", {"kl"}, {1}, 20000, {{"steps", 50.0}});
  EXPECT_TRUE(MeansMatch({{0.045, value(a, "kl"), a.find("kl")->se(0), "KL", a.find("kl")->dof}}, 0.02));
  measured(name, "check 6: KL of the flow by likelihood, c = 0.3", value(a, "kl"), a.find("kl")->se(0), 0.045, "card");
  const Answer none = run({{"laws", "random"}, {"d", 4}}, "ode", {"kl"}, {0.5, 1}, 64, {{"steps", 400.0}});
  for (std::size_t i = 0; i < 2; ++i) EXPECT_LT(std::abs(value(none, "kl", i)), 1e-5);
}

}  // namespace
}  // namespace meso::systems::stochastic_interpolants
