#include "kits/kinetics/network.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>

#include "base/error.h"

namespace meso::kinetics {
namespace {

std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const ModelError& error) {
    return error.what();
  }
  return "nothing was thrown";
}

NetworkSpec brusselator() {
  return {.species = {"X", "Y"},
          .reactions = {"2X + Y -> 3X, c1", "X -> Y, c2", "0 -> X, c3", "X -> 0, c4"},
          .constants = {{"c1", 0.9}, {"c2", 3}, {"c3", 1}, {"c4", 1}},
          .volume = 10};
}

NetworkSpec with(std::vector<std::string> reactions) {
  return {.species = {"X", "Y"}, .reactions = std::move(reactions), .constants = {{"k", 2}, {"K", 4}, {"vmax", 10}}, .volume = 2, .initial = {{"X", 3}}};
}
std::string refused(std::vector<std::string> reactions) {
  return message_of([&] { (void)with(std::move(reactions)).bind({}); });
}
bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST(Network, HasTheStoichiometryAndPropensitiesOfItsText) {
  const Network network = brusselator().bind({{"volume", 5}, {"X0", 4}});
  EXPECT_EQ(network.initial, (std::vector<std::int64_t>{4, 0}));
  EXPECT_EQ(network.stoichiometry(), (std::vector<int>{1, -1, 1, -1, -1, 1, 0, 0}));
  const Propensities a(network);
  const std::vector<double> n{7, 3};
  EXPECT_DOUBLE_EQ(a(0, n), 0.9 * 7 * 6 * 3 / 25);  // c1 volume x(x-1)y / volume^3
  EXPECT_DOUBLE_EQ(a(1, n), 21);
  EXPECT_DOUBLE_EQ(a(2, n), 5);
  EXPECT_DOUBLE_EQ(a(3, n), 7);
  const Network gillespie = brusselator().bind({{"volume", 5}, {"combinatoric", 1}});
  EXPECT_DOUBLE_EQ(Propensities(gillespie)(0, n), 0.5 * a(0, n));
}

TEST(Network, EveryKindOfPropensityIsTheFallingFactorial) {
  const std::vector<std::string> terms{"0", "X", "X + Y", "2X", "3X", "2X + Y", "X + 2Y", "2X + 2Y", "4X", "2 X + X", "X + Z + Y"};
  NetworkSpec spec{.species = {"X", "Y", "Z"}, .volume = 3};
  for (const std::string& term : terms) spec.reactions.push_back(term + " -> 0, 1.25");
  const Network network = spec.bind({});
  const Propensities a(network);
  const auto falling = [](double n, int s) {
    double p = 1;
    for (int i = 0; i < s; ++i) p *= n - i;
    return p;
  };
  for (const std::vector<double>& n : {std::vector<double>{0, 0, 0}, {1, 1, 1}, {2, 1, 0}, {3, 5, 2}, {40, 2, 7}})
    for (std::size_t r = 0; r < terms.size(); ++r) {
      double expected = 1.25 * 3;
      for (const auto& [s, count] : network.reactions[r].reactants) expected *= falling(n[s], count) / std::pow(3, count);
      EXPECT_NEAR(a(r, n), expected, 1e-13 * (1 + expected)) << terms[r];
    }
}

TEST(Network, ReadsLawsBothDirectionsAndExpressionsOfConstants) {
  const Network network = with({"X <-> Y, k^2/K; = vmax*Y/(K + Y)", "0 -> X, = 2 + sin(t)", "X->0,1e-3*volume", "0 -> 2X , .5", "3 * X -> X, 1"}).bind({});
  ASSERT_EQ(network.reactions.size(), 6u);
  EXPECT_EQ(network.reactions[0].rate, 1);
  EXPECT_EQ(network.reactions[3].rate, 0.002);
  EXPECT_EQ(network.reactions[5].change, (std::vector<std::pair<std::size_t, int>>{{0, -2}}));
  EXPECT_TRUE(network.time_dependent());
  const Propensities a(network);
  const std::vector<double> n{3, 6};
  EXPECT_DOUBLE_EQ(a(1, n), 6);
  EXPECT_DOUBLE_EQ(a(2, n, 1.5), 2 + std::sin(1.5));
  EXPECT_EQ(std::vector<std::size_t>(a.dependents(0).begin(), a.dependents(0).end()), (std::vector<std::size_t>{0, 1, 3, 5}));
  EXPECT_EQ(std::vector<std::size_t>(a.dependents(4).begin(), a.dependents(4).end()), (std::vector<std::size_t>{0, 3, 5}));
}

