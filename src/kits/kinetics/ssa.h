// Exact stochastic simulation of a well-mixed network: the direct method (Gillespie 1977, doi:10.1021/j100540a008).
//
// Three ways to find the next reaction give the same law:
// - direct: all propensities at every event, the reaction counted out of prefix sums. Up to 16 mass-action reactions and 8 species without
//   a branch (every propensity is a product c (x - o)(x - o')(x - o''), nothing drifts); this is also what runs in vector lanes (ssa_lanes.h).
// - dependency graph: propensities are kept, those that a firing changes are updated, sums are searched by blocks (as in the methods
//   of Mauch and Stalzer 2011, doi:10.1109/TCBB.2009.47).
// - composition and rejection: propensities are kept in groups of the same binary exponent; a group is found by its sum, a reaction in it by
//   rejection (Slepoy, Thompson and Plimpton 2008, doi:10.1063/1.2919546): the cost of an event does not grow with the number of reactions.
// Kept sums are renewed before their rounding counts. Waiting times use our own logarithm, so the bits do not depend on the C library.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "kits/kinetics/network.h"
#include "rng/stream.h"

namespace meso::kinetics {

/// How the next reaction is found.
enum class SsaMethod { automatic, direct, dependency_graph, composition_rejection };
/// The rule of `automatic`: a property of the network alone.
struct SsaChoice {
  SsaMethod method = SsaMethod::direct;
  std::string why;  ///< "direct: 4 mass-action reactions of 1 species (up to 16 of 8)"
};
[[nodiscard]] SsaChoice choose_method(const Network& network);
/// "auto", "direct", "dependency-graph", "composition-rejection".
[[nodiscard]] SsaMethod ssa_method(const std::string& name);

/// How a trajectory ended.
struct SsaResult {
  std::uint64_t dropped = 0;   ///< completions of delayed reactions that lacked molecules
  std::uint64_t events = 0;  ///< reactions fired
  bool absorbed = false;     ///< a state without any possible reaction was reached: it holds for ever
  bool runaway = false;      ///< stopped at `t`: so many events lie ahead that it would not end (explosion), or the event limit
  double t = 0;              ///< time reached
};

/// A propensity of reaction r that is none (negative, not a number), or a count below zero after it fired.
/// @throws ModelError  names the reaction and the state
[[noreturn]] void refuse_propensity(const Network& network, std::size_t r, double value, std::span<const double> state);

namespace detail {

/// -log(u) for u in (0,1), relative error below 4e-16 (tested): log m = 2 atanh((m - 1)/(m + 1)) with m in [sqrt(1/2), sqrt(2)).
inline double negative_log(double u) {
  const auto bits = std::bit_cast<std::uint64_t>(u);
  const std::uint64_t shifted = bits - 0x3fe6a09e667f3bcdULL;  // sqrt(1/2)
  const auto exponent = static_cast<double>(static_cast<std::int64_t>(shifted) >> 52);
  const double m = std::bit_cast<double>((shifted & 0x000fffffffffffffULL) + 0x3fe6a09e667f3bcdULL);
  const double s = (m - 1) / (m + 1), z = s * s, z2 = z * z, z4 = z2 * z2;
  const double low = (1.0 / 3 + z * (1.0 / 5)) + z2 * (1.0 / 7 + z * (1.0 / 9));
  const double high = (1.0 / 11 + z * (1.0 / 13)) + z2 * (1.0 / 15 + z * (1.0 / 17)) + z4 * (1.0 / 19 + z * (1.0 / 21));
  const double series = z * (low + z4 * high);
  constexpr double ln2_high = 0x1.62e42fefa3800p-1, ln2_low = 0x1.ef35793c76730p-45;  // high part: exact times the exponent
  return -(exponent * ln2_high + (2 * s + (2 * s * series + exponent * ln2_low)));
}

/// Up to R mass-action reactions of order <= 3 among up to S species.
template <std::size_t R, std::size_t S>
struct DenseKernel {
  static constexpr std::size_t one = S;  // the slot that always holds 1: unused factors read it
  struct alignas(64) Table {
    std::array<double, R> c{};
    std::array<std::array<std::uint32_t, R>, 3> slot{};
    std::array<std::array<double, R>, 3> below{};
    std::array<std::array<double, S>, R> change{};
  };
  explicit DenseKernel(const Table& t) : table(t) { x[one] = 1; }

  double refresh() {
    double sum = 0;
#pragma GCC unroll 16
    for (std::size_t j = 0; j < R; ++j) {
      const double a = table.c[j] * x[table.slot[0][j]] * ((x[table.slot[1][j]] - table.below[1][j]) * (x[table.slot[2][j]] - table.below[2][j]));
      prefix[j] = sum += a;
    }
    return sum;
  }
  // u * total < total in IEEE arithmetic for u <= 1 - 2^-53, so the count is below R and never stops at a zero propensity.
  void fire(double target, FastStream&) {
    std::size_t j = 0;
#pragma GCC unroll 16
    for (std::size_t k = 0; k + 1 < R; ++k) j += target >= prefix[k] ? 1 : 0;
#pragma GCC unroll 8
    for (std::size_t s = 0; s < S; ++s) x[s] += table.change[j][s];
  }

