// Interpolants between Gaussian mixtures: exact drifts b + epsilon s per second and core (target 1e7 for six components in one dimension), and steps of
// particles that use them.
#include <benchmark/benchmark.h>

#include <cmath>
#include <vector>

#include "kits/generative/card_laws.h"
#include "kits/generative/mixture_path.h"
#include "kits/generative/sample.h"

namespace {

using namespace meso;
using namespace meso::generative;

std::shared_ptr<const MixturePath> path_in(std::size_t d) {
  return d == 1 ? std::make_shared<const MixturePath>(two_modes(), three_modes(), Interpolant(InterpolantSpec{}))
                : std::make_shared<const MixturePath>(random_mixture(d, 2, 1), random_mixture(d, 3, 2), Interpolant(InterpolantSpec{}));
}

void BM_SixComponentDrift(benchmark::State& state) {
  const auto d = static_cast<std::size_t>(state.range(0));
  const auto path = path_in(d);
  const MixtureField drift(path, [](double) { return Blend{1, 0.5}; });
  std::vector<double> x(4096 * d), f(x.size());
  Stream stream(1, 0, "bench");
  for (double& v : x) v = 3 * stream.normal();
  for (auto _ : state) {
    drift.at(0.4, x, f);
    benchmark::ClobberMemory();
  }
  double sum = 0;
  for (const double v : f) sum += std::abs(v);
  if (!(sum > 0)) state.SkipWithError("no drift was computed");
  state.counters["drifts/s"] = benchmark::Counter(4096.0 * static_cast<double>(state.iterations()), benchmark::Counter::kIsRate);
}
BENCHMARK(BM_SixComponentDrift)->ArgName("d")->Arg(1)->Arg(2)->Arg(8)->Arg(32);

void BM_SixComponentParticles(benchmark::State& state) {
  const auto path = path_in(1);
  const MixtureField drift(path, [](double) { return Blend{1, 0.5}; });
  const std::vector<double> grid = uniform_grid(0, 1, 100);
  std::vector<double> x(4096);
  std::uint64_t run = 0;
  for (auto _ : state) {
    for (std::size_t k = 0; k < x.size(); ++k) x[k] = k % 2 == 0 ? -3 : 3;
    std::vector<FastStream> noise = noise_streams(1, 4096 * run++, x.size(), "bench");
    diffuse(drift, [](double) { return 0.5; }, Scheme::euler, grid, x, noise);
  }
  state.counters["steps/s"] = benchmark::Counter(100.0 * 4096 * static_cast<double>(state.iterations()), benchmark::Counter::kIsRate);
}
BENCHMARK(BM_SixComponentParticles);

}  // namespace