TEST(Network, NamesThatContainOtherNamesAreTheirOwn) {
  NetworkSpec spec{.species = {"X", "X2", "XX", "e5"}, .reactions = {"2X2 + XX -> X + 2e5, k1", "X -> X2, = k*X2*X + 0*XX"}, .constants = {{"k", 1}, {"k1", 7}}, .initial = {{"X2", 5}, {"XX", 2}, {"X", 9}}};
  const Network network = spec.bind({});
  EXPECT_EQ(network.reactions[0].reactants, (std::vector<std::pair<std::size_t, int>>{{1, 2}, {2, 1}}));
  EXPECT_EQ(network.reactions[0].products, (std::vector<std::pair<std::size_t, int>>{{0, 1}, {3, 2}}));
  EXPECT_EQ(network.reactions[0].rate, 7);
}

TEST(Network, BadReactionTextIsNamedWithItsPlace) {
  NetworkSpec spec = with({"X -> Y, 1", "2Z -> X, 1"});
  spec.where = {"my.toml:3", "my.toml:4"};
  EXPECT_EQ(message_of([&] { spec.check(); }), "my.toml:4: reaction '2Z -> X, 1': unknown species 'Z'.\n  species: X, Y");
  EXPECT_TRUE(has(refused({"X -> Y"}), "reaction 1 'X -> Y': no rate"));
  EXPECT_TRUE(has(refused({"X => Y, 1"}), "no '->' or '<->'"));
  EXPECT_TRUE(has(refused({"X -> Y -> 0, 1"}), "more than one arrow"));
  EXPECT_TRUE(has(refused({"-> Y, 1"}), "the left side is empty; nothing is written 0"));
  EXPECT_TRUE(has(refused({"X + -> Y, 1"}), "a term is missing"));
  EXPECT_TRUE(has(refused({"1.5X -> Y, 1"}), "'1.5' in '1.5X' is not a whole number"));
  EXPECT_TRUE(has(refused({"0 + X -> Y, 1"}), "not a whole number"));
  EXPECT_TRUE(has(refused({"X <-> Y, 1"}), "1 rate given, '<->' takes two"));
  EXPECT_TRUE(has(refused({"X -> Y, 1; 2"}), "2 rates given, '->' takes one"));
  EXPECT_TRUE(has(refused({"X -> Y, vmx"}), "'vmx' is neither a constant nor 'volume'. Did you mean 'vmax'?"));
  EXPECT_TRUE(has(refused({"X -> Y, k*X"}), "cannot depend on 'X'; for a whole propensity write a leading '='"));
  EXPECT_TRUE(has(refused({"X -> Y, = k*(X"}), "expected ')'"));
  EXPECT_TRUE(has(refused({"X -> Y, "}), "takes one"));
  EXPECT_TRUE(has(refused({"X -> Y, ="}), "the rate is empty"));
}

TEST(Network, BadNumbersAreRefusedByName) {
  EXPECT_EQ(refused({"X -> Y, k - 3"}), "reaction 'X -> Y, k - 3': the rate 'k - 3' is -1 with k = 2; it must be a number >= 0");
  EXPECT_TRUE(has(refused({"X -> Y, 0/0"}), "is nan"));
  EXPECT_TRUE(has(refused({"X -> Y, 1/(k - 2)"}), "is inf"));
  const NetworkSpec spec = with({"X -> Y, k"});
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_TRUE(has(message_of([&] { (void)spec.bind({{"k", nan}}); }), "constant 'k' is nan"));
  EXPECT_TRUE(has(message_of([&] { (void)spec.bind({{"X0", 2.5}}); }), "initial X is 2.5; molecules are whole"));
  EXPECT_TRUE(has(message_of([&] { (void)spec.bind({{"X0", -1}}); }), "initial X is -1"));
  EXPECT_TRUE(has(message_of([&] { (void)spec.bind({{"volume", 0}}); }), "volume is 0"));
  EXPECT_TRUE(has(message_of([&] { (void)spec.bind({{"volum", 1}}); }), "Did you mean 'volume'?"));
}

