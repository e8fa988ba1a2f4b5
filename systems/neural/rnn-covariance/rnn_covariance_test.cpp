// The preset: what it answers at small size, what it refuses and warns of, and that threads change nothing.
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstring>

#include "base/error.h"
#include "systems/neural/rnn-covariance/test_support.h"
#include "testing/measured.h"

namespace meso::systems::rnn_covariance {
namespace {

using namespace testing;

const char* const name = "rnn-covariance";

TEST(MeanFieldLevel, HasTheReferenceValuesOfChaos) {
  // g, Delta_0, C_phi(0), a, half-width, PR/N (2 %), PR/N of long windows (2 %)
  for (const auto& row : std::vector<std::array<double, 7>>{{1.5, 0.74769, 0.34209, 0.65791, 7.846, 0, 0}, {2, 1.92481, 0.51318, 0.48682, 5.361, 0.0197, 0.00271}, {3, 5.44633, 0.68058, 0.31942, 4.084, 0.0447, 0.00668}, {5, 16.964, 0.81075, 0.18925, 3.455, 0.0741, 0.01095}}) {
    const Answer a = run({{"g", row[0]}}, "dmft", stationary({"x.variance", "phi.variance", "gain.mean", "half.width", "participation", "participation.long"}, 100));
    const std::string at = "g = " + std::to_string(row[0]).substr(0, 3);
    const std::array<const char*, 4> names{"x.variance", "phi.variance", "gain.mean", "half.width"};
    const std::array<double, 4> tolerance{row[0] == 5 ? 5e-4 : 1e-4, 1e-4, 1e-4, 1e-2};
    for (std::size_t k = 0; k < 4; ++k) {
      EXPECT_NEAR(value(a, names[k]), row[k + 1], tolerance[k]) << at;
      measured(name, std::string(names[k]) + " of mean-field theory, " + at, value(a, names[k]), 0, row[k + 1], "independent quadrature in two dimensions");
    }
    if (row[5] == 0) continue;
    EXPECT_NEAR(value(a, "participation"), row[5], 0.02 * row[5]) << at;
    EXPECT_NEAR(value(a, "participation.long"), row[6], 0.02 * row[6]) << at;
    measured(name, "participation of typical matrices, " + at, value(a, "participation"), 0, row[5], "quadrature");
    measured(name, "participation of long windows, " + at, value(a, "participation.long"), 0, row[6], "quadrature");
  }
  const Answer ten = run({{"g", 10.0}}, "dmft", stationary({"participation", "participation.long"}, 100));
  EXPECT_NEAR(value(ten, "participation"), 0.1007, 0.02 * 0.1007);
  EXPECT_NEAR(value(ten, "participation.long"), 0.01395, 0.02 * 0.01395);
}

TEST(MeanFieldLevel, HasTheReferenceValuesInDiscreteTime) {
  for (const auto& row : std::vector<std::array<double, 6>>{{2, 0, 2.12147, 0.53037, 0.46963, 0.22170}, {1.5, 1, 2.20930, 0.53747, 0.46253, 0.76830}}) {
    const Answer a = run({{"time", "discrete"}, {"g", row[0]}, {"sigma", row[1]}}, "dmft", stationary({"x.variance", "phi.variance", "gain.mean", "participation"}, 100));
    const std::array<const char*, 4> names{"x.variance", "phi.variance", "gain.mean", "participation"};
    for (std::size_t k = 0; k < 4; ++k) {
      EXPECT_NEAR(value(a, names[k]), row[k + 2], 1e-4);
      measured(name, std::string(names[k]) + " of discrete mean-field theory, g = " + std::to_string(row[0]).substr(0, 3), value(a, names[k]), 0, row[k + 2], "independent quadrature");
    }
  }
}

TEST(LinearLimit, IsExact) {
  // phi(x) = x, g = 0.5, sigma = 1: the drive must come out as 1 and Sigma = J Sigma J^T + 1.
  const Table linear{{"time", "discrete"}, {"gain", "linear"}, {"g", 0.5}, {"sigma", 1.0}, {"N", 40}};
  const Answer theory = run(linear, "dmft", stationary({"phi.variance", "residual.variance"}, 100));
  EXPECT_NEAR(value(theory, "phi.variance"), 4.0 / 3, 1e-10);
  EXPECT_NEAR(value(theory, "residual.variance"), 0, 1e-10);
  const Answer matrix = run(linear, "linear-equivalent", stationary({"phi.covariance"}, 100));
  const std::vector<double>& s = matrix.find("phi.covariance")->value;
  const neuron::Couplings j = neuron::draw_couplings({.g = 0.5}, 40, Stream(1, 0, "neuron/couplings"));
  double worst = 0;
  for (std::size_t r = 0; r < 40; ++r)
    for (std::size_t c = 0; c < 40; ++c) {
      double sum = r == c;
      for (std::size_t u = 0; u < 40; ++u)
        for (std::size_t v = 0; v < 40; ++v) sum += j(r, u) * s[u * 40 + v] * j(c, v);
      worst = std::max(worst, std::abs(sum - s[r * 40 + c]));
    }
  EXPECT_LT(worst, 1e-10);
  measured(name, "largest |Sigma - J Sigma J^T - 1|, linear gain", worst, 0, 0, "exact");
}

TEST(BelowTheTransition, ActivityDecaysAndMeanFieldTheoryIsTrivial) {
  Ask ask;
  ask.when = Times{{0, 100, 200}};
  ask.observables = {"x.variance"};
  const Answer a = run({{"g", 0.8}, {"N", 800}, {"dt", 0.1}}, "network", ask);
  EXPECT_NEAR(a.find("x.variance")->value[0], 1, 0.35);  // 1 +- sqrt(2/800), 6 deviations
  const double norm = std::sqrt(800 * a.find("x.variance")->value[2]);
  EXPECT_LT(norm, 1e-6);
  measured(name, "|x| at t = 200, g = 0.8", norm, 0, "below 1e-6");
  const Answer theory = run({{"g", 0.8}}, "dmft", stationary({"x.variance", "phi.variance", "gain.mean", "phi.autocovariance"}, 100));
  EXPECT_EQ(value(theory, "x.variance"), 0);
  EXPECT_EQ(value(theory, "gain.mean"), 1);
  ASSERT_NE(flag(theory, "note"), nullptr);
  EXPECT_NE(flag(theory, "note")->text.find("the quiet state x = 0"), std::string::npos);
  EXPECT_EQ(value(run({{"g", 0.8}, {"N", 50}}, "linear-equivalent", stationary({"phi.variance"}, 100)), "phi.variance"), 0);
}

TEST(Network, GivesTheSameBitsOnOneTwoAndThreeThreads) {
  const Ask ask = stationary({"phi.variance", "participation", "match.slope", "match.agreement", "residual.rms", "wick.slope", "half.width", "phi.covariance", "x.autocovariance"}, 60, 5);
  for (const char* time : {"discrete", "continuous"}) {
    const Table parameters{{"time", time}, {"g", 1.2}, {"sigma", 1.0}, {"N", 50}};
    std::vector<Answer> answers;
    for (const unsigned threads : {1u, 2u, 3u}) {
      LevelRun engine({.seed = 5, .threads = threads}, "rnn-covariance/network");
      engine.set_trajectories(11);
      answers.push_back(system().bind(parameters).level("network").run(ask, engine));
    }
    ASSERT_GE(answers[0].estimates.size(), 8u);
    for (const std::size_t k : {1u, 2u})
      for (std::size_t e = 0; e < answers[0].estimates.size(); ++e) {
        const Estimate &a = answers[0].estimates[e], &b = answers[k].estimates[e];
        ASSERT_EQ(a.value.size(), b.value.size());
        EXPECT_EQ(std::memcmp(a.value.data(), b.value.data(), a.value.size() * sizeof(double)), 0) << time << ": " << a.observable << " on " << k + 1 << " threads";
      }
  }
}

TEST(Network, TellsWhatItsNumbersAreWorth) {
  const Answer short_window = run({{"time", "discrete"}, {"g", 1.5}, {"sigma", 1.0}, {"N", 60}}, "network", stationary({"participation"}, 50), 2);
  ASSERT_NE(flag(short_window, "few-samples"), nullptr);
  EXPECT_NE(flag(short_window, "few-samples")->text.find("about 50 effective samples a trajectory for a covariance matrix of N = 60"), std::string::npos);
  const Answer refused = run({{"g", 3.0}, {"N", 200}, {"realisation", 1}, {"dt", 0.1}}, "network", stationary({"phi.variance", "match.slope"}, 20, 5), 2);
  ASSERT_EQ(refused.find("match.slope"), nullptr);
  EXPECT_NE(flag(refused, "note")->text.find("does not exist"), std::string::npos);
}

TEST(LinearEquivalent, IsRefusedWhereItDoesNotExist) {
  // Small matrices scatter: one of the first has a rho(J) >= 1 in chaos.
  bool refused = false, given = false;
  for (int r = 1; r <= 12 && !(refused && given); ++r) {
    const Answer a = run({{"g", 3.0}, {"N", 60}, {"realisation", r}}, "linear-equivalent", stationary({"participation", "stability"}, 100));
    if (const Flag* f = flag(a, "no-linear-equivalent")) {
      refused = true;
      EXPECT_TRUE(f->fatal);
      EXPECT_NE(f->text.find("a rho(J) = 1."), std::string::npos) << f->text;
      EXPECT_NE(f->text.find("spectral radius rho(J) = "), std::string::npos) << f->text;
      EXPECT_TRUE(std::isnan(value(a, "participation")));
    } else {
      given = true;
      EXPECT_LT(value(a, "stability"), 1);
      if (value(a, "stability") > 0.96) {
        ASSERT_NE(flag(a, "near-instability"), nullptr);
        EXPECT_NE(flag(a, "near-instability")->text.find("is close to 1 (typical: a g = 0.9583)"), std::string::npos);
      }
    }
  }
  EXPECT_TRUE(refused);
  EXPECT_TRUE(given);
}

TEST(Warnings, SayWhatIsOutsideTheDerivation) {
  const Answer symmetric = run({{"time", "discrete"}, {"g", 0.8}, {"sigma", 1.0}, {"symmetry", 0.6}, {"N", 100}}, "dmft", stationary({"participation"}, 100));
  ASSERT_NE(flag(symmetric, "structured"), nullptr);
  EXPECT_NE(flag(symmetric, "structured")->text.find("J_ij and J_ji are correlated"), std::string::npos);
  EXPECT_FALSE(flag(symmetric, "structured")->fatal);
  const Answer per_matrix = run({{"time", "discrete"}, {"g", 0.6}, {"sigma", 1.0}, {"symmetry", 0.6}, {"N", 100}}, "linear-equivalent", stationary({"participation"}, 100));
  ASSERT_NE(flag(per_matrix, "structured"), nullptr);
  EXPECT_NE(flag(per_matrix, "structured")->text.find("outside its derivation"), std::string::npos);
  EXPECT_FALSE(std::isnan(value(per_matrix, "participation")));  // the formula for one matrix remains
  const Answer slow = run({{"g", 1.1}, {"N", 60}}, "dmft", stationary({"x.variance"}, 100));
  ASSERT_NE(flag(slow, "slow"), nullptr);
  EXPECT_NE(flag(slow, "slow")->text.find("close to the transition to chaos"), std::string::npos);
}

TEST(Gains, ThatAreNotOddAreSimulatedButNotSolved) {
  const Table relu{{"time", "discrete"}, {"gain", "max(0, tanh(x))"}, {"g", 1.0}, {"sigma", 0.5}, {"N", 50}};
  for (const char* level : {"dmft", "linear-equivalent", "naive-closure"}) {
    const Answer a = run(relu, level, stationary({"phi.variance"}, 100));
    ASSERT_NE(flag(a, "no-law"), nullptr) << level;
    EXPECT_TRUE(flag(a, "no-law")->fatal);
    EXPECT_NE(flag(a, "no-law")->text.find("is not odd"), std::string::npos);
  }
  const Answer a = run(relu, "network", stationary({"phi.variance", "match.slope"}, 400), 4);
  EXPECT_GT(value(a, "phi.variance"), 0);
  EXPECT_EQ(a.find("match.slope"), nullptr);
  EXPECT_EQ(system().bind(relu).notes.size(), 1u);
}

TEST(BadInput, IsRefusedByName) {
  const auto said = [](const Table& parameters) -> std::string {
    try {
      (void)system().bind(parameters);
    } catch (const InputError& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_NE(said({{"gain", "tnh"}}).find("Did you mean 'tanh'?"), std::string::npos) << said({{"gain", "tnh"}});
  EXPECT_NE(said({{"gain", "a*x"}}).find("has the variable 'a'"), std::string::npos);
  EXPECT_NE(said({{"couplings", "signs"}, {"symmetry", 0.5}}).find("only Gaussian couplings"), std::string::npos);
  EXPECT_NE(said({{"N", 1}}).find("N"), std::string::npos);
  EXPECT_NE(said({{"dt", 0.5}}).find("dt"), std::string::npos);
  const auto asked = [](const Ask& ask, const Table& parameters) -> std::string {
    try {
      (void)run(parameters, "network", ask, 2);
    } catch (const InputError& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_NE(asked(stationary({"phi.variance"}, 2), {{"time", "discrete"}, {"N", 10}}).find("holds 2 samples"), std::string::npos);
  EXPECT_NE(asked(stationary({"participation"}, 100), {{"time", "discrete"}, {"N", 20000}}).find("the limit is 4 GB"), std::string::npos);
  EXPECT_NE(asked(stationary({"x.autocovariance"}, 10), {{"time", "discrete"}, {"N", 10}}).find("too short for lags up to 20"), std::string::npos);
  Ask every = stationary({"x.autocovariance"}, 1000);
  every.options["sample"] = Value(0.35);
  EXPECT_NE(asked(every, {{"N", 10}}).find("0.5 is a multiple"), std::string::npos);
  const Answer growing = run({{"time", "discrete"}, {"gain", "linear"}, {"g", 1.5}, {"sigma", 1.0}, {"N", 30}}, "network", stationary({"phi.variance"}, 1000), 2);
  ASSERT_NE(flag(growing, "diverged"), nullptr);
  EXPECT_TRUE(flag(growing, "diverged")->fatal);
  const Answer none = run({{"time", "discrete"}, {"gain", "linear"}, {"g", 1.5}, {"sigma", 1.0}, {"N", 30}}, "dmft", stationary({"phi.variance"}, 1000));
  ASSERT_NE(flag(none, "no-stable-state"), nullptr);
  EXPECT_NE(flag(none, "no-stable-state")->text.find("grows without bound"), std::string::npos);
}

}  // namespace
}  // namespace meso::systems::rnn_covariance
