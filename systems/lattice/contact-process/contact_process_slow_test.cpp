#include "systems/lattice/contact-process/contact_process.h"

#include "kits/lattice/lattice_fixture.h"
#include "stat/fit.h"

namespace meso::systems::contact_process {
namespace {

using namespace lattice::testing;

// Directed percolation in one dimension: density at the critical point from a full lattice.
TEST(ContactProcessSlow, CriticalDecayInOneDimension) {
  const std::vector<double> times{32, 64, 128, 256, 512, 1024, 2048};
  const std::vector<double> reference{0.3877, 0.3518, 0, 0.2823, 0, 0.2214, 0.2032};  // single run of 2e5 sites, about 1 % of statistics late
  const Answer a = answer_of(system(), {.parameters = {{"L", Value(100000)}, {"lambda", Value(3.29785)}}, .when = Times{times}, .observables = {"A.density", "A.exponent"},
                                        .trajectories = 8, .options = {{"fit-from", Value(64.0)}}});
  const Estimate &rho = get(a, "A.density"), &exponent = get(a, "A.exponent");
  for (std::size_t i = 0; i < times.size(); ++i) {
    if (reference[i] == 0) continue;
    measured("contact-process", "1-D density at t = " + std::to_string(static_cast<int>(times[i])), rho.value[i], rho.se(i), reference[i], "card, single run, 2 %");
    // The reference is one run of a quarter of our sites: beside its 2 % it carries twice our standard error.
    EXPECT_NEAR(rho.value[i] / reference[i], 1, 0.02 + 3 * 2 * rho.se(i) / rho.value[i]) << times[i];
    EXPECT_LT(rho.se(i) / rho.value[i], 0.015);
  }
  measured("contact-process", "1-D decay exponent, t = 64..2048", exponent.value[0], exponent.se(0), 0.159464, "Jensen (1999), doi:10.1088/0305-4470/32/28/304");
  EXPECT_NEAR(exponent.value[0], 0.159464, 0.006);
  EXPECT_LT(exponent.se(0), 0.002);
}

TEST(ContactProcessSlow, CriticalDecayInTwoDimensions) {
  const std::vector<double> times{16, 32, 64, 128, 256, 512};
  const Answer a = answer_of(system(), {.parameters = {{"L", Value(500)}, {"d", Value(2)}, {"lambda", Value(1.64874)}}, .when = Times{times}, .observables = {"A.density", "A.exponent"},
                                        .trajectories = 8, .options = {{"fit-from", Value(32.0)}}});
  const Estimate &rho = get(a, "A.density"), &exponent = get(a, "A.exponent");
  measured("contact-process", "2-D density at t = 64", rho.value[2], rho.se(2), 0.0948, "card, single run, 4 %");
  measured("contact-process", "2-D density at t = 512", rho.value[5], rho.se(5), 0.0376, "card, single run, 4 %");
  measured("contact-process", "2-D decay exponent, t = 32..512", exponent.value[0], exponent.se(0), 0.4505, "field value of directed percolation in 2+1 dimensions");
  EXPECT_NEAR(rho.value[2] / 0.0948, 1, 0.04);
  EXPECT_NEAR(rho.value[5] / 0.0376, 1, 0.04);
  EXPECT_NEAR(exponent.value[0], 0.45, 0.02);
}

// Spreading from a single seed.
TEST(ContactProcessSlow, SpreadingFromASeedInOneDimension) {
  const std::vector<double> times = log_times(10, 1000, 9);
  const Answer a = answer_of(system(), {.parameters = {{"L", Value(4000)}, {"lambda", Value(3.29785)}, {"start", Value("seed")}}, .when = Times{times},
                                        .observables = {"survival", "A.number", "A.spread"}, .trajectories = 20000});
  const auto exponent = [&](const char* what, double exact) {
    const PowerFit fit = fit_power(times, get(a, what), 30, 1000);
    measured("contact-process", std::string("1-D seed: exponent of ") + what + ", t = 30..1000", fit.exponent, fit.std_error, exact, "Jensen (1999), doi:10.1088/0305-4470/32/28/304");
    EXPECT_NEAR(fit.exponent, exact, 0.02 + 3 * fit.std_error) << what << " +- " << fit.std_error;
    EXPECT_LT(fit.std_error, 0.012) << what;
  };
  exponent("survival", -0.159464);
  exponent("A.number", 0.313686);
  exponent("A.spread", 2 / 1.580745);
  EXPECT_EQ(flag_text(a), "") << "no cluster may reach the edge";
}

// Given survival, at the critical point: the density falls as L^(-beta/nu_perp), the lifetime grows as L^z, and <rho^2>/<rho>^2 tends to a universal ratio.
TEST(ContactProcessSlow, QuasiStationaryFiniteSizeScaling) {
  const std::vector<double> sides{20, 40, 80, 120};
  std::vector<double> log_side, log_density, log_life, density_weight, life_weight;
  double ratio = 0, ratio_error = 0;
  for (const double L : sides) {
    const double relaxation = std::pow(L, 1.58);
    const Answer a = answer_of(system(), {.parameters = {{"L", Value(static_cast<std::int64_t>(L))}, {"lambda", Value(3.297848)}}, .when = Stationary{20 * relaxation, 100 * relaxation},
                                          .observables = {"A.density", "A.fluctuation", "extinction-rate"}, .trajectories = 64, .options = {{"quasi-stationary", Value(true)}, {"samples", Value(1000)}, {"stored", Value(400)}}});
    const Estimate &rho = get(a, "A.density"), &v = get(a, "A.fluctuation"), &rate = get(a, "extinction-rate");
    log_side.push_back(std::log(L)), log_density.push_back(std::log(rho.value[0])), log_life.push_back(-std::log(rate.value[0]));
    density_weight.push_back(std::pow(rho.value[0] / rho.se(0), 2)), life_weight.push_back(std::pow(rate.value[0] / rate.se(0), 2));
    const double relative = v.value[0] / (L * rho.value[0] * rho.value[0]);
    ratio = 1 + relative, ratio_error = relative * std::hypot(v.se(0) / v.value[0], 2 * rho.se(0) / rho.value[0]);
    measured("contact-process", "given survival at lambda_c: <rho^2>/<rho>^2, L = " + std::to_string(static_cast<int>(L)), ratio, ratio_error, 1.1736, "tends to it: Dickman, Kamphorst Leal da Silva (1998), doi:10.1103/PhysRevE.58.4266");
  }
  const LineFit density = fit_line(log_side, log_density, density_weight), life = fit_line(log_side, log_life, life_weight);
  measured("contact-process", "given survival at lambda_c: exponent of the density in L, L = 20..120", density.slope, density.slope_error, -0.276486 / 1.096854, "-beta/nu_perp, Jensen (1999), doi:10.1088/0305-4470/32/28/304");
  measured("contact-process", "given survival at lambda_c: exponent of the lifetime in L, L = 20..120", life.slope, life.slope_error, 1.580745, "z, Jensen (1999), doi:10.1088/0305-4470/32/28/304");
  EXPECT_NEAR(density.slope, -0.276486 / 1.096854, 0.01 + 4 * density.slope_error);
  EXPECT_LT(density.slope_error, 0.004);
  EXPECT_NEAR(life.slope, 1.580745, 0.03 + 4 * life.slope_error);
  EXPECT_LT(life.slope_error, 0.02);
  EXPECT_NEAR(ratio, 1.1736, 0.01 + 4 * ratio_error);
  EXPECT_LT(ratio_error, 0.006);
}

}  // namespace
}  // namespace meso::systems::contact_process
