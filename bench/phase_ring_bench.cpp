// Rings of oscillators and of heights: site updates per second on one core. With noise the target is 4e7; a plain loop over
// the sine of the C library gives about 2.3e7.
#include <benchmark/benchmark.h>

#include <cmath>

#include "kits/lattice/phase_ring.h"

namespace {

using namespace meso;
using namespace meso::lattice;

void report(benchmark::State& state, std::size_t n, std::span<const double> h) {
  double rough = 0;
  for (const double x : h) rough += std::abs(x);
  if (!(rough > 0)) state.SkipWithError("no site moved");
  state.counters["site-updates/s"] = benchmark::Counter(static_cast<double>(n) * static_cast<double>(state.iterations()), benchmark::Counter::kIsRate);
}

void BM_OscillatorsWithNoise(benchmark::State& state) {
  const auto n = static_cast<std::size_t>(state.range(0));
  const OscillatorForce force(FourierCoupling::sakaguchi(1.0, 0.5));
  std::vector<double> h(n);
  RingScratch scratch(n);
  FastStream noise = Stream(1, 0, "bench").fast();
  for (auto _ : state) euler_maruyama_step(force, h, {}, 0.05, 0.05, noise, scratch);
  report(state, n, h);
}
BENCHMARK(BM_OscillatorsWithNoise)->Arg(256)->Arg(4096)->Arg(65536);

void BM_OscillatorsWithThreeHarmonics(benchmark::State& state) {
  const auto n = static_cast<std::size_t>(state.range(0));
  const OscillatorForce force(FourierCoupling{{1.0, 0.2, -0.1}, {0.4, 0.1}});
  std::vector<double> h(n);
  RingScratch scratch(n);
  FastStream noise = Stream(1, 0, "bench").fast();
  for (auto _ : state) euler_maruyama_step(force, h, {}, 0.05, 0.05, noise, scratch);
  report(state, n, h);
}
BENCHMARK(BM_OscillatorsWithThreeHarmonics)->Arg(4096);

void BM_FrozenFrequenciesRk4(benchmark::State& state) {  // four forces an update
  const auto n = static_cast<std::size_t>(state.range(0));
  const OscillatorForce force(FourierCoupling::sakaguchi(1.0, 0.5));
  std::vector<double> h(n), omega(n);
  Stream stream(1, 0, "bench");
  for (double& w : omega) w = 0.1 * stream.normal();
  RingScratch scratch(n);
  for (auto _ : state) rk4_step(force, h, omega, 0.1, scratch);
  report(state, n, h);
}
BENCHMARK(BM_FrozenFrequenciesRk4)->Arg(256)->Arg(4096);

void BM_KpzEquationHeun(benchmark::State& state) {
  const auto n = static_cast<std::size_t>(state.range(0));
  const KpzForce force(1.0, -0.5);
  std::vector<double> h(n);
  RingScratch scratch(n);
  FastStream noise = Stream(1, 0, "bench").fast();
  for (auto _ : state) heun_step(force, h, {}, 0.05, 0.05, noise, scratch);
  report(state, n, h);
}
BENCHMARK(BM_KpzEquationHeun)->Arg(4096);

// The peer: libm's sine on every bond, twice, and the same normals.
void BM_PlainLoop(benchmark::State& state) {
  const auto n = static_cast<std::size_t>(state.range(0));
  std::vector<double> h(n), next(n);
  FastStream noise = Stream(1, 0, "bench").fast();
  const double delta = 0.5, shift = 2 * std::sin(delta), amplitude = std::sqrt(2 * 0.05 * 0.05);
  for (auto _ : state) {
    for (std::size_t i = 0; i < n; ++i) {
      const double a = h[i + 1 < n ? i + 1 : 0] - h[i], b = h[i > 0 ? i - 1 : n - 1] - h[i];
      next[i] = h[i] + 0.05 * (std::sin(a + delta) + std::sin(b + delta) - shift) + amplitude * noise.normal();
    }
    h.swap(next);
  }
  report(state, n, h);
}
BENCHMARK(BM_PlainLoop)->Arg(4096);

}  // namespace
