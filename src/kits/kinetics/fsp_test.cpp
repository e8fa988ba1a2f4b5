#include "kits/kinetics/fsp.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"
#include "kits/kinetics/birth_death.h"
#include "testing/measured.h"

namespace meso::kinetics {
namespace {

Network schlogl(double volume, double k1 = 5, double k3 = 2.25) {
  return NetworkSpec{.species = {"X"},
                     .reactions = {"2X -> 3X, k1", "3X -> 2X, k2", "0 -> X, k3", "X -> 0, k4"},
                     .constants = {{"k1", k1}, {"k2", 1}, {"k3", k3}, {"k4", 6.75}},
                     .volume = volume}
      .bind({});
}
Network dimer(double volume) { return NetworkSpec{.species = {"X"}, .reactions = {"0 -> X, 1", "2X -> 0, 1"}, .volume = volume}.bind({}); }
Network brusselator(double volume, double c2) {
  return NetworkSpec{.species = {"X", "Y"}, .reactions = {"2X + Y -> 3X, 0.9", "X -> Y, c2", "0 -> X, 1", "X -> 0, 1"}, .constants = {{"c2", c2}}, .volume = volume}.bind({});
}
Network mrna_protein() { return NetworkSpec{.species = {"M", "P"}, .reactions = {"0 -> M, 2", "M -> 0, 1", "M -> M + P, 5", "P -> 0, 0.2"}}.bind({}); }
Network gene_switch() {
  return NetworkSpec{.species = {"G", "Gb", "P"},
                     .reactions = {"G + P -> Gb, 0.004", "Gb -> G + P, 0.25", "G -> G + P, 60", "Gb -> Gb + P, 25", "P -> 0, 1"},
                     .initial = {{"G", 1}}}
      .bind({});
}
Network immigration_death(double birth, double n0 = 0) { return NetworkSpec{.species = {"X"}, .reactions = {"0 -> X, b", "X -> 0, 1"}, .constants = {{"b", birth}}, .initial = {{"X", n0}}}.bind({}); }

FspStationary stationary(const Network& network, FspOptions options = {}) { return fsp_stationary(MasterEquation(network), options); }

/// I_nu(z) by its power series (all terms positive).
double bessel_i(int nu, double z) {
  double term = 1, sum = 0;
  for (int k = 1; k <= nu; ++k) term *= 0.5 * z / k;
  for (int k = 0; k < 400; ++k) {
    sum += term;
    term *= 0.25 * z * z / ((k + 1.0) * (k + 1.0 + nu));
  }
  return sum;
}

class PlainContext : public Context {
 public:
  std::uint64_t seed() const override { return 1; }
  const std::string& purpose() const override { return purpose_; }
  EnsembleResult ensemble(const std::string&, const Plan&, std::uint64_t, const BatchSample&) override { throw Error("a solved level asks for no ensemble"); }
  void progress(double fraction) override { seen = std::max(seen, fraction); }
  std::filesystem::path artefact(const std::string&) override { return {}; }
  unsigned threads() const override { return threads_given; }
  double seen = 0;
  unsigned threads_given = 1;

