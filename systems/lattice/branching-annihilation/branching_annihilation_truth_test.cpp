#include "systems/lattice/branching-annihilation/branching_annihilation.h"

#include "kits/lattice/lattice_fixture.h"

namespace meso::systems::branching_annihilation {
namespace {

using namespace lattice::testing;

// Fast hops mix, where walkers get away from their offspring: in three dimensions D = 100 brings (sigma - mu)/lambda within 5 %. On a line they
// come back: a newborn pair meets again with G = 1/(2 sqrt(2 D kappa)), kappa = 2 (sigma - mu) the rate at which a pair's correlations fade, so that
// rho = (sigma - mu)/lambda / (1 + (2 sigma/rho - 2 lambda) G) to first order: 0.84 of the rate equation at D = 100, short of it by a share that falls as
// D^(-1/2) only. At D = 0.1 every site is left to itself: the verdict flips.
TEST(BranchingAnnihilationTruth, FastHopsBringTheRateEquationAndSlowOnesDoNot) {
  const auto density = [&](double D, int d, std::uint64_t n) {
    return answer_of(system(), {.parameters = {{"L", Value(d == 3 ? 10 : 1000)}, {"d", Value(d)}, {"D", Value(D)}}, .when = Times{{10}}, .observables = {"A.density"}, .trajectories = n});
  };
  const Answer cube = density(100, 3, 12), line = density(100, 1, 24), slow = density(0.1, 1, 8);
  const Estimate &x = get(cube, "A.density"), &y = get(line, "A.density"), &z = get(slow, "A.density");
  measured("branching-annihilation", "density over mean field, D = 100, 10^3 sites in 3-D", x.value[0] / 0.5, x.se(0) / 0.5, "1 within 5 %");
  measured("branching-annihilation", "density over mean field, D = 100, 1000 sites in 1-D", y.value[0] / 0.5, y.se(0) / 0.5, "0.84 to first order in D^(-1/2)");
  measured("branching-annihilation", "density over mean field, D = 0.1, 1000 sites in 1-D", z.value[0] / 0.5, z.se(0) / 0.5, "not within 5 %");
  EXPECT_NEAR(x.value[0] / 0.5, 1, 0.05);
  EXPECT_LT(x.se(0) / 0.5, 0.03);
  EXPECT_NEAR(y.value[0] / 0.5, 0.84, 0.08);
  EXPECT_LT(y.se(0) / 0.5, 0.03);
  EXPECT_LT(z.value[0] / 0.5, 0.7);
}

// One site alone, given survival, is the well-mixed population of the same rules: decay rate, mean and variance of its quasi-stationary law.
TEST(BranchingAnnihilationTruth, OneSiteGivenSurvivalIsTheWellMixedPopulation) {
  lattice::Model m;
  m.species = {"A"};
  m.box = {{1}, lattice::Boundary::reflecting};
  m.occupation = lattice::Occupation::bosonic;
  m.reactions = {{{1}, {2}, 1.5, "", ""}, {{1}, {0}, 1.0, "", ""}, {{2}, {1}, 1.0 / 5, "", ""}};
  m.initial = {.kind = lattice::Initial::Kind::full};
  const Answer a = answer_of(lattice::kinetics_level(m), "test/one-site", {.when = Stationary{200.0, 2000.0}, .observables = {"A.density", "A.fluctuation", "extinction-rate"}, .trajectories = 1000,
                                                                          .options = {{"quasi-stationary", Value(true)}, {"samples", Value(2000)}}});
  std::vector<MeanCheck> checks;
  for (const auto& [what, exact] : {std::pair{"A.density", 3.292627}, {"A.fluctuation", 4.334162}, {"extinction-rate", 0.2217901}}) {
    measured("branching-annihilation", std::string("one site, Omega = 5, given survival: ") + what, get(a, what).value[0], get(a, what).se(0), exact, "quasi-stationary law of the well-mixed population");
    checks.push_back(relative_check(get(a, what), 0, exact, what));
  }
  EXPECT_TRUE(MeansMatch(checks, 0.02));
}

}  // namespace
}  // namespace meso::systems::branching_annihilation
