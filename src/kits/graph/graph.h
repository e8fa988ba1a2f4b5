// Quenched random graphs: compressed adjacency, random ensembles, a user's edge list.
//
// A graph is simple (no self-loops, no multi-edges) and undirected. Nodes are 0 ... n - 1. Random builders take a stream whose
// purpose ends in "/graph" and whose trajectory is the realisation: a graph is part of the disorder, not of the dynamics.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "rng/stream.h"

namespace meso::graph {

using Node = std::uint32_t;
using Edge = std::pair<Node, Node>;

/// Compressed adjacency: neighbours of i are neighbour[start[i] .. start[i + 1]).
class Graph {
 public:
  Graph() = default;
  /// @param edges  each undirected edge once, in any order; no self-loops, no duplicates (not checked: builders guarantee it)
  Graph(std::size_t nodes, std::span<const Edge> edges);
  [[nodiscard]] std::size_t nodes() const { return start_.empty() ? 0 : start_.size() - 1; }
  [[nodiscard]] std::size_t edges() const { return neighbour_.size() / 2; }
  [[nodiscard]] std::size_t degree(std::size_t i) const { return start_[i + 1] - start_[i]; }
  [[nodiscard]] std::span<const Node> neighbours(std::size_t i) const { return {neighbour_.data() + start_[i], neighbour_.data() + start_[i + 1]}; }
  [[nodiscard]] const std::uint32_t* start() const { return start_.data(); }
  [[nodiscard]] const Node* neighbour() const { return neighbour_.data(); }
  /// Each edge once, i < j, ascending.
  [[nodiscard]] std::vector<Edge> edge_list() const;

 private:
  std::vector<std::uint32_t> start_;
  std::vector<Node> neighbour_;
};

/// P(degree = k) for k = 0 ... size - 1.
using DegreeLaw = std::vector<double>;
struct DegreeMoments {
  double mean = 0, second = 0;  ///< <k>, <k^2>
  /// Mean number of further neighbours at the end of a random edge, (<k^2> - <k>)/<k>.
  [[nodiscard]] double excess() const { return mean > 0 ? (second - mean) / mean : 0; }
};
[[nodiscard]] DegreeMoments moments_of(const DegreeLaw& law);
[[nodiscard]] DegreeLaw degree_law(const Graph& graph);
/// Poisson law, cut where less than 1e-15 is left.
[[nodiscard]] DegreeLaw poisson_law(double mean);

/// G(n, p): each pair independently, by geometric skipping over the pairs (Batagelj and Brandes 2005, doi:10.1103/PhysRevE.71.036113). O(n + m).
/// @throws ParameterError for p outside [0, 1]
[[nodiscard]] Graph erdos_renyi(std::size_t nodes, double p, FastStream random);
/// G(n, m): m different pairs, uniform over all such graphs; a hash set of pairs, O(n + m).
/// @throws ParameterError for more than n (n - 1)/2 edges
[[nodiscard]] Graph erdos_renyi_edges(std::size_t nodes, std::size_t edges, FastStream random);
/// Configuration model with exactly these degrees: stubs are matched at random; self-loops and multi-edges are then removed by swapping
/// each with a random edge until the graph is simple. Degrees are exact; the law over simple graphs is uniform up to O(1/n), the share of
/// edges that needed a swap.
/// @throws ParameterError  odd sum of degrees; a sequence that no simple graph has (Erdős and Gallai 1960)
[[nodiscard]] Graph configuration_model(std::span<const std::uint32_t> degrees, FastStream random);
/// Degrees drawn from a law; one node's degree is redrawn until the sum is even.
[[nodiscard]] std::vector<std::uint32_t> draw_degrees(std::size_t nodes, const DegreeLaw& law, FastStream& random);

/// What an edge list file says: "i j" a line, # starts a comment. Nodes are 0 ... largest named one, or `nodes` of them.
/// @throws ModelError with file:line for text, negative or fractional nodes, missing or extra columns, self-loops, duplicates (also reversed)
struct EdgeList {
  std::size_t nodes = 0;
  std::vector<Edge> edges;
};
[[nodiscard]] EdgeList read_edge_list(const std::filesystem::path& file, std::size_t nodes = 0);

/// An edge that appears or disappears at time t.
struct EdgeChange {
  double t = 0;
  bool add = true;
  Edge edge;
};
/// "t add i j" or "t remove i j" a line, times not decreasing, beginning with the graph's own edges.
/// @throws ModelError with file:line, also for adding an edge that is there and removing one that is not
[[nodiscard]] std::vector<EdgeChange> read_edge_changes(const std::filesystem::path& file, const EdgeList& graph);

}  // namespace meso::graph
