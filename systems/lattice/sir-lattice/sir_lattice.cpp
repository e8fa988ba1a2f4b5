#include "systems/lattice/sir-lattice/sir_lattice.h"

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"

namespace meso::systems::sir_lattice {

namespace {
const Schema<Params> schema{
    {"L", &Params::L, {.unit = "sites", .doc = "side of the lattice", .min = 2, .max = 100000000}},
    {"d", &Params::d, {.unit = "1", .doc = "dimension", .min = 1, .max = 3}},
    {"boundary", &Params::boundary, {.unit = "", .doc = "ends of the lattice", .allowed = {"periodic", "reflecting"}}},
    {"lambda", &Params::lambda, {.unit = "1/time", .doc = "total rate of infection of one infected site, recovery at rate 1: the reproduction number of the rate equation; critical at 4.66571 (d = 2) without motion", .min = 0, .max = 1e4}},
    {"D", &Params::D, {.unit = "1/time", .doc = "rate per bond at which unlike neighbours change places", .min = 0, .max = 1e4}},
    {"start", &Params::start, {.unit = "", .doc = "a share rhoI of the sites infected at random, or one infected site at the centre", .allowed = {"mixed", "seed"}}},
    {"rhoI", &Params::rhoI, {.unit = "1/site", .doc = "initial density of infected sites (start = \"mixed\")", .min = 0, .max = 1, .min_excluded = true}},
};
}  // namespace

lattice::Model model_of(const Params& p) {
  lattice::Model m;
  m.species = {"S", "I", "R"};
  m.box.extent.assign(static_cast<std::size_t>(p.d), p.L);
  m.box.boundary = p.boundary == "reflecting" ? lattice::Boundary::reflecting : lattice::Boundary::periodic;
  m.sites = {{2, 3, 1.0, "I -> R", ""}};
  m.pairs = {{{2, 1}, {2, 2}, p.lambda / static_cast<double>(m.box.neighbours()), "I + S -> I + I", ""}};
  if (p.D > 0)
    for (const auto& [a, b] : {std::pair<lattice::State, lattice::State>{1, 2}, {1, 3}, {2, 3}}) m.exchanges.push_back({a, b, p.D, "", ""});
  m.conserves = {"S + I + R"};
  if (p.start == "seed") m.initial = {.kind = lattice::Initial::Kind::seed, .species = 2, .background = 1};
  else m.initial = {.kind = lattice::Initial::Kind::product, .density = {1 - p.rhoI, p.rhoI, 0}};
  return m;
}

// Susceptible and immune sites start nothing by themselves and cost nothing. Without motion nothing happens after the last recovery.
lattice::KineticsOptions options_of(const Params& p) { return {.inert_first = 1, .alive = {2}, .spreads = 2, .stop_when_dead = p.D == 0}; }

System system() {
  return Define<Params>("sir-lattice", "Epidemic with immunity on a lattice: a front, or a cluster of percolation", "lattice", schema)
      .paper("reaction-diffusion", "Fluctuations and correlations in chemical reaction kinetics and population dynamics", "2018-07-03")
      .doc("Infected sites infect susceptible neighbours at total rate lambda and turn immune at rate 1. The epidemic burns its neighbourhood: where the rate equation grows from lambda = 1 on and "
           "the pair approximation from z/(z - 2), the square lattice needs 4.66571. There the sites that one infection reaches are a cluster of critical percolation; above, a ring of infection runs "
           "outwards and leaves immune ground behind; on a line every epidemic dies.")
      .extend(lattice::levels_and_observables<Params>(&model_of, &options_of));
}

}  // namespace meso::systems::sir_lattice
