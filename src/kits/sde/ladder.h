// The ladder of one process, and a System made of a process alone.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "kits/sde/description.h"
#include "model/system.h"

namespace meso::sde {

/// Every level that the process has, micro first: langevin; fokker-planck in one and two dimensions; linear-noise; exact where
/// the moment equations close; stationary-law in one dimension without explicit time.
[[nodiscard]] std::vector<Level> ladder(const Process& process);

struct SdeSystem {
  SdeSpec spec;
  std::string name, title, family = "stochastic";
  Paper paper = {};
  std::string doc = {};
  std::map<std::string, std::string> parameter_docs = {};
  std::map<std::string, std::array<double, 2>> parameter_ranges = {};  ///< inclusive
};

/// A system whose parameters are the spec's. Observables by default: every mean and variance; covariances and distributions are known by name.
/// @throws ModelError if the spec is wrong (checked at once)
[[nodiscard]] System sde_system(SdeSystem description);

}  // namespace meso::sde
