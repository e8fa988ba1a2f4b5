// The noise of the partial trace: exact variances, against draws.
#include <gtest/gtest.h>

#include <cmath>

#include "kits/learning/sphere_theory.h"
#include "kits/learning/tensor.h"
#include "rng/stream.h"
#include "testing/statistics.h"

namespace meso::learning {
namespace {

TEST(PartialTrace, NoiseHasItsExactVariance) {
  // k odd: |E_0[theta <Z, theta^k>]|^2 is on average (k!!/N_k)^2 N_k/k!!; k even: an off-diagonal entry relative to the signal k (k-1)!!/(...).
  constexpr int draws = 4000;
  for (const std::size_t k : {3u, 5u}) {
    const std::size_t d = 7;
    FastStream random = Stream(11, k, "test/trace").fast();
    double sum = 0, square = 0;
    for (int i = 0; i < draws; ++i) {
      double norm = 0;
      for (const double x : SymmetricTensor::gaussian(k, d, random).uniform_mean()) norm += x * x;
      sum += norm / draws;
      square += norm * norm / draws;
    }
    const double exact = 1 / odd_noise_samples(k, d);
    EXPECT_TRUE(MeansMatch({{exact, sum, std::sqrt((square - sum * sum) / draws), "k = " + std::to_string(k)}}, 0.1 * exact));
  }
  for (const std::size_t k : {2u, 4u}) {
    const std::size_t d = 6;
    FastStream random = Stream(12, k, "test/trace").fast();
    double sum = 0, square = 0;
    for (int i = 0; i < draws; ++i) {
      const std::vector<double> m = SymmetricTensor::gaussian(k, d, random).uniform_second_moment();
      const double x = m[1] * m[1];
      sum += x / draws;
      square += x * x / draws;
    }
    // Signal strength s = E_0 of theta*_1^2 part: that of the spike e_1^k, entry (1,1) over (1 - 1/d).
    std::vector<double> e1(d, 0.0);
    e1[0] = 1;
    const double s = SymmetricTensor::spike(k, e1).uniform_second_moment()[0] / (1 - 1.0 / static_cast<double>(d));
    const double exact = s * s * spectral_samples(k, d) / static_cast<double>(d);  // n_c = d sigma^2 / s^2
    EXPECT_TRUE(MeansMatch({{exact, sum, std::sqrt((square - sum * sum) / draws), "k = " + std::to_string(k)}}, 0.2 * exact));
  }
}

}  // namespace
}  // namespace meso::learning
