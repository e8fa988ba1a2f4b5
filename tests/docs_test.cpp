// The pages are true where a machine can tell: links lead somewhere, no page names a target of `make` that does not exist,
// and the network of the README reads.
#include <gtest/gtest.h>

#include <filesystem>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "base/files.h"

namespace meso {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> pages() {
  const fs::path root(MESO_SOURCE_DIR);
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(root))
    if (entry.path().extension() == ".md") found.push_back(entry.path());
  for (const char* top : {"docs", "src", "systems", "apps", "testing", "tests", "bench", "fuzz", "packages", "python"})
    for (const auto& entry : fs::recursive_directory_iterator(root / top))
      if (entry.path().extension() == ".md") found.push_back(entry.path());
  return found;
}

TEST(Pages, LinksLeadSomewhere) {
  const std::regex link(R"(\]\(([^)#\s]+)[^)]*\))");
  std::size_t links = 0;
  for (const fs::path& page : pages()) {
    const std::string text = read_file(page);
    for (std::sregex_iterator m(text.begin(), text.end(), link), end; m != end; ++m) {
      const std::string target = (*m)[1];
      if (target.find("://") != std::string::npos || target.starts_with("mailto:")) continue;
      ++links;
      EXPECT_TRUE(fs::exists(page.parent_path() / target)) << fs::relative(page, MESO_SOURCE_DIR) << " links to " << target;
    }
  }
  EXPECT_GT(links, 10u);
}

TEST(Pages, EveryMakeTargetExists) {
  const std::string makefile = read_file(fs::path(MESO_SOURCE_DIR) / "Makefile");
  const std::regex named("`?make ([a-z]+)`|^make ([a-z]+)", std::regex::multiline);
  std::set<std::string> targets;
  for (const fs::path& page : pages()) {
    const std::string text = read_file(page);
    for (std::sregex_iterator m(text.begin(), text.end(), named), end; m != end; ++m) targets.insert((*m)[1].matched ? (*m)[1] : (*m)[2]);
  }
  EXPECT_TRUE(targets.contains("demo") && targets.contains("test"));
  for (const std::string& target : targets)
    EXPECT_TRUE(std::regex_search(makefile, std::regex("(^|\n)" + target + ":"))) << "the pages name `make " << target << "`, the Makefile does not";
}

TEST(Pages, EverySourceFolderHasAReadme) {
  const fs::path root(MESO_SOURCE_DIR);
  for (const char* top : {"src", "src/kits", "apps"})
    for (const auto& entry : fs::directory_iterator(root / top))
      if (fs::exists(entry.path() / "CMakeLists.txt")) { EXPECT_TRUE(fs::exists(entry.path() / "README.md")) << fs::relative(entry.path(), root) << " has no README.md"; }
}

}  // namespace
}  // namespace meso
