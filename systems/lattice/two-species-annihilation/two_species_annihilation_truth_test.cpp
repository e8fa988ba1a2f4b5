#include "systems/lattice/two-species-annihilation/two_species_annihilation.h"

#include "kits/lattice/lattice_fixture.h"

namespace meso::systems::two_species_annihilation {
namespace {

using namespace lattice::testing;

TEST(TwoSpeciesAnnihilationTruth, SegregationInOneDimension) {
  const std::vector<double> times{1, 4, 16, 64};
  const double reference[] = {0.2079, 0.1458, 0.1005, 0.06925};
  const Answer a = answer_of(system(), {.parameters = {{"L", Value(50000)}}, .when = Times{times}, .observables = {"A.density"}, .trajectories = 16});
  for (std::size_t i = 0; i < times.size(); ++i) {
    measured("two-species-annihilation", "1-D density at t = " + std::to_string(static_cast<int>(times[i])), get(a, "A.density").value[i], get(a, "A.density").se(i), reference[i], "card, single run of 1e6 sites, 2 %");
    EXPECT_NEAR(get(a, "A.density").value[i] / reference[i], 1, 0.02) << times[i];
    EXPECT_LT(get(a, "A.density").se(i) / reference[i], 0.009) << times[i];
  }
}

}  // namespace
}  // namespace meso::systems::two_species_annihilation
