#include "report/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "base/error.h"
#include "base/files.h"
#include "base/text.h"
#include "report/assets.h"
#include "report/data.h"
#include "report/overview.h"
#include "report/markup.h"
#include "report/picture.h"
#include "report/text.h"

namespace meso {
namespace {

using namespace report;

std::string e(std::string_view text) { return escape_html(text); }

/// {{NAME}} -> value in one pass, so that a value which looks like a placeholder stays as it is.
std::string filled(std::string_view page, const std::map<std::string, std::string, std::less<>>& values) {
  std::string out;
  while (true) {
    const auto open = page.find("{{");
    const auto close = open == std::string_view::npos ? open : page.find("}}", open);
    if (close == std::string_view::npos) return out += page;
    out += page.substr(0, open);
    const auto found = values.find(page.substr(open + 2, close - open - 2));
    if (found == values.end()) throw RunError(fmt::format("report page: no value for '{}'", page.substr(open, close + 2 - open)));
    out += found->second;
    page.remove_prefix(close + 2);
  }
}

std::string head_lines(const Overview& facts) {
  const Results& r = facts.results;
  std::vector<std::string> parts{fmt::format("<b>{}</b>{}", e(r.system), r.system_title.empty() ? "" : ": " + e(r.system_title))};
  if (!facts.references.empty()) parts.push_back("reference " + e(facts.reference()));
  if (!r.verdicts.empty())
    parts.push_back(e(fmt::format("margin {}, confidence {} % simultaneous over the study ({})", facts.margin(), brief(100 * r.confidence, 6), facts.quantiles())));
  std::vector<std::string> swept;
  for (const std::string& name : r.sweep) {
    double lo = INFINITY, hi = -INFINITY;
    for (const PointResult& point : r.points)
      if (const auto found = point.parameters.find(name); found != point.parameters.end()) {
        lo = std::min(lo, as_number(found->second));
        hi = std::max(hi, as_number(found->second));
      }
    swept.push_back(lo <= hi ? fmt::format("{} from {} to {}", name, brief(lo, 4), brief(hi, 4)) : name);
  }
  if (!swept.empty()) parts.push_back(e(fmt::format("{} points over {}", r.points.size(), join(swept))));
  return join(parts, " · ");
}

std::string summary_block(const Overview& facts) {
  const Results& r = facts.results;
  if (r.verdicts.empty()) return "<p>" + e(summary(r)) + "</p>";
  std::string out = fmt::format("<p>Against {}, within {} at {} % confidence:</p><ul class='findings'>", e(facts.reference()), e(facts.margin()), e(brief(100 * r.confidence, 6)));
  for (const std::string& label : facts.candidates) {
    std::vector<std::string> findings;
    for (const std::string& name : facts.observables) {
      if (!facts.judged(label, name)) continue;
      Outcome worst = Outcome::absent;
      for (std::size_t p = 0; p < r.points.size(); ++p)
        if (const Verdict* v = facts.verdict(p, label, name); v != nullptr && badness(v->outcome) > badness(worst)) worst = v->outcome;
      findings.push_back(fmt::format("<span class='finding'>{}{}</span>", swatch(worst), e(facts.finding(label, name))));
    }
    out += fmt::format("<li><b>{}</b> {}</li>", e(label), join(findings, " "));
  }
  return out + "</ul>";
}

std::string remarks_block(const Overview& facts) {
  struct Group {
    std::size_t times = 0;
    std::vector<std::string> levels, observables;
    std::string where, text;
  };
  const Results& r = facts.results;
  const auto add_once = [](std::vector<std::string>& names, const std::string& name) {
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  };
  // Fatal flags first, then warnings, then remarks of verdicts.
  std::map<std::tuple<int, std::string, std::string>, Group> groups;
  const auto add = [&](int rank, const std::string& kind, const std::string& key, const std::string& label, const std::string& observable, std::size_t point, const std::string& where,
                       const std::string& text) {
    Group& group = groups[{rank, kind, key}];
    add_once(group.levels, label);
    add_once(group.observables, observable);
    if (++group.times > 1) return;
    std::vector<std::string> at;
    if (const std::string place = facts.place(point); !place.empty()) at.push_back(place);
    if (!where.empty()) at.push_back(where);
    group.where = join(at);
    group.text = text;
  };
  for (std::size_t p = 0; p < r.points.size(); ++p)
    for (const LevelResult& level : r.points[p].levels)
      for (const Flag& flag : level.answer.flags)
        add(flag.fatal ? 0 : 1, flag.kind, level.label, level.label, flag.observable.empty() ? "all" : flag.observable, p, place_text(flag.where), flag.text);
  for (const Verdict& v : r.verdicts)
    for (const std::string& remark : v.remarks)
      // The same remark with other numbers is one group: what stands before the first digit or bracket.
      add(2, "remark", remark.substr(0, remark.find_first_of("0123456789([")), v.label, v.observable, v.point, place_text(v.where), remark);
  if (groups.empty()) return "";
  std::string out = "<section id='remarks'><h2>Remarks</h2><p>Each kind once, with its first occurrence; every verdict carries its own in the table above.</p>"
                    "<div class='scroll'><table><thead><tr><th>kind</th><th>levels</th><th>observables</th><th class='n'>times</th><th>first at</th><th>text</th></tr></thead><tbody>";
  for (const auto& [key, group] : groups)
    out += fmt::format("<tr><td>{}{}</td><td>{}</td><td>{}</td><td class='n'>{}</td><td>{}</td><td>{}</td></tr>", std::get<0>(key) == 0 ? swatch(Outcome::broken) : "", e(std::get<1>(key)),
                       e(join(group.levels)), e(join(group.observables)), group.times, e(group.where), e(group.text));
  return out + "</tbody></table></div></section>";
}

/// Where verdicts change, with the reference's means there: only where a sweep refined its edges.
std::string edges_block(const Overview& facts) {
  std::string rows;
  for (const Edge& edge : facts.results.edges) {
    if (!edge.refined) continue;
    std::vector<std::string> others, means;
    for (const auto& [name, value] : edge.others) others.push_back(fmt::format("{} = {}", name, brief(value, 5)));
    for (const auto& [name, ends] : edge.reference) means.push_back(fmt::format("{} = {} to {}", name, brief(ends.first, 5), brief(ends.second, 5)));
    rows += fmt::format("<tr><td><b>{}</b></td><td>{}</td><td>{}{} to {}{}</td><td>{} = {} to {}{}</td><td>{}</td></tr>", e(edge.label), e(edge.observable), swatch(edge.below), to_text(edge.below),
                        swatch(edge.above), to_text(edge.above), e(edge.parameter), brief(edge.low, 5), brief(edge.high, 5), others.empty() ? "" : e(" at " + join(others)), e(join(means)));
  }
  if (rows.empty()) return "";
  return "<h3>Where verdicts change</h3><p>Every change along the sweep, refined to a bracket; beside it the means of the reference at both of its ends.</p><div class='scroll tall'><table class='edges'><thead><tr><th>level</th>"
         "<th>observable</th><th>from below to above</th><th>bracket</th><th>reference there</th></tr></thead><tbody>" + rows + "</tbody></table></div>";
}

std::string levels_block(const Overview& facts) {
  std::string out = "<div class='scroll'><table><thead><tr><th>level</th><th>kind of description</th><th class='n'>trajectories</th><th>options</th><th>source</th></tr></thead><tbody>";
  std::vector<std::string> seen;
  for (const PointResult& point : facts.results.points)
    for (const LevelResult& level : point.levels) {
      if (std::find(seen.begin(), seen.end(), level.label) != seen.end()) continue;
      seen.push_back(level.label);
      std::uint64_t lo = level.samples, hi = level.samples;
      for (const PointResult& other : facts.results.points)
        if (const LevelResult* same = other.find(level.label)) { lo = std::min(lo, same->samples); hi = std::max(hi, same->samples); }
      std::string what = to_text(level.info.rung);
      if (!level.info.doc.empty()) what += ": " + level.info.doc;
      if (!level.answer.why.empty()) what += " (" + level.answer.why + ")";
      out += fmt::format("<tr><td><b>{}</b>{}</td><td>{}</td><td class='n'>{}</td><td>{}</td><td>{}</td></tr>", e(level.label), level.label == level.info.name ? "" : " " + e(level.info.name), e(what),
                         hi == 0 ? "solved" : lo == hi ? with_commas(hi) : with_commas(lo) + " to " + with_commas(hi), e(to_text(level.options)), e(level.info.source));
    }
  return out + "</tbody></table></div>";
}

std::string parameters_block(const Overview& facts) {
  const Results& r = facts.results;
  if (r.points.empty()) return "";
  std::string out = "<div class='scroll'><table><thead><tr><th>parameter</th><th class='n'>value</th><th>unit</th><th>meaning</th></tr></thead><tbody>";
  const auto row = [&](const std::string& name, const Value& value, const ParameterInfo* info) {
    const bool swept = std::find(r.sweep.begin(), r.sweep.end(), name) != r.sweep.end();
    const bool other = info != nullptr && !swept && to_text(value) != to_text(info->fallback);
    const std::string unit = info == nullptr || info->unit.empty() || info->unit == "1" ? "dimensionless" : info->unit;
    out += fmt::format("<tr><td><b>{}</b></td><td class='n'>{}</td><td>{}</td><td>{}{}</td></tr>", e(name), swept ? "swept" : e(to_text(value)), e(unit), e(info == nullptr ? "" : info->doc),
                       other ? e(fmt::format(" (default {})", to_text(info->fallback))) : "");
  };
  const Table& values = r.points[0].parameters;
  for (const ParameterInfo& info : r.parameters)
    if (const auto found = values.find(info.name); found != values.end()) row(info.name, found->second, &info);
  for (const auto& [name, value] : values)
    if (std::none_of(r.parameters.begin(), r.parameters.end(), [&name = name](const ParameterInfo& info) { return info.name == name; })) row(name, value, nullptr);
  return out + "</tbody></table></div>";
}

std::string observables_block(const Overview& facts) {
  std::string out = "<div class='scroll'><table><thead><tr><th>observable</th><th>unit</th><th>definition</th></tr></thead><tbody>";
  for (const ObservableInfo& info : facts.results.observables)
    out += fmt::format("<tr><td><b>{}</b></td><td>{}</td><td>{}</td></tr>", e(info.name), e(info.unit.empty() || info.unit == "1" ? "dimensionless" : info.unit), e(info.doc));
  return out + "</tbody></table></div>";
}

std::string provenance_block(const Results& r) {
  const Provenance& p = r.provenance;
  std::string out = "<dl>";
  const auto item = [&](std::string_view name, const std::string& value) {
    if (!value.empty()) out += fmt::format("<dt>{}</dt><dd>{}</dd>", name, e(value));
  };
  item("Mesoscope", p.version + (p.git.empty() ? "" : " (" + p.git + ")"));
  item("compiler", p.compiler);
  item("host", p.host);
  item("started", p.started);
  item("run time", duration(p.seconds));
  item("threads x ranks", fmt::format("{} x {}", p.threads, p.ranks));
  item("seed", std::to_string(r.seed));
  return out + "</dl><p class='small'>The digits depend on the study and its seed, not on threads or ranks. Plots are drawn by Plotly.js (MIT licence).</p>";
}

}  // namespace

std::string report_html(const Results& r) {
  const Overview facts(r);
  std::string notes;
  for (const std::string& note : r.notes) notes += "<li>" + e(note) + "</li>";
  if (!notes.empty()) notes = "<h3>Notes</h3><ul>" + notes + "</ul>";
  std::string legend;
  for (const Look& l : looks) legend += fmt::format("<span class='key'>{}<b>{}</b> {}</span> ", swatch(l.outcome), l.word, l.meaning);
  const std::string title = !r.title.empty() ? r.title : r.system_title.empty() ? r.system : r.system_title;
  const bool judged = !r.verdicts.empty();
  return filled(assets::page_html(), {
                                         {"TITLE", e(title)},
                                         {"HEAD", head_lines(facts)},
                                         {"SUMMARY", summary_block(facts)},
                                         {"JUDGED", judged ? "" : "hidden"},
                                         {"PATTERNS", pattern_definitions()},
                                         {"MAP", map_element(facts)},
                                         {"EDGES", edges_block(facts)},
                                         {"OUTCOMES", legend},
                                         {"LADDER", ladder_element(facts)},
                                         {"LEVELS", levels_block(facts)},
                                         {"REMARKS", remarks_block(facts)},
                                         {"PARAMETERS", parameters_block(facts)},
                                         {"OBSERVABLES", observables_block(facts)},
                                         {"STUDY", e(r.study)},
                                         {"NOTES", notes},
                                         {"PROVENANCE", provenance_block(r)},
                                         {"CSS", std::string(assets::page_css())},
                                         {"PLOTLY", std::string(assets::plotly_js())},
                                         {"DATA", data_json(facts)},
                                         {"JS", std::string(assets::page_js())},
                                     });
}

void write_report(const Results& results, const std::filesystem::path& folder) {
  require_writable_folder(folder);
  write_file_atomically(folder / "index.html", report_html(results));
}

}  // namespace meso
