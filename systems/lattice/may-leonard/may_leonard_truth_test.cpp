#include "systems/lattice/may-leonard/may_leonard.h"

#include "kits/lattice/lattice_fixture.h"

namespace meso::systems::may_leonard {
namespace {

using namespace lattice::testing;

// Little mobility: coexistence. Much: two species die before t ~ L^2.
TEST(MayLeonardTruth, MobilityDecidesWhetherSpeciesCoexist) {
  const auto alive = [&](double M, double t, std::uint64_t n) {
    const Answer a = answer_of(system(), {.parameters = {{"L", Value(64)}, {"M", Value(M)}}, .when = Times{{t}}, .observables = {"survival"}, .trajectories = n});
    return get(a, "survival").value[0] * static_cast<double>(n);
  };
  const double few = alive(3e-5, 500, 10), many = alive(1e-2, 64.0 * 64, 10);
  measured("may-leonard", "L = 64, M = 3e-5: runs of 10 with all species at t = 500", few, 0, "at least 9");
  measured("may-leonard", "L = 64, M = 1e-2: runs of 10 with all species at t = L^2", many, 0, "at most 1");
  EXPECT_GE(few, 9);
  EXPECT_LE(many, 1);
}

}  // namespace
}  // namespace meso::systems::may_leonard
