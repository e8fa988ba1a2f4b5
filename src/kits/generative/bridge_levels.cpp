#include "kits/generative/bridge_levels.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "base/error.h"
#include "base/text.h"
#include "kits/generative/bridge_laws.h"
#include "kits/generative/likelihood.h"
#include "kits/generative/sample.h"
#include "kits/generative/schroedinger.h"

namespace meso::generative {
namespace {

constexpr const char* paper = "Albergo, Boffi and Vanden-Eijnden (2023), arXiv:2303.08797";

struct Name {
  enum class Kind { mean, variance, distribution, mode_weights, action, control, kl, mode_count };
  Kind kind;
  std::size_t i = 0;
};
using Kind = Name::Kind;

std::string coordinate(const Bridge& bridge, std::size_t i) { return bridge.d == 1 ? "x" : fmt::format("x{}", i + 1); }

std::optional<Name> parse(const Bridge& bridge, const std::string& text) {
  if (text == "mode.weights" && bridge.path) return Name{Kind::mode_weights};
  if (text == "action") return Name{Kind::action};
  if (text == "control") return Name{Kind::control};
  if (text == "kl" && bridge.path) return Name{Kind::kl};
  if (text == "mode.count" && bridge.path) return Name{Kind::mode_count};
  for (std::size_t i = 0; i < bridge.d; ++i) {
    const std::string x = coordinate(bridge, i);
    if (text == x + ".mean") return Name{Kind::mean, i};
    if (text == x + ".variance") return Name{Kind::variance, i};
    if (text == x + ".distribution") return Name{Kind::distribution, i};
  }
  return std::nullopt;
}

std::vector<double> asked_times(const Bridge& bridge, const Ask& ask) {
  if (ask.is_stationary()) throw StudyError(fmt::format("system '{}' goes from t = 0 to t = 1: ask times in [0, 1], not a stationary state", bridge.name));
  for (const double t : ask.times())
    if (!(t >= 0 && t <= 1)) throw StudyError(fmt::format("system '{}' goes from t = 0 to t = 1; t = {} was asked", bridge.name, exact(t)));
  return ask.times();
}

double number(const Ask& ask, const char* name, double otherwise) {
  const auto given = ask.options.find(name);
  return given == ask.options.end() ? otherwise : as_number(given->second);
}
std::string word(const Ask& ask, const char* name, const char* otherwise) {
  const auto given = ask.options.find(name);
  return given == ask.options.end() ? otherwise : std::get<std::string>(given->second.data);
}

Estimate scalar(const std::string& observable, const std::vector<double>& times, std::vector<double> value, std::vector<double> bound = {}) {
  return solved_estimate(observable, "1", {{"t", "1", times}}, std::move(value), std::move(bound));
}

Axis mode_axis(const Bridge& bridge) {
  Axis axis{"mode", "1", {}};
  for (std::size_t j = 0; j < bridge.path->end().components(); ++j) axis.points.push_back(static_cast<double>(j + 1));
  return axis;
}

/// Weights of rho_1's modes at points under the exact law at t: responsibilities summed over x0's components.
void mode_responsibilities(const Bridge& bridge, double t, std::span<const double> x, std::vector<double>& out) {
  const std::size_t n = x.size() / bridge.d, modes = bridge.path->end().components();
  const auto instant = bridge.path->instant(t);
  const std::size_t pairs = instant->components();
  std::vector<double> r(n * pairs);
  instant->evaluate(x, {}, {.responsibility = r});
  out.assign(n * modes, 0.0);
  for (std::size_t k = 0; k < n; ++k)
    for (std::size_t q = 0; q < pairs; ++q) out[k * modes + q % modes] += r[k * pairs + q];
}

std::vector<double> masses(const Axis& axis, const std::function<double(double)>& cdf) {
  std::vector<double> out;
  double before = 0;
  for (std::size_t b = 0; b < axis.points.size(); ++b) {
    const double now = b + 1 == axis.points.size() ? 1.0 : cdf(axis.points[b]);
    out.push_back(now - before);
    before = now;
  }
  return out;
}

std::shared_ptr<const Field> shifted(std::shared_ptr<const Field> field, double by) {
  if (by == 0) return field;
  const std::size_t d = field->dimension();
  return std::make_shared<SumField>(std::move(field), [](double) { return 1.0; }, nullptr, nullptr, std::vector<double>(d, by));
}

/// b + c and s + d, as the dynamic levels use them.
struct Fields {
  std::shared_ptr<const Field> velocity, score, drift;  ///< drift = velocity + sign epsilon score
};
/// The bridge with what was learned in the place of the exact fields.
std::shared_ptr<const Bridge> learned(std::shared_ptr<const Bridge> bridge, Context& context) {
  if (!bridge->learn) return bridge;
  const auto out = std::make_shared<Bridge>(*bridge);
  const LearnedFields fields = bridge->learn(context);
  out->velocity = fields.velocity;
  out->score = fields.score;
  out->exact_fields = false;
  return out;
}
/// What a level says whose fields broke down: in training, or under way.
Answer broken_by(const NumericalBreakdown& error, const Bridge& bridge) {
  Answer broken;
  broken.flags.push_back({.kind = bridge.learn ? "diverged" : "step-collapse", .text = error.what(), .fatal = true});
  return broken;
}

Fields fields_of(const Bridge& bridge, double sign, bool by_denoiser) {
  by_denoiser = by_denoiser && bridge.exact_fields;  // a learned score comes from a denoiser already
  std::shared_ptr<const Field> score = bridge.score;
  if (by_denoiser) {
    if (!bridge.path) throw ParameterError(fmt::format("system '{}': a score by the denoiser is offered between mixtures only", bridge.name));
    score = std::make_shared<DenoiserScore>(std::make_shared<MixtureField>(denoiser_field(bridge.path)), bridge.interpolant);
  }
  Fields f;
  f.velocity = shifted(bridge.velocity, bridge.velocity_error);
  f.score = shifted(score, bridge.score_error);
  const double epsilon = sign * bridge.epsilon;
  if (epsilon == 0) {
    f.drift = f.velocity;
  } else if (bridge.path && bridge.exact_fields && !by_denoiser) {  // one loop for both
    f.drift = shifted(std::make_shared<MixtureField>(bridge.path, [epsilon](double) { return Blend{1, epsilon}; }), bridge.velocity_error + epsilon * bridge.score_error);
  } else {
    f.drift = std::make_shared<SumField>(f.velocity, [](double) { return 1.0; }, f.score, [epsilon](double) { return epsilon; });
  }
  return f;
}

double clipped(const Bridge& bridge, double t) { return std::clamp(t, bridge.t_cut, 1 - bridge.t_cut); }

void note_cut(const Bridge& bridge, Answer& answer) {
  if (bridge.t_cut > 0)
    answer.flags.push_back({.kind = "note", .text = fmt::format("time cut: the dynamics run from t = {} to {}, and start from the exact law there; an asked time beyond is read there", brief(bridge.t_cut), brief(1 - bridge.t_cut, 6))});
}

// ---- particles -------------------------------------------------------------------------------------------------------

enum class Motion { draws, flow, noise };

/// What all particle levels share: signals of x at h and of the difference h - 2h, and what is made of them.
class Particles {
 public:
  Particles(std::shared_ptr<const Bridge> bridge, Motion motion, const Ask& ask);
  [[nodiscard]] Plan plan(const Ask&) const { return plan_; }
  void sample_batch(const Ask&, const Plan&, std::uint64_t seed, const std::string& purpose, std::uint64_t first, std::span<Tape> tapes) const;
  [[nodiscard]] bool empty() const { return quantities_.empty(); }
  void finish(Answer& answer) const;
  [[nodiscard]] std::vector<Portrait> portraits(const Ask&, const Plan&, std::uint64_t seed, const std::string& purpose) const;

