#include "kits/learning/sphere_estimation.h"

#include <fmt/format.h>

#include <Eigen/Dense>
#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <memory>
#include <optional>

#include "base/error.h"
#include "base/text.h"
#include "kits/learning/single_index.h"
#include "kits/learning/sphere_theory.h"
#include "kits/learning/tensor.h"
#include "num/ode.h"
#include "rng/stream.h"

namespace meso::learning {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr int refinements = 30;  // tensor power iterations: they settle in a few

using Model = SphereEstimation::Model;

bool odd(const SphereEstimation& p) { return p.k % 2 == 1; }

/// One draw: hidden direction and landscape.
struct Draw {
  std::vector<double> direction;
  std::optional<TensorLandscape> tensor;
  std::optional<SingleIndexLandscape> index;
  std::vector<double> first_order;  ///< E_0[theta E] (k odd) or E_0[(theta theta^T - I/d) E] (k even)
  std::vector<double> spike_part;   ///< k odd, tensors: the same of the signal alone
};

Draw draw(const SphereEstimation& p, std::uint64_t seed, const std::string& purpose, std::uint64_t id, bool with_landscape) {
  Draw out;
  out.direction.resize(p.d);
  FastStream where = Stream(seed, id, purpose + "/direction").fast(), disorder = Stream(seed, id, purpose + "/disorder").fast();
  uniform_on_sphere(out.direction, where);
  const auto moment = [&](const auto& landscape) { return odd(p) ? landscape.uniform_mean() : landscape.uniform_second_moment(); };
  if (p.model == Model::tensor) {
    SymmetricTensor t = SymmetricTensor::spike(p.k, out.direction);
    if (odd(p)) out.spike_part = t.uniform_mean();
    if (p.noise_scale > 0) t.add(SymmetricTensor::gaussian(p.k, p.d, disorder), p.noise_scale / std::sqrt(static_cast<double>(p.n)));
    out.first_order = moment(t);
    if (with_landscape) out.tensor.emplace(t);
  } else {
    out.index.emplace(SingleIndexLandscape::draw(p.k, out.direction, p.n, p.label_noise, disorder));
    out.first_order = moment(*out.index);
  }
  return out;
}

double norm(std::span<const double> v) { return std::sqrt(detail::dot(v.data(), v.data(), v.size())); }
double overlap(std::span<const double> a, std::span<const double> b) {
  const double lengths = norm(a) * norm(b);
  return lengths > 0 ? std::abs(detail::dot(a.data(), b.data(), a.size())) / lengths : 0.0;
}

/// The direction that a first-order moment or a time average points to.
std::vector<double> direction_of(const SphereEstimation& p, std::span<const double> average) {
  if (odd(p)) {
    std::vector<double> v(average.begin(), average.end());
    if (const double length = norm(v); length > 0)
      for (double& x : v) x /= length;
    return v;
  }
  return leading_eigenvector(average, p.d);
}

// Names of what a trajectory says, in the order of the signals.
enum Quantity : std::size_t { average_overlap, last_overlap, average_success, last_success, average_norm, average_alignment, norm_ratio, refined_overlap, iterate_overlap, overlap_square, m_value, m_square, quantities };

struct Said {
  std::array<double, quantities> value{};
};

constexpr std::size_t bins = 40;  // of m on [-1, 1]
Axis overlap_axis() {
  Axis axis{"m", "1", {}};
  for (std::size_t b = 1; b <= bins; ++b) axis.points.push_back(-1 + 2.0 * static_cast<double>(b) / bins);
  return axis;
}
std::size_t bin_of(double m) { return std::min(bins - 1, static_cast<std::size_t>(std::max(0.0, std::ceil((m + 1) * bins / 2) - 1))); }

Said say(const SphereEstimation& p, Draw& draw, std::span<const double> average, std::span<const double> last, bool refine) {
  Said said;
  auto& v = said.value;
  const std::vector<double> estimate = direction_of(p, average), closed = direction_of(p, draw.first_order);
  v[average_overlap] = overlap(estimate, draw.direction);
  v[overlap_square] = v[average_overlap] * v[average_overlap];
  v[average_success] = v[average_overlap] >= 0.5 ? 1 : 0;
  v[m_value] = std::clamp(detail::dot(last.data(), draw.direction.data(), p.d), -1.0, 1.0);
  v[m_square] = v[m_value] * v[m_value];
  v[last_overlap] = std::abs(v[m_value]);
  v[last_success] = v[last_overlap] >= 0.5 ? 1 : 0;
  v[average_norm] = norm(average);
  v[average_alignment] = overlap(estimate, closed);
  const double first = p.beta() * norm(draw.first_order);
  v[norm_ratio] = first > 0 ? v[average_norm] / first : 0;
  if (refine && draw.tensor) {
    std::vector<double> x = estimate;
    draw.tensor->power_iterations(x, refinements);
    v[refined_overlap] = overlap(x, draw.direction);
  }
  return said;
}

/// Rows of pictures while one trajectory runs.
struct Film {
  std::size_t rows = 100, taken = 0;
  double from = 0, to = 0;
  std::vector<double> axis;                 ///< orthonormal: the first is the hidden direction
  std::vector<double> average, iterate;     ///< rows x d
  std::vector<double> times;
};

struct Trajectory {
  std::vector<double> theta, sum;  ///< state; integral of theta, or of theta theta^T (lower triangle filled, then mirrored)
  double sum_overlap = 0;          ///< integral of |theta . theta*|
};

class Run {
 public:
  Run(SphereEstimation problem, const Ask& ask, bool sgd);

  [[nodiscard]] const Plan& plan() const { return plan_; }
  void sample(std::uint64_t seed, const std::string& purpose, std::uint64_t id, Tape* tape, Film* film) const;
  void finish(const EnsembleResult& result, Answer& answer) const;
  [[nodiscard]] double end() const { return times_.empty() ? 0 : times_.back(); }
  [[nodiscard]] double start_of_window() const { return stationary_ ? burn_in_ : 0; }

 private:
  template <class L>
  void run(L& landscape, Draw& draw, std::uint64_t seed, const std::string& purpose, std::uint64_t id, Tape* tape, Film* film) const;
  void accumulate(Trajectory& t, const Draw& draw, double dt) const;
  [[nodiscard]] std::vector<double> averaged(const Trajectory& t, double time) const;
  void photograph(Film& film, const Trajectory& t, double time) const;

