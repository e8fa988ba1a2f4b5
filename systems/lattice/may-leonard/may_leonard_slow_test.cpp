#include "systems/lattice/may-leonard/may_leonard.h"

#include "kits/lattice/lattice_fixture.h"
#include "base/text.h"
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

/// How many of so many runs had lost a species by t = N = L^2.
struct Extinction {
  std::size_t died = 0, runs = 0;
  [[nodiscard]] double log_odds(double p) const {  // of a probability p against 1/2
    return static_cast<double>(died) * std::log(2 * p) + static_cast<double>(runs - died) * std::log(2 * (1 - p));
  }
};

/// Runs until it is decided whether extinction by t = N has probability `p` or 1/2, which lies on one side of it: Wald's sequential test
/// (Ann. Math. Stat. 16, 117 (1945)). Where the truth is 1/2 or beyond, `p` is declared with probability 1 % at most; where it is `p`, 1/2 with 5 %.
Extinction decide(int L, double M, double p, std::size_t batch) {
  const double declare = std::log(0.95 / 0.01), give_up = std::log(0.05 / 0.99);
  Extinction seen;
  for (std::uint64_t seed = Question().seed; seen.runs == 0 || (seen.log_odds(p) < declare && seen.log_odds(p) > give_up); ++seed) {
    const Answer a = answer_of(system(), {.parameters = {{"L", Value(L)}, {"M", Value(M)}}, .when = Times{{static_cast<double>(L) * L}}, .observables = {"survival"}, .trajectories = batch, .seed = seed});
    seen.died += static_cast<std::size_t>(std::llround((1 - get(a, "survival").value[0]) * static_cast<double>(batch)));
    seen.runs += batch;
  }
  const double n = static_cast<double>(seen.runs), share = static_cast<double>(seen.died) / n;
  measured("may-leonard", "L = " + std::to_string(L) + ": extinction probability at t = N, M = " + brief(M) + ", runs until decided: " + std::to_string(seen.runs), share, std::sqrt(share * (1 - share) / n),
           "1/2 at 4.5(5)e-4 in large boxes: Reichenbach, Mobilia, Frey (2007), doi:10.1038/nature06095");
  EXPECT_GE(seen.log_odds(p), declare) << seen.died << " of " << seen.runs << " died out at M = " << M << ": not on the side of " << p;
  return seen;
}

// Extinction probability at t = N beside the mobility: on a lattice of side 128 it crosses 1/2 between 1e-4 and 2e-3.
TEST(MayLeonardSlow, MostBoxesLiveJustBelowTheCriticalMobility) { decide(128, 1e-4, 0.35, 10); }
TEST(MayLeonardSlow, MostBoxesDieAboveTheCriticalMobility) { decide(128, 2e-3, 0.9, 4); }

// In smaller boxes fluctuations kill within t = N at less mobility: there it crosses already between 3e-5 and 1e-4.
TEST(MayLeonardSlow, SmallBoxesDieOutAtLessMobility) {
  decide(57, 3e-5, 0.2, 8);
  decide(57, 1e-4, 0.6, 20);
}

}  // namespace
}  // namespace meso::systems::may_leonard
