// Laws on the line that exact and wrong fields make, and the Schrödinger bridge: card figures, solver's own error, closed forms.
#include "kits/generative/bridge_laws.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "kits/generative/card_laws.h"
#include "kits/generative/sample.h"
#include "kits/generative/schroedinger.h"
#include "testing/measured.h"
#include "testing/statistics.h"

namespace meso::generative {
namespace {

const char* const card = "stochastic-interpolants";

std::shared_ptr<const MixturePath> path_of(sde::GaussianMixture a, sde::GaussianMixture b, InterpolantSpec spec = {}, double coupling = 0) {
  return std::make_shared<const MixturePath>(std::move(a), std::move(b), Interpolant(spec), coupling);
}
std::shared_ptr<const Field> blend(std::shared_ptr<const MixturePath> path, double b, double s) {
  return std::make_shared<MixtureField>(std::move(path), [b, s](double) { return Blend{b, s}; });
}

TEST(FokkerPlanck, ExactFieldsReturnTheTarget) {  // check 5, and what check 9 asks of the solver
  const auto path = path_of(two_modes(), three_modes());
  for (const double epsilon : {0.5, 2.0, 5.0}) {
    const std::string at = ", epsilon " + std::to_string(epsilon).substr(0, 3);
    const PiecewiseLaw end = diffusion_of(*path, *blend(path, 1, epsilon), epsilon, {0, 1, 2000, 1000}), truth = exact_on(*path, 1, end);
    const double l1 = l1_distance(end, truth);
    EXPECT_LT(l1, 2e-3) << at;
    measured(card, "check 5: L1 of forward Fokker-Planck" + at, l1, 0, "below 2e-3 (card)");
    const PiecewiseLaw back = diffusion_of(*path, *blend(path, 1, -epsilon), epsilon, {1, 0, 2000, 1000}), start = exact_on(*path, 0, back);
    EXPECT_LT(l1_distance(back, start), 2e-3) << at;
    measured(card, "check 5: L1 of backward Fokker-Planck" + at, l1_distance(back, start), 0, "below 2e-3");
  }
  const FieldFigures solver = judge_fields(path, blend(path, 1, 0), blend(path, 0, 1), 1);
  EXPECT_LT(solver.kl_diffusion, 1e-6);
  EXPECT_LT(solver.kl_flow, 1e-6);
  EXPECT_LT(solver.bound, 1e-20);
  measured(card, "check 9: KL of the diffusion with exact fields, epsilon 1", solver.kl_diffusion, 0, "below 1e-6 (card; seen there 5e-8)");
  measured(card, "check 9: KL of the flow with exact fields", solver.kl_flow, 0, "below 1e-6 (card)");
}

TEST(FokkerPlanck, KlOfConstantErrors) {  // check 6, the headline: the bound and the truth
  const auto path = path_of(standard_normal(1), standard_normal(1), {.path = "one-sided-trig", .latent = "none"});
  struct Row {
    double c, d, epsilon, kl, bound;
  };
  const double nan = std::nan("");
  for (const Row& row : std::vector<Row>{{0.3, 0, 1, 0.017981, 0.0225}, {0.3, 0, 5, 0.00177583, 0.0045}, {0.3, 0.3, 0.25, 0.055045, nan}, {0.3, 0.3, 1, 0.071924, nan}, {0.3, 0.3, 5, 0.063930, nan}}) {
    const auto b = std::make_shared<SumField>(blend(path, 1, 0), [](double) { return 1.0; }, nullptr, nullptr, std::vector<double>{row.c});
    const auto s = std::make_shared<SumField>(blend(path, 0, 1), [](double) { return 1.0; }, nullptr, nullptr, std::vector<double>{row.d});
    const FieldFigures got = judge_fields(path, b, s, row.epsilon, {0, 1, 2000, 1000});
    const std::string at = ", c = 0.3, d = " + std::to_string(row.d).substr(0, 3) + ", epsilon = " + std::to_string(row.epsilon).substr(0, 4);
    EXPECT_NEAR(got.kl_diffusion, row.kl, 1e-3 * row.kl) << at;
    EXPECT_NEAR(got.kl_flow, 0.045, 4.5e-5) << at;
    const double closed = std::pow(row.c + row.epsilon * row.d, 2) / (4 * row.epsilon);
    EXPECT_NEAR(got.bound, closed, 1e-6) << at;
    if (!std::isnan(row.bound)) EXPECT_NEAR(got.bound, row.bound, 1e-6);
    EXPECT_LE(got.kl_diffusion, got.bound) << at;
    measured(card, "check 6: KL of Fokker-Planck" + at, got.kl_diffusion, 0, row.kl, "card, 1e-3");
    measured(card, "check 6: KL of the flow's law" + at, got.kl_flow, 0, 0.045, "card, 1e-3");
    measured(card, "check 6: bound from the measured error" + at, got.bound, 0, closed, "(c + epsilon d)^2/(4 epsilon)");
  }
  // The bound (c + epsilon d)^2/(4 epsilon) is least at epsilon = |c/d| among measured ones.
  double least = 1e300, where = 0;
  for (const double epsilon : {0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 3.0}) {
    const SumField drift(blend(path, 1, epsilon), [](double) { return 1.0; }, nullptr, nullptr, {0.2 + 0.2 * epsilon});
    const double bound = field_error(*path, drift, *blend(path, 1, epsilon), 0, 1, 10).error / (4 * epsilon);
    if (bound < least) {
      least = bound;
      where = epsilon;
    }
  }
  EXPECT_EQ(where, 1.0);
  measured(card, "check 6: epsilon of the least bound, c = d", where, 0, 1, "card: |c/d|, among 0.25, 0.5, ... 3");
}

TEST(FokkerPlanck, AFlowHasNoSuchBound) {  // a velocity error of high frequency and small size: tiny in L^2, large in KL of the flow, harmless for the diffusion
  const auto path = path_of(standard_normal(1), standard_normal(1), {.path = "one-sided-trig", .latent = "none"});
  class Ripple : public Field {
    [[nodiscard]] std::size_t dimension() const override { return 1; }
    void at(double, std::span<const double> x, std::span<double> v) const override {
      for (std::size_t i = 0; i < x.size(); ++i) v[i] = 0.05 * std::sin(30 * x[i]);
    }
  };
  const auto b = std::make_shared<SumField>(blend(path, 1, 0), [](double) { return 1.0; }, std::make_shared<Ripple>(), [](double) { return 1.0; });
  const FieldFigures got = judge_fields(path, b, blend(path, 0, 1), 1, {0, 1, 4000, 1000});
  EXPECT_NEAR(got.bound, 0.05 * 0.05 / 2 / 4, 1e-6);  // half of it is not sine squared's mean: exp(-2 30^2) is nothing
  EXPECT_LE(got.kl_diffusion, got.bound);
  EXPECT_GT(got.kl_flow, 100 * got.bound);
}

TEST(FieldErrors, RelativeL2) {
  const auto path = path_of(two_modes(), three_modes());
  const auto exact = blend(path, 1, 0);
  const SumField larger(exact, [](double) { return 1.05; }, nullptr, {});
  EXPECT_NEAR(field_error(*path, larger, *exact, 0.05, 0.95, 20).relative(), 0.05, 1e-9);
  EXPECT_NEAR(field_error(*path, larger, *exact, 0, 1, 200).size, 19.6086, 1e-3);
}

TEST(Schroedinger, GaussianEnds) {  // check 7
  struct Row {
    double a, b, epsilon, c, half, quarter;
  };
  for (const Row& row : std::vector<Row>{{1, 0.25, 0.5, 0.207107, 0.666053, 0.843290}, {1, 4, 0.1, 1.902498, 2.251249, std::nan("")}}) {
    const GaussianBridge closed{row.a, row.b, row.epsilon};
    EXPECT_NEAR(closed.coupling(), row.c, 1e-6);
    EXPECT_NEAR(closed.variance(0.5), row.half, 1e-6);
    const SchroedingerBridge found(sde::GaussianMixture({1}, {0}, {row.a}), sde::GaussianMixture({1}, {0}, {row.b}), row.epsilon);
    const std::string at = ", a = 1, b = " + std::to_string(row.b).substr(0, 4) + ", epsilon = " + std::to_string(row.epsilon).substr(0, 3);
    EXPECT_NEAR(found.coupling(), row.c, 2e-6);
    EXPECT_NEAR(found.variance(0.5), row.half, 2e-6);
    EXPECT_NEAR(found.law(0.5).variance(), row.half, 1e-3 * row.half);
    EXPECT_NEAR(found.energy(), closed.energy(closed.coupling()), 1e-6);
    measured(card, "check 7: coupling covariance by iterated fitting" + at, found.coupling(), found.marginal_error(), row.c, "card, 1 %");
    measured(card, "check 7: Var(1/2) by iterated fitting" + at, found.variance(0.5), found.marginal_error(), row.half, "card, 1 %");
    if (!std::isnan(row.quarter)) {
      EXPECT_NEAR(found.variance(0.25), row.quarter, 2e-6);
      measured(card, "check 7: Var(1/4) by iterated fitting" + at, found.variance(0.25), found.marginal_error(), row.quarter, "card, 1 %");
    }
    // Optimising the coupling of the interpolant by its energy int E|b + epsilon s|^2 reaches the same.
    const auto energy = [&](double c) {
      const auto path = path_of(sde::GaussianMixture({1}, {0}, {row.a}), sde::GaussianMixture({1}, {0}, {row.b}), {.latent_scale = 2 * row.epsilon}, c);
      double sum = 0;
      for (int i = 0; i < 200; ++i) sum += path->mean_square((i + 0.5) / 200, {1, row.epsilon}) / 200;
      return sum;
    };
    double low = 0, high = 0.999 * std::sqrt(row.a * row.b);
    const double golden = (std::sqrt(5.0) - 1) / 2;
    double p = high - golden * (high - low), q = low + golden * (high - low), fp = energy(p), fq = energy(q);
    while (high - low > 1e-4) {
      if (fp < fq) {
        high = q;
        q = p;
        fq = fp;
        p = high - golden * (high - low);
        fp = energy(p);
      } else {
        low = p;
        p = q;
        fp = fq;
        q = low + golden * (high - low);
        fq = energy(q);
      }
    }
    EXPECT_NEAR(0.5 * (low + high), row.c, 0.01 * row.c);
    EXPECT_NEAR(energy(row.c), found.energy(), 1e-3 * std::abs(found.energy()));
    EXPECT_GT(energy(0), found.energy() + 0.01);
    measured(card, "check 7: coupling of least energy of the interpolant" + at, 0.5 * (low + high), 1e-4, row.c, "card, 1 %");
    const auto independent = path_of(sde::GaussianMixture({1}, {0}, {row.a}), sde::GaussianMixture({1}, {0}, {row.b}), {.latent_scale = 2 * row.epsilon});
    if (row.b < 1) {
      EXPECT_NEAR(independent->law(0.5).covariance()[0], 0.5625, 1e-12);
      measured(card, "check 7: Var(1/2) with independent ends" + at, independent->law(0.5).covariance()[0], 0, 0.5625, "card: a bridge, not SB");
    }
  }
}

TEST(Schroedinger, MixturesByItsOwnDrift) {  // the drift carries rho_0 to rho_1, and its energy by quadrature is the one of the coupling
  const SchroedingerBridge found(two_modes(), three_modes(), 1);
  const auto start = two_modes(), end = three_modes();
  GridLaw law({-14, 14, 900}, [&](double x) { return start.cdf(x); });
  const std::vector<double> times = uniform_grid(0, 0.999, 200);
  double energy = 0, before = 0;
  diffuse(law, [&](double t, std::span<const double> x, std::span<double> v) {
    for (std::size_t i = 0; i < x.size(); ++i) v[i] = found.drift(t, x[i]);
  }, [](double) { return 1.0; }, times, [&](std::size_t k, const GridLaw& here) {
    double now = 0;
    for (std::size_t i = 0; i < here.size(); ++i) {
      if (here.mass()[i] < 1e-12) continue;
      const double u = found.drift(times[k], here.centre(i));
      now += here.mass()[i] * u * u;
    }
    if (k > 0) energy += 0.5 * (now + before) * (times[k] - times[k - 1]);
    before = now;
    if (k == 100) EXPECT_LT(kolmogorov(here.law(), found.law(times[k])), 2e-3);
  });
  EXPECT_LT(kolmogorov(law.law(), found.law(0.999)), 3e-3);
  EXPECT_NEAR(energy + 0.001 * before, found.energy(), 0.01 * found.energy());
  EXPECT_LT(kolmogorov(found.law(1), PiecewiseLaw::of([&](double x) { return end.cdf(x); }, found.law(1).x)), 1e-6);
  // Independent ends cost more.
  const auto independent = path_of(start, end, {.latent_scale = 2});
  double other = 0;
  for (int i = 0; i < 100; ++i) other += independent->mean_square((i + 0.5) / 100, {1, 1}) / 100;
  EXPECT_GT(other, found.energy() + 1);
  measured(card, "energy int E|u|^2 of the Schrödinger bridge, card mixture, epsilon 1", found.energy(), 0, "independent ends: " + std::to_string(other));
}

template <class F>
std::string refusal(F f) {
  try {
    f();
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

TEST(BadInput, OfBridges) {
  EXPECT_NE(refusal([] { SchroedingerBridge(two_modes(), three_modes(), 0); }).find("needs epsilon > 0; it is 0"), std::string::npos);
  EXPECT_NE(refusal([] { SchroedingerBridge(two_modes(), standard_normal(2), 1); }).find("in one dimension; the ends have 1 and 2"), std::string::npos);
  EXPECT_NE(refusal([] { SchroedingerBridge(two_modes(), three_modes(), 1e-5); }).find("the limit is 3000. Raise epsilon"), std::string::npos);
  EXPECT_NE(refusal([] { SchroedingerBridge(sde::GaussianMixture({1}, {-30}, {1}), sde::GaussianMixture({1}, {30}, {1}), 0.05); }).find("reached in doubles. Take epsilon above about"), std::string::npos);
  const auto path = path_of(two_modes(), three_modes());
  EXPECT_NE(refusal([&] { (void)diffusion_of(*path, *blend(path, 1, 0), -1); }).find("epsilon = -1; a diffusion needs epsilon >= 0"), std::string::npos);
}

}  // namespace
}  // namespace meso::generative
