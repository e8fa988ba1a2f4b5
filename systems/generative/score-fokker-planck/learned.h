// How scores are learned here: nets, losses and schedules of the card, as values.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "kits/generative/score_model.h"
#include "kits/torch/training.h"

namespace meso::systems::score_fokker_planck {

struct ScoreRecipe {
  learned::NetShape shape;
  learned::ScoreLoss loss;
  learned::Schedule schedule;
  [[nodiscard]] learned::Trained train(const learned::Workplace& workplace) const { return learned::train(shape, loss, schedule, workplace); }
};

struct LearnedOptions {
  double residual_weight = 0;   ///< w_R
  bool weighted = true;         ///< score loss weighted by sigma_t^2
  std::size_t steps = 3000, batch = 384, width = 48, layers = 3;
  double rate = 2e-3;           ///< of Adam, at the start
  std::string activation = "automatic";  ///< or one by name; automatic: tanh on the line, softplus with beta = 10 in the plane
  bool baseline = true;         ///< u = -|x|^2 decay/g^2 + net: the stationary log-density is there from the start
};

/// One dimension: (t, e^-t, x) -> 3 x 48 tanh; Adam, its rate x 0.2 at 60 %, x 0.04 at 90 %; as many collocation points as the batch has, on [t_min, end] x [-3.5, 3.5].
[[nodiscard]] ScoreRecipe line_recipe(const sde::GaussianMixture& data, double g, double t_min, double end, const LearnedOptions& options);

/// The plane: the net of the authors' code, (t, x, y) -> 3 x 80 softplus, with beta = 10 for a batch of 2,000 instead of 100 for one of 200,000, and the baseline;
/// Adam (the authors: 1e-3), its rate x 0.1 from 25 %, x 0.01 from 90 %.
[[nodiscard]] ScoreRecipe plane_recipe(const std::string& law, std::function<void(Stream&, std::span<double>)> draw, double g, double t_min, double end, const LearnedOptions& options);

/// The score of a model, learned: `line_recipe` or `plane_recipe` on [max(t_min, 1e-5), T], trained when it is first asked for (or read from its artefact),
/// the same for every level of a study. @throws ParameterError  what cannot be learned; the function throws NumericalBreakdown where training diverges
[[nodiscard]] std::function<std::shared_ptr<const generative::Field>(Context&)> learned_score(const generative::ScoreModel& model, const LearnedOptions& options, const std::string& owner);

}  // namespace meso::systems::score_fokker_planck
