#include "kits/graph/own_graph.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>

#include "base/error.h"
#include "base/text.h"
#include "kits/graph/epidemic.h"
#include "kits/graph/reduced.h"

namespace meso::graph {
namespace {

struct Bound {
  OwnGraph own;
  Compartments model;
  Graph given;
  DegreeLaw law;
  DegreeMoments degrees;
  std::vector<double> initial;  ///< fractions
  std::size_t nodes = 0;

  [[nodiscard]] Graph draw(std::uint64_t seed, const std::string& purpose, std::uint64_t realisation) const {
    FastStream random = Stream(seed, realisation, purpose + "/graph").fast();
    switch (own.ensemble) {
      case OwnGraph::Ensemble::given: return given;
      case OwnGraph::Ensemble::erdos_renyi: return erdos_renyi(nodes, own.mean_degree / static_cast<double>(nodes - 1), random);
      case OwnGraph::Ensemble::erdos_renyi_edges: return erdos_renyi_edges(nodes, static_cast<std::size_t>(std::llround(0.5 * own.mean_degree * static_cast<double>(nodes))), random);
      case OwnGraph::Ensemble::regular: return configuration_model(std::vector<std::uint32_t>(nodes, static_cast<std::uint32_t>(own.mean_degree)), random);
      case OwnGraph::Ensemble::configuration: {
        const std::vector<std::uint32_t> degrees_drawn = draw_degrees(nodes, own.degrees, random);
        return configuration_model(degrees_drawn, random);
      }
      case OwnGraph::Ensemble::spatial: return spatial_graph(*own.spatial, random).graph;
    }
    return {};
  }
  /// Named nodes as named; the others of each compartment drawn at random, without replacement.
  [[nodiscard]] std::vector<State> start(FastStream& random) const {
    std::vector<State> state(nodes, 0);
    std::vector<char> named(nodes, 0);
    for (const auto& [name, list] : own.initial_nodes)
      for (const std::uint32_t i : list) state[i] = model.state(name), named[i] = 1;
    std::uint64_t total = 0;
    for (const auto& [name, count] : own.initial_counts) total += count;
    if (total == 0) return state;
    std::vector<Node> free;
    for (std::size_t i = 0; i < nodes; ++i)
      if (!named[i]) free.push_back(static_cast<Node>(i));
    std::size_t at = 0;
    for (const auto& [name, count] : own.initial_counts)
      for (std::uint32_t k = 0; k < count; ++k, ++at) {
        std::swap(free[at], free[at + random.below(free.size() - at)]);
        state[free[at]] = model.state(name);
      }
    return state;
  }
};

void require_times(const Ask& ask) {
  if (ask.is_stationary()) throw StudyError("an epidemic on a graph is asked for times; give [times] (a long time shows the endemic state)");
  for (const double t : ask.times())
    if (!(t >= 0)) throw StudyError(fmt::format("times start at 0, the initial state; {} was asked", brief(t)));
}

struct Events {
  std::shared_ptr<const Bound> b;
  [[nodiscard]] Plan plan(const Ask& ask) const {
    require_times(ask);
    Plan plan;
    plan.axes = {{"t", "time", ask.times()}};
    const auto variance = [](std::span<const double> m) { return std::max(0.0, m[1] - m[0] * m[0]); };
    std::vector<double> exact;
    for (const double t : ask.times()) exact.push_back(t == 0 ? 1.0 : 0.0);
    for (std::size_t c = 0; c < b->model.size(); ++c) {
      const std::string& name = b->model.names[c];
      plan.signals.push_back({.name = name, .lo = 0, .hi = 1, .path = true});
      plan.signals.push_back({.name = name + "^2", .lo = 0, .hi = 1});
      plan.derived.push_back({.observable = name + ".mean", .unit = "1", .signals = {2 * c}, .exact = exact});
      plan.derived.push_back({.observable = name + ".variance", .unit = "1", .signals = {2 * c, 2 * c + 1}, .f = variance, .exact = exact});
    }
    return plan;
  }
  void sample(const Ask& ask, const Plan&, std::uint64_t seed, const std::string& purpose, std::uint64_t trajectory, Tape& tape) const {
    FastStream random = Stream(seed, trajectory, purpose + "/epidemic").fast();
    const std::vector<State> initial = b->start(random);
    Course course;
    Graph drawn;
    if (b->own.ensemble != OwnGraph::Ensemble::given) drawn = b->draw(seed, purpose, trajectory);
    const Graph& graph = b->own.ensemble == OwnGraph::Ensemble::given ? b->given : drawn;
    if (b->own.changes.empty() && single_infection(b->model)) course = FirstPassage(b->model).run(graph, initial, ask.times(), ask.times().back(), random);
    else course = simulate(b->model, graph, b->own.changes, initial, ask.times(), ask.times().back(), random);
    const std::size_t K = b->model.size();
    for (std::size_t i = 0; i < ask.times().size(); ++i)
      for (std::size_t c = 0; c < K; ++c) {
        const double x = static_cast<double>(course.at[i * K + c]) / static_cast<double>(b->nodes);
        tape.record(2 * c, i, x), tape.record(2 * c + 1, i, x * x);
      }
  }
};

Answer reply(const Bound& b, const Ask& ask, const Fractions& f) {
  Answer answer;
  const std::size_t K = b.model.size();
  const Axis t{"t", "time", ask.times()};
  for (std::size_t c = 0; c < K; ++c) {
    std::vector<double> mean, bound, variance, variance_bound, exact;
    for (std::size_t i = 0; i < ask.times().size(); ++i) {
      mean.push_back(f.value[i * K + c]), bound.push_back(f.bound[i * K + c]);
      exact.push_back(ask.times()[i] == 0 ? 1.0 : 0.0);
      if (!f.second.empty()) variance.push_back(std::max(0.0, f.second[i * K + c] - mean.back() * mean.back())), variance_bound.push_back(3 * bound.back());
    }
    if (ask.wants(b.model.names[c] + ".mean")) {
      answer.estimates.push_back(solved_estimate(b.model.names[c] + ".mean", "1", {t}, mean, bound));
      answer.estimates.back().exact = exact;
    }
    if (!variance.empty() && ask.wants(b.model.names[c] + ".variance")) {
      answer.estimates.push_back(solved_estimate(b.model.names[c] + ".variance", "1", {t}, variance, variance_bound));
      answer.estimates.back().exact = exact;
    }
  }
  if (!f.trouble.empty()) answer.flags.push_back({.kind = "diverged", .text = f.trouble, .fatal = true});
  return answer;
}

/// All starts that the initial condition allows, if they are few: for the master equation.
std::optional<InitialLaw> initial_law(const Bound& b) {
  InitialLaw law;
  std::vector<State> state(b.nodes, 0);
  std::vector<char> named(b.nodes, 0);
  for (const auto& [name, list] : b.own.initial_nodes)
    for (const std::uint32_t i : list) state[i] = b.model.state(name), named[i] = 1;
  std::vector<State> placed;  // compartments of the random ones
  for (const auto& [name, count] : b.own.initial_counts) placed.insert(placed.end(), count, b.model.state(name));
  std::sort(placed.begin(), placed.end());
  std::vector<std::size_t> free;
  for (std::size_t i = 0; i < b.nodes; ++i)
    if (!named[i]) free.push_back(i);
  placed.insert(placed.end(), free.size() - placed.size(), State{255});  // 255: stays in the first compartment
  std::sort(placed.begin(), placed.end());
  do {
    for (std::size_t k = 0; k < free.size(); ++k) state[free[k]] = placed[k] == 255 ? State{0} : placed[k];
    law.states.push_back(state);
    if (law.states.size() > 100000) return std::nullopt;
  } while (std::next_permutation(placed.begin(), placed.end()));
  law.weight.assign(law.states.size(), 1 / static_cast<double>(law.states.size()));
  return law;
}

std::vector<Level> ladder(const std::shared_ptr<const Bound>& b) {
  std::vector<Level> levels;
  const bool given = b->own.ensemble == OwnGraph::Ensemble::given, fixed = b->own.changes.empty(), once = single_infection(b->model).has_value();
  const std::uint64_t grain = b->nodes <= 1000 ? 64 : b->nodes <= 30000 ? 4 : 1;
  levels.push_back({{.name = "events", .rung = Rung::micro, .doc = "exact trajectories on the graph; of a random ensemble each trajectory draws its own graph",
                     .source = "first passage times over random delays, or thinning: Gillespie (1977), doi:10.1021/j100540a008", .sampled = true, .grain = grain},
                    sampled(Events{b}, grain)});
  std::string top = "events";
  if (given && master_states(b->model.size(), b->nodes) && initial_law(*b)) {
    levels.push_back({{.name = "master", .rung = Rung::master, .doc = fmt::format("master equation over all {} states", *master_states(b->model.size(), b->nodes)), .parent = "events",
                       .approximation = "none: the same Markov chain, solved by uniformisation", .source = "Grassmann (1977), doi:10.1016/0305-0548(77)90007-7"},
                      [b](const Ask& ask, Context&) {
                        require_times(ask);
                        return reply(*b, ask, master_equation(b->model, b->given, b->own.changes, *initial_law(*b), ask.times()));
                      }});
  }
  if (fixed) {
    levels.push_back({{.name = "pair", .rung = Rung::moments, .doc = "pair approximation, [BAC] = zeta [AB][AC]/[A]; degrees enter by zeta = <k(k - 1)>/<k>^2 alone", .parent = "events",
                       .approximation = "triples by pairs: no loops, nodes of all degrees alike", .source = "Keeling (1999), doi:10.1098/rspb.1999.0716"},
                      [b](const Ask& ask, Context&) {
                        require_times(ask);
                        return reply(*b, ask, pair_approximation(b->model, b->degrees, b->initial, ask.times()));
                      }});
    if (once)
      levels.push_back({{.name = "edge-based", .rung = Rung::mean_field, .doc = "edge-based compartmental equations, exact on infinite random graphs with these degrees", .parent = "events",
                         .approximation = "n -> infinity, no loops: neighbours of a node are not connected otherwise", .small_parameter = "1/nodes",
                         .source = "Miller, Slim and Volz (2012), doi:10.1098/rsif.2011.0403"},
                        [b](const Ask& ask, Context&) {
                          require_times(ask);
                          return reply(*b, ask, edge_based(b->model, GeneratingFunction(b->law), b->initial, ask.times()));
                        }});
    levels.push_back({{.name = "degree-mean-field", .rung = Rung::mean_field, .doc = "nodes by degree, neighbours independent", .parent = "pair", .approximation = "neighbours of a node are independent of it",
                       .source = "Pastor-Satorras and Vespignani (2001), doi:10.1103/PhysRevLett.86.3200"},
                      [b](const Ask& ask, Context&) {
                        require_times(ask);
                        return reply(*b, ask, degree_mean_field(b->model, b->law, b->initial, ask.times()));
                      }});
  }
  levels.push_back({{.name = "mean-field", .rung = Rung::mean_field, .doc = "well mixed: every node has the mean degree", .parent = fixed ? "degree-mean-field" : "events",
                     .approximation = fixed ? "all nodes have the mean degree" : "neighbours independent, all nodes have the mean degree of the moment", .source = "Kermack and McKendrick (1927), doi:10.1098/rspa.1927.0118"},
                    [b](const Ask& ask, Context&) {
                      require_times(ask);
                      std::vector<std::pair<double, double>> degree{{0, b->degrees.mean}};
                      for (const EdgeChange& change : b->own.changes) {
                        const double k = degree.back().second + (change.add ? 2.0 : -2.0) / static_cast<double>(b->nodes);
                        if (change.t == degree.back().first) degree.back().second = k;
                        else degree.emplace_back(change.t, k);
                      }
                      return reply(*b, ask, mean_field(b->model, degree, b->initial, ask.times()));
                    }});
  return levels;
}

std::shared_ptr<const Bound> bound_model(const OwnGraph& own, const std::map<std::string, double>& constants) {
  auto b = std::make_shared<Bound>();
  b->own = own;
  b->model = read_compartments(own.compartments, own.transitions, constants, own.where);
  b->nodes = own.ensemble == OwnGraph::Ensemble::given ? own.given.nodes : own.nodes;
  std::vector<double> count(b->model.size(), 0.0);
  std::vector<char> named(b->nodes, 0);
  std::uint64_t taken = 0;
  for (const auto& [name, list] : own.initial_nodes)
    for (const std::uint32_t i : list) {
      if (i >= b->nodes) throw ModelError(fmt::format("initial: node {} is not below the number of nodes, {}", i, b->nodes));
      if (named[i]) throw ModelError(fmt::format("initial: node {} is named twice", i));
      named[i] = 1, ++taken;
      ++count[b->model.state(name)];
    }
  for (const auto& [name, n] : own.initial_counts) count[b->model.state(name)] += n, taken += n;
  if (taken > b->nodes) throw ModelError(fmt::format("initial: {} nodes are placed, the graph has {}", taken, b->nodes));
  count[0] += static_cast<double>(b->nodes - taken);
  for (const double c : count) b->initial.push_back(c / static_cast<double>(b->nodes));
  switch (own.ensemble) {
    case OwnGraph::Ensemble::given:
      b->given = Graph(own.given.nodes, own.given.edges);
      b->law = degree_law(b->given);
      break;
    case OwnGraph::Ensemble::erdos_renyi:
    case OwnGraph::Ensemble::erdos_renyi_edges: {
      if (own.mean_degree > static_cast<double>(b->nodes) - 1)
        throw ModelError(fmt::format("mean-degree {} needs more neighbours than there are: {} nodes", brief(own.mean_degree), b->nodes));
      b->law = poisson_law(own.mean_degree);
      break;
    }
    case OwnGraph::Ensemble::regular: b->law.assign(static_cast<std::size_t>(own.mean_degree) + 1, 0.0), b->law.back() = 1; break;
    case OwnGraph::Ensemble::configuration: b->law = own.degrees; break;
    case OwnGraph::Ensemble::spatial: {
      const SpatialSpec::Cap cap = own.spatial->cap();
      if (cap.pairs > 1e-3)
        throw ModelError(fmt::format("{} nodes in a box of side {} are too few for mean-degree {} and this kernel: {} % of the connected pairs would need a probability above 1, and the mean degree would be {} % "
                                     "short. More nodes, a smaller box or a wider kernel", b->nodes, brief(own.spatial->side), brief(own.mean_degree), brief(100 * cap.pairs, 3), brief(100 * cap.degree, 3)));
      b->law = poisson_law(own.mean_degree);
      break;
    }
  }
  b->degrees = moments_of(b->law);
  if (own.ensemble != OwnGraph::Ensemble::given) (void)b->draw(0, "check", 0);  // a law that no simple graph has is refused here, not in a thread
  return b;
}

}  // namespace

System own_graph_system(OwnGraph own) {
  const std::shared_ptr<const Bound> checked = bound_model(own, own.constants);
  System system;
  system.name = "graph";
  system.title = own.title.empty() ? "Compartments on a graph of the user's own" : own.title;
  system.family = "networks";
  system.doc = "Compartments and transitions on a graph given by the user.";
  for (const auto& [name, value] : own.constants) {
    if (std::find(own.compartments.begin(), own.compartments.end(), name) != own.compartments.end()) throw ModelError(fmt::format("'{}' is both a compartment and a constant", name));
    system.parameters.push_back({.name = name, .unit = "1", .doc = "constant of the transitions", .type = ParameterInfo::Type::real, .fallback = Value(value)});
  }
  system.bind = [own, infos = system.parameters](const Table& given) {
    Case bound;
    bound.parameters = resolve(infos, given, "system 'graph'");
    std::map<std::string, double> constants;
    for (const auto& [name, value] : bound.parameters) constants[name] = as_number(value);
    const std::shared_ptr<const Bound> b = bound_model(own, constants);
    bound.time_unit = "time";
    for (const std::string& name : b->model.names) {
      bound.observables.push_back({name + ".mean", "1", fmt::format("mean share of nodes in compartment {}", name)});
      bound.observables.push_back({.name = name + ".variance", .unit = "1", .doc = fmt::format("variance over trajectories of the share of nodes in compartment {}", name), .by_default = false});
    }
    bound.levels = ladder(b);
    bound.notes.push_back(fmt::format("{} nodes, mean degree {}, <k^2>/<k> {}", b->nodes, brief(b->degrees.mean), brief(b->degrees.mean > 0 ? b->degrees.second / b->degrees.mean : 0)));
    bound.notes.push_back(own.ensemble == OwnGraph::Ensemble::given ? "the graph is given: errors are those between epidemics on it"
                                                                     : "a trajectory is one graph with one epidemic on it: errors are those between realisations of both");
    return bound;
  };
  return system;
}

}  // namespace meso::graph
