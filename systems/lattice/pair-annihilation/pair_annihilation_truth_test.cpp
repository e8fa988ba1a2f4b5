#include "systems/lattice/pair-annihilation/pair_annihilation.h"

#include "kits/lattice/lattice_fixture.h"

namespace meso::systems::pair_annihilation {
namespace {

using namespace lattice::testing;

// The exact solution of the chain.
TEST(PairAnnihilationTruth, FollowsTheExactSolutionInOneDimension) {
  const std::vector<double> times{1, 4, 16, 64, 256};
  for (const char* product : {"nothing", "one"}) {
    Params p;
    p.product = product;
    const Answer a = answer_of(system(), {.parameters = {{"L", Value(100000)}, {"product", Value(product)}}, .when = Times{times}, .observables = {"A.density"}, .trajectories = 40});
    std::vector<MeanCheck> checks;
    for (std::size_t i = 0; i < times.size(); ++i)
      checks.push_back(relative_check(get(a, "A.density"), i, exact_chain_density(p, times[i]), std::string(product) + ", t = " + std::to_string(static_cast<int>(times[i]))));
    EXPECT_TRUE(MeansMatch(checks, 0.045));
  }
}

// The rate equation 1/t is beside the point in one dimension: its exponent is 1.
TEST(PairAnnihilationTruth, TheRateEquationHasTheWrongExponent) {
  const std::vector<double> times{1, 4, 16, 64, 256, 1024};
  const Answer a = answer_of(system(), {.parameters = {{"L", Value(1000)}}, .when = Times{times}, .observables = {"A.exponent"}, .level = "rate-equation"});
  EXPECT_NEAR(get(a, "A.exponent").value[0], 1.0, 0.01);
}

}  // namespace
}  // namespace meso::systems::pair_annihilation
