#include "kits/lattice/kinetics_level.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <numbers>

#include "base/error.h"
#include "base/text.h"
#include "kits/lattice/bosonic.h"
#include "kits/lattice/correlations.h"
#include "kits/lattice/observables.h"
#include "num/fft.h"
#include "stat/fit.h"
#include "stat/jackknife.h"

namespace meso::lattice {

std::vector<double> effective_exponent(std::span<const double> times, std::span<const double> y) {
  const std::size_t n = times.size();
  std::vector<double> slope(n, std::numeric_limits<double>::quiet_NaN());
  for (std::size_t i = 0; i < n; ++i) {
    if (times[i] == 0) {
      slope[i] = 0;
      continue;
    }
    std::size_t first = i, last = i;
    while (first > 0 && times[first - 1] > 0 && times[first - 1] >= 0.5 * times[i] * (1 - 1e-12)) --first;
    while (last + 1 < n && times[last + 1] <= 2 * times[i] * (1 + 1e-12)) ++last;
    if (first == i && i > 0 && times[i - 1] > 0) first = i - 1;
    if (last == i && i + 1 < n) last = i + 1;
    bool positive = last > first;
    std::vector<double> lt, ly;
    for (std::size_t j = first; positive && j <= last; ++j) {
      positive = y[j] > 0;
      lt.push_back(std::log(times[j])), ly.push_back(std::log(y[j]));
    }
    if (positive) slope[i] = fit_line(lt, ly).slope;
  }
  return slope;
}

double spreading_length(const Model& model, double t) {
  double D = 0;
  for (const double hop : model.hop) D = std::max(D, hop);
  for (const Exchange& rule : model.exchanges) D = std::max(D, rule.rate);
  for (const PairRule& rule : model.pairs)  // a particle appears where there was none of its kind
    for (int end = 0; end < 2; ++end)
      if (rule.to[static_cast<std::size_t>(end)] != 0 && rule.to[static_cast<std::size_t>(end)] == rule.from[static_cast<std::size_t>(1 - end)]) D = std::max(D, rule.rate);
  return std::sqrt(2 * D * t);
}

namespace {

constexpr std::size_t default_stored = 100;
constexpr double nan_value = std::numeric_limits<double>::quiet_NaN();

/// Every reaction takes two particles of one species and nothing else: its upper critical dimension is 2.
bool annihilates_itself(const Model& m) {
  for (const SiteRule& r : m.sites)
    if (r.rate > 0) return false;
  bool any = false;
  for (const PairRule& r : m.pairs) {
    if (r.rate == 0) continue;
    if (r.from[0] == 0 || r.from[0] != r.from[1]) return false;
    any = true;
  }
  for (const ContactRule& r : m.contacts) {
    if (r.a != r.b) return false;
    any = true;
  }
  for (const SiteReaction& r : m.reactions) {
    int in = 0, out = 0;
    for (std::size_t i = 0; i < r.reactants.size(); ++i) {
      if (r.reactants[i] != 0 && r.reactants[i] != 2) return false;
      in += r.reactants[i], out += r.products[i];
    }
    if (in != 2 || out >= 2) return false;
    any = true;
  }
  return any;
}

/// The two species of a pure A + B -> 0 model, or {0, 0}.
std::pair<State, State> annihilating_pair(const Model& m) {
  if (m.sites.empty() && m.pairs.empty() && m.reactions.empty() && m.contacts.size() == 1 && m.contacts[0].a != m.contacts[0].b && m.contacts[0].product == 0)
    return {m.contacts[0].a, m.contacts[0].b};
  return {0, 0};
}

}  // namespace

std::vector<Flag> kinetics_warnings(const Model& m, double t_end) {
  std::vector<Flag> flags;
  const double length = spreading_length(m, t_end);
  const auto side = static_cast<double>(m.box.shortest());
  if (length > side / 4 && m.initial.kind != Initial::Kind::seed)
    flags.push_back({.kind = "note", .text = fmt::format("the box is small: by t = {} correlations have spread over about sqrt(2 D t) = {} sites, more than a quarter of the side {}. Expect finite-size "
                                                         "effects; a side of {} would do", brief(t_end), brief(length, 3), side, brief(std::ceil(4 * length), 3))});
  if (m.box.dimension() == 2 && annihilates_itself(m))
    flags.push_back({.kind = "note", .text = "2 is the upper critical dimension of pair annihilation: the density falls as ln t / t, and no power of t fits it (t density / ln t tends to a constant)"});
  if (const auto [a, b] = annihilating_pair(m); a != 0) {
    const std::vector<double> density = initial_density(m);
    if (density[a - 1] != density[b - 1])
      flags.push_back({.kind = "note", .text = fmt::format("initial densities {} of {} and {} of {} differ: the minority dies out faster than any power (exp(-sqrt t) in 1-D, exp(-t / ln t) in 2-D, "
                                                           "exp(-t) above); an exponent means nothing", brief(density[a - 1]), m.state_name(a), brief(density[b - 1]), m.state_name(b))});
  }
  return flags;
}

namespace {

bool is_seed(const Model& m) { return m.initial.kind == Initial::Kind::seed; }
State spreading_species(const Model& m, const KineticsOptions& o) { return o.spreads != 0 ? o.spreads : m.initial.species; }

std::vector<State> watched(const Model& m, const KineticsOptions& o) {
  if (!o.alive.empty()) return o.alive;
  if (m.species.size() == 1) return {1};
  return {};
}

// ---- what a trajectory writes ---------------------------------------------------------------------------------------

/// Which signals there are and where.
struct Layout {
  std::size_t species = 0;
  bool extinction = false, pairs = false, seed = false, correlation = false, structure = false, spectrum = false;
  std::size_t states = 0;
  // Signals of width 1 come first.
  std::size_t density(std::size_t s) const { return 2 * s; }  ///< s from 0; its square next
  std::size_t survival() const { return 2 * species; }
  std::size_t lifetime() const { return 2 * species + 1; }
  std::size_t deaths() const { return 2 * species + 2; }  ///< with `extinction`
  std::size_t first_pair() const { return 2 * species + 2 + (extinction ? 1 : 0); }
  std::size_t pair_count() const { return pairs ? states * (states + 1) / 2 : 0; }
  std::size_t first_spread() const { return first_pair() + pair_count(); }  ///< number, sum r^2, reach, touched
  std::size_t first_correlation() const { return first_spread() + (seed ? 4 : 0); }
  std::size_t field_pairs_count() const { return species * (species + 1) / 2; }
  std::size_t first_structure() const { return first_correlation() + (correlation ? field_pairs_count() : 0); }
  std::size_t first_spectrum() const { return first_structure() + (structure ? field_pairs_count() : 0); }
};

std::string pair_stem(const Model& m, std::size_t a, std::size_t b) { return a == b ? m.species[a] : m.species[a] + "." + m.species[b]; }

template <class Kinetics>
inline constexpr bool has_exclusion = std::is_same_v<Kinetics, ExclusionKinetics>;

template <class Rules, class Kinetics>
struct Trajectories {
  std::shared_ptr<const Rules> rules;
  KineticsOptions options;
  std::shared_ptr<const CorrelationLattice> correlations;  ///< null where the box has none

