#include "systems/lattice/sir-lattice/sir_lattice.h"

#include "kits/lattice/lattice_fixture.h"
#include "kits/lattice/pair_approximation.h"

namespace meso::systems::sir_lattice {
namespace {

using namespace lattice::testing;

TEST(SirLattice, SameBitsOnAnyThreads) {
  expect_same_bits_on_any_threads(system(), {.parameters = {{"L", Value(32)}, {"D", Value(0.5)}}, .when = Times{{0, 1, 8}}, .observables = {"S.density", "I.density", "S.I.pairs", "survival"}, .trajectories = 21});
  expect_same_bits_on_any_threads(system(), {.parameters = {{"L", Value(41)}, {"start", Value("seed")}}, .when = Times{{1, 4, 12}}, .observables = {"I.number", "I.reach", "R.density"}, .trajectories = 37});
}

// On a line the two fronts of one seed live independently of their past: each frontier node infects the next at rate lambda/2 until it recovers,
// so that a side is still spreading with probability e^-t. Hence <I> = (1 + lambda t) e^-t, <I + R> = 1 + lambda (1 - e^-t), and P(nobody else is infected) = 1/(1 + lambda).
TEST(SirLattice, OneSeedOnALineIsExact) {
  const double lambda = 3;
  const std::vector<double> times{0.5, 1, 2, 4, 40};
  const Answer a = answer_of(system(), {.parameters = {{"L", Value(400)}, {"d", Value(1)}, {"lambda", Value(lambda)}, {"start", Value("seed")}}, .when = Times{times},
                                        .observables = {"I.number", "R.density", "survival"}, .trajectories = 20000});
  std::vector<MeanCheck> checks;
  const Estimate &I = get(a, "I.number"), &R = get(a, "R.density");
  for (std::size_t i = 0; i < times.size(); ++i) {
    const double t = times[i], infected = (1 + lambda * t) * std::exp(-t), all = 1 + lambda * (1 - std::exp(-t));
    if (t < 10) checks.push_back({infected, I.value[i], I.se(i), "infected at t = " + std::to_string(t), I.dof});
    checks.push_back({all - infected, 400 * R.value[i], 400 * R.se(i), "immune at t = " + std::to_string(t), R.dof});
  }
  EXPECT_TRUE(MeansMatch(checks, 0.25));
  EXPECT_EQ(get(a, "survival").value[4], 0);
}

TEST(SirLattice, FirstInfectionIsARaceOfTwoExponentials) {
  // Two sites, one bond counted twice by the ring of two: the seed infects its neighbour before it recovers with probability lambda/(lambda + 1).
  const Answer a = answer_of(system(), {.parameters = {{"L", Value(2)}, {"d", Value(1)}, {"lambda", Value(1.5)}, {"start", Value("seed")}}, .when = Times{{60.0}}, .observables = {"R.density", "S.density"}, .trajectories = 20000});
  const double p = 1.5 / 2.5;
  EXPECT_TRUE(MeansMatch({{1 + p, 2 * get(a, "R.density").value[0], std::sqrt(p * (1 - p) / 20000), "immune at the end"}}, 0.03));
  EXPECT_NEAR(get(a, "R.density").value[0] + get(a, "S.density").value[0], 1, 1e-12);
}

// Early growth: rate equation lambda - 1; pair approximation lambda (z - 2)/z - 1, hence its threshold z/(z - 2), and none on a line.
TEST(SirLattice, ThresholdsOfTheReducedLevels) {
  const auto final_size = [](const char* level, int d, double lambda) {
    return get(answer_of(system(), {.parameters = {{"L", Value(16)}, {"d", Value(d)}, {"lambda", Value(lambda)}, {"rhoI", Value(1e-6)}}, .when = Times{{3000.0}}, .observables = {"R.density"}, .level = level}), "R.density").value[0];
  };
  EXPECT_LT(final_size("rate-equation", 2, 0.95), 1e-4);
  EXPECT_GT(final_size("rate-equation", 2, 1.05), 0.05);
  for (const auto& [d, threshold] : {std::pair{2, 2.0}, {3, 1.5}}) {
    EXPECT_LT(final_size("pair-approximation", d, 0.95 * threshold), 1e-3) << d;
    EXPECT_GT(final_size("pair-approximation", d, 1.1 * threshold), 0.05) << d;
  }
  EXPECT_LT(final_size("pair-approximation", 1, 30), 1e-3);
  // The rate equation's final size: ln(1/s) = lambda (1 - s).
  const double r = final_size("rate-equation", 2, 2);
  EXPECT_NEAR(-std::log(1 - r), 2 * r, 1e-4);
  measured("sir-lattice", "final size of the rate equation, lambda = 2", r, 1e-6, 0.796812, "1 - r = exp(-2 r)");
}

TEST(SirLattice, KeepsItsSitesAndRefusesNonsense) {
  for (const double D : {0.0, 2.0}) {
    const lattice::ExclusionRules rules(model_of({.L = 40, .D = D}), 1);
    lattice::ExclusionKinetics run(rules);
    FastStream random = Stream(1, 0, "test/sir").fast();
    run.start(random);
    for (double t = 1; t < 60; t *= 2) {
      run.advance(t, random);
      EXPECT_EQ(run.counts()[1] + run.counts()[2] + run.counts()[3], 1600);
    }
  }
  EXPECT_NE(refusal(system(), {{"rhoI", Value(1.2)}}).find("rhoI"), std::string::npos);
  EXPECT_NE(refusal(system(), {{"rhoI", Value(0.0)}}).find("rhoI"), std::string::npos);
  EXPECT_NE(refusal(system(), {{"lamda", Value(2.0)}}).find("lambda"), std::string::npos);
}

TEST(SirLattice, DrawsItsFront) {
  const Answer a = answer_of(system(), {.parameters = {{"L", Value(101)}, {"start", Value("seed")}, {"lambda", Value(12.0)}}, .when = Times{{0, 12}}, .observables = {"I.density"}, .portraits = true});
  ASSERT_EQ(a.portraits.size(), 1u);
  EXPECT_EQ(a.portraits[0].value.size(), 101u * 101u);
  EXPECT_EQ(a.portraits[0].categories.at(2), "I");
}

}  // namespace
}  // namespace meso::systems::sir_lattice
