#include "learned.h"

namespace meso::systems::stochastic_interpolants {

using namespace learned;

BridgeRecipe recipe(std::shared_ptr<const generative::MixturePath> path, BridgeLoss::Target target, const LearnedOptions& options) {
  BridgeRecipe r;
  r.shape.dimension = r.shape.outputs = path->dimension();
  r.shape.time = {TimeFeature::centred};
  r.shape.state_scale = options.state_scale;
  r.shape.widths.assign(options.layers, options.width);
  r.shape.activation = Activation::silu;
  r.loss = bridge_loss(std::move(path), target);
  r.loss.t_min = options.cut;
  r.loss.t_max = 1 - options.cut;
  r.loss.batch = options.batch;
  r.loss.antithetic = options.antithetic;
  r.schedule = {.steps = options.steps, .rate = options.rate, .cosine_to = options.last_rate};
  return r;
}

}  // namespace meso::systems::stochastic_interpolants
