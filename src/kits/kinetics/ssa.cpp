#include "kits/kinetics/ssa.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/text.h"

namespace meso::kinetics {
namespace {

/// The dense table of a network that fits it: every reactant molecule is one factor (x - already taken).
template <std::size_t R, std::size_t S, class Table>
void fill(const Network& network, Table& table) {
  for (auto& slots : table.slot) slots.fill(static_cast<std::uint32_t>(S));
  for (std::size_t j = 0; j < network.reactions.size(); ++j) {
    const Reaction& reaction = network.reactions[j];
    table.c[j] = reaction.stochastic;
    std::size_t factor = 0;
    for (const auto& [s, count] : reaction.reactants)
      for (int taken = 0; taken < count; ++taken, ++factor) {
        table.slot[factor][j] = static_cast<std::uint32_t>(s);
        table.below[factor][j] = taken;
      }
    for (const auto& [s, change] : reaction.change) table.change[j][s] = change;
  }
}

std::string named(const Reaction& reaction) { return fmt::format("{}reaction '{}'", reaction.where.empty() ? "" : reaction.where + ": ", reaction.text); }

/// A law that is c prod_i n_i (n_i - 1) ... (n_i - s_i + 1) with s_i at most 3 in all, and that vanishes before a count could fall below
/// zero, is mass action in other words: as such it runs in the fast kernels. Model files write every propensity as a formula.
std::optional<Reaction> as_mass_action(const Network& network, const Reaction& reaction) {
  if (reaction.mass_action || !reaction.bursts.empty()) return std::nullopt;
  const std::vector<std::string> names = reaction.law->variables();
  std::map<std::vector<int>, double> terms;
  if (names.size() > 3 || std::find(names.begin(), names.end(), "t") != names.end() || !reaction.law->polynomial(names, terms) || terms.empty()) return std::nullopt;
  std::vector<int> top(names.size(), 0);
  for (const auto& [exponents, coefficient] : terms)
    for (std::size_t i = 0; i < top.size(); ++i) top[i] = std::max(top[i], exponents[i]);
  const auto leading = terms.find(top);
  int order = 0;
  for (const int s : top) order += s;
  if (leading == terms.end() || order > 3 || !(leading->second > 0)) return std::nullopt;
  const double c = leading->second;
  Formula product = Formula::constant(c);
  for (std::size_t i = 0; i < top.size(); ++i)
    for (int k = 0; k < top[i]; ++k) product = product * (Formula::variable(names[i]) - Formula::constant(k));
  std::map<std::vector<int>, double> expected;
  (void)product.polynomial(names, expected);
  for (const auto& [exponents, coefficient] : expected) terms[exponents] -= coefficient;
  for (const auto& [exponents, difference] : terms)
    if (std::abs(difference) > 1e-12 * c) return std::nullopt;
  Reaction result = reaction;
  result.mass_action = true;
  result.law.reset();
  result.stochastic = c;
  result.reactants.clear();
  for (std::size_t i = 0; i < top.size(); ++i)
    if (top[i] > 0) result.reactants.emplace_back(network.index(names[i]), top[i]);
  std::sort(result.reactants.begin(), result.reactants.end());
  for (const auto& [s, change] : result.change) {
    if (change >= 0) continue;
    const auto found = std::find_if(result.reactants.begin(), result.reactants.end(), [s = s](const auto& term) { return term.first == s; });
    if (found == result.reactants.end() || found->second < -change) return std::nullopt;
  }
  return result;
}

Network with_mass_action(Network network) {
  for (Reaction& reaction : network.reactions)
    if (auto recognised = as_mass_action(network, reaction)) reaction = std::move(*recognised);
  return network;
}

}  // namespace

Ssa::Ssa(const Network& given) : network_(with_mass_action(given)), n_species_(given.species.size()), propensities_(network_) {
  const Network& network = network_;
  for (const Reaction& reaction : network.reactions)
    if (reaction.law) {
      const std::vector<std::string> names = reaction.law->variables();
      if (std::find(names.begin(), names.end(), "t") != names.end())
        throw ModelError(fmt::format("{}: the propensity depends on the time t; 'ssa' simulates laws that do not (rates constant between events). "
                                     "Use a level that integrates in time: 'fsp', 'closure', 'lna' or 'rate-equation'", named(reaction)));
    }
  const std::size_t n_reactions = network.reactions.size();
  const bool simple = is_dense(network);
  if (simple && n_species_ <= 1 && n_reactions <= 4) {
    dense_.which = 1;
    fill<4, 1>(network, dense_.t41);
  } else if (simple && n_species_ <= 2 && n_reactions <= 4) {
    dense_.which = 2;
    fill<4, 2>(network, dense_.t42);
  } else if (simple && n_species_ <= 4 && n_reactions <= 8) {
    dense_.which = 3;
    fill<8, 4>(network, dense_.t84);
  } else if (simple) {
    dense_.which = 4;
    fill<16, 8>(network, dense_.t168);
  }
  change_offset_.push_back(0);
  for (const Reaction& reaction : network.reactions) {
    for (const auto& [s, change] : reaction.change) changes_.emplace_back(static_cast<std::uint32_t>(s), change);
    change_offset_.push_back(changes_.size());
    is_law_.push_back(reaction.mass_action ? 0 : 1);
  }
}

bool Ssa::is_dense(const Network& network) {
  return network.species.size() <= 8 && network.reactions.size() <= 16 &&
         std::all_of(network.reactions.begin(), network.reactions.end(), [](const Reaction& r) { return r.simple(); });
}

Ssa::GraphKernel::GraphKernel(const Ssa& owner) : ssa(owner) {
  state.resize(ssa.n_species_);
  x = state;
  const std::size_t blocks = (ssa.propensities_.size() + block - 1) / block;
  a.assign(blocks * block, 0.0);
  sums.assign(blocks, 0.0);
}

double Ssa::GraphKernel::checked(std::size_t r) {
  const double value = ssa.propensities_(r, x);
  if (value >= 0 && value < std::numeric_limits<double>::infinity()) return value;
  if (value > -1e-12) {
    if (value < 0) return 0;  // rounding of a law that vanishes here
  }
  throw ModelError(fmt::format("{}: the propensity is {} at {}; it must be a number >= 0", named(ssa.network_.reactions[r]), brief(value, 6), state_text(ssa.network_, x)));
}

void Ssa::GraphKernel::start() {
  for (std::size_t r = 0; r < ssa.propensities_.size(); ++r) a[r] = checked(r);
  renew();
}

void Ssa::GraphKernel::renew() {
  total = 0;
  for (std::size_t k = 0; k < sums.size(); ++k) {
    double sum = 0;
    for (std::size_t j = 0; j < block; ++j) sum += a[k * block + j];
    sums[k] = sum;
    total += sum;
  }
  peak = total;
  since = 0;
}

void Ssa::GraphKernel::fire(double target, FastStream& rng) {
  std::size_t j = 0;
  while (true) {
    std::size_t k = 0;
    const std::size_t last_block = sums.size() - 1;
    while (k < last_block && target >= sums[k]) target -= sums[k++];
    j = k * block;
    const std::size_t end = j + block - 1;
    while (j < end && target >= a[j]) target -= a[j++];
    if (a[j] > 0) break;
    renew();  // rounding in the sums led beyond the last positive propensity: draw again from fresh ones
    target = rng.uniform() * total;
  }
  for (std::size_t q = ssa.change_offset_[j]; q < ssa.change_offset_[j + 1]; ++q) x[ssa.changes_[q].first] += ssa.changes_[q].second;
  for (const auto& [s, mean] : ssa.network_.reactions[j].bursts) x[s] += burst_size(mean, detail::negative_log(rng.uniform()));
  if (ssa.is_law_[j] != 0)
    for (std::size_t q = ssa.change_offset_[j]; q < ssa.change_offset_[j + 1]; ++q)
      if (x[ssa.changes_[q].first] < 0)
        throw ModelError(fmt::format("{}: fired although {} had too few molecules: {} after it; the law must vanish there", named(ssa.network_.reactions[j]),
                                     ssa.network_.species[ssa.changes_[q].first], state_text(ssa.network_, x)));
  for (const std::size_t r : ssa.propensities_.dependents(j)) {
    const double value = ssa.is_law_[r] != 0 ? checked(r) : ssa.propensities_(r, x);
    const double difference = value - a[r];
    a[r] = value;
    sums[r / block] += difference;
    total += difference;
  }
  // Each update leaves at most one rounding of the largest sum since the last renewal: renewed before a thousand of them, or
  // a total that has shrunk to a thousandth, could be seen (relative error of the total stays below 1e-9).
  if (total > peak) peak = total;
  if (++since == 1024 || total < 1e-3 * peak) renew();
}

}  // namespace meso::kinetics
