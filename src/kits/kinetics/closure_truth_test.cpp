// Measured orders in 1/volume of closures, linear noise and rate equation, against the exact dimer law.
#include <cmath>
#include <functional>
#include <string>

#include "kits/kinetics/closure.h"
#include "kits/kinetics/closure_fixture.h"
#include "kits/kinetics/linear_noise.h"
#include "kits/kinetics/rate_equation.h"

namespace meso::kinetics {
namespace {

using namespace testing;

// Dimer: <n> = sqrt(A/2) I0(z)/I1(z), A = k1 volume^2 / k2, z = 2 sqrt(2 A) (Mazo 1975); <n(n-1)> = A/2.
// I0/I1 by its continued fraction, I1/I0 = 1/(2/z + 1/(4/z + 1/(6/z + ...))).
double exact_mean(double volume) {
  const double z = 2 * std::sqrt(2.0) * volume;
  double ratio = 0;
  for (int k = 4000; k >= 1; --k) ratio = 1 / (2.0 * k / z + ratio);
  return volume / std::sqrt(2.0) / ratio;
}

double exact_variance(double volume) { return volume * volume / 2 + exact_mean(volume) - std::pow(exact_mean(volume), 2); }

TEST(ExactDimer, CardValues) {
  EXPECT_NEAR(exact_mean(1), 0.887818, 1e-6);
  EXPECT_NEAR(exact_mean(10), 7.199505, 1e-6);
}

// Slope of log relative error against log volume between 20 and 320; recorded under `name`.
double order_of(const std::function<double(double)>& relative_error, const std::string& name, double theory) {
  const double order = std::log(std::abs(relative_error(20)) / std::abs(relative_error(320))) / std::log(16.0);
  measured("dimer", name + ", order of its error in 1/volume (20 to 320)", order, std::nan(""), theory, "system-size expansion");  // no bound: finite volumes
  return order;
}

TEST(Orders, MeanAndVarianceInOneOverVolume) {
  const auto closure_error = [](int order, bool mean) {
    return [=](double volume) {
      const Answer a = stationary(closure_level(dimer(volume)), {"X.mean", "X.variance"}, normal(order));
      return mean ? value(a, "X.mean") / exact_mean(volume) - 1 : value(a, "X.variance") / exact_variance(volume) - 1;
    };
  };
  EXPECT_NEAR(order_of([](double v) { return value(stationary(rate_equation_level(dimer(v)), {"X.mean"}), "X.mean") / exact_mean(v) - 1; }, "rate-equation X.mean", 1), 1, 0.03);
  EXPECT_NEAR(order_of([](double v) { return value(stationary(linear_noise_level(dimer(v)), {"X.variance"}), "X.variance") / exact_variance(v) - 1; }, "lna X.variance", 1), 1, 0.05);
  EXPECT_NEAR(order_of(closure_error(2, true), "normal-2 X.mean", 2), 2, 0.05);
  EXPECT_NEAR(order_of(closure_error(2, false), "normal-2 X.variance", 1), 1, 0.05);
}

}  // namespace
}  // namespace meso::kinetics
