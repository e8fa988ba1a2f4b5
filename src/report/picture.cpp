#include "report/picture.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>

#include "base/text.h"
#include "report/overview.h"
#include "report/markup.h"

namespace meso {
namespace report {
namespace {

constexpr double kPage = 960;     // width in user units; the page scales it
constexpr double kFont = 12;
constexpr double kGlyph = 11;     // cells narrower than this share one glyph per stretch
constexpr double kNarrow = 4;     // and narrower than this one painted area: slivers of less than a pixel blend with the paper

std::string num(double x) {
  std::string text = fmt::format("{:.2f}", x);
  while (text.back() == '0') text.pop_back();
  if (text.back() == '.') text.pop_back();
  return text == "-0" ? "0" : text;
}

const char* glyph_path(Outcome outcome) {
  switch (outcome) {
    case Outcome::agrees: return "M-3.6-2H3.6M-3.6 2H3.6";
    case Outcome::disagrees: return "M-3.2-3.2L3.2 3.2M-3.2 3.2L3.2-3.2";
    case Outcome::undecided: return "M-2.6-2.4C-2.6-5.6 2.6-5.6 2.6-2.5C2.6-.6 0-.5 0 1.7M0 4.4V4.7";
    case Outcome::broken: return "M0-4.6V1.2M0 4.3V4.6";
    case Outcome::absent: return "M-3 0H3";
  }
  return "";
}

std::string fill(Outcome outcome) { return fmt::format("url(#meso-{})", look(outcome).word); }

std::string definitions() {
  std::string out = "<defs>";
  for (const Look& l : looks) {
    // Hatching strong enough to be seen in grey, weak enough to read a letter on it.
    std::string hatch;
    switch (l.outcome) {
      case Outcome::agrees: break;
      case Outcome::disagrees: hatch = "<path d='M-2 8L8-2M-2 2L2-2M4 8L8 4' stroke='#7a3300' stroke-width='1.1'/>"; break;
      case Outcome::undecided: hatch = "<circle cx='1.5' cy='1.5' r='.8' fill='#8a7d00'/><circle cx='4.5' cy='4.5' r='.8' fill='#8a7d00'/>"; break;
      case Outcome::broken: hatch = "<path d='M-1-1L7 7M-1 7L7-1' stroke='#666666' stroke-width='.7'/>"; break;
      case Outcome::absent: break;
    }
    out += fmt::format("<pattern id='meso-{0}' width='6' height='6' patternUnits='userSpaceOnUse'><rect width='6' height='6' fill='{1}'/>{2}</pattern>"
                       "<path id='meso-glyph-{0}' d='{3}' fill='none' stroke='{4}' stroke-width='1.9' stroke-linecap='round'/>",
                       l.word, l.fill, hatch, glyph_path(l.outcome), l.ink);
  }
  return out + "</defs>";
}

std::string use_glyph(Outcome outcome, double x, double y) {
  return fmt::format("<use href='#meso-glyph-{}' x='{}' y='{}' pointer-events='none'/>", look(outcome).word, num(x), num(y));
}

std::string label(double x, double y, std::string_view text, std::string_view anchor = "start", std::string_view more = "") {
  return fmt::format("<text x='{}' y='{}'{}{}>{}</text>", num(x), num(y), anchor == "start" ? "" : fmt::format(" text-anchor='{}'", anchor), more, escape_html(text));
}

/// As much of the text as fits into `width` pixels.
std::string fit(const std::string& text, double width, double font = kFont) {
  std::size_t n = length(text);
  std::string out = text;
  while (n > 3 && text_width(out, font) > width) out = shorten(text, --n);
  return out;
}

std::string tooltip(const Overview& facts, const Verdict& v) {
  std::string text = fmt::format("{}  {}: {}", v.label, v.observable, to_text(v.outcome));
  if (const std::string place = facts.place(v.point); !place.empty()) text += "\nat " + place;
  if (const std::string range = interval(v); !range.empty()) text += "\ndiscrepancy / margin " + range;
  if (const std::string where = place_text(v.where); !where.empty()) text += "\nworst at " + where;
  if (!v.reason.empty()) text += "\n" + v.reason;
  for (const std::string& remark : v.remarks) text += "\n" + remark;
  return text;
}

struct Canvas {
  const Overview& facts;
  bool page = false;       // cells carry data-v; otherwise a <title>
  std::string body;
  double width = kPage, height = 0;

  void cell(std::size_t verdict, double x, double y, double w, double h) {
    const Verdict& v = facts.results.verdicts[verdict];
    const bool gap = w >= 4 && h >= 4;
    const std::string paint = w < kNarrow ? "none' pointer-events='all" : fill(v.outcome);  // narrow ones are painted a stretch at a time
    body += fmt::format("<rect x='{}' y='{}' width='{}' height='{}' fill='{}'", num(x), num(y), num(gap ? w - 1 : w), num(gap ? h - 1 : h), paint);
    if (v.outcome == Outcome::absent && gap) body += " stroke='#999999' stroke-width='.6'";
    if (page) body += fmt::format(" data-v='{}'/>", verdict);
    else if (facts.results.verdicts.size() <= 2000) body += "><title>" + escape_html(tooltip(facts, v)) + "</title></rect>";
    else body += "/>";
  }

