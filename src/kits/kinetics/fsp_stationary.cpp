#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/error.h"
#include "base/text.h"
#include "kits/kinetics/birth_death.h"
#include "kits/kinetics/fsp.h"
#include "kits/kinetics/rate_equation.h"
#include "num/elimination.h"

namespace meso::kinetics {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

bool is_one_step(const Network& network) {
  if (network.species.size() != 1) return false;
  for (const Reaction& reaction : network.reactions) {
    if (!reaction.bursts.empty()) return false;
    for (const auto& [s, d] : reaction.change)
      if (d != 1 && d != -1) return false;
  }
  return true;
}

bool all_mass_action(const Network& network) {
  return std::all_of(network.reactions.begin(), network.reactions.end(), [](const Reaction& r) { return r.mass_action || r.change.empty(); });
}

/// An upper bound of birth(n) / death(n + 1) over all n >= N for one-step mass action; infinity if this gives none.
///
/// With s the order of the highest death term, c_s: death(n+1) >= c_s (n+1)_s (falling factorial), and (n)_q / (n+1)_s falls
/// with n for q < s once n >= 2 s, and is below 1 for q = s.
double tail_ratio(const Network& network, double n) {
  int top = 0;
  for (const Reaction& r : network.reactions)
    if (!r.change.empty() && r.change[0].second < 0 && r.stochastic > 0) top = std::max(top, r.order());
  if (top == 0 || n < 2 * top) return infinity;
  const auto falling = [](double x, int s) { double p = 1; for (int i = 0; i < s; ++i) p *= x - i; return p; };
  double death = 0, bound = 0;
  for (const Reaction& r : network.reactions)
    if (!r.change.empty() && r.change[0].second < 0 && r.order() == top) death += r.stochastic;
  for (const Reaction& r : network.reactions) {
    if (r.change.empty() || r.change[0].second < 0 || r.stochastic == 0) continue;
    const int order = r.order();
    if (order > top) return infinity;
    bound += order == top ? r.stochastic / death : r.stochastic * falling(n, order) / (death * falling(n + 1, top));
  }
  return bound;
}

struct Rates {
  double birth = 0, death = 0;
};

Rates rates_at(const MasterEquation& equation, std::int32_t n) {
  Rates rates;
  const std::int32_t state[1] = {n};
  equation.transitions(state, [&](std::size_t, std::span<const std::int32_t> to, double a) { (to[0] > n ? rates.birth : rates.death) += a; });
  return rates;
}

FspStationary broken(FspStationary::Status status, std::string text) {
  FspStationary out;
  out.status = status;
  out.text = std::move(text);
  return out;
}

std::string absorbing_text(const Network& network, std::span<const std::int32_t> state) {
  return fmt::format("the state {} is absorbing: no reaction leads out of it, and it is the only closed class, so the stationary law is trivial", state_text(network, state));
}

/// One-step process on the integers: the product formula, cut where a geometric series bounds the rest.
FspStationary solve_one_step(const MasterEquation& equation, const FspOptions& options) {
  const Network& network = equation.network();
  const auto start = static_cast<std::int32_t>(network.initial[0]);
  std::vector<double> birth, death;  // from `low` upwards
  std::int32_t low = start;
  // Downwards as far as a death can fire. A missing birth on the way closes everything below it.
  std::vector<Rates> down;
  Rates here = rates_at(equation, start);
  Rates rates = here;
  while (rates.death > 0) {
    if (static_cast<std::size_t>(start - low) > options.max_states)
      return broken(FspStationary::Status::truncated, fmt::format("more than {} states between {} = {} and the lowest state that can be reached", options.max_states, network.species[0], start));
    rates = rates_at(equation, --low);
    down.push_back(rates);
  }
  std::reverse(down.begin(), down.end());
  std::optional<std::int32_t> cut_low;  // smallest state below the start without a birth
  for (std::size_t i = 0; i < down.size() && !cut_low; ++i)
    if (down[i].birth == 0) cut_low = low + static_cast<std::int32_t>(i);
  for (const Rates& r : down) {
    birth.push_back(r.birth);
    death.push_back(r.death);
  }
  birth.push_back(here.birth);
  death.push_back(here.death);
  // Upwards until the law is far below its peak and the tail is bounded.
  const bool mass_action = all_mass_action(network);
  double log_p = 0, log_top = 0;
  for (std::size_t i = 1; i < birth.size(); ++i) {
    if (birth[i - 1] > 0 && death[i] > 0) log_p += std::log(birth[i - 1] / death[i]);
    log_top = std::max(log_top, log_p);
  }
  std::optional<std::int32_t> cut_high;  // largest state above the start without a death: all above it is closed
  double ratio = 0;
  std::size_t falling = 0;  // consecutive states with birth(n-1) / death(n) < 0.999
  double worst = 0;
  bool finite = birth.back() == 0;
  while (!finite) {
    if (birth.size() > options.max_states) {
      if (cut_low) break;  // what lies above is transient
      return broken(FspStationary::Status::truncated,
                    fmt::format("no stationary law was found on {} states: at {} = {} probability is still {}", with_commas(birth.size()), network.species[0],
                                low + static_cast<std::int32_t>(birth.size()) - 1, log_p >= log_top - 1 ? "rising (the network may grow without bound)" : "too large"));
    }
    const auto n = low + static_cast<std::int32_t>(birth.size());
    const Rates r = rates_at(equation, n);
    if (r.death == 0) {
      cut_high = n;
      log_p = log_top = 0;
      falling = 0;
      worst = 0;
    } else {
      const double q = birth.back() / r.death;
      log_p += std::log(q);
      if (q < 0.999) {
        worst = falling == 0 ? q : std::max(q, worst);
        ++falling;
      } else {
        falling = 0;
      }
    }
    log_top = std::max(log_top, log_p);
    birth.push_back(r.birth);
    death.push_back(r.death);
    finite = r.birth == 0;
    if (log_p < log_top - 80) {
      ratio = mass_action ? tail_ratio(network, n) : (2 * falling > birth.size() ? worst : infinity);
      if (ratio < 0.999) break;
    }
  }
  const auto place = [&](std::int32_t n) { return static_cast<std::size_t>(n - low); };
  const std::string& name = network.species[0];
  const std::int32_t high = low + static_cast<std::int32_t>(birth.size()) - 1;
  if (cut_low && cut_high)
    return broken(FspStationary::Status::several_classes,
                  fmt::format("the network has several closed classes of states, among them {} and {}: which one is reached is a matter of chance, and there is no unique stationary law",
                              *cut_low == low ? fmt::format("{} = {}", name, low) : fmt::format("{} = {}..{}", name, low, *cut_low),
                              finite && *cut_high == high ? fmt::format("{} = {}", name, high) : fmt::format("{} >= {}", name, *cut_high)));
  std::size_t first = 0, last = birth.size() - 1;
  if (cut_low) last = place(*cut_low);
  if (cut_high) first = place(*cut_high);
  const bool whole = cut_low || finite;  // no truncation
  if (first == last && whole) {
    const std::int32_t state[1] = {low + static_cast<std::int32_t>(first)};
    return broken(FspStationary::Status::absorbing, absorbing_text(network, state));
  }
  const std::span<const double> b = std::span(birth).subspan(first, last - first + 1), d = std::span(death).subspan(first, last - first + 1);
  FspStationary out;
  out.p = birth_death_law(b, d);
  // Only what has weight is kept; entries of 0 at either end are below 1e-300.
  out.space = StateSpace(1);
  for (std::size_t i = 0; i < out.p.size(); ++i) {
    const std::int32_t state[1] = {low + static_cast<std::int32_t>(first + i)};
    out.space.add(state);
  }
  out.moments = law_moments(out.space, out.p);
  out.certified = whole || mass_action;
  out.method = "product formula";
  out.boundary = whole ? 0 : out.p.back();
  // Bounds: the tail holds at most p(N) rho^k at N + k; sums to k = 400 / (1 - rho) are complete to rounding.
  const LawMoments& m = out.moments;
  const double mean = m.mean[0];
  double tail[5] = {0, 0, 0, 0, 0}, spread[5] = {0, 0, 0, 0, 0};
  if (!whole) {
    double p = out.p.back();
    const double n = high;
    const int terms = static_cast<int>(std::min(1e6, 60 / (1 - ratio))) + 10;
    for (int k = 1; k <= terms; ++k) {
      p *= ratio;
      double x = p;
      for (int j = 0; j <= 4; ++j, x *= std::abs(n + k - mean)) tail[j] += x;
    }
  }
  for (std::size_t i = 0; i < out.p.size(); ++i) {
    double x = out.p[i];
    for (int j = 0; j <= 4; ++j, x *= std::abs(out.space[i][0] - mean)) spread[j] += x;
  }
  const double rounding = 4e-16 * static_cast<double>(out.p.size());
  double central[5];  // bounds of the errors of sums of (n - mean)^j p
  for (int j = 0; j <= 4; ++j) central[j] = 2 * (tail[j] + (tail[0] + rounding) * spread[j]);
  out.error = m;
  out.error.mean[0] = central[1] + 2e-16 * mean;
  out.error.covariance[0] = central[2] + central[1] * central[1];
  out.error.cumulant3[0] = central[3] + 3 * central[1] * spread[2] + 2e-16 * spread[3];
  out.error.cumulant4[0] = central[4] + 4 * central[1] * spread[3] + 6 * spread[2] * central[2] + 2e-16 * spread[4];
  for (double& x : out.error.marginal[0]) x *= tail[0] + rounding;
  out.gap_ = [b = std::vector<double>(b.begin(), b.end()), law = out.p]() -> std::optional<double> {
    const RelaxationRate gap = birth_death_gap(b, law);
    if (!(gap.rate > 0)) return std::nullopt;
    return gap.rate;
  };
  return out;
}

// ------------------------------------------------------------------------------------------------------ general case

struct Box {
  std::vector<std::int64_t> low, high;
  [[nodiscard]] bool holds(std::span<const std::int32_t> n) const {
    for (std::size_t s = 0; s < low.size(); ++s)
      if (n[s] < low[s] || n[s] > high[s]) return false;
    return true;
  }
};

struct Edges {  // per species: probability of states that can step over the lower and the upper side of the box
  std::vector<double> low, high;
  [[nodiscard]] double worst() const {
    double w = 0;
    for (std::size_t s = 0; s < low.size(); ++s) w = std::max({w, low[s], high[s]});
    return w;
  }
};

struct Solution {
  StateSpace space;
  std::vector<double> p;
  num::Generator generator;
  Edges edges;
  LawMoments moments;
  std::string method;
};

Edges edges_of(const MasterEquation& equation, const Box& box, const StateSpace& space, std::span<const double> p) {
  const std::size_t species = space.species();
  Edges edges{std::vector<double>(species, 0.0), std::vector<double>(species, 0.0)};
  std::vector<double> seen(2 * species);
  const auto& reactions = equation.network().reactions;
  const bool bursts = std::any_of(reactions.begin(), reactions.end(), [](const Reaction& r) { return !r.bursts.empty(); });
  for (std::size_t j = 0; j < space.size(); ++j) {
    const auto n = space[j];
    bool inner = !bursts;  // far from every side: nothing to look at
    for (std::size_t s = 0; s < species; ++s) inner &= n[s] >= box.low[s] + 4 && n[s] + 4 <= box.high[s];
    if (inner) continue;
    std::fill(seen.begin(), seen.end(), 0.0);
    equation.transitions(n, [&](std::size_t r, std::span<const std::int32_t> to, double a) {
      // A burst steps over with the probability of its size, any other reaction with certainty when it fires.
      const double part = reactions[r].bursts.empty() ? 1.0 : a / equation.propensity(r, n);
      for (std::size_t s = 0; s < species; ++s) {
        if (to[s] < box.low[s]) seen[2 * s] = std::min(1.0, seen[2 * s] + part);
        if (to[s] > box.high[s]) seen[2 * s + 1] = std::min(1.0, seen[2 * s + 1] + part);
      }
    });
    for (std::size_t s = 0; s < species; ++s) {
      edges.low[s] += seen[2 * s] * p[j];
      edges.high[s] += seen[2 * s + 1] * p[j];
    }
  }
  return edges;
}

std::size_t argmax(std::span<const double> p) { return static_cast<std::size_t>(std::max_element(p.begin(), p.end()) - p.begin()); }

std::string class_text(const Network& network, const StateSpace& space, const std::vector<std::uint32_t>& members) {
  if (members.size() == 1) return fmt::format("{{{}}}", state_text(network, space[members[0]]));
  return fmt::format("{} states around {{{}}}", members.size(), state_text(network, space[members[members.size() / 2]]));
}

/// How far a side should move, from the decay of the marginal towards it.
std::int64_t stride(std::span<const double> marginal, bool upper, double edge, double target, std::int64_t width) {
  const std::size_t n = marginal.size(), back = std::max<std::size_t>(4, n / 5);
  const std::int64_t least = std::max<std::int64_t>(4, width / 10), most = std::max<std::int64_t>(8, width);
  if (n < 2 * back || edge > 1e-2) return most;
  // Sums of a few layers, so that parity does not matter.
  double outer = 0, inner = 0;
  for (std::size_t k = 0; k < 4; ++k) {
    outer += marginal[upper ? n - 1 - k : k];
    inner += marginal[upper ? n - 1 - k - (back - 2) : k + back - 2];
  }
  if (!(inner > outer) || outer <= 0) return most;
  const double slope = std::log(inner / outer) / static_cast<double>(back - 2);
  return std::clamp(static_cast<std::int64_t>(1.1 * std::log(edge / target) / slope) + 2, least, most);
}

/// Counts of the stable states of the rate equation, if there are several: a box that grows around one of them may never see the others, because the edge
/// between basins is all but empty.
std::vector<std::vector<double>> basins(const Network& network) {
  std::vector<std::vector<double>> out;
  try {
    const ReducedNetwork reduced = reduce(network, Convention::macroscopic);
    if (reduced.size() == 0) return out;
    const Flow flow = rate_equation_flow(reduced);
    for (const FixedPoint& state : rate_equation_states(flow, reduced, reduced.initial)) {
      out.emplace_back();
      for (std::size_t s = 0; s < network.species.size(); ++s) out.back().push_back(mean_of(flow, state.z, reduced, s));
      for (const double n : out.back())
        if (!(n >= 0) || n > 1e8) return {};
    }
  } catch (const Error&) {
    return {};  // the rate equation is a help here, not a condition
  }
  if (out.size() < 2) out.clear();
  return out;
}

FspStationary solve_boxes(const MasterEquation& equation, const FspOptions& options) {
  const Network& network = equation.network();
  const std::size_t species = network.species.size();
  Box box;
  for (std::size_t s = 0; s < species; ++s) {
    box.low.push_back(std::max<std::int64_t>(0, network.initial[s] - 10));
    box.high.push_back(network.initial[s] + 10);
  }
  for (const std::vector<double>& state : basins(network))
    for (std::size_t s = 0; s < species; ++s) {
      const double n = state[s], room = 10 + 3 * std::sqrt(n);
      box.low[s] = std::min(box.low[s], std::max<std::int64_t>(0, static_cast<std::int64_t>(n - room)));
      box.high[s] = std::max(box.high[s], static_cast<std::int64_t>(n + room));
    }
  const double target = 1e-4 * options.tolerance;
  struct Before {  // what is compared with
    LawMoments moments;
    Edges edges;
  };
  std::optional<Solution> last;
  std::optional<Before> previous;
  StateSpace seed = equation.initial();
  bool full = false, compared = false;
  std::string limit = fmt::format("more than {} states (max-states)", with_commas(options.max_states));
  for (int round = 0; round < 200; ++round) {
    if (options.progress) options.progress(0.0);
    // The states of this box that can be reached.
    StateSpace reached = seed;
    std::vector<std::uint32_t> from(reached.size());
    std::iota(from.begin(), from.end(), 0u);
    const bool within = equation.expand(reached, std::move(from), std::numeric_limits<std::size_t>::max(), options.max_states,
                                        [&](std::span<const std::int32_t> n) { return box.holds(n); });
    if (!within) {
      full = true;
      break;
    }
    reached = reached.select(reached.banded_order());
    num::Generator generator = equation.generator(reached);
    double leaks = 0;
    for (const double x : generator.leak) leaks += x;
    // Closed classes without a leak are closed for ever; those with one may be artefacts of the box.
    const auto classes = num::closed_classes(generator);
    std::vector<const std::vector<std::uint32_t>*> sealed;
    const std::vector<std::uint32_t>* open = nullptr;
    for (const auto& members : classes) {
      bool leaky = false;
      for (const std::uint32_t j : members) leaky |= generator.leak[j] > 0;
      if (!leaky) sealed.push_back(&members);
      else if (!open || members.size() > open->size()) open = &members;
    }
    const auto widen = [&](double factor) {
      for (std::size_t s = 0; s < species; ++s) {
        const std::int64_t step = std::max<std::int64_t>(8, static_cast<std::int64_t>(factor * static_cast<double>(box.high[s] - box.low[s])));
        box.low[s] = std::max<std::int64_t>(0, box.low[s] - step);
        box.high[s] += step;
      }
    };
    if (sealed.size() > 1)
      return broken(FspStationary::Status::several_classes,
                    fmt::format("the network has several closed classes of states, among them {} and {}: which one is reached is a matter of chance, and there is no unique stationary law",
                                class_text(network, reached, *sealed[0]), class_text(network, reached, *sealed[1])));
    if (!sealed.empty() && leaks > 0 && reached.size() < std::min<std::size_t>(options.max_states / 4, 20000)) {
      widen(1.0);  // another closed class may lie outside
      continue;
    }
    if (!sealed.empty() && sealed[0]->size() == 1) return broken(FspStationary::Status::absorbing, absorbing_text(network, reached[(*sealed[0])[0]]));
    const std::vector<std::uint32_t>& members = sealed.empty() ? *open : *sealed[0];
    Solution now;
    now.space = reached.select(members);
    now.generator = num::restricted(generator, members);
    generator = {};
    // Narrow bands in their own order, the rest by nested dissection: both add positive terms only, so that every entry has its digits.
    const double band = static_cast<double>(now.generator.bandwidth());
    if (static_cast<double>(now.space.size()) * band * band < 3e7) {
      now.p = num::stationary_gth(now.generator);
      now.method = "elimination in a band";
    } else {
      const num::Dissection order(now.generator, now.space.counts(), species);
      const double bytes = order.bytes(false) + 2 * transient_bytes(network) * static_cast<double>(now.space.size());
      if (bytes > options.max_memory) {
        full = true;
        limit = fmt::format("{} states need about {} MB (max-memory {} MB)", with_commas(now.space.size()), brief(bytes / 1e6, 3), brief(options.max_memory / 1e6, 3));
        break;
      }
      now.p = num::Elimination(now.generator, order, 0, num::Elimination::Leaks::ignored, false, [&](double) { if (options.progress) options.progress(0.0); }).stationary();
      now.method = "elimination by nested dissection";
    }
    now.moments = law_moments(now.space, now.p);
    now.edges = edges_of(equation, box, now.space, now.p);
    const double worst = now.edges.worst();
    const bool complete = worst == 0;
    if (last) {
      previous = Before{std::move(last->moments), last->edges};
      compared = true;
    }
    last = std::move(now);
    if (complete || (worst < target && compared)) break;
    // Next box: sides that leak move out, sides that are empty move in. If it is too large, take smaller steps.
    const LawMoments& m = last->moments;
    Box next = box;
    std::size_t free = 0;  // directions in which the box and not a conservation law is the limit
    for (std::size_t s = 0; s < species; ++s) free += static_cast<std::int64_t>(m.marginal[s].size()) > box.high[s] - box.low[s];
    free = std::max<std::size_t>(1, free);
    for (std::size_t s = 0; s < species; ++s) {
      const std::int64_t width = box.high[s] - box.low[s];
      const bool force = worst < target;  // accurate already: one larger box to compare with
      if (last->edges.high[s] > target) next.high[s] += stride(m.marginal[s], true, last->edges.high[s], target, width);
      if (last->edges.low[s] > target) next.low[s] = std::max<std::int64_t>(0, next.low[s] - stride(m.marginal[s], false, last->edges.low[s], target, width));
      if (force) {  // twice as many states
        const auto more = std::max<std::int64_t>(4, static_cast<std::int64_t>((std::pow(2.0, 1.0 / static_cast<double>(free)) - 1) * static_cast<double>(width)));
        const std::int64_t down = std::min(box.low[s], more / 2);
        next.low[s] = box.low[s] - down;
        next.high[s] = box.high[s] + more - down;
      }
      const auto& marginal = m.marginal[s];
      if (last->edges.low[s] <= target && round > 2) {
        std::int64_t k = 0;
        while (k < static_cast<std::int64_t>(marginal.size()) && marginal[static_cast<std::size_t>(k)] < 1e-3 * target * 1e-3) ++k;
        next.low[s] = std::max(next.low[s], std::min<std::int64_t>(m.first[s] + k - 4, next.high[s] - 8));
      }
    }
    // Does it fit? Count by the number of states that the box can hold, scaled from the present one.
    for (int attempt = 0; attempt < 4; ++attempt) {
      double factor = 1;
      for (std::size_t s = 0; s < species; ++s) {
        const auto& marginal = m.marginal[s];
        const double natural = static_cast<double>(marginal.size()), old_width = static_cast<double>(box.high[s] - box.low[s] + 1);
        if (natural < old_width) continue;  // bounded by a conservation law
        factor *= static_cast<double>(next.high[s] - next.low[s] + 1) / old_width;
      }
      if (factor * static_cast<double>(reached.size()) < 0.98 * static_cast<double>(options.max_states)) break;
      for (std::size_t s = 0; s < species; ++s) {
        next.high[s] = box.high[s] + (next.high[s] - box.high[s]) / 2;
        if (next.low[s] < box.low[s]) next.low[s] = box.low[s] - (box.low[s] - next.low[s]) / 2;
      }
    }
    if (next.low == box.low && next.high == box.high) {
      full = true;
      break;
    }
    box = next;
    if (!box.holds(seed[0])) {
      const std::uint32_t mode[1] = {static_cast<std::uint32_t>(argmax(last->p))};
      seed = last->space.select(mode);
    }
  }
  if (!last) return broken(FspStationary::Status::truncated, fmt::format("the network reaches too many states at once: {}", limit));
  FspStationary out;
  out.boundary = last->edges.worst();
  if (full && out.boundary > options.tolerance)
    out = broken(FspStationary::Status::truncated,
                 fmt::format("no stationary law was found on {} states: the edge of the set still holds probability {} (at most {} is allowed), and the next set is too large: {}",
                             with_commas(last->space.size()), brief(last->edges.worst(), 2), brief(options.tolerance, 2), limit));
  if (out.status == FspStationary::Status::truncated) return out;
  out.moments = last->moments;
  out.error = last->moments;
  // The change on the last growth, scaled to what the edge still holds, with a factor 10; never below rounding.
  const double rounding = 1e-13;
  const double shrink = previous && previous->edges.worst() > 0 ? std::min(1.0, 10 * std::max(out.boundary, 1e-30) / previous->edges.worst()) : (previous ? 1.0 : 0.0);
  const auto bound = [&](std::vector<double>& error, const std::vector<double>& a, const std::vector<double>* b, double scale) {
    for (std::size_t i = 0; i < a.size(); ++i) error[i] = (b ? shrink * std::abs(a[i] - (*b)[i]) : 0) + rounding * std::max(std::abs(a[i]), scale);
  };
  const LawMoments* old = previous ? &previous->moments : nullptr;
  const bool complete = out.boundary == 0;
  const auto pick = [&](auto member) { return old && !complete ? &(old->*member) : nullptr; };
  double top_variance = 0;
  for (std::size_t s = 0; s < species; ++s) top_variance = std::max(top_variance, out.moments.covariance[s * species + s]);
  bound(out.error.mean, out.moments.mean, pick(&LawMoments::mean), 0);
  bound(out.error.covariance, out.moments.covariance, pick(&LawMoments::covariance), top_variance);
  bound(out.error.cumulant3, out.moments.cumulant3, pick(&LawMoments::cumulant3), std::pow(top_variance, 1.5));
  bound(out.error.cumulant4, out.moments.cumulant4, pick(&LawMoments::cumulant4), top_variance * top_variance);
  for (std::size_t s = 0; s < species; ++s) {
    auto& error = out.error.marginal[s];
    for (std::size_t i = 0; i < error.size(); ++i) {
      const std::int64_t n = out.moments.first[s] + static_cast<std::int64_t>(i);
      double difference = 0;
      if (old && !complete) {
        const std::int64_t k = n - old->first[s];
        const bool inside = k >= 0 && k < static_cast<std::int64_t>(old->marginal[s].size());
        difference = shrink * std::abs(out.moments.marginal[s][i] - (inside ? old->marginal[s][static_cast<std::size_t>(k)] : 0.0));
      }
      error[i] = difference + rounding;
    }
  }
  out.space = last->space;
  out.p = last->p;
  out.method = last->method;
  out.gap_ = [generator = std::make_shared<num::Generator>(std::move(last->generator)), space = out.space, p = out.p, moments = out.moments, most = options.max_memory]() -> std::optional<double> {
    if (p.size() < 2) return std::nullopt;
    const num::Dissection order(*generator, space.counts(), space.species(), argmax(p));
    if (order.bytes(true) + 8 * 82 * static_cast<double>(p.size()) > most || p.size() > 400000) return std::nullopt;  // up to 80 vectors
    const num::Elimination factors(*generator, order, 0, num::Elimination::Leaks::ignored, true);
    std::vector<std::vector<double>> starts;
    for (std::size_t s = 0; s < space.species(); ++s) {
      std::vector<double> x(p.size());
      for (std::size_t i = 0; i < p.size(); ++i) x[i] = (space[i][s] - moments.mean[s]) * p[i];
      starts.push_back(std::move(x));
    }
    return num::spectral_gap(factors, p, starts);
  };
  return out;
}

}  // namespace