  [[nodiscard]] const Model& model() const { return rules->model(); }

  [[nodiscard]] std::size_t samples(const Ask& ask) const {
    const auto found = ask.options.find("samples");
    return found == ask.options.end() ? 256 : static_cast<std::size_t>(as_number(found->second));
  }

  [[nodiscard]] static bool quasi_stationary(const Ask& ask) {
    const auto found = ask.options.find("quasi-stationary");
    return ask.is_stationary() && found != ask.options.end() && std::get<bool>(found->second.data);
  }
  [[nodiscard]] static std::size_t stored(const Ask& ask) {
    const auto found = ask.options.find("stored");
    return found == ask.options.end() ? default_stored : static_cast<std::size_t>(as_number(found->second));
  }

  [[nodiscard]] Layout layout(const Ask& ask) const {
    const Model& m = model();
    Layout l;
    l.species = m.species.size();
    l.states = m.states();
    const auto asked = [&](std::string_view end) {
      return std::any_of(ask.observables.begin(), ask.observables.end(), [&](const std::string& o) { return o.ends_with(end); });
    };
    l.extinction = quasi_stationary(ask);
    l.pairs = has_exclusion<Kinetics> && asked(".pairs");
    l.seed = is_seed(m);
    l.correlation = correlations != nullptr && asked(".correlation");
    l.structure = correlations != nullptr && asked(".structure");
    l.spectrum = ask.is_stationary() && asked(".spectrum");
    return l;
  }

  [[nodiscard]] Plan plan(const Ask& ask) const {
    const Model& m = model();
    const Layout l = layout(ask);
    Plan p;
    std::vector<double> start;
    if (!ask.is_stationary()) {
      p.axes = {{"t", "1", ask.times()}};
      for (const double t : ask.times()) start.push_back(t == 0 ? 1.0 : 0.0);
    }
    const bool fixed = m.initial.kind == Initial::Kind::full || m.initial.kind == Initial::Kind::seed || (m.initial.kind == Initial::Kind::count && m.contacts.empty());
    const std::vector<double> exact = fixed ? start : std::vector<double>{};
    const bool capped = has_exclusion<Kinetics>;
    for (const std::string& s : m.species) {
      p.signals.push_back({.name = density_name(s), .lo = 0, .hi = capped ? 1 : std::numeric_limits<double>::infinity(), .path = true});
      p.signals.push_back({.name = s + ".density2", .lo = 0, .hi = capped ? 1 : std::numeric_limits<double>::infinity()});
    }
    p.signals.push_back({.name = "survival", .lo = 0, .hi = 1});
    p.signals.push_back({.name = "lifetime", .lo = 0});
    if (l.extinction) p.signals.push_back({.name = "extinction-rate", .lo = 0});
    const auto sites = static_cast<double>(m.box.sites());
    for (std::size_t s = 0; s < l.species; ++s) {
      p.derived.push_back({density_name(m.species[s]), "1/site", {l.density(s)}, nullptr, exact});
      p.derived.push_back({m.species[s] + ".fluctuation", "1/site", {l.density(s) + 1, l.density(s)}, [sites](std::span<const double> x) { return sites * (x[0] - x[1] * x[1]); }, exact});
    }
    p.derived.push_back({"survival", "1", {l.survival()}, nullptr, exact});
    if (!ask.is_stationary()) p.derived.push_back({"lifetime", "1", {l.lifetime()}, nullptr, exact});
    if (l.extinction) p.derived.push_back({"extinction-rate", "1/time", {l.deaths()}, nullptr, {}});
    if (l.pairs)
      for (std::size_t a = 0; a < l.states; ++a)
        for (std::size_t b = a; b < l.states; ++b) {
          const std::string name = pairs_name(m.state_name(static_cast<State>(a)), m.state_name(static_cast<State>(b)));
          p.signals.push_back({.name = name, .lo = 0, .hi = 1});
          p.derived.push_back({name, "1", {p.signals.size() - 1}, nullptr, m.initial.kind == Initial::Kind::count ? std::vector<double>{} : exact});
        }
    if (l.seed) {
      const std::string s = m.state_name(spreading_species(m, options));
      const std::size_t f = l.first_spread();
      p.signals.push_back({.name = "number", .lo = 0});
      p.signals.push_back({.name = "sum-r2", .lo = 0});
      p.signals.push_back({.name = "reach", .lo = 0});
      p.signals.push_back({.name = "touched", .lo = 0, .hi = 1});
      p.derived.push_back({s + ".number", "1", {f}, nullptr, exact});
      p.derived.push_back({s + ".spread", "sites^2", {f + 1, f}, [](std::span<const double> x) { return x[1] > 0 ? x[0] / x[1] : 0.0; }, exact});
      p.derived.push_back({s + ".reach", "sites", {f + 2, l.survival()}, [](std::span<const double> x) { return x[1] > 0 ? x[0] / x[1] : 0.0; }, exact});
    }
    const auto add_fields = [&](const char* what, const char* axis, const char* unit, const std::vector<double>& radius) {
      for (std::size_t a = 0; a < l.species; ++a)
        for (std::size_t b = a; b < l.species; ++b) {
          p.signals.push_back({.name = pair_stem(m, a, b) + "." + what, .width = radius.size()});
          p.derived.push_back({pair_stem(m, a, b) + "." + what, "1", {p.signals.size() - 1}, nullptr, {}, Axis{axis, unit, radius}});
        }
    };
    if (l.correlation) add_fields("correlation", "r", "sites", correlations->distances().radius);
    if (l.structure) add_fields("structure", "q", "1/site", correlations->wavenumbers().radius);
    if (l.spectrum) {
      const std::size_t n = samples(ask);
      std::vector<double> omega;
      for (std::size_t k = 1; k <= n / 2; ++k) omega.push_back(2 * std::numbers::pi * static_cast<double>(k) / ask.stationary().window.value_or(1));
      for (const std::string& s : m.species) {
        p.signals.push_back({.name = s + ".spectrum", .width = omega.size(), .lo = 0});
        p.derived.push_back({s + ".spectrum", "time/site^2", {p.signals.size() - 1}, nullptr, {}, Axis{"omega", "1/time", omega}});
      }
    }
    return p;
  }

