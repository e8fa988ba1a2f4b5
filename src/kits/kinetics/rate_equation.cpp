#include "kits/kinetics/rate_equation.h"

#include <memory>

#include "kits/kinetics/equations.h"
#include "kits/kinetics/moment_level.h"

namespace meso::kinetics {

MomentEquations rate_equations(const ReducedNetwork& macroscopic) {
  const std::size_t n = macroscopic.size();
  MomentEquations result{MultiIndexSet(n, 1), 1, std::vector<Polynomial>(n), LawTable(macroscopic.species), macroscopic.volume};
  for (const auto& channel : macroscopic.channels) {
    const Polynomial rate = rate_at_mean(channel, result.laws);
    for (std::size_t s = 0; s < n; ++s) result.equations[s].add(rate, channel.mean_change(s));
  }
  return result;
}

Flow rate_equation_flow(const ReducedNetwork& macroscopic) { return Flow(rate_equations(macroscopic)); }

std::vector<FixedPoint> rate_equation_states(const Flow& flow, const ReducedNetwork& macroscopic, std::span<const double> initial) {
  if (flow.species() == 1 && flow.polynomials()) return stable_states(flow, {}, {}, macroscopic);
  std::vector<FixedPoint> known;
  const Relaxation r = relax(flow, flow.start(initial), macroscopic, {.relative = 1e-6, .max_steps = 5000, .watch = false});
  if (r.outcome == Relaxation::Outcome::settled && r.state.physical) known.push_back(r.state);
  std::vector<std::vector<double>> seeds{{initial.begin(), initial.end()}};
  seeds.emplace_back();  // where the relaxation was when it ended: sets the scale of the grid
  for (std::size_t s = 0; s < flow.species(); ++s) {
    const double amount = flow.volume() * r.z[s];
    seeds.back().push_back(amount > 0 && amount < 1e6 * (1 + flow.volume()) ? amount : 0.0);
  }
  return stable_states(flow, known, seeds, macroscopic);
}

Level rate_equation_level(SharedNetwork network) {
  Level level;
  level.info = {.name = "rate-equation",
                .rung = Rung::mean_field,
                .doc = "mass-action rate equation of the means, n (n - 1) -> n^2; no fluctuations",
                .parent = "lna",
                .approximation = "volume -> infinity",
                .small_parameter = "1/volume",
                .expected_order = 1,
                .source = "Kurtz (1972), J. Chem. Phys. 57, 2976, doi:10.1063/1.1678692"};
  const ReducedLater reduced(network, Convention::macroscopic);
  level.run = [network, reduced](const Ask& ask, Context& context) {
    if (reduced->size() == 0) return constant_answer(*network, ask);
    const Flow flow = rate_equation_flow(*reduced);
    return answer_by_moments({*network, *reduced, flow, "rate-equation", false}, ask, context);
  };
  level.plan = [reduced](const Ask&) { return std::vector<std::string>{"equations " + std::to_string(reduced->size())}; };
  level.equations = [reduced](const Table&, bool latex) { return rate_equation_text(*reduced, latex); };
  return level;
}

}  // namespace meso::kinetics
