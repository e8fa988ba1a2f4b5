#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "exec/engine.h"
#include "model/system.h"
#include "study/study.h"

namespace meso::systems::ising {
System system();
namespace {

std::string refusal(const Table& given) {
  try {
    (void)system().bind(given);
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

TEST(IsingSystem, RefusesOddAndHugeLattices) {
  EXPECT_NE(refusal({{"L", Value(7)}}).find("L = 7 of system 'ising' is odd"), std::string::npos) << refusal({{"L", Value(7)}});
  EXPECT_NE(refusal({{"L", Value(2000)}, {"d", Value(3)}}).find("largest L: 1290"), std::string::npos);
}

Answer run(const Table& parameters, const std::string& level, Table options = {}, std::uint64_t n = 64) {
  Study study;
  study.kind = Study::Kind::run;
  study.title = "test";
  study.system = system();
  study.parameters = parameters;
  study.seed = 77;
  study.levels = {{.level = level, .options = std::move(options)}};
  study.observables = {"energy", "abs_magnetisation", "specific_heat", "susceptibility", "binder"};
  study.budget.first = study.budget.max = n;
  return run_study(study, {}).points.front().levels.front().answer;
}

TEST(IsingSystem, SaysWhatALevelCannotGiveAndWhy) {
  const Answer a = run({{"L", Value(16)}}, "exact");
  EXPECT_NE(a.find("energy"), nullptr);
  EXPECT_EQ(a.find("binder"), nullptr);
  bool said = false;
  for (const Flag& f : a.flags) said = said || (f.observable == "binder" && f.text.find("squares up to L = 8") != std::string::npos);
  EXPECT_TRUE(said);
  EXPECT_TRUE(run({{"d", Value(3)}}, "infinite").estimates.empty());
}

TEST(IsingSystem, RefusesMetropolisOnARing) {
  EXPECT_THROW((void)run({{"d", Value(1)}, {"L", Value(32)}}, "micro", {{"update", Value("metropolis")}}), StudyError);
}

TEST(IsingSystem, AWindowTooShortIsFlaggedNotMixed) {  // 1 sweep of burn-in at the critical point of a large lattice
  const Table parameters{{"L", Value(64)}, {"T", Value(2.27)}};
  const auto mixed = [](const Answer& a) {
    for (const Flag& f : a.flags)
      if (f.kind == "not-mixed") return false;
    return true;
  };
  EXPECT_FALSE(mixed(run(parameters, "micro", {{"burn-in", Value(1)}, {"sweeps", Value(40)}})));
  EXPECT_TRUE(mixed(run({{"L", Value(16)}, {"T", Value(3.5)}}, "micro", {{"burn-in", Value(200)}, {"sweeps", Value(400)}})));
}

}  // namespace
}  // namespace meso::systems::ising
