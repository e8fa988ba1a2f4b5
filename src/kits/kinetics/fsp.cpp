#include "kits/kinetics/fsp.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/text.h"
#include "kits/kinetics/correlations.h"
#include "kits/kinetics/observables.h"
#include "kits/kinetics/passage.h"
#include "rng/stream.h"

namespace meso::kinetics {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

struct Options {
  std::int64_t max_states = 1000000;
  double max_memory = 4000;
  double tolerance = 1e-9;
  std::string solver = "automatic";
};

const Schema<Options>& options_schema() {
  static const Schema<Options> schema{
      {"max-states", &Options::max_states, {.doc = "largest set of states", .min = 10, .max = 1e8}},
      {"max-memory", &Options::max_memory, {.unit = "MB", .doc = "memory that the set and its equations may take; what would need more is refused", .min = 1, .max = 1e7}},
      {"tolerance",
       &Options::tolerance,
       {.doc = "probability that may be lost over a whole transient; relative change of moments at stationarity", .min = 1e-13, .max = 1e-2}},
      {"solver",
       &Options::solver,
       {.doc = "transients: uniformisation (certified), implicit (Krylov spaces of the resolvent, error estimated), or automatic: implicit where it needs less than a third "
               "of the multiplications",
        .allowed = {"automatic", "uniformisation", "implicit"}}}};
  return schema;
}

FspOptions solver_options(const Table& given) {
  const Options read = options_schema().read(given, "level 'fsp'");
  FspOptions options;
  options.max_states = static_cast<std::size_t>(read.max_states);
  options.max_memory = 1e6 * read.max_memory;
  options.tolerance = read.tolerance;
  options.solver = read.solver == "implicit" ? FspSolver::implicit : read.solver == "uniformisation" ? FspSolver::uniformisation : FspSolver::automatic;
  return options;
}

/// Value of one scalar observable.
double value_of(const ObservableName& o, const LawMoments& m) {
  const std::size_t species = m.mean.size();
  const double mean = m.mean[o.a], variance = m.covariance[o.a * species + o.a];
  switch (o.kind) {
    case ObservableName::Kind::mean: return mean;
    case ObservableName::Kind::variance: return variance;
    case ObservableName::Kind::covariance: return m.covariance[o.a * species + o.b];
    case ObservableName::Kind::cumulant3: return m.cumulant3[o.a];
    case ObservableName::Kind::cumulant4: return m.cumulant4[o.a];
    case ObservableName::Kind::fano: return variance / mean;
    case ObservableName::Kind::cv: return std::sqrt(variance) / mean;
    case ObservableName::Kind::distribution: break;
  }
  return nan;
}

/// Bound of it, from bounds of the moments (ratios to first order).
double bound_of(const ObservableName& o, const LawMoments& m, const LawMoments& e) {
  const std::size_t species = m.mean.size(), ii = o.a * species + o.a;
  const double mean = m.mean[o.a], variance = m.covariance[ii];
  switch (o.kind) {
    case ObservableName::Kind::fano: return e.covariance[ii] / mean + variance / (mean * mean) * e.mean[o.a];
    case ObservableName::Kind::cv:
      return (variance > 0 ? e.covariance[ii] / (2 * std::sqrt(variance)) : std::sqrt(e.covariance[ii])) / mean + std::sqrt(variance) / (mean * mean) * e.mean[o.a];
    default: return value_of(o, e);
  }
}

struct Asked {
  std::string name, unit;
  ObservableName what;
};

std::vector<Asked> asked_of(const Network& network, const Ask& ask) {
  std::vector<Asked> out;
  for (const std::string& name : ask.observables) {
    const auto what = parse_observable(network, name);
    const auto info = observable_info(network, name);
    if (what && info) out.push_back({name, info->unit, *what});
  }
  return out;
}

Axis support_axis(std::int32_t first, std::size_t n) {
  Axis axis{"n", "molecules", std::vector<double>(n)};
  for (std::size_t i = 0; i < n; ++i) axis.points[i] = first + static_cast<double>(i);
  return axis;
}

/// The interval of counts outside of which every probability is below 1e-15.
std::pair<std::int32_t, std::int32_t> visible(std::int32_t first, const std::vector<double>& marginal) {
  std::size_t a = 0, b = marginal.size();
  while (b > a + 1 && marginal[b - 1] < 1e-15) --b;
  while (a + 1 < b && marginal[a] < 1e-15) ++a;
  return {first + static_cast<std::int32_t>(a), first + static_cast<std::int32_t>(b) - 1};
}

double at(const std::vector<double>& marginal, std::int32_t first, std::int32_t n) {
  const std::int64_t k = static_cast<std::int64_t>(n) - first;
  return k < 0 || k >= static_cast<std::int64_t>(marginal.size()) ? 0.0 : marginal[static_cast<std::size_t>(k)];
}

std::string states_text(std::size_t n) { return fmt::format("{} states", with_commas(n)); }

Answer answer_stationary(const MasterEquation& equation, const Ask& ask, Context& context) {
  const Network& network = equation.network();
  FspOptions options = solver_options(ask.options);
  options.progress = [&](double fraction) { context.progress(fraction); };
  const FspStationary law = fsp_stationary(equation, options);
  Answer answer;
  const std::vector<Asked> asked = asked_of(network, ask);
  const bool found = law.status == FspStationary::Status::found;
  if (!found) {
    const char* kind = law.status == FspStationary::Status::truncated ? "truncated" : law.status == FspStationary::Status::absorbing ? "absorbing" : "several-classes";
    answer.flags.push_back({.kind = kind, .text = "fsp: " + law.text, .fatal = true});
  }
  for (const Asked& o : asked) {
    if (o.what.kind == ObservableName::Kind::distribution) {
      if (!found) {
        Estimate none = solved_estimate(o.name, o.unit, {support_axis(0, 1)}, {nan}, {nan});
        none.is_distribution = true;
        answer.estimates.push_back(std::move(none));
        continue;
      }
      const auto& marginal = law.moments.marginal[o.what.a];
      const auto [low, high] = visible(law.moments.first[o.what.a], marginal);
      std::vector<double> value, bound;
      for (std::int32_t n = low; n <= high; ++n) {
        value.push_back(at(marginal, law.moments.first[o.what.a], n));
        bound.push_back(at(law.error.marginal[o.what.a], law.error.first[o.what.a], n));
      }
      const Axis support = support_axis(low, value.size());  // before the values are moved
      Estimate e = solved_estimate(o.name, o.unit, {support}, std::move(value), std::move(bound), law.certified ? BoundKind::certified : BoundKind::estimated);
      e.is_distribution = true;
      answer.estimates.push_back(std::move(e));
      continue;
    }
    answer.estimates.push_back(solved_estimate(o.name, o.unit, {}, {found ? value_of(o.what, law.moments) : nan}, {found ? bound_of(o.what, law.moments, law.error) : nan},
                                               law.certified ? BoundKind::certified : BoundKind::estimated));
  }
  if (found) add_correlations(equation, law, ask, context, answer);
  if (!found) return answer;
  answer.why = states_text(law.p.size()) + ", " + law.method;
  std::optional<double> gap;
  bool looked = false;
  for (std::size_t s = 0; s < network.species.size(); ++s) {
    const std::optional<Bimodality> two = bimodality(law.moments.first[s], law.moments.marginal[s]);
    if (!two) continue;
    if (!looked) gap = law.gap();
    looked = true;
    std::vector<std::string> modes;
    for (const std::int32_t n : two->modes) modes.push_back(std::to_string(n));
    const std::string last = modes.back();
    modes.pop_back();
    Flag flag{.kind = "bimodal"};
    flag.text = fmt::format("reference is {} ({}modes {} and {}{}): a mean describes neither", two->modes.size() == 2 ? "bimodal" : "multimodal",
                            network.species.size() > 1 ? network.species[s] + " has " : "", join(modes), last,
                            gap && *gap > 0 ? ", slow time " + brief(1 / *gap, 3) : "");
    answer.flags.push_back(std::move(flag));
  }
  return answer;
}

Answer answer_times(const MasterEquation& equation, const Ask& ask, Context& context) {
  const Network& network = equation.network();
  const std::vector<double>& times = ask.times();
  const std::vector<Asked> asked = asked_of(network, ask);
  FspOptions fine = solver_options(ask.options);
  FspOptions coarse = fine;
  coarse.tolerance = std::min(1e-3, 100 * fine.tolerance);  // the coarse run estimates the error of moments
  fine.progress = [&](double f) { context.progress(0.5 + 0.5 * f); };
  coarse.progress = [&](double f) { context.progress(0.5 * f); };
  std::vector<LawMoments> law, rough;
  std::vector<double> lost;
  std::vector<char> certified;
  bool moments = false;
  for (const Asked& o : asked) moments |= o.what.kind != ObservableName::Kind::distribution;
  FspSummary first;
  if (moments) first = fsp_transient(equation, times, coarse, [&](const FspState& s) { rough.push_back(law_moments(*s.space, s.p)); });
  fine.known = first.set.get();
  const FspSummary summary = fsp_transient(equation, times, fine, [&](const FspState& s) {
    law.push_back(law_moments(*s.space, s.p));
    lost.push_back(s.lost + s.solver_error);
  });
  Answer answer;
  answer.why = states_text(summary.states) + ", " + summary.method;
  if (summary.truncated_at) {
    Flag flag{.kind = "truncated", .where = {{"t", *summary.truncated_at}}, .fatal = true};
    flag.text = fmt::format("fsp: on {} states the lost mass is {} at t = {}, above the tolerance {}: this is not the exact law. The limit is {}: raise it, or use level 'ssa'.",
                            with_commas(summary.states), brief(summary.lost, 2), brief(*summary.truncated_at), brief(fine.tolerance, 2), summary.limit);
    answer.flags.push_back(std::move(flag));
  }
  const Axis axis{"t", network.time_unit, times};
  std::vector<double> exact(times.size(), 0.0);
  bool any_exact = false;
  for (std::size_t i = 0; i < times.size(); ++i) any_exact |= (exact[i] = times[i] == 0 && !network.random_start() ? 1 : 0) != 0;
  for (const Asked& o : asked) {
    Estimate e;
    if (o.what.kind == ObservableName::Kind::distribution) {
      std::int32_t low = std::numeric_limits<std::int32_t>::max(), high = 0;
      for (const LawMoments& m : law) {
        const auto [a, b] = visible(m.first[o.what.a], m.marginal[o.what.a]);
        low = std::min(low, a);
        high = std::max(high, b);
      }
      if (law.empty()) low = high = 0;
      const auto width = static_cast<std::size_t>(high - low + 1);
      std::vector<double> value(times.size() * width, nan), bound(times.size() * width, nan), points(times.size() * width, 0.0);
      for (std::size_t i = 0; i < law.size(); ++i)
        for (std::size_t k = 0; k < width; ++k) {
          value[i * width + k] = std::max(0.0, at(law[i].marginal[o.what.a], law[i].first[o.what.a], low + static_cast<std::int32_t>(k)));
          bound[i * width + k] = lost[i];
          points[i * width + k] = exact[i];
        }
      e = solved_estimate(o.name, o.unit, {axis, support_axis(low, width)}, std::move(value), std::move(bound), summary.certified ? BoundKind::certified : BoundKind::estimated);
      e.is_distribution = true;
      if (any_exact) e.exact = std::move(points);
      answer.estimates.push_back(std::move(e));
      continue;
    }
    std::vector<double> value(times.size(), nan), bound(times.size(), nan);
    for (std::size_t i = 0; i < law.size(); ++i) {
      value[i] = value_of(o.what, law[i]);
      if (exact[i] != 0) {
        bound[i] = 0;
        continue;
      }
      // One hundredth of the tolerance should leave a hundredth of the error; a factor 10 is kept in hand. Rounding is the floor.
      const double scale = std::max(std::abs(value[i]), std::pow(law[i].covariance[o.what.a * (network.species.size() + 1)], 0.5 * std::max(1, o.what.order())));
      bound[i] = i < rough.size() ? 0.1 * std::abs(value[i] - value_of(o.what, rough[i])) + 1e-12 * scale : nan;
    }
    e = solved_estimate(o.name, o.unit, {axis}, std::move(value), std::move(bound));
    if (any_exact) e.exact = exact;
    answer.estimates.push_back(std::move(e));
  }
  return answer;
}

}  // namespace

