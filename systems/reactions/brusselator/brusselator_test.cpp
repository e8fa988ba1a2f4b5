#include <cmath>

#include "kits/kinetics/closure_fixture.h"
#include "io/toml.h"
#include "model/system.h"
#include "study/study_file.h"

namespace meso::systems::brusselator {
System system();
namespace {

TEST(Brusselator, IsWhatTheContractSays) {
  const Case c = system().bind({});
  EXPECT_EQ(as_number(c.parameters.at("c1")), 0.9);
  EXPECT_EQ(as_number(c.parameters.at("c2")), 3.0);
  EXPECT_EQ(c.observables.size(), 4u);
  EXPECT_TRUE(c.knows("X.Y.covariance").has_value());
  EXPECT_FALSE(c.knows("X.Z.covariance").has_value());
}

// Fixed point x = c3/c4, y = c2 c4/(c1 c3); limit cycle iff c2 > c4 + c1 (c3/c4)^2 = 1.9.
TEST(Brusselator, RateEquationCyclesAbove1p9) {
  const std::vector<std::string> means{"X.mean", "Y.mean"};
  const Answer below = kinetics::testing::stationary(system().bind({{"c2", Value(1.8)}}).level("rate-equation"), means);
  EXPECT_NEAR(kinetics::testing::value(below, "X.mean"), 10, 1e-8);
  EXPECT_NEAR(kinetics::testing::value(below, "Y.mean"), 20, 1e-8);
  kinetics::testing::record({"brusselator", "rate-equation", "volume 10, c2 = 1.8"}, below, "X.mean", 10, "fixed point volume c3/c4");
  kinetics::testing::record({"brusselator", "rate-equation", "volume 10, c2 = 1.8"}, below, "Y.mean", 20, "fixed point volume c2 c4/(c1 c3)");
  const Answer above = kinetics::testing::stationary(system().bind({{"c2", Value(2.0)}}).level("rate-equation"), means);
  ASSERT_NE(kinetics::testing::flag(above, "undamped-oscillation"), nullptr);
  EXPECT_TRUE(std::isnan(kinetics::testing::value(above, "X.mean")));
}

TEST(Brusselator, StudiesAreValid) {
  for (const char* file : {"closures.toml", "transient.toml"}) {
    const TomlNode document = read_toml(std::string(MESO_SOURCE_DIR "/systems/reactions/brusselator/studies/") + file);
    const Study study = resolved(read_study(document, [](const ModelRequest& request) {
      EXPECT_EQ(request.system, "brusselator");
      return system();
    }));
    EXPECT_GE(study.levels.size(), 1u) << file;
  }
}

}  // namespace
}  // namespace meso::systems::brusselator
