// Floors only look down: every #include is checked against the table in cmake/Floors.cmake, read from that file, and every
// third-party library against the folders that may know it.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/text.h"

namespace meso {
namespace {

namespace fs = std::filesystem;

struct Table {
  std::map<std::string, int> floor;
  std::map<std::string, std::set<std::string>> edges;
};

Table read_table(const std::string& text) {
  Table table;
  const std::regex floor(R"(set\(MESO_FLOOR_(\w+) (\d+)\))"), edges(R"(set\(MESO_EDGES_(\w+) ([^)]*)\))"), word(R"(\w+)");
  for (std::sregex_iterator m(text.begin(), text.end(), floor), end; m != end; ++m) table.floor[(*m)[1]] = std::stoi((*m)[2]);
  for (std::sregex_iterator m(text.begin(), text.end(), edges), end; m != end; ++m) {
    const std::string list = (*m)[2];
    for (std::sregex_iterator w(list.begin(), list.end(), word); w != end; ++w) table.edges[(*m)[1]].insert(w->str());
    table.edges[(*m)[1]];
  }
  return table;
}

/// "src/kits/kinetics/fsp.cpp" -> "kits", "systems/reactions/dimer/dimer.cpp" -> "systems", "apps/meso/main.cpp" -> "apps".
std::string floor_of(const std::string& path) {
  const auto parts = split(path, '/');
  if (parts.size() > 2 && parts[0] == "src") return parts[1];
  return parts.empty() ? "" : parts[0];
}

bool is_test(const std::string& path) { return path.ends_with("_test.cpp") || path.ends_with("test_support.h") || path.ends_with("_fixture.h"); }

// Who may include what of others. A prefix of the header's name -> prefixes of the folders, and whether headers may.
struct Library {
  std::string header;
  std::vector<std::string> folders;
  bool in_headers;
};
const std::vector<Library> libraries{
    {"hdf5", {"src/io/"}, false},
    {"H5", {"src/io/"}, false},
    {"toml++/", {"src/io/"}, false},
    {"toml.hpp", {"src/io/"}, false},
    {"nlohmann/", {"src/io/", "src/report/", "apps/"}, false},
    {"CLI/", {"apps/"}, false},
    {"boost/", {"src/num/", "src/stat/"}, false},
    {"cvode/", {"src/num/"}, false},
    {"kinsol/", {"src/num/"}, false},
    {"sundials/", {"src/num/"}, false},
    {"nvector/", {"src/num/"}, false},
    {"sunmatrix/", {"src/num/"}, false},
    {"sunlinsol/", {"src/num/"}, false},
    {"fftw3", {"src/num/"}, false},
    {"sbml/", {"src/kits/exchange/"}, false},
    {"Eigen/", {"src/num/", "src/stat/", "src/kits/", "systems/"}, false},
    {"hwy/", {"src/rng/", "src/num/", "src/kits/", "systems/"}, false},
    {"mpi.h", {"src/exec/mpi/"}, false},
    {"torch/", {"src/kits/torch/"}, true},
    {"ATen/", {"src/kits/torch/"}, true},
    {"c10/", {"src/kits/torch/"}, true},
    {"pybind11/", {"python/"}, true},
};

/// What is wrong with one #include of one file, or "".
std::string judge(const Table& table, const std::string& path, const std::string& header, bool quoted) {
  if (!quoted) {
    if (is_test(path)) return "";
    for (const Library& library : libraries) {
      if (!header.starts_with(library.header)) continue;
      const bool allowed = std::any_of(library.folders.begin(), library.folders.end(), [&](const std::string& f) { return path.starts_with(f); });
      if (!allowed) return "<" + header + "> may be included in " + join(library.folders) + " only";
      if (!library.in_headers && path.ends_with(".h")) return "<" + header + "> stays inside .cpp files: a header would hand it on to everyone";
    }
    return "";
  }
  if (header.find('/') == std::string::npos) return "";  // a neighbour in the same folder; the compiler checks that it is there
  const std::string from = floor_of(path);
  const std::string to = floor_of(header.starts_with("systems/") || header.starts_with("apps/") || header.starts_with("testing/") || header.starts_with("tests/") ? header : "src/" + header);
  if (to == "testing" || to == "tests") return is_test(path) ? "" : to + "/ is for tests only";
  if (!table.floor.contains(from)) return "the folder '" + from + "' has no row in cmake/Floors.cmake";
  if (!table.floor.contains(to)) return "\"" + header + "\" names no floor of cmake/Floors.cmake";
  if (to == "systems" && from == "systems") {  // a system is one folder: it may include its own headers only
    const auto a = split(path, '/'), b = split(header, '/');
    return a.size() > 2 && b.size() > 2 && a[1] == b[1] && a[2] == b[2] ? "" : "a system may not include another one";
  }
  if (from == to) return "";
  // A truth about a level is a truth about what the engine gives: tests may use the engine and studies.
  if (is_test(path) && (to == "exec" || to == "study" || to == "io" || to == "kits" || to == "rng")) return "";
  if (!table.edges.at(from).contains(to))
    return "'" + from + "' (floor " + std::to_string(table.floor.at(from)) + ") may not look at '" + to + "' (floor " + std::to_string(table.floor.at(to)) + ")";
  return "";
}

std::vector<std::string> judge_file(const Table& table, const std::string& path, const std::string& text) {
  std::vector<std::string> wrong;
  static const std::regex include(R"(^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"])");
  int number = 0;
  std::size_t begin = 0;
  while (begin < text.size()) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    ++number;
    std::smatch match;
    const std::string line = text.substr(begin, end - begin);
    if (std::regex_search(line, match, include)) {
      const std::string said = judge(table, path, match[2], match[1] == "\"");
      if (!said.empty()) wrong.push_back(path + ":" + std::to_string(number) + ": " + said);
    }
    begin = end + 1;
  }
  return wrong;
}

