#include "exec/engine.h"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>
#include <cmath>

#include "base/error.h"
#include "model/level.h"

namespace meso {
namespace {

// Signals of a correlated pair: x exponential, y = x^2 at two points; observables: mean, variance, a bounded indicator, a histogram.
Plan toy_plan() {
  Plan plan;
  plan.axes = {{"t", "s", {1, 2}}};
  plan.signals = {{.name = "x", .path = true}, {.name = "x2"}, {.name = "rare", .lo = 0, .hi = 1}, {.name = "bins", .width = 4, .lo = 0, .hi = 1}};
  plan.derived = {{"X.mean", "molecules", {0}},
                  {"X.variance", "molecules^2", {0, 1}, [](std::span<const double> m) { return m[1] - m[0] * m[0]; }},
                  {"rare.mean", "1", {2}},
                  {.observable = "X.distribution", .unit = "1", .signals = {3}, .support = Axis{"n", "molecules", {0, 1, 2, 3}}, .is_distribution = true}};
  return plan;
}

void toy_sample(std::uint64_t k, Tape& tape) {
  Stream rng(42, k, "test/toy");
  for (std::size_t i = 0; i < 2; ++i) {
    const double x = rng.exponential() * static_cast<double>(i + 1);
    tape.record(0, i, x);
    tape.record(1, i, x * x);
    tape.record(3, i, 1.0, static_cast<std::size_t>(std::min(3.0, x)));
  }
}

EnsembleResult run(unsigned threads, std::uint64_t grain, std::vector<std::uint64_t> rounds) {
  LevelRun level({.seed = 42, .threads = threads}, "test/toy");
  EnsembleResult result;
  for (const std::uint64_t n : rounds) {
    level.set_trajectories(n);
    result = level.ensemble("", toy_plan(), grain, one_by_one(toy_sample));
  }
  return result;
}

bool same(const std::vector<double>& a, const std::vector<double>& b) {  // one trajectory has no error: NaN equals NaN here
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](double x, double y) { return x == y || (std::isnan(x) && std::isnan(y)); });
}

void expect_same_bits(const EnsembleResult& a, const EnsembleResult& b) {
  ASSERT_EQ(a.estimates.size(), b.estimates.size());
  EXPECT_EQ(a.trajectories, b.trajectories);
  for (std::size_t e = 0; e < a.estimates.size(); ++e) {
    EXPECT_EQ(a.estimates[e].value, b.estimates[e].value);
    EXPECT_TRUE(same(a.estimates[e].std_error, b.estimates[e].std_error));
    EXPECT_TRUE(same(a.estimates[e].skewness, b.estimates[e].skewness));
    EXPECT_EQ(a.estimates[e].batches.has_value(), b.estimates[e].batches.has_value());
    if (a.estimates[e].batches) {
      EXPECT_EQ(a.estimates[e].batches->replicate, b.estimates[e].batches->replicate);
    }
  }
}

TEST(Engine, ThreadsGrainsAndRoundsChangeNoBit) {
  for (const std::uint64_t n : {1ul, 7ul, 64ul, 65ul, 1000ul, 4096ul}) {
    const EnsembleResult reference = run(1, 1, {n});
    for (const unsigned threads : {1u, 2u, 3u, 7u})
      for (const std::uint64_t grain : {1ul, 8ul, 64ul, 1024ul}) expect_same_bits(run(threads, grain, {n}), reference);
    expect_same_bits(run(2, 16, {1, 3, n / 2 + 1, n}), n >= 3 ? reference : run(1, 1, {3}));
  }
}

TEST(Engine, ErrorsAreThoseOfTheLaw) {  // exponential: var(mean) = 1/n, var(variance) = 8/n, skewness 2 of x
  const EnsembleResult r = run(2, 64, {65536});
  const Estimate& mean = r.estimates[0];
  const Estimate& variance = r.estimates[1];
  const double n = 65536;
  for (std::size_t i = 0; i < 2; ++i) {
    const double scale = static_cast<double>(i + 1);
    EXPECT_NEAR(mean.std_error[i] / (scale / std::sqrt(n)), 1, 0.05);                          // sd 0.6 %
    EXPECT_NEAR(variance.std_error[i] / (scale * scale * std::sqrt(8 / n)), 1, 0.6);           // 63 dof: sd 9 %
    EXPECT_LT(std::abs(mean.value[i] - scale), 6.2 * scale / std::sqrt(n));
    EXPECT_LT(std::abs(variance.value[i] - scale * scale), 6.2 * scale * scale * std::sqrt(8 / n));
    EXPECT_NEAR(mean.skewness[i], 2, 0.3);
    // y = (x - 1)^2: E y^3 - 3 E y^2 + 2 = 265 - 27 + 2 = 240, var 8, so skewness 240 / 8^1.5 = 10.6 (heavy-tailed itself).
    EXPECT_GT(variance.skewness[i], 7);
    EXPECT_LT(variance.skewness[i], 16);
  }
  EXPECT_EQ(mean.dof, n - 1);
  EXPECT_EQ(variance.dof, 63);
  EXPECT_EQ(r.estimates[2].no_variation, (std::vector<double>{1, 1}));
  EXPECT_EQ(r.estimates[2].signal_range, (std::vector<double>{1, 1}));
  EXPECT_EQ(r.estimates[2].std_error, (std::vector<double>{0, 0}));
  double mass = 0;
  for (std::size_t b = 0; b < 4; ++b) mass += r.estimates[3].value[b];
  EXPECT_NEAR(mass, 1, 1e-12);
  EXPECT_EQ(r.estimates[3].axes.size(), 2u);
}

TEST(Engine, OneTrajectoryAloneIsTheOneOfTheEnsemble) {
  const EnsembleResult all = run(3, 8, {100});
  ASSERT_EQ(all.paths.size(), kept_paths);
  for (const Path& path : all.paths) {
    LevelRun level({.seed = 42, .threads = 1}, "test/toy");
    level.set_solo(path.trajectory);
    const EnsembleResult alone = level.ensemble("", toy_plan(), 8, one_by_one(toy_sample));
    EXPECT_EQ(alone.trajectories, 1u);
    EXPECT_EQ(alone.paths.front().signal, "x");
    EXPECT_EQ(alone.paths.front().value, path.value);
    EXPECT_EQ(alone.estimates[0].value, path.value);
  }
}

TEST(Engine, AnErrorInATrajectoryAndACancelComeOutAsThemselves) {
  LevelRun level({.seed = 42, .threads = 2}, "test/toy");
  level.set_trajectories(1000);
  const auto failing = one_by_one([](std::uint64_t k, Tape&) {
    if (k >= 500) throw ModelError("trajectory " + std::to_string(k));
  });
  EXPECT_THROW((void)level.ensemble("", toy_plan(), 8, failing), ModelError);

  LevelRun cancelled({.seed = 42, .threads = 2, .on_progress = [](double f) { if (f > 0) throw Cancelled(); }}, "test/toy");
  cancelled.set_trajectories(100000);
  const auto slow = one_by_one([](std::uint64_t, Tape&) { std::this_thread::sleep_for(std::chrono::milliseconds(1)); });
  EXPECT_THROW((void)cancelled.ensemble("", toy_plan(), 1, slow), Cancelled);
}

}  // namespace
}  // namespace meso
