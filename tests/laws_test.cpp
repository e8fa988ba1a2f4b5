// Laws over the registry: what every system gives, written once. A new folder under systems/ gets these tests for free.
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/files.h"
#include "base/text.h"
#include "exec/engine.h"
#include "io/toml.h"
#include "model/registry.h"
#include "study/study.h"
#include "study/study_file.h"

namespace meso {
namespace {

namespace fs = std::filesystem;

bool is_kebab(const std::string& name) {
  return !name.empty() && name.front() != '-' && name.back() != '-' && name.find("--") == std::string::npos &&
         std::all_of(name.begin(), name.end(), [](unsigned char c) { return std::islower(c) || std::isdigit(c) || c == '-'; });
}

fs::path folder_of(const System& system) { return fs::path(MESO_SOURCE_DIR) / "systems" / system.family / system.name; }

class EverySystem : public ::testing::TestWithParam<std::string> {
 protected:
  System system = builtin_registry().make(GetParam());
};

// ---- names and documents -------------------------------------------------------------------------------------------

TEST_P(EverySystem, IsNamedLikeItsFolderAndInItsFamily) {
  EXPECT_EQ(system.name, GetParam());
  EXPECT_TRUE(is_kebab(system.name));
  EXPECT_TRUE(fs::is_directory(folder_of(system))) << "systems/" << system.family << "/" << system.name << " is not there: name and family are those of the folder";
}

TEST_P(EverySystem, IsDocumented) {
  EXPECT_FALSE(system.title.empty());
  EXPECT_GT(system.doc.size(), 40u) << "a paragraph of physics for `meso info`";
  const fs::path readme = folder_of(system) / "README.md";
  ASSERT_TRUE(fs::exists(readme)) << readme;
  EXPECT_GT(read_file(readme).size(), 400u) << "the README is the system's page: physics, levels, known results, papers";
}

TEST_P(EverySystem, HasAStudyThatReadsAndResolves) {
  const fs::path folder = folder_of(system) / "studies";
  ASSERT_TRUE(fs::is_directory(folder)) << folder;
  std::size_t studies = 0;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() != ".toml") continue;
    ++studies;
    EXPECT_TRUE(is_kebab(entry.path().stem().string())) << entry.path();
    try {
      const TomlNode document = read_toml(entry.path());
      const Study study = resolved(read_study(document, [](const ModelRequest& request) { return builtin_registry().make(request.system); }));
      EXPECT_EQ(study.system.name, system.name) << entry.path();
      EXPECT_FALSE(study.title.empty()) << entry.path();
      // The resolved form is what is stored with the results: it must read back to itself.
      const TomlNode stored = study_document(study);
      const Study again = resolved(read_study(parse_toml(write_toml(stored), "resolved"), [](const ModelRequest& r) { return builtin_registry().make(r.system); }));
      EXPECT_EQ(write_toml(study_document(again)), write_toml(stored)) << entry.path();
    } catch (const std::exception& error) {
      ADD_FAILURE() << error.what();
    }
  }
  EXPECT_GT(studies, 0u) << folder << " holds no study";
}

// ---- parameters ----------------------------------------------------------------------------------------------------

TEST_P(EverySystem, EveryParameterSaysWhatItIsAndInWhichUnit) {
  std::set<std::string> seen;
  for (const ParameterInfo& p : system.parameters) {
    EXPECT_TRUE(is_identifier(p.name)) << p.name;
    EXPECT_TRUE(seen.insert(p.name).second) << p.name << " is there twice";
    EXPECT_FALSE(p.doc.empty()) << p.name;
    const bool number = p.type == ParameterInfo::Type::real || p.type == ParameterInfo::Type::integer || p.type == ParameterInfo::Type::list;
    if (number) { EXPECT_FALSE(p.unit.empty()) << p.name << " has no unit ('1' if it has no dimension)"; }
  }
}

TEST_P(EverySystem, BindsItsDefaults) {
  const Case bound = system.bind({});
  EXPECT_EQ(bound.parameters.size(), system.parameters.size());
  for (const ParameterInfo& p : system.parameters) {
    ASSERT_TRUE(bound.parameters.contains(p.name)) << p.name;
    EXPECT_EQ(bound.parameters.at(p.name), p.fallback) << p.name << ": the default that `meso info` shows is not the one that is used";
  }
  EXPECT_FALSE(bound.levels.empty());
}

