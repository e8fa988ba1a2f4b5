#include "stat/cumulants.h"

namespace meso {
namespace {

// The recursion, solved for m (known cumulants) or for kappa (known moments). `central`: order-1 cumulants count as zero.
template <bool to_moments>
std::vector<double> convert(const MultiIndexSet& set, std::span<const double> given, bool central) {
  const std::size_t components = set.components();
  std::vector<double> result(set.size(), 0.0);
  for (std::size_t p = 0; p < set.size(); ++p) {
    if (set.degree_of(p) == 1) {
      result[p] = given[p];
      continue;
    }
    std::size_t s = 0;
    while (set[p][s] == 0) ++s;
    MultiIndex i = set[p];
    --i[s];
    double sum = 0;  // every term of the recursion but kappa_(i+e_s) itself
    for_each_below(i, [&](const MultiIndex& j) {
      if (j == i) return;
      MultiIndex rest(components);
      for (std::size_t c = 0; c < components; ++c) rest[c] = i[c] - j[c];
      const std::size_t k = set.find(raised(j, s)), m = set.find(rest);
      if (central && (set.degree_of(k) == 1 || set.degree_of(m) == 1)) return;
      const double kappa = to_moments ? given[k] : result[k], moment = to_moments ? result[m] : given[m];
      sum += binomial(i, j) * kappa * moment;
    });
    result[p] = to_moments ? given[p] + sum : given[p] - sum;
  }
  return result;
}

}  // namespace

std::vector<double> raw_from_cumulants(const MultiIndexSet& set, std::span<const double> cumulants) { return convert<true>(set, cumulants, false); }
std::vector<double> cumulants_from_raw(const MultiIndexSet& set, std::span<const double> raw) { return convert<false>(set, raw, false); }
std::vector<double> central_from_cumulants(const MultiIndexSet& set, std::span<const double> cumulants) { return convert<true>(set, cumulants, true); }
std::vector<double> cumulants_from_central(const MultiIndexSet& set, std::span<const double> central) { return convert<false>(set, central, true); }

}  // namespace meso
