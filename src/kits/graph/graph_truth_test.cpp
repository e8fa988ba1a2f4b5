// The wave of the partial integro-differential equation approaches its linear speed as it must; and it converges.
#include <gtest/gtest.h>

#include <cmath>

#include "base/text.h"
#include "kits/graph/wave.h"
#include "testing/measured.h"
#include "testing/statistics.h"

namespace meso::graph {
namespace {

TEST(Wave, ApproachesItsSpeedAsBramsonSays) {
  WaveSpec spec;  // gaussian, kappa = 6, beta = gamma = 1, dx = 0.1
  spec.side = 500;
  std::vector<double> times;
  const std::vector<double> middle{8.75, 16.25, 28.75};
  for (const double t : middle) times.push_back(t - 0.25), times.push_back(t + 0.25);
  const WavePath path = integrate_wave(spec, times, 0, 0);
  const std::size_t n = path.position.size();
  const auto front = [&](std::size_t k) {
    for (std::size_t i = n - 1; i-- > 0;) {
      const double a = 1 - path.susceptible[k * n + i], b = 1 - path.susceptible[k * n + i + 1];
      if (a >= 0.5) return path.position[i] + (a - 0.5) / (a - b) * (path.position[i + 1] - path.position[i]);
    }
    return 0.0;
  };
  // c* - 3/(2 s* t); an independent direct convolution gave the second row (the next term, of order t^(-3/2), is positive).
  const double bramson[] = {7.574526, 7.664486, 7.710117}, measured_before[] = {7.573, 7.668, 7.713};
  const Dispersion linear = *dispersion(spec.kernel, 6, 1, 1);
  for (std::size_t k = 0; k < 3; ++k) {
    const double speed = (front(2 * k + 1) - front(2 * k)) / 0.5;
    EXPECT_NEAR(speed, bramson[k], 0.01) << "t = " << middle[k];
    measured("random-spatial-networks", "6: speed of the equation's front at t = " + brief(middle[k]), speed, 0.002, measured_before[k], "direct convolution, card; c* - 3/(2 s* t) = " + brief(bramson[k], 7));
    EXPECT_NEAR(speed, measured_before[k], 0.002) << "t = " << middle[k];
    EXPECT_NEAR(linear.at_time(middle[k]), bramson[k], 1e-5);
  }
  for (std::size_t i = 50; i * 0.1 < 100; i += 50) EXPECT_NEAR(1 - path.susceptible[5 * n + i], final_size(GeneratingFunction({6}, {1}), 1, 1), i * 0.1 < 20 ? 0.01 : 1e-4) << "behind the front, outside the seed (|x| < 2)";
}

TEST(Wave, ConvergesWithOrderFourInTime) {
  WaveSpec spec;
  spec.side = 60, spec.dx = 0.25;
  const std::vector<double> times{3};
  const auto at = [&](double dt) {
    spec.dt = dt;
    return integrate_wave(spec, times, 0, 0).mean_susceptible[0];
  };
  const double exact = at(0.0025);
  std::vector<double> steps{0.08, 0.04, 0.02}, errors;
  for (const double dt : steps) errors.push_back(std::abs(at(dt) - exact));
  EXPECT_TRUE(OrderIs(steps, errors, 4.0, 0.3));
}

}  // namespace
}  // namespace meso::graph
