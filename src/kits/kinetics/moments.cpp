#include "kits/kinetics/moments.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "base/error.h"
#include "base/text.h"

namespace meso::kinetics {
namespace {

constexpr std::uint32_t centre_symbols = 0x40000000;  // mean minus the centre of a Taylor polynomial: zero once all derivatives are taken

double power(double base, int exponent) {
  double value = 1;
  for (int k = 0; k < exponent; ++k) value *= base;
  return value;
}

// <(nu + m)^k> with m a geometric burst of mean b: moments of m from its factorial moments, Stirling numbers of the second kind.
double burst_power(int nu, double b, int k) {
  double value = 0;
  for (int j = 0; j <= k; ++j) {
    double moment = j == 0 ? 1 : 0, term = 1;  // <m^j> = sum_l S(j, l) l! b^l
    for (int l = 1; l <= j; ++l) {
      term *= b;
      double surjections = 0;  // l! S(j, l) = sum_i (-1)^(l-i) binom(l, i) i^j
      for (int i = 1; i <= l; ++i) surjections += ((l - i) % 2 == 0 ? 1 : -1) * binomial(l, i) * power(i, j);
      moment += surjections * term;
    }
    value += binomial(k, j) * power(nu, k - j) * moment;
  }
  return value;
}

// Degree of a law as a polynomial in the species (its coefficients may hold t), -1: none, or above 6. Read off the tree, because a
// continuation reduces its network at every step; terms that cancel count, and a higher order expands a polynomial just as exactly.
int law_degree(const Formula& law, const std::vector<std::string>& species) {
  const Formula::Node& node = *law.root();
  if (node.op == Op::number) return 0;
  if (node.op == Op::variable) return std::find(species.begin(), species.end(), node.name) == species.end() ? 0 : 1;
  std::vector<int> degrees;
  for (const Formula& argument : node.args) {
    degrees.push_back(law_degree(argument, species));
    if (degrees.back() < 0) return -1;
  }
  int degree = -1;
  switch (node.op) {
    case Op::add:
    case Op::subtract: degree = std::max(degrees[0], degrees[1]); break;
    case Op::multiply: degree = degrees[0] + degrees[1]; break;
    case Op::divide: degree = degrees[1] == 0 ? degrees[0] : -1; break;
    case Op::negate: degree = degrees[0]; break;
    case Op::power: {
      double exponent = 0;
      if (degrees[0] == 0 && degrees[1] == 0) degree = 0;
      else if (node.args[1].is_constant(&exponent) && exponent >= 0 && exponent <= 6 && exponent == std::floor(exponent)) degree = degrees[0] * static_cast<int>(exponent);
      break;
    }
    default: degree = std::all_of(degrees.begin(), degrees.end(), [](int d) { return d == 0; }) ? 0 : -1;
  }
  return degree > 6 ? -1 : degree;
}

MultiIndex sum(const MultiIndex& i, const MultiIndex& j) {
  MultiIndex k(i.size());
  for (std::size_t s = 0; s < i.size(); ++s) k[s] = i[s] + j[s];
  return k;
}

}  // namespace

double change_moment(const ReducedNetwork::Channel& channel, const MultiIndex& i, const MultiIndex& j) {
  double value = 1;
  for (std::size_t s = 0; s < i.size(); ++s) {
    const double b = channel.burst.empty() ? 0.0 : channel.burst[s];
    value *= b > 0 ? burst_power(channel.change[s], b, i[s] - j[s]) : power(channel.change[s], i[s] - j[s]);  // 0^0 = 1
  }
  return value;
}

void Polynomial::add(const Monomial& monomial, double coefficient) {
  if (coefficient == 0) return;
  const auto [where, inserted] = terms.try_emplace(monomial, coefficient);
  if (!inserted && (where->second += coefficient) == 0) terms.erase(where);
}

void Polynomial::add(const Polynomial& other, double factor) {
  for (const auto& [monomial, coefficient] : other.terms) add(monomial, coefficient * factor);
}

Polynomial Polynomial::operator*(const Polynomial& other) const {
  Polynomial product;
  Monomial merged;
  for (const auto& [a, ca] : terms) {
    for (const auto& [b, cb] : other.terms) {
      merged.resize(a.size() + b.size());
      std::merge(a.begin(), a.end(), b.begin(), b.end(), merged.begin());
      product.add(merged, ca * cb);
    }
  }
  return product;
}

Polynomial Polynomial::operator*(double factor) const {
  Polynomial scaled;
  if (factor == 0) return scaled;
  scaled.terms = terms;
  for (auto& [monomial, coefficient] : scaled.terms) coefficient *= factor;
  return scaled;
}

Polynomial& Polynomial::operator+=(const Polynomial& other) {
  add(other);
  return *this;
}

Polynomial Polynomial::operator+(const Polynomial& other) const {
  Polynomial sum = *this;
  sum.add(other);
  return sum;
}

Polynomial Polynomial::operator-(const Polynomial& other) const {
  Polynomial difference = *this;
  difference.add(other, -1);
  return difference;
}

Polynomial Polynomial::derivative(std::uint32_t id) const {
  Polynomial result;
  for (const auto& [monomial, coefficient] : terms) {
    const auto [first, last] = std::equal_range(monomial.begin(), monomial.end(), id);
    if (first == last) continue;
    Monomial rest(monomial.begin(), first);
    rest.insert(rest.end(), first + 1, monomial.end());
    result.add(rest, coefficient * static_cast<double>(last - first));
  }
  return result;
}

std::size_t LawTable::add(Formula law) {
  const MultiIndex zero(species_.size(), 0);
  first_.push_back(entries_.size());
  known_[{first_.size() - 1, zero}] = entries_.size();
  entries_.push_back({first_.size() - 1, zero, std::move(law)});
  return first_.size() - 1;
}

std::uint32_t LawTable::symbol(std::size_t law, const MultiIndex& k) {
  const auto found = known_.find({law, k});
  if (found != known_.end()) return law_symbols + static_cast<std::uint32_t>(found->second);
  std::size_t s = 0;
  while (k[s] == 0) ++s;
  MultiIndex lower = k;
  --lower[s];
  const std::size_t parent = symbol(law, lower) - law_symbols;
  const Formula derivative = entries_[parent].formula.derivative(species_[s]);
  known_[{law, k}] = entries_.size();
  entries_.push_back({law, k, derivative});
  return law_symbols + static_cast<std::uint32_t>(entries_.size() - 1);
}

int ReducedNetwork::degree(int taylor) const {
  int highest = 0;
  for (const Channel& channel : channels) {
    if (channel.law) highest = std::max(highest, channel.taylor(taylor));
    for (const auto& [k, c] : channel.polynomial) highest = std::max(highest, meso::degree(k));
  }
  return highest;
}

bool ReducedNetwork::polynomial() const {
  return std::none_of(channels.begin(), channels.end(), [](const Channel& c) { return c.law.has_value() && c.law_degree < 0; });
}

Polynomial ReducedNetwork::amount(std::size_t a) const {
  Polynomial p(offset[a]);
  for (std::size_t s = 0; s < size(); ++s) p.add(Polynomial::Monomial{static_cast<std::uint32_t>(s)}, map[a * size() + s]);
  return p;
}

std::vector<std::string> ReducedNetwork::eliminated() const {
  std::vector<std::string> lines;
  for (std::size_t d = 0; d < all_species.size(); ++d) {
    if (std::find(position.begin(), position.end(), d) != position.end()) continue;
    std::string right = offset[d] != 0 ? brief(offset[d], 12) : "";
    for (std::size_t s = 0; s < size(); ++s) {
      const double c = map[d * size() + s];
      if (c == 0) continue;
      right += right.empty() ? (c < 0 ? "-" : "") : (c < 0 ? " - " : " + ");
      if (std::abs(c) != 1) right += brief(std::abs(c), 12) + " ";
      right += species[s];
    }
    lines.push_back(all_species[d] + " = " + (right.empty() ? "0" : right));
  }
  return lines;
}

ReducedNetwork reduce(const Network& network, Convention convention) {
  const std::size_t all = network.species.size();
  ReducedNetwork reduced;
  reduced.all_species = network.species;
  reduced.volume = network.volume;

  // A species whose row of net changes is a combination of earlier rows is n = const + combination. Gram-Schmidt in
  // small integers would do; elimination on the rows with the combination carried along is as short.
  // A burst of a species is a column of its own: nothing else moves with it.
  const std::size_t reactions = network.reactions.size();
  std::vector<std::pair<std::size_t, std::size_t>> bursting;  // (reaction, species)
  for (std::size_t r = 0; r < reactions; ++r)
    for (const auto& [species, mean] : network.reactions[r].bursts)
      if (mean > 0) bursting.emplace_back(r, species);
  std::vector<std::vector<double>> basis, combination;  // reduced rows, and what they are of the independent rows
  std::vector<std::size_t> pivot;
  std::vector<std::vector<double>> dependence(all);
  for (std::size_t s = 0; s < all; ++s) {
    std::vector<double> row(reactions + bursting.size(), 0.0), used;
    for (std::size_t r = 0; r < reactions; ++r)
      for (const auto& [species, change] : network.reactions[r].change)
        if (species == s) row[r] = change;
    for (std::size_t b = 0; b < bursting.size(); ++b)
      if (bursting[b].second == s) row[reactions + b] = 1;
    used.assign(reduced.position.size() + 1, 0.0);
    for (std::size_t b = 0; b < basis.size(); ++b) {
      const double factor = row[pivot[b]] / basis[b][pivot[b]];
      if (factor == 0) continue;
      for (std::size_t r = 0; r < row.size(); ++r) row[r] -= factor * basis[b][r];
      for (std::size_t k = 0; k < combination[b].size(); ++k) used[k] += factor * combination[b][k];
    }
    const auto largest = std::max_element(row.begin(), row.end(), [](double a, double b) { return std::abs(a) < std::abs(b); });
    if (largest == row.end() || std::abs(*largest) < 1e-9) {
      dependence[s] = used;
      continue;
    }
    for (double& u : used) u = -u;
    used.back() = 1;
    pivot.push_back(static_cast<std::size_t>(largest - row.begin()));
    basis.push_back(std::move(row));
    combination.push_back(used);
    reduced.position.push_back(s);
    reduced.species.push_back(network.species[s]);
    reduced.initial.push_back(static_cast<double>(network.initial[s]));
  }
  const std::size_t size = reduced.species.size();
  reduced.offset.assign(all, 0.0);
  reduced.map.assign(all * size, 0.0);
  std::map<std::string, Formula> substitution;
  for (std::size_t s = 0, k = 0; s < all; ++s) {
    if (k < size && reduced.position[k] == s) {
      reduced.map[s * size + k++] = 1;
      continue;
    }
    double constant = static_cast<double>(network.initial[s]);
    for (std::size_t c = 0; c < std::min(size, dependence[s].size()); ++c) {
      const double rounded = std::abs(dependence[s][c] - std::round(dependence[s][c])) < 1e-9 ? std::round(dependence[s][c]) : dependence[s][c];
      reduced.map[s * size + c] = rounded;
      constant -= rounded * reduced.initial[c];
    }
    reduced.offset[s] = constant;
    Formula value = Formula::constant(constant);
    for (std::size_t c = 0; c < size; ++c)
      if (reduced.map[s * size + c] != 0) value = value + Formula::constant(reduced.map[s * size + c]) * Formula::variable(reduced.species[c]);
    substitution.emplace(network.species[s], value);
  }

  // One molecule in all of a group of species: each of them is 0 or 1.
  for (const std::vector<int>& law : network.conservation_laws()) {
    std::int64_t total = 0;
    std::vector<std::size_t> group;
    bool plain = true;
    for (std::size_t s = 0; s < all; ++s) {
      plain = plain && (law[s] == 0 || law[s] == 1);
      total += law[s] * network.initial[s];
      if (law[s] == 1) group.push_back(s);
    }
    if (plain && total == 1) reduced.exclusive.push_back(std::move(group));
  }

  // Amount of each species as a polynomial in the independent ones.
  std::vector<Polynomial> amount;
  for (std::size_t s = 0; s < all; ++s) amount.push_back(reduced.amount(s));
  for (std::size_t r = 0; r < reactions; ++r) {
    const Reaction& reaction = network.reactions[r];
    ReducedNetwork::Channel channel;
    channel.text = reaction.text;
    channel.reaction = r;
    channel.mass_action = reaction.mass_action;
    channel.stochastic = reaction.stochastic;
    channel.reactants = reaction.reactants;
    for (const auto& [species, mean] : reaction.bursts)
      for (std::size_t c = 0; c < size; ++c)
        if (reduced.position[c] == species && mean > 0) {
          channel.burst.resize(size, 0.0);
          channel.burst[c] = mean;
        }
    channel.change.assign(size, 0);
    for (const auto& [species, change] : reaction.change)
      for (std::size_t c = 0; c < size; ++c)
        if (reduced.position[c] == species) channel.change[c] = change;
    if (channel.burst.empty() && std::all_of(channel.change.begin(), channel.change.end(), [](int nu) { return nu == 0; })) continue;
    if (reaction.mass_action) {
      Polynomial rate(reaction.stochastic);
      for (const auto& [species, count] : reaction.reactants) {
        for (int k = 0; k < count; ++k) {
          Polynomial factor = amount[species];
          if (convention == Convention::stochastic) factor.add(Polynomial(1), -k);
          rate = rate * factor;
        }
      }
      for (const auto& [monomial, coefficient] : rate.terms) {
        MultiIndex k(size, 0);
        for (const std::uint32_t id : monomial) ++k[id];
        channel.polynomial[k] += coefficient;
      }
    } else {
      const Formula law = substitution.empty() ? *reaction.law : reaction.law->substitute(substitution);
      std::map<std::vector<int>, double> terms;
      if (law.polynomial(reduced.species, terms)) {
        for (const auto& [k, coefficient] : terms)
          if (coefficient != 0) channel.polynomial[k] += coefficient;
      } else {
        channel.law = law;
        const std::vector<std::string> names = law.variables();
        if (std::find(names.begin(), names.end(), "t") != names.end()) reduced.time_dependent = true;
        channel.law_degree = law_degree(law, reduced.species);
      }
    }
    reduced.channels.push_back(std::move(channel));
  }
  return reduced;
}

RawMomentEquations raw_moment_equations(const ReducedNetwork& network, int order) {
  for (const ReducedNetwork::Channel& channel : network.channels)
    if (channel.law)
      throw ModelError(fmt::format("the propensity of '{}' is no polynomial: raw moments need a polynomial; use cumulants with a Taylor order", channel.text));
  const int degree = std::max(1, network.degree(0));
  RawMomentEquations result{MultiIndexSet(network.size(), order), MultiIndexSet(network.size(), order + degree - 1), {}};
  for (std::size_t row = 0; row < result.rows.size(); ++row) {
    const MultiIndex& i = result.rows[row];
    std::map<std::size_t, double> sums;
    for (const auto& channel : network.channels) {
      for_each_below(i, [&](const MultiIndex& j) {
        if (j == i) return;
        const double weight = binomial(i, j) * change_moment(channel, i, j);
        if (weight == 0) return;
        for (const auto& [k, c] : channel.polynomial) sums[result.columns.find(sum(j, k))] += weight * c;
      });
    }
    for (const auto& [column, coefficient] : sums)
      if (coefficient != 0) result.entries.push_back({row, column, coefficient});
  }
  return result;
}

namespace {

// Cumulants of the tilted law as symbols, and the derivation D_s on polynomials of them.
class Tilted {
 public:
  explicit Tilted(const MultiIndexSet& set) : set_(set) {}

