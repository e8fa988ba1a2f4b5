#include "systems/lattice/sir-lattice/sir_lattice.h"

#include "kits/lattice/lattice_fixture.h"
#include "stat/fit.h"

namespace meso::systems::sir_lattice {
namespace {

using namespace lattice::testing;

// At lambda_c = 4.66571(3) (Tomé and Ziff 2010) the spreading from one site is dynamical isotropic percolation in two dimensions; 7 % off on either side
// survival falls faster, or stops falling.
TEST(SirLatticeSlow, SpreadingAtTheThresholdIsDynamicalPercolation) {
  const std::vector<double> times = log_times(8, 200, 8);
  const auto spreading = [&](double lambda, std::uint64_t n) {
    return answer_of(system(), {.parameters = {{"L", Value(701)}, {"lambda", Value(lambda)}, {"start", Value("seed")}}, .when = Times{times}, .observables = {"survival", "I.number", "I.spread"}, .trajectories = n});
  };
  const Answer a = spreading(4.66571, 12000);
  const auto exponent = [&](const char* what, double exact) {
    const PowerFit fit = fit_power(times, get(a, what), 20, 200);
    measured("sir-lattice", std::string("2-D seed at lambda_c: exponent of ") + what + ", t = 20..200", fit.exponent, fit.std_error, exact, "dynamical percolation: Muñoz, Dickman, Vespignani, Zapperi (1999), doi:10.1103/PhysRevE.59.6175");
    EXPECT_NEAR(fit.exponent, exact, 0.03 + 3 * fit.std_error) << what << " +- " << fit.std_error;
    EXPECT_LT(fit.std_error, 0.015) << what;
  };
  exponent("survival", -0.092);
  exponent("I.number", 0.586);
  exponent("I.spread", 1.771);
  EXPECT_EQ(flag_text(a), "") << "no cluster may reach the edge";
  const Answer below = spreading(4.33, 4000), above = spreading(5.0, 2000);
  const PowerFit falls = fit_power(times, get(below, "survival"), 60, 200), stays = fit_power(times, get(above, "survival"), 60, 200);
  measured("sir-lattice", "2-D seed: exponent of survival, t = 60..200, lambda = 4.33", falls.exponent, falls.std_error, "below -0.092: dies");
  measured("sir-lattice", "2-D seed: exponent of survival, t = 60..200, lambda = 5", stays.exponent, stays.std_error, "above -0.092: lives");
  EXPECT_LT(falls.exponent + 4 * falls.std_error, -0.092);
  EXPECT_GT(stays.exponent - 4 * stays.std_error, -0.092);
}

}  // namespace
}  // namespace meso::systems::sir_lattice