  SphereEstimation p_;
  bool stationary_ = false, coupled_ = true, sgd_ = false, refine_ = false, iterates_ = false;
  std::size_t batch_ = 1;
  double burn_in_ = 0, window_ = 0, dt_ = 0;
  std::vector<double> times_;
  std::vector<std::size_t> steps_;
  Plan plan_;
  std::vector<std::string> names_;
  std::size_t law_ = 0, law_d_ = 0, group_ = 0, runaway_ = 0;
  bool want_law_ = false;
  std::vector<Flag> notes_;
};

const std::array<const char*, quantities> quantity_names{"average.overlap", "last.overlap", "average.success", "last.success", "average.norm", "average.alignment", "norm.ratio", "refined.overlap", "iterate.overlap", "", "m.mean", ""};

double option(const Ask& ask, const char* name, double otherwise) {
  const auto given = ask.options.find(name);
  return given == ask.options.end() ? otherwise : as_number(given->second);
}

Run::Run(SphereEstimation problem, const Ask& ask, bool sgd) : p_(problem), stationary_(ask.is_stationary()), sgd_(sgd), dt_(problem.step()) {
  const auto given = ask.options.find("step-bound");
  coupled_ = !sgd && (given == ask.options.end() || std::get<bool>(given->second.data));
  if (sgd) {
    batch_ = std::min(static_cast<std::size_t>(option(ask, "batch", 1)), p_.n);
    dt_ = option(ask, "rate", 0.05);
  }
  const double mixing = p_.mixing_time();
  const char* level = sgd ? "sgd" : "langevin";
  if (stationary_) {
    burn_in_ = ask.stationary().burn_in.value_or(0.5 * mixing);
    window_ = ask.stationary().window.value_or(std::max(2.5 * mixing, 20.0));
    if (!(burn_in_ >= 0) || !(window_ > 0)) throw StudyError(fmt::format("{}: burn-in {} and window {}; the window must be above 0 and the burn-in not negative", level, exact(burn_in_), exact(window_)));
    if (!sgd && window_ < mixing)
      throw StudyError(fmt::format("{}: averaging over a window of {} starts and ends before the start is forgotten: free diffusion relaxes at rate d - 1 = {}. Take a window of at least 20/(d - 1) = {}", level, brief(window_),
                                   p_.d - 1, brief(mixing)));
    times_ = {burn_in_, burn_in_ + window_};
    notes_.push_back({.kind = "note", .text = fmt::format("averages over {} after a burn-in of {}", brief(window_), brief(burn_in_))});
  } else {
    times_ = ask.times();
    for (const double t : times_)
      if (!(t >= 0) || !std::isfinite(t)) throw StudyError(fmt::format("{}: times start at 0; {} was asked", level, brief(t)));
    plan_.axes = {{"t", "1", times_}};
    if (!sgd && end() > 0 && end() < mixing)
      for (const std::string& name : ask.observables)
        if (name.starts_with("average.") || name == "norm.ratio")
          notes_.push_back({.kind = "not-mixed", .observable = name,
                            .text = fmt::format("averaging over t = {} ends before the start is forgotten: free diffusion relaxes at rate d - 1 = {}. Ask for times of at least 20/(d - 1) = {}", brief(end()), p_.d - 1, brief(mixing))});
  }
  double before = 0, total = 0;
  for (const double t : times_) {
    const double count = std::ceil((t - before) / dt_ / 2 - 1e-9) * 2;
    total += count;
    if (!(total < 2e9)) throw StudyError(fmt::format("{}: {} steps of {} a trajectory until t = {}; ask for shorter times", level, brief(total), brief(dt_), brief(end())));
    steps_.push_back(static_cast<std::size_t>(std::max(count, 0.0)));
    before = t;
  }

  // Signals: every quantity at step dt, then its difference to 2 dt.
  const std::array<double, quantities> high{1, 1, 1, 1, 1, 1, INFINITY, 1, 1, 1, 1, 1};
  for (std::size_t q = 0; q < quantities; ++q)
    plan_.signals.push_back({.name = q == overlap_square ? "average.overlap squared" : q == m_square ? "m squared" : quantity_names[q], .lo = q == m_value ? -1.0 : 0.0, .hi = high[q], .path = q == average_overlap || q == last_overlap});
  for (std::size_t q = 0; q < quantities; ++q) plan_.signals.push_back({.name = plan_.signals[q].name + ", dt - 2 dt"});
  runaway_ = plan_.signals.size();
  plan_.signals.push_back({.name = "runaway", .lo = 0, .hi = 1});
  group_ = plan_.signals.size();
  if (stationary_)
    for (const char* name : {"average.overlap by group", "average.overlap squared by group"}) plan_.signals.push_back({.name = name});

  const auto add = [&](const std::string& name, std::vector<std::size_t> signals, std::function<double(std::span<const double>)> f, std::vector<std::size_t> difference, std::function<double(std::span<const double>)> g) {
    plan_.derived.push_back({.observable = name, .unit = "1", .signals = std::move(signals), .f = std::move(f)});
    if (coupled_) plan_.derived.push_back({.observable = name + " D", .unit = "1", .signals = std::move(difference), .f = std::move(g)});
    names_.push_back(name);
  };
  for (std::size_t q = 0; q < quantities; ++q) {
    if (quantity_names[q][0] == 0 || !ask.wants(quantity_names[q])) continue;
    if (q == iterate_overlap) iterates_ = true;
    if (q == refined_overlap) {
      if (p_.model != Model::tensor) continue;
      refine_ = true;
    }
    add(quantity_names[q], {q}, nullptr, {quantities + q}, nullptr);
  }
  const auto deviation = [](double mean, double square) { return std::sqrt(std::max(0.0, square - mean * mean)); };
  if (ask.wants("average.overlap.spread"))
    add("average.overlap.spread", {average_overlap, overlap_square}, [deviation](std::span<const double> m) { return deviation(m[0], m[1]); },
        {average_overlap, overlap_square, quantities + average_overlap, quantities + overlap_square},
        [deviation](std::span<const double> m) { return deviation(m[0], m[1]) - deviation(m[0] - m[2], m[1] - m[3]); });
  if (ask.wants("m.variance"))
    add("m.variance", {m_value, m_square}, [](std::span<const double> m) { return m[1] - m[0] * m[0]; }, {m_value, m_square, quantities + m_value, quantities + m_square},
        [](std::span<const double> m) { return m[1] - m[0] * m[0] - (m[1] - m[3] - (m[0] - m[2]) * (m[0] - m[2])); });
  if (ask.wants("m.distribution")) {
    want_law_ = true;
    law_ = plan_.signals.size();
    plan_.signals.push_back({.name = "m.distribution", .width = bins, .lo = 0, .hi = 1});
    law_d_ = plan_.signals.size();
    plan_.signals.push_back({.name = "m.distribution, dt - 2 dt", .width = bins, .lo = -1, .hi = 1});
    add("m.distribution", {law_}, nullptr, {law_d_}, nullptr);
    Derived& value = plan_.derived[plan_.derived.size() - (coupled_ ? 2 : 1)];
    value.support = overlap_axis();
    value.is_distribution = true;
    if (coupled_) plan_.derived.back().support = overlap_axis();
  }
}

void Run::accumulate(Trajectory& t, const Draw& draw, double dt) const {
  if (iterates_) t.sum_overlap += dt * std::abs(detail::dot(t.theta.data(), draw.direction.data(), p_.d));
  if (odd(p_)) {
    for (std::size_t i = 0; i < p_.d; ++i) t.sum[i] += dt * t.theta[i];
  } else {
    for (std::size_t i = 0; i < p_.d; ++i) {
      const double x = dt * t.theta[i];
      double* row = &t.sum[i * p_.d];
      for (std::size_t j = 0; j <= i; ++j) row[j] += x * t.theta[j];
    }
  }
}

/// theta-bar, or <theta theta^T> - I/d; of no time at all: of the state.
std::vector<double> Run::averaged(const Trajectory& t, double time) const {
  std::vector<double> a(t.sum.size());
  if (odd(p_)) {
    for (std::size_t i = 0; i < a.size(); ++i) a[i] = time > 0 ? t.sum[i] / time : t.theta[i];
    return a;
  }
  for (std::size_t i = 0; i < p_.d; ++i)
    for (std::size_t j = 0; j <= i; ++j) {
      const double x = time > 0 ? t.sum[i * p_.d + j] / time : t.theta[i] * t.theta[j];
      a[i * p_.d + j] = a[j * p_.d + i] = x - (i == j ? 1 / static_cast<double>(p_.d) : 0.0);
    }
  return a;
}

void Run::photograph(Film& film, const Trajectory& t, double time) const {
  const double averaged_over = time - film.from;
  if (!(averaged_over > 0)) return;
  const std::vector<double> direction = direction_of(p_, averaged(t, averaged_over));
  // Signs are conventions for k even: the hidden direction upwards.
  const double sign = !odd(p_) && detail::dot(direction.data(), film.axis.data(), p_.d) < 0 ? -1 : 1;
  for (std::size_t j = 0; j < p_.d; ++j) {
    film.average.push_back(sign * detail::dot(direction.data(), &film.axis[j * p_.d], p_.d));
    film.iterate.push_back(detail::dot(t.theta.data(), &film.axis[j * p_.d], p_.d));
  }
  film.times.push_back(averaged_over);
  ++film.taken;
}

template <class L>
void Run::run(L& landscape, Draw& draw, std::uint64_t seed, const std::string& purpose, std::uint64_t id, Tape* tape, Film* film) const {
  const std::size_t d = p_.d;
  FastStream noise = Stream(seed, id, purpose + "/noise").fast(), begin = Stream(seed, id, purpose + "/start").fast();
  std::array<Trajectory, 2> t;
  t[0].theta.resize(d);
  const bool informed = stationary_ && id % 2 == 1;
  uniform_on_sphere(t[0].theta, begin);
  if (informed) t[0].theta = draw.direction;
  t[0].sum.assign(odd(p_) ? d : d * d, 0.0);
  t[1] = t[0];
  SphereLangevin<L> langevin(landscape, p_.beta(), p_.scheme);
  std::array<std::vector<double>, 4> w;
  for (auto& v : w) v.resize(d);
  std::vector<double> u1(d), u2(d), g(d);
  bool finite = true;
  double before = 0;
  for (std::size_t i = 0; i < times_.size(); ++i) {
    const double dt = steps_[i] > 0 ? (times_[i] - before) / static_cast<double>(steps_[i]) : 0;
    const double root = std::sqrt(0.5 * dt);
    const bool averaging = !stationary_ || i == 1;
    for (std::size_t s = 0; s < steps_[i] && finite; s += 2) {
      for (std::size_t half = 0; half < 2; ++half) {
        if (sgd_) {
          if constexpr (std::same_as<L, SingleIndexLandscape>) {
            // Blocks of consecutive samples are random batches: the samples are exchangeable.
            const std::size_t first = static_cast<std::size_t>(noise.below(p_.n - batch_ + 1));
            landscape.gradient(t[0].theta.data(), g.data(), first, batch_);
            const double along = detail::dot(t[0].theta.data(), g.data(), d);
            for (std::size_t j = 0; j < d; ++j) t[0].theta[j] += dt * (g[j] - along * t[0].theta[j]);
            finite = detail::normalise(t[0].theta.data(), d) && finite;
          }
        } else {
          for (const std::size_t q : {2 * half, 2 * half + 1})
            for (double& x : w[q]) x = root * noise.normal();
          u1 = w[2 * half];
          u2 = w[2 * half + 1];
          finite = langevin.step(t[0].theta.data(), dt, u1.data(), u2.data()) && finite;
        }
        if (averaging) accumulate(t[0], draw, dt);
      }
      if (coupled_) {
        for (std::size_t j = 0; j < d; ++j) {
          u1[j] = w[0][j] + w[1][j];
          u2[j] = w[2][j] + w[3][j];
        }
        finite = langevin.step(t[1].theta.data(), 2 * dt, u1.data(), u2.data()) && finite;
        if (averaging) accumulate(t[1], draw, 2 * dt);
      }
      if (film && averaging) {
        const double now = before + dt * static_cast<double>(s + 2);
        if (now >= film->from + (film->to - film->from) * static_cast<double>(film->taken + 1) / static_cast<double>(film->rows) * (1 - 1e-12)) photograph(*film, t[0], now);
      }
    }
    before = times_[i];
    if (!tape || (stationary_ && i == 0)) continue;
    const std::size_t at = stationary_ ? 0 : i;
    tape->record(runaway_, at, finite ? 0 : 1);
    const double span = stationary_ ? window_ : times_[i];
    const auto told = [&](const Trajectory& path) {
      Said said = say(p_, draw, averaged(path, span), path.theta, refine_);
      said.value[iterate_overlap] = span > 0 ? path.sum_overlap / span : said.value[last_overlap];
      return said;
    };
    const Said fine = told(t[0]);
    for (std::size_t q = 0; q < quantities; ++q) tape->record(q, at, fine.value[q]);
    if (want_law_) tape->record(law_, at, 1, bin_of(fine.value[m_value]));
    if (coupled_) {
      const Said rough = told(t[1]);
      for (std::size_t q = 0; q < quantities; ++q) tape->record(quantities + q, at, fine.value[q] - rough.value[q]);
      if (want_law_) {  // difference of the distribution functions
        const std::size_t a = bin_of(fine.value[m_value]), b = bin_of(rough.value[m_value]);
        for (std::size_t k = std::min(a, b); k < std::max(a, b); ++k) tape->record(law_d_, at, a < b ? 1 : -1, k);
      }
    }
    if (stationary_) {
      const double sign = informed ? -1 : 1;
      tape->record(group_, at, sign * fine.value[average_overlap]);
      tape->record(group_ + 1, at, sign * fine.value[overlap_square]);
    }
  }
}

void Run::sample(std::uint64_t seed, const std::string& purpose, std::uint64_t id, Tape* tape, Film* film) const {
  Draw instance = draw(p_, seed, purpose, id, true);
  if (film) {
    // Householder: the reflection that takes e_1 to the hidden direction; its columns are the axes of the picture.
    std::vector<double> u = instance.direction;
    u[0] -= 1;
    const double square = detail::dot(u.data(), u.data(), p_.d);
    film->axis.assign(p_.d * p_.d, 0.0);
    for (std::size_t j = 0; j < p_.d; ++j)
      for (std::size_t i = 0; i < p_.d; ++i) film->axis[j * p_.d + i] = (i == j ? 1.0 : 0.0) - (square > 0 ? 2 * u[i] * u[j] / square : 0.0);
  }
  if (instance.tensor) run(*instance.tensor, instance, seed, purpose, id, tape, film);
  else run(*instance.index, instance, seed, purpose, id, tape, film);
}

void Run::finish(const EnsembleResult& result, Answer& answer) const {
  std::size_t stride = 0;
  std::vector<std::size_t> offset;
  for (const Signal& s : plan_.signals) {
    offset.push_back(stride);
    stride += s.width;
  }
  const auto mean = [&](std::size_t s, std::size_t i) { return result.signal_mean[i * stride + offset[s]]; };
  answer.why = sgd_ ? fmt::format("rate {}, batches of {}", brief(dt_), batch_) : fmt::format("{}, dt = {}", p_.scheme == SphereScheme::geodesic ? "geodesic" : "projected", brief(dt_));
  if (coupled_) {
    const double factor = 1 / (std::exp2(p_.scheme == SphereScheme::geodesic ? 2.0 : 1.0) - 1);
    std::vector<Estimate> kept;
    for (std::size_t k = 0; k + 1 < answer.estimates.size(); k += 2) {
      Estimate e = answer.estimates[k];
      const Estimate& difference = answer.estimates[k + 1];
      e.error_bound.assign(e.size(), 0.0);
      const std::size_t width = e.is_distribution ? bins : 1;
      for (std::size_t i = 0; i < e.size(); ++i)  // of a distribution: one bound for the distribution function, at its first bin
        e.error_bound[i / width * width] = std::max(e.error_bound[i / width * width], factor * std::abs(difference.value[i]) + 3 * difference.se(i));
      kept.push_back(std::move(e));
    }
    answer.estimates = std::move(kept);
  } else if (!sgd_) {
    answer.flags.push_back({.kind = "note", .text = fmt::format("no bound of the step's error was made: step-bound = false, dt = {}", brief(dt_))});
  }
  for (std::size_t i = 0; i < plan_.points(); ++i)
    if (mean(runaway_, i) > 0) {
      answer.flags.push_back({.kind = "diverged", .text = fmt::format("{} % of the trajectories are not finite: beta = {} is too large for dt = {}", brief(100 * mean(runaway_, i), 3), brief(p_.beta()), brief(dt_)), .fatal = true});
      break;
    }
  const std::size_t last = plan_.points() ? plan_.points() - 1 : 0;
  const double n = static_cast<double>(result.trajectories);
  if (plan_.points() && n >= 2) {
    const double a = mean(average_overlap, last), spread = std::sqrt(std::max(0.0, mean(overlap_square, last) - a * a) * n / (n - 1));
    answer.flags.push_back({.kind = "note", .text = fmt::format("beta = {}; overlap of the average {} with a spread of {} between seeds, of the last iterate {} (a uniform direction has {}){}", brief(p_.beta()), brief(a, 3), brief(spread, 2),
                                                                brief(mean(last_overlap, last), 3), brief(uniform_overlap(p_.d), 3),
                                                                spread > 0.2 ? ". So wide a spread is that of chains that are trapped, or of an n near the threshold: a stationary question starts in two places and tells which" : "")});
  }
  if (stationary_) {
    const double n_even = std::ceil(n / 2), n_odd = n - n_even;
    if (n_odd < 4) {
      answer.flags.push_back({.kind = "note", .text = fmt::format("mixing was not tested: {} trajectories, 8 are needed", result.trajectories)});
    } else {
      const auto group = [&](double both, double signed_both, double sign, double count) { return n * (both + sign * signed_both) / (2 * count); };
      const double even = group(mean(average_overlap, 0), mean(group_, 0), 1, n_even), odd = group(mean(average_overlap, 0), mean(group_, 0), -1, n_odd);
      const double even_square = group(mean(overlap_square, 0), mean(group_ + 1, 0), 1, n_even), odd_square = group(mean(overlap_square, 0), mean(group_ + 1, 0), -1, n_odd);
      const double error = std::sqrt(std::max(0.0, even_square - even * even) / (n_even - 1) + std::max(0.0, odd_square - odd * odd) / (n_odd - 1));
      if (std::abs(even - odd) > 4 * error + 1e-9)
        answer.flags.push_back({.kind = "not-mixed", .text = fmt::format("the overlap of the average is {} from a uniform start and {} from the hidden direction, {} errors apart after a burn-in of {} and a window of {}: at beta = {} the chain "
                                                                         "is trapped where it starts. Lower c, or ask for longer times", brief(even, 3), brief(odd, 3), brief(std::abs(even - odd) / error, 3), brief(burn_in_), brief(window_), brief(p_.beta()))});
    }
  }
  answer.flags.insert(answer.flags.end(), notes_.begin(), notes_.end());
}

/// The level `langevin` (or `sgd`) as the engine sees it.
struct Sampled {
  std::shared_ptr<const Run> run;
  SphereEstimation problem;
  [[nodiscard]] Plan plan(const Ask&) const { return run->plan(); }
  void sample(const Ask&, const Plan&, std::uint64_t seed, const std::string& purpose, std::uint64_t id, Tape& tape) const { run->sample(seed, purpose, id, &tape, nullptr); }
  [[nodiscard]] std::vector<Portrait> portraits(const Ask&, const Plan&, std::uint64_t seed, const std::string& purpose) const {
    if (!(run->end() > run->start_of_window())) return {};
    Film film;
    film.from = run->start_of_window();
    film.to = run->end();
    run->sample(seed, purpose, 0, nullptr, &film);
    if (film.taken < 2) return {};
    Axis columns{"direction", "hidden one first", {}};
    for (std::size_t j = 0; j < problem.d; ++j) columns.points.push_back(static_cast<double>(j + 1));
    const Axis rows{"t", "1", film.times};
    return {{.name = "average", .title = odd(problem) ? "direction of the time average until t" : "leading eigenvector of the averaged theta theta^T until t", .unit = "component", .axes = {rows, columns}, .value = film.average},
            {.name = "iterate", .title = "the iterate itself at t", .unit = "component", .axes = {rows, columns}, .value = film.iterate}};
  }
};

Level sampled_level(const SphereEstimation& p, bool sgd) {
  Level level;
  if (!sgd)
    level.info = {.name = "langevin",
                  .rung = Rung::micro,
                  .doc = "Langevin dynamics on the sphere: last iterate and time average, one draw of disorder a trajectory; the error of the step from coupled paths",
                  .source = "Improved high-dimensional estimation with Langevin dynamics and stochastic weight averaging (2026)",
                  .options = {{.name = "step-bound", .unit = "", .doc = "bound the error of the step by a second run at 2 dt on the same noise (half as much work again)", .type = ParameterInfo::Type::boolean, .fallback = Value(true)}}};
  else
    level.info = {.name = "sgd",
                  .rung = Rung::surrogate,
                  .doc = "online gradient steps on mini-batches, averaged, without thermal noise: does the noise of batches average as well? (conjecture of the paper)",
                  .parent = "langevin",
                  .approximation = "thermal noise replaced by that of mini-batches",
                  .source = "Improved high-dimensional estimation with Langevin dynamics and stochastic weight averaging (2026), conjecture",
                  .options = {{.name = "batch", .unit = "samples", .doc = "samples of a mini-batch", .type = ParameterInfo::Type::integer, .fallback = Value(std::int64_t{1}), .min = 1, .max = 1e6},
                              {.name = "rate", .unit = "1", .doc = "learning rate; time counts steps times rate, and beta is about 2 batch / (rate k)", .type = ParameterInfo::Type::real, .fallback = Value(0.05), .min = 1e-6, .max = 10}}};
  level.info.sampled = true;
  level.info.grain = 1;
  level.run = [p, sgd](const Ask& ask, Context& context) {
    const auto run = std::make_shared<const Run>(p, ask, sgd);
    if (run->plan().derived.empty()) return Answer{};
    return sampled(Sampled{run, p}, 1, [run](const Ask&, const EnsembleResult& result, Answer& answer) { run->finish(result, answer); })(ask, context);
  };
  level.plan = [p, sgd](const Ask& ask) {
    const Run run(p, ask, sgd);
    return std::vector<std::string>{sgd ? std::string("gradients of mini-batches") : fmt::format("about {} steps of {} a trajectory", brief(run.end() / p.step(), 3), brief(p.step(), 3))};
  };
  return level;
}

// ---- partial-trace ---------------------------------------------------------------------------------------------------

struct PartialTrace {
  SphereEstimation p;
  enum Signals : std::size_t { overlap_s, square_s, success_s, norm_s, refined_s, half_s };

