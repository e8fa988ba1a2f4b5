#include "kits/field/ladder.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <numbers>
#include <numeric>

#include "base/error.h"
#include "base/text.h"
#include "kits/field/entropy.h"
#include "kits/field/kinks.h"
#include "kits/field/relaxation.h"
#include "kits/field/thermal.h"

namespace meso::field {
namespace {

constexpr double nan_value = std::numeric_limits<double>::quiet_NaN();

std::size_t steps_in(double span, double dt) { return span > 0 ? static_cast<std::size_t>(std::ceil(span / dt * (1 - 1e-12))) : 0; }

bool is_line(const Model& m) { return m.grid.dimensions() == 1; }

void require_times(const Ask& ask) {
  if (ask.is_stationary()) throw StudyError("a field without noise has no stationary state to ask for: its energy is conserved or it comes to rest. Ask for times, or set a temperature above 0");
  for (const double t : ask.times())
    if (!(t >= 0) || !std::isfinite(t)) throw StudyError(fmt::format("times of a field start at 0 (the initial state); {} was asked", brief(t)));
}

void keep_wanted(const Ask& ask, Answer& answer) {
  if (ask.observables.empty()) return;
  std::erase_if(answer.estimates, [&](const Estimate& e) { return !ask.wants(e.observable); });
}

// Order of the modes of a ring by |k|, for the axis of the spectrum.
std::vector<std::size_t> by_wavenumber(const Spectral& spectral) {
  std::vector<std::size_t> order(spectral.modes());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return spectral.k_squared()[a] < spectral.k_squared()[b]; });
  return order;
}

Axis wavenumber_axis(const Spectral& spectral, const std::vector<std::size_t>& order) {
  Axis axis{"k", "1/length", {}};
  for (const std::size_t i : order) axis.points.push_back(spectral.wavenumber(i));
  return axis;
}

Spectral spectral_of(const Model& model) {
  Spectral spectral(model.grid);
  spectral.set_stiffness(model.stiffness);
  return spectral;
}

// ---- what is read off one field --------------------------------------------------------------------------------------

struct Readings {
  double centre = 0, mean = 0, square = 0, largest = 0, energy = 0, momentum = 0;
};

Readings read_off(const Model& model, Spectral& spectral, std::span<const double> phi, std::span<const double> pi, bool with_energy, bool with_momentum) {
  Readings r;
  r.centre = phi[model.grid.centre()];
  const double n = static_cast<double>(phi.size()), cell = model.grid.cell();
  for (const double x : phi) r.mean += x, r.square += x * x, r.largest = std::max(r.largest, std::abs(x));
  r.mean /= n, r.square /= n;
  if (with_energy) {
    FieldVector work(phi.begin(), phi.end()), lap(phi.size());
    spectral.laplacian(work, lap);
    double sum = model.potential.sum(phi);
    for (std::size_t i = 0; i < phi.size(); ++i) sum -= 0.5 * phi[i] * lap[i];
    for (const double p : pi) sum += 0.5 * p * p;
    r.energy = cell * sum;
  }
  if (with_momentum && !pi.empty()) {
    FieldVector work(phi.begin(), phi.end()), slope(phi.size());
    spectral.derivative(work, 0, slope);
    for (std::size_t i = 0; i < phi.size(); ++i) r.momentum -= cell * pi[i] * slope[i];
  }
  return r;
}

struct EntropyEntry {
  const char* name;
  double Entropies::*member;
  const char* doc;
  bool by_default;
};
const EntropyEntry entropy_entries[] = {
    {"shannon", &Entropies::shannon, "-sum_i p_i ln p_i with p_i = phi_i^2/sum_j phi_j^2 (unit sum); at most ln n", false},
    {"shannon_differential", &Entropies::shannon_differential, "S + ln dx, whose limit dx -> 0 is the differential entropy of phi^2/int phi^2 dx", false},
    {"shannon_density_sum", &Entropies::shannon_density_sum, "(S + ln dx)/dx: p normalised by its integral and summed without dx, a convention met in programs", false},
    {"renyi_half", &Entropies::renyi_half, "ln(sum_i p_i^a)/(1 - a) for a = 1/2, p of unit sum", false},
    {"renyi_2", &Entropies::renyi_2, "ln(sum_i p_i^a)/(1 - a) for a = 2, p of unit sum", false},
    {"renyi_10", &Entropies::renyi_10, "ln(sum_i p_i^a)/(1 - a) for a = 10, p of unit sum", false},
    {"tsallis_half", &Entropies::tsallis_half, "(1 - sum_i p_i^q)/(q - 1) for q = 1/2, p of unit sum", false},
    {"tsallis_2", &Entropies::tsallis_2, "(1 - sum_i p_i^q)/(q - 1) for q = 2, p of unit sum", false},
    {"composite", &Entropies::composite, "0.5 S + 0.3 H_2 + 0.2 S_2: Shannon, Renyi and Tsallis of order 2", false},
};

using Values = std::map<std::string, std::vector<double>>;

