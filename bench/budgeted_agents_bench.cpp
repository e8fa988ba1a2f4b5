// Majority trees: leaf votes per second on one core. The peer is a plain group-and-sum simulation (one byte a vote), as array
// languages do it: about 1e7 votes/s there; BM_GroupAndSum is its best case, compiled.
#include <benchmark/benchmark.h>

#include <vector>

#include "systems/networks/budgeted-agents/kernels.h"

namespace {

using namespace meso;
using namespace meso::systems::budgeted_agents;

void report(benchmark::State& state, std::uint64_t votes, std::int64_t right) {
  if (right == 0) state.SkipWithError("no root was right");
  state.counters["leaf-votes/s"] = benchmark::Counter(static_cast<double>(votes), benchmark::Counter::kIsRate);
}

void BM_Trees(benchmark::State& state) {
  const int b = static_cast<int>(state.range(0)), depth = static_cast<int>(state.range(1));
  TreeKernel kernel({.b = b, .gamma = 0.9, .rho = 0.2}, 0.05, depth);
  std::uint64_t votes = 0, group = 0;
  std::int64_t right = 0;
  for (auto _ : state) {
    FastStream rng = Stream(1, group++, "bench").fast();
    right += std::popcount(kernel(rng, {}));
    votes += 64 * static_cast<std::uint64_t>(leaf_count(b, depth));
  }
  report(state, votes, right);
}
BENCHMARK(BM_Trees)->Args({5, 2})->Args({5, 4})->Args({5, 6})->Args({3, 8})->Args({6, 5})->Args({7, 5})->Args({21, 3});

void BM_TreesWithProfile(benchmark::State& state) {
  const int depth = static_cast<int>(state.range(0));
  TreeKernel kernel({.b = 5, .gamma = 0.9, .rho = 0.2}, 0.05, depth);
  std::uint64_t votes = 0, group = 0;
  std::int64_t right = 0;
  for (auto _ : state) {
    FastStream rng = Stream(1, group++, "bench").fast();
    std::vector<LaneCounter> levels(static_cast<std::size_t>(depth) + 1);
    right += std::popcount(kernel(rng, levels));
    votes += 64 * static_cast<std::uint64_t>(leaf_count(5, depth));
  }
  report(state, votes, right);
}
BENCHMARK(BM_TreesWithProfile)->Arg(6);

void BM_GroupAndSum(benchmark::State& state) {
  const int b = 5, depth = 6;
  const Node node{.b = b, .gamma = 0.9, .rho = 0.2};
  std::uint64_t votes = 0, tree = 0;
  std::int64_t right = 0;
  std::vector<std::int8_t> level;
  for (auto _ : state) {
    FastStream rng = Stream(1, tree++, "bench").fast();
    level.resize(static_cast<std::size_t>(leaf_count(b, depth)));
    votes += level.size();
    for (auto& vote : level) vote = rng.bernoulli(0.525) ? 1 : -1;
    while (level.size() > 1) {
      for (std::size_t i = 0; i < level.size() / b; ++i) {
        int sum = 0, first = 0;
        for (int j = 0; j < b; ++j) {
          const int heard = rng.bernoulli(0.5 * (1 + node.gamma)) ? level[i * b + j] : -level[i * b + j];
          if (j == 0) first = heard;
          sum += heard;
        }
        level[i] = static_cast<std::int8_t>(rng.bernoulli(node.rho) ? first : sum > 0 ? 1 : -1);
      }
      level.resize(level.size() / b);
    }
    right += level[0] > 0 ? 1 : 0;
  }
  report(state, votes, right);
}
BENCHMARK(BM_GroupAndSum);

void BM_Population(benchmark::State& state) {
  const int depth = 50;
  PopulationKernel kernel({.b = 5, .gamma = 0.6, .rho = 0.2}, 0.05, depth, 65536);
  std::uint64_t votes = 0, trajectory = 0;
  std::int64_t right = 0;
  std::vector<double> mu(depth + 1);
  for (auto _ : state) {
    FastStream rng = Stream(1, trajectory++, "bench").fast();
    kernel(rng, mu);
    right += mu.back() > 0 ? 1 : 0;
    votes += 65536 * depth;
  }
  if (right == 0) state.SkipWithError("no root was right");
  state.counters["node-votes/s"] = benchmark::Counter(static_cast<double>(votes), benchmark::Counter::kIsRate);
}
BENCHMARK(BM_Population);

void BM_Recursion(benchmark::State& state) {
  const Node node{.b = static_cast<int>(state.range(0)), .gamma = 0.9, .rho = 0.2};
  std::uint64_t levels = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(node.levels(0.02, 50));
    levels += 50;
  }
  state.counters["levels/s"] = benchmark::Counter(static_cast<double>(levels), benchmark::Counter::kIsRate);
}
BENCHMARK(BM_Recursion)->Arg(5)->Arg(101);

}  // namespace

