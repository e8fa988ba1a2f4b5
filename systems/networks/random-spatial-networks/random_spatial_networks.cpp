#include "systems/networks/random-spatial-networks/random_spatial_networks.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "base/error.h"
#include "base/text.h"
#include "kits/graph/statistics.h"

namespace meso::systems::random_spatial_networks {
namespace {

using graph::Kernel;
constexpr double nan_value = std::numeric_limits<double>::quiet_NaN();
constexpr double outbreak_share = 0.05;

const Schema<Params>& schema() {
  static const Schema<Params> fields{
      {"dimension", &Params::dimension, {.doc = "dimension d of the torus [0, L)^d", .min = 1, .max = 2}},
      {"L", &Params::L, {.unit = "length", .doc = "side of the torus", .min = 1, .max = 1e7}},
      {"rho", &Params::rho, {.unit = "1/length^d", .doc = "nodes per volume; there are rho L^d of them", .min = 0, .max = 1e8, .min_excluded = true}},
      {"kappa", &Params::kappa, {.doc = "expected degrees that occur", .min = 0, .max = 1e5}},
      {"kappa_weight", &Params::kappa_weight, {.doc = "probabilities of these expected degrees, sum 1", .min = 0, .max = 1}},
      {"kernel", &Params::kernel, {.doc = "law of the distance of neighbours", .allowed = {"gaussian", "laplace", "stretched", "power", "uniform"}}},
      {"sigma", &Params::sigma, {.unit = "length", .doc = "range: standard deviation of a coordinate (gaussian, laplace), or the length in exp(-(r/sigma)^a) and (1 + r/sigma)^(-a)",
                                 .min = 0, .max = 1e6, .min_excluded = true}},
      {"a", &Params::a, {.doc = "exponent of the power kernel (above d) or of the stretched exponential (below 1)", .min = 0, .max = 100, .min_excluded = true}},
      {"p", &Params::p, {.doc = "share of edges that ignore distance: kernel (1 - p) f + p uniform", .min = 0, .max = 1}},
      {"beta", &Params::beta, {.unit = "1/time", .doc = "infection rate of an edge between a susceptible and an infected node", .min = 0, .max = 1e6, .min_excluded = true}},
      {"gamma", &Params::gamma, {.unit = "1/time", .doc = "recovery rate of an infected node", .min = 0, .max = 1e6, .min_excluded = true}},
      {"seed", &Params::seed, {.doc = "infected at t = 0: all nodes with |x - L/2| < w, or the one next to the centre", .allowed = {"band", "node"}}},
      {"w", &Params::w, {.unit = "length", .doc = "half-width of the infected band (first coordinate)", .min = 0, .max = 1e6, .min_excluded = true}},
  };
  return fields;
}

struct WaveOptions {
  double dx = 0, dt = 0;
};
const Schema<WaveOptions>& wave_options() {
  static const Schema<WaveOptions> fields{
      {"dx", &WaveOptions::dx, {.unit = "length", .doc = "grid step; 0: 0.2 of the kernel's range (gaussian) or 0.1 of it", .min = 0, .max = 1e3}},
      {"dt", &WaveOptions::dt, {.unit = "time", .doc = "time step; 0: 0.12/(beta R + beta + gamma)", .min = 0, .max = 10}},
  };
  return fields;
}

std::string text_of_times(const Ask& ask) {
  if (ask.is_stationary()) return "SIR on a network ends: there is nothing stationary to ask for. Give times";
  for (const double t : ask.times())
    if (!(t >= 0)) return fmt::format("times start at 0, when the seed is infected; {} was asked", brief(t));
  return "";
}
void require_times(const Ask& ask) {
  const std::string wrong = text_of_times(ask);
  if (!wrong.empty()) throw StudyError("random-spatial-networks: " + wrong);
}

Axis distance_axis(const std::string& name, std::vector<double> points) { return {name, "length", std::move(points)}; }

std::vector<double> profile_points(double half) {
  std::vector<double> x;
  for (std::size_t b = 0; b < profile_bins; ++b) x.push_back(half * (static_cast<double>(b) + 0.5) / static_cast<double>(profile_bins));
  return x;
}

Flag undefined(const std::string& kind, const std::string& observable, std::string text) { return {.kind = kind, .observable = observable, .text = std::move(text), .fatal = true}; }

/// Speed is asked, but there is none, or the box cannot show it.
std::optional<Flag> speed_flag(const World& w) {
  const std::string why = w.no_speed();
  if (!why.empty()) return undefined(w.reproduction() <= 1 ? "no-front" : "accelerating", "speed", why);
  const double outer = 0.5 * w.half();
  if (outer < 3 * 2 * arrival_window)
    return undefined("domain-too-short", "speed", fmt::format("the speed is measured over the outer half of the way to the opposite side, {} of length; three windows of {} do not fit before the two "
                                                              "fronts meet round the torus. Take L >= {}", brief(outer), brief(2 * arrival_window), brief(24 * arrival_window)));
  return std::nullopt;
}

// ---- the micro level ---------------------------------------------------------------------------------------------------

enum Signals : std::size_t { kS, kI, kR, kOutbreak, kAttack, kSpeed, kDegree, kDegreeVariance, kClustering, kGeodesic, kMedian, kLocal, kGiant, kFixed };

struct NetworkLevel {
  World w;

