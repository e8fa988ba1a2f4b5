// A score model of some data, and the levels at which its samples can be known: particles by the reverse diffusion and by the probability flow, and their
// laws without particles. Where the levels differ it is said why: the start (prior), the steps, or the score.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "kits/generative/data_law.h"
#include "kits/generative/gap.h"
#include "kits/generative/potential.h"
#include "kits/generative/sinkhorn.h"
#include "model/system.h"

namespace meso::generative {

struct ScoreModel {
  DataLaw data;
  OrnsteinUhlenbeck process;
  double end = 10, t_min = 0;             ///< sampling runs from `end` down to t_min
  bool exact_start = false;               ///< from the exact p_T instead of the stationary normal law
  double low = -7, high = 7;              ///< grids and histograms on the line
  PlaneNodes nodes;                       ///< and in the plane
  /// The score; asked once a run. A learned one is trained, or read from its artefact, here.
  std::function<std::shared_ptr<const Field>(Context&)> score;
  std::string score_name = "exact";       ///< for messages
  [[nodiscard]] std::size_t dimension() const { return data.dimension; }
};

/// @throws ModelError, ParameterError  what cannot be sampled: no time to sample in, a singular law read at t = 0, start or grids that do not fit
void check(const ScoreModel& model, const std::string& owner);

/// How far the start is from p_T. `warn`: the largest mode moves it by more than 1 % of a standard deviation.
struct PriorMismatch {
  double shift = 0;        ///< largest |e^{-T} centre| over the stationary standard deviation
  double w2_at_end = 0;    ///< W_2 between p_T and the normal start; in the plane, of the normal law with its moments
  double squared = 0;      ///< on the line: W_2^2 that it alone leaves between flow samples and truth at t_min; else NaN
  bool warn = false;
};
[[nodiscard]] PriorMismatch prior_mismatch(const ScoreModel& model);
[[nodiscard]] std::string describe(const PriorMismatch& mismatch, const ScoreModel& model);

/// Mean of R^2 over even times in [max(t_min, 1e-5), T] and even points of [-3.5, 3.5]^d, and the same with points weighted by p_t (of mixtures).
struct ResidualSquare {
  double uniform = 0, weighted = 0;
};
[[nodiscard]] ResidualSquare mean_square_residual(const Potential& u, const ScoreModel& model, std::size_t times, std::size_t along);

/// The observables; names and definitions.
[[nodiscard]] std::vector<ObservableInfo> observables(const ScoreModel& model);
/// reverse-sde, probability-flow, samples; fokker-planck, flow-map; exact where the law is a mixture.
[[nodiscard]] std::vector<Level> levels(std::shared_ptr<const ScoreModel> model);

/// Times of the particle samplers: "quadratic" towards t_min, or the paper's: `steps` even ones, the last ten cut in ten each.
[[nodiscard]] std::vector<double> sampler_times(const ScoreModel& model, const std::string& schedule, std::size_t steps);

}  // namespace meso::generative
