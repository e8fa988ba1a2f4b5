#include "systems/lattice/pair-annihilation/pair_annihilation.h"

#include "kits/lattice/lattice_fixture.h"

namespace meso::systems::pair_annihilation {
namespace {

using namespace lattice::testing;

// The exact solution of the chain, over three decades of time.
TEST(PairAnnihilationTruth, FollowsTheExactSolutionInOneDimension) {
  const std::vector<double> times{1, 4, 16, 64, 256, 1024};
  for (const char* product : {"nothing", "one"}) {
    Params p;
    p.product = product;
    const Answer a = answer_of(system(), {.parameters = {{"L", Value(100000)}, {"product", Value(product)}}, .when = Times{times}, .observables = {"A.density"}, .trajectories = 40});
    std::vector<MeanCheck> checks;
    for (std::size_t i = 0; i < times.size(); ++i) {
      checks.push_back(relative_check(get(a, "A.density"), i, exact_chain_density(p, times[i]), std::string(product) + ", t = " + std::to_string(static_cast<int>(times[i]))));
      measured("pair-annihilation", std::string(product) + ": density at t = " + std::to_string(static_cast<int>(times[i])), get(a, "A.density").value[i], get(a, "A.density").se(i),
               exact_chain_density(p, times[i]), "exact");
    }
    EXPECT_TRUE(MeansMatch(checks, 0.045));
    const Answer slope = answer_of(system(), {.parameters = {{"L", Value(100000)}, {"product", Value(product)}}, .when = Times{times}, .observables = {"A.exponent"}, .trajectories = 40});
    measured("pair-annihilation", std::string(product) + ": exponent, t = 64..1024", get(slope, "A.exponent").value[0], get(slope, "A.exponent").se(0), 0.5, "exact tail");
    EXPECT_NEAR(get(slope, "A.exponent").value[0], 0.5, 0.005 + 3 * get(slope, "A.exponent").se(0));
    EXPECT_LT(get(slope, "A.exponent").se(0), 0.0025);
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
