// The levels of a field: one description (Model), many levels. What a system or a study's [field] table stands on.
//
// Micro is the field itself on its grid: solved (temperature 0; error bound by step halving) or sampled (Langevin noise). Below it the
// linear modes about a vacuum (exact), the self-consistent Gaussian and the transfer operator (equilibrium), and any profile phi(x, t) that
// a system knows in closed form (profile_level).
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "kits/field/wave.h"
#include "model/system.h"

namespace meso::field {

struct Model {
  Grid grid;
  Potential potential;
  std::vector<double> phi0, pi0;           ///< initial values; pi0 is ignored by relaxation
  bool relaxation = false;                 ///< first order in time (relaxation.h) instead of second (wave.h)
  double stiffness = 1;                    ///< K of the gradient energy K (grad phi)^2/2
  double damping = 0, temperature = 0;     ///< Langevin noise of variance 2 damping T/(cell dt); relaxation has damping 1
  double dt = 0;                           ///< 0: half of 1/k_max, and at most a quarter of the stability limit
  Stepping stepping = Stepping::fixed;
  Scheme scheme = Scheme::verlet;
  double energy_tolerance = 1e-5;          ///< of Stepping::adaptive
  double vacuum = 0;                       ///< near the minimum that the linear levels expand about
  double escape_far = 8, escape_window = 40;  ///< see escape_of (kinks.h)

  /// The time step in use.
  [[nodiscard]] double step() const;
  /// Largest stable step of the wave equation for values of phi within the initial range (at least the vacuum's curvature).
  [[nodiscard]] double step_limit() const;
  /// @throws ParameterError: the grid, values that are not finite, dt above the stability limit (states the limit), noise without damping
  void check() const;
};

/// Jump of initial data at the seam of a ring. @throws ParameterError naming it if it exceeds 1e-6
/// @param left, right  values at x_min and x_min + L
void require_closed(const std::string& what, double left, double right, Boundary boundary);

/// Fields at the asked times, and what was followed step by step.
struct Snapshots {
  std::vector<double> t;
  std::vector<double> phi, pi;                 ///< t.size() x grid.size(); pi is empty if the level has none
  std::vector<double> track_t, track_a;        ///< half separation of a pair, finely; may be empty
  std::vector<double> bounces;                 ///< times of downward crossings of phi at the centre
  bool follows_pair = false;                   ///< the two above are meaningful
  std::vector<Flag> flags;
};
using Profile = std::function<Snapshots(std::span<const double> times)>;

/// Runs the field itself without noise. Stops at the first value that is not finite: fatal flag `diverged` with time, step and max |phi|; NaN from there.
/// @param dt  step (Stepping::fixed), or a refinement of it: `refine` halves the step of any rule
[[nodiscard]] Snapshots run_field(const Model& model, std::span<const double> times, double refine = 1);

/// Estimates and portraits from profiles. `finer` (same times, smaller error) gives the error bound: 2 |coarse - finer|, for a method of order 2
/// or more at half the step (4/3 of it is the error, the rest is a margin).
[[nodiscard]] Answer answer_of(const Model& model, const Ask& ask, const Profile& profile, const Profile& finer = {});

[[nodiscard]] std::vector<ObservableInfo> observables(const Model& model);

[[nodiscard]] Level field_level(const Model& model);                               ///< "field": solved, or sampled if temperature > 0
[[nodiscard]] Level linearised_level(const Model& model, std::string name = "linearised");
[[nodiscard]] Level hartree_level(const Model& model);                             ///< "hartree": equilibrium, temperature > 0
[[nodiscard]] Level transfer_operator_level(const Model& model);                   ///< "transfer-operator": equilibrium on a ring, temperature > 0
/// A solved level that knows the field: phi(x, t), pi(x, t) in closed form or from few coordinates.
[[nodiscard]] Level profile_level(LevelInfo info, const Model& model, Profile profile, Profile finer = {});
/// All levels above that make sense for the model.
[[nodiscard]] std::vector<Level> ladder(const Model& model);

/// A field of the user's own, as a study's [field] table says it.
struct FieldSpec {
  std::string potential;                   ///< formula in phi and the constants
  std::map<std::string, double> constants; ///< parameters of the system
  std::vector<double> length{100};         ///< one or two numbers
  std::vector<double> n{512};
  std::vector<double> x_min;               ///< empty: centred on 0
  std::string boundary = "periodic";       ///< periodic | antiperiodic
  std::string dynamics = "wave";           ///< wave | relaxation
  std::string initial = "0", momentum = "0";  ///< formulas in x (and y) and the constants
  std::string scheme = "verlet", stepping = "fixed";
  double stiffness = 1, damping = 0, temperature = 0, dt = 0, vacuum = 0;
};
/// Parameters: the constants, and damping, temperature, stiffness, dt. @throws ModelError, ParameterError
[[nodiscard]] System field_system(FieldSpec spec, std::string name, std::string title);

}  // namespace meso::field
