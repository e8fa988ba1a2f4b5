// Symmetric tensors and single-index landscapes: identities, gradients, first-order averages against quadrature and full tensors.
#include "kits/learning/tensor.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <functional>

#include "base/error.h"
#include "kits/learning/single_index.h"
#include "kits/learning/sphere.h"
#include "rng/stream.h"
#include "testing/statistics.h"

namespace meso::learning {
namespace {

std::vector<double> full_gaussian(std::size_t k, std::size_t d, FastStream& random) {
  std::vector<double> t(static_cast<std::size_t>(std::pow(d, k)));
  for (double& x : t) x = random.normal();
  return t;
}

/// <T, theta^k> of a full tensor.
double full_value(std::size_t k, std::size_t d, const std::vector<double>& t, std::span<const double> theta) {
  double sum = 0;
  for (std::size_t flat = 0; flat < t.size(); ++flat) {
    double product = t[flat];
    for (std::size_t p = 0, rest = flat; p < k; ++p, rest /= d) product *= theta[rest % d];
    sum += product;
  }
  return sum;
}

TEST(SymmetricTensor, CountsAndOrdersItsEntries) {
  for (const auto& [k, d, entries] : {std::array<std::size_t, 3>{3, 20, 1540}, {4, 16, 3876}, {4, 40, 123410}, {2, 5, 15}, {1, 7, 7}}) {
    const SymmetricTensor t(k, d);
    EXPECT_EQ(t.packed().size(), entries);
    std::size_t seen = 0;
    double orders = 0;
    t.for_each([&](std::span<const std::size_t> index, std::size_t at) {
      ASSERT_EQ(at, seen++);
      ASSERT_EQ(t.position(index), at);
      orders += SymmetricTensor::distinct_orders(index);
    });
    EXPECT_EQ(seen, entries);
    EXPECT_DOUBLE_EQ(orders, std::pow(d, k));  // every full index is one order of one multiset
  }
}

TEST(SymmetricTensor, KeepsWhatTheLandscapeOfAFullTensorIs) {
  FastStream random = Stream(1, 0, "test/tensor").fast();
  for (const auto& [k, d] : {std::pair<std::size_t, std::size_t>{2, 6}, {3, 5}, {4, 4}, {5, 3}}) {
    const std::vector<double> full = full_gaussian(k, d, random);
    const SymmetricTensor t = SymmetricTensor::from_full(k, d, full);
    TensorLandscape landscape(t);
    std::vector<double> theta(d), g(d);
    for (int trial = 0; trial < 5; ++trial) {
      uniform_on_sphere(theta, random);
      const double e = full_value(k, d, full, theta);
      EXPECT_NEAR(t.value(theta), e, 1e-12);
      EXPECT_NEAR(landscape.gradient(theta.data(), g.data()), e, 1e-12);
      for (std::size_t i = 0; i < d; ++i) {  // homogeneous polynomial: the central difference is exact up to h^2
        std::vector<double> up = theta, down = theta;
        up[i] += 1e-4;
        down[i] -= 1e-4;
        EXPECT_NEAR(g[i], (full_value(k, d, full, up) - full_value(k, d, full, down)) / 2e-4, 1e-6);
      }
    }
  }
}

TEST(SymmetricTensor, PartialTracesAreTheSumsOfTheCard) {
  // k = 3: v_j = sum_a (T_jaa + T_aja + T_aaj); k = 4: the 12 ordered slot pairs with i, j there and the other two traced.
  FastStream random = Stream(2, 0, "test/tensor").fast();
  const std::size_t d = 5;
  const std::vector<double> t3 = full_gaussian(3, d, random), t4 = full_gaussian(4, d, random);
  const std::vector<double> v = SymmetricTensor::from_full(3, d, t3).uniform_mean(), m = SymmetricTensor::from_full(4, d, t4).uniform_second_moment();
  const auto at3 = [&](std::size_t a, std::size_t b, std::size_t c) { return t3[(a * d + b) * d + c]; };
  for (std::size_t j = 0; j < d; ++j) {
    double sum = 0;
    for (std::size_t a = 0; a < d; ++a) sum += at3(j, a, a) + at3(a, j, a) + at3(a, a, j);
    EXPECT_NEAR(v[j] * d * (d + 2), sum, 1e-12);
  }
  std::vector<double> big(d * d, 0.0);
  for (std::size_t p = 0; p < 4; ++p)
    for (std::size_t q = 0; q < 4; ++q) {
      if (p == q) continue;
      for (std::size_t i = 0; i < d; ++i)
        for (std::size_t j = 0; j < d; ++j)
          for (std::size_t a = 0; a < d; ++a) {
            std::array<std::size_t, 4> index{a, a, a, a};
            index[p] = i;
            index[q] = j;
            big[i * d + j] += t4[((index[0] * d + index[1]) * d + index[2]) * d + index[3]];
          }
    }
  double trace = 0;
  for (std::size_t i = 0; i < d; ++i) trace += big[i * d + i];
  for (std::size_t i = 0; i < d; ++i)
    for (std::size_t j = 0; j < d; ++j) EXPECT_NEAR(m[i * d + j] * d * (d + 2) * (d + 4), big[i * d + j] - (i == j ? trace / d : 0.0), 1e-11);
}

TEST(SymmetricTensor, AGaussianOneHasTheCovarianceOfTheFullOne) {
  // Cov <Z, theta^k> <Z, theta'^k> = (theta . theta')^k.
  constexpr int n = 20000;
  const std::size_t d = 4;
  for (const std::size_t k : {2u, 3u, 4u}) {
    FastStream random = Stream(3, k, "test/tensor").fast();
    const std::vector<double> a{1, 0, 0, 0}, b{0.6, 0.8, 0, 0}, c{0.5, 0.5, 0.5, 0.5};
    std::array<double, 4> sum{}, square{};
    for (int i = 0; i < n; ++i) {
      const SymmetricTensor z = SymmetricTensor::gaussian(k, d, random);
      const double x = z.value(a), y = z.value(b), w = z.value(c);
      const std::array<double, 4> product{x * x, x * y, y * w, w * w};
      for (std::size_t p = 0; p < 4; ++p) sum[p] += product[p] / n, square[p] += product[p] * product[p] / n;
    }
    const std::array<double, 4> exact{1, std::pow(0.6, k), std::pow(0.7, k), 1};
    std::vector<MeanCheck> checks;
    for (std::size_t p = 0; p < 4; ++p) checks.push_back({exact[p], sum[p], std::sqrt((square[p] - sum[p] * sum[p]) / n), "pair " + std::to_string(p)});
    EXPECT_TRUE(MeansMatch(checks, 0.1)) << k;
  }
}

TEST(SymmetricTensor, FirstOrderAveragesAreThoseOfTheUniformSphere) {
  // E_0[theta E] by exact quadrature on the circle d = 2 (trapezoidal rule in the angle), tensors and single-index models alike.
  FastStream random = Stream(4, 0, "test/tensor").fast();
  constexpr int n = 64;
  for (const std::size_t k : {2u, 3u, 4u, 5u, 6u}) {
    const SymmetricTensor t = SymmetricTensor::gaussian(k, 2, random);
    TensorLandscape tensor(t);
    SingleIndexLandscape index = SingleIndexLandscape::draw(k, std::vector<double>{0.6, 0.8}, 37, 0.3, random);
    std::array<std::array<double, 2>, 2> mean{};
    std::array<std::array<double, 4>, 2> second{};
    for (int q = 0; q < n; ++q) {
      const std::array<double, 2> theta{std::cos(2 * M_PI * q / n), std::sin(2 * M_PI * q / n)};
      std::array<double, 2> g{};
      const std::array<double, 2> e{tensor.gradient(theta.data(), g.data()), index.gradient(theta.data(), g.data())};
      for (std::size_t s = 0; s < 2; ++s)
        for (std::size_t i = 0; i < 2; ++i) {
          mean[s][i] += theta[i] * e[s] / n;
          for (std::size_t j = 0; j < 2; ++j) second[s][2 * i + j] += (theta[i] * theta[j] - (i == j ? 0.5 : 0)) * e[s] / n;
        }
    }
    if (k % 2) {
      const std::vector<double> a = t.uniform_mean(), b = index.uniform_mean();
      for (std::size_t i = 0; i < 2; ++i) {
        EXPECT_NEAR(a[i], mean[0][i], 1e-12) << k;
        EXPECT_NEAR(b[i], mean[1][i], 1e-12) << k;
      }
      EXPECT_THROW(static_cast<void>(t.uniform_second_moment()), ModelError);
    } else {
      const std::vector<double> a = t.uniform_second_moment(), b = index.uniform_second_moment();
      for (std::size_t i = 0; i < 4; ++i) {
        EXPECT_NEAR(a[i], second[0][i], 1e-12) << k;
        EXPECT_NEAR(b[i], second[1][i], 1e-12) << k;
      }
      EXPECT_THROW(static_cast<void>(t.uniform_mean()), ModelError);
      EXPECT_THROW(static_cast<void>(index.uniform_mean()), ModelError);
    }
  }
}

TEST(SingleIndexLandscape, IsTheMeanOverItsSamples) {
  FastStream random = Stream(5, 0, "test/tensor").fast();
  const std::size_t d = 6, n = 21;
  std::vector<double> x(n * d), y(n), theta(d), g(d), part(d);
  for (double& v : x) v = random.normal();
  for (double& v : y) v = random.normal();
  for (const std::size_t k : {1u, 2u, 3u, 4u}) {
    SingleIndexLandscape landscape(k, d, x, y);
    const auto energy = [&](std::span<const double> at, std::size_t first, std::size_t count) {
      double sum = 0;
      for (std::size_t mu = first; mu < first + count; ++mu) {
        double z = 0;
        for (std::size_t j = 0; j < d; ++j) z += x[mu * d + j] * at[j];
        const double he = k == 1 ? z : k == 2 ? z * z - 1 : k == 3 ? z * z * z - 3 * z : z * z * z * z - 6 * z * z + 3;
        sum += y[mu] * he / std::sqrt(std::tgamma(static_cast<double>(k) + 1)) / static_cast<double>(count);
      }
      return sum;
    };
    uniform_on_sphere(theta, random);
    for (const auto& [first, count] : {std::pair<std::size_t, std::size_t>{0, n}, {3, 5}, {8, 13}}) {
      EXPECT_NEAR(landscape.gradient(theta.data(), g.data(), first, count), energy(theta, first, count), 1e-12);
      for (std::size_t i = 0; i < d; ++i) {
        std::vector<double> up = theta, down = theta;
        up[i] += 1e-5;
        down[i] -= 1e-5;
        EXPECT_NEAR(g[i], (energy(up, first, count) - energy(down, first, count)) / 2e-5, 1e-6 * (1 + std::abs(g[i])));
      }
    }
  }
  EXPECT_THROW(SingleIndexLandscape(3, d, std::span(x).first(7), y), ModelError);
}

TEST(SymmetricTensor, RefusesWhatDoesNotFit) {
  EXPECT_THROW(SymmetricTensor(0, 3), ParameterError);
  EXPECT_THROW(static_cast<void>(SymmetricTensor::from_full(3, 3, std::vector<double>(26))), ModelError);
  SymmetricTensor a(3, 3);
  EXPECT_THROW(a.add(SymmetricTensor(3, 4), 1), ModelError);
  EXPECT_NO_THROW(check_memory(4, 40, 1e9, "test"));
  try {
    check_memory(8, 40, 1e9, "system 'x'");
    ADD_FAILURE() << "accepted";
  } catch (const ParameterError& error) {
    const std::string said = error.what();
    for (const char* part : {"system 'x'", "d^k * 8 bytes = 52.4 TB", "the limit is 1 GB", "k = 8", "d = 40"}) EXPECT_NE(said.find(part), std::string::npos) << said;
  }
}

}  // namespace
}  // namespace meso::learning
