#include "systems/lattice/lotka-volterra-lattice/lotka_volterra_lattice.h"

#include "kits/lattice/lattice_fixture.h"

namespace meso::systems::lotka_volterra_lattice {
namespace {

using namespace lattice::testing;

// Lattice against mean field: means and the frequency of the persisting oscillations differ.
TEST(LotkaVolterraLatticeTruth, TheLatticeOscillatesSlowerThanTheRateEquation) {
  const double lambda = 4, window = 400;
  const Answer a = answer_of(system(), {.parameters = {{"lambda", Value(lambda)}, {"L", Value(64)}}, .when = Stationary{60.0, window}, .observables = {"A.density", "B.density", "A.spectrum"},
                                        .trajectories = 16, .options = {{"samples", Value(800)}}});
  const Estimate& spectrum = get(a, "A.spectrum");
  const std::vector<double>& omega = spectrum.axes.back().points;
  std::size_t peak = 0;
  const auto smooth = [&](std::size_t i) {
    double sum = 0;
    for (std::size_t j = i - 2; j <= i + 2; ++j) sum += spectrum.value[j];
    return sum / 5;
  };
  for (std::size_t i = 2; i + 3 < omega.size(); ++i)
    if (peak == 0 || smooth(i) > smooth(peak)) peak = i;
  double half = 0;
  for (std::size_t i = peak; i + 3 < omega.size(); ++i)
    if (smooth(i) < 0.5 * smooth(peak)) {
      half = omega[i] - omega[peak];
      break;
    }
  measured("lotka-volterra-lattice", "peak frequency over mean field, lambda = 4, L = 64", omega[peak] / 0.658478, 2 * (omega[1] - omega[0]) / 0.658478, "below 1");
  measured("lotka-volterra-lattice", "quality of the peak (frequency over full width)", omega[peak] / (half), 0, "measured only");
  measured("lotka-volterra-lattice", "mean density of A, lambda = 4", get(a, "A.density").value[0], get(a, "A.density").se(0), "0.175 in mean field");
  measured("lotka-volterra-lattice", "mean density of B, lambda = 4", get(a, "B.density").value[0], get(a, "B.density").se(0), "0.125 in mean field");
  EXPECT_LT(omega[peak], 0.95 * 0.658478);
  EXPECT_GT(omega[peak], 0.2 * 0.658478);
  EXPECT_GT(smooth(peak), 3 * smooth(2)) << "a peak away from zero frequency";
  EXPECT_GT(std::abs(get(a, "A.density").value[0] - 0.175), 10 * get(a, "A.density").se(0));
}

}  // namespace
}  // namespace meso::systems::lotka_volterra_lattice