// All asked observables of a set of snapshots: name -> values over t (times the points of a second axis).
Values values_of(const Model& model, const Ask& ask, const Snapshots& s, std::vector<Flag>& flags) {
  const auto wants = [&](const char* name) { return ask.observables.empty() || ask.wants(name); };
  Spectral spectral = spectral_of(model);
  const std::size_t n = model.grid.size(), count = s.t.size();
  const bool line = is_line(model), second_order = !s.pi.empty();
  const bool energy = wants("energy") || wants("energy_drift");
  const bool momentum = line && second_order && wants("momentum");
  bool entropy = false;
  for (const EntropyEntry& e : entropy_entries) entropy = entropy || wants(e.name);
  const std::vector<std::size_t> order = by_wavenumber(spectral);
  ModeVector modes(spectral.modes());
  double reference = nan_value;
  if (energy) reference = read_off(model, spectral, model.phi0, model.relaxation ? std::span<const double>() : std::span<const double>(model.pi0), true, false).energy;
  Values v;
  bool undefined = false;
  for (std::size_t i = 0; i < count; ++i) {
    const std::span<const double> phi(s.phi.data() + i * n, n), pi = second_order ? std::span<const double>(s.pi.data() + i * n, n) : std::span<const double>();
    const Readings r = read_off(model, spectral, phi, pi, energy, momentum);
    v["phi_centre"].push_back(r.centre);
    v["phi_mean"].push_back(r.mean);
    v["phi2"].push_back(r.square);
    v["max_abs"].push_back(r.largest);
    if (second_order && wants("pi_centre")) v["pi_centre"].push_back(pi[model.grid.centre()]);
    if (energy) {
      v["energy"].push_back(r.energy);
      v["energy_drift"].push_back(reference != 0 ? std::abs(r.energy / reference - 1) : std::abs(r.energy));
    }
    if (momentum) v["momentum"].push_back(r.momentum);
    if (entropy) {
      const Entropies e = entropies(phi, model.grid.cell());
      if (!e.defined && !undefined && std::isfinite(r.square)) {
        undefined = true;
        for (const EntropyEntry& entry : entropy_entries)
          if (wants(entry.name))
            flags.push_back({.kind = "undefined", .observable = entry.name, .where = {{"t", s.t[i]}},
                             .text = fmt::format("the field is zero everywhere at t = {}: p = phi^2/sum phi^2 is 0/0 and has no entropy", brief(s.t[i])), .fatal = true});
      }
      for (const EntropyEntry& entry : entropy_entries) v[entry.name].push_back(e.*entry.member);
    }
    if (line && (wants("position") || wants("half_separation"))) {
      const std::vector<Zero> z = zeros(model.grid, phi);
      v["position"].push_back(z.empty() ? nan_value : z.back().x);
      v["half_separation"].push_back(z.size() < 2 ? 0.0 : 0.5 * (z.back().x - z.front().x));
    }
    if (line && ask.wants("spectrum")) {
      const FieldVector work(phi.begin(), phi.end());
      spectral.to_modes(work, modes);
      for (const std::size_t k : order) v["spectrum"].push_back(std::norm(modes[k]));
    }
    if (line && ask.wants("phi")) v["phi"].insert(v["phi"].end(), phi.begin(), phi.end());
    if (s.follows_pair) v["bounces"].push_back(static_cast<double>(std::upper_bound(s.bounces.begin(), s.bounces.end(), s.t[i] * (1 + 1e-12)) - s.bounces.begin()));
  }
  if (s.follows_pair && !s.track_t.empty()) v["escape_speed"] = {escape_of(s.track_t, s.track_a, model.escape_far, model.escape_window).speed};
  if (v.contains("position") && std::any_of(v["position"].begin(), v["position"].end(), [](double x) { return std::isnan(x); })) v.erase("position");
  return v;
}

Portrait space_time(const Model& model, const Snapshots& s) {
  const std::size_t n = model.grid.size();
  Portrait p{.name = "phi", .title = is_line(model) ? "phi(x, t)" : fmt::format("phi(x, y) at t = {}", brief(s.t.back())), .unit = "1"};
  if (is_line(model)) {
    const std::size_t stride = std::max<std::size_t>(1, n / 512);
    p.axes = {{"t", "1", s.t}, {"x", "1", {}}};
    for (std::size_t j = 0; j < n; j += stride) p.axes[1].points.push_back(model.grid.coordinate(0, j));
    for (std::size_t i = 0; i < s.t.size(); ++i)
      for (std::size_t j = 0; j < n; j += stride) p.value.push_back(s.phi[i * n + j]);
    return p;
  }
  const std::size_t rows = model.grid.n[0], columns = model.grid.n[1], sr = std::max<std::size_t>(1, rows / 400), sc = std::max<std::size_t>(1, columns / 400);
  p.axes = {{"x", "1", {}}, {"y", "1", {}}};
  for (std::size_t r = 0; r < rows; r += sr) p.axes[0].points.push_back(model.grid.coordinate(0, r));
  for (std::size_t c = 0; c < columns; c += sc) p.axes[1].points.push_back(model.grid.coordinate(1, c));
  const double* last = s.phi.data() + (s.t.size() - 1) * n;
  for (std::size_t r = 0; r < rows; r += sr)
    for (std::size_t c = 0; c < columns; c += sc) p.value.push_back(last[r * columns + c]);
  return p;
}

std::vector<double> portrait_times(const Ask& ask, double otherwise) {
  const double end = ask.is_stationary() || ask.times().empty() ? otherwise : ask.times().back();
  std::vector<double> t;
  if (!(end > 0)) return {0.0};
  for (int i = 0; i <= 240; ++i) t.push_back(end * i / 240);
  return t;
}

std::vector<Axis> axes_of(const Model& model, const std::string& observable, const std::vector<double>& t) {
  std::vector<Axis> axes{{"t", "1", t}};
  if (observable == "escape_speed") return {};
  if (observable == "phi") axes.push_back({"x", "1", model.grid.coordinates()});
  if (observable == "spectrum") {
    const Spectral spectral(model.grid);
    axes.push_back(wavenumber_axis(spectral, by_wavenumber(spectral)));
  }
  return axes;
}

std::string unit_of(const std::string& observable) {
  if (observable == "position" || observable == "half_separation") return "length";
  if (observable.starts_with("energy") && observable != "energy_drift") return "energy";
  return "1";
}

// ---- the sampled field -----------------------------------------------------------------------------------------------

enum Signals : std::size_t { kCentre, kMean, kSquare, kEnergy, kTemperature };

// Slowest time of the linear modes about the vacuum.
double slow_time(const Model& m) {
  const double w2 = std::max(m.potential.curvature(m.vacuum), 1e-3);
  if (m.relaxation) return 1 / w2;
  const double rate = m.damping * m.damping >= 4 * w2 ? 0.5 * m.damping - std::sqrt(0.25 * m.damping * m.damping - w2) : 0.5 * m.damping;
  return 1 / rate;
}

struct SampledField {
  Model model;

  [[nodiscard]] Plan plan(const Ask& ask) const {
    Plan plan;
    if (!ask.is_stationary()) {
      for (const double t : ask.times())
        if (!(t >= 0) || !std::isfinite(t)) throw StudyError(fmt::format("times of a field start at 0 (the initial state); {} was asked", brief(t)));
      plan.axes = {{"t", "1", ask.times()}};
    }
    std::vector<double> at_start;
    for (const Axis& axis : plan.axes)
      for (const double t : axis.points) at_start.push_back(t == 0 ? 1.0 : 0.0);
    plan.signals = {{.name = "phi_centre", .path = true}, {.name = "phi_mean"}, {.name = "phi2", .lo = 0, .path = true}, {.name = "energy"}};
    plan.derived = {{"phi_centre", "1", {kCentre}, nullptr, at_start}, {"phi_mean", "1", {kMean}, nullptr, at_start}, {"phi2", "1", {kSquare}, nullptr, at_start},
                    {"energy", "energy", {kEnergy}, nullptr, at_start}};
    if (!model.relaxation) {
      plan.signals.push_back({.name = "temperature", .lo = 0});
      plan.derived.push_back({"temperature", "energy", {kTemperature}, nullptr, at_start});
    }
    if (is_line(model) && ask.wants("spectrum")) {
      const Spectral spectral(model.grid);
      plan.signals.push_back({.name = "spectrum", .width = spectral.modes(), .lo = 0});
      plan.derived.push_back({.observable = "spectrum", .unit = "1", .signals = {plan.signals.size() - 1}, .support = wavenumber_axis(spectral, by_wavenumber(spectral))});
    }
    if (!ask.observables.empty()) std::erase_if(plan.derived, [&](const Derived& d) { return !ask.wants(d.observable); });
    return plan;
  }

