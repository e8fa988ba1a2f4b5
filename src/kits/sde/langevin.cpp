#include "kits/sde/langevin.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>

#include "base/error.h"
#include "base/text.h"
#include "kits/sde/fokker_planck.h"
#include "kits/sde/observables.h"
#include "kits/sde/scheme.h"
#include "rng/stream.h"

namespace meso::sde {
namespace {

using Kind = ObservableName::Kind;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// What a trajectory writes of one monomial, on three step sizes: the value at h, and the differences h - 2h and 2h - 4h.
struct Term {
  std::size_t a = 0, b = 0;     ///< variables
  int degree = 1;               ///< 1: x_a, 2: (x_a - c_a)(x_b - c_b)
  std::size_t fine = 0, d1 = 0, d2 = 0;  ///< signals
};
struct Bins {
  std::size_t a = 0;
  std::size_t fine = 0, d1 = 0, d2 = 0;  ///< d1, d2: differences of the distribution function
  Axis axis;
};

class Ensemble {
 public:
  Ensemble(std::shared_ptr<const Process> process, const Ask& ask);
  [[nodiscard]] Plan plan(const Ask&) const { return plan_; }
  void sample(const Ask&, const Plan&, std::uint64_t seed, const std::string& purpose, std::uint64_t id, Tape& tape) const;
  void finish(const EnsembleResult& result, Answer& answer) const;
  [[nodiscard]] std::uint64_t grain() const { return grain_; }
  [[nodiscard]] bool empty() const { return names_.empty(); }
  [[nodiscard]] std::string why() const { return fmt::format("{}, step {}", to_text(scheme_), brief(step_)); }

 private:
  std::size_t term(std::size_t a, std::size_t b, int degree);
  void add(const std::string& name);
  [[nodiscard]] std::size_t signal(Signal s) {
    plan_.signals.push_back(std::move(s));
    return plan_.signals.size() - 1;
  }
  [[nodiscard]] double monomial(const Term& t, const double* x) const { return t.degree == 1 ? x[t.a] : (x[t.a] - centre_[t.a]) * (x[t.b] - centre_[t.b]); }

