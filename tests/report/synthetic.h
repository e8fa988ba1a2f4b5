// Results made by formula, with the shapes that studies have: what the page and the pictures are tested with. The numbers
// are plausible, not measured; every outcome, flag and kind of estimate occurs.
#pragma once

#include <cmath>
#include <string>
#include <vector>

#include "model/results.h"

namespace meso::synthetic {

inline Verdict judge(std::size_t point, const std::string& level, const std::string& label, const std::string& observable, double d, double half, double margin, double scale) {
  Verdict v;
  v.point = point;
  v.level = level;
  v.label = label;
  v.observable = observable;
  v.margin = margin;
  v.scale = scale;
  v.low = std::max(0.0, d - half) / margin;
  v.high = (d + half) / margin;
  v.quantile = 3.89;
  v.quantile_disagree = 4.75;
  v.outcome = v.high <= 1 ? Outcome::agrees : v.low > 1 ? Outcome::disagrees : Outcome::undecided;
  if (v.outcome == Outcome::undecided) {
    v.reason = "the interval crosses the margin";
    v.needed = 40000;
  }
  return v;
}

inline Verdict broken(std::size_t point, const std::string& level, const std::string& label, const std::string& observable, const std::string& reason) {
  Verdict v;
  v.point = point;
  v.level = level;
  v.label = label;
  v.observable = observable;
  v.outcome = Outcome::broken;
  v.quantile = 3.89;
  v.quantile_disagree = 4.75;
  v.reason = reason;
  return v;
}

inline LevelResult level(const std::string& name, const std::string& label, Rung rung, const std::string& parent, const std::string& approximation, std::uint64_t samples = 0) {
  LevelResult out;
  out.info.name = name;
  out.info.rung = rung;
  out.info.parent = parent;
  out.info.approximation = approximation;
  out.info.source = "van Kampen, Stochastic Processes in Physics and Chemistry, ch. X";
  out.label = label;
  out.samples = samples;
  out.info.sampled = samples > 0;
  return out;
}

inline Estimate estimate(const std::string& observable, const std::string& unit, std::vector<Axis> axes, std::vector<double> value, double relative_se, double bound, std::uint64_t samples) {
  Estimate e;
  e.observable = observable;
  e.unit = unit;
  e.axes = std::move(axes);
  e.value = std::move(value);
  for (const double v : e.value) {
    if (relative_se > 0) e.std_error.push_back(relative_se * std::abs(v));
    if (bound > 0) e.error_bound.push_back(bound);
  }
  e.samples = samples;
  return e;
}

inline ParameterInfo parameter(const std::string& name, const std::string& unit, const std::string& doc, double fallback) {
  ParameterInfo info;
  info.name = name;
  info.unit = unit;
  info.doc = doc;
  info.fallback = Value(fallback);
  return info;
}

inline void common(Results& r) {
  r.seed = 20261123;
  r.confidence = 0.99;
  r.provenance = {"0.1.0", "32a75fe", "GNU 12.2.0", "a machine", "2026-11-23T12:00:00Z", 2, 1, 31.5};
  r.study = "[study]\ntitle = \"" + r.title + "\"\nsystem = \"" + r.system + "\"\nseed = 20261123\n\n[compare]\nrelative = 0.05\nconfidence = 0.99\n";
  r.observables = {{"X.mean", "molecules", "mean copy number <x>"}, {"X.variance", "molecules^2", "population variance <x^2> - <x>^2"}};
  r.time_unit = "1";
}

/// Stationary Schlögl-like sweep: 40 volumes, four candidates, two observables against FSP.
inline Results stationary_sweep(std::size_t n = 40) {
  Results r;
  r.title = "Closures of the Schlögl model";
  r.system = "schlogl";
  r.system_title = "Schlögl model: bistable autocatalysis";
  r.kind = "sweep";
  common(r);
  r.sweep = {"volume"};
  r.parameters = {parameter("volume", "1", "size relative to the reference system", 10), parameter("k1", "1/s", "feeding", 5), parameter("k4", "1/s", "decay", 6.75)};
  r.notes = {"no conservation law"};
  for (std::size_t i = 0; i < n; ++i) {
    const double volume = 0.5 * std::pow(400.0, static_cast<double>(i) / static_cast<double>(n - 1)), mean = 3 * volume, variance = 5 * volume + 9 * volume * volume * std::exp(-volume / 40);
    PointResult p;
    p.parameters = {{"volume", volume}, {"k1", 5.0}, {"k4", 6.5}};
    LevelResult fsp = level("fsp", "fsp", Rung::master, "ssa", "none: the generator truncated to a finite set of states");
    fsp.is_reference = true;
    fsp.answer.why = "61 states";
    fsp.answer.estimates = {estimate("X.mean", "molecules", {}, {mean}, 0, 1e-6 * mean, 0), estimate("X.variance", "molecules^2", {}, {variance}, 0, 1e-5 * variance, 0)};
    p.levels.push_back(fsp);
    struct Candidate { const char *name, *label, *parent, *how; double mean_error, variance_error; };
    for (const Candidate& c : {Candidate{"lna", "lna", "fsp", "linearised around the rate equation; fluctuations are Gaussian of order volume^(-1/2)", 0.8, 2.0},
                               Candidate{"rate-equation", "rate-equation", "lna", "volume to infinity: no fluctuations", 0.8, NAN},
                               Candidate{"closure", "normal-2", "fsp", "third and higher cumulants set to zero", 0.3, 0.9},
                               Candidate{"closure", "normal-3", "fsp", "fourth and higher cumulants set to zero", 0.1, 0.5}}) {
      LevelResult l = level(c.name, c.label, Rung::moments, c.parent, c.how);
      l.info.small_parameter = "1/volume";
      l.info.expected_order = 1;
      const double dm = c.mean_error / volume * mean, dv = c.variance_error / volume * variance + 0.2 * variance * std::exp(-volume / 30);
      const bool breaks = std::string(c.label) == "normal-3" && volume < 1.2;
      const std::string why = "Var(X) = -4.7 < 0: the closed equations have no physical stationary state at this volume";
      l.answer.estimates.push_back(estimate("X.mean", "molecules", {}, {breaks ? NAN : mean + dm}, 0, 1e-8, 0));
      if (!std::isnan(c.variance_error)) l.answer.estimates.push_back(estimate("X.variance", "molecules^2", {}, {breaks ? NAN : variance - dv}, 0, 1e-8, 0));
      if (breaks) {
        l.answer.flags.push_back({"negative-variance", "", {}, why, true});
        r.verdicts.push_back(broken(i, c.name, c.label, "X.mean", why));
        r.verdicts.push_back(broken(i, c.name, c.label, "X.variance", why));
      } else {
        r.verdicts.push_back(judge(i, c.name, c.label, "X.mean", dm, 0.006 * mean, 0.05 * mean, mean));
        if (volume > 4 && volume < 60) r.verdicts.back().remarks = {"reference is bimodal (modes 4 and 29, slow time 45): a mean describes neither"};
        Verdict v = judge(i, c.name, c.label, "X.variance", dv, 0.01 * variance, 0.05 * variance, variance);
        if (std::isnan(c.variance_error)) {
          v = Verdict{};
          v.point = i;
          v.level = c.name;
          v.label = c.label;
          v.observable = "X.variance";
          v.outcome = Outcome::absent;
          v.reason = "rate-equation does not give X.variance";
        } else {
          v.remarks = {"numerical error estimated"};
        }
        r.verdicts.push_back(v);
      }
      if (std::string(c.label) == "lna" && volume > 8)
        l.answer.steady_states = {{{{"X.mean", mean + dm}, {"X.variance", variance - dv}}, true, true, true, {{-1, 0}}}, {{{"X.mean", 0.4 * mean}, {"X.variance", 0.3 * variance}}, false, true, true, {{-0.3, 0}}},
                                  {{{"X.mean", 0.7 * mean}}, false, false, true, {{0.3, 0}}}};
      p.levels.push_back(l);
    }
    r.points.push_back(p);
  }
  OrderFit fit{"lna", "X.mean", "1/volume", 1.02, 0.03, 1, {}, {}, {}, "order 1.02 +- 0.03 in 1/volume (expected 1)"};
  for (const double volume : {10.0, 20.0, 40.0, 80.0}) {
    fit.x.push_back(1 / volume);
    fit.difference.push_back(2.4 / volume);
    fit.difference_se.push_back(0.1 / volume);
  }
  r.orders = {fit};
  return r;
}

/// Adds what one point of a time course has: a sampled reference with sample paths and three candidates.
inline void add_time_course(Results& r, std::size_t point, double volume, double k) {
  const Axis t{"t", "1", [] { std::vector<double> x; for (int i = 0; i <= 40; ++i) x.push_back(0.5 * i); return x; }()};
  const std::uint64_t n = 16384;
  std::vector<double> mean, variance;
  for (const double x : t.points) {
    mean.push_back(volume * (3 - 2.5 * std::exp(-x / k)));
    variance.push_back(mean.back() * (1 + 2 * std::exp(-(x - 5) * (x - 5) / 8)));
  }
  PointResult p;
  p.parameters = {{"volume", volume}, {"k", k}};
  LevelResult ssa = level("ssa", "ssa", Rung::micro, "", "", n);
  ssa.is_reference = true;
  ssa.answer.estimates = {estimate("X.mean", "molecules", {t}, mean, 0.006, 0, n), estimate("X.variance", "molecules^2", {t}, variance, 0.02, 0, n)};
  for (std::uint64_t trajectory = 0; trajectory < 4; ++trajectory) {
    Path path{trajectory, "X", {}};
    for (std::size_t i = 0; i < mean.size(); ++i)
      path.value.push_back(std::max(0.0, std::round(mean[i] + std::sqrt(variance[i]) * std::sin(1.7 * static_cast<double>(i) + 2.1 * static_cast<double>(trajectory)))));
    ssa.answer.paths.push_back(path);
  }
  p.levels.push_back(ssa);
  const double peak_mean = 3 * volume, peak_variance = 6 * volume;
  for (const auto& [name, label, how, error] : {std::tuple{"lna", "lna", "linearised around the rate equation", 0.9}, std::tuple{"closure", "normal-2", "cumulants of order 3 and higher set to zero", 0.25}}) {
    LevelResult l = level(name, label, Rung::moments, "cle", how);
    std::vector<double> m = mean, v = variance;
    const bool breaks = std::string(label) == "normal-2" && volume < 1;
    for (std::size_t i = 0; i < m.size(); ++i) {
      const double bump = std::exp(-(t.points[i] - 4) * (t.points[i] - 4) / 6);
      m[i] += error * bump / volume * peak_mean * 0.3;
      v[i] -= error * bump / volume * peak_variance * 0.5;
      if (breaks && i > 6) m[i] = v[i] = NAN;
    }
    l.answer.estimates = {estimate("X.mean", "molecules", {t}, m, 0, 1e-7, 0), estimate("X.variance", "molecules^2", {t}, v, 0, 1e-7, 0)};
    if (breaks) {
      l.answer.flags.push_back({"negative-variance", "X.variance", {{"t", 3.21}}, "Var(X) = -4.7 < 0 at t = 3.21", true});
      r.verdicts.push_back(broken(point, name, label, "X.mean", "Var(X) = -4.7 < 0 at t = 3.21"));
      r.verdicts.push_back(broken(point, name, label, "X.variance", "Var(X) = -4.7 < 0 at t = 3.21"));
    } else {
      r.verdicts.push_back(judge(point, name, label, "X.mean", error / volume * peak_mean * 0.3, 0.02 * peak_mean, 0.05 * peak_mean, peak_mean));
      r.verdicts.push_back(judge(point, name, label, "X.variance", error / volume * peak_variance * 0.5, 0.08 * peak_variance, 0.15 * peak_variance, peak_variance));
    }
    for (std::size_t back = 1; back <= 2; ++back) r.verdicts[r.verdicts.size() - back].where = {{"t", 4}};
    p.levels.push_back(l);
  }
  r.points.push_back(p);
}

/// One point, a time course, three levels; one observable is broken.
/// The sweep above with refined edges, a bifurcation diagram and two pictures.
inline Results refined_sweep() {
  Results r = stationary_sweep(30);
  r.edges = {{"normal-2", "X.mean", "volume", {}, 12.0, 12.01, Outcome::disagrees, Outcome::agrees, true, {{"X.mean", {36.0, 36.03}}}},
             {"normal-3", "X.mean", "volume", {}, 1.19, 1.2, Outcome::broken, Outcome::disagrees, true, {{"X.mean", {3.57, 3.6}}}}};
  Branch up{{}, {{"fold", 2.0, 1e-6, {{"X.mean", 4.0}, {"X.variance", 9.0}}, 0, "two states meet"}}, "found at volume 200"}, down{{}, {}, "ends in the fold"};
  for (int i = 0; i < 60; ++i) {
    const double v = 2 * std::pow(100.0, i / 59.0), s = std::sqrt(v / 2 - 1);
    up.points.push_back({v, {{"X.mean", 4 + 3 * s}, {"X.variance", 9 + s}}, true, true, {-s, 0}});
    down.points.push_back({v, {{"X.mean", 4 - s}, {"X.variance", 9 - 3 * s}}, false, 9 - 3 * s > 0, {s, 0}});
  }
  r.diagrams = {{"normal-2", "volume", 0.5, 200, true, {up, down}}};
  Portrait field{"phi", "height of the front", "molecules", {{"t", "s", {}}, {"x", "lattice sites", {}}}, {}, {}}, sites = field;
  sites.name = "sites";
  sites.title = "who is where";
  sites.categories = {"empty", "A", "B"};
  for (int i = 0; i < 500; ++i) field.axes[0].points.push_back(0.1 * i), sites.axes[0].points.push_back(i);
  for (int j = 0; j < 300; ++j) field.axes[1].points.push_back(j), sites.axes[1].points.push_back(j);
  for (int i = 0; i < 500; ++i)
    for (int j = 0; j < 300; ++j) {
      field.value.push_back(std::sin(0.02 * i) * std::cos(0.05 * j));
      sites.value.push_back((i / 20 + j / 30) % 3);
    }
  r.points[0].levels[0].answer.portraits = {field, sites};
  return r;
}

inline Results time_course() {
  Results r;
  r.title = "Moments of the Schlögl model in time";
  r.system = "schlogl";
  r.system_title = "Schlögl model: bistable autocatalysis";
  r.kind = "compare";
  common(r);
  r.parameters = {parameter("volume", "1", "size relative to the reference system", 10), parameter("k", "s", "relaxation time", 2)};
  add_time_course(r, 0, 0.8, 4);
  return r;
}

/// Two parameters swept, a time course at each point.
inline Results grid() {
  Results r;
  r.title = "Closures across the bistable window";
  r.system = "schlogl";
  r.system_title = "Schlögl model: bistable autocatalysis";
  r.kind = "sweep";
  common(r);
  r.sweep = {"volume", "k"};
  r.parameters = {parameter("volume", "1", "size relative to the reference system", 10), parameter("k", "s", "relaxation time", 2)};
  for (int i = 0; i < 9; ++i)
    for (int j = 0; j < 7; ++j) {
      if (i == 8 && j == 6) continue;  // a hole
      add_time_course(r, r.points.size(), 0.5 * std::pow(100.0, i / 8.0), 1 + 0.5 * j);
    }
  return r;
}

/// A system without time: a refined one-parameter sweep with an absolute margin, and a distribution at each point.
inline Results no_time() {
  Results r;
  r.title = "Majority trees across the fidelity threshold";
  r.system = "budgeted-agents";
  r.system_title = "Trees of unreliable agents under a budget";
  r.kind = "sweep";
  common(r);
  r.time_unit = "";
  r.observables = {{"mu.root", "1", "mean bias of the root, E[s]"}, {"leaf.distribution", "1", "probability of the number of correct leaves"}};
  r.sweep = {"gamma"};
  r.parameters = {parameter("gamma", "1", "fidelity of a message", 0.8), parameter("b", "1", "fan-in", 5), parameter("depth", "1", "levels of the tree", 4)};
  std::vector<double> gammas;
  for (int i = 0; i <= 20; ++i) gammas.push_back(0.5 + 0.02 * i);
  for (const double extra : {0.665, 0.6725, 0.6775}) gammas.push_back(extra);
  const std::uint64_t n = 8192;
  const Axis leaves{"correct leaves", "1", {0, 1, 2, 3, 4, 5}};
  for (std::size_t i = 0; i < gammas.size(); ++i) {
    const double gamma = gammas[i], exact = 0.05 * std::pow(1.9 * gamma, 4) / (1 + std::pow(gamma / 0.75, 12));
    PointResult p;
    p.parameters = {{"gamma", gamma}, {"b", std::int64_t{5}}, {"depth", std::int64_t{4}}};
    LevelResult trees = level("trees", "trees", Rung::micro, "", "", n);
    trees.is_reference = true;
    std::vector<double> law;
    double binomial = 1;
    for (int k = 0; k <= 5; ++k) {
      law.push_back(binomial * std::pow(gamma, k) * std::pow(1 - gamma, 5 - k));
      binomial = binomial * (5 - k) / (k + 1);
    }
    Estimate distribution = estimate("leaf.distribution", "1", {leaves}, law, 0.01, 0, n);
    distribution.is_distribution = true;
    trees.answer.estimates = {estimate("mu.root", "1", {}, {exact * 1.002}, 0.01, 0, n), distribution};
    p.levels.push_back(trees);
    for (const auto& [name, how, value] : {std::tuple{"recursion", "exact recursion over the depth", exact}, std::tuple{"linear", "linearised in the bias: alpha^depth mu0", 0.05 * std::pow(1.9 * gamma, 4)},
                                           std::tuple{"fixed-point", "depth to infinity", exact * 0.9}}) {
      LevelResult l = level(name, name, Rung::master, name == std::string("recursion") ? "trees" : "recursion", how);
      Estimate own = estimate("leaf.distribution", "1", {leaves}, law, 0, 0, 0);
      own.is_distribution = true;
      l.answer.estimates = {estimate("mu.root", "1", {}, {value}, 0, 0, 0)};
      if (name == std::string("recursion")) l.answer.estimates.push_back(own);
      r.verdicts.push_back(judge(i, name, name, "mu.root", std::abs(value - exact), 0.04 * exact, 0.01, exact));
      if (name == std::string("recursion")) r.verdicts.push_back(judge(i, name, name, "leaf.distribution", 0.004, 0.002, 0.01, 1));
      p.levels.push_back(l);
    }
    r.points.push_back(p);
  }
  return r;
}

/// Names and texts that try to leave the page, and numbers that are none.
inline Results hostile() {
  Results r = time_course();
  r.title = "</title><script>document.title='taken'</script> & \"quotes\" {{DATA}}";
  r.system = "</script><!--<script>";
  r.points[0].levels[1].label = "lna</script><img src=x onerror=alert(1)>";
  for (Verdict& v : r.verdicts)
    if (v.label == "lna") {
      v.label = r.points[0].levels[1].label;
      v.reason = "<b>reason</b> \xE2\x80\xA8 \xFF";
      v.low = -INFINITY;
      v.high = NAN;
    }
  r.points[0].levels[1].answer.estimates[0].value[3] = INFINITY;
  r.study = "title = '</pre><script>'";
  return r;
}

}  // namespace meso::synthetic