  [[nodiscard]] bool alive(const Kinetics& run) const {
    const std::vector<State> all = watched(model(), options);
    for (const State s : all)
      if (run.counts()[s] == 0) return false;
    if (!all.empty()) return true;
    for (std::size_t s = 1; s < run.counts().size(); ++s)
      if (run.counts()[s] > 0) return true;
    return false;
  }
  /// When survival ended: the first watched species to go, or the last particle of any.
  [[nodiscard]] double death(const Kinetics& run) const {
    const std::vector<State> all = watched(model(), options);
    double t = all.empty() ? 0 : std::numeric_limits<double>::infinity();
    if (all.empty()) {
      for (std::size_t s = 1; s < run.counts().size(); ++s) t = std::max(t, run.gone_at(static_cast<State>(s)));
    } else {
      for (const State s : all)
        if (run.counts()[s] == 0) t = std::min(t, run.gone_at(s));
    }
    return t;
  }

  struct Scratch {
    std::vector<double> fields, out_c, out_s, pair_table;
    std::vector<State> states;
    CorrelationLattice::Workspace work;
  };

  void record(const Kinetics& run, const Layout& l, Tape& tape, std::size_t i, double weight, Scratch& scratch) const {
    const Model& m = model();
    const auto sites = static_cast<double>(m.box.sites());
    for (std::size_t s = 0; s < l.species; ++s) {
      const double x = static_cast<double>(run.counts()[s + 1]) / sites;
      tape.accumulate(l.density(s), i, x, weight);
      tape.accumulate(l.density(s) + 1, i, x * x, weight);
    }
    const bool living = alive(run);
    tape.accumulate(l.survival(), i, living ? 1.0 : 0.0, weight);
    tape.accumulate(l.lifetime(), i, living ? run.time() : death(run), weight);
    if constexpr (has_exclusion<Kinetics>) {
      if (l.pairs) {
        scratch.pair_table.resize(l.states * l.states);
        run.pair_table(scratch.pair_table);
        std::size_t k = l.first_pair();
        for (std::size_t a = 0; a < l.states; ++a)
          for (std::size_t b = a; b < l.states; ++b) tape.accumulate(k++, i, scratch.pair_table[a * l.states + b], weight);
      }
    }
    if (l.seed) record_spread(run, l, tape, i, weight);
    if (l.correlation || l.structure) {
      const std::size_t n = m.box.sites();
      scratch.fields.resize(n * l.species);
      for (std::size_t s = 0; s < l.species; ++s)
        for (std::size_t x = 0; x < n; ++x) {
          if constexpr (has_exclusion<Kinetics>) {
            if (s == 0) scratch.states.resize(n);
            if (s == 0 && x == 0) run.copy_to(scratch.states);
            scratch.fields[s * n + x] = scratch.states[x] == s + 1 ? 1.0 : 0.0;
          } else {
            scratch.fields[s * n + x] = run.at(x, static_cast<State>(s + 1));
          }
        }
      const std::size_t nr = correlations->distances().count(), nq = correlations->wavenumbers().count(), np = l.field_pairs_count();
      if (l.correlation) {  // connected by the mean of this configuration
        scratch.out_c.resize(np * nr);
        correlations->correlations(scratch.fields, {}, scratch.out_c, scratch.work);
        for (std::size_t p = 0; p < np; ++p)
          for (std::size_t r = 0; r < nr; ++r) tape.accumulate(l.first_correlation() + p, i, scratch.out_c[p * nr + r], weight, r);
      }
      if (l.structure) {
        scratch.out_s.resize(np * nq);
        correlations->structure_factors(scratch.fields, {}, scratch.out_s, scratch.work);
        for (std::size_t p = 0; p < np; ++p)
          for (std::size_t q = 0; q < nq; ++q) tape.accumulate(l.first_structure() + p, i, scratch.out_s[p * nq + q], weight, q);
      }
    }
  }

