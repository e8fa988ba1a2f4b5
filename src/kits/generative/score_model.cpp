#include "kits/generative/score_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <tuple>

#include "base/error.h"
#include "base/text.h"
#include "stat/wasserstein.h"

namespace meso::generative {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double beyond = 1e3;  // |x| of a particle that is lost
constexpr std::size_t line_bins = 350;

double normal_below(double x, double sd) { return 0.5 * std::erfc(-x / (sd * std::sqrt(2.0))); }
double squared(double x) { return x * x; }

/// Says that more than 1e-3 of what was sampled ended outside the box. Of the data themselves or by their exact score: the box is too narrow. Another score has driven it
/// out, and what is left of the law is no answer.
void warn_of_outside(const ScoreModel& m, bool driven, double share, const char* what, Answer& answer) {
  if (!(share > 1e-3)) return;
  const std::string box = m.dimension() == 1 ? fmt::format("[{}, {}]", brief(m.low), brief(m.high)) : fmt::format("[{}, {}] x [{}, {}]", brief(m.nodes.low_x), brief(m.nodes.high_x), brief(m.nodes.low_y), brief(m.nodes.high_y));
  const bool exact = !driven || m.score_name == "exact";
  answer.flags.push_back({.kind = exact ? "truncated" : "diverged",
                          .text = fmt::format("{} % of the {} left the box {}: {}", brief(100 * share, 3), what, box,
                                              exact ? "it is too narrow, and distances are those of what is left" : fmt::format("the score '{}' drives it out, where there are no data", m.score_name)),
                          .fatal = !exact});
}

bool wants_any(const Ask& ask, std::initializer_list<const char*> names) {
  return std::any_of(names.begin(), names.end(), [&](const char* name) { return ask.wants(name); });
}

const char* coordinate(std::size_t i) { return i == 0 ? "x" : "y"; }

/// Where distributions are read: on the line bins of [low, high]; in the plane the cells of the nodes.
Axis law_axis(const ScoreModel& m, std::size_t i) {
  Axis axis{coordinate(i), "1", {}};
  const std::size_t bins = m.dimension() == 1 ? line_bins : (i == 0 ? m.nodes.nx : m.nodes.ny);
  const double low = m.dimension() == 1 ? m.low : i == 0 ? m.nodes.low_x : m.nodes.low_y, high = m.dimension() == 1 ? m.high : i == 0 ? m.nodes.high_x : m.nodes.high_y;
  const double h = m.dimension() == 1 ? (high - low) / static_cast<double>(bins) : (high - low) / static_cast<double>(bins - 1), first = m.dimension() == 1 ? low : low - h / 2;
  for (std::size_t k = 0; k <= bins + 1; ++k) axis.points.push_back(first + h * static_cast<double>(k));  // the last one: all above
  return axis;
}

Axis mode_axis(const ScoreModel& m) {
  Axis axis{"mode", "1", {}};
  for (std::size_t k = 1; k <= m.data.mode_count(); ++k) axis.points.push_back(static_cast<double>(k));
  return axis;
}

/// The data at time t: a mixture.
sde::GaussianMixture noised(const ScoreModel& m, double t) { return m.data.mixture->diffused(m.process.scale(t), std::sqrt(m.process.variance(t))); }
std::function<double(double)> cdf_of(sde::GaussianMixture law) {
  return [law = std::move(law)](double x) { return law.cdf(x); };
}

/// Masses of the truth's law at t_min on the nodes: of a mixture by products of distribution functions, else of 2^21 draws from a fixed stream.
std::vector<double> truth_on_nodes(const ScoreModel& m) {
  const PlaneNodes& g = m.nodes;
  std::vector<double> mass(g.nx * g.ny, 0.0);
  if (m.data.mixture) {
    const sde::GaussianMixture law = noised(m, m.t_min);
    const double dx = g.x(1) - g.x(0), dy = g.y(1) - g.y(0);
    for (std::size_t k = 0; k < law.components(); ++k) {  // isotropic components: the mass of a cell is a product
      const double sd = std::sqrt(law.component_covariances()[4 * k]), mx = law.component_means()[2 * k], my = law.component_means()[2 * k + 1];
      std::vector<double> along_x, along_y;
      for (std::size_t i = 0; i < g.nx; ++i) along_x.push_back(normal_below(g.x(i) + dx / 2 - mx, sd) - normal_below(g.x(i) - dx / 2 - mx, sd));
      for (std::size_t j = 0; j < g.ny; ++j) along_y.push_back(normal_below(g.y(j) + dy / 2 - my, sd) - normal_below(g.y(j) - dy / 2 - my, sd));
      for (std::size_t j = 0; j < g.ny; ++j)
        for (std::size_t i = 0; i < g.nx; ++i) mass[j * g.nx + i] += law.weights()[k] * along_x[i] * along_y[j];
    }
  } else {
    constexpr std::size_t draws = 1 << 21;
    FastStream random = Stream(0, 0, "generative/truth/" + m.data.name).fast();
    std::vector<double> points(2 * draws);
    const double scale = m.process.scale(m.t_min), sd = std::sqrt(m.process.variance(m.t_min));
    for (std::size_t k = 0; k < draws; ++k) {
      m.data.draw(random, std::span(points).subspan(2 * k, 2));
      for (std::size_t i = 0; i < 2; ++i) points[2 * k + i] = scale * points[2 * k + i] + sd * random.normal();
    }
    mass = histogram(points, g).mass;
  }
  const double total = std::accumulate(mass.begin(), mass.end(), 0.0);
  for (double& v : mass) v /= total;
  return mass;
}

PiecewiseLaw truth_on_line(const ScoreModel& m, std::vector<double> faces) { return PiecewiseLaw::of(cdf_of(noised(m, m.t_min)), std::move(faces)); }

/// Law of binned masses on an axis of `law_axis`: what lies outside is shared by the rest.
PiecewiseLaw binned_law(const Axis& axis, std::span<const double> bins) {
  std::vector<double> x(axis.points.begin(), axis.points.end() - 1), below{0};
  for (std::size_t k = 1; k < x.size(); ++k) below.push_back(below.back() + bins[k]);
  return PiecewiseLaw::make(std::move(x), std::move(below));
}

Estimate scalar(const char* name, double value, double bound = 0) { return solved_estimate(name, "1", {}, {value}, {bound}); }

/// Fresh picture of a law in the plane.
Portrait plane_picture(const ScoreModel& m, std::span<const double> mass, const std::string& title) {
  Portrait p;
  p.name = "density";
  p.title = title;
  p.unit = "1";
  Axis x{"x", "1", {}}, y{"y", "1", {}};
  for (std::size_t i = 0; i < m.nodes.nx; ++i) x.points.push_back(m.nodes.x(i));
  for (std::size_t j = 0; j < m.nodes.ny; ++j) y.points.push_back(m.nodes.y(j));
  const double cell = (x.points[1] - x.points[0]) * (y.points[1] - y.points[0]);
  p.axes = {y, x};
  for (const double v : mass) p.value.push_back(v / cell);
  return p;
}

/// Pictures of a law on the line while noise turns into data: rows are sqrt(t) from t_min up, so that the last moments are seen.
struct Film {
  static constexpr std::size_t rows = 120, columns = 280;
  Portrait picture;
  std::vector<double> times, faces;
  Film(const ScoreModel& m, const std::string& title) {
    const double top = std::min(m.end, m.t_min + 4);
    Axis t{"sqrt(t)", "1", {}}, x{"x", "1", {}};
    for (std::size_t r = 0; r < rows; ++r) {
      t.points.push_back(std::sqrt(m.t_min) + (std::sqrt(top) - std::sqrt(m.t_min)) * static_cast<double>(r) / (rows - 1));
      times.push_back(squared(t.points.back()));
    }
    times.front() = m.t_min;
    times.back() = top;
    const double low = 0.6 * m.low, high = 0.6 * m.high;
    for (std::size_t c = 0; c <= columns; ++c) faces.push_back(low + (high - low) * static_cast<double>(c) / columns);
    for (std::size_t c = 0; c < columns; ++c) x.points.push_back(0.5 * (faces[c] + faces[c + 1]));
    picture.name = "density";
    picture.title = title;
    picture.unit = "1";
    picture.axes = {t, x};
    picture.value.assign(rows * columns, 0.0);
  }
  void draw(std::size_t row, const std::function<double(double)>& cdf) {
    double before = cdf(faces[0]);
    for (std::size_t c = 0; c < columns; ++c) {
      const double now = cdf(faces[c + 1]);
      picture.value[row * columns + c] = std::max(0.0, now - before) / (faces[c + 1] - faces[c]);
      before = now;
    }
  }
};

// ---- particles -------------------------------------------------------------------------------------------------------

enum class Way { diffusion, flow, truth };

/// Signals of a particle: coordinates and squares, the same after half as many steps (one Brownian path), modes, bins, and whether it was lost.
struct Particles {
  std::shared_ptr<const ScoreModel> model;
  Way way = Way::diffusion;

