#include "systems/lattice/branching-annihilation/branching_annihilation.h"

#include "kits/lattice/lattice_fixture.h"

namespace meso::systems::branching_annihilation {
namespace {

using namespace lattice::testing;

TEST(BranchingAnnihilation, SameBitsOnAnyThreads) {
  expect_same_bits_on_any_threads(system(), {.parameters = {{"L", Value(100)}}, .when = Times{{0, 1, 8}}, .observables = {"A.density", "A.fluctuation", "survival"}, .trajectories = 21});
}

TEST(BranchingAnnihilation, GrowthWithoutLimitIsRefused) {
  EXPECT_NE(refusal(system(), {{"lambda", Value(0.0)}}).find("grows without limit"), std::string::npos);
  EXPECT_EQ(refusal(system(), {{"lambda", Value(0.0)}, {"sigma", Value(0.5)}}), "");
}

// Without coagulation the mean is exact: rho0 e^{(sigma - mu) t}; and the total number is a birth-death process with its variance.
TEST(BranchingAnnihilation, LinearBranchingHasItsExactMoments) {
  const double sigma = 0.5, mu = 1, t = 1.5, rho0 = 2;
  const int L = 50, n = 4000;
  const Answer a = answer_of(system(), {.parameters = {{"L", Value(L)}, {"sigma", Value(sigma)}, {"mu", Value(mu)}, {"lambda", Value(0.0)}, {"rho0", Value(rho0)}}, .when = Times{{t}},
                                        .observables = {"A.density", "A.fluctuation"}, .trajectories = n});
  const double grow = std::exp((sigma - mu) * t), mean = rho0 * grow;
  const double variance = rho0 * (sigma + mu) / (sigma - mu) * grow * (grow - 1) + rho0 * grow * grow;  // per site: birth-death from a Poisson number
  const Estimate &rho = get(a, "A.density"), &v = get(a, "A.fluctuation");
  EXPECT_TRUE(MeansMatch({{mean, rho.value[0], rho.se(0), "mean", rho.dof}}, 0.03 * mean));
  EXPECT_TRUE(MeansMatch({{variance, v.value[0], v.se(0), "variance", v.dof}}, 0.3 * variance));
}

}  // namespace
}  // namespace meso::systems::branching_annihilation