  void record_spread(const Kinetics& run, const Layout& l, Tape& tape, std::size_t i, double weight) const {
    const Model& m = model();
    const State s = spreading_species(m, options);
    const auto home = m.box.coordinates(m.box.centre());
    double sum = 0, furthest = 0;
    const auto visit = [&](std::size_t site, double particles) {
      const auto x = m.box.coordinates(site);
      double r2 = 0;
      for (std::size_t a = 0; a < m.box.dimension(); ++a) {
        const auto d = static_cast<double>(x[a] - home[a]);
        r2 += d * d;
      }
      sum += particles * r2;
      furthest = std::max(furthest, r2);
    };
    if constexpr (has_exclusion<Kinetics>) {
      if (!rules->dense() && !rules->inert(s)) {
        for (const std::size_t site : run.active_sites())
          if (run.at(site) == s) visit(site, 1);
      } else {
        for (std::size_t site = 0; site < m.box.sites(); ++site)
          if (run.at(site) == s) visit(site, 1);
      }
      tape.accumulate(l.first_spread() + 3, i, run.touched_edge() ? 1.0 : 0.0, weight);
    } else {
      bool touched = false;
      for (std::size_t site = 0; site < m.box.sites(); ++site)
        if (const auto n = run.at(site, s); n > 0) {
          visit(site, n);
          const auto x = m.box.coordinates(site);
          for (std::size_t a = 0; a < m.box.dimension(); ++a) touched = touched || x[a] == 0 || x[a] == m.box.extent[a] - 1;
        }
      tape.accumulate(l.first_spread() + 3, i, touched ? 1.0 : 0.0, weight);
    }
    tape.accumulate(l.first_spread(), i, static_cast<double>(run.counts()[s]), weight);
    tape.accumulate(l.first_spread() + 1, i, sum, weight);
    tape.accumulate(l.first_spread() + 2, i, std::sqrt(furthest), weight);
  }

  using Cell = std::conditional_t<has_exclusion<Kinetics>, State, std::int32_t>;
  [[nodiscard]] std::size_t cells() const { return model().box.sites() * (has_exclusion<Kinetics> ? 1 : model().species.size()); }

  /// One trajectory under way. A quasi-stationary one goes on, when its survival ends, from a configuration of its own past.
  struct Course {
    Kinetics run;
    FastStream random;
    bool stopped = false;
    double origin = 0;   ///< time of the question at which the clock of `run` began
    double save_at = 0;  ///< next time at which the configuration is stored
    std::uint64_t deaths = 0;
    std::vector<std::vector<Cell>> store = {};
  };

  /// Lets time pass; stops for good at the end of survival if that was asked.
  void pass(Course& course, const Ask& ask, double until) const {
    if (course.stopped) return;
    std::uint32_t mask = 0;
    const bool quasi = quasi_stationary(ask);
    if (options.stop_when_dead || quasi)
      for (const State s : watched(model(), options)) mask |= 1u << s;
    if (!quasi) {
      course.run.advance(until, course.random, mask);
      course.stopped = mask != 0 && !alive(course.run);
      return;
    }
    // The store: filled and renewed ten times over in the burn-in, so that nothing of the start is left in it, once more in the window.
    const double burn_in = *ask.stationary().burn_in, window = *ask.stationary().window;
    const std::size_t room = stored(ask);
    for (double now = course.origin + course.run.time(); now < until;) {
      if (course.save_at == 0) course.save_at = burn_in / static_cast<double>(10 * room);
      const double target = std::min(until, course.save_at);
      course.run.advance(target - course.origin, course.random, mask);
      if (!alive(course.run)) {
        ++course.deaths;
        course.origin = std::min(target, course.origin + death(course.run));
        if (course.store.empty()) course.run.start(course.random);
        else course.run.start(std::span<const Cell>(course.store[course.random.below(course.store.size())]));
        if (!alive(course.run)) throw StudyError("quasi-stationary: the initial condition itself holds nothing alive, so that there is nothing to condition on");
        now = course.origin;
        continue;
      }
      now = target;
      course.origin = target - course.run.time();  // no drift: the clock of the question leads
      if (target < course.save_at) continue;
      std::vector<Cell>* to = course.store.size() < room ? &course.store.emplace_back(cells()) : &course.store[course.random.below(room)];
      course.run.copy_to(std::span<Cell>(*to));
      course.save_at += (target < burn_in * (1 - 1e-9) ? burn_in / 10 : window) / static_cast<double>(room);
    }
  }

