// Opens report pages in headless Chromium: no script error, nothing loaded from outside, every axis labelled with its unit,
// no text over another, at 1280 and at 900 pixels. MESO_REPORT_RESULTS may name results files (':' between) to open as well.
// MESO_REPORT_SHOTS=FOLDER keeps the pages and takes a picture of each, for a look by eye.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/files.h"
#include "base/text.h"
#include "io/results_file.h"
#include "report/report.h"
#include "tests/report/synthetic.h"

namespace meso {
namespace {

namespace fs = std::filesystem;

std::string chromium() {
  for (const char* folder : {"/usr/bin", "/usr/local/bin", "/snap/bin"})
    for (const char* name : {"chromium", "chromium-browser", "google-chrome"})
      if (const fs::path path = fs::path(folder) / name; ::access(path.c_str(), X_OK) == 0) return path.string();
  return "";
}

/// A folder of its own, removed at the end.
struct Folder {
  fs::path path = fs::temp_directory_path() / fmt::format("meso-page-{}", ::getpid());
  Folder() { fs::create_directories(path); }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
};

std::string run(const std::string& command) {
  std::string out;
  FILE* pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) return out;
  char buffer[65536];
  for (std::size_t n; (n = std::fread(buffer, 1, sizeof buffer, pipe)) > 0;) out.append(buffer, n);
  ::pclose(pipe);
  return out;
}

std::string browser(const Folder& folder, const std::string& more, const fs::path& page, int width, int height) {
  static int count = 0;
  return fmt::format("timeout 120 {} --headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update "
                     "--disable-sync --host-resolver-rules='MAP * ~NOTFOUND' --force-device-scale-factor=1 --hide-scrollbars --user-data-dir='{}' --window-size={},{} {} 'file://{}' 2>/dev/null",
                     chromium(), (folder.path / fmt::format("profile{}", ++count)).string(), width, height, more, page.string());
}

/// What the self check says of a page.
nlohmann::json checked(const std::string& name, std::string page, int width = 1280) {
  Folder folder;
  const auto head = page.find("<head>");
  page.insert(head + 6, "<script>" + read_file(fs::path(MESO_SOURCE_DIR) / "tests/report/self_check.js") + "</script>");
  const fs::path file = folder.path / (name + ".html");
  write_file_atomically(file, page);
  const std::string dom = run(browser(folder, "--virtual-time-budget=15000 --dump-dom", file, width, 900));
  const std::string open = "<pre id=\"meso-check\">";
  const auto from = dom.rfind(open);
  if (from == std::string::npos) return {{"problems", {"the self check did not finish; the page has " + std::to_string(dom.size()) + " bytes"}}, {"facts", nlohmann::json::object()}};
  std::string text = dom.substr(from + open.size(), dom.find("</pre>", from) - from - open.size());
  for (const auto& [entity, c] : {std::pair{"&lt;", "<"}, std::pair{"&gt;", ">"}, std::pair{"&amp;", "&"}})
    for (std::size_t at = 0; (at = text.find(entity, at)) != std::string::npos; ++at) text.replace(at, std::string(entity).size(), c);
  return nlohmann::json::parse(text);
}

void picture(const std::string& name, const std::string& page) {
  const char* shots = std::getenv("MESO_REPORT_SHOTS");
  if (shots == nullptr) return;
  Folder folder;
  const fs::path kept = fs::absolute(fs::path(shots)), file = kept / (name + ".html");
  fs::create_directories(kept);
  write_file_atomically(file, page);
  for (const int width : {1280, 900, 390})
    run(browser(folder, fmt::format("--virtual-time-budget=8000 --screenshot='{}'", (kept / fmt::format("{}-{}.png", name, width)).string()), file, width, 4200));
}

std::string problems(const nlohmann::json& check) {
  std::string out;
  for (const auto& p : check["problems"]) out += "  " + p.get<std::string>() + "\n";
  return out;
}

class Page : public ::testing::Test {
 protected:
  void SetUp() override {
    if (chromium().empty()) GTEST_SKIP() << "no chromium in /usr/bin, /usr/local/bin or /snap/bin: the report page was not opened (Debian: apt-get install chromium)";
  }
  nlohmann::json sound(const std::string& name, const Results& results, std::size_t plots, bool phone = false) {
    const std::string html = report_html(results);
    picture(name, html);
    const nlohmann::json check = checked(name, html);
    EXPECT_EQ(problems(check), "") << name;
    EXPECT_EQ(check["facts"].value("plots1280", 0u), plots) << check["facts"].dump();
    EXPECT_EQ(check["facts"].value("plots900", 0u), plots);
    EXPECT_EQ(check["facts"].value("cells", 0u), results.verdicts.size());
    if (phone) {
      const nlohmann::json small = checked(name, html, 500);
      EXPECT_EQ(problems(small), "") << name << " on a phone";
      EXPECT_EQ(small["facts"].value("plots390", 0u), plots) << small["facts"].dump();
    }
    EXPECT_EQ(check["facts"].value("rows", 0u), std::min<std::size_t>(500, results.verdicts.size()));
    return check;
  }
};

TEST_F(Page, OfAStationarySweepIsSound) { sound("stationary-sweep", synthetic::stationary_sweep(), 2 + 2 + 1); }
TEST_F(Page, OfATimeCourseIsSound) { sound("time-course", synthetic::time_course(), 2, true); }
TEST_F(Page, OfARefinedSweepWithPicturesIsSound) { sound("refined", synthetic::refined_sweep(), 2 + 2 + 1 + 2 + 2, true); }
TEST_F(Page, OfATwoParameterSweepIsSound) { sound("grid", synthetic::grid(), 2 + 2); }
TEST_F(Page, OfASystemWithoutTimeIsSound) { sound("no-time", synthetic::no_time(), 2 + 1 + 1); }
TEST_F(Page, OfALongSweepIsSound) { sound("long-sweep", synthetic::stationary_sweep(1500), 2 + 2 + 1); }

TEST_F(Page, KeepsForeignTextHarmless) {
  const Results hostile = synthetic::hostile();
  const nlohmann::json check = sound("hostile", hostile, 2);
  EXPECT_EQ(check["facts"].value("title", ""), hostile.title);  // shown, not run
}

TEST_F(Page, OfARunWithoutComparisonIsSound) {
  Results r = synthetic::time_course();
  r.verdicts.clear();
  r.kind = "run";
  sound("run", r, 2);
}

TEST_F(Page, OfNamedResultsFilesIsSound) {
  const char* files = std::getenv("MESO_REPORT_RESULTS");
  if (files == nullptr) GTEST_SKIP() << "MESO_REPORT_RESULTS names no results files";
  int k = 0;
  for (const std::string& file : split(files, ':')) {
    const std::string name = fmt::format("named-{}", ++k), html = report_html(read_results(file));
    picture(name, html);
    const nlohmann::json check = checked(name, html);
    EXPECT_EQ(problems(check), "") << file;
    EXPECT_GT(check["facts"].value("plots1280", 0u), 0u) << file;
  }
}

TEST_F(Page, FaultsAreSeenByTheSelfCheck) {
  std::string page = report_html(synthetic::stationary_sweep(5));
  const auto replace = [&](const std::string& from, const std::string& to) {
    const auto at = page.rfind(from);
    ASSERT_NE(at, std::string::npos) << from;
    page.replace(at, from.size(), to);
  };
  replace("withUnit(s.name, s.unit)), type: s.log", "s.name), type: s.log");                                    // an axis without its unit
  replace("</main>", "<img src='https://example.org/x.png'><svg class='meso-svg' viewBox='0 0 100 20'>"       // something from outside
                     "<text x='10' y='12'>one</text><text x='14' y='13'>two</text></svg></main>");             // text over text
  replace("mapTips();", "mapTips(); setTimeout(() => nowhere(), 1);");                                          // a script error
  const std::string found = problems(checked("faulty", page));
  for (const char* fault : {"no unit on the xaxis", "external request", "overlap in", "nowhere is not defined"}) EXPECT_NE(found.find(fault), std::string::npos) << fault << " in\n" << found;
}

}  // namespace
}  // namespace meso
