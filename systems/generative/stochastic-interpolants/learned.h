// How velocities and denoisers are learned here: nets, losses and schedule of the card, as values.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "kits/generative/bridge_levels.h"
#include "kits/generative/mixture_path.h"
#include "kits/torch/training.h"

namespace meso::systems::stochastic_interpolants {

struct LearnedOptions {
  std::size_t steps = 5000, batch = 1024, width = 64, layers = 3;
  double rate = 2e-2, last_rate = 2e-5;
  bool antithetic = true;
  double cut = 1e-4;              ///< times go from `cut` to 1 - `cut`
  double state_scale = 3;
};

struct BridgeRecipe {
  learned::NetShape shape;
  learned::BridgeLoss loss;
  learned::Schedule schedule;
  [[nodiscard]] learned::Trained train(const learned::Workplace& workplace) const { return learned::train(shape, loss, schedule, workplace); }
};
/// (2t - 1, x/3) -> 3 x 64 SiLU; Adam 2e-2 down to 2e-5 by a cosine.
[[nodiscard]] BridgeRecipe recipe(std::shared_ptr<const generative::MixturePath> path, learned::BridgeLoss::Target target, const LearnedOptions& options);

/// The same for any bridge that can be drawn. @param law  names its ends in the artefact's key
[[nodiscard]] BridgeRecipe recipe(const generative::Bridge& bridge, const std::string& law, learned::BridgeLoss::Target target, const LearnedOptions& options);

/// Velocity and, by a denoiser, score of a bridge, learned: two nets, trained when they are first asked for (or read from their artefacts), the same for
/// every level of a study. @throws ParameterError  what cannot be learned; the function throws NumericalBreakdown where training diverges
[[nodiscard]] std::function<generative::LearnedFields(Context&)> learned_fields(const generative::Bridge& bridge, const std::string& law, const LearnedOptions& options, const std::string& owner);

}  // namespace meso::systems::stochastic_interpolants
