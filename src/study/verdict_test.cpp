// The verdict's rules one by one, on hand-made estimates. The statistics are proved in calibration_test.cpp.
#include "study/verdict.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "stat/quantile.h"

namespace meso {
namespace {

LevelResult level(const std::string& label, std::vector<Estimate> estimates) {
  LevelResult result;
  result.label = label;
  result.info.name = label;
  for (const Estimate& estimate : estimates) result.samples = std::max(result.samples, estimate.samples);
  result.answer.estimates = std::move(estimates);
  return result;
}

Estimate path(const std::string& name, std::vector<double> value, std::vector<double> bound = {}) {
  Axis t{"t", "s", {}};
  for (std::size_t i = 0; i < value.size(); ++i) t.points.push_back(static_cast<double>(i));
  return solved_estimate(name, "molecules", {t}, std::move(value), std::move(bound));
}

Estimate with_errors(Estimate e, double se, std::uint64_t n, const std::string& stream, double skewness = 0) {
  e.std_error.assign(e.size(), se);
  e.skewness.assign(e.size(), skewness);
  e.samples = n;
  e.dof = static_cast<double>(n) - 1;
  e.stream = stream;
  return e;
}

const ObservableInfo mean{"X.mean", "molecules", "mean of X"};
const ObservableInfo variance{"X.variance", "molecules^2", "variance of X"};

TEST(Verdict, TheScaleIsThePeakOfTheReferenceUnlessAskedOtherwise) {
  const LevelResult reference = level("fsp", {path("X.mean", {0, 5, 100})});
  const LevelResult close = level("lna", {path("X.mean", {0, 5.9, 104})});
  Judgement how{.criterion = {.relative = 0.05}};
  Verdict v = judge(close, reference, mean, how);
  EXPECT_EQ(v.outcome, Outcome::agrees) << "5 % of the peak 100 everywhere";
  EXPECT_NEAR(v.high, 0.8, 1e-12);
  EXPECT_EQ(v.where.at("t"), 2);
  EXPECT_EQ(v.scale, 100);
  how.criterion.relative_to = Criterion::RelativeTo::value;
  v = judge(close, reference, mean, how);
  EXPECT_EQ(v.outcome, Outcome::disagrees) << "0.9 off where the value is 5";
  EXPECT_EQ(v.where.at("t"), 1);
  how.criterion.relative_to = Criterion::RelativeTo::sd;
  EXPECT_EQ(judge(close, reference, mean, how).outcome, Outcome::undecided) << "no variance in the reference";
  const LevelResult with_variance = level("fsp", {path("X.mean", {0, 5, 100}), path("X.variance", {1600, 1600, 1600})});
  EXPECT_EQ(judge(close, with_variance, mean, how).outcome, Outcome::disagrees) << "5 % of the sd 40 is 2 < 4";
  how.criterion = {.relative = 0.11, .relative_to = Criterion::RelativeTo::sd};
  EXPECT_EQ(judge(close, with_variance, mean, how).outcome, Outcome::agrees);
}

TEST(Verdict, ScalesOfCovariancesAndCumulantsComeFromVariances) {
  const ObservableInfo covariance{"A.B.covariance", "1", "", {.kind = Scale::Kind::sqrt_product, .of = {"A.variance", "B.variance"}}};
  const LevelResult reference = level("fsp", {path("A.B.covariance", {0.0, 0.0}), path("A.variance", {1, 4}), path("B.variance", {9, 1})});
  const Verdict v = judge(level("lna", {path("A.B.covariance", {0.0, 0.29})}), reference, covariance, {.criterion = {.relative = 0.05}});
  EXPECT_EQ(v.scale, 6);
  EXPECT_EQ(v.outcome, Outcome::agrees) << "0.29 < 5 % of 6, though the reference itself is zero";
  const ObservableInfo cumulant{"A.cumulant3", "1", "", {.kind = Scale::Kind::power, .of = {"A.variance"}, .power = 1.5}};
  const LevelResult third = level("fsp", {path("A.cumulant3", {0.0, 1.0}), path("A.variance", {1, 4})});
  EXPECT_EQ(judge(level("lna", {path("A.cumulant3", {0, 1})}), third, cumulant, {}).scale, 8);
  EXPECT_EQ(needed_for(cumulant, {}), std::vector<std::string>{"A.variance"});
}

TEST(Verdict, AMarginOfZeroIsAnInputErrorThatNamesTheObservable) {
  const LevelResult r = level("fsp", {path("X.mean", {1})});
  try {
    (void)judge(r, r, mean, {.criterion = {.relative = 0, .absolute = 0}});
    FAIL();
  } catch (const StudyError& error) {
    EXPECT_NE(std::string(error.what()).find("X.mean"), std::string::npos);
  }
}

TEST(Verdict, ExactPointsAreComparedToRoundOff) {
  Estimate r = path("X.mean", {30, 40}), c = path("X.mean", {30, 41});
  r.exact = c.exact = {1, 0};
  EXPECT_EQ(judge(level("lna", {c}), level("fsp", {r}), mean, {}).outcome, Outcome::agrees);
  c.value[0] = 30.0001;  // far inside the margin, but the initial state is known
  const Verdict v = judge(level("lna", {c}), level("fsp", {r}), mean, {});
  EXPECT_EQ(v.outcome, Outcome::disagrees);
  EXPECT_EQ(v.where.at("t"), 0);
}

TEST(Verdict, ARatioWithoutValueInTheInitialStateIsPassedOver) {
  const ObservableInfo fano{"X.fano", "1", "variance over mean"};
  Estimate r = path("X.fano", {NAN, 1.0}), c = path("X.fano", {NAN, 1.01});
  r.exact = c.exact = {1, 0};
  EXPECT_EQ(judge(level("lna", {c}), level("fsp", {r}), fano, {}).outcome, Outcome::agrees);
  c.exact = {0, 0};
  EXPECT_EQ(judge(level("lna", {c}), level("fsp", {r}), fano, {}).outcome, Outcome::broken) << "not known to be exact: a breakdown";
}

TEST(Verdict, NumericalBoundsCountAndTheirKindIsSaid) {
  const LevelResult reference = level("fsp", {path("X.mean", {100})});
  const LevelResult loose = level("lna", {path("X.mean", {101}, {10})});
  Verdict v = judge(loose, reference, mean, {});
  EXPECT_EQ(v.outcome, Outcome::undecided);
  EXPECT_FALSE(v.needed.has_value()) << "trajectories would not help";
  EXPECT_NE(v.reason.find("tighter solver"), std::string::npos);
  const LevelResult tight = level("lna", {path("X.mean", {101}, {0.1})});
  v = judge(tight, reference, mean, {});
  EXPECT_EQ(v.outcome, Outcome::agrees);
  EXPECT_EQ(v.remarks, std::vector<std::string>{"numerical error estimated"});
  EXPECT_EQ(judge(tight, reference, mean, {.certified_only = true}).outcome, Outcome::undecided);
  LevelResult certified = tight;
  certified.answer.estimates[0].bound_kind = BoundKind::certified;
  EXPECT_EQ(judge(certified, reference, mean, {.certified_only = true}).outcome, Outcome::agrees);
}

TEST(Verdict, FlagsBreakTheObservablesTheyTouch) {
  const LevelResult reference = level("fsp", {path("X.mean", {1, 2}), path("X.variance", {1, 1})});
  LevelResult closure = level("normal-2", {path("X.mean", {1, 2}), path("X.variance", {1, NAN})});
  closure.answer.flags.push_back({"negative-variance", "X.variance", {{"t", 3.21}}, "Var(X) = -4.7 < 0 at t = 3.21", true});
  EXPECT_EQ(judge(closure, reference, mean, {}).outcome, Outcome::agrees);
  const Verdict v = judge(closure, reference, variance, {});
  EXPECT_EQ(v.outcome, Outcome::broken);
  EXPECT_EQ(v.reason, "Var(X) = -4.7 < 0 at t = 3.21");
  EXPECT_EQ(v.where.at("t"), 3.21);
  closure.answer.flags.clear();
  EXPECT_EQ(judge(closure, reference, variance, {}).outcome, Outcome::broken) << "a number that is not finite is never passed over";
  LevelResult broken_reference = reference;
  broken_reference.answer.flags.push_back({"truncated", "", {}, "lost mass 0.1", true});
  EXPECT_EQ(judge(closure, broken_reference, mean, {}).outcome, Outcome::undecided) << "no reference, no verdict";
  LevelResult unmixed = reference;
  unmixed.answer.flags.push_back({"not-mixed", "X.mean", {}, "not mixed: 4.1 and 28.9", false});
  EXPECT_EQ(judge(closure, unmixed, mean, {}).outcome, Outcome::undecided);
  LevelResult bimodal = reference;
  bimodal.answer.flags.push_back({"bimodal", "X.mean", {}, "reference is bimodal (modes 4 and 29)", false});
  EXPECT_EQ(judge(closure, bimodal, mean, {}).remarks, std::vector<std::string>{"reference is bimodal (modes 4 and 29)"});
  EXPECT_EQ(judge(level("rate-equation", {}), reference, mean, {}).outcome, Outcome::absent);
  LevelResult deterministic = level("rate-equation", {path("X.mean", {1, 2})});
  deterministic.answer.flags.push_back({"several-stable-states", "", {}, "two stable states", true});
  EXPECT_EQ(judge(deterministic, reference, mean, {}).outcome, Outcome::broken);
  EXPECT_EQ(judge(deterministic, reference, variance, {}).outcome, Outcome::absent) << "it never gives a variance";
  EXPECT_EQ(judge(closure, level("lna", {}), mean, {}).outcome, Outcome::undecided);
}

TEST(Verdict, ErrorsOfOneStreamAddAndOfTwoAddInQuadrature) {
  const Estimate a = with_errors(path("X.mean", {100}), 3, 10000, "s/ssa"), b = with_errors(path("X.mean", {100}), 4, 10000, "s/ssa");
  Estimate other = b;
  other.stream = "s/next-reaction";
  const Judgement how{.criterion = {.relative = 0, .absolute = 100}};
  const Verdict same = judge(level("x", {a}), level("r", {b}), mean, how), independent = judge(level("x", {a}), level("r", {other}), mean, how);
  EXPECT_NEAR(same.high / independent.high, 7.0 / 5.0, 1e-3);
}

TEST(Verdict, SkewedSignalsWaitForEnoughTrajectories) {
  const LevelResult reference = level("fsp", {path("X.mean", {10})});
  const auto sampled = [&](std::uint64_t n) { return level("ssa", {with_errors(path("X.mean", {10}), 1 / std::sqrt(n), n, "s", 14)}); };
  const Verdict few = judge(sampled(1000), reference, mean, {.criterion = {.relative = 0.5}});
  EXPECT_EQ(few.outcome, Outcome::undecided);
  EXPECT_NE(few.reason.find("skewness 14"), std::string::npos) << few.reason;
  ASSERT_TRUE(few.needed.has_value());
  // The number it asks for is the number it needs.
  EXPECT_EQ(judge(sampled(static_cast<std::uint64_t>(*few.needed * 1.01)), reference, mean, {.criterion = {.relative = 0.5}}).outcome, Outcome::agrees);
  EXPECT_EQ(judge(sampled(static_cast<std::uint64_t>(*few.needed * 0.97)), reference, mean, {.criterion = {.relative = 0.5}}).outcome, Outcome::undecided);
}

TEST(Verdict, NoVariationIsNoZeroError) {
  const LevelResult reference = level("fsp", {solved_estimate("X.mean", "1", {}, {0.001})});
  Estimate flat = with_errors(solved_estimate("X.mean", "1", {}, {0.0}), 0, 100, "s");
  flat.no_variation = {1};
  const Judgement how{.criterion = {.relative = 0, .absolute = 0.01}};
  const Verdict unbounded = judge(level("ssa", {flat}), reference, mean, how);
  EXPECT_EQ(unbounded.outcome, Outcome::undecided);
  EXPECT_EQ(unbounded.reason, "no variation seen in 100 trajectories");
  flat.signal_range = {1};
  const Verdict bounded = judge(level("ssa", {flat}), reference, mean, how);
  EXPECT_EQ(bounded.outcome, Outcome::undecided) << "0 of 100 allows 4.5 %";
  EXPECT_NEAR(bounded.high, (0.001 + no_variation_bound(1, 100, 0.01)) / 0.01, 1e-9);
  flat.samples = 1000;
  EXPECT_EQ(judge(level("ssa", {flat}), reference, mean, how).outcome, Outcome::agrees) << "0 of 1000 allows 0.46 %";
}

TEST(Verdict, TheErrorOfTheScaleCountsForBothSides) {
  // Reference 100 +- 10 with margin 5 %: agreeing needs 5 % of the low end of the scale.
  const LevelResult reference = level("ssa", {with_errors(solved_estimate("X.mean", "1", {}, {100.0}), 1e-3, 100000, "r")});
  const LevelResult wide = level("ssa", {with_errors(solved_estimate("X.mean", "1", {}, {100.0}), 0.5, 100000, "r")});
  const LevelResult candidate = level("lna", {solved_estimate("X.mean", "1", {}, {104.9})});
  EXPECT_EQ(judge(candidate, reference, mean, {}).outcome, Outcome::agrees);
  EXPECT_EQ(judge(candidate, wide, mean, {}).outcome, Outcome::undecided);
}

TEST(Verdict, QuantilesAreCorrectedOverEntriesPointsAndLooks) {
  const Estimate e = with_errors(path("X.mean", std::vector<double>(41, 1.0)), 0.001, 1000000000, "s");
  const LevelResult reference = level("fsp", {path("X.mean", std::vector<double>(41, 1.0))});
  const Verdict v = judge(level("ssa", {e}), reference, mean, {.confidence = 0.99, .entries = 6, .look = 2, .adaptive = true});
  EXPECT_NEAR(v.quantile, normal_tail_quantile(0.01 / 6 / 4 / 2), 1e-6);
  EXPECT_NEAR(v.quantile_disagree, normal_tail_quantile(0.01 / 6 / 4 / 2 / 41), 1e-6);
  EXPECT_EQ(alpha_of({.confidence = 0.99, .entries = 6, .look = 2, .adaptive = false}), (1 - 0.99) / 6);
}

TEST(Verdict, DistributionsOnTheirOwnSupportsMeetByKolmogorovDistance) {
  const auto law = [](std::vector<double> support, std::vector<double> p) {
    Estimate e = solved_estimate("X.distribution", "1", {{"n", "molecules", std::move(support)}}, std::move(p));
    e.is_distribution = true;
    return e;
  };
  const ObservableInfo info{"X.distribution", "1", ""};
  const LevelResult reference = level("fsp", {law({0, 1, 2}, {0.5, 0.3, 0.2})});
  const Verdict v = judge(level("lna", {law({1, 2, 3, 4}, {0.7, 0.1, 0.1, 0.1})}), reference, info, {.criterion = {.relative = 0.6}});
  EXPECT_EQ(v.outcome, Outcome::agrees);  // |F - G|: 0.5 at 0, 0.1 at 1, 0.2 at 2, 0.1 at 3
  EXPECT_NEAR(v.high, 0.5 / 0.6, 1e-12);
  EXPECT_EQ(v.where.at("n"), 0);
}

}  // namespace
}  // namespace meso
