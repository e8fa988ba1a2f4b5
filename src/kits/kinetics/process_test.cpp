// The pieces below model files: margins of conditions, reversible laws, circular definitions; exact trajectories against closed forms.
#include "kits/kinetics/process.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "kits/kinetics/process_ode.h"
#include "kits/kinetics/process_ssa.h"
#include "testing/statistics.h"

namespace meso::kinetics {
namespace {

Formula f(const char* text) { return Formula::parse(text); }

TEST(ConditionMargin, IsPositiveWhereTheConditionHolds) {
  const std::vector<std::string> slots{"x", "y"};
  for (const char* text : {"lt(x, y)", "le(y, x + 1)", "min(lt(x, 2), lt(y, 3))", "max(lt(x, 2), 1 - lt(y, 3))", "1 - min(lt(x, 1), lt(1, y))", "if(lt(x, 1), lt(y, 2), lt(y, 1))", "eq(x, y)"}) {
    const Program condition(f(text), slots), margin(condition_margin(f(text)), slots);
    for (double x = 0.05; x < 4; x += 0.3)
      for (double y = 0.11; y < 4; y += 0.37) {
        const std::vector<double> at{x, y};
        EXPECT_EQ(condition(at) != 0, margin(at) > 0) << text << " at " << x << ", " << y;
      }
  }
}

TEST(SplitReversible, SeparatesForwardAndBackward) {
  const std::vector<std::string> slots{"A", "B", "k", "v"};
  const auto check = [&](const char* text, const char* forward, const char* backward) {
    const auto split = split_reversible(f(text));
    ASSERT_TRUE(split) << text;
    const std::vector<double> at{3, 5, 0.7, 2};
    EXPECT_NEAR(Program(split->first, slots)(at), Program(f(forward), slots)(at), 1e-12) << text;
    EXPECT_NEAR(Program(split->second, slots)(at), Program(f(backward), slots)(at), 1e-12) << text;
  };
  check("k*A - v*B", "k*A", "v*B");
  check("v*(k*A - B/2)/(1 + A + B)", "v*k*A/(1 + A + B)", "v*B/2/(1 + A + B)");
  check("-(k*A - v*B)", "v*B", "k*A");
  EXPECT_FALSE(split_reversible(f("k*A*(A - 1)")));
  EXPECT_FALSE(split_reversible(f("k*A")));
}

TEST(ProcessSpec, CirclesAndUnknownNamesAreRefused) {
  const auto said = [](ProcessSpec spec) -> std::string {
    try {
      (void)bind(spec, {});
    } catch (const ModelError& error) {
      return error.what();
    }
    return "";
  };
  ProcessSpec spec;
  spec.quantities = {{.name = "a", .initial = f("1")}, {.name = "b", .initial = f("a")}};
  spec.assignments = {{"a", f("b + 1")}, {"b", f("2*a")}};
  EXPECT_NE(said(spec).find("depend on each other in a circle: a -> b -> a"), std::string::npos) << said(spec);
  spec.assignments = {{"a", f("c + 1")}};
  EXPECT_NE(said(spec).find("unknown name 'c'"), std::string::npos) << said(spec);
  spec.assignments = {};
  spec.events.push_back({.name = "e", .trigger = f("lt(1, t)"), .assignments = {{"a", f("a + 1")}, {"b", f("a")}}});
  EXPECT_EQ(said(spec), "");
}

/// Mean and variance of one observed quantity over n trajectories at one time.
std::pair<double, double> moments(const Process& process, double t, std::size_t n) {
  const ProcessSsa ssa(std::make_shared<const CompiledProcess>(process));
  double mean = 0, square = 0;
  const std::vector<double> times{t};
  for (std::uint64_t id = 0; id < n; ++id)
    (void)ssa.run_path(times, Stream(77, id, "test/process").fast(), [&](std::size_t, std::span<const double> x) {
      mean += x[0] / static_cast<double>(n);
      square += x[0] * x[0] / static_cast<double>(n);
    });
  return {mean, square - mean * mean};
}

TEST(ProcessSsa, ThinningIsExactForRatesThatRiseFallAndVanish) {
  // Immigration at a rate of the time, death at another: X(t) is Poisson, its mean m' = b(t) - d(t) m.
  const Network network = NetworkSpec{.species = {"X"}, .reactions = {"0 -> X, = 40*max(0, sin(6*t))", "X -> 0, = X*(0.2 + t^2)"}}.bind({});
  const double t = 1.3;
  double m = 0;
  const int steps = 200000;
  for (int i = 0; i < steps; ++i) {  // midpoint rule
    const auto slope = [](double at, double value) { return 40 * std::max(0.0, std::sin(6 * at)) - (0.2 + at * at) * value; };
    const double h = t / steps, at = i * h;
    m += h * slope(at + h / 2, m + h / 2 * slope(at, m));
  }
  const std::size_t n = 4000;
  const auto [mean, variance] = moments(process_of(network), t, n);
  EXPECT_TRUE(MeansMatch({{m, mean, std::sqrt(m / n), "mean"}, {m, variance, std::sqrt((m + 2 * m * m) / n), "variance"}}, 3));
}

TEST(ProcessSsa, RateRulesAndJumpsDriveEachOther) {
  // y' = 1 - y from 0 makes X at rate 10 y: X(t) is Poisson with mean 10 (t - 1 + exp(-t)).
  ProcessSpec spec;
  spec.quantities = {{.name = "X", .initial = f("0"), .observed = true, .counted = true}, {.name = "y", .initial = f("0")}};
  spec.reactions = {{.text = "make", .changes = {{"X", f("1")}}, .rate = f("10*y")}};
  spec.rates = {{"y", f("1 - y")}};
  const double t = 2, m = 10 * (t - 1 + std::exp(-t));
  const std::size_t n = 400;
  const auto [mean, variance] = moments(bind(spec, {}), t, n);
  EXPECT_TRUE(MeansMatch({{m, mean, std::sqrt(m / n), "mean"}, {m, variance, std::sqrt((m + 2 * m * m) / n), "variance"}}, 10));
}

TEST(EventQueue, EqualPrioritiesAreDrawnAndEndlessEventsAreRefused) {
  ProcessSpec spec;
  spec.quantities = {{.name = "x", .initial = f("0"), .observed = true}};
  for (const char* value : {"1", "2"}) spec.events.push_back({.name = value, .trigger = f("le(1, t)"), .priority = f("5"), .assignments = {{"x", f(value)}}});
  const std::size_t n = 2000;
  const auto [mean, variance] = moments(bind(spec, {}), 2, n);
  EXPECT_TRUE(MeansMatch({{1.5, mean, 0.5 / std::sqrt(static_cast<double>(n)), "who comes last"}}, 0.2));
  spec.events = {{.name = "up", .trigger = f("lt(x, 1)"), .initially = false, .assignments = {{"x", f("2")}}}, {.name = "down", .trigger = f("lt(1, x)"), .initially = false, .assignments = {{"x", f("0")}}}};
  try {
    (void)moments(bind(spec, {}), 2, 1);
    ADD_FAILURE() << "endless";
  } catch (const ModelError& error) {
    EXPECT_NE(std::string(error.what()).find("go on for ever at t = 0: each sets off the next"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace meso::kinetics
