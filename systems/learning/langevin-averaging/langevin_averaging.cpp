#include "systems/learning/langevin-averaging/langevin_averaging.h"

namespace meso::systems::langevin_averaging {
namespace {

const Schema<Params>& schema() {
  static const Schema<Params> fields{
      {"model", &Params::model, {.unit = "", .doc = "where the direction is hidden: a spiked tensor, or n samples of a single-index model", .allowed = {"tensor", "single-index"}}},
      {"k", &Params::k, {.doc = "order of the tensor, or information exponent of the link He_k/sqrt(k!)", .min = 2, .max = 8}},
      {"d", &Params::d, {.doc = "dimension of the direction", .min = 3, .max = 1000}},
      {"n", &Params::n, {.doc = "signal strength of the tensor (noise n^(-1/2) an entry), or number of samples", .min = 1, .max = 1e9}},
      {"c", &Params::c, {.doc = "inverse temperature beta = c sqrt(n)", .min = 0, .max = 100, .min_excluded = true}},
      {"noise_scale", &Params::noise_scale, {.doc = "tensor: standard deviation of the noise entries before n^(-1/2); 0 is the landscape without noise (n -> infinity at fixed beta)", .min = 0, .max = 1e6}},
      {"label_noise", &Params::label_noise, {.doc = "single index: standard deviation of the noise of the labels", .min = 0, .max = 1e6}},
      {"dt", &Params::dt, {.unit = "time", .doc = "time step, dt (d - 1) at most 0.3; 0: a quarter of the fastest time scale", .min = 0, .max = 1}},
      {"scheme", &Params::scheme, {.unit = "", .doc = "step on the sphere: geodesic (weak order 2) or projected (weak order 1)", .allowed = {"geodesic", "projected"}}},
  };
  return fields;
}

}  // namespace

learning::SphereEstimation problem(const Params& p) {
  return {.model = p.model == "tensor" ? learning::SphereEstimation::Model::tensor : learning::SphereEstimation::Model::single_index,
          .k = static_cast<std::size_t>(p.k),
          .d = static_cast<std::size_t>(p.d),
          .n = static_cast<std::size_t>(p.n),
          .c = p.c,
          .noise_scale = p.noise_scale,
          .label_noise = p.label_noise,
          .dt = p.dt,
          .scheme = p.scheme == "geodesic" ? learning::SphereScheme::geodesic : learning::SphereScheme::projected};
}

System system() {
  return Define<Params>("langevin-averaging", "Langevin dynamics with iterate averaging (tensor PCA, single-index models)", "learning", schema())
      .paper("langevin-averaging", "Improved high-dimensional estimation with Langevin dynamics and stochastic weight averaging", "2026-03-06")
      .doc("A hidden direction on a sphere in d dimensions is to be found from a noisy tensor of order k or from n samples of a single-index model. A Langevin iterate that is "
           "warm enough to forget its start never points to the hidden direction, and yet its average over time does, at n of order d^ceil(k/2) samples where the iterate "
           "itself would need d^(k-1): noise and averaging smooth the landscape. At high temperature the average is a partial trace of the tensor.")
      .time_unit("time")
      .check([](const Params& p) { learning::check(problem(p), "system 'langevin-averaging'"); })
      .levels([](const Params& p) { return learning::ladder(problem(p)); })
      .extend([](const Params& p, Case& bound) { bound.observables = learning::observables(problem(p)); });
}

}  // namespace meso::systems::langevin_averaging
