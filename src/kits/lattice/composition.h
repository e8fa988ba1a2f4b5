// Composition-rejection: a site with probability proportional to its propensity, at a cost that does not depend on how widely propensities differ.
//
// Sites are grouped by their propensity a in octaves (2^(k-1), 2^k]; a tick picks a group by the bound 2^k per site, a site of it uniformly, and
// accepts with a / 2^k > 1/2. The total bound is a sum of whole numbers times powers of two, free of drift.
// Source: Slepoy, Thompson, Plimpton (2008), doi:10.1063/1.2919546.
#pragma once

#include <cstdint>
#include <vector>

#include "rng/stream.h"

namespace meso::lattice {

class CompositionRejection {
 public:
  /// All propensities 0.
  void reset(std::size_t sites);
  /// @throws NumericalBreakdown if a propensity above 0 is outside 2^-64 .. 2^128
  void set(std::size_t site, double propensity);
  /// Rate of ticks: at most twice the sum of the propensities.
  [[nodiscard]] double bound() const { return total_; }
  /// One tick. @returns whether a site was accepted; `left` is then uniform in [0, its propensity)
  [[nodiscard]] bool pick(FastStream& random, std::size_t& site, double& left);

 private:
  static constexpr int lowest = -64, octaves = 192;
  struct Group {
    double ceiling = 0;  ///< 2^k
    std::vector<std::uint32_t> sites;
  };
  struct Site {
    double propensity = 0;
    std::uint32_t place = 0;  ///< in its group
    std::int32_t group = octaves;
  };
  std::vector<Site> site_;
  std::vector<Group> groups_;
  int low_ = octaves, high_ = -1;  // groups in use lie in [low_, high_]
  double total_ = 0;
};

}  // namespace meso::lattice
