#include "systems/lattice/contact-process/contact_process.h"

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"

namespace meso::systems::contact_process {

namespace {
const Schema<Params> schema{
    {"L", &Params::L, {.unit = "sites", .doc = "side of the lattice", .min = 2, .max = 100000000}},
    {"d", &Params::d, {.unit = "1", .doc = "dimension", .min = 1, .max = 3}},
    {"boundary", &Params::boundary, {.unit = "", .doc = "ends of the lattice", .allowed = {"periodic", "reflecting"}}},
    {"lambda", &Params::lambda, {.unit = "1/time", .doc = "total rate of offspring of one particle (deaths at rate 1); critical at 3.297848 (d = 1), 1.64874 (d = 2) without hops", .min = 0, .max = 1e4}},
    {"D", &Params::D, {.unit = "1/time", .doc = "hop rate to each empty neighbour", .min = 0, .max = 1e4}},
    {"start", &Params::start, {.unit = "", .doc = "full lattice, or one particle at the centre", .allowed = {"full", "seed"}}},
};
}  // namespace

lattice::Model model_of(const Params& p) {
  lattice::Model m;
  m.species = {"A"};
  m.box.extent.assign(static_cast<std::size_t>(p.d), p.L);
  m.box.boundary = p.boundary == "reflecting" ? lattice::Boundary::reflecting : lattice::Boundary::periodic;
  m.sites = {{1, 0, 1.0, "A -> 0", ""}};
  m.pairs = {{{1, 0}, {1, 1}, p.lambda / static_cast<double>(m.box.neighbours()), "A + 0 -> A + A", ""}};
  m.hop = {p.D};
  m.initial.kind = p.start == "seed" ? lattice::Initial::Kind::seed : lattice::Initial::Kind::full;
  return m;
}

System system() {
  return Define<Params>("contact-process", "Contact process: extinction as a phase transition", "lattice", schema)
      .paper("reaction-diffusion", "Fluctuations and correlations in chemical reaction kinetics and population dynamics", "2018-07-03")
      .doc("Particles on a lattice die at rate 1 and make copies on empty neighbours at total rate lambda (the lattice SIS epidemic). Below a critical lambda every population dies "
           "out; the transition belongs to the class of directed percolation: at it the density falls as t^-0.1595 in one dimension, t^-0.4505 in two, not as 1/t. The rate equation "
           "puts the threshold at lambda = 1, the pair approximation at 2 in one dimension; truly it is 3.297848.")
      .extend(lattice::levels_and_observables<Params>(&model_of))
      .extend([](const Params& p, Case& bound) {
        if (p.lambda == 0) bound.notes.push_back("lambda = 0: particles only die, density e^-t");
      });
}

}  // namespace meso::systems::contact_process