  void sample(const Ask& ask, const Plan&, std::uint64_t seed, const std::string& purpose, std::uint64_t trajectory, Tape& tape) const {
    const Layout l = layout(ask);
    Course course{Kinetics(*rules), Stream(seed, trajectory, purpose).fast()};
    course.run.start(course.random);
    Scratch scratch;
    if (!ask.is_stationary()) {
      for (std::size_t i = 0; i < ask.times().size(); ++i) {
        pass(course, ask, ask.times()[i]);
        record(course.run, l, tape, i, 1.0, scratch);
      }
      return;
    }
    const double burn_in = *ask.stationary().burn_in, window = *ask.stationary().window;
    const std::size_t n = samples(ask);
    pass(course, ask, burn_in);
    const std::uint64_t deaths = course.deaths;
    num::FftVector<double> series(l.spectrum ? n * l.species : 0);
    for (std::size_t k = 0; k < n; ++k) {
      pass(course, ask, burn_in + window * static_cast<double>(k + 1) / static_cast<double>(n));
      record(course.run, l, tape, 0, 1.0 / static_cast<double>(n), scratch);
      if (l.spectrum)
        for (std::size_t s = 0; s < l.species; ++s) series[s * n + k] = static_cast<double>(course.run.counts()[s + 1]) / static_cast<double>(model().box.sites());
    }
    if (l.extinction) tape.record(l.deaths(), 0, static_cast<double>(course.deaths - deaths) / window);
    if (!l.spectrum) return;
    const num::RealFft fft({n});
    num::FftVector<double> one(n);
    num::FftVector<std::complex<double>> transform(fft.complex_size());
    for (std::size_t s = 0; s < l.species; ++s) {
      double mean = 0;
      for (std::size_t k = 0; k < n; ++k) mean += series[s * n + k] / static_cast<double>(n);
      for (std::size_t k = 0; k < n; ++k)  // Hann window: a peak is not smeared by the ends; power restored by 8/3
        one[k] = (series[s * n + k] - mean) * 0.5 * (1 - std::cos(2 * std::numbers::pi * static_cast<double>(k) / static_cast<double>(n)));
      fft.forward(one, transform);
      for (std::size_t k = 1; k <= n / 2; ++k)
        tape.record(l.first_spectrum() + s, 0, 8.0 / 3.0 * std::norm(transform[k]) * window / (static_cast<double>(n) * static_cast<double>(n)), k - 1);
    }
  }

  [[nodiscard]] double state_of(const Kinetics& run, std::size_t site) const {
    if constexpr (has_exclusion<Kinetics>) return run.at(site);
    for (std::size_t s = 1; s < model().states(); ++s)
      if constexpr (!has_exclusion<Kinetics>)
        if (run.at(site, static_cast<State>(s)) > 0) return static_cast<double>(s);
    return 0;
  }

  [[nodiscard]] std::vector<Portrait> portraits(const Ask& ask, const Plan&, std::uint64_t seed, const std::string& purpose) const {
    const Model& m = model();
    std::vector<std::string> categories{"empty"};
    categories.insert(categories.end(), m.species.begin(), m.species.end());
    const double end = ask.is_stationary() ? ask.stationary().burn_in.value_or(0) + ask.stationary().window.value_or(0) : ask.times().back();
    if (m.box.dimension() == 1) {  // space-time plot of a piece of the same lattice, on a stream of its own
      Model piece = m;
      piece.box.extent = {std::min<std::int64_t>(m.box.extent[0], 600)};
      const Rules small = make_rules(piece);
      Kinetics run(small);
      FastStream random = Stream(seed, 0, purpose + "/portrait").fast();
      run.start(random);
      const auto columns = static_cast<std::size_t>(piece.box.extent[0]);
      constexpr std::size_t rows = 300;
      Portrait p{"space-time", fmt::format("Sites over time (one trajectory of {} sites, its own random numbers)", columns), "", {{"t", "1", {}}, {"x", "sites", {}}}, {}, categories};
      for (std::size_t x = 0; x < columns; ++x) p.axes[1].points.push_back(static_cast<double>(x));
      for (std::size_t i = 0; i < rows; ++i) {
        const double t = end * static_cast<double>(i) / static_cast<double>(rows - 1);
        run.advance(t, random);
        p.axes[0].points.push_back(t);
        for (std::size_t x = 0; x < columns; ++x) p.value.push_back(state_of(run, x));
      }
      return {p};
    }
    // Snapshot of trajectory 0 at the last time, its own numbers; a slice through the centre in 3-D.
    Course course{Kinetics(*rules), Stream(seed, 0, purpose).fast()};
    const Kinetics& run = course.run;
    course.run.start(course.random);
    if (ask.is_stationary()) pass(course, ask, end);
    else
      for (const double t : ask.times()) pass(course, ask, t);
    const std::size_t d = m.box.dimension();
    const auto ny = static_cast<std::size_t>(std::min<std::int64_t>(m.box.extent[d - 2], 500)), nx = static_cast<std::size_t>(std::min<std::int64_t>(m.box.extent[d - 1], 500));
    Portrait p{"snapshot", fmt::format("Lattice at t = {}", brief(course.stopped ? run.time() : end)), "", {{"y", "sites", {}}, {"x", "sites", {}}}, {}, categories};
    const std::size_t row = static_cast<std::size_t>(m.box.extent[d - 1]);
    const std::size_t base = d == 3 ? static_cast<std::size_t>(m.box.extent[0] / 2) * static_cast<std::size_t>(m.box.extent[1]) * row : 0;
    for (std::size_t y = 0; y < ny; ++y) p.axes[0].points.push_back(static_cast<double>(y));
    for (std::size_t x = 0; x < nx; ++x) p.axes[1].points.push_back(static_cast<double>(x));
    for (std::size_t y = 0; y < ny; ++y)
      for (std::size_t x = 0; x < nx; ++x) p.value.push_back(state_of(run, base + y * row + x));
    return {p};
  }