  /// One row of cells at equal widths; glyphs on each, or one on each stretch of equal outcomes if the cells are narrow.
  void row(const std::vector<std::size_t>& verdicts, double x, double y, double w, double h) {
    if (w < kNarrow)
      for (const auto& [first, last, outcome] : runs(verdicts))
        body += fmt::format("<rect x='{}' y='{}' width='{}' height='{}' fill='{}'{} pointer-events='none'/>", num(x + w * static_cast<double>(first)), num(y),
                            num(w * static_cast<double>(last - first)), num(h - 1), fill(outcome), outcome == Outcome::absent ? " stroke='#999999' stroke-width='.6'" : "");
    for (std::size_t i = 0; i < verdicts.size(); ++i)
      if (verdicts[i] != Overview::npos) cell(verdicts[i], x + w * static_cast<double>(i), y, w, h);
    if (h < 9) return;
    for (const auto& [first, last, outcome] : runs(verdicts)) {
      const std::size_t step = w < kGlyph ? last - first : 1;
      const double length = w * static_cast<double>(step);
      if (length < kGlyph - 2) continue;
      for (std::size_t i = first; i < last; i += step) body += use_glyph(outcome, x + w * static_cast<double>(i) + length / 2 - 0.5, y + h / 2 - 0.5);
    }
  }

  struct Run { std::size_t first, last; Outcome outcome; };  // [first, last)
  [[nodiscard]] std::vector<Run> runs(const std::vector<std::size_t>& verdicts) const {
    std::vector<Run> out;
    for (std::size_t i = 0; i < verdicts.size(); ++i) {
      if (verdicts[i] == Overview::npos) continue;
      const Outcome outcome = facts.results.verdicts[verdicts[i]].outcome;
      if (!out.empty() && out.back().last == i && out.back().outcome == outcome) ++out.back().last;
      else out.push_back({i, i + 1, outcome});
    }
    return out;
  }

  void legend(double x, double y) {
    std::vector<Look> shown;
    for (const Look& l : looks)
      for (const Verdict& v : facts.results.verdicts)
        if (v.outcome == l.outcome) { shown.push_back(l); break; }
    double at = x;
    for (const Look& l : shown) {
      const std::string text = fmt::format("{}: {}", l.word, l.meaning);
      const double w = 20 + text_width(text, 11) + 14;
      if (at > x && at + w > width) { at = x; y += 20; }
      body += fmt::format("<rect x='{}' y='{}' width='15' height='15' fill='{}' stroke='#666666' stroke-width='.6'/>", num(at), num(y), fill(l.outcome));
      body += use_glyph(l.outcome, at + 7.5, y + 7.5) + label(at + 20, y + 11.5, text, "start", " font-size='11'");
      at += w;
    }
    height = y + 20;
  }

