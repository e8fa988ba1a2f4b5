// Learned fields: particles moved by a score net of 80 units a layer, (t, x, y) -> 80 -> 80 -> 1 and with one layer more as in the authors' code of
// score-fokker-planck. Target: 1e5 particles x 800 steps of the reverse SDE in under 60 s on two cores. The profile beside it: the field alone, the
// noise alone, and training steps (score matching without and with the residual, 1-D 3 x 48 tanh).
#include <benchmark/benchmark.h>

#include <cmath>
#include <thread>
#include <vector>

#include "kits/torch/net.h"
#include "kits/torch/training.h"
#include "rng/stream.h"

namespace {

using namespace meso;
using namespace meso::learned;

GradientField score_net(std::size_t hidden, Precision precision = Precision::single) {
  NetShape shape;
  shape.dimension = 2;
  shape.widths.assign(hidden, 80);
  shape.activation = Activation::softplus;
  shape.beta = 10;
  shape.baseline = 1;
  shape.precision = precision;
  return GradientField(Net::initialised(shape, 1, "bench/net"));
}

/// Reverse SDE from T = 10, particles [first, last) in blocks: their noise comes from a stream each.
double move(const GradientField& score, std::size_t first, std::size_t last, std::size_t steps) {
  constexpr std::size_t block = 1024;
  const double h = 10.0 / static_cast<double>(steps), root = std::sqrt(h);
  double sum = 0;
  for (std::size_t from = first; from < last; from += block) {
    const std::size_t n = std::min(block, last - from);
    std::vector<FastStream> noise;
    std::vector<double> x(2 * n), s(2 * n);
    for (std::size_t k = 0; k < n; ++k) {
      noise.push_back(Stream(1, from + k, "bench/particle").fast());
      for (std::size_t i = 0; i < 2; ++i) x[2 * k + i] = std::sqrt(0.5) * noise[k].normal();
    }
    for (std::size_t step = 0; step < steps; ++step) {
      score.at(10 - h * static_cast<double>(step), x, s);
      for (std::size_t k = 0; k < n; ++k)
        for (std::size_t i = 0; i < 2; ++i) x[2 * k + i] += h * (x[2 * k + i] + s[2 * k + i]) + root * noise[k].normal();
    }
    for (const double xi : x) sum += xi * xi;
  }
  return sum;
}

void BM_ReverseSde(benchmark::State& state) {
  const GradientField score = score_net(static_cast<std::size_t>(state.range(0)));
  const std::size_t particles = 100000, steps = 800, threads = 2;
  for (auto _ : state) {
    double sums[threads] = {};
    {
      std::vector<std::jthread> crew;
      for (std::size_t c = 0; c < threads; ++c) crew.emplace_back([&, c] { sums[c] = move(score, c * particles / threads, (c + 1) * particles / threads, steps); });
    }
    const double spread = (sums[0] + sums[1]) / static_cast<double>(2 * particles);
    if (!(spread > 0.05 && spread < 50)) state.SkipWithError("the particles left");  // a net that learned nothing adds little to -2x
    state.counters["mean-square"] = spread;
  }
  state.counters["particle-steps/s"] = benchmark::Counter(static_cast<double>(state.iterations() * particles * steps), benchmark::Counter::kIsRate);
}
BENCHMARK(BM_ReverseSde)->ArgName("hidden")->Arg(2)->Arg(3)->Iterations(1)->MeasureProcessCPUTime()->UseRealTime()->Unit(benchmark::kSecond);

void BM_ScoreField(benchmark::State& state) {
  const GradientField score = score_net(static_cast<std::size_t>(state.range(0)), state.range(1) ? Precision::real : Precision::single);
  const std::size_t n = 4096;
  std::vector<double> x(2 * n), s(2 * n);
  Stream rng(1, 0, "bench/points");
  for (double& xi : x) xi = rng.normal();
  for (auto _ : state) {
    score.at(1.0, x, s);
    benchmark::DoNotOptimize(s.data());
  }
  if (!std::isfinite(s[0])) state.SkipWithError("not finite");
  state.counters["points/s"] = benchmark::Counter(static_cast<double>(state.iterations() * n), benchmark::Counter::kIsRate);
}
BENCHMARK(BM_ScoreField)->ArgNames({"hidden", "double"})->Args({2, 0})->Args({3, 0})->Args({3, 1});

void BM_Noise(benchmark::State& state) {
  FastStream noise = Stream(1, 0, "bench/noise").fast();
  double sum = 0;
  for (auto _ : state) sum += noise.normal();
  benchmark::DoNotOptimize(sum);
  state.counters["normals/s"] = benchmark::Counter(static_cast<double>(state.iterations()), benchmark::Counter::kIsRate);
}
BENCHMARK(BM_Noise);

void BM_TrainingSteps(benchmark::State& state) {
  NetShape shape;
  shape.time = {TimeFeature::t, TimeFeature::decay};
  shape.widths = {48, 48, 48};
  shape.activation = Activation::tanh;
  shape.baseline = 1;
  ScoreLoss loss;
  loss.law = "bench";
  loss.draw = [](Stream& rng, std::span<double> x) { x[0] = (rng.bernoulli(0.5) ? 2 : -2) + 0.3 * rng.normal(); };
  loss.t_min = 0.01;
  loss.t_max = 5;
  loss.weighted = true;
  loss.batch = loss.collocation = 384;
  loss.residual_weight = state.range(0) ? 1 : 0;
  const std::size_t steps = 50;
  for (auto _ : state)
    if (train(shape, loss, {.steps = steps, .rate = 2e-3}, {}).diverged) state.SkipWithError("diverged");
  state.counters["training-steps/s"] = benchmark::Counter(static_cast<double>(state.iterations() * steps), benchmark::Counter::kIsRate);
}
BENCHMARK(BM_TrainingSteps)->ArgName("residual")->Arg(0)->Arg(1)->Unit(benchmark::kMillisecond);

}  // namespace
