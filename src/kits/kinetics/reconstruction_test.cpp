#include "kits/kinetics/reconstruction.h"

#include <algorithm>

#include "kits/kinetics/birth_death.h"
#include "kits/kinetics/closure.h"
#include "kits/kinetics/closure_fixture.h"
#include "kits/kinetics/fsp.h"
#include "kits/kinetics/ladder.h"
#include "stat/cumulants.h"

namespace meso::kinetics {
namespace {

using namespace testing;

LatticeLaw law_of(std::int64_t first, std::int64_t last, const std::function<double(double)>& weight) {
  LatticeLaw law{first, {}};
  double sum = 0;
  for (std::int64_t n = first; n <= last; ++n) law.p.push_back(weight(static_cast<double>(n)));
  for (const double p : law.p) sum += p;
  for (double& p : law.p) p /= sum;
  return law;
}

std::vector<double> cumulants_of(const LatticeLaw& law, int m) {
  const MultiIndexSet set(1, m);
  std::vector<double> central(static_cast<std::size_t>(m), 0.0);
  central[0] = law.mean();
  for (int k = 2; k <= m; ++k)
    for (std::size_t i = 0; i < law.p.size(); ++i) central[static_cast<std::size_t>(k - 1)] += law.p[i] * std::pow(static_cast<double>(law.first) + static_cast<double>(i) - central[0], k);
  return cumulants_from_central(set, central);
}

LatticeLaw poisson(double mean) {
  return law_of(0, 200, [=](double n) { return std::exp(n * std::log(mean) - mean - std::lgamma(n + 1)); });
}

TEST(MaxEntropy, MembersOfItsFamilyAreRecovered) {
  struct Example {
    const char* name;
    LatticeLaw law;
    int m;
    Counts counts;
  };
  const std::vector<Example> examples{
      {"geometric", law_of(0, 2000, [](double n) { return std::pow(0.8, n); }), 1, {}},
      {"truncated exponential, falling", law_of(0, 20, [](double n) { return std::exp(-0.3 * n); }), 1, {0, 20}},
      {"truncated exponential, rising", law_of(0, 20, [](double n) { return std::exp(0.5 * n); }), 1, {0, 20}},
      {"uniform", law_of(0, 9, [](double) { return 1.0; }), 3, {0, 9}},
      {"discrete Gaussian", law_of(0, 60, [](double n) { return std::exp(-(n - 5) * (n - 5) / 18); }), 2, {}},
      {"discrete Gaussian far from zero", law_of(9000, 11000, [](double n) { return std::exp(-(n - 10000) * (n - 10000) / 5000); }), 2, {}},
      {"two wells", law_of(0, 60, [](double n) { const double x = (n - 20) / 8; return std::exp(2.5 * x * x - 0.6 * x * x * x * x + 0.2 * x); }), 4, {}},
      {"two wells, order 6", law_of(0, 80, [](double n) { const double x = (n - 30) / 10; return std::exp(1.5 * x * x + 0.3 * x * x * x - 0.1 * std::pow(x, 6)); }), 6, {}},
      // As many moments as there are free probabilities: there is one law only, whatever its form.
      {"binomial", law_of(0, 4, [](double n) { return std::exp(std::lgamma(5) - std::lgamma(n + 1) - std::lgamma(5 - n) + n * std::log(0.3) + (4 - n) * std::log(0.7)); }), 4, {0, 4}},
      {"Bernoulli", law_of(0, 1, [](double n) { return n == 0 ? 0.9 : 0.1; }), 1, {0, 1}}};
  for (const Example& e : examples) {
    const Reconstruction r = max_entropy(cumulants_of(e.law, e.m), e.counts);
    ASSERT_TRUE(r.law) << e.name << ": " << r.text;
    EXPECT_LT(kolmogorov_distance(*r.law, e.law), 1e-9) << e.name;
    EXPECT_LT(r.iterations, 200) << e.name;
  }
}

// At the edge of what is possible the law is the only one with these moments, and no exponential: reached in the limit.
TEST(MaxEntropy, TwoPointLaws) {
  for (const auto& [a, b, weight] : {std::tuple{1, 4, 0.3}, {0, 5, 0.5}, {2, 3, 0.9}}) {
    const LatticeLaw law = law_of(0, 5, [a = a, b = b, w = weight](double n) { return n == a ? w : n == b ? 1 - w : 0.0; });
    const Reconstruction r = max_entropy(cumulants_of(law, 4), {0, 5});
    ASSERT_TRUE(r.law) << a << " " << b << ": " << r.text;
    EXPECT_LT(kolmogorov_distance(*r.law, law), 1e-6) << a << " " << b;
  }
  const Reconstruction certain = max_entropy(std::vector<double>{7, 0, 0, 0});
  ASSERT_TRUE(certain.law);
  EXPECT_EQ(certain.law->first, 7);
  EXPECT_EQ(certain.law->p, std::vector<double>{1.0});
}

TEST(MaxEntropy, ApproachesThePoissonLawWithMoreMoments) {
  for (const double mean : {1.5, 6.0, 40.0}) {
    double previous = 1;
    for (const int m : {1, 2, 4}) {
      const Reconstruction r = max_entropy(std::vector<double>(static_cast<std::size_t>(m), mean));  // every cumulant is the mean
      ASSERT_TRUE(r.law) << r.text;
      const double distance = kolmogorov_distance(*r.law, poisson(mean));
      EXPECT_LT(distance, (m == 4 ? 0.2 : 0.5) * previous) << "mean " << mean << ", " << m << " moments";
      previous = distance;
    }
    EXPECT_LT(previous, 5e-3) << mean;
  }
}

// What makes it the law of largest entropy: log p is a polynomial of degree m, and the moments are those asked.
TEST(MaxEntropy, LogarithmIsAPolynomialAndMomentsAreThoseAsked) {
  const std::vector<double> cumulants{12, 30, 60, 100};
  const Reconstruction r = max_entropy(cumulants);
  ASSERT_TRUE(r.law) << r.text;
  const std::vector<double> found = cumulants_of(*r.law, 4);
  for (std::size_t k = 0; k < 4; ++k) EXPECT_NEAR(found[k] / cumulants[k], 1, 1e-9);
  for (std::size_t i = 0; i + 5 < r.law->p.size() && r.law->p[i + 5] > 1e-8; ++i) {
    const auto l = [&](std::size_t k) { return std::log(r.law->p[i + k]); };
    EXPECT_NEAR(l(5) - 5 * l(4) + 10 * l(3) - 10 * l(2) + 5 * l(1) - l(0), 0, 1e-8) << i;
  }
}

TEST(MaxEntropy, SaysWhenThereIsNoLaw) {
  EXPECT_NE(max_entropy(std::vector<double>{2.5, 0.2}).text.find("no law on the counts from 0 on has mean 2.5, variance 0.2"), std::string::npos);  // below f (1 - f)
  EXPECT_FALSE(max_entropy(std::vector<double>{-1, 4}).law);
  EXPECT_FALSE(max_entropy(std::vector<double>{12}, {0, 10}).law);
  EXPECT_FALSE(max_entropy(std::vector<double>{5, 30}, {0, 10}).law);           // above mean (10 - mean)
  EXPECT_FALSE(max_entropy(std::vector<double>{2, 0.5, -40}).law);              // Hankel determinant below zero
  EXPECT_FALSE(max_entropy(std::vector<double>{2, std::nan("")}).law);
  // More than the geometric law's variance 5 * 6 on unbounded counts: entropy has no largest value.
  const Reconstruction wide = max_entropy(std::vector<double>{5, 60});
  EXPECT_FALSE(wide.law);
  EXPECT_FALSE(wide.text.empty());
  EXPECT_TRUE(max_entropy(std::vector<double>{5, 29}).law);
}

TEST(ContinuousLaws, MeetTheLatticeAtNPlusOneHalf) {
  const Reconstruction exponential = gamma_law(4, 16);  // shape 1, scale 4
  ASSERT_TRUE(exponential.law);
  for (const int n : {0, 1, 5, 30}) EXPECT_NEAR(exponential.law->cdf(n), -std::expm1(-(n + 0.5) / 4), 1e-12);
  const Reconstruction normal = normal_law(3, 4);
  ASSERT_TRUE(normal.law);
  for (const int n : {0, 3, 6}) EXPECT_NEAR(normal.law->cdf(n), 0.5 * std::erfc((3 - n - 0.5) / std::sqrt(8.0)), 1e-12);  // P(0) takes what lies below
  const Reconstruction log_normal = log_normal_law(std::exp(1.5), std::exp(3) * std::expm1(1.0));                        // nu = 1, sigma = 1
  ASSERT_TRUE(log_normal.law);
  for (const int n : {0, 2, 20}) EXPECT_NEAR(log_normal.law->cdf(n), 0.5 * std::erfc((1 - std::log(n + 0.5)) / std::sqrt(2.0)), 1e-12);
  // Smooth laws keep mean and variance, but for Sheppard's 1/12.
  for (const Reconstruction& r : {gamma_law(200, 900), log_normal_law(200, 900), normal_law(200, 900)}) {
    ASSERT_TRUE(r.law);
    EXPECT_NEAR(r.law->mean(), 200, 1e-6);
    EXPECT_NEAR(r.law->variance(), 900 + 1.0 / 12, 1e-5);
  }
  // A bounded species: all that lies above belongs to the highest count.
  const Reconstruction bounded = normal_law(2, 4, {0, 4});
  ASSERT_TRUE(bounded.law);
  EXPECT_NEAR(bounded.law->cdf(4), 1, 1e-15);
  EXPECT_EQ(bounded.law->p.size(), 5u);
  EXPECT_FALSE(gamma_law(-1, 1).law);
  EXPECT_FALSE(log_normal_law(1, 0).law);
}

TEST(KolmogorovDistance, OfTwoPointMassesIsOne) {
  EXPECT_EQ(kolmogorov_distance({3, {1}}, {5, {1}}), 1);
  EXPECT_NEAR(kolmogorov_distance({0, {0.5, 0.5}}, {1, {1}}), 0.5, 1e-15);
}

Table options(const std::string& kind, int order) { return {{"kind", Value(kind)}, {"closure", Value("normal")}, {"order", Value(order)}}; }

LatticeLaw law_in(const Answer& answer, const std::string& observable, std::size_t row = 0) {
  const Estimate* e = answer.find(observable);
  const Axis& support = e->axes.back();
  LatticeLaw law{static_cast<std::int64_t>(support.points.front()), {}};
  for (std::size_t k = 0; k < support.points.size(); ++k) law.p.push_back(e->value[row * support.points.size() + k]);
  return law;
}

LatticeLaw exact_law(const Network& network, const std::string& observable) {
  const Level fsp = fsp_level(network);
  return law_in(stationary(fsp, {observable}, resolve(fsp.info.options, {}, "level 'fsp'")), observable);
}

Level reconstruction(const Network& network) { return reconstruction_level(network, closure_level(network)); }

TEST(ReconstructionLevel, ConservedSpeciesStayWithinTheirTotal) {  // A <-> B, 3 molecules: binomial(3, 1/3), and order 3 has all moments of four counts
  const NetworkSpec spec{.species = {"A", "B"}, .reactions = {"A <-> B, 1; 2"}, .constants = {}, .volume = 1, .initial = {{"A", 3}}};
  const Network network = spec.bind({});
  EXPECT_EQ(counts_of(network, 1).highest, 3);
  const Answer a = stationary(reconstruction(network), {"B.distribution", "A.distribution"}, options("max-entropy", 3));
  EXPECT_TRUE(a.flags.empty());
  const LatticeLaw b = law_in(a, "B.distribution"), of_a = law_in(a, "A.distribution");
  const double expected[] = {8.0 / 27, 12.0 / 27, 6.0 / 27, 1.0 / 27};
  for (std::size_t n = 0; n < 4; ++n) {
    EXPECT_NEAR(b.p[n], expected[n], 1e-9);
    EXPECT_NEAR(of_a.p[3 - n], expected[n], 1e-9);
    EXPECT_LT(a.find("B.distribution")->error_bound[n], 1e-8);
  }
}

TEST(ReconstructionLevel, ABirthDeathProcessOverTime) {  // Poisson at every time, mean 20 (1 - exp(-t)); a certain count at the start
  const NetworkSpec spec{.species = {"X"}, .reactions = {"0 -> X, 20", "X -> 0, 1"}, .constants = {}, .volume = 1};
  for (const char* kind : {"max-entropy", "gamma", "normal", "log-normal"}) {
    const Answer a = at_times(reconstruction(spec.bind({})), {0, 1, 5}, {"X.distribution"}, options(kind, 4));
    ASSERT_NE(a.find("X.distribution"), nullptr);
    EXPECT_TRUE(a.find("X.distribution")->is_distribution);
    EXPECT_TRUE(a.find("X.distribution")->is_exact(0));
    EXPECT_EQ(law_in(a, "X.distribution", 0).cdf(0), 1);
    for (const std::size_t i : {1u, 2u}) {
      const double mean = -20 * std::expm1(i == 1 ? -1.0 : -5.0), distance = kolmogorov_distance(law_in(a, "X.distribution", i), poisson(mean));
      EXPECT_LT(distance, std::string(kind) == "max-entropy" ? 5e-3 : std::string(kind) == "gamma" ? 0.02 : 0.05) << kind;
    }
  }
}

TEST(ReconstructionLevel, SchloglVolume10AgainstTheExactLaw) {
  const Network network = schlogl(10);
  const LatticeLaw exact = exact_law(network, "X.distribution");
  // From exact moments: how much do m of them say?
  double previous = 1;
  for (const int m : {2, 4, 6, 8}) {
    const Reconstruction r = max_entropy(cumulants_of(exact, m));
    ASSERT_TRUE(r.law) << m << ": " << r.text;
    const double distance = kolmogorov_distance(*r.law, exact);
    EXPECT_LT(distance, 0.6 * previous) << m;
    previous = distance;
    measured("schlogl", "max-entropy of " + std::to_string(m) + " exact moments, volume 10: Kolmogorov distance", distance, 1e-9, "finite state projection");
  }
  EXPECT_LT(previous, 0.01);
  // From the closure's moments, which are themselves far off here (mean 19.9 instead of 8.6).
  for (const char* kind : {"max-entropy", "gamma", "log-normal", "normal"}) {
    const Answer a = stationary(reconstruction(network), {"X.distribution"}, options(kind, 2));
    ASSERT_NE(a.find("X.distribution"), nullptr) << kind;
    const double distance = kolmogorov_distance(law_in(a, "X.distribution"), exact);
    EXPECT_GT(distance, 0.3) << kind;
    EXPECT_LT(distance, 0.8) << kind;
    measured("schlogl", std::string(kind) + " law of the moments of normal-2, volume 10: Kolmogorov distance", distance, 1e-6, "finite state projection");
  }
}

TEST(MaxEntropy, FourMomentsShowTwoWells) {  // the Schlögl model at volume 50: modes near 25 and 146
  const LatticeLaw exact = exact_law(schlogl(50), "X.distribution");
  ASSERT_TRUE(bimodality(static_cast<std::int32_t>(exact.first), exact.p));
  for (const int m : {4, 6, 8}) {
    const Reconstruction r = max_entropy(cumulants_of(exact, m));
    ASSERT_TRUE(r.law) << r.text;
    EXPECT_TRUE(bimodality(static_cast<std::int32_t>(r.law->first), r.law->p)) << m;
  }
}

TEST(ReconstructionLevel, BimodalityIsSaid) {  // two states that exchange slowly: a slow switch makes two Poisson peaks
  const NetworkSpec spec{.species = {"G", "Gb", "P"},
                         .reactions = {"G <-> Gb, 0.05; 0.05", "G -> G + P, 40", "P -> 0, 1"},
                         .constants = {},
                         .volume = 1,
                         .initial = {{"G", 1}}};
  const Answer a = stationary(reconstruction(spec.bind({})), {"P.distribution", "G.distribution"}, options("max-entropy", 4));
  ASSERT_NE(flag(a, "bimodal"), nullptr);
  EXPECT_EQ(flag(a, "bimodal")->observable, "P.distribution");
  EXPECT_FALSE(flag(a, "bimodal")->fatal);
  EXPECT_LT(kolmogorov_distance(law_in(a, "P.distribution"), exact_law(spec.bind({}), "P.distribution")), 0.15);
}

TEST(ReconstructionLevel, FaultsOfTheClosureBreakTheLaw) {
  const Answer diverging = at_times(reconstruction(dimer(1)), {0, 0.1, 10}, {"X.distribution"}, options("gamma", 2));
  ASSERT_NE(flag(diverging, "diverged"), nullptr);
  EXPECT_TRUE(flag(diverging, "diverged")->fatal);
  EXPECT_TRUE(std::isnan(diverging.find("X.distribution")->value.back()));
  EXPECT_NEAR(law_in(diverging, "X.distribution", 1).cdf(100), 1, 1e-9);
  // The spurious state of the dimer: variance 0.03 at mean 0.99 molecules is above f (1 - f), at volume 0.2 that of no law.
  const Answer spurious = stationary(reconstruction(schlogl(0.2)), {"X.distribution"}, options("max-entropy", 2));
  ASSERT_NE(flag(spurious, "no-law"), nullptr);
  EXPECT_TRUE(flag(spurious, "no-law")->fatal);
  QuietContext context;
  EXPECT_THROW((void)reconstruction(dimer(5)).run({Stationary{}, {"X.distribution"}, 0, options("gamma", 1)}, context), ParameterError);
  EXPECT_THROW((void)reconstruction(dimer(5)).run({Stationary{}, {"X.distribution"}, 0, options("gama", 2)}, context), ParameterError);
  EXPECT_TRUE(stationary(reconstruction(dimer(5)), {"X.mean"}, options("gamma", 2)).estimates.empty());  // absent: it gives laws
}

}  // namespace
}  // namespace meso::kinetics