FspPlan fsp_plan(const Network& network, const Ask& ask) {
  const Propensities propensities(network);
  const std::size_t species = network.species.size(), reactions = network.reactions.size();
  FspPlan plan;
  const std::size_t laws = network.conservation_laws().size();
  plan.dimensions = std::max<std::size_t>(1, species - std::min(laws, species - 1));
  plan.one_step = species == 1;
  for (const Reaction& r : network.reactions) {
    plan.one_step &= r.bursts.empty();
    for (const auto& [s, d] : r.change) plan.one_step &= d == 1 || d == -1;
  }
  const double end = ask.is_stationary() || ask.times().empty() ? std::numeric_limits<double>::infinity() : ask.times().back();
  std::vector<double> low(network.initial.begin(), network.initial.end()), high = low, n(species), a(reactions);
  double fastest = 0;
  for (std::uint64_t k = 0; k < 16; ++k) {
    Stream rng(0, k, "kinetics/fsp/plan");
    std::copy(network.initial.begin(), network.initial.end(), n.begin());
    double t = 0;
    for (int event = 0; event < 20000; ++event) {
      double total = 0;
      for (std::size_t r = 0; r < reactions; ++r) total += a[r] = std::max(0.0, propensities(r, n));
      fastest = std::max(fastest, total);
      if (!(total > 0) || !(total < 1e300)) break;
      t -= std::log(rng.uniform()) / total;
      if (t > end) break;
      double u = rng.uniform() * total;
      std::size_t r = 0;
      while (r + 1 < reactions && u >= a[r]) u -= a[r++];
      for (const auto& [s, d] : network.reactions[r].change) {
        n[s] += d;
        low[s] = std::min(low[s], n[s]);
        high[s] = std::max(high[s], n[s]);
      }
      for (const auto& [s, mean] : network.reactions[r].bursts) high[s] = std::max(high[s], n[s] += burst_size(mean, -std::log(rng.uniform())));
    }
  }
  std::vector<double> width;
  for (std::size_t s = 0; s < species; ++s) width.push_back(std::min(1.5 * (high[s] - low[s]) + 10, high[s] == low[s] ? 1.0 : 1e18));
  std::sort(width.rbegin(), width.rend());
  plan.states = 1;
  for (std::size_t i = 0; i < plan.dimensions; ++i) plan.states *= width[i];
  plan.uniformised_steps = std::isfinite(end) ? 1.5 * fastest * end : 0;
  return plan;
}

