#include "kits/graph/statistics.h"

#include <algorithm>

namespace meso::graph {

Clustering clustering(const Graph& graph) {
  // Edges point from lower to higher (degree, index): each triangle is seen once, from its lowest node.
  const std::size_t n = graph.nodes();
  Clustering result;
  const auto before = [&](std::size_t i, std::size_t j) { return graph.degree(i) != graph.degree(j) ? graph.degree(i) < graph.degree(j) : i < j; };
  std::vector<std::uint32_t> mark(n, 0xffffffffu);
  for (std::size_t i = 0; i < n; ++i) {
    const std::uint64_t k = graph.degree(i);
    result.triples += k * (k - (k > 0)) / 2;
    for (const Node j : graph.neighbours(i))
      if (before(i, j)) mark[j] = static_cast<std::uint32_t>(i);
    for (const Node j : graph.neighbours(i)) {
      if (!before(i, j)) continue;
      for (const Node l : graph.neighbours(j)) result.triangles += before(j, l) && mark[l] == i;
    }
  }
  return result;
}

std::vector<Node> giant_component(const Graph& graph) {
  const std::size_t n = graph.nodes();
  std::vector<char> seen(n, 0);
  std::vector<Node> best, queue;
  for (std::size_t s = 0; s < n; ++s) {
    if (seen[s]) continue;
    queue.assign(1, static_cast<Node>(s));
    seen[s] = 1;
    for (std::size_t head = 0; head < queue.size(); ++head)
      for (const Node j : graph.neighbours(queue[head]))
        if (!seen[j]) seen[j] = 1, queue.push_back(j);
    if (queue.size() > best.size()) best.swap(queue);
  }
  std::sort(best.begin(), best.end());
  return best;
}

Geodesics geodesics(const Graph& graph, std::size_t sources, FastStream random) {
  std::vector<Node> giant = giant_component(graph);
  Geodesics result;
  result.giant = giant.size();
  result.sources = std::min(sources, giant.size());
  std::vector<std::uint32_t> distance(graph.nodes());
  std::vector<Node> queue;
  queue.reserve(giant.size());
  std::uint64_t sum = 0, pairs = 0;
  for (std::size_t s = 0; s < result.sources; ++s) {
    std::swap(giant[s], giant[s + random.below(giant.size() - s)]);
    std::fill(distance.begin(), distance.end(), 0xffffffffu);
    queue.assign(1, giant[s]);
    distance[giant[s]] = 0;
    for (std::size_t head = 0; head < queue.size(); ++head) {
      const std::uint32_t d = distance[queue[head]];
      sum += d;
      for (const Node j : graph.neighbours(queue[head]))
        if (distance[j] == 0xffffffffu) distance[j] = d + 1, queue.push_back(j);
    }
    pairs += queue.size() - 1;
    if (!queue.empty()) result.longest = std::max(result.longest, distance[queue.back()]);
  }
  result.mean = pairs > 0 ? static_cast<double>(sum) / static_cast<double>(pairs) : 0.0;
  return result;
}

}  // namespace meso::graph
