#include "systems/lattice/kpz-synchronization/kpz_synchronization.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "base/text.h"
#include "stat/fit.h"
#include "stat/jackknife.h"

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

// ---- what a trajectory writes ---------------------------------------------------------------------------------------

enum Signals : std::size_t { kW2, kThird, kFourth, kCosine, kSlips, kOrder, kVelocity, kSpread, kIdentity };

Plan plan_of(const Ask& ask, const Params& p, bool with_identity) {
  Plan plan;
  std::vector<double> at_start;  // 1 at t = 0: equal phases, exactly
  if (!ask.is_stationary()) {
    plan.axes = {{"t", "1", ask.times()}};
    for (const double t : ask.times()) at_start.push_back(t == 0 ? 1.0 : 0.0);
  }
  plan.signals = {{.name = "W2", .lo = 0, .path = true}, {.name = "m3"}, {.name = "m4", .lo = 0}, {.name = "cos_delta", .lo = -1, .hi = 1},
                  {.name = "slip_fraction", .lo = 0, .hi = 1}, {.name = "kuramoto_r", .lo = 0, .hi = 1}, {.name = "velocity"}, {.name = "spread", .lo = 0}};
  if (with_identity) plan.signals.push_back({.name = "velocity_identity"});
  const auto root = [](std::span<const double> m) { return std::sqrt(std::max(0.0, m[0])); };
  const bool frozen = is_columnar(p);  // with frozen frequencies the mean velocity of a realisation is random from the start
  const std::vector<double> velocity_exact = frozen ? std::vector<double>{} : at_start;
  plan.derived = {{"W2", "rad^2", {kW2}, nullptr, at_start},
                  {"W", "rad", {kW2}, root, at_start},
                  {"skewness", "1", {kThird, kW2}, [](std::span<const double> m) { return m[1] > 0 ? m[0] / (m[1] * std::sqrt(m[1])) : 0.0; }, at_start},
                  {"kurtosis", "1", {kFourth, kW2}, [](std::span<const double> m) { return m[1] > 0 ? m[0] / (m[1] * m[1]) - 3.0 : 0.0; }, at_start},
                  {"cos_delta", "1", {kCosine}, nullptr, at_start},
                  {"slip_fraction", "1", {kSlips}, nullptr, at_start},
                  {"kuramoto_r", "1", {kOrder}, nullptr, at_start},
                  {"velocity", "rad/time", {kVelocity}, nullptr, velocity_exact},
                  {"frequency_spread", "rad/time", {kSpread}, root, at_start}};
  if (with_identity) plan.derived.push_back({"velocity_identity", "rad/time", {kIdentity}, nullptr, velocity_exact});
  return plan;
}

// Time average of the mean force on a site, trapezium rule on samples every few steps: the right side of the velocity identity.
class ForceAverage {
 public:
  void start(double mean_force) { last_ = mean_force, sum_ = span_ = 0; }
  void add(double mean_force, double dt) { sum_ += 0.5 * (last_ + mean_force) * dt, span_ += dt, last_ = mean_force; }
  [[nodiscard]] double value() const { return span_ > 0 ? sum_ / span_ : last_; }

 private:
  double last_ = 0, sum_ = 0, span_ = 0;
};

/// One realisation of either micro description: `Force` is the oscillators' or the continuum's.
template <lattice::RingForce Force>
class Realisation {
 public:
  /// @param identity_amplitude  2 K sin(delta): mean force per (<cos Delta> - 1); NaN: taken from the force itself
  Realisation(const Params& p, Force force, double identity_amplitude, bool with_identity, std::uint64_t seed, const std::string& purpose, std::uint64_t trajectory)
      : force_(std::move(force)), amplitude_(identity_amplitude), with_identity_(with_identity), scheme_(scheme_of(p)), D_(is_columnar(p) ? 0.0 : p.D), dt_(time_step_of(p)),
        omega_(frequencies(p, seed, purpose, trajectory)), noise_(Stream(seed, trajectory, purpose + "/noise").fast()), h_(static_cast<std::size_t>(p.N)),
        before_(h_.size()), scratch_(h_.size()) {
    if (!omega_.empty()) omega_mean_ = lattice::mean_height(omega_);
  }

