// Autocovariance and spectrum: birth-death is exact on every level (C = n e^(-d tau), a Lorentzian); the Brusselator's noisy oscillation.
#include "kits/kinetics/correlations.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <complex>
#include <numbers>

#include "base/error.h"
#include "kits/kinetics/level_fixture.h"
#include "kits/kinetics/observables.h"
#include "testing/statistics.h"

namespace meso::kinetics {
namespace {

constexpr double pi = std::numbers::pi;

Network birth_death() { return NetworkSpec{.species = {"X"}, .reactions = {"0 -> X, 6", "X -> 0, 2"}}.bind({{"X0", 3}}); }

Answer run(const std::string& level, const Network& network, const Ask& ask, std::uint64_t trajectories = 1024, unsigned threads = 1) {
  return testing::run_level(network, level, ask, {.seed = 3, .threads = threads}, "test/correlations", trajectories);
}

TEST(Correlations, OfBirthAndDeathAreAnExponentialAndALorentzian) {
  // Mean 3, death rate 2: C(tau) = 3 e^(-2 tau), S(w) = 2 * 3 * 2 / (4 + w^2).
  const Ask ask{Stationary{4.0, 20.0}, {"X.autocovariance", "X.spectrum"}};
  const auto covariance = [](double tau) { return 3 * std::exp(-2 * tau); };
  const auto spectrum = [](double w) { return 12 / (4 + w * w); };
  for (const char* level : {"lna", "fsp"}) {
    const Answer answer = run(level, birth_death(), ask);
    ASSERT_EQ(answer.estimates.size(), 2u) << level;
    const Estimate &c = *answer.find("X.autocovariance"), &s = *answer.find("X.spectrum");
    EXPECT_EQ(c.axes[0].name, "lag");
    EXPECT_EQ(s.axes[0].name, "frequency");
    EXPECT_DOUBLE_EQ(c.axes[0].points.back(), 2);
    EXPECT_DOUBLE_EQ(s.axes[0].points.front(), 4 * pi / 20);
    for (std::size_t k = 0; k < c.size(); ++k) EXPECT_NEAR(c.value[k], covariance(c.axes[0].points[k]), 1e-7) << level << " lag " << k;
    for (std::size_t k = 0; k < s.size(); ++k) EXPECT_NEAR(s.value[k], spectrum(s.axes[0].points[k]), 1e-7) << level << " frequency " << k;
  }
  const Answer sampled = run("ssa", birth_death(), ask, 4096, 2);
  EXPECT_EQ(sampled.find("X.mean"), nullptr);  // looked at for mixing, not asked
  const Estimate &c = *sampled.find("X.autocovariance"), &s = *sampled.find("X.spectrum");
  std::vector<MeanCheck> lags, frequencies;
  for (const std::size_t k : {0u, 1u, 5u, 10u, 20u, 40u}) lags.push_back({covariance(c.axes[0].points[k]), c.value[k], c.se(k), "lag " + std::to_string(k), c.dof});
  // The shortest window would bias a plain periodogram by 1 / (d W) = 2.5 % at low frequencies: 0.07 of 2.7.
  for (const std::size_t k : {0u, 1u, 3u, 10u, 30u, 63u}) frequencies.push_back({spectrum(s.axes[0].points[k]), s.value[k], s.se(k), "frequency " + std::to_string(k)});
  EXPECT_TRUE(MeansMatch(lags, 0.25));
  EXPECT_TRUE(MeansMatch(frequencies, 0.6));
}

TEST(Correlations, AreUnbiasedInAShortWindow) {
  // A window of five relaxation times, where a plain periodogram is 20 % low at its first frequency and far off in its mean.
  const Network fast = NetworkSpec{.species = {"X"}, .reactions = {"0 -> X, 6", "X -> 0, 2"}}.bind({{"X0", 3}});
  const Ask ask{Stationary{4.0, 2.5}, {"X.spectrum"}};
  const Answer sampled = run("ssa", fast, ask, 65536, 2);
  const Estimate& s = *sampled.find("X.spectrum");
  std::vector<MeanCheck> checks;
  // Exact mean of the estimator: S minus what decays like C over half the window, worked out here for an exponential autocovariance.
  const auto periodogram = [](double w, double W) {  // integral over |tau| < W of (1 - |tau| / W) C(tau) cos(w tau)
    const std::complex<double> a(2, w), e = std::exp(-a * W);
    return 2 * 3 * (1.0 / a - (1.0 - e) / (a * a * W)).real();
  };
  for (const std::size_t k : {0u, 1u, 2u}) {
    const double w = s.axes[0].points[k];
    const double exact = 2 * periodogram(w, 2.5) - periodogram(w, 1.25);
    EXPECT_NEAR(exact, 12 / (4 + w * w), 0.06) << "the design: little is left of the bias";
    checks.push_back({exact, s.value[k], s.se(k), "frequency " + std::to_string(k)});
  }
  EXPECT_TRUE(MeansMatch(checks, 0.05));
}

TEST(Correlations, OfTheBrusselatorPeakWhereLinearNoiseSaysAndIntegrateToTheVariance) {
  // Below the Hopf point: c2 = 1.5. Stable spiral, Jacobian [[c2 - 1, phi^2], [-c2, -phi^2]] with phi = 0.9 (c1 = 0.9, c3 = c4 = 1).
  const double c2 = 1.5, phi = 0.9, volume = 300;
  const Network network = NetworkSpec{.species = {"X", "Y"}, .reactions = {"0 -> X, 0.9", "X -> Y, 1.5", "2X + Y -> 3X, 1", "X -> 0, 1"}, .volume = volume}.bind({{"X0", 270}, {"Y0", 500}});
  const Ask ask{Stationary{60.0, 120.0}, {"X.autocovariance", "X.spectrum", "Y.autocovariance", "X.variance", "Y.variance"}};
  const Answer lna = run("lna", network, ask);
  const Estimate &s = *lna.find("X.spectrum"), &c = *lna.find("X.autocovariance");
  EXPECT_NEAR(c.value[0], lna.find("X.variance")->value[0], 1e-6 * c.value[0]);
  EXPECT_NEAR(lna.find("Y.autocovariance")->value[0], lna.find("Y.variance")->value[0], 1e-6 * lna.find("Y.variance")->value[0]);
  // By hand: A = [[a, b], [-c2, -b]], D_XX = V phi (1 + c2 + c2 + 1), D_XY = -2 V c2 phi, D_YY = 2 V c2 phi.
  const double a = c2 - 1, b = phi * phi, dxx = volume * phi * (2 + 2 * c2), dxy = -2 * volume * c2 * phi, dyy = 2 * volume * c2 * phi;
  for (std::size_t k = 0; k < s.size(); ++k) {
    const double w = s.axes[0].points[k];
    // First row of (A - i w)^-1: (-b - i w, -b) / det.
    const std::complex<double> det = std::complex<double>(a, -w) * std::complex<double>(-b, -w) + b * c2;
    const double exact = ((b * b + w * w) * dxx + 2 * b * b * dxy + b * b * dyy) / std::norm(det);
    EXPECT_NEAR(s.value[k], exact, 1e-7 * exact) << w;
  }
  std::size_t peak = 0;
  for (std::size_t k = 0; k < s.size(); ++k)
    if (s.value[k] > s.value[peak]) peak = k;
  EXPECT_GT(peak, 2u);  // an oscillation, not a relaxation
  const Answer ssa = run("ssa", network, ask, 64, 2);
  const Estimate& e = *ssa.find("X.spectrum");
  std::size_t seen = 0;
  for (std::size_t k = 0; k < e.size(); ++k)
    if (e.value[k] > e.value[seen]) seen = k;
  EXPECT_NEAR(static_cast<double>(seen), static_cast<double>(peak), 2);
  // At this size linear noise is right to a few percent.
  EXPECT_NEAR(e.value[peak], s.value[peak], 0.05 * s.value[peak] + 5 * e.se(peak));
  EXPECT_NEAR(ssa.find("X.autocovariance")->value[0], c.value[0], 0.05 * c.value[0] + 5 * ssa.find("X.autocovariance")->se(0));
}

TEST(Correlations, ConservedTotalsMapToDependentSpecies) {
  // A <-> B with 20 of both: binomial, C(tau) = 20 p (1 - p) e^(-(a + b) tau) for A and for B.
  const Network network = NetworkSpec{.species = {"A", "B"}, .reactions = {"A <-> B, 1; 3"}}.bind({{"A0", 20}});
  const Ask ask{Stationary{2.0, 5.0}, {"A.autocovariance", "B.autocovariance", "B.spectrum"}};
  for (const char* level : {"lna", "fsp"}) {
    const Answer answer = run(level, network, ask);
    for (const char* name : {"A.autocovariance", "B.autocovariance"}) {
      const Estimate& c = *answer.find(name);
      for (std::size_t k = 0; k < c.size(); ++k) EXPECT_NEAR(c.value[k], 20 * 0.75 * 0.25 * std::exp(-4 * c.axes[0].points[k]), 1e-7) << level << name;
    }
    const Estimate& s = *answer.find("B.spectrum");
    for (std::size_t k = 0; k < s.size(); ++k) EXPECT_NEAR(s.value[k], 2 * 3.75 * 4 / (16 + s.axes[0].points[k] * s.axes[0].points[k]), 1e-7) << level;
  }
}

TEST(Correlations, HaveTheGridsThatAreAskedFor) {
  // Birth and death again, with the mean 3 and a grid of frequencies at which the mean count itself has a periodogram: K(w) 3^2, to be subtracted.
  const std::vector<std::string> names{"X.autocovariance@0.25:1:4", "X.autocovariance@0:0.3:2", "X.spectrum@1:7:5", "X.spectrum@log:0.9:9:3", "X.autocovariance@0.5:0.5:1", "X.spectrum@2:2:1"};
  const Ask ask{Stationary{4.0, 10.0}, names};
  const std::vector<std::vector<double>> points{{0.25, 0.5, 0.75, 1}, {0, 0.3}, {1, 2.5, 4, 5.5, 7}, {0.9, std::sqrt(8.1), 9}, {0.5}, {2}};
  // The mean of the estimator in a window of 20 relaxation times is S to 1e-3; here without the terms that decay like exp(-2 W/2) = 5e-5.
  const auto exact = [](std::size_t k, double at) { return k == 0 || k == 1 || k == 4 ? 3 * std::exp(-2 * at) : 12 / (4 + at * at); };
  for (const char* level : {"lna", "fsp", "ssa", "next-reaction"}) {
    const bool sampled = level[0] == 's' || level[0] == 'n';
    const Answer answer = run(level, birth_death(), ask, 8192, 2);
    std::vector<MeanCheck> checks;
    for (std::size_t k = 0; k < names.size(); ++k) {
      const Estimate* e = answer.find(names[k]);
      ASSERT_NE(e, nullptr) << level << ' ' << names[k];
      ASSERT_EQ(e->axes[0].points.size(), points[k].size());
      for (std::size_t i = 0; i < e->size(); ++i) {
        EXPECT_NEAR(e->axes[0].points[i], points[k][i], 1e-12) << names[k];
        const double truth = exact(k, points[k][i]);
        if (!sampled) EXPECT_NEAR(e->value[i], truth, 1e-7) << level << ' ' << names[k] << " at " << points[k][i];
        else checks.push_back({truth, e->value[i], e->se(i), names[k] + " at " + std::to_string(points[k][i]), e->dof});
      }
    }
    if (sampled) EXPECT_TRUE(MeansMatch(checks, 0.6)) << level;
  }
}

TEST(Correlations, OfGridsThatAreNoneAreRefused) {
  const auto refused = [](const std::string& name, const char* level = "ssa") -> std::string {
    try {
      (void)run(level, birth_death(), Ask{Stationary{4.0, 10.0}, {name}}, 16);
    } catch (const StudyError& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_EQ(refused("X.autocovariance@0:2"), "X.autocovariance@0:2: '0:2' is no grid of lags; write from:to:count");
  EXPECT_EQ(refused("X.spectrum@a:2:3"), "X.spectrum@a:2:3: 'a:2:3' is no grid of frequencies; write from:to:count, or log:from:to:count");
  EXPECT_EQ(refused("X.autocovariance@log:1:2:3"), "X.autocovariance@log:1:2:3: lags are equidistant; write from:to:count");
  EXPECT_EQ(refused("X.autocovariance@0:2:2.5"), "X.autocovariance@0:2:2.5: count is 2.5; a grid has 1 to 4,096 lags");
  EXPECT_EQ(refused("X.spectrum@0:2:3"), "X.spectrum@0:2:3: frequencies from 0 to 2; they rise, and begin above 0 (angular frequencies)");
  EXPECT_EQ(refused("X.autocovariance@3:2:3"), "X.autocovariance@3:2:3: lags from 3 to 2; they rise, and begin at 0 or later");
  EXPECT_EQ(refused("X.autocovariance@0:6:3"), "X.autocovariance@0:6:3: the lag 6 is more than half the window of 10; ask for a longer window (--stationary=burn-in:window) or shorter lags");
  EXPECT_EQ(refused("X.autocovariance@0.01:1.01:2"), "X.autocovariance@0.01:1.01:2: the first lag 0.01 is no multiple of 0.025, of which all lags of this grid must be made; begin at 0 or at a multiple of the step 1");
  EXPECT_EQ(refused("X.spectrum@0.5:2:3"),
            "X.spectrum@0.5:2:3: the frequency 0.5 has less than one period in the window of 10; ask for frequencies from 0.6283 on, or for a longer window (--stationary=burn-in:window)");
  EXPECT_EQ(refused("X.spectrum@0.5:2:3", "fsp"), "");  // a generator has no window
  EXPECT_EQ(parse_correlation(birth_death(), "Y.spectrum@0:2"), std::nullopt);
}

TEST(Correlations, OfLeapsAreThoseOfTheMasterEquationAndTheirSpectraAreRefused) {
  // Birth and death around 200: leaps of many reactions, which end at every look: every 0.05, a tenth of a relaxation
  // time, so that their own error (h^3 / 8 of the variance) is 1e-4. C(tau) = 200 e^(-2 tau).
  const Network network = NetworkSpec{.species = {"X"}, .reactions = {"0 -> X, 400", "X -> 0, 2"}}.bind({{"X0", 150}});
  const Ask ask{Stationary{4.0, 20.0}, {"X.autocovariance@0:1:5", "X.spectrum"}};
  for (const char* level : {"tau-leap", "cle", "hybrid"}) {
    const Answer answer = testing::run_level(network, level, [&] {
      Ask own = ask;
      if (std::string(level) == "tau-leap") own.options["offer"] = Value("always");
      return own;
    }(), {.seed = 3, .threads = 2}, "test/correlations", 2048);
    const Estimate* c = answer.find("X.autocovariance@0:1:5");
    ASSERT_NE(c, nullptr) << level;
    std::vector<MeanCheck> checks;
    for (std::size_t k = 0; k < c->size(); ++k) checks.push_back({200 * std::exp(-2 * c->axes[0].points[k]), c->value[k], c->se(k), std::string(level) + " lag " + std::to_string(k), c->dof});
    EXPECT_TRUE(MeansMatch(checks, 15));
    EXPECT_EQ(answer.find("X.spectrum"), nullptr) << level;
    const auto flag = std::find_if(answer.flags.begin(), answer.flags.end(), [](const Flag& f) { return f.kind == "not-offered"; });
    ASSERT_NE(flag, answer.flags.end()) << level;
    EXPECT_EQ(flag->text, "X.spectrum is not given: between the ends of leaps nothing is known of a trajectory, and fast frequencies would be wrong. Level 'ssa' has it, and this level has X.autocovariance");
  }
}

TEST(Correlations, AreAbsentOverTimesAndBrokenWhereNothingIsStationary) {
  EXPECT_EQ(run("ssa", birth_death(), Ask{Times{{0, 1}}, {"X.spectrum"}}, 16).estimates.size(), 0u);
  const Network growing = NetworkSpec{.species = {"X"}, .reactions = {"X -> 2X, 2", "X -> 0, 1"}}.bind({{"X0", 3}});
  const Answer answer = run("lna", growing, Ask{Stationary{1.0, 5.0}, {"X.spectrum"}});
  ASSERT_FALSE(answer.flags.empty());
  EXPECT_TRUE(std::isnan(answer.find("X.spectrum")->value[0]));
}

}  // namespace
}  // namespace meso::kinetics
