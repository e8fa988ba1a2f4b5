// A learned score through the system's levels: one net for all of them, particles against laws, what is said when training fails.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "base/error.h"
#include "systems/generative/score-fokker-planck/test_support.h"
#include "testing/measured.h"

namespace meso::systems::score_fokker_planck {
namespace {

using testing::flag_with;
using testing::run;
using testing::value;

/// A short training: the score is poor, which is no matter for what is asked here.
Table learned(std::int64_t steps = 300) {
  return {{"score", Value("learned")}, {"T", Value(5.0)}, {"t_min", Value(0.01)}, {"prior", Value("exact")}, {"training", Value(steps)}, {"batch", Value(std::int64_t{128})}, {"width", Value(std::int64_t{24})}, {"layers", Value(std::int64_t{2})}};
}

TEST(Learned, EveryLevelAnswersWithOneNet) {
  const Answer law = run(learned(), "fokker-planck", {"x.mean", "x.variance", "truth.w2", "score.w2", "residual.uniform"}), flow = run(learned(), "flow-map", {"x.mean", "x.variance", "truth.w2", "gap.w2"}),
               particles = run(learned(), "reverse-sde", {"x.mean", "x.variance"}, 20000);
  for (const Answer* a : {&law, &flow, &particles})
    for (const Flag& f : a->flags) EXPECT_FALSE(f.fatal) << f.text;
  EXPECT_GT(value(law, "residual.uniform"), 0.01) << "a net is no solution of the Fokker-Planck equation";
  EXPECT_GT(value(flow, "gap.w2"), 1e-5);
  // Particles and law of one net: another net would be off by far more than the sampling error.
  EXPECT_NEAR(value(particles, "x.variance"), value(law, "x.variance"), 6.1 * testing::error(particles, "x.variance") + testing::bound(particles, "x.variance") + testing::bound(law, "x.variance"));
  EXPECT_NE(flag_with(law, "the score is to blame"), "") << "the start is exact: only the score is left";
  const Table other = learned(301);
  EXPECT_NE(value(run(other, "fokker-planck", {"x.mean"}), "x.mean"), value(law, "x.mean"));
}

TEST(Learned, TheStartIsBlamedWhereItDoesNotFit) {
  Table p = learned();
  p["prior"] = Value("normal");
  p["T"] = Value(0.7);
  EXPECT_NE(flag_with(run(p, "flow-map", {"x.mean", "truth.w2", "prior.w2", "score.w2"}), "The start alone (exact score) leaves"), "");
}

TEST(Learned, ATrainingThatDivergesIsBrokenWithStepAndLoss) {
  Table p = learned();
  p["rate"] = Value(1e3);
  p["activation"] = Value("silu");
  for (const char* level : {"fokker-planck", "flow-map", "reverse-sde"}) {
    const Answer a = run(p, level, {"x.mean"}, 64);
    const std::string said = flag_with(a, "training diverged at step ");
    EXPECT_NE(said.find(" of 300: loss "), std::string::npos) << level << ": " << (a.flags.empty() ? "no flag" : a.flags[0].text);
    EXPECT_TRUE(std::any_of(a.flags.begin(), a.flags.end(), [](const Flag& f) { return f.fatal && f.kind == "diverged"; })) << level;
  }
}

TEST(Learned, RefusesByName) {
  const auto refusal = [](Table p) {
    p["score"] = Value("learned");
    try {
      (void)system().bind(p);
    } catch (const InputError& e) {
      return std::string(e.what());
    }
    return std::string("accepted");
  };
  EXPECT_NE(refusal({{"w_R", Value(-1.0)}}).find("w_R"), std::string::npos);
  EXPECT_NE(refusal({{"loss", Value("weightd")}}).find("weighted"), std::string::npos);
  EXPECT_NE(refusal({{"training", Value(std::int64_t{0})}}).find("training"), std::string::npos);
  EXPECT_NE(refusal({{"width", Value(std::int64_t{0})}}).find("width"), std::string::npos);
  EXPECT_NE(refusal({{"w_R", Value(1.0)}, {"activation", Value("relu")}}).find("system 'score-fokker-planck': w_R = 1: the residual needs second derivatives, which relu does not have"), std::string::npos);
  EXPECT_EQ(refusal({{"data", Value("circles2")}, {"t_min", Value(0.001)}}), "accepted") << "what has no score in closed form can be learned";
}

}  // namespace
}  // namespace meso::systems::score_fokker_planck
