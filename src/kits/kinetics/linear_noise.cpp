#include "kits/kinetics/linear_noise.h"

#include <cmath>
#include <memory>

#include "base/error.h"
#include "base/text.h"
#include "kits/kinetics/correlations.h"
#include "kits/kinetics/equations.h"
#include "kits/kinetics/moment_level.h"

namespace meso::kinetics {

MomentEquations linear_noise_equations(const ReducedNetwork& macroscopic) {
  const std::size_t n = macroscopic.size();
  MomentEquations result{MultiIndexSet(n, 2), 2, {}, LawTable(macroscopic.species), macroscopic.volume};
  const MultiIndexSet& set = result.set;
  result.equations.resize(set.size());
  for (const auto& channel : macroscopic.channels) {
    std::size_t law = 0;
    const Polynomial rate = rate_at_mean(channel, result.laws, &law);
    // Row of A that this channel drives: d rate / d mean_k.
    std::vector<Polynomial> slope(n);
    for (std::size_t k = 0; k < n; ++k)
      slope[k] = channel.law ? Polynomial::variable(result.laws.symbol(law, raised(MultiIndex(n, 0), k))) : rate.derivative(static_cast<std::uint32_t>(k));
    const auto drift_covariance = [&](std::size_t j) {  // sum_k slope_k C_kj
      Polynomial sum;
      for (std::size_t k = 0; k < n; ++k) {
        MultiIndex kj(n, 0);
        ++kj[k];
        ++kj[j];
        sum.add(slope[k] * Polynomial::variable(static_cast<std::uint32_t>(set.find(kj))));
      }
      return sum;
    };
    for (std::size_t i = 0; i < n; ++i) {
      result.equations[i].add(rate, channel.mean_change(i));
      for (std::size_t j = i; j < n; ++j) {
        MultiIndex ij(n, 0);
        ++ij[i];
        ++ij[j];
        Polynomial& row = result.equations[set.find(ij)];
        row.add(drift_covariance(j), channel.mean_change(i));
        row.add(drift_covariance(i), channel.mean_change(j));
        row.add(rate, change_moment(channel, ij, MultiIndex(n, 0)));
      }
    }
  }
  return result;
}

namespace {

const Network& checked(const Network& network) {
  if (!(network.volume > 0)) throw ParameterError("linear noise: the volume must be positive, not " + exact(network.volume));
  return network;
}

}  // namespace

LinearNoise::LinearNoise(const Network& network) : reduced_(reduce(checked(network), Convention::macroscopic)), flow_(linear_noise_equations(reduced_)) {}

MomentPath LinearNoise::solve(std::span<const double> phi0, std::span<const double> times, double tol) const {
  const std::size_t all = reduced_.all_species.size(), n = flow_.size(), species = flow_.species();
  if (phi0.size() != all) throw Error("linear noise: " + std::to_string(all) + " initial concentrations are needed, not " + std::to_string(phi0.size()));
  std::vector<double> z0(n, 0.0);
  for (std::size_t s = 0; s < species; ++s) z0[s] = phi0[reduced_.position[s]];
  const BoundedOdeSolution s = integrate_with_bound(flow_.problem(), z0, 0, times, {.relative = tol, .absolute = {1e-2 * tol}, .divergence = std::vector<double>(n, 1e200)});
  if (s.solution.status != OdeStatus::done)
    throw NumericalBreakdown("linear noise: " + std::string(to_text(s.solution.status)) + " at t = " + brief(s.solution.t));
  MomentPath path{times.size(), all, {}, {}, {}, {}};
  const double volume = flow_.volume();
  for (std::size_t i = 0; i < times.size(); ++i) {
    const double* z = &s.solution.path[i * n];
    const double* b = &s.bound[i * n];
    for (std::size_t a = 0; a < all; ++a) {
      double mean = reduced_.offset[a] / volume, bound = 0;
      for (std::size_t k = 0; k < species; ++k) {
        mean += reduced_.map[a * species + k] * z[k];
        bound += std::abs(reduced_.map[a * species + k]) * b[k];
      }
      path.mean.push_back(mean);
      path.mean_bound.push_back(bound);
    }
    for (std::size_t a = 0; a < all; ++a) {
      for (std::size_t c = 0; c < all; ++c) {
        double covariance = 0, bound = 0;
        for (std::size_t k = 0; k < species; ++k) {
          for (std::size_t l = 0; l < species; ++l) {
            MultiIndex kl(species, 0);
            ++kl[k];
            ++kl[l];
            const std::size_t p = flow_.set().find(kl);
            const double weight = reduced_.map[a * species + k] * reduced_.map[c * species + l] / volume;  // z is Cov / volume, in molecules
            covariance += weight * z[p];
            bound += std::abs(weight) * b[p];
          }
        }
        path.covariance.push_back(covariance);
        path.covariance_bound.push_back(bound);
      }
    }
  }
  return path;
}

Level linear_noise_level(SharedNetwork network) {
  Level level;
  level.info = {.name = "lna",
                .rung = Rung::moments,
                .doc = "linear noise: the rate equation's mean and the covariance of Gaussian fluctuations about it",
                .parent = "fsp",
                .approximation = "linearised around the rate equation",
                .small_parameter = "1/volume",
                .expected_order = 1,
                .source = "van Kampen, Stochastic Processes in Physics and Chemistry, 3rd ed., ch. X"};
  const ReducedLater reduced(network, Convention::macroscopic);
  level.run = [network, reduced](const Ask& ask, Context& context) {
    if (reduced->size() == 0) return constant_answer(*network, ask);
    const Flow flow(linear_noise_equations(*reduced));
    const MomentModel model{*network, *reduced, flow, "lna", false};
    Answer answer = answer_by_moments(model, ask, context);
    add_correlations(model, ask, context, answer);
    return answer;
  };
  level.plan = [reduced](const Ask&) { return std::vector<std::string>{"equations " + std::to_string(static_cast<int>(MultiIndexSet::count(reduced->size(), 2)))}; };
  level.equations = [reduced](const Table&, bool latex) { return linear_noise_text(*reduced, latex); };
  return level;
}

}  // namespace meso::kinetics