  [[nodiscard]] Polynomial derivative(const Polynomial& p, std::size_t s) const {
    Polynomial result;
    Polynomial::Monomial raised;
    for (const auto& [monomial, coefficient] : p.terms) {
      for (std::size_t f = 0; f < monomial.size(); ++f) {
        if (f > 0 && monomial[f] == monomial[f - 1]) continue;  // equal factors are counted together
        const std::uint32_t id = monomial[f];
        if (id >= law_symbols && id < centre_symbols) continue;  // evaluated at the mean: constant under the tilt
        const std::size_t next = set_.next(id >= centre_symbols ? id - centre_symbols : id, s);
        if (next == MultiIndexSet::npos) continue;  // closed by zero
        const auto [first, last] = std::equal_range(monomial.begin(), monomial.end(), id);
        raised = monomial;
        raised[f] = static_cast<std::uint32_t>(next);
        std::sort(raised.begin(), raised.end());
        result.add(raised, coefficient * static_cast<double>(last - first));
      }
    }
    return result;
  }

  // <n^k>, or <(n - centre)^k> in the centre symbols: m_(k+e_s) = (kappa_s + D_s) m_k.
  const Polynomial& moment(const MultiIndex& k, bool centred) {
    auto& memo = centred ? centred_ : raw_;
    const auto found = memo.find(k);
    if (found != memo.end()) return found->second;
    Polynomial value(1);
    std::size_t s = 0;
    while (s < k.size() && k[s] == 0) ++s;
    if (s < k.size()) {
      MultiIndex lower = k;
      --lower[s];
      const Polynomial& m = moment(lower, centred);
      value = m * Polynomial::variable(static_cast<std::uint32_t>(s) + (centred ? centre_symbols : 0));
      value.add(derivative(m, s));
    }
    return memo.emplace(k, std::move(value)).first->second;
  }

