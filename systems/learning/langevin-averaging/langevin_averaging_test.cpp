// Parameters, refusals with their messages, studies, pictures.
#include "systems/learning/langevin-averaging/langevin_averaging.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "io/toml.h"
#include "study/study_file.h"
#include "systems/learning/langevin-averaging/test_support.h"

namespace meso::systems::langevin_averaging {
namespace {

std::string refusal(const Table& parameters) {
  try {
    (void)system().bind(parameters);
  } catch (const ParameterError& error) {
    return error.what();
  }
  return "accepted";
}

void expect_parts(const std::string& said, std::initializer_list<const char*> parts) {
  for (const char* part : parts) EXPECT_NE(said.find(part), std::string::npos) << said << "\n  lacks: " << part;
}

TEST(LangevinAveraging, RefusesAnOrderBelowTwo) { expect_parts(refusal({{"k", Value(1)}}), {"k of system 'langevin-averaging' is 1", "at least 2"}); }

TEST(LangevinAveraging, RefusesTensorsThatAreTooLargeAndSaysHowLarge) {
  expect_parts(refusal({{"k", Value(6)}, {"d", Value(100)}}), {"order k = 6 in d = 100", "d^k * 8 bytes = 8 TB in full", "the limit is 1 GB a trajectory", "Lower d or k"});
  expect_parts(refusal({{"model", Value("single-index")}, {"n", Value(10000000)}, {"d", Value(100)}}), {"n d * 8 bytes = 8 GB", "the limit of 1 GB"});
  EXPECT_EQ(refusal({{"k", Value(4)}, {"d", Value(40)}}), "accepted");
}

TEST(LangevinAveraging, RefusesStepsThatAreTooLong) {
  expect_parts(refusal({{"dt", Value(0.02)}}), {"dt = 0.02 is too long for the diffusion", "dt (d - 1) = 0.38 is above 0.3", "Use dt <= 0.0158"});
  expect_parts(refusal({{"dt", Value(0.01)}, {"c", Value(4.0)}}), {"dt = 0.01 is too long for the drift", "dt k beta = 2.4 is above 1", "beta = c sqrt(n) = 80", "Use dt <= 0.00417"});
}

TEST(LangevinAveraging, RefusesTooFewDimensionsAndNoTemperature) {
  expect_parts(refusal({{"d", Value(2)}}), {"d of system 'langevin-averaging' is 2", "at least 3"});
  expect_parts(refusal({{"c", Value(0.0)}}), {"c of system 'langevin-averaging' is 0", "above 0"});
}

TEST(LangevinAveraging, RefusesAWindowShorterThanTheMixing) {
  Ask ask;
  ask.when = Stationary{0.0, 1.0};
  ask.observables = {"average.overlap"};
  try {
    (void)testing::run({}, "langevin", ask, 2);
    ADD_FAILURE() << "accepted";
  } catch (const StudyError& error) {
    expect_parts(error.what(), {"averaging over a window of 1 starts and ends before the start is forgotten", "rate d - 1 = 19", "at least 20/(d - 1) = 1.053"});
  }
}

TEST(LangevinAveraging, AnAverageOverAShortTimeIsUndecidedAndSaysWhy) {
  const Answer a = testing::run({}, "langevin", testing::at({0.5}, {"average.overlap"}), 4);
  bool told = false;
  for (const Flag& f : a.flags)
    if (f.kind == "not-mixed") told = f.text.find("averaging over t = 0.5 ends before the start is forgotten") != std::string::npos;
  EXPECT_TRUE(told);
}

TEST(LangevinAveraging, EvenOrdersAverageTheMatrixNotTheVector) {
  // theta and -theta are alike for k even: the average of theta would be 0. The observable is the leading eigenvector, and says so.
  for (const auto& [k, word] : {std::pair{3, "time average of theta"}, {4, "leading eigenvector of the time average of theta theta^T"}}) {
    const Case bound = system().bind({{"k", Value(k)}});
    EXPECT_NE(bound.observable("average.overlap").doc.find(word), std::string::npos);
  }
  const Answer a = testing::run({{"k", Value(4)}, {"d", Value(6)}, {"n", Value(400)}}, "langevin", testing::at({30}, {"average.overlap"}, false), 4);
  EXPECT_GT(testing::value(a, "average.overlap"), 0.9);
}

TEST(LangevinAveraging, StudiesAreValid) {
  for (const char* file : {"average-or-last.toml", "last-iterate.toml", "high-temperature.toml", "matrix.toml", "planted.toml"}) {
    const Study study = resolved(read_study(read_toml(std::string(MESO_SOURCE_DIR "/systems/learning/langevin-averaging/studies/") + file), [](const ModelRequest& request) {
      EXPECT_EQ(request.system, "langevin-averaging");
      return system();
    }));
    EXPECT_GE(study.levels.size(), 2u) << file;
  }
}

}  // namespace
}  // namespace meso::systems::langevin_averaging
