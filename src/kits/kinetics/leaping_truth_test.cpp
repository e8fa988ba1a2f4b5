// Tau-leaping and the chemical Langevin equation against the master equation, and the order of the leap's error.
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
  // Mean and variance, both levels, three networks: the error of the step control (epsilon 0.05) is a few per cent of the variance at most.
  for (const Example& e : examples()) {
    const Network network = e.spec.bind({});
    const std::string s = network.species[0];
    const Answer exact = run(fsp_level(network), e.times, {s + ".mean", s + ".variance"}, 0);
    const std::uint64_t n = 3000;
    for (const Level& level : {tau_leap_level(network), langevin_level(network)}) {
      const Answer got = run(level, e.times, {s + ".mean", s + ".variance"}, n);
      for (std::size_t i = 0; i < e.times.size(); ++i) {
        const double mean = exact.estimates[0].value[i], variance = exact.estimates[1].value[i];
        EXPECT_NEAR(got.estimates[0].value[i], mean, 0.01 * mean + 6.5 * std::sqrt(variance / n)) << e.name << " " << level.info.name << " t = " << e.times[i];
        EXPECT_NEAR(got.estimates[1].value[i], variance, 0.05 * variance + 6.5 * variance * std::sqrt(2.0 / n)) << e.name << " " << level.info.name << " t = " << e.times[i];
      }
    }
  }
}

TEST(TauLeap, HasAnErrorOfFirstOrderInEpsilon) {
  // Decay from 1e6: the mean after one lifetime. A leap of fixed relative size h = epsilon multiplies by (1 - h): the error of the mean is
  // of order epsilon, and with 1e6 molecules its noise is far below.
  const Network network = NetworkSpec{.species = {"X"}, .reactions = {"X -> 0, 1"}, .initial = {{"X", 10000000}}}.bind({});
  const double exact = 1e7 * std::exp(-1.0);
  std::vector<double> steps, errors;
  for (const double epsilon : {0.2, 0.1, 0.05, 0.025}) {
    const Answer got = run(tau_leap_level(network), {1}, {"X.mean"}, 400, {{"epsilon", Value(epsilon)}});
    steps.push_back(epsilon);
    errors.push_back(std::abs(got.estimates[0].value[0] - exact));
    measured("kinetics", "tau-leap error of the mean at epsilon " + std::to_string(epsilon), got.estimates[0].value[0] / exact - 1, std::sqrt(1 / exact / 400), "first order in epsilon");
  }
  EXPECT_TRUE(OrderIs(steps, errors, 1.0, 0.1));
}

}  // namespace
}  // namespace meso::kinetics
