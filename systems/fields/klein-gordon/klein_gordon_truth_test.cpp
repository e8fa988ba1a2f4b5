// Statistical truths: the field at a temperature against exact theory, and the distinguishability of the four regimes against its null.
#include "kits/field/relaxation.h"
#include "stat/two_sample.h"
#include "systems/fields/klein-gordon/test_support.h"

namespace meso::systems::klein_gordon {
namespace {

using namespace tests;

MeanCheck relative(const Estimate& e, std::size_t i, double exact, const std::string& what) { return {1.0, e.value[i] / exact, e.se(i) / exact, what, e.dof}; }

// Mean over neighbouring modes of the estimate over its exact value, with the error between trajectories as if modes were independent (they are: linear).
std::vector<MeanCheck> binned(const Estimate& s, const Estimate& exact, std::size_t width, double trajectories) {
  std::vector<MeanCheck> checks;
  for (std::size_t b = 0; b + width <= s.size(); b += width) {
    double ratio = 0, variance = 0;
    for (std::size_t k = b; k < b + width; ++k) ratio += s.value[k] / exact.value[k] / static_cast<double>(width), variance += std::pow(s.se(k) / exact.value[k] / static_cast<double>(width), 2);
    checks.push_back({1.0, ratio, std::sqrt(variance), "bin " + std::to_string(b / width), (trajectories - 1) * static_cast<double>(width)});
  }
  return checks;
}

TEST(KleinGordonTruth, Check10AFreeFieldReachesEquipartition) {
  for (const std::string boundary : {"periodic", "antiperiodic"}) {
    const Question q{.parameters = {{"case", "thermal"}, {"n", 128}, {"L", 20}, {"dt", 0.08}, {"damping", 0.7}, {"boundary", boundary}}, .when = Stationary{30, 300}, .observables = {"spectrum", "temperature", "phi2"}, .trajectories = 256};
    Question theory = q;
    theory.level = "modes";
    const Answer micro = answer_of(q), exact = answer_of(theory);
    const std::vector<MeanCheck> checks = binned(get(micro, "spectrum"), get(exact, "spectrum"), 8, 256);
    double worst = 0;
    for (const MeanCheck& c : checks) worst = std::max(worst, std::abs(c.estimate - 1));
    measured("klein-gordon", "10: largest deviation from equipartition per bin of 8 modes, " + boundary, worst, checks[0].std_error, 0.0, "T/(L w_k^2); 2 % asked");
    EXPECT_TRUE(MeansMatch(checks, 0.02)) << boundary;  // BAOAB samples the positions of a linear field without step error, at a dt of 0.08
    EXPECT_TRUE(MeansMatch({relative(get(micro, "phi2"), 0, get(exact, "phi2").value[0], "phi2")}, 0.02)) << boundary;
  }
}

TEST(KleinGordonTruth, AColdFieldWarmsUpAsItsModesSay) {
  const std::vector<double> times{0.5, 1, 2, 4, 8};
  const Question q{.parameters = {{"case", "thermal"}, {"n", 128}, {"L", 20}, {"dt", 0.01}, {"damping", 0.5}}, .when = Times{times}, .observables = {"phi2", "temperature", "energy"}, .trajectories = 1024};
  Question theory = q;
  theory.level = "modes";
  const Answer micro = answer_of(q), exact = answer_of(theory);
  std::vector<MeanCheck> checks;
  for (std::size_t i = 0; i < times.size(); ++i)
    for (const char* name : {"phi2", "temperature", "energy"}) checks.push_back(relative(get(micro, name), i, get(exact, name).value[i], name + std::string(" at t = ") + std::to_string(times[i])));
  EXPECT_TRUE(MeansMatch(checks, 0.2));
}

TEST(KleinGordonTruth, Phi4AtATemperatureHasTheStatisticsOfTheTransferOperator) {
  // Warm enough to visit both wells: T = 0.5, correlation length below L/8.
  const Table p{{"case", "thermal"}, {"potential", "phi4"}, {"temperature", 0.5}, {"n", 256}, {"L", 20}, {"dt", 0.04}, {"damping", 1.0}};
  const Question q{.parameters = p, .when = Stationary{60, 400}, .observables = {"phi2"}, .trajectories = 192};
  Question theory = q;
  theory.level = "transfer-operator";
  const Answer micro = answer_of(q), exact = answer_of(theory);
  const Estimate &m = get(micro, "phi2"), &e = get(exact, "phi2");
  measured("klein-gordon", "R5: <phi^2> of phi^4 at T = 0.5, L = 20, n = 256", m.value[0], m.se(0), e.value[0], "transfer operator, grid bound " + std::to_string(e.error_bound[0]));
  // The grid leaves out modes of mean square T/(pi k_max) = 0.004, 0.7 % of <phi^2>: the bound of the level. The test sees 3 %.
  EXPECT_LT(std::abs(m.value[0] - e.value[0]), e.error_bound[0] + 7 * m.se(0));
  EXPECT_LT(7 * m.se(0) + e.error_bound[0], 0.03 * e.value[0] + e.error_bound[0]);
  // And on a grid of twice the points the difference is the smaller.
  EXPECT_LT(e.error_bound[0], 0.02 * e.value[0]);
}

TEST(KleinGordonTruth, Check8TheRegimesLieFarAboveTheNullOfTheBootstrap) {
  const auto blocks = [](const Table& p, double end) {
    const std::size_t snapshots = 60;
    const Answer a = answer_of({.parameters = p, .when = Times{linear_times(end, snapshots)}, .observables = {"phi"}});
    const std::vector<double>& phi = get(a, "phi").value;
    const std::size_t n = phi.size() / snapshots;
    std::vector<std::vector<double>> result(snapshots);
    for (std::size_t i = 0; i < snapshots; ++i)
      for (std::size_t j = 0; j < n; j += 4) result[i].push_back(std::abs(phi[i * n + j]));
    return result;
  };
  const auto linear = blocks({{"case", "linear"}}, 50), kink = blocks({{"case", "kink"}}, 50), breather = blocks({{"case", "breather"}}, 80), collision = blocks({{"case", "collision"}}, 100);
  const auto delta = [](std::span<const double> a, std::span<const double> b) { return mann_whitney(a, b).cliffs_delta; };
  for (const auto& [what, a, b] : {std::tuple{"linear and kink", &linear, &kink}, std::tuple{"linear and breather", &linear, &breather}, std::tuple{"kink and breather", &kink, &breather},
                                   std::tuple{"collision and linear", &collision, &linear}, std::tuple{"collision and breather", &collision, &breather}, std::tuple{"collision and kink", &collision, &kink}}) {
    const BlockBootstrap d = block_bootstrap(*a, *b, kolmogorov_smirnov, 100, 0.99, Stream(7, 0, "test/check8"));
    const BlockBootstrap c = block_bootstrap(*a, *b, delta, 100, 0.99, Stream(7, 1, "test/check8"));
    measured("klein-gordon", std::string("8: 99 % null of the distance, ") + what, d.null_quantile, d.std_error, "distance " + std::to_string(d.value));
    measured("klein-gordon", std::string("8: Cliff's delta, ") + what, c.value, c.std_error, "null " + std::to_string(c.null_quantile));
    EXPECT_GT(d.low, 1.5 * d.null_quantile) << what;
    EXPECT_GT(d.value - d.null_quantile, 5 * d.std_error) << what;
  }
}

}  // namespace
}  // namespace meso::systems::klein_gordon