TEST(Network, NamesMustNotClash) {
  const auto message = [](const std::function<void(NetworkSpec&)>& change) {
    NetworkSpec spec = with({"X -> Y, k"});
    change(spec);
    return message_of([&] { spec.check(); });
  };
  EXPECT_TRUE(has(message([](NetworkSpec& s) { s.species.push_back("X"); }), "'X' is listed twice"));
  EXPECT_TRUE(has(message([](NetworkSpec& s) { s.species.push_back("k"); }), "both a species and a constant"));
  EXPECT_TRUE(has(message([](NetworkSpec& s) { s.constants["X0"] = 1; }), "initial amount of 'X'"));
  EXPECT_TRUE(has(message([](NetworkSpec& s) { s.constants["t"] = 1; }), "own meaning"));
  EXPECT_TRUE(has(message([](NetworkSpec& s) { s.species.push_back("2A"); }), "does not begin with a digit"));
  EXPECT_TRUE(has(message([](NetworkSpec& s) { s.initial["Z"] = 1; }), "unknown species 'Z'"));
  EXPECT_TRUE(has(message([](NetworkSpec& s) { s.initial_concentration["X"] = 1; }), "give one of them"));
}

TEST(Network, AConcentrationIsRoundedAndSaysSo) {
  NetworkSpec spec = with({"X -> Y, k"});
  spec.initial = {};
  spec.initial_concentration = {{"X", 0.9}};
  const Network network = spec.bind({{"volume", 4}});
  EXPECT_EQ(network.initial[0], 4);
  ASSERT_EQ(network.notes.size(), 1u);
  EXPECT_EQ(network.notes[0], "initial X: 0.9 per volume x volume 4 = 3.6, rounded to 4 molecules");
  EXPECT_EQ(spec.bind({{"volume", 10}}).initial[0], 9);
  EXPECT_EQ(spec.bind({{"volume", 10}, {"X0_per_volume", 2}}).initial[0], 20);
  EXPECT_TRUE(spec.bind({{"volume", 10}}).notes.empty());
}

TEST(Network, ALawThatIsNegativeSomewhereReachableIsRefused) {
  const std::string decay = refused({"0 -> X, 1", "X -> 0, = k"});
  EXPECT_TRUE(has(decay, "reaction 'X -> 0, = k': the propensity is 2 at X = 0, Y = 0, but firing would make X negative")) << decay;
  const std::string above = refused({"0 -> X, 1", "X -> 0, 1", "0 -> Y, = k*(100 - X)"});
  EXPECT_TRUE(has(above, "the propensity is -2 at X = 101")) << above;
  const std::string pole = refused({"0 -> X, 1", "X -> 0, = X/(X - 7)^2"});
  EXPECT_TRUE(has(pole, "the propensity is inf at X = 7")) << pole;
  const std::string later = refused({"0 -> X, = 1 - t"});
  EXPECT_TRUE(has(later, "negative") || has(later, "the propensity is -")) << later;
  // Negative only where the network never goes: conserved (G + Gb = 1) or bounded (X <= 10) states are fine.
  NetworkSpec gene{.species = {"G", "Gb", "P"}, .reactions = {"G -> Gb, 1", "Gb -> G, 1", "0 -> P, = 10*(1 - G)", "P -> 0, 1"}, .initial = {{"G", 1}}};
  EXPECT_NO_THROW((void)gene.bind({}));
  EXPECT_EQ(refused({"0 -> X, = k*(10 - X)", "X -> 0, 1"}), "nothing was thrown");
}