  // Calls at(i) when output i is reached; stationary questions have outputs spread over the window.
  template <class At>
  void follow(std::span<const double> times, std::uint64_t seed, const std::string& purpose, std::uint64_t trajectory, At&& at) const {
    FastStream noise = Stream(seed, trajectory, purpose + "/noise").fast();
    const double dt = model.step();
    double now = 0;
    const auto drive = [&](auto& field, auto&& step) {
      for (std::size_t i = 0; i < times.size(); ++i) {
        const std::size_t steps = steps_in(times[i] - now, dt);
        if (steps > 0) step((times[i] - now) / static_cast<double>(steps), steps);
        now = times[i];
        at(i, field);
      }
    };
    if (model.relaxation) {
      RelaxationField field(Spectral(model.grid), model.potential, model.phi0, model.stiffness);
      drive(field, [&](double h, std::size_t n) { field.langevin(h, n, model.temperature, noise); });
    } else {
      WaveField field(spectral_of(model), model.potential, model.phi0, model.pi0);
      drive(field, [&](double h, std::size_t n) { field.langevin(h, n, model.damping, model.temperature, noise); });
    }
  }

  void sample(const Ask& ask, const Plan& plan, std::uint64_t seed, const std::string& purpose, std::uint64_t trajectory, Tape& tape) const {
    std::vector<double> times;
    double weight = 1;
    if (ask.is_stationary()) {
      const double slow = slow_time(model), burn_in = ask.stationary().burn_in.value_or(10 * slow), window = ask.stationary().window.value_or(50 * slow);
      const auto count = static_cast<std::size_t>(std::clamp(std::round(window / std::max(slow / 4, model.step())), 1.0, 4096.0));
      for (std::size_t i = 1; i <= count; ++i) times.push_back(burn_in + window * static_cast<double>(i) / static_cast<double>(count));
      weight = 1 / static_cast<double>(count);
    } else {
      times = ask.times();
    }
    const std::size_t spectrum = model.relaxation ? kTemperature : kTemperature + 1;
    const bool with_spectrum = plan.signals.size() > spectrum;
    std::vector<std::size_t> order;
    ModeVector modes;
    follow(times, seed, purpose, trajectory, [&](std::size_t i, auto& field) {
      const std::size_t point = ask.is_stationary() ? 0 : i;
      const std::span<const double> phi = field.phi();
      double mean = 0, square = 0;
      for (const double x : phi) mean += x, square += x * x;
      const double n = static_cast<double>(phi.size());
      tape.accumulate(kCentre, point, phi[model.grid.centre()], weight);
      tape.accumulate(kMean, point, mean / n, weight);
      tape.accumulate(kSquare, point, square / n, weight);
      tape.accumulate(kEnergy, point, field.energy(), weight);
      if constexpr (requires { field.kinetic(); }) tape.accumulate(kTemperature, point, 2 * field.kinetic() / n, weight);
      if (with_spectrum) {
        if (order.empty()) order = by_wavenumber(field.spectral()), modes.resize(field.spectral().modes());
        field.spectral().to_modes(phi, modes);
        for (std::size_t b = 0; b < order.size(); ++b) tape.accumulate(spectrum, point, std::norm(modes[order[b]]), weight, b);
      }
    });
  }

  [[nodiscard]] std::vector<Portrait> portraits(const Ask& ask, const Plan&, std::uint64_t seed, const std::string& purpose) const {
    Snapshots s;
    s.t = portrait_times(ask, 20 * slow_time(model));
    follow(s.t, seed, purpose, 0, [&](std::size_t, auto& field) { s.phi.insert(s.phi.end(), field.phi().begin(), field.phi().end()); });
    return {space_time(model, s)};
  }
};

void flag_runaway(const Ask& ask, const Model& model, Answer& answer) {
  for (const Estimate& e : answer.estimates)
    for (std::size_t i = 0; i < e.size(); ++i)
      if (!std::isfinite(e.value[i])) {
        const double t = ask.is_stationary() || e.axes.empty() ? 0.0 : e.axes[0].points[i * e.axes[0].points.size() / e.size()];
        answer.flags.push_back({.kind = "diverged", .observable = "", .where = {{"t", t}},
                                .text = fmt::format("a trajectory is no longer finite by t = {}: V = '{}' is not bounded below, or dt = {} is too long", brief(t), model.potential.text(), brief(model.step())),
                                .fatal = true});
        return;
      }
}

// BAOAB samples the positions of linear modes exactly, their momenta with <pi^2> = T (1 - (w dt)^2/4): the step error of temperature and energy.
void bound_momenta(const Ask& ask, const Model& model, Answer& answer) {
  if (model.relaxation) return;
  const Spectral spectral(model.grid);
  const double dt = model.step(), mass2 = std::max(0.0, model.potential.curvature(model.vacuum)), n = static_cast<double>(model.grid.size());
  double lost = 0;
  for (std::size_t i = 0; i < spectral.modes(); ++i) lost += spectral.weight()[i] / n * (model.stiffness * spectral.k_squared()[i] + mass2) * dt * dt / 4;
  for (Estimate& e : answer.estimates) {
    const double bound = e.observable == "temperature" ? model.temperature * lost : e.observable == "energy" ? 0.5 * n * model.temperature * lost : 0.0;
    if (bound == 0) continue;
    e.error_bound.assign(e.size(), bound);
    if (!ask.is_stationary() && !e.axes.empty() && !ask.times().empty() && ask.times()[0] == 0) e.error_bound[0] = 0;
    e.bound_kind = BoundKind::estimated;
  }
}

