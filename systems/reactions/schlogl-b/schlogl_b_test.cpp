#include <cmath>

#include "kits/kinetics/closure_fixture.h"
#include "model/system.h"

namespace meso::systems::schlogl_b {
System system();
namespace {

TEST(SchloglB, RateEquationHasItsRoots) {  // x' = -(x - 1)(x - 2)(x - 4)
  for (const auto& [x0, root] : {std::pair{0, 10.0}, {19, 10.0}, {21, 40.0}}) {
    const Case c = system().bind({{"X0", Value(x0)}});
    const Answer a = kinetics::testing::at_times(c.level("rate-equation"), {100}, {"X.mean"});
    EXPECT_NEAR(kinetics::testing::value(a, "X.mean"), root, 1e-5) << x0;
  }
  const Answer a = kinetics::testing::stationary(system().bind({}).level("rate-equation"), {"X.mean"});
  ASSERT_EQ(a.steady_states.size(), 2u);
  EXPECT_NEAR(a.steady_states[0].eigenvalues[0].real(), -3, 1e-9);  // -(1 - 2)(1 - 4)
  EXPECT_NEAR(a.steady_states[1].eigenvalues[0].real(), -6, 1e-9);  // -(4 - 1)(4 - 2)
}

}  // namespace
}  // namespace meso::systems::schlogl_b
