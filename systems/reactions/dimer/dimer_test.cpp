#include <cmath>

#include "kits/kinetics/closure_fixture.h"
#include "io/toml.h"
#include "model/system.h"
#include "study/study_file.h"

namespace meso::systems::dimer {
System system();
namespace {

TEST(Dimer, RateEquationRestsAtTheRoot) {  // x = sqrt(k1 / (2 k2)), relaxation rate 4 k2 x
  const Case c = system().bind({{"k1", Value(3.0)}, {"k2", Value(0.5)}});
  const Answer a = kinetics::testing::stationary(c.level("rate-equation"), {"X.mean"});
  EXPECT_NEAR(kinetics::testing::value(a, "X.mean"), 10 * std::sqrt(3.0), 1e-9);
  kinetics::testing::record({"dimer", "rate-equation", "volume 10, k1 = 3, k2 = 0.5"}, a, "X.mean", 10 * std::sqrt(3.0), "root volume sqrt(k1/(2 k2))");
  EXPECT_NEAR(a.steady_states.at(0).eigenvalues.at(0).real(), -2 * std::sqrt(3.0), 1e-9);
}

// Stationarity of the mean ties the first two moments, in the master equation and in every closure: <n(n-1)> = k1 volume^2 / (2 k2).
TEST(Dimer, FactorialMomentIsExactAtEveryOrder) {
  for (int order = 2; order <= 6; ++order) {
    const Answer a = kinetics::testing::stationary(system().bind({}).level("closure"), {"X.mean", "X.variance"}, kinetics::testing::normal(order));
    const double mean = kinetics::testing::value(a, "X.mean"), variance = kinetics::testing::value(a, "X.variance");
    EXPECT_NEAR(variance + mean * mean - mean, 50, 1e-9) << order;
    measured("dimer", "normal-" + std::to_string(order) + " <n(n-1)>, volume 10", variance + mean * mean - mean,
             kinetics::testing::bound(a, "X.variance") + (2 * mean + 1) * kinetics::testing::bound(a, "X.mean"), 50, "identity that every closure keeps");
  }
}

TEST(Dimer, StudiesAreValid) {
  for (const char* file : {"threshold.toml"}) {
    const TomlNode document = read_toml(std::string(MESO_SOURCE_DIR "/systems/reactions/dimer/studies/") + file);
    const Study study = resolved(read_study(document, [](const ModelRequest& request) {
      EXPECT_EQ(request.system, "dimer");
      return system();
    }));
    EXPECT_GE(study.levels.size(), 1u) << file;
  }
}

}  // namespace
}  // namespace meso::systems::dimer
