#include "report/report.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "base/files.h"
#include "base/text.h"
#include "io/random_results.h"
#include "io/results_file.h"
#include "report/data.h"
#include "report/markup.h"
#include "report/overview.h"
#include "report/picture.h"
#include "report/text.h"
#include "tests/report/synthetic.h"

namespace meso {
namespace {

using namespace report;

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t n = 0;
  for (std::size_t at = 0; (at = text.find(part, at)) != std::string::npos; at += part.size()) ++n;
  return n;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> out;
  std::string line;
  for (const char c : text) {
    if (c != '\n') { line += c; continue; }
    out.push_back(line);
    line.clear();
  }
  if (!line.empty()) out.push_back(line);
  return out;
}

nlohmann::json data_of(const Results& r) { return nlohmann::json::parse(data_json(Overview(r))); }

/// Open elements of a small XML text; "" if it is well formed. Enough for the SVG we write: no comments, no CDATA.
std::string xml_fault(const std::string& xml) {
  std::vector<std::string> open;
  for (std::size_t at = 0; (at = xml.find('<', at)) != std::string::npos;) {
    std::size_t end = at + 1;
    for (char quote = 0; end < xml.size() && (quote != 0 || xml[end] != '>'); ++end) {
      if (quote == 0 && (xml[end] == '\'' || xml[end] == '"')) quote = xml[end];
      else if (quote != 0 && xml[end] == quote) quote = 0;
      else if (xml[end] == '<') return "'<' inside a tag near " + xml.substr(at, 60);
    }
    if (end >= xml.size()) return "a tag without end near " + xml.substr(at, 60);
    const std::string tag = xml.substr(at + 1, end - at - 1);
    const std::string name = tag.substr(0, tag.find_first_of(" /", tag.front() == '/' ? 1 : 0));
    if (tag.front() == '/') {
      if (open.empty() || "/" + open.back() != name) return "unexpected <" + name + ">";
      open.pop_back();
    } else if (tag.back() != '/') {
      open.push_back(name);
    }
    at = end + 1;
  }
  return open.empty() ? "" : "never closed: " + open.back();
}

TEST(Markup, EscapesWhatHtmlReads) {
  EXPECT_EQ(escape_html("a<b> & \"c\" 'd'"), "a&lt;b&gt; &amp; &quot;c&quot; &#39;d&#39;");
  EXPECT_EQ(escape_html(std::string("bell\x07 end")), "bell end");
  EXPECT_EQ(escape_html("Schl\xC3\xB6gl \xFF"), "Schl\xC3\xB6gl \xEF\xBF\xBD");
}

TEST(Markup, JsonStringsReadBackAndCannotEndAScript) {
  for (const std::string& text : {std::string("</script><!-- ]]> \" \\ \n\t\r"), std::string("\xE2\x80\xA8\xE2\x80\xA9 \xF0\x9F\x90\x9F"), std::string("nul\0in it", 9), std::string("<script>")}) {
    const std::string json = json_string(text);
    EXPECT_EQ(nlohmann::json::parse(json).get<std::string>(), text);
    EXPECT_EQ(json.find_first_of("<>&"), std::string::npos) << json;
  }
  for (const char* bad : {"\xFF", "\xC0\xAF", "\xED\xA0\x80", "\xE2\x82"})  // not UTF-8: replaced, never passed on
    EXPECT_TRUE(nlohmann::json::accept(json_string(bad))) << bad;
}

TEST(Markup, NumbersThatAreNoneBecomeNull) {
  EXPECT_EQ(json_number(NAN), "null");
  EXPECT_EQ(json_number(-INFINITY), "null");
  EXPECT_EQ(json_number(0.1), "0.1");
  EXPECT_EQ(json_number(1.0 / 3), "0.3333333");
}

TEST(Markup, WrapsAtBlanksAndLosesNoLetter) {
  const std::string text = "the quick Schl\xC3\xB6gl model has averyveryverylongwordinit twice";
  for (std::size_t width = 1; width < 40; ++width) {
    std::string letters;
    for (const std::string& line : wrap(text, width)) {
      EXPECT_LE(length(line), width);
      for (const char c : line)
        if (c != ' ') letters += c;
    }
    EXPECT_EQ(count(letters, "averyveryverylongwordinit"), 1u);
    EXPECT_EQ(letters.size(), text.size() - count(text, " "));
  }
}

TEST(Overview, FindsTheLayoutOfASweep) {
  const Results one = synthetic::time_course(), line = synthetic::stationary_sweep(), grid = synthetic::grid();
  EXPECT_EQ(Overview(one).layout, Layout::single);
  EXPECT_EQ(Overview(line).layout, Layout::line);
  EXPECT_TRUE(Overview(line).axes[0].log);
  EXPECT_EQ(Overview(grid).layout, Layout::grid);
  EXPECT_TRUE(Overview(grid).axes[0].log);
  EXPECT_FALSE(Overview(grid).axes[1].log);
  Results pairs = synthetic::stationary_sweep(12);  // points on a diagonal are no grid
  pairs.sweep = {"volume", "k1"};
  for (std::size_t i = 0; i < pairs.points.size(); ++i) pairs.points[i].parameters["k1"] = Value(static_cast<double>(i));
  EXPECT_EQ(Overview(pairs).layout, Layout::list);
}

TEST(Overview, OrdersRefinedPointsByValue) {
  const Results r = synthetic::no_time();
  const Overview view(r);
  double before = 0;
  for (const std::size_t p : view.order) {
    const double gamma = as_number(r.points[p].parameters.find("gamma")->second);
    EXPECT_GT(gamma, before);
    before = gamma;
  }
}

TEST(Overview, NamesTheMarginAsItWasAsked) {
  EXPECT_EQ(Overview(synthetic::stationary_sweep()).results.points.size(), 40u);
  const Results relative = synthetic::stationary_sweep(), absolute = synthetic::no_time(), two = synthetic::grid();
  EXPECT_EQ(Overview(relative).margin(), "5 % of the scale");
  EXPECT_EQ(Overview(two).margin(), "5 % (X.mean), 15 % (X.variance) of the scale");
  EXPECT_NE(Overview(absolute).margin().find("0.01 (mu.root)"), std::string::npos) << Overview(absolute).margin();
}

TEST(Summary, NamesEveryObservableOfEveryLevel) {
  const Results r = synthetic::time_course();
  EXPECT_EQ(summary(r),
            "Against ssa (16,384 trajectories), within 5 % (X.mean), 15 % (X.variance) of the scale at 99 % confidence: lna: X.mean disagrees, X.variance disagrees; "
            "normal-2: X.mean broken, X.variance broken.");
  const std::string sweep = summary(synthetic::stationary_sweep());
  EXPECT_NE(sweep.find("rate-equation: X.mean disagrees at volume 0.5 to 12.6, undecided at 14.7 to 17.1, agrees at 20 to 200 | X.variance absent at all 40 points"), std::string::npos) << sweep;
}

TEST(VerdictTable, FitsItsWidth) {
  for (const Results& r : {synthetic::time_course(), synthetic::stationary_sweep(), synthetic::stationary_sweep(700), synthetic::grid(), synthetic::no_time(), synthetic::hostile()})
    for (const std::size_t width : {60u, 80u, 100u, 160u})
      for (const std::string& line : lines_of(verdict_table(r, width))) EXPECT_LE(length(line), width) << line;
}

TEST(VerdictTable, MapHasOneLetterForEachVerdict) {
  const Results r = synthetic::stationary_sweep(130);  // longer than a line: further blocks
  const std::string text = verdict_table(r, 80);
  std::size_t seen = 0, blocks = 0;
  for (const std::string& line : lines_of(text)) {
    if (line.find("over volume") != std::string::npos) ++blocks;
    if (line.rfind("  normal-3  ", 0) != 0) continue;
    const auto last = line.rfind(' ');
    if (line.find_first_not_of("=x?!.", last + 1) == std::string::npos) seen += line.size() - last - 1;
  }
  EXPECT_EQ(seen, 2u * 130u) << text;
  EXPECT_GT(blocks, 1u);
}

TEST(VerdictTable, SaysWhatBrokeAndWhatWouldDecide) {
  const std::string one = verdict_table(synthetic::time_course(), 100);
  EXPECT_NE(one.find("Var(X) = -4.7 < 0 at t = 3.21"), std::string::npos) << one;
  EXPECT_NE(one.find("[6.3, 7.1]"), std::string::npos) << one;
  const std::string sweep = verdict_table(synthetic::stationary_sweep(), 100);
  EXPECT_NE(sweep.find("about 40,000"), std::string::npos) << sweep;
  EXPECT_NE(sweep.find("reference is bimodal"), std::string::npos) << sweep;
}

TEST(VerdictMap, IsWellFormedAndDrawsEveryVerdict) {
  for (const Results& r : {synthetic::time_course(), synthetic::stationary_sweep(), synthetic::grid(), synthetic::no_time(), synthetic::hostile()}) {
    const std::string svg = verdict_map_svg(r);
    EXPECT_EQ(xml_fault(svg), "");
    EXPECT_EQ(count(svg, "<title>"), r.verdicts.size());  // one tooltip in each cell
    EXPECT_EQ(count(svg, "<script"), 0u);
    const std::string element = map_element(Overview(r));
    EXPECT_EQ(count(element, "data-v='"), r.verdicts.size());
    EXPECT_EQ(xml_fault(ladder_svg(r)), "");
  }
  EXPECT_EQ(count(map_element(Overview(synthetic::stationary_sweep())), "glyph-absent"), 40u + 1u);  // letters, and the legend's
}

TEST(VerdictMap, OfNothingSaysSo) {
  Results r = synthetic::time_course();
  r.verdicts.clear();
  EXPECT_NE(verdict_map_svg(r).find("no verdicts"), std::string::npos);
  EXPECT_NO_THROW((void)report_html(Results{}));
}

TEST(Ladder, WritesTheApproximationOnEachEdge) {
  const std::string svg = ladder_svg(synthetic::stationary_sweep());
  for (const char* text : {"third and higher cumulants set to zero", "volume to infinity: no fluctuations", "the reference", "not asked in this study", "expected order 1"})
    EXPECT_NE(svg.find(text), std::string::npos) << text;
  EXPECT_EQ(count(svg, "meso-glyph-broken' x"), 1u);     // normal-3
  EXPECT_EQ(count(svg, "meso-glyph-disagrees' x"), 3u);  // the others' worst
}

TEST(Ladder, SurvivesACycleOfParents) {
  Results r = synthetic::time_course();
  r.points[0].levels[0].info.parent = "lna";
  r.points[0].levels[1].info.parent = "ssa";
  const std::string svg = ladder_svg(r);
  EXPECT_EQ(xml_fault(svg), "");
  EXPECT_NE(svg.find(">lna<"), std::string::npos);
}

TEST(Data, KeepsEveryNumberAndEveryVerdict) {
  const Results r = synthetic::grid();
  const nlohmann::json data = data_of(r);
  ASSERT_EQ(data["points"].size(), r.points.size());
  ASSERT_EQ(data["verdicts"].size(), r.verdicts.size());
  EXPECT_EQ(data["axes"].size(), 1u);  // shared by all estimates
  for (std::size_t p = 0; p < r.points.size(); ++p)
    for (std::size_t l = 0; l < r.points[p].levels.size(); ++l)
      for (std::size_t k = 0; k < r.points[p].levels[l].answer.estimates.size(); ++k) {
        const Estimate& estimate = r.points[p].levels[l].answer.estimates[k];
        const nlohmann::json& shown = data["points"][p]["l"][l]["e"][k];
        EXPECT_EQ(data["observables"][shown["o"].get<std::size_t>()]["name"], estimate.observable);
        ASSERT_EQ(shown["v"].size(), estimate.value.size());
        for (std::size_t i = 0; i < estimate.value.size(); ++i) {
          if (std::isfinite(estimate.value[i])) EXPECT_NEAR(shown["v"][i].get<double>(), estimate.value[i], 1e-6 * std::abs(estimate.value[i]));
          else EXPECT_TRUE(shown["v"][i].is_null());
        }
      }
  for (std::size_t v = 0; v < r.verdicts.size(); ++v) {
    const nlohmann::json& shown = data["verdicts"][v];
    EXPECT_EQ(shown[0], r.verdicts[v].point);
    EXPECT_EQ(data["levels"][shown[1].get<std::size_t>()]["label"], r.verdicts[v].label);
    EXPECT_EQ(data["outcomes"][shown[3].get<std::size_t>()]["word"], to_text(r.verdicts[v].outcome));
    EXPECT_EQ(data["texts"][shown[13].get<std::size_t>()], r.verdicts[v].reason);
  }
}

TEST(Data, StaysLightOverThousandsOfPoints) {
  const Results r = synthetic::stationary_sweep(3000);
  const std::string data = data_json(Overview(r));
  EXPECT_LT(data.size(), 1200u * r.points.size());  // 4 levels x 2 observables with their verdicts: some 1 kB a point
  EXPECT_EQ(nlohmann::json::parse(data)["points"].size(), 3000u);
}

TEST(Report, IsOneFileThatAsksForNothingElse) {
  const std::filesystem::path folder = std::filesystem::temp_directory_path() / ("meso-report-test-" + std::to_string(::getpid()));
  write_report(synthetic::stationary_sweep(), folder / "report");
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder / "report")) names.insert(entry.path().filename().string());
  EXPECT_EQ(names, std::set<std::string>{"index.html"});
  const std::string page = read_file(folder / "report/index.html");
  std::filesystem::remove_all(folder);
  EXPECT_NE(page.find("plotly.js (cartesian - minified) v"), std::string::npos);
  EXPECT_NE(page.find("default-src 'none'"), std::string::npos);
  EXPECT_EQ(count(page, "<script src"), 0u);
  EXPECT_EQ(count(page, "<link"), 0u);
  EXPECT_EQ(count(page, "</script>"), 3u);  // data, Plotly, page: none inside them
}

