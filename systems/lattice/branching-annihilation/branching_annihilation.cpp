#include "systems/lattice/branching-annihilation/branching_annihilation.h"

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"

namespace meso::systems::branching_annihilation {

namespace {
const Schema<Params> schema{
    {"L", &Params::L, {.unit = "sites", .doc = "side of the lattice", .min = 2, .max = 100000000}},
    {"d", &Params::d, {.unit = "1", .doc = "dimension", .min = 1, .max = 3}},
    {"boundary", &Params::boundary, {.unit = "", .doc = "ends of the lattice", .allowed = {"periodic", "reflecting"}}},
    {"sigma", &Params::sigma, {.unit = "1/time", .doc = "branching A -> 2A", .min = 0, .max = 1e4}},
    {"mu", &Params::mu, {.unit = "1/time", .doc = "death A -> 0", .min = 0, .max = 1e4}},
    {"lambda", &Params::lambda, {.unit = "1/time", .doc = "coagulation 2A -> A on one site, propensity lambda n (n - 1)", .min = 0, .max = 1e4}},
    {"D", &Params::D, {.unit = "1/time", .doc = "hop rate to each neighbour", .min = 0, .max = 1e4}},
    {"rho0", &Params::rho0, {.unit = "1/site", .doc = "initial density, Poisson on every site", .min = 0, .max = 1e4}},
};

void check(const Params& p) {
  if (p.sigma > p.mu && p.lambda == 0)
    throw ParameterError(fmt::format("lambda = 0 of system 'branching-annihilation' with sigma = {} above mu = {}: the population grows without limit. Set lambda > 0", brief(p.sigma), brief(p.mu)));
}
}  // namespace

lattice::Model model_of(const Params& p) {
  lattice::Model m;
  m.species = {"A"};
  m.box.extent.assign(static_cast<std::size_t>(p.d), p.L);
  m.box.boundary = p.boundary == "reflecting" ? lattice::Boundary::reflecting : lattice::Boundary::periodic;
  m.occupation = lattice::Occupation::bosonic;
  m.reactions = {{{1}, {2}, p.sigma, "A -> 2A", ""}, {{1}, {0}, p.mu, "A -> 0", ""}, {{2}, {1}, p.lambda, "2A -> A", ""}};
  m.hop = {p.D};
  m.initial = {.kind = lattice::Initial::Kind::poisson, .density = {p.rho0}};
  return m;
}

System system() {
  return Define<Params>("branching-annihilation", "Branching, death and coagulation of hopping particles", "lattice", schema)
      .paper("reaction-diffusion", "Fluctuations and correlations in chemical reaction kinetics and population dynamics", "2018-07-03")
      .doc("Particles branch, die and coagulate in pairs on the sites of a lattice and hop between them. Fast hops mix the lattice and bring the rate equation a = (sigma - mu)/lambda; slow ones "
           "leave every site to its own small population, which dies out: the transition is of the directed-percolation class.")
      .check(check)
      .extend(lattice::levels_and_observables<Params>(&model_of));
}

}  // namespace meso::systems::branching_annihilation
