#include "kits/lattice/composition.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace meso::lattice {

void CompositionRejection::reset(std::size_t sites) {
  if (groups_.empty()) {
    groups_.resize(octaves);
    for (int k = 0; k < octaves; ++k) groups_[static_cast<std::size_t>(k)].ceiling = std::ldexp(1.0, k + lowest);
  }
  site_.assign(sites, Site{});
  for (Group& group : groups_) group.sites.clear();
  low_ = octaves, high_ = -1;
  total_ = 0;
}

void CompositionRejection::set(std::size_t site, double propensity) {
  Site& self = site_[site];
  self.propensity = propensity;
  const int old = self.group;
  int now = octaves;
  if (propensity > 0) {
    int exponent;
    const double mantissa = std::frexp(propensity, &exponent);  // a = mantissa 2^exponent, 1/2 <= mantissa < 1
    now = (mantissa == 0.5 ? exponent - 1 : exponent) - lowest;
    if (now < 0 || now >= octaves) throw NumericalBreakdown(fmt::format("the propensity {} of a site is outside 2^{} .. 2^{}", propensity, lowest, lowest + octaves));
  }
  if (now == old) return;
  if (old < octaves) {
    Group& group = groups_[static_cast<std::size_t>(old)];
    const std::uint32_t last = group.sites.back();
    group.sites[self.place] = last;
    site_[last].place = self.place;
    group.sites.pop_back();
    total_ -= group.ceiling;
  }
  if (now < octaves) {
    Group& group = groups_[static_cast<std::size_t>(now)];
    self.place = static_cast<std::uint32_t>(group.sites.size());
    group.sites.push_back(static_cast<std::uint32_t>(site));
    total_ += group.ceiling;
    low_ = std::min(low_, now);
    high_ = std::max(high_, now);
  }
  self.group = now;
}

bool CompositionRejection::pick(FastStream& random, std::size_t& site, double& left) {
  // Group by its share of the bound, from the top.
  double u = random.uniform() * total_;
  while (high_ > low_ && groups_[static_cast<std::size_t>(high_)].sites.empty()) --high_;
  while (low_ < high_ && groups_[static_cast<std::size_t>(low_)].sites.empty()) ++low_;
  int g = high_;
  for (; g > low_; --g) {
    const Group& group = groups_[static_cast<std::size_t>(g)];
    const double share = group.ceiling * static_cast<double>(group.sites.size());
    if (u < share) break;
    u -= share;
  }
  const Group& group = groups_[static_cast<std::size_t>(g)];
  if (group.sites.empty()) return false;  // rounding at the very end of the range
  const auto word = static_cast<unsigned __int128>(random.bits()) * group.sites.size();
  site = group.sites[static_cast<std::size_t>(word >> 64)];
  left = static_cast<double>(static_cast<std::int64_t>(static_cast<std::uint64_t>(word) >> 11)) * 0x1p-53 * group.ceiling;
  return left < site_[site].propensity;
}

}  // namespace meso::lattice
