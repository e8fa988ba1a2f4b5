// Equilibrium spin updates: spins looked at per second on one core. The target is 0.2 of the limit, an AVX-512 checkerboard with
// bytes for spins and 16-bit thresholds (limits/ising_lattice.cpp), which is compiled and run in the same call.
#include <benchmark/benchmark.h>

#include <cmath>
#include <cstdlib>
#include <string>

#include "bench/limit.h"
#include "kits/lattice/ising.h"

namespace {

using namespace meso;
using namespace meso::lattice;

// The limit program's figure (the best of its three runs), or 0 where it cannot run.
double limit() {
  if (lattice::detail::widest_spin_registers() != lattice::detail::SpinRegisters::widest) return 0;
  static const double found = bench::number_after(bench::lines_of(MESO_LIMIT_PROGRAM), "AVX-512", "1024^2: ");
  return found;
}

void BM_Ising(benchmark::State& state, std::vector<std::size_t> extent, bool heat_bath) {
  const SpinLayout layout(std::move(extent));
  const int z = 2 * static_cast<int>(layout.dimension);
  const double beta = layout.dimension == 1 ? 1.0 : layout.dimension == 2 ? 0.44068679 : 0.22165463;
  const auto energy = ising_energy(z, 1.0, 0.0);
  IsingLattices lattices(layout, heat_bath ? FlipTable::heat_bath(z, energy, beta) : FlipTable::metropolis(z, energy, beta));
  for (std::size_t k = 0; k < IsingLattices::width; ++k) lattices.start(k, Stream(1, k, "bench").fast(), true);
  for (auto _ : state) lattices.sweep();
  std::vector<SpinSums> sums(layout.copies);
  lattices.measure(0, sums);
  if (std::abs(sums[0].magnetisation) == static_cast<std::int64_t>(layout.sites)) state.SkipWithError("no spin flipped");
  const double updates = static_cast<double>(layout.sites * layout.copies * IsingLattices::width) * static_cast<double>(state.iterations());
  state.counters["spin-updates/s"] = benchmark::Counter(updates, benchmark::Counter::kIsRate);
  if (limit() > 0) state.counters["of-limit"] = benchmark::Counter(updates / limit(), benchmark::Counter::kIsRate);
}
BENCHMARK_CAPTURE(BM_Ising, metropolis_2d_1024, {1024, 1024}, false);
BENCHMARK_CAPTURE(BM_Ising, metropolis_2d_128, {128, 128}, false);
BENCHMARK_CAPTURE(BM_Ising, heat_bath_2d_128, {128, 128}, true);
BENCHMARK_CAPTURE(BM_Ising, metropolis_1d_4096, {4096}, false);
BENCHMARK_CAPTURE(BM_Ising, metropolis_3d_64, {64, 64, 64}, false);

}  // namespace