  [[nodiscard]] Rules make_rules(const Model& m) const {
    if constexpr (has_exclusion<Kinetics>) return Rules(m, options.inert_first, options.picking);
    else return Rules(m);
  }
};

// ---- what is made of an ensemble -------------------------------------------------------------------------------------

double option(const Ask& ask, const char* name) {
  const auto found = ask.options.find(name);
  return found == ask.options.end() ? 0.0 : as_number(found->second);
}

Estimate slope_of(const Estimate& density, const std::string& name) {
  const std::vector<double>& times = density.axes[0].points;
  const std::size_t n = times.size();
  Estimate e;
  e.observable = name;
  e.unit = "1";
  e.axes = density.axes;
  e.value = effective_exponent(times, density.value);
  e.samples = density.samples;
  e.stream = density.stream;
  e.exact.assign(n, 0.0);
  if (n > 0 && times[0] == 0) e.exact[0] = 1;
  e.std_error.assign(n, nan_value);
  if (density.batches && density.batches->count() > 1) {
    const std::size_t count = density.batches->count();
    e.batches = Batches{density.batches->weight, std::vector<double>(count * n)};
    for (std::size_t b = 0; b < count; ++b) {
      const auto replicate = effective_exponent(times, {density.batches->replicate.data() + b * n, n});
      std::copy(replicate.begin(), replicate.end(), e.batches->replicate.begin() + static_cast<std::ptrdiff_t>(b * n));
    }
    std::vector<double> at(count);
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t b = 0; b < count; ++b) at[b] = e.batches->replicate[b * n + i];
      e.std_error[i] = e.exact[i] != 0 ? 0.0 : delete_batch_error(e.value[i], at, e.batches->weight);
    }
    e.dof = static_cast<double>(count) - 1.0;
  }
  return e;
}

void add_exponent(const Ask& ask, const std::string& species, const Estimate& density, Answer& answer) {
  const std::string name = species + ".exponent";
  const auto note = [&](std::string text) { answer.flags.push_back({.kind = "note", .observable = name, .text = std::move(text)}); };
  double from = option(ask, "fit-from"), to = option(ask, "fit-to");
  if (to == 0) to = ask.times().back();
  if (from == 0) from = to / 16;
  if (from >= to) throw StudyError(fmt::format("fit window from {} to {} is empty; fit-from must be below fit-to", brief(from), brief(to)));
  std::size_t inside = 0;
  for (std::size_t i = 0; i < density.size(); ++i)
    if (ask.times()[i] > 0 && ask.times()[i] >= from && ask.times()[i] <= to && density.value[i] > 0) ++inside;
  if (inside < 2) return note(fmt::format("no exponent: {} of the asked times lie in the fit window {}..{} with a positive density", inside, brief(from), brief(to)));
  if (to < 10 * from * (1 - 1e-9)) note(fmt::format("the exponent is fitted over {}..{}, less than one decade: quote the density, not the exponent", brief(from), brief(to)));
  const PowerFit fit = fit_power(ask.times(), density, from, to);
  Estimate e;
  e.observable = name;
  e.unit = "1";
  e.value = {-fit.exponent};
  e.std_error = {fit.std_error};
  e.dof = fit.dof;
  e.samples = density.samples;
  e.stream = density.stream;
  answer.estimates.push_back(std::move(e));
}

template <class T>
std::function<void(const Ask&, const EnsembleResult&, Answer&)> finish_of(const T& level) {
  return [level](const Ask& ask, const EnsembleResult& result, Answer& answer) {
    const Model& m = level.model();
    const double end = ask.is_stationary() ? ask.stationary().burn_in.value_or(0) + ask.stationary().window.value_or(0) : ask.times().back();
    for (Flag& flag : kinetics_warnings(m, end)) answer.flags.push_back(std::move(flag));
    const Plan plan = level.plan(ask);
    const Layout l = level.layout(ask);
    if (l.seed) {
      const std::size_t last = plan.points() - 1;
      std::size_t at = 0;
      for (std::size_t s = 0; s < l.first_spread() + 3; ++s) at += plan.signals[s].width;
      const double touched = result.signal_mean[last * (plan.tape_size() / plan.points()) + at];
      if (touched > 0)
        answer.flags.push_back({.kind = "note", .text = fmt::format("the cluster reached the edge of the box (side {}) in {} of the trajectories: number and spread are those of the box from then on. "
                                                                    "Take a larger side", m.box.shortest(), brief(touched, 3))});
    }
    if (!ask.is_stationary())
      for (const std::string& s : m.species) {
        const Estimate density = *answer.find(density_name(s));
        if (ask.wants(s + ".slope")) answer.estimates.push_back(slope_of(density, s + ".slope"));
        if (ask.wants(s + ".exponent")) add_exponent(ask, s, density, answer);
      }
    if (const Estimate* rate = answer.find("extinction-rate")) {
      const double window = *ask.stationary().window, burn_in = *ask.stationary().burn_in, deaths = rate->value[0] * window;
      if (deaths == 0)
        answer.flags.push_back({.kind = "note", .observable = "extinction-rate", .text = "quasi-stationary: no trajectory died within its window, so that this is the plain stationary average and the rate is unknown, below about "
                                                                                         + brief(1 / (window * static_cast<double>(rate->samples)), 2)});
      else if (rate->value[0] * burn_in < 1)
        answer.flags.push_back({.kind = "note", .text = fmt::format("quasi-stationary: the mean lifetime 1/rate = {} is longer than the burn-in {}. That is enough only if what survives relaxes faster", brief(1 / rate->value[0], 3), brief(burn_in))});
    }
    if (l.correlation && m.box.dimension() >= 1)
      for (const std::string& s : m.species) {  // correlation length beside the box: by the distance at which C falls to C(1)/e
        const Estimate* c = answer.find(s + ".correlation");
        if (c == nullptr) continue;
        const std::size_t n = c->axes.back().points.size();
        const double* row = c->value.data() + (c->size() - n);
        double xi = nan_value;
        for (std::size_t r = 1; r < n; ++r)
          if (n > 1 && row[1] > 0 && row[r] < row[1] / std::numbers::e) {
            xi = c->axes.back().points[r] - 1;
            break;
          }
        if (n > 2 && row[1] > 0 && !(xi <= static_cast<double>(m.box.shortest()) / 4))
          answer.flags.push_back({.kind = "note", .observable = s + ".correlation",
                                  .text = fmt::format("the correlation length of {} is {}, more than a quarter of the side {}: finite-size effects", s,
                                                      std::isnan(xi) ? fmt::format("above {}", brief(c->axes.back().points.back())) : brief(xi, 3), m.box.shortest())});
      }
    if (!ask.observables.empty()) std::erase_if(answer.estimates, [&](const Estimate& e) { return !ask.wants(e.observable); });
  };
}

