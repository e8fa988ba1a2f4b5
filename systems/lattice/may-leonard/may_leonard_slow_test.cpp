#include "systems/lattice/may-leonard/may_leonard.h"

#include "kits/lattice/lattice_fixture.h"
#include "kits/lattice/correlations.h"

namespace meso::systems::may_leonard {
namespace {

using namespace lattice::testing;

TEST(MayLeonardSlow, SpiralsAtSmallMobilityExtinctionAtLarge) {
  const Answer small = answer_of(system(), {.parameters = {{"L", Value(128)}, {"M", Value(1e-5)}}, .when = Times{{1000}}, .observables = {"survival", "A.structure"}, .trajectories = 10});
  const double alive = 10 * get(small, "survival").value[0];
  measured("may-leonard", "L = 128, M = 1e-5: runs of 10 with all species at t = 1000", alive, 0, "at least 9");
  EXPECT_GE(alive, 9);
  // Spirals: the structure factor has its peak at a wavelength inside the box.
  const Estimate& s = get(small, "A.structure");
  const lattice::Peak peak = lattice::structure_peak(s.axes.back().points, s.value);
  measured("may-leonard", "L = 128, M = 1e-5: wavelength of the spirals", peak.wavelength, 0, "peak of S(q) at q > 0");
  EXPECT_FALSE(peak.at_edge);
  EXPECT_LT(peak.wavelength, 64);
  const Answer large = answer_of(system(), {.parameters = {{"L", Value(128)}, {"M", Value(1e-2)}}, .when = Times{{16384}}, .observables = {"survival"}, .trajectories = 10});
  measured("may-leonard", "L = 128, M = 1e-2: runs of 10 with all species at t = L^2", 10 * get(large, "survival").value[0], 0, "at most 1");
  EXPECT_LE(10 * get(large, "survival").value[0], 1);
}

// Extinction probability at t = N = L^2 beside the mobility: it crosses 1/2 between 1e-4 and 2e-3 (4.5(5)e-4 for large boxes).
TEST(MayLeonardSlow, TheCriticalMobilityLiesWhereItShould) {
  const std::vector<double> mobility{1e-4, 2e-3};
  std::vector<double> extinct;
  for (const double M : mobility) {
    const Answer a = answer_of(system(), {.parameters = {{"L", Value(90)}, {"M", Value(M)}}, .when = Times{{8100}}, .observables = {"survival"}, .trajectories = 48});
    extinct.push_back(1 - get(a, "survival").value[0]);
    measured("may-leonard", "L = 90: extinction probability at t = N, M = " + std::to_string(M), extinct.back(), get(a, "survival").se(0), "Reichenbach, Mobilia, Frey (2007), doi:10.1038/nature06095: crosses at 4.5(5)e-4");
  }
  EXPECT_LT(extinct.front(), 0.5);
  EXPECT_GT(extinct.back(), 0.5);
}

}  // namespace
}  // namespace meso::systems::may_leonard
