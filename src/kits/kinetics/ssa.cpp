#include "kits/kinetics/ssa.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/text.h"
#include "kits/kinetics/process.h"

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

// The very same network where there is none of them: it is shared, not copied.
SharedNetwork with_mass_action(SharedNetwork network) {
  std::optional<Network> changed;
  std::optional<SpeciesPlaces> places;
  for (std::size_t r = 0; r < network->reactions.size(); ++r) {
    if (network->reactions[r].mass_action) continue;
    if (!places) places = places_of(*network);
    if (auto recognised = as_mass_action(network->reactions[r], *places)) {
      if (!changed) changed = *network;
      changed->reactions[r] = std::move(*recognised);
    }
  }
  return changed ? SharedNetwork(std::move(*changed)) : network;
}

}  // namespace

void refuse_propensity(const Network& network, std::size_t r, double value, std::span<const double> state) {
  const Reaction& reaction = network.reactions[r];
  for (const auto& [s, change] : reaction.change)
    if (state[s] < 0)
      throw ModelError(fmt::format("{}: fired although {} had too few molecules: {} after it; the law must vanish there", named(reaction), network.species[s], state_text(network, state)));
  throw ModelError(fmt::format("{}: the propensity is {} at {}; it must be a number >= 0", named(reaction), brief(value, 6), state_text(network, state)));
}

SsaMethod ssa_method(const std::string& name) {
  if (name == "direct") return SsaMethod::direct;
  if (name == "dependency-graph") return SsaMethod::dependency_graph;
  if (name == "composition-rejection") return SsaMethod::composition_rejection;
  return SsaMethod::automatic;
}

SsaChoice choose_method(const Network& network) {
  constexpr std::size_t large = 8192;  // reactions from which on a search by blocks is slower than rejection (bench/network_bench.cpp)
  const std::size_t n = network.reactions.size();
  if (Ssa::is_dense(network)) return {SsaMethod::direct, fmt::format("direct method: {} mass-action reactions of {} species (up to 16 of 8)", n, network.species.size())};
  if (n < large) return {SsaMethod::dependency_graph, fmt::format("dependency graph with block search: {} reactions of {} species (fewer than {})", with_commas(n), with_commas(network.species.size()), with_commas(large))};
  return {SsaMethod::composition_rejection, fmt::format("composition and rejection: {} reactions ({} and more)", with_commas(n), with_commas(large))};
}

Ssa::Ssa(SharedNetwork given, SsaMethod method)
    : network_(with_mass_action(std::move(given))), method_(method == SsaMethod::automatic ? choose_method(network_).method : method), n_species_(network_->species.size()), propensities_(network_) {
  const Network& network = network_;
  for (const Reaction& reaction : network.reactions)
    if (reaction.law) {
      const std::vector<std::string> names = reaction.law->variables();
      if (std::find(names.begin(), names.end(), "t") != names.end())
        throw ModelError(fmt::format("{}: the propensity depends on the time t; 'ssa' simulates laws that do not (rates constant between events). "
                                     "Use a level that integrates in time: 'fsp', 'closure', 'lna' or 'rate-equation'", named(reaction)));
    }
  const std::size_t n_reactions = network.reactions.size();
  const bool simple = is_dense(network) && method_ == SsaMethod::direct;
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
  if (method_ != SsaMethod::direct || dense_.which != 0) return;
  for (const Reaction& reaction : network.reactions) {
    DirectKernel::Product& p = products_.emplace_back();
    p.slot.fill(static_cast<std::uint32_t>(n_species_));
    p.law = !reaction.simple();
    p.c = reaction.stochastic;
    std::size_t factor = 0;
    if (!p.law)
      for (const auto& [s, count] : reaction.reactants)
        for (int taken = 0; taken < count; ++taken, ++factor) {
          p.slot[factor] = static_cast<std::uint32_t>(s);
          p.below[factor] = taken;
        }
  }
}

bool Ssa::is_dense(const Network& network) {
  return network.species.size() <= 8 && network.reactions.size() <= 16 &&
         std::all_of(network.reactions.begin(), network.reactions.end(), [](const Reaction& r) { return r.simple(); });
}

Ssa::Kept::Kept(const Ssa& owner, std::size_t size) : ssa(owner), x(owner.n_species_), a(size, 0.0) {}

double Ssa::Kept::checked(std::size_t r) const {
  const double value = ssa.propensities_(r, std::span(x));
  if (value >= 0 && value < std::numeric_limits<double>::infinity()) return value;
  if (value > -1e-12 && value < 0) return 0;  // rounding of a law that vanishes here
  refuse_propensity(ssa.network_, r, value, x);
}

void Ssa::Kept::change(std::size_t j, FastStream& rng) {
  for (std::size_t q = ssa.change_offset_[j]; q < ssa.change_offset_[j + 1]; ++q) x[ssa.changes_[q].first] += ssa.changes_[q].second;
  for (const auto& [s, mean] : ssa.network_->reactions[j].bursts) x[s] += burst_size(mean, detail::negative_log(rng.uniform()));
  if (ssa.is_law_[j] != 0)
    for (std::size_t q = ssa.change_offset_[j]; q < ssa.change_offset_[j + 1]; ++q)
      if (x[ssa.changes_[q].first] < 0) refuse_propensity(ssa.network_, j, a[j], x);
}

