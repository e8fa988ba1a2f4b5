// Kernel density estimates: distances drawn and summed per second and core (target 3e7), sums over given distances, estimates of given data by matrix
// products (pairs of query and data point), and the integrals at finite n.
#include "kits/learning/kernel_density.h"

#include <benchmark/benchmark.h>

#include <cmath>
#include <vector>

#include "kits/learning/random_energy_finite.h"
#include "rng/stream.h"

namespace {

using namespace meso;
using namespace meso::learning;

void BM_Distances(benchmark::State& state) {
  const auto d = static_cast<std::size_t>(state.range(0));
  const auto groups = distance_groups(d, {});
  const RandomEnergy limit(groups, 0.5);
  const double h = 1e-2 * static_cast<double>(state.range(1)) * limit.h_glass();
  const DistanceSampler sampler(groups);
  FastStream random = Stream(1, 0, "bench/distances").fast();
  std::vector<double> block(2048);
  WeightSum sum(h, 100);
  for (auto _ : state) {
    sampler.draw(random, block);
    sum.add(block);
  }
  if (!(sum.participation() > 0)) state.SkipWithError("no sum was made");
  state.counters["distances/s"] = benchmark::Counter(2048.0 * static_cast<double>(state.iterations()), benchmark::Counter::kIsRate);
}
BENCHMARK(BM_Distances)->ArgNames({"d", "h_percent_of_h_G"})->Args({20, 50})->Args({20, 100})->Args({20, 300})->Args({40, 100})->Args({5, 100});

void BM_Estimate(benchmark::State& state) {
  const auto d = static_cast<std::size_t>(state.range(0)), m = static_cast<std::size_t>(state.range(1));
  constexpr std::size_t n = 22026;
  FastStream random = Stream(1, 0, "bench/kernel-density").fast();
  std::vector<double> data(n * d), queries(m * d);
  for (double& y : data) y = random.normal();
  for (double& x : queries) x = random.normal();
  const GaussianKernelDensity estimate(data, d, 0.65);
  for (auto _ : state) benchmark::DoNotOptimize(estimate.ln_density(queries).data());
  state.counters["pairs/s"] = benchmark::Counter(static_cast<double>(n * m) * static_cast<double>(state.iterations()), benchmark::Counter::kIsRate);
}
BENCHMARK(BM_Estimate)->ArgNames({"d", "queries"})->Args({20, 1})->Args({20, 64})->Args({20, 512})->Unit(benchmark::kMillisecond);

void BM_FiniteIntegrals(benchmark::State& state) {
  const auto d = static_cast<std::size_t>(state.range(0));
  const auto groups = distance_groups(d, {});
  const double h = RandomEnergy(groups, 0.5).h_glass();
  for (auto _ : state) {
    const FiniteRandomEnergy energy(groups, 0.5 * static_cast<double>(d));
    benchmark::DoNotOptimize(energy.ln_sum(h).mean + energy.participation(h));
  }
}
BENCHMARK(BM_FiniteIntegrals)->ArgName("d")->Arg(20)->Arg(200)->Unit(benchmark::kMillisecond);

}  // namespace
