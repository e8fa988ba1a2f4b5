// A user's own compartment model on a graph: every level of the ladder.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "kits/graph/compartments.h"
#include "kits/graph/graph.h"
#include "kits/graph/spatial.h"
#include "model/system.h"

namespace meso::graph {

/// The graph is either given (an edge list, possibly changing) or a random ensemble, of which each trajectory draws its own realisation.
struct OwnGraph {
  enum class Ensemble { given, erdos_renyi, erdos_renyi_edges, regular, configuration, spatial };
  Ensemble ensemble = Ensemble::given;
  EdgeList given;
  std::vector<EdgeChange> changes;
  std::size_t nodes = 0;          ///< of an ensemble
  double mean_degree = 0;         ///< erdos_renyi: p = mean/(n - 1); erdos_renyi_edges: round(n mean/2) edges; regular: the degree
  DegreeLaw degrees;              ///< configuration
  std::optional<SpatialSpec> spatial;  ///< spatial: density * side^dimension nodes, `mean_degree` is its one expected degree
  std::vector<std::string> compartments, transitions, where;
  std::map<std::string, double> constants;
  std::map<std::string, std::vector<std::uint32_t>> initial_nodes;  ///< these nodes begin there
  std::map<std::string, std::uint32_t> initial_counts;              ///< this many random others
  std::string title;
};

/// Parameters of the system are the constants. Nodes not named initially are in the first compartment.
/// Observables `<C>.mean` and `<C>.variance` of the share of nodes in compartment C over trajectories.
/// Levels: events (micro), master (given graphs of few states), pair, edge-based (single-infection models), degree-mean-field, mean-field.
/// @throws ModelError  what read_compartments refuses; initial numbers that do not fit; a name that is both compartment and constant
[[nodiscard]] System own_graph_system(OwnGraph description);

}  // namespace meso::graph
