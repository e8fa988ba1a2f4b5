#include "kits/kinetics/continuation.h"

#include <algorithm>

#include "kits/kinetics/birth_death.h"
#include "kits/kinetics/closure.h"
#include "kits/kinetics/closure_fixture.h"
#include "kits/kinetics/ladder.h"
#include "kits/kinetics/rate_equation.h"

namespace meso::kinetics {
namespace {

using namespace testing;
const std::string script = "closed moment equations, independent script";

NetworkSpec schlogl_spec(double k1 = 5, double k3 = 2.25, double k4 = 6.75) {
  return {.species = {"X"}, .reactions = {"2X -> 3X, k1", "3X -> 2X, k2", "0 -> X, k3", "X -> 0, k4"}, .constants = {{"k1", k1}, {"k2", 1}, {"k3", k3}, {"k4", k4}}, .volume = 10};
}
NetworkSpec brusselator_spec(double c2) {
  return {.species = {"X", "Y"},
          .reactions = {"2X + Y -> 3X, c1", "X -> Y, c2", "0 -> X, c3", "X -> 0, c4"},
          .constants = {{"c1", 0.9}, {"c2", c2}, {"c3", 1}, {"c4", 1}},
          .volume = 10};
}
NetworkSpec dimer_spec() { return {.species = {"X"}, .reactions = {"0 -> X, k1", "2X -> 0, k2"}, .constants = {{"k1", 1}, {"k2", 1}}, .volume = 10}; }

std::vector<Branch> branches(const NetworkSpec& spec, const std::string& level, BranchAsk ask, const Table& set = {}) {
  return network_system(spec, "test", "Test").bind(set).level(level).branches(ask);
}
BranchAsk over_volume(double from, double to, Table options = {}) {
  return {.parameter = "volume", .from = from, .to = to, .log = true, .observables = {"X.mean", "X.variance", "Y.mean"}, .options = std::move(options)};
}

// Special points of one kind, ascending; with their branch.
struct Special {
  SpecialPoint point;
  const Branch* branch;
};
std::vector<Special> specials(const std::vector<Branch>& all, const std::string& kind) {
  std::vector<Special> found;
  for (const Branch& branch : all)
    for (const SpecialPoint& point : branch.special)
      if (point.kind == kind) found.push_back({point, &branch});
  std::sort(found.begin(), found.end(), [](const Special& a, const Special& b) { return a.point.parameter < b.point.parameter; });
  return found;
}

double bisected(double low, double high, const std::function<bool(double)>& property) {
  const bool at_low = property(low);
  for (int k = 0; k < 60; ++k) {
    const double middle = 0.5 * (low + high);
    (property(middle) == at_low ? low : high) = middle;
  }
  return 0.5 * (low + high);
}

double exact_schlogl_mean(double volume, const std::vector<double>& k) {
  std::vector<double> birth, death;
  for (int n = 0; n < 400; ++n) {
    birth.push_back(k[0] * n * (n - 1.0) / volume + k[2] * volume);
    death.push_back(k[1] * n * (n - 1.0) * (n - 2.0) / (volume * volume) + k[3] * n);
  }
  const std::vector<double> law = birth_death_law(birth, death);
  double mean = 0;
  for (std::size_t n = 0; n < law.size(); ++n) mean += static_cast<double>(n) * law[n];
  return mean;
}

// Dimer at normal order 2: the means solve 8 x^3 - 12 e x^2 + (4 e^2 - 4) x + 5 e = 0 with e = 1/volume, so that folds are zeros of its discriminant.
double discriminant(double volume) {
  const double e = 1 / volume, a = 8, b = -12 * e, c = 4 * e * e - 4, d = 5 * e;
  return 18 * a * b * c * d - 4 * b * b * b * d + b * b * c * c - 4 * a * c * c * c - 27 * a * a * d * d;
}

TEST(Continuation, FoldsOfTheDimerAreZerosOfADiscriminant) {
  const auto all = branches(dimer_spec(), "closure", over_volume(0.2, 3200, normal(2)));
  const auto folds = specials(all, "fold");
  ASSERT_EQ(folds.size(), 2u);
  const double exact[] = {bisected(0.4, 0.6, [](double v) { return discriminant(v) > 0; }), bisected(2.2, 2.7, [](double v) { return discriminant(v) > 0; })};
  for (int k = 0; k < 2; ++k) {
    EXPECT_NEAR(folds[k].point.parameter, exact[k], folds[k].point.error + 1e-13) << k;
    EXPECT_LT(folds[k].point.error, 1e-9 * exact[k]);
    EXPECT_GT(folds[k].point.error, 0);
  }
  EXPECT_NEAR(folds[1].point.parameter, 2.44223, 1e-5);
  EXPECT_NEAR(folds[0].point.parameter, 0.4724, 1e-4);
  // In exact mean numbers: <n> = sqrt(A/2) I0(z)/I1(z), A = volume^2, z = 2 sqrt(2 A) (Mazo 1975).
  const double z = 2 * std::sqrt(2.0) * folds[1].point.parameter;
  double ratio = 0;
  for (int k = 2000; k >= 1; --k) ratio = 1 / (2.0 * k / z + ratio);
  EXPECT_NEAR(folds[1].point.parameter / std::sqrt(2.0) / ratio, 1.86798, 1e-5);
  measured("dimer", "normal-2 fold: first volume with a stable state", folds[1].point.parameter, folds[1].point.error, 2.44223, script);
  measured("dimer", "normal-2 fold: exact mean number there", folds[1].point.parameter / std::sqrt(2.0) / ratio, 1e-9, 1.86798, script);
  measured("dimer", "normal-2 fold: last volume of the spurious branch", folds[0].point.parameter, folds[0].point.error, 0.4724, script);
  // Every point of every branch is a root of the cubic.
  for (const Branch& branch : all) {
    for (const BranchPoint& p : branch.points) {
      const double e = 1 / p.parameter, x = p.value.at("X.mean") * e;
      const double size = 8 * std::abs(x * x * x) + 12 * e * x * x + std::abs((4 * e * e - 4) * x) + 5 * e;
      EXPECT_NEAR((8 * x * x * x - 12 * e * x * x + (4 * e * e - 4) * x + 5 * e) / size, 0, 1e-12);
    }
  }
  // The spurious branch is stable and physical at volume 0.2, far from the truth (2.5987, 1.3481).
  const BranchPoint& spurious = folds[0].branch->points.back().value.at("X.mean") > folds[0].branch->points.front().value.at("X.mean") ? folds[0].branch->points.back() : folds[0].branch->points.front();
  EXPECT_EQ(spurious.parameter, 0.2);
  EXPECT_TRUE(spurious.stable && spurious.physical);
  EXPECT_NEAR(spurious.value.at("X.mean") / 0.2, 4.946, 1e-3);
  EXPECT_NEAR(spurious.value.at("X.variance") / 0.2, 0.153, 1e-3);
}

TEST(Continuation, SchloglWindowInVolumeAndInExactMeanNumbers) {
  const auto folds = specials(branches(schlogl_spec(), "closure", over_volume(0.2, 3200, normal(2))), "fold");
  ASSERT_EQ(folds.size(), 2u);
  EXPECT_NEAR(folds[0].point.parameter, 1.0599, 5e-5);
  EXPECT_NEAR(folds[1].point.parameter, 19.370, 5e-4);
  const std::vector<double> k{5, 1, 2.25, 6.75}, scaled{4, 1, 1.152, 4.32};
  const double n_low = exact_schlogl_mean(folds[0].point.parameter, k), n_high = exact_schlogl_mean(folds[1].point.parameter, k);
  EXPECT_NEAR(n_low, 0.5575, 5e-5);
  EXPECT_NEAR(n_high, 16.942, 5e-4);
  measured("schlogl", "normal-2 fold: first volume with one stable state", folds[0].point.parameter, folds[0].point.error, 1.0599, script);
  measured("schlogl", "normal-2 fold: last volume with one stable state", folds[1].point.parameter, folds[1].point.error, 19.370, script);
  measured("schlogl", "normal-2 fold: exact mean number at the first", n_low, 1e-9, 0.5575, "product formula");
  measured("schlogl", "normal-2 fold: exact mean number at the last", n_high, 1e-9, 16.942, "product formula");
  // All roots times 0.8: x -> 0.8 x, t -> t / 0.64, volume -> volume / 0.8 leaves the master equation and the closure as they are.
  const auto again = specials(branches(schlogl_spec(4, 1.152, 4.32), "closure", over_volume(0.2, 3200, normal(2))), "fold");
  ASSERT_EQ(again.size(), 2u);
  EXPECT_NEAR(again[0].point.parameter, 1.32492, 1e-5);
  EXPECT_NEAR(again[1].point.parameter, 24.2122, 1e-4);
  for (int i = 0; i < 2; ++i) EXPECT_NEAR(again[i].point.parameter * 0.8, folds[i].point.parameter, again[i].point.error + folds[i].point.error + 1e-13 * folds[i].point.parameter);
  EXPECT_NEAR(exact_schlogl_mean(again[0].point.parameter, scaled), n_low, 1e-9);
  EXPECT_NEAR(exact_schlogl_mean(again[1].point.parameter, scaled), n_high, 1e-9);
}

TEST(Continuation, HopfPointsOfTheBrusselatorsClosure) {
  struct Case {
    double c2;
    std::vector<double> edges, digits;
  };
  for (const Case& c : {Case{3, {1.2887, 14.622}, {5e-5, 5e-4}}, Case{2.5, {0.9711, 44.143}, {5e-5, 5e-4}}, Case{2, {0.7744}, {5e-5}}}) {
    const auto all = branches(brusselator_spec(c.c2), "closure", over_volume(0.6, 3200, normal(2)));
    auto hopf = specials(all, "hopf");
    ASSERT_EQ(hopf.size(), c.edges.size()) << c.c2;
    for (std::size_t k = 0; k < hopf.size(); ++k) {
      const SpecialPoint& p = hopf[k].point;
      EXPECT_NEAR(p.parameter, c.edges[k], c.digits[k]) << c.c2;
      EXPECT_LT(p.error, 1e-8 * p.parameter);
      measured("brusselator", "normal-2 Hopf point, c2 = " + text(c.c2) + ", " + (k == 0 ? "first" : "last") + " volume of stability", p.parameter, p.error, c.edges[k], script);
      // The same by bisection at fixed volumes: eigenvalues of Newton's state, without continuation.
      std::vector<double> z{1, p.value.at("Y.mean") / p.parameter, p.value.at("X.variance") / p.parameter, 0, 1};
      z[3] = 1 - z[2];
      const auto stable = [&](double volume) {
        const ReducedNetwork network = reduce(brusselator(volume, c.c2), Convention::stochastic);
        const Flow flow = closed_flow(network, closure_family("normal"), 2);
        for (const double v : {z[2], 0.5 * z[2], 2 * z[2], 4 * z[2]}) {
          const auto point = newton(flow, std::vector<double>{z[0], z[1], z[2], z[3], v}, network);
          if (point && std::abs(point->z[1] - z[1]) < 0.01 * z[1]) return point->stable;
        }
        ADD_FAILURE() << "no state at volume " << volume;
        return false;
      };
      EXPECT_NEAR(p.parameter, bisected(p.parameter * (1 - 1e-3), p.parameter * (1 + 1e-3), stable), p.error + 1e-10 * p.parameter);
      EXPECT_GT(p.frequency, 0.5);
      // Between its Hopf points, and nowhere else, the branch is stable.
      for (const BranchPoint& q : hopf[k].branch->points)
        if (q.physical && q.parameter > 0.75) { EXPECT_EQ(q.stable, q.parameter > c.edges[0] - 1e-4 && (c.edges.size() == 1 || q.parameter < c.edges[1] + 1e-3)) << q.parameter; }
    }
  }
}

TEST(Continuation, HopfPointOfTheRateEquationIsExact) {  // c2 = c4 + c1 (c3/c4)^2 with frequency sqrt(c1)
  const auto hopf = specials(branches(brusselator_spec(3), "rate-equation", {.parameter = "c2", .from = 0.1, .to = 5, .observables = {"X.mean", "Y.mean"}}), "hopf");
  ASSERT_EQ(hopf.size(), 1u);
  EXPECT_NEAR(hopf[0].point.parameter, 1.9, hopf[0].point.error);
  EXPECT_LT(hopf[0].point.error, 1e-9);
  EXPECT_NEAR(hopf[0].point.frequency, std::sqrt(0.9), 1e-9);
  EXPECT_NEAR(hopf[0].point.value.at("Y.mean"), 10 * 1.9 / 0.9, 1e-8);
}

TEST(Continuation, FoldsOfTheRateEquationInARateConstant) {  // x' = k3 - (x^3 - 5 x^2 + 6.75 x): folds where 3 x^2 - 10 x + 6.75 = 0
  const auto all = branches(schlogl_spec(), "rate-equation", {.parameter = "k3", .from = 0.5, .to = 4, .observables = {"X.mean"}});
  ASSERT_EQ(all.size(), 1u);  // one curve through all three states
  const auto folds = specials(all, "fold");
  ASSERT_EQ(folds.size(), 2u);
  for (const int sign : {1, -1}) {
    const double x = (10 + sign * std::sqrt(100 - 81.0)) / 6, k3 = x * x * x - 5 * x * x + 6.75 * x;
    const SpecialPoint& p = folds[sign > 0 ? 0 : 1].point;
    EXPECT_NEAR(p.parameter, k3, p.error);
    EXPECT_LT(p.error, 1e-9);
    EXPECT_NEAR(p.value.at("X.mean"), 10 * x, 1e-5);  // the state varies as the square root of the parameter
  }
  EXPECT_EQ(all[0].points.front().parameter, 0.5);
  EXPECT_EQ(all[0].points.back().parameter, 4);
}

TEST(Continuation, TranscriticalPoint) {  // epidemic threshold of the rate equation: b N / volume = 1
  const NetworkSpec sis{.species = {"S", "I"}, .reactions = {"S + I -> 2I, b", "I -> S, 1"}, .constants = {{"b", 2}}, .volume = 100, .initial = {{"S", 99}, {"I", 1}}};
  const auto all = branches(sis, "rate-equation", {.parameter = "b", .from = 0.2, .to = 3, .observables = {"I.mean"}});
  ASSERT_EQ(all.size(), 2u);
  const auto crossings = specials(all, "branch-point");
  ASSERT_GE(crossings.size(), 1u);
  for (const Special& c : crossings) {
    EXPECT_NEAR(c.point.parameter, 1, c.point.error + 1e-7);
    EXPECT_LT(c.point.error, 1e-4);
  }
  for (const Branch& branch : all)
    for (const BranchPoint& p : branch.points) {
      const bool disease_free = std::abs(p.value.at("I.mean")) < 1e-6;
      if (std::abs(p.parameter - 1) > 1e-3 && p.physical) { EXPECT_EQ(p.stable, disease_free == (p.parameter < 1)) << p.parameter; }
    }
}

TEST(Continuation, PitchforkOfTheSymmetricToggle) {  // u = a / (1 + v^2): symmetric state 1 and slope -1 at a = 2
  const NetworkSpec toggle{.species = {"U", "V"},
                           .reactions = {"0 -> U, = volume*a/(1 + (V/volume)^2)", "U -> 0, 1", "0 -> V, = volume*a/(1 + (U/volume)^2)", "V -> 0, 1"},
                           .constants = {{"a", 3}},
                           .volume = 20,
                           .initial = {{"U", 10}, {"V", 0}}};
  const auto all = branches(toggle, "rate-equation", {.parameter = "a", .from = 0.5, .to = 5, .observables = {"U.mean", "V.mean"}});
  ASSERT_EQ(all.size(), 2u);  // the symmetric one, and one through both asymmetric states
  int symmetric = 0;
  for (const Branch& branch : all) {
    const BranchPoint& end = branch.points.back();
    if (std::abs(end.value.at("U.mean") - end.value.at("V.mean")) > 1e-6) {
      EXPECT_NEAR(branch.points.front().value.at("U.mean"), end.value.at("V.mean"), 1e-6);
      for (const BranchPoint& p : branch.points) EXPECT_GT(p.parameter, 2 - 1e-6);
      continue;
    }
    ++symmetric;
    const auto at = std::find_if(branch.special.begin(), branch.special.end(), [](const SpecialPoint& s) { return s.kind == "branch-point"; });
    ASSERT_NE(at, branch.special.end());
    EXPECT_NEAR(at->parameter, 2, at->error + 1e-7);
    for (const BranchPoint& p : branch.points)
      if (std::abs(p.parameter - 2) > 1e-3) { EXPECT_EQ(p.stable, p.parameter < 2); }
  }
  EXPECT_EQ(symmetric, 1);
}

// A family made by hand: a flow at each parameter value.
FlowFamily family_of(const NetworkSpec& spec, const std::string& parameter) {
  return [=](double p) {
    Network network = spec.bind({{parameter, p}}, false);
    ReducedNetwork reduced = reduce(network, Convention::macroscopic);
    Flow flow = rate_equation_flow(reduced);
    return std::make_shared<const FlowAt>(FlowAt{std::move(network), std::move(reduced), std::move(flow)});
  };
}
const StateValues amounts = [](const FlowAt& at, std::span<const double> z) { return std::map<std::string, double>{{"X.mean", mean_of(at.flow, z, at.reduced, 0)}}; };

TEST(Continuation, AClosedCurveIsFollowedOnce) {  // (x - 2.125)^2 + (p - 1)^2 = 0.515625
  const NetworkSpec isola{.species = {"X"}, .reactions = {"0 -> X, = volume*((X/volume - 2)^2 + (p - 1)^2)", "X -> 0, 0.25"}, .constants = {{"p", 1}}, .volume = 3};
  const auto all = trace_branches(family_of(isola, "p"), {.parameter = "p", .from = -1, .to = 3}, amounts);
  ASSERT_EQ(all.size(), 1u);
  EXPECT_NE(all[0].text.find("closed"), std::string::npos);
  const double radius = std::sqrt(0.515625);
  for (const BranchPoint& p : all[0].points) EXPECT_NEAR(std::hypot(p.value.at("X.mean") / 3 - 2.125, p.parameter - 1), radius, 1e-10);
  const auto folds = specials(all, "fold");
  ASSERT_EQ(folds.size(), 2u);
  EXPECT_NEAR(folds[0].point.parameter, 1 - radius, folds[0].point.error);
  EXPECT_NEAR(folds[1].point.parameter, 1 + radius, folds[1].point.error);
}

TEST(Continuation, PhysicalityEndsWhereAMeanPassesThroughZero) {  // x = p - 0.5
  const NetworkSpec linear{.species = {"X"}, .reactions = {"0 -> X, p", "X -> 0, 1", "X -> 0, = 0.5*volume"}, .constants = {{"p", 1}}, .volume = 7};
  const auto all = trace_branches(family_of(linear, "p"), {.parameter = "p", .from = 0, .to = 2}, amounts);
  ASSERT_EQ(all.size(), 1u);
  const auto edges = specials(all, "unphysical");
  ASSERT_EQ(edges.size(), 1u);
  EXPECT_NEAR(edges[0].point.parameter, 0.5, edges[0].point.error);
  EXPECT_LT(edges[0].point.error, 1e-9);
  EXPECT_NE(edges[0].point.text.find("<X>"), std::string::npos);
  for (const BranchPoint& p : all[0].points) EXPECT_EQ(p.physical, p.parameter > 0.5 - 1e-9) << p.parameter;
}

TEST(Continuation, ABranchThatGoesToInfinityEnds) {  // x = 1 / (p - 1)
  const NetworkSpec growth{.species = {"X"}, .reactions = {"0 -> X, 1", "X -> 0, p", "X -> 2X, 1"}, .constants = {{"p", 2}}, .volume = 1};
  const auto all = trace_branches(family_of(growth, "p"), {.parameter = "p", .from = 0.5, .to = 3}, amounts);
  const auto ends = specials(all, "end");
  ASSERT_EQ(ends.size(), 1u);
  EXPECT_NEAR(ends[0].point.parameter, 1, ends[0].point.error);
  EXPECT_LT(ends[0].point.error, 1e-2);
}

// What the stationary question finds at single volumes lies on the branches, at orders where states are found by many starts too.
TEST(Continuation, EveryStateOfTheStationaryQuestionLiesOnABranch) {
  for (const int order : {2, 3}) {
    const auto all = branches(schlogl_spec(), "closure", over_volume(1, 100, normal(order)));
    for (const double volume : {1.5, 5.0, 22.0, 60.0}) {
      for (const SteadyState& state : stationary(closure_level(schlogl(volume)), {"X.mean", "X.variance"}, normal(order)).steady_states) {
        bool found = false;
        for (const Branch& branch : all)
          for (std::size_t k = 1; k < branch.points.size(); ++k) {
            const BranchPoint &a = branch.points[k - 1], &b = branch.points[k];
            if ((a.parameter < volume) == (b.parameter < volume)) continue;
            const double f = (volume - a.parameter) / (b.parameter - a.parameter), mean = a.value.at("X.mean") + f * (b.value.at("X.mean") - a.value.at("X.mean"));
            found = found || (std::abs(mean - state.value.at("X.mean")) < 0.01 * mean && (a.stable || b.stable));
          }
        EXPECT_TRUE(found) << "order " << order << ", volume " << volume << ", mean " << state.value.at("X.mean");
      }
    }
  }
}

TEST(Continuation, LinearNoiseFollowsTheRateEquation) {
  const auto rate = branches(schlogl_spec(), "rate-equation", {.parameter = "k4", .from = 6, .to = 7.5, .observables = {"X.mean"}});
  const auto noise = branches(schlogl_spec(), "lna", {.parameter = "k4", .from = 6, .to = 7.5, .observables = {"X.mean", "X.variance"}});
  const auto a = specials(rate, "fold"), b = specials(noise, "end");
  ASSERT_EQ(a.size(), 2u);  // where the rate equation folds the covariance of linear noise diverges
  for (const Special& fold : a) {
    bool ends = false;
    for (const Branch& branch : noise)
      for (const BranchPoint& p : branch.points) ends = ends || (std::abs(p.parameter - fold.point.parameter) < 1e-2 && p.value.at("X.variance") > 300);
    EXPECT_TRUE(ends) << fold.point.parameter;
  }
}

TEST(Continuation, BadAsksAreNamed) {
  const auto refused = [](const BranchAsk& ask, const std::string& part, const NetworkSpec& spec) {
    try {
      (void)branches(spec, "rate-equation", ask);
      ADD_FAILURE() << "accepted: " << part;
    } catch (const ParameterError& e) {
      EXPECT_NE(std::string(e.what()).find(part), std::string::npos) << e.what();
    }
  };
  refused({.parameter = "volum", .from = 1, .to = 2}, "Did you mean 'volume'?", dimer_spec());
  refused({.parameter = "X0", .from = 1, .to = 2}, "no real number", dimer_spec());
  refused({.parameter = "combinatoric", .from = 0, .to = 1}, "no real number", dimer_spec());
  refused({.parameter = "volume", .from = 2, .to = 2}, "from < to", dimer_spec());
  refused({.parameter = "volume", .from = -1, .to = 2}, "above 0", dimer_spec());
  refused({.parameter = "k1", .from = 0, .to = 2, .log = true}, "logarithmic", dimer_spec());
  const NetworkSpec conserving{.species = {"A", "B"}, .reactions = {"A <-> B, 1; 2"}, .volume = 10, .initial_concentration = {{"A", 0.33}}};
  refused({.parameter = "volume", .from = 1, .to = 2}, "whole molecules", conserving);
}

TEST(Continuation, ALadderWithoutParametersHasNoBranches) {
  for (const Level& level : ladder(dimer(5))) EXPECT_FALSE(level.branches);
}

}  // namespace
}  // namespace meso::kinetics
