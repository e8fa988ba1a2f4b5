#include "num/elimination.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

#include "base/error.h"

namespace meso::num {
namespace {

/// A chain on the box [0, width)^dimensions: rule(state, add) with add(change, rate); what leaves the box leaks.
struct Grid {
  Generator generator;
  std::vector<std::int32_t> positions;
  std::size_t dimensions = 0;
};
template <class Rule>
Grid grid(std::vector<std::int32_t> widths, Rule rule) {
  Grid out;
  out.dimensions = widths.size();
  std::vector<std::int32_t> n(widths.size(), 0);
  const std::int32_t states = std::accumulate(widths.begin(), widths.end(), 1, std::multiplies<>());
  for (std::int32_t j = 0; j < states; ++j) {
    std::int32_t rest = j;
    for (std::size_t d = 0; d < widths.size(); rest /= widths[d], ++d) n[d] = rest % widths[d];
    out.positions.insert(out.positions.end(), n.begin(), n.end());
    out.generator.leak.push_back(0);
    rule(n, [&](std::vector<std::int32_t> change, double rate) {
      std::int32_t to = 0;
      bool inside = true;
      for (std::size_t d = widths.size(); d-- > 0;) {
        const std::int32_t x = n[d] + change[d];
        inside &= x >= 0 && x < widths[d];
        to = to * widths[d] + x;
      }
      if (!(rate > 0)) return;
      if (!inside) {
        out.generator.leak.back() += rate;
        return;
      }
      out.generator.target.push_back(static_cast<std::uint32_t>(to));
      out.generator.rate.push_back(rate);
    });
    out.generator.start.push_back(out.generator.target.size());
  }
  return out;
}

std::vector<double> law_of(const Grid& g) {
  const Dissection order(g.generator, g.positions, g.dimensions);
  return Elimination(g.generator, order, 0, Elimination::Leaks::ignored, false).stationary();
}

/// Poisson weights m^k / k!, not normalised.
std::vector<double> weights(double mean, std::int32_t size) {
  std::vector<double> w{1};
  for (std::int32_t k = 1; k < size; ++k) w.push_back(w.back() * mean / k);
  return w;
}

double residual(const Generator& g, const std::vector<double>& p) {  // |A p|_1 with leaks ignored, relative to the flow
  std::vector<double> net(p.size(), 0.0);
  double flow = 0;
  for (std::size_t j = 0; j < p.size(); ++j)
    for (std::size_t k = g.start[j]; k < g.start[j + 1]; ++k) {
      net[j] -= g.rate[k] * p[j];
      net[g.target[k]] += g.rate[k] * p[j];
      flow += g.rate[k] * p[j];
    }
  double sum = 0;
  for (const double x : net) sum += std::abs(x);
  return sum / flow;
}

TEST(Elimination, EveryEntryOfAProductLawHasItsDigits) {  // entries down to 1e-77 of the largest
  const Grid g = grid({70, 55}, [](const auto& n, auto add) {
    add({1, 0}, 9.0);
    add({-1, 0}, 1.0 * n[0]);
    add({0, 1}, 4.0);
    add({0, -1}, 1.0 * n[1]);
  });
  const std::vector<double> p = law_of(g), a = weights(9, 70), b = weights(4, 55);
  double sum = 0, worst = 0, smallest = 1;
  for (const double x : a)
    for (const double y : b) sum += x * y;
  for (std::size_t i = 0; i < p.size(); ++i) {
    const double exact = a[i % 70] * b[i / 70] / sum;
    worst = std::max(worst, std::abs(p[i] / exact - 1));
    smallest = std::min(smallest, exact);
  }
  EXPECT_LT(smallest, 1e-70);
  EXPECT_LT(worst, 1e-12);
  EXPECT_LT(residual(g.generator, p), 1e-15);
}

TEST(Elimination, AgreesWithEliminationInABandForChainsWithoutDetailedBalance) {
  // Steps of one and two, jumps across, and a slow switch between two halves (rate 1e-9): the law keeps its digits all the same.
  const Grid g = grid({40, 12}, [](const auto& n, auto add) {
    add({1, 0}, n[0] == 19 ? 1e-9 : 3.0 + 0.1 * n[1]);
    add({-1, 0}, n[0] == 20 ? 3e-9 : 0.4 * n[0]);
    add({2, -1}, n[0] < 18 ? 0.3 * n[1] : 0.0);
    add({0, 1}, 2.0);
    add({-1, -2}, n[0] == 20 ? 0.0 : 0.05 * n[0] * n[1] * (n[1] - 1));
    add({0, -1}, 1.0 * n[1]);
  });
  const std::vector<double> p = law_of(g), q = stationary_gth(g.generator);
  for (std::size_t i = 0; i < p.size(); ++i) EXPECT_NEAR(p[i] / q[i], 1, 1e-11) << i;
  EXPECT_LT(residual(g.generator, p), 1e-14);
}

TEST(Elimination, LawsBeyondTheRangeOfNumbersAreScaled) {  // weights 10^(-3 n): 900 orders of magnitude
  const Grid g = grid({300}, [](const auto&, auto add) {
    add({1}, 1.0);
    add({-1}, 1000.0);
  });
  const std::vector<double> p = law_of(g);
  for (std::size_t i = 0; i < 100; ++i) EXPECT_NEAR(p[i] / (0.999 * std::pow(10, -3.0 * static_cast<double>(i))), 1, 1e-12) << i;
}

TEST(Elimination, ThreeSpeciesWithAConservationLaw) {  // A <-> B <-> C with 17 molecules: multinomial, on a plane in three coordinates
  Grid g;
  g.dimensions = 3;
  const int total = 17;
  const double rate[3][3] = {{0, 1, 0.2}, {2, 0, 3}, {0, 0.5, 0}};
  const auto index = [&](int a, int b) { return static_cast<std::uint32_t>(a * (total + 1) - a * (a - 1) / 2 + b); };
  for (int a = 0; a <= total; ++a)
    for (int b = 0; a + b <= total; ++b) {
      const int n[3] = {a, b, total - a - b};
      g.positions.insert(g.positions.end(), n, n + 3);
      g.generator.leak.push_back(0);
      for (int i = 0; i < 3; ++i)
        for (int j = 0; j < 3; ++j) {
          if (rate[i][j] == 0 || n[i] == 0) continue;
          int to[3] = {n[0], n[1], n[2]};
          --to[i], ++to[j];
          g.generator.target.push_back(index(to[0], to[1]));
          g.generator.rate.push_back(rate[i][j] * n[i]);
        }
      g.generator.start.push_back(g.generator.target.size());
    }
  const std::vector<double> p = law_of(g);
  // One molecule: stationary shares by balance of the three states, solved by hand: pi_A 1.2 = 2 pi_B, pi_C 0.5 = 0.2 pi_A + 3 pi_B.
  const double ratio_b = 0.6, ratio_c = (0.2 + 3 * 0.6) / 0.5, all = 1 + ratio_b + ratio_c;
  const double share[3] = {1 / all, ratio_b / all, ratio_c / all};
  for (std::size_t i = 0; i < p.size(); ++i) {
    double exact = std::lgamma(total + 1.0);
    for (int s = 0; s < 3; ++s) {
      const double n = g.positions[3 * i + static_cast<std::size_t>(s)];
      exact += n * std::log(share[s]) - std::lgamma(n + 1);
    }
    EXPECT_NEAR(p[i] / std::exp(exact), 1, 1e-11) << i;
  }
}

TEST(Elimination, SolvesShiftedAndLeakingEquations) {
  const Grid g = grid({31, 23, 5}, [](const auto& n, auto add) {
    add({1, 0, 0}, 6.0);
    add({-1, 0, 0}, 0.5 * n[0]);
    add({0, 1, 0}, 0.4 * n[0]);
    add({0, -1, 0}, 0.9 * n[1]);
    add({0, 0, 1}, 0.7);
    add({-1, 1, -1}, 0.2 * n[0] * n[2]);
  });
  const Dissection order(g.generator, g.positions, g.dimensions);
  for (const double shift : {0.0, 1e-6, 3.0, 1e5}) {
    const Elimination factors(g.generator, order, shift, Elimination::Leaks::counted, true);
    EXPECT_FALSE(factors.singular());
    std::vector<double> b(g.generator.size()), x;
    for (std::size_t i = 0; i < b.size(); ++i) b[i] = 1 + std::sin(0.1 * static_cast<double>(i));
    x = b;
    factors.solve(x);
    std::vector<double> back = b;  // b - (shift - A) x
    double scale = 0;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const double exit = shift + g.generator.exit(j);
      back[j] -= exit * x[j];
      scale += exit * x[j];
      for (std::size_t k = g.generator.start[j]; k < g.generator.start[j + 1]; ++k) back[g.generator.target[k]] += g.generator.rate[k] * x[j];
      EXPECT_GT(x[j], 0);
    }
    double sum = 0;
    for (const double v : back) sum += std::abs(v);
    EXPECT_LT(sum / scale, 1e-14) << shift;
  }
}

TEST(Elimination, GroupInverseGivesTheRelaxationOfTheMean) {  // immigration and death: A (n - m) pi = -(n - m) pi
  const Grid g = grid({90, 4}, [](const auto& n, auto add) {
    add({1, 0}, 20.0);
    add({-1, 0}, 1.0 * n[0]);
    add({0, 1}, 1.0);
    add({0, -1}, 1.0);
  });
  const Dissection order(g.generator, g.positions, g.dimensions);
  const Elimination factors(g.generator, order, 0, Elimination::Leaks::ignored, true);
  ASSERT_TRUE(factors.singular());
  const std::vector<double> p = factors.stationary();
  std::vector<double> x(p.size());
  for (std::size_t i = 0; i < p.size(); ++i) x[i] = (g.positions[2 * i] - 20.0) * p[i];
  const std::vector<double> y = factors.group_inverse(x, p);
  for (std::size_t i = 0; i < p.size(); ++i) EXPECT_NEAR(y[i], -x[i], 1e-13);
}

TEST(Elimination, ReducibleChainsAndFalseQuestionsAreRefused) {
  const Grid two = grid({10}, [](const auto& n, auto add) {  // two closed halves
    add({1}, n[0] == 4 ? 0.0 : 1.0);
    add({-1}, n[0] == 5 ? 0.0 : 1.0);
  });
  EXPECT_THROW((void)law_of(two), NumericalBreakdown);
  const Grid leaky = grid({10}, [](const auto&, auto add) {
    add({1}, 1.0);
    add({-1}, 1.0);
  });
  const Dissection order(leaky.generator);
  EXPECT_THROW((void)Elimination(leaky.generator, order, 0, Elimination::Leaks::counted, false).stationary(), NumericalBreakdown);
}

/// Law and gap of a singular chain.
std::pair<std::vector<double>, std::optional<double>> law_and_gap(const Grid& g, const std::function<double(std::size_t)>& slow) {
  const std::vector<double> likely = law_of(g);
  const Dissection order(g.generator, g.positions, g.dimensions, static_cast<std::size_t>(std::max_element(likely.begin(), likely.end()) - likely.begin()));
  const Elimination factors(g.generator, order, 0, Elimination::Leaks::ignored, true);
  std::vector<double> p = factors.stationary(), start(p.size());
  for (std::size_t i = 0; i < p.size(); ++i) EXPECT_NEAR(p[i], likely[i], 1e-13 * likely[i]) << "whatever the order";
  for (std::size_t i = 0; i < p.size(); ++i) start[i] = p[i] * slow(i);
  const std::optional<double> gap = spectral_gap(factors, p, {start});
  return {std::move(p), gap};
}

TEST(SpectralGap, OfTwoIndependentSpeciesIsTheSlowerDeathRate) {
  const Grid g = grid({140, 120}, [](const auto& n, auto add) {  // most states are as good as never visited, the far corner with probability 1e-300
    add({1, 0}, 4.0);
    add({-1, 0}, 1.0 * n[0]);
    add({0, 1}, 4.5);
    add({0, -1}, 1.5 * n[1]);
  });
  const auto [p, gap] = law_and_gap(g, [&](std::size_t i) { return g.positions[2 * i] - 4 + 0.1 * (g.positions[2 * i + 1] - 3); });
  ASSERT_TRUE(gap);
  EXPECT_NEAR(*gap, 1, 1e-8);
}

TEST(SpectralGap, OfARotatingChainIsTheRealPartOfAComplexPair) {
  const int n = 12;  // a ring with drift: eigenvalues a (w - 1) + b (w^-1 - 1), w = exp(2 pi i k / n)
  const double a = 3, b = 0.5;
  const Grid g = grid({n}, [&](const auto& x, auto add) {
    add({x[0] + 1 < n ? 1 : 1 - n}, a);
    add({x[0] > 0 ? -1 : n - 1}, b);
  });
  const auto [p, gap] = law_and_gap(g, [](std::size_t) { return 0.0; });
  for (const double x : p) EXPECT_NEAR(x, 1.0 / 12, 1e-14);
  ASSERT_TRUE(gap);
  EXPECT_NEAR(*gap, (a + b) * (1 - std::cos(2 * M_PI / 12)), 1e-10);
}

TEST(Dissection, CostsWhatTheTheoryOfPlaneGridsSays) {  // George (1973): n log n numbers, n^1.5 multiplications
  const auto cost = [](std::int32_t width) {
    const Grid g = grid({width, width}, [](const auto&, auto add) {
      for (const int a : {-1, 1}) {
        add({a, 0}, 1.0);
        add({0, a}, 1.0);
      }
    });
    return Dissection(g.generator, g.positions, 2);
  };
  const Dissection small = cost(60), large = cost(240);
  EXPECT_NEAR(std::log(large.work() / small.work()) / std::log(16.0), 1.5, 0.15);
  EXPECT_LT(large.entries(), 10 * 240.0 * 240.0 * std::log2(240.0));
  EXPECT_GT(large.bytes(true), large.bytes(false));
}

}  // namespace
}  // namespace meso::num