  // Which parts of the work an ask needs.
  [[nodiscard]] static bool wants_structure(const Ask& ask) {
    return std::any_of(ask.observables.begin(), ask.observables.end(), [](const std::string& o) {
      return o == "degree.mean" || o == "degree.variance" || o == "clustering" || o == "geodesic.mean" || o == "edge.median" || o == "edge.local" || o == "giant.fraction"; });
  }
  [[nodiscard]] static bool wants_whole(const Ask& ask) { return ask.wants("attack.rate") || ask.wants("speed") || ask.wants("arrival"); }
  [[nodiscard]] static bool wants_course(const Ask& ask) {
    return wants_whole(ask) || ask.portraits ||
           std::any_of(ask.observables.begin(), ask.observables.end(), [](const std::string& o) { return o.ends_with(".mean") ? o.size() == 6 : o.ends_with(".profile") || o == "foci" || o == "hop.index"; });
  }

  [[nodiscard]] Plan plan(const Ask& ask) const {
    require_times(ask);
    Plan plan;
    plan.axes = {{"t", "time", ask.times()}};
    plan.signals = {{.name = "S", .lo = 0, .hi = 1, .path = true}, {.name = "I", .lo = 0, .hi = 1, .path = true}, {.name = "R", .lo = 0, .hi = 1}, {.name = "outbreak", .lo = 0, .hi = 1},
                    {.name = "attack"}, {.name = "speed"}, {.name = "degree"}, {.name = "degree_variance"}, {.name = "clustering"}, {.name = "geodesic"}, {.name = "median"}, {.name = "local"}, {.name = "giant"}};
    const auto given = [](std::span<const double> m) { return m[1] > 0 ? m[0] / m[1] : nan_value; };
    plan.derived = {{"S.mean", "1", {kS}}, {"I.mean", "1", {kI}}, {"R.mean", "1", {kR}}};
    if (wants_whole(ask)) {
      plan.derived.push_back({"attack.rate", "1", {kAttack, kOutbreak}, given});
      plan.derived.push_back({"speed", "length/time", {kSpeed, kOutbreak}, given});
    }
    if (wants_structure(ask)) {
      plan.derived.push_back({"degree.mean", "1", {kDegree}});
      plan.derived.push_back({"degree.variance", "1", {kDegreeVariance}});
      plan.derived.push_back({"clustering", "1", {kClustering}});
      plan.derived.push_back({"geodesic.mean", "1", {kGeodesic}});
      plan.derived.push_back({"edge.median", "length", {kMedian}});
      plan.derived.push_back({"edge.local", "1", {kLocal}});
      plan.derived.push_back({"giant.fraction", "1", {kGiant}});
    }
    const auto add = [&](Signal signal) { plan.signals.push_back(std::move(signal)); return plan.signals.size() - 1; };
    if (ask.wants("S.profile") || ask.wants("I.profile")) {
      const Axis axis = distance_axis("X", profile_points(w.half()));
      for (const char* name : {"S.profile", "I.profile"}) plan.derived.push_back({.observable = name, .unit = "1", .signals = {add({.name = name, .width = profile_bins, .lo = 0, .hi = 1})}, .support = axis});
    }
    if (w.network.dimension == 1 && (ask.wants("foci") || ask.wants("hop.index"))) {
      plan.derived.push_back({"foci", "1", {add({.name = "foci", .lo = 0})}});
      plan.derived.push_back({"hop.index", "1", {add({.name = "hop", .lo = 0, .hi = 1})}});
    }
    if (ask.wants("arrival"))
      for (std::size_t k = 0; k < arrival_points(w.half()).size(); ++k)
        plan.derived.push_back({"arrival/" + std::to_string(k), "time", {add({.name = "arrival" + std::to_string(k)}), kOutbreak}, given});
    return plan;
  }

  void sample(const Ask& ask, const Plan& plan, std::uint64_t seed, const std::string& purpose, std::uint64_t trajectory, Tape& tape) const {
    const bool whole = wants_whole(ask);
    const double until = whole ? std::numeric_limits<double>::infinity() : ask.times().back();
    const Realisation r = realise(w, ask.times(), until, wants_course(ask), seed, purpose, trajectory);
    const auto n = static_cast<double>(r.network.x.size());
    if (wants_structure(ask)) structure(ask, r, seed, purpose, trajectory, tape);
    if (!wants_course(ask)) return;
    for (std::size_t i = 0; i < ask.times().size(); ++i)
      for (std::size_t c = 0; c < 3; ++c) tape.record(kS + c, i, r.course.at[3 * i + c] / n);
    std::size_t signal = kFixed;
    if (ask.wants("S.profile") || ask.wants("I.profile")) profiles(ask, r, signal, tape), signal += 2;
    if (w.network.dimension == 1 && (ask.wants("foci") || ask.wants("hop.index"))) {
      const double median = std::max(w.network.kernel.median(), 1e-9);
      for (std::size_t i = 0; i < ask.times().size(); ++i) {
        const Hops h = hops(r, ask.times()[i], median);
        tape.record(signal, i, h.foci), tape.record(signal + 1, i, h.hop);
      }
      signal += 2;
    }
    if (!whole) return;
    double susceptible = n;
    for (const char s : r.seeded) susceptible -= s;
    const double attack = static_cast<double>(r.reached) / susceptible;
    if (attack < outbreak_share) return;  // no outbreak: adds to no mean
    tape.record(kOutbreak, 0, 1);
    tape.record(kAttack, 0, attack);
    const std::vector<double> distance = arrival_points(w.half()), time = arrivals(r, distance);
    tape.record(kSpeed, 0, graph::front_speed(std::span(distance).subspan(first_speed_point), std::span(time).subspan(first_speed_point)));
    if (ask.wants("arrival"))
      for (std::size_t k = 0; k < time.size(); ++k) tape.record(signal + k, 0, std::isfinite(time[k]) ? time[k] : nan_value);
    (void)plan;
  }

