#include "systems/lattice/kpz-synchronization/kpz_synchronization.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <tuple>

#include "base/text.h"
#include "systems/lattice/kpz-synchronization/growth.h"
#include "systems/lattice/kpz-synchronization/realisation.h"

namespace meso::systems::kpz_synchronization {
namespace {

constexpr double nan_value = std::numeric_limits<double>::quiet_NaN();

const Schema<Params> schema{
    {"N", &Params::N, {.unit = "sites", .doc = "oscillators on the ring", .min = 1, .max = 16777216}},
    {"K", &Params::K, {.unit = "1/time", .doc = "coupling strength; 0 leaves independent oscillators", .min = 0, .max = 1e3}},
    {"delta", &Params::delta, {.unit = "rad", .doc = "non-oddity of the coupling (Kuramoto-Sakaguchi), below pi/2; 0 is odd", .min = 0}},
    {"kind", &Params::kind, {.unit = "", .doc = "randomness: white in time, or frozen in space (columnar)", .allowed = {"noise", "columnar"}}},
    {"D", &Params::D, {.unit = "rad^2/time", .doc = "noise strength, used with kind = noise", .min = 0, .max = 1e3}},
    {"s", &Params::s, {.unit = "rad/time", .doc = "standard deviation of the natural frequencies, used with kind = columnar", .min = 0, .max = 1e3}},
    {"omega_law", &Params::omega_law, {.unit = "", .doc = "law of the natural frequencies (mean 0)", .allowed = {"gaussian", "uniform"}}},
    {"scheme",
     &Params::scheme,
     {.unit = "", .doc = "integrator; auto is euler-maruyama with noise, rk4 for frozen frequencies", .allowed = {"auto", "euler-maruyama", "heun", "rk4"}}},
    {"dt", &Params::dt, {.unit = "time", .doc = "largest time step; 0 takes 0.05 (noise; 0.02 if D >= 0.3) or 0.1 (columnar), divided by K if K > 1", .min = 0, .max = 10}},
    {"sine_harmonics", &Params::sine_harmonics, {.unit = "1", .doc = "b_2, b_3, ... of the coupling, in units of K"}},
    {"cosine_harmonics", &Params::cosine_harmonics, {.unit = "1", .doc = "c_2, c_3, ... of the coupling, in units of K"}},
};

void check(const Params& p) {
  if (p.N < 8) throw ParameterError(fmt::format("N of system 'kpz-synchronization' is {}; a ring needs at least 8 oscillators to have a growing interface", p.N));
  if (p.delta >= std::numbers::pi / 2)
    throw ParameterError(fmt::format("delta = {} of system 'kpz-synchronization' is not below pi/2 = 1.5708: the surface tension nu = K cos(delta) = {} is not "
                                     "positive, and the state of equal phases is unstable at once", exact(p.delta), brief(p.K * std::cos(p.delta))));
  const lattice::FourierCoupling gamma = coupling_of(p);
  if (p.K > 0 && gamma.slope() <= 0)
    throw ParameterError(fmt::format("the harmonics make nu = Gamma'(0) = {} <= 0: the state of equal phases is unstable at once. Lower |sine_harmonics| or delta", brief(gamma.slope())));
  if (is_columnar(p) ? p.s == 0 : p.D == 0)
    throw ParameterError(fmt::format("{} = 0 with kind = {}: all phases start equal and nothing would ever happen. Set {} > 0, or the other kind of randomness",
                                     is_columnar(p) ? "s" : "D", p.kind, is_columnar(p) ? "s" : "D"));
  if (!is_columnar(p) && p.scheme == "rk4") throw ParameterError("scheme = rk4 has no meaning for white noise (kind = noise); use euler-maruyama or heun");
  const double dt = time_step_of(p);
  if (dt * gamma.steepest() > 0.5 * (1 + 1e-12))
    throw ParameterError(fmt::format("dt = {} is too long: dt K = {} must be at most 0.5 (K counts all harmonics: the largest slope of the coupling is at most {}). "
                                     "Use dt <= {}", exact(dt), brief(dt * gamma.steepest()), brief(gamma.steepest()), brief(0.5 / gamma.steepest(), 3)));
}

struct Window {
  double burn_in = 0, window = 0;
};
Window window_of(const Ask& ask, const Params& p) {
  const double slow = slow_time(static_cast<std::size_t>(p.N), coupling_of(p).slope(), randomness_of(p));
  if (!std::isfinite(slow)) throw StudyError("a ring without coupling (K = 0) has no stationary width: W grows for ever. Ask for times instead, or set K > 0");
  return {ask.stationary().burn_in.value_or(10 * slow), ask.stationary().window.value_or(50 * slow)};
}

void require_times(const Ask& ask) {
  for (const double t : ask.times())
    if (!(t >= 0) || !std::isfinite(t)) throw StudyError(fmt::format("times of 'kpz-synchronization' start at 0 (equal phases); {} was asked", brief(t)));
}

/// A sampled level whose realisations have the force that `Make` gives: oscillators or continuum.
template <class Make>
struct Ring {
  Params p;
  double identity_amplitude;
  bool oscillators;
  Make make;