  void at_times(const std::vector<double>& times, Tape& tape) {
    double now = 0;
    average_.start(mean_force());
    for (std::size_t i = 0; i < times.size(); ++i) {
      std::copy(h_.begin(), h_.end(), before_.begin());
      const double start = lattice::mean_height(h_), span = times[i] - now;
      average_.start(mean_force());
      cross(span);
      if (!alive_) {  // a field that ran away: every later value is NaN, and the level flags it
        for (std::size_t j = i; j < times.size(); ++j)
          for (std::size_t s = 0; s < (with_identity_ ? kIdentity + 1 : kIdentity); ++s) tape.record(s, j, nan_value);
        return;
      }
      record(tape, i, 1.0, lattice::measure(h_));
      record_motion(tape, i, start, span);
      now = times[i];
    }
  }

  void stationary(double burn_in, double window, Tape& tape) {
    cross(burn_in);
    std::copy(h_.begin(), h_.end(), before_.begin());
    const double start = lattice::mean_height(h_);
    average_.start(mean_force());
    const auto samples = static_cast<std::size_t>(std::max(1.0, std::round(window)));  // one a time unit
    for (std::size_t j = 0; j < samples; ++j) {
      cross(window / static_cast<double>(samples));
      record(tape, 0, 1.0 / static_cast<double>(samples), lattice::measure(h_));
    }
    record_motion(tape, 0, start, window);
    if (!alive_)
      for (std::size_t s = 0; s < (with_identity_ ? kIdentity + 1 : kIdentity); ++s) tape.record(s, 0, nan_value);
  }

 private:
  double mean_force() {
    if (!with_identity_) return 0;
    if (!std::isnan(amplitude_)) return amplitude_ == 0 ? 0.0 : amplitude_ * (lattice::mean_bond_cosine(h_) - 1.0);
    force_(h_, scratch_.a);
    return lattice::mean_height(scratch_.a);
  }

  void cross(double span) {
    const std::size_t stride = scheme_ == Scheme::rk4 ? 1 : 4;  // steps between samples of the mean force: a share of the cost of a step
    const std::size_t steps = steps_in(span, dt_);
    const double dt = steps > 0 ? span / static_cast<double>(steps) : 0.0;
    std::size_t since = 0;
    for (std::size_t k = 0; k < steps && alive_; ++k) {
      if (scheme_ == Scheme::euler_maruyama) lattice::euler_maruyama_step(force_, h_, omega_, D_, dt, noise_, scratch_);
      else if (scheme_ == Scheme::heun) lattice::heun_step(force_, h_, omega_, D_, dt, noise_, scratch_);
      else lattice::rk4_step(force_, h_, omega_, dt, scratch_);
      if (++since == stride || k + 1 == steps) {
        if (with_identity_) average_.add(mean_force(), dt * static_cast<double>(since));
        since = 0;
      }
      if (k % 256 == 0 || k + 1 == steps) alive_ = std::isfinite(lattice::mean_height(h_));
    }
  }

  void record(Tape& tape, std::size_t i, double weight, const lattice::RingMoments& m) {
    tape.accumulate(kW2, i, m.m2, weight);
    tape.accumulate(kThird, i, m.m3, weight);
    tape.accumulate(kFourth, i, m.m4, weight);
    tape.accumulate(kCosine, i, m.cosine, weight);
    tape.accumulate(kSlips, i, m.slips, weight);
    tape.accumulate(kOrder, i, m.order, weight);
  }

  // Displacements since the asked time before: velocity of the mean phase and spread of the effective frequencies.
  void record_motion(Tape& tape, std::size_t i, double start, double span) {
    if (span > 0) {
      tape.record(kVelocity, i, (lattice::mean_height(h_) - start) / span);
      for (std::size_t site = 0; site < h_.size(); ++site) before_[site] = (h_[site] - before_[site]) / span;
      tape.record(kSpread, i, lattice::measure(before_).m2);
    } else {
      tape.record(kVelocity, i, omega_mean_ + mean_force());
    }
    if (with_identity_) tape.record(kIdentity, i, omega_mean_ + average_.value());
  }

