#include "kits/kinetics/ssa_level.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <mutex>

#include "base/error.h"
#include "base/text.h"
#include "kits/kinetics/correlations.h"
#include "kits/kinetics/observables.h"
#include "kits/kinetics/passage.h"
#include "kits/kinetics/ssa_lanes.h"
#include "kits/kinetics/process_ode.h"
#include "kits/kinetics/process_ssa.h"

namespace meso::kinetics {
namespace {

constexpr std::uint64_t pilot_events = 500'000;  // of one pilot trajectory: tens of milliseconds
constexpr std::size_t most_bins = 4096;

FastStream pilot_stream(std::uint64_t id) { return Stream(0, id, "kinetics/ssa/pilot").fast(); }

/// Time in which a trajectory from the initial state fires about `events` reactions; 0 if it fires none.
double time_of_events(const Ssa& ssa, std::uint64_t events) {
  const std::vector<double> end{1e300};
  const SsaResult first = ssa.run_path(end, ssa.network().initial, pilot_stream(0), [](std::size_t, std::span<const double>) {}, 4096);
  if (first.absorbed || first.events == 0) return 0;  // nothing happens, or it has ended already
  return first.t * static_cast<double>(events) / static_cast<double>(first.events);
}

/// What a few trajectories of a fixed stream say about size and cost, so that the plan depends on the question alone.
struct Pilot {
  std::vector<double> mean, largest;
  double events = 0;  ///< per trajectory
};

/// One product of powers that a trajectory writes.
struct Term {
  enum class Kind { power, product, bins, group, square, group_square, runaway, dropped } kind = Kind::power;
  std::size_t signal = 0, a = 0, b = 0;
  int power = 1;
  double ca = 0, cb = 0;
};

double monomial(const Term& term, std::span<const double> x) {
  const double d = x[term.a] - term.ca;
  if (term.kind == Term::Kind::product) return d * (x[term.b] - term.cb);
  double value = d;
  for (int k = 1; k < term.power; ++k) value *= d;
  return value;
}

/// Trajectories behind functions, in the words of Ssa.
struct Simulated {
  std::shared_ptr<const Trajectories> of;
  [[nodiscard]] const Network& network() const { return of->names; }
  [[nodiscard]] const SharedNetwork& shared() const { return of->names; }
  template <class AtTime>
  SsaResult run_path(std::span<const double> times, std::span<const std::int64_t>, FastStream rng, AtTime&& at, std::uint64_t max_events = Ssa::default_max_events) const {
    return of->path(times, rng, [&](std::size_t i, std::span<const double> x) { at(i, x); }, max_events);
  }
  template <class Hold>
  SsaResult run_window(double burn_in, double window, std::span<const std::int64_t>, FastStream rng, Hold&& hold, std::uint64_t max_events = Ssa::default_max_events) const {
    return of->window(burn_in, window, rng, [&](std::span<const double> x, double dt) { hold(x, dt); }, max_events);
  }
};

std::string unit_of(const Ssa& ssa, const std::string& observable) { return observable_info(ssa.network(), observable)->unit; }
std::string unit_of(const Simulated& simulated, const std::string& observable) { return simulated.of->unit(observable); }

/// Everything of one question that does not depend on the seed: plan, windows, starts.
template <class Simulator>
class EnsembleOf {
 public:
  static constexpr bool plain = std::is_same_v<Simulator, Ssa>;
  EnsembleOf(std::shared_ptr<const Simulator> ssa, const Ask& ask, const std::function<double()>& slow_time);
  [[nodiscard]] Plan plan(const Ask&) const { return plan_; }
  void sample_batch(const Ask&, const Plan&, std::uint64_t seed, const std::string& purpose, std::uint64_t first, std::span<Tape> tapes) const;
  void finish(const EnsembleResult& result, Answer& answer) const;
  [[nodiscard]] bool empty() const { return plan_.derived.empty(); }
  [[nodiscard]] std::uint64_t grain() const { return grain_; }
  [[nodiscard]] const Pilot& pilot() const { return pilot_; }
  [[nodiscard]] const std::vector<Flag>& notes() const { return notes_; }
  [[nodiscard]] double burn_in() const { return burn_in_; }
  [[nodiscard]] double window() const { return window_; }
  /// The same trajectories, seen at every event; empty `run` if they cannot be.
  [[nodiscard]] Watched watched() const;

 private:
  void sample(std::uint64_t seed, const std::string& purpose, std::uint64_t id, Tape& tape) const;
  [[nodiscard]] std::span<const std::int64_t> start_of(std::uint64_t seed, const std::string& purpose, std::uint64_t id, std::vector<std::int64_t>& drawn) const;
  void write_averages(std::uint64_t id, const SsaResult& result, std::span<const double> sums, Tape& tape) const;
  void look(std::size_t i, std::span<const double> x, Tape& tape) const;
  void mark_runaway(std::size_t reached, Tape& tape) const;
  [[nodiscard]] std::size_t bin_of(const Term& term, std::span<const double> x) const;
  void choose_windows(const Stationary& when, const std::function<double()>& slow_time);
  void run_pilot();
  /// Calls f(simulator) with the trajectories that belong to the id: some start from drawn values.
  template <class F>
  SsaResult with_start(std::uint64_t seed, const std::string& purpose, std::uint64_t id, F&& f) const {
    if constexpr (!plain)
      if (ssa_->of->drawn) return f(Simulated{std::make_shared<const Trajectories>(ssa_->of->drawn(seed, purpose, id))});
    return f(*ssa_);
  }
  void add(const std::string& observable);
  std::size_t power_signal(std::size_t s, int power);
  std::size_t product_signal(std::size_t a, std::size_t b);
  std::size_t add_signal(Signal signal, Term term);

