// The level `network`: trajectories on one coupling matrix, several together as columns, their covariances in two halves of a window.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/error.h"
#include "base/text.h"
#include "kits/neuron/instance.h"

namespace meso::neuron {
namespace {

constexpr std::uint64_t grain = 4;  // columns of one product
constexpr std::size_t slope_every = 8;  // samples between looks at phi'
constexpr std::size_t wick_pairs = 160;  // of wick.slope

/// Sum of products in sixteen partial sums, added up in order: vector code with one result at any width.
double dot(const float* a, const float* b, std::size_t n) {
  std::array<float, 16> part{};
  std::size_t i = 0;
  for (; i + 16 <= n; i += 16)
    for (std::size_t k = 0; k < 16; ++k) part[k] += a[i + k] * b[i + k];
  double sum = 0;
  for (const float p : part) sum += static_cast<double>(p);
  for (; i < n; ++i) sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return sum;
}

// Signals of a stationary question.
enum Quantity : std::size_t { phi_variance, x_variance, gain_mean, residual_variance, traces, halves, pair_halves, pair_cross, pair_mean, pair_square, pair_half_square, all_cross, residual_pairs, wick, drift, width, unreached, x_traces, x_halves, quantities };

/// What is asked, in steps and samples.
struct Schedule {
  double dt = 1;
  std::uint64_t burn = 0, every = 1, samples = 0;
  double burn_in = 0, window = 0;
};

/// Pairs of units drawn at random, and what Wick's theorem makes of any two of them.
struct Quadruples {
  std::vector<std::pair<std::size_t, std::size_t>> pair;
  std::vector<double> wick;  ///< pairs x pairs; 0 where units are shared
  double square = 0;
};

Quadruples quadruples(const Dense& s, std::size_t n) {
  Quadruples out;
  const std::size_t count = std::min(wick_pairs, n * (n - 1) / 2);
  Stream random(n, 0, "neuron/quadruples");  // a choice, the same for every trajectory
  while (out.pair.size() < count) {
    std::size_t i = random.below(n), j = random.below(n);
    if (i == j) continue;
    if (i > j) std::swap(i, j);
    if (std::find(out.pair.begin(), out.pair.end(), std::pair{i, j}) == out.pair.end()) out.pair.push_back({i, j});
  }
  out.wick.assign(count * count, 0.0);
  for (std::size_t p = 0; p < count; ++p)
    for (std::size_t q = 0; q < p; ++q) {
      const auto [i, j] = out.pair[p];
      const auto [k, l] = out.pair[q];
      if (i == k || i == l || j == k || j == l) continue;
      const double w = s[i + n * j] * s[k + n * l] + s[i + n * k] * s[j + n * l] + s[i + n * l] * s[j + n * k];
      out.wick[p * count + q] = w;
      out.square += w * w;
    }
  return out;
}

class Simulation {
 public:
  Simulation(std::shared_ptr<Instance> instance, const Ask& ask);

  [[nodiscard]] const Plan& plan() const { return plan_; }
  void sample(std::uint64_t seed, const std::string& purpose, std::uint64_t first, std::span<Tape> tapes) const;
  [[nodiscard]] std::vector<Portrait> portraits(std::uint64_t seed, const std::string& purpose) const;
  void finish(const Ask& ask, Answer& answer, const EnsembleResult& result) const;

 private:
  void plan_stationary(const Ask& ask);
  void over_times(NetworkColumns& net, std::span<FastStream> streams, std::span<Tape> tapes) const;
  void over_window(NetworkColumns& net, std::span<FastStream> streams, std::span<Tape> tapes) const;
  void record_matrices(std::vector<CovarianceSums>& phi, std::vector<CovarianceSums>& fields, std::vector<CovarianceSums>& xi, Tape& tape, std::size_t c) const;

