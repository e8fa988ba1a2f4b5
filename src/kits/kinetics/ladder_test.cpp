#include "kits/kinetics/ladder.h"

#include <malloc.h>

#include "base/error.h"
#include "exec/engine.h"
#include "kits/kinetics/closure_fixture.h"
#include "kits/kinetics/ssa.h"

namespace meso::kinetics {
namespace {

using namespace testing;

NetworkSpec toggle() {  // no preset: two genes that repress each other, Hill rates
  return {.species = {"U", "V"},
          .reactions = {"0 -> U, = volume*a/(1 + (V/volume)^h)", "U -> 0, 1", "0 -> V, = volume*b/(1 + (U/volume)^h)", "V -> 0, 1"},
          .constants = {{"a", 4}, {"b", 3}, {"h", 2}},
          .volume = 5,
          .initial = {{"U", 10}, {"V", 0}}};
}

TEST(Ladder, EveryReducedLevelNamesParentAndApproximation) {
  const std::vector<Level> levels = ladder(toggle().bind({}));
  std::vector<std::string> names;
  for (const Level& level : levels) names.push_back(level.info.name);
  EXPECT_EQ(names, (std::vector<std::string>{"ssa", "next-reaction", "tau-leap", "cle", "hybrid", "fsp", "closure", "reconstruction", "lna", "rate-equation", "exact"}));
  for (const Level& level : levels) {
    if (level.info.rung != Rung::moments && level.info.rung != Rung::mean_field) continue;
    EXPECT_NE(std::find(names.begin(), names.end(), level.info.parent), names.end()) << level.info.name;
    EXPECT_FALSE(level.info.approximation.empty());
    EXPECT_FALSE(level.info.source.empty());
    ASSERT_TRUE(level.equations);
    EXPECT_FALSE(level.equations({}, true).empty());
  }
}

TEST(Ladder, AUsersNetworkRunsThroughEverySolvedLevel) {
  const System system = network_system(toggle(), "toggle", "Toggle switch");
  const Case c = system.bind({{"a", Value(3.0)}});
  for (const char* name : {"rate-equation", "lna", "closure", "fsp", "exact"}) {
    const Answer a = at_times(c.level(name), {0, 1, 4}, {"U.mean", "V.mean", "U.variance"}, {}, 1e-4);
    ASSERT_NE(a.find("U.mean"), nullptr) << name;
    EXPECT_EQ(value(a, "U.mean", 0), 10) << name;
    EXPECT_GT(value(a, "V.mean", 2), 0) << name;
  }
}

TEST(Ladder, ParametersAreCheckedByName) {
  const System system = network_system(toggle(), "toggle", "Toggle switch");
  const auto refused = [&](const Table& given, const std::string& part) {
    try {
      (void)system.bind(given);
      ADD_FAILURE() << "accepted " << to_text(given);
    } catch (const InputError& e) {
      EXPECT_NE(std::string(e.what()).find(part), std::string::npos) << e.what();
    }
  };
  refused({{"volum", Value(1.0)}}, "volume");
  refused({{"volume", Value(-1.0)}}, "volume");
  refused({{"U0", Value(0.5)}}, "U0");
  const System dimer = network_system({.species = {"X"}, .reactions = {"0 -> X, k1", "2X -> 0, k2"}, .constants = {{"k1", 1}, {"k2", 1}}}, "d", "D");
  try {
    (void)dimer.bind({{"k2", Value(-1.0)}});
    ADD_FAILURE();
  } catch (const ParameterError& e) {  // a plain rate constant has its range in the schema
    EXPECT_NE(std::string(e.what()).find("k2"), std::string::npos);
  }
  EXPECT_THROW((void)network_system({.species = {"X"}, .reactions = {"0 -> Z, 1"}}, "d", "D"), ModelError);
}

TEST(Ladder, ConservationIsSaid) {
  const System s = network_system({.species = {"A", "B"}, .reactions = {"A <-> B, 1; 2"}, .initial = {{"A", 3}}}, "iso", "Isomerisation");
  const Case c = s.bind({});
  bool said = false;
  for (const std::string& note : c.notes) said = said || note == "conserved: A + B = 3";
  EXPECT_TRUE(said);
  const Answer a = stationary(c.level("closure"), {"B.mean", "B.variance", "A.B.covariance"});
  EXPECT_NEAR(value(a, "B.mean"), 1, 1e-10);  // binomial(3, 1/3)
  EXPECT_NEAR(value(a, "B.variance"), 2.0 / 3, 1e-10);
  EXPECT_NEAR(value(a, "A.B.covariance"), -2.0 / 3, 1e-10);
}

TEST(Ladder, TheRateEquationOfALargeNetworkIsSolvedWithoutAMatrix) {
  // A chain of 700 species: the first decays as e^-kt, the second as kt e^-kt, and the total is conserved.
  NetworkSpec spec;
  for (int i = 0; i < 700; ++i) spec.species.push_back("S" + std::to_string(i));
  for (int i = 0; i + 1 < 700; ++i) spec.reactions.push_back("S" + std::to_string(i) + " -> S" + std::to_string(i + 1) + ", 2");
  spec.initial = {{"S0", 1000}};
  for (const Level& level : ladder(spec.bind({}))) {
    if (level.info.name != "rate-equation") continue;
    Ask ask{.when = Times{{0.5, 2}}, .observables = {"S0.mean", "S1.mean", "S5.mean"}};
    ask.options = resolve(level.info.options, {}, level.info.name);
    LevelRun engine({.seed = 1}, "test/large");
    const Answer answer = level.run(ask, engine);
    ASSERT_NE(answer.find("S5.mean"), nullptr);
    for (const std::size_t i : {0u, 1u}) {
      const double kt = i == 0 ? 1 : 4;
      EXPECT_NEAR(answer.find("S0.mean")->value[i], 1000 * std::exp(-kt), 0.01);
      EXPECT_NEAR(answer.find("S1.mean")->value[i], 1000 * kt * std::exp(-kt), 0.01);
      EXPECT_NEAR(answer.find("S5.mean")->value[i], 1000 * std::pow(kt, 5) / 120 * std::exp(-kt), 0.01);
    }
    EXPECT_THROW((void)level.run({.when = Stationary{}, .observables = {"S0.mean"}, .options = ask.options}, engine), StudyError);
    return;
  }
  FAIL() << "no rate equation";
}

// Bytes in use, as the allocator counts them; 0 where it does not (sanitizers).
std::size_t in_use() {
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

TEST(Ladder, LevelsHoldTheNetworkTogether) {
  NetworkSpec spec;
  for (int i = 0; i < 500; ++i) {
    spec.species.push_back("S" + std::to_string(i));
    for (int k = 0; k < 4; ++k) spec.reactions.push_back("S" + std::to_string(i) + " -> S" + std::to_string((7 * i + 13 * k + 1) % 500) + ", " + std::to_string(k + 1));
  }
  const SharedNetwork network(spec.bind({}));
  const std::size_t before = in_use();
  const Network copy = *network;
  const std::size_t one = in_use() - before;
  if (in_use() == 0) GTEST_SKIP() << "the allocator does not count";
  ASSERT_GT(one, 500'000u) << "2,000 reactions take some memory";

  const std::size_t start = in_use();
  const std::vector<Level> levels = ladder(network);
  EXPECT_EQ(levels.size(), 11u);
  EXPECT_LT(in_use() - start, one / 10) << "a level that nobody asks costs nothing";
  const std::vector<Level> again = levels;
  EXPECT_LT(in_use() - start, one / 5) << "nor do copies of it";
  EXPECT_GE(network.pointer().use_count(), 10) << "all see the same network";

  // A bound system: one network for its levels, its observables and its branches.
  const System system = network_system(spec, "chain", "Chain");
  const std::size_t unbound = in_use();
  const Case bound = system.bind({});
  EXPECT_LT(in_use() - unbound, 2 * one) << "the network once, and tables of parameters and observables";
  const Ssa ssa(network);
  EXPECT_EQ(ssa.shared().pointer(), network.pointer()) << "a simulator copies it only to turn laws into mass action";
}

}  // namespace
}  // namespace meso::kinetics