 private:
  const MultiIndexSet& set_;
  std::map<MultiIndex, Polynomial> raw_, centred_;
};

}  // namespace

MomentEquations cumulant_equations(const ReducedNetwork& network, int order, int keep, int taylor) {
  const std::size_t species = network.size();
  const int highest = order + std::max(1, network.degree(taylor)) - 1;
  MomentEquations result{MultiIndexSet(species, keep > 0 ? std::min(keep, highest) : highest), order, {}, LawTable(network.species), network.volume};
  const MultiIndexSet& set = result.set;
  const std::size_t rows = set.size_up_to(order);
  result.equations.resize(rows);
  Tilted tilted(set);
  for (const auto& channel : network.channels) {
    Polynomial average;  // A_r(theta)
    for (const auto& [k, c] : channel.polynomial) average.add(tilted.moment(k, false), c);
    if (channel.law) {
      const std::size_t law = result.laws.add(*channel.law);
      const int expanded = channel.taylor(taylor);
      std::set<std::string> used;
      for (const std::string& name : channel.law->variables()) used.insert(name);
      MultiIndex top(species, 0);
      for (std::size_t s = 0; s < species; ++s) top[s] = used.contains(network.species[s]) ? expanded : 0;
      for_each_below(top, [&](const MultiIndex& k) {
        if (degree(k) > expanded) return;
        average.add(Polynomial::variable(result.laws.symbol(law, k)) * tilted.moment(k, true), 1 / factorial(k));
      });
    }
    // D^j A_r for every |j| < order, each from one lower; centre symbols vanish at theta = 0.
    std::map<MultiIndex, Polynomial> derivatives;
    derivatives[MultiIndex(species, 0)] = std::move(average);
    for (std::size_t p = 0; p < set.size_up_to(order - 1); ++p) {
      const MultiIndex& j = set[p];
      std::size_t s = 0;
      while (j[s] == 0) ++s;
      MultiIndex lower = j;
      --lower[s];
      derivatives[j] = tilted.derivative(derivatives[lower], s);
    }
    if (channel.law)
      for (auto& [j, p] : derivatives) std::erase_if(p.terms, [](const auto& term) { return !term.first.empty() && term.first.back() >= centre_symbols; });
    for (std::size_t row = 0; row < rows; ++row) {
      const MultiIndex& i = set[row];
      for_each_below(i, [&](const MultiIndex& j) {
        if (j == i) return;
        const double weight = binomial(i, j) * change_moment(channel, i, j);
        if (weight == 0) return;
        if (channel.factor) result.equations[row].add(derivatives[j] * Polynomial::variable(*channel.factor), weight);
        else result.equations[row].add(derivatives[j], weight);
      });
    }
  }
  return result;
}

Polynomial rate_at_mean(const ReducedNetwork::Channel& channel, LawTable& laws, std::size_t* law) {
  if (channel.law) {
    const std::size_t index = laws.add(*channel.law);
    if (law != nullptr) *law = index;
    return Polynomial::variable(laws.symbol(index, MultiIndex(laws.species().size(), 0)));
  }
  Polynomial rate;
  for (const auto& [k, c] : channel.polynomial) {
    Polynomial::Monomial means;
    for (std::size_t s = 0; s < k.size(); ++s) means.insert(means.end(), static_cast<std::size_t>(k[s]), static_cast<std::uint32_t>(s));
    rate.add(means, c);
  }
  return rate;
}

MomentEquations central_moment_equations(const ReducedNetwork& network, int order, int taylor) {
  const std::size_t species = network.size();
  MomentEquations result{MultiIndexSet(species, order + std::max(1, network.degree(taylor))), order, {}, LawTable(network.species), network.volume};
  const MultiIndexSet& set = result.set;
  result.equations.resize(set.size_up_to(order));
  // <y^k> of the deviation y = n - mean.
  const auto central = [&](const MultiIndex& k) {
    if (degree(k) == 0) return Polynomial(1);
    if (degree(k) == 1) return Polynomial();
    return Polynomial::variable(static_cast<std::uint32_t>(set.find(k)));
  };
  const auto add = [&](const ReducedNetwork::Channel& channel, const MultiIndex& k, const Polynomial& coefficient) {  // a_r contains coefficient * y^k
    for (std::size_t row = 0; row < result.equations.size(); ++row) {
      const MultiIndex& i = set[row];
      for_each_below(i, [&](const MultiIndex& j) {
        if (j == i) return;
        const double weight = binomial(i, j) * change_moment(channel, i, j);
        if (weight != 0) result.equations[row].add(coefficient * central(sum(j, k)), weight);
      });
      if (degree(i) < 2) continue;
      for (std::size_t s = 0; s < species; ++s) {  // the mean moves: - i_s <y^(i-e_s)> dmean_s/dt
        if (i[s] == 0 || channel.mean_change(s) == 0) continue;
        MultiIndex lower = i;
        --lower[s];
        result.equations[row].add(coefficient * central(k) * central(lower), -static_cast<double>(i[s]) * channel.mean_change(s));
      }
    }
  };
  for (const auto& channel : network.channels) {
    for (const auto& term : channel.polynomial) {  // (mean + y)^p
      const MultiIndex& power_of_n = term.first;
      for_each_below(power_of_n, [&](const MultiIndex& k) {
        Polynomial::Monomial means;
        for (std::size_t s = 0; s < species; ++s) means.insert(means.end(), static_cast<std::size_t>(power_of_n[s] - k[s]), static_cast<std::uint32_t>(s));
        Polynomial coefficient;
        coefficient.add(means, term.second * binomial(power_of_n, k));
        add(channel, k, coefficient);
      });
    }
    if (channel.law) {
      const std::size_t law = result.laws.add(*channel.law);
      const int expanded = channel.taylor(taylor);
      for_each_below(MultiIndex(species, expanded), [&](const MultiIndex& k) {
        if (degree(k) > expanded) return;
        Polynomial coefficient;
        coefficient.add(Polynomial::Monomial{result.laws.symbol(law, k)}, 1 / factorial(k));
        add(channel, k, coefficient);
      });
    }
  }
  return result;
}

}  // namespace meso::kinetics
