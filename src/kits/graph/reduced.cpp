#include "kits/graph/reduced.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "base/error.h"
#include "base/text.h"
#include "num/markov.h"
#include "num/ode.h"

namespace meso::graph {
namespace {

constexpr double nan_value = std::numeric_limits<double>::quiet_NaN();

using Rhs = std::function<void(std::span<const double> y, std::span<double> d)>;
using Read = std::function<void(std::span<const double> y, std::span<double> fractions)>;

/// Integrates and reads the K fractions at the asked times. The bound of a linear reading is the reading of the bounds; where it is
/// not linear (`slope` given), slope times the largest bound of y.
Fractions solve(std::size_t compartments, const Rhs& rhs, const std::vector<double>& y0, double t0, std::span<const double> times, const Read& read, double slope, std::vector<double>* last = nullptr) {
  Fractions out;
  const std::size_t n = y0.size();
  OdeProblem problem;
  problem.size = n;
  problem.rhs = [&](double, std::span<const double> y, std::span<double> d) {
    std::fill(d.begin(), d.end(), 0.0);
    rhs(y, d);
  };
  const BoundedOdeSolution solved = integrate_with_bound(problem, y0, t0, times, {.relative = 1e-8, .absolute = {1e-12}});
  out.value.assign(times.size() * compartments, nan_value);
  out.bound = out.value;
  for (std::size_t i = 0; i < solved.solution.reached; ++i) {
    const std::span<const double> y(solved.solution.path.data() + i * n, n);
    read(y, {out.value.data() + i * compartments, compartments});
    double worst = 0;
    for (std::size_t j = 0; j < n; ++j) worst = std::max(worst, solved.bound[i * n + j]);
    for (std::size_t c = 0; c < compartments; ++c) out.bound[i * compartments + c] = slope * worst;
  }
  if (solved.solution.status != OdeStatus::done)
    out.trouble = fmt::format("the equations {} at t = {}{}", to_text(solved.solution.status), brief(solved.solution.t), solved.solution.message.empty() ? "" : ": " + solved.solution.message);
  if (last != nullptr) *last = solved.solution.last;
  return out;
}

}  // namespace

double GeneratingFunction::operator()(double x, int derivative) const {
  double sum = 0;
  if (!kappa_.empty()) {
    for (std::size_t i = 0; i < kappa_.size(); ++i) sum += weight_[i] * std::pow(kappa_[i], derivative) * std::exp(-kappa_[i] * (1 - x));
    return sum;
  }
  for (std::size_t k = law_.size(); k-- > static_cast<std::size_t>(derivative);) {  // Horner on the derivative's coefficients
    const auto d = static_cast<double>(k);
    sum = sum * x + law_[k] * (derivative == 0 ? 1 : derivative == 1 ? d : d * (d - 1));
  }
  return sum;
}

Fractions mean_field(const Compartments& model, std::span<const std::pair<double, double>> degree, std::span<const double> initial, std::span<const double> times) {
  const std::size_t K = model.size();
  Fractions out;
  std::vector<double> x(initial.begin(), initial.end());
  std::vector<double> carried(K, 0.0);  // error of earlier pieces
  std::size_t at = 0;
  for (std::size_t piece = 0; piece < degree.size(); ++piece) {
    const double from = degree[piece].first, to = piece + 1 < degree.size() ? degree[piece + 1].first : std::numeric_limits<double>::infinity(), k = degree[piece].second;
    std::vector<double> asked;
    while (at < times.size() && (times[at] < to)) asked.push_back(times[at++]);
    const std::size_t wanted = asked.size();
    const bool more = at < times.size();
    if (more && std::isfinite(to) && to > from) asked.push_back(to);
    if (asked.empty()) continue;
    const Rhs rhs = [&](std::span<const double> y, std::span<double> d) {
      for (const Spontaneous& s : model.spontaneous) d[s.from] -= s.rate * y[s.from], d[s.to] += s.rate * y[s.from];
      for (const Contact& c : model.contacts) {
        const double flow = c.rate * k * y[c.a] * y[c.b] * (c.a == c.b ? 0.5 : 1.0);
        d[c.a] -= flow, d[c.to_a] += flow, d[c.b] -= flow, d[c.to_b] += flow;
      }
    };
    std::vector<double> last;
    Fractions part = solve(K, rhs, x, from, asked, [](std::span<const double> y, std::span<double> f) { std::copy(y.begin(), y.end(), f.begin()); }, 1.0, &last);
    for (std::size_t i = 0; i < wanted * K; ++i) part.bound[i] += carried[i % K];
    out.value.insert(out.value.end(), part.value.begin(), part.value.begin() + static_cast<std::ptrdiff_t>(wanted * K));
    out.bound.insert(out.bound.end(), part.bound.begin(), part.bound.begin() + static_cast<std::ptrdiff_t>(wanted * K));
    if (asked.size() > wanted)
      for (std::size_t c = 0; c < K; ++c) x[c] = part.value[wanted * K + c], carried[c] += part.bound[wanted * K + c];
    if (!part.trouble.empty()) out.trouble = part.trouble;
  }
  return out;
}

Fractions degree_mean_field(const Compartments& model, const DegreeLaw& law, std::span<const double> initial, std::span<const double> times) {
  // Classes of one degree each up to 64 classes; a longer tail is lumped into classes of equal weight at their mean degree.
  const std::size_t K = model.size();
  std::vector<double> degree, share;
  double most = 0;
  std::size_t support = 0;
  for (const double p : law) support += p > 1e-12;
  const double lump = support > 64 ? 1.0 / 256 : 0.0;
  double weight = 0, sum = 0;
  for (std::size_t k = 0; k < law.size(); ++k) {
    if (law[k] <= 1e-12) continue;
    weight += law[k], sum += law[k] * static_cast<double>(k);
    if (weight > lump || k + 1 == law.size()) degree.push_back(sum / weight), share.push_back(weight), weight = sum = 0;
  }
  if (weight > 0) degree.push_back(sum / weight), share.push_back(weight);
  double mean = 0, total = 0;
  for (std::size_t k = 0; k < degree.size(); ++k) mean += share[k] * degree[k], total += share[k], most = std::max(most, degree[k]);
  std::vector<double> y0;
  for (std::size_t k = 0; k < degree.size(); ++k) y0.insert(y0.end(), initial.begin(), initial.end());
  const Rhs rhs = [&](std::span<const double> y, std::span<double> d) {
    std::vector<double> theta(K, 0.0);
    for (std::size_t k = 0; k < degree.size(); ++k)
      for (std::size_t c = 0; c < K; ++c) theta[c] += share[k] * degree[k] * y[k * K + c] / mean;
    for (std::size_t k = 0; k < degree.size(); ++k) {
      const double* x = y.data() + k * K;
      double* f = d.data() + k * K;
      for (const Spontaneous& s : model.spontaneous) f[s.from] -= s.rate * x[s.from], f[s.to] += s.rate * x[s.from];
      for (const Contact& c : model.contacts) {
        const double half = c.a == c.b ? 0.5 : 1.0;
        const double first = half * c.rate * degree[k] * x[c.a] * theta[c.b], second = half * c.rate * degree[k] * x[c.b] * theta[c.a];
        f[c.a] -= first, f[c.to_a] += first, f[c.b] -= second, f[c.to_b] += second;
      }
    }
  };
  return solve(K, rhs, y0, 0, times, [&](std::span<const double> y, std::span<double> f) {
    for (std::size_t c = 0; c < K; ++c) {
      f[c] = 0;
      for (std::size_t k = 0; k < degree.size(); ++k) f[c] += share[k] / total * y[k * K + c];
    }
  }, 1.0);
}

Fractions pair_approximation(const Compartments& model, const DegreeMoments& degrees, std::span<const double> initial, std::span<const double> times) {
  const std::size_t K = model.size();
  const double mean = degrees.mean, zeta = (degrees.second - degrees.mean) / (degrees.mean * degrees.mean);
  std::vector<double> y0(initial.begin(), initial.end());
  for (std::size_t a = 0; a < K; ++a)
    for (std::size_t b = 0; b < K; ++b) y0.push_back(mean * initial[a] * initial[b]);
  const Rhs rhs = [&](std::span<const double> y, std::span<double> d) {
    const auto pair = [&](std::size_t a, std::size_t b) { return y[K + a * K + b]; };
    const auto flow = [&](std::size_t a, std::size_t b, std::size_t to_a, std::size_t to_b, double rate) {  // ordered pairs and their mirror
      d[K + a * K + b] -= rate, d[K + to_a * K + to_b] += rate;
      d[K + b * K + a] -= rate, d[K + to_b * K + to_a] += rate;
    };
    for (const Spontaneous& s : model.spontaneous) {
      d[s.from] -= s.rate * y[s.from], d[s.to] += s.rate * y[s.from];
      for (std::size_t c = 0; c < K; ++c) flow(s.from, c, s.to, c, s.rate * pair(s.from, c));
    }
    for (const Contact& c : model.contacts) {
      const double events = c.rate * pair(c.a, c.b) * (c.a == c.b ? 0.5 : 1.0);
      d[c.a] -= events, d[c.to_a] += events, d[c.b] -= events, d[c.to_b] += events;
      flow(c.a, c.b, c.to_a, c.to_b, events);
      for (std::size_t o = 0; o < K; ++o) {  // the other pairs of the two nodes
        if (c.to_a != c.a && y[c.a] > 0) flow(c.a, o, c.to_a, o, events * zeta * pair(c.a, o) / y[c.a]);
        if (c.to_b != c.b && y[c.b] > 0) flow(c.b, o, c.to_b, o, events * zeta * pair(c.b, o) / y[c.b]);
      }
    }
  };
  return solve(K, rhs, y0, 0, times, [K](std::span<const double> y, std::span<double> f) { std::copy_n(y.begin(), K, f.begin()); }, 1.0);
}

Fractions edge_based(const Compartments& model, const GeneratingFunction& psi, std::span<const double> initial, std::span<const double> times) {
  const auto rules = single_infection(model);
  if (!rules) throw ModelError("edge-based equations need a model in which a node is infected once and never returns");
  const std::size_t K = model.size(), s = rules->susceptible;
  const double mean = psi.mean(), s0 = initial[s];
  // y = Theta, phi_c (K; the susceptible entry unused), x_c (K)
  std::vector<double> y0(1 + 2 * K, 0.0);
  y0[0] = 1;
  for (std::size_t c = 0; c < K; ++c)
    if (c != s) y0[1 + c] = initial[c], y0[1 + K + c] = initial[c];
  const Rhs rhs = [&](std::span<const double> y, std::span<double> d) {
    const double theta = y[0], first = s0 * psi(theta, 1), second = s0 * psi(theta, 2) / mean;
    for (std::size_t c = 0; c < K; ++c) {
      const double passed = rules->infectivity[c] * y[1 + c];
      if (passed == 0) continue;
      const State entry = rules->entry[c];
      d[0] -= passed;
      d[1 + c] -= passed;
      d[1 + entry] += second * passed;
      d[1 + K + entry] += first * passed;
    }
    for (const Spontaneous& t : model.spontaneous)
      for (const std::size_t block : {std::size_t{1}, 1 + K}) {
        const double flow = t.rate * y[block + t.from];
        d[block + t.from] -= flow, d[block + t.to] += flow;
      }
  };
  return solve(K, rhs, y0, 0, times, [&](std::span<const double> y, std::span<double> f) {
    for (std::size_t c = 0; c < K; ++c) f[c] = c == s ? s0 * psi(y[0]) : y[1 + K + c];
  }, std::max(1.0, mean));
}

std::optional<std::size_t> master_states(std::size_t compartments, std::size_t nodes, std::size_t limit) {
  std::size_t states = 1;
  for (std::size_t i = 0; i < nodes; ++i)
    if ((states *= compartments) > limit) return std::nullopt;
  return states;
}

Fractions master_equation(const Compartments& model, const Graph& graph, std::span<const EdgeChange> changes, const InitialLaw& initial, std::span<const double> times) {
  const std::size_t K = model.size(), n = graph.nodes();
  const auto size = master_states(K, n, 1 << 20);
  if (!size) throw ParameterError(fmt::format("{} compartments on {} nodes have too many states for a master equation", K, n));
  std::vector<std::size_t> power(n + 1, 1);
  for (std::size_t i = 0; i < n; ++i) power[i + 1] = power[i] * K;
  std::vector<Edge> edges = graph.edge_list();
  const auto generator = [&] {
    num::Generator q;
    q.leak.assign(*size, 0.0);
    std::vector<State> state(n);
    for (std::size_t index = 0; index < *size; ++index) {
      for (std::size_t i = 0; i < n; ++i) state[i] = static_cast<State>(index / power[i] % K);
      std::map<std::size_t, double> out;
      const auto changed = [&](std::size_t i, State to) { return static_cast<std::ptrdiff_t>(power[i]) * (static_cast<std::ptrdiff_t>(to) - static_cast<std::ptrdiff_t>(state[i])); };
      for (std::size_t i = 0; i < n; ++i)
        for (const Spontaneous& s : model.spontaneous)
          if (state[i] == s.from) out[index + static_cast<std::size_t>(changed(i, s.to))] += s.rate;
      for (const auto& [i, j] : edges)
        for (const Contact& c : model.contacts) {
          const double rate = c.a == c.b ? 0.5 * c.rate : c.rate;
          if (state[i] == c.a && state[j] == c.b) out[index + static_cast<std::size_t>(changed(i, c.to_a) + changed(j, c.to_b))] += rate;
          if (state[j] == c.a && state[i] == c.b) out[index + static_cast<std::size_t>(changed(j, c.to_a) + changed(i, c.to_b))] += rate;
        }
      for (const auto& [target, rate] : out)
        if (target != index && rate > 0) q.target.push_back(static_cast<std::uint32_t>(target)), q.rate.push_back(rate);
      q.start.push_back(q.target.size());
    }
    return q;
  };
  std::vector<double> p(*size, 0.0);
  for (std::size_t s = 0; s < initial.states.size(); ++s) {
    std::size_t index = 0;
    for (std::size_t i = 0; i < n; ++i) index += power[i] * initial.states[s][i];
    p[index] += initial.weight[s];
  }
  num::Uniformised flow(generator());
  Fractions out;
  double t = 0;
  std::size_t next = 0;
  for (const double asked : times) {
    while (next < changes.size() && changes[next].t <= asked) {
      const double at = changes[next].t;
      flow.advance(p, at - t, 1e-14);
      t = at;
      for (; next < changes.size() && changes[next].t == at; ++next) {
        if (changes[next].add) edges.push_back(changes[next].edge);
        else std::erase(edges, changes[next].edge);
      }
      flow = num::Uniformised(generator());
    }
    flow.advance(p, asked - t, 1e-14);
    t = asked;
    std::vector<double> mean(K, 0.0), square(K, 0.0);
    double kept = 0;
    for (std::size_t index = 0; index < *size; ++index) {
      if (p[index] == 0) continue;
      kept += p[index];
      std::vector<double> count(K, 0.0);
      for (std::size_t i = 0; i < n; ++i) count[index / power[i] % K] += 1.0 / static_cast<double>(n);
      for (std::size_t c = 0; c < K; ++c) mean[c] += p[index] * count[c], square[c] += p[index] * count[c] * count[c];
    }
    for (std::size_t c = 0; c < K; ++c) {
      out.value.push_back(mean[c]);
      out.second.push_back(square[c]);
      out.bound.push_back(std::abs(1 - kept) + 1e-13);
    }
  }
  return out;
}

double reproduction_number(const GeneratingFunction& psi, double beta, double gamma) { return beta / (beta + gamma) * psi(1, 2) / psi.mean(); }

double final_size(const GeneratingFunction& psi, double beta, double gamma) {
  if (reproduction_number(psi, beta, gamma) <= 1) return 0;
  const double mean = psi.mean(), stay = gamma / (beta + gamma), pass = beta / (beta + gamma);
  double theta = 0;  // iteration from below climbs to the smallest root, Newton steps from below cannot pass it: the map is convex
  for (int i = 0; i < 10000; ++i) {
    const double f = stay + pass * psi(theta, 1) / mean - theta, slope = pass * psi(theta, 2) / mean - 1;
    const double step = slope < 0 ? -f / slope : f;
    theta += step;
    if (std::abs(step) < 1e-15) break;
  }
  return 1 - psi(theta);
}

}  // namespace meso::graph
