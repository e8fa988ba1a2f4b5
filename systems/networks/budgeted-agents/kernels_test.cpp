// Bit-sliced kernels against brute force, and the averaging kernels against their closed forms.
#include "systems/networks/budgeted-agents/kernels.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <vector>

#include "testing/statistics.h"

namespace meso::systems::budgeted_agents {
namespace {

/// Replays given words and counts them.
struct Words {
  std::vector<std::uint64_t> words;
  std::size_t used = 0;
  std::uint64_t bits() { return words.at(used++); }
};

TEST(BitSliced, MajorityOfEveryPatternOfVotes) {  // 64 lanes hold 64 different patterns at a time
  for (const int b : {2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13}) {
    const std::uint64_t patterns = std::uint64_t{1} << b;
    for (std::uint64_t base = 0; base < patterns; base += 64) {
      std::vector<std::uint64_t> votes(static_cast<std::size_t>(b) + 1, 0);
      for (int lane = 0; lane < 64; ++lane)
        for (int i = 0; i < b; ++i) votes[i] |= ((base + lane) >> i & 1) << lane;
      Words coin{{0x123456789abcdef0ULL}};
      const std::uint64_t result = majority_word(std::span(votes), b, coin);
      EXPECT_EQ(coin.used, b % 2 == 0 ? 1U : 0U);
      for (int lane = 0; lane < 64 && base + lane < patterns; ++lane) {
        const int ones = std::popcount((base + lane) & (patterns - 1));
        const bool expected = 2 * ones > b || (2 * ones == b && (coin.words[0] >> lane & 1) != 0);
        ASSERT_EQ(result >> lane & 1, expected ? 1U : 0U) << "b = " << b << ", pattern " << base + lane;
      }
    }
  }
}

TEST(BitSliced, MajorityOfManyVotesAroundTheHalf) {
  Stream rng(1, 0, "test/majority");
  for (const int b : {15, 21, 31, 33, 63, 64, 65, 127, 129, 254, 255})
    for (int round = 0; round < 20; ++round) {
      std::vector<std::uint64_t> votes(static_cast<std::size_t>(b) + 1, 0);
      std::vector<int> ones(64);
      for (int lane = 0; lane < 64; ++lane) {
        ones[lane] = std::clamp(b / 2 - 2 + static_cast<int>(rng.below(6)), 0, b);
        for (int i = 0, left = ones[lane]; i < b; ++i)  // that many ones at random places
          if (rng.below(static_cast<std::uint64_t>(b - i)) < static_cast<std::uint64_t>(left)) {
            votes[i] |= std::uint64_t{1} << lane;
            --left;
          }
      }
      Words coin{{rng.bits()}};
      const std::uint64_t result = majority_word(std::span(votes), b, coin);
      for (int lane = 0; lane < 64; ++lane) {
        const bool expected = 2 * ones[lane] > b || (2 * ones[lane] == b && (coin.words[0] >> lane & 1) != 0);
        ASSERT_EQ(result >> lane & 1, expected ? 1U : 0U) << "b = " << b << ", ones " << ones[lane];
      }
    }
}

TEST(BitSliced, BernoulliWordsCompareDigitByDigit) {
  // Lane 0 draws the digits of u = 0.1011..., lane 1 those of 0.0100..., lane 2 of 0.1010..., p = 0.1011 in binary.
  Words rng{{0b101, 0b010, 0b101, 0b001}};
  const std::uint64_t below = BernoulliWord(0.6875)(rng);
  EXPECT_EQ(below & 7, 0b110U) << "u < p strictly: lane 0 equals p to its last digit";
  EXPECT_EQ(rng.used, 4U) << "p has four digits";
  Words none{{}};
  EXPECT_EQ(BernoulliWord(0.0)(none), 0U);
  EXPECT_EQ(BernoulliWord(1.0)(none), ~std::uint64_t{0});
  Words half{{0x0123456789abcdefULL}};
  EXPECT_EQ(BernoulliWord(0.5)(half), ~0x0123456789abcdefULL) << "one word is enough for p = 1/2";
}

TEST(BitSliced, BernoulliWordsHaveTheirProbabilityInEveryLane) {
  FastStream rng = Stream(2, 0, "test/bernoulli").fast();
  std::vector<MeanCheck> checks;
  const double n = 200000;
  for (const double p : {1e-3, 0.05, 0.3333333333, 0.5, 0.975}) {
    LaneCounter lanes;
    const BernoulliWord draw(p);
    double both = 0;
    for (int i = 0; i < static_cast<int>(n); ++i) {
      const std::uint64_t word = draw(rng);
      lanes.add(word);
      both += std::popcount(word & std::rotl(word, 1));
    }
    const double se = std::sqrt(p * (1 - p) / n);
    for (int lane = 0; lane < 64; ++lane) checks.push_back({p, static_cast<double>(lanes.count(lane)) / n, se, "p " + std::to_string(p) + " lane " + std::to_string(lane)});
    // Neighbouring lanes are independent: 64 cyclic pairs, each pair shares a lane with the next.
    const double pair_variance = p * p * (1 - p * p) + 2 * p * p * p * (1 - p);
    checks.push_back({p * p, both / n / 64, std::sqrt(pair_variance / n / 64), "pairs at p " + std::to_string(p)});
  }
  EXPECT_TRUE(MeansMatch(checks, /*detectable=*/0.012));
}

TEST(BitSliced, LaneCountsAreExact) {
  Stream rng(3, 0, "test/counter");
  LaneCounter counter;
  std::vector<std::uint64_t> expected(64);
  for (int i = 0; i < 3000; ++i) {
    const std::uint64_t word = rng.bits() | 1;
    counter.add(word);
    for (int lane = 0; lane < 64; ++lane) expected[lane] += word >> lane & 1;
  }
  for (int lane = 0; lane < 64; ++lane) EXPECT_EQ(counter.count(lane), expected[lane]);
}

TEST(TreeKernel, PerfectChannelsAndCertainLeavesAreDeterministic) {
  FastStream rng = Stream(4, 0, "test/tree").fast();
  EXPECT_EQ(TreeKernel({.b = 5, .gamma = 1, .rho = 0.5}, 1, 3)(rng, {}), ~std::uint64_t{0});
  std::vector<LaneCounter> levels(4);
  EXPECT_EQ(TreeKernel({.b = 4, .gamma = 1, .rho = 0}, 1, 3)(rng, levels), ~std::uint64_t{0});
  for (int l = 0; l <= 3; ++l) EXPECT_EQ(levels[l].count(17), static_cast<std::uint64_t>(leaf_count(4, 3 - l))) << "every node of level " << l << " voted once";
}

TEST(TreeKernel, OneVoteOfEveryDepthFollowsTheLeaf) {  // depth 0 is the leaf itself
  FastStream rng = Stream(5, 0, "test/tree").fast();
  FastStream same = rng;
  EXPECT_EQ(TreeKernel({.b = 5, .gamma = 0.9, .rho = 0.2}, 0.3, 0)(rng, {}), BernoulliWord(0.65)(same));
}

TEST(TreeKernel, GroupAndSumOfTheSameDrawsGivesTheSameVotes) {  // an independent, unpacked reading of the same random words
  const Node node{.b = 6, .gamma = 0.7, .rho = 0.3};
  const int depth = 3;
  FastStream rng = Stream(6, 0, "test/tree").fast(), replay = rng;
  std::vector<LaneCounter> levels(depth + 1);
  const std::uint64_t packed = TreeKernel(node, 0.1, depth)(rng, levels);
  // Depth-first recursion; draws in the documented order: leaf, its flip, then shared failure and coin when a node is complete.
  const BernoulliWord leaf(0.55), flip(0.15), shared(0.3);
  const std::function<std::vector<int>(int)> node_votes = [&](int level) {
    std::vector<int> vote(64);
    if (level == 0) {
      const std::uint64_t word = leaf(replay);
      for (int j = 0; j < 64; ++j) vote[j] = (word >> j & 1) != 0 ? 1 : -1;
      return vote;
    }
    std::vector<int> sum(64), first(64);
    for (int child = 0; child < node.b; ++child) {
      const std::vector<int> heard = node_votes(level - 1);
      const std::uint64_t flipped = flip(replay);
      for (int j = 0; j < 64; ++j) {
        const int message = (flipped >> j & 1) != 0 ? -heard[j] : heard[j];
        if (child == 0) first[j] = message;
        sum[j] += message;
      }
    }
    const std::uint64_t copies = shared(replay), coin = replay.bits();
    for (int j = 0; j < 64; ++j) vote[j] = (copies >> j & 1) != 0 ? first[j] : sum[j] > 0 ? 1 : sum[j] < 0 ? -1 : (coin >> j & 1) != 0 ? 1 : -1;
    return vote;
  };
  const std::vector<int> unpacked = node_votes(depth);
  for (int j = 0; j < 64; ++j) EXPECT_EQ(packed >> j & 1, unpacked[j] > 0 ? 1U : 0U) << "tree " << j;
  EXPECT_EQ(rng.state(), replay.state()) << "both used the same words";
}

TEST(PopulationKernel, EveryMemberIsHeardEquallyOftenByEveryLane) {
  // b = 1 copies: a child of a population with m right votes is right with probability m / members in every lane.
  const std::uint64_t members = 256;
  PopulationKernel copies({.b = 1, .gamma = 1, .rho = 0}, 0.2, 1, members);
  FastStream rng = Stream(7, 0, "test/population").fast();
  std::vector<double> mu(2);
  double drift = 0, square = 0;
  const int n = 20000;
  for (int i = 0; i < n; ++i) {
    copies(rng, mu);
    drift += mu[1] - mu[0];
    square += (mu[1] - mu[0]) * (mu[1] - mu[0]);
  }
  // Given mu[0], the mean of the children has expectation mu[0]. Independent draws would have variance (1 - mu[0]^2) / members; the 64
  // votes of a word are drawn together, which takes away the share of the spread that K = members / 64 words cannot show.
  const double expected = (1 - 0.04) / members * (1 - 64.0 / members);
  EXPECT_TRUE(MeansMatch({{0, drift / n, std::sqrt(square / n / n), "drift"}}, /*detectable=*/0.005));
  EXPECT_TRUE(MeansMatch({{1, square / n / expected, std::sqrt(2.0 / n), "variance over expected variance"}}, /*detectable=*/0.1));
}

TEST(Averaging, HasTheClosedFormRisk) {
  const Averaging averaging{.rho = 0.3, .sigma2 = 2, .tau2 = 0.4};
  FastStream rng = Stream(8, 0, "test/averaging").fast();
  const int n = 40000;
  std::vector<double> sum(3), square(3);
  for (int i = 0; i < n; ++i) {
    const double error[3] = {averaging.star(rng, 9), averaging.tree(rng, 3, 2), averaging.chain(rng, 9)};
    for (int j = 0; j < 3; ++j) {
      sum[j] += error[j] * error[j];
      square[j] += std::pow(error[j], 4);
    }
  }
  const double exact[3] = {star_risk(9, 0.3, 2, 0.4), tree_risk(3, 2, 0.3, 2, 0.4), chain_risk(9, 0.3, 2, 0.4)};
  std::vector<MeanCheck> checks;
  for (int j = 0; j < 3; ++j) {
    const double mean = sum[j] / n;
    checks.push_back({1, mean / exact[j], std::sqrt((square[j] / n - mean * mean) / n) / exact[j], j == 0 ? "star" : j == 1 ? "tree" : "chain"});
  }
  EXPECT_TRUE(MeansMatch(checks, /*detectable=*/0.08));
}

}  // namespace
}  // namespace meso::systems::budgeted_agents