LawMoments law_moments(const StateSpace& space, std::span<const double> p) {
  const std::size_t species = space.species(), n = space.size();
  LawMoments m;
  m.mean.assign(species, 0.0);
  m.covariance.assign(species * species, 0.0);
  m.cumulant3.assign(species, 0.0);
  m.cumulant4.assign(species, 0.0);
  m.marginal.resize(species);
  double sum = 0;
  for (const double x : p) sum += x;
  const auto range = space.ranges();
  for (std::size_t s = 0; s < species; ++s) {
    m.first.push_back(range[s].first);
    m.marginal[s].assign(static_cast<std::size_t>(range[s].second - range[s].first + 1), 0.0);
  }
  for (std::size_t i = 0; i < n; ++i) {
    const auto state = space[i];
    for (std::size_t s = 0; s < species; ++s) m.marginal[s][static_cast<std::size_t>(state[s] - m.first[s])] += p[i];
  }
  // One-species sums over the marginals (few terms), mixed ones over the states.
  for (std::size_t s = 0; s < species; ++s) {
    const auto& q = m.marginal[s];
    double mean = 0;
    for (std::size_t i = 0; i < q.size(); ++i) mean += q[i] * (m.first[s] + static_cast<double>(i));
    mean /= sum;
    double c2 = 0, c3 = 0, c4 = 0;
    for (std::size_t i = 0; i < q.size(); ++i) {
      const double d = m.first[s] + static_cast<double>(i) - mean;
      c2 += q[i] * d * d;
      c3 += q[i] * d * d * d;
      c4 += q[i] * d * d * d * d;
    }
    m.mean[s] = mean;
    m.covariance[s * species + s] = c2 / sum;
    m.cumulant3[s] = c3 / sum;
    m.cumulant4[s] = c4 / sum - 3 * (c2 / sum) * (c2 / sum);
  }
  for (std::size_t a = 0; a < species; ++a)
    for (std::size_t b = a + 1; b < species; ++b) {
      double c = 0;
      for (std::size_t i = 0; i < n; ++i) c += p[i] * (space[i][a] - m.mean[a]) * (space[i][b] - m.mean[b]);
      m.covariance[a * species + b] = m.covariance[b * species + a] = c / sum;
    }
  return m;
}