  struct Layout {
    std::size_t x, square, coarse, coarse_square, lost, modes, bins, coarse_bins;
  };
  [[nodiscard]] Layout layout() const {
    const std::size_t d = model->dimension();
    return {0, d, 2 * d, 3 * d, 4 * d, 4 * d + 1, 4 * d + 2, 4 * d + 3};
  }
  [[nodiscard]] std::size_t bin_count() const { return model->dimension() == 1 ? line_bins + 2 : model->nodes.nx * model->nodes.ny; }
  [[nodiscard]] bool halves() const { return way != Way::truth; }

  [[nodiscard]] Plan plan(const Ask& ask) const {
    const std::size_t d = model->dimension();
    Plan plan;
    for (const char* what : {"", "^2", " with half the steps", "^2 with half the steps"})
      for (std::size_t i = 0; i < d; ++i) plan.signals.push_back({.name = std::string(coordinate(i)) + what});
    plan.signals.push_back({.name = "lost", .lo = 0, .hi = 1});
    plan.signals.push_back({.name = "mode", .width = model->data.mode_count(), .lo = 0, .hi = 1});
    plan.signals.push_back({.name = "law", .width = bin_count(), .lo = 0, .hi = 1});
    if (d == 1) plan.signals.push_back({.name = "law with half the steps", .width = bin_count(), .lo = 0, .hi = 1});
    const Layout at = layout();
    for (std::size_t i = 0; i < d; ++i) {
      const std::string name = coordinate(i);
      if (ask.wants(name + ".mean")) plan.derived.push_back({.observable = name + ".mean", .unit = "1", .signals = {at.x + i}});
      if (ask.wants(name + ".variance"))
        plan.derived.push_back({.observable = name + ".variance", .unit = "1", .signals = {at.x + i, at.square + i}, .f = [](std::span<const double> m) { return m[1] - m[0] * m[0]; }});
    }
    if (ask.wants("mode.weight")) plan.derived.push_back({.observable = "mode.weight", .unit = "1", .signals = {at.modes}, .support = mode_axis(*model)});
    return plan;
  }

  [[nodiscard]] std::size_t bin(const double* x, const Axis& axis) const {
    if (model->dimension() == 1) return std::min<std::size_t>(static_cast<std::size_t>(std::lower_bound(axis.points.begin(), axis.points.end(), *x) - axis.points.begin()), line_bins + 1);
    const PlaneNodes& g = model->nodes;
    const double i = std::round((x[0] - g.low_x) / (g.x(1) - g.x(0))), j = std::round((x[1] - g.low_y) / (g.y(1) - g.y(0)));
    if (!(i >= 0 && i < static_cast<double>(g.nx) && j >= 0 && j < static_cast<double>(g.ny))) return bin_count();  // outside
    return static_cast<std::size_t>(j) * g.nx + static_cast<std::size_t>(i);
  }

  void start(FastStream& random, double* x) const {
    const std::size_t d = model->dimension();
    const double t = way == Way::truth ? model->t_min : model->end;
    if (way == Way::truth || model->exact_start) {
      model->data.draw(random, std::span(x, d));
      const double scale = model->process.scale(t), sd = std::sqrt(model->process.variance(t));
      for (std::size_t i = 0; i < d; ++i) x[i] = scale * x[i] + sd * random.normal();
    } else {
      const double sd = std::sqrt(model->process.stationary_variance());
      for (std::size_t i = 0; i < d; ++i) x[i] = sd * random.normal();
    }
  }

  Answer run(const Ask& ask, Context& context) const {
    try {
      return moved(ask, context);
    } catch (const NumericalBreakdown& error) {  // a score that could not be learned
      Answer answer;
      answer.flags.push_back({.kind = "diverged", .text = error.what(), .fatal = true});
      return answer;
    }
  }

  Answer moved(const Ask& ask, Context& context) const {
    const Plan plan = this->plan(ask);
    const bool laws = ask.portraits || wants_any(ask, {"x.distribution", "y.distribution", "truth.w2", "floor.w2"});
    Answer answer;
    if (plan.derived.empty() && !laws) return answer;
    const std::size_t d = model->dimension();
    const Layout at = layout();
    const Axis axis = law_axis(*model, 0);
    const std::shared_ptr<const Field> score = halves() ? model->score(context) : nullptr;
    std::vector<double> times;
    bool last_without_noise = false;
    if (halves()) {
      const std::string schedule = std::get<std::string>(ask.options.at("schedule").data);
      times = sampler_times(*model, schedule, static_cast<std::size_t>(as_number(ask.options.at("steps"))));
      last_without_noise = schedule == "paper";
    }
    const std::uint64_t seed = context.seed();
    const std::string purpose = context.purpose();
    const BatchSample sample = [&](std::uint64_t first, std::span<Tape> tapes) {
      const std::size_t n = tapes.size();
      std::vector<FastStream> random;
      std::vector<double> x(n * d), y;
      for (std::size_t k = 0; k < n; ++k) {
        random.push_back(Stream(seed, first + k, purpose + "/particle").fast());
        start(random[k], &x[k * d]);
      }
      y = x;
      if (halves()) move(times, last_without_noise, *score, random, x, y);
      for (std::size_t k = 0; k < n; ++k) {
        bool lost = false;
        for (std::size_t i = 0; i < d; ++i)
          for (double* z : {&x[k * d + i], &y[k * d + i]})
            if (!(std::abs(*z) < beyond)) {
              lost = lost || z == &x[k * d + i];
              *z = std::isnan(*z) ? beyond : std::clamp(*z, -beyond, beyond);
            }
        for (std::size_t i = 0; i < d; ++i) {
          tapes[k].record(at.x + i, 0, x[k * d + i]);
          tapes[k].record(at.square + i, 0, squared(x[k * d + i]));
          tapes[k].record(at.coarse + i, 0, y[k * d + i]);
          tapes[k].record(at.coarse_square + i, 0, squared(y[k * d + i]));
        }
        tapes[k].record(at.lost, 0, lost ? 1 : 0);
        tapes[k].record(at.modes, 0, 1, model->data.nearest_mode(std::span(x).subspan(k * d, d)));
        if (const std::size_t b = bin(&x[k * d], axis); b < bin_count()) tapes[k].record(at.bins, 0, 1, b);
        if (d == 1) tapes[k].record(at.coarse_bins, 0, 1, bin(&y[k], axis));
      }
    };
    const EnsembleResult result = context.ensemble("", plan, grain(), sample);
    answer.estimates = result.estimates;
    finish(ask, result, times.empty() ? 0 : times.size() - 1, seed, purpose, answer);
    return answer;
  }

