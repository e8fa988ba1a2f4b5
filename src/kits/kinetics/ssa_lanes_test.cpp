#include "kits/kinetics/ssa_lanes.h"

#include <gtest/gtest.h>
#include <hwy/targets.h>

#include <cmath>
#include <map>

#include "base/error.h"
#include "kits/kinetics/ssa_fixture.h"
#include "testing/statistics.h"

namespace meso::kinetics {
namespace {

using testing::schlogl;

FastStream stream(std::uint64_t k) { return Stream(7, k, "test/lanes").fast(); }

struct Seen {
  std::vector<std::vector<double>> states;  // by trajectory: the states at the times, one after the other
  std::vector<SsaResult> ends;
  bool operator==(const Seen& other) const {
    if (states != other.states || ends.size() != other.ends.size()) return false;
    for (std::size_t k = 0; k < ends.size(); ++k)
      if (ends[k].events != other.ends[k].events || ends[k].absorbed != other.ends[k].absorbed || ends[k].runaway != other.ends[k].runaway || ends[k].t != other.ends[k].t) return false;
    return true;
  }
};

Seen in_lanes(const Network& network, std::span<const double> times, std::uint64_t count, std::uint64_t first = 0, std::uint64_t max_events = Ssa::default_max_events) {
  Seen seen;
  seen.states.resize(count);
  seen.ends = SsaLanes(network).run_paths(times, count, [&](std::uint64_t k) { return stream(first + k); }, [&](std::uint64_t k, std::size_t i, std::span<const double> x) {
    EXPECT_EQ(seen.states[k].size(), i * x.size());
    seen.states[k].insert(seen.states[k].end(), x.begin(), x.end());
  }, max_events);
  return seen;
}
Seen one_by_one(const Network& network, std::span<const double> times, std::uint64_t count, std::uint64_t max_events = Ssa::default_max_events) {
  const Ssa ssa(network);
  Seen seen;
  seen.states.resize(count);
  for (std::uint64_t k = 0; k < count; ++k)
    seen.ends.push_back(ssa.run_path(times, network.initial, stream(k), [&](std::size_t, std::span<const double> x) { seen.states[k].insert(seen.states[k].end(), x.begin(), x.end()); }, max_events));
  return seen;
}

// Networks of every size of the scalar kernel; one of them dies out, one explodes.
std::map<std::string, Network> networks() {
  std::map<std::string, Network> all;
  all.emplace("schlogl", schlogl(20, 30));
  all.emplace("brusselator", NetworkSpec{.species = {"X", "Y"}, .reactions = {"2X + Y -> 3X, 0.9", "X -> Y, 3", "0 -> X, 1", "X -> 0, 1"}, .volume = 10}.bind({}));
  all.emplace("dying", NetworkSpec{.species = {"A"}, .reactions = {"A -> 2A, 0.8", "A -> 0, 1"}, .initial = {{"A", 20}}}.bind({}));
  all.emplace("enzyme", NetworkSpec{.species = {"E", "S", "C", "P"}, .reactions = {"E + S -> C, 0.01", "C -> E + S, 0.1", "C -> E + P, 0.1"}, .initial = {{"E", 20}, {"S", 60}}}.bind({}));
  all.emplace("pairs", NetworkSpec{.species = {"X", "Y"}, .reactions = {"0 -> X, 9", "2X -> Y, 0.05", "X + Y -> 0, 0.02", "0 -> Y, 4", "Y -> 2X, 0.7"}}.bind({}));
  NetworkSpec ring;
  for (int i = 0; i < 7; ++i) ring.species.push_back("S" + std::to_string(i));
  for (int i = 0; i < 7; ++i) ring.reactions.push_back(ring.species[static_cast<std::size_t>(i)] + " <-> " + ring.species[static_cast<std::size_t>((i + 1) % 7)] + ", 1; 0.5");
  ring.initial = {{"S0", 50}};
  all.emplace("ring", ring.bind({}));
  return all;
}

TEST(SsaLanes, HaveTheBitsOfTheScalarKernel) {
  const std::vector<double> times{0, 0.3, 1, 1, 2.5, 6};
  for (const auto& [name, network] : networks()) EXPECT_EQ(in_lanes(network, times, 101), one_by_one(network, times, 101)) << name;
}

TEST(SsaLanes, BitsDependOnNeitherTheRegistersNorTheCompany) {
  const std::vector<double> times{0.5, 4};
  NetworkSpec large;  // beyond the scalar kernel's dense tables
  for (int i = 0; i < 12; ++i) large.species.push_back("S" + std::to_string(i));
  for (int i = 0; i < 12; ++i) large.reactions.push_back(large.species[static_cast<std::size_t>(i)] + " <-> " + large.species[static_cast<std::size_t>((i + 1) % 12)] + ", 1; 0.5");
  large.reactions.push_back("S1 + S2 -> S3, 0.01");
  large.initial = {{"S0", 50}};
  std::map<std::string, Network> all = networks();
  all.emplace("large", large.bind({}));
  for (const auto& [name, network] : all) {
    const Seen whole = in_lanes(network, times, 77);
    for (const std::uint64_t k : {0, 1, 40, 76}) {
      const Seen alone = in_lanes(network, times, 1, k);
      EXPECT_EQ(alone.states[0], whole.states[k]) << name;
      EXPECT_EQ(alone.ends[0].events, whole.ends[k].events) << name;
    }
    const std::int64_t supported = hwy::SupportedTargets();
    for (std::int64_t rest = supported; rest != 0; rest &= rest - 1) {
      hwy::SetSupportedTargetsForTest(rest & -rest);
      hwy::GetChosenTarget().DeInit();
      EXPECT_EQ(in_lanes(network, times, 77), whole) << name << " with " << lanes::registers();
    }
    hwy::SetSupportedTargetsForTest(0);
    hwy::GetChosenTarget().DeInit();
  }
}

TEST(SsaLanes, StopWhereTheScalarKernelStops) {
  const NetworkSpec birth{.species = {"A"}, .reactions = {"2A -> 3A, 1"}, .initial = {{"A", 5}}};
  const std::vector<double> times{0.01, 10};
  const Network network = birth.bind({});
  for (const std::uint64_t most : {1000UL, 65536UL, 70000UL}) EXPECT_EQ(in_lanes(network, times, 50, 0, most), one_by_one(network, times, 50, most)) << most;
  const Seen whole = in_lanes(network, times, 8);  // explodes: stopped at its own pace
  EXPECT_EQ(whole, one_by_one(network, times, 8));
  EXPECT_TRUE(whole.ends[0].runaway);
}

// Hill and Michaelis-Menten laws, functions, conditions and powers, beside mass action.
Network laws() {
  return NetworkSpec{.species = {"A", "B", "R"},
                     .reactions = {"0 -> A, = 40/(1 + (R/12)^2) + 0.5*exp(-B/20)", "A -> B, = 3*A/(5 + A)", "B -> 0, = 0.2*B*sqrt(1 + A/50)", "0 -> R, = if(lt(A, 10), 4, 1) + max(0, min(2, B - 5))",
                                   "R -> 0, 0.3", "A + R -> A, 0.002", "B -> A, = 0.05*B*log(1 + R)^1.5", "2A + B -> 2B, = 1e-4*A*(A - 1)*B*abs(sin(A))"},
                     .initial = {{"A", 5}, {"B", 2}, {"R", 3}}}
      .bind({});
}

TEST(SsaLanes, RateLawsHaveTheBitsOfTheScalarDirectMethodOnEveryTarget) {
  const Network network = laws();
  const std::vector<double> times{0, 0.5, 2, 9};
  const Ssa ssa(network, SsaMethod::direct);
  Seen scalar;
  scalar.states.resize(70);
  std::uint64_t events = 0;
  for (std::uint64_t k = 0; k < 70; ++k) {
    scalar.ends.push_back(ssa.run_path(times, network.initial, stream(k), [&](std::size_t, std::span<const double> x) { scalar.states[k].insert(scalar.states[k].end(), x.begin(), x.end()); }));
    events += scalar.ends.back().events;
  }
  EXPECT_GT(events, 70 * 100u);
  const std::int64_t supported = hwy::SupportedTargets();
  for (std::int64_t rest = supported; rest != 0; rest &= rest - 1) {
    hwy::SetSupportedTargetsForTest(rest & -rest);
    hwy::GetChosenTarget().DeInit();
    EXPECT_EQ(in_lanes(network, times, 70), scalar) << lanes::registers();
  }
  hwy::SetSupportedTargetsForTest(0);
  hwy::GetChosenTarget().DeInit();
}

TEST(SsaLanes, ManyReactionsHaveTheBitsOfTheScalarDirectMethod) {
  NetworkSpec spec;  // 43 reactions: the two-stage search with an unfilled last block
  for (int i = 0; i < 20; ++i) spec.species.push_back("S" + std::to_string(i));
  for (int i = 0; i < 20; ++i) spec.reactions.push_back(spec.species[static_cast<std::size_t>(i)] + " <-> " + spec.species[static_cast<std::size_t>((i + 1) % 20)] + ", 1; 0.5");
  for (const char* more : {"S1 + S2 -> 0, 0.01", "2S3 -> 3S3, 0.02", "2S4 + S5 -> S6, 0.003"}) spec.reactions.push_back(more);
  spec.initial = {{"S0", 200}};
  const Network network = spec.bind({});
  const std::vector<double> times{0.5, 4};
  const Seen lanes = in_lanes(network, times, 50);
  const Ssa ssa(network, SsaMethod::direct);
  for (std::uint64_t k = 0; k < 50; ++k) {
    std::vector<double> states;
    const SsaResult end = ssa.run_path(times, network.initial, stream(k), [&](std::size_t, std::span<const double> x) { states.insert(states.end(), x.begin(), x.end()); });
    EXPECT_EQ(lanes.states[k], states);
    EXPECT_EQ(lanes.ends[k].events, end.events);
  }
}

TEST(SsaLanes, WindowsHaveTheBitsOfTheScalarKernel) {
  std::map<std::string, Network> all = networks();
  all.emplace("laws", laws());
  for (const auto& [name, network] : all) {
    const Ssa ssa(network, SsaMethod::direct);
    const auto last = static_cast<std::uint32_t>(network.species.size() - 1);
    const std::vector<lanes::Held> held{{.a = 0, .ca = 0, .power = 1}, {.a = last, .ca = 3, .power = 2}, {.a = last, .ca = 3, .power = 4}, {.a = 0, .b = last, .ca = 2, .cb = 5, .power = 0}};
    constexpr std::uint64_t count = 75;
    const double burn_in = 0.7, window = 2.5;
    std::vector<std::vector<double>> scalar(count), sums(count);
    std::vector<double> scalar_time(count, 0.0), time(count, 0.0);
    std::vector<SsaResult> scalar_end(count), end(count);
    std::vector<std::int64_t> other = network.initial;  // trajectories with odd number start elsewhere
    other[0] += 7;
    const auto start_of = [&](std::uint64_t k) -> std::span<const std::int64_t> { return k % 2 == 0 ? network.initial : other; };
    for (std::uint64_t k = 0; k < count; ++k) {
      scalar[k].assign(held.size(), 0.0);
      scalar_end[k] = ssa.run_window(burn_in, window, start_of(k), stream(k), [&](std::span<const double> x, double dt) {
        const double d0 = x[0], d1 = x[last] - 3;
        const double values[] = {d0, d1 * d1, d1 * d1 * d1 * d1, (x[0] - 2) * (x[last] - 5)};
        for (std::size_t i = 0; i < held.size(); ++i) scalar[k][i] += values[i] * dt;
        if (x[0] == 10) scalar_time[k] += dt;
      });
    }
    SsaLanes(network).run_windows(burn_in, window, held, count, stream, [&](std::uint64_t k, const SsaResult& result, std::span<const double> of) {
      end[k] = result;
      sums[k].assign(of.begin(), of.end());
    }, [&](std::uint64_t k, std::span<const double> x, double dt) {
      if (x[0] == 10) time[k] += dt;
    }, Ssa::default_max_events, start_of);
    EXPECT_EQ(sums, scalar) << name;
    EXPECT_EQ(time, scalar_time) << name;
    for (std::uint64_t k = 0; k < count; ++k) EXPECT_TRUE(end[k].events == scalar_end[k].events && end[k].absorbed == scalar_end[k].absorbed && end[k].t == scalar_end[k].t) << name << " " << k;
  }
}

TEST(SsaLanes, AgreeWithTheMasterEquationOfTheLongSchloeglRun) {
  // bench/networks/stochkit-schlogl at T = 10; exact values from its master equation on 1,200 states.
  const Network network = NetworkSpec{.species = {"S"}, .reactions = {"2S -> 3S, 0.03", "3S -> 2S, 0.0001", "0 -> S, 200", "S -> 0, 3.5"}, .initial = {{"S", 250}}, .combinatoric = true}.bind({});
  const double mean = 316.591680, variance = 238.069673 * 238.069673, below = 0.513294;
  double one = 0, two = 0, four = 0, low = 0;
  constexpr double n = 6000;
  SsaLanes(network).run_paths(std::vector<double>{10}, static_cast<std::uint64_t>(n), stream, [&](std::uint64_t, std::size_t, std::span<const double> x) {
    const double d = x[0] - mean;
    one += d;
    two += d * d;
    four += d * d * d * d;
    low += x[0] < 250 ? 1 : 0;
  });
  // |z| <= z_max with P(any false failure) <= 1e-9; a bias of 8 % of the mean, 15 % of the variance or 0.07 of the share would be seen.
  EXPECT_TRUE(MeansMatch({MeanCheck{mean, mean + one / n, std::sqrt(variance / n), "mean"}}, 26));
  EXPECT_TRUE(MeansMatch({MeanCheck{variance, two / n, std::sqrt((four / n - variance * variance) / n), "variance"}}, 0.15 * variance));
  EXPECT_TRUE(MeansMatch({MeanCheck{below, low / n, std::sqrt(below * (1 - below) / n), "P(S < 250)"}}, 0.07));
}

TEST(SsaLanes, AgreeWithOtherProgramsOnDecayingDimers) {
  // bench/networks/stochkit-dimer at T = 10: independent programs agree on means of 275, 365 and 678, each to 1.
  const Network network = NetworkSpec{.species = {"S1", "S2", "S3"}, .reactions = {"S1 -> 0, 1", "2S1 -> S2, 0.002", "S2 -> 2S1, 0.5", "S2 -> S3, 0.04"}, .initial = {{"S1", 10000}}, .combinatoric = true}.bind({});
  constexpr double n = 1000;
  double one[3] = {}, two[3] = {};
  SsaLanes(network).run_paths(std::vector<double>{10}, static_cast<std::uint64_t>(n), stream, [&](std::uint64_t, std::size_t, std::span<const double> x) {
    for (std::size_t s = 0; s < 3; ++s) {
      one[s] += x[s];
      two[s] += x[s] * x[s];
    }
  });
  const double published[] = {275, 365, 678};
  for (std::size_t s = 0; s < 3; ++s) {
    const double mean = one[s] / n, error = std::sqrt((two[s] / n - mean * mean) / n);
    EXPECT_LT(error, 1.5) << "must be able to see a difference of 3 %";
    EXPECT_NEAR(mean, published[s], 1 + 6.2 * error) << "S" << s + 1;
  }
}

TEST(SsaLanes, RefuseWhatTheyCannotHold) {
  const Network clock = NetworkSpec{.species = {"A"}, .reactions = {"0 -> A, = 1 + sin(t)"}}.bind({});
  EXPECT_FALSE(SsaLanes::fits(clock));
  EXPECT_THROW(SsaLanes{clock}, ModelError);
  EXPECT_FALSE(SsaLanes::fits(NetworkSpec{.species = {"A"}, .reactions = {"0 -> burst(3) A, 1"}}.bind({})));
}

TEST(SsaLanes, ALawThatBreaksIsNamedWithItsState) {
  const auto message_of = [](const Network& network) -> std::string {
    try {
      (void)in_lanes(network, std::vector<double>{1000}, 40);
    } catch (const ModelError& error) {
      return error.what();
    }
    return "nothing was thrown";
  };
  Network network = NetworkSpec{.species = {"X"}, .reactions = {"0 -> X, = 100000 - X", "0 -> X, 5"}}.bind({});
  network.reactions[0].law = Formula::parse("100 - X");
  EXPECT_NE(message_of(network).find("the propensity is -1 at X = 101"), std::string::npos) << message_of(network);
  Network decay = NetworkSpec{.species = {"X"}, .reactions = {"X -> 0, = X"}}.bind({{"X0", 10}});
  decay.reactions[0].law = Formula::parse("2");
  EXPECT_NE(message_of(decay).find("fired although X had too few molecules"), std::string::npos) << message_of(decay);
}

}  // namespace
}  // namespace meso::kinetics
