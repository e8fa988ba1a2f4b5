#include "kits/lattice/pair_approximation.h"

#include <fmt/format.h>

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <memory>

#include "base/error.h"
#include "base/text.h"
#include "kits/lattice/observables.h"

namespace meso::lattice {

PairApproximation::PairApproximation(const Model& model) : states_(model.states()), z_(static_cast<double>(model.box.neighbours())), site_(states_ * states_) {
  if (model.occupation != Occupation::exclusion) throw ModelError("the pair approximation is for models with exclusion: with bosonic occupation reactions happen on one site");
  for (const SiteRule& r : model.sites) {
    site_[r.from * states_ + r.to] += r.rate;
    fastest_ += r.rate;
  }
  for (const PairRule& r : all_pair_rules(model)) {
    const auto add = [&](int first, int second, double rate) {
      if (r.from[static_cast<std::size_t>(first)] == r.to[static_cast<std::size_t>(first)] && r.from[static_cast<std::size_t>(second)] == r.to[static_cast<std::size_t>(second)]) return;
      bonds_.push_back({r.from[static_cast<std::size_t>(first)] * states_ + r.from[static_cast<std::size_t>(second)],
                        r.to[static_cast<std::size_t>(first)] * states_ + r.to[static_cast<std::size_t>(second)], rate});
    };
    const double share = r.from[0] == r.from[1] ? 0.5 : 1.0;  // like ends: either is the first
    add(0, 1, share * r.rate);
    add(1, 0, share * r.rate);
    fastest_ += z_ * r.rate;
  }
  const std::vector<double> density = initial_density(model);
  start_ = independent(density);
  if (model.initial.kind == Initial::Kind::seed) {  // one particle has no particle beside it
    const double one = 1.0 / static_cast<double>(model.box.sites());
    std::fill(start_.begin(), start_.end(), 0.0);
    start_[index(model.initial.species, model.initial.background)] = one;
    start_[index(model.initial.background, model.initial.background)] = 1 - 2 * one;
  }
}

std::size_t PairApproximation::index(State s, State t) const {
  const std::size_t a = std::min(s, t), b = std::max(s, t);
  return a * states_ - a * (a + 1) / 2 + b;
}

double PairApproximation::density(std::span<const double> p, State s) const {
  double sum = 0;
  for (State t = 0; t < states_; ++t) sum += p[index(s, t)];
  return sum;
}

std::vector<double> PairApproximation::independent(std::span<const double> density) const {
  std::vector<double> of(states_), p(size());
  of[0] = 1;
  for (std::size_t s = 1; s < states_; ++s) of[s] = density[s - 1], of[0] -= density[s - 1];
  for (State s = 0; s < states_; ++s)
    for (State t = s; t < states_; ++t) p[index(s, t)] = of[s] * of[t];
  return p;
}

std::vector<double> PairApproximation::initial() const { return start_; }

void PairApproximation::rhs(std::span<const double> p, std::span<double> dpdt) const {
  const std::size_t n = states_;
  std::array<double, 16 * 16> pair, change{}, w{};  // ordered; max_species + 1 = 16 states
  std::array<double, 16> of{};
  for (State s = 0; s < n; ++s)
    for (State t = 0; t < n; ++t) {
      pair[s * n + t] = p[index(s, t)];
      of[s] += pair[s * n + t];
    }
  for (const Channel& c : bonds_) {
    const double flow = c.rate * pair[c.from];
    change[c.from] -= flow;
    change[c.to] += flow;
    const std::size_t s = c.from / n, to = c.to / n;
    if (s != to && of[s] > 0) w[s * n + to] += flow / of[s];  // what one other bond does to its first site
  }
  for (std::size_t s = 0; s < n; ++s)
    for (std::size_t to = 0; to < n; ++to) {
      const double rate = site_[s * n + to] + (z_ - 1) * w[s * n + to];
      if (rate == 0 || s == to) continue;
      for (std::size_t b = 0; b < n; ++b) {
        const double first = rate * pair[s * n + b];
        change[s * n + b] -= first;
        change[to * n + b] += first;
        change[b * n + s] -= first;
        change[b * n + to] += first;
      }
    }
  for (State s = 0; s < n; ++s)
    for (State t = s; t < n; ++t) dpdt[index(s, t)] = 0.5 * (change[s * n + t] + change[t * n + s]);
}

OdeProblem PairApproximation::problem() const {
  return {.size = size(), .rhs = [this](double, std::span<const double> p, std::span<double> dpdt) { rhs(p, dpdt); }};
}

std::optional<PairApproximation::Stationary> PairApproximation::settle(std::span<const double> start) const {
  std::vector<double> p(start.begin(), start.end()), f(size());
  const OdeOptions options{.relative = 1e-11, .absolute = {1e-15}, .max_steps = 2000000};
  double t = 0, length = 10 / std::max(fastest_, 1e-300), moving = 0;
  const auto speed = [&] {
    rhs(p, f);
    double worst = 0;
    for (const double x : f) worst = std::max(worst, std::abs(x));
    return worst;
  };
  while ((moving = speed()) > 1e-12 * fastest_) {
    if (t > 1e7 / fastest_) return std::nullopt;
    const OdeSolution solved = integrate(problem(), p, 0, std::vector<double>{length}, options);
    if (solved.status != OdeStatus::done) return std::nullopt;
    p = solved.last;
    t += length;
    length *= 2;
  }
  Stationary state{.p = p, .eigenvalues = {}, .stable = true, .bound = 0};
  for (State s = 0; s < states_; ++s)
    if (density(p, s) < 1e-9) {  // a state has died out: P(r, s)/P(s) has no limit there, and no linearisation either
      state.bound = 1e-8;
      return state;
    }
  const auto n = static_cast<Eigen::Index>(size());
  Eigen::MatrixXd jacobian(n, n);
  std::vector<double> q = p, up(size()), down(size());
  for (Eigen::Index j = 0; j < n; ++j) {
    const auto i = static_cast<std::size_t>(j);
    const double h = 1e-6 * std::max(1e-3, p[i]);  // the flow is smooth across P = 0 as long as no density vanishes
    q[i] = p[i] + h, rhs(q, up);
    q[i] = p[i] - h, rhs(q, down);
    q[i] = p[i];
    for (Eigen::Index k = 0; k < n; ++k) jacobian(k, j) = (up[static_cast<std::size_t>(k)] - down[static_cast<std::size_t>(k)]) / (2 * h);
  }
  const Eigen::VectorXcd values = jacobian.eigenvalues();
  for (Eigen::Index k = 0; k < n; ++k)
    if (std::abs(values[k]) > 1e-6 * fastest_) state.eigenvalues.push_back(values[k]);
  std::sort(state.eigenvalues.begin(), state.eigenvalues.end(), [](auto a, auto b) { return a.real() != b.real() ? a.real() > b.real() : a.imag() > b.imag(); });
  double slowest = fastest_;
  for (const auto& v : state.eigenvalues) {
    state.stable = state.stable && v.real() < 0;
    slowest = std::min(slowest, std::abs(v.real()));
  }
  state.bound = 10 * moving / std::max(slowest, 1e-6 * fastest_) + 1e-12;
  return state;
}

Level pair_approximation_level(const Model& model, const std::string& parent) {
  Level level;
  level.info = {.name = "pair-approximation",
                .rung = Rung::moments,
                .doc = "densities and nearest-neighbour pairs, closed by P(r, s, t) = P(r, s) P(s, t)/P(s)",
                .parent = parent,
                .approximation = "correlations beyond nearest neighbours are those of a chain; loops are not seen",
                .source = "Matsuda et al. (1992), doi:10.1143/ptp/88.6.1035"};
  const auto names = std::make_shared<const Model>(model);
  const auto pairs = std::make_shared<const PairApproximation>(model);
  level.run = [names, pairs](const Ask& ask, Context&) {
    Answer answer;
    answer.why = fmt::format("{} equations", pairs->size());
    struct Wanted {
      std::string name, unit;
      State s, t;
      bool density;
    };
    std::vector<Wanted> wanted;
    for (State s = 0; s < names->states(); ++s) {
      if (s > 0 && ask.wants(density_name(names->state_name(s)))) wanted.push_back({density_name(names->state_name(s)), "1/site", s, s, true});
      for (State t = 0; t < names->states(); ++t)
        if (const std::string name = pairs_name(names->state_name(s), names->state_name(t)); ask.wants(name)) wanted.push_back({name, "1/bond", s, t, false});
    }
    const auto value = [&](const Wanted& w, std::span<const double> p) { return w.density ? pairs->density(p, w.s) : p[pairs->index(w.s, w.t)]; };
    if (ask.is_stationary()) {
      const auto found = pairs->settle(pairs->initial());
      if (!found) {
        answer.flags.push_back({.kind = "undamped-oscillation", .text = "the pair approximation does not come to rest: it oscillates, or creeps", .fatal = true});
        return answer;
      }
      SteadyState state{.reached = true, .stable = found->stable, .eigenvalues = found->eigenvalues};
      for (State s = 1; s < names->states(); ++s) state.value[density_name(names->state_name(s))] = pairs->density(found->p, s);
      if (!found->stable)
        answer.flags.push_back({.kind = "no-stable-state", .text = "the state reached in the pair approximation is not stable: the smallest disturbance leaves it", .fatal = true});
      for (const Wanted& w : wanted) answer.estimates.push_back(solved_estimate(w.name, w.unit, {}, {value(w, found->p)}, {found->bound}));
      answer.steady_states.push_back(std::move(state));
      return answer;
    }
    const std::vector<double>& times = ask.times();
    const double target = ask.target_error > 0 ? ask.target_error : 1e-6;
    const BoundedOdeSolution solved =
        integrate_with_bound(pairs->problem(), pairs->initial(), 0, times, {.relative = std::clamp(1e-2 * target, 1e-9, 1e-6), .absolute = {1e-13}, .max_steps = 2000000});
    const std::size_t n = pairs->size();
    for (const Wanted& w : wanted) {
      Estimate e = solved_estimate(w.name, w.unit, {{"t", "1", times}}, {}, {});
      for (std::size_t i = 0; i < times.size(); ++i) {
        const bool reached = i < solved.solution.reached;
        const std::span<const double> p(&solved.solution.path[i * n], n), b(&solved.bound[i * n], n);
        double bound = 0;
        for (State t = 0; t < names->states(); ++t) bound += w.density ? b[pairs->index(w.s, t)] : 0.0;
        e.value.push_back(reached ? value(w, p) : std::nan(""));
        e.error_bound.push_back(!reached ? std::nan("") : w.density ? bound : b[pairs->index(w.s, w.t)]);
      }
      answer.estimates.push_back(std::move(e));
    }
    if (solved.solution.status != OdeStatus::done)
      answer.flags.push_back({.kind = "step-collapse", .where = {{"t", solved.solution.t}}, .text = fmt::format("pair approximation: {} at t = {}", to_text(solved.solution.status), brief(solved.solution.t)), .fatal = true});
    return answer;
  };
  level.plan = [pairs](const Ask&) { return std::vector<std::string>{fmt::format("equations {}", pairs->size())}; };
  return level;
}

}  // namespace meso::lattice