  [[nodiscard]] Plan plan(const Ask& ask) const { return ring_plan(ask, p).plan; }
  void sample(const Ask& ask, const Plan&, std::uint64_t seed, const std::string& purpose, std::uint64_t trajectory, Tape& tape) const {
    run(ask, seed, purpose, trajectory, tape, nullptr);
  }
  [[nodiscard]] std::vector<Portrait> portraits(const Ask& ask, const Plan& plan, std::uint64_t seed, const std::string& purpose) const {
    double end = 0;
    if (ask.is_stationary()) {
      const Window w = window_of(ask, p);
      end = w.burn_in + w.window;
    } else {
      end = ask.times().empty() ? 0.0 : ask.times().back();
    }
    if (!(end > 0)) return {};
    Film film(static_cast<std::size_t>(p.N), end, oscillators);
    std::vector<double> data(plan.tape_size());
    Tape tape(plan, data);
    run(ask, seed, purpose, 0, tape, &film);
    return film.portraits();
  }

 private:
  void run(const Ask& ask, std::uint64_t seed, const std::string& purpose, std::uint64_t trajectory, Tape& tape, Film* film) const {
    Realisation ring(p, make(), identity_amplitude, ring_plan(ask, p).signals, seed, purpose, trajectory);
    ring.film(film);
    if (ask.is_stationary()) {
      const Window w = window_of(ask, p);
      if (trajectory % 2 == 1) ring.start_steep(seed, purpose, trajectory);
      ring.stationary(w.burn_in, w.window, trajectory % 2 == 1, tape);
    } else {
      ring.at_times(ask.times(), tape);
    }
  }
};

auto oscillators(const Params& p) {
  const lattice::FourierCoupling gamma = coupling_of(p);
  const auto make = [gamma] { return lattice::OscillatorForce(gamma); };
  return Ring<decltype(make)>{p, gamma.harmonics() == 1 ? 2.0 * p.K * std::sin(p.delta) : nan_value, true, make};
}

auto continuum(const Params& p) {
  const lattice::FourierCoupling gamma = coupling_of(p);
  Params field = p;
  if (field.scheme == "auto" && !is_columnar(p)) field.scheme = "heun";  // no reason to share the first-order step of the oscillators
  const auto make = [gamma] { return lattice::KpzForce(gamma.slope(), 2.0 * gamma.curvature()); };
  return Ring<decltype(make)>{field, Realisation<lattice::KpzForce>::no_identity, false, make};
}

void keep_wanted(const Ask& ask, Answer& answer) {
  if (ask.observables.empty()) return;
  std::erase_if(answer.estimates, [&](const Estimate& e) { return !ask.wants(e.observable); });
}

/// Frozen frequencies at their exact locking threshold: a realisation is a draw of frequencies.
struct Locking {
  Params p;
  [[nodiscard]] bool applies() const { return is_columnar(p) && p.delta == 0 && coupling_of(p).harmonics() == 1 && p.K > 0; }
  [[nodiscard]] Plan plan(const Ask& ask) const {
    Plan plan;
    if (!ask.is_stationary()) plan.axes = {{"t", "1", ask.times()}};
    std::vector<double> at_start;
    if (!ask.is_stationary())
      for (const double t : ask.times()) at_start.push_back(t == 0 ? 1.0 : 0.0);
    plan.signals = {{.name = "ring", .lo = 0}, {.name = "open", .lo = 0}, {.name = "locked", .lo = 0, .hi = 1}};
    plan.derived = {{"locking_threshold", "1/time", {0}}, {"locking_threshold_open", "1/time", {1}}, {"locked_fraction", "1", {2}, nullptr, at_start}};
    return plan;
  }
  void sample(const Ask& ask, const Plan& plan, std::uint64_t seed, const std::string& purpose, std::uint64_t trajectory, Tape& tape) const {
    const std::vector<double> omega = frequencies(p, seed, purpose, trajectory);
    const double ring = locking_threshold_ring(omega), open = locking_threshold_open(omega);
    for (std::size_t i = 0; i < plan.points(); ++i) {
      tape.record(0, i, ring);
      tape.record(1, i, open);
      tape.record(2, i, (!ask.is_stationary() && ask.times()[i] == 0) || p.K >= ring ? 1.0 : 0.0);
    }
  }
};

Answer locking(const Ask& ask, Context& context, const Params& p) {
  const Locking level{p};
  if (!level.applies()) {
    const std::string text = "the exact locking threshold needs kind = columnar, K > 0, delta = 0 and no harmonics";
    return {.flags = {{.kind = "note", .text = text}}, .why = text};
  }
  return sampled(level, 64, [](const Ask& asked, const EnsembleResult&, Answer& answer) { keep_wanted(asked, answer); })(ask, context);
}

// ---- what is made of an ensemble -------------------------------------------------------------------------------------

double option(const Ask& ask, const char* name) {
  const auto found = ask.options.find(name);
  return found == ask.options.end() ? 0.0 : as_number(found->second);
}

std::pair<double, double> window_asked(const Ask& ask) {
  auto [from, to] = default_window(ask.times());
  const double asked_from = option(ask, "fit-from"), asked_to = option(ask, "fit-to");
  if (asked_from > 0) from = asked_from;
  if (asked_to > 0) to = asked_to;
  if (from >= to) throw StudyError(fmt::format("fit window from {} to {} is empty; fit-from must be below fit-to", brief(from), brief(to)));
  return {from, to};
}

// Fit of the growth exponent and what must be said about its window.
void add_exponent(const Ask& ask, const Params& p, const Estimate& w2, Answer& answer) {
  const auto [from, to] = window_asked(ask);
  const auto note = [&](std::string text) { answer.flags.push_back({.kind = "note", .observable = "growth_exponent", .text = std::move(text)}); };
  std::size_t inside = 0;
  double at_end = 0;
  for (std::size_t i = 0; i < ask.times().size(); ++i)
    if (ask.times()[i] > 0 && ask.times()[i] >= from && ask.times()[i] <= to && w2.value[i] > 0) ++inside, at_end = w2.value[i];
  if (inside < 2) return note(fmt::format("no growth exponent: {} of the asked times lie in the fit window {}..{}; quote W only", inside, brief(from), brief(to)));
  if (to < 10 * from * (1 - 1e-9))
    note(fmt::format("fit window {}..{} is shorter than one decade: quote W, not the exponent", brief(from), brief(to)));
  const double saturation = saturation_w2(static_cast<std::size_t>(p.N), coupling_of(p).slope(), randomness_of(p));
  if (at_end > 0.4 * saturation)
    note(fmt::format("fit window {}..{} touches saturation: W2 = {} at its end, {} of the Edwards-Wilkinson plateau {}. Quote W, not the exponent, or set fit-to",
                     brief(from), brief(to), brief(at_end), brief(at_end / saturation, 2), brief(saturation)));
  answer.estimates.push_back(exponent_estimate(ask.times(), w2, from, to));
}

void flag_divergence(const Ask& ask, const Estimate& w2, Answer& answer) {
  for (std::size_t i = 0; i < w2.size(); ++i)
    if (!std::isfinite(w2.value[i])) {
      const double t = ask.is_stationary() ? nan_value : ask.times()[i];
      answer.flags.push_back({.kind = "diverged", .where = ask.is_stationary() ? std::map<std::string, double>{} : std::map<std::string, double>{{"t", t}},
                              .text = ask.is_stationary() ? "the height field ran away: its slopes are too large for the gradient expansion"
                                                          : fmt::format("the height field ran away before t = {}: its slopes are too large for the gradient expansion", brief(t)),
                              .fatal = true});
      return;
    }
}

// Did the two groups of starts, equal phases and one steep wave, forget where they came from?
void compare_groups(const Ask& ask, const Params& p, const EnsembleResult& result, Answer& answer) {
  const double n = static_cast<double>(result.trajectories), n_even = std::ceil(n / 2), n_odd = n - n_even;
  if (n_odd < 8) {
    answer.flags.push_back({.kind = "note", .text = fmt::format("mixing was not tested: {} trajectories, 16 are needed", result.trajectories)});
    return;
  }
  const Window w = window_of(ask, p);
  for (const auto& [name, signal, first] : {std::tuple{"W2", Signals::w2, Signals::group}, std::tuple{"cos_delta", Signals::cosine, Signals::group + 3}}) {
    // Sums over the even and the odd group from sums over both and over the odd ones.
    const double all = result.signal_mean[signal] * n, odd_sum = result.signal_mean[first] * n, square = result.signal_mean[first + 1] * n, odd_square = result.signal_mean[first + 2] * n;
    const double even = (all - odd_sum) / n_even, odd = odd_sum / n_odd;
    const double even_error = std::sqrt(std::max(0.0, (square - odd_square) / n_even - even * even) / (n_even - 1));
    const double odd_error = std::sqrt(std::max(0.0, odd_square / n_odd - odd * odd) / (n_odd - 1)), error = std::hypot(even_error, odd_error);
    if (!(std::abs(even - odd) > 4 * error + 1e-9 * (std::abs(even) + std::abs(odd)))) continue;
    answer.flags.push_back({.kind = "not-mixed",
                            .text = fmt::format("{} is {} +- {} from equal phases and {} +- {} from one steep wave: {} of their errors apart after a burn-in of {} and a window of {}; ask for a burn-in of "
                                                "about {}", name, brief(even, 5), brief(even_error, 2), brief(odd, 5), brief(odd_error, 2),
                                                error > 0 ? brief(std::abs(even - odd) / error, 3) : "any number", brief(w.burn_in), brief(w.window),
                                                brief(10 * slow_time(static_cast<std::size_t>(p.N), coupling_of(p).slope(), randomness_of(p)), 2))});
    return;
  }
}

// Exponent, saturation and class: everything that is read off W^2 on a time axis, on any level.
void add_growth(const Ask& ask, const Params& p, const Estimate& w2, const Estimate& slips, Answer& answer, bool with_flag) {
  for (const double v : w2.value)
    if (!std::isfinite(v)) return;
  add_exponent(ask, p, w2, answer);
  const auto [from, to] = window_asked(ask);
  const PhaseClass c = classify(p, w2, slips, from, to);
  answer.estimates.push_back(class_estimate(c, w2));
  const double nu = coupling_of(p).slope(), lambda = 2.0 * coupling_of(p).curvature();
  const std::string coupling = nu > 0 ? fmt::format("; KPZ coupling {}", brief(kpz_coupling(nu, lambda, randomness_of(p)), 3)) : "";
  if (with_flag)
    answer.flags.push_back({.kind = "phase-class",
                            .text = fmt::format("{}: W grows as t^({} +- {}) over {}..{}, {} at the end; largest slip fraction {}; saturation {}{}", c.name, brief(c.exponent, 3), brief(c.error, 2),
                                                brief(c.from, 3), brief(c.to, 3), brief(c.late_exponent, 3), brief(c.slips, 2), c.saturated ? "seen" : "not seen", coupling)});
  if (!ask.observables.empty() && !ask.wants("W_sat") && !ask.wants("t_sat")) return;
  Saturation saturation = saturation_of(p, w2, c.slips);
  if (saturation.seen) answer.estimates.push_back(saturation.W_sat);
  if (saturation.t_sat) answer.estimates.push_back(*saturation.t_sat);
  if (!saturation.why.empty()) answer.flags.push_back({.kind = "note", .observable = saturation.seen ? "t_sat" : "W_sat", .text = saturation.why});
}

bool enough_times(const Ask& ask) { return ask.times().size() > 2 || (ask.times().size() == 2 && ask.times()[0] > 0); }

Axis separation_axis(const Params& p) {
  Axis axis{"l", "sites", {}};
  for (const std::size_t l : separations(static_cast<std::size_t>(p.N))) axis.points.push_back(static_cast<double>(l));
  return axis;
}
Axis wave_axis(const Params& p) { return {"q", "1/sites", WaveBins(static_cast<std::size_t>(p.N)).q}; }

// Error of the time step, estimated: what the same scheme does to the exactly solvable linear ring.
void add_step_bound(const Ask& ask, const Params& p, Scheme scheme, Answer& answer) {
  if (ask.is_stationary()) return;
  const auto N = static_cast<std::size_t>(p.N);
  const double nu = coupling_of(p).slope();
  const LinearPath exact = edwards_wilkinson(N, nu, randomness_of(p), ask.times());
  const LinearPath stepped = edwards_wilkinson_stepped(N, nu, randomness_of(p), scheme, time_step_of(p), ask.times());
  for (Estimate& e : answer.estimates) {
    if (e.observable != "W2" && e.observable != "W") continue;
    e.error_bound.assign(e.size(), 0.0);
    for (std::size_t i = 0; i < e.size(); ++i)
      if (exact.w2[i] > 0) e.error_bound[i] = std::abs(e.value[i]) * std::abs(stepped.w2[i] / exact.w2[i] - 1.0) * (e.observable == "W" ? 0.5 : 1.0);
    e.bound_kind = BoundKind::estimated;
  }
}

std::function<void(const Ask&, const EnsembleResult&, Answer&)> finish_of(const Params& p, Scheme scheme, bool with_identity) {
  return [p, scheme, with_identity](const Ask& ask, const EnsembleResult& result, Answer& answer) {
    if (!with_identity) std::erase_if(answer.estimates, [](const Estimate& e) { return e.observable == "velocity_identity"; });
    if (ask.wants("S")) join(answer, "S", wave_axis(p));
    if (ask.wants("G2")) join(answer, "G2", separation_axis(p));
    const Estimate w2 = *answer.find("W2"), slips = *answer.find("slip_fraction");
    flag_divergence(ask, w2, answer);
    if (ask.is_stationary()) {
      const double slow = slow_time(static_cast<std::size_t>(p.N), coupling_of(p).slope(), randomness_of(p));
      const Window w = window_of(ask, p);
      if (w.burn_in < 5 * slow)
        answer.flags.push_back({.kind = "not-mixed", .text = fmt::format("burn-in {} is short of saturation: W relaxes in about {} for N = {} (grows as N^2, N^(3/2) once "
                                                                          "the KPZ term rules); ask for a burn-in of about {}", brief(w.burn_in), brief(slow), p.N, brief(10 * slow, 2))});
      compare_groups(ask, p, result, answer);
      if (slips.value[0] > slip_threshold)
        answer.flags.push_back({.kind = "note", .text = fmt::format("bonds slip (share {}): W has no plateau of its own", brief(slips.value[0]))});
      return keep_wanted(ask, answer);
    }
    add_step_bound(ask, p, scheme, answer);
    if (enough_times(ask)) {
      answer.estimates.push_back(slope_estimate(w2, is_columnar(p)));
      add_growth(ask, p, w2, slips, answer, true);
    }
    keep_wanted(ask, answer);
  };
}

// ---- solved levels ---------------------------------------------------------------------------------------------------

std::vector<double> root_of(std::vector<double> x) {
  for (double& v : x) v = std::sqrt(std::max(0.0, v));
  return x;
}

// Everything that follows from a Gaussian field with these second moments.
Answer gaussian_answer(const Ask& ask, const Params& p, const LinearPath& path, const std::vector<Axis>& axes, bool gaussian_sites) {
  Answer answer;
  const std::size_t n = path.w2.size();
  const auto add = [&](const char* name, const char* unit, std::vector<double> value) {
    Estimate e = solved_estimate(name, unit, axes, std::move(value));
    if (!ask.is_stationary()) {
      e.exact.assign(n, 0.0);
      for (std::size_t i = 0; i < n; ++i) e.exact[i] = ask.times()[i] == 0 ? 1.0 : 0.0;
    }
    answer.estimates.push_back(std::move(e));
  };
  add("W2", "rad^2", path.w2);
  add("W", "rad", root_of(path.w2));
  std::vector<double> cosine(n), slips(n);
  for (std::size_t i = 0; i < n; ++i) {
    cosine[i] = std::exp(-0.5 * path.bond_variance[i]);
    slips[i] = path.bond_variance[i] > 0 ? std::erfc(std::numbers::pi / std::sqrt(2.0 * path.bond_variance[i])) : 0.0;
  }
  const std::vector<double> slip_law = slips;
  if (gaussian_sites) {
    add("skewness", "1", std::vector<double>(n, 0.0));
    add("kurtosis", "1", std::vector<double>(n, 0.0));
    add("cos_delta", "1", std::move(cosine));
    add("slip_fraction", "1", std::move(slips));
  }
  if (!path.structure.empty()) {
    const auto N = static_cast<std::size_t>(p.N);
    const WaveBins bins(N);
    const std::vector<std::size_t> at = separations(N);
    const auto add_points = [&](const char* name, Axis axis, const std::function<std::vector<double>(const std::vector<double>&)>& make) {
      Estimate e = solved_estimate(name, "rad^2", axes, {});
      e.axes.push_back(std::move(axis));
      for (std::size_t i = 0; i < n; ++i)
        for (const double v : make(path.structure[i])) {
          e.value.push_back(v);
          if (!ask.is_stationary()) e.exact.push_back(ask.times()[i] == 0 ? 1.0 : 0.0);
        }
      answer.estimates.push_back(std::move(e));
    };
    if (ask.wants("S")) add_points("S", wave_axis(p), [&](const std::vector<double>& s) { return bins.average(s); });
    if (ask.wants("G2")) add_points("G2", separation_axis(p), [&](const std::vector<double>& s) { return height_differences(N, s, at); });
  }
  if (ask.is_stationary()) add("W_sat", "rad", root_of(path.w2));
  if (!ask.is_stationary() && enough_times(ask)) {
    add("slope", "1", local_slope(ask.times(), path.w2, is_columnar(p)));
    const Estimate w2 = *answer.find("W2");
    add_growth(ask, p, w2, solved_estimate("slip_fraction", "1", axes, slip_law), answer, false);
  }
  return answer;
}

std::vector<Axis> axes_of(const Ask& ask) {
  if (ask.is_stationary()) return {};
  require_times(ask);
  return {{"t", "1", ask.times()}};
}

bool wants_spectra(const Ask& ask) { return ask.wants("S") || ask.wants("G2"); }

Answer linear(const Ask& ask, const Params& p) {
  const auto N = static_cast<std::size_t>(p.N);
  const double nu = coupling_of(p).slope();
  const std::vector<Axis> axes = axes_of(ask);
  LinearPath path;
  if (ask.is_stationary()) {
    (void)window_of(ask, p);  // refuses K = 0
    path = edwards_wilkinson(N, nu, randomness_of(p), std::vector<double>{1e3 * slow_time(N, nu, randomness_of(p))}, wants_spectra(ask));
  } else {
    path = edwards_wilkinson(N, nu, randomness_of(p), ask.times(), wants_spectra(ask));
  }
  Answer answer = gaussian_answer(ask, p, path, axes, !is_columnar(p) || p.omega_law == "gaussian");
  keep_wanted(ask, answer);
  return answer;
}

Answer linear_renormalised(const Ask& ask, const Params& p) {
  const std::vector<Axis> axes = axes_of(ask);
  if (ask.is_stationary())
    return {.flags = {{.kind = "note", .text = "'linear-renormalised' follows the time steps of the oscillators and answers questions on times only"}}};
  const LinearPath path = statistically_linearised(static_cast<std::size_t>(p.N), coupling_of(p), randomness_of(p), scheme_of(p), time_step_of(p), ask.times(), wants_spectra(ask));
  Answer answer = gaussian_answer(ask, p, path, axes, true);
  std::vector<double> velocity(path.displacement.size()), exact(path.displacement.size());
  for (std::size_t i = 0; i < velocity.size(); ++i) {
    const double t = ask.times()[i], t0 = i > 0 ? ask.times()[i - 1] : 0.0;
    if (t > t0) velocity[i] = (path.displacement[i] - (i > 0 ? path.displacement[i - 1] : 0.0)) / (t - t0);
    else exact[i] = is_columnar(p) ? 0.0 : 1.0;
  }
  for (const char* name : {"velocity", "velocity_identity"}) {
    Estimate e = solved_estimate(name, "rad/time", axes, velocity);
    e.exact = exact;
    answer.estimates.push_back(std::move(e));
  }
  keep_wanted(ask, answer);
  return answer;
}

Answer independent(const Ask& ask, const Params& p) {
  const std::vector<Axis> axes = axes_of(ask);
  if (ask.is_stationary()) return {.flags = {{.kind = "no-stable-state", .text = "independent oscillators drift apart for ever: no stationary width", .fatal = true}}};
  const LinearPath path = edwards_wilkinson(static_cast<std::size_t>(p.N), 0.0, randomness_of(p), ask.times(), wants_spectra(ask));
  Answer answer = gaussian_answer(ask, p, path, axes, !is_columnar(p) || p.omega_law == "gaussian");
  keep_wanted(ask, answer);
  return answer;
}

// Late growth of a flat KPZ front on an infinite line, with its universal law.
Answer kpz_scaling(const Ask& ask, const Params& p) {
  const std::vector<Axis> axes = axes_of(ask);
  const lattice::FourierCoupling gamma = coupling_of(p);
  const KpzGrowth growth = kpz_growth(gamma.slope(), 2.0 * gamma.curvature(), p.D);
  Answer answer;
  if (ask.is_stationary() || is_columnar(p) || growth.rate == 0 || p.K == 0) {
    answer.flags.push_back({.kind = "note", .text = "'kpz-scaling' is the growth of an infinite front: it needs asked times, kind = noise, K > 0 and an even part of the coupling (delta > 0 or cosine_harmonics)"});
    return answer;
  }
  const std::size_t n = ask.times().size();
  std::vector<double> w2, exact, slope(n, 1.0 / 3.0);
  for (std::size_t i = 0; i < n; ++i) {
    w2.push_back(growth.w2(ask.times()[i]));
    exact.push_back(ask.times()[i] == 0 ? 1.0 : 0.0);
    if (ask.times()[i] == 0) slope[i] = 0.5;
  }
  const auto add = [&](const char* name, const char* unit, std::vector<double> value) {
    Estimate e = solved_estimate(name, unit, axes, std::move(value));
    e.exact = exact;
    answer.estimates.push_back(std::move(e));
  };
  const auto law = [&](double value) {
    std::vector<double> v(n, value);
    for (std::size_t i = 0; i < n; ++i)
      if (exact[i] != 0) v[i] = 0;
    return v;
  };
  add("W2", "rad^2", w2);
  add("W", "rad", root_of(w2));
  add("skewness", "1", law(growth.sign * KpzGrowth::skewness));
  add("kurtosis", "1", law(KpzGrowth::kurtosis));
  if (enough_times(ask)) {
    add("slope", "1", slope);
    const Estimate squared = *answer.find("W2");
    add_growth(ask, p, squared, solved_estimate("slip_fraction", "1", axes, std::vector<double>(n, 0.0)), answer, false);
    std::erase_if(answer.estimates, [](const Estimate& e) { return e.observable == "W_sat" || e.observable == "t_sat"; });
    std::erase_if(answer.flags, [](const Flag& f) { return f.observable == "W_sat" || f.observable == "growth_exponent"; });  // an infinite front never saturates
  }
  keep_wanted(ask, answer);
  return answer;
}

Answer von_mises(const Ask& ask, const Params& p) {
  const std::vector<Axis> axes = axes_of(ask);
  const lattice::FourierCoupling gamma = coupling_of(p);
  const bool odd = std::all_of(gamma.cosine.begin(), gamma.cosine.end(), [](double c) { return c == 0; });
  Answer answer;
  if (is_columnar(p) || !odd || p.K == 0) {
    answer.flags.push_back({.kind = "note", .text = "equilibrium bonds need kind = noise, K > 0 and an odd coupling (delta = 0, no cosine_harmonics): only then is the ring a gradient system"});
    return answer;
  }
  const double c = equilibrium_bond_cosine(gamma, p.D);
  const std::size_t n = axes.empty() ? 1 : ask.times().size();
  // The bonds of a ring sum to a multiple of 2 pi: a correction of relative order 1/N to 1 - cos.
  answer.estimates.push_back(solved_estimate("cos_delta", "1", axes, std::vector<double>(n, c), std::vector<double>(n, (1.0 - c) / static_cast<double>(p.N)), BoundKind::estimated));
  keep_wanted(ask, answer);
  return answer;
}

const std::vector<ParameterInfo> fit_options{
    {.name = "fit-from", .unit = "time", .doc = "start of the window of the growth exponent; 0: t_max / 20", .fallback = Value(0.0), .min = 0},
    {.name = "fit-to", .unit = "time", .doc = "end of that window; 0: t_max", .fallback = Value(0.0), .min = 0}};

std::function<std::vector<std::string>(const Ask&)> cost_of(const Params& p, int forces_per_step) {
  return [p, forces_per_step](const Ask& ask) {
    double span = 0;
    if (ask.is_stationary()) {
      const Window w = window_of(ask, p);
      span = w.burn_in + w.window;
    } else {
      span = ask.times().empty() ? 0.0 : ask.times().back();
    }
    const double updates = static_cast<double>(p.N) * static_cast<double>(steps_in(span, time_step_of(p)));
    return std::vector<std::string>{fmt::format("{:.2g} site updates per trajectory, about {} on one core at 1e8 a second", updates, duration(updates * forces_per_step / 1e8))};
  };
}

std::vector<Level> levels_of(const Params& p) {
  const int forces = scheme_of(p) == Scheme::rk4 ? 2 : scheme_of(p) == Scheme::heun ? 2 : 1;
  Scheme field = scheme_of(p);
  if (p.scheme == "auto" && !is_columnar(p)) field = Scheme::heun;
  std::vector<Level> levels;
  levels.push_back({.info = {.name = "oscillators", .rung = Rung::micro, .doc = "the ring itself; one trajectory is one realisation, its frozen frequencies included",
                             .options = fit_options, .sampled = true, .grain = 1},
                    .run = sampled(oscillators(p), 1, finish_of(p, scheme_of(p), true)), .plan = cost_of(p, forces)});
  levels.push_back({.info = {.name = "continuum", .rung = Rung::surrogate, .doc = "lattice Kardar-Parisi-Zhang equation with nu = Gamma'(0), lambda = 2 Gamma''(0)", .parent = "oscillators",
                             .approximation = "Gamma expanded to second order in the phase differences (no slips), gradient form of Lam and Shin", .small_parameter = is_columnar(p) ? "s" : "D",
                             .source = "Kardar, Parisi, Zhang (1986), doi:10.1103/PhysRevLett.56.889; Lam and Shin (1998), doi:10.1103/PhysRevE.58.5592",
                             .options = fit_options, .sampled = true, .grain = 1},
                    .run = sampled(continuum(p), 1, finish_of(p, field, false)), .plan = cost_of(p, forces)});
  levels.push_back({.info = {.name = "linear-renormalised", .rung = Rung::moments,
                             .doc = "Gaussian closure in the oscillators' own time steps: bonds soften to <Gamma'>, the frame moves with 2 <Gamma>", .parent = "oscillators",
                             .approximation = "phase differences taken as Gaussian (statistical linearisation)", .small_parameter = is_columnar(p) ? "s" : "D",
                             .source = "derived in README.md; Caughey (1963), doi:10.1121/1.1918794", .options = fit_options},
                    .run = [p](const Ask& ask, Context&) { return linear_renormalised(ask, p); }});
  levels.push_back({.info = {.name = "linear", .rung = Rung::moments, .doc = "Edwards-Wilkinson lattice, exact mode sum in continuous time", .parent = "continuum",
                             .approximation = "lambda = 0: the coupling linearised", .small_parameter = is_columnar(p) ? "s" : "D",
                             .source = "Edwards and Wilkinson (1982), doi:10.1098/rspa.1982.0056", .options = fit_options},
                    .run = [p](const Ask& ask, Context&) { return linear(ask, p); }});
  levels.push_back({.info = {.name = "independent", .rung = Rung::mean_field, .doc = "no coupling: random deposition W2 = 2 D t (1 - 1/N), or W2 = s^2 t^2 (1 - 1/N)", .parent = "linear",
                             .approximation = "K = 0", .source = "free diffusion", .options = fit_options},
                    .run = [p](const Ask& ask, Context&) { return independent(ask, p); }});
  levels.push_back({.info = {.name = "kpz-scaling", .rung = Rung::surrogate, .doc = "late growth of a flat KPZ front: W2 = 0.638 (Gamma t)^(2/3), law of Tracy and Widom (GOE); no free parameter",
                             .parent = "continuum", .approximation = "N -> infinity, then t -> infinity", .small_parameter = "t^(-2/3)",
                             .source = "Takeuchi (2018), doi:10.1016/j.physa.2018.03.009", .options = fit_options},
                    .run = [p](const Ask& ask, Context&) { return kpz_scaling(ask, p); }});
  levels.push_back({.info = {.name = "locking", .rung = Rung::master, .doc = "exact locking threshold of frozen frequencies (odd coupling): its mean over realisations, and the share that locks with winding number 0",
                             .parent = "oscillators", .approximation = "time -> infinity", .small_parameter = "1/t", .source = "derived in README.md", .sampled = true, .grain = 64},
                    .run = [p](const Ask& ask, Context& context) { return locking(ask, context, p); }});
  levels.push_back({.info = {.name = "von-mises", .rung = Rung::master, .doc = "equilibrium law of the bonds (XY chain at temperature D), for an odd coupling with noise; gives cos_delta", .parent = "oscillators",
                             .approximation = "time -> infinity, N -> infinity", .small_parameter = "1/t", .source = "transfer operator of the XY chain: I_1(K/D) / I_0(K/D)"},
                    .run = [p](const Ask& ask, Context&) { return von_mises(ask, p); }});
  return levels;
}

}  // namespace

bool is_columnar(const Params& p) { return p.kind == "columnar"; }

lattice::FourierCoupling coupling_of(const Params& p) {
  lattice::FourierCoupling gamma = lattice::FourierCoupling::sakaguchi(p.K, p.delta);
  for (const double b : p.sine_harmonics) gamma.sine.push_back(p.K * b);
  for (const double c : p.cosine_harmonics) gamma.cosine.push_back(p.K * c);
  return gamma;
}

Randomness randomness_of(const Params& p) { return is_columnar(p) ? Randomness{.columnar = true, .s = p.s} : Randomness{.D = p.D}; }

Scheme scheme_of(const Params& p) {
  if (p.scheme == "heun") return Scheme::heun;
  if (p.scheme == "rk4" || (p.scheme == "auto" && is_columnar(p))) return Scheme::rk4;
  return Scheme::euler_maruyama;
}

double time_step_of(const Params& p) {
  if (p.dt > 0) return p.dt;
  return (is_columnar(p) ? 0.1 : p.D >= 0.3 ? 0.02 : 0.05) / std::max(1.0, coupling_of(p).steepest());
}

std::vector<double> frequencies(const Params& p, std::uint64_t seed, const std::string& purpose, std::uint64_t trajectory) {
  if (!is_columnar(p)) return {};
  Stream stream(seed, trajectory, purpose + "/frequencies");
  std::vector<double> omega(static_cast<std::size_t>(p.N));
  for (double& w : omega) w = p.omega_law == "uniform" ? p.s * std::sqrt(12.0) * (stream.uniform() - 0.5) : p.s * stream.normal();
  return omega;
}

System system() {
  return Define<Params>("kpz-synchronization", "Synchronisation of phase oscillators on a ring as surface growth", "lattice", schema)
      .paper("kpz-synchronization", "Dynamical phase diagram of synchronization in one dimension: universal behavior from "
             "Edwards-Wilkinson to random deposition through Kardar-Parisi-Zhang", "2026-04-06")
      .doc("A ring of phase oscillators, each coupled to its two neighbours by K [sin(x + delta) - sin delta], with noise or with frozen random frequencies. Started in phase, the profile of "
           "phases roughens like a growing interface: its width W grows as t^(1/4) (Edwards-Wilkinson) where the coupling is odd, as t^(1/3) (Kardar-Parisi-Zhang) where it is not, and as "
           "t^(1/2) (random deposition) once phase slips break synchrony; with frozen frequencies 3/4, about 0.86 and 1.")
      .observe({.name = "W2", .unit = "rad^2", .doc = "squared width: mean over realisations and sites of (phi_i - phibar)^2, phibar the mean of that realisation"})
      .observe({.name = "W", .unit = "rad", .doc = "width: square root of W2 (of the ensemble mean, not a mean of roots)", .by_default = false})
      .observe({.name = "slope", .unit = "1", .doc = "local growth exponent d ln W / d ln t between neighbouring asked times; its limit 1/2 (noise) or 1 (columnar) at t = 0"})
      .observe({.name = "growth_exponent", .unit = "1", .doc = "exponent of W ~ t^beta fitted over the window fit-from..fit-to", .by_default = false})
      .observe({.name = "skewness", .unit = "1", .doc = "<(phi_i - phibar)^3> / W2^(3/2), ratio of ensemble means; Tracy-Widom GOE -0.2935 for KPZ growth with lambda < 0; 0 at t = 0"})
      .observe({.name = "kurtosis", .unit = "1", .doc = "excess kurtosis <(phi_i - phibar)^4> / W2^2 - 3; GOE 0.165; 0 at t = 0", .by_default = false})
      .observe({.name = "cos_delta", .unit = "1", .doc = "mean over bonds of cos(phi_{i+1} - phi_i)"})
      .observe({.name = "slip_fraction", .unit = "1", .doc = "share of bonds with |phi_{i+1} - phi_i| > pi"})
      .observe({.name = "kuramoto_r", .unit = "1", .doc = "Kuramoto order |mean_i exp(i phi_i)|", .by_default = false})
      .observe({.name = "velocity", .unit = "rad/time", .doc = "mean phase gained since the asked time before, per time; in the frame of -2 K sin delta", .by_default = false})
      .observe({.name = "velocity_identity", .unit = "rad/time",
                .doc = "what it must be: <omega> + 2 K sin delta (<cos(phi_{i+1} - phi_i)> - 1), averaged over the same time (all even harmonics likewise)", .by_default = false})
      .observe({.name = "frequency_spread", .unit = "rad/time", .doc = "spread of the effective frequencies: root mean square over sites of the phase gained since the asked time before, per time, "
                "about its mean; 0 when locked; 0 at t = 0", .by_default = false})
      .observe({.name = "G2", .unit = "rad^2", .doc = "height differences G2(l, t) = mean over sites of (phi_{i+l} - phi_i)^2, at separations l = 1, 2, 3, 4, 6, 8, 12, ... up to N/2", .by_default = false})
      .observe({.name = "S", .unit = "rad^2", .doc = "structure factor S(q, t) = |sum_i (phi_i - phibar) exp(-i q i)|^2 / N, averaged over the modes of each bin of wavenumbers (k = 1, 2, 3, 4, then two "
                "bins an octave); W2 = (1/N) sum over modes of S", .by_default = false})
      .observe({.name = "locked_fraction", .unit = "1", .doc = "share of realisations in which no bond has slipped (|phi_{i+1} - phi_i| > pi nowhere); for frozen frequencies its late value is the share that locks "
                "with winding number 0", .by_default = false})
      .observe({.name = "locking_threshold", .unit = "1/time", .doc = "smallest K at which the ring locks with winding number 0 (kind = columnar, delta = 0), mean over realisations of the frequencies", .by_default = false})
      .observe({.name = "locking_threshold_open", .unit = "1/time", .doc = "the same for the open chain: max_i |S_i|, S_i the partial sums of omega - mean", .by_default = false})
      .observe({.name = "W_sat", .unit = "rad", .doc = "saturated width: square root of the mean of W2 over the last factor 2 of the asked times (or over the stationary window), if W has stopped growing there", .by_default = false})
      .observe({.name = "t_sat", .unit = "time", .doc = "saturation time: where the power law fitted to the last decade of W below 0.45 W_sat reaches W_sat", .by_default = false})
      .observe({.name = "phase_class", .unit = "1", .doc = "class of the growth: 0 synchronous-EW, 1 synchronous-KPZ, 2 slips, 3 desynchronised; 0.5 +- 0.5 if the exponent decides nothing", .by_default = false})
      .check(check)
      .levels(levels_of);
}

}  // namespace meso::systems::kpz_synchronization
