// What a graph looks like: clustering, distances, components.
#pragma once

#include <cstdint>
#include <vector>

#include "kits/graph/graph.h"

namespace meso::graph {

struct Clustering {
  std::uint64_t triangles = 0, triples = 0;  ///< triples: pairs of neighbours, sum k (k - 1)/2
  [[nodiscard]] double coefficient() const { return triples > 0 ? 3.0 * static_cast<double>(triangles) / static_cast<double>(triples) : 0.0; }
};
/// Transitivity 3 triangles/triples, exact; O(sum over edges of the smaller degree).
[[nodiscard]] Clustering clustering(const Graph& graph);

/// Nodes of the largest connected component, ascending.
[[nodiscard]] std::vector<Node> giant_component(const Graph& graph);

struct Geodesics {
  double mean = 0;                 ///< mean distance from the sources to all other nodes of the giant component
  std::uint32_t longest = 0;       ///< largest distance met
  std::size_t giant = 0, sources = 0;
};
/// Breadth-first search from `sources` nodes of the giant component drawn without replacement (all of them if there are fewer).
[[nodiscard]] Geodesics geodesics(const Graph& graph, std::size_t sources, FastStream random);

}  // namespace meso::graph
