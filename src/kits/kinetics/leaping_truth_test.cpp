// Tau-leaping, the chemical Langevin equation and the hybrid against the master equation and exact moments; the order of the leap's error.
#include <gtest/gtest.h>

#include <cmath>

#include "exec/engine.h"
#include "kits/kinetics/fsp.h"
#include "kits/kinetics/leaping.h"
#include "testing/measured.h"
#include "testing/statistics.h"

namespace meso::kinetics {
namespace {

Answer run(const Level& level, const std::vector<double>& times, std::vector<std::string> observables, std::uint64_t n, Table options = {}) {
  Ask ask{.when = Times{times}, .observables = std::move(observables), .target_error = 1e-7};
  if (level.info.name == "tau-leap") options["offer"] = Value("always");
  ask.options = resolve(level.info.options, options, level.info.name);
  LevelRun engine({.seed = 12, .threads = 2}, "truth/" + level.info.name);
  if (n > 0) engine.set_trajectories(n);
  return level.run(ask, engine);
}

struct Example {
  const char* name;
  NetworkSpec spec;
  std::vector<double> times;
};

std::vector<Example> examples() {
  return {{"dimer", {.species = {"X"}, .reactions = {"0 -> X, 1", "2X -> 0, 1"}, .volume = 500}, {0.3, 2}},
          {"isomers", {.species = {"A", "B"}, .reactions = {"A <-> B, 1; 0.5"}, .initial = {{"A", 2000}}}, {0.5, 3}},
          {"enzyme law", {.species = {"S"}, .reactions = {"0 -> S, 200", "S -> 0, = 600*S/(500 + S)"}, .initial = {{"S", 800}}}, {1, 5}}};
}

TEST(Leaping, AgreesWithTheMasterEquationWithinItsStep) {
  // Mean and variance, all three levels, three networks: the step control (epsilon 0.1) leaves less than half a per cent of the mean and two of
  // the variance. Five hundred molecules and more: what the Langevin equation gives up is smaller.
  for (const Example& e : examples()) {
    const Network network = e.spec.bind({});
    const std::string s = network.species[0];
    const Answer exact = run(fsp_level(network), e.times, {s + ".mean", s + ".variance"}, 0);
    const std::uint64_t n = 20000;
    for (const Level& level : {tau_leap_level(network), langevin_level(network), hybrid_level(network)}) {
      const Answer got = run(level, e.times, {s + ".mean", s + ".variance"}, n);
      for (std::size_t i = 0; i < e.times.size(); ++i) {
        const double mean = exact.estimates[0].value[i], variance = exact.estimates[1].value[i];
        EXPECT_NEAR(got.estimates[0].value[i], mean, 0.005 * mean + 6.5 * std::sqrt(variance / n)) << e.name << " " << level.info.name << " t = " << e.times[i];
        EXPECT_NEAR(got.estimates[1].value[i], variance, 0.02 * variance + 6.5 * variance * std::sqrt(2.0 / n)) << e.name << " " << level.info.name << " t = " << e.times[i];
      }
    }
  }
}

TEST(TauLeap, HasAnErrorOfSecondOrderInEpsilon) {
  // Decay of a billion: the mean after one lifetime is N / e, and its noise is far below the error of the leaps. A leap of relative size h = epsilon
  // multiplies by 1 - h + h^2 / 2. Dimerisation from many: the rate equation's 1 / (1/n + 2 k t), again without noise.
  struct Decay {
    const char* name;
    NetworkSpec spec;
    double exact;
  };
  const double n = 1e9, k = 1e-9;
  for (const Decay& d : {Decay{"decay", {.species = {"X"}, .reactions = {"X -> 0, 1"}, .initial = {{"X", n}}}, n * std::exp(-1.0)},
                         Decay{"dimerisation", {.species = {"X"}, .reactions = {"2X -> 0, 1e-9"}, .initial = {{"X", n}}}, 1 / (1 / n + 2 * k)}}) {
    const Network network = d.spec.bind({});
    for (const Level& level : {tau_leap_level(network), langevin_level(network), hybrid_level(network)}) {
      std::vector<double> steps, errors;
      for (const double epsilon : {0.2, 0.1, 0.05, 0.025}) {
        const Answer got = run(level, {1}, {"X.mean"}, 256, {{"epsilon", Value(epsilon)}});
        steps.push_back(epsilon);
        errors.push_back(std::abs(got.estimates[0].value[0] / d.exact - 1));
        measured("kinetics", level.info.name + ", " + d.name + ": relative error of the mean at epsilon " + std::to_string(epsilon), got.estimates[0].value[0] / d.exact - 1,
                 got.estimates[0].std_error[0] / d.exact, "second order in epsilon");
      }
      EXPECT_TRUE(OrderIs(steps, errors, 2.0, 0.15)) << level.info.name << ", " << d.name;
    }
  }
}

TEST(TauLeap, HasTheVarianceNearEquilibriumThatTheMethodPredicts) {
  // Immigration and death, k = 1, at the longest leaps: h = k tau = 1/2 (turnover 2 n), for which the weak trapezoidal method keeps the variance
  // n (2 - 2h + h^2) / (2 - 2h + h^2 - h^3/4) = 1.026 n (leaping.h). A first-order leap of the same length has n / (1 - h/2) = 1.333 n.
  const double n = 20000, h = 0.5, predicted = n * (2 - 2 * h + h * h) / (2 - 2 * h + h * h - h * h * h / 4);
  const Network network = NetworkSpec{.species = {"X"}, .reactions = {"0 -> X, 20000", "X -> 0, 1"}, .initial = {{"X", n}}}.bind({});
  const Answer got = run(tau_leap_level(network), {20}, {"X.mean", "X.variance"}, 200000, {{"epsilon", Value(0.2)}});
  EXPECT_TRUE(MeansMatch({{predicted / n, got.estimates[1].value[0] / n, got.estimates[1].std_error[0] / n, "variance"}}, 0.03));
  EXPECT_TRUE(MeansMatch({{n, got.estimates[0].value[0], got.estimates[0].std_error[0], "mean"}}, 0.001 * n));
  measured("kinetics", "tau-leap: variance of immigration-death at leaps of half a lifetime, over the mean", got.estimates[1].value[0] / n, got.estimates[1].std_error[0] / n, predicted / n, "weak trapezoidal method");
}

TEST(Hybrid, HasTheExactMomentsOfAGeneWithManyProteins) {
  // A gene that switches on and off and makes 500 proteins a lifetime when on: means and variances are exact in closed form.
  // <g> = p (1 - e^-st), s = on + off; stationary: <P> = r p / d, Var P = <P> + r^2 p (1 - p) / (d (d + s)).
  const double on = 0.4, off = 0.6, r = 500, d = 1, p = on / (on + off), s = on + off;
  const Network network = NetworkSpec{.species = {"G", "P"}, .reactions = {"G -> 0, 0.6", "0 -> G, = 0.4*(1 - G)", "G -> G + P, 500", "P -> 0, 1"}}.bind({});
  const double mean = r * p / d, variance = mean + r * r * p * (1 - p) / (d * (d + s));
  const std::uint64_t n = 40000;
  const Answer got = run(hybrid_level(network), {12}, {"G.mean", "P.mean", "P.variance", "G.P.covariance"}, n);
  const auto& e = got.estimates;
  EXPECT_TRUE(MeansMatch({{p, e[0].value[0], e[0].std_error[0], "G.mean"}}, 0.03));
  EXPECT_TRUE(MeansMatch({{mean, e[1].value[0], e[1].std_error[0], "P.mean"}}, 0.06 * mean));
  EXPECT_TRUE(MeansMatch({{variance, e[2].value[0], e[2].std_error[0], "P.variance"}}, 0.05 * variance));
  EXPECT_TRUE(MeansMatch({{r * p * (1 - p) / (d + s), e[3].value[0], e[3].std_error[0], "covariance"}}, 0.06 * r * p * (1 - p)));
}

}  // namespace
}  // namespace meso::kinetics
