// Truths about the simulated levels that take seconds. The same checks at full size are in kpz_synchronization_slow_test.cpp.
#include "base/text.h"
#include "stat/fit.h"
#include "systems/lattice/kpz-synchronization/test_support.h"
#include "testing/measured.h"

namespace meso::systems::kpz_synchronization {
namespace {

using namespace tests;

void record(const std::string& what, const Estimate& e, std::size_t i, double reference, const std::string& source) {
  measured("kpz-synchronization", what, e.value[i], e.se(i), reference, source);
}

TEST(KpzSynchronization, FreeOscillatorsAreRandomDeposition) {
  const Answer a = answer_of({.parameters = {{"N", 256}, {"K", 0}, {"D", 0.4}, {"dt", 0.5}}, .when = Times{{1, 10, 100}}, .trajectories = 2048});
  std::vector<MeanCheck> checks;
  for (std::size_t i = 0; i < 3; ++i) {
    const double t = get(a, "W2").axes[0].points[i];
    checks.push_back(relative_check(get(a, "W2"), i, 2 * 0.4 * t * (1 - 1.0 / 256), "W2 at t = " + std::to_string(t)));
    record("free, N = 256, D = 0.4: W2 at t = " + brief(t), get(a, "W2"), i, 2 * 0.4 * t * (1 - 1.0 / 256), "2 D t (1 - 1/N)");
    checks.push_back({0.0, get(a, "skewness").value[i], get(a, "skewness").se(i), "skewness", get(a, "skewness").dof});
  }
  EXPECT_TRUE(MeansMatch(checks, 0.04));
}

// Small noise, odd coupling: above the Edwards-Wilkinson sum by the time step and by softer bonds, and by nothing else.
TEST(KpzSynchronization, SmallNoiseFollowsTheLinearTheoryCorrectedForTimeStepAndSoftBonds) {
  const std::vector<double> times{1, 3, 10, 30, 100};
  const Question q{.parameters = {{"N", 256}, {"D", 0.05}}, .when = Times{times}, .trajectories = 1024};
  Question theory = q;
  theory.level = "linear-renormalised";
  const Answer micro = answer_of(q), corrected = answer_of(theory);
  theory.level = "linear";
  const Answer plain = answer_of(theory);
  std::vector<MeanCheck> checks;
  for (std::size_t i = 0; i < times.size(); ++i) {
    checks.push_back(relative_check(get(micro, "W2"), i, get(corrected, "W2").value[i], "W2 at t = " + std::to_string(times[i])));
    record("small noise, N = 256, D = 0.05: W2 at t = " + brief(times[i]), get(micro, "W2"), i, get(corrected, "W2").value[i], "linear theory with the time step and <Gamma'>");
    checks.push_back(relative_check(get(micro, "cos_delta"), i, get(corrected, "cos_delta").value[i], "cos_delta"));
  }
  EXPECT_TRUE(MeansMatch(checks, 0.15));
  const Estimate& w2 = get(micro, "W2");
  EXPECT_GT(w2.value[0] - get(plain, "W2").value[0], 6 * w2.se(0)) << "the uncorrected theory must be told apart";
  EXPECT_NEAR(w2.error_bound[0] / w2.value[0], 0.031, 0.001) << "estimated error of the time step at t = 1";
}

TEST(KpzSynchronization, HeunsStepRemovesMostOfEulersError) {
  const Question q{.parameters = {{"N", 256}, {"D", 1e-4}, {"scheme", "heun"}}, .when = Times{{0.5, 1, 2}}, .trajectories = 2048};
  const Answer micro = answer_of(q);
  Question theory = q;
  theory.level = "linear";
  const Answer plain = answer_of(theory);
  std::vector<MeanCheck> checks;
  for (std::size_t i = 0; i < 3; ++i) checks.push_back(relative_check(get(micro, "W2"), i, get(plain, "W2").value[i], "W2"));
  EXPECT_TRUE(MeansMatch(checks, 0.03)) << "Euler's 3 % would show";
}

TEST(KpzSynchronization, FrozenFrequenciesGrowAsTheModeSumSays) {
  const std::vector<double> times = [] {
    std::vector<double> t{1};
    for (const double x : log_times(10, 100, 5)) t.push_back(x);
    return t;
  }();
  const Question q{.parameters = {{"N", 1024}, {"kind", "columnar"}, {"s", 0.02}}, .when = Times{times}, .trajectories = 128, .options = {{"fit-from", 10}, {"fit-to", 100}}};
  const Answer micro = answer_of(q);
  Question theory = q;
  theory.level = "linear";
  const Answer exact = answer_of(theory);
  std::vector<MeanCheck> checks;
  for (std::size_t i = 0; i < times.size(); ++i) checks.push_back(relative_check(get(micro, "W2"), i, get(exact, "W2").value[i], "W2 at t = " + std::to_string(times[i])));
  EXPECT_TRUE(MeansMatch(checks, 0.2));
  record("columnar, N = 1024, s = 0.02: exponent of W, 10 < t < 100", get(micro, "growth_exponent"), 0, 0.75, "Edwards-Wilkinson, columnar");
  EXPECT_NEAR(get(micro, "growth_exponent").value[0], 0.75, 0.02);
  EXPECT_LT(get(micro, "growth_exponent").se(0), 0.01);
  EXPECT_NE(flag_text(micro, "phase-class").find("synchronous-EW"), std::string::npos) << flag_text(micro, "phase-class");
}

TEST(KpzSynchronization, FrozenFrequenciesSaturate) {
  // N = 16: plateau s^2 (N^2 - 1)(N^2 + 11) / (720 N), from equal phases, in a window behind ten relaxation times.
  const Question q{.parameters = {{"N", 16}, {"kind", "columnar"}, {"s", 0.02}, {"dt", 0.4}}, .when = Stationary{100, 4}, .trajectories = 8192};
  const Answer micro = answer_of(q);
  const double exact = 0.02 * 0.02 * 255.0 * 267.0 / (720.0 * 16);
  EXPECT_TRUE(MeansMatch({relative_check(get(micro, "W2"), 0, exact, "plateau")}, 0.1));
  record("columnar, N = 16, s = 0.02: saturation", get(micro, "W2"), 0, exact, "s^2 (N^2-1)(N^2+11)/(720 N)");
  EXPECT_LT(get(micro, "frequency_spread").value[0], 1e-6) << "locked";
  Question theory = q;
  theory.level = "linear";
  EXPECT_NEAR(get(answer_of(theory), "W2").value[0] / exact, 1.0, 1e-9);
}

// Equilibrium of the bonds. Heun's step: Euler's own temperature error (dt K, 2 % of 1 - cos at dt = 0.02) would show; burn-in of
// two relaxation times of the longest mode, since 1 - <cos> approaches its value only as t^(-1/2) before that.
TEST(KpzSynchronization, BondsReachTheVonMisesLaw) {
  for (const double D : {0.05, 0.5}) {  // 0.1 and 0.2 too at full size
    const Answer a = answer_of({.parameters = {{"N", 256}, {"D", D}, {"scheme", "heun"}, {"dt", 0.05}}, .when = Stationary{1600, 400}, .trajectories = 16});
    const Estimate& c = get(a, "cos_delta");
    const double exact = equilibrium_bond_cosine(lattice::FourierCoupling::sakaguchi(1, 0), D);
    record("bonds, N = 256: <cos Delta> at D = " + brief(D), c, 0, 1 - (1 - exact) * (1 - 1.0 / 256), "I1(K/D)/I0(K/D), fixed winding number");
    // Fixed winding number: 1 - <cos> is smaller by about 1/N.
    EXPECT_TRUE(MeansMatch({{1 - (1 - exact) * (1 - 1.0 / 256), c.value[0], c.se(0), "cos_delta at D = " + std::to_string(D), c.dof}}, 0.025 * (1 + 4 * D) * D / 0.05));
    EXPECT_NEAR(c.value[0], exact, 0.002 + 4 * c.se(0));
  }
}

// The headline: odd coupling grows with the Edwards-Wilkinson exponent, a strongly non-odd one with nearly Kardar-Parisi-Zhang's.
TEST(KpzSynchronization, NonOddnessTakesTheRingFromEdwardsWilkinsonToKpz) {
  std::vector<double> times{0.1, 1, 3};
  for (const double t : log_times(10, 630, 10)) times.push_back(t);
  Question q{.parameters = {{"N", 1024}, {"D", 0.05}}, .when = Times{times}, .trajectories = 40, .options = {{"fit-from", 10}, {"fit-to", 601}}};
  const Answer odd = answer_of(q);
  q.parameters = {{"N", 1024}, {"D", 0.05}, {"delta", 1.0}};
  q.options = {{"fit-from", 25}, {"fit-to", 630}};
  const Answer kpz = answer_of(q);
  const Estimate &beta_odd = get(odd, "growth_exponent"), &beta_kpz = get(kpz, "growth_exponent");
  record("headline, N = 1024: exponent of W, delta = 0, 10 < t < 600", beta_odd, 0, 0.25, "Edwards-Wilkinson");
  record("headline, N = 1024: exponent of W, delta = 1, 25 < t < 630", beta_kpz, 0, 0.315, "an independent script; rises slowly to 1/3");
  EXPECT_NEAR(beta_odd.value[0], 0.25, 0.02) << beta_odd.se(0);
  EXPECT_NEAR(beta_kpz.value[0], 0.315, 0.025) << beta_kpz.se(0);
  EXPECT_LT(beta_odd.se(0), 0.01);
  EXPECT_LT(beta_kpz.se(0), 0.015);
  EXPECT_GT(beta_kpz.value[0] - beta_odd.value[0], 4 * std::hypot(beta_kpz.se(0), beta_odd.se(0)));
  EXPECT_NE(flag_text(odd, "phase-class").find("synchronous-EW"), std::string::npos) << flag_text(odd, "phase-class");
  EXPECT_NE(flag_text(kpz, "phase-class").find("synchronous-KPZ"), std::string::npos) << flag_text(kpz, "phase-class");
  EXPECT_EQ(get(kpz, "slip_fraction").value.back(), 0.0);
  const std::size_t last = times.size() - 1;
  record("headline, N = 1024: skewness at t = 630, delta = 1", get(kpz, "skewness"), last, -0.2935, "Tracy-Widom GOE");
  EXPECT_NEAR(get(kpz, "skewness").value[last], -0.29, 0.15) << get(kpz, "skewness").se(last) << " Tracy-Widom GOE -0.2935, sign of lambda";
  EXPECT_NEAR(get(odd, "skewness").value[last], 0.0, 5 * get(odd, "skewness").se(last));
  // Velocity identity: displacement against the time average of the bonds, two different sums.
  for (std::size_t i = 3; i < times.size(); ++i) {
    const double v = get(kpz, "velocity").value[i], identity = get(kpz, "velocity_identity").value[i];
    const double span = times[i] - times[i - 1], noise = std::sqrt(2 * 0.05 / (1024.0 * 40 * span));  // of the mean phase
    EXPECT_NEAR(v, identity, 1e-3 * std::abs(identity) + 6 * noise) << "t = " << times[i];
    EXPECT_LT(identity, -0.05);
  }
  const Estimate &at_rest = get(odd, "velocity_identity");
  for (const double v : at_rest.value) EXPECT_EQ(v, 0.0) << "odd coupling moves no mean phase";
}

// The field equation in place of the oscillators, at parameters where slopes stay small: same growth.
TEST(KpzSynchronization, ContinuumAgreesWithTheOscillatorsWhileSlopesAreSmall) {
  const std::vector<double> times{3, 10, 30, 100};
  Question q{.parameters = {{"N", 256}, {"D", 0.005}, {"delta", 1.2}, {"scheme", "heun"}}, .when = Times{times}, .trajectories = 768};
  const Answer micro = answer_of(q);
  q.level = "continuum";
  const Answer field = answer_of(q);
  q.level = "linear";
  const Answer linear = answer_of(q);
  std::vector<MeanCheck> checks;
  for (std::size_t i = 0; i < times.size(); ++i) {
    const Estimate &a = get(micro, "W2"), &b = get(field, "W2");
    checks.push_back({0.0, a.value[i] / b.value[i] - 1, std::hypot(a.se(i) / a.value[i], b.se(i) / b.value[i]), "W2 at t = " + std::to_string(times[i]), a.dof});
  }
  EXPECT_TRUE(MeansMatch(checks, 0.2));
  const std::size_t last = times.size() - 1;
  EXPECT_LT(get(field, "skewness").value[last], -6 * get(field, "skewness").se(last)) << "and it is not the linear equation";
  // The mean velocity is a matter of the shortest wavelengths and no property of the continuum: the stationary law gives the form of
  // Lam and Shin (lambda/6) <a^2 + a b + b^2> = (lambda/3) <a^2>, the oscillators (lambda/2) <a^2>.
  record("continuum, N = 256, D = 0.005, delta = 1.2: W2 at t = 100", get(field, "W2"), last, get(micro, "W2").value[last], "the oscillators");
  EXPECT_NEAR(get(field, "velocity").value[last] / get(micro, "velocity").value[last], 2.0 / 3, 0.04);
}

// The KPZ equation against its universal growth law, without a free parameter: amplitude of W^2 and the skewness of Tracy and Widom (GOE).
// lambda^2 D / nu^3 = 7: the crossover is over by t = 60, and N = 1024 does not saturate before t = 1,000.
TEST(KpzSynchronization, TheContinuumGrowsWithTheUniversalAmplitudeAndSkewnessOfKpz) {
  Question q{.parameters = {{"N", 1024}, {"D", 0.05}, {"delta", 1.2}, {"dt", 0.1}}, .when = Times{{63, 100, 160}}, .level = "continuum", .trajectories = 256};
  const Answer field = answer_of(q);
  q.level = "kpz-scaling";
  const Answer law = answer_of(q);
  std::vector<MeanCheck> width, skewness;
  for (std::size_t i = 0; i < 3; ++i) {
    width.push_back(relative_check(get(field, "W2"), i, get(law, "W2").value[i], "W2"));
    const Estimate& s = get(field, "skewness");
    skewness.push_back({get(law, "skewness").value[i], s.value[i], s.se(i), "skewness", s.dof});
    record("KPZ equation, N = 1024, delta = 1.2: W2 at t = " + brief(std::get<Times>(q.when).points[i]), get(field, "W2"), i, get(law, "W2").value[i], "0.63805 (Gamma t)^(2/3)");
    record("KPZ equation, N = 1024, delta = 1.2: skewness at t = " + brief(std::get<Times>(q.when).points[i]), s, i, -0.29346, "Tracy-Widom GOE");
  }
  EXPECT_TRUE(MeansMatch(width, 0.15));
  EXPECT_TRUE(MeansMatch(skewness, 0.25));
}

// Mode by mode and separation by separation: the linear theory (softer bonds and the time step in it) and the ring.
TEST(KpzSynchronization, StructureFactorsAndHeightDifferencesFollowTheLinearTheory) {
  for (const Table& given : {Table{{"N", 64}, {"D", 0.01}}, Table{{"N", 64}, {"kind", "columnar"}, {"s", 0.01}}}) {
    Question q{.parameters = given, .when = Times{{2, 40}}, .trajectories = 2048};
    const Answer micro = answer_of(q);
    q.level = "linear-renormalised";
    const Answer theory = answer_of(q);
    std::vector<MeanCheck> checks;
    for (const char* what : {"S", "G2"}) {
      const Estimate &a = get(micro, what), &b = get(theory, what);
      ASSERT_EQ(a.axes, b.axes);
      for (std::size_t i = 0; i < a.size(); ++i) checks.push_back(relative_check(a, i, b.value[i], std::string(what) + std::to_string(i)));
    }
    EXPECT_TRUE(MeansMatch(checks, 0.35));  // a mode alone is exponentially distributed: 100 % a run
  }
}

// A ring at rest: plateau of modes D / l_k, whatever the start, and the same W_sat and t_sat on the time axis.
TEST(KpzSynchronization, SmallRingsSaturateInTimeAndFromEitherStart) {
  const Table given{{"N", 32}, {"D", 0.01}, {"scheme", "heun"}, {"dt", 0.1}};
  Question q{.parameters = given, .when = Stationary{130, 60}, .trajectories = 1024};
  const Answer rest = answer_of(q);
  EXPECT_EQ(flag_text(rest, "not-mixed"), "");
  q.when = Times{log_times(0.03, 150, 38)};
  q.trajectories = 2048;
  const Answer grown = answer_of(q);
  q.level = "linear-renormalised";
  const Answer theory = answer_of(q);
  ASSERT_NE(grown.find("t_sat"), nullptr) << flag_text(grown, "note");
  const double w = get(theory, "W_sat").value[0];
  record("N = 32, D = 0.01: W_sat from the time axis", get(grown, "W_sat"), 0, w, "linear theory with softer bonds");
  record("N = 32, D = 0.01: t_sat", get(grown, "t_sat"), 0, get(theory, "t_sat").value[0], "linear theory with softer bonds");
  EXPECT_TRUE(MeansMatch({relative_check(get(rest, "W_sat"), 0, w, "W_sat, stationary"), relative_check(get(grown, "W_sat"), 0, w, "W_sat, in time"),
                          relative_check(get(grown, "t_sat"), 0, get(theory, "t_sat").value[0], "t_sat")}, 0.2));
  std::vector<MeanCheck> modes;
  const WaveBins bins(32);
  for (std::size_t b = 0; b < 4; ++b) {  // single modes
    const double l = 4 * 0.995 * std::pow(std::sin(bins.q[b] / 2), 2);  // nu = <cos Delta> = 1 - D/2
    modes.push_back(relative_check(get(rest, "S"), b, 0.01 / l, "S of mode " + std::to_string(b + 1)));
  }
  EXPECT_TRUE(MeansMatch(modes, 0.2));
}

// The exact threshold against the dynamics of whole ensembles: the share of rings in which no bond ever slips.
TEST(KpzSynchronization, TheShareOfLockedRingsIsThatOfTheExactThreshold) {
  for (const std::string law : {"gaussian", "uniform"}) {
    Question q{.parameters = {{"N", 16}, {"kind", "columnar"}, {"s", 1}, {"omega_law", law}, {"K", 2.2}}, .when = Times{{300}}, .trajectories = 1500};
    const Answer ring = answer_of(q);
    q.level = "locking";
    q.trajectories = 30000;
    const Answer exact = answer_of(q);
    const Estimate &a = get(ring, "locked_fraction"), &b = get(exact, "locked_fraction");
    record("locked share, N = 16, K = 2.2 s, " + law + " frequencies", a, 0, b.value[0], "exact threshold of other realisations");
    EXPECT_TRUE(MeansMatch({{0.0, a.value[0] - b.value[0], std::hypot(a.se(0), b.se(0)), law, a.dof}}, 0.12));
    EXPECT_GT(b.value[0], 0.2);
    EXPECT_LT(b.value[0], 0.9);
  }
}

// Any coupling: with harmonics the widths follow the linear theory of nu = Gamma'(0), and the identity still holds.
TEST(KpzSynchronization, HarmonicsActThroughTheSlopeAndTheEvenPart) {
  const Question q{.parameters = {{"N", 128}, {"D", 0.002}, {"sine_harmonics", std::vector<double>{0.3, -0.1}}, {"cosine_harmonics", std::vector<double>{-0.2}}, {"scheme", "heun"}},
                   .when = Times{{2, 10, 40}}, .trajectories = 1024};
  const Answer micro = answer_of(q);
  Question theory = q;
  theory.level = "linear-renormalised";
  const Answer linear = answer_of(theory);
  std::vector<MeanCheck> checks;
  for (std::size_t i = 0; i < 3; ++i) checks.push_back(relative_check(get(micro, "W2"), i, get(linear, "W2").value[i], "W2"));
  EXPECT_TRUE(MeansMatch(checks, 0.15));
  // lambda / 2 <slope^2> with lambda = 2 Gamma''(0) = +1.6: the mean phase runs ahead
  const double v = get(micro, "velocity").value[2], identity = get(micro, "velocity_identity").value[2];
  EXPECT_GT(v, 0);
  EXPECT_NEAR(v, identity, 1e-3 * identity + 6 * std::sqrt(2 * 0.002 / (128.0 * 1024 * 30)));
  EXPECT_NEAR(get(linear, "velocity").value[2] / v, 1.0, 0.1);
}

}  // namespace
}  // namespace meso::systems::kpz_synchronization