  [[nodiscard]] Plan plan(const Ask& ask) const {
    Plan plan;
    if (!ask.is_stationary()) plan.axes = {{"t", "1", ask.times()}};
    plan.signals = {{.name = "overlap", .lo = 0, .hi = 1}, {.name = "overlap squared", .lo = 0, .hi = 1}, {.name = "success", .lo = 0, .hi = 1}, {.name = "norm", .lo = 0}, {.name = "refined", .lo = 0, .hi = 1}, {.name = "samples", .lo = 0}};
    const auto add = [&](const char* name, std::vector<std::size_t> signals, std::function<double(std::span<const double>)> f = nullptr) {
      if (ask.wants(name)) plan.derived.push_back({.observable = name, .unit = "1", .signals = std::move(signals), .f = std::move(f)});
    };
    add("average.overlap", {overlap_s});
    add("average.success", {success_s});
    add("average.norm", {norm_s});
    if (p.model == Model::tensor) add("refined.overlap", {refined_s});
    if (has_half()) add("half.samples", {half_s});
    add("average.overlap.spread", {overlap_s, square_s}, [](std::span<const double> m) { return std::sqrt(std::max(0.0, m[1] - m[0] * m[0])); });
    return plan;
  }
  [[nodiscard]] bool has_half() const { return p.model == Model::tensor && odd(p) && p.noise_scale > 0; }

