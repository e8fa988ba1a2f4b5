// The program as its users meet it: verbs, files, JSON, exit statuses (docs: README.md, meso --help).
#include "tests/cli/program.h"

#include <nlohmann/json.hpp>
#include <set>

#include "base/text.h"
#include "model/registry.h"

namespace meso {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

class Program : public ProgramTest {};

TEST_F(Program, ListsEverySystem) {
  const Ran ran = meso("list");
  EXPECT_EQ(ran.status, 0) << ran.err;
  const Ran as_json = meso("list --json");
  ASSERT_EQ(as_json.status, 0) << as_json.err;
  std::set<std::string> listed;
  const json document = json::parse(as_json.out);
  for (const json& system : document.at("systems")) {
    for (const char* key : {"name", "title", "family", "paper", "needs"}) EXPECT_TRUE(system.contains(key)) << key << " in " << system;
    listed.insert(system.at("name"));
  }
  const auto names = builtin_registry().names();
  EXPECT_EQ(listed, std::set<std::string>(names.begin(), names.end()));
  for (const std::string& name : names) EXPECT_TRUE(contains(ran.out, name)) << name;

  const Ran papers = meso("list --papers --json");
  ASSERT_EQ(papers.status, 0) << papers.err;
  std::set<std::string> by_paper;
  const json paper_document = json::parse(papers.out);
  for (const json& paper : paper_document.at("papers")) {
    for (const char* key : {"slug", "title", "date", "systems"}) EXPECT_TRUE(paper.contains(key)) << key << " in " << paper;
    for (const json& name : paper.at("systems")) by_paper.insert(name);
  }
  EXPECT_EQ(by_paper, listed) << "every system comes from some paper";
}

TEST_F(Program, ExplainsEverySystem) {
  for (const std::string& name : MESO_WITH_TORCH ? builtin_registry().names() : builtin_registry().own_names()) {  // without the plugin: plugin_test.cpp
    const Ran ran = meso("info " + name);
    ASSERT_EQ(ran.status, 0) << name << ": " << ran.err;
    const System system = builtin_registry().make(name);
    EXPECT_TRUE(contains(ran.out, system.title)) << name;
    for (const ParameterInfo& p : system.parameters) EXPECT_TRUE(contains(ran.out, p.name)) << name << ": " << p.name;
    const Case bound = system.bind({});
    for (const Level& level : bound.levels) {
      EXPECT_TRUE(contains(ran.out, level.info.name)) << name << ": " << level.info.name;
      const Ran one = meso("info " + name + " --level " + level.info.name);
      EXPECT_EQ(one.status, 0) << one.err;
      for (const ParameterInfo& option : level.info.options) EXPECT_TRUE(contains(one.out, option.name)) << name << ":" << level.info.name << ": " << option.name;
    }
    for (const ObservableInfo& o : bound.observables) EXPECT_TRUE(contains(ran.out, o.name)) << name << ": " << o.name;
    EXPECT_EQ(meso("info " + name + " --markdown").status, 0);
  }
}

TEST_F(Program, ShowsItsHelpAndVersion) {
  EXPECT_EQ(meso("--help").status, 0);
  EXPECT_TRUE(contains(meso("--help").out, "compare"));
  EXPECT_TRUE(contains(meso("compare --help").out, "--against"));
  EXPECT_TRUE(contains(meso("--version").out, "mesoscope"));
}

// ---- run and its files ---------------------------------------------------------------------------------------------

const char* const small_run = "run dimer --level ssa --set volume=4 --times 0:2:5 -n 64 --seed 3 --progress none";

TEST_F(Program, RunsALevelAndLeavesItsFiles) {
  const Ran ran = meso(std::string(small_run) + " -o out");
  ASSERT_EQ(ran.status, 0) << ran.err;
  EXPECT_EQ(ran.err, "");
  EXPECT_TRUE(contains(ran.out, "X.mean")) << ran.out;
  EXPECT_TRUE(contains(ran.out, "seed 3")) << ran.out;
  for (const char* file : {"out/study.toml", "out/results.h5", "out/report/index.html"}) EXPECT_TRUE(exists(file)) << file;
  EXPECT_TRUE(contains(read_file(folder / "out/report/index.html"), "</html>"));
  for (const auto& entry : fs::recursive_directory_iterator(folder / "out")) {
    const std::string name = entry.path().filename().string();
    EXPECT_TRUE(name == "study.toml" || name == "results.h5" || name == "index.html" || entry.is_directory()) << name << " is left over";
  }
}

TEST_F(Program, TheSameStudyGivesTheSameBits) {
  ASSERT_EQ(meso(std::string(small_run) + " -o a --threads 1").status, 0);
  ASSERT_EQ(meso(std::string(small_run) + " -o b --threads 3").status, 0);
  ASSERT_EQ(meso("run a/study.toml -o c --threads 2 --progress none").status, 0) << "the stored study runs again";
  ASSERT_EQ(meso("run dimer --level ssa --set volume=4 --times 0:2:5 -n 64 --seed 4 --progress none -o d").status, 0);
  if (shell("command -v h5diff").status != 0) GTEST_SKIP() << "h5diff (Debian package hdf5-tools) is not installed";
  const auto h5diff = [&](const std::string& x, const std::string& y) { return shell("h5diff --exclude-path /provenance " + x + "/results.h5 " + y + "/results.h5"); };
  EXPECT_EQ(h5diff("a", "b").status, 0) << h5diff("a", "b").out;
  EXPECT_EQ(h5diff("a", "c").status, 0) << h5diff("a", "c").out;
  EXPECT_EQ(h5diff("a", "d").status, 1) << "another seed must be seen";
  EXPECT_EQ(read_file(folder / "a/study.toml"), read_file(folder / "c/study.toml"));
}

TEST_F(Program, ReRunsOneTrajectoryById) {
  const std::string question = "run dimer --level ssa --times 0:2:3 --trajectory ";
  const Ran seven = meso(question + "7"), again = meso(question + "7"), eight = meso(question + "8");
  ASSERT_EQ(seven.status, 0) << seven.err;
  EXPECT_EQ(seven.out, again.out);
  EXPECT_NE(seven.out, eight.out);
}

TEST_F(Program, WritesTheFlagsAsAStudyThatRunsToTheSameBits) {
  const Ran direct = meso("run dimer --level ssa --times 0:1:3 -n 16 --json --progress none --write-study flags.toml");
  ASSERT_EQ(direct.status, 0) << direct.err;
  const Ran study = meso("run flags.toml --json --progress none");
  ASSERT_EQ(study.status, 0) << study.err;
  EXPECT_EQ(json::parse(direct.out).at("points"), json::parse(study.out).at("points"));
}

TEST_F(Program, ADryRunRunsNothing) {
  const Ran ran = meso("compare schlogl --against fsp --level ssa --level lna --times 0:20:41 --over volume=log:0.5:200:40 -n 1000000000 --dry-run -o out");
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_TRUE(contains(ran.out, "40 points")) << ran.out;
  EXPECT_TRUE(contains(ran.out, "quantile")) << ran.out;
  EXPECT_TRUE(contains(ran.out, "1,000,000,000 trajectories")) << ran.out;
  EXPECT_FALSE(exists("out"));
}

TEST_F(Program, ShowsClosedEquations) {
  const Ran text = meso("equations dimer --level closure:kind=normal,order=2"), latex = meso("equations dimer --level closure:kind=normal,order=2 --latex");
  ASSERT_EQ(text.status, 0) << text.err;
  ASSERT_EQ(latex.status, 0) << latex.err;
  EXPECT_NE(text.out, latex.out);
  EXPECT_TRUE(contains(text.out, "X")) << text.out;
  EXPECT_TRUE(contains(latex.out, "\\frac")) << latex.out;
  EXPECT_EQ(std::count(latex.out.begin(), latex.out.end(), '{'), std::count(latex.out.begin(), latex.out.end(), '}'));
}

// ---- export --------------------------------------------------------------------------------------------------------

TEST_F(Program, ExportsANetworkThatReadsBackWithTheSameAnswers) {
  // A built-in system with triples: propensities and rate equation come back, in a folder with a space.
  std::filesystem::create_directory(folder / "my models");
  const std::string ask = " --level rate-equation --level fsp --times 0:5:6 --json --progress none", k = " --set k3=1.75 --set volume=4";
  const Ran written = meso("export schlogl" + k + " -o 'my models/schlogl.xml'");
  ASSERT_EQ(written.status, 0) << written.err;
  EXPECT_EQ(written.out, "");
  const Ran before = meso("run schlogl" + k + ask), after = meso("run 'my models/schlogl.xml'" + ask);
  ASSERT_EQ(before.status, 0) << before.err;
  ASSERT_EQ(after.status, 0) << after.err;
  const json a = json::parse(before.out).at("points").at(0).at("levels"), b = json::parse(after.out).at("points").at(0).at("levels");
  for (std::size_t i = 0; i < 6; ++i) {
    const auto value = [i](const json& levels, int level) { return levels.at(level).at("observables").at("X.mean").at("value").at(i).get<double>(); };
    EXPECT_NEAR(value(b, 0), value(a, 0), 1e-6 * (1 + value(a, 0))) << i;
    EXPECT_NEAR(value(b, 1), value(a, 1), 1e-6 * (1 + value(a, 1))) << i;
  }
  // Without -o it is the document on standard output.
  const Ran printed = meso("export schlogl" + k);
  EXPECT_EQ(printed.out, read_file(folder / "my models/schlogl.xml"));
}

TEST_F(Program, ExportsWhatAStudyFileDescribesAndRefusesWhatSbmlCannotSay) {
  const std::string network = "[study]\ntitle = \"mine\"\n[network]\nspecies = [\"X\"]\nconstants = { k = 2 }\n";
  write("plain.toml", network + "reactions = [\"0 -> X, k\", \"X -> 0, 1\"]\n[[network.event]]\nat = 2\nadd = { X = 5 }\n");
  const Ran ran = meso("export plain.toml --set k=3");
  ASSERT_EQ(ran.status, 0) << ran.err;
  for (const char* part : {"<sbml", "reaction_1", "<event "}) EXPECT_TRUE(contains(ran.out, part)) << part << "\n" << ran.out;
  write("delay.toml", network + "reactions = [\"0 -> X, k after 2\"]\n");
  expect_refused("export delay.toml -o delay.xml", {"network cannot be exported: ", "delay.toml:6: reaction '0 -> X, k after 2': products that come after a delay have no words in SBML"});
  EXPECT_FALSE(exists("delay.xml"));
  write("noise.toml", network + "reactions = [\"0 -> X, k\"]\nnoise = { k = \"gamma(2, k)\" }\n");
  expect_refused("export noise.toml -o noise.xml", {"noise: 'k' is drawn per trajectory; random numbers have no words in SBML"});
  expect_refused("export ising", {"'ising' is no reaction network: only those are written as SBML"});
  expect_refused("export schlogl -o schlogl.txt", {"schlogl.txt: SBML is written to a file that ends in .xml or .sbml"});
  expect_refused("export schlogl --set volum=3", {"unknown parameter 'volum' of system 'schlogl'. Did you mean 'volume'?"});
  expect_refused("export schlgl", {"unknown system 'schlgl'. Did you mean 'schlogl'?"});
}

TEST_F(Program, SaysWhatIsWrongWithItsFlags) {
  expect_refused("", {"meso: a verb is missing\n  known: list, info, run, compare", "meso --help"});
  expect_refused("--seed 3", {"a verb comes before '--seed'"});
  expect_refused("rnu dimer", {"unknown verb 'rnu'. Did you mean 'run'?"});
  expect_refused("compare dimer --out x", {"compare: unknown flag '--out'. Did you mean '--output'?", "known: --help, --level, "});
  expect_refused("run dimer --trajectoris=3", {"run: unknown flag '--trajectoris'. Did you mean '--trajectories'?"});
  expect_refused("run dimer -q", {"run: unknown flag '-q'."});
  expect_refused("run dimer extra", {"run: 'extra' is one word too many"});
  expect_refused("run", {"run: target is missing: a system (meso list) or a study file"});
  expect_refused("run dimer --seed", {"run: --seed: its value is missing"});
  expect_refused("run dimer --seed 1 --seed 2", {"run: --seed: given more than once"});
  for (const char* seed : {"abc", "1.5", "-3", "18446744073709551616"}) expect_refused(std::string("run dimer --seed ") + seed, {"run: --seed: '", seed, "' is not a whole number from 0 to 2^64 - 1"});
  expect_refused("run dimer -n 0", {"run: --trajectories: '0' is not a whole number from 1 to 2^64 - 1"});
  expect_refused("run dimer --checkpoint-every soon", {"run: --checkpoint-every: 'soon' is not a number of 0 or more"});
  expect_refused("compare dimer --relative-to valu", {"compare: --relative-to: unknown word 'valu'. Did you mean 'value'?\n  known: scale, value, sd"});
}

// ---- compare, JSON, statuses ---------------------------------------------------------------------------------------

TEST_F(Program, ComparesLevelsAndSaysHowFarApartTheyAre) {
  const Ran ran = meso("compare dimer --against fsp --level lna --level rate-equation --times 0:5:11 --margin 5% -o out --progress none");
  ASSERT_EQ(ran.status, 0) << ran.err;
  for (const char* part : {"dimer", "lna", "rate-equation", "X.mean", "X.variance", "agrees"}) EXPECT_TRUE(contains(ran.out, part)) << part << "\n" << ran.out;
  EXPECT_TRUE(contains(read_file(folder / "out/verdicts.csv"), "X.variance"));
  const Ran again = meso("report out");
  EXPECT_EQ(again.status, 0) << again.err;
}

TEST_F(Program, JsonIsOneDocumentWithTheDocumentedNames) {
  const Ran ran = meso("compare dimer --against fsp --level closure:kind=normal,order=2 --level ssa --times 0:2:3 -n 256 --json --progress none");
  ASSERT_EQ(ran.status, 0) << ran.err;
  const json d = json::parse(ran.out);
  EXPECT_EQ(d.at("format"), "mesoscope-answers");
  EXPECT_EQ(d.at("version"), 1);
  EXPECT_EQ(d.at("system"), "dimer");
  EXPECT_TRUE(d.at("study").is_object());
  const json& point = d.at("points").at(0);
  EXPECT_EQ(point.at("parameters").at("volume"), 10.0);
  EXPECT_EQ(point.at("reference").at("level"), "fsp");
  ASSERT_EQ(point.at("verdicts").size(), 4u) << "two candidates, mean and variance";
  for (const json& v : point.at("verdicts")) {
    for (const char* key : {"level", "label", "observable", "outcome", "low", "high", "where", "margin", "scale", "confidence", "quantile", "needed", "reason", "order_check"})
      EXPECT_TRUE(v.contains(key)) << key << " in " << v;
    EXPECT_TRUE((std::set<std::string>{"agrees", "disagrees", "undecided", "broken", "absent"}).contains(v.at("outcome"))) << v;
  }
  bool closure = false;
  for (const json& level : point.at("levels")) {
    for (const char* key : {"level", "label", "samples", "flags", "observables"}) EXPECT_TRUE(level.contains(key)) << key;
    const json& mean = level.at("observables").at("X.mean");
    EXPECT_EQ(mean.at("unit"), "molecules");
    EXPECT_EQ(mean.at("axes").at("t"), json({0, 1, 2}));
    EXPECT_EQ(mean.at("shape"), json({3}));
    for (const char* key : {"value", "std_error", "error_bound"}) EXPECT_EQ(mean.at(key).size(), 3u) << key;
    EXPECT_TRUE(mean.at("bound_kind") == "certified" || mean.at("bound_kind") == "estimated");
    if (level.at("label") == "normal-2") closure = true;
    if (level.at("level") == "ssa") { EXPECT_EQ(level.at("samples"), 256); }
  }
  EXPECT_TRUE(closure) << "the label of closure:kind=normal,order=2 is normal-2";
}

TEST_F(Program, AStationaryScalarIsANumberInJson) {
  const Ran ran = meso("run dimer --level fsp --stationary --json --progress none");
  ASSERT_EQ(ran.status, 0) << ran.err;
  const json document = json::parse(ran.out);
  const json& mean = document.at("points").at(0).at("levels").at(0).at("observables").at("X.mean");
  EXPECT_EQ(mean.at("axes"), json::object());
  EXPECT_EQ(mean.at("shape"), json::array());
  EXPECT_TRUE(mean.at("value").is_number()) << mean;
}

TEST_F(Program, ExpectTurnsVerdictsIntoStatuses) {
  const std::string compare = "compare dimer --against fsp --times 0:2:3 --progress none --expect agrees ";
  EXPECT_EQ(meso(compare + "--observable X.mean --level closure:kind=normal,order=3 --margin 20%").status, 0);
  EXPECT_EQ(meso(compare + "--observable X.mean --level rate-equation --margin 0.001%").status, 10);
  EXPECT_EQ(meso(compare + "--observable X.mean --level ssa -n 64 --margin 0.1%").status, 11);
}

TEST_F(Program, AClosureThatLosesItsStateIsBroken) {  // few molecules: the second-order normal closure of the Schlögl model
  const Ran ran = meso("compare schlogl --against fsp --level closure:kind=normal,order=2 --stationary --over volume=log:0.5:200:12 --expect agrees --progress none");
  EXPECT_EQ(ran.status, 12) << ran.out << ran.err;
  EXPECT_TRUE(contains(ran.out, "broken")) << ran.out;
}

// ---- a network of the user's own -----------------------------------------------------------------------------------


TEST_F(Program, JudgesANetworkThatNoPresetHas) {
  write("toggle.toml", read_file(fs::path(MESO_SOURCE_DIR) / "docs/toggle.toml"));
  const Ran ran = meso("compare toggle.toml -o out --progress none");
  ASSERT_EQ(ran.status, 0) << ran.err;
  for (const char* part : {"ssa", "lna", "rate-equation", "U.mean", "agrees"}) EXPECT_TRUE(contains(ran.out, part)) << part << "\n" << ran.out;
  EXPECT_TRUE(exists("out/report/index.html"));
  // Its constants are parameters.
  const Ran info = meso("info toggle.toml");
  EXPECT_EQ(info.status, 0) << info.err;
  EXPECT_TRUE(contains(info.out, "K"));
  const Ran set = meso("run toggle.toml --level fsp --set a=9 --times 0:1:2 --progress none");
  EXPECT_EQ(set.status, 0) << set.err;
  // The stored study runs again.
  EXPECT_EQ(meso("run out/study.toml --dry-run").status, 0);
}

// ---- wrong input: one error, status 2, nothing written -------------------------------------------------------------

TEST_F(Program, RefusesWrongNamesWithTheNearestOne) {
  expect_refused("run dimmer --level ssa --times 0:1:2 -o out", {"'dimmer'", "Did you mean 'dimer'?"});
  expect_refused("info schlogll", {"Did you mean 'schlogl'?"});
  expect_refused("run dimer --level sssa --times 0:1:2 -o out", {"'sssa'", "Did you mean 'ssa'?"});
  expect_refused("run dimer --level ssa --set volum=3 --times 0:1:2 -o out", {"--set", "'volum'", "Did you mean 'volume'?"});
  expect_refused("run dimer --level closure:kind=nromal --times 0:1:2 -o out", {"'nromal'", "Did you mean 'normal'?"});
  expect_refused("run dimer --level closure:ordr=2 --times 0:1:2 -o out", {"'ordr'", "Did you mean 'order'?"});
  expect_refused("run dimer --level ssa --observable Y.mean --times 0:1:2 -o out", {"Y.mean"});
  expect_refused("compare dimer --against fspp --level lna --times 0:1:2 -o out", {"--against", "Did you mean 'fsp'?"});
  expect_refused("run dimer --levle ssa", {"--levle"});
  expect_refused("list --family reaction-s", {"reactions"});
}

TEST_F(Program, RefusesWrongValuesAndSaysWhatIsAllowed) {
  expect_refused("run dimer --level ssa --set volume=-1 --times 0:1:2 -o out", {"--set", "volume", "-1"});
  expect_refused("run dimer --level ssa --set volume=nan --times 0:1:2 -o out", {"volume"});
  expect_refused("run dimer --level ssa --set k1=-2 --times 0:1:2 -o out", {"k1", "-2"});
  expect_refused("run dimer --level ssa --set X0=2.5 --times 0:1:2 -o out", {"X0", "2.5"});
  expect_refused("run dimer --level ssa --set volume --times 0:1:2 -o out", {"volume", "name=value"});
  expect_refused("run dimer --level ssa --times 0:1 -o out", {"from:to:count"});
  expect_refused("run dimer --level ssa --times 2:1:5 -o out", {"times must increase"});
  expect_refused("run dimer --level ssa -o out", {"times"});
  expect_refused("run dimer --level ssa --times 0:1:2 -n 0 -o out", {"--trajectories"});
  expect_refused("run dimer --level ssa --times 0:1:2 --over volume=log:-1:10:3 -o out", {"--over"});
  expect_refused("run dimer --times 0:1:2 -o out", {"--level"});
  expect_refused("compare dimer --level lna --times 0:1:2 -o out", {"--against"});
  expect_refused("compare dimer --against fsp --level lna --times 0:1:2 --margin 0 -o out", {"margin", "zero"});
  expect_refused("compare dimer --against fsp --level lna --times 0:1:2 --margin much -o out", {"--margin"});
  expect_refused("compare dimer --against fsp --level lna --level lna --times 0:1:2 -o out", {"'lna'", "twice"});
  expect_refused("compare dimer --against fsp --level lna --times 0:1:2 --confidence 1.5 -o out", {"confidence"});
  expect_refused("run dimer --level fsp --times 0:1:2 --trajectory 3", {"'fsp'"});
}

TEST_F(Program, RefusesABrokenStudyFileWithFileAndLine) {
  expect_refused("run nowhere.toml -o out", {"nowhere.toml"});
  write("syntax.toml", "[study]\nsystem = \"dimer\n");
  expect_refused("run syntax.toml -o out", {"syntax.toml:2"});
  write("key.toml", "[study]\nsystem = \"dimer\"\n[times]\nfrom = 0\nto = 1\ncuont = 3\n[[level]]\nlevel = \"ssa\"\n");
  expect_refused("run key.toml -o out", {"key.toml:6", "'cuont'", "Did you mean 'count'?"});
  write("table.toml", "[study]\nsystem = \"dimer\"\n[tmies]\nfrom = 0\n");
  expect_refused("run table.toml -o out", {"table.toml:3", "'tmies'", "Did you mean 'times'?"});
  write("parameter.toml", "[study]\nsystem = \"dimer\"\n[parameters]\nvolum = 3\n[times]\nfrom = 0\nto = 1\ncount = 3\n[[level]]\nlevel = \"ssa\"\n");
  expect_refused("run parameter.toml -o out", {"parameter.toml:4", "Did you mean 'volume'?"});
  write("system.toml", "[study]\nsystem = \"dimerr\"\n[[level]]\nlevel = \"ssa\"\n");
  expect_refused("run system.toml -o out", {"Did you mean 'dimer'?"});
}

std::string network(const std::string& reactions, const std::string& rest = "") {
  return "[study]\ntitle = \"n\"\n[network]\nspecies = [\"X\", \"Y\"]\nreactions = [\n" + reactions + "\n]\n" + rest +
         "[times]\nfrom = 0\nto = 1\ncount = 2\n[[level]]\nlevel = \"ssa\"\n";
}

TEST_F(Program, RefusesABrokenNetwork) {
  write("species.toml", network("\"0 -> Z, 1\""));
  expect_refused("run species.toml -o out", {"species.toml:6", "'Z'"});
  write("constant.toml", network("\"0 -> X, kk1\"", "[network.constants]\nk1 = 1\n"));
  expect_refused("run constant.toml -o out", {"constant.toml:6", "kk1"});
  write("negative.toml", network("\"0 -> X, -1\""));
  expect_refused("run negative.toml -o out", {"-1"});
  write("law.toml", network("\"X -> 0, = X - 3\"", "initial = { X = 1 }\n"));
  expect_refused("run law.toml -o out", {"law.toml:6", "X - 3", "must be a number >= 0"});
  write("fraction.toml", network("\"0 -> X, 1\"", "initial = { X = 1.5 }\n"));
  expect_refused("run fraction.toml -o out", {"1.5"});
  write("formula.toml", network("\"0 -> X, = 1 + (Y\""));
  expect_refused("run formula.toml -o out", {"formula.toml:6"});
  write("arrow.toml", network("\"X Y, 1\""));
  expect_refused("run arrow.toml -o out", {"arrow.toml:6"});
}

TEST_F(Program, RefusesAnOutputFolderThatCannotBeWritten) {
  write("occupied", "a file");
  for (const char* target : {"occupied", "/proc/mesoscope-out", "occupied/deeper"}) {
    const Ran ran = meso(std::string("run dimer --level ssa --times 0:1:2 -n 1000000000 -o ") + target);  // would run for hours: it must be said before
    EXPECT_EQ(ran.status, 2) << ran.err;
    EXPECT_TRUE(contains(ran.err, target)) << ran.err;
  }
  EXPECT_EQ(read_file(folder / "occupied"), "a file");
}

TEST_F(Program, RefusesResultsThatAreNotItsOwn) {
  fs::create_directories(folder / "bad");
  write("bad/results.h5", "this is not HDF5");
  const Ran ran = meso("report bad");
  EXPECT_EQ(ran.status, 2);
  EXPECT_TRUE(contains(ran.err, "results.h5")) << ran.err;
  EXPECT_EQ(meso("report nowhere").status, 2);
  ASSERT_EQ(meso(std::string(small_run) + " -o out").status, 0);
  const std::string whole = read_file(folder / "out/results.h5");
  write("out/results.h5", whole.substr(0, whole.size() / 2));
  EXPECT_EQ(meso("report out").status, 2) << "a truncated file";
}

// ---- when the machine fails ----------------------------------------------------------------------------------------

TEST_F(Program, AFullDiskLeavesNothingHalfWritten) {
  // A file-size limit of 8 kB with its signal ignored makes every longer write fail as a full disk does.
  const Ran ran = shell(std::string("trap '' XFSZ; ulimit -f 8; '") + MESO_PROGRAM + "' " + small_run + " -o out");
  EXPECT_EQ(ran.status, 1) << ran.out << ran.err;
  EXPECT_TRUE(contains(ran.err, "out/")) << "the message names the file: " << ran.err;
  std::size_t files = 0;
  if (exists("out"))
    for (const auto& entry : fs::recursive_directory_iterator(folder / "out")) files += entry.is_regular_file() && entry.path().filename() != "study.toml";
  EXPECT_EQ(files, 0u) << shell("find out -type f | xargs ls -l").out;
}

TEST_F(Program, AFullFileSystemLeavesNothingHalfWritten) {
  const Ran ran = shell(std::string("mkdir small && unshare --mount sh -c \"mount -t tmpfs -o size=64k none small && '") + MESO_PROGRAM + "' " + small_run +
                        " -o small/out; echo status \\$?; find small -type f\"");
  if (!contains(ran.out, "status")) GTEST_SKIP() << "a small file system cannot be mounted here: " << ran.err;
  EXPECT_TRUE(contains(ran.out, "status 1")) << ran.out << ran.err;
  EXPECT_FALSE(contains(ran.out, "index.html")) << ran.out;
  EXPECT_FALSE(contains(ran.out, "tmp")) << ran.out;
}

TEST_F(Program, AnInterruptedRunKeepsItsFinishedPoints) {
  const Ran ran = shell(std::string("timeout --foreground --preserve-status -s INT 3 '") + MESO_PROGRAM +
                        "' compare schlogl --against fsp --level ssa --times 0:20:41 --over volume=list:1,1.5,200,201,202,203 -n 200000 --progress none -o out");
  EXPECT_EQ(ran.status, 3) << ran.out << ran.err;
  EXPECT_TRUE(contains(ran.err, "interrupted")) << ran.err;
  EXPECT_FALSE(exists("out/report/index.html"));
  if (exists("out/results.h5")) { EXPECT_EQ(meso("report out").status, 0) << "what is there is whole"; }
}

}  // namespace
}  // namespace meso
