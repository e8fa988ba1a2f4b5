// Exact fields of interpolants between mixtures: figures of the card, identities, equations of motion, speed of the fields' own derivatives, refusals.
#include "kits/generative/mixture_path.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstring>

#include "base/error.h"
#include "kits/generative/card_laws.h"
#include "kits/generative/likelihood.h"
#include "testing/measured.h"
#include "testing/statistics.h"

namespace meso::generative {
namespace {

const char* const card = "stochastic-interpolants";

std::shared_ptr<const MixturePath> path_of(sde::GaussianMixture a, sde::GaussianMixture b, InterpolantSpec spec, double coupling = 0) {
  return std::make_shared<const MixturePath>(std::move(a), std::move(b), Interpolant(spec), coupling);
}
std::shared_ptr<const MixturePath> card_path(const std::string& latent = "brownian") { return path_of(two_modes(), three_modes(), {.latent = latent}); }

double at(const Field& f, double t, double x) {
  double y = 0;
  f.at(t, std::span(&x, 1), std::span(&y, 1));
  return y;
}

TEST(ExactFields, HaveTheFiguresOfTheCard) {  // check 1
  struct Row {
    const char* latent;
    double t;
    std::array<double, 3> density, b, s;
  };
  const double nan = std::nan("");
  const std::vector<Row> rows{{"brownian", 0.5, {0.027628, 0.152755, 0.062932}, {0, 2.836979, 3.396067}, {0, 1.199457, -2.289014}},
                              {"brownian", 0.25, {nan, nan, nan}, {0, -8.057776, -2.400622}, {nan, nan, nan}},
                              {"none", 0.5, {0.000910, 0.152573, 0.016226}, {0, 2.961666, 5.424536}, {0, 3.044407, -5.864767}}};
  for (const Row& row : rows) {
    const auto path = card_path(row.latent);
    const std::array<double, 3> x{0, 1, 2.5};
    const auto b = velocity_field(path), s = score_field(path);
    for (std::size_t i = 0; i < 3; ++i) {
      const std::string where = std::string(", gamma ") + row.latent + ", t = " + std::to_string(row.t).substr(0, 4) + ", x = " + std::to_string(x[i]).substr(0, 3);
      EXPECT_NEAR(at(b, row.t, x[i]), row.b[i], 1e-6 + (row.b[i] == 0 ? 1e-9 : 0)) << where;
      measured(card, "check 1: b" + where, at(b, row.t, x[i]), 0, row.b[i], "card, 1e-5");
      if (std::isnan(row.s[i])) continue;
      const double density = std::exp(path->law(row.t).log_density(std::span(&x[i], 1)));
      EXPECT_NEAR(at(s, row.t, x[i]), row.s[i], 1e-6) << where;
      EXPECT_NEAR(density, row.density[i], 1e-6) << where;
      measured(card, "check 1: s" + where, at(s, row.t, x[i]), 0, row.s[i], "card, 1e-5");
      measured(card, "check 1: density" + where, density, 0, row.density[i], "card, 1e-5");
    }
  }
}

/// Central difference in t of order 4.
template <class F>
double rate(F f, double t, double h) {
  return (8 * (f(t + h) - f(t - h)) - (f(t + 2 * h) - f(t - 2 * h))) / (12 * h);
}

double largest_residual(const MixturePath& path, const std::function<double(double, double)>& drift, double epsilon) {
  double worst = 0;
  const double h = 1e-3;
  for (const double t : {0.1, 0.3, 0.45, 0.7, 0.9})
    for (double x = -7; x <= 7; x += 0.25) {
      const auto density = [&](double time, double place) { return std::exp(path.law(time).log_density(std::span<const double>(&place, 1))); };
      const double time = rate([&](double u) { return density(u, x); }, t, 2e-4);
      const double flux = rate([&](double y) { return drift(t, y) * density(t, y); }, x, h);
      const double bend = rate([&](double y) { return rate([&](double w) { return density(t, w); }, y, h); }, x, h);
      worst = std::max(worst, std::abs(time + flux - epsilon * bend));
    }
  return worst;
}

TEST(ExactFields, SatisfyTransportAndFokkerPlanck) {  // check 3
  for (const char* latent : {"brownian", "none"}) {
    const auto path = card_path(latent);
    const auto b = velocity_field(path), s = score_field(path);
    const double transport = largest_residual(*path, [&](double t, double x) { return at(b, t, x); }, 0);
    EXPECT_LT(transport, 1e-6) << latent;
    measured(card, std::string("check 3: residual of transport, gamma ") + latent, transport, 0, "below 1e-6 (card)");
    for (const double epsilon : {0.5, 2.0, -1.0}) {  // below 0: the backward equation
      const double residual = largest_residual(*path, [&](double t, double x) { return at(b, t, x) + epsilon * at(s, t, x); }, epsilon);
      EXPECT_LT(residual, 1e-6) << latent << " epsilon " << epsilon;
      measured(card, std::string("check 3: residual of Fokker-Planck, gamma ") + latent + ", epsilon " + std::to_string(epsilon).substr(0, 4), residual, 0, "below 1e-6 (card)");
    }
  }
  // The same residual does see a wrong field: 1 % of the velocity.
  const auto path = card_path();
  const auto b = velocity_field(path);
  EXPECT_GT(largest_residual(*path, [&](double t, double x) { return 1.01 * at(b, t, x); }, 0), 1e-3);
}

TEST(ExactFields, ActionOfTheCard) {  // check 2
  for (const auto& [latent, figure] : {std::pair{"brownian", 19.6086}, {"none", 22.5389}}) {
    const auto path = card_path(latent);
    double sum = 0;
    for (int i = 0; i < 200; ++i) sum += path->mean_square((i + 0.5) / 200, {1, 0}) / 200;
    EXPECT_NEAR(sum, figure, 1e-4);
    measured(card, std::string("check 2: action, gamma ") + latent, sum, 0, figure, "card, 0.5 %; midpoint in t, 200 points");
  }
  const sde::GaussianMixture half = card_path()->law(0.5);
  EXPECT_NEAR(half.covariance()[0] + half.mean()[0] * half.mean()[0], 26.02 / 3, 1e-12);  // 1/4 (9.25 + 0.4433 + 24) + 1/4
  measured(card, "check 2: E x^2(1/2)", half.covariance()[0], 0, 8.673333, "card, exact");
}

struct Choice {
  const char *path, *latent;
};
const std::vector<Choice> choices{{"linear", "brownian"}, {"linear", "none"}, {"linear", "quadratic"}, {"linear", "sine-squared"}, {"linear", "sigmoid"}, {"trig", "brownian"}, {"trig", "quadratic"},
                                  {"trig", "none"}, {"encoding-decoding", "sine-squared"}, {"encoding-decoding", "brownian"}, {"mirror", "sine-squared"}};

TEST(ExactFields, MoveTheDensityInAnyDimension) {  // d/dt log rho = -div b - b . s, and s is the gradient of log rho
  for (const Choice& c : choices)
    for (const std::size_t d : {1u, 2u, 5u, 32u}) {
      const auto path = path_of(random_mixture(d, 3, 1), random_mixture(d, 2, 2), {.path = c.path, .latent = c.latent});
      const std::string where = std::string(c.path) + ", " + c.latent + ", d = " + std::to_string(d);
      for (const double t : {0.15, 0.4, 0.8}) {
        std::vector<double> x(7 * d), b(7 * d), s(7 * d), div(7), spread(7), moved(7), before(7), after(7);
        for (std::size_t k = 0; k < 7; ++k) {
          Stream stream(5, k, where);
          path->law(t).sample(stream, std::span(x).subspan(k * d, d));
        }
        const auto here = path->instant(t);
        here->evaluate(x, {1, 0}, {.value = b, .divergence = div});
        here->evaluate(x, {0, 1}, {.value = s, .divergence = spread});
        const double h = 1e-5;
        path->instant(t + h)->evaluate(x, {}, {.log_density = after});
        path->instant(t - h)->evaluate(x, {}, {.log_density = before});
        const Divergence by_differences = divergence_by_differences(velocity_field(path), 1e-5);
        for (std::size_t k = 0; k < 7; ++k) {
          double inner = 0, scale = 1 + std::abs(div[k]);
          for (std::size_t i = 0; i < d; ++i) {
            inner += b[k * d + i] * s[k * d + i];
            scale += std::abs(b[k * d + i] * s[k * d + i]);
          }
          EXPECT_NEAR((after[k] - before[k]) / (2 * h), -div[k] - inner, 2e-6 * scale) << where << ", t = " << t;
          std::vector<double> own(x.begin() + static_cast<std::ptrdiff_t>(k * d), x.begin() + static_cast<std::ptrdiff_t>((k + 1) * d)), score(d);
          const double log_density = path->law(t).score(own, score);
          for (std::size_t i = 0; i < d; ++i) EXPECT_NEAR(s[k * d + i], score[i], 1e-9 * (1 + std::abs(score[i]))) << where;
          const double up = [&] {
            double value = 0;
            here->evaluate(own, {}, {.log_density = std::span(&value, 1)});
            return value;
          }();
          EXPECT_NEAR(up, log_density, 1e-10 * (1 + std::abs(log_density)));
        }
      }
    }
}

TEST(ExactFields, BlendsAreWhatTheyAreCalled) {
  const auto path = path_of(random_mixture(3, 2, 7), random_mixture(3, 3, 8), {});
  const std::vector<double> x{0.3, -1, 2, 1, 1, 0.5};
  std::vector<double> b(6), s(6), eta(6), v(6), sum(6);
  for (const double t : {0.2, 0.7}) {
    const Coefficients c = path->interpolant().at(t);
    velocity_field(path).at(t, x, b);
    score_field(path).at(t, x, s);
    denoiser_field(path).at(t, x, eta);
    interpolant_velocity_field(path).at(t, x, v);
    SumField(std::make_shared<MixtureField>(velocity_field(path)), [](double) { return 1.0; }, std::make_shared<MixtureField>(score_field(path)), [](double u) { return 2 * u; }, {1, 2, 3}).at(t, x, sum);
    std::vector<double> from_eta(6);
    DenoiserScore(std::make_shared<MixtureField>(denoiser_field(path)), path->interpolant()).at(t, x, from_eta);
    for (std::size_t i = 0; i < 6; ++i) {
      EXPECT_NEAR(eta[i], -c.gamma * s[i], 1e-12);
      EXPECT_NEAR(v[i], b[i] + c.gamma_product * s[i], 1e-11);
      EXPECT_NEAR(sum[i], b[i] + 2 * t * s[i] + static_cast<double>(i % 3 + 1), 1e-11);
      EXPECT_NEAR(from_eta[i], s[i], 1e-12);
    }
  }
}

TEST(ExactFields, AreConditionalMeansOfDraws) {  // E z = E over x_t of the denoiser, and so on, weighted by x_t itself: needs the fields, not only their means
  const auto path = card_path();
  const double t = 0.35;
  const Coefficients c = path->interpolant().at(t);
  const auto eta = denoiser_field(path), v = interpolant_velocity_field(path);
  const std::size_t n = 100000;
  double sum[2] = {0, 0}, square[2] = {0, 0};
  for (std::size_t k = 0; k < n; ++k) {
    Stream stream(20230315, k, "test/draws");
    double x0 = 0, x1 = 0, z = 0;
    path->draw(stream, std::span(&x0, 1), std::span(&x1, 1), std::span(&z, 1));
    const double x = c.alpha * x0 + c.beta * x1 + c.gamma * z, weight = std::sin(x);
    const double gap[2] = {weight * (z - at(eta, t, x)), weight * (c.alpha_rate * x0 + c.beta_rate * x1 - at(v, t, x))};
    for (int q : {0, 1}) {
      sum[q] += gap[q];
      square[q] += gap[q] * gap[q];
    }
  }
  const auto check = [&](int q, const char* what) {
    const double mean = sum[q] / static_cast<double>(n);
    return MeanCheck{0, mean, std::sqrt((square[q] / static_cast<double>(n) - mean * mean) / static_cast<double>(n)), what};
  };
  EXPECT_TRUE(MeansMatch({check(0, "denoiser"), check(1, "dI/dt")}, 0.15));
}

TEST(ExactFields, GiveAPointTheSameBitsInEveryBatch) {
  for (const std::size_t d : {1u, 3u}) {
    const auto path = path_of(random_mixture(d, 2, 3), random_mixture(d, 3, 4), {});
    std::vector<double> x(50 * d), whole(50 * d), div(50);
    Stream stream(1, 0, "test/bits");
    for (double& q : x) q = 3 * stream.normal();
    path->instant(0.3)->evaluate(x, {1, 0.7}, {.value = whole, .divergence = div});
    for (std::size_t k = 0; k < 50; ++k) {
      std::vector<double> one(d);
      double own = 0;
      path->instant(0.3)->evaluate(std::span(x).subspan(k * d, d), {1, 0.7}, {.value = one, .divergence = std::span(&own, 1)});
      EXPECT_EQ(std::memcmp(one.data(), &whole[k * d], d * sizeof(double)), 0);
      EXPECT_EQ(own, div[k]);
    }
  }
}

TEST(ExactFields, FarTailsAreFinite) {
  const auto path = card_path();
  for (const double x : {-1e6, -300.0, 300.0, 1e6}) {
    EXPECT_TRUE(std::isfinite(at(velocity_field(path), 0.5, x)));
    EXPECT_TRUE(std::isfinite(at(score_field(path), 0.5, x)));
  }
  EXPECT_TRUE(std::isfinite(at(velocity_field(path), 0.0, 0.1)) && std::isfinite(at(velocity_field(path), 1.0, 0.1)));
}

TEST(Modes, TheLatentNeverAddsOne) {  // check 8
  struct Pair {
    const char* name;
    sde::GaussianMixture a, b;
  };
  std::vector<Pair> built_in{{"card mixture", two_modes(), three_modes()}, {"Gaussians", standard_normal(1), sde::GaussianMixture({1}, {0}, {4})}};
  for (const std::uint64_t seed : {1u, 2u, 3u})
    for (const std::size_t d : {1u, 2u, 8u}) built_in.push_back({"random mixture", random_mixture(d, 1, seed), random_mixture(d, 3, seed + 100)});
  built_in.push_back({"random mixture, 2 to 3", random_mixture(2, 2, 5), random_mixture(2, 3, 6)});
  for (const Pair& p : built_in) {
    const std::size_t without = count_modes(path_of(p.a, p.b, {.latent = "none"})->law(0.5)), with = count_modes(path_of(p.a, p.b, {})->law(0.5));
    EXPECT_LE(with, without) << p.name << " in " << p.a.dimension();
    EXPECT_GE(with, 1u);
    if (std::string(p.name) == "card mixture") {
      EXPECT_EQ(without, 4u);
      EXPECT_EQ(with, 4u);
      measured(card, "check 8: maxima of the card mixture at t = 1/2, gamma none", static_cast<double>(without), 0, 4, "card");
      measured(card, "check 8: maxima of the card mixture at t = 1/2, gamma brownian", static_cast<double>(with), 0, 4, "card");
    }
  }
  // Where modes are near enough, the latent does remove some.
  const sde::GaussianMixture near({0.5, 0.5}, {-1, 1}, {0.1, 0.1});
  EXPECT_GT(count_modes(path_of(near, near, {.latent = "none"})->law(0.5)), count_modes(path_of(near, near, {})->law(0.5)));
  // Three equal Gaussians in the plane: far apart, and merged.
  EXPECT_EQ(count_modes(sde::GaussianMixture::isotropic({0.2, 0.3, 0.5}, {0, 0, 5, 0, 0, 5}, std::vector<double>{1, 1, 1})), 3u);
  EXPECT_EQ(count_modes(sde::GaussianMixture::isotropic({0.2, 0.3, 0.5}, {0, 0, 1, 0, 0, 1}, std::vector<double>{1, 1, 1})), 1u);
}

TEST(Likelihood, OfTheExactFlowIsTheMixtures) {  // check 10
  double worst = 0;
  for (const std::size_t d : {1u, 2u, 6u}) {
    const auto path = d == 1 ? card_path() : path_of(random_mixture(d, 2, 11), random_mixture(d, 3, 12), {});
    const auto b = velocity_field(path);
    std::vector<double> x(20 * d);
    for (std::size_t k = 0; k < 20; ++k) {
      Stream stream(9, k, "test/likelihood");
      path->end().sample(stream, std::span(x).subspan(k * d, d));
    }
    const auto start = [&](std::span<const double> y, std::span<double> out) {
      for (std::size_t k = 0; k < out.size(); ++k) out[k] = path->start().log_density(y.subspan(k * d, d));
    };
    const std::vector<double> grid = uniform_grid(0, 1, 1600);
    const std::vector<double> exact = log_likelihood(b, divergence_of(b), grid, start, x);
    const std::vector<double> differences = log_likelihood(b, divergence_by_differences(b), grid, start, x);
    double own = 0;
    for (std::size_t k = 0; k < 20; ++k) {
      const double truth = path->end().log_density(std::span(x).subspan(k * d, d));
      own = std::max(own, std::abs(exact[k] - truth));
      EXPECT_NEAR(exact[k], truth, 1e-5) << "d = " << d;
      EXPECT_NEAR(differences[k], truth, 1e-5) << "d = " << d;
    }
    worst = std::max(worst, own);
  }
  measured(card, "check 10: largest error of log density by the flow, 20 points in 1, 2 and 6 dimensions", worst, 0, 0, "card, 1e-5");
}

TEST(Likelihood, RandomProbesAreUnbiased) {
  const auto path = path_of(random_mixture(4, 2, 11), random_mixture(4, 3, 12), {});
  const auto b = velocity_field(path);
  std::vector<double> x(4), exact(1);
  Stream stream(3, 0, "test/probes");
  path->law(0.4).sample(stream, x);
  b.divergence(0.4, x, exact);
  const std::size_t n = 4000;
  std::vector<double> same, out(n);
  for (std::size_t k = 0; k < n; ++k) same.insert(same.end(), x.begin(), x.end());
  divergence_by_probes(b, 1, 17, 0)(0.4, same, out);
  double sum = 0, square = 0;
  for (const double v : out) {
    sum += v / static_cast<double>(n);
    square += v * v / static_cast<double>(n);
  }
  const double error = std::sqrt((square - sum * sum) / static_cast<double>(n));
  EXPECT_TRUE(MeansMatch({{exact[0], sum, error, "divergence"}}, 1.0));
  // The same point, alone and in another batch.
  double alone = 0;
  divergence_by_probes(b, 1, 17, 5)(0.4, x, std::span(&alone, 1));
  EXPECT_EQ(alone, out[5]);
  EXPECT_THROW((void)divergence_by_probes(b, 0, 1, 0), ParameterError);
}

template <class F>
std::string refusal(F f) {
  try {
    f();
  } catch (const InputError& error) {
    return error.what();
  }
  return "accepted";
}
void expect_parts(const std::string& said, std::initializer_list<const char*> parts) {
  for (const char* part : parts) EXPECT_NE(said.find(part), std::string::npos) << said << "\n  lacks: " << part;
}
std::string refusal_of(const InterpolantSpec& spec) {
  return refusal([&] { Interpolant made(spec); });
}

TEST(BadInput, InterpolantsThatDoNotBridge) {
  expect_parts(refusal_of({.latent = "own", .gamma_squared = "0.1 + t*(1-t)"}), {"gamma(0)^2 = 0.1", "must be 0", "does not start in x0"});
  expect_parts(refusal_of({.latent = "own", .gamma_squared = "t"}), {"gamma(1)^2 = 1", "does not end in x1"});
  expect_parts(refusal_of({.latent = "own", .gamma_squared = "t*(1-t)*(1-2*t)"}), {"gamma^2 = ", "must not be negative"});
  expect_parts(refusal_of({.path = "own", .alpha = "1 - t/2", .beta = "t"}), {"alpha(1) = 0.5", "must be 0", "I(1) is not x1"});
  expect_parts(refusal_of({.path = "own", .alpha = "2 - 2*t", .beta = "t"}), {"alpha(0) = 2", "must be 1", "I(0) is not x0"});
  expect_parts(refusal_of({.path = "own", .beta = "t"}), {"alpha = \"\"", "give a formula of t"});
  expect_parts(refusal_of({.path = "own", .alpha = "1 - t", .beta = "sqrt(t)"}), {"beta = \"sqrt(t)\"", "derivative inf at t = 0", "finite on [0, 1]"});
  expect_parts(refusal_of({.path = "own", .alpha = "1 - x", .beta = "t"}), {"alpha = \"1 - x\"", "x"});
  expect_parts(refusal_of({.path = "linear", .alpha = "1 - t"}), {"a formula of alpha or beta is given and path = \"linear\"", "path = \"own\""});
  expect_parts(refusal_of({.gamma_squared = "t*(1-t)"}), {"gamma_squared", "latent = \"brownian\"", "latent = \"own\""});
  expect_parts(refusal_of({.path = "trig", .latent_scale = 5}), {"\"trig\"", "gamma = 1.00", "must stay below 1", "latent_scale below 4 (it is 5)"});
  expect_parts(refusal_of({.path = "trig", .latent = "sine-squared"}), {"gamma = 1 at t = 0.5", "another latent"});
  expect_parts(refusal_of({.path = "mirror", .latent = "none"}), {"\"mirror\" with gamma = 0", "does not move"});
  expect_parts(refusal_of({.path = "encoding-decoding", .latent = "none"}), {"no density at t = 1/2"});
  expect_parts(refusal_of({.path = "one-sided-trig"}), {"x0 for its noise", "latent = \"brownian\"", "path = \"trig\""});
  expect_parts(refusal_of({.path = "liner"}), {"unknown path 'liner'", "Did you mean 'linear'?"});
  expect_parts(refusal_of({.latent = "brown"}), {"unknown latent 'brown'", "brownian"});
  expect_parts(refusal_of({.latent_scale = 0}), {"scale a", "is 0", "above 0"});
}

TEST(BadInput, LawsThatDoNotFit) {
  expect_parts(refusal([] { (void)path_of(two_modes(), three_modes(), {.path = "one-sided-linear", .latent = "none"}); }), {"x0 ~ N(0, I)", "a mixture of 2 Gaussians", "path = \"linear\""});
  expect_parts(refusal([] { (void)path_of(sde::GaussianMixture({1}, {1}, {1}), three_modes(), {.path = "one-sided-trig", .latent = "none"}); }), {"another Gaussian", "path = \"trig\""});
  expect_parts(refusal([] { (void)path_of(standard_normal(2), three_modes(), {}); }), {"rho_0 has 2 dimensions and rho_1 has 1"});
  expect_parts(refusal([] { (void)path_of(two_modes(), three_modes(), {}, 0.2); }), {"coupling", "Gaussian ends in one dimension", "2 and 3 components"});
  expect_parts(refusal([] { (void)path_of(standard_normal(1), standard_normal(1), {}, 1.5); }), {"Cov(x0, x1) = 1.5", "= 1;", "no such pair"});
  expect_parts(refusal([] { (void)sde::GaussianMixture({0.5, 0.6}, {0, 1}, {1, 1}); }), {"weights of the mixture sum to 1.1, not to 1"});
  expect_parts(refusal([] { (void)sde::GaussianMixture({1}, {0, 0}, {1, 2, 2, 1}); }), {"covariance 1", "not positive definite"});
}

TEST(BadInput, AScoreFromADenoiserNeedsTheEndsLeftOut) {
  const auto path = card_path();
  const DenoiserScore score(std::make_shared<MixtureField>(denoiser_field(path)), path->interpolant());
  for (const double t : {0.0, 1.0})
    expect_parts(refusal([&] { (void)at(score, t, 0.5); }), {"-eta/gamma", "where gamma = 0", "t from 1e-4 to 1 - 1e-4"});
  EXPECT_NEAR(at(score, 1e-4, 2.5), at(score_field(path), 1e-4, 2.5), 1e-9);
}

}  // namespace
}  // namespace meso::generative