  [[nodiscard]] std::uint64_t grain() const { return model->dimension() == 1 ? 512 : 256; }

  /// Euler's method, and beside it with every second time: the same noise.
  void move(const std::vector<double>& times, bool last_without_noise, const Field& score, std::vector<FastStream>& random, std::vector<double>& x, std::vector<double>& y) const {
    const ReverseDrift drift(score, model->process, way == Way::diffusion ? ReverseDrift::Kind::diffusion : ReverseDrift::Kind::probability_flow);
    const std::size_t n = random.size(), d = model->dimension();
    const double amplitude = way == Way::diffusion ? model->process.noise : 0;
    std::vector<double> v(x.size()), w(x.size()), kick(x.size());
    for (std::size_t s = 0; s + 1 < times.size(); ++s) {
      const double h = times[s] - times[s + 1];
      const bool noisy = amplitude > 0 && !(last_without_noise && s + 2 == times.size());
      if (s % 2 == 0) {
        drift.at(times[s], y, w);
        std::fill(kick.begin(), kick.end(), 0.0);
      }
      drift.at(times[s], x, v);
      const double root = amplitude * std::sqrt(h);
      for (std::size_t k = 0; k < n; ++k)
        for (std::size_t i = k * d; i < (k + 1) * d; ++i) {
          x[i] -= h * v[i];
          if (noisy) {
            const double dw = root * random[k].normal();
            x[i] += dw;
            kick[i] += dw;
          }
        }
      if (s % 2 == 1) {
        const double both = times[s - 1] - times[s + 1];
        for (std::size_t i = 0; i < y.size(); ++i) y[i] += kick[i] - both * w[i];
      }
    }
  }

  void finish(const Ask& ask, const EnsembleResult& result, std::size_t steps, std::uint64_t seed, const std::string& purpose, Answer& answer) const {
    const std::size_t d = model->dimension();
    const double n = static_cast<double>(result.trajectories);
    const Layout at = layout();
    const auto mean = [&](std::size_t signal) { return result.signal_mean[signal]; };  // those before the bins have width 1
    const std::size_t first_mode = 4 * d + 1, first_bin = first_mode + model->data.mode_count();
    const std::span<const double> bins = std::span(result.signal_mean).subspan(first_bin, bin_count());
    // Order 1: half the steps make twice the error, so that the difference is the error of the finer path; its sampling error is that of coupled paths.
    for (Estimate& e : answer.estimates)
      for (std::size_t i = 0; i < d && halves(); ++i) {
        const double by_mean = std::abs(mean(at.coarse + i) - mean(at.x + i));
        const double by_variance = std::abs(mean(at.coarse_square + i) - squared(mean(at.coarse + i)) - mean(at.square + i) + squared(mean(at.x + i)));
        if (e.observable == std::string(coordinate(i)) + ".mean") e.error_bound = {by_mean};
        if (e.observable == std::string(coordinate(i)) + ".variance") e.error_bound = {by_variance};
      }
    if (halves()) answer.why = fmt::format("{} steps", with_commas(steps));
    double step_distance = 0, kolmogorov_step = 0;
    const double outside = d == 1 ? bins.front() + bins.back() : 1 - std::accumulate(bins.begin(), bins.end(), 0.0);
    if (d == 1 && halves() && outside < 0.5) {
      const std::span<const double> coarse = std::span(result.signal_mean).subspan(first_bin + bin_count(), bin_count());
      if (coarse.front() + coarse.back() < 0.5) {
        const Axis axis = law_axis(*model, 0);
        const PiecewiseLaw fine_law = binned_law(axis, bins), coarse_law = binned_law(axis, coarse);
        step_distance = squared(wasserstein_2(fine_law, coarse_law));
        kolmogorov_step = kolmogorov(fine_law, coarse_law);
      }
    }
    for (std::size_t i = 0; i < d; ++i)
      if (const std::string name = std::string(coordinate(i)) + ".distribution"; ask.wants(name)) {
        Estimate e = solved_estimate(name, "1", {law_axis(*model, i)}, {});
        std::vector<double> share;
        if (d == 1) share.assign(bins.begin(), bins.end());
        else {
          share.assign(i == 0 ? model->nodes.nx + 2 : model->nodes.ny + 2, 0.0);
          for (std::size_t k = 0; k < bins.size(); ++k) share[1 + (i == 0 ? k % model->nodes.nx : k / model->nodes.nx)] += bins[k];
          share.back() += std::max(0.0, outside);
        }
        for (std::size_t b = 0; b < share.size(); ++b) {
          e.value.push_back(share[b]);
          e.std_error.push_back(std::sqrt(std::max(0.0, share[b] * (1 - share[b])) / std::max(1.0, n - 1)));
          e.error_bound.push_back(b == 0 ? kolmogorov_step : 0.0);
        }
        e.samples = result.trajectories;
        e.dof = n - 1;
        e.is_distribution = true;
        e.stream = purpose;
        answer.estimates.push_back(std::move(e));
      }
    if (wants_any(ask, {"truth.w2", "floor.w2"}) && outside < 0.5) {
      double floor = 0, distance = 0, error = 0;
      if (d == 1 && model->data.mixture) {
        const PiecewiseLaw seen = binned_law(law_axis(*model, 0), bins), truth = truth_on_line(*model, seen.x);
        floor = sampling_floor(truth, result.trajectories, Stream(seed, 0, purpose + "/floor"));
        distance = squared(wasserstein_2(seen, truth));
      } else if (d == 2) {
        const std::vector<double> truth = truth_on_nodes(*model);
        std::vector<double> seen(bins.begin(), bins.end());
        for (double& v : seen) v /= 1 - outside;
        floor = 0.5 * sampling_floor(model->nodes, truth, result.trajectories, Stream(seed, 0, purpose + "/floor"));  // of two samples: twice that of one
        const Transport t = sinkhorn(model->nodes, seen, truth);
        distance = t.squared;
        error = t.error;
      }
      // |W_2(seen, truth) - W_2(law, truth)| <= W_2(seen, law), whose mean square the floor is.
      const double bound = floor + 2 * std::sqrt(std::max(0.0, distance) * floor) + error;
      for (const auto& [name, value, b] : {std::tuple{"truth.w2", distance, bound}, {"floor.w2", floor, 0.35 * floor}})
        if (ask.wants(name)) {
          Estimate e = scalar(name, value, b);
          e.samples = result.trajectories;
          e.std_error = {0.0};
          e.dof = std::max(1.0, n - 1);
          e.stream = purpose;
          answer.estimates.push_back(std::move(e));
        }
      answer.flags.push_back({.kind = "note", .text = fmt::format("W_2^2 to the truth {}; {} samples of the truth itself would show {}{}", brief(distance), with_commas(result.trajectories), brief(floor),
                                                                    halves() ? fmt::format(". Half the steps move the law by W_2^2 = {}{}", brief(step_distance), step_distance > floor ? ": the steps are to blame for a part, take more" : "") : "")});
    }
    if (mean(at.lost) > 0)
      answer.flags.push_back({.kind = "diverged", .text = fmt::format("{} % of the particles went beyond |x| = {} or to no number: the score '{}' drives them out", brief(100 * mean(at.lost), 3), brief(beyond), model->score_name), .fatal = true});
    warn_of_outside(*model, way != Way::truth, outside, "samples", answer);
    if (halves()) warn_of_prior(answer);
    if (ask.portraits && d == 2) answer.portraits.push_back(plane_picture(*model, bins, "histogram of the samples"));
  }

