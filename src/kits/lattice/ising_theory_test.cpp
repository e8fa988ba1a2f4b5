#include "kits/lattice/ising_theory.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <tuple>
#include <vector>

#include "base/error.h"

namespace meso::lattice {
namespace {

// Every state of the lattice, one by one.
IsingLaw enumerated(const std::vector<std::pair<int, int>>& bonds, int n, double T, double h) {
  double z = 0, e1 = 0, e2 = 0, m1 = 0, m2 = 0, m4 = 0;
  IsingLaw law;
  law.magnetisation.assign(static_cast<std::size_t>(n) + 1, 0.0);
  for (unsigned state = 0; state < 1u << n; ++state) {
    double energy = 0;
    for (const auto& [i, j] : bonds) energy -= (state >> i & 1) == (state >> j & 1) ? 1 : -1;
    const int up = std::popcount(state);
    const double M = 2 * up - n, m = M / n;
    energy -= h * M;
    const double w = std::exp(-(energy + 2 * n) / T);
    z += w, e1 += energy * w, e2 += energy * energy * w, m1 += std::abs(m) * w, m2 += m * m * w, m4 += m * m * m * m * w;
    law.magnetisation[static_cast<std::size_t>(up)] += w;
  }
  e1 /= z, e2 /= z, m1 /= z, m2 /= z, m4 /= z;
  for (double& p : law.magnetisation) p /= z;
  law.state = {e1 / n, (e2 - e1 * e1) / (n * T * T), m1, n * (m2 - m1 * m1) / T, 1 - m4 / (3 * m2 * m2)};
  return law;
}

void expect_same(const IsingLaw& a, const IsingLaw& b) {
  EXPECT_NEAR(a.state.energy, b.state.energy, 1e-11);
  EXPECT_NEAR(a.state.specific_heat, b.state.specific_heat, 1e-9);
  EXPECT_NEAR(a.state.abs_magnetisation, b.state.abs_magnetisation, 1e-12);
  EXPECT_NEAR(a.state.susceptibility, b.state.susceptibility, 1e-10);
  EXPECT_NEAR(a.state.binder, b.state.binder, 1e-12);
  for (std::size_t k = 0; k < b.magnetisation.size(); ++k) EXPECT_NEAR(a.magnetisation[k], b.magnetisation[k], 1e-12);
}

TEST(IsingTheory, TransferMatrixIsTheSumOverAllStates) {
  for (const double h : {0.0, 0.2, -0.6})
    for (const double T : {0.7, 2.269, 5.0}) {
      for (const int L : {3, 4}) {
        std::vector<std::pair<int, int>> bonds;
        for (int y = 0; y < L; ++y)
          for (int x = 0; x < L; ++x) bonds.push_back({y * L + x, y * L + (x + 1) % L}), bonds.push_back({y * L + x, ((y + 1) % L) * L + x});
        expect_same(ising_exact(2, static_cast<std::size_t>(L), T, h), enumerated(bonds, L * L, T, h));
      }
      std::vector<std::pair<int, int>> ring;
      for (int i = 0; i < 10; ++i) ring.push_back({i, (i + 1) % 10});
      expect_same(ising_exact(1, 10, T, h), enumerated(ring, 10, T, h));
    }
}

TEST(IsingTheory, KaufmansTorusIsTheTransferMatrixAtAnyTemperature) {
  for (const std::size_t L : {4u, 6u, 8u})
    for (const double T : {1.0, 2.0, 2.0 / std::log(1 + std::sqrt(2.0)), 2.4, 6.0}) {
      const IsingState a = ising_torus(L, T), b = ising_exact(2, L, T, 0).state;
      EXPECT_NEAR(a.energy, b.energy, 1e-10) << L << " " << T;
      EXPECT_NEAR(a.specific_heat, b.specific_heat, 1e-8) << L << " " << T;
    }
}

TEST(IsingTheory, TorusTendsToOnsager) {
  for (const double T : {1.5, 2.0, 2.7, 4.0}) {
    const IsingState finite = ising_torus(1024, T), infinite = ising_infinite(2, T, 0);
    EXPECT_NEAR(finite.energy, infinite.energy, 1e-9) << T;
    EXPECT_NEAR(finite.specific_heat, infinite.specific_heat, 1e-7) << T;
  }
  const double critical = 2.0 / std::log(1 + std::sqrt(2.0));
  EXPECT_NEAR(ising_infinite(2, critical, 0).energy, -std::sqrt(2.0), 1e-12);
  // At the critical point -E/N = sqrt(2) + 0.62250/L (Ferdinand and Fisher 1969).
  EXPECT_NEAR((-ising_torus(512, critical).energy - std::sqrt(2.0)) * 512, 0.62250, 2e-4);
  EXPECT_NEAR(ising_infinite(2, 2.0, 0).abs_magnetisation, 0.911319377877496, 1e-12);  // (1 - sinh(1)^-4)^(1/8), Yang
  EXPECT_EQ(ising_infinite(2, 2.5, 0).abs_magnetisation, 0.0);
  EXPECT_TRUE(std::isnan(ising_infinite(3, 4.0, 0).energy) && std::isnan(ising_infinite(2, 2.0, 0.1).energy));
}

TEST(IsingTheory, BetheLatticeOfTwoNeighboursIsTheRing) {
  for (const double T : {0.8, 1.5, 4.0})
    for (const double h : {0.0, 0.3}) {
      const IsingState ring = ising_exact(1, 2000, T, h).state, bethe = ising_bethe(2, T, h);
      EXPECT_NEAR(bethe.energy, ring.energy, 1e-9) << T << " " << h;
      EXPECT_NEAR(bethe.specific_heat, ring.specific_heat, 1e-7) << T << " " << h;
      if (h != 0) { EXPECT_NEAR(bethe.abs_magnetisation, ring.abs_magnetisation, 1e-6); }  // the law of m reaches below 0 by 1e-7 at T = 4
      EXPECT_NEAR(bethe.susceptibility, ring.susceptibility, 2e-2 * ring.susceptibility) << T << " " << h;  // |m| is Gaussian up to 1/N
    }
  EXPECT_NEAR(ising_bethe(2, 1.5, 0).energy, -std::tanh(1 / 1.5), 1e-14);
}

// The averages are derivatives of each other: dE/dT = c, and dm/dh = chi in a field.
TEST(IsingTheory, ReducedLevelsAreConsistentAndOrderWhereTheyMust) {
  using Theory = IsingState (*)(int, double, double);
  for (const Theory theory : {&ising_bethe, &ising_mean_field})
    for (const int z : {4, 6})
      for (const double T : {2.0, 3.5, 7.0})
        for (const double h : {0.0, 0.25}) {
          const double e = 1e-5;
          const IsingState s = theory(z, T, h);
          EXPECT_NEAR((theory(z, T + e, h).energy - theory(z, T - e, h).energy) / (2 * e), s.specific_heat, 1e-6) << z << " " << T << " " << h;
          if (h != 0) { EXPECT_NEAR((theory(z, T, h + e).abs_magnetisation - theory(z, T, h - e).abs_magnetisation) / (2 * e), s.susceptibility, 1e-6); }
          else { EXPECT_GT(s.susceptibility, 0); }
        }
  EXPECT_NEAR(bethe_temperature(4), 2.8853900817779268, 1e-14);
  for (const auto& [theory, z, T] : std::vector<std::tuple<Theory, int, double>>{{&ising_bethe, 4, bethe_temperature(4)}, {&ising_bethe, 6, bethe_temperature(6)}, {&ising_mean_field, 4, 4.0}}) {
    EXPECT_GT(theory(z, T * 0.999, 0).abs_magnetisation, 0.01);
    EXPECT_EQ(theory(z, T * 1.001, 0).abs_magnetisation, 0.0);
  }
  EXPECT_GT(ising_bethe(4, 2.0, 0).abs_magnetisation, 0.9);
}

TEST(IsingTheory, RefusesWhatItCannotSum) {
  EXPECT_THROW((void)ising_exact(2, 10, 1, 0), ParameterError);
  EXPECT_THROW((void)ising_exact(3, 4, 1, 0), ParameterError);
}

}  // namespace
}  // namespace meso::lattice
