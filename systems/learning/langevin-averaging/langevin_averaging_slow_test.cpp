// Acceptance checks 5, 6 and 10 of the card, the steps of its ladder, and the verdicts of the studies.
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <string>

#include "systems/learning/langevin-averaging/test_support.h"
#include "testing/measured.h"
#include "testing/statistics.h"
#include "testing/study_verdicts.h"

namespace meso::systems::langevin_averaging {
namespace {

using testing::at;
using testing::error;
using testing::run;
using testing::value;

constexpr const char* name = "langevin-averaging";

TEST(Headline, OrderFourFindsTheDirectionInTheMatrix) {  // check 5
  const Answer a = run({{"k", Value(4)}, {"d", Value(16)}, {"n", Value(256)}}, "langevin", at({150}, {"average.overlap", "iterate.overlap"}), 16);
  EXPECT_GE(value(a, "average.overlap"), 0.93);
  EXPECT_LE(value(a, "iterate.overlap"), 0.3);
  measured(name, "check 5: overlap of the leading eigenvector, k = 4, d = 16, n = 256, c = 0.5, T = 150", value(a, "average.overlap"), error(a, "average.overlap"), "card: at least 0.93, script 0.969");
  measured(name, "check 5: overlap of the iterates, the same", value(a, "iterate.overlap"), error(a, "iterate.overlap"), "card: at most 0.3, script 0.234");
}

TEST(FirstOrder, LimitAndItsCorrection) {  // check 6
  const std::vector<std::string> asked{"average.alignment", "norm.ratio"};
  const Answer hot = run({{"c", Value(0.25)}}, "langevin", at({1000}, asked), 16), warm = run({{"c", Value(0.5)}}, "langevin", at({1000}, asked), 16);
  EXPECT_GE(value(hot, "average.alignment"), 0.96);
  EXPECT_NEAR(value(hot, "norm.ratio"), 1.1, 0.15);
  EXPECT_NEAR(value(warm, "norm.ratio"), 1.31, 0.15);
  measured(name, "check 6: cos(average, partial trace) at c = 0.25, T = 1000", value(hot, "average.alignment"), error(hot, "average.alignment"), "card: at least 0.96, script 0.981");
  measured(name, "check 6: length over that of first order at c = 0.25", value(hot, "norm.ratio"), error(hot, "norm.ratio"), 1.1, "card, +- 0.15");
  measured(name, "check 6: length over that of first order at c = 0.5", value(warm, "norm.ratio"), error(warm, "norm.ratio"), 1.31, "card, +- 0.15");
  // The correction is of relative order c^2 (the next odd order): four times as large at twice the c, the finite time apart.
  const double finite_time = 2 / (19.0 * 1000);  // of <|average|^2>
  const auto correction = [&](const Answer& a, double c) {
    const double first = value(run({{"c", Value(c)}}, "partial-trace", at({1e9}, {"average.norm"}), 1024), "average.norm");
    return std::sqrt(std::max(0.0, std::pow(value(a, "norm.ratio"), 2) - finite_time / (first * first))) - 1;
  };
  const double ratio = correction(warm, 0.5) / correction(hot, 0.25);
  EXPECT_GT(ratio, 2.2);  // 4, less and more by the error of the smaller one, 0.047 +- 0.014
  EXPECT_LT(ratio, 8);
  measured(name, "correction of the length at c = 0.25, finite time taken off", correction(hot, 0.25), error(hot, "norm.ratio"), "order c^2: a quarter of the next");
  measured(name, "correction of the length at c = 0.5, finite time taken off", correction(warm, 0.5), error(warm, "norm.ratio"), "order c^2");
}

TEST(Temperature, WhenColdBothSucceed) {  // check 10
  const Answer a = run({{"c", Value(2.0)}}, "langevin", at({100}, {"average.overlap", "iterate.overlap", "last.overlap"}), 16);
  EXPECT_GE(value(a, "average.overlap"), 0.97);
  EXPECT_GE(value(a, "last.overlap"), 0.75);
  measured(name, "check 10: overlap of the average at c = 2, n = 400, d = 20", value(a, "average.overlap"), error(a, "average.overlap"), 0.995, "card");
  measured(name, "check 10: overlap of the last iterate at c = 2", value(a, "last.overlap"), error(a, "last.overlap"), 0.86, "card");
}

TEST(SingleIndex, AverageBeatsTheIterateWithThermalAndWithBatchNoise) {
  // The same model learnt by Langevin and, without added noise, by mini-batches: both averages find what their iterates do not (the paper's conjecture).
  const Table p{{"model", Value("single-index")}, {"d", Value(20)}, {"n", Value(800)}};
  const std::vector<std::string> asked{"average.overlap", "iterate.overlap"};
  const Answer thermal = run(p, "langevin", at({100}, asked, false), 8), batches = run(p, "sgd", at({4000}, asked), 8);
  for (const auto& [who, a] : {std::pair{"Langevin", &thermal}, {"mini-batches", &batches}}) {
    EXPECT_GT(value(*a, "average.overlap") - 4 * error(*a, "average.overlap"), value(*a, "iterate.overlap") + 0.2) << who;
    measured(name, std::string("single index, d = 20, n = 800, ") + who + ": overlap of the average", value(*a, "average.overlap"), error(*a, "average.overlap"), "above that of the iterates");
    measured(name, std::string("single index, d = 20, n = 800, ") + who + ": overlap of the iterates", value(*a, "iterate.overlap"), error(*a, "iterate.overlap"), "near chance, 0.18");
  }
}

std::map<std::string, Outcome> outcomes(const std::string& file, const std::string& swept) { return study_outcomes(system, "learning/langevin-averaging", file, swept); }

TEST(Studies, TheAverageOverTemperature) {
  const auto found = outcomes("average-or-last", "c");
  for (const char* c : {"0.4", "0.6"}) EXPECT_EQ(found.at(std::string("partial-trace average.overlap ") + c), Outcome::agrees) << c;
  EXPECT_EQ(found.at("partial-trace average.overlap 1.2"), Outcome::disagrees);
  EXPECT_NE(found.at("overlap-law average.overlap 1.2"), Outcome::agrees);
}

TEST(Studies, TheLastIterateOverTemperature) {
  const auto found = outcomes("last-iterate", "c");
  for (const char* c : {"0.4", "0.8"}) {
    EXPECT_EQ(found.at(std::string("planted-law last.overlap ") + c), Outcome::agrees) << c;
    EXPECT_EQ(found.at(std::string("population-flow last.overlap ") + c), Outcome::disagrees) << c;
  }
}

TEST(Studies, HighTemperature) {
  const auto found = outcomes("high-temperature", "c");
  for (const char* c : {"0.2", "0.35"}) EXPECT_EQ(found.at(std::string("partial-trace average.norm ") + c), Outcome::agrees) << c;
  EXPECT_EQ(found.at("partial-trace average.norm 1"), Outcome::disagrees);
}

TEST(Studies, MatrixOfAnOrderFourTensor) {
  const auto found = outcomes("matrix", "n");
  for (const char* n : {"6", "12"}) EXPECT_EQ(found.at(std::string("partial-trace average.overlap ") + n), Outcome::agrees) << n;
  EXPECT_EQ(found.at("overlap-law average.overlap 6"), Outcome::disagrees) << "below the transition of large d a small d still has some overlap";
}

TEST(Studies, PlantedLandscape) {
  const auto found = outcomes("planted", "");
  for (const char* observable : {"m.mean", "m.distribution", "last.overlap"}) EXPECT_EQ(found.at(std::string("langevin ") + observable), Outcome::agrees) << observable;
  EXPECT_EQ(found.at("population-flow last.overlap"), Outcome::disagrees);
}

}  // namespace
}  // namespace meso::systems::langevin_averaging
