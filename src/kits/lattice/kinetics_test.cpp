// Both exact kernels against the master equation of small lattices, state by state: the law at a time, not only a mean.
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "base/error.h"
#include "kits/lattice/bosonic.h"
#include "kits/lattice/exclusion.h"
#include "num/markov.h"
#include "testing/statistics.h"

namespace meso::lattice {
namespace {

/// Law over all configurations (base-`states` numbers, site 0 first) at time t, from the rules as the header of rules.h states them:
/// written down bond by bond, with nothing in common with the kernels.
std::vector<double> exclusion_law(const Model& m, const std::vector<State>& from, double t) {
  const std::size_t n = m.box.sites(), q = m.states();
  std::size_t size = 1;
  for (std::size_t i = 0; i < n; ++i) size *= q;
  num::Generator g;
  g.leak.assign(size, 0.0);
  for (std::size_t c = 0; c < size; ++c) {
    std::vector<State> s(n);
    std::size_t rest = c;
    for (std::size_t i = 0; i < n; ++i) s[i] = static_cast<State>(rest % q), rest /= q;
    std::map<std::size_t, double> out;
    const auto go = [&](std::vector<State> to, double rate) {
      std::size_t index = 0;
      for (std::size_t i = n; i-- > 0;) index = index * q + to[i];
      if (index != c && rate > 0) out[index] += rate;
    };
    for (std::size_t i = 0; i < n; ++i)
      for (const SiteRule& r : m.sites)
        if (s[i] == r.from) {
          auto to = s;
          to[i] = r.to;
          go(to, r.rate);
        }
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t k = 0; k < m.box.neighbours(); ++k) {  // ordered ends (i, j): every bond twice, once from each end
        const std::size_t j = m.box.neighbour(i, k);
        if (j == i) continue;
        for (const PairRule& r : m.pairs)
          if (s[i] == r.from[0] && s[j] == r.from[1]) {
            auto to = s;
            to[i] = r.to[0];
            to[j] = r.to[1];
            go(to, r.from[0] == r.from[1] ? 0.5 * r.rate : r.rate);
          }
        for (const Exchange& r : m.exchanges)
          if (s[i] == r.a && s[j] == r.b) {
            auto to = s;
            std::swap(to[i], to[j]);
            go(to, r.rate);
          }
        if (const double D = m.hop_rate(s[i]); D > 0) {
          auto to = s;
          if (s[j] == 0) {
            std::swap(to[i], to[j]);
            go(to, D);
          } else if (const ContactRule* r = m.contact(s[i], s[j])) {
            to[i] = 0;
            to[j] = r->product;
            go(to, D);
          }
        }
      }
    for (const auto& [index, rate] : out) {
      g.target.push_back(static_cast<std::uint32_t>(index));
      g.rate.push_back(rate);
    }
    g.start.push_back(g.target.size());
  }
  std::vector<double> p(size, 0.0);
  std::size_t at = 0;
  for (std::size_t i = n; i-- > 0;) at = at * q + from[i];
  p[at] = 1;
  num::Uniformised(g).advance(p, t, 1e-13);
  return p;
}

void expect_law(const Model& m, const std::vector<State>& from, double t, Picking picking, State inert_first = 0) {
  const ExclusionRules rules(m, inert_first, picking);
  ExclusionKinetics run(rules);
  const std::vector<double> exact = exclusion_law(m, from, t);
  std::vector<double> seen(exact.size(), 0.0);
  const std::size_t n = m.box.sites(), q = m.states();
  const std::uint64_t trajectories = 20000;
  std::vector<State> s(n);
  for (std::uint64_t k = 0; k < trajectories; ++k) {
    FastStream random = Stream(11, k, "test/exclusion").fast();
    run.start(from);
    run.advance(0.4 * t, random);  // two pieces: stopping on the way must not change the law
    run.advance(t, random);
    run.copy_to(s);
    std::size_t index = 0;
    for (std::size_t i = n; i-- > 0;) index = index * q + s[i];
    seen[index] += 1;
    std::vector<std::int64_t> count(q, 0);
    for (const State x : s) ++count[x];
    for (std::size_t x = 0; x < q; ++x) ASSERT_EQ(count[x], run.counts()[x]);
  }
  std::vector<MeanCheck> checks;
  for (std::size_t c = 0; c < exact.size(); ++c) {
    if (exact[c] * trajectories < 100) {
      if (exact[c] == 0) EXPECT_EQ(seen[c], 0) << "impossible state " << c;
      continue;
    }
    checks.push_back({exact[c], seen[c] / trajectories, std::sqrt(exact[c] * (1 - exact[c]) / trajectories), "state " + std::to_string(c)});
  }
  EXPECT_TRUE(MeansMatch(checks, 0.04)) << "picking " << static_cast<int>(picking);
}

Model contact_ring() {
  Model m;
  m.species = {"A"};
  m.box = {{6}};
  m.sites = {{1, 0, 1.0, "", ""}};
  m.pairs = {{{1, 0}, {1, 1}, 1.2, "", ""}};
  m.hop = {0.4};
  m.initial = {.kind = Initial::Kind::full};
  return m;
}

TEST(ExclusionKinetics, ContactProcessOnARingHasTheLawOfTheMasterEquation) {
  for (const Picking picking : {Picking::list, Picking::dense, Picking::composition}) expect_law(contact_ring(), {1, 0, 1, 1, 0, 0}, 0.9, picking);
}

TEST(ExclusionKinetics, ReflectingEndsAndTwoDimensions) {
  Model m = contact_ring();
  m.box = {{6}, Boundary::reflecting};
  expect_law(m, {1, 0, 0, 1, 0, 0}, 0.7, Picking::list);
  m.box = {{2, 3}, Boundary::reflecting};
  expect_law(m, {1, 0, 0, 0, 1, 0}, 0.7, Picking::list);
  m.box = {{2, 3}, Boundary::periodic};  // two bonds between neighbours along the side of 2
  expect_law(m, {1, 0, 0, 0, 1, 0}, 0.7, Picking::list);
  expect_law(m, {1, 0, 0, 0, 1, 0}, 0.7, Picking::dense);
  expect_law(m, {1, 0, 0, 0, 1, 0}, 0.7, Picking::composition);
  m.box = {{2, 2, 2}, Boundary::reflecting};
  expect_law(m, {1, 0, 0, 0, 1, 0, 0, 1}, 0.5, Picking::list);
  expect_law(m, {1, 0, 0, 0, 1, 0, 0, 1}, 0.5, Picking::composition);
}

TEST(ExclusionKinetics, PredatorsAndPreyWithEitherStateInert) {
  Model m;
  m.species = {"A", "B"};
  m.box = {{5}};
  m.sites = {{1, 0, 0.5, "", ""}};
  m.pairs = {{{2, 0}, {2, 2}, 0.8, "", ""}, {{1, 2}, {1, 1}, 1.3, "", ""}};
  m.hop = {0.3, 0.6};
  m.exchanges = {{1, 2, 0.7, "", ""}};
  m.initial = {.kind = Initial::Kind::product, .density = {0.3, 0.3}};
  const std::vector<State> from{1, 2, 0, 2, 1};
  expect_law(m, from, 0.6, Picking::list);
  expect_law(m, from, 0.6, Picking::list, 2);
  expect_law(m, from, 0.6, Picking::dense);
  expect_law(m, from, 0.6, Picking::composition);
}

TEST(ExclusionKinetics, ContactReactionsKillBothOrOne) {
  Model m;
  m.species = {"A", "B"};
  m.box = {{5}};
  m.hop = {1.0, 0.5};
  m.contacts = {{1, 1, 0, "", ""}, {1, 2, 2, "", ""}, {2, 2, 1, "", ""}};
  m.initial = {.kind = Initial::Kind::product, .density = {0.3, 0.3}};
  expect_law(m, {1, 1, 2, 0, 2}, 0.4, Picking::list);
  expect_law(m, {1, 1, 2, 0, 2}, 0.4, Picking::dense);
  expect_law(m, {1, 1, 2, 0, 2}, 0.4, Picking::composition);
}

TEST(ExclusionKinetics, AnAsymmetricRuleOfTwoEqualsPicksEitherEnd) {
  Model m;
  m.species = {"A", "B"};
  m.box = {{5}};
  m.pairs = {{{1, 1}, {1, 2}, 1.0, "", ""}, {{2, 2}, {0, 1}, 0.5, "", ""}, {{0, 0}, {1, 0}, 0.2, "", ""}};
  m.initial = {.kind = Initial::Kind::product, .density = {0.3, 0.3}};
  expect_law(m, {1, 1, 0, 0, 1}, 0.8, Picking::automatic);
}

// Rates that differ by six orders: a rare fast particle makes nearly every tick of the common bound a rejection. The kinetics notice, and go over to composition-rejection.
TEST(ExclusionKinetics, WideRatesCostNoMoreAndKeepTheLaw) {
  Model m;
  m.species = {"A", "B"};
  m.box = {{5}};
  m.sites = {{1, 2, 0.5, "", ""}, {2, 1, 1e6, "", ""}};
  m.pairs = {{{1, 0}, {1, 1}, 0.7, "", ""}, {{2, 1}, {2, 0}, 2e5, "", ""}};
  m.initial = {.kind = Initial::Kind::product, .density = {0.3, 0.3}};
  expect_law(m, {1, 2, 0, 0, 1}, 1e-6, Picking::composition);
  Model slow = m;
  slow.sites[1].rate = 30, slow.pairs[1].rate = 20;
  expect_law(slow, {1, 2, 0, 0, 1}, 0.6, Picking::composition);
  m.box = {{64, 64}};
  m.initial = {.kind = Initial::Kind::product, .density = {0.5, 0.0}};
  const ExclusionRules rules(m);
  ExclusionKinetics run(rules);
  FastStream random = Stream(5, 0, "test/wide").fast();
  run.start(random);
  EXPECT_FALSE(run.composed());
  run.advance(0.05, random);
  EXPECT_TRUE(run.composed());
  const std::uint64_t attempts = run.attempts(), events = run.events();
  run.advance(40, random);
  EXPECT_GT(run.events() - events, 20000u);
  EXPECT_LT(run.attempts() - attempts, 3 * (run.events() - events)) << "at most two ticks an event in the mean";
  EXPECT_EQ(run.counts()[0] + run.counts()[1] + run.counts()[2], 4096);
  std::int64_t active = 0;
  for (const std::size_t site : run.active_sites()) active += run.at(site) != 0;
  EXPECT_EQ(active, run.counts()[1] + run.counts()[2]);
  run.start(random);
  EXPECT_FALSE(run.composed());

  // On the way from one way of picking to the other no time is lost: A dies at rate 1 among a few B that die at 1e5.
  m.pairs.clear();
  m.sites = {{1, 0, 1.0, "", ""}, {2, 0, 1e5, "", ""}};
  m.initial = {.kind = Initial::Kind::count, .density = {0.75, 0.25}};
  const ExclusionRules deaths(m);
  ExclusionKinetics dying(deaths);
  double sum = 0;
  for (std::uint64_t k = 0; k < 60; ++k) {
    FastStream own = Stream(6, k, "test/wide").fast();
    dying.start(own);
    dying.advance(0.7, own);
    EXPECT_TRUE(dying.composed());
    sum += static_cast<double>(dying.counts()[1]) / (0.75 * 4096 * 60);
  }
  const double p = std::exp(-0.7);
  EXPECT_TRUE(MeansMatch({{p, sum, std::sqrt(p * (1 - p) / (0.75 * 4096 * 60)), "survivors"}}, 0.01));
}

// Large blocks of ticks: a lattice of many independent sites, each of two states, has a binomial number of survivors at any time.
TEST(ExclusionKinetics, BlocksOfTicksKeepTime) {
  Model m;
  m.species = {"A"};
  m.box = {{4096}};
  m.sites = {{1, 0, 1.0, "", ""}, {0, 1, 0.5, "", ""}};
  m.initial = {.kind = Initial::Kind::full};
  const std::vector<double> times{0.013, 0.4, 1.7};
  const std::uint64_t trajectories = 400;
  for (const Picking picking : {Picking::automatic, Picking::dense, Picking::composition}) {
    const ExclusionRules rules(m, 0, picking);
    ExclusionKinetics run(rules);
    std::vector<double> sum(times.size()), sum2(times.size());
    for (std::uint64_t k = 0; k < trajectories; ++k) {
      FastStream random = Stream(5, k, "test/blocks").fast();
      run.start(random);
      for (std::size_t i = 0; i < times.size(); ++i) {
        run.advance(times[i], random);
        EXPECT_EQ(run.time(), times[i]);
        const double x = static_cast<double>(run.counts()[1]) / 4096;
        sum[i] += x, sum2[i] += x * x;
      }
    }
    std::vector<MeanCheck> checks;
    for (std::size_t i = 0; i < times.size(); ++i) {
      const double p = 1.0 / 3 + 2.0 / 3 * std::exp(-1.5 * times[i]);
      const double se = std::sqrt(p * (1 - p) / 4096 / trajectories);
      checks.push_back({p, sum[i] / trajectories, se, "mean at t = " + std::to_string(times[i])});
      const double variance = (sum2[i] - sum[i] * sum[i] / trajectories) / (trajectories - 1) * 4096;
      EXPECT_NEAR(variance / (p * (1 - p)), 1.0, 6.5 * std::sqrt(2.0 / trajectories)) << times[i];
    }
    EXPECT_TRUE(MeansMatch(checks, 0.004));
  }
}

// The time of the last death among N independent particles: P(T <= t) = (1 - e^-t)^N.
TEST(ExclusionKinetics, ExtinctionTimesHaveTheirLaw) {
  Model m;
  m.species = {"A"};
  m.box = {{200}};
  m.sites = {{1, 0, 1.0, "", ""}};
  m.initial = {.kind = Initial::Kind::full};
  const ExclusionRules list(m), dense(m, 0, Picking::dense);
  for (const ExclusionRules* rules : {&list, &dense}) {
    ExclusionKinetics run(*rules);
    std::vector<double> gone;
    for (std::uint64_t k = 0; k < 3000; ++k) {
      FastStream random = Stream(7, k, "test/gone").fast();
      run.start(random);
      run.advance(1e9, random, 1u << 1);
      EXPECT_EQ(run.time(), run.gone_at(1));
      gone.push_back(run.time());
    }
    EXPECT_TRUE(DistributionMatches(gone, [](double t) { return std::pow(1 - std::exp(-t), 200); }, 0.1));
  }
}

TEST(ExclusionKinetics, AFrozenLatticeIsNoticed) {
  Model m = contact_ring();
  m.box = {{64}};
  m.sites.clear();
  m.hop.clear();
  m.conserves.clear();
  const ExclusionRules rules(m, 0, Picking::dense);
  ExclusionKinetics run(rules);
  FastStream random = Stream(1, 0, "test/frozen").fast();
  run.start(random);
  run.advance(1e12, random);  // full of A: only A + 0 -> A + A is left, and there is no 0
  EXPECT_TRUE(run.absorbed());
  EXPECT_EQ(run.time(), 1e12);
}

TEST(ExclusionKinetics, BoxesAndModelsThatCannotBeRunAreRefused) {
  Model m = contact_ring();
  m.box = {{1}};
  EXPECT_THROW((void)ExclusionRules(m), ModelError);
  m = contact_ring();
  m.occupation = Occupation::bosonic;
  EXPECT_THROW((void)ExclusionRules(m), ModelError);
}

// ---- bosonic -------------------------------------------------------------------------------------------------------

Model branching() {
  Model m;
  m.species = {"A", "B"};
  m.box = {{3}};
  m.occupation = Occupation::bosonic;
  m.reactions = {{{1, 0}, {2, 0}, 0.6, "", ""}, {{1, 0}, {0, 0}, 0.5, "", ""}, {{2, 0}, {1, 1}, 0.4, "", ""}, {{0, 1}, {0, 0}, 1.0, "", ""}};
  m.hop = {0.7, 0.2};
  m.initial = {.kind = Initial::Kind::count, .density = {1, 0}};
  return m;
}

// Three sites, two species, numbers up to a cap that is all but never reached.
TEST(BosonicKinetics, BranchingAndCoalescenceHaveTheLawOfTheMasterEquation) {
  const Model m = branching();
  const double t = 0.25;  // what leaves the cap is below 1e-3 in all, far below the resolution
  const std::vector<std::int32_t> from{2, 0, 1, 1, 0, 0};
  constexpr int cap = 6;  // numbers 0..5 of each species on each site
  const std::size_t size = 46656;
  num::Generator g;
  g.leak.assign(size, 0.0);
  const auto index_of = [&](const std::array<int, 6>& n) {
    std::size_t c = 0;
    for (std::size_t i = 6; i-- > 0;) c = c * cap + static_cast<std::size_t>(n[i]);
    return c;
  };
  for (std::size_t c = 0; c < size; ++c) {
    std::array<int, 6> n;
    std::size_t rest = c;
    for (int& x : n) x = static_cast<int>(rest % cap), rest /= cap;
    const auto go = [&](std::array<int, 6> to, double rate) {
      if (rate <= 0) return;
      for (const int x : to)
        if (x >= cap) {
          g.leak[c] += rate;
          return;
        }
      g.target.push_back(static_cast<std::uint32_t>(index_of(to)));
      g.rate.push_back(rate);
    };
    for (std::size_t i = 0; i < 3; ++i) {
      const double a = n[2 * i], b = n[2 * i + 1];
      auto to = n;
      to[2 * i] += 1, go(to, 0.6 * a);
      to = n, to[2 * i] -= 1, go(to, 0.5 * a);
      to = n, to[2 * i] -= 1, to[2 * i + 1] += 1, go(to, 0.4 * a * (a - 1));
      to = n, to[2 * i + 1] -= 1, go(to, b);
      for (const std::size_t j : {(i + 1) % 3, (i + 2) % 3}) {
        to = n, to[2 * i] -= 1, to[2 * j] += 1, go(to, 0.7 * a);
        to = n, to[2 * i + 1] -= 1, to[2 * j + 1] += 1, go(to, 0.2 * b);
      }
    }
    g.start.push_back(g.target.size());
  }
  std::vector<double> p(size, 0.0);
  p[index_of({2, 0, 1, 1, 0, 0})] = 1;
  num::Uniformised(g).advance(p, t, 1e-12);
  double mass = 0;
  for (const double x : p) mass += x;
  ASSERT_GT(mass, 0.999);

  const BosonicRules rules(m);
  BosonicKinetics run(rules);
  std::map<std::size_t, double> seen;
  const std::uint64_t trajectories = 20000;
  for (std::uint64_t k = 0; k < trajectories; ++k) {
    FastStream random = Stream(3, k, "test/bosonic").fast();
    run.start(from);
    run.advance(0.3 * t, random);
    run.advance(t, random);
    std::array<int, 6> n;
    bool inside = true;
    for (std::size_t i = 0; i < 6; ++i) n[i] = run.at(i / 2, static_cast<State>(i % 2 + 1)), inside = inside && n[i] < cap;
    if (inside) seen[index_of(n)] += 1;
  }
  std::vector<MeanCheck> checks;
  for (std::size_t c = 0; c < size; ++c)
    if (p[c] * trajectories > 100) checks.push_back({p[c], seen[c] / trajectories, std::sqrt(p[c] * (1 - p[c]) / trajectories), "state " + std::to_string(c)});
  EXPECT_GT(checks.size(), 20u);
  EXPECT_TRUE(MeansMatch(checks, 0.04));
}

TEST(BosonicKinetics, ContactActsAtOnceAndKeepsWhatItConserves) {
  Model m;
  m.species = {"A", "B"};
  m.box = {{30, 30}};
  m.occupation = Occupation::bosonic;
  m.hop = {1, 1};
  m.contacts = {{1, 2, 0, "", ""}};
  m.initial = {.kind = Initial::Kind::poisson, .density = {0.8, 0.5}};
  m.conserves = {"A - B"};
  const BosonicRules rules(m);
  BosonicKinetics run(rules);
  FastStream random = Stream(2, 0, "test/contact").fast();
  run.start(random);
  const std::int64_t difference = run.counts()[1] - run.counts()[2];
  for (double t = 0; t <= 200; t += 20) {
    run.advance(t, random);
    EXPECT_EQ(run.counts()[1] - run.counts()[2], difference);
    std::int64_t a = 0;
    for (std::size_t i = 0; i < 900; ++i) {
      EXPECT_TRUE(run.at(i, 1) == 0 || run.at(i, 2) == 0) << "A and B on site " << i;
      a += run.at(i, 1);
    }
    EXPECT_EQ(a, run.counts()[1]);
  }
  EXPECT_GT(run.events(), 1000u);
}

}  // namespace
}  // namespace meso::lattice
