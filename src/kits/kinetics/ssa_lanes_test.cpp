#include "kits/kinetics/ssa_lanes.h"

#include <gtest/gtest.h>
#include <hwy/targets.h>

#include <cmath>
#include <map>

#include "base/error.h"
#include "kits/kinetics/ssa_fixture.h"

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

TEST(SsaLanes, RefuseWhatTheyCannotHold) {
  EXPECT_FALSE(SsaLanes::fits(NetworkSpec{.species = {"A"}, .reactions = {"A -> 0, = A/(1 + A)"}, .initial = {{"A", 5}}}.bind({})));
  EXPECT_THROW(SsaLanes(NetworkSpec{.species = {"A"}, .reactions = {"A -> 0, = A/(1 + A)"}, .initial = {{"A", 5}}}.bind({})), ModelError);
}

}  // namespace
}  // namespace meso::kinetics
