// Exact stochastic simulation of many trajectories side by side, in the lanes of vector registers (Highway, the widest
// instruction set of the machine chosen at run time; nothing is compiled then).
//
// The algorithm is that of Ssa's direct method: all propensities at every event, the next reaction counted out of prefix sums,
// waiting times by our own logarithm, one generator per trajectory. Only elementwise operations that IEEE arithmetic rounds
// correctly are used, in the same order (functions like exp are those of the scalar formula, lane by lane), so that a
// trajectory has the same bits in any lane of any width, alone or among others: those of Ssa with SsaMethod::direct.
// A lane takes the next trajectory as soon as its own ends.
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
  enum class Kind : std::uint32_t { constant, x, xy, two, three, law };  ///< two, three: factors (x - taken) of which the first has taken = 0
  struct Reaction {
    double c = 0;
    Kind kind = Kind::constant;
    std::uint32_t row[3] = {0, 0, 0};    ///< species of each factor; of a law: its index
    double taken[3] = {0, 0, 0};
    std::uint32_t two_row[2] = {0, 0};   ///< of at most two factors: the row of each, the row of ones where there is none
  };
  /// A step of a rate law on a stack of registers.
  struct Step {
    num::Op op = num::Op::number;
    std::uint32_t row = 0;               ///< of a variable
    double value = 0;                    ///< of a number; exponent of a whole power
    bool whole_power = false;            ///< the top to the power `value`, a whole number up to 64, by squaring
  };
  struct Move {
    std::uint32_t at = 0;                ///< row * width
    double amount = 0;
  };
  std::vector<Reaction> reactions;
  std::vector<std::vector<Step>> laws;
  std::size_t depth = 0;                 ///< values that a law holds at once, at most
  std::size_t species = 0;
  std::vector<double> table;             ///< table[8 s + j]: the change of species s by reaction j < 8
  std::size_t most_moves = 1;
  std::vector<Move> moves;               ///< moves[most_moves j + m]: what reaction j changes, filled up with changes of a row that nobody reads; one more entry of such: nothing fires
};

/// A sum over the time in a window: of (x_a - ca)^power, or of (x_a - ca)(x_b - cb) for power 0.
struct Held {
  std::uint32_t a = 0, b = 0;
  double ca = 0, cb = 0;
  int power = 1;
};

/// What the lanes hold, lane by lane next to each other; row s of x at x[s * width].
struct Work {
  double* x = nullptr;                      // aligned as a register; two rows more than species: one that nobody reads, one of ones
  double* prefix = nullptr;                 // rows of prefix sums, a multiple of 8 with infinity behind the last
  double* stack = nullptr;                  // of laws
  double* sums = nullptr;                   // a row for each of `held`
  std::span<const Held> held;
  double begin = 0;                         // of the window in which `held` counts
  bool wants_times = false;                 // held_by() is to be called too
  alignas(64) double t[width];              // NaN: nobody is here
  alignas(64) double next[width];           // the next time to look
  alignas(64) std::uint64_t rng[4][width];
  alignas(64) std::uint64_t fired[width];   // events of the trajectory
  std::uint64_t check_at[width];            // number of events at which the pace is looked at
  std::uint64_t room = 0;                   // events that every lane may fire before one of them is to be looked at
  std::uint64_t arrivals = 0;               // calls of arrive()
  std::size_t live = 0;
  virtual ~Work() = default;
  /// Lane l would pass next[l] by an event at t_next. @returns true if the trajectory goes on (and fires)
  virtual bool arrive(std::size_t l, double total, double t_next) = 0;
  /// A lane has come to check_at[l].
  virtual void check(std::size_t l) = 0;
  /// Lane l spent dt in its state within the window.
  virtual void held_by(std::size_t l, double dt) = 0;
  /// The law of reaction r gave a value that is no propensity, or fired below zero. @throws ModelError
  [[noreturn]] virtual void refuse(std::size_t l, std::size_t r, double value) = 0;
};

/// Runs until no lane lives.
void advance(const Program& program, Work& work);
/// The instruction set in use, as Highway names it: AVX3, AVX2, ...
[[nodiscard]] std::string registers();

}  // namespace lanes

class SsaLanes {
 public:
  static constexpr std::size_t most_reactions = 64, most_species = 64;
  using StreamOf = std::function<FastStream(std::uint64_t)>;
  using StartOf = std::function<std::span<const std::int64_t>(std::uint64_t)>;
  /// Mass action up to order 3 and rate laws, without random sizes and without the time, within the limits above.
  [[nodiscard]] static bool fits(const Network& network);
  /// @throws ModelError  if it does not fit
  explicit SsaLanes(SharedNetwork network);

  /// Trajectories 0 ... count - 1, each seen at `times` as by Ssa::run_path.
  /// @param stream  the generator of trajectory k
  /// @param at      called with k, i and the state at times[i]; for one k in the order of i, otherwise in any order
  /// @param start   initial counts of trajectory k (valid until the next call); empty: the network's
  /// @returns how each ended
  /// @throws ModelError  as Ssa::run_path
  std::vector<SsaResult> run_paths(std::span<const double> times, std::uint64_t count, const StreamOf& stream, const std::function<void(std::uint64_t, std::size_t, std::span<const double>)>& at,
                                   std::uint64_t max_events = Ssa::default_max_events, const StartOf& start = {}) const;

  /// Trajectories 0 ... count - 1 over burn_in + window, as by Ssa::run_window.
  /// @param held   what is summed: sum_i value_i dt_i over the states in the window
  /// @param ended  called once with k, how it ended and the sums
  /// @param state  if given: called with k, a state in the window and the time spent in it, for what `held` cannot express
  void run_windows(double burn_in, double window, std::span<const lanes::Held> held, std::uint64_t count, const StreamOf& stream,
                   const std::function<void(std::uint64_t, const SsaResult&, std::span<const double>)>& ended, const std::function<void(std::uint64_t, std::span<const double>, double)>& state = {},
                   std::uint64_t max_events = Ssa::default_max_events, const StartOf& start = {}) const;

 private:
  SharedNetwork network_;
  lanes::Program program_;
};

}  // namespace meso::kinetics
