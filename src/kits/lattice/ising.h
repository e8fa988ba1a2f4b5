// Two-state spins on a periodic hypercubic lattice with any single-spin rule that sees the number of up neighbours:
// Metropolis, heat bath, with or without field, ferro- or antiferromagnetic. 64 spins of one lattice lie in one word.
//
// Sublattices are updated in turn (checkerboard), all spins of a colour with the same old neighbours: stationary law as for
// single random updates (each of the two half sweeps keeps detailed balance), dynamics not the random-sequential one.
//
// A word holds one site of each of up to 64 blocks of the lattice, so that neighbours are whole words, and at the edge of a
// block the same words with their bits rotated. Small lattices leave bits free: those carry independent copies of the lattice.
// Every flip probability is compared digit by digit with random words: 32 binary digits, rounded to nearest, so that a
// probability is off by at most 2^-33 = 1.2e-10 (0 and 1 are exact). Detailed balance then holds for energies off by
// 1.2e-10/p in units of k_B T, p the smallest flip probability.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "rng/stream.h"

namespace meso::lattice {

/// flip[s][n]: probability that a spin in state s (0 down, 1 up) with n up neighbours (of z = 2 d) flips when it is looked at.
/// From an energy E(s, n) any two-state model with a local-energy table follows; Ising is E = -s_i (J sum_j s_j + h).
struct FlipTable {
  int neighbours = 4;                       ///< z
  std::array<std::array<double, 7>, 2> flip{};

  /// min(1, exp(-beta dE)). @param energy  energy[s][n] of a spin in state s with n up neighbours, its bonds counted whole
  [[nodiscard]] static FlipTable metropolis(int neighbours, const std::array<std::array<double, 7>, 2>& energy, double beta);
  /// 1/(1 + exp(beta dE)): the new state does not depend on the old one.
  [[nodiscard]] static FlipTable heat_bath(int neighbours, const std::array<std::array<double, 7>, 2>& energy, double beta);
};
/// energy[s][n] of the Ising model: -(J (2 n - z) + h) for s up, + for s down.
[[nodiscard]] std::array<std::array<double, 7>, 2> ising_energy(int neighbours, double J, double h);

/// Where the sites of a lattice lie: bit `lane` of word `w` is site of block `lane % blocks`, copy `lane / blocks`.
struct SpinLayout {
  /// @param extent  1 to 3 even lengths >= 4, x first. @throws ParameterError otherwise, or for more than 2^31 sites
  explicit SpinLayout(std::vector<std::size_t> extent);
  std::vector<std::size_t> extent;
  std::array<std::size_t, 3> block{1, 1, 1};   ///< words along x, y, z: the lengths of a block
  std::array<std::size_t, 3> blocks{1, 1, 1};  ///< blocks along x, y, z
  std::size_t dimension = 2, sites = 0;
  std::size_t words = 0;                       ///< = sites of a block
  std::size_t block_count = 1, copies = 64;    ///< block_count * copies = 64
  /// Word and bit of a site of a copy.
  [[nodiscard]] std::pair<std::size_t, unsigned> place(std::array<std::size_t, 3> site, std::size_t copy) const;
};

/// Sums over one copy of one lattice: sum of s_i, and of s_i s_j over the d N bonds.
struct SpinSums {
  std::int64_t magnetisation = 0, bonds = 0;
};

namespace detail {
/// The same loops for registers of 128, 256 and 512 bits; bits never depend on it. `widest_spin_registers` is what this processor has.
enum class SpinRegisters { narrow, wide, widest };
[[nodiscard]] SpinRegisters widest_spin_registers();
}  // namespace detail

/// Eight independent lattices (trajectories) side by side in a vector register, each with its own generator: what happens to
/// one never depends on the others. The layout is copied; about 8 words * 8 bytes per 64 sites.
class IsingLattices {
 public:
  static constexpr std::size_t width = 8;
  IsingLattices(const SpinLayout& layout, const FlipTable& table);

  /// Lattice k starts with all spins up (`ordered`) or at random, from generator `rng`, which drives it from then on.
  void start(std::size_t k, FastStream rng, bool ordered);
  /// One sweep: every spin of all eight lattices looked at once, even colour first.
  void sweep() { sweep(detail::widest_spin_registers()); }
  void sweep(detail::SpinRegisters registers);
  /// Per copy of lattice k. @param sums  size layout.copies
  void measure(std::size_t k, std::span<SpinSums> sums) const;
  /// +1 or -1.
  [[nodiscard]] int spin(std::size_t k, std::array<std::size_t, 3> site, std::size_t copy = 0) const;
  [[nodiscard]] const SpinLayout& layout() const { return layout_; }
  /// Distinct flip probabilities between 0 and 1: what a sweep has to compare.
  [[nodiscard]] std::size_t thresholds() const { return thresholds_; }

  struct Rule {  ///< the flip table as the kernel reads it
    static constexpr int digits = 32;
    std::array<std::array<std::uint64_t, 14>, digits> digit{};  ///< digit[i][k]: all ones where binary digit 32 - i of p_k is 1: least first
    std::array<std::array<std::uint64_t, 7>, 2> certain{};      ///< all ones where flip[s][n] = 1
    std::array<std::array<std::array<std::uint64_t, 7>, 2>, 14> member{};  ///< [k][s][n]: all ones where flip[s][n] = p_k
  };

 private:
  SpinLayout layout_;
  Rule rule_;
  std::size_t thresholds_ = 0;
  struct alignas(64) Eight {
    std::uint64_t lattice[width];
  };
  std::vector<Eight> words_;
  std::array<std::array<std::uint64_t, width>, 4> state_{};  // of the generators, [word of the state][lattice]
};

/// The same rule on one lattice, one spin and one digit at a time, from the description alone: the form that defines the bits.
/// Slow; for tests. @returns spins (+1, -1) of all copies, [copy][z][y][x], after `sweeps`
[[nodiscard]] std::vector<int> ising_reference(const SpinLayout& layout, const FlipTable& table, FastStream rng, bool ordered, int sweeps);

}  // namespace meso::lattice
