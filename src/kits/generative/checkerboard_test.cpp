// The checkerboard's closed fields: density, score by differences, the velocity by the equation of motion, draws, the flow to the squares.
#include "kits/generative/checkerboard.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "kits/generative/likelihood.h"
#include "kits/generative/sample.h"
#include "testing/statistics.h"

namespace meso::generative {
namespace {

std::shared_ptr<const Checkerboard> board(const InterpolantSpec& spec = {}) { return std::make_shared<const Checkerboard>(Interpolant(spec)); }

TEST(Checkerboard, DrawsFillHalfOfTheSquares) {
  Stream stream(1, 0, "test/checkerboard");
  double square[2] = {0, 0}, fourth[2] = {0, 0};
  const std::size_t n = 40000;
  for (std::size_t k = 0; k < n; ++k) {
    std::array<double, 2> x{};
    Checkerboard::sample_target(stream, x);
    ASSERT_TRUE(Checkerboard::covers(x[0], x[1]));
    for (std::size_t i = 0; i < 2; ++i) {
      square[i] += x[i] * x[i] / n;
      fourth[i] += std::pow(x[i], 4) / n;
    }
  }
  EXPECT_FALSE(Checkerboard::covers(-3, -1));
  EXPECT_TRUE(MeansMatch({{16.0 / 3, square[0], std::sqrt((fourth[0] - square[0] * square[0]) / n), "x"}, {16.0 / 3, square[1], std::sqrt((fourth[1] - square[1] * square[1]) / n), "y"}}, 0.3));
}

TEST(Checkerboard, FieldsMoveTheDensity) {  // d/dt log rho = -div b - b . s
  for (const InterpolantSpec& spec : {InterpolantSpec{}, InterpolantSpec{.path = "trig", .latent = "quadratic"}, InterpolantSpec{.path = "one-sided-linear", .latent = "none"}}) {
    const auto law = board(spec);
    const CheckerboardField b(law, CheckerboardField::What::velocity), s(law, CheckerboardField::What::score);
    const Divergence divergence = divergence_by_differences(b, 1e-5);
    for (const double t : {0.1, 0.5, 0.8, 0.97}) {
      const std::vector<double> x{0.3, -0.4, 1.99, 2.01, -3.5, 3.1, 0, 0, 5, -4.5, 9, 9};
      std::vector<double> v(12), score(12), div(6), after(6), before(6), here(6), right(6), left(6);
      b.at(t, x, v);
      s.at(t, x, score);
      divergence(t, x, div);
      const double h = 1e-6;
      law->evaluate(t + h, x, {}, {}, after);
      law->evaluate(t - h, x, {}, {}, before);
      std::vector<double> up = x, down = x;
      for (std::size_t k = 0; k < 6; ++k) {
        up[2 * k] += 1e-6;
        down[2 * k] -= 1e-6;
      }
      law->evaluate(t, up, {}, {}, right);
      law->evaluate(t, down, {}, {}, left);
      for (std::size_t k = 0; k < 6; ++k) {
        const double inner = v[2 * k] * score[2 * k] + v[2 * k + 1] * score[2 * k + 1], scale = 1 + std::abs(inner) + std::abs(div[k]);
        EXPECT_NEAR((right[k] - left[k]) / 2e-6, score[2 * k], 1e-6 * (1 + std::abs(score[2 * k]) + std::abs(right[k]))) << spec.path << t << " " << k;
        EXPECT_NEAR((after[k] - before[k]) / (2 * h), -div[k] - inner, 1e-5 * scale) << spec.path << ", t = " << t << ", point " << k;
      }
    }
  }
}

TEST(Checkerboard, DensityIsNormalised) {
  const auto law = board();
  for (const double t : {0.0, 0.4, 0.95}) {
    double sum = 0;
    for (double x = -9.95; x < 10; x += 0.1) {
      std::vector<double> row, out;
      for (double y = -9.95; y < 10; y += 0.1) row.insert(row.end(), {x, y});
      out.resize(row.size() / 2);
      law->evaluate(t, row, {}, {}, out);
      for (const double v : out) sum += 0.01 * std::exp(v);
    }
    EXPECT_NEAR(sum, 1, 1e-6) << t;
  }
}

TEST(Checkerboard, FlowAndNoiseReachTheSquares) {
  const auto law = board();
  const auto b = std::make_shared<const CheckerboardField>(law, CheckerboardField::What::velocity), s = std::make_shared<const CheckerboardField>(law, CheckerboardField::What::score);
  const SumField drift(b, [](double) { return 1.0; }, s, [](double) { return 0.5; });
  const std::size_t n = 1500;
  for (const bool noisy : {false, true}) {
    std::vector<double> x(2 * n);
    for (std::size_t k = 0; k < n; ++k) {
      Stream stream(3, k, "test/squares");
      x[2 * k] = stream.normal();
      x[2 * k + 1] = stream.normal();
    }
    std::vector<double> grid = uniform_grid(0, 0.9, 45);
    for (double rest = 0.1; rest > 2e-3;) grid.push_back(1 - (rest *= 0.9));  // shorter steps towards the edges
    std::vector<FastStream> noise = noise_streams(3, 0, n, "test/squares/noise");
    if (noisy) diffuse(drift, [](double) { return 0.5; }, Scheme::euler, grid, x, noise);
    else flow(*b, Scheme::rk4, grid, x);
    double inside = 0, right = 0;
    for (std::size_t k = 0; k < n; ++k) {
      bool near = false;  // within a few sigma(t) = 0.04 of a square
      for (const double dx : {-0.1, 0.0, 0.1})
        for (const double dy : {-0.1, 0.0, 0.1}) near = near || Checkerboard::covers(x[2 * k] + dx, x[2 * k + 1] + dy);
      inside += near ? 1.0 / n : 0;
      right += x[2 * k] > 2 ? 1.0 / n : 0;
    }
    EXPECT_GT(inside, 0.97) << noisy;
    EXPECT_TRUE(MeansMatch({{0.25, right, std::sqrt(0.25 * 0.75 / n), "quarter beyond x = 2"}}, 0.1)) << noisy;
  }
}

TEST(Checkerboard, HasNoScoreAtItsEdges) {
  double v[2];
  try {
    const double x[2] = {0.5, 0.5};
    board()->evaluate(1, x, v, {}, {});
    FAIL() << "accepted";
  } catch (const ParameterError& error) {
    EXPECT_NE(std::string(error.what()).find("no score at t = 1, where alpha = gamma = 0"), std::string::npos) << error.what();
  }
  EXPECT_THROW((void)board({.path = "mirror"}), ParameterError);
}

}  // namespace
}  // namespace meso::generative
