#include "systems/generative/stochastic-interpolants/stochastic_interpolants.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/text.h"
#include "kits/generative/card_laws.h"
#include "kits/generative/checkerboard.h"
#include "systems/generative/stochastic-interpolants/learned.h"

namespace meso::systems::stochastic_interpolants {
namespace {

using namespace meso::generative;
using Laws = std::vector<double>;

constexpr const char* name = "stochastic-interpolants";
constexpr const char* owner = "system 'stochastic-interpolants'";

const Schema<Params>& schema() {
  static const Schema<Params> fields{
      {"laws", &Params::laws,
       {.unit = "", .doc = "the two ends. card: modes at +-3 (variance 1/4) to modes at -6, 0, 6 (0.5, 0.33, 0.5); gaussians: N(0, var0) to N(mean1, var1); random: mixtures of modes0 and modes1 random Gaussians in d dimensions; checkerboard: "
                           "N(0, I) to eight squares of the plane; own: by the lists",
        .allowed = {"card", "gaussians", "random", "checkerboard", "own"}}},
      {"start", &Params::start, {.unit = "", .doc = "rho_0 as laws says, or N(0, I) in its place (one-sided paths need that)", .allowed = {"as-laws", "normal"}}},
      {"d", &Params::d, {.doc = "dimension of laws = random and own", .min = 1, .max = 32}},
      {"modes0", &Params::modes0, {.doc = "components of rho_0, laws = random", .min = 1, .max = 16}},
      {"modes1", &Params::modes1, {.doc = "components of rho_1, laws = random", .min = 1, .max = 16}},
      {"law_seed", &Params::law_seed, {.doc = "which random mixtures; not the seed of the study", .min = 0, .max = 1e9}},
      {"var0", &Params::var0, {.doc = "variance of rho_0, laws = gaussians", .min = 0, .max = 1e6, .min_excluded = true}},
      {"var1", &Params::var1, {.doc = "variance of rho_1, laws = gaussians", .min = 0, .max = 1e6, .min_excluded = true}},
      {"mean1", &Params::mean1, {.doc = "mean of rho_1, laws = gaussians", .min = -1e6, .max = 1e6}},
      {"coupling", &Params::coupling, {.doc = "Cov(x0, x1), laws = gaussians; 0: independent", .min = -1e6, .max = 1e6}},
      {"weights0", &Params::weights0, {.doc = "laws = own: weights of rho_0, summing to 1"}},
      {"means0", &Params::means0, {.doc = "laws = own: means of rho_0, d numbers a component"}},
      {"covariances0", &Params::covariances0, {.doc = "laws = own: covariances of rho_0, one variance a component (isotropic) or d x d numbers each"}},
      {"weights1", &Params::weights1, {.doc = "laws = own: weights of rho_1, summing to 1"}},
      {"means1", &Params::means1, {.doc = "laws = own: means of rho_1, d numbers a component"}},
      {"covariances1", &Params::covariances1, {.doc = "laws = own: covariances of rho_1, one variance a component (isotropic) or d x d numbers each"}},
      {"path", &Params::path, {.unit = "", .doc = "alpha and beta of x_t = alpha x0 + beta x1 + gamma z", .allowed = Interpolant::paths()}},
      {"latent", &Params::latent, {.unit = "", .doc = "gamma: none 0, brownian sqrt(a t (1 - t)), quadratic t (1 - t), sine-squared sin^2(pi t), sigmoid a smooth bump, own", .allowed = Interpolant::latents()}},
      {"latent_scale", &Params::latent_scale, {.doc = "a of gamma = sqrt(a t (1 - t)), latent = brownian; 2 epsilon for the Schrödinger bridge", .min = 0, .max = 1e4, .min_excluded = true}},
      {"alpha", &Params::alpha, {.unit = "", .doc = "path = own: formula of t"}},
      {"beta", &Params::beta, {.unit = "", .doc = "path = own: formula of t"}},
      {"gamma_squared", &Params::gamma_squared, {.unit = "", .doc = "latent = own: gamma^2 as a formula of t"}},
      {"epsilon", &Params::epsilon, {.doc = "noise of the stochastic samplers: sqrt(2 epsilon) dW", .min = 0, .max = 1e4}},
      {"velocity_error", &Params::velocity_error, {.doc = "error c of the velocity, added to every component: the dynamic levels use b + c", .min = -1e3, .max = 1e3}},
      {"score_error", &Params::score_error, {.doc = "error d of the score, added to every component: s + d", .min = -1e3, .max = 1e3}},
      {"t_cut", &Params::t_cut, {.doc = "the dynamics run on [t_cut, 1 - t_cut]; needed where a score is singular at an end, as one learned by its denoiser is", .min = 0, .max = 0.25}},
      {"fields", &Params::fields, {.unit = "", .doc = "what the dynamic levels move by: exact b and s, or nets that learned b and the denoiser eta (s = -eta/gamma) from draws of the bridge; needs t_cut", .allowed = {"exact", "learned"}}},
      {"training", &Params::training, {.doc = "learned fields: Adam steps of each net", .min = 1, .max = 1e7}},
      {"batch", &Params::batch, {.doc = "learned fields: draws of a minibatch, each used with z and with -z", .min = 1, .max = 1e6}},
      {"width", &Params::width, {.doc = "learned fields: units of a hidden layer", .min = 1, .max = 4096}},
      {"layers", &Params::layers, {.doc = "learned fields: hidden layers (SiLU)", .min = 1, .max = 16}},
      {"rate", &Params::rate, {.doc = "learned fields: learning rate of Adam at the start; by a cosine down to a thousandth", .min = 0, .min_excluded = true}},
  };
  return fields;
}

/// A mixture of the lists, with messages that say which end.
sde::GaussianMixture own(const Laws& weights, const Laws& means, const Laws& covariances, std::size_t d, const char* end) {
  const std::size_t k = weights.size();
  if (k == 0) throw ParameterError(fmt::format("{}: laws = \"own\" and weights{} is empty; give weights{}, means{} and covariances{}", owner, end, end, end, end));
  if (means.size() != k * d) throw ParameterError(fmt::format("{}: means{} has {} numbers; {} components in d = {} need {}", owner, end, means.size(), k, d, k * d));
  if (covariances.size() != k && covariances.size() != k * d * d)
    throw ParameterError(fmt::format("{}: covariances{} has {} numbers; {} components need {} (one variance each) or {} (d x d each)", owner, end, covariances.size(), k, k, k * d * d));
  Laws full = covariances;
  if (covariances.size() != k * d * d) {
    full.assign(k * d * d, 0.0);
    for (std::size_t i = 0; i < k; ++i)
      for (std::size_t q = 0; q < d; ++q) full[i * d * d + q * (d + 1)] = covariances[i];
  }
  try {
    return sde::GaussianMixture(weights, means, full);
  } catch (const ModelError& error) {
    throw ParameterError(fmt::format("{}: rho_{}: {}", owner, end, error.what()));
  }
}

void check(const Params& p) {
  if (p.laws != "own" && !(p.weights0.empty() && p.means0.empty() && p.covariances0.empty() && p.weights1.empty() && p.means1.empty() && p.covariances1.empty()))
    throw ParameterError(fmt::format("{}: lists of a mixture are given and laws = \"{}\"; leave them out or set laws = \"own\"", owner, p.laws));
  if (p.laws == "checkerboard" && p.t_cut == 0)
    throw ParameterError(fmt::format("{}: laws = \"checkerboard\" has edges, its score no value at t = 1, and t_cut = 0; set t_cut, for example to 1e-3", owner));
}

Interpolant interpolant(const Params& p) {
  return Interpolant({.path = p.path, .latent = p.latent, .latent_scale = p.latent_scale, .alpha = p.alpha, .beta = p.beta, .gamma_squared = p.gamma_squared}, owner);
}

}  // namespace

std::shared_ptr<const MixturePath> mixture_path(const Params& p) {
  check(p);
  if (p.laws == "checkerboard") return nullptr;
  const auto d = static_cast<std::size_t>(p.d);
  const auto seed = static_cast<std::uint64_t>(p.law_seed);
  const auto end = [&] {
    if (p.laws == "card") return three_modes();
    if (p.laws == "gaussians") return sde::GaussianMixture({1}, {p.mean1}, {p.var1});
    if (p.laws == "random") return random_mixture(d, static_cast<std::size_t>(p.modes1), 2 * seed + 1);
    return own(p.weights1, p.means1, p.covariances1, d, "1");
  }();
  const auto start = [&] {
    if (p.start == "normal") return standard_normal(end.dimension());
    if (p.laws == "card") return two_modes();
    if (p.laws == "gaussians") return sde::GaussianMixture({1}, {0}, {p.var0});
    if (p.laws == "random") return random_mixture(d, static_cast<std::size_t>(p.modes0), 2 * seed);
    return own(p.weights0, p.means0, p.covariances0, d, "0");
  }();
  return std::make_shared<const MixturePath>(start, end, interpolant(p), p.coupling, owner);
}

Bridge bridge(const Params& p) {
  Bridge out;
  if (const auto path = mixture_path(p)) {
    out = bridge_of(path, name);
  } else {
    const auto law = std::make_shared<const Checkerboard>(interpolant(p), owner);
    out.d = 2;
    out.name = name;
    out.interpolant = law->interpolant();
    out.velocity = std::make_shared<CheckerboardField>(law, CheckerboardField::What::velocity);
    out.score = std::make_shared<CheckerboardField>(law, CheckerboardField::What::score);
    out.draw = [](double, Stream& stream, std::span<double> x0, std::span<double> x1, std::span<double> z) {
      Checkerboard::sample_target(stream, x1);
      for (double& v : x0) v = stream.normal();
      for (double& v : z) v = stream.normal();
    };
    out.mean = [](double, std::size_t) { return 0.0; };
    out.variance = [law](double t, std::size_t) {
      const Coefficients c = law->interpolant().at(t);
      return c.alpha * c.alpha + c.beta * c.beta * Checkerboard::variance() + c.gamma * c.gamma;
    };
    out.low = {-5, -5};
    out.high = {5, 5};
    out.score_singular = true;
  }
  out.epsilon = p.epsilon;
  out.velocity_error = p.velocity_error;
  out.score_error = p.score_error;
  out.t_cut = p.t_cut;
  if (p.fields == "learned")
    out.learn = learned_fields(out, p.laws,
                               {.steps = static_cast<std::size_t>(p.training), .batch = static_cast<std::size_t>(p.batch), .width = static_cast<std::size_t>(p.width), .layers = static_cast<std::size_t>(p.layers),
                                .rate = p.rate, .last_rate = 1e-3 * p.rate, .cut = std::min(1e-4, p.t_cut)}, owner);
  return out;
}

System system() {
  return Define<Params>(name, "Stochastic interpolants: flows and diffusions from one bridge", "generative", schema())
      .paper("stochastic-interpolants", "Stochastic Interpolants: A Unifying Framework for Flows and Diffusions", "2023-03-15")
      .doc("x_t = alpha(t) x0 + beta(t) x1 + gamma(t) z bridges any two laws in the time from 0 to 1. Its density obeys a transport equation with velocity b and, for every noise epsilon, a forward and a backward Fokker-Planck "
           "equation with drift b +- epsilon s, s the score: one pair of fields gives an ordinary and a family of stochastic samplers. Between Gaussian mixtures both fields are closed, so that every level can be held against the exact law; "
           "errors of the fields tell the samplers apart: noise bounds what an error can do, a flow does not.")
      .check([](const Params& p) { (void)bridge(p); })
      .levels([](const Params& p) { return bridge_ladder(bridge(p)); })
      .extend([](const Params& p, Case& bound) {
        bound.observables = observables_of(bridge(p));
        if (p.t_cut > 0) bound.notes.push_back(fmt::format("time cut: the dynamics run on [{}, {}]", brief(p.t_cut), brief(1 - p.t_cut, 6)));
      });
}

}  // namespace meso::systems::stochastic_interpolants
