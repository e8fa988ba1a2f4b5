#include <gtest/gtest.h>

#include <cmath>

#include "kits/kinetics/fsp.h"
#include "testing/measured.h"

namespace meso::kinetics {
namespace {

TEST(FspTruth, BrusselatorOnAHundredThousandStates) {  // moments published for volume 50 on 331 x 401 states
  const Network network = NetworkSpec{.species = {"X", "Y"}, .reactions = {"2X + Y -> 3X, 0.9", "X -> Y, 2", "0 -> X, 1", "X -> 0, 1"}, .volume = 50}.bind({});
  const FspStationary law = fsp_stationary(MasterEquation(network), {});
  ASSERT_EQ(law.status, FspStationary::Status::found) << law.text;
  EXPECT_GT(law.p.size(), 80000u);
  const LawMoments& m = law.moments;
  EXPECT_NEAR(m.mean[0], 50, 1e-8) << "<X> = volume c3/c4, exact";
  EXPECT_NEAR(m.covariance[0] + m.covariance[1], m.mean[0], 1e-6) << "var X + cov = <X>, exact";
  EXPECT_NEAR(m.mean[1], 114.72574, 1e-5);
  EXPECT_NEAR(m.covariance[0], 766.6588, 1e-4);
  EXPECT_NEAR(m.covariance[3], 1386.1628, 1e-4);
  EXPECT_LE(std::abs(m.mean[0] - 50), law.error.mean[0]);
  const std::string script = "master equation on 331 x 401 states, independent script", identity = "identity of the master equation";
  measured("brusselator", "fsp X.mean, volume 50, c2 = 2", m.mean[0], law.error.mean[0], 50, identity);
  measured("brusselator", "fsp X.variance + X.Y.covariance, volume 50, c2 = 2", m.covariance[0] + m.covariance[1], law.error.covariance[0] + law.error.covariance[1], 50, identity);
  measured("brusselator", "fsp Y.mean, volume 50, c2 = 2", m.mean[1], law.error.mean[1], 114.72574, script);
  measured("brusselator", "fsp X.variance, volume 50, c2 = 2", m.covariance[0], law.error.covariance[0], 766.6588, script);
  measured("brusselator", "fsp Y.variance, volume 50, c2 = 2", m.covariance[3], law.error.covariance[3], 1386.1628, script);
}

TEST(FspTruth, TransientOfTheBrusselatorAgreesWithItsMomentEquation) {
  // d<X>/dt + d<Y>/dt = c3 volume - c4 <X> exactly: the integral of the reported <X> must give the reported <X + Y>.
  const Network network = NetworkSpec{.species = {"X", "Y"}, .reactions = {"2X + Y -> 3X, 0.9", "X -> Y, 2", "0 -> X, 1", "X -> 0, 1"}, .volume = 4}.bind({});
  const int steps = 80;
  const double h = 0.025;
  std::vector<double> times, x, y;
  for (int i = 0; i <= steps; ++i) times.push_back(h * i);
  const FspSummary summary = fsp_transient(MasterEquation(network), times, {}, [&](const FspState& s) {
    const LawMoments m = law_moments(*s.space, s.p);
    x.push_back(m.mean[0]);
    y.push_back(m.mean[1]);
  });
  ASSERT_FALSE(summary.truncated_at);
  EXPECT_TRUE(summary.certified);
  EXPECT_LT(summary.lost, 2e-9);
  double integral = 0;  // Boole's rule
  for (int i = 0; i < steps; i += 4)
    integral += 2 * h / 45 * (7 * x[static_cast<std::size_t>(i)] + 32 * x[static_cast<std::size_t>(i + 1)] + 12 * x[static_cast<std::size_t>(i + 2)] + 32 * x[static_cast<std::size_t>(i + 3)] + 7 * x[static_cast<std::size_t>(i + 4)]);
  EXPECT_NEAR(x.back() + y.back(), 4 * times.back() - integral, 1e-7);
}

double log_poisson(double mean, std::int32_t n) { return n * std::log(mean) - mean - std::lgamma(n + 1.0); }

TEST(FspTruth, AProductLawOnFiftyThousandStates) {  // stationary law of an open first-order network: Poisson laws times each other, entry by entry
  const double mean[2] = {400 / 1.7, 320 / 1.7};  // 2.5 A = 400 + B, 2.5 B = 2 A
  const Network network =
      NetworkSpec{.species = {"A", "B"}, .reactions = {"0 -> A, 400", "A <-> B, 2; 1", "A -> 0, 0.5", "B -> 0, 1.5"}, .initial = {{"A", 235}, {"B", 188}}}.bind({});
  const FspStationary law = fsp_stationary(MasterEquation(network), {});
  ASSERT_EQ(law.status, FspStationary::Status::found) << law.text;
  EXPECT_GT(law.p.size(), 40000u);
  EXPECT_EQ(law.method, "elimination by nested dissection");
  double distance = 0;
  for (std::size_t i = 0; i < law.p.size(); ++i) distance += std::abs(law.p[i] - std::exp(log_poisson(mean[0], law.space[i][0]) + log_poisson(mean[1], law.space[i][1])));
  EXPECT_LT(distance, 1e-10);
  for (std::size_t s = 0; s < 2; ++s) {
    EXPECT_LE(std::abs(law.moments.mean[s] - mean[s]), law.error.mean[s]);
    EXPECT_LE(std::abs(law.moments.covariance[3 * s] - mean[s]), law.error.covariance[3 * s]);
    EXPECT_LT(law.error.mean[s], 1e-6);
  }
}

TEST(FspTruth, ThreeSpeciesOverTimeOnEightyThousandStates) {  // 0 -> A -> B -> C -> 0 from nothing: Poisson laws, means of a cascade with equal rates
  const double a = 10, t = 4;
  const Network network = NetworkSpec{.species = {"A", "B", "C"}, .reactions = {"0 -> A, 10", "A -> B, 1", "B -> C, 1", "C -> 0, 1"}}.bind({});
  const double fast = std::exp(-t), mean[3] = {a * (1 - fast), a * (1 - fast * (1 + t)), a * (1 - fast * (1 + t + t * t / 2))};
  const std::vector<double> times{t};
  const FspSummary summary = fsp_transient(MasterEquation(network), times, {}, [&](const FspState& s) {
    double distance = 0, within = 0;
    for (std::size_t i = 0; i < s.p.size(); ++i) {
      double log_p = 0;
      for (std::size_t k = 0; k < 3; ++k) log_p += log_poisson(mean[k], (*s.space)[i][k]);
      distance += std::abs(s.p[i] - std::exp(log_p));
      within += std::exp(log_p);
    }
    EXPECT_LE(distance + 1 - within, s.lost + 1e-11) << "certified";
    EXPECT_EQ(s.solver_error, 0);
  });
  EXPECT_TRUE(summary.certified) << summary.method;
  EXPECT_GT(summary.states, 40000u);
  EXPECT_LT(summary.lost, 1.1e-9);
}

}  // namespace
}  // namespace meso::kinetics
