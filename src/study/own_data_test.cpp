// Measured values as the reference: what the table may say, what is refused, and that its errors count.
#include "study/own_data.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "stat/quantile.h"
#include "study/study_file.h"

namespace meso {
namespace {

struct Params {
  double k = 1;
};
const Schema<Params> schema{{"k", &Params::k, {.unit = "1/s", .doc = "decay", .min = 0}}};

/// 10 e^{-k t}, a level with the wrong rate, and draws with the right mean and standard deviation 1.
System decay() {
  const auto solved = [](double factor) {
    return [factor](const Params& p) {
      return [p, factor](const Ask& ask, Context&) {
        std::vector<double> value;
        for (const double t : ask.times()) value.push_back(10 * std::exp(-factor * p.k * t));
        Answer answer;
        answer.estimates = {solved_estimate("X.mean", "1", {{"t", "s", ask.times()}}, value)};
        return answer;
      };
    };
  };
  struct Draws {
    Params p;
    Plan plan(const Ask& ask) const {
      Plan plan;
      plan.axes = {{"t", "s", ask.times()}};
      plan.signals = {{.name = "x"}};
      plan.derived = {{"X.mean", "1", {0}}};
      return plan;
    }
    void sample(const Ask& ask, const Plan&, std::uint64_t seed, const std::string& purpose, std::uint64_t k, Tape& tape) const {
      Stream rng(seed, k, purpose);
      for (std::size_t i = 0; i < ask.times().size(); ++i) tape.record(0, i, 10 * std::exp(-p.k * ask.times()[i]) + rng.normal());
    }
  };
  return Define<Params>("decay", "Decay", "tests", schema)
      .time_unit("s")
      .observe({"X.mean", "1", "mean of X"})
      .observe({"X.variance", "1", "variance of X"})
      .level({.name = "law", .rung = Rung::mean_field}, solved(1))
      .level({.name = "wrong", .rung = Rung::mean_field, .parent = "law", .approximation = "another rate"}, solved(1.5))
      .level({.name = "draws", .sampled = true}, [](const Params& p) { return sampled(Draws{p}, 16); });
}

class OwnDataStudy : public ::testing::Test {
 protected:
  OwnDataStudy() : folder_(std::filesystem::path(::testing::TempDir()) / ("own data " + std::string(::testing::UnitTest::GetInstance()->current_test_info()->name()))) {
    std::filesystem::create_directories(folder_);
  }
  ~OwnDataStudy() override { std::filesystem::remove_all(folder_); }

  void table(const std::string& text) const { std::ofstream(folder_ / "growth.csv") << text; }

  Study study(const std::string& more = "", const std::string& head = "") const {
    const std::string text = "study.system = \"decay\"\nstudy.title = \"Measured decay\"\n" + head + "\n[reference]\ndata = \"growth.csv\"\n[[candidate]]\nlevel = \"law\"\n[[candidate]]\nlevel = \"wrong\"\n" + more;
    return read_study(parse_toml(text, "s.toml"), [](const ModelRequest&) { return decay(); }, folder_);
  }
  Results run(const std::string& more = "", const std::string& head = "") const { return run_study(study(more, head), {}); }
  std::string message(const std::string& more = "", const std::string& head = "") const {
    try {
      (void)resolved(study(more, head));
    } catch (const InputError& error) {
      return error.what();
    }
    return "nothing was refused";
  }
  void expect_refused(const std::string& csv, const std::string& text) const {
    table(csv);
    EXPECT_NE(message().find(text), std::string::npos) << message() << "\nfor\n" << csv;
  }