  Force force_;
  double amplitude_;
  bool with_identity_;
  Scheme scheme_;
  double D_, dt_;
  std::vector<double> omega_;
  double omega_mean_ = 0;
  FastStream noise_;
  std::vector<double> h_, before_;
  lattice::RingScratch scratch_;
  ForceAverage average_;
  bool alive_ = true;
};

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

struct Oscillators {
  Params p;
  [[nodiscard]] Plan plan(const Ask& ask) const { return plan_of(ask, p, true); }
  void sample(const Ask& ask, const Plan&, std::uint64_t seed, const std::string& purpose, std::uint64_t trajectory, Tape& tape) const {
    const lattice::FourierCoupling gamma = coupling_of(p);
    const double amplitude = gamma.harmonics() == 1 ? 2.0 * p.K * std::sin(p.delta) : nan_value;
    Realisation run(p, lattice::OscillatorForce(gamma), amplitude, true, seed, purpose, trajectory);
    if (ask.is_stationary()) {
      const Window w = window_of(ask, p);
      run.stationary(w.burn_in, w.window, tape);
    } else {
      run.at_times(ask.times(), tape);
    }
  }
};

struct Continuum {
  Params p;
  [[nodiscard]] Plan plan(const Ask& ask) const { return plan_of(ask, p, false); }
  void sample(const Ask& ask, const Plan&, std::uint64_t seed, const std::string& purpose, std::uint64_t trajectory, Tape& tape) const {
    const lattice::FourierCoupling gamma = coupling_of(p);
    Params field = p;
    if (field.scheme == "auto" && !is_columnar(p)) field.scheme = "heun";  // no reason to share the first-order step of the oscillators
    Realisation run(field, lattice::KpzForce(gamma.slope(), 2.0 * gamma.curvature()), 0.0, false, seed, purpose, trajectory);
    if (ask.is_stationary()) {
      const Window w = window_of(ask, p);
      run.stationary(w.burn_in, w.window, tape);
    } else {
      run.at_times(ask.times(), tape);
    }
  }
};

// ---- what is made of an ensemble -------------------------------------------------------------------------------------

double option(const Ask& ask, const char* name) {
  const auto found = ask.options.find(name);
  return found == ask.options.end() ? 0.0 : as_number(found->second);
}

void keep_wanted(const Ask& ask, Answer& answer) {
  if (ask.observables.empty()) return;
  std::erase_if(answer.estimates, [&](const Estimate& e) { return !ask.wants(e.observable); });
}

// d ln W / d ln t of every delete-a-batch replicate, with its error.
Estimate slope_estimate(const Estimate& w2, bool columnar) {
  const std::vector<double>& times = w2.axes[0].points;
  const std::size_t n = times.size();
  Estimate slope;
  slope.observable = "slope";
  slope.unit = "1";
  slope.axes = w2.axes;
  slope.value = local_slope(times, w2.value, columnar);
  slope.samples = w2.samples;
  slope.stream = w2.stream;
  slope.exact.assign(n, 0.0);
  if (n > 0 && times[0] == 0) slope.exact[0] = 1;
  slope.std_error.assign(n, nan_value);
  if (w2.batches && w2.batches->count() > 1) {
    const std::size_t count = w2.batches->count();
    slope.batches = Batches{w2.batches->weight, std::vector<double>(count * n)};
    for (std::size_t b = 0; b < count; ++b) {
      const auto replicate = local_slope(times, {w2.batches->replicate.data() + b * n, n}, columnar);
      std::copy(replicate.begin(), replicate.end(), slope.batches->replicate.begin() + static_cast<std::ptrdiff_t>(b * n));
    }
    std::vector<double> at(count);
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t b = 0; b < count; ++b) at[b] = slope.batches->replicate[b * n + i];
      slope.std_error[i] = slope.exact[i] != 0 ? 0.0 : delete_batch_error(slope.value[i], at, slope.batches->weight);
    }
    slope.dof = static_cast<double>(count) - 1.0;
  }
  return slope;
}

