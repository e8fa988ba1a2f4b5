// The headlines at the paper's scale, and what they leave in reference/measured.json.
#include <gtest/gtest.h>

#include <cmath>

#include "kits/graph/statistics.h"
#include "stat/fit.h"
#include "systems/networks/random-spatial-networks/random_spatial_networks.h"
#include "testing/measured.h"
#include "testing/statistics.h"

namespace meso::systems::random_spatial_networks {
namespace {

constexpr const char* name = "random-spatial-networks";

struct Sample {
  std::vector<double> x;
  void add(double v) { x.push_back(v); }
  [[nodiscard]] double mean() const {
    double sum = 0;
    for (const double v : x) sum += v;
    return sum / static_cast<double>(x.size());
  }
  [[nodiscard]] double error() const {
    double sum = 0;
    for (const double v : x) sum += (v - mean()) * (v - mean());
    const auto n = static_cast<double>(x.size());
    return std::sqrt(sum / (n * (n - 1)));
  }
};

struct Waves {
  Sample speed, attack, mean_degree, clustering;
};
Waves waves(double rho, const char* kernel, double from, double to, double step, int runs, double L = 800) {
  Params p;
  p.rho = rho, p.L = L, p.kernel = kernel;
  const World w = build(p);
  std::vector<double> points;
  for (double x = from; x <= to + 1e-9; x += step) points.push_back(x);
  Waves out;
  for (int k = 0; k < runs; ++k) {
    const Realisation r = realise(w, {}, 1e300, true, 20170201, std::string("slow/") + kernel + std::to_string(static_cast<int>(rho)), static_cast<std::uint64_t>(k));
    out.speed.add(graph::front_speed(points, arrivals(r, points)));
    double nodes = 0;
    for (const char s : r.seeded) nodes += !s;
    out.attack.add(static_cast<double>(r.reached) / nodes);
    out.mean_degree.add(2.0 * static_cast<double>(r.network.graph.edges()) / static_cast<double>(r.network.x.size()));
    if (k < 4) out.clustering.add(graph::clustering(r.network.graph).coefficient());
  }
  return out;
}

TEST(TravellingWave, IsSlowerThanTheEquationAndRisesWithDensity) {
  const Waves dense = waves(1000, "gaussian", 150, 350, 10, 16), thin = waves(100, "gaussian", 150, 350, 10, 24), denser = waves(4000, "gaussian", 100, 200, 10, 6, 460);
  // 6.74 +- 0.10 is the spread of five runs (6.81, 6.76, 6.72, 6.75, 6.64: error of their mean 0.028).
  const double error = std::hypot(dense.speed.error(), 0.028);
  EXPECT_TRUE(MeansMatch({{6.736, dense.speed.mean(), error, "speed at rho = 1000"}}, 0.4)) << dense.speed.mean() << " +- " << dense.speed.error();
  EXPECT_NEAR(dense.speed.mean(), 6.74, 0.10);
  EXPECT_LT(dense.speed.mean(), 7.769);
  EXPECT_GT(dense.speed.mean(), 6.34);
  EXPECT_NEAR(thin.speed.mean(), 5.96, 0.25);  // one figure without an error
  EXPECT_GT(thin.speed.mean(), 4.56);
  EXPECT_NEAR(denser.speed.mean(), 7.0, 0.15);
  EXPECT_LT(thin.speed.mean() + 4 * thin.speed.error(), dense.speed.mean());
  EXPECT_LT(dense.speed.mean() + 2 * (dense.speed.error() + denser.speed.error()), denser.speed.mean());
  EXPECT_TRUE(MeansMatch({{0.940480, dense.attack.mean(), dense.attack.error(), "attack rate", 15}}, 0.004));
  EXPECT_TRUE(MeansMatch({{6.0, dense.mean_degree.mean(), dense.mean_degree.error(), "mean degree", 15}}, 0.02));
  measured(name, "speed, gaussian, rho = 100", thin.speed.mean(), thin.speed.error(), 5.96, "one run of the card");
  measured(name, "speed, gaussian, rho = 1000", dense.speed.mean(), dense.speed.error(), 6.736, "five runs of the card, error of their mean 0.028; c* = 7.769, cutoff 6.34");
  measured(name, "speed, gaussian, rho = 4000", denser.speed.mean(), denser.speed.error(), 7.0, "one run of the card");
  measured(name, "c* above the network's speed at rho = 1000, %", 100 * (7.769437 / dense.speed.mean() - 1), 100 * 7.769437 * dense.speed.error() / (dense.speed.mean() * dense.speed.mean()), 15, "7.769/6.74");
  measured(name, "attack rate behind the wave, rho = 1000", dense.attack.mean(), dense.attack.error(), 0.940480, "well-mixed final size");
  measured(name, "clustering, gaussian, rho = 1000", dense.clustering.mean(), dense.clustering.error(), 0.0013820, "k/(rho sigma sqrt(6 pi))");
}

TEST(TravellingWave, Laplace) {
  const Waves w = waves(1000, "laplace", 150, 350, 10, 12);
  EXPECT_NEAR(w.speed.mean(), 7.1, 0.15) << w.speed.error();  // three runs: 7.0 to 7.2
  EXPECT_LT(w.speed.mean(), 8.462);
  EXPECT_GT(w.speed.mean(), 6.26);
  measured(name, "speed, laplace, rho = 1000", w.speed.mean(), w.speed.error(), 7.1, "three runs of the card, 7.0 to 7.2; c* = 8.462, cutoff 6.26");
}

TEST(HopAndSpread, PowerLawKernels) {
  for (const double a : {3.0, 2.5}) {
    Params p;
    p.rho = 300, p.L = 800, p.kernel = "power", p.a = a;
    const World w = build(p);
    const std::vector<double> points{50, 100, 150, 200, 250, 300, 350};
    Sample last, foci, attack, early, late;
    for (std::uint64_t k = 0; k < 16; ++k) {
      const Realisation r = realise(w, {}, 1e300, true, 20170202, "slow/hop" + std::to_string(a), k);
      const std::vector<double> t = arrivals(r, points);
      last.add(t.back());
      early.add(t[2] - t[0]), late.add(t[6] - t[4]);
      foci.add(hops(r, 3, w.network.kernel.median()).foci);
      double nodes = 0;
      for (const char s : r.seeded) nodes += !s;
      attack.add(static_cast<double>(r.reached) / nodes);
    }
    // One run of the card: 7.76 for a = 3, 3.7 for a = 2.5.
    EXPECT_NEAR(last.mean(), a == 3 ? 8.0 : 3.7, a == 3 ? 1.2 : 0.6) << "a = " << a << " +- " << last.error();
    EXPECT_LT(late.mean(), early.mean());
    if (a == 3) {
      EXPECT_GT(350 / 6.74, 6 * last.mean());  // six times faster than the gaussian front
      EXPECT_GT(foci.mean() - 4 * foci.error(), 0) << "foci ahead of the front (truth test HopAndSpread.TheTailDecides says what is counted)";
    }
    EXPECT_TRUE(MeansMatch({{0.940480, attack.mean(), attack.error(), "attack rate", 15}}, 0.004)) << attack.mean() << " +- " << attack.error();
    measured(name, a == 3 ? "arrival at 350, power kernel a = 3" : "arrival at 350, power kernel a = 2.5", last.mean(), last.error(), a == 3 ? 7.76 : 3.7, "one run of the card");
    measured(name, a == 3 ? "secondary foci at t = 3, a = 3" : "secondary foci at t = 3, a = 2.5", foci.mean(), foci.error(), "at least 3 for a = 3 (card)");
  }
}

// Mean geodesic on a ring of n nodes at density rho, local gaussian of width 1 mixed with a share p of the uniform kernel: every pair of nodes tried, and
// plain breadth-first searches. Shares nothing with the library's construction but the generator.
Sample all_pairs_geodesics(double p, double k, double rho, std::size_t n, std::uint64_t graphs) {
  Sample out;
  const double side = static_cast<double>(n) / rho;
  for (std::uint64_t g = 0; g < graphs; ++g) {
    FastStream random = Stream(20170204, g, "all-pairs" + std::to_string(p)).fast();
    std::vector<double> x(n);
    for (double& v : x) v = side * random.uniform();
    std::vector<std::vector<std::size_t>> next(n);
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < i; ++j) {
        const double d = std::abs(x[i] - x[j]), r = std::min(d, side - d);
        const double f = (1 - p) * (r < 9 ? std::exp(-r * r / 2) / std::sqrt(2 * M_PI) : 0) + p / side, chance = k * f / rho;
        if (chance > 0 && random.uniform() < chance) next[i].push_back(j), next[j].push_back(i);
      }
    double sum = 0, pairs = 0;
    for (int source = 0; source < 100; ++source) {
      std::vector<int> distance(n, -1);
      std::vector<std::size_t> queue{static_cast<std::size_t>(random.uniform() * static_cast<double>(n))};
      distance[queue[0]] = 0;
      for (std::size_t at = 0; at < queue.size(); ++at)
        for (const std::size_t j : next[queue[at]])
          if (distance[j] < 0) distance[j] = distance[queue[at]] + 1, queue.push_back(j);
      if (queue.size() < n / 2) continue;  // not in the giant component
      for (const std::size_t j : queue) sum += distance[j];
      pairs += static_cast<double>(queue.size() - 1);
    }
    out.add(sum / pairs);
  }
  return out;
}

TEST(SmallWorld, ShortPathsWithoutClustering) {
  const double k = 6, rho = 50;
  const auto structure = [&](double p, double n, std::uint64_t graphs) {
    Params q;
    q.rho = rho, q.L = n / rho, q.p = p, q.w = 0.5;
    const World w = build(q);
    struct {
      Sample geodesic, clustering, local;
    } out;
    for (std::uint64_t g = 0; g < graphs; ++g) {
      const Realisation r = realise(w, {}, 0, false, 20170203, "slow/small-world" + std::to_string(p), g);
      out.geodesic.add(graph::geodesics(r.network.graph, 200, Stream(20170203, g, "slow/sources").fast()).mean);
      out.clustering.add(graph::clustering(r.network.graph).coefficient());
      const std::vector<double> lengths = graph::edge_lengths(r.network);
      double local = 0;
      for (const double l : lengths) local += l < 4;
      out.local.add(local / static_cast<double>(lengths.size()));
    }
    return out;
  };
  const auto chain = structure(0, 1e4, 16), small = structure(0.01, 1e4, 8), random = structure(1, 1e4, 8);
  // The fall of the geodesic is settled by a second construction that tries every pair of nodes: a factor 3.9 at N = 1e4. The reference's "more than 5"
  // is reached at twice that size: the chain's length grows as N, the small world's as ln N.
  const Sample plain_chain = all_pairs_geodesics(0, k, rho, 10000, 16), plain_small = all_pairs_geodesics(0.01, k, rho, 10000, 8);
  EXPECT_TRUE(MeansMatch({{plain_chain.mean(), chain.geodesic.mean(), std::hypot(chain.geodesic.error(), plain_chain.error()), "geodesic at p = 0"},
                          {plain_small.mean(), small.geodesic.mean(), std::hypot(small.geodesic.error(), plain_small.error()), "geodesic at p = 0.01"}}, 1.0))
      << chain.geodesic.mean() << " " << plain_chain.mean() << ", " << small.geodesic.mean() << " " << plain_small.mean();
  const double twice = structure(0, 2e4, 6).geodesic.mean() / structure(0.01, 2e4, 6).geodesic.mean();
  EXPECT_GT(twice, 5);
  measured(name, "geodesic at p = 0.01, N = 1e4: every pair tried", plain_small.mean(), plain_small.error(), small.geodesic.mean(), "this library's own construction");
  measured(name, "geodesic at p = 0 over p = 0.01, N = 2e4", twice, 0, "above 5 (reached at this size)");
  EXPECT_LT(small.clustering.mean(), k / (rho * std::sqrt(6 * M_PI)) + 4 * small.clustering.error());
  EXPECT_GT(small.local.mean(), 0.98);
  const double estimate = (std::log(1e4) - 0.5772156649) / std::log(k) + 0.5;
  EXPECT_NEAR(random.geodesic.mean() / estimate, 1, 0.10);
  measured(name, "geodesic at p = 0 over p = 0.01, N = 1e4", chain.geodesic.mean() / small.geodesic.mean(), 0, "5 in the reference; 3.9 by two constructions");
  measured(name, "clustering at p = 0.01", small.clustering.mean(), small.clustering.error(), k / (rho * std::sqrt(6 * M_PI)), "bound k/(rho sigma sqrt(6 pi))");
  measured(name, "share of edges below 4 sigma at p = 0.01", small.local.mean(), small.local.error(), "above 0.98 (card)");
  measured(name, "geodesic at p = 1, N = 1e4", random.geodesic.mean(), random.geodesic.error(), estimate, "(ln N - 0.5772)/ln k + 1/2, within 10 %");

  // Growth with N: a line through N against a line through ln N, Gaussian likelihoods with equal relative errors (AIC difference n ln of the residual ratio).
  const std::vector<double> sizes{1000, 2000, 4000, 8000, 16000, 32000};
  for (const double p : {0.0, 0.03}) {
    std::vector<double> d;
    for (const double n : sizes) d.push_back(structure(p, n, 6).geodesic.mean());
    const auto residual = [&](auto of) {
      std::vector<double> x;
      for (const double n : sizes) x.push_back(of(n));
      const LineFit line = fit_line(x, d);
      double sum = 0;
      for (std::size_t i = 0; i < x.size(); ++i) {
        const double e = d[i] - line.intercept - line.slope * x[i];
        sum += e * e;
      }
      return sum;
    };
    const double linear = residual([](double n) { return n; }), logarithmic = residual([](double n) { return std::log(n); });
    const double favours_linear = static_cast<double>(sizes.size()) * std::log(logarithmic / linear);
    if (p == 0) { EXPECT_GT(favours_linear, 10); }
    else { EXPECT_LT(favours_linear, -10); }
    measured(name, p == 0 ? "AIC difference for N over ln N, p = 0" : "AIC difference for ln N over N, p = 0.03", std::abs(favours_linear), 0, "above 10 (card)");
  }
}

}  // namespace
}  // namespace meso::systems::random_spatial_networks
