#include "systems/lattice/rock-paper-scissors/rock_paper_scissors.h"

#include "kits/lattice/lattice_fixture.h"
#include <numbers>

#include "kits/lattice/correlations.h"

namespace meso::systems::rock_paper_scissors {
namespace {

using namespace lattice::testing;

TEST(RockPaperScissors, SameBitsOnAnyThreads) {
  expect_same_bits_on_any_threads(system(), {.parameters = {{"L", Value(24)}}, .when = Times{{0, 1, 8}}, .observables = {"A.density", "B.density", "survival", "A.structure"}, .trajectories = 21});
}

TEST(RockPaperScissors, TheNumberOfParticlesIsConserved) {
  const lattice::ExclusionRules rules(model_of({.L = 32, .eps = 1, .rhoA = 0.25, .rhoB = 0.25, .rhoC = 0.25}), 0, lattice::Picking::dense);
  lattice::ExclusionKinetics run(rules);
  FastStream random = Stream(1, 0, "test/conserved").fast();
  run.start(random);
  const std::int64_t empty = run.counts()[0];
  for (double t = 1; t < 2000; t *= 2) {
    run.advance(t, random);
    EXPECT_EQ(run.counts()[0], empty);
  }
  lattice::Model wrong = model_of({.L = 32});
  wrong.sites = {{1, 0, 1.0, "A -> 0", ""}};
  EXPECT_THROW(wrong.check(), ModelError);
}

// The rate equation has a centre: from equal densities nothing moves; from others a b c is constant on a closed orbit, of frequency s rho/sqrt 3 near the centre.
TEST(RockPaperScissors, RateEquationTurnsAroundItsCentre) {
  const auto path = [](double a, double b, double c, std::vector<double> times) {
    return answer_of(system(), {.parameters = {{"L", Value(16)}, {"rhoA", Value(a)}, {"rhoB", Value(b)}, {"rhoC", Value(c)}}, .when = Times{std::move(times)}, .observables = {"A.density", "B.density", "C.density"}, .level = "rate-equation"});
  };
  const Answer rest = path(0.3, 0.3, 0.3, {0, 10, 50});
  for (const double x : get(rest, "A.density").value) EXPECT_NEAR(x, 0.3, 1e-8);
  const double period = 2 * std::numbers::pi * std::sqrt(3.0) / 0.9;
  const Answer orbit = path(0.301, 0.2995, 0.2995, {0, 0.5 * period, period});
  EXPECT_NEAR(get(orbit, "A.density").value[1], 0.299, 1e-5);
  EXPECT_NEAR(get(orbit, "A.density").value[2], 0.301, 1e-5);
  const Answer wide = path(0.5, 0.25, 0.25, {0, 3, 7, 20, 60});
  for (std::size_t i = 0; i < 5; ++i) EXPECT_NEAR(get(wide, "A.density").value[i] * get(wide, "B.density").value[i] * get(wide, "C.density").value[i], 0.03125, 1e-7) << i;
  EXPECT_NE(refusal(system(), {{"rhoA", Value(0.5)}}).find("rhoA + rhoB + rhoC = 1.1"), std::string::npos) << refusal(system(), {{"rhoA", Value(0.5)}});
}

// Conserved numbers: no spirals, and no peak of the structure factor at a finite wavelength; it rises towards q = 0.
TEST(RockPaperScissors, ThereIsNoPatternOfAFiniteWavelength) {
  const Answer a = answer_of(system(), {.parameters = {{"L", Value(64)}, {"eps", Value(5.0)}}, .when = Times{{60}}, .observables = {"A.structure"}, .trajectories = 24});
  const Estimate& s = get(a, "A.structure");
  const lattice::Peak peak = lattice::structure_peak(s.axes.back().points, s.value);
  measured("rock-paper-scissors", "wavenumber of the largest S(q), in units of 2 pi/L", peak.q * 64 / (2 * std::numbers::pi), 0, "the smallest: no peak inside");
  EXPECT_LT(peak.q * 64 / (2 * std::numbers::pi), 3);
}

}  // namespace
}  // namespace meso::systems::rock_paper_scissors
