#include "kits/lattice/correlations.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "base/error.h"
#include "rng/stream.h"
#include "testing/statistics.h"

namespace meso::lattice {
namespace {

constexpr double tau = 2 * std::numbers::pi;

std::vector<double> noise(std::size_t n, std::uint64_t key, double mean = 0) {
  Stream stream(5, key, "test/correlations");
  std::vector<double> x(n);
  for (double& v : x) v = mean + stream.normal();
  return x;
}

using Site = std::array<std::size_t, 3>;
Site site(std::size_t i, const Site& n) { return {i / (n[1] * n[2]), i / n[2] % n[1], i % n[2]}; }

// C_ab at one displacement and S_ab at one wavevector, straight from their definitions.
double direct_correlation(const std::vector<double>& a, const std::vector<double>& b, double ma, double mb, const Site& n, std::size_t displacement) {
  const Site d = site(displacement, n);
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const Site s = site(i, n);
    const auto at = [&](bool back) {
      Site t;
      for (int k = 0; k < 3; ++k) t[k] = (s[k] + (back ? n[k] - d[k] : d[k])) % n[k];
      return (t[0] * n[1] + t[1]) * n[2] + t[2];
    };
    sum += (a[i] - ma) * 0.5 * (b[at(false)] + b[at(true)] - 2 * mb);
  }
  return sum / static_cast<double>(a.size());
}

double direct_structure_factor(const std::vector<double>& a, const std::vector<double>& b, double ma, double mb, const Site& n, std::size_t wave) {
  const Site k = site(wave, n);
  std::complex<double> A = 0, B = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const Site s = site(i, n);
    double angle = 0;
    for (int d = 0; d < 3; ++d) angle -= tau * static_cast<double>(k[d] * s[d]) / static_cast<double>(n[d]);
    A += (a[i] - ma) * std::polar(1.0, angle);
    B += (b[i] - mb) * std::polar(1.0, angle);
  }
  return (A * std::conj(B)).real() / static_cast<double>(a.size());
}

TEST(Correlations, AreTheDirectSumsInOneToThreeDimensionsEvenAndOdd) {
  const std::vector<std::pair<std::vector<std::size_t>, Site>> lattices{{{12}, {1, 1, 12}}, {{9}, {1, 1, 9}},          {{6, 8}, {1, 6, 8}},
                                                                         {{5, 7}, {1, 5, 7}}, {{4, 3, 6}, {4, 3, 6}}, {{3, 5, 5}, {3, 5, 5}}};
  for (const auto& [extent, n] : lattices) {
    const CorrelationLattice lattice(extent);
    const std::size_t size = lattice.sites();
    const std::vector<double> a = noise(size, 1, 0.7), b = noise(size, 2, -0.3);
    CorrelationLattice::Workspace work;
    std::vector<double> s(size), c(size);
    lattice.full_structure_factor(a, b, 0.5, 0.1, s, work);
    lattice.full_correlation(a, b, 0.5, 0.1, c, work);
    for (std::size_t i = 0; i < size; ++i) {
      EXPECT_NEAR(s[i], direct_structure_factor(a, b, 0.5, 0.1, n, i), 1e-11) << extent.size() << "-d, wave " << i;
      EXPECT_NEAR(c[i], direct_correlation(a, b, 0.5, 0.1, n, i), 1e-12) << extent.size() << "-d, displacement " << i;
    }
    // Shells: averages of those, of all pairs at once.
    std::vector<double> fields = a;
    fields.insert(fields.end(), b.begin(), b.end());
    const std::vector<double> subtract{0.5, 0.1};
    std::vector<double> shell_s(3 * lattice.wavenumbers().count()), shell_c(3 * lattice.distances().count());
    lattice.both(fields, subtract, shell_s, shell_c, work);
    const auto check = [&](const Shells& shells, const std::vector<double>& full, std::span<const double> averaged) {
      std::vector<double> sum(shells.count());
      std::vector<std::size_t> members(shells.count());
      for (std::size_t i = 0; i < size; ++i)
        if (shells.of[i] != Shells::outside) sum[shells.of[i]] += full[i], ++members[shells.of[i]];
      EXPECT_EQ(members, shells.members);
      for (std::size_t k = 0; k < shells.count(); ++k) EXPECT_NEAR(averaged[k], sum[k] / static_cast<double>(members[k]), 1e-12);
    };
    check(lattice.wavenumbers(), s, std::span(shell_s).subspan(lattice.wavenumbers().count(), lattice.wavenumbers().count()));  // pair (0, 1) is the second
    check(lattice.distances(), c, std::span(shell_c).subspan(lattice.distances().count(), lattice.distances().count()));
  }
  EXPECT_EQ(field_pairs(3), (std::vector<std::pair<std::size_t, std::size_t>>{{0, 0}, {0, 1}, {0, 2}, {1, 1}, {1, 2}, {2, 2}}));
}

