// Every code block of README.md and docs/ is run, in the order of its page and in a folder of the page's own:
//   toml    written under the name in its first line (a comment `# name.toml`, at the end of the line or alone) and dry-run
//   sh      run by bash; `make` is only asked whether it knows the target
//   python  the blocks of a page are one script, run after its others by the Python that the module is for
//   text    what a program prints, or a tree of folders: not run, and so nothing that a reader would type may stand in one
#include <map>
#include <regex>
#include <sstream>

#include "tests/cli/program.h"

namespace meso {
namespace {

namespace fs = std::filesystem;

struct Block {
  std::string language, text;
  int line = 0;
};

std::vector<Block> blocks_of(const fs::path& page) {
  std::vector<Block> blocks;
  std::istringstream in(read_file(page));
  std::string line;
  bool inside = false;
  for (int number = 1; std::getline(in, line); ++number) {
    if (line.starts_with("```")) {
      if (!inside) blocks.push_back({line.substr(3), "", number});
      inside = !inside;
    } else if (inside) {
      blocks.back().text += line + "\n";
    }
  }
  return blocks;
}

std::vector<fs::path> pages() {
  std::vector<fs::path> found{fs::path(MESO_SOURCE_DIR) / "README.md"};
  for (const auto& entry : fs::directory_iterator(fs::path(MESO_SOURCE_DIR) / "docs"))
    if (entry.path().extension() == ".md") found.push_back(entry.path());
  std::sort(found.begin(), found.end());
  return found;
}

class Blocks : public ProgramTest {
 protected:
  void run(const std::string& what, const std::string& command) const {
    const std::string path = fs::path(MESO_PROGRAM).parent_path().string();
    const Ran ran = shell("export PATH='" + path + "':\"$PATH\"; " + command);
    EXPECT_EQ(ran.status, 0) << what << "\n" << ran.out << ran.err;
  }
};

TEST_F(Blocks, EveryOneIsRun) {
  std::map<std::string, int> count;
  for (const fs::path& page : pages()) {
    fs::remove_all(folder);
    fs::create_directories(folder);
    std::string script;
    for (const Block& block : blocks_of(page)) {
      const std::string what = fs::relative(page, MESO_SOURCE_DIR).string() + ":" + std::to_string(block.line);
      ++count[block.language];
      if (block.language == "toml") {
        std::smatch name;
        const std::string first = block.text.substr(0, block.text.find('\n'));
        ASSERT_TRUE(std::regex_search(first, name, std::regex(R"(#\s*([\w.-]+\.toml)\b)"))) << what << ": the first line names no file";
        write(name[1], block.text);
        const bool whole = block.text.find("level") != std::string::npos;  // a study, not only a model
        run(what, "meso " + std::string(whole ? "sweep " : "info ") + name[1].str() + (whole ? " --dry-run" : ""));
      } else if (block.language == "sh") {
        write("block.sh", std::regex_replace(block.text, std::regex("(^|\n)make ([a-z]+)"), std::string("$1make -C '") + MESO_SOURCE_DIR + "' -n $2 > /dev/null"));
        run(what, "bash -euo pipefail block.sh");
      } else if (block.language == "python") {
        script += "# " + what + "\n" + block.text;
      } else {
        EXPECT_EQ(block.language, "text") << what << ": a block is toml, sh, python or text";
        EXPECT_FALSE(std::regex_search(block.text, std::regex("(^|\n)(meso|make|python3|import|cmake) "))) << what << ": what a reader would type must be run";
      }
    }
    if (script.empty() || std::string(MESO_PYTHON).empty()) continue;
    write("page.py", script);
    run(page.filename().string(), std::string("MPLBACKEND=Agg PYTHONDONTWRITEBYTECODE=1 PYTHONPATH='" MESO_PYTHON_PATH "' ") + MESO_PYTHON + " page.py");
  }
  for (const char* language : {"toml", "sh", "python"}) EXPECT_GE(count[language], 2) << language;
}

}  // namespace
}  // namespace meso