 private:
  std::string purpose_ = "test/fsp";
};

Answer ask_stationary(const Network& network, std::vector<std::string> observables, Table options = {}) {
  PlainContext context;
  Ask ask{.when = Stationary{}, .observables = std::move(observables), .options = std::move(options)};
  return fsp_level(network).run(ask, context);
}
Answer ask_times(const Network& network, std::vector<double> times, std::vector<std::string> observables, Table options = {}) {
  PlainContext context;
  Ask ask{.when = Times{std::move(times)}, .observables = std::move(observables), .options = std::move(options)};
  return fsp_level(network).run(ask, context);
}

const std::string script = "master equation, independent script";

// -------------------------------------------------------------------------------------------------------- stationary

TEST(FspStationary, DimerFollowsTheBesselSolution) {
  // Generating function: <n> = sqrt(A/2) I0(z)/I1(z), <n(n-1)> = A/2, A = k1 volume^2/k2, z = 2 sqrt(2A).
  const double card[2] = {0.887818, 7.199505};
  int which = 0;
  for (const double volume : {1.0, 10.0}) {
    const double A = volume * volume, z = 2 * std::sqrt(2 * A);
    const FspStationary law = stationary(dimer(volume));
    ASSERT_EQ(law.status, FspStationary::Status::found);
    const double mean = law.moments.mean[0], exact = std::sqrt(A / 2) * bessel_i(0, z) / bessel_i(1, z);
    EXPECT_NEAR(mean, exact, 1e-9 * exact);
    EXPECT_NEAR(mean, card[which++], 5e-7);
    const std::string at = ", volume " + std::to_string(static_cast<int>(volume));
    measured("dimer", "fsp X.mean" + at, mean, law.error.mean[0], exact, "exact law (Mazo 1975), Bessel series");
    measured("dimer", "fsp <n(n-1)>" + at, law.moments.covariance[0] + mean * mean - mean, law.error.covariance[0] + (2 * mean + 1) * law.error.mean[0], A / 2, "exact, k1 volume^2/(2 k2)");
    EXPECT_NEAR(law.moments.covariance[0] + mean * mean - mean, A / 2, 1e-9 * A);
    EXPECT_LE(std::abs(mean - exact), law.error.mean[0]);
    EXPECT_LT(law.error.mean[0], 1e-8);
  }
}

TEST(FspStationary, SchloglHasThePublishedCumulants) {
  const FspStationary law = stationary(schlogl(10));
  EXPECT_TRUE(law.certified);
  EXPECT_NEAR(law.moments.mean[0] / 10, 0.863326, 1e-6);
  EXPECT_NEAR(law.moments.covariance[0] / 10, 8.539492, 1e-6);
  EXPECT_NEAR(law.moments.cumulant3[0] / 10, 159.463, 1e-3);
  const std::string product = "master equation, product formula";
  measured("schlogl", "fsp X.mean / volume, volume 10", law.moments.mean[0] / 10, law.error.mean[0] / 10, 0.863326, product);
  measured("schlogl", "fsp X.variance / volume, volume 10", law.moments.covariance[0] / 10, law.error.covariance[0] / 10, 8.539492, product);
  measured("schlogl", "fsp X.cumulant3 / volume, volume 10", law.moments.cumulant3[0] / 10, law.error.cumulant3[0] / 10, 159.463, product);
  EXPECT_LT(law.error.mean[0], 1e-10);
  EXPECT_LT(law.error.covariance[0], 1e-9);
  // Moments of the master equation itself: d<n>/dt = 0.
  double drift = 0, up = 0;
  for (std::size_t i = 0; i < law.p.size(); ++i) {
    const double n = law.space[i][0];
    const double birth = 5 * n * (n - 1) / 10 + 22.5, death = n * (n - 1) * (n - 2) / 100 + 6.75 * n;
    drift += law.p[i] * (birth - death);
    up += law.p[i] * birth;
  }
  EXPECT_NEAR(drift / up, 0, 1e-13);
}

TEST(FspStationary, TheProductFormulaAgreesWithTheGeneralSolver) {
  // The same law twice: written with jumps of one, and with an idle pair of jumps of two that makes the general road do it.
  NetworkSpec spec{.species = {"X"}, .reactions = {"0 -> X, = 30", "X -> 0, = 0.1*X*X + X", "X -> 3X, = 0*X"}};
  const FspStationary general = stationary(spec.bind({}));
  spec.reactions.pop_back();
  const FspStationary product = stationary(spec.bind({}));
  EXPECT_FALSE(product.certified) << "a law given as a formula has no proven tail";
  EXPECT_NEAR(general.moments.mean[0], product.moments.mean[0], 1e-11);
  EXPECT_NEAR(general.moments.cumulant4[0], product.moments.cumulant4[0], 1e-8);
  const FspStationary poisson = stationary(immigration_death(1000));
  EXPECT_TRUE(poisson.certified);
  for (const double c : {poisson.moments.mean[0], poisson.moments.covariance[0], poisson.moments.cumulant3[0]}) EXPECT_NEAR(c, 1000, 1e-7);
  EXPECT_NEAR(poisson.moments.cumulant4[0], 1000, 1e-4);  // 3e6 - 3e6 + 1000
  EXPECT_LE(std::abs(poisson.moments.cumulant4[0] - 1000), poisson.error.cumulant4[0]);
}

TEST(FspStationary, BrusselatorHasThePublishedMomentsAndKeepsItsIdentities) {
  const FspStationary law = stationary(brusselator(10, 2));
  ASSERT_EQ(law.status, FspStationary::Status::found) << law.text;
  const auto& m = law.moments;
  EXPECT_NEAR(m.mean[0], 10, 1e-8) << "<X> = volume c3/c4, exact";
  EXPECT_NEAR(m.covariance[0] + m.covariance[1], m.mean[0], 1e-7) << "var X + cov = <X>, exact";
  EXPECT_NEAR(m.mean[1] / 10, 2.513265, 1e-6);
  EXPECT_NEAR(m.covariance[0] / 10, 7.72873, 1e-5);
  EXPECT_NEAR(m.covariance[3] / 10, 13.33853, 1e-5);
  EXPECT_FALSE(law.certified);
  EXPECT_LE(std::abs(m.mean[0] - 10), law.error.mean[0]);
  EXPECT_LT(law.error.mean[0], 1e-6);
  const FspStationary five = stationary(brusselator(5, 3));
  EXPECT_NEAR(five.moments.mean[0], 5, 1e-8);
  EXPECT_NEAR(five.moments.mean[1] / 5, 4.027898, 1e-6);
  EXPECT_NEAR(five.moments.covariance[0] / 5, 10.58847, 1e-5);
  EXPECT_NEAR(five.moments.covariance[3] / 5, 22.0342, 1e-4);
  const std::string identity = "identity of the master equation";
  measured("brusselator", "fsp X.mean, volume 10, c2 = 2", m.mean[0], law.error.mean[0], 10, identity);
  measured("brusselator", "fsp X.variance + X.Y.covariance, volume 10, c2 = 2", m.covariance[0] + m.covariance[1], law.error.covariance[0] + law.error.covariance[1], 10, identity);
  measured("brusselator", "fsp Y.mean / volume, volume 10, c2 = 2", m.mean[1] / 10, law.error.mean[1] / 10, 2.513265, script);
  measured("brusselator", "fsp X.variance / volume, volume 10, c2 = 2", m.covariance[0] / 10, law.error.covariance[0] / 10, 7.72873, script);
  measured("brusselator", "fsp Y.variance / volume, volume 10, c2 = 2", m.covariance[3] / 10, law.error.covariance[3] / 10, 13.33853, script);
  measured("brusselator", "fsp X.mean, volume 5, c2 = 3", five.moments.mean[0], five.error.mean[0], 5, identity);
  measured("brusselator", "fsp Y.mean / volume, volume 5, c2 = 3", five.moments.mean[1] / 5, five.error.mean[1] / 5, 4.027898, script);
  measured("brusselator", "fsp X.variance / volume, volume 5, c2 = 3", five.moments.covariance[0] / 5, five.error.covariance[0] / 5, 10.58847, script);
  measured("brusselator", "fsp Y.variance / volume, volume 5, c2 = 3", five.moments.covariance[3] / 5, five.error.covariance[3] / 5, 22.0342, script);
}

TEST(FspStationary, MrnaProteinHasItsExactMoments) {
  const FspStationary law = stationary(mrna_protein());
  ASSERT_EQ(law.status, FspStationary::Status::found) << law.text;
  EXPECT_NEAR(law.moments.mean[0], 2, 1e-9);
  EXPECT_NEAR(law.moments.mean[1], 50, 1e-7);
  EXPECT_NEAR(law.moments.covariance[3] / law.moments.mean[1], 1 + 5 / 1.2, 1e-7);
  EXPECT_NEAR(law.moments.covariance[1], 10 / 1.2, 1e-7);
  EXPECT_LE(std::abs(law.moments.mean[1] - 50), law.error.mean[1]);
  const std::string exact = "exact moments (Thattai and van Oudenaarden 2001)";
  const double fano = law.moments.covariance[3] / law.moments.mean[1];
  measured("mrna-protein", "fsp M.mean, stationary", law.moments.mean[0], law.error.mean[0], 2, exact);
  measured("mrna-protein", "fsp P.mean, stationary", law.moments.mean[1], law.error.mean[1], 50, exact);
  measured("mrna-protein", "fsp P.fano, stationary", fano, (law.error.covariance[3] + fano * law.error.mean[1]) / law.moments.mean[1], 1 + 5 / 1.2, exact);
  measured("mrna-protein", "fsp M.P.covariance, stationary", law.moments.covariance[1], law.error.covariance[1], 10 / 1.2, exact);
}

TEST(FspStationary, GeneSwitchUsesItsConservationLaw) {  // reference: an independent solution on P <= 160
  const FspStationary law = stationary(gene_switch());
  ASSERT_EQ(law.status, FspStationary::Status::found) << law.text;
  EXPECT_LT(law.p.size(), 600u) << "two gene states times proteins, not a box in three species";
  EXPECT_NEAR(law.moments.mean[0], 0.533579, 1e-6);
  EXPECT_NEAR(law.moments.mean[2], 43.675252, 1e-5);
  EXPECT_NEAR(law.moments.covariance[8], 245.4622, 1e-3);
  EXPECT_NEAR(law.moments.covariance[2] + law.moments.mean[0] * law.moments.mean[2], 29.15134, 1e-4);
}

TEST(FspStationary, TrivialAndReducibleNetworksAreNamed) {
  const FspStationary extinct = stationary(schlogl(2, 5, 0));  // no immigration: X = 0 is absorbing
  EXPECT_EQ(extinct.status, FspStationary::Status::absorbing);
  EXPECT_NE(extinct.text.find("X = 0"), std::string::npos) << extinct.text;
  const FspStationary moran = stationary(NetworkSpec{.species = {"A", "B"}, .reactions = {"A + B -> 2A, 1", "A + B -> 2B, 1"}, .initial = {{"A", 5}, {"B", 40}}}.bind({}));
  EXPECT_EQ(moran.status, FspStationary::Status::several_classes);
  EXPECT_NE(moran.text.find("A = 0, B = 45"), std::string::npos) << moran.text;
  EXPECT_NE(moran.text.find("A = 45, B = 0"), std::string::npos) << moran.text;
  const FspStationary decay = stationary(NetworkSpec{.species = {"A", "B"}, .reactions = {"A -> B, 1", "B -> 0, 2"}, .initial = {{"A", 7}}}.bind({}));
  EXPECT_EQ(decay.status, FspStationary::Status::absorbing);
  EXPECT_NE(decay.text.find("A = 0, B = 0"), std::string::npos) << decay.text;
  FspOptions small;
  small.max_states = 2000;
  const FspStationary growing = stationary(NetworkSpec{.species = {"X"}, .reactions = {"0 -> X, 2", "X -> 2X, 1.5", "X -> 0, 1"}}.bind({}), small);
  EXPECT_EQ(growing.status, FspStationary::Status::truncated) << "no stationary law at all";
  const FspStationary wide = stationary(NetworkSpec{.species = {"X", "Y"}, .reactions = {"0 -> X, 200", "X -> 0, 1", "0 -> Y, 200", "Y -> 0, 1"}}.bind({}), small);
  EXPECT_EQ(wide.status, FspStationary::Status::truncated);
  EXPECT_NE(wide.text.find("states"), std::string::npos);
  // Parity: 0 -> 2X, 2X -> 0 from an odd count lives on the odd numbers.
  const FspStationary odd = stationary(NetworkSpec{.species = {"X"}, .reactions = {"0 -> 2X, 3", "2X -> 0, 1"}, .initial = {{"X", 1}}}.bind({}));
  ASSERT_EQ(odd.status, FspStationary::Status::found);
  for (std::size_t i = 0; i < odd.space.size(); ++i) EXPECT_EQ(odd.space[i][0] % 2, 1);
  EXPECT_FALSE(bimodality(odd.moments.first[0], odd.moments.marginal[0])) << "holes in the support are no valleys";
}

TEST(FspStationary, OpenFirstOrderNetworksAreProductsOfPoissonLawsEntryByEntry) {
  const FspStationary law = stationary(NetworkSpec{.species = {"A", "B"}, .reactions = {"0 -> A, 80", "A <-> B, 2; 1", "A -> 0, 0.5", "B -> 0, 1.5"}}.bind({}));
  ASSERT_EQ(law.status, FspStationary::Status::found) << law.text;
  EXPECT_EQ(law.method, "elimination by nested dissection");
  // 2.5 A = 80 + B, 2.5 B = 2 A
  const double mean[2] = {80 / 1.7, 64 / 1.7};
  double distance = 0;
  const double top = *std::max_element(law.p.begin(), law.p.end());
  for (std::size_t i = 0; i < law.p.size(); ++i) {
    const double log_p = law.space[i][0] * std::log(mean[0]) - mean[0] - std::lgamma(law.space[i][0] + 1.0) + law.space[i][1] * std::log(mean[1]) - mean[1] - std::lgamma(law.space[i][1] + 1.0);
    distance += std::abs(law.p[i] - std::exp(log_p));
    if (std::exp(log_p) > 1e-6 * top) EXPECT_NEAR(law.p[i] / std::exp(log_p), 1, 1e-9) << state_text({.species = {"A", "B"}}, law.space[i]);
  }
  EXPECT_LT(distance, 1e-11);
  for (std::size_t s = 0; s < 2; ++s) {
    EXPECT_LE(std::abs(law.moments.mean[s] - mean[s]), law.error.mean[s]);
    EXPECT_LE(std::abs(law.moments.covariance[3 * s] - mean[s]), law.error.covariance[3 * s]);
  }
  EXPECT_LE(std::abs(law.moments.covariance[1]), law.error.covariance[1]);
}

TEST(FspStationary, ASlowToggleSwitchIsSymmetric) {  // started in one basin, which is hardly ever left: both weigh the same, by symmetry alone
  const FspStationary law = stationary(NetworkSpec{.species = {"X", "Y"},
                                                   .reactions = {"0 -> X, = 40/(1 + (Y/6)^4)", "X -> 0, 1", "0 -> Y, = 40/(1 + (X/6)^4)", "Y -> 0, 1"},
                                                   .initial = {{"X", 40}}}
                                       .bind({}));
  ASSERT_EQ(law.status, FspStationary::Status::found) << law.text;
  EXPECT_NEAR(law.moments.mean[0] / law.moments.mean[1], 1, 1e-11);
  double worst = 0, births = 0;
  for (std::size_t i = 0; i < law.p.size(); ++i) {
    const std::int32_t mirror[2] = {law.space[i][1], law.space[i][0]};
    const std::uint32_t j = law.space.find(mirror);
    if (j != StateSpace::none && law.p[i] > 1e-12) worst = std::max(worst, std::abs(law.p[j] / law.p[i] - 1));
    births += law.p[i] * 40 / (1 + std::pow(law.space[i][1] / 6.0, 4));
  }
  EXPECT_LT(worst, 1e-8);
  EXPECT_NEAR(births, law.moments.mean[0], 1e-9 * births) << "d<X>/dt = 0";
  const std::optional<Bimodality> two = bimodality(law.moments.first[0], law.moments.marginal[0]);
  ASSERT_TRUE(two);
  EXPECT_LT(two->modes[0], 2);
  EXPECT_NEAR(two->modes[1], 39, 2);
}

// ------------------------------------------------------------------------------------------------------ spectral gap

TEST(SpectralGap, OfSchloglIsThePublishedOne) {
  const std::pair<double, double> published[] = {{5, 1.26999}, {10, 0.735707}, {20, 0.366653}, {50, 0.0913866}};
  for (const auto& [volume, gap] : published) {
    const std::optional<double> slow = slow_time(schlogl(volume));
    ASSERT_TRUE(slow);
    EXPECT_NEAR(1 / *slow, gap, 1e-5 * gap) << volume;
    measured("schlogl", "spectral gap, volume " + std::to_string(static_cast<int>(volume)), 1 / *slow, std::nan(""), gap, script);
  }
}

TEST(SpectralGap, KeepsItsDigitsWhenItIsTiny) {
  // Two-well chain with an exact answer: slow rate of a symmetric double well against the sum over escape times. Here: the
  // general solver must agree at moderate barriers, and immigration-death has gap 1 whatever its mean.
  for (const double mean : {0.5, 30.0, 3000.0}) EXPECT_NEAR(1 / *slow_time(immigration_death(mean, std::round(mean))), 1, 1e-9) << mean;
  // Kramers by mean first passage: for a deep barrier, gap = 1/T(left->right) + 1/T(right->left) up to O(gap).
  const double volume = 300;
  const FspStationary law = stationary(schlogl(volume));
  const auto& q = law.moments.marginal[0];
  const auto birth = [&](double n) { return 5 * n * (n - 1) / volume + 2.25 * volume; };
  // T(0.5 V -> 3 V) = sum_{n = a}^{b-1} C(n) / (P(n) birth(n)), and its mirror.
  const auto a = static_cast<std::size_t>(0.5 * volume), b = static_cast<std::size_t>(3 * volume);
  double up = 0, down = 0, below = 0;
  for (std::size_t n = 0; n < b; ++n) {
    below += q[n];
    if (n >= a) up += below / (q[n] * birth(static_cast<double>(n)));
  }
  double above = 0;
  for (std::size_t n = q.size() - 1; n > a; --n) {
    above += q[n];
    if (n <= b) down += above / (q[n - 1] * birth(static_cast<double>(n - 1)));
  }
  const double kramers = 1 / up + 1 / down;
  ASSERT_LT(kramers, 2e-5);
  EXPECT_NEAR(*law.gap() / kramers, 1, 1e-4);
}

TEST(SpectralGap, OfLinearNetworksIsTheirSlowestRate) {
  EXPECT_NEAR(1 / slow_time(mrna_protein(), 20000).value(), 0.2, 1e-6);  // rates 1 and 0.2
  EXPECT_FALSE(slow_time(mrna_protein(), 300)) << "not affordable";
  EXPECT_FALSE(slow_time(schlogl(5, 5, 0))) << "extinct";
  const std::optional<double> dimer_time = slow_time(dimer(10));
  ASSERT_TRUE(dimer_time);
  EXPECT_GT(1 / *dimer_time, 0.5);
}

TEST(SpectralGap, OfAToggleSwitchIsTheRateAtWhichItForgets) {  // from one basin <X - Y> decays at the gap once all else has settled
  const Network network =
      NetworkSpec{.species = {"X", "Y"}, .reactions = {"0 -> X, = 15/(1 + (Y/6)^4)", "X -> 0, 1", "0 -> Y, = 15/(1 + (X/6)^4)", "Y -> 0, 1"}, .initial = {{"X", 15}}}.bind({});
  const std::vector<double> times{60, 120};
  std::vector<double> left;
  (void)fsp_transient(MasterEquation(network), times, {}, [&](const FspState& s) {
    const LawMoments m = law_moments(*s.space, s.p);
    left.push_back(m.mean[0] - m.mean[1]);
  });
  ASSERT_EQ(left.size(), 2u);
  const std::optional<double> gap = stationary(network).gap();
  ASSERT_TRUE(gap);
  EXPECT_NEAR(*gap, std::log(left[0] / left[1]) / 60, 1e-6 * *gap);
}

TEST(Bimodality, NeedsADeepValleyAndWeightOnBothSides) {
  std::vector<double> p(60);
  const auto fill = [&](double weight, double distance) {
    double sum = 0;
    for (std::size_t i = 0; i < p.size(); ++i) {
      const double x = static_cast<double>(i);
      sum += p[i] = (1 - weight) * std::exp(-0.5 * std::pow((x - 15) / 3, 2)) + weight * std::exp(-0.5 * std::pow((x - 15 - distance) / 3, 2));
    }
    for (double& x : p) x /= sum;
  };
  fill(0.3, 20);
  const auto two = bimodality(0, p);
  ASSERT_TRUE(two);
  EXPECT_EQ(two->modes, (std::vector<std::int32_t>{15, 35}));
  fill(0.002, 20);
  EXPECT_FALSE(bimodality(0, p)) << "a basin below 1 %";
  fill(0.5, 7);
  EXPECT_FALSE(bimodality(0, p)) << "the dent between them is shallow";
  fill(0.5, 0);
  p[20] *= 1.05;
  EXPECT_FALSE(bimodality(0, p)) << "a ripple is no mode";
}

// --------------------------------------------------------------------------------------------------------- transient

/// Poisson law by ratios from its mode, normalised: lgamma would lose 1e-16 n log n.
std::vector<double> poisson_law(double mean, std::size_t size) {
  std::vector<double> p(size, 0.0);
  const auto mode = std::min(static_cast<std::size_t>(mean), size - 1);
  p[mode] = 1;
  for (std::size_t k = mode; k > 0; --k) p[k - 1] = p[k] * static_cast<double>(k) / mean;
  for (std::size_t k = mode + 1; k < size; ++k) p[k] = p[k - 1] * mean / static_cast<double>(k);
  const double sum = std::accumulate(p.begin(), p.end(), 0.0);
  for (double& x : p) x /= sum;
  return p;
}

TEST(FspTransient, ImmigrationDeathIsPoissonByBothSolvers) {
  for (const double birth : {20.0, 1000.0})
    for (const FspSolver solver : {FspSolver::uniformisation, FspSolver::implicit}) {
      FspOptions options;
      options.tolerance = 1e-11;
      options.solver = solver;
      const std::vector<double> times{0, 0.05, 0.5, 2, 10};
      std::size_t seen = 0;
      const FspSummary summary = fsp_transient(MasterEquation(immigration_death(birth)), times, options, [&](const FspState& s) {
        EXPECT_EQ(s.time, times[seen++]);
        if (s.time == 0) {
          EXPECT_EQ(std::accumulate(s.p.begin(), s.p.end(), 0.0), 1.0);
          return;
        }
        const double mean = birth * -std::expm1(-s.time);
        std::vector<double> rest = poisson_law(mean, 4000);
        double distance = 0;
        for (std::size_t i = 0; i < s.p.size(); ++i) {
          double& exact = rest[static_cast<std::size_t>((*s.space)[i][0])];
          distance += std::abs(s.p[i] - exact);
          exact = 0;
        }
        distance += std::accumulate(rest.begin(), rest.end(), 0.0);  // what lies outside the set is missed too
        EXPECT_LT(distance, 1e-10) << "t = " << s.time << " mean " << birth;
        EXPECT_LE(distance, s.lost + s.solver_error + 2e-12) << "t = " << s.time << " mean " << birth << " solver " << static_cast<int>(solver);
        EXPECT_NEAR(law_moments(*s.space, s.p).mean[0] / mean, 1, 1e-10);
      });
      EXPECT_EQ(seen, times.size());
      EXPECT_FALSE(summary.truncated_at);
      EXPECT_EQ(summary.certified, solver == FspSolver::uniformisation);
    }
}

TEST(FspTransient, SchloglHasThePublishedMoments) {
  const Answer answer = ask_times(schlogl(10), {0, 0.5, 1, 2, 5}, {"X.mean", "X.variance", "X.distribution"});
  const double mean[] = {0, 4.280827, 5.664163, 7.209338, 8.476591}, variance[] = {0, 10.32861, 28.60651, 58.89709, 82.66835};
  const Estimate& m = *answer.find("X.mean");
  const Estimate& v = *answer.find("X.variance");
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_NEAR(m.value[i], mean[i], 1e-6);
    EXPECT_NEAR(v.value[i], variance[i], 1e-5);
    EXPECT_LT(m.bound(i), 1e-5);
    if (i == 0) continue;  // the start is given
    const std::string at = " at t = " + std::to_string(m.axes[0].points[i]).substr(0, 3) + ", volume 10";
    measured("schlogl", "fsp X.mean" + at, m.value[i], m.bound(i), mean[i], script);
    measured("schlogl", "fsp X.variance" + at, v.value[i], v.bound(i), variance[i], script);
  }
  EXPECT_TRUE(m.is_exact(0));
  EXPECT_FALSE(m.is_exact(1));
  EXPECT_EQ(m.bound_kind, BoundKind::estimated);
  const Estimate& d = *answer.find("X.distribution");
  ASSERT_EQ(d.axes.size(), 2u);
  EXPECT_EQ(d.axes[1].name, "n");
  EXPECT_TRUE(d.is_distribution);
  EXPECT_EQ(d.bound_kind, BoundKind::estimated) << "stiff: the implicit solver was used";
  const Answer safe = ask_times(schlogl(10), {0, 0.5}, {"X.distribution"}, {{"solver", "uniformisation"}});
  EXPECT_EQ(safe.find("X.distribution")->bound_kind, BoundKind::certified);
  EXPECT_LT(safe.find("X.distribution")->error_bound.back(), 2e-9);
  const std::size_t width = d.axes[1].points.size();
  ASSERT_EQ(d.size(), 5 * width);
  double sum = 0, first = 0;
  for (std::size_t k = 0; k < width; ++k) {
    sum += d.value[4 * width + k];
    first += d.value[4 * width + k] * d.axes[1].points[k];
  }
  EXPECT_NEAR(sum, 1, 1e-9);
  EXPECT_NEAR(first, mean[4], 1e-6);
  EXPECT_TRUE(answer.flags.empty());
  EXPECT_NE(answer.why.find(" states"), std::string::npos);
}

TEST(FspTransient, LinearTwoSpeciesNetworkFollowsItsExactMeans) {
  const std::vector<double> times{0.1, 1, 4};
  const Answer answer = ask_times(mrna_protein(), times, {"M.mean", "M.variance", "P.mean", "M.P.covariance", "P.fano"});
  for (std::size_t i = 0; i < times.size(); ++i) {
    const double t = times[i], m = 2 * -std::expm1(-t);
    // P' = 5 M - 0.2 P with M = 2 (1 - e^-t)
    const double p = 50 * -std::expm1(-0.2 * t) - 10 / (0.2 - 1) * (std::exp(-t) - std::exp(-0.2 * t));
    EXPECT_NEAR(answer.find("M.mean")->value[i], m, 1e-7);
    EXPECT_NEAR(answer.find("M.variance")->value[i], m, 1e-6);
    EXPECT_NEAR(answer.find("P.mean")->value[i], p, 1e-6);
    EXPECT_LE(std::abs(answer.find("P.mean")->value[i] - p), answer.find("P.mean")->bound(i) + 1e-9);
  }
}

TEST(FspTransient, GeneSwitchStartsFromItsConservedState) {
  const Answer answer = ask_times(gene_switch(), {2}, {"G.mean", "P.mean"});
  EXPECT_NEAR(answer.find("G.mean")->value[0], 0.800343, 1e-6);
  EXPECT_NEAR(answer.find("P.mean")->value[0], 48.19061, 1e-5);
}

TEST(FspTransient, RelaxesToTheStationaryLaw) {
  const Answer late = ask_times(dimer(5), {40}, {"X.mean", "X.variance", "X.cumulant3"});
  const Answer law = ask_stationary(dimer(5), {"X.mean", "X.variance", "X.cumulant3"});
  for (std::size_t i = 0; i < 3; ++i) EXPECT_NEAR(late.estimates[i].value[0], law.estimates[i].value[0], 1e-7);
}

/// Probabilities of Poisson laws, one per species, times each other.
double product_poisson(std::span<const std::int32_t> n, std::span<const double> mean) {
  double log_p = 0;
  for (std::size_t s = 0; s < n.size(); ++s) log_p += n[s] * std::log(mean[s]) - mean[s] - std::lgamma(n[s] + 1.0);
  return std::exp(log_p);
}

TEST(FspTransient, StochkitSchloglHasItsExactValues) {  // ../shared-style constants: propensity c times binomials, so k = c / s! here
  const Network network = NetworkSpec{.species = {"S1"},
                                      .reactions = {"2S1 -> 3S1, c1/2", "3S1 -> 2S1, c2/6", "0 -> S1, 200", "S1 -> 0, 3.5"},
                                      .constants = {{"c1", 0.03}, {"c2", 1e-4}},
                                      .initial = {{"S1", 250}}}
                              .bind({});
  const Answer answer = ask_times(network, {10}, {"S1.mean", "S1.variance", "S1.distribution"});
  EXPECT_NEAR(answer.find("S1.mean")->value[0], 316.591680, 5e-7);
  EXPECT_NEAR(std::sqrt(answer.find("S1.variance")->value[0]), 238.069673, 5e-7);
  const Estimate& law = *answer.find("S1.distribution");
  double below = 0;
  for (std::size_t k = 0; k < law.value.size(); ++k)
    if (law.axes[1].points[k] < 250) below += law.value[k];
  EXPECT_NEAR(below, 0.513294, 5e-7);
  EXPECT_NE(answer.why.find("implicit"), std::string::npos) << answer.why;
}

TEST(FspTransient, FirstOrderNetworksAreProductsOfPoissonLaws) {  // Jahnke and Huisinga (2007), doi:10.1007/s00285-006-0034-x
  // 0 -> A <-> B -> 0 from nothing: Poisson laws whose means follow the rate equation, by both solvers; here in closed form through the two eigenvalues.
  const Network network = NetworkSpec{.species = {"A", "B"}, .reactions = {"0 -> A, 12", "A <-> B, 2; 1", "B -> 0, 3"}}.bind({});
  const double r1 = -3 + std::sqrt(3.0), r2 = -3 - std::sqrt(3.0);  // of [[-2, 1], [2, -4]]
  for (const FspSolver solver : {FspSolver::uniformisation, FspSolver::implicit}) {
    FspOptions options;
    options.solver = solver;
    options.tolerance = 1e-10;
    const std::vector<double> times{0.1, 1, 6};
    const FspSummary summary = fsp_transient(MasterEquation(network), times, options, [&](const FspState& s) {
      // Stationary means 8, 4; deviations (1, 2 + r) exp(r t) with weights from A = B = 0.
      const double w2 = (4 - 8 * (2 + r1)) / (r1 - r2), w1 = -8 - w2;
      const double mean[2] = {8 + w1 * std::exp(r1 * s.time) + w2 * std::exp(r2 * s.time), 4 + (2 + r1) * w1 * std::exp(r1 * s.time) + (2 + r2) * w2 * std::exp(r2 * s.time)};
      double distance = 0, held = 0, exact_held = 0;
      for (std::size_t i = 0; i < s.p.size(); ++i) {
        const double exact = product_poisson((*s.space)[i], mean);
        distance += std::abs(s.p[i] - exact);
        held += s.p[i];
        exact_held += exact;
        if (solver == FspSolver::uniformisation) EXPECT_LE(s.p[i], exact * (1 + 1e-11) + 1e-15) << "entries are lower bounds";
      }
      EXPECT_LE(distance + (1 - exact_held), s.lost + s.solver_error + 1e-12) << s.time;
      EXPECT_NEAR(held + s.lost, 1, s.solver_error + 1e-12) << "nothing but what is said to be lost is missing";
      EXPECT_LT(s.lost, 2e-10);
    });
    EXPECT_EQ(summary.certified, solver == FspSolver::uniformisation);
    EXPECT_FALSE(summary.truncated_at);
  }
}

TEST(FspTransient, ClosedFirstOrderNetworksAreMultinomial) {  // three species, one conservation law
  const Network network = NetworkSpec{.species = {"A", "B", "C"}, .reactions = {"A -> B, 1", "B -> C, 1", "C -> A, 1"}, .initial = {{"A", 30}}}.bind({});
  const std::vector<double> times{0.7};
  const FspSummary summary = fsp_transient(MasterEquation(network), times, {}, [&](const FspState& s) {
    EXPECT_LE(s.space->size(), 31u * 32u / 2u) << "only states with A + B + C = 30";
    // One molecule on a ring of three: 1/3 + 2/3 e^(-3t/2) cos(sqrt(3)/2 t + shift).
    const double decay = std::exp(-1.5 * s.time), w = std::sqrt(0.75) * s.time;
    double share[3];
    for (int k = 0; k < 3; ++k) share[k] = (1 + 2 * decay * std::cos(w - 2 * M_PI / 3 * k)) / 3;
    double distance = 0;
    for (std::size_t i = 0; i < s.p.size(); ++i) {
      double log_p = std::lgamma(31.0);
      for (int k = 0; k < 3; ++k) log_p += (*s.space)[i][static_cast<std::size_t>(k)] * std::log(share[k]) - std::lgamma((*s.space)[i][static_cast<std::size_t>(k)] + 1.0);
      distance += std::abs(s.p[i] - std::exp(log_p));
    }
    EXPECT_LT(distance, 1e-9);
    EXPECT_LE(distance, s.lost + s.solver_error + 1e-12);
  });
  EXPECT_LT(summary.lost, 1e-9);
}

TEST(FspTransient, StiffNetworksOfTwoSpeciesTakeImplicitSteps) {  // mRNA that lives a thousandth of the time: rates 2 to 5000, and exact means
  const Network network = NetworkSpec{.species = {"M", "P"}, .reactions = {"0 -> M, 2", "M -> 0, 1000", "M -> M + P, 5000", "P -> 0, 0.2"}}.bind({});
  const Answer answer = ask_times(network, {1, 4}, {"M.mean", "P.mean", "P.fano"});
  EXPECT_NE(answer.why.find("implicit"), std::string::npos) << answer.why;
  for (std::size_t i = 0; i < 2; ++i) {
    const double t = i == 0 ? 1 : 4, g = 1000, d = 0.2, fast = std::exp(-g * t), slow = std::exp(-d * t);
    const double mean = 5000 * 2 / g * ((1 - slow) / d - (slow - fast) / (g - d));
    EXPECT_NEAR(answer.find("P.mean")->value[i], mean, 1e-6 * mean);
    EXPECT_LE(std::abs(answer.find("P.mean")->value[i] - mean), answer.find("P.mean")->bound(i) + 1e-9 * mean);
  }
  const Answer safe = ask_times(network, {0.02}, {"P.mean"}, {{"solver", "uniformisation"}});
  EXPECT_NE(safe.why.find("uniformisation"), std::string::npos) << safe.why;
}

TEST(FspTransient, StartsFromALaw) {  // a Poisson law that is started from stays one: immigration and death, stationary from the start
  const double mean = 9;
  StartLaw start;
  double sum = 0;
  for (std::int32_t n = 0; n < 60; ++n) {
    const std::int32_t state[1] = {n};
    start.push_back({{n}, product_poisson(state, std::span(&mean, 1))});
    sum += start.back().probability;
  }
  for (StateProbability& s : start) s.probability /= sum;
  const MasterEquation equation(immigration_death(mean));
  const std::vector<double> times{0, 3};
  (void)fsp_transient(equation, start, times, {}, [&](const FspState& s) {
    double distance = 0;
    for (std::size_t i = 0; i < s.p.size(); ++i) distance += std::abs(s.p[i] - product_poisson((*s.space)[i], std::span(&mean, 1)));
    EXPECT_LT(distance, 1e-9) << s.time;
    EXPECT_LE(distance, s.lost + s.solver_error + 1e-13) << s.time;
  });
  // Half of the law left out: that half is lost, and said to be.
  (void)fsp_transient(equation, StartLaw{{{4}, 0.5}}, times, {}, [&](const FspState& s) { EXPECT_NEAR(s.lost, 0.5, 1e-8) << s.time; });
  const auto refused = [&](StartLaw law, const std::string& word) {
    try {
      (void)fsp_transient(equation, law, times, {}, [](const FspState&) {});
      FAIL() << word;
    } catch (const ModelError& e) {
      EXPECT_NE(std::string(e.what()).find(word), std::string::npos) << e.what();
    }
  };
  refused({}, "add up to 0");
  refused({{{1}, 0.7}, {{2}, 0.7}}, "add up to 1.4");
  refused({{{1, 2}, 1.0}}, "has 2 counts, the network has 1 species");
  refused({{{-1}, 1.0}}, "negative count at X = -1");
  refused({{{1}, -0.1}}, "at least 0");
}

// -------------------------------------------------------------------------------------------------------- the level

TEST(FspLevel, RefusesToCallATruncatedLawExact) {
  const Answer answer = ask_times(schlogl(50), {0.1, 5}, {"X.mean"}, {{"max-states", 30}});
  ASSERT_EQ(answer.flags.size(), 1u);
  EXPECT_EQ(answer.flags[0].kind, "truncated");
  EXPECT_TRUE(answer.flags[0].fatal);
  EXPECT_NE(answer.flags[0].text.find("lost mass"), std::string::npos);
  EXPECT_TRUE(std::isnan(answer.find("X.mean")->value[1]));
  const Answer law = ask_stationary(schlogl(50), {"X.mean", "X.distribution"}, {{"max-states", 30}});
  ASSERT_EQ(law.flags.size(), 1u);
  EXPECT_EQ(law.flags[0].kind, "truncated");
  EXPECT_TRUE(std::isnan(law.find("X.mean")->value[0]));
}

TEST(FspLevel, GivesTheSameBitsForAnyNumberOfThreads) {
  for (const bool law : {false, true}) {
    std::vector<double> first;
    for (const unsigned threads : {1u, 2u, 3u}) {
      PlainContext context;
      context.threads_given = threads;
      Ask ask{.when = Times{{0.5, 3}}, .observables = {"X.mean", "X.Y.covariance", "Y.distribution"}};
      if (law) ask.when = Stationary{};
      const Answer answer = fsp_level(brusselator(3, 2)).run(ask, context);
      std::vector<double> all;
      for (const Estimate& e : answer.estimates) {
        all.insert(all.end(), e.value.begin(), e.value.end());
        all.insert(all.end(), e.error_bound.begin(), e.error_bound.end());
      }
      if (threads == 1) first = all;
      EXPECT_EQ(all, first) << threads;
    }
  }
}

TEST(FspLevel, NamesTheLimitThatASetPasses) {
  const Network wide = NetworkSpec{.species = {"X", "Y"}, .reactions = {"0 -> X, 400", "X -> 0, 1", "0 -> Y, 400", "Y -> 0, 1"}}.bind({});
  const auto text = [&](const Answer& answer) { return answer.flags.empty() ? std::string() : answer.flags[0].text; };
  const Answer states = ask_stationary(wide, {"X.mean"}, {{"max-states", 2000}});
  EXPECT_NE(text(states).find("more than 2,000 states (max-states)"), std::string::npos) << text(states);
  EXPECT_TRUE(std::isnan(states.find("X.mean")->value[0]));
  const Answer memory = ask_stationary(wide, {"X.mean"}, {{"max-memory", 2.0}});
  EXPECT_NE(text(memory).find("MB (max-memory 2 MB)"), std::string::npos) << text(memory);
  const Answer course = ask_times(wide, {2}, {"X.mean"}, {{"max-memory", 1.0}});
  EXPECT_NE(text(course).find("1 MB (max-memory)"), std::string::npos) << text(course);
  EXPECT_NE(text(course).find("lost mass"), std::string::npos) << text(course);
}

TEST(FspLevel, SaysThatTheReferenceIsBimodal) {
  const Answer answer = ask_stationary(schlogl(50), {"X.mean", "X.fano", "X.cv", "X.cumulant4", "X.distribution"});
  ASSERT_EQ(answer.flags.size(), 1u);
  EXPECT_EQ(answer.flags[0].kind, "bimodal");
  EXPECT_FALSE(answer.flags[0].fatal);
  EXPECT_NE(answer.flags[0].text.find("slow time 10.9): a mean describes neither"), std::string::npos) << answer.flags[0].text;
  // Product formula summed with 60 decimal digits.
  EXPECT_NEAR(answer.find("X.mean")->value[0] / 50, 0.785687969097060, 1e-12);
  EXPECT_NEAR(answer.find("X.fano")->value[0], 27.66838422007190 / 0.785687969097060, 1e-9);
  measured("schlogl", "fsp X.mean / volume, volume 50", answer.find("X.mean")->value[0] / 50, answer.find("X.mean")->bound(0) / 50, 0.785687969097060, "product formula in 60 digits");
  EXPECT_EQ(answer.find("X.mean")->bound_kind, BoundKind::certified);
  EXPECT_TRUE(ask_stationary(schlogl(2), {"X.mean"}).flags.empty());
  const Estimate* law = answer.find("X.distribution");
  ASSERT_EQ(law->axes.size(), 1u);
  ASSERT_EQ(law->axes[0].points.size(), law->value.size());
  double mean = 0;
  for (std::size_t k = 0; k < law->value.size(); ++k) mean += law->axes[0].points[k] * law->value[k];
  EXPECT_NEAR(mean, answer.find("X.mean")->value[0], 1e-9);
}

TEST(FspLevel, NamesWhatIsWrongWithARateLaw) {
  const Network timed = NetworkSpec{.species = {"X"}, .reactions = {"0 -> X, = 1 + sin(t)", "X -> 0, 1"}}.bind({});
  EXPECT_THROW((void)ask_times(timed, {1}, {"X.mean"}), ModelError);
  EXPECT_EQ(exact_rule(timed, Ask{.when = Times{{1}}}).level, "ssa");
}

TEST(FspLevel, PlansAndTheExactRuleLookAtTheNumberOfStates) {
  const Ask times{.when = Times{{5}}}, law{.when = Stationary{}};
  EXPECT_EQ(exact_rule(schlogl(10), times).level, "fsp");
  EXPECT_EQ(exact_rule(brusselator(10, 2), law).level, "fsp");
  const ExactRule many = exact_rule(NetworkSpec{.species = {"X", "Y"}, .reactions = {"0 -> X, 1", "X -> Y, 1", "Y -> 0, 1"}, .initial = {{"X", 40000}}}.bind({}), times);
  EXPECT_EQ(many.level, "ssa");
  EXPECT_NE(many.why.find("states"), std::string::npos);
  const FspPlan plan = fsp_plan(gene_switch(), law);
  EXPECT_EQ(plan.dimensions, 2u);
  EXPECT_LT(plan.states, 2000);
  EXPECT_EQ(fsp_level(schlogl(10)).plan(law).size(), 2u);
  // What --dry-run shows: states and memory, with their limits.
  const std::vector<std::string> lines = fsp_level(mrna_protein()).plan({.when = Stationary{}, .options = {{"max-states", 100}}});
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_NE(lines[0].find("(at most 100)"), std::string::npos) << lines[0];
  EXPECT_NE(lines[1].find("MB (at most 4000)"), std::string::npos) << lines[1];
  EXPECT_NE(lines[2].find("raise max-states"), std::string::npos) << lines[2];
}

}  // namespace
}  // namespace meso::kinetics
