#include "kits/neuron/own_couplings.h"

#include <memory>

#include "base/error.h"

namespace meso::neuron {

System own_couplings_system(const OwnCouplings& own) {
  const Gain gain(own.gain);
  System system;
  system.name = "neuron";
  system.title = own.title.empty() ? "A rate network with couplings of the user's own" : own.title;
  system.family = "neural";
  system.doc = "Rate units with a given coupling matrix: simulated, and compared with the linear network that mean-field theory says is equivalent to it.";
  using Type = ParameterInfo::Type;
  system.parameters = {{.name = "scale", .unit = "1", .doc = "J is scale times the given matrix", .type = Type::real, .fallback = Value(own.scale), .min = -1e6, .max = 1e6},
                       {.name = "sigma", .unit = "1", .doc = "strength of the independent drive: variance sigma^2 a step, or sigma^2 of an uncoupled unit in continuous time", .type = Type::real, .fallback = Value(own.sigma), .min = 0, .max = 100},
                       {.name = "start", .unit = "1", .doc = "standard deviation of x at the start", .type = Type::real, .fallback = Value(own.start), .min = 0, .max = 1e6}};
  if (own.clock == Clock::continuous)
    system.parameters.push_back({.name = "dt", .unit = "tau", .doc = "step of time, in membrane time constants", .type = Type::real, .fallback = Value(own.dt), .min = 0, .max = largest_step, .min_excluded = true});
  const auto given = std::make_shared<const Couplings>(own.couplings);
  const auto infos = system.parameters;
  system.bind = [infos, given, gain, clock = own.clock, dt = own.dt](const Table& table) {
    Case bound;
    bound.parameters = resolve(infos, table, "the model [neuron]");
    const auto number = [&](const char* name) { return as_number(bound.parameters.find(name)->second); };
    const double scale = number("scale");
    auto j = std::make_shared<Couplings>(*given);
    if (scale != 1)
      for (double& x : j->entry) x = static_cast<double>(static_cast<float>(scale * x));
    j->g = given->g * std::abs(scale);
    RateNetwork p;
    p.model = {.gain = gain, .clock = clock, .g = j->g, .sigma = number("sigma")};
    p.n = j->n;
    p.own = j;
    p.start = number("start");
    p.dt = clock == Clock::continuous ? number("dt") : dt;
    check(p, "the model [neuron]");
    bound.observables = observables(p);
    bound.levels = ladder(p);
    bound.time_unit = "tau";
    bound.notes = notes(p);
    return bound;
  };
  (void)system.bind({});
  return system;
}

}  // namespace meso::neuron
