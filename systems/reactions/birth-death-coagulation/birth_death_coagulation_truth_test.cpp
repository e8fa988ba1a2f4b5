// Simulated survivors against the leading eigenvector.
#include <gtest/gtest.h>

#include <cmath>

#include "kits/kinetics/closure_fixture.h"
#include "model/system.h"
#include "study/study.h"
#include "testing/measured.h"
#include "testing/statistics.h"

namespace meso::systems::birth_death_coagulation {
System system();
namespace {

TEST(BirthDeathCoagulationTruth, SurvivorsForgetTheirStart) {
  for (const auto& [volume, start] : {std::pair{5.0, 3}, {10.0, 5}, {20.0, 9}}) {  // near the mean: what is left of the start at t = 6 is far below the errors
    Study study;
    study.kind = Study::Kind::run;
    study.title = "truth";
    study.system = system();
    study.parameters = {{"volume", Value(volume)}, {"A0", Value(start)}};
    study.seed = 31;
    study.when = Times{{12}};
    study.levels = {{.level = "survivors"}};
    study.observables = {"A.survivor_mean", "A.survivor_variance", "decay_rate"};
    study.budget.first = study.budget.max = 1 << 18;
    const Answer a = run_study(study, {}).points.front().levels.front().answer;
    const Answer exact = kinetics::testing::stationary(system().bind(study.parameters).level("quasi-stationary"), study.observables);
    for (const auto& [name, detectable] : {std::pair{"A.survivor_mean", 0.25}, std::pair{"A.survivor_variance", 1.0}, std::pair{"decay_rate", 0.02}}) {
      const Estimate* e = a.find(name);
      ASSERT_NE(e, nullptr) << name;
      EXPECT_TRUE(MeansMatch({{kinetics::testing::value(exact, name), e->value[0], e->se(0), std::string(name) + ", volume " + std::to_string(volume), e->dof}}, detectable)) << name;
      measured("birth-death-coagulation", std::string("survivors ") + name + " at t = 12, volume " + kinetics::testing::text(volume), e->value[0], e->se(0), kinetics::testing::value(exact, name),
               "quasi-stationary law");
    }
  }
}

}  // namespace
}  // namespace meso::systems::birth_death_coagulation