  void warn_of_prior(Answer& answer) const {
    if (model->exact_start) return;
    const PriorMismatch p = prior_mismatch(*model);
    if (p.warn) answer.flags.push_back({.kind = "note", .text = describe(p, *model)});
  }
};

// ---- laws without particles ------------------------------------------------------------------------------------------

struct Kinetic {
  std::shared_ptr<const ScoreModel> model;
  bool flowing = false;

  Answer run(const Ask& ask, Context& context) const {
    try {
      return model->dimension() == 1 ? line(ask, context) : plane(ask, context);
    } catch (const NumericalBreakdown& error) {
      Answer answer;
      answer.flags.push_back({.kind = "diverged", .text = fmt::format("{}: {}", flowing ? "flow-map" : "fokker-planck", error.what()), .fatal = true});
      return answer;
    }
  }

  [[nodiscard]] Resolution resolution(const Ask& ask) const {
    return {model->low, model->high, static_cast<std::size_t>(as_number(ask.options.at("cells"))), static_cast<std::size_t>(as_number(ask.options.at("steps")))};
  }
  [[nodiscard]] std::function<double(double)> normal_start() const {
    return [sd = std::sqrt(model->process.stationary_variance())](double x) { return normal_below(x, sd); };
  }

  Answer line(const Ask& ask, Context& context) const {
    const ScoreModel& m = *model;
    const Resolution fine = resolution(ask), coarse = fine.halved();
    const std::shared_ptr<const Field> given = m.score(context);
    const bool mixture = m.data.mixture.has_value();
    const auto exact = mixture ? std::make_shared<MixturePotential>(*m.data.mixture, m.process) : nullptr;
    const auto exact_cdf = mixture ? cdf_of(noised(m, m.end)) : nullptr;
    const Sampling asked{given.get(), m.process, m.exact_start ? exact_cdf : normal_start(), m.end, m.t_min};
    Answer answer;
    double lost = 0, gap_bound = 0, coarse_bound = 0;
    const auto solve = [&](const Sampling& s, const Resolution& r, bool flow) {
      if (flow) return flow_law(s, r);
      DiffusionLaw d = diffusion_law(s, r);
      lost = std::max(lost, d.lost);
      (&r == &fine ? gap_bound : coarse_bound) = d.bound;
      return d.law;
    };
    const PiecewiseLaw law = solve(asked, fine, flowing), half = solve(asked, coarse, flowing);
    context.progress(0.4);
    // Order 2 in width and step together.
    const auto bound = [](double a, double b) { return 1.25 * std::abs(a - b) / 3 + 1e-12; };
    if (ask.wants("x.mean")) answer.estimates.push_back(scalar("x.mean", law.mean(), bound(law.mean(), half.mean()) + lost * (m.high - m.low)));
    if (ask.wants("x.variance")) answer.estimates.push_back(scalar("x.variance", law.variance(), bound(law.variance(), half.variance()) + lost * squared(m.high - m.low)));
    if (ask.wants("x.distribution")) answer.estimates.push_back(distribution(m, law, 1.25 * kolmogorov(law, half) / 3 + lost));
    if (ask.wants("mode.weight") && m.data.mode_count() > 0) answer.estimates.push_back(mode_weights(m, law, half));
    if (mixture) {
      const PiecewiseLaw truth = on_faces(cdf_of(noised(m, m.t_min)), fine), rough = on_faces(cdf_of(noised(m, m.t_min)), coarse);
      const auto to_truth = [&](const PiecewiseLaw& l) { return squared(wasserstein_2(l, truth)); };
      const double total = to_truth(law), error = bound(total, squared(wasserstein_2(half, rough)));
      if (ask.wants("truth.w2")) answer.estimates.push_back(scalar("truth.w2", total, error));
      if (wants_any(ask, {"truth.w2", "prior.w2", "score.w2"})) {
        const Sampling by_prior{exact.get(), m.process, asked.start, m.end, m.t_min}, by_score{given.get(), m.process, exact_cdf, m.end, m.t_min};
        const auto squared_pair = [&](const Sampling& s) {
          const double at_fine = to_truth(solve(s, fine, flowing)), at_coarse = squared(wasserstein_2(solve(s, coarse, flowing), rough));
          return std::pair(at_fine, bound(at_fine, at_coarse));
        };
        const std::array<double, 3> kept{gap_bound, coarse_bound, lost};  // of the question itself
        const auto [prior, prior_error] = squared_pair(by_prior);
        context.progress(0.7);
        const auto [score, score_error] = m.exact_start ? std::pair(total, error) : squared_pair(by_score);
        std::tie(gap_bound, coarse_bound, lost) = std::tuple(kept[0], kept[1], kept[2]);
        if (ask.wants("prior.w2")) answer.estimates.push_back(scalar("prior.w2", prior, prior_error));
        if (ask.wants("score.w2")) answer.estimates.push_back(scalar("score.w2", score, score_error));
        const bool none = total <= 4 * error + 1e-7;
        answer.flags.push_back({.kind = "note", .text = fmt::format("W_2^2 to the truth {}: {}. The start alone (exact score) leaves {}, the score alone (exact p_T) {}, the grid {}", brief(total),
                                                                      none ? "none that this grid sees" : prior > 2 * score ? "the prior is to blame" : score > 2 * prior ? "the score is to blame" : "prior and score share it", brief(prior),
                                                                      brief(score), brief(error, 2))});
      }
    }
    if (!flowing && ask.wants("gap.bound")) {
      if (std::isfinite(gap_bound)) {
        Estimate e = scalar("gap.bound", gap_bound, std::abs(gap_bound - coarse_bound));
        answer.estimates.push_back(std::move(e));
      }
      const double distance = wasserstein_2(solve(asked, fine, true), law);
      answer.flags.push_back({.kind = "note", .observable = "gap.bound",
                              .text = is_vacuous(gap_bound, distance) ? fmt::format("W_2 of flow and diffusion is {}; the bound, {}, is vacuous: more than 10 times that (grad s is large between modes)", brief(distance), brief(gap_bound, 3))
                                                                      : fmt::format("W_2 of flow and diffusion is {}, the bound {}", brief(distance), brief(gap_bound))});
    }
    if (flowing && ask.wants("gap.w2")) {
      const double gap = squared(wasserstein_2(law, solve(asked, fine, false))), rough = squared(wasserstein_2(half, solve(asked, coarse, false)));
      answer.estimates.push_back(scalar("gap.w2", gap, bound(gap, rough)));
    }
    residuals(ask, *given, answer, 120, 281);
    if (!flowing) warn_of_outside(m, true, lost, "law", answer);
    answer.why = fmt::format("{} cells, {} steps", with_commas(fine.cells), with_commas(fine.steps));
    warn(answer);
    if (ask.portraits) answer.portraits.push_back(film(asked, fine));
    context.progress(1);
    return answer;
  }

  [[nodiscard]] static Estimate distribution(const ScoreModel& m, const PiecewiseLaw& law, double bound) {
    const Axis axis = law_axis(m, 0);
    Estimate e = solved_estimate("x.distribution", "1", {axis}, {});
    double before = 0;
    for (std::size_t k = 0; k < axis.points.size(); ++k) {
      const double now = k + 1 < axis.points.size() ? law.cdf(axis.points[k]) : 1.0;
      e.value.push_back(now - before);
      e.error_bound.push_back(k == 0 ? bound : 0.0);  // one bound for the whole distribution function stands at its first bin
      before = now;
    }
    e.is_distribution = true;
    return e;
  }

