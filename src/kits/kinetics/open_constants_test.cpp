// Extrinsic noise, laws of initial counts, and events, against exact laws.
#include "kits/kinetics/open_constants.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "kits/kinetics/level_fixture.h"
#include "testing/statistics.h"

namespace meso::kinetics {
namespace {

Answer run(const std::string& level, const Network& network, const Ask& ask, std::uint64_t trajectories = 20000, unsigned threads = 2) {
  return testing::run_level(network, level, ask, {.seed = 23, .threads = threads}, "test/open", trajectories);
}
std::string refused(const NetworkSpec& spec) {
  try {
    (void)spec.bind({});
  } catch (const ModelError& error) {
    return error.what();
  }
  return "";
}
MeanCheck check(const Answer& answer, const char* name, std::size_t i, double exact) {
  const Estimate* found = answer.find(name);
  if (found == nullptr) return {exact, std::nan(""), 1, std::string(name) + " is absent"};
  const Estimate& e = *found;
  return {exact, e.value[i], e.se(i), std::string(name) + " " + std::to_string(i), e.dof};
}

// ------------------------------------------------------------------------------------------------------ extrinsic noise

TEST(ExtrinsicNoise, AGammaRateMakesPoissonCountsNegativeBinomial) {
  // X from none with birth rate k and death 1 is Poisson of mean k (1 - e^-t); with k gamma of shape 3 and mean 8, negative binomial of that shape.
  const NetworkSpec spec{.species = {"X"}, .reactions = {"0 -> X, k", "X -> 0, 1"}, .constants = {{"k", 8}}, .noise = {{"k", "gamma(3, k)"}}};
  const Network network = spec.bind({});
  const Ask ask{Times{{0, 0.5, 4}}, {"X.mean", "X.variance", "X.fano", "X.distribution"}};
  const Answer ssa = run("ssa", network, ask), one = run("ssa", network, ask, 300, 1), three = run("ssa", network, ask, 300, 3);
  EXPECT_EQ(one.find("X.variance")->value, three.find("X.variance")->value);
  std::vector<MeanCheck> means, others;
  for (const std::size_t i : {1u, 2u}) {
    const double m = 8 * (1 - std::exp(-ask.times()[i]));
    means.push_back(check(ssa, "X.mean", i, m));
    others.push_back(check(ssa, "X.variance", i, m + m * m / 3));
    means.push_back(check(ssa, "X.fano", i, 1 + m / 3));
  }
  EXPECT_TRUE(MeansMatch(means, 1));
  EXPECT_TRUE(MeansMatch(others, 6));
  const Estimate& p = *ssa.find("X.distribution");
  const std::size_t width = p.axes[1].points.size();
  const double m = 8 * (1 - std::exp(-4.0));
  double cdf = 0, exact_cdf = 0, worst = 0;
  for (std::size_t n = 0; n < width; ++n) {
    cdf += p.value[2 * width + n];
    exact_cdf += std::exp(std::lgamma(n + 3.0) - std::lgamma(3.0) - std::lgamma(n + 1.0) + 3 * std::log(3 / (3 + m)) + n * std::log(m / (3 + m)));
    worst = std::max(worst, std::abs(cdf - exact_cdf));
  }
  EXPECT_LT(worst, std::sqrt(std::log(2 / 1e-9) / (2 * 20000.0)));  // Dvoretzky-Kiefer-Wolfowitz
  // A changed nominal value moves the mean: sweeps work.
  EXPECT_TRUE(MeansMatch({check(run("ssa", spec.bind({{"k", 2}}), ask), "X.mean", 2, 2 * (1 - std::exp(-4.0)))}, 0.15));
}

TEST(ExtrinsicNoise, EveryLawHasItsMeanAndVarianceAndAStreamOfItsOwn) {
  struct Case {
    const char* law;
    double mean, variance;
  };
  const double z = 1 / 0.5, density = std::exp(-z * z / 2) / std::sqrt(2 * std::acos(-1.0)), above = std::erfc(-z / std::sqrt(2.0)) / 2, ratio = density / above;
  for (const Case& c : {Case{"log-normal(k, 0.5)", 6, 9}, {"uniform(0.5*k, 1.5*k)", 6, 3}, {"two-point(2, 8, 0.25)", 6.5, 6.75}, {"exponential(k)", 6, 36},
                        {"normal(k, k/2)", 6 + 3 * ratio, 9 * (1 - z * ratio - ratio * ratio)}}) {
    const Network network = NetworkSpec{.species = {"X"}, .reactions = {"0 -> X, k"}, .constants = {{"k", 6}}, .noise = {{"k", c.law}}}.bind({});
    EXPECT_NEAR(network.open_constants[0].law->mean(), c.mean, 1e-12) << c.law;
    const Answer ssa = run("ssa", network, Ask{Times{{2}}, {"X.mean", "X.variance"}});
    EXPECT_TRUE(MeansMatch({check(ssa, "X.mean", 0, 2 * c.mean)}, 1)) << c.law;
    EXPECT_TRUE(MeansMatch({check(ssa, "X.variance", 0, 2 * c.mean + 4 * c.variance)}, 45)) << c.law;
  }
}

TEST(ExtrinsicNoise, StandsInLawsAndMassActionOfAnyOrder) {
  // 2X -> 0 with a noise of no width is 2X -> 0.
  const NetworkSpec plain{.species = {"X"}, .reactions = {"2X -> 0, k", "X -> 0, = k*X/(1 + X)"}, .constants = {{"k", 0.3}}, .volume = 2, .initial = {{"X", 20}}};
  NetworkSpec noisy = plain;
  noisy.noise = {{"k", "fixed(k)"}};
  const Ask ask{Times{{1, 3}}, {"X.mean", "X.variance"}};
  const Answer exact = run("fsp", plain.bind({}), ask), ssa = run("ssa", noisy.bind({}), ask);
  EXPECT_TRUE(MeansMatch({check(ssa, "X.mean", 0, exact.find("X.mean")->value[0]), check(ssa, "X.mean", 1, exact.find("X.mean")->value[1]), check(ssa, "X.variance", 1, exact.find("X.variance")->value[1])}, 0.3));
  const Answer halved = run("fsp", plain.bind({{"combinatoric", 1}}), ask), drawn = run("ssa", noisy.bind({{"combinatoric", 1}}), ask);
  EXPECT_TRUE(MeansMatch({check(drawn, "X.mean", 0, halved.find("X.mean")->value[0]), check(drawn, "X.mean", 1, halved.find("X.mean")->value[1])}, 0.3));
}

TEST(ExtrinsicNoise, IsRefusedByNameWhereItCannotStand) {
  NetworkSpec spec{.species = {"X"}, .reactions = {"0 -> X, k", "X -> 0, d"}, .constants = {{"k", 8}, {"d", 1}}};
  spec.noise = {{"kk", "gamma(3, k)"}};
  EXPECT_EQ(refused(spec), "noise: 'kk' is no constant of the network. Did you mean 'k'?\n  constants: d, k");
  spec.noise = {{"k", "gamma(3)"}};
  EXPECT_EQ(refused(spec), "noise of 'k': law 'gamma(3)': 1 number given, it is written gamma(shape, mean)");
  spec.noise = {{"k", "gamma(3, X)"}};
  EXPECT_EQ(refused(spec), "noise of 'k': law 'gamma(3, X)': 'X' is no constant; a law is made of constants and 'volume'");
  spec.noise = {{"k", "two-point(1, 2, 3)"}};
  EXPECT_EQ(refused(spec), "noise of 'k': law 'two-point(1, 2, 3)': p is 3; it must be from 0 to 1");
  spec.noise = {{"k", "gamma(3, k)"}};
  spec.passages = {{"up", "X > k"}};
  EXPECT_EQ(refused(spec), "passage 'up' depends on 'k', which is drawn per trajectory; it must be a number from the start");
  spec.passages = {};
  spec.reactions[1] = "X -> 0, d after k";
  EXPECT_EQ(refused(spec), "reaction 'X -> 0, d after k': the delay depends on 'k', which is drawn per trajectory; it must be a number from the start");
  spec.reactions[1] = "X -> 0, d";
  for (const char* level : {"next-reaction", "tau-leap", "cle", "hybrid", "fsp", "closure", "lna", "rate-equation"}) {
    try {
      (void)run(level, spec.bind({}), Ask{Times{{1}}, {"X.mean"}}, 16, 1);
      ADD_FAILURE() << level;
    } catch (const ModelError& error) {
      EXPECT_EQ(std::string(error.what()), std::string(level) + ": constant 'k' is drawn per trajectory; this level has one value for all. Levels that draw: ssa");
    }
  }
  EXPECT_EQ(run("exact", spec.bind({}), Ask{Times{{1}}, {"X.mean"}}, 16, 1).why, "ssa: constant 'k' is drawn per trajectory");
}

// ------------------------------------------------------------------------------------------------------ initial counts

TEST(CountLaw, HasTheMomentsItIsGivenAndDrawsWhatItSays) {
  for (const auto& [text, mean, variance] : {std::tuple{"variance(30)", 10.0, 30.0}, {"variance(10)", 10.0, 10.0}, {"variance(4)", 10.0, 4.0}, {"variance(6.3)", 10.0, 6.3}, {"variance(0.01)", 10.0, 0.01},
                                             {"poisson", 7.0, 7.0}, {"variance(0)", 4.0, 0.0}, {"mixture(0, 0.5, 8, 1.5)", 6.0, 12.0}, {"variance(2500)", 3.0, 2500.0}}) {
    const bool mixture = std::string(text).starts_with("mixture");
    const CountLaw law = parse_count_law(text, mixture ? 0 : mean, {});
    std::int64_t first = 0;
    const std::vector<double> p = law.probabilities(1e-14, first);
    double mass = 0, m = 0, second = 0, third = 0, fourth = 0;
    for (std::size_t i = 0; i < p.size(); ++i) {
      const double n = static_cast<double>(first) + static_cast<double>(i);
      mass += p[i];
      m += n * p[i];
    }
    for (std::size_t i = 0; i < p.size(); ++i) {
      const double d = static_cast<double>(first) + static_cast<double>(i) - m;
      second += d * d * p[i];
      third += d * d * d * p[i];
      fourth += d * d * d * d * p[i];
    }
    EXPECT_NEAR(mass, 1, 1e-11) << text;
    EXPECT_NEAR(m, mean, 1e-8) << text;
    EXPECT_NEAR(second, variance, 1e-7 * (1 + variance)) << text;
    const std::vector<double> kappa = law.cumulants();
    EXPECT_NEAR(kappa[0], mean, 1e-12) << text;
    EXPECT_NEAR(kappa[1], variance, 1e-9 * (1 + variance)) << text;
    EXPECT_NEAR(kappa[2], third, 1e-5 * (1 + std::abs(third))) << text;
    EXPECT_NEAR(kappa[3], fourth - 3 * second * second, 1e-4 * (1 + fourth)) << text;
    Stream rng(1, 0, "test/count-law");
    std::vector<double> sample(20000);
    for (double& x : sample) x = static_cast<double>(law.draw(rng));
    std::vector<double> sums{0};
    for (const double one : p) sums.push_back(sums.back() + one);
    EXPECT_TRUE(DistributionMatches(sample, [&](double x) { return sums[static_cast<std::size_t>(std::clamp(std::floor(x) - static_cast<double>(first) + 1, 0.0, static_cast<double>(p.size())))]; }, 0.05)) << text;
  }
}

TEST(InitialLaw, EveryLevelStartsFromItExactly) {
  // Immigration 2, death 1, X(0) of mean 10 and variance 30: mean 2 + 8 e^-t; variance: that of thinned counts, q^2 (30 - 10) + q 10, plus 2 (1 - q), q = e^-t.
  const NetworkSpec spec{.species = {"X"}, .reactions = {"0 -> X, 2", "X -> 0, 1"}, .initial = {{"X", 10}}, .initial_law = {{"X", "variance(30)"}}};
  const Ask ask{Times{{0, 0.5, 2}}, {"X.mean", "X.variance", "X.cumulant3"}};
  const Answer fsp = run("fsp", spec.bind({}), ask), lna = run("lna", spec.bind({}), ask), ssa = run("ssa", spec.bind({}), ask), next = run("next-reaction", spec.bind({}), ask), cle = run("cle", spec.bind({}), ask), rate = run("rate-equation", spec.bind({}), ask);
  Ask third = ask;
  third.options = {{"kind", Value(std::string("normal"))}, {"order", Value(std::int64_t{3})}};
  const Answer closure = run("closure", spec.bind({}), third);
  std::vector<MeanCheck> means, variances;
  for (std::size_t i = 0; i < 3; ++i) {
    const double q = std::exp(-ask.times()[i]), m = 2 + 8 * q, v = q * q * 20 + q * 10 + 2 * (1 - q);
    for (const Answer* answer : {&fsp, &lna, &closure}) {
      EXPECT_NEAR(answer->find("X.mean")->value[i], m, 1e-6) << i;
      EXPECT_NEAR(answer->find("X.variance")->value[i], v, 1e-4) << i;
      EXPECT_FALSE(answer->find("X.mean")->is_exact(i));
    }
    EXPECT_NEAR(closure.find("X.cumulant3")->value[i], fsp.find("X.cumulant3")->value[i], 1e-5 * 150) << i;
    EXPECT_NEAR(rate.find("X.mean")->value[i], m, 1e-7);
    means.push_back(check(ssa, "X.mean", i, m));
    variances.push_back(check(ssa, "X.variance", i, v));
    means.push_back(check(next, "X.mean", i, m));
    if (i == 0) means.push_back(check(cle, "X.mean", i, m));
  }
  EXPECT_TRUE(MeansMatch(means, 0.5));
  EXPECT_TRUE(MeansMatch(variances, 6));
}

TEST(InitialLaw, AMixtureIsItsParts) {
  // Pure death from 0 or 12: the law at t is the mixture of binomial laws.
  const NetworkSpec spec{.species = {"X"}, .reactions = {"X -> 0, 1"}, .initial_law = {{"X", "mixture(0, 1, 12, 3)"}}};
  const Ask ask{Times{{0, 1}}, {"X.distribution", "X.mean"}};
  const Answer fsp = run("fsp", spec.bind({}), ask), ssa = run("ssa", spec.bind({}), ask);
  EXPECT_NEAR(fsp.find("X.distribution")->value[0], 0.25, 1e-12);
  const double none = std::pow(1 - std::exp(-1.0), 12);
  const Estimate& p = *fsp.find("X.distribution");
  EXPECT_NEAR(p.value[p.axes[1].points.size()], 0.25 + 0.75 * none, 1e-8);
  EXPECT_TRUE(MeansMatch({check(ssa, "X.mean", 0, 9), check(ssa, "X.mean", 1, 9 * std::exp(-1.0))}, 0.4));
}

TEST(InitialLaw, WrongOnesAndLevelsThatCannotAreRefused) {
  NetworkSpec spec{.species = {"X", "Y"}, .reactions = {"X <-> Y, 1; 2"}, .initial = {{"X", 10}}};
  const auto with = [&](const char* law) {
    spec.initial_law = {{"X", law}};
    return refused(spec);
  };
  EXPECT_EQ(with("variance"), "initial-law of 'X': 'variance' needs its numbers: variance(v), mixture(n1, w1, n2, w2, ...)");
  EXPECT_EQ(with("varance(3)"), "initial-law of 'X': unknown law 'varance'. Did you mean 'variance'?\n  known: point, poisson, variance(v), mixture(n1, w1, n2, w2, ...)");
  EXPECT_EQ(with("variance(-1)"), "initial-law of 'X': 'variance(-1)': no law on the natural numbers has the mean 10 and a variance below 0");
  EXPECT_EQ(with("mixture(1, 2)"), "initial-law: a mixture has its own mean; take 'X' out of initial");
  spec.initial = {};
  EXPECT_EQ(with("mixture(1, 2, 3)"), "initial-law of 'X': 'mixture(1, 2, 3)' takes pairs: a count and its weight, mixture(0, 0.3, 50, 0.7)");
  EXPECT_EQ(with("mixture(1.5, 2)"), "initial-law of 'X': 'mixture(1.5, 2)': 1.5 is no number of molecules");
  EXPECT_EQ(with("variance(3)"), "initial-law of 'X': 'variance(3)': the mean is 0, so that the variance is 0 too; give an initial amount");
  spec.initial = {{"X", 10}};
  spec.initial_law = {{"X", "poisson"}};
  const auto said = [&](const char* level, const Ask& ask) -> std::string {
    try {
      (void)run(level, spec.bind({}), ask, 16, 1);
    } catch (const ModelError& error) {
      return error.what();
    }
    return "";
  };
  const std::string total = ": the initial count of X is drawn, so that a conserved total differs between trajectories. Levels that draw: ssa, next-reaction, tau-leap, cle, hybrid, fsp over times";
  EXPECT_EQ(said("lna", Ask{Times{{1}}, {"X.mean"}}), "lna" + total);
  EXPECT_EQ(said("closure", Ask{Times{{1}}, {"X.mean"}}), "closure" + total);
  EXPECT_EQ(said("fsp", Ask{Times{{1}}, {"X.mean"}}), "");
  EXPECT_EQ(said("rate-equation", Ask{Times{{1}}, {"X.mean"}}), "");
  EXPECT_EQ(said("fsp", Ask{Stationary{1.0, 1.0}, {"X.mean"}}), "fsp: initial counts are drawn; ask for times, or give counts");
}

// -------------------------------------------------------------------------------------------------------------- events

TEST(Events, RepeatedDosesAddUpAsThePharmacokineticsSays) {
  // 20 at t = 0, 2, 4 into first-order loss 0.5: the sum of exponentials; each dose decays to a binomial count.
  NetworkSpec spec{.species = {"X"}, .reactions = {"X -> 0, 0.5"}};
  spec.events = {{.name = "dose", .at = {0, 2, 4}, .add = {{"X", "20"}}}};
  const Ask ask{Times{{0, 1, 2, 3, 5}}, {"X.mean", "X.variance"}};
  const Answer ssa = run("ssa", spec.bind({}), ask), rate = run("rate-equation", spec.bind({}), ask);
  std::vector<MeanCheck> checks;
  for (std::size_t i = 0; i < 5; ++i) {
    double mean = 0, variance = 0;
    for (const double dose : {0.0, 2.0, 4.0})
      if (const double q = std::exp(-0.5 * (ask.times()[i] - dose)); ask.times()[i] >= dose) {
        mean += 20 * q;
        variance += 20 * q * (1 - q);
      }
    EXPECT_NEAR(rate.find("X.mean")->value[i], mean, 1e-5) << i;
    if (i == 0) {
      EXPECT_EQ(ssa.find("X.mean")->value[0], 20);
      continue;
    }
    checks.push_back(check(ssa, "X.mean", i, mean));
    checks.push_back(check(ssa, "X.variance", i, variance));
  }
  EXPECT_TRUE(MeansMatch(checks, 1.5));
}

TEST(Events, ConditionsFireWhenTheyTurnTrueAndConstantsCanBeSet) {
  // Division: at 20 molecules half are lost; a birth process of rate 1 takes 20, then 10 births more for every further division.
  NetworkSpec division{.species = {"X", "N"}, .reactions = {"0 -> X, 1"}};
  division.events = {{.name = "division", .when = "X >= 20", .set = {{"X", "floor(X/2)"}}, .add = {{"N", "1"}}}};
  const Answer divided = run("ssa", division.bind({}), Ask{Times{{400}}, {"X.mean", "N.mean"}}, 4000);
  // Births B are Poisson of mean 400; N = floor((B - 10) / 10) for B >= 20, X = B - 10 N.
  double n = 0, x = 0;
  for (int b = 0; b < 800; ++b) {
    const double p = std::exp(b * std::log(400.0) - 400 - std::lgamma(b + 1.0)), divisions = b >= 20 ? std::floor((b - 10) / 10.0) : 0;
    n += p * divisions;
    x += p * (b - 10 * divisions);
  }
  EXPECT_TRUE(MeansMatch({check(divided, "N.mean", 0, n), check(divided, "X.mean", 0, x)}, 0.5));
  // The rate constant is switched off at t = 3.
  NetworkSpec pulse{.species = {"X"}, .reactions = {"0 -> X, k"}, .constants = {{"k", 5}}};
  pulse.events = {{.name = "off", .at = {3}, .set = {{"k", "0"}}}};
  const Ask ask{Times{{2, 9}}, {"X.mean"}};
  const Answer off = run("ssa", pulse.bind({}), ask), mean = run("rate-equation", pulse.bind({}), ask);
  EXPECT_TRUE(MeansMatch({check(off, "X.mean", 0, 10), check(off, "X.mean", 1, 15)}, 0.3));
  EXPECT_NEAR(mean.find("X.mean")->value[1], 15, 1e-6);
}

TEST(Events, WrongOnesAreRefusedWithTheirName) {
  NetworkSpec spec{.species = {"Xa"}, .reactions = {"0 -> Xa, k"}, .constants = {{"k", 5}}};
  const auto with = [&](NetworkSpec::Event event) {
    event.name = "dose";
    event.where = "my.toml:9";
    spec.events = {std::move(event)};
    return refused(spec);
  };
  EXPECT_EQ(with({.at = {1}, .add = {{"Xb", "1"}}}), "my.toml:9: event 'dose': 'Xb' is neither a species nor a constant. Did you mean 'Xa'?\n  known: Xa, k");
  EXPECT_EQ(with({.at = {1}}), "my.toml:9: event 'dose': it changes nothing; give 'add' or 'set'");
  EXPECT_EQ(with({.add = {{"Xa", "1"}}}), "my.toml:9: event 'dose': give either times ('at', or 'every' and 'count') or a condition ('when')");
  EXPECT_EQ(with({.at = {1}, .when = "Xa > 2", .add = {{"Xa", "1"}}}), "my.toml:9: event 'dose': give either times ('at', or 'every' and 'count') or a condition ('when')");
  EXPECT_EQ(with({.at = {-1}, .add = {{"Xa", "1"}}}), "my.toml:9: event 'dose': the time -1 must be a number >= 0");
  EXPECT_EQ(with({.when = "Xc > 2", .add = {{"Xa", "1"}}}), "my.toml:9: event 'dose': unknown name 'Xc' in 'Xc > 2'. Did you mean 'Xa'?\n  known: Xa, k, t, volume");
  EXPECT_EQ(with({.at = {1}, .set = {{"Xa", "1"}}, .add = {{"Xa", "1"}}}), "my.toml:9: event 'dose': 'Xa' is set and added to; choose one");
  EXPECT_EQ(with({.at = {1}, .add = {{"Xa", "2*k"}}}), "");
  try {
    (void)run("fsp", spec.bind({}), Ask{Times{{1}}, {"Xa.mean"}}, 16, 1);
    ADD_FAILURE();
  } catch (const ModelError& error) {
    EXPECT_EQ(std::string(error.what()), "fsp: there are events ('dose'), which this level does not have. Levels that have them: ssa, rate-equation");
  }
  (void)with({.at = {1}, .add = {{"Xa", "0.5"}}});
  try {
    (void)run("ssa", spec.bind({}), Ask{Times{{2}}, {"Xa.mean"}}, 16, 1);
    ADD_FAILURE();
  } catch (const ModelError& error) {
    EXPECT_NE(std::string(error.what()).find("an event makes 'Xa'"), std::string::npos);
    EXPECT_NE(std::string(error.what()).find("at t = 1; exact simulation needs whole numbers of molecules"), std::string::npos);
  }
}

}  // namespace
}  // namespace meso::kinetics