Ssa::DirectKernel::DirectKernel(const Ssa& owner) : Kept(owner, owner.propensities_.size()) { x.push_back(1); }

double Ssa::DirectKernel::refresh() {  // a: prefix sums
  double sum = 0;
  for (std::size_t r = 0; r < a.size(); ++r) {
    const Product& p = ssa.products_[r];  // the order of its factors is that of every kernel of the direct method
    sum += p.law ? value(r) : p.c * x[p.slot[0]] * ((x[p.slot[1]] - p.below[1]) * (x[p.slot[2]] - p.below[2]));
    a[r] = sum;
  }
  return sum;
}

void Ssa::DirectKernel::fire(double target, FastStream& rng) {
  const auto end = a.end() - 1;
  change(static_cast<std::size_t>(std::upper_bound(a.begin(), end, target) - a.begin()), rng);
}

Ssa::GraphKernel::GraphKernel(const Ssa& owner) : Kept(owner, (owner.propensities_.size() + block - 1) / block * block), sums(a.size() / block, 0.0) {}

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
  change(j, rng);
  for (const std::size_t r : ssa.propensities_.dependents(j)) {
    const double now = value(r), difference = now - a[r];
    a[r] = now;
    sums[r / block] += difference;
    total += difference;
  }
  // Each update leaves at most one rounding of the largest sum since the last renewal: renewed before a thousand of them, or
  // a total that has shrunk to a thousandth, could be seen (relative error of the total stays below 1e-9).
  if (total > peak) peak = total;
  if (++since == 1024 || total < 1e-3 * peak) renew();
}

Ssa::RejectionKernel::RejectionKernel(const Ssa& owner)
    : Kept(owner, owner.propensities_.size()), position(a.size(), 0), exponent(a.size(), 0), group_of(2200, none) {}

Ssa::RejectionKernel::Group& Ssa::RejectionKernel::group(int e) {
  std::uint16_t& at = group_of[static_cast<std::size_t>(e + 1100)];
  if (at == none) {
    const auto place = std::find_if(groups.begin(), groups.end(), [e](const Group& g) { return g.exponent < e; });
    groups.insert(place, {.exponent = e, .upper = std::ldexp(1.0, e)});
    for (std::size_t g = 0; g < groups.size(); ++g) group_of[static_cast<std::size_t>(groups[g].exponent + 1100)] = static_cast<std::uint16_t>(g);
  }
  return groups[at];
}

void Ssa::RejectionKernel::put(std::size_t r, double now) {
  const double before = a[r];
  if (now == before) return;
  int e = 0;
  if (now > 0) (void)std::frexp(now, &e);
  a[r] = now;
  if (before > 0) {
    Group& from = groups[group_of[static_cast<std::size_t>(exponent[r] + 1100)]];
    if (now > 0 && e == exponent[r]) {
      from.sum += now - before;
      return;
    }
    const std::uint32_t last = from.members.back();
    from.members[position[r]] = last;
    position[last] = position[r];
    from.members.pop_back();
    from.sum = from.members.empty() ? 0 : from.sum - before;
  }
  if (now > 0) {
    Group& to = group(e);
    exponent[r] = static_cast<std::int16_t>(e);
    position[r] = static_cast<std::uint32_t>(to.members.size());
    to.members.push_back(static_cast<std::uint32_t>(r));
    to.sum += now;
  }
}

void Ssa::RejectionKernel::start() {
  for (std::size_t r = 0; r < a.size(); ++r) put(r, checked(r));
  renew();
}

void Ssa::RejectionKernel::renew() {
  total = 0;
  for (Group& g : groups) {
    g.sum = 0;
    for (const std::uint32_t r : g.members) g.sum += a[r];
    total += g.sum;
  }
  peak = total;
  since = 0;
}

void Ssa::RejectionKernel::fire(double target, FastStream& rng) {
  const Group* found = nullptr;
  while (true) {
    for (const Group& g : groups) {
      if (target < g.sum && !g.members.empty()) {
        found = &g;
        break;
      }
      target -= g.sum;
    }
    if (found != nullptr) break;
    renew();  // rounding in the sums led beyond the last group: draw again from fresh ones
    target = rng.uniform() * total;
  }
  std::size_t j = 0;
  while (true) {  // at least every second proposal is taken: a >= upper / 2
    const double place = rng.uniform() * static_cast<double>(found->members.size()), whole = std::floor(place);
    j = found->members[static_cast<std::size_t>(whole)];
    if ((place - whole) * found->upper < a[j]) break;
  }
  change(j, rng);
  for (const std::size_t r : ssa.propensities_.dependents(j)) {
    total -= a[r];
    put(r, value(r));
    total += a[r];
  }
  if (total > peak) peak = total;
  // As above; one renewal costs as much as some hundred events of a network of 25,000 reactions, and comes once in as many thousands.
  if (++since == 4096 + a.size() || total < 1e-3 * peak) renew();
}

}  // namespace meso::kinetics
