#include "kits/kinetics/closure.h"

#include <fmt/format.h>

#include <memory>

#include "base/error.h"
#include "base/text.h"
#include "kits/kinetics/equations.h"
#include "kits/kinetics/moment_level.h"

namespace meso::kinetics {
namespace {

struct ClosureOptions {
  std::string kind = "normal";
  std::int64_t order = 2;
  std::int64_t taylor = 0;
};

const Schema<ClosureOptions>& options_schema() {
  static const Schema<ClosureOptions> schema = [] {
    std::vector<std::string> kinds;
    for (const ClosureFamily& family : closure_families()) kinds.push_back(family.name);
    return Schema<ClosureOptions>{
        {"kind", &ClosureOptions::kind, {.doc = "what cumulants above the order are; normal: zero", .allowed = kinds}},
        {"order", &ClosureOptions::order, {.doc = "highest order of the moments that are kept; 1 keeps means only", .min = 1, .max = 8}},
        {"taylor", &ClosureOptions::taylor, {.doc = "Taylor order, about the mean, of rates that are no polynomials; 0: the larger of the order and 2", .min = 0, .max = 12}}};
  }();
  return schema;
}

}  // namespace

const std::vector<ClosureFamily>& closure_families() {
  static const std::vector<ClosureFamily> families{
      {"normal", "cumulants above the order are zero", "Schnoerr, Sanguinetti, Grima (2014), doi:10.1063/1.4892838; Goodman (1953)", {}}};
  return families;
}

const ClosureFamily& closure_family(const std::string& name) {
  std::vector<std::string> names;
  for (const ClosureFamily& family : closure_families()) {
    if (family.name == name) return family;
    names.push_back(family.name);
  }
  throw ParameterError(fmt::format("unknown closure kind '{}'.{}\n  known: {}", name, did_you_mean(name, names), join(names)));
}

MomentEquations closed_equations(const ReducedNetwork& network, const ClosureFamily& family, int order, int taylor) {
  if (order > 8 && network.size() > 4)
    throw ParameterError(fmt::format("closure order {} with {} species means {} equations (binomial({}, {}) - 1); above 4 species the order may be at most 8", order, network.size(),
                                     with_commas(static_cast<unsigned long long>(MultiIndexSet::count(network.size(), order))), network.size() + static_cast<std::size_t>(order), order));
  const double equations = MultiIndexSet::count(network.size(), order);
  if (equations > 2000)
    throw ParameterError(fmt::format("closure order {} with {} species means {} equations (binomial({}, {}) - 1), above 2,000: lower the order", order, network.size(),
                                     with_commas(static_cast<unsigned long long>(equations)), network.size() + static_cast<std::size_t>(order), order));
  return cumulant_equations(network, order, family.close ? 0 : order, taylor > 0 ? taylor : default_taylor(order));
}

Flow closed_flow(const ReducedNetwork& network, const ClosureFamily& family, int order, int taylor) {
  return Flow(closed_equations(network, family, order, taylor), family.close);
}

std::string closure_label(const Table& options) {
  const auto text = [&](const char* name, const std::string& fallback) {
    const auto found = options.find(name);
    return found == options.end() ? fallback : to_text(found->second);
  };
  return text("kind", "normal") + "-" + text("order", "2");
}

Level closure_level(const Network& network) {
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
  const auto shared = std::make_shared<const Network>(network);
  const auto reduced = std::make_shared<const ReducedNetwork>(reduce(network, Convention::stochastic));
  const std::string owner = "level 'closure'";
  level.run = [shared, reduced, owner](const Ask& ask, Context& context) {
    const ClosureOptions o = options_schema().read(ask.options, owner);
    if (reduced->size() == 0) return constant_answer(*shared, ask);
    const Flow flow = closed_flow(*reduced, closure_family(o.kind), static_cast<int>(o.order), static_cast<int>(o.taylor));
    return answer_by_moments({*shared, *reduced, flow, o.kind + "-" + std::to_string(o.order), true}, ask, context);
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
