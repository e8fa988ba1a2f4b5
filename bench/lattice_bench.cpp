// Exact lattice kinetics on one core: real events per second (changes that happened; attempts that came to nothing are reported beside).
// Targets: contact process in 1-D 2e7, in 2-D with L = 1024 8e6.
#include <benchmark/benchmark.h>

#include "kits/lattice/bosonic.h"
#include "kits/lattice/exclusion.h"

namespace {

using namespace meso;
using namespace meso::lattice;

template <class Kinetics>
void report(benchmark::State& state, const Kinetics& run, std::uint64_t events, std::uint64_t attempts) {
  if (events == 0 || run.absorbed()) state.SkipWithError("nothing happened");
  state.counters["events/s"] = benchmark::Counter(static_cast<double>(events), benchmark::Counter::kIsRate);
  state.counters["attempts/s"] = benchmark::Counter(static_cast<double>(attempts), benchmark::Counter::kIsRate);
}

Model contact_process(std::vector<std::int64_t> extent, double lambda) {
  Model m;
  m.species = {"A"};
  m.box.extent = std::move(extent);
  m.sites = {{1, 0, 1.0, "", ""}};
  m.pairs = {{{1, 0}, {1, 1}, lambda / static_cast<double>(m.box.neighbours()), "", ""}};
  m.initial.kind = Initial::Kind::full;
  return m;
}

// At the critical point, from t = 8 on: the density still falls slowly, as in every study of the transition.
void contact(benchmark::State& state, std::vector<std::int64_t> extent, double lambda) {
  const ExclusionRules rules(contact_process(std::move(extent), lambda));
  ExclusionKinetics run(rules);
  FastStream random = Stream(1, 0, "bench").fast();
  run.start(random);
  run.advance(8, random);
  const std::uint64_t events = run.events(), attempts = run.attempts();
  double t = 8;
  const double step = 4e5 / static_cast<double>(rules.model().box.sites());
  for (auto _ : state) run.advance(t += step, random);
  report(state, run, run.events() - events, run.attempts() - attempts);
}
void BM_ContactProcess1D(benchmark::State& state) { contact(state, {state.range(0)}, 3.297848); }
BENCHMARK(BM_ContactProcess1D)->Arg(2000)->Arg(20000)->Arg(200000);
void BM_ContactProcess2D(benchmark::State& state) { contact(state, {state.range(0), state.range(0)}, 1.64874); }
BENCHMARK(BM_ContactProcess2D)->Arg(256)->Arg(1024);

void BM_Annihilation1D(benchmark::State& state) {  // A + A -> 0 on contact, over t = 0..64
  Model m;
  m.species = {"A"};
  m.box.extent = {state.range(0)};
  m.hop = {1};
  m.contacts = {{1, 1, 0, "", ""}};
  m.initial.kind = Initial::Kind::full;
  const ExclusionRules rules(m);
  ExclusionKinetics run(rules);
  std::uint64_t events = 0, attempts = 0, k = 0;
  for (auto _ : state) {
    FastStream random = Stream(1, k++, "bench").fast();
    run.start(random);
    run.advance(64, random);
    events += run.events(), attempts += run.attempts();
  }
  report(state, run, events, attempts);
}
BENCHMARK(BM_Annihilation1D)->Arg(100000)->Arg(1000000);

void BM_MayLeonard2D(benchmark::State& state) {  // three species in cyclic competition, M = 1e-5
  const std::int64_t n = state.range(0);
  Model m;
  m.species = {"A", "B", "C"};
  m.box.extent = {n, n};
  for (State s = 1; s <= 3; ++s) {
    const auto prey = static_cast<State>(s % 3 + 1);
    m.pairs.push_back({{s, prey}, {s, 0}, 0.25, "", ""});
    m.pairs.push_back({{s, 0}, {s, s}, 0.25, "", ""});
    m.exchanges.push_back({s, prey, 1e-5 * static_cast<double>(n * n), "", ""});
  }
  m.hop.assign(3, 1e-5 * static_cast<double>(n * n));
  m.initial.density = {0.25, 0.25, 0.25};
  const ExclusionRules rules(m, 0, Picking::dense);
  ExclusionKinetics run(rules);
  FastStream random = Stream(1, 0, "bench").fast();
  run.start(random);
  double t = 0;
  for (auto _ : state) run.advance(t += 1, random);
  report(state, run, run.events(), run.attempts());
}
BENCHMARK(BM_MayLeonard2D)->Arg(256);

void BM_TwoSpeciesAnnihilation(benchmark::State& state) {  // A + B -> 0 on contact, any number of a kind on a site, over t = 0..16
  Model m;
  m.species = {"A", "B"};
  m.box.extent = {state.range(0)};
  m.occupation = Occupation::bosonic;
  m.hop = {1, 1};
  m.contacts = {{1, 2, 0, "", ""}};
  m.initial = {.kind = Initial::Kind::poisson, .density = {0.5, 0.5}};
  const BosonicRules rules(m);
  BosonicKinetics run(rules);
  std::uint64_t events = 0, attempts = 0, k = 0;
  for (auto _ : state) {
    FastStream random = Stream(1, k++, "bench").fast();
    run.start(random);
    run.advance(16, random);
    events += run.events(), attempts += run.attempts();
  }
  report(state, run, events, attempts);
}
BENCHMARK(BM_TwoSpeciesAnnihilation)->Arg(100000)->Arg(1000000);

void BM_BranchingOnSites(benchmark::State& state) {  // A -> 2A, A -> 0, 2A -> A on each site, about 50 particles a site
  Model m;
  m.species = {"A"};
  m.box.extent = {state.range(0)};
  m.occupation = Occupation::bosonic;
  m.hop = {1};
  m.reactions = {{{1}, {2}, 1.5, "", ""}, {{1}, {0}, 1.0, "", ""}, {{2}, {1}, 0.01, "", ""}};
  m.initial = {.kind = Initial::Kind::poisson, .density = {50}};
  const BosonicRules rules(m);
  BosonicKinetics run(rules);
  FastStream random = Stream(1, 0, "bench").fast();
  run.start(random);
  double t = 0;
  for (auto _ : state) run.advance(t += 1, random);
  report(state, run, run.events(), run.attempts());
}
BENCHMARK(BM_BranchingOnSites)->Arg(1000);

}  // namespace