LevelInfo field_info(const Model& m) {
  LevelInfo info{.name = "field", .rung = Rung::micro};
  info.sampled = m.temperature > 0;
  info.doc = m.relaxation ? (info.sampled ? "the field with noise, exponential Euler on its Fourier modes" : "the field itself, ETDRK4 on its Fourier modes; error bound by step halving")
                          : (info.sampled ? "the field with Langevin noise, BAOAB splitting, spectral Laplacian" : "the field itself, symplectic steps with the spectral Laplacian; error bound by step halving");
  return info;
}

}  // namespace

// ---- Model -----------------------------------------------------------------------------------------------------------

double Model::step_limit() const {
  double lo = vacuum, hi = vacuum;
  for (const double x : phi0) lo = std::min(lo, x), hi = std::max(hi, x);
  const double k2 = grid.k_max() * grid.k_max();
  return stability_limit(scheme, std::sqrt(stiffness * k2 + potential.stiffest(lo, hi)));
}

double Model::step() const {
  if (stepping == Stepping::cfl) return 0.5 / (std::sqrt(stiffness) * grid.k_max());
  if (dt > 0) return dt;
  return relaxation ? 0.01 : std::min(0.5 / (std::sqrt(stiffness) * grid.k_max()), 0.25 * step_limit());
}

void Model::check() const {
  grid.check();
  for (const auto* values : {&phi0, &pi0})
    for (std::size_t i = 0; i < values->size(); ++i)
      if (!std::isfinite((*values)[i]))
        throw ParameterError(fmt::format("the initial {} is not finite at point {} (x = {}): {}", values == &phi0 ? "field" : "momentum", i, brief(grid.dimensions() == 1 ? grid.coordinate(0, i) : 0.0), (*values)[i]));
  if (!(stiffness > 0)) throw ParameterError(fmt::format("stiffness = {}: the gradient energy needs a positive one", exact(stiffness)));
  if (temperature > 0 && !relaxation && !(damping > 0)) throw ParameterError(fmt::format("temperature = {} without damping: noise has variance 2 damping T. Set damping > 0", exact(temperature)));
  if (relaxation) return;
  const double limit = step_limit();
  if (step() >= limit)
    throw ParameterError(fmt::format("dt = {} is too long: the scheme is stable below {} (k_max = {} on this grid). Use a smaller dt or fewer points", exact(step()), brief(limit), brief(grid.k_max())));
}

void require_closed(const std::string& what, double left, double right, Boundary boundary) {
  const double jump = boundary == Boundary::antiperiodic ? right + left : right - left;
  if (std::abs(jump) <= 1e-6) return;
  throw ParameterError(fmt::format("{} does not close on {} ring: it jumps by {} at the seam (from {} at the far end to {}), more than 1e-6, and the jump would radiate. {}", what,
                                   boundary == Boundary::antiperiodic ? "an antiperiodic" : "a periodic", brief(jump), brief(right), brief(boundary == Boundary::antiperiodic ? -left : left),
                                   boundary == Boundary::antiperiodic ? "Use a longer box, or the periodic boundary" : "Use a longer box, or the antiperiodic boundary for a lone kink"));
}

// ---- the field, solved -----------------------------------------------------------------------------------------------

Snapshots run_field(const Model& model, std::span<const double> times, double refine) {
  Snapshots s;
  s.t.assign(times.begin(), times.end());
  const std::size_t n = model.grid.size();
  const double dt = model.step() * refine;
  const auto stop = [&](std::size_t i, double t, std::uint64_t step, double largest) {
    s.flags.push_back({.kind = "diverged", .where = {{"t", t}},
                       .text = fmt::format("the field is no longer finite at t = {}, step {}; max|phi| was {} when last seen: V = '{}' is not bounded below there, or dt = {} is too long", brief(t), step,
                                           brief(largest), model.potential.text(), brief(dt)), .fatal = true});
    s.phi.resize(times.size() * n, nan_value);
    if (!model.relaxation) s.pi.resize(times.size() * n, nan_value);
    (void)i;
  };
  double largest = 0, now = 0;
  if (model.relaxation) {
    RelaxationField field(Spectral(model.grid), model.potential, model.phi0, model.stiffness);
    std::uint64_t made = 0;
    for (std::size_t i = 0; i < times.size(); ++i) {
      const std::size_t steps = steps_in(times[i] - now, dt);
      if (steps > 0) field.advance((times[i] - now) / static_cast<double>(steps), steps);
      made += steps, now = times[i];
      double seen = 0;
      if (!field.finite(&seen)) return stop(i, now, made, largest), s;
      largest = seen;
      s.phi.insert(s.phi.end(), field.phi().begin(), field.phi().end());
    }
    return s;
  }
  WaveField field(spectral_of(model), model.potential, model.phi0, model.pi0);
  const bool line = is_line(model);
  s.follows_pair = line && model.stepping != Stepping::adaptive;  // the adaptive rule does not report its steps
  CrossingCounter crossings;
  const std::size_t centre = model.grid.centre();
  crossings.watch(0, model.phi0[centre]);
  FastStream silent = Stream(0, 0, "field/silent").fast();  // never drawn from at temperature 0
  double clock = 0, next_track = 0;
  double h = 0;
  const auto track = [&](double t, std::span<const double> phi) {
    if (t + 1e-9 < next_track) return;
    s.track_t.push_back(t), s.track_a.push_back(half_separation(model.grid, phi));
    next_track = t + 0.1;
  };
  const bool follow = s.follows_pair;
  if (follow) track(0, model.phi0);
  const auto each = [&](std::span<const double> phi) {
    clock += h;
    if (!follow) return;
    crossings.watch(clock, phi[centre]);
    track(clock, phi);
  };
  double adaptive_dt = 0.5 / model.grid.k_max() * refine;
  for (std::size_t i = 0; i < times.size(); ++i) {
    const double span = times[i] - now;
    if (model.stepping == Stepping::adaptive && refine == 1) {
      field.adaptive(times[i], model.energy_tolerance, adaptive_dt, {});
    } else {
      std::size_t left = steps_in(span, dt);
      h = left > 0 ? span / static_cast<double>(left) : 0.0;
      while (left > 0) {  // in portions, so that a field that runs away is seen early
        const std::size_t portion = std::min<std::size_t>(left, 512);
        if (model.damping > 0) {  // friction without noise
          for (std::size_t k = 0; k < portion; ++k) field.langevin(h, 1, model.damping, 0, silent), each(field.phi());
        } else {
          field.advance(h, portion, model.scheme, each);
        }
        left -= portion;
        double seen = 0;
        if (!field.finite(&seen)) return stop(i, now + span - h * static_cast<double>(left), field.steps_made(), largest), s;
        largest = seen;
      }
    }
    now = times[i], clock = now;
    double seen = 0;
    if (!field.finite(&seen)) return stop(i, now, field.steps_made(), largest), s;
    largest = seen;
    s.phi.insert(s.phi.end(), field.phi().begin(), field.phi().end());
    s.pi.insert(s.pi.end(), field.pi().begin(), field.pi().end());
  }
  s.bounces = crossings.times();
  // A field that has filled its grid: what lies beyond the largest wavenumber is missing.
  Spectral& spectral = field.spectral();
  ModeVector modes(spectral.modes());
  spectral.to_modes(field.phi(), modes);
  double most = 0, edge = 0;
  const double k2 = model.grid.k_max() * model.grid.k_max();
  for (std::size_t k = 0; k < modes.size(); ++k) {
    most = std::max(most, std::abs(modes[k]));
    if (spectral.k_squared()[k] > 0.81 * k2) edge = std::max(edge, std::abs(modes[k]));
  }
  if (refine == 1 && edge > 1e-6 * most)
    s.flags.push_back({.kind = "note", .text = fmt::format("the grid is coarse for this field: modes above 0.9 k_max reach {} of the largest at t = {}; use more points", brief(edge / most, 2), brief(now))});
  return s;
}

