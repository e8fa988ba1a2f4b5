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

}  // namespace
}  // namespace meso::kinetics
