// The preset: what its solved levels answer, what it refuses and warns of, pictures, and that threads change nothing.
#include "systems/learning/kde-high-dim/kde_high_dim.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstring>

#include "base/error.h"
#include "systems/learning/kde-high-dim/test_support.h"
#include "testing/measured.h"

namespace meso::systems::kde_high_dim {
namespace {

using testing::flag;
using testing::run;
using testing::value;

const char* const name = "kde-high-dim";

TEST(Thresholds, HaveTheFiguresOfTheCard) {  // check 1
  for (const auto& row : std::vector<std::array<double, 3>>{{0.1, 1.37078, 1.93858}, {0.5, 0.65215, 0.92227}, {1, 0.37211, 0.52624}}) {
    const Answer a = run({{"alpha", row[0]}}, "random-energy", {"h.glass", "h.clt"});
    EXPECT_NEAR(value(a, "h.glass"), row[1], 1e-4 * row[1]);
    EXPECT_NEAR(value(a, "h.clt"), row[2], 1e-4 * row[2]);
    const std::string at = ", alpha = " + std::to_string(row[0]).substr(0, 3);
    measured(name, "check 1: h_G" + at, value(a, "h.glass"), 0, row[1], "card, rel. 1e-4");
    measured(name, "check 1: h_CLT" + at, value(a, "h.clt"), 0, row[2], "card, rel. 1e-4");
  }
  const Answer mixed = run({{"spectrum", std::vector<double>{1, 4}}}, "random-energy", {"h.glass"});
  EXPECT_NEAR(value(mixed, "h.glass"), 0.96278, 1e-4);
  measured(name, "check 1: h_G, spectrum half 1, half 4, alpha = 0.5", value(mixed, "h.glass"), 0, 0.96278, "card");
}

TEST(Headline, TheBestBandwidthIsCondensed) {  // check 2
  const Answer a = run({}, "random-energy", {"h.optimal", "divergence.least"});
  EXPECT_NEAR(value(a, "h.optimal"), 0.62244, 1e-4);
  EXPECT_NEAR(value(a, "divergence.least"), 0.02589, 1e-4);
  measured(name, "check 2: h_opt, alpha = 0.5", value(a, "h.optimal"), 0, 0.62244, "card, 1e-4");
  measured(name, "check 2: least D/d, alpha = 0.5", value(a, "divergence.least"), 0, 0.02589, "card, 1e-4");
  for (const auto& [unit, exact] : {std::pair{"glass", 0.02799}, {"clt", 0.07794}}) {
    const Answer at = run({{"h", 1.0}, {"h_unit", unit}}, "random-energy", {"divergence"});
    EXPECT_NEAR(value(at, "divergence"), exact, 1e-4);
    measured(name, std::string("check 2: D/d at h = one h_") + unit + ", alpha = 0.5", value(at, "divergence"), 0, exact, "card, 1e-4");
  }
  const Answer low = run({{"alpha", 0.1}}, "random-energy", {"h.optimal", "divergence.least"});
  EXPECT_NEAR(value(low, "h.optimal"), 1.03857, 1e-4);
  EXPECT_NEAR(value(low, "divergence.least"), 0.13785, 1e-4);
  measured(name, "check 2: h_opt, alpha = 0.1", value(low, "h.optimal"), 0, 1.03857, "card, 1e-4");
  measured(name, "check 2: least D/d, alpha = 0.1", value(low, "divergence.least"), 0, 0.13785, "card, 1e-4");
  double largest = 0;
  for (double alpha = 0.05; alpha <= 3.001; alpha += 0.05) {
    const Answer at = run({{"alpha", alpha}}, "random-energy", {"h.optimal", "h.glass"});
    largest = std::max(largest, std::pow(value(at, "h.optimal") / value(at, "h.glass"), 2));
  }
  EXPECT_LT(largest, 1);
  measured(name, "check 2: largest mu_opt for alpha = 0.05 ... 3", largest, 0, "below 1: condensed for every alpha");
}

TEST(FiniteLevel, HasTheFiguresOfTheCard) {  // checks 4, 5, 6, the theory
  for (const auto& row : std::vector<std::array<double, 4>>{{0.5, 0.6314, -1.6993, 0.3963}, {1, 0.3193, -1.4845, 0.7927}, {2, 0.0406, -1.4982, 1.5854}}) {
    const Answer a = run({{"h", std::sqrt(row[0])}, {"h_unit", "glass"}}, "finite-n", {"participation", "ln.density", "mu"});
    const std::string at = " at mu = " + std::to_string(row[0]).substr(0, 3);
    EXPECT_NEAR(value(a, "participation"), row[1], 1e-4) << at;
    EXPECT_NEAR(value(a, "ln.density"), row[2], 1e-4) << at;
    EXPECT_NEAR(value(a, "mu"), row[3], 1e-4) << at;
    measured(name, "check 4: E Y2 by integrals" + at, value(a, "participation"), a.find("participation")->bound(0), row[1], "card, 1e-3");
    measured(name, "check 4: E ln rho_hat/d by integrals" + at, value(a, "ln.density"), a.find("ln.density")->bound(0), row[2], "card, 1e-3");
    measured(name, "check 6: tail exponent at the 1/n quantile" + at, value(a, "mu"), 0, row[3], "card, 1e-3");
  }
  const std::vector<std::array<double, 3>> rows{{20, 0.6314, 0.4957}, {40, 0.5817, 0.4256}, {80, 0.5485, 0.3769}, {160, 0.5278, 0.3452}};
  for (const auto& row : rows)
    for (const int k : {1, 2}) {
      const double mu = k == 1 ? 0.5 : 0.7;
      const Answer a = run({{"d", static_cast<std::int64_t>(row[0])}, {"h", std::sqrt(mu)}, {"h_unit", "glass"}}, "finite-n", {"participation"});
      EXPECT_NEAR(value(a, "participation"), row[static_cast<std::size_t>(k)], 2e-4) << row[0];
      measured(name, "check 5: E Y2, d = " + std::to_string(static_cast<int>(row[0])) + ", mu = " + std::to_string(mu).substr(0, 3), value(a, "participation"), 0, row[static_cast<std::size_t>(k)], "card, 2e-3");
    }
}

TEST(FiniteLevel, ReachesHugeNumbersOfPoints) {
  const Answer a = run({{"d", 200}, {"alpha", 0.4}, {"h", 0.7}, {"h_unit", "glass"}}, "finite-n", {"participation", "ln.density", "top.share", "nearest.distance"});  // n = 5.5e34
  const Answer limit = run({{"d", 200}, {"alpha", 0.4}, {"h", 0.7}, {"h_unit", "glass"}}, "random-energy", {"participation", "ln.density", "top.share", "nearest.distance"});
  EXPECT_NEAR(value(a, "participation"), value(limit, "participation"), 0.04);
  EXPECT_NEAR(value(a, "ln.density"), value(limit, "ln.density"), 0.03);
  EXPECT_NEAR(value(a, "nearest.distance"), value(limit, "nearest.distance"), 0.03 * value(limit, "nearest.distance"));
  EXPECT_NEAR(a.find("top.share")->value[0], limit.find("top.share")->value[0], 0.04);
  EXPECT_NEAR(value(a, "top.share"), value(limit, "top.share"), 0.02);
}

TEST(CentralLimit, BelowItsThresholdTheNumberComesWithItsMargin) {
  const Answer below = run({{"h", 0.71}, {"h_unit", "clt"}}, "clt", {"ln.density", "ln.density.distribution", "participation"});
  ASSERT_NE(flag(below, "not-valid"), nullptr);
  EXPECT_NE(flag(below, "not-valid")->text.find("not valid: h/h_CLT = 0.71 is below 1"), std::string::npos) << flag(below, "not-valid")->text;
  EXPECT_TRUE(std::isfinite(value(below, "ln.density")));
  const Answer above = run({{"h", 1.5}, {"h_unit", "clt"}}, "clt", {"ln.density"});
  EXPECT_EQ(flag(above, "not-valid"), nullptr);
}

TEST(Simulation, ASampleVarianceThatDoesNotConvergeIsSaid) {
  const Answer a = run({{"h", 1.0}, {"h_unit", "glass"}}, "distances", {"relative.variance", "participation"}, 8);
  ASSERT_NE(flag(a, "not-mixed"), nullptr);
  EXPECT_EQ(flag(a, "not-mixed")->observable, "relative.variance");
  EXPECT_NE(flag(a, "not-mixed")->text.find("has not converged: the weights have exponent 0.7927 < 2 at their 1/n quantile"), std::string::npos) << flag(a, "not-mixed")->text;
  EXPECT_EQ(flag(run({{"h", 2.0}, {"h_unit", "clt"}}, "distances", {"relative.variance"}, 8), "not-mixed"), nullptr);
}

TEST(Simulation, NarrowKernelsDoNotUnderflow) {  // every weight is below e^{-700} at h = 0.05
  for (const char* level : {"distances", "vectors"}) {
    const Answer a = run({{"h", 0.05}}, level, {"ln.density", "participation"}, 64), exact = run({{"h", 0.05}}, "finite-n", {"ln.density", "participation"});
    EXPECT_NEAR(value(a, "ln.density"), value(exact, "ln.density"), 6.5 * testing::error(a, "ln.density")) << level;
    EXPECT_GT(value(a, "participation"), 0.95) << level;
  }
}

TEST(Simulation, DistancesOfLawsAloneMayBeAsked) {
  const Answer a = run({{"d", 10}, {"h", 1.0}, {"h_unit", "glass"}}, "distances", {"ks.normal"}, 200);
  ASSERT_EQ(a.estimates.size(), 1u);
  EXPECT_GT(value(a, "ks.normal"), 0.1);
}

TEST(Simulation, GivesTheSameBitsOnOneTwoAndThreeThreads) {
  const std::vector<std::string> all{"ln.density", "participation", "top.share", "nearest.distance", "divergence", "relative.variance", "tail.index", "ln.density.distribution", "ks.normal", "ks.stable"};
  for (const char* level : {"distances", "vectors"})
    for (const char* query : {"fixed", "random"}) {
      const Table parameters{{"d", 8}, {"alpha", 0.9}, {"h", 1.3}, {"h_unit", "glass"}, {"spectrum", std::string(query) == "fixed" ? std::vector<double>{1, 4} : std::vector<double>{2}}, {"query", query}};
      std::vector<Answer> answers;
      for (const unsigned threads : {1u, 2u, 3u}) answers.push_back(run(parameters, level, all, 23, threads, std::string(level) == "vectors" ? Table{{"queries", 3}} : Table{}));
      ASSERT_GE(answers[0].estimates.size(), 6u);
      for (const std::size_t k : {1u, 2u})
        for (std::size_t e = 0; e < answers[0].estimates.size(); ++e) {
          const Estimate &a = answers[0].estimates[e], &b = answers[k].estimates[e];
          ASSERT_EQ(a.value.size(), b.value.size());
          EXPECT_EQ(std::memcmp(a.value.data(), b.value.data(), a.value.size() * sizeof(double)), 0) << level << " " << query << ": " << a.observable;
        }
    }
}

TEST(Pictures, ShowCondensation) {
  for (const char* level : {"distances", "vectors"}) {
    Ask ask;
    ask.when = Stationary{};
    ask.observables = {"participation"};
    ask.portraits = true;
    LevelRun engine({.seed = 3, .threads = 1}, "kde-high-dim/pictures");
    engine.set_trajectories(2);
    const Answer a = system().bind({{"d", 12}, {"alpha", 0.6}, {"h", 0.5}, {"h_unit", "glass"}}).level(level).run(ask, engine);
    ASSERT_EQ(a.portraits.size(), std::string(level) == "vectors" ? 2u : 1u);
    const Portrait& shares = a.portraits[0];
    const std::size_t rows = shares.axes[0].points.size(), columns = shares.axes[1].points.size();
    ASSERT_EQ(shares.value.size(), rows * columns);
    EXPECT_GT(shares.value[0], 0.4);               // narrow: the nearest point
    EXPECT_NEAR(shares.value[columns - 1], 1, 1e-3);
    EXPECT_LT(shares.value[rows * columns - 1], 0.5);  // wide: 60 of 1339 points
    for (std::size_t i = 0; i < rows; ++i)
      for (std::size_t j = 1; j < columns; ++j) EXPECT_GE(shares.value[i * columns + j], shares.value[i * columns + j - 1]);
    if (a.portraits.size() < 2) continue;
    for (const double v : a.portraits[1].value) EXPECT_TRUE(v > 0 && v <= 1 + 1e-12);
    // The centre of the plane is the origin: nearly every point is as near, fewer carry the estimate at the rim.
    EXPECT_LT(a.portraits[1].value[24 * 49 + 24], *std::max_element(a.portraits[1].value.begin(), a.portraits[1].value.end()));
  }
}

std::string refusal(const Table& parameters) {
  try {
    (void)system().bind(parameters);
  } catch (const ParameterError& error) {
    return error.what();
  }
  return "accepted";
}
std::string refusal(const Table& parameters, const char* level) {
  try {
    (void)run(parameters, level, {"ln.density"}, 1);
  } catch (const ParameterError& error) {
    return error.what();
  }
  return "accepted";
}
void expect_parts(const std::string& said, std::initializer_list<const char*> parts) {
  for (const char* part : parts) EXPECT_NE(said.find(part), std::string::npos) << said << "\n  lacks: " << part;
}

TEST(BadInput, DataThatDoNotFitAreRefusedWithAWayOut) {
  expect_parts(refusal({{"alpha", 0.9}}, "vectors"), {"level 'vectors'", "n d = 6.566e+07 x 20 doubles takes 10.5 GB", "the limit is 1 GB", "Use level 'distances'", "smaller alpha d (now 18)"});
  expect_parts(refusal({{"alpha", 1.5}}, "distances"), {"level 'distances'", "n = 1.069e+13 distances", "Use level 'finite-n', which has no limit", "smaller alpha d (now 30)"});
  EXPECT_EQ(refusal({{"alpha", 1.5}}, "finite-n"), "accepted");
  expect_parts(refusal({{"alpha", 30.0}, {"d", 40}}), {"alpha d = 1200", "at most 690"});
}

TEST(BadInput, BandwidthAndSizesAreRefusedByName) {
  expect_parts(refusal({{"h", 0.0}}), {"h of system 'kde-high-dim' is 0", "above 0"});
  expect_parts(refusal({{"h", -0.5}}), {"h of system 'kde-high-dim' is -0.5", "above 0"});
  expect_parts(refusal({{"alpha", 0.0}}), {"alpha of system 'kde-high-dim' is 0", "above 0"});
  expect_parts(refusal({{"alpha", 0.001}}), {"alpha d = 0.02 gives n = 1 data points", "at least 2"});
  expect_parts(refusal({{"n", 1000}}), {"alpha = 0.5 and n = 1000 are both given and do not agree", "e^(alpha d) = 22026 at d = 20", "set points = \"n\""});
  EXPECT_EQ(refusal({{"n", 22026}}), "accepted");
  EXPECT_EQ(refusal({{"n", 1000}, {"points", "n"}}), "accepted");
  expect_parts(refusal({{"points", "n"}}), {"points = \"n\" and n = 0", "at least 2"});
}

TEST(BadInput, CovarianceAndQueryMustFit) {
  expect_parts(refusal({{"spectrum", std::vector<double>{1, -0.5}}}), {"the covariance is not positive definite: eigenvalue -0.5"});
  expect_parts(refusal({{"spectrum", std::vector<double>{1, 2, 3}}}), {"a spectrum of 3 eigenvalues does not fill d = 20 dimensions"});
  expect_parts(refusal({{"x", std::vector<double>{1, 2, 3}}}), {"the query has 3 components, the data have d = 20 dimensions"});
  expect_parts(refusal({{"query", "random"}, {"spectrum", std::vector<double>{1, 2, 3, 4, 5}}}), {"5 distinct eigenvalues with a random query", "at most 4", "Use query = \"fixed\""});
  expect_parts(refusal({{"query", "random"}, {"d", 2}, {"alpha", 2.0}, {"x", std::vector<double>{1, 2}}}), {"components of a query are given and query = \"random\""});
}

TEST(FiniteLevel, TooNarrowAKernelIsSaid) {
  const Answer a = run({{"h", 1e-5}}, "finite-n", {"ln.density"});
  ASSERT_NE(flag(a, "too-narrow"), nullptr);
  EXPECT_TRUE(flag(a, "too-narrow")->fatal);
  expect_parts(flag(a, "too-narrow")->text, {"h = 1e-05 is too narrow for the integrals", "use h above 0.00", "the nearest point alone carries the estimate"});
  EXPECT_TRUE(std::isfinite(value(run({{"h", 1e-5}}, "distances", {"ln.density"}, 4), "ln.density")));
}

TEST(StableLevel, SaysWhereThereIsNoLaw) {
  const Answer none = run({{"h", 3.0}, {"h_unit", "glass"}}, "stable", {"ln.density.distribution"});
  EXPECT_TRUE(none.estimates.empty());
  ASSERT_NE(flag(none, "no-law"), nullptr);
  EXPECT_NE(flag(none, "no-law")->text.find("it must be below 1.98 and not within 0.02 of 1"), std::string::npos);
}

}  // namespace
}  // namespace meso::systems::kde_high_dim
