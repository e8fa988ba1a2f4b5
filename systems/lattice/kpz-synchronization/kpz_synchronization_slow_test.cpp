// The acceptance checks at full size (minutes): run by `make truth`, which records every figure in reference/measured.json.
#include <ctime>
#include <iostream>
#include <map>
#include <numbers>

#include "base/text.h"
#include "stat/fit.h"
#include "systems/lattice/kpz-synchronization/test_support.h"
#include "testing/measured.h"

namespace meso::systems::kpz_synchronization {
namespace {

using namespace tests;

const std::string name = "kpz-synchronization";

std::size_t index_of(const Estimate& e, double t) {
  const std::vector<double>& times = e.axes[0].points;
  std::size_t best = 0;
  for (std::size_t i = 0; i < times.size(); ++i)
    if (std::abs(times[i] - t) < std::abs(times[best] - t)) best = i;
  return best;
}

// Within `fraction` of the reference or the errors of both sides: for numbers published with an error bar.
void expect_near_published(const std::string& what, const Estimate& e, std::size_t i, double published, double fraction) {
  measured(name, what, e.value[i], e.se(i), published, "an independent script, +-" + brief(100 * fraction) + " %");
  EXPECT_NEAR(e.value[i], published, 3 * std::hypot(e.se(i), fraction * published)) << what;
}

TEST(KpzSynchronizationFull, Check1FreeOscillators) {
  const Answer a = answer_of({.parameters = {{"K", 0}, {"D", 0.05}, {"dt", 0.5}}, .when = Times{{1, 10, 100}}, .trajectories = 128});
  std::vector<MeanCheck> checks;
  for (std::size_t i = 0; i < 3; ++i) {
    const double t = get(a, "W2").axes[0].points[i], exact = 0.1 * t * (1 - 1.0 / 4096);
    checks.push_back(relative_check(get(a, "W2"), i, exact, "W2"));
    measured(name, "1: W2 at t = " + brief(t) + ", K = 0", get(a, "W2").value[i], get(a, "W2").se(i), exact, "2 D t (1 - 1/N)");
  }
  EXPECT_TRUE(MeansMatch(checks, 0.03));
}

TEST(KpzSynchronizationFull, Check2LinearRegime) {
  const std::vector<double> times{1, 10, 100, 1000}, linear{0.03848, 0.12478, 0.38905, 1.16387}, ratio{1.043, 1.023, 1.017, 1.015};
  // The Gaussian theory gives the relative error of W2 too: 5.5, 9.3, 16 and 29 % per trajectory (few long modes carry W2 late). With 192
  // trajectories that sees these biases, at the 9.2 standard errors that the rates of false alarm and of miss ask for together.
  const std::vector<double> detectable{0.05, 0.08, 0.14, 0.25};
  const Question q{.parameters = {{"N", 1024}, {"D", 0.05}}, .when = Times{times}, .trajectories = 192};
  Question theory = q;
  theory.level = "linear-renormalised";
  const Answer micro = answer_of(q), corrected = answer_of(theory);
  const Estimate& w2 = get(micro, "W2");
  for (std::size_t i = 0; i < 4; ++i) {
    const double expected = get(corrected, "W2").value[i];
    EXPECT_TRUE(MeansMatch({relative_check(w2, i, expected, "W2 at t = " + brief(times[i]))}, detectable[i]));
    measured(name, "2: W2 at t = " + brief(times[i]), w2.value[i], w2.se(i), expected, "linear theory with the time step and <Gamma'>");
    EXPECT_NEAR(expected / linear[i], ratio[i], 0.003) << times[i];
    EXPECT_NEAR(w2.value[i], expected, 0.015 * expected + 3 * w2.se(i));
  }
}

TEST(KpzSynchronizationFull, Check3Columnar) {
  std::vector<double> times{1};
  for (const double t : log_times(10, 300, 13)) times.push_back(t);
  times.insert(times.end() - 4, 100.0);
  std::sort(times.begin(), times.end());
  const Answer a = answer_of({.parameters = {{"N", 2048}, {"kind", "columnar"}, {"s", 0.02}}, .when = Times{times}, .trajectories = 64, .options = {{"fit-from", 10}, {"fit-to", 300}}});
  const Estimate& w2 = get(a, "W2");
  for (const auto& [t, exact] : {std::pair{1.0, 1.368e-4}, std::pair{10.0, 3.973e-3}, std::pair{100.0, 0.12285}}) {
    const std::size_t i = index_of(w2, t);
    ASSERT_NEAR(times[i], t, 1e-9);
    measured(name, "3: W2 at t = " + brief(t) + ", columnar", w2.value[i], w2.se(i), exact, "mode sum");
    EXPECT_NEAR(w2.value[i], exact, 3 * w2.se(i) + 5e-4 * exact);
  }
  const Estimate& beta = get(a, "growth_exponent");
  measured(name, "3: exponent of W, 10 < t < 300, columnar", beta.value[0], beta.se(0), 0.75, "Edwards-Wilkinson, columnar");
  EXPECT_NEAR(beta.value[0], 0.75, 0.02);
  const Answer plateau = answer_of({.parameters = {{"N", 64}, {"kind", "columnar"}, {"s", 0.02}, {"dt", 0.4}}, .when = Stationary{1200, 4}, .trajectories = 4096});
  measured(name, "3: saturation, N = 64, columnar", get(plateau, "W2").value[0], get(plateau, "W2").se(0), 0.145992, "s^2 (N^2-1)(N^2+11)/(720 N)");
  EXPECT_TRUE(MeansMatch({relative_check(get(plateau, "W2"), 0, 0.145992, "plateau")}, 0.15));
}

TEST(KpzSynchronizationFull, Check4XYChain) {
  for (const auto& [D, exact] : {std::pair{0.05, 0.97467}, std::pair{0.1, 0.94860}, std::pair{0.2, 0.89338}, std::pair{0.5, 0.69777}}) {
    const Answer a = answer_of({.parameters = {{"N", 512}, {"D", D}, {"scheme", "heun"}, {"dt", 0.05}}, .when = Stationary{4000, 1000}, .trajectories = D > 0.1 ? 16u : 24u});
    measured(name, "4: <cos Delta> at D = " + brief(D), get(a, "cos_delta").value[0], get(a, "cos_delta").se(0), exact, "I1(K/D)/I0(K/D)");
    EXPECT_NEAR(get(a, "cos_delta").value[0], exact, 0.002);
    EXPECT_LT(get(a, "cos_delta").se(0), 0.0005);
    if (D > 0.1) continue;
    // What is left has three known causes, in parts of 1 - <cos>, for nearly linear bonds: a fixed winding number (1/N), Heun's step
    // (<x^2>/4 with x = dt nu 4 sin^2(q/2), <x^2> = 6 (dt nu)^2), and the two longest modes, which are not at rest after 4,000: half of the
    // rings start without them, half with 4 pi^2 / 6 of their variance at rest (W^2 four times the plateau).
    const double nu = exact, slowest = nu * std::pow(2 * std::numbers::pi / 512, 2);
    const double young = (1 - 0.5 * 4 * std::numbers::pi * std::numbers::pi / 6) * 2 * (std::exp(-2 * slowest * 4000) - std::exp(-2 * slowest * 5000)) / (2 * slowest * 1000) / 512;
    const double corrected = exact + (1 - exact) * (1.0 / 512 + 1.5 * std::pow(0.05 * nu, 2) + young);
    measured(name, "4: <cos Delta> at D = " + brief(D) + ", corrected", get(a, "cos_delta").value[0], get(a, "cos_delta").se(0), corrected,
             "I1(K/D)/I0(K/D), fixed winding number, Heun's step and youngest modes counted");
    EXPECT_TRUE(MeansMatch({{corrected, get(a, "cos_delta").value[0], get(a, "cos_delta").se(0), "corrected", get(a, "cos_delta").dof}}, 0.03 * (1 - exact)));
  }
}

std::vector<double> headline_times() {  // the published times are on this grid: 10^(1 + k/10)
  std::vector<double> times{1, 3};
  for (int k = 0; k <= 18; ++k) times.push_back(std::pow(10.0, 1 + 0.1 * k));
  return times;
}

TEST(KpzSynchronizationFull, Check5And10HeadlineAndVelocity) {
  Question q{.parameters = {{"D", 0.05}}, .when = Times{headline_times()}, .trajectories = 32, .options = {{"fit-from", 10}, {"fit-to", 600}}};
  const Answer odd = answer_of(q);
  q.parameters = {{"D", 0.05}, {"delta", 1.0}};
  q.options = {{"fit-from", 30}, {"fit-to", 640}};
  const Answer kpz = answer_of(q);
  measured(name, "5: exponent of W, delta = 0, 10 < t < 600", get(odd, "growth_exponent").value[0], get(odd, "growth_exponent").se(0), 0.25, "Edwards-Wilkinson");
  measured(name, "5: exponent of W, delta = 1, 30 < t < 630", get(kpz, "growth_exponent").value[0], get(kpz, "growth_exponent").se(0), 0.315, "script; rises slowly to 1/3");
  EXPECT_NEAR(get(odd, "growth_exponent").value[0], 0.25, 0.015);
  EXPECT_NEAR(get(kpz, "growth_exponent").value[0], 0.315, 0.02);
  EXPECT_NE(flag_text(odd, "phase-class").find("synchronous-EW"), std::string::npos) << flag_text(odd, "phase-class");
  EXPECT_NE(flag_text(kpz, "phase-class").find("synchronous-KPZ"), std::string::npos) << flag_text(kpz, "phase-class");
  for (const auto& [t, published] : {std::pair{31.6, 0.3705}, std::pair{100.0, 0.7645}, std::pair{316.0, 1.530}, std::pair{631.0, 2.453}})
    expect_near_published("5: W2 at t = " + brief(t) + ", delta = 1", get(kpz, "W2"), index_of(get(kpz, "W2"), t), published, 0.04);
  const Estimate& skewness = get(kpz, "skewness");
  for (std::size_t i = index_of(skewness, 100); i < skewness.size(); ++i) {
    EXPECT_GT(skewness.value[i], -0.4 - 2 * skewness.se(i));
    EXPECT_LT(skewness.value[i], -0.2 + 2 * skewness.se(i));
  }
  measured(name, "5: skewness at t = 631, delta = 1", skewness.value.back(), skewness.se(skewness.size() - 1), -0.2935, "Tracy-Widom GOE");
  measured(name, "5: kurtosis at t = 631, delta = 1", get(kpz, "kurtosis").value.back(), get(kpz, "kurtosis").se(skewness.size() - 1), 0.165, "Tracy-Widom GOE");
  EXPECT_LT(get(kpz, "slip_fraction").value.back(), 1e-4) << "a single bond may slip";
  // Velocity identity over the whole run.
  double gained = 0, expected = 0, before = 0;
  const std::vector<double> times = headline_times();
  for (std::size_t i = 0; i < times.size(); ++i) {
    gained += get(kpz, "velocity").value[i] * (times[i] - before);
    expected += get(kpz, "velocity_identity").value[i] * (times[i] - before);
    before = times[i];
  }
  const double noise = std::sqrt(2 * 0.05 * before / (4096.0 * 32)) / std::abs(expected);
  measured(name, "10: velocity over its identity, delta = 1", gained / expected, noise, 1.0, "d<phi>/dt = <omega> + 2 K sin delta (<cos Delta> - 1)");
  EXPECT_NEAR(gained / expected, 1.0, 1e-3 + 3 * noise);
}

TEST(KpzSynchronizationFull, Check6Slips) {
  std::vector<double> times{1, 3, 6.3, 12.6};
  for (const double t : log_times(20, 631, 16)) times.push_back(t);
  const Answer slips = answer_of({.parameters = {{"D", 0.05}, {"delta", 1.2}}, .when = Times{times}, .trajectories = 8});
  measured(name, "6: slip fraction at t = 631, delta = 1.2", get(slips, "slip_fraction").value.back(), get(slips, "slip_fraction").se(19), "above 0.3 (script)");
  // The script gives "above 1e-3 by t = 12.6" without an error; with the 12 runs of its headline it would be 2e-4 (6.3e-4 per run). Many runs put the crossing near t = 14.
  const Answer early = answer_of({.parameters = {{"D", 0.05}, {"delta", 1.2}}, .when = Times{{12.6, 20}}, .trajectories = 128});
  const Estimate& onset = get(early, "slip_fraction");
  measured(name, "6: slip fraction at t = 12.6, delta = 1.2", onset.value[0], onset.se(0), "above 1e-3 (script; +-2e-4 if of 12 runs)");
  measured(name, "6: slip fraction at t = 20, delta = 1.2", onset.value[1], onset.se(1), "above 1e-3");
  EXPECT_NEAR(onset.value[0], 1e-3, 3 * std::hypot(onset.se(0), 2e-4));
  EXPECT_LT(onset.se(0), 1e-4);
  EXPECT_GT(onset.value[1], 1e-3 + 6 * onset.se(1));
  EXPECT_GT(get(slips, "slip_fraction").value.back(), 0.3);
  const std::vector<double>& slope = get(slips, "slope").value;
  const auto steepest = static_cast<std::size_t>(std::max_element(slope.begin(), slope.end()) - slope.begin());
  measured(name, "6: largest local exponent, delta = 1.2", slope[steepest], get(slips, "slope").se(steepest), "above 0.6 (script)");
  EXPECT_GT(*std::max_element(slope.begin(), slope.end()), 0.6);
  const std::string text = flag_text(slips, "phase-class");
  EXPECT_TRUE(text.starts_with("slips") || text.starts_with("desynchronised")) << text;
  const Answer none = answer_of({.parameters = {{"D", 0.1}, {"delta", 0.8}}, .when = Times{log_times(10, 400, 12)}, .trajectories = 8});
  measured(name, "6: slip fraction at t = 400, delta = 0.8, D = 0.1", get(none, "slip_fraction").value.back(), get(none, "slip_fraction").se(11), "below 1e-3 (script: none)");
  EXPECT_LT(get(none, "slip_fraction").value.back(), 1e-3);
  EXPECT_TRUE(flag_text(none, "phase-class").starts_with("synchronous")) << flag_text(none, "phase-class");
}

TEST(KpzSynchronizationFull, Check7NoiseStrength) {
  const std::vector<double> times = log_times(1, 251, 22);
  for (const auto& [D, slips] : {std::pair{0.2, 0.003}, std::pair{0.4, 0.39}, std::pair{1.0, 0.89}}) {
    const Answer a = answer_of({.parameters = {{"D", D}}, .when = Times{times}, .trajectories = 8});
    const std::size_t last = times.size() - 1;
    measured(name, "7: slip fraction at t = 251, D = " + brief(D), get(a, "slip_fraction").value[last], get(a, "slip_fraction").se(last), slips, "script, 3 runs");
    EXPECT_NEAR(get(a, "slip_fraction").value[last], slips, 0.1 * slips + (D < 0.3 ? 0.002 : 0.02));
    const std::string text = flag_text(a, "phase-class");
    if (D < 0.3) {
      EXPECT_TRUE(text.starts_with("slips")) << text;
    }
    if (D < 1) continue;
    EXPECT_TRUE(text.starts_with("desynchronised")) << text;
    measured(name, "7: local exponent at t = 251, D = 1", get(a, "slope").value[last], get(a, "slope").se(last), 0.5, "random deposition");
    EXPECT_NEAR(get(a, "slope").value[last], 0.5, 0.05);
    expect_near_published("7: W2 at t = 251, D = 1", get(a, "W2"), last, 327, 0.03);
    EXPECT_LT(get(a, "W2").value[last], 0.8 * 2 * 251) << "below free diffusion: a reduced prefactor";
  }
}

TEST(KpzSynchronizationFull, Check8And10ColumnarKpz) {
  std::vector<double> times{1, 10, 31.6};
  for (const double t : log_times(100, 794, 10)) times.push_back(t);
  Question q{.parameters = {{"N", 2048}, {"kind", "columnar"}, {"s", 0.1}, {"delta", 0.8}}, .when = Times{times}, .trajectories = 24, .options = {{"fit-from", 99}, {"fit-to", 795}}};
  const Answer kpz = answer_of(q);
  const Estimate& beta = get(kpz, "growth_exponent");
  measured(name, "8: exponent of W, 100 < t < 794, s = 0.1", beta.value[0], beta.se(0), 0.86, "script, 6 realisations");
  EXPECT_NEAR(beta.value[0], 0.86, 0.04);
  const Estimate& skewness = get(kpz, "skewness");
  measured(name, "8: skewness at t = 794, s = 0.1", skewness.value.back(), skewness.se(skewness.size() - 1), "-0.4 to -0.9 (script)");
  EXPECT_LT(skewness.value.back(), -0.4 + 2 * skewness.se(skewness.size() - 1));
  EXPECT_GT(skewness.value.back(), -0.9 - 2 * skewness.se(skewness.size() - 1));
  EXPECT_LT(get(kpz, "slip_fraction").value.back(), 1e-3);
  EXPECT_TRUE(flag_text(kpz, "phase-class").starts_with("synchronous")) << flag_text(kpz, "phase-class");
  double worst = 0;
  for (std::size_t i = 1; i < times.size(); ++i)  // before t = 1 the bonds change within a step, and the trapezium rule shows
    worst = std::max(worst, std::abs(get(kpz, "velocity").value[i] - get(kpz, "velocity_identity").value[i]) / std::abs(get(kpz, "velocity_identity").value[i]));
  measured(name, "10: largest relative error of the velocity identity, s = 0.1", worst, 0, "below 1e-3");
  EXPECT_LT(worst, 1e-3);
  q.parameters = {{"N", 2048}, {"kind", "columnar"}, {"s", 0.4}, {"delta", 0.8}};
  q.trajectories = 8;
  const Answer slips = answer_of(q);
  EXPECT_GT(get(slips, "slip_fraction").value.back(), 1e-3);
  measured(name, "8: slip fraction at t = 794, s = 0.4", get(slips, "slip_fraction").value.back(), get(slips, "slip_fraction").se(times.size() - 1), "slips (script); class from 1e-3");
  measured(name, "8: local exponent at t = 794, s = 0.4", get(slips, "slope").value.back(), get(slips, "slope").se(times.size() - 1), 1.0, "linear growth");
  EXPECT_GT(get(slips, "slope").value.back(), 0.9);
  const std::string text = flag_text(slips, "phase-class");
  EXPECT_TRUE(text.starts_with("slips") || text.starts_with("desynchronised")) << text;
}

TEST(KpzSynchronizationFull, Check9LockingThresholds) {
  const std::map<std::size_t, std::pair<double, double>> published{{64, {6.37, 4.87}}, {256, {13.25, 10.43}}, {1024, {27.02, 0}}};
  for (const auto& [N, expected] : published) {
    const int samples = N > 500 ? 4000 : 8000;
    double open = 0, open2 = 0, ring = 0, ring2 = 0;
    std::vector<double> omega(N);
    for (int k = 0; k < samples; ++k) {
      Stream stream(11, static_cast<std::uint64_t>(k), "test/locking");
      for (double& w : omega) w = stream.normal();
      const double a = locking_threshold_open(omega);
      open += a, open2 += a * a;
      if (expected.second == 0) continue;
      const double b = locking_threshold_ring(omega);
      ring += b, ring2 += b * b;
    }
    const auto check = [&](const std::string& what, double sum, double square, double value) {
      const double mean = sum / samples, se = std::sqrt((square / samples - mean * mean) / samples);
      measured(name, "9: mean threshold, " + what + ", N = " + std::to_string(N), mean, se, value, "script");
      EXPECT_NEAR(mean, value, 0.02 * value) << what << " " << N;
    };
    check("open", open, open2, expected.first);
    if (expected.second > 0) check("ring", ring, ring2, expected.second);
  }
}

// The dynamical phase diagram, both kinds: 12 x 12 points, N = 256, t = 500.
TEST(KpzSynchronizationFull, Check10PhaseDiagram) {
  const std::clock_t start = std::clock();
  std::map<std::string, std::vector<std::string>> map;
  const std::map<std::string, char> letter{{"synchronous-EW", 'E'}, {"synchronous-KPZ", 'K'}, {"synchronous", '?'}, {"slips", 's'}, {"desynchronised", 'D'}};
  for (const std::string kind : {"noise", "columnar"}) {
    for (int j = 0; j < 12; ++j) {
      std::string row;
      for (int i = 0; i < 12; ++i) {
        const double delta = 1.4 * j / 11, strength = 0.01 * std::pow(100.0, i / 11.0);
        const Answer a = answer_of({.parameters = {{"N", 256}, {"kind", kind}, {"delta", delta}, {"D", strength}, {"s", strength}}, .when = Times{log_times(1, 500, 28)}, .trajectories = 16,
                                    .options = {{"fit-from", 10}, {"fit-to", 500}}});
        const std::string text = flag_text(a, "phase-class");
        row += letter.at(text.substr(0, text.find(':')));
      }
      map[kind].push_back(row);
    }
    std::cout << kind << ": rows delta = 0 .. 1.4, columns strength 0.01 .. 1 (log)\n";
    for (const std::string& row : map[kind]) std::cout << "  " << row << "\n";
  }
  // Processor time of all threads: the wall clock of a shared machine says more about its other users. One core alone then takes this long.
  const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  measured(name, "10: phase diagram, both kinds, processor seconds", seconds, 0, "below 300");
  EXPECT_LT(seconds, 300);
  const auto at = [&](const std::string& kind, double delta, double strength) {
    return map[kind][static_cast<std::size_t>(std::lround(delta / 1.4 * 11))][static_cast<std::size_t>(std::lround(std::log(strength / 0.01) / std::log(100.0) * 11))];
  };
  struct Expected {
    const char* kind;
    double delta, strength;
    const char* classes;
  };
  int agree = 0, asked = 0;
  // Last but two: at N = 256 the exponent peaks at 0.80 near t = 126 and then bends with the finite size; N = 2048 (check 8) is needed to see 0.86 there.
  for (const Expected& e : {Expected{"noise", 0, 0.05, "E"}, {"noise", 1.0, 0.05, "K"}, {"noise", 1.27, 0.05, "sD"}, {"noise", 0.76, 0.08, "EK?"}, {"noise", 0, 0.43, "sD"},
                            {"noise", 0, 1.0, "D"}, {"columnar", 0, 0.02, "E"}, {"columnar", 0.76, 0.1, "EK?"}, {"columnar", 1.27, 0.08, "K"}, {"columnar", 0.76, 0.43, "sD"}}) {
    const char seen = at(e.kind, e.delta, e.strength);
    const bool good = std::string(e.classes).find(seen) != std::string::npos;
    EXPECT_TRUE(good) << e.kind << ", delta = " << e.delta << ", strength " << e.strength << ": '" << seen << "' is none of " << e.classes;
    agree += good, ++asked;
  }
  measured(name, "10: points of the phase diagram whose class is that of checks 5 to 8", agree, 0, asked, "checks 5 to 8");
}

}  // namespace
}  // namespace meso::systems::kpz_synchronization
