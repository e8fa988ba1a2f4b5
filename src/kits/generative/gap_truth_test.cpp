// Acceptance checks 1 to 4 and 6 of the card score-fokker-planck at the kinetic levels.
#include "kits/generative/gap.h"

#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <numbers>

#include "stat/wasserstein.h"
#include "testing/measured.h"

namespace meso::generative {
namespace {

constexpr const char* name = "score-fokker-planck";
const OrnsteinUhlenbeck forward{};

double prior(double x) { return 0.5 * std::erfc(-x); }  // N(0, 1/2)

sde::GaussianMixture card_mixture(double scale = 1) {
  return sde::GaussianMixture::isotropic({0.3, 0.3, 0.4}, scale == 1 ? std::vector<double>{-2, 0.5, 2} : std::vector<double>{-1.5, 0, 1.5}, std::vector<double>{0.3, 0.3, 0.3});
}

struct Outcome {
  GapFigures w;
  double bound = 0, lost = 0;
};
Outcome run(const Sampling& s, const sde::GaussianMixture& data, const Resolution& r) {
  const DiffusionLaw sde = diffusion_law(s, r);
  return {figures(flow_law(s, r), sde.law, on_faces([&](double x) { return data.cdf(x); }, r)), sde.bound, sde.lost};
}

TEST(Gap, OfAGaussianWithAWrongScore) {  // checks 1 and 6
  struct Case {
    double v0, delta, sde, ode, w2, bound;
  };
  for (const Case& c : {Case{0.25, 0.1, 0.208333, 0.031568, 0.278761, 0.28398}, {0.25, -0.1, 0.3125, 1.979849, 0.848054, 0.89328}, {2, 0.1, 1.666667, 0.310919, 0.733393, 0.74978}}) {
    const sde::GaussianMixture data({1}, {0}, {c.v0});
    const ChangedPotential score(std::make_shared<MixturePotential>(data, forward), 1 + c.delta, 1);
    const Sampling s{&score, forward, prior};
    const Resolution r{.low = -10, .high = 10, .cells = 2000};
    const DiffusionLaw sde = diffusion_law(s, r);
    const PiecewiseLaw ode = flow_law(s, r);
    const std::string what = " (v0 = " + std::to_string(c.v0).substr(0, 4) + ", delta = " + std::to_string(c.delta).substr(0, 4) + ")";
    const double w2 = wasserstein_2(ode, sde.law), coarse = wasserstein_2(flow_law(s, r.halved()), diffusion_law(s, r.halved()).law);
    EXPECT_NEAR(sde.law.variance() / c.sde, 1, 1e-3) << what;
    EXPECT_NEAR(ode.variance() / c.ode, 1, 1e-3) << what;
    EXPECT_NEAR(w2 / c.w2, 1, 1e-3) << what;
    EXPECT_NEAR(sde.bound / c.bound, 1, 1e-3) << what;
    EXPECT_LE(w2, sde.bound) << what;
    EXPECT_LT(sde.bound, 1.06 * w2) << what;
    EXPECT_FALSE(is_vacuous(sde.bound, w2));
    measured(name, "check 1: variance of the reverse diffusion" + what, sde.law.variance(), 1e-3 * c.sde, c.sde, "closed form");
    measured(name, "check 1: variance of the probability flow" + what, ode.variance(), 1e-3 * c.ode, c.ode, "closed form");
    measured(name, "check 1: W2 of flow and diffusion" + what, w2, std::abs(w2 - coarse), c.w2, "closed form");
    measured(name, "check 6: bound on it" + what, sde.bound, 0, c.bound, "closed form, +- 0.1 %");
  }
}

TEST(Gap, IsNoneWithTheExactScore) {  // check 2
  const sde::GaussianMixture data = card_mixture();
  const MixturePotential score(data, forward);
  const Outcome full = run({&score, forward, prior, 10, 0}, data, {});
  EXPECT_LT(full.w.gap, 1e-4);
  EXPECT_LT(full.w.ode_truth, 1e-4);
  EXPECT_LT(full.w.sde_truth, 1e-4);
  const Outcome early = run({&score, forward, prior, 5, 0}, data, {});
  EXPECT_NEAR(early.w.ode_truth, 7e-4, 0.5e-4);
  EXPECT_NEAR(early.w.sde_truth, 1e-6, 1e-6);
  // The prior is to blame: with the exact p_T nothing is left.
  const Outcome exact = run({&score, forward, [&](double x) { return score.law(5).cdf(x); }, 5, 0}, data, {});
  EXPECT_LT(exact.w.ode_truth, 1e-6);
  EXPECT_LT(exact.w.gap, 2e-6);
  EXPECT_TRUE(is_vacuous(early.bound, std::sqrt(early.w.gap)));  // grad s between modes
  measured(name, "check 2: W2^2 of flow and diffusion, exact score, T = 10", full.w.gap, 0, "card: below 1e-4");
  measured(name, "check 2: W2^2 of flow and truth, T = 5, from N(0, 1/2)", early.w.ode_truth, 0, 7e-4, "card: about");
  measured(name, "check 2: W2^2 of diffusion and truth, T = 5, from N(0, 1/2)", early.w.sde_truth, 0, 1e-6, "card: about");
  measured(name, "check 2: W2^2 of flow and truth, T = 5, from the exact p_T", exact.w.ode_truth, 0, "0: the prior alone made the difference");
}

TEST(Gap, IsNoneWithTheScoreOfAnotherMixture) {  // check 3
  const sde::GaussianMixture data = card_mixture();
  const MixturePotential score(card_mixture(0), forward);
  const Outcome full = run({&score, forward, prior, 10, 0}, data, {});
  EXPECT_LE(full.w.gap, 1e-4);
  EXPECT_NEAR(full.w.ode_truth, 0.2498, 0.002);
  EXPECT_NEAR(full.w.sde_truth, 0.2498, 0.002);
  const Outcome early = run({&score, forward, prior, 5, 0}, data, {});
  EXPECT_NEAR(early.w.ode_truth, 0.2503, 0.0005);
  EXPECT_NEAR(early.w.sde_truth, 0.2494, 0.0005);
  measured(name, "check 3: W2^2 of flow and diffusion, score of another mixture, T = 10", full.w.gap, 0, "card: at most 1e-4");
  measured(name, "check 3: W2^2 of flow and truth, T = 5", early.w.ode_truth, 0, 0.2503, "card");
  measured(name, "check 3: W2^2 of diffusion and truth, T = 5", early.w.sde_truth, 0, 0.2494, "card");
}

TEST(Gap, OfALateAndOfAStrongScore) {  // check 4
  struct Case {
    const char* what;
    double factor, clock, gap, ode, sde;
  };
  const sde::GaussianMixture data = card_mixture();
  for (const Case& c : {Case{"late score", 1, 1.2, 0.0081, 0.0520, 0.0237}, {"score times 1.1", 1.1, 1, 0.2196, 0.2897, 0.0327}}) {
    const ChangedPotential score(std::make_shared<MixturePotential>(data, forward), c.factor, c.clock);
    const Sampling s{&score, forward, prior, 5, 0};
    const Outcome coarse = run(s, data, Resolution{}.halved()), fine = run(s, data, {});
    const std::string who = std::string("check 4, ") + c.what + ": W2^2 of ";
    EXPECT_NEAR(fine.w.gap / c.gap, 1, 0.05) << c.what;
    EXPECT_NEAR(fine.w.ode_truth / c.ode, 1, 0.05) << c.what;
    EXPECT_NEAR(fine.w.sde_truth / c.sde, 1, 0.05) << c.what;
    EXPECT_GE(fine.bound * fine.bound, fine.w.gap) << c.what;
    EXPECT_TRUE(is_vacuous(fine.bound, std::sqrt(fine.w.gap))) << c.what;
    measured(name, who + "flow and diffusion", fine.w.gap, std::abs(fine.w.gap - coarse.w.gap), c.gap, "card, +- 5 %");
    measured(name, who + "flow and truth", fine.w.ode_truth, std::abs(fine.w.ode_truth - coarse.w.ode_truth), c.ode, "card, +- 5 %");
    measured(name, who + "diffusion and truth", fine.w.sde_truth, std::abs(fine.w.sde_truth - coarse.w.sde_truth), c.sde, "card, +- 5 %");
  }
}

TEST(SamplingFloor, OfModesIsThatOfTheirWeights) {
  // Mass between modes fluctuates by sqrt(w (1 - w)/n) and travels their distance: the card's floor of 0.01 at 2e4 samples. Of one Gaussian it is (log log n)/n.
  const sde::GaussianMixture data = card_mixture();
  const PiecewiseLaw law = on_faces([&](double x) { return data.cdf(x); }, {});
  const double few = sampling_floor(law, 20000, Stream(1, 0, "test/floor"), 32);
  EXPECT_GT(few, 0.003);
  EXPECT_LT(few, 0.03);
  const double one = sampling_floor(on_faces([](double x) { return prior(x); }, {}), 20000, Stream(1, 1, "test/floor"), 32);
  EXPECT_LT(one, 3e-4);
  measured(name, "floor of W2^2 between 20,000 samples of the mixture and the mixture", few, 0, "card: about 0.01");
}

}  // namespace
}  // namespace meso::generative
