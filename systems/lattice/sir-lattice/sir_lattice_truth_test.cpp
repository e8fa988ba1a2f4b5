#include "systems/lattice/sir-lattice/sir_lattice.h"

#include "kits/lattice/lattice_fixture.h"

namespace meso::systems::sir_lattice {
namespace {

using namespace lattice::testing;

// Below the threshold of the lattice (and far above those of the reduced levels) an epidemic stays small; above it takes most of the box.
TEST(SirLatticeTruth, TheLatticeResistsWhereMeanFieldBurns) {
  const auto taken = [&](double lambda) {
    return answer_of(system(), {.parameters = {{"L", Value(200)}, {"lambda", Value(lambda)}, {"rhoI", Value(1e-3)}}, .when = Times{{400.0}}, .observables = {"R.density"}, .trajectories = 16});
  };
  const Answer below = taken(3), above = taken(7);
  measured("sir-lattice", "final size from 0.1 %, lambda = 3, L = 200", get(below, "R.density").value[0], get(below, "R.density").se(0), "small: below 4.66571 (rate equation 0.9405)");
  measured("sir-lattice", "final size from 0.1 %, lambda = 7, L = 200", get(above, "R.density").value[0], get(above, "R.density").se(0), "most: above 4.66571");
  EXPECT_LT(get(below, "R.density").value[0], 0.05);
  EXPECT_GT(get(above, "R.density").value[0], 0.8);
}

// Fast motion mixes: the rate equation comes within 5 %; without motion it is far off.
TEST(SirLatticeTruth, FastMotionBringsTheRateEquation) {
  const double lambda = 2.5;
  const Answer exact = answer_of(system(), {.parameters = {{"L", Value(64)}, {"lambda", Value(lambda)}}, .when = Times{{60.0}}, .observables = {"R.density"}, .level = "rate-equation"});
  const auto taken = [&](double D) {
    return answer_of(system(), {.parameters = {{"L", Value(64)}, {"lambda", Value(lambda)}, {"D", Value(D)}}, .when = Times{{60.0}}, .observables = {"R.density"}, .trajectories = 16});
  };
  const double mean_field = get(exact, "R.density").value[0];
  const Answer fast = taken(50), slow = taken(0);
  measured("sir-lattice", "final size over rate equation, D = 50, lambda = 2.5", get(fast, "R.density").value[0] / mean_field, get(fast, "R.density").se(0) / mean_field, "1 within 5 %");
  measured("sir-lattice", "final size over rate equation, D = 0, lambda = 2.5", get(slow, "R.density").value[0] / mean_field, get(slow, "R.density").se(0) / mean_field, "far below 1");
  EXPECT_NEAR(get(fast, "R.density").value[0] / mean_field, 1, 0.05);
  EXPECT_LT(get(fast, "R.density").se(0) / mean_field, 0.01);
  EXPECT_LT(get(slow, "R.density").value[0] / mean_field, 0.3);
}

}  // namespace
}  // namespace meso::systems::sir_lattice