  void sample(const Ask& ask, const Plan& plan, std::uint64_t seed, const std::string& purpose, std::uint64_t id, Tape& tape) const {
    const bool refine = p.model == Model::tensor && ask.wants("refined.overlap");
    Draw instance = draw(p, seed, purpose, id, refine);
    FastStream random = Stream(seed, id, purpose + "/finite-time").fast();
    const std::vector<double> wander = free_average(random);
    double half = 0;
    if (has_half()) {
      // The draw at other n: signal s along theta*, noise z / sqrt(n). cos = 1/2 where |z_perp|^2 / n = 3 (s + z_par / sqrt(n))^2.
      const double s = detail::dot(instance.spike_part.data(), instance.direction.data(), p.d);
      double along = 0, square = 0;
      const double root = std::sqrt(static_cast<double>(p.n));
      for (std::size_t i = 0; i < p.d; ++i) {
        const double z = root * (instance.first_order[i] - instance.spike_part[i]);
        along += z * instance.direction[i];
        square += z * z;
      }
      const double across = std::sqrt(std::max(0.0, square - along * along));
      half = std::pow(std::max(0.0, across / std::sqrt(3.0) - along) / s, 2);
    }
    std::vector<double> average(instance.first_order.size());
    for (std::size_t i = 0; i < plan.points(); ++i) {
      // Linear response and free diffusion share one rate: that of the harmonic (1 or 2) in which the signal lies.
      const double t = ask.is_stationary() ? ask.stationary().window.value_or(INFINITY) : ask.times()[i], rt = rate() * t;
      const double early = rt > 0 ? -std::expm1(-rt) / rt : 1;  // time average of exp(-rate t)
      const double response = p.beta() * (ask.is_stationary() ? 1 : 1 - early), spread = rt > 0 ? std::sqrt(2 / rt * (1 - early)) : 1;
      for (std::size_t j = 0; j < average.size(); ++j) average[j] = response * instance.first_order[j] + spread * wander[j];
      const std::vector<double> estimate = direction_of(p, average);
      const double m = overlap(estimate, instance.direction);
      tape.record(overlap_s, i, m);
      tape.record(square_s, i, m * m);
      tape.record(success_s, i, m >= 0.5 ? 1 : 0);
      tape.record(norm_s, i, norm(average));
      if (refine) {
        std::vector<double> x = estimate;
        instance.tensor->power_iterations(x, refinements);
        tape.record(refined_s, i, overlap(x, instance.direction));
      }
      tape.record(half_s, i, half);
    }
  }

