// JSON and CSV: read back by an independent parser (JSON) or a reader written here from RFC 4180 (CSV).
#include <gtest/gtest.h>

#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/files.h"
#include "base/text.h"
#include "io/csv.h"
#include "io/json.h"
#include "io/random_results.h"

namespace meso {
namespace {

using nlohmann::json;
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

Results example() {
  Results r;
  r.study = "[study]\nsystem = \"dimer\"\n[[candidate]]\nlevel = \"closure\"\norder = 2\n[compare]\nrelative = 0.05\n";
  r.system = "dimer";
  LevelResult fsp;
  fsp.info.name = fsp.label = "fsp";
  fsp.is_reference = true;
  fsp.answer.why = "61 states";
  fsp.answer.estimates = {solved_estimate("X.mean", "molecules", {{"t", "s", {0, 1, 2}}}, {0, 0.1, nan}, {0, 1e-9, 2e-9}, BoundKind::certified),
                          solved_estimate("X.variance", "molecules^2", {}, {1.0 / 3})};
  LevelResult closure;
  closure.info.name = "closure";
  closure.label = "normal-2";
  closure.answer.flags = {{"negative-variance", "X.variance", {{"t", 3.21}}, "Var(X) = -4.7", true}};
  closure.answer.steady_states = {{{{"X.mean", 4.5}}, true, true, true, {{-1, 0.5}, {-1, -0.5}}}};
  closure.answer.estimates = {solved_estimate("joint", "1", {{"x", "1", {0, 1}}, {"y", "1", {0, 1, 2}}}, {1, 2, 3, 4, 5, 6})};
  r.points = {{{{"volume", 10}, {"kind", "a"}, {"list", std::vector<double>{1, 2}}}, {fsp, closure}}, {{{"volume", 20.5}}, {closure}}};
  r.sweep = {"volume", "scale"};
  Verdict agrees;
  agrees.level = "closure";
  agrees.label = "normal-2";
  agrees.observable = "X.mean";
  agrees.outcome = Outcome::agrees;
  agrees.low = 0.1;
  agrees.high = 0.4;
  agrees.where = {{"t", 2}};
  agrees.quantile = 3.14;
  Verdict open = agrees;
  open.point = 1;
  open.outcome = Outcome::undecided;
  open.low = nan;
  open.needed = 40000;
  open.reason = "too few trajectories, \"skewness\" 14\nabout 40,000 needed";
  open.remarks = {"numerical error estimated", "bimodal"};
  r.verdicts = {agrees, open};
  return r;
}

TEST(Json, AnswersHaveTheNamesAndShapesOfTheContract) {
  const json doc = json::parse(answers_json(example()));
  EXPECT_EQ(doc["format"], "mesoscope-answers");
  EXPECT_EQ(doc["version"], 1);
  EXPECT_EQ(doc["system"], "dimer");
  EXPECT_EQ(doc["study"], json::parse(R"({"study":{"system":"dimer"},"candidate":[{"level":"closure","order":2}],"compare":{"relative":0.05}})"));
  ASSERT_EQ(doc["points"].size(), 2u);
  const json& point = doc["points"][0];
  EXPECT_EQ(point["parameters"], json::parse(R"({"volume":10,"kind":"a","list":[1.0,2.0]})"));
  EXPECT_EQ(point["reference"], json::parse(R"({"level":"fsp","label":"fsp","why":"61 states"})"));
  EXPECT_TRUE(doc["points"][1]["reference"].is_null());
  EXPECT_EQ(point["levels"][0]["observables"]["X.mean"],
            json::parse(R"({"unit":"molecules","axes":{"t":[0.0,1.0,2.0]},"shape":[3],"value":[0.0,0.1,null],"std_error":[0.0,0.0,0.0],
                            "error_bound":[0.0,1e-9,2e-9],"bound_kind":"certified"})"));
  EXPECT_EQ(point["levels"][0]["observables"]["X.variance"],
            json::parse(R"({"unit":"molecules^2","axes":{},"shape":[],"value":0.3333333333333333,"std_error":0.0,"error_bound":0.0,"bound_kind":"estimated"})"));
  EXPECT_FALSE(point["levels"][0].contains("steady_states"));
  const json& closure = point["levels"][1];
  EXPECT_EQ(closure["label"], "normal-2");
  EXPECT_EQ(closure["samples"], 0);
  EXPECT_EQ(closure["flags"], json::parse(R"([{"kind":"negative-variance","observable":"X.variance","where":{"t":3.21},"text":"Var(X) = -4.7","fatal":true}])"));
  EXPECT_EQ(closure["steady_states"], json::parse(R"([{"value":{"X.mean":4.5},"reached":true,"stable":true,"physical":true,"eigenvalues":[[-1.0,0.5],[-1.0,-0.5]]}])"));
  EXPECT_EQ(closure["observables"]["joint"]["shape"], json::parse("[2,3]"));
  EXPECT_EQ(closure["observables"]["joint"]["value"], json::parse("[1.0,2.0,3.0,4.0,5.0,6.0]"));
  EXPECT_EQ(point["verdicts"], json::parse(R"([{"level":"closure","label":"normal-2","observable":"X.mean","outcome":"agrees","low":0.1,"high":0.4,"where":{"t":2.0},
    "margin":null,"scale":null,"confidence":0.99,"quantile":3.14,"needed":null,"reason":null,"order_check":null}])"));
  const json& open = doc["points"][1]["verdicts"][0];
  EXPECT_EQ(open["needed"], 40000.0);
  EXPECT_TRUE(open["low"].is_null());
  EXPECT_EQ(open["reason"], "too few trajectories, \"skewness\" 14\nabout 40,000 needed");
}

TEST(Json, EveryNumberReadsBackToTheSameBitsAndBadTextIsStillJson) {
  Results r = example();
  testing::RandomResults random(300);
  std::vector<double> points, values;
  for (int i = 0; i < 2000; ++i) {
    points.push_back(i);
    values.push_back(random.number());
  }
  r.points[0].levels[0].answer.estimates = {solved_estimate("X.mean", "caf\xE9", {{"t", "s", points}}, values)};
  const json doc = json::parse(answers_json(r));
  const json& value = doc["points"][0]["levels"][0]["observables"]["X.mean"]["value"];
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i])) ASSERT_TRUE(value[i].is_null());
    else ASSERT_EQ(std::bit_cast<std::uint64_t>(value[i].get<double>()), std::bit_cast<std::uint64_t>(values[i])) << values[i];
  }
}

