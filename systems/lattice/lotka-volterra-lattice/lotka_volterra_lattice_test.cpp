#include "systems/lattice/lotka-volterra-lattice/lotka_volterra_lattice.h"

#include "kits/lattice/lattice_fixture.h"

namespace meso::systems::lotka_volterra_lattice {
namespace {

using namespace lattice::testing;

TEST(LotkaVolterraLattice, SameBitsOnAnyThreads) {
  expect_same_bits_on_any_threads(system(), {.parameters = {{"L", Value(24)}}, .when = Times{{0, 1, 8}}, .observables = {"A.density", "B.density", "A.B.pairs", "survival"}, .trajectories = 21});
  expect_same_bits_on_any_threads(system(), {.parameters = {{"L", Value(24)}}, .when = Stationary{5.0, 16.0}, .observables = {"A.density", "B.spectrum"}, .trajectories = 19, .options = {{"samples", Value(32)}}});
}

double real_part(const SteadyState& s) { return s.eigenvalues.at(0).real(); }

TEST(LotkaVolterraLattice, RateEquationRestsAndSpiralsAsItShould) {
  const auto rest = [&](double lambda) {
    const Answer a = answer_of(system(), {.parameters = {{"lambda", Value(lambda)}, {"L", Value(32)}}, .when = Stationary{1000.0, 10.0}, .observables = {"A.density", "B.density"}, .level = "rate-equation"});
    for (const SteadyState& s : a.steady_states)
      if (s.value.at("A.density") > 1e-6 && s.value.at("B.density") > 1e-6) return s;
    return SteadyState{};
  };
  SteadyState s = rest(1);
  ASSERT_FALSE(s.eigenvalues.empty());
  EXPECT_NEAR(s.value.at("A.density"), 0.25, 1e-6);
  EXPECT_NEAR(s.value.at("B.density"), 0.5, 1e-6);
  EXPECT_NEAR(real_part(s), -0.25, 1e-5);
  EXPECT_NEAR(std::abs(s.eigenvalues.at(0).imag()), 0.433013, 1e-5);
  s = rest(4);
  ASSERT_FALSE(s.eigenvalues.empty());
  EXPECT_NEAR(s.value.at("A.density"), 0.175, 1e-6);
  EXPECT_NEAR(s.value.at("B.density"), 0.125, 1e-6);
  EXPECT_NEAR(real_part(s), -0.0625, 1e-5);
  EXPECT_NEAR(std::abs(s.eigenvalues.at(0).imag()), 0.658478, 1e-5);
  EXPECT_NEAR(rest(0.682).eigenvalues.at(0).imag(), 0, 1e-9) << "a node below 0.683013";
  EXPECT_GT(std::abs(rest(0.684).eigenvalues.at(0).imag()), 1e-4) << "a focus above";
}

TEST(LotkaVolterraLattice, OvercrowdedStartIsRefused) {
  EXPECT_EQ(refusal(system(), {{"rhoA", Value(0.7)}}), "") << "full is allowed";
  EXPECT_NE(refusal(system(), {{"rhoA", Value(0.8)}}).find("rhoA + rhoB = 1.1"), std::string::npos);
  EXPECT_NE(refusal(system(), {{"mu", Value(0.0)}, {"sigma", Value(0.0)}, {"lambda", Value(0.0)}}).find("every rate is zero"), std::string::npos);
}

TEST(LotkaVolterraLattice, DrawsASnapshot) {
  const Answer a = answer_of(system(), {.parameters = {{"L", Value(40)}}, .when = Times{{0, 5}}, .observables = {"A.density"}, .portraits = true});
  ASSERT_EQ(a.portraits.size(), 1u);
  EXPECT_EQ(a.portraits[0].value.size(), 1600u);
  double predators = 0;
  for (const double v : a.portraits[0].value) predators += v == 1;
  EXPECT_NEAR(predators / 1600, get(a, "A.density").value[1], 1e-12) << "the picture is of trajectory 0";
}

}  // namespace
}  // namespace meso::systems::lotka_volterra_lattice
