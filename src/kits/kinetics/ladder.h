// The ladder of one network: every level of it, and a System made of a network alone.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "kits/kinetics/continuation.h"
#include "kits/kinetics/network.h"
#include "model/system.h"

namespace meso::kinetics {

/// Every level of the network, micro first: ssa, next-reaction (not with laws of the time), tau-leap, cle and hybrid (not with bursts either), fsp,
/// closure, reconstruction, lna, rate-equation, and `exact`, which is fsp or ssa by a static rule that it reports.
/// @param rebuild  the network at another value of one of its parameters: the moment levels then have branches of steady states
[[nodiscard]] std::vector<Level> ladder(const SharedNetwork& shared, const Rebuild& rebuild = {});

/// What `meso info` says of a system that is a network: a preset under systems/reactions, or a user's own.
struct NetworkSystem {
  NetworkSpec spec;
  std::string name, title, family = "reactions";
  Paper paper = {};
  std::string doc = {};                         ///< a paragraph of physics
  std::string time_unit = "1";
  std::map<std::string, std::string> parameter_docs = {};  ///< parameter -> what it is
};

/// A system whose parameters are the spec's (constants, volume, `<species>0`) and `combinatoric`. Its observables by default
/// are every mean and variance; covariances, cumulants, Fano factor, cv and distributions are known by name.
/// @throws ModelError if the spec is wrong (checked at once, not when it is first bound)
[[nodiscard]] System network_system(NetworkSystem description);
[[nodiscard]] System network_system(NetworkSpec spec, std::string name, std::string title);

}  // namespace meso::kinetics
