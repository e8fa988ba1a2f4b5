// The levels of an interpolant between two laws: what `systems/generative/stochastic-interpolants` is made of.
//
//   interpolant          draws x_t = alpha x0 + beta x1 + gamma z, the definition: no dynamics
//     exact              the law of x_t at every time, in closed form (mixtures)
//       moments          mean and variance alone
//       fokker-planck    its density moved by drift b + epsilon s on a grid, forwards or backwards (one dimension)
//         sde            particles with that drift and noise
//       transport        its quantiles moved by b (one dimension)
//         ode            particles without noise
//       schroedinger-bridge   the least-energy process between the same ends (one dimension)
//
// The fields of the dynamic levels are the exact ones plus a constant error of each: b + c and s + d.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "kits/generative/field.h"
#include "kits/generative/mixture_path.h"
#include "model/level.h"
#include "model/system.h"

namespace meso::generative {

/// Fields that were learned.
struct LearnedFields {
  std::shared_ptr<const Field> velocity, score;
};

/// A bridge as the levels see it: fields, draws and moments of x_t.
struct Bridge {
  std::size_t d = 1;
  std::string name;                                     ///< of the system, for messages
  std::shared_ptr<const MixturePath> path;              ///< null unless both ends are mixtures
  std::shared_ptr<const Field> velocity, score;         ///< exact b and s
  std::function<void(double t, Stream& stream, std::span<double> x0, std::span<double> x1, std::span<double> z)> draw;
  Interpolant interpolant{InterpolantSpec{}};
  std::function<double(double t, std::size_t i)> mean, variance;
  std::vector<double> low, high;                        ///< per coordinate: where x_t is at all times, for bins and pictures
  double epsilon = 1;
  double velocity_error = 0, score_error = 0;           ///< c and d, added to every component
  double t_cut = 0;                                     ///< the dynamics run on [t_cut, 1 - t_cut]
  /// Takes the place of velocity and score in the dynamic levels; asked once a run. A network is trained, or read from its artefact, here.
  /// @throws NumericalBreakdown  a training that diverges
  std::function<LearnedFields(Context&)> learn;
  bool exact_fields = true;                             ///< velocity and score are those of `path`
  bool score_singular = false;                          ///< the exact score itself has no value at an end: t_cut must be above 0
};

[[nodiscard]] Bridge bridge_of(std::shared_ptr<const MixturePath> path, std::string name);

/// Observables: x<i>.mean, x<i>.variance, x<i>.distribution (in one dimension x.mean ...), mode.weights, action, control, kl, mode.count.
[[nodiscard]] std::vector<ObservableInfo> observables_of(const Bridge& bridge);
/// Bins of x<i>.distribution, the same on all levels: the first holds all below, the last all above.
[[nodiscard]] Axis law_axis(const Bridge& bridge, std::size_t i);

[[nodiscard]] std::vector<Level> bridge_ladder(const Bridge& bridge);

}  // namespace meso::generative
