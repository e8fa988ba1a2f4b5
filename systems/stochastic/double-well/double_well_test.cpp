// Trajectories, density, exact stationary law and linear noise of a double well: the verdicts of the studies must be the right ones.
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <string>

#include "base/error.h"
#include "io/toml.h"
#include "model/system.h"
#include "study/study_file.h"
#include "testing/measured.h"

namespace meso::systems::double_well {
System system();
namespace {

Results run(const std::string& file) {
  return run_study(resolved(read_study(read_toml(std::string(MESO_SOURCE_DIR "/systems/stochastic/double-well/studies/") + file), [](const ModelRequest&) { return system(); })), {.threads = 2});
}

std::map<std::string, Verdict> verdicts(const Results& results) {
  std::map<std::string, Verdict> found;
  for (const Verdict& v : results.verdicts) found[v.label + " " + v.observable] = v;
  return found;
}

TEST(DoubleWell, TrajectoriesAndDensityAgreeAndLinearNoiseIsToldWrong) {
  const auto found = verdicts(run("one-well-or-two.toml"));
  ASSERT_EQ(found.size(), 9u);
  for (const char* name : {"x.mean", "x.variance", "x.distribution"}) {
    EXPECT_EQ(found.at(std::string("langevin ") + name).outcome, Outcome::agrees) << name << ": " << found.at(std::string("langevin ") + name).reason;
    EXPECT_EQ(found.at(std::string("linear-noise ") + name).outcome, Outcome::disagrees) << name;
  }
  // A step of 0.3 is too long for this drift: one to two margins off, told by the whole law; mean and variance alone would need more trajectories.
  EXPECT_EQ(found.at("euler-0.3 x.distribution").outcome, Outcome::disagrees);
  for (const char* name : {"x.mean", "x.variance"}) EXPECT_NE(found.at(std::string("euler-0.3 ") + name).outcome, Outcome::agrees) << name;
}

TEST(DoubleWell, TheExactStationaryLawIsMetAndLinearNoiseIsBroken) {
  const Results results = run("stationary.toml");
  const auto found = verdicts(results);
  ASSERT_EQ(found.size(), 9u);
  for (const char* name : {"x.mean", "x.variance", "x.distribution"}) {
    for (const char* level : {"fokker-planck ", "langevin "}) EXPECT_EQ(found.at(std::string(level) + name).outcome, Outcome::agrees) << level << name << ": " << found.at(std::string(level) + name).reason;
    EXPECT_EQ(found.at(std::string("linear-noise ") + name).outcome, Outcome::broken) << name;
  }
  // Gibbs, by the trapezoidal rule.
  double norm = 0, second = 0;
  for (int k = -4000; k <= 4000; ++k) {
    const double x = 1e-3 * k, p = std::exp(-2 * (0.25 * x * x * x * x - 0.5 * x * x) / 0.49);
    norm += p;
    second += x * x * p;
  }
  const double exact = results.points.at(0).reference()->answer.find("x.variance")->value[0];
  EXPECT_NEAR(exact, second / norm, 1e-11);
  const Estimate& e = *results.points.at(0).find("langevin")->answer.find("x.variance");
  measured("double-well", "stationary variance of trajectories at sigma = 0.7", e.value[0], std::hypot(e.std_error[0], e.error_bound[0]), exact, "Gibbs' law by quadrature");
}

TEST(DoubleWell, OneWellSufficesForWeakNoiseOnly) {
  const Results results = run("barrier.toml");
  ASSERT_EQ(results.points.size(), 9u);
  double last_agrees = 0, first_disagrees = INFINITY;
  for (const Verdict& v : results.verdicts) {
    if (v.observable != "x.mean") continue;
    const double sigma = as_number(results.points[v.point].parameters.at("sigma"));
    if (v.outcome == Outcome::agrees) last_agrees = std::max(last_agrees, sigma);
    if (v.outcome == Outcome::disagrees) first_disagrees = std::min(first_disagrees, sigma);
  }
  EXPECT_GE(last_agrees, 0.2);
  EXPECT_LT(last_agrees, first_disagrees);
  EXPECT_LE(first_disagrees, 0.6);
  measured("double-well", "linear noise, mean over 8 time units: largest sigma of the sweep where it agrees", last_agrees, 0, "below the noise at which the barrier 1/4 is crossed: exp(-2/(4 sigma^2)) per time");
  measured("double-well", "linear noise, mean over 8 time units: smallest sigma of the sweep where it disagrees", first_disagrees, 0, "where the barrier is crossed");
}

TEST(DoubleWell, RefusesParametersOutOfRangeByName) {
  for (const auto& [name, value] : {std::pair{"sigma", -0.1}, {"b", 0.0}}) try {
      (void)system().bind({{name, Value(value)}});
      ADD_FAILURE() << name << " accepted";
    } catch (const ParameterError& error) {
      EXPECT_NE(std::string(error.what()).rfind(std::string(name) + " of system 'double-well'", 0), std::string::npos) << error.what();
    }
}

}  // namespace
}  // namespace meso::systems::double_well
