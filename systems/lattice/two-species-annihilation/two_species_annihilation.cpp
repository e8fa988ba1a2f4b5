#include "systems/lattice/two-species-annihilation/two_species_annihilation.h"

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"

namespace meso::systems::two_species_annihilation {

namespace {
const Schema<Params> schema{
    {"L", &Params::L, {.unit = "sites", .doc = "side of the lattice", .min = 2, .max = 100000000}},
    {"d", &Params::d, {.unit = "1", .doc = "dimension", .min = 1, .max = 3}},
    {"boundary", &Params::boundary, {.unit = "", .doc = "ends of the lattice", .allowed = {"periodic", "reflecting"}}},
    {"D", &Params::D, {.unit = "1/time", .doc = "hop rate of either species to each neighbour", .min = 0, .max = 1e4, .min_excluded = true}},
    {"rhoA", &Params::rhoA, {.unit = "1/site", .doc = "initial density of A (Poisson), before those of one site have reacted", .min = 0, .max = 1e3}},
    {"rhoB", &Params::rhoB, {.unit = "1/site", .doc = "initial density of B", .min = 0, .max = 1e3}},
};
}  // namespace

lattice::Model model_of(const Params& p) {
  lattice::Model m;
  m.species = {"A", "B"};
  m.box.extent.assign(static_cast<std::size_t>(p.d), p.L);
  m.box.boundary = p.boundary == "reflecting" ? lattice::Boundary::reflecting : lattice::Boundary::periodic;
  m.occupation = lattice::Occupation::bosonic;
  m.hop = {p.D, p.D};
  m.contacts = {{1, 2, 0, "A + B -> 0", ""}};
  m.initial = {.kind = lattice::Initial::Kind::poisson, .density = {p.rhoA, p.rhoB}};
  m.conserves = {"A - B"};
  return m;
}

System system() {
  return Define<Params>("two-species-annihilation", "Annihilation of two species: segregation", "lattice", schema)
      .paper("reaction-diffusion", "Fluctuations and correlations in chemical reaction kinetics and population dynamics", "2018-07-03")
      .doc("Particles of two kinds hop and vanish where A meets B. The difference of their numbers is conserved and spreads only by diffusion: what began as a random excess becomes domains of one "
           "kind, which react at their borders alone. Below four dimensions the density falls as t^(-d/4), slower than the 1/t of the rate equation; with unequal densities the minority vanishes "
           "faster than any power.")
      .extend(lattice::levels_and_observables<Params>(&model_of))
      .extend([](const Params& p, Case& bound) {
        if (p.rhoA != p.rhoB)
          bound.notes.push_back(fmt::format("rhoA = {} and rhoB = {} differ: the minority falls as exp(-sqrt t) in 1-D, faster than any power; exponents mean nothing", brief(p.rhoA), brief(p.rhoB)));
      });
}

}  // namespace meso::systems::two_species_annihilation