  [[nodiscard]] static std::vector<double> weights_of(const ScoreModel& m, const std::function<double(double)>& cdf) {
    std::vector<double> w;
    double before = 0;
    for (std::size_t k = 0; k < m.data.mode_count(); ++k) {
      const double now = k + 1 < m.data.mode_count() ? cdf(0.5 * (m.data.modes[k] + m.data.modes[k + 1])) : 1.0;
      w.push_back(now - before);
      before = now;
    }
    return w;
  }
  [[nodiscard]] static Estimate mode_weights(const ScoreModel& m, const PiecewiseLaw& law, const PiecewiseLaw& half) {
    const std::vector<double> w = weights_of(m, [&](double x) { return law.cdf(x); }), v = weights_of(m, [&](double x) { return half.cdf(x); });
    std::vector<double> error;
    for (std::size_t k = 0; k < w.size(); ++k) error.push_back(1.25 * std::abs(w[k] - v[k]) / 3 + 1e-12);
    return solved_estimate("mode.weight", "1", {mode_axis(m)}, w, error);
  }

  void residuals(const Ask& ask, const Field& score, Answer& answer, std::size_t times, std::size_t along) const {
    if (flowing || !wants_any(ask, {"residual.uniform", "residual.weighted"})) return;
    const auto* u = dynamic_cast<const Potential*>(&score);
    if (u == nullptr) {
      std::vector<double> points;
      for (std::size_t k = 0; k < 200; ++k) {
        Stream random(0, k, "generative/curl");
        for (std::size_t i = 0; i < model->dimension(); ++i) points.push_back(7 * random.uniform() - 3.5);
      }
      const double t = std::max(model->t_min, 0.1 * model->end);
      const Curl c = curl(score, t, points);
      answer.flags.push_back({.kind = "note", .observable = "residual.uniform",
                              .text = fmt::format("the score '{}' is not given as a gradient: no residual R. Its curl, sup |J - J^T| over sup |J + J^T| at t = {}, is {}", model->score_name, brief(t), brief(c.relative, 2))});
      return;
    }
    const ResidualSquare full = mean_square_residual(*u, *model, times, along), rough = mean_square_residual(*u, *model, times / 2, along / 2);
    if (ask.wants("residual.uniform")) answer.estimates.push_back(scalar("residual.uniform", full.uniform, std::abs(full.uniform - rough.uniform) + 1e-18));
    if (ask.wants("residual.weighted") && model->data.mixture) answer.estimates.push_back(scalar("residual.weighted", full.weighted, std::abs(full.weighted - rough.weighted) + 1e-18));
  }

  void warn(Answer& answer) const {
    if (model->exact_start) return;
    const PriorMismatch p = prior_mismatch(*model);
    if (p.warn) answer.flags.push_back({.kind = "note", .text = describe(p, *model)});
  }

  [[nodiscard]] Portrait film(const Sampling& s, const Resolution& r) const {
    Film film(*model, flowing ? "density of the probability flow, from noise (top) to data" : "density of the reverse diffusion, from noise (top) to data");
    if (flowing) {
      const ReverseDrift drift(*s.score, s.process, ReverseDrift::Kind::probability_flow);
      const Drift v = drift_of(drift);
      std::vector<double> x, below;
      for (std::size_t k = 0; k <= 6000; ++k) x.push_back(r.low + (r.high - r.low) * static_cast<double>(k) / 6000);
      for (const double at : x) below.push_back(s.start(at));
      double t = s.end;
      for (std::size_t row = film.times.size(); row-- > 0;) {
        if (film.times[row] < t) flow(v, time_grid(t, film.times[row], row + 1 == film.times.size() ? 60 : 6, film.times[row], 1), x);
        t = film.times[row];
        for (std::size_t k = 1; k < x.size(); ++k) x[k] = std::max(x[k], std::nextafter(x[k - 1], 1e9));
        const PiecewiseLaw law = PiecewiseLaw::make(x, below);
        film.draw(row, [&](double at) { return law.cdf(at); });
      }
    } else {
      std::size_t row = film.times.size();
      (void)diffusion_law(s, r, [&](double t, const GridLaw& at) {
        while (row > 0 && film.times[row - 1] >= t - 1e-12) {
          --row;
          const PiecewiseLaw law = at.law();
          film.draw(row, [&](double x) { return law.cdf(x); });
        }
      });
    }
    return std::move(film.picture);
  }

  // ---- in the plane ----
  struct Plane {
    std::vector<double> mass;  // on the nodes
    std::vector<double> mean, variance, modes;
    double outside = 0;
  };
  void tally(Plane& p, double x, double y, double weight) const {
    const PlaneNodes& g = model->nodes;
    const double i = std::round((x - g.low_x) / (g.x(1) - g.x(0))), j = std::round((y - g.low_y) / (g.y(1) - g.y(0)));
    if (i >= 0 && i < static_cast<double>(g.nx) && j >= 0 && j < static_cast<double>(g.ny)) p.mass[static_cast<std::size_t>(j) * g.nx + static_cast<std::size_t>(i)] += weight;
    else p.outside += weight;
    p.mean[0] += weight * x;
    p.mean[1] += weight * y;
    p.variance[0] += weight * x * x;
    p.variance[1] += weight * y * y;
    p.modes[model->data.nearest_mode(std::vector<double>{x, y})] += weight;
  }
  [[nodiscard]] Plane empty() const { return {std::vector<double>(model->nodes.nx * model->nodes.ny, 0.0), {0, 0}, {0, 0}, std::vector<double>(model->data.mode_count(), 0.0), 0}; }
  [[nodiscard]] std::function<double(double, double)> plane_start() const {
    if (model->exact_start) return [law = noised(*model, model->end)](double x, double y) { return std::exp(law.log_density(std::vector<double>{x, y})); };
    return [v = model->process.stationary_variance()](double x, double y) { return std::exp(-(x * x + y * y) / (2 * v)); };
  }
  /// `refine` cells along each side of a node's cell, and a margin of a quarter of the box.
  [[nodiscard]] Plane plane_law(const Field& score, std::size_t refine, std::size_t steps, bool flow) const {
    const PlaneNodes& g = model->nodes;
    const double dx = g.x(1) - g.x(0), dy = g.y(1) - g.y(0);
    const std::size_t margin_x = g.nx / 8, margin_y = g.ny / 8;
    const Cells along_x{g.low_x - dx * (0.5 + static_cast<double>(margin_x)), g.high_x + dx * (0.5 + static_cast<double>(margin_x)), refine * (g.nx + 2 * margin_x)};
    const Cells along_y{g.low_y - dy * (0.5 + static_cast<double>(margin_y)), g.high_y + dy * (0.5 + static_cast<double>(margin_y)), refine * (g.ny + 2 * margin_y)};
    const std::vector<double> times = time_grid(model->end, model->t_min, steps, model->t_min);
    PlaneLaw law(along_x, along_y, plane_start());
    Plane p = empty();
    if (!flow) {
      const ReverseDrift drift(score, model->process, ReverseDrift::Kind::diffusion);
      diffuse(law, drift, [&](double) { return model->process.diffusion(); }, times);
      for (std::size_t j = 0; j < law.cells(1); ++j)
        for (std::size_t i = 0; i < law.cells(0); ++i) tally(p, law.centre(0, i), law.centre(1, j), law.mass()[j * law.cells(0) + i]);
      p.outside += law.lost();
    } else {
      // The cells of the start as points with their mass, four a cell, moved by Runge-Kutta of order 4.
      const ReverseDrift drift(score, model->process, ReverseDrift::Kind::probability_flow);
      std::vector<double> x, weight;
      for (std::size_t j = 0; j < law.cells(1); ++j)
        for (std::size_t i = 0; i < law.cells(0); ++i) {
          const double w = law.mass()[j * law.cells(0) + i];
          if (w < 1e-12) continue;
          for (const double a : {-0.25, 0.25})
            for (const double b : {-0.25, 0.25}) {
              x.insert(x.end(), {law.centre(0, i) + a * law.width(0), law.centre(1, j) + b * law.width(1)});
              weight.push_back(w / 4);
            }
        }
      flow_plane(drift, times, x);
      for (std::size_t k = 0; k < weight.size(); ++k) {
        if (!std::isfinite(x[2 * k]) || !std::isfinite(x[2 * k + 1])) throw NumericalBreakdown("the flow takes points beyond every bound");
        tally(p, x[2 * k], x[2 * k + 1], weight[k]);
      }
    }
    double total = 0;
    for (const double w : p.modes) total += w;
    for (double& w : p.modes) w /= total;
    for (std::size_t i = 0; i < 2; ++i) {
      p.mean[i] /= total;
      p.variance[i] = p.variance[i] / total - squared(p.mean[i]);
    }
    return p;
  }
  static void flow_plane(const Field& drift, const std::vector<double>& times, std::vector<double>& x) {
    flow([&](double t, std::span<const double> at, std::span<double> v) { drift.at(t, at, v); }, times, x);
  }