 private:
  [[nodiscard]] double rate() const { return odd(p) ? static_cast<double>(p.d) - 1 : 2 * static_cast<double>(p.d); }
  /// theta, or theta theta^T - I/d, of free diffusion at one time as a Gaussian of the same covariance: mean square length 1, or 1 - 1/d.
  [[nodiscard]] std::vector<double> free_average(FastStream& random) const {
    const double d = static_cast<double>(p.d);
    std::vector<double> v(odd(p) ? p.d : p.d * p.d);
    if (odd(p)) {
      for (double& x : v) x = random.normal() / std::sqrt(d);
      return v;
    }
    // E (theta_i theta_j)^2 = 1/(d(d+2)) off the diagonal; on it twice that around the trace, which is taken off.
    const double sd = std::sqrt(1 / (d * (d + 2)));
    double trace = 0;
    for (std::size_t i = 0; i < p.d; ++i) {
      for (std::size_t j = 0; j < i; ++j) v[i * p.d + j] = v[j * p.d + i] = sd * random.normal();
      trace += v[i * p.d + i] = std::sqrt(2.0) * sd * random.normal();
    }
    for (std::size_t i = 0; i < p.d; ++i) v[i * p.d + i] -= trace / d;
    return v;
  }
};

Level partial_trace_level(const SphereEstimation& p) {
  Level level;
  level.info = {.name = "partial-trace",
                .rung = Rung::moments,
                .doc = "the average at first order in beta for the drawn disorder, a partial trace of the tensor, and what free diffusion leaves of the start in a finite time",
                .parent = "langevin",
                .approximation = "first order in the inverse temperature beta = c sqrt(n); fluctuations of the average those of free diffusion",
                .small_parameter = "c",
                .source = "uniform moments of the sphere (Isserlis); sphere_theory.h",
                .sampled = true,
                .grain = 16};
  level.run = [p](const Ask& ask, Context& context) {
    const PartialTrace trace{p};
    if (trace.plan(ask).derived.empty()) return Answer{};
    return sampled(trace, 16)(ask, context);
  };
  return level;
}

// ---- solved levels ---------------------------------------------------------------------------------------------------

/// One number, the same at every asked time.
void give(const Ask& ask, Answer& answer, const char* name, double value, double bound = 0) {
  if (!ask.wants(name)) return;
  std::vector<Axis> axes;
  std::size_t points = 1;
  if (!ask.is_stationary()) {
    axes = {{"t", "1", ask.times()}};
    points = ask.times().size();
  }
  answer.estimates.push_back(solved_estimate(name, "1", axes, std::vector<double>(points, value), std::vector<double>(points, bound)));
}

Level overlap_law_level(const SphereEstimation& p) {
  Level level;
  level.info = {.name = "overlap-law",
                .rung = Rung::mean_field,
                .doc = odd(p) ? "overlap of the first-order average for large d and long times: [1 + N_k/(k!! n)]^(-1/2)"
                              : "overlap of the first-order average for large d and long times: (1 - n_c/n)^(1/2) above the spectral transition",
                .parent = "partial-trace",
                .approximation = "d -> infinity: the overlap does not fluctuate; t -> infinity",
                .small_parameter = "1/d",
                .expected_order = 1,
                .source = odd(p) ? "sphere_theory.h" : "Baik, Ben Arous, Péché (2005), doi:10.1214/009117905000000233; sphere_theory.h"};
  level.run = [p](const Ask& ask, Context& context) {
    Answer answer;
    // Noise of the landscape counts as fewer samples.
    const double variance = p.model == Model::tensor ? p.noise_scale * p.noise_scale : 1 + p.label_noise * p.label_noise;
    const double n = variance > 0 ? static_cast<double>(p.n) / variance : INFINITY;
    answer.why = odd(p) ? fmt::format("half power at n = {}", brief(odd_noise_samples(p.k, p.d))) : fmt::format("spectral transition at n = {}", brief(spectral_samples(p.k, p.d)));
    const double law = std::isfinite(n) ? average_overlap_law(p.k, p.d, n) : 1;
    give(ask, answer, "average.overlap", law);
    give(ask, answer, "average.overlap.spread", 0);
    give(ask, answer, "half.samples", samples_for_overlap(p.k, p.d, 0.5));
    double signal = p.beta();  // of E_0[theta E] or its matrix: k!!/N_k, or k (k-1)!!/(d (d+2) ... (d+k))
    const double d = static_cast<double>(p.d);
    if (odd(p)) {
      signal /= odd_noise_samples(p.k, p.d);
      give(ask, answer, "average.norm", signal * (std::isfinite(n) ? std::sqrt(1 + odd_noise_samples(p.k, p.d) / n) : 1.0));
    } else {
      signal *= 1 / (d + 2) / spectral_samples(p.k, p.d);
      give(ask, answer, "average.norm", signal * std::sqrt(1 - 1 / d + (std::isfinite(n) ? (d * d + d - 2) * spectral_samples(p.k, p.d) / (d * n) : 0.0)));
    }
    context.progress(1);
    return answer;
  };
  return level;
}

Level planted_law_level(const SphereEstimation& p) {
  Level level;
  level.info = {.name = "planted-law",
                .rung = Rung::master,
                .doc = "exact law of the overlap m of the iterate in the landscape without noise, E = m^k: a Fokker-Planck equation in one dimension",
                .parent = "langevin",
                .approximation = "noise of the landscape dropped: n -> infinity at fixed beta",
                .small_parameter = "noise_scale",
                .source = "Fokker-Planck equation of m on the sphere; sphere_theory.h"};
  level.run = [p](const Ask& ask, Context& context) {
    Answer answer;
    answer.why = "600 cells";
    PlantedOverlap fine(p.k, p.d, p.beta(), 600), rough(p.k, p.d, p.beta(), 300);
    std::vector<double> times{0};
    std::vector<Axis> axes;
    if (!ask.is_stationary()) {
      times = ask.times();
      axes = {{"t", "1", times}};
    }
    struct Entry {
      const char* name;
      std::function<double(const PlantedOverlap&)> f;
    };
    const std::array<Entry, 4> entries{Entry{"m.mean", [](const PlantedOverlap& l) { return l.expectation([](double m) { return m; }); }},
                                       Entry{"m.variance", [](const PlantedOverlap& l) { const double mean = l.expectation([](double m) { return m; }); return l.expectation([mean](double m) { return (m - mean) * (m - mean); }); }},
                                       Entry{"last.overlap", [](const PlantedOverlap& l) { return l.expectation([](double m) { return std::abs(m); }); }},
                                       Entry{"last.success", [](const PlantedOverlap& l) { return 1 - l.cdf(0.5) + l.cdf(-0.5); }}};
    std::array<std::vector<double>, 4> value, bound;
    std::vector<double> law, law_bound;
    const Axis support = overlap_axis();
    double before = 0;
    for (std::size_t i = 0; i < times.size(); ++i) {
      for (PlantedOverlap* l : {&fine, &rough}) {
        if (ask.is_stationary()) l->make_stationary();
        else l->advance(times[i] - before);
      }
      before = times[i];
      for (std::size_t e = 0; e < 4; ++e) {
        value[e].push_back(entries[e].f(fine));
        bound[e].push_back(std::abs(value[e].back() - entries[e].f(rough)) + fine.error());
      }
      double upto = 0, worst = 0;
      const std::size_t first = law.size();
      for (const double x : support.points) {
        const double f = fine.cdf(x);
        law.push_back(f - upto);
        law_bound.push_back(0);
        worst = std::max(worst, std::abs(f - rough.cdf(x)));
        upto = f;
      }
      law_bound[first] = worst + fine.error();
      context.progress(static_cast<double>(i + 1) / static_cast<double>(times.size()));
    }
    for (std::size_t e = 0; e < 4; ++e)
      if (ask.wants(entries[e].name)) answer.estimates.push_back(solved_estimate(entries[e].name, "1", axes, value[e], bound[e]));
    if (ask.wants("m.distribution")) {
      axes.push_back(support);
      Estimate e = solved_estimate("m.distribution", "1", axes, law, law_bound);
      e.is_distribution = true;
      answer.estimates.push_back(std::move(e));
    }
    return answer;
  };
  return level;
}

Level population_flow_level(const SphereEstimation& p) {
  Level level;
  level.info = {.name = "population-flow",
                .rung = Rung::mean_field,
                .doc = "m' = beta k m^(k-1) (1 - m^2) - (d - 1) m from the mean |m| of a uniform start: does the iterate escape from the equator?",
                .parent = "planted-law",
                .approximation = "fluctuations of the overlap dropped",
                .small_parameter = "1/d",
                .expected_order = 0,
                .source = "population dynamics of online learning; escape from m of order d^(-1/2) needs n of order d^(k-1)"};
  level.run = [p](const Ask& ask, Context& context) {
    Answer answer;
    const double beta = p.beta(), k = static_cast<double>(p.k), d = static_cast<double>(p.d), m0 = uniform_overlap(p.d);
    const auto flow = [&](double m) { return beta * k * std::pow(m, k - 1) * (1 - m * m) - (d - 1) * m; };
    context.progress(1);
    if (!ask.wants("last.overlap")) return answer;
    if (!ask.is_stationary()) {
      const OdeProblem problem{.size = 1, .rhs = [&](double, std::span<const double> y, std::span<double> dy) { dy[0] = flow(y[0]); }};
      const BoundedOdeSolution path = integrate_with_bound(problem, std::vector<double>{m0}, 0, ask.times(), {.relative = 1e-9, .absolute = {1e-13}});
      answer.estimates.push_back(solved_estimate("last.overlap", "1", {{"t", "1", ask.times()}}, path.solution.path, path.bound));
      return answer;
    }
    // Fixed points on [0, 1]: sign changes of the flow, bisected. m = 0 is one; it repels for k = 2 and beta > (d-1)/2 only.
    std::vector<double> roots{0};
    constexpr int scan = 20000;
    for (int i = 1; i < scan; ++i) {
      double a = static_cast<double>(i) / scan, b = static_cast<double>(i + 1) / scan;
      if ((flow(a) > 0) == (flow(b) > 0)) continue;
      for (int s = 0; s < 60; ++s) {
        const double middle = 0.5 * (a + b);
        ((flow(middle) > 0) == (flow(a) > 0) ? a : b) = middle;
      }
      roots.push_back(0.5 * (a + b));
    }
    double reached = 0;
    const bool up = flow(m0) > 0;
    for (const double r : roots)
      if (up ? r > m0 : r < m0) {
        reached = r;
        if (up) break;
      }
    for (const double r : roots) {
      SteadyState state;
      state.value["last.overlap"] = r;
      const double h = 1e-7, slope = (flow(r + h) - flow(r > h ? r - h : r)) / (r > h ? 2 * h : h);
      state.eigenvalues = {{slope, 0}};
      state.stable = slope < 0;
      state.physical = true;
      state.reached = r == reached;
      answer.steady_states.push_back(state);
    }
    give(ask, answer, "last.overlap", reached, 1e-12);
    return answer;
  };
  return level;
}

}  // namespace

