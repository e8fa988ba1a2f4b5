// Statistical truths of the field kit: linear fields with noise have exact laws, in time and in equilibrium.
#include <gtest/gtest.h>

#include <cmath>

#include "exec/engine.h"
#include "kits/field/ladder.h"
#include "kits/field/relaxation.h"
#include "testing/statistics.h"

namespace meso::field {
namespace {

Answer answer_of(const System& system, const std::string& level, const std::variant<Times, Stationary>& when, std::vector<std::string> observables, std::uint64_t trajectories = 1) {
  const Case bound = system.bind({});
  LevelRun run({.seed = 17, .threads = 2}, "field/" + level);
  run.set_trajectories(trajectories);
  return bound.level(level).run({.when = when, .observables = std::move(observables)}, run);
}

const Estimate& get(const Answer& answer, const std::string& observable) {
  const Estimate* found = answer.find(observable);
  if (found == nullptr) throw std::runtime_error("no " + observable);
  return *found;
}

// Edwards-Wilkinson growth from a flat line: exponential Euler is exact for it, so that steps of 1 do.
TEST(FieldTruth, EdwardsWilkinsonGrowsAsItsModesSayAtAnyStep) {
  const FieldSpec spec{.potential = "0*phi", .length = {32}, .n = {64}, .dynamics = "relaxation", .temperature = 0.5, .dt = 1};
  const System system = field_system(spec, "field", "test");
  const std::vector<double> times{1, 3, 10, 40};
  const Answer field = answer_of(system, "field", Times{times}, {"phi2", "spectrum"}, 3000), exact = answer_of(system, "linearised", Times{times}, {"phi2", "spectrum"});
  std::vector<MeanCheck> checks;
  for (std::size_t i = 0; i < times.size(); ++i) {
    const double e = get(exact, "phi2").value[i];
    checks.push_back({1, get(field, "phi2").value[i] / e, get(field, "phi2").se(i) / e, "phi2 at t = " + std::to_string(times[i]), get(field, "phi2").dof});
    for (const std::size_t k : {0u, 1u, 5u, 20u, 32u}) {
      const std::size_t at = i * 33 + k;
      const double s = get(exact, "spectrum").value[at];
      checks.push_back({1, get(field, "spectrum").value[at] / s, get(field, "spectrum").se(at) / s, "mode " + std::to_string(k) + " at t = " + std::to_string(times[i]), get(field, "spectrum").dof});
    }
  }
  EXPECT_TRUE(MeansMatch(checks, 0.3));
}

// A nonlinear field without space (one mode matters): the law of phi in V is exp(-L V/T), by quadrature. Weak error of order dt.
TEST(FieldTruth, BothDynamicsReachTheTransferOperatorsEquilibrium) {
  for (const std::string dynamics : {"wave", "relaxation"}) {
    FieldSpec spec{.potential = "phi^2/2 + phi^4/4", .length = {10}, .n = {64}, .dynamics = dynamics, .damping = 1, .temperature = 0.8, .dt = dynamics == "wave" ? 0.05 : 0.01};
    const System system = field_system(spec, "field", "test");
    const Answer field = answer_of(system, "field", Stationary{10, 150}, {"phi2"}, 96), exact = answer_of(system, "transfer-operator", Stationary{}, {"phi2"});
    const Estimate &f = get(field, "phi2"), &e = get(exact, "phi2");
    // The grid misses modes of mean square T/(pi k_max), which the level states as its bound; with them added the two agree.
    const double missing = e.error_bound[0];
    EXPECT_TRUE(MeansMatch({{e.value[0], f.value[0] + missing, f.se(0), dynamics, f.dof}}, 0.05 * e.value[0]));
  }
}

}  // namespace
}  // namespace meso::field
