#include "systems/lattice/pair-annihilation/pair_annihilation.h"

#include "kits/lattice/lattice_fixture.h"
#include <numbers>

namespace meso::systems::pair_annihilation {
namespace {

using namespace lattice::testing;

// The exact solution over three decades; each check must see three standard errors of one run of 1e6 sites, 1.8 sqrt(rho/1e6).
TEST(PairAnnihilationSlow, FollowsTheExactSolutionInOneDimension) {
  const std::vector<double> times{1, 4, 16, 64, 256, 1024};
  const Answer a = answer_of(system(), {.parameters = {{"L", Value(250000)}}, .when = Times{times}, .observables = {"A.density", "A.exponent"}, .trajectories = 96});
  std::vector<MeanCheck> checks;
  for (std::size_t i = 0; i < times.size(); ++i) {
    const double exact = exact_chain_density(Params{}, times[i]), unit = 1.8 * std::sqrt(exact / 1e6);
    const Estimate& rho = get(a, "A.density");
    checks.push_back({exact / unit, rho.value[i] / unit, rho.se(i) / unit, "t = " + std::to_string(static_cast<int>(times[i])), rho.dof});
    measured("pair-annihilation", "1-D density at t = " + std::to_string(static_cast<int>(times[i])), rho.value[i], rho.se(i), exact, "exact: e^{-4t} I0(4t)");
  }
  EXPECT_TRUE(MeansMatch(checks, 1.0));
  const Estimate& exponent = get(a, "A.exponent");
  measured("pair-annihilation", "1-D exponent, t = 64..1024", exponent.value[0], exponent.se(0), 0.5, "exact tail 1/sqrt(8 pi D t)");
  EXPECT_NEAR(exponent.value[0], 0.5, 0.005);
  EXPECT_LT(exponent.se(0), 0.0015);
}

// d = 2: the density beside ln(8Dt)/(8 pi D t) is constant within 10 % over two decades of time and tends to 1 with corrections of order 1/ln t. (Beside ln t/t alone
// it cannot be: the constant ln 8 in the logarithm takes 18 % of it over these decades, ln(8t)/ln t = 1.452 ... 1.226.) No power of t does that.
TEST(PairAnnihilationSlow, TwoDimensionsHaveTheirLogarithm) {
  const std::vector<double> times{100, 300, 1000, 3000, 10000};
  const Answer a = answer_of(system(), {.parameters = {{"L", Value(2000)}, {"d", Value(2)}}, .when = Times{times}, .observables = {"A.density"}, .trajectories = 3});
  double low = 1e300, high = 0;
  for (std::size_t i = 0; i < times.size(); ++i) {
    const double t = times[i], rho = get(a, "A.density").value[i], tail = std::log(8 * t) / (8 * std::numbers::pi * t);
    measured("pair-annihilation", "2-D density t/ln t at t = " + std::to_string(static_cast<int>(t)), rho * t / std::log(t), get(a, "A.density").se(i) * t / std::log(t), "tends to 1/(8 pi) = 0.0398");
    measured("pair-annihilation", "2-D density over ln(8Dt)/(8 pi D t) at t = " + std::to_string(static_cast<int>(t)), rho / tail, get(a, "A.density").se(i) / tail, "tends to 1");
    low = std::min(low, rho / tail), high = std::max(high, rho / tail);
  }
  EXPECT_LT(high / low, 1.10);
  EXPECT_NEAR(low, 1, 0.2);
  EXPECT_NEAR(high, 1, 0.2);
}

TEST(PairAnnihilationSlow, ThreeDimensionsAreMeanField) {
  const std::vector<double> times{50, 100, 200, 400, 800};
  const Answer a = answer_of(system(), {.parameters = {{"L", Value(150)}, {"d", Value(3)}}, .when = Times{times}, .observables = {"A.exponent"}, .trajectories = 6, .options = {{"fit-from", Value(50.0)}}});
  measured("pair-annihilation", "3-D exponent, t = 50..800", get(a, "A.exponent").value[0], get(a, "A.exponent").se(0), 1.0, "mean field");
  EXPECT_NEAR(get(a, "A.exponent").value[0], 1.0, 0.03);
  EXPECT_LT(get(a, "A.exponent").se(0), 0.015);
}

}  // namespace
}  // namespace meso::systems::pair_annihilation
