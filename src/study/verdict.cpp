#include "study/verdict.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/text.h"
#include "stat/quantile.h"

namespace meso {
namespace {

constexpr double nan_value = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double skewness_limit = 0.3;  // |q|^3 |skewness| / (6 sqrt n): the leading Edgeworth term relative to the tail

bool touches(const Flag& flag, const std::string& observable) { return flag.observable.empty() || flag.observable == observable; }

const Flag* fatal_flag(const Answer& answer, const std::string& observable) {
  for (const Flag& flag : answer.flags)
    if (flag.fatal && touches(flag, observable)) return &flag;
  return nullptr;
}

const Flag* flag_of(const Answer& answer, const std::string& observable, const std::string& kind) {
  for (const Flag& flag : answer.flags)
    if (flag.kind == kind && touches(flag, observable)) return &flag;
  return nullptr;
}

/// Coordinates of element i, by axis name.
std::map<std::string, double> coordinates(const Estimate& estimate, std::size_t i) {
  std::map<std::string, double> where;
  for (std::size_t a = estimate.axes.size(); a-- > 0;) {
    const std::size_t length = estimate.axes[a].points.size();
    where[estimate.axes[a].name] = estimate.axes[a].points[i % length];
    i /= length;
  }
  return where;
}

/// Statistics of the difference at one point.
struct Point {
  double difference = 0, bound = 0, se = 0, dof = infinity;
  double skewness_term = 0;   // sum |skewness| (se_i / se)^3 / sqrt(n_i): multiply by q^3 / 6
  std::uint64_t n = 0;        // trajectories of the sampled side with the larger error, of those that more trajectories would make better
  double fixed_se = 0;        // the part of se that no trajectory of ours makes smaller: measured elsewhere
  double fixed_agree = 0, fixed_disagree = 0;  // half-widths that replace q * se (exact binomial bound)
  bool no_variation = false;  // unbounded signal without variation: nothing can be said
  bool exact = false;
};

double half_width(const Point& p, double quantile, bool agree) { return quantile * p.se + (agree ? p.fixed_agree : p.fixed_disagree); }

/// Adds one side's sampling error to the point.
void add_side(Point& p, const Estimate& e, std::size_t i, double alpha_agree, double alpha_disagree) {
  if (e.samples == 0) return;
  const bool flat = !e.no_variation.empty() && e.no_variation[i] != 0 && !e.is_exact(i);
  if (flat) {
    const double range = e.signal_range.empty() ? infinity : e.signal_range[i];
    if (!std::isfinite(range)) {
      p.no_variation = true;
      p.n = std::max(p.n, e.samples);
      return;
    }
    p.fixed_agree += no_variation_bound(range, e.samples, alpha_agree);
    p.fixed_disagree += no_variation_bound(range, e.samples, alpha_disagree);
  }
}

/// @param fixed_c, fixed_r  whether a side's errors are given with it and not of trajectories that the study runs
Point point_at(const Estimate& c, const Estimate& r, std::size_t i, bool fixed_c, bool fixed_r, double alpha_agree, double alpha_disagree) {
  Point p;
  p.difference = c.value[i] - r.value[i];
  p.bound = c.bound(i) + r.bound(i);
  p.exact = c.is_exact(i) && r.is_exact(i);
  const double sc = c.samples ? c.se(i) : 0.0, sr = r.samples ? r.se(i) : 0.0;
  const bool correlated = c.samples && r.samples && !c.stream.empty() && c.stream == r.stream;
  p.se = correlated ? sc + sr : std::hypot(sc, sr);
  if (sc > 0 && sr > 0) {
    if (correlated) p.dof = std::min(c.dof, r.dof);
    else  // Welch and Satterthwaite
      p.dof = std::pow(p.se, 4) / (std::pow(sc, 4) / c.dof + std::pow(sr, 4) / r.dof);
  } else {
    p.dof = sc > 0 ? c.dof : sr > 0 ? r.dof : infinity;
  }
  add_side(p, c, i, alpha_agree, alpha_disagree);
  add_side(p, r, i, alpha_agree, alpha_disagree);
  const auto skewness = [&](const Estimate& e, double se) {
    if (!(se > 0) || !(p.se > 0) || e.skewness.empty() || e.is_exact(i)) return 0.0;
    return std::abs(e.skewness[i]) * std::pow(se / p.se, 3) / std::sqrt(static_cast<double>(e.samples));
  };
  p.skewness_term = skewness(c, sc) + skewness(r, sr);
  if (c.samples && !fixed_c && (sc >= sr || !r.samples || fixed_r)) p.n = c.samples;
  else if (r.samples && !fixed_r) p.n = r.samples;
  p.fixed_se = std::hypot(fixed_c ? sc : 0.0, fixed_r ? sr : 0.0);
  return p;
}

/// Peak of |value| of an observable over its points, with the error of that peak.
struct Peak {
  double value = 0, error = 0;
};

Peak peak_of(const Estimate& e, double alpha) {
  Peak peak;
  for (std::size_t i = 0; i < e.size(); ++i) {
    if (!(std::abs(e.value[i]) >= peak.value)) continue;
    peak.value = std::abs(e.value[i]);
    peak.error = e.bound(i);
    if (e.samples && e.se(i) > 0) peak.error += student_tail_quantile(alpha / 2, std::max(e.dof, 1.0)) * e.se(i);
  }
  return peak;
}

/// Scale of the entry with its error; nullopt if the reference does not give what the rule names.
std::optional<Peak> scale_of(const Answer& reference, const Estimate& own, const Scale& rule, double alpha) {
  const auto peak = [&](const std::string& name) -> std::optional<Peak> {
    const Estimate* e = name == own.observable ? &own : reference.find(name);
    if (!e) return std::nullopt;
    return peak_of(*e, alpha);
  };
  if (own.is_distribution) return Peak{1.0, 0.0};
  if (rule.kind == Scale::Kind::sqrt_product) {
    const auto a = peak(rule.of.at(0)), b = peak(rule.of.at(1));
    if (!a || !b) return std::nullopt;
    const double s = std::sqrt(a->value * b->value);
    return Peak{s, s > 0 ? 0.5 * s * (a->error / a->value + b->error / b->value) : 0.0};
  }
  const auto a = peak(rule.of.empty() ? own.observable : rule.of.front());
  if (!a) return std::nullopt;
  if (rule.kind == Scale::Kind::power) {
    const double s = std::pow(a->value, rule.power);
    return Peak{s, a->value > 0 ? rule.power * s * a->error / a->value : 0.0};
  }
  return a;
}

/// "X.mean" -> "X.variance".
std::string variance_name(const std::string& observable) {
  const auto dot = observable.rfind('.');
  return (dot == std::string::npos ? observable : observable.substr(0, dot)) + ".variance";
}

std::string at_text(const std::map<std::string, double>& where) {
  std::vector<std::string> parts;
  for (const auto& [name, value] : where) parts.push_back(name + " = " + brief(value));
  return parts.empty() ? "" : " at " + join(parts);
}

/// Common part of both kinds of entry, once the outcome's numbers are known.
struct Entry {
  double worst_high = -1, low_there = 0;  // the point with the largest upper end, and the lower end there
  double worst_low = -1, high_there = 0;  // the point with the largest lower end, and the upper end there
  std::map<std::string, double> where_high, where_low;

