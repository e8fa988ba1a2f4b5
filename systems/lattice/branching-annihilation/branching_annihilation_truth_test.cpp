#include "systems/lattice/branching-annihilation/branching_annihilation.h"

#include "kits/lattice/lattice_fixture.h"

namespace meso::systems::branching_annihilation {
namespace {

using namespace lattice::testing;

// Fast hops mix: within 5 % of (sigma - mu)/lambda at D = 100; slow ones leave each site to itself, and the verdict flips.
TEST(BranchingAnnihilationTruth, FastHopsBringTheRateEquationAndSlowOnesDoNot) {
  const auto density = [&](double D, int L, std::uint64_t n) {
    return answer_of(system(), {.parameters = {{"L", Value(L)}, {"D", Value(D)}}, .when = Times{{20}}, .observables = {"A.density"}, .trajectories = n});
  };
  const Answer fast = density(100, 1000, 6), slow = density(0.1, 1000, 8);
  const Estimate &x = get(fast, "A.density"), &y = get(slow, "A.density");
  measured("branching-annihilation", "density over mean field, D = 100", x.value[0] / 0.5, x.se(0) / 0.5, "1 within 5 %");
  measured("branching-annihilation", "density over mean field, D = 0.1", y.value[0] / 0.5, y.se(0) / 0.5, "not within 5 %");
  EXPECT_NEAR(x.value[0] / 0.5, 1, 0.05);
  EXPECT_LT(x.se(0) / 0.5, 0.03);
  EXPECT_LT(y.value[0] / 0.5, 0.7);
}

}  // namespace
}  // namespace meso::systems::branching_annihilation