TEST(Network, FindsItsConservationLaws) {
  const NetworkSpec gene{.species = {"G", "Gb", "P"}, .reactions = {"G + P -> Gb, 1", "Gb -> G + P, 1", "G -> G + P, 1", "P -> 0, 1"}, .initial = {{"G", 1}}};
  const Network network = gene.bind({});
  ASSERT_EQ(network.conservation_laws(), (std::vector<std::vector<int>>{{1, 1, 0}}));
  EXPECT_EQ(network.law_text({1, 1, 0}), "G + Gb = 1");
  EXPECT_TRUE(brusselator().bind({}).conservation_laws().empty());

  const NetworkSpec enzyme{.species = {"E", "S", "C", "P"}, .reactions = {"E + S <-> C, 1; 1", "C -> E + P, 1"}};
  EXPECT_EQ(enzyme.bind({}).conservation_laws(), (std::vector<std::vector<int>>{{1, 0, 1, 0}, {0, 1, 1, 1}}));
  const NetworkSpec dimer{.species = {"A", "D"}, .reactions = {"2A <-> D, 1; 1"}};
  EXPECT_EQ(dimer.bind({}).conservation_laws(), (std::vector<std::vector<int>>{{1, 2}}));
  const NetworkSpec difference{.species = {"A", "B"}, .reactions = {"0 -> A + B, 1"}};
  const auto laws = difference.bind({}).conservation_laws();
  ASSERT_EQ(laws.size(), 1u);
  EXPECT_EQ(laws[0][0], -laws[0][1]) << "no non-negative law exists: A - B";
  const NetworkSpec idle{.species = {"A", "B"}, .reactions = {"0 -> A, 1"}};
  EXPECT_EQ(idle.bind({}).conservation_laws(), (std::vector<std::vector<int>>{{0, 1}}));
  EXPECT_EQ(idle.bind({}).notes.size(), 1u);
}

TEST(Network, ConservationLawsOfAChainAnnihilateItsStoichiometry) {  // the identity itself, on 60 species in 3 linked chains
  NetworkSpec spec;
  for (int i = 0; i < 60; ++i) spec.species.push_back("S" + std::to_string(i));
  for (int i = 0; i + 1 < 60; ++i)
    if (i % 20 != 19) spec.reactions.push_back(std::to_string(1 + i % 3) + "S" + std::to_string(i) + " <-> " + std::to_string(1 + (i + 1) % 2) + "S" + std::to_string(i + 1) + ", 1; 1");
  spec.reactions.push_back("S0 + S20 -> S40, 1");
  const Network network = spec.bind({});
  const auto laws = network.conservation_laws();
  ASSERT_EQ(laws.size(), 2u) << "60 species, 58 independent reactions";
  const auto n = network.stoichiometry();
  for (const auto& law : laws)
    for (std::size_t r = 0; r < network.reactions.size(); ++r) {
      long long sum = 0;
      for (std::size_t s = 0; s < 60; ++s) sum += static_cast<long long>(law[s]) * n[s * network.reactions.size() + r];
      EXPECT_EQ(sum, 0);
    }
}

TEST(Network, ParametersCarryTheDefaults) {
  NetworkSpec spec = with({"X -> Y, k"});
  spec.initial_concentration = {{"Y", 0.5}};
  std::vector<std::string> names;
  for (const ParameterInfo& info : spec.parameters()) names.push_back(info.name + "=" + to_text(info.fallback));
  EXPECT_EQ(names, (std::vector<std::string>{"volume=2", "K=4", "k=2", "vmax=10", "X0=3", "Y0_per_volume=0.5"}));
}

TEST(Network, LawsOfLargeNetworksAreTriedWhereTheyMayFail) {
  NetworkSpec spec;  // every rate a formula, as in files of models: mass action in other words, which cannot fail
  constexpr int n = 4000;
  for (int i = 0; i < n; ++i) spec.species.push_back("S" + std::to_string(i));
  for (int i = 0; i < n; ++i) {
    const std::string a = spec.species[static_cast<std::size_t>(i)], b = spec.species[static_cast<std::size_t>((7 * i + 1) % n)];
    for (const std::string& law : {"= 2*" + a, "= 0.5*" + a + "*" + b}) spec.reactions.push_back(a + " + " + b + " -> " + b + ", " + law);
  }
  spec.initial = {{"S0", 3}};
  EXPECT_EQ(spec.bind({}).reactions.size(), 8000u);  // tens of thousands of walks of 20 steps through 8,000 laws would take minutes
  spec.species.push_back("X");
  spec.reactions.push_back("0 -> X, = 5 - X");
  EXPECT_EQ(spec.bind({}).reactions.size(), 8001u);
  spec.reactions.push_back("0 -> X, 1");  // leads beyond 5: not at the start, and X is the last of the species
  try {
    (void)spec.bind({});
    FAIL() << "nothing was thrown";
  } catch (const ModelError& error) {
    EXPECT_STREQ(error.what(), "reaction '0 -> X, = 5 - X': the propensity is -1 at X = 6 (and 4,000 others), which its own network reaches; it must be a number >= 0 there");
  }
}

}  // namespace
}  // namespace meso::kinetics
