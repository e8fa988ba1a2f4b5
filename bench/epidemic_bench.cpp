// Epidemics on graphs: events (infections and recoveries) per second of CPU time on one core, with the ratio to the limit program
// (limits/sir_network.cpp: end state only, single precision, multigraph) built for this machine and run in the same call. The target is a ratio of 0.6.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <string>
#include <vector>

#include "bench/limit.h"
#include "kits/graph/epidemic.h"
#include "kits/graph/spatial.h"
#include "kits/graph/wave.h"

namespace {

using namespace meso;
using namespace meso::graph;

// Events per second of the limit program at n nodes, median of its five repetitions, measured now.
double limit(std::size_t n) { return bench::number_after(bench::lines_of(std::string(MESO_LIMIT_PROGRAM) + " " + std::to_string(n)), "SIR event-driven", ": "); }

// Mean degree 5, beta = gamma = 1, one node in a hundred infected: as in the limit program.
void BM_SirOnErdosRenyi(benchmark::State& state) {
  const auto n = static_cast<std::size_t>(state.range(0));
  const Graph g = erdos_renyi_edges(n, 5 * n / 2, Stream(1, 0, "bench/graph").fast());
  std::vector<State> initial(n, 0);
  for (std::size_t i = 0; i < n / 100; ++i) initial[i] = 1;
  FirstPassage passage(sir(1, 1));
  FastStream random = Stream(1, 0, "bench/epidemic").fast();
  std::vector<double> rates;
  for (auto _ : state) {
    const double start = bench::cpu();
    const Course course = passage.run(g, initial, {}, 1e300, random);
    const double seconds = bench::cpu() - start;
    rates.push_back(static_cast<double>(course.events) / seconds);
    state.SetIterationTime(seconds);
    const double attack = 0.5 * static_cast<double>(course.events + n / 100) / static_cast<double>(n);
    if (std::abs(attack - 0.895) > 5 / std::sqrt(static_cast<double>(n))) state.SkipWithError("attack rate is not 0.895");
  }
  std::sort(rates.begin(), rates.end());
  const double bound = limit(n);
  state.counters["events/s"] = rates[rates.size() / 2];
  state.counters["limit events/s"] = bound;
  if (bound > 0) state.counters["ratio"] = rates[rates.size() / 2] / bound;
}
BENCHMARK(BM_SirOnErdosRenyi)->Arg(10000)->Arg(100000)->Arg(1000000)->UseManualTime()->MinTime(1.0)->Unit(benchmark::kMillisecond);

void BM_SisOnErdosRenyi(benchmark::State& state) {
  const auto n = static_cast<std::size_t>(state.range(0));
  const Graph g = erdos_renyi_edges(n, 5 * n / 2, Stream(1, 0, "bench/graph").fast());
  std::vector<State> initial(n, 0);
  for (std::size_t i = 0; i < n / 10; ++i) initial[i] = 1;
  FastStream random = Stream(1, 0, "bench/epidemic").fast();
  std::uint64_t events = 0;
  for (auto _ : state) events += simulate(sis(1, 1), g, {}, initial, {}, 5, random).events;
  if (events == 0) state.SkipWithError("nothing happened");
  state.counters["events/s"] = benchmark::Counter(static_cast<double>(events), benchmark::Counter::kIsRate);
}
BENCHMARK(BM_SisOnErdosRenyi)->Arg(10000)->Arg(100000)->Arg(1000000)->Unit(benchmark::kMillisecond);

void BM_BuildSpatialNetwork(benchmark::State& state) {  // kinds: gaussian, power, uniform
  const Kernel::Kind kinds[] = {Kernel::Kind::gaussian, Kernel::Kind::power, Kernel::Kind::uniform};
  const SpatialSpec spec{1, 100, 1000, {6}, {1}, Kernel(1, {{1, kinds[state.range(0)], 1, 3}})};
  std::uint64_t edges = 0, k = 0;
  for (auto _ : state) edges += spatial_graph(spec, Stream(1, k++, "bench/graph").fast()).graph.edges();
  if (edges == 0) state.SkipWithError("no edges");
  state.counters["edges/s"] = benchmark::Counter(static_cast<double>(edges), benchmark::Counter::kIsRate);
}
BENCHMARK(BM_BuildSpatialNetwork)->DenseRange(0, 2)->Unit(benchmark::kMillisecond);

void BM_SpatialWave(benchmark::State& state) {
  WaveSpec spec;
  const std::vector<double> times{5};
  double infected = 0;
  for (auto _ : state) infected += integrate_wave(spec, times, 0, 0).mean_infected[0];
  if (!(infected > 0)) state.SkipWithError("nobody infected");
  state.counters["point-steps/s"] = benchmark::Counter(501 * 500 * static_cast<double>(state.iterations()), benchmark::Counter::kIsRate);
}
BENCHMARK(BM_SpatialWave)->Unit(benchmark::kMillisecond);

}  // namespace
