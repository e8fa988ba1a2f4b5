// A velocity and a denoiser that are learned, beside the exact ones: the card's check 9, trainings included.
//
// MESO_ARTEFACTS names a folder where trained nets are kept between runs; without it every run trains anew.
#include "systems/generative/stochastic-interpolants/learned.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "kits/generative/bridge_laws.h"
#include "kits/generative/card_laws.h"
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

TEST(LearnedInterpolant, IsCloseToTheExactFieldsAndKeepsTheBoundOfTheTheory) {  // check 9
  const auto path = std::make_shared<const MixturePath>(two_modes(), three_modes(), Interpolant({.path = "linear", .latent = "brownian"}));
  const auto exact_b = std::make_shared<const MixtureField>(velocity_field(path)), exact_s = std::make_shared<const MixtureField>(score_field(path));
  // The solver with exact fields first: what it adds must be nothing beside what is measured.
  for (const double epsilon : {0.2, 1.0, 5.0}) {
    const double kl = judge_fields(path, exact_b, exact_s, epsilon).kl_diffusion;
    std::printf("exact fields, epsilon %g: KL %.3g\n", epsilon, kl);
    measured("stochastic-interpolants", "9 exact fields in the same solver, epsilon = " + std::to_string(epsilon).substr(0, 3) + ": KL", kl, 0, "below 1e-6 (card; seen 5e-8)");
    EXPECT_LT(kl, 1e-6) << "epsilon = " << epsilon;
  }
  const double card_error[] = {.035, .034, .040}, card_sde[] = {.0035, .0047, .0033}, card_ode[] = {.0091, .0092, .0074};
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    const auto velocity = recipe(path, learned::BridgeLoss::Target::velocity, {}).train(workplace(seed, "velocity"));
    const auto denoiser = recipe(path, learned::BridgeLoss::Target::denoiser, {}).train(workplace(seed, "denoiser"));
    ASSERT_FALSE(velocity.diverged) << velocity.divergence_text();
    ASSERT_FALSE(denoiser.diverged) << denoiser.divergence_text();
    const auto b = std::make_shared<const learned::NetField>(velocity.net);
    const auto s = std::make_shared<const DenoiserScore>(std::make_shared<const learned::NetField>(denoiser.net), path->interpolant());
    const double error_b = field_error(*path, *b, *exact_b, 0.05, 0.95).relative(), error_s = field_error(*path, *s, *exact_s, 0.05, 0.95).relative();
    EXPECT_LT(error_b, 0.05) << "seed " << seed;
    double ks_ode = 0, ks_sde = 0;
    const std::string with_seed = "9 seed " + std::to_string(seed);
    for (const double epsilon : {0.2, 1.0, 5.0}) {
      const FieldFigures f = judge_fields(path, b, s, epsilon);
      if (epsilon == 1) ks_sde = f.ks_diffusion, ks_ode = f.ks_flow;
      const double kl = f.kl_diffusion;
      std::printf("seed %d epsilon %g: KL %.3g, bound %.3g\n", static_cast<int>(seed), epsilon, kl, f.bound);
      EXPECT_LE(kl, f.bound) << "seed " << seed << ", epsilon = " << epsilon;
      EXPECT_GT(kl / f.bound, 1 / 20.0) << "a bound that says nothing; seed " << seed << ", epsilon = " << epsilon;
      // Not passed yet at epsilon = 5: 0.59, 0.25 and 0.36, within what the theory says but above the 1/4 that the card saw at every epsilon; the errors of the denoiser
      // in the tails weigh five times there.
      EXPECT_LT(kl / f.bound, 1 / 4.0) << "seed " << seed << ", epsilon = " << epsilon;
      measured("stochastic-interpolants", with_seed + ", epsilon = " + std::to_string(epsilon).substr(0, 3) + ": KL", kl, 0, "card: at most the bound, here " + std::to_string(f.bound) + "; KL .0012-.0017 at epsilon = 1");
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
