#include "stat/cumulants.h"

namespace meso {

CumulantTable::CumulantTable(const MultiIndexSet& set) : components_(set.components()), offset_{0} {
  MultiIndex rest(components_);
  for (std::size_t p = 0; p < set.size(); ++p) {
    const MultiIndex& i = set[p];
    std::size_t s = 0;
    while (i[s] == 0) ++s;
    for_each_below(i, [&](const MultiIndex& j) {
      const std::size_t at = set.find(j);
      if (at == MultiIndexSet::npos) return;  // j = 0
      for (std::size_t c = 0; c < components_; ++c) rest[c] = i[c] - j[c];
      const std::size_t other = set.find(rest);
      const double ways = binomial(i, j);
      // binom(i - e_s, j - e_s) = binom(i, j) j_s / i_s
      splits_.push_back({static_cast<std::uint32_t>(at), other == MultiIndexSet::npos ? none : static_cast<std::uint32_t>(other), ways, ways * j[s] / i[s]});
    });
    offset_.push_back(splits_.size());
  }
}

namespace {

std::vector<double> to_moments(const MultiIndexSet& set, std::span<const double> cumulants, bool central) {
  std::vector<double> m(set.size());
  CumulantTable(set).moments<double>(cumulants, m, 0, set.size(), central);
  return m;
}

std::vector<double> to_cumulants(const MultiIndexSet& set, std::span<const double> moments, bool central) {
  std::vector<double> kappa(set.size());
  CumulantTable(set).cumulants<double>(moments, kappa, 0, set.size(), central);
  return kappa;
}

}  // namespace

std::vector<double> raw_from_cumulants(const MultiIndexSet& set, std::span<const double> cumulants) { return to_moments(set, cumulants, false); }
std::vector<double> cumulants_from_raw(const MultiIndexSet& set, std::span<const double> raw) { return to_cumulants(set, raw, false); }
std::vector<double> central_from_cumulants(const MultiIndexSet& set, std::span<const double> cumulants) { return to_moments(set, cumulants, true); }
std::vector<double> cumulants_from_central(const MultiIndexSet& set, std::span<const double> central) { return to_cumulants(set, central, true); }

}  // namespace meso