namespace {

// Numbers in one factor of a nested-dissection elimination of n states, as measured on networks with steps of one along each species and along diagonals
// (num/elimination.h has the orders).
double factor_entries(double n, std::size_t dimensions) {
  if (dimensions <= 1) return 40 * n;
  return dimensions == 2 ? 6 * n * std::log2(n + 2) : 15 * std::pow(n, 4.0 / 3);
}

}  // namespace

ExactRule exact_rule(const Network& network, const Ask& ask) {
  if (network.time_dependent()) return {"ssa", "ssa: a propensity depends on time"};
  if (const std::string beyond = network.beyond_reactions(); !beyond.empty()) return {"ssa", "ssa: " + beyond};
  constexpr double limit = 300000;  // a transient, stiff or not, then takes at most some 1e10 multiplications
  const FspPlan plan = fsp_plan(network, ask);
  const std::string states = fmt::format("about {} states", with_commas(static_cast<unsigned long long>(std::min(plan.states, 1e18))));
  if (plan.dimensions > 2) return {"ssa", fmt::format("ssa: {} independent species (fsp takes at most 2)", plan.dimensions)};
  if (plan.states > limit) return {"ssa", fmt::format("ssa: {} (limit {})", states, with_commas(static_cast<unsigned long long>(limit)))};
  return {"fsp", fmt::format("fsp: {} (limit {})", states, with_commas(static_cast<unsigned long long>(limit)))};
}

