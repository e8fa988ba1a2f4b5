#include "kits/lattice/ladder.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kits/lattice/observables.h"
#include "kits/lattice/pair_approximation.h"
#include "kits/lattice/pde.h"
#include "kits/lattice/rate_equation.h"
#include "stat/fit.h"

namespace meso::lattice {

Level with_slopes(Level level, const Model& model) {
  level.info.options.push_back({.name = "fit-from", .unit = "1", .doc = "start of the window of <s>.exponent; 0: a sixteenth of its end", .fallback = 0.0, .min = 0});
  level.info.options.push_back({.name = "fit-to", .unit = "1", .doc = "end of the window of <s>.exponent; 0: the last asked time", .fallback = 0.0, .min = 0});
  level.run = [inner = level.run, species = model.species](const Ask& ask, Context& context) {
    const bool slopes = !ask.is_stationary() && std::any_of(species.begin(), species.end(), [&](const std::string& s) { return ask.wants(s + ".slope") || ask.wants(s + ".exponent"); });
    if (!slopes) return inner(ask, context);
    Ask more = ask;
    for (const std::string& s : species)
      if (!more.wants(density_name(s))) more.observables.push_back(density_name(s));
    Answer answer = inner(more, context);
    for (const std::string& s : species) {
      const Estimate* density = answer.find(density_name(s));
      if (density == nullptr) continue;
      std::vector<Estimate> made;
      if (ask.wants(s + ".slope")) {
        Estimate e = solved_estimate(s + ".slope", "1", density->axes, effective_exponent(ask.times(), density->value));
        e.error_bound.assign(e.size(), 1e-14);
        std::vector<double> moved = density->value;
        for (std::size_t j = 0; j < moved.size(); ++j) {  // each density moved by its bound
          if (!(density->bound(j) > 0)) continue;
          moved[j] += density->bound(j);
          const std::vector<double> slope = effective_exponent(ask.times(), moved);
          for (std::size_t i = 0; i < slope.size(); ++i) e.error_bound[i] += std::abs(slope[i] - e.value[i]);
          moved[j] = density->value[j];
        }
        e.exact.assign(e.size(), 0.0);
        if (!ask.times().empty() && ask.times()[0] == 0) e.exact[0] = 1;
        made.push_back(std::move(e));
      }
      if (ask.wants(s + ".exponent")) {
        const auto number = [&](const char* name) {
          const auto found = ask.options.find(name);
          return found == ask.options.end() ? 0.0 : as_number(found->second);
        };
        const double to = number("fit-to") > 0 ? number("fit-to") : ask.times().back(), from = number("fit-from") > 0 ? number("fit-from") : to / 16;
        std::size_t inside = 0;
        for (std::size_t i = 0; i < density->size(); ++i)
          if (ask.times()[i] > 0 && ask.times()[i] >= from && ask.times()[i] <= to && density->value[i] > 0) ++inside;
        if (inside >= 2) made.push_back(solved_estimate(s + ".exponent", "1", {}, {-fit_power(ask.times(), *density, from, to).exponent}));
      }
      for (Estimate& e : made) answer.estimates.push_back(std::move(e));
    }
    std::erase_if(answer.estimates, [&](const Estimate& e) { return !ask.wants(e.observable); });
    return answer;
  };
  return level;
}

std::vector<Level> ladder(const Model& model, const KineticsOptions& options) {
  std::vector<Level> levels{kinetics_level(model, options)};
  std::string parent = micro_level;
  if (model.occupation == Occupation::exclusion) {
    levels.push_back(with_slopes(pair_approximation_level(model, parent), model));
    parent = levels.back().info.name;
  }
  levels.push_back(with_slopes(pde_level(model, parent), model));
  levels.push_back(with_slopes(rate_equation_level(model, parent), model));
  return levels;
}

}  // namespace meso::lattice
