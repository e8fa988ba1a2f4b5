// Rules as text: what they mean, and what is said about rules that mean nothing.
#include "kits/lattice/lattice_model.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "kits/kinetics/closure_fixture.h"
#include "kits/lattice/observables.h"

namespace meso::lattice {
namespace {

using kinetics::testing::at_times;
using kinetics::testing::value;

LatticeSpec contact() {
  return {.species = {"A"}, .rules = {"A + 0 -> A + A, lambda/z", "A -> 0, 1"}, .size = {64, 64}, .initial = {{"A", 1}}, .constants = {{"lambda", 2}}};
}

TEST(RuleText, MeansWhatItSays) {
  LatticeSpec spec{.species = {"A", "B"},
                   .rules = {"A + 0 -> A + A, lambda/z", "A -> 0, 1", "A + B -> 0 + 0, instant", "hop A, D", "hop B, D/2", "exchange A B, 0.3", "0 -> B, 2*mu^2/d"},
                   .size = {10, 20, 30},
                   .boundary = Boundary::reflecting,
                   .initial = {{"A", 0.25}},
                   .constants = {{"lambda", 3}, {"D", 2}, {"mu", 0.5}}};
  const Model m = spec.bind({{"lambda", 6}});
  ASSERT_EQ(m.pairs.size(), 1u);
  EXPECT_EQ(m.pairs[0].rate, 1.0);
  EXPECT_EQ(m.pairs[0].from, (std::array<State, 2>{1, 0}));
  EXPECT_EQ(m.pairs[0].to, (std::array<State, 2>{1, 1}));
  ASSERT_EQ(m.sites.size(), 2u);
  EXPECT_DOUBLE_EQ(m.sites[1].rate, 0.5 / 3);
  EXPECT_EQ(m.sites[1].to, 2);
  ASSERT_EQ(m.contacts.size(), 1u);
  EXPECT_EQ(m.contacts[0].product, 0);
  EXPECT_EQ(m.hop, (std::vector<double>{2, 1}));
  ASSERT_EQ(m.exchanges.size(), 1u);
  EXPECT_EQ(m.exchanges[0].rate, 0.3);
  EXPECT_EQ(m.initial.kind, Initial::Kind::product);
  EXPECT_EQ(m.initial.density, (std::vector<double>{0.25, 0}));
  EXPECT_EQ(m.box.extent, (std::vector<std::int64_t>{10, 20, 30}));
  EXPECT_EQ(m.box.boundary, Boundary::reflecting);
  LatticeSpec bosonic{.species = {"A", "B"}, .rules = {"2A -> A, k*L", "A -> 2A + B, 1", "0 -> B, 0.1"}, .size = {50}, .occupation = Occupation::bosonic, .initial = {{"A", 3.5}}, .constants = {{"k", 0.1}}};
  const Model b = bosonic.bind({{"L", 10}});
  ASSERT_EQ(b.reactions.size(), 3u);
  EXPECT_EQ(b.reactions[0].reactants, (std::vector<int>{2, 0}));
  EXPECT_EQ(b.reactions[0].rate, 1.0);
  EXPECT_EQ(b.reactions[1].products, (std::vector<int>{2, 1}));
  EXPECT_EQ(b.reactions[2].reactants, (std::vector<int>{0, 0}));
  EXPECT_EQ(b.initial.kind, Initial::Kind::poisson);
  LatticeSpec seed = contact();
  seed.initial_text = "seed A";
  seed.initial.clear();
  EXPECT_EQ(seed.bind({}).initial.kind, Initial::Kind::seed);
  seed.initial_text = "full A";
  EXPECT_EQ(seed.bind({}).initial.kind, Initial::Kind::full);
  seed.species = {"A", "B"};
  seed.initial_text = "seed A in B";
  EXPECT_EQ(seed.bind({}).initial.background, 2);
}

TEST(RuleText, EveryWrongRuleIsRefusedWithWhatWouldBeRight) {
  struct Bad {
    std::string rule, expected;
  };
  for (const auto& [rule, expected] : std::vector<Bad>{
           {"A -> 0", "has no rate"},
           {"A => 0, 1", "has no '->'"},
           {"A <-> 0, 1", "two rules"},
           {"A + B -> A, 1", "names 2 sites on the left and 1 site on the right; with exclusion both sides name the same sites in order. Write 0"},
           {"A -> 2A, 1", "names 1 site on the left and 2 sites on the right"},
           {"A + A + A -> 0 + 0 + 0, 1", "names 3 sites"},
           {"A + C -> 0 + 0, 1", "names 'C', which is no species"},
           {"A + Bb -> 0 + 0, 1", "names 'Bb', which is no species."},
           {"A + 3 -> 0 + 0, 1", "term '3'"},
           {" -> A, 1", "nothing on one side"},
           {"A -> B, lamda", "unknown name 'lamda'. Did you mean 'lambda'? Known: L, d, lambda, z"},
           {"A -> B, 2*", "has a rate that does not read"},
           {"A -> B, 1/0", "has the rate '1/0', which is inf"},
           {"A -> B, -1", "-1"},
           {"A -> 0, instant", "is instant; that is possible for two particles that meet"},
           {"A + 0 -> A + A, instant", "is instant; that is possible for two particles that meet"},
           {"A + B -> A + B, instant", "leaves 2 particles"},
           {"A + B -> 0 + 0, instant", "neither A nor B hops"},
           {"hop A B, 1", "write 'hop A, D'"},
           {"hop 0, 1", "lets an empty site hop"},
           {"hop A, -2", "has the rate -2"},
           {"exchange A, 1", "write 'exchange A B, eps'"},
           {"exchange A A, 1", "two unlike species"},
           {"A -> A, 1", "changes nothing"}}) {
    LatticeSpec spec{.species = {"A", "B"}, .rules = {rule}, .where = {"my.toml:7"}, .size = {64, 64}, .initial = {{"A", 0.5}}, .constants = {{"lambda", 2}}};
    try {
      spec.check();
      ADD_FAILURE() << rule;
    } catch (const ModelError& error) {
      const std::string said = error.what();
      EXPECT_NE(said.find(expected), std::string::npos) << rule << ": " << said;
      if (expected != "-1") { EXPECT_NE(said.find(rule.substr(rule.find_first_not_of(' '), 4)), std::string::npos) << said; }
      EXPECT_NE(said.find("my.toml:7"), std::string::npos) << said;
    }
  }
}

std::string refusal(const LatticeSpec& spec) {
  try {
    spec.check();
  } catch (const ModelError& error) {
    return error.what();
  }
  return "";
}

TEST(RuleText, WrongModelsAreRefused) {
  const auto expect = [](LatticeSpec spec, const std::string& expected) { EXPECT_NE(refusal(spec).find(expected), std::string::npos) << expected << ": " << refusal(spec); };
  const auto changed = [](auto change) {
    LatticeSpec spec = contact();
    change(spec);
    return spec;
  };
  expect(changed([](auto& s) { s.initial["A"] = 1.2; }), "1.2");
  expect(changed([](auto& s) { s.rules = {"A -> 0, 0"}; }), "every rate is zero");
  expect(changed([](auto& s) { s.rules.clear(); }), "has no rules");
  expect(changed([](auto& s) { s.initial["B"] = 0.1; }), "'B' is no species");
  expect(changed([](auto& s) { s.initial_text = "half A"; }), "does not read");
  expect(changed([](auto& s) { s.initial_text = "seed C"; }), "C");
  expect(changed([](auto& s) { s.conserves = {"A"}; }), "A");
  expect(changed([](auto& s) { s.constants["z"] = 1; }), "called 'z', which is the number of neighbours");
  expect(changed([](auto& s) { s.constants["L"] = 1; }), "called 'L', which is the length of the box");
  expect(changed([](auto& s) { s.constants["A0"] = 1; }), "called 'A0', which is the initial density of A");
  expect(changed([](auto& s) { s.constants["2x"] = 1; }), "constant '2x'");
  expect(changed([](auto& s) { s.size = {}; }), "0 lengths");
  expect(changed([](auto& s) { s.size = {4, 4, 4, 4}; }), "4 lengths");
  expect(changed([](auto& s) { s.rules.push_back("hop A, 1"), s.rules.push_back("hop A, 2"); }), "second hop rate");
  expect(changed([](auto& s) { s.rules.push_back("hop A, 1"), s.rules.push_back("A + A -> 0 + 0, instant"), s.rules.push_back("A + A -> A + 0, 1"); }), "one or the other");
  expect(changed([](auto& s) { s.occupation = Occupation::bosonic, s.rules = {"exchange A A, 1"}; }), "belong to exclusion");
}

TEST(LatticeModel, HasEveryLevelAndTheyMeetAtTheirObservables) {
  const System system = lattice_system(contact(), "lattice", "contact process");
  const Case bound = system.bind({{"L", Value(32)}, {"lambda", Value(3.0)}});
  std::vector<std::string> names;
  for (const Level& level : bound.levels) {
    names.push_back(level.info.name);
    if (!level.info.parent.empty()) { EXPECT_NE(bound.find_level(level.info.parent), nullptr) << level.info.parent; }
  }
  EXPECT_EQ(names, (std::vector<std::string>{micro_level, "pair-approximation", "pde", "rate-equation"}));
  // At short times all levels follow the same exact first step: from a full lattice A decays at rate 1.
  const std::vector<double> times{0, 0.001, 0.002, 0.004};
  for (const char* level : {"pair-approximation", "pde", "rate-equation"}) {
    const Answer a = at_times(bound.level(level), times, {"A.density", "A.slope"});
    EXPECT_NEAR(value(a, "A.density", 1), 0.999, 4e-6) << level;
    EXPECT_NEAR(value(a, "A.slope", 2), -0.002, 2e-4) << level;
    EXPECT_EQ(a.find("A.slope")->value[0], 0.0) << level;
    EXPECT_EQ(at_times(bound.level(level), times, {"A.slope"}).estimates.size(), 1u) << level;
  }
  EXPECT_NO_THROW((void)bound.observable("0.A.pairs"));
  EXPECT_THROW((void)system.bind({{"lambda", Value(-1.0)}}), ModelError);
  LatticeSpec bosonic{.species = {"A"}, .rules = {"2A -> 0, 1", "hop A, 1"}, .size = {100}, .occupation = Occupation::bosonic, .initial = {{"A", 1}}};
  EXPECT_EQ(lattice_system(bosonic, "lattice", "").bind({}).levels.size(), 3u);
}

}  // namespace
}  // namespace meso::lattice
