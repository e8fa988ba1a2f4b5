// The levels of a score model, without any system around them: what they say and refuse, and data laws.
#include "kits/generative/score_model.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "kits/generative/score_model_fixture.h"
#include "testing/statistics.h"

namespace meso::generative {
namespace {

using testing::flag_with;
using testing::run;
using testing::value;
using testing::with_score;

const std::vector<double> weights{0.3, 0.3, 0.4}, means{-2, 0.5, 2};

TEST(Data, SamplersHaveTheirMoments) {
  for (const char* name : {"blob", "circles2", "checker"}) {
    const DataLaw law = data_law(name);
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
  EXPECT_THROW((void)data_law("spiral"), ModelError);
}

TEST(DataLaw, OfPointsAndEdgesIsSingular) {
  EXPECT_TRUE(mixture_law(weights, means, {0}).singular);
  EXPECT_FALSE(mixture_law(weights, means, {0.3}).singular);
  EXPECT_TRUE(checker().singular);
  EXPECT_FALSE(circles2().singular);
  const DataLaw sorted = mixture_law({0.3, 0.7}, {2, -1}, {0.1, 0.2});  // from left to right
  EXPECT_EQ(sorted.modes, (std::vector<double>{-1, 2}));
  EXPECT_EQ(sorted.nearest_mode(std::vector<double>{0.4}), 0u);
}

TEST(ScoreModel, IsRefusedWhereItCannotBeSampled) {
  const auto refusal = [](ScoreModel m) {
    try {
      check(m, "here");
    } catch (const ParameterError& e) {
      return std::string(e.what());
    }
    return std::string();
  };
  ScoreModel m;
  m.data = mixture_law(weights, means, {0});
  EXPECT_EQ(refusal(m), "here: t_min = 0 with data 'mixture', whose law is singular there (sd = 0): the score grows as 1/t. This is refused, not clipped: set t_min above 0, 0.001 say");
  m.t_min = 0.01;
  EXPECT_EQ(refusal(m), "");
  m.t_min = 10;
  EXPECT_EQ(refusal(m), "here: t_min = 10 and T = 10; sampling runs from T down to t_min, so that t_min must be below T");
  m.t_min = 0;
  m.data = circles2();
  EXPECT_EQ(refusal(m), "");
  m.exact_start = true;
  EXPECT_EQ(refusal(m), "here: prior = exact needs p_T in closed form, which mixtures have; data 'circles2' is none. Use prior = normal");
}

TEST(PriorMismatch, IsWarnedOfAboveOnePercentOfAStandardDeviation) {
  ScoreModel m;
  m.data = mixture_law(weights, means, {0.3});
  EXPECT_FALSE(prior_mismatch(m).warn);
  m.end = 5;
  const PriorMismatch p = prior_mismatch(m);
  EXPECT_TRUE(p.warn);
  EXPECT_NEAR(p.shift, 2 * std::exp(-5.0) / std::sqrt(0.5), 1e-12);
  EXPECT_NEAR(p.squared, 6.8e-4, 0.2e-4);  // acceptance check 2
  EXPECT_NE(describe(p, m).find("which alone leaves W_2^2 = 0.00068"), std::string::npos) << describe(p, m);
  m.data = blob();
  EXPECT_TRUE(prior_mismatch(m).warn);
  EXPECT_TRUE(std::isnan(prior_mismatch(m).squared));
}

TEST(Sampler, TimesOfThePaperCutTheLastTenStepsInTen) {
  ScoreModel m;
  const std::vector<double> t = sampler_times(m, "paper", 800);
  ASSERT_EQ(t.size(), 800u - 10 + 100 + 1);
  EXPECT_EQ(t.front(), 10);
  EXPECT_EQ(t.back(), 0);
  EXPECT_NEAR(t[789] - t[790], 10.0 / 800, 1e-12);
  for (std::size_t k = 790; k + 1 < t.size(); ++k) ASSERT_NEAR(t[k] - t[k + 1], 1.0 / 800, 1e-12) << k;
  EXPECT_EQ(sampler_times(m, "quadratic", 801).size(), 803u);  // an even number of steps, for halving
}

TEST(Box, SaysWhichShareOfTheSamplesItLoses) {
  ScoreModel narrow_box = with_score(mixture_law(weights, means, {0.3}));
  narrow_box.low = -2;
  narrow_box.high = 2.5;
  const Answer narrow = run(narrow_box, "samples", {"x.distribution"}, 4096);
  const std::string said = flag_with(narrow, "% of the samples left the box [-2, 2.5]: it is too narrow");
  ASSERT_NE(said, "");
  const double exact = 100 * (0.15 + 0.4 * 0.5 * std::erfc(0.5 / 0.3 / std::sqrt(2.0)));  // half of the left mode, and the right one's edge
  EXPECT_TRUE(MeansMatch({{exact, std::stod(said), 100 * std::sqrt(0.17 * 0.83 / 4096), "share in %"}}, 6));
  EXPECT_EQ(flag_with(run(with_score(mixture_law(weights, means, {0.3})), "samples", {"x.distribution"}, 4096), "left the box"), "");
}

TEST(Divergence, IsNamed) {  // a log-density that opens upwards drives particles out
  ScoreModel out = with_score(mixture_law(weights, means, {0.3}), std::make_shared<FormulaPotential>("2*x^2", 1));
  out.score_name = "formula";
  const Answer a = run(out, "reverse-sde", {"x.mean"}, 64);
  EXPECT_NE(flag_with(a, "100 % of the particles went beyond |x| = 1000 or to no number: the score 'formula' drives them out"), "");
  const Answer law = run(out, "fokker-planck", {"x.mean"}, 0, {{"cells", Value(100)}, {"steps", Value(100)}});
  EXPECT_NE(flag_with(law, "% of the law left the box [-7, 7]: the score 'formula' drives it out, where there are no data"), "");
  EXPECT_TRUE(std::any_of(law.flags.begin(), law.flags.end(), [](const Flag& f) { return f.kind == "diverged" && f.fatal; }));
}

TEST(Residual, OfAScaledScoreIsThatOfItsClosedForm) {
  // A single Gaussian N(0, 1/2) is stationary: u = -(1 + delta) x^2, R = delta (1 - 2 (1 + delta) x^2); its mean square over [-3.5, 3.5] is a polynomial.
  const double delta = 0.1, a = 2 * (1 + delta), x2 = 3.5 * 3.5 / 3, x4 = std::pow(3.5, 4) / 5;
  const DataLaw data = mixture_law({1}, {0}, {std::sqrt(0.5)});
  const ScoreModel m = with_score(data, std::make_shared<ChangedPotential>(std::make_shared<MixturePotential>(*data.mixture, OrnsteinUhlenbeck{}), 1 + delta, 1));
  const Table coarse{{"cells", Value(100)}, {"steps", Value(100)}};
  const Answer got = run(m, "fokker-planck", {"residual.uniform", "residual.weighted"}, 0, coarse);
  EXPECT_NEAR(value(got, "residual.uniform"), delta * delta * (1 - 2 * a * x2 + a * a * x4), 2e-3);
  EXPECT_NEAR(value(got, "residual.weighted"), delta * delta * (1 - 2 * a * 0.5 + a * a * 3 * 0.25), 1e-3);
  const ScoreModel other = with_score(data, std::make_shared<MixturePotential>(*mixture_law(weights, means, {0.3}).mixture, OrnsteinUhlenbeck{}));
  EXPECT_LT(value(run(other, "fokker-planck", {"residual.uniform"}, 0, coarse), "residual.uniform"), 1e-18);
}

/// A field that is not given as a gradient.
class Bare final : public Field {
 public:
  [[nodiscard]] std::size_t dimension() const override { return 1; }
  void at(double, std::span<const double> x, std::span<double> v) const override {
    for (std::size_t i = 0; i < x.size(); ++i) v[i] = -2 * x[i];
  }
};

TEST(Residual, IsNotGivenForAFieldThatIsNoGradient) {
  ScoreModel m = with_score(mixture_law({1}, {0}, {std::sqrt(0.5)}), std::make_shared<Bare>());
  m.score_name = "bare";
  const Answer a = run(m, "fokker-planck", {"residual.uniform", "x.variance"}, 0, {{"cells", Value(200)}, {"steps", Value(100)}});
  EXPECT_EQ(a.find("residual.uniform"), nullptr);
  EXPECT_NE(flag_with(a, "the score 'bare' is not given as a gradient: no residual R. Its curl"), "");
  EXPECT_NEAR(value(a, "x.variance"), 0.5, 1e-3);
}

}  // namespace
}  // namespace meso::generative