TEST(Report, ForeignTextStaysText) {
  const Results r = synthetic::hostile();
  const std::string page = report_html(r);
  EXPECT_EQ(count(page, "</script>"), 3u);
  EXPECT_EQ(count(page, "<img src=x"), 0u);
  EXPECT_EQ(count(page, "<script>document.title"), 0u);
  EXPECT_NE(page.find("{{DATA}}"), std::string::npos);  // the title's own words, not filled in
}

TEST(Report, NeedsNothingButTheResultsFile) {
  const std::filesystem::path file = std::filesystem::temp_directory_path() / ("meso-report-" + std::to_string(::getpid()) + ".h5");
  for (const Results& r : {synthetic::stationary_sweep(12), synthetic::time_course(), synthetic::grid(), synthetic::no_time()}) {
    write_results(file, r);
    const Results again = read_results(file);
    EXPECT_EQ(report_html(again), report_html(r));
    EXPECT_EQ(verdict_table(again, 80), verdict_table(r, 80));
    EXPECT_EQ(verdict_map_svg(again), verdict_map_svg(r));
  }
  std::filesystem::remove(file);
}

TEST(Report, AnyResultsMakeAPage) {
  for (std::uint64_t id = 0; id < 40; ++id) {
    Results r = testing::RandomResults(id).make(static_cast<int>(id % 5));
    if (id % 2 == 0)  // sweeps that exist, too
      for (std::size_t k = 0; k < r.sweep.size(); ++k)
        for (std::size_t p = 0; p < r.points.size(); ++p) r.points[p].parameters[r.sweep[k]] = Value(static_cast<double>((p + k) % 3));
    const std::string page = report_html(r);
    EXPECT_EQ(count(page, "</script>"), 3u);
    EXPECT_TRUE(nlohmann::json::accept(data_json(Overview(r)))) << id;
    EXPECT_EQ(xml_fault(verdict_map_svg(r)), "") << id;
    EXPECT_EQ(xml_fault(ladder_svg(r)), "") << id;
    for (const std::string& line : lines_of(verdict_table(r, 80))) EXPECT_LE(length(line), 80u) << line;
  }
}

TEST(Report, SaysWhereItCannotWrite) {
  const std::filesystem::path file = std::filesystem::temp_directory_path() / ("meso-report-file-" + std::to_string(::getpid()));
  write_file_atomically(file, "in the way");
  EXPECT_THROW(write_report(synthetic::time_course(), file), InputError);
  std::filesystem::remove(file);
}

}  // namespace
}  // namespace meso
