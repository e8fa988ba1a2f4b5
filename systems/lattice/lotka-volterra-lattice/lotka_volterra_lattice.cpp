#include "systems/lattice/lotka-volterra-lattice/lotka_volterra_lattice.h"

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"

namespace meso::systems::lotka_volterra_lattice {

namespace {
const Schema<Params> schema{
    {"L", &Params::L, {.unit = "sites", .doc = "side of the lattice", .min = 2, .max = 100000000}},
    {"d", &Params::d, {.unit = "1", .doc = "dimension", .min = 1, .max = 3}},
    {"boundary", &Params::boundary, {.unit = "", .doc = "ends of the lattice", .allowed = {"periodic", "reflecting"}}},
    {"mu", &Params::mu, {.unit = "1/time", .doc = "death rate of predators A", .min = 0, .max = 1e4}},
    {"sigma", &Params::sigma, {.unit = "1/time", .doc = "total rate at which a prey B breeds into its empty neighbours", .min = 0, .max = 1e4}},
    {"lambda", &Params::lambda, {.unit = "1/time", .doc = "total rate at which a predator turns neighbouring prey into predators", .min = 0, .max = 1e4}},
    {"D", &Params::D, {.unit = "1/time", .doc = "rate per bond of hops into empty sites and of exchanges of A and B", .min = 0, .max = 1e4}},
    {"rhoA", &Params::rhoA, {.unit = "1/site", .doc = "initial density of predators", .min = 0, .max = 1}},
    {"rhoB", &Params::rhoB, {.unit = "1/site", .doc = "initial density of prey", .min = 0, .max = 1}},
};

void check(const Params& p) {
  if (p.rhoA + p.rhoB > 1)
    throw ParameterError(fmt::format("rhoA + rhoB = {} of system 'lotka-volterra-lattice': a site holds at most one particle, so the initial densities add up to at most 1", brief(p.rhoA + p.rhoB)));
}
}  // namespace

lattice::Model model_of(const Params& p) {
  lattice::Model m;
  m.species = {"A", "B"};
  m.box.extent.assign(static_cast<std::size_t>(p.d), p.L);
  m.box.boundary = p.boundary == "reflecting" ? lattice::Boundary::reflecting : lattice::Boundary::periodic;
  const auto z = static_cast<double>(m.box.neighbours());
  m.sites = {{1, 0, p.mu, "A -> 0", ""}};
  m.pairs = {{{2, 0}, {2, 2}, p.sigma / z, "B + 0 -> B + B", ""}, {{1, 2}, {1, 1}, p.lambda / z, "A + B -> A + A", ""}};
  m.hop = {p.D, p.D};
  m.exchanges = {{1, 2, p.D, "A + B -> B + A", ""}};
  m.initial = {.kind = lattice::Initial::Kind::product, .density = {p.rhoA, p.rhoB}};
  return m;
}

// Near the predators' threshold nearly every site holds prey: those then cost nothing, and holes and predators are the active sites.
lattice::KineticsOptions options_of(const Params& p) {
  const double prey = p.mu / (p.lambda > 0 ? p.lambda : 1);  // of the rate equation; the lattice holds more
  return {.inert_first = static_cast<lattice::State>(prey > 0.4 ? 2 : 0), .alive = {1, 2}};
}

System system() {
  return Define<Params>("lotka-volterra-lattice", "Predators and prey on a lattice: activity fronts and the extinction of predators", "lattice", schema)
      .paper("reaction-diffusion", "Fluctuations and correlations in chemical reaction kinetics and population dynamics", "2018-07-03")
      .doc("Predators die and eat neighbouring prey into new predators; prey breed into empty neighbours. Where the rate equation spirals into a rest state, the lattice keeps oscillating: "
           "waves of prey chased by predators run through it, and in a finite box the global densities swing for ever, less in larger boxes. Below a threshold of lambda, well above the "
           "mu of the rate equation, the predators die out in the directed-percolation class and the lattice fills with prey.")
      .check(check)
      .extend(lattice::levels_and_observables<Params>(&model_of, &options_of));
}

}  // namespace meso::systems::lotka_volterra_lattice
