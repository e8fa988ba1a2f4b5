// What the system refuses and warns of, each with its message; data laws; the ladder of defaults.
#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "systems/generative/score-fokker-planck/test_support.h"
#include "testing/statistics.h"

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

TEST(Box, SaysWhichShareOfTheSamplesItLoses) {
  const Answer narrow = run({{"low", Value(-2.0)}, {"high", Value(2.5)}}, "samples", {"x.distribution"}, 4096);
  const std::string said = flag_with(narrow, "% of the samples lie outside the box [-2, 2.5]");
  ASSERT_NE(said, "");
  const double exact = 100 * (0.15 + 0.4 * 0.5 * std::erfc(0.5 / 0.3 / std::sqrt(2.0)));  // half of the left mode, and the right one's edge
  EXPECT_TRUE(MeansMatch({{exact, std::stod(said), 100 * std::sqrt(0.17 * 0.83 / 4096), "share in %"}}, 6));
  EXPECT_EQ(flag_with(run({}, "samples", {"x.distribution"}, 4096), "outside"), "");
}

TEST(Divergence, IsNamed) {  // a log-density that opens upwards drives particles out
  const Table out{{"score", Value("formula")}, {"u", Value("2*x^2")}};
  const Answer a = run(out, "reverse-sde", {"x.mean"}, 64);
  EXPECT_NE(flag_with(a, "100 % of the particles went beyond |x| = 1000 or to no number: the score 'formula' drives them out"), "");
  const Answer law = run(out, "fokker-planck", {"x.mean"}, 0, {{"cells", Value(100)}, {"steps", Value(100)}});
  EXPECT_NE(flag_with(law, ""), "");
  bool told = false;
  for (const Flag& flag : law.flags) told = told || flag.kind == "truncated" || flag.fatal;
  EXPECT_TRUE(told);
}

TEST(Data, SamplersHaveTheirMoments) {
  for (const char* name : {"blob", "circles2", "checker"}) {
    const generative::DataLaw law = generative::data_law(name);
    FastStream random = Stream(1, 0, std::string("test/") + name).fast();
    constexpr int n = 40000;
    std::vector<double> sum(2), square(2), fourth(2), x(2);
    for (int k = 0; k < n; ++k) {
      law.draw(random, x);
      for (std::size_t i = 0; i < 2; ++i) {
        sum[i] += x[i] / n;
        square[i] += std::pow(x[i] - law.mean[i], 2) / n;
        fourth[i] += std::pow(x[i] - law.mean[i], 4) / n;
      }
    }
    std::vector<MeanCheck> checks;
    for (std::size_t i = 0; i < 2; ++i) {
      checks.push_back({law.mean[i], sum[i], std::sqrt(law.variance[i] / n), std::string(name) + " mean"});
      checks.push_back({law.variance[i], square[i], std::sqrt((fourth[i] - square[i] * square[i]) / n), std::string(name) + " variance"});
    }
    EXPECT_TRUE(MeansMatch(checks, 0.2));
  }
  EXPECT_THROW((void)generative::data_law("spiral"), ModelError);
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

TEST(Residual, OfAScaledScoreIsThatOfItsClosedForm) {
  // A single Gaussian N(0, 1/2) is stationary: u = -(1 + delta) x^2, R = delta (1 - 2 (1 + delta) x^2); its mean square over [-3.5, 3.5] is a polynomial.
  const double delta = 0.1, a = 2 * (1 + delta), x2 = 3.5 * 3.5 / 3, x4 = std::pow(3.5, 4) / 5;
  const Table p{{"w", list({1})}, {"m", list({0})}, {"sd", list({std::sqrt(0.5)})}, {"score", Value("scaled")}, {"delta", Value(delta)}};
  const Answer got = run(p, "fokker-planck", {"residual.uniform", "residual.weighted"}, 0, {{"cells", Value(100)}, {"steps", Value(100)}});
  EXPECT_NEAR(value(got, "residual.uniform"), delta * delta * (1 - 2 * a * x2 + a * a * x4), 2e-3);
  EXPECT_NEAR(value(got, "residual.weighted"), delta * delta * (1 - 2 * a * 0.5 + a * a * 3 * 0.25), 1e-3);
  EXPECT_LT(value(run({{"score", Value("other")}}, "fokker-planck", {"residual.uniform"}, 0, {{"cells", Value(100)}, {"steps", Value(100)}}), "residual.uniform"), 1e-18);
}

}  // namespace
}  // namespace meso::systems::score_fokker_planck
