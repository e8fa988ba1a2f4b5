#include "kits/kinetics/closure.h"

#include <functional>
#include <utility>

#include "kits/kinetics/closure_fixture.h"
#include "kits/kinetics/linear_noise.h"
#include "kits/kinetics/rate_equation.h"
#include "kits/kinetics/steady_state.h"

namespace meso::kinetics {
namespace {

using namespace testing;
const std::vector<std::string> mean_variance{"X.mean", "X.variance"};
const std::string script = "closed moment equations, independent script";
const double no_bound = std::nan("");

/// Edge between `low`, where `property` is what it is there, and `high`, where it is not, by bisection: middle and half width of the last interval.
std::pair<double, double> edge(double low, double high, int halvings, const std::function<bool(double)>& property) {
  const bool at_low = property(low);
  for (int k = 0; k < halvings; ++k) {
    const double middle = 0.5 * (low + high);
    (property(middle) == at_low ? low : high) = middle;
  }
  return {0.5 * (low + high), 0.5 * (high - low)};
}

// Card moment-closure, checks 5 and 6: values verified there by an independent script, to the digits given.
TEST(Closure, DimerVolume5ApproachesTheExactLaw) {
  const Level level = closure_level(dimer(5));
  const double expected[][3] = {{2, 0.72441, 0.60057}, {3, 0.7341, 0.5394}, {4, 0.7335, 0.5432}};
  const double digits[] = {1e-5, 1e-4, 1e-4};
  double previous = 1;
  for (int k = 0; k < 3; ++k) {
    const Answer a = stationary(level, mean_variance, normal(static_cast<int>(expected[k][0])));
    EXPECT_NEAR(value(a, "X.mean") / 5, expected[k][1], digits[k]);
    EXPECT_NEAR(value(a, "X.variance") / 5, expected[k][2], digits[k]);
    const Where where{"dimer", "normal-" + std::to_string(k + 2), "volume 5", 5};
    record(where, a, "X.mean", expected[k][1], script);
    record(where, a, "X.variance", expected[k][2], script);
    EXPECT_EQ(flag(a, "several-stable-states"), nullptr);
    const double error = std::abs(value(a, "X.mean") / 5 - 0.733536);
    EXPECT_LT(error, previous);  // errors fall with order
    previous = error;
  }
}

TEST(Closure, DimerVolume10AtOrder4IsExactTo1e4) {  // exact: Bessel functions, card check 4
  const Answer a = stationary(closure_level(dimer(10)), mean_variance, normal(4));
  EXPECT_NEAR(value(a, "X.mean"), 7.199505, 1e-4 * 7.199505);
  record({"dimer", "normal-4", "volume 10"}, a, "X.mean", 7.199505, "exact law (Mazo 1975), Bessel functions");
}

TEST(Closure, SchloglVolume10IsPhysicalButWrong) {
  const Level level = closure_level(schlogl(10));
  const Answer two = stationary(level, mean_variance, normal(2)), three = stationary(level, mean_variance, normal(3));
  EXPECT_NEAR(value(two, "X.mean") / 10, 1.98695, 1e-5);
  EXPECT_NEAR(value(two, "X.variance") / 10, 13.387, 1e-3);
  EXPECT_NEAR(value(three, "X.mean") / 10, 1.6519, 1e-4);
  EXPECT_NEAR(value(three, "X.variance") / 10, 12.957, 1e-3);
  record({"schlogl", "normal-2", "volume 10", 10}, two, "X.mean", 1.98695, script);
  record({"schlogl", "normal-2", "volume 10", 10}, two, "X.variance", 13.387, script);
  record({"schlogl", "normal-3", "volume 10", 10}, three, "X.mean", 1.6519, script);
  record({"schlogl", "normal-3", "volume 10", 10}, three, "X.variance", 12.957, script);
  for (const Answer* a : {&two, &three})
    for (const Flag& f : a->flags) EXPECT_FALSE(f.fatal) << f.text;
  ASSERT_EQ(two.steady_states.size(), 1u);
  EXPECT_TRUE(two.steady_states[0].reached && two.steady_states[0].stable && two.steady_states[0].physical);
  EXPECT_LT(two.find("X.mean")->error_bound[0], 1e-9);
}

// Check 1: two stable states at volume 50; which one is reached depends on the start, and that is fatal.
TEST(Closure, SchloglVolume50HasTwoStates) {
  const Answer low = stationary(closure_level(schlogl(50)), mean_variance, normal(2)), high = stationary(closure_level(schlogl(50, 150)), mean_variance, normal(2));
  EXPECT_NEAR(value(low, "X.mean") / 50, 0.52957, 1e-5);
  EXPECT_NEAR(value(low, "X.variance") / 50, 1.54757, 1e-5);
  EXPECT_NEAR(value(high, "X.mean") / 50, 2.62970, 1e-5);
  EXPECT_NEAR(value(high, "X.variance") / 50, 18.3937, 1e-4);
  record({"schlogl", "normal-2", "volume 50 from X = 0", 50}, low, "X.mean", 0.52957, script);
  record({"schlogl", "normal-2", "volume 50 from X = 0", 50}, low, "X.variance", 1.54757, script);
  record({"schlogl", "normal-2", "volume 50 from X = 150", 50}, high, "X.mean", 2.62970, script);
  record({"schlogl", "normal-2", "volume 50 from X = 150", 50}, high, "X.variance", 18.3937, script);
  for (const Answer* a : {&low, &high}) {
    ASSERT_NE(flag(*a, "several-stable-states"), nullptr);
    EXPECT_TRUE(flag(*a, "several-stable-states")->fatal);
    ASSERT_EQ(a->steady_states.size(), 2u);
    EXPECT_TRUE(a->steady_states[0].reached);
    EXPECT_FALSE(a->steady_states[1].reached);
  }
  EXPECT_NEAR(low.steady_states[1].value.at("X.mean"), value(high, "X.mean"), 1e-6);
}

// Check 1: the number of stable physical states changes at volumes 1.0599 and 19.370 (to 0.1 %).
TEST(Closure, SchloglWindowOfOneState) {
  const auto states = [](double volume) { return stationary(closure_level(schlogl(volume)), mean_variance, normal(2)).steady_states.size(); };
  EXPECT_EQ(states(1.0599 * 0.999), 2u);
  EXPECT_EQ(states(1.0599 * 1.001), 1u);
  EXPECT_EQ(states(19.370 * 0.999), 1u);
  EXPECT_EQ(states(19.370 * 1.001), 2u);
  const auto one = [&](double volume) { return states(volume) == 1; };
  const auto [first, first_error] = edge(1.0599 * 0.999, 1.0599 * 1.001, 5, one);
  const auto [last, last_error] = edge(19.370 * 0.999, 19.370 * 1.001, 5, one);
  measured("schlogl", "normal-2 first volume with one stable state", first, first_error, 1.0599, script);
  measured("schlogl", "normal-2 last volume with one stable state", last, last_error, 19.370, script);
}

TEST(RateEquation, SchloglNamesBothStates) {
  const Answer a = stationary(rate_equation_level(schlogl(10)), {"X.mean", "X.variance"});
  EXPECT_NEAR(value(a, "X.mean"), 5, 1e-10);  // roots 0.5, 1.5 (unstable), 3
  EXPECT_EQ(a.find("X.variance"), nullptr);   // absent: a rate equation has none
  ASSERT_NE(flag(a, "several-stable-states"), nullptr);
  ASSERT_EQ(a.steady_states.size(), 2u);
  EXPECT_NEAR(a.steady_states[1].value.at("X.mean"), 30, 1e-9);
  EXPECT_NEAR(a.steady_states[0].eigenvalues[0].real(), -(0.5 - 1.5) * (0.5 - 3), 1e-9);  // d/dx of -(x-0.5)(x-1.5)(x-3)
}

// Check 2: Brusselator c2 = 3.
TEST(Closure, BrusselatorVolume5Relaxes) {
  const Answer a = stationary(closure_level(brusselator(5, 3)), {"X.mean", "Y.mean", "X.variance", "Y.variance", "X.Y.covariance"}, normal(2));
  EXPECT_NEAR(value(a, "X.mean") / 5, 1, 1e-9);
  EXPECT_NEAR(value(a, "Y.mean") / 5, 2.8400, 1e-4);
  EXPECT_NEAR(value(a, "X.variance") / 5, 3.3717, 1e-4);
  EXPECT_NEAR(value(a, "X.Y.covariance") / 5, -2.3717, 1e-4);
  EXPECT_NEAR(value(a, "Y.variance") / 5, 3.5961, 1e-4);
  const Where where{"brusselator", "normal-2", "volume 5, c2 = 3", 5};
  const std::pair<const char*, double> references[] = {{"X.mean", 1}, {"Y.mean", 2.8400}, {"X.variance", 3.3717}, {"X.Y.covariance", -2.3717}, {"Y.variance", 3.5961}};
  for (const auto& [name, reference] : references) record(where, a, name, reference, script);
}

TEST(Closure, BrusselatorVolume50OscillatesForEver) {
  const ReducedNetwork network = reduce(brusselator(50, 3), Convention::stochastic);
  const Flow flow = closed_flow(network, closure_family("normal"), 2);
  const Relaxation r = relax(flow, flow.start(network.initial), network);
  ASSERT_EQ(r.outcome, Relaxation::Outcome::oscillates);
  EXPECT_NEAR(r.low[0], 0.3747, 1e-4);
  EXPECT_NEAR(r.high[0], 3.089, 1e-3);
  EXPECT_NEAR(r.low[1], 1.232, 1e-3);
  EXPECT_NEAR(r.high[1], 4.716, 1e-3);
  // relax() takes a motion as persistent if its range changes by less than 0.2 %.
  const double x = 0.002 * (r.high[0] - r.low[0]), y = 0.002 * (r.high[1] - r.low[1]);
  measured("brusselator", "normal-2 lowest X.mean / volume of the oscillation, volume 50, c2 = 3", r.low[0], x, 0.3747, script);
  measured("brusselator", "normal-2 highest X.mean / volume of the oscillation, volume 50, c2 = 3", r.high[0], x, 3.089, script);
  measured("brusselator", "normal-2 lowest Y.mean / volume of the oscillation, volume 50, c2 = 3", r.low[1], y, 1.232, script);
  measured("brusselator", "normal-2 highest Y.mean / volume of the oscillation, volume 50, c2 = 3", r.high[1], y, 4.716, script);
  const Answer a = stationary(closure_level(brusselator(50, 3)), mean_variance, normal(2));
  ASSERT_NE(flag(a, "undamped-oscillation"), nullptr);
  EXPECT_TRUE(flag(a, "undamped-oscillation")->fatal);
  EXPECT_TRUE(std::isnan(value(a, "X.mean")));
}

// Check 2: order sequence at volume 50, c2 = 2.
TEST(Closure, BrusselatorOrders2To4) {
  const Level level = closure_level(brusselator(50, 2));
  const double y[] = {2.18822, 2.19817, 2.21141}, v[] = {9.166, 14.961, 20.931};
  for (int order = 2; order <= 4; ++order) {
    const Answer a = stationary(level, {"X.mean", "Y.mean", "X.variance"}, normal(order));
    EXPECT_NEAR(value(a, "Y.mean") / 50, y[order - 2], 1e-5) << order;
    EXPECT_NEAR(value(a, "X.variance") / 50, v[order - 2], 1e-3) << order;
    const Where where{"brusselator", "normal-" + std::to_string(order), "volume 50, c2 = 2", 50};
    record(where, a, "Y.mean", y[order - 2], script);
    record(where, a, "X.variance", v[order - 2], script);
  }
}

// Exact for the master equation and for every closure: <X> = volume c3/c4 and (c4 = 1) Var X + Cov(X, Y) = <X>.
TEST(Closure, BrusselatorIdentityHoldsAtEveryOrder) {
  for (const double volume : {5.0, 20.0, 80.0}) {
    for (int order = 2; order <= 5; ++order) {
      const Answer a = stationary(closure_level(brusselator(volume, 2)), {"X.mean", "X.variance", "X.Y.covariance"}, normal(order));
      if (a.steady_states.empty()) continue;
      EXPECT_NEAR(a.steady_states[0].value.at("X.mean"), volume, 1e-8 * volume) << "order " << order;
      EXPECT_NEAR(a.steady_states[0].value.at("X.variance") + a.steady_states[0].value.at("X.Y.covariance"), volume, 1e-7 * volume) << "order " << order;
      const std::string who = "normal-" + std::to_string(order), at = ", volume " + text(volume) + ", c2 = 2", identity = "identity that every closure keeps";
      const auto& state = a.steady_states[0].value;
      measured("brusselator", who + " X.mean" + at, state.at("X.mean"), bound(a, "X.mean"), volume, identity);
      measured("brusselator", who + " X.variance + X.Y.covariance" + at, state.at("X.variance") + state.at("X.Y.covariance"), bound(a, "X.variance") + bound(a, "X.Y.covariance"), volume, identity);
    }
  }
}

// Check 3: the dimer diverges from n0 = 0 at these times (to 0.5 %).
TEST(Closure, DimerDivergesAtKnownTimes) {
  const double expected[][2] = {{1, 0.6885}, {2, 1.7236}, {2.4, 4.035}};
  for (const auto& [volume, t] : expected) {
    const Answer a = at_times(closure_level(dimer(volume)), {0, 0.1, 0.5, 10}, mean_variance, normal(2));
    ASSERT_NE(flag(a, "diverged"), nullptr) << volume;
    EXPECT_TRUE(flag(a, "diverged")->fatal);
    EXPECT_NEAR(flag(a, "diverged")->where.at("t"), t, 0.005 * t) << volume;
    measured("dimer", "normal-2 time of divergence, volume " + text(volume), flag(a, "diverged")->where.at("t"), no_bound, t, script);
    EXPECT_TRUE(std::isnan(value(a, "X.mean", 3)));
    EXPECT_FALSE(std::isnan(value(a, "X.mean", 1)));
  }
  const Answer a = stationary(closure_level(dimer(2.5)), mean_variance, normal(2));
  EXPECT_NEAR(value(a, "X.mean") / 2.5, 0.66981, 1e-5);
  EXPECT_NEAR(value(a, "X.variance") / 2.5, 0.79819, 1e-5);
  record({"dimer", "normal-2", "volume 2.5", 2.5}, a, "X.mean", 0.66981, script);
  record({"dimer", "normal-2", "volume 2.5", 2.5}, a, "X.variance", 0.79819, script);
}

// Check 3: the stable positive branch begins at volume 2.44223; its spurious twin below 0.4724.
TEST(Closure, DimerThreshold) {
  const auto states = [](double volume) { return stationary(closure_level(dimer(volume)), mean_variance, normal(2)).steady_states; };
  EXPECT_EQ(states(2.44223 * 0.9999).size(), 0u);
  EXPECT_EQ(states(2.44223 * 1.0001).size(), 1u);
  EXPECT_EQ(states(0.4724 * 1.001).size(), 0u);
  ASSERT_EQ(states(0.2).size(), 1u);
  EXPECT_NEAR(states(0.2)[0].value.at("X.mean") / 0.2, 4.946, 1e-3);
  EXPECT_NEAR(states(0.2)[0].value.at("X.variance") / 0.2, 0.153, 1e-3);
  const auto none = [&](double volume) { return states(volume).empty(); };
  const auto [threshold, threshold_error] = edge(2.44223 * 0.9999, 2.44223 * 1.0001, 5, none);
  const auto [spurious, spurious_error] = edge(0.2, 0.4724 * 1.001, 12, none);
  measured("dimer", "normal-2 first volume with a stable state", threshold, threshold_error, 2.44223, script);
  measured("dimer", "normal-2 last volume with the spurious state", spurious, spurious_error, 0.4724, script);
  measured("dimer", "normal-2 X.mean / volume of the spurious state, volume 0.2", states(0.2)[0].value.at("X.mean") / 0.2, no_bound, 4.946, script);
  measured("dimer", "normal-2 X.variance / volume of the spurious state, volume 0.2", states(0.2)[0].value.at("X.variance") / 0.2, no_bound, 0.153, script);
}

// Check 7: Brusselator c = (0.9, 2, 1, 1), volume 100, from (1, 1); published figures of an independent implementation.
TEST(Closure, BrusselatorTransient) {
  const Level level = closure_level(brusselator(100, 2, 1, 1));
  const std::vector<double> times{2, 5, 10, 20, 50, 100};
  const Answer two = at_times(level, times, {"X.mean", "Y.mean"}, normal(2)), three = at_times(level, times, {"X.mean", "Y.mean"}, normal(3));
  const double x[] = {36.5993, 52.1422, 95.0988, 100.3882, 99.424, 100.0161}, y[] = {107.2639, 263.0117, 187.2444, 236.3152, 219.0541, 219.6576};
  for (std::size_t i = 0; i < times.size(); ++i) {
    EXPECT_NEAR(value(two, "X.mean", i), x[i], 1e-4 * x[i]) << times[i];
    EXPECT_NEAR(value(two, "Y.mean", i), y[i], 1e-4 * y[i]) << times[i];
    EXPECT_LT(two.find("X.mean")->error_bound[i], 1e-4);
    const Where where{"brusselator", "normal-2", "t = " + text(times[i]) + ", volume 100, c2 = 2"};
    record(where, two, "X.mean", x[i], script, i);
    record(where, two, "Y.mean", y[i], script, i);
  }
  EXPECT_NEAR(value(three, "X.mean", 2), 99.9681, 1e-4 * 100);
  EXPECT_NEAR(value(three, "Y.mean", 5), 219.8344, 1e-4 * 220);
  record({"brusselator", "normal-3", "t = 10, volume 100, c2 = 2"}, three, "X.mean", 99.9681, script, 2);
  record({"brusselator", "normal-3", "t = 100, volume 100, c2 = 2"}, three, "Y.mean", 219.8344, script, 5);
}

TEST(Closure, BrusselatorCombinatoric) {
  const ReducedNetwork network = reduce(brusselator(100, 2, 1, 1, true), Convention::stochastic);
  const Flow flow = closed_flow(network, closure_family("normal"), 2);
  // Follow the mean of the oscillation to the unstable state inside it.
  const Relaxation r = relax(flow, flow.start(network.initial), network);
  ASSERT_EQ(r.outcome, Relaxation::Outcome::oscillates);
  bool found = false;
  for (const double y : {3.0, 3.5, 4.0})
    for (const double v : {2.0, 4.0, 8.0, 16.0})
      if (const auto p = newton(flow, std::vector<double>{1, y, v, 1 - v, v}, network); p && p->physical) {
        EXPECT_NEAR(p->eigenvalues[0].real(), 0.1519, 1e-4);
        EXPECT_NEAR(std::abs(p->eigenvalues[0].imag()), 0.677, 1e-3);
        found = true;
        measured("brusselator", "normal-2 growth rate at the unstable state, volume 100, c2 = 2, combinatoric", p->eigenvalues[0].real(), no_bound, 0.1519, script);
        measured("brusselator", "normal-2 frequency at the unstable state, volume 100, c2 = 2, combinatoric", std::abs(p->eigenvalues[0].imag()), no_bound, 0.677, script);
      }
  EXPECT_TRUE(found);
  const Answer four = at_times(closure_level(brusselator(100, 2, 1, 1, true)), {100}, {"X.mean", "Y.mean"}, normal(4));
  EXPECT_NEAR(value(four, "X.mean"), 99.9996, 1e-4 * 100);
  EXPECT_NEAR(value(four, "Y.mean"), 363.1357, 1e-4 * 363);
  record({"brusselator", "normal-4", "t = 100, volume 100, c2 = 2, combinatoric"}, four, "X.mean", 99.9996, script);
  record({"brusselator", "normal-4", "t = 100, volume 100, c2 = 2, combinatoric"}, four, "Y.mean", 363.1357, script);
}

// Check 10: a linear network is exact at every order, in closures and linear noise, stationary and in time.
TEST(Closure, LinearNetworkIsExact) {
  const std::vector<std::string> all{"M.mean", "P.mean", "M.variance", "P.variance", "M.P.covariance", "P.fano"};
  const auto expect = [&](const Answer& a, const std::string& who) {
    EXPECT_NEAR(value(a, "M.mean"), 2, 1e-8) << who;
    EXPECT_NEAR(value(a, "P.mean"), 50, 1e-8 * 50) << who;
    EXPECT_NEAR(value(a, "M.variance"), 2, 1e-8) << who;
    EXPECT_NEAR(value(a, "P.fano"), 1 + 5 / 1.2, 1e-8) << who;
    EXPECT_NEAR(value(a, "M.P.covariance"), 2 * 5 / (1 * 1.2), 1e-7) << who;
    const std::pair<const char*, double> references[] = {{"M.mean", 2}, {"P.mean", 50}, {"M.variance", 2}, {"P.fano", 1 + 5 / 1.2}, {"M.P.covariance", 10 / 1.2}};
    for (const auto& [name, reference] : references) record({"mrna-protein", who, "stationary"}, a, name, reference, "exact moments (Thattai and van Oudenaarden 2001)");
  };
  for (int order = 2; order <= 5; ++order) expect(stationary(closure_level(mrna_protein()), all, normal(order)), "normal-" + std::to_string(order));
  expect(stationary(linear_noise_level(mrna_protein()), all), "lna");
  // In time: all agree, and the mean of P has a closed form.
  const std::vector<double> times{0, 1, 3, 10};
  const Answer reference = at_times(linear_noise_level(mrna_protein()), times, all, {}, 1e-9);
  for (std::size_t i = 0; i < times.size(); ++i) {
    const double t = times[i], p = 50 * (1 - std::exp(-0.2 * t)) - 10 * (std::exp(-0.2 * t) - std::exp(-t)) / 0.8;
    EXPECT_NEAR(value(reference, "P.mean", i), p, 1e-8 * 50) << t;
    if (t > 0) record({"mrna-protein", "lna", "t = " + text(t)}, reference, "P.mean", p, "closed form of the mean", i);
  }
  for (int order = 1; order <= 4; ++order) {
    const Answer a = at_times(closure_level(mrna_protein()), times, all, normal(order), 1e-9);
    for (const std::string& name : all) {
      if (order == 1 && name != "M.mean" && name != "P.mean") {
        EXPECT_EQ(a.find(name), nullptr) << name;
        continue;
      }
      for (std::size_t i = 1; i < times.size(); ++i) EXPECT_NEAR(value(a, name, i), value(reference, name, i), 1e-7 * (1 + std::abs(value(reference, name, i)))) << name << " order " << order;
    }
  }
}

// `normal` at order 1 keeps -x/volume from n (n - 1): dx/dt = 1 - 2 x^2 + 2 x / volume for the dimer.
TEST(Closure, OrderOneIsNotTheRateEquation) {
  const double eps = 0.1, closed = (2 * eps + std::sqrt(4 * eps * eps + 8)) / 4;
  EXPECT_NEAR(value(stationary(closure_level(dimer(10)), {"X.mean"}, normal(1)), "X.mean") / 10, closed, 1e-10);
  EXPECT_NEAR(value(stationary(rate_equation_level(dimer(10)), {"X.mean"}), "X.mean") / 10, std::sqrt(0.5), 1e-10);
}

// The extension point: a family is one function. Poisson (cumulants above the order are the mean): card check 5.
TEST(Closure, AFurtherFamilyIsOneFunction) {
  const ClosureFamily poisson{"poisson", "unmixed cumulants are the mean", "", [](const MultiIndexSet& set, std::span<const double> low, std::span<double> high, std::span<double> gradient) {
                                for (std::size_t h = 0; h < high.size(); ++h) {
                                  high[h] = low[0];
                                  for (std::size_t l = 0; l < low.size() && !gradient.empty(); ++l) gradient[h * low.size() + l] = l == 0 ? 1 : 0;
                                }
                                (void)set;
                              }};
  const ReducedNetwork network = reduce(dimer(5), Convention::stochastic);
  const Flow flow = closed_flow(network, poisson, 2);
  const Relaxation r = relax(flow, flow.start(network.initial), network);
  ASSERT_EQ(r.outcome, Relaxation::Outcome::settled);
  EXPECT_NEAR(r.state.z[0], 0.7457, 2e-4);
  EXPECT_NEAR(r.state.z[1], 0.4653, 2e-4);
  measured("dimer", "poisson-2 X.mean / volume, volume 5", r.state.z[0], r.state.bound[0], 0.7457, script);
  measured("dimer", "poisson-2 X.variance / volume, volume 5", r.state.z[1], r.state.bound[1], 0.4653, script);
  const ReducedNetwork ten = reduce(schlogl(10), Convention::stochastic);
  const Flow s = closed_flow(ten, poisson, 2);
  const Relaxation q = relax(s, s.start(ten.initial), ten);
  ASSERT_EQ(q.outcome, Relaxation::Outcome::settled);
  EXPECT_NEAR(q.state.z[0], 1.9783, 1e-4);  // check 6
  EXPECT_NEAR(q.state.z[1], 13.358, 1e-3);
  measured("schlogl", "poisson-2 X.mean / volume, volume 10", q.state.z[0], q.state.bound[0], 1.9783, script);
  measured("schlogl", "poisson-2 X.variance / volume, volume 10", q.state.z[1], q.state.bound[1], 13.358, script);
}

TEST(Closure, FlagsNameTheFirstNegativeVariance) {
  const Answer a = at_times(closure_level(dimer(1)), {0, 0.2, 0.4, 0.6, 0.65, 1}, mean_variance, normal(2));
  bool fatal = false;
  for (const Flag& f : a.flags) {
    EXPECT_FALSE(f.text.empty());
    fatal = fatal || f.fatal;
  }
  EXPECT_TRUE(fatal);
  EXPECT_EQ(a.find("X.mean")->exact[0], 1);
  EXPECT_EQ(a.find("X.mean")->error_bound[0], 0);
}

TEST(Closure, RefusesTooManyEquations) {
  NetworkSpec five{.species = {"A", "B", "C", "D", "E"}, .reactions = {"0 -> A, 1", "A -> B, 1", "B -> C, 1", "C -> D, 1", "D -> E, 1", "E -> 0, 1"}, .volume = 1};
  try {
    (void)closed_equations(reduce(five.bind({}), Convention::stochastic), closure_family("normal"), 9, 0);
    FAIL();
  } catch (const ParameterError& e) {
    EXPECT_NE(std::string(e.what()).find("2,001 equations"), std::string::npos) << e.what();
  }
  QuietContext context;
  const Level level = closure_level(dimer(1));
  EXPECT_THROW((void)level.run({Stationary{}, {"X.mean"}, 0, {{"kind", Value("normol")}}}, context), ParameterError);
  EXPECT_THROW((void)level.run({Stationary{}, {"X.mean"}, 0, {{"order", Value(9)}}}, context), ParameterError);
  EXPECT_THROW((void)closure_family("gama"), ParameterError);
  EXPECT_EQ(closure_label(normal(3)), "normal-3");
}

TEST(Closure, GrowthWithoutBoundHasNoStationaryState) {
  const NetworkSpec birth{.species = {"X"}, .reactions = {"0 -> X, 1", "X -> 2X, 0.1"}, .volume = 1};
  const Answer a = stationary(closure_level(birth.bind({})), mean_variance, normal(2));
  EXPECT_NE(flag(a, "no-stable-state"), nullptr);
  EXPECT_EQ(flag(a, "diverged"), nullptr);  // exponential growth is no divergence in finite time
  EXPECT_TRUE(std::isnan(value(a, "X.mean")));
  // Over time it is followed: <n> = 10 (exp(0.1 t) - 1), through nine decades.
  const Answer path = at_times(closure_level(birth.bind({})), {1, 200}, mean_variance, normal(2));
  EXPECT_TRUE(path.flags.empty());
  EXPECT_NEAR(value(path, "X.mean", 1) / (10 * std::expm1(20.0)), 1, 1e-6);
}

TEST(Closure, BelowItsWindowTheBrusselatorDrifts) {  // check 2: no steady state below volume 1.2887 at c2 = 3
  const Answer below = stationary(closure_level(brusselator(1.2, 3)), mean_variance, normal(2)), inside = stationary(closure_level(brusselator(1.35, 3)), mean_variance, normal(2));
  EXPECT_NE(flag(below, "no-stable-state"), nullptr);
  EXPECT_TRUE(inside.flags.empty());
}

TEST(Closure, HillRatesOfAToggleSwitch) {  // linear noise and closure approach each other as the volume grows
  const auto toggle = [](double volume) {
    const NetworkSpec spec{.species = {"U", "V"},
                           .reactions = {"0 -> U, = volume*4/(1 + (V/volume)^2)", "U -> 0, 1", "0 -> V, = volume*2/(1 + (U/volume)^2)", "V -> 0, 1"},
                           .constants = {},
                           .volume = volume,
                           .initial = {{"U", 3 * volume}, {"V", 0}}};
    return spec.bind({});
  };
  double previous = 1e9;
  for (const double volume : {10.0, 100.0, 1000.0}) {
    const Answer lna = at_times(linear_noise_level(toggle(volume)), {5}, {"U.mean", "V.variance"}), closed = at_times(closure_level(toggle(volume)), {5}, {"U.mean", "V.variance"}, normal(2));
    const double difference = std::abs(value(lna, "U.mean") - value(closed, "U.mean")) / volume;
    EXPECT_LT(difference, 0.15 * previous);
    EXPECT_NEAR(value(lna, "V.variance") / value(closed, "V.variance"), 1, 3 / volume);
    previous = difference;
  }
}

TEST(LinearNoise, ConcentrationsAndBounds) {
  const LinearNoise noise(mrna_protein());
  const std::vector<double> times{1, 100};
  const MomentPath path = noise.solve(std::vector<double>{0, 0}, times, 1e-9);
  EXPECT_NEAR(path.mean[3], 50, 1e-5);
  EXPECT_NEAR(path.covariance[4 + 3], 50 * (1 + 5 / 1.2), 1e-4);
  EXPECT_NEAR(path.covariance[4 + 1], 5 / 0.6, 1e-5);
  EXPECT_LT(path.mean_bound[1], 1e-5);
}

}  // namespace
}  // namespace meso::kinetics
