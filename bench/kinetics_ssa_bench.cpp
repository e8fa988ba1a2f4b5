// Reactions fired per second and core by the direct method, on networks of growing size.
#include <benchmark/benchmark.h>

#include <string>

#include "kits/kinetics/ssa.h"

namespace {

using namespace meso;
using namespace meso::kinetics;

/// Trajectories to `end` with 21 output times; the work counted is reactions, and a run that fires none fails.
void simulate(benchmark::State& state, const Network& network, double end) {
  const Ssa ssa(network);
  std::vector<double> times;
  for (int i = 0; i <= 20; ++i) times.push_back(end * i / 20);
  std::uint64_t events = 0, trajectory = 0;
  double seen = 0;
  for (auto _ : state)
    events += ssa.run_path(times, network.initial, Stream(1, trajectory++, "bench/ssa").fast(), [&](std::size_t, std::span<const double> x) { seen += x[0]; }).events;
  benchmark::DoNotOptimize(seen);
  if (events == 0) state.SkipWithError("no reaction fired");
  state.counters["reactions/s"] = benchmark::Counter(static_cast<double>(events), benchmark::Counter::kIsRate);
  state.counters["reactions/trajectory"] = static_cast<double>(events) / static_cast<double>(trajectory);
}

NetworkSpec schlogl() {
  return {.species = {"X"},
          .reactions = {"2X -> 3X, k1", "3X -> 2X, k2", "0 -> X, k3", "X -> 0, k4"},
          .constants = {{"k1", 5}, {"k2", 1}, {"k3", 2.25}, {"k4", 6.75}}};
}

void BM_SsaSchloegl(benchmark::State& state) {  // target 2e7/s at volume 100
  const double volume = static_cast<double>(state.range(0));
  simulate(state, schlogl().bind({{"volume", volume}, {"X0", 3 * volume}}), 20);
}
BENCHMARK(BM_SsaSchloegl)->Arg(10)->Arg(100)->Arg(1000)->Unit(benchmark::kMillisecond);

void BM_SsaSchloeglWithALaw(benchmark::State& state) {  // the same network through the kernel that takes any formula
  NetworkSpec spec = schlogl();
  spec.reactions[3] = "X -> 0, = k4*X^2/(X + 1e-9)";
  simulate(state, spec.bind({{"volume", 100}, {"X0", 300}}), 20);
}
BENCHMARK(BM_SsaSchloeglWithALaw)->Unit(benchmark::kMillisecond);

void BM_SsaBrusselator(benchmark::State& state) {  // target 1e7/s
  const NetworkSpec spec{.species = {"X", "Y"}, .reactions = {"2X + Y -> 3X, 0.9", "X -> Y, 3", "0 -> X, 1", "X -> 0, 1"}};
  simulate(state, spec.bind({{"volume", static_cast<double>(state.range(0))}}), 20);
}
BENCHMARK(BM_SsaBrusselator)->Arg(10)->Arg(100)->Unit(benchmark::kMillisecond);

void BM_SsaRing(benchmark::State& state) {  // molecules hop on a ring: two reactions a site, so cost against network size
  const auto sites = static_cast<int>(state.range(0) / 2);
  NetworkSpec spec;
  for (int i = 0; i < sites; ++i) spec.species.push_back("S" + std::to_string(i));
  for (int i = 0; i < sites; ++i) spec.reactions.push_back(spec.species[static_cast<std::size_t>(i)] + " <-> " + spec.species[static_cast<std::size_t>((i + 1) % sites)] + ", 1; 0.5");
  spec.initial = {{"S0", 1000}};
  simulate(state, spec.bind({}), 20);
}
BENCHMARK(BM_SsaRing)->Arg(8)->Arg(16)->Arg(32)->Arg(64)->Arg(256)->Arg(1024)->Arg(4096)->Unit(benchmark::kMillisecond);

void BM_SsaWindow(benchmark::State& state) {  // time averages of x and x^2 at every event: the cost of a stationary question
  const Network network = schlogl().bind({{"volume", 100}, {"X0", 300}});
  const Ssa ssa(network);
  std::uint64_t events = 0, trajectory = 0;
  double one = 0, two = 0;
  for (auto _ : state)
    events += ssa.run_window(0, 20, network.initial, Stream(1, trajectory++, "bench/window").fast(), [&](std::span<const double> x, double dt) {
      one += x[0] * dt;
      two += x[0] * x[0] * dt;
    }).events;
  benchmark::DoNotOptimize(one + two);
  if (!(one > 0)) state.SkipWithError("nothing was averaged");
  state.counters["reactions/s"] = benchmark::Counter(static_cast<double>(events), benchmark::Counter::kIsRate);
}
BENCHMARK(BM_SsaWindow)->Unit(benchmark::kMillisecond);

}  // namespace
