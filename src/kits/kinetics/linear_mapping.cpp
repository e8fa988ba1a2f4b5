#include "kits/kinetics/linear_mapping.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/text.h"
#include "kits/kinetics/closure_families.h"
#include "kits/kinetics/fsp.h"
#include "kits/kinetics/observables.h"
#include "kits/kinetics/steady_state.h"

namespace meso::kinetics {

LinearMapping::Compiled LinearMapping::compile(const Polynomial& p) {
  Compiled compiled;
  for (const auto& [monomial, coefficient] : p.terms) compiled.terms.emplace_back(coefficient, monomial);
  return compiled;
}

double LinearMapping::Compiled::operator()(std::span<const double> x) const {
  double sum = 0;
  for (const auto& [coefficient, factors] : terms) {
    double value = coefficient;
    for (const std::uint32_t id : factors) value *= x[id];
    sum += value;
  }
  return sum;
}

void LinearMapping::Compiled::add_gradient(std::span<const double> x, double factor, std::span<double> gradient) const {
  for (const auto& [coefficient, factors] : terms)
    for (std::size_t f = 0; f < factors.size(); ++f) {
      double value = coefficient * factor;
      for (std::size_t other = 0; other < factors.size(); ++other)
        if (other != f) value *= x[factors[other]];
      gradient[factors[f]] += value;
    }
}

LinearMapping::LinearMapping(const ReducedNetwork& network, int order) : linear_(network) {
  const BinarySpecies binary = binary_species(network);
  is_switch_.assign(network.all_species.size(), false);
  for (const auto& group : network.exclusive)
    for (const std::size_t s : group) is_switch_[s] = true;
  const MultiIndexSet set(network.size(), order);
  const std::vector<Polynomial> raw = raw_moment_polynomials(set, set.size());
  const auto moves_switch = [&](const ReducedNetwork::Channel& channel) {
    for (std::size_t c = 0; c < network.size(); ++c)
      if (is_switch_[network.position[c]] && channel.change[c] != 0) return true;
    return false;
  };
  const auto only_switch = [&](ReducedNetwork::Channel& channel) {
    for (std::size_t c = 0; c < network.size(); ++c)
      if (!is_switch_[network.position[c]]) channel.change[c] = 0;
  };
  const auto refuse = [](const ReducedNetwork::Channel& channel, const std::string& why) {
    throw ParameterError(fmt::format("closure 'linear-mapping': the reaction '{}' {}; it maps mass-action reactions of one 0/1 species with others (as G + P -> Gb with G + Gb = 1), and leaves linear ones", channel.text, why));
  };
  std::vector<std::size_t> mapped_channels;
  for (std::size_t k = 0; k < linear_.channels.size(); ++k) {
    ReducedNetwork::Channel& channel = linear_.channels[k];
    if (!channel.mass_action) {
      int highest = channel.law ? (channel.law_degree < 0 ? 99 : channel.law_degree) : 0;
      for (const auto& [i, c] : channel.polynomial) highest = std::max(highest, degree(i));
      if (highest > 1) refuse(channel, "has a nonlinear rate law");
      continue;
    }
    int switches = 0, others = 0;
    std::size_t species = 0;
    for (const auto& [s, count] : channel.reactants) {
      (is_switch_[s] ? switches : others) += count;
      if (is_switch_[s]) species = s;
    }
    if (switches + others <= 1) continue;
    if (switches == 0) refuse(channel, "is nonlinear and has no species that is 0 or 1 among its reactants");
    if (switches > 1) refuse(channel, "has more than one species that is 0 or 1 among its reactants");
    if (others + 1 > order) throw ParameterError(fmt::format("closure 'linear-mapping': the rate of '{}' needs moments of order {}; the order is {}", channel.text, others + 1, order));
    Mapped mapped{channel.reaction, species, {}, network.amount(species)};
    for (const auto& [i, c] : channel.polynomial) {
      const MultiIndex lowered = binary.reduced(i);
      if (binary.vanishes(lowered)) continue;
      if (degree(lowered) == 0) mapped.top.add(Polynomial::Monomial{}, c);
      else mapped.top.add(raw[set.find(lowered)], c);
    }
    channel.polynomial.clear();
    for (const auto& [monomial, c] : mapped.given.terms) {
      MultiIndex i(network.size(), 0);
      for (const std::uint32_t id : monomial) ++i[id];
      channel.polynomial[i] += c;
    }
    channel.factor = extra_symbols + static_cast<std::uint32_t>(mapped_.size());
    top_.push_back(compile(mapped.top));
    given_.push_back(compile(mapped.given));
    mapped_.push_back(std::move(mapped));
    mapped_channels.push_back(k);
  }
  // Reverse reactions, found while the changes are still whole; then what both bind and free is dropped.
  std::vector<std::size_t> switch_only;
  for (const std::size_t k : mapped_channels) {
    if (!moves_switch(linear_.channels[k])) continue;  // a catalyst: what it makes does count
    switch_only.push_back(k);
    MultiIndex back = linear_.channels[k].change;
    for (int& nu : back) nu = -nu;
    for (std::size_t other = 0; other < linear_.channels.size(); ++other) {
      const ReducedNetwork::Channel& channel = linear_.channels[other];
      if (channel.factor || channel.change != back || !channel.burst.empty() || std::find(freed_.begin(), freed_.end(), channel.reaction) != freed_.end()) continue;
      switch_only.push_back(other);
      freed_.push_back(channel.reaction);
    }
  }
  for (const std::size_t k : switch_only) only_switch(linear_.channels[k]);
}

void LinearMapping::rates(std::span<const double> kappa, std::span<double> s_eff, std::span<double> gradient) const {
  std::fill(gradient.begin(), gradient.end(), 0.0);
  const std::size_t lows = mapped_.empty() ? 0 : gradient.size() / mapped_.size();
  for (std::size_t e = 0; e < mapped_.size(); ++e) {
    const double below = given_[e](kappa);
    s_eff[e] = top_[e](kappa) / below;
    if (gradient.empty()) continue;
    const std::span<double> row = gradient.subspan(e * lows, lows);
    top_[e].add_gradient(kappa, 1 / below, row);
    given_[e].add_gradient(kappa, -s_eff[e] / below, row);
  }
}

Network LinearMapping::network(const Network& original, std::span<const double> s_eff) const {
  Network linear = original;
  const auto only_switch = [&](Reaction& reaction) { std::erase_if(reaction.change, [&](const auto& change) { return !is_switch_[change.first]; }); };
  for (std::size_t e = 0; e < mapped_.size(); ++e) {
    Reaction& reaction = linear.reactions[mapped_[e].reaction];
    reaction.reactants = {{mapped_[e].species, 1}};
    reaction.mass_action = true;
    reaction.rate = reaction.stochastic = s_eff[e];
    if (std::any_of(reaction.change.begin(), reaction.change.end(), [&](const auto& change) { return is_switch_[change.first]; })) only_switch(reaction);
  }
  for (const std::size_t r : freed_) only_switch(linear.reactions[r]);
  return linear;
}

ClosedEquations linear_mapping_equations(const ReducedNetwork& network, int order, int taylor) {
  const LinearMapping mapping(network, order);
  MomentEquations equations = cumulant_equations(mapping.linear(), order, 0, taylor);
  equations.n_extra = mapping.mapped().size();
  if (equations.n_extra == 0) return {std::move(equations), {}};
  return {std::move(equations), [mapping](const MultiIndexSet&, std::span<const double> low, std::span<double> high, std::span<double> gradient) { mapping.rates(low, high, gradient); }};
}

namespace {

struct Marginal {
  std::int32_t first = 0;
  std::vector<double> p, bound;
};

Estimate distribution(const Network& network, const std::string& name, const std::vector<Marginal>& law, const Ask& ask) {
  std::int32_t low = std::numeric_limits<std::int32_t>::max(), high = 0;
  for (const Marginal& m : law) {
    std::size_t a = 0, b = m.p.size();
    while (b > a + 1 && m.p[b - 1] < 1e-15) --b;
    while (a + 1 < b && m.p[a] < 1e-15) ++a;
    low = std::min(low, m.first + static_cast<std::int32_t>(a));
    high = std::max(high, m.first + static_cast<std::int32_t>(b) - 1);
  }
  const auto width = static_cast<std::size_t>(high - low + 1);
  std::vector<Axis> axes;
  if (!ask.is_stationary()) axes.push_back({"t", network.time_unit, ask.times()});
  Axis support{"n", "molecules", {}};
  for (std::size_t k = 0; k < width; ++k) support.points.push_back(low + static_cast<double>(k));
  axes.push_back(support);
  std::vector<double> value, bound;
  for (const Marginal& m : law)
    for (std::size_t k = 0; k < width; ++k) {
      const std::int64_t at = low + static_cast<std::int64_t>(k) - m.first;
      const bool inside = at >= 0 && at < static_cast<std::int64_t>(m.p.size());
      value.push_back(inside ? std::max(0.0, m.p[static_cast<std::size_t>(at)]) : 0.0);
      bound.push_back(inside ? m.bound[static_cast<std::size_t>(at)] : *std::max_element(m.bound.begin(), m.bound.end()));
    }
  Estimate e = solved_estimate(name, observable_info(network, name)->unit, axes, std::move(value), std::move(bound));
  e.is_distribution = true;
  return e;
}

}  // namespace

std::vector<Estimate> linear_mapping_distributions(const Network& network, const ReducedNetwork& reduced, const LinearMapping& mapping, const Flow& flow, std::span<const double> start,
                                                   const Ask& ask, Context& context) {
  std::vector<std::pair<std::string, std::size_t>> asked;
  for (const std::string& name : ask.observables)
    if (const auto what = parse_observable(network, name); what && what->kind == ObservableName::Kind::distribution) asked.emplace_back(name, what->a);
  if (asked.empty()) return {};
  constexpr double relative = 1e-10, bound_of_rates = 1e-7;  // the rates' errors move probabilities by less than this
  std::vector<std::vector<Marginal>> laws(asked.size());
  const std::size_t n = flow.size(), n_rates = mapping.mapped().size();
  std::vector<double> kappa(n), s_eff(n_rates);
  if (ask.is_stationary()) {
    const Relaxation end = relax(flow, start, reduced, {.watch = false, .between = [&] { context.progress(0.5); }});
    if (end.outcome != Relaxation::Outcome::settled) return {};  // the moments of the same answer say why
    for (std::size_t p = 0; p < n; ++p) kappa[p] = flow.volume() * end.state.z[p];
    mapping.rates(kappa, s_eff, {});
    const MasterEquation equation(mapping.network(network, s_eff));
    const FspStationary law = fsp_stationary(equation, {});
    if (law.status != FspStationary::Status::found) return {};
    for (std::size_t k = 0; k < asked.size(); ++k) {
      const std::size_t a = asked[k].second;
      Marginal m{law.moments.first[a], law.moments.marginal[a], {}};
      for (std::size_t i = 0; i < m.p.size(); ++i) m.bound.push_back(law.error.marginal[a].at(i) + bound_of_rates * m.p[i]);
      laws[k].push_back(std::move(m));
    }
  } else {
    // The flow with one more variable per mapped reaction: the integral of its rate.
    OdeProblem problem{.size = n + n_rates, .rhs = [&](double t, std::span<const double> y, std::span<double> f) {
                         flow.rhs(t, y.first(n), f.first(n));
                         for (std::size_t p = 0; p < n; ++p) kappa[p] = flow.volume() * y[p];
                         mapping.rates(kappa, f.subspan(n), {});
                       }};
    std::vector<double> y0(start.begin(), start.end());
    y0.resize(n + n_rates, 0.0);
    const OdeSolution s = integrate(problem, y0, 0, ask.times(), {.relative = relative, .absolute = {1e-12}});
    if (s.status != OdeStatus::done) return {};
    for (std::size_t i = 0; i < ask.times().size(); ++i) {
      const double t = ask.times()[i];
      for (std::size_t e = 0; e < n_rates; ++e) s_eff[e] = t > 0 ? s.path[i * (n + n_rates) + n + e] / t : 0.0;
      const MasterEquation equation(mapping.network(network, s_eff));
      const double times[1] = {t};
      bool done = false;
      (void)fsp_transient(equation, times, {}, [&](const FspState& state) {
        done = true;
        const LawMoments moments = law_moments(*state.space, state.p);
        for (std::size_t k = 0; k < asked.size(); ++k) {
          Marginal m{moments.first[asked[k].second], moments.marginal[asked[k].second], {}};
          for (const double p : m.p) m.bound.push_back(t > 0 ? state.lost + state.solver_error + bound_of_rates * p : 0.0);
          laws[k].push_back(std::move(m));
        }
      });
      if (!done) return {};
      context.progress(0.5 + 0.5 * static_cast<double>(i + 1) / static_cast<double>(ask.times().size()));
    }
  }
  std::vector<Estimate> estimates;
  for (std::size_t k = 0; k < asked.size(); ++k) estimates.push_back(distribution(network, asked[k].first, laws[k], ask));
  return estimates;
}

}  // namespace meso::kinetics