Answer answer_of(const Model& model, const Ask& ask, const Profile& profile, const Profile& finer) {
  require_times(ask);
  Answer answer;
  const std::vector<double>& times = ask.times();
  const Snapshots s = profile(times);
  answer.flags = s.flags;
  Values values = values_of(model, ask, s, answer.flags), better;
  if (finer) {
    std::vector<Flag> ignored;
    better = values_of(model, ask, finer(times), ignored);
  }
  for (auto& [name, value] : values) {
    std::vector<double> bound;
    if (finer && better.contains(name)) {
      const std::vector<double>& other = better[name];
      for (std::size_t i = 0; i < value.size(); ++i) bound.push_back(2 * std::abs(value[i] - other[i]) + 1e-13 * std::abs(value[i]));
    }
    answer.estimates.push_back(solved_estimate(name, unit_of(name), axes_of(model, name, times), value, bound, BoundKind::estimated));
  }
  if (ask.portraits) answer.portraits.push_back(space_time(model, profile(portrait_times(ask, 1))));
  keep_wanted(ask, answer);
  return answer;
}

std::vector<ObservableInfo> observables(const Model& model) {
  std::vector<ObservableInfo> list{
      {.name = "phi_centre", .unit = "1", .doc = "phi at the grid point in the middle of the box, (0, 0) in a centred one; mean over realisations if there is noise"},
      {.name = "phi_mean", .unit = "1", .doc = "(1/n) sum_j phi_j over the grid, mean over realisations", .by_default = false},
      {.name = "phi2", .unit = "1", .doc = "(1/n) sum_j phi_j^2 over the grid (second moment about 0, not a variance), mean over realisations"},
      {.name = "energy", .unit = "energy", .doc = model.relaxation ? "int [K (grad phi)^2/2 + V(phi)] over the box, by the trapezoid rule with the spectral Laplacian"
                                                                   : "H = int [pi^2/2 + K (grad phi)^2/2 + V(phi)] over the box, by the trapezoid rule with the spectral Laplacian"}};
  if (model.temperature > 0) {
    if (!model.relaxation) list.push_back({.name = "temperature", .unit = "energy", .doc = "kinetic temperature: cell times the mean of pi_j^2"});
  } else {
    list.push_back({.name = "max_abs", .unit = "1", .doc = "largest |phi_j| on the grid", .by_default = false});
    list.push_back({.name = "energy_drift", .unit = "1", .doc = "|H(t)/H(0) - 1| (|H| itself if H(0) = 0)", .by_default = false});
    for (const EntropyEntry& e : entropy_entries) list.push_back({.name = e.name, .unit = "1", .doc = e.doc, .by_default = e.by_default});
    if (!model.relaxation) list.push_back({.name = "pi_centre", .unit = "1", .doc = "phi_t at the same point as phi_centre: with it the phase portrait", .by_default = false});
    if (is_line(model)) {
      if (!model.relaxation) list.push_back({.name = "momentum", .unit = "1", .doc = "P = -int pi phi_x dx", .by_default = false});
      list.push_back({.name = "position", .unit = "length", .doc = "position of the last zero of phi along x (the kink's, if there is one)", .by_default = false});
      list.push_back({.name = "half_separation", .unit = "length", .doc = "half the distance between the first and the last zero of phi; 0 with fewer than two", .by_default = false});
      list.push_back({.name = "phi", .unit = "1", .doc = "phi(x, t) on the grid", .by_default = false});
      if (!model.relaxation) {
        list.push_back({.name = "bounces", .unit = "1", .doc = "downward crossings of zero by phi_centre up to t: bounces of a pair", .by_default = false});
        list.push_back({.name = "escape_speed", .unit = "1", .doc = "mean d(half_separation)/dt over a window after the pair has parted for the last time; 0 if it stays captured", .by_default = false});
      }
    }
  }
  if (is_line(model)) list.push_back({.name = "spectrum", .unit = "1", .doc = "|phi_k|^2 with phi_k = (1/n) sum_j phi_j exp(-i k x_j), mean over realisations, against k >= 0", .by_default = false});
  return list;
}

// ---- levels ----------------------------------------------------------------------------------------------------------

Level field_level(const Model& model) {
  Level level{.info = field_info(model)};
  if (model.temperature > 0) {
    level.run = sampled(SampledField{model}, 1, [model](const Ask& ask, const EnsembleResult&, Answer& answer) {
      flag_runaway(ask, model, answer);
      bound_momenta(ask, model, answer);
    });
  } else {
    level.run = [model](const Ask& ask, Context& context) {
      context.progress(0);
      return answer_of(model, ask, [&](std::span<const double> t) { return run_field(model, t); }, [&](std::span<const double> t) { return run_field(model, t, 0.5); });
    };
  }
  level.plan = [model](const Ask& ask) {
    double span = 0;
    if (ask.is_stationary()) span = ask.stationary().burn_in.value_or(10 * slow_time(model)) + ask.stationary().window.value_or(50 * slow_time(model));
    else if (!ask.times().empty()) span = ask.times().back();
    const double steps = span / model.step(), runs = model.temperature > 0 ? 1 : 3;
    return std::vector<std::string>{fmt::format("{} steps of {} points{}, about {} on one core", with_commas(static_cast<unsigned long long>(steps * runs)), model.grid.size(),
                                                model.temperature > 0 ? " per trajectory" : " (step and half step)", duration(steps * runs * static_cast<double>(model.grid.size()) * 4e-9))};
  };
  return level;
}