  void add(double low, double high, bool low_counts, const std::map<std::string, double>& where) {
    if (!(high <= worst_high)) {
      worst_high = high;
      low_there = low;
      where_high = where;
    }
    if (low_counts && low > worst_low) {
      worst_low = low;
      high_there = high;
      where_low = where;
    }
  }
};

/// Kolmogorov distance with Dvoretzky-Kiefer-Wolfowitz bands, over the union of two lattice supports, per outer point.
void judge_distribution(const Estimate& c, const Estimate& r, const Criterion& criterion, double alpha_agree, double alpha_disagree, Entry& entry,
                        std::string& problem) {
  const Axis &cs = c.axes.back(), &rs = r.axes.back();
  const std::size_t cw = cs.points.size(), rw = rs.points.size();
  if (cw == 0 || rw == 0 || c.size() / cw != r.size() / rw) {
    problem = "the two distributions are not on the same points";
    return;
  }
  const double margin = criterion.absolute + criterion.relative;
  const auto band = [&](double alpha) {
    return (c.samples ? dkw_band(c.samples, alpha / 2) : 0.0) + (r.samples ? dkw_band(r.samples, alpha / 2) : 0.0);
  };
  for (std::size_t i = 0; i < c.size() / cw; ++i) {
    double fc = 0, fr = 0, distance = 0, at = 0, bc = 0, br = 0;
    std::size_t a = 0, b = 0;
    while (a < cw || b < rw) {
      const double x = a < cw && (b >= rw || cs.points[a] <= rs.points[b]) ? cs.points[a] : rs.points[b];
      for (; a < cw && cs.points[a] <= x; ++a) {
        fc += c.value[i * cw + a];
        bc += c.bound(i * cw + a);
      }
      for (; b < rw && rs.points[b] <= x; ++b) {
        fr += r.value[i * rw + b];
        br += r.bound(i * rw + b);
      }
      if (std::abs(fc - fr) > distance) {
        distance = std::abs(fc - fr);
        at = x;
      }
    }
    auto where = coordinates(r, i * rw);
    where[rs.name] = at;
    const double high = (distance + band(alpha_agree) + bc + br) / margin, low = std::max(0.0, distance - band(alpha_disagree) - bc - br) / margin;
    entry.add(low, high, true, where);
  }
}

}  // namespace

double alpha_of(const Judgement& how) {
  const double alpha = (1.0 - how.confidence) / static_cast<double>(how.entries);
  return how.adaptive ? alpha / std::pow(2.0, how.look) : alpha;
}

std::vector<std::string> needed_for(const ObservableInfo& observable, const Criterion& criterion) {
  std::vector<std::string> names = observable.scale.of;
  if (criterion.relative_to == Criterion::RelativeTo::sd) names.push_back(variance_name(observable.name));
  return names;
}

Verdict judge(const LevelResult& candidate, const LevelResult& reference, const ObservableInfo& observable, const Judgement& how) {
  Verdict v;
  v.level = candidate.info.name;
  v.label = candidate.label;
  v.observable = observable.name;
  v.confidence = how.confidence;
  v.look = how.look;
  const Criterion& criterion = how.criterion;
  if (!(criterion.relative >= 0) || !(criterion.absolute >= 0) || !(criterion.relative + criterion.absolute > 0))
    throw StudyError(fmt::format("the margin of '{}' is zero: give a relative or an absolute margin above 0", observable.name));

  const auto ended = [&](Outcome outcome, std::string reason) {
    v.outcome = outcome;
    v.reason = std::move(reason);
    return v;
  };
  const Estimate* c = candidate.answer.find(observable.name);
  // A level that answers, but not this observable, lacks it; one that answers nothing may have broken down before it could.
  const Flag* broken = fatal_flag(candidate.answer, observable.name);
  if (broken && (c || candidate.answer.estimates.empty() || broken->observable == observable.name)) {
    v.where = broken->where;
    return ended(Outcome::broken, broken->text);
  }
  if (!c) return ended(Outcome::absent, fmt::format("'{}' does not give {}", candidate.label, observable.name));
  const Estimate* r = reference.answer.find(observable.name);
  if (const Flag* flag = fatal_flag(reference.answer, observable.name))
    return ended(Outcome::undecided, fmt::format("no reference: '{}' broke down: {}", reference.label, flag->text));
  if (!r) return ended(Outcome::undecided, fmt::format("no reference: '{}' does not give {}", reference.label, observable.name));
  if (!c->is_distribution && (c->size() != r->size() || c->axes != r->axes))
    return ended(Outcome::undecided, fmt::format("no reference: '{}' and '{}' give {} on different points", candidate.label, reference.label, observable.name));

  // A ratio that has no value in the known initial state (Fano factor of no molecules) is no breakdown of either side.
  const auto undefined = [&](std::size_t i) { return !c->is_distribution && c->is_exact(i) && r->is_exact(i) && std::isnan(c->value[i]) && std::isnan(r->value[i]); };
  for (std::size_t i = 0; i < c->size(); ++i)
    if (!std::isfinite(c->value[i]) && !undefined(i)) {
      v.where = coordinates(*c, i);
      return ended(Outcome::broken, fmt::format("{} is not finite{}", observable.name, at_text(v.where)));
    }
  for (std::size_t i = 0; i < r->size(); ++i)
    if (!std::isfinite(r->value[i]) && (r->is_distribution || !undefined(i)))
      return ended(Outcome::undecided, fmt::format("no reference: {} of '{}' is not finite{}", observable.name, reference.label, at_text(coordinates(*r, i))));

  if (const Flag* flag = flag_of(reference.answer, observable.name, "bimodal")) v.remarks.push_back(flag->text);
  const auto has_bound = [](const Estimate& e) { return std::any_of(e.error_bound.begin(), e.error_bound.end(), [](double b) { return b > 0; }); };
  const bool estimated = (has_bound(*c) && c->bound_kind == BoundKind::estimated) || (has_bound(*r) && r->bound_kind == BoundKind::estimated);
  if (estimated) v.remarks.emplace_back("numerical error estimated");

  const double alpha_agree = alpha_of(how);
  const double points = static_cast<double>(std::max<std::size_t>(1, r->is_distribution ? r->size() / r->axes.back().points.size() : r->size()));
  const double alpha_disagree = alpha_agree / points;

  // Mixing: both values are shown by the flag's own text.
  for (const LevelResult* level : {&candidate, &reference})
    if (const Flag* flag = flag_of(level->answer, observable.name, "not-mixed")) return ended(Outcome::undecided, flag->text);

  Entry entry;
  double needed = 0, more_measurements = 0;
  // Errors that came with their level, or of a level that samples for itself: more trajectories of the study leave them as they are.
  const bool fixed_c = c->samples > 0 && candidate.samples == 0, fixed_r = r->samples > 0 && reference.samples == 0;
  std::string guard;  // why a point may not be decided by its quantile
  bool guard_everywhere_for_disagree = false;

  if (c->is_distribution != r->is_distribution)
    return ended(Outcome::undecided, fmt::format("no reference: only one of '{}' and '{}' gives {} as a distribution", candidate.label, reference.label, observable.name));
  if (r->is_distribution) {
    v.scale = 1;
    v.margin = criterion.absolute + criterion.relative;
    std::string problem;
    judge_distribution(*c, *r, criterion, alpha_agree, alpha_disagree, entry, problem);
    if (!problem.empty()) return ended(Outcome::undecided, problem);
    v.quantile = std::sqrt(std::log(2.0 / (alpha_agree / 2)) / 2.0);
    v.quantile_disagree = std::sqrt(std::log(2.0 / (alpha_disagree / 2)) / 2.0);
    const double sampled = static_cast<double>(std::max(c->samples, r->samples));
    if (sampled > 0) {
      const double distance = entry.worst_low;  // conservative: the part of the distance that is certain
      const double room = std::abs(1.0 - distance);
      const double band = entry.worst_high - distance;
      if (room > 0) needed = sampled * std::pow(band / room, 2);
    }
  } else {
    const auto scale = scale_of(reference.answer, *r, observable.scale, alpha_agree);
    if (!scale) return ended(Outcome::undecided, fmt::format("no scale: '{}' does not give {}", reference.label, join(observable.scale.of)));
    const Estimate* variance = nullptr;
    if (criterion.relative_to == Criterion::RelativeTo::sd) {
      variance = reference.answer.find(variance_name(observable.name));
      if (!variance || variance->size() != r->size())
        return ended(Outcome::undecided, fmt::format("no scale: '{}' does not give {} for relative-to = \"sd\"", reference.label, variance_name(observable.name)));
    }
    v.scale = scale->value;
    v.margin = criterion.absolute + criterion.relative * scale->value;

    double skewed_needed = 0, skewed_value = 0, needed_disagree = infinity;
    bool any_no_variation = false, disagree_somewhere = false;
    std::uint64_t flat_n = 0;
    for (std::size_t i = 0; i < r->size(); ++i) {
      if (undefined(i)) continue;
      const Point p = point_at(*c, *r, i, fixed_c, fixed_r, alpha_agree, alpha_disagree);
      Peak local = *scale;
      if (criterion.relative_to == Criterion::RelativeTo::value) {
        const double q = r->se(i) > 0 ? student_tail_quantile(alpha_agree / 2, std::max(r->dof, 1.0)) : 0.0;
        local = {std::abs(r->value[i]), q * r->se(i) + r->bound(i)};
      } else if (variance) {
        const double sd = std::sqrt(std::max(0.0, variance->value[i]));
        const double q = variance->se(i) > 0 ? student_tail_quantile(alpha_agree / 2, std::max(variance->dof, 1.0)) : 0.0;
        local = {sd, sd > 0 ? (q * variance->se(i) + variance->bound(i)) / (2 * sd) : 0.0};
      }
      const double margin_low = criterion.absolute + criterion.relative * std::max(0.0, local.value - local.error);
      const double margin_high = criterion.absolute + criterion.relative * (local.value + local.error);
      const double d = std::abs(p.difference);

      if (p.exact) {  // exact by construction on both sides: equal or wrong, no margin involved
        const double slack = 1e-12 * std::max(1.0, std::abs(r->value[i]));
        const double ratio = d <= slack ? 0.0 : infinity;
        entry.add(ratio, ratio, true, coordinates(*r, i));
        disagree_somewhere = disagree_somewhere || ratio > 1;
        continue;
      }
      if (p.no_variation) {
        any_no_variation = true;
        flat_n = std::max(flat_n, p.n);
        continue;
      }
      const double q_agree = p.se > 0 ? student_tail_quantile(alpha_agree / 2, std::max(p.dof, 1.0)) : 0.0;
      const double q_disagree = p.se > 0 ? student_tail_quantile(alpha_disagree / 2, std::max(p.dof, 1.0)) : 0.0;
      v.quantile = std::max(v.quantile, q_agree);
      v.quantile_disagree = std::max(v.quantile_disagree, q_disagree);
      if (!std::isfinite(p.se)) {  // one trajectory has no error
        guard = fmt::format("one trajectory has no error{}", at_text(coordinates(*r, i)));
        guard_everywhere_for_disagree = true;
        continue;
      }
      const double high = (d + half_width(p, q_agree, true) + p.bound) / margin_low;
      const double low = std::max(0.0, d - half_width(p, q_disagree, false) - p.bound) / margin_high;
      const bool skew_ok_agree = q_agree * q_agree * q_agree * p.skewness_term / 6 < skewness_limit;
      const bool skew_ok_disagree = q_disagree * q_disagree * q_disagree * p.skewness_term / 6 < skewness_limit;
      if (!skew_ok_agree && p.n > 0) {
        const double factor = q_agree * q_agree * q_agree * p.skewness_term / 6 / skewness_limit;
        if (static_cast<double>(p.n) * factor * factor > skewed_needed) {
          skewed_needed = static_cast<double>(p.n) * factor * factor;
          skewed_value = p.skewness_term * std::sqrt(static_cast<double>(p.n));
        }
      }
      entry.add(low, high, skew_ok_disagree || low <= 1, coordinates(*r, i));
      disagree_somewhere = disagree_somewhere || (low > 1 && skew_ok_disagree);
      // Trajectories that would decide this point. What is seen of d may be noise: up to two errors of it are not counted
      // against agreement. One clear point decides to disagree; all points must fit to agree.
      const double margin = criterion.absolute + criterion.relative * local.value, width_agree = half_width(p, q_agree, true), width_disagree = half_width(p, q_disagree, false);
      const double room_agree = margin - std::max(0.0, d - 2 * p.se) - p.bound, room_disagree = d - 2 * p.se - margin - p.bound;
      // Trajectories for a width of `room`: the fixed part f of the width stays, n shrinks the rest.
      const auto trajectories_for = [&](double width, double f, double room) { return room > f ? static_cast<double>(p.n) * std::max(1.0, (width * width - f * f) / (room * room - f * f)) : infinity; };
      const double fixed_agree = q_agree * p.fixed_se, fixed_disagree = q_disagree * p.fixed_se;
      if (p.n > 0 && room_disagree > fixed_disagree) needed_disagree = std::min(needed_disagree, trajectories_for(width_disagree, fixed_disagree, room_disagree));
      else if (p.n > 0 && room_agree > fixed_agree && width_agree > room_agree) needed = std::max(needed, trajectories_for(width_agree, fixed_agree, room_agree));
      else if (p.fixed_se > 0 && room_agree > 0 && fixed_agree >= room_agree) more_measurements = std::max(more_measurements, std::pow(fixed_agree / room_agree, 2));
    }
    if (std::isfinite(needed_disagree)) needed = needed_disagree;
    if (any_no_variation && !disagree_somewhere) guard = fmt::format("no variation seen in {} trajectories", with_commas(flat_n));
    else if (skewed_needed > 0 && !disagree_somewhere) {
      needed = std::max(needed, skewed_needed);
      guard = fmt::format("too few trajectories for this confidence (skewness {}), about {} needed", brief(skewed_value, 3), with_commas(static_cast<unsigned long long>(std::ceil(needed))));
    }
    if (guard_everywhere_for_disagree && disagree_somewhere) disagree_somewhere = false;
  }

  const bool disagrees = entry.worst_low > 1, agrees = entry.worst_high >= 0 && entry.worst_high <= 1;
  v.where = disagrees ? entry.where_low : entry.where_high;
  if (entry.worst_high >= 0) {
    v.low = disagrees ? entry.worst_low : entry.low_there;
    v.high = disagrees ? entry.high_there : entry.worst_high;
  }
  if (how.certified_only && estimated && (disagrees || agrees)) return ended(Outcome::undecided, "the numerical error is only estimated and the study demands certified bounds");
  if (disagrees && !guard_everywhere_for_disagree) return ended(Outcome::disagrees, "");
  if (!guard.empty()) {
    if (needed > 0) v.needed = std::ceil(needed);
    return ended(Outcome::undecided, guard);
  }
  if (agrees) return ended(Outcome::agrees, "");
  if (more_measurements > 0 || ((fixed_c || fixed_r) && candidate.samples == 0 && reference.samples == 0)) {
    const std::string whose = fixed_r ? reference.label : candidate.label;
    return ended(Outcome::undecided, more_measurements > 1 ? fmt::format("the errors of '{}' reach across the margin: about {} times as many measurements would decide", whose, brief(more_measurements, 2))
                                                           : fmt::format("the errors of '{}' reach across the margin: more measurements would decide", whose));
  }
  if (c->samples || r->samples) {  // sampling is the larger part, or may become so: twice as many at least
    needed = std::max(needed, 2.0 * static_cast<double>(std::max(c->samples, r->samples)));
    v.needed = std::ceil(needed);
    return ended(Outcome::undecided, fmt::format("needs about {} trajectories", with_commas(static_cast<unsigned long long>(*v.needed))));
  }
  return ended(Outcome::undecided, "the numerical error bound reaches across the margin: a tighter solver would decide");
}

}  // namespace meso
