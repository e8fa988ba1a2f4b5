#include "systems/lattice/two-species-annihilation/two_species_annihilation.h"

#include "kits/lattice/lattice_fixture.h"
#include <numbers>

#include "kits/lattice/bosonic.h"
#include "stat/jackknife.h"

namespace meso::systems::two_species_annihilation {
namespace {

using namespace lattice::testing;

// Half of A + B: the random excess of one kind, conserved and of order 1/sqrt(L) a site, drops out of it.
Estimate mean_of_both(const Answer& answer) {
  Estimate mean = get(answer, "A.density");
  const Estimate& b = get(answer, "B.density");
  for (std::size_t i = 0; i < mean.size(); ++i) mean.value[i] = 0.5 * (mean.value[i] + b.value[i]);
  for (std::size_t i = 0; i < mean.batches->replicate.size(); ++i) mean.batches->replicate[i] = 0.5 * (mean.batches->replicate[i] + b.batches->replicate[i]);
  for (std::size_t i = 0; i < mean.size(); ++i) {
    std::vector<double> at;
    for (std::size_t k = 0; k < mean.batches->count(); ++k) at.push_back(mean.batches->replicate[k * mean.size() + i]);
    mean.std_error[i] = delete_batch_error(mean.value[i], at, mean.batches->weight);
  }
  return mean;
}

TEST(TwoSpeciesAnnihilationSlow, LateDensityInOneDimension) {
  const std::vector<double> times{64, 256, 1024};
  const double reference[] = {0.06925, 0.04821, 0.03369};
  const Answer a = answer_of(system(), {.parameters = {{"L", Value(100000)}}, .when = Times{times}, .observables = {"A.density", "B.density"}, .trajectories = 8});
  const Estimate rho = mean_of_both(a);
  for (std::size_t i = 0; i < times.size(); ++i) {
    measured("two-species-annihilation", "1-D density (of A and B, mean) at t = " + std::to_string(static_cast<int>(times[i])), rho.value[i], rho.se(i), reference[i], "card, A alone in a single run of 1e6 sites, 2 %");
    // The reference is the density of A alone in one run: its share of the excess of one kind has the deviation 0.5/sqrt(1e6).
    EXPECT_NEAR(rho.value[i], reference[i], 0.02 * reference[i] + 3 * 5e-4) << times[i];
    EXPECT_LT(rho.se(i) / reference[i], 0.02);
  }
  const auto ratio = [&](std::size_t i) { return rho.value[i] / (std::sqrt(0.5 / std::numbers::pi) * std::pow(8 * std::numbers::pi * times[i], -0.25)); };
  measured("two-species-annihilation", "1-D density over its asymptote at t = 1024", ratio(2), ratio(2) * rho.se(2) / rho.value[2], "card: 1.070 (single run), falls to 1");
  EXPECT_NEAR(ratio(2), 1.06, 0.04);
  EXPECT_LT(ratio(2), ratio(0));
}

// Domains and the gap between unlike neighbours, read off configurations: lengths grow as t^(1/2) and t^(3/8).
TEST(TwoSpeciesAnnihilationSlow, DomainsGrowAndTheGapBetweenUnlikeNeighboursGrowsSlower) {
  const lattice::BosonicRules rules(model_of({.L = 100000}));
  lattice::BosonicKinetics run(rules);
  const std::vector<double> times{64, 256, 1024, 4096};
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

// Two dimensions: effective exponents come down to 1/2. Equal numbers of both kinds to the last particle, so that no excess is left in the box.
TEST(TwoSpeciesAnnihilationSlow, TwoDimensions) {
  lattice::Model m = model_of({.L = 600, .d = 2});
  m.initial.kind = lattice::Initial::Kind::count;
  const lattice::BosonicRules rules(m);
  lattice::BosonicKinetics run(rules);
  const std::vector<double> times{32, 256, 2048};
  std::vector<double> early, late;
  for (std::uint64_t k = 0; k < 4; ++k) {
    FastStream random = Stream(78, k, "test/plane").fast();
    run.start(random);
    std::vector<double> n;
    for (const double t : times) {
      run.advance(t, random);
      n.push_back(static_cast<double>(run.counts()[1]));
    }
    early.push_back(std::log(n[0] / n[1]) / std::log(8.0)), late.push_back(std::log(n[1] / n[2]) / std::log(8.0));
  }
  const auto mean = [](const std::vector<double>& x) {
    double sum = 0, square = 0;
    for (const double v : x) sum += v / 4, square += v * v / 4;
    return std::pair(sum, std::sqrt(std::max(0.0, square - sum * sum) / 3));
  };
  const auto [e, e_error] = mean(early);
  const auto [l, l_error] = mean(late);
  measured("two-species-annihilation", "2-D exponent, t = 32..256", e, e_error, 0.5, "Toussaint, Wilczek (1983), doi:10.1063/1.445022: approached from above");
  measured("two-species-annihilation", "2-D exponent, t = 256..2048", l, l_error, 0.5, "Toussaint, Wilczek (1983), doi:10.1063/1.445022: approached from above");
  EXPECT_LT(l, e);
  EXPECT_NEAR(l, 0.5, 0.03) << "+- " << l_error << ", earlier " << e << " +- " << e_error;
  EXPECT_LT(l_error, 0.015);
}

}  // namespace
}  // namespace meso::systems::two_species_annihilation
