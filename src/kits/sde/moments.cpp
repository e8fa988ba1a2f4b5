#include "kits/sde/moments.h"

#include <fmt/format.h>

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>

#include "base/error.h"
#include "base/text.h"
#include "kits/sde/observables.h"
#include "num/ode.h"
#include "rng/stream.h"

namespace meso::sde {
namespace {

using Kind = ObservableName::Kind;
using num::Formula;
using num::Program;
using Eigen::MatrixXd;
using Eigen::VectorXd;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// y = (m, lower triangle of C by rows).
class MomentFlow {
 public:
  MomentFlow(const Process& process, bool exact) : n_(process.size()), exact_(exact) {
    std::vector<std::string> slots = process.ito.variables;
    slots.emplace_back("t");
    for (std::size_t i = 0; i < n_; ++i) {
      drift_.emplace_back(process.ito.drift[i], slots);
      for (std::size_t j = 0; j < n_; ++j) jacobian_.emplace_back(process.ito.drift[i].derivative(slots[j]), slots);
    }
    for (std::size_t i = 0; i < n_; ++i)
      for (std::size_t j = 0; j <= i; ++j) {
        const Formula q = Formula::constant(2) * diffusion_tensor(process.ito, i, j);
        q_.emplace_back(q, slots);
        // <q> of a quadratic is q(m) + 1/2 sum_kl q_kl C_kl.
        for (std::size_t k = 0; exact && k < n_; ++k)
          for (std::size_t l = 0; l < n_; ++l) hessian_.emplace_back(q.derivative(slots[k]).derivative(slots[l]), slots);
      }
  }
  [[nodiscard]] std::size_t n() const { return n_; }
  [[nodiscard]] std::size_t size() const { return n_ + n_ * (n_ + 1) / 2; }
  [[nodiscard]] std::size_t at(std::size_t i, std::size_t j) const { return n_ + std::max(i, j) * (std::max(i, j) + 1) / 2 + std::min(i, j); }

  void rhs(double t, std::span<const double> y, std::span<double> dydt) const {
    std::vector<double> z(y.begin(), y.begin() + static_cast<std::ptrdiff_t>(n_));
    z.push_back(t);
    std::vector<double> a(n_ * n_);
    for (std::size_t k = 0; k < n_ * n_; ++k) a[k] = jacobian_[k](z);
    for (std::size_t i = 0; i < n_; ++i) dydt[i] = drift_[i](z);
    for (std::size_t i = 0, p = 0; i < n_; ++i)
      for (std::size_t j = 0; j <= i; ++j, ++p) {
        double sum = q_[p](z);
        for (std::size_t k = 0; k < n_; ++k) sum += a[i * n_ + k] * y[at(k, j)] + a[j * n_ + k] * y[at(k, i)];
        if (exact_)
          for (std::size_t k = 0; k < n_; ++k)
            for (std::size_t l = 0; l < n_; ++l) sum += 0.5 * hessian_[(p * n_ + k) * n_ + l](z) * y[at(k, l)];
        dydt[n_ + p] = sum;
      }
  }
  [[nodiscard]] VectorXd drift(const VectorXd& m) const {
    std::vector<double> z(m.data(), m.data() + n_);
    z.push_back(0);
    VectorXd a(static_cast<Eigen::Index>(n_));
    for (std::size_t i = 0; i < n_; ++i) a[static_cast<Eigen::Index>(i)] = drift_[i](z);
    return a;
  }
  [[nodiscard]] MatrixXd jacobian(const VectorXd& m) const {
    std::vector<double> z(m.data(), m.data() + n_);
    z.push_back(0);
    MatrixXd a(static_cast<Eigen::Index>(n_), static_cast<Eigen::Index>(n_));
    for (std::size_t i = 0; i < n_; ++i)
      for (std::size_t j = 0; j < n_; ++j) a(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(j)) = jacobian_[i * n_ + j](z);
    return a;
  }
  /// dC/dt = L C + q at fixed mean: L by columns and q, probed (it is affine in C).
  void covariance_map(const VectorXd& m, MatrixXd& map, VectorXd& source) const {
    const std::size_t pairs = size() - n_;
    std::vector<double> y(size(), 0.0), d(size());
    std::copy_n(m.data(), n_, y.begin());
    rhs(0, y, d);
    source = Eigen::Map<VectorXd>(d.data() + n_, static_cast<Eigen::Index>(pairs));
    map.resize(static_cast<Eigen::Index>(pairs), static_cast<Eigen::Index>(pairs));
    for (std::size_t c = 0; c < pairs; ++c) {
      y[n_ + c] = 1;
      rhs(0, y, d);
      map.col(static_cast<Eigen::Index>(c)) = Eigen::Map<VectorXd>(d.data() + n_, static_cast<Eigen::Index>(pairs)) - source;
      y[n_ + c] = 0;
    }
  }

