// Sampled lattices against exact sums.
#include <gtest/gtest.h>

#include <cmath>

#include "kits/lattice/ising.h"
#include "kits/lattice/ising_theory.h"
#include "model/system.h"
#include "study/study.h"
#include "testing/measured.h"
#include "testing/statistics.h"

namespace meso::systems::ising {
System system();
namespace {

using namespace lattice;

struct Point {
  int d;
  std::size_t L;
  double T, h;
  std::string update = "heat-bath";
};

Answer sample(const Point& p, std::uint64_t n, std::int64_t sweeps) {
  Study study;
  study.kind = Study::Kind::run;
  study.title = "truth";
  study.system = system();
  study.parameters = {{"d", Value(p.d)}, {"L", Value(static_cast<std::int64_t>(p.L))}, {"T", Value(p.T)}, {"h", Value(p.h)}};
  study.seed = 4242;
  study.levels = {{.level = "micro", .options = {{"update", Value(p.update)}, {"burn-in", Value(500)}, {"sweeps", Value(sweeps)}, {"every", Value(10)}}}};
  study.observables = {"energy", "abs_magnetisation", "specific_heat", "susceptibility", "binder"};
  study.budget.first = study.budget.max = n;
  return run_study(study, {}).points.front().levels.front().answer;
}

void add(std::vector<MeanCheck>& checks, const Answer& a, const std::string& name, double exact, const std::string& where) {
  const Estimate* e = a.find(name);
  ASSERT_NE(e, nullptr) << name;
  checks.push_back({exact, e->value[0], e->se(0), name + ", " + where, e->dof});
  measured("ising", "micro " + name + ", " + where, e->value[0], e->se(0), exact, "exact sum over all states");
}

TEST(IsingTruth, EveryAverageOfSmallLatticesIsTheExactSum) {
  std::vector<MeanCheck> energy, response;
  for (const Point& p : {Point{2, 4, 2.0, 0}, Point{2, 4, 2.0, 0, "metropolis"}, Point{2, 4, 3.0, 0.3}, Point{2, 4, 3.0, 0.3, "metropolis"}, Point{2, 6, 2.269, 0}, Point{2, 8, 2.5, 0},
                         Point{2, 8, 2.5, 0, "metropolis"}, Point{1, 32, 1.0, 0}, Point{1, 32, 1.0, 0.1}}) {
    const Answer a = sample(p, 256, 3000);
    const IsingState exact = ising_exact(p.d, p.L, p.T, p.h).state;
    const std::string where = "d = " + std::to_string(p.d) + ", L = " + std::to_string(p.L) + ", T = " + std::to_string(p.T) + ", h = " + std::to_string(p.h) + ", " + p.update;
    add(energy, a, "energy", exact.energy, where);
    add(energy, a, "abs_magnetisation", exact.abs_magnetisation, where);
    add(energy, a, "binder", exact.binder, where);
    add(response, a, "specific_heat", exact.specific_heat, where);
    add(response, a, "susceptibility", exact.susceptibility, where);
  }
  EXPECT_TRUE(MeansMatch(energy, 0.015));
  EXPECT_TRUE(MeansMatch(response, 0.12));
}

// The whole law of the magnetisation, one draw a lattice: 3072 draws from 4 x 4 after 300 sweeps from order or disorder.
TEST(IsingTruth, TheLawOfTheMagnetisationOnFourByFour) {
  const double T = 2.3, h = 0.05;
  const IsingLaw exact = ising_exact(2, 4, T, h);
  const SpinLayout layout({4, 4});
  std::vector<double> draws;
  std::vector<SpinSums> sums(layout.copies);
  for (std::uint64_t group = 0; group < 24; ++group) {
    IsingLattices lattices(layout, FlipTable::metropolis(4, ising_energy(4, 1.0, h), 1 / T));
    for (std::size_t k = 0; k < 8; ++k) lattices.start(k, Stream(3, 8 * group + k, "test/law").fast(), k % 2 == 0);
    for (int i = 0; i < 300; ++i) lattices.sweep();
    for (std::size_t k = 0; k < 8; ++k) {
      lattices.measure(k, sums);
      for (const SpinSums& s : sums) draws.push_back(static_cast<double>(s.magnetisation));
    }
  }
  EXPECT_TRUE(DistributionMatches(draws, [&](double x) {
    double sum = 0;
    for (std::size_t k = 0; k < exact.magnetisation.size(); ++k)
      if (2.0 * static_cast<double>(k) - 16 <= x) sum += exact.magnetisation[k];
    return std::min(1.0, sum);
  }, 0.1));
}

TEST(IsingTruth, LargeSquaresFollowKaufmanAndYang) {
  std::vector<MeanCheck> checks;
  for (const double T : {1.8, 2.0, 2.5, 3.0}) {  // order alone at low T: a disordered start may freeze in stripes, for 1e6 sweeps and more
    const Point p{2, 64, T, 0};
    if (T < 2.3) {
      const SpinLayout layout({64, 64});
      IsingLattices lattices(layout, FlipTable::metropolis(4, ising_energy(4, 1.0, 0), 1 / T));
      for (std::size_t k = 0; k < 8; ++k) lattices.start(k, Stream(9, k, "test/yang").fast(), true);
      for (int i = 0; i < 500; ++i) lattices.sweep();
      std::vector<double> m(8), e(8);
      std::vector<SpinSums> sums(1);
      const int n = 3000;
      for (int i = 0; i < n; ++i) {
        lattices.sweep();
        for (std::size_t k = 0; k < 8; ++k) {
          lattices.measure(k, sums);
          m[k] += std::abs(static_cast<double>(sums[0].magnetisation)) / 4096 / n;
          e[k] -= static_cast<double>(sums[0].bonds) / 4096 / n;
        }
      }
      const auto check = [&](const std::vector<double>& x, double exact, const std::string& what) {
        double mean = 0, variance = 0;
        for (const double v : x) mean += v / 8;
        for (const double v : x) variance += (v - mean) * (v - mean) / 7;
        checks.push_back({exact, mean, std::sqrt(variance / 8), what + " at T = " + std::to_string(T), 7});
        measured("ising", "micro " + what + ", 64 x 64 from order, T = " + std::to_string(T), mean, std::sqrt(variance / 8), exact, "Kaufman 1949, Yang 1952");
      };
      check(e, ising_torus(64, T).energy, "energy");
      check(m, ising_infinite(2, T, 0).abs_magnetisation, "<|m|>");  // corrections exp(-L/xi), below 1e-7 at these T
      continue;
    }
    const Answer a = sample(p, 64, 3000);
    add(checks, a, "energy", ising_torus(64, T).energy, "64 x 64, T = " + std::to_string(T));
  }
  EXPECT_TRUE(MeansMatch(checks, 0.02));
}

}  // namespace
}  // namespace meso::systems::ising
