#include "systems/neural/rnn-covariance/rnn_covariance.h"

#include "base/error.h"

namespace meso::systems::rnn_covariance {
namespace {

const Schema<Params>& schema() {
  static const Schema<Params> fields{
      {"time", &Params::time, {.unit = "", .doc = "x(t+1) = J phi(x(t)) + sigma z, or dx = (-x + J phi(x)) dt + sqrt(2) sigma dW", .allowed = {"continuous", "discrete"}}},
      {"gain", &Params::gain, {.unit = "", .doc = "phi: tanh, erf, linear, clipped, sine, threshold-linear, or a formula in x"}},
      {"g", &Params::g, {.doc = "strength of the couplings, variance g^2/N an entry", .min = 0, .max = 100}},
      {"sigma", &Params::sigma, {.doc = "strength of the independent drive: variance sigma^2 a step, or sigma^2 of an uncoupled unit in continuous time", .min = 0, .max = 100}},
      {"N", &Params::N, {.unit = "units", .doc = "size of the network", .min = 2, .max = 20000}},
      {"realisation", &Params::realisation, {.doc = "number of the coupling matrix: the same number, N and law give the same J, whatever the seed", .min = 0, .max = 1000000000}},
      {"couplings", &Params::couplings, {.unit = "", .doc = "law of the entries: Gaussian, +-g/sqrt(N), or sparse Gaussian", .allowed = {"gaussian", "signs", "sparse"}}},
      {"symmetry", &Params::symmetry, {.doc = "Gaussian couplings: correlation of J_ij with J_ji", .min = -1, .max = 1}},
      {"connectivity", &Params::connectivity, {.doc = "sparse couplings: fraction of entries that are not zero", .min = 0, .max = 1, .min_excluded = true}},
      {"self", &Params::self, {.unit = "", .doc = "couplings of units to themselves are drawn too; false: zero"}},
      {"start", &Params::start, {.doc = "standard deviation of x at the start", .min = 0, .max = 1e6}},
      {"dt", &Params::dt, {.unit = "tau", .doc = "step of continuous time, in membrane time constants", .min = 0, .max = 0.25, .min_excluded = true}},
  };
  return fields;
}

}  // namespace

neuron::RateNetwork problem(const Params& p) {
  neuron::RateNetwork out;
  out.model = {.gain = neuron::Gain(p.gain), .clock = p.time == "discrete" ? neuron::Clock::discrete : neuron::Clock::continuous, .g = p.g, .sigma = p.sigma};
  out.n = static_cast<std::size_t>(p.N);
  using Kind = neuron::CouplingLaw::Kind;
  out.law = {.kind = p.couplings == "signs" ? Kind::signs : p.couplings == "sparse" ? Kind::sparse : Kind::gaussian, .g = p.g, .connectivity = p.connectivity, .symmetry = p.symmetry, .self = p.self};
  out.realisation = static_cast<std::uint64_t>(p.realisation);
  out.dt = p.dt;
  out.start = p.start;
  return out;
}

System system() {
  return Define<Params>("rnn-covariance", "Random recurrent network: covariance matrix from a linear equivalent", "neural", schema())
      .paper("rnn-covariance", "Linear equivalence of nonlinear recurrent neural networks", "2026-04")
      .doc("A large network of rate units with independent random couplings is chaotic above a critical gain. Dynamical mean-field theory gives the statistics of single units; "
           "the N x N covariance matrix of one given network is more. It is, entry by entry, that of a linear network with the same couplings, driven by independent noise, "
           "with the transfer function and the noise spectrum of mean-field theory. The simulation checks the matrix and the dimension of activity that it predicts.")
      .time_unit("tau")
      .check([](const Params& p) {
        try {
          neuron::check(problem(p), "system 'rnn-covariance'");
        } catch (const ModelError& error) {
          throw ParameterError(std::string("system 'rnn-covariance': parameter 'gain': ") + error.what());
        }
      })
      .levels([](const Params& p) { return neuron::ladder(problem(p)); })
      .extend([](const Params& p, Case& bound) {
        bound.observables = neuron::observables(problem(p));
        bound.notes = neuron::notes(problem(p));
      });
}

}  // namespace meso::systems::rnn_covariance
