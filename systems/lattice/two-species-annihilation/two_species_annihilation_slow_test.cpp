#include "systems/lattice/two-species-annihilation/two_species_annihilation.h"

#include "kits/lattice/lattice_fixture.h"
#include <numbers>

#include "kits/lattice/bosonic.h"

namespace meso::systems::two_species_annihilation {
namespace {

using namespace lattice::testing;

TEST(TwoSpeciesAnnihilationSlow, LateDensityAndDomainsInOneDimension) {
  const std::vector<double> times{64, 256, 1024};
  const double reference[] = {0.06925, 0.04821, 0.03369};
  const Answer a = answer_of(system(), {.parameters = {{"L", Value(50000)}}, .when = Times{times}, .observables = {"A.density", "A.structure"}, .trajectories = 16});
  const Estimate& rho = get(a, "A.density");
  for (std::size_t i = 0; i < times.size(); ++i) {
    measured("two-species-annihilation", "1-D density at t = " + std::to_string(static_cast<int>(times[i])), rho.value[i], rho.se(i), reference[i], "card, single run of 1e6 sites, 2 %");
    EXPECT_NEAR(rho.value[i] / reference[i], 1, 0.02) << times[i];
  }
  const double asymptote = std::sqrt(0.5 / std::numbers::pi) * std::pow(8 * std::numbers::pi * 1024, -0.25), ratio = rho.value[2] / asymptote;
  measured("two-species-annihilation", "1-D density over its asymptote at t = 1024", ratio, rho.se(2) / asymptote, 1.070, "card; falls to 1");
  EXPECT_NEAR(ratio, 1.070, 0.02);
  EXPECT_LT(ratio, rho.value[0] / (std::sqrt(0.5 / std::numbers::pi) * std::pow(8 * std::numbers::pi * 64, -0.25)));
}

// Domains and the gap between unlike neighbours, read off configurations: lengths grow as t^(1/2) and t^(3/8).
TEST(TwoSpeciesAnnihilationSlow, DomainsGrowAndTheGapBetweenUnlikeNeighboursGrowsSlower) {
  const lattice::BosonicRules rules(model_of({.L = 100000}));
  lattice::BosonicKinetics run(rules);
  const std::vector<double> times{64, 256, 1024, 4096};
  std::vector<double> domain(4), gap(4);
  std::vector<std::vector<double>> domains(4), gaps(4);
  for (std::uint64_t k = 0; k < 4; ++k) {
    FastStream random = Stream(77, k, "test/domains").fast();
    run.start(random);
    for (std::size_t i = 0; i < times.size(); ++i) {
      run.advance(times[i], random);
      double count = 0, sum = 0;
      std::size_t last = 0;
      int kind = 0;
      for (std::size_t x = 0; x < 100000; ++x) {
        const int now = run.at(x, 1) > 0 ? 1 : run.at(x, 2) > 0 ? 2 : 0;
        if (now == 0) continue;
        if (kind != 0 && now != kind) count += 1, sum += static_cast<double>(x - last);
        kind = now, last = x;
      }
      domains[i].push_back(1e5 / count), gaps[i].push_back(sum / count);
    }
  }
  const auto exponent = [&](const std::vector<std::vector<double>>& length, const char* what, double exact) {
    double mean = 0, square = 0;
    for (std::size_t k = 0; k < 4; ++k) {
      const double e = std::log(length[3][k] / length[1][k]) / std::log(16.0);
      mean += e / 4, square += e * e / 4;
    }
    const double se = std::sqrt(std::max(0.0, square - mean * mean) / 3);
    measured("two-species-annihilation", what, mean, se, exact, "Leyvraz, Redner (1992), doi:10.1103/PhysRevA.46.3132");
    EXPECT_NEAR(mean, exact, 0.06) << what << " +- " << se;
    EXPECT_LT(se, 0.03);
  };
  exponent(domains, "1-D exponent of the domain length, t = 256..4096", 0.5);
  exponent(gaps, "1-D exponent of the gap between unlike neighbours, t = 256..4096", 0.375);
}

TEST(TwoSpeciesAnnihilationSlow, TwoDimensions) {
  const std::vector<double> times{32, 64, 128, 256, 512};
  const Answer a = answer_of(system(), {.parameters = {{"L", Value(400)}, {"d", Value(2)}}, .when = Times{times}, .observables = {"A.exponent"}, .trajectories = 8, .options = {{"fit-from", Value(64.0)}}});
  measured("two-species-annihilation", "2-D exponent, t = 64..512", get(a, "A.exponent").value[0], get(a, "A.exponent").se(0), 0.5, "Toussaint, Wilczek (1983), doi:10.1063/1.445022");
  EXPECT_NEAR(get(a, "A.exponent").value[0], 0.5, 0.03);
}

}  // namespace
}  // namespace meso::systems::two_species_annihilation
