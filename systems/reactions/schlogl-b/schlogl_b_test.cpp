#include <cmath>

#include "kits/kinetics/closure_fixture.h"
#include "io/toml.h"
#include "model/system.h"
#include "study/study_file.h"

namespace meso::systems::schlogl_b {
System system();
namespace {

TEST(SchloglB, RateEquationHasItsRoots) {  // x' = -(x - 1)(x - 2)(x - 4)
  for (const auto& [x0, root] : {std::pair{0, 10.0}, {19, 10.0}, {21, 40.0}}) {
    const Case c = system().bind({{"X0", Value(x0)}});
    const Answer a = kinetics::testing::at_times(c.level("rate-equation"), {100}, {"X.mean"});
    EXPECT_NEAR(kinetics::testing::value(a, "X.mean"), root, 1e-5) << x0;
    kinetics::testing::record({"schlogl-b", "rate-equation", "t = 100 from X = " + std::to_string(x0)}, a, "X.mean", root, "root of the rate equation");
  }
  const Answer a = kinetics::testing::stationary(system().bind({}).level("rate-equation"), {"X.mean"});
  ASSERT_EQ(a.steady_states.size(), 2u);
  EXPECT_NEAR(a.steady_states[0].eigenvalues[0].real(), -3, 1e-9);  // -(1 - 2)(1 - 4)
  EXPECT_NEAR(a.steady_states[1].eigenvalues[0].real(), -6, 1e-9);  // -(4 - 1)(4 - 2)
  const double none = std::nan("");  // eigenvalues come without a bound
  measured("schlogl-b", "rate-equation eigenvalue at x = 1", a.steady_states[0].eigenvalues[0].real(), none, -3, "derivative of the cubic rate law");
  measured("schlogl-b", "rate-equation eigenvalue at x = 4", a.steady_states[1].eigenvalues[0].real(), none, -6, "derivative of the cubic rate law");
}

TEST(SchloglB, StudiesAreValid) {
  for (const char* file : {"bistable-window.toml"}) {
    const TomlNode document = read_toml(std::string(MESO_SOURCE_DIR "/systems/reactions/schlogl-b/studies/") + file);
    const Study study = resolved(read_study(document, [](const ModelRequest& request) {
      EXPECT_EQ(request.system, "schlogl-b");
      return system();
    }));
    EXPECT_GE(study.levels.size(), 1u) << file;
  }
}

}  // namespace
}  // namespace meso::systems::schlogl_b
