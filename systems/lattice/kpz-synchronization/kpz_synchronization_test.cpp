#include <numbers>

#include "base/error.h"
#include "systems/lattice/kpz-synchronization/growth.h"
#include "systems/lattice/kpz-synchronization/test_support.h"

namespace meso::systems::kpz_synchronization {
namespace {

using namespace tests;

std::string refused(const Table& given) {
  try {
    (void)system().bind(given);
  } catch (const ParameterError& error) {
    return error.what();
  }
  return "";
}

TEST(KpzSynchronizationInput, EveryBadParameterIsRefusedWithItsReason) {
  EXPECT_EQ(refused({}), "");
  EXPECT_NE(refused({{"delta", 1.6}}).find("not below pi/2 = 1.5708: the surface tension nu = K cos(delta) = -0.0292"), std::string::npos) << refused({{"delta", 1.6}});
  EXPECT_NE(refused({{"delta", std::numbers::pi / 2}}), "");
  EXPECT_EQ(refused({{"delta", 1.57}}), "");
  EXPECT_NE(refused({{"delta", -0.1}}), "");
  EXPECT_NE(refused({{"N", 7}}).find("at least 8 oscillators"), std::string::npos);
  EXPECT_EQ(refused({{"N", 8}}), "");
  EXPECT_EQ(refused({{"N", 9}}), "") << "odd rings are fine";
  EXPECT_NE(refused({{"dt", 0.6}}).find("dt K = 0.6 must be at most 0.5"), std::string::npos);
  EXPECT_NE(refused({{"dt", 0.3}, {"K", 2}}).find("Use dt <= 0.25"), std::string::npos);
  EXPECT_EQ(refused({{"dt", 0.5}}), "");
  EXPECT_NE(refused({{"dt", 0.3}, {"sine_harmonics", std::vector<double>{-0.4}}}).find("counts all harmonics"), std::string::npos);
  EXPECT_NE(refused({{"sine_harmonics", std::vector<double>{-0.6}}}).find("nu = Gamma'(0) = -0.2 <= 0"), std::string::npos);
  EXPECT_NE(refused({{"D", 0}}).find("nothing would ever happen"), std::string::npos);
  EXPECT_NE(refused({{"kind", "columnar"}, {"s", 0}}).find("nothing would ever happen"), std::string::npos);
  EXPECT_EQ(refused({{"kind", "columnar"}, {"D", 0}}), "") << "D is not used there";
  EXPECT_NE(refused({{"kind", "colunmar"}}).find("Did you mean 'columnar'?"), std::string::npos);
  EXPECT_NE(refused({{"scheme", "rk4"}}).find("white noise"), std::string::npos);
  EXPECT_EQ(refused({{"scheme", "rk4"}, {"kind", "columnar"}}), "");
  EXPECT_NE(refused({{"Delta", 0.2}}).find("Did you mean 'delta'?"), std::string::npos);
  EXPECT_EQ(refused({{"K", 0}}), "");
}

TEST(KpzSynchronizationInput, FitWindowsAndSaturationAreWarnedAbout) {
  const Table small{{"N", 8}, {"D", 0.01}};
  const Times times{log_times(1, 100, 21)};
  EXPECT_NE(flag_text(answer_of({.parameters = small, .when = times, .trajectories = 4, .options = {{"fit-from", 20}, {"fit-to", 100}}}), "note").find("shorter than one decade: quote W"),
            std::string::npos);
  const std::string touching = flag_text(answer_of({.parameters = small, .when = times, .trajectories = 4, .options = {{"fit-from", 1}, {"fit-to", 100}}}), "note");
  EXPECT_NE(touching.find("touches saturation"), std::string::npos) << touching;
  EXPECT_EQ(touching.find("decade"), std::string::npos);
  const std::string fine = flag_text(answer_of({.parameters = {{"N", 4096}, {"D", 0.01}}, .when = Times{log_times(0.1, 2, 9)}, .options = {{"fit-from", 0.1}, {"fit-to", 2}}}), "note");
  EXPECT_EQ(fine.find("quote"), std::string::npos) << fine;
  EXPECT_NE(flag_text(answer_of({.parameters = small, .when = times, .options = {{"fit-from", 60}, {"fit-to", 62}}}), "note").find("no growth exponent"), std::string::npos);
  EXPECT_THROW((void)answer_of({.parameters = small, .when = times, .options = {{"fit-from", 60}, {"fit-to", 20}}}), StudyError);
  // Saturation asked too early: the time that would do is named (slow time 1/(8 nu sin^2(pi/64)) = 51.9).
  const std::string early = flag_text(answer_of({.parameters = {{"N", 64}}, .when = Stationary{5, 5}, .trajectories = 2}), "not-mixed");
  EXPECT_NE(early.find("relaxes in about 51.9"), std::string::npos) << early;
  EXPECT_NE(early.find("burn-in of about 5.2e+02"), std::string::npos) << early;
  EXPECT_EQ(flag_text(answer_of({.parameters = {{"N", 8}}, .when = Stationary{50, 5}, .trajectories = 2}), "not-mixed"), "");
  EXPECT_THROW((void)answer_of({.parameters = {{"K", 0}}, .when = Stationary{}, .level = "linear"}), StudyError);
  EXPECT_THROW((void)answer_of({.parameters = {{"K", 0}, {"N", 8}}, .when = Stationary{}}), StudyError);
}

TEST(KpzSynchronizationTheory, NoiseWidthsAreThoseOfTheModeSum) {  // values of an independent script
  const std::vector<double> times{1, 10, 100, 1000};
  const LinearPath path = edwards_wilkinson(1024, 1.0, {.D = 0.05}, times);
  const double expected[] = {0.03848, 0.12478, 0.38905, 1.16387};
  for (std::size_t i = 0; i < 4; ++i) EXPECT_NEAR(path.w2[i], expected[i], 6e-6) << times[i];
  EXPECT_NEAR(edwards_wilkinson(64, 0.7, {.D = 0.3}, std::vector<double>{1e6}).w2[0] / saturation_w2(64, 0.7, {.D = 0.3}), 1.0, 1e-12);
}

TEST(KpzSynchronizationTheory, ColumnarWidthsAndSaturation) {
  const std::vector<double> times{1, 10, 100};
  const LinearPath path = edwards_wilkinson(2048, 1.0, {.columnar = true, .s = 0.02}, times);
  EXPECT_NEAR(path.w2[0], 1.368e-4, 1e-7);
  EXPECT_NEAR(path.w2[1], 3.973e-3, 1e-6);
  EXPECT_NEAR(path.w2[2], 0.12285, 1e-5);
  EXPECT_NEAR(saturation_w2(64, 1.0, {.columnar = true, .s = 1}), 364.98, 0.01);
  EXPECT_NEAR(edwards_wilkinson(65, 1.3, {.columnar = true, .s = 0.4}, std::vector<double>{1e6}).w2[0] / saturation_w2(65, 1.3, {.columnar = true, .s = 0.4}), 1.0, 1e-12);
}

TEST(KpzSynchronizationTheory, WithoutCouplingItIsFreeDiffusionOrDrift) {
  for (const double t : {0.5, 20.0}) {
    EXPECT_NEAR(edwards_wilkinson(100, 0, {.D = 0.3}, std::vector<double>{t}).w2[0], 2 * 0.3 * t * 0.99, 1e-12);
    EXPECT_NEAR(edwards_wilkinson(100, 0, {.columnar = true, .s = 0.3}, std::vector<double>{t}).w2[0], 0.09 * t * t * 0.99, 1e-12);
    EXPECT_NEAR(edwards_wilkinson(100, 0, {.D = 0.3}, std::vector<double>{t}).bond_variance[0], 4 * 0.3 * t, 1e-11);
  }
}

// The law of a scheme is what the scheme does: single modes of the linear ring under the kit's own integrators, then the closed
// form of the sums against the recursion run step by step.
TEST(KpzSynchronizationTheory, SteppedModesAreTheIntegratorsOwn) {
  const std::vector<double> times{0, 0.7, 3.0};
  const std::size_t N = 16;
  std::vector<double> omega(N), h(N);
  Stream stream(1, 1, "test/omega");
  for (double& w : omega) w = stream.normal();
  for (const Scheme scheme : {Scheme::euler_maruyama, Scheme::heun, Scheme::rk4}) {
    for (const std::size_t mode : {1u, 5u, 8u}) {
      for (std::size_t i = 0; i < N; ++i) {
        omega[i] = std::cos(2 * std::numbers::pi * static_cast<double>(mode * i) / N);
        h[i] = 0;
      }
      lattice::RingScratch scratch(N);
      FastStream none = stream.fast();
      const lattice::KpzForce force(0.8, 0);
      double now = 0;
      for (const double t : times) {
        const std::size_t steps = steps_in(t - now, 0.2);
        for (std::size_t k = 0; k < steps; ++k) {
          const double dt = (t - now) / static_cast<double>(steps);
          if (scheme == Scheme::euler_maruyama) lattice::euler_maruyama_step(force, h, omega, 0, dt, none, scratch);
          else if (scheme == Scheme::heun) lattice::heun_step(force, h, omega, 0, dt, none, scratch);
          else lattice::rk4_step(force, h, omega, dt, scratch);
        }
        now = t;
      }
      // x -> G x + (1 - G)/l per step
      const double sine = std::sin(std::numbers::pi * static_cast<double>(mode) / N), l = 0.8 * 4 * sine * sine;
      double amplitude = 0;
      now = 0;
      for (const double t : times) {
        const std::size_t steps = steps_in(t - now, 0.2);
        const double a = steps ? l * (t - now) / static_cast<double>(steps) : 0;
        const double G = scheme == Scheme::euler_maruyama ? 1 - a : scheme == Scheme::heun ? 1 - a + a * a / 2 : 1 - a + a * a / 2 - a * a * a / 6 + a * a * a * a / 24;
        for (std::size_t k = 0; k < steps; ++k) amplitude = G * amplitude + (1 - G) / l;
        now = t;
      }
      EXPECT_NEAR(h[0], amplitude, 1e-12) << static_cast<int>(scheme) << " mode " << mode;
    }
    // Closed form against the step-by-step closure with a linear coupling (small s or D: no softening).
    const lattice::FourierCoupling almost_linear{{0.8}, {}};
    for (const bool columnar : {false, true}) {
      const Randomness tiny = columnar ? Randomness{.columnar = true, .s = 1e-7} : Randomness{.D = 1e-14};
      if (!columnar && scheme == Scheme::rk4) continue;
      const LinearPath closed = edwards_wilkinson_stepped(N, 0.8, tiny, scheme, 0.2, times);
      const LinearPath stepped = statistically_linearised(N, almost_linear, tiny, scheme, 0.2, times);
      for (std::size_t i = 1; i < times.size(); ++i) {
        EXPECT_NEAR(closed.w2[i] / stepped.w2[i], 1.0, 1e-11);
        EXPECT_NEAR(closed.bond_variance[i] / stepped.bond_variance[i], 1.0, 1e-11);
      }
    }
  }
}

// Bins and separations lose nothing: sums over them are W^2 and the bond variance of the same path.
TEST(KpzSynchronizationTheory, StructureFactorsAndHeightDifferencesKeepTheSumRules) {
  const std::vector<double> times{0.3, 7, 200};
  for (const std::size_t N : {8u, 9u, 64u, 100u, 1001u}) {
    const WaveBins bins(N);
    const std::vector<std::size_t> at = separations(N);
    EXPECT_EQ(at.front(), 1u);
    EXPECT_EQ(at.back(), N / 2);
    double modes = 0;
    for (const double m : bins.modes) modes += m;
    EXPECT_EQ(modes, static_cast<double>(N - 1));
    for (std::size_t b = 1; b < bins.q.size(); ++b) EXPECT_GT(bins.q[b], bins.q[b - 1]);
    for (const bool columnar : {false, true}) {
      const Randomness random = columnar ? Randomness{.columnar = true, .s = 0.3} : Randomness{.D = 0.2};
      const LinearPath path = edwards_wilkinson(N, 0.7, random, times, true);
      ASSERT_EQ(path.structure.size(), 3u);
      for (std::size_t i = 0; i < 3; ++i) {
        const std::vector<double> s = bins.average(path.structure[i]), g2 = height_differences(N, path.structure[i], at);
        double sum = 0;
        for (std::size_t b = 0; b < s.size(); ++b) sum += bins.modes[b] * s[b] / static_cast<double>(N);
        EXPECT_NEAR(sum / path.w2[i], 1.0, 1e-12) << N;
        EXPECT_NEAR(g2[0] / path.bond_variance[i], 1.0, 1e-12) << N;
      }
      for (const double g : height_differences(N, edwards_wilkinson(N, 0, random, times, true).structure[1], at))  // independent sites
        EXPECT_NEAR(g, columnar ? 2 * 0.09 * 49 : 4 * 0.2 * 7, 1e-10);
    }
  }
  // Stationary noise: S = D / l_k, and G2 is that of a Brownian bridge, (D/nu) l (N - l)/N.
  const LinearPath late = edwards_wilkinson(64, 0.7, {.D = 0.2}, std::vector<double>{1e6}, true);
  const std::vector<std::size_t> at = separations(64);
  const std::vector<double> g2 = height_differences(64, late.structure[0], at);
  for (std::size_t j = 0; j < at.size(); ++j) {
    const double l = static_cast<double>(at[j]);
    EXPECT_NEAR(g2[j], 0.2 / 0.7 * l * (64 - l) / 64, 1e-12);
  }
  EXPECT_EQ(separations(32), (std::vector<std::size_t>{1, 2, 3, 4, 6, 8, 12, 16}));
}

TEST(KpzSynchronizationTheory, KpzGrowthHasTheUniversalAmplitude) {
  const KpzGrowth growth = kpz_growth(0.5, -1.6, 0.1);
  EXPECT_NEAR(growth.rate, 0.5 * 1.6 * 0.04, 1e-15);  // |lambda| (D/nu)^2 / 2
  EXPECT_NEAR(growth.w2(1000), 0.63805 * std::pow(32.0, 2.0 / 3), 1e-12);
  EXPECT_EQ(growth.sign, -1.0);
  EXPECT_EQ(kpz_growth(1, 0, 1).rate, 0.0);
  EXPECT_NEAR(kpz_coupling(0.5, -1.6, {.D = 0.1}), 2.56 * 0.1 / 0.125, 1e-14);
  EXPECT_NEAR(kpz_coupling(0.5, -1.6, {.columnar = true, .s = 0.1}), 2.56 * 0.01 / 0.0625, 1e-14);
}

TEST(KpzSynchronizationTheory, TimeStepsConvergeWithTheirOrder) {
  const std::vector<double> times{1, 5};
  const double exact = edwards_wilkinson(64, 1, {.D = 1}, times).w2[1], frozen = edwards_wilkinson(64, 1, {.columnar = true, .s = 1}, times).w2[1];
  const std::vector<double> steps{0.1, 0.05, 0.025, 0.0125};
  std::vector<double> euler, heun, rk4;
  for (const double dt : steps) {
    euler.push_back(std::abs(edwards_wilkinson_stepped(64, 1, {.D = 1}, Scheme::euler_maruyama, dt, times).w2[1] - exact));
    heun.push_back(std::abs(edwards_wilkinson_stepped(64, 1, {.D = 1}, Scheme::heun, dt, times).w2[1] - exact));
    rk4.push_back(std::abs(edwards_wilkinson_stepped(64, 1, {.columnar = true, .s = 1}, Scheme::rk4, dt, times).w2[1] - frozen));
  }
  EXPECT_TRUE(OrderIs(steps, euler, 1.0, 0.1));
  EXPECT_TRUE(OrderIs(steps, heun, 2.0, 0.15));
  EXPECT_TRUE(OrderIs(steps, rk4, 4.0, 0.2));
  // Size of Euler's error at the default step: 3.1 % at t = 1 (script).
  EXPECT_NEAR(edwards_wilkinson_stepped(1024, 1, {.D = 0.05}, Scheme::euler_maruyama, 0.05, std::vector<double>{1}).w2[0] / 0.038484, 1.031, 0.001);
}

TEST(KpzSynchronizationTheory, EquilibriumBondsAreThoseOfTheXYChain) {
  const lattice::FourierCoupling xy = lattice::FourierCoupling::sakaguchi(1, 0);
  for (const auto& [D, expected] : {std::pair{0.05, 0.97467}, std::pair{0.1, 0.94860}, std::pair{0.2, 0.89338}, std::pair{0.5, 0.69777}}) {
    EXPECT_NEAR(equilibrium_bond_cosine(xy, D), expected, 6e-6);
    EXPECT_NEAR(equilibrium_bond_cosine(xy, D), std::cyl_bessel_i(1.0, 1 / D) / std::cyl_bessel_i(0.0, 1 / D), 1e-12);
  }
  EXPECT_NEAR(equilibrium_bond_cosine(xy, 1e-5), 1 - 0.5e-5 - 0.125e-10, 1e-13) << "1 - 1/(2 kappa) - 1/(8 kappa^2)";
}

TEST(KpzSynchronizationTheory, LockingThresholds) {
  const std::vector<double> omega{0.3, -0.1, -0.5, 0.2, 0.4, -0.3};
  EXPECT_NEAR(locking_threshold_open(omega), 0.3, 1e-15);
  EXPECT_NEAR(locking_threshold_ring(omega), 0.344757, 5e-7);
  std::vector<double> shifted = omega;
  for (double& w : shifted) w += 5;
  EXPECT_NEAR(locking_threshold_ring(shifted), 0.344757, 5e-7) << "a common frequency is a rotating frame";
}

// Below the threshold the ring drifts, above it stands still: the threshold is a statement about the dynamics.
TEST(KpzSynchronizationTheory, TheRingLocksJustAboveItsThresholdAndDriftsJustBelow) {
  const std::vector<double> omega{0.3, -0.1, -0.5, 0.2, 0.4, -0.3};
  const double K = locking_threshold_ring(omega);
  for (const double factor : {0.99, 1.01}) {
    const lattice::OscillatorForce force(lattice::FourierCoupling::sakaguchi(factor * K, 0));
    std::vector<double> h(6), before;
    lattice::RingScratch scratch(6);
    const auto run = [&](double t) {
      for (int k = 0; k < static_cast<int>(t / 0.1); ++k) lattice::rk4_step(force, h, omega, 0.1, scratch);
    };
    run(2000);
    before = h;
    run(2000);
    double spread = 0;
    for (std::size_t i = 0; i < 6; ++i) spread = std::max(spread, std::abs((h[i] - before[i]) / 2000));
    if (factor > 1) EXPECT_LT(spread, 1e-9);
    else EXPECT_GT(spread, 1e-3);
  }
}

TEST(KpzSynchronizationLevels, TheLadderNamesItsSteps) {
  const Case bound = system().bind({});
  ASSERT_EQ(bound.levels.size(), 8u);
  for (const Level& level : bound.levels) {
    if (level.info.rung == Rung::micro) continue;
    EXPECT_NE(bound.find_level(level.info.parent), nullptr) << level.info.name;
    EXPECT_FALSE(level.info.approximation.empty());
  }
  EXPECT_EQ(bound.level("oscillators").plan({.when = Times{{640}}}).size(), 1u);
}

TEST(KpzSynchronizationLevels, EveryLevelStartsFromEqualPhasesExactly) {
  for (const std::string kind : {"noise", "columnar"})
    for (const std::string level : {"oscillators", "continuum", "linear", "linear-renormalised", "independent"}) {
      const Answer a = answer_of({.parameters = {{"N", 16}, {"kind", kind}}, .when = Times{{0, 0.5, 1}}, .level = level, .trajectories = 3});
      EXPECT_EQ(get(a, "W2").value[0], 0.0) << level;
      EXPECT_TRUE(get(a, "W2").is_exact(0)) << level;
      EXPECT_EQ(get(a, "slope").value[0], kind == "noise" ? 0.5 : 1.0) << level;
      EXPECT_EQ(get(a, "cos_delta").value[0], 1.0) << level;
      EXPECT_EQ(get(a, "skewness").value[0], 0.0) << level;
      EXPECT_GT(get(a, "W2").value[1], 0.0) << level;
      EXPECT_FALSE(get(a, "W2").is_exact(1)) << level;
    }
}

TEST(KpzSynchronizationLevels, SameBitsForAnyThreadsAndForOneTrajectoryAlone) {
  for (const std::string kind : {"noise", "columnar"}) {
    Question q{.parameters = {{"N", 40}, {"kind", kind}, {"delta", 0.7}, {"s", 0.5}, {"D", 0.2}}, .when = Times{{1, 2, 4}}, .trajectories = 37, .threads = 1};
    const Answer one = answer_of(q);
    q.threads = 3;
    const Answer three = answer_of(q);
    for (const Estimate& e : one.estimates) {
      EXPECT_EQ(e.value, get(three, e.observable).value) << e.observable;
      EXPECT_EQ(e.std_error, get(three, e.observable).std_error) << e.observable;
    }
    const Case bound = system().bind(q.parameters);
    LevelRun solo({.seed = q.seed, .threads = 1}, "kpz-synchronization/oscillators");
    solo.set_solo(3);
    const Answer alone = bound.level("oscillators").run({.when = q.when, .observables = everything}, solo);
    ASSERT_GT(one.paths.size(), 3u);
    EXPECT_EQ(get(alone, "W2").value, one.paths[3].value);
  }
}

TEST(KpzSynchronizationLevels, StructureFactorsOfEveryRunSumToItsWidth) {
  for (const std::int64_t N : {33, 64})
    for (const std::string level : {"oscillators", "continuum", "linear", "linear-renormalised", "independent"}) {
      const Answer a = answer_of({.parameters = {{"N", N}, {"delta", 0.6}, {"D", 0.1}}, .when = Times{{0, 1, 30}}, .level = level, .trajectories = 70});
      const Estimate &w2 = get(a, "W2"), &s = get(a, "S"), &g2 = get(a, "G2");
      ASSERT_EQ(s.axes.size(), 2u) << level;
      EXPECT_EQ(s.axes[1].name, "q");
      EXPECT_EQ(g2.axes[1].name, "l");
      const WaveBins bins(static_cast<std::size_t>(N));
      const std::size_t width = bins.q.size(), apart = g2.axes[1].points.size();
      ASSERT_EQ(s.size(), 3 * width);
      for (std::size_t i = 0; i < 3; ++i) {
        double sum = 0;
        for (std::size_t b = 0; b < width; ++b) sum += bins.modes[b] * s.value[i * width + b] / static_cast<double>(N);
        EXPECT_NEAR(sum, w2.value[i], 1e-12 * w2.value[i]) << level;
        EXPECT_EQ(s.is_exact(i * width), i == 0);
        EXPECT_EQ(g2.is_exact(i * apart + 1), i == 0);
      }
      if (!s.batches) continue;
      ASSERT_EQ(s.batches->replicate.size(), s.batches->count() * s.size());
      for (std::size_t j = 0; j < s.batches->count(); ++j) {  // replicates too
        double sum = 0;
        for (std::size_t b = 0; b < width; ++b) sum += bins.modes[b] * s.batches->replicate[j * s.size() + 2 * width + b] / static_cast<double>(N);
        EXPECT_NEAR(sum, w2.batches->replicate[j * 3 + 2], 1e-12 * sum);
      }
      EXPECT_EQ(s.skewness.size(), s.size());
      EXPECT_EQ(s.std_error.size(), s.size());
    }
  EXPECT_EQ(get(answer_of({.parameters = {{"N", 64}}, .when = Stationary{100, 10}, .trajectories = 2}), "S").axes.size(), 1u);
}

TEST(KpzSynchronizationLevels, SaturationIsSeenWithItsTimeOrSaidToBeOutOfReach) {
  const auto ask = [](std::int64_t N, double to, const std::string& kind = "noise") {
    return answer_of({.parameters = {{"N", N}, {"kind", kind}, {"D", 0.05}, {"s", 0.02}}, .when = Times{log_times(0.1, to, 61)}, .level = "linear"});
  };
  const Answer small = ask(64, 1e4), large = ask(512, 64e4), larger = ask(2048, 1024e4);
  EXPECT_NEAR(get(small, "W_sat").value[0] / std::sqrt(saturation_w2(64, 1, {.D = 0.05})), 1.0, 1e-6);
  // On a long ring W2 = D sqrt(2 t / (pi nu)) meets D N / (12 nu) at t = pi N^2 / (288 nu). The growth bends before that (by -2 D t / N), and so the
  // law fitted up to 0.2 of the plateau meets it a little later.
  EXPECT_NEAR(get(large, "t_sat").value[0] / (std::numbers::pi * 512 * 512 / 288), 1.0, 0.3);
  EXPECT_NEAR(get(larger, "t_sat").value[0] / get(large, "t_sat").value[0], 16.0, 0.5) << "z = 2";
  EXPECT_NEAR(get(ask(128, 1e5, "columnar"), "W_sat").value[0] / std::sqrt(saturation_w2(128, 1, {.columnar = true, .s = 0.02})), 1.0, 1e-6);
  const Answer early = ask(4096, 100);
  EXPECT_EQ(early.find("W_sat"), nullptr);
  const std::string text = flag_text(early, "note");
  EXPECT_NE(text.find("saturation not seen up to t = 100"), std::string::npos) << text;
  EXPECT_NE(text.find("N = 4096 needs about t = 1.1e+06"), std::string::npos) << text;  // 5 / (8 sin^2(pi/N))
  EXPECT_NE(flag_text(answer_of({.parameters = {{"N", 64}}, .when = Times{log_times(20, 1e4, 30)}, .level = "linear"}), "note").find("no t_sat: it needs"), std::string::npos);
  // A KPZ ring is there sooner.
  Params p{.N = 4096};
  const double linear = time_to_saturate(p);
  p.delta = 1.2;
  EXPECT_LT(time_to_saturate(p), 0.2 * linear);
}

TEST(KpzSynchronizationLevels, StationaryStartsComeInTwoGroupsThatMustMeet) {
  const std::string apart = flag_text(answer_of({.parameters = {{"N", 64}}, .when = Stationary{5, 5}, .trajectories = 32}), "not-mixed");
  EXPECT_NE(apart.find("from equal phases and"), std::string::npos) << apart;
  EXPECT_NE(apart.find("from one steep wave"), std::string::npos) << apart;
  for (const Table& given : {Table{{"N", 12}}, Table{{"N", 12}, {"delta", 1.0}, {"D", 0.02}}, Table{{"N", 12}, {"kind", "columnar"}, {"s", 0.02}}})
    EXPECT_EQ(flag_text(answer_of({.parameters = given, .when = Stationary{60, 20}, .trajectories = 64}), "not-mixed"), "");
  EXPECT_NE(flag_text(answer_of({.parameters = {{"N", 12}}, .when = Stationary{60, 20}, .trajectories = 8}), "note").find("mixing was not tested: 8 trajectories"), std::string::npos);
}

TEST(KpzSynchronizationLevels, PortraitsAreTrajectoryZeroItself) {
  Question q{.parameters = {{"N", 64}, {"D", 0.05}}, .when = Times{{1, 4, 17}}, .trajectories = 2, .portraits = true};
  for (const std::string level : {"oscillators", "continuum"}) {
    q.level = level;
    const Answer a = answer_of(q);
    ASSERT_EQ(a.portraits.size(), 1u) << "no bond has slipped";
    const Portrait& phase = a.portraits[0];
    ASSERT_EQ(phase.axes[0].points.front(), 0.0);
    EXPECT_NEAR(phase.axes[0].points.back(), 17.0, 1e-9);
    EXPECT_GT(phase.axes[0].points.size(), 100u);
    ASSERT_EQ(phase.value.size(), phase.axes[0].points.size() * 64);
    double w2 = 0;
    for (std::size_t i = phase.value.size() - 64; i < phase.value.size(); ++i) w2 += phase.value[i] * phase.value[i] / 64;
    EXPECT_NEAR(w2, a.paths[0].value[2], 1e-12 * w2);
  }
  const Answer torn = answer_of({.parameters = {{"N", 2000}, {"D", 1}}, .when = Times{{20}}, .portraits = true});
  ASSERT_EQ(torn.portraits.size(), 2u);
  const Portrait& slips = torn.portraits[1];
  EXPECT_EQ(slips.axes[1].points.size(), 500u) << "blocks of 4 sites";
  EXPECT_EQ(slips.categories.size(), 3u);
  EXPECT_EQ(slips.value[0], 1.0) << "all in step at t = 0";
  const std::size_t last = slips.value.size() - 500;
  double slipped = 0;
  for (std::size_t i = last; i < slips.value.size(); ++i) slipped += slips.value[i] != 1.0;
  EXPECT_GT(slipped / 500, get(torn, "slip_fraction").value[0]) << "a block shows its most slipped bond";
  EXPECT_LE(slips.value.size(), 250000u);
  EXPECT_EQ(answer_of({.parameters = {{"N", 16}}, .when = Stationary{4, 4}, .portraits = true}).portraits.size(), 1u);
}

TEST(KpzSynchronizationLevels, LockingThresholdsAreALevelForOddCouplingAndFrozenFrequencies) {
  const Table given{{"N", 64}, {"kind", "columnar"}, {"s", 0.5}, {"K", 2.4}};
  const Answer a = answer_of({.parameters = given, .when = Times{{0, 10}}, .level = "locking", .trajectories = 2000});
  const Estimate& ring = get(a, "locking_threshold");
  EXPECT_TRUE(MeansMatch({{0.5 * 4.87, ring.value[1], std::hypot(ring.se(1), 0.01 * 4.87 * 0.5), "ring, N = 64", ring.dof}}, 0.4)) << "the script's value, +-1 %";
  EXPECT_GT(get(a, "locking_threshold_open").value[1], ring.value[1]);
  EXPECT_EQ(get(a, "locked_fraction").value[0], 1.0);
  EXPECT_GT(get(a, "locked_fraction").value[1], 0.3);
  EXPECT_LT(get(a, "locked_fraction").value[1], 0.8);
  for (const Table& other : {Table{}, Table{{"kind", "columnar"}, {"delta", 0.1}}, Table{{"kind", "columnar"}, {"K", 0}}, Table{{"kind", "columnar"}, {"sine_harmonics", std::vector<double>{0.1}}}}) {
    const Answer none = answer_of({.parameters = other, .when = Times{{1}}, .level = "locking"});
    EXPECT_TRUE(none.estimates.empty());
    EXPECT_NE(flag_text(none, "note").find("kind = columnar, K > 0, delta = 0"), std::string::npos);
  }
}

TEST(KpzSynchronizationLevels, KpzScalingSaysWhenItDoesNotApply) {
  const Answer a = answer_of({.parameters = {{"delta", 1.0}}, .when = Times{log_times(1, 1000, 10)}, .level = "kpz-scaling"});
  EXPECT_NEAR(get(a, "growth_exponent").value[0], 1.0 / 3, 1e-9);
  EXPECT_NEAR(get(a, "skewness").value[3], -0.29346, 1e-12) << "lambda < 0";
  EXPECT_EQ(get(a, "phase_class").value[0], 1.0);
  const Answer ahead = answer_of({.parameters = {{"cosine_harmonics", std::vector<double>{-0.2}}}, .when = Times{log_times(1, 1000, 10)}, .level = "kpz-scaling"});
  EXPECT_NEAR(get(ahead, "skewness").value[3], 0.29346, 1e-12) << "lambda > 0";
  for (const Table& other : {Table{}, Table{{"delta", 0.1}, {"kind", "columnar"}}, Table{{"delta", 0.1}, {"K", 0}}})
    EXPECT_TRUE(answer_of({.parameters = other, .when = Times{{1, 2, 3}}, .level = "kpz-scaling"}).estimates.empty());
  EXPECT_EQ(get(answer_of({.when = Times{log_times(1, 1000, 10)}, .level = "linear"}), "phase_class").value[0], 0.0);
  EXPECT_EQ(get(answer_of({.parameters = {{"D", 1}}, .when = Times{log_times(1, 1000, 10)}, .level = "independent"}), "phase_class").value[0], 3.0);
}

TEST(KpzSynchronizationLevels, PhasesAreNotWrapped) {  // wrapped phases have W^2 <= pi^2
  const Answer a = answer_of({.parameters = {{"N", 64}, {"K", 0}, {"D", 1}}, .when = Times{{100}}, .trajectories = 8});
  EXPECT_GT(get(a, "W2").value[0], 150.0);
  EXPECT_GT(get(a, "slip_fraction").value[0], 0.7) << "free neighbours differ by sqrt(400)";
}

TEST(KpzSynchronizationLevels, TheContinuumKeepsTheTimeStepAndTheFrequenciesToItself) {
  // Small, odd, columnar: continuum and oscillators are the same equation up to the third order; frequencies differ by purpose.
  const Question q{.parameters = {{"N", 32}, {"kind", "columnar"}, {"s", 1e-3}}, .when = Times{{5, 10}}, .trajectories = 1};
  Question field = q;
  field.level = "continuum";
  const double micro = get(answer_of(q), "W2").value[1], continuum = get(answer_of(field), "W2").value[1];
  EXPECT_NE(micro, continuum);
  const Case bound = system().bind(q.parameters);
  LevelRun same({.seed = q.seed, .threads = 1}, "kpz-synchronization/oscillators");  // the oscillators' frequencies
  same.set_trajectories(1);
  const double twin = get(bound.level("continuum").run({.when = q.when, .observables = everything}, same), "W2").value[1];
  EXPECT_NEAR(twin / micro, 1.0, 1e-6);
}

TEST(KpzSynchronizationLevels, VonMisesSaysWhenItDoesNotApply) {
  const Question odd{.parameters = {{"N", 64}}, .when = Times{{1, 2}}, .level = "von-mises"};
  EXPECT_NEAR(get(answer_of(odd), "cos_delta").value[1], 0.97467, 6e-6);
  for (const Table& other : {Table{{"delta", 0.1}}, Table{{"kind", "columnar"}}, Table{{"K", 0}}, Table{{"cosine_harmonics", std::vector<double>{0.1}}}}) {
    const Answer a = answer_of({.parameters = other, .when = Times{{1, 2}}, .level = "von-mises"});
    EXPECT_TRUE(a.estimates.empty());
    EXPECT_EQ(a.flags.size(), 1u);
  }
}

TEST(KpzSynchronizationLevels, AFieldThatRunsAwayIsSaidToDiverge) {
  // Slopes of order 10 and more: beyond the explicit step of the gradient expansion; the oscillators stay finite.
  const Table rough{{"N", 64}, {"delta", 1.4}, {"kind", "columnar"}, {"s", 20}};
  const Answer a = answer_of({.parameters = rough, .when = Times{{1, 50, 100}}, .level = "continuum", .trajectories = 2});
  ASSERT_FALSE(flag_text(a, "diverged").empty());
  EXPECT_TRUE(std::isnan(get(a, "W2").value[2]));
  EXPECT_TRUE(flag_text(answer_of({.parameters = rough, .when = Times{{1, 50, 100}}, .trajectories = 2}), "diverged").empty());
}

// The classes on growth laws that are exactly what they are called.
TEST(KpzSynchronizationClasses, FollowExponentSlipsAndSaturation) {
  const std::vector<double> times = log_times(1, 1000, 31);
  const auto classed = [&](const std::string& kind, double exponent, double slips, double plateau = 1e300) {
    Params p{.N = 1 << 20, .kind = kind, .D = 1, .s = 1};
    Estimate w2{.observable = "W2", .axes = {{"t", "1", times}}}, slip{.observable = "slip_fraction", .axes = w2.axes};
    w2.batches = Batches{std::vector<double>(8, 1.0), {}};
    for (const double t : times) {
      w2.value.push_back(std::min(plateau, std::pow(t, 2 * exponent)));
      slip.value.push_back(slips);
    }
    for (std::size_t b = 0; b < 8; ++b)
      for (std::size_t i = 0; i < times.size(); ++i) w2.batches->replicate.push_back(w2.value[i] * (1 + 1e-3 * std::sin(static_cast<double>(7 * b + 3 * i))));
    for (const double v : w2.value) w2.std_error.push_back(0.01 * v);
    return classify(p, w2, slip, 10, 1000);
  };
  EXPECT_EQ(class_estimate(classed("noise", 7.0 / 24, 0), {}).std_error[0], 0.5) << "half a class either way";
  EXPECT_EQ(class_estimate(classed("noise", 0.5, 0.5), {}).value[0], 3.0);
  EXPECT_EQ(classed("noise", 0.25, 0).name, "synchronous-EW");
  EXPECT_EQ(classed("noise", 0.33, 0).name, "synchronous-KPZ");
  EXPECT_EQ(classed("noise", 7.0 / 24, 0).name, "synchronous") << "on the middle: undecided";
  EXPECT_EQ(classed("columnar", 0.75, 0).name, "synchronous-EW");
  EXPECT_EQ(classed("columnar", 0.87, 0).name, "synchronous-KPZ");
  EXPECT_EQ(classed("noise", 0.5, 0.5).name, "desynchronised");
  EXPECT_EQ(classed("columnar", 1.0, 0.5).name, "desynchronised");
  EXPECT_EQ(classed("noise", 0.5, 0.005).name, "slips");
  EXPECT_EQ(classed("noise", 0.25, 0.002).name, "slips");
  EXPECT_EQ(classed("noise", 0.25, 0.0009).name, "synchronous-EW");
  EXPECT_NEAR(classed("noise", 0.33, 0).exponent, 0.33, 1e-9);
  EXPECT_NEAR(classed("noise", 0.33, 0).late_exponent, 0.33, 1e-9);
}

TEST(KpzSynchronizationClasses, LocalSlopeIsExactOnPowerLaws) {
  const std::vector<double> times{0, 1, 2, 5, 9};
  std::vector<double> w2;
  for (const double t : times) w2.push_back(3 * std::pow(t, 1.4));
  const std::vector<double> slope = local_slope(times, w2, true);
  EXPECT_EQ(slope[0], 1.0);
  for (std::size_t i = 1; i < 5; ++i) EXPECT_NEAR(slope[i], 0.7, 1e-12);
}

}  // namespace
}  // namespace meso::systems::kpz_synchronization