TEST(Correlations, ShellsAreTheDistancesAndWavenumbersTheySay) {
  const CorrelationLattice ring({10});
  ASSERT_EQ(ring.distances().count(), 6u);
  for (std::size_t r = 0; r < 6; ++r) {
    EXPECT_EQ(ring.distances().radius[r], static_cast<double>(r));
    EXPECT_EQ(ring.distances().members[r], r == 0 || r == 5 ? 1u : 2u);
    EXPECT_NEAR(ring.wavenumbers().radius[r], tau * static_cast<double>(r) / 10, 1e-15);
  }
  EXPECT_EQ(CorrelationLattice({9}).distances().count(), 5u);
  EXPECT_EQ(CorrelationLattice({1, 12}).dimension(), 1u);
  const CorrelationLattice plane({8, 8});
  EXPECT_EQ(plane.distances().members[1], 8u) << "4 sites at 1 and 4 at sqrt(2)";
  EXPECT_NEAR(plane.distances().radius[1], (1 + std::sqrt(2.0)) / 2, 1e-15);
  const CorrelationLattice slab({4, 16});  // two different sides
  EXPECT_EQ(slab.distances().radius.back(), 2.0);
  EXPECT_NEAR(slab.wavenumbers().radius.back(), std::numbers::pi, 0.05);
  for (const CorrelationLattice* lattice : {&ring, &plane, &slab})
    for (const Shells* shells : {&lattice->distances(), &lattice->wavenumbers()}) {
      EXPECT_EQ(shells->radius[0], 0.0);
      EXPECT_EQ(shells->members[0], 1u);
      for (std::size_t k = 1; k < shells->count(); ++k) EXPECT_GT(shells->radius[k], shells->radius[k - 1]);
    }
  EXPECT_THROW(CorrelationLattice({1, 1}), ParameterError);
  EXPECT_THROW(CorrelationLattice({2, 2, 2, 2}), ParameterError);
}

TEST(Correlations, ObeyWienerKhinchinAndTheSumRule) {
  const CorrelationLattice ring({64});
  const std::vector<double> a = noise(64, 3, 2.0);
  CorrelationLattice::Workspace work;
  for (const std::vector<double>& subtract : {std::vector<double>{}, std::vector<double>{0.0}, std::vector<double>{2.0}}) {
    std::vector<double> s(33), c(33);
    ring.both(a, subtract, s, c, work);
    double mean = 0, variance = 0;
    for (const double v : a) mean += v / 64;
    const double off = subtract.empty() ? mean : subtract[0];
    for (const double v : a) variance += (v - off) * (v - off) / 64;
    EXPECT_NEAR(c[0], variance, 1e-12);
    for (std::size_t r = 0; r <= 32; ++r) {
      double sum = 0;
      for (std::size_t k = 0; k <= 32; ++k) sum += static_cast<double>(ring.wavenumbers().members[k]) * s[k] * std::cos(tau * static_cast<double>(k * r) / 64) / 64;
      EXPECT_NEAR(c[r], sum, 1e-12) << r;
    }
    EXPECT_NEAR(s[0], 64 * (mean - off) * (mean - off), 1e-11);
    if (subtract.empty()) {
      EXPECT_EQ(s[0], 0.0);
    }
  }
}

