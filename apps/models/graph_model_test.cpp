// [graph] in a study file: the documented study runs and judges, and wrong tables are refused with their place.
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include "apps/models/own_model_fixture.h"
#include "base/files.h"

namespace meso {
namespace {

using namespace testing;

const char* const good = R"([study]
title = "test"
[graph]
model = { kind = "erdos-renyi", nodes = 200, mean-degree = 5 }
compartments = ["S", "I", "R"]
transitions = ["S + I -> I + I, beta", "I -> R, gamma"]
initial = { I = 20 }
constants = { beta = 1, gamma = 1 }
[times]
from = 0
to = 1
count = 2
[reference]
level = "edge-based"
[[candidate]]
level = "pair"
[compare]
observables = ["I.mean"]
relative = 0.1
)";

std::string with(const std::string& line, const std::string& instead) { return changed(good, line, instead); }

TEST(OwnGraph, WrongTablesAreRefusedWithTheirPlace) {
  EXPECT_EQ(refusal(good), "");
  const std::string model = R"(model = { kind = "erdos-renyi", nodes = 200, mean-degree = 5 })", transitions = R"(transitions = ["S + I -> I + I, beta", "I -> R, gamma"])";
  for (const auto& [line, instead, expected] : std::vector<std::array<std::string, 3>>{
           {model, "", "[graph] needs either edges = \"file\" or model"},
           {model, R"(model = { kind = "erdos-reny", nodes = 200, mean-degree = 5 })", "my.toml:4: unknown kind 'erdos-reny'. Did you mean 'erdos-renyi'?"},
           {model, R"(model = { kind = "erdos-renyi", nodes = 200, mean-degree = -5 })", "mean-degree is -5; it must be positive"},
           {model, R"(model = { kind = "erdos-renyi", nodes = 200, mean-degree = 300 })", "needs more neighbours than there are: 200 nodes"},
           {model, R"(model = { kind = "erdos-renyi", nodes = 1, mean-degree = 5 })", "nodes is 1; it must be between 2 and 1e8"},
           {model, R"(model = { kind = "regular", nodes = 201, degree = 5 })", "the degrees sum to 1005, an odd number"},
           {model, R"(model = { kind = "configuration", nodes = 200, degrees = [2, 4], weights = [0.5, 0.6] })", "the weights sum to 1.1 instead of 1"},
           {model, R"(model = { kind = "configuration", nodes = 200, degrees = [2.5], weights = [1] })", "degree 2.5 is not a whole number"},
           {model, R"x(model = { kind = "spatial", nodes = 2000, mean-degree = 5, side = 40, kernel = "gausian", range = 1 })x", "kernel"},
           {model, R"x(model = { kind = "spatial", nodes = 2000, mean-degree = 5, side = 40, kernel = "gausian" })x", "'gausian' is neither a kernel nor the distance r. Did you mean 'gaussian'?"},
           {model, R"x(model = { kind = "spatial", nodes = 2000, mean-degree = 5, side = 40, kernel = "gaussian" })x", "range"},
           {model, R"x(model = { kind = "spatial", nodes = 2000, mean-degree = 5, side = 40, kernel = "gaussian", range = 0 })x", "range is 0; it must be positive"},
           {model, R"x(model = { kind = "spatial", nodes = 2000, mean-degree = 5, side = 40, kernel = "gaussian", range = 1, shape = 2 })x", "the kernel 'gaussian' has no shape"},
           {model, R"x(model = { kind = "spatial", nodes = 2000, mean-degree = 5, side = 40, kernel = "power", range = 1, shape = 2 })x", "is not integrable in 2 dimensions: a must exceed 2"},
           {model, R"x(model = { kind = "spatial", nodes = 2000, mean-degree = 5, side = 40, kernel = "1/(1 + r)" })x", "is not integrable in 2 dimensions, or falls too slowly"},
           {model, R"x(model = { kind = "spatial", nodes = 2000, mean-degree = 5, side = 40, kernel = "r*exp(-r)" })x", "the kernel is 0 at distance 0"},
           {model, R"x(model = { kind = "spatial", nodes = 2000, mean-degree = 5, side = 40, kernel = "(1 + 4*r^2)*exp(-r)" })x", "the kernel rises with the distance at "},
           {model, R"x(model = { kind = "spatial", nodes = 2000, mean-degree = 5, side = 40, kernel = "exp(-s)" })x", "'s' is neither a kernel nor the distance r"},
           {model, R"x(model = { kind = "spatial", nodes = 2000, mean-degree = 5, side = 40, kernel = "exp(-r)", range = 1 })x", "range belongs to a kernel with a name"},
           {model, R"x(model = { kind = "spatial", nodes = 2000, mean-degree = 5, side = 40, dimension = 3, kernel = "exp(-r)" })x", "dimension is 3; spatial graphs live in 1 or 2 dimensions"},
           {model, R"x(model = { kind = "spatial", nodes = 2000, mean-degree = 5, side = 40, kernel = "exp(-r)", long-range = 2 })x", "long-range is 2"},
           {model, R"x(model = { kind = "spatial", nodes = 2000, mean-degree = 50, side = 400, kernel = "exp(-r)" })x", "2000 nodes in a box of side 400 are too few for mean-degree 50 and this kernel"},
           {model, R"(edges = "no-such-file.edges")", "no-such-file.edges"},
           {model, model + "\nchanges = \"x\"", "changes need a given graph"},
           {model, model + "\nedge = \"x\"", "edge"},
           {transitions, R"(transitions = ["S + I -> I + I, bta", "I -> R, gamma"])", "my.toml:6: transition \"S + I -> I + I, bta\": unknown constant 'bta' in the rate. Did you mean 'beta'?"},
           {transitions, R"(transitions = ["S + J -> I + I, beta", "I -> R, gamma"])", "unknown compartment 'J'"},
           {"initial = { I = 20 }", "initial = { I = 500 }", "initial: 500 nodes are placed, the graph has 200"},
           {"initial = { I = 20 }", "initial = { Q = 5 }", "unknown compartment 'Q'"},
           {"initial = { I = 20 }", "initial = { I = -1 }", "I is -1; it must be between 0 and 1e8"},
           {"initial = { I = 20 }", "initial-nodes = { I = [300] }", "initial: node 300 is not below the number of nodes, 200"},
           {"initial = { I = 20 }", "initial-nodes = { I = [1, 1] }", "initial: node 1 is named twice"},
           {"beta = 1,", "beta = 1, S = 2,", "'S' is both a compartment and a constant"},
       }) {
    const std::string said = refusal(with(line, instead));
    EXPECT_NE(said.find(expected), std::string::npos) << instead << "\n" << (said.empty() ? "is accepted" : said);
    EXPECT_NE(said.find("my.toml"), std::string::npos) << said;
  }
}

Results run(const std::string& text, const std::filesystem::path& folder) { return run_study(read_study(parse_toml(text, "my.toml"), model_source(), folder), {.threads = 2}); }

// What a run leaves behind runs again from any folder, and notices that its file has changed.
TEST(OwnGraph, TheResolvedStudyFindsItsFileAgain) {
  const std::filesystem::path folder = std::filesystem::temp_directory_path() / ("mesoscope-graph-" + std::to_string(::getpid()));
  std::filesystem::create_directories(folder);
  const std::filesystem::path docs = std::filesystem::path(MESO_SOURCE_DIR) / "docs";
  std::filesystem::copy_file(docs / "own-graph.edges", folder / "own-graph.edges", std::filesystem::copy_options::overwrite_existing);
  const Study study = resolved(read_study(parse_toml(read_file(docs / "own-graph.toml"), "my.toml"), model_source(), folder));
  const std::string text = write_toml(study_document(study));
  const auto again = [&] { return write_toml(study_document(resolved(read_study(parse_toml(text, "study.toml"), model_source(), "elsewhere")))); };
  EXPECT_EQ(again(), text);
  write_file_atomically(folder / "own-graph.edges", read_file(folder / "own-graph.edges") + "\n");
  try {
    (void)again();
    ADD_FAILURE() << "a changed file was taken";
  } catch (const InputError& error) {
    EXPECT_NE(std::string(error.what()).find("is not what it was when this study was resolved"), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find("study.toml:"), std::string::npos) << error.what();
  }
  std::filesystem::remove_all(folder);
}

// The documented study: a clustered contact list on which theories without loops spread the disease too well.
TEST(OwnGraph, TheDocumentedStudyGivesItsVerdict) {
  const std::filesystem::path docs = std::filesystem::path(MESO_SOURCE_DIR) / "docs";
  const Results results = run(read_file(docs / "own-graph.toml"), docs);
  ASSERT_EQ(results.verdicts.size(), 6u);
  for (const Verdict& v : results.verdicts) EXPECT_EQ(v.outcome, Outcome::disagrees) << v.label << " " << v.observable << ": " << v.reason;
  const LevelResult* events = results.points[0].find("events");
  const LevelResult* edge = results.points[0].find("edge-based");
  ASSERT_TRUE(events != nullptr && edge != nullptr);
  EXPECT_GT(events->answer.find("S.mean")->value.back(), edge->answer.find("S.mean")->value.back() + 0.1);
}

// Where a level is exact it agrees: a random start on a small given graph with edges that change, against the master equation, with a variance.
TEST(OwnGraph, EventsAgreeWithTheMasterEquationOnAGraphThatChanges) {
  const std::filesystem::path folder = std::filesystem::temp_directory_path() / "meso_own_graph";
  std::filesystem::create_directories(folder);
  write_file_atomically(folder / "ring.edges", "0 1\n1 2\n2 3\n3 4\n4 5\n5 0\n");
  write_file_atomically(folder / "ring.changes", "0.5 remove 0 1\n0.5 add 0 3\n1.5 add 1 4\n");
  const Results results = run(R"([study]
title = "test"
seed = 3
[graph]
edges = "ring.edges"
changes = "ring.changes"
compartments = ["S", "I"]
transitions = ["S + I -> I + I, 1.5", "I -> S, 1"]
initial = { I = 2 }
[times]
from = 0
to = 3
count = 4
[reference]
level = "master"
[[candidate]]
level = "events"
[[candidate]]
level = "mean-field"
[compare]
observables = ["I.mean", "I.variance"]
relative = 0.1
[budget]
trajectories = 32768
)", folder);
  for (const Verdict& v : results.verdicts) {
    if (v.label == "events") { EXPECT_EQ(v.outcome, Outcome::agrees) << v.observable << ": " << v.reason; }
    else if (v.observable == "I.mean") { EXPECT_EQ(v.outcome, Outcome::disagrees); }
  }
  std::filesystem::remove_all(folder);
}

// A user's own distance kernel: with short edges an epidemic is slower than the theory without space, with a kernel that is wide beside the box it is that theory.
TEST(OwnGraph, AKernelOfTheUsersOwnDecidesWhetherSpaceMatters) {
  const auto outcome = [&](const std::string& kernel) {
    std::string text = with(R"(kind = "erdos-renyi", nodes = 200, mean-degree = 5)", R"(kind = "spatial", nodes = 3000, mean-degree = 5, side = 40, kernel = ")" + kernel + "\"");
    const auto replace = [&](const std::string& a, const std::string& b) { text.replace(text.find(a), a.size(), b); };
    replace("initial = { I = 20 }", "initial = { I = 60 }");
    replace("to = 1\ncount = 2", "to = 6\ncount = 3");
    replace("level = \"edge-based\"", "level = \"events\"");
    replace("level = \"pair\"", "level = \"edge-based\"");
    const Results results = run(text + "[budget]\ntrajectories = 320\n", {});
    EXPECT_EQ(results.verdicts.size(), 1u);
    return results.verdicts.at(0).outcome;
  };
  EXPECT_EQ(outcome("exp(-(r/1.5)^3)"), Outcome::disagrees);
  EXPECT_EQ(outcome("1/(1 + (r/40)^4)"), Outcome::agrees);
}

