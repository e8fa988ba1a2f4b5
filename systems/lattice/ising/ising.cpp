// The Ising model in equilibrium; the physics is in README.md.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "kits/lattice/ising.h"
#include "kits/lattice/ising_theory.h"
#include "model/system.h"

namespace meso::systems::ising {
namespace {

using namespace lattice;

struct Params {
  std::int64_t d = 2, L = 32;
  double T = 2.0, h = 0;
};
const Schema<Params>& schema() {
  static const Schema<Params> fields{
      {"d", &Params::d, {.unit = "1", .doc = "dimension of the lattice", .min = 1, .max = 3}},
      {"L", &Params::L, {.unit = "sites", .doc = "length of the periodic lattice in every direction, even", .min = 4, .max = 1 << 20}},
      {"T", &Params::T, {.unit = "J", .doc = "temperature in units of the coupling", .min = 0.01, .max = 1e6}},
      {"h", &Params::h, {.unit = "J", .doc = "magnetic field", .min = -1e3, .max = 1e3}},
  };
  return fields;
}

struct MicroOptions {
  std::string update = "heat-bath", start = "both";
  std::int64_t burn_in = 1000, sweeps = 4000, every = 2;
};
const Schema<MicroOptions>& micro_options() {
  static const Schema<MicroOptions> fields{
      {"update", &MicroOptions::update, {.unit = "", .doc = "rule of a spin that is looked at", .allowed = {"metropolis", "heat-bath"}}},
      {"start", &MicroOptions::start, {.unit = "", .doc = "order (all up), disorder, or both: even trajectories in order, odd ones at random; what is not mixed is then flagged", .allowed = {"both", "order", "disorder"}}},
      {"burn-in", &MicroOptions::burn_in, {.unit = "sweeps", .doc = "sweeps before the first measurement", .min = 0, .max = 1e9}},
      {"sweeps", &MicroOptions::sweeps, {.unit = "sweeps", .doc = "sweeps that are measured", .min = 2, .max = 1e9}},
      {"every", &MicroOptions::every, {.unit = "sweeps", .doc = "sweeps between measurements", .min = 1, .max = 1e6}},
  };
  return fields;
}

// ---- micro ------------------------------------------------------------------------------------------------------------

enum Signals : std::size_t { kEnergy, kEnergy2, kAbs, kM2, kM4, kDriftEnergy, kDriftAbs };

struct Micro {
  Params p;

  [[nodiscard]] SpinLayout layout() const { return SpinLayout(std::vector<std::size_t>(static_cast<std::size_t>(p.d), static_cast<std::size_t>(p.L))); }
  [[nodiscard]] IsingLattices lattices(const MicroOptions& options) const {
    const int z = 2 * static_cast<int>(p.d);
    const auto energy = ising_energy(z, 1.0, p.h);
    return IsingLattices(layout(), options.update == "heat-bath" ? FlipTable::heat_bath(z, energy, 1 / p.T) : FlipTable::metropolis(z, energy, 1 / p.T));
  }

  [[nodiscard]] Plan plan(const Ask& ask) const {
    if (ask.is_stationary() && (ask.stationary().burn_in || ask.stationary().window))
      throw StudyError("system 'ising' has no time: burn-in and sweeps are options of its level 'micro'");
    if (p.d == 1 && micro_options().read(ask.options, "level 'micro'").update == "metropolis")
      throw StudyError("update = metropolis in one dimension: domain walls cost nothing to move, so both sublattices in turn carry them along for ever and the ring hardly "
                       "mixes. Use update = heat-bath");
    const double N = std::pow(static_cast<double>(p.L), static_cast<double>(p.d)), beta = 1 / p.T;
    const double deepest = static_cast<double>(p.d) + std::abs(p.h);
    Plan plan;
    plan.signals = {{.name = "e", .lo = -deepest, .hi = deepest}, {.name = "e2", .lo = 0, .hi = deepest * deepest}, {.name = "|m|", .lo = 0, .hi = 1},
                    {.name = "m2", .lo = 0, .hi = 1}, {.name = "m4", .lo = 0, .hi = 1}, {.name = "drift of e"}, {.name = "drift of |m|"}};
    plan.derived = {{"energy", "J", {kEnergy}},
                    {"abs_magnetisation", "1", {kAbs}},
                    {"specific_heat", "1", {kEnergy, kEnergy2}, [=](std::span<const double> s) { return N * beta * beta * (s[1] - s[0] * s[0]); }},
                    {"susceptibility", "1/J", {kAbs, kM2}, [=](std::span<const double> s) { return N * beta * (s[1] - s[0] * s[0]); }},
                    {"binder", "1", {kM2, kM4}, [](std::span<const double> s) { return s[0] > 0 ? 1 - s[1] / (3 * s[0] * s[0]) : 0.0; }},
                    {"drift of energy", "J", {kDriftEnergy}},  // for flag_drift, which takes them out again
                    {"drift of abs_magnetisation", "1", {kDriftAbs}}};
    return plan;
  }