TEST(Correlations, OfOnePlaneWaveAreACosineAndTwoPeaks) {
  const std::size_t L = 12, k = 3;
  const CorrelationLattice plane({L, L});
  std::vector<double> wave(L * L), shifted(L * L), s(L * L), c(L * L);
  for (std::size_t x = 0; x < L; ++x)
    for (std::size_t y = 0; y < L; ++y) {
      const double angle = tau * static_cast<double>(k * y + x) / L;
      wave[x * L + y] = std::cos(angle);
      shifted[x * L + y] = std::cos(angle + 0.4);  // another species, out of phase
    }
  CorrelationLattice::Workspace work;
  plane.full_structure_factor(wave, shifted, 0, 0, s, work);
  plane.full_correlation(wave, shifted, 0, 0, c, work);
  for (std::size_t x = 0; x < L; ++x)
    for (std::size_t y = 0; y < L; ++y) {
      const bool at_wave = (x == 1 && y == k) || (x == L - 1 && y == L - k);
      EXPECT_NEAR(s[x * L + y], at_wave ? L * L * 0.25 * std::cos(0.4) : 0.0, 1e-11);
      EXPECT_NEAR(c[x * L + y], 0.5 * std::cos(0.4) * std::cos(tau * static_cast<double>(k * y + x) / L), 1e-12);
    }
  std::vector<double> shells(plane.wavenumbers().count());
  plane.structure_factors(wave, {}, shells, work);
  const Peak peak = structure_peak(plane.wavenumbers().radius, shells);
  EXPECT_NEAR(peak.wavelength, L / std::hypot(1.0, 3.0), 0.2);
  EXPECT_NEAR(mean_wavenumber(plane.wavenumbers(), shells), plane.wavenumbers().radius[3], 1e-12);
}

TEST(Correlations, OfWhiteNoiseAreFlatInEveryDimension) {
  for (const std::vector<std::size_t>& extent : {std::vector<std::size_t>{256}, {16, 16}, {8, 4, 8}}) {
    const CorrelationLattice lattice(extent);
    CorrelationLattice::Workspace work;
    const std::size_t nq = lattice.wavenumbers().count(), nr = lattice.distances().count(), runs = 4000;
    std::vector<double> s(3 * nq), c(3 * nr), sum(3 * (nq + nr)), square(3 * (nq + nr));
    for (std::size_t run = 0; run < runs; ++run) {
      std::vector<double> fields = noise(2 * lattice.sites(), 100 + run);
      for (std::size_t i = 0; i < lattice.sites(); ++i) fields[lattice.sites() + i] = 0.5 * fields[i] + 2.0 * fields[lattice.sites() + i];  // <ab> = 0.5, <bb> = 4.25
      lattice.both(fields, std::vector<double>{0, 0}, s, c, work);
      for (std::size_t j = 0; j < sum.size(); ++j) {
        const double v = j < s.size() ? s[j] : c[j - s.size()];
        sum[j] += v;
        square[j] += v * v;
      }
    }
    const double expected[] = {1.0, 0.5, 4.25};
    std::vector<MeanCheck> checks;
    for (std::size_t j = 0; j < sum.size(); ++j) {
      const bool in_q = j < s.size();
      const std::size_t pair = in_q ? j / nq : (j - s.size()) / nr;
      const bool self = in_q || (j - s.size()) % nr == 0;
      const double mean = sum[j] / runs, error = std::sqrt((square[j] / runs - mean * mean) / runs), scale = std::sqrt(pair == 0 ? 1.0 : pair == 1 ? 4.25 : 4.25 * 4.25);
      checks.push_back({self ? expected[pair] / scale : 0.0, mean / scale, error / scale, (in_q ? "S" : "C") + std::to_string(j)});
    }
    EXPECT_TRUE(MeansMatch(checks, 0.25)) << extent.size();
  }
}

