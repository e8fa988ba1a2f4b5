#include "kits/lattice/rules.h"

#include <gtest/gtest.h>

#include <set>

#include "base/error.h"

namespace meso::lattice {
namespace {

Model contact_process() {
  Model m;
  m.species = {"A"};
  m.box = {{16}};
  m.sites = {{1, 0, 1.0, "A -> 0", "my.toml:4"}};
  m.pairs = {{{1, 0}, {1, 1}, 1.5, "A + 0 -> A + A", "my.toml:5"}};
  m.initial.kind = Initial::Kind::full;
  return m;
}

std::string refusal(const Model& m) {
  try {
    m.check();
  } catch (const ModelError& error) {
    return error.what();
  }
  return "";
}

TEST(LatticeRules, ASoundModelPasses) { EXPECT_EQ(refusal(contact_process()), ""); }

TEST(LatticeRules, EveryBadInputIsRefusedWithItsReason) {
  const auto says = [](const Model& m, std::initializer_list<const char*> parts) {
    const std::string said = refusal(m);
    for (const char* part : parts) EXPECT_NE(said.find(part), std::string::npos) << "'" << part << "' is not in: " << said;
  };
  Model m = contact_process();
  m.box.extent = {4, 4, 4, 4};
  says(m, {"1 to 3 dimensions", "4"});
  m = contact_process();
  m.initial = {.kind = Initial::Kind::product, .density = {1.2}};
  says(m, {"add up to 1.2", "exclusion", "bosonic"});
  m = contact_process();
  m.sites[0].rate = m.pairs[0].rate = 0;
  says(m, {"every rate is zero", "nothing would ever happen"});
  m = contact_process();
  m.sites[0].rate = -1;
  says(m, {"my.toml:4", "A -> 0", "-1", "at least 0"});
  m = contact_process();
  m.conserves = {"A mod 2"};
  says(m, {"my.toml:4", "A -> 0", "A mod 2", "-1", "multiple of 2"});
  m = contact_process();
  m.conserves = {"B"};
  says(m, {"conserves", "unknown species 'B'", "known: A"});
  m = contact_process();
  m.conserves = {"A A"};
  says(m, {"+ or -"});
  m = contact_process();
  m.hop = {1.0};
  m.pairs.push_back({{1, 1}, {0, 0}, 2.0, "A + A -> 0", "my.toml:9"});
  m.contacts = {{1, 1, 0, "", ""}};
  says(m, {"my.toml:9", "finite rate 2", "instantaneously"});
  m = contact_process();
  m.contacts = {{1, 1, 0, "", ""}};
  says(m, {"A + A -> 0", "D = 0"});
  m = contact_process();
  m.reactions = {{{2}, {1}, 1.0, "2A -> A", ""}};
  says(m, {"2A -> A", "occupation = bosonic"});
  m = contact_process();
  m.initial = {.kind = Initial::Kind::poisson, .density = {0.5}};
  says(m, {"Poisson", "bosonic"});
  EXPECT_THROW((void)contact_process().state("a"), ModelError);
}

TEST(LatticeRules, ConservationIsProvedRuleByRule) {
  Model m;
  m.species = {"A", "B"};
  m.box = {{8, 8}};
  m.occupation = Occupation::bosonic;
  m.hop = {1, 1};
  m.contacts = {{1, 2, 0, "", ""}};
  m.initial = {.kind = Initial::Kind::poisson, .density = {0.5, 0.5}};
  m.conserves = {"A - B", "A + B mod 2", "2A - 2B"};
  EXPECT_EQ(refusal(m), "");
  m.conserves = {"A + B"};
  EXPECT_NE(refusal(m).find("'A + B -> 0' changes 'A + B' by -2"), std::string::npos) << refusal(m);
  m.conserves = {"A - B"};
  m.reactions = {{{1, 0}, {2, 0}, 0.5, "", "x.toml:3"}};
  EXPECT_NE(refusal(m).find("x.toml:3: the rule 'A -> 2A' changes 'A - B' by 1"), std::string::npos) << refusal(m);
}

TEST(LatticeRules, NeighboursAreMutualAndAsManyAsTheDimensionSays) {
  for (const auto& extent : {std::vector<std::int64_t>{7}, {5, 4}, {3, 4, 5}})
    for (const Boundary boundary : {Boundary::periodic, Boundary::reflecting}) {
      const Box box{extent, boundary};
      std::size_t stopped = 0;
      for (std::size_t i = 0; i < box.sites(); ++i) {
        std::set<std::size_t> seen;
        for (std::size_t k = 0; k < box.neighbours(); ++k) {
          const std::size_t j = box.neighbour(i, k);
          if (j == i) {
            ++stopped;
            continue;
          }
          EXPECT_EQ(box.neighbour(j, k ^ 1), i);
          EXPECT_TRUE(seen.insert(j).second);
        }
      }
      std::size_t faces = 0;  // sites on the surface, once per face
      for (const std::int64_t n : extent) faces += 2 * box.sites() / static_cast<std::size_t>(n);
      EXPECT_EQ(stopped, boundary == Boundary::reflecting ? faces : 0);
    }
}

TEST(LatticeRules, ContactsBecomePairRulesOfEitherPartnersHop) {
  Model m;
  m.species = {"A", "B"};
  m.box = {{8}};
  m.hop = {1.0, 0.5};
  m.contacts = {{1, 2, 0, "", ""}, {1, 1, 1, "", ""}};
  m.initial = {.kind = Initial::Kind::product, .density = {0.5, 0.5}};
  const std::vector<PairRule> rules = all_pair_rules(m);
  double ab = 0, aa = 0;
  for (const PairRule& r : rules) {
    if (r.from == std::array<State, 2>{1, 2}) ab += r.rate;
    if (r.from == std::array<State, 2>{1, 1}) {
      aa += r.rate;
      EXPECT_EQ(r.to, (std::array<State, 2>{0, 1}));
    }
  }
  EXPECT_EQ(ab, 1.5);
  EXPECT_EQ(aa, 2.0);
  EXPECT_EQ(rules.size(), 5u);
}

}  // namespace
}  // namespace meso::lattice
