// Random graphs against what is exactly true of them; edge lists and their refusals.
#include "kits/graph/graph.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <set>

#include "base/error.h"
#include "base/files.h"
#include "kits/graph/spatial.h"
#include "kits/graph/statistics.h"
#include "testing/statistics.h"

namespace meso::graph {
namespace {

FastStream stream(std::uint64_t k, const char* use = "test/graph") { return Stream(20170201, k, use).fast(); }

bool simple(const Graph& g) {
  for (std::size_t i = 0; i < g.nodes(); ++i) {
    std::set<Node> seen;
    for (const Node j : g.neighbours(i))
      if (j == i || !seen.insert(j).second) return false;
  }
  return true;
}

TEST(ErdosRenyi, EveryPairOfASmallGraphHasItsProbability) {
  const std::size_t n = 6, runs = 20000;
  for (const double p : {0.07, 0.5, 0.93}) {
    std::vector<double> hits(n * n, 0.0);
    for (std::uint64_t k = 0; k < runs; ++k)
      for (const auto& [i, j] : erdos_renyi(n, p, stream(k)).edge_list()) hits[i * n + j] += 1;
    std::vector<MeanCheck> checks;
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = i + 1; j < n; ++j) checks.push_back({p, hits[i * n + j] / runs, std::sqrt(p * (1 - p) / runs), std::to_string(i) + "-" + std::to_string(j)});
    EXPECT_TRUE(MeansMatch(checks, 0.04));
  }
  EXPECT_EQ(erdos_renyi(50, 1, stream(0)).edges(), 1225u);
  EXPECT_EQ(erdos_renyi(50, 0, stream(0)).edges(), 0u);
}

TEST(ErdosRenyi, WithAFixedNumberOfEdgesAllSetsOfPairsAreAlike) {
  const std::size_t n = 5, m = 3, runs = 40000;  // C(10, 3) = 120 graphs
  std::map<std::vector<Edge>, double> hits;
  for (std::uint64_t k = 0; k < runs; ++k) {
    const Graph g = erdos_renyi_edges(n, m, stream(k));
    ASSERT_EQ(g.edges(), m);
    hits[g.edge_list()] += 1;
  }
  ASSERT_EQ(hits.size(), 120u);
  std::vector<MeanCheck> checks;
  const double p = 1.0 / 120;
  for (const auto& [edges, count] : hits) checks.push_back({p, count / runs, std::sqrt(p * (1 - p) / runs), "a graph"});
  EXPECT_TRUE(MeansMatch(checks, 0.005));
  EXPECT_EQ(erdos_renyi_edges(5, 9, stream(0)).edges(), 9u);  // the dense branch
  EXPECT_THROW((void)erdos_renyi_edges(5, 11, stream(0)), ParameterError);
}

TEST(ConfigurationModel, KeepsTheDegreesAndIsSimple) {
  FastStream random = stream(1);
  DegreeLaw law(41, 0.0);
  law[1] = 0.5, law[3] = 0.4, law[40] = 0.1;
  const std::vector<std::uint32_t> degrees = draw_degrees(500, law, random);
  const Graph g = configuration_model(degrees, stream(2));
  EXPECT_TRUE(simple(g));
  for (std::size_t i = 0; i < g.nodes(); ++i) EXPECT_EQ(g.degree(i), degrees[i]);
}

TEST(ConfigurationModel, RegularGraphsOfSixNodesComeInTheirNumbers) {
  // 70 labelled cubic graphs on 6 nodes: 10 are K_{3,3}, without triangles, 60 are prisms, with two.
  const std::size_t runs = 4000;
  double prisms = 0;
  for (std::uint64_t k = 0; k < runs; ++k) prisms += clustering(configuration_model(std::vector<std::uint32_t>(6, 3), stream(k))).triangles == 2;
  EXPECT_GT(prisms / runs, 0.75);  // uniform: 0.857; on 6 nodes almost every matching needs swaps, so that only the order of the bias is asserted
  EXPECT_LT(prisms / runs, 0.95);
}

TEST(ConfigurationModel, RefusesImpossibleDegrees) {
  const auto says = [](std::vector<std::uint32_t> degrees) {
    try {
      (void)configuration_model(degrees, stream(0));
    } catch (const ParameterError& error) {
      return std::string(error.what());
    }
    return std::string("(accepted)");
  };
  EXPECT_NE(says({1, 1, 1}).find("the degrees sum to 3, an odd number"), std::string::npos) << says({1, 1, 1});
  EXPECT_NE(says({4, 1, 1, 0}).find("no simple graph of 4 nodes"), std::string::npos) << says({4, 1, 1, 0});
  EXPECT_NE(says({3, 3, 1, 1}).find("the 2 largest sum to 6, at most 4"), std::string::npos) << says({3, 3, 1, 1});
}

TEST(Statistics, OfGraphsThatCanBeCounted) {
  std::vector<Edge> complete;
  for (Node i = 0; i < 5; ++i)
    for (Node j = i + 1; j < 5; ++j) complete.emplace_back(i, j);
  EXPECT_EQ(clustering(Graph(5, complete)).triangles, 10u);
  EXPECT_DOUBLE_EQ(clustering(Graph(5, complete)).coefficient(), 1.0);
  std::vector<Edge> ring;
  for (Node i = 0; i < 10; ++i) ring.emplace_back(i, (i + 1) % 10);
  ring.emplace_back(10, 11);  // a component of its own
  const Graph g(12, ring);
  EXPECT_EQ(giant_component(g).size(), 10u);
  const Geodesics d = geodesics(g, 200, stream(0));
  EXPECT_EQ(d.sources, 10u);
  EXPECT_EQ(d.longest, 5u);
  EXPECT_NEAR(d.mean, 25.0 / 9, 1e-15);
}

TEST(EdgeList, SaysWhichLineIsWrong) {
  const std::filesystem::path file = std::filesystem::temp_directory_path() / "meso_graph_test.edges";
  const auto says = [&](const std::string& text, std::size_t nodes = 0) {
    write_file_atomically(file, text);
    try {
      (void)read_edge_list(file, nodes);
    } catch (const ModelError& error) {
      return std::string(error.what());
    }
    return std::string("(accepted)");
  };
#define EXPECT_SAYS(text, part) EXPECT_NE((text).find(part), std::string::npos) << (text)
  EXPECT_EQ(says("# two\n0 1\n\n1,2  # comma\n"), "(accepted)");
  EXPECT_SAYS(says("0 1\n2 2\n"), "meso_graph_test.edges:2: self-loop at node 2");
  EXPECT_SAYS(says("0 1\n1 2\n1 0\n"), "meso_graph_test.edges:3: edge 1 0 is there already (meso_graph_test.edges:1)");
  EXPECT_SAYS(says("0 alice\n"), "meso_graph_test.edges:1: 'alice' is not a node");
  EXPECT_SAYS(says("0 -1\n"), "meso_graph_test.edges:1: node -1 is negative");
  EXPECT_SAYS(says("0 1.5\n"), "'1.5' is not a node");
  EXPECT_SAYS(says("0 1 0.3\n"), "an edge is two nodes, \"i j\"; found 3 words");
  EXPECT_SAYS(says("0 7\n", 5), "node 7 is not below nodes = 5");
  EXPECT_SAYS(says("# nothing\n"), "no edges");
  write_file_atomically(file, "1 add 0 2\n2 remove 0 1\n");
  const EdgeList list{3, {{0, 1}, {1, 2}}};
  const std::vector<EdgeChange> changes = read_edge_changes(file, list);
  ASSERT_EQ(changes.size(), 2u);
  EXPECT_TRUE(changes[0].add && !changes[1].add && changes[1].t == 2);
  const auto change_says = [&](const std::string& text) {
    write_file_atomically(file, text);
    try {
      (void)read_edge_changes(file, list);
    } catch (const ModelError& error) {
      return std::string(error.what());
    }
    return std::string("(accepted)");
  };
  EXPECT_SAYS(change_says("1 add 0 1\n"), "edge 0 1 is there already and cannot be added");
  EXPECT_SAYS(change_says("1 remove 0 2\n"), "edge 0 2 is not there and cannot be removed");
  EXPECT_SAYS(change_says("2 add 0 2\n1 remove 0 2\n"), "meso_graph_test.edges:2: times must start at 0 or later and not decrease");
  EXPECT_SAYS(change_says("1 toggle 0 2\n"), "a change is \"t add i j\"");
  std::filesystem::remove(file);
}

// Every pair of a spatial network has its own probability: checked as the number of edges by distance, against the kernel.
TEST(SpatialGraph, EdgesByDistanceFollowTheKernelOnAllScales) {
  struct Setting {
    int d;
    Kernel::Kind kind;
    double range, shape, side, rho;
  };
  for (const Setting& s : {Setting{1, Kernel::Kind::gaussian, 1, 0, 20, 20}, Setting{1, Kernel::Kind::laplace, 1, 0, 20, 20}, Setting{1, Kernel::Kind::power, 1, 2.2, 20, 20},
                           Setting{1, Kernel::Kind::stretched, 0.5, 0.5, 20, 20}, Setting{2, Kernel::Kind::gaussian, 0.7, 0, 8, 6}, Setting{2, Kernel::Kind::power, 0.7, 3.5, 8, 6},
                           Setting{2, Kernel::Kind::laplace, 0.7, 0, 8, 6}, Setting{1, Kernel::Kind::uniform, 1, 0, 20, 20}}) {
    const SpatialSpec spec{s.d, s.side, s.rho, {3, 9}, {0.7, 0.3}, Kernel(s.d, {{1, s.kind, s.range, s.shape}})};
    const std::size_t graphs = 120, bins = 12;
    const double background = spec.kernel.background(s.side);
    // Conditional on positions and weights, the number of edges in a class is a sum of Bernoulli numbers of known probability.
    std::vector<double> seen(2 * bins, 0), expected(2 * bins, 0), variance(2 * bins, 0);
    for (std::uint64_t k = 0; k < graphs; ++k) {
      const SpatialGraph g = spatial_graph(spec, stream(k));
      ASSERT_TRUE(simple(g.graph));
      const auto slot = [&](std::size_t i, std::size_t j) {
        const double r = torus_distance(g, i, j) / s.range;
        return std::min<std::size_t>(bins - 1, static_cast<std::size_t>(2 * r)) + (g.weight[i] != g.weight[j] ? bins : 0);
      };
      for (std::size_t i = 0; i < g.x.size(); ++i)
        for (std::size_t j = 0; j < i; ++j) {
          const double w = g.weight[i] * g.weight[j] / (spec.mean_kappa() * s.rho);
          const double p = 1 - (1 - std::min(1.0, w * spec.kernel.local(torus_distance(g, i, j)))) * (1 - std::min(1.0, w * background));
          const std::size_t c = slot(i, j);
          expected[c] += p, variance[c] += p * (1 - p);
        }
      for (const auto& [i, j] : g.graph.edge_list()) seen[slot(i, j)] += 1;
    }
    std::vector<MeanCheck> checks;
    double total = 0;
    for (const double e : expected) total += e;
    for (std::size_t b = 0; b < 2 * bins; ++b)
      if (expected[b] > 0.01 * total) checks.push_back({1, seen[b] / expected[b], std::sqrt(variance[b]) / expected[b], "class " + std::to_string(b)});
    ASSERT_GE(checks.size(), 4u);
    EXPECT_TRUE(MeansMatch(checks, 0.35)) << "kernel " << static_cast<int>(s.kind) << " in " << s.d << " dimensions";
  }
}

TEST(Kernel, IsNormalisedAndItsMomentIsThatOfItsMarginal) {
  for (const int d : {1, 2})
    for (const Kernel::Part& part : {Kernel::Part{1, Kernel::Kind::gaussian, 0.7, 0}, Kernel::Part{1, Kernel::Kind::laplace, 1.3, 0}, Kernel::Part{1, Kernel::Kind::power, 0.5, 4.0}, Kernel::Part{1, Kernel::Kind::stretched, 0.3, 0.6}}) {
      const Kernel kernel(d, {part});
      const double side = 60;
      double integral = 0, marginal = 0, moment = 0;  // midpoint sums of on_torus over the box; of the marginal over a long line
      if (d == 1) {
        const int n = 600000;
        const double even = kernel.background(side);  // once: it is a quadrature for some kernels
        EXPECT_EQ(kernel.on_torus(0.3, side), kernel.local(0.3) + even);
        for (int i = 0; i < n; ++i) integral += (kernel.local(0.5 * side * (i + 0.5) / n) + even) * side / n;
      } else {
        const int n = 600;
        for (int i = 0; i < n; ++i)
          for (int j = 0; j < n; ++j) integral += kernel.local(0.5 * side * std::hypot(i + 0.5, j + 0.5) / n) * side * side / (static_cast<double>(n) * n);
        integral += kernel.background(side) * side * side;
      }
      EXPECT_NEAR(integral, 1, 3e-3) << d << " " << static_cast<int>(part.kind);
      EXPECT_NEAR(kernel.mass_within(kernel.median()), 0.5, 1e-9);
      EXPECT_EQ(kernel.has_exponential_moment(), part.kind == Kernel::Kind::gaussian || part.kind == Kernel::Kind::laplace);
      if (!kernel.has_exponential_moment()) continue;
      const double s = 0.5 / part.range, dz = 2e-3 * part.range;
      for (int i = 0; i < 20000; ++i) {
        const double z = dz * (i + 0.5), f = kernel.marginal(z) * dz;
        marginal += 2 * f, moment += 2 * f * std::cosh(s * z);
      }
      EXPECT_NEAR(marginal, 1, 1e-5);
      EXPECT_NEAR(moment, *kernel.exponential_moment(s), 2e-5);
    }
  // A profile of one's own is the named kernel of the same form, whatever its factor.
  for (const int d : {1, 2}) {
    const Kernel named(d, {{0.9, Kernel::Kind::power, 0.5, 4.0}, {0.1, Kernel::Kind::uniform, 1, 0}}), own(d, {{0.9, Kernel::Kind::profile, 1, 0, [](double r) { return 7 * std::pow(1 + r / 0.5, -4.0); }}, {0.1, Kernel::Kind::uniform, 1, 0}});
    for (const double r : {0.0, 0.1, 0.5, 3.0, 40.0}) {
      EXPECT_NEAR(own.local(r) / named.local(r), 1, 2e-5) << d << " " << r;
      EXPECT_NEAR(own.mass_within(r), named.mass_within(r), 2e-5) << d << " " << r;
      EXPECT_NEAR(own.marginal(r) / named.marginal(r), 1, 1e-3) << d << " " << r;
    }
    EXPECT_NEAR(own.median() / named.median(), 1, 1e-4);
    EXPECT_NEAR(own.background(30) / named.background(30), 1, 1e-3);
    EXPECT_FALSE(own.has_exponential_moment());
  }
  EXPECT_THROW(Kernel(1, {{1, Kernel::Kind::profile, 1, 0, [](double r) { return 1 / (1 + r); }}}), ParameterError);
  EXPECT_THROW(Kernel(1, {{1, Kernel::Kind::profile, 1, 0, [](double r) { return r < 1 ? 1.0 : r < 2 ? 1.5 : 0.0; }}}), ParameterError);
  EXPECT_THROW(Kernel(1, {{1, Kernel::Kind::power, 1, 1.0}}), ParameterError);
  EXPECT_THROW(Kernel(2, {{1, Kernel::Kind::power, 1, 2.0}}), ParameterError);
  EXPECT_THROW(Kernel(1, {{0.5, Kernel::Kind::gaussian, 1, 0}}), ParameterError);
}

}  // namespace
}  // namespace meso::graph
