#include <gtest/gtest.h>

#include <cmath>

#include "stat/cumulants.h"

namespace meso {
namespace {

TEST(MultiIndexSet, CountsAndOrdersAllIndices) {
  const MultiIndexSet set(2, 4);
  EXPECT_EQ(set.size(), 14u);
  EXPECT_EQ(MultiIndexSet::count(2, 4), 14);
  EXPECT_EQ(MultiIndexSet::count(5, 9), 2001);  // binom(14, 9) - 1
  EXPECT_EQ(set[0], (MultiIndex{1, 0}));
  EXPECT_EQ(set[4], (MultiIndex{0, 2}));
  EXPECT_EQ(set.size_up_to(2), 5u);
  for (std::size_t p = 0; p < set.size(); ++p) {
    EXPECT_EQ(set.find(set[p]), p);
    for (std::size_t s = 0; s < 2; ++s) {
      const std::size_t next = set.next(p, s);
      if (set.degree_of(p) == 4) EXPECT_EQ(next, MultiIndexSet::npos);
      else EXPECT_EQ(set[next], raised(set[p], s));
    }
  }
}

TEST(MultiIndexSet, BinomialsAreExact) {
  EXPECT_EQ(binomial(8, 3), 56);
  EXPECT_EQ(binomial(50, 25), 126410606437752.0);
  EXPECT_EQ(binomial(3, 4), 0);
  EXPECT_EQ(binomial(MultiIndex{4, 3}, MultiIndex{2, 1}), 18);
  EXPECT_EQ(factorial(MultiIndex{4, 3}), 144);
}

// Truth: all cumulants of a Poisson law equal its mean; its raw moments are the Touchard polynomials.
TEST(Cumulants, PoissonLaw) {
  const MultiIndexSet set(1, 6);
  const double l = 2.5;
  const std::vector<double> raw = raw_from_cumulants(set, std::vector<double>(6, l));
  const double touchard[] = {l, l + l * l, l + 3 * l * l + l * l * l, l + 7 * l * l + 6 * std::pow(l, 3) + std::pow(l, 4),
                             l + 15 * l * l + 25 * std::pow(l, 3) + 10 * std::pow(l, 4) + std::pow(l, 5),
                             l + 31 * l * l + 90 * std::pow(l, 3) + 65 * std::pow(l, 4) + 15 * std::pow(l, 5) + std::pow(l, 6)};
  for (std::size_t p = 0; p < 6; ++p) EXPECT_NEAR(raw[p], touchard[p], 1e-12 * touchard[p]) << "order " << p + 1;
}

// Truth: joint moments of an explicit two-species law, summed directly.
TEST(Cumulants, JointLawBothWays) {
  const MultiIndexSet set(2, 5);
  const double weight[] = {0.1, 0.2, 0.3, 0.25, 0.15}, x[] = {0, 1, 3, 2, 5}, y[] = {4, 0, 1, 7, 2};
  double mean_x = 0, mean_y = 0;
  for (int k = 0; k < 5; ++k) mean_x += weight[k] * x[k], mean_y += weight[k] * y[k];
  std::vector<double> raw, central;
  for (std::size_t p = 0; p < set.size(); ++p) {
    double r = 0, c = 0;
    for (int k = 0; k < 5; ++k) {
      r += weight[k] * std::pow(x[k], set[p][0]) * std::pow(y[k], set[p][1]);
      c += weight[k] * std::pow(x[k] - mean_x, set[p][0]) * std::pow(y[k] - mean_y, set[p][1]);
    }
    raw.push_back(r);
    central.push_back(set.degree_of(p) == 1 ? r : c);
  }
  const std::vector<double> kappa = cumulants_from_raw(set, raw), same = cumulants_from_central(set, central);
  const std::vector<double> raw_again = raw_from_cumulants(set, kappa), central_again = central_from_cumulants(set, kappa);
  for (std::size_t p = 0; p < set.size(); ++p) {
    EXPECT_NEAR(kappa[p], same[p], 1e-10 * (1 + std::abs(kappa[p])));
    EXPECT_NEAR(raw_again[p], raw[p], 1e-10 * (1 + std::abs(raw[p])));
    EXPECT_NEAR(central_again[p], central[p], 1e-10 * (1 + std::abs(central[p])));
  }
  EXPECT_NEAR(kappa[set.find({2, 2})], central[set.find({2, 2})] - central[2] * central[4] - 2 * central[3] * central[3], 1e-10);
}

}  // namespace
}  // namespace meso