  std::shared_ptr<const Process> process_;
  Scheme scheme_;
  Integrator integrator_;
  bool stationary_ = false, step_bound_ = true;
  std::vector<double> times_;           // ends of the intervals that are integrated
  double burn_in_ = 0, window_ = 0, step_ = 0;
  std::vector<std::size_t> steps_;      // per interval, multiples of 4
  std::vector<double> centre_, dispersed_;
  Reach reach_;
  Plan plan_;
  std::vector<std::string> names_;
  std::vector<Term> terms_;
  std::vector<Bins> bins_;
  std::vector<std::array<std::size_t, 4>> groups_;  // variable, signals: by group, square, square by group
  std::size_t runaway_ = 0;
  std::uint64_t grain_ = 1;
  std::vector<Flag> notes_;
};

bool bounds_step(const Ask& ask) {
  const auto given = ask.options.find("step-bound");
  return given == ask.options.end() || std::get<bool>(given->second.data);
}

Scheme scheme_of(const Ask& ask) {
  const auto given = ask.options.find("scheme");
  return given == ask.options.end() ? Scheme::platen : scheme_from_text(std::get<std::string>(given->second.data));
}

Ensemble::Ensemble(std::shared_ptr<const Process> process, const Ask& ask)
    : process_(std::move(process)), scheme_(scheme_of(ask)), integrator_(*process_, scheme_), stationary_(ask.is_stationary()), step_bound_(bounds_step(ask)) {
  const std::size_t n = process_->size();
  if (stationary_) {
    const Stationary& when = ask.stationary();
    if (!when.burn_in || !when.window) {
      const auto slow = slow_time(*process_);
      if (!slow)
        throw StudyError(n > 2 ? fmt::format("langevin: the slow time is known in one and two dimensions only and this process has {}: give [stationary] burn-in and window", n)
                               : std::string("langevin: no slow time was found, perhaps because there is no stationary law: give [stationary] burn-in and window"));
      notes_.push_back({.kind = "note", .text = fmt::format("slow time {} (1 / spectral gap of the Fokker-Planck operator)", brief(*slow))});
      burn_in_ = when.burn_in.value_or(10 * *slow);
      window_ = when.window.value_or(50 * *slow);
    } else {
      burn_in_ = *when.burn_in;
      window_ = *when.window;
    }
    if (!(window_ > 0) || !(burn_in_ >= 0)) throw StudyError(fmt::format("langevin: burn-in {} and window {}; the window must be above 0 and the burn-in not negative", exact(burn_in_), exact(window_)));
    notes_.push_back({.kind = "note", .text = fmt::format("averages over {} after a burn-in of {}", brief(window_, 6), brief(burn_in_, 6))});
    times_ = {burn_in_, burn_in_ + window_};
    dispersed_ = dispersed_start(*process_);
  } else {
    times_ = ask.times();
    plan_.axes.push_back({"t", process_->time_unit, times_});
  }
  const double end = times_.empty() ? 0 : times_.back();
  reach_ = reach_of(*process_, end_of(ask, 20));  // with the same end as the other levels take: the bins must agree
  for (std::size_t i = 0; i < n; ++i) centre_.push_back(0.5 * (reach_.low[i] + reach_.high[i]));

  const auto given = ask.options.find("step");
  step_ = given == ask.options.end() ? 0 : as_number(given->second);
  if (!(step_ > 0)) step_ = natural_step(*process_, end);
  double total = 0, before = 0;
  for (const double t : times_) {
    const double count = std::ceil((t - before) / step_ / 4 - 1e-9) * 4;
    total += count;
    if (!(total < 1e9)) throw StudyError(fmt::format("langevin: {} steps of {} a trajectory until t = {}: give a larger step", brief(total), brief(step_), brief(end)));
    steps_.push_back(static_cast<std::size_t>(std::max(count, 0.0)));
    before = t;
  }

  for (const std::string& name : ask.observables) add(name);
  if (names_.empty()) return;
  if (stationary_)
    for (std::size_t k = 0, own = terms_.size(); k < own; ++k)
      if (terms_[k].degree == 1) {
        const std::string& x = process_->ito.variables[terms_[k].a];
        groups_.push_back({terms_[k].a, signal({.name = x + " by group"}), signal({.name = x + " average squared"}), signal({.name = x + " average squared by group"})});
      }
  runaway_ = signal({.name = "runaway", .lo = 0, .hi = 1});
  while (grain_ < 1024 && static_cast<double>(grain_) * total < 1e5 && grain_ * plan_.tape_size() < 2'000'000) grain_ *= 2;
}

std::size_t Ensemble::term(std::size_t a, std::size_t b, int degree) {
  for (std::size_t k = 0; k < terms_.size(); ++k)
    if (terms_[k].a == a && terms_[k].b == b && terms_[k].degree == degree) return k;
  const std::vector<std::string>& names = process_->ito.variables;
  const std::string text = degree == 1 ? names[a] : fmt::format("({} - {})({} - {})", names[a], brief(centre_[a]), names[b], brief(centre_[b]));
  Term t{a, b, degree};
  t.fine = signal({.name = text, .path = degree == 1});
  t.d1 = signal({.name = text + " step h - 2h"});
  t.d2 = signal({.name = text + " step 2h - 4h"});
  terms_.push_back(t);
  return terms_.size() - 1;
}

void Ensemble::add(const std::string& name) {
  const auto what = parse_observable(*process_, name);
  if (!what || std::find(names_.begin(), names_.end(), name) != names_.end()) return;
  names_.push_back(name);
  const std::size_t a = what->a, b = what->b;
  std::vector<double> exact(plan_.points(), 0.0);
  if (!stationary_)
    for (std::size_t i = 0; i < times_.size(); ++i) exact[i] = times_[i] == 0 && process_->initial_sd[a] == 0 && process_->initial_sd[b] == 0 ? 1 : 0;
  Derived value{.observable = name, .unit = "1", .exact = exact}, d1{.observable = name + " D1", .unit = "1"}, d2{.observable = name + " D2", .unit = "1"};
  if (what->kind == Kind::mean) {
    const Term& t = terms_[term(a, a, 1)];
    value.signals = {t.fine};
    d1.signals = {t.d1};
    d2.signals = {t.d2};
  } else if (what->kind == Kind::distribution) {
    Bins bins;
    bins.a = a;
    bins.axis = law_axis(*process_, reach_, a);
    const std::size_t width = bins.axis.points.size();
    bins.fine = signal({.name = name, .width = width, .lo = 0, .hi = 1});
    bins.d1 = signal({.name = name + " step h - 2h", .width = width, .lo = -1, .hi = 1});
    bins.d2 = signal({.name = name + " step 2h - 4h", .width = width, .lo = -1, .hi = 1});
    value.signals = {bins.fine};
    value.support = bins.axis;
    value.is_distribution = true;
    d1.signals = {bins.d1};
    d2.signals = {bins.d2};
    d1.support = d2.support = bins.axis;
    bins_.push_back(std::move(bins));
  } else {
    const Term x = terms_[term(a, a, 1)], y = terms_[term(b, b, 1)], xy = terms_[term(std::min(a, b), std::max(a, b), 2)];
    const double ca = centre_[a], cb = centre_[b];
    // signals: x, y, xy, their h - 2h, their 2h - 4h; a covariance at 2h is made of what h and h - 2h say.
    const auto covariance = [ca, cb](double mx, double my, double mxy) { return mxy - (mx - ca) * (my - cb); };
    if (a == b) {
      value.signals = {x.fine, xy.fine};
      value.f = [covariance](std::span<const double> m) { return covariance(m[0], m[0], m[1]); };
      d1.signals = {x.fine, x.d1, xy.d1};
      d1.f = [ca](std::span<const double> m) { return m[2] - m[1] * (2 * (m[0] - ca) - m[1]); };
      d2.signals = {x.fine, x.d1, x.d2, xy.d2};
      d2.f = [ca](std::span<const double> m) { return m[3] - m[2] * (2 * (m[0] - m[1] - ca) - m[2]); };
    } else {
      value.signals = {x.fine, y.fine, xy.fine};
      value.f = [covariance](std::span<const double> m) { return covariance(m[0], m[1], m[2]); };
      d1.signals = {x.fine, y.fine, x.d1, y.d1, xy.d1};
      d1.f = [ca, cb](std::span<const double> m) { return m[4] - ((m[0] - ca) * (m[1] - cb) - (m[0] - m[2] - ca) * (m[1] - m[3] - cb)); };
      d2.signals = {x.fine, y.fine, x.d1, y.d1, x.d2, y.d2, xy.d2};
      d2.f = [ca, cb](std::span<const double> m) {
        const double mx = m[0] - m[2] - ca, my = m[1] - m[3] - cb;
        return m[6] - (mx * my - (mx - m[4]) * (my - m[5]));
      };
    }
  }
  plan_.derived.push_back(std::move(value));
  plan_.derived.push_back(std::move(d1));
  plan_.derived.push_back(std::move(d2));
}

void Ensemble::sample(const Ask&, const Plan&, std::uint64_t seed, const std::string& purpose, std::uint64_t id, Tape& tape) const {
  const std::size_t n = process_->size(), m = integrator_.noises();
  FastStream noise = Stream(seed, id, purpose + "/noise").fast();
  std::array<std::vector<double>, 3> z;
  z[0].assign(n + 1, 0.0);
  const bool odd = stationary_ && (id & 1) != 0;
  for (std::size_t i = 0; i < n; ++i) {
    const double spread = process_->initial_sd[i] > 0 ? process_->initial_sd[i] * noise.normal() : 0.0;
    z[0][i] = (odd ? dispersed_ : process_->initial)[i] + spread;
  }
  process_->reflect(z[0].data());
  z[1] = z[2] = z[0];
  Integrator::Scratch scratch = integrator_.scratch();
  std::vector<double> dw(m), dw2(m), dw4(m);
  // Time averages of every term on the three step sizes.
  std::vector<std::array<double, 3>> average(stationary_ ? terms_.size() : 0, {0, 0, 0});

  double before = 0;
  for (std::size_t i = 0; i < times_.size(); ++i) {
    const std::size_t steps = steps_[i];
    const double dt = steps > 0 ? (times_[i] - before) / static_cast<double>(steps) : 0, root = std::sqrt(dt);
    const bool averaging = stationary_ && i == 1;
    const auto gather = [&](std::size_t level, double weight) {
      for (std::size_t k = 0; k < terms_.size(); ++k) average[k][level] += weight * monomial(terms_[k], z[level].data());
    };
    const double share = averaging ? dt / window_ : 0;
    for (std::size_t s = 0; s < steps; s += 4) {
      std::fill(dw4.begin(), dw4.end(), 0.0);
      for (std::size_t half = 0; half < 2; ++half) {
        std::fill(dw2.begin(), dw2.end(), 0.0);
        for (int q = 0; q < 2; ++q) {
          for (std::size_t k = 0; k < m; ++k) {
            dw[k] = root * noise.normal();
            dw2[k] += dw[k];
          }
          integrator_.step(z[0].data(), dt, dw.data(), integrator_.uses_signs() ? noise.bits() : 0, scratch);
          if (averaging) gather(0, share);
        }
        for (std::size_t k = 0; k < m; ++k) dw4[k] += dw2[k];
        integrator_.step(z[1].data(), 2 * dt, dw2.data(), integrator_.uses_signs() ? noise.bits() : 0, scratch);
        if (averaging) gather(1, 2 * share);
      }
      integrator_.step(z[2].data(), 4 * dt, dw4.data(), integrator_.uses_signs() ? noise.bits() : 0, scratch);
      if (averaging) gather(2, 4 * share);
    }
    for (auto& state : z) state[n] = times_[i];
    before = times_[i];
    bool finite = true;
    for (std::size_t x = 0; x < n; ++x) finite = finite && std::isfinite(z[0][x]);
    if (stationary_ && i == 0) continue;
    const std::size_t at = stationary_ ? 0 : i;
    tape.record(runaway_, at, finite ? 0 : 1);
    for (std::size_t k = 0; k < terms_.size(); ++k) {
      const Term& t = terms_[k];
      std::array<double, 3> v{};
      for (std::size_t level = 0; level < 3; ++level) v[level] = stationary_ ? average[k][level] : monomial(t, z[level].data());
      tape.record(t.fine, at, v[0]);
      tape.record(t.d1, at, v[0] - v[1]);
      tape.record(t.d2, at, v[1] - v[2]);
    }
    for (const Bins& b : bins_) {
      std::array<std::size_t, 3> bin{};
      for (std::size_t level = 0; level < 3; ++level) {
        const auto upper = std::lower_bound(b.axis.points.begin(), b.axis.points.end() - 1, z[level][b.a]);
        bin[level] = static_cast<std::size_t>(upper - b.axis.points.begin());
      }
      tape.record(b.fine, at, 1, bin[0]);
      const auto difference = [&](std::size_t s, std::size_t p, std::size_t q) {  // 1{bin p <= k} - 1{bin q <= k}
        for (std::size_t k = std::min(p, q); k < std::max(p, q); ++k) tape.record(s, at, p < q ? 1 : -1, k);
      };
      difference(b.d1, bin[0], bin[1]);
      difference(b.d2, bin[1], bin[2]);
    }
    for (const auto& [x, by_group, square, square_by_group] : groups_) {
      double own = nan;
      for (std::size_t k = 0; k < terms_.size(); ++k)
        if (terms_[k].degree == 1 && terms_[k].a == x) own = average[k][0] - centre_[x];
      const double sign = odd ? -1 : 1;
      tape.record(by_group, at, sign * own);
      tape.record(square, at, own * own);
      tape.record(square_by_group, at, sign * own * own);
    }
  }
}

void Ensemble::finish(const EnsembleResult& result, Answer& answer) const {
  answer.why = why();
  std::vector<std::size_t> offset;
  std::size_t stride = 0;
  for (const Signal& s : plan_.signals) {
    offset.push_back(stride);
    stride += s.width;
  }
  const auto mean = [&](std::size_t s, std::size_t i) { return result.signal_mean[i * stride + offset[s]]; };

  std::vector<Estimate> kept;
  const double theory = weak_order(scheme_, process_->noise);
  std::vector<std::string> orders;
  bool coarse_failed = false;
  for (std::size_t k = 0; k + 2 < answer.estimates.size(); k += 3) {
    Estimate e = answer.estimates[k];
    const Estimate &d1 = answer.estimates[k + 1], &d2 = answer.estimates[k + 2];
    double size1 = 0, size2 = 0, error1 = 0, error2 = 0;
    for (std::size_t i = 0; i < e.size(); ++i) {
      size1 += d1.value[i] * d1.value[i];
      size2 += d2.value[i] * d2.value[i];
      error1 += d1.se(i) * d1.se(i);
      error2 += d2.se(i) * d2.se(i);
    }
    double p = theory;
    if (size1 > 16 * error1 && size2 > 16 * error2 && std::isfinite(size2) && size1 > 0) {
      const double measured = 0.5 * std::log2(size2 / size1);
      orders.push_back(fmt::format("{} {}", e.observable, brief(measured, 3)));
      p = std::clamp(measured, 0.3, theory);
    }
    const double factor = 1 / (std::exp2(p) - 1);
    e.error_bound.assign(e.size(), 0.0);
    if (!step_bound_) {
      kept.push_back(std::move(e));
      continue;
    }
    const auto bound_at = [&](std::size_t i) {
      const double bound = factor * std::abs(d1.value[i]) + 3 * d1.se(i);
      coarse_failed = coarse_failed || !std::isfinite(bound);
      return bound;
    };
    if (e.is_distribution) {
      // One bound for the distribution function, at its first bin: bounds add up along the support.
      const std::size_t width = e.axes.back().points.size();
      for (std::size_t i = 0; i < e.size() / width; ++i)
        for (std::size_t b = 0; b < width; ++b) e.error_bound[i * width] = std::max(e.error_bound[i * width], bound_at(i * width + b));
    } else {
      for (std::size_t i = 0; i < e.size(); ++i) e.error_bound[i] = e.is_exact(i) ? 0.0 : bound_at(i);
    }
    kept.push_back(std::move(e));
  }
  answer.estimates = std::move(kept);
  answer.flags.push_back({.kind = "note", .text = fmt::format("{}, step {}{}", to_text(scheme_), brief(step_), orders.empty() ? std::string("; its error is below the sampling error of coupled paths")
                                                                                                                              : "; measured orders in the step: " + join(orders))});
  for (std::size_t i = 0; i < plan_.points(); ++i)
    if (const double share = mean(runaway_, i); share > 0) {
      Flag flag{.kind = "diverged", .text = fmt::format("langevin: {} % of the trajectories are not finite{}: the process explodes, or the step {} is too large", brief(100 * share, 3),
                                                        stationary_ ? "" : " at t = " + brief(times_[i]), brief(step_)), .fatal = true};
      if (!stationary_) flag.where["t"] = times_[i];
      answer.flags.push_back(std::move(flag));
      coarse_failed = false;
      break;
    }
  if (!step_bound_) answer.flags.push_back({.kind = "note", .text = fmt::format("no bound of the step's error: the {} chain with step {} is judged as it is", to_text(scheme_), brief(step_))});
  if (coarse_failed)
    answer.flags.push_back({.kind = "step-collapse", .text = fmt::format("langevin: trajectories are finite with step {} but not with twice that: the step is too large to bound its error", brief(step_)), .fatal = true});

  if (!stationary_) return;
  const double n = static_cast<double>(result.trajectories), n_even = std::ceil(n / 2), n_odd = n - n_even;
  if (n_odd < 8) {
    answer.flags.push_back({.kind = "note", .text = fmt::format("mixing was not tested: {} trajectories, 16 are needed", result.trajectories)});
  } else {
    for (const auto& [x, by_group, square, square_by_group] : groups_) {
      const double c = centre_[x];
      double all = nan;
      for (const Term& t : terms_)
        if (t.degree == 1 && t.a == x) all = mean(t.fine, 0) - c;
      const auto of_group = [&](double both, double signed_both, double sign, double count) { return n * (both + sign * signed_both) / (2 * count); };
      const double even = of_group(all, mean(by_group, 0), 1, n_even), odd = of_group(all, mean(by_group, 0), -1, n_odd);
      const double even_square = of_group(mean(square, 0), mean(square_by_group, 0), 1, n_even), odd_square = of_group(mean(square, 0), mean(square_by_group, 0), -1, n_odd);
      const double even_error = std::sqrt(std::max(0.0, even_square - even * even) / (n_even - 1)), odd_error = std::sqrt(std::max(0.0, odd_square - odd * odd) / (n_odd - 1));
      const double error = std::hypot(even_error, odd_error);
      if (!(std::abs(even - odd) > 4 * error + 1e-9 * (std::abs(even + c) + std::abs(odd + c)))) continue;
      const std::string& name = process_->ito.variables[x];
      answer.flags.push_back({.kind = "not-mixed", .observable = "",
                              .text = fmt::format("{0}.mean is {1} +- {2} from {0} = {3} and {4} +- {5} from {0} = {6}: {7} of their errors apart after a burn-in of {8} and a window of {9}", name, brief(even + c, 5),
                                                  brief(even_error, 2), brief(process_->initial[x]), brief(odd + c, 5), brief(odd_error, 2), brief(dispersed_[x]), brief(std::abs(even - odd) / error, 3),
                                                  brief(burn_in_), brief(window_))});
    }
  }
  answer.flags.insert(answer.flags.end(), notes_.begin(), notes_.end());
}

}  // namespace

double natural_step(const Process& process, double end) {
  const std::size_t n = process.size();
  std::vector<std::string> slots = process.ito.variables;
  slots.emplace_back("t");
  std::vector<num::Program> rates;          // d a_i / d x_j
  std::vector<num::Program> amplitudes;     // d b_ik / d x_j
  for (std::size_t j = 0; j < n; ++j) {
    for (const num::Formula& a : process.ito.drift) rates.emplace_back(a.derivative(slots[j]), slots);
    for (const num::Formula& b : process.ito.amplitude) amplitudes.emplace_back(b.derivative(slots[j]), slots);
  }
  const Reach reach = reach_of(process, end);
  Stream points(0, 0, "sde/step");
  double fastest = end > 0 ? 1 / end : 1;
  std::vector<double> z(n + 1);
  for (int k = 0; k < 256; ++k) {
    // The padding of the reach is a quarter on each side: inner points only.
    for (std::size_t i = 0; i < n; ++i) z[i] = reach.low[i] + (reach.high[i] - reach.low[i]) * (1.0 / 6 + 2.0 / 3 * points.uniform());
    z[n] = end * points.uniform();
    double rate = 0, square = 0;
    for (const num::Program& p : rates)
      if (const double v = p(z); std::isfinite(v)) rate = std::max(rate, std::abs(v));
    for (const num::Program& p : amplitudes)
      if (const double v = p(z); std::isfinite(v)) square = std::max(square, v * v);
    fastest = std::max(fastest, rate + square);
  }
  return 0.05 / fastest;
}

std::vector<double> dispersed_start(const Process& process) {
  const Reach reach = reach_of(process, 20);
  const std::size_t n = process.size();
  std::vector<double> far(n);
  if (n == 1 && !process.time_dependent) {
    try {
      const Box box = box_for(process, reach, std::nullopt, 1e-8);
      FokkerPlanckGrid grid(process, box, 400);
      grid.make_stationary();
      double below = 0, low = box.low[0], high = box.high[0];
      bool seen = false;
      for (std::size_t k = 0; k < grid.size(); ++k) {
        below += grid.p()[k];
        if (!seen && below > 0.025) {
          low = grid.centre(0, k);
          seen = true;
        }
        if (below < 0.975) high = grid.centre(0, k);
      }
      const double x0 = process.initial[0];
      return {std::abs(low - x0) > std::abs(high - x0) ? low : high};
    } catch (const NumericalBreakdown&) {
    }
  }
  for (std::size_t i = 0; i < n; ++i) {
    const double middle = 0.5 * (reach.low[i] + reach.high[i]), half = 0.5 * (reach.high[i] - reach.low[i]);
    far[i] = middle + (process.initial[i] < middle ? 0.5 : -0.5) * half;
  }
  return far;
}

Level langevin_level(const Process& process) {
  const auto shared = std::make_shared<const Process>(process);
  Level level;
  level.info = {.name = "langevin",
                .rung = Rung::micro,
                .doc = "trajectories of the stochastic differential equation, with the error of the step measured on coupled paths",
                .source = "Kloeden and Platen, Numerical Solution of Stochastic Differential Equations (1992), doi:10.1007/978-3-662-12616-5",
                .options = {{.name = "scheme", .unit = "", .doc = "one-step scheme", .type = ParameterInfo::Type::text, .fallback = Value("platen"), .allowed = scheme_names()},
                            {.name = "step", .unit = "time", .doc = "largest step; 0: 1/20 of the shortest time scale of drift and noise", .type = ParameterInfo::Type::real, .fallback = Value(0.0), .min = 0},
                            {.name = "step-bound", .unit = "", .doc = "true: the step's error is a bound of what the process would say; false: the chain with this very step is what is judged",
                             .type = ParameterInfo::Type::boolean, .fallback = Value(true)}},
                .sampled = true,
                .grain = 64};
  level.run = [shared](const Ask& ask, Context& context) {
    const auto ensemble = std::make_shared<const Ensemble>(shared, ask);
    if (ensemble->empty()) return Answer{};
    struct Run {
      std::shared_ptr<const Ensemble> e;
      Plan plan(const Ask& a) const { return e->plan(a); }
      void sample(const Ask& a, const Plan& p, std::uint64_t seed, const std::string& purpose, std::uint64_t id, Tape& tape) const { e->sample(a, p, seed, purpose, id, tape); }
    };
    return sampled(Run{ensemble}, ensemble->grain(), [ensemble](const Ask&, const EnsembleResult& result, Answer& answer) { ensemble->finish(result, answer); })(ask, context);
  };
  level.plan = [shared](const Ask& ask) { return std::vector<std::string>{Ensemble(shared, ask).why()}; };
  return level;
}

}  // namespace meso::sde
