#include "systems/lattice/pair-annihilation/pair_annihilation.h"

#include "kits/lattice/lattice_fixture.h"
#include <numbers>

namespace meso::systems::pair_annihilation {
namespace {

using namespace lattice::testing;

// d = 2: rho t/ln t becomes constant, its limit 1/(8 pi D) approached from below with logarithmic corrections.
TEST(PairAnnihilationSlow, TwoDimensionsHaveTheirLogarithm) {
  const std::vector<double> times{100, 300, 1000, 3000, 10000};
  const Answer a = answer_of(system(), {.parameters = {{"L", Value(2000)}, {"d", Value(2)}}, .when = Times{times}, .observables = {"A.density"}, .trajectories = 2});
  double low = 1e300, high = 0;
  for (std::size_t i = 0; i < times.size(); ++i) {
    const double t = times[i], rho = get(a, "A.density").value[i], share = rho * t / std::log(t), tail = std::log(8 * t) / (8 * std::numbers::pi * t);
    measured("pair-annihilation", "2-D density t/ln t at t = " + std::to_string(static_cast<int>(t)), share, get(a, "A.density").se(i) * t / std::log(t), "constant within 10 %");
    measured("pair-annihilation", "2-D density over ln(8Dt)/(8 pi D t) at t = " + std::to_string(static_cast<int>(t)), rho / tail, get(a, "A.density").se(i) / tail, "tends to 1");
    low = std::min(low, share), high = std::max(high, share);
  }
  EXPECT_LT(high / low, 1.10);
}

TEST(PairAnnihilationSlow, ThreeDimensionsAreMeanField) {
  const std::vector<double> times{10, 20, 40, 80, 160};
  const Answer a = answer_of(system(), {.parameters = {{"L", Value(120)}, {"d", Value(3)}}, .when = Times{times}, .observables = {"A.exponent"}, .trajectories = 12, .options = {{"fit-from", Value(10.0)}}});
  measured("pair-annihilation", "3-D exponent, t = 10..160", get(a, "A.exponent").value[0], get(a, "A.exponent").se(0), 1.0, "mean field");
  EXPECT_NEAR(get(a, "A.exponent").value[0], 1.0, 0.03);
  EXPECT_LT(get(a, "A.exponent").se(0), 0.01);
}

}  // namespace
}  // namespace meso::systems::pair_annihilation