  std::filesystem::path folder_;
};

const char* const measured = "# measured in three tubes\nt, X.mean, X.mean.std_error\n0, 10.01, 0.02\n1, 3.67, 0.02\n2, 1.36, 0.02\n";

TEST_F(OwnDataStudy, StandsWhereAReferenceLevelStands) {
  table(measured);
  const Results results = run();
  ASSERT_EQ(results.verdicts.size(), 2u) << "the observables of the table, not the system's defaults";
  EXPECT_EQ(results.verdicts[0].outcome, Outcome::agrees) << results.verdicts[0].reason;
  EXPECT_EQ(results.verdicts[1].outcome, Outcome::disagrees);
  const LevelResult* reference = results.points[0].reference();
  ASSERT_NE(reference, nullptr);
  EXPECT_EQ(reference->label, "data");
  EXPECT_EQ(reference->answer.why, "3 rows of growth.csv");
  EXPECT_EQ(reference->answer.estimates[0].axes[0].points, (std::vector<double>{0, 1, 2})) << "the times of the table where the study names none";
  // The interval is the difference with 2.58 standard errors or more, in units of 5 % of the peak.
  const double q = normal_tail_quantile(0.01 / 2 / 2), margin = 0.05 * (10.01 - q * 0.02);
  EXPECT_NEAR(results.verdicts[0].high, (0.01 + q * 0.02) / margin, 1e-9);
}

TEST_F(OwnDataStudy, RunsAgainFromItsResolvedFormWithoutTheFile) {
  table(measured);
  const Results first = run();
  std::filesystem::remove(folder_ / "growth.csv");
  const Results again = run_study(read_study(parse_toml(first.study, "resolved.toml"), [](const ModelRequest&) { return decay(); }), {});
  EXPECT_EQ(again.study, first.study);
  EXPECT_EQ(again.points[0].reference()->answer.estimates[0].value, first.points[0].reference()->answer.estimates[0].value);
  EXPECT_EQ(again.verdicts[0].high, first.verdicts[0].high);
}

TEST_F(OwnDataStudy, FewMeasurementsAreJudgedByStudentsQuantile) {
  table("t, X.mean, X.mean.std_error, samples\n0, 10.01, 0.02, 3\n1, 3.67, 0.02, 3\n2, 1.36, 0.02, 3\n");
  const Results results = run();
  EXPECT_NEAR(results.verdicts[0].quantile, student_tail_quantile(0.01 / 2 / 2, 2), 1e-9);
  EXPECT_GT(results.verdicts[0].quantile, 10) << "two degrees of freedom at 99.5 %";
}

TEST_F(OwnDataStudy, ErrorsThatReachAcrossTheMarginAskForMoreMeasurements) {
  table("t, X.mean, X.mean.std_error\n0, 10, 0.3\n1, 3.6788, 0.3\n2, 1.3534, 0.3\n");
  const Verdict v = run().verdicts[0];
  EXPECT_EQ(v.outcome, Outcome::undecided);
  EXPECT_NE(v.reason.find("the errors of 'data' reach across the margin: about "), std::string::npos) << v.reason;
  const double q = normal_tail_quantile(0.01 / 4);
  EXPECT_NE(v.reason.find(std::to_string(std::pow(q * 0.3 / 0.5, 2)).substr(0, 3)), std::string::npos) << v.reason << ": (q se / margin)^2";
  EXPECT_FALSE(v.needed) << "no trajectory of the study makes them smaller";
}

TEST_F(OwnDataStudy, TrajectoriesAreAskedForWhereTheyDecide) {
  // The data take 60 % of the margin's half-width at this quantile; the draws must bring theirs to what is left, in quadrature.
  const double q = normal_tail_quantile(0.01 / 2 / 3);
  table("t, X.mean, X.mean.std_error\n0, 10, " + std::to_string(0.3 / q) + "\n1, 3.6788, 0\n2, 1.3534, 0\n");
  const Results few = run("[[candidate]]\nlevel = \"draws\"\n[budget]\ntrajectories = 128\n");
  const Verdict& v = few.verdicts[2];
  ASSERT_EQ(v.outcome, Outcome::undecided);
  ASSERT_TRUE(v.needed) << v.reason;
  EXPECT_GT(*v.needed, 128);
  const Results more = run("[[candidate]]\nlevel = \"draws\"\n[budget]\ntrajectories = " + std::to_string(static_cast<long>(4 * *v.needed)) + "\n");
  EXPECT_EQ(more.verdicts[2].outcome, Outcome::agrees) << more.verdicts[2].reason;
}

TEST_F(OwnDataStudy, RowsBelongToThePointsOfASweep) {
  std::string csv = "k, t, X.mean, X.mean.std_error\n";
  for (const double k : {1.0, 2.0})
    for (const double t : {0.0, 1.0}) csv += std::to_string(k) + "," + std::to_string(t) + "," + std::to_string(10 * std::exp(-k * t)) + ",0.01\n";
  table(csv);
  const Results results = run("[sweep]\nk = [2.0, 1.0]\n");
  ASSERT_EQ(results.points.size(), 2u);
  EXPECT_NEAR(results.points[0].reference()->answer.estimates[0].value[1], 10 * std::exp(-2.0), 1e-5);
  for (const Verdict& v : results.verdicts) EXPECT_EQ(v.outcome, v.label == "law" ? Outcome::agrees : Outcome::disagrees);
  const std::string text = message("[sweep]\nk = [1.0, 3.0]\n");
  EXPECT_NE(text.find("growth.csv: no row for k = 3"), std::string::npos) << text;
}

TEST_F(OwnDataStudy, WhatIsWrongIsNamedWithItsLine) {
  expect_refused("t, X.mean\n0, 1\n", "growth.csv: no column is an observable with its error, like 'X.mean' and 'X.mean.std_error'");
  expect_refused("t, X.mean, X.mean.std_error, X.variance\n0, 1, 0, 1\n", "column 'X.variance' has no errors: give a column 'X.variance.std_error' (0 where a value is exact)");
  expect_refused("t, X.mean, X.mean.std_error, X.variance.std_error\n0, 1, 0, 1\n", "column 'X.variance.std_error' has no column 'X.variance' that it is the error of");
  expect_refused("t, X.maen, X.maen.std_error\n0, 1, 0\n", "X.maen");
  expect_refused("t, X.mean, X.mean.std_error, kk\n0, 1, 0, 1\n", "column 'kk' is neither a parameter nor an observable. Did you mean 'k'?");
  expect_refused("t, X.mean, X.mean.std_error\n0, 1, -0.1\n", "growth.csv:2: X.mean.std_error = -0.1: a standard error must not be negative");
  expect_refused("t, X.mean, X.mean.std_error\n0, 1, 0\n1, , 0\n", "growth.csv:3: X.mean '' is no finite number");
  expect_refused("t, X.mean, X.mean.std_error\n0, nan, 0\n", "growth.csv:2: X.mean 'nan' is no finite number");
  expect_refused("t, X.mean, X.mean.std_error, samples\n0, 1, 0.1, 1\n", "growth.csv:2: samples = 1: a standard error needs at least 2 measurements");
  expect_refused("t, X.mean, X.mean.std_error\n1, 1, 0\n0, 1, 0\n", "growth.csv:3: t = 0 does not lie above t = 1 of growth.csv:2");
  expect_refused("X.mean, X.mean.std_error\n1, 0\n2, 0\n", "growth.csv:3: a second row; without a column 't' there is one row for each point");
  expect_refused("t, X.mean, X.mean.std_error\n", "growth.csv: the table has no rows");
  expect_refused("t, X.mean, X.mean.std_error\n0, 1\n", "growth.csv:2: 2 cells, but the head names 3 columns: t, X.mean, X.mean.std_error");
  expect_refused("t, t, X.mean, X.mean.std_error\n0, 0, 1, 0\n", "growth.csv:1: the column 't' stands there twice");
  expect_refused("", "growth.csv: the table is empty");
  std::filesystem::remove(folder_ / "growth.csv");
  EXPECT_NE(message().find("growth.csv"), std::string::npos) << message();
}

TEST_F(OwnDataStudy, TheQuestionMustBeOneThatWasMeasured) {
  table(measured);
  EXPECT_NE(message("[times]\npoints = [0.0, 1.5]\n").find("growth.csv: no row for t = 1.5; measured are t = 0, 1, 2"), std::string::npos);
  EXPECT_NE(message("[stationary]\n").find("a column 't', but the study asks for the stationary state"), std::string::npos);
  table("X.mean, X.mean.std_error\n5, 0.1\n");
  EXPECT_NE(message("[times]\npoints = [0.0, 1.5]\n").find("the study asks for times, and there is no column 't'"), std::string::npos);
}

}  // namespace
}  // namespace meso
