// The verdict's proof on real networks: dimer and birth-death by exact simulation against the master equation, at 400 seeds
// (docs/verdict.md, "Proof"). The two levels are equal in law, so every `disagrees` is an error, at any margin; and with the
// reference moved by known amounts, `agrees` beyond the margin is one.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "exec/engine.h"
#include "kits/kinetics/ladder.h"
#include "stat/quantile.h"
#include "study/study.h"

namespace meso {
namespace {

constexpr std::size_t seeds = 400;
constexpr double alpha = 0.1;

struct Network {
  std::string name;
  System system;
};

std::vector<Network> networks() {
  kinetics::NetworkSpec dimer;
  dimer.species = {"X"};
  dimer.reactions = {"0 -> X, 1", "2X -> 0, 1"};
  dimer.volume = 10;
  kinetics::NetworkSpec birth_death;
  birth_death.species = {"X"};
  birth_death.reactions = {"0 -> X, 20", "X -> 0, 1"};
  birth_death.initial = {{"X", 5}};
  return {{"dimer", kinetics::network_system(dimer, "dimer", "")}, {"birth-death", kinetics::network_system(birth_death, "birth-death", "")}};
}

TEST(CalibrateNetworks, SimulationAgainstTheMasterEquation) {
  for (const Network& network : networks()) {
    Study study;
    study.kind = Study::Kind::compare;
    study.system = network.system;
    study.when = Times{{0, 0.5, 1, 2, 4}};
    study.reference = LevelRequest{"fsp"};
    study.levels = {{"ssa"}};
    study.observables = {"X.mean", "X.variance"};
    study.confidence = 1 - alpha;
    study.budget = {1024, 1024};
    // A hair of a margin: whatever is decided is an error of the statistics.
    study.criterion = {.relative = 1e-7};
    std::size_t wrong = 0, wrong_agree = 0, right = 0;
    for (std::size_t s = 0; s < seeds; ++s) {
      study.seed = s;
      const Results results = run_study(study, {.threads = 1});
      bool disagreed = false;
      for (const Verdict& v : results.verdicts) disagreed = disagreed || v.outcome == Outcome::disagrees;
      wrong += disagreed;
      // The reference moved by a hair more than the margin (3 s.e.) at every time: `agrees` is an error. And a margin wide
      // enough for what was planned: it must be decided.
      LevelResult reference = results.points[0].levels[0];
      const LevelResult& candidate = results.points[0].levels[1];
      Estimate* mean = nullptr;
      for (Estimate& e : reference.answer.estimates)
        if (e.observable == "X.mean") mean = &e;
      ASSERT_NE(mean, nullptr);
      const Estimate& sampled = *candidate.answer.find("X.mean");
      const double se = *std::max_element(sampled.std_error.begin(), sampled.std_error.end());
      Judgement how{.criterion = {.relative = 0, .absolute = 3 * se}, .confidence = 1 - alpha};
      const ObservableInfo info{"X.mean", "molecules", ""};
      for (std::size_t i = 1; i < mean->size(); ++i) mean->value[i] += 3.0001 * se;
      wrong_agree += judge(candidate, reference, info, how).outcome == Outcome::agrees;
      for (std::size_t i = 1; i < mean->size(); ++i) mean->value[i] -= 3.0001 * se;
      how.criterion.absolute = 2 * (student_tail_quantile(alpha / 2, 1023) + 2.5) * se;
      right += judge(candidate, reference, info, how).outcome == Outcome::agrees;
    }
    const std::uint64_t allowed = binomial_upper_count(seeds, alpha, 1e-9);
    EXPECT_LE(wrong, allowed) << network.name << ": disagrees where the laws are equal";
    EXPECT_LE(wrong_agree, allowed) << network.name << ": agrees where the truth lies outside";
    EXPECT_GE(right, 0.9 * seeds) << network.name << ": too much left undecided";
  }
}

}  // namespace
}  // namespace meso
