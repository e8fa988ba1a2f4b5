// The levels of a field through the engine: a user's own model, its refusals, bits, and levels against each other where theory is exact.
#include "kits/field/ladder.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "base/error.h"
#include "exec/engine.h"
#include "testing/statistics.h"

namespace meso::field {
namespace {

Answer answer_of(const System& system, const std::string& level, const std::variant<Times, Stationary>& when, std::vector<std::string> observables, std::uint64_t trajectories = 1, unsigned threads = 2,
                 const Table& parameters = {}) {
  const Case bound = system.bind(parameters);
  LevelRun run({.seed = 5, .threads = threads}, "field/" + level);
  run.set_trajectories(trajectories);
  return bound.level(level).run({.when = when, .observables = std::move(observables)}, run);
}

const Estimate& get(const Answer& answer, const std::string& observable) {
  const Estimate* found = answer.find(observable);
  if (found == nullptr) throw std::runtime_error("no " + observable);
  return *found;
}

std::string refusal(const FieldSpec& spec) {
  try {
    (void)field_system(spec, "field", "test");
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

const FieldSpec double_well{.potential = "a/4*(phi^2 - 1)^2", .constants = {{"a", 1}, {"height", 0.5}}, .length = {20}, .n = {64}, .initial = "-1 + height*exp(-x^2)", .vacuum = -1};

TEST(FieldSystem, RefusesWhatItCannotRead) {
  const auto with = [](auto change) {
    FieldSpec spec = double_well;
    change(spec);
    return refusal(spec);
  };
  EXPECT_EQ(refusal(double_well), "");
  EXPECT_NE(with([](FieldSpec& s) { s.potential = "a*phi^2 + heigth"; }).find("names 'heigth', which is neither phi nor a constant (known: phi, a, height). Did you mean 'height'?"), std::string::npos);
  EXPECT_NE(with([](FieldSpec& s) { s.initial = "hight*exp(-x^2)"; }).find("initial = 'hight*exp(-x^2)' names 'hight', which is neither a coordinate nor a constant (known: x, a, height). Did you mean 'height'?"),
            std::string::npos);
  EXPECT_NE(with([](FieldSpec& s) { s.initial = "exp(-x^2)*y"; }).find("names 'y'"), std::string::npos);  // one dimension has no y
  EXPECT_NE(with([](FieldSpec& s) { s.initial = "x"; }).find("jumps by 20 at the seam"), std::string::npos);
  EXPECT_NE(with([](FieldSpec& s) { s.initial = "1/x^2"; }).find("not finite at point 32 (x = 0)"), std::string::npos);
  EXPECT_NE(with([](FieldSpec& s) { s.constants["phi"] = 1; }).find("constant 'phi' has a name that the field kit uses itself"), std::string::npos);
  EXPECT_NE(with([](FieldSpec& s) { s.boundary = "antiperiodik"; }).find("boundary = 'antiperiodik' is not one of periodic, antiperiodic. Did you mean 'antiperiodic'?"), std::string::npos);
  EXPECT_NE(with([](FieldSpec& s) { s.dynamics = "waves"; }).find("Did you mean 'wave'?"), std::string::npos);
  EXPECT_NE(with([](FieldSpec& s) { s.n = {63}; }).find("n = 63 points: a field needs an even number"), std::string::npos);
  EXPECT_NE(with([](FieldSpec& s) { s.n = {64, 64}; }).find("box has 1 lengths and n 2 numbers"), std::string::npos);
  EXPECT_NE(with([](FieldSpec& s) { s.dt = 5; }).find("dt = 5 is too long: the scheme is stable below 0.1"), std::string::npos);
  EXPECT_NE(with([](FieldSpec& s) { s.temperature = 1; }).find("temperature = 1 without damping"), std::string::npos);
  EXPECT_NE(with([](FieldSpec& s) { s.potential = "phi^"; }).find("phi^"), std::string::npos);
}

TEST(FieldSystem, ItsConstantsAreParameters) {
  const System system = field_system(double_well, "field", "test");
  const Answer low = answer_of(system, "field", Times{{0, 1}}, {"phi_centre"}, 1, 1, {{"height", 0.1}}), high = answer_of(system, "field", Times{{0, 1}}, {"phi_centre"});
  EXPECT_NEAR(get(low, "phi_centre").value[0], -0.9, 1e-14);
  EXPECT_NEAR(get(high, "phi_centre").value[0], -0.5, 1e-14);
}

// As the amplitude falls the linear modes become the field: a difference of second order in the height, measured.
TEST(FieldSystem, LinearModesAreTheLimitOfSmallAmplitude) {
  const System system = field_system(double_well, "field", "test");
  std::vector<double> heights, differences;
  for (const double height : {0.04, 0.02, 0.01}) {
    const Table p{{"height", height}, {"dt", 0.002}};
    const Answer field = answer_of(system, "field", Times{{3}}, {"phi_centre"}, 1, 1, p), linear = answer_of(system, "linearised", Times{{3}}, {"phi_centre"}, 1, 1, p);
    heights.push_back(height), differences.push_back(std::abs(get(field, "phi_centre").value[0] - get(linear, "phi_centre").value[0]));
  }
  EXPECT_TRUE(OrderIs(heights, differences, 2, 0.1));
}

TEST(FieldSystem, TheBoundByStepHalvingHoldsTheErrorInBothDynamics) {
  for (const std::string dynamics : {"wave", "relaxation"}) {
    FieldSpec spec = double_well;
    spec.dynamics = dynamics;
    spec.initial = "sin(2*3.14159265358979324*x/20)";
    const System system = field_system(spec, "field", "test");
    const double coarse = dynamics == "wave" ? 0.08 : 0.5;
    const std::vector<std::string> names{"phi_centre", "phi2", "energy"};
    const Answer rough = answer_of(system, "field", Times{{1, 4}}, names, 1, 1, {{"dt", coarse}}), fine = answer_of(system, "field", Times{{1, 4}}, names, 1, 1, {{"dt", coarse / 32}});
    for (const std::string& name : names)
      for (std::size_t i = 0; i < 2; ++i) {
        EXPECT_LE(std::abs(get(rough, name).value[i] - get(fine, name).value[i]), get(rough, name).error_bound[i] + 1e-12) << dynamics << " " << name;
        EXPECT_LT(get(rough, name).error_bound[i], 0.1) << dynamics << " " << name;
      }
  }
}

TEST(FieldSystem, ATorusOfTheUsersOwn) {
  const FieldSpec spec{.potential = "phi^2/2", .length = {6.283185307179586, 12.566370614359172}, .n = {16, 32}, .initial = "cos(x)*cos(y/2)", .dt = 0.005};
  const System system = field_system(spec, "field", "test");
  const Answer a = answer_of(system, "field", Times{{0, 2}}, {"phi_centre", "energy"}), exact = answer_of(system, "linearised", Times{{0, 2}}, {"phi_centre"});
  EXPECT_NEAR(get(exact, "phi_centre").value[1], std::cos(1.5 * 2), 1e-12);  // w^2 = 1 + 1 + 1/4
  EXPECT_NEAR(get(a, "phi_centre").value[1], std::cos(1.5 * 2), 2e-5);
}

TEST(FieldSystem, FrictionWithoutNoiseFollowsTheLinearModes) {
  const FieldSpec spec{.potential = "phi^2/2", .length = {20}, .n = {64}, .initial = "exp(-x^2)", .damping = 0.3, .dt = 0.01};
  const System system = field_system(spec, "field", "test");
  const Answer a = answer_of(system, "field", Times{{2, 6}}, {"phi_centre"}), exact = answer_of(system, "linearised", Times{{2, 6}}, {"phi_centre"});
  for (std::size_t i = 0; i < 2; ++i) EXPECT_NEAR(get(a, "phi_centre").value[i], get(exact, "phi_centre").value[i], 1e-4);
}

TEST(FieldSystem, SampledFieldsHaveTheSameBitsOnAnyNumberOfThreads) {
  for (const std::string dynamics : {"wave", "relaxation"}) {
    FieldSpec spec = double_well;
    spec.dynamics = dynamics, spec.temperature = 0.1, spec.damping = 0.5;
    const System system = field_system(spec, "field", "test");
    for (const std::variant<Times, Stationary>& when : {std::variant<Times, Stationary>(Times{{0, 0.5, 1}}), std::variant<Times, Stationary>(Stationary{1, 3})}) {
      const Answer one = answer_of(system, "field", when, {"phi2", "phi_centre", "energy", "spectrum"}, 21, 1);
      for (const unsigned threads : {2u, 3u}) {
        const Answer many = answer_of(system, "field", when, {"phi2", "phi_centre", "energy", "spectrum"}, 21, threads);
        ASSERT_EQ(one.estimates.size(), many.estimates.size());
        for (std::size_t i = 0; i < one.estimates.size(); ++i) {
          EXPECT_EQ(std::memcmp(one.estimates[i].value.data(), many.estimates[i].value.data(), one.estimates[i].size() * sizeof(double)), 0) << one.estimates[i].observable;
          EXPECT_EQ(std::memcmp(one.estimates[i].std_error.data(), many.estimates[i].std_error.data(), one.estimates[i].size() * sizeof(double)), 0) << one.estimates[i].observable;
        }
      }
    }
  }
}

TEST(FieldSystem, EquilibriumLevelsSayWhenThereIsNone) {
  FieldSpec spec{.potential = "1 - cos(phi)", .length = {20}, .n = {64}, .damping = 1, .temperature = 50};
  const System system = field_system(spec, "field", "test");
  for (const std::string level : {"hartree", "transfer-operator"}) {
    const Answer a = answer_of(system, level, Stationary{}, {"phi2"});
    ASSERT_FALSE(a.flags.empty()) << level;
    EXPECT_TRUE(a.flags[0].fatal) << level;
    EXPECT_TRUE(std::isnan(get(a, "phi2").value[0])) << level;
  }
}

// A harmonic ring forgets over 1/sqrt(k): the numbers of the warning are known.
TEST(FieldSystem, ABoxTooSmallForTheCorrelationLengthIsSaidWithTheNumber) {
  const FieldSpec spec{.potential = "k*phi^2/2", .constants = {{"k", 1}}, .length = {20}, .n = {64}, .damping = 1, .temperature = 0.1};
  const System system = field_system(spec, "field", "test");
  const auto says = [&](double k) {
    std::string text;
    for (const Flag& flag : answer_of(system, "transfer-operator", Stationary{}, {"phi2"}, 1, 1, {{"k", Value(k)}}).flags) text += flag.text + "\n";
    return text;
  };
  EXPECT_NE(says(0.01).find("the correlation length 10 is not small against the box 20"), std::string::npos) << says(0.01);
  EXPECT_NE(says(0.25).find("correlation length 2 "), std::string::npos) << says(0.25);
  EXPECT_EQ(says(0.25).find("not small"), std::string::npos) << says(0.25);
}

}  // namespace
}  // namespace meso::field
