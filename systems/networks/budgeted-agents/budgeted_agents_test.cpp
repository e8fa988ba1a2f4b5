// The system as a user meets it: parameters and their errors, levels, flags, and bits that depend on nothing but the seed.
#include "systems/networks/budgeted-agents/budgeted_agents.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <limits>
#include <set>

#include "base/error.h"
#include "exec/engine.h"
#include "study/study_file.h"

namespace meso::systems::budgeted_agents {
namespace {

const System agents = system();  // also proves that a system can be made during static initialisation

Answer run(const Table& parameters, const std::string& level, const std::vector<std::string>& observables, std::uint64_t n = 1, unsigned threads = 1, const Table& options = {}) {
  const Case bound = agents.bind(parameters);
  const Level& found = bound.level(level);
  LevelRun context({.seed = 3, .threads = threads}, "budgeted-agents/" + level);
  context.set_trajectories(n);
  Ask ask;
  ask.when = Stationary{};
  ask.observables = observables;
  ask.options = resolve(found.info.options, options, "level '" + level + "'");
  return found.run(ask, context);
}

double value(const Table& parameters, const std::string& level, const std::string& observable, const Table& options = {}) {
  const Answer answer = run(parameters, level, {observable}, 1, 1, options);
  const Estimate* estimate = answer.find(observable);
  return estimate ? estimate->value.back() : std::numeric_limits<double>::quiet_NaN();
}

const Flag* fatal(const Answer& answer, const std::string& observable) {
  for (const Flag& flag : answer.flags)
    if (flag.fatal && flag.observable == observable) return &flag;
  return nullptr;
}

const Flag* flag_of_kind(const Answer& answer, const std::string& kind) {
  for (const Flag& flag : answer.flags)
    if (flag.kind == kind) return &flag;
  return nullptr;
}

std::string refusal(const Table& parameters) {
  try {
    (void)agents.bind(parameters);
  } catch (const ParameterError& error) {
    return error.what();
  }
  return "(accepted)";
}

#define EXPECT_SAYS(text, part) EXPECT_NE((text).find(part), std::string::npos) << text

TEST(BudgetedAgents, RefusesBadParametersInOneSentenceEach) {
  EXPECT_SAYS(refusal({{"b", 1}}), "b of system 'budgeted-agents' is 1; it must be at least 2");
  EXPECT_SAYS(refusal({{"rho", 1.2}}), "rho of system 'budgeted-agents' is 1.2; it must be at least 0 and at most 1");
  EXPECT_SAYS(refusal({{"rho", -0.1}}), "rho of");
  EXPECT_SAYS(refusal({{"gamma", 1.01}}), "gamma of");
  EXPECT_SAYS(refusal({{"mu0", 1.5}}), "mu0 of system 'budgeted-agents' is 1.5; it must be at least 0 and at most 1");
  EXPECT_EQ(refusal({{"m", 1000}}), "b = 5 messages of m = 1000 tokens need 5000, but the window W holds 4096 tokens: the largest allowed b is 4");
  EXPECT_EQ(refusal({{"m", 1000}, {"W", 1500}}), "b = 5 messages of m = 1000 tokens need 5000, but the window W holds 1500 tokens: no b fits; W must be at least 2000");
  EXPECT_EQ(refusal({{"N", 100}}), "N = 100 leaves is not a power of b = 5; nearest are 25 (depth 2) and 125 (depth 3)");
  EXPECT_EQ(refusal({{"leaf", "budget"}, {"B", 6240}}),
            "the budget B = 6240 tokens does not pay for the messages: 780 edges of m = 8 tokens cost 6240; raise B, lower m or depth, or set free_messages = true");
  const Table table{{"channel", "table"}, {"m_table", std::vector<double>{1, 4, 16}}};
  const auto with = [&](std::vector<double> gamma) {
    Table full = table;
    full["gamma_table"] = std::move(gamma);
    return refusal(full);
  };
  EXPECT_EQ(with({0.2, 0.5, 0.4}), "gamma_table must not decrease (more tokens cannot lose signal), but gamma_table[2] = 0.4 at m = 16 follows 0.5 at m = 4");
  EXPECT_SAYS(with({0.2, 0.5, 1.4}), "gamma_table of system 'budgeted-agents'");
  EXPECT_SAYS(with({0.2, 0.5}), "at least two points and as many gamma_table as m_table; given 2 and 3");
  EXPECT_EQ(with({0.2, 0.5, 0.9}), "(accepted)");
  EXPECT_SAYS(refusal({{"channel", "table"}, {"m", 20}, {"m_table", std::vector<double>{1, 16}}, {"gamma_table", std::vector<double>{0.1, 0.9}}}), "m = 20 lies outside the fidelity table");
  EXPECT_SAYS(refusal({{"channel", "token"}}), "Did you mean 'tokens'?");
  EXPECT_SAYS(refusal({{"gama", 0.5}}), "Did you mean 'gamma'?");
  EXPECT_SAYS(refusal({{"depth", 1.5}}), "must be an integer");
  EXPECT_SAYS(refusal({{"m0", 0}}), "above 0");
  EXPECT_SAYS(refusal({{"mu0", std::numeric_limits<double>::quiet_NaN()}}), "mu0 of");
}

TEST(BudgetedAgents, RefusesBadOptionsAndTreesThatAreTooLarge) {
  EXPECT_THROW((void)run({}, "population", {"mu.root"}, 1, 1, {{"members", 5000}}), ParameterError);
  EXPECT_THROW((void)run({}, "population", {"mu.root"}, 1, 1, {{"members", 1}}), ParameterError);
  try {
    (void)run({{"depth", 50}}, "trees", {"mu.root"});
    FAIL();
  } catch (const ParameterError& error) {
    EXPECT_SAYS(std::string(error.what()), "Use level 'population'");
  }
  EXPECT_TRUE(std::isfinite(value({{"depth", 50}}, "population", "mu.root", {{"members", 1024}}))) << "population reaches any depth";
  const Answer clipped = run({}, "clipped", {"mu.root"}, 1, 1, {{"delta", 0.99}});
  ASSERT_NE(fatal(clipped, "mu.root"), nullptr);
  EXPECT_SAYS(fatal(clipped, "mu.root")->text, "delta = 0.99 of the clipped predictor must lie strictly between 0 and mu* = 0.971187");
}

TEST(BudgetedAgents, SaysWhatIsNotDefined) {
  const Answer silent = run({{"gamma", 0}}, "recursion", {"s", "mu.root"});
  ASSERT_NE(fatal(silent, "s"), nullptr);
  EXPECT_SAYS(fatal(silent, "s")->text, "needs alpha > 0");
  EXPECT_EQ(fatal(silent, "mu.root"), nullptr) << "the rest of the answer stands";
  EXPECT_EQ(silent.find("mu.root")->value[0], 0);

  const Answer single = run({{"leaf", "budget"}, {"B", 1e12}, {"free_messages", true}}, "budget-law", {"synergy.sign", "synergy.ratio", "s"});
  ASSERT_NE(fatal(single, "synergy.sign"), nullptr);
  EXPECT_SAYS(fatal(single, "synergy.sign")->text, "the exponent test s > beta does not apply: the single agent is saturated");
  ASSERT_NE(fatal(single, "synergy.ratio"), nullptr);
  EXPECT_EQ(fatal(single, "s"), nullptr);
  const Answer tree = run({{"leaf", "budget"}, {"B", 1}, {"mu_ref", 0.5}, {"beta", 0.1}, {"depth", 8}, {"free_messages", true}}, "budget-law", {"synergy.sign"});
  ASSERT_NE(fatal(tree, "synergy.sign"), nullptr);
  EXPECT_SAYS(fatal(tree, "synergy.sign")->text, "does not apply: the tree is saturated");

  EXPECT_NE(fatal(run({{"gamma", 0.5}}, "recursion", {"mixing.depth"}), "mixing.depth"), nullptr) << "no growth in the collapse phase";
  EXPECT_NE(fatal(run({{"mu0", 0}}, "trees", {"synergy.ratio"}, 64), "synergy.ratio"), nullptr);
  EXPECT_NE(fatal(run({{"beta", 0.5}}, "budget-law", {"budget.breakeven"}), "budget.breakeven"), nullptr);
}

TEST(BudgetedAgents, LabelsTheRegime) {
  const auto label = [](const Table& parameters) {
    const Answer answer = run(parameters, "recursion", {"mu.root"});
    const Flag* flag = flag_of_kind(answer, "regime");
    EXPECT_NE(flag, nullptr);
    EXPECT_FALSE(flag->fatal);
    return flag->text.substr(0, flag->text.find(':'));
  };
  EXPECT_EQ(label({{"mu0", 0.02}, {"depth", 8}}), "amplify");
  EXPECT_EQ(label({{"mu0", 0.02}, {"depth", 11}}), "saturated");
  EXPECT_EQ(label({{"gamma", 0.5}}), "collapse");
  const Answer near_one = run({{"b", 21}, {"gamma", 0.999}, {"rho", 0}, {"depth", 12}, {"mu0", 0.2}}, "recursion", {"mu.root", "error.root"});
  EXPECT_EQ(near_one.find("mu.root")->value[0], 1);
  EXPECT_NE(flag_of_kind(near_one, "note"), nullptr) << "1 - mu is lost in rounding, and that is said";
  EXPECT_GT(near_one.find("error.root")->value[0], 0);
  EXPECT_LT(near_one.find("error.root")->value[0], 1e-20);
}

TEST(BudgetedAgents, LevelsGiveTheTheory) {
  const Table reference{{"mu0", 0.02}, {"depth", 8}};
  EXPECT_NEAR(value(reference, "recursion", "mu.root"), 0.533284, 1e-6);
  EXPECT_NEAR(value(reference, "recursion", "error.root"), 0.5 * (1 - 0.533284), 1e-6);
  EXPECT_NEAR(value(reference, "linear", "mu.root"), 0.02 * std::pow(1.53, 8), 1e-12);
  EXPECT_NEAR(value(reference, "fixed-point", "mu.root"), 0.971187, 1e-6);
  EXPECT_NEAR(value(reference, "fixed-point", "slope.star"), 0.255192, 1e-6);
  EXPECT_NEAR(value(reference, "recursion", "alpha"), 1.53, 1e-12);
  EXPECT_NEAR(value(reference, "recursion", "s"), 0.264234, 1e-6);
  EXPECT_NEAR(value(reference, "recursion", "gamma.critical"), 0.588235, 1e-6);
  EXPECT_EQ(value(reference, "recursion", "mixing.depth"), 11);
  EXPECT_NEAR(value(reference, "linear", "mixing.depth"), 8.88, 0.005);
  EXPECT_LT(value(reference, "clipped", "mu.root"), 0.533284);
  EXPECT_GT(value(reference, "clipped", "mu.root"), value(reference, "clipped", "mu.root", {{"delta", 0.2}}) - 1e-12);
  EXPECT_GT(value(reference, "upper-predictor", "mu.root"), 0.533284);
  EXPECT_NEAR(value({{"gamma", 0.59}}, "near-threshold", "mu.star"), Node({.b = 5, .gamma = 0.59, .rho = 0.2}).fixed_point(), 0.001);
  const Answer profile = run(reference, "recursion", {"mu.level"});
  ASSERT_EQ(profile.find("mu.level")->axes.at(0).points.size(), 9U);
  EXPECT_NEAR(profile.find("mu.level")->value[4], 0.109146, 1e-6);
  EXPECT_NEAR(value({{"rho", 0.1}, {"depth", 3}}, "tree-risk", "risk"), 0.1196, 1e-12);
  EXPECT_NEAR(value({{"rho", 0.1}, {"N", 125}}, "star-risk", "risk"), 0.1076, 1e-12);
  EXPECT_NEAR(value({{"rho", 0.1}, {"N", 125}}, "chain-risk", "risk"), 2.1656, 1e-12);
  EXPECT_NE(flag_of_kind(run({{"depth", 6}}, "star-risk", {"risk"}), "note"), nullptr) << "a star of 15,625 leaves does not fit the window";
}

TEST(BudgetedAgents, FidelityComesFromTokensOrTable) {
  EXPECT_NEAR(value({{"channel", "tokens"}, {"m", 16}}, "recursion", "alpha"), 1.7 * (1 - std::exp(-2.0)), 1e-12);
  EXPECT_NEAR(value({{"channel", "table"}, {"m", 10}, {"m_table", std::vector<double>{4, 16}}, {"gamma_table", std::vector<double>{0.5, 0.9}}}, "recursion", "alpha"), 1.7 * 0.7, 1e-12);
}

TEST(BudgetedAgents, TheBudgetIsSharedByLeavesAndMessages) {
  const Tree t = build({.leaf = "budget", .B = 10000});
  EXPECT_EQ(t.leaves, 625);
  EXPECT_EQ(t.edges, 780);
  EXPECT_EQ(t.message_cost, 6240);
  EXPECT_NEAR(t.x, 3760.0 / 625, 1e-12);
  EXPECT_NEAR(t.mu0, 0.02 * std::pow(t.x, 0.35), 1e-15);
  const Tree same = build({.leaf = "compute", .x = t.x}), again = build({.leaf = "bias", .mu0 = t.mu0});
  for (const Tree& other : {same, again}) {
    EXPECT_NEAR(other.budget, 10000, 1e-8);
    EXPECT_NEAR(other.mu_single, t.mu_single, 1e-12);
  }
  EXPECT_EQ(build({.leaf = "budget", .B = 10000, .free_messages = true}).x, 16);
  EXPECT_EQ(build({.leaf = "compute", .x = 1e9}).mu0, 1) << "a leaf saturates";
  // The budget law with messages: break-even is where the ratio is 1 (weak signals).
  const Table weak{{"leaf", "budget"}, {"mu_ref", 1e-4}, {"beta", 0.2}, {"B", 1e5}};
  const double even = value(weak, "budget-law", "budget.breakeven");
  Table at = weak;
  at["B"] = even;
  EXPECT_NEAR(value(at, "budget-law", "synergy.ratio"), 1, 1e-10);
  EXPECT_NEAR(value(at, "recursion", "synergy.ratio"), 1, 1e-4) << "the recursion agrees while signals are weak";
}

TEST(BudgetedAgents, LinearTheoryIsOfThirdOrderInTheLeafBias) {
  std::vector<double> error;
  for (const double mu0 : {0.02, 0.01, 0.005, 0.0025})
    error.push_back(value({{"mu0", mu0}}, "linear", "mu.root") - value({{"mu0", mu0}}, "recursion", "mu.root"));
  for (std::size_t i = 1; i < error.size(); ++i) EXPECT_NEAR(std::log2(error[i - 1] / error[i]), 3, 0.05);
}

TEST(BudgetedAgents, EveryBatchCompositionGivesTheSameBits) {
  const Case bound = agents.bind({{"depth", 3}, {"mu0", 0.1}});
  const std::vector<std::string> observables{"mu.root", "error.root", "synergy.ratio", "mu.level"};
  Ask ask;
  ask.when = Stationary{};
  ask.observables = observables;
  /// A context that runs trajectories [0, n) in batches of given sizes and keeps every tape.
  struct Batches final : Context {
    std::vector<std::size_t> sizes;
    std::uint64_t n = 0;
    std::vector<double> all;
    std::string name = "budgeted-agents/trees";
    [[nodiscard]] std::uint64_t seed() const override { return 9; }
    [[nodiscard]] const std::string& purpose() const override { return name; }
    [[nodiscard]] EnsembleResult ensemble(const std::string&, const Plan& plan, std::uint64_t, const BatchSample& sample) override {
      std::uint64_t first = 0;
      for (std::size_t i = 0; first < n; ++i) {
        const std::uint64_t count = std::min<std::uint64_t>(sizes[i % sizes.size()], n - first);
        std::vector<double> data(count * plan.tape_size());
        std::vector<Tape> tapes;
        for (std::uint64_t k = 0; k < count; ++k) tapes.emplace_back(plan, std::span(data).subspan(k * plan.tape_size(), plan.tape_size()));
        sample(first, tapes);
        all.insert(all.end(), data.begin(), data.end());
        first += count;
      }
      return {};
    }
    void progress(double) override {}
    [[nodiscard]] std::filesystem::path artefact(const std::string&) override { return {}; }
    [[nodiscard]] unsigned threads() const override { return 1; }
  };
  for (const std::string level : {"trees", "population", "copula", "tree-average"}) {
    if (level == "tree-average") ask.observables = {"risk"};
    const Level& found = bound.level(level);
    ask.options = resolve(found.info.options, level == "population" || level == "copula" ? Table{{"members", 1024}} : Table{}, "level");
    std::vector<double> whole;
    for (const std::vector<std::size_t>& sizes : {std::vector<std::size_t>{200}, {64}, {1}, {7, 64, 3, 100, 1}, {128, 1}}) {
      Batches context;
      context.sizes = sizes;
      context.n = 200;
      (void)found.run(ask, context);
      if (whole.empty()) {
        whole = context.all;
        EXPECT_GT(std::set<double>(whole.begin(), whole.end()).size(), 1U) << level;
        continue;
      }
      EXPECT_EQ(whole, context.all) << level << " with batches of " << sizes.front();
    }
  }
}

TEST(BudgetedAgents, ThreadsRoundsAndCompanyOfObservablesDoNotChangeTheBits) {
  const Table parameters{{"depth", 3}};
  const Answer one = run(parameters, "trees", {"mu.root"}, 5000, 1), three = run(parameters, "trees", {"mu.root", "mu.level", "error.root"}, 5000, 3);
  EXPECT_EQ(one.find("mu.root")->value, three.find("mu.root")->value);
  EXPECT_EQ(one.find("mu.root")->std_error, three.find("mu.root")->std_error);
  EXPECT_EQ(one.find("mu.root")->value[0], three.find("mu.level")->value[3]) << "the profile is of the same trees";
  EXPECT_DOUBLE_EQ(three.find("error.root")->value[0], 0.5 * (1 - one.find("mu.root")->value[0]));
  const double mu = one.find("mu.root")->value[0];
  EXPECT_NEAR(one.find("mu.root")->std_error[0], std::sqrt((1 - mu * mu) / 4999), 1e-12) << "binomial error over trees";

  const Case bound = agents.bind(parameters);
  Ask ask;
  ask.when = Stationary{};
  ask.observables = {"mu.root"};
  LevelRun rounds({.seed = 3, .threads = 2}, "budgeted-agents/trees");
  Answer last;
  for (const std::uint64_t n : {100, 1000, 5000}) {
    rounds.set_trajectories(n);
    last = bound.level("trees").run(ask, rounds);
  }
  EXPECT_EQ(last.find("mu.root")->value, one.find("mu.root")->value);
  LevelRun growing({.seed = 3, .threads = 1}, "budgeted-agents/trees");
  double before = 0;
  for (std::uint64_t k = 0; k < 130; ++k) {  // one trajectory alone, by its id, is what it adds to the ensemble
    LevelRun solo({.seed = 3, .threads = 1}, "budgeted-agents/trees");
    solo.set_solo(k);
    growing.set_trajectories(k + 1);
    const double sum = std::round(bound.level("trees").run(ask, growing).find("mu.root")->value[0] * static_cast<double>(k + 1));
    EXPECT_EQ(bound.level("trees").run(ask, solo).paths.at(0).value.at(0), sum - before) << "tree " << k;
    before = sum;
  }
}

TEST(BudgetedAgents, AFlatSampleStillHasABoundedSignal) {  // perfect messages, certain leaves: no variation in n trees
  const Answer flat = run({{"gamma", 1}, {"mu0", 1}}, "trees", {"mu.root", "mu.level"}, 1000);
  for (const char* name : {"mu.root", "mu.level"}) {
    EXPECT_EQ(flat.find(name)->no_variation.at(0), 1) << name;
    EXPECT_EQ(flat.find(name)->signal_range.at(0), 2) << name;
  }
}

TEST(BudgetedAgents, TheLadderIsWhole) {
  const Case bound = agents.bind({});
  std::set<std::string> answered;
  for (const Level& level : bound.levels) {
    EXPECT_FALSE(level.info.doc.empty()) << level.info.name;
    EXPECT_FALSE(level.info.source.empty()) << level.info.name;
    if (level.info.rung != Rung::micro) {
      EXPECT_NE(bound.find_level(level.info.parent), nullptr) << level.info.name;
      EXPECT_FALSE(level.info.approximation.empty()) << level.info.name;
    } else {
      EXPECT_TRUE(level.info.parent.empty() && level.info.approximation.empty()) << level.info.name;
    }
    std::vector<std::string> names;
    for (const ObservableInfo& info : bound.observables) names.push_back(info.name);
    for (const Estimate& estimate : run({{"depth", 2}, {"mu0", 0.02}, {"free_messages", true}}, level.info.name, names, 64).estimates) {
      answered.insert(estimate.observable);
      EXPECT_EQ(estimate.unit, bound.observable(estimate.observable).unit) << level.info.name;
    }
  }
  for (const ObservableInfo& info : bound.observables) EXPECT_TRUE(answered.contains(info.name)) << info.name << " is given by no level";
  EXPECT_EQ(bound.time_unit, "");
  EXPECT_SAYS(bound.level("recursion").equations({}, false), "1.875 x - 1.25 x^3 + 0.375 x^5");
  EXPECT_SAYS(bound.level("recursion").equations({}, true), "\\mu_{\\ell+1}");
}

TEST(BudgetedAgents, ItsStudiesRead) {
  for (const char* name : {"transition", "synergy"}) {
    const std::filesystem::path path = std::filesystem::path(MESO_SOURCE_DIR) / "systems/networks/budgeted-agents/studies" / (std::string(name) + ".toml");
    const Study study = resolved(read_study(read_toml(path), [](const ModelRequest& request) {
      EXPECT_EQ(request.system, "budgeted-agents");
      return system();
    }));
    EXPECT_GE(study.levels.size(), 3U);
    EXPECT_EQ(study.criterion.relative, 0);
    EXPECT_GE(points_of(study).size(), 18U);
    EXPECT_FALSE(describe(study).empty());
  }
}

}  // namespace
}  // namespace meso::systems::budgeted_agents
