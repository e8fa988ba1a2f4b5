// Systems of a plugin: known without it, opened when a command names them, and what is said where it is missing or of another version.

#include <algorithm>
#include <nlohmann/json.hpp>

#include "model/registry.h"
#include "tests/cli/program.h"

namespace meso {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> plugged() {
  std::vector<std::string> names;
  const auto own = builtin_registry().own_names();
  for (const std::string& name : builtin_registry().names())
    if (std::find(own.begin(), own.end(), name) == own.end()) names.push_back(name);
  return names;
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

class Plugin : public ProgramTest {
 protected:
  void SetUp() override {
    if (plugged().empty()) GTEST_SKIP() << "no system is in a plugin";
    fs::create_directories(folder / "alone");
    fs::copy_file(MESO_PROGRAM, folder / "alone" / "meso");  // beside it and in its build there is no plugin
  }
  /// The program without a plugin near it; `given` is MESO_PLUGIN_PATH.
  [[nodiscard]] Ran alone(const std::string& arguments, const std::string& given = "") const { return shell("MESO_PLUGIN_PATH='" + given + "' alone/meso " + arguments); }
};

TEST_F(Plugin, ListsItsSystemsByTheirCardsWithoutOpeningIt) {
  const Ran ran = shell(std::string("LD_DEBUG=files '") + MESO_PROGRAM + "' list");
  ASSERT_EQ(ran.status, 0) << ran.err;
  EXPECT_TRUE(contains(ran.err, "libfmt")) << "the loader tells which files it opens";
  EXPECT_FALSE(contains(ran.err, "libtorch")) << "meso list loads libtorch";
  EXPECT_FALSE(contains(ran.err, "libmesoscope_torch"));
  for (const std::string& name : plugged()) EXPECT_TRUE(contains(ran.out, name)) << name;
  EXPECT_TRUE(contains(ran.out, "(needs torch)"));
}

TEST_F(Plugin, WhereItIsMissingACommandSaysHowToBuildIt) {
  const std::string name = plugged().front();
  const Ran ran = alone("run " + name + " -o out");
  EXPECT_EQ(ran.status, 2) << ran.out << ran.err;
  for (const std::string& part : {"system '" + name + "' needs the plugin libmesoscope_torch.so, which is not here", std::string("Build it with `make torch`"), std::string("libtorch-dev"), std::string("MESO_PLUGIN_PATH")})
    EXPECT_TRUE(contains(ran.err, part)) << part << "\n" << ran.err;
  EXPECT_FALSE(exists("out"));
  EXPECT_EQ(alone("list").status, 0);
  EXPECT_EQ(alone("info dimer").status, 0) << "what needs no plugin does without";
}

TEST_F(Plugin, WhereItIsMissingInfoShowsTheCard) {
  for (const std::string& name : plugged()) {
    const Ran ran = alone("info " + name);
    EXPECT_EQ(ran.status, 0) << ran.err;
    const System card = builtin_registry().describe(name);
    for (const std::string& part : {name, card.title, card.paper.title, card.paper.date, std::string("Build it with `make torch`")}) EXPECT_TRUE(contains(ran.out, part)) << part << "\n" << ran.out;
  }
}

TEST_F(Plugin, OfAnotherVersionIsRefused) {
  const std::string name = plugged().front();
  const Ran ran = alone("run " + name, MESO_FOREIGN_PLUGIN_FOLDER);
  EXPECT_EQ(ran.status, 2) << ran.out << ran.err;
  for (const std::string& part : {std::string("the one in ") + MESO_FOREIGN_PLUGIN_FOLDER, std::string("was built from another version of Mesoscope: build both together")}) EXPECT_TRUE(contains(ran.err, part)) << ran.err;
}

TEST_F(Plugin, AFileThatIsNoneIsTold) {
  fs::create_directories(folder / "bad");
  write("bad/libmesoscope_torch.so", "no shared object");
  const Ran ran = alone("run " + plugged().front(), "bad");
  EXPECT_EQ(ran.status, 1) << ran.out << ran.err;
  EXPECT_TRUE(contains(ran.err, "bad/libmesoscope_torch.so")) << ran.err;
}

TEST_F(Plugin, IsFoundBesideTheProgramAndWhereItIsSaidToBe) {
  if (!MESO_WITH_TORCH) GTEST_SKIP() << "the plugin is not built (MESO_TORCH)";
  const std::string name = plugged().front();
  for (const Ran& ran : {meso("info " + name), alone("info " + name, MESO_PLUGIN_FOLDER)}) {
    EXPECT_EQ(ran.status, 0) << ran.err;
    EXPECT_TRUE(contains(ran.out, "Levels")) << ran.out;
  }
  fs::copy_file(fs::path(MESO_PLUGIN_FOLDER) / "libmesoscope_torch.so", folder / "alone" / "libmesoscope_torch.so");
  EXPECT_TRUE(contains(alone("info " + name).out, "Levels"));
  fs::create_directories(folder / "there" / "bin");
  fs::create_directories(folder / "there" / "lib" / "mesoscope");
  fs::copy_file(MESO_PROGRAM, folder / "there" / "bin" / "meso");
  fs::rename(folder / "alone" / "libmesoscope_torch.so", folder / "there" / "lib" / "mesoscope" / "libmesoscope_torch.so");
  EXPECT_TRUE(contains(shell("there/bin/meso info " + name).out, "Levels")) << "as it is installed";
}

TEST_F(Plugin, CardsSayWhatTheSystemsSay) {
  if (!MESO_WITH_TORCH) GTEST_SKIP() << "the plugin is not built (MESO_TORCH)";
  const Ran ran = meso("list --json");
  ASSERT_EQ(ran.status, 0) << ran.err;
  for (const std::string& name : plugged()) {
    const Ran info = meso("info " + name + " --json");
    ASSERT_EQ(info.status, 0) << info.err;
    const auto said = nlohmann::json::parse(info.out);
    const System card = builtin_registry().describe(name);
    EXPECT_EQ(said.at("name"), card.name);
    EXPECT_EQ(said.at("title"), card.title);
    EXPECT_EQ(said.at("family"), card.family);
  }
}

}  // namespace
}  // namespace meso
