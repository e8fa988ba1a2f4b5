// Scores that are learned, with and without the Fokker-Planck residual in the loss: the card's checks 7, 8 and 9, trainings included.
//
// MESO_ARTEFACTS names a folder where trained nets are kept between runs; without it every test trains anew.
#include "systems/generative/score-fokker-planck/learned.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <map>

#include "kits/generative/gap.h"
#include "kits/torch/net_potential.h"
#include "systems/generative/score-fokker-planck/test_support.h"
#include "testing/measured.h"

namespace meso::systems::score_fokker_planck {
namespace {

namespace fs = std::filesystem;

learned::Workplace workplace(std::uint64_t seed) {
  learned::Workplace place;
  place.seed = seed;
  place.purpose = "score-fokker-planck/learned";
  place.artefact = [](const std::string& key) {
    fs::create_directories(testing::artefacts());
    return testing::artefacts() / key;
  };
  return place;
}

const std::array<double, 4> weights{0, 0.1, 1, 10};

struct Measured {
  double residual = 0;  ///< <R^2>
  generative::GapFigures gap;
};

/// One training of the mixture of check 2 at T = 5, and what its score gives at the kinetic level, both samplers started from the exact p_T.
Measured measure(std::uint64_t seed, double residual_weight, bool weighted) {
  const auto data = sde::GaussianMixture::isotropic({0.3, 0.3, 0.4}, {-2, 0.5, 2}, std::vector<double>{0.3, 0.3, 0.3});
  const generative::OrnsteinUhlenbeck process;
  const double t_min = 0.01, end = 5;
  const auto trained = line_recipe(data, 1, t_min, end, {.residual_weight = residual_weight, .weighted = weighted}).train(workplace(seed));
  EXPECT_FALSE(trained.diverged) << trained.divergence_text();
  Measured m;
  m.residual = learned::mean_square_residual(trained.net, 1, t_min, end, -3.5, 3.5, 20000, 1, "test/residual").uniform;
  const learned::GradientField score(trained.net);
  const generative::MixturePotential exact(data, process);
  const auto law_at = [&](double t) { return [law = exact.law(t)](double x) { return law.cdf(x); }; };
  const generative::Sampling sampling{&score, process, law_at(end), end, t_min};
  const generative::Resolution resolution;
  m.gap = generative::figures(generative::flow_law(sampling, resolution), generative::diffusion_law(sampling, resolution).law, generative::on_faces(law_at(t_min), resolution));
  return m;
}

double median(std::array<double, 3> values) {
  std::sort(values.begin(), values.end());
  return values[1];
}

/// Three seeds at every w_R; figures into measured.json.
std::map<double, std::array<Measured, 3>> sweep(bool weighted) {
  std::map<double, std::array<Measured, 3>> all;
  for (const double w : weights)
    for (std::size_t s = 0; s < 3; ++s) {
      all[w][s] = measure(s + 1, w, weighted);
      const Measured& m = all[w][s];
      std::printf("%s w_R %-4g seed %zu: <R^2> %.3g, W2^2 ode-sde %.3g, ode-truth %.3g, sde-truth %.3g\n", weighted ? "weighted" : "plain", w, s + 1, m.residual, m.gap.gap, m.gap.ode_truth, m.gap.sde_truth);
      std::fflush(stdout);
    }
  return all;
}

double median_of(const std::array<Measured, 3>& seeds, double (*figure)(const Measured&)) { return median({figure(seeds[0]), figure(seeds[1]), figure(seeds[2])}); }
double residual(const Measured& m) { return m.residual; }
double gap(const Measured& m) { return m.gap.gap; }
double ode_truth(const Measured& m) { return m.gap.ode_truth; }
double sde_truth(const Measured& m) { return m.gap.sde_truth; }

void record(const std::string& check, const std::map<double, std::array<Measured, 3>>& all, const std::array<std::array<double, 4>, 4>& card) {
  struct Figure {
    const char* name;
    double (*of)(const Measured&);
  };
  const std::array<Figure, 4> figures{{{"mean-square residual", residual}, {"W2^2 ode-sde", gap}, {"W2^2 ode-truth", ode_truth}, {"W2^2 sde-truth", sde_truth}}};
  for (std::size_t f = 0; f < figures.size(); ++f)
    for (std::size_t w = 0; w < weights.size(); ++w) {
      const auto& seeds = all.at(weights[w]);
      const double value = median_of(seeds, figures[f].of);
      const double low = std::min({figures[f].of(seeds[0]), figures[f].of(seeds[1]), figures[f].of(seeds[2])}), high = std::max({figures[f].of(seeds[0]), figures[f].of(seeds[1]), figures[f].of(seeds[2])});
      measured("score-fokker-planck", check + ", w_R = " + std::to_string(weights[w]).substr(0, 4) + ": " + figures[f].name + ", median of 3 seeds", value, 0.5 * (high - low), card[f][w], "card, median of 6 seeds of its own; the error is half the range over seeds");
    }
}

TEST(LearnedScore, WeightedLossTheResidualClosesTheGap) {  // check 7 (a)
  const auto all = sweep(true);
  record("7a weighted loss", all, {{{.93, .017, .0020, .00014}, {.0016, .0004, .00008, .00001}, {.0078, .0090, .022, .038}, {.0062, .011, .022, .039}}});
  for (std::size_t s = 0; s < 3; ++s) {
    EXPECT_GE(all.at(0)[s].residual / all.at(1)[s].residual, 100) << "seed " << s + 1;
    // Not passed yet: 22.8, 8.1 and 2.99 (the same digits on a grid twice as fine) where the card asks 3 in every seed. It set that bound on its own six seeds, whose
    // scatter (4.9 to 90, median 24: 1.15 in the logarithm) puts one of three others below 3 in 10 % of all cases.
    const double ratio = all.at(0)[s].gap.gap / all.at(1)[s].gap.gap;
    EXPECT_GE(ratio, 3) << "seed " << s + 1;
    measured("score-fokker-planck", "7a weighted loss, seed " + std::to_string(s + 1) + ": gap at w_R = 0 over gap at 1", ratio, 0, "card: at least 3 in every seed, seen 4.9 to 90");
  }
  for (std::size_t w = 1; w < weights.size(); ++w) EXPECT_LT(median_of(all.at(weights[w]), gap), median_of(all.at(weights[w - 1]), gap)) << "w_R = " << weights[w];
  EXPECT_GE(median_of(all.at(0), gap) / median_of(all.at(1), gap), 5);
  EXPECT_GE(median_of(all.at(10), sde_truth) / median_of(all.at(0.1), sde_truth), 1.5);
}

TEST(LearnedScore, PlainLossTheResidualClosesTheGap) {  // check 7 (b)
  const auto all = sweep(false);
  record("7b plain loss", all, {{{.67, .075, .012, .0020}, {.0046, .0018, .0013, .00007}, {.0127, .0051, .0094, .0145}, {.0059, .0052, .0083, .0142}}});
  for (std::size_t s = 0; s < 3; ++s) {
    EXPECT_GE(all.at(0)[s].residual / all.at(1)[s].residual, 20) << "seed " << s + 1;
    EXPECT_GE(all.at(0)[s].gap.gap / all.at(10)[s].gap.gap, 2) << "seed " << s + 1;
  }
  EXPECT_GE(median_of(all.at(0), gap) / median_of(all.at(10), gap), 5);
}

TEST(LearnedScore, WithoutTheBaselineSamplesEscapeAndItIsSaid) {  // the end of check 7: nothing holds a plain net where there are no data
  for (const bool baseline : {false, true}) {
    const Table p{{"score", Value("learned")}, {"loss", Value("plain")}, {"w_R", Value(1.0)}, {"T", Value(5.0)}, {"t_min", Value(0.01)}, {"prior", Value("exact")}, {"baseline", Value(baseline)}};
    for (const char* level : {"reverse-sde", "probability-flow"}) {
      const Answer a = testing::run(p, level, {"x.variance", "truth.w2"}, 4000, {}, 1);
      const bool broken = std::any_of(a.flags.begin(), a.flags.end(), [](const Flag& f) { return f.fatal && f.kind == "diverged" && f.text.find("the score 'learned' drives it out") != std::string::npos; });
      EXPECT_EQ(broken, !baseline) << level;
      measured("score-fokker-planck", std::string("7 plain net, baseline ") + (baseline ? "-x^2" : "none") + ", " + level + ": variance of 4,000 samples", testing::value(a, "x.variance"), testing::error(a, "x.variance"), "2.75 of the data; without the baseline the run must be broken, and is");
    }
  }
}

TEST(LearnedScore, InThePlaneTheResidualClosesTheGap) {  // check 8: nine Gaussians, the reduced budget of the card
  double gap[2] = {};
  for (const double w : {0.0, 1.0}) {
    const Table p{{"data", Value("blob")}, {"score", Value("learned")}, {"loss", Value("plain")}, {"training", Value(std::int64_t{10000})}, {"batch", Value(std::int64_t{2000})},
                  {"width", Value(std::int64_t{80})}, {"layers", Value(std::int64_t{3})}, {"rate", Value(1e-3)}, {"w_R", Value(w)}};
    const Answer flow = testing::run(p, "flow-map", {"truth.w2", "gap.w2"}, 0, {}, 1), law = testing::run(p, "fokker-planck", {"truth.w2", "residual.uniform"}, 0, {}, 1);
    for (const Answer* a : {&flow, &law})
      for (const Flag& f : a->flags) ASSERT_FALSE(f.fatal) << f.text;
    gap[w > 0] = testing::value(flow, "gap.w2");
    const std::string at = "8 blob, w_R = " + std::to_string(static_cast<int>(w));
    measured("score-fokker-planck", at + ": W2^2 ode-sde", testing::value(flow, "gap.w2"), testing::bound(flow, "gap.w2"), w > 0 ? .0012 : .0090, "the authors' models (100 times the batch, 10 times the steps); equality is not claimed");
    measured("score-fokker-planck", at + ": W2^2 ode-truth", testing::value(flow, "truth.w2"), testing::bound(flow, "truth.w2"), w > 0 ? .0032 : .0081, "the authors' models; equality is not claimed");
    measured("score-fokker-planck", at + ": W2^2 sde-truth", testing::value(law, "truth.w2"), testing::bound(law, "truth.w2"), w > 0 ? .0025 : .0008, "the authors' models; equality is not claimed");
    measured("score-fokker-planck", at + ": mean-square residual", testing::value(law, "residual.uniform"), testing::bound(law, "residual.uniform"), "no reference");
  }
  // Not passed yet: 0.0024 and 0.0028, with bounds of the solvers of 0.003 each. The residual itself falls from 14 to 0.012. Finer laws must come first, then the training.
  EXPECT_LE(gap[1], 0.5 * gap[0]);
}

TEST(LearnedScore, ParticlesHaveTheLawOfTheGrid) {  // check 9: the same learned score, 1e5 particles, the step halved
  const Table p{{"score", Value("learned")}, {"T", Value(5.0)}, {"t_min", Value(0.01)}, {"prior", Value("exact")}};
  const std::uint64_t n = 100000;
  const Answer grid = testing::run(p, "fokker-planck", {"x.distribution"}, 0, {{"cells", Value(std::int64_t{1400})}, {"steps", Value(std::int64_t{1250})}}, 1);
  const double band = std::sqrt(std::log(2 / 0.01) / (2.0 * static_cast<double>(n)));  // 99 %: Dvoretzky-Kiefer-Wolfowitz with Massart's constant
  double distance[2] = {};
  for (const bool halved : {false, true}) {
    const Answer particles = testing::run(p, "reverse-sde", {"x.distribution"}, n, {{"steps", Value(std::int64_t{halved ? 1600 : 800})}}, 1);
    const Estimate &a = *particles.find("x.distribution"), &b = *grid.find("x.distribution");
    ASSERT_EQ(a.value.size(), b.value.size());
    double difference = 0;
    for (std::size_t k = 0; k < a.value.size(); ++k) {
      difference += a.value[k] - b.value[k];
      distance[halved] = std::max(distance[halved], std::abs(difference));
    }
  }
  measured("score-fokker-planck", "9 particles and grid with one learned score: Kolmogorov distance, 1600 steps", distance[1], band, "within the 99 % band of 1e5 particles, " + std::to_string(band) + "; with 800 steps " + std::to_string(distance[0]));
  EXPECT_LE(distance[1], band);
}

}  // namespace
}  // namespace meso::systems::score_fokker_planck