  std::shared_ptr<const Simulator> ssa_;
  const Network& network_;
  bool stationary_ = false;
  std::vector<double> times_;
  double burn_in_ = 0, window_ = 0;
  std::vector<std::int64_t> dispersed_;
  std::vector<double> bound_;  // largest count that conservation allows
  std::vector<char> fixed_;    // species that no reaction changes
  bool random_start_ = false;  // the initial state differs between trajectories
  std::uint64_t max_events_ = Ssa::default_max_events;
  Pilot pilot_;
  std::vector<double> center_;
  Plan plan_;
  std::vector<Term> terms_;
  std::size_t held_ = 0;  // the first of terms_ are summed at every event, the others made of them at the end
  std::size_t runaway_ = 0, dropped_ = 0;  // 0: none, as the first signal is never it
  std::vector<std::array<std::size_t, 4>> groups_;  // species, signals of group x, x^2, group x^2 (time averages)
  std::uint64_t grain_ = 1;
  std::optional<SsaLanes> lanes_;  // for networks that fit: the bits of the scalar direct method
  std::vector<lanes::Held> lanes_held_;  // of terms_, for windows
  std::vector<Flag> notes_;
};

template <class Simulator>
EnsembleOf<Simulator>::EnsembleOf(std::shared_ptr<const Simulator> ssa, const Ask& ask, const std::function<double()>& slow_time)
    : ssa_(std::move(ssa)), network_(ssa_->network()), stationary_(ask.is_stationary()) {
  const std::size_t n_species = network_.species.size();
  if (const auto given = ask.options.find("max-events"); given != ask.options.end()) max_events_ = static_cast<std::uint64_t>(as_number(given->second));

  bound_.assign(n_species, std::numeric_limits<double>::infinity());
  fixed_.assign(n_species, 1);
  random_start_ = network_.random_start();
  if constexpr (!plain) {
    fixed_ = ssa_->of->fixed;
    bound_ = ssa_->of->largest;
    random_start_ = ssa_->of->random_start;
  }
  for (const std::vector<int>& law : plain && !random_start_ ? network_.conservation_laws() : std::vector<std::vector<int>>{}) {
    if (std::any_of(law.begin(), law.end(), [](int weight) { return weight < 0; })) continue;
    double total = 0;
    for (std::size_t s = 0; s < n_species; ++s) total += static_cast<double>(law[s]) * static_cast<double>(network_.initial[s]);
    for (std::size_t s = 0; s < n_species; ++s)
      if (law[s] > 0) bound_[s] = std::min(bound_[s], std::floor(total / law[s]));
  }
  for (const Reaction& reaction : network_.reactions)
    for (const auto& [s, change] : reaction.unit_change()) fixed_[s] = 0;

  if (stationary_) {
    choose_windows(ask.stationary(), slow_time);
  } else {
    times_ = ask.times();
    plan_.axes.push_back({"t", network_.time_unit, times_});
  }
  run_pilot();
  center_.resize(n_species);
  for (std::size_t s = 0; s < n_species; ++s) center_[s] = std::round(pilot_.mean[s]);

  for (const std::string& name : ask.observables) add(name);
  if (plan_.derived.empty()) return;
  held_ = terms_.size();
  if (stationary_) {
    const std::vector<Term> own = terms_;
    for (const Term& term : own) {
      if (term.kind != Term::Kind::power || term.power != 1 || dispersed_ == network_.initial) continue;
      const std::string& name = network_.species[term.a];
      const double c = center_[term.a];
      groups_.push_back({term.a, add_signal({.name = name + " by group"}, {Term::Kind::group, 0, term.a, 0, 1, c, 0}),
                         add_signal({.name = name + " average squared"}, {Term::Kind::square, 0, term.a, 0, 1, c, 0}),
                         add_signal({.name = name + " average squared by group"}, {Term::Kind::group_square, 0, term.a, 0, 1, c, 0})});
    }
  }
  runaway_ = add_signal({.name = "runaway", .lo = 0, .hi = 1}, {.kind = Term::Kind::runaway});
  if constexpr (!plain)
    if (ssa_->of->may_drop) dropped_ = add_signal({.name = "dropped completions"}, {.kind = Term::Kind::dropped});

  // About 50 ms of work, and no more than 32 MB of tapes, go into one grain: a constant of the network and the question.
  while (grain_ < 1024 && static_cast<double>(grain_) * pilot_.events < 1e6 && grain_ * plan_.tape_size() < 4'000'000) grain_ *= 2;
  if constexpr (plain) {
    if (ssa_->method() == SsaMethod::direct && SsaLanes::fits(network_)) {
      lanes_.emplace(ssa_->shared());
      for (std::size_t k = 0; k < held_; ++k) {
        const Term& term = terms_[k];
        if (term.kind == Term::Kind::bins) continue;
        lanes_held_.push_back({.a = static_cast<std::uint32_t>(term.a), .b = static_cast<std::uint32_t>(term.b), .ca = term.ca, .cb = term.cb, .power = term.kind == Term::Kind::product ? 0 : term.power});
      }
      while (grain_ < 2 * lanes::width && grain_ * plan_.tape_size() < 4'000'000) grain_ *= 2;  // every lane has two trajectories at least
    }
  }
}

template <class Simulator>
void EnsembleOf<Simulator>::choose_windows(const Stationary& when, const std::function<double()>& slow_time) {
  if (!when.burn_in || !when.window) {
    double slow = slow_time ? slow_time() : 0;
    if (slow > 0 && std::isfinite(slow)) {
      notes_.push_back({.kind = "note", .text = fmt::format("slow time {} (1 / spectral gap)", brief(slow))});
    } else {
      SlowTime measured;
      if constexpr (plain) measured = measured_slow_time(*ssa_);
      else throw StudyError("ssa: stationary averages of this model need a burn-in and a window: --stationary=burn-in:window");
      slow = measured.value;
      notes_.push_back({.kind = "note", .text = fmt::format("slow time {} {}", brief(slow),
                                                            measured.resolved ? "(autocorrelation time of a pilot trajectory)"
                                                                              : "is a lower bound: a pilot trajectory of 8 million events was too short to measure it; give burn-in and window")});
    }
    burn_in_ = when.burn_in.value_or(10 * slow);
    window_ = when.window.value_or(50 * slow);
  } else {
    burn_in_ = *when.burn_in;
    window_ = *when.window;
  }
  if (!(window_ > 0) || !(burn_in_ >= 0) || !std::isfinite(burn_in_ + window_))
    throw StudyError(fmt::format("ssa: burn-in {} and window {}; the window must be above 0 and the burn-in not negative", exact(burn_in_), exact(window_)));
  notes_.push_back({.kind = "note", .text = fmt::format("averages over {} after a burn-in of {}", brief(window_, 6), brief(burn_in_, 6))});
}

template <class Simulator>
void EnsembleOf<Simulator>::run_pilot() {
  const std::size_t n_species = network_.species.size();
  pilot_.mean.assign(n_species, 0);
  pilot_.largest.assign(n_species, 0);
  const auto see = [&](std::span<const double> x) {
    for (std::size_t s = 0; s < n_species; ++s) pilot_.largest[s] = std::max(pilot_.largest[s], x[s]);
  };
  const std::vector<double> start(network_.initial.begin(), network_.initial.end());
  see(start);
  double weight = 0, events = 0, runs = 0;
  std::uint64_t left = 4 * pilot_events;
  const auto spend = [&](const SsaResult& result, double asked) {
    left -= std::min(left, result.events);
    // A pilot that was cut short is scaled to the asked time.
    events += static_cast<double>(result.events) * (result.runaway && result.t > 0 ? asked / result.t : 1);
    runs += 1;
  };
  if (!stationary_) {
    if (times_.empty()) return;
    for (std::uint64_t id = 0; id < 16 && left > 0; ++id)
      spend(with_start(0, "kinetics/ssa/pilot", id, [&](const Simulator& simulator) {
        return simulator.run_path(times_, network_.initial, pilot_stream(id), [&](std::size_t, std::span<const double> x) {
          see(x);
          for (std::size_t s = 0; s < n_species; ++s) pilot_.mean[s] += x[s];
          weight += 1;
        }, std::min(left, pilot_events));
      }), times_.back());
  } else {
    const auto hold = [&](std::span<const double> x, double dt) {
      see(x);
      for (std::size_t s = 0; s < n_species; ++s) pilot_.mean[s] += x[s] * dt;
      weight += dt;
    };
    const double end = burn_in_ + window_;
    for (std::uint64_t id = 0; id < 2; ++id) spend(ssa_->run_window(0, end, network_.initial, pilot_stream(id), hold, pilot_events), end);
    std::vector<double> typical(n_species);
    for (std::size_t s = 0; s < n_species; ++s) typical[s] = weight > 0 ? pilot_.mean[s] / weight : start[s];
    dispersed_ = plain ? dispersed_state(network_, typical) : network_.initial;
    for (std::size_t s = 0; s < n_species; ++s) pilot_.largest[s] = std::max(pilot_.largest[s], static_cast<double>(dispersed_[s]));
    for (std::uint64_t id = 2; id < 4; ++id) spend(ssa_->run_window(0, end, dispersed_, pilot_stream(id), hold, pilot_events), end);
  }
  for (std::size_t s = 0; s < n_species; ++s) pilot_.mean[s] = weight > 0 ? pilot_.mean[s] / weight : start[s];
  pilot_.events = runs > 0 ? events / runs : 0;
}

template <class Simulator>
std::size_t EnsembleOf<Simulator>::add_signal(Signal signal, Term term) {
  term.signal = plan_.signals.size();
  plan_.signals.push_back(std::move(signal));
  terms_.push_back(term);
  return term.signal;
}

/// x itself for power 1, else (x - c)^power.
template <class Simulator>
std::size_t EnsembleOf<Simulator>::power_signal(std::size_t s, int power) {
  for (const Term& term : terms_)
    if (term.kind == Term::Kind::power && term.a == s && term.power == power) return term.signal;
  const double c = power == 1 ? 0 : center_[s];
  Signal signal{.name = power == 1 ? network_.species[s] : fmt::format("({} - {})^{}", network_.species[s], exact(c), power), .path = power == 1};
  if (bound_[s] < std::numeric_limits<double>::infinity()) {
    const double low = std::pow(-c, power), high = std::pow(bound_[s] - c, power);
    signal.lo = power % 2 == 0 && c > 0 && c < bound_[s] ? 0 : std::min(low, high);
    signal.hi = std::max(low, high);
  }
  return add_signal(std::move(signal), {Term::Kind::power, 0, s, s, power, c, 0});
}

template <class Simulator>
std::size_t EnsembleOf<Simulator>::product_signal(std::size_t a, std::size_t b) {
  for (const Term& term : terms_)
    if (term.kind == Term::Kind::product && term.a == a && term.b == b) return term.signal;
  Signal signal{.name = fmt::format("({} - {})({} - {})", network_.species[a], exact(center_[a]), network_.species[b], exact(center_[b]))};
  return add_signal(std::move(signal), {Term::Kind::product, 0, a, b, 1, center_[a], center_[b]});
}

template <class Simulator>
void EnsembleOf<Simulator>::add(const std::string& observable) {
  const auto name = parse_observable(network_, observable);
  if (!name) return;  // absent
  for (const Derived& known : plan_.derived)
    if (known.observable == observable) return;
  using Kind = ObservableName::Kind;
  const std::size_t a = name->a, b = name->b;
  const double c = center_[a], cb = center_[b];
  Derived derived{.observable = observable, .unit = unit_of(*ssa_, observable)};
  const auto variance = [c](std::span<const double> m) {  // of x from <x> and <(x - c)^2>
    const double d = m[0] - c;
    return m[1] - d * d;
  };
  switch (name->kind) {
    case Kind::mean: derived.signals = {power_signal(a, 1)}; break;
    case Kind::variance:
      derived.signals = {power_signal(a, 1), power_signal(a, 2)};
      derived.f = variance;
      break;
    case Kind::covariance:
      derived.signals = {power_signal(a, 1), power_signal(b, 1), product_signal(std::min(a, b), std::max(a, b))};
      derived.f = [c, cb](std::span<const double> m) { return m[2] - (m[0] - c) * (m[1] - cb); };
      break;
    case Kind::cumulant3:
      derived.signals = {power_signal(a, 1), power_signal(a, 2), power_signal(a, 3)};
      derived.f = [c](std::span<const double> m) {
        const double d = m[0] - c;
        return m[2] - 3 * d * m[1] + 2 * d * d * d;
      };
      break;
    case Kind::cumulant4:
      derived.signals = {power_signal(a, 1), power_signal(a, 2), power_signal(a, 3), power_signal(a, 4)};
      derived.f = [c](std::span<const double> m) {
        const double d = m[0] - c, var = m[1] - d * d;
        return m[3] - 4 * d * m[2] + 6 * d * d * m[1] - 3 * d * d * d * d - 3 * var * var;
      };
      break;
    case Kind::fano:
      derived.signals = {power_signal(a, 1), power_signal(a, 2)};
      derived.f = [variance](std::span<const double> m) { return variance(m) / m[0]; };
      break;
    case Kind::cv:
      derived.signals = {power_signal(a, 1), power_signal(a, 2)};
      derived.f = [variance](std::span<const double> m) { return std::sqrt(std::max(0.0, variance(m))) / m[0]; };
      break;
    case Kind::distribution: {
      // Wide enough for half again of what the pilot saw; what lies beyond is counted in the last bin and flagged.
      const double seen = pilot_.largest[a];
      const double top = std::min({bound_[a], std::ceil(1.5 * seen + 10 * std::sqrt(seen) + 20), static_cast<double>(most_bins - 1)});
      const auto width = static_cast<std::size_t>(top) + 1;
      Axis support{"n", "molecules", {}};
      for (std::size_t i = 0; i < width; ++i) support.points.push_back(static_cast<double>(i));
      Term term{.kind = Term::Kind::bins};
      term.a = a;
      derived.signals = {add_signal({.name = network_.species[a] + " bins", .width = width, .lo = 0, .hi = 1}, term)};
      derived.support = std::move(support);
      derived.is_distribution = true;
      break;
    }
  }
  // Exact by construction: the deterministic start, and a species that no reaction changes.
  const bool never_changes = !random_start_ && (fixed_[a] != 0 || fixed_[b] != 0);
  for (std::size_t i = 0; i < plan_.points(); ++i) derived.exact.push_back(never_changes || (!stationary_ && times_[i] == 0 && !random_start_) ? 1 : 0);
  plan_.derived.push_back(std::move(derived));
}

template <class Simulator>
std::size_t EnsembleOf<Simulator>::bin_of(const Term& term, std::span<const double> x) const {
  const auto last = static_cast<double>(plan_.signals[term.signal].width - 1);
  return static_cast<std::size_t>(plain ? std::min(x[term.a], last) : std::clamp(std::round(x[term.a]), 0.0, last));
}

/// What a trajectory writes at times_[i].
template <class Simulator>
void EnsembleOf<Simulator>::look(std::size_t i, std::span<const double> x, Tape& tape) const {
  for (const Term& term : terms_) {
    if (term.kind == Term::Kind::bins) tape.record(term.signal, i, 1, bin_of(term, x));
    else if (term.kind < Term::Kind::runaway) tape.record(term.signal, i, monomial(term, x));
  }
}

template <class Simulator>
void EnsembleOf<Simulator>::mark_runaway(std::size_t reached, Tape& tape) const {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (std::size_t i = reached; i < times_.size(); ++i)
    for (const Term& term : terms_)
      for (std::size_t b = 0; b < plan_.signals[term.signal].width; ++b) tape.record(term.signal, i, term.kind == Term::Kind::runaway ? 1 : term.kind == Term::Kind::dropped ? 0 : nan, b);
}

template <class Simulator>
void EnsembleOf<Simulator>::sample_batch(const Ask&, const Plan&, std::uint64_t seed, const std::string& purpose, std::uint64_t first, std::span<Tape> tapes) const {
  if constexpr (plain) {
    if (lanes_ && tapes.size() > 4) {
      const std::string name = purpose + "/events";
      const auto stream = [&](std::uint64_t k) { return Stream(seed, first + k, name).fast(); };
      std::vector<std::int64_t> drawn;
      const auto start = [&](std::uint64_t k) -> std::span<const std::int64_t> { return start_of(seed, purpose, first + k, drawn); };
      if (!stationary_) {
        std::vector<std::size_t> reached(tapes.size(), 0);
        const std::vector<SsaResult> ends = lanes_->run_paths(times_, tapes.size(), stream, [&](std::uint64_t k, std::size_t i, std::span<const double> x) {
          reached[k] = i + 1;
          look(i, x, tapes[k]);
        }, max_events_, start);
        for (std::size_t k = 0; k < tapes.size(); ++k)
          if (ends[k].runaway) mark_runaway(reached[k], tapes[k]);
        return;
      }
      const bool bins = lanes_held_.size() < held_;
      std::vector<double> sums(terms_.size());
      lanes_->run_windows(burn_in_, window_, lanes_held_, tapes.size(), stream, [&](std::uint64_t k, const SsaResult& result, std::span<const double> held) {
        std::size_t next = 0;
        for (std::size_t i = 0; i < held_; ++i) sums[i] = terms_[i].kind == Term::Kind::bins ? 0 : held[next++];
        write_averages(first + k, result, sums, tapes[k]);
      }, !bins ? std::function<void(std::uint64_t, std::span<const double>, double)>{} : [&](std::uint64_t k, std::span<const double> x, double dt) {
        for (std::size_t i = 0; i < held_; ++i)
          if (terms_[i].kind == Term::Kind::bins) tapes[k].accumulate(terms_[i].signal, 0, 1 / window_, dt, bin_of(terms_[i], x));
      }, max_events_, start);
      return;
    }
  }
  for (std::size_t k = 0; k < tapes.size(); ++k) sample(seed, purpose, first + k, tapes[k]);
}

/// Initial counts of a trajectory: of a stationary question the dispersed start for odd ids. `drawn` holds what is drawn.
template <class Simulator>
std::span<const std::int64_t> EnsembleOf<Simulator>::start_of(std::uint64_t seed, const std::string& purpose, std::uint64_t id, std::vector<std::int64_t>& drawn) const {
  if (stationary_ && (id & 1) != 0) return dispersed_;
  if (!plain || !random_start_) return network_.initial;
  Stream start(seed, id, purpose + "/initial");
  drawn = network_.start(start);
  return drawn;
}

template <class Simulator>
void EnsembleOf<Simulator>::sample(std::uint64_t seed, const std::string& purpose, std::uint64_t id, Tape& tape) const {
  const FastStream events = Stream(seed, id, purpose + "/events").fast();
  std::vector<std::int64_t> drawn;
  const std::span<const std::int64_t> initial = start_of(seed, purpose, id, drawn);

  if (!stationary_) {
    std::size_t reached = 0;
    const SsaResult result = with_start(seed, purpose, id, [&](const Simulator& simulator) {
      return simulator.run_path(times_, initial, events, [&](std::size_t i, std::span<const double> x) {
        reached = i + 1;
        look(i, x, tape);
      }, max_events_);
    });
    if (result.runaway) mark_runaway(reached, tape);
    if (dropped_ != 0) tape.record(dropped_, plan_.points() - 1, static_cast<double>(result.dropped));
    return;
  }

  static thread_local std::vector<double> sums;
  sums.assign(terms_.size(), 0.0);
  const SsaResult result = with_start(seed, purpose, id, [&](const Simulator& simulator) {
    return simulator.run_window(burn_in_, window_, initial, events, [&](std::span<const double> x, double dt) {
      for (std::size_t k = 0; k < held_; ++k) {
        const Term& term = terms_[k];
        if (term.kind != Term::Kind::bins) sums[k] += monomial(term, x) * dt;
        else tape.accumulate(term.signal, 0, 1 / window_, dt, bin_of(term, x));
      }
    }, max_events_);
  });
  write_averages(id, result, sums, tape);
}

/// What a trajectory writes at the end of its window: its averages, and what is made of them for the test of mixing.
template <class Simulator>
void EnsembleOf<Simulator>::write_averages(std::uint64_t id, const SsaResult& result, std::span<const double> sums, Tape& tape) const {
  const double nan = std::numeric_limits<double>::quiet_NaN(), sign = (id & 1) != 0 ? -1 : 1;
  const auto average_of = [&](std::size_t species) {
    for (std::size_t k = 0; k < terms_.size(); ++k)
      if (terms_[k].kind == Term::Kind::power && terms_[k].power == 1 && terms_[k].a == species) return sums[k] / window_;
    return nan;
  };
  for (std::size_t k = 0; k < terms_.size(); ++k) {
    const Term& term = terms_[k];
    double value = sums[k] / window_;
    if (term.kind == Term::Kind::group) value = sign * (average_of(term.a) - term.ca);
    if (term.kind == Term::Kind::square || term.kind == Term::Kind::group_square) {
      const double d = average_of(term.a) - term.ca;
      value = d * d * (term.kind == Term::Kind::square ? 1 : sign);
    }
    if (term.kind == Term::Kind::runaway) value = result.runaway ? 1 : 0;
    else if (term.kind == Term::Kind::dropped) value = static_cast<double>(result.dropped);
    else if (result.runaway) value = nan;
    if (term.kind != Term::Kind::bins) tape.record(term.signal, 0, value);
    else if (result.runaway)
      for (std::size_t b = 0; b < plan_.signals[term.signal].width; ++b) tape.record(term.signal, 0, nan, b);
  }
}

template <class Simulator>
Watched EnsembleOf<Simulator>::watched() const {
  Watched w;
  w.names = ssa_->shared();
  w.random_start = random_start_;
  w.events = pilot_.events;
  w.center = center_;
  if constexpr (plain) {
    w.run = [ssa = ssa_, random = random_start_, far = dispersed_, limit = max_events_](std::uint64_t seed, const std::string& purpose, std::uint64_t id, double end, bool dispersed, const Watch& watch) {
      std::vector<std::int64_t> initial = dispersed ? far : ssa->network().initial;
      if (random && !dispersed) {
        Stream start(seed, id, purpose + "/initial");
        initial = ssa->network().start(start);
      }
      return ssa->run_watch(end, initial, Stream(seed, id, purpose + "/events").fast(), watch, limit);
    };
  } else if (ssa_->of->watch) {
    w.run = [of = ssa_->of, limit = max_events_](std::uint64_t seed, const std::string& purpose, std::uint64_t id, double end, bool, const Watch& watch) {
      return (of->drawn ? of->drawn(seed, purpose, id) : *of).watch(end, Stream(seed, id, purpose + "/events").fast(), watch, limit);
    };
  } else {
    w.look = [of = ssa_->of, limit = max_events_](std::uint64_t seed, const std::string& purpose, std::uint64_t id, std::span<const double> times, const std::function<void(std::size_t, std::span<const double>)>& at) {
      return (of->drawn ? of->drawn(seed, purpose, id) : *of).path(times, Stream(seed, id, purpose + "/events").fast(), at, limit);
    };
  }
  return w;
}

template <class Simulator>
void EnsembleOf<Simulator>::finish(const EnsembleResult& result, Answer& answer) const {
  std::vector<std::size_t> offset;
  std::size_t stride = 0;
  for (const Signal& signal : plan_.signals) {
    offset.push_back(stride);
    stride += signal.width;
  }
  const auto own_signal = [&](std::size_t species) {
    for (const Term& term : terms_)
      if (term.kind == Term::Kind::power && term.power == 1 && term.a == species) return term.signal;
    return std::size_t{0};
  };
  const auto mean = [&](std::size_t signal, std::size_t i, std::size_t b = 0) { return result.signal_mean[i * stride + offset[signal] + b]; };

  for (std::size_t i = 0; i < plan_.points(); ++i)
    if (const double share = mean(runaway_, i); share > 0) {
      Flag flag{.kind = "diverged", .text = fmt::format("{} % of the trajectories were stopped before {}: more than 1e13 events ahead at their pace, or the limit of {} events (max-events). "
                                                        "Counts of an explosive network grow without bound in a finite time.",
                                                        brief(100 * share, 3), stationary_ ? "the end of the window" : "t = " + brief(times_[i], 6), with_commas(max_events_)),
                .fatal = true};
      if (!stationary_) flag.where["t"] = times_[i];
      answer.flags.push_back(std::move(flag));
      break;
    }

  if (dropped_ != 0)
    if (const double dropped = mean(dropped_, plan_.points() - 1); dropped > 0)
      answer.flags.push_back({.kind = "note", .text = fmt::format("completions of non-consuming delayed reactions that lacked molecules did not happen: {} per trajectory on average", brief(dropped, 3))});

  for (const Term& term : terms_) {
    if (term.kind != Term::Kind::bins) continue;
    const std::size_t last = plan_.signals[term.signal].width - 1;
    if (static_cast<double>(last) >= bound_[term.a]) continue;  // nothing can lie beyond
    double worst = 0, t = 0;
    for (std::size_t i = 0; i < plan_.points(); ++i)
      if (const double mass = mean(term.signal, i, last); mass > worst) {
        worst = mass;
        t = stationary_ ? 0 : times_[i];
      }
    if (!(worst > 0)) continue;
    Flag flag{.kind = "truncated", .observable = network_.species[term.a] + ".distribution",
              .text = fmt::format("the last bin holds {} and more molecules of {}: probability {}", last, network_.species[term.a], brief(worst))};
    if (!stationary_) flag.where["t"] = t;
    answer.flags.push_back(std::move(flag));
  }

  if (!stationary_) return;
  const double n = static_cast<double>(result.trajectories), n_even = std::ceil(n / 2), n_odd = n - n_even;
  if (groups_.empty()) {
    answer.flags.push_back({.kind = "note", .text = "mixing was not tested: no dispersed start can be reached"});
  } else if (n_odd < 8) {
    answer.flags.push_back({.kind = "note", .text = fmt::format("mixing was not tested: {} trajectories, 16 are needed", result.trajectories)});
  } else {
    for (const auto& [species, by_group, square, square_by_group] : groups_) {
      // Sums over the even and the odd group from sums over both and the signed sum.
      const double c = center_[species], all = mean(own_signal(species), 0) - c;
      const auto of_group = [&](double both, double signed_both, double sign, double count) { return n * (both + sign * signed_both) / (2 * count); };
      const double even = of_group(all, mean(by_group, 0), 1, n_even), odd = of_group(all, mean(by_group, 0), -1, n_odd);
      const double even_square = of_group(mean(square, 0), mean(square_by_group, 0), 1, n_even), odd_square = of_group(mean(square, 0), mean(square_by_group, 0), -1, n_odd);
      const double even_error = std::sqrt(std::max(0.0, even_square - even * even) / (n_even - 1)), odd_error = std::sqrt(std::max(0.0, odd_square - odd * odd) / (n_odd - 1));
      const double error = std::sqrt(even_error * even_error + odd_error * odd_error), scale = std::abs(even + c) + std::abs(odd + c);
      if (!(std::abs(even - odd) > 4 * error + 1e-9 * scale)) continue;
      const std::string& name = network_.species[species];
      answer.flags.push_back({.kind = "not-mixed", .observable = "",
                              .text = fmt::format("{0}.mean is {1} +- {2} from {0} = {3} and {4} +- {5} from {0} = {6}: {7} of their errors apart after a burn-in of {8} and a window of {9}", name,
                                                  brief(even + c, 5), brief(even_error, 2), network_.initial[species], brief(odd + c, 5), brief(odd_error, 2), dispersed_[species],
                                                  error > 0 ? brief(std::abs(even - odd) / error, 3) : "any number", brief(burn_in_), brief(window_))});
    }
  }
  answer.flags.insert(answer.flags.end(), notes_.begin(), notes_.end());
}

}  // namespace

SlowTime measured_slow_time(const Ssa& ssa) {
  const Network& network = ssa.network();
  constexpr std::size_t points = 8192;
  SlowTime slow{1, true};
  for (std::uint64_t events = 1 << 15; events <= 1 << 23; events *= 4) {
    const double length = time_of_events(ssa, events);
    if (!(length > 0)) return {1, false};
    std::vector<double> times(points);
    for (std::size_t i = 0; i < points; ++i) times[i] = length * (0.2 + 0.8 * static_cast<double>(i) / points);  // the first fifth is discarded
    std::vector<std::vector<double>> curve(network.species.size(), std::vector<double>(points, 0.0));
    const SsaResult result = ssa.run_path(times, network.initial, pilot_stream(1), [&](std::size_t i, std::span<const double> x) {
      for (std::size_t s = 0; s < curve.size(); ++s) curve[s][i] = x[s];
    }, 4 * events);
    const double dt = 0.8 * length / points;
    slow = {dt, !result.runaway};
    for (std::vector<double>& x : curve) {
      double mean = 0, variance = 0;
      for (const double v : x) mean += v / points;
      for (double& v : x) {
        v -= mean;
        variance += v * v / points;
      }
      if (!(variance > 0)) continue;
      double tau = 0.5;  // in units of dt: 1/2 + sum of rho over lags; Sokal: sum up to the first lag beyond 5 tau
      std::size_t lag = 1;
      for (; lag < points / 2 && static_cast<double>(lag) < 5 * tau + 1; ++lag) {
        double rho = 0;
        for (std::size_t i = 0; i + lag < points; ++i) rho += x[i] * x[i + lag];
        tau += rho / (static_cast<double>(points - lag) * variance);
      }
      if (tau * dt > slow.value) slow.value = tau * dt;
    }
    slow.resolved = slow.resolved && slow.value * 100 < 0.8 * length;
    // Times far below the grid are not seen on it: a shorter trajectory saw them already, or they are no slow times.
    if (slow.resolved) break;
  }
  return slow;
}

std::vector<std::int64_t> dispersed_state(const Network& network, std::span<const double> typical) {
  const Propensities propensity(network);
  const std::size_t n_species = network.species.size();
  std::vector<double> target(n_species), n(network.initial.begin(), network.initial.end());
  for (std::size_t s = 0; s < n_species; ++s) target[s] = n[s] <= typical[s] ? std::ceil(3 * typical[s]) + 3 : std::floor(typical[s] / 3);
  if (n_species == 1) {
    const auto drift = [&](double x) {
      double sum = 0;
      for (std::size_t r = 0; r < propensity.size(); ++r)
        {
          for (const auto& [s, change] : network.reactions[r].change) sum += change * propensity(r, std::span(&x, 1));
          for (const auto& [s, mean] : network.reactions[r].bursts) sum += mean * propensity(r, std::span(&x, 1));
        }
      return sum;
    };
    const double top = std::clamp(20 * std::max(typical[0], n[0]), 1000.0, 2e5);
    double farthest = 1.5, before = drift(0);
    for (double x = 1; x <= top; ++x) {
      const double here = drift(x);
      if (before > 0 && here <= 0) {
        const double ratio = std::exp(std::abs(std::log((1 + x) / (1 + n[0]))));
        if (ratio > farthest) {
          farthest = ratio;
          target[0] = x;
        }
      }
      before = here;
    }
  }
  // Walk there by the network's own reactions, so that conservation laws and parities hold.
  std::vector<std::vector<std::pair<std::size_t, int>>> step_of;
  for (const Reaction& reaction : network.reactions) step_of.push_back(reaction.unit_change());
  for (std::size_t s = 0; s < n_species; ++s)
    for (int step = 0; step < 100000; ++step) {
      const double distance = target[s] - n[s];
      std::size_t best = propensity.size();
      std::size_t fewest = std::numeric_limits<std::size_t>::max();
      for (std::size_t r = 0; r < propensity.size(); ++r) {
        int own = 0;
        for (const auto& [species, change] : step_of[r])
          if (species == s) own = change;
        if (own * distance <= 0 || std::abs(own) > std::abs(distance) || step_of[r].size() >= fewest || !(propensity(r, n) > 0)) continue;
        best = r;
        fewest = step_of[r].size();
      }
      if (best == propensity.size()) break;
      for (const auto& [species, change] : step_of[best]) n[species] += change;
    }
  return {n.begin(), n.end()};
}

namespace {

/// Correlations in time of a species that is not mixed mean nothing: its mean is looked at too, for the flag.
Ask with_means(const Network& network, Ask ask) {
  if (!ask.is_stationary()) return ask;
  for (const std::string& name : std::vector<std::string>(ask.observables))
    if (const auto what = parse_correlation(network, name))
      if (std::string mean = network.species[what->species] + ".mean"; !ask.wants(mean)) ask.observables.push_back(std::move(mean));
  return ask;
}

/// A sampled level whose simulator may depend on the options.
template <class Simulator>
Level level_of(LevelInfo info, std::function<std::shared_ptr<const Simulator>(const Ask&)> make, std::function<double()> slow_time) {
  struct Shared {
    std::function<std::shared_ptr<const Simulator>(const Ask&)> make;
    std::function<double()> slow_time;
    std::mutex mutex;
    std::shared_ptr<const Simulator> simulator;
    Ask ask;
    std::shared_ptr<const EnsembleOf<Simulator>> ensemble;  // of the last question: adaptive rounds ask the same again

    std::shared_ptr<const EnsembleOf<Simulator>> ensemble_of(const Ask& question) {
      const std::lock_guard lock(mutex);
      const auto same_time = [&] {
        if (question.is_stationary() != ask.is_stationary()) return false;
        if (!question.is_stationary()) return question.times() == ask.times();
        return question.stationary().burn_in == ask.stationary().burn_in && question.stationary().window == ask.stationary().window;
      };
      if (ensemble && same_time() && question.observables == ask.observables && question.options == ask.options) return ensemble;
      if (!simulator || question.options != ask.options) simulator = make(question);
      ensemble = std::make_shared<const EnsembleOf<Simulator>>(simulator, with_means(simulator->network(), question), slow_time);
      ask = question;
      return ensemble;
    }
  };
  auto shared = std::make_shared<Shared>();
  shared->make = std::move(make);
  shared->slow_time = std::move(slow_time);

  Level level;
  level.info = std::move(info);
  level.info.sampled = true;
  level.info.grain = 64;
  ParameterInfo limit{.name = "max-events", .unit = "1", .doc = "events after which a trajectory is stopped and flagged", .fallback = Value(static_cast<double>(Ssa::default_max_events))};
  limit.min = 1;
  limit.max = 1e15;
  level.info.options.push_back(limit);
  level.run = [shared](const Ask& ask, Context& context) -> Answer {
    const std::shared_ptr<const EnsembleOf<Simulator>> ensemble = shared->ensemble_of(ask);
    Answer answer;
    if (!ensemble->empty()) {
      const auto finish = [ensemble](const Ask&, const EnsembleResult& result, Answer& into) { ensemble->finish(result, into); };
      answer = sampled(*ensemble, ensemble->grain(), finish)(ask, context);
      std::erase_if(answer.estimates, [&](const Estimate& e) { return !ask.wants(e.observable); });
    }
    const Watched watched = ensemble->watched();
    if (ask.is_stationary()) add_correlations(watched, ensemble->burn_in(), ensemble->window(), ask, context, answer);
    else add_passages(watched, ask, context, answer);
    return answer;
  };
  level.plan = [shared](const Ask& ask) -> std::vector<std::string> {
    const std::shared_ptr<const EnsembleOf<Simulator>> ensemble = shared->ensemble_of(ask);
    std::vector<std::string> lines{fmt::format("expected events {} per trajectory", brief(ensemble->pilot().events, 3))};
    for (const Flag& note : ensemble->notes()) lines.push_back(note.text);
    return lines;
  };
  return level;
}

}  // namespace

namespace {

/// The simulator of an ensemble: the direct method where it runs in lanes, unless the option says otherwise.
SsaMethod method_for(const Network& network, const Ask& ask) {
  const auto given = ask.options.find("algorithm");
  const SsaMethod asked = given == ask.options.end() ? SsaMethod::automatic : ssa_method(std::get<std::string>(given->second.data));
  return asked == SsaMethod::automatic && SsaLanes::fits(network) ? SsaMethod::direct : asked;
}

/// Which algorithm runs, and why.
std::string choice_text(const Network& network, const Ask& ask) {
  const auto given = ask.options.find("algorithm");
  if (given != ask.options.end() && std::get<std::string>(given->second.data) != "auto") return std::get<std::string>(given->second.data) + ": asked for";
  if (SsaLanes::fits(network))
    return fmt::format("direct method in vector lanes: {} reactions of {} species (up to {} of {})", network.reactions.size(), network.species.size(), SsaLanes::most_reactions, SsaLanes::most_species);
  return choose_method(network).why;
}

}  // namespace

Level ssa_level(SharedNetwork network, std::function<double()> slow_time) {
  const bool bursts = std::any_of(network->reactions.begin(), network->reactions.end(), [](const Reaction& r) { return !r.bursts.empty(); });
  if ((network->time_dependent() && !bursts) || !network->beyond_reactions().empty()) return process_ssa_level(std::make_shared<const CompiledProcess>(process_of(network)));
  LevelInfo info;
  info.name = "ssa";
  info.rung = Rung::micro;
  info.doc = "exact trajectories of the reactions, one by one (direct method)";
  info.source = "Gillespie (1977), doi:10.1021/j100540a008";
  info.options.push_back({.name = "algorithm", .unit = "", .doc = "how the next reaction is found; auto: by the size of the network, named in the answer (direct in vector lanes for up to 64 reactions, dependency-graph, composition-rejection for 8,192 and more)",
                          .type = ParameterInfo::Type::text, .fallback = Value("auto"), .allowed = {"auto", "direct", "dependency-graph", "composition-rejection"}});
  Level level = level_of<Ssa>(std::move(info), [network](const Ask& ask) { return std::make_shared<const Ssa>(network, method_for(network, ask)); }, std::move(slow_time));
  level.run = [network, run = std::move(level.run)](const Ask& ask, Context& context) {
    Answer answer = run(ask, context);
    answer.why = choice_text(network, ask);
    return answer;
  };
  level.plan = [network, plan = std::move(level.plan)](const Ask& ask) {
    std::vector<std::string> lines{choice_text(network, ask)};
    for (std::string& line : plan(ask)) lines.push_back(std::move(line));
    return lines;
  };
  return level;
}

Trajectories trajectories_of(const SharedNetwork& network) {
  Trajectories t;
  t.names = network;
  t.random_start = network->random_start();
  t.fixed.assign(network->species.size(), 1);
  for (const Reaction& reaction : network->reactions)
    for (const auto& [s, change] : reaction.unit_change()) t.fixed[s] = 0;
  t.largest.assign(network->species.size(), std::numeric_limits<double>::infinity());
  t.unit = [network](const std::string& observable) { return observable_info(*network, observable)->unit; };
  return t;
}

Level trajectories_level(LevelInfo info, std::function<Trajectories(const Ask&)> make, std::function<double()> slow_time) {
  return level_of<Simulated>(std::move(info), [make = std::move(make)](const Ask& ask) {
    return std::make_shared<const Simulated>(Simulated{std::make_shared<const Trajectories>(make(ask))});
  }, std::move(slow_time));
}

Level process_ssa_level(const std::shared_ptr<const CompiledProcess>& model) {
  LevelInfo info;
  info.name = "ssa";
  info.rung = Rung::micro;
  info.doc = "exact trajectories: reactions one by one, events, rules between them, rates of the time by exact thinning";
  info.source = "Gillespie (1977), doi:10.1021/j100540a008; Davis (1984), doi:10.1111/j.2517-6161.1984.tb01308.x; Lewis and Shedler (1979), doi:10.1002/nav.3800260304";
  return trajectories_level(std::move(info), [model](const Ask& ask) {
    const auto ssa = std::make_shared<const ProcessSsa>(model);
    if (ask.is_stationary() && ssa->flows()) throw StudyError("ssa: time averages are taken of models that only jump; this one has rules that move with the time. Ask for --times");
    const Process& p = model->process();
    Trajectories t;
    t.names = observed_network(p);
    for (const auto& observed : p.observed) t.fixed.push_back(observed.varies ? 0 : 1);
    t.largest.assign(p.observed.size(), std::numeric_limits<double>::infinity());
    t.unit = [model](const std::string& observable) { return observed_info(model->process(), observable)->unit; };
    t.random_start = !p.start_laws.empty();
    t.may_drop = ssa->may_drop();
    const auto from = [ssa](Trajectories into, std::vector<double> start) {
      into.path = [ssa, start](std::span<const double> times, FastStream rng, const ProcessSsa::At& at, std::uint64_t max_events) { return ssa->run_path(times, rng, at, max_events, start); };
      into.window = [ssa, start](double burn_in, double window, FastStream rng, const ProcessSsa::Hold& hold, std::uint64_t max_events) { return ssa->run_window(burn_in, window, rng, hold, max_events, start); };
      if (!ssa->flows()) into.watch = [ssa, start](double end, FastStream rng, const Watch& watch, std::uint64_t max_events) { return ssa->run_watch(end, rng, watch, max_events, start); };
      return into;
    };
    t = from(std::move(t), {});
    if (!p.start_laws.empty() || !p.drawn.empty())
      t.drawn = [ssa, from](std::uint64_t seed, const std::string& purpose, std::uint64_t id) { return from({}, ssa->start(seed, purpose, id)); };
    return t;
  });
}

}  // namespace meso::kinetics