  /// On the page the bare drawing; else a document of its own, with a margin, a heading, the hatchings and white paper.
  [[nodiscard]] std::string document(const std::string& what) const {
    const std::string head = fmt::format("<svg xmlns='http://www.w3.org/2000/svg' class='meso-svg' role='img' aria-label='{}' font-family='Helvetica, Arial, sans-serif' font-size='{}' fill='#222222'",
                                         escape_html(what), num(kFont));
    if (page) return head + fmt::format(" viewBox='0 0 {0} {1}' style='max-width:{2}px'>", num(width), num(height), num(1.15 * width)) + body + "</svg>";
    const Results& r = facts.results;
    const std::string title = r.title.empty() ? r.system : r.title;
    const std::string line = r.verdicts.empty() ? r.system : fmt::format("{}: against {}, within {} at {} % confidence", r.system, facts.reference(), facts.margin(), brief(100 * r.confidence, 6));
    const double side = 14, top = 52, w = width + 2 * side, h = height + top + 10;
    return head + fmt::format(" width='{0}' height='{1}' viewBox='{2} {3} {0} {1}'>", num(w), num(h), num(-side), num(-top)) + definitions() +
           fmt::format("<rect x='{}' y='{}' width='{}' height='{}' fill='#ffffff'/>", num(-side), num(-top), num(w), num(h)) +
           label(0, -30, fit(title, width, 15), "start", " font-size='15' font-weight='bold'") + label(0, -12, fit(line, width, 11), "start", " font-size='11' fill='#555555'") + body + "</svg>";
  }
};

/// Round values inside [lo, hi]: 1, 2, 5 times powers of ten; on a logarithmic axis over more than two decades powers alone.
std::vector<double> round_values(double lo, double hi, bool log, std::size_t about) {
  std::vector<double> out;
  if (log) {
    const double decades = std::log10(hi / lo);
    for (int e = static_cast<int>(std::floor(std::log10(lo))); e <= static_cast<int>(std::ceil(std::log10(hi))); ++e)
      for (const double m : {1.0, 2.0, 5.0}) {
        const double v = m * std::pow(10.0, e);
        if ((m == 1 || decades * 3 <= 1.5 * static_cast<double>(about)) && v >= lo * (1 - 1e-9) && v <= hi * (1 + 1e-9)) out.push_back(v);
      }
    if (out.size() >= 2) return out;
    out.clear();
  }
  const double raw = (hi - lo) / static_cast<double>(std::max<std::size_t>(about, 2));
  if (!(raw > 1e-12 * std::max(std::abs(lo), std::abs(hi))) || !std::isfinite(raw)) return {lo};  // steps too fine to count
  const double power = std::pow(10.0, std::floor(std::log10(raw)));
  const double step = power * (raw / power <= 1 ? 1 : raw / power <= 2 ? 2 : raw / power <= 5 ? 5 : 10);
  for (double k = std::ceil(lo / step - 1e-9); k * step <= hi + 1e-9 * std::abs(hi); ++k) out.push_back(k * step == 0 ? 0.0 : k * step);
  return out;
}

/// Position of a value among cells 0..n-1 (centres at i + 1/2), interpolated between its neighbours on the axis' scale:
/// true for even grids, and still monotone and exact at every point for uneven ones.
double cell_position(const SweepAxis& axis, double value) {
  const auto& x = axis.values;
  if (x.size() == 1) return 0.5;
  const auto scale = [&](double v) { return axis.log ? std::log(v) : v; };
  std::size_t i = static_cast<std::size_t>(std::upper_bound(x.begin(), x.end(), value) - x.begin());
  i = std::clamp<std::size_t>(i, 1, x.size() - 1);
  return static_cast<double>(i - 1) + 0.5 + (scale(value) - scale(x[i - 1])) / (scale(x[i]) - scale(x[i - 1]));
}

struct Tick { double position; std::string text; };  // position in cells

std::vector<Tick> axis_ticks(const SweepAxis& axis, double cell_width) {
  std::vector<Tick> ticks;
  double widest = 0;
  for (const double v : axis.values) widest = std::max(widest, text_width(brief(v, 3), 11));
  if (widest + 6 <= cell_width) {
    for (std::size_t i = 0; i < axis.values.size(); ++i) ticks.push_back({static_cast<double>(i) + 0.5, brief(axis.values[i], 3)});
    return ticks;
  }
  const auto about = static_cast<std::size_t>(std::max(2.0, cell_width * static_cast<double>(axis.values.size()) / 60));
  for (const double v : round_values(axis.values.front(), axis.values.back(), axis.log, about)) ticks.push_back({cell_position(axis, v), brief(v, 4)});
  return ticks;
}

void draw_x_axis(Canvas& c, const std::vector<Tick>& ticks, double x, double y, double w, const std::string& title, double total) {
  double free_from = -1e9;
  for (const Tick& t : ticks) {
    const double at = x + t.position * w, half = text_width(t.text, 11) / 2;
    c.body += fmt::format("<path d='M{} {}v4' stroke='#444444'/>", num(at), num(y));
    if (at - half < free_from) continue;
    c.body += label(at, y + 15, t.text, "middle", " font-size='11'");
    free_from = at + half + 6;
  }
  c.body += label(x + total / 2, y + 31, fit(title, total + 60), "middle", " class='axis-title'");
}

void draw_rows(Canvas& c) {
  const Overview& f = c.facts;
  const std::size_t n = f.order.size();
  double label_width = 0, name_width = 0;
  for (const std::string& l : f.candidates) label_width = std::max(label_width, text_width(l, kFont) * 1.06);  // bold
  for (const std::string& o : f.observables) name_width = std::max(name_width, text_width(o, kFont));
  label_width = std::min(label_width, 170.0);
  name_width = std::min(name_width, 170.0);
  const double left = label_width + 10 + name_width + 8;
  const double w = std::min(70.0, (kPage - left - 14) / static_cast<double>(n)), plot = w * static_cast<double>(n);
  const double h = f.candidates.size() * f.observables.size() > 40 ? 16 : 22;
  c.width = std::max(left + plot + 14, 620.0);
  double y = 4;
  for (std::size_t l = 0; l < f.candidates.size(); ++l) {
    c.body += label(0, y + h / 2 + 4, fit(f.candidates[l], label_width / 1.06), "start", " font-weight='bold'");
    for (std::size_t o = 0; o < f.observables.size(); ++o) {
      if (!f.judged(f.candidates[l], f.observables[o])) continue;
      c.body += label(left - 8, y + h / 2 + 4, fit(f.observables[o], name_width), "end");
      std::vector<std::size_t> row;
      for (const std::size_t p : f.order) row.push_back(f.verdict_index(p, l, o));
      c.row(row, left, y, w, h);
      y += h;
    }
    y += 6;
  }
  y -= 4;
  c.body += fmt::format("<path d='M{} {}h{}' stroke='#444444'/>", num(left), num(y), num(plot));
  if (f.layout == Layout::line) {
    const SweepAxis& axis = f.axes[0];
    // A value may occur at several points (other things differ): then cells are no longer values.
    if (axis.values.size() == n) {
      draw_x_axis(c, axis_ticks(axis, w), left, y, w, with_unit(axis.name, axis.unit), plot);
      c.legend(0, y + 44);
      return;
    }
  }
  std::vector<Tick> ticks;
  for (std::size_t i = 0; i < n; ++i) ticks.push_back({static_cast<double>(i) + 0.5, std::to_string(f.order[i] + 1)});
  draw_x_axis(c, ticks, left, y, w, "point of the sweep (number)", plot);
  c.legend(0, y + 44);
}

void draw_grid(Canvas& c) {
  const Overview& f = c.facts;
  const SweepAxis &ax = f.axes[0], &ay = f.axes[1];
  const double nx = static_cast<double>(ax.values.size()), ny = static_cast<double>(ay.values.size());
  const std::size_t panels = f.candidates.size() * f.observables.size();
  // One column a level where they fit, else as many as fit.
  std::size_t columns = f.candidates.size() <= 4 ? f.candidates.size() : 4;
  const bool aligned = f.candidates.size() <= 4;
  const double outer = std::min(460.0, kPage / static_cast<double>(columns));
  double tick_width = 0;
  for (const Tick& t : axis_ticks(ay, 30)) tick_width = std::max(tick_width, text_width(t.text, 11));
  for (const double v : ay.values) tick_width = std::max(tick_width, text_width(brief(v, 3), 11));
  const double left = tick_width + 28, plot_w = outer - left - 18, plot_h = std::clamp(plot_w * ny / nx, 90.0, 230.0);
  const double w = plot_w / nx, h = plot_h / ny, panel_h = 22 + plot_h + 48;
  c.width = outer * static_cast<double>(columns);
  std::vector<std::vector<std::size_t>> at(ay.values.size(), std::vector<std::size_t>(ax.values.size(), Overview::npos));
  for (std::size_t p = 0; p < f.cell.size(); ++p) at[f.cell[p][1]][f.cell[p][0]] = p;
  double bottom = 0;
  for (std::size_t k = 0; k < panels; ++k) {
    // Aligned: rows are observables, columns are levels.
    const std::size_t l = aligned ? k % columns : k / f.observables.size(), o = aligned ? k / columns : k % f.observables.size();
    const double x = outer * static_cast<double>(k % columns) + left, y = panel_h * static_cast<double>(k / columns) + 22;
    c.body += label(x, y - 7, fit(f.candidates[l] + "  " + f.observables[o], plot_w + 14), "start", " font-weight='bold'");
    for (std::size_t j = 0; j < ay.values.size(); ++j) {
      std::vector<std::size_t> row;
      for (std::size_t i = 0; i < ax.values.size(); ++i) row.push_back(at[j][i] == Overview::npos ? Overview::npos : f.verdict_index(at[j][i], l, o));
      c.row(row, x, y + plot_h - h * static_cast<double>(j + 1), w, h);
    }
    c.body += fmt::format("<path d='M{} {}v{}h{}' fill='none' stroke='#444444'/>", num(x - 1), num(y), num(plot_h + 1), num(plot_w + 1));
    draw_x_axis(c, axis_ticks(ax, w), x, y + plot_h + 1, w, with_unit(ax.name, ax.unit), plot_w);
    double free_below = 1e9;
    for (const Tick& t : axis_ticks(ay, h >= 13 ? 1e3 : 30)) {
      const double ty = y + plot_h - t.position * h;
      if (ty + 7 > free_below) continue;
      c.body += fmt::format("<path d='M{} {}h-4' stroke='#444444'/>", num(x - 1), num(ty)) + label(x - 7, ty + 4, t.text, "end", " font-size='11'");
      free_below = ty - 6;
    }
    const double tx = x - tick_width - 14, ty = y + plot_h / 2;
    c.body += label(tx, ty, fit(with_unit(ay.name, ay.unit), plot_h + 24), "middle", fmt::format(" class='axis-title' transform='rotate(-90 {} {})'", num(tx), num(ty)));
    bottom = y + plot_h + 40;
  }
  c.legend(0, bottom + 6);
}

void draw_matrix(Canvas& c) {
  const Overview& f = c.facts;
  double label_width = 0;
  for (const std::string& l : f.candidates) label_width = std::max(label_width, text_width(l, kFont) * 1.06);
  label_width = std::min(label_width, 200.0);
  const double left = label_width + 10, n = static_cast<double>(f.observables.size());
  const double w = std::min(190.0, (kPage - left - 4) / n), h = 30;
  c.width = std::max(left + w * n + 4, 620.0);
  for (std::size_t o = 0; o < f.observables.size(); ++o)
    c.body += label(left + w * (static_cast<double>(o) + 0.5), 14, fit(f.observables[o], w - 6), "middle", " font-weight='bold'");
  double y = 22;
  for (std::size_t l = 0; l < f.candidates.size(); ++l) {
    c.body += label(0, y + 19, fit(f.candidates[l], label_width / 1.06), "start", " font-weight='bold'");
    for (std::size_t o = 0; o < f.observables.size(); ++o) {
      const std::size_t index = f.verdict_index(0, l, o);
      if (index == Overview::npos) continue;
      const Verdict& v = f.results.verdicts[index];
      const double x = left + w * static_cast<double>(o);
      c.cell(index, x, y, w, h);
      const std::string word = to_text(v.outcome), range = v.outcome == Outcome::broken ? "" : interval(v);
      const std::string text = range.empty() || text_width(word + "  " + range, kFont) > w - 46 ? word : word + "  " + range;
      if (text_width(text, kFont) > w - 46) {
        c.body += use_glyph(v.outcome, x + w / 2, y + h / 2 - 0.5);
      } else {
        // A plain plate under the text: hatching and small letters do not go together.
        const double tw = text_width(text, kFont) + 4;
        c.body += use_glyph(v.outcome, x + 15, y + h / 2 - 0.5);
        c.body += fmt::format("<rect x='{}' y='{}' width='{}' height='18' rx='3' fill='#ffffff' pointer-events='none'/>", num(x + 28), num(y + 5.5), num(tw + 8));
        c.body += label(x + 34, y + 19, text, "start", " pointer-events='none'");
      }
    }
    y += h;
  }
  c.body += label(left, y + 14, "[low, high]: discrepancy in units of the margin at its worst point", "start", " font-size='11' fill='#555555'");
  c.legend(0, y + 26);
}

/// An axis true to scale, for sweeps whose points were chosen where verdicts change.
struct TrueAxis {
  const SweepAxis& axis;
  double from, length;  ///< place of the first value, and how long the axis is (negative: upwards)
  [[nodiscard]] double scale(double v) const { return axis.log ? std::log(v) : v; }
  [[nodiscard]] double at(double v) const {
    const double lo = scale(axis.values.front()), hi = scale(axis.values.back());
    return from + length * (hi > lo ? (scale(v) - lo) / (hi - lo) : 0.5);
  }
  /// Half-way between two values on the axis.
  [[nodiscard]] double between(double a, double b) const { return 0.5 * (at(a) + at(b)); }
};

bool refined(const Results& r) {
  return std::any_of(r.edges.begin(), r.edges.end(), [](const Edge& edge) { return edge.refined; });
}

/// The first mean of the reference that every point gives as one number, by point; empty name: none.
std::string reference_mean(const Overview& f, std::vector<std::pair<double, double>>& curve) {
  for (const std::string& name : f.observables) {
    if (!name.ends_with(".mean")) continue;
    curve.clear();
    for (const std::size_t p : f.order) {
      const LevelResult* reference = f.results.points[p].reference();
      const Estimate* e = reference ? reference->answer.find(name) : nullptr;
      if (!e || e->value.size() != 1 || !std::isfinite(e->value[0])) break;
      curve.emplace_back(as_number(f.results.points[p].parameters.at(f.axes[0].name)), e->value[0]);
    }
    if (curve.size() == f.order.size()) return name;
  }
  return "";
}

/// Ranges of equal verdict along one parameter, true to scale: every point's outcome reaches half-way to its neighbours, edges carry their values.
void draw_ranges(Canvas& c) {
  const Overview& f = c.facts;
  const SweepAxis& axis = f.axes[0];
  double label_width = 0, name_width = 0;
  for (const std::string& l : f.candidates) label_width = std::max(label_width, text_width(l, kFont) * 1.06);
  for (const std::string& o : f.observables) name_width = std::max(name_width, text_width(o, kFont));
  label_width = std::min(label_width, 170.0);
  name_width = std::min(name_width, 170.0);
  const double left = label_width + 10 + name_width + 8, plot = kPage - left - 24, strip = 18;
  const TrueAxis x{axis, left, plot};
  double y = 4;
  for (std::size_t l = 0; l < f.candidates.size(); ++l)
    for (std::size_t o = 0; o < f.observables.size(); ++o) {
      const std::string &level = f.candidates[l], &observable = f.observables[o];
      if (!f.judged(level, observable)) continue;
      double free_from = left - 20;
      for (const Edge& edge : f.results.edges) {  // values of the edges above the strip
        if (edge.label != level || edge.observable != observable) continue;
        const std::string text = brief(0.5 * (edge.low + edge.high), edge.refined ? 4 : 2);
        const double at = x.between(edge.low, edge.high), half = text_width(text, 11) / 2;
        if (at - half < free_from) continue;
        c.body += label(at, y + 10, text, "middle", " font-size='11' fill='#333333'");
        free_from = at + half + 5;
      }
      y += 14;
      c.body += label(0, y + strip / 2 + 4, fit(level, label_width / 1.06), "start", " font-weight='bold'");
      c.body += label(left - 8, y + strip / 2 + 4, fit(observable, name_width), "end");
      struct Part { double from, to; Outcome outcome; };
      std::vector<Part> parts;
      for (std::size_t i = 0; i < f.order.size(); ++i) {
        const std::size_t index = f.verdict_index(f.order[i], l, o);
        if (index == Overview::npos) continue;
        const double v = axis.values[i];
        const double from = i == 0 ? x.at(v) : x.between(axis.values[i - 1], v), to = i + 1 == f.order.size() ? x.at(v) : x.between(v, axis.values[i + 1]);
        const Outcome outcome = f.results.verdicts[index].outcome;
        if (!parts.empty() && parts.back().outcome == outcome && std::abs(parts.back().to - from) < 1e-6) parts.back().to = to;
        else parts.push_back({from, to, outcome});
        c.body += fmt::format("<rect x='{}' y='{}' width='{}' height='{}' fill='none' pointer-events='all'", num(from), num(y), num(std::max(to - from, 0.01)), num(strip));
        if (c.page) c.body += fmt::format(" data-v='{}'/>", index);
        else c.body += "><title>" + escape_html(tooltip(f, f.results.verdicts[index])) + "</title></rect>";
      }
      for (const Part& part : parts) {
        c.body += fmt::format("<rect x='{}' y='{}' width='{}' height='{}' fill='{}' stroke='#444444' stroke-width='.6' pointer-events='none'/>", num(part.from), num(y), num(part.to - part.from), num(strip), fill(part.outcome));
        if (part.to - part.from >= kGlyph) c.body += use_glyph(part.outcome, 0.5 * (part.from + part.to), y + strip / 2);
      }
      y += strip + 4;
    }
  y += 2;
  c.body += fmt::format("<path d='M{} {}h{}' stroke='#444444'/>", num(left), num(y), num(plot));
  const auto ticks = [&](const std::vector<double>& values, const std::function<std::string(double)>& text, double height, const std::string& title) {
    double free_from = -1e9;
    for (const double v : values) {
      const std::string said = text(v);
      const double at = x.at(v), half = text_width(said, 11) / 2;
      c.body += fmt::format("<path d='M{} {}v4' stroke='#444444'/>", num(at), num(height));
      if (at - half < free_from || at + half > kPage) continue;
      c.body += label(at, height + 15, said, "middle", " font-size='11'");
      free_from = at + half + 8;
    }
    c.body += label(left + plot / 2, height + 31, title, "middle", " class='axis-title'");
  };
  const std::vector<double> values = round_values(axis.values.front(), axis.values.back(), axis.log, 12);
  ticks(values, [](double v) { return brief(v, 4); }, y, with_unit(axis.name, axis.unit));
  y += 44;
  std::vector<std::pair<double, double>> curve;
  if (const std::string mean = reference_mean(f, curve); !mean.empty()) {  // the same axis, told in exact means
    c.body += fmt::format("<path d='M{} {}h{}' stroke='#444444'/>", num(left), num(y), num(plot));
    const auto exact_mean = [&](double v) {
      std::size_t i = 1;
      while (i + 1 < curve.size() && curve[i].first < v) ++i;
      const auto [a, fa] = curve[i - 1];
      const auto [b, fb] = curve[i];
      return brief(fa + (fb - fa) * std::clamp((x.scale(v) - x.scale(a)) / (x.scale(b) - x.scale(a)), 0.0, 1.0), 3);
    };
    ticks(values, exact_mean, y, fmt::format("{} of {} at that {} ({})", mean, f.reference(), axis.name, f.unit_of_observable(mean).empty() ? "dimensionless" : f.unit_of_observable(mean)));
    y += 44;
  }
  c.width = kPage;
  c.legend(0, y);
}

/// Two parameters, the second refined: columns of equal width for the first, each divided true to scale.
void draw_range_columns(Canvas& c) {
  const Overview& f = c.facts;
  const SweepAxis &ax = f.axes[0], &ay = f.axes[1];
  const std::size_t columns = std::min<std::size_t>(f.candidates.size(), 4), panels = f.candidates.size() * f.observables.size();
  const bool aligned = f.candidates.size() <= 4;
  const double outer = std::min(460.0, kPage / static_cast<double>(columns));
  double tick_width = 0;
  const std::vector<double> values = round_values(ay.values.front(), ay.values.back(), ay.log, 7);
  for (const double v : values) tick_width = std::max(tick_width, text_width(brief(v, 3), 11));
  const double left = tick_width + 28, plot_w = outer - left - 18, plot_h = 220, w = plot_w / static_cast<double>(ax.values.size()), panel_h = 22 + plot_h + 48;
  c.width = outer * static_cast<double>(columns);
  std::map<double, std::vector<std::pair<double, std::size_t>>> lines;  // first parameter -> (second, point)
  for (std::size_t p = 0; p < f.results.points.size(); ++p)
    lines[as_number(f.results.points[p].parameters.at(ax.name))].emplace_back(as_number(f.results.points[p].parameters.at(ay.name)), p);
  for (auto& [value, line] : lines) std::sort(line.begin(), line.end());
  double bottom = 0;
  for (std::size_t k = 0; k < panels; ++k) {
    const std::size_t l = aligned ? k % columns : k / f.observables.size(), o = aligned ? k / columns : k % f.observables.size();
    const double x = outer * static_cast<double>(k % columns) + left, y = panel_h * static_cast<double>(k / columns) + 22;
    const TrueAxis up{ay, y + plot_h, -plot_h};
    c.body += label(x, y - 7, fit(f.candidates[l] + "  " + f.observables[o], plot_w + 14), "start", " font-weight='bold'");
    std::size_t column = 0;
    for (const auto& [value, line] : lines) {
      const double cx = x + w * static_cast<double>(column++);
      for (std::size_t i = 0; i < line.size(); ++i) {
        const std::size_t index = f.verdict_index(line[i].second, l, o);
        if (index == Overview::npos) continue;
        const double low = i == 0 ? up.at(line[i].first) : up.between(line[i - 1].first, line[i].first), high = i + 1 == line.size() ? up.at(line[i].first) : up.between(line[i].first, line[i + 1].first);
        c.body += fmt::format("<rect x='{}' y='{}' width='{}' height='{}' fill='{}'", num(cx), num(high), num(w > 4 ? w - 1 : w), num(std::max(low - high, 0.01)), fill(f.results.verdicts[index].outcome));
        if (c.page) c.body += fmt::format(" data-v='{}'/>", index);
        else c.body += "><title>" + escape_html(tooltip(f, f.results.verdicts[index])) + "</title></rect>";
      }
    }
    c.body += fmt::format("<path d='M{} {}v{}h{}' fill='none' stroke='#444444'/>", num(x - 1), num(y), num(plot_h + 1), num(plot_w + 1));
    draw_x_axis(c, axis_ticks(ax, w), x, y + plot_h + 1, w, with_unit(ax.name, ax.unit), plot_w);
    double free_below = 1e9;
    for (const double v : values) {
      const double ty = up.at(v);
      if (ty + 7 > free_below) continue;
      c.body += fmt::format("<path d='M{} {}h-4' stroke='#444444'/>", num(x - 1), num(ty)) + label(x - 7, ty + 4, brief(v, 3), "end", " font-size='11'");
      free_below = ty - 6;
    }
    const double tx = x - tick_width - 14, ty = y + plot_h / 2;
    c.body += label(tx, ty, fit(with_unit(ay.name, ay.unit), plot_h + 24), "middle", fmt::format(" class='axis-title' transform='rotate(-90 {} {})'", num(tx), num(ty)));
    bottom = y + plot_h + 40;
  }
  c.legend(0, bottom + 6);
}

Canvas draw_map(const Overview& facts, bool page) {
  Canvas canvas{facts, page, {}, kPage, 0};
  if (facts.results.verdicts.empty() || facts.results.points.empty()) {
    canvas.body = label(0, 16, "No comparison was asked: there are no verdicts to show.");
    canvas.height = 24;
  } else if (refined(facts.results) && facts.axes.size() == 1 && facts.axes[0].values.size() == facts.order.size()) {
    draw_ranges(canvas);
  } else if (refined(facts.results) && facts.axes.size() == 2) {
    draw_range_columns(canvas);
  } else if (facts.layout == Layout::single) {
    draw_matrix(canvas);
  } else if (facts.layout == Layout::grid) {
    draw_grid(canvas);
  } else {
    draw_rows(canvas);
  }
  return canvas;
}

/// A level of the ladder as it is drawn.
struct Rung_ {
  std::string label, approximation;
  const LevelInfo* info = nullptr;  // null: a parent that was not asked
  bool is_reference = false;
  std::vector<std::size_t> children;
  bool has_parent = false;
};

std::vector<Rung_> rungs(const Results& r) {
  std::vector<Rung_> nodes;
  std::map<std::string, std::size_t> by_name;  // first node of a level's name carries its children
  for (const PointResult& point : r.points)
    for (const LevelResult& level : point.levels) {
      const auto known = std::find_if(nodes.begin(), nodes.end(), [&](const Rung_& n) { return n.label == level.label; });
      if (known != nodes.end()) {
        known->is_reference = known->is_reference || level.is_reference;
        continue;
      }
      by_name.try_emplace(level.info.name, nodes.size());
      nodes.push_back({level.label, level.info.approximation, &level.info, level.is_reference, {}, false});
    }
  const std::size_t asked = nodes.size();
  for (std::size_t i = 0; i < asked; ++i) {
    const std::string parent = nodes[i].info->parent;
    if (parent.empty() || parent == nodes[i].info->name) continue;
    if (by_name.try_emplace(parent, nodes.size()).second) nodes.push_back({parent, "", nullptr, false, {}, false});
    // A cycle cannot be drawn: the edge that would close it is left out.
    const std::size_t p = by_name[parent];
    const auto below = [&](auto&& self, std::size_t from) -> bool {
      if (from == p) return true;
      for (const std::size_t child : nodes[from].children)
        if (self(self, child)) return true;
      return false;
    };
    if (below(below, i)) continue;
    nodes[p].children.push_back(i);
    nodes[i].has_parent = true;
  }
  return nodes;
}

Canvas draw_ladder(const Overview& facts, bool page) {
  Canvas c{facts, page, {}, kPage, 0};
  const std::vector<Rung_> nodes = rungs(facts.results);
  const double indent = 34, box_h = 24;
  double y = 4, right = 0;
  // Draws a node whose box begins at height y and returns the height of the box's middle.
  const auto draw = [&](auto&& self, std::size_t i, double x) -> double {
    const Rung_& node = nodes[i];
    std::map<int, std::pair<Outcome, std::vector<std::string>>, std::greater<>> findings;
    bool judged = false;
    Outcome worst = Outcome::absent;
    for (const std::string& name : facts.observables) {
      bool seen = false;
      Outcome here = Outcome::absent;
      for (std::size_t p = 0; p < facts.results.points.size(); ++p)
        if (const Verdict* v = facts.verdict(p, node.label, name)) {
          if (!seen || badness(v->outcome) > badness(here)) here = v->outcome;
          seen = true;
        }
      if (!seen) continue;
      if (!judged || badness(here) > badness(worst)) worst = here;
      judged = true;
      auto& entry = findings[badness(here)];
      entry.first = here;
      entry.second.push_back(name);
    }
    const double middle = y + box_h / 2, w = text_width(node.label, kFont) * 1.08 + (judged ? 40 : 20);
    if (judged) {
      c.body += fmt::format("<rect x='{}' y='{}' width='{}' height='{}' rx='4' fill='#ffffff' stroke='#333333' stroke-width='1.2'/>", num(x), num(y), num(w), num(box_h));
      c.body += fmt::format("<path d='M{0} {1}h{2}v{3}h-{2}q-4 0-4-4v-{4}q0-4 4-4z' fill='{5}' stroke='#333333' stroke-width='1.2'/>", num(x + 4), num(y), 18, num(box_h),
                            num(box_h - 8), fill(worst));
      c.body += use_glyph(worst, x + 11, middle) + label(x + 30, middle + 4, node.label, "start", " font-weight='bold'");
    } else {
      c.body += fmt::format("<rect x='{}' y='{}' width='{}' height='{}' rx='4' fill='{}' stroke='#333333' stroke-width='{}'{}/>", num(x), num(y), num(w), num(box_h),
                            node.is_reference ? "#e8eef5" : "#ffffff", node.is_reference ? "2" : "1", node.info == nullptr ? " stroke-dasharray='4 3'" : "");
      c.body += label(x + 10, middle + 4, node.label, "start", node.info == nullptr ? " fill='#555555'" : " font-weight='bold'");
    }
    std::vector<std::string> said;
    if (node.is_reference) said.push_back(facts.references.size() > 1 ? "a reference" : "the reference");
    if (node.info == nullptr) said.push_back("not asked in this study");
    else if (!node.is_reference && !judged) said.push_back("not judged");
    for (const auto& [bad, entry] : findings) said.push_back(fmt::format("{}{} {}", facts.results.points.size() > 1 ? "worst: " : "", to_text(entry.first), join(entry.second)));
    const std::vector<std::string> lines = wrap(join(said, "; "), static_cast<std::size_t>(std::max(24.0, (kPage - x - w - 16) / 6.4)));
    double ty = middle + 4;
    for (const std::string& line : lines) {
      c.body += label(x + w + 10, ty, line, "start", " fill='#333333'");
      right = std::max(right, x + w + 10 + text_width(line, kFont));
      ty += 15;
    }
    y = std::max(y + box_h, ty - 8);
    double last_child = 0;
    for (const std::size_t child : node.children) {
      y += 5;
      const double text_x = x + indent;
      std::string why = nodes[child].approximation.empty() ? "approximation not stated" : nodes[child].approximation;
      const LevelInfo& info = *nodes[child].info;
      if (!info.small_parameter.empty())
        why += fmt::format(" (small parameter {}{})", info.small_parameter, info.expected_order > 0 ? ", expected order " + brief(info.expected_order, 3) : "");
      for (const std::string& line : wrap(why, static_cast<std::size_t>((kPage - text_x) / 6.2))) {
        c.body += label(text_x, y + 12, line, "start", " font-style='italic' fill='#333333'");
        right = std::max(right, text_x + text_width(line, kFont));
        y += 15;
      }
      y += 4;
      last_child = self(self, child, x + indent);
      c.body += fmt::format("<path d='M{} {}h{}m-5-3.5l5 3.5l-5 3.5' fill='none' stroke='#333333' stroke-width='1.3'/>", num(x + 14), num(last_child), num(indent - 15));
    }
    if (!node.children.empty()) c.body += fmt::format("<path d='M{} {}V{}' stroke='#333333' stroke-width='1.3'/>", num(x + 14), num(middle + box_h / 2), num(last_child));
    return middle;
  };
  for (std::size_t i = 0; i < nodes.size(); ++i)
    if (!nodes[i].has_parent) {
      draw(draw, i, 2);
      y += 12;
    }
  c.width = std::clamp(right + 10, 480.0, kPage);
  c.height = std::max(y, 24.0);
  return c;
}

}  // namespace

std::string map_element(const Overview& facts) { return draw_map(facts, true).document("Verdict map"); }
std::string ladder_element(const Overview& facts) { return draw_ladder(facts, true).document("Ladder of levels"); }

std::string pattern_definitions() {
  return "<svg width='0' height='0' style='position:absolute' aria-hidden='true'>" + definitions() + "</svg>";
}

std::string swatch(Outcome outcome) {
  return fmt::format("<svg class='swatch' width='16' height='16' viewBox='0 0 16 16' aria-hidden='true'><rect x='.5' y='.5' width='15' height='15' fill='{}' stroke='#666'/>{}</svg>",
                     fill(outcome), use_glyph(outcome, 8, 8));
}

}  // namespace report

std::string verdict_map_svg(const Results& results) {
  const report::Overview facts(results);
  return report::draw_map(facts, false).document("Verdict map of " + (results.title.empty() ? results.system : results.title));
}

std::string ladder_svg(const Results& results) {
  const report::Overview facts(results);
  return report::draw_ladder(facts, false).document("Ladder of levels of " + results.system);
}

}  // namespace meso
