#include "kits/kinetics/fsp_space.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <numeric>

#include "base/error.h"
#include "base/hash.h"
#include "base/text.h"

namespace meso::kinetics {

std::uint64_t StateSpace::hash(const std::int32_t* state) const {
  std::uint64_t h = 0x9e3779b97f4a7c15ULL;
  for (std::size_t s = 0; s < species_; ++s) h = mix64(h ^ static_cast<std::uint32_t>(state[s]));
  return h;
}

void StateSpace::grow_table() {
  table_.assign(std::max<std::size_t>(64, table_.size() * 2), 0);
  const std::size_t mask = table_.size() - 1;
  for (std::size_t i = 0; i < size(); ++i) {
    std::size_t at = hash(counts_.data() + i * species_) & mask;
    while (table_[at] != 0) at = (at + 1) & mask;
    table_[at] = static_cast<std::uint32_t>(i + 1);
  }
}

std::uint32_t StateSpace::find(std::span<const std::int32_t> state) const {
  if (table_.empty()) return none;
  const std::size_t mask = table_.size() - 1;
  for (std::size_t at = hash(state.data()) & mask; table_[at] != 0; at = (at + 1) & mask) {
    const std::int32_t* other = counts_.data() + (table_[at] - 1) * species_;
    if (std::equal(other, other + species_, state.begin())) return table_[at] - 1;
  }
  return none;
}

std::uint32_t StateSpace::add(std::span<const std::int32_t> state) {
  const std::uint32_t known = find(state);
  if (known != none) return known;
  if (2 * (size() + 1) > table_.size()) grow_table();
  const std::size_t mask = table_.size() - 1;
  std::size_t at = hash(state.data()) & mask;
  while (table_[at] != 0) at = (at + 1) & mask;
  counts_.insert(counts_.end(), state.begin(), state.end());
  table_[at] = static_cast<std::uint32_t>(size());
  return static_cast<std::uint32_t>(size() - 1);
}

StateSpace StateSpace::select(std::span<const std::uint32_t> keep) const {
  StateSpace part(species_);
  part.counts_.reserve(keep.size() * species_);
  for (const std::uint32_t i : keep) part.counts_.insert(part.counts_.end(), counts_.begin() + static_cast<std::ptrdiff_t>(i * species_),
                                                         counts_.begin() + static_cast<std::ptrdiff_t>((i + 1) * species_));
  std::size_t table = 64;
  while (table < 2 * keep.size() + 2) table *= 2;
  part.table_.resize(table / 2);
  part.grow_table();
  return part;
}

std::vector<std::pair<std::int32_t, std::int32_t>> StateSpace::ranges() const {
  std::vector<std::pair<std::int32_t, std::int32_t>> range(species_, {0, -1});
  for (std::size_t i = 0; i < size(); ++i)
    for (std::size_t s = 0; s < species_; ++s) {
      const std::int32_t n = counts_[i * species_ + s];
      if (i == 0) range[s] = {n, n};
      range[s].first = std::min(range[s].first, n);
      range[s].second = std::max(range[s].second, n);
    }
  return range;
}

std::vector<std::uint32_t> StateSpace::banded_order() const {
  const auto range = ranges();
  std::vector<std::size_t> slow(species_);
  std::iota(slow.begin(), slow.end(), std::size_t{0});
  std::stable_sort(slow.begin(), slow.end(), [&](std::size_t a, std::size_t b) { return range[a].second - range[a].first > range[b].second - range[b].first; });
  std::vector<std::uint32_t> order(size());
  std::iota(order.begin(), order.end(), 0u);
  std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
    for (const std::size_t s : slow) {
      const std::int32_t x = counts_[a * species_ + s], y = counts_[b * species_ + s];
      if (x != y) return x < y;
    }
    return false;
  });
  return order;
}

MasterEquation::MasterEquation(SharedNetwork given) : network_(std::move(given)), propensities_(network_) {
  const Network& network = network_;
  if (network.time_dependent())
    throw ModelError("level 'fsp' solves master equations whose rates do not depend on time; this network has a propensity with t in it. Use level 'ssa'.");
}