TEST(Json, ListsOfSystemsAndPapers) {
  System a, b, c;
  a.name = "dimer";
  a.title = "Dimerisation";
  a.family = "reactions";
  a.paper = {"moment-closure", "A paper", "2024-11"};
  b = a;
  b.name = "schlogl";
  c.name = "bare";
  c.needs = "torch";
  const std::vector<System> systems{a, b, c};
  EXPECT_EQ(json::parse(list_json(systems)), json::parse(R"({"systems":[{"name":"dimer","title":"Dimerisation","family":"reactions","paper":"moment-closure","needs":""},
    {"name":"schlogl","title":"Dimerisation","family":"reactions","paper":"moment-closure","needs":""},{"name":"bare","title":"","family":"","paper":"","needs":"torch"}]})"));
  EXPECT_EQ(json::parse(papers_json(systems)), json::parse(R"({"papers":[{"slug":"moment-closure","title":"A paper","date":"2024-11","systems":["dimer","schlogl"]}]})"));
  EXPECT_EQ(json::parse(papers_json({})), json::parse(R"({"papers":[]})"));
}

TEST(Json, InfoOfASystemHasParametersWithRangesAndLevelsWithOptions) {
  System system;
  system.name = "toy";
  ParameterInfo volume{"volume", "1", "size", ParameterInfo::Type::real, 10.0};
  volume.min = 0;
  volume.min_excluded = true;
  system.parameters = {volume};
  Case example;
  example.observables = {{"X.mean", "molecules", "mean of X", {}, true}};
  Level level;
  level.info.name = "closure";
  level.info.rung = Rung::moments;
  level.info.parent = "ssa";
  level.info.options = {{"kind", "1", "closure", ParameterInfo::Type::text, "normal", 0, 0, false, {"normal", "poisson"}}};
  example.levels = {level};
  const json doc = json::parse(info_json(system, example));
  EXPECT_EQ(doc["parameters"], json::parse(R"([{"name":"volume","unit":"1","doc":"size","type":"real","default":10.0,"min":0.0,"max":null,"min_excluded":true,"allowed":[]}])"));
  EXPECT_EQ(doc["observables"][0]["doc"], "mean of X");
  EXPECT_EQ(doc["levels"][0]["rung"], "moments");
  EXPECT_EQ(doc["levels"][0]["options"][0]["allowed"], json::parse(R"(["normal","poisson"])"));
  EXPECT_TRUE(doc["levels"][0]["expected_order"].is_null());
  EXPECT_TRUE(doc["paper"].is_null());
}

