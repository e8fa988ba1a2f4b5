// Exact continuous-time kinetics of lattice models with any number of particles on a site (bosonic occupation).
//
// Method: composition-rejection (composition.h), so that the cost of an event does not depend on the spread of the occupations. Times are exact (exponential).
// Contact rules act at once: after every arrival, birth and at the start, until no pair on the site has one.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "kits/lattice/composition.h"
#include "kits/lattice/rules.h"
#include "rng/stream.h"

namespace meso::lattice {

/// Rules as the kernel reads them. Immutable: threads share it.
class BosonicRules {
 public:
  /// @throws ModelError as Model::check, or for a model with exclusion
  explicit BosonicRules(const Model& model);
  [[nodiscard]] const Model& model() const { return model_; }
  /// Total propensity of a site with these numbers of particles, hops included.
  [[nodiscard]] double propensity(const std::int32_t* n) const;

 private:
  friend class BosonicKinetics;
  struct Channel {
    int species = -1;   ///< a hop of this species; otherwise a reaction
    double rate = 0;    ///< of all directions together
    std::vector<std::pair<int, int>> reactants;  ///< (species, count)
    std::vector<std::pair<int, int>> change;     ///< net
  };
  [[nodiscard]] double propensity(const Channel& channel, const std::int32_t* n) const;
  Model model_;
  std::size_t species_ = 0;
  std::vector<Channel> channels_;
  bool contacts_ = false;
};

/// One configuration and its clock.
class BosonicKinetics {
 public:
  explicit BosonicKinetics(const BosonicRules& rules);
  /// The model's initial condition, at time 0.
  void start(FastStream& random);
  /// A given configuration: sites x species particle numbers, at time 0.
  void start(std::span<const std::int32_t> particles);
  /// As ExclusionKinetics::advance.
  void advance(double until, FastStream& random, std::uint32_t stop_when_gone = 0);

  [[nodiscard]] double time() const { return time_; }
  /// Particles of each species in the box; index 0 is not used.
  [[nodiscard]] std::span<const std::int64_t> counts() const { return count_; }
  [[nodiscard]] double gone_at(State s) const { return count_[s] == 0 ? gone_at_[s] : std::numeric_limits<double>::quiet_NaN(); }
  [[nodiscard]] bool absorbed() const { return picker_.bound() == 0; }
  /// Particles of species s (from 1) on a site.
  [[nodiscard]] std::int32_t at(std::size_t site, State s) const { return n_[site * species_ + s - 1]; }
  /// sites x species particle numbers.
  void copy_to(std::span<std::int32_t> particles) const;
  [[nodiscard]] std::uint64_t events() const { return events_; }
  [[nodiscard]] std::uint64_t attempts() const { return attempts_; }

 private:
  void contact(std::size_t site);
  void update(std::size_t site);
  void changed(State s, std::int64_t by);
  void settle();

  const BosonicRules* rules_;
  std::size_t species_, sites_;
  std::vector<std::int32_t> n_;
  CompositionRejection picker_;
  std::vector<std::int64_t> count_;
  std::vector<double> gone_at_;
  double time_ = 0;
  std::uint64_t events_ = 0, attempts_ = 0;
  std::array<std::int64_t, 3> extent_{1, 1, 1}, stride_{};
};

}  // namespace meso::lattice
