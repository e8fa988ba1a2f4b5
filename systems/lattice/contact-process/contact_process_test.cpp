#include "systems/lattice/contact-process/contact_process.h"

#include "kits/lattice/lattice_fixture.h"

namespace meso::systems::contact_process {
namespace {

using namespace lattice::testing;

TEST(ContactProcess, SameBitsOnAnyThreads) {
  expect_same_bits_on_any_threads(system(), {.parameters = {{"L", Value(400)}}, .when = Times{{0, 1, 5, 20}}, .observables = {"A.density", "A.slope", "A.A.pairs", "A.correlation", "survival"}, .trajectories = 21});
  expect_same_bits_on_any_threads(system(), {.parameters = {{"L", Value(200)}, {"start", Value("seed")}}, .when = Times{{1, 10, 50}}, .observables = {"A.number", "A.spread", "survival", "lifetime"}, .trajectories = 37});
}

// Without births the sites are independent: density e^-t, survival of a box of n sites 1 - (1 - e^-t)^n.
TEST(ContactProcess, WithoutBirthsDeathIsExponential) {
  const Answer a = answer_of(system(), {.parameters = {{"L", Value(50)}, {"lambda", Value(0.0)}}, .when = Times{{0, 1, 4}}, .observables = {"A.density", "survival"}, .trajectories = 4000});
  std::vector<MeanCheck> checks;
  for (const std::size_t i : {1, 2}) {
    const double t = i == 1 ? 1 : 4;
    checks.push_back({std::exp(-t), get(a, "A.density").value[i], std::sqrt(std::exp(-t) * (1 - std::exp(-t)) / 50 / 4000), "density at t = " + std::to_string(t)});
  }
  EXPECT_TRUE(MeansMatch(checks, 0.02));
  const double alive = 1 - std::pow(1 - std::exp(-4.0), 50);
  EXPECT_TRUE(MeansMatch({{alive, get(a, "survival").value[2], std::sqrt(alive * (1 - alive) / 4000), "survival"}}, 0.08));
}

// One site of a pair of moments: d<n>/dt = -rho + lambda (rho - P(A,A)) holds exactly; over a short time by finite differences.
TEST(ContactProcess, DensityMovesAsItsPairsSay) {
  const double lambda = 3.0, h = 0.02;
  const Answer a = answer_of(system(), {.parameters = {{"L", Value(4000)}, {"lambda", Value(lambda)}}, .when = Times{{1 - h, 1, 1 + h}}, .observables = {"A.density", "A.A.pairs", "0.A.pairs"}, .trajectories = 200});
  const Estimate& rho = get(a, "A.density");
  const double slope = (rho.value[2] - rho.value[0]) / (2 * h), expected = -rho.value[1] + lambda * get(a, "0.A.pairs").value[1];
  // The difference of neighbouring times varies by their changes alone: about (1 + lambda) rho 2h flips among 4000 sites, 200 trajectories.
  const double se = std::sqrt((rho.value[1] + lambda * get(a, "0.A.pairs").value[1]) * 2 * h / (4000.0 * 200)) / (2 * h);
  EXPECT_TRUE(MeansMatch({{expected, slope, se, "d rho/dt"}}, 0.08));
  EXPECT_NEAR(get(a, "0.A.pairs").value[1] + get(a, "A.A.pairs").value[1], rho.value[1], 1e-12);
}

TEST(ContactProcess, WarnsOfSmallBoxesShortWindowsAndEdges) {
  const Answer small = answer_of(system(), {.parameters = {{"L", Value(40)}}, .when = Times{{10, 40, 100}}, .observables = {"A.density", "A.exponent"}, .trajectories = 16, .options = {{"fit-from", Value(40.0)}}});
  EXPECT_NE(flag_text(small).find("more than a quarter of the side 40"), std::string::npos) << flag_text(small);
  EXPECT_NE(flag_text(small).find("18.2"), std::string::npos) << "sqrt(2 D t) with D = lambda/2: " << flag_text(small);
  EXPECT_NE(flag_text(small).find("less than one decade"), std::string::npos) << flag_text(small);
  const Answer seed = answer_of(system(), {.parameters = {{"L", Value(16)}, {"lambda", Value(6.0)}, {"start", Value("seed")}}, .when = Times{{1, 30}}, .observables = {"A.number"}, .trajectories = 20});
  EXPECT_NE(flag_text(seed).find("reached the edge of the box (side 16)"), std::string::npos) << flag_text(seed);
  const Answer large = answer_of(system(), {.parameters = {{"L", Value(2000)}}, .when = Times{{1, 4, 16}}, .observables = {"A.density", "A.exponent"}, .trajectories = 4, .options = {{"fit-from", Value(1.0)}}});
  EXPECT_EQ(flag_text(large), "");
  EXPECT_THROW((void)answer_of(system(), {.parameters = {{"L", Value(100)}}, .when = Stationary{}, .observables = {"A.density"}}), StudyError);
}

TEST(ContactProcess, QuasiStationaryQuestionsAreCheckedAndRepeatable) {
  const Table on{{"quasi-stationary", Value(true)}};
  Question q{.parameters = {{"L", Value(20)}, {"lambda", Value(2.0)}}, .when = Stationary{20.0, 50.0}, .observables = {"A.density", "A.A.pairs", "survival", "extinction-rate"}, .trajectories = 21, .options = on};
  expect_same_bits_on_any_threads(system(), q);
  const Answer a = answer_of(system(), q);
  EXPECT_EQ(get(a, "survival").value[0], 1);
  EXPECT_GT(get(a, "A.density").value[0], 0);
  const auto said = [&](const Question& asked) -> std::string {
    try {
      return flag_text(answer_of(system(), asked));
    } catch (const InputError& error) {
      return error.what();
    }
  };
  Question wrong = q;
  wrong.when = Times{{1, 2}};
  EXPECT_NE(said(wrong).find("quasi-stationary is for a stationary question"), std::string::npos) << said(wrong);
  wrong.when = Stationary{0.0, 50.0};
  EXPECT_NE(said(wrong).find("needs a burn-in above 0, not 0"), std::string::npos) << said(wrong);
  wrong.when = q.when;
  wrong.observables = {"A.spectrum"};
  EXPECT_NE(said(wrong).find("jumps where it is restarted"), std::string::npos) << said(wrong);
  Question safe = q;
  safe.parameters = {{"L", Value(200)}, {"lambda", Value(8.0)}};
  EXPECT_NE(said(safe).find("no trajectory died within its window"), std::string::npos) << said(safe);
  lattice::Model sourced = model_of({.L = 20});
  sourced.sites.push_back({0, 1, 0.1, "0 -> A", ""});
  EXPECT_THROW((void)answer_of(lattice::kinetics_level(sourced), "test", q), StudyError);
  lattice::Model barren = model_of({.L = 20});
  barren.initial = {.kind = lattice::Initial::Kind::count, .density = {0.0}};
  EXPECT_THROW((void)answer_of(lattice::kinetics_level(barren), "test", q), StudyError);
}

TEST(ContactProcess, DrawsItsSpaceTime) {
  const Answer a = answer_of(system(), {.parameters = {{"L", Value(5000)}}, .when = Times{{0, 50}}, .observables = {"A.density"}, .portraits = true});
  ASSERT_EQ(a.portraits.size(), 1u);
  const Portrait& p = a.portraits[0];
  EXPECT_EQ(p.value.size(), p.axes[0].points.size() * p.axes[1].points.size());
  EXPECT_EQ(p.categories, (std::vector<std::string>{"empty", "A"}));
  for (std::size_t x = 0; x < p.axes[1].points.size(); ++x) EXPECT_EQ(p.value[x], 1) << "full at t = 0";
  EXPECT_LE(p.value.size(), 250000u);
}

}  // namespace
}  // namespace meso::systems::contact_process
