// Langevin dynamics on the sphere: steps per second and core in tensor landscapes (target 5e4 at d = 20, k = 3, one gradient a step) and in
// single-index landscapes; beside them a plain contraction of the full tensor, and what reading the packed matrix alone takes.
#include <benchmark/benchmark.h>

#include <cmath>
#include <numeric>
#include <vector>

#include "kits/learning/single_index.h"
#include "kits/learning/sphere.h"
#include "kits/learning/tensor.h"
#include "rng/stream.h"

namespace {

using namespace meso;
using namespace meso::learning;

SymmetricTensor spiked(std::size_t k, std::size_t d, double n) {
  FastStream random = Stream(1, 0, "bench/tensor").fast();
  std::vector<double> hidden(d);
  uniform_on_sphere(hidden, random);
  SymmetricTensor t = SymmetricTensor::spike(k, hidden);
  t.add(SymmetricTensor::gaussian(k, d, random), 1 / std::sqrt(n));
  return t;
}

template <class L>
void steps(benchmark::State& state, L& landscape, SphereScheme scheme) {
  const std::size_t d = landscape.dimension();
  FastStream random = Stream(1, 1, "bench/noise").fast();
  std::vector<double> theta(d), w1(d), w2(d);
  uniform_on_sphere(theta, random);
  SphereLangevin<L> langevin(landscape, 10, scheme);
  const double dt = 0.1 / (static_cast<double>(d) - 1), root = std::sqrt(dt / 2);
  for (auto _ : state) {
    for (std::size_t i = 0; i < d; ++i) w1[i] = root * random.normal(), w2[i] = root * random.normal();
    if (!langevin.step(theta.data(), dt, w1.data(), w2.data())) state.SkipWithError("the iterate is not finite");
  }
  if (std::abs(std::inner_product(theta.begin(), theta.end(), theta.begin(), 0.0) - 1) > 1e-9) state.SkipWithError("the iterate left the sphere");
  state.counters["steps/s"] = benchmark::Counter(static_cast<double>(state.iterations()), benchmark::Counter::kIsRate);
}

void BM_TensorSteps(benchmark::State& state) {
  const auto k = static_cast<std::size_t>(state.range(0)), d = static_cast<std::size_t>(state.range(1));
  TensorLandscape landscape(spiked(k, d, 400));
  steps(state, landscape, state.range(2) ? SphereScheme::geodesic : SphereScheme::projected);
}
BENCHMARK(BM_TensorSteps)->ArgNames({"k", "d", "geodesic"})->Args({3, 20, 0})->Args({3, 20, 1})->Args({3, 30, 1})->Args({4, 16, 1})->Args({4, 30, 1});

void BM_SingleIndexSteps(benchmark::State& state) {
  const auto d = static_cast<std::size_t>(state.range(0)), n = static_cast<std::size_t>(state.range(1));
  FastStream random = Stream(1, 0, "bench/index").fast();
  std::vector<double> hidden(d);
  uniform_on_sphere(hidden, random);
  SingleIndexLandscape landscape = SingleIndexLandscape::draw(3, hidden, n, 0, random);
  steps(state, landscape, SphereScheme::geodesic);
}
BENCHMARK(BM_SingleIndexSteps)->ArgNames({"d", "n"})->Args({20, 400});

// The peer: g_i = 3 sum_jl T_ijl theta_j theta_l over all d^3 entries of the symmetrised tensor, as a plain loop.
void BM_FullContractionPlain(benchmark::State& state) {
  const std::size_t d = 20;
  const SymmetricTensor t = spiked(3, d, 400);
  std::vector<double> full(d * d * d), theta(d, 1 / std::sqrt(20.0)), g(d);
  for (std::size_t i = 0; i < d; ++i)
    for (std::size_t j = 0; j < d; ++j)
      for (std::size_t l = 0; l < d; ++l) full[(i * d + j) * d + l] = t.at(std::vector<std::size_t>{i, j, l});
  for (auto _ : state) {
    benchmark::DoNotOptimize(theta.data());
    for (std::size_t i = 0; i < d; ++i) {
      double sum = 0;
      for (std::size_t j = 0; j < d; ++j)
        for (std::size_t l = 0; l < d; ++l) sum += full[(i * d + j) * d + l] * theta[j] * theta[l];
      g[i] = 3 * sum;
    }
    benchmark::DoNotOptimize(g.data());
  }
  state.counters["gradients/s"] = benchmark::Counter(static_cast<double>(state.iterations()), benchmark::Counter::kIsRate);
}
BENCHMARK(BM_FullContractionPlain);

void BM_Gradient(benchmark::State& state) {
  const auto k = static_cast<std::size_t>(state.range(0)), d = static_cast<std::size_t>(state.range(1));
  TensorLandscape landscape(spiked(k, d, 400));
  std::vector<double> theta(d, 1 / std::sqrt(static_cast<double>(d))), g(d);
  for (auto _ : state) {
    benchmark::DoNotOptimize(theta.data());
    landscape.gradient(theta.data(), g.data());
    benchmark::DoNotOptimize(g.data());
  }
  state.counters["gradients/s"] = benchmark::Counter(static_cast<double>(state.iterations()), benchmark::Counter::kIsRate);
  state.counters["GB/s"] = benchmark::Counter(8e-9 * static_cast<double>(d) * packed_size(k - 1, d) * static_cast<double>(state.iterations()), benchmark::Counter::kIsRate);
}
BENCHMARK(BM_Gradient)->ArgNames({"k", "d"})->Args({3, 20})->Args({4, 16})->Args({4, 30});

}  // namespace
