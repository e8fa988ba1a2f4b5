#include "systems/networks/budgeted-agents/kernels.h"

#include <bit>
#include <cmath>
#include <numbers>

namespace meso::systems::budgeted_agents {

TreeKernel::TreeKernel(const Node& node, double mu0, int depth)
    : b_(node.b), depth_(depth), leaf_(0.5 * (1 + mu0)), flip_(0.5 * (1 - node.gamma)), shared_(node.rho),
      messages_(static_cast<std::size_t>(depth) * (static_cast<std::size_t>(node.b) + 1)), held_(static_cast<std::size_t>(depth), 0) {}

std::uint64_t TreeKernel::operator()(FastStream& rng, std::span<LaneCounter> level_counts) {
  const std::size_t stride = static_cast<std::size_t>(b_) + 1;
  while (true) {
    std::uint64_t vote = leaf_(rng);
    if (!level_counts.empty()) level_counts[0].add(vote);
    int level = 0;
    for (; level < depth_; ++level) {  // pass the vote up as long as it completes a node
      std::uint64_t* heard = messages_.data() + static_cast<std::size_t>(level) * stride;
      heard[held_[level]++] = vote ^ flip_(rng);
      if (held_[level] < b_) break;
      held_[level] = 0;
      const std::uint64_t copy = heard[0];
      const std::uint64_t shared = shared_(rng);
      const std::uint64_t independent = majority_word(std::span(heard, stride), b_, rng);
      vote = (shared & copy) | (~shared & independent);
      if (!level_counts.empty()) level_counts[level + 1].add(vote);
    }
    if (level == depth_) return vote;
  }
}

PopulationKernel::PopulationKernel(const Node& node, double mu0, int depth, std::uint64_t members)
    : b_(node.b), depth_(depth), leaf_(0.5 * (1 + mu0)), flip_(0.5 * (1 - node.gamma)), shared_(node.rho), now_(members / 64), next_(members / 64),
      votes_(static_cast<std::size_t>(node.b) + 1) {}

void PopulationKernel::operator()(FastStream& rng, std::span<double> mu) {
  const std::uint64_t mask = now_.size() - 1;
  const auto mean = [this] {
    std::int64_t ones = 0;
    for (const std::uint64_t word : now_) ones += std::popcount(word);
    const double members = 64.0 * static_cast<double>(now_.size());
    return 2.0 * static_cast<double>(ones) / members - 1;
  };
  for (std::uint64_t& word : now_) word = leaf_(rng);
  mu[0] = mean();
  for (int level = 1; level <= depth_; ++level) {
    for (std::uint64_t& word : next_) {
      for (int i = 0; i < b_; ++i) {
        const std::uint64_t draw = rng.bits();
        votes_[i] = std::rotl(now_[draw >> 6 & mask], static_cast<int>(draw & 63)) ^ flip_(rng);
      }
      const std::uint64_t copy = votes_[0];
      const std::uint64_t shared = shared_(rng);
      const std::uint64_t independent = majority_word(std::span(votes_), b_, rng);
      word = (shared & copy) | (~shared & independent);
    }
    now_.swap(next_);
    mu[level] = mean();
  }
}

std::vector<double> population_bias(const Node& node, double mu0, int depth, std::uint64_t members) {
  const double n = static_cast<double>(members);
  std::vector<double> bias{0};
  double mu = mu0, variance = (1 - mu0 * mu0) / n, shift = 0;
  for (int level = 0; level < depth; ++level) {
    const double slope = node.slope(mu), curvature = node.curvature(mu);
    shift = slope * shift + 0.5 * curvature * variance;
    mu = node.next(mu);
    variance = slope * slope * variance + (1 - mu * mu) / n;
    bias.push_back(shift);
  }
  return bias;
}

void CopulaKernel::operator()(FastStream& rng, std::span<double> mu) const {
  const double r = std::sin(0.5 * std::numbers::pi * node_.rho);
  const double common_weight = std::sqrt(r), own_weight = std::sqrt(1 - r);
  std::int64_t right = 0;
  for (std::uint64_t i = 0; i < members_; ++i) right += rng.bernoulli(0.5 * (1 + mu0_)) ? 1 : 0;
  mu[0] = 2.0 * static_cast<double>(right) / static_cast<double>(members_) - 1;
  for (int level = 1; level <= depth_; ++level) {
    const double p = 0.5 * (1 + node_.gamma * mu[level - 1]);
    double lo = -40, hi = 40;  // h with Phi(h) = p: a message is right if its latent normal lies below h
    for (int i = 0; i < 60; ++i) {
      const double mid = 0.5 * (lo + hi);
      (0.5 * std::erfc(-mid / std::numbers::sqrt2) < p ? lo : hi) = mid;
    }
    const double h = 0.5 * (lo + hi);
    right = 0;
    for (std::uint64_t i = 0; i < members_; ++i) {
      const double common = common_weight * rng.normal();
      int votes = 0;
      for (int j = 0; j < node_.b; ++j) votes += common + own_weight * rng.normal() < h ? 1 : -1;
      right += votes > 0 || (votes == 0 && rng.bernoulli(0.5)) ? 1 : 0;
    }
    mu[level] = 2.0 * static_cast<double>(right) / static_cast<double>(members_) - 1;
  }
}

double Averaging::star(FastStream& rng, std::uint64_t n) const {
  const double common = std::sqrt(rho * sigma2) * rng.normal(), own = std::sqrt((1 - rho) * sigma2), noise = std::sqrt(tau2);
  double sum = 0;
  for (std::uint64_t i = 0; i < n; ++i) {
    sum += own * rng.normal();
    sum += noise * rng.normal();
  }
  return common + sum / static_cast<double>(n);
}

double Averaging::tree(FastStream& rng, int b, int depth) const {
  const double common = std::sqrt(rho * sigma2) * rng.normal(), own = std::sqrt((1 - rho) * sigma2), noise = std::sqrt(tau2);
  std::vector<double> sum(static_cast<std::size_t>(depth) + 1, 0.0);
  std::vector<int> held(static_cast<std::size_t>(depth) + 1, 0);
  while (true) {
    double estimate = common + own * rng.normal();
    int level = 0;
    for (; level < depth; ++level) {
      sum[level] += estimate + noise * rng.normal();
      if (++held[level] < b) break;
      estimate = sum[level] / b;
      sum[level] = 0;
      held[level] = 0;
    }
    if (level == depth) return estimate;
  }
}

double Averaging::chain(FastStream& rng, std::uint64_t n) const {
  const double common = std::sqrt(rho * sigma2) * rng.normal(), own = std::sqrt((1 - rho) * sigma2), noise = std::sqrt(tau2);
  double running = common + own * rng.normal();
  for (std::uint64_t k = 2; k <= n; ++k) {
    const double heard = running + noise * rng.normal();
    running = (static_cast<double>(k - 1) * heard + common + own * rng.normal()) / static_cast<double>(k);
  }
  return running;
}

}  // namespace meso::systems::budgeted_agents