/// Nothing comes from nothing: an empty lattice stays empty.
bool empty_is_absorbing(const Model& m) {
  return std::none_of(m.sites.begin(), m.sites.end(), [](const SiteRule& r) { return r.rate > 0 && r.from == 0; }) &&
         std::none_of(m.pairs.begin(), m.pairs.end(), [](const PairRule& r) { return r.rate > 0 && r.from[0] == 0 && r.from[1] == 0; }) &&
         std::none_of(m.reactions.begin(), m.reactions.end(), [](const SiteReaction& r) { return r.rate > 0 && std::all_of(r.reactants.begin(), r.reactants.end(), [](int n) { return n == 0; }); });
}

void require_quasi_stationary(const Ask& ask, const Model& m) {
  const Stationary& s = ask.stationary();
  if (!(*s.burn_in > 0)) throw StudyError(fmt::format("quasi-stationary needs a burn-in above 0, not {}: its store of configurations fills meanwhile", brief(*s.burn_in)));
  if (!empty_is_absorbing(m)) throw StudyError("quasi-stationary: the rules make particles out of empty sites, so that nothing ever dies out. Ask the plain stationary question");
  for (const std::string& name : ask.observables)
    if (name.ends_with(".spectrum")) throw StudyError(fmt::format("{}: a quasi-stationary trajectory jumps where it is restarted; its spectrum means nothing. Ask the plain stationary question", name));
}

template <class T>
std::function<Answer(const Ask&, Context&)> run_of(T level, std::uint64_t grain) {
  auto inner = sampled(level, grain, finish_of(level));
  return [inner, model = level.model()](const Ask& ask, Context& context) {
    if (ask.is_stationary()) {
      const Stationary& s = ask.stationary();
      if (!s.burn_in || !s.window)
        throw StudyError("a lattice model has no slow time that is known beforehand: give burn-in and window of the stationary question, in its own time unit");
      if (T::quasi_stationary(ask)) require_quasi_stationary(ask, model);
      if (!(*s.burn_in >= 0) || !(*s.window > 0)) throw StudyError(fmt::format("burn-in {} and window {}: the first must be at least 0, the second above 0", brief(*s.burn_in), brief(*s.window)));
    } else {
      if (const auto found = ask.options.find("quasi-stationary"); found != ask.options.end() && std::get<bool>(found->second.data))
        throw StudyError("quasi-stationary is for a stationary question: ask [stationary] with burn-in and window in place of times");
      for (const double t : ask.times())
        if (!(t >= 0) || !std::isfinite(t)) throw StudyError(fmt::format("times of a lattice model start at 0; {} was asked", brief(t)));
    }
    return inner(ask, context);
  };
}

}  // namespace

