// Proof of the verdict (docs/verdict.md, "Proof"): the real engine and the real judge on laws whose truth is known.
//
// For each law a solved reference is placed so that the true discrepancy is a known multiple of the margin. An error is
// `disagrees` where the truth is within the margin, or `agrees` where it is outside. Over 10,000 studies (fewer where a test says so) with fixed seeds
// the number of errors must lie within the exact binomial bound of the declared rate (false-failure rate 1e-9 each), and
// at 0.5 and 2 margins at least 90 % must be decided: a verdict that is always `undecided` fails here.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "exec/engine.h"
#include "stat/quantile.h"
#include "study/study.h"
#include "study/verdict.h"

namespace meso {
namespace {

constexpr std::size_t many = 10'000;  // studies behind each error rate

/// A law of one number per trajectory, with what the reference needs to know.
struct Law {
  std::string name;
  std::function<double(Stream&)> draw;
  double mean = 0, sd = 1;
  double lo = -std::numeric_limits<double>::infinity(), hi = std::numeric_limits<double>::infinity();
  double variance_sd = 0;  ///< standard deviation of (x - mean)^2: sets the error of the variance
};

const Law normal{"normal", [](Stream& s) { return 3 + 2 * s.normal(); }, 3, 2, -HUGE_VAL, HUGE_VAL, 4 * std::sqrt(2.0)};
const Law poisson{"Poisson 4", [](Stream& s) { return static_cast<double>(s.poisson(4)); }, 4, 2, -HUGE_VAL, HUGE_VAL, std::sqrt(4 + 2 * 16.0)};
// One trajectory in five carries an exponential burst of mean 5: mean 1, E x^2 = 10.
const Law bursts{"exponential bursts", [](Stream& s) { return s.bernoulli(0.2) ? 5 * s.exponential() : 0.0; }, 1, 3};
const Law rare{"Bernoulli 0.01", [](Stream& s) { return s.bernoulli(0.01) ? 1.0 : 0.0; }, 0.01, std::sqrt(0.01 * 0.99), 0, 1};
const Law bimodal{"two points", [](Stream& s) { return s.bernoulli(0.4) ? 29.0 : 4.0; }, 0.4 * 29 + 0.6 * 4, 25 * std::sqrt(0.24), 4, 29};

enum class What { mean, variance };

Plan plan_of(const Law& law, What what) {
  Plan plan;
  plan.signals = {{.name = "x", .lo = law.lo, .hi = law.hi}, {.name = "x2"}};
  if (what == What::mean) plan.derived = {{"X.mean", "1", {0}}};
  else plan.derived = {{"X.variance", "1", {0, 1}, [](std::span<const double> m) { return m[1] - m[0] * m[0]; }}};
  return plan;
}

LevelResult sampled_level(const Law& law, What what, std::uint64_t n, std::uint64_t seed) {
  LevelRun run({.seed = seed, .threads = 1}, "calibration/" + law.name);
  run.set_trajectories(n);
  LevelResult level;
  level.label = "sampled";
  const EnsembleResult result = run.ensemble("", plan_of(law, what), 1024, one_by_one([&](std::uint64_t k, Tape& tape) {
    Stream rng(seed, k, "calibration");
    const double x = law.draw(rng);
    tape.record(0, 0, x);
    tape.record(1, 0, x * x);
  }));
  level.answer.estimates = result.estimates;
  level.samples = n;
  return level;
}

LevelResult solved_level(const std::string& observable, double value) {
  LevelResult level;
  level.label = "solved";
  level.answer.estimates = {solved_estimate(observable, "1", {}, {value})};
  return level;
}

struct Counts {
  std::size_t agrees = 0, disagrees = 0;
  std::size_t decided() const { return agrees + disagrees; }
};

/// Outcomes over all studies for each multiple of the margin at which the truth is put, at each error rate.
struct Calibration {
  std::vector<double> multiples{0.5, 0.9, 1.0, 1.1, 2.0};
  std::vector<double> alphas{0.1, 0.01};
  std::vector<std::vector<Counts>> counts;  // [alpha][multiple]
  std::size_t studies = many;
};

/// @param side  +1: the sampled level lies above the reference, -1: below (a skewed law errs on one side only)
Calibration calibrate(const Law& law, What what, std::uint64_t n, double side, std::size_t studies = many) {
  Calibration c;
  c.studies = studies;
  c.counts.assign(c.alphas.size(), std::vector<Counts>(c.multiples.size()));
  const double truth = what == What::mean ? law.mean : law.sd * law.sd;
  const double se = (what == What::mean ? law.sd : law.variance_sd) / std::sqrt(static_cast<double>(n));
  const double dof = what == What::mean ? static_cast<double>(n) - 1 : 63;
  const std::string name = what == What::mean ? "X.mean" : "X.variance";
  for (std::size_t s = 0; s < studies; ++s) {
    const LevelResult candidate = sampled_level(law, what, n, 1000 + s);
    for (std::size_t a = 0; a < c.alphas.size(); ++a) {
      // The plan: at half a margin the half-width fits with 95 % (1.645 s.e. to spare).
      const double margin = 2 * (student_tail_quantile(c.alphas[a] / 2, dof) + 1.645) * se;
      for (std::size_t m = 0; m < c.multiples.size(); ++m) {
        Judgement how;
        how.criterion = {.relative = 0, .absolute = margin};
        how.confidence = 1 - c.alphas[a];
        const Verdict v = judge(candidate, solved_level(name, truth - side * c.multiples[m] * margin), {name, "1", ""}, how);
        c.counts[a][m].agrees += v.outcome == Outcome::agrees;
        c.counts[a][m].disagrees += v.outcome == Outcome::disagrees;
      }
    }
  }
  return c;
}

void expect_honest(const Calibration& c, const std::string& what) {
  for (std::size_t a = 0; a < c.alphas.size(); ++a) {
    const std::uint64_t allowed = binomial_upper_count(c.studies, c.alphas[a], 1e-9);
    for (std::size_t m = 0; m < c.multiples.size(); ++m) {
      // Exactly on the margin any decision is an error, of one kind or the other.
      const std::size_t errors = (c.multiples[m] <= 1 ? c.counts[a][m].disagrees : 0) + (c.multiples[m] >= 1 ? c.counts[a][m].agrees : 0);
      EXPECT_LE(errors, allowed) << what << ", truth at " << c.multiples[m] << " margins, declared " << c.alphas[a];
    }
  }
}

void expect_power(const Calibration& c, const std::string& what) {
  for (std::size_t a = 0; a < c.alphas.size(); ++a) {
    EXPECT_GE(c.counts[a].front().agrees, 0.9 * static_cast<double>(c.studies)) << what << ", truth at half a margin, declared " << c.alphas[a];
    EXPECT_GE(c.counts[a].back().disagrees, 0.9 * static_cast<double>(c.studies)) << what << ", truth at two margins, declared " << c.alphas[a];
  }
}

class Calibrate : public ::testing::TestWithParam<double> {};  // side

TEST_P(Calibrate, MeanOfANormalLaw) {
  const Calibration c = calibrate(normal, What::mean, 256, GetParam());
  expect_honest(c, "normal");
  expect_power(c, "normal");
}

TEST_P(Calibrate, MeanOfEightLongTrajectories) {  // hardly ever decided: eight numbers cannot tell their own skewness
  expect_honest(calibrate(normal, What::mean, 8, GetParam()), "normal, n = 8");
  expect_honest(calibrate(bursts, What::mean, 8, GetParam()), "bursts, n = 8");
}

TEST_P(Calibrate, MeanOfAPoissonLaw) {
  const Calibration c = calibrate(poisson, What::mean, 400, GetParam());
  expect_honest(c, "Poisson");
  expect_power(c, "Poisson");
}

TEST_P(Calibrate, MeanOfBurstsWithFewAndWithManyTrajectories) {
  expect_honest(calibrate(bursts, What::mean, 32, GetParam()), "bursts, n = 32");
  expect_honest(calibrate(bursts, What::mean, 500, GetParam()), "bursts, n = 500");
  const Calibration c = calibrate(bursts, What::mean, 4096, GetParam());
  expect_honest(c, "bursts, n = 4096");
  expect_power(c, "bursts, n = 4096");
}

TEST_P(Calibrate, MeanOfARareEvent) {  // n p = 1 and 10: the guard must hold; n p = 150: decided again
  expect_honest(calibrate(rare, What::mean, 100, GetParam()), "rare, n = 100");
  expect_honest(calibrate(rare, What::mean, 1000, GetParam()), "rare, n = 1000");
  const Calibration c = calibrate(rare, What::mean, 15000, GetParam(), 2000);
  expect_honest(c, "rare, n = 15000");
  expect_power(c, "rare, n = 15000");
}

TEST_P(Calibrate, MeanOfTwoPoints) {
  const Calibration c = calibrate(bimodal, What::mean, 400, GetParam());
  expect_honest(c, "two points");
  expect_power(c, "two points");
}

TEST_P(Calibrate, VariancesOfNormalAndPoissonLaws) {
  for (const Law& law : {normal, poisson}) {
    const Calibration c = calibrate(law, What::variance, 4096, GetParam());  // enough for the guard: (x - mean)^2 of a Poisson law is skewed
    expect_honest(c, "variance of " + law.name);
    expect_power(c, "variance of " + law.name);
  }
}

INSTANTIATE_TEST_SUITE_P(BothSides, Calibrate, ::testing::Values(1.0, -1.0));

TEST(CalibrateDistribution, KolmogorovDistanceWithItsBand) {
  // Poisson(4) sampled against Poisson laws whose Kolmogorov distance from it is put on, below and above the margin.
  constexpr std::size_t bins = 24;
  constexpr std::uint64_t n = 2000;
  const auto probabilities = [](double mean) {
    std::vector<double> p(bins);
    for (std::size_t k = 0; k < bins; ++k) p[k] = std::exp(-mean + static_cast<double>(k) * std::log(mean) - std::lgamma(static_cast<double>(k) + 1));
    return p;
  };
  const auto distance = [&](const std::vector<double>& p, const std::vector<double>& q) {
    double f = 0, worst = 0;
    for (std::size_t k = 0; k < bins; ++k) worst = std::max(worst, std::abs(f += p[k] - q[k]));
    return worst;
  };
  Axis support{"n", "molecules", {}};
  for (std::size_t k = 0; k < bins; ++k) support.points.push_back(static_cast<double>(k));
  const std::vector<double> truth = probabilities(4), other = probabilities(4.8);
  const double d = distance(truth, other);
  Plan plan;
  plan.signals = {{.name = "n", .width = bins, .lo = 0, .hi = 1}};
  plan.derived = {{.observable = "X.distribution", .unit = "1", .signals = {0}, .support = support, .is_distribution = true}};
  LevelResult reference;
  reference.answer.estimates = {solved_estimate("X.distribution", "1", {support}, other)};
  reference.answer.estimates[0].is_distribution = true;
  constexpr std::size_t repeats = 2000;
  std::map<double, Counts> counts;
  for (std::size_t s = 0; s < repeats; ++s) {
    LevelRun run({.seed = s, .threads = 1}, "calibration/distribution");
    run.set_trajectories(n);
    LevelResult candidate;
    candidate.answer.estimates = run.ensemble("", plan, 1024, one_by_one([&](std::uint64_t k, Tape& tape) {
      Stream rng(s, k, "calibration/distribution");
      tape.record(0, 0, 1.0, static_cast<std::size_t>(std::min<std::int64_t>(rng.poisson(4), bins - 1)));
    })).estimates;
    for (const double multiple : {0.4, 0.9, 1.0, 1.1, 2.0}) {
      Judgement how;
      how.criterion = {.relative = 0, .absolute = d / multiple};
      how.confidence = 0.9;
      const Verdict v = judge(candidate, reference, {"X.distribution", "1", ""}, how);
      counts[multiple].agrees += v.outcome == Outcome::agrees;
      counts[multiple].disagrees += v.outcome == Outcome::disagrees;
    }
  }
  const std::uint64_t allowed = binomial_upper_count(repeats, 0.1, 1e-9);
  EXPECT_LE(counts[0.9].disagrees, allowed);
  EXPECT_LE(counts[1.0].disagrees, allowed);
  EXPECT_LE(counts[1.0].agrees, allowed);
  EXPECT_LE(counts[1.1].agrees, allowed);
  EXPECT_GE(counts[0.4].agrees, 0.9 * repeats);
  EXPECT_GE(counts[2.0].disagrees, 0.9 * repeats);
}

// Student's quantile matters where many entries push the quantile into the tail and errors have 63 degrees of freedom
// (delete-a-batch): 200 entries, all exactly on the margin, declared 10 % over the study. Normal quantiles would err in
// 17 % of the studies (200 * 2 P(T_63 > 3.48)).
TEST(CalibrateStudent, TwoHundredEntriesOnTheMargin) {
  constexpr std::size_t entries = 200, repeats = 3000;
  constexpr std::uint64_t n = 256;
  constexpr double alpha = 0.1;
  Plan plan;
  plan.axes = {{"entry", "1", {}}};
  for (std::size_t i = 0; i < entries; ++i) plan.axes[0].points.push_back(static_cast<double>(i));
  plan.signals = {{.name = "x"}};
  plan.derived = {{"X.mean", "1", {0}, [](std::span<const double> m) { return m[0]; }}};  // not the identity for the engine: batches
  const double margin = 5 / std::sqrt(static_cast<double>(n));
  const LevelResult reference = solved_level("X.mean", -margin);
  std::size_t wrong = 0;
  for (std::size_t s = 0; s < repeats; ++s) {
    LevelRun run({.seed = s, .threads = 1}, "calibration/student");
    run.set_trajectories(n);
    const Estimate all = run.ensemble("", plan, 256, one_by_one([&](std::uint64_t k, Tape& tape) {
      FastStream rng = Stream(s, k, "calibration/student").fast();
      for (std::size_t i = 0; i < entries; ++i) tape.record(0, i, rng.normal());
    })).estimates.front();
    ASSERT_EQ(all.dof, 63);
    bool decided = false;
    for (std::size_t i = 0; i < entries; ++i) {
      LevelResult candidate = solved_level("X.mean", all.value[i]);
      Estimate& one = candidate.answer.estimates[0];
      one.std_error = {all.std_error[i]};
      one.skewness = {all.skewness[i]};
      one.dof = all.dof;
      one.samples = n;
      Judgement how;
      how.criterion = {.relative = 0, .absolute = margin};
      how.confidence = 1 - alpha;
      how.entries = entries;
      const Verdict v = judge(candidate, reference, {"X.mean", "1", ""}, how);
      decided = decided || v.outcome == Outcome::agrees || v.outcome == Outcome::disagrees;
    }
    wrong += decided;
  }
  EXPECT_LE(wrong, binomial_upper_count(repeats, alpha, 1e-9));
  EXPECT_GE(wrong, 0.03 * repeats) << "far fewer errors than declared: the procedure wastes trajectories";
}

// A whole study: three candidates, 41 correlated times (Ornstein-Uhlenbeck), adaptive looks, 1,000 seeds. The candidates'
// truths lie at 0.9, 1.0 and 1.1 margins at one time; any wrong verdict makes the study wrong.
TEST(CalibrateStudy, ThreeCandidatesFortyOneTimesAdaptiveLooks) {
  constexpr double margin = 0.25, alpha = 0.1;
  constexpr std::size_t seeds = 1000;
  struct None {};
  static const Schema<None> schema{};
  struct Paths {
    double offset;
    Plan plan(const Ask& ask) const {
      Plan plan;
      plan.axes = {{"t", "1", ask.times()}};
      plan.signals = {{.name = "x"}};
      plan.derived = {{"X.mean", "1", {0}}};
      return plan;
    }
    void sample(const Ask& ask, const Plan&, std::uint64_t seed, const std::string& purpose, std::uint64_t k, Tape& tape) const {
      Stream rng(seed, k, purpose);
      double x = rng.normal();
      for (std::size_t i = 0; i < ask.times().size(); ++i) {
        if (i > 0) x = std::exp(-0.5) * x + std::sqrt(-std::expm1(-1.0)) * rng.normal();
        tape.record(0, i, 5 + x + (i == 20 ? offset : 0.0));
      }
    }
  };
  const auto paths = [](double multiple) { return [multiple](const None&) { return sampled(Paths{multiple * margin}, 64); }; };
  const System system = Define<None>("calibration", "Ornstein-Uhlenbeck paths", "tests", schema)
                            .observe({"X.mean", "1", "mean of X"})
                            .level({.name = "exact", .rung = Rung::master}, [](const None&) {
                              return [](const Ask& ask, Context&) {
                                Answer answer;
                                answer.estimates = {solved_estimate("X.mean", "1", {{"t", "1", ask.times()}}, std::vector<double>(ask.times().size(), 5.0))};
                                return answer;
                              };
                            })
                            .level({.name = "inside", .sampled = true}, paths(0.9))
                            .level({.name = "on", .sampled = true}, paths(1.0))
                            .level({.name = "outside", .sampled = true}, paths(1.1));
  Study study;
  study.kind = Study::Kind::compare;
  study.system = system;
  study.when = Times{parse_times("0:20:41", "")};
  study.reference = LevelRequest{"exact"};
  study.levels = {{"inside"}, {"on"}, {"outside"}};
  study.observables = {"X.mean"};
  study.criterion = {.relative = 0, .absolute = margin};
  study.confidence = 1 - alpha;
  study.budget = {128, 1024};
  std::size_t wrong = 0, decided = 0;
  for (std::size_t s = 0; s < seeds; ++s) {
    study.seed = s;
    const Results results = run_study(study, {.threads = 1});
    bool error = false;
    for (const Verdict& v : results.verdicts) {
      decided += v.outcome == Outcome::agrees || v.outcome == Outcome::disagrees;
      error = error || (v.label != "outside" && v.outcome == Outcome::disagrees) || (v.label != "inside" && v.outcome == Outcome::agrees);
    }
    wrong += error;
  }
  EXPECT_LE(wrong, binomial_upper_count(seeds, alpha, 1e-9));
  // The same study with truths at 0.5 and 2 margins decides: no more than 1 in 10 is left open.
  const System easy = Define<None>("calibration", "Ornstein-Uhlenbeck paths", "tests", schema)
                          .observe({"X.mean", "1", "mean of X"})
                          .level({.name = "exact", .rung = Rung::master}, [&](const None&) { return system.bind({}).level("exact").run; })
                          .level({.name = "inside", .sampled = true}, paths(0.5))
                          .level({.name = "outside", .sampled = true}, paths(2.0));
  study.system = easy;
  study.levels = {{"inside"}, {"outside"}};
  std::size_t right = 0;
  for (std::size_t s = 0; s < seeds; ++s) {
    study.seed = s;
    const Results results = run_study(study, {.threads = 1});
    right += results.verdicts[0].outcome == Outcome::agrees;
    right += results.verdicts[1].outcome == Outcome::disagrees;
  }
  EXPECT_GE(right, 0.9 * 2 * seeds);
}

}  // namespace
}  // namespace meso