  const Table& table;
  std::array<double, S + 1> x{};
  std::array<double, R> prefix{};
};

}  // namespace detail

/// Simulates one network. Const calls only: one object serves all threads.
class Ssa {
 public:
  /// @throws ModelError if a rate law depends on the time t
  explicit Ssa(SharedNetwork network, SsaMethod method = SsaMethod::automatic);

  /// One trajectory, seen at `times` (increasing, from 0 on): at(i, state) is called with the state at times[i].
  /// Times in the unit of the rates; `state` holds whole numbers of molecules. No output costs anything per event.
  /// @param max_events  the trajectory stops there and is marked `runaway`; times not reached are not called
  /// @throws ModelError  a rate law is negative or not a number, or takes molecules that are not there (names reaction and state)
  template <class AtTime>
  SsaResult run_path(std::span<const double> times, std::span<const std::int64_t> initial, FastStream rng, AtTime&& at, std::uint64_t max_events = default_max_events) const {
    struct Sink {
      std::span<const double> times;
      AtTime& at;
      std::size_t i = 0;
      double next, end;
      // Called when t_next passes `next`; true when nothing is left to see.
      bool pass(double, double t_next, std::span<const double> x) {
        while (i < times.size() && times[i] < t_next) at(i++, x);
        next = i < times.size() ? times[i] : std::numeric_limits<double>::infinity();
        return i == times.size();
      }
      void hold(double, double, std::span<const double>) {}
    };
    if (times.empty()) return {};
    Sink sink{times, at, 0, times.front(), times.back()};
    return run(initial, rng, sink, max_events);
  }

  /// One trajectory over burn_in + window: hold(state, dt) is called for every state within the window with the time spent
  /// in it; the dt add up to `window`. The sums over it divided by `window` are time averages.
  template <class Hold>
  SsaResult run_window(double burn_in, double window, std::span<const std::int64_t> initial, FastStream rng, Hold&& hold_state, std::uint64_t max_events = default_max_events) const {
    struct Sink {
      double begin, end;
      Hold& hold_state;
      double next;
      bool pass(double t, double t_next, std::span<const double> x) {
        if (t_next < end) {  // the window begins within this step
          next = end;
          return false;
        }
        hold_state(x, end - (t > begin ? t : begin));
        return true;
      }
      void hold(double t, double t_next, std::span<const double> x) {
        if (t_next > begin) hold_state(x, t_next - (t > begin ? t : begin));
      }
    };
    Sink sink{burn_in, burn_in + window, hold_state, burn_in};
    return run(initial, rng, sink, max_events);
  }

  /// One trajectory up to `end`: watch(t, state) is called for every state with the time at which it was entered; true ends the trajectory.
  template <class Watch>
  SsaResult run_watch(double end, std::span<const std::int64_t> initial, FastStream rng, Watch&& watch, std::uint64_t max_events = default_max_events) const {
    struct Sink {
      Watch& watch;
      double end, next;
      bool stopped = false;
      bool pass(double t, double, std::span<const double> x) {
        if (!stopped) watch(t, x);
        return true;
      }
      void hold(double t, double, std::span<const double> x) {
        if (!watch(t, x)) return;
        stopped = true;
        next = -std::numeric_limits<double>::infinity();
      }
    };
    Sink sink{watch, end, end};
    return run(initial, rng, sink, max_events);
  }

  [[nodiscard]] const Network& network() const { return network_; }
  [[nodiscard]] const SharedNetwork& shared() const { return network_; }
  [[nodiscard]] SsaMethod method() const { return method_; }  ///< never `automatic`
  /// True if the dense kernel takes it: mass action up to order 3, at most 16 reactions and 8 species.
  [[nodiscard]] static bool is_dense(const Network& network);
  static constexpr std::uint64_t default_max_events = 20'000'000'000;  ///< a quarter of an hour of one core