std::string text_of(const fs::path& path) { return read_file(path); }

const Table& table() {
  static const Table table = read_table(text_of(fs::path(MESO_SOURCE_DIR) / "cmake/Floors.cmake"));
  return table;
}

TEST(Floors, TheTableItselfLooksDownOnly) {
  ASSERT_GE(table().floor.size(), 12u) << "the table could not be read from cmake/Floors.cmake";
  for (const auto& [from, targets] : table().edges) {
    ASSERT_TRUE(table().floor.contains(from)) << from;
    for (const std::string& to : targets) {
      ASSERT_TRUE(table().floor.contains(to)) << from << " -> " << to;
      if (from == "kits" && to == "kits") continue;  // a kit may use another kit; CMake refuses a circle
      EXPECT_LT(table().floor.at(to), table().floor.at(from)) << from << " -> " << to;
    }
  }
  for (const char* hidden : {"exec", "io", "study", "report"}) EXPECT_FALSE(table().edges.at("systems").contains(hidden)) << "systems never see " << hidden;
  EXPECT_FALSE(table().edges.at("study").contains("systems")) << "a study never sees a system";
}

TEST(Floors, NoIncludeLooksUp) {
  const fs::path root(MESO_SOURCE_DIR);
  std::size_t files = 0;
  for (const char* top : {"src", "systems", "apps", "python"})
    for (const auto& entry : fs::recursive_directory_iterator(root / top)) {
      const auto extension = entry.path().extension();
      if (extension != ".h" && extension != ".cpp" && extension != ".in") continue;
      ++files;
      for (const std::string& wrong : judge_file(table(), fs::relative(entry.path(), root).generic_string(), text_of(entry.path()))) ADD_FAILURE() << wrong;
    }
  EXPECT_GT(files, 30u) << "the sources were not found";
}

TEST(Floors, TheCheckSeesAnUpwardInclude) {
  const auto wrong = [](const std::string& path, const std::string& line) { return judge_file(table(), path, "// a\n" + line + "\n").size(); };
  EXPECT_EQ(wrong("src/stat/fit.cpp", "#include \"model/level.h\""), 1u);
  EXPECT_EQ(wrong("src/model/level.h", "#include \"stat/estimate.h\""), 0u);
  EXPECT_EQ(wrong("src/study/study.cpp", "#include \"systems/reactions/dimer/dimer.h\""), 1u);
  EXPECT_EQ(wrong("src/study/study.cpp", "#include \"kits/kinetics/network.h\""), 1u);
  EXPECT_EQ(wrong("systems/reactions/dimer/dimer.cpp", "  #  include \"exec/engine.h\""), 1u);
  EXPECT_EQ(wrong("systems/reactions/dimer/dimer_test.cpp", "#include \"exec/engine.h\""), 0u);
  EXPECT_EQ(wrong("systems/reactions/dimer/dimer.cpp", "#include \"systems/reactions/schlogl/schlogl.h\""), 1u);
  EXPECT_EQ(wrong("systems/reactions/dimer/dimer.cpp", "#include \"systems/reactions/dimer/dimer.h\""), 0u);
  EXPECT_EQ(wrong("src/kits/kinetics/fsp.cpp", "#include \"kits/markov/chain.h\""), 0u);
  EXPECT_EQ(wrong("src/kits/kinetics/fsp.cpp", "#include \"report/report.h\""), 1u);
  EXPECT_EQ(wrong("src/kits/kinetics/fsp.cpp", "#include \"testing/statistics.h\""), 1u);
  EXPECT_EQ(wrong("src/kits/kinetics/fsp.cpp", "#include \"strange/thing.h\""), 1u);
}

TEST(Floors, TheCheckSeesALibraryInTheWrongFolder) {
  const auto wrong = [](const std::string& path, const std::string& line) { return judge_file(table(), path, line).size(); };
  EXPECT_EQ(wrong("src/study/study.cpp", "#include <hdf5.h>"), 1u);
  EXPECT_EQ(wrong("src/io/results_file.cpp", "#include <hdf5.h>"), 0u);
  EXPECT_EQ(wrong("src/io/results_file.h", "#include <hdf5.h>"), 1u) << "not in a header";
  EXPECT_EQ(wrong("apps/meso/main.cpp", "#include <toml++/toml.h>"), 1u);
  EXPECT_EQ(wrong("src/kits/kinetics/closure.cpp", "#include <cvode/cvode.h>"), 1u);
  EXPECT_EQ(wrong("src/num/ode.cpp", "#include <cvode/cvode.h>"), 0u);
  EXPECT_EQ(wrong("src/model/level.h", "#include <vector>"), 0u);
  EXPECT_EQ(wrong("systems/generative/some/some.cpp", "#include <torch/torch.h>"), 1u);
  EXPECT_EQ(wrong("src/kits/generative/field.cpp", "#include <ATen/ATen.h>"), 1u);
  EXPECT_EQ(wrong("src/kits/torch/training.cpp", "#include <ATen/ATen.h>"), 0u);
}

}  // namespace
}  // namespace meso
