#include "kits/kinetics/closure_families.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/text.h"
#include "stat/cumulants.h"

namespace meso::kinetics {
namespace {

// ------------------------------------------------------------------ families whose cumulants are polynomials of lower ones

// A cumulant above the order as a polynomial of those up to it, given the cumulants and central moments below it.
struct Below {
  const MultiIndexSet& set;
  const CumulantTable& table;
  std::span<const Polynomial> kappa, central;
};
using HighCumulant = std::function<Polynomial(const Below& below, std::size_t p)>;

// All of them, ascending. Where powers of a 0/1 species make a moment equal to a lower one (<g^2 p> = <g p>), it is that one.
std::vector<Polynomial> high_cumulants(const MultiIndexSet& set, std::size_t lows, const BinarySpecies& binary, bool by_central, const HighCumulant& rule) {
  const CumulantTable table(set);
  std::vector<Polynomial> kappa(set.size()), central(set.size()), raw(set.size());
  for (std::size_t p = 0; p < set.size(); ++p) {
    const MultiIndex i = binary.reduced(set[p]);
    if (p < lows) kappa[p] = Polynomial::variable(static_cast<std::uint32_t>(p));
    else if (binary.vanishes(i)) kappa[p] = Polynomial() - table.lower_part<Polynomial>(p, kappa, raw);
    else if (i != set[p]) kappa[p] = raw[set.find(i)] - table.lower_part<Polynomial>(p, kappa, raw);
    else kappa[p] = rule({set, table, kappa, central}, p);
    if (by_central) table.moments<Polynomial>(kappa, central, p, p + 1, true);
    if (binary.any()) table.moments<Polynomial>(kappa, raw, p, p + 1);
  }
  return {kappa.begin() + static_cast<std::ptrdiff_t>(lows), kappa.end()};
}

// A cumulant up to the order that 0/1 species make redundant (<g^2> = <g>, <g g'> = 0 where they exclude each other) is a
// polynomial c of the others. Its equation becomes d/dt (kappa - c) = -rate (kappa - c): the constraint holds from a start
// that obeys it, and the other eigenvalues of the flow are those of the equations without it.
void tie_redundant(MomentEquations& equations, const ReducedNetwork& network, const BinarySpecies& binary) {
  if (!binary.any()) return;
  double rate = 1;  // as fast as the fastest first-order rate
  for (const auto& channel : network.channels)
    for (const auto& [k, c] : channel.polynomial)
      if (degree(k) == 1) rate = std::max(rate, std::abs(c));
  const MultiIndexSet& set = equations.set;
  const std::size_t lows = equations.equations.size();
  const std::vector<Polynomial> raw = raw_moment_polynomials(set, lows);
  for (std::size_t p = 0; p < lows; ++p) {
    const MultiIndex i = binary.reduced(set[p]);
    const bool vanishes = binary.vanishes(i);
    if (i == set[p] && !vanishes) continue;
    const auto self = static_cast<std::uint32_t>(p);
    Polynomial c = vanishes ? Polynomial() : raw[set.find(i)];
    c.add(raw[p], -1);
    c.add(Polynomial::Monomial{self}, 1);
    std::vector<std::uint32_t> ids;
    for (const auto& [monomial, coefficient] : c.terms) ids.insert(ids.end(), monomial.begin(), monomial.end());
    std::sort(ids.begin(), ids.end());
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
    Polynomial row;
    for (const std::uint32_t l : ids) row += c.derivative(l) * equations.equations[l];
    row.add(c, rate);
    row.add(Polynomial::Monomial{self}, -rate);
    equations.equations[p] = std::move(row);
  }
}

// Puts them into the exact hierarchy.
ClosedEquations substituted(const ReducedNetwork& network, int order, int taylor, bool by_central, const HighCumulant& rule) {
  MomentEquations equations = cumulant_equations(network, order, 0, taylor);
  const std::size_t lows = equations.set.size_up_to(order);
  const BinarySpecies binary = binary_species(network);
  const std::vector<Polynomial> replacement = high_cumulants(equations.set, lows, binary, by_central, rule);
  for (Polynomial& row : equations.equations) {
    Polynomial closed;
    for (const auto& [monomial, coefficient] : row.terms) {
      Polynomial::Monomial kept;
      Polynomial product(coefficient);
      for (const std::uint32_t id : monomial) {
        if (id >= extra_symbols || id < lows) kept.push_back(id);
        else product = product * replacement[id - lows];
      }
      if (kept.size() == monomial.size()) {
        closed.add(monomial, coefficient);
        continue;
      }
      Polynomial known;
      known.add(kept, 1);
      closed += known * product;
    }
    row = std::move(closed);
  }
  equations.set = MultiIndexSet(network.size(), order);
  tie_redundant(equations, network, binary);
  return {std::move(equations), {}};
}

// Cumulants above the order are zero.
ClosedEquations normal(const ReducedNetwork& network, int order, int taylor) {
  if (!binary_species(network).any()) return {cumulant_equations(network, order, order, taylor), {}};  // never written down
  return substituted(network, order, taylor, false, [](const Below&, std::size_t) { return Polynomial(); });
}

// Central moments above the order are zero.
ClosedEquations zero(const ReducedNetwork& network, int order, int taylor) {
  return substituted(network, order, taylor, true, [](const Below& b, std::size_t p) { return Polynomial() - b.table.lower_part<Polynomial>(p, b.kappa, b.central, true); });
}

// Central moments above the order are those of the Gaussian with the same covariances: sums over pairings (Isserlis 1918).
ClosedEquations isserlis(const ReducedNetwork& network, int order, int taylor) {
  const MultiIndexSet all(network.size(), order + std::max(1, network.degree(taylor)) - 1);
  std::vector<Polynomial> gauss(all.size()), moment(all.size());
  const std::size_t pairs = order < 2 ? 0 : all.size_up_to(2);  // at order 1 no covariance is known: all zero
  for (std::size_t p = all.size_up_to(1); p < pairs; ++p) gauss[p] = Polynomial::variable(static_cast<std::uint32_t>(p));
  CumulantTable(all).moments<Polynomial>(gauss, moment, 0, all.size(), true);
  return substituted(network, order, taylor, true, [&](const Below& b, std::size_t p) { return moment[p] - b.table.lower_part<Polynomial>(p, b.kappa, b.central, true); });
}

// Unmixed cumulants are the mean, mixed ones zero.
ClosedEquations poisson(const ReducedNetwork& network, int order, int taylor) {
  return substituted(network, order, taylor, false, [](const Below& b, std::size_t p) {
    const MultiIndex& i = b.set[p];
    const auto largest = std::max_element(i.begin(), i.end());
    return *largest == b.set.degree_of(p) ? Polynomial::variable(static_cast<std::uint32_t>(largest - i.begin())) : Polynomial();
  });
}

// ------------------------------------------------------------------------------- families that give raw moments by a rule

// Which cumulants above the order occur in the equations.
std::vector<bool> named_above(const MomentEquations& equations) {
  std::vector<bool> named(equations.set.size(), false);
  for (const Polynomial& row : equations.equations)
    for (const auto& [monomial, coefficient] : row.terms)
      for (const std::uint32_t id : monomial)
        if (id < extra_symbols && id >= equations.equations.size()) named[id] = true;
  return named;
}

ClosedEquations closed_by(const ReducedNetwork& network, MomentEquations equations, bool conditional, MomentClosing::Rule rule, int rule_order, const std::string& name) {
  BinarySpecies binary = binary_species(network);
  tie_redundant(equations, network, binary);
  std::vector<bool> named = named_above(equations);
  if (std::find(named.begin(), named.end(), true) == named.end()) {  // closed by itself
    equations.set = MultiIndexSet(network.size(), equations.order);
    return {std::move(equations), {}};
  }
  const MomentClosing closing(equations.set, equations.equations.size(), std::move(named), std::move(binary), conditional, rule, rule_order, name);
  return {std::move(equations), [closing](const MultiIndexSet&, std::span<const double> low, std::span<double> high, std::span<double> gradient) { closing(low, high, gradient); }};
}

// The log-normal law with the same means and covariances is what derivative matching at order 2 gives: every mu_i is
// prod mu_s^(i_s) prod_(j<k) w_jk with w_jk = mu_jk / (mu_j mu_k) = exp(Sigma_jk), one factor per pair of indices.
ClosedEquations log_normal(const ReducedNetwork& network, int order, int taylor) {
  return closed_by(network, cumulant_equations(network, order, 0, taylor), false, MomentClosing::Rule::power_product, std::min(order, 2), "log-normal");
}

ClosedEquations derivative_matching(const ReducedNetwork& network, int order, int taylor) {
  return closed_by(network, cumulant_equations(network, order, 0, taylor), false, MomentClosing::Rule::power_product, order, "derivative-matching");
}

ClosedEquations gamma_law(const ReducedNetwork& network, int order, int taylor) {
  return closed_by(network, cumulant_equations(network, order, 0, taylor), false, MomentClosing::Rule::gamma, order, "gamma");
}

// ------------------------------------------------------------------------------------------------------------ conditional

ClosedEquations conditional(const ReducedNetwork& network, int order, int taylor, MomentClosing::Rule rule, const std::string& name) {
  const BinarySpecies binary = binary_species(network);
  if (!binary.any())
    throw ParameterError(fmt::format("closure '{}' is conditional on species that are 0 or 1, and no conservation law of this network keeps one there (as G + Gb = 1 would). Species: {}. "
                                     "Use an unconditional kind, or start from one molecule of a switch that is only moved between its states",
                                     name, join(network.all_species)));
  return closed_by(network, cumulant_equations(network, order, 0, taylor), true, rule, order, name);
}

ClosedEquations conditional_gaussian(const ReducedNetwork& network, int order, int taylor) {
  return conditional(network, order, taylor, MomentClosing::Rule::gaussian, "conditional-gaussian");
}

ClosedEquations conditional_derivative_matching(const ReducedNetwork& network, int order, int taylor) {
  return conditional(network, order, taylor, MomentClosing::Rule::power_product, "conditional-derivative-matching");
}

}  // namespace

BinarySpecies binary_species(const ReducedNetwork& network) {
  BinarySpecies binary{std::vector<bool>(network.size(), false), {}};
  for (const std::vector<std::size_t>& group : network.exclusive) {
    std::vector<std::size_t> members;
    for (std::size_t c = 0; c < network.size(); ++c)
      if (std::find(group.begin(), group.end(), network.position[c]) != group.end()) {
        binary.is_binary[c] = true;
        members.push_back(c);
      }
    if (members.size() > 1) binary.exclusive.push_back(std::move(members));
  }
  return binary;
}

std::vector<Polynomial> raw_moment_polynomials(const MultiIndexSet& set, std::size_t count) {
  std::vector<Polynomial> kappa, raw(set.size());
  for (std::size_t p = 0; p < set.size(); ++p) kappa.push_back(Polynomial::variable(static_cast<std::uint32_t>(p)));
  CumulantTable(set).moments<Polynomial>(kappa, raw, 0, count);
  raw.resize(count);
  return raw;
}

void close_gamma(const MultiIndexSet& set, std::span<const double> low, std::span<double> high, std::span<double> gradient) {
  const std::size_t species = set.components(), lows = low.size();
  const bool scales = lows >= set.size_up_to(2);  // at order 1 no variance is known: b = 0
  std::fill(gradient.begin(), gradient.end(), 0.0);
  const auto variance = [&](std::size_t q) { return set.next(q, q); };
  const auto power = [](double x, int n) {
    double value = 1;
    for (int k = 0; k < n; ++k) value *= x;
    return value;
  };
  for (std::size_t p = lows; p < set.size(); ++p) {
    const std::size_t row = p - lows;
    high[row] = 0;
    if (!scales) continue;
    std::vector<std::size_t> in;
    for (std::size_t s = 0; s < species; ++s)
      if (set[p][s] > 0) in.push_back(s);
    if (in.size() > 2) continue;
    const int k = set.degree_of(p);
    double factorial = 1;
    for (int j = 2; j < k; ++j) factorial *= j;
    // factorial b_q^(k_q - 1) [b_r^(k_r - 1)] x, with x the mean, or the covariance
    const std::size_t x = in.size() == 1 ? in[0] : set.next(in[0], in[1]);
    double scale = factorial;
    for (const std::size_t s : in) scale *= power(low[variance(s)] / low[s], set[p][s] - 1);
    high[row] = scale * low[x];
    if (gradient.empty()) continue;
    double* slope = &gradient[row * lows];
    slope[x] += scale;
    for (const std::size_t s : in) {
      const int n = set[p][s] - 1;
      if (n == 0) continue;
      double by_b = factorial * n * power(low[variance(s)] / low[s], n - 1) * low[x];
      for (const std::size_t other : in)
        if (other != s) by_b *= power(low[variance(other)] / low[other], set[p][other] - 1);
      slope[variance(s)] += by_b / low[s];
      slope[s] -= by_b * low[variance(s)] / (low[s] * low[s]);
    }
  }
}

const std::vector<ClosureFamily>& closure_families() {
  static const std::string schnoerr = "Schnoerr, Sanguinetti, Grima (2014), doi:10.1063/1.4892838", review = "Schnoerr, Sanguinetti, Grima (2015), doi:10.1063/1.4934990";
  static const std::vector<ClosureFamily> families{
      {.name = "normal", .doc = "cumulants above the order are zero", .source = schnoerr + "; Goodman (1953)", .build = normal},
      {.name = "normal-isserlis", .doc = "central moments above the order are sums over pairings of covariances", .source = "Isserlis (1918), doi:10.1093/biomet/12.1-2.134", .build = isserlis},
      {.name = "zero", .doc = "central moments above the order are zero (low dispersion)", .source = review, .build = zero},
      {.name = "poisson", .doc = "cumulants above the order are the mean if of one species, zero if mixed", .source = review, .build = poisson, .depends_on_elimination = true},
      {.name = "log-normal",
       .doc = "moments above the order are those of the log-normal law with the same means and covariances",
       .source = review + "; Keeling (2000), doi:10.1006/jtbi.2000.2066",
       .build = log_normal,
       .aliases = {"lognormal"},
       .raw_moments = true,
       .divides = ClosureFamily::Divides::means,
       .depends_on_elimination = true},
      {.name = "gamma",
       .doc = "moments above the order are those of sums of independent gamma variables with the same means and covariances",
       .source = "Lakatos, Ale, Kirk, Stumpf (2015), doi:10.1063/1.4929837",
       .build = gamma_law,
       .raw_moments = true,
       .divides = ClosureFamily::Divides::means,
       .depends_on_elimination = true},
      {.name = "derivative-matching",
       .doc = "moments above the order are products of powers of those up to it, matched in their derivatives",
       .source = "Singh and Hespanha (2011), doi:10.1109/TAC.2010.2088631",
       .build = derivative_matching,
       .aliases = {"dm"},
       .raw_moments = true,
       .divides = ClosureFamily::Divides::means,
       .depends_on_elimination = true},
      {.name = "conditional-gaussian",
       .doc = "given that a 0/1 species is 1, cumulants of the others above the order (less the number of 0/1 species) are zero",
       .source = "Soltani, Vargas-Garcia, Singh (2015), doi:10.1109/TBCAS.2015.2453158",
       .build = conditional_gaussian,
       .raw_moments = true,
       .divides = ClosureFamily::Divides::switches},
      {.name = "conditional-derivative-matching",
       .doc = "given that a 0/1 species is 1, moments of the others above the order (less the number of 0/1 species) are matched products of powers",
       .source = "Soltani, Vargas-Garcia, Singh (2015), doi:10.1109/TBCAS.2015.2453158",
       .build = conditional_derivative_matching,
       .raw_moments = true,
       .divides = ClosureFamily::Divides::means},
      {.name = "linear-mapping",
       .doc = "reactions of a 0/1 species with others become first-order with the mean rate given that it is 1; the linear network closes by itself",
       .source = "Cao and Grima (2018), doi:10.1038/s41467-018-05822-0",
       .build = linear_mapping_equations,
       .aliases = {"lma"},
       .raw_moments = true,
       .divides = ClosureFamily::Divides::switches}};
  return families;
}

const ClosureFamily& closure_family(const std::string& name) {
  std::vector<std::string> names;
  for (const ClosureFamily& family : closure_families()) {
    if (family.name == name || std::find(family.aliases.begin(), family.aliases.end(), name) != family.aliases.end()) return family;
    names.push_back(family.name);
  }
  throw ParameterError(fmt::format("unknown closure kind '{}'.{}\n  known: {}", name, did_you_mean(name, names), join(names)));
}

}  // namespace meso::kinetics
