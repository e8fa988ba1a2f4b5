#include "kits/kinetics/moment_closing.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "base/error.h"
#include "kits/kinetics/closure_families.h"

namespace meso::kinetics {
namespace {

constexpr std::size_t npos = MultiIndexSet::npos;

MultiIndex inner_part(const BinarySpecies& binary, const MultiIndex& i) {
  MultiIndex inner;
  for (std::size_t s = 0; s < i.size(); ++s)
    if (!binary.is_binary[s]) inner.push_back(i[s]);
  return inner;
}

MultiIndex joined(const BinarySpecies& binary, const MultiIndex& outer, const MultiIndex& inner) {
  MultiIndex i(outer.size());
  for (std::size_t s = 0, k = 0; s < i.size(); ++s) i[s] = binary.is_binary[s] ? outer[s] : inner[k++];
  return i;
}

int highest_inner(const MultiIndexSet& set, const BinarySpecies& binary) {
  int highest = 1;
  for (std::size_t p = 0; p < set.size(); ++p) highest = std::max(highest, degree(inner_part(binary, set[p])));
  return highest;
}

}  // namespace

std::vector<int> matching_exponents(const MultiIndexSet& set, const MultiIndex& i, int order) {
  std::vector<double> g(set.size_up_to(order), 0.0);
  for_each_below(i, [&](const MultiIndex& l) {
    if (degree(l) == 0 || degree(l) > order) return;
    for_each_below(l, [&](const MultiIndex& j) {
      if (degree(j) == 0) return;
      g[set.find(j)] += ((degree(l) - degree(j)) % 2 == 0 ? 1 : -1) * binomial(i, l) * binomial(l, j);
    });
  });
  std::vector<int> exponents;
  for (const double x : g) exponents.push_back(static_cast<int>(std::lround(x)));
  return exponents;
}

bool BinarySpecies::any() const { return std::find(is_binary.begin(), is_binary.end(), true) != is_binary.end(); }

MultiIndex BinarySpecies::reduced(MultiIndex i) const {
  for (std::size_t s = 0; s < i.size(); ++s)
    if (is_binary[s]) i[s] = std::min(i[s], 1);
  return i;
}

bool BinarySpecies::vanishes(const MultiIndex& i) const {
  return std::any_of(exclusive.begin(), exclusive.end(), [&](const std::vector<std::size_t>& group) {
    return std::count_if(group.begin(), group.end(), [&](std::size_t s) { return i[s] > 0; }) > 1;
  });
}

MomentClosing::MomentClosing(const MultiIndexSet& set, std::size_t lows, std::vector<bool> required, const BinarySpecies& binary, bool conditional, Rule rule, int rule_order, const std::string& name)
    : set_(set),
      inner_set_(conditional ? static_cast<std::size_t>(std::count(binary.is_binary.begin(), binary.is_binary.end(), false)) : set.components(),
                 conditional ? highest_inner(set, binary) : set.order()),
      table_(set), inner_table_(inner_set_), lows_(lows), size_(set.size()), components_(set.components()), binary_(binary.is_binary), rule_(rule) {
  for (std::size_t p = 0; p < set.size(); ++p) {
    MultiIndex i = set[p];
    std::size_t s = 0;
    while (i[s] == 0) ++s;
    --i[s];
    below_.emplace_back(s, degree(i) > 0 ? set.find(i) : 0);
  }
  // A cumulant needs every moment below it.
  for (std::size_t p = set.size(); p-- > lows;)
    if (required[p])
      for (const CumulantTable::Split& split : table_.splits(p)) required[split.j] = true;
  const BinarySpecies outside = conditional ? binary : BinarySpecies{std::vector<bool>(set.components(), false), {}};  // what is conditioned on
  std::map<MultiIndex, std::size_t> group_of;
  const MultiIndex nothing(inner_set_.components(), 0);
  for (std::size_t p = lows; p < set.size(); ++p) {
    if (!required[p]) continue;
    const MultiIndex i = binary.reduced(set[p]);
    Target target{p, Target::Kind::zero};
    if (binary.vanishes(i)) {
      targets_.push_back(target);
      continue;
    }
    if (const std::size_t known = set.find(i); known < lows) {
      target.kind = Target::Kind::copy;
      target.source = known;
      targets_.push_back(target);
      continue;
    }
    if (rule == Rule::gamma) {
      target.kind = Target::Kind::law;
      target.source = set.find(i);
      targets_.push_back(target);
      continue;
    }
    const MultiIndex inner = inner_part(outside, i), outer = joined(outside, i, nothing);
    const int with = degree(outer), least = degree(inner) > 0 ? with + 1 : with;
    if (least > rule_order)
      throw ParameterError(fmt::format("closure '{}': a moment with {} species that are 0 or 1 occurs in the equations; the order must be at least {} here, not {}", name, with, least, rule_order));
    const auto [where, fresh] = group_of.try_emplace(outer, groups_.size());
    if (fresh) {
      Group group{with == 0 ? npos : set.find(outer), inner_set_.size_up_to(rule_order - with), {}, {}};
      for (std::size_t j = 0; j < group.inner; ++j) group.position.push_back(set.find(joined(outside, outer, inner_set_[j])));
      groups_.push_back(std::move(group));
    }
    Group& group = groups_[where->second];
    target.kind = Target::Kind::closed;
    target.source = where->second;
    target.entry = inner_set_.find(inner);
    if (rule == Rule::power_product) {
      target.rank = group.exponents.size();
      group.exponents.push_back(matching_exponents(inner_set_, inner, rule_order - with));
    }
    targets_.push_back(target);
  }
}

// Inner moments given that the group's 0/1 species are 1: those that the rule reads, and for `gaussian` all above them.
void MomentClosing::close_group(const Group& group, std::span<const Real> m, std::vector<Real>& c) const {
  c.resize(inner_set_.size());
  for (std::size_t j = 0; j < group.inner; ++j) c[j] = group.base == npos ? m[group.position[j]] : m[group.position[j]] / m[group.base];
  if (rule_ != Rule::gaussian) return;
  std::vector<Real> chi(inner_set_.size());
  inner_table_.cumulants<Real>(c, chi, 0, group.inner);
  inner_table_.moments<Real>(chi, c, group.inner, inner_set_.size());
}

void MomentClosing::operator()(std::span<const double> low, std::span<double> high, std::span<double> gradient) const {
  // Amounts in units of a power of two near their mean: high powers neither overflow nor vanish, and nothing is rounded.
  std::vector<double> unit(size_, 1.0);
  for (std::size_t s = 0; s < components_; ++s)
    if (!binary_[s] && low[s] != 0 && std::isfinite(low[s])) unit[s] = std::ldexp(1.0, std::ilogb(low[s]));
  for (std::size_t p = components_; p < size_; ++p) unit[p] = unit[below_[p].first] * unit[below_[p].second];
  std::vector<Real> kappa(size_), m(size_);
  for (std::size_t p = 0; p < lows_; ++p) kappa[p] = low[p] / unit[p];
  table_.moments<Real>(kappa, m, 0, lows_);
  std::vector<std::vector<Real>> given(groups_.size());
  for (std::size_t g = 0; g < groups_.size(); ++g) close_group(groups_[g], m, given[g]);
  // Cumulants of the gamma law are closed forms; its raw moments follow from them.
  const std::size_t firsts = std::min(lows_, set_.size_up_to(2)), others = rule_ == Rule::gamma ? size_ - firsts : 0;
  std::vector<double> law_low, law_high(others), law_slope(gradient.empty() ? 0 : others * firsts);
  std::vector<Real> law_kappa(others > 0 ? size_ : 0), law(law_kappa.size());
  if (rule_ == Rule::gamma) {
    for (std::size_t p = 0; p < firsts; ++p) law_low.push_back(static_cast<double>(kappa[p]));
    close_gamma(set_, law_low, law_high, law_slope);
    for (std::size_t p = 0; p < size_; ++p) law_kappa[p] = p < firsts ? law_low[p] : law_high[p - firsts];
    table_.moments<Real>(law_kappa, law, 0, size_);
  }
  std::fill(high.begin(), high.end(), 0.0);
  for (const Target& target : targets_) {
    Real& value = m[target.position];
    switch (target.kind) {
      case Target::Kind::zero: value = 0; break;
      case Target::Kind::copy: value = m[target.source]; break;
      case Target::Kind::law: value = law[target.source]; break;
      case Target::Kind::closed: {
        const Group& group = groups_[target.source];
        const std::vector<Real>& c = given[target.source];
        Real inner = c[target.entry];
        if (rule_ == Rule::power_product) {
          const std::vector<int>& g = group.exponents[target.rank];
          inner = 1;
          for (std::size_t j = 0; j < g.size(); ++j)
            if (g[j] != 0) inner *= power(c[j], g[j]);
        }
        value = group.base == npos ? inner : inner * m[group.base];
      }
    }
    kappa[target.position] = value - table_.lower_part<Real>(target.position, kappa, m);
    high[target.position - lows_] = static_cast<double>(kappa[target.position]) * unit[target.position];
  }
  if (gradient.empty()) return;

  // d(moment of a target) / d(known raw moment), then through dm_r/dkappa_l = binom(r, l) m_(r-l), then down to cumulants.
  std::fill(gradient.begin(), gradient.end(), 0.0);
  std::vector<std::vector<Real>> slope(size_);  // of kappa of each target
  std::vector<Real> by_raw(lows_), inner_slope, row;
  std::vector<std::vector<std::vector<Real>>> chi_slopes(groups_.size());  // gaussian: dchi_j/dc_l, per group
  for (std::size_t g = 0; g < groups_.size() && rule_ == Rule::gaussian; ++g) {
    const std::size_t inner = groups_[g].inner;
    auto& chi = chi_slopes[g];
    chi.assign(inner, std::vector<Real>(inner));
    for (std::size_t j = 0; j < inner; ++j) {  // dc_j = sum_k binom(j, k) c_(j-k) dchi_k
      chi[j][j] = 1;
      for (const CumulantTable::Split& split : inner_table_.splits(j)) {
        if (split.j == j) continue;
        for (std::size_t l = 0; l <= split.j; ++l) chi[j][l] -= chi[split.j][l] * given[g][split.rest] * split.binomial;
      }
    }
  }
  for (const Target& target : targets_) {
    std::fill(by_raw.begin(), by_raw.end(), Real(0));
    if (target.kind == Target::Kind::copy) by_raw[target.source] = 1;
    if (target.kind == Target::Kind::closed) {
      const Group& group = groups_[target.source];
      const std::vector<Real>& c = given[target.source];
      inner_slope.assign(group.inner, Real(0));
      Real inner = c[target.entry];
      if (rule_ == Rule::power_product) {
        inner = group.base == npos ? m[target.position] : m[target.position] / m[group.base];
        const std::vector<int>& g = group.exponents[target.rank];
        for (std::size_t j = 0; j < g.size(); ++j)
          if (g[j] != 0) inner_slope[j] = inner * g[j] / c[j];
      } else {
        for (const CumulantTable::Split& split : inner_table_.splits(target.entry)) {
          if (split.j >= group.inner) continue;
          const Real weight = (split.rest == CumulantTable::none ? Real(1) : c[split.rest]) * split.binomial;
          for (std::size_t l = 0; l <= split.j; ++l) inner_slope[l] += weight * chi_slopes[target.source][split.j][l];
        }
      }
      if (group.base == npos) {
        for (std::size_t j = 0; j < group.inner; ++j) by_raw[group.position[j]] = inner_slope[j];
      } else {  // m = m_A f(m_(A,j) / m_A)
        Real base = inner;
        for (std::size_t j = 0; j < group.inner; ++j) {
          by_raw[group.position[j]] = inner_slope[j];
          base -= inner_slope[j] * c[j];
        }
        by_raw[group.base] = base;
      }
    }
    row.assign(lows_, Real(0));
    for (std::size_t r = 0; r < lows_; ++r) {
      if (by_raw[r].high == 0) continue;
      for (const CumulantTable::Split& split : table_.splits(r)) row[split.j] += by_raw[r] * (split.rest == CumulantTable::none ? Real(1) : m[split.rest]) * split.binomial;
    }
    if (target.kind == Target::Kind::law)
      for (const CumulantTable::Split& split : table_.splits(target.source)) {
        const Real weight = (split.rest == CumulantTable::none ? Real(1) : law[split.rest]) * split.binomial;
        if (split.j < firsts) row[split.j] += weight;
        else for (std::size_t l = 0; l < firsts; ++l) row[l] += weight * law_slope[(split.j - firsts) * firsts + l];
      }
    for (const CumulantTable::Split& split : table_.splits(target.position)) {
      if (split.j == target.position) continue;
      const Real weight = m[split.rest] * split.binomial;
      if (split.j < lows_) {
        row[split.j] -= weight;
      } else {
        for (std::size_t l = 0; l < lows_; ++l) row[l] -= weight * slope[split.j][l];
      }
    }
    for (std::size_t l = 0; l < lows_; ++l) gradient[(target.position - lows_) * lows_ + l] = static_cast<double>(row[l]) * (unit[target.position] / unit[l]);
    slope[target.position] = row;
  }
}

}  // namespace meso::kinetics