// SIR on infinite random graphs: the edge-based theory agrees with large ones of any degrees, mean field does not.
TEST(OwnGraph, EdgeBasedTheoryAgreesWithLargeRandomGraphs) {
  std::string text = with(R"(kind = "erdos-renyi", nodes = 200, mean-degree = 5)", R"(kind = "configuration", nodes = 20000, degrees = [2, 12], weights = [0.8, 0.2])");
  const auto replace = [&](const std::string& a, const std::string& b) { text.replace(text.find(a), a.size(), b); };
  replace("initial = { I = 20 }", "initial = { I = 400 }");
  replace("to = 1\ncount = 2", "to = 6\ncount = 4");
  replace("level = \"edge-based\"", "level = \"events\"");
  replace("level = \"pair\"", "level = \"edge-based\"\n[[candidate]]\nlevel = \"mean-field\"");
  const Results results = run(text + "[budget]\ntrajectories = 128\n", {});
  ASSERT_EQ(results.verdicts.size(), 2u);
  EXPECT_EQ(results.verdicts[0].outcome, Outcome::agrees) << results.verdicts[0].label << ": " << results.verdicts[0].reason;
  EXPECT_EQ(results.verdicts[1].outcome, Outcome::disagrees);
}

}  // namespace
}  // namespace meso