  void structure(const Ask& ask, const Realisation& r, std::uint64_t seed, const std::string& purpose, std::uint64_t trajectory, Tape& tape) const {
    const graph::Graph& g = r.network.graph;
    const graph::DegreeMoments m = graph::moments_of(graph::degree_law(g));
    tape.record(kDegree, 0, m.mean);
    tape.record(kDegreeVariance, 0, m.second - m.mean * m.mean);
    if (ask.wants("clustering")) tape.record(kClustering, 0, graph::clustering(g).coefficient());
    if (ask.wants("geodesic.mean")) {
      const graph::Geodesics d = graph::geodesics(g, 200, Stream(seed, trajectory, purpose + "/sources").fast());
      tape.record(kGeodesic, 0, d.mean);
    }
    if (ask.wants("giant.fraction")) tape.record(kGiant, 0, static_cast<double>(graph::giant_component(g).size()) / static_cast<double>(g.nodes()));
    if (ask.wants("edge.median") || ask.wants("edge.local")) {
      const std::vector<double> lengths = graph::edge_lengths(r.network);
      tape.record(kMedian, 0, graph::quantile_of(lengths, 0.5));
      tape.record(kLocal, 0, static_cast<double>(std::lower_bound(lengths.begin(), lengths.end(), 4 * w.range) - lengths.begin()) / static_cast<double>(std::max<std::size_t>(1, lengths.size())));
    }
  }

  void profiles(const Ask& ask, const Realisation& r, std::size_t signal, Tape& tape) const {
    std::vector<double> nodes(profile_bins, 0);
    const auto bin = [&](std::size_t i) { return std::min(profile_bins - 1, static_cast<std::size_t>(std::abs(r.network.x[i] - w.half()) / w.half() * static_cast<double>(profile_bins))); };
    for (std::size_t i = 0; i < r.network.x.size(); ++i) ++nodes[bin(i)];
    for (std::size_t k = 0; k < ask.times().size(); ++k) {
      const double t = ask.times()[k];
      for (std::size_t i = 0; i < r.network.x.size(); ++i) {
        const std::size_t b = bin(i);
        if (!(r.infected_at[i] <= t)) tape.accumulate(signal, k, 1, 1 / nodes[b], b);
        else if (r.ended_at[i] > t) tape.accumulate(signal + 1, k, 1, 1 / nodes[b], b);
      }
    }
  }