StateSpace MasterEquation::initial() const {
  StateSpace space(network_->species.size());
  std::vector<std::int32_t> state(network_->initial.size());
  for (std::size_t s = 0; s < state.size(); ++s) {
    if (network_->initial[s] > 1'000'000'000)
      throw ModelError(fmt::format("level 'fsp' counts single molecules: {} = {} is too many to enumerate (at most 1e9)", network_->species[s], network_->initial[s]));
    state[s] = static_cast<std::int32_t>(network_->initial[s]);
  }
  space.add(state);
  return space;
}

std::string state_text(const Network& network, std::span<const std::int32_t> state) {
  std::vector<std::string> parts;
  for (std::size_t s = 0; s < state.size(); ++s) parts.push_back(fmt::format("{} = {}", network.species[s], state[s]));
  return join(parts);
}

void MasterEquation::refuse(std::size_t r, std::span<const std::int32_t> state, double a, bool negative) const {
  const std::string& text = network_->reactions[r].text;
  const std::string where = state_text(network_, state);
  if (negative)
    throw ModelError(fmt::format("reaction '{}' would make a count negative at {} (its propensity there is {}, it must be 0)", text, where, brief(a)));
  throw ModelError(fmt::format("reaction '{}' has propensity {} at {}; it must be finite and at least 0 wherever the network can go", text, brief(a), where));
}

num::Generator MasterEquation::generator(const StateSpace& space) const {
  num::Generator g;
  const std::size_t n = space.size();
  g.start.reserve(n + 1);
  g.leak.assign(n, 0.0);
  g.target.reserve(n * propensities_.size());
  g.rate.reserve(n * propensities_.size());
  for (std::size_t j = 0; j < n; ++j) {
    transitions(space[j], [&](std::size_t, std::span<const std::int32_t> to, double a) {
      const std::uint32_t i = space.find(to);
      if (i == StateSpace::none) {
        g.leak[j] += a;
        return;
      }
      for (std::size_t k = g.start[j]; k < g.target.size(); ++k)
        if (g.target[k] == i) {
          g.rate[k] += a;
          return;
        }
      g.target.push_back(i);
      g.rate.push_back(a);
    });
    g.start.push_back(g.target.size());
  }
  return g;
}

bool MasterEquation::expand(StateSpace& space, std::vector<std::uint32_t> from, std::size_t layers, std::size_t limit,
                            const std::function<bool(std::span<const std::int32_t>)>& inside) const {
  std::vector<std::uint32_t> next;
  std::vector<std::int32_t> state(space.species());
  bool within = true;
  for (std::size_t layer = 0; layer < layers && !from.empty(); ++layer) {
    next.clear();
    for (const std::uint32_t j : from) {
      std::copy(space[j].begin(), space[j].end(), state.begin());
      transitions(state, [&](std::size_t, std::span<const std::int32_t> to, double) {
        if (inside && !inside(to)) return;
        if (space.find(to) != StateSpace::none) return;
        if (space.size() >= limit) {
          within = false;
          return;
        }
        next.push_back(space.add(to));
      }, 0.05);  // of a burst the likely sizes: the set grows where it leaks

      if (!within) return false;
    }
    from.swap(next);
  }
  return true;
}

StartLaw MasterEquation::start() const {
  const std::size_t species = network_->species.size();
  if (!network_->random_start()) {
    const StateSpace point = initial();
    return {{{point[0].begin(), point[0].end()}, 1.0}};
  }
  std::vector<std::int64_t> first(species);
  std::vector<std::vector<double>> law(species);
  double states = 1;
  for (std::size_t s = 0; s < species; ++s) {
    const CountLaw point{CountLaw::Kind::point, static_cast<double>(network_->initial[s]), 0, {}};
    law[s] = (network_->start_laws.empty() ? point : network_->start_laws[s]).probabilities(1e-13 / static_cast<double>(species), first[s]);
    states *= static_cast<double>(law[s].size());
  }
  if (states > 1e7) throw ModelError(fmt::format("level 'fsp': the law of the initial counts has {} states; level 'ssa' draws from it", brief(states, 3)));
  StartLaw start;
  std::vector<std::int32_t> state(species);
  const std::function<void(std::size_t, double)> add = [&](std::size_t s, double probability) {
    if (s == species) {
      start.push_back({state, probability});
      return;
    }
    for (std::size_t k = 0; k < law[s].size(); ++k) {
      if (law[s][k] == 0) continue;
      state[s] = static_cast<std::int32_t>(first[s] + static_cast<std::int64_t>(k));
      add(s + 1, probability * law[s][k]);
    }
  };
  add(0, 1);
  return start;
}

}  // namespace meso::kinetics
