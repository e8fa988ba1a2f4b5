#include "systems/lattice/lotka-volterra-lattice/lotka_volterra_lattice.h"

#include "kits/lattice/lattice_fixture.h"
#include <algorithm>

#include "stat/fit.h"

namespace meso::systems::lotka_volterra_lattice {
namespace {

using namespace lattice::testing;

// Global oscillations are a sum over independent patches: amplitude times L is constant.
TEST(LotkaVolterraLatticeSlow, AmplitudeOfGlobalOscillationsFallsAsOneOverTheSide) {
  std::vector<double> product;
  for (const int L : {64, 128, 256}) {
    const Answer a = answer_of(system(), {.parameters = {{"lambda", Value(4.0)}, {"L", Value(L)}}, .when = Stationary{60.0, 150.0}, .observables = {"A.fluctuation"},
                                          .trajectories = static_cast<std::uint64_t>(L == 256 ? 8 : 16), .options = {{"samples", Value(300)}}});
    const Estimate& v = get(a, "A.fluctuation");  // L^2 Var: its root is amplitude times L
    product.push_back(std::sqrt(v.value[0]));
    measured("lotka-volterra-lattice", "amplitude x L, lambda = 4, L = " + std::to_string(L), product.back(), v.se(0) / (2 * product.back()), "constant within 20 %");
  }
  const auto [low, high] = std::minmax_element(product.begin(), product.end());
  EXPECT_LT(*high / *low, 1.2);
}

// Predators at their threshold are directed percolation in 2+1 dimensions: effective exponents of two windows of time, as functions of
// lambda, cross at the critical point.
TEST(LotkaVolterraLatticeSlow, PredatorsDieOutAsDirectedPercolation) {
  const std::vector<double> times{200, 400, 800, 1600, 3200};
  const std::vector<double> lambdas{1.160, 1.164, 1.168, 1.172};
  std::vector<double> early, late, early_se, late_se;
  for (const double lambda : lambdas) {
    const Answer a = answer_of(system(), {.parameters = {{"L", Value(512)}, {"lambda", Value(lambda)}}, .when = Times{times}, .observables = {"A.density"}, .trajectories = 24});
    const Estimate& rho = get(a, "A.density");
    const PowerFit e = fit_power(times, rho, 200, 800), l = fit_power(times, rho, 800, 3200);
    early.push_back(-e.exponent), late.push_back(-l.exponent), early_se.push_back(e.std_error), late_se.push_back(l.std_error);
  }
  // Straight lines through both, weighted alike; the crossing with its error by propagation.
  const auto line = [&](const std::vector<double>& y, const std::vector<double>& se) {
    std::vector<double> x, w;
    for (std::size_t i = 0; i < y.size(); ++i) x.push_back(lambdas[i] - lambdas[1]), w.push_back(1 / (se[i] * se[i]));
    return fit_line(x, y, w);
  };
  const LineFit e = line(early, early_se), l = line(late, late_se);
  const double at = (e.intercept - l.intercept) / (l.slope - e.slope), error = std::hypot(e.intercept_error, l.intercept_error) / std::abs(l.slope - e.slope);
  const double critical = lambdas[1] + at, delta = e.intercept + e.slope * at, delta_error = std::hypot(e.intercept_error, std::abs(e.slope) * error);
  measured("lotka-volterra-lattice", "predator threshold lambda_c, mu = 0.5, sigma = 1", critical, error, "rate equation: 0.5");
  measured("lotka-volterra-lattice", "decay exponent at the threshold", delta, delta_error, 0.4505, "directed percolation in 2+1 dimensions");
  EXPECT_NEAR(delta, 0.4505, 0.06) << "lambda_c = " << critical << " +- " << error << ", delta +- " << delta_error;
  EXPECT_LT(error, 0.02);
  EXPECT_GT(critical, lambdas.front());
  EXPECT_LT(critical, lambdas.back());
}

}  // namespace
}  // namespace meso::systems::lotka_volterra_lattice
