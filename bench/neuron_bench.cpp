// Random rate networks: steps per second and core of one trajectory, which reads the coupling matrix once a product and is bound by memory (target: 60 % of
// the limit at N = 1000), of several trajectories that share each read, and of a covariance sample; beside them the matrix read alone, measured in the same call.
#include <benchmark/benchmark.h>

#include <string>

#include "bench/limit.h"
#include "kits/neuron/linear_equivalent.h"
#include "kits/neuron/network.h"

namespace {

using namespace meso;
using namespace meso::neuron;

/// Reads of an n x n matrix of floats per second by the limit program, measured now.
double limit(std::size_t n) { return bench::number_after(bench::lines_of(std::string(MESO_LIMIT_PROGRAM) + " " + std::to_string(n)), "matrix read", ": "); }

// Arguments: units, continuous time (two products a step), columns.
void BM_NetworkSteps(benchmark::State& state) {
  const auto n = static_cast<std::size_t>(state.range(0)), columns = static_cast<std::size_t>(state.range(2));
  const bool flow = state.range(1) != 0;
  const Couplings j = draw_couplings({.g = 2}, n, Stream(1, 0, "bench/couplings"));
  NetworkColumns net(packed(j), {.clock = flow ? Clock::continuous : Clock::discrete, .g = 2}, 0.05, columns);
  std::vector<FastStream> streams;
  for (std::size_t c = 0; c < columns; ++c) streams.push_back(Stream(1, c, "bench/start").fast());
  net.start(1, streams);
  const double read = columns == 1 ? limit(n) : 0;
  const double begin = bench::cpu();
  for (auto _ : state) net.step(streams);
  const double spent = bench::cpu() - begin;
  double square = 0;
  for (const float x : net.phi(0)) square += static_cast<double>(x) * static_cast<double>(x) / static_cast<double>(n);
  if (!(square > 0.2 && square < 1)) state.SkipWithError("the network is not chaotic");
  const double steps = static_cast<double>(state.iterations()) * static_cast<double>(columns);
  state.counters["trajectory steps/s"] = benchmark::Counter(steps, benchmark::Counter::kIsRate);
  if (read > 0) {
    state.counters["limit/s"] = read / (flow ? 2 : 1);
    state.counters["of the limit"] = static_cast<double>(state.iterations()) / spent * (flow ? 2 : 1) / read;
  }
}
BENCHMARK(BM_NetworkSteps)->ArgNames({"N", "continuous", "columns"})->Args({1000, 0, 1})->Args({1000, 1, 1})->Args({4000, 0, 1})->Args({800, 1, 1})->Args({800, 1, 4})->Args({400, 0, 4})->MinTime(0.5);

void BM_CovarianceSamples(benchmark::State& state) {
  const auto n = static_cast<std::size_t>(state.range(0));
  CovarianceSums sums(n, 1u << 30);
  std::vector<float> x(n);
  FastStream random = Stream(1, 0, "bench/samples").fast();
  for (float& v : x) v = static_cast<float>(random.normal());
  for (auto _ : state) sums.add(x);
  state.counters["samples/s"] = benchmark::Counter(static_cast<double>(state.iterations()), benchmark::Counter::kIsRate);
}
BENCHMARK(BM_CovarianceSamples)->ArgName("N")->Arg(400)->Arg(800);

void BM_LinearEquivalent(benchmark::State& state) {
  const auto n = static_cast<std::size_t>(state.range(0));
  const bool flow = state.range(1) != 0;
  const MeanField m = solve_mean_field({.clock = flow ? Clock::continuous : Clock::discrete, .g = 1.5, .sigma = 1});
  const Couplings j = draw_couplings({.g = 1.5}, n, Stream(1, 0, "bench/couplings"));
  for (auto _ : state) benchmark::DoNotOptimize(linear_equivalent(j, m));
}
BENCHMARK(BM_LinearEquivalent)->ArgNames({"N", "continuous"})->Args({400, 0})->Args({400, 1})->Unit(benchmark::kMillisecond);

}  // namespace