double SphereEstimation::fastest_rate() const {
  const double noise = model == Model::tensor ? noise_scale : std::sqrt(1 + label_noise * label_noise);
  return static_cast<double>(d) - 1 + static_cast<double>(k) * (beta() + 2 * c * noise * std::sqrt(static_cast<double>(d)));
}

std::vector<double> leading_eigenvector(std::span<const double> matrix, std::size_t d) {
  const auto size = static_cast<Eigen::Index>(d);
  const Eigen::Map<const Eigen::MatrixXd> m(matrix.data(), size, size);
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(m);
  const Eigen::VectorXd v = solver.eigenvectors().col(size - 1);
  return {v.data(), v.data() + d};
}

void check(const SphereEstimation& p, const std::string& owner) {
  if (p.k < 2) throw ParameterError(fmt::format("{}: k = {}; a tensor or exponent of order 1 is linear regression, k must be at least 2", owner, p.k));
  if (p.d < 3) throw ParameterError(fmt::format("{}: d = {}; the sphere needs at least 3 dimensions", owner, p.d));
  if (p.model == Model::tensor) check_memory(p.k, p.d, memory_limit, owner);
  else if (const double bytes = 8.0 * static_cast<double>(p.n) * static_cast<double>(p.d); bytes > memory_limit)
    throw ParameterError(fmt::format("{}: n d * 8 bytes = {} GB of samples a trajectory are above the limit of {} GB. Lower n or d", owner, brief(bytes / 1e9, 3), brief(memory_limit / 1e9, 3)));
  const double dt = p.step(), rate = static_cast<double>(p.d) - 1, pull = static_cast<double>(p.k) * p.beta();
  if (dt * rate > largest_diffusion_step * (1 + 1e-12))
    throw ParameterError(fmt::format("{}: dt = {} is too long for the diffusion: dt (d - 1) = {} is above {}, the direction would forget itself within a few steps. Use dt <= {}, or 0 to choose it", owner, exact(dt), brief(dt * rate),
                                     brief(largest_diffusion_step), brief(largest_diffusion_step / rate, 3)));
  if (dt * pull > largest_drift_step * (1 + 1e-12))
    throw ParameterError(fmt::format("{}: dt = {} is too long for the drift: dt k beta = {} is above {} (beta = c sqrt(n) = {}). Use dt <= {}, or 0 to choose it", owner, exact(dt), brief(dt * pull), brief(largest_drift_step),
                                     brief(p.beta()), brief(largest_drift_step / pull, 3)));
}