namespace {

// The linear field about the vacuum at temperature T: means move, variances relax.
Answer linear_thermal(const Model& model, const Ask& ask) {
  Spectral spectral = spectral_of(model);
  bool found = false;
  const double vacuum = model.potential.minimum_near(model.vacuum, found), mass2 = model.potential.curvature(vacuum);
  Answer answer;
  const std::vector<double> times = ask.is_stationary() ? std::vector<double>{std::numeric_limits<double>::infinity()} : ask.times();
  const bool no_constant = model.grid.boundary == Boundary::antiperiodic && std::abs(vacuum) > 1e-12;  // a constant is no antiperiodic field
  if (!found || no_constant || !(mass2 >= 0) || (ask.is_stationary() && !(mass2 > 0))) {
    answer.flags.push_back({.kind = "no-stable-state", .text = fmt::format("V = '{}' has no minimum near {} that a linear field could fluctuate about for ever", model.potential.text(), brief(model.vacuum)), .fatal = true});
    for (const char* name : {"phi_centre", "phi_mean", "phi2"})
      answer.estimates.push_back(solved_estimate(name, "1", ask.is_stationary() ? std::vector<Axis>{} : std::vector<Axis>{{"t", "1", times}}, std::vector<double>(times.size(), nan_value)));
    keep_wanted(ask, answer);
    return answer;
  }
  const std::size_t n = model.grid.size(), m = spectral.modes();
  const double volume = model.grid.volume();
  FieldVector phi(model.phi0.begin(), model.phi0.end()), pi(model.pi0.begin(), model.pi0.end());
  for (double& x : phi) x -= vacuum;
  ModeVector a(m), b(m), at(m), speed(m);
  spectral.to_modes(phi, a);
  spectral.to_modes(pi, b);
  const std::vector<std::size_t> order = by_wavenumber(spectral);
  Values v;
  for (const double t : times) {
    double fluctuation = 0, kinetic = 0, energy = volume * model.potential.value(vacuum);
    std::vector<double> spectrum(m);
    for (std::size_t i = 0; i < m; ++i) {
      const double w2 = model.stiffness * spectral.k_squared()[i] + mass2, weight = spectral.weight()[i];
      double variance, momentum = 0;
      if (model.relaxation) {
        at[i] = std::isinf(t) ? 0.0 : a[i] * std::exp(-w2 * t);
        variance = relaxing_mode(w2, model.temperature / volume, t);
      } else {
        const Propagator g = std::isinf(t) ? Propagator{0, 0, 0, 0} : propagator(w2, model.damping, t);
        at[i] = g.m11 * a[i] + g.m12 * b[i];
        speed[i] = g.m21 * a[i] + g.m22 * b[i];
        const ModeMoments moments = damped_mode(w2, model.damping, model.temperature / volume, t);
        variance = moments.phi2, momentum = moments.pi2 + std::norm(speed[i]);
      }
      fluctuation += weight * variance;
      kinetic += weight * momentum;
      energy += 0.5 * volume * weight * (momentum + w2 * (variance + std::norm(at[i])));
      spectrum[i] = variance + std::norm(at[i] + (i == 0 && model.grid.boundary == Boundary::periodic ? vacuum : 0.0));
    }
    spectral.from_modes(at, phi);
    double mean = 0, square = 0;
    for (const double x : phi) mean += (x + vacuum) / static_cast<double>(n), square += (x + vacuum) * (x + vacuum) / static_cast<double>(n);
    v["phi_centre"].push_back(phi[model.grid.centre()] + vacuum);
    v["phi_mean"].push_back(mean);
    v["phi2"].push_back(square + fluctuation);
    v["energy"].push_back(energy);
    if (!model.relaxation) v["temperature"].push_back(kinetic * model.grid.cell());
    if (is_line(model))
      for (const std::size_t i : order) v["spectrum"].push_back(spectrum[i]);
  }
  for (auto& [name, value] : v) {
    std::vector<Axis> axes = axes_of(model, name, times);
    if (ask.is_stationary()) axes.erase(axes.begin());
    answer.estimates.push_back(solved_estimate(name, unit_of(name), std::move(axes), value));
  }
  keep_wanted(ask, answer);
  return answer;
}

Snapshots linear_profile(const Model& model, std::span<const double> times) {
  Spectral spectral = spectral_of(model);
  bool found = false;
  double vacuum = model.potential.minimum_near(model.vacuum, found);
  Snapshots s;
  s.t.assign(times.begin(), times.end());
  if (!found) {
    vacuum = model.vacuum;
    s.flags.push_back({.kind = "note", .text = fmt::format("V = '{}' has no minimum near {}: linearised about {} itself, where V'' = {}", model.potential.text(), brief(model.vacuum), brief(vacuum),
                                                           brief(model.potential.curvature(vacuum)))});
  }
  const double mass2 = model.potential.curvature(vacuum);
  const std::size_t n = model.grid.size(), m = spectral.modes();
  // On an antiperiodic ring a constant is no field: the deviation from the vacuum would jump at the seam. There the expansion is about 0 crossing.
  const double shift = model.grid.boundary == Boundary::antiperiodic ? 0.0 : vacuum;
  FieldVector phi(model.phi0.begin(), model.phi0.end()), pi(model.pi0.begin(), model.pi0.end()), out(n);
  for (double& x : phi) x -= shift;
  ModeVector a(m), b(m), at(m);
  spectral.to_modes(phi, a);
  if (!model.relaxation) spectral.to_modes(pi, b);
  for (const double t : times) {
    for (const bool momentum : {false, true}) {
      if (momentum && model.relaxation) break;
      for (std::size_t i = 0; i < m; ++i) {
        const double w2 = model.stiffness * spectral.k_squared()[i] + mass2;
        if (model.relaxation) {
          at[i] = a[i] * std::exp(-w2 * t);
          continue;
        }
        const Propagator g = propagator(w2, model.damping, t);
        at[i] = momentum ? g.m21 * a[i] + g.m22 * b[i] : g.m11 * a[i] + g.m12 * b[i];
      }
      spectral.from_modes(at, out);
      for (const double x : out) (momentum ? s.pi : s.phi).push_back(momentum ? x : x + shift);
    }
  }
  return s;
}

}  // namespace

