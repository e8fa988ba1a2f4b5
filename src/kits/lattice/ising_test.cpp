#include "kits/lattice/ising.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"

namespace meso::lattice {
namespace {

FastStream stream(std::uint64_t k) { return Stream(11, k, "test/ising").fast(); }

FlipTable odd_table(int z) {  // nothing symmetric, with certain and impossible flips
  FlipTable table;
  table.neighbours = z;
  for (int s = 0; s < 2; ++s)
    for (int n = 0; n <= z; ++n) table.flip[s][n] = 0.03 + 0.9 * std::fmod(0.377 * (3 * n + 5 * s + 1), 1.0);
  table.flip[1][0] = 1;
  table.flip[0][0] = 0;
  return table;
}

TEST(Ising, LanesReproduceTheScalarFormInEveryDimensionAndRegister) {
  using R = detail::SpinRegisters;
  for (const auto& extent : std::vector<std::vector<std::size_t>>{{4}, {6}, {12}, {256}, {1024}, {4, 4}, {6, 10}, {8, 12}, {16, 16}, {32, 16}, {48, 32}, {4, 4, 4}, {8, 4, 6}, {8, 8, 16}, {16, 16, 16}}) {
    const SpinLayout layout(extent);
    const int z = 2 * static_cast<int>(extent.size());
    const auto energy = ising_energy(z, 1.0, 0.0), in_field = ising_energy(z, -0.7, 0.3);
    for (const FlipTable& table : {FlipTable::metropolis(z, energy, 0.43), FlipTable::heat_bath(z, energy, 0.43), FlipTable::metropolis(z, in_field, 0.8), FlipTable::heat_bath(z, in_field, 0.8), odd_table(z)}) {
      for (const R registers : {R::narrow, R::wide, R::widest}) {
        if (registers > detail::widest_spin_registers()) continue;
        IsingLattices lattices(layout, table);
        for (std::size_t k = 0; k < IsingLattices::width; ++k) lattices.start(k, stream(k), k % 2 == 1);
        for (int sweep = 0; sweep < 3; ++sweep) lattices.sweep(registers);
        for (const std::size_t k : {std::size_t{1}, std::size_t{6}}) {
          const std::vector<int> expected = ising_reference(layout, table, stream(k), k % 2 == 1, 3);
          std::vector<SpinSums> sums(layout.copies);
          lattices.measure(k, sums);
          std::array<std::size_t, 3> n{1, 1, 1}, r{};
          for (std::size_t a = 0; a < extent.size(); ++a) n[a] = extent[a];
          std::size_t i = 0, wrong = 0;
          for (std::size_t copy = 0; copy < layout.copies; ++copy) {
            const std::size_t base = i;
            std::int64_t m = 0, bonds = 0;
            for (r[2] = 0; r[2] < n[2]; ++r[2])
              for (r[1] = 0; r[1] < n[1]; ++r[1])
                for (r[0] = 0; r[0] < n[0]; ++r[0], ++i) {
                  wrong += lattices.spin(k, r, copy) != expected[i] ? 1 : 0;
                  m += expected[i];
                  for (std::size_t a = 0; a < extent.size(); ++a) {
                    auto q = r;
                    q[a] = (q[a] + 1) % n[a];
                    bonds += expected[i] * expected[base + (q[2] * n[1] + q[1]) * n[0] + q[0]];
                  }
                }
            ASSERT_EQ(sums[copy].magnetisation, m) << z;
            ASSERT_EQ(sums[copy].bonds, bonds) << z;
          }
          ASSERT_EQ(wrong, 0u) << extent[0] << " z " << z << " registers " << static_cast<int>(registers);
        }
      }
    }
  }
}

TEST(Ising, ALatticeDoesNotDependOnItsCompany) {
  const SpinLayout layout({32, 32});
  const FlipTable table = FlipTable::metropolis(4, ising_energy(4, 1, 0), 0.4);
  IsingLattices one(layout, table), other(layout, table);
  for (std::size_t k = 0; k < 8; ++k) one.start(k, stream(k), false);
  for (std::size_t k = 0; k < 8; ++k) other.start(k, stream(k == 5 ? 5 : 100 + k), true);
  other.start(5, stream(5), false);
  for (int i = 0; i < 5; ++i) one.sweep(), other.sweep();
  std::size_t same = 0;
  for (std::size_t y = 0; y < 32; ++y)
    for (std::size_t x = 0; x < 32; ++x) {
      ASSERT_EQ(one.spin(5, {x, y, 0}), other.spin(5, {x, y, 0}));
      same += one.spin(4, {x, y, 0}) == other.spin(4, {x, y, 0}) ? 1 : 0;
    }
  EXPECT_LT(same, 1000u);
}

TEST(FlipTable, KeepsDetailedBalanceForAnyLocalEnergy) {
  const auto energy = ising_energy(6, 0.7, -0.4);
  for (const double beta : {0.0, 0.3, 2.0})
    for (const FlipTable& t : {FlipTable::metropolis(6, energy, beta), FlipTable::heat_bath(6, energy, beta)})
      for (int n = 0; n <= 6; ++n)
        EXPECT_NEAR(t.flip[0][n] * std::exp(-beta * energy[0][n]), t.flip[1][n] * std::exp(-beta * energy[1][n]), 1e-14 * std::exp(-beta * std::min(energy[0][n], energy[1][n])));
  EXPECT_EQ(FlipTable::metropolis(4, ising_energy(4, 1, 0), 0.5).flip[1][2], 1.0);
}

TEST(SpinLayout, RefusesLengthsThatHaveNoTwoSublattices) {
  for (const auto& [extent, word] : std::vector<std::pair<std::vector<std::size_t>, std::string>>{{{5}, "length 5"}, {{8, 2}, "length 2"}, {{}, "1 to 3 dimensions"}, {{4, 4, 4, 4}, "not 4"}, {{65536, 65536}, "2^31"}}) {
    try {
      SpinLayout layout(extent);
      ADD_FAILURE() << word;
    } catch (const ParameterError& error) {
      EXPECT_NE(std::string(error.what()).find(word), std::string::npos) << error.what();
    }
  }
  FlipTable bad = FlipTable::metropolis(4, ising_energy(4, 1, 0), 1);
  EXPECT_THROW(IsingLattices(SpinLayout({8}), bad), ParameterError);
  bad.flip[0][1] = 1.5;
  EXPECT_THROW(IsingLattices(SpinLayout({8, 8}), bad), ParameterError);
}

}  // namespace
}  // namespace meso::lattice