Estimate exponent_estimate(const std::vector<double>& times, const Estimate& w2, double from, double to) {
  const PowerFit fit = fit_power(times, w2, from, to);
  Estimate e;
  e.observable = "growth_exponent";
  e.unit = "1";
  e.value = {0.5 * fit.exponent};
  e.std_error = {0.5 * fit.std_error};
  e.dof = fit.dof;
  e.samples = w2.samples;
  e.stream = w2.stream;
  return e;
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

std::function<void(const Ask&, const EnsembleResult&, Answer&)> finish_of(const Params& p, Scheme scheme) {
  return [p, scheme](const Ask& ask, const EnsembleResult&, Answer& answer) {
    const Estimate w2 = *answer.find("W2"), slips = *answer.find("slip_fraction");
    flag_divergence(ask, w2, answer);
    if (ask.is_stationary()) {
      const double slow = slow_time(static_cast<std::size_t>(p.N), coupling_of(p).slope(), randomness_of(p));
      const Window w = window_of(ask, p);
      if (w.burn_in < 5 * slow)
        answer.flags.push_back({.kind = "not-mixed", .text = fmt::format("burn-in {} is short of saturation: W relaxes in about {} for N = {} (grows as N^2, N^(3/2) once "
                                                                          "the KPZ term rules); ask for a burn-in of about {}", brief(w.burn_in), brief(slow), p.N, brief(10 * slow, 2))});
      if (slips.value[0] > slip_threshold)
        answer.flags.push_back({.kind = "note", .text = fmt::format("bonds slip (share {}): W has no plateau of its own", brief(slips.value[0]))});
      return keep_wanted(ask, answer);
    }
    add_step_bound(ask, p, scheme, answer);
    if (ask.times().size() > 2 || (ask.times().size() == 2 && ask.times()[0] > 0)) {
      bool finite = true;
      for (const double v : w2.value) finite = finite && std::isfinite(v);
      answer.estimates.push_back(slope_estimate(w2, is_columnar(p)));
      if (finite) {
        add_exponent(ask, p, w2, answer);
        const auto [from, to] = window_asked(ask);
        const PhaseClass c = classify(p, w2, slips, from, to);
        answer.flags.push_back({.kind = "phase-class",
                                .text = fmt::format("{}: W grows as t^({} +- {}) over {}..{}, {} at the end; largest slip fraction {}; saturation {}", c.name, brief(c.exponent, 3),
                                                    brief(c.error, 2), brief(c.from, 3), brief(c.to, 3), brief(c.late_exponent, 3), brief(c.slips, 2), c.saturated ? "seen" : "not seen")});
      }
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
  if (gaussian_sites) {
    add("skewness", "1", std::vector<double>(n, 0.0));
    add("kurtosis", "1", std::vector<double>(n, 0.0));
    add("cos_delta", "1", std::move(cosine));
    add("slip_fraction", "1", std::move(slips));
  }
  if (!ask.is_stationary() && (n > 2 || (n == 2 && ask.times()[0] > 0))) {
    add("slope", "1", local_slope(ask.times(), path.w2, is_columnar(p)));
    add_exponent(ask, p, *answer.find("W2"), answer);
  }
  return answer;
}

std::vector<Axis> axes_of(const Ask& ask) {
  if (ask.is_stationary()) return {};
  require_times(ask);
  return {{"t", "1", ask.times()}};
}

Answer linear(const Ask& ask, const Params& p) {
  const auto N = static_cast<std::size_t>(p.N);
  const double nu = coupling_of(p).slope();
  const std::vector<Axis> axes = axes_of(ask);
  LinearPath path;
  if (ask.is_stationary()) {
    (void)window_of(ask, p);  // refuses K = 0
    path = edwards_wilkinson(N, nu, randomness_of(p), std::vector<double>{1e3 * slow_time(N, nu, randomness_of(p))});
  } else {
    path = edwards_wilkinson(N, nu, randomness_of(p), ask.times());
  }
  Answer answer = gaussian_answer(ask, p, path, axes, !is_columnar(p) || p.omega_law == "gaussian");
  keep_wanted(ask, answer);
  return answer;
}

Answer linear_renormalised(const Ask& ask, const Params& p) {
  const std::vector<Axis> axes = axes_of(ask);
  if (ask.is_stationary())
    return {.flags = {{.kind = "note", .text = "'linear-renormalised' follows the time steps of the oscillators and answers questions on times only"}}};
  const LinearPath path = statistically_linearised(static_cast<std::size_t>(p.N), coupling_of(p), randomness_of(p), scheme_of(p), time_step_of(p), ask.times());
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
  const LinearPath path = edwards_wilkinson(static_cast<std::size_t>(p.N), 0.0, randomness_of(p), ask.times());
  Answer answer = gaussian_answer(ask, p, path, axes, !is_columnar(p) || p.omega_law == "gaussian");
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
                    .run = sampled(Oscillators{p}, 1, finish_of(p, scheme_of(p))), .plan = cost_of(p, forces)});
  levels.push_back({.info = {.name = "continuum", .rung = Rung::surrogate, .doc = "lattice Kardar-Parisi-Zhang equation with nu = Gamma'(0), lambda = 2 Gamma''(0)", .parent = "oscillators",
                             .approximation = "Gamma expanded to second order in the phase differences (no slips), gradient form of Lam and Shin", .small_parameter = is_columnar(p) ? "s" : "D",
                             .source = "Kardar, Parisi, Zhang (1986), doi:10.1103/PhysRevLett.56.889; Lam and Shin (1998), doi:10.1103/PhysRevE.58.5592",
                             .options = fit_options, .sampled = true, .grain = 1},
                    .run = sampled(Continuum{p}, 1, finish_of(p, field)), .plan = cost_of(p, forces)});
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

std::pair<double, double> default_window(const std::vector<double>& times) { return {times.empty() ? 0.0 : times.back() / 20, times.empty() ? 0.0 : times.back()}; }

PhaseClass classify(const Params& p, const Estimate& w2, const Estimate& slips, double from, double to) {
  const std::vector<double>& times = w2.axes[0].points;
  const std::vector<double> slope = local_slope(times, w2.value, is_columnar(p));
  PhaseClass c;
  c.slips = *std::max_element(slips.value.begin(), slips.value.end());
  // Exponent at the end: over the last factor 2 of time at least.
  std::size_t half = times.size() - 1;
  while (half > 0 && times[half - 1] > 0 && times[half] > 0.5 * times.back()) --half;
  c.late_exponent = half + 1 < times.size() && w2.value[half] > 0 ? 0.5 * std::log(w2.value.back() / w2.value[half]) / std::log(times.back() / times[half]) : nan_value;
  const double saturation = saturation_w2(static_cast<std::size_t>(p.N), coupling_of(p).slope(), randomness_of(p));
  c.saturated = c.late_exponent < 0.05 && w2.value.back() > 0.4 * saturation;
  c.from = from, c.to = to;
  for (std::size_t i = 0; i < times.size(); ++i)  // growth only: the plateau would pull the exponent down
    if (times[i] > from && times[i] <= c.to && w2.value[i] > 0.4 * saturation) c.to = i > 0 ? times[i - 1] : times[i];
  c.exponent = c.error = nan_value;
  std::size_t inside = 0;
  for (const double t : times) inside += t > 0 && t >= c.from && t <= c.to;
  if (inside >= 2) {
    const PowerFit fit = fit_power(times, w2, c.from, c.to);
    c.exponent = 0.5 * fit.exponent, c.error = 0.5 * fit.std_error;
  }
  if (c.slips >= slip_threshold) {
    c.name = c.late_exponent > (is_columnar(p) ? 0.9 : 0.4) && slips.value.back() > 0.05 ? "desynchronised" : "slips";
    return c;
  }
  const double middle = is_columnar(p) ? 0.5 * (0.75 + 0.86) : 0.5 * (1.0 / 4.0 + 1.0 / 3.0);
  if (std::isnan(c.exponent) || !(std::abs(c.exponent - middle) > c.error)) c.name = "synchronous";  // NaN error: one trajectory decides nothing
  else c.name = c.exponent < middle ? "synchronous-EW" : "synchronous-KPZ";
  return c;
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
      .check(check)
      .levels(levels_of);
}

}  // namespace meso::systems::kpz_synchronization