Level fsp_level(SharedNetwork network) {
  Level level;
  level.info.name = "fsp";
  level.info.rung = Rung::master;
  level.info.doc = "chemical master equation on a finite set of states that grows until the lost probability is below a tolerance: exact up to its bound";
  level.info.source = "Munsky and Khammash (2006), doi:10.1063/1.2145882";
  level.info.options = options_schema().infos();
  level.run = [network](const Ask& ask, Context& context) -> Answer {
    const MasterEquation equation(network);
    if (ask.is_stationary()) return answer_stationary(equation, ask, context);
    Answer answer = asked_of(network, ask).empty() ? Answer{} : answer_times(equation, ask, context);
    add_passages(equation, ask, solver_options(ask.options), answer);
    return answer;
  };
  level.plan = [network](const Ask& ask) -> std::vector<std::string> {
    const FspPlan plan = fsp_plan(network, ask);
    const FspOptions options = solver_options(ask.options);
    const bool eliminates = ask.is_stationary() && !plan.one_step;
    const double bytes = plan.states * transient_bytes(network) * (eliminates ? 2 : 1) + (eliminates ? 8 * factor_entries(plan.states, plan.dimensions) : 0);
    std::vector<std::string> lines{fmt::format("states about {} (at most {})", with_commas(static_cast<unsigned long long>(std::min(plan.states, 1e18))), with_commas(options.max_states)),
                                   fmt::format("memory about {} MB (at most {})", brief(std::max(1.0, bytes / 1e6), 2), brief(options.max_memory / 1e6, 4))};
    if (!ask.is_stationary()) lines.push_back(fmt::format("products by uniformisation about {}; implicit steps are taken where they need fewer multiplications", brief(plan.uniformised_steps, 2)));
    if (plan.states > static_cast<double>(options.max_states)) lines.push_back("the set will probably be too large: raise max-states, or use level 'ssa'");
    else if (bytes > options.max_memory) lines.push_back("the set will probably need too much memory: raise max-memory, or use level 'ssa'");
    return lines;
  };
  return level;
}

}  // namespace meso::kinetics
