#include "systems/lattice/may-leonard/may_leonard.h"

#include "kits/lattice/lattice_fixture.h"
#include "base/text.h"
#include "kits/lattice/correlations.h"
#include "stat/quantile.h"

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

/// Share of `runs` in which a species has died by t = N = L^2, recorded; and whether it lies on one side of 1/2 with a confidence of 99 %.
struct Extinction {
  std::size_t died = 0, runs = 0;
  [[nodiscard]] static std::size_t few(std::size_t n) { return n - 1 - static_cast<std::size_t>(binomial_upper_count(n, 0.5, 0.01)); }  // largest k with P(at most k heads of n) <= 1 %
  [[nodiscard]] bool below_half() const { return died <= few(runs); }
  [[nodiscard]] bool above_half() const { return runs - died <= few(runs); }
};
Extinction extinction(int L, double M, std::size_t runs) {
  const Answer a = answer_of(system(), {.parameters = {{"L", Value(L)}, {"M", Value(M)}}, .when = Times{{static_cast<double>(L) * L}}, .observables = {"survival"}, .trajectories = runs});
  const double p = 1 - get(a, "survival").value[0], n = static_cast<double>(runs);
  measured("may-leonard", "L = " + std::to_string(L) + ": extinction probability at t = N, M = " + brief(M), p, std::sqrt(p * (1 - p) / n), "1/2 at 4.5(5)e-4 in large boxes: Reichenbach, Mobilia, Frey (2007), doi:10.1038/nature06095");
  return {static_cast<std::size_t>(std::llround(p * n)), runs};
}

// Extinction probability at t = N beside the mobility: on a lattice of side 128 it crosses 1/2 between 1e-4 and 2e-3.
TEST(MayLeonardSlow, MostBoxesLiveJustBelowTheCriticalMobility) {
  const Extinction little = extinction(128, 1e-4, 40);
  EXPECT_TRUE(little.below_half()) << little.died << " of " << little.runs << " died out at M = 1e-4";
}
TEST(MayLeonardSlow, MostBoxesDieAboveTheCriticalMobility) {
  const Extinction much = extinction(128, 2e-3, 12);
  EXPECT_TRUE(much.above_half()) << much.died << " of " << much.runs << " died out at M = 2e-3";
}

// In smaller boxes fluctuations kill within t = N at less mobility: there it crosses already between 3e-5 and 1e-4.
TEST(MayLeonardSlow, SmallBoxesDieOutAtLessMobility) {
  const Extinction little = extinction(57, 3e-5, 24), more = extinction(57, 1e-4, 160);
  EXPECT_TRUE(little.below_half()) << little.died << " of " << little.runs << " died out at M = 3e-5";
  EXPECT_TRUE(more.above_half()) << more.died << " of " << more.runs << " died out at M = 1e-4";
}

}  // namespace
}  // namespace meso::systems::may_leonard