 private:
  std::size_t n_;
  bool exact_;
  std::vector<Program> drift_, jacobian_, q_, hessian_;
};

/// Probabilities of N(mean, variance) on the bins of an axis.
void fill_gaussian(const Axis& axis, double mean, double variance, double* out) {
  double below = 0;
  for (std::size_t b = 0; b < axis.points.size(); ++b) {
    double upto = 1;
    if (b + 1 < axis.points.size()) upto = variance > 0 ? 0.5 * std::erfc((mean - axis.points[b]) / std::sqrt(2 * variance)) : (axis.points[b] >= mean ? 1.0 : 0.0);
    out[b] = upto - below;
    below = upto;
  }
}

struct MomentLevel {
  std::shared_ptr<const Process> process;
  std::shared_ptr<const MomentFlow> flow;
  std::string label;
  bool exact = false;

  [[nodiscard]] bool has_law() const { return !exact || process->noise.additive; }

  void put(const Ask& ask, const std::vector<Axis>& axes, std::size_t points, const std::function<double(std::size_t, std::size_t)>& y, const std::function<double(std::size_t, std::size_t)>& bound,
           Answer& answer) const {
    const std::optional<Reach> reach = std::any_of(ask.observables.begin(), ask.observables.end(), [](const std::string& o) { return o.ends_with(".distribution"); })
                                           ? std::optional(reach_of(*process, end_of(ask, default_end())))
                                           : std::nullopt;
    const std::size_t n = flow->n();
    for (const std::string& name : ask.observables) {
      const auto what = parse_observable(*process, name);
      if (!what || answer.find(name)) continue;
      Estimate e = solved_estimate(name, "1", axes, {});
      if (what->kind == Kind::distribution) {
        if (!has_law()) continue;
        const Axis support = law_axis(*process, *reach, what->a);
        e.axes.push_back(support);
        e.is_distribution = true;
        e.value.assign(points * support.points.size(), nan);
        e.error_bound.assign(e.value.size(), 0.0);
        for (std::size_t i = 0; i < points; ++i) {
          const double variance = y(i, flow->at(what->a, what->a)), db = bound(i, what->a), dv = bound(i, flow->at(what->a, what->a));
          double* row = &e.value[i * support.points.size()];
          if (!std::isfinite(y(i, what->a)) || !std::isfinite(variance)) continue;
          fill_gaussian(support, y(i, what->a), variance, row);
          // The distribution function moves by at most the peak density times the shift of the mean, and a quarter of the relative change of the variance.
          if (variance > 0) e.error_bound[i * support.points.size()] = 0.4 * db / std::sqrt(variance) + 0.25 * dv / variance;
        }
      } else {
        const std::size_t at = what->kind == Kind::mean ? what->a : what->kind == Kind::variance ? flow->at(what->a, what->a) : flow->at(what->a, what->b);
        static_cast<void>(n);
        for (std::size_t i = 0; i < points; ++i) {
          e.value.push_back(y(i, at));
          e.error_bound.push_back(bound(i, at));
        }
        if (!ask.is_stationary()) {
          e.exact.assign(points, 0.0);
          for (std::size_t i = 0; i < points; ++i) e.exact[i] = ask.times()[i] == 0 ? 1 : 0;
        }
      }
      answer.estimates.push_back(std::move(e));
    }
  }

  [[nodiscard]] double default_end() const { return 20; }

  [[nodiscard]] std::vector<double> start() const {
    std::vector<double> y(flow->size(), 0.0);
    for (std::size_t i = 0; i < flow->n(); ++i) {
      y[i] = process->initial[i];
      y[flow->at(i, i)] = process->initial_sd[i] * process->initial_sd[i];
    }
    return y;
  }

  void over_times(const Ask& ask, Answer& answer) const {
    OdeProblem problem{.size = flow->size(), .rhs = [this](double t, std::span<const double> y, std::span<double> d) { flow->rhs(t, y, d); }};
    OdeOptions options{.relative = 1e-9, .absolute = {1e-13}, .divergence = std::vector<double>(flow->size(), 1e30)};
    const BoundedOdeSolution solved = integrate_with_bound(problem, start(), 0, ask.times(), options);
    const std::size_t size = flow->size();
    put(ask, {{"t", process->time_unit, ask.times()}}, ask.times().size(), [&](std::size_t i, std::size_t k) { return solved.solution.path[i * size + k]; },
        [&](std::size_t i, std::size_t k) { return solved.bound[i * size + k]; }, answer);
    if (solved.solution.status != OdeStatus::done)
      answer.flags.push_back({"diverged", "", {{"t", solved.solution.t}}, fmt::format("{}: the moment equations end at t = {}: {}", label, brief(solved.solution.t), to_text(solved.solution.status)), true});
  }

