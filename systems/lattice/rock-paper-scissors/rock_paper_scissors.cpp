#include "systems/lattice/rock-paper-scissors/rock_paper_scissors.h"

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"

namespace meso::systems::rock_paper_scissors {

namespace {
const Schema<Params> schema{
    {"L", &Params::L, {.unit = "sites", .doc = "side of the lattice", .min = 2, .max = 100000000}},
    {"d", &Params::d, {.unit = "1", .doc = "dimension", .min = 1, .max = 3}},
    {"boundary", &Params::boundary, {.unit = "", .doc = "ends of the lattice", .allowed = {"periodic", "reflecting"}}},
    {"s", &Params::s, {.unit = "1/time", .doc = "total rate of replacement: A replaces B, B replaces C, C replaces A", .min = 0, .max = 1e4, .min_excluded = true}},
    {"eps", &Params::eps, {.unit = "1/time", .doc = "exchanges that an individual attempts per time, empty sites included", .min = 0, .max = 1e6}},
    {"rhoA", &Params::rhoA, {.unit = "1/site", .doc = "initial density of A", .min = 0, .max = 1}},
    {"rhoB", &Params::rhoB, {.unit = "1/site", .doc = "initial density of B", .min = 0, .max = 1}},
    {"rhoC", &Params::rhoC, {.unit = "1/site", .doc = "initial density of C", .min = 0, .max = 1}},
};

void check(const Params& p) {
  if (p.rhoA + p.rhoB + p.rhoC > 1 + 1e-12)
    throw ParameterError(fmt::format("rhoA + rhoB + rhoC = {} of system 'rock-paper-scissors': a site holds at most one particle, so the initial densities add up to at most 1", brief(p.rhoA + p.rhoB + p.rhoC)));
}
}  // namespace

lattice::Model model_of(const Params& p) {
  lattice::Model m;
  m.species = {"A", "B", "C"};
  m.box.extent.assign(static_cast<std::size_t>(p.d), p.L);
  m.box.boundary = p.boundary == "reflecting" ? lattice::Boundary::reflecting : lattice::Boundary::periodic;
  const auto z = static_cast<double>(m.box.neighbours());
  const double exchange = 2 * p.eps / z;  // both ends of a bond attempt
  for (lattice::State x = 1; x <= 3; ++x) {
    const auto prey = static_cast<lattice::State>(x % 3 + 1);
    m.pairs.push_back({{x, prey}, {x, x}, p.s / z, m.state_name(x) + " + " + m.state_name(prey) + " -> 2" + m.state_name(x), ""});
    m.exchanges.push_back({x, prey, exchange, "", ""});
  }
  m.hop.assign(3, exchange);
  m.initial = {.kind = lattice::Initial::Kind::product, .density = {p.rhoA, p.rhoB, p.rhoC}};
  m.conserves = {"A + B + C"};
  return m;
}

lattice::KineticsOptions options_of(const Params&) { return {.picking = lattice::Picking::dense, .alive = {1, 2, 3}, .stop_when_dead = true}; }

System system() {
  return Define<Params>("rock-paper-scissors", "Cyclic replacement of three species with conserved numbers", "lattice", schema)
      .paper("reaction-diffusion", "Fluctuations and correlations in chemical reaction kinetics and population dynamics", "2018-07-03")
      .doc("Each of three species replaces the next in a circle; nothing is ever empty that was not. The rate equation has a neutral centre: closed orbits whose size the start decides. On a "
           "lattice noise and correlations break that: domains form without spirals, and the global densities stay near 1/3 with fluctuations that fall with the size of the box.")
      .check(check)
      .extend(lattice::levels_and_observables<Params>(&model_of, &options_of));
}

}  // namespace meso::systems::rock_paper_scissors
