#include "kits/kinetics/closure.h"

#include <fmt/format.h>

#include <memory>
#include <set>

#include "base/error.h"
#include "base/text.h"
#include "kits/kinetics/closure_families.h"
#include "kits/kinetics/equations.h"
#include "kits/kinetics/linear_mapping.h"
#include "kits/kinetics/moment_level.h"

namespace meso::kinetics {
namespace {

struct ClosureOptions {
  std::string kind = "normal";
  std::int64_t order = 2;
  std::int64_t taylor = 0;
  double seed_value = 0;
};

const Schema<ClosureOptions>& options_schema() {
  static const Schema<ClosureOptions> schema = [] {
    std::vector<std::string> kinds;
    for (const ClosureFamily& family : closure_families()) {
      kinds.push_back(family.name);
      kinds.insert(kinds.end(), family.aliases.begin(), family.aliases.end());
    }
    return Schema<ClosureOptions>{
        {"kind", &ClosureOptions::kind, {.doc = "what cumulants above the order are; normal: zero", .allowed = kinds}},
        {"order", &ClosureOptions::order, {.doc = "highest order of the moments that are kept; 1 keeps means only", .min = 1, .max = 8}},
        {"taylor", &ClosureOptions::taylor, {.doc = "Taylor order, about the mean, of rates that are no polynomials; 0: the larger of the order and 2", .min = 0, .max = 12}},
        {"seed-value",
         &ClosureOptions::seed_value,
         {.unit = "molecules", .doc = "mean that a species without molecules starts with, for closures that divide by means (log-normal, gamma, derivative-matching, ...); 0: such a start is refused", .min = 0, .max = 1}}};
  }();
  return schema;
}

}  // namespace

namespace {

/// `amount` for species whose mean the family divides by, 0 for others; empty if there are none.
std::vector<double> floors(const ReducedNetwork& network, const ClosureFamily& family, double amount) {
  if (family.divides == ClosureFamily::Divides::nothing) return {};
  const BinarySpecies binary = binary_species(network);
  std::vector<double> floor(network.size());
  for (std::size_t s = 0; s < floor.size(); ++s) floor[s] = family.divides == ClosureFamily::Divides::means || binary.is_binary[s] ? amount : 0.0;
  return floor;
}

}  // namespace

ClosedEquations closed_equations(const ReducedNetwork& network, const ClosureFamily& family, int order, int taylor) {
  if (order > 8 && network.size() > 4)
    throw ParameterError(fmt::format("closure order {} with {} species means {} equations (binomial({}, {}) - 1); above 4 species the order may be at most 8", order, network.size(),
                                     with_commas(static_cast<unsigned long long>(MultiIndexSet::count(network.size(), order))), network.size() + static_cast<std::size_t>(order), order));
  const double equations = MultiIndexSet::count(network.size(), order);
  if (equations > 2000)
    throw ParameterError(fmt::format("closure order {} with {} species means {} equations (binomial({}, {}) - 1), above 2,000: lower the order", order, network.size(),
                                     with_commas(static_cast<unsigned long long>(equations)), network.size() + static_cast<std::size_t>(order), order));
  const int expanded = taylor > 0 ? taylor : default_taylor(order);
  if (family.build) return family.build(network, order, expanded);
  return {cumulant_equations(network, order, family.close ? 0 : order, expanded), family.close};
}

Flow closed_flow(const ReducedNetwork& network, const ClosureFamily& family, int order, int taylor) {
  ClosedEquations closed = closed_equations(network, family, order, taylor);
  Flow flow(closed.equations, std::move(closed.close));
  flow.set_floor(floors(network, family, 1e-6));  // where a search starts without molecules
  return flow;
}

std::optional<std::vector<double>> absorbing_state(const Network& network) {
  const Propensities propensity(network);
  std::vector<std::vector<std::pair<std::size_t, int>>> step;
  for (const Reaction& reaction : network.reactions) step.push_back(reaction.unit_change());
  // Towards none of each species, and breadth-first around where that ends.
  std::vector<std::vector<double>> starts{{network.initial.begin(), network.initial.end()}};
  const std::size_t species = network.species.size();
  for (std::size_t s = 0; s < species; ++s) {
    std::vector<double> n = starts[0];
    for (int count = 0; count < 2000; ++count) {
      std::size_t best = step.size();
      for (std::size_t r = 0; r < step.size() && best == step.size(); ++r)
        for (const auto& [who, change] : step[r])
          if (who == s && change < 0 && propensity(r, n) > 0) best = r;
      if (best == step.size()) break;
      for (const auto& [who, change] : step[best]) n[who] += change;
    }
    starts.push_back(std::move(n));
  }
  std::set<std::vector<double>> seen(starts.begin(), starts.end());
  std::vector<std::vector<double>> queue(seen.begin(), seen.end());
  for (std::size_t i = 0; i < queue.size() && i < 300; ++i) {
    bool moves = false;
    for (std::size_t r = 0; r < step.size(); ++r) {
      if (step[r].empty() || !(propensity(r, queue[i]) > 0)) continue;
      moves = true;
      std::vector<double> next = queue[i];
      for (const auto& [who, change] : step[r]) next[who] += change;
      if (seen.size() < 600 && seen.insert(next).second) queue.push_back(std::move(next));
    }
    if (!moves) return queue[i];
  }
  return std::nullopt;
}

namespace {

void check_taylor(const ReducedNetwork& network, const ClosureFamily& family, std::int64_t taylor) {
  if (!family.raw_moments || taylor > 0 || network.polynomial()) return;
  for (const auto& channel : network.channels)
    if (channel.law && channel.law_degree < 0)
      throw ParameterError(fmt::format("closure '{}' is defined by raw moments, and the propensity of '{}' is no polynomial: say to which Taylor order about the means it is to be expanded, "
                                       "e.g. taylor = 2 (normal and zero, which are defined by cumulants and central moments, take one by themselves)", family.name, channel.text));
}

/// Independent species that the family divides by and that start without molecules.
std::vector<std::size_t> empty_starts(const ReducedNetwork& network, const ClosureFamily& family) {
  std::vector<std::size_t> empty;
  const std::vector<double> floor = floors(network, family, 1);
  for (std::size_t s = 0; s < floor.size(); ++s)
    if (network.initial[s] == 0 && floor[s] > 0) empty.push_back(s);
  return empty;
}

void note(Answer& answer, const std::string& text) { answer.flags.push_back({"note", "", {}, text, false}); }

}  // namespace

std::string closure_label(const Table& options) {
  const auto text = [&](const char* name, const std::string& fallback) {
    const auto found = options.find(name);
    return found == options.end() ? fallback : to_text(found->second);
  };
  const std::string kind = text("kind", "normal");
  for (const ClosureFamily& family : closure_families())
    for (const std::string& alias : family.aliases)
      if (alias == kind) return family.name + "-" + text("order", "2");
  return kind + "-" + text("order", "2");
}

Level closure_level(SharedNetwork network) {
  Level level;
  level.info = {.name = "closure",
                .rung = Rung::moments,
                .doc = "moment equations closed at an order: cumulants above it are a function of those up to it (normal: zero). Rates that are no polynomials are expanded "
                       "about the mean to Taylor order `taylor` (default: the larger of the order and 2). From deterministic initial counts. "
                       "The error of the mean is of order volume^-2 for normal at order 2 (no order is stated, as it depends on the options)",
                .parent = "fsp",
                .approximation = "cumulants above the order are set by the closure instead of followed",
                .small_parameter = "1/volume",
                .source = "Schnoerr, Sanguinetti, Grima (2014), J. Chem. Phys. 141, 084103, doi:10.1063/1.4892838",
                .options = options_schema().infos()};
  const ReducedLater reduced(network, Convention::stochastic);
  const std::string owner = "level 'closure'";
  level.run = [network, reduced, owner](const Ask& ask, Context& context) {
    const ClosureOptions o = options_schema().read(ask.options, owner);
    const ClosureFamily& family = closure_family(o.kind);
    if (reduced->size() == 0) return constant_answer(*network, ask);
    check_taylor(*reduced, family, o.taylor);
    const auto order = static_cast<int>(o.order), taylor = static_cast<int>(o.taylor);
    const std::string label = family.name + "-" + std::to_string(order);
    Flow flow = closed_flow(*reduced, family, order, taylor);
    const bool exact = reduced->polynomial() && reduced->degree(0) <= 1;  // linear: closed by itself, every family is exact
    std::vector<std::string> seeded;
    for (const std::size_t s : empty_starts(*reduced, family)) {
      if (exact) continue;
      if (o.seed_value == 0)
        throw ParameterError(fmt::format("{}: kind '{}' divides by the mean of {}, which starts with no molecules (0/0). Start with at least one ({}0 >= 1), or give seed-value = 1e-6: "
                                         "the mean it then starts with", owner, family.name, reduced->species[s], reduced->species[s]));
      seeded.push_back(reduced->species[s]);
    }
    if (o.seed_value > 0) flow.set_floor(floors(*reduced, family, o.seed_value));
    Answer answer = answer_by_moments({*network, *reduced, flow, label, true}, ask, context);
    if (const auto eliminated = reduced->eliminated(); family.depends_on_elimination && !eliminated.empty() && !exact)
      note(answer, fmt::format("{}: not unique where something is conserved: {} eliminated here; with another species eliminated the result differs (Schnoerr, Sanguinetti, Grima 2015)", label, join(eliminated)));
    if (!seeded.empty()) note(answer, fmt::format("{}: {} start{} with {} molecules instead of none (seed-value)", label, join(seeded), seeded.size() == 1 ? "s" : "", brief(o.seed_value)));
    if (!reduced->polynomial())
      note(answer, fmt::format("{}: rates that are no polynomials are expanded about the means to Taylor order {}", label, taylor > 0 ? taylor : default_taylor(order)));
    if (ask.is_stationary())
      if (const auto state = absorbing_state(*network))
        note(answer, fmt::format("{}: the network can be absorbed at {}: if that is where it ends with probability 1, its only stationary law sits there, and a steady state of the closure describes at best what comes before", label,
                                 state_text(*network, *state)));
    if (family.name == "linear-mapping") {
      const LinearMapping mapping(*reduced, order);
      for (Estimate& e : linear_mapping_distributions(*network, *reduced, mapping, flow, flow.start(reduced->initial), ask, context)) answer.estimates.push_back(std::move(e));
    }
    return answer;
  };
  level.plan = [reduced, owner](const Ask& ask) {
    const ClosureOptions o = options_schema().read(ask.options, owner);
    std::vector<std::string> lines{fmt::format("equations {}", with_commas(static_cast<unsigned long long>(MultiIndexSet::count(reduced->size(), static_cast<int>(o.order)))))};
    return lines;
  };
  level.equations = [reduced, owner](const Table& options, bool latex) {
    const ClosureOptions o = options_schema().read(options, owner);
    return closure_text(*reduced, closure_family(o.kind), static_cast<int>(o.order), static_cast<int>(o.taylor), latex);
  };
  return level;
}

}  // namespace meso::kinetics