std::optional<double> FspStationary::gap() const { return gap_ ? gap_() : std::nullopt; }

FspStationary fsp_stationary(const MasterEquation& equation, const FspOptions& options) {
  return is_one_step(equation.network()) ? solve_one_step(equation, options) : solve_boxes(equation, options);
}

std::optional<double> slow_time(const Network& network, std::size_t max_states) {
  if (network.time_dependent()) return std::nullopt;
  const MasterEquation equation(network);
  FspOptions options;
  options.max_states = is_one_step(network) ? 100 * max_states : max_states;
  options.tolerance = 1e-6;  // a window needs no nine digits
  const FspStationary law = fsp_stationary(equation, options);
  if (law.status != FspStationary::Status::found) return std::nullopt;
  const std::optional<double> gap = law.gap();
  if (!gap || !(*gap > 0)) return std::nullopt;
  return 1 / *gap;
}

std::optional<Bimodality> bimodality(std::int32_t first, std::span<const double> marginal) {
  std::vector<std::int32_t> count;
  std::vector<double> p;
  for (std::size_t i = 0; i < marginal.size(); ++i) {
    if (marginal[i] <= 0) continue;
    count.push_back(first + static_cast<std::int32_t>(i));
    p.push_back(marginal[i]);
  }
  // Peaks and the lowest points between them; the weakest valley is filled until all that are left are real.
  struct Peak {
    std::size_t at;
    double basin;
  };
  std::vector<Peak> peaks;
  std::vector<std::size_t> valleys;  // between peaks k and k + 1
  for (std::size_t i = 0; i < p.size(); ++i) {
    const bool rises = i == 0 || p[i] > p[i - 1];
    const bool falls = i + 1 == p.size() || p[i] >= p[i + 1];
    if (!rises || !falls) continue;
    if (!peaks.empty()) {
      std::size_t low = peaks.back().at;
      for (std::size_t k = low; k <= i; ++k)
        if (p[k] < p[low]) low = k;
      valleys.push_back(low);
    }
    peaks.push_back({i, 0});
  }
  while (peaks.size() > 1) {
    for (std::size_t k = 0; k < peaks.size(); ++k) {
      const std::size_t from = k == 0 ? 0 : valleys[k - 1], to = k + 1 == peaks.size() ? p.size() : valleys[k];
      peaks[k].basin = std::accumulate(p.begin() + static_cast<std::ptrdiff_t>(from), p.begin() + static_cast<std::ptrdiff_t>(to), 0.0);
    }
    std::size_t weakest = peaks.size();
    double height = infinity;
    for (std::size_t k = 0; k + 1 < peaks.size(); ++k) {
      const double lower = std::min(p[peaks[k].at], p[peaks[k + 1].at]);
      const bool real = p[valleys[k]] < 0.75 * lower && peaks[k].basin >= 0.01 && peaks[k + 1].basin >= 0.01;
      if (!real && lower < height) {
        height = lower;
        weakest = k;
      }
    }
    if (weakest == peaks.size()) break;
    const std::size_t gone = p[peaks[weakest].at] < p[peaks[weakest + 1].at] ? weakest : weakest + 1;
    peaks.erase(peaks.begin() + static_cast<std::ptrdiff_t>(gone));
    valleys.erase(valleys.begin() + static_cast<std::ptrdiff_t>(weakest));
    // The valley between new neighbours is the lowest point between them.
    for (std::size_t k = 0; k + 1 < peaks.size(); ++k) {
      std::size_t low = peaks[k].at;
      for (std::size_t i = low; i <= peaks[k + 1].at; ++i)
        if (p[i] < p[low]) low = i;
      valleys[k] = low;
    }
  }
  if (peaks.size() < 2) return std::nullopt;
  Bimodality out;
  for (const Peak& peak : peaks) out.modes.push_back(count[peak.at]);
  return out;
}

}  // namespace meso::kinetics
