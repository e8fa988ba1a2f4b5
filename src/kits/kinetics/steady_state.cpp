#include "kits/kinetics/steady_state.h"

#include <fmt/format.h>

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/text.h"

namespace meso::kinetics {
namespace {

using Eigen::Index;
using Eigen::Map;
using Eigen::MatrixXd;
using Eigen::VectorXd;

constexpr double kMeanSlack = 1e-7;      // molecules
constexpr double kVarianceSlack = 1e-6;  // of the sum of the variances

bool has_variances(const Flow& flow) { return flow.order() >= 2; }

// Covariance in molecules^2.
MatrixXd covariance(const Flow& flow, std::span<const double> z) {
  const std::size_t s = flow.species();
  MatrixXd c(s, s);
  for (std::size_t p = s; p < flow.set().size_up_to(2); ++p) {
    const MultiIndex& i = flow.set()[p];
    const auto a = static_cast<std::size_t>(std::find_if(i.begin(), i.end(), [](int k) { return k > 0; }) - i.begin());
    const std::size_t b = i[a] == 2 ? a : static_cast<std::size_t>(std::find_if(i.begin() + static_cast<std::ptrdiff_t>(a) + 1, i.end(), [](int k) { return k > 0; }) - i.begin());
    c(static_cast<Eigen::Index>(a), static_cast<Eigen::Index>(b)) = c(static_cast<Eigen::Index>(b), static_cast<Eigen::Index>(a)) = flow.volume() * z[p];
  }
  return c;
}

double slack(const MatrixXd& c) { return kVarianceSlack * c.diagonal().cwiseAbs().sum() + 1e-9; }

// Weighted distance: relative to each component's size, with a floor of a thousandth of a molecule (to the order).
double distance(const Flow& flow, std::span<const double> a, std::span<const double> b) {
  double worst = 0;
  for (std::size_t p = 0; p < flow.size(); ++p)
    worst = std::max(worst, std::abs(a[p] - b[p]) / (std::max(std::abs(a[p]), std::abs(b[p])) + 1e-3 / flow.volume()));
  return worst;
}

}  // namespace

double mean_of(const Flow& flow, std::span<const double> z, const ReducedNetwork& network, std::size_t a) {
  double mean = network.offset[a];
  for (std::size_t s = 0; s < flow.species(); ++s) mean += network.map[a * flow.species() + s] * flow.volume() * z[s];
  return mean;
}

double covariance_of(const Flow& flow, std::span<const double> z, const ReducedNetwork& network, std::size_t a, std::size_t b) {
  const MatrixXd c = covariance(flow, z);
  const auto n = static_cast<Eigen::Index>(flow.species());
  const Map<const VectorXd> row_a(&network.map[a * flow.species()], n), row_b(&network.map[b * flow.species()], n);
  return row_a.dot(c * row_b);
}

std::vector<Unphysical> unphysical(const Flow& flow, std::span<const double> z, const ReducedNetwork& network) {
  std::vector<Unphysical> found;
  const std::size_t all = network.all_species.size();
  for (std::size_t a = 0; a < all; ++a) {
    const double mean = mean_of(flow, z, network, a);
    if (mean < -kMeanSlack) found.push_back({"negative-mean", {a}, fmt::format("<{}> = {} < 0", network.all_species[a], brief(mean))});
  }
  if (!has_variances(flow)) return found;
  const MatrixXd c = covariance(flow, z);
  const double room = slack(c);
  bool negative = false;
  for (std::size_t a = 0; a < all; ++a) {
    const double variance = covariance_of(flow, z, network, a, a);
    if (variance >= -room) continue;
    negative = true;
    found.push_back({"negative-variance", {a}, fmt::format("Var({}) = {} < 0", network.all_species[a], brief(variance))});
  }
  if (flow.species() < 2 || negative) return found;
  const Eigen::SelfAdjointEigenSolver<MatrixXd> solver(c);
  if (solver.eigenvalues()(0) < -room) {
    Unphysical u{"covariance-not-psd", {}, fmt::format("the covariance matrix has the eigenvalue {} < 0", brief(solver.eigenvalues()(0)))};
    for (std::size_t a = 0; a < all; ++a) {
      const Map<const VectorXd> row(&network.map[a * flow.species()], static_cast<Eigen::Index>(flow.species()));
      if (std::abs(row.dot(solver.eigenvectors().col(0))) > 1e-3) u.species.push_back(a);
    }
    found.push_back(std::move(u));
  }
  return found;
}

std::size_t n_margins(const Flow& flow, const ReducedNetwork& network) {
  const std::size_t all = network.all_species.size();
  if (!has_variances(flow)) return all;
  return 2 * all + (flow.species() > 1 ? 1 : 0);
}

void margins(const Flow& flow, std::span<const double> z, const ReducedNetwork& network, std::span<double> g) {
  const std::size_t all = network.all_species.size(), n = flow.species();
  for (std::size_t a = 0; a < all; ++a) g[a] = mean_of(flow, z, network, a) + kMeanSlack;
  if (!has_variances(flow)) return;
  const MatrixXd c = covariance(flow, z);
  const double room = slack(c);
  for (std::size_t a = 0; a < all; ++a) {
    double variance = 0;
    for (std::size_t k = 0; k < n; ++k)
      for (std::size_t l = 0; l < n; ++l)
        variance += network.map[a * n + k] * network.map[a * n + l] * c(static_cast<Eigen::Index>(k), static_cast<Eigen::Index>(l));
    g[all + a] = variance + room;
  }
  if (n == 2) {  // closed form: called at every step
    const double half = 0.5 * (c(0, 0) + c(1, 1)), root = std::hypot(0.5 * (c(0, 0) - c(1, 1)), c(0, 1));
    g[2 * all] = half - root + room;
  } else if (n > 2) {
    g[2 * all] = c.allFinite() ? Eigen::SelfAdjointEigenSolver<MatrixXd>(c, Eigen::EigenvaluesOnly).eigenvalues()(0) + room : -1.0;
  }
}

FixedPoint describe(const Flow& flow, std::span<const double> z, const ReducedNetwork& network) {
  const auto n = static_cast<Index>(flow.size());
  FixedPoint point;
  point.z.assign(z.begin(), z.end());
  MatrixXd j(n, n);
  VectorXd weight(n);
  flow.jacobian(0, z, {j.data(), flow.size() * flow.size()});
  flow.magnitude(0, z, {weight.data(), flow.size()});
  point.physical = unphysical(flow, z, network).empty();
  point.bound.assign(flow.size(), std::numeric_limits<double>::infinity());
  if (!j.allFinite()) return point;
  const MatrixXd inverse = Eigen::PartialPivLU<MatrixXd>(j).inverse();
  const VectorXd bound = 10 * std::numeric_limits<double>::epsilon() * (inverse.cwiseAbs() * weight + Map<const VectorXd>(z.data(), n).cwiseAbs());
  if (bound.allFinite()) point.bound.assign(bound.data(), bound.data() + n);
  const Eigen::EigenSolver<MatrixXd> solver(j, false);
  for (Index i = 0; i < n; ++i) point.eigenvalues.push_back(solver.eigenvalues()(i));
  std::sort(point.eigenvalues.begin(), point.eigenvalues.end(), [](const auto& a, const auto& b) {
    return a.real() != b.real() ? a.real() > b.real() : a.imag() > b.imag();
  });
  point.stable = point.eigenvalues.front().real() < 0;
  return point;
}

std::optional<FixedPoint> newton(const Flow& flow, std::span<const double> guess, const ReducedNetwork& network) {
  const auto n = static_cast<Eigen::Index>(flow.size());
  VectorXd z = Map<const VectorXd>(guess.data(), n), f(n), trial(n), f_trial(n), weight(n);
  MatrixXd j(n, n);
  const auto span = [](VectorXd& v) { return std::span<double>(v.data(), static_cast<std::size_t>(v.size())); };
  const auto norm = [&](const VectorXd& v) { return v.cwiseQuotient(weight).cwiseAbs().maxCoeff(); };
  flow.rhs(0, span(z), span(f));
  if (!f.allFinite()) return std::nullopt;
  bool converged = false;
  for (int iteration = 0; iteration < 60 && !converged; ++iteration) {
    flow.magnitude(0, span(z), span(weight));  // residuals in units of what cancels in them
    weight.array() += 1e-300;
    flow.jacobian(0, span(z), {j.data(), flow.size() * flow.size()});
    if (!j.allFinite()) return std::nullopt;
    const VectorXd step = Eigen::PartialPivLU<MatrixXd>(j).solve(f);
    if (!step.allFinite()) return std::nullopt;
    double factor = 1;
    const double residual = norm(f);
    while (true) {
      trial = z - factor * step;
      flow.rhs(0, span(trial), span(f_trial));
      if (f_trial.allFinite() && (norm(f_trial) < residual || residual < 1e-13)) break;
      if ((factor /= 2) < 1e-4) return std::nullopt;
    }
    double change = 0;
    for (Eigen::Index i = 0; i < n; ++i) change = std::max(change, std::abs(trial(i) - z(i)) / (std::abs(z(i)) + 1e-6 / flow.volume()));
    z = trial;
    f = f_trial;
    const bool at_rounding = iteration > 3 && norm(f) < 4 * std::numeric_limits<double>::epsilon();
    converged = factor == 1 && (change < 1e-11 || at_rounding || (iteration > 20 && change < 1e-8));
  }
  if (!converged) return std::nullopt;
  FixedPoint point = describe(flow, {z.data(), flow.size()}, network);
  if (point.eigenvalues.empty() || !std::isfinite(point.bound.front())) return std::nullopt;
  return point;
}

namespace {

// Extremes of each variable over a window, with the maxima between steps from the cubic Hermite interpolant.
struct Window {
  std::vector<double> low, high;
  std::size_t maxima = 0;
  explicit Window(std::size_t n) : low(n, std::numeric_limits<double>::infinity()), high(n, -std::numeric_limits<double>::infinity()) {}
  void include(std::size_t i, double value) {
    low[i] = std::min(low[i], value);
    high[i] = std::max(high[i], value);
  }
};

double relative_width(const Window& w, std::size_t i) { return (w.high[i] - w.low[i]) / (std::abs(w.high[i]) + std::abs(w.low[i]) + 1e-300); }

}  // namespace

Relaxation relax(const Flow& flow, std::span<const double> z0, const ReducedNetwork& network, const RelaxOptions& options) {
  const std::size_t n = flow.size(), means = flow.species();
  Relaxation result;
  result.z.assign(z0.begin(), z0.end());
  OdeProblem problem = flow.problem();
  if (options.watch) {
    problem.n_events = n_margins(flow, network);
    problem.events = [&flow, &network](double, std::span<const double> z, std::span<double> g) { margins(flow, z, network, g); };
  }
  double largest = 1 / flow.volume();
  for (std::size_t s = 0; s < means; ++s) largest = std::max(largest, std::abs(z0[s]));
  OdeOptions ode{.relative = options.relative, .absolute = {options.relative * 1e-2 * std::min(1.0, 1 / flow.volume())}};
  ode.divergence.resize(n);
  for (std::size_t p = 0; p < n; ++p) ode.divergence[p] = std::pow(1e7 * (1 + largest), flow.set().degree_of(p)) * std::pow(std::max(1.0, flow.volume()), flow.set().degree_of(p) - 1);

  // First block: ten times the fastest time at the start.
  MatrixXd j(static_cast<Eigen::Index>(n), static_cast<Eigen::Index>(n));
  flow.jacobian(0, z0, {j.data(), n * n});
  const double fastest = j.allFinite() ? j.cwiseAbs().rowwise().sum().maxCoeff() : 0;
  double length = fastest > 0 ? 10 / fastest : 1;
  std::size_t steps = 0;
  int persistent = 0;
  double previous_rate = 0, previous_square = 0, previous_change = std::numeric_limits<double>::infinity();
  std::vector<double> f0(n), f1(n);
  std::vector<bool> seen(problem.n_events, false);
  while (true) {
    if (options.between) options.between();
    Window halves[2] = {Window(n), Window(n)};
    const double t0 = result.t, middle = t0 + length / 2;
    bool have_slope = false;
    if (options.watch) {
      ode.on_step = [&](const OdeStep& step) {
        Window& w = halves[step.t1 > middle ? 1 : 0];
        if (!have_slope) flow.rhs(step.t0, step.y0, f0);
        have_slope = true;
        flow.rhs(step.t1, step.y1, f1);
        const double h = step.t1 - step.t0;
        for (std::size_t i = 0; i < n; ++i) {
          w.include(i, step.y1[i]);
          if ((f0[i] > 0) == (f1[i] > 0)) continue;
          // y(s) = y0 + h f0 s + (3 d - h(2 f0 + f1)) s^2 + (h(f0 + f1) - 2 d) s^3, d = y1 - y0; the root of y' in (0,1).
          const double d = step.y1[i] - step.y0[i], a = 3 * (h * (f0[i] + f1[i]) - 2 * d), b = 2 * (3 * d - h * (2 * f0[i] + f1[i])), c = h * f0[i];
          const double root = std::sqrt(std::max(0.0, b * b - 4 * a * c)), q = -0.5 * (b + std::copysign(root, b));
          for (const double s : {q / a, c / q})
            if (s > 0 && s < 1) w.include(i, step.y0[i] + s * (c + s * (0.5 * b + s * a / 3)));
          if (i < means && f0[i] > 0) ++w.maxima;
        }
        std::swap(f0, f1);
        return true;
      };
    }
    ode.max_steps = std::max<std::size_t>(1, options.max_steps - steps);
    const std::vector<double> end{t0 + length};
    const OdeSolution s = integrate(problem, result.z, t0, end, ode);
    steps += s.steps;
    for (const OdeEvent& event : s.events) {
      if (seen[event.index]) continue;
      seen[event.index] = true;
      result.passages.push_back(event);
    }
    const double size_before = *std::max_element(result.z.begin(), result.z.end(), [](double a, double b) { return std::abs(a) < std::abs(b); });
    result.t = s.t;
    result.z = s.last;
    result.message = s.message;
    if (s.status == OdeStatus::diverged) {
      // In finite time only if what is left is short: |z| / |dz/dt| far below t. Steady growth drifts.
      flow.rhs(result.t, result.z, f1);
      double remaining = std::numeric_limits<double>::infinity();
      for (std::size_t i = 0; i < n; ++i)
        if (std::abs(result.z[i]) > 1e-3 * ode.divergence[i]) remaining = std::fmin(remaining, std::abs(result.z[i] / f1[i]));
      result.outcome = remaining < 1e-3 * result.t ? Relaxation::Outcome::diverged : Relaxation::Outcome::drifts;
      if (result.outcome == Relaxation::Outcome::drifts) result.message = "it grows without bound";
      return result;
    }
    if (s.status == OdeStatus::step_collapse) {
      double size = 0;
      for (const double v : s.last) size = std::max(size, std::abs(v));
      result.outcome = size > 1e4 * (1 + std::abs(size_before)) ? Relaxation::Outcome::diverged : Relaxation::Outcome::collapsed;
      return result;
    }
    if (const auto point = newton(flow, result.z, network); point && point->stable && distance(flow, point->z, result.z) < 1e-4) {
      result.outcome = Relaxation::Outcome::settled;
      result.state = *point;
      return result;
    }
    if (options.watch && s.status == OdeStatus::done) {
      result.low = halves[1].low;
      result.high = halves[1].high;
      double change = 0, width = 0, square = 0;  // square: of the relative amplitude
      bool falling = true;
      for (std::size_t i = 0; i < means; ++i) {
        const double first = halves[0].high[i] - halves[0].low[i], second = halves[1].high[i] - halves[1].low[i];
        if (relative_width(halves[1], i) < 1e-3) continue;
        width = std::max(width, relative_width(halves[1], i));
        change = std::max(change, std::abs(std::log(first / second)));
        square = std::max(square, relative_width(halves[0], i) * relative_width(halves[1], i));
        falling = falling && second < first;
      }
      result.decay_rate = width > 0 ? 2 * change / length : 0;
      const bool oscillation = width > 0 && halves[0].maxima >= 10 && halves[1].maxima >= 10;
      // The rate at which it ought to decay: the leading eigenvalue of the state inside it.
      std::vector<double> inside(result.z);
      for (std::size_t i = 0; i < n; ++i) inside[i] = 0.5 * (result.low[i] + result.high[i]);
      std::optional<FixedPoint> focus;
      if (oscillation) {
        focus = newton(flow, inside, network);
        if (!focus) focus = newton(flow, result.z, network);
      }
      const double expected = focus && focus->eigenvalues.front().imag() != 0 ? focus->eigenvalues.front().real() : 0;
      const double frequency = oscillation ? 2 * std::numbers::pi * static_cast<double>(halves[1].maxima) / (length / 2) / static_cast<double>(means) : 0;
      if (oscillation && falling && expected < 0 && focus->stable) {
        // About a focus the rate is d(r) = |Re lambda| + a r^2 + ...: two windows running give its value at r = 0. If that is the eigenvalue's,
        // the motion is in the basin of this state, however long the rest takes.
        const double limit = previous_square > square ? result.decay_rate - square * (previous_rate - result.decay_rate) / (previous_square - square) : 0;
        const bool above = std::min(result.decay_rate, previous_rate) > 0.95 * std::abs(expected) && result.decay_rate < 2 * std::abs(expected);
        if (above && std::abs(limit + expected) < 0.05 * std::abs(expected)) {
          result.outcome = Relaxation::Outcome::settled;
          result.state = *focus;
          return result;
        }
      }
      previous_rate = oscillation ? result.decay_rate : 0;
      previous_square = oscillation ? square : 0;
      // A motion persists if its range does not change over a time in which a decay by the leading eigenvalue would be seen.
      const bool long_enough = !(expected < -1e-6 * frequency) || length * std::abs(expected) >= 20;
      const bool converging = change < 1e-5 || change < 0.5 * previous_change;
      const bool persists = oscillation && change < 2e-3 && long_enough && converging;
      previous_change = oscillation ? change : std::numeric_limits<double>::infinity();
      persistent = persists ? persistent + 1 : 0;
      if (persistent >= 2) {
        result.outcome = Relaxation::Outcome::oscillates;
        return result;
      }
      if (oscillation && !long_enough && change < 2e-3)
        result.message = fmt::format("an oscillation whose decay (rate {} by the leading eigenvalue) is too slow to be seen", brief(-expected));
    }
    if (s.status == OdeStatus::too_many_steps || steps >= options.max_steps || !(result.t < 1e15 * length) || length * fastest > 1e13) {
      result.outcome = Relaxation::Outcome::drifts;
      return result;
    }
    length *= 2;
  }
}

bool same_state(const FixedPoint& a, const FixedPoint& b) {
  for (std::size_t p = 0; p < a.z.size(); ++p)
    if (std::abs(a.z[p] - b.z[p]) > 1e-5 * (std::abs(a.z[p]) + std::abs(b.z[p])) + 10 * (a.bound[p] + b.bound[p]) + 1e-9) return false;
  return true;
}

std::vector<std::complex<double>> polynomial_roots(std::span<const double> coefficients) {
  double scale = 0;
  for (const double c : coefficients) scale = std::max(scale, std::abs(c));
  std::size_t degree = coefficients.size();
  while (degree > 0 && std::abs(coefficients[degree - 1]) <= 1e-300 + 1e-16 * scale) --degree;
  std::vector<std::complex<double>> roots;
  if (degree < 2) return roots;
  --degree;
  const auto n = static_cast<Eigen::Index>(degree);
  MatrixXd companion = MatrixXd::Zero(n, n);
  for (Eigen::Index i = 0; i < n; ++i) {
    companion(i, n - 1) = -coefficients[static_cast<std::size_t>(i)] / coefficients[degree];
    if (i > 0) companion(i, i - 1) = 1;
  }
  const Eigen::EigenSolver<MatrixXd> solver(companion, false);
  for (Eigen::Index i = 0; i < n; ++i) roots.push_back(solver.eigenvalues()(i));
  return roots;
}

namespace {

using Coefficients = std::vector<double>;

Coefficients multiply(const Coefficients& a, const Coefficients& b) {
  Coefficients c(a.empty() || b.empty() ? 0 : a.size() + b.size() - 1, 0.0);
  for (std::size_t i = 0; i < a.size(); ++i)
    for (std::size_t k = 0; k < b.size(); ++k) c[i + k] += a[i] * b[k];
  return c;
}

void accumulate(Coefficients& into, const Coefficients& c) {
  into.resize(std::max(into.size(), c.size()), 0.0);
  for (std::size_t i = 0; i < c.size(); ++i) into[i] += c[i];
}

double value(const Coefficients& c, double x) {
  double sum = 0;
  for (std::size_t i = c.size(); i-- > 0;) sum = sum * x + c[i];
  return sum;
}

// The polynomial by powers of the variance: part[k][i] is the coefficient of s^k x^i.
std::vector<Coefficients> by_variance(const Polynomial& p) {
  std::vector<Coefficients> part;
  for (const auto& [monomial, coefficient] : p.terms) {
    const auto k = static_cast<std::size_t>(std::count(monomial.begin(), monomial.end(), 1u)), i = monomial.size() - k;
    if (part.size() <= k) part.resize(k + 1);
    if (part[k].size() <= i) part[k].resize(i + 1, 0.0);
    part[k][i] += coefficient;
  }
  return part;
}

bool is_zero(const Coefficients& c) {
  return std::all_of(c.begin(), c.end(), [](double v) { return v == 0; });
}

}  // namespace

std::optional<std::vector<std::vector<double>>> eliminate(const Flow& flow) {
  if (flow.species() != 1 || flow.order() > 2 || !flow.polynomials()) return std::nullopt;
  const std::vector<Polynomial>& p = *flow.polynomials();
  std::vector<Coefficients> first = by_variance(p[0]);
  if (first.empty()) return std::nullopt;
  while (!first.empty() && is_zero(first.back())) first.pop_back();
  std::vector<std::vector<double>> candidates;
  const auto real_roots = [](const Coefficients& c, const auto& each) {
    for (const std::complex<double>& root : polynomial_roots(c))
      if (std::abs(root.imag()) <= 1e-6 * (1e-3 + std::abs(root))) each(root.real());
  };
  if (flow.order() == 1) {
    real_roots(first[0], [&](double x) { candidates.push_back({x}); });
    return candidates;
  }
  const std::vector<Coefficients> second = by_variance(p[1]);
  if (first.size() > 2) return std::nullopt;
  if (first.size() < 2) {  // the mean closes on itself
    real_roots(first[0], [&](double x) {
      Coefficients in_s;
      for (const Coefficients& c : second) in_s.push_back(value(c, x));
      real_roots(in_s, [&](double s) { candidates.push_back({x, s}); });
    });
    return candidates;
  }
  // s = -first[0] / first[1] in the second equation, times first[1]^K.
  Coefficients minus = first[0];
  for (double& c : minus) c = -c;
  Coefficients total;
  const std::size_t highest = second.size() - 1;
  for (std::size_t k = 0; k <= highest; ++k) {
    Coefficients term = second[k];
    for (std::size_t i = 0; i < highest; ++i) term = multiply(term, i < k ? minus : first[1]);
    accumulate(total, term);
  }
  real_roots(total, [&](double x) {
    const double below = value(first[1], x);
    if (below != 0) candidates.push_back({x, -value(first[0], x) / below});
  });
  return candidates;
}

namespace {

// Starts of searches (molecules): the seeds, and a coarse grid of amounts around the largest of them.
std::vector<std::vector<double>> start_amounts(const Flow& flow, std::span<const FixedPoint> known, std::span<const std::vector<double>> seeds) {
  const std::size_t n = flow.species();
  std::vector<double> largest(n, 1.0);
  for (const auto& seed : seeds)
    for (std::size_t s = 0; s < n; ++s) largest[s] = std::max(largest[s], seed[s]);
  for (const FixedPoint& point : known)
    for (std::size_t s = 0; s < n; ++s) largest[s] = std::max(largest[s], flow.volume() * point.z[s]);
  std::vector<std::vector<double>> starts(seeds.begin(), seeds.end());
  if (n == 1) {
    for (const double f : {0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0}) starts.push_back({f * largest[0]});
  } else {
    const std::vector<double> levels = n == 2 ? std::vector<double>{0.0, 0.5, 1.5} : std::vector<double>{0.0, 1.0};
    std::vector<std::size_t> pick(n, 0);
    for (int count = 0; count < 16; ++count) {
      std::vector<double> start(n);
      for (std::size_t s = 0; s < n; ++s) start[s] = levels[pick[s]] * largest[s];
      starts.push_back(start);
      std::size_t s = 0;
      while (s < n && ++pick[s] == levels.size()) pick[s++] = 0;
      if (s == n) break;
    }
  }
  return starts;
}

// Deterministic start with a Poisson covariance.
std::vector<double> poisson_start(const Flow& flow, std::span<const double> counts) {
  std::vector<double> z = flow.start(counts);
  for (std::size_t p = flow.species(); p < flow.set().size_up_to(2) && p < flow.size(); ++p)
    for (std::size_t s = 0; s < flow.species(); ++s)
      if (flow.set()[p][s] == 2) z[p] = z[s];
  return z;
}

// The cumulants above the mean that are stationary while the means are held: a far better start of Newton's method than zeros.
std::optional<std::vector<double>> slaved_start(const Flow& flow, std::vector<double> z) {
  const auto n = static_cast<Index>(flow.size()), s = static_cast<Index>(flow.species());
  if (n == s) return std::nullopt;
  VectorXd f(n);
  MatrixXd j(n, n);
  for (int k = 0; k < 12; ++k) {
    flow.rhs(0, z, {f.data(), flow.size()});
    flow.jacobian(0, z, {j.data(), flow.size() * flow.size()});
    if (!f.allFinite() || !j.allFinite()) return std::nullopt;
    const VectorXd step = Eigen::PartialPivLU<MatrixXd>(j.bottomRightCorner(n - s, n - s)).solve(f.tail(n - s));
    if (!step.allFinite()) return std::nullopt;
    double change = 0;
    for (Index i = s; i < n; ++i) {
      const auto p = static_cast<std::size_t>(i);
      change = std::max(change, std::abs(step(i - s)) / (std::abs(z[p]) + 1e-3 / flow.volume()));
      z[p] -= step(i - s);
    }
    if (change < 1e-6) return z;
  }
  return std::nullopt;
}

}  // namespace

std::vector<FixedPoint> steady_states(const Flow& flow, std::span<const std::vector<double>> seeds, const ReducedNetwork& network, bool* complete) {
  std::vector<FixedPoint> found;
  const auto keep = [&](const std::optional<FixedPoint>& point) {
    if (!point || !point->physical) return;
    for (const FixedPoint& other : found)
      if (same_state(*point, other)) return;
    found.push_back(*point);
  };
  if (const auto candidates = eliminate(flow)) {
    for (const std::vector<double>& z : *candidates) keep(newton(flow, z, network));
    return found;
  }
  if (complete != nullptr) *complete = false;
  for (const std::vector<double>& start : start_amounts(flow, {}, seeds)) {
    const std::vector<double> z = poisson_start(flow, start);
    keep(newton(flow, z, network));
    if (const auto slaved = slaved_start(flow, z)) keep(newton(flow, *slaved, network));
  }
  for (const std::vector<double>& seed : seeds) {
    const Relaxation r = relax(flow, flow.start(seed), network, {.relative = 1e-6, .max_steps = 1000, .watch = false});
    if (r.outcome == Relaxation::Outcome::settled) keep(r.state);
  }
  return found;
}

std::vector<FixedPoint> stable_states(const Flow& flow, std::span<const FixedPoint> known, std::span<const std::vector<double>> seeds,
                                      const ReducedNetwork& network, const std::function<void()>& between) {
  std::vector<FixedPoint> found(known.begin(), known.end());
  const auto keep = [&](const std::optional<FixedPoint>& point) {
    if (!point || !point->stable || !point->physical) return;
    for (const FixedPoint& other : found)
      if (same_state(*point, other)) return;
    found.push_back(*point);
  };
  if (const auto candidates = eliminate(flow)) {
    for (const std::vector<double>& z : *candidates) keep(newton(flow, z, network));
    return found;
  }
  for (const std::vector<double>& start : start_amounts(flow, known, seeds)) {
    const Relaxation r = relax(flow, flow.start(start), network, {.relative = 1e-6, .max_steps = 3000, .watch = false, .between = between});
    if (r.outcome == Relaxation::Outcome::settled) keep(r.state);
    if (flow.order() < 2) continue;
    // Newton from the same mean with a Poisson covariance: reaches states that no deterministic start flows to.
    keep(newton(flow, poisson_start(flow, start), network));
  }
  return found;
}

}  // namespace meso::kinetics