 private:
  struct Quantity {
    Name name;
    std::string text;
    std::size_t fine = 0, difference = 0, fine2 = 0, difference2 = 0;  ///< signals; the second pair: squares
    Axis axis;
  };
  [[nodiscard]] std::size_t signal(Signal s) {
    plan_.signals.push_back(std::move(s));
    return plan_.signals.size() - 1;
  }
  void add(const std::string& text);
  void record(std::size_t point, double t, std::span<const double> fine, std::span<const double> coarse, std::span<Tape> tapes) const;
  /// int E|field|^2 along both grids; entries of one kind per particle.
  struct Running {
    std::vector<double> fine, coarse;
  };
  void record_running(Kind kind, std::size_t point, const Running& sums, std::span<Tape> tapes) const;
  void record_kl(std::size_t point, double t, std::uint64_t seed, const std::string& purpose, std::uint64_t first, std::span<Tape> tapes) const;
  [[nodiscard]] bool asks(Kind kind) const {
    return std::any_of(quantities_.begin(), quantities_.end(), [&](const Quantity& q) { return q.name.kind == kind; });
  }
  /// Nodes from a to b with an even number of equal steps, never across a kink of the coefficients.
  [[nodiscard]] std::vector<double> nodes(double a, double b) const;

  std::shared_ptr<const Bridge> bridge_;
  Motion motion_;
  Scheme scheme_ = Scheme::rk4;
  double steps_ = 400;
  bool backwards_ = false;
  Fields fields_;
  std::shared_ptr<const Field> forward_;  // b + epsilon s, of `control`
  std::vector<double> times_;
  std::vector<double> centre_;
  Plan plan_;
  std::vector<Quantity> quantities_;
};

Particles::Particles(std::shared_ptr<const Bridge> bridge, Motion motion, const Ask& ask) : bridge_(std::move(bridge)), motion_(motion), times_(asked_times(*bridge_, ask)) {
  steps_ = number(ask, "steps", motion == Motion::draws ? 200 : 400);
  scheme_ = scheme_from_text(word(ask, "scheme", motion == Motion::noise ? "heun" : "rk4"));
  backwards_ = word(ask, "direction", "forward") == "backward";
  const bool by_denoiser = word(ask, "score", "exact") == "denoiser";
  if (motion_ != Motion::draws && bridge_->t_cut == 0 && (by_denoiser || bridge_->score_singular))
    throw ParameterError(by_denoiser ? fmt::format("system '{}': the score -eta/gamma is singular at t = 0 and t = 1 and t_cut = 0; set t_cut, for example to 1e-4 (then the dynamics run on [1e-4, 0.9999]), or take score = \"exact\"", bridge_->name)
                                     : fmt::format("system '{}': this law has edges, its score no value at t = 1, and t_cut = 0; set t_cut, for example to 1e-3", bridge_->name));
  if (by_denoiser && bridge_->path && !(bridge_->interpolant.at(0.5).gamma > 0) && !bridge_->interpolant.one_sided())
    throw ParameterError(fmt::format("system '{}': latent = \"none\" leaves no z to predict: a score by the denoiser needs a latent", bridge_->name));
  fields_ = fields_of(*bridge_, motion_ == Motion::noise ? (backwards_ ? -1 : 1) : 0, by_denoiser);
  forward_ = fields_of(*bridge_, 1, by_denoiser).drift;
  plan_.axes.push_back({"t", "1", times_});
  for (std::size_t i = 0; i < bridge_->d; ++i) centre_.push_back(0.5 * (bridge_->low[i] + bridge_->high[i]));
  for (const std::string& text : ask.observables) add(text);
}

void Particles::add(const std::string& text) {
  const auto name = parse(*bridge_, text);
  if (!name || name->kind == Kind::mode_count) return;
  if (name->kind == Kind::kl && (motion_ != Motion::flow || backwards_)) return;
  for (const Quantity& q : quantities_)
    if (q.text == text) return;
  const bool moves = motion_ != Motion::draws;
  Quantity q{*name, text};
  Derived value{.observable = text, .unit = "1"}, step{.observable = text + " h - 2h", .unit = "1"};
  const double inf = std::numeric_limits<double>::infinity();
  switch (name->kind) {
    case Kind::mean:
      q.fine = signal({.name = text, .path = true});
      q.difference = moves ? signal({.name = text + " h - 2h"}) : 0;
      value.signals = {q.fine};
      step.signals = {q.difference};
      break;
    case Kind::variance:
      q.fine = signal({.name = text + " x"});
      q.fine2 = signal({.name = text + " square", .lo = 0});
      value.signals = {q.fine, q.fine2};
      value.f = [](std::span<const double> m) { return m[1] - m[0] * m[0]; };
      if (moves) {
        q.difference = signal({.name = text + " x h - 2h"});
        q.difference2 = signal({.name = text + " square h - 2h"});
        step.signals = {q.fine, q.difference, q.difference2};
        step.f = [](std::span<const double> m) { return m[2] - m[1] * (2 * m[0] - m[1]); };
      }
      break;
    case Kind::distribution:
    case Kind::mode_weights:
      q.axis = name->kind == Kind::distribution ? law_axis(*bridge_, name->i) : mode_axis(*bridge_);
      q.fine = signal({.name = text, .width = q.axis.points.size(), .lo = 0, .hi = 1});
      value.support = q.axis;
      value.is_distribution = name->kind == Kind::distribution;
      value.signals = {q.fine};
      if (moves) {
        q.difference = signal({.name = text + " h - 2h", .width = q.axis.points.size(), .lo = -1, .hi = 1});
        step.signals = {q.difference};
        step.support = q.axis;
      }
      break;
    default:  // one number per time
      q.fine = signal({.name = text, .lo = name->kind == Kind::kl ? -inf : 0});
      q.difference = signal({.name = text + " h - 2h"});
      value.signals = {q.fine};
      step.signals = {q.difference};
      if (name->kind != Kind::kl) {
        value.exact.assign(times_.size(), 0.0);
        for (std::size_t i = 0; i < times_.size(); ++i) value.exact[i] = times_[i] == (backwards_ ? 1 : 0) ? 1 : 0;
      }
      break;
  }
  quantities_.push_back(std::move(q));
  plan_.derived.push_back(std::move(value));
  if (moves || name->kind == Kind::action || name->kind == Kind::control) plan_.derived.push_back(std::move(step));
}

std::vector<double> Particles::nodes(double a, double b) const {
  std::vector<double> stops{a};
  for (const double k : bridge_->interpolant.breaks())
    if ((k - a) * (k - b) < 0) stops.push_back(k);
  stops.push_back(b);
  std::vector<double> out{a};
  for (std::size_t s = 0; s + 1 < stops.size(); ++s) {
    const auto n = static_cast<std::size_t>(2 * std::max(1.0, std::ceil(std::abs(stops[s + 1] - stops[s]) * steps_ / 2 - 1e-9)));
    const std::vector<double> part = uniform_grid(stops[s], stops[s + 1], n);
    out.insert(out.end(), part.begin() + 1, part.end());
  }
  return out;
}

void Particles::record(std::size_t point, double t, std::span<const double> fine, std::span<const double> coarse, std::span<Tape> tapes) const {
  const std::size_t d = bridge_->d, n = tapes.size();
  const bool moves = motion_ != Motion::draws;
  std::vector<double> weight, weight2;
  for (const Quantity& q : quantities_) {
    const std::size_t i = q.name.i;
    switch (q.name.kind) {
      case Kind::mean:
        for (std::size_t k = 0; k < n; ++k) {
          tapes[k].record(q.fine, point, fine[k * d + i]);
          if (moves) tapes[k].record(q.difference, point, fine[k * d + i] - coarse[k * d + i]);
        }
        break;
      case Kind::variance:
        for (std::size_t k = 0; k < n; ++k) {
          const double x = fine[k * d + i] - centre_[i];
          tapes[k].record(q.fine, point, x);
          tapes[k].record(q.fine2, point, x * x);
          if (!moves) continue;
          const double y = coarse[k * d + i] - centre_[i];
          tapes[k].record(q.difference, point, x - y);
          tapes[k].record(q.difference2, point, x * x - y * y);
        }
        break;
      case Kind::distribution: {
        const auto bin = [&](double x) { return static_cast<std::size_t>(std::lower_bound(q.axis.points.begin(), q.axis.points.end() - 1, x) - q.axis.points.begin()); };
        for (std::size_t k = 0; k < n; ++k) {
          const std::size_t p = bin(fine[k * d + i]);
          tapes[k].record(q.fine, point, 1, p);
          if (!moves) continue;
          const std::size_t c = bin(coarse[k * d + i]);  // difference of the distribution functions
          for (std::size_t b = std::min(p, c); b < std::max(p, c); ++b) tapes[k].record(q.difference, point, p < c ? 1 : -1, b);
        }
        break;
      }
      case Kind::mode_weights: {
        mode_responsibilities(*bridge_, t, fine, weight);
        if (moves) mode_responsibilities(*bridge_, t, coarse, weight2);
        const std::size_t modes = q.axis.points.size();
        for (std::size_t k = 0; k < n; ++k)
          for (std::size_t j = 0; j < modes; ++j) {
            tapes[k].record(q.fine, point, weight[k * modes + j], j);
            if (moves) tapes[k].record(q.difference, point, weight[k * modes + j] - weight2[k * modes + j], j);
          }
        break;
      }
      default: break;
    }
  }
}

void Particles::record_running(Kind kind, std::size_t point, const Running& sums, std::span<Tape> tapes) const {
  for (const Quantity& q : quantities_)
    if (q.name.kind == kind)
      for (std::size_t k = 0; k < tapes.size(); ++k) {
        tapes[k].record(q.fine, point, sums.fine[k]);
        tapes[k].record(q.difference, point, sums.fine[k] - sums.coarse[k]);
      }
}

void Particles::record_kl(std::size_t point, double t, std::uint64_t seed, const std::string& purpose, std::uint64_t first, std::span<Tape> tapes) const {
  const std::size_t d = bridge_->d, n = tapes.size();
  std::vector<double> x(n * d), x0(d), x1(d), z(d), truth(n);
  const Coefficients c = bridge_->interpolant.at(t);
  for (std::size_t k = 0; k < n; ++k) {
    Stream stream = Stream(seed, first + k, purpose + "/kl").lane(static_cast<std::uint32_t>(point));
    bridge_->draw(t, stream, x0, x1, z);
    for (std::size_t i = 0; i < d; ++i) x[k * d + i] = c.alpha * x0[i] + c.beta * x1[i] + c.gamma * z[i];
  }
  bridge_->path->instant(t)->evaluate(x, {}, {.log_density = truth});
  const double start = clipped(*bridge_, 0);
  const std::vector<double> grid = nodes(start, t);
  std::vector<double> half;
  for (std::size_t s = 0; s < grid.size(); s += 2) half.push_back(grid[s]);
  // In closed form for the exact velocity (a constant error has no divergence), else by differences.
  const auto* exact = dynamic_cast<const MixtureField*>(bridge_->velocity.get());
  const Divergence divergence = exact ? divergence_of(*exact) : divergence_by_differences(*fields_.velocity);
  const auto log_start = [&](std::span<const double> y, std::span<double> out) { bridge_->path->instant(start)->evaluate(y, {}, {.log_density = out}); };
  const std::vector<double> fine = log_likelihood(*fields_.velocity, divergence, grid, log_start, x), coarse = log_likelihood(*fields_.velocity, divergence, half, log_start, x);
  for (const Quantity& q : quantities_)
    if (q.name.kind == Kind::kl)
      for (std::size_t k = 0; k < n; ++k) {
        tapes[k].record(q.fine, point, truth[k] - fine[k]);
        tapes[k].record(q.difference, point, coarse[k] - fine[k]);
      }
}

void Particles::sample_batch(const Ask&, const Plan&, std::uint64_t seed, const std::string& purpose, std::uint64_t first, std::span<Tape> tapes) const {
  const std::size_t d = bridge_->d, n = tapes.size();
  std::vector<double> x0(n * d), x1(n * d), z(n * d), fine(n * d);
  const auto part = [d](std::vector<double>& v, std::size_t k) { return std::span(v).subspan(k * d, d); };
  const double begin = clipped(*bridge_, backwards_ ? 1 : 0);
  for (std::size_t k = 0; k < n; ++k) {
    Stream stream(seed, first + k, purpose + "/start");
    bridge_->draw(begin, stream, part(x0, k), part(x1, k), part(z, k));
  }
  const auto place = [&](double t, std::vector<double>& x) {
    const Coefficients c = bridge_->interpolant.at(t);
    for (std::size_t q = 0; q < x.size(); ++q) x[q] = c.alpha * x0[q] + c.beta * x1[q] + c.gamma * z[q];
  };
  place(begin, fine);
  std::vector<double> coarse = fine, value(n * d);
  const bool running = asks(Kind::action) || asks(Kind::control);
  Running action{std::vector<double>(n, 0.0), std::vector<double>(n, 0.0)}, control = action;
  // int |field|^2 dt by the trapezoidal rule on both grids.
  const auto gather = [&](const Field& field, double t, std::span<const double> x, std::vector<double>& into, double weight) {
    field.at(t, x, value);
    for (std::size_t k = 0; k < n; ++k) {
      double square = 0;
      for (std::size_t i = 0; i < d; ++i) square += value[k * d + i] * value[k * d + i];
      into[k] += weight * square;
    }
  };
  const auto both = [&](double t, double w_fine, double w_coarse) {
    for (const auto& [kind, sums, field] : {std::tuple{Kind::action, &action, fields_.velocity.get()}, {Kind::control, &control, forward_.get()}}) {
      if (!asks(kind)) continue;
      gather(*field, t, fine, sums->fine, w_fine);
      if (w_coarse != 0) gather(*field, t, motion_ == Motion::draws ? fine : coarse, sums->coarse, w_coarse);
    }
  };
  std::vector<FastStream> noise;
  if (motion_ == Motion::noise) noise = noise_streams(seed, first, n, purpose + "/noise");
  const double epsilon = bridge_->epsilon;
  const auto level = [epsilon](double) { return epsilon; };
  double at = begin;
  const auto advance = [&](double asked) {
    if (motion_ == Motion::draws && !running) {
      place(asked, fine);
      return;
    }
    const double to = clipped(*bridge_, asked);  // energies between the cuts: fields may have no value beyond
    if (motion_ == Motion::draws) place(at, fine);
    const std::vector<double> grid = at == to ? std::vector<double>{at} : nodes(at, to);
    for (std::size_t s = 0; s + 2 < grid.size(); s += 2) {
      const std::array<double, 3> two{grid[s], grid[s + 1], grid[s + 2]};
      const double h = std::abs(grid[s + 1] - grid[s]);
      if (running) both(two[0], 0.5 * h, h);
      if (motion_ == Motion::draws) {
        place(two[1], fine);
        both(two[1], h, 0);
        place(two[2], fine);
      } else if (motion_ == Motion::flow) {
        flow(*fields_.velocity, scheme_, std::span(two).first(2), fine);
        if (running) both(two[1], h, 0);
        flow(*fields_.velocity, scheme_, std::span(two).last(2), fine);
        const std::array<double, 2> whole{two[0], two[2]};
        flow(*fields_.velocity, scheme_, whole, coarse);
      } else {
        diffuse_coupled(*fields_.drift, level, scheme_, two, fine, coarse, noise, [&](double t) {
          if (running) both(t, h, 0);
        });
      }
      if (running) both(two[2], 0.5 * h, h);
    }
    at = to;
    if (motion_ == Motion::draws) place(asked, fine);
  };
  for (std::size_t p = 0; p < times_.size(); ++p) {
    const std::size_t point = backwards_ ? times_.size() - 1 - p : p;
    const double t = motion_ == Motion::draws ? times_[point] : clipped(*bridge_, times_[point]);
    advance(times_[point]);
    record(point, t, fine, coarse, tapes);
    if (running) {
      record_running(Kind::action, point, action, tapes);
      record_running(Kind::control, point, control, tapes);
    }
    if (asks(Kind::kl)) record_kl(point, t, seed, purpose, first, tapes);
  }
}

void Particles::finish(Answer& answer) const {
  std::vector<Estimate> kept;
  const double factor = motion_ == Motion::flow && scheme_ != Scheme::euler ? 1.0 / 3 : 1;  // at least order 2; with noise order 1 is taken, whatever the scheme
  for (std::size_t e = 0; e < answer.estimates.size(); ++e) {
    Estimate value = answer.estimates[e];
    const bool paired = e + 1 < answer.estimates.size() && answer.estimates[e + 1].observable == value.observable + " h - 2h";
    if (paired) {
      const Estimate& step = answer.estimates[++e];
      value.error_bound.assign(value.size(), 0.0);
      const auto bound = [&](std::size_t i) { return factor * std::abs(step.value[i]) + 3 * step.se(i); };
      if (value.is_distribution) {  // one bound for the distribution function, at its first bin
        const std::size_t width = value.axes.back().points.size();
        for (std::size_t i = 0; i < value.size() / width; ++i)
          for (std::size_t b = 0; b < width; ++b) value.error_bound[i * width] = std::max(value.error_bound[i * width], bound(i * width + b));
      } else {
        for (std::size_t i = 0; i < value.size(); ++i) value.error_bound[i] = value.is_exact(i) ? 0.0 : bound(i);
      }
    }
    kept.push_back(std::move(value));
  }
  answer.estimates = std::move(kept);
  if (motion_ != Motion::draws) {
    answer.flags.push_back({.kind = "note", .text = fmt::format("{} steps a unit of time, {}; the step's error from coupled paths at h and 2h", brief(steps_), scheme_ == Scheme::euler ? "Euler" : scheme_ == Scheme::heun ? "Heun" : "Runge-Kutta 4")});
    note_cut(*bridge_, answer);
  }
}

std::vector<Portrait> Particles::portraits(const Ask&, const Plan&, std::uint64_t seed, const std::string& purpose) const {
  // Paths of many particles through one coordinate, as counts: rows are times, columns places.
  if (motion_ == Motion::draws) return {};
  constexpr std::size_t particles = 64, rows = 161, columns = 241;
  const std::size_t d = bridge_->d;
  std::vector<double> x(particles * d), x0(d), x1(d), z(d);
  const double begin = clipped(*bridge_, backwards_ ? 1 : 0), end = clipped(*bridge_, backwards_ ? 0 : 1);
  const Coefficients c = bridge_->interpolant.at(begin);
  for (std::size_t k = 0; k < particles; ++k) {
    Stream stream(seed, k, purpose + "/start");
    bridge_->draw(begin, stream, x0, x1, z);
    for (std::size_t i = 0; i < d; ++i) x[k * d + i] = c.alpha * x0[i] + c.beta * x1[i] + c.gamma * z[i];
  }
  std::vector<FastStream> noise;
  if (motion_ == Motion::noise) noise = noise_streams(seed, 0, particles, purpose + "/noise");
  Portrait picture{.name = "paths", .title = fmt::format("paths of {} particles along {}", particles, coordinate(*bridge_, 0)), .unit = "particles", .axes = {{"t", "1", {}}, {coordinate(*bridge_, 0), "1", {}}}};
  for (std::size_t j = 0; j < columns; ++j) picture.axes[1].points.push_back(bridge_->low[0] + (bridge_->high[0] - bridge_->low[0]) * static_cast<double>(j) / (columns - 1));
  for (std::size_t r = 0; r < rows; ++r) picture.axes[0].points.push_back(std::min(begin, end) + std::abs(end - begin) * static_cast<double>(r) / (rows - 1));
  picture.value.assign(rows * columns, 0.0);
  const double width = picture.axes[1].points[1] - picture.axes[1].points[0], epsilon = bridge_->epsilon;
  double at = begin;
  for (std::size_t r = 0; r < rows; ++r) {
    const std::size_t row = backwards_ ? rows - 1 - r : r;
    const double to = picture.axes[0].points[row];
    if (to != at) {
      const std::vector<double> grid = nodes(at, to);
      if (motion_ == Motion::flow) flow(*fields_.velocity, scheme_, grid, x);
      else diffuse(*fields_.drift, [epsilon](double) { return epsilon; }, scheme_, grid, x, noise);
      at = to;
    }
    for (std::size_t k = 0; k < particles; ++k) {
      const double place = std::round((x[k * d] - bridge_->low[0]) / width);
      if (place >= 0 && place < columns) picture.value[row * columns + static_cast<std::size_t>(place)] += 1;
    }
  }
  return {picture};
}

Level particle_level(std::shared_ptr<const Bridge> bridge, Motion motion, LevelInfo info) {
  info.sampled = true;
  info.grain = 256;
  Level level;
  level.info = std::move(info);
  level.run = [bridge, motion, grain = level.info.grain](const Ask& ask, Context& context) {
    std::shared_ptr<const Particles> particles;
    try {
      particles = std::make_shared<const Particles>(motion == Motion::draws ? bridge : learned(bridge, context), motion, ask);
    } catch (const NumericalBreakdown& error) {
      return broken_by(error, *bridge);
    }
    if (particles->empty()) return Answer{};
    struct Run {
      std::shared_ptr<const Particles> p;
      Plan plan(const Ask& a) const { return p->plan(a); }
      void sample_batch(const Ask& a, const Plan& plan, std::uint64_t seed, const std::string& purpose, std::uint64_t first, std::span<Tape> tapes) const { p->sample_batch(a, plan, seed, purpose, first, tapes); }
      std::vector<Portrait> portraits(const Ask& a, const Plan& plan, std::uint64_t seed, const std::string& purpose) const { return p->portraits(a, plan, seed, purpose); }
    };
    try {
      return sampled(Run{particles}, grain, [particles](const Ask&, const EnsembleResult&, Answer& answer) { particles->finish(answer); })(ask, context);
    } catch (const NumericalBreakdown& error) {
      return broken_by(error, *bridge);
    }
  };
  return level;
}

// ---- solved levels ---------------------------------------------------------------------------------------------------

/// int_0^t of a mean square, at every asked time; midpoint rule with 200 steps a unit of time, and its error from half as many.
std::pair<std::vector<double>, std::vector<double>> running_integral(const std::vector<double>& times, const std::vector<double>& breaks, const std::function<double(double)>& f) {
  std::vector<double> value, bound;
  double sum = 0, coarse = 0, at = 0;
  for (const double t : times) {
    std::vector<double> stops{at};
    for (const double k : breaks)
      if (k > at && k < t) stops.push_back(k);
    stops.push_back(t);
    for (std::size_t s = 0; s + 1 < stops.size(); ++s) {
      const double span = stops[s + 1] - stops[s];
      if (!(span > 0)) continue;
      const auto n = static_cast<std::size_t>(3 * std::ceil(200 * span / 3));  // a third as many midpoints are among them
      const double h = span / static_cast<double>(n);
      for (std::size_t k = 0; k < n; ++k) {
        const double v = f(stops[s] + h * (static_cast<double>(k) + 0.5));
        sum += h * v;
        if (k % 3 == 1) coarse += 3 * h * v;
      }
    }
    at = t;
    value.push_back(sum);
    bound.push_back(std::abs(sum - coarse) / 8 + 1e-9 * sum);
  }
  return {value, bound};
}

/// Where the interpolant would be the Schrödinger bridge if only its ends were coupled optimally.
void note_bridge(const Bridge& bridge, Answer& answer) {
  const InterpolantSpec& spec = bridge.interpolant.spec();
  if (bridge.d != 1 || spec.path != "linear" || spec.latent != "brownian" || !(bridge.epsilon > 0) || std::abs(spec.latent_scale - 2 * bridge.epsilon) > 1e-9 * bridge.epsilon) return;
  const auto &start = bridge.path->start(), &end = bridge.path->end();
  if (start.components() == 1 && end.components() == 1) {
    const GaussianBridge best{start.component_covariances()[0], end.component_covariances()[0], bridge.epsilon, end.mean()[0] - start.mean()[0]};
    const double c = bridge.path->coupling();
    if (std::abs(c - best.coupling()) <= 0.01 * best.coupling()) {
      answer.flags.push_back({.kind = "note", .text = fmt::format("the coupling Cov(x0, x1) = {} is that of the Schrödinger bridge ({}) within 1 %", brief(c, 6), brief(best.coupling(), 6))});
      return;
    }
    answer.flags.push_back({.kind = "bridge-not-sb", .text = fmt::format("bridge, not SB: gamma^2 = 2 epsilon t (1 - t) with Cov(x0, x1) = {}; the Schrödinger bridge has {}. Var(1/2) is {} here and {} there", brief(c, 6), brief(best.coupling(), 6),
                                                                         brief(bridge.path->law(0.5).covariance()[0], 6), brief(best.variance(0.5), 6))});
    return;
  }
  answer.flags.push_back({.kind = "bridge-not-sb", .text = "bridge, not SB: gamma^2 = 2 epsilon t (1 - t) with independent x0 and x1; the Schrödinger bridge couples them (level 'schroedinger-bridge')"});
}

Portrait density_portrait(const Bridge& bridge, const std::string& title, const std::function<std::vector<double>(double t, const std::vector<double>& x)>& density) {
  Portrait picture{.name = "density", .title = title, .unit = "1", .axes = {{"t", "1", {}}, {"x", "1", {}}}};
  for (int i = 0; i <= 100; ++i) picture.axes[0].points.push_back(i / 100.0);
  for (int j = 0; j <= 240; ++j) picture.axes[1].points.push_back(bridge.low[0] + (bridge.high[0] - bridge.low[0]) * j / 240.0);
  for (const double t : picture.axes[0].points) {
    const std::vector<double> row = density(t, picture.axes[1].points);
    picture.value.insert(picture.value.end(), row.begin(), row.end());
  }
  return picture;
}

Answer exact_level(const Bridge& bridge, const Ask& ask, bool moments_only) {
  const std::vector<double> times = asked_times(bridge, ask);
  Answer answer;
  for (const std::string& text : ask.observables) {
    const auto name = parse(bridge, text);
    if (!name) continue;
    std::vector<double> value, bound;
    if (name->kind == Kind::mean || name->kind == Kind::variance) {
      for (const double t : times) value.push_back(name->kind == Kind::mean ? bridge.mean(t, name->i) : bridge.variance(t, name->i));
      for (const double v : value) bound.push_back(1e-12 * (1 + std::abs(v)));
      answer.estimates.push_back(scalar(text, times, value, bound));
      continue;
    }
    if (moments_only || !bridge.path) continue;
    const MixturePath& path = *bridge.path;
    switch (name->kind) {
      case Kind::distribution: {
        const Axis axis = law_axis(bridge, name->i);
        for (const double t : times) {
          const sde::GaussianMixture law = path.law(t);
          std::vector<double> means, variances;
          for (std::size_t k = 0; k < law.components(); ++k) {
            means.push_back(law.component_means()[k * bridge.d + name->i]);
            variances.push_back(law.component_covariances()[k * bridge.d * bridge.d + name->i * (bridge.d + 1)]);
          }
          const sde::GaussianMixture marginal(law.weights(), means, variances);
          const std::vector<double> row = masses(axis, [&](double x) { return marginal.cdf(x); });
          value.insert(value.end(), row.begin(), row.end());
        }
        Estimate e = solved_estimate(text, "1", {{"t", "1", times}, axis}, value);
        e.is_distribution = true;
        answer.estimates.push_back(std::move(e));
        break;
      }
      case Kind::mode_weights:
        for (std::size_t i = 0; i < times.size(); ++i) value.insert(value.end(), path.end().weights().begin(), path.end().weights().end());
        answer.estimates.push_back(solved_estimate(text, "1", {{"t", "1", times}, mode_axis(bridge)}, value));
        break;
      case Kind::action:
      case Kind::control: {
        if (bridge.d != 1) break;
        const Blend blend{1, name->kind == Kind::control ? bridge.epsilon : 0};
        auto [v, b] = running_integral(times, bridge.interpolant.breaks(), [&](double t) { return path.mean_square(t, blend); });
        answer.estimates.push_back(scalar(text, times, v, b));
        break;
      }
      case Kind::kl: answer.estimates.push_back(scalar(text, times, std::vector<double>(times.size(), 0.0))); break;
      case Kind::mode_count:
        for (const double t : times) value.push_back(static_cast<double>(count_modes(path.law(t))));
        answer.estimates.push_back(scalar(text, times, value));
        break;
      default: break;
    }
  }
  if (moments_only || !bridge.path) return answer;
  note_bridge(bridge, answer);
  if (ask.portraits && bridge.d == 1)
    answer.portraits.push_back(density_portrait(bridge, fmt::format("density of the bridge, path {}, gamma {}", bridge.interpolant.spec().path, bridge.interpolant.spec().latent), [&](double t, const std::vector<double>& x) {
      std::vector<double> row(x.size());
      bridge.path->instant(t)->evaluate(x, {}, {.log_density = row});
      for (double& v : row) v = std::exp(v);
      return row;
    }));
  return answer;
}

/// Observables of laws on the line at all times, from two resolutions: values of the finer, bounds from the coarser.
void answer_laws(const Bridge& bridge, const Ask& ask, const std::vector<double>& times, const std::vector<PiecewiseLaw>& fine, const std::vector<PiecewiseLaw>& coarse, Answer& answer) {
  for (const std::string& text : ask.observables) {
    const auto name = parse(bridge, text);
    if (!name) continue;
    const std::size_t n = times.size();
    std::vector<double> value(n), bound(n);
    const auto both = [&](const std::function<double(std::size_t, const PiecewiseLaw&)>& f, double factor) {
      for (std::size_t i = 0; i < n; ++i) {
        value[i] = f(i, fine[i]);
        bound[i] = factor * std::abs(value[i] - f(i, coarse[i])) + 1e-12;
      }
      answer.estimates.push_back(scalar(text, times, value, bound));
    };
    if (name->kind == Kind::mean) both([](std::size_t, const PiecewiseLaw& law) { return law.mean(); }, 1);
    if (name->kind == Kind::variance) both([](std::size_t, const PiecewiseLaw& law) { return law.variance(); }, 1);
    if (name->kind == Kind::kl)
      both([&](std::size_t i, const PiecewiseLaw& law) { return kullback_leibler(exact_on(*bridge.path, clipped(bridge, times[i]), law), law); }, 1);
    if (name->kind == Kind::distribution) {
      const Axis axis = law_axis(bridge, 0);
      std::vector<double> all, bounds;
      for (std::size_t i = 0; i < n; ++i) {
        const std::vector<double> row = masses(axis, [&](double x) { return fine[i].cdf(x); });
        all.insert(all.end(), row.begin(), row.end());
        double worst = 0;
        for (const double x : axis.points) worst = std::max(worst, std::abs(fine[i].cdf(x) - coarse[i].cdf(x)));
        bounds.resize(all.size(), 0.0);
        bounds[i * axis.points.size()] = worst;
      }
      Estimate e = solved_estimate(text, "1", {{"t", "1", times}, axis}, std::move(all), std::move(bounds));
      e.is_distribution = true;
      answer.estimates.push_back(std::move(e));
    }
    if (name->kind == Kind::mode_count) {
      for (std::size_t i = 0; i < n; ++i) {
        // Local maxima of the density in the pieces, those above 1e-6 of the highest and 1e-6 above the valley before.
        const PiecewiseLaw& law = fine[i];
        double top = 0;
        std::vector<double> density;
        for (std::size_t k = 0; k + 1 < law.x.size(); ++k) density.push_back((law.below[k + 1] - law.below[k]) / (law.x[k + 1] - law.x[k]));
        for (const double v : density) top = std::max(top, v);
        double valley = 0, peak = 0;
        std::size_t modes = 0;
        bool rising = true;
        for (const double v : density) {
          if (rising) {
            peak = std::max(peak, v);
            if (v < peak - 1e-6 * top) {
              modes += peak > valley + 1e-6 * top;
              rising = false;
              valley = v;
            }
          } else {
            valley = std::min(valley, v);
            if (v > valley + 1e-6 * top) {
              rising = true;
              peak = v;
            }
          }
        }
        value[i] = static_cast<double>(modes);
      }
      answer.estimates.push_back(scalar(text, times, value));
    }
  }
}

bool wants_laws(const Bridge& bridge, const Ask& ask) {
  return std::any_of(ask.observables.begin(), ask.observables.end(), [&](const std::string& text) {
    const auto name = parse(bridge, text);
    return name && name->kind != Kind::action && name->kind != Kind::control && name->kind != Kind::mode_weights;
  });
}

Answer fokker_planck(const Bridge& bridge, const Ask& ask, Context& context) {
  const std::vector<double> times = asked_times(bridge, ask);
  const bool backwards = word(ask, "direction", "forward") == "backward", by_denoiser = word(ask, "score", "exact") == "denoiser";
  if (by_denoiser && bridge.t_cut == 0)
    throw ParameterError(fmt::format("system '{}': the score -eta/gamma is singular at t = 0 and t = 1 and t_cut = 0; set t_cut, for example to 1e-4 (then the dynamics run on [1e-4, 0.9999]), or take score = \"exact\"", bridge.name));
  Answer answer;
  if (!wants_laws(bridge, ask)) return answer;
  const Fields fields = fields_of(bridge, backwards ? -1 : 1, by_denoiser);
  const auto cells = static_cast<std::size_t>(number(ask, "cells", 2000)), steps = static_cast<std::size_t>(number(ask, "steps", 1000));
  std::vector<std::vector<PiecewiseLaw>> laws(2, std::vector<PiecewiseLaw>(times.size()));
  double lost = 0;
  std::vector<double> rows;
  for (const std::size_t coarse : {0u, 1u}) {
    const double begin = clipped(bridge, backwards ? 1 : 0);
    const sde::GaussianMixture start = bridge.path->law(begin);
    GridLaw law(cells_of(*bridge.path, cells >> coarse), [&](double x) { return start.cdf(x); });
    double at = begin;
    for (std::size_t p = 0; p < times.size(); ++p) {
      const std::size_t point = backwards ? times.size() - 1 - p : p;
      const double to = clipped(bridge, times[point]);
      if (to != at) {
        diffuse(law, drift_of(*fields.drift), [&](double) { return bridge.epsilon; }, bridge_grid(at, to, static_cast<double>(steps >> coarse)));
        at = to;
      }
      laws[coarse][point] = law.law();
      context.progress((coarse == 0 ? 0.0 : 0.8) + (coarse == 0 ? 0.8 : 0.2) * static_cast<double>(p + 1) / static_cast<double>(times.size()));
    }
    if (coarse == 0) lost = law.lost();
  }
  answer_laws(bridge, ask, times, laws[0], laws[1], answer);
  if (lost > 1e-9) answer.flags.push_back({.kind = "truncated", .text = fmt::format("{} of the probability left the grid", brief(lost))});
  if (bridge.velocity_error != 0 || bridge.score_error != 0) {
    const double sign = backwards ? -1 : 1, f = bridge.velocity_error + sign * bridge.epsilon * bridge.score_error;
    answer.flags.push_back({.kind = "note", .text = fmt::format("KL at the end is at most (c + epsilon d)^2/(4 epsilon) = {}; that bound is least at epsilon = |c/d|", brief(f * f / (4 * bridge.epsilon), 6))});
  }
  note_cut(bridge, answer);
  return answer;
}

Answer transport(const Bridge& bridge, const Ask& ask, Context& context) {
  const std::vector<double> times = asked_times(bridge, ask);
  Answer answer;
  Ask laws_asked = ask;  // quantiles carry the distribution function; the density between them is too rough to count maxima of
  std::erase(laws_asked.observables, std::string("mode.count"));
  if (!wants_laws(bridge, laws_asked)) return answer;
  const Fields fields = fields_of(bridge, 0, false);
  const auto steps = number(ask, "steps", 800);
  const double begin = clipped(bridge, 0);
  const sde::GaussianMixture start = bridge.path->law(begin);
  const Cells box = cells_of(*bridge.path, 4);
  const Cells from = [&] {
    double low = std::numeric_limits<double>::infinity(), high = -low;
    for (std::size_t k = 0; k < start.components(); ++k) {
      const double m = start.component_means()[k], sd = std::sqrt(start.component_covariances()[k]);
      low = std::min(low, m - 8 * sd);
      high = std::max(high, m + 8 * sd);
    }
    return Cells{low, high, 4};
  }();
  const auto cdf = [&](double x) { return start.cdf(x); };
  std::vector<std::vector<PiecewiseLaw>> laws(2);
  for (const std::size_t coarse : {0u, 1u})
    for (const double t : times) {
      const double to = clipped(bridge, t);
      const FlowOptions options{.nodes = coarse ? 500u : 1000u, .widest = (box.high - box.low) / (coarse ? 1000 : 2000)};
      const std::vector<double> grid = to > begin ? bridge_grid(begin, to, steps / (coarse ? 2 : 1)) : std::vector<double>{begin};
      laws[coarse].push_back(flow_law(drift_of(*fields.velocity), grid, cdf, from.low, from.high, options));
      context.progress(0.5 * static_cast<double>(coarse) + 0.5 * static_cast<double>(laws[coarse].size()) / static_cast<double>(times.size()));
    }
  answer_laws(bridge, laws_asked, times, laws[0], laws[1], answer);
  note_cut(bridge, answer);
  return answer;
}

Answer schroedinger(const Bridge& bridge, const Ask& ask) {
  const std::vector<double> times = asked_times(bridge, ask);
  Answer answer;
  if (!(bridge.epsilon > 0)) throw ParameterError(fmt::format("system '{}': the Schrödinger bridge needs epsilon > 0; it is {}", bridge.name, exact(bridge.epsilon)));
  const bool relevant = std::any_of(ask.observables.begin(), ask.observables.end(), [&](const std::string& text) {
    const auto name = parse(bridge, text);
    return name && (name->kind == Kind::mean || name->kind == Kind::variance || name->kind == Kind::distribution || name->kind == Kind::control || name->kind == Kind::mode_count);
  });
  if (!relevant) return answer;
  const SchroedingerBridge found(bridge.path->start(), bridge.path->end(), bridge.epsilon);
  for (const std::string& text : ask.observables) {
    const auto name = parse(bridge, text);
    if (!name) continue;
    std::vector<double> value, bound;
    if (name->kind == Kind::mean || name->kind == Kind::variance) {
      for (const double t : times) value.push_back(name->kind == Kind::mean ? found.mean(t) : found.variance(t));
      bound.assign(value.size(), 1e-8 * (1 + bridge.path->start().covariance()[0] + bridge.path->end().covariance()[0]));
      answer.estimates.push_back(scalar(text, times, value, bound));
    }
    if (name->kind == Kind::control && times.size() == 1 && times[0] == 1) answer.estimates.push_back(scalar(text, times, {found.energy()}, {1e-6 * std::abs(found.energy())}));
  }
  Ask laws = ask;
  std::erase_if(laws.observables, [&](const std::string& text) {
    const auto name = parse(bridge, text);
    return !name || (name->kind != Kind::distribution && name->kind != Kind::mode_count);
  });
  if (!laws.observables.empty()) {
    std::vector<PiecewiseLaw> all;
    for (const double t : times) all.push_back(found.law(t));
    answer_laws(bridge, laws, times, all, all, answer);
  }
  answer.flags.push_back({.kind = "note", .text = fmt::format("iterated proportional fitting: {} iterations, marginal off by {}; Cov(x0, x1) = {}, energy int E|u|^2 dt = {}", found.iterations(), brief(found.marginal_error(), 2), brief(found.coupling(), 7),
                                                              brief(found.energy(), 7))});
  if (ask.portraits)
    answer.portraits.push_back(density_portrait(bridge, fmt::format("density of the Schrödinger bridge, epsilon {}", brief(bridge.epsilon)), [&](double t, const std::vector<double>& x) {
      const PiecewiseLaw law = found.law(t);
      std::vector<double> row;
      for (const double at : x) row.push_back(at <= law.x.front() || at >= law.x.back() ? 0.0 : law.density(at));
      return row;
    }));
  return answer;
}

ParameterInfo steps_option(double fallback) {
  return {.name = "steps", .unit = "1", .doc = "steps of time from t = 0 to t = 1", .type = ParameterInfo::Type::real, .fallback = Value(fallback), .min = 2, .max = 1e6};
}
ParameterInfo word_option(const char* name, const char* doc, const char* fallback, std::vector<std::string> allowed) {
  return {.name = name, .unit = "", .doc = doc, .type = ParameterInfo::Type::text, .fallback = Value(fallback), .allowed = std::move(allowed)};
}

}  // namespace

Axis law_axis(const Bridge& bridge, std::size_t i) {
  Axis axis{coordinate(bridge, i), "1", {}};
  for (int b = 0; b <= 128; ++b) axis.points.push_back(bridge.low[i] + (bridge.high[i] - bridge.low[i]) * b / 128.0);
  return axis;
}

std::vector<ObservableInfo> observables_of(const Bridge& bridge) {
  std::vector<ObservableInfo> out;
  for (std::size_t i = 0; i < bridge.d; ++i) {
    const std::string x = coordinate(bridge, i);
    const bool first = i < 2;
    out.push_back({x + ".mean", "1", fmt::format("E {}(t), the mean of this coordinate of x_t", x), {.kind = Scale::Kind::power, .of = {x + ".variance"}, .power = 0.5}, first});
    out.push_back({x + ".variance", "1", fmt::format("Var {}(t) = E {}^2 - (E {})^2", x, x, x), {}, first});
    out.push_back({x + ".distribution", "1", fmt::format("P({} <= .) at time t, as probabilities of 129 intervals; the first holds all below, the last all above", x), {}, false});
  }
  out.push_back({"action", "1", "int_0^t E|b(s, X_s)|^2 ds, the kinetic energy of the velocity, between the time cuts; with the velocity the level uses. Backwards: int_t^1", {}, false});
  out.push_back({"control", "1", "int_0^t E|b + epsilon s|^2 ds, the energy of the forward drift, which the Schrödinger bridge makes least; known there for t = 1 alone", {}, false});
  if (bridge.path) {
    out.push_back({"mode.weights", "1", "E r_j(t, X_t), r_j the responsibility of component j of rho_1 under the exact law at t: the weight q_j at all times if the law is exact", {}, false});
    out.push_back({"kl", "1", "KL(rho(t) || rho_hat(t)) = int rho log(rho/rho_hat) from the exact law to that of the level", {}, false});
    out.push_back({"mode.count", "1", "number of local maxima of the density at time t", {}, false});
  }
  return out;
}

Bridge bridge_of(std::shared_ptr<const MixturePath> path, std::string name) {
  Bridge out;
  out.d = path->dimension();
  out.name = std::move(name);
  out.path = path;
  out.interpolant = path->interpolant();
  out.velocity = std::make_shared<MixtureField>(velocity_field(path));
  out.score = std::make_shared<MixtureField>(score_field(path));
  out.draw = [path](double, Stream& stream, std::span<double> x0, std::span<double> x1, std::span<double> z) { path->draw(stream, x0, x1, z); };
  out.mean = [path](double t, std::size_t i) {
    const Coefficients c = path->interpolant().at(t);
    return c.alpha * path->start().mean()[i] + c.beta * path->end().mean()[i];
  };
  out.variance = [path](double t, std::size_t i) {
    const Coefficients c = path->interpolant().at(t);
    const std::size_t q = i * (path->dimension() + 1);
    return c.alpha * c.alpha * path->start().covariance()[q] + c.beta * c.beta * path->end().covariance()[q] + 2 * c.alpha * c.beta * path->coupling() + c.gamma * c.gamma;
  };
  out.low.assign(out.d, std::numeric_limits<double>::infinity());
  out.high.assign(out.d, -std::numeric_limits<double>::infinity());
  for (int s = 0; s <= 32; ++s) {
    const sde::GaussianMixture law = path->law(s / 32.0);
    for (std::size_t k = 0; k < law.components(); ++k)
      for (std::size_t i = 0; i < out.d; ++i) {
        const double m = law.component_means()[k * out.d + i], sd = std::sqrt(law.component_covariances()[k * out.d * out.d + i * (out.d + 1)]);
        out.low[i] = std::min(out.low[i], m - 4 * sd);
        out.high[i] = std::max(out.high[i], m + 4 * sd);
      }
  }
  return out;
}

std::vector<Level> bridge_ladder(const Bridge& given) {
  const auto bridge = std::make_shared<const Bridge>(given);
  const bool line = bridge->d == 1 && bridge->path;
  const ParameterInfo direction = word_option("direction", "forward from rho_0, or backward from rho_1 with drift b - epsilon s", "forward", {"forward", "backward"});
  const ParameterInfo score = word_option("score", "exact: in closed form; denoiser: -eta/gamma with eta = E[z | x], as a network gives it (needs a time cut)", "exact", {"exact", "denoiser"});
  std::vector<Level> out;
  out.push_back(particle_level(bridge, Motion::draws, {.name = "interpolant",
                                                       .rung = Rung::micro,
                                                       .doc = "draws of x_t = alpha x0 + beta x1 + gamma z, the same (x0, x1, z) at all times: the definition",
                                                       .source = paper,
                                                       .options = {steps_option(200)}}));
  if (bridge->path) {
    Level level;
    level.info = {.name = "exact", .rung = Rung::master, .doc = "the law of x_t at each time in closed form", .parent = "interpolant", .approximation = "one time at a time: which points belong to one path is forgotten", .source = fmt::format("{}, appendix A", paper)};
    level.run = [bridge](const Ask& ask, Context&) { return exact_level(*bridge, ask, false); };
    out.push_back(std::move(level));
  }
  const std::string top = bridge->path ? "exact" : "interpolant";
  {
    Level level;
    level.info = {.name = "moments", .rung = Rung::moments, .doc = "means and variances in closed form", .parent = top, .approximation = "mean and variance alone; they do not see modes", .source = paper};
    level.run = [bridge](const Ask& ask, Context&) { return exact_level(*bridge, ask, true); };
    out.push_back(std::move(level));
  }
  if (line) {
    Level level;
    level.info = {.name = "fokker-planck", .rung = Rung::master, .doc = "density moved by the drift b + c + epsilon (s + d) and diffusion epsilon on a grid", .parent = "exact",
                  .approximation = "fields with errors c and d; the same law if they are 0", .source = fmt::format("{}, corollary 2.10", paper),
                  .options = {steps_option(1000), {.name = "cells", .unit = "1", .doc = "cells of the grid", .type = ParameterInfo::Type::integer, .fallback = Value(std::int64_t{2000}), .min = 64, .max = 100000}, direction, score}};
    level.run = [bridge](const Ask& ask, Context& context) {
      try {
        return fokker_planck(*learned(bridge, context), ask, context);
      } catch (const NumericalBreakdown& error) {
        return broken_by(error, *bridge);
      }
    };
    out.push_back(std::move(level));
    Level flowing;
    flowing.info = {.name = "transport", .rung = Rung::master, .doc = "quantiles of rho_0 moved by the velocity b + c", .parent = "exact", .approximation = "a velocity with error c; the same law if it is 0", .source = fmt::format("{}, theorem 2.6", paper),
                    .options = {steps_option(800)}};
    flowing.run = [bridge](const Ask& ask, Context& context) {
      try {
        return transport(*learned(bridge, context), ask, context);
      } catch (const NumericalBreakdown& error) {
        return broken_by(error, *bridge);
      }
    };
    out.push_back(std::move(flowing));
  }
  out.push_back(particle_level(bridge, Motion::noise, {.name = "sde",
                                                       .rung = Rung::surrogate,
                                                       .doc = "particles with drift b + c + epsilon (s + d) and noise sqrt(2 epsilon) dW",
                                                       .parent = line ? "fokker-planck" : top,
                                                       .approximation = "finitely many particles, steps of finite length",
                                                       .source = fmt::format("{}, corollary 2.18", paper),
                                                       .options = {steps_option(400), word_option("scheme", "one-step scheme", "heun", {"euler", "heun"}), direction, score}}));
  out.push_back(particle_level(bridge, Motion::flow, {.name = "ode",
                                                      .rung = Rung::surrogate,
                                                      .doc = "particles along the velocity b + c",
                                                      .parent = line ? "transport" : top,
                                                      .approximation = "finitely many particles, steps of finite length",
                                                      .source = fmt::format("{}, corollary 2.18", paper),
                                                      .options = {steps_option(400), word_option("scheme", "one-step scheme", "rk4", {"euler", "heun", "rk4"}), direction}}));
  if (line) {
    Level level;
    level.info = {.name = "schroedinger-bridge", .rung = Rung::surrogate, .doc = "the process of least energy int E|u|^2 dt between the same ends with the same noise, by iterated proportional fitting", .parent = "exact",
                  .approximation = "x0 and x1 coupled so that the energy is least, and gamma^2 = 2 epsilon t (1 - t)", .source = "Chen, Georgiou and Pavon (2021), doi:10.1137/20M1339982"};
    level.run = [bridge](const Ask& ask, Context&) {
      try {
        return schroedinger(*bridge, ask);
      } catch (const NumericalBreakdown& error) {
        Answer broken;
        broken.flags.push_back({.kind = "step-collapse", .text = error.what(), .fatal = true});
        return broken;
      }
    };
    out.push_back(std::move(level));
  }
  return out;
}

}  // namespace meso::generative
