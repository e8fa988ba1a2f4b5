#include "systems/generative/score-fokker-planck/learned.h"

#include <algorithm>

#include "base/error.h"
#include "kits/torch/net_potential.h"

namespace meso::systems::score_fokker_planck {

using namespace learned;

ScoreRecipe line_recipe(const sde::GaussianMixture& data, double g, double t_min, double end, const LearnedOptions& options) {
  ScoreRecipe recipe;
  recipe.shape.time = {TimeFeature::t, TimeFeature::decay};
  recipe.shape.widths.assign(options.layers, options.width);
  recipe.shape.activation = options.activation == "automatic" ? Activation::tanh : activation_of(options.activation, "a learned score");
  recipe.shape.baseline = options.baseline ? 1 / (g * g) : 0;
  recipe.loss.law = law_text(data);
  recipe.loss.draw = [data](Stream& rng, std::span<double> x) { data.sample(rng, x); };
  recipe.loss.g = g;
  recipe.loss.t_min = t_min;
  recipe.loss.t_max = end;
  recipe.loss.weighted = options.weighted;
  recipe.loss.batch = recipe.loss.collocation = options.batch;
  recipe.loss.residual_weight = options.residual_weight;
  recipe.schedule = {.steps = options.steps, .rate = options.rate, .drops = {{0.6, 0.2}, {0.9, 0.04}}};
  return recipe;
}

ScoreRecipe plane_recipe(const std::string& law, std::function<void(Stream&, std::span<double>)> draw, double g, double t_min, double end, const LearnedOptions& options) {
  ScoreRecipe recipe;
  recipe.shape.dimension = 2;
  recipe.shape.time = {TimeFeature::t};
  recipe.shape.widths.assign(options.layers, options.width);
  recipe.shape.activation = options.activation == "automatic" ? Activation::softplus : activation_of(options.activation, "a learned score");
  recipe.shape.beta = recipe.shape.activation == Activation::softplus ? 10 : 1;
  recipe.shape.baseline = options.baseline ? 1 / (g * g) : 0;
  recipe.loss.law = law;
  recipe.loss.draw = std::move(draw);
  recipe.loss.g = g;
  recipe.loss.t_min = t_min;
  recipe.loss.t_max = end;
  recipe.loss.weighted = options.weighted;
  recipe.loss.batch = recipe.loss.collocation = options.batch;
  recipe.loss.residual_weight = options.residual_weight;
  recipe.schedule = {.steps = options.steps, .rate = options.rate, .drops = {{0.25, 0.1}, {0.9, 0.01}}};
  return recipe;
}

std::function<std::shared_ptr<const generative::Field>(Context&)> learned_score(const generative::ScoreModel& model, const LearnedOptions& options, const std::string& owner) {
  const double first = std::max(model.t_min, 1e-5), g = model.process.noise;
  ScoreRecipe recipe;
  if (model.dimension() == 1 && model.data.mixture) {
    recipe = line_recipe(*model.data.mixture, g, first, model.end, options);
  } else {
    const std::string law = model.data.mixture ? law_text(*model.data.mixture) : model.data.name;
    recipe = plane_recipe(law, [draw = model.data.draw](Stream& rng, std::span<double> x) {
      FastStream fast = rng.fast();
      draw(fast, x);
    }, g, first, model.end, options);
  }
  recipe.shape.validate(owner);
  recipe.loss.validate(recipe.shape, owner);
  recipe.schedule.validate(owner);
  return [recipe](Context& context) {
    Workplace place = workplace_of(context);
    place.purpose = "score-fokker-planck/learned";  // not the level's: all levels judge one net
    const Trained trained = recipe.train(place);
    if (trained.diverged) throw NumericalBreakdown(trained.divergence_text());
    return std::make_shared<const NetPotential>(trained.net);
  };
}

}  // namespace meso::systems::score_fokker_planck
