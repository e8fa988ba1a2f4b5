// Nonlinear Klein-Gordon fields: steps per second on one core, without diagnostics. The limit program (limits/klein_gordon.cpp: phi^4, measured FFTW plans,
// everything in one function) is compiled for the machine and run in the same call; the target is 0.6 of it at n = 1024.
#include <benchmark/benchmark.h>

#include <cmath>
#include <string>
#include <vector>

#include "bench/limit.h"
#include "kits/field/relaxation.h"
#include "kits/field/wave.h"

namespace {

using namespace meso;
using namespace meso::field;

// Steps per second of the limit program (the best of its five runs) by number of points.
double limit(int n) {
  static const std::vector<std::string> lines = bench::lines_of(MESO_LIMIT_PROGRAM);
  return bench::number_after(lines, "N=" + std::to_string(n) + ":", "(best ");
}

WaveField pair_of_kinks(std::size_t n, Boundary boundary, const Potential& potential) {
  const Grid grid = ring(60, n, boundary);
  std::vector<double> phi(n), pi(n, 0.0);
  for (std::size_t j = 0; j < n; ++j) {
    const double x = grid.coordinate(0, j);
    phi[j] = boundary == Boundary::antiperiodic ? std::tanh(x / std::sqrt(2.0)) : std::tanh((x + 10) / std::sqrt(2.0)) - std::tanh((x - 10) / std::sqrt(2.0)) - 1;
  }
  return WaveField(Spectral(grid), potential, phi, pi);
}

void report(benchmark::State& state, const WaveField& field, bool against_limit) {
  double largest = 0;
  if (!field.finite(&largest) || largest < 1e-3) state.SkipWithError("the field is gone");
  const double steps = 256.0 * static_cast<double>(state.iterations());
  state.counters["steps/s"] = benchmark::Counter(steps, benchmark::Counter::kIsRate);
  const double most = against_limit ? limit(static_cast<int>(state.range(0))) : 0;
  if (most > 0) state.counters["of-limit"] = benchmark::Counter(steps / most, benchmark::Counter::kIsRate);
}

void run(benchmark::State& state, Boundary boundary, const Potential& potential, bool against_limit, Scheme scheme = Scheme::verlet) {
  WaveField field = pair_of_kinks(static_cast<std::size_t>(state.range(0)), boundary, potential);
  for (auto _ : state) field.advance(0.005, 256, scheme);
  report(state, field, against_limit);
}

void BM_Phi4(benchmark::State& state) { run(state, Boundary::periodic, Potential::phi4(1, 1), true); }
BENCHMARK(BM_Phi4)->Arg(512)->Arg(1024)->Arg(4096);
void BM_Phi4Antiperiodic(benchmark::State& state) { run(state, Boundary::antiperiodic, Potential::phi4(1, 1), true); }
BENCHMARK(BM_Phi4Antiperiodic)->Arg(1024);
void BM_SineGordon(benchmark::State& state) { run(state, Boundary::periodic, Potential::sine_gordon(), false); }
BENCHMARK(BM_SineGordon)->Arg(1024);
void BM_AnyFormula(benchmark::State& state) { run(state, Boundary::periodic, Potential::formula("exp(-phi^2) + phi^4/4"), false); }
BENCHMARK(BM_AnyFormula)->Arg(1024);
void BM_Phi4FourthOrder(benchmark::State& state) { run(state, Boundary::periodic, Potential::phi4(1, 1), false, Scheme::suzuki4); }
BENCHMARK(BM_Phi4FourthOrder)->Arg(1024);

void BM_Phi4Langevin(benchmark::State& state) {
  WaveField field = pair_of_kinks(static_cast<std::size_t>(state.range(0)), Boundary::periodic, Potential::phi4(1, 1));
  FastStream noise = Stream(1, 0, "bench").fast();
  for (auto _ : state) field.langevin(0.005, 256, 0.1, 0.1, noise);
  report(state, field, false);
}
BENCHMARK(BM_Phi4Langevin)->Arg(1024)->Arg(4096);

void BM_AllenCahnEtdrk4(benchmark::State& state) {
  const auto n = static_cast<std::size_t>(state.range(0));
  const Grid grid = ring(100, n);
  std::vector<double> phi(n);
  for (std::size_t j = 0; j < n; ++j) phi[j] = std::sin(0.2 * M_PI * grid.coordinate(0, j));
  RelaxationField field(Spectral(grid), Potential::formula("(phi^2 - 1)^2/4"), phi);
  for (auto _ : state) field.advance(0.01, 64);
  if (!field.finite()) state.SkipWithError("the field is gone");
  state.counters["steps/s"] = benchmark::Counter(64.0 * static_cast<double>(state.iterations()), benchmark::Counter::kIsRate);
}
BENCHMARK(BM_AllenCahnEtdrk4)->Arg(1024);

}  // namespace