std::vector<ObservableInfo> observables(const SphereEstimation& p) {
  const char* average = odd(p) ? "direction of the time average of theta" : "leading eigenvector of the time average of theta theta^T";
  std::vector<ObservableInfo> all{
      {"average.overlap", "1", fmt::format("mean over draws of |cos| between theta* and the {}", average)},
      {"last.overlap", "1", "mean over draws of |theta . theta*| of the last iterate"},
      {"iterate.overlap", "1", "mean over draws of the time average of |theta . theta*| (over what the average is taken): what an iterate has at a typical time", {}, false},
      {"average.success", "1", "probability that the overlap of the average is at least 1/2", {}, false},
      {"last.success", "1", "probability that the overlap of the last iterate is at least 1/2", {}, false},
      {"average.norm", "1", odd(p) ? "mean length of the time average of theta" : "mean Frobenius norm of the time average of theta theta^T - I/d", {}, false},
      {"average.alignment", "1", fmt::format("mean |cos| between the {} and its closed form at first order in beta for the same disorder", average), {}, false},
      {"norm.ratio", "1", "mean of average.norm over what first order in beta says for the same disorder", {}, false},
      {"average.overlap.spread", "1", "standard deviation between draws of the overlap of the average: (<x^2> - <x>^2)^(1/2)", {}, false},
      {"m.mean", "1", "mean of m = theta . theta* of the last iterate, with its sign", {}, false},
      {"m.variance", "1", "variance of m: <m^2> - <m>^2", {}, false},
      {"m.distribution", "1", "probability that m lies between the point before and this one (first: from -1)", {}, false},
  };
  if (p.model == Model::tensor) {
    all.push_back({"refined.overlap", "1", "overlap after 30 tensor power iterations theta <- T theta^(k-1) from the average", {}, false});
    if (odd(p)) all.push_back({"half.samples", "samples", "mean over draws of the n at which the first-order average of the draw has overlap 1/2", {}, false});
  }
  return all;
}

std::vector<Level> ladder(const SphereEstimation& p) {
  std::vector<Level> levels{sampled_level(p, false)};
  if (p.model == Model::single_index) levels.push_back(sampled_level(p, true));
  levels.push_back(partial_trace_level(p));
  levels.push_back(overlap_law_level(p));
  levels.push_back(planted_law_level(p));
  levels.push_back(population_flow_level(p));
  return levels;
}

}  // namespace meso::learning