Level linearised_level(const Model& model, std::string name) {
  Level level{.info = {.name = std::move(name), .rung = Rung::moments, .doc = "every Fourier mode an independent oscillator about the vacuum, exact in time and, with noise, in law", .parent = "field",
                       .approximation = "V replaced by its quadratic part at the vacuum", .small_parameter = "amplitude",
                       .source = "phi_k(t) = phi_k(0) cos(w_k t) + pi_k(0) sin(w_k t)/w_k, w_k^2 = K k^2 + V''(vacuum); with noise the Ornstein-Uhlenbeck law of each mode"}};
  level.run = [model](const Ask& ask, Context&) {
    if (model.temperature > 0) return linear_thermal(model, ask);
    return answer_of(model, ask, [&](std::span<const double> t) { return linear_profile(model, t); });
  };
  return level;
}

namespace {

std::vector<Axis> equilibrium_axes(const Ask& ask) { return ask.is_stationary() ? std::vector<Axis>{} : std::vector<Axis>{{"t", "1", ask.times()}}; }

Answer equilibrium_answer(const Model& model, const Ask& ask, double mean, double phi2, double bound, double mass2) {
  Answer answer;
  const std::vector<Axis> axes = equilibrium_axes(ask);
  const std::size_t count = axes.empty() ? 1 : ask.times().size();
  const auto put = [&](const char* name, double value, double error) {
    answer.estimates.push_back(solved_estimate(name, unit_of(name), axes, std::vector<double>(count, value), std::vector<double>(count, error), BoundKind::estimated));
  };
  put("phi_centre", mean, 0);
  put("phi_mean", mean, 0);
  put("phi2", phi2, bound);
  if (!model.relaxation) put("temperature", model.temperature, 0);
  if (is_line(model) && !std::isnan(mass2)) {
    const Spectral spectral(model.grid);
    const std::vector<std::size_t> order = by_wavenumber(spectral);
    std::vector<double> value;
    for (std::size_t c = 0; c < count; ++c)
      for (const std::size_t i : order)
        value.push_back(model.temperature / (model.grid.volume() * (model.stiffness * spectral.k_squared()[i] + mass2)) + (i == 0 && model.grid.boundary == Boundary::periodic ? mean * mean : 0.0));
    std::vector<Axis> both = axes;
    both.push_back(wavenumber_axis(spectral, order));
    answer.estimates.push_back(solved_estimate("spectrum", "1", both, value));
  }
  if (!ask.is_stationary()) answer.flags.push_back({.kind = "note", .text = "an equilibrium level: the same values at every time"});
  keep_wanted(ask, answer);
  return answer;
}

}  // namespace

Level hartree_level(const Model& model) {
  Level level{.info = {.name = "hartree", .rung = Rung::mean_field, .doc = "equilibrium of a Gaussian field with a self-consistent mean and mass", .parent = "field",
                       .approximation = "the law of phi taken as Gaussian about one mean: V'' replaced by its average over the fluctuations; t -> infinity", .small_parameter = "temperature",
                       .source = "self-consistent harmonic approximation: <V'(phi)> = 0, m^2 = <V''(phi)>, sigma^2 = sum_k T/(volume (K k^2 + m^2))"}};
  level.run = [model](const Ask& ask, Context&) {
    const Spectral spectral(model.grid);
    const Hartree h = hartree(model.potential, spectral, model.stiffness, model.temperature, model.vacuum);
    if (h.found) return equilibrium_answer(model, ask, h.mean, h.variance + h.mean * h.mean, 0, h.mass2);
    Answer answer = equilibrium_answer(model, ask, nan_value, nan_value, 0, nan_value);
    answer.flags.push_back({.kind = "no-stable-state", .text = fmt::format("no self-consistent Gaussian state near {} at T = {}: the fluctuations melt the well", brief(model.vacuum), brief(model.temperature)), .fatal = true});
    return answer;
  };
  return level;
}

Level transfer_operator_level(const Model& model) {
  Level level{.info = {.name = "transfer-operator", .rung = Rung::master, .doc = "exact equilibrium statistics of the continuous ring, from the spectrum of the transfer operator", .parent = "field",
                       .approximation = "t -> infinity, grid spacing -> 0 (the error bound of phi2 holds the missing modes, T/(pi sqrt(K) k_max))", .small_parameter = "1/n",
                       .source = "Scalapino, Sears and Ferrell (1972), doi:10.1103/PhysRevB.6.3409"}};
  level.run = [model](const Ask& ask, Context&) {
    try {
      const TransferOperator t = transfer_operator(model.potential, model.temperature, model.grid.length[0], model.stiffness);
      // Modes beyond the grid: sum over |k| > k_max of T/(L K k^2).
      const double lattice = model.temperature / (std::numbers::pi * model.stiffness * model.grid.k_max());
      Answer answer = equilibrium_answer(model, ask, t.mean, t.phi2, lattice + t.error, nan_value);
      answer.flags.push_back({.kind = "note", .text = fmt::format("correlation length {} (e0 = {}, e1 = {})", brief(t.correlation_length), brief(t.levels[0]), brief(t.levels[1]))});
      if (t.correlation_length > model.grid.length[0] / 4)
        answer.flags.push_back({.kind = "note", .text = fmt::format("the correlation length {} is not small against the box {}: a run rarely leaves the vacuum that it starts in, and time averages are not ensemble averages",
                                                                    brief(t.correlation_length), brief(model.grid.length[0]))});
      return answer;
    } catch (const ModelError& error) {
      Answer answer = equilibrium_answer(model, ask, nan_value, nan_value, 0, nan_value);
      answer.flags.push_back({.kind = "no-stable-state", .text = error.what(), .fatal = true});
      return answer;
    }
  };
  return level;
}

Level profile_level(LevelInfo info, const Model& model, Profile profile, Profile finer) {
  Level level{.info = std::move(info)};
  level.run = [model, profile = std::move(profile), finer = std::move(finer)](const Ask& ask, Context&) { return answer_of(model, ask, profile, finer); };
  return level;
}

std::vector<Level> ladder(const Model& model) {
  std::vector<Level> levels{field_level(model), linearised_level(model)};
  if (model.temperature > 0) {
    levels.push_back(hartree_level(model));
    if (is_line(model) && model.grid.boundary == Boundary::periodic) levels.push_back(transfer_operator_level(model));
  }
  return levels;
}

// ---- a field of the user's own ---------------------------------------------------------------------------------------

