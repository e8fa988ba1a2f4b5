#include "study/study.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "study/study_file.h"

namespace meso {
namespace {

struct Params {
  double size = 10, k = 1;
};
const Schema<Params> schema{{"size", &Params::size, {.doc = "system size", .min = 0, .min_excluded = true}}, {"k", &Params::k, {.doc = "rate", .min = 0}}};
struct Options {
  std::string kind = "normal";
  std::int64_t order = 2;
};
const Schema<Options> options_schema{{"kind", &Options::kind, {.allowed = {"normal", "zero"}}}, {"order", &Options::order, {.min = 1, .max = 8}}};

/// The mean of n draws with exact mean k, and a level whose error is k / size.
System toy() {
  struct Draws {
    Params p;
    Plan plan(const Ask&) const {
      Plan plan;
      plan.signals = {{.name = "x", .path = true}};
      plan.derived = {{"X.mean", "1", {0}}};
      return plan;
    }
    void sample(const Ask&, const Plan&, std::uint64_t seed, const std::string& purpose, std::uint64_t k, Tape& tape) const {
      Stream rng(seed, k, purpose);
      tape.record(0, 0, p.k + rng.normal());
    }
  };
  return Define<Params>("toy", "A toy", "tests", schema)
      .no_time()
      .observe({"X.mean", "1", "mean of x"})
      .level({.name = "draws", .sampled = true}, [](const Params& p) { return sampled(Draws{p}, 16); })
      .level({.name = "exact", .rung = Rung::master}, [](const Params& p) {
        return [p](const Ask&, Context&) {
          Answer answer;
          answer.estimates = {solved_estimate("X.mean", "1", {}, {p.k})};
          return answer;
        };
      })
      .level({.name = "closure", .rung = Rung::moments, .parent = "exact", .approximation = "large size", .small_parameter = "1/size", .expected_order = 1, .options = options_schema.infos()},
             [](const Params& p) {
               return [p](const Ask& ask, Context&) {
                 const Options options = options_schema.read(ask.options, "level 'closure'");
                 Answer answer;
                 answer.estimates = {solved_estimate("X.mean", "1", {}, {p.k * (1 + 1 / std::pow(p.size, static_cast<double>(options.order) - 1))})};
                 return answer;
               };
             });
}

ModelSource source() {
  return [](const ModelRequest&) { return toy(); };
}

const char* text = R"([study]
title = "Toy"
system = "toy"
seed = 5
[parameters]
k = 2
[reference]
level = "exact"
[[candidate]]
level = "closure"
order = 2
[[candidate]]
level = "draws"
[compare]
relative = 0.05
confidence = 0.95
[compare.override."X.mean"]
relative = 0.04
[sweep]
mode = "grid"
size = { log = [10, 1000], count = 5 }
[budget]
trajectories = { first = 256, max = 65536 }
)";

Study parsed(std::string document) { return read_study(parse_toml(document, "s.toml"), source()); }

std::string message(const std::string& document) {
  try {
    const Study study = resolved(parsed(document));
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

std::string replaced(std::string document, const std::string& what, const std::string& by) { return document.replace(document.find(what), what.size(), by); }

TEST(Study, RunsASweepFromAFileAndJudgesIt) {
  const Results results = run_study(parsed(text), {.threads = 2});
  ASSERT_EQ(results.points.size(), 5u);
  ASSERT_EQ(results.verdicts.size(), 10u);
  EXPECT_EQ(results.verdicts[0].label, "normal-2");
  EXPECT_EQ(results.verdicts[0].outcome, Outcome::disagrees) << "10 % off at size 10";
  EXPECT_EQ(results.verdicts[8].outcome, Outcome::agrees) << "0.1 % off at size 1000";
  for (const Verdict& v : results.verdicts)
    if (v.label == "draws") EXPECT_EQ(v.outcome, Outcome::agrees) << "an adaptive look decides: " << v.reason;
  ASSERT_EQ(results.orders.size(), 1u);
  EXPECT_NEAR(results.orders[0].order, 1.0, 1e-9) << "error k / size is of order one in 1/size: " << results.orders[0].text;
  EXPECT_EQ(results.points[4].find("draws")->samples % 256, 0u);
}

TEST(Study, RangesThatNobodyCanRunAreRefused) {
  const std::string axis = "size = { log = [10, 1000], count = 5 }";
  const std::string many = message(replaced(text, axis, "size = { log = [10, 1000], count = 9999999 }\nk2 = { linear = [1, 2], count = 9999999 }"));
  EXPECT_NE(many.find("points; it may have 100000 at most"), std::string::npos) << many;
  EXPECT_NE(message(replaced(text, axis, "size = { linear = [-1.7e308, 1.7e308], count = 3 }")).find("too far apart"), std::string::npos);
  EXPECT_NE(message(replaced(text, axis, "size = { log = [1e-300, 1e300], count = 3 }")).find("too far apart"), std::string::npos);
}

TEST(Study, TheResolvedFileRunsAgainToTheSameBits) {
  const Results first = run_study(parsed(text), {.threads = 2});
  const Results again = run_study(read_study(parse_toml(first.study, "resolved.toml"), source()), {.threads = 1});
  EXPECT_EQ(again.study, first.study);
  EXPECT_NE(first.study.find("log ="), std::string::npos) << "a logarithmic sweep stays one";
  for (std::size_t p = 0; p < first.points.size(); ++p)
    for (std::size_t l = 0; l < first.points[p].levels.size(); ++l) {
      EXPECT_EQ(again.points[p].levels[l].answer.estimates[0].value, first.points[p].levels[l].answer.estimates[0].value);
      EXPECT_EQ(again.points[p].levels[l].samples, first.points[p].levels[l].samples);
    }
  for (std::size_t v = 0; v < first.verdicts.size(); ++v) EXPECT_EQ(again.verdicts[v].outcome, first.verdicts[v].outcome);
}

TEST(Study, APointOfASweepIsThePointRunAlone) {
  const Results all = run_study(parsed(text), {.threads = 2});
  Study one = parsed(text);
  one.sweep.clear();
  one.parameters["size"] = all.points[2].parameters.at("size");
  one.budget = {all.points[2].find("draws")->samples, all.points[2].find("draws")->samples};
  const Results alone = run_study(one, {.threads = 1});
  EXPECT_EQ(alone.points[0].find("draws")->answer.estimates[0].value, all.points[2].find("draws")->answer.estimates[0].value);
}

TEST(Study, OneTrajectoryIsReRunByItsId) {
  Study study = parsed(text);
  study.levels.erase(study.levels.begin());
  study.sweep.clear();
  const Results results = run_study(study, {.threads = 2});
  for (const Path& path : results.points[0].find("draws")->answer.paths)
    EXPECT_EQ(run_trajectory(study, path.trajectory).paths.at(0).value, path.value);
}

TEST(Study, BadInputIsOneErrorWithPlaceAndNearestName) {
  EXPECT_EQ(message(replaced(text, "relative = 0.05", "relativ = 0.05")).rfind("s.toml:15: unknown key 'relativ'", 0), 0u) << message(replaced(text, "relative = 0.05", "relativ = 0.05"));
  EXPECT_NE(message(replaced(text, "\"closure\"", "\"closur\"")).find("s.toml:10: unknown level 'closur'. Did you mean 'closure'?"), std::string::npos);
  EXPECT_NE(message(replaced(text, "order = 2", "ordr = 2")).find("s.toml:11: unknown option 'ordr'"), std::string::npos);
  EXPECT_NE(message(replaced(text, "order = 2", "kind = \"normale\"")).find("Did you mean 'normal'?"), std::string::npos);
  EXPECT_NE(message(replaced(text, "k = 2", "kk = 2")).find("s.toml:6: unknown parameter 'kk'"), std::string::npos);
  EXPECT_NE(message(replaced(text, "k = 2", "k = -2")).find("s.toml:6: k of system 'toy' is -2; it must be at least 0"), std::string::npos);
  EXPECT_NE(message(replaced(text, "k = 2", "size = 2")).find("both set and swept"), std::string::npos);
  EXPECT_NE(message(replaced(text, "size = {", "sise = {")).find("unknown parameter 'sise' in the sweep. Did you mean 'size'?"), std::string::npos);
  EXPECT_NE(message(replaced(text, "log = [10, 1000]", "log = [0, 1000]")).find("above 0"), std::string::npos);
  EXPECT_NE(message(replaced(text, "\"X.mean\"", "\"Y.mean\"")).find("'Y.mean' is overridden"), std::string::npos);
  EXPECT_NE(message(replaced(text, "relative = 0.04", "relative = 0.0")).find("margin of 'X.mean' is zero"), std::string::npos);
  EXPECT_NE(message(replaced(text, "confidence = 0.95", "confidence = 95")).find("between 0 and 1"), std::string::npos);
  EXPECT_NE(message(replaced(text, "first = 256", "first = 0")).find("at least 1"), std::string::npos);
  EXPECT_NE(message(replaced(text, "mode = \"grid\"", "mode = \"boundry\"")).find("unknown sweep mode"), std::string::npos);
  EXPECT_NE(message(replaced(text, "[[candidate]]\nlevel = \"draws\"", "[[candidate]]\nlevel = \"closure\"")).find("label 'normal-2' is used twice"), std::string::npos);
  EXPECT_NE(message(std::string(text) + "[times]\nfrom = 0\nto = 1\ncount = 2\n").find("has no time"), std::string::npos);
  EXPECT_EQ(message(text), "");
}

TEST(Study, GridsAndLevelsFromText) {
  EXPECT_EQ(parse_times("0:20:5", ""), (std::vector<double>{0, 5, 10, 15, 20}));
  EXPECT_EQ(parse_sweep("k", "list:1,2,5", "").values, (std::vector<double>{1, 2, 5}));
  const SweepAxis log = parse_sweep("k", "log:0.1:10:3", "");
  EXPECT_TRUE(log.log);
  EXPECT_NEAR(log.values[1], 1, 1e-15);
  EXPECT_EQ(log.values[2], 10.0);
  for (const char* bad : {"0:20", "a:b:c", "0:20:0", "0:20:1.5", "log:0:1:3", "list:", "nan:1:2", "1:1:3"}) EXPECT_THROW((void)parse_sweep("k", bad, ""), StudyError) << bad;
  const LevelRequest level = parse_level("closure:kind=normal,order=4,label=n4", "");
  EXPECT_EQ(level.label, "n4");
  EXPECT_EQ(std::get<std::int64_t>(level.options.at("order").data), 4);
}

const char* boundary = R"([study]
system = "toy"
[parameters]
k = 2
[reference]
level = "exact"
[[candidate]]
level = "closure"
order = 2
[[candidate]]
level = "closure"
order = 3
[[candidate]]
level = "closure"
order = 4
[compare]
relative = 0.05
[sweep]
mode = "boundary"
max-points = 40
tolerance = 0.001
size = { log = [2, 1000], count = 8 }
)";

TEST(Study, ABoundarySweepBracketsEveryFlip) {
  const Results results = run_study(parsed(boundary), {.threads = 2});
  // Order m is wrong by k / size^(m - 1): within 5 % from size 20^(1 / (m - 1)) on.
  ASSERT_EQ(results.edges.size(), 3u);
  for (int m = 2; m <= 4; ++m) {
    const Edge& edge = results.edges[static_cast<std::size_t>(m - 2)];
    const double exact = std::pow(20.0, 1.0 / (m - 1));
    EXPECT_EQ(edge.label, "normal-" + std::to_string(m));
    EXPECT_EQ(edge.below, Outcome::disagrees);
    EXPECT_EQ(edge.above, Outcome::agrees);
    EXPECT_LE(edge.low, exact);
    EXPECT_GE(edge.high, exact);
    EXPECT_TRUE(edge.refined);
    EXPECT_LE(std::log(edge.high / edge.low), 1e-3);
    EXPECT_EQ(edge.reference.at("X.mean"), std::pair(2.0, 2.0));
  }
  EXPECT_LE(results.points.size(), 40u);
  for (std::size_t p = 1; p < results.points.size(); ++p)
    EXPECT_LT(as_number(results.points[p - 1].parameters.at("size")), as_number(results.points[p].parameters.at("size"))) << "points stand in order";
  for (const Verdict& verdict : results.verdicts) ASSERT_LT(verdict.point, results.points.size());
  // Every comparison that was allowed counts, made or not.
  EXPECT_EQ(entries_of(resolved(parsed(boundary))), 40u * 3u);
  EXPECT_NE(message(replaced(boundary, "max-points = 40", "max-points = 7")).find("8 points, more than max-points = 7"), std::string::npos);
  EXPECT_NE(message(replaced(boundary, "\"boundary\"", "\"bisect\"")).find("known: grid, list, boundary"), std::string::npos);
  EXPECT_NE(message(replaced(boundary, "\"boundary\"", "\"grid\"")).find("belongs to mode = \"boundary\""), std::string::npos);
}

TEST(Study, ABoundarySweepStopsAtItsPoints) {
  const Results results = run_study(parsed(replaced(boundary, "max-points = 40", "max-points = 11")), {.threads = 1});
  EXPECT_EQ(results.points.size(), 11u);
  for (const Edge& edge : results.edges) EXPECT_FALSE(edge.refined) << "an edge that was not finished says so";
}

TEST(Study, ABoundarySweepGoesOnWithKnownPoints) {
  const Results whole = run_study(parsed(boundary), {.threads = 2});
  Results part;
  std::size_t computed = 0;
  RunOptions options;
  options.on_point = [&](const Results& so_far) {
    part = so_far;
    if (++computed == 11) throw Cancelled();
  };
  EXPECT_THROW((void)run_study(parsed(boundary), options), Cancelled);
  ASSERT_EQ(part.points.size(), 11u);
  const Results resumed = run_study(parsed(boundary), {.threads = 2, .known = &part});
  ASSERT_EQ(resumed.points.size(), whole.points.size());
  for (std::size_t p = 0; p < whole.points.size(); ++p) EXPECT_EQ(resumed.points[p].parameters, whole.points[p].parameters);
  ASSERT_EQ(resumed.verdicts.size(), whole.verdicts.size());
  for (std::size_t v = 0; v < whole.verdicts.size(); ++v) EXPECT_EQ(resumed.verdicts[v].outcome, whole.verdicts[v].outcome);
}

TEST(Study, AListWalksAlongItsAxesTogether) {
  const std::string list = R"([study]
system = "toy"
[reference]
level = "exact"
[[candidate]]
level = "closure"
[sweep]
mode = "list"
size = [10, 20, 40]
k = [1, 2, 3]
)";
  const Results results = run_study(parsed(list), {.threads = 1});
  ASSERT_EQ(results.points.size(), 3u);
  EXPECT_EQ(as_number(results.points[1].parameters.at("size")), 20);
  EXPECT_EQ(as_number(results.points[1].parameters.at("k")), 2);
  EXPECT_NE(message(replaced(list, "[1, 2, 3]", "[1, 2]")).find("'size' has 3 values, 'k' has 2"), std::string::npos);
}

TEST(Study, OrdersAreComparedWithTheNextTwo) {
  const Results results = run_study(parsed(boundary), {.threads = 1});
  const auto check = [&](std::size_t point, const std::string& label) -> std::string {
    for (const Verdict& verdict : results.verdicts)
      if (verdict.point == point && verdict.label == label) return verdict.order_check.value_or("");
    return "no verdict";
  };
  EXPECT_EQ(check(0, "normal-2"), "inconsistent") << "at size 2 orders 2 and 3 are wrong by 50 and 25 %";
  const std::size_t last = results.points.size() - 1;
  EXPECT_EQ(check(last, "normal-2"), "consistent");
  EXPECT_EQ(check(last, "normal-3"), "") << "there is no order 5 in the study";
  EXPECT_EQ(check(0, "normal-3"), "inconsistent") << "one neighbour is enough to contradict: 25 and 12.5 %";
}

}  // namespace
}  // namespace meso
