#include <cmath>

#include "kits/kinetics/closure_fixture.h"
#include "io/toml.h"
#include "model/system.h"
#include "study/study_file.h"

namespace meso::systems::schlogl {
System system();
namespace {

TEST(Schlogl, IsWhatTheContractSays) {
  const System s = system();
  const Case c = s.bind({});
  const Table expected{{"volume", Value(10.0)}, {"k1", Value(5.0)}, {"k2", Value(1.0)}, {"k3", Value(2.25)}, {"k4", Value(6.75)}, {"X0", Value(0)}, {"combinatoric", Value(false)}};
  EXPECT_EQ(c.parameters, expected);
  EXPECT_EQ(c.observables.size(), 2u);
}

// The rate equation is x' = -(x - 1/2)(x - 3/2)(x - 3): from either side of 3/2 it goes to 1/2 or 3.
TEST(Schlogl, RateEquationHasItsRoots) {
  for (const auto& [x0, root] : {std::pair{0, 5.0}, {14, 5.0}, {16, 30.0}, {60, 30.0}}) {
    const Case c = system().bind({{"X0", Value(x0)}});
    const Answer a = kinetics::testing::at_times(c.level("rate-equation"), {100}, {"X.mean"});
    EXPECT_NEAR(kinetics::testing::value(a, "X.mean"), root, 1e-5) << x0;
    kinetics::testing::record({"schlogl", "rate-equation", "t = 100 from X = " + std::to_string(x0)}, a, "X.mean", root, "root of the rate equation");
  }
}

// Scaling all roots by 0.8 and the volume by 1/0.8 leaves the law of the counts alone: <n> is the same (k2 = 1 sets the time).
TEST(Schlogl, ClosureIsInvariantUnderScalingOfTheRoots) {
  const Case a = system().bind({{"volume", Value(10.0)}});
  const Case b = system().bind({{"volume", Value(12.5)}, {"k1", Value(4.0)}, {"k3", Value(1.152)}, {"k4", Value(4.32)}});
  const Table options = kinetics::testing::normal(3);
  const Answer x = kinetics::testing::stationary(a.level("closure"), {"X.mean", "X.variance"}, options), y = kinetics::testing::stationary(b.level("closure"), {"X.mean", "X.variance"}, options);
  EXPECT_NEAR(kinetics::testing::value(x, "X.mean"), kinetics::testing::value(y, "X.mean"), 1e-8);
  EXPECT_NEAR(kinetics::testing::value(x, "X.variance"), kinetics::testing::value(y, "X.variance"), 1e-7);
}

TEST(Schlogl, StudiesAreValid) {
  for (const char* file : {"closures.toml", "families.toml", "ssa-against-fsp.toml"}) {
    const TomlNode document = read_toml(std::string(MESO_SOURCE_DIR "/systems/reactions/schlogl/studies/") + file);
    const Study study = resolved(read_study(document, [](const ModelRequest& request) {
      EXPECT_EQ(request.system, "schlogl");
      return system();
    }));
    EXPECT_GE(study.levels.size(), 1u) << file;
  }
}

}  // namespace
}  // namespace meso::systems::schlogl
