// What the system refuses and warns of, each with its message; its defaults. Levels are tested in the kit (score_model_test.cpp).
#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "systems/generative/score-fokker-planck/test_support.h"

namespace meso::systems::score_fokker_planck {
namespace {

using testing::flag_with;
using testing::run;
using testing::value;

std::string refusal(const Table& given) {
  try {
    (void)system().bind(given);
  } catch (const InputError& e) {
    return e.what();
  }
  return "";
}
Value list(std::vector<double> v) { return Value(std::move(v)); }

TEST(BadInput, SingularDataReadAtTimeZero) {
  EXPECT_EQ(refusal({{"sd", list({0})}}),
            "system 'score-fokker-planck': t_min = 0 with data 'mixture', whose law is singular there (sd = 0): the score grows as 1/t. This is refused, not clipped: set t_min above 0, 0.001 say");
  EXPECT_EQ(refusal({{"sd", list({0})}, {"t_min", Value(0.001)}}), "");
  EXPECT_NE(refusal({{"data", Value("checker")}, {"score", Value("formula")}, {"u", Value("-x^2-y^2")}}).find("its density jumps"), std::string::npos);
}

TEST(BadInput, TimesAndLaws) {
  EXPECT_NE(refusal({{"T", Value(1.0)}, {"t_min", Value(1.0)}}).find("t_min = 1 and T = 1; sampling runs from T down to t_min"), std::string::npos);
  EXPECT_NE(refusal({{"w", list({0.5, 0.6})}, {"m", list({0, 1})}}).find("the weights of the mixture sum to 1.1, not to 1"), std::string::npos);
  EXPECT_NE(refusal({{"m", list({0, 1})}}).find("w has 3 entries and m has 2"), std::string::npos);
  EXPECT_NE(refusal({{"sd", list({0.1, 0.2})}}).find("sd has 2 entries; one for all, or 3"), std::string::npos);
  EXPECT_NE(refusal({{"sd", list({-0.1})}}).find("sd = -0.1 of component 1; it must be at least 0"), std::string::npos);
  EXPECT_NE(refusal({{"low", Value(3.0)}, {"high", Value(2.0)}}).find("low = 3 and high = 2"), std::string::npos);
}

TEST(BadInput, ScoresThatAreNotThere) {
  EXPECT_EQ(refusal({{"data", Value("circles2")}}),
            "system 'score-fokker-planck': score = exact needs a law with a score in closed form; data 'circles2' has none. Take data = mixture or blob, score = formula or score = learned");
  EXPECT_NE(refusal({{"data", Value("circles2")}, {"prior", Value("exact")}}).find("prior = exact needs p_T in closed form"), std::string::npos);
  EXPECT_NE(refusal({{"score", Value("formula")}}).find("no u is given"), std::string::npos);
  EXPECT_NE(refusal({{"score", Value("formula")}, {"u", Value("-x^2 + y")}}).find("'y'"), std::string::npos);
  EXPECT_NE(refusal({{"score", Value("other")}, {"other_m", list({1, 2})}}).find("other_m has 2 entries; it must have 3"), std::string::npos);
  EXPECT_NE(refusal({{"data", Value("blob")}, {"score", Value("other")}}).find("score = other is for data = mixture"), std::string::npos);
}

TEST(BadInput, ScheduleOfThePaperNeedsTwentySteps) {
  try {
    (void)run({}, "reverse-sde", {"x.mean"}, 8, {{"schedule", Value("paper")}, {"steps", Value(12)}});
    FAIL() << "ten of twelve steps are cut";
  } catch (const ParameterError& e) {
    EXPECT_NE(std::string(e.what()).find("steps = 12; it must be at least 20"), std::string::npos) << e.what();
  }
}

TEST(Prior, WarnsOfAStartThatDoesNotFitWithThePredictedDistance) {  // card: e^{-T} |mean| above 1 % of a standard deviation
  EXPECT_TRUE(system().bind({}).notes.empty());
  const Case early = system().bind({{"T", Value(5.0)}});
  ASSERT_EQ(early.notes.size(), 1u);
  // Largest mode 2 e^-5 / sqrt(1/2) = 1.9 %; flow samples keep 7e-4 of it (acceptance check 2).
  EXPECT_NE(early.notes[0].find("prior mismatch: at T = 5 the data's modes still move p_T by 1.91 % of a standard deviation (1 % is the limit)"), std::string::npos) << early.notes[0];
  EXPECT_NE(early.notes[0].find("which alone leaves W_2^2 = 0.00068"), std::string::npos) << early.notes[0];
  EXPECT_TRUE(system().bind({{"T", Value(5.0)}, {"prior", Value("exact")}}).notes.empty());
  EXPECT_NE(flag_with(run({{"T", Value(5.0)}}, "reverse-sde", {"x.mean"}, 64), "prior mismatch"), "");
}

TEST(Exact, HasTheMomentsOfTheMixture) {
  const Answer a = run({}, "exact", {"x.mean", "x.variance", "mode.weight", "truth.w2"});
  EXPECT_NEAR(value(a, "x.mean"), 0.35, 1e-14);  // -0.6 + 0.15 + 0.8
  EXPECT_NEAR(value(a, "x.variance"), 0.09 + 0.3 * 4 + 0.3 * 0.25 + 0.4 * 4 - 0.35 * 0.35, 1e-13);
  const std::vector<double>& w = a.find("mode.weight")->value;
  ASSERT_EQ(w.size(), 3u);
  EXPECT_NEAR(w[0], 0.3, 1e-4);
  EXPECT_NEAR(w[2], 0.4, 3e-3);  // modes at 0.5 and 2 overlap
  EXPECT_EQ(value(a, "truth.w2"), 0);
}

}  // namespace
}  // namespace meso::systems::score_fokker_planck