  // Space-time plot of the share of infected nodes, until nearly all that will happen has happened.
  [[nodiscard]] std::vector<Portrait> portraits(const Ask&, const Plan&, std::uint64_t seed, const std::string& purpose) const {
    const Realisation r = realise(w, {}, std::numeric_limits<double>::infinity(), true, seed, purpose, 0);
    std::vector<double> ends;
    for (const double t : r.infected_at)
      if (std::isfinite(t)) ends.push_back(t);
    if (ends.empty()) return {};
    std::sort(ends.begin(), ends.end());
    const double last = std::max(1e-9, 1.05 * graph::quantile_of(ends, 0.999) + 1 / w.gamma);
    constexpr std::size_t rows = 200, columns = 400;
    Portrait picture{.name = "infected", .title = "share of infected nodes along the first coordinate", .unit = "1", .axes = {{"t", "time", {}}, {"x", "length", {}}}};
    picture.value.assign(rows * columns, 0);
    std::vector<double> nodes(columns, 0);
    for (std::size_t k = 0; k < rows; ++k) picture.axes[0].points.push_back(last * (static_cast<double>(k) + 0.5) / rows);
    for (std::size_t c = 0; c < columns; ++c) picture.axes[1].points.push_back(w.network.side * (static_cast<double>(c) + 0.5) / columns);
    const auto column = [&](std::size_t i) { return std::min(columns - 1, static_cast<std::size_t>(r.network.x[i] / w.network.side * columns)); };
    for (std::size_t i = 0; i < r.network.x.size(); ++i) ++nodes[column(i)];
    for (std::size_t i = 0; i < r.network.x.size(); ++i) {
      const std::size_t c = column(i);
      for (std::size_t k = 0; k < rows; ++k)
        if (r.infected_at[i] <= picture.axes[0].points[k] && picture.axes[0].points[k] < r.ended_at[i]) picture.value[k * columns + c] += 1 / nodes[c];
    }
    return {std::move(picture)};
  }
};

/// Numbers per trajectory are recorded at the first time only.
Estimate scalar(Estimate e) {
  const auto first = [](std::vector<double>& v) { if (v.size() > 1) v.resize(1); };
  if (e.batches && !e.value.empty()) {
    Batches one{e.batches->weight, {}};
    for (std::size_t b = 0; b < one.count(); ++b) one.replicate.push_back(e.batches->replicate[b * e.value.size()]);
    e.batches = std::move(one);
  }
  e.axes.clear();
  for (std::vector<double>* v : {&e.value, &e.std_error, &e.error_bound, &e.skewness, &e.no_variation, &e.signal_range, &e.exact}) first(*v);
  return e;
}

void finish_network(const World& w, const Ask& ask, const EnsembleResult& result, Answer& answer) {
  std::vector<Estimate> kept;
  Estimate arrival;
  for (Estimate& e : answer.estimates) {
    if (e.observable.starts_with("arrival/")) {
      const Estimate one = scalar(std::move(e));
      if (arrival.value.empty()) {
        arrival = one;
        arrival.observable = "arrival", arrival.batches.reset(), arrival.skewness.clear(), arrival.no_variation.clear(), arrival.signal_range.clear(), arrival.exact.clear();
        arrival.axes = {distance_axis("X", arrival_points(w.half()))};
      } else {
        arrival.value.push_back(one.value[0]);
        arrival.std_error.push_back(one.se(0));
      }
      continue;
    }
    if (!ask.wants(e.observable)) continue;
    const bool course = e.observable == "S.mean" || e.observable == "I.mean" || e.observable == "R.mean" || e.observable.ends_with(".profile") || e.observable == "foci" || e.observable == "hop.index";
    kept.push_back(course ? std::move(e) : scalar(std::move(e)));
  }
  if (!arrival.value.empty()) {
    for (std::size_t k = 0; k < arrival.value.size(); ++k)
      if (std::isnan(arrival.value[k])) {
        answer.flags.push_back({.kind = "note", .observable = "arrival", .where = {{"X", arrival.axes[0].points[k]}},
                                .text = fmt::format("no arrival time at X = {}: in some outbreak fewer than half of the nodes there were ever infected", brief(arrival.axes[0].points[k])), .fatal = true});
        break;
      }
    kept.push_back(std::move(arrival));
  }
  answer.estimates = std::move(kept);
  if (ask.wants("speed")) {
    if (auto flag = speed_flag(w)) {
      answer.flags.push_back(std::move(*flag));
      for (Estimate& e : answer.estimates)
        if (e.observable == "speed") std::fill(e.value.begin(), e.value.end(), nan_value);
    } else if (const Estimate* speed = answer.find("speed"); speed != nullptr && std::isnan(speed->value[0])) {
      answer.flags.push_back(undefined("no-front", "speed", "no front crossed the box: fewer than half of the nodes were infected at most distances"));
    }
  }
  if (NetworkLevel::wants_whole(ask)) {
    const double share = result.signal_mean[kOutbreak];
    if (share < 1)
      answer.flags.push_back({.kind = "note", .text = fmt::format("outbreaks (more than {} % infected): {} of the trajectories; attack.rate, speed and arrival are means over these", brief(100 * outbreak_share), brief(share))});
  }
  for (const std::string& warning : w.warnings) answer.flags.push_back({.kind = "note", .text = warning});
}

// ---- reduced levels ----------------------------------------------------------------------------------------------------

graph::WaveSpec wave_spec(const World& w, const WaveOptions& o) {
  graph::WaveSpec s;
  s.kernel = w.network.kernel;
  s.kappa = w.network.kappa, s.kappa_weight = w.network.kappa_weight;
  s.side = w.network.side, s.beta = w.beta, s.gamma = w.gamma;
  s.seed_half_width = w.single ? 0.5 / (w.network.density * std::pow(w.network.side, w.network.dimension - 1)) : w.w;
  const double scale = w.network.kernel.smallest_range();
  bool smooth = true;
  for (const Kernel::Part& part : w.network.kernel.parts()) smooth = smooth && (part.kind == Kernel::Kind::gaussian || part.kind == Kernel::Kind::uniform);
  s.dx = o.dx > 0 ? o.dx : scale > 1e300 ? w.network.side / 200 : std::max((smooth ? 0.2 : 0.1) * scale, w.network.side / 200000);
  s.dt = o.dt > 0 ? o.dt : 0.12 / (w.beta * w.excess + w.beta + w.gamma);
  return s;
}

Answer pide(const World& w, const Ask& ask, Context& context) {
  require_times(ask);
  Answer answer;
  const WaveOptions o = wave_options().read(ask.options, "level 'pide'");
  const graph::WaveSpec fine = wave_spec(w, o);
  graph::WaveSpec coarse = fine;
  coarse.dx *= 2, coarse.dt *= 2;
  const bool arrivals_wanted = (ask.wants("speed") || ask.wants("arrival")) && w.reproduction() > 1;
  const std::vector<double> points = arrival_points(w.half()), bins = profile_points(w.half());
  const double rate = w.beta * w.excess - w.beta - w.gamma;
  const double latest = arrivals_wanted ? 60 / rate + 4 * w.half() / (rate * std::min(w.network.kernel.smallest_range(), w.half())) : 0;
  struct Result {
    std::vector<double> s, i, r, s_profile, i_profile, arrival, speed;
  };
  const auto solve = [&](const graph::WaveSpec& spec) {
    const graph::WavePath path = graph::integrate_wave(spec, ask.times(), arrivals_wanted ? points.back() : 0, latest);
    Result out{path.mean_susceptible, path.mean_infected, {}, {}, {}, {}, {}};
    const std::size_t n = path.position.size();
    for (std::size_t k = 0; k < out.s.size(); ++k) {
      out.r.push_back(1 - out.s[k] - out.i[k]);
      for (std::size_t b = 0; b < profile_bins; ++b) {
        // Mean over the bin of the piecewise linear field, by its values on a fine subgrid.
        double s = 0, i = 0;
        constexpr int parts = 16;
        for (int q = 0; q < parts; ++q) {
          const double x = w.half() * (static_cast<double>(b) + (q + 0.5) / parts) / static_cast<double>(profile_bins);
          const double at = x / (path.position[1] - path.position[0]);
          const auto j = std::min(n - 2, static_cast<std::size_t>(at));
          const double f = at - static_cast<double>(j);
          s += ((1 - f) * path.susceptible[k * n + j] + f * path.susceptible[k * n + j + 1]) / parts;
          i += ((1 - f) * path.infected[k * n + j] + f * path.infected[k * n + j + 1]) / parts;
        }
        out.s_profile.push_back(s), out.i_profile.push_back(i);
      }
    }
    const double dx = path.position[1] - path.position[0];
    for (const double x : points) {
      const auto j = std::min(n - 2, static_cast<std::size_t>(x / dx));
      const double f = x / dx - static_cast<double>(j), a = path.arrival[j], b = path.arrival[j + 1];
      out.arrival.push_back(f < 1e-9 ? a : a + f * (b - a));
    }
    out.speed = {graph::front_speed(std::span(points).subspan(first_speed_point), std::span(out.arrival).subspan(first_speed_point))};
    return out;
  };
  const Result a = solve(fine);
  context.progress(0.8);
  const Result b = solve(coarse);
  const Axis t{"t", "time", ask.times()};
  const auto give = [&](const std::string& name, const std::string& unit, std::vector<Axis> axes, const std::vector<double>& x, const std::vector<double>& y) {
    if (!ask.wants(name)) return;
    std::vector<double> bound(x.size());
    for (std::size_t k = 0; k < x.size(); ++k) bound[k] = std::abs(x[k] - y[k]) + 1e-12 * std::abs(x[k]);
    answer.estimates.push_back(solved_estimate(name, unit, std::move(axes), x, bound));
  };
  give("S.mean", "1", {t}, a.s, b.s);
  give("I.mean", "1", {t}, a.i, b.i);
  give("R.mean", "1", {t}, a.r, b.r);
  const Axis x = distance_axis("X", bins);
  give("S.profile", "1", {t, x}, a.s_profile, b.s_profile);
  give("I.profile", "1", {t, x}, a.i_profile, b.i_profile);
  const double size = graph::final_size(w.psi(), w.beta, w.gamma);
  give("attack.rate", "1", {}, {size}, {size});
  if (ask.wants("arrival")) {
    const bool all = arrivals_wanted && std::all_of(a.arrival.begin(), a.arrival.end(), [](double v) { return std::isfinite(v); });
    std::vector<double> value = a.arrival;
    if (!all) {
      for (double& v : value) v = std::isfinite(v) ? v : nan_value;
      answer.flags.push_back(undefined("no-front", "arrival", fmt::format("half of the nodes are not reached everywhere: R0 = {}, final size {}", brief(w.reproduction()), brief(size))));
    }
    give("arrival", "time", {distance_axis("X", points)}, value, b.arrival);
  }
  if (ask.wants("speed")) {
    auto flag = speed_flag(w);
    if (!flag && !std::isfinite(a.speed[0])) flag = undefined("no-front", "speed", fmt::format("the front never infects half of the nodes: R0 = {}, final size {}", brief(w.reproduction()), brief(size)));
    give("speed", "length/time", {}, flag ? std::vector<double>{nan_value} : a.speed, b.speed);
    if (flag) answer.flags.push_back(std::move(*flag));
  }
  for (const std::string& warning : w.warnings) answer.flags.push_back({.kind = "note", .text = warning});
  if (ask.portraits) {
    constexpr std::size_t rows = 120, columns = 400;
    const double last = std::max(1e-9, ask.times().back());
    Portrait picture{.name = "infected", .title = "share of infected nodes by distance from the seed", .unit = "1", .axes = {{"t", "time", {}}, {"X", "length", {}}}};
    for (std::size_t k = 0; k < rows; ++k) picture.axes[0].points.push_back(last * static_cast<double>(k) / (rows - 1));
    const graph::WavePath path = graph::integrate_wave(coarse, picture.axes[0].points, 0, 0);
    const std::size_t n = path.position.size(), every = (n + columns - 1) / columns;
    for (std::size_t j = 0; j < n; j += every) picture.axes[1].points.push_back(path.position[j]);
    for (std::size_t k = 0; k < rows; ++k)
      for (std::size_t j = 0; j < n; j += every) picture.value.push_back(path.infected[k * n + j]);
    answer.portraits.push_back(std::move(picture));
  }
  return answer;
}

Answer well_mixed(const World& w, const Ask& ask) {
  require_times(ask);
  Answer answer;
  const double seed = w.single ? 1 / w.nodes() : std::min(1.0, 2 * w.w / w.network.side);
  const std::vector<double> initial{1 - seed, seed, 0};
  const graph::Fractions f = graph::edge_based(graph::sir(w.beta, w.gamma), w.psi(), initial, ask.times());
  const Axis t{"t", "time", ask.times()};
  const char* names[] = {"S.mean", "I.mean", "R.mean"};
  for (std::size_t c = 0; c < 3; ++c) {
    if (!ask.wants(names[c])) continue;
    std::vector<double> value, bound;
    for (std::size_t i = 0; i < ask.times().size(); ++i) value.push_back(f.value[3 * i + c]), bound.push_back(f.bound[3 * i + c]);
    answer.estimates.push_back(solved_estimate(names[c], "1", {t}, value, bound));
  }
  if (!f.trouble.empty()) answer.flags.push_back({.kind = "diverged", .text = f.trouble, .fatal = true});
  if (ask.wants("attack.rate")) answer.estimates.push_back(solved_estimate("attack.rate", "1", {}, {graph::final_size(w.psi(), w.beta, w.gamma)}, {1e-13}));
  return answer;
}

Answer linear_front(const World& w, const Ask& ask, bool cut) {
  Answer answer;
  if (!ask.wants("speed")) return answer;
  const auto d = graph::dispersion(w.network.kernel, w.excess, w.beta, w.gamma);
  if (!d) {
    answer.estimates.push_back(solved_estimate("speed", "length/time", {}, {nan_value}, {0}));
    answer.flags.push_back(undefined(w.reproduction() <= 1 ? "no-front" : "accelerating", "speed", w.no_speed()));
    return answer;
  }
  // Density per length of the front: a plane front in two dimensions has rho sigma nodes per length and kernel range.
  const double density = w.network.density * std::pow(w.range, w.network.dimension);
  answer.estimates.push_back(solved_estimate("speed", "length/time", {}, {cut ? d->cut_off(density) : d->speed}, {1e-8 * d->speed}));
  if (cut && density < std::exp(1.0))
    answer.flags.push_back({.kind = "note", .observable = "speed", .text = fmt::format("{} nodes in range: the expansion in 1/ln(density) has no meaning here", brief(density))});
  return answer;
}

Answer tree_like(const World& w, const Ask& ask) {
  Answer answer;
  const auto give = [&](const std::string& name, const std::string& unit, double value, double bound = 0) {
    if (ask.wants(name)) answer.estimates.push_back(solved_estimate(name, unit, {}, {value}, {bound}));
  };
  const double mean = w.network.mean_kappa(), second = w.network.second_kappa();
  give("degree.mean", "1", mean);
  give("degree.variance", "1", mean + second - mean * mean);
  if (ask.wants("clustering")) {
    const double c = second * second / (mean * mean * mean * w.network.density) * triangle_integral(w.network.kernel, w.network.side);
    give("clustering", "1", c, 1e-5 * c);
  }
  give("geodesic.mean", "1", w.excess > 1 ? (std::log(w.nodes()) - std::numbers::egamma + std::log(mean / w.excess)) / std::log(w.excess) + 0.5 : nan_value);
  if (w.excess <= 1 && ask.wants("geodesic.mean")) answer.flags.push_back(undefined("undefined", "geodesic.mean", "no giant component: <kappa^2>/<kappa> <= 1"));
  if (ask.wants("edge.median") && w.network.kernel.smallest_range() < 1e300 && w.network.kernel.parts().size() == 1) give("edge.median", "length", w.network.kernel.median(), 1e-9);
  if (ask.wants("edge.local")) {
    const double reach = std::min(4 * w.range, w.half());
    double local = 0;
    for (const Kernel::Part& part : w.network.kernel.parts()) local += part.kind == Kernel::Kind::uniform ? 0 : part.weight;
    const double ball = w.network.dimension == 1 ? 2 * reach : std::numbers::pi * reach * reach;
    give("edge.local", "1", local * w.network.kernel.mass_within(reach) + w.network.kernel.background(w.network.side) * ball, 1e-9);
  }
  return answer;
}

std::vector<Level> ladder(const Params& p) {
  const World w = build(p);
  std::vector<Level> levels;
  levels.push_back({{.name = "network", .rung = Rung::micro, .doc = "network and epidemic, simulated exactly; one trajectory is one network with one epidemic on it",
                     .source = "Random Spatial Networks (2017); next reaction on random delays: Gibson and Bruck (2000), doi:10.1021/jp993732q", .sampled = true, .grain = 1},
                    sampled(NetworkLevel{w}, 1, [w](const Ask& ask, const EnsembleResult& result, Answer& answer) { finish_network(w, ask, result, answer); })});
  levels.back().plan = [w](const Ask&) {
    return std::vector<std::string>{fmt::format("{} nodes, {} edges; about {} s a trajectory on one core", brief(w.nodes(), 6), brief(0.5 * w.nodes() * w.network.mean_kappa(), 6), brief(8e-7 * w.nodes(), 2))};
  };
  levels.push_back({{.name = "pide", .rung = Rung::mean_field, .doc = "spatial edge-based equation for the probability that an edge has not transmitted; plane fronts", .parent = "network",
                     .approximation = "rho -> infinity at a fixed degree law: no clustering, no single nodes ahead of the front", .small_parameter = "1/rho",
                     .source = "Miller, Slim and Volz (2012), doi:10.1098/rsif.2011.0403, with a distance kernel (derived)", .options = wave_options().infos()},
                    [w](const Ask& ask, Context& context) { return pide(w, ask, context); }});
  levels.back().equations = [](const Table&, bool latex) {
    return latex ? std::string("\\partial_t \\Theta = -\\beta\\Theta + \\beta\\int f(x-y) S_0(y) \\Psi'(\\Theta(y))/\\langle\\kappa\\rangle\\,dy + \\gamma(1-\\Theta),\\quad S = S_0\\Psi(\\Theta)")
                 : std::string("d_t Theta = -beta Theta + beta int f(x - y) S0(y) Psi'(Theta(y))/<kappa> dy + gamma (1 - Theta),  S = S0 Psi(Theta)");
  };
  levels.push_back({{.name = "well-mixed", .rung = Rung::mean_field, .doc = "edge-based equations without space; final size", .parent = "pide", .approximation = "kernel uniform over the box",
                     .source = "Miller, Slim and Volz (2012), doi:10.1098/rsif.2011.0403"},
                    [w](const Ask& ask, Context&) { return well_mixed(w, ask); }});
  levels.push_back({{.name = "front", .rung = Rung::mean_field, .doc = "speed of the linear front, c* = min over s of (beta R M(s) - beta - gamma)/s", .parent = "pide",
                     .approximation = "leading edge linearised, t -> infinity (the pide is still slower by 3/(2 s* t))", .small_parameter = "1/t", .expected_order = 1,
                     .source = "Bramson (1983); Ebert and van Saarloos (2000), doi:10.1016/S0167-2789(00)00068-3"},
                    [w](const Ask& ask, Context&) { return linear_front(w, ask, false); }});
  levels.push_back({{.name = "cutoff", .rung = Rung::mean_field, .doc = "front cut off where less than one node is infected: c* - pi^2 s*^2 c''(s*)/(2 ln^2 rho)", .parent = "front",
                     .approximation = "noise ahead of the front replaced by a cutoff, first order in 1/ln^2 rho", .source = "Brunet and Derrida (1997), doi:10.1103/PhysRevE.56.2597"},
                    [w](const Ask& ask, Context&) { return linear_front(w, ask, true); }});
  levels.push_back({{.name = "tree-like", .rung = Rung::mean_field, .doc = "structure of the network: mixed Poisson degrees, clustering at first order, geodesics of a random graph", .parent = "network",
                     .approximation = "locally a tree; distances as in a random graph without space", .small_parameter = "1/rho",
                     .source = "Fronczak, Fronczak and Holyst (2004), doi:10.1103/PhysRevE.70.056110; clustering derived"},
                    [w](const Ask& ask, Context&) { return tree_like(w, ask); }});
  return levels;
}

}  // namespace

double World::nodes() const { return std::round(network.density * std::pow(network.side, network.dimension)); }

std::string World::no_speed() const {
  if (reproduction() <= 1) return fmt::format("no front: R0 = {} is not above 1 (beta/(beta + gamma) <kappa^2>/<kappa>)", brief(reproduction()));
  if (!network.kernel.has_exponential_moment())
    return "accelerating: the kernel has no exponential moment, long hops found new foci far ahead and no constant speed exists; see observable arrival for the arrival curve";
  return "";
}

World build(const Params& p) {
  World w;
  const auto d = static_cast<int>(p.dimension);
  if (p.kappa.empty() || p.kappa.size() != p.kappa_weight.size())
    throw ParameterError(fmt::format("kappa of system 'random-spatial-networks' has {} values and kappa_weight {}; each expected degree needs its probability", p.kappa.size(), p.kappa_weight.size()));
  double sum = 0;
  for (const double x : p.kappa_weight) sum += x;
  if (std::abs(sum - 1) > 1e-9) throw ParameterError(fmt::format("kappa_weight of system 'random-spatial-networks' sums to {}; probabilities of the expected degrees sum to 1", brief(sum, 10)));
  for (const double k : p.kappa)
    if (!(k > 0)) throw ParameterError(fmt::format("kappa of system 'random-spatial-networks' contains {}; expected degrees must be positive", brief(k)));
  const Kernel::Kind kind = p.kernel == "gaussian" ? Kernel::Kind::gaussian : p.kernel == "laplace" ? Kernel::Kind::laplace : p.kernel == "stretched" ? Kernel::Kind::stretched
                            : p.kernel == "power" ? Kernel::Kind::power : Kernel::Kind::uniform;
  std::vector<Kernel::Part> parts;
  if (kind == Kernel::Kind::uniform || p.p >= 1) parts = {{1, Kernel::Kind::uniform, p.sigma, 0}};
  else parts = {{1 - p.p, kind, p.sigma, p.a}};
  if (p.p > 0 && parts[0].kind != Kernel::Kind::uniform) parts.push_back({p.p, Kernel::Kind::uniform, p.sigma, 0});
  w.network = {d, p.L, p.rho, p.kappa, p.kappa_weight, Kernel(d, parts)};
  w.beta = p.beta, w.gamma = p.gamma, w.w = p.w, w.single = p.seed == "node", w.range = p.sigma;
  w.excess = w.network.second_kappa() / w.network.mean_kappa();
  const double nodes = w.nodes();
  if (nodes < 10 || nodes > 2e8) throw ParameterError(fmt::format("rho L^d = {} nodes; between 10 and 2e8 are possible", brief(nodes)));
  if (nodes * w.network.mean_kappa() > 4e9) throw ParameterError(fmt::format("{} edges; at most 2e9 are possible", brief(0.5 * nodes * w.network.mean_kappa())));
  if (!w.single && !(2 * p.w < p.L)) throw ParameterError(fmt::format("w = {}: the infected band of width {} does not fit into L = {}", brief(p.w), brief(2 * p.w), brief(p.L)));
  const graph::SpatialSpec::Cap cap = w.network.cap();
  if (cap.pairs > 1e-3)
    throw ParameterError(fmt::format("rho = {} is too low for these degrees: {} % of the connected pairs would need a probability above 1, and the mean degree would be {} % short. Raise rho or sigma, "
                                     "or lower kappa", brief(p.rho), brief(100 * cap.pairs, 3), brief(100 * cap.degree, 3)));
  if (kind != Kernel::Kind::uniform && p.p < 1 && p.rho * std::pow(p.sigma, d) < 3)
    w.warnings.push_back(fmt::format("rho sigma^d = {} < 3: fewer than three nodes in range, the equation of the dense network (pide) has no meaning here", brief(p.rho * std::pow(p.sigma, d))));
  return w;
}

System system() {
  return Define<Params>("random-spatial-networks", "Random spatial networks: small worlds without clustering, travelling waves, hop-and-spread", "networks", schema())
      .paper("random-spatial-networks", "Random Spatial Networks: Small Worlds without Clustering, Traveling Waves, and Hop-and-Spread Disease Dynamics", "2017-02")
      .doc("Nodes lie at random in space, each with an expected degree; two are joined with a probability that depends on both expected degrees and on their distance through a kernel. Mixing "
           "short and long kernels gives small worlds in which neighbours are close in space but do not know each other: short paths, no clustering. SIR on such a network obeys a partial "
           "integro-differential equation with travelling waves. If the kernel has tails slower than exponential there is no constant speed: long hops found new foci that then spread locally.")
      .time_unit("time")
      .observe({"S.mean", "1", "share of susceptible nodes"})
      .observe({"I.mean", "1", "share of infected nodes"})
      .observe({.name = "R.mean", .unit = "1", .doc = "share of recovered nodes, 1 - S - I", .by_default = false})
      .observe({.name = "attack.rate", .unit = "1", .doc = "share of the nodes outside the seed that are ever infected, mean over outbreaks (more than 5 %)", .by_default = false})
      .observe({.name = "speed", .unit = "length/time", .doc = "1/slope of the least-squares line through the arrival times over 0.375 L/2 <= X <= 0.875 L/2, mean over outbreaks", .by_default = false})
      .observe({.name = "arrival", .unit = "time", .doc = "T(X): median infection time of the nodes (spared ones count as infinite) whose first coordinate is within 2 of distance X from the centre, mean over outbreaks",
                .by_default = false})
      .observe({.name = "S.profile", .unit = "1", .doc = "share of susceptible nodes in bins of the distance X of the first coordinate from the centre", .by_default = false})
      .observe({.name = "I.profile", .unit = "1", .doc = "share of infected nodes in bins of the distance X of the first coordinate from the centre", .by_default = false})
      .observe({.name = "foci", .unit = "1", .doc = "clusters of reached bins (a tenth infected) separated from the main one by more than 10 kernel medians; d = 1", .by_default = false})
      .observe({.name = "hop.index", .unit = "1", .doc = "share of the nodes infected so far that lie further than 10 kernel medians from the main cluster; d = 1", .by_default = false})
      .observe({.name = "degree.mean", .unit = "1", .doc = "mean degree of a network", .by_default = false})
      .observe({.name = "degree.variance", .unit = "1", .doc = "variance of the degrees within a network", .by_default = false})
      .observe({.name = "clustering", .unit = "1", .doc = "transitivity C = 3 triangles/connected triples", .by_default = false})
      .observe({.name = "geodesic.mean", .unit = "1", .doc = "mean distance in edges within the giant component, from 200 random sources to all others", .by_default = false})
      .observe({.name = "edge.median", .unit = "length", .doc = "median length of the edges", .by_default = false})
      .observe({.name = "edge.local", .unit = "1", .doc = "share of edges shorter than 4 sigma", .by_default = false})
      .observe({.name = "giant.fraction", .unit = "1", .doc = "share of nodes in the largest connected component", .by_default = false})
      .check([](const Params& p) { (void)build(p); })
      .levels(ladder)
      .extend([](const Params& p, Case& bound) {
        const World w = build(p);
        const auto front = graph::dispersion(w.network.kernel, w.excess, w.beta, w.gamma);
        bound.notes.push_back(fmt::format("{} nodes, mean degree {}, R0 {}, {}", brief(w.nodes(), 9), brief(w.network.mean_kappa()), brief(w.reproduction()),
                                          front ? fmt::format("linear front speed c* = {} (s* = {})", brief(front->speed, 7), brief(front->s, 5)) : w.no_speed()));
        bound.notes.push_back("a trajectory is one network with one epidemic on it: errors are those between realisations of both");
        for (const std::string& warning : w.warnings) bound.notes.push_back(warning);
      });
}

}  // namespace meso::systems::random_spatial_networks
