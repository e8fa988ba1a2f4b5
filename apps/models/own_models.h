// Models of the user's own in a study file: one reader per kind of table, each beside its kit's words in <kind>_model.cpp.
#pragma once

#include "study/study_file.h"

namespace meso {

[[nodiscard]] System own_network(const ModelRequest& request);  ///< [network]: species, reactions (CONTRACT section 5)
[[nodiscard]] System own_sde(const ModelRequest& request);      ///< [sde]: variables, drift, diffusion (src/kits/sde/README.md)
[[nodiscard]] System own_field(const ModelRequest& request);    ///< [field]: a local potential V(phi), initial data, noise
[[nodiscard]] System own_graph(const ModelRequest& request);    ///< [graph]: an edge list or a random ensemble, compartments, transitions
[[nodiscard]] System own_lattice(const ModelRequest& request);  ///< [lattice]: species, rules on neighbours (docs/own-lattice.toml)
[[nodiscard]] System own_neuron(const ModelRequest& request);   ///< [neuron]: a coupling matrix, a gain (docs/own-couplings.toml)

}  // namespace meso