  Answer plane(const Ask& ask, Context& context) const {
    const ScoreModel& m = *model;
    const std::shared_ptr<const Field> given = m.score(context);
    const auto refine = static_cast<std::size_t>(as_number(ask.options.at("refine"))), steps = static_cast<std::size_t>(as_number(ask.options.at("steps")));
    const std::size_t used = flowing ? std::max<std::size_t>(steps / 4, 20) : steps;  // order 4 needs fewer
    const Plane law = plane_law(*given, refine, used, flowing);
    context.progress(0.6);
    const Plane half = plane_law(*given, std::max<std::size_t>(refine / 2, 1), used / 2, flowing);
    context.progress(0.8);
    Answer answer;
    const auto bound = [&](double a, double b) { return 1.25 * std::abs(a - b) / (refine > 1 ? 3 : 1) + 1e-10; };
    for (std::size_t i = 0; i < 2; ++i) {
      const std::string name = coordinate(i);
      if (ask.wants(name + ".mean")) answer.estimates.push_back(scalar((name + ".mean").c_str(), law.mean[i], bound(law.mean[i], half.mean[i])));
      if (ask.wants(name + ".variance")) answer.estimates.push_back(scalar((name + ".variance").c_str(), law.variance[i], bound(law.variance[i], half.variance[i])));
      if (ask.wants(name + ".distribution")) {
        Estimate e = solved_estimate(name + ".distribution", "1", {law_axis(m, i)}, {});
        const auto marginal = [&](const Plane& p) {
          std::vector<double> share(i == 0 ? m.nodes.nx + 2 : m.nodes.ny + 2, 0.0);
          for (std::size_t k = 0; k < p.mass.size(); ++k) share[1 + (i == 0 ? k % m.nodes.nx : k / m.nodes.nx)] += p.mass[k];
          share.back() += p.outside;
          return share;
        };
        e.value = marginal(law);
        const std::vector<double> rough = marginal(half);
        double worst = 0, apart = 0;
        for (std::size_t b = 0; b < rough.size(); ++b) {
          apart += e.value[b] - rough[b];
          worst = std::max(worst, std::abs(apart));
        }
        e.error_bound.assign(rough.size(), 0.0);
        e.error_bound[0] = 1.25 * worst / (refine > 1 ? 3 : 1) + law.outside;
        e.is_distribution = true;
        answer.estimates.push_back(std::move(e));
      }
    }
    if (ask.wants("mode.weight")) {
      std::vector<double> error;
      for (std::size_t k = 0; k < law.modes.size(); ++k) error.push_back(bound(law.modes[k], half.modes[k]));
      answer.estimates.push_back(solved_estimate("mode.weight", "1", {mode_axis(m)}, law.modes, error));
    }
    const auto normalised = [](std::vector<double> mass) {
      const double total = std::accumulate(mass.begin(), mass.end(), 0.0);
      for (double& v : mass) v = std::max(0.0, v) / total;
      const double again = std::accumulate(mass.begin(), mass.end(), 0.0);  // a step may leave cells below zero by its error
      for (double& v : mass) v /= again;
      return mass;
    };
    const auto transport = [&](const char* name, const std::vector<double>& a, const std::vector<double>& b, const std::vector<double>& rough) {
      const Transport t = sinkhorn(m.nodes, a, b), by_grid = sinkhorn(m.nodes, a, rough);
      // |W(a, b) - W(a', b)| <= W(a, a') for the law a' without a grid, of whose distance the coarser grid tells as `bound` says.
      const double moved = std::sqrt(std::max(0.0, by_grid.squared)) * (refine > 1 ? 1.25 / 3 : 1);
      answer.estimates.push_back(scalar(name, t.squared, t.error + moved * moved + 2 * moved * std::sqrt(std::max(0.0, t.squared))));
    };
    if (ask.wants("truth.w2")) {
      const std::vector<double> truth = truth_on_nodes(m);
      transport("truth.w2", normalised(law.mass), truth, normalised(half.mass));
      if (m.data.mixture) {  // whom to blame, on the coarser grid: the given score beside the exact one, from the same start
        const MixturePotential exact(*m.data.mixture, m.process);
        const double with_given = sinkhorn(m.nodes, normalised(half.mass), truth).squared;
        const double with_exact = sinkhorn(m.nodes, normalised(plane_law(exact, std::max<std::size_t>(refine / 2, 1), used / 2, flowing).mass), truth).squared;
        answer.flags.push_back({.kind = "note", .text = fmt::format("W_2^2 to the truth on half the grid {}, with the exact score from the same start {}: {}", brief(with_given), brief(with_exact),
                                                                      with_given > 4 * std::max(with_exact, 1e-5) ? "the score is to blame" : "what there is is the start's and the grid's")});
      }
    }
    if (flowing && ask.wants("gap.w2")) transport("gap.w2", normalised(law.mass), normalised(plane_law(*given, refine, steps, false).mass), normalised(half.mass));
    residuals(ask, *given, answer, 40, 57);
    warn_of_outside(m, true, law.outside, "law", answer);
    answer.why = fmt::format("{} x {} nodes, {} steps", m.nodes.nx, m.nodes.ny, used);
    warn(answer);
    if (ask.portraits) answer.portraits.push_back(plane_picture(m, law.mass, flowing ? "density of the probability flow" : "density of the reverse diffusion"));
    return answer;
  }
};

/// The data's own law, closed form.
struct ExactLaw {
  std::shared_ptr<const ScoreModel> model;

