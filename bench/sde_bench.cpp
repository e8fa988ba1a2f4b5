// Drift-diffusion: exact drifts of Gaussian mixtures per second and core (target 1e7 for six components in one dimension), against a
// plain loop over the C library's exp; steps of a formula's trajectory.
#include <benchmark/benchmark.h>

#include <cmath>
#include <vector>

#include "kits/sde/mixture.h"
#include "kits/sde/scheme.h"

namespace {

using namespace meso;
using namespace meso::sde;

GaussianMixture six() {
  return GaussianMixture::isotropic({0.1, 0.2, 0.15, 0.25, 0.2, 0.1}, {-4, -2.5, -0.5, 1, 2, 4.5}, std::vector<double>{0.5, 0.3, 0.6, 0.4, 0.3, 0.7});
}

std::vector<double> points() {
  std::vector<double> x;
  Stream s(1, 0, "bench");
  for (int i = 0; i < 4096; ++i) x.push_back(3 * s.normal());
  return x;
}

void report(benchmark::State& state, std::span<const double> out, const char* what, std::size_t n) {
  double sum = 0;
  for (const double v : out) sum += std::abs(v);
  if (!(sum > 0)) state.SkipWithError("no drift was computed");
  state.counters[what] = benchmark::Counter(static_cast<double>(n) * static_cast<double>(state.iterations()), benchmark::Counter::kIsRate);
}

void BM_SixComponentDrift(benchmark::State& state) {
  const MixtureScore1d score(six());
  const std::vector<double> x = points();
  std::vector<double> out(x.size());
  for (auto _ : state) {
    score(x, out);
    benchmark::ClobberMemory();
  }
  report(state, out, "drifts/s", x.size());
}
BENCHMARK(BM_SixComponentDrift);

// The peer: the same sums with std::exp, one point after the other.
void BM_SixComponentDriftPlain(benchmark::State& state) {
  const GaussianMixture m = six();
  const std::vector<double> x = points(), &w = m.weights(), &mu = m.component_means(), &c = m.component_covariances();
  std::vector<double> out(x.size());
  for (auto _ : state) {
    for (std::size_t i = 0; i < x.size(); ++i) {
      double sum = 0, weighted = 0;
      for (std::size_t k = 0; k < 6; ++k) {
        const double d = x[i] - mu[k], r = w[k] / std::sqrt(c[k]) * std::exp(-0.5 * d * d / c[k]);
        sum += r;
        weighted -= r * d / c[k];
      }
      out[i] = weighted / sum;
    }
    benchmark::ClobberMemory();
  }
  report(state, out, "drifts/s", x.size());
}
BENCHMARK(BM_SixComponentDriftPlain);

void BM_MixtureScoreAnyDimension(benchmark::State& state) {
  const auto d = static_cast<std::size_t>(state.range(0));
  std::vector<double> means;
  for (std::size_t i = 0; i < 6 * d; ++i) means.push_back(std::sin(static_cast<double>(i)));
  const GaussianMixture m = GaussianMixture::isotropic(six().weights(), means, std::vector<double>{0.5, 0.3, 0.6, 0.4, 0.3, 0.7});
  std::vector<double> x(d, 0.3), out(d);
  for (auto _ : state) benchmark::DoNotOptimize(m.score(x, out));
  report(state, out, "scores/s", 1);
}
BENCHMARK(BM_MixtureScoreAnyDimension)->Arg(1)->Arg(2)->Arg(8)->Arg(32);

void BM_DoubleWellSteps(benchmark::State& state) {
  SdeSpec spec;
  spec.variables = {"x"};
  spec.drift["x"] = "x - x^3";
  spec.diffusion["x"] = {"0.7"};
  const Process process = spec.bind({});
  const Integrator integrator(process, static_cast<Scheme>(state.range(0)));
  Integrator::Scratch scratch = integrator.scratch();
  FastStream noise = Stream(1, 0, "bench").fast();
  double z[2] = {0.5, 0};
  for (auto _ : state)
    for (int i = 0; i < 1000; ++i) {
      const double dw = 0.1 * noise.normal();
      integrator.step(z, 0.01, &dw, 0, scratch);
    }
  state.SetLabel(to_text(integrator.scheme()));
  report(state, std::span<const double>(z, 1), "steps/s", 1000);
}
BENCHMARK(BM_DoubleWellSteps)->Arg(0)->Arg(1)->Arg(2)->Arg(3);

}  // namespace
