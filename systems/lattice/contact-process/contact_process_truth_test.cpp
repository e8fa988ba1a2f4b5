#include "systems/lattice/contact-process/contact_process.h"

#include "kits/lattice/lattice_fixture.h"
#include "num/markov.h"

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

// Given survival: on a small ring the law is the leading eigenvector of the generator without the empty state. Restarts from the trajectory's own past find it.
TEST(ContactProcessTruth, QuasiStationaryTrajectoriesHaveTheLawOfTheLeadingEigenvector) {
  constexpr std::size_t n = 8, states = 1u << n;
  const double lambda = 2.5;
  num::Generator g;  // state c - 1 is the configuration c > 0, a bit a site
  for (std::size_t c = 1; c < states; ++c) {
    double leak = 0;
    for (std::size_t i = 0; i < n; ++i) {
      const auto go = [&](std::size_t to, double rate) {
        if (to == 0) leak += rate;
        else if (rate > 0) g.target.push_back(static_cast<std::uint32_t>(to - 1)), g.rate.push_back(rate);
      };
      if (c >> i & 1) go(c ^ (std::size_t{1} << i), 1.0);
      else go(c | (std::size_t{1} << i), lambda / 2 * static_cast<double>((c >> (i + 1) % n & 1) + (c >> (i + n - 1) % n & 1)));
    }
    g.start.push_back(g.target.size());
    g.leak.push_back(leak);
  }
  const num::QuasiStationary exact = num::quasi_stationary(g);
  double density = 0, second = 0, pairs = 0;
  for (std::size_t c = 1; c < states; ++c) {
    const double k = static_cast<double>(__builtin_popcountll(c)) / n;
    density += exact.law[c - 1] * k, second += exact.law[c - 1] * k * k;
    for (std::size_t i = 0; i < n; ++i) pairs += exact.law[c - 1] / n * static_cast<double>(c >> i & c >> (i + 1) % n & 1);
  }
  Question q{.parameters = {{"L", Value(static_cast<std::int64_t>(n))}, {"lambda", Value(lambda)}}, .when = Stationary{400.0, 2000.0}, .observables = {"A.density", "A.fluctuation", "A.A.pairs", "extinction-rate"},
             .trajectories = 1200, .options = {{"quasi-stationary", Value(true)}, {"samples", Value(2000)}}};
  const Answer a = answer_of(system(), q);
  std::vector<MeanCheck> checks;
  const auto add = [&](const char* what, double value) {
    measured("contact-process", std::string("ring of 8, lambda = 2.5, given survival: ") + what, get(a, what).value[0], get(a, what).se(0), value, "leading eigenvector of the sub-generator");
    checks.push_back(relative_check(get(a, what), 0, value, what));
  };
  add("A.density", density);
  add("A.A.pairs", pairs);
  add("A.fluctuation", n * (second - density * density));
  add("extinction-rate", exact.decay_rate);
  EXPECT_TRUE(MeansMatch(checks, 0.02));
  // Without the condition the ring is empty by then.
  q.options = {};
  q.observables = {"A.density"};
  q.trajectories = 40;
  EXPECT_LT(get(answer_of(system(), q), "A.density").value[0], 0.01 * density);
}

}  // namespace
}  // namespace meso::systems::contact_process