/// RFC 4180, strictly: CRLF ends a record, quotes are doubled inside quotes.
std::vector<std::vector<std::string>> strict_records(const std::string& text) {
  std::vector<std::vector<std::string>> rows(1, std::vector<std::string>(1));
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string& cell = rows.back().back();
    if (quoted) {
      if (text[i] != '"') cell += text[i];
      else if (i + 1 < text.size() && text[i + 1] == '"') cell += text[++i];
      else quoted = false;
    } else if (text[i] == '"') {
      EXPECT_TRUE(cell.empty()) << "a quote inside a bare field";
      quoted = true;
    } else if (text[i] == ',') {
      rows.back().emplace_back();
    } else if (text.compare(i, 2, "\r\n") == 0) {
      ++i;
      if (i + 1 < text.size()) rows.emplace_back(1);
    } else {
      EXPECT_NE(text[i], '\n');
      cell += text[i];
    }
  }
  EXPECT_FALSE(quoted);
  return rows;
}

TEST(Csv, OneRowPerVerdictWithItsSweptParameters) {
  const auto rows = strict_records(verdicts_csv(example()));
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[0], (std::vector<std::string>{"point", "volume", "parameter.scale", "level", "label", "observable", "outcome", "low", "high", "where", "margin", "scale",
                                               "confidence", "quantile", "quantile_disagree", "look", "needed", "reason", "remarks", "order_check"}));
  EXPECT_EQ(rows[1], (std::vector<std::string>{"0", "10", "", "closure", "normal-2", "X.mean", "agrees", "0.1", "0.4", "t = 2", "", "", "0.99", "3.14", "0", "1", "", "", "", ""}));
  EXPECT_EQ(rows[2], (std::vector<std::string>{"1", "20.5", "", "closure", "normal-2", "X.mean", "undecided", "", "0.4", "t = 2", "", "", "0.99", "3.14", "0", "1", "40000",
                                               "too few trajectories, \"skewness\" 14\nabout 40,000 needed", "numerical error estimated; bimodal", ""}));
}

TEST(Csv, AnyTextSurvivesTheQuoting) {
  for (std::uint64_t i = 400; i < 420; ++i) {
    const Results results = testing::RandomResults(i).make();
    const auto rows = strict_records(verdicts_csv(results));
    ASSERT_EQ(rows.size(), results.verdicts.size() + 1);
    const std::size_t first = 1 + results.sweep.size();
    for (std::size_t k = 0; k < results.verdicts.size(); ++k) {
      ASSERT_EQ(rows[k + 1].size(), rows[0].size());
      EXPECT_EQ(rows[k + 1][first], results.verdicts[k].level);
      EXPECT_EQ(rows[k + 1][first + 14], results.verdicts[k].reason);
    }
  }
}

TEST(Csv, WhatIsWrittenIsReadBack) {
  for (std::uint64_t i = 420; i < 440; ++i) {
    Results results = testing::RandomResults(i).make();
    results.sweep.clear();  // random names may repeat, which a head must not
    const std::string text = verdicts_csv(results);
    const auto rows = strict_records(text);
    const CsvTable table = parse_csv(text, "verdicts.csv");
    EXPECT_EQ(table.columns, rows[0]);
    ASSERT_EQ(table.rows.size(), results.verdicts.size());
    for (std::size_t k = 0; k < table.rows.size(); ++k) EXPECT_EQ(trim(table.rows[k][15]), trim(rows[k + 1][15])) << "the reason, with any quotes, commas and line ends";
  }
}

TEST(Csv, TablesOfPeopleAreRead) {
  const CsvTable table = parse_csv("\xef\xbb\xbf# two tubes, \"warm\"\r\n t , X.mean\n\n0 , \"1,5\"\n# a remark\n1,\"a \"\"b\"\"\n c\"\r\n2,", "x.csv");
  EXPECT_EQ(table.columns, (std::vector<std::string>{"t", "X.mean"}));
  ASSERT_EQ(table.rows.size(), 3u);
  EXPECT_EQ(table.rows[0][1], "1,5");
  EXPECT_EQ(table.rows[1][1], "a \"b\"\n c");
  EXPECT_EQ(table.rows[2], (std::vector<std::string>{"2", ""})) << "no line end behind the last row";
  EXPECT_EQ(table.where, (std::vector<std::string>{"x.csv:4", "x.csv:6", "x.csv:8"}));
  const auto message = [](const char* text) {
    try {
      (void)parse_csv(text, "x.csv");
    } catch (const InputError& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_EQ(message("a,b\n1,\"2\n"), "x.csv:2: a quote does not end");
  EXPECT_EQ(message("a,b\n1,\"2\"3\n"), "x.csv:2: text behind the quoted cell \"2\"");
  EXPECT_EQ(message("a,,b\n"), "x.csv:1: column 2 has no name");
}

TEST(Csv, IsWrittenWhole) {
  const auto path = std::filesystem::temp_directory_path() / "mesoscope-verdicts-test.csv";
  write_verdicts_csv(path, example());
  EXPECT_EQ(read_file(path), verdicts_csv(example()));
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace meso
