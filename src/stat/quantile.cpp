#include "stat/quantile.h"

#include <boost/math/distributions/binomial.hpp>
#include <boost/math/distributions/normal.hpp>
#include <boost/math/distributions/students_t.hpp>
#include <boost/math/special_functions/gamma.hpp>
#include <array>
#include <cmath>

namespace meso {

namespace bm = boost::math;

double normal_tail_quantile(double tail) { return bm::quantile(bm::complement(bm::normal(), tail)); }

double student_tail_quantile(double tail, double dof) {
  if (dof > 1e9) return normal_tail_quantile(tail);
  // A study asks for the same few quantiles at every point; finding one takes some ten microseconds.
  struct Known {
    double tail = -1, dof = -1, value = 0;
  };
  thread_local std::array<Known, 8> known;
  thread_local std::size_t next = 0;
  for (const Known& k : known)
    if (k.tail == tail && k.dof == dof) return k.value;
  Known& slot = known[next++ % known.size()];
  slot = {tail, dof, bm::quantile(bm::complement(bm::students_t(dof), tail))};
  return slot.value;
}

double no_variation_bound(double range, std::uint64_t n, double alpha) { return -range * std::expm1(std::log(alpha) / static_cast<double>(n)); }

double dkw_band(std::uint64_t n, double alpha) { return std::sqrt(std::log(2.0 / alpha) / (2.0 * static_cast<double>(n))); }

std::uint64_t binomial_upper_count(std::uint64_t n, double p, double alpha) {
  const bm::binomial_distribution<double> law(static_cast<double>(n), p);
  auto k = static_cast<std::uint64_t>(std::max(0.0, std::floor(static_cast<double>(n) * p)));
  while (k < n && bm::cdf(bm::complement(law, static_cast<double>(k))) > alpha) ++k;
  return k;
}

double gamma_below(double shape, double x) { return bm::gamma_p(shape, x); }
double gamma_above(double shape, double x) { return bm::gamma_q(shape, x); }

}  // namespace meso
