#include "systems/lattice/pair-annihilation/pair_annihilation.h"

#include <fmt/format.h>

#include <cmath>
#include <numbers>

#include "base/error.h"
#include "base/text.h"
#include "kits/lattice/observables.h"

namespace meso::systems::pair_annihilation {

namespace {
const Schema<Params> schema{
    {"L", &Params::L, {.unit = "sites", .doc = "side of the lattice", .min = 2, .max = 100000000}},
    {"d", &Params::d, {.unit = "1", .doc = "dimension", .min = 1, .max = 3}},
    {"boundary", &Params::boundary, {.unit = "", .doc = "ends of the lattice", .allowed = {"periodic", "reflecting"}}},
    {"D", &Params::D, {.unit = "1/time", .doc = "hop rate to each neighbour", .min = 0, .max = 1e4, .min_excluded = true}},
    {"rho0", &Params::rho0, {.unit = "1/site", .doc = "initial density: with contact every site is occupied with this probability (1: full), else Poisson", .min = 0, .max = 1e4, .min_excluded = true}},
    {"contact", &Params::contact, {.unit = "", .doc = "a particle that hops onto another reacts with it at once"}},
    {"lambda", &Params::lambda, {.unit = "1/time", .doc = "with contact = false: 2A -> product on one site at the rate lambda n (n - 1)", .min = 0, .max = 1e6}},
    {"product", &Params::product, {.unit = "", .doc = "what two particles leave: nothing (annihilation) or one (coagulation)", .allowed = {"nothing", "one"}}},
};

void check(const Params& p) {
  if (p.contact && p.lambda > 0)
    throw ParameterError(fmt::format("contact = true and lambda = {} of system 'pair-annihilation' exclude each other: a reaction is instantaneous or has a rate. Set contact = false, or lambda = 0", brief(p.lambda)));
  if (!p.contact && p.lambda == 0) throw ParameterError("contact = false and lambda = 0 of system 'pair-annihilation': nothing would ever react. Set lambda > 0");
  if (p.contact && p.rho0 > 1)
    throw ParameterError(fmt::format("rho0 = {} of system 'pair-annihilation': with contact = true a site holds at most one particle, so the initial density is at most 1", brief(p.rho0)));
}

double bessel_share(double x, bool coagulation) {  // e^-x I0(x), or e^-x [I0(x) + I1(x)]
  if (x > 500) {  // asymptotic series, relative error below 1e-9 there
    const double r = 1 / (8 * x);
    const double i0 = 1 + r * (1 + 4.5 * r * (1 + 25.0 / 3.0 * r)), i1 = 1 - r * (3 + 7.5 * r * (1 + 7 * r));
    return (coagulation ? i0 + i1 : i0) / std::sqrt(2 * std::numbers::pi * x);
  }
  return std::exp(-x) * (std::cyl_bessel_i(0.0, x) + (coagulation ? std::cyl_bessel_i(1.0, x) : 0.0));
}

// The infinite chain, full at t = 0: exact (empty intervals; duality with coalescing walkers).
Level chain_level(const Params& p) {
  Level level;
  level.info = {.name = "exact-chain",
                .rung = Rung::master,
                .doc = "exact density of the infinite chain that is full at t = 0",
                .parent = lattice::micro_level,
                .approximation = "infinite chain: the sites of the ring that walkers cannot reach in time",
                .source = "Lushnikov (1987), doi:10.1016/0375-9601(87)90541-2; Spouge (1988), doi:10.1103/PhysRevLett.60.871"};
  level.run = [p](const Ask& ask, Context&) {
    Answer answer;
    if (ask.is_stationary()) {
      if (ask.wants("A.density")) answer.estimates.push_back(solved_estimate("A.density", "1/site", {}, {0.0}));
      return answer;
    }
    std::vector<double> density, bound;
    for (const double t : ask.times()) {
      density.push_back(exact_chain_density(p, t));
      bound.push_back(1e-9 * density.back());
    }
    answer.estimates.push_back(solved_estimate("A.density", "1/site", {{"t", "1", ask.times()}}, std::move(density), std::move(bound)));
    if (!ask.times().empty() && ask.times()[0] == 0) {
      answer.estimates[0].exact.assign(ask.times().size(), 0.0);
      answer.estimates[0].exact[0] = 1;
    }
    if (!ask.observables.empty()) std::erase_if(answer.estimates, [&](const Estimate& e) { return !ask.wants(e.observable); });
    return answer;
  };
  return level;
}
}  // namespace

double exact_chain_density(const Params& p, double t) { return bessel_share(4 * p.D * t, p.product == "one"); }

lattice::Model model_of(const Params& p) {
  lattice::Model m;
  m.species = {"A"};
  m.box.extent.assign(static_cast<std::size_t>(p.d), p.L);
  m.box.boundary = p.boundary == "reflecting" ? lattice::Boundary::reflecting : lattice::Boundary::periodic;
  m.hop = {p.D};
  const bool one = p.product == "one";
  if (p.contact) {
    m.contacts = {{1, 1, static_cast<lattice::State>(one ? 1 : 0), one ? "A + A -> A" : "A + A -> 0", ""}};
    if (p.rho0 == 1) m.initial.kind = lattice::Initial::Kind::full;
    else m.initial = {.kind = lattice::Initial::Kind::product, .density = {p.rho0}};
  } else {
    m.occupation = lattice::Occupation::bosonic;
    m.reactions = {{{2}, {one ? 1 : 0}, p.lambda, one ? "2A -> A" : "2A -> 0", ""}};
    m.initial = {.kind = lattice::Initial::Kind::poisson, .density = {p.rho0}};
  }
  if (!one) m.conserves = {"A mod 2"};
  return m;
}

System system() {
  return Define<Params>("pair-annihilation", "Diffusing particles that annihilate in pairs: depletion zones", "lattice", schema)
      .paper("reaction-diffusion", "Fluctuations and correlations in chemical reaction kinetics and population dynamics", "2018-07-03")
      .doc("Particles hop and vanish (or merge) where two meet. In one dimension each survivor sits in a depletion zone that it has swept, so that the density falls as 1/sqrt(8 pi D t) "
           "whatever the reaction rate, not as 1/t as the rate equation has it; in two dimensions as ln t/t; in three the rate equation is right up to a constant.")
      .check(check)
      .extend(lattice::levels_and_observables<Params>(&model_of))
      .extend([](const Params& p, Case& bound) {
        if (p.d == 1 && p.contact && p.rho0 == 1 && p.boundary == "periodic") bound.levels.push_back(lattice::with_slopes(chain_level(p), model_of(p)));
      });
}

}  // namespace meso::systems::pair_annihilation
