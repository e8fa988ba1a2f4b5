#include "systems/lattice/may-leonard/may_leonard.h"

#include "kits/lattice/lattice_fixture.h"
#include "kits/lattice/rate_equation.h"

namespace meso::systems::may_leonard {
namespace {

using namespace lattice::testing;

TEST(MayLeonard, SameBitsOnAnyThreads) {
  expect_same_bits_on_any_threads(system(), {.parameters = {{"L", Value(24)}, {"M", Value(1e-3)}}, .when = Times{{0, 1, 8}}, .observables = {"A.density", "B.density", "survival", "lifetime", "A.correlation"}, .trajectories = 21});
}

TEST(MayLeonard, RateEquationHasAnUnstableCoexistencePoint) {
  const std::vector<double> near{0.24, 0.26, 0.25};
  const lattice::MeanFieldState s = lattice::mean_field_state(model_of({.L = 16}), near);
  for (const double x : s.density) EXPECT_NEAR(x, 0.25, 1e-9);
  EXPECT_FALSE(s.stable);
  EXPECT_NEAR(s.eigenvalues.at(0).real(), 0.125, 1e-6);
  EXPECT_NEAR(std::abs(s.eigenvalues.at(0).imag()), 0.216506, 1e-6);
  EXPECT_NEAR(s.eigenvalues.at(2).real(), -1, 1e-6);
}

TEST(MayLeonard, MobilityAndExchangeRateAreOneThing) {
  EXPECT_NEAR(exchange_attempts({.L = 100, .M = 1e-4}), 2.0, 1e-12);
  EXPECT_NEAR(exchange_attempts({.L = 100}), 0.2, 1e-12);
  const std::string said = refusal(system(), {{"L", Value(100)}, {"M", Value(1e-4)}, {"eps", Value(5.0)}});
  EXPECT_NE(said.find("M = 0.0001 and eps = 5"), std::string::npos) << said;
  EXPECT_NE(said.find("M = eps/(2 L^2) = 0.00025 for L = 100"), std::string::npos) << said;
  EXPECT_EQ(refusal(system(), {{"L", Value(100)}, {"M", Value(1e-4)}, {"eps", Value(2.0)}}), "");
  EXPECT_NE(system().bind({{"L", Value(100)}, {"eps", Value(2.0)}}).notes.at(0).find("M = 0.0001, that is eps = 2"), std::string::npos);
}

// A lone walker among empty sites: <x^2> = 2 D t per direction with D = M L^2.
TEST(MayLeonard, AnIndividualDiffusesWithTheMobilityOfItsName) {
  Params p{.L = 64, .s = 0, .u = 0, .M = 1e-3};
  lattice::Model m = model_of(p);
  m.initial = {.kind = lattice::Initial::Kind::seed};
  const lattice::ExclusionRules rules(m, 0, lattice::Picking::list);
  lattice::ExclusionKinetics run(rules);
  const double t = 5, D = 1e-3 * 64 * 64;
  double sum = 0, sum2 = 0;
  const int n = 4000;
  for (int k = 0; k < n; ++k) {
    FastStream random = Stream(3, static_cast<std::uint64_t>(k), "test/walker").fast();
    run.start(random);
    run.advance(t, random);
    const auto x = m.box.coordinates(run.active_sites().at(0));
    const double r2 = std::pow(static_cast<double>(x[0] - 32), 2) + std::pow(static_cast<double>(x[1] - 32), 2);
    sum += r2 / n, sum2 += r2 * r2 / n;
  }
  EXPECT_TRUE(MeansMatch({{4 * D * t, sum, std::sqrt((sum2 - sum * sum) / n), "<r^2>"}}, 0.15 * 4 * D * t));
}

}  // namespace
}  // namespace meso::systems::may_leonard
