// The system as a user meets it: parameters and their refusals, what each level says, theory against numbers that are known.
#include "systems/networks/random-spatial-networks/random_spatial_networks.h"
#include "testing/measured.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "exec/engine.h"

namespace meso::systems::random_spatial_networks {
namespace {

Answer run(const Table& parameters, const std::string& level, const std::vector<std::string>& observables, std::vector<double> times = {0, 1}, std::uint64_t n = 4, bool portraits = false) {
  const Case bound = system().bind(parameters);
  const Level& found = bound.level(level);
  LevelRun context({.seed = 3, .threads = 1}, "random-spatial-networks/" + level);
  context.set_trajectories(n);
  Ask ask;
  ask.when = Times{std::move(times)};
  ask.observables = observables;
  ask.portraits = portraits;
  ask.options = resolve(found.info.options, {}, "level '" + level + "'");
  return found.run(ask, context);
}

std::string refusal(const Table& parameters) {
  try {
    (void)system().bind(parameters);
  } catch (const ParameterError& error) {
    return error.what();
  }
  return "(accepted)";
}

std::string fatal(const Answer& answer, const std::string& kind) {
  for (const Flag& flag : answer.flags)
    if (flag.fatal && flag.kind == kind) return flag.observable + ": " + flag.text;
  return "(no such flag)";
}

using List = std::vector<double>;
#define EXPECT_SAYS(text, part) EXPECT_NE((text).find(part), std::string::npos) << (text)

TEST(RandomSpatialNetworks, RefusesBadParametersInOneSentenceEach) {
  EXPECT_SAYS(refusal({{"beta", 0.0}}), "beta of system 'random-spatial-networks' is 0; it must be above 0");
  EXPECT_SAYS(refusal({{"gamma", -1.0}}), "gamma of system 'random-spatial-networks' is -1");
  EXPECT_SAYS(refusal({{"kernel", "power"}, {"a", 1.0}}), "(1 + r)^(-a) with a = 1 is not integrable in 1 dimension: a must exceed 1");
  EXPECT_SAYS(refusal({{"dimension", 2}, {"L", 20.0}, {"kernel", "power"}, {"a", 2.0}}), "not integrable in 2 dimensions: a must exceed 2");
  EXPECT_SAYS(refusal({{"kernel", "stretched"}, {"a", 1.5}}), "the exponent of a stretched exponential kernel must lie between 0 and 1; 1.5 was given");
  EXPECT_SAYS(refusal({{"kappa", List{6, 0}}, {"kappa_weight", List{0.5, 0.5}}}), "contains 0; expected degrees must be positive");
  EXPECT_SAYS(refusal({{"kappa", List{6, -2}}, {"kappa_weight", List{0.5, 0.5}}}), "kappa");
  EXPECT_SAYS(refusal({{"kappa", List{2, 18}}}), "kappa of system 'random-spatial-networks' has 2 values and kappa_weight 1");
  EXPECT_SAYS(refusal({{"kappa", List{2, 18}}, {"kappa_weight", List{0.7, 0.7}}}), "sums to 1.4; probabilities of the expected degrees sum to 1");
  EXPECT_SAYS(refusal({{"rho", 2.0}}), "rho = 2 is too low for these degrees: 40 % of the connected pairs");  // all within 0.6
  EXPECT_SAYS(refusal({{"rho", 2.0}}), "the mean degree would be");
  EXPECT_SAYS(refusal({{"w", 60.0}}), "the infected band of width 120 does not fit into L = 100");
  EXPECT_SAYS(refusal({{"L", 0.05}, {"rho", 100.0}}), "L of system");
  EXPECT_SAYS(refusal({{"kernel", "gausian"}}), "gausian");
}

TEST(RandomSpatialNetworks, TheCapTellsHowBiasedTheDegreesAre) {
  // One dimension, uniform inside its own law: p > 1 where 6 f(r) > rho; numbers by hand for a gaussian at rho = 2: 6 f(0) = 2.394.
  const graph::SpatialSpec spec{1, 100, 2, {6}, {1}, graph::Kernel(1, {graph::Kernel::Part{}})};
  const double edge = std::sqrt(2 * std::log(6 / std::sqrt(2 * M_PI) / 2));
  EXPECT_NEAR(spec.cap().pairs, 2 * edge * 2 / 6, 1e-9);
  EXPECT_NEAR(spec.cap().degree, std::erf(edge / std::sqrt(2.0)) - 2 * edge * 2 / 6, 1e-9);
}

TEST(RandomSpatialNetworks, WarnsAboutSparseRanges) {
  const Case bound = system().bind({{"rho", 2.5}, {"kappa", List{0.9}}, {"L", 100.0}});
  bool said = false;
  for (const std::string& note : bound.notes) said = said || note.find("rho sigma^d = 2.5 < 3") != std::string::npos;
  EXPECT_TRUE(said);
}

TEST(RandomSpatialNetworks, SpeedsThatDoNotExistAreExplained) {
  EXPECT_SAYS(fatal(run({{"beta", 0.1}}, "pide", {"speed"}), "no-front"), "speed: no front: R0 = 0.5455 is not above 1");
  EXPECT_SAYS(fatal(run({{"beta", 0.1}}, "front", {"speed"}), "no-front"), "speed: no front");
  EXPECT_SAYS(fatal(run({{"beta", 0.1}}, "network", {"speed"}), "no-front"), "speed: no front");
  for (const char* level : {"front", "pide", "network", "cutoff"}) {
    const Answer answer = run({{"kernel", "power"}}, level, {"speed", "arrival"});
    EXPECT_SAYS(fatal(answer, "accelerating"), "accelerating: the kernel has no exponential moment");
    if (std::string(level) == "pide" || std::string(level) == "network") {  // the arrival curve instead
      ASSERT_NE(answer.find("arrival"), nullptr);
      const std::vector<double>& t = answer.find("arrival")->value;
      EXPECT_LT(t[15] - t[10], t[5] - t[0]) << level << ": equal distances are crossed faster and faster";
    }
  }
  EXPECT_SAYS(fatal(run({{"L", 40.0}}, "network", {"speed"}), "domain-too-short"), "three windows of 4 do not fit before the two fronts meet round the torus. Take L >= 48");
  EXPECT_THROW((void)[] {
    Ask ask;
    ask.when = Stationary{};
    LevelRun context({.seed = 3}, "x");
    return system().bind({}).level("well-mixed").run(ask, context);
  }(), StudyError);
}

TEST(RandomSpatialNetworks, WellMixedFinalSizes) {
  const auto size = [](List kappa, List weight, double beta) {
    return run({{"kappa", kappa}, {"kappa_weight", weight}, {"beta", beta}}, "well-mixed", {"attack.rate"}).find("attack.rate")->value[0];
  };
  EXPECT_NEAR(size({6}, {1}, 1), 0.940480, 1e-6);
  EXPECT_NEAR(size({4}, {1}, 1), 0.796812, 1e-6);
  EXPECT_NEAR(size({8}, {1}, 0.5), 0.912182, 1e-6);
  EXPECT_NEAR(size({2, 18}, {0.75, 0.25}, 1), 0.694358, 1e-6);
}

TEST(RandomSpatialNetworks, LinearFronts) {
  const auto speed = [](const Table& p, const char* level) { return run(p, level, {"speed"}).find("speed")->value[0]; };
  measured("random-spatial-networks", "6: c*, gaussian", speed({}, "front"), 1e-7, 7.769437, "min over s of c(s)");
  measured("random-spatial-networks", "6: c*, laplace", speed({{"kernel", "laplace"}}, "front"), 1e-7, 8.462370, "min over s of c(s)");
  measured("random-spatial-networks", "6: c*, gaussian, kappa = 8, beta = 1/2", speed({{"kappa", List{8}}, {"beta", 0.5}}, "front"), 1e-7, 4.988112, "min over s of c(s)");
  EXPECT_NEAR(speed({}, "front"), 7.769437, 1e-6);
  EXPECT_NEAR(speed({{"kernel", "laplace"}}, "front"), 8.462370, 1e-6);
  EXPECT_NEAR(speed({{"kappa", List{8}}, {"beta", 0.5}}, "front"), 4.988112, 1e-6);
  EXPECT_NEAR(speed({{"rho", 1000.0}}, "cutoff"), 6.34, 0.005);
  // Halving the unit of length halves the speed, whatever the kernel's shape.
  EXPECT_NEAR(speed({{"sigma", 0.5}}, "front"), 0.5 * 7.769437, 1e-6);
}

TEST(RandomSpatialNetworks, ClusteringConstants) {
  const auto c = [](const Table& p) { return run(p, "tree-like", {"clustering"}).find("clustering")->value[0]; };
  EXPECT_NEAR(c({}), 0.013820, 1e-6);
  EXPECT_NEAR(c({{"rho", 1000.0}}), 0.0013820, 1e-7);
  EXPECT_NEAR(c({{"dimension", 2}, {"rho", 50.0}, {"L", 50.0}}), 0.006366, 1e-6);
  EXPECT_NEAR(c({{"kernel", "laplace"}, {"rho", 300.0}}), 0.005303, 3e-6);
}

TEST(RandomSpatialNetworks, TheThreeSharesAddUpOnEveryLevel) {
  for (const char* level : {"network", "pide", "well-mixed"}) {
    const Answer answer = run({}, level, {"S.mean", "I.mean", "R.mean"}, {0, 1, 3}, 3);
    for (std::size_t i = 0; i < 3; ++i)
      EXPECT_NEAR(answer.find("S.mean")->value[i] + answer.find("I.mean")->value[i] + answer.find("R.mean")->value[i], 1, std::string(level) == "well-mixed" ? 1e-8 : 1e-12) << level;  // well-mixed: the solver's tolerance
  }
}

TEST(RandomSpatialNetworks, ProfilesAverageToTheMeans) {
  for (const char* level : {"network", "pide"}) {
    const Answer answer = run({{"rho", 50.0}}, level, {"S.mean", "S.profile", "I.profile"}, {0, 2}, 3);
    const Estimate& profile = *answer.find("S.profile");
    ASSERT_EQ(profile.axes.size(), 2u);
    double mean = 0;
    for (std::size_t b = 0; b < profile_bins; ++b) mean += profile.value[profile_bins + b] / profile_bins;
    EXPECT_NEAR(mean, answer.find("S.mean")->value[1], 0.02) << level;  // bins hold different numbers of nodes
  }
}

TEST(RandomSpatialNetworks, DrawsASpaceTimePlot) {
  for (const char* level : {"network", "pide"}) {
    const Answer answer = run({{"L", 60.0}, {"rho", 50.0}}, level, {"S.mean"}, {0, 5}, 1, true);
    ASSERT_EQ(answer.portraits.size(), 1u) << level;
    const Portrait& p = answer.portraits[0];
    EXPECT_EQ(p.value.size(), p.axes[0].points.size() * p.axes[1].points.size());
    EXPECT_LE(p.value.size(), 250000u);
    double most = 0;
    for (const double v : p.value) most = std::max(most, v);
    EXPECT_GT(most, 0.3);
    EXPECT_LE(most, 1.0 + 1e-9);
  }
}

TEST(RandomSpatialNetworks, ASingleNodeSeedsAnOutbreakOrNone) {
  const Answer answer = run({{"seed", "node"}, {"L", 60.0}, {"rho", 50.0}}, "network", {"attack.rate", "R.mean"}, {0, 40}, 64);
  EXPECT_NEAR(answer.find("attack.rate")->value[0], 0.940, 0.01);  // given an outbreak
  EXPECT_LT(answer.find("R.mean")->value[1], 0.93);                // some seeds die out
  bool said = false;
  for (const Flag& flag : answer.flags) said = said || flag.text.find("outbreaks (more than 5 % infected)") != std::string::npos;
  EXPECT_TRUE(said);
}

TEST(Hops, CountClustersFarFromTheMainOne) {
  Realisation r;
  r.network.side = 100;
  r.network.dimension = 1;
  for (int i = 0; i < 10000; ++i) {
    const double x = (i + 0.5) / 100;
    r.network.x.push_back(x);
    const bool infected = std::abs(x - 50) < 10 || (x > 80 && x < 81) || (x > 82 && x < 83) || (x > 10 && x < 12);
    r.infected_at.push_back(infected ? 1.0 : INFINITY);
  }
  const Hops h = hops(r, 2, 0.5);  // gaps of up to 5 belong together: 80..83 is one focus, 10..12 another
  EXPECT_EQ(h.foci, 2);
  EXPECT_NEAR(h.hop, 4.0 / 24, 1e-9);
  EXPECT_EQ(hops(r, 0.5, 0.5).foci, 0);
  EXPECT_EQ(hops(r, 2, 4.0).foci, 0);  // everything within 40
}

}  // namespace
}  // namespace meso::systems::random_spatial_networks
