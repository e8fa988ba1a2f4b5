#include "systems/fields/klein-gordon/klein_gordon.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/error.h"
#include "base/text.h"

namespace meso::systems::klein_gordon {
namespace {

using field::Boundary;
using field::Model;
using field::Potential;
using field::Profile;
using field::Snapshots;

const Schema<Params> schema{
    {"case", &Params::kind,
     {.unit = "", .doc = "linear: a Gaussian packet; kink: one phi^4 kink; breather: of sine-Gordon; collision: phi^4 kink and antikink; thermal: Langevin noise about a vacuum",
      .allowed = {"linear", "kink", "breather", "collision", "thermal"}}},
    {"potential", &Params::potential,
     {.unit = "", .doc = "linear m^2 phi^2/2, phi4 (lambda/4)(phi^2 - v^2)^2, sine-gordon 1 - cos phi; auto is the case's own (thermal: linear)", .allowed = {"auto", "linear", "phi4", "sine-gordon"}}},
    {"m", &Params::m, {.unit = "1/length", .doc = "mass of the linear potential", .min = 0, .max = 1e3}},
    {"lambda", &Params::lambda, {.unit = "1", .doc = "coupling of phi^4", .max = 1e6}},
    {"v", &Params::v, {.unit = "1", .doc = "vacua of phi^4 at +-v", .max = 1e3}},
    {"amplitude", &Params::amplitude, {.unit = "1", .doc = "height A of the packet A exp(-(x/width)^2), case linear"}},
    {"width", &Params::width, {.unit = "length", .doc = "width of the packet, case linear", .max = 1e6}},
    {"boost", &Params::boost, {.unit = "c", .doc = "speed of the lone kink, case kink"}},
    {"omega", &Params::omega, {.unit = "1/time", .doc = "frequency of the breather, between 0 and 1"}},
    {"velocity", &Params::velocity, {.unit = "c", .doc = "speed of each of the two, towards each other, case collision"}},
    {"separation", &Params::separation, {.unit = "length", .doc = "initial distance of kink and antikink, case collision", .max = 1e6}},
    {"temperature", &Params::temperature, {.unit = "energy", .doc = "temperature of the noise, case thermal", .min = 0, .max = 1e3, .min_excluded = true}},
    {"damping", &Params::damping, {.unit = "1/time", .doc = "damping eta, case thermal; noise of variance 2 eta T/(dx dt)", .min = 0, .max = 1e3, .min_excluded = true}},
    {"L", &Params::L, {.unit = "length", .doc = "length of the ring; 0 takes 60 (linear), 100 (kink, collision), 80 (breather), 40 (thermal)", .min = 0, .max = 1e6}},
    {"n", &Params::n, {.unit = "points", .doc = "points of the grid, even; 0 takes 512 (linear, breather), 1024 (kink, collision), 256 (thermal)", .min = 0, .max = 16777216}},
    {"dt", &Params::dt, {.unit = "time", .doc = "time step; 0 takes 0.005 (linear, kink, collision), 0.01 (breather), 0.05 (thermal)", .min = 0, .max = 10}},
    {"boundary", &Params::boundary, {.unit = "", .doc = "auto is antiperiodic for the lone kink, periodic else", .allowed = {"auto", "periodic", "antiperiodic"}}},
    {"stepping", &Params::stepping, {.unit = "", .doc = "fixed dt; cfl: dt = 0.5/k_max; adaptive: dt in [0.1, 0.5]/k_max by the energy error, which drifts", .allowed = {"fixed", "cfl", "adaptive"}}},
    {"scheme", &Params::scheme, {.unit = "", .doc = "velocity Verlet (order 2) or Suzuki's composition of five (order 4)", .allowed = {"verlet", "suzuki4"}}},
    {"energy_tol", &Params::energy_tol, {.unit = "1", .doc = "relative energy error that the adaptive rule aims at", .min = 0, .max = 1, .min_excluded = true}},
};

double lorentz(double u) { return 1 / std::sqrt(1 - u * u); }

void check(const Params& p) {
  const auto speed = [](const char* name, double u) {
    if (!(std::abs(u) < 1)) throw ParameterError(fmt::format("{} = {} of system 'klein-gordon': nothing moves at the speed of light (c = 1) or beyond; |{}| must be below 1", name, exact(u), name));
  };
  speed("velocity", p.velocity);
  speed("boost", p.boost);
  if (!(p.omega > 0 && p.omega < 1)) throw ParameterError(fmt::format("omega = {} of system 'klein-gordon': a breather has a frequency strictly between 0 and 1 (the mass)", exact(p.omega)));
  if (!(p.width > 0)) throw ParameterError(fmt::format("width = {} of system 'klein-gordon': the packet needs a positive width", exact(p.width)));
  if (!(p.v > 0)) throw ParameterError(fmt::format("v = {} of system 'klein-gordon': the vacua of phi^4 are at +-v, so v must be positive", exact(p.v)));
  if (!(p.lambda > 0)) throw ParameterError(fmt::format("lambda = {} of system 'klein-gordon': phi^4 is bounded below for lambda > 0 only", exact(p.lambda)));
  if (p.kind == "collision" && !(p.separation > 0)) throw ParameterError(fmt::format("separation = {} of system 'klein-gordon': kink and antikink need a positive distance", exact(p.separation)));
  if (p.potential != "auto" && p.kind != "thermal" && p.potential != (p.kind == "linear" ? "linear" : p.kind == "breather" ? "sine-gordon" : "phi4"))
    throw ParameterError(fmt::format("case '{}' of system 'klein-gordon' lives in its own potential; potential = '{}' may be chosen for case 'thermal' only", p.kind, p.potential));
  model_of(p).check();
}

// Fields at the asked times from phi(x, t) and pi(x, t).
template <class Phi, class Pi>
Profile profile_of(const Model& model, Phi phi, Pi pi) {
  return [model, phi, pi](std::span<const double> times) {
    Snapshots s;
    s.t.assign(times.begin(), times.end());
    for (const double t : times)
      for (const double x : model.grid.coordinates()) s.phi.push_back(phi(x, t)), s.pi.push_back(pi(x, t));
    return s;
  };
}

struct PairField {
  double at = 0, momentum = 0;
};

// Kink at -a(t) and antikink at +a(t), each of its own Lorentz factor g; speed = da/dt.
PairField pair_field(const field::KinkShape& k, double x, double a, double speed, double g) {
  return {k.value(g * (x + a)) - k.value(g * (x - a)) - k.asymptote, speed * g * (k.first(g * (x + a)) + k.first(g * (x - a)))};
}

Level kinks_level(const Params& p, const Model& model) {
  LevelInfo info{.name = "kinks", .rung = Rung::mean_field, .doc = "rigid Lorentz-contracted kinks, each at its own constant speed (exact for a lone one)", .parent = "field",
                 .approximation = "no interaction, no radiation: each kink the exact solution of a lone one", .small_parameter = "1/separation",
                 .source = "phi = v tanh[gamma (x - x0 - u t)/xi], xi = sqrt(2/lambda)/v; Rajaraman, Solitons and Instantons, ch. 2"};
  const field::KinkShape k = kink_shape(p.lambda, p.v);
  if (p.kind == "kink") {
    const double g = lorentz(p.boost), length = model.grid.length[0];
    // On an antiperiodic ring a turn changes the sign.
    const auto lap = [=](double x, double t, double& sign) {
      const double d = x - p.boost * t, turns = std::round(d / length);
      sign = std::fmod(std::abs(turns), 2.0) == 0 ? 1 : -1;
      return g * (d - turns * length);
    };
    return field::profile_level(std::move(info), model,
                                profile_of(model, [=](double x, double t) { double s; const double z = lap(x, t, s); return s * k.value(z); },
                                           [=](double x, double t) { double s; const double z = lap(x, t, s); return -s * p.boost * g * k.first(z); }));
  }
  const double g = lorentz(p.velocity), a0 = p.separation / 2;
  return field::profile_level(std::move(info), model, profile_of(model, [=](double x, double t) { return pair_field(k, x, a0 - p.velocity * t, -p.velocity, g).at; },
                                                                 [=](double x, double t) { return pair_field(k, x, a0 - p.velocity * t, -p.velocity, g).momentum; }));
}

Level breather_level(const Params& p, const Model& model) {
  LevelInfo info{.name = "breather", .rung = Rung::mean_field, .doc = "the exact breather of sine-Gordon", .parent = "field", .approximation = "infinite line: the images of the ring are left out, exp(-L e/2)", .source = "phi = 4 atan[(e/omega) cos(omega t)/cosh(e x)], e = sqrt(1 - omega^2); Ablowitz et al. (1973), doi:10.1103/PhysRevLett.30.1262"};
  return field::profile_level(std::move(info), model,
                              profile_of(model, [w = p.omega](double x, double t) { return breather(w, x, t); }, [w = p.omega](double x, double t) { return breather_momentum(w, x, t); }));
}

Level collective_level(const Params& p, const Model& model) {
  LevelInfo info{.name = "collective", .rung = Rung::surrogate, .doc = "one coordinate, the half separation a: L = g(a) adot^2/2 - U(a). Qualitative: attraction and one bounce", .parent = "field",
                 .approximation = "the field follows the ansatz K(x + a) - K(x - a) - v: no radiation, no shape mode, hence no capture",
                 .source = "Sugiyama (1979), doi:10.1143/PTP.61.1550"};
  const auto solve = [p, model](std::span<const double> times, double tolerance) {
    const field::PairCoordinate pair(kink_shape(p.lambda, p.v), model.potential);
    // A fine grid of times between the asked ones, for bounces and escape.
    std::vector<double> fine;
    std::vector<std::size_t> asked;
    double next = 0;
    for (std::size_t i = 0; i < times.size();) {
      if (times[i] <= next + 1e-9) {
        if (fine.empty() || times[i] > fine.back()) fine.push_back(times[i]);
        asked.push_back(fine.size() - 1);
        if (times[i] >= next - 1e-9) next = times[i] + 0.1;
        ++i;
      } else {
        fine.push_back(next);
        next += 0.1;
      }
    }
    const field::PairCoordinate::Path path = pair.solve(p.separation / 2, -p.velocity, fine, tolerance);
    Snapshots s;
    s.t.assign(times.begin(), times.end());
    s.follows_pair = true;
    double before = 0;
    for (std::size_t i = 0; i < fine.size(); ++i) {
      const double centre = pair_field(pair.kink(), 0, path.a[i], 0, 1).at;
      if (i > 0 && before > 0 && centre <= 0) s.bounces.push_back(fine[i - 1] + (fine[i] - fine[i - 1]) * before / (before - centre));
      before = centre;
      s.track_t.push_back(fine[i]), s.track_a.push_back(path.a[i]);
    }
    for (const std::size_t i : asked)
      for (const double x : model.grid.coordinates()) {
        const PairField at = pair_field(pair.kink(), x, path.a[i], path.speed[i], 1);
        s.phi.push_back(at.at), s.pi.push_back(at.momentum);
      }
    return s;
  };
  return field::profile_level(std::move(info), model, [solve](std::span<const double> t) { return solve(t, 1e-8); }, [solve](std::span<const double> t) { return solve(t, 1e-10); });
}

std::vector<Level> levels_of(const Params& p) {
  const Model model = model_of(p);
  std::vector<Level> levels{field::field_level(model), field::linearised_level(model, "modes")};
  if (p.kind == "kink" || p.kind == "collision") levels.push_back(kinks_level(p, model));
  if (p.kind == "breather") levels.push_back(breather_level(p, model));
  if (p.kind == "collision") levels.push_back(collective_level(p, model));
  if (p.kind == "thermal") {
    levels.push_back(field::hartree_level(model));
    if (model.grid.boundary == Boundary::periodic) levels.push_back(field::transfer_operator_level(model));
  }
  return levels;
}

void extend(const Params& p, Case& bound) {
  const Model model = model_of(p);
  bound.observables = field::observables(model);
  bound.notes.push_back(fmt::format("V = {}, L = {}, n = {}, dt = {} (stable below {})", model.potential.text(), brief(model.grid.length[0]), model.grid.n[0], brief(model.step()), brief(model.step_limit())));
  if (p.kind == "collision" && p.separation < 4 * kink_width(p.lambda, p.v))
    bound.notes.push_back(fmt::format("separation = {} is below 4 kink widths, {}: the two overlap at the start, and their speed and energy are not those of free kinks", exact(p.separation), brief(4 * kink_width(p.lambda, p.v))));
}

}  // namespace

double kink_width(double lambda, double v) { return std::sqrt(2 / lambda) / v; }
double kink_mass(double lambda, double v) { return 2 * std::numbers::sqrt2 / 3 * std::sqrt(lambda) * v * v * v; }

field::KinkShape kink_shape(double lambda, double v) {
  const double xi = kink_width(lambda, v);
  const auto sech2 = [](double z) { const double c = std::cosh(std::min(std::abs(z), 350.0)); return 1 / (c * c); };
  return {[=](double x) { return v * std::tanh(x / xi); }, [=](double x) { return v / xi * sech2(x / xi); }, [=](double x) { return -2 * v / (xi * xi) * std::tanh(x / xi) * sech2(x / xi); }, v, xi};
}

double breather(double omega, double x, double t) {
  const double e = std::sqrt(1 - omega * omega);
  return 4 * std::atan(e / omega * std::cos(omega * t) / std::cosh(std::min(std::abs(e * x), 700.0)));
}

double breather_momentum(double omega, double x, double t) {
  const double e = std::sqrt(1 - omega * omega), c = std::cosh(std::min(std::abs(e * x), 700.0)), s = e / omega * std::cos(omega * t) / c;
  return -4 * e * std::sin(omega * t) / c / (1 + s * s);
}

Model model_of(const Params& p) {
  Model m;
  const bool kink = p.kind == "kink", linear = p.kind == "linear", sine = p.kind == "breather", thermal = p.kind == "thermal";
  const double length = p.L > 0 ? p.L : linear ? 60 : sine ? 80 : thermal ? 40 : 100;
  const auto n = static_cast<std::size_t>(p.n > 0 ? p.n : linear || sine ? 512 : thermal ? 256 : 1024);
  const Boundary boundary = p.boundary == "antiperiodic" || (p.boundary == "auto" && kink) ? Boundary::antiperiodic : Boundary::periodic;
  m.grid = field::ring(length, n, boundary);
  m.grid.check();
  const std::string potential = p.potential != "auto" ? p.potential : linear || thermal ? "linear" : sine ? "sine-gordon" : "phi4";
  m.potential = potential == "linear" ? Potential::linear(p.m) : potential == "phi4" ? Potential::phi4(p.lambda, p.v) : Potential::sine_gordon();
  m.dt = p.dt > 0 ? p.dt : sine ? 0.01 : thermal ? 0.05 : 0.005;
  m.stepping = p.stepping == "cfl" ? field::Stepping::cfl : p.stepping == "adaptive" ? field::Stepping::adaptive : field::Stepping::fixed;
  m.scheme = p.scheme == "suzuki4" ? field::Scheme::suzuki4 : field::Scheme::verlet;
  m.energy_tolerance = p.energy_tol;
  m.vacuum = potential != "phi4" ? 0.0 : p.kind == "collision" ? -p.v : p.v;
  std::function<double(double)> phi = [](double) { return 0.0; }, pi = phi;
  std::string what = "the initial field";
  if (linear) {
    phi = [=](double x) { return p.amplitude * std::exp(-x * x / (p.width * p.width)); };
    what = "the packet";
  } else if (kink) {
    const field::KinkShape k = kink_shape(p.lambda, p.v);
    const double g = lorentz(p.boost);
    phi = [=](double x) { return k.value(g * x); };
    pi = [=](double x) { return -p.boost * g * k.first(g * x); };
    what = "the kink";
  } else if (sine) {
    phi = [=](double x) { return breather(p.omega, x, 0); };
    what = "the breather";
  } else if (p.kind == "collision") {
    const field::KinkShape k = kink_shape(p.lambda, p.v);
    const double g = lorentz(p.velocity), a = p.separation / 2;
    phi = [=](double x) { return pair_field(k, x, a, -p.velocity, g).at; };
    pi = [=](double x) { return pair_field(k, x, a, -p.velocity, g).momentum; };
    what = "the kink-antikink pair";
    const double xi = kink_width(p.lambda, p.v);
    m.escape_far = 5 * xi, m.escape_window = 40 * xi;
  } else {
    m.temperature = p.temperature, m.damping = p.damping;
    if (boundary == Boundary::periodic) phi = [vacuum = m.vacuum](double) { return vacuum; };
  }
  const double left = -length / 2;
  field::require_closed(what, phi(left), phi(-left), boundary);
  for (const double x : m.grid.coordinates()) m.phi0.push_back(phi(x)), m.pi0.push_back(pi(x));
  // The field itself closes, but its slope at the seam may not (a box that cuts the tails): both ends of a Gaussian are equal at any height.
  const double height = std::abs(phi(left) - (potential == "phi4" ? (boundary == Boundary::antiperiodic ? -p.v : m.vacuum) : 0.0));
  if (!thermal && height > 1e-6)
    throw ParameterError(fmt::format("{} does not fit into L = {}: at the seam it is still {} away from the vacuum, more than 1e-6, and its slope jumps there. Use a longer box", what, brief(length), brief(height)));
  return m;
}

Encounter collide(const Params& p, double t_end) {
  const Model model = model_of(p);
  const std::vector<double> times{t_end};
  const Snapshots s = field::run_field(model, times);
  return {s.bounces, field::escape_of(s.track_t, s.track_a, model.escape_far, model.escape_window)};
}

System system() {
  return Define<Params>("klein-gordon", "Nonlinear Klein-Gordon field: waves, kinks, breathers, collisions", "fields", schema)
      .paper("klein-gordon", "amangkurat: A Python Library for Symplectic Pseudo-Spectral Solution of the Idealized (1+1)D Nonlinear Klein-Gordon Equation", "2025-12")
      .doc("A relativistic scalar field phi_tt - phi_xx + V'(phi) = 0 on a ring, with a quadratic, a phi^4 or a sine-Gordon potential: dispersing packets, kinks, breathers, and kink-antikink "
           "collisions that bounce, escape or are captured, with windows of two bounces below the critical speed 0.2598. With Langevin noise it is a field at a temperature. Levels: the field itself; "
           "its linear modes (all cases); rigid kinks (kink, collision); the exact breather (breather); one collective coordinate (collision); Hartree and transfer operator (thermal).")
      .check(check)
      .levels(levels_of)
      .extend(extend);
}

}  // namespace meso::systems::klein_gordon
