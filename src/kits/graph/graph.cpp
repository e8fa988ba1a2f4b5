#include "kits/graph/graph.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>
#include <unordered_map>

#include "base/error.h"
#include "base/files.h"
#include "base/text.h"

namespace meso::graph {

Graph::Graph(std::size_t nodes, std::span<const Edge> edges) : start_(nodes + 1, 0), neighbour_(2 * edges.size()) {
  if (2 * edges.size() > 0xffffffffULL) throw ParameterError("a graph may have at most 2^31 edges");
  for (const auto& [i, j] : edges) ++start_[i + 1], ++start_[j + 1];
  std::partial_sum(start_.begin(), start_.end(), start_.begin());
  std::vector<std::uint32_t> next(start_.begin(), start_.end() - 1);
  for (const auto& [i, j] : edges) neighbour_[next[i]++] = j, neighbour_[next[j]++] = i;
}

std::vector<Edge> Graph::edge_list() const {
  std::vector<Edge> list;
  list.reserve(edges());
  for (std::size_t i = 0; i < nodes(); ++i)
    for (const Node j : neighbours(i))
      if (i < j) list.emplace_back(static_cast<Node>(i), j);
  std::sort(list.begin(), list.end());
  return list;
}

DegreeMoments moments_of(const DegreeLaw& law) {
  DegreeMoments m;
  for (std::size_t k = 0; k < law.size(); ++k) {
    const auto x = static_cast<double>(k);
    m.mean += law[k] * x;
    m.second += law[k] * x * x;
  }
  return m;
}

DegreeLaw degree_law(const Graph& graph) {
  DegreeLaw law;
  for (std::size_t i = 0; i < graph.nodes(); ++i) {
    if (graph.degree(i) >= law.size()) law.resize(graph.degree(i) + 1, 0.0);
    law[graph.degree(i)] += 1;
  }
  for (double& p : law) p /= static_cast<double>(graph.nodes());
  return law;
}

DegreeLaw poisson_law(double mean) {
  DegreeLaw law;
  double sum = 0;
  for (std::size_t k = 0; k < 100000; ++k) {
    const auto x = static_cast<double>(k);
    law.push_back(mean > 0 ? std::exp(x * std::log(mean) - mean - std::lgamma(x + 1)) : (k == 0 ? 1.0 : 0.0));
    sum += law.back();
    if (x > mean && law.back() < 1e-16) break;
  }
  for (double& p : law) p /= sum;
  return law;
}

Graph erdos_renyi(std::size_t nodes, double p, FastStream random) {
  if (!(p >= 0 && p <= 1)) throw ParameterError(fmt::format("edge probability {} is not between 0 and 1", brief(p)));
  std::vector<Edge> edges;
  if (p > 0 && nodes > 1) {
    edges.reserve(static_cast<std::size_t>(1.1 * p * static_cast<double>(nodes) * static_cast<double>(nodes - 1) / 2) + 16);
    const double log_q = std::log1p(-p);
    std::uint64_t i = 1, j = 0;  // pair (i, j), j < i; skipping from the one before (1, 0)
    bool first = true;
    while (true) {
      double skip = p < 1 ? std::floor(std::log(random.uniform()) / log_q) : 0.0;
      if (!first) skip += 1;
      first = false;
      if (skip > static_cast<double>(nodes) * static_cast<double>(nodes)) break;
      j += static_cast<std::uint64_t>(skip);
      while (i < nodes && j >= i) j -= i, ++i;
      if (i >= nodes) break;
      edges.emplace_back(static_cast<Node>(j), static_cast<Node>(i));
    }
  }
  return Graph(nodes, edges);
}

Graph erdos_renyi_edges(std::size_t nodes, std::size_t count, FastStream random) {
  const double pairs = static_cast<double>(nodes) * (static_cast<double>(nodes) - 1) / 2;
  if (static_cast<double>(count) > pairs) throw ParameterError(fmt::format("{} edges do not fit: {} nodes have {} pairs", count, nodes, brief(pairs, 12)));
  if (static_cast<double>(count) > 0.5 * pairs) {  // choose the missing pairs instead: sampling never gets slow
    const Graph missing = erdos_renyi_edges(nodes, static_cast<std::size_t>(pairs) - count, random);
    std::vector<Edge> edges;
    std::vector<char> gone(nodes);
    for (std::size_t i = 0; i < nodes; ++i) {
      for (const Node j : missing.neighbours(i)) gone[j] = 1;
      for (std::size_t j = i + 1; j < nodes; ++j)
        if (!gone[j]) edges.emplace_back(static_cast<Node>(i), static_cast<Node>(j));
      for (const Node j : missing.neighbours(i)) gone[j] = 0;
    }
    return Graph(nodes, edges);
  }
  std::vector<Edge> edges;
  edges.reserve(count);
  std::size_t capacity = 16;
  while (capacity < 2 * count) capacity *= 2;
  std::vector<std::uint64_t> table(capacity, ~0ULL);  // open addressing; a pair is i * 2^32 + j
  while (edges.size() < count) {
    auto i = static_cast<Node>(random.below(nodes)), j = static_cast<Node>(random.below(nodes));
    if (i == j) continue;
    if (i > j) std::swap(i, j);
    const std::uint64_t key = std::uint64_t{i} << 32 | j;
    std::size_t at = mix64(key) & (capacity - 1);
    while (table[at] != ~0ULL && table[at] != key) at = (at + 1) & (capacity - 1);
    if (table[at] == key) continue;
    table[at] = key;
    edges.emplace_back(i, j);
  }
  return Graph(nodes, edges);
}

std::vector<std::uint32_t> draw_degrees(std::size_t nodes, const DegreeLaw& law, FastStream& random) {
  std::vector<double> cumulative(law.size());
  std::partial_sum(law.begin(), law.end(), cumulative.begin());
  const auto draw = [&] {
    const double u = random.uniform() * cumulative.back();
    return static_cast<std::uint32_t>(std::min<std::size_t>(std::upper_bound(cumulative.begin(), cumulative.end(), u) - cumulative.begin(), law.size() - 1));
  };
  std::vector<std::uint32_t> degrees(nodes);
  std::uint64_t sum = 0;
  bool parity_can_change = false;
  for (std::uint32_t& k : degrees) sum += k = draw();
  for (std::size_t k = 0; k < law.size(); ++k) parity_can_change |= law[k] > 0 && (k % 2) != (degrees.empty() ? 0 : degrees[0] % 2);
  if (sum % 2 != 0 && !parity_can_change)
    throw ParameterError(fmt::format("{} nodes that all have an odd degree cannot be matched: the sum of degrees is odd; take an even number of nodes", nodes));
  while (sum % 2 != 0) {
    std::uint32_t& k = degrees[random.below(nodes)];
    sum -= k;
    sum += k = draw();
  }
  return degrees;
}

Graph configuration_model(std::span<const std::uint32_t> degrees, FastStream random) {
  const std::size_t n = degrees.size();
  std::uint64_t sum = 0;
  for (const std::uint32_t k : degrees) sum += k;
  if (sum % 2 != 0) throw ParameterError(fmt::format("the degrees sum to {}, an odd number: no graph has them", sum));
  {  // Erdős-Gallai: sum of the r largest <= r (r - 1) + sum over the others of min(k, r)
    std::vector<std::uint32_t> sorted(degrees.begin(), degrees.end());
    std::sort(sorted.rbegin(), sorted.rend());
    std::vector<std::uint64_t> tail(n + 1, 0);
    for (std::size_t i = n; i-- > 0;) tail[i] = tail[i + 1] + sorted[i];
    std::uint64_t head = 0;
    std::size_t below = n;  // first index whose degree is < r
    for (std::size_t r = 1; r <= n && sorted[r - 1] >= r; ++r) {
      head += sorted[r - 1];
      while (below > r && sorted[below - 1] < r) --below;
      const std::uint64_t others = (std::max(below, r) - r) * r + tail[std::max(below, r)];
      if (head > r * (r - 1) + others)
        throw ParameterError(fmt::format("no simple graph of {} nodes has these degrees: the {} largest sum to {}, at most {} is possible", n, r, head, r * (r - 1) + others));
    }
  }
  std::vector<Node> stubs;
  stubs.reserve(sum);
  for (std::size_t i = 0; i < n; ++i) stubs.insert(stubs.end(), degrees[i], static_cast<Node>(i));
  for (std::size_t i = stubs.size(); i > 1; --i) std::swap(stubs[i - 1], stubs[random.below(i)]);
  const std::size_t m = stubs.size() / 2;
  const auto key = [](Node a, Node b) { return a < b ? std::uint64_t{a} << 32 | b : std::uint64_t{b} << 32 | a; };
  std::unordered_map<std::uint64_t, std::uint32_t> count;
  count.reserve(2 * m);
  for (std::size_t e = 0; e < m; ++e) ++count[key(stubs[2 * e], stubs[2 * e + 1])];
  const auto bad = [&](std::size_t e) { return stubs[2 * e] == stubs[2 * e + 1] || count[key(stubs[2 * e], stubs[2 * e + 1])] > 1; };
  std::vector<std::size_t> queue;
  for (std::size_t e = 0; e < m; ++e)
    if (bad(e)) queue.push_back(e);
  std::uint64_t attempts = 0;
  while (!queue.empty()) {
    const std::size_t e = queue.back();
    if (!bad(e)) {
      queue.pop_back();
      continue;
    }
    if (++attempts > 1000000 + 100 * m) throw ParameterError("configuration model: these degrees are so dense that swaps find no simple graph; lower the largest degrees");
    const std::size_t f = random.below(m);
    Node &a = stubs[2 * e], &b = stubs[2 * e + 1], &c = stubs[2 * f], &d = stubs[2 * f + 1];
    if (e == f) continue;
    const bool flip = random.bernoulli(0.5);
    const Node x = flip ? d : c, y = flip ? c : d;  // a-b, c-d  ->  a-x, b-y
    // Only moves that leave two simple edges, so that the number of bad ones falls.
    if (a == x || b == y || key(a, x) == key(b, y)) continue;
    const auto present = [&](std::uint64_t k) { const auto it = count.find(k); return it != count.end() && it->second > 0; };
    if (present(key(a, x)) || present(key(b, y))) continue;
    --count[key(a, b)], --count[key(c, d)];
    ++count[key(a, x)], ++count[key(b, y)];
    const Node old_b = b;
    b = x, c = old_b, d = y;
  }
  std::vector<Edge> edges(m);
  for (std::size_t e = 0; e < m; ++e) edges[e] = {stubs[2 * e], stubs[2 * e + 1]};
  return Graph(n, edges);
}

namespace {

// Lines of a file as words, comments and empty lines left out.
struct Line {
  std::string where;
  std::vector<std::string> words;
};
std::vector<Line> lines_of(const std::filesystem::path& file) {
  const std::string text = read_file(file);
  std::vector<Line> lines;
  std::size_t number = 0, at = 0;
  while (at < text.size()) {
    std::size_t end = text.find('\n', at);
    if (end == std::string::npos) end = text.size();
    std::string_view line(text.data() + at, end - at);
    at = end + 1;
    ++number;
    line = trim(line.substr(0, line.find('#')));
    if (line.empty()) continue;
    Line parsed{file.filename().string() + ":" + std::to_string(number), {}};
    std::size_t i = 0;
    while (i < line.size()) {
      while (i < line.size() && (std::isspace(static_cast<unsigned char>(line[i])) != 0 || line[i] == ',')) ++i;
      const std::size_t from = i;
      while (i < line.size() && std::isspace(static_cast<unsigned char>(line[i])) == 0 && line[i] != ',') ++i;
      if (i > from) parsed.words.emplace_back(line.substr(from, i - from));
    }
    lines.push_back(std::move(parsed));
  }
  return lines;
}

Node node_of(const Line& line, const std::string& word, std::size_t nodes) {
  double value = 0;
  if (!parse_number(word, value) || !std::isfinite(value)) throw ModelError(fmt::format("{}: '{}' is not a node; nodes are whole numbers from 0", line.where, word));
  if (value < 0) throw ModelError(fmt::format("{}: node {} is negative; nodes are whole numbers from 0", line.where, word));
  if (value != std::floor(value) || value > 2147483646.0) throw ModelError(fmt::format("{}: '{}' is not a node; nodes are whole numbers from 0", line.where, word));
  if (nodes > 0 && value >= static_cast<double>(nodes)) throw ModelError(fmt::format("{}: node {} is not below nodes = {}", line.where, word, nodes));
  return static_cast<Node>(value);
}

Edge ordered(Node i, Node j) { return i < j ? Edge{i, j} : Edge{j, i}; }

}  // namespace

EdgeList read_edge_list(const std::filesystem::path& file, std::size_t nodes) {
  EdgeList list;
  list.nodes = nodes;
  std::unordered_map<std::uint64_t, std::size_t> seen;
  const std::vector<Line> lines = lines_of(file);
  for (std::size_t l = 0; l < lines.size(); ++l) {
    const Line& line = lines[l];
    if (line.words.size() != 2) throw ModelError(fmt::format("{}: an edge is two nodes, \"i j\"; found {} words", line.where, line.words.size()));
    const Node i = node_of(line, line.words[0], nodes), j = node_of(line, line.words[1], nodes);
    if (i == j) throw ModelError(fmt::format("{}: self-loop at node {}: a node cannot infect itself; remove the line", line.where, i));
    const Edge edge = ordered(i, j);
    const auto [it, fresh] = seen.emplace(std::uint64_t{edge.first} << 32 | edge.second, l);
    if (!fresh) throw ModelError(fmt::format("{}: edge {} {} is there already ({}); each edge once, in either direction", line.where, i, j, lines[it->second].where));
    list.edges.push_back(edge);
    if (nodes == 0) list.nodes = std::max<std::size_t>(list.nodes, std::size_t{edge.second} + 1);
  }
  if (list.edges.empty()) throw ModelError(fmt::format("{}: no edges", file.filename().string()));
  return list;
}

std::vector<EdgeChange> read_edge_changes(const std::filesystem::path& file, const EdgeList& graph) {
  std::set<Edge> present(graph.edges.begin(), graph.edges.end());
  std::vector<EdgeChange> changes;
  for (const Line& line : lines_of(file)) {
    double t = 0;
    if (line.words.size() != 4 || !parse_number(line.words[0], t) || !std::isfinite(t) || (line.words[1] != "add" && line.words[1] != "remove"))
      throw ModelError(fmt::format("{}: a change is \"t add i j\" or \"t remove i j\"", line.where));
    if (t < 0 || (!changes.empty() && t < changes.back().t)) throw ModelError(fmt::format("{}: times must start at 0 or later and not decrease; {} was given", line.where, brief(t)));
    const Node i = node_of(line, line.words[2], graph.nodes), j = node_of(line, line.words[3], graph.nodes);
    if (i == j) throw ModelError(fmt::format("{}: self-loop at node {}: a node cannot infect itself; remove the line", line.where, i));
    const Edge edge = ordered(i, j);
    const bool add = line.words[1] == "add";
    if (add ? !present.insert(edge).second : present.erase(edge) == 0)
      throw ModelError(fmt::format("{}: edge {} {} {}", line.where, i, j, add ? "is there already and cannot be added" : "is not there and cannot be removed"));
    changes.push_back({t, add, edge});
  }
  return changes;
}

}  // namespace meso::graph