System field_system(FieldSpec spec, std::string name, std::string title) {
  const std::vector<std::string> reserved{"phi", "x", "y", "t", "damping", "temperature", "stiffness", "dt"};
  for (const auto& [constant, value] : spec.constants) {
    if (!is_identifier(constant)) throw ModelError(fmt::format("constant '{}' is not a name of letters, digits and underscore", constant));
    if (std::find(reserved.begin(), reserved.end(), constant) != reserved.end()) throw ModelError(fmt::format("constant '{}' has a name that the field kit uses itself ({})", constant, join(reserved)));
  }
  const auto one_of = [](const char* key, const std::string& given, std::vector<std::string> allowed) {
    if (std::find(allowed.begin(), allowed.end(), given) == allowed.end())
      throw ModelError(fmt::format("{} = '{}' is not one of {}.{}", key, given, join(allowed), did_you_mean(given, allowed)));
  };
  one_of("boundary", spec.boundary, {"periodic", "antiperiodic"});
  one_of("dynamics", spec.dynamics, {"wave", "relaxation"});
  one_of("scheme", spec.scheme, {"verlet", "suzuki4"});
  one_of("stepping", spec.stepping, {"fixed", "cfl", "adaptive"});
  System system;
  system.name = std::move(name);
  system.title = std::move(title);
  system.family = "fields";
  system.doc = spec.dynamics == "wave" ? fmt::format("phi_tt + damping phi_t - K Lap phi + V'(phi) = noise with V = {}", spec.potential)
                                       : fmt::format("phi_t = K Lap phi - V'(phi) + noise with V = {}", spec.potential);
  for (const auto& [constant, value] : spec.constants) system.parameters.push_back({.name = constant, .unit = "1", .doc = "constant of the model", .fallback = Value(value)});
  system.parameters.push_back({.name = "damping", .unit = "1/time", .doc = "damping of the wave equation", .fallback = Value(spec.damping), .min = 0});
  system.parameters.push_back({.name = "temperature", .unit = "energy", .doc = "temperature of the noise; 0: none", .fallback = Value(spec.temperature), .min = 0});
  system.parameters.push_back({.name = "stiffness", .unit = "1", .doc = "K of the gradient energy K (grad phi)^2/2", .fallback = Value(spec.stiffness), .min = 0, .min_excluded = true});
  system.parameters.push_back({.name = "dt", .unit = "time", .doc = "time step; 0: chosen from the grid", .fallback = Value(spec.dt), .min = 0});
  system.bind = [spec = std::move(spec), infos = system.parameters, owner = "system '" + system.name + "'"](const Table& given) {
    Case bound;
    bound.parameters = resolve(infos, given, owner);
    const auto number = [&](const std::string& key) { return as_number(bound.parameters.at(key)); };
    std::map<std::string, double> constants;
    for (const auto& [constant, value] : spec.constants) constants[constant] = number(constant);
    Model model;
    const std::size_t d = spec.n.size();
    if (d == 0 || spec.length.size() != d) throw ModelError(fmt::format("box has {} lengths and n {} numbers: one of each per dimension", spec.length.size(), d));
    if (!spec.x_min.empty() && spec.x_min.size() != d) throw ModelError(fmt::format("x-min has {} numbers for {} dimensions", spec.x_min.size(), d));
    model.grid = {{}, spec.length, {}, spec.boundary == "antiperiodic" ? Boundary::antiperiodic : Boundary::periodic};
    for (std::size_t a = 0; a < d; ++a) {
      if (!(spec.n[a] >= 1) || spec.n[a] != std::floor(spec.n[a]) || spec.n[a] > 1e9) throw ModelError(fmt::format("n = {} is not a number of points", exact(spec.n[a])));
      model.grid.n.push_back(static_cast<std::size_t>(spec.n[a]));
      model.grid.x_min.push_back(spec.x_min.empty() ? -spec.length[a] / 2 : spec.x_min[a]);
    }
    model.grid.check();
    if (static_cast<double>(model.grid.size()) > 1 << 24) throw ModelError(fmt::format("{} points are more than 2^24", model.grid.size()));
    model.potential = Potential::formula(spec.potential, constants);
    model.relaxation = spec.dynamics == "relaxation";
    model.stiffness = number("stiffness"), model.damping = number("damping"), model.temperature = number("temperature"), model.dt = number("dt"), model.vacuum = spec.vacuum;
    model.scheme = spec.scheme == "suzuki4" ? Scheme::suzuki4 : Scheme::verlet;
    model.stepping = spec.stepping == "cfl" ? Stepping::cfl : spec.stepping == "adaptive" ? Stepping::adaptive : Stepping::fixed;
    const std::vector<std::string> slots = d == 1 ? std::vector<std::string>{"x"} : std::vector<std::string>{"x", "y"};
    const auto on_grid = [&](const char* key, const std::string& text) {
      const num::Formula parsed = num::Formula::parse(text);
      std::vector<std::string> known = slots;
      for (const auto& [constant, value] : constants) known.push_back(constant);
      for (const std::string& variable : parsed.variables())
        if (std::find(known.begin(), known.end(), variable) == known.end())
          throw ModelError(fmt::format("{} = '{}' names '{}', which is neither a coordinate nor a constant (known: {}).{}", key, text, variable, join(known), did_you_mean(variable, known)));
      const num::Program program(parsed.substitute(constants), slots);
      if (d == 1) {
        const double left = model.grid.x_min[0];
        require_closed(fmt::format("{} = '{}'", key, text), program.run(&left), [&] { const double right = left + model.grid.length[0]; return program.run(&right); }(), model.grid.boundary);
      }
      std::vector<double> values(model.grid.size());
      for (std::size_t i = 0; i < values.size(); ++i) {
        const double at[2]{model.grid.coordinate(0, d == 1 ? i : i / model.grid.n[1]), d == 1 ? 0.0 : model.grid.coordinate(1, i % model.grid.n[1])};
        values[i] = program.run(at);
      }
      return values;
    };
    model.phi0 = on_grid("initial", spec.initial);
    model.pi0 = on_grid("momentum", spec.momentum);
    model.check();
    bound.observables = observables(model);
    bound.levels = ladder(model);
    bound.notes.push_back(fmt::format("V' = {}; step {}", num::Formula::parse(model.potential.text()).derivative("phi").text(), brief(model.step())));
    return bound;
  };
  (void)system.bind({});  // what is wrong is said when the file is read, not when it is run
  return system;
}

}  // namespace meso::field