/// The message of the ParameterError (or ModelError) that binding throws, or "" if it throws none.
std::string refusal(const System& system, const Table& given) {
  try {
    (void)system.bind(given);
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

TEST_P(EverySystem, AnOutOfRangeParameterIsRefusedByName) {
  for (const ParameterInfo& p : system.parameters) {
    std::vector<Value> bad{Value("no-such-word"), Value(std::nan("")), Value(std::numeric_limits<double>::infinity())};
    if (p.type == ParameterInfo::Type::text) bad = {Value(3.5)};
    else if (p.type == ParameterInfo::Type::boolean) bad = {Value("perhaps")};
    else if (p.type == ParameterInfo::Type::list) bad = {Value("no-such-word"), Value(std::vector<double>{std::nan("")})};
    if (!p.allowed.empty()) bad.push_back(Value("no-such-word"));
    if (p.type == ParameterInfo::Type::integer) bad.push_back(Value(0.5));
    const auto outside = [&](double x) { p.type == ParameterInfo::Type::integer ? bad.push_back(Value(static_cast<std::int64_t>(x))) : bad.push_back(Value(x)); };
    if (std::isfinite(p.min)) outside(p.min_excluded && p.type != ParameterInfo::Type::integer ? p.min : p.min - 1);
    if (std::isfinite(p.max)) outside(p.max + 1);
    for (Value& value : bad) {
      value.where = "--set";
      const std::string said = refusal(system, {{p.name, value}});
      EXPECT_NE(said.find(p.name), std::string::npos) << p.name << " = " << to_text(value) << (said.empty() ? " is accepted" : " is refused without its name: " + said);
      EXPECT_NE(said.find("--set"), std::string::npos) << "the message does not say where it was given: " << said;
    }
  }
}

TEST_P(EverySystem, AnUnknownParameterIsRefusedWithTheNearestName) {
  for (const ParameterInfo& p : system.parameters) {
    const std::string typo = p.name + "_";
    if (std::any_of(system.parameters.begin(), system.parameters.end(), [&](const ParameterInfo& q) { return q.name == typo; })) continue;
    const std::string said = refusal(system, {{typo, Value(1.0, "study.toml:7")}});
    EXPECT_NE(said.find("'" + typo + "'"), std::string::npos) << said;
    EXPECT_NE(said.find("study.toml:7"), std::string::npos) << said;
    if (p.name.size() > 3) { EXPECT_NE(said.find("Did you mean"), std::string::npos) << said; }
  }
  EXPECT_NE(refusal(system, {{"entirely_unheard_of", Value(1.0)}}).find("known: "), std::string::npos);
}

// ---- levels and observables ----------------------------------------------------------------------------------------

TEST_P(EverySystem, EveryReducedLevelNamesItsParentAndItsApproximation) {
  const Case bound = system.bind({});
  std::map<std::string, const LevelInfo*> levels;
  for (const Level& level : bound.levels) {
    EXPECT_TRUE(is_kebab(level.info.name)) << level.info.name;
    EXPECT_TRUE(levels.emplace(level.info.name, &level.info).second) << level.info.name << " is there twice";
    EXPECT_TRUE(static_cast<bool>(level.run)) << level.info.name;
    EXPECT_FALSE(level.info.doc.empty()) << level.info.name;
    EXPECT_TRUE(level.info.grain > 0 && (level.info.grain & (level.info.grain - 1)) == 0) << level.info.name << ": grain " << level.info.grain;
    for (const ParameterInfo& option : level.info.options) {
      EXPECT_TRUE(is_kebab(option.name)) << level.info.name << ":" << option.name;
      EXPECT_FALSE(option.doc.empty()) << level.info.name << ":" << option.name;
    }
  }
  std::size_t roots = 0;
  for (const auto& [name, info] : levels) {
    if (info->parent.empty()) {
      ++roots;
      EXPECT_TRUE(info->approximation.empty()) << name << " gives something up, but says not against which level";
      continue;
    }
    EXPECT_FALSE(info->approximation.empty()) << name << " names the parent " << info->parent << ", but not what is given up on that step";
    EXPECT_FALSE(info->source.empty()) << name << " names no source";
    EXPECT_TRUE(levels.contains(info->parent)) << name << " names the parent '" << info->parent << "', which is not on the ladder";
    // Following parents must end at the top of the ladder.
    std::set<std::string> path{name};
    for (const LevelInfo* at = info; !at->parent.empty() && levels.contains(at->parent); at = levels.at(at->parent))
      ASSERT_TRUE(path.insert(at->parent).second) << "the ladder runs in a circle at " << at->parent;
  }
  EXPECT_GT(roots, 0u) << "no level is at the top of the ladder";
  EXPECT_GE(levels.size(), 2u) << "one level alone leaves nothing to compare";
}

TEST_P(EverySystem, EveryObservableIsDefined) {
  const Case bound = system.bind({});
  std::set<std::string> seen;
  bool asked_by_default = false;
  for (const ObservableInfo& o : bound.observables) {
    EXPECT_TRUE(seen.insert(o.name).second) << o.name << " is there twice";
    EXPECT_FALSE(o.unit.empty()) << o.name;
    EXPECT_FALSE(o.doc.empty()) << o.name << ": the doc is the definition";
    asked_by_default = asked_by_default || o.by_default;
    for (const std::string& of : o.scale.of) EXPECT_NO_THROW((void)bound.observable(of)) << o.name << " takes its scale from " << of;
  }
  EXPECT_TRUE(asked_by_default) << "nothing is asked when the user names nothing";
  EXPECT_THROW((void)bound.observable("no.such.observable"), StudyError);
  EXPECT_THROW((void)bound.level("no-such-level"), StudyError);
}

// ---- bits ----------------------------------------------------------------------------------------------------------

bool same_bits(const std::vector<double>& a, const std::vector<double>& b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0);
}

void expect_same_bits(const Answer& a, const Answer& b, const std::string& what) {
  ASSERT_EQ(a.estimates.size(), b.estimates.size()) << what;
  for (std::size_t i = 0; i < a.estimates.size(); ++i) {
    const Estimate &x = a.estimates[i], &y = b.estimates[i];
    const std::string name = what + ", " + x.observable;
    EXPECT_EQ(x.observable, y.observable) << what;
    EXPECT_EQ(x.samples, y.samples) << name;
    EXPECT_TRUE(same_bits(x.value, y.value)) << name << ": value";
    EXPECT_TRUE(same_bits(x.std_error, y.std_error)) << name << ": std_error";
    EXPECT_TRUE(same_bits(x.error_bound, y.error_bound)) << name << ": error_bound";
    EXPECT_TRUE(same_bits(x.skewness, y.skewness)) << name << ": skewness";
    ASSERT_EQ(x.batches.has_value(), y.batches.has_value()) << name;
    if (x.batches) { EXPECT_TRUE(same_bits(x.batches->replicate, y.batches->replicate)) << name << ": batches"; }
  }
  ASSERT_EQ(a.paths.size(), b.paths.size()) << what;
  for (std::size_t i = 0; i < a.paths.size(); ++i) EXPECT_TRUE(same_bits(a.paths[i].value, b.paths[i].value)) << what << ": path " << i;
  ASSERT_EQ(a.flags.size(), b.flags.size()) << what;
  for (std::size_t i = 0; i < a.flags.size(); ++i) EXPECT_EQ(a.flags[i].text, b.flags[i].text) << what;
}

/// A level that may sample, but answered by solving and says why (`exact`).
bool chose_to_solve(const Answer& answer) {
  return !answer.why.empty() && std::all_of(answer.estimates.begin(), answer.estimates.end(), [](const Estimate& e) { return e.samples == 0; });
}

/// A short question to one level: a few times, or what a system without time asks.
Study short_study(const System& system, const Level& level) {
  Study study;
  study.kind = Study::Kind::run;
  study.title = "law";
  study.system = system;
  study.seed = 20240611;
  if (system.has_time) study.when = Times{{0, 0.25, 0.5}};
  LevelRequest request;
  request.level = level.info.name;
  study.levels = {request};
  study.budget.first = study.budget.max = std::max<std::uint64_t>(37, 2 * level.info.grain + 5);  // several grains, the last one not whole
  return study;
}

const Answer& answer_of(const Results& results) { return results.points.front().levels.front().answer; }

TEST_P(EverySystem, GivesTheSameBitsOnOneTwoAndThreeThreads) {
  std::size_t answered = 0;
  for (const Level& level : system.bind({}).levels) {
    const Study study = short_study(system, level);
    RunOptions options;
    const Results one = run_study(study, options);
    answered += !answer_of(one).estimates.empty();
    if (level.info.sampled && !chose_to_solve(answer_of(one))) {
      for (const Estimate& e : answer_of(one).estimates) EXPECT_EQ(e.samples, study.budget.first) << level.info.name << ", " << e.observable;
    }
    for (const unsigned threads : {2u, 3u}) {
      options.threads = threads;
      expect_same_bits(answer_of(one), answer_of(run_study(study, options)), level.info.name + " on " + std::to_string(threads) + " threads");
    }
  }
  EXPECT_GT(answered, 0u) << "no level answered anything";
}

/// Keeps the tape of every trajectory, computed in batches of the given length in the given order.
class Recorder final : public Context {
 public:
  Recorder(std::string purpose, std::uint64_t n, std::uint64_t batch, bool backwards) : purpose_(std::move(purpose)), n_(n), batch_(batch), backwards_(backwards) {}
  std::map<std::string, std::vector<std::vector<double>>> tapes;  // ensemble -> trajectory -> tape

  std::uint64_t seed() const override { return 20240611; }
  const std::string& purpose() const override { return purpose_; }
  void progress(double) override {}
  fs::path artefact(const std::string&) override { return fs::temp_directory_path(); }
  unsigned threads() const override { return 1; }
  EnsembleResult ensemble(const std::string& name, const Plan& plan, std::uint64_t grain, const BatchSample& sample) override {
    auto& all = tapes[name];
    all.assign(n_, std::vector<double>(plan.tape_size(), 0.0));
    std::vector<std::pair<std::uint64_t, std::uint64_t>> ranges;
    const std::uint64_t length = batch_ ? batch_ : grain;
    for (std::uint64_t first = 0; first < n_; first += length) ranges.emplace_back(first, std::min(first + length, n_));
    if (backwards_) std::reverse(ranges.begin(), ranges.end());
    for (const auto& [first, last] : ranges) {
      std::vector<Tape> batch;
      for (std::uint64_t k = first; k < last; ++k) batch.emplace_back(plan, std::span<double>(all[k]));
      sample(first, batch);
    }
    const Monomials monomials(plan);
    Accumulator sums;
    sums.grow_to(n_);
    for (std::uint64_t k = 0; k < n_; ++k) {
      SumNode leaf{k, 1, std::vector<double>(monomials.size(), 0.0), all[k], all[k]};
      monomials.add(all[k], leaf.sum);
      sums.push(std::move(leaf));
    }
    return estimates_from(plan, monomials, sums, purpose_);
  }

 private:
  std::string purpose_;
  std::uint64_t n_, batch_;
  bool backwards_;
};

TEST_P(EverySystem, ATrajectoryDoesNotDependOnTheBatchItIsIn) {
  const Case bound = system.bind({});
  for (const Level& level : bound.levels) {
    if (!level.info.sampled) continue;
    Ask ask;
    if (system.has_time) ask.when = Times{{0, 0.25, 0.5}};
    else ask.when = Stationary{};
    for (const ObservableInfo& o : bound.observables) ask.observables.push_back(o.name);
    ask.options = resolve(level.info.options, {}, "level '" + level.info.name + "'");
    const std::uint64_t n = 37;
    const std::string purpose = system.name + "/" + level.info.name;
    Recorder whole(purpose, n, 0, false), alone(purpose, n, 1, true), uneven(purpose, n, 5, false);
    Answer answer;
    for (Recorder* recorder : {&whole, &alone, &uneven}) answer = level.run(ask, *recorder);
    if (whole.tapes.empty() && chose_to_solve(answer)) continue;
    ASSERT_FALSE(whole.tapes.empty()) << level.info.name << " is sampled, but asks for no ensemble";
    bool varies = false;
    for (const auto& [name, tapes] : whole.tapes)
      for (std::uint64_t k = 0; k < n; ++k) {
        ASSERT_TRUE(same_bits(tapes[k], alone.tapes[name][k])) << level.info.name << ": trajectory " << k << " alone differs from the one in its grain";
        ASSERT_TRUE(same_bits(tapes[k], uneven.tapes[name][k])) << level.info.name << ": trajectory " << k << " in batches of 5 differs from the one in its grain";
        varies = varies || !same_bits(tapes[k], tapes[0]);
      }
    EXPECT_TRUE(varies) << level.info.name << ": all " << n << " trajectories are the same";
  }
}

TEST_P(EverySystem, ATrajectoryReRunByItsIdIsTheOneInTheEnsemble) {
  for (const Level& level : system.bind({}).levels) {
    if (!level.info.sampled) continue;
    const Study study = short_study(system, level);
    const Answer ensemble = answer_of(run_study(study, {}));
    for (const Path& path : ensemble.paths) {
      const Answer solo = run_trajectory(study, path.trajectory);
      const auto same = std::find_if(solo.paths.begin(), solo.paths.end(), [&](const Path& p) { return p.signal == path.signal; });
      ASSERT_NE(same, solo.paths.end()) << level.info.name << ": " << path.signal;
      EXPECT_EQ(same->trajectory, path.trajectory);
      EXPECT_TRUE(same_bits(same->value, path.value)) << level.info.name << ": trajectory " << path.trajectory << ", " << path.signal;
    }
    // Means over the ensemble are means over the trajectories re-run one by one (checked where that is cheap).
    if (study.budget.first > 40) continue;
    std::map<std::string, double> sum;
    for (std::uint64_t k = 0; k < study.budget.first; ++k)
      for (const Estimate& e : run_trajectory(study, k).estimates)
        if (e.observable.ends_with(".mean")) sum[e.observable] += e.value.back() / static_cast<double>(study.budget.first);
    for (const Estimate& e : ensemble.estimates)
      if (e.observable.ends_with(".mean")) { EXPECT_NEAR(e.value.back(), sum.at(e.observable), 1e-11 * std::max(1.0, std::abs(e.value.back()))) << level.info.name << ", " << e.observable; }
  }
}

TEST_P(EverySystem, AnotherSeedGivesOtherNumbers) {
  for (const Level& level : system.bind({}).levels) {
    if (!level.info.sampled) continue;
    Study study = short_study(system, level);
    const Answer a = answer_of(run_study(study, {}));
    study.seed += 1;
    const Answer b = answer_of(run_study(study, {}));
    if (a.estimates.empty() || chose_to_solve(a)) continue;  // answers none of the default observables at the default parameters
    bool differs = false;
    for (std::size_t i = 0; i < a.estimates.size(); ++i) differs = differs || !same_bits(a.estimates[i].value, b.estimates[i].value);
    EXPECT_TRUE(differs) << level.info.name << " ignores its seed";
  }
}

std::string test_name(const ::testing::TestParamInfo<std::string>& info) {
  std::string name = info.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}
std::vector<std::string> systems_here() { return MESO_WITH_TORCH ? builtin_registry().names() : builtin_registry().own_names(); }
INSTANTIATE_TEST_SUITE_P(Registry, EverySystem, ::testing::ValuesIn(systems_here()), test_name);

// ---- the registry as a whole ---------------------------------------------------------------------------------------

TEST(BuiltinRegistry, CardsSayWhatTheSystemsOfThePluginSay) {
  if (!MESO_WITH_TORCH) GTEST_SKIP() << "the plugin is not built (MESO_TORCH)";
  const auto own = builtin_registry().own_names();
  for (const std::string& name : builtin_registry().names()) {
    if (std::find(own.begin(), own.end(), name) != own.end()) continue;
    const System card = builtin_registry().describe(name), system = builtin_registry().make(name);
    EXPECT_EQ(card.title, system.title) << name;
    EXPECT_EQ(card.family, system.family) << name;
    EXPECT_EQ(card.needs, "torch") << name;
    EXPECT_EQ(card.paper.slug, system.paper.slug) << name;
    EXPECT_EQ(card.paper.title, system.paper.title) << name;
    EXPECT_EQ(card.paper.date, system.paper.date) << name;
  }
}

TEST(BuiltinRegistry, HoldsEveryFolderAndNothingElse) {
  std::set<std::string> folders;
  for (const auto& family : fs::directory_iterator(fs::path(MESO_SOURCE_DIR) / "systems"))
    if (family.is_directory())
      for (const auto& system : fs::directory_iterator(family.path()))
        if (fs::exists(system.path() / "CMakeLists.txt")) folders.insert(system.path().filename().string());
  const auto names = builtin_registry().names();
  EXPECT_EQ(std::set<std::string>(names.begin(), names.end()), folders);
  const auto own = builtin_registry().own_names();
  EXPECT_TRUE(std::is_sorted(own.begin(), own.end()));
  EXPECT_TRUE(std::is_sorted(names.begin() + static_cast<std::ptrdiff_t>(own.size()), names.end())) << "those of a plugin behind the others";
  EXPECT_FALSE(names.empty());
}

TEST(BuiltinRegistry, AnUnknownSystemIsRefusedWithTheNearestName) {
  for (const std::string& name : builtin_registry().names()) {
    try {
      (void)builtin_registry().make(name + "x");
      ADD_FAILURE() << name << "x is accepted";
    } catch (const InputError& error) {
      EXPECT_NE(std::string(error.what()).find("Did you mean '" + name + "'?"), std::string::npos) << error.what();
    }
  }
}

}  // namespace
}  // namespace meso
