// Micro simulation of majority trees, and of the averaging warm-up. One call, one trajectory (or 64 of them in a word).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "rng/stream.h"
#include "systems/networks/budgeted-agents/bit_sliced.h"
#include "systems/networks/budgeted-agents/theory.h"

namespace meso::systems::budgeted_agents {

/// 64 trees at once, bit j of every word being tree j.
///
/// Every leaf vote, every flip of every message, every shared failure and every tie of an even fan-in is drawn. The tree is walked depth first, so
/// memory is O(b depth) words whatever the number of leaves.
class TreeKernel {
 public:
  TreeKernel(const Node& node, double mu0, int depth);
  /// @param level_counts  empty, or depth + 1 counters that receive the +1 votes of each level (0: leaves)
  /// @returns the root votes
  std::uint64_t operator()(FastStream& rng, std::span<LaneCounter> level_counts);

 private:
  int b_, depth_;
  BernoulliWord leaf_, flip_, shared_;
  std::vector<std::uint64_t> messages_;  // (b + 1) words for each level below the root; the last is room for the coin
  std::vector<int> held_;
};

/// Population dynamics: level l + 1 is made from `members` votes of level l, each new vote hearing b of them drawn with
/// replacement. Reaches any depth at cost members * depth. Votes are packed 64 in a word; a draw takes a random word
/// rotated by a random amount, so that every member is equally likely to be heard by every lane.
///
/// Given the votes of level l, the expected bias of level l + 1 is exactly F of their mean: the only bias against full
/// trees comes from the curvature of F over the fluctuations of that mean, of order depth / members (population_bias).
/// The 64 votes of a word are drawn together; that makes the fluctuations smaller than those of single draws by 64 / members.
class PopulationKernel {
 public:
  /// @param members  a power of two, at least 64 (1024 for the level, where the above is 6 %)
  PopulationKernel(const Node& node, double mu0, int depth, std::uint64_t members);
  /// @param mu  receives the mean vote of levels 0..depth
  void operator()(FastStream& rng, std::span<double> mu);

 private:
  int b_, depth_;
  BernoulliWord leaf_, flip_, shared_;
  std::vector<std::uint64_t> now_, next_, votes_;
};

/// Leading bias of a finite population at levels 0..depth (van Kampen's expansion in 1/members around the recursion):
/// d' = F'(mu) d + F''(mu) v / 2, v' = F'(mu)^2 v + (1 - F(mu)^2) / members.
[[nodiscard]] std::vector<double> population_bias(const Node& node, double mu0, int depth, std::uint64_t members);

/// Equicorrelated siblings: the b messages of a node have the marginal law of the level below and a Gaussian copula with
/// latent correlation sin(pi rho / 2). The marginal is that of a population of `members` nodes per level.
class CopulaKernel {
 public:
  CopulaKernel(const Node& node, double mu0, int depth, std::uint64_t members) : node_(node), mu0_(mu0), depth_(depth), members_(members) {}
  void operator()(FastStream& rng, std::span<double> mu) const;

 private:
  Node node_;
  double mu0_;
  int depth_;
  std::uint64_t members_;
};

/// Warm-up: the error of one final estimate when leaf errors (variance sigma2, correlation rho) are averaged and each
/// message adds noise of variance tau2. Truth is 0, so the square of the result is the squared error.
struct Averaging {
  double rho = 0.1, sigma2 = 1, tau2 = 0.05;
  [[nodiscard]] double star(FastStream& rng, std::uint64_t n) const;                 ///< a centre hears all n leaves
  [[nodiscard]] double tree(FastStream& rng, int b, int depth) const;               ///< b-ary tree of means
  [[nodiscard]] double chain(FastStream& rng, std::uint64_t n) const;                ///< agent k passes on the mean of k estimates
};

}  // namespace meso::systems::budgeted_agents
