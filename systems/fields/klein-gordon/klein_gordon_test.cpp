// The acceptance checks that take moments, and every message for what is wrong.
#include <algorithm>
#include <functional>
#include <numbers>

#include "base/error.h"
#include "kits/field/entropy.h"
#include "stat/two_sample.h"
#include "systems/fields/klein-gordon/test_support.h"

namespace meso::systems::klein_gordon {
namespace {

using namespace tests;

// ---- 1: the linear packet -------------------------------------------------------------------------------------------

TEST(KleinGordon, Check1TheLinearPacketFollowsItsModes) {
  const std::vector<double> times{5, 10, 20, 30, 50}, published{0.512447, -0.122588, -0.103671, 0.205474, 0.174851};
  const Question q{.parameters = {{"case", "linear"}}, .when = Times{times}, .observables = {"phi_centre", "phi", "energy"}};
  Question exact = q;
  exact.level = "modes";
  const Answer micro = answer_of(q), modes = answer_of(exact);
  for (std::size_t i = 0; i < times.size(); ++i) {
    EXPECT_NEAR(get(modes, "phi_centre").value[i], published[i], 1e-6) << times[i];
    expect_figure("1: phi(0, " + std::to_string(static_cast<int>(times[i])) + ") of the packet", get(micro, "phi_centre").value[i], published[i], 2e-4, "exact linear modes, an independent script");
    // The error bound by step halving holds the true error.
    EXPECT_LE(std::abs(get(micro, "phi_centre").value[i] - get(modes, "phi_centre").value[i]), get(micro, "phi_centre").error_bound[i]);
  }
  // 512 points on [-30, 30) have none at x = 5; 480 do.
  const Answer on_point = answer_of({.parameters = {{"case", "linear"}, {"n", 480}}, .when = Times{{10}}, .observables = {"phi"}});
  expect_figure("1: phi(5, 10) of the packet", get(on_point, "phi").value[280], -0.383354, 2e-4, "exact linear modes, an independent script");
}

TEST(KleinGordon, Check1TheErrorFallsFourfoldWhenTheStepHalves) {
  const Answer exact = answer_of({.parameters = {{"case", "linear"}}, .when = Times{{50}}, .level = "modes", .observables = {"phi"}});
  std::vector<double> steps, errors;
  for (const double dt : {0.02, 0.01, 0.005}) {
    const Answer micro = answer_of({.parameters = {{"case", "linear"}, {"dt", dt}}, .when = Times{{50}}, .observables = {"phi"}});
    double worst = 0;
    for (std::size_t j = 0; j < 512; ++j) worst = std::max(worst, std::abs(get(micro, "phi").value[j] - get(exact, "phi").value[j]));
    steps.push_back(dt), errors.push_back(worst);
  }
  for (std::size_t i = 1; i < 3; ++i) expect_figure("1: error ratio at dt = " + std::to_string(steps[i]), errors[i - 1] / errors[i], 4.0, 0.4, "second order");
}

// ---- 2: the kink ----------------------------------------------------------------------------------------------------

TEST(KleinGordon, Check2TheKinkStandsStillAndTheBoostedOneMoves) {
  field::WaveField kink = field_of({.kind = "kink"});
  const std::vector<double> start(kink.phi().begin(), kink.phi().end());
  expect_figure("2: energy of the kink", kink.energy(), 2 * std::numbers::sqrt2 / 3, 1e-8, "2 sqrt 2/3");
  double worst = 0;
  for (int i = 0; i < 50; ++i) {
    kink.advance(0.005, 200);
    for (std::size_t j = 0; j < start.size(); ++j) worst = std::max(worst, std::abs(kink.phi()[j] - start[j]));
  }
  expect_figure("2: largest change of the static kink to t = 50", worst, 0, 1e-8, "exact solution");
  const double gamma = 1 / std::sqrt(0.75);
  const Answer boosted = answer_of({.parameters = {{"case", "kink"}, {"boost", 0.5}}, .when = Times{{0, 40}}, .observables = {"energy", "momentum", "position"}});
  expect_figure("2: energy of the kink at u = 0.5", get(boosted, "energy").value[0], 1.088662, 1e-6, "gamma M");
  EXPECT_NEAR(get(boosted, "momentum").value[0], 0.5 * gamma * kink_mass(1, 1), 1e-8);
  expect_figure("2: way of the boosted kink at t = 40", get(boosted, "position").value[1] - get(boosted, "position").value[0], 20, 1e-3, "u t");
}

TEST(KleinGordon, KinksOfAnyLambdaAndVHaveTheirMassAndStandStill) {
  for (const auto& [lambda, v] : {std::pair{2.0, 1.0}, std::pair{0.5, 1.5}, std::pair{1.0, 0.7}}) {
    field::WaveField kink = field_of({.kind = "kink", .lambda = lambda, .v = v});
    EXPECT_NEAR(kink.energy(), kink_mass(lambda, v), 1e-8);
    const std::vector<double> start(kink.phi().begin(), kink.phi().end());
    kink.advance(0.005, 2000);
    for (std::size_t j = 0; j < start.size(); ++j) ASSERT_NEAR(kink.phi()[j], start[j], 1e-8);
  }
}

TEST(KleinGordon, ABoostedKinkGoesRoundTheAntiperiodicRing) {
  const Table p{{"case", "kink"}, {"boost", 0.9}, {"L", 40}, {"n", 1024}, {"scheme", "suzuki4"}, {"dt", 0.01}};
  const Answer micro = answer_of({.parameters = p, .when = Times{{60}}, .observables = {"phi"}}), exact = answer_of({.parameters = p, .when = Times{{60}}, .level = "kinks", .observables = {"phi"}});
  for (std::size_t j = 0; j < 1024; ++j) ASSERT_NEAR(get(micro, "phi").value[j], get(exact, "phi").value[j], 1e-4) << j;
}

// The shape mode: a kink excited in it oscillates with omega_s = sqrt(3/2).
TEST(KleinGordon, TheKinkHasItsShapeMode) {
  field::Model m = model_of({.kind = "kink"});
  const double xi = std::sqrt(2.0);
  std::vector<double> shape;
  for (const double x : m.grid.coordinates()) shape.push_back(std::sinh(x / xi) / std::pow(std::cosh(x / xi), 2));
  for (std::size_t j = 0; j < shape.size(); ++j) m.phi0[j] += 1e-3 * shape[j];
  field::WaveField kink(field::Spectral(m.grid), m.potential, m.phi0, m.pi0);
  std::vector<double> crossings;
  double before = 1;
  const std::vector<double> rest = model_of({.kind = "kink"}).phi0;
  for (int i = 1; i <= 4000; ++i) {
    kink.advance(0.01, 1);
    double projection = 0;
    for (std::size_t j = 0; j < shape.size(); ++j) projection += shape[j] * (kink.phi()[j] - rest[j]);
    if (before > 0 && projection <= 0) crossings.push_back(0.01 * (i - projection / (projection - before)));
    before = projection;
  }
  ASSERT_GT(crossings.size(), 5u);
  const double omega = 2 * std::numbers::pi * static_cast<double>(crossings.size() - 1) / (crossings.back() - crossings.front());
  expect_figure("2: frequency of the kink's shape mode", omega, std::sqrt(1.5), 1e-4, "sqrt(3/2)");
}

// ---- 3: the breather ------------------------------------------------------------------------------------------------

TEST(KleinGordon, Check3TheBreatherIsTheExactOne) {
  const std::vector<double> times = linear_times(80, 321);
  const Question q{.parameters = {{"case", "breather"}}, .when = Times{times}, .observables = {"phi", "energy", "max_abs", "phi_centre"}};
  Question exact = q;
  exact.level = "breather";
  const Answer micro = answer_of(q), theory = answer_of(exact);
  expect_figure("3: energy of the breather", get(micro, "energy").value[0], 16 * std::sqrt(0.75), 1e-8, "16 sqrt(1 - omega^2)");
  double worst = 0, largest = 0;
  for (std::size_t i = 0; i < get(micro, "phi").size(); ++i) worst = std::max(worst, std::abs(get(micro, "phi").value[i] - get(theory, "phi").value[i]));
  for (const double x : get(micro, "max_abs").value) largest = std::max(largest, x);
  measured("klein-gordon", "3: largest error of the breather to t = 80", worst, 0, "1.6e-4 (an independent script); below 1e-3 asked");
  EXPECT_LT(worst, 1e-3);
  expect_figure("3: largest |phi| of the breather", largest, 4.188790, 1e-4, "4 atan sqrt 3");
  // Period from the downward crossings of phi(0, t) between snapshots a quarter apart.
  std::vector<double> falls;
  const std::vector<double>& centre = get(micro, "phi_centre").value;
  for (std::size_t i = 1; i < centre.size(); ++i)
    if (centre[i - 1] > 0 && centre[i] <= 0) falls.push_back(times[i - 1] + (times[i] - times[i - 1]) * centre[i - 1] / (centre[i - 1] - centre[i]));
  ASSERT_GE(falls.size(), 5u);
  expect_figure("3: period of the breather", (falls.back() - falls.front()) / static_cast<double>(falls.size() - 1), 4 * std::numbers::pi, 5e-3, "2 pi/omega");
}

TEST(KleinGordon, TheBreatherSolvesItsEquation) {  // the level itself, by differences
  const double h = 1e-3;
  for (const double w : {0.3, 0.8})
    for (const double x : {0.0, 0.7, -2.0})
      for (const double t : {0.4, 3.0}) {
        const double tt = (breather(w, x, t + h) - 2 * breather(w, x, t) + breather(w, x, t - h)) / (h * h), xx = (breather(w, x + h, t) - 2 * breather(w, x, t) + breather(w, x - h, t)) / (h * h);
        EXPECT_NEAR(tt - xx + std::sin(breather(w, x, t)), 0, 1e-4);
        EXPECT_NEAR(breather_momentum(w, x, t), (breather(w, x, t + h) - breather(w, x, t - h)) / (2 * h), 1e-5);
      }
}

// ---- 4, 5: the pair -------------------------------------------------------------------------------------------------

TEST(KleinGordon, Check4EnergyOfThePairAndItsDrift) {
  expect_figure("4: energy of the pair at 0.3", field_of({.kind = "collision", .velocity = 0.3}).energy(), 1.976665, 1e-5, "2 gamma M");
  expect_figure("4: energy of the pair at 0.18", field_of({.kind = "collision", .velocity = 0.18}).energy(), 1.916928, 1e-5, "2 gamma M");
  std::vector<double> steps, errors;
  for (const double dt : {0.04, 0.02, 0.01}) {
    field::WaveField pair = field_of({.kind = "collision", .velocity = 0.3});
    const double start = pair.energy();
    double worst = 0;
    for (int i = 0; i < 150; ++i) {
      pair.advance(dt, static_cast<std::size_t>(std::lround(0.4 / dt)));
      worst = std::max(worst, std::abs(pair.energy() / start - 1));
    }
    steps.push_back(dt), errors.push_back(worst);
  }
  measured("klein-gordon", "4: energy drift of the pair at dt = 0.02", errors[1], 0, "below 2e-4");
  EXPECT_LT(errors[1], 2e-4);
  EXPECT_TRUE(OrderIs(steps, errors, 2, 0.1));
}

TEST(KleinGordon, Check5ThePairBouncesOnceAndEscapes) {
  for (const auto& [velocity, time, speed] : {std::tuple{0.3, 29.06, 0.138}, std::tuple{0.4, 22.28, 0.278}}) {
    const Encounter e = collide({.kind = "collision", .velocity = velocity, .L = 200, .n = 2048, .dt = 0.02}, 120);
    const std::string at = " at " + std::to_string(velocity).substr(0, 3);
    ASSERT_EQ(e.bounces.size(), 1u) << velocity;
    ASSERT_TRUE(e.escape.escaped) << velocity;
    expect_figure("5: time of the bounce" + at, e.bounces[0], time, 0.05, "an independent script");
    expect_figure("5: escape speed" + at, e.escape.speed, speed, 0.003, "an independent script");
  }
}

TEST(KleinGordon, TheCollectiveCoordinateBouncesOnceAndForgetsNothing) {
  const Answer a = answer_of({.parameters = {{"velocity", 0.2}}, .when = Times{linear_times(120, 25)}, .level = "collective", .observables = {"bounces", "escape_speed", "half_separation", "energy"}});
  EXPECT_EQ(get(a, "bounces").value.front(), 0);
  EXPECT_EQ(get(a, "bounces").value.back(), 1);
  EXPECT_NEAR(get(a, "escape_speed").value[0], 0.2, 2e-3);  // the field itself captures the pair at 0.22 and radiates at any speed
  EXPECT_NEAR(get(a, "half_separation").value[0], 10, 1e-6);
}

// ---- 7, 8: entropies and distributions ------------------------------------------------------------------------------

std::vector<std::vector<double>> magnitudes(const Table& parameters, double t_end, std::size_t snapshots) {
  const Answer a = answer_of({.parameters = parameters, .when = Times{linear_times(t_end, snapshots)}, .observables = {"phi"}});
  const std::vector<double>& phi = get(a, "phi").value;
  const std::size_t n = phi.size() / snapshots;
  std::vector<std::vector<double>> blocks(snapshots);
  for (std::size_t i = 0; i < snapshots; ++i)
    for (std::size_t j = 0; j < n; ++j) blocks[i].push_back(std::abs(phi[i * n + j]));
  return blocks;
}

TEST(KleinGordon, Check7Entropies) {
  const auto series = [](const Table& p, double end, std::size_t count, const char* name) {
    return get(answer_of({.parameters = p, .when = Times{linear_times(end, count)}, .observables = {name}}), name).value;
  };
  const std::string script = "an independent script";
  const Params linear{.kind = "linear"};
  const field::Model packet = model_of(linear);
  const field::Entropies e = field::entropies(packet.phi0, packet.grid.cell());
  // phi^2 is Gaussian of variance (width/2)^2 = 1: S + ln dx = ln(2 pi e)/2, H_2 + ln dx = ln(4 pi)/2.
  expect_figure("7: S + ln dx of the initial packet", e.shannon_differential, 0.5 * std::log(2 * std::numbers::pi * std::numbers::e), 1e-6, "ln(2 pi e)/2");
  expect_figure("7: H_2 + ln dx of the initial packet", e.renyi_2 + std::log(packet.grid.cell()), 1.265512, 1e-6, "ln(4 pi)/2");
  const field::Model kink = model_of({.kind = "kink"});
  const field::Entropies k = field::entropies(kink.phi0, kink.grid.cell());
  expect_figure("7: S of the kink", k.shannon, 6.9164, 0.01, script);
  expect_figure("7: H_2 of the kink", k.renyi_2, 6.9125, 0.01, script);
  expect_figure("7: C of the kink", k.composite, 5.7318, 0.01, script);
  const std::vector<double> breather_s = series({{"case", "breather"}}, 80, 320, "shannon");
  expect_figure("7: mean S of the breather", mean(breather_s), 3.427, 0.01, script);
  expect_figure("7: least S of the breather", *std::min_element(breather_s.begin(), breather_s.end()), 3.307, 0.01, script);
  expect_figure("7: largest S of the breather", *std::max_element(breather_s.begin(), breather_s.end()), 3.514, 0.01, script);
  expect_figure("7: mean C of the breather", mean(series({{"case", "breather"}}, 80, 320, "composite")), 2.878, 0.01, script);
  expect_figure("7: mean S of the packet", mean(series({{"case", "linear"}}, 50, 200, "shannon")), 5.270, 0.01, script);
  expect_figure("7: mean C of the packet", mean(series({{"case", "linear"}}, 50, 200, "composite")), 4.370, 0.01, script);
  const std::vector<double> collision_s = series({{"case", "collision"}}, 100, 400, "shannon");
  double square = 0;
  for (const double x : collision_s) square += std::pow(x - mean(collision_s), 2) / static_cast<double>(collision_s.size());
  expect_figure("7: mean S of the collision", mean(collision_s), 6.901, 0.01, script);
  expect_figure("7: spread of S in the collision", std::sqrt(square), 0.006, 0.003, script);
  expect_figure("7: mean C of the collision", mean(series({{"case", "collision"}}, 100, 400, "composite")), 5.719, 0.01, script);
}

TEST(KleinGordon, Check7AZeroFieldHasNoEntropyAndSaysSo) {
  const Answer a = answer_of({.parameters = {{"case", "linear"}, {"amplitude", 0}}, .when = Times{{0, 1}}, .observables = {"shannon", "phi_centre"}});
  EXPECT_TRUE(std::isnan(get(a, "shannon").value[0]));
  EXPECT_EQ(get(a, "phi_centre").value[1], 0);
  ASSERT_FALSE(a.flags.empty());
  EXPECT_NE(a.flags[0].text.find("the field is zero everywhere at t = 0"), std::string::npos);
  EXPECT_TRUE(a.flags[0].fatal);
  EXPECT_EQ(a.flags[0].observable, "shannon");
}

TEST(KleinGordon, Check8TheFourRegimesAreDistinguishable) {
  std::map<std::string, std::vector<std::vector<double>>> blocks;
  blocks["linear"] = magnitudes({{"case", "linear"}}, 50, 200);
  blocks["kink"] = magnitudes({{"case", "kink"}}, 50, 200);
  blocks["breather"] = magnitudes({{"case", "breather"}}, 80, 320);
  blocks["collision"] = magnitudes({{"case", "collision"}}, 100, 400);
  const auto all = [&](const std::string& name) {
    std::vector<double> values;
    for (const auto& b : blocks[name]) values.insert(values.end(), b.begin(), b.end());
    return values;
  };
  for (const auto& [a, b, published] : {std::tuple{"linear", "kink", 0.981}, std::tuple{"linear", "breather", 0.504}, std::tuple{"kink", "breather", 0.911}, std::tuple{"collision", "linear", 0.966},
                                        std::tuple{"collision", "breather", 0.895}, std::tuple{"collision", "kink", 0.385}})
    expect_figure(std::string("8: Kolmogorov-Smirnov distance of |phi|, ") + a + " and " + b, kolmogorov_smirnov(all(a), all(b)), published, 0.02, "an independent script");
  // Cliff's delta and its order: the kink's |phi| lies above the packet's nearly always.
  EXPECT_GT(mann_whitney(all("kink"), all("linear")).cliffs_delta, 0.95);
}

// ---- 9: structure ---------------------------------------------------------------------------------------------------

TEST(KleinGordon, Check9TimeReversalReturnsToTheStart) {
  field::WaveField pair = field_of({.kind = "collision", .velocity = 0.3});
  const std::vector<double> start(pair.phi().begin(), pair.phi().end());
  pair.advance(0.005, 10000);
  pair.reverse();
  pair.advance(0.005, 10000);
  double worst = 0;
  for (std::size_t j = 0; j < start.size(); ++j) worst = std::max(worst, std::abs(pair.phi()[j] - start[j]));
  expect_figure("9: return to the start over t = 50 and back, through the bounce", worst, 0, 1e-9, "time reversal");
}

// ---- what is wrong --------------------------------------------------------------------------------------------------

std::string refusal(const Table& parameters) {
  try {
    (void)system().bind(parameters);
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

TEST(KleinGordon, WrongInputIsRefusedWithWhatIsAllowed) {
  const std::vector<std::tuple<Table, std::string>> cases{
      {{{"velocity", 1.0}}, "velocity = 1 of system 'klein-gordon': nothing moves at the speed of light (c = 1) or beyond; |velocity| must be below 1"},
      {{{"velocity", -1.5}}, "|velocity| must be below 1"},
      {{{"case", "kink"}, {"boost", 1.0}}, "|boost| must be below 1"},
      {{{"case", "breather"}, {"omega", 1.0}}, "omega = 1 of system 'klein-gordon': a breather has a frequency strictly between 0 and 1"},
      {{{"case", "breather"}, {"omega", 0.0}}, "omega = 0"},
      {{{"case", "linear"}, {"width", 0.0}}, "width = 0 of system 'klein-gordon': the packet needs a positive width"},
      {{{"v", 0.0}}, "v = 0 of system 'klein-gordon': the vacua of phi^4 are at +-v"},
      {{{"v", -2.0}}, "v = -2"},
      {{{"lambda", -1.0}}, "lambda = -1"},
      {{{"separation", -3.0}}, "separation = -3"},
      {{{"n", 1023}}, "n = 1023 points: a field needs an even number of points"},
      {{{"case", "kink"}, {"boundary", "periodic"}}, "the kink does not close on a periodic ring: it jumps by 2 at the seam"},
      {{{"case", "linear"}, {"L", 6.0}}, "does not fit into L = 6"},
      {{{"separation", 90.0}}, "does not fit into L = 100"},
      {{{"dt", 0.1}}, "dt = 0.1 is too long: the scheme is stable below 0.062"},
      {{{"case", "thermal"}, {"potential", "phi44"}}, "Did you mean 'phi4'?"},
      {{{"case", "linear"}, {"potential", "phi4"}}, "case 'linear' of system 'klein-gordon' lives in its own potential"}};
  for (const auto& [given, expected] : cases) EXPECT_NE(refusal(given).find(expected), std::string::npos) << to_text(given) << ": " << refusal(given);
  EXPECT_EQ(refusal({{"n", 1000}}), "");  // a power of two is not required
}

TEST(KleinGordon, AnOverlappingPairIsWarnedOf) {
  const auto notes = [](const Table& p) {
    std::string all;
    for (const std::string& note : system().bind(p).notes) all += note + "\n";
    return all;
  };
  EXPECT_NE(notes({{"separation", 5.0}}).find("separation = 5 is below 4 kink widths, 5.657: the two overlap"), std::string::npos) << notes({{"separation", 5.0}});
  EXPECT_EQ(notes({{"separation", 6.0}}).find("overlap"), std::string::npos);
}

TEST(KleinGordon, AFieldThatTurnsNaNStopsAndSaysWhere) {
  field::Model m = model_of({.kind = "linear"});
  m.potential = field::Potential::formula("-phi^4");
  for (double& x : m.phi0) x += 1;
  const std::vector<double> times{1, 100};
  const field::Snapshots s = field::run_field(m, times);
  ASSERT_EQ(s.flags.size(), 1u);
  EXPECT_TRUE(s.flags[0].fatal);
  EXPECT_NE(s.flags[0].text.find("no longer finite at t = "), std::string::npos) << s.flags[0].text;
  EXPECT_NE(s.flags[0].text.find("step "), std::string::npos);
  EXPECT_NE(s.flags[0].text.find("max|phi| was "), std::string::npos);
  EXPECT_TRUE(std::isnan(s.phi.back()));
}

TEST(KleinGordon, AStationaryQuestionWithoutNoiseIsRefused) {
  try {
    (void)answer_of({.parameters = {}, .when = Stationary{}});
    FAIL();
  } catch (const StudyError& error) {
    EXPECT_NE(std::string(error.what()).find("without noise has no stationary state"), std::string::npos);
  }
}

TEST(KleinGordon, ThePortraitIsTheSpaceTimeOfTheField) {
  const Case bound = system().bind({{"n", 512}, {"dt", 0.02}});
  LevelRun run({.seed = 1}, "klein-gordon/field");
  const Answer a = bound.level("field").run({.when = Times{{0, 40}}, .observables = {"phi_centre"}, .portraits = true}, run);
  ASSERT_EQ(a.portraits.size(), 1u);
  const Portrait& p = a.portraits[0];
  EXPECT_EQ(p.axes[0].points.size() * p.axes[1].points.size(), p.value.size());
  EXPECT_LE(p.value.size(), 250000u);
  EXPECT_NEAR(p.value[256], 1, 1e-3);   // between the two at the start
  EXPECT_NEAR(p.value[0], -1, 1e-3);    // outside
  EXPECT_EQ(p.axes[0].points.back(), 40);
}

}  // namespace
}  // namespace meso::systems::klein_gordon