  Answer run(const Ask& ask, Context&) const {
    const ScoreModel& m = *model;
    const sde::GaussianMixture law = noised(m, m.t_min);
    const std::size_t d = m.dimension();
    const std::vector<double> mean = law.mean(), covariance = law.covariance();
    Answer answer;
    for (std::size_t i = 0; i < d; ++i) {
      const std::string name = coordinate(i);
      if (ask.wants(name + ".mean")) answer.estimates.push_back(scalar((name + ".mean").c_str(), mean[i], 1e-15));
      if (ask.wants(name + ".variance")) answer.estimates.push_back(scalar((name + ".variance").c_str(), covariance[i * d + i], 1e-15));
      if (ask.wants(name + ".distribution")) {
        std::vector<double> means, sd;
        for (std::size_t k = 0; k < law.components(); ++k) {
          means.push_back(law.component_means()[k * d + i]);
          sd.push_back(std::sqrt(law.component_covariances()[(k * d + i) * d + i]));
        }
        const sde::GaussianMixture marginal = sde::GaussianMixture::isotropic(law.weights(), means, sd);
        const Axis axis = law_axis(m, i);
        Estimate e = solved_estimate(name + ".distribution", "1", {axis}, {});
        double before = 0;
        for (std::size_t k = 0; k < axis.points.size(); ++k) {
          const double now = k + 1 < axis.points.size() ? marginal.cdf(axis.points[k]) : 1.0;
          e.value.push_back(now - before);
          e.error_bound.push_back(k == 0 ? 1e-15 : 0.0);
          before = now;
        }
        e.is_distribution = true;
        answer.estimates.push_back(std::move(e));
      }
    }
    if (ask.wants("mode.weight")) {
      if (d == 1) {
        answer.estimates.push_back(solved_estimate("mode.weight", "1", {mode_axis(m)}, Kinetic::weights_of(m, [&](double x) { return law.cdf(x); }), std::vector<double>(m.data.mode_count(), 1e-15)));
      } else {
        std::vector<double> w(m.data.mode_count(), 0.0), rough = w;
        for (const std::size_t n : {600, 300}) {  // midpoint rule; halved for its error
          const double h = 12.0 / static_cast<double>(n);
          std::vector<double>& out = n == 600 ? w : rough;
          for (std::size_t j = 0; j < n; ++j)
            for (std::size_t i = 0; i < n; ++i) {
              const std::vector<double> x{-6 + h * (static_cast<double>(i) + 0.5), -6 + h * (static_cast<double>(j) + 0.5)};
              out[m.data.nearest_mode(x)] += std::exp(law.log_density(x)) * h * h;
            }
        }
        std::vector<double> error;
        for (std::size_t k = 0; k < w.size(); ++k) error.push_back(std::abs(w[k] - rough[k]) + 1e-12);
        answer.estimates.push_back(solved_estimate("mode.weight", "1", {mode_axis(m)}, w, error));
      }
    }
    for (const char* zero : {"truth.w2", "gap.w2", "prior.w2", "score.w2"})
      if (ask.wants(zero)) answer.estimates.push_back(scalar(zero, 0));
    if (wants_any(ask, {"residual.uniform", "residual.weighted"}))
      for (const char* zero : {"residual.uniform", "residual.weighted"})
        if (ask.wants(zero)) answer.estimates.push_back(scalar(zero, 0));
    if (ask.portraits) {
      if (d == 1) {
        Film film(m, "density of noised data, exact");
        for (std::size_t row = 0; row < film.times.size(); ++row) film.draw(row, cdf_of(noised(m, film.times[row])));
        answer.portraits.push_back(std::move(film.picture));
      } else {
        answer.portraits.push_back(plane_picture(m, truth_on_nodes(m), "density of the data"));
      }
    }
    return answer;
  }
};

ParameterInfo integer_option(const char* name, const char* doc, std::int64_t fallback, double min, double max) {
  return {.name = name, .unit = "1", .doc = doc, .type = ParameterInfo::Type::integer, .fallback = Value(fallback), .min = min, .max = max};
}

}  // namespace

void check(const ScoreModel& m, const std::string& owner) {
  if (!(m.end > m.t_min)) throw ParameterError(fmt::format("{}: t_min = {} and T = {}; sampling runs from T down to t_min, so that t_min must be below T", owner, brief(m.t_min), brief(m.end)));
  if (m.data.singular && !(m.t_min > 0))
    throw ParameterError(fmt::format("{}: t_min = 0 with data '{}', whose law is singular there ({}): the score grows as 1/t. This is refused, not clipped: set t_min above 0, 0.001 say", owner, m.data.name,
                                     m.dimension() == 1 ? "sd = 0" : "its density jumps"));
  if (m.exact_start && !m.data.mixture) throw ParameterError(fmt::format("{}: prior = exact needs p_T in closed form, which mixtures have; data '{}' is none. Use prior = normal", owner, m.data.name));
  if (!(m.low < m.high)) throw ParameterError(fmt::format("{}: low = {} and high = {}; low must be below high", owner, brief(m.low), brief(m.high)));
}

PriorMismatch prior_mismatch(const ScoreModel& m) {
  PriorMismatch p;
  const std::size_t d = m.dimension();
  const double scale = m.process.scale(m.end), sd = std::sqrt(m.process.stationary_variance());
  for (std::size_t k = 0; k < m.data.mode_count(); ++k) {
    double square = 0;
    for (std::size_t i = 0; i < d; ++i) square += squared(m.data.modes[k * d + i]);
    p.shift = std::max(p.shift, scale * std::sqrt(square) / sd);
  }
  p.warn = p.shift > 0.01;
  p.squared = nan;
  if (d == 1 && m.data.mixture) {
    const double low = std::min(m.low, -8 * sd), high = std::max(m.high, 8 * sd);
    const Resolution r{low, high, 1400, 500};
    p.w2_at_end = wasserstein_2(on_faces(cdf_of(noised(m, m.end)), r), on_faces([&](double x) { return normal_below(x, sd); }, r));
    if (p.warn) {
      const MixturePotential exact(*m.data.mixture, m.process);
      const Sampling s{&exact, m.process, [&](double x) { return normal_below(x, sd); }, m.end, m.t_min};
      p.squared = squared(wasserstein_2(flow_law(s, r), on_faces(cdf_of(noised(m, m.t_min)), r)));
    }
  } else {
    double square = 0;
    for (std::size_t i = 0; i < d; ++i) square += squared(scale * m.data.mean[i]) + squared(std::sqrt(scale * scale * m.data.variance[i] + m.process.variance(m.end)) - sd);
    p.w2_at_end = std::sqrt(square);
  }
  return p;
}

std::string describe(const PriorMismatch& p, const ScoreModel& m) {
  return fmt::format("prior mismatch: at T = {} the data's modes still move p_T by {} % of a standard deviation (1 % is the limit); W_2 of p_T and the normal start is {}{}. Raise T, or take prior = exact", brief(m.end), brief(100 * p.shift, 3),
                     brief(p.w2_at_end, 3), std::isnan(p.squared) ? "" : fmt::format(", which alone leaves W_2^2 = {} between flow samples and truth", brief(p.squared, 3)));
}

ResidualSquare mean_square_residual(const Potential& u, const ScoreModel& m, std::size_t times, std::size_t along) {
  const std::size_t d = u.dimension(), n = d == 1 ? along : along * along;
  const double first = std::max(m.t_min, 1e-5), h = 7.0 / static_cast<double>(along);
  std::vector<double> points;
  for (std::size_t k = 0; k < n; ++k) {
    points.push_back(-3.5 + h * (static_cast<double>(k % along) + 0.5));
    if (d == 2) points.push_back(-3.5 + h * (static_cast<double>(k / along) + 0.5));
  }
  ResidualSquare sum;
  for (std::size_t s = 0; s < times; ++s) {
    // Even in t by a rule that is dense near the data: t = first + (T - first) q^3, weight 3 q^2.
    const double q = (static_cast<double>(s) + 0.5) / static_cast<double>(times), t = first + (m.end - first) * q * q * q, weight = 3 * q * q / static_cast<double>(times);
    const std::vector<double> r = residual(u, m.process, t, points);
    double uniform = 0, weighted = 0, total = 0;
    const std::optional<sde::GaussianMixture> law = m.data.mixture ? std::optional(noised(m, t)) : std::nullopt;
    for (std::size_t k = 0; k < n; ++k) {
      uniform += r[k] * r[k] / static_cast<double>(n);
      if (!law) continue;
      const double p = std::exp(law->log_density(std::span(points).subspan(k * d, d)));
      weighted += p * r[k] * r[k];
      total += p;
    }
    sum.uniform += weight * uniform;
    sum.weighted += law && total > 0 ? weight * weighted / total : nan;
  }
  return sum;
}