  /// Newton from a point; nothing if it does not settle.
  [[nodiscard]] std::optional<VectorXd> fixed_point(VectorXd m) const {
    for (int k = 0; k < 100; ++k) {
      const VectorXd a = flow->drift(m);
      if (!a.allFinite()) return std::nullopt;
      const VectorXd step = flow->jacobian(m).fullPivLu().solve(-a);
      if (!step.allFinite()) return std::nullopt;
      m += step;
      if (step.norm() <= 1e-13 * (1 + m.norm())) return flow->drift(m).norm() <= 1e-8 * (1 + flow->jacobian(m).norm() * (1e-3 + m.norm())) ? std::optional(m) : std::nullopt;
    }
    return std::nullopt;
  }

  /// The stable fixed points of the drift, first the one reached from the start (if it settles).
  [[nodiscard]] std::vector<VectorXd> stable_points(bool& settled) const {
    const std::size_t n = flow->n();
    std::vector<VectorXd> found;
    const auto add = [&](const VectorXd& m) {
      if (flow->jacobian(m).eigenvalues().real().maxCoeff() >= 0) return;
      for (std::size_t i = 0; i < n; ++i)
        if (m[static_cast<Eigen::Index>(i)] < process->domain[i][0] || m[static_cast<Eigen::Index>(i)] > process->domain[i][1]) return;
      for (const VectorXd& other : found)
        if ((m - other).norm() <= 1e-6 * (1e-3 + m.norm())) return;
      found.push_back(m);
    };
    // Relax along dm/dt = a until nothing moves.
    OdeProblem problem{.size = n, .rhs = [&](double, std::span<const double> y, std::span<double> d) {
                         const VectorXd a = flow->drift(Eigen::Map<const VectorXd>(y.data(), static_cast<Eigen::Index>(n)));
                         std::copy_n(a.data(), n, d.begin());
                       }};
    settled = false;
    VectorXd m = Eigen::Map<const VectorXd>(process->initial.data(), static_cast<Eigen::Index>(n));
    const double rate = std::max(1e-6, flow->jacobian(m).norm());
    for (double length = 10 / rate; length < 1e8 / rate && !settled; length *= 10) {
      const std::vector<double> end{length};
      const OdeSolution path = integrate(problem, std::span(m.data(), n), 0, end, {.relative = 1e-10, .absolute = {1e-14}, .divergence = std::vector<double>(n, 1e30)});
      if (path.status != OdeStatus::done) break;
      m = Eigen::Map<const VectorXd>(path.last.data(), static_cast<Eigen::Index>(n));
      if (const auto point = fixed_point(m); point && (*point - m).norm() <= 1e-4 * (1e-3 + m.norm())) {
        m = *point;
        settled = flow->jacobian(m).eigenvalues().real().maxCoeff() < 0;
        break;
      }
    }
    if (settled) found.push_back(m);
    const Reach reach = reach_of(*process, default_end());
    Stream seeds(0, 0, "sde/fixed-points");
    for (int k = 0; k < 200; ++k) {
      VectorXd seed(static_cast<Eigen::Index>(n));
      for (std::size_t i = 0; i < n; ++i) {
        const double width = reach.high[i] - reach.low[i];
        seed[static_cast<Eigen::Index>(i)] = reach.low[i] + width * (2 * seeds.uniform() - 0.5);
      }
      if (const auto point = fixed_point(seed)) add(*point);
    }
    return found;
  }