  void sample_batch(const Ask& ask, const Plan&, std::uint64_t seed, const std::string& purpose, std::uint64_t first, std::span<Tape> tapes) const {
    const MicroOptions options = micro_options().read(ask.options, "level 'micro'");
    IsingLattices spins = lattices(options);
    const double N = static_cast<double>(spins.layout().sites);
    std::vector<SpinSums> sums(spins.layout().copies);
    for (std::size_t done = 0; done < tapes.size(); done += IsingLattices::width) {
      const std::size_t count = std::min(IsingLattices::width, tapes.size() - done);
      for (std::size_t k = 0; k < IsingLattices::width; ++k) {  // lanes that no trajectory needs run too, for nobody
        const std::uint64_t id = first + done + std::min(k, count - 1);
        spins.start(k, Stream(seed, id, purpose + "/spins").fast(), options.start == "both" ? id % 2 == 0 : options.start == "order");
      }
      for (std::int64_t i = 0; i < options.burn_in; ++i) spins.sweep();
      const std::int64_t measurements = std::max<std::int64_t>(2, options.sweeps / options.every);
      const double weight = 1.0 / (static_cast<double>(measurements) * static_cast<double>(sums.size()));
      for (std::int64_t i = 0; i < measurements; ++i) {
        for (std::int64_t s = 0; s < options.every; ++s) spins.sweep();
        for (std::size_t k = 0; k < count; ++k) {
          Tape& tape = tapes[done + k];
          spins.measure(k, sums);
          // Starts from order and from disorder drift apart until both have forgotten them: second half minus first half, signed.
          const bool ordered = options.start == "both" ? (first + done + k) % 2 == 0 : options.start == "order";
          const double sign = (ordered ? -1.0 : 1.0) * (2 * i < measurements ? -2.0 : 2.0);
          for (const SpinSums& one : sums) {
            const double m = static_cast<double>(one.magnetisation) / N, e = -static_cast<double>(one.bonds) / N - p.h * m, a = std::abs(m);
            tape.accumulate(kEnergy, 0, e, weight);
            tape.accumulate(kEnergy2, 0, e * e, weight);
            tape.accumulate(kAbs, 0, a, weight);
            tape.accumulate(kM2, 0, m * m, weight);
            tape.accumulate(kM4, 0, m * m * m * m, weight);
            tape.accumulate(kDriftEnergy, 0, e, sign * weight);
            tape.accumulate(kDriftAbs, 0, a, sign * weight);
          }
        }
      }
    }
  }