TEST(Correlations, PeakIsTheVertexOfAParabolaAndSaysWhenThereIsNone) {
  const std::vector<double> q{0, 0.3, 0.55, 0.9, 1.1, 1.5};
  std::vector<double> s;
  for (const double x : q) s.push_back(7 - 3 * (x - 0.8) * (x - 0.8));
  s[0] = 100;  // q = 0 is no pattern
  const Peak peak = structure_peak(q, s);
  EXPECT_NEAR(peak.q, 0.8, 1e-13);
  EXPECT_NEAR(peak.height, 7.0, 1e-13);
  EXPECT_NEAR(peak.wavelength, tau / 0.8, 1e-12);
  EXPECT_FALSE(peak.at_edge);
  const std::vector<double> falling{9, 8, 4, 3, 2, 1};
  EXPECT_TRUE(structure_peak(q, falling).at_edge);
  EXPECT_EQ(structure_peak(q, falling).q, 0.3);
  EXPECT_THROW((void)structure_peak(std::vector<double>{0}, std::vector<double>{1}), Error);
}

// The propagator 1 / (1 + xi^2 4 sin^2(q/2)) has C(r) ~ exp(-r / x) with 2 sinh(1/(2 x)) = 1/xi on an infinite ring.
TEST(Correlations, LengthsAreThoseOfTheLatticePropagator) {
  const double xi = 5.0;
  const CorrelationLattice ring({400});
  const Shells &waves = ring.wavenumbers(), &distances = ring.distances();
  Estimate s{.observable = "S", .axes = {{"q", "1", waves.radius}}}, c{.observable = "C", .axes = {{"r", "1", distances.radius}}};
  for (const double q : waves.radius) s.value.push_back(3.0 / (1 + xi * xi * 4 * std::sin(q / 2) * std::sin(q / 2)));
  for (std::size_t r = 0; r < distances.count(); ++r) {
    double sum = 0;
    for (std::size_t k = 0; k < waves.count(); ++k) sum += static_cast<double>(waves.members[k]) * s.value[k] * std::cos(waves.radius[k] * static_cast<double>(r)) / 400;
    c.value.push_back(sum);
  }
  EXPECT_NEAR(second_moment_length(waves.radius, s).value, xi, 1e-9);
  Estimate conserved = s;
  conserved.value[0] = 0;  // from the next two wavenumbers
  EXPECT_NEAR(second_moment_length(waves.radius, conserved).value, xi, 1e-9);
  const double decay = 1 / (2 * std::asinh(1 / (2 * xi)));
  EXPECT_NEAR(exponential_length(distances.radius, c, 2, 60).value, decay, 1e-9);
  Estimate flat = s;
  flat.value.assign(flat.value.size(), 1.0);
  EXPECT_NEAR(second_moment_length(waves.radius, flat).value, 0.0, 1e-9) << "white noise has no length";
  Estimate rising = s;
  rising.value = {1, 2, 3};
  EXPECT_TRUE(std::isnan(second_moment_length(std::vector<double>{0, 0.1, 0.2}, rising).value));
  EXPECT_NE(second_moment_length(std::vector<double>{0, 0.1, 0.2}, rising).why.find("does not fall"), std::string::npos);
  EXPECT_NE(exponential_length(distances.radius, c, 2.1, 2.9).why.find("two are needed"), std::string::npos);
}

