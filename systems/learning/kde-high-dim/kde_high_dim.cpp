#include "systems/learning/kde-high-dim/kde_high_dim.h"

#include <fmt/format.h>

#include <cmath>

#include "base/error.h"
#include "base/text.h"

namespace meso::systems::kde_high_dim {
namespace {

constexpr const char* owner = "system 'kde-high-dim'";

const Schema<Params>& schema() {
  static const Schema<Params> fields{
      {"d", &Params::d, {.doc = "dimension of the data", .min = 1, .max = 5000}},
      {"points", &Params::points, {.unit = "", .doc = "what says how many data points there are: alpha, n = round(e^(alpha d)), or n itself", .allowed = {"alpha", "n"}}},
      {"alpha", &Params::alpha, {.doc = "(ln n)/d (points = alpha)", .min = 0, .max = 690, .min_excluded = true}},
      {"n", &Params::n, {.unit = "points", .doc = "data points (points = n); with points = alpha 0, or what alpha says", .min = 0}},
      {"h", &Params::h, {.doc = "bandwidth of the Gaussian kernel, its standard deviation in every direction", .min = 0, .max = 1e6, .min_excluded = true}},
      {"h_unit", &Params::h_unit, {.unit = "", .doc = "unit of h: that of the data, or the thresholds h_G (glass) or h_CLT (clt) of the limit of large d", .allowed = {"data", "glass", "clt"}}},
      {"spectrum", &Params::spectrum, {.doc = "eigenvalues of the covariance of the data, repeated until d are filled: [1, 4] is half 1, half 4"}},
      {"query", &Params::query, {.unit = "", .doc = "where the density is asked: at a fixed x, or at x drawn from the law of the data with each data set", .allowed = {"fixed", "random"}}},
      {"r", &Params::r, {.doc = "fixed query: |x|^2 over the trace of the covariance, the same along every eigenvector; 1 is typical", .min = 0, .max = 1e6}},
      {"x", &Params::x, {.doc = "fixed query by its d components along the eigenvectors, in the order of the spectrum; empty: r decides"}},
      {"tail_points", &Params::tail_points, {.unit = "points", .doc = "tail.index: points of a data set, on average, beyond the level of the Hill estimate; it sees the exponent near tail_points/e", .min = 0, .max = 1e6, .min_excluded = true}},
  };
  return fields;
}

}  // namespace

learning::DensityEstimation problem(const Params& p) {
  learning::DensityEstimation out;
  out.d = static_cast<std::size_t>(p.d);
  const double d = static_cast<double>(p.d), n = static_cast<double>(p.n);
  if (p.points == "alpha") {
    out.alpha = p.alpha;
    if (!(p.alpha * d <= 690)) throw ParameterError(fmt::format("{}: alpha d = {}; it must be at most 690 (n below 1e300). Lower alpha or d", owner, brief(p.alpha * d)));
    out.n = std::max(1.0, std::round(std::exp(p.alpha * d)));
    if (p.n != 0 && std::abs(n / out.n - 1) > 0.005)
      throw ParameterError(fmt::format("{}: alpha = {} and n = {} are both given and do not agree: e^(alpha d) = {} at d = {}. Leave one out; with n alone, set points = \"n\"", owner, brief(p.alpha, 6), p.n, brief(out.n, 6), p.d));
  } else {
    if (p.n < 2) throw ParameterError(fmt::format("{}: points = \"n\" and n = {}; it must be at least 2", owner, p.n));
    out.n = n;
    out.alpha = std::log(n) / d;
  }
  if (out.n < 2) throw ParameterError(fmt::format("{}: alpha d = {} gives n = {} data points; at least 2 are needed. Raise alpha or d", owner, brief(p.alpha * d), brief(out.n)));
  out.spectrum = p.spectrum;
  out.random_query = p.query == "random";
  out.r = p.r;
  out.query = p.x;
  out.tail_points = p.tail_points;
  learning::check(out, owner);
  out.h = p.h;
  if (p.h_unit != "data") {
    const learning::RandomEnergy limit = out.limit();
    out.h *= p.h_unit == "glass" ? limit.h_glass() : limit.h_clt();
  }
  return out;
}

System system() {
  return Define<Params>("kde-high-dim", "Kernel density estimation in large dimension (random-energy phases)", "learning", schema())
      .paper("kde-high-dim", "Kernel Density Estimators in Large Dimensions", "2024-08-11")
      .doc("A Gaussian kernel density estimate is a sum of n random Boltzmann weights, with the bandwidth h for a temperature. With n = e^(alpha d) points in d dimensions it behaves as "
           "the partition function of a random energy model: above h_CLT its fluctuations are normal, below they are those of a stable law with a heavy tail, and below h_G a few "
           "nearest points carry the whole estimate. The bandwidth of least Kullback-Leibler divergence lies in that condensed phase.")
      .no_time()
      .check([](const Params& p) { (void)problem(p); })
      .levels([](const Params& p) { return learning::ladder(problem(p)); })
      .extend([](const Params& p, Case& bound) {
        bound.observables = learning::observables(problem(p));
        if (p.points == "alpha") bound.notes.push_back(fmt::format("n = {} data points, rounded from e^(alpha d)", brief(problem(p).n, 8)));
      });
}

}  // namespace meso::systems::kde_high_dim