  // Trajectory 0, or 1 which starts from disorder: the lattice at the end; of a ring its last sweeps; of a cube one plane.
  [[nodiscard]] std::vector<Portrait> portraits(const Ask& ask, const Plan&, std::uint64_t seed, const std::string& purpose) const {
    const MicroOptions options = micro_options().read(ask.options, "level 'micro'");
    IsingLattices spins = lattices(options);
    const std::size_t side = std::min<std::size_t>(static_cast<std::size_t>(p.L), 500), rows = p.d == 1 ? std::min<std::size_t>(200, static_cast<std::size_t>(options.sweeps)) : side;
    for (std::size_t k = 0; k < IsingLattices::width; ++k) spins.start(k, Stream(seed, 1, purpose + "/spins").fast(), false);
    for (std::int64_t i = 0; i < options.burn_in; ++i) spins.sweep();
    Portrait portrait{.name = "spins", .title = "Spins", .unit = "", .axes = {{p.d == 1 ? "sweep" : "y", p.d == 1 ? "sweeps" : "sites", {}}, {"x", "sites", {}}}, .value = {}, .categories = {"down", "up"}};
    for (std::size_t x = 0; x < side; ++x) portrait.axes[1].points.push_back(static_cast<double>(x));
    for (std::size_t y = 0; y < rows; ++y) {
      portrait.axes[0].points.push_back(static_cast<double>(y));
      for (std::size_t x = 0; x < side; ++x) portrait.value.push_back(spins.spin(0, {x, p.d == 1 ? 0 : y, 0}) > 0 ? 1.0 : 0.0);
      if (p.d == 1) spins.sweep();
    }
    return {portrait};
  }
};

void flag_drift(const Ask& ask, const EnsembleResult&, Answer& answer) {
  for (const char* observable : {"energy", "abs_magnetisation"}) {
    const Estimate* e = answer.find(std::string("drift of ") + observable);
    if (e == nullptr || !(std::abs(e->value[0]) > 4 * e->se(0)) || std::abs(e->value[0]) < 1e-12) continue;
    answer.flags.push_back({.kind = "not-mixed", .observable = "",
                            .text = fmt::format("{} still drifts by {:.2g} +- {:.1g} between the halves of the window, apart from ordered and disordered starts: "
                                                "raise burn-in and sweeps of level 'micro'", observable, e->value[0], e->se(0))});
  }
  std::erase_if(answer.estimates, [&](const Estimate& e) { return e.observable.starts_with("drift of ") || !ask.wants(e.observable); });
}

// ---- solved levels ------------------------------------------------------------------------------------------------------

Answer answer_of(const Ask& ask, const IsingState& s, const std::string& missing) {
  Answer answer;
  const auto give = [&](const char* name, const char* unit, double value, double bound) {
    if (!ask.wants(name)) return;
    if (std::isnan(value)) return answer.flags.push_back({.kind = "note", .observable = name, .text = missing});
    answer.estimates.push_back(solved_estimate(name, unit, {}, {value}, {bound}));
  };
  give("energy", "J", s.energy, 1e-11 * std::max(1.0, std::abs(s.energy)));  // rounding
  give("abs_magnetisation", "1", s.abs_magnetisation, 1e-12);
  give("specific_heat", "1", s.specific_heat, 1e-8 * std::max(1.0, std::abs(s.specific_heat)));
  give("susceptibility", "1/J", s.susceptibility, 1e-9 * std::max(1.0, std::abs(s.susceptibility)));
  give("binder", "1", s.binder, 1e-12);
  return answer;
}

using Run = std::function<Answer(const Ask&, Context&)>;

Run exact(const Params& p) {
  return [p](const Ask& ask, Context&) {
    const auto L = static_cast<std::size_t>(p.L);
    if ((p.d == 1 && p.L <= 4096) || (p.d == 2 && p.L <= 8)) return answer_of(ask, ising_exact(static_cast<int>(p.d), L, p.T, p.h).state, "");
    IsingState s;
    if (p.d == 2 && p.h == 0 && p.L <= 1000000) s = ising_torus(L, p.T);
    return answer_of(ask, s, "no exact sum: all averages for rings up to L = 4096 and squares up to L = 8, energy and specific heat of larger squares without field");
  };
}

}  // namespace

System system() {
  return Define<Params>("ising", "Ising model in equilibrium", "lattice", schema())
      .paper("reaction-diffusion", "Fluctuations and correlations in chemical reaction kinetics and population dynamics", "2018-07-03")
      .doc("Spins s_i = +-1 on a periodic lattice of L^d sites, E = -sum over bonds s_i s_j - h sum_i s_i with J = k_B = 1, at temperature T. The test bench of every "
           "equilibrium method: exact in one dimension, ordered below T = 2.269 in two, and wrong by known amounts in mean field and on the Bethe lattice.")
      .no_time()
      .check([](const Params& p) {
        if (p.L % 2 != 0) throw ParameterError(fmt::format("L = {} of system 'ising' is odd; the two sublattices are updated in turn, so L must be even", p.L));
        if (std::pow(static_cast<double>(p.L), static_cast<double>(p.d)) > 2147483648.0)
          throw ParameterError(fmt::format("L = {} in {} dimensions is more than 2^31 sites; largest L: {}", p.L, p.d, p.d == 2 ? 46340 : 1290));
      })
      .observe({"energy", "J", "<E>/N, energy per site"})
      .observe({"abs_magnetisation", "1", "<|m|>, m = sum_i s_i / N"})
      .observe({"specific_heat", "1", "(<E^2> - <E>^2)/(N T^2), per site"})
      .observe({.name = "susceptibility", .unit = "1/J", .doc = "N (<m^2> - <|m|>^2)/T; disordered and without field (1 - 2/pi) dm/dh for large N", .by_default = false})
      .observe({"binder", "1", "Binder cumulant 1 - <m^4>/(3 <m^2>^2): 2/3 in order, 0 in disorder"})
      .level({.name = "micro",
              .rung = Rung::micro,
              .doc = "spins looked at in turn, both sublattices a sweep: exact law up to 32-digit flip probabilities; even trajectories start in order, odd ones at random",
              .source = "Metropolis et al. (1953), doi:10.1063/1.1699114; Glauber (1963), doi:10.1063/1.1703954",
              .options = micro_options().infos(),
              .sampled = true,
              .grain = 8},
             [](const Params& p) -> Run { return sampled(Micro{p}, 8, flag_drift); })
      .level({.name = "exact",
              .rung = Rung::master,
              .doc = "sum over all states of the same finite lattice: transfer matrix (rings to L = 4096, squares to L = 8), Kaufman's torus (larger squares, h = 0)",
              .source = "Kramers and Wannier (1941), doi:10.1103/PhysRev.60.252; Kaufman (1949), doi:10.1103/PhysRev.76.1232"},
             exact)
      .level({.name = "infinite",
              .rung = Rung::master,
              .doc = "the infinite lattice: all averages for d = 1; energy, specific heat, order and Binder cumulant for d = 2 without field",
              .parent = "exact",
              .approximation = "L -> infinity",
              .small_parameter = "1/L",
              .source = "Onsager (1944), doi:10.1103/PhysRev.65.117; Yang (1952), doi:10.1103/PhysRev.85.808"},
             [](const Params& p) -> Run {
               return [p](const Ask& ask, Context&) { return answer_of(ask, ising_infinite(static_cast<int>(p.d), p.T, p.h), "not known in closed form for this dimension and field"); };
             })
      .level({.name = "bethe",
              .rung = Rung::mean_field,
              .doc = "Bethe lattice of the same coordination: neighbours are correlated, loops are not seen (pair approximation); orders at T = 2/log(z/(z - 2))",
              .parent = "infinite",
              .approximation = "no loops: exact on a tree of coordination z = 2 d",
              .source = "Bethe (1935), doi:10.1098/rspa.1935.0122"},
             [](const Params& p) -> Run { return [p](const Ask& ask, Context&) { return answer_of(ask, ising_bethe(2 * static_cast<int>(p.d), p.T, p.h), ""); }; })
      .level({.name = "mean-field",
              .rung = Rung::mean_field,
              .doc = "every spin sees the mean of its z neighbours: m = tanh((z m + h)/T); orders at T = z",
              .parent = "bethe",
              .approximation = "neighbours are uncorrelated",
              .small_parameter = "1/z",
              .source = "Weiss (1907), doi:10.1051/jphystap:019070060066100"},
             [](const Params& p) -> Run { return [p](const Ask& ask, Context&) { return answer_of(ask, ising_mean_field(2 * static_cast<int>(p.d), p.T, p.h), ""); }; });
}

}  // namespace meso::systems::ising