 private:
  // What the kernels below share: the state, its propensities, a firing.
  struct Kept {
    const Ssa& ssa;
    std::vector<double> x, a;
    Kept(const Ssa& owner, std::size_t size);
    [[nodiscard]] double checked(std::size_t r) const;
    [[nodiscard]] double value(std::size_t r) const { return ssa.is_law_[r] != 0 ? checked(r) : ssa.propensities_(r, x); }
    void change(std::size_t j, FastStream& rng);
  };
  // All propensities at every event, summed in the order of the reactions: the arithmetic of the dense kernel and of the lanes.
  struct DirectKernel : Kept {
    struct Product {  // c x[slot 0] ((x[slot 1] - below 1) (x[slot 2] - below 2)); behind the species stands 1
      double c = 0;
      std::array<std::uint32_t, 3> slot{};
      std::array<double, 3> below{};
      bool law = false;
    };
    explicit DirectKernel(const Ssa& owner);
    void start() {}
    double refresh();
    void fire(double target, FastStream& rng);
  };
  // Propensities kept and updated; sums over blocks of 16.
  struct GraphKernel : Kept {
    static constexpr std::size_t block = 16;
    std::vector<double> sums;
    double total = 0, peak = 0;
    std::uint32_t since = 0;
    explicit GraphKernel(const Ssa& owner);
    double refresh() { return total; }
    void start();
    void renew();
    void fire(double target, FastStream& rng);
  };
  // Propensities kept and updated, in groups of the same binary exponent.
  struct RejectionKernel : Kept {
    struct Group {
      int exponent = 0;   // members have 2^(exponent - 1) <= a < 2^exponent
      double upper = 0, sum = 0;
      std::vector<std::uint32_t> members;
    };
    static constexpr std::uint16_t none = 0xffff;
    std::vector<Group> groups;             // the largest first
    std::vector<std::uint32_t> position;   // of a reaction in its group
    std::vector<std::int16_t> exponent;    // of its propensity
    std::vector<std::uint16_t> group_of;   // by exponent + 1100
    double total = 0, peak = 0;
    std::uint32_t since = 0;
    explicit RejectionKernel(const Ssa& owner);
    double refresh() { return total; }
    void start();
    void renew();
    void put(std::size_t r, double value);
    void fire(double target, FastStream& rng);
    Group& group(int e);
  };
  struct Dense {
    detail::DenseKernel<4, 1>::Table t41;
    detail::DenseKernel<4, 2>::Table t42;
    detail::DenseKernel<8, 4>::Table t84;
    detail::DenseKernel<16, 8>::Table t168;
    int which = 0;  // 1..4; 0: none fits
  };

  template <class Sink>
  SsaResult run(std::span<const std::int64_t> initial, FastStream rng, Sink& sink, std::uint64_t max_events) const {
    const auto dense = [&](const auto& table, auto kernel_of) {
      auto kernel = kernel_of(table);
      for (std::size_t s = 0; s < n_species_; ++s) kernel.x[s] = static_cast<double>(initial[s]);
      return drive(kernel, kernel.x.data(), rng, sink, max_events);
    };
    switch (dense_.which) {
      case 1: return dense(dense_.t41, [](const auto& t) { return detail::DenseKernel<4, 1>(t); });
      case 2: return dense(dense_.t42, [](const auto& t) { return detail::DenseKernel<4, 2>(t); });
      case 3: return dense(dense_.t84, [](const auto& t) { return detail::DenseKernel<8, 4>(t); });
      case 4: return dense(dense_.t168, [](const auto& t) { return detail::DenseKernel<16, 8>(t); });
      default: break;
    }
    const auto kept = [&](auto kernel) {
      for (std::size_t s = 0; s < n_species_; ++s) kernel.x[s] = static_cast<double>(initial[s]);
      kernel.start();
      return drive(kernel, kernel.x.data(), rng, sink, max_events);
    };
    if (method_ == SsaMethod::direct) return kept(DirectKernel(*this));
    if (method_ == SsaMethod::composition_rejection) return kept(RejectionKernel(*this));
    return kept(GraphKernel(*this));
  }

  /// The loop of every trajectory: wait, look, fire.
  template <class Kernel, class Sink>
  SsaResult drive(Kernel& kernel, const double* x, FastStream rng, Sink& sink, std::uint64_t max_events) const {
    const std::span<const double> state(x, n_species_);
    SsaResult result;
    double t = 0, t_checked = 0;
    std::uint64_t events = 0, next_check = std::min(check_every, max_events);
    while (true) {
      const double total = kernel.refresh();
      if (!(total > 0)) {
        result.absorbed = true;
        const double never = std::numeric_limits<double>::infinity();
        while (!sink.pass(t, never, state)) {
        }
        t = sink.end;
        break;
      }
      const double t_next = t + detail::negative_log(rng.uniform()) / total;
      if (t_next > sink.next && sink.pass(t, t_next, state)) {
        t = sink.end;
        break;
      }
      sink.hold(t, t_next, state);
      kernel.fire(rng.uniform() * total, rng);
      t = t_next;
      if (++events == next_check) {
        // At the pace of the last events, more than 1e13 lie ahead (days of work): counts explode, or the question is too long.
        const double ahead = (sink.end - t) / (t - t_checked) * static_cast<double>(check_every);
        if (events >= max_events || ahead > 1e13) {
          result.runaway = true;
          break;
        }
        t_checked = t;
        next_check = std::min(events + check_every, max_events);
      }
    }
    result.events = events;
    result.t = t;
    return result;
  }

  static constexpr std::uint64_t check_every = 65536;
  SharedNetwork network_;
  SsaMethod method_ = SsaMethod::direct;
  std::size_t n_species_ = 0;
  Propensities propensities_;
  Dense dense_;
  std::vector<DirectKernel::Product> products_;  // of the direct method without a dense table
  std::vector<std::size_t> change_offset_;
  std::vector<std::pair<std::uint32_t, double>> changes_;
  std::vector<char> is_law_;
};

}  // namespace meso::kinetics
