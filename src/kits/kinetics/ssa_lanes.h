// Exact stochastic simulation of many trajectories side by side, in the lanes of vector registers (Highway, the widest
// instruction set of the machine chosen at run time; nothing is compiled then).
//
// The algorithm is that of Ssa's dense kernel: all propensities at every event, the next reaction counted out of prefix sums,
// waiting times by our own logarithm, one generator per trajectory. Only elementwise additions, multiplications and divisions
// are used, in the same order, so that a trajectory has the same bits in any lane of any width, alone or among others; for
// networks of up to 16 reactions and 8 species they are the bits of Ssa::run_path. A lane takes the next trajectory as soon as
// its own ends.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "kits/kinetics/network.h"
#include "kits/kinetics/ssa.h"
#include "rng/stream.h"

namespace meso::kinetics {

namespace lanes {

constexpr std::size_t width = 32;  ///< trajectories in work at once: enough to hide the latency of a division in any register

/// A network as the kernels read it.
struct Program {
  struct Reaction {
    double c = 0;
    std::uint32_t order = 0;             ///< number of factors (x - taken)
    std::uint32_t row[3] = {0, 0, 0};    ///< species of each factor
    double taken[3] = {0, 0, 0};
  };
  struct Change {
    double reaction = 0;  ///< its index, as the kernels compare it
    double amount = 0;
  };
  std::vector<Reaction> reactions;
  std::vector<Change> changes;           ///< by species
  std::vector<std::uint32_t> first;      ///< of species s: changes[first[s]] ... changes[first[s + 1] - 1]
  std::vector<double> table;             ///< table[8 s + j]: the change of species s by reaction j < 8
  [[nodiscard]] std::size_t species() const { return first.size() - 1; }
};

/// What the lanes hold, lane by lane next to each other; row s of x at x[s * width].
struct Work {
  double* x = nullptr;                      // aligned as a register
  alignas(64) double t[width];              // NaN: nobody is here
  alignas(64) double next[width];           // the next time to look
  alignas(64) std::uint64_t rng[4][width];
  std::uint64_t check_at[width];            // step at which the pace is looked at
  std::uint64_t step = 0;
  std::size_t live = 0;
  virtual ~Work() = default;
  /// Lane l would pass next[l] by an event at t_next. @returns true if the trajectory goes on (and fires)
  virtual bool arrive(std::size_t l, double total, double t_next) = 0;
  /// A lane has come to check_at[l].
  virtual void check(std::size_t l) = 0;
};

/// Runs until no lane lives.
void advance(const Program& program, Work& work);
/// The instruction set in use, as Highway names it: AVX3, AVX2, ...
[[nodiscard]] std::string registers();

}  // namespace lanes

class SsaLanes {
 public:
  static constexpr std::size_t most_reactions = 64, most_species = 64;
  /// Mass action up to order 3 without random sizes, within the limits above.
  [[nodiscard]] static bool fits(const Network& network);
  /// @throws ModelError  if it does not fit
  explicit SsaLanes(const Network& network);

  /// Trajectories 0 ... count - 1 from the network's initial state, each seen at `times` as by Ssa::run_path.
  /// @param stream  the generator of trajectory k
  /// @param at      called with k, i and the state at times[i]; for one k in the order of i, otherwise in any order
  /// @returns how each ended
  std::vector<SsaResult> run_paths(std::span<const double> times, std::uint64_t count, const std::function<FastStream(std::uint64_t)>& stream,
                                   const std::function<void(std::uint64_t, std::size_t, std::span<const double>)>& at, std::uint64_t max_events = Ssa::default_max_events) const;

 private:
  lanes::Program program_;
  std::vector<double> initial_;
};

}  // namespace meso::kinetics