  std::shared_ptr<Instance> instance_;
  const RateNetwork& p_;
  bool stationary_;
  std::vector<double> times_;
  Schedule schedule_;
  Plan plan_;
  std::vector<Flag> notes_;
  bool covariance_ = false, fields_ = false, residual_ = false, match_ = false, lags_ = false, shown_ = false, wick_ = false;
  double slope_ = 0;                       // a of mean-field theory
  const Dense* theory_ = nullptr;          // the linear equivalent's matrix
  PairStatistics theory_pairs_;
  double theory_square_ = 0;
  std::size_t phi_lags_ = 0, x_lags_ = 0, matrix_ = 0, x_matrix_ = 0;
  Quadruples quads_;
  std::size_t lag_count_ = 0, lag_stride_ = 1;  // lags kept, in samples
};

Simulation::Simulation(std::shared_ptr<Instance> instance, const Ask& ask) : instance_(std::move(instance)), p_(instance_->p), stationary_(ask.is_stationary()) {
  const bool flow = p_.model.clock == Clock::continuous;
  schedule_.dt = flow ? p_.dt : 1;
  if (stationary_) {
    plan_stationary(ask);
    return;
  }
  times_ = ask.times();
  for (const double t : times_)
    if (!(t >= 0) || !std::isfinite(t)) throw StudyError(fmt::format("network: times start at 0; {} was asked", brief(t)));
  if (times_.back() / schedule_.dt > 1e9) throw StudyError(fmt::format("network: {} steps a trajectory until t = {}; ask for shorter times", brief(times_.back() / schedule_.dt), brief(times_.back())));
  plan_.axes = {{"t", "1", times_}};
  plan_.signals = {{.name = "phi.variance", .lo = 0, .path = true}, {.name = "x.variance", .lo = 0, .path = true}, {.name = "gain.mean"}};
  std::size_t s = 0;
  for (const char* name : {"phi.variance", "x.variance", "gain.mean"}) {
    if (ask.wants(name)) plan_.derived.push_back({.observable = name, .unit = "1", .signals = {s}});
    ++s;
  }
  if (!flow && std::any_of(times_.begin(), times_.end(), [](double t) { return t != std::floor(t); }))
    notes_.push_back({.kind = "note", .text = "time is discrete: at a time between steps the state is that of the step before"});
}

void Simulation::plan_stationary(const Ask& ask) {
  const bool flow = p_.model.clock == Clock::continuous;
  Schedule& s = schedule_;
  s.burn_in = ask.stationary().burn_in.value_or(flow ? 100 : 200);
  s.window = ask.stationary().window.value_or(flow ? 2500 : 10000);
  if (!(s.burn_in >= 0) || !(s.window > 0)) throw StudyError(fmt::format("network: burn-in {} and window {}; the window must be above 0 and the burn-in not negative", exact(s.burn_in), exact(s.window)));
  const auto asked = ask.options.find("sample");
  double interval = asked == ask.options.end() ? 0 : as_number(asked->second);
  if (interval == 0) interval = flow ? 0.5 : 1;
  s.every = static_cast<std::uint64_t>(std::max(1.0, std::round(interval / s.dt)));
  s.burn = static_cast<std::uint64_t>(std::ceil(s.burn_in / s.dt - 1e-9));
  const double samples = std::floor(s.window / (s.dt * static_cast<double>(s.every)) + 1e-9);
  if (samples * static_cast<double>(s.every) + static_cast<double>(s.burn) > 1e9) throw StudyError(fmt::format("network: {} steps a trajectory; ask for a shorter window", brief(samples * static_cast<double>(s.every))));
  if (samples < 4) throw StudyError(fmt::format("network: a window of {} holds {} samples, {} apart; 4 are needed", brief(s.window), brief(samples), brief(s.dt * static_cast<double>(s.every))));
  s.samples = static_cast<std::uint64_t>(samples);

  // What is wanted.
  const auto any = [&](std::initializer_list<const char*> names) { return std::any_of(names.begin(), names.end(), [&](const char* name) { return ask.wants(name); }); };
  match_ = any({"match.slope", "match.agreement", "match.correlation", "match.error"});
  wick_ = ask.wants("wick.slope");
  shown_ = ask.wants("phi.covariance");
  residual_ = ask.wants("residual.rms");
  fields_ = any({"x.covariance", "x.participation"});
  covariance_ = match_ || shown_ || any({"participation", "covariance.rms", "match.ceiling"});
  lags_ = any({"phi.autocovariance", "x.autocovariance", "half.width"});
  const bool theory = match_ || wick_ || residual_ || ask.wants("residual.variance");
  if (theory && !instance_->mean_field().value) {
    notes_.push_back({.kind = "note", .text = "what is compared with theory is left out: " + instance_->mean_field().why});
    match_ = wick_ = residual_ = false;
  } else if (theory) {
    slope_ = instance_->mean_field().value->slope;
  }
  if (match_ || wick_) {
    const Solved<LinearEquivalent>& l = instance_->linear();
    if (!l.value || !instance_->mean_field().value->active) {
      notes_.push_back({.kind = "note", .text = "what is compared with the linear equivalent is left out: " + (l.value ? std::string("the quiet state has no covariances") : l.why)});
      match_ = wick_ = false;
    } else {
      theory_ = &l.value->covariance;
      theory_pairs_ = pair_statistics(*theory_, p_.n);
      for (const double x : *theory_) theory_square_ += x * x;
      if (wick_) quads_ = quadruples(*theory_, p_.n);
    }
  }
  const double n = static_cast<double>(p_.n);
  if (const double bytes = static_cast<double>(grain) * n * n * 16 * ((covariance_ ? 1 : 0) + (residual_ ? 1 : 0) + (fields_ ? 1 : 0)); bytes > memory_limit)
    throw StudyError(fmt::format("network: covariance sums of {} trajectories of N = {} units take {} GB, the limit is {} GB. Lower N, or leave out what needs the matrix (participation, covariance, match, residual)", grain, p_.n,
                                 brief(bytes / 1e9, 3), brief(memory_limit / 1e9, 3)));

  static const std::array<const char*, quantities> names{"phi.variance", "x.variance", "gain.mean", "residual.variance", "Tr S_1 Tr S_2", "Tr S_1 S_2", "pairs S_1 S_2", "pairs S L", "pairs S", "pairs S S", "pairs of halves", "all S L", "residual pairs", "wick", "drift", "half.width", "half.width not reached", "Tr X_1 Tr X_2", "Tr X_1 X_2"};
  for (const char* name : names) plan_.signals.push_back({.name = name});
  const auto add = [&](const char* name, std::vector<std::size_t> signals, std::function<double(std::span<const double>)> f = nullptr) {
    if (ask.wants(name)) plan_.derived.push_back({.observable = name, .unit = "1", .signals = std::move(signals), .f = std::move(f)});
  };
  add("phi.variance", {phi_variance});
  add("x.variance", {x_variance});
  add("gain.mean", {gain_mean});
  if (slope_ != 0) add("residual.variance", {residual_variance});
  if (covariance_) {
    add("participation", {traces, halves}, [n](std::span<const double> m) { return m[0] / (n * m[1]); });
    add("covariance.rms", {pair_halves}, [](std::span<const double> m) { return std::sqrt(std::max(0.0, m[0])); });
    add("match.ceiling", {pair_halves, pair_mean, pair_half_square}, [](std::span<const double> m) {
      const double r = (m[0] - m[1] * m[1]) / (m[2] - m[1] * m[1]);
      return r > 0 ? std::sqrt(2 * r / (1 + r)) : 0.0;
    });
  }
  if (match_) {
    const double mean = theory_pairs_.mean, variance = theory_pairs_.square - mean * mean, square = theory_square_;
    add("match.slope", {pair_cross, pair_mean}, [mean, variance](std::span<const double> m) { return (m[0] - m[1] * mean) / variance; });
    add("match.agreement", {pair_cross, pair_mean, pair_halves}, [mean, variance](std::span<const double> m) { return (m[0] - m[1] * mean) / std::sqrt(variance * std::max(1e-300, m[2] - m[1] * m[1])); });
    add("match.correlation", {pair_cross, pair_mean, pair_square}, [mean, variance](std::span<const double> m) { return (m[0] - m[1] * mean) / std::sqrt(variance * std::max(1e-300, m[2] - m[1] * m[1])); });
    add("match.error", {halves, all_cross}, [square](std::span<const double> m) { return std::sqrt(std::max(0.0, (m[0] - 2 * m[1] + square) / square)); });
  }
  if (residual_) add("residual.rms", {residual_pairs}, [](std::span<const double> m) { return std::sqrt(std::max(0.0, m[0])); });
  if (wick_) add("wick.slope", {wick});
  if (lags_) {
    const Axis lags = lag_axis(p_.model.clock);
    lag_count_ = lags.points.size();
    const double apart = s.dt * static_cast<double>(s.every), lag = lags.points[1];
    lag_stride_ = static_cast<std::size_t>(std::round(lag / apart));
    if (lag_stride_ == 0 || std::abs(static_cast<double>(lag_stride_) * apart - lag) > 1e-9)
      throw StudyError(fmt::format("network: samples are {} apart and lags {}; for autocovariances take a sample interval of which {} is a multiple", brief(apart), brief(lag), brief(lag)));
    if (static_cast<double>(s.samples) < 2.0 * static_cast<double>(lag_count_ * lag_stride_)) throw StudyError(fmt::format("network: a window of {} is too short for lags up to {}", brief(s.window), brief(lags.points.back())));
    phi_lags_ = plan_.signals.size();
    plan_.signals.push_back({.name = "phi.autocovariance", .width = lag_count_});
    x_lags_ = plan_.signals.size();
    plan_.signals.push_back({.name = "x.autocovariance", .width = lag_count_});
    if (ask.wants("phi.autocovariance")) plan_.derived.push_back({.observable = "phi.autocovariance", .unit = "1", .signals = {phi_lags_}, .support = lags});
    if (flow) add("half.width", {width});
    if (ask.wants("x.autocovariance")) plan_.derived.push_back({.observable = "x.autocovariance", .unit = "1", .signals = {x_lags_}, .support = lags});
  }
  if (shown_) {
    matrix_ = plan_.signals.size();
    const std::size_t m = std::min(p_.n, shown_units);
    plan_.signals.push_back({.name = "phi.covariance", .width = m * m});
    Axis pairs{"pair", "1", {}};
    for (std::size_t k = 0; k < m * m; ++k) pairs.points.push_back(static_cast<double>(k));
    plan_.derived.push_back({.observable = "phi.covariance", .unit = "1", .signals = {matrix_}, .support = pairs});
  }
  if (fields_) {
    add("x.participation", {x_traces, x_halves}, [n](std::span<const double> m) { return m[0] / (n * m[1]); });
    x_matrix_ = plan_.signals.size();
    const std::size_t m = std::min(p_.n, shown_units);
    plan_.signals.push_back({.name = "x.covariance", .width = m * m});
    Axis pairs{"pair", "1", {}};
    for (std::size_t k = 0; k < m * m; ++k) pairs.points.push_back(static_cast<double>(k));
    if (ask.wants("x.covariance")) plan_.derived.push_back({.observable = "x.covariance", .unit = "1", .signals = {x_matrix_}, .support = pairs});
  }
  // Effective samples of a covariance: window over the integral of (C_phi(tau)/C_phi(0))^2.
  double effective = static_cast<double>(s.samples);
  if (const auto& m = instance_->mean_field().value; flow && m && m->active) {
    double integral = 0;
    for (const double c : m->phi_autocovariance) integral += 2 * m->step * (c / m->phi_variance) * (c / m->phi_variance);
    effective = std::min(effective, s.window / integral);
  }
  if (covariance_ && effective < n)
    notes_.push_back({.kind = "few-samples", .text = fmt::format("about {} effective samples a trajectory for a covariance matrix of N = {} units: single entries are noisy and a plain participation ratio is biased; the split-half estimates given here are not, but scatter. "
                                                                 "A window of {} would hold N", brief(effective, 3), p_.n, brief(s.window * n / effective, 3))});
  notes_.push_back({.kind = "note", .text = fmt::format("averages over {} samples in a window of {} after a burn-in of {}; errors are those at this coupling matrix", s.samples, brief(s.window), brief(s.burn_in))});
  if (const Structure& structure = instance_->structure(); p_.own && structure.structured) notes_.push_back({.kind = "structured", .text = "the couplings are not independent: " + structure.text});
}

void Simulation::sample(std::uint64_t seed, const std::string& purpose, std::uint64_t first, std::span<Tape> tapes) const {
  for (std::size_t from = 0; from < tapes.size(); from += grain) {  // a batch may be longer than the grain
    const std::size_t columns = std::min<std::size_t>(grain, tapes.size() - from);
    std::vector<FastStream> starts, noise;
    for (std::size_t c = 0; c < columns; ++c) {
      starts.push_back(Stream(seed, first + from + c, purpose + "/start").fast());
      noise.push_back(Stream(seed, first + from + c, purpose + "/noise").fast());
    }
    NetworkColumns net(instance_->single(), p_.model, schedule_.dt, columns);
    net.start(p_.start, starts);
    if (stationary_) over_window(net, noise, tapes.subspan(from, columns));
    else over_times(net, noise, tapes.subspan(from, columns));
  }
}

void Simulation::over_times(NetworkColumns& net, std::span<FastStream> streams, std::span<Tape> tapes) const {
  const double n = static_cast<double>(p_.n);
  double now = 0;
  for (std::size_t i = 0; i < times_.size(); ++i) {
    std::uint64_t steps = 0;
    if (p_.model.clock == Clock::discrete) {
      steps = static_cast<std::uint64_t>(std::floor(times_[i])) - static_cast<std::uint64_t>(std::floor(now));
    } else {
      steps = static_cast<std::uint64_t>(std::ceil((times_[i] - now) / p_.dt - 1e-9));
      if (steps > 0) net.set_step((times_[i] - now) / static_cast<double>(steps));
    }
    for (std::uint64_t k = 0; k < steps; ++k) net.step(streams);
    now = times_[i];
    for (std::size_t c = 0; c < tapes.size(); ++c) {
      const auto x = net.x(c), phi = net.phi(c);
      double slope = 0;
      for (const float v : x) slope += p_.model.gain.slope(static_cast<double>(v));
      tapes[c].record(0, i, dot(phi.data(), phi.data(), p_.n) / n);
      tapes[c].record(1, i, dot(x.data(), x.data(), p_.n) / n);
      tapes[c].record(2, i, slope / n);
    }
  }
}

void Simulation::record_matrices(std::vector<CovarianceSums>& phi, std::vector<CovarianceSums>& fields, std::vector<CovarianceSums>& xi, Tape& tape, std::size_t c) const {
  const std::size_t n = p_.n;
  const double pairs = 0.5 * static_cast<double>(n) * (static_cast<double>(n) - 1);
  if (covariance_) {
    phi[c].close();
    const Dense a = phi[c].half(0), b = phi[c].half(1), whole = phi[c].whole();
    double trace_a = 0, trace_b = 0, diagonal = 0, diagonal_cross = 0;
    for (std::size_t i = 0; i < n; ++i) {
      trace_a += a[i + n * i];
      trace_b += b[i + n * i];
      diagonal += a[i + n * i] * b[i + n * i];
      if (theory_) diagonal_cross += whole[i + n * i] * (*theory_)[i + n * i];
    }
    double off = 0, mean = 0, square = 0, half_square = 0, cross = 0;
    for (std::size_t j = 1; j < n; ++j)
      for (std::size_t i = 0; i < j; ++i) {
        const std::size_t k = i + n * j;
        off += a[k] * b[k];
        mean += whole[k];
        square += whole[k] * whole[k];
        half_square += 0.5 * (a[k] * a[k] + b[k] * b[k]);
        if (theory_) cross += whole[k] * (*theory_)[k];
      }
    tape.record(traces, 0, trace_a * trace_b);
    tape.record(halves, 0, diagonal + 2 * off);
    tape.record(pair_halves, 0, off / pairs);
    tape.record(pair_mean, 0, mean / pairs);
    tape.record(pair_square, 0, square / pairs);
    tape.record(pair_half_square, 0, half_square / pairs);
    tape.record(pair_cross, 0, cross / pairs);
    tape.record(all_cross, 0, diagonal_cross + 2 * cross);
    if (shown_) {
      const std::vector<double> part = shown(whole, n);
      for (std::size_t k = 0; k < part.size(); ++k) tape.record(matrix_, 0, part[k], k);
    }
  }
  if (fields_) {
    fields[c].close();
    const Dense a = fields[c].half(0), b = fields[c].half(1);
    double trace_a = 0, trace_b = 0, both = 0;
    for (std::size_t i = 0; i < n; ++i) trace_a += a[i + n * i], trace_b += b[i + n * i];
    for (std::size_t k = 0; k < n * n; ++k) both += a[k] * b[k];
    tape.record(x_traces, 0, trace_a * trace_b);
    tape.record(x_halves, 0, both);
    const std::vector<double> part = shown(fields[c].whole(), n);
    for (std::size_t k = 0; k < part.size(); ++k) tape.record(x_matrix_, 0, part[k], k);
  }
  if (residual_) {
    xi[c].close();
    const Dense a = xi[c].half(0), b = xi[c].half(1);
    double off = 0;
    for (std::size_t j = 1; j < n; ++j)
      for (std::size_t i = 0; i < j; ++i) off += a[i + n * j] * b[i + n * j];
    tape.record(residual_pairs, 0, off / pairs);
  }
}

void Simulation::over_window(NetworkColumns& net, std::span<FastStream> streams, std::span<Tape> tapes) const {
  const std::size_t n = p_.n, columns = tapes.size();
  const double count = static_cast<double>(schedule_.samples), size = static_cast<double>(n);
  for (std::uint64_t k = 0; k < schedule_.burn; ++k) net.step(streams);
  const std::uint64_t first_half = schedule_.samples / 2;
  std::vector<CovarianceSums> phi, fields, xi, products;
  for (std::size_t c = 0; c < columns; ++c) {
    if (covariance_) phi.emplace_back(n, first_half);
    if (fields_) fields.emplace_back(n, first_half);
    if (residual_) xi.emplace_back(n, first_half);
    if (wick_) products.emplace_back(quads_.pair.size(), first_half);
  }
  struct Moments {
    std::array<std::vector<double>, 2> x, f;  // sums over halves
    double xx = 0, ff = 0, slope = 0, xi = 0;
    std::vector<float> ring_f, ring_x;  // the last samples, for lags
    std::vector<double> lag_f, lag_x, pairs;
  };
  std::vector<Moments> moment(columns);
  const std::size_t ring = lags_ ? (lag_count_ - 1) * lag_stride_ + 1 : 0;
  for (Moments& m : moment) {
    for (auto* v : {&m.x[0], &m.x[1], &m.f[0], &m.f[1]}) v->assign(n, 0.0);
    m.ring_f.resize(ring * n);
    m.ring_x.resize(ring * n);
    m.lag_f.assign(lag_count_, 0.0);
    m.lag_x.assign(lag_count_, 0.0);
    m.pairs.assign(lag_count_, 0.0);
  }
  std::vector<float> residual(n), product(quads_.pair.size());
  std::size_t slopes = 0;
  const float a = static_cast<float>(slope_);
  for (std::uint64_t s = 0; s < schedule_.samples; ++s) {
    for (std::uint64_t k = 0; k < schedule_.every; ++k) net.step(streams);
    const bool look = s % slope_every == 0;
    slopes += look;
    for (std::size_t c = 0; c < columns; ++c) {
      const auto x = net.x(c), f = net.phi(c);
      Moments& m = moment[c];
      std::vector<double> &sum_x = m.x[s < first_half ? 0 : 1], &sum_f = m.f[s < first_half ? 0 : 1];
      for (std::size_t i = 0; i < n; ++i) {
        sum_x[i] += static_cast<double>(x[i]);
        sum_f[i] += static_cast<double>(f[i]);
      }
      m.xx += dot(x.data(), x.data(), n);
      m.ff += dot(f.data(), f.data(), n);
      if (look)
        for (std::size_t i = 0; i < n; ++i) m.slope += p_.model.gain.slope(static_cast<double>(x[i]));
      if (slope_ != 0) {
        for (std::size_t i = 0; i < n; ++i) residual[i] = f[i] - a * x[i];
        m.xi += dot(residual.data(), residual.data(), n);
      }
      if (covariance_) phi[c].add(f);
      if (fields_) fields[c].add(x);
      if (residual_) xi[c].add(residual);
      if (wick_) {
        for (std::size_t k = 0; k < product.size(); ++k) product[k] = f[quads_.pair[k].first] * f[quads_.pair[k].second];
        products[c].add(product);
      }
      if (ring > 0) {
        const std::size_t at = s % ring;
        std::copy(f.begin(), f.end(), m.ring_f.begin() + static_cast<std::ptrdiff_t>(at * n));
        std::copy(x.begin(), x.end(), m.ring_x.begin() + static_cast<std::ptrdiff_t>(at * n));
        for (std::size_t l = 0; l < lag_count_ && l * lag_stride_ <= s; ++l) {
          const std::size_t earlier = (s - l * lag_stride_) % ring;
          m.lag_f[l] += dot(f.data(), &m.ring_f[earlier * n], n) / size;
          m.lag_x[l] += dot(x.data(), &m.ring_x[earlier * n], n) / size;
          m.pairs[l] += 1;
        }
      }
    }
  }
  for (std::size_t c = 0; c < columns; ++c) {
    Moments& m = moment[c];
    // Products of the means of the two halves: see CovarianceSums.
    double mean_ff = 0, mean_xx = 0, mean_residual = 0;
    const double one = static_cast<double>(first_half), two = count - one;
    for (std::size_t i = 0; i < n; ++i) {
      const double f1 = m.f[0][i] / one, f2 = m.f[1][i] / two, x1 = m.x[0][i] / one, x2 = m.x[1][i] / two;
      mean_ff += f1 * f2 / size;
      mean_xx += x1 * x2 / size;
      mean_residual += (f1 - slope_ * x1) * (f2 - slope_ * x2) / size;
    }
    const double variance_f = m.ff / (count * size) - mean_ff, variance_x = m.xx / (count * size) - mean_xx;
    Tape& tape = tapes[c];
    tape.record(phi_variance, 0, variance_f);
    tape.record(x_variance, 0, variance_x);
    tape.record(gain_mean, 0, m.slope / (static_cast<double>(slopes) * size));
    tape.record(residual_variance, 0, m.xi / (count * size) - mean_residual);
    tape.record(drift, 0, mean_xx);
    if (lags_) {
      std::vector<double> delta(lag_count_);
      for (std::size_t l = 0; l < lag_count_; ++l) {
        delta[l] = m.lag_x[l] / m.pairs[l] - mean_xx;
        tape.record(phi_lags_, 0, m.lag_f[l] / m.pairs[l] - mean_ff, l);
        tape.record(x_lags_, 0, delta[l], l);
      }
      const std::vector<double> lag = lag_axis(p_.model.clock).points;
      std::size_t k = 1;
      while (k < lag_count_ && delta[k] > 0.5 * delta[0]) ++k;
      if (k == lag_count_) {
        tape.record(unreached, 0, 1);
        tape.record(width, 0, lag.back());
      } else {
        tape.record(width, 0, lag[k - 1] + (lag[k] - lag[k - 1]) * (delta[k - 1] - 0.5 * delta[0]) / (delta[k - 1] - delta[k]));
      }
    }
    record_matrices(phi, fields, xi, tape, c);
    if (wick_) {
      products[c].close();
      const std::size_t pairs = quads_.pair.size();
      const Dense moment4 = products[c].second_moments();
      double sum = 0;
      for (std::size_t p = 0; p < pairs; ++p)
        for (std::size_t q = 0; q < p; ++q) sum += quads_.wick[p * pairs + q] * moment4[p + pairs * q];
      tape.record(wick, 0, sum / quads_.square);
    }
  }
}

std::vector<Portrait> Simulation::portraits(std::uint64_t seed, const std::string& purpose) const {
  const bool flow = p_.model.clock == Clock::continuous;
  const std::size_t n = p_.n, units = std::min<std::size_t>(n, 60);
  std::vector<FastStream> starts{Stream(seed, 0, purpose + "/start").fast()}, noise{Stream(seed, 0, purpose + "/noise").fast()};
  NetworkColumns net(instance_->single(), p_.model, schedule_.dt, 1);
  net.start(p_.start, starts);
  std::vector<Portrait> out;
  const std::size_t frames = 300;
  const double between = stationary_ ? (flow ? 0.25 : 1) : times_.back() / static_cast<double>(frames);
  if (!(between > 0)) return out;
  const auto steps = static_cast<std::uint64_t>(std::max(1.0, std::round(between / schedule_.dt)));
  if (stationary_)
    for (std::uint64_t k = 0; k < schedule_.burn; ++k) net.step(noise);
  Axis rows{"i", "unit", {}}, columns{"t", "1", {}};
  for (std::size_t i = 1; i <= units; ++i) rows.points.push_back(static_cast<double>(i));
  std::vector<double> value(units * frames);
  for (std::size_t f = 0; f < frames; ++f) {
    columns.points.push_back(static_cast<double>(f * steps) * schedule_.dt);
    for (std::size_t i = 0; i < units; ++i) value[i * frames + f] = static_cast<double>(net.phi(0)[i]);
    for (std::uint64_t k = 0; k < steps && f + 1 < frames; ++k) net.step(noise);
  }
  out.push_back({.name = "activity", .title = fmt::format("activity of {} units{}", units, stationary_ ? ", burn-in left out" : ""), .unit = "phi(x)", .axes = {rows, columns}, .value = std::move(value), .categories = {}});
  if (stationary_ && theory_ && covariance_) {
    CovarianceSums sums(n, schedule_.samples / 2);
    for (std::uint64_t s = 0; s < schedule_.samples; ++s) {
      for (std::uint64_t k = 0; k < schedule_.every; ++k) net.step(noise);
      sums.add(net.phi(0));
    }
    sums.close();
    out.push_back(matrix_portrait(sums.whole(), *theory_, n, "covariances: simulated below the diagonal, linear equivalent above"));
  }
  return out;
}

void Simulation::finish(const Ask& ask, Answer& answer, const EnsembleResult& result) const {
  for (Estimate& e : answer.estimates)
    if (e.observable == "phi.covariance" || e.observable == "x.covariance") e.axes = unit_axes(p_.n);
  for (std::size_t i = 0; i < result.signal_mean.size(); ++i)
    if (!std::isfinite(result.signal_mean[i])) {
      answer.flags.push_back({.kind = "diverged", .text = fmt::format("activity is not finite: gain '{}' is unbounded and the couplings are too strong (g = {})", p_.model.gain.text(), brief(p_.model.g)), .fatal = true});
      break;
    }
  if (stationary_ && ask.wants("half.width") && result.signal_mean.size() > unreached && result.signal_mean[unreached] > 0)
    answer.flags.push_back({.kind = "truncated", .observable = "half.width", .text = fmt::format("Delta has not fallen to one half within tau = {} in {} % of the trajectories: the value is a lower bound", brief(lag_axis(p_.model.clock).points.back()), brief(100 * result.signal_mean[unreached], 3))});
  if (stationary_ && result.signal_mean.size() > drift) {
    const double still = result.signal_mean[drift], moving = result.signal_mean[x_variance];
    if (p_.model.gain.is_odd() && still > 0.2 * moving && still > 1e-12)
      answer.flags.push_back({.kind = "not-mixed", .text = fmt::format("time averages of single units hold {} % of <x^2>: activity sits in a fixed point or forgets more slowly than the window", brief(100 * still / (still + moving), 3))});
  }
  answer.why = p_.model.clock == Clock::discrete ? fmt::format("N = {}, steps of 1", p_.n) : fmt::format("N = {}, exponential Heun, dt = {}", p_.n, brief(p_.dt));
  answer.flags.insert(answer.flags.end(), notes_.begin(), notes_.end());
}

struct Sampled {
  std::shared_ptr<const Simulation> simulation;
  [[nodiscard]] Plan plan(const Ask&) const { return simulation->plan(); }
  void sample_batch(const Ask&, const Plan&, std::uint64_t seed, const std::string& purpose, std::uint64_t first, std::span<Tape> tapes) const { simulation->sample(seed, purpose, first, tapes); }
  [[nodiscard]] std::vector<Portrait> portraits(const Ask&, const Plan&, std::uint64_t seed, const std::string& purpose) const { return simulation->portraits(seed, purpose); }
};

}  // namespace

Level network_level(const std::shared_ptr<Instance>& instance) {
  Level level;
  level.info = {.name = "network",
                .rung = Rung::micro,
                .doc = "simulation of the network; a trajectory is a random start and its noise on the coupling matrix of the case",
                .source = "Sompolinsky, Crisanti, Sommers (1988), doi:10.1103/PhysRevLett.61.259",
                .options = {{.name = "sample", .unit = "1", .doc = "time between samples of a stationary question; 0: every step, or 0.5 in continuous time", .type = ParameterInfo::Type::real, .fallback = Value(0.0), .min = 0, .max = 1000}},
                .sampled = true,
                .grain = grain};
  level.run = [instance](const Ask& ask, Context& context) {
    const auto simulation = std::make_shared<const Simulation>(instance, ask);
    if (simulation->plan().derived.empty()) return Answer{};
    return sampled(Sampled{simulation}, grain, [simulation](const Ask& asked, const EnsembleResult& result, Answer& answer) { simulation->finish(asked, answer, result); })(ask, context);
  };
  level.plan = [instance](const Ask& ask) -> std::vector<std::string> {
    const RateNetwork& p = instance->p;
    const double dt = p.model.clock == Clock::discrete ? 1 : p.dt;
    const double end = ask.is_stationary() ? ask.stationary().burn_in.value_or(100) + ask.stationary().window.value_or(p.model.clock == Clock::discrete ? 10000 : 2500) : ask.times().back();
    return {fmt::format("{} steps of N^2 = {} couplings a trajectory", brief(end / dt, 3), brief(static_cast<double>(p.n * p.n), 3))};
  };
  return level;
}

}  // namespace meso::neuron
