#include <cmath>

#include "kits/kinetics/closure_fixture.h"
#include "model/system.h"

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
  const Answer above = kinetics::testing::stationary(system().bind({{"c2", Value(2.0)}}).level("rate-equation"), means);
  ASSERT_NE(kinetics::testing::flag(above, "undamped-oscillation"), nullptr);
  EXPECT_TRUE(std::isnan(kinetics::testing::value(above, "X.mean")));
}

}  // namespace
}  // namespace meso::systems::brusselator