Level kinetics_level(const Model& model, const KineticsOptions& options) {
  Level level;
  level.info.name = micro_level;
  level.info.rung = Rung::micro;
  level.info.sampled = true;
  const bool exclusion = model.occupation == Occupation::exclusion;
  level.info.doc = exclusion ? "exact continuous-time kinetics on the lattice: rejection on bounded rates, exact clock" : "exact continuous-time kinetics on the lattice: composition-rejection over sites, exponential clock";
  level.info.source = exclusion ? "" : "Slepoy, Thompson, Plimpton (2008), doi:10.1063/1.2919546";
  level.info.options = {{.name = "fit-from", .unit = "1", .doc = "start of the window of <s>.exponent; 0: a sixteenth of its end", .fallback = 0.0, .min = 0},
                        {.name = "fit-to", .unit = "1", .doc = "end of the window of <s>.exponent; 0: the last asked time", .fallback = 0.0, .min = 0},
                        {.name = "samples", .unit = "1", .doc = "stationary: equally spaced samples in the window", .type = ParameterInfo::Type::integer, .fallback = std::int64_t{256}, .min = 2, .max = 1e6},
                        {.name = "quasi-stationary", .unit = "1", .doc = "stationary: given survival. A trajectory that dies goes on from a configuration of its own past: de Oliveira, Dickman (2005), doi:10.1103/PhysRevE.71.016129",
                         .type = ParameterInfo::Type::boolean, .fallback = false},
                        {.name = "stored", .unit = "1", .doc = "configurations that a quasi-stationary trajectory keeps of its past", .type = ParameterInfo::Type::integer,
                         .fallback = static_cast<std::int64_t>(default_stored), .min = 1, .max = 1e6}};
  const std::size_t sites = model.box.sites();
  level.info.grain = sites > 20000 ? 1 : 8;
  std::shared_ptr<const CorrelationLattice> correlations;
  if (model.box.boundary == Boundary::periodic && sites <= (std::size_t{1} << 24)) {
    std::vector<std::size_t> extent(model.box.extent.begin(), model.box.extent.end());
    correlations = std::make_shared<CorrelationLattice>(extent);
  }
  if (exclusion)
    level.run = run_of(Trajectories<ExclusionRules, ExclusionKinetics>{std::make_shared<ExclusionRules>(model, options.inert_first, options.picking), options, correlations}, level.info.grain);
  else level.run = run_of(Trajectories<BosonicRules, BosonicKinetics>{std::make_shared<BosonicRules>(model), options, correlations}, level.info.grain);
  level.plan = [model](const Ask& ask) {
    using Any = Trajectories<ExclusionRules, ExclusionKinetics>;  // what an option says does not depend on the kernel
    const bool exclusion = model.occupation == Occupation::exclusion;
    const double kept = Any::quasi_stationary(ask) ? static_cast<double>(Any::stored(ask)) * (exclusion ? 1e-6 : 4e-6 * static_cast<double>(model.species.size())) : 0;
    return std::vector<std::string>{fmt::format("{} sites, about {} MB a trajectory", with_commas(model.box.sites()), brief(static_cast<double>(model.box.sites()) * ((exclusion ? 9e-6 : 3e-5) + kept), 2))};
  };
  return level;
}

std::vector<ObservableInfo> kinetics_observables(const Model& m, const KineticsOptions& o) {
  std::vector<ObservableInfo> list;
  const bool exclusion = m.occupation == Occupation::exclusion, periodic = m.box.boundary == Boundary::periodic;
  for (const std::string& s : m.species)
    list.push_back({.name = density_name(s), .unit = "1/site", .doc = fmt::format("particles {} per site, mean over trajectories", s)});
  for (const std::string& s : m.species) {
    list.push_back({.name = s + ".slope", .unit = "1", .doc = fmt::format("effective exponent d ln({0}.density)/d ln t, least squares over the asked times within [t/2, 2t]; 0 at t = 0", s), .by_default = false});
    list.push_back({.name = s + ".exponent", .unit = "1", .doc = fmt::format("-d ln({}.density)/d ln t fitted over fit-from..fit-to", s), .by_default = false});
    list.push_back({.name = s + ".fluctuation", .unit = "1/site", .doc = fmt::format("sites x variance over trajectories (stationary: and over the window) of the global density of {}", s), .by_default = false});
    list.push_back({.name = s + ".spectrum", .unit = "time/site^2", .doc = fmt::format("stationary: power |integral of (density of {} - its mean) exp(i omega t)|^2 / window, Hann window", s), .by_default = false});
  }
  if (exclusion)
    for (std::size_t a = 0; a < m.states(); ++a)
      for (std::size_t b = a; b < m.states(); ++b) {
        const std::string x = m.state_name(static_cast<State>(a)), y = m.state_name(static_cast<State>(b));
        list.push_back({.name = pairs_name(x, y), .unit = "1", .doc = fmt::format("probability that the ends of a bond are {} and {}, in this order", x, y), .by_default = false});
      }
  std::string alive;
  for (const State s : watched(m, o)) alive += (alive.empty() ? "" : " and ") + m.state_name(s);
  list.push_back({.name = "survival", .unit = "1", .doc = fmt::format("share of trajectories in which {} left", alive.empty() ? "any particle is" : alive + (watched(m, o).size() > 1 ? " are" : " is")), .by_default = false});
  list.push_back({.name = "lifetime", .unit = "1", .doc = "mean of min(T, t), T the time at which survival ended: tends to the mean extinction time", .by_default = false});
  list.push_back({.name = "extinction-rate", .unit = "1/time", .doc = "stationary with quasi-stationary = true: deaths per time, the decay rate of survival; its inverse is the mean lifetime", .by_default = false});
  if (periodic)
    for (std::size_t a = 0; a < m.species.size(); ++a)
      for (std::size_t b = a; b < m.species.size(); ++b) {
        const std::string stem = pair_stem(m, a, b);
        list.push_back({.name = stem + ".correlation", .unit = "1", .doc = fmt::format("<n_{0}(x) n_{1}(x + r)> - <n_{0}><n_{1}> averaged over x and |r|, means of each configuration taken off", m.species[a], m.species[b]),
                        .by_default = false});
        list.push_back({.name = stem + ".structure", .unit = "1", .doc = fmt::format("structure factor Re[n_{0}(q) n_{1}(-q)]/sites averaged over |q|", m.species[a], m.species[b]), .by_default = false});
      }
  if (is_seed(m)) {
    const std::string s = m.state_name(spreading_species(m, o));
    list.push_back({.name = s + ".number", .unit = "1", .doc = fmt::format("number of {} from a single seed, mean over all trajectories", s), .by_default = false});
    list.push_back({.name = s + ".spread", .unit = "sites^2", .doc = fmt::format("mean square distance of {} from the seed: <sum r^2> / <number>", s), .by_default = false});
    list.push_back({.name = s + ".reach", .unit = "sites", .doc = fmt::format("distance of the {} furthest from the seed, mean over surviving trajectories: the position of the front", s), .by_default = false});
  }
  return list;
}

}  // namespace meso::lattice
