// Acceptance checks 1-5, 7 and 9 of the card: closed forms over many draws, and the headline, average against last iterate.
#include <gtest/gtest.h>

#include <array>
#include <cmath>

#include "kits/learning/single_index.h"
#include "kits/learning/sphere_theory.h"
#include "kits/learning/tensor.h"
#include "stat/jackknife.h"
#include "systems/learning/langevin-averaging/test_support.h"
#include "testing/measured.h"
#include "testing/statistics.h"

namespace meso::systems::langevin_averaging {
namespace {

using testing::at;
using testing::error;
using testing::run;
using testing::value;

constexpr const char* name = "langevin-averaging";

TEST(PartialTrace, OrderThreeOverlapIsTheExactMean) {  // check 1
  struct Case {
    int d, n;
    double card, tolerance, law;
  };
  for (const Case& c : {Case{20, 400, 0.860, 0.01, 0.855}, {20, 100, 0.636, 0.02, 0.637}, {30, 300, 0.706, 0.015, 0.696}, {30, 2700, 0.947, 0.004, 0.946}}) {
    const Answer a = run({{"d", Value(c.d)}, {"n", Value(c.n)}}, "partial-trace", at({1e9}, {"average.overlap"}), 2048);
    const double exact = learning::odd_average_overlap(3, static_cast<std::size_t>(c.d), c.n);
    const std::string what = "check 1: partial trace, k = 3, d = " + std::to_string(c.d) + ", n = " + std::to_string(c.n);
    EXPECT_TRUE(MeansMatch({{exact, value(a, "average.overlap"), error(a, "average.overlap"), what}}, 0.04));
    EXPECT_NEAR(value(a, "average.overlap"), c.card, c.tolerance) << what;
    EXPECT_NEAR(learning::average_overlap_law(3, static_cast<std::size_t>(c.d), c.n), c.law, 1e-3);
    measured(name, what, value(a, "average.overlap"), error(a, "average.overlap"), exact, "exact mean by quadrature; card " + std::to_string(c.card).substr(0, 5) + " +- " + std::to_string(c.tolerance).substr(0, 5));
  }
}

TEST(PartialTrace, OrderFourOverlapHasItsTransition) {  // check 2
  struct Case {
    int n;
    double card, tolerance;
  };
  for (const Case& c : {Case{66, 0.42, 0.1}, {133, 0.68, 0.07}, {400, 0.895, 0.02}}) {
    constexpr int draws = 240;
    double sum = 0, square = 0;
    const std::size_t d = 20;
    for (int i = 0; i < draws; ++i) {
      FastStream random = Stream(2, static_cast<std::uint64_t>(i), "test/check2").fast();
      std::vector<double> hidden(d);
      learning::uniform_on_sphere(hidden, random);
      learning::SymmetricTensor t = learning::SymmetricTensor::spike(4, hidden);
      t.add(learning::SymmetricTensor::gaussian(4, d, random), 1 / std::sqrt(static_cast<double>(c.n)));
      const std::vector<double> v = learning::leading_eigenvector(t.uniform_second_moment(), d);
      double dot = 0;
      for (std::size_t j = 0; j < d; ++j) dot += v[j] * hidden[j];
      sum += dot * dot / draws;
      square += dot * dot * dot * dot / draws;
    }
    const double se = std::sqrt((square - sum * sum) / draws), card_se = se * std::sqrt(draws / 60.0);  // the card's number is of 60 draws
    const std::string what = "check 2: squared overlap of the partial trace, k = 4, d = 20, n = " + std::to_string(c.n);
    EXPECT_TRUE(MeansMatch({{c.card, sum, std::hypot(se, card_se), what}}, 0.4));
    EXPECT_NEAR(sum, c.card, c.tolerance) << what;
    measured(name, what, sum, se, c.card, "card, of 60 draws; law 1 - d(d+4)/(12 n) = " + std::to_string(std::pow(learning::average_overlap_law(4, d, c.n), 2)).substr(0, 5) + ", with d^2 " +
                                              std::to_string(1 - 400 / (12.0 * c.n)).substr(0, 5));
  }
}

TEST(PartialTrace, SingleIndexOverlap) {  // check 3
  struct Case {
    int d, n;
    double card, tolerance;
  };
  for (const Case& c : {Case{20, 400, 0.78, 0.03}, {20, 2000, 0.936, 0.01}, {40, 1600, 0.808, 0.02}, {40, 6400, 0.936, 0.006}}) {
    const std::uint64_t draws = 400;
    const Answer a = run({{"model", Value("single-index")}, {"d", Value(c.d)}, {"n", Value(c.n)}}, "partial-trace", at({1e9}, {"average.overlap"}), draws);
    const double se = error(a, "average.overlap"), card_se = se * std::sqrt(static_cast<double>(draws) / 200);
    const std::string what = "check 3: partial trace, single index He_3, d = " + std::to_string(c.d) + ", n = " + std::to_string(c.n);
    EXPECT_TRUE(MeansMatch({{c.card, value(a, "average.overlap"), std::hypot(se, card_se), what}}, 0.1));
    EXPECT_NEAR(value(a, "average.overlap"), c.card, c.tolerance) << what;
    measured(name, what, value(a, "average.overlap"), se, c.card, "card, of 200 draws, +- " + std::to_string(c.tolerance).substr(0, 5));
  }
}

TEST(PartialTrace, HalfPowerScalesAsTheSquareOfTheDimension) {  // check 9
  // n at which the mean overlap of the draws is 1/2, by bisection over n of the same draws; error of the exponent by leaving out batches of draws.
  const std::array<std::size_t, 5> dimensions{10, 14, 20, 28, 40};
  constexpr int draws = 1280, batches = 64;
  struct Shape {
    double signal, along, across;
  };
  std::array<std::vector<Shape>, 5> shapes;
  for (std::size_t q = 0; q < 5; ++q) {
    const std::size_t d = dimensions[q];
    std::vector<double> e(d, 0.0);
    e[0] = 1;
    const std::vector<double> s = learning::SymmetricTensor::spike(3, e).uniform_mean();
    for (int i = 0; i < draws; ++i) {
      FastStream random = Stream(9, static_cast<std::uint64_t>(i), "test/check9/" + std::to_string(d)).fast();
      const std::vector<double> z = learning::SymmetricTensor::gaussian(3, d, random).uniform_mean();
      double across = 0;
      for (std::size_t j = 1; j < d; ++j) across += z[j] * z[j];
      shapes[q].push_back({s[0], z[0], std::sqrt(across)});
    }
  }
  const auto half = [&](std::size_t q, int leave_out) {
    double low = 1, high = 1e5;
    for (int step = 0; step < 60; ++step) {
      const double n = std::sqrt(low * high);
      double sum = 0;
      int count = 0;
      for (int i = 0; i < draws; ++i) {
        if (i % batches == leave_out) continue;
        const double m = shapes[q][static_cast<std::size_t>(i)].signal + shapes[q][static_cast<std::size_t>(i)].along / std::sqrt(n);
        sum += std::abs(m) / std::hypot(m, shapes[q][static_cast<std::size_t>(i)].across / std::sqrt(n));
        ++count;
      }
      (sum / count < 0.5 ? low : high) = n;
    }
    return std::sqrt(low * high);
  };
  const auto exponent = [&](const std::function<double(std::size_t)>& n) {
    double x = 0, y = 0, xx = 0, xy = 0;
    for (std::size_t q = 0; q < 5; ++q) {
      const double u = std::log(static_cast<double>(dimensions[q])), v = std::log(n(q));
      x += u / 5, y += v / 5, xx += u * u / 5, xy += u * v / 5;
    }
    return (xy - x * y) / (xx - x * x);
  };
  const double full = exponent([&](std::size_t q) { return half(q, -1); });
  std::vector<double> replicate;
  for (int b = 0; b < batches; ++b) replicate.push_back(exponent([&](std::size_t q) { return half(q, b); }));
  const double se = delete_batch_error(full, replicate, std::vector<double>(batches, draws / batches));
  // Exactly: the same with the exact mean.
  const double exact = exponent([&](std::size_t q) {
    double low = 1, high = 1e5;
    for (int step = 0; step < 40; ++step) {
      const double n = std::sqrt(low * high);
      (learning::odd_average_overlap(3, dimensions[q], n) < 0.5 ? low : high) = n;
    }
    return std::sqrt(low * high);
  });
  EXPECT_TRUE(MeansMatch({{exact, full, se, "exponent", batches - 1}}, 0.2));
  EXPECT_NEAR(full, 2.0, 0.15);
  measured(name, "check 9: exponent of n_50(d), k = 3, d = 10 ... 40", full, se, exact, "exact means give this, tending to 2; card 2.0 +- 0.15");
  const double n20 = half(2, -1);
  measured(name, "check 9: n_50 at d = 20, k = 3", n20, 0, "law d(d+2)/9 = 48.9 for large d");
  // The level's own observable: the mean over draws of each draw's n.
  const Answer a = run({}, "partial-trace", at({1e9}, {"half.samples"}), 1024);
  EXPECT_NEAR(value(a, "half.samples") / n20, 1, 0.15);
}

TEST(Headline, AverageFindsWhatTheLastIterateDoesNot) {  // checks 4 and 7
  const std::vector<std::string> asked{"average.overlap", "iterate.overlap", "last.overlap", "refined.overlap", "average.success", "average.overlap.spread"};
  const Answer a = run({}, "langevin", at({400}, asked), 8);
  EXPECT_GE(value(a, "average.overlap"), 0.85);
  EXPECT_LE(value(a, "iterate.overlap"), 0.25);
  EXPECT_GT(value(a, "refined.overlap"), value(a, "average.overlap"));  // power iterations from the average reach the maximum nearby
  EXPECT_GE(value(a, "refined.overlap"), 0.97);
  EXPECT_EQ(value(a, "average.success"), 1);
  EXPECT_LT(value(a, "average.overlap.spread"), 0.1);
  measured(name, "check 4: overlap after 30 power iterations from the average, the same", value(a, "refined.overlap"), error(a, "refined.overlap"), "above that of the average");
  measured(name, "check 4: overlap of the average, k = 3, d = 20, n = 400, c = 0.5, T = 400", value(a, "average.overlap"), error(a, "average.overlap"), "card: at least 0.85, script 0.919 (5 seeds)");
  measured(name, "check 4: overlap of the iterates, the same", value(a, "iterate.overlap"), error(a, "iterate.overlap"), "card: at most 0.25, script 0.206");
  const Answer below = run({{"n", Value(130)}}, "langevin", at({400}, asked), 8);
  EXPECT_NEAR(value(below, "average.overlap"), 0.74, 0.1);
  EXPECT_NEAR(value(below, "iterate.overlap"), 0.18, 0.02);
  measured(name, "check 7: overlap of the average, n = 130", value(below, "average.overlap"), error(below, "average.overlap"), 0.74, "card, 5 seeds, +- 0.1");
  measured(name, "check 7: overlap of the iterates, n = 130", value(below, "iterate.overlap"), error(below, "iterate.overlap"), 0.18, "card");
}

}  // namespace
}  // namespace meso::systems::langevin_averaging
