#include "kits/kinetics/described.h"

#include "kits/kinetics/observables.h"
#include "kits/kinetics/process_ode.h"

namespace meso::kinetics {

std::optional<ObservableInfo> Described::operator()(const std::string& observable) const {
  return network ? observable_info(*network, observable) : observed_info(*process, *seen, observable);
}

const Described* described(const Case& bound) { return bound.knows.target<Described>(); }

}  // namespace meso::kinetics
