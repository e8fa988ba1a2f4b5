#include "systems/lattice/two-species-annihilation/two_species_annihilation.h"

#include "kits/lattice/lattice_fixture.h"
#include "kits/lattice/bosonic.h"

namespace meso::systems::two_species_annihilation {
namespace {

using namespace lattice::testing;

TEST(TwoSpeciesAnnihilation, SameBitsOnAnyThreads) {
  expect_same_bits_on_any_threads(system(), {.parameters = {{"L", Value(300)}}, .when = Times{{0, 1, 16}}, .observables = {"A.density", "B.density", "A.slope", "A.B.correlation"}, .trajectories = 21});
}

// At t = 0 the particles of one site have reacted: the density of A is E max(0, N_A - N_B) for two Poisson numbers.
TEST(TwoSpeciesAnnihilation, StartsWithTheExcessOfEachSite) {
  const Answer a = answer_of(system(), {.parameters = {{"L", Value(20000)}, {"rhoA", Value(0.7)}, {"rhoB", Value(0.4)}}, .when = Times{{0}}, .observables = {"A.density", "B.density"}, .trajectories = 40});
  double excess_a = 0, excess_b = 0;
  for (int i = 0; i < 40; ++i)
    for (int j = 0; j < 40; ++j) {
      const double p = std::exp(i * std::log(0.7) - 0.7 - std::lgamma(i + 1.0) + j * std::log(0.4) - 0.4 - std::lgamma(j + 1.0));
      excess_a += p * std::max(0, i - j), excess_b += p * std::max(0, j - i);
    }
  const Estimate &x = get(a, "A.density"), &y = get(a, "B.density");
  EXPECT_TRUE(MeansMatch({{excess_a, x.value[0], x.se(0), "A", x.dof}, {excess_b, y.value[0], y.se(0), "B", y.dof}}, 0.02));
  EXPECT_NEAR(excess_a - excess_b, 0.3, 1e-12);
}

TEST(TwoSpeciesAnnihilation, UnequalDensitiesAreSaid) {
  const Answer a = answer_of(system(), {.parameters = {{"L", Value(300)}, {"rhoB", Value(0.4)}}, .when = Times{{1}}, .observables = {"A.density"}});
  EXPECT_NE(flag_text(a).find("exp(-sqrt t) in 1-D"), std::string::npos) << flag_text(a);
  const Case c = system().bind({{"rhoB", Value(0.4)}});
  ASSERT_EQ(c.notes.size(), 1u);
  EXPECT_NE(c.notes[0].find("rhoA = 0.5 and rhoB = 0.4"), std::string::npos);
}

TEST(TwoSpeciesAnnihilation, TheDifferenceIsConservedOverLongRuns) {
  const lattice::BosonicRules rules(model_of({.L = 500}));
  lattice::BosonicKinetics run(rules);
  for (std::uint64_t k = 0; k < 5; ++k) {
    FastStream random = Stream(9, k, "test/difference").fast();
    run.start(random);
    const std::int64_t difference = run.counts()[1] - run.counts()[2];
    run.advance(1e5, random);
    EXPECT_EQ(run.counts()[1] - run.counts()[2], difference);
    EXPECT_EQ(std::min(run.counts()[1], run.counts()[2]), 0) << "by then the minority is gone";
  }
}

}  // namespace
}  // namespace meso::systems::two_species_annihilation
