// Exact continuous-time kinetics of lattice models with exclusion (at most one particle on a site).
//
// Method: rejection on bounded rates. Every rule is started by one of its ends, an *active* site; states that need not start
// anything (usually empty sites) are inert and cost nothing. A tick picks an active site, with uniform probability, and offers it
// its site rules and, in a random direction, its pair rules; what is missing to the common bound W is a rejection. Times are exact
// (tick_clock.h). Active sites are kept in a list with swap-last removal, or, where most sites are active, picked from the whole
// lattice. One 64-bit word decides a tick: its resolution, 2^-64 of the number of sites, is the only rounding (below 1e-12 of any rate).
// Where rates differ so widely that nearly every tick is a rejection (fewer than one event in 128 ticks), the kinetics go over to composition-rejection
// over the sites' own propensities (composition.h): an event then costs the same whatever the rates are, several times a good tick.
// Sites are bytes with a rim of copies around the box, so that a neighbour is an addition and periodic or reflecting ends cost
// nothing inside.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "kits/lattice/composition.h"
#include "kits/lattice/rules.h"
#include "kits/lattice/tick_clock.h"
#include "rng/stream.h"

namespace meso::lattice {

/// How active sites are picked. The law is the same; the speed is not.
enum class Picking {
  automatic,  ///< list where some state is inert, else dense; composition once nearly all ticks are rejected
  list,       ///< from the list of active sites: for sparse or decaying populations
  dense,      ///< from the whole lattice, by rejection: where most sites are occupied for good
  composition,  ///< by composition-rejection over the propensities of the sites: for rates of very different size
};

/// Rules as a kernel reads them. Immutable: threads share it.
class ExclusionRules {
 public:
  static constexpr std::size_t wall = 16;    ///< state beyond a reflecting end
  static constexpr std::size_t width = 32;   ///< table stride

  /// @param inert_first  the state that should be inert if it can be (the most frequent one); 0 is tried next
  /// @throws ModelError as Model::check, or for a bosonic model
  explicit ExclusionRules(const Model& model, State inert_first = empty_state, Picking picking = Picking::automatic);

  [[nodiscard]] const Model& model() const { return model_; }
  [[nodiscard]] bool inert(State s) const { return inert_[s]; }
  /// Rate of ticks of one active site.
  [[nodiscard]] double bound() const { return bound_; }
  /// A partner may turn from active to inert: then the list needs to know where a site stands in it.
  [[nodiscard]] bool needs_positions() const { return needs_positions_; }
  /// Sites are picked from the whole lattice instead of from a list.
  [[nodiscard]] bool dense() const { return dense_; }
  [[nodiscard]] Picking picking() const { return picking_; }
  struct Outcome {
    double below = 0;      ///< cumulated rate
    State first = 0, second = 0;
    bool moves = false;    ///< only swaps the two: no count changes
  };
  struct Single {
    double below = 0;
    State to = 0;
  };

 private:
  friend class ExclusionKinetics;
  Model model_;
  std::array<bool, width> inert_{};
  double bound_ = 0;
  Picking picking_ = Picking::automatic;
  bool needs_positions_ = false, dense_ = false;
  std::size_t growth_ = 0;                  ///< most active sites that one event can add
  std::array<double, width> site_end_{};    ///< total rate of the site rules of a state
  std::array<double, width> pair_size_{};     ///< P(s), the largest pair rate in one direction
  std::array<double, width> pair_inverse_{};  ///< 1 / P(s); 0: none
  std::array<std::uint16_t, width + 1> single_start_{};
  std::vector<Single> singles_;
  std::array<std::uint16_t, width * width + 1> pair_start_{};
  std::vector<Outcome> outcomes_;
};

/// One configuration and its clock.
class ExclusionKinetics {
 public:
  explicit ExclusionKinetics(const ExclusionRules& rules);

  /// The model's initial condition, at time 0.
  void start(FastStream& random);
  /// A given configuration, one state per site (row-major), at time 0.
  void start(std::span<const State> sites);
  /// Lets time pass until `until`, exactly.
  /// @param stop_when_gone  stops as soon as a species whose bit (1 << state) is set has no particle left; time() is then that time
  void advance(double until, FastStream& random, std::uint32_t stop_when_gone = 0);

  [[nodiscard]] double time() const { return time_; }
  /// Sites in each state; index 0 counts empty ones.
  [[nodiscard]] std::span<const std::int64_t> counts() const { return {count_.data(), rules_->model().states()}; }
  /// Time at which a state's count last became 0 (0 if it never was there); NaN while some are left.
  [[nodiscard]] double gone_at(State s) const { return count_[s] == 0 ? gone_at_[s] : std::numeric_limits<double>::quiet_NaN(); }
  /// No rule can fire any more, as far as has been noticed: at once when the last active site is gone, else after one idle sweep.
  [[nodiscard]] bool absorbed() const { return absorbed_ || (composed_ ? picker_.bound() == 0 : !rules_->dense() && active_.empty()); }
  /// Composition-rejection is at work.
  [[nodiscard]] bool composed() const { return composed_; }
  [[nodiscard]] State at(std::size_t site) const { return static_cast<State>(cell_[padded(site)] & state_mask); }
  void copy_to(std::span<State> sites) const;
  /// Bonds with ends (s, t): probability table states x states over ordered bonds, row-major, sum 1 (reflecting ends: bonds that exist).
  void pair_table(std::span<double> table) const;
  /// Changes of a site's state or of a pair that have happened, hops included; and attempts.
  [[nodiscard]] std::uint64_t events() const { return events_; }
  [[nodiscard]] std::uint64_t attempts() const { return attempts_; }
  /// List of active sites as indices into the box (not with `dense`).
  [[nodiscard]] std::vector<std::size_t> active_sites() const;
  /// A particle has ever been created or moved onto the outermost layer of the box.
  [[nodiscard]] bool touched_edge() const { return touched_edge_; }

 private:
  static constexpr std::uint8_t state_mask = 0x1f, edge_flag = 0x80, rim_flag = 0x40;
  template <int Z, bool Positions, bool Dense>
  void run(double until, FastStream& random, std::uint32_t stop);
  template <int Z>
  void run_composed(double until, FastStream& random, std::uint32_t stop);
  void compose();
  [[nodiscard]] double propensity(std::size_t cell) const;
  void update(std::size_t cell);
  [[nodiscard]] std::size_t padded(std::size_t site) const;
  [[nodiscard]] std::size_t inner(std::size_t cell) const;
  void write(std::size_t cell, State s);
  void write_rim(std::size_t cell, State s);
  std::size_t real_cell(std::size_t cell) const;
  void clear();
  void settle();
  [[nodiscard]] bool can_fire() const;

  const ExclusionRules* rules_;
  std::array<std::int64_t, 3> extent_{1, 1, 1};
  std::array<std::int64_t, 3> stride_{};      // of the padded box; unused axes have stride 0 and no rim
  std::vector<std::uint8_t> cell_;
  std::vector<std::uint32_t> active_, position_;
  std::array<std::int64_t, ExclusionRules::width> count_{};
  std::array<double, ExclusionRules::width> gone_at_{};
  CompositionRejection picker_;
  double time_ = 0;
  std::uint64_t events_ = 0, attempts_ = 0;
  bool touched_edge_ = false, absorbed_ = false, composed_ = false;
};

}  // namespace meso::lattice
