// Debiased Sinkhorn divergence where optimal transport is known: translates, Gaussians, lines, and small plans by trying all of them.
#include "kits/generative/sinkhorn.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"
#include "stat/wasserstein.h"

namespace meso::generative {
namespace {

std::vector<double> gaussian(const PlaneNodes& nodes, double x, double y, double sd) {
  std::vector<double> p;
  for (std::size_t j = 0; j < nodes.ny; ++j)
    for (std::size_t i = 0; i < nodes.nx; ++i) p.push_back(std::exp(-(std::pow(nodes.x(i) - x, 2) + std::pow(nodes.y(j) - y, 2)) / (2 * sd * sd)));
  const double sum = std::accumulate(p.begin(), p.end(), 0.0);
  for (double& v : p) v /= sum;
  return p;
}

TEST(Sinkhorn, OfTranslatedHistogramsIsTheShiftSquared) {
  PlaneNodes nodes{.low_x = -4, .high_x = 4, .low_y = -3, .high_y = 3, .nx = 33, .ny = 25};  // spacing 1/4
  std::vector<double> a(nodes.nx * nodes.ny, 0.0), b = a;
  Stream random(1, 0, "test/shift");
  for (std::size_t j = 4; j < 16; ++j)
    for (std::size_t i = 4; i < 20; ++i) a[j * nodes.nx + i] = b[(j + 2) * nodes.nx + i + 5] = random.uniform();
  const Transport t = sinkhorn(nodes, a, b, {.epsilon = 0.1, .tolerance = 1e-6});  // exact at any eps
  EXPECT_NEAR(t.squared, 1.25 * 1.25 + 0.5 * 0.5, 1e-5);
  EXPECT_LT(t.error, 1e-5);
  EXPECT_NEAR(sinkhorn(nodes, a, a).squared, 0, 1e-7);
}

TEST(Sinkhorn, OfGaussiansOnTheCardsGrid) {  // 64 x 64 nodes of [-4,4]^2: W_2^2 = |m|^2 + 2 (sd - sd')^2
  const PlaneNodes nodes;
  const Transport t = sinkhorn(nodes, gaussian(nodes, -0.3, 0.2, 0.6), gaussian(nodes, 0.1, 0.4, 0.75));
  EXPECT_NEAR(t.squared, 0.16 + 0.04 + 2 * 0.15 * 0.15, 1e-4 + t.error);
  EXPECT_LT(t.error, 5e-4);
  EXPECT_GT(t.iterations, 10u);
}

TEST(Sinkhorn, OnALineIsTheMonotonePlan) {
  PlaneNodes nodes{.low_x = 0, .high_x = 3, .low_y = 0, .high_y = 1, .nx = 61, .ny = 2};
  std::vector<double> a(122, 0.0), b = a, xa, xb;
  Stream random(2, 0, "test/line");
  for (int k = 0; k < 200; ++k) {
    const std::size_t i = random.below(30), j = 20 + random.below(41);
    a[i] += 1;
    b[j] += 1;
    xa.push_back(nodes.x(i));
    xb.push_back(nodes.x(j));
  }
  const double exact = std::pow(wasserstein(xa, xb, 2), 2);
  const Transport t = sinkhorn(nodes, a, b, {.epsilon = 0.002});
  EXPECT_NEAR(t.squared, exact, 1e-3 * exact + t.error);
}

TEST(Sinkhorn, OfFewPointsIsTheBestPermutation) {
  const PlaneNodes nodes{.low_x = 0, .high_x = 9, .low_y = 0, .high_y = 9, .nx = 10, .ny = 10};
  for (std::uint64_t trial = 0; trial < 5; ++trial) {
    Stream random(3, trial, "test/points");
    std::vector<std::size_t> from, to;
    const auto fresh = [&](std::vector<std::size_t>& all) {
      std::size_t k = random.below(100);
      while (std::find(all.begin(), all.end(), k) != all.end()) k = random.below(100);
      all.push_back(k);
    };
    std::vector<double> a(100, 0.0), b(100, 0.0);
    for (int k = 0; k < 7; ++k) {
      fresh(from);
      fresh(to);
      a[from.back()] = b[to.back()] = 1.0 / 7;
    }
    std::sort(to.begin(), to.end());
    double best = 1e9;
    do {
      double cost = 0;
      for (int k = 0; k < 7; ++k)
        cost += (std::pow(nodes.x(from[k] % 10) - nodes.x(to[k] % 10), 2) + std::pow(nodes.y(from[k] / 10) - nodes.y(to[k] / 10), 2)) / 7;
      best = std::min(best, cost);
    } while (std::next_permutation(to.begin(), to.end()));
    const Transport t = sinkhorn(nodes, a, b, {.epsilon = 0.02, .from = 50});
    EXPECT_NEAR(t.squared, best, t.error + 0.02 * std::log(7 * 7)) << trial;  // between discrete laws the entropy costs at most eps log of the number of plans' corners
    EXPECT_NEAR(t.squared, best, 0.02 * best) << trial;
  }
}

TEST(Sinkhorn, FloorOfSamplesFallsWithTheirNumber) {
  const PlaneNodes nodes{.nx = 32, .ny = 32};
  const std::vector<double> p = gaussian(nodes, 0, 0, 0.8);
  const double few = sampling_floor(nodes, p, 1000, Stream(4, 0, "test/floor")), many = sampling_floor(nodes, p, 100000, Stream(4, 1, "test/floor"));
  EXPECT_GT(few, 1e-3);
  EXPECT_LT(many, 0.05 * few);
  EXPECT_GT(many, 0);
}

TEST(Sinkhorn, RefusesUnequalMassesAndWhatIsNoHistogram) {
  const PlaneNodes nodes{.nx = 2, .ny = 2};
  const auto refusal = [&](std::vector<double> a, std::vector<double> b) {
    try {
      (void)sinkhorn(nodes, a, b);
    } catch (const ModelError& e) {
      return std::string(e.what());
    }
    return std::string();
  };
  EXPECT_EQ(refusal({0.25, 0.25, 0.25, 0.25}, {0.25, 0.25, 0.25, 0.15}),
            "W_2 is between equal masses: 1 and 0.9 are given. Divide each by its sum if what is missing does not matter");
  EXPECT_NE(refusal({1, 0, 0, -0.1}, {1, 0, 0, 0}).find("masses are finite and not negative"), std::string::npos);
  EXPECT_NE(refusal({1, 0, 0}, {1, 0, 0, 0}).find("4 numbers each: 3 and 4 are given"), std::string::npos);
  const std::vector<double> points{0, 0, 1, 1, 5, 0, 0, 0, -4.06, 0};
  const PlaneHistogram h = histogram(points, PlaneNodes{});
  EXPECT_DOUBLE_EQ(h.outside, 0.2);  // -4.06 is nearest to the node at -4
  try {
    require_inside(h, PlaneNodes{});
    FAIL() << "a fifth of the sample is outside";
  } catch (const ModelError& e) {
    EXPECT_EQ(std::string(e.what()), "20 % of the 5 samples lie outside the box [-4, 4] x [-4, 4]; up to 0.1 % is allowed. Distances would be those of what is left: widen the box");
  }
  EXPECT_NO_THROW(require_inside(h, PlaneNodes{}, 0.2));
}

}  // namespace
}  // namespace meso::generative