// The periodic solution of x_{i+1} = a x_i + noise has C(r) ~ a^r + a^(L-r): length -1 / log a, and the errors must cover it.
TEST(Correlations, LengthsCarryDeleteABatchErrors) {
  const double a = 0.8, exact = -1 / std::log(a);
  const std::size_t L = 256, batches = 40, runs = 80;
  const CorrelationLattice ring({L});
  CorrelationLattice::Workspace work;
  const std::size_t nr = ring.distances().count();
  std::vector<double> total(nr), c(nr);
  std::vector<std::vector<double>> part(batches, std::vector<double>(nr));
  for (std::size_t run = 0; run < batches * runs; ++run) {
    const std::vector<double> kicks = noise(L, 10000 + run);
    std::vector<double> x(L);
    for (int lap = 0; lap < 2; ++lap)  // the same kicks twice round: what is left of the start is 0.8^256
      for (std::size_t i = 0; i < L; ++i) x[i] = a * x[(i + L - 1) % L] + kicks[i];
    ring.correlations(x, std::vector<double>{0.0}, c, work);
    for (std::size_t r = 0; r < nr; ++r) total[r] += c[r], part[run / runs][r] += c[r];
  }
  Estimate e{.observable = "C", .axes = {{"r", "1", ring.distances().radius}}};
  e.batches = Batches{std::vector<double>(batches, static_cast<double>(runs)), {}};
  for (const double v : total) e.value.push_back(v / static_cast<double>(batches * runs));
  for (const auto& p : part)
    for (std::size_t r = 0; r < nr; ++r) e.batches->replicate.push_back((total[r] - p[r]) / static_cast<double>((batches - 1) * runs));
  const LengthEstimate length = exponential_length(ring.distances().radius, e, 0, 8);
  EXPECT_TRUE(MeansMatch({{exact, length.value, length.std_error, "length", length.dof}}, 0.4));
  EXPECT_LT(length.std_error, 0.05);
  // As a row of an estimate over (t, r).
  Estimate two = e;
  two.axes.insert(two.axes.begin(), {"t", "1", {1, 2}});
  two.value.insert(two.value.begin(), nr, 7.0);
  two.batches->replicate.clear();
  for (std::size_t b = 0; b < batches; ++b) {
    two.batches->replicate.insert(two.batches->replicate.end(), nr, 7.0);
    two.batches->replicate.insert(two.batches->replicate.end(), e.batches->replicate.begin() + static_cast<std::ptrdiff_t>(b * nr), e.batches->replicate.begin() + static_cast<std::ptrdiff_t>((b + 1) * nr));
  }
  const LengthEstimate again = exponential_length(ring.distances().radius, row_of(two, 1), 0, 8);
  EXPECT_EQ(again.value, length.value);
  EXPECT_EQ(again.std_error, length.std_error);
  EXPECT_THROW((void)row_of(two, 2), Error);
  EXPECT_THROW((void)row_of(e, 0), Error);
}

TEST(Correlations, OccupationsGiveDensitiesAndPairCorrelations) {
  const std::vector<int> state{0, 1, 2, 1, 0, 0, 2, 1};
  std::vector<double> fields(16);
  occupation<int>(state, 1, std::span(fields).subspan(0, 8));
  occupation<int>(state, 2, std::span(fields).subspan(8, 8));
  const CorrelationLattice ring({8});
  CorrelationLattice::Workspace work;
  std::vector<double> c(3 * 5);
  ring.correlations(fields, std::vector<double>{0, 0}, c, work);
  EXPECT_NEAR(c[0], 3.0 / 8, 1e-14) << "density of species 1";
  EXPECT_NEAR(c[5], 0.0, 1e-14) << "one particle a site";
  EXPECT_NEAR(c[6], 0.5 * (1 + 2) / 8, 1e-14) << "pairs 1-2 next to each other: 1 ahead at site 1, 2 behind at 3 and 7";
  EXPECT_THROW(ring.correlations(fields, std::vector<double>{0}, c, work), Error);
  EXPECT_THROW(ring.correlations(std::span(fields).subspan(0, 9), {}, c, work), Error);
}

}  // namespace
}  // namespace meso::lattice
