// The rate equation of a process: dx/dt = rules and reactions as they stand, assignments at every moment, events located by root
// finding and executed in order. Amounts keep the model's own unit.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "kits/kinetics/process.h"
#include "model/system.h"
#include "num/ode.h"

namespace meso::kinetics {

/// How the continuous part of a process moves from one moment to the next: right-hand side over the states that move, conditions
/// followed as roots, conditions of the time alone found exactly beforehand. Used by the rate equation and by exact trajectories.
class ContinuousPart {
 public:
  /// @param reactions  true: reactions move their states continuously; false: rate rules alone do, reactions jump
  ContinuousPart(const CompiledProcess& model, bool reactions);
  [[nodiscard]] bool empty() const { return moving_.empty(); }
  [[nodiscard]] const std::vector<std::size_t>& moving() const { return moving_; }
  /// Advances `slots` towards `stop` and ends there, or earlier where a condition of moving states changes; `risen` gets the conditions
  /// that turned true. at(i, slots) is called for those `times` that lie strictly before the end.
  /// @param hazard  if given: *hazard is the integrated hazard that is left; `intensity` is integrated too, and the advance ends where it
  ///                has used it up (*hazard is then 0). Else it is reduced by what was used.
  /// @returns status of the integration; `done` and `stopped` are both fine
  OdeStatus advance(std::vector<double>& slots, double stop, std::span<const double> times, std::size_t& next, const std::function<void(std::size_t, std::span<const double>)>& at,
                    double relative, std::vector<std::size_t>& risen, double* hazard = nullptr, const std::function<double(std::span<const double>)>& intensity = {}) const;
  /// First moment in (now, stop] at which a condition of the time (and of states that do not move) changes; `stop` if there is none.
  /// `changed` gets those conditions.
  [[nodiscard]] double next_flip(std::span<const double> slots, double stop, bool kinks, std::vector<std::size_t>& changed) const;

 private:
  const CompiledProcess& model_;
  bool reactions_;
  std::vector<std::size_t> moving_, roots_, timed_;
};

struct ProcessPath {
  std::vector<double> value;      ///< T x observed, row-major; NaN from `reached` on
  std::size_t reached = 0;
  OdeStatus status = OdeStatus::done;
  double t = 0;                   ///< where it ended
  std::string message;
};
/// @param times  increasing, from 0 on. Values at the moment of an event are those after it.
[[nodiscard]] ProcessPath solve_process(const CompiledProcess& model, std::span<const double> times, double relative);

/// Level `rate-equation` of a process.
[[nodiscard]] Level process_rate_equation_level(const std::shared_ptr<const CompiledProcess>& model);
/// @param compiled  called when the level is asked: compiling a large process takes as long as reading it
[[nodiscard]] Level process_rate_equation_level(const std::function<std::shared_ptr<const CompiledProcess>()>& compiled);

/// Unit, formula and scale of `<observed>.mean`, `.variance`, ...; nothing if it is no observable of the process.
[[nodiscard]] std::optional<ObservableInfo> observed_info(const Process& process, const std::string& name);
/// @param network  observed_network(process), where many are asked for
[[nodiscard]] std::optional<ObservableInfo> observed_info(const Process& process, const Network& network, const std::string& name);

}  // namespace meso::kinetics
