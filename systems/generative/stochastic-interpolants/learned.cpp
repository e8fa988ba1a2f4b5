#include "systems/generative/stochastic-interpolants/learned.h"

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"

namespace meso::systems::stochastic_interpolants {

using namespace learned;

namespace {

BridgeRecipe recipe(std::size_t d, BridgeLoss loss, const LearnedOptions& options) {
  BridgeRecipe r;
  r.shape.dimension = r.shape.outputs = d;
  r.shape.time = {TimeFeature::centred};
  r.shape.state_scale = options.state_scale;
  r.shape.widths.assign(options.layers, options.width);
  r.shape.activation = Activation::silu;
  r.loss = std::move(loss);
  r.loss.t_min = options.cut;
  r.loss.t_max = 1 - options.cut;
  r.loss.batch = options.batch;
  r.loss.antithetic = options.antithetic;
  r.schedule = {.steps = options.steps, .rate = options.rate, .cosine_to = options.last_rate};
  return r;
}

}  // namespace

BridgeRecipe recipe(std::shared_ptr<const generative::MixturePath> path, BridgeLoss::Target target, const LearnedOptions& options) {
  const std::size_t d = path->dimension();
  return recipe(d, bridge_loss(std::move(path), target), options);
}

BridgeRecipe recipe(const generative::Bridge& bridge, const std::string& law, BridgeLoss::Target target, const LearnedOptions& options) {
  if (bridge.path) return recipe(bridge.path, target, options);
  BridgeLoss loss;
  loss.target = target;
  loss.law = fmt::format("{} by {}", law, bridge.interpolant.spec().text());
  loss.draw = [draw = bridge.draw](Stream& rng, std::span<double> x0, std::span<double> x1, std::span<double> z) { draw(0, rng, x0, x1, z); };
  loss.coefficients = [interpolant = bridge.interpolant](double t) { return interpolant.at(t); };
  loss.one_sided = bridge.interpolant.one_sided();
  return recipe(bridge.d, std::move(loss), options);
}

std::function<generative::LearnedFields(Context&)> learned_fields(const generative::Bridge& bridge, const std::string& law, const LearnedOptions& options, const std::string& owner) {
  const generative::Interpolant interpolant = bridge.interpolant;
  if (!(options.cut > 0)) throw ParameterError(fmt::format("{}: fields = learned and t_cut = 0; a learned score is -eta/gamma, singular at t = 0 and t = 1. Set t_cut, for example to 0.001: the dynamics then run on [0.001, 0.999]", owner));
  if (!(interpolant.at(0.5).gamma > 0) && !interpolant.one_sided()) throw ParameterError(fmt::format("{}: fields = learned with latent = none; there is no z to predict, and so no score by a denoiser: it needs a latent", owner));
  const BridgeRecipe velocity = recipe(bridge, law, BridgeLoss::Target::velocity, options), denoiser = recipe(bridge, law, BridgeLoss::Target::denoiser, options);
  for (const BridgeRecipe* r : {&velocity, &denoiser}) {
    r->shape.validate(owner);
    r->loss.validate(r->shape, owner);
    r->schedule.validate(owner);
  }
  return [=](Context& context) {
    const auto net = [&](const BridgeRecipe& r, const char* what) {
      Workplace place = workplace_of(context);
      place.purpose = fmt::format("stochastic-interpolants/learned/{}", what);  // not the level's: all levels judge the same nets
      const Trained trained = r.train(place);
      if (trained.diverged) throw NumericalBreakdown(fmt::format("{}: {}", what, trained.divergence_text()));
      return std::make_shared<const NetField>(trained.net);
    };
    const auto b = net(velocity, "velocity");
    return generative::LearnedFields{b, std::make_shared<generative::DenoiserScore>(net(denoiser, "denoiser"), interpolant)};
  };
}

}  // namespace meso::systems::stochastic_interpolants
