// Exact times for rejection kernels without a logarithm per event.
//
// A kernel whose total rate is bounded by R for the next n attempts sees a Poisson process of rate R; each attempt ("tick") then
// changes the state or, with what is missing to the bound, does nothing. The n-th tick comes after a Gamma(n)/R time; if that is
// past the asked time, the number of ticks before it is Binomial(n - 1, share of the time), because the n - 1 earlier ticks are
// uniform. What comes after the asked time is drawn anew: a Poisson process has no memory. So one gamma number serves n attempts
// and the law of the state at every asked time is exact.
#pragma once

#include <algorithm>
#include <cstdint>

#include "rng/stream.h"

namespace meso::lattice {

/// The next ticks of a Poisson process.
struct Ticks {
  double start = 0, end = 0;    ///< all ticks lie in (start, end]
  std::uint64_t count = 0;
  bool last_at_end = false;     ///< the last tick is at `end` exactly; otherwise all are uniform in (start, end)

  /// Time of tick k = 1..count, drawn from its law (a beta order statistic). For one k only.
  [[nodiscard]] double time_of(std::uint64_t k, FastStream& random) const {
    if (last_at_end && k == count) return end;
    const double above = static_cast<double>(last_at_end ? count - k : count + 1 - k);
    const double a = random.gamma(static_cast<double>(k)), b = random.gamma(above);
    return start + (end - start) * a / (a + b);
  }
};

/// At most `n` ticks of rate `rate` from time `now`, none after `until`.
inline Ticks next_ticks(double now, double until, double rate, std::uint64_t n, FastStream& random) {
  const double wait = (n == 1 ? random.exponential() : random.gamma(static_cast<double>(n))) / rate;
  if (now + wait <= until) return {now, now + wait, n, true};
  const auto before = n == 1 ? 0 : random.binomial(static_cast<std::int64_t>(n) - 1, std::min(1.0, (until - now) / wait));
  return {now, until, static_cast<std::uint64_t>(before), false};
}

}  // namespace meso::lattice
