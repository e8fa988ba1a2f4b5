#include <cmath>

#include "kits/kinetics/closure_fixture.h"
#include "model/system.h"

namespace meso::systems::dimer {
System system();
namespace {

TEST(Dimer, RateEquationRestsAtTheRoot) {  // x = sqrt(k1 / (2 k2)), relaxation rate 4 k2 x
  const Case c = system().bind({{"k1", Value(3.0)}, {"k2", Value(0.5)}});
  const Answer a = kinetics::testing::stationary(c.level("rate-equation"), {"X.mean"});
  EXPECT_NEAR(kinetics::testing::value(a, "X.mean"), 10 * std::sqrt(3.0), 1e-9);
  EXPECT_NEAR(a.steady_states.at(0).eigenvalues.at(0).real(), -2 * std::sqrt(3.0), 1e-9);
}

// Stationarity of the mean ties the first two moments, in the master equation and in every closure: <n(n-1)> = k1 volume^2 / (2 k2).
TEST(Dimer, FactorialMomentIsExactAtEveryOrder) {
  for (int order = 2; order <= 6; ++order) {
    const Answer a = kinetics::testing::stationary(system().bind({}).level("closure"), {"X.mean", "X.variance"}, kinetics::testing::normal(order));
    const double mean = kinetics::testing::value(a, "X.mean"), variance = kinetics::testing::value(a, "X.variance");
    EXPECT_NEAR(variance + mean * mean - mean, 50, 1e-9) << order;
  }
}

}  // namespace
}  // namespace meso::systems::dimer
