#include "systems/lattice/pair-annihilation/pair_annihilation.h"

#include "kits/lattice/lattice_fixture.h"

namespace meso::systems::pair_annihilation {
namespace {

using namespace lattice::testing;

TEST(PairAnnihilation, SameBitsOnAnyThreads) {
  expect_same_bits_on_any_threads(system(), {.parameters = {{"L", Value(300)}}, .when = Times{{0, 1, 16}}, .observables = {"A.density", "A.slope", "A.structure"}, .trajectories = 21});
  expect_same_bits_on_any_threads(system(), {.parameters = {{"L", Value(300)}, {"contact", Value(false)}, {"lambda", Value(2.0)}}, .when = Times{{0, 1, 16}}, .observables = {"A.density"}, .trajectories = 21});
}

TEST(PairAnnihilation, ExactChainHasTheTabulatedValues) {
  const double t[] = {1, 4, 16, 64, 256, 1024}, rho[] = {0.2070019, 0.1005441, 0.0499661, 0.0249461, 0.0124685, 0.0062337};
  for (int i = 0; i < 6; ++i) EXPECT_NEAR(exact_chain_density(Params{}, t[i]), rho[i], 6e-8) << t[i];
  Params one;
  one.product = "one";
  EXPECT_NEAR(exact_chain_density(one, 1), 0.385753, 6e-7);
  EXPECT_NEAR(exact_chain_density(Params{}, 124.9) / exact_chain_density(Params{}, 125.1), std::sqrt(125.1 / 124.9), 1e-5) << "series and asymptotics meet";
  EXPECT_NEAR(exact_chain_density(one, 124.9) / exact_chain_density(one, 125.1), std::sqrt(125.1 / 124.9), 1e-5);
}

TEST(PairAnnihilation, ParityIsConservedOverLongRuns) {
  for (const int L : {64, 65}) {
    lattice::Model m = model_of({.L = L});
    const lattice::ExclusionRules rules(m);
    lattice::ExclusionKinetics run(rules);
    for (std::uint64_t k = 0; k < 20; ++k) {
      FastStream random = Stream(9, k, "test/parity").fast();
      run.start(random);
      for (double t = 1; t < 1e5; t *= 3) {
        run.advance(t, random);
        EXPECT_EQ((run.counts()[1] - L) % 2, 0);
      }
      EXPECT_EQ(run.counts()[1], L % 2) << "one is left, or none";
    }
  }
}

TEST(PairAnnihilation, BadInputIsRefusedWithItsReason) {
  EXPECT_NE(refusal(system(), {{"lambda", Value(2.0)}}).find("contact = true and lambda = 2"), std::string::npos);
  EXPECT_NE(refusal(system(), {{"contact", Value(false)}}).find("nothing would ever react"), std::string::npos);
  EXPECT_NE(refusal(system(), {{"rho0", Value(1.5)}}).find("at most 1"), std::string::npos);
  const Answer plane = answer_of(system(), {.parameters = {{"L", Value(40)}, {"d", Value(2)}}, .when = Times{{0, 1, 4}}, .observables = {"A.density"}});
  EXPECT_NE(flag_text(plane).find("upper critical dimension"), std::string::npos);
  EXPECT_NE(flag_text(plane).find("ln t / t"), std::string::npos);
}

}  // namespace
}  // namespace meso::systems::pair_annihilation
