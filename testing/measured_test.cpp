// What a test records arrives beside the system, and an earlier entry of another check stays.
#include "testing/measured.h"

#include <gtest/gtest.h>

#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "base/files.h"

namespace meso {
namespace {

namespace fs = std::filesystem;

TEST(Measured, IsCollectedBesideTheSystem) {
  const fs::path root = fs::temp_directory_path() / ("mesoscope-measured-" + std::to_string(::getpid()));
  const fs::path reference = root / "tree/systems/tests/coin/reference";
  fs::create_directories(reference);
  write_file_atomically(reference / "measured.json", R"({"checks": [{"check": "old", "value": 1, "commit": "aaa"}, {"check": "p of heads", "value": 9}]})");
  ::setenv("MESO_MEASURED", (root / "fragments").c_str(), 1);
  measured("coin", "p of heads", 0.4998, 0.0005, 0.5, "symmetry");
  measured("coin", "run length, mean", 2.001, 0.004, "2 (geometric law)");
  fs::create_directories(root / "tree/src/kits/dice");
  measured("dice", "p of six", 0.1667, 0.0004, 1.0 / 6, "symmetry");
  measured("coin", "run length: mean", std::nan(""), 0, "names that differ in punctuation stay apart");
  ::unsetenv("MESO_MEASURED");
  measured("coin", "not recorded", 1, 0, "no folder is set");

  const std::string collect = std::string(MESO_COLLECT) + " " + (root / "fragments").string() + " " + (root / "tree").string() + " abc123 > /dev/null";
  ASSERT_EQ(std::system(collect.c_str()), 0);
  const auto document = nlohmann::json::parse(read_file(reference / "measured.json"));
  std::map<std::string, nlohmann::json> checks;
  for (const auto& entry : document.at("checks")) checks[entry.at("check")] = entry;
  ASSERT_EQ(checks.size(), 4u);
  EXPECT_EQ(checks["p of heads"].at("value"), 0.4998);
  EXPECT_EQ(checks["p of heads"].at("error"), 0.0005);
  EXPECT_EQ(checks["p of heads"].at("reference_value"), 0.5);
  EXPECT_EQ(checks["p of heads"].at("commit"), "abc123");
  EXPECT_TRUE(checks["p of heads"].contains("seconds"));
  EXPECT_EQ(checks["old"].at("commit"), "aaa");
  EXPECT_TRUE(checks["run length: mean"].at("value").is_null());

  EXPECT_EQ(nlohmann::json::parse(read_file(root / "tree/src/kits/dice/reference/measured.json")).at("checks").at(0).at("value"), 0.1667) << "a kit has its own";

  fs::remove_all(root / "tree/systems/tests");  // a system that is not there is an error of its own
  EXPECT_EQ(WEXITSTATUS(std::system((collect + " 2>&1").c_str())), 2);
  fs::remove_all(root);
}

}  // namespace
}  // namespace meso
