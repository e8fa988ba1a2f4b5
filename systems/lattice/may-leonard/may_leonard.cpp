#include "systems/lattice/may-leonard/may_leonard.h"

#include <fmt/format.h>

#include <cmath>

#include "base/error.h"
#include "base/text.h"

namespace meso::systems::may_leonard {

namespace {
const Schema<Params> schema{
    {"L", &Params::L, {.unit = "sites", .doc = "side of the lattice", .min = 2, .max = 100000000}},
    {"d", &Params::d, {.unit = "1", .doc = "dimension", .min = 1, .max = 3}},
    {"boundary", &Params::boundary, {.unit = "", .doc = "ends of the lattice", .allowed = {"periodic", "reflecting"}}},
    {"s", &Params::s, {.unit = "1/time", .doc = "total rate of selection: A kills B, B kills C, C kills A", .min = 0, .max = 1e4}},
    {"u", &Params::u, {.unit = "1/time", .doc = "total rate at which an individual breeds into empty neighbours", .min = 0, .max = 1e4}},
    {"M", &Params::M, {.unit = "1/time", .doc = "mobility eps/(2 L^2): area explored per time, the box being 1; 0: from eps; both 0: 1e-5", .min = 0, .max = 10}},
    {"eps", &Params::eps, {.unit = "1/time", .doc = "exchanges that an individual attempts per time, 2 M L^2; 0: from M", .min = 0, .max = 1e6}},
    {"rho0", &Params::rho0, {.unit = "1/site", .doc = "initial density of each species", .min = 0, .max = 1.0 / 3.0}},
};

void check(const Params& p) {
  const double L2 = static_cast<double>(p.L) * static_cast<double>(p.L);
  if (p.M > 0 && p.eps > 0 && std::abs(p.eps - 2 * p.M * L2) > 1e-9 * p.eps)
    throw ParameterError(fmt::format("M = {} and eps = {} of system 'may-leonard' contradict each other: M = eps/(2 L^2) = {} for L = {}. Give one of them", brief(p.M), brief(p.eps), brief(p.eps / (2 * L2)), p.L));
}
}  // namespace

double exchange_attempts(const Params& p) {
  const double L2 = static_cast<double>(p.L) * static_cast<double>(p.L);
  return p.eps > 0 ? p.eps : 2 * (p.M > 0 ? p.M : 1e-5) * L2;
}

lattice::Model model_of(const Params& p) {
  lattice::Model m;
  m.species = {"A", "B", "C"};
  m.box.extent.assign(static_cast<std::size_t>(p.d), p.L);
  m.box.boundary = p.boundary == "reflecting" ? lattice::Boundary::reflecting : lattice::Boundary::periodic;
  const auto z = static_cast<double>(m.box.neighbours());
  const double exchange = 2 * exchange_attempts(p) / z;  // both ends of a bond attempt
  for (lattice::State x = 1; x <= 3; ++x) {
    const auto prey = static_cast<lattice::State>(x % 3 + 1);
    m.pairs.push_back({{x, prey}, {x, 0}, p.s / z, m.state_name(x) + " + " + m.state_name(prey) + " -> " + m.state_name(x) + " + 0", ""});
    m.pairs.push_back({{x, 0}, {x, x}, p.u / z, m.state_name(x) + " + 0 -> 2" + m.state_name(x), ""});
    m.exchanges.push_back({x, prey, exchange, "", ""});
  }
  m.hop.assign(3, exchange);
  m.initial = {.kind = lattice::Initial::Kind::product, .density = {p.rho0, p.rho0, p.rho0}};
  return m;
}

lattice::KineticsOptions options_of(const Params&) {
  return {.picking = lattice::Picking::dense, .alive = {1, 2, 3}, .stop_when_dead = true};  // three quarters of the sites stay occupied
}

System system() {
  return Define<Params>("may-leonard", "Cyclic competition of three mobile species: spirals", "lattice", schema)
      .paper("reaction-diffusion", "Fluctuations and correlations in chemical reaction kinetics and population dynamics", "2018-07-03")
      .doc("Each of three species kills the next in a circle, breeds into empty sites and moves by exchanges. The rate equation has an unstable coexistence point and cycles ever closer to "
           "extinction. On a lattice with little mobility the species coexist in rotating spirals; their wavelength grows as the square root of the mobility, and above "
           "M of about 4.5e-4 they no longer fit into the box: two species die out.")
      .check(check)
      .extend(lattice::levels_and_observables<Params>(&model_of, &options_of))
      .extend([](const Params& p, Case& bound) {
        bound.notes.push_back(fmt::format("mobility M = {}, that is eps = {} exchanges attempted per individual and time (M = eps/(2 L^2))",
                                          brief(exchange_attempts(p) / (2.0 * static_cast<double>(p.L) * static_cast<double>(p.L))), brief(exchange_attempts(p))));
      });
}

}  // namespace meso::systems::may_leonard