std::vector<double> sampler_times(const ScoreModel& m, const std::string& schedule, std::size_t steps) {
  steps += steps % 2;  // half as many are a path too
  if (schedule != "paper") return time_grid(m.end, m.t_min, steps, m.t_min);
  if (steps < 20) throw ParameterError(fmt::format("schedule = paper cuts the last ten steps in ten each: steps = {}; it must be at least 20", steps));
  std::vector<double> times;
  const double h = (m.end - m.t_min) / static_cast<double>(steps);
  for (std::size_t k = 0; k + 10 <= steps; ++k) times.push_back(m.end - h * static_cast<double>(k));
  for (std::size_t k = 1; k <= 100; ++k) times.push_back(m.t_min + 0.1 * h * static_cast<double>(100 - k));
  return times;
}

std::vector<ObservableInfo> observables(const ScoreModel& m) {
  std::vector<ObservableInfo> all;
  for (std::size_t i = 0; i < m.dimension(); ++i) {
    const std::string x = coordinate(i);
    all.push_back({.name = x + ".mean", .unit = "1", .doc = fmt::format("mean of {0} at t_min: <{0}>", x), .scale = {Scale::Kind::power, {x + ".variance"}, 0.5}});
    all.push_back({.name = x + ".variance", .unit = "1", .doc = fmt::format("variance of {0} at t_min: <{0}^2> - <{0}>^2", x)});
  }
  for (std::size_t i = 0; i < m.dimension(); ++i)
    all.push_back({.name = std::string(coordinate(i)) + ".distribution", .unit = "1", .doc = fmt::format("probability that {} lies between the point before and this one (first: all below; last: all above)", coordinate(i))});
  all.push_back({.name = "mode.weight", .unit = "1", .doc = "probability that the nearest centre of the data's components is this one, on the line from left to right"});
  all.push_back({.name = "truth.w2", .unit = "1", .doc = "W_2^2 between the law of the level at t_min and the data's (noised to t_min): int (Q - Q_data)^2 du; in the plane by debiased Sinkhorn, eps = 0.01, on the nodes"});
  all.push_back({.name = "gap.w2", .unit = "1", .doc = "W_2^2 between the laws of probability flow and reverse diffusion, same score, same start", .by_default = false});
  if (m.dimension() == 1) {
    all.push_back({.name = "prior.w2", .unit = "1", .doc = "W_2^2 to the truth with the exact score from the same start: what the start is to blame for", .by_default = false});
    all.push_back({.name = "score.w2", .unit = "1", .doc = "W_2^2 to the truth with the same score from the exact p_T: what the score is to blame for", .by_default = false});
    all.push_back({.name = "gap.bound", .unit = "1", .doc = "bound on W_2 (not squared) of flow and diffusion by the score's own error, int exp(int L) g^2/2 |grad log p - s| dt; may say nothing", .by_default = false});
  }
  all.push_back({.name = "floor.w2", .unit = "1", .doc = "mean W_2^2 between as many samples of the truth and the truth: no sampled truth.w2 can be told from it", .by_default = false});
  all.push_back({.name = "residual.uniform", .unit = "1", .doc = "mean of R[u]^2 over t in [max(t_min, 1e-5), T] and x in [-3.5, 3.5]^d, both even", .by_default = false});
  all.push_back({.name = "residual.weighted", .unit = "1", .doc = "mean of R[u]^2 over even t, x weighted by p_t within [-3.5, 3.5]^d", .by_default = false});
  return all;
}

std::vector<Level> levels(std::shared_ptr<const ScoreModel> model) {
  const bool line = model->dimension() == 1;
  const char* source = "Deveney et al. (2023), Closing the ODE-SDE gap in score-based diffusion models through the Fokker-Planck equation";
  const std::vector<ParameterInfo> stepping{integer_option("steps", "Euler steps from T to t_min (rounded up to even)", 800, 2, 1000000),
                                            {.name = "schedule", .unit = "", .doc = "times of the steps: quadratic towards t_min, or the paper's: even, the last ten cut in ten each, the very last without noise",
                                             .type = ParameterInfo::Type::text, .fallback = Value("quadratic"), .allowed = {"quadratic", "paper"}}};
  const std::vector<ParameterInfo> grid = line ? std::vector<ParameterInfo>{integer_option("cells", "cells of [low, high]; half as many for the error", 1000, 40, 100000), integer_option("steps", "steps from T to t_min, quadratic towards it", 800, 20, 1000000)}
                                               : std::vector<ParameterInfo>{integer_option("refine", "cells along each side of a node's cell", 2, 1, 16), integer_option("steps", "steps from T to t_min, quadratic towards it", 240, 20, 1000000)};
  std::vector<Level> all;
  const auto add = [&](LevelInfo info, auto level) { all.push_back({std::move(info), [level](const Ask& ask, Context& context) { return level.run(ask, context); }}); };
  const Particles diffusion{model, Way::diffusion}, flowing{model, Way::flow}, truth{model, Way::truth};
  add({.name = "reverse-sde", .rung = Rung::micro, .doc = "particles by the reverse diffusion dx = (-f + g^2 s) dtau + g dW, Euler's method; step error from half as many steps along the same noise", .source = source, .options = stepping, .sampled = true, .grain = diffusion.grain()}, diffusion);
  add({.name = "probability-flow", .rung = Rung::micro, .doc = "particles by the probability flow dx = (-f + g^2 s/2) dtau, Euler's method", .parent = "reverse-sde",
       .approximation = "noise replaced by the velocity -g^2/2 grad log p that it has on average, with the score for grad log p: the law stays if the score obeys the Fokker-Planck equation", .source = source, .options = stepping, .sampled = true, .grain = flowing.grain()}, flowing);
  add({.name = "samples", .rung = Rung::micro, .doc = "draws of the data, noised to t_min: what perfect samples would look like", .source = source, .sampled = true, .grain = truth.grain()}, truth);
  add({.name = "fokker-planck", .rung = Rung::master, .doc = "law of the reverse diffusion on a positive, conservative grid, backwards in time", .parent = "reverse-sde", .approximation = "infinitely many particles and infinitely short steps: nothing is given up but the width of a cell",
       .source = source, .options = grid}, Kinetic{model, false});
  add({.name = "flow-map", .rung = Rung::mean_field, .doc = line ? "law of the probability flow by the map of its quantiles" : "law of the probability flow by points of the start with their mass", .parent = "fokker-planck",
       .approximation = "noise replaced by the velocity -g^2/2 grad log p that it has on average, with the score for grad log p", .source = source, .options = grid}, Kinetic{model, true});
  if (model->data.mixture)
    add({.name = "exact", .rung = Rung::master, .doc = "the data's own law, noised to t_min, in closed form", .parent = "fokker-planck", .approximation = "score and start taken for exact", .source = source}, ExactLaw{model});
  return all;
}

}  // namespace meso::generative
