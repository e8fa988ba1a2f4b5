// Moment equations: generating the closed system and solving it, with the work counted.
#include <benchmark/benchmark.h>

#include "kits/kinetics/closure.h"

namespace {

using namespace meso;
using namespace meso::kinetics;

Network brusselator(double volume) {
  const NetworkSpec spec{.species = {"X", "Y"},
                         .reactions = {"2X + Y -> 3X, 0.9", "X -> Y, 2", "0 -> X, 1", "X -> 0, 1"},
                         .volume = volume,
                         .initial = {{"X", 1}, {"Y", 1}}};
  return spec.bind({});
}

// Network -> reduced polynomials -> closed equations -> Jacobian, ready to integrate.
void BM_GenerateClosure(benchmark::State& state) {
  const Network network = brusselator(100);
  std::size_t terms = 0, equations = 0;
  for (auto _ : state) {
    const Flow flow = closed_flow(reduce(network, Convention::stochastic), closure_family("normal"), static_cast<int>(state.range(0)));
    terms = flow.n_terms();
    equations = flow.size();
    benchmark::DoNotOptimize(terms);
  }
  if (terms == 0) state.SkipWithError("no equations");
  state.counters["equations"] = static_cast<double>(equations);
  state.counters["terms"] = static_cast<double>(terms);
}
BENCHMARK(BM_GenerateClosure)->Arg(2)->Arg(4)->Arg(6)->Unit(benchmark::kMillisecond);

// One solution of the closed Brusselator to t = 100 at relative tolerance 1e-8.
void BM_SolveClosure(benchmark::State& state) {
  const ReducedNetwork network = reduce(brusselator(100), Convention::stochastic);
  const Flow flow = closed_flow(network, closure_family("normal"), static_cast<int>(state.range(0)));
  std::vector<double> times;
  for (int i = 0; i <= 40; ++i) times.push_back(2.5 * i);
  std::size_t steps = 0, evaluations = 0;
  for (auto _ : state) {
    const OdeSolution s = integrate(flow.problem(), flow.start(network.initial), 0, times, {.relative = 1e-8, .absolute = {1e-12}});
    if (s.status != OdeStatus::done || s.reached != times.size()) state.SkipWithError("not solved");
    steps += s.steps;
    evaluations += s.evaluations;
  }
  state.counters["steps"] = benchmark::Counter(static_cast<double>(steps), benchmark::Counter::kAvgIterations);
  state.counters["evaluations/s"] = benchmark::Counter(static_cast<double>(evaluations), benchmark::Counter::kIsRate);
}
BENCHMARK(BM_SolveClosure)->Arg(2)->Arg(4)->Unit(benchmark::kMillisecond);

// Every family at order 4 in two species: generating (aim: below 50 ms) and one solution to t = 100 (aim: below 20 ms).
// Families that diverge there stop where they do: their work is counted per step.
void BM_GenerateFamily(benchmark::State& state, const std::string& kind) {
  const Network network = brusselator(100);
  std::size_t terms = 0;
  for (auto _ : state) {
    const Flow flow = closed_flow(reduce(network, Convention::stochastic), closure_family(kind), 4);
    terms = flow.n_terms();
    benchmark::DoNotOptimize(terms);
  }
  if (terms == 0) state.SkipWithError("no equations");
  state.counters["terms"] = static_cast<double>(terms);
}

void BM_SolveFamily(benchmark::State& state, const std::string& kind) {
  const ReducedNetwork network = reduce(brusselator(100), Convention::stochastic);
  const Flow flow = closed_flow(network, closure_family(kind), 4);
  std::vector<double> times;
  for (int i = 0; i <= 40; ++i) times.push_back(2.5 * i);
  std::size_t steps = 0, reached = 0;
  for (auto _ : state) {
    const OdeSolution s = integrate(flow.problem(), flow.start(network.initial), 0, times, {.relative = 1e-8, .absolute = {1e-12}, .divergence = std::vector<double>(flow.size(), 1e12)});
    steps += s.steps;
    reached = s.reached;
  }
  if (steps == 0) state.SkipWithError("not solved");
  state.counters["steps"] = benchmark::Counter(static_cast<double>(steps), benchmark::Counter::kAvgIterations);
  state.counters["steps/s"] = benchmark::Counter(static_cast<double>(steps), benchmark::Counter::kIsRate);
  state.counters["outputs of 41"] = static_cast<double>(reached);
}

const bool registered = [] {
  for (const ClosureFamily& family : closure_families()) {
    if (family.name.starts_with("conditional") || family.name == "linear-mapping") continue;  // no 0/1 species here
    benchmark::RegisterBenchmark(("BM_GenerateFamily/" + family.name).c_str(), BM_GenerateFamily, family.name)->Unit(benchmark::kMillisecond);
    benchmark::RegisterBenchmark(("BM_SolveFamily/" + family.name).c_str(), BM_SolveFamily, family.name)->Unit(benchmark::kMillisecond);
  }
  return true;
}();

}  // namespace
