// Sets of states of a reaction network with a fast look-up, and the generator of the master equation on them.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "kits/kinetics/network.h"
#include "num/markov.h"

namespace meso::kinetics {

/// States of S species in a fixed order, each once. Index -> counts and counts -> index.
class StateSpace {
 public:
  explicit StateSpace(std::size_t species = 1) : species_(species) {}
  [[nodiscard]] std::size_t species() const { return species_; }
  [[nodiscard]] std::size_t size() const { return counts_.size() / species_; }
  [[nodiscard]] std::span<const std::int32_t> operator[](std::size_t i) const { return {counts_.data() + i * species_, species_}; }
  /// All counts, size() x species(), row-major.
  [[nodiscard]] std::span<const std::int32_t> counts() const { return counts_; }
  static constexpr std::uint32_t none = 0xffffffffu;
  [[nodiscard]] std::uint32_t find(std::span<const std::int32_t> state) const;
  /// Index of the state, new or old.
  std::uint32_t add(std::span<const std::int32_t> state);
  /// The states that are in `keep` (ascending or not), in that order.
  [[nodiscard]] StateSpace select(std::span<const std::uint32_t> keep) const;
  /// Indices such that the species with the widest range varies slowest: this makes the generator's band narrowest.
  [[nodiscard]] std::vector<std::uint32_t> banded_order() const;
  /// Smallest and largest count of each species.
  [[nodiscard]] std::vector<std::pair<std::int32_t, std::int32_t>> ranges() const;

 private:
  void grow_table();
  [[nodiscard]] std::uint64_t hash(const std::int32_t* state) const;
  std::size_t species_;
  std::vector<std::int32_t> counts_;
  std::vector<std::uint32_t> table_;  // open addressing, index + 1, size a power of two
};

/// A law to start from: states (S counts each) with their probabilities. What is missing from 1 counts as lost.
struct StateProbability {
  std::vector<std::int32_t> state;
  double probability = 0;
};
using StartLaw = std::vector<StateProbability>;

/// The master equation of one network: transitions out of a state.
class MasterEquation {
 public:
  /// @throws ModelError if a propensity depends on time: a generator does not
  explicit MasterEquation(SharedNetwork network);
  [[nodiscard]] const Network& network() const { return network_; }
  /// States where this holds are never left: for first-passage times.
  void absorb(std::function<bool(std::span<const std::int32_t>)> where) { absorbing_ = std::move(where); }
  /// Calls visit(reaction, target counts, propensity) for each reaction that can fire and changes the state; for one with a
  /// burst once per size, with the propensity times the probability of that size. Sizes that together have less than `tail`
  /// count as the smallest of them: at 1e-17 below rounding.
  /// @throws ModelError propensity negative or not finite, or a count that would become negative (names reaction and state)
  template <class Visit>
  void transitions(std::span<const std::int32_t> state, Visit&& visit, double tail = 1e-17) const {
    if (absorbing_ && absorbing_(state)) return;
    thread_local std::vector<double> n;
    thread_local std::vector<std::int32_t> to;
    n.assign(state.begin(), state.end());
    for (std::size_t r = 0; r < propensities_.size(); ++r) {
      const auto& change = network_->reactions[r].change;
      const auto& bursts = network_->reactions[r].bursts;
      if (change.empty() && bursts.empty()) continue;
      const double a = propensities_(r, n);
      if (a == 0) continue;
      to.assign(state.begin(), state.end());
      bool negative = false;
      for (const auto& [s, d] : change) negative |= (to[s] += d) < 0;
      if (!(a > 0) || !(a < 1e300) || negative) refuse(r, state, a, negative);
      if (!bursts.empty()) {
        burst(r, 0, a, tail, to, change.empty(), visit);
        continue;
      }
      visit(r, std::span<const std::int32_t>(to), a);
    }
  }
  /// Propensity of reaction r.
  [[nodiscard]] double propensity(std::size_t r, std::span<const std::int32_t> state) const {
    thread_local std::vector<double> n;
    n.assign(state.begin(), state.end());
    return propensities_(r, n);
  }
  /// Generator on the set; what leaves the set is its leak.
  [[nodiscard]] num::Generator generator(const StateSpace& space) const;
  /// Adds what can be reached from `from` (indices) in at most `layers` reactions while `inside` holds, up to `limit` states.
  /// @returns false if the limit stopped it
  bool expand(StateSpace& space, std::vector<std::uint32_t> from, std::size_t layers, std::size_t limit,
              const std::function<bool(std::span<const std::int32_t>)>& inside = {}) const;
  [[nodiscard]] StateSpace initial() const;
  /// The law of the initial counts on its states; all but 1e-13 of it.
  [[nodiscard]] StartLaw start() const;

 private:
  // Sizes of burst k of reaction r and of those after it. `nothing`: so far the state is the old one.
  template <class Visit>
  void burst(std::size_t r, std::size_t k, double a, double tail, std::vector<std::int32_t>& to, bool nothing, Visit& visit) const {
    const auto& bursts = network_->reactions[r].bursts;
    if (k == bursts.size()) {
      if (!nothing) visit(r, std::span<const std::int32_t>(to), a);
      return;
    }
    const auto& [s, mean] = bursts[k];
    const double ratio = mean / (1 + mean);
    const std::int32_t before = to[s];
    double above = 1;  // probability of this size and larger ones
    for (std::int32_t m = 0;; ++m) {
      const bool last = above * ratio < tail;
      burst(r, k + 1, a * (last ? above : above * (1 - ratio)), tail, to, nothing && m == 0, visit);
      if (last) break;
      above *= ratio;
      ++to[s];
    }
    to[s] = before;
  }
  [[noreturn]] void refuse(std::size_t r, std::span<const std::int32_t> state, double a, bool negative) const;
  SharedNetwork network_;
  Propensities propensities_;
  std::function<bool(std::span<const std::int32_t>)> absorbing_;
};

/// "X = 3, Y = 0".
[[nodiscard]] std::string state_text(const Network& network, std::span<const std::int32_t> state);

}  // namespace meso::kinetics
