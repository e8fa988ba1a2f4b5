// A velocity and a denoiser that are learned, beside the exact ones: the card's check 9, trainings included.
//
// MESO_ARTEFACTS names a folder where trained nets are kept between runs; without it every run trains anew.
#include "learned.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>

#include "kits/generative/card_laws.h"
#include "kits/generative/kinetic.h"
#include "stat/piecewise_law.h"
#include "testing/measured.h"

namespace meso::systems::stochastic_interpolants {
namespace {

namespace fs = std::filesystem;
using namespace generative;

learned::Workplace workplace(std::uint64_t seed, const std::string& use) {
  learned::Workplace place;
  place.seed = seed;
  place.purpose = "stochastic-interpolants/learned/" + use;
  if (const char* folder = std::getenv("MESO_ARTEFACTS")) place.artefact = [folder = fs::path(folder)](const std::string& key) { return folder / key; };
  return place;
}

/// Relative L2 error of a field over t in [0.05, 0.95] and the exact law, by midpoints in time and in x.
double relative_error(const Field& field, const Field& exact, const MixturePath& path) {
  double wrong = 0, all = 0;
  std::vector<double> x, a, b;
  for (double at = -11; at < 11; at += 0.02) x.push_back(at);
  a.resize(x.size());
  b.resize(x.size());
  for (int i = 0; i < 90; ++i) {
    const double t = 0.055 + 0.01 * i;
    const sde::GaussianMixture law = path.law(t);
    field.at(t, x, a);
    exact.at(t, x, b);
    for (std::size_t k = 0; k < x.size(); ++k) {
      const double p = std::exp(law.log_density(std::span(x).subspan(k, 1)));
      wrong += p * (a[k] - b[k]) * (a[k] - b[k]);
      all += p * b[k] * b[k];
    }
  }
  return std::sqrt(wrong / all);
}

constexpr double from = 1e-3, to = 1 - 1e-3;

/// The law at the end of the stretch, from the exact one at its start, under drift b + epsilon s and noise epsilon.
PiecewiseLaw carried(const Field& b, const Field& s, double epsilon, const MixturePath& path) {
  const sde::GaussianMixture start = path.law(from);
  GridLaw law({-13, 13, 5200}, [&](double x) { return start.cdf(x); });
  // Near the ends the exact drift is steep in time (the Brownian gamma): the grid is dense there.
  std::vector<double> times = time_grid(from, 0.5, 1000, from, 2), second = time_grid(0.5, to, 1000, to, 2);
  times.insert(times.end(), second.begin() + 1, second.end());
  const Drift drift = [&](double t, std::span<const double> x, std::span<double> v) {
    std::vector<double> score(x.size());
    b.at(t, x, v);
    s.at(t, x, score);
    for (std::size_t k = 0; k < x.size(); ++k) v[k] += epsilon * score[k];
  };
  diffuse(law, drift, [=](double) { return epsilon; }, times);
  return law.law();
}

/// (1 / 4 epsilon) int E |b^_F - b_F|^2 dt over the same stretch.
double bound(const Field& b, const Field& s, const Field& exact_b, const Field& exact_s, double epsilon, const MixturePath& path) {
  std::vector<double> x;
  for (double at = -13; at < 13; at += 0.02) x.push_back(at);
  std::vector<double> fields[4];
  for (auto& f : fields) f.resize(x.size());
  double sum = 0;
  const int n = 400;
  for (int i = 0; i < n; ++i) {
    const double u = (i + 0.5) / n, t = from + (to - from) * (0.5 - 0.5 * std::cos(M_PI * u)), dt = (to - from) * 0.5 * M_PI * std::sin(M_PI * u) / n;  // dense at both ends
    const sde::GaussianMixture law = path.law(t);
    b.at(t, x, fields[0]);
    s.at(t, x, fields[1]);
    exact_b.at(t, x, fields[2]);
    exact_s.at(t, x, fields[3]);
    for (std::size_t k = 0; k < x.size(); ++k) {
      const double off = fields[0][k] - fields[2][k] + epsilon * (fields[1][k] - fields[3][k]);
      sum += dt * 0.02 * std::exp(law.log_density(std::span(x).subspan(k, 1))) * off * off;
    }
  }
  return sum / (4 * epsilon);
}

TEST(LearnedInterpolant, IsCloseToTheExactFieldsAndKeepsTheBoundOfTheTheory) {  // check 9
  const auto path = std::make_shared<const MixturePath>(two_modes(), three_modes(), Interpolant({.path = "linear", .latent = "brownian"}));
  const auto exact_b = velocity_field(path);
  const auto exact_s = score_field(path);
  const sde::GaussianMixture end = path->law(to);
  std::vector<double> faces;
  for (double x = -13; x <= 13.0001; x += 0.005) faces.push_back(x);
  const PiecewiseLaw truth = PiecewiseLaw::of([&](double x) { return end.cdf(x); }, faces);

  // The solver with exact fields first: what it adds must be nothing beside what is measured.
  for (const double epsilon : {0.2, 1.0, 5.0}) {
    const double kl = kullback_leibler(truth, carried(exact_b, exact_s, epsilon, *path));
    measured("stochastic-interpolants", "9 exact fields in the same solver, epsilon = " + std::to_string(epsilon).substr(0, 3) + ": KL", kl, 0, "below 1e-6 (card; seen 5e-8)");
    EXPECT_LT(kl, 1e-6) << "epsilon = " << epsilon;
  }
  const double card_error[] = {.035, .034, .040}, card_sde[] = {.0035, .0047, .0033}, card_ode[] = {.0091, .0092, .0074};
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    const auto velocity = recipe(path, learned::BridgeLoss::Target::velocity, {}).train(workplace(seed, "velocity"));
    const auto denoiser = recipe(path, learned::BridgeLoss::Target::denoiser, {}).train(workplace(seed, "denoiser"));
    ASSERT_FALSE(velocity.diverged) << velocity.divergence_text();
    ASSERT_FALSE(denoiser.diverged) << denoiser.divergence_text();
    const learned::NetField b(velocity.net);
    const auto eta = std::make_shared<const learned::NetField>(denoiser.net);
    const DenoiserScore s(eta, path->interpolant());
    const double error_b = relative_error(b, exact_b, *path), error_s = relative_error(s, exact_s, *path);
    EXPECT_LT(error_b, 0.05) << "seed " << seed;

    const std::vector<double> times = [] {
      std::vector<double> first = time_grid(from, 0.5, 500, from, 2), second = time_grid(0.5, to, 500, to, 2);
      first.insert(first.end(), second.begin() + 1, second.end());
      return first;
    }();
    const sde::GaussianMixture start = path->law(from);
    const PiecewiseLaw ode = flow_law(drift_of(b), times, [&](double x) { return start.cdf(x); }, -9, 9);
    const double ks_ode = kolmogorov(truth, ode);
    double ks_sde = 0;
    const std::string with_seed = "9 seed " + std::to_string(seed);
    for (const double epsilon : {0.2, 1.0, 5.0}) {
      const PiecewiseLaw sde = carried(b, s, epsilon, *path);
      if (epsilon == 1) ks_sde = kolmogorov(truth, sde);
      const double kl = kullback_leibler(truth, sde), most = bound(b, s, exact_b, exact_s, epsilon, *path);
      std::printf("seed %d epsilon %g: KL %.3g, bound %.3g\n", static_cast<int>(seed), epsilon, kl, most);
      EXPECT_LE(kl, most) << "seed " << seed << ", epsilon = " << epsilon;
      EXPECT_GT(kl / most, 1 / 20.0) << "seed " << seed << ", epsilon = " << epsilon;
      EXPECT_LT(kl / most, 1 / 4.0) << "seed " << seed << ", epsilon = " << epsilon;
      measured("stochastic-interpolants", with_seed + ", epsilon = " + std::to_string(epsilon).substr(0, 3) + ": KL", kl, 0, "card: at most the bound " + std::to_string(most) + "; KL .0012-.0017 at epsilon = 1");
    }
    std::printf("seed %d: relative error of b %.4f, of s %.4f; KS sde %.4f, ode %.4f\n", static_cast<int>(seed), error_b, error_s, ks_sde, ks_ode);
    EXPECT_LT(ks_sde, ks_ode) << "seed " << seed;
    measured("stochastic-interpolants", with_seed + ": relative L2 error of b", error_b, 0, card_error[seed - 1], "card, its own seeds; below .05 asked");
    measured("stochastic-interpolants", with_seed + ": relative L2 error of s", error_s, 0, "card: .075-.08, reported only");
    measured("stochastic-interpolants", with_seed + ": KS of the SDE's law, epsilon = 1", ks_sde, 0, card_sde[seed - 1], "card, its own seeds; below the ODE's asked");
    measured("stochastic-interpolants", with_seed + ": KS of the ODE's law", ks_ode, 0, card_ode[seed - 1], "card, its own seeds");
  }
}

}  // namespace
}  // namespace meso::systems::stochastic_interpolants
