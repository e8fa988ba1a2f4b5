// [network] file = "...": SBML and BioNetGen files in a study, refused or read with their place; wrong tables of text networks.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "apps/models/own_model_fixture.h"

namespace meso {
namespace {

namespace fs = std::filesystem;
using namespace testing;

const char* const tail = "[times]\nfrom = 0\nto = 1\ncount = 3\n[[level]]\nlevel = \"ssa\"\n[budget]\ntrajectories = 16\n";

std::string study(const std::string& network) { return "[study]\ntitle = \"t\"\n[network]\n" + network + tail; }

/// A folder with a blank and letters beyond ASCII in its name.
fs::path folder() {
  const fs::path path = fs::temp_directory_path() / ("meso net work \xc3\xa4 " + std::to_string(::getpid()));
  fs::create_directories(path);
  return path;
}

std::string said_of(const std::string& text, const fs::path& where) {
  try {
    (void)resolved(read_study(parse_toml(text, "my.toml"), model_source(), where));
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

TEST(NetworkFile, StandsInAStudyAndIsFoundAgain) {
  const fs::path here = folder();
  fs::copy_file(fs::path(MESO_TEST_DATA) / "dsmts/00029/00029-sbml-l3v1.xml", here / "my model.xml", fs::copy_options::overwrite_existing);
  const Study read = read_study(parse_toml(study("file = \"my model.xml\"\n"), "my.toml"), model_source(), here);
  const TomlNode document = study_document(resolved(read));
  const std::string text = write_toml(document);
  EXPECT_NE(text.find("my model.xml"), std::string::npos);
  EXPECT_NE(text.find("file-hash"), std::string::npos);
  // The resolved study runs from anywhere, and notices that the file has changed.
  EXPECT_EQ(said_of(text, "/"), "");
  std::ofstream(here / "my model.xml", std::ios::app) << "<!-- changed -->";
  EXPECT_NE(said_of(text, "/").find("my model.xml is not what it was when this study was resolved"), std::string::npos);
  fs::remove_all(here);
}

TEST(NetworkFile, TheDocumentedStudyIsJudged) {
  const fs::path docs = fs::path(MESO_SOURCE_DIR) / "docs";
  const Results results = run_study(resolved(read_study(read_toml(docs / "own-model.toml"), model_source(), docs)), {});
  ASSERT_EQ(results.verdicts.size(), 2u);
  for (const Verdict& verdict : results.verdicts) EXPECT_EQ(verdict.outcome, Outcome::agrees) << verdict.observable;
}

TEST(NetworkFile, MeasurementsOfTheDocumentedStudyJudgeItsSweep) {
  const fs::path docs = fs::path(MESO_SOURCE_DIR) / "docs";
  const Results results = run_study(resolved(read_study(read_toml(docs / "own-data.toml"), model_source(), docs)), {});
  ASSERT_EQ(results.verdicts.size(), 7u);
  EXPECT_EQ(results.verdicts.front().outcome, Outcome::disagrees) << "k = 14";
  EXPECT_EQ(results.verdicts[3].outcome, Outcome::agrees) << "k = 20, from which the table was drawn";
  EXPECT_EQ(results.verdicts.back().outcome, Outcome::disagrees) << "k = 26";
}

TEST(NetworkFile, WrongTablesAreRefusedWithTheirPlace) {
  EXPECT_EQ(refusal(study("file = \"absent.xml\"\n")).find("my.toml"), std::string::npos);
  EXPECT_NE(refusal(study("file = \"absent.xml\"\n")).find("docs/absent.xml: there is no such file"), std::string::npos);
  EXPECT_NE(refusal(study("file = \"toggle.toml\"\n")).find("is neither an SBML (.xml, .sbml) nor a BioNetGen file (.net)"), std::string::npos);
  EXPECT_NE(refusal(study("file = \"a.xml\"\nspecies = [\"X\"]\n")).find("my.toml:4: [network] needs either a file or species and reactions, and not both"), std::string::npos);
  EXPECT_NE(refusal(study("file = \"a.xml\"\nvolume = 2\n")).find("my.toml:5"), std::string::npos);
}

TEST(NetworkText, PassagesAreAskedByTheirName) {
  const auto said = [](const std::string& condition, const std::string& observable) {
    return refusal("[study]\ntitle = \"t\"\nobservables = [\"" + observable + "\"]\n[network]\nspecies = [\"X\"]\nreactions = [\"0 -> X, k\"]\nconstants = { k = 2 }\npassage = { up = \"" + condition + "\" }\n" + tail);
  };
  EXPECT_EQ(said("X >= 10*k", "up.passage.mean"), "");
  EXPECT_EQ(said("X >= 10*k", "X.extinction.probability"), "");
  EXPECT_NE(said("X >= 10*k", "down.passage.mean").find("down.passage.mean"), std::string::npos);
  EXPECT_NE(said("Y >= 10", "up.passage.mean").find("my.toml:4: passage 'up': unknown name 'Y' in 'Y >= 10'"), std::string::npos);
}

TEST(NetworkText, EventsAndNoiseStandInAStudy) {
  const std::string network = "species = [\"X\"]\nreactions = [\"0 -> X, k\", \"X -> 0, 1 after gamma(2, 1)\"]\nconstants = { k = 2 }\n";
  const auto said = [&](const std::string& more) { return refusal(study(network + more)); };
  EXPECT_EQ(said("noise = { k = \"gamma(3, k)\" }\n"), "");
  EXPECT_EQ(said("[[network.event]]\nname = \"dose\"\nat = [0, 4]\nadd = { X = 10, k = \"k/2\" }\n[[network.event]]\nevery = 6\nfrom = 1\ncount = 3\nset = { X = \"floor(X/2)\" }\n"), "");
  EXPECT_EQ(said("[[network.event]]\nwhen = \"X > 20 and t > 1\"\nset = { X = 0 }\n"), "");
  // The resolved study says the same again.
  const std::string resolved_text = write_toml(study_document(resolved(read_study(
      parse_toml(study(network + "noise = { k = \"gamma(3, k)\" }\n[[network.event]]\nname = \"dose\"\nat = [0, 4]\nadd = { X = 10 }\n"), "my.toml"), model_source(), folder()))));
  EXPECT_EQ(said_of(resolved_text, "/"), "");
  EXPECT_NE(resolved_text.find("dose"), std::string::npos);
  EXPECT_NE(said("noise = { k = \"gama(3, k)\" }\n").find("my.toml:3: noise of 'k': unknown law 'gama' in 'gama(3, k)'. Did you mean 'gamma'?"), std::string::npos);
  EXPECT_NE(said("[[network.event]]\nat = 3\nad = { X = 1 }\n").find("my.toml:9"), std::string::npos);
  EXPECT_NE(said("[[network.event]]\nat = 3\nadd = { Xx = 1 }\n").find("my.toml:7: event 1: 'Xx' is neither a species nor a constant. Did you mean 'X'?"), std::string::npos);
  EXPECT_NE(said("[[network.event]]\nevery = 0\ncount = 2\nadd = { X = 1 }\n").find("my.toml:8: every = 0: the time between two doses must be above 0"), std::string::npos);
  EXPECT_NE(said("[[network.event]]\nat = 2\ncount = 2\nadd = { X = 1 }\n").find("my.toml:9: 'from' and 'count' belong to 'every'"), std::string::npos);
  EXPECT_NE(said("[[network.event]]\nat = 2\nevery = 2\ncount = 2\nadd = { X = 1 }\n").find("my.toml:9: an event has either 'at' or 'every'"), std::string::npos);
  EXPECT_NE(said("[[network.event]]\nevery = 2\ncount = 20000\nadd = { X = 1 }\n").find("my.toml:9: count = 20000: doses are from 1 to 10,000"), std::string::npos);
}

TEST(NetworkText, BadInputIsNamed) {
  const auto said = [](const std::string& network) { return refusal(study(network)); };
  EXPECT_NE(said("species = [\"X\"]\nreactions = []\n").find("the network has no reactions"), std::string::npos);
  EXPECT_NE(said("species = [\"X\", \"X\"]\nreactions = [\"X -> 0, 1\"]\n").find("species 'X' is listed twice"), std::string::npos);
  EXPECT_NE(said("species = [\"\xc3\x84\"]\nreactions = [\"0 -> \xc3\x84, 1\"]\n").find("species '\xc3\x84': a name is one word of letters, digits and '_'"), std::string::npos);
  EXPECT_NE(said("species = [\"X\"]\nreactions = [\"-2X -> 0, 1\"]\n").find("is not a term like 'X' or '2X'"), std::string::npos);
  EXPECT_NE(said("species = [\"X\"]\nreactions = [\"X -> 0, 1\"]\ninitial = { X = 1e17 }\n").find("initial X is 1e+17; it must be from 0 to 2^53"), std::string::npos);
  EXPECT_NE(said("species = [\"X\"]\nreactions = [\"X -> 0, -1\"]\n").find("the rate '-1' is -1; it must be a number >= 0"), std::string::npos);
  EXPECT_NE(said("species = [\"X\"]\nreactions = [\"X -> 0, 1\"]\ninitial-law = { X = \"poison\" }\n").find("my.toml:3: initial-law of 'X': unknown law 'poison'. Did you mean 'poisson'?"), std::string::npos);
  EXPECT_NE(said("species = [\"X\"]\nreactions = [\"X -> 0, 1\"]\ninitial-law = { Y = \"poisson\" }\n").find("initial-law: unknown species 'Y'"), std::string::npos);
  EXPECT_NE(said("species = [\"X\"]\nreactions = [\"2X -> 0, 1e308\"]\nvolume = 1e-3\n").find("reaction '2X -> 0, 1e308': the propensity overflows: rate 1e+308 and volume 0.001 give no finite number"), std::string::npos);
  // Names that contain other names are other names; 1e9 molecules are molecules.
  EXPECT_EQ(said("species = [\"X\", \"X1\", \"X10\"]\nreactions = [\"X1 -> X10, = k*X1\", \"X10 -> X, = k1*X10\"]\nconstants = { k = 1, k1 = 2 }\n"), "");
  EXPECT_EQ(said("species = [\"X\"]\nreactions = [\"X -> 0, 1e-9\"]\ninitial = { X = 1000000000 }\n"), "");
}

}  // namespace
}  // namespace meso
