#include "systems/lattice/contact-process/contact_process.h"

#include "kits/lattice/lattice_fixture.h"

namespace meso::systems::contact_process {
namespace {

using namespace lattice::testing;

// Off the transition: below it the effective exponent bends away to faster decay, above it the density saturates.
TEST(ContactProcessTruth, OffCriticalDensitiesBendDownAndSaturate) {
  const std::vector<double> times{16, 64, 256, 1024};
  const auto late = [&](double lambda) {
    return answer_of(system(), {.parameters = {{"L", Value(20000)}, {"lambda", Value(lambda)}}, .when = Times{times}, .observables = {"A.density", "A.slope"}, .trajectories = 4});
  };
  const Answer below = late(3.2), above = late(3.4);
  const double down = get(below, "A.slope").value[3], up = get(above, "A.slope").value[3];
  measured("contact-process", "effective exponent at t = 256..1024, lambda = 3.2", -down, get(below, "A.slope").se(3), "above 0.159: bends down");
  measured("contact-process", "effective exponent at t = 256..1024, lambda = 3.4", -up, get(above, "A.slope").se(3), "below 0.159: saturates");
  EXPECT_LT(down, -0.24);
  EXPECT_GT(up, -0.08);
}

// Fast hops mix: the lattice comes within 5 % of the rate equation a = 1 - 1/lambda; slow ones do not.
TEST(ContactProcessTruth, FastHopsBringTheRateEquationAndSlowOnesDoNot) {
  const double lambda = 2.5, a = 1 - 1 / lambda;
  const auto density = [&](double D, double t, std::uint64_t n) {
    return answer_of(system(), {.parameters = {{"L", Value(1000)}, {"lambda", Value(lambda)}, {"D", Value(D)}}, .when = Times{{t}}, .observables = {"A.density"}, .trajectories = n});
  };
  const Answer fast = density(100, 20, 40), slow = density(0.1, 20, 40);
  const double x = get(fast, "A.density").value[0], y = get(slow, "A.density").value[0];
  measured("contact-process", "density over mean field, D = 100", x / a, get(fast, "A.density").se(0) / a, "1 within 5 %");
  measured("contact-process", "density over mean field, D = 0.1", y / a, get(slow, "A.density").se(0) / a, "not within 5 %");
  EXPECT_NEAR(x / a, 1, 0.05);
  EXPECT_LT(get(fast, "A.density").se(0) / a, 0.01);
  EXPECT_LT(y / a, 0.8);
}

}  // namespace
}  // namespace meso::systems::contact_process