  void stationary(const Ask& ask, Answer& answer) const {
    const auto fail = [&](const char* kind, const std::string& text) {
      put(ask, {}, 1, [](std::size_t, std::size_t) { return nan; }, [](std::size_t, std::size_t) { return 0.0; }, answer);
      answer.flags.push_back({kind, "", {}, label + ": " + text, true});
    };
    if (process->time_dependent) return fail("no-stable-state", "drift or diffusion depends on time, so there is no stationary state");
    bool settled = false;
    const std::vector<VectorXd> points = stable_points(settled);
    std::vector<VectorXd> laws;
    for (const VectorXd& m : points) {
      MatrixXd map;
      VectorXd source;
      flow->covariance_map(m, map, source);
      const bool stable = map.eigenvalues().real().maxCoeff() < 0;
      VectorXd y(static_cast<Eigen::Index>(flow->size()));
      y << m, (stable ? VectorXd(map.fullPivLu().solve(-source)) : VectorXd(VectorXd::Constant(source.size(), nan)));
      laws.push_back(y);
      SteadyState state;
      state.reached = settled && laws.size() == 1;
      state.stable = stable;
      const Eigen::VectorXcd eigenvalues = flow->jacobian(m).eigenvalues();
      for (Eigen::Index k = 0; k < eigenvalues.size(); ++k) state.eigenvalues.push_back(eigenvalues[k]);
      std::sort(state.eigenvalues.begin(), state.eigenvalues.end(), [](auto a, auto b) { return a.real() > b.real(); });
      for (std::size_t i = 0; i < flow->n(); ++i) {
        state.value[process->ito.variables[i] + ".mean"] = y[static_cast<Eigen::Index>(i)];
        state.value[process->ito.variables[i] + ".variance"] = y[static_cast<Eigen::Index>(flow->at(i, i))];
      }
      answer.steady_states.push_back(std::move(state));
    }
    if (!settled) return fail("no-stable-state", "no stable fixed point of the drift is reached from the start");
    if (!laws[0].allFinite()) return fail("no-stable-state", "the variance grows without bound: the noise outweighs the drift");
    const VectorXd y = laws[0];
    put(ask, {}, 1, [&](std::size_t, std::size_t k) { return y[static_cast<Eigen::Index>(k)]; },
        [&](std::size_t, std::size_t k) { return 1e-10 * std::abs(y[static_cast<Eigen::Index>(k)]); }, answer);
    if (points.size() > 1) {
      std::string others;
      for (std::size_t k = 0; k < points.size(); ++k) {
        std::vector<std::string> values;
        for (std::size_t i = 0; i < flow->n(); ++i) values.push_back(fmt::format("{} = {}", process->ito.variables[i], brief(points[k][static_cast<Eigen::Index>(i)])));
        others += (k ? "; " : "") + join(values) + (k ? "" : " (reached)");
      }
      answer.flags.push_back({"several-stable-states", "", {}, fmt::format("{}: {} stable fixed points, {}: the process visits them all, an expansion around one does not", label, points.size(), others), true});
    }
  }

  Answer operator()(const Ask& ask, Context& context) const {
    Answer answer;
    answer.why = fmt::format("{} equations", flow->size());
    if (ask.is_stationary()) stationary(ask, answer);
    else over_times(ask, answer);
    if (process->bounded() && !exact)
      answer.flags.push_back({.kind = "note", .text = label + ": walls of the domain are not seen by the moment equations"});
    context.progress(1);
    return answer;
  }
};

Level make(const Process& process, bool exact, LevelInfo info) {
  const auto shared = std::make_shared<const Process>(process);
  Level level;
  MomentLevel run{shared, std::make_shared<const MomentFlow>(process, exact), info.name, exact};
  level.info = std::move(info);
  level.run = run;
  return level;
}

}  // namespace

bool is_solvable(const Process& process) {
  if (process.time_dependent) return false;
  if (process.bounded()) {
    // A wall is not felt where the noise vanishes and the drift does not push out (a square-root process at 0); seen in one dimension only.
    if (process.size() != 1) return false;
    const std::vector<std::string> slots{process.ito.variables[0], "t"};
    const Program noise(diffusion_tensor(process.ito, 0, 0), slots), drift(process.ito.drift[0], slots);
    for (const int side : {0, 1}) {
      const double z[2] = {process.domain[0][static_cast<std::size_t>(side)], 0};
      if (std::isfinite(z[0]) && !(noise.run(z) == 0 && (side == 0 ? drift.run(z) >= 0 : drift.run(z) <= 0))) return false;
    }
  }
  const auto degree = [&](const Formula& f) {
    std::map<std::vector<int>, double> terms;
    if (!f.polynomial(process.ito.variables, terms)) return 1000;
    int highest = 0;
    for (const auto& [powers, c] : terms) {
      int sum = 0;
      for (const int p : powers) sum += p;
      highest = std::max(highest, sum);
    }
    return highest;
  };
  for (const Formula& a : process.ito.drift)
    if (degree(a) > 1) return false;
  for (std::size_t i = 0; i < process.size(); ++i)
    for (std::size_t j = 0; j <= i; ++j)
      if (degree(diffusion_tensor(process.ito, i, j)) > 2) return false;
  return true;
}

Level exact_level(const Process& process) {
  if (!is_solvable(process)) throw Error("the moment equations of this process do not close: it has no level 'exact'");
  return make(process, true,
              {.name = "exact",
               .rung = Rung::master,
               .doc = process.noise.additive ? "exact Gaussian law of a linear process" : "exact mean and covariance: the moment equations close at order 2",
               .source = "Gardiner, Handbook of Stochastic Methods, 3rd ed., section 4.4"});
}

Level linear_noise_level(const Process& process) {
  return make(process, false,
              {.name = "linear-noise",
               .rung = Rung::moments,
               .doc = "Gaussian fluctuations around the deterministic path: mean equation and Lyapunov equation for the covariance",
               .parent = process.size() <= 2 ? "fokker-planck" : "langevin",
               .approximation = "linearised around the deterministic path dm/dt = a(m), a the Itô drift; noise small",
               .source = "van Kampen, Stochastic Processes in Physics and Chemistry, 3rd ed., ch. X"});
}

}  // namespace meso::sde
